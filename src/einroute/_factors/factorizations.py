"""The ways to factor a matrix that are kept: what they give, what they cost, and what they save."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._base.numpy_functions import numpy_inv
from .._base.records import dataclass
from .cache import Factors
from .fingerprint import new_seed
from .lu import Inverse, LUFactors
from .svd import SVDFactors

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Factorization:
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
    seed : int
        Of the digests of the matrices that it is asked for, so that each way counts its own.
    """

    name: str
    factor: Callable[[Array], Factors | None]
    nbytes: Callable[[int, int], float]
    price: Callable[[int, int], float]
    work: Callable[[int, int, int, int], float]
    seed: int = field(default_factory=new_seed)

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


SVD = Factorization("svd", _svd_in_double, _svd_bytes, _svd_price, _svd_work)
LU = Factorization("lu", _lu_in_double, _square_bytes, _lu_price, _lu_work)
# What is kept is what NumPy's own function gives, so that keeping it costs a copy.
INVERSE = Factorization("inverse", _inverse, _square_bytes, _lu_price, _lu_work)
