"""Products of operands of every kind: NumPy's on the operands written out, and the options of ufuncs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import sparse

import einroute as er
from tests.sparse_helpers import is_sparse, written_out


def numbers(shape: tuple[int, ...], dtype: str, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.integers(-4, 5, shape).astype(dtype)
    if dtype == "c16":
        values = values + 1j * rng.integers(-4, 5, shape)
    return values * (rng.random(shape) < 0.6)


def _labels(x: np.ndarray) -> np.ndarray:
    return np.abs(x[..., 0].real).astype(int) % x.shape[-1]


#: From an array to an operand that stands for it, or for another array of its shape.
KINDS: dict[str, Callable[[np.ndarray], Any]] = {
    "csr_array": sp.csr_array,
    "coo_array": sp.coo_array,
    "csc_matrix": sp.csc_matrix,
    "COO": sparse.COO.from_numpy,
    "GCXS": sparse.GCXS.from_numpy,
    "one_hot": lambda x: er.one_hot(_labels(x), x.shape[-1], dtype=x.dtype),
    "rolled": lambda x: er.rolled(np.ascontiguousarray(x[..., 0]), x.shape[-1], axis=x.ndim - 2),
}


STRUCTURED = {"one_hot", "rolled"}


def dense(x: Any) -> Any:
    return written_out(x) if is_sparse(x) else x


#: Function, NumPy's, and the shapes of the operands.
PRODUCTS: list[tuple[str, Any, Any, tuple[int, ...], tuple[int, ...]]] = [
    ("dot", er.dot, np.dot, (4, 4), (4, 4)),
    ("dot vector", er.dot, np.dot, (4, 4), (4,)),
    ("inner", er.inner, np.inner, (4, 4), (3, 4)),
    ("matmul", er.matmul, np.matmul, (4, 4), (4, 3)),
    ("matmul stack", er.matmul, np.matmul, (4, 4), (2, 4, 3)),
    ("linalg.matmul", er.linalg.matmul, np.linalg.matmul, (4, 4), (4, 3)),
    ("vdot", er.vdot, np.vdot, (4, 4), (4, 4)),
    ("vecdot", er.vecdot, np.vecdot, (4, 4), (4,)),
    ("vecdot stack", er.vecdot, np.vecdot, (4, 4), (2, 4, 4)),
    ("matvec", er.matvec, np.matvec, (4, 4), (4,)),
    ("matvec of vectors", er.matvec, np.matvec, (4, 4), (4, 4)),
    ("vecmat of vectors", er.vecmat, np.vecmat, (4, 4), (4, 4)),
    ("linalg.vecdot", er.linalg.vecdot, np.linalg.vecdot, (4, 4), (4, 4)),
    ("tensordot", lambda a, b: er.tensordot(a, b, 1), lambda a, b: np.tensordot(a, b, 1), (4, 4), (4, 2)),
]


@pytest.mark.parametrize("dtype", ["f8", "c16", "i8"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", PRODUCTS, ids=[case[0] for case in PRODUCTS])
def test_products(case: Any, kind: str, dtype: str) -> None:
    _, ours, numpys, of_a, of_b = case
    other = numbers(of_b, dtype, 1)
    operand = KINDS[kind](numbers(of_a, dtype))
    for left in (True, False):
        if not left and len(of_b) < 2:
            continue
        a, b = (operand, other) if left else (other, operand)
        if not left and case[0].startswith(("inner", "matmul", "linalg.matmul", "tensordot", "dot")):
            a = numbers((*of_b[:-2], of_b[-1], of_b[-2]) if "inner" not in case[0] else of_b, dtype, 1)
        expected = numpys(written_out(a), written_out(b))
        result = ours(a, b)
        np.testing.assert_allclose(dense(result), expected)
        assert result.dtype == expected.dtype
        again = ours(a, b)
        np.testing.assert_array_equal(dense(again), dense(result))


@pytest.mark.parametrize("dtype", ["f8", "c16", "i8"])
@pytest.mark.parametrize("kind", KINDS)
def test_vectors_by_matrices(kind: str, dtype: str) -> None:
    """Stacks of vectors by a matrix, vectors by a stack of matrices; vecmat conjugates its vectors alone."""
    m = KINDS[kind](numbers((4, 4), dtype))
    for shape in ((4,), (7, 4), (2, 3, 4), (0, 4)):
        v = numbers(shape, dtype, 1)
        np.testing.assert_allclose(dense(er.matvec(m, v)), np.matvec(written_out(m), v))
        np.testing.assert_allclose(dense(er.vecmat(v, m)), np.vecmat(v, written_out(m)))
    stack = numbers((3, 1, 4, 5), dtype, 2)
    np.testing.assert_allclose(dense(er.vecmat(m, stack)), np.vecmat(written_out(m), stack))
    stack = stack.swapaxes(-1, -2)
    np.testing.assert_allclose(dense(er.matvec(stack, m)), np.matvec(stack, written_out(m)))


@pytest.mark.parametrize("kind", ["COO", "coo_array"])
@pytest.mark.parametrize("name", ["outer", "linalg.outer"])
def test_outer_products_of_vectors(name: str, kind: str) -> None:
    a, b = numbers((4,), "f8"), numbers((5,), "f8", 1)
    ours = er.linalg.outer if "." in name else er.outer
    for x, y in ((KINDS[kind](a), b), (a, KINDS[kind](b)), (KINDS[kind](a), KINDS[kind](b))):
        np.testing.assert_allclose(dense(ours(x, y)), np.outer(a, b))


@pytest.mark.parametrize("kind", KINDS)
def test_chains(kind: str) -> None:
    a, b, v = numbers((3, 4), "f8"), KINDS[kind](numbers((4, 4), "f8", 1)), numbers((4,), "f8", 2)
    for arrays in ([a, b, v], [v, b, v], [b, b, a.T], [a, b], [v, b, b, a.T]):
        expected = np.linalg.multi_dot([written_out(x) for x in arrays])
        result = er.linalg.multi_dot(arrays)
        np.testing.assert_allclose(dense(result), expected)
        assert np.shape(result) == np.shape(expected)


OPTIONS: list[tuple[str, dict[str, Any]]] = [
    ("matmul", {"order": "F"}),
    ("matmul", {"order": "C"}),
    ("matmul", {"dtype": "f4", "casting": "same_kind"}),
    ("matmul", {"dtype": "c16"}),
    ("matmul", {"dtype": "i8", "casting": "unsafe"}),
    ("matmul", {"axes": [(1, 0), (0, 1), (0, 1)]}),
    ("matmul", {"axes": [(0, 1), (1, 0), (1, 0)]}),
    ("matmul", {"subok": True}),
    ("matvec", {"order": "F"}),
    ("matvec", {"dtype": "c16"}),
    ("matvec", {"axes": [(1, 0), (0,), (1,)]}),
    ("vecmat", {"axes": [0, (1, 0), 0]}),
    ("vecmat", {"dtype": "f4", "casting": "same_kind"}),
    ("vecdot", {"axis": 0}),
    ("vecdot", {"axes": [(0,), (1,), ()]}),
    ("vecdot", {"axes": [0, 1]}),
    ("vecdot", {"keepdims": False}),
    ("vecdot", {"dtype": "f4"}),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_options_of_ufuncs(name: str, options: dict[str, Any], kind: str) -> None:
    a, b = KINDS[kind](numbers((4, 4), "f8")), numbers((4, 4), "f8", 1)
    for x, y in ((a, b), (b, a)):
        expected = getattr(np, name)(written_out(x), written_out(y), **options)
        result = getattr(er, name)(x, y, **options)
        np.testing.assert_allclose(dense(result), expected)
        assert result.dtype == expected.dtype
        if "order" in options:
            assert result.flags.f_contiguous == expected.flags.f_contiguous
        out = np.empty_like(expected)
        assert getattr(er, name)(x, y, out=out, **options) is out
        np.testing.assert_allclose(out, expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "options", "error", "says"),
    [
        ("matmul", {"dtype": "i8"}, TypeError, "dtype is int64, to which operand 0"),
        ("matmul", {"keepdims": True}, TypeError, "keepdims="),
        ("matmul", {"signature": "dd->d"}, TypeError, "signature="),
        ("matmul", {"axis": 0}, TypeError, "axis="),
        ("matmul", {"axes": [(0, 1), (0, 1)]}, ValueError, "axes has 2 items"),
        ("matmul", {"axes": [(0, 1), (0,), (0, 1)]}, ValueError, "axes item 1 names 1 axes, expected 2"),
        ("matmul", {"axes": [(0, 0), (0, 1), (0, 1)]}, ValueError, "names an axis twice"),
        ("matmul", {"axes": [(0, 7), (0, 1), (0, 1)]}, ValueError, "axis 7 is out of bounds"),
        ("matmul", {"order": "Q"}, ValueError, "order"),
        ("matmul", {"out": np.empty((3, 3))}, ValueError, "out has shape"),
        ("matmul", {"out": np.empty((4, 4), int)}, TypeError, "out has dtype int64"),
        ("matmul", {"out": [1]}, TypeError, "out is of type list"),
        ("matvec", {"axis": 0}, TypeError, "axis="),
        ("matvec", {"axes": [(0, 1), (0, 1), 0]}, ValueError, "axes item 1 names 2 axes, expected 1"),
        ("vecmat", {"out": np.empty((4, 4), int)}, TypeError, "out has dtype int64"),
        ("vecdot", {"axis": 4}, ValueError, "axis 4 is out of bounds"),
    ],
)
def test_refusals_name_the_option(
    name: str, options: dict[str, Any], error: type[Exception], says: str, kind: str
) -> None:
    a, b = KINDS[kind](numbers((4, 4), "f8")), numbers((4, 4), "f8", 1)
    if "signature" in options and kind in STRUCTURED:  # NumPy takes it, and may write the operand out
        expected = np.matmul(written_out(a), b, **options)
        np.testing.assert_allclose(er.matmul(a, b, **options), expected)
        return
    with pytest.raises(error, match=says):
        getattr(er, name)(a, b, **options)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["matmul", "vecdot"])
def test_operands_of_too_few_dimensions(name: str, kind: str) -> None:
    a = KINDS[kind](numbers((4, 4), "f8"))
    with pytest.raises(ValueError, match=r"operand 1 has no dimensions, expected 1 or more; use \* to scale"):
        getattr(er, name)(a, 2.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["matmul", "vecdot", "matvec", "vecmat"])
def test_core_axes_are_not_broadcast(name: str, kind: str) -> None:
    a, b = KINDS[kind](numbers((4, 4), "f8")), np.ones((1, 1))
    with pytest.raises(ValueError, match=rf"{name}: operand 0 has shape \(4, 4\)"):
        getattr(er, name)(a, b)


@pytest.mark.parametrize("kind", ["one_hot", "rolled"])
@pytest.mark.parametrize("function", ["matmul", "dot", "inner", "vecdot", "matvec", "vecmat"])
@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_matrices_of_numpy_keep_their_class(function: str, kind: str) -> None:
    a, m = KINDS[kind](numbers((4, 4), "f8")), np.matrix(numbers((4, 4), "f8", 1))
    for x, y in ((a, m), (m, a)):
        expected = getattr(np, function)(*(z if z is m else np.asarray(z) for z in (x, y)))
        result = getattr(er, function)(x, y)
        assert type(result) is type(expected)
        assert result.shape == expected.shape
        np.testing.assert_allclose(result, expected)


@pytest.mark.parametrize(
    "function", [er.matmul, er.dot, er.inner, er.vecdot, er.matvec, er.vecmat, lambda a, b: a @ b]
)
@pytest.mark.parametrize("kind", ["one_hot", "rolled"])
def test_a_plan_is_found_again(function: Any, kind: str) -> None:
    """Of structured operands none was, and each call made a plan of its own."""
    a, b = KINDS[kind](numbers((40, 40), "f8")), numbers((40, 40), "f8", 1)
    function(a, b)
    plans = er.cache_info()["plans"]
    function(a, b)
    assert er.cache_info()["plans"] == plans
    with er.record() as recording:
        function(a, b)
        function(a, b)
    assert recording.records[-1].cache == "hit"


class Own(np.ndarray):
    """A subclass that leaves NumPy's functions as they are."""


