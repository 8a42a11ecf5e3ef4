"""Products that are NumPy's own to answer: with options, and of subclasses that override nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er
from einroute._native import CORE

A = np.arange(9.0).reshape(3, 3)
PAIRS = ("dot", "inner", "vdot", "outer", "matmul", "vecdot", "matvec", "vecmat")
LINALG = ("matmul", "outer", "vecdot")


class Silent(np.ndarray[Any, Any]):
    """Overrides nothing, and says what it is."""

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        return "wrapped", np.asarray(array).tolist()


class Loud(np.ndarray[Any, Any]):
    """Has a say in NumPy's functions."""

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return "function", func.__name__

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return "ufunc", ufunc.__name__, sorted(kwargs)


OPERANDS: dict[str, Callable[[], Any]] = {
    "array": A.copy,
    "float32": lambda: A.astype("f4"),
    "integers": lambda: A.astype(int),
    "swapped": lambda: A.astype(">f8"),
    "objects": lambda: A.astype(object),
    "vector": A[0].copy,
    "number": lambda: 2.0,
    "list": lambda: [1.0, 2.0, 3.0],
    "empty": list,
    "none": lambda: None,
    "text": lambda: "ij",
    "matrix": lambda: A.view(np.matrix),
    "masked": lambda: np.ma.masked_array(A, A > 4),
    "records": lambda: A.view(np.recarray),
    "silent": lambda: A.view(Silent),
    "loud": lambda: A.view(Loud),
}
OPTIONS: dict[str, Callable[[], Any]] = {
    "dtype": lambda: "f4",
    "casting": lambda: "unsafe",
    "axes": lambda: [(0, 1), (0, 1), (0, 1)],
    "axis": lambda: 0,
    "keepdims": lambda: True,
    "order": lambda: "F",
    "subok": lambda: False,
    "signature": lambda: "ff->f",
    "out": lambda: np.empty((3, 3)),
    "typo": lambda: 1,
}
OUTS: dict[str, Callable[[], Any]] = {
    "array": lambda: np.empty((3, 3)),
    "none": lambda: None,
    "tuple": lambda: (np.empty((3, 3)),),
    "pair": lambda: (None, None),
    "matrix": lambda: np.empty((3, 3)).view(np.matrix),
    "read-only": lambda: np.broadcast_to(1.0, (3, 3)),
    "text": lambda: "out",
}


