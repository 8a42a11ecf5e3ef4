"""`routed`: NumPy's own functions come to einroute, and all else is as for any subclass of ndarray."""

from __future__ import annotations

import copy
import io
import itertools
import pickle
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er
from einroute._api.routed import RoutedArray
from tests.helpers import DTYPES, EXPRESSIONS, find, make

RNG = np.random.default_rng(6)
A, B, C = RNG.random((4, 4)), RNG.random((4, 4)), RNG.random((4, 3))
V, W = RNG.random(4), RNG.random(4)
REPEATED = RNG.random((40, 40)) + 40 * np.eye(40)

#: A function of NumPy's, the arrays that it is given, what else, and what it is called in a record.
CALLS: tuple[tuple[str, tuple[np.ndarray, ...], tuple[Any, ...], dict[str, Any]], ...] = (
    ("tensordot", (A, C), (1,), {}),
    ("tensordot", (A, B), (), {}),
    ("tensordot", (A, C), (), {"axes": ([0], [0])}),
    ("dot", (A, C), (), {}),
    ("dot", (V, W), (), {}),
    ("inner", (A, B), (), {}),
    ("vdot", (A, B), (), {}),
    ("outer", (V, W), (), {}),
    ("matmul", (A, C), (), {}),
    ("matmul", (V, W), (), {}),
    ("vecdot", (A, B), (), {}),
    ("vecdot", (V, W), (), {}),
    ("vecdot", (A, B), (), {"axis": 0}),
    ("matvec", (A, V), (), {}),
    ("matvec", (A, B), (), {}),
    ("vecmat", (V, A), (), {}),
    ("vecmat", (A, B), (), {"axes": [-1, (-2, -1), -1]}),
    ("linalg.matrix_power", (A,), (3,), {}),
    ("linalg.matrix_power", (A,), (), {"n": -2}),
    ("linalg.matrix_power", (A,), (1,), {}),
    ("linalg.lstsq", (C, V), (), {}),
    ("linalg.lstsq", (C, A), (None,), {}),
    ("linalg.solve", (A, C), (), {}),
    ("linalg.solve", (REPEATED, REPEATED[0]), (), {}),
    ("linalg.inv", (A,), (), {}),
    ("linalg.inv", (REPEATED,), (), {}),
    ("linalg.pinv", (C,), (), {}),
    ("linalg.pinv", (C,), (), {"rtol": 1e-12}),
    ("linalg.tensordot", (A, C), (), {"axes": 1}),
    ("linalg.matmul", (A, C), (), {}),
    ("linalg.outer", (V, W), (), {}),
    ("linalg.vecdot", (A, B), (), {}),
)


class Plain(np.ndarray):
    """A subclass that overrides nothing."""


class Quantity(np.ndarray):
    """A subclass with a dispatch of its own."""

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return ("mine", function.__name__)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return ("mine", ufunc.__name__, method)


class Cautious(np.ndarray):
    """A subclass that uses NumPy's own protocols and knows no other subclasses, as astropy's quantities."""

    def __array_finalize__(self, obj: Any) -> None:
        if obj is not None and type(obj) is not np.ndarray:
            self.note = obj.__dict__.get("note")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if not all(t in (np.ndarray, Cautious) for t in types):
            return NotImplemented
        return ("mine", super().__array_function__(function, types, args, kwargs))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        plain = [np.asarray(x) if type(x) is Cautious else x for x in inputs]
        result = super().__array_ufunc__(ufunc, method, *plain, **kwargs)
        return result if result is NotImplemented else ("mine", result)


class Ducky:
    """An array of another library."""

    shape, ndim, dtype = (4, 4), 2, np.dtype(float)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return ("mine", function.__name__)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return ("mine", ufunc.__name__, method)


def classes(result: Any) -> Any:
    """The types of a result and of what it holds, with `RoutedArray` for an array of any of these classes."""
    if type(result) in (tuple, list):
        return type(result), [classes(x) for x in result]
    return RoutedArray if type(result) in (np.ndarray, Plain, RoutedArray) else type(result)


def assert_routed(result: Any, expected: Any) -> None:
    """The same values, dtypes and shapes as NumPy's result, with `RoutedArray` wherever that has an array."""
    if isinstance(expected, tuple):
        assert type(result) is type(expected)
        assert len(result) == len(expected)
        for x, y in zip(result, expected, strict=True):
            assert_routed(x, y)
        return
    assert type(result) is (RoutedArray if type(expected) is np.ndarray else type(expected))
    if isinstance(expected, np.ndarray | np.generic):
        assert (result.dtype, result.shape) == (expected.dtype, expected.shape)
        np.testing.assert_allclose(np.asarray(result), expected, rtol=1e-10, atol=1e-12)
    else:
        assert result == expected


def which_routed(count: int) -> list[tuple[bool, ...]]:
    """Which of so many operands are routed: every way in which some are."""
    return [which for which in itertools.product((True, False), repeat=count) if any(which)]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[0])
