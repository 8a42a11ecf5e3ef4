"""Calls with structured operands, found by the core: by their attributes as they are at each call."""

from __future__ import annotations

import gc
import itertools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import einroute as er
from einroute._native import CORE

pytestmark = pytest.mark.skipif(CORE is None, reason="the core is not there")

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    for made in (er.one_hot([0], 1), er.rolled([0.0], 1), er.pairwise_difference(np.ones((1, 1)))):
        er.einsum("...->...", made)  # what comes first of a class is Python's
    er.cache_clear()


def known() -> int:
    return len(CORE.table_in_force())


def agrees(subscripts: str, *operands: Any) -> None:
    result, expected = er.einsum(subscripts, *operands), np.einsum(subscripts, *map(np.asarray, operands))
    assert type(result) is type(expected)
    assert result.dtype == expected.dtype
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def label_arrays() -> Iterator[np.ndarray]:
    base = np.array([2, 0, -1, 1, 2, 7, 0, 3])
    for dtype in ("i8", "q", "i4", "u1", ">i8", "i2"):
        yield base.astype(dtype)
    yield base[::2]
    yield base[::-1]
    yield np.repeat(base, 2)[::2]
    yield base[:5]
    yield base[:0]


@pytest.mark.parametrize("dtype", ["f8", "f4", "i8", "c16", "?", ">f8"])
@pytest.mark.parametrize("depth", [3, 8])
def test_facts_of_labels_that_differ_are_other_calls(dtype: str, depth: int) -> None:
    for labels in (*label_arrays(), *label_arrays()):
        for w in (np.arange(1.0, len(labels) + 1), np.arange(1, len(labels) + 1, dtype="i4")):
            h = er.one_hot(labels, depth, dtype=dtype)
            agrees("tr->r", h)
            agrees("tr->", h)
            agrees("tr,t->r", h, w)
            agrees("tr,r->t", h, np.arange(1.0, depth + 1))


@pytest.mark.parametrize("step", [1, -1, 2, 7, -6, 0])
@pytest.mark.parametrize("n", [5, 300])  # NumPy's own einsum, and a plan
def test_facts_of_rollings_that_differ_are_other_calls(step: int, n: int) -> None:
    base = RNG.random((n, 7))
    for _, (b, k, axis) in itertools.product(
        range(2), [(base, 3, 0), (base, 4, 0), (base, 3, 1), (base[::-1], 3, 0), (base.astype("f4"), 3, 0)]
    ):
        r = er.rolled(b, k, axis=axis, step=step)
        agrees("abc,c->ab", r, np.arange(1.0, r.shape[2] + 1))
        agrees("abc->b", r)


@pytest.mark.parametrize("n", [4, 40])
def test_whether_two_operands_are_one_tensor(n: int) -> None:
    points, others = RNG.random((n, 3)), RNG.random((n, 3))
    readonly = points.view()
    readonly.flags.writeable = False

    def made() -> list[Any]:
        d = er.pairwise_difference(points)
        return [
            d,
            er.pairwise_difference(points.view()),
            er.pairwise_difference(others),
            er.pairwise_difference(points, others),
            er.pairwise_difference(points, points.view()),
            er.pairwise_difference(readonly),
            d,
        ]

    er.cache_clear()
    for x, y in [*itertools.product(made(), repeat=2)] * 2:
        agrees("ijk,ijk->ij", x, y)
    # Of one set of points or of two on either side; where that is the same, one tensor or not.
    assert known() == 6


def test_pairs_of_rollings_and_of_one_hots() -> None:
    a, b = RNG.random(6), RNG.random(6)
    for x, y in [(er.rolled(p, 3), er.rolled(q, 3)) for p in (a, b) for q in (a, b)] * 2:
        agrees("ij,ij->i", x, y)
        agrees("ij,ij->i", x, x)
    s, t = np.array([0, 1, 1, 3]), np.array([2, 2, 0, 1])
    for h, g in [(er.one_hot(p, 3), er.one_hot(q, 3)) for p in (s, t) for q in (s, t)] * 2:
        for subscripts in ("tr,ts->rs", "tr,tr->t", "tr,tr->r"):
            agrees(subscripts, h, g)
            agrees(subscripts, h, h)


def test_what_arrays_hold_is_read_at_each_call() -> None:
    labels, base, points = np.array([0, 1, 1]), np.arange(5.0), RNG.random((4, 2))
    h, r, d = er.one_hot(labels, 3), er.rolled(base, 2), er.pairwise_difference(points)
    for _ in range(6):
        agrees("tr->r", h)
        agrees("ij,j->i", r, np.array([1.0, 3.0]))
        agrees("ijk,ijk->ij", d, d)
        labels += 1
        base *= 1.5
        points[1] += 2
    assert known() == 3
    agrees("tr->r", er.one_hot(np.array([2, 2, 0]), 3))  # another operand of the same facts
    assert known() == 3


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")  # from NumPy 2.5 on
def test_dtypes_set_in_place_are_seen() -> None:
    labels = np.array([1, 0, 2, 2])
    h = er.one_hot(labels, 3)
    for _ in range(3):
        agrees("tr->r", h)
    h.labels.dtype = np.uint64
    agrees("tr->r", h)
    labels.shape = (2, 2)  # the operand has a view of its own
    agrees("tr->r", h)


