"""Sums over pairs of differences, and their linear forms, in the core."""

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

HAS_BLAS = CORE.use_blas(np._core._multiarray_umath.__file__)
LINEAR, SQUARE, CROSSED = 1, 2, 3
#: What is asked for, and what it is.
SUMS = {
    "ij,ijk->ik": (LINEAR, True, False),
    "ij,ijk->k": (LINEAR, False, False),
    "ij,ijk,ijk->ik": (SQUARE, True, False),
    "ij,ijk,ijk->i": (SQUARE, True, True),
    "ij,ijk,ijk->k": (SQUARE, False, False),
    "ij,ijk,ijk->": (SQUARE, False, True),
}
LAYOUTS = {
    "rows": lambda w: w,
    "columns": np.asfortranarray,
    "single": lambda w: w.astype("f"),
    "every other": lambda w: np.repeat(w, 2, axis=1)[:, ::2],
    "backwards": lambda w: w[::-1, ::-1].copy()[::-1, ::-1],
    "swapped bytes": lambda w: w.astype(w.dtype.newbyteorder()),
}  # fmt: skip


def points(n: int, m: int, features: int) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(n + 10 * m + 100 * features)
    return (
        rng.standard_normal((n, features)),
        rng.standard_normal((m, features)) + 0.5,
        rng.standard_normal((n, m)),
    )


def added(
    x: Array,
    y: Array,
    w: Array | None,
    asked: tuple[int, bool, bool],
    threads: int = 1,
    *,
    by_blas: bool = False,
) -> Any:
    return CORE.difference_sums(x, y, w, *asked, False, by_blas, np.dtype(float).num, threads)


def judged(subscripts: str, x: Array, y: Array, w: Array) -> tuple[Array, Array]:
    """The sum in extended precision, and that of absolute values."""
    d = x.astype("g")[:, None] - y.astype("g")
    every = [w.astype("g"), *[d] * (subscripts.count(","))]
    return np.einsum(subscripts, *every), np.einsum(subscripts, *map(np.abs, every))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("subscripts", SUMS)
@pytest.mark.parametrize(
    ("n", "m", "features"), [(1, 1, 1), (3, 2, 5), (17, 63, 4), (65, 300, 7), (130, 258, 3), (64, 70, 9)]
)
def test_sums_of_every_size(subscripts: str, layout: str, n: int, m: int, features: int) -> None:
    x, y, w = points(n, m, features)
    w = LAYOUTS[layout](w)
    for weights in (w, abs(w)):
        right, size = judged(subscripts, x, y, weights)
        for by_blas in (False, HAS_BLAS):
            got = added(x, y, weights, SUMS[subscripts], by_blas=by_blas)
            assert got.shape == right.shape
            assert (abs(got - right) <= 512 * np.finfo(float).eps * size).all()
    right, size = judged(subscripts, x, y, np.ones((n, m)))
    assert (abs(added(x, y, None, SUMS[subscripts]) - right) <= 512 * np.finfo(float).eps * size).all()


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(SUMS)), st.integers(1, 40), st.integers(1, 40), st.integers(1, 6),
    st.sampled_from([0.0, 1.0, 1e6]), st.sampled_from([1.0, 1e-9]), st.booleans(), st.integers(0, 99),
)  # fmt: skip
def test_clusters_hold_the_bound(
    subscripts: str, n: int, m: int, features: int, apart: float, width: float, columns: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    x, y = (
        apart * rng.integers(0, 3, (count, 1)) + width * rng.standard_normal((count, features))
        for count in (n, m)
    )
    w = rng.standard_normal((n, m)) * (abs(x[:, None, 0] - y[:, 0]) < width)  # within clusters alone
    w = np.asfortranarray(w) if columns else w
    right, size = judged(subscripts, x, y, w)
    for by_blas in (False, HAS_BLAS):
        got = added(x, y, w, SUMS[subscripts], by_blas=by_blas)
        assert (abs(got - right) <= 512 * np.finfo(float).eps * size + 1e-300).all()


@pytest.mark.parametrize("subscripts", SUMS)
@pytest.mark.parametrize("apart", [0.0, 1e3])
def test_single_precision_by_blas(subscripts: str, apart: float) -> None:
    rng = np.random.default_rng(4)
    x, y = (apart * rng.integers(0, 2, (n, 1)) + rng.standard_normal((n, 40)) for n in (90, 130))
    x, y = x.astype("f"), y.astype("f")
    w = (rng.standard_normal((90, 130)) * (abs(x[:, None, 0] - y[:, 0]) < 9)).astype("f")
    for weights in (w, abs(w), np.asfortranarray(w), w[:, ::-1]):
        right, size = judged(subscripts, x, y, weights)
        number = np.dtype("f").num
        got = CORE.difference_sums(x, y, weights, *SUMS[subscripts], False, HAS_BLAS, number, 1)
        assert got.dtype == "f"
        assert (abs(got - right) <= 512 * np.finfo("f").eps * size).all()


def bits(x: Array, y: Array, w: Array, p: Array, threads: int) -> bytes:
    """What all functions give, one after the other."""
    number = np.dtype(float).num
    parts = [
        added(x, y, weights, asked, threads)
        for asked in SUMS.values()
        for weights in (w, np.asfortranarray(w), None)
    ]
    parts += added(x, y, w, (CROSSED, False, False), threads)
    parts.append(CORE.difference_projections(x, y, p, number, threads, True))
    parts += [CORE.difference_totals(x, y, p, False, *over, number, True) for over in OVER]
    parts.append(CORE.difference_squares(x, y, None, number, threads))
    return b"".join(np.ascontiguousarray(part).tobytes() for part in parts)


OVER = ((True, False), (False, True), (True, True))


def test_bits_depend_neither_on_threads_nor_on_the_instruction_set() -> None:
    x, y, w = points(301, 402, 5)
    p = np.random.default_rng(1).standard_normal((2, 5))
    first = bits(x, y, w, p, 1)
    before = CORE.isa()
    try:
        for isa in CORE.compiled_isas():
            CORE.choose_isa(isa)
            for threads in (1, 2, 5):
                assert bits(x, y, w, p, threads) == first
    finally:
        CORE.choose_isa(before)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e308])
