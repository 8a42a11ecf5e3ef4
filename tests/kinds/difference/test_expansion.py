"""Squared forms by metrics of any signs, their terms multiplied out: the bound, and when that is done."""

from __future__ import annotations

import numpy as np
import pytest

import einroute as er
from einroute._kinds.difference import plain
from tests.helpers import forcing
from tests.kinds.difference.exact_forms import WIDE, assert_within, form_of, squared, through
from tests.kinds.difference.test_accuracy import POINTS, SINGLE

ROUTE = "difference.expansion"


def _zero_diagonal(rng: np.random.Generator, d: int) -> np.ndarray:
    a = rng.standard_normal((d, d))
    np.fill_diagonal(a, 0)
    return a


def _scaled(a: np.ndarray, s: np.ndarray) -> np.ndarray:
    return a * s * s[:, None]


#: How a metric is judged: the dtype, that of the judge, and how many features.
JUDGED = ((np.float64, WIDE, 12), (np.float32, np.float64, 12), (np.float32, np.float64, 150))
METRICS = {
    "of any signs": lambda rng, d: rng.standard_normal((d, d)),
    "symmetric": lambda rng, d: (a := rng.standard_normal((d, d))) + a.T,
    "zeros on the diagonal": _zero_diagonal,
    "skew but for rounding": lambda rng, d: (a := rng.standard_normal((d, d))) - a.T * (1 + 1e-6),
    "of many scales": lambda rng, d: _scaled(rng.standard_normal((d, d)), 10.0 ** rng.integers(-4, 5, d)),
    "one sign changed": lambda rng, d: np.diag(np.r_[-1.0, np.ones(d - 1)]) + 0.1,
    "a product of two features": lambda rng, d: np.eye(d)[:, :1] * np.eye(d)[-1:],
}  # fmt: skip


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("points", POINTS)
def test_within_the_bound(points: str, metric: str) -> None:
    """Of double precision judged in extended; of single in double, for more features."""
    taken = 0
    for dtype, wide, features in JUDGED:
        rng = np.random.default_rng(features)
        scale = SINGLE.get(points, 1.0) if dtype == np.float32 else 1.0
        x = (POINTS[points](rng, features)[:30] * scale).astype(dtype)
        y = (x[rng.permutation(30)] + 1e-4 * x.std(axis=0) * rng.standard_normal(x.shape)).astype(dtype)
        m = METRICS[metric](rng, features).astype(dtype)
        for other in (y, None):
            d = er.pairwise_difference(x, other)
            got = through(ROUTE, lambda d=d, m=m: form_of(d, m))
            if got is None:
                continue
            taken += 1
            flat = np.asarray(d).reshape(-1, features).astype(wide)
            forms = (((f @ g) * f).sum(axis=1) for f, g in ((flat, m), (np.abs(flat), np.abs(m))))
            right, size = (form.reshape(30, 30) for form in forms)
            assert_within(got, right, size)
            if other is None:
                np.testing.assert_array_equal(got, got.T)
                assert not got.diagonal().any()
    # Of equal points nothing is known to be large; double precision has no room for some of other sizes.
    assert taken == 0 if points == "all equal" else taken >= 4


@pytest.mark.parametrize("features", [150, 300])
def test_many_features_within_the_bound(features: int) -> None:
    rng = np.random.default_rng(features)
    for points in ("normal", "uniform", "far from zero", "a line", "equal signs", "features of many scales"):
        x = POINTS[points](rng, features)[:6]
        y = x[::-1] + 0.1 * x.std(axis=0) * rng.standard_normal(x.shape)
        for metric in ("of any signs", "zeros on the diagonal", "one sign changed"):
            m = METRICS[metric](rng, features)
            got = through(ROUTE, lambda x=x, y=y, m=m: form_of(er.pairwise_difference(x, y), m))
            if got is not None:
                assert_within(got, *squared(x, y, m))


