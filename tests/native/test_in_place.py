"""Arrays whose shape or dtype is set in place while they are in a call: what is remembered stays right.

The change comes at every so many-th line of ours, in a collection of garbage, or in the handler of a warning.
What the call itself comes to is one of both answers, or an error.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

import einroute as er
from einroute._native import CORE
from tests.native.passes import bound

pytestmark = [
    pytest.mark.skipif(CORE is None, reason="the core is not there"),
    pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning"),  # from NumPy 2.5 on
]

OURS = str(Path(er.__file__).parent)
CALLS: dict[str, Callable[..., Any]] = {
    "einsum": lambda m, a, b: m.einsum("...j,...j", a, b),
    "einsum, planned": lambda m, a, b: m.einsum("ij,kj->ik", a, b, optimize=True),
    "tensordot": lambda m, a, b: m.tensordot(a, b, ([0, 1], [0, 1])),
    "inner": lambda m, a, b: m.inner(a, b),
    "outer": lambda m, a, b: m.outer(a, b),
    "vecdot": lambda m, a, b: m.vecdot(a, b),
}


def reshaped(*arrays: np.ndarray) -> None:
    for x in arrays:
        x.shape = (2, 6)


def retyped(*arrays: np.ndarray) -> None:
    for x in arrays:
        x.dtype = np.complex128


def operands() -> tuple[np.ndarray, np.ndarray]:
    return np.arange(12.0).reshape(3, 4) + 1, np.arange(12.0).reshape(3, 4) - 5


class AtLine:
    """Acts once, before the n-th line of ours that a call runs."""

    def __init__(self, number: int, act: Callable[[], None]) -> None:
        self.number, self.act, self.seen = number, act, 0

    def trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        self.seen += 1
        if self.seen == self.number:
            self.act()
        return self.trace

    def run(self, call: Callable[[], Any]) -> Any:
        before = sys.gettrace()
        sys.settrace(self.trace)
        try:
            return call()
        except (ValueError, TypeError) as error:
            return error
        finally:
            sys.settrace(before)


def agrees(result: Any, right: Any) -> bool:
    return (
        type(result) is type(right)
        and result.dtype == right.dtype
        and result.shape == right.shape
        and np.allclose(result, right)
    )


def answer(call: Callable[..., Any], change: Callable[..., None], which: tuple[int, ...]) -> Any:
    """NumPy's, with some of the operands changed before."""
    arrays = operands()
    change(*(arrays[i] for i in which))
    return call(np, *arrays)


@pytest.mark.parametrize("change", [reshaped, retyped])
@pytest.mark.parametrize("name", CALLS)
def test_at_any_line(name: str, change: Callable[..., None]) -> None:
    call = CALLS[name]
    rights, between = [answer(call, change, which) for which in ((), (0, 1))], []
    for which in ((0,), (1,)):
        with contextlib.suppress(ValueError):
            between.append(answer(call, change, which))
    number = 1
    while True:
        er.cache_clear()
        arrays = operands()
        at = AtLine(number, lambda arrays=arrays: change(*arrays))
        result = at.run(lambda arrays=arrays: call(er, *arrays))
        assert isinstance(result, Exception) or any(agrees(result, right) for right in rights + between), (
            number
        )
        for changed, right in enumerate(rights):
            for _ in range(2):
                arrays = operands()
                if changed:
                    change(*arrays)
                assert agrees(call(er, *arrays), right), number
        if at.seen < number:
            break
        number += 1 if number < 12 else 23
    assert number > 2


def test_in_a_collection_of_garbage() -> None:
    a, b = operands()
    right = np.einsum("ij,ij->i", a, b)
    er.cache_clear()

    def change(phase: str, _: dict[str, int]) -> None:
        if phase == "start" and a.shape == (3, 4):
            reshaped(a, b)

    before = gc.get_threshold()
    gc.callbacks.append(change)
    try:
        gc.set_threshold(1, 1, 1)
        made = er.einsum("ij,ij->i", a, b)
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(change)
    # Python collects when the call is over, or amidst it: from 3.12 on at its next step.
    assert agrees(made, np.einsum("ij,ij->i", a, b)) or agrees(made, right)
    for _ in range(2):
        assert agrees(er.einsum("ij,ij->i", *operands()), right)


def test_a_contraction_of_other_arrays_is_refused() -> None:
    run = CORE.Contraction("ij,ij->", "d", [(300, 400)] * 2)
    a, b = operands()
    er.cache_clear()
    er.einsum.remember(run, "ij,ij->j", a, b)
    with pytest.raises(ValueError, match="another shape or dtype"):
        er.einsum("ij,ij->j", a, b)
    er.einsum.remember(CORE.Contraction("ij,ij,ij->", "d", [(3, 4)] * 3), "ij,ij->j", a, b)
    with pytest.raises(TypeError, match="expected 3 operands"):
        er.einsum("ij,ij->j", a, b)
    er.cache_clear()


def test_in_the_handler_of_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy warns before it writes to an array that `broadcast_arrays` gave."""
    product = CORE.Product(
        "d", (30, 40), (40, 30), (30, 30),
        [(0, -1, 0, False), (-1, 1, 1, False), (1, 0, -1, False)], [0, 1], lambda _: None,
    )  # fmt: skip
    runs = (
        product,
        CORE.Contraction("ij,jk->ik", "d", [(30, 40), (40, 30)]),
        bound("ij,jk->ik", {"i": 30, "j": 40, "k": 30}, "d", 1),
    )
    for run in runs:
        a, b = np.ones((30, 40)), np.ones((40, 30))

        def change(*_: Any, a: np.ndarray = a, **__: Any) -> None:
            warnings.simplefilter("ignore")  # that NumPy 2.5 has of this
            a.shape = (1200,)

        with warnings.catch_warnings():
            warnings.simplefilter("always")
            monkeypatch.setattr(warnings, "showwarning", change)
            out = np.broadcast_arrays(np.zeros((1, 30)), np.zeros((30, 30)))[0]
            with pytest.raises(ValueError, match="another shape"):
                run(a, b, out=out)
        monkeypatch.undo()


def test_in_the_handler_of_a_warning_of_a_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same where the call is known, and its result goes to ``out``."""

    def warns() -> np.ndarray:
        return np.broadcast_arrays(np.zeros((1, 3)), np.zeros((3, 3)))[0]

    a, b, told = np.ones((3, 4)), np.ones((4, 3)), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(3):
            er.einsum("ij,jk->ik", np.ones((3, 4)), b, out=warns())

    def change(*_: Any, **__: Any) -> None:
        told.append(a.shape)
        warnings.simplefilter("ignore")  # what NumPy 2.5 says of this
        a.shape = (12,)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        monkeypatch.setattr(warnings, "showwarning", change)
        with contextlib.suppress(
            ValueError
        ):  # of a call that is not known, where its shape is another by then
            er.einsum("ij,jk->ik", a, b, out=warns())
    monkeypatch.undo()
    assert told == [(3, 4)]
    for _ in range(2):
        assert (er.einsum("ij,jk->ik", np.ones((3, 4)), b, out=np.zeros((3, 3))) == 4).all()
