"""Sparse solve and least squares from kept factors: NumPy's answers on the dense matrix, and exact ones."""

from __future__ import annotations

import pickle
import tracemalloc
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import LinAlgWarning

import einroute
from einroute._factors import sparse_methods
from einroute._factors.sparse_direct import SparseLeastSquares, SparseLU
from tests.processes import printed

EPS = np.finfo(float).eps


def sparse(rng: Any, m: int, n: int, density: float = 0.3, dtype: str = "d") -> np.ndarray:
    """A dense array, mostly zeros."""
    a = rng.standard_normal((m, n)).astype(dtype)
    if dtype == "D":
        a = a + 1j * rng.standard_normal((m, n))
    return a * (rng.random((m, n)) < density)


def full_rank(rng: Any, m: int, n: int, dtype: str = "d") -> np.ndarray:
    return sparse(rng, m, n, dtype=dtype) + 2 * np.eye(m, n)


def conditioned(rng: Any, m: int, n: int, power: float) -> np.ndarray:
    u = np.linalg.qr(rng.standard_normal((m, n)))[0]
    v = np.linalg.qr(rng.standard_normal((n, n)))[0]
    return (u * np.logspace(0, -power, n)) @ v.T


def exact(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, float]:
    """x and the squared norm of the residual, for full rank, to 70 digits before rounding."""
    with mpmath.workdps(70):
        m, c = mpmath.matrix(a.tolist()), mpmath.matrix(b.tolist())
        if a.shape[0] >= a.shape[1]:
            x = mpmath.lu_solve(m.H * m, m.H * c)
        else:
            x = m.H * mpmath.lu_solve(m * m.H, c)
        values = [complex(v) for v in x]
        return np.array(values) if a.dtype.kind == "c" else np.array(values).real, float(
            mpmath.norm(c - m * x) ** 2
        )


def error(x: np.ndarray, exact: Any) -> float:
    return float(np.linalg.norm(x - exact) / np.linalg.norm(exact))


def digits_lost(errors: list[tuple[float, float]]) -> float:
    """By how many digits ours are worse than NumPy's, in the mean.

    Of one problem, and of some ten, both errors are noise: which is ahead changes with the BLAS and the
    processor.
    """
    ours, numpys = np.log10(np.array(errors) + EPS).T
    return float(np.mean(ours - numpys))


def grid(n: int) -> Any:
    """Differences on an n x n grid, and a little of the identity: tall, well conditioned, sparse factors."""
    d, e = sp.diags_array([-1.0, 1.0], offsets=[0, 1], shape=(n - 1, n)), sp.eye_array(n)
    return sp.csc_array(sp.vstack([sp.kron(d, e), sp.kron(e, d), 0.1 * sp.eye_array(n * n)]))


def laplacian(n: int, convection: float = 0.0) -> Any:
    d = sp.diags_array([-1 - convection, 2.0, -1 + convection], offsets=[-1, 0, 1], shape=(n, n))
    return sp.csc_array(sp.kron(d, sp.eye_array(n)) + sp.kron(sp.eye_array(n), d))