class TestFunctions:
    def test_come_to_einroute_whichever_operand_is_routed(self, call: Any) -> None:
        name, arrays, rest, kwargs = call
        expected = find(np, name)(*arrays, *rest, **kwargs)
        for which in which_routed(len(arrays)):
            given = [er.routed(x) if routed else x for x, routed in zip(arrays, which, strict=True)]
            with er.record() as calls:
                result = find(np, name)(*given, *rest, **kwargs)
            assert_routed(result, expected)
            assert calls.calls == 1
            assert calls.records[0].function.removeprefix("linalg.") == name.removeprefix("linalg.")
            assert all(type(x) in (np.ndarray, RoutedArray) for x in given)

    def test_einroutes_own_functions_do_the_same(self, call: Any) -> None:
        name, arrays, rest, kwargs = call
        expected = find(np, name)(*arrays, *rest, **kwargs)
        ours = er.lstsq if name == "linalg.lstsq" else find(er, name)
        for which in which_routed(len(arrays)):
            given = [er.routed(x) if routed else x for x, routed in zip(arrays, which, strict=True)]
            with er.config(strict=True), er.record() as calls:  # a routed operand is no foreign one
                assert_routed(ours(*given, *rest, **kwargs), expected)
            assert calls.calls == 1

    def test_nothing_changes_under_override(self, call: Any) -> None:
        name, arrays, rest, kwargs = call
        expected = find(np, name)(*arrays, *rest, **kwargs)
        with er.override():
            for which in which_routed(len(arrays)):
                given = [er.routed(x) if routed else x for x, routed in zip(arrays, which, strict=True)]
                assert_routed(find(np, name)(*given, *rest, **kwargs), expected)


#: Those whose operands may be named.
NAMED = {"tensordot", "dot", "outer", "linalg.lstsq", "linalg.solve", "linalg.inv", "linalg.pinv"}


@pytest.mark.parametrize("call", [call for call in CALLS if call[0] in NAMED], ids=lambda call: call[0])
def test_operands_by_keyword(call: Any) -> None:
    name, arrays, rest, kwargs = call
    expected = find(np, name)(*arrays, *rest, **kwargs)
    if rest:
        kwargs = kwargs | ({"axes": rest[0]} if name == "tensordot" else {"rcond": rest[0]})
    named = {letter: er.routed(x) for letter, x in zip("ab", arrays, strict=False)}
    assert_routed(find(np, name)(**named, **kwargs), expected)


class TestEinsum:
    @pytest.mark.parametrize("text", EXPRESSIONS)
    @pytest.mark.parametrize("optimize", [False, True])
    def test_every_expression(self, text: str, optimize: bool) -> None:
        arrays = make(text, "f8")
        expected = er.einsum(text, *arrays, optimize=optimize)
        routed = [er.routed(x) for x in arrays]
        assert_routed(np.einsum(text, *routed, optimize=optimize), expected)
        assert_routed(np.einsum(text, routed[0], *arrays[1:], optimize=optimize), expected)
        assert_routed(er.einsum(text, *arrays[:-1], routed[-1], optimize=optimize), expected)

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from(EXPRESSIONS), st.sampled_from(DTYPES), st.data())
    def test_any_dtype_and_mix(self, text: str, dtype: str, data: Any) -> None:
        arrays = make(text, dtype)
        which = data.draw(st.lists(st.booleans(), min_size=len(arrays), max_size=len(arrays)))
        which[data.draw(st.integers(0, len(arrays) - 1))] = True
        given_ = [er.routed(x) if routed else x for x, routed in zip(arrays, which, strict=True)]
        expected = np.einsum(text, *arrays)
        result = np.einsum(text, *given_)
        assert type(result) is (RoutedArray if isinstance(expected, np.ndarray) else type(expected))
        assert result.dtype == expected.dtype
        np.testing.assert_allclose(np.asarray(result), expected, rtol=1e-2 if dtype == "f2" else 1e-6)

    def test_sublists_and_lists_as_operands(self) -> None:
        x = er.routed(A)
        assert_routed(np.einsum(x, [0, 1], B, [1, 2], [0, 2]), A @ B)
        assert_routed(np.einsum("ij,j->i", x, [1.0, 2.0, 3.0, 4.0]), A @ [1.0, 2, 3, 4])
        assert_routed(np.einsum("ij,->", x, 2.0), np.einsum("ij,->", A, 2.0))

    def test_views_are_views(self) -> None:
        a = A.copy()
        x = er.routed(a)
        diagonal = np.einsum("ii->i", x)
        assert type(diagonal) is RoutedArray
        diagonal[...] = 7.0
        assert (a.diagonal() == 7.0).all()
        a.flags.writeable = False
        assert not np.einsum("ij->ji", er.routed(a)).flags.writeable

    def test_einsum_path_is_numpys(self) -> None:
        text, arrays = "ij,jk,kl->il", (A, B, C)
        assert np.einsum_path(text, *map(er.routed, arrays)) == np.einsum_path(text, *arrays)
        with er.override():
            assert np.einsum_path(text, *map(er.routed, arrays)) == er.einsum_path(text, *arrays)

    @pytest.mark.parametrize(
        ("text", "arrays"), [("ij,jk->ik", (A, V)), ("ij->ik", (A,)), ("i,i->", (V, W[:3])), ("i;j", (V, W))]
    )
    def test_errors_are_einroutes(self, text: str, arrays: Any) -> None:
        with pytest.raises(ValueError) as ours:
            er.einsum(text, *arrays)
        with pytest.raises(ValueError) as routed:
            np.einsum(text, *map(er.routed, arrays))
        assert str(routed.value) == str(ours.value)

    def test_multi_dot_takes_them_in_its_list(self) -> None:
        chain = (A, B, C)
        expected = np.linalg.multi_dot(chain)
        for which in which_routed(3):
            given_ = [er.routed(x) if routed else x for x, routed in zip(chain, which, strict=True)]
            for kind in (list, tuple):
                with er.record() as calls:
                    assert_routed(np.linalg.multi_dot(kind(given_)), expected)
                assert calls.calls == 1
                assert_routed(er.linalg.multi_dot(kind(given_)), expected)


