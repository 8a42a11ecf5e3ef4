"""The factor cache: bounded in bytes, shared by all threads, one factorization at a time for one matrix.

An entry is found by the fingerprint of the matrix that was factored, and is put under the fingerprint of the
very bytes that were factored (a private copy): a matrix that another thread changes in the middle of a call
may spoil that call's answer, never a later one.

What was only seen, and not yet factored, is remembered too, a hundred bytes for each: preparation is earned,
as in the ski-rental problem (Karlin, Manasse, Rudolph and Sleator, Algorithmica 3, 1988).
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from itertools import islice
from time import perf_counter
from typing import Any, Protocol
from weakref import WeakValueDictionary

from .._base.environment import one_of, read, whole
from .._base.log import debug

#: Matrices that are remembered as seen: the latest ones, twice as many at the most.
SEEN = 8192
#: Bytes that an entry takes besides its arrays' contents: its key, the array objects, the dictionary.
OVERHEAD = 1024
#: The sight at which a factorization is due at the latest.
LATEST = 3
#: The part of the machine's memory that factors take by default.
SHARE = 16
#: When a matrix is factored: `FactorCache.prepare`.
PREPARE = ("auto", "now", "never")


class Factors(Protocol):
    """What is kept of a matrix: immutable, so that any number of threads may use it at once."""

    @property
    def nbytes(self) -> int: ...


Sight = tuple[int, int]
"""How often a matrix was seen, and the elements of all right-hand sides that came with it."""

NEW: Sight = (0, 0)
#: Of a matrix that has no factors worth keeping.
REFUSED: Sight = (-1, -1)
#: Of one whose factors are kept.
KEPT: Sight = (-2, -2)


class _Outcome:
    """What comes of a factorization under way, for those who wait for it.

    A lock says that it has ended, and not an Event: releasing it cannot be interrupted half-way.
    """

    __slots__ = ("factors", "owner", "under_way")

    def __init__(self) -> None:
        self.owner = threading.get_ident()
        self.factors: Any = None
        self.under_way = threading.Lock()
        self.under_way.acquire()

    def wait(self) -> Any:
        """The factors, or None, once the factorization has ended."""
        self.under_way.acquire()
        self.end()
        return self.factors

    def end(self) -> None:
        """Let everybody go on; again does no harm."""
        try:  # noqa: SIM105 - an interrupt inside of suppress() would come too early
            self.under_way.release()
        except RuntimeError:  # it had ended, and nobody waits
            pass


class _Flight:
    """A factorization under way; only the call that makes it holds it.

    So it is gone when that call is, even if an interrupt came while it was tidying up, and nobody waits for
    it for ever.
    """

    __slots__ = ("__weakref__", "outcome")

    def __init__(self) -> None:
        self.outcome = _Outcome()

    def __del__(self) -> None:
        if hasattr(self, "outcome"):  # not if it was interrupted on its way
            self.outcome.end()


def _size(factors: Factors) -> int:
    """Bytes of an entry, with those of the objects around its arrays."""
    return factors.nbytes + OVERHEAD


def default_bytes() -> int:
    """``EINROUTE_CACHE_BYTES``, else a sixteenth of the machine's memory, else 256 MiB."""
    given = read("EINROUTE_CACHE_BYTES", whole, "a number of bytes")
    if given is not None:
        return given
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // SHARE
    except (AttributeError, ValueError, OSError):  # not on Windows
        return 1 << 28


def default_prepare() -> str:
    """``EINROUTE_PREPARE`` where it is a valid value, else "auto"."""
    return read("EINROUTE_PREPARE", one_of(*PREPARE), f"one of {', '.join(PREPARE)}") or "auto"


def _counted_by(key: tuple[Any, ...]) -> Hashable:
    """What sights are counted by: the digest that a key begins with, else the key.

    A digest alone is made and found in a fifth of the time that a key takes.  Two matrices of the same bytes
    and of other shapes or dtypes are counted together.
    """
    first: Hashable = key[0]
    return first if type(first) is bytes else key


