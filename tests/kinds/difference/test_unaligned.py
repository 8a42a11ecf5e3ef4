"""Points, metrics and weights whose elements lie across the bounds of their size."""

from __future__ import annotations

import numpy as np
import pytest

import einroute as er

RNG = np.random.default_rng(0)
FORMS = {
    "ijk,ijk->ij": "",
    "ijk,ijk->i": "",
    "ijk,ijk,k->ij": "k",
    "ijk,ijk,k->i": "k",
    "ijk,ijk,bk->bij": "bk",
    "ijk,ijl,kl->ij": "kl",
    "ijk,ijl,kl,ij->": "kl,ij",
    "ijk,ijk,ij->": "ij",
    "ijk,ijl,ij->kl": "ij",
    "ijk,ij->ik": "ij",
    "ijk,k->ij": "k",
    "ijk->k": "",
}
SIZES = {"i": 60, "j": 70, "k": 4, "l": 4, "b": 3}


def unaligned(x: np.ndarray) -> np.ndarray:
    return np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape)


@pytest.mark.parametrize("subscripts", FORMS)
@pytest.mark.parametrize("dtype", ["f4", "f8", "c8"])
def test_unaligned_arrays(subscripts: str, dtype: str) -> None:
    x, y = (RNG.integers(-4, 5, (SIZES[c], 4)).astype(dtype) for c in "ij")
    rest = [
        RNG.integers(0, 4, [SIZES[c] for c in term]).astype(dtype)
        for term in FORMS[subscripts].split(",")
        if term
    ]
    d = np.subtract.outer(x, y).diagonal(axis1=1, axis2=3)
    count = subscripts.count("ijk") + subscripts.count("ijl")
    expected = np.einsum(subscripts, *[d] * count, *rest)
    for own, other, given in ((unaligned(x), y, rest), (x, unaligned(y), rest), (x, y, map(unaligned, rest))):
        operands = [er.pairwise_difference(own, other)] * count + list(given)
        for _ in range(2):
            np.testing.assert_allclose(er.einsum(subscripts, *operands), expected, rtol=1e-5, atol=1e-5)
