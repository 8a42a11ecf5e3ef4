"""Forms of differences against extended and multiple precision: the bound, for points made to break it.

The rule: each entry of a squared form is within ``64 eps sum_kl |d_k| |M_kl| |d_l|`` of the formula on
differences formed first, and each entry of a linear one within ``64 eps sum_k |d_k| |w_k|``.
"""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import einroute as er
from einroute._kinds.difference import cells, distances, plain
from einroute._kinds.difference.kind import REWRITES
from einroute._native import CORE
from tests.helpers import forcing
from tests.kinds.difference.exact_forms import (
    SQUARED,
    WIDE,
    assert_within,
    form_of,
    linear,
    squared,
    through,
)

N = 60


def normal(rng: np.random.Generator, features: int) -> np.ndarray:
    return rng.standard_normal((N, features))


def clusters(rng: np.random.Generator, features: int) -> np.ndarray:
    """Two clusters at +-1e6 in every feature, their points 1e-3 apart: both in one array."""
    return rng.choice([-1e6, 1e6], (N, 1)) + 1e-3 * normal(rng, features)


POINTS = {
    "normal": normal,
    "uniform": lambda rng, d: rng.random((N, d)),
    "far from zero": lambda rng, d: 1e7 + normal(rng, d),
    "clusters": clusters,
    "many clusters": lambda rng, d: 100 * normal(rng, d)[rng.integers(0, 10, N)] + normal(rng, d),
    "clusters in clusters": lambda rng, d: sum(
        normal(rng, d)[rng.integers(0, 4, N)] * 1000.0**-level for level in range(4)
    ),
    "heavy tails": lambda rng, d: rng.standard_cauchy((N, d)),
    "one outlier": lambda rng, d: np.concatenate([normal(rng, d)[1:], np.full((1, d), 1e12)]),
    "a line": lambda rng, d: np.linspace(0, 1, N)[:, None] * np.ones(d),
    "a grid": lambda rng, d: np.round(2 * normal(rng, d)),
    "few distinct points": lambda rng, d: normal(rng, d)[rng.integers(0, 4, N)],
    "all equal": lambda rng, d: np.broadcast_to(rng.standard_normal(d) * 1e8, (N, d)),
    "equal signs": lambda rng, d: np.sign(normal(rng, d)) * (1 + 1e-3 * rng.random((N, d))),
    "features of many scales": lambda rng, d: normal(rng, d) * 10.0 ** rng.integers(-8, 9, d),
    "tiny": lambda rng, d: 1e-150 * normal(rng, d),
    "large": lambda rng, d: 1e140 * normal(rng, d),
}  # fmt: skip
SINGLE = {"tiny": 1e138, "large": 1e-130, "features of many scales": 1.0}


def metric(kind: str, rng: np.random.Generator, d: int) -> np.ndarray | None:
    a = rng.standard_normal((d, d))
    if kind == "none":
        return None
    if kind == "diagonal":
        return rng.uniform(0.5, 2, d) ** 2
    if kind == "diagonal of both signs":
        return rng.standard_normal(d)
    if kind == "ard":
        return a[:, :2] @ a[:, :2].T / d + np.diag(rng.uniform(0.5, 2, d) ** -2)
    if kind == "ill-conditioned":
        q = np.linalg.qr(a)[0]
        return (q * np.geomspace(1, 1e-13, d)) @ q.T
    if kind == "badly scaled":
        s = 10.0 ** rng.integers(-6, 7, d)
        return (a @ a.T + d * np.eye(d)) * s * s[:, None]
    if kind == "ones":
        return np.ones((d, d))
    if kind == "nearly singular":
        return np.ones((d, d)) + 1e-12 * np.eye(d)
    if kind == "low rank":
        return a[:, :1] @ a[:, :1].T
    if kind == "negative":
        return -a @ a.T - np.eye(d)
    if kind == "indefinite":
        return a + a.T
    if kind == "not symmetric":
        return a @ a.T + d * np.eye(d) + np.triu(a, 1) - np.triu(a, 1).T
    if kind == "a feature that does not count":
        m = a @ a.T + np.eye(d)
        m[0] = m[:, 0] = 0
        return m
    assert kind == "diagonal, written out"
    return np.diag(rng.uniform(0.5, 2, d))


