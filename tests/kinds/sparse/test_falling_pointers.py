"""Pointers that decrease where there are no entries: every way to multiply sees them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import einroute as er

ROWS, COLUMNS = 50, 400
#: Columns before this one have no entry.
FIRST = 100
LAYOUTS = {
    "C": np.ascontiguousarray,
    "Fortran": np.asfortranarray,
    "turned": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "apart": lambda x: np.repeat(x, 2, axis=-1)[..., ::2],
}


def falling(entries: int, index: Any, at: int, value: int) -> Any:
    rng = np.random.default_rng(0)
    columns = np.sort(rng.integers(FIRST, COLUMNS, entries))
    rows = rng.integers(0, ROWS, entries).astype(index)
    a = sp.csc_array((np.ones(entries), (rows, columns)), shape=(ROWS, COLUMNS))
    a.data, a.indices = np.ones(entries), rows
    a.indptr = np.searchsorted(columns, np.arange(COLUMNS + 1)).astype(index)
    a.indptr[at] = value
    return a


@pytest.mark.parametrize("entries", [5, 60, 2000])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("at", "value"), [(5, 3), (1, 1), (15, 2), (16, 2), (17, 2), (5, -1), (40, 10**6)])
def test_among_columns_without_entries(entries: int, index: Any, layout: str, at: int, value: int) -> None:
    a = falling(entries, index, at, value)
    for width in (1, 2, 7, 8, 33, 65):
        x = LAYOUTS[layout](np.ones((COLUMNS, width)))
        for subscripts, operands in (
            ("ij,jk->ik", (a, x)),
            ("ij,jk->ki", (a, x)),
            ("ji,jk->ik", (a.T, x)),
            ("kj,ij->ki", (x.T, a)),
        ):
            with pytest.raises(ValueError, match=r"operand [01] .*cs[cr]_array.*indptr"):
                er.einsum(subscripts, *operands)
