"""The largest absolute value of integers, which bounds their products."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import einroute as er
from einroute._native import CORE

pytestmark = pytest.mark.skipif(CORE is None, reason="the core is not there")


@pytest.mark.parametrize("char", "bBhHiIlLqQ")
def test_is_pythons(char: str) -> None:
    ends = np.iinfo(char)
    rng = np.random.default_rng(0)
    for values in ([], [0], [ends.min], [ends.max], [ends.min, ends.max], [ends.min + 1, 3], [1, 2, 3]):
        x = np.array(values, char)
        assert CORE.magnitude(x) == max((abs(int(v)) for v in x), default=0)
    x = rng.integers(ends.min, ends.max, (7, 9), dtype=char)
    right = max(abs(int(v)) for v in x.ravel())
    for y in (x, x.T, x.copy("F"), x[None]):
        assert CORE.magnitude(y) == right


def test_what_is_no_block_is_left_to_numpy() -> None:
    x = np.arange(24).reshape(4, 6)
    unaligned = np.zeros(25 * 8, "b")[1:-7].view("l")
    for y in (x[:, ::2], x[::-1], x.astype(">i8"), unaligned, x.astype("d"), x.astype("?"), np.array([None])):
        assert CORE.magnitude(y) is None
    for wrong in (None, [1], 3):
        with pytest.raises(TypeError, match=r"expected a numpy.ndarray, not"):
            CORE.magnitude(wrong)


@pytest.mark.parametrize("char", "bBhHiIlLqQ")
@pytest.mark.parametrize("n", [3, 24, 40, 150])
def test_products_at_the_ends_of_a_dtype(char: str, n: int) -> None:
    ends = np.iinfo(char)
    a = np.full((n, n), ends.min, char)
    b = np.full((n, n), ends.max, char)
    a[0, 0] = b[-1, 0] = 1
    views: tuple[Any, ...] = (a, a.T, a[::-1], a.astype(np.dtype(char).newbyteorder()))
    for x in views:
        for y in (a, b, b[:, ::-1]):
            made, right = er.einsum("ij,jk->ik", x, y), np.einsum("ij,jk->ik", x, y)
            assert made.dtype == right.dtype
            assert (made == right).all()