METRICS = (
    "none", "diagonal", "diagonal of both signs", "ard", "ill-conditioned", "badly scaled", "ones",
    "nearly singular", "low rank", "negative", "indefinite", "not symmetric", "a feature that does not count",
    "diagonal, written out",
)  # fmt: skip


@pytest.fixture(params=[False, True], ids=["as it is", "in cells"])
def _cells(request, monkeypatch):
    """Also as if the points were many and in clusters."""
    if request.param:
        monkeypatch.setattr(distances, "_LARGE", 1)
        monkeypatch.setattr(distances, "_CLOSE", -1)
        monkeypatch.setattr(cells, "_CELL", 16)
        monkeypatch.setattr(cells, "_FEW", 4)
        monkeypatch.setattr(distances, "TILE", 1 << 12)


@pytest.mark.usefixtures("_cells")
@pytest.mark.parametrize("points", POINTS)
@pytest.mark.parametrize("features", [1, 6])
def test_squared_forms(points: str, features: int) -> None:
    for dtype in (np.float64, np.float32):
        rng = np.random.default_rng(features)
        scale = SINGLE.get(points, 1.0) if dtype == np.float32 else 1.0
        x = (POINTS[points](rng, features) * scale).astype(dtype)
        y = x[rng.permutation(N)] + (1e-4 * x.std(axis=0) * normal(rng, features)).astype(dtype)
        taken = dict.fromkeys(SQUARED, 0)
        for kind in METRICS:
            m = metric(kind, rng, features)
            m = None if m is None else m.astype(dtype)
            for other in (y, None):
                right, size = squared(x, x if other is None else other, m)
                d = er.pairwise_difference(x, other)
                for route in SQUARED:
                    got = through(route, lambda d=d, m=m: form_of(d, m))
                    if got is None:
                        continue
                    taken[route] += 1
                    assert_within(got, right, size)
                    if other is None and route != "difference.blocks":
                        np.testing.assert_array_equal(got, got.T)
                        assert not got.diagonal().any()
        # The matrix product has no business with indefinite metrics, and takes all others.
        assert taken["difference.product"] >= 2 * (len(METRICS) - 4)
        assert taken["difference.tiles"] == taken["difference.blocks"] == 2 * len(METRICS)
        assert taken["difference.compiled"] == (0 if CORE is None else 2 * len(METRICS))


@pytest.mark.parametrize("points", ["normal", "far from zero", "clusters", "one outlier"])
def test_sums_over_points_of_each_feature(points: str) -> None:
    rng = np.random.default_rng(7)
    x, y = POINTS[points](rng, 4), POINTS[points](rng, 4)[:50]
    d = er.pairwise_difference(x, y)
    exact = x.astype(np.longdouble)[:, None] - y.astype(np.longdouble)
    for output, axes in (("ik", 1), ("jk", 0), ("k", (0, 1))):
        got = through("difference.sums", lambda o=output: er.einsum(f"ijk->{o}", d))
        if got is None:  # they cancel
            got = er.einsum(f"ijk->{output}", d)
        assert_within(got, exact.sum(axis=axes), np.abs(exact).sum(axis=axes))


def test_clusters_against_multiple_precision() -> None:
    """The judge of the other tests is itself 11 bits wide: a few entries with 60 digits."""
    rng = np.random.default_rng(3)
    x = clusters(rng, 6)[:12]
    m = metric("ard", rng, 6)
    assert m is not None
    d = er.pairwise_difference(x)
    for route in SQUARED[1:]:
        got = through(route, lambda: form_of(d, m))
        with mpmath.workdps(60):
            for i in range(12):
                for j in range(12):
                    delta = [mpmath.mpf(float(a)) for a in x[i] - x[j]]
                    pairs = [(k, other) for k in range(6) for other in range(6)]
                    terms = [delta[k] * mpmath.mpf(float(m[k, o])) * delta[o] for k, o in pairs]
                    size = mpmath.fsum(abs(t) for t in terms)
                    assert abs(mpmath.mpf(float(got[i, j])) - mpmath.fsum(terms)) <= 64 * 2.0**-52 * size


