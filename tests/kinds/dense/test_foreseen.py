"""Lines that nested loops bring into a cache and memory does not foresee."""

from __future__ import annotations

import pytest

from einroute._kinds.dense.foreseen import jumps

CACHE = 1 << 20


def test_what_stays_in_the_cache_is_not_brought_again():
    assert jumps([], 8, CACHE) == 0
    assert jumps([(100, [8]), (100, [800])], 8, CACHE) == 0


def test_rows_that_follow_each_other_are_one_run():
    assert jumps([(1000, [8000]), (1000, [8])], 8, CACHE) < 2


def test_a_column_brings_a_line_for_each_element_of_which_none_stays():
    rows, columns = 40_000, 16
    assert jumps([(columns, [8]), (rows, [8 * columns])], 8, CACHE) == rows * columns
    assert jumps([(rows, [8 * columns]), (columns, [8])], 8, CACHE) < 2


def test_blocks_of_columns_bring_each_line_once():
    rows, columns = 40_000, 512
    blocks = [(rows // 100, [8 * columns * 100]), (columns, [8]), (100, [8 * columns])]
    assert jumps(blocks, 8, CACHE) == pytest.approx(rows * columns / 8, rel=0.01)


def test_an_array_that_stands_still_is_not_brought_again():
    assert jumps([(1000, [0, 8000]), (1000, [8, 8])], 8, CACHE) < 3


def test_lines_that_lie_a_power_of_two_apart_share_few_sets_of_a_cache():
    rows, columns = 100, 8

    def brought(stride):
        return jumps([(columns, [8]), (rows, [stride])], 8, 32 << 10)

    assert brought(72) == brought(1032) == brought(2040) == 0
    assert brought(2048) == brought(4096) == rows * columns