class TestOut:
    """What is given as ``out`` is returned itself."""

    def cases(self) -> Any:
        yield "einsum", ("ij,jk->ik", A, B), {}
        yield "dot", (A, B), {}
        yield "matmul", (A, B), {}
        yield "outer", (V, W), {}
        yield "vecdot", (A, B), {"shape": (4,)}
        yield "matvec", (A, B), {}
        yield "vecmat", (V, B), {"shape": (4,)}

    @pytest.mark.parametrize("ours", [False, True])
    @pytest.mark.parametrize("routed", [(True, False), (False, True), (True, True)])
    def test_is_returned(self, routed: tuple[bool, bool], ours: bool) -> None:
        operands, into = routed
        for name, args, options in self.cases():
            expected = getattr(np, name)(*args)
            out: Any = np.empty(options.get("shape", (4, 4)))
            out = er.routed(out) if into else out
            given_ = [er.routed(x) if operands and isinstance(x, np.ndarray) else x for x in args]
            result = getattr(er if ours else np, name)(*given_, out=out)
            assert result is out
            np.testing.assert_allclose(np.asarray(out), expected)

    def test_by_position(self) -> None:
        out = er.routed(np.empty((4, 4)))
        for function in (np.dot, er.dot, np.outer, er.outer):
            args = (A, B) if function.__name__ == "dot" else (V, W)
            for given_ in (args, [er.routed(x) for x in args]):
                assert function(*given_, out) is out
        assert er.routed(A).dot(B, out) is out
        assert er.routed(A).dot(B, out=out) is out
        plain = np.empty((4, 4))
        assert er.routed(A).dot(B, plain) is plain
        np.testing.assert_allclose(plain, A @ B)

    def test_of_ufuncs_in_a_tuple(self) -> None:
        out = er.routed(np.empty((4, 4)))
        assert np.matmul(A, B, out=(out,)) is out
        assert er.matmul(er.routed(A), B, out=(out,)) is out
        plain = np.empty((4, 4))
        assert er.matmul(er.routed(A), B, out=(plain,)) is plain

    def test_multi_dot(self) -> None:
        out = er.routed(np.empty((4, 3)))
        assert np.linalg.multi_dot([A, er.routed(B), C], out=out) is out
        assert er.linalg.multi_dot([A, B, C], out=out) is out
        np.testing.assert_allclose(np.asarray(out), A @ B @ C)

    def test_that_does_not_fit_stays_as_it_was(self) -> None:
        out = er.routed(np.full((3, 3), 5.0))
        with pytest.raises(ValueError):
            np.einsum("ij,jk->ik", A, B, out=out)
        assert (out == 5.0).all()


class TestOperators:
    @pytest.mark.parametrize("pair", [(A, C), (V, C), (A, V), (V, W), (np.stack([A, B]), C)])
    def test_matmul(self, pair: Any) -> None:
        a, b = pair
        for x, y in ((er.routed(a), b), (a, er.routed(b)), (er.routed(a), er.routed(b))):
            with er.record() as calls:
                assert_routed(x @ y, a @ b)
                assert_routed(np.matmul(x, y), a @ b)
                assert_routed(np.linalg.matmul(x, y), a @ b)
            assert calls.calls == 3

    def test_with_lists(self) -> None:
        assert_routed(er.routed(A) @ C.tolist(), A @ C)
        assert_routed(A.tolist() @ er.routed(C), A @ C)

    def test_in_place(self) -> None:
        a = A.copy()
        x = same = er.routed(a)
        x @= B
        assert x is same
        np.testing.assert_allclose(a, A @ B)
        x @= er.routed(B)
        assert x is same
        plain = same_plain = A.copy()
        plain @= er.routed(B)
        assert plain is same_plain
        np.testing.assert_allclose(plain, A @ B)

    def test_large_integers_take_the_exact_route(self) -> None:
        a = RNG.integers(-1000, 1000, (200, 200))
        x = er.routed(a)
        with er.record() as calls:
            assert_routed(x @ a, a @ a)
            assert_routed(x.dot(x), a @ a)
            assert_routed(np.inner(x, a), np.inner(a, a))
        assert [made.routes for made in calls.records] == [("dense.integer_matmul",)] * 3

    @pytest.mark.parametrize(("a", "b"), [(A, np.ones((3, 3))), (A, np.float64(3.0)), (A, np.ones(()))])
    def test_errors_are_numpys(self, a: Any, b: Any) -> None:
        with pytest.raises(ValueError) as theirs:
            a @ b
        for x, y in ((er.routed(a), b), (a, er.routed(b) if np.ndim(b) else b)):
            if isinstance(x, RoutedArray) or isinstance(y, RoutedArray):
                with pytest.raises(type(theirs.value)):
                    x @ y

    def test_what_is_no_operand(self) -> None:
        for other in (None, "text", object()):
            for pair in ((A, other), (other, A)):
                with pytest.raises((TypeError, ValueError)) as theirs:
                    pair[0] @ pair[1]
                a, b = (er.routed(x) if x is A else x for x in pair)
                with pytest.raises(theirs.type):
                    a @ b


