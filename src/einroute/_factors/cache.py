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
        self._kept: OrderedDict[Hashable, Factors] = OrderedDict()
        # Two generations: when the young one is full it takes the place of the old one, which goes.
        self._seen: dict[Hashable, Sight] = {}
        self._seen_before: dict[Hashable, Sight] = {}
        self._flights: WeakValueDictionary[Hashable, _Flight] = WeakValueDictionary()
        self._bytes = self._hits = self._misses = self._made = self._evicted = 0

    def find(self, key: Hashable) -> Factors | None:
        """The factors kept under ``key``, which are then the most recently used, or None."""
        with self._lock:
            factors = self._kept.get(key)
            if factors is not None:
                self._kept.move_to_end(key)
                self._hits += 1
            return factors

    def meet(self, key: Hashable, elements: int) -> Factors | Sight:
        """The factors kept under ``key``, or what had been seen of it before this call, which is noted.

        Parameters
        ----------
        key : hashable
        elements : int
            Of the right-hand sides of this call.
        """
        sight = self._seen.get(key) or self._seen_before.get(key)
        if sight is None and key not in self._kept:
            # No lock: this is all that a matrix costs that is never seen again. Each dictionary takes care of
            # itself, and of two threads at once the worst is a sight, or a miss, that is not counted.
            self._misses += 1
            self._seen[key] = 1, elements
            if len(self._seen) > SEEN:
                self._seen_before, self._seen = self._seen, {}
            return NEW
        with self._lock:
            factors = self._kept.get(key)
            if factors is not None:
                self._kept.move_to_end(key)
                self._hits += 1
                return factors
            self._misses += 1
            sight = sight or NEW
            self._seen[key] = sight if sight is REFUSED else (sight[0] + 1, sight[1] + elements)
            return sight

    def peek(self, key: Hashable) -> Factors | Sight:
        """As `meet`, but changes nothing."""
        with self._lock:
            return self._kept.get(key) or self._seen.get(key) or self._seen_before.get(key) or NEW

    def miss(self) -> None:
        """Count a matrix that is not kept, and whose factors are made at its first sight."""
        with self._lock:
            self._misses += 1

    def obtain(self, key: Hashable, make: Callable[[], tuple[Hashable, Factors | None]]) -> Factors | None:
        """Factors made by the first thread that asks; the others wait for it and share them.

        Parameters
        ----------
        key : hashable
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

    def _keep(self, key: Hashable, factors: Factors) -> None:
        size = _size(factors)
        with self._lock:
            self._made += 1
            self._seen.pop(key, None)
            self._seen_before.pop(key, None)
            if size > self.limit or key in self._kept:
                return
            # Counted before it is there: an interrupt in between makes the cache seem fuller, never emptier.
            self._bytes += size
            self._kept[key] = factors
            self._shrink()

    def _refuse(self, key: Hashable) -> None:
        """Remember that ``key`` has no factors worth keeping."""
        with self._lock:
            self._seen[key] = REFUSED

    def _shrink(self) -> None:
        while self._bytes > self.limit and self._kept:
            _, old = self._kept.popitem(last=False)
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
            self._seen_before = {}
            self._bytes = self._hits = self._misses = self._made = self._evicted = 0

    def info(self) -> dict[str, int]:
        """Counts since the last `clear`, and what is held now."""
        with self._lock:
            return {
                "factorizations": len(self._kept),
                "bytes": self._bytes,
                "max_bytes": self.limit,
                "seen": len(self._seen.keys() | self._seen_before.keys()),
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
