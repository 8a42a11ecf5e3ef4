"""Squared forms by a whole metric, of points that a factor of it transformed, in the core."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einroute._native import CORE

if CORE is None:
    pytest.skip("there is no core", allow_module_level=True)

Array = np.ndarray[Any, Any]


def judged(x: Array, y: Array, metric: Array) -> tuple[Array, Array]:
    """The form in extended precision, and that of absolute values."""
    d, m = x.astype("g")[:, None] - y.astype("g"), metric.astype("g")
    return (np.einsum("ijk,kl,ijl->ij", *every) for every in ((d, m, d), (abs(d), abs(m), abs(d))))


def made(x: Array, y: Array, u: Array | None, metric: Array, threads: int = 1) -> Any:
    return CORE.difference_transformed(x, y, u, metric, x.dtype.num, threads)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 30), st.integers(1, 30), st.integers(1, 64), st.sampled_from("df"), st.booleans(),
    st.sampled_from([0.0, 1.0, 1e4, 1e9]), st.sampled_from([1.0, 1e-6]), st.booleans(), st.integers(0, 99),
)  # fmt: skip
def test_within_the_bound(
    n: int, m: int, features: int, char: str, same: bool, offset: float, near: float, whole: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    scale = 10.0 ** rng.integers(-3, 4, features)
    x, y = ((rng.standard_normal((count, features)) + offset) * scale for count in (n, m))
    y[: len(y) // 3] = x[0] * (1 + near * rng.standard_normal())
    x, y = x.astype(char), y.astype(char)
    y = x if same else y
    u = rng.standard_normal((features, features)) / scale
    u = (u if whole else np.triu(u)).astype(char)
    metric = u.T.astype("g") @ u.astype("g")
    got = made(x, y, u, metric.astype(char))
    if got is None:
        return
    right, size = judged(x, y, metric.astype(char))
    assert (abs(got - right) <= 64 * np.finfo(char).eps * size + np.finfo(char).tiny).all()
    if same:
        np.testing.assert_array_equal(got, got.T)
        assert not got.diagonal().any()


@pytest.mark.parametrize("char", "df")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("count", [1, 2, 9])
def test_a_point_with_itself_is_not_given_where_it_is_not_finite(char: str, bad: float, count: int) -> None:
    x = np.random.default_rng(3).standard_normal((count, 2)).astype(char)
    x[-1, 0] = bad
    with np.errstate(all="ignore"):
        assert made(x, x, None, np.array([[2, 1], [1, 2]], char)) is None


@pytest.mark.parametrize("char", "df")
def test_some_of_all_pairs_may_be_close(char: str) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 60, 4)).astype(char)
    x[:50] = y[:2] = x[0]
    u = np.triu(rng.standard_normal((4, 4)) + 3 * np.eye(4)).astype(char)
    metric = u.T @ u
    got = made(x, y, u, metric)
    assert got is not None
    assert not got[:50, :2].any()
    right, size = judged(x, y, metric)
    assert (abs(got - right) <= 64 * np.finfo(char).eps * size).all()


@pytest.mark.parametrize("char", "df")
def test_it_does_what_is_far_apart_and_few_that_are_close(char: str) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 70, 12)).astype(char)
    y[5] = x[8]
    u = np.triu(rng.standard_normal((12, 12))).astype(char)
    metric = u.T @ u
    got = made(x, y, u, metric)
    assert got is not None
    assert got[8, 5] == 0
    right, size = judged(x, y, metric)
    assert (abs(got - right) <= 64 * np.finfo(char).eps * size).all()
    np.testing.assert_array_equal(made(x, y, u, metric, 3), got)


@pytest.mark.parametrize("features", [2, 17, 64, 200])
@pytest.mark.parametrize("alike", [False, True])
@pytest.mark.parametrize("char", "df")
def test_a_metric_is_factored(features: int, alike: bool, char: str) -> None:
    rng = np.random.default_rng(features)
    x, y = (rng.standard_normal((n, 1 if alike else features)) for n in (25, 30))
    x, y = ((one + 1e-6 * rng.standard_normal((len(one), features))).astype(char) for one in (x, y))
    a = rng.standard_normal((features, features))
    metric = (a @ a.T + 1 + np.eye(features)).astype(char)  # all of its sums are alike where the features are
    metric[1, 0] += metric[0, 1] * metric.dtype.type(0.01)
    got = made(x, y, None, metric)
    if got is None:
        assert features == 200  # much cancels
        return
    right, size = judged(x, y, metric)
    assert (abs(got - right) <= 64 * np.finfo(char).eps * size).all()


@pytest.mark.parametrize(
    "metric",
    [
        np.eye(3), -np.eye(3), np.zeros((3, 3)), np.array([[1.0, 2, 0], [2, 1, 0], [0, 0, 1]]),
        np.array([[1.0, 0.9, 0], [0.9, 1, 0.9], [0, 0.9, 1]]), np.full((3, 3), np.nan), np.ones((3, 3)),
    ],
)  # fmt: skip
def test_metrics_that_are_diagonal_or_not_definite_are_left(metric: Array) -> None:
    x = np.random.default_rng(3).standard_normal((9, 3))
    assert made(x, x, None, metric) is False
    for one in (metric, metric.astype("f")):
        part = CORE.definite_part(one)
        assert part is None or part is one
        assert (part is None) == (metric[0, 1] in (0, 2) or not (metric.diagonal() > 0).all())


def test_the_part_that_counts_of_a_metric() -> None:
    metric = np.array([[2.0, 1.5], [0.5, 2.0]])
    np.testing.assert_array_equal(CORE.definite_part(metric), [[2, 1], [1, 2]])
    np.testing.assert_array_equal(CORE.definite_part(metric.astype("f")[::-1, ::-1]), [[2, 1], [1, 2]])
    for wrong in (np.ones((2, 3)), np.ones(2), np.ones((2, 2), int)):
        with pytest.raises(ValueError):
            CORE.definite_part(wrong)
    with pytest.raises(ValueError):
        CORE.definite_part([[1.0]])


def test_bits_do_not_depend_on_the_instruction_set() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 90, 17))
    u = np.triu(rng.standard_normal((17, 17)))
    first = made(x, y, u, u.T @ u)
    before = CORE.isa()
    try:
        for isa in CORE.compiled_isas():
            CORE.choose_isa(isa)
            np.testing.assert_array_equal(made(x, y, u, u.T @ u), first)
    finally:
        CORE.choose_isa(before)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e200])
@pytest.mark.parametrize("where", ["x", "y", "u"])
def test_what_is_not_finite_is_not_given(bad: float, where: str) -> None:
    rng = np.random.default_rng(3)
    x, y = rng.standard_normal((2, 9, 5))
    u = np.triu(rng.standard_normal((5, 5)))
    {"x": x, "y": y, "u": u}[where][1, 4] = bad
    with np.errstate(all="ignore"):
        assert made(x, y, u, u.T @ u) is None


def test_points_that_are_all_close_are_left() -> None:
    x = 1 + 1e-12 * np.random.default_rng(3).standard_normal((40, 6))
    x[0] = 0
    assert made(x, x.copy(), np.eye(6), np.eye(6)) is None


ONE = np.ones((3, 2))


@pytest.mark.parametrize(
    "arguments",
    [
        (ONE, np.ones((4, 3)), np.eye(2), np.eye(2), ONE.dtype.num, 1),
        (ONE, ONE, np.ones((2, 3)), np.eye(2), ONE.dtype.num, 1),
        (ONE, ONE, np.ones((1025, 2)), np.eye(2), ONE.dtype.num, 1),
        (ONE, ONE, np.ones((0, 2)), np.eye(2), ONE.dtype.num, 1),
        (ONE, ONE, np.eye(2), np.eye(3), ONE.dtype.num, 1),
        (ONE[:0], ONE, np.eye(2), np.eye(2), ONE.dtype.num, 1),
        (ONE, ONE, np.eye(2), np.eye(2), np.dtype(int).num, 1),
    ],
)
def test_what_does_not_fit_is_refused(arguments: Any) -> None:
    with pytest.raises(ValueError):
        CORE.difference_transformed(*arguments)
