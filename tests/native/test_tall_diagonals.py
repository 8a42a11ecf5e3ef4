"""Diagonals of matrices with more rows than 32-bit integers count: their entries are listed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import einroute as er
from einroute._native import CORE

#: SciPy's conversion, which there is without the core, makes a pointer for each row.
pytestmark = pytest.mark.skipif(CORE is None, reason="the core is not there")

WIDTH = 10
#: Rows, and offsets of which some reach behind the last row that 32-bit integers count.
CASES = [
    (2**40, [-(2**31 - 2)]),
    (2**40, [-(2**31 - 5), 3]),
    (2**31 + 4, [-(2**31 - 2), -7, 0]),
    (2**40, [-5]),
]


def matrix(rows: int, offsets: list[int], index: Any) -> tuple[Any, dict[tuple[int, int], float]]:
    values = np.arange(1.0, 1 + WIDTH * len(offsets)).reshape(len(offsets), WIDTH)
    a = sp.dia_array((values, offsets), shape=(rows, WIDTH))
    a.offsets = a.offsets.astype(index)
    return a, {
        (j - offset, j): float(values[d, j])
        for d, offset in enumerate(offsets)
        for j in range(WIDTH)
        if 0 <= j - offset < rows
    }


def entries(result: Any) -> dict[tuple[int, ...], float]:
    coo = result.tocoo()
    return dict(zip(zip(*(x.tolist() for x in coo.coords), strict=True), coo.data.tolist(), strict=True))


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize(("rows", "offsets"), CASES)
def test_of_more_rows_than_32_bits_count(rows: int, offsets: list[int], index: Any) -> None:
    a, expected = matrix(rows, offsets, index)
    sums: dict[tuple[int, ...], float] = {}
    for (i, _), value in expected.items():
        sums[i,] = sums.get((i,), 0.0) + value
    assert entries(er.einsum("ij->i", a)) == sums
    assert entries(er.einsum("ij->ji", a)) == {(j, i): x for (i, j), x in expected.items()}
    assert entries(er.einsum("ij,j->ij", a, np.full(WIDTH, 2.0))) == {at: 2 * x for at, x in expected.items()}
    assert er.einsum("ij->", a) == sum(expected.values())
