"""Ways to cut a label."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("dask")

from einroute._kinds.dask.chunked import Chunked
from einroute._kinds.dask.cutting import Part, merged, split
from einroute._kinds.dask.tiles import cuts_for, tree_tasks

LENGTHS = st.lists(st.integers(0, 9), min_size=1, max_size=30).map(tuple)


@given(LENGTHS, st.integers(1, 40))
def test_merged_lengths_are_sums_of_neighbours(lengths: tuple[int, ...], count: int) -> None:
    found = merged(lengths, count)
    assert len(found) == min(count, len(lengths))
    assert sum(found) == sum(lengths)
    bounds = {sum(lengths[:i]) for i in range(len(lengths) + 1)}
    assert {sum(found[:i]) for i in range(len(found) + 1)} <= bounds


def test_merged_lengths_are_even() -> None:
    assert merged((10,) * 12, 4) == (30,) * 4
    assert merged((5, 0, 5, 10, 10), 3) == (10, 10, 10)


@given(LENGTHS, st.integers(1, 12))
def test_split_lengths_fit(lengths: tuple[int, ...], longest: int) -> None:
    found = split(lengths, longest)
    assert sum(found) == sum(lengths)
    assert max(found) <= longest


@given(st.integers(1, 500), st.integers(2, 20))
def test_a_tree_adds_up_all(count: int, every: int) -> None:
    tasks = tree_tasks(count, every)
    assert (tasks == 0) == (count == 1)
    assert tasks >= (count - 1) / (every - 1) - 1e-9


def test_large_tiles_are_added_up_fewer_at_a_time() -> None:
    """Not cut for the sake of how many are added up at once: a task for each product of chunks, and sums."""
    chunks = (3000,) * 100
    parts = tuple(
        Part(labels, Chunked((chunks, chunks), (False, False), ((0, 1),)), 8) for labels in ("ij", "jk")
    )
    budget = 4 * 8 * 3000**2
    found = cuts_for(parts, "ik", 8, budget, budget, None)
    assert dict(found.lengths) == dict.fromkeys("ijk", chunks)
    assert found.costs.products == 100**3
    assert found.split_every == 3
    assert found.costs.peak <= budget
    assert cuts_for(parts, "ik", 8, budget, budget, 5).split_every == 5
