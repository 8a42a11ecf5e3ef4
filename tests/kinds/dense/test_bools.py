"""Sums of products of bools that end at the first true term, where a sample says that they soon will."""

from __future__ import annotations

import numpy as np
import pytest

import einroute as er
from tests.helpers import forcing

ROUTE = "dense.bool_dot"
CASES = (
    ("i,i->", ((40_000,), (40_000,))),
    ("ij,jk->ik", ((30, 900), (900, 20))),
    ("a,abc->bc", ((900,), (900, 7, 6))),
    ("bij,bjk->bik", ((4, 9, 1200), (4, 1200, 5))),
    ("bij,bj->ib", ((4, 9, 1200), (4, 1200))),
    ("ij,ij->j", ((9000, 3), (9000, 3))),
)  # fmt: skip


@pytest.mark.parametrize(("subscripts", "shapes"), CASES)
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 1.0])
@pytest.mark.parametrize("layout", ["C", "F", "gaps"])
def test_bools_are_numpys(subscripts, shapes, share, layout):
    rng = np.random.default_rng(0)
    operands = []
    for shape in shapes:
        x = rng.random(shape) < share
        wide = np.zeros((*shape, 2), bool)
        wide[..., 0] = x
        operands.append({"C": x, "F": np.asarray(x, order="F"), "gaps": wide[..., 0]}[layout])
    with forcing(ROUTE) as ran:
        result = er.einsum(subscripts, *operands)
    right = np.einsum(subscripts, *operands)
    assert result.dtype == right.dtype == bool
    assert np.array_equal(result, right)
    assert (ROUTE in ran) == (share >= 0.5)


@pytest.mark.parametrize("period", [2, 64, 1000])
def test_a_sample_meets_what_is_true_in_a_pattern(period):
    a = np.zeros(1 << 20, bool)
    a[::period] = True
    with forcing(ROUTE) as ran:
        assert er.einsum("i,i->", a, a)
    assert (ROUTE in ran) == (period == 2)