class FactorCache:
    """Factors by fingerprint, least recently used out first.

    Attributes
    ----------
    limit : int
        Bytes that the factors may take; at 0 nothing is kept.
    prepare : str
        "auto": factor once repeated work has paid for it; "now": at first sight; "never".
    """

    def __init__(self, limit: int | None = None, prepare: str | None = None) -> None:
        self.limit = default_bytes() if limit is None else limit
        self.prepare = default_prepare() if prepare is None else prepare
        # Reentrant: a signal's handler may call lstsq while this thread holds it.
        self._lock = threading.RLock()
        self._kept: OrderedDict[tuple[Any, ...], Factors] = OrderedDict()
        # The latest ones, and those of the matrices whose factors are kept.
        self._seen: dict[Hashable, Sight] = {}
        self._flights: WeakValueDictionary[Hashable, _Flight] = WeakValueDictionary()
        self._bytes = self._hits = self._misses = self._made = self._evicted = 0

    def find(self, key: tuple[Any, ...]) -> Factors | None:
        """The factors kept under ``key``, which are then the most recently used, or None."""
        with self._lock:
            factors = self._kept.get(key)
            if factors is not None:
                self._kept.move_to_end(key)
                self._hits += 1
            return factors

    def is_new(self, digest: bytes, elements: int) -> bool:
        """Whether a matrix of this digest was never met; then it is noted.

        This is all that a matrix costs that is never seen again.  No lock: the dictionary takes care of
        itself, and of two threads at once the worst is a sight, or a miss, that is not counted.
        """
        sight = 1, elements
        if self._seen.setdefault(digest, sight) is not sight:
            return False
        self._misses += 1
        if len(self._seen) > 2 * SEEN:
            self._forget()
        return True

    def _forget(self) -> None:
        """Go on with the latest sights, and those of the matrices whose factors are kept."""
        with self._lock:
            if len(self._seen) <= 2 * SEEN + len(self._kept):
                return
            seen = self._seen.copy()  # others may be noting more
            kept = {one: KEPT for one in map(_counted_by, self._kept) if seen.get(one) is KEPT}
            self._seen = dict(islice(seen.items(), len(seen) - SEEN, None)) | kept

    def meet(self, key: tuple[Any, ...], elements: int) -> Factors | Sight:
        """The factors kept under ``key``, or what had been seen of it before this call, which is noted.

        Parameters
        ----------
        key : tuple
        elements : int
            Of the right-hand sides of this call.
        """
        counted = _counted_by(key)
        with self._lock:
            factors = self._kept.get(key)
            if factors is not None:
                self._kept.move_to_end(key)
                self._hits += 1
                return factors
            self._misses += 1
            sight = self._seen.get(counted, NEW)
            if sight is KEPT:  # of a matrix of the same bytes
                sight = NEW
            if sight is not REFUSED:
                self._seen[counted] = sight[0] + 1, sight[1] + elements
            if len(self._seen) > 2 * SEEN:
                self._forget()
            return sight

    def peek(self, key: tuple[Any, ...]) -> Factors | Sight:
        """As `meet`, but changes nothing."""
        counted = _counted_by(key)
        with self._lock:
            sight = self._seen.get(counted, NEW)
            return self._kept.get(key) or (NEW if sight is KEPT else sight)

    def miss(self) -> None:
        """Count a matrix that is not kept, and whose factors are made at its first sight."""
        with self._lock:
            self._misses += 1

    def obtain(
        self, key: tuple[Any, ...], make: Callable[[], tuple[tuple[Any, ...], Factors | None]]
    ) -> Factors | None:
        """Factors made by the first thread that asks; the others wait for it and share them.

        Parameters
        ----------
        key : tuple
        make : callable
            Returns the fingerprint of what was factored and the factors, or None where there are none to be
            had; then the matrix is not tried again.

        Returns
        -------
        Factors or None
            None for those who waited for one that failed, or for a matrix that changed meanwhile.

        Raises
        ------
        BaseException
            What ``make`` raised, to its own caller; nothing is kept.
        """
        flight = _Flight()
        try:
            with self._lock:
                kept = self._kept.get(key)
                if kept is not None:
                    return kept
                ahead = self._flights.setdefault(key, flight)
            if ahead is not flight:
                outcome = ahead.outcome
                del ahead  # the flight is not ours to keep alive
                if outcome.owner == threading.get_ident():  # a signal's handler, in the middle of this call
                    return None
                return outcome.wait()  # type: ignore[no-any-return]  # what make() returned
            begun = perf_counter()
            true_key, factors = make()
            if factors is not None:
                self._keep(true_key, factors)
                size, seconds = _size(factors), perf_counter() - begun
                debug("%s of %d bytes made to be kept, in %.3g s", type(factors).__name__, size, seconds)
                if true_key == key:
                    flight.outcome.factors = factors
            else:
                self._refuse(true_key)
            return factors
        finally:
            with self._lock:
                if self._flights.get(key) is flight:
                    del self._flights[key]
            flight.outcome.end()

    def _keep(self, key: tuple[Any, ...], factors: Factors) -> None:
        size, counted = _size(factors), _counted_by(key)
        with self._lock:
            self._made += 1
            self._seen.pop(counted, None)
            if size > self.limit or key in self._kept:
                return
            # Counted before it is there: an interrupt in between makes the cache seem fuller, never emptier.
            self._bytes += size
            self._kept[key] = factors
            self._seen[counted] = KEPT
            self._shrink()

    def _refuse(self, key: tuple[Any, ...]) -> None:
        """Remember that ``key`` has no factors worth keeping."""
        with self._lock:
            self._seen[_counted_by(key)] = REFUSED

    def _shrink(self) -> None:
        while self._bytes > self.limit and self._kept:
            key, old = self._kept.popitem(last=False)
            counted = _counted_by(key)
            if self._seen.get(counted) is KEPT:
                del self._seen[counted]
            self._bytes -= _size(old)
            self._evicted += 1
        if not self._kept:
            self._bytes = 0

    def resize(self, limit: int) -> None:
        """Set the bytes that may be taken; what no longer fits goes."""
        with self._lock:
            self.limit = limit
            self._shrink()

    def clear(self) -> None:
        """Drop all factors, all that was seen, and the counts. A factorization under way is still kept."""
        with self._lock:
            self._kept.clear()
            self._seen = {}
            self._bytes = self._hits = self._misses = self._made = self._evicted = 0

    def info(self) -> dict[str, int]:
        """Counts since the last `clear`, and what is held now."""
        with self._lock:
            return {
                "factorizations": len(self._kept),
                "bytes": self._bytes,
                "max_bytes": self.limit,
                # Sights are counted without the lock: the list is made at once.
                "seen": sum(sight is not KEPT for sight in list(self._seen.values())),
                "hits": self._hits,
                "misses": self._misses,
                "made": self._made,
                "evicted": self._evicted,
            }

    def before_fork(self) -> None:
        """No thread is in the middle of a change when the process is copied."""
        self._lock.acquire()

    def after_fork(self) -> None:
        """In the parent: go on."""
        self._lock.release()

    def after_fork_in_child(self) -> None:
        """In the child: factors stay good; those who were making others are gone."""
        self._lock = threading.RLock()
        self._flights = WeakValueDictionary()


FACTORS = FactorCache()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=FACTORS.before_fork,
        after_in_parent=FACTORS.after_fork,
        after_in_child=FACTORS.after_fork_in_child,
    )
