"""One call's way to the factors of its matrix: recognise it, count it, factor it once that is earned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._base.linalg import SUPPORTED
from .._base.records import dataclass
from .._base.routes import Policy
from .._base.watch import WATCH, tell_factors
from .._config.state import current
from .._factors.cache import FACTORS, LATEST, NEW, REFUSED, Factors, Sight
from .._factors.factorizations import Factorization
from .._factors.fingerprint import contents, snapshot

__all__ = ["EXPLICIT", "Problem", "Prospect", "key_of", "lookup", "prospect", "sighted"]

Array = NDArray[Any]

_DOUBLE = np.dtype(np.float64)

#: What is told of the cache where the caller holds factors.
EXPLICIT = "explicit factors"


class Problem(NamedTuple):
    """A call of lstsq, solve, inv or pinv that kept factors may answer.

    A named tuple, since a frozen dataclass takes 0.7 us more to make.

    Attributes
    ----------
    way : Factorization
    a : ndarray
        (m, n).
    columns : int
        Right-hand sides.
    apply : callable
        From the factors to the answer; None where the mirrored function is to be asked.
    rank : callable or None
        From the factors to the rank that counts; None where that is in doubt.
    """

    way: Factorization
    a: Array
    columns: int
    apply: Callable[[Any], Any]
    rank: Callable[[Any], int | None] | None = None

    def answer(self) -> Any:
        """The answer from kept factors, or None."""
        factors = lookup(self.way, self.a, self.columns * len(self.a))
        return None if factors is None else self.apply(factors)


def lookup(way: Factorization, a: Array, elements: int, policy: Policy | None = None) -> Any:
    """The factors of ``a``, or None where LAPACK's own driver is to answer.

    Parameters
    ----------
    way : Factorization
    a : ndarray
        (m, n).
    elements : int
        Of the right-hand sides of this call.
    policy : Policy, optional
        That in force, where the caller has looked.

    Returns
    -------
    Factors or None
        As ``way.factor`` gives them.
    """
    dtype, auto = a.dtype, FACTORS.prepare == "auto"
    if dtype is not _DOUBLE and dtype.char not in SUPPORTED:  # some others cannot even be hashed
        return None
    if a.nbytes > FACTORS.limit or (not auto and FACTORS.prepare == "never"):
        return None
    if policy is None:
        policy = current().policy
    if (policy.forbidden or policy.allowed is not None) and policy.forbids(way.route):
        return None
    digest = contents(a, way.seed)
    if auto and FACTORS.is_new(digest, elements):
        if WATCH.on:
            tell_factors("", sighted(NEW))
        return None
    key = digest, way.name, a.shape, dtype
    met = FACTORS.meet(key, elements)
    if WATCH.on:
        tell_factors("", sighted(met)) if isinstance(met, tuple) else tell_factors(way.route, "hit")
    if not isinstance(met, tuple):
        return met
    if not _due(way, a, met):
        return None

    def make() -> tuple[Any, Factors | None]:
        own = snapshot(a)
        return key_of(way, own), way.factor(own)

    made = FACTORS.obtain(key, make)
    if WATCH.on and made is not None:
        tell_factors(way.route, f"{sighted(met)}, factored")
    return made


def key_of(way: Factorization, a: Array) -> tuple[Any, ...]:
    """What the factors of a matrix are kept under."""
    return contents(a, way.seed), way.name, a.shape, a.dtype


def sighted(sight: Sight) -> str:
    """What the cache says of a matrix that is not kept."""
    if sight is REFUSED:
        return "miss, no factors to keep"
    return f"miss, {({0: 'never seen', 1: 'seen once'}).get(sight[0], f'seen {sight[0]} times')}"


def _due(way: Factorization, a: Array, sight: Sight) -> bool:
    """Whether a matrix that was seen like this before is factored now."""
    times, elements = sight
    if sight is REFUSED or (sight is NEW and FACTORS.prepare == "auto"):
        return False
    m, n = a.shape
    if a.size == 0 or way.nbytes(m, n) > FACTORS.limit:
        return False
    if times >= LATEST - 1 or FACTORS.prepare == "now":
        return True
    return way.work(m, n, times, elements // m) >= way.price(m, n)


@dataclass(frozen=True, slots=True)
class Prospect:
    """What `lookup` would do with a matrix now.

    Attributes
    ----------
    factors : Factors or None
        Those kept.
    cache : str
        "hit", or what kind of miss.
    due : bool
        Whether this call would make them.
    fits : bool
        Whether they would be kept at all: False for "never", and where they are larger than the cache.
    """

    factors: Factors | None
    cache: str
    due: bool
    fits: bool


def prospect(way: Factorization, a: Array) -> Prospect:
    """The same decision as `lookup`'s, which changes nothing."""
    m, n = a.shape
    if max(a.nbytes, way.nbytes(m, n)) > FACTORS.limit or FACTORS.prepare == "never":
        return Prospect(None, "", False, False)
    met = FACTORS.peek(key_of(way, a))
    if not isinstance(met, tuple):
        return Prospect(met, "hit", False, True)
    return Prospect(None, sighted(met), _due(way, a, met), True)
