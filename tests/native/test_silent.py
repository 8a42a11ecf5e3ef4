"""Products and passes of the core with einsum's manners."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import einroute as er
from einroute._native import CORE
from tests.helpers import forcing

if CORE is None:
    pytest.skip("the compiled core is not there", allow_module_level=True)

from tests.native.passes import bound
from tests.native.products import product

SIZES = {"b": 3, "i": 2}
RUNS = (
    lambda output: product("bi,bi->" + output, SIZES, "d"),
    lambda output: bound("bi,bi->" + output, SIZES, "d", 1),
)


@pytest.mark.parametrize("make", RUNS)
class TestSilent:
    """Nobody is told of flags; what overflowed is asked for again."""

    @pytest.mark.parametrize(
        ("value", "factor", "heard"),
        [
            (1.0, 2.0, False),
            (1e308, 1e308, True),
            (np.inf, 0.0, True),
            (1e-308, 1e-308, False),
            (np.nan, 1.0, False),
        ],
    )
    def test_what_overflowed_is_asked_for_again(
        self, make: Callable[[str], Any], value: float, factor: float, heard: bool
    ) -> None:
        calls: list[Any] = []
        silent = CORE.Silent(make("b"), lambda *args, **keywords: calls.append((args, keywords)))
        a, b, out = np.full((3, 2), value), np.full((3, 2), factor), np.empty(3)
        with np.errstate(all="raise"):
            results = silent(a, b), silent(a, b, out), silent(a, b, out=out)
            never = CORE.Silent(make("b"), None)(a, b)
        with np.errstate(all="ignore"):
            np.testing.assert_array_equal(never, (a * b).sum(1))
        if heard:
            assert results == (None, None, None)
            assert calls == [((a, b), {}), ((a, b, out), {}), ((a, b), {"out": out})]
        else:
            np.testing.assert_array_equal(results[0], never)
            assert results[1] is results[2] is out
            assert not calls

    def test_what_again_raises_is_raised(self, make: Callable[[str], Any]) -> None:
        silent = CORE.Silent(make("b"), lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            silent(np.full((3, 2), 1e308), np.full((3, 2), 1e308))

    def test_wrong_arrays_are_refused(self, make: Callable[[str], Any]) -> None:
        silent = CORE.Silent(make("b"), None)
        for arguments in ((), (np.ones((3, 2)),), (np.ones((3, 2)), np.ones(2)), (1, 2)):
            with pytest.raises((TypeError, ValueError)):
                silent(*arguments)


def test_results_without_axes_are_scalars() -> None:
    silent = CORE.Silent(bound("i,i->", {"i": 2}, "d", 1), None)
    a, out = np.ones(2), np.empty(())
    assert type(silent(a, a)) is np.float64
    assert silent(a, a, out=out) is out
    assert out == 2


def test_others_are_no_products_of_the_core() -> None:
    with pytest.raises(TypeError, match="expected a Product or OnePass"):
        CORE.Silent(np.multiply, None)


@pytest.mark.parametrize("route", ["dense.small", "dense.one_pass"])
def test_einsum_repeats_in_numpys_order_and_says_nothing(route: str) -> None:
    a, b = np.full((400, 12, 4), 1e200), np.full((400, 12, 4), 1e200)
    b[:, :, 1] *= -1  # finite in no order
    small = np.full((400, 12, 4), 1e-200)
    with forcing(route), np.errstate(all="raise"):
        for x, y in ((a, b), (a, small), (small, small)):
            with np.errstate(all="ignore"):
                right = np.einsum("bij,bij->b", x, y)
            np.testing.assert_array_equal(er.einsum("bij,bij->b", x, y), right)
