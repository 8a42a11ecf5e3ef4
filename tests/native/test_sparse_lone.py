"""Rows of one entry, in stretches between others: bits, indices that lie, and numbers that are not finite."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from einroute._native import CORE

pytestmark = pytest.mark.skipif(CORE is None, reason="the core is not there")

#: Entries of rows: all alone, and stretches of those between others.
COUNTS = ([1] * 40, [1, 1, 1, 0, 1, 1, 2, 1, 3, 0, 0, 1] * 4)


def parts(counts: list[int], columns: int, dtype: str, index: Any = np.int32) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(7)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(index)
    entries = indptr[-1]
    data = rng.integers(-3, 4, entries).astype(dtype)
    return indptr, rng.integers(0, columns, entries).astype(index), data


@pytest.mark.parametrize("isa", ["baseline", ""])
@pytest.mark.parametrize("columns", [20, 40_000])
@pytest.mark.parametrize("dtype", "bHifdFD")
def test_bits(dtype: str, columns: int, isa: str) -> None:
    rng = np.random.default_rng(8)
    for counts in COUNTS:
        for index in (np.int32, np.int64):
            indptr, indices, data = parts(counts, columns, dtype, index)
            for width in (2, 4, 8, 9, 16, 32, 37):
                x = rng.integers(-3, 4, (columns, width)).astype(dtype)
                expected = np.zeros((len(counts), width), dtype)
                np.add.at(expected, np.repeat(np.arange(len(counts)), counts), data[:, None] * x[indices])
                made = np.ones_like(expected)
                try:
                    CORE.choose_isa(isa)
                    assert CORE.multiply_compressed(indptr, indices, data, True, x, made, 1)
                finally:
                    CORE.choose_isa("")
                assert made.tobytes() == expected.tobytes()


@pytest.mark.parametrize("columns", [30, 20_000])
@pytest.mark.parametrize(
    ("part", "at", "value"),
    [(1, 0, -1), (1, 39, 20_000), (1, 7, 2**31 - 1), (0, 0, -1), (0, 5, -7), (0, 40, 41), (0, 9, 2**31 - 1)],
)
def test_lies(part: int, at: int, value: int, columns: int) -> None:
    for width in (4, 8, 13):
        given = parts([1] * 40, columns, "d")
        given[part][at] = value
        x, y = np.ones((columns, width)), np.empty((40, width))
        assert CORE.multiply_compressed(*given, True, x, y, 1) is False


@pytest.mark.parametrize("dtype", "fdFD")
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_is_seen(value: float, dtype: str) -> None:
    for counts in COUNTS:
        indptr, indices, _ = parts(counts, 20, dtype)
        a = sparse.csr_array((np.ones(len(indices), dtype), indices, indptr), shape=(len(counts), 20))
        for width in (2, 3, 4, 8, 9, 16, 37):
            product = CORE.SparseProduct(lambda *_: None, dtype, 0, False, *a.shape, (20, width), 0, 0)
            for at in (0, width - 1):
                x = np.ones((20, width), dtype)
                np.testing.assert_array_equal(product(a, x), a @ x)
                x[indices[0], at] = value
                assert product(a, x) is None  # the fallback answers
