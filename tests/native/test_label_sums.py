"""Rows added up, counted and taken by label in the core."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from einroute._native import CORE

if CORE is None:
    pytest.skip("there is no core", allow_module_level=True)

Array = np.ndarray[Any, Any]

CHARS = "?bBhHiIlLqQfdgFDG"
LABELS = ("b", "B", "h", "H", "i", "I", "l", "L")


def numbers(rng: np.random.Generator, shape: tuple[int, ...], char: str) -> Array:
    if char in "FDG":
        return (rng.integers(-9, 9, shape) + 1j * rng.integers(-9, 9, shape)).astype(char)
    return rng.integers(0, 2 if char == "?" else 9, shape).astype(char)


def added(labels: Array, length: int, rows: Array) -> Array:
    """One after the other; what is no class is left out."""
    out = np.zeros((length, *rows.shape[labels.ndim :]), rows.dtype)
    add = np.logical_or if rows.dtype == bool else np.add
    for place in np.ndindex(labels.shape):
        if 0 <= labels[place] < length:
            out[labels[place]] = add(out[labels[place]], rows[place])
    return out


@pytest.mark.parametrize("char", CHARS)
@pytest.mark.parametrize("width", [None, 1, 2, 3, 4, 5, 7, 8, 9, 33, 70])
@pytest.mark.parametrize("length", [7, 100])  # in several tables, and in one
def test_sums_of_every_dtype(char: str, width: int | None, length: int) -> None:
    rng = np.random.default_rng(ord(char))
    labels = rng.integers(-2, length + 2, 333)
    rows = numbers(rng, (333,) if width is None else (333, width), char)
    for given in (rows, rows[::-1], np.asfortranarray(rows)):
        out = np.zeros((length, *rows.shape[1:]), char)
        CORE.add_at((labels,), (length,), (1,), (), given, out, 2)
        np.testing.assert_array_equal(out, added(labels, length, given))


@pytest.mark.parametrize("char", LABELS)
@pytest.mark.parametrize("step", [1, 2, -1])
def test_labels_of_every_dtype(char: str, step: int) -> None:
    rng = np.random.default_rng(step + 5)
    limits = np.iinfo(char)
    labels = rng.integers(max(-3, limits.min), 14, 3000).astype(char)
    labels[::50], labels[7::50] = limits.max, limits.min
    labels = labels[::step]
    within = (labels.astype(object) >= 0) & (labels.astype(object) < 11)
    right = np.bincount(labels[within].astype(int), minlength=11)
    for dtype in CHARS:
        counts = CORE.count_at((labels,), (11,), (1,), (), 11, dtype, 1)
        assert counts.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(counts, right.astype(dtype))
    table = rng.standard_normal(11)
    out = np.full(len(labels), np.nan)
    CORE.take_at((labels,), (11,), (1,), (), table, out, 1)
    np.testing.assert_array_equal(out, np.where(within, table[np.where(within, labels, 0).astype(int)], 0))
    for dtype in CHARS:
        ones = np.empty(len(labels), dtype)
        CORE.ones_at((labels,), 11, ones, 1)
        np.testing.assert_array_equal(ones, within.astype(dtype))
    assert CORE.count_ones((labels,), 11, 1) == within.sum()


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 7, 8, 9, 16, 33, 130])
@pytest.mark.parametrize("char", "?hfdDG")
def test_rows_of_every_size_are_taken(char: str, width: int) -> None:
    rng = np.random.default_rng(width)
    table, labels = numbers(rng, (6, width), char), rng.integers(-1, 8, (40, 5))
    out = np.ones((40, 5, width), char)
    CORE.take_at((labels,), (6,), (1,), (), table, out, 2)
    good = (labels >= 0) & (labels < 6)
    right = np.where(good[..., None], table[np.where(good, labels, 0)], np.zeros((), char))
    np.testing.assert_array_equal(out, right)


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 33])
@pytest.mark.parametrize("char", CHARS)
def test_rows_are_taken_and_scaled(char: str, width: int) -> None:
    rng = np.random.default_rng(width)
    labels, table = rng.integers(-1, 8, (40, 5)), numbers(rng, (6, width), char)
    factors = numbers(rng, (5, 80), char).T[::-2]
    out = np.ones((40, 5, width), char)
    CORE.take_at((labels,), (6,), (1,), (), table, out, 2, factors)
    good = ((labels >= 0) & (labels < 6))[..., None]
    right = np.where(good, table[np.where(good[..., 0], labels, 0)] * factors[..., None], np.zeros((), char))
    np.testing.assert_array_equal(out, right)


@pytest.mark.parametrize(
    "factors", [np.ones(3), np.ones((4, 1)), np.ones(4, "f4"), np.ones(4, ">f8"), np.ones(4, "f2")]
)
def test_factors_that_do_not_fit_are_refused(factors: Array) -> None:
    with pytest.raises(ValueError, match="factors"):
        CORE.take_at((np.zeros(4, int),), (6,), (1,), (), np.ones(6), np.ones(4), 1, factors)


def test_a_table_without_rows_has_none_to_take() -> None:
    with pytest.raises(ValueError, match="beyond the rows"):
        CORE.take_at((np.zeros(4, int),), (1,), (1,), (), np.ones((0, 2)), np.ones((4, 2)), 1)


def test_several_labels_and_coordinates() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.integers(-1, 4, (6, 50)), rng.integers(-1, 6, (50, 6)).astype("i2").T
    rows = rng.integers(0, 9, (6, 50, 3)).astype(float)
    out = np.zeros((6 * 3 * 5, 3))
    CORE.add_at((first, second), (3, 5), (5, 1), (15, 0), rows, out, 1)
    right = np.zeros((6, 3, 5, 3))
    for i, j in np.ndindex(6, 50):
        if 0 <= first[i, j] < 3 and 0 <= second[i, j] < 5:
            right[i, first[i, j], second[i, j]] += rows[i, j]
    np.testing.assert_array_equal(out.reshape(right.shape), right)
    ones = np.empty((6, 50))
    CORE.ones_at((first, second), 3, ones, 1)
    same = (first == second) & (first >= 0) & (first < 3)
    np.testing.assert_array_equal(ones, same)
    assert CORE.count_ones((first, second), 3, 1) == same.sum()


def test_nothing_is_of_a_length_of_zero() -> None:
    labels, out = np.arange(-2, 5), np.ones(7)
    CORE.ones_at((labels, labels), 0, out, 1)
    assert not out.any()
    assert CORE.count_ones((labels,), 0, 1) == 0
    CORE.take_at((labels,), (0,), (1,), (), np.ones((0, 3)), np.ones((7, 3)), 1)
    assert CORE.count_at((labels, labels), (0, 3), (3, 1), (), 3, "d", 1).tolist() == [0, 0, 0]


@pytest.mark.parametrize("chars", ["lL", "iB", "bH", "hl"])
def test_labels_of_two_dtypes_that_are_the_same(chars: str) -> None:
    rng = np.random.default_rng(3)
    first, second = (rng.integers(-1, 4, 2500).astype(char) for char in chars)
    same = (first.astype(object) == second.astype(object)) & (first >= 0) & (first < 3)
    for dtype in CHARS:
        ones = np.empty(2500, dtype)
        CORE.ones_at((first, second), 3, ones, 1)
        np.testing.assert_array_equal(ones, same.astype(dtype))
    assert CORE.count_ones((first, second), 3, 1) == same.sum()


@pytest.mark.parametrize("width", [1, 3, 200])
@pytest.mark.parametrize("length", [3, 5000])
def test_bits_do_not_depend_on_threads(length: int, width: int) -> None:
    rng = np.random.default_rng(length)
    count = 1_500_000 // (1 + width // 2)
    labels, rows = rng.integers(-1, length, count), rng.standard_normal((count, width))
    found = []
    for threads in (1, 2, 3, 16):
        out = np.zeros((length, width))
        CORE.add_at((labels,), (length,), (1,), (), rows, out, threads)
        counts = CORE.count_at((labels,), (length,), (1,), (), length, "d", threads)
        found.append((out.tobytes(), counts.tobytes()))
    assert len(set(found)) == 1
    np.testing.assert_array_equal(counts, np.bincount(labels[labels >= 0], minlength=length))
    right = np.zeros((length, width))
    np.add.at(right, labels[labels >= 0], rows[labels >= 0])
    np.testing.assert_allclose(out, right, rtol=1e-9, atol=1e-9)


def test_rows_without_a_class_are_not_added() -> None:
    labels, rows = np.array([0, 5, -1, 2**62, 1]), np.array([1.0, np.nan, np.inf, np.nan, 2.0])
    out = np.zeros(3)
    with np.errstate(all="raise"):
        CORE.add_at((labels,), (3,), (1,), (), rows, out, 1)
    np.testing.assert_array_equal(out, [1, 2, 0])


@pytest.mark.parametrize("shape", [(0,), (0, 3), ()])
def test_no_places_and_one_place(shape: tuple[int, ...]) -> None:
    labels = np.ones(shape, int)
    out = np.zeros(2)
    CORE.add_at((labels,), (2,), (1,), (), np.ones(shape), out, 1)
    np.testing.assert_array_equal(out, [0, 0 if labels.size == 0 else 1])
    np.testing.assert_array_equal(CORE.count_at((labels,), (2,), (1,), (), 2, "d", 1), out)


LABEL = np.zeros(4, int)


@pytest.mark.parametrize(
    "arguments",
    [
        ((), (), (), (), np.ones(4), np.zeros(2), 1),
        ((LABEL,), (2,), (), (), np.ones(4), np.zeros(2), 1),
        ((LABEL.astype(float),), (2,), (1,), (), np.ones(4), np.zeros(2), 1),
        ((LABEL.astype(">i8"),), (2,), (1,), (), np.ones(4), np.zeros(2), 1),
        ((LABEL,), (-2,), (1,), (), np.ones(4), np.zeros(2), 1),
        ((LABEL,), (3,), (1,), (), np.ones(4), np.zeros(2), 1),
        ((LABEL,), (2,), (2,), (), np.ones(4), np.zeros(2), 1),
        ((LABEL,), (2,), (2**62,), (), np.ones(4), np.zeros(2), 1),
        ((LABEL,), (2,), (1,), (1,), np.ones(4), np.zeros(2), 1),
        ((LABEL,), (2,), (1,), (-1,), np.ones(4), np.zeros(2), 1),
        ((LABEL,), (2,), (1,), (0, 0), np.ones(4), np.zeros(2), 1),
        ((LABEL,), (2,), (1,), (), np.ones(5), np.zeros(2), 1),
        ((LABEL,), (2,), (1,), (), np.ones((4, 2)), np.zeros((2, 3)), 1),
        ((LABEL,), (2,), (1,), (), np.ones(4, "f"), np.zeros(2), 1),
        ((LABEL,), (2,), (1,), (), np.ones(4, "e"), np.zeros(2, "e"), 1),
        ((LABEL,), (2,), (1,), (), np.ones(4), np.zeros(4)[::2], 1),
    ],
)
def test_what_could_reach_beyond_is_refused(arguments: Any) -> None:
    with pytest.raises(ValueError):
        CORE.add_at(*arguments)