class TestLU:
    @pytest.mark.parametrize("a_dtype", ["d", "D"])
    @pytest.mark.parametrize("b_dtype", ["f", "d", "D", "i8"])
    @pytest.mark.parametrize("shape", [(30,), (30, 1), (30, 4), (30, 0)])
    def test_like_numpy(self, a_dtype: str, b_dtype: str, shape: tuple[int, ...]) -> None:
        rng = np.random.default_rng(1)
        a = full_rank(rng, 30, 30, a_dtype)
        b = (10 * rng.standard_normal(shape)).astype(b_dtype)
        kept = b.copy()
        got, want = SparseLU.factor(sp.csc_array(a)).solve(b), np.linalg.solve(a, b)
        assert got.shape == want.shape
        assert got.dtype == np.result_type(a, b, float)
        assert got.flags.c_contiguous
        assert got.flags.writeable
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-12)
        np.testing.assert_array_equal(b, kept)

    @pytest.mark.parametrize("dtype", ["d", "D"])
    def test_transposed(self, dtype: str) -> None:
        rng = np.random.default_rng(24)
        a = full_rank(rng, 20, 20, dtype)
        b = rng.standard_normal((20, 2)) + 1j
        got = SparseLU.factor(sp.csc_array(a)).solve(b, transposed=True)
        np.testing.assert_allclose(got, np.linalg.solve(a.T, b), rtol=1e-11, atol=1e-12)

    @pytest.mark.parametrize("power", [0, 3, 8, 12])
    @pytest.mark.parametrize("kind", ["values", "rows", "columns"])
    def test_digits(self, kind: str, power: int) -> None:
        rng = np.random.default_rng(2)
        errors = []
        for _ in range(60):
            a = full_rank(rng, 14, 14) if kind != "values" else conditioned(rng, 14, 14, power)
            scale = rng.permutation(np.logspace(0, -power, 14))
            a = a * scale[:, None] if kind == "rows" else a * scale if kind == "columns" else a
            b = a @ rng.standard_normal(14)
            x, _ = exact(a, b)
            ours = SparseLU.factor(sp.csc_array(a)).solve(b)
            errors.append((error(ours, x), error(np.linalg.solve(a, b), x)))
        assert digits_lost(errors) <= 0.5

    def test_refines_rows_of_mixed_scale(self) -> None:
        # SuperLU pivots on the largest element of a column, whatever the row's own scale.
        rng = np.random.default_rng(3)
        a = full_rank(rng, 40, 40) * rng.permutation(np.logspace(0, -14, 40))[:, None]
        b = a @ np.ones(40)
        factors = SparseLU.factor(sp.csc_array(a))
        plain, refined = factors.factors.solve(b), factors.solve(b)

        def backward(x: np.ndarray) -> float:
            return float((np.abs(a @ x - b) / (np.abs(a) @ np.abs(x) + np.abs(b))).max())

        assert backward(refined) <= 4 * EPS
        assert backward(refined) < 0.1 * backward(plain)

    @pytest.mark.parametrize("convection", [0.0, 0.3])
    def test_diagonal_pivots_halve_the_fill(self, convection: float) -> None:
        from scipy.sparse.linalg import splu

        a = laplacian(40, convection)
        factors = SparseLU.factor(a)
        assert factors.diagonal
        assert factors.factors.nnz < 0.7 * splu(a).nnz
        b = np.random.default_rng(0).standard_normal(1600)
        np.testing.assert_allclose(a @ factors.solve(b), b, atol=1e-12)

    def test_hermitian_but_indefinite(self) -> None:
        rng = np.random.default_rng(4)
        for small in (1e-20, 1e-3):
            a = np.array([[small, 1.0, 0.5], [1.0, small, 2.0], [0.5, 2.0, small]])
            b = rng.standard_normal(3)
            got = SparseLU.factor(sp.csc_array(a)).solve(b)
            np.testing.assert_allclose(got, np.linalg.solve(a, b), rtol=1e-11)

    @pytest.mark.parametrize("a", [np.zeros((3, 3)), np.array([[1.0, 2], [2, 4]]), np.diag([1.0, 0, 2])])
    def test_singular(self, a: np.ndarray) -> None:
        with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
            SparseLU.factor(sp.csc_array(a))

    def test_singular_but_for_rounding(self) -> None:
        a = conditioned(np.random.default_rng(5), 12, 12, 18)
        assert np.abs(SparseLU.factor(sp.csc_array(a)).solve(np.ones(12))).max() > 1e10

    def test_wrong_sizes(self) -> None:
        with pytest.raises(np.linalg.LinAlgError, match="square"):
            SparseLU.factor(sp.csc_array(np.ones((3, 2))))
        with pytest.raises(ValueError, match=r"\(2,\)"):
            SparseLU.factor(sp.csc_array(np.eye(3))).solve(np.ones(2))

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_not_finite(self, value: float) -> None:
        a = sp.csc_array(full_rank(np.random.default_rng(0), 6, 6))
        b = np.ones((6, 2))
        b[2, 0] = value
        x = SparseLU.factor(a).solve(b)
        assert not np.isfinite(x[:, 0]).all()
        assert np.isfinite(x[:, 1]).all()
        a.data[3] = value
        assert np.isnan(SparseLU.factor(a).solve(np.ones((6, 2)))).all()

    def test_empty(self) -> None:
        factors = SparseLU.factor(sp.csc_array((0, 0)))
        assert factors.solve(np.empty(0)).shape == (0,)
        assert factors.solve(np.empty((0, 3))).shape == (0, 3)

    def test_pickles_and_counts_bytes(self) -> None:
        factors = SparseLU.factor(laplacian(20))
        again = pickle.loads(pickle.dumps(factors))
        b = np.arange(400.0)
        np.testing.assert_array_equal(again.solve(b), factors.solve(b))
        assert again.shape == (400, 400)
        # Values alone take 8 bytes each.
        assert factors.nbytes >= 8 * (factors.factors.nnz + factors.a.nnz)

    def test_keeps_a_copy(self) -> None:
        a = sp.csc_array(full_rank(np.random.default_rng(0), 6, 6))
        factors, least = SparseLU.factor(a), SparseLeastSquares.factor(a)
        b = np.ones(6)
        before = factors.solve(b), least.lstsq(b).x
        a.data[:] = 7
        np.testing.assert_array_equal(factors.solve(b), before[0])
        np.testing.assert_array_equal(least.lstsq(b).x, before[1])

    def test_threads_share_factors(self) -> None:
        a = laplacian(25)
        factors = SparseLU.factor(a)
        bs = np.random.default_rng(0).standard_normal((40, 625))
        alone = [factors.solve(b) for b in bs]
        with ThreadPoolExecutor(4) as pool:
            together = list(pool.map(factors.solve, bs))
        np.testing.assert_array_equal(together, alone)