def test_a_translation_changes_nothing_that_it_does_not_round() -> None:
    rng = np.random.default_rng(5)
    x = rng.integers(-1000, 1000, (N, 5)) / 1024
    m = metric("ard", rng, 5)
    for shift in (2.0**20, 2.0**40 - 3):
        moved = x + shift
        assert (moved - shift == x).all()
        got = through("difference.product", lambda moved=moved: form_of(er.pairwise_difference(moved), m))
        assert_within(got, *squared(x, x, m))


@pytest.mark.parametrize("features", [100, 1000])
def test_many_features(features: int) -> None:
    rng = np.random.default_rng(features)
    for x in (normal(rng, features), np.abs(normal(rng, features)), rng.random((N, 1)) * np.ones(features)):
        y = x + 0.1 * normal(rng, features)
        for kind in ("none", "diagonal", "ard") if features < 1000 else ("none", "diagonal"):
            m = metric(kind, rng, features)
            for route in SQUARED[1:]:
                got = through(route, lambda x=x, y=y, m=m: form_of(er.pairwise_difference(x, y), m))
                if got is not None:  # some take no more than so many features
                    assert_within(got, *squared(x, y, m))


def alike(rng: np.random.Generator, d: int) -> np.ndarray:
    """A metric whose sums all add up: products of one sign, which round alike."""
    return np.exp(-np.abs(np.subtract.outer(np.arange(d), np.arange(d))) / d) + 0.01 * np.eye(d)


WHOLE = {
    "ard": lambda rng, d: metric("ard", rng, d),
    "gram": lambda rng, d: np.cov(rng.standard_normal((d, 2 * d))),
    "alike": alike,
    "negative": lambda rng, d: -alike(rng, d),
}


@pytest.mark.parametrize(
    ("features", "kind"), [(d, kind) for d in (129, 300) for kind in WHOLE] + [(1024, "alike")]
)
def test_whole_metrics_of_many_features_by_the_product(features: int, kind: str) -> None:
    """Sums in groups hold the bound; single precision is judged in double, extended takes long."""
    for dtype, wide, n in ((np.float32, np.float64, 40), (np.float64, WIDE, 4)):
        rng = np.random.default_rng(features)
        m = WHOLE[kind](rng, features).astype(dtype)
        for points in (
            rng.standard_normal((n, features)),
            1e3 + np.abs(rng.standard_normal((n, features))),
            rng.random((n, 1)) * np.ones(features),
            np.sign(rng.standard_normal((n, 1))) * (1 + 1e-3 * rng.random((n, features))),
        ):
            x = points.astype(dtype)
            y = (points[::-1] + 0.1 * rng.standard_normal(points.shape)).astype(dtype)
            for other in (y, None):
                d = er.pairwise_difference(x, other)
                got = through("difference.product", lambda d=d, m=m: form_of(d, m))
                assert got is not None
                apart = np.asarray(d).reshape(n * n, features)
                right = ((apart.astype(wide) @ m.astype(wide)) * apart).sum(axis=1).reshape(n, n)
                size = ((np.abs(apart) @ np.abs(m)) * np.abs(apart)).sum(axis=1).reshape(n, n)
                assert_within(got, right, size)
                if other is None:
                    np.testing.assert_array_equal(got, got.T)
                    assert not got.diagonal().any()


@pytest.mark.parametrize("features", [200, 257, 1000])
def test_few_entries_of_many_features_are_computed_again(features: int, monkeypatch) -> None:
    again = []
    of_pairs = plain.of_pairs
    monkeypatch.setattr(plain, "of_pairs", lambda d, m: again.append(len(d)) or of_pairs(d, m))
    monkeypatch.setattr(plain, "tile", lambda *args: pytest.fail("a tile from its differences"))
    rng = np.random.default_rng(features)
    d = er.pairwise_difference(rng.standard_normal((200, features)), rng.standard_normal((150, features)))
    m = WHOLE["gram"](rng, features)
    assert through("difference.product", lambda: form_of(d, m)) is not None
    assert sum(again) < 0.01 * 200 * 150


