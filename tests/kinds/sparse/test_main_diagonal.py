"""The main diagonal of compressed matrices, and its sum: lines without entries are passed over."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import einroute as er

FORMS = ("csr", "csc")


def _compressed(form: str, n: int, at: Any, data: Any, index: Any) -> Any:
    """Entries as they are given, duplicates and all, in lines of that format."""
    rows, columns = (np.asarray(x, index) for x in at)
    line, other = (rows, columns) if form == "csr" else (columns, rows)
    order = np.argsort(line, kind="stable")
    indptr = np.searchsorted(line[order], np.arange(n + 1)).astype(index)
    made = sparse.csr_array if form == "csr" else sparse.csc_array
    a = made((n, n), dtype=data.dtype)
    a.data, a.indices, a.indptr = data[order], other[order], indptr
    return a


@given(
    st.sampled_from(FORMS), st.integers(1, 90), st.integers(0, 60), st.sampled_from("?bhilfdFD"),
    st.sampled_from([np.int32, np.int64]), st.booleans(), st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
def test_of_entries_in_any_order_and_twice(
    form: str, n: int, count: int, dtype: str, index: Any, on: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    at = rng.integers(0, n, (2, count))
    at[1] = np.where(rng.random(count) < 0.5, at[0], at[1]) if on else at[1]
    data = rng.integers(0, 2 if dtype == "?" else 9, count).astype(dtype)
    a = _compressed(form, n, at, data, index)
    dense = np.zeros((n, n), dtype)
    np.add.at(dense, tuple(at), data)
    for _ in range(2):  # planned, and found again
        total = er.einsum("ii->", a)
        assert total == np.einsum("ii->", dense)
        assert total.dtype == dtype
        found = er.einsum("ii->i", a)
        assert found.dtype == dtype
        np.testing.assert_array_equal(found.toarray(), np.einsum("ii->i", dense))


@pytest.mark.parametrize("subscripts", ["ii->", "ii->i"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("part", "where", "wrong"),
    [("indices", 1, -1), ("indices", 1, 100), ("indptr", 0, 1), ("indptr", 100, 5), ("indptr", 40, 3),
     ("indptr", 50, 10**6), ("indptr", 50, -1)],
)  # fmt: skip
def test_wrong_indices_are_named(subscripts: str, form: str, part: str, where: int, wrong: int) -> None:
    for _ in range(2):
        a = _compressed(form, 100, ([10, 60], [10, 61]), np.array([2.0, 3.0]), np.int32)
        assert er.einsum(subscripts, a).sum() == 2
        getattr(a, part)[where] = wrong
        with pytest.raises(ValueError, match="operand 0"):
            er.einsum(subscripts, a)
