"""Rows that another thread writes to between the two looks at them: no place of a result stays unwritten."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from einroute._native import CORE

ENTRIES, ROWS, COLUMNS = 40_000, 300, 200
ROUNDS = 600

pytestmark = pytest.mark.skipif(CORE is None, reason="the core is not there")


@contextmanager
def changing(rows: Any, *values: Any) -> Iterator[None]:
    """Another thread writes each of the values to the rows, over and over."""
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            for given in values:
                np.copyto(rows, given)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def rows_and_columns(index: Any) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(0)
    first, second = (rng.integers(0, ROWS, ENTRIES).astype(index) for _ in range(2))
    return first, second, rng.integers(0, COLUMNS, ENTRIES).astype(index)


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("compressed", [False, True])
def test_of_sorted_rows(index: Any, compressed: bool) -> None:
    first, second, columns = rows_and_columns(index)
    pointers, rows, ones = None, first.copy(), np.ones(ENTRIES)
    if compressed:  # by columns: the rows are the indices
        pointers = np.linspace(0, ENTRIES, COLUMNS + 1).astype(index)
        columns = rows
    with changing(rows, first, second):
        for _ in range(ROUNDS):
            np.full(ENTRIES, np.nan)  # what may be found in memory that nothing was written to
            made = CORE.canonical_rows(ones, pointers, 1 if compressed else -1, rows, columns, ROWS, COLUMNS)
            if made is not None:
                indptr, indices, data = made
                assert np.all(np.diff(indptr) >= 0)
                assert indptr[-1] == len(indices) == len(data)
                assert 0 <= indices.min() <= indices.max() < COLUMNS
                assert data.sum() == ENTRIES