def assert_like_numpy(
    a: np.ndarray, b: np.ndarray, rcond: float | None = None, tolerance: float = 1e-9
) -> None:
    got, want = SparseLeastSquares.factor(sp.csc_array(a)).lstsq(b, rcond), np.linalg.lstsq(a, b, rcond)
    x, residuals, rank, s = want
    assert type(got.rank) is np.int32
    assert got.rank == rank
    assert (got.x.shape, got.x.dtype) == (x.shape, x.dtype)
    assert (got.residuals.shape, got.residuals.dtype) == (residuals.shape, residuals.dtype)
    assert got.s is not None
    np.testing.assert_allclose(got.s, s, rtol=1e-12, atol=20 * EPS * s.max(initial=0))
    # NumPy's own rounding where x is 0 because b is orthogonal to the range.
    noise = 100 * EPS * float(np.abs(b).max(initial=0)) / float(s[rank - 1]) if rank else 0.0
    np.testing.assert_allclose(got.x, x, rtol=tolerance, atol=tolerance * np.abs(x).max(initial=0) + noise)
    size = float(np.abs(b).max(initial=0)) ** 2
    np.testing.assert_allclose(got.residuals, residuals, rtol=tolerance, atol=1e-20 * size)


class TestReduction:
    @settings(max_examples=150, deadline=None)
    @given(
        m=st.integers(0, 25),
        n=st.integers(0, 25),
        k=st.none() | st.integers(0, 3),
        density=st.sampled_from([0.05, 0.2, 0.7]),
        dtypes=st.sampled_from(["dd", "dD", "Dd", "DD"]),
        rcond=st.sampled_from([None, 1e-3, 1e-8]),
        scale=st.sampled_from([0, 0, -290, 290]),
        seed=st.integers(0, 2**20),
    )
    def test_like_numpy(
        self,
        m: int,
        n: int,
        k: int | None,
        density: float,
        dtypes: str,
        rcond: float | None,
        scale: int,
        seed: int,
    ) -> None:
        rng = np.random.default_rng(seed)
        a = sparse(rng, m, n, density, dtypes[0])
        s = np.linalg.svd(a, compute_uv=False)
        cutoff = (EPS * max(m, n) if rcond is None else rcond) * s.max(initial=0)
        kept = s[s > 1e-13 * s.max(initial=0)]
        if s.size and ((kept < 1e4 * cutoff).any() or (kept < 1e-5 * s.max()).any()):
            return  # too near the cutoff, or too ill conditioned, for one tolerance
        b = sparse(rng, m, 1 if k is None else k, 0.8, dtypes[1])
        assert_like_numpy(a * 10.0**scale, b[:, 0] if k is None else b, rcond, 1e-7)

    @pytest.mark.parametrize("block", [1, 1 << 12])
    @pytest.mark.parametrize("shape", [(400, 40), (40, 400), (90, 90)])
    @pytest.mark.parametrize("dtype", ["d", "D"])
    def test_many_blocks(self, block: int, shape: tuple[int, int], dtype: str, monkeypatch: Any) -> None:
        monkeypatch.setattr(sparse_methods, "BLOCK_BYTES", block)
        rng = np.random.default_rng(7)
        assert_like_numpy(full_rank(rng, *shape, dtype), rng.standard_normal((shape[0], 2)))

    def test_banded_in_shuffled_rows(self, monkeypatch: Any) -> None:
        # Blocks touch windows of R; one row that spans all columns makes the windows grow.
        monkeypatch.setattr(sparse_methods, "BLOCK_BYTES", 1)
        rng = np.random.default_rng(8)
        a = sp.diags_array(
            rng.standard_normal((3, 80)), offsets=[0, 1, 2], shape=(80, 80)
        ).toarray() + 2 * np.eye(80)
        for extra in (np.zeros((0, 80)), np.eye(1, 80, 3) + np.eye(1, 80, 77), np.ones((1, 80))):
            rows = rng.permutation(np.vstack([a, 0.5 * a[::2], a[5:20], extra]))
            assert_like_numpy(rows, rng.standard_normal(len(rows)))
            assert_like_numpy(rows.T.copy(), rng.standard_normal(80))

    @pytest.mark.parametrize("power", [0, 3, 6, 8, 10, 12, 13])
    @pytest.mark.parametrize("kind", ["values", "rows", "columns", "wide", "complex"])
    def test_digits(self, kind: str, power: int) -> None:
        rng = np.random.default_rng(9)
        x_errors, r_errors = [], []
        for noise in (0.0, 1e-3, 1.0):
            for _ in range(15):
                a = conditioned(rng, 30, 7, power)
                if kind in {"rows", "columns"}:
                    scale = rng.permutation(np.logspace(0, -power, 30 if kind == "rows" else 7))
                    a = full_rank(rng, 30, 7) * (scale[:, None] if kind == "rows" else scale)
                elif kind == "complex":
                    a = a * np.exp(1j * rng.uniform(0, 6, (30, 1)))
                elif kind == "wide":
                    a = a.T.copy()
                b = a @ rng.standard_normal(a.shape[1])
                b = b + noise * np.linalg.norm(b) * rng.standard_normal(len(b))
                x, squared = exact(a, b)
                ours = SparseLeastSquares.factor(sp.csc_array(a)).lstsq(b, 1e-16)
                numpys = np.linalg.lstsq(a, b, 1e-16)
                x_errors.append((error(ours.x, x), error(numpys[0], x)))
                if kind != "wide" and noise:
                    r_errors.append([abs(r[0] - squared) / squared for r in (ours.residuals, numpys[1])])
        assert digits_lost(x_errors) <= 0.5
        if r_errors:
            mine, theirs = np.median(r_errors, axis=0)
            assert mine <= 3.2 * theirs + 30 * EPS  # a sum of 30 squares

    def test_beyond_the_seminormal_equations_it_reduces_again(self, monkeypatch: Any) -> None:
        calls = []
        reduced = sparse_methods.reduced
        monkeypatch.setattr(
            sparse_methods, "reduced", lambda *args: calls.append(len(args)) or reduced(*args)
        )
        rng = np.random.default_rng(10)
        for power, expected in ((9, [1]), (12, [1, 2])):
            calls.clear()
            a = conditioned(rng, 30, 6, power)
            SparseLeastSquares.factor(sp.csc_array(a)).lstsq(a @ np.ones(6), 1e-16)
            assert calls == expected

    @pytest.mark.parametrize("shape", [(30, 12), (12, 30), (15, 15)])
    def test_rank_deficient(self, shape: tuple[int, int]) -> None:
        rng = np.random.default_rng(11)
        for _ in range(10):
            a = full_rank(rng, *shape)
            a[:, 3] = a[:, 1] + a[:, 2]
            a[4] = a[5]
            assert_like_numpy(a, rng.standard_normal((shape[0], 2)))

    def test_minimum_norm(self) -> None:
        # Three equal columns share their unknown; the empty one gets none of it.
        a = np.zeros((5, 4))
        a[:, :3] = np.arange(1.0, 6)[:, None]
        solution = SparseLeastSquares.factor(sp.csc_array(a)).lstsq(3 * np.arange(1.0, 6))
        np.testing.assert_allclose(solution.x, [1, 1, 1, 0], rtol=1e-14)
        assert solution.rank == 1
        assert solution.residuals.shape == (0,)

    @pytest.mark.parametrize("rcond", [0, -1, 1, 2, -np.inf])
    def test_odd_cutoffs(self, rcond: float) -> None:
        rng = np.random.default_rng(12)
        assert_like_numpy(full_rank(rng, 12, 5), rng.standard_normal(12), rcond)

    @pytest.mark.parametrize("rcond", [0.3, 0.05, 1e-4])
    def test_cutoffs_truncate(self, rcond: float) -> None:
        rng = np.random.default_rng(13)
        for a in (conditioned(rng, 20, 8, 6), conditioned(rng, 20, 8, 6).T.copy()):
            assert_like_numpy(a, rng.standard_normal((len(a), 2)), rcond)

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_not_finite(self, value: float) -> None:
        a = sp.csc_array(full_rank(np.random.default_rng(0), 8, 4))
        b = np.ones((8, 3))
        b[2, 1] = value
        for given_b in (b, b + 1j):
            solution = SparseLeastSquares.factor(a).lstsq(given_b)
            assert np.isnan(solution.x[:, 1]).all()
            assert np.isnan(solution.residuals[1])
            assert np.isfinite(solution.x[:, [0, 2]]).all()
            assert np.isfinite(solution.residuals[[0, 2]]).all()
            assert solution.s is not None
            assert np.isfinite(solution.s).all()
        a.data[2] = value
        with pytest.raises(np.linalg.LinAlgError, match="nan or inf"):
            SparseLeastSquares.factor(a)

    def test_wrong_sizes(self) -> None:
        with pytest.raises(np.linalg.LinAlgError, match="Incompatible dimensions"):
            SparseLeastSquares.factor(sp.csc_array(np.ones((3, 2)))).lstsq(np.ones(2))

    def test_stored_zeros(self) -> None:
        a = sp.csc_array(full_rank(np.random.default_rng(0), 9, 4))
        a.data[a.indptr[1] : a.indptr[2]] = 0
        got = SparseLeastSquares.factor(a).lstsq(np.arange(9.0))
        assert got.rank == 3
        np.testing.assert_allclose(got.x, np.linalg.lstsq(a.toarray(), np.arange(9.0))[0], atol=1e-13)

    def test_the_same_again(self) -> None:
        rng = np.random.default_rng(14)
        a, b = sp.csc_array(conditioned(rng, 20, 8, 15)), rng.standard_normal(20)
        first = SparseLeastSquares.factor(a)
        for other in (first, SparseLeastSquares.factor(a), pickle.loads(pickle.dumps(first))):
            assert other.lstsq(b).rank == first.lstsq(b).rank
            np.testing.assert_array_equal(other.lstsq(b).s, first.lstsq(b).s)

    def test_memory_is_blocks_not_the_matrix(self) -> None:
        rng = np.random.default_rng(15)
        m, n = 150_000, 60  # 72 MB if it were dense
        rows = np.repeat(np.arange(m), 2)
        a = sp.csc_array((rng.standard_normal(2 * m), (rows, rng.integers(0, n, 2 * m))), shape=(m, n))
        b = rng.standard_normal(m)
        SparseLeastSquares.factor(sp.csc_array(np.eye(3))).lstsq(np.ones(3))  # imports
        for matrix, side in ((a, b), (sp.csc_array(a.T), b[:n])):
            tracemalloc.start()
            factors = SparseLeastSquares.factor(matrix)
            factors.lstsq(side)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            held = matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
            assert factors.method == "reduction"
            assert held <= factors.nbytes <= 1.1 * held + 16 * n * n
            assert peak <= 4 * held + 3 * sparse_methods.BLOCK_BYTES + 32 * n * n


