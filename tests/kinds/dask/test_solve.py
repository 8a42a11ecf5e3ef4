"""solve, inv and pinv of dask arrays against numpy.linalg's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import einroute as er

pytest.importorskip("dask.array")

import dask.array as da
import scipy.sparse

from tests.kinds.dask.lstsq_helpers import chunked, matrix, ran


def same(lazy: Any, expected: np.ndarray, digits: float = 1e-11) -> None:
    assert isinstance(lazy, da.Array)
    assert (lazy.shape, lazy.dtype) == (expected.shape, expected.dtype)
    value = lazy.compute()
    assert (value.shape, value.dtype) == (expected.shape, expected.dtype)
    digits = digits if expected.dtype.char in "dD" else 1e-4
    np.testing.assert_allclose(value, expected, rtol=digits, atol=digits * np.abs(expected).max(initial=0))


@pytest.mark.parametrize("dtype", list("dfDFl?"))
@pytest.mark.parametrize(("rows", "columns"), [(-1, -1), (7, 11), (1, 40)])
def test_solve_and_inv(dtype: str, rows: int, columns: int) -> None:
    a = matrix((40, 40), dtype)
    if dtype == "?":
        a = np.tri(40, dtype=bool)
    for k in (None, 3, 0):
        for other in "fD":
            b = matrix((40,) if k is None else (40, k), other, 1)
            expected = np.linalg.solve(a, b)
            lazy = chunked(a, rows, columns)
            for pair in ((lazy, chunked(b, 9, 2)), (lazy, b), (a, chunked(b, 9, 2))):
                same(er.linalg.solve(*pair), expected, 1e-9)
    same(er.linalg.inv(chunked(a, rows, columns)), np.linalg.inv(a), 1e-9)


def test_pivots_outside_the_diagonal_s_blocks() -> None:
    """dask's own blocked LU finds this matrix singular."""
    a = np.roll(np.eye(40), 20, axis=0) + 1e-3 * matrix((40, 40), "d")
    b = matrix((40, 2), "d", 1)
    same(er.linalg.solve(chunked(a, 10, 10), chunked(b, 10)), np.linalg.solve(a, b))
    same(er.linalg.inv(chunked(a, 10, 10)), np.linalg.inv(a))


def test_stacks() -> None:
    a, b = matrix((5, 6, 8, 8), "d"), matrix((6, 8, 2), "d", 1)
    lazy = da.from_array(a, chunks=(2, 4, 3, 8))
    same(er.linalg.solve(lazy, da.from_array(b, chunks=(5, 4, 1))), np.linalg.solve(a, b), 1e-9)
    same(er.linalg.solve(lazy, b[0, :, 0]), np.linalg.solve(a, b[0, :, 0]), 1e-9)
    same(er.linalg.inv(lazy), np.linalg.inv(a), 1e-9)
    same(er.linalg.pinv(lazy[..., :5]), np.linalg.pinv(a[..., :5]), 1e-9)


@pytest.mark.parametrize("shape", [(80, 6), (6, 80), (7, 7), (1, 5), (5, 1), (0, 3), (3, 0)])
@pytest.mark.parametrize("dtype", list("dfDl"))
def test_pinv(shape: tuple[int, int], dtype: str) -> None:
    a = matrix(shape, dtype)
    for lazy in (chunked(a, 9, 4), chunked(a, -1)):
        same(er.linalg.pinv(lazy), np.linalg.pinv(a), 1e-9)
        if min(shape) > 2:
            low = a.copy()
            low[:, 1] = low[:, 0]
            same(er.linalg.pinv(chunked(low, 9, 4), 1e-5), np.linalg.pinv(low, 1e-5), 1e-9)
        if dtype != "l" and a.size:
            same(er.linalg.pinv(lazy, rtol=1e-3), np.linalg.pinv(a, rtol=1e-3), 1e-9)
            same(er.linalg.pinv(lazy, rtol=None), np.linalg.pinv(a, rtol=None), 1e-9)


def test_pinv_of_a_hermitian_matrix_reads_one_triangle() -> None:
    a = matrix((12, 12), "D")
    expected = np.linalg.pinv(a, hermitian=True)  # of its lower triangle
    same(er.linalg.pinv(chunked(a, 5, 5), hermitian=True), expected, 1e-9)


def test_the_long_side_is_never_gathered() -> None:
    names = ran(er.linalg.pinv(chunked(matrix((3, 900), "d"), -1, 100)))
    assert names.count("lstsq-qr") == 9
    assert names.count("lstsq-expand") == 9 + 2 + 1