@pytest.mark.parametrize("function", [np.outer, np.vdot, np.kron])
def test_subclasses_beside_structured_operands_written_out(function: Any) -> None:
    x, r = np.arange(6.0).reshape(2, 3).view(Own), er.rolled(np.arange(3.0), 2)
    np.testing.assert_array_equal(function(x, r), function(x, np.asarray(r)))


@pytest.mark.parametrize("function", [er.dot, er.outer])
def test_a_tuple_of_out_is_for_ufuncs(function: Any) -> None:
    r = er.one_hot(np.array([1]), 3)[0] if function is er.outer else er.rolled(np.ones(3), 3)
    with pytest.raises(TypeError):
        function(sp.coo_array(np.ones(3)), r, out=(np.empty(3),))
    with pytest.raises(TypeError):
        function(er.rolled(np.ones(3), 3), np.ones(3), out=(np.empty(3),))


class Ducky:
    """An array of nobody's that has its say in NumPy's functions."""

    shape, ndim, dtype = (3, 3), 2, np.dtype(float)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> str:
        return f"Ducky's {function.__name__}"


@pytest.mark.parametrize("name", ["dot", "inner", "vdot", "outer"])
def test_a_class_of_nobody_s_answers_beside_a_kind_that_numpy_knows(name: str) -> None:
    x = sparse.COO.from_numpy(np.eye(3))
    assert getattr(er, name)(Ducky(), x) == getattr(np, name)(Ducky(), x) == f"Ducky's {name}"
    try:
        expected = getattr(np, name)(x, Ducky())
    except AttributeError:  # pydata/sparse is asked first, and takes it for an array
        with pytest.raises(AttributeError):
            getattr(er, name)(x, Ducky())
    else:
        assert getattr(er, name)(x, Ducky()) == expected
