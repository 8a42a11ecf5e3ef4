"""Public functions as objects of the core, and the table that leads from a call to what runs it."""

from __future__ import annotations

import contextvars
import copy
import gc
import inspect
import pickle
import sys
import threading
import tracemalloc
import typing
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import einroute as er
from einroute._native import CORE

pytestmark = pytest.mark.skipif(CORE is None, reason="the core is not there")

FUNCTIONS = {name: getattr(er, name) for name in ("einsum", "tensordot", "dot", "inner", "vdot", "outer")}
UFUNCS = {name: getattr(er, name) for name in ("matmul", "matvec", "vecmat", "vecdot")}
ALL = FUNCTIONS | UFUNCS
A = np.arange(6.0).reshape(2, 3)


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    er.cache_clear()


def known() -> int:
    return len(CORE.table_in_force())


def calls(times: int, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    for _ in range(times):
        result = function(*args, **kwargs)
    return result


class TestObjects:
    @pytest.mark.parametrize("name", ALL)
    def test_are_found_by_name(self, name: str) -> None:
        function = ALL[name]
        assert type(function) in (CORE.Function, CORE.Ufunc)
        assert function.__name__ == function.__qualname__ == name
        assert function.__module__ == "einroute"
        assert pickle.loads(pickle.dumps(function)) is function
        assert copy.copy(function) is copy.deepcopy(function) is function
        assert weakref.ref(function)() is function
        assert name in repr(function)
        assert function.__doc__
        assert {function: 1}[function] == 1

    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_are_functions_to_inspect(self, name: str) -> None:
        function = FUNCTIONS[name]
        assert inspect.isroutine(function)
        assert "Parameters" in inspect.getdoc(function)
        assert inspect.signature(function) == inspect.signature(function.__wrapped__)
        assert f"def {name}(" in inspect.getsource(function)
        assert typing.get_type_hints(function)["return"] is Any

    def test_functions_bind_as_methods_and_ufuncs_do_not(self) -> None:
        class Holder:
            einsum = er.einsum
            dot = er.dot
            matmul = er.matmul

            def __init__(self) -> None:
                self.seen = self.matmul(A, A.T)

        holder = Holder()
        assert holder.seen.shape == (2, 2)
        with pytest.raises(TypeError):
            holder.einsum("ij->", A)  # the instance is the subscripts then
        assert Holder.einsum is er.einsum
        assert inspect.ismethod(holder.dot)

    @pytest.mark.parametrize("name", UFUNCS)
    def test_ufuncs_have_numpys_attributes(self, name: str) -> None:
        ours, numpys = UFUNCS[name], getattr(np, name)
        assert (ours.nin, ours.nout, ours.signature, ours.types) == (
            numpys.nin,
            numpys.nout,
            numpys.signature,
            numpys.types,
        )
        assert list(inspect.signature(ours).parameters)[:2] == ["x1", "x2"]
        with pytest.raises(AttributeError, match="nothing"):
            _ = ours.nothing

    @pytest.mark.parametrize("name", ALL)
    def test_what_says_that_it_is_a_function_has_code(self, name: str) -> None:
        assert inspect.isfunction(ALL[name])
        assert "einroute" in ALL[name].__code__.co_filename

    def test_attributes_can_be_set_and_deleted(self) -> None:
        er.einsum.mark = 1
        assert er.einsum.mark == 1
        del er.einsum.mark
        assert not hasattr(er.einsum, "mark")

    @pytest.mark.parametrize("bad", ["", "other", "einsums", "p"])
    def test_wrong_arguments(self, bad: str) -> None:
        with pytest.raises(ValueError, match="arguments must be 'einsum', 'tensordot', 'pair' or 'chain'"):
            CORE.Function(len, bad, len)
        for wrong in (None, 3, A):
            with pytest.raises(TypeError):
                CORE.set_table(wrong)
            with pytest.raises(TypeError):
                CORE.set_context(wrong)
        with pytest.raises(ValueError, match="limit"):
            CORE.Table(limit=0)
        with pytest.raises(TypeError):
            er.einsum.remember()


class TestTable:
    def test_what_runs_calls_is_replaced(self) -> None:
        def old(*_: Any) -> str:
            return "old"

        def new(*_: Any) -> str:
            return "new"

        x, y = np.ones((3, 4)), np.ones((4, 50))
        for args in (("ij,jk->ik", x, y), ("ab,bc->ac", x, y)):
            er.einsum.remember(old, *args)
        er.tensordot.remember(len, x, y, 1)
        assert er.einsum("ij,jk->ik", x, y) == "old"
        count = sys.getrefcount(old), sys.getrefcount(new)
        table = CORE.table_in_force()
        assert table.replace(old, new) == 2
        assert table.replace(old, new) == 0
        assert (sys.getrefcount(old), sys.getrefcount(new)) == (count[0] - 2, count[1] + 2)
        assert er.einsum("ij,jk->ik", x, y) == er.einsum("ab,bc->ac", x, y) == "new"
        for wrong in ((), (old,), (old, new, new)):
            with pytest.raises(TypeError, match="expected what ran calls"):
                table.replace(*wrong)

    def test_a_call_is_known_by_the_value_of_its_subscripts(self) -> None:
        x = np.arange(12.0).reshape(4, 3)
        calls(3, er.einsum, "ij,kj->ik", x, x)
        before = known()
        assert before >= 1
        same = "ij,kj->ikz"[:-1]  # another object
        np.testing.assert_allclose(er.einsum(same, x, x), x @ x.T)
        assert known() == before
        np.testing.assert_allclose(er.einsum("ij,kj->ki", x, x), (x @ x.T).T)

    def test_facts_that_differ_are_other_calls(self) -> None:
        base = np.arange(16.0).reshape(4, 4)
        variants = [
            base,
            np.asfortranarray(base),
            base[::-1],
            base[:, ::-1],
            np.broadcast_to(base[0], (4, 4)),
            base.astype(np.float32),
            base.astype(np.complex128),
            base.astype(np.int64),
            base.astype(bool),
            base.astype(">f8"),
            base.astype(object),
            base[:2, :2],
            base.view(np.matrix),
        ]
        for _ in range(3):
            for a in variants:
                for b in variants:
                    if a.shape == b.shape:
                        expected = np.einsum("ij,jk->ik", a, b)
                        result = er.einsum("ij,jk->ik", a, b)
                        assert type(result) is type(expected)
                        assert result.dtype == expected.dtype
                        np.testing.assert_allclose(result.astype(complex), expected.astype(complex))

    @pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")  # from NumPy 2.5 on
    def test_shapes_and_dtypes_set_in_place_are_seen(self) -> None:
        a, b = np.arange(12.0), np.arange(12.0)
        a.shape, b.shape = (3, 4), (4, 3)
        calls(3, er.einsum, "ij,jk->ik", a, b)
        a.shape, b.shape = (2, 6), (6, 2)
        np.testing.assert_allclose(er.einsum("ij,jk->ik", a, b), np.dot(a, b))
        a.dtype = b.dtype = np.int64
        assert er.einsum("ij,jk->ik", a, b).dtype == np.int64
        b.shape = (4, 3)
        with pytest.raises(ValueError, match="'j'"):
            er.einsum("ij,jk->ik", a, b)

    @pytest.mark.parametrize(
        "axes",
        [2, 1, (1, 0), ([1], [0]), ((0, 1), (1, 0)), [[1], [0]], ([-1], [0]), (np.int64(1), 0), (1, [0])],
    )
    def test_axes_of_tensordot(self, axes: Any) -> None:
        a, b = np.arange(9.0).reshape(3, 3), np.arange(9.0, 18.0).reshape(3, 3)
        for given in ({"axes": axes}, {}):
            for _ in range(4):
                args = (a, b) if given else (a, b, axes)
                np.testing.assert_allclose(er.tensordot(*args, **given), np.tensordot(a, b, axes))

    def test_axes_that_are_equal_but_no_ints(self) -> None:
        a = np.ones((2, 2))
        calls(3, er.tensordot, a, a, 1)
        assert er.tensordot(a, a, True).shape == np.tensordot(a, a, True).shape
        with pytest.raises(TypeError):
            er.tensordot(a, a, 1.0)
        with pytest.raises(ValueError, match="axes"):
            er.tensordot(a, a, ([0, 0], [0, 1]))

    @pytest.mark.parametrize("name", ["dot", "inner", "vdot", "outer", "matmul", "vecdot"])
    def test_products(self, name: str) -> None:
        a, b = np.arange(9.0).reshape(3, 3), np.arange(9.0, 18.0).reshape(3, 3)
        expected = getattr(np, name)(a, b)
        for _ in range(4):
            result = ALL[name](a, b)
            assert type(result) is type(expected)
            np.testing.assert_allclose(result, expected)
        with pytest.raises(ValueError):
            ALL[name](a, np.ones((2, 2))) if name != "outer" else ALL[name](a, b, out=np.ones(3))

    @pytest.mark.parametrize("dtype", ["f8", "f4", "i8"])
    def test_einsums_into_out_are_found_again(self, dtype: str) -> None:
        a, b, out = (np.arange(6400).reshape(80, 80).astype(dtype) % 7 for _ in range(3))
        right = np.einsum("ij,ij->ij", a, b)
        for _ in range(3):
            out[...] = -1
            assert er.einsum("ij,ij->ij", a, b, out=out) is out
            assert np.array_equal(out, right)
        assert known() == 1
        assert np.array_equal(er.einsum("ij,ij->ij", a, b, out=a), right)  # it may be an operand
        assert np.array_equal(a, right)
        out.flags.writeable = False
        for _ in range(2):
            with pytest.raises(ValueError, match="read-only"):
                er.einsum("ij,ij->ij", a, b, out=out)
        with pytest.raises(ValueError, match="out"):
            er.einsum("ij,ij->ij", a, b, out=np.empty((80, 81), dtype))

    def test_subclasses_are_the_arrays_that_they_are(self, tmp_path: Path) -> None:
        mapped = np.memmap(tmp_path / "a", "f8", "w+", shape=(3, 3))
        mapped[...] = np.arange(9).reshape(3, 3)
        for x in (mapped, np.asarray(mapped).view(np.recarray), np.ma.masked_array(mapped, mapped > 4)):
            er.cache_clear()
            for name, arguments in (("einsum", ("ij,jk->ik", x, x)), ("tensordot", (x, x, 1))):
                result, right = ALL[name](*arguments), getattr(np, name)(*arguments)
                assert type(result) is type(right) is np.ndarray
                assert np.array_equal(result, right)
            assert known() == 2
            view = er.einsum("ij->ji", x)
            assert type(view) is np.ndarray
            assert np.shares_memory(view, x)

    @pytest.mark.parametrize(
        "options", [{"optimize": True}, {"order": "F"}, {"order": "C", "optimize": True}]
    )
    @pytest.mark.parametrize("subscripts", ["ij,jk->ik", "ij,ij->", "ij,jk->"])
    def test_subclasses_are_that_with_options(self, subscripts: str, options: dict[str, Any]) -> None:
        x = np.arange(9.0).reshape(3, 3)
        right = er.einsum(subscripts, x, x, **options)
        found = known()
        for own in (x.view(np.matrix), np.ma.masked_array(x, x > 4)):
            for _ in range(2):
                result = er.einsum(subscripts, own, own, **options)
                assert type(result) is type(right)
                assert result.dtype == right.dtype
                assert result.strides == right.strides
                assert np.array_equal(result, right)
        assert known() == found  # a call of the arrays that they are

    def test_subclasses_with_functions_of_their_own_answer(self) -> None:
        class Own(np.ndarray):
            def __array_function__(self, function: Any, *_: Any) -> str:
                return function.__name__

        x = np.eye(3).view(Own)
        assert er.einsum("ij,jk->ik", x, x) == "einsum"
        assert er.tensordot(x, x, 1) == "tensordot"

    def test_is_bounded(self) -> None:
        table = CORE.table_in_force()
        x = np.ones(3)
        for i in range(5000):
            er.dot.remember(np.dot, x, np.ones(i))
        assert len(table) <= 4096
        assert er.dot(x, x) == 3

    def test_is_emptied_by_cache_clear(self) -> None:
        calls(3, er.tensordot, A, A.T, 1)
        assert known()
        er.cache_clear()
        assert not known()

    def test_each_configuration_has_its_own(self) -> None:
        x = np.arange(4.0).reshape(2, 2)
        calls(3, er.einsum, "ij,jk->ik", x, x)
        outside = CORE.table_in_force()
        with er.config(forbid=["dense.small"]):
            assert CORE.table_in_force() is not outside
            assert "dense.small" not in str(er.explain("ij,jk->ik", x, x).routes)
            calls(3, er.einsum, "ij,jk->ik", x, x)
        assert CORE.table_in_force() is outside
        er.set_config(reproducible=True)
        try:
            assert CORE.table_in_force() is not outside
            np.testing.assert_allclose(calls(3, er.einsum, "ij,jk->ik", x, x), x @ x)
            assert known()
        finally:
            er.set_config(reproducible=False)
        assert CORE.table_in_force() is outside

    def test_strict_is_strict_when_found_again(self) -> None:
        x = np.ones((2, 2)).astype(object)
        with er.config(strict=True):
            for _ in range(3):
                with pytest.raises(er.NoRoute):
                    er.einsum("ij,jk->ik", x, x)

    def test_contexts_and_threads(self) -> None:
        tables = []

        def within() -> None:
            with er.config(threads=1):
                calls(3, er.einsum, "ij,kj->ik", A, A)
                tables.append(CORE.table_in_force())

        contextvars.copy_context().run(within)
        thread = threading.Thread(target=within)
        thread.start()
        thread.join()
        assert tables[0] is tables[1]
        assert tables[0] is not CORE.table_in_force()

    def test_errors_of_a_runner_are_its_own(self) -> None:
        def fails(*_: Any) -> None:
            raise RuntimeError("it fails")

        x = np.ones(3)
        er.dot.remember(fails, x, x)
        with pytest.raises(RuntimeError, match="it fails"):
            er.dot(x, x)

    def test_a_runner_may_empty_the_table(self) -> None:
        def empties(*_: Any) -> int:
            er.cache_clear()
            gc.collect()
            return 7

        x = np.ones(3)
        er.dot.remember(empties, x, x)
        del empties
        assert er.dot(x, x) == 7
        assert er.dot(x, x) == 3

    def test_what_is_let_go_of_may_call(self) -> None:
        x = np.ones(3)

        class Calls:
            def __call__(self, *_: Any) -> int:
                return 7

            def __del__(self) -> None:
                er.dot(x, x)
                er.dot.remember(np.dot, x, x)

        for n in range(1, 200):
            er.dot.remember(Calls(), np.ones(n), np.ones(n))
        er.cache_clear()
        er.cache_clear()
        assert er.dot(x, x) == 3


class TestWatched:
    def test_calls_that_are_known_are_recorded(self) -> None:
        calls(3, er.dot, A, A.T)
        calls(3, er.tensordot, A, A.T, 1)
        with er.record() as r:
            er.dot(A, A.T)
            er.tensordot(A, A.T, 1)
        assert [made.function for made in r.records] == ["dot", "tensordot"]
        assert r.records[1].cache == "hit"

    def test_nothing_is_remembered_meanwhile(self) -> None:
        with er.record():
            calls(3, er.dot, A, A.T)
        assert not known()


def test_nothing_leaks() -> None:
    a, b = np.ones((2, 3, 4)), np.ones((2, 4, 3))

    def some(number: int) -> None:
        for _ in range(number):
            er.einsum("bij,bjk->bik", a, b)
            er.einsum("bij->bji", a)
            er.tensordot(a, b, axes=([2], [1]))
            er.matmul(a, b)
            er.dot(a[0], b[0])
            with pytest.raises(ValueError):
                er.einsum("bij,bjk->bik", a, a)

    some(200)
    gc.collect()
    counts = [sys.getrefcount(x) for x in (a, b)]
    tracemalloc.start()
    try:
        some(10)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        some(300)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 4000
    assert [sys.getrefcount(x) for x in (a, b)] == counts


@pytest.mark.parametrize("name", ALL)
def test_tools_that_read_functions_find_one(name: str) -> None:
    """As torch.compile does, whose own tests are torch's: it reads on where it is told to."""
    function = ALL[name]
    assert inspect.isfunction(function)
    assert inspect.isfunction(inspect.getattr_static(function, "_torchdynamo_inline"))
    a = np.eye(3)[0] if name in ("outer", "vdot", "inner", "dot", "vecdot") else np.eye(3)
    args = ("ij,jk->ik", a, a) if name == "einsum" else (a, a)
    np.testing.assert_array_equal(function._torchdynamo_inline(*args), function(*args))


@pytest.mark.parametrize("chars", ["lq", "ql", "ll", "qq", "LQ", "QL", "QQ"])
def test_integers_of_two_names(chars: str) -> None:
    """Equal dtypes lead to one plan, and the result has the name that NumPy's has."""
    a, b = (np.arange(4).astype(char) for char in chars)
    for _ in range(3):
        for name in ("dot", "inner", "vdot", "outer", "vecdot", "matmul"):
            theirs, ours = getattr(np, name)(a, b), ALL[name](a, b)
            assert type(ours) is type(theirs)
            assert ours.dtype.char == theirs.dtype.char
        for optimize in (False, True):
            theirs, ours = (m.einsum("i,i->", a, b, optimize=optimize) for m in (np, er))
            assert (type(ours), ours.dtype.char) == (type(theirs), theirs.dtype.char)
        assert er.tensordot(a, b, 1).dtype.char == np.tensordot(a, b, 1).dtype.char


@pytest.mark.parametrize("name", ["dot", "inner", "vdot", "outer", "vecdot", "matmul"])
def test_an_operand_in_the_other_byte_order(name: str) -> None:
    a = np.arange(4.0)
    b = a.astype(a.dtype.newbyteorder())
    theirs = getattr(np, name)(a, b)
    for left, right in ((a, b), (b, a)):
        for _ in range(3):
            np.testing.assert_allclose(ALL[name](left, right), theirs)
    out = np.zeros(np.shape(theirs))
    if name not in ("inner", "vdot"):
        np.testing.assert_allclose(ALL[name](a, b, out=out), theirs)