@pytest.fixture
def no_reduction(monkeypatch: Any) -> None:
    monkeypatch.setattr(sparse_methods, "REDUCIBLE", 0)


@pytest.mark.usefixtures("no_reduction")
class TestNormal:
    @pytest.mark.parametrize("wide", [False, True])
    @pytest.mark.parametrize("dtype", ["d", "D"])
    def test_like_numpy(self, wide: bool, dtype: str) -> None:
        rng = np.random.default_rng(16)
        a = full_rank(rng, 90, 40, dtype) * np.logspace(0, -4, 40)
        a[:, 7] = 0 if not wide else a[:, 7]
        a = a.conj().T.copy() if wide else a
        b = rng.standard_normal((len(a), 2)) + 1j
        factors = SparseLeastSquares.factor(sp.csc_array(a))
        for kept in (factors, pickle.loads(pickle.dumps(factors))):
            got = kept.lstsq(b)
            x, residuals, rank, _ = np.linalg.lstsq(a, b)
            assert got.method == "normal"
            assert got.s is None
            assert got.rank == rank
            np.testing.assert_allclose(got.x, x, rtol=1e-9, atol=1e-10 * np.abs(x).max())
            np.testing.assert_allclose(got.residuals, residuals, rtol=1e-11)

    @pytest.mark.parametrize("power", [0, 2, 4, 5])
    @pytest.mark.parametrize("wide", [False, True])
    def test_digits(self, power: int, wide: bool) -> None:
        rng = np.random.default_rng(17)
        errors = []
        for _ in range(9):
            a = conditioned(rng, 30, 7, power)
            a = a.T.copy() if wide else a
            b = rng.standard_normal(len(a))
            x, _ = exact(a, b)
            got = SparseLeastSquares.factor(sp.csc_array(a)).lstsq(b)
            assert got.method == "normal"
            errors.append((error(got.x, x), error(np.linalg.lstsq(a, b)[0], x)))
        mine, theirs = np.median(errors, axis=0)
        assert mine <= 3.2 * theirs + EPS

    def test_unsound_is_refused(self) -> None:
        rng = np.random.default_rng(18)
        equal = full_rank(rng, 40, 10)
        equal[:, 3] = equal[:, 4]
        for a in (conditioned(rng, 40, 10, 9), conditioned(rng, 40, 10, 14), equal, equal.T.copy()):
            assert SparseLeastSquares.factor(sp.csc_array(a)).method == "lsmr"

    def test_large(self) -> None:
        a = grid(40)
        b = np.random.default_rng(19).standard_normal(a.shape[0])
        solution = SparseLeastSquares.factor(a).lstsq(b)
        assert solution.method == "normal"
        assert solution.rank == 1600
        assert np.abs(a.T @ (b - a @ solution.x)).max() < 1e-13

    def test_fill_too_large(self, monkeypatch: Any) -> None:
        a = grid(12)
        assert SparseLeastSquares.factor(a).method == "normal"
        for limit in ("FILL_BYTES", "FILL_FLOPS", "GRAM_PRODUCTS"):
            with monkeypatch.context() as patch:
                patch.setattr(sparse_methods, limit, 1)
                assert SparseLeastSquares.factor(a).method == "lsmr"

    def test_cutoff_it_cannot_honour(self) -> None:
        a = conditioned(np.random.default_rng(20), 40, 10, 4)
        factors = SparseLeastSquares.factor(sp.csc_array(a))
        with pytest.warns(LinAlgWarning, match="rcond"):
            solution = factors.lstsq(np.ones(40), 1e-2)
        assert solution.rank is None


