"""Calls that NumPy rejects are rejected: its exception type, a message that says why, nothing changed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.helpers import ER, assert_same, find, outcome, planned, public_type

LIMITS = settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)

SHAPES = st.lists(st.integers(0, 3), max_size=3).map(tuple)
NEARLY = st.text(alphabet="ijkA.,-> ", max_size=12)
GARBAGE = st.text(max_size=10)
PATTERNS = st.from_regex(r"\A[ijk.]{0,4}(,[ijk.]{0,4}){0,2}(->[ijk.]{0,3})?\Z")


def check(name: str, arrays: list[np.ndarray], args: tuple[Any, ...], options: dict[str, Any]) -> None:
    """The call comes to what NumPy's does, as called and planned, and leaves `arrays` as they were."""
    before = [x.copy() for x in arrays]
    right, error = outcome(find(np, name), args, options)
    for restored, x in zip(before, arrays, strict=True):  # out, where NumPy has written to it
        x[...] = restored
    for _ in range(2):
        result, our_error = outcome(find(ER, name), args, options)
        with planned():
            planned_result, planned_error = outcome(find(ER, name), args, options)
        if error is None:
            assert our_error is None
            assert planned_error is None
            for mine in (result, planned_result):
                assert type(mine) is type(right)
                assert np.shape(mine) == np.shape(right)
            continue
        for mine in (our_error, planned_error):
            assert isinstance(mine, public_type(error)), f"{mine!r}; NumPy: {error!r}"
            assert str(mine).strip()
        for x, was in zip(arrays, before, strict=True):
            np.testing.assert_array_equal(x, was)


@LIMITS
@given(st.one_of(NEARLY, PATTERNS, GARBAGE), st.lists(SHAPES, max_size=3), st.sampled_from([False, True]))
@example("ij,jk", [(2, 3), (4, 5)], False)
@example("ij->ijj", [(2, 3)], False)
@example("i.->i", [(2,)], False)
@example("...i...", [(2,)], True)
@example("->", [()], False)
@example("", [()], True)
@example(",", [(), ()], False)
@example("ij->k", [(2, 3)], False)
def test_subscripts(text: str, shapes: list[tuple[int, ...]], optimize: bool) -> None:
    arrays = [np.ones(s) for s in shapes]
    check("einsum", arrays, (text, *arrays), {"optimize": optimize})


LABELS = st.one_of(
    st.integers(-2, 3), st.integers(50, 53), st.just(Ellipsis), st.sampled_from([1.0, "a", None, True])
)
SUBLISTS = st.one_of(st.lists(st.integers(0, 2), max_size=3), st.lists(LABELS, max_size=4))


@LIMITS
@given(st.lists(st.tuples(SHAPES, SUBLISTS), max_size=3), st.one_of(st.none(), SUBLISTS), st.booleans())
def test_sublists(
    operands: list[tuple[tuple[int, ...], list[Any]]], output: list[Any] | None, optimize: bool
) -> None:
    arrays = [np.ones(shape) for shape, _ in operands]
    args: list[Any] = [
        x for array, (_, labels) in zip(arrays, operands, strict=True) for x in (array, labels)
    ]
    if output is not None:
        args.append(output)
    check("einsum", arrays, tuple(args), {"optimize": optimize})


ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(-2, 2),
    st.text(max_size=4),
    st.binary(max_size=3),
    st.lists(st.integers(-2, 2), max_size=3),
    st.tuples(st.integers(-2, 2)),
    st.just({}),
    st.just(object),
)


@LIMITS
@given(
    st.sampled_from(["i,i->i", "ij,jk->ik", "ij->i", "ij->ji", "i->"]),
    st.sampled_from(["out", "dtype", "order", "casting", "optimize", "where", "axis"]),
    ANYTHING,
)
def test_options(text: str, option: str, value: Any) -> None:
    arrays = [np.ones((2,) * len(t)) for t in text.split("->", maxsplit=1)[0].split(",")]
    check("einsum", arrays, (text, *arrays), {option: value})


@LIMITS
@given(
    SHAPES,
    SHAPES,
    st.one_of(
        st.integers(-4, 4),
        st.tuples(st.lists(st.integers(-4, 4), max_size=3), st.lists(st.integers(-4, 4), max_size=3)),
        st.tuples(st.integers(-4, 4), st.integers(-4, 4)),
        ANYTHING,
    ),
)
def test_axes(first: tuple[int, ...], second: tuple[int, ...], axes: Any) -> None:
    arrays = [np.ones(first), np.ones(second)]
    check("tensordot", arrays, (*arrays, axes), {})


@LIMITS
@given(
    st.sampled_from(
        [
            "dot",
            "matmul",
            "inner",
            "vdot",
            "outer",
            "vecdot",
            "matvec",
            "vecmat",
            "linalg.outer",
            "linalg.matmul",
            "linalg.vecdot",
        ]
    ),
    SHAPES,
    SHAPES,
    st.sampled_from([None, *[(n,) * d for n in (1, 2) for d in range(3)]]),
)
def test_shapes_of_products(
    name: str, first: tuple[int, ...], second: tuple[int, ...], out: tuple[int, ...] | None
) -> None:
    arrays = [np.ones(first), np.ones(second)]
    args = tuple(arrays)
    options = {}
    if out is not None and name in ("dot", "matmul", "outer", "vecdot", "matvec", "vecmat"):
        options["out"] = np.full(out, 7.0)
        arrays = [*arrays, options["out"]]
    check(name, arrays, args, options)


