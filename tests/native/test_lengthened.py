"""Views of lengthened bases that the core makes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from einroute._native import CORE

if CORE is None:
    pytest.skip("there is no core", allow_module_level=True)

BASE = np.arange(24.0).reshape(2, 4, 3)
#: Both rows of four slices of 24 bytes, from the second slice on, until there are nine.
ROUNDS = (2, 96, 24, 216)


def view(
    base: Any = BASE,
    rounds: Any = ROUNDS,
    shape: Any = (2, 9, 3),
    strides: Any = (216, 24, 8),
    origin: Any = 0,
):
    return CORE.lengthened(base, np.dtype(float), *rounds, shape, strides, origin)


def test_rows_go_round() -> None:
    found = view()
    np.testing.assert_array_equal(found, np.concatenate([BASE[:, 1:], BASE, BASE[:, :2]], 1))
    assert found.flags.aligned
    assert found.flags.writeable
    assert not np.may_share_memory(found, BASE)
    backwards = view(shape=(2, 6, 4, 3), strides=(216, 24, -24, 8), origin=72)
    np.testing.assert_array_equal(backwards[1, 2, :, 0], found[1, 5:1:-1, 0])


@pytest.mark.parametrize(
    "base",
    [
        BASE.tolist(),
        BASE.astype("f4"),
        BASE.astype(">f8"),
        np.asfortranarray(BASE),
        BASE[:, ::-1],
        np.ma.masked_array(BASE),
    ],
    ids=str,
)
def test_other_bases_are_left_to_the_caller(base: Any) -> None:
    assert view(base) is None


def test_long_copies_are_left_to_the_caller() -> None:
    assert view(rounds=(2, 96, 0, 1 << 20)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"rounds": (2, 90, 0, 216)},
        {"rounds": (3, 96, 0, 216)},
        {"rounds": (2, 96, 96, 216)},
        {"rounds": (2, 96, -8, 216)},
        {"rounds": (2, 96, 0, 215)},
        {"origin": 8},
        {"origin": -8},
        {"shape": (2, 10, 3)},
        {"shape": (2, 0, 3)},
        {"shape": (2, 9)},
        {"strides": (216, -24, 8)},
        {"strides": (2**62, 24, 8)},
        {"shape": (2**62, 9, 3)},
        {"shape": (2**62, 9, 3), "strides": (2**62, 24, 8)},
    ],
)
def test_views_that_do_not_lie_in_the_copy_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="does not lie in the copy"):
        view(**changes)


@pytest.mark.parametrize("changes", [{"shape": [2, 9, 3]}, {"shape": (2, 9, None)}, {"origin": 1.5}])
def test_other_types_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        view(**changes)


@pytest.mark.parametrize("char", "fdFD")
@pytest.mark.parametrize("count", [0, 1, 7, 2048, 5000])
def test_whether_a_few_are_finite(char: str, count: int) -> None:
    x = np.ones((2, count), char)
    few = count * 2 * (2 if char in "FD" else 1) <= 4096
    assert CORE.few_finite(x) is (True if few else None)
    assert CORE.few_finite(x.T) is (True if few else None)
    if count > 1:
        x[1, -1] = np.nan
        assert CORE.few_finite(x) is (False if few else None)
        assert CORE.few_finite(x[:, ::2]) is None


@pytest.mark.parametrize(
    "other", [3.0, [1.0], np.ones(3, "g"), np.ones(3, "i4"), np.ones(3, ">f8"), np.ones(3, "e")], ids=str
)
def test_others_are_not_looked_at(other: Any) -> None:
    assert CORE.few_finite(other) is None