@pytest.mark.usefixtures("no_reduction")
class TestIteration:
    @pytest.mark.parametrize("shape", [(40, 20), (20, 40)])
    @pytest.mark.parametrize("dtype", ["d", "D"])
    def test_minimum_norm(self, shape: tuple[int, int], dtype: str) -> None:
        rng = np.random.default_rng(21)
        a = full_rank(rng, *shape, dtype)
        a[:, 3] = a[:, 4]
        a[7] = a[6]
        b = rng.standard_normal((shape[0], 2)) + 1j
        got = SparseLeastSquares.factor(sp.csc_array(a)).lstsq(b)
        assert got.method == "lsmr"
        assert got.rank is None
        assert got.s is None
        assert got.residuals.shape == ((2,) if shape[0] > shape[1] else (0,))
        np.testing.assert_allclose(got.x, np.linalg.lstsq(a, b)[0], rtol=1e-8, atol=1e-9)

    def test_says_when_it_does_not_converge(self) -> None:
        rng = np.random.default_rng(22)
        a = full_rank(rng, 400, 300) * np.logspace(0, -9, 300)
        factors = SparseLeastSquares.factor(sp.csc_array(a))
        assert factors.method in {"normal", "lsmr"}
        iteration = SparseLeastSquares(factors.a, None, None, 0, sparse_methods.Iteration(factors.a))
        with pytest.warns(LinAlgWarning, match="did not converge"):
            iteration.lstsq(rng.standard_normal(400))

    def test_nan_is_quick_and_silent(self) -> None:
        a = sp.csc_array(full_rank(np.random.default_rng(0), 30, 10))
        factors = SparseLeastSquares(a, None, None, 0, sparse_methods.Iteration(a))
        b = np.ones((30, 2))
        b[3, 0] = np.nan
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            x = factors.lstsq(b).x
        assert np.isnan(x[:, 0]).all()
        assert np.isfinite(x[:, 1]).all()


