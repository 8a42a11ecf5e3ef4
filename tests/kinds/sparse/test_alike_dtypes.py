"""Dtypes of one width and sign that NumPy tells apart: ``long`` and ``longlong``."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import sparse

import einroute as er
from tests.sparse_helpers import written_out

FORMS = {
    "csr": sp.csr_array,
    "csc": sp.csc_array,
    "coo": sp.coo_array,
    "bsr": sp.bsr_array,
    "dia": sp.dia_array,
    "COO": sparse.COO.from_numpy,
    "GCXS": sparse.GCXS.from_numpy,
}


@pytest.mark.parametrize("dtypes", [*permutations("lq"), *permutations("LQ"), *permutations("iq")])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "subscripts", ["ij,jk->ik", "ij,jk->ki", "ij,kj->i", "ij,jk->", "ij,ij->ij", "ij,ji->ij", "ij,ij->i"]
)
def test_of_both_operands(subscripts: str, form: str, dtypes: tuple[str, str]) -> None:
    rng = np.random.default_rng(0)
    a, b = (np.where(rng.random((5, 5)) < 0.5, rng.integers(1, 9, (5, 5)), 0).astype(x) for x in dtypes)
    right = np.einsum(subscripts, a, b)
    made: Any = FORMS[form]
    for operands in ((made(a), made(b)), (made(a), b), (a, made(b))):
        got = written_out(er.einsum(subscripts, *operands))
        assert got.dtype == right.dtype
        np.testing.assert_array_equal(got, right)