class TestArray:
    def test_views_the_memory(self) -> None:
        a = A.copy()
        x = er.routed(a)
        assert type(x) is RoutedArray
        assert isinstance(x, np.ndarray)
        assert np.shares_memory(x, a)
        assert (x.strides, x.dtype, x.shape, x.flags.writeable) == (a.strides, a.dtype, a.shape, True)
        x[0, 0] = 42.0
        assert a[0, 0] == 42.0
        a.flags.writeable = False
        assert not er.routed(a).flags.writeable
        assert np.shares_memory(np.asarray(x), a)
        assert type(np.asarray(x)) is np.ndarray
        assert type(np.asanyarray(x)) is RoutedArray

    def test_any_layout(self) -> None:
        for a in (A.T, A[::2, 1:], A[::-1], np.broadcast_to(V, (5, 4)), np.ones(()), np.ones((0, 3))):
            x = er.routed(a)
            assert x.strides == a.strides
            assert np.may_share_memory(x, a) or not a.size
            np.testing.assert_array_equal(np.asarray(x), a)

    def test_of_a_routed_array_is_itself(self) -> None:
        x = er.routed(A)
        assert er.routed(x) is x

    @pytest.mark.parametrize("x", [[1.0, 2.0], 3, (1, 2), np.float64(2.0), memoryview(b"ab"), range(3)])
    def test_array_likes(self, x: Any) -> None:
        result = er.routed(x)
        assert type(result) is RoutedArray
        np.testing.assert_array_equal(np.asarray(result), np.asarray(x))
        assert result.dtype == np.asarray(x).dtype

    def test_memmap(self, tmp_path: Any) -> None:
        mapped = np.memmap(tmp_path / "x", dtype=float, mode="w+", shape=(4, 4))
        x = er.routed(mapped)
        assert type(x) is RoutedArray
        assert np.shares_memory(x, mapped)
        x[...] = A
        np.testing.assert_allclose(np.asarray(np.einsum("ij,jk->ik", x, x)), A @ A)
        mapped.flush()
        np.testing.assert_array_equal(np.fromfile(tmp_path / "x").reshape(4, 4), A)

    @pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
    def test_pickles(self, protocol: int) -> None:
        for a in (A, A.T, V[::2], np.ones(())):
            x = pickle.loads(pickle.dumps(er.routed(a), protocol))
            assert type(x) is RoutedArray
            np.testing.assert_array_equal(np.asarray(x), a)

    def test_pickles_out_of_band(self) -> None:
        buffers: list[Any] = []
        data = pickle.dumps(er.routed(A), protocol=5, buffer_callback=buffers.append)
        x = pickle.loads(data, buffers=buffers)
        assert type(x) is RoutedArray
        np.testing.assert_array_equal(np.asarray(x), A)

    def test_copies(self) -> None:
        x = er.routed(A)
        for made in (x.copy(), copy.copy(x), copy.deepcopy(x), np.array(x, subok=True), x.astype("f4")):
            assert type(made) is RoutedArray
            assert not np.shares_memory(made, x)
        assert type(np.array(x)) is np.ndarray
        assert type(x.tolist()) is list

    def test_saves(self) -> None:
        file = io.BytesIO()
        np.save(file, er.routed(A))
        file.seek(0)
        np.testing.assert_array_equal(np.load(file), A)

    def test_prints(self) -> None:
        assert repr(er.routed(np.eye(2))) == "RoutedArray([[1., 0.],\n             [0., 1.]])"
        assert str(er.routed(np.eye(2))) == str(np.eye(2))
        assert f"{er.routed(np.ones(()))}" == "1.0"

    def test_every_slice_is_routed(self) -> None:
        x, p = er.routed(A), A.view(Plain)
        for index in (0, slice(1, 3), (0, 1), None, ..., [0, 2], A > 0.5, (slice(None), 1), np.array(1)):
            assert classes(x[index]) == classes(p[index])
        for made in (
            x.T,
            x.reshape(2, 8),
            x.ravel(),
            x.flatten(),
            x.real,
            x.transpose(),
            x.view(),
            x.squeeze(),
        ):
            assert type(made) is RoutedArray
        assert [type(row) for row in x] == [RoutedArray] * 4


def masked(x: Any) -> Any:
    return np.ma.masked_array(np.asarray(x), mask=np.eye(4) > 0)