@pytest.mark.parametrize("where", ["x", "y", "weights"])
def test_what_is_not_finite_is_not_given(bad: float, where: str) -> None:
    x, y, w = points(20, 30, 3)
    {"x": x, "y": y, "weights": w}[where][7, 2] = bad
    for subscripts, asked in SUMS.items():
        with np.errstate(all="ignore"):
            right = judged(subscripts, x, y, w)[0].astype(float)
        for by_blas in (False, HAS_BLAS):
            assert added(x, y, w, asked, by_blas=by_blas) is None or np.isfinite(right).all()


@pytest.mark.parametrize(("n", "m", "features"), [(1, 1, 1), (3, 5, 2), (33, 47, 8), (64, 128, 130)])
@pytest.mark.parametrize("offset", [0.0, 1e8])
def test_projections_and_their_sums(n: int, m: int, features: int, offset: float) -> None:
    x, y, _ = points(n, m, features)
    x, y = x + offset, y + offset
    p = np.random.default_rng(1).standard_normal((3, features))
    d = x.astype("g")[:, None] - y
    number, eps = np.dtype(float).num, np.finfo(float).eps
    made = CORE.difference_projections(x, y, p, number, 1, True)
    size = np.einsum("ijk,bk->bij", abs(d), abs(p))
    assert (abs(made - np.einsum("ijk,bk->bij", d, p.astype("g"))) <= 64 * eps * size).all()
    own = CORE.difference_projections(x, x, p, number, 1, True)
    np.testing.assert_array_equal(own, -own.transpose(0, 2, 1))
    for over, output in zip(OVER, ("bj", "bi", "b"), strict=True):
        right = np.einsum(f"ijk,bk->{output}", d, p.astype("g")).reshape(3, -1)
        size = np.einsum(f"ijk,bk->{output}", abs(d), abs(p)).reshape(3, -1)
        got = CORE.difference_totals(x, y, p, False, *over, number, True)
        assert got.shape == right.shape
        assert (abs(got - right) <= 64 * eps * size).all()
        plain = CORE.difference_totals(x, y, None, False, *over, number, True)
        ones = CORE.difference_totals(x, y, np.ones((1, features)), False, *over, number, True)
        assert (abs(plain - ones) <= 64 * eps * size.max(axis=0) + 64 * eps * abs(d).sum()).all()
        alone = CORE.difference_totals(x, y, None, True, *over, number, True)
        each = d.sum(axis=tuple(axis for axis, summed in enumerate(over) if summed)).T.reshape(features, -1)
        assert (abs(alone - each) <= 64 * eps * abs(d).sum()).all()


