"""Findings in files: merged with what is there, replaced whole, believed only for this machine.

Whatever a file holds, a plan's name is all that is taken from it, and a plan of that name is made anew: the
worst that a wrong file can do is to choose a slow one.
"""

from __future__ import annotations

import atexit
import errno
import math
import os
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from .._base.host import fingerprint
from .._base.user_files import below_home, read_json, refuse_special, write_json
from .._config.state import drop_plans
from .findings import FINDINGS, Finding

__all__ = ["forget", "keep_in", "load", "save"]

_FORMAT, _VERSION = "einroute wisdom", 1
#: Findings of a machine, machines of a file, plans of a finding, and letters of a text that are read.
_MOST, _MACHINES, _PLANS, _LONGEST = 4096, 64, 64, 20_000
#: Letters that are written, of all machines and of one: with indentation less than `read_json` reads.
_ALL_LETTERS, _LETTERS = 8 << 20, 4 << 20
#: Seconds between writings of the file that the environment names, and that another process is waited for.
_EVERY, _PATIENCE = 10.0, 2.0


def _here() -> str:
    """The machine and the versions that findings hold for, in words."""
    return "; ".join(f"{name} {value}" for name, value in fingerprint().items())


def save(path: str | os.PathLike[str]) -> None:
    """Write what trials of this process found, and what was loaded, into a file.

    What the file holds of other calls and other machines stays, but for the oldest where that is too much; it
    is replaced whole, so that other processes may read and write it at the same time.

    Parameters
    ----------
    path : path-like
        Its folder is made if it is not there.

    Raises
    ------
    OSError
        It cannot be written, or is a link, a folder, a device, a pipe or a socket; then it is as it was.

    Warns
    -----
    UserWarning
        What was there is no wisdom of einroute's; it is replaced.
    """
    file = Path(path)
    _refuse_other(file)
    with _locked(file):
        try:
            machines = _machines(file)
        except ValueError as error:
            warnings.warn(f"{file} is replaced: {error}", stacklevel=2)
            machines = {}
        own = machines.pop(_here(), {})
        for facts, found in FINDINGS.known.items():
            if found.took and max(map(len, (facts, found.chosen, *found.took))) <= _LONGEST:
                own.pop(facts, None)  # so that it comes last
                own[facts] = {"chosen": found.chosen, "took": dict(found.took)}
        machines[_here()] = _latest(own, _MOST, _LETTERS)
        kept = _latest(machines, _MACHINES, _ALL_LETTERS)
        write_json(file, {"format": _FORMAT, "version": _VERSION, "machines": kept})


def _refuse_other(file: Path) -> None:
    """Refuse what is no regular file; also links, as /dev/stdout is one.

    Raises
    ------
    OSError
        It is one of those.
    """
    if not file.name or file.is_dir():
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(file))
    if file.is_symlink():
        raise OSError(errno.ELOOP, "it is a symbolic link", str(file))
    refuse_special(file)


def _latest(found: dict[str, Any], most: int, letters: int) -> dict[str, Any]:
    """Those that were written last, as many as there is room for."""
    kept: list[tuple[str, Any]] = []
    for item in reversed(found.items()):
        letters -= len(ascii(item))
        if len(kept) == most or letters < 0:
            break
        kept.append(item)
    return dict(reversed(kept))


def load(path: str | os.PathLike[str]) -> int:
    """Let what a file holds decide about calls to come.

    Its plans may sum in another order than those that would be chosen otherwise, unless the option ``tune``
    is "never". Bound plans are dropped.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    int
        How many calls are known from it.

    Raises
    ------
    FileNotFoundError
        There is no such file.

    Warns
    -----
    UserWarning
        It cannot be read, is no wisdom of einroute's, or tells nothing of this machine; then it is ignored.
    """
    file = Path(path)
    try:
        file.lstat()
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"there is no file {file}; er.wisdom.save(path) writes one") from None
    except OSError:
        pass  # told of below
    try:
        own = _machines(file).get(_here())
    except (OSError, ValueError) as error:
        warnings.warn(f"{file} is ignored: {error}", stacklevel=2)
        return 0
    if own is None:
        warnings.warn(f"{file} is ignored: it tells nothing of this machine ({_here()})", stacklevel=2)
        return 0
    FINDINGS.update(_findings(own, str(file)))
    drop_plans()
    return len(own)


