"""Square systems by a triangular factorization that is kept: that of the mirrored function.

LAPACK's getrf and potrf through SciPy (NumPy exposes neither).  ``numpy.linalg.solve`` is gesv, which is
getrf and getrs in one; ``scipy.linalg.solve`` takes Cholesky where that succeeds, else LU.
"""

from __future__ import annotations

import functools
import importlib
import os
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

#: Rounding lets Cholesky succeed on a singular matrix: it is trusted where the reciprocal condition number is
#: this many eps; else LU, which is what the mirrored functions do, decides.
SOUND = 1e3
#: By precision: the norms of a matrix between which nothing is lost on the way.
SAFE = {8: (1e-140, 1e140), 4: (1e-15, 1e15)}


@dataclass(frozen=True, eq=False, slots=True)
class LUFactors:
    """The triangular factors of one matrix (n, n).

    Attributes
    ----------
    factors : ndarray
        L and U, or the lower Cholesky factor, as LAPACK leaves them; (n, n), F-ordered.
    pivots : ndarray or None
        Row interchanges (n,); None where the factor is Cholesky's.
    rcond : float
        LAPACK's estimate of the reciprocal condition number in the 1-norm.
    """

    factors: Array
    pivots: Array | None
    rcond: float

    @classmethod
    def factor(cls, a: Array, *, cholesky: bool = False) -> LUFactors | None:
        """Factor ``a`` in its own precision; by Cholesky only where the mirrored function does that.

        None if it is not square, singular, not finite, or of magnitudes near the ends of the range.
        """
        if a.shape[0] != a.shape[1]:
            return None
        lapack, prefix = _lapack(a.dtype)
        norm = float(np.abs(a).sum(axis=0).max())
        low, high = SAFE[a.real.itemsize]
        if not low < norm < high:
            return None
        if cholesky and _may_be_positive_definite(a):
            c, info = getattr(lapack, prefix + "potrf")(a, lower=0, clean=0)
            if info == 0:
                rcond, _ = getattr(lapack, prefix + "pocon")(c, norm, uplo="U")
                if rcond > SOUND * np.finfo(a.dtype).eps:
                    return cls(c, None, float(rcond))
        lu, pivots, info = getattr(lapack, prefix + "getrf")(a)
        if info != 0:
            return None
        rcond, _ = getattr(lapack, prefix + "gecon")(lu, norm)
        return cls(lu, pivots, float(rcond))

    @property
    def nbytes(self) -> int:
        return self.factors.nbytes + (0 if self.pivots is None else self.pivots.nbytes)

    @property
    def method(self) -> str:
        """What was kept, for `explain`."""
        return "Cholesky factor" if self.pivots is None else "LU factors"

    def solve(self, b: Array, transposed: bool = False) -> Array:
        """``a x = b`` for b (n,) or (n, K); x is new and in C order.

        With ``transposed``, ``a^T x = b``. Real factors take a complex ``b`` apart into two real columns.
        """
        if b.dtype.kind == "c" and self.factors.dtype.kind != "c":
            real = self.factors.dtype
            complex_ = np.result_type(real, np.complex64)
            pairs = np.ascontiguousarray(b, complex_).view(real).reshape(len(b), -1)
            return self.solve(pairs, transposed).view(complex_).reshape(b.shape)
        lapack, prefix = _lapack(self.factors.dtype)
        if self.pivots is None:
            if transposed and prefix in "cz":  # the transpose of a Hermitian matrix is its conjugate
                return self.solve(b.conj()).conj()
            x, _ = getattr(lapack, prefix + "potrs")(self.factors, b, lower=0)
        else:
            # A copy: SciPy's wrapper counts the pivots from 1 while it runs, in place, and threads share
            # them.
            pivots = self.pivots.copy()
            x, _ = getattr(lapack, prefix + "getrs")(self.factors, pivots, b, trans=int(transposed))
        return x if x.ndim == 1 else np.ascontiguousarray(x)


@dataclass(frozen=True, eq=False, slots=True)
class Inverse:
    """The inverse of one matrix, as the mirrored function gave it; handed out as copies."""

    value: Array

    @property
    def nbytes(self) -> int:
        return self.value.nbytes


#: Held while SciPy is loaded: a process forked in the middle of an import by another thread could never
#: finish that import.
_loading = threading.RLock()


def _lapack(dtype: np.dtype[Any]) -> tuple[Any, str]:
    return _load(), {"f": "s", "d": "d", "F": "c", "D": "z"}[dtype.char]


@functools.cache
def _load() -> Any:
    """SciPy's LAPACK: 0.1 s to load, and only a matrix seen again needs it."""
    with _loading:
        return importlib.import_module("scipy.linalg.lapack")


def _may_be_positive_definite(a: Array) -> bool:
    """Whether ``a`` is Hermitian with a positive diagonal; the factorization itself is the proof."""
    diagonal = a.diagonal()
    if not (diagonal.real > 0).all() or (a.dtype.kind == "c" and diagonal.imag.any()):
        return False
    return bool((a == a.conj().T).all())


def _before_fork() -> None:
    _loading.acquire()


def _after_fork() -> None:
    _loading.release()


def _after_fork_in_child() -> None:
    global _loading  # noqa: PLW0603 - the lock of the parent is held by a thread that is not here
    _loading = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork,
        after_in_parent=_after_fork,
        after_in_child=_after_fork_in_child,
    )
