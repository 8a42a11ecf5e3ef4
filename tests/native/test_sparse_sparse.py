"""Products of two matrices with compressed rows by the core."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from einroute._native import CORE

from .test_sparse_dense import DTYPES, matrix

pytestmark = pytest.mark.skipif(CORE is None, reason="the core is not there")

SIZES = ((7, 5, 9), (40, 30, 50), (1, 1, 1), (3, 200, 4), (0, 4, 3), (4, 0, 3), (4, 3, 0))


def written_out(parts: tuple[np.ndarray, ...], shape: tuple[int, int]) -> np.ndarray:
    indptr, indices, data = parts
    out = np.zeros(shape, data.dtype)
    rows = np.repeat(np.arange(shape[0]), np.diff(indptr))
    assert len(set(zip(rows.tolist(), indices.tolist(), strict=True))) == len(data)  # each place once
    assert data.all()
    out[rows, indices] = data
    return out


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("dtype", DTYPES)
def test_values(dtype: str, index: Any) -> None:
    rng = np.random.default_rng(0)
    for n, m, k in SIZES:
        for count in (0, 3, 400):
            a, left = matrix(rng, (n, m, count if n * m else 0), dtype, True, index)
            b, right = matrix(rng, (m, k, count if m * k else 0), dtype, True, index)
            made = CORE.multiply_sparse(*left, *right, k, 2)
            assert [x.dtype for x in made] == [index, index, a.dtype]
            expected = (a.astype(int) @ b.astype(int) > 0) if dtype == "?" else a @ b
            np.testing.assert_array_equal(written_out(made, (n, k)), expected)


@pytest.mark.parametrize("dtype", "fdFD")
def test_bits_are_scipys_and_do_not_depend_on_threads(dtype: str) -> None:
    rng = np.random.default_rng(1)
    a = sp.random_array((700, 700), density=0.05, format="csr", rng=rng).astype(dtype)
    parts = (a.indptr, a.indices, a.data)
    made = [CORE.multiply_sparse(*parts, *parts, 700, threads) for threads in (1, 2, 5)]
    for other in made[1:]:
        for x, y in zip(made[0], other, strict=True):
            np.testing.assert_array_equal(x, y)
    np.testing.assert_array_equal(written_out(made[0], a.shape), (a @ a).toarray())


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize(
    ("part", "at", "value"),
    [
        ("indices", 5, -1),
        ("indices", 5, 30),
        ("indptr", 3, -7),
        ("indptr", 3, 2**31 - 1),
        ("indptr", 30, 1000),
    ],
)
def test_lying_index_arrays(part: str, at: int, value: int, side: int) -> None:
    rng = np.random.default_rng(2)
    both = [list(matrix(rng, (30, 30, 300), "d", True)[1]) for _ in range(2)]
    both[side][1 if part == "indices" else 0][at] = value
    assert CORE.multiply_sparse(*both[0], *both[1], 30, 2) is None


def test_arrays_that_do_not_fit() -> None:
    rng = np.random.default_rng(3)
    _, (indptr, indices, data) = matrix(rng, (30, 30, 90), "d", True)
    for bad in (
        (indptr, indices, data, indptr, indices, data.astype("f"), 30),
        (indptr, indices, data, indptr.astype(np.int64), indices.astype(np.int64), data, 30),
        (indptr, indices, data.astype("g"), indptr, indices, data.astype("g"), 30),
        (indptr, indices, data, indptr, indices[::2], data, 30),
        (indptr[:0], indices, data, indptr, indices, data, 30),
        (indptr, indices, data, indptr, indices, data, -1),
    ):
        with pytest.raises(ValueError, match="do not fit"):
            CORE.multiply_sparse(*bad, 1)