def test_sums_that_cancel_are_taken_again() -> None:
    rng = np.random.default_rng(0)
    x = 1e12 + rng.standard_normal((40, 3))
    y = x[rng.permutation(40)] + 1e-3 * rng.standard_normal((40, 3))
    d = x.astype("g")[:, None] - y
    for over, output in zip(OVER, ("j", "i", ""), strict=True):
        right = np.einsum(f"ijk->{output}", d).reshape(1, -1)
        size = np.einsum(f"ijk->{output}", abs(d)).reshape(1, -1)
        got = CORE.difference_totals(x, y, None, False, *over, np.dtype(float).num, True)
        assert (abs(got - right) <= 64 * np.finfo(float).eps * size).all()


@pytest.mark.parametrize("char", "fd")
@pytest.mark.parametrize(("n", "m", "features"), [(1, 1, 1), (3, 2, 5), (30, 41, 6), (9, 70, 130)])
def test_squares_of_every_layout(char: str, n: int, m: int, features: int) -> None:
    x, y, _ = points(n, m, features)
    x, y = x.astype(char), np.asfortranarray(y.astype(char))
    metric = np.random.default_rng(0).standard_normal((features, features)).astype(char)
    d = x.astype("g")[:, None] - y
    for own, wide in ((None, np.eye(features)), (metric[0], np.diag(metric[0])), (metric.T, metric.T)):
        got = CORE.difference_squares(x, y, own, x.dtype.num, 1)
        wide = wide.astype("g")
        right, size = ((d @ wide) * d).sum(-1), ((abs(d) @ abs(wide)) * abs(d)).sum(-1)
        assert (abs(got - right) <= (features + 8) * np.finfo(char).eps * size).all()
    x[0, 0] = np.nan
    assert CORE.difference_squares(x, y, None, x.dtype.num, 1) is None
    x[0, 0] = np.finfo(char).max
    assert CORE.difference_squares(x, y, None, x.dtype.num, 1) is None


ONE = np.ones((3, 2))
D = np.dtype(float).num


@pytest.mark.parametrize(
    ("function", "arguments", "error"),
    [
        ("difference_sums", (ONE, np.ones((4, 3)), None, 1, True, False, False, False, D, 1), ValueError),
        ("difference_sums", (ONE, ONE, np.ones((3, 4)), 1, True, False, False, False, D, 1), ValueError),
        ("difference_sums", (ONE, ONE, np.ones(3), 1, True, False, False, False, D, 1), ValueError),
        ("difference_sums", (ONE, ONE, "weights", 1, True, False, False, False, D, 1), TypeError),
        ("difference_sums", (ONE, ONE, None, 4, True, False, False, False, D, 1), ValueError),
        ("difference_sums", (ONE, ONE, None, 1, True, False, False, False, np.dtype(int).num, 1), ValueError),
        ("difference_sums", (ONE[:0], ONE, None, 1, True, False, False, False, D, 1), ValueError),
        ("difference_sums", (ONE[0], ONE, None, 1, True, False, False, False, D, 1), ValueError),
        ("difference_projections", (ONE, ONE, np.ones((1, 3)), D, 1, True), ValueError),
        ("difference_projections", (ONE, ONE[:0], np.ones((1, 2)), D, 1, True), ValueError),
        ("difference_projections", (ONE, ONE, np.ones((1, 2)), np.dtype(int).num, 1, True), ValueError),
        ("difference_totals", (ONE, ONE, None, False, False, False, D, True), ValueError),
        ("difference_totals", (ONE, ONE, np.ones((1, 2)), True, True, False, D, True), ValueError),
        ("difference_squares", (ONE, ONE, np.ones((2, 3)), D, 1), ValueError),
        ("difference_squares", (ONE, np.ones((3, 3)), None, D, 1), ValueError),
        ("difference_squares", (ONE, ONE, None, np.dtype(int).num, 1), ValueError),
    ],
)
def test_what_does_not_fit_is_refused(function: str, arguments: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        getattr(CORE, function)(*arguments)
