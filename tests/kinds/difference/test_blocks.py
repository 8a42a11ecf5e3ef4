"""Differences that are written out whole: each once, and mirrored where the points are one set."""

from __future__ import annotations

import numpy as np
import pytest

import einroute as er
from einroute._kinds.difference.operand import PairwiseDifference
from tests.helpers import forcing

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((7, 3)), RNG.standard_normal((7, 3))
FORMS = (
    "ijk,ijk->ij",
    "ijk,ijk->ji",
    "ijk,ijl->ijkl",
    "ijk,ijl->kijl",
    "iik,iik->i",
    "iik,ijk->ij",
    "ijk,jik->ij",
)


@pytest.mark.parametrize("subscripts", FORMS)
@pytest.mark.parametrize("alone", [True, False])
def test_values(subscripts: str, alone: bool) -> None:
    d = er.pairwise_difference(X, None if alone else Y)
    array = np.asarray(d)
    with forcing("difference.blocks"):
        for other in (d, er.pairwise_difference(Y, X)):
            expected = np.einsum(subscripts, array, np.asarray(other))
            for _ in range(3):
                np.testing.assert_allclose(er.einsum(subscripts, d, other), expected, atol=1e-12)


@pytest.mark.parametrize("points", [1, 31, 33, 70])
def test_squares_are_symmetric_to_the_last_bit(points: int) -> None:
    d = er.pairwise_difference(RNG.standard_normal((points, 3)))
    with forcing("difference.blocks"):
        for subscripts in ("ijk,ijk->ij", "ijk,ijk,ijk->ij"):
            square = er.einsum(subscripts, *[d] * (subscripts.count(",") + 1))
            sign = -1 if subscripts.count(",") == 2 else 1
            np.testing.assert_array_equal(square, sign * square.T)
        kept = er.einsum("ijk,ijk->ikj", d, d)
        np.testing.assert_array_equal(kept, kept.transpose(2, 1, 0))


def test_each_operand_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    written = PairwiseDifference.written

    def counting(self: PairwiseDifference) -> np.ndarray:
        calls.append(self)
        return written(self)

    d, e = er.pairwise_difference(X, Y), er.pairwise_difference(Y, X)
    with forcing("difference.blocks"):
        er.einsum("ijk,ijk,ijk->ij", d, d, e)
        monkeypatch.setattr(PairwiseDifference, "written", counting)
        er.einsum("ijk,ijk,ijk->ij", d, d, e)
    assert [id(x) for x in calls] == [id(d), id(e)]


#: Forms of which not all labels, or more, are in the result.
SUMMED = (
    "ijk,ijk->", "ijk,ijk->i", "ijk,ijk->j", "ijk,ijk->ji", "ijk,k,ijk->j", "ijk,kl,ijl->", "ijk,kl,ijl->i",
    "ijk,lk,ijl->ji", "ijk,bk,ijk->bij", "ijk->ij", "ijk->ji", "ijk->i", "ijk->j", "ijk->", "ijk,k->ji",
    "ijk,k->i", "ijk,k->", "ijk,bk->ijb", "ijk,bk->bi", "ijk,bk->b", "ijk,kb->jb", "ijk,,k->ij",
    "ijk,i,k->ij", "ijk->k", "ijk->ki", "ijk,i->jk",
)  # fmt: skip


ROUTES = ("compiled", "product", "expansion", "tiles", "linear", "sums", "pair_sums", "blocks")


@pytest.mark.parametrize("route", [*ROUTES, None])
@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize("subscripts", SUMMED)
def test_what_is_kept_and_what_is_summed(subscripts: str, alone: bool, route: str | None) -> None:
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((9, 3)), rng.standard_normal((8, 3)) + 1
    d = er.pairwise_difference(x, None if alone else y)
    sizes = {"i": 9, "j": d.shape[1], "k": 3, "l": 3, "b": 2}
    labels = subscripts.partition("->")[0].split(",")
    given = [d if own[:2] == "ij" else rng.standard_normal([sizes[c] for c in own]) for own in labels]
    right = np.einsum(subscripts, *map(np.asarray, given))
    others = () if route is None else tuple(f"difference.{r}" for r in ROUTES if r != route)
    with er.config(forbid=others):  # nobody watches: known calls go the shortest way
        for _ in range(3):
            try:
                got = er.einsum(subscripts, *given)
            except er.NoRoute:
                return
            np.testing.assert_allclose(got, right, atol=1e-11)
            assert type(got) is type(right)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200, 1e308])
@pytest.mark.parametrize(
    "subscripts",
    [
        "ijk,ijk->ij", "ijk,k,ijk->ij", "ijk,kl,ijl->ij", "ijk,k->ij", "ijk->i", "ijk->", "ij,ijk->ik",
        "ij,ijk,ijk->k",
    ],
)  # fmt: skip
def test_known_calls_of_what_is_not_finite_any_more(subscripts: str, bad: float) -> None:
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((9, 3)), rng.standard_normal((8, 3)) + 1
    d, sizes = er.pairwise_difference(x, y), {"i": 9, "j": 8, "k": 3, "l": 3}
    labels = subscripts.partition("->")[0].split(",")
    given = [d if own[:3] in ("ijk", "ijl") else rng.random([sizes[c] for c in own]) for own in labels]
    for _ in range(3):
        er.einsum(subscripts, *given)
    x[4, 1] = bad
    with np.errstate(all="ignore"):
        right = np.einsum(subscripts, *map(np.asarray, given))
    with np.errstate(all="raise"):
        np.testing.assert_allclose(er.einsum(subscripts, *given), right, rtol=1e-11)
    x[4, 1] = 1
    got = er.einsum(subscripts, *given)
    np.testing.assert_allclose(got, np.einsum(subscripts, *map(np.asarray, given)), atol=1e-11)
