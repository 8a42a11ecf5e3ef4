"""Index arrays and values whose elements lie across the bounds of their size."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

import einroute as er


def unaligned(x: np.ndarray) -> np.ndarray:
    return np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize("part", ["data", "indices", "indptr", "coords", "offsets"])
def test_unaligned_parts(form: str, part: str) -> None:
    rng = np.random.default_rng(0)
    a = sp.random_array((30, 30), density=0.1, rng=rng, format="coo").asformat(form)
    if not hasattr(a, part):
        pytest.skip("the format has no such part")
    given = getattr(a, part)
    written, v, x = a.toarray(), rng.random(30), rng.random((30, 4))
    setattr(a, part, tuple(map(unaligned, given)) if part == "coords" else unaligned(given))
    for subscripts, rest in (
        ("ij,j->i", (v,)),
        ("ij,i->j", (v,)),
        ("ij,jk->ik", (x,)),
        ("ij,ik,jk->ij", (x, x)),
        ("ij,jk->ik", (a,)),
        ("ij->i", ()),
    ):
        expected = np.einsum(subscripts, written, *(written if z is a else z for z in rest))
        for _ in range(2):
            got = er.einsum(subscripts, a, *rest)
            np.testing.assert_allclose(got.toarray() if sp.issparse(got) else got, expected, atol=1e-14)
