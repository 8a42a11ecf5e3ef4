"""Products of a compressed matrix with a dense array of any layout, by the core's kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from einroute._native import CORE

pytestmark = pytest.mark.skipif(CORE is None, reason="the core is not there")

DTYPES = "?bBhHiIlLqQfdFD"
#: Rows, columns and entries: lines that are full or not, more entries than places, nothing.
MATRICES = ((7, 5, 12), (33, 70, 200), (1, 1, 1), (40, 3, 60), (3, 200, 4), (0, 4, 0), (4, 0, 0))
#: Of the dense operand, besides: tiles that are full or not, several axes, nothing.
FREE = ((), (1,), (3,), (6,), (17,), (130,), (2, 3), (5, 1, 4), (0,))


def numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    x = rng.integers(0, 3, shape)
    if dtype == "?":
        return x > 0
    return (x + 1j * rng.integers(-2, 3, shape) if dtype in "FD" else x).astype(dtype)


def matrix(
    rng: np.random.Generator, size: tuple[int, int, int], dtype: str, by_rows: bool, index: Any = np.int32
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """A matrix with unsorted entries and duplicates, written out, and compressed."""
    n, m, count = size
    i, j = (rng.integers(0, max(extent, 1), count) for extent in (n, m))
    data = numbers(rng, (count,), dtype)
    written = np.zeros((n, m), dtype)
    (np.logical_or if dtype == "?" else np.add).at(written, (i, j), data)
    lines, others, length = (i, j, n) if by_rows else (j, i, m)
    order = np.argsort(lines, kind="stable")
    indptr = np.searchsorted(lines[order], np.arange(length + 1))
    return written, (indptr.astype(index), others[order].astype(index), data[order])


def product(written: np.ndarray, x: np.ndarray) -> np.ndarray:
    if written.dtype == bool:
        return np.tensordot(written.astype(int), x.astype(int), 1) > 0
    return np.tensordot(written, x, 1).astype(written.dtype)


def layouts(x: np.ndarray, shape: tuple[int, ...], dtype: str) -> Any:
    """The same operand and results of a shape, each in several orders of memory."""
    reverse = tuple(range(len(shape)))[::-1]
    yield x, np.zeros(shape, dtype)
    yield np.asfortranarray(x), np.zeros(shape, dtype, order="F")
    yield np.asfortranarray(x), np.zeros(shape, dtype)
    yield np.stack([x, x], axis=-1)[..., 0], np.zeros(shape, dtype, order="F")
    yield x[::-1].copy()[::-1], np.moveaxis(np.zeros((*shape[1:], shape[0]), dtype), -1, 0)
    yield x, np.zeros(shape[::-1], dtype).transpose(reverse)
    if x.ndim > 2:  # side by side along an axis that is not the result's innermost one
        beside = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 1, -1)), -1, 1)
        yield beside, np.zeros(shape, dtype)
        yield beside, np.moveaxis(np.zeros((*shape[1:], shape[0]), dtype), -1, 0)


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("by_rows", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
def test_values(dtype: str, by_rows: bool, index: Any) -> None:
    rng = np.random.default_rng(0)
    for size in MATRICES:
        written, parts = matrix(rng, size, dtype, by_rows, index)
        for free in FREE:
            given = numbers(rng, (size[1], *free), dtype)
            expected = product(written, given)
            for x, y in layouts(given, (size[0], *free), dtype):
                if by_rows and len(parts[2]):
                    y[...] = 1  # what is there is written over
                assert CORE.multiply_compressed(*parts, by_rows, x, y, 2) is True
                np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("by_rows", [True, False])
@pytest.mark.parametrize("dtype", "fdFD")
def test_bits_do_not_depend_on_threads(dtype: str, by_rows: bool) -> None:
    rng = np.random.default_rng(1)
    _, (indptr, indices, data) = matrix(rng, (400, 300, 9000), dtype, by_rows)
    data[:] = rng.standard_normal(len(data))
    for order in "CF":
        x = np.asarray(rng.standard_normal((300, 70)), dtype, order=order)
        made = []
        for threads in (1, 2, 3, 7):
            y = np.zeros((400, 70), dtype, order=order)
            assert CORE.multiply_compressed(indptr, indices, data, by_rows, x, y, threads)
            made.append(y)
        for y in made[1:]:
            np.testing.assert_array_equal(y, made[0])


@pytest.mark.parametrize("by_rows", [True, False])
def test_bits_do_not_depend_on_the_instruction_set(by_rows: bool) -> None:
    rng = np.random.default_rng(2)
    _, parts = matrix(rng, (60, 50, 700), "d", by_rows)
    x = rng.standard_normal((50, 21))
    made = []
    try:
        for name in ("baseline", ""):
            CORE.choose_isa(name)
            y = np.zeros((60, 21))
            assert CORE.multiply_compressed(*parts, by_rows, x, y, 1)
            made.append(y)
    finally:
        CORE.choose_isa("")
    np.testing.assert_array_equal(*made)


#: What is written where into which part of a sound matrix of 30 rows and 30 columns.
LIES = [
    ("indices", 5, -1),
    ("indices", 5, 30),
    ("indices", 0, -(2**31)),
    ("indices", 40, 2**31 - 1),
    ("indptr", 3, -7),
    ("indptr", 3, 2**31 - 1),
    ("indptr", 30, 1000),
    ("indptr", 10, 90),
]


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("by_rows", [True, False])
@pytest.mark.parametrize(("part", "at", "value"), LIES)
def test_lying_index_arrays(part: str, at: int, value: int, by_rows: bool, index: Any) -> None:
    rng = np.random.default_rng(3)
    _, (indptr, indices, data) = matrix(rng, (30, 30, 90), "d", by_rows, index)
    (indices if part == "indices" else indptr)[at] = value
    for free in ((), (3,), (6,), (40,)):
        x = rng.random((30, *free))
        for given, y in layouts(x, x.shape, "d"):
            assert CORE.multiply_compressed(indptr, indices, data, by_rows, given, y, 2) is False


def test_fewer_values_than_indices() -> None:
    rng = np.random.default_rng(4)
    _, (indptr, indices, data) = matrix(rng, (30, 30, 90), "d", True)
    x = rng.random((30, 4))
    assert CORE.multiply_compressed(indptr, indices, data[:50], True, x, np.zeros((30, 4)), 1) is False
    assert CORE.multiply_compressed(indptr, indices[:50], data, True, x, np.zeros((30, 4)), 1) is False


def test_arrays_that_do_not_fit() -> None:
    rng = np.random.default_rng(5)
    _, (indptr, indices, data) = matrix(rng, (30, 20, 90), "d", True)
    x, y = rng.random((20, 4)), np.zeros((30, 4))
    for bad in (
        (indptr[:-1], indices, data, True, x, y),
        (indptr, indices, data, False, x, y),
        (indptr.astype(np.int64), indices, data, True, x, y),
        (indptr, indices.astype(np.uint32), data, True, x, y),
        (indptr, indices, data.astype("f"), True, x, y),
        (indptr, indices, data, True, x[:, :3], y),
        (indptr, indices, data, True, x, y[:, 0]),
        (indptr, indices, data[::2], True, x, y),
    ):
        with pytest.raises(ValueError, match="do not fit"):
            CORE.multiply_compressed(*bad, 1)
    locked = y.copy()
    locked.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        CORE.multiply_compressed(indptr, indices, data, True, x, locked, 1)
    with pytest.raises(ValueError, match="no kernels"):
        CORE.multiply_compressed(indptr, indices, data.astype("g"), True, x.astype("g"), y.astype("g"), 1)


def test_what_absent_entries_would_meet_is_not_multiplied() -> None:
    rng = np.random.default_rng(6)
    for by_rows in (True, False):
        written, parts = matrix(rng, (20, 30, 25), "d", by_rows)
        absent = ~written.any(axis=0)
        # A column may hold entries that add up to 0: only those without any may hold nan.
        absent[parts[1] if by_rows else np.flatnonzero(np.diff(parts[0]))] = False
        for width in (1, 3, 5, 21):
            x = rng.integers(0, 4, (30, width)).astype(float)
            expected = written @ x
            x[absent] = np.nan
            for given, y in layouts(x, (20, width), "d"):
                assert CORE.multiply_compressed(*parts, by_rows, given, y, 1)
                np.testing.assert_array_equal(y, expected)