hostile = st.floats(-1e30, 1e30, allow_subnormal=False) | st.sampled_from(
    [0.0, -0.0, 1.0, 1 + 2**-52, 1 - 2**-53, 1e-3, 1e6, 1e6 + 1e-3, -1e6, 1e16, 1e-16, 3.0]
)


@st.composite
def problems(draw):
    n, m, d = (draw(st.integers(1, 9)) for _ in range(3))
    x = draw(hnp.arrays(float, (n, d), elements=hostile))
    y = draw(st.none() | hnp.arrays(float, (m, d), elements=hostile))
    if draw(st.booleans()):  # close to each other
        x = x[:1] * (1 + 2.0**-50 * np.arange(n)[:, None])
    a = draw(hnp.arrays(float, (d, d), elements=st.floats(-1e3, 1e3, allow_subnormal=False)))
    kind = draw(st.sampled_from(["none", "diagonal", "gram", "any"]))
    return x, y, {"none": None, "diagonal": a[0], "gram": a @ a.T, "any": a}[kind]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(problems())
@example((np.array([[2.69957816e-160], [0.0]]), None, np.array([264.0])))
def test_hostile_points_and_metrics(problem) -> None:
    x, y, m = problem
    d = er.pairwise_difference(x, y)
    right, size = squared(x, x if y is None else y, m)
    for route in SQUARED[1:]:
        got = through(route, lambda: form_of(d, m))
        if got is None:
            assert route in ("difference.product", "difference.expansion")
            continue
        assert_within(got, right, size, metric=m)
        if y is None and route != "difference.blocks":
            np.testing.assert_array_equal(got, got.T)
            assert not got.diagonal().any()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(problems())
def test_hostile_points_and_weights(problem) -> None:
    x, y, m = problem
    w = np.ones(x.shape[1]) if m is None else m if m.ndim == 1 else m[0]
    d = er.pairwise_difference(x, y)
    got = through("difference.linear", lambda: er.einsum("ijk,k->ij", d, w))
    assert_within(got, *linear(x, x if y is None else y, w))
    if y is None:
        np.testing.assert_array_equal(got, -got.T)


#: Forms of one set of points and the sign that exchanging two points gives them.
EXCHANGED = (
    ("ijk,ijk->ij", 1),
    ("ijk,ijk->ji", 1),
    ("ijk,k,ijk->ij", 1),
    ("ijk,kl,ijl->ij", 1),
    ("ijk,nkl,ijl->nij", 1),
    ("ijk,jik->ij", 1),
    ("ijk->ij", -1),
    ("ijk,k->ij", -1),
    ("ijk,nk->inj", -1),
    ("ijk,ijk,ijk->ij", -1),
    ("ijk,kl,ijl,ijk->ij", -1),
)


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16"])
@pytest.mark.parametrize(("subscripts", "sign"), EXCHANGED)
def test_forms_of_one_set_are_exchanged_exactly(subscripts: str, sign: int, dtype: str) -> None:
    """By every way that does not refuse, also for an indefinite metric and for many features."""
    rng = np.random.default_rng(7)
    for features, n in ((2, 70), (20, 70), (300, 71)):
        x = rng.standard_normal((n, features)).astype(dtype)
        d = er.pairwise_difference(x)
        there: dict[str, Any] = {"ijk": d, "ijl": d, "jik": d}
        inputs, _, output = subscripts.partition("->")
        sizes = {"n": 2, "k": features, "l": features}
        operands = [
            there[term] if term in there else rng.standard_normal([sizes[c] for c in term]).astype(dtype)
            for term in inputs.split(",")
        ]
        i, j = output.index("i"), output.index("j")
        for name in (None, *(rewrite.name for rewrite in REWRITES)):
            with forcing(name):
                made = er.einsum(subscripts, *operands)
            np.testing.assert_array_equal(made, sign * made.swapaxes(i, j), err_msg=f"{name} {features}")