def told(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The type and the values of a result, or the type of what is raised."""
    try:
        result = function(*args, **kwargs)
    except Exception as error:
        return type(error)
    return type(result), getattr(result, "dtype", None), np.asarray(result, object).tolist()


def agree(ours: Callable[..., Any], numpys: Callable[..., Any], make: Callable[[], Any]) -> None:
    args, kwargs = make()
    expected = told(numpys, args, kwargs)
    for _ in range(2):
        args, kwargs = make()
        assert told(ours, args, kwargs) == expected


class TestPairs:
    @pytest.mark.parametrize("name", PAIRS)
    @settings(max_examples=50)
    @given(
        st.sampled_from(sorted(OPERANDS)),
        st.sampled_from(sorted(OPERANDS)),
        st.dictionaries(st.sampled_from(sorted(OPTIONS.keys() - {"out"})), st.none(), max_size=2),
        st.sampled_from([None, *sorted(OUTS)]),
    )
    def test_are_numpys(self, name: str, a: str, b: str, options: dict[str, None], out: str | None) -> None:
        def make() -> tuple[tuple[Any, ...], dict[str, Any]]:
            kwargs = {option: OPTIONS[option]() for option in options}
            if out is not None:
                kwargs["out"] = OUTS[out]()
            return (OPERANDS[a](), OPERANDS[b]()), kwargs

        agree(getattr(er, name), getattr(np, name), make)

    @pytest.mark.parametrize("name", LINALG)
    @pytest.mark.parametrize("a", ["array", "vector", "matrix", "masked", "silent", "loud"])
    @pytest.mark.parametrize("option", ["axis", "out", "dtype", None])
    def test_of_linalg_are_numpys(self, name: str, a: str, option: str | None) -> None:
        def make() -> tuple[tuple[Any, ...], dict[str, Any]]:
            kwargs = {} if option is None else {option: OPTIONS[option]()}
            return (OPERANDS[a](), OPERANDS[a]()), kwargs

        agree(getattr(er.linalg, name), getattr(np.linalg, name), make)

    @pytest.mark.parametrize("kind", ["matrix", "masked", "records", "loud"])
    def test_chains_are_numpys(self, kind: str) -> None:
        for arrays in ([OPERANDS[kind](), A, A], (A, OPERANDS[kind]()), [A, OPERANDS[kind](), "text"]):
            agree(er.linalg.multi_dot, np.linalg.multi_dot, lambda arrays=arrays: ((arrays,), {}))

    def test_a_mapped_array_is_one(self, tmp_path: Path) -> None:
        mapped = np.memmap(tmp_path / "a", "f8", "w+", shape=(3, 3))
        mapped[...] = A
        for name in PAIRS:
            agree(getattr(er, name), getattr(np, name), lambda: ((mapped, mapped), {}))

    def test_out_is_returned_as_it_was_given(self) -> None:
        out = np.empty((3, 3))
        m = A.view(np.matrix)
        assert er.matmul(A, A, out=out, dtype="f8") is out
        assert er.matmul(A, A, out=(out,), casting="unsafe") is out
        assert er.matmul(m, m, out=out) is out
        assert er.dot(m, m, out=out) is out
        np.testing.assert_array_equal(out, A @ A)


class TestWatched:
    """Who watches sees the calls that are NumPy's, as those of ours."""

    CALLS: tuple[tuple[str, tuple[Any, ...], dict[str, Any]], ...] = (
        ("matmul", (A, A), {"dtype": "f4", "casting": "unsafe"}),
        ("matmul", (A, A), {"axes": [(0, 1)] * 3}),
        ("dot", (A.view(np.matrix), A), {}),
        ("vecdot", (A, A), {"axis": 0}),
        ("outer", (A.view(np.matrix), A), {}),
    )

    @pytest.mark.parametrize(("name", "args", "kwargs"), CALLS)
    def test_is_recorded(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        function = getattr(er, name)
        for _ in range(2):
            function(*args, **kwargs)
        with er.record() as r:
            function(*args, **kwargs)
        assert [made.function for made in r.records] == [name]

    def test_strict_refuses_what_it_refused(self) -> None:
        integers, objects = A.astype(int), A.astype(object).view(np.matrix)
        matrix = integers.view(np.matrix)
        for call in (
            lambda: er.dot(matrix, matrix),
            lambda: er.dot(objects, A),
            lambda: er.matmul(integers, integers, dtype="i8"),
            lambda: er.linalg.multi_dot([matrix, matrix]),
        ):
            before = told(call, (), {})
            with er.config(strict=True):
                assert told(call, (), {}) is er.NoRoute
                assert er.matmul(A, A, dtype="f8").shape == (3, 3)  # NumPy's is the right one for floats
            assert told(call, (), {}) == before


@pytest.mark.skipif(CORE is None, reason="the core is not there")
class TestTheCore:
    def test_asks_numpys_function_at_once(self) -> None:
        def never(*_: Any, **__: Any) -> None:
            raise AssertionError

        def numpys(*args: Any, **kwargs: Any) -> Any:
            return len(args), sorted(kwargs)

        pair = CORE.Function(never, "pair", never, numpys)
        m = A.view(np.matrix)
        assert pair(A, A, dtype="f8") == (2, ["dtype"])
        assert pair(A, [1.0], out=None) == (2, ["out"])
        assert pair(m, 2.0) == (2, [])
        assert pair(A, A, None) == (3, [])
        assert CORE.Function(never, "chain", never, numpys)([A, m]) == (1, [])
        for others in ((A, A.view(Loud)), (A, er.routed(A)), (A, object()), (m,), (A, [])):
            with pytest.raises(AssertionError):
                pair(*others, dtype="f8")

    def test_has_no_numpys_function_where_none_is_given(self) -> None:
        assert CORE.Function(lambda *_, **__: 1, "pair", len)(A, A, dtype="f8") == 1

    def test_a_list_that_another_thread_empties_is_whole(self) -> None:
        arrays: list[Any] = [A, A.view(np.matrix)]

        class Meta(type):
            def __getattribute__(cls, name: str) -> Any:
                arrays.clear()
                return super().__getattribute__(name)

        class Emptying(np.ndarray[Any, Any], metaclass=Meta):
            pass

        arrays[:] = [A.view(Emptying), A.copy()]
        with pytest.raises(ValueError):
            er.linalg.multi_dot(arrays)