def test_errors() -> None:
    square, unknown = da.ones((4, 4), chunks=2), da.ones((4, 4))[da.ones(4) > 0]
    for call, error, match in (
        (lambda: er.linalg.solve(da.ones((3, 4)), da.ones(3)), np.linalg.LinAlgError, "square"),
        (lambda: er.linalg.solve(square, da.ones(3)), ValueError, "4 rows"),
        (lambda: er.linalg.solve(square, scipy.sparse.eye_array(4)), TypeError, "sparse"),
        (lambda: er.linalg.inv(da.ones((3, 4))), np.linalg.LinAlgError, "square"),
        (lambda: er.linalg.inv(da.ones(3)), np.linalg.LinAlgError, "two dimensions"),
        (lambda: er.linalg.inv(unknown), ValueError, "compute_chunk_sizes"),
        (lambda: er.linalg.solve(unknown, da.ones(4)), ValueError, "compute_chunk_sizes"),
        (lambda: er.linalg.pinv(unknown), ValueError, "compute_chunk_sizes"),
        (lambda: er.linalg.pinv(square, 0.1, rtol=0.1), ValueError, "two names"),
        (lambda: er.linalg.pinv(da.ones((4, 4), dtype=int), rtol=None), ValueError, "dtype"),
        (lambda: er.linalg.inv(da.zeros((4, 4))).compute(), np.linalg.LinAlgError, "Singular"),
        (lambda: er.linalg.pinv(da.full((4, 4), np.nan)).compute(), np.linalg.LinAlgError, "nan"),
    ):
        with pytest.raises(error, match=match):
            call()
    with er.config(forbid="factors.lu"), pytest.raises(RuntimeError, match=r"factors\.lu is forbidden"):
        er.linalg.inv(square)
    with er.config(memory_limit=100), pytest.raises(RuntimeError, match="memory_limit is 100"):
        er.linalg.inv(square)


def test_explained_without_a_graph() -> None:
    a = da.ones((3000, 4), chunks=100)
    for call, route in (
        ((er.linalg.pinv, a), "factors.tsqr"),
        ((er.linalg.solve, a[:4], np.ones(4)), "factors.lu"),
        ((er.linalg.inv, a[:4]), "factors.lu"),
    ):
        assert er.explain(*call).routes == (route,)


def test_keys_are_deterministic() -> None:
    a = chunked(matrix((8, 8), "d"), 3, 3)
    for call in (lambda: er.linalg.inv(a), lambda: er.linalg.solve(a, a), lambda: er.linalg.pinv(a)):
        assert call().name == call().name


def test_chunks_of_another_kind_of_dtype_than_said() -> None:
    """Complex chunks of an array that says it is real are an error, never their real parts."""
    a, b = matrix((40, 4), "d"), matrix((40,), "d", 1)
    square = matrix((8, 8), "d")

    def complex_of(x: np.ndarray, rows: int) -> Any:
        return chunked(x, rows, -1).map_blocks(
            lambda block: block * 1j, dtype=float, meta=np.empty((0,) * x.ndim)
        )

    wrong, wrong_b, wrong_square = complex_of(a, 9), complex_of(b, 9), complex_of(square, 3)
    for lazy in (
        er.lstsq(wrong, b)[0],
        er.lstsq(chunked(a, 9, -1), wrong_b)[0],
        er.lstsq(wrong.T, a[0])[0],
        er.lstsq(chunked(a, 9, -1).T, wrong_b[:4])[0],
        er.linalg.pinv(wrong),
        er.linalg.solve(wrong_square, b[:8]),
        er.linalg.solve(chunked(square, 3, -1), wrong_b[:8]),
        er.linalg.inv(wrong_square),
    ):
        with pytest.raises(TypeError, match="the right dtype="):
            lazy.compute()
    with pytest.raises(TypeError, match="the right dtype="):
        er.factorize(wrong).lstsq(b)[0].compute()


@pytest.mark.parametrize("dtype", ["?", "i4", "f4", "f8"])
def test_pseudo_inverses_of_nothing_have_numpys_dtype(dtype: str) -> None:
    for shape in ((0, 0), (0, 3), (2, 0), (2, 0, 0), (2, 3, 0)):
        a = np.empty(shape, dtype)
        same(er.linalg.pinv(da.from_array(a)), np.linalg.pinv(a))
