"""One call's way to the factors of its matrix: recognise it, count it, factor it once that is earned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._config import current
from .._linalg_call import SUPPORTED
from .._numpys import numpy_inv
from .._watch import WATCH, tell_factors
from .cache import FACTORS, LATEST, NEW, REFUSED, Factors, Sight
from .fingerprint import fingerprint, snapshot
from .lu import Inverse, LUFactors
from .svd import SVDFactors

Array = NDArray[Any]

#: What is told of the cache where the caller holds factors.
EXPLICIT = "explicit factors"


@dataclass(frozen=True, slots=True)
class Way:
    """A way to prepare a matrix (m, n).

    Attributes
    ----------
    name : str
        Tells apart what different ways keep of the same matrix.
    factor : callable
        From a private copy to the factors, or None where there are none to be relied on.
    nbytes : callable
        ``(m, n)`` to about the bytes of the factors.
    price : callable
        ``(m, n)`` to the multiply-adds of the factorization.
    work : callable
        ``(m, n, times, columns)`` to those of LAPACK's answers without it to so many calls, with so many
        right-hand sides altogether.
    """

    name: str
    factor: Callable[[Array], Factors | None]
    nbytes: Callable[[int, int], float]
    price: Callable[[int, int], float]
    work: Callable[[int, int, int, int], float]

    @property
    def route(self) -> str:
        """The name of the route: without the precision and the namespace."""
        return f"factors.{self.name.partition(',')[0]}"


# Leading terms of LAPACK's operation counts (Golub and Van Loan, Matrix Computations, 4th ed., section 8.6).
def _svd_price(m: int, n: int) -> float:
    long, short = max(m, n), min(m, n)
    return 3.0 * long * short * short + 10.0 * short**3


def _svd_work(m: int, n: int, times: int, columns: int) -> float:
    long, short = max(m, n), min(m, n)
    return times * (long * short * short + 4.0 * short**3) + 2.0 * columns * short * (long + short)


def _svd_bytes(m: int, n: int) -> float:
    return 8.0 * (m + n + 1) * min(m, n)


def _lu_price(_m: int, n: int) -> float:
    return n**3 / 3.0


def _lu_work(_m: int, n: int, times: int, columns: int) -> float:
    return times * n**3 / 3.0 + 1.0 * columns * n * n


def _square_bytes(_m: int, n: int) -> float:
    return 8.0 * n * n


def in_double(a: Array) -> Array:
    """``a`` in the precision that numpy.linalg computes in."""
    return np.asarray(a, np.complex128 if a.dtype.kind == "c" else np.float64)


def _svd_in_double(a: Array) -> SVDFactors | None:
    return SVDFactors.factor(in_double(a))


def _lu_in_double(a: Array) -> LUFactors | None:
    return LUFactors.factor(in_double(a))


def _inverse(a: Array) -> Inverse | None:
    try:
        return Inverse(numpy_inv(a))
    except np.linalg.LinAlgError:
        return None


SVD = Way("svd", _svd_in_double, _svd_bytes, _svd_price, _svd_work)
LU = Way("lu", _lu_in_double, _square_bytes, _lu_price, _lu_work)
# What is kept is what NumPy's own function gives, so that keeping it costs a copy.
INVERSE = Way("inverse", _inverse, _square_bytes, _lu_price, _lu_work)


def recall(way: Way, a: Array, elements: int) -> Any:
    """The factors of ``a``, or None where LAPACK's own driver is to answer.

    Parameters
    ----------
    way : Way
    a : ndarray
        (m, n).
    elements : int
        Of the right-hand sides of this call.

    Returns
    -------
    Factors or None
        As ``way.factor`` gives them.
    """
    if a.ndim != 2 or a.dtype.char not in SUPPORTED:  # some other dtypes cannot even be hashed
        return None
    if a.nbytes > FACTORS.limit or FACTORS.prepare == "never" or way.route in current().policy.forbidden:
        return None
    key = way.name, *fingerprint(a)
    met = FACTORS.meet(key, elements)
    if WATCH.on:
        tell_factors("", sighted(met)) if isinstance(met, tuple) else tell_factors(way.route, "hit")
    if met is NEW and FACTORS.prepare == "earned":
        return None
    if not isinstance(met, tuple):
        return met
    if not _due(way, a, met):
        return None

    def make() -> tuple[Any, Factors | None]:
        own = snapshot(a)
        return (way.name, *fingerprint(own)), way.factor(own)

    made = FACTORS.obtain(key, make)
    if WATCH.on and made is not None:
        tell_factors(way.route, f"{sighted(met)}, factored")
    return made


def sighted(sight: Sight) -> str:
    """What the cache says of a matrix that is not kept."""
    if sight is REFUSED:
        return "miss, no factors to keep"
    return f"miss, {({0: 'never seen', 1: 'seen once'}).get(sight[0], f'seen {sight[0]} times')}"


def _due(way: Way, a: Array, sight: Sight) -> bool:
    """Whether a matrix that was seen like this before is factored now."""
    times, elements = sight
    if sight is REFUSED or (sight is NEW and FACTORS.prepare == "earned"):
        return False
    m, n = a.shape
    if a.size == 0 or way.nbytes(m, n) > FACTORS.limit:
        return False
    if times >= LATEST - 1 or FACTORS.prepare == "now":
        return True
    return way.work(m, n, times, elements // m) >= way.price(m, n)


@dataclass(frozen=True, slots=True)
class Prospect:
    """What `recall` would do with a matrix now.

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


def prospect(way: Way, a: Array) -> Prospect:
    """The same decision as `recall`'s, which changes nothing."""
    m, n = a.shape
    if max(a.nbytes, way.nbytes(m, n)) > FACTORS.limit or FACTORS.prepare == "never":
        return Prospect(None, "", False, False)
    met = FACTORS.peek((way.name, *fingerprint(a)))
    if not isinstance(met, tuple):
        return Prospect(met, "hit", False, True)
    return Prospect(None, sighted(met), _due(way, a, met), True)