def forget() -> None:
    """Forget what trials found and what was loaded; files are left as they are. Bound plans are dropped."""
    FINDINGS.clear()
    drop_plans()


def _machines(file: Path) -> dict[str, dict[str, Any]]:
    """Findings by machine, looked at with care.

    Raises
    ------
    ValueError
        It is not what `save` writes.
    OSError
        It cannot be read.
    """
    content = read_json(file)
    if content is None:
        return {}
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError("it is no wisdom of einroute's")
    if content.get("version") != _VERSION:
        raise ValueError(f"its format is {str(content.get('version'))[:20]}, and {_VERSION} is known")
    machines = content.get("machines")
    if not isinstance(machines, dict) or len(machines) > _MACHINES:
        raise ValueError(f"machines must be an object of at most {_MACHINES}")
    for name, own in machines.items():
        if not isinstance(own, dict) or len(own) > _MOST or len(name) > _LONGEST:
            raise ValueError(f"a machine must be an object of at most {_MOST} findings")
        for facts, found in own.items():
            _look_at(facts, found)
    return machines


def _look_at(facts: str, found: Any) -> None:
    """Refuse what is no finding."""
    known = isinstance(found, dict) and isinstance(found.get("chosen"), str)
    took = found.get("took") if known else None
    if not known or not isinstance(took, dict) or len(took) > _PLANS:
        raise ValueError(f"a finding must have a chosen plan, and what each of at most {_PLANS} took")
    if max(map(len, (facts, found["chosen"], *took))) > _LONGEST:
        raise ValueError(f"facts and names must have at most {_LONGEST} letters")
    for seconds in took.values():
        if type(seconds) not in (int, float) or not 0 <= seconds <= 1e9 or not math.isfinite(seconds):
            raise ValueError("what a plan took must be a number of seconds")


def _findings(own: Mapping[str, Any], source: str) -> dict[str, Finding]:
    return {
        facts: Finding(found["chosen"], {k: float(v) for k, v in found["took"].items()}, False, source)
        for facts, found in own.items()
    }


@contextmanager
def _locked(file: Path) -> Iterator[None]:
    """Hold other processes off, as far as the system has locks; who waits too long goes on without."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        yield
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
    try:
        handle = os.open(file.with_name(f".{file.name}.lock"), flags, 0o600)
    except OSError:  # another user's, or the file cannot be written, either
        yield
        return
    try:
        ends = monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if monotonic() > ends:
                    break
                sleep(0.01)
            except OSError:  # a file system without locks
                break
        yield
    finally:
        os.close(handle)


class _Kept:
    """The file that ``EINROUTE_WISDOM`` names: read before the first plan, written from time to time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.Lock()
        self.written = -math.inf

    def begin(self) -> None:
        """Read it, if it is there, and write it at exit."""
        FINDINGS.settled = self.settled
        atexit.register(self.write)
        with suppress(FileNotFoundError):
            load(self.path)

    def settled(self) -> None:
        """Write it, unless that was done just now: children may never exit cleanly."""
        if monotonic() - self.written >= _EVERY:
            self.write()

    def write(self) -> None:
        """Write it; a file that cannot be written is warned of once."""
        if not any(found.took for found in FINDINGS.known.values()):
            return
        with self.lock:
            self.written = monotonic()
            try:
                save(self.path)
            except OSError as error:
                FINDINGS.settled = None
                with suppress(ValueError):  # an atexit that is not registered
                    atexit.unregister(self.write)
                warnings.warn(
                    f"EINROUTE_WISDOM={self.path} cannot be written: {error.strerror}", stacklevel=2
                )

    def after_fork(self) -> None:
        """In a child: whoever held the lock in the parent is not here to let go of it."""
        self.lock = threading.Lock()


def keep_in(path: str) -> None:
    """Read the file that the environment names before the first plan, and write it from time to time."""
    kept = _Kept(Path(below_home(path)))
    FINDINGS.begin = kept.begin
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=kept.after_fork)