#: What NumPy does with a subclass that overrides nothing, it does with a routed array.
AS_A_SUBCLASS: dict[str, Any] = {
    "add": lambda x: x + x,
    "add a scalar": lambda x: x + 1,
    "scalar first": lambda x: 2 - x,
    "numpy scalar first": lambda x: np.float64(2) * x,
    "float32 scalar": lambda x: np.float32(2) * x,
    "add plain": lambda x: x + np.asarray(x),
    "plain first": lambda x: np.asarray(x) * x,
    "add a list": lambda x: np.add(x, [1, 2, 3, 4]),
    "exp": np.exp,
    "0-d": lambda x: np.exp(x[0, 0:1].reshape(())),
    "0-d sum": lambda x: x[0, 0:1].reshape(()) + 1,
    "modf": np.modf,
    "divmod": lambda x: divmod(x, 0.3),
    "frexp": np.frexp,
    "compare": lambda x: x < 0.5,
    "negative": lambda x: -x,
    "power": lambda x: x**2,
    "sum": lambda x: x.sum(),
    "np.sum": np.sum,
    "sum of an axis": lambda x: x.sum(axis=0),
    "sum keepdims": lambda x: x.sum(axis=1, keepdims=True),
    "sum where": lambda x: np.sum(x, where=x > 0.5),
    "sum dtype": lambda x: x.sum(dtype="f4"),
    "prod": lambda x: x.prod(),
    "max": lambda x: x.max(),
    "mean": lambda x: x.mean(),
    "mean of an axis": lambda x: x.mean(axis=0),
    "std": lambda x: x.std(),
    "var": lambda x: np.var(x, axis=1),
    "any": lambda x: (x > 0.5).any(),
    "argmax": lambda x: x.argmax(axis=0),
    "cumsum": lambda x: x.cumsum(axis=0),
    "accumulate": np.multiply.accumulate,
    "reduceat": lambda x: np.add.reduceat(x, [0, 2]),
    "reduceat routed": lambda x: np.add.reduceat(x, np.array([0, 2]).view(type(x))),
    "outer": lambda x: np.subtract.outer(x, x[0]),
    "reduce to a scalar": lambda x: np.add.reduce(x, axis=None),
    "minimum.reduce initial": lambda x: np.minimum.reduce(x, initial=0.1),
    "objects": lambda x: (x.astype(object) + 1).sum(),
    "where=": lambda x: np.add(x, 1, where=x > 0.5, out=np.zeros_like(x)),
    "out plain": lambda x: np.add(x, 1, out=np.empty((4, 4))),
    "out of plain": lambda x: np.add(np.asarray(x), 1, out=np.empty_like(x)),
    "two outs": lambda x: np.modf(x, out=(np.empty_like(x), None)),
    "concatenate": lambda x: np.concatenate([x, x]),
    "stack": lambda x: np.stack([x, x]),
    "vstack": lambda x: np.vstack([x, x]),
    "zeros_like": np.zeros_like,
    "zeros_like shape": lambda x: np.zeros_like(x, shape=(2,)),
    "where": lambda x: np.where(x > 0.5, x, 0),
    "sort": np.sort,
    "argsort": lambda x: x.argsort(),
    "take": lambda x: x.take([0, 1]),
    "clip": lambda x: np.clip(x, 0.2, 0.8),
    "round": lambda x: x.round(1),
    "transpose": np.transpose,
    "roll": lambda x: np.roll(x, 1),
    "trace": np.trace,
    "diagonal": np.diagonal,
    "linalg.norm": np.linalg.norm,
    "linalg.svd": lambda x: tuple(np.linalg.svd(x)),
    "linalg.eigvals": np.linalg.eigvals,
    "linalg.det": np.linalg.det,
    "linalg.cholesky": lambda x: np.linalg.cholesky(x * 0 + np.eye(4)),
    "fft": np.fft.fft,
    "isclose": lambda x: np.isclose(x, x),
    "allclose": lambda x: np.allclose(x, x),
    "array_equal": lambda x: np.array_equal(x, x),
    "unique": np.unique,
    "percentile": lambda x: np.percentile(x, 50),
    "median": np.median,
    "cov": np.cov,
    "interp": lambda x: np.interp(0.5, x[0], x[1]),
    "masked": lambda x: masked(x) + x,
    "masked second": lambda x: x * masked(x),
    "matrix": lambda x: x + np.asarray(x).view(np.matrix),
    "apply_along_axis": lambda x: np.apply_along_axis(np.sum, 0, x),
    "nansum": np.nansum,
    "vectorize": np.vectorize(lambda y: y + 1),
    "frompyfunc": np.frompyfunc(lambda y: y + 1, 1, 1),
    "nditer": lambda x: [type(y) for y in np.nditer(x)][:1],
    "min_scalar": lambda x: np.result_type(x, 1),
    "tril": np.tril,
    "like": lambda x: np.asarray([1, 2], like=x),
    "zeros like": lambda x: np.zeros(3, like=x),
    "dtype of strings": lambda x: np.strings.str_len(x.astype(str)),
}


@pytest.mark.parametrize("name", AS_A_SUBCLASS)
def test_all_else_is_as_for_any_subclass(name: str) -> None:
    do = AS_A_SUBCLASS[name]
    expected, result = do(A.copy().view(Plain)), do(er.routed(A.copy()))
    assert classes(result) == classes(expected)
    parts = zip(result, expected, strict=True) if isinstance(expected, tuple) else [(result, expected)]
    for x, y in parts:
        assert (type(x) is RoutedArray) == (type(y) is Plain), (
            "the class itself, not only that it is an array"
        )
        assert getattr(x, "dtype", None) == getattr(y, "dtype", None)
        if not isinstance(y, list | np.dtype):
            np.testing.assert_array_equal(np.asarray(x), np.asarray(y))


class TestInPlace:
    @pytest.mark.parametrize("name", ["__iadd__", "__imul__", "__isub__", "__ipow__"])
    def test_keeps_the_object(self, name: str) -> None:
        for operand in (er.routed(A.copy()), 2.0, B):
            x, a = er.routed(A.copy()), A.copy()
            assert getattr(x, name)(operand) is x
            assert getattr(a, name)(np.asarray(operand)) is a
            np.testing.assert_array_equal(np.asarray(x), a)

    def test_plain_arrays_keep_their_class(self) -> None:
        a = A.copy()
        a += er.routed(B)
        assert type(a) is np.ndarray
        np.testing.assert_array_equal(a, A + B)

    def test_at(self) -> None:
        x = er.routed(np.zeros(4))
        assert np.add.at(x, [0, 0, 2], er.routed(np.ones(3))) is None
        assert x.tolist() == [2.0, 0.0, 1.0, 0.0]

    def test_floating_point_errors_are_numpys(self) -> None:
        with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
            er.routed(np.ones(3)) / 0


