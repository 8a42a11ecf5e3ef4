"""Operands that are not ours go to NumPy's function with the caller's arguments."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.helpers import (
    ER,
    assert_same,
)

pytestmark = pytest.mark.usefixtures("way")


class Ducky:
    """An array of a library we do not know, which takes part in NEP 18."""

    shape = (2, 2)
    ndim = 2
    dtype = np.dtype(float)

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        self.calls.append((function, args, kwargs))
        return "answered"


class Quantity(np.ndarray):
    """A subclass with a dispatch of its own, as astropy's."""

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return ("mine", function.__name__, args, kwargs)


class Plain(np.ndarray):
    """A subclass that overrides nothing."""


class TestDispatch:
    def test_an_unknown_duck_gets_numpys_function_and_the_original_arguments(self) -> None:
        a = [[1.0, 2.0], [3.0, 4.0]]
        for optimize in (False, True):
            duck = Ducky()
            assert ER.einsum("ij,jk->ik", a, duck, optimize=optimize) == "answered"
            function, args, kwargs = duck.calls[0]
            assert function is np.einsum
            assert args[0] == "ij,jk->ik"
            assert args[1] is a
            assert args[2] is duck
            theirs = Ducky()
            np.einsum("ij,jk->ik", a, theirs, optimize=optimize)
            assert kwargs.get("optimize", False) == theirs.calls[0][2]["optimize"]
        duck = Ducky()
        ER.einsum("ij,jk->ik", duck, duck)
        np.einsum("ij,jk->ik", duck, duck)
        assert duck.calls[0][2] == duck.calls[1][2]  # nothing was added to what the caller gave

    def test_a_duck_as_out_or_in_sublists(self) -> None:
        a, duck = np.ones((2, 2)), Ducky()
        assert ER.einsum("ij->ij", a, out=duck) == "answered"
        assert ER.einsum(a, [0, 1], duck, [1, 2]) == "answered"
        assert ER.einsum(duck, [0, 1], [0]) == "answered"

    def test_a_subclass_with_its_own_array_function(self) -> None:
        a = np.ones((2, 2)).view(Quantity)
        for args in (
            ("ij,jk->ik", a, a),
            ("ij,jk->ik", np.ones((2, 2)), a),
            ("ij->ji", a),
            ("ij,ij->", a, 1.0),
        ):
            result = ER.einsum(*args)
            assert result[:2] == ("mine", "einsum")
            assert all(x is y for x, y in zip(result[2], args, strict=True))

    def test_a_subclass_that_overrides_nothing(self) -> None:
        a = np.arange(4.0).reshape(2, 2).view(Plain)
        for text in ("ij,jk->ik", "ij->ji", "ij->i", "ij,ij->"):
            assert_same("einsum", text, *[a] * (text.count(",") + 1))

    def test_array_interface_objects(self) -> None:
        class Wrapped:
            def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
                return np.arange(4.0, dtype=dtype).reshape(2, 2)

        for text in ("ij,jk->ik", "ij->i"):
            assert_same("einsum", text, *[Wrapped()] * (text.count(",") + 1))
        assert_same("einsum", "ij,jk->ik", memoryview(b"abcd").cast("B", (2, 2)), np.ones((2, 2)))
