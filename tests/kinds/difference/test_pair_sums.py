"""Sums over pairs of differences: points multiplied out hold the bound, or are left to differences."""

from __future__ import annotations

import numpy as np
import pytest

import einroute as er
from einroute._kinds.difference import pair_sums
from tests.helpers import forcing
from tests.kinds.difference.exact_forms import assert_within, differences
from tests.kinds.difference.test_accuracy import POINTS

FORMS = (
    "ijk,ij->k", "ijk,ij->ik", "ijk,ji->ki", "ij,ijk->jk", "ij,ijk,ijk->k", "ij,ijk,ijk->ik",
    "ijk,ij,ijk->jk", "ij,ijk,ijk->i", "ij,ijk,ijk->", "ij,ijk,ijl->kl", "ijk,ijl,ij->lk", "ijk,ijl->kl",
    "ijk,ijk->k", "ijk,ijk->ki", "ijk,ijk->j", "ijk,ijk->", "ijk,i,j->jk", "ijk,ij,ji->k", "ijk->k",
    "ijk,->k", "ijk,,ij->k", "ijk,i->jk", "ijk,,ijk,->k", "ijk->ik",
)  # fmt: skip
#: Scalars alone, or weights of points, are no weights of pairs.
ELSEWHERE = ("ijk,->k", "ijk,i->jk", "ijk,,ijk,->k")
WEIGHTS = {
    "positive": lambda rng, shape: rng.random(shape),
    "signed": lambda rng, shape: rng.standard_normal(shape),
    "rows of zeros": lambda rng, shape: _rows_of_zeros(rng.random(shape)),
    "few": lambda rng, shape: rng.standard_normal(shape) * (rng.random(shape) < 0.05),
}  # fmt: skip


def _rows_of_zeros(weights):
    if weights.ndim:
        weights[::3] = 0
    return weights


def operands(subscripts, x, y, weights, rng):
    d = er.pairwise_difference(x, y)
    sizes = {"i": len(x), "j": len(y)}
    make = WEIGHTS[weights]
    return [
        d if labels[2:] else np.asarray(make(rng, tuple(sizes[c] for c in labels)), x.dtype)
        for labels in subscripts.partition("->")[0].split(",")
    ]


def judged(subscripts, x, y, given):
    """The sum, and that of absolute values; of different features the mean of what both have alone."""
    wide = differences(x, y)
    all_wide = [wide if g.ndim == 3 else np.asarray(g, "g") for g in given]
    right = np.einsum(subscripts, *all_wide)
    output = subscripts.partition("->")[2]
    if not {"k", "l"} <= set(output):
        return right, np.einsum(subscripts, *map(np.abs, all_wide))
    alone = np.einsum(subscripts.partition("->")[0].replace("l", "k") + "->k", *map(np.abs, all_wide))
    return right, np.sqrt(np.multiply.outer(alone, alone))


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize("points", POINTS)
@pytest.mark.parametrize("subscripts", FORMS)
def test_within_the_bound(subscripts, points, weights):
    rng = np.random.default_rng(7)
    x, y = POINTS[points](rng, 3), POINTS[points](rng, 3)[:45]
    given = operands(subscripts, x, y, weights, rng)
    with np.errstate(all="ignore"):
        right, size = judged(subscripts, x, y, given)
        for route in ("difference.pair_sums", None):
            with forcing(route):
                got = er.einsum(subscripts, *given)
            assert_within(np.asarray(got), right, size, 8 * pair_sums.SPREAD)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("subscripts", FORMS)
def test_the_route_is_run(subscripts, dtype, same):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((60, 4)).astype(dtype)
    y = x if same else rng.standard_normal((40, 4)).astype(dtype) + np.array([1, 0, 0, 0], dtype)
    given = operands(subscripts, x, y, "positive", rng)
    with forcing("difference.pair_sums") as ran:
        got = er.einsum(subscripts, *given)
    assert ("difference.pair_sums" in ran) == (subscripts not in ELSEWHERE)
    written = [np.asarray(g) for g in given]
    right = np.einsum(subscripts, *written)
    assert got.dtype == right.dtype
    assert np.shape(got) == np.shape(right)
    scale = np.einsum(subscripts, *map(np.abs, written)).max()
    np.testing.assert_allclose(got, right, rtol=0, atol=float(scale) * (1e-13 if dtype == "f8" else 1e-5))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("where", ["points", "weights"])
@pytest.mark.parametrize("subscripts", ["ijk,ij->k", "ij,ijk->ik", "ij,ijk,ijl->kl", "ij,ijk,ijk->k"])
def test_what_is_not_finite_is_left_to_differences(subscripts, where, bad):
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((2, 30, 3))
    given = operands(subscripts, x, y, "positive", rng)
    if where == "points":
        x[4, 1] = bad
    else:
        next(g for g in given if g.ndim == 2)[3, 3] = bad
    with forcing("difference.pair_sums"):
        got = er.einsum(subscripts, *given)
    with np.errstate(invalid="ignore"):
        right = np.einsum(subscripts, *map(np.asarray, given))
    np.testing.assert_allclose(got, right, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    "subscripts", ["ijk,ij->k", "ijk,ij->ik", "ij,ijk,ijk->k", "ij,ijk,ijl->kl", "ijk,ijl->kl"]
)
def test_it_is_chosen(subscripts):
    rng = np.random.default_rng(5)
    given = operands(subscripts, rng.random((600, 8)), rng.random((500, 8)), "positive", rng)
    assert er.explain(subscripts, *given).routes[0] == "difference.pair_sums"


def test_few_rows_that_cancel_are_made_of_their_differences():
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((2, 200, 3))
    x[17] = y[30] + 1e-9
    w = np.ones((200, 200))
    w[17] = 0
    w[17, 30] = 1
    with forcing("difference.pair_sums") as ran:
        got = er.einsum("ij,ijk->ik", w, er.pairwise_difference(x, y))
    assert ran == ["difference.pair_sums"]
    np.testing.assert_array_equal(got[17], x[17] - y[30])
