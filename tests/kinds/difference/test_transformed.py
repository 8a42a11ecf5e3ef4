"""Distances by a whole metric from differences of transformed points, within the bound of squared forms."""

from __future__ import annotations

import numpy as np
import pytest

import einroute as er
from einroute._base.routes import Declined
from einroute._kinds.difference import transformed
from einroute._kinds.difference.metric import factor
from einroute._native import CORE
from tests.kinds.difference.exact_forms import assert_within, squared
from tests.kinds.difference.test_accuracy import POINTS, SINGLE

pytestmark = pytest.mark.skipif(CORE is None, reason="there is no compiled core")


@pytest.mark.parametrize("points", POINTS)
@pytest.mark.parametrize("features", [2, 7, transformed.MOST])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("rank", ["full", "two"])
@pytest.mark.parametrize("same", [False, True])
def test_within_the_bound(points: str, features: int, dtype: type, rank: str, same: bool) -> None:
    rng = np.random.default_rng(features)
    x = (POINTS[points](rng, features) * (SINGLE.get(points, 1.0) if dtype == np.float32 else 1)).astype(
        dtype
    )
    y = x if same else np.ascontiguousarray(x[::-2] * (1 + 4 * np.finfo(dtype).eps), dtype)
    x = y if same else np.ascontiguousarray(x)
    a = rng.standard_normal((features, features if rank == "full" else 2))
    metric = (a @ a.T).astype(dtype)
    found = factor(metric)
    out = np.empty((len(x), len(y)), dtype)
    with np.errstate(all="ignore"):
        if isinstance(found, Declined) or found.u is None or found.u.ndim != 2:
            pytest.skip("no factor of a whole metric")
        if not transformed.squared_distances(x, y, found, out, 1):
            assert points not in ("normal", "uniform", "far from zero", "a line")
            return
    right, size = squared(x, y, found.metric)
    assert_within(out, right, size)
    if same:
        np.testing.assert_array_equal(out, out.T)
        assert not out.diagonal().any()


def test_what_is_not_finite_is_left_to_another_way() -> None:
    rng = np.random.default_rng(1)
    x, m = rng.standard_normal((300, 4)), np.eye(4) + 0.1
    x[3, 1], x[7, 2] = np.nan, np.inf
    with np.errstate(all="ignore"):
        assert not transformed.squared_distances(x, x, factor(m), np.empty((300, 300)), 1)
        d = er.pairwise_difference(x)
        got = er.einsum("ijk,kl,ijl->ij", d, m, d)
        right = np.einsum("ijk,kl,ijl->ij", np.asarray(d), m, np.asarray(d))
    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(right))