class TestOtherTypes:
    """An operand with a say of its own is asked, on whichever side it stands."""

    @pytest.mark.parametrize("other", [Ducky(), np.ones((4, 4)).view(Quantity)], ids=["duck", "subclass"])
    def test_wins(self, other: Any) -> None:
        x = er.routed(A)
        for pair in ((x, other), (other, x)):
            for function in (np.dot, np.inner, np.outer, np.tensordot, np.linalg.solve, np.linalg.lstsq):
                assert function(*pair) == ("mine", function.__name__)
            assert np.einsum("ij,jk->ik", *pair) == ("mine", "einsum")
            assert np.linalg.multi_dot([*pair, A]) == ("mine", "multi_dot")
            assert np.concatenate(pair) == ("mine", "concatenate")
            assert np.matmul(*pair) == ("mine", "matmul", "__call__")
            assert np.add(*pair) == ("mine", "add", "__call__")
            assert np.vecdot(*pair) == ("mine", "vecdot", "__call__")
            assert np.matvec(*pair) == ("mine", "matvec", "__call__")
            assert np.vecmat(*pair) == ("mine", "vecmat", "__call__")
            assert er.einsum("ij,jk->ik", *pair) == ("mine", "einsum")
            assert er.matmul(*pair) == ("mine", "matmul", "__call__")
        assert x @ other == ("mine", "matmul", "__call__")
        assert np.einsum("ij->ji", x, out=other) == ("mine", "einsum")
        assert np.add(x, 1, out=other) == ("mine", "add", "__call__")

    def test_ours_are_plain_arrays_to_it(self) -> None:
        x, other = er.routed(A), B.view(Cautious)
        for pair in ((x, other), (other, x)):
            for name in ("dot", "matmul", "add", "inner", "tensordot", "concatenate"):
                function = getattr(np, name)
                word, made = function(pair) if name == "concatenate" else function(*pair)
                theirs = [np.asarray(operand) for operand in pair]
                expected = function(theirs) if name == "concatenate" else function(*theirs)
                assert word == "mine"
                assert not isinstance(made, RoutedArray)
                np.testing.assert_allclose(np.asarray(made), expected)
            assert (pair[0] @ pair[1])[0] == "mine"
        out = er.routed(np.empty((4, 4)))
        assert np.multiply(other, 2, out=out)[1] is not out  # which it saw as a plain view
        np.testing.assert_allclose(np.asarray(out), 2 * B)
        assert x.view(Cautious).note is None

    def test_none_says_no(self) -> None:
        class Refuses:
            __array_ufunc__ = None

            def __rmatmul__(self, other: Any) -> str:
                return "reflected"

        assert er.routed(A) @ Refuses() == "reflected"
        with pytest.raises(TypeError):
            np.matmul(er.routed(A), Refuses())

    def test_masked_arrays_and_matrices_as_numpy_has_them(self) -> None:
        x, m = er.routed(A), A.view(np.matrix)
        assert type(np.dot(x, m)) is type(np.dot(A.view(Plain), m))
        assert type(x @ masked(A)) is type(A.view(Plain) @ masked(A))
        np.testing.assert_allclose(np.asarray(np.einsum("ij,jk->ik", x, m)), A @ A)

    def test_a_class_derived_from_ours(self) -> None:
        class Derived(RoutedArray):
            pass

        x = A.view(Derived)
        for pair in ((x, x), (x, er.routed(B)), (er.routed(B), x), (x, B), (B, x)):
            for made in (
                np.einsum("ij,jk->ik", *pair),
                np.dot(*pair),
                np.matmul(*pair),
                pair[0] @ pair[1],
                np.add(*pair),
                er.einsum("ij,jk->ik", *pair),
            ):
                assert isinstance(made, RoutedArray)
            assert type(np.einsum("ij,jk->ik", *pair)) is Derived
        assert type(x.sum()) is Derived
        assert type(np.linalg.lstsq(x, B)[0]) is Derived

    def test_a_derived_class_carries_what_it_finalizes(self) -> None:
        class Named(RoutedArray):
            def __array_finalize__(self, obj: Any) -> None:
                self.label = getattr(obj, "label", None)

        x = A.view(Named)
        x.label = "voltage"
        for made in (
            np.einsum("ij,jk->ik", x, B),
            x @ B,
            np.dot(B, x),
            x + 1,
            x.sum(),
            np.linalg.inv(x),
            x[0],
        ):
            assert made.label == "voltage"

    def test_a_derived_class_with_a_say_of_its_own_is_asked(self) -> None:
        class Own(RoutedArray):
            def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
                return ("mine", super().__array_function__(function, types, args, kwargs))

            def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
                return ("mine", super().__array_ufunc__(ufunc, method, *inputs, **kwargs))

        x, y = A.view(Own), er.routed(B)
        for pair in ((x, y), (y, x), (x, B), (B, x), (x, x)):
            for ours in (np, er):
                word, made = ours.einsum("ij,jk->ik", *pair)
                assert word == "mine"
                np.testing.assert_allclose(np.asarray(made), np.asarray(pair[0]) @ np.asarray(pair[1]))
                assert ours.matmul(*pair)[0] == "mine"
                assert ours.linalg.solve(*pair)[0] == "mine"
            assert (pair[0] @ pair[1])[0] == "mine"
            assert (pair[0] + pair[1])[0] == "mine"