@pytest.mark.parametrize("same", [False, True])
@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("features", [24, 100, 257, 700])
def test_few_entries_are_computed_again(features: int, dtype: str, same: bool, monkeypatch) -> None:
    """Several tiles, the last of each side narrower; no bound is judged, another way's values are."""
    again = []
    of_pairs = plain.of_pairs
    monkeypatch.setattr(plain, "of_pairs", lambda d, m: again.append(len(d)) or of_pairs(d, m))
    monkeypatch.setattr(plain, "tile", lambda *args: pytest.fail("a tile from its differences"))
    rng = np.random.default_rng(features)
    x = (5 + rng.standard_normal((280, features))).astype(dtype)
    y = x if same else (5 + rng.standard_normal((270, features))).astype(dtype)
    m = rng.standard_normal((features, features)).astype(dtype)
    with forcing(ROUTE) as ran:
        got = form_of(er.pairwise_difference(x, y), m)
    assert ran == [ROUTE]
    assert sum(again) < 0.01 * len(x) * len(y)
    s, p, q = ((one.astype(float)) for one in (m + m.T, x, y))
    own, other = (np.einsum("ik,kl,il->i", one - 5, s, one - 5, optimize=True) / 2 for one in (p, q))
    right = own[:, None] + other - (p - 5) @ s @ (q - 5).T
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(got, right, rtol=0, atol=64 * eps * features**2)


def test_it_is_run_where_the_metric_has_no_factor() -> None:
    rng = np.random.default_rng(3)
    x, m = rng.standard_normal((600, 40)), rng.standard_normal((40, 40))
    with forcing(None) as ran:
        form_of(er.pairwise_difference(x), m)
        form_of(er.pairwise_difference(x), m @ m.T)
    assert ran == [ROUTE, "difference.product"]


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("subscripts", ["ijk,nkl,ijl->nij", "ijk,kl,ijl,j->i", "ij,ijk,kl,ijl->"])
def test_batches_and_what_meets_the_form(subscripts: str, dtype: str) -> None:
    rng = np.random.default_rng(5)
    x, y = rng.standard_normal((40, 9)).astype(dtype), rng.standard_normal((30, 9)).astype(dtype)
    d = er.pairwise_difference(x, y)
    sizes = {"i": 40, "j": 30, "k": 9, "l": 9, "n": 3}
    given = [
        d if term[:2] == "ij" and term[2:] else rng.standard_normal([sizes[c] for c in term]).astype(dtype)
        for term in subscripts.partition("->")[0].split(",")
    ]
    with forcing(ROUTE) as ran:
        got = er.einsum(subscripts, *given)
    assert ROUTE in ran
    written = [np.asarray(g) for g in given]
    right = np.einsum(subscripts, *written, optimize=True)
    scale = np.einsum(subscripts, *map(np.abs, written), optimize=True)
    assert got.dtype == right.dtype
    assert np.shape(got) == np.shape(right)
    assert (np.abs(got - right) <= 64 * np.finfo(dtype).eps * scale).all()


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("value", [np.nan, np.inf, "large"])
@pytest.mark.parametrize("where", ["point", "metric"])
def test_what_is_not_finite_is_left_to_differences(where: str, value, dtype: str) -> None:
    rng = np.random.default_rng(5)
    x, m = rng.standard_normal((30, 6)).astype(dtype), rng.standard_normal((6, 6)).astype(dtype)
    bad = np.finfo(dtype).max / 4 if value == "large" else value
    (x if where == "point" else m)[3, 2] = bad
    d = er.pairwise_difference(x)
    with np.errstate(all="ignore"):
        with forcing(ROUTE):
            got = form_of(d, m)
        right = np.einsum("ijk,kl,ijl->ij", np.asarray(d), m, np.asarray(d))
    finite = np.isfinite(right)
    scale = np.abs(right[finite]).max(initial=1)
    np.testing.assert_array_equal(np.isfinite(got), finite)
    assert (np.abs(got[finite] - right[finite]) <= 64 * np.finfo(dtype).eps * scale).all()


def test_points_close_together_are_left_to_other_ways() -> None:
    rng = np.random.default_rng(5)
    x = rng.choice([-1e6, 1e6], (300, 1)) + 1e-6 * rng.standard_normal((300, 8))
    x[:] = x[0] + (x - x[0]) * (np.arange(300)[:, None] > 290)
    m = rng.standard_normal((8, 8))
    got = form_of(er.pairwise_difference(x), m)
    assert_within(got, *squared(x, x, m))
