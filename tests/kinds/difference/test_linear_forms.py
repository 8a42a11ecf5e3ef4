"""Linear forms of differences, and their sums: within their bound whatever the points are."""

from __future__ import annotations

import numpy as np
import pytest

import einroute as er

from .exact_forms import LINEAR, assert_within, linear, through
from .test_accuracy import POINTS, SINGLE, N, normal


@pytest.mark.parametrize("points", POINTS)
@pytest.mark.parametrize("features", [1, 3, 16, 35])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_linear_forms(points: str, features: int, dtype: type) -> None:
    rng = np.random.default_rng(features)
    scale = SINGLE.get(points, 1.0) if dtype == np.float32 else 1.0
    x = (POINTS[points](rng, features) * scale).astype(dtype)
    y = x[rng.permutation(N)] + (1e-9 * x.std(axis=0) * normal(rng, features)).astype(dtype)
    for w in (np.ones(features), rng.standard_normal(features), rng.integers(-2, 3, features)):
        weights = w.astype(dtype)
        for other in (y, y[:3], None):
            d = er.pairwise_difference(x, other)
            right, size = linear(x, x if other is None else other, weights)
            for route in LINEAR:
                got = through(route, lambda d=d, w=weights: er.einsum("ijk,k->ij", d, w))
                assert_within(got, right, size)
                if other is None and route == "difference.linear":
                    np.testing.assert_array_equal(got, -got.T)
            if len(d.y) < N:
                continue
            for output, axes in (("i", 1), ("j", 0), ("", (0, 1))):
                got = np.asarray(er.einsum(f"ijk,k->{output}", d, weights))
                assert_within(got, right.sum(axis=axes), size.sum(axis=axes))


@pytest.mark.parametrize("features", [2, 20])
@pytest.mark.parametrize("count", [5, 200])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_points_of_different_size(features: int, count: int, dtype: type) -> None:
    """What is large among them costs the others no digits, nor does what is not finite."""
    rng = np.random.default_rng(features)
    x, y = rng.standard_normal((200, features)), rng.standard_normal((count, features))
    x[:40] *= 1e25
    y[0] = x[0] * (1 + 1e-6)
    x[:, -1] = y[:, -1] = 0
    x, y = x.astype(dtype), y.astype(dtype)
    w = rng.standard_normal((3, features)).astype(dtype)
    for spoilt in (False, True):
        others = y.copy()
        if spoilt:
            others[1, 0], others[2, 0] = np.inf, np.nan
        d = er.pairwise_difference(x, others)
        got = through("difference.linear", lambda d=d: er.einsum("ijk,nk->nij", d, w))
        whole = np.isfinite(others).all(axis=1)
        for n in range(3):
            right, size = linear(x, others[whole], w[n])
            assert_within(got[n][:, whole], right, size)
        with np.errstate(all="ignore"):
            right = np.einsum("ijk,nk->nij", np.subtract(x[:, None], others), w)
        np.testing.assert_array_equal(got[:, :, ~whole], right[:, :, ~whole])


@pytest.mark.parametrize("w", [1e300, 1e-300, 5e-324, np.inf, np.nan])
@pytest.mark.parametrize("scale", [1.0, 1e300, 1e-300])
def test_extreme_weights(w: float, scale: float) -> None:
    rng = np.random.default_rng(3)
    x, y = scale * rng.standard_normal((7, 3)), scale * rng.standard_normal((9, 3))
    weights = np.array([1.0, w, 0.0])
    got = er.einsum("ijk,k->ij", er.pairwise_difference(x, y), weights)
    with np.errstate(all="ignore"):
        plain = np.einsum("ijk,k->ij", x[:, None] - y, weights)
    if np.isfinite(plain).all():
        assert_within(got, *linear(x, y, weights))
    else:
        np.testing.assert_array_equal(got, plain)
