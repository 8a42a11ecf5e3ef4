"""The three ways to sparse least squares, and the choice among them.

Reduction
    The orientation with more rows is made dense a block of rows at a time, and each block is folded into
    the triangle R by Householder reflections: sequential TSQR (J. Demmel, L. Grigori, M. Hoemmen and J.
    Langou, SIAM J. Sci. Comput. 34, 2012), by LAPACK's tpqrt, which leaves R's zeros alone. Rows are
    taken by their first column, so that a banded matrix touches a window of R only (A. George and M.
    Heath, Linear Algebra Appl. 34, 1980). The SVD of R, of order k = min(m, n), has the singular values
    and right singular vectors of the whole. A right-hand side is solved by the corrected seminormal
    equations ``x = V s^-2 V^H a^H b`` (A. Bjorck, Linear Algebra Appl. 88/89, 1987). As R comes from
    reflections, it is the triangle of a matrix within rounding of ``a``: the first x may be wrong by eps
    cond^2, but each correction shrinks the error by about eps cond, down to where a backward stable
    method leaves it. Beyond `SEMINORMAL` the reduction is done again with b at its side.
Normal
    LU of the normal equations in SuperLU's symmetric mode, columns scaled to about unit length, corrected
    with ``b - a x`` (L. Foster, Linear Algebra Appl. 145, 1991). Here the triangle itself carries an
    error of eps cond^2, so that each correction shrinks the error by that only; what it leaves is as with
    the reduction. Sound where the shrinking, which is measured, is quick. The augmented system [[alpha I,
    a], [a^H, 0]] (M. Arioli, I. Duff and P. de Rijk, Numer. Math. 55, 1989) is not used: with SuperLU's
    pivoting it is the same elimination, six times slower, while alpha is large enough for a predictable
    fill, and wins one digit of condition; with alpha near the least singular value, where it would win
    more, fill is unbounded (20000x1000 with 100 thousand non-zeros: 150 million, where the normal
    equations have 1 million).
Iteration
    LSMR (D. Fong and M. Saunders, SIAM J. Sci. Comput. 33, 2011) without preconditioner, so that its
    limit is the solution of minimum norm.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .sparse_lu import csc_nbytes, positive_factors, superlu_nbytes

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array
    from scipy.sparse.linalg import SuperLU

Array = NDArray[Any]

_EPS = float(np.finfo(np.float64).eps)
#: Largest min(m, n) that is reduced: three arrays of that order (8 MB each) are kept or made.
REDUCIBLE = 1024
#: Flops of a reduction, 2 max(m, n) min(m, n)^2, above which the normal equations go first: about a second.
REDUCED_FIRST = 2e10
#: Bytes of the dense block that is folded in at a time.
BLOCK_BYTES = 4 << 20
#: Condition number, of the part above the cutoff, up to which the seminormal equations are corrected.
SEMINORMAL = 1e10
#: Corrections at most; 1 for condition numbers up to about 1e4.
_CORRECTIONS = 6
#: Bytes and flops of the normal equations' factors, predicted, above which LSMR answers.
FILL_BYTES = 1 << 30
FILL_FLOPS = 2e11
#: Products in ``a^H a`` above which (a few dense rows) it is not formed.
GRAM_PRODUCTS = 5e7
#: The part of an error that one correction may leave for the normal equations to be sound.
_SHRINKS = 1e-3
#: The estimated least singular value must exceed the cutoff by this factor for the rank to be called full.
_CLEARLY = 1e3
_POWERS = 8  # steps of the power method that estimate both; the margins above are wider than what they miss
_PANEL = 32  # columns that tpqrt reflects at a time


def choose(a: csc_array) -> Reduction | Normal | Iteration:
    """The method for a matrix without empty rows or columns.

    The reduction wherever min(m, n) allows it, as it alone finds rank and singular values and truncates; but
    where it would take long, the normal equations go first. Above, the normal equations where they are sound
    and their factors small enough; else LSMR.
    """
    small, large = sorted(a.shape)
    reducible = small <= REDUCIBLE
    if not reducible or 2.0 * large * small**2 > REDUCED_FIRST:
        normal = Normal.factor(a)
        if normal is not None:
            return normal
    return Reduction.factor(a) if reducible else Iteration(a)


@dataclass(frozen=True, eq=False, slots=True)
class Reduction:
    """``s`` (k,) and ``v`` (k, k): the tall one of ``a`` and ``a^H`` is ``q diag(s) v^H``."""

    a: csc_array
    s: Array
    v: Array
    name: ClassVar[str] = "reduction"

    @classmethod
    def factor(cls, a: csc_array) -> Reduction:
        if min(a.shape) == 0:
            return cls(a, np.zeros(0), np.zeros((0, 0), a.dtype))
        r, _ = reduced(_tall_rows(a))
        _, s, vh = np.linalg.svd(r)
        return cls(a, s, np.ascontiguousarray(vh.conj().T))

    @property
    def nbytes(self) -> int:
        return csc_nbytes(self.a) + self.s.nbytes + self.v.nbytes

    def solve(self, b: Array, cutoff: float) -> tuple[Array, int | None]:
        """Return x (n, K) for b (m, K), and the rank."""
        # As LAPACK counts, a nan cutoff drops nothing.
        rank = int(np.count_nonzero(~(self.s <= cutoff * self.s[:1])))
        if not rank or not b.shape[1]:
            return np.zeros((self.a.shape[1], b.shape[1]), b.dtype), rank
        s, v = self.s[:rank, None], self.v[:, :rank]
        vh = v.conj().T
        if self.a.shape[0] < self.a.shape[1]:
            return _corrected(self.a, lambda r: _adjoint(self.a, v @ ((vh @ r) / s / s)), b)[0], rank
        if self.s[0] <= SEMINORMAL * self.s[rank - 1]:
            x, settled = _corrected(self.a, lambda r: v @ ((vh @ _adjoint(self.a, r)) / s / s), b)
            if settled:
                return x, rank
        return self._afresh(b, rank), rank

    def _afresh(self, b: Array, rank: int) -> Array:
        """Reduce ``[a b]``, as stable as a dense QR: x from the triangle that belongs to this ``Q^H b``."""
        r, z = reduced(_tall_rows(self.a), b)
        u, s, vh = np.linalg.svd(r)
        x: Array = vh[:rank].conj().T @ ((u[:, :rank].conj().T @ z) / s[:rank, None])
        return x


@dataclass(frozen=True, eq=False, slots=True)
class Normal:
    """Factors of ``c^H c``, where c is the tall one of ``a diag(scale)`` and ``(diag(scale) a)^H``."""

    a: csc_array
    scaled: csc_array
    scale: Array
    factors: SuperLU
    relative_least: float
    name: ClassVar[str] = "normal"
    s: ClassVar[None] = None

    @classmethod
    def factor(cls, a: csc_array) -> Normal | None:
        """None where the factors would be too large, or are not sound."""
        from scipy.sparse import diags_array  # noqa: PLC0415 - only a sparse operand needs it

        tall = a.shape[0] >= a.shape[1]
        squares = abs(a).power(2).sum(axis=0 if tall else 1)
        # Powers of two: the scaled matrix has no rounding errors.
        scale = np.ldexp(1.0, -np.frexp(np.sqrt(np.asarray(squares)))[1])
        scaled = (a @ diags_array(scale) if tall else diags_array(scale) @ a).tocsc()
        gram = _gram(scaled, tall)
        if gram is None or not _fits(gram):
            return None
        factors = positive_factors(gram)
        if factors is None:
            return None
        self = cls(a, scaled, scale, factors, 0.0)
        least = self._soundness()
        norm = float(np.sqrt(squares.sum()))
        return None if least is None else cls(a, scaled, scale, factors, least / norm)

    def __reduce__(self) -> tuple[Any, ...]:
        return Normal.factor, (self.a,)  # SuperLU's own object cannot be pickled; the same matrix is as sound

    @property
    def nbytes(self) -> int:
        own = csc_nbytes(self.a) + csc_nbytes(self.scaled) + self.scale.nbytes
        return own + superlu_nbytes(self.factors, self.a.dtype.itemsize)

    def solve(self, b: Array, cutoff: float) -> tuple[Array, int | None]:
        """Return x (n, K) for b (m, K); and the rank, min(m, n), if it is clearly full at this cutoff."""
        scale = self.scale[:, None]
        if self.a.shape[0] >= self.a.shape[1]:
            x, _ = _corrected(self.scaled, lambda r: self.factors.solve(_adjoint(self.scaled, r)), b)
            x *= scale
        else:
            x, _ = _corrected(self.scaled, lambda r: _adjoint(self.scaled, self.factors.solve(r)), b * scale)
        if self.relative_least >= _CLEARLY * cutoff:
            return x, min(self.a.shape)
        if self.relative_least <= cutoff:
            _warn(
                f"rcond={cutoff:.3g} would drop singular values of the sparse a, {self.a.shape}, which is "
                "too large to find them: solved with all of them"
            )
        return x, None

    def _soundness(self) -> float | None:
        """An estimate, from above, of the least singular value; None if corrections do not shrink errors."""
        tall = self.a.shape[0] >= self.a.shape[1]
        scale = self.scale[:, None]
        start = np.random.default_rng(0).standard_normal((len(scale), 1)).astype(self.a.dtype)
        error = least = start / np.linalg.norm(start)
        growth = 1.0
        for _ in range(_POWERS):
            before = np.linalg.norm(error)
            inner = self.scaled @ error if tall else _adjoint(self.scaled, error)
            error = error - self.factors.solve(_adjoint(self.scaled, inner) if tall else self.scaled @ inner)
            after = float(np.linalg.norm(error))
            if not after <= _SHRINKS * before:
                return None
            error = error / (after or 1.0)
            least = scale * self.factors.solve(scale * least)  # (a^H a)^-1, or (a a^H)^-1
            growth = float(np.linalg.norm(least))
            least = least / growth
        return float(1 / np.sqrt(growth))


@dataclass(frozen=True, eq=False, slots=True)
class Iteration:
    """Nothing but the matrix: LSMR anew for every column."""

    a: csc_array
    name: ClassVar[str] = "lsmr"
    s: ClassVar[None] = None

    @property
    def nbytes(self) -> int:
        return csc_nbytes(self.a)

    def solve(self, b: Array, cutoff: float) -> tuple[Array, int | None]:  # noqa: ARG002 - LSMR finds no rank
        """Return x (n, K) for b (m, K), and no rank."""
        from scipy.sparse.linalg import lsmr  # noqa: PLC0415 - only a sparse operand needs it

        x = np.zeros((self.a.shape[1], b.shape[1]), b.dtype)
        limit = max(1000, 4 * min(self.a.shape))
        failed = 0
        for j in range(b.shape[1]):
            x[:, j], stop, *_ = lsmr(self.a, b[:, j], atol=_EPS, btol=_EPS, conlim=0, maxiter=limit)
            failed += stop == 7
        if failed:
            _warn(
                f"LSMR did not converge in {limit} iterations for {failed} of {b.shape[1]} columns of b: the "
                f"sparse a, {self.a.shape}, is too large or too ill-conditioned for a direct method; scaling "
                "its columns may help"
            )
        return x, None


def reduced(t: csr_array, b: Array | None = None) -> tuple[Array, Array]:
    """The triangle R of a tall matrix, by blocks of rows, and ``Q^H b``.

    Parameters
    ----------
    t : csr_array
        (M, N) with sorted indices and no empty rows.
    b : ndarray, optional
        (M, K).

    Returns
    -------
    r : ndarray
        (N, N), upper triangular.
    z : ndarray
        (N, K); what is left of b is orthogonal to the range.
    """
    from scipy.linalg import lapack  # noqa: PLC0415 - only a sparse operand needs it

    rows, order = t.shape
    complex_ = t.dtype.kind == "c"
    tpqrt, tpmqrt = (lapack.ztpqrt, lapack.ztpmqrt) if complex_ else (lapack.dtpqrt, lapack.dtpmqrt)
    first, last = t.indices[t.indptr[:-1]], t.indices[t.indptr[1:] - 1]
    by_first = np.argsort(first, kind="stable")
    r = np.zeros((order, order), t.dtype, order="F")
    z = np.zeros((order, 0 if b is None else b.shape[1]), t.dtype, order="F")
    reach = np.zeros(order, np.intp)  # one past the last non-zero of each row of R
    step = max(32, BLOCK_BYTES // (t.dtype.itemsize * order))
    for start in range(0, rows, step):
        taken = by_first[start : start + step]
        low, high = int(first[taken[0]]), int(last[taken].max()) + 1
        while (further := int(reach[low:high].max())) > high:
            high = further
        window = slice(low, high)
        block = _dense_rows(t, taken, low, high)
        corner, v, panels, info = tpqrt(
            0,
            min(_PANEL, high - low),
            np.asfortranarray(r[window, window]),
            block,
            overwrite_a=1,
            overwrite_b=1,
        )
        if info:
            raise RuntimeError(f"tpqrt: argument {-info}")
        r[window, window] = np.triu(corner)
        reach[window] = high
        if b is not None:
            z[window], _, _ = tpmqrt(
                0,
                v,
                panels,
                z[window],
                np.asfortranarray(b[taken], dtype=t.dtype),
                trans="C" if complex_ else "T",
            )
    return r, z


def _dense_rows(t: csr_array, taken: Array, low: int, high: int) -> Array:
    """Rows ``taken`` of ``t``, columns low to high, dense and in Fortran order."""
    part = t[taken]
    block = np.zeros((len(taken), high - low), t.dtype, order="F")
    block[np.repeat(np.arange(len(taken)), np.diff(part.indptr)), part.indices - low] = part.data
    return block


def _tall_rows(a: csc_array) -> csr_array:
    """``a`` or ``a^H``, whichever has more rows, by rows; nothing is copied for a real wide matrix."""
    return a.tocsr() if a.shape[0] >= a.shape[1] else a.conj().T


def _adjoint(a: csc_array, r: Array) -> Array:
    """``a^H r`` without a conjugated copy of ``a``."""
    product: Array = (a.T @ r.conj()).conj() if a.dtype.kind == "c" else a.T @ r
    return product


def _corrected(a: csc_array, solve: Callable[[Array], Array], b: Array) -> tuple[Array, bool]:
    """Return ``x = solve(b)``, corrected by ``solve(b - a x)``, and whether every column settled.

    A column is done when a correction is so small that the next, smaller by the same factor at least, is
    below rounding; or when corrections no longer shrink, which is where rounding errors of ``b - a x`` set
    the limit. It has not settled if that happens while the corrections are large.
    """
    x = solve(b)
    last = np.full(b.shape[1], np.inf)
    active = np.ones(b.shape[1], bool)
    relative = np.zeros(b.shape[1])
    for _ in range(_CORRECTIONS):
        step = solve(b - a @ x)
        size = np.linalg.norm(step, axis=0)
        active &= size < 0.5 * last
        np.add(x, step, out=x, where=active)
        norm = np.linalg.norm(x, axis=0)
        relative = np.where(active, size / np.where(norm > 0, norm, 1), relative)
        last = size
        active &= relative > np.sqrt(_EPS)
        if not active.any():
            break
    return x, not active.any() and bool((relative <= 1e-3).all())


def _gram(c: csc_array, tall: bool) -> csc_array | None:
    """``c^H c`` or, unless ``tall``, ``c c^H``, with sorted indices; None where that is too much work."""
    inner = np.bincount(c.indices, minlength=c.shape[0]) if tall else np.diff(c.indptr)
    if float(np.square(inner, dtype=float).sum()) > GRAM_PRODUCTS:
        return None
    adjoint = c.conj().T
    gram = (adjoint @ c if tall else c @ adjoint).tocsc()
    gram.sort_indices()
    return gram


def _fits(gram: csc_array) -> bool:
    """Whether the factors are predicted to be small: by the envelope of the reverse Cuthill-McKee order.

    Minimum degree, the order that is used, has less fill on all but pathological patterns.
    """
    from scipy.sparse.csgraph import reverse_cuthill_mckee  # noqa: PLC0415 - only a sparse operand needs it

    order = gram.shape[0]
    perm = reverse_cuthill_mckee(gram, symmetric_mode=True)
    place = np.empty(order, np.intp)
    place[perm] = np.arange(order)
    lowest = np.minimum.reduceat(place[gram.indices], gram.indptr[:-1])
    width = np.maximum(place - lowest, 0).astype(float) + 1
    per_element = gram.dtype.itemsize + 4
    return bool(2 * width.sum() * per_element <= FILL_BYTES and 2 * (width**2).sum() <= FILL_FLOPS)


def _warn(message: str) -> None:
    from scipy.linalg import LinAlgWarning  # noqa: PLC0415 - only a sparse operand needs it

    warnings.warn(message, LinAlgWarning, stacklevel=2)