@pytest.mark.parametrize(
    ("subscripts", "wrong"), [("tr,t->r", np.ones(5)), ("tr,r->t", np.ones(2)), ("tr,t->x", np.ones(4))]
)
def test_errors_come_whatever_is_known(subscripts: str, wrong: np.ndarray) -> None:
    h = er.one_hot(np.array([0, 1, 2, 1]), 3)
    for _ in range(3):
        er.einsum("tr,t->r", h, np.ones(4))
        er.einsum("tr,r->t", h, np.ones(3))
        with pytest.raises(ValueError) as ours:
            er.einsum(subscripts, h, wrong)
    with pytest.raises(ValueError):
        np.einsum(subscripts, np.asarray(h), wrong)
    assert str(ours.value)


def test_options_are_those_of_the_call() -> None:
    h = er.one_hot(np.array([0, 1, 2, 1]), 3)
    w, out = RNG.random((4, 2)), np.zeros((3, 2))
    for _ in range(3):
        for order in "CFKA":
            result = er.einsum("tr,tc->rc", h, w, order=order)
            np.testing.assert_allclose(result, np.asarray(h).T @ w)
            assert order != "F" or result.flags.f_contiguous
        assert er.einsum("tr,tc->rc", h, w, out=out) is out
        np.testing.assert_allclose(out, np.asarray(h).T @ w)
        assert er.einsum("tr,tc->rc", h, w, dtype="f4", casting="same_kind").dtype == np.float32
        out[...] = 0


@pytest.mark.parametrize(
    ("name", "transposed"), [("dot", True), ("matmul", True), ("inner", False), ("tensordot", True)]
)
def test_products(name: str, transposed: bool) -> None:
    h = er.one_hot(np.array([0, 1, 2, 1]), 3)
    w = RNG.random((3, 5) if transposed else (5, 3))
    args = (1,) if name == "tensordot" else ()
    for x, y in [(h, w), (w.T if transposed else w, h.conj())] * 3:
        if name != "inner" and x is not h:
            x = RNG.random((2, 4))
        expected = getattr(np, name)(np.asarray(x), np.asarray(y), *args)
        np.testing.assert_allclose(getattr(er, name)(x, y, *args), expected)


def test_each_configuration_and_cache_clear() -> None:
    h = er.one_hot(np.array([0, 1, 2, 1]), 3)
    for _ in range(3):
        agrees("tr->r", h)
    assert known() == 1
    with er.config(threads=er.get_config()["threads"] + 1):
        assert not known()
        agrees("tr->r", h)
        agrees("tr->r", h)
        assert known() == 1
    er.cache_clear()
    assert not known()
    agrees("tr->r", h)
    with er.record() as r:
        agrees("tr->r", h)
    assert r.records[0].routes == ("one_hot.count",)


def test_what_is_new_is_new() -> None:
    labels, table = np.array([0, 1, 2, 1]), np.arange(3.0)
    h = er.one_hot(labels, 3)
    for _ in range(4):
        for subscripts, others in (("tr->r", ()), ("tr,t->r", (np.ones(4),)), ("tr,r->t", (table,))):
            result = er.einsum(subscripts, h, *others)
            assert result.flags.writeable
            assert not any(np.may_share_memory(result, x) for x in (labels, *others))
            result[...] = -1
    np.testing.assert_array_equal(table, np.arange(3.0))


def test_an_attribute_that_is_missing_or_another_is_pythons() -> None:
    h = er.one_hot(np.array([0, 1]), 3)
    broken = type(h).__new__(type(h))
    for _ in range(3):
        with pytest.raises(AttributeError):
            er.einsum("tr->r", broken)
    large = er.one_hot(np.array([0, 5]), 2**62)
    for _ in range(3):
        assert er.einsum("tr,tr->", large, large) == 2


def test_nothing_leaks() -> None:
    labels, w = np.array([0, 1, 2, 1]), np.ones(4)
    h, d = er.one_hot(labels, 3), er.pairwise_difference(RNG.random((4, 2)))

    def call() -> None:
        er.einsum("tr,t->r", h, w)
        er.einsum("ijk,ijk->ij", d, d)

    for _ in range(20):
        call()
    gc.collect()
    before = [sys.getrefcount(x) for x in (h, h.labels, h.dtype, w, d, d.x)]
    for _ in range(200):
        call()
    assert [sys.getrefcount(x) for x in (h, h.labels, h.dtype, w, d, d.x)] == before


@pytest.mark.parametrize(
    ("args", "error"),
    [
        ((3, ("x",)), TypeError),
        ((int, ["real"]), TypeError),
        ((int, (3,)), TypeError),
        ((int, ("real",) * 7), ValueError),
        ((int,), TypeError),
    ],
)
def test_what_the_core_is_told_is_looked_at(args: tuple[Any, ...], error: type[Exception]) -> None:
    tell: Callable[..., None] = CORE.know_operands
    with pytest.raises(error):
        tell(*args)
