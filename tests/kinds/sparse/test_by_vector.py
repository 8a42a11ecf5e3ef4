"""Many coordinates, and blocks of one element, by a vector: taken as they come."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

import einroute as er

N, M, COUNT = 3000, 2500, 40_000


def _entries(dtype: str) -> sparse.coo_array:
    rng = np.random.default_rng(0)
    coords = rng.integers(0, N, COUNT), rng.integers(0, M, COUNT)  # some places twice
    return sparse.coo_array((rng.integers(-3, 4, COUNT).astype(dtype), coords), shape=(N, M))


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16", "i8"])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("form", ["coo", "bsr"])
def test_values(form: str, index: type, dtype: str) -> None:
    a = _entries(dtype)
    written = a.toarray()
    a.coords = tuple(x.astype(index) for x in a.coords)
    if form == "bsr":
        rows = a.tocsr()
        blocks = rows.data.reshape(-1, 1, 1)
        a = sparse.bsr_array((blocks, rows.indices.astype(index), rows.indptr.astype(index)), shape=(N, M))
    v, w = np.arange(M).astype(dtype), np.arange(N).astype(dtype)
    for subscripts, rest in (
        ("ij,j->i", (v[::-1],)),
        ("ij,i->j", (w,)),
        ("ij->i", ()),
        ("ij->j", ()),
        ("ij->", ()),
    ):
        expected = np.einsum(subscripts, written, *rest)
        for _ in range(2):
            got = er.einsum(subscripts, a, *rest)
            got = got.toarray() if sparse.issparse(got) else got
            np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("form", ["coo", "bsr"])
@pytest.mark.parametrize("bad", [-1, M, 2**30])
def test_an_index_that_is_out_of_range(form: str, bad: int) -> None:
    a, v = _entries("f8"), np.ones(M)
    if form == "bsr":
        rows = a.tocsr()
        a = sparse.bsr_array((rows.data.reshape(-1, 1, 1), rows.indices, rows.indptr), shape=(N, M))
    er.einsum("ij,j->i", a, v)
    (a.coords[1] if form == "coo" else a.indices)[COUNT // 2] = bad
    for subscripts, rest in (("ij,j->i", (v,)), ("ij->i", ())):
        with pytest.raises(ValueError, match="cannot be used"):
            er.einsum(subscripts, a, *rest)
