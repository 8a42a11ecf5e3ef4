"""Squared forms in single precision by a metric of any signs, multiplied out in the core."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er
from einroute._native import CORE
from tests.native.test_difference_transformed import judged

if CORE is None or not CORE.use_blas(np._core._multiarray_umath.__file__):
    pytest.skip("there is no core, or no BLAS that it finds", allow_module_level=True)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 300), st.integers(1, 70), st.booleans(),
    st.sampled_from([0.0, 1.0, 1e3]), st.sampled_from([1.0, 1e-5]), st.booleans(), st.integers(0, 99),
)  # fmt: skip
def test_within_the_bound(
    n: int, m: int, features: int, same: bool, offset: float, near: float, thin: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scale = 10.0 ** rng.integers(-3, 4, features)
    x, y = ((rng.standard_normal((count, features)) + offset) * scale for count in (n, m))
    y[: len(y) // 50] = x[0] * (1 + near * rng.standard_normal())
    x, y = x.astype("f"), y.astype("f")
    y = x if same else y
    metric = (rng.standard_normal((features, features)) / scale / scale[:, None]).astype("f")
    if thin:  # forms cancel more often
        metric = np.outer(metric[0], metric[-1])
    got = CORE.difference_expanded(x, y, metric)
    if got is None:
        return
    right, size = judged(x, y, metric)
    assert (abs(got - right) <= 64 * np.finfo("f").eps * size + np.finfo("f").tiny).all()
    if same:
        np.testing.assert_array_equal(got, got.T)
        assert not got.diagonal().any()


def test_it_does_most_points() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 70, 30)).astype("f")
    metric = rng.standard_normal((30, 30)).astype("f")
    for one in (x, y):
        got = CORE.difference_expanded(x, one, metric)
        right, size = judged(x, one, metric)
        assert (abs(got - right) <= 64 * np.finfo("f").eps * size).all()
        np.testing.assert_array_equal(
            er.einsum("ijk,kl,ijl->ij", d := er.pairwise_difference(x, one), metric, d), got
        )


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e30])
@pytest.mark.parametrize("where", ["x", "y", "metric"])
def test_what_is_not_finite_is_not_given(bad: float, where: str) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 9, 5)).astype("f")
    metric = 1e15 * rng.standard_normal((5, 5)).astype("f")
    {"x": x, "y": y, "metric": metric}[where][1, 4] = bad
    with np.errstate(all="ignore"):
        got = CORE.difference_expanded(x, y, metric)
        assert got is None or (where == "metric" and bad == 1e30 and np.isfinite(got).all())


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("count", [1, 2, 9])
def test_a_point_with_itself_is_not_given_where_it_is_not_finite(bad: float, count: int) -> None:
    x = np.random.default_rng(3).standard_normal((count, 2)).astype("f")
    x[-1, 0] = bad
    metric = np.array([[1, 2], [2, 1]], "f")
    with np.errstate(all="ignore"):
        assert CORE.difference_expanded(x, x, metric) is None
        d = er.pairwise_difference(x)
        got, right = (er.einsum("ijk,kl,ijl->ij", own, metric, own) for own in (d, np.asarray(d)))
    np.testing.assert_array_equal(np.isnan(got), np.isnan(right))
    assert np.isnan(got[-1, -1])


def test_forms_that_cancel_are_left() -> None:
    x = np.float32(1) + np.float32(1e-6) * np.random.default_rng(3).standard_normal((60, 4)).astype("f")
    x[0] = 1e6
    metric = np.diag(np.ones(3, "f"), 1)
    assert CORE.difference_expanded(x, x.copy(), metric) is None


ONE = np.ones((3, 2), "f")


@pytest.mark.parametrize(
    "arguments",
    [
        (ONE, np.ones((4, 3)), np.eye(2)),
        (ONE, ONE, np.eye(3)),
        (ONE[:0], ONE, np.eye(2)),
        (ONE, ONE, np.ones((2, 3))),
    ],
)
def test_what_does_not_fit_is_refused(arguments: Any) -> None:
    with pytest.raises(ValueError):
        CORE.difference_expanded(*arguments)
