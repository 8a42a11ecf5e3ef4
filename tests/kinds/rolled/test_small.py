"""Small calls with a rolled operand: the same however often they come, by NumPy's einsum and by a plan."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import einroute as er

from .test_rolled import case, numbers

CALLS = 150
FORMS = (
    "ij,j->i",
    "ij,i->j",
    "imn,ijnl->ijml",
    "ijn,jn->i",
    "ij,ij->",
    "ij->i",
    "ij->j",
    "ijn->nj",
    "z,ij->ij",
)


@pytest.mark.parametrize("dtype", ["f8", "c8", "i8", "i1", "?"])
@pytest.mark.parametrize("step", [1, -1, 3])
@pytest.mark.parametrize("subscripts", FORMS)
def test_calls_that_come_often(rng, subscripts, step, dtype):
    operands = case(rng, subscripts, 6, 3, step, dtype)
    right = np.einsum(subscripts, *(np.asarray(x) for x in operands))
    er.cache_clear()
    results = [er.einsum(subscripts, *operands) for _ in range(CALLS)]
    for result in results:
        assert type(result) is type(right)
        assert (result.dtype, result.shape) == (right.dtype, right.shape)
        np.testing.assert_allclose(result, right, rtol=1e-4, atol=1e-4)
    if isinstance(right, np.ndarray):
        assert all(x.flags.writeable for x in results)
        assert not any(np.shares_memory(results[-1], x) for x in results[:-1])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e308])
@pytest.mark.parametrize("subscripts", ["ij,j->i", "imn,ijnl->ijml", "ij->i", "ij->j"])
def test_what_is_not_finite_comes_after_what_is(rng, subscripts, value):
    operands: list[Any] = case(rng, subscripts, 6, 3)
    er.cache_clear()
    for _ in range(CALLS):
        er.einsum(subscripts, *operands)
    for x in operands:
        (x if isinstance(x, np.ndarray) else x.base)[...] = value
    right = np.einsum(subscripts, *(np.asarray(x) for x in operands))
    np.testing.assert_array_equal(er.einsum(subscripts, *operands), right)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize(("d", "k"), [(5, 1), (5, 2), (5, 5), (5, 6), (5, 11), (1, 4)])
def test_every_number_of_rollings(rng, d, k, axis):
    for step in (1, -1, 2, -2, 4):
        base = numbers(rng, (d, 3) if axis == 0 else (3, d), "f8")
        x, a = er.rolled(base, k, axis=axis, step=step), numbers(rng, k, "f8")
        for subscripts in ("ijn,j->ijn", "ijn,j->in") if axis == 0 else ("nij,j->nij", "nij,j->in"):
            right = np.einsum(subscripts, np.asarray(x), a)
            for _ in range(70):
                np.testing.assert_allclose(er.einsum(subscripts, x, a), right, atol=1e-13)