#: Calls of ufuncs, whose results a class of one's own wraps.
WRAPPED: dict[str, Any] = {
    "add": lambda w: np.add(w, B),
    "reflected": lambda w: np.add(B, w),
    "both": lambda w: np.add(w, w),
    "views": lambda w: np.add(w, w.T),
    "out": lambda w: np.add(w, B, out=np.empty((4, 4))),
    "no class": lambda w: np.add(w, B, subok=False),
    "unary": np.sin,
    "two results": np.modf,
    "scalar": lambda w: np.add(w[0, :1].reshape(()), 1.0),
    "where": lambda w: np.add(w, 1.0, out=np.zeros((4, 4)), where=w > 0.5),
    "reduce": np.add.reduce,
    "reduce all": lambda w: np.add.reduce(w, axis=None),
    "accumulate": np.add.accumulate,
    "outer": lambda w: np.multiply.outer(w[0], w[1]),
    "matmul": lambda w: np.matmul(w, B),
    "@": lambda w: B @ w,
    "vectors": lambda w: np.matmul(w[0], w[1]),
    "matmul out": lambda w: np.matmul(w, B, out=np.empty((4, 4))),
    "matmul no class": lambda w: np.matmul(w, B, subok=False),
    "vecdot": lambda w: np.vecdot(w, B),
    "matvec": lambda w: np.matvec(w, B),
    "vecmat": lambda w: np.vecmat(B, w),
    "vecdot no class": lambda w: np.vecdot(w, B, subok=False),
}


def wrapping(base: Any, told: list[Any]) -> Any:
    """A class derived from ``base`` that tells what its ``__array_wrap__`` was asked with."""

    class Wrapping(base):  # type: ignore[misc]
        def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
            args = None
            if context is not None:
                ufunc, operands, index = context
                args = ufunc.__name__, [(type(x).__name__, np.shape(x)) for x in operands], index
            told.append((type(array), args, bool(return_scalar)))
            return super().__array_wrap__(array, context, return_scalar)

    return Wrapping


@pytest.mark.parametrize("name", WRAPPED)
def test_a_derived_class_wraps_as_one_of_ndarray(name: str) -> None:
    said: list[list[Any]] = []
    results = []
    for base in (np.ndarray, RoutedArray):
        told: list[Any] = []
        result = WRAPPED[name](A.view(wrapping(base, told)))
        said.append(told)
        results.append(result if isinstance(result, tuple) else (result,))
    assert said[0] == said[1]
    for expected, made in zip(*results, strict=True):
        assert type(made).__name__ == type(expected).__name__
        np.testing.assert_allclose(np.asarray(made), np.asarray(expected))


def test_a_derived_class_that_wraps_as_before_numpy_2() -> None:
    class Older(RoutedArray):
        def __array_wrap__(self, array: Any, context: Any = None) -> Any:  # type: ignore[override]
            return "wrapped", context is not None and context[0] is np.add

    class Oldest(RoutedArray):
        def __array_wrap__(self, array: Any) -> Any:  # type: ignore[override]
            return "wrapped"

    assert np.add(A.view(Older), 1) == ("wrapped", True)
    assert np.matmul(A.view(Older), B) == ("wrapped", False)
    assert np.add(A.view(Oldest), 1) == "wrapped"


@pytest.mark.parametrize(
    "function", [np.matmul, np.vecdot, np.matvec, np.add, er.matmul, er.vecdot, er.vecmat]
)
def test_no_class_where_none_is_wanted(function: Any) -> None:
    for pair in ((er.routed(A), B), (A, er.routed(B)), (er.routed(A), er.routed(B))):
        made = function(*pair, subok=False)
        assert type(made) is np.ndarray
        np.testing.assert_allclose(made, function(A, B))
        out = er.routed(np.empty_like(made))
        assert function(*pair, out=out, subok=False) is out


