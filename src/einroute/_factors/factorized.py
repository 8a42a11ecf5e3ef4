"""factorize(a): the factors of one matrix as a value of their own."""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
from numpy.linalg import LinAlgError
from numpy.typing import NDArray

from .._base.linalg import SUPPORTED, blame
from .._base.numpy_functions import numpy_inv, numpy_lstsq, numpy_pinv, numpy_solve
from .._kinds.registry import other_kind
from .answer import lstsq_answer, pinv_answer, plain_cutoff, solve_answer
from .factorizations import in_double
from .lu import LUFactors
from .svd import SVDFactors

__all__ = ["Factorized", "check_right_side"]

Array = NDArray[Any]


class Factorized:
    """A matrix with its factors: immutable, safe to share between threads, picklable.

    Made by `factorize`. Holds its own copy of the matrix, so that later changes of the original do not
    matter, and is accepted as ``a`` by `lstsq`, `solve`, `inv` and `pinv`, which then need no hash.

    Attributes
    ----------
    shape : tuple of int
        (M, N).
    dtype : numpy.dtype
        The matrix's.
    rank : int
        At `lstsq`'s default cutoff.
    s : ndarray
        Singular values (min(M, N),), decreasing; a copy.
    cond : float
        Largest by smallest singular value; inf for a singular matrix.
    nbytes : int
        Of the matrix and the factors.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> f = er.factorize(np.array([[2.0, 0], [0, 4], [0, 0]]))
    >>> f.rank, f.cond
    (2, 2.0)
    >>> f.lstsq(np.array([2.0, 4, 3]))[0]
    array([1., 1.])
    """

    __slots__ = ("_a", "_lu", "_rank", "_s", "_svd")

    _a: Array
    _svd: SVDFactors | None
    _lu: LUFactors | None
    _s: Array
    _rank: int

    def __init__(self, a: Any) -> None:
        own = np.array(a, order="K")
        if own.ndim != 2:
            raise LinAlgError(f"a has shape {own.shape}, expected two dimensions (M, N); reshape it")
        if own.dtype.char not in SUPPORTED:
            raise TypeError(f"a has dtype {own.dtype}, which LAPACK does not take; convert it to float64")
        if not np.isfinite(own).all():
            raise LinAlgError("a holds nan or infinity; remove or replace such rows first")
        own.flags.writeable = False
        svd = SVDFactors.factor(in_double(own)) if own.size else None
        if svd is None or svd.default is None:
            _, _, rank, s = numpy_lstsq(own, np.zeros(len(own)))
        else:
            rank, s = svd.default, svd.s
        square = own.shape[0] == own.shape[1] and own.size > 0
        for name, value in (
            ("_a", own),
            ("_svd", svd),
            ("_lu", LUFactors.factor(in_double(own)) if square else None),
            ("_s", np.asarray(s)),
            ("_rank", int(rank)),
        ):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"Factorized is immutable; factorize another matrix instead of setting {name!r}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"Factorized is immutable; {name!r} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self._a, self._svd, self._lu, self._s, self._rank)

    def __repr__(self) -> str:
        return f"<Factorized {self.shape} {self.dtype}, rank {self.rank}, cond {self.cond:.3g}>"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self._a, dtype, copy=copy)

    @property
    def shape(self) -> tuple[int, int]:
        return self._a.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._a.dtype

    @property
    def ndim(self) -> int:
        return 2

    @property
    def rank(self) -> int:
        return self._rank

    @property
    def s(self) -> Array:
        return self._s.copy()

    @property
    def cond(self) -> float:
        s = self._s
        if not s.size:
            return 0.0
        return float(s[0] / s[-1]) if s[-1] > 0 else float("inf")

    @property
    def nbytes(self) -> int:
        kept = [part.nbytes for part in (self._svd, self._lu) if part is not None]
        return self._a.nbytes + self._s.nbytes + sum(kept)

    def lstsq(self, b: Any, rcond: float | None = None) -> tuple[Any, Any, Any, Any]:
        """`einroute.lstsq` of this matrix.

        Parameters
        ----------
        b : (M,) or (M, K) array_like
        rcond : float, optional

        Returns
        -------
        x, residuals, rank, s

        Raises
        ------
        numpy.linalg.LinAlgError
            `b` has another number of rows, or of dimensions.
        TypeError
            `b` is an array of torch, JAX or CuPy.
        """
        check_right_side(b, "lstsq")
        columns = np.asarray(b)
        self._check(columns, columns.ndim in {1, 2})
        if self._svd is not None and plain_cutoff(rcond) and columns.size and columns.dtype.char in SUPPORTED:
            answer = lstsq_answer(self._svd, self._a, columns, rcond)
            if answer is not None:
                x, residuals, rank, s = answer
                wrap = getattr(b, "__array_wrap__", np.asarray)
                return (
                    (x, residuals, rank, s) if type(b) is np.ndarray else (wrap(x), wrap(residuals), rank, s)
                )
        try:
            return numpy_lstsq(self._a, b, rcond)
        except Exception as error:
            blame("lstsq", error, self._a, b)

    def solve(self, b: Any, *, transposed: bool = False) -> Any:
        """`einroute.linalg.solve` of this matrix.

        Parameters
        ----------
        b : (M,) or (..., M, K) array_like
        transposed : bool
            Solve ``a.T @ x = b``.

        Returns
        -------
        ndarray

        Raises
        ------
        numpy.linalg.LinAlgError
            The matrix is singular or not square.
        ValueError
            `b` has another number of rows.
        TypeError
            `b` is an array of torch, JAX or CuPy.
        """
        check_right_side(b, "solve")
        self._square("solve")
        columns = np.asarray(b)
        fits = columns.ndim in {1, 2} and len(columns) == self.shape[0] and columns.size > 0
        if self._lu is not None and fits and columns.dtype.char in SUPPORTED:
            x = solve_answer(self._lu, self._a, columns, transposed)
            if x is not None:
                return x if type(b) is np.ndarray else getattr(b, "__array_wrap__", np.asarray)(x)
        try:
            return numpy_solve(self._a.T if transposed else self._a, b)
        except Exception as error:
            blame("solve", error, self._a, b)

    def inv(self) -> Array:
        """The inverse (M, M).

        Raises
        ------
        numpy.linalg.LinAlgError
            The matrix is singular or not square.
        """
        self._square("inv")
        return numpy_inv(self._a) if self._lu is None else self.solve(np.eye(self.shape[0], dtype=self._wide))

    def pinv(self, rcond: float | None = None) -> Array:
        """The pseudo-inverse (N, M).

        Parameters
        ----------
        rcond : float, optional
            Singular values of at most ``rcond`` times the largest count as zero; numpy.linalg.pinv's default.
        """
        cutoff = 1e-15 if rcond is None else rcond
        if self._svd is not None and type(cutoff) is float and 0 < cutoff < 1:
            answer = pinv_answer(self._svd, self._a, cutoff)
            if answer is not None:
                return answer
        return numpy_pinv(self._a, rcond=rcond)

    @property
    def _wide(self) -> np.dtype[Any]:
        """A real dtype that promotes the matrix's as numpy.linalg does."""
        return np.dtype(np.float32 if self.dtype.char in "fF" else np.float64)

    def _square(self, function: str) -> None:
        if self.shape[0] != self.shape[1]:
            raise LinAlgError(
                f"a has shape {self.shape}, and {function} needs a square matrix; lstsq takes any"
            )

    def _check(self, b: Array, dimensions: bool) -> None:
        if not dimensions:
            raise LinAlgError(f"b has shape {b.shape}, expected (M,) or (M, K) with M = {self.shape[0]}")
        if len(b) != self.shape[0]:
            raise LinAlgError(
                f"a has {self.shape[0]} rows (shape {self.shape}) and b has {len(b)} (shape {b.shape}); "
                "each row of b belongs to a row of a"
            )


def check_right_side(b: Any, function: str) -> None:
    """Refuse a right-hand side of a library whose elements are not NumPy's: factors are.

    Raises
    ------
    TypeError
        Naming the library, and what takes its arrays.
    """
    if type(b) is np.ndarray:
        return
    kind = other_kind(b)
    if kind is not None and kind.library:
        raise TypeError(
            f"b is a {type(b).__name__} of {kind.library}, and the factors are NumPy's: its elements are not "
            f"copied to the host silently; pass b as an array of NumPy's, or give the matrix in place of its "
            f"factors to einroute.linalg.{function}, which answers in {kind.library}"
        )


def _restore(*parts: Any) -> Factorized:
    made = Factorized.__new__(Factorized)
    for name, value in zip(("_a", "_svd", "_lu", "_s", "_rank"), parts, strict=True):
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
        object.__setattr__(made, name, value)
    return made