def test_reduces_where_the_normal_equations_fail(monkeypatch: Any) -> None:
    monkeypatch.setattr(sparse_methods, "REDUCED_FIRST", 0)
    rng = np.random.default_rng(23)
    assert SparseLeastSquares.factor(sp.csc_array(full_rank(rng, 30, 6))).method == "normal"
    assert SparseLeastSquares.factor(sp.csc_array(conditioned(rng, 30, 6, 11))).method == "reduction"


def test_importing_loads_no_scipy() -> None:
    code = (
        "import sys; before = set(sys.modules); import einroute._factors.sparse_direct;"
        "print(sorted(m for m in sys.modules if m.partition('.')[0] == 'scipy' and m not in before))"
    )
    assert printed(code) == "[]"


class TestUnsoundIndices:
    """SciPy's conversions would read and write outside of the arrays."""

    @staticmethod
    def _spoilt(made: str, how: str) -> Any:
        a = (sp.random_array((60, 60), density=0.2, rng=1) + 10 * sp.eye_array(60)).asformat(made)
        if how == "pointer":
            a.indptr[3] = 10**6
        elif how == "short":
            a.data = a.data[:-5]
        else:
            (a.coords[0] if made == "coo" else a.indices)[0] = {"past": 99, "negative": -1, "far": 10**8}[how]
        return a

    @pytest.mark.parametrize("function", [einroute.lstsq, einroute.linalg.solve])
    @pytest.mark.parametrize("made", ["csr", "csc", "bsr", "coo"])
    @pytest.mark.parametrize("how", ["past", "negative", "far", "pointer", "short"])
    def test_is_refused(self, function: Any, made: str, how: str) -> None:
        if (made, how) in {("coo", "pointer"), ("bsr", "short"), ("coo", "short")}:
            pytest.skip("SciPy's own types do not let that happen")
        with pytest.raises(ValueError, match=r"^a \("):
            function(self._spoilt(made, how), np.ones(60))

    def test_is_refused_by_factorize(self) -> None:
        with pytest.raises(ValueError, match=r"^a \("):
            einroute.factorize(self._spoilt("csr", "far"))


@pytest.mark.parametrize("rcond", ["x", [0.1], 1j])
def test_a_cutoff_that_is_no_number_is_named(rcond: Any) -> None:
    with pytest.raises(TypeError, match="rcond is"):
        einroute.lstsq(sp.csr_array(np.eye(3)), np.ones(3), rcond)
