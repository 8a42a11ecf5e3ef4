"""Sums of squares of rows, and how many elements are large, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from einroute._native import CORE

pytestmark = pytest.mark.skipif(CORE is None, reason="a function of the compiled core")


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 8), (5, 1001), (4, 64)])
def test_is_what_numpy_finds(rng, dtype, shape):
    x = rng.standard_normal(shape).astype(dtype)
    if dtype[0] == "c":
        x = (x * (1 - 2j)).astype(dtype)
    if len(x) > 2:
        x[1] = 0
    squares = (np.abs(x.astype("c16")) ** 2).sum(1)
    low, high, fewest = CORE.row_squares(x)
    np.testing.assert_allclose((low, high), (squares[squares > 0].min(), squares.max()), rtol=1e-6)
    large = np.abs(x.astype("c16")) ** 2 >= (squares / (16 * shape[1]))[:, None]
    assert fewest == large.sum(1).min()
    wide = np.repeat(x, 2, 0)[::2]
    assert CORE.row_squares(wide) == (low, high, fewest)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_what_is_not_finite(rng, value, at):
    x = rng.standard_normal((3, 9))
    x[at, 4] = value
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(CORE.row_squares(x)[1], value)


def test_zeros():
    assert CORE.row_squares(np.zeros((2, 5))) == (np.inf, 0.0, 5)


def test_squares_that_underflow():
    assert CORE.row_squares(np.array([[1.0, 2.0], [1e-200, 0.0]]))[:2] == (0.0, 5.0)


def test_refuses_what_it_does_not_know():
    for x in (
        np.ones(3),
        np.ones((2, 3), int),
        np.ones((2, 3), ">f8"),
        np.ones((3, 4)).T,
        np.ones((2, 0)),
        [1.0],
    ):
        with pytest.raises(ValueError, match="expected"):
            CORE.row_squares(x)
