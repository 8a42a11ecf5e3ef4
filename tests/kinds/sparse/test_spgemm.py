"""Products of two sparse matrices in blocks of rows, and sums of rows and of columns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import einroute as er
from einroute._kinds.sparse import spgemm


def _csr(a: Any) -> Any:
    b = a.tocsr()
    return b.indptr, b.indices, b.data


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "i8", "i1", "?"])
def test_products_of_blocks_of_rows(dtype: str, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spgemm, "_WORK", 1)
    rng = np.random.default_rng(0)
    for n, k, m in ((20, 30, 25), (1, 9, 4), (0, 3, 3), (7, 0, 3), (5, 5, 1)):
        a, b = (
            sp.csr_array(np.where(rng.random(s) < 0.3, rng.integers(-1, 2, s), 0).astype(dtype))
            for s in ((n, k), (k, m))
        )
        indptr, indices, data = spgemm.product(_csr(a), _csr(b), m, threads)
        right = a @ b
        assert len(indices) == len(data) == indptr[-1] == right.nnz  # sums that cancel are no entries
        assert data.dtype == right.dtype
        got = sp.csr_array((data, indices, indptr), shape=(n, m))
        np.testing.assert_array_equal(got.toarray(), right.toarray())


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
@pytest.mark.parametrize("output", ["i", "j"])
def test_sums_of_rows_and_of_columns(form: str, output: str) -> None:
    x = np.where(np.random.default_rng(0).random((50, 40)) < 0.1, 1.5, 0.0)
    x[3], x[:, 5], x[4, :2] = 0, 0, (1, -1)
    x[4, 2:] = 0  # a sum that cancels, and is an entry
    a = sp.csr_array(x).asformat(form)
    sums = er.einsum(f"ij->{output}", a)
    assert type(sums) is sp.coo_array
    np.testing.assert_allclose(sums.toarray(), np.einsum(f"ij->{output}", x))
    assert sums.nnz == (x != 0).any(axis=1 if output == "i" else 0).sum()
    wide = sp.csr_array(
        (a.tocsr().data, a.tocsr().indices.astype(np.int64), a.tocsr().indptr), shape=(50, 2**45)
    )
    np.testing.assert_allclose(np.sum(er.einsum("ij->j", wide).data), x.sum())
