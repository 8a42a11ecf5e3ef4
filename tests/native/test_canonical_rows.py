"""Rows of a matrix, sorted and each place once: the values, for every dtype, of indices in any order."""

from __future__ import annotations

import numpy as np
import pytest

from einroute._native import CORE

if CORE is None:
    pytest.skip("the compiled core is not there", allow_module_level=True)


def added_up(
    data: np.ndarray, rows: np.ndarray, columns: np.ndarray, height: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same by a dictionary, entries of a place added in their order."""
    sums: dict[tuple[int, int], np.ndarray] = {}
    with np.errstate(all="ignore"):
        for i, j, x in zip(rows.tolist(), columns.tolist(), data, strict=True):
            sums[i, j] = sums[i, j] + x if (i, j) in sums else x
    places = sorted(sums)
    pointers = np.searchsorted([i for i, _ in places], np.arange(height + 1))
    return pointers, np.array([j for _, j in places]), np.array([sums[p] for p in places], data.dtype)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("index", ["i4", "i8"])
@pytest.mark.parametrize("dtype", "?bBhHiIlLqQfdFD")
def test_each_place_once_in_order(dtype: str, index: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width, entries = (
        (5, 4, 60),
        (40, 1, 100),
        (1, 900, 400),
        (7, 7, 0),
        (4000, 3, 60),
        (3000, 900, 5),
    )[seed]
    parts = rng.integers(-90, 90, (2, entries)) / 7
    data = (parts[0] + 1j * parts[1] if dtype in "FD" else parts[0]).astype(dtype)
    rows, columns = (rng.integers(0, n, entries).astype(index) for n in (height, width))
    for given in (np.arange(entries), np.argsort(rows, kind="stable")):
        d, r, c = data[given], rows[given], columns[given]
        right = added_up(d, r, c, height)
        made = [CORE.canonical_rows(d, None, 0, r, c, height, width)]
        by_row, by_column = np.argsort(r, kind="stable"), np.argsort(c, kind="stable")
        for axis, order, lines, others in ((0, by_row, r, c), (1, by_column, c, r)):
            n = (height, width)[axis]
            pointers = np.searchsorted(lines[order], np.arange(n + 1)).astype(index)
            made.append(
                CORE.canonical_rows(d[order], pointers, axis, others[order], others[order], height, width)
            )
        for pointers, indices, values in made:
            np.testing.assert_array_equal(pointers, right[0])
            np.testing.assert_array_equal(indices, right[1])
            assert values.dtype == data.dtype
            np.testing.assert_array_equal(values, right[2])