@LIMITS
@given(st.lists(SHAPES, max_size=4))
def test_shapes_of_chains(shapes: list[tuple[int, ...]]) -> None:
    arrays = [np.ones(s) for s in shapes]
    check("linalg.multi_dot", arrays, (arrays,), {})


A, B = np.full((2, 3), 1.25), np.full((4, 5), 2.5)
BAD_OUT = np.full((2, 2), 7.0)


@pytest.mark.parametrize(
    ("args", "options", "words"),
    [
        (("ij,jk->ik", A, B), {}, ["j", "3", "4"]),
        (("ij,jk->ik", A), {}, ["operand", "2", "1"]),
        (("ij->i", A, B), {}, ["operand", "1", "2"]),
        (("ijk->i", A), {}, ["ijk", "3", "2"]),
        (("i->i", A), {}, ["i", "1", "2"]),
        (("ij->ik", A), {}, ["k", "output"]),
        (("ij->ii", A), {}, ["i", "output"]),
        (("ii", A), {}, ["i", "2", "3"]),
        (("i1", A), {}, ["1", "subscripts"]),
        (("i\u00e9", A), {}, ["\u00e9", "subscripts"]),
        (("ij-i", A), {}, ["->"]),
        (("ij->i->j", A), {}, ["->"]),
        (("i..j", A), {}, ["ellipsis"]),
        (("...i...", A), {}, ["ellipsis"]),
        (("i...->i", A), {}, ["'...'", "output"]),
        (("ij->i", A), {"out": BAD_OUT}, ["out", "(2, 2)", "(2,)"]),
        (("ij->i", A), {"order": "Z"}, ["order", "Z", "K"]),
        (("ij->i", A), {"dtype": "f4"}, ["float32", "float64", "casting"]),
        (("ij->i", A), {"ordr": "C"}, ["ordr", "order"]),
        (("ij,jk->ik", A, A.T), {"optimize": 0}, ["optimize"]),
        (("ij,jk,kl->il", A, A.T, A), {"optimize": "nonsense"}, ["nonsense"]),
        ((A, [0, 99]), {}, ["99", "51"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", ["as called", "planned"], indirect=True)
def test_messages_name_the_argument_what_came_and_what_was_expected(
    args: tuple[Any, ...], options: dict[str, Any], words: list[str], way: str
) -> None:
    before = BAD_OUT.copy()
    assert_same("einsum", *args, **options)
    _, error = outcome(ER.einsum, args, options)
    text = str(error)
    for word in words:
        assert word.lower() in text.lower(), text
    assert "1.25" not in text  # never array contents
    assert "2.5" not in text
    np.testing.assert_array_equal(BAD_OUT, before)


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        (1, ["axes", "3", "4"]),
        (([0], [7]), ["axes", "7"]),
        (([0, 0], [0, 0]), ["axes"]),
        (([0], [0, 1]), ["axes"]),
        ("x", ["axes"]),
        (1.5, ["axes"]),
    ],
)
def test_messages_of_tensordot(axes: Any, words: list[str]) -> None:
    assert_same("tensordot", A, B, axes)
    _, error = outcome(ER.tensordot, (A, B, axes), {})
    for word in words:
        assert word in str(error), str(error)


def test_a_bad_call_leaves_the_cache_sound() -> None:
    a, b = np.ones((30, 40)), np.ones((40, 20))
    for _ in range(3):
        with pytest.raises(ValueError):
            ER.einsum("ij,jk->ik", a, a)
        assert_same("einsum", "ij,jk->ik", a, b)
        with pytest.raises(ValueError):
            ER.einsum("ij,jk->ikz", a, b)
        with pytest.raises(TypeError):
            ER.einsum("ij,jk->ik", a, b, out=np.zeros((30, 20), "i4"))
        out = np.zeros((30, 20))
        assert ER.einsum("ij,jk->ik", a, b, out=out) is out
        assert (out == 40).all()


@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize(
    ("args", "position"),
    [
        (("ij,jk->ik", np.ones((2, 3)), None), 1),
        (("ij,jk->ik", None, None), 0),
        (("i...->...", None), 0),
        ((np.ones((2, 3)), [0, 1], None, [1, 2]), 1),
    ],
)
def test_none_in_the_place_of_an_array(args: tuple[Any, ...], position: int, optimize: bool) -> None:
    check("einsum", [], args, {"optimize": optimize})
    with pytest.raises(ValueError, match=rf"operand {position} is None, expected an array"):
        ER.einsum(*args, optimize=optimize)


def test_none_is_a_scalar_to_numpy() -> None:
    assert ER.einsum("->", None) is np.einsum("->", None) is None
