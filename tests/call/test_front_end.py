"""What the front end adds to a call, asks of it first, and knows it by when it comes again."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import einroute._call.understand as call_module
from einroute._config.state import current
from tests.helpers import ER, assert_agrees, assert_same, find, forcing
from tests.stand_ins import Duck

DUCK = Duck()
ARRAY = np.ones((2, 2))
LIST = [[1.0, 2.0], [3.0, 4.0]]


@pytest.mark.parametrize(
    ("name", "args", "kwargs"),
    [
        ("einsum", ("ij,jk->ik", LIST, DUCK), {}),
        ("einsum", ("ij,jk->ik", DUCK, ARRAY), {"order": "C"}),
        ("einsum", ("ij,jk->ik", DUCK, ARRAY), {"out": ARRAY}),
        ("tensordot", (LIST, DUCK), {}),
        ("tensordot", (DUCK, LIST, 2), {}),
        ("tensordot", (DUCK, LIST), {"axes": 2}),
        ("tensordot", (), {"a": DUCK, "b": LIST}),
        ("tensordot", (DUCK,), {"b": ARRAY, "axes": [[0], [0]]}),
        ("dot", (DUCK, LIST), {}),
        ("dot", (ARRAY, DUCK, ARRAY), {}),
        ("dot", (ARRAY, DUCK), {"out": ARRAY}),
        ("outer", (LIST, DUCK), {}),
        ("outer", (DUCK, ARRAY), {"out": ARRAY}),
        ("inner", (DUCK, LIST), {}),
        ("vdot", (DUCK, LIST), {}),
        ("linalg.tensordot", (DUCK, LIST), {}),
        ("linalg.tensordot", (LIST, DUCK), {"axes": 1}),
        ("linalg.matmul", (DUCK, LIST), {}),
        ("linalg.outer", (DUCK, LIST), {}),
        ("linalg.vecdot", (DUCK, LIST), {}),
        ("linalg.vecdot", (LIST, DUCK), {"axis": -2}),
        ("linalg.multi_dot", ([LIST, DUCK, DUCK],), {}),
    ],
)
def test_a_foreign_operand_is_told_exactly_what_the_caller_gave(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    function, seen, options = find(ER, name)(*args, **kwargs)
    theirs, their_args, their_options = find(np, name)(*args, **kwargs)
    if name == "einsum" and "optimize" in their_options:
        their_options.pop("optimize")
    assert function is theirs
    assert len(seen) == len(their_args)
    assert all(x is y for x, y in zip(seen, their_args, strict=True))
    assert options.keys() == their_options.keys()
    assert all(options[key] is their_options[key] for key in options)


def test_tensordot_sorts_its_arguments_as_a_function_of_three() -> None:
    a, b = np.ones((2, 3)), np.ones((3, 2))
    for args, kwargs in (
        ((a, b, 1), {}),
        ((a, b), {"axes": 1}),
        ((a,), {"b": b}),
        ((), {"axes": 1, "b": b, "a": a}),
        ((a, b, 1), {"axes": 1}),
        ((a, b), {"a": a}),
        ((a,), {}),
        ((a, b, 1, 1), {}),
        ((a, b), {"axis": 1}),
    ):
        for _ in range(2):
            assert_same("tensordot", *args, **kwargs)
    assert str(inspect.signature(ER.tensordot)).startswith("(a")


@pytest.mark.usefixtures("way")
class TestFaults:
    """Of several faults NumPy names one; of out= it asks more than that the result can be put there."""

    # NumPy also warns of casting a complex out to a real dtype before it is overwritten: nothing is lost.
    @pytest.mark.filterwarnings("ignore:Casting complex values")
    @pytest.mark.parametrize("casting", ["no", "equiv", "safe", "same_kind", "unsafe"])
    @pytest.mark.parametrize("text", ["ij->i", "ij,jk->ik", "ij,jk,kl->il"])
    def test_out_is_cast_in_both_directions(self, text: str, casting: Any) -> None:
        arrays = [np.ones((n, n), "f4") for n in (40,) * (text.count(",") + 1)]
        shape = (40,) * len(text.partition("->")[2])
        for dtype in ("f4", "f8", "D"):
            for into in ("f2", "f4", "f8", "D"):
                for optimize in (False, True):
                    assert_same(
                        "einsum", text, *arrays, dtype=dtype, out=np.zeros(shape, into), casting=casting,
                        optimize=optimize,
                    )  # fmt: skip

    @pytest.mark.parametrize("optimize", [[(0, 1)], "gredy", 1.5, (), ("greedy", "much"), ["path", (0, 1)]])
    def test_a_bad_optimize_is_named_before_sizes_and_subscripts(self, optimize: Any) -> None:
        assert_same("einsum", "ij,jk->ik", np.ones((2, 3)), np.ones((4, 2)), optimize=optimize)
        assert_same("einsum", "ij,jk->...k", np.ones((12, 3)), np.ones((4, 11)), optimize=optimize)


@pytest.mark.usefixtures("way")
def test_promotion_along_a_path() -> None:
    a, b, c = (np.ones((40, 40), dtype) for dtype in ("u2", "i1", "f4"))
    for path in ([(0, 1), (0, 1)], [(1, 2), (0, 1)], [(0, 2), (0, 1)], [(0, 1, 2)]):
        for operands in ((a, b, c), (c, a, b), (b, c, a.astype("u1")), (a, a, c)):
            assert_same("einsum", "ij,jk,kl->il", *operands, optimize=["einsum_path", *path])
            assert_same("einsum", "ij,jk,kl->il", *operands)


def _counted(monkeypatch: pytest.MonkeyPatch, name: str) -> list[Any]:
    """The calls of a function that understanding a call needs."""
    calls: list[Any] = []
    function = getattr(call_module, name)

    def counting(*args: Any, **kwargs: Any) -> Any:
        calls.append(args)
        return function(*args, **kwargs)

    monkeypatch.setattr(call_module, name, counting)
    return calls


A = np.random.default_rng(0).standard_normal((40, 40))
S = np.random.default_rng(1).standard_normal((80, 80))[::2, ::2]


@pytest.mark.parametrize(
    "call",
    [
        lambda f: f("ij,jk->ik", A, A),
        lambda f: f("ij,jk->ik", A.T, A),
        lambda f: f("ij,jk->ik", S, A.T),
        lambda f: f("ij,jk,kl->il", S, S, A.T),
        lambda f: f("ij->j", S),
        lambda f: f("ij->ji", A),
        lambda f: f("ij->ji", S),
        lambda f: f("ij,jk->ik", A, S, order="F"),
        lambda f: f("ij,jk->ik", A, S, dtype="f8", casting="same_kind"),
        lambda f: f("ij,jk->ik", A, A, dtype=np.float64),
        lambda f: f("ij,jk->ik", A, A, dtype=np.dtype("D")),
        lambda f: f("ij,jk->ik", A, A, optimize=True),
        lambda f: f("ij,jk->ik", A, A, optimize="greedy"),
        lambda f: f("ij,jk,kl->il", A, S, A, optimize=["einsum_path", (1, 2), (0, 1)]),
        lambda f: f("ij,jk->ik", A, A, out=np.empty((40, 40), order="F")),
    ],
)
def test_a_call_that_comes_again_is_not_understood_again(
    call: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for route in (None, "numpy.einsum"):
        with forcing(route):
            call(ER.einsum)
            with monkeypatch.context() as patch:
                parsed = _counted(patch, "parse_subscripts")
                result = call(ER.einsum)
                assert parsed == []
        assert_agrees(result, call(np.einsum), (A, S) if result.base is not None else ())


@pytest.mark.parametrize("axes", [1, (1, 0), [1, 0], ((1,), (0,)), ([1], [0]), [[1, 0], [0, 1]], ((), ())])
def test_tensordot_is_not_understood_again(axes: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for a, b in ((A, A), (S[:5], S[:, :5])):
        if np.shape(axes) == (2, 2) and a.shape != b.T.shape:
            continue
        ER.tensordot(a, b, axes)
        with monkeypatch.context() as patch:
            parsed = _counted(patch, "parse_axes")
            result = ER.tensordot(a, b, axes)
            assert parsed == []
        assert_agrees(result, np.tensordot(a, b, axes))


def test_equal_arguments_of_other_types_are_not_taken_for_each_other() -> None:
    a = np.ones((40, 40))
    for optimize in (True, 1, np.True_, 1.0, False, 0, None, "greedy", ("greedy", 1), ("greedy", True)):
        for _ in range(2):
            assert_same("einsum", "ij,jk->ik", a, a, optimize=optimize)
            assert_same("einsum", "ij,jk->ik", a, a, optimize=optimize, order="C")
    path: Any
    for path in ((0, 1), (False, True), (0.0, 1.0), [0, 1]):
        for _ in range(2):
            assert_same("einsum", "ij,jk->ik", a, a, optimize=["einsum_path", path])
    axes: Any
    for axes in (
        1,
        True,
        1.0,
        np.int64(1),
        ([1], [0]),
        ([1.0], [0]),
        ([True], [False]),
        (1, 0),
        (1.0, 0),
        "1",
    ):
        for _ in range(2):
            assert_same("tensordot", a, a, axes)


def test_the_layout_and_the_right_to_write_to_out_count() -> None:
    a = np.ones((40, 40))
    locked = np.zeros((40, 40))
    locked.flags.writeable = False
    for out in (np.zeros((40, 40)), locked, np.zeros((40, 40), order="F"), np.zeros((40, 40), "f4")):
        for _ in range(2):
            assert_same("einsum", "ij,jk->ik", a, a, out=out)


def test_a_path_that_is_changed_afterwards_is_another_call() -> None:
    arrays = [np.arange(1600.0).reshape(40, 40) % (3 + i) for i in range(3)]
    path: list[Any] = ["einsum_path", (0,), (0, 1, 2)]  # NumPy's to take
    assert_same("einsum", "ij,jk,kl->il", *arrays, optimize=path)
    path[1:] = [(0, 1)]
    assert_same("einsum", "ij,jk,kl->il", *arrays, optimize=path)
    path[1:] = [(0,), (0, 1, 2)]
    assert_same("einsum", "ij,jk,kl->il", *arrays, optimize=path)


def test_a_tiny_call_of_any_layout_is_planned_in_the_end() -> None:
    a = np.arange(9.0).reshape(3, 3)
    b = a.astype(np.float32)  # of another dtype: the compiled core leaves such calls to be tried
    right = np.einsum("ij,jk->ik", a.T, b)
    ER.cache_clear()
    with ER.config(threads=1):
        kinds = set()
        for _ in range(80):
            np.testing.assert_array_equal(ER.einsum("ij,jk->ik", a.T, b), right)
            kinds |= {type(run).__name__ for run in current().plans.young.values()}
        assert kinds == {"_Trial", "function"}