class TestSparse:
    X = RNG.random((2, 3, 4))
    M = scipy.sparse.random_array((4, 5), density=0.5, rng=RNG, format="csr")

    @pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
    def test_scipy(self, kind: str) -> None:
        m, x = self.M.asformat(kind), er.routed(self.X)
        expected = np.tensordot(self.X, self.M.toarray(), axes=1)
        assert_routed(np.tensordot(x, m, axes=1), expected)
        assert_routed(np.einsum("abi,ij->abj", x, m), expected)
        assert_routed(np.matmul(x, m), expected)
        assert_routed(x @ m, expected)
        assert_routed(er.tensordot(x, m, axes=1), expected)
        assert_routed(np.dot(er.routed(A), m), A @ self.M.toarray())
        assert_routed(er.routed(A).dot(m), A @ self.M.toarray())
        y = er.routed(RNG.random((5, 2)))
        assert_routed(np.tensordot(m, y, axes=1), self.M.toarray() @ np.asarray(y))
        assert_routed(np.matmul(m, y), self.M.toarray() @ np.asarray(y))
        np.testing.assert_allclose(np.asarray(m @ y), self.M.toarray() @ np.asarray(y))  # SciPy's own

    def test_scipy_solve(self) -> None:
        m = scipy.sparse.csc_array(np.diag([1.0, 2, 3, 4]))
        assert_routed(np.linalg.solve(m, er.routed(V)), V / [1, 2, 3, 4])
        assert_routed(er.linalg.solve(m, er.routed(V)), V / [1, 2, 3, 4])

    def test_pydata(self) -> None:
        m, x = sparse.COO.from_numpy(self.M.toarray()), er.routed(self.X)
        expected = np.tensordot(self.X, self.M.toarray(), axes=1)
        assert_routed(np.tensordot(x, m, axes=1), expected)
        assert_routed(np.einsum("abi,ij->abj", x, m), expected)
        assert_routed(x @ m, expected)
        assert_routed(er.einsum("abi,ij->abj", x, m), expected)
        made = np.tensordot(m.T, er.routed(A), axes=1)  # pydata/sparse is asked first
        np.testing.assert_allclose(np.asarray(made), self.M.toarray().T @ A)

    def test_results_may_be_sparse(self) -> None:
        x = er.routed(V)
        made = er.einsum("i,ij->ij", x, self.M)
        assert scipy.sparse.issparse(made)
        np.testing.assert_allclose(made.toarray(), V[:, None] * self.M.toarray())
        made = np.einsum("i,ij->ij", x, self.M)
        assert scipy.sparse.issparse(made)

    def test_all_else_is_scipys(self) -> None:
        square = scipy.sparse.csr_array(np.eye(4))
        x = er.routed(A)
        np.testing.assert_allclose(np.asarray(x + square), A + np.eye(4))
        np.testing.assert_allclose((square * x).toarray(), A * np.eye(4))


class TestStructured:
    def test_on_either_side(self) -> None:
        picked = er.one_hot(np.array([2, 0, 3]), 4)
        expected = np.eye(4)[[2, 0, 3]] @ A
        x = er.routed(A)
        for made in (
            np.einsum("ij,jk->ik", picked, x),
            np.einsum("jk,ij->ik", x, picked),
            np.tensordot(picked, x, axes=1),
            er.einsum("ij,jk->ik", picked, x),
            er.tensordot(picked, x, axes=1),
            picked @ x,
            np.matmul(picked, x),
        ):
            assert type(made) is RoutedArray
            np.testing.assert_allclose(np.asarray(made), expected)
        np.testing.assert_allclose(
            np.asarray(x.T @ er.one_hot(np.array([1, 1, 0, 2]), 3)), A.T @ np.eye(3)[[1, 1, 0, 2]]
        )

    def test_other_functions_write_it_out(self) -> None:
        picked = er.one_hot(np.array([2, 0, 3, 1]), 4)
        np.testing.assert_allclose(np.asarray(np.add(er.routed(A), picked)), A + np.eye(4)[[2, 0, 3, 1]])
        np.testing.assert_allclose(np.asarray(picked + er.routed(A)), A + np.eye(4)[[2, 0, 3, 1]])

    def test_the_class_is_the_same_on_either_side(self) -> None:
        x, picked = er.routed(A), er.one_hot(np.array([2, 0, 3, 1]), 4)
        for function in (np.add, np.multiply.outer, np.outer, np.vecdot, np.kron, np.linalg.solve):
            made = function(x, picked), function(picked + 0 * A, x)
            assert [type(m) for m in made] == [RoutedArray, RoutedArray], function
        kind = type(np.concatenate((x, A)))
        assert type(np.concatenate((x, picked))) is type(np.concatenate((picked, x))) is kind
        assert type(x + picked) is type(picked + x) is RoutedArray

    def test_are_made_of_the_array(self) -> None:
        points, labels = er.routed(A), er.routed(np.array([2, 0, 3]))
        for operand, array in (
            (er.one_hot(labels, 4), labels),
            (er.rolled(points, 2), points),
            (er.pairwise_difference(points, B), points),
        ):
            (held, *_) = operand.references()
            assert type(held) is np.ndarray
            assert np.shares_memory(held, array)
        np.testing.assert_allclose(er.einsum("ij,jk->ik", er.one_hot(labels, 4), A), A[[2, 0, 3]])
        assert type(np.einsum("ij,jk->ik", er.one_hot(labels, 4), points)) is RoutedArray


class TestRefused:
    @pytest.mark.parametrize(
        ("x", "says"),
        [
            (np.ma.masked_array([1.0, 2.0], mask=[0, 1]), "MaskedArray"),
            (A.view(np.matrix), "matrix"),
            (np.ones(2).view(Quantity), "Quantity"),
            (np.ones(2).view(Plain), "Plain"),
            (np.rec.array([(1, 2.0)]), "recarray"),
            (Ducky(), "Ducky"),
            (scipy.sparse.csr_array(np.eye(2)), "expected an array; einroute's functions take it as it is"),
            (scipy.sparse.coo_matrix(np.eye(2)), "expected an array; einroute's functions take it as it is"),
            (sparse.COO.from_numpy(np.eye(2)), "expected an array; einroute's functions take it as it is"),
            (er.one_hot(np.array([0, 1]), 2), "OneHot"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_would_lose_something(self, x: Any, says: str) -> None:
        with pytest.raises(TypeError, match=says) as error:
            er.routed(x)
        assert "numpy.asarray(x)" in str(error.value) or "take it as it is" in str(error.value)


def test_explained_by_a_record() -> None:
    with er.record() as calls:
        np.einsum("ij,jk->ik", er.routed(RNG.random((50, 60))), RNG.random((60, 70)))
    (made,) = calls.records
    assert made.function == "einsum"
    assert made.reason == ""
    assert made.file == __file__
