"""What this machine does a second: the constants of the cost model.

Shipped ones describe no machine exactly; they were measured on a two-core x86-64 server.  Without a
calibration they are adapted to what can be read cheaply: the sizes of caches, and which BLAS there is.
A calibration (`calibration_file`) replaces them.  Nothing is read before the first plan.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field, replace

from .records import dataclass
from .system_files import first_of

__all__ = ["EVERY", "HERE", "SHIPPED", "Machine", "RouteFit", "adapted", "blas_threads", "machine", "using"]


@dataclass(frozen=True, slots=True)
class RouteFit:
    """How what a route says it takes relates to what it took here.

    Attributes
    ----------
    overhead : float
        Seconds of each call that the route's own estimate leaves out.
    scale : float
        What the rest of its estimate is multiplied by.
    """

    overhead: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True, slots=True)
class Machine:
    """Constants of the cost model.

    Attributes
    ----------
    call : float
        Seconds of Python and dispatch behind one NumPy call made by a route.
    memory, shared, own : float
        Bytes a second that one core reads from memory, from the last-level cache, and from its own caches.
    more_bandwidth : float
        What each further core adds to the bytes a second that one alone gets.
    own_bytes, shared_bytes : int
        Bytes up to which operands are taken to be in the core's own caches, and in the last-level one.
    fresh : float
        Bytes a second of new memory that the system hands one core.
    fresh_bytes : int
        The size from which memory is new.
    gemm : float
        Multiply-adds a second of BLAS on one core, in double precision.
    gemm_half : float
        The number of rows, or of columns, with which it is half as fast; half the length of a sum.
    gemm_single, gemm_complex : float
        How many times as many there are in single precision; and of complex numbers of the same precision.
    more_gemm : float
        What each further thread adds to BLAS's speed on one.
    wake : float
        Seconds in which threads are woken.
    blas_threads : int
        Threads that BLAS may have, as the environment says.
    routes : mapping of str to RouteFit
        By name of the route; by `EVERY` that of all others.
    """

    call: float = 0.6e-6
    memory: float = 35e9
    shared: float = 70e9
    own: float = 150e9
    more_bandwidth: float = 0.75
    own_bytes: int = 1 << 20
    shared_bytes: int = 20 << 20
    fresh: float = 13e9
    fresh_bytes: int = 32 << 20
    gemm: float = 25e9
    gemm_half: float = 1.0
    gemm_single: float = 2.0
    gemm_complex: float = 0.25
    more_gemm: float = 1.0
    wake: float = 20e-6
    blas_threads: int = 1 << 16
    routes: Mapping[str, RouteFit] = field(default_factory=dict)


#: The name of the fit for routes that have none of their own.
EVERY = "*"
#: What ``reproducible=True`` uses, whatever was measured.
SHIPPED = Machine()
#: Variables that bound the threads of each BLAS, in the order in which it asks; the last of all is OpenMP's.
_BLAS_VARIABLES = {
    "openblas": ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"),
    "mkl": ("MKL_NUM_THREADS", "OMP_NUM_THREADS"),
    "blis": ("BLIS_NUM_THREADS", "OMP_NUM_THREADS"),
    "accelerate": ("VECLIB_MAXIMUM_THREADS",),
}
#: Multiply-adds a second of the plain loops that NumPy has without a BLAS.
_NO_BLAS = 1.5e9
_CACHES = "/sys/devices/system/cpu/cpu0/cache"


def blas_threads(blas: str, environ: Callable[[str], str | None] = os.environ.get) -> int:
    """Threads that a BLAS may have, as the environment says; a large number where it says nothing."""
    named = next((names for known, names in _BLAS_VARIABLES.items() if known in blas.lower()), ())
    for name in named:
        first = (environ(name) or "").partition(",")[0].strip()
        if first.isascii() and first.isdigit() and int(first):
            return int(first)
    return SHIPPED.blas_threads


def adapted(base: Machine, blas: str) -> Machine:
    """Constants for here, without measuring: sizes of caches, and which BLAS there is."""
    own, shared = _cache_size(2), _cache_size(3)
    changes: dict[str, float] = {}
    if own:
        changes["own_bytes"] = min(max(own, 1 << 18), 4 << 20)
    if shared:  # others use it too
        changes["shared_bytes"] = min(max(shared * 5 // 8, 4 << 20), 40 << 20)
    if blas == "none":
        changes["gemm"] = _NO_BLAS
    return replace(base, blas_threads=blas_threads(blas), **changes)  # type: ignore[arg-type]


def _cache_size(level: int) -> int:
    """Bytes of a cache of the first core; 0 where nobody tells."""
    for index in range(5):
        try:
            if first_of(f"{_CACHES}/index{index}/level").strip() != str(level):
                continue
            size = first_of(f"{_CACHES}/index{index}/size").strip()
        except OSError:
            return 0
        units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
        digits = size.rstrip("KMG")
        return int(digits) * units.get(size[len(digits) :], 1) if digits.isdigit() else 0
    return 0


class _Here:
    """The constants of the process: read when first asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.found: Machine | None = None
        #: The constants, and a warning of what stood in the way of others.
        self.read: Callable[[], tuple[Machine, str]] = lambda: (SHIPPED, "")

    def get(self) -> Machine:
        """The constants."""
        found, told = self.found, ""
        if found is None:
            with self._lock:
                if self.found is None:
                    self.found, told = self.read()
                found = self.found
        if told:  # they are kept by now: where warnings are errors, the next call has them
            warnings.warn(told, stacklevel=2)
        return found

    def put(self, found: Machine) -> None:
        """Use other constants from now on."""
        with self._lock:
            self.found = found

    def clear(self) -> None:
        """Read them again when they are asked for."""
        with self._lock:
            self.found = None

    def after_fork(self) -> None:
        """In a child: whoever held the lock in the parent is not here to let go of it."""
        self._lock = threading.Lock()


HERE = _Here()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=HERE.after_fork)
_using: ContextVar[Machine | None] = ContextVar("einroute_machine", default=None)


def machine() -> Machine:
    """The constants in force: the context's, else the process's."""
    return _using.get() or HERE.found or HERE.get()


@contextmanager
def using(constants: Machine | None) -> Iterator[None]:
    """Estimate by other constants in this block; None: by those that are in force anyway."""
    if constants is None:
        yield
        return
    token = _using.set(constants)
    try:
        yield
    finally:
        _using.reset(token)
