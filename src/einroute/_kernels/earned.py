"""When a kernel is compiled: once the work seen would have paid for it, as in the ski-rental problem.

Importing numba takes most of a second and compiling a kernel up to two more, so a kernel is made when as
much time was spent without it (Karlin, Manasse, Rudolph and Sleator, Algorithmica 3, 1988), by the call that
passes that mark.  Compiled code is kept on disk by numba, where it finds a folder that it may write; a kernel
that was kept is due much earlier.  Nothing here imports numba before a kernel is due; without it
the other routes do the work.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib import util
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from .._base.log import info
from .._base.records import dataclass

if TYPE_CHECKING:
    from pathlib import Path

Kernel = Callable[..., None]

#: Seconds that importing numba takes, that compiling a kernel takes, and that loading a compiled one takes.
IMPORT, COMPILE, LOAD = 0.8, 2.0, 0.05


@dataclass(frozen=True, slots=True)
class FormSignature:
    """A kernel for quadratic forms of differences.

    Attributes
    ----------
    features : int
    whole : bool
        Whether the matrix is more than its diagonal.
    dtype : {"f4", "f8"}
    """

    features: int
    whole: bool
    dtype: str

    @property
    def name(self) -> str:
        return f"form{self.features}-{'whole' if self.whole else 'diagonal'}-{self.dtype}"

    @property
    def file(self) -> str:
        """The file beside this one that it is compiled from."""
        return "forms.py"

    def parts(self) -> tuple[Kernel, tuple[Any, ...]]:
        """The function to compile, and the types of its arguments."""
        from . import forms  # noqa: PLC0415 - it imports numba

        return forms.source(self.features, self.whole), forms.arguments(np.dtype(self.dtype))


class Kernels:
    """The compiled kernels and the work seen without them; shared by all threads.

    Attributes
    ----------
    prepare : callable
        Gives the setting: "earned", "now" (compile at first use) or "never" (use what is compiled, no more).
    make : callable
        ``FormSignature -> Kernel``, compiles.
    missing : callable
        Gives what is missing to compile with; empty if nothing is.
    """

    def __init__(
        self,
        prepare: Callable[[], str] | None = None,
        make: Callable[[Any], Kernel] | None = None,
        missing: Callable[[], str] = lambda: "",
    ) -> None:
        self.prepare = prepare or (lambda: "earned")  # the process's setting takes its place in _config
        self.make = make or compiled
        self.missing = missing
        self._lock = threading.Lock()
        self._ready: dict[FormSignature, Kernel] = {}
        self._spent: dict[FormSignature, float] = {}
        self._failed: dict[FormSignature, str] = {}
        self._making = False

    def get(self, signature: FormSignature, seconds: float) -> Kernel | str:
        """The kernel, or why there is none; the call is then counted, and may be the one that compiles it.

        Parameters
        ----------
        signature : FormSignature
        seconds : float
            What this call will take without the kernel, about.
        """
        kernel = self._ready.get(signature)
        if kernel is not None:
            return kernel
        if not (signature in self._spent or signature in self._failed) and (missing := self.missing()):
            return self._fails(signature, f"not prepared: {missing}")
        setting = self.prepare()
        with self._lock:
            if signature in self._failed:
                return self._failed[signature]
            if setting == "never":
                return "not prepared, and prepare='never'"
            # What this call is about to take does not count yet: it can't be saved by having waited.
            spent = self._spent.get(signature, 0.0)
            due = cost(signature)
            if setting != "now" and spent < due:
                self._spent[signature] = spent + seconds
                return f"not prepared: {spent:.2g} s of such work seen, compiling takes {due:.2g} s"
            if self._making and setting != "now":
                return "not prepared: another thread is compiling"
            self._making = True
        try:
            return self.compile(signature)
        except Exception as error:  # noqa: BLE001 - without numba, or where it fails, the other routes do the work
            return self._fails(signature, f"not prepared: compiling failed ({type(error).__name__})")
        finally:
            with self._lock:
                self._making = False

    def _fails(self, signature: FormSignature, reason: str) -> str:
        """Remember, and tell, why there will be no such kernel."""
        with self._lock:
            self._failed[signature] = reason
        info("kernel %s is %s", signature.name, reason)
        return reason

    def compile(self, signature: FormSignature) -> Kernel:
        """Compile the kernel now, or load it from disk.

        Raises
        ------
        Exception
            Whatever numba raises; ImportError where there is no numba.
        """
        kernel = self._ready.get(signature)
        if kernel is None:
            begun = perf_counter()
            kernel = self.make(signature)
            info("kernel %s compiled, or loaded from disk, in %.2f s", signature.name, perf_counter() - begun)
            with self._lock:
                kernel = self._ready.setdefault(signature, kernel)
                self._failed.pop(signature, None)
        return kernel

    def info(self) -> dict[str, int]:
        """How many ``kernels`` are ready."""
        with self._lock:
            return {"kernels": len(self._ready)}

    def clear(self) -> None:
        """Forget the work seen and what failed, and let go of the kernels."""
        with self._lock:
            self._ready.clear()
            self._spent.clear()
            self._failed.clear()

    def after_fork(self) -> None:
        """In a child: whoever held the lock or was compiling is gone."""
        self._lock = threading.Lock()
        self._making = False


def without_numba() -> str:
    """What is missing to compile with, found without importing it; empty if nothing is."""
    return "" if util.find_spec("numba") else "numba is not installed"


def cost(signature: FormSignature) -> float:
    """Seconds until the kernel would be there, about."""
    imported = 0.0 if "numba" in sys.modules else IMPORT
    return imported + (LOAD if any(path.exists() for path in _marks(signature)) else COMPILE)


def compiled(signature: FormSignature) -> Kernel:
    """The kernel, compiled or from disk.

    Where numba can't write its cache the kernel is compiled for this process alone.
    """
    from numba import njit  # noqa: PLC0415 - only where a kernel is due

    source, arguments = signature.parts()

    def made(cache: bool) -> Any:
        dispatcher = njit(nogil=True, cache=cache)(source)
        dispatcher.compile(arguments)
        dispatcher.disable_compile()
        return dispatcher

    try:
        kernel = made(cache=True)
    except (OSError, RuntimeError):  # no folder, a full disk, a broken file
        return made(cache=False)  # type: ignore[no-any-return]
    for path in _marks(signature)[:1]:
        with suppress(OSError):
            path.touch()
    return kernel  # type: ignore[no-any-return]


def _marks(signature: FormSignature) -> list[Path]:
    """The empty file that tells that numba has kept the kernel: finding out by numba takes half a second.

    A mark that lies costs one compilation before its time.
    """
    from pathlib import Path  # noqa: PLC0415 - takes 3 ms to load, which import einroute need not

    source = Path(__file__).with_name(signature.file)
    folder = os.environ.get("NUMBA_CACHE_DIR")
    kept = Path(folder) if folder else source.parent / "__pycache__"
    try:
        stamp = source.stat().st_mtime_ns
    except OSError:  # imported from an archive
        return []
    return [kept / f"einroute-{signature.name}-{stamp}.{sys.implementation.cache_tag}.kept"]


#: The process's kernels.
KERNELS = Kernels(missing=without_numba)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=KERNELS.after_fork)
