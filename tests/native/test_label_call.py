"""Counts, sums and look-ups of a one-hot as one call of the core."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import einroute as er
from einroute._native import CORE

if CORE is None:
    pytest.skip("there is no core", allow_module_level=True)

COUNT, SUM, TAKE = range(3)
LABELS = np.array([2, 0, -1, 2, 3, 1])
ROWS, TABLE = np.arange(12.0).reshape(6, 2), np.arange(6.0).reshape(3, 2)
WRITTEN = (LABELS[:, None] == np.arange(3)).astype(float)


def other(*operands: Any) -> str:
    return "the other way"


def call(work: int, shape: tuple[int, ...] = (), **changes: Any) -> Any:
    given = {"char": "d", "hot": 0, "places": 6, "depth": 3, "threads": 1, "looks": False} | changes
    return CORE.LabelCall(fallback=other, work=work, shape=shape, **given)


HOT = er.one_hot(LABELS, 3)


def test_what_each_gives() -> None:
    np.testing.assert_array_equal(call(COUNT)(HOT), WRITTEN.sum(0))
    np.testing.assert_array_equal(call(SUM, (6, 2))(HOT, ROWS), WRITTEN.T @ ROWS)
    np.testing.assert_array_equal(call(SUM, (6,), hot=1)(ROWS[:, 0], HOT), WRITTEN.T @ ROWS[:, 0])
    np.testing.assert_array_equal(call(TAKE, (3, 2))(HOT, TABLE), WRITTEN @ TABLE)
    np.testing.assert_array_equal(call(TAKE, (3,), char="l")(HOT, np.arange(3)), WRITTEN @ np.arange(3))


@pytest.mark.parametrize(
    "operands",
    [
        (),
        (HOT,),
        (HOT, TABLE, TABLE),
        (HOT, TABLE.astype("f4")),
        (HOT, TABLE.astype(">f8")),
        (HOT, TABLE.ravel()),
        (HOT, TABLE[:2]),
        (HOT, np.asfortranarray(TABLE)),
        (HOT, TABLE.tolist()),
        (HOT, np.ma.masked_array(TABLE)),
        (er.one_hot(LABELS[:5], 3), TABLE),
        (er.one_hot(LABELS.astype(">i8"), 3), TABLE),
        (er.one_hot(LABELS.reshape(2, 3), 3), TABLE),
        (SimpleNamespace(labels=LABELS.tolist()), TABLE),
        (SimpleNamespace(labels=LABELS / 2), TABLE),
        (None, TABLE),
    ],
    ids=str,
)
def test_what_is_not_as_expected_is_left_to_another(operands: tuple[Any, ...]) -> None:
    assert call(TAKE, (3, 2))(*operands) == "the other way"


@pytest.mark.parametrize("char", "fdFD")
def test_sums_that_are_not_finite_are_left_to_another_if_it_looks(char: str) -> None:
    rows = ROWS.astype(char)
    rows[0, 1] = np.inf
    assert call(SUM, (6, 2), char=char, looks=True)(HOT, rows) == "the other way"
    assert np.isinf(call(SUM, (6, 2), char=char)(HOT, rows)[2, 1])
    rows[0, 1] = 1
    np.testing.assert_array_equal(call(SUM, (6, 2), char=char, looks=True)(HOT, rows), WRITTEN.T @ rows)


@pytest.mark.parametrize(
    "changes",
    [
        {"work": 3},
        {"char": "e"},
        {"char": "g", "looks": True},
        {"char": "l", "looks": True},
        {"hot": 2},
        {"hot": -1},
        {"places": 0},
        {"depth": 0},
        {"shape": (4, 2)},
        {"shape": (3, 0)},
        {"shape": (3, 2, 2)},
        {"shape": ()},
        {"work": COUNT},
    ],
)
def test_what_it_cannot_do_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no loops for this"):
        call(**{"work": TAKE, "shape": (3, 2)} | changes)


def test_calls_of_einsum_that_the_core_does_as_a_whole() -> None:
    weights, table = np.arange(6.0), np.arange(3.0)
    calls = (
        ("tr->r", (HOT,)),
        ("tr,t->r", (HOT, weights)),
        ("t,tr->r", (weights, HOT)),
        ("tr,r->t", (HOT, table)),
    )
    expected = [np.einsum(s, *(WRITTEN if x is HOT else x for x in operands)) for s, operands in calls]
    for _ in range(2):
        for (subscripts, operands), right in zip(calls, expected, strict=True):
            np.testing.assert_array_equal(er.einsum(subscripts, *operands), right)
    weights[1] = np.nan  # of a class, whose sum is then done again
    np.testing.assert_array_equal(er.einsum("tr,t->r", HOT, weights), [np.nan, 5, 3])
