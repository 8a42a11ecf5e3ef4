"""Square systems by a triangular factorization that is kept: that of the mirrored function.

LAPACK through SciPy (NumPy exposes none of these).  ``numpy.linalg.solve`` is gesv, which is getrf and getrs
in one: LU.  ``scipy.linalg.solve`` takes Cholesky (potrf) where that succeeds, L D L^H (sytrf, hetrf) where
the matrix is otherwise symmetric or Hermitian, else LU.  Of the triangles it takes the upper ones.
"""

from __future__ import annotations

import functools
import importlib
import logging  # noqa: F401 - its hook at a fork must come before ours: see `_before_fork`
import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._base.records import dataclass

Array = NDArray[Any]

#: By LAPACK's name of a factorization, what it is called.
METHODS = {"getrf": "LU factors", "potrf": "Cholesky factor", "sytrf": "LDL factors", "hetrf": "LDL factors"}
#: By precision: the norms of a matrix between which nothing is lost on the way.
SAFE = {8: (1e-140, 1e140), 4: (1e-15, 1e15)}


@dataclass(frozen=True, eq=False, slots=True)
class LUFactors:
    """The triangular factors of one matrix (n, n).

    Attributes
    ----------
    factors : ndarray
        As LAPACK leaves them; (n, n), F-ordered.
    pivots : ndarray or None
        Row interchanges (n,); None where the factor is Cholesky's.
    rcond : float
        LAPACK's estimate of the reciprocal condition number in the 1-norm.
    routine : str
        LAPACK's name of the factorization, without the precision: one of `METHODS`.
    """

    factors: Array
    pivots: Array | None
    rcond: float
    routine: str

    @classmethod
    def factor(cls, a: Array, *, structured: bool = False) -> LUFactors | None:
        """Factor ``a`` in its own precision: by LU, or with ``structured`` as its symmetry allows.

        None if it is not square, singular, not finite, or of magnitudes near the ends of the range.
        """
        if a.shape[0] != a.shape[1]:
            return None
        lapack, prefix = _lapack(a.dtype)
        norm = float(np.abs(a).sum(axis=0).max())
        low, high = SAFE[a.real.itemsize]
        if not low < norm < high:
            return None
        if structured and _is_hermitian(a) and (a.diagonal().real > 0).all():
            c, info = getattr(lapack, prefix + "potrf")(a, lower=0, clean=0)
            if info == 0:
                rcond, _ = getattr(lapack, prefix + "pocon")(c, norm, uplo="U")
                return cls(c, None, float(rcond), "potrf")
        if structured and (family := _symmetry(a)):
            # The workspace decides whether LAPACK works in blocks, and so the last bits.
            work, _ = getattr(lapack, f"{prefix}{family}trf_lwork")(len(a), lower=0)
            ldl, pivots, info = getattr(lapack, f"{prefix}{family}trf")(a, lower=0, lwork=int(work.real))
            if info != 0:
                return None
            rcond, _ = getattr(lapack, f"{prefix}{family}con")(ldl, pivots, norm, lower=0)
            return cls(ldl, pivots, float(rcond), f"{family}trf")
        lu, pivots, info = getattr(lapack, prefix + "getrf")(a)
        if info != 0:
            return None
        rcond, _ = getattr(lapack, prefix + "gecon")(lu, norm)
        return cls(lu, pivots, float(rcond), "getrf")

    @property
    def nbytes(self) -> int:
        return self.factors.nbytes + (0 if self.pivots is None else self.pivots.nbytes)

    @property
    def method(self) -> str:
        """What was kept, for `explain`."""
        return METHODS[self.routine]

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
        if self.routine in {"potrf", "hetrf"} and transposed and prefix in "cz":
            return self.solve(b.conj()).conj()  # the transpose of a Hermitian matrix is its conjugate
        solver = getattr(lapack, prefix + self.routine[:-1] + "s")
        if self.pivots is None:
            x, _ = solver(self.factors, b, lower=0)
        else:
            # A copy: SciPy's wrapper counts the pivots from 1 while it runs, in place, and threads share
            # them.
            pivots = self.pivots.copy()
            options = {"trans": int(transposed)} if self.routine == "getrf" else {"lower": 0}
            x, _ = solver(self.factors, pivots, b, **options)
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


def _is_hermitian(a: Array) -> bool:
    return bool((a == a.conj().T).all())


def _symmetry(a: Array) -> str:
    """What LAPACK calls the symmetry of ``a``: "he", "sy", or "" for none."""
    if a.dtype.kind == "c" and _is_hermitian(a):
        return "he"
    return "sy" if (a == a.T).all() else ""


def _before_fork() -> None:
    """Wait for a thread that loads SciPy.

    Hooks run in the reverse of the order in which they were registered. Loading SciPy takes logging's lock,
    which logging's own hook holds: that must run after this one, or each would wait for the other.
    """
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
