"""Our functions put in the place of NumPy's, each call of a replacement counted.

Three things shaped this module.

* NumPy's test modules take the functions at import (``from numpy import dot``, a parametrization over
  ``[np.einsum]``, ``matmul = np.matmul`` in a class body), so the replacements stand in NumPy's namespaces
  before any is imported.
* A replacement must look like what it replaces. NumPy's ``matmul`` and ``vecdot`` are ufuncs: their
  replacements have attributes (``types``, ``signature``, ``nin``) and do not bind as methods; so a counted
  object hands on every attribute and binds no more than a ufunc does. The others are counted by a function.
* What einroute itself asks of NumPy while it answers must be NumPy's work, or a fallback would call itself
  for ever; so a replacement that is entered again in the same thread hands over to NumPy's own function.
"""

from __future__ import annotations

import functools
import importlib
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.routed_names import FLAT, LINALG, SCIPY_LINALG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

# Where each name is found: the public namespaces, and the private one from which test_multiarray takes `dot`.
# SciPy's functions are put in SciPy's place, whose own tests they answer.
PLACES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("numpy", "einroute", FLAT),
    ("numpy.linalg", "einroute.linalg", LINALG),
    ("scipy.linalg", "einroute.scipy.linalg", SCIPY_LINALG),
    ("numpy._core.multiarray", "einroute", ("dot", "inner", "vdot")),
)

# NumPy ships no test that calls these by the given name, so that no call is to be expected; the suite also
# fails if one of them is called after all, to keep this list true.
UNTESTED_BY_NUMPY = frozenset({"numpy.linalg.vecdot"})


class Counts:
    """How often each replacement was called, by its full name; safe under threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}

    def expect(self, name: str) -> None:
        """List `name` with no calls."""
        self._counts.setdefault(name, 0)

    def add(self, name: str) -> None:
        """Count one call of `name`."""
        with self._lock:
            self._counts[name] += 1

    def items(self) -> list[tuple[str, int]]:
        """The names and their counts, in the order in which they were listed."""
        return list(self._counts.items())

    def faults(self) -> list[str]:
        """What speaks against this run: a replacement that was never called, an exception that is none."""
        never = [
            f"{name} was never called: the run proves nothing about it"
            for name, count in self._counts.items()
            if count == 0 and name not in UNTESTED_BY_NUMPY
        ]
        stale = [
            f"{name} is listed as untested by NumPy, but was called {self._counts[name]} times"
            for name in UNTESTED_BY_NUMPY
            if self._counts.get(name, 0)
        ]
        return never + stale


class _Inside(threading.local):
    """Whether this thread is already inside a replacement."""

    now = False


_inside = _Inside()


def _routed(
    call: Callable[[], None], ours: Callable[..., Any], theirs: Callable[..., Any]
) -> Callable[..., Any]:
    def replacement(*args: Any, **kwargs: Any) -> Any:
        if _inside.now:
            return theirs(*args, **kwargs)
        call()
        _inside.now = True
        try:
            return ours(*args, **kwargs)
        finally:
            _inside.now = False

    return replacement


class CountedObject:
    """A callable object in the place of a ufunc: counts its calls, hands on every attribute, never binds."""

    def __init__(self, call: Callable[..., Any], ours: Any) -> None:
        self._call = call
        self._ours = ours

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._call(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ours, name)

    def __repr__(self) -> str:
        return repr(self._ours)


def counted(name: str, ours: Any, theirs: Any, counts: Counts) -> Any:
    """`ours`, counted under `name`, a function where `theirs` is one, an object where it is a ufunc."""
    counts.expect(name)
    call = _routed(functools.partial(counts.add, name), ours, theirs)
    if isinstance(theirs, np.ufunc):
        return CountedObject(call, ours)
    return functools.wraps(ours)(call)


@contextmanager
def substituted(
    ours_of: Callable[[ModuleType, str], Any] = getattr,
    places: tuple[tuple[str, str, tuple[str, ...]], ...] = PLACES,
) -> Iterator[Counts]:
    """Put our functions in NumPy's namespaces, and NumPy's back at the end.

    Parameters
    ----------
    ours_of : callable, optional
        ``(our module, name) -> function``. The default takes the module's attribute.
    places : tuple, optional
        Other namespaces than those of NumPy and SciPy, as `PLACES` names them.

    Yields
    ------
    Counts
        How often each replacement has been called so far.
    """
    counts = Counts()
    undo: list[tuple[ModuleType, str, Any]] = []
    replacements: dict[
        int, Any
    ] = {}  # one for each of NumPy's objects: np.dot and multiarray.dot are the same
    try:
        for place, house, names in places:
            module, our_module = importlib.import_module(place), importlib.import_module(house)
            for name in names:
                theirs = getattr(module, name)
                new = replacements.get(id(theirs))
                if new is None:
                    new = counted(f"{place}.{name}", ours_of(our_module, name), theirs, counts)
                    replacements[id(theirs)] = new
                undo.append((module, name, theirs))
                setattr(module, name, new)
        yield counts
    finally:
        for module, name, theirs in reversed(undo):
            setattr(module, name, theirs)
