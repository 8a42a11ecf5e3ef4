"""Least squares by a singular value decomposition that is kept.

``a = U diag(s) V^H`` gives the minimum-norm solution for any right-hand side and any cutoff:
``x = V_r diag(1/s_r) U_r^H b`` over the ``r`` singular values above the cutoff (G. Golub and W. Kahan, SIAM
J. Numer. Anal. 2, 1965).  For tall matrices LAPACK's gesdd takes the QR factorization first and
then decomposes R.

One step of refinement with ``b - a x`` follows (A. Bjorck, Numerical Methods for Least Squares Problems,
1996, section 2.9): without it x has up to a digit less than LAPACK's own driver gives, with it rarely.
Where that costs little, the residual is formed in more than the working precision, and x and the residuals
then have one to three digits more than LAPACK's (N. Higham, Accuracy and Stability of Numerical Algorithms,
2002, section 12.1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._base.errstate import quiet
from .._base.numpy_functions import numpy_dot, numpy_einsum, numpy_vdot
from .._base.records import dataclass
from .._native import CORE

Array = NDArray[Any]
Answer = tuple[Array, Array | None]
_dot = numpy_dot
_DOUBLE = np.dtype(np.float64)

#: A singular value within this factor of the cutoff is too near to it.
NEAR = 2.0
#: So is one within this many units of rounding, ``eps * sqrt(max(m, n)) * s[0]``, of it: two algorithms'
#: singular values differ by about as much.
ROUNDING = 8.0
#: The residual b - a x still holds rounding errors along the range of ``a``. Its squared norm is freed of
#: them by Pythagoras, which saves a pass over ``U``, where they are no more than this part of it.
CANCELS = 0.25
#: By precision: the dtypes that residuals are formed in, real and complex, and whether they are wider. An
#: extended double of 64 bits is a register of x86 processors; elsewhere it is a double, or made by software.
_WIDER = {
    8: (np.longdouble, np.clongdouble, np.finfo(np.longdouble).nmant == 63),
    4: (np.float64, np.complex128, True),
}
#: Condition numbers from which they are, and up to how many products: 3 us, and 50 us where many digits are
#: lost that this brings back.
_EXTENDED = ((1e5, 8192), (1e2, 512))
#: Elements of a matrix up to which the core's loops take less time than BLAS and its threads.
_CORES = 1 << 16
#: By precision: the squared norms of x between which nothing over- or underflowed, and the same for s[0].
_SAFE = {8: (1e-280, 1e280, 1e-100, 1e100), 4: (1e-28, 1e28, 1e-10, 1e10)}


@dataclass(frozen=True, eq=False, slots=True)
class SVDFactors:
    """The decomposition of one matrix (m, n), with k = min(m, n).

    Attributes
    ----------
    uh : ndarray
        ``U^H`` (k, m).
    w : ndarray
        ``(V diag(1/s))^T`` (k, n).
    s : ndarray
        Singular values (k,), decreasing; real.
    tall : bool
        Whether m > n, so that there are residuals.
    default : int or None
        The rank at NumPy's default cutoff, as `rank` gives it.
    low, high : float
        Squared norms of x between which nothing over- or underflowed on the way.
    cheap : int
        Products up to which residuals are formed in more than the working precision.
    """

    uh: Array
    w: Array
    s: Array
    tall: bool
    default: int | None
    low: float
    high: float
    cheap: int

    @classmethod
    def factor(cls, a: Array) -> SVDFactors | None:
        """Decompose ``a`` (m, n), of floats or complex numbers in the precision wanted.

        None where there is nothing to rely on: no convergence, nan, magnitudes near the ends of the range.
        """
        if not np.isfinite(a).all():
            return None
        try:
            u, s, vh = np.linalg.svd(a, full_matrices=False)
        except np.linalg.LinAlgError:
            return None
        low, high, smallest, largest = _SAFE[s.itemsize]
        if not smallest < s[0] < largest:
            return None
        with np.errstate(all="ignore"):  # singular values of 0 are below any cutoff
            w = vh.conj() / s[:, None]
        m, n = a.shape
        default = _rank(s, float(np.finfo(s.dtype).eps) * max(m, n), max(m, n))
        cheap = next((most for cond, most in _EXTENDED if s[-1] * cond < s[0]), 0)
        if not _WIDER[s.itemsize][2]:
            cheap = 0
        return cls(
            np.ascontiguousarray(u.conj().T), np.ascontiguousarray(w), s, m > n, default, low, high, cheap
        )

    @property
    def nbytes(self) -> int:
        return self.uh.nbytes + self.w.nbytes + self.s.nbytes

    @property
    def shape(self) -> tuple[int, int]:
        return self.uh.shape[1], self.w.shape[1]

    def rank(self, rcond: float | None) -> int | None:
        """How many singular values LAPACK's gelsd would find above ``rcond * s[0]``.

        None asks for the default, eps * max(m, n). The answer is None where a singular value is so near to
        the cutoff that LAPACK's own driver might count otherwise.
        """
        if rcond is None:
            return self.default
        if not 0 < rcond < 1:  # gelsd reads these as its own eps, half of NumPy's
            rcond = float(np.finfo(self.s.dtype).eps) / 2
        return _rank(self.s, rcond, max(self.shape))

    def lstsq(self, a: Array, b: Array, rank: int) -> Answer | None:
        """The minimum-norm least-squares solution.

        Parameters
        ----------
        a : ndarray
            The matrix (m, n) that was factored, for the refinement; of any dtype.
        b : ndarray
            (m,) or (m, K), of a dtype that casts to the factors' or, for real factors, complex.
        rank : int
            As `rank` gives it.

        Returns
        -------
        x : ndarray
            (n,) or (n, K); in C order and the caller's.
        residuals : ndarray or None
            (K,), one for 1-D ``b``; None where the rank is below n or m <= n.

        None takes the place of both where numbers came out that are not finite, or so small or large that
        digits may have been lost: LAPACK's driver, which scales, is to be asked.
        """
        uh, w = self.uh, self.w
        if rank < len(uh):
            uh, w = uh[:rank], w[:rank]
        tall = self.tall and rank == w.shape[1]
        answer: Answer | None
        if b.ndim == 1 and CORE is not None and a.size <= _CORES and _by_core(uh, a, b):
            answer = CORE.apply_factors(uh, w, a, b, tall, self.low, self.high, a.size <= self.cheap)
        else:
            answer = self._by_numpy(a, b, uh, w, tall)
        return answer

    @quiet
    def _by_numpy(self, a: Array, b: Array, uh: Array, w: Array, tall: bool) -> Answer | None:
        complex_b, complex_a = b.dtype.kind == "c", uh.dtype.kind == "c"
        if b.ndim == 1 and not complex_a and not complex_b:
            return self._vector(a, b, uh, w, tall)
        columns = b.reshape(len(b), -1)
        if complex_b and not complex_a:  # real and imaginary parts as columns of one real product
            columns = np.ascontiguousarray(columns, self._complex).view(self.s.dtype)
        answer = self._columns(a, columns, uh, w, tall)
        if answer is None:
            return None
        x, residuals = answer
        if complex_b and not complex_a:
            x = x.view(self._complex)
            residuals = None if residuals is None else residuals.reshape(-1, 2).sum(axis=1)
        return x.reshape(x.shape[:1] + b.shape[1:]), residuals

    @property
    def _complex(self) -> np.dtype[Any]:
        return np.result_type(self.s.dtype, np.complex64)

    def _residual(self, a: Array, b: Array, x: Array) -> Array:
        """``b - a x``, formed in more than the working precision where that costs little."""
        if a.size * (x.size // len(x) if len(x) else 0) > self.cheap:
            plain: Array = b - _dot(a, x)
            return plain
        real, complex_, _ = _WIDER[self.s.itemsize]
        wide = complex_ if x.dtype.kind == "c" else real
        residual: Array = b.astype(wide) - _dot(a.astype(wide), x.astype(wide))
        return residual.astype(x.dtype)

    def _vector(self, a: Array, b: Array, uh: Array, w: Array, tall: bool) -> Answer | None:
        """One real right-hand side: the case that is all overhead where the matrix is small."""
        x = _dot(_dot(uh, b), w)
        if not self.low < _dot(x, x) < self.high and (x.any() or b.any()):
            return None
        r = self._residual(a, b, x)
        d = _dot(uh, r)
        x += _dot(d, w)
        if not tall:
            return x, None
        whole, part = _dot(r, r), _dot(d, d)
        if part > CANCELS * whole:
            r -= _dot(d, uh)
            return x, np.array([_dot(r, r)])
        return x, np.array([whole - part])

    def _columns(self, a: Array, b: Array, uh: Array, w: Array, tall: bool) -> Answer | None:
        x = _dot(w.T, _dot(uh, b))
        norm = numpy_vdot(x, x).real
        if not self.low < norm < self.high and (norm != 0 or b.any()):
            return None
        r = self._residual(a, b, x)
        d = _dot(uh, r)
        x += _dot(w.T, d)
        if not tall:
            return x, None
        whole, part = _sums(r), _sums(d)
        if (part > CANCELS * whole).any():
            return x, _sums(r - _dot(d.conj().T, uh).conj().T)
        return x, whole - part

    def pinv(self, rank: int) -> Array:
        """The pseudo-inverse (n, m) over the ``rank`` largest singular values."""
        inverse: Array = _dot(self.w[:rank].T, self.uh[:rank])
        return inverse


def _by_core(*arrays: Array) -> bool:
    """Whether the core has loops for these: doubles that lie as it reads them."""
    return arrays[-1].flags.c_contiguous and all(x.dtype == _DOUBLE and x.flags.aligned for x in arrays)


def _rank(s: Array, rcond: float, longest: int) -> int | None:
    largest = float(s[0])
    cutoff = rcond * largest
    slack = ROUNDING * float(np.finfo(s.dtype).eps) * largest * longest**0.5
    low, high = min(cutoff / NEAR, cutoff - slack), max(cutoff * NEAR, cutoff + slack)
    if ((s >= low) & (s <= high)).any():
        return None
    return int(np.count_nonzero(s > cutoff))


def _sums(r: Array) -> Array:
    """Squared norms of the columns."""
    if r.dtype.kind == "c":
        return _sums(r.real) + _sums(r.imag)
    sums: Array = numpy_einsum("ij,ij->j", r, r)
    return sums
