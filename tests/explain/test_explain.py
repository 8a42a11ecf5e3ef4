"""What `explain` says, and that it is what happens."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
import sparse

import einroute.scipy.linalg as scipys
from einroute._explain.text import text as text_of
from einroute._explain.text import width_of
from tests.helpers import ER, forcing, in_one_line
from tests.processes import printed
from tests.stand_ins import Facts


class Duck:
    shape = (2, 2)
    ndim = 2
    dtype = np.dtype(float)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return NotImplemented


A = np.ones((100, 100))
ONE_PASS = ER.explain("i,i,i->", *(np.ones(5000),) * 3).routes == ("dense.one_pass",)
#: What does an outer product, and sums of products of integers.
PRODUCT, SUM = ("dense.one_pass",) * 2 if ONE_PASS else ("dense.multiply", "numpy.einsum")
SCIPY = tuple(int(part) for part in scipy.__version__.split(".")[:2])


@pytest.mark.parametrize(
    ("args", "kwargs", "reason"),
    [
        (("ij->ji", A), {}, "a view of the operand"),
        (("ii->i", A), {"optimize": True}, "a view of the operand"),
        (("ij,jk->ik", A.astype(object), A), {}, "dtype object"),
        (("ij,jk->ik", Duck(), np.ones((2, 2))), {}, "operand 0 is of type Duck"),
        (("ij,jk->ik", np.ones((2, 2)), Duck()), {}, "operand 1 is of type Duck"),
        (("ij->j", A), {"out": np.ones(100).view(np.matrix)}, "out is of type matrix"),
        (("ij,jk->ik", A, A), {"out": np.ones((100, 100), "f4"), "optimize": True}, "out of dtype float32"),
        (("ij,jk,kl->il", A, A, A), {"order": "A", "optimize": True}, "order 'A'"),
        (("ij,jk->ik", A, A), {"optimize": ["einsum_path", (0,), (0, 1)]}, "given path"),
    ],
)
def test_why_a_call_is_numpys_own(args: tuple[Any, ...], kwargs: dict[str, Any], reason: str) -> None:
    explained = ER.explain(*args, **kwargs)
    assert explained.plan is None
    assert reason in explained.reason
    assert explained.routes == ("numpy.einsum",)
    assert reason in str(explained)


def test_tensordots_reason() -> None:
    explained = ER.explain(ER.tensordot, A.astype(object), A, 1)
    assert explained.routes == ("numpy.tensordot",)
    assert "dtype object" in str(explained)


def test_the_routes_explained_are_those_that_run() -> None:
    for args, kwargs in (
        (("ij,jk->ik", A, A), {}),
        (("ij,jk,kl->il", A, A, A[:, :3]), {"optimize": True}),
        (("ij,ij->i", A, A), {"order": "F"}),
        (("ij,jk->ik", A.T, A), {"out": np.empty((100, 100))}),
    ):
        with forcing(None) as ran:
            explained = ER.explain(*args, **kwargs)
            ER.einsum(*args, **kwargs)
        assert list(dict.fromkeys(ran)) == list(dict.fromkeys(explained.routes))


def test_tiny_calls_say_who_answers_first() -> None:
    a, text = np.ones((3, 3)), "ij,jk->ik"
    b = np.ones((3, 3), np.float32)  # of another dtype: the compiled core leaves such calls to be tried
    assert "the first 64 or so such calls, then this plan" in in_one_line(ER.explain(text, a, b))
    assert "the first 64 or so such calls, then this plan" in in_one_line(ER.explain(text, a.T, b))
    for explained in (
        ER.explain(text, a, b, casting="safe"),
        ER.explain(text, a, b, order="C"),
        ER.explain(text, a, b, out=np.empty((3, 3))),
        ER.explain("ij,jk,kl->il", a.T, a, b),
    ):
        assert "this plan is not used" in in_one_line(explained)
    for explained in (
        ER.explain(text, a, a, optimize=True),
        ER.explain(text, A, A),
        ER.explain(text, np.ones((0, 3)), a),
        ER.explain(ER.tensordot, a, a, 1),
    ):
        assert explained.tiny == ""
        assert "tiny" not in str(explained)
    with forcing(None):
        assert "tiny" not in in_one_line(ER.explain(text, a, a))


INTS = np.arange(250_000).reshape(500, 500)
CSR = scipy.sparse.csr_array(np.eye(100))

PRODUCTS: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
    (ER.dot, (A, A), {}),
    (ER.dot, (A, A[0]), {}),
    (ER.dot, (A, 2.0), {}),
    (ER.dot, (INTS, INTS), {}),
    (ER.dot, (CSR, A), {}),
    (ER.dot, (), {"a": A, "b": A}),
    (ER.dot, (INTS, INTS, np.empty_like(INTS)), {}),
    (ER.matmul, (A, A), {}),
    (ER.matmul, (np.ones((3, 2, 4)), np.ones((4, 5))), {}),
    (ER.matmul, (INTS[None], INTS), {}),
    (ER.matmul, (INTS, INTS), {"out": np.empty_like(INTS)}),
    (ER.matmul, (A, A), {"axes": [(0, 1), (0, 1), (0, 1)]}),
    (ER.matmul, (A, CSR), {}),
    (ER.inner, (A, A), {}),
    (ER.inner, (INTS, INTS), {}),
    (ER.inner, (CSR, A), {}),
    (ER.vdot, (A, A), {}),
    (ER.vecdot, (A, A), {}),
    (ER.vecdot, (A, A), {"axis": 0}),
    (ER.matvec, (A, A), {}),
    (ER.matvec, (A[:9, :9], A[0, :9]), {}),
    (ER.matvec, (INTS, INTS), {}),
    (ER.matvec, (A[None], A), {"axes": [(0, 2), 1, 0]}),
    (ER.matvec, (A, CSR), {}),
    (ER.vecmat, (A, A), {}),
    (ER.vecmat, (A.T + 1j, A * 1j), {}),
    (ER.vecmat, (A[0] + 1j, np.ones((100, 400)) * 1j), {}),
    (ER.vecmat, (A[0], INTS[:100]), {}),
    (ER.linalg.matrix_power, (A, 3), {}),
    (ER.linalg.matrix_power, (INTS, 2), {}),
    (ER.linalg.matrix_power, (A + np.eye(100), -1), {}),
    (ER.linalg.matrix_power, (A.astype(int), 3), {}),
    (ER.linalg.matrix_power, (CSR, 2), {}),
    (ER.outer, (A[0], A[0]), {}),
    (ER.outer, (INTS[:2], INTS[:2]), {}),
    (ER.outer, (A, A, np.empty((10_000, 10_000))), {}),
    (ER.linalg.matmul, (A, A), {}),
    (ER.linalg.matmul, (INTS, INTS), {}),
    (ER.linalg.outer, (A[0], A[0]), {}),
    (ER.linalg.vecdot, (A, A), {"axis": 0}),
    (ER.linalg.tensordot, (A, A), {"axes": 1}),
    (ER.linalg.tensordot, (CSR, A), {"axes": 1}),
    (ER.linalg.multi_dot, ([A, A, A[0]],), {}),
    (ER.linalg.multi_dot, ([A, A],), {}),
    (ER.tensordot, (A, CSR), {"axes": 1}),
]


@pytest.mark.parametrize(("function", "args", "kwargs"), PRODUCTS)
def test_products_take_the_routes_explained(function: Any, args: Any, kwargs: Any) -> None:
    explained = ER.explain(function, *args, **kwargs)
    with ER.record() as r:
        function(*args, **kwargs)
    first = [step.gave_up[0][0] if step.gave_up else step.route for step in r.records[0].steps]
    assert list(explained.routes) == first
    assert explained.function == r.records[0].function
    assert explained.seconds is None or explained.seconds > 0


@pytest.mark.parametrize(
    ("function", "args", "route"),
    [
        (ER.dot, (Facts(200, 300), Facts(300, 20)), "numpy.dot"),
        (ER.dot, (Facts(2000, 3000, dtype=int), Facts(3000, 20, dtype=int)), "dense.integer_matmul"),
        (ER.matmul, (Facts(10**6, 10**6), Facts(10**6, 10**6)), "numpy.matmul"),
        (ER.matmul, (Facts(8, 500, 500, dtype=int), Facts(500, 500, dtype=int)), "dense.integer_matmul"),
        (ER.matvec, (Facts(10**6, 10**6), Facts(10**6)), "numpy.matvec"),
        (ER.matvec, (Facts(100, 100), Facts(10**6, 100)), "dense.matmul"),
        (ER.vecmat, (Facts(10**6, 100, dtype=complex), Facts(100, 100, dtype=complex)), "dense.matmul"),
        (ER.linalg.matrix_power, (Facts(500, 500), 3), "numpy.linalg.matrix_power"),
        (ER.outer, (Facts(10**5), Facts(10**5)), PRODUCT),
        (ER.vdot, (Facts(10**9), Facts(10**9)), "numpy.vdot"),
        (ER.tensordot, (Facts(30, 40, 50), Facts(50, 60), 1), "dense.matmul"),
        (ER.linalg.multi_dot, ([Facts(500, 600), Facts(600, 700), Facts(700)],), "dense.matmul"),
        (ER.lstsq, (Facts(100, 20), Facts(100)), "numpy.linalg.lstsq"),
        (ER.linalg.solve, (Facts(100, 100), Facts(100)), "numpy.linalg.solve"),
        (ER.linalg.inv, (Facts(100, 100),), "numpy.linalg.inv"),
        (ER.linalg.pinv, (Facts(100, 100),), "numpy.linalg.pinv"),
    ],
)
def test_anything_with_shape_and_dtype_stands_for_an_operand(function: Any, args: Any, route: str) -> None:
    explained = ER.explain(function, *args)
    assert set(explained.routes) == {route}
    assert {op.kind for op in explained.outline.operands} <= {"dense", "Facts"}
    assert explained.seconds is not None


NINE, MANY = Facts(9, 9), Facts(600, 9)


@pytest.mark.parametrize(
    ("function", "args", "route"),
    [
        (ER.matvec, (NINE, MANY), "dense.matmul"),
        (ER.vecmat, (MANY, NINE), "dense.matmul"),
        (ER.matvec, (Facts(20, 1, 9, 9), Facts(20, 30, 9)), "dense.matmul"),
        (ER.matvec, (NINE, Facts(9)), "numpy.matvec"),
        (ER.matvec, (NINE, Facts(7, 9)), "numpy.matvec"),
        (ER.matvec, (Facts(600, 9, 9), MANY), "numpy.matvec"),
        (ER.vecmat, (Facts(9), Facts(600, 9, 9)), "numpy.vecmat"),
        (ER.matvec, (Facts(600, 600, dtype=int), Facts(600, dtype=int)), SUM),
        (ER.matvec, (Facts(600, 600, dtype=bool), Facts(600, dtype=bool)), "numpy.matvec"),
        (ER.vecmat, (Facts(300, dtype=complex), Facts(300, 300, dtype=complex)), "dense.matmul"),
        (ER.matvec, (Facts(300, 300, dtype=complex), Facts(300, dtype=complex)), "numpy.matvec"),
    ],
)
def test_many_vectors_are_a_product_of_matrices(function: Any, args: Any, route: str) -> None:
    """Where NumPy's way, vector by vector, is the right one, the call stays its own."""
    with ER.config(forbid="dense.small"):
        assert ER.explain(function, *args).routes == (route,)


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (ER.dot, (A, A[:3])),
        (ER.matmul, (A, A[:3])),
        (ER.matmul, (A, 2.0)),
        (ER.inner, (A, A[:, :3])),
        (ER.vdot, (A, A[:3])),
        (ER.vecdot, (A, A[:, :3])),
        (ER.tensordot, (A, A[:3], 1)),
    ],
)
def test_shapes_that_do_not_fit(function: Any, args: Any) -> None:
    with pytest.raises(ValueError, match=r"3|dimensions"):
        ER.explain(function, *args)
    with pytest.raises(ValueError, match=r"."):
        function(*args)


@pytest.mark.parametrize("function", [np.sum, len, "nonsense->", 3, ER.factorize, [], object()])
def test_what_is_not_routed(function: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"function is|subscripts"):
        ER.explain(function, A, A)


@pytest.mark.parametrize("function", [ER.dot, ER.lstsq, ER.linalg.solve, ER.linalg.inv])
def test_operands_that_are_missing(function: Any) -> None:
    with pytest.raises(TypeError):
        ER.explain(function)


V = A[0]
COO = sparse.COO.from_numpy(np.eye(100))
WIDE = np.ones((100, 99))
STACK = np.ones((2, 100, 99))
FACTORS = ER.factorize(np.eye(100))

#: Calls that are refused before anything is computed, by every function that they could be meant for.
REFUSED: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
    *((function, (), {}) for function in (ER.dot, ER.lstsq, ER.linalg.solve, scipys.pinv, ER.tensordot)),
    *(
        (function, (A, A), {"bogus": 1})
        for function in (
            ER.dot, ER.matmul, ER.outer, ER.vecdot, ER.tensordot, ER.lstsq, ER.inner, ER.vdot,
            ER.linalg.matmul, ER.linalg.outer, ER.linalg.vecdot, ER.linalg.tensordot, ER.linalg.solve,
            ER.linalg.inv, ER.linalg.pinv, ER.linalg.multi_dot,
            scipys.lstsq, scipys.solve, scipys.inv, scipys.pinv,
        )
    ),
    *((function, (A, A, A, A, A, A, A, A, A), {}) for function in (ER.dot, ER.inner, ER.vdot, ER.matmul)),
    *((function, (A, A, A), {}) for function in (ER.linalg.solve, ER.linalg.outer, ER.linalg.tensordot)),
    (ER.einsum, ("ij,jk", A, A), {"bogus": 1}),
    (ER.einsum_path, ("ij,jk", A, V), {}),
    (ER.vdot, (A, V), {}),
    (ER.vdot, (CSR, V), {}),
    (ER.vdot, (ER.rolled(A, 2), A), {}),
    (ER.vecdot, (A, WIDE), {}),
    (ER.vecdot, (A[:3], A[:2]), {}),
    (ER.matvec, (A, WIDE), {}),
    (ER.matvec, (V, V), {}),
    (ER.vecmat, (V, V), {}),
    (ER.vecmat, (A[:3], STACK), {}),
    (ER.matvec, (A, V, np.empty(3)), {}),
    (ER.linalg.matrix_power, (WIDE, 2), {}),
    (ER.linalg.matrix_power, (V, 2), {}),
    (ER.linalg.matrix_power, (A, 2.0), {}),
    (ER.linalg.matrix_power, (CSR, -1), {}),
    (ER.linalg.matrix_power, (CSR, "2"), {}),
    (ER.linalg.matrix_power, (CSR[:2], 2), {}),
    (ER.outer, (CSR, A), {}),
    (ER.linalg.outer, (A, A), {}),
    (ER.linalg.vecdot, (CSR, V[:4]), {}),
    (ER.linalg.multi_dot, (CSR,), {}),
    (ER.linalg.multi_dot, ([A, np.ones((3, 5))],), {}),
    (ER.linalg.multi_dot, ([A],), {}),
    (ER.linalg.multi_dot, ([A, STACK, A],), {}),
    (ER.linalg.multi_dot, ([A, V, A],), {}),
    (ER.linalg.multi_dot, ([A, A],), {"out": np.empty(3)}),
    (ER.dot, (A, A), {"out": np.empty(3)}),
    (ER.matmul, (A, A, np.empty((3, 3))), {}),
    (ER.outer, (V, V), {"out": np.empty(3)}),
    (ER.dot, (A.astype(object), np.ones((3, 5))), {}),
    (ER.outer, (CSR, V), {"out": None}),
    (ER.linalg.outer, (CSR, V), {}),
    (ER.linalg.multi_dot, ([A, CSR, V[:4]],), {}),
    (ER.matmul, (CSR, A), {"keepdims": True}),
    (ER.vecdot, (CSR, A), {"axis": 5}),
    (ER.matmul, (CSR, A), {"axes": [(0, 1), (0,), (0, 1)]}),
    (ER.linalg.pinv, (A,), {"rcond": 1e-3, "rtol": 1e-3}),
    (scipys.lstsq, (V, V), {}),
    (scipys.inv, (V,), {}),
    (scipys.pinv, (V,), {}),
    (scipys.lstsq, (A, V), {"lapack_driver": "foo"}),
    (ER.lstsq, (A, V[:4]), {}),
    (ER.lstsq, (V, V), {}),
    (ER.lstsq, (A, 2.0), {}),
    (ER.lstsq, (A, STACK), {}),
    (ER.lstsq, (STACK, V[:4]), {}),
    (ER.lstsq, (STACK, np.ones((3, 100, 1))), {}),
    (ER.lstsq, (A.astype("e"), V), {}),
    (ER.lstsq, (CSR, V[:4]), {}),
    (ER.lstsq, (COO, V[:4]), {}),
    (ER.lstsq, (A, CSR), {}),
    (ER.lstsq, (A, COO), {}),
    (ER.lstsq, (ER.rolled(A, 2), V), {}),
    (ER.linalg.solve, (WIDE, V), {}),
    (ER.linalg.solve, (A, V[:4]), {}),
    (ER.linalg.solve, (A, 2.0), {}),
    (ER.linalg.solve, (np.stack([A, A, A]), np.stack([A, A])), {}),
    (ER.linalg.solve, (A.astype(object), V), {}),
    (ER.linalg.solve, (CSR[:50], V[:50]), {}),
    (ER.linalg.solve, (CSR, V[:4]), {}),
    (ER.linalg.solve, (A, CSR), {}),
    (ER.lstsq, (FACTORS, V[:4]), {}),
    (ER.linalg.solve, (FACTORS, V[:4]), {}),
    (ER.linalg.solve, (ER.factorize(WIDE), V), {}),
    (ER.linalg.inv, (ER.factorize(WIDE),), {}),
    (ER.lstsq, (ER.factorize(CSR), V[:4]), {}),
    (ER.linalg.inv, (WIDE,), {}),
    (ER.linalg.inv, (V,), {}),
    (ER.linalg.inv, (CSR,), {}),
    (ER.linalg.inv, (COO,), {}),
    (ER.linalg.pinv, (V,), {}),
    (ER.linalg.pinv, (A.astype("g"),), {}),
    (ER.linalg.pinv, (CSR,), {}),
    (ER.linalg.pinv, (COO,), {}),
    (scipys.lstsq, (A, V[:4]), {}),
    (scipys.lstsq, (CSR, V), {}),
    (scipys.lstsq, (A.astype(object), V), {}),
    (scipys.solve, (A, V[:4]), {}),
    (scipys.solve, (WIDE, V), {}),
    (scipys.solve, (A, CSR), {}),
    (scipys.inv, (WIDE,), {}),
    (scipys.inv, (CSR,), {}),
    (scipys.pinv, (CSR,), {}),
]  # fmt: skip


@pytest.mark.parametrize(("function", "args", "kwargs"), REFUSED)
def test_what_a_function_refuses_is_not_explained(function: Any, args: Any, kwargs: Any) -> None:
    with pytest.raises((TypeError, ValueError, np.linalg.LinAlgError)) as call:
        function(*args, **kwargs)
    with pytest.raises((TypeError, ValueError, np.linalg.LinAlgError)) as asked:
        ER.explain(function, *args, **kwargs)
    assert isinstance(asked.value, TypeError) == isinstance(call.value, TypeError)
    assert isinstance(asked.value, np.linalg.LinAlgError) == isinstance(call.value, np.linalg.LinAlgError)
    message = str(asked.value)
    assert "_lstsq()" not in message  # no name that is none of the user's
    assert "understand_" not in message


class Elsewhere(Duck):
    shape = "unknown"

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return "theirs"

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return "theirs"


@pytest.mark.parametrize(
    ("function", "args", "route"),
    [
        (ER.vecdot, (V, Elsewhere()), "numpy.vecdot"),
        (ER.dot, (A, FACTORS), "numpy.dot"),
        (ER.einsum, ("ij,jk", A, FACTORS), "numpy.einsum"),
        (scipys.pinv, (FACTORS,), "scipy.linalg.pinv"),
        (scipys.solve, ([[2.0]], A), "scipy.linalg.solve"),
        pytest.param(
            scipys.lstsq,
            (A, np.stack([A, A])),
            "scipy.linalg.lstsq",
            marks=pytest.mark.skipif(SCIPY < (1, 17), reason="SciPy's lstsq takes stacks since 1.17"),
        ),
    ],
)
def test_what_a_function_takes_is_explained(function: Any, args: Any, route: str) -> None:
    ER.cache_clear()
    explained = ER.explain(function, *args)
    with ER.record() as r:
        function(*args)
    assert explained.routes == r.records[0].routes == (route,)


def test_paths_whatever_is_allowed() -> None:
    narrow = {"allow": ["dense.reduce"]}, {"forbid": ["dense.matmul", "numpy.einsum"]}, {"strict": True}
    for options in narrow:
        with ER.config(**options):
            assert ER.einsum_path("ij,jk", A, A.astype(object))
            assert ER.explain(ER.einsum_path, "ij,jk", A, A.astype(object)).routes == ("numpy.einsum_path",)


def test_labels_that_nobody_wrote_are_readable() -> None:
    with ER.config(allow=["dense.reduce"]):
        with pytest.raises(ER.NoRoute, match="'ab,bd->ad'"):
            ER.tensordot(A, A, 1)
        with pytest.raises(ER.NoRoute, match="'ij,jk->ik'"):
            ER.einsum("ij,jk->ik", A, A)


@pytest.mark.parametrize(
    ("shape", "dtype", "error", "says"),
    [
        ("ab", float, TypeError, "operand of type Given has shape 'ab', expected sizes"),
        ((-1, 3), float, ValueError, "negative dimensions"),
        ((2**62, 2**62), float, ValueError, "operand of type Given has shape"),
        ((3, 3), "nonsense", TypeError, "dtype 'nonsense', expected one of NumPy's"),
    ],
)
@pytest.mark.parametrize("function", [ER.dot, ER.tensordot, ER.linalg.inv, scipys.inv, ER.linalg.multi_dot])
def test_stand_ins_that_make_no_sense(function: Any, shape: Any, dtype: Any, error: Any, says: str) -> None:
    class Given:
        pass

    one: Any = Given()
    one.shape, one.dtype = shape, dtype
    args = ([one, one, one],) if function is ER.linalg.multi_dot else (one, one)
    if function in {ER.linalg.inv, scipys.inv}:
        args = (one,)
    with pytest.raises(error, match=says):
        ER.explain(function, *args)


def test_large_stand_ins_where_subscripts_are_forgotten() -> None:
    for huge in (Facts(10**9, 10**9), Facts(10**12)):  # as a list it would not fit into memory
        with pytest.raises(TypeError, match=r"the sublist of operand 0 .*subscripts go before the operands"):
            ER.explain(ER.einsum, huge, huge)


def test_paths_are_numpys() -> None:
    explained = ER.explain(ER.einsum_path, "ij,jk->ik", A, A)
    assert explained.routes == ("numpy.einsum_path",)
    assert explained.outline.subscripts == "ij,jk->ik"
    assert "explain(einsum, ...)" in str(explained)


def test_structured_operands_show_what_they_hand_on() -> None:
    one_hot = ER.one_hot(np.arange(5000) % 7, 7)
    explained = ER.explain("tr,tc->rc", one_hot, Facts(5000, 30), verbose=True)
    assert explained.routes[0].startswith("one_hot.")
    assert explained.outline.operands[0].kind == "one_hot"
    assert "not one_hot." in str(explained)
    assert all(route in str(explained) for route in explained.routes)
    assert explained.svg()


def test_routed_operands_are_arrays() -> None:
    a = ER.routed(A)
    for function, args in (
        (ER.einsum, ("ij,jk->ik", a, a)),
        (ER.dot, (a, A)),
        (ER.tensordot, (A, a, 1)),
        (ER.lstsq, (a, a[0])),
        (ER.linalg.multi_dot, ([a, a, a[0]],)),
    ):
        explained = ER.explain(function, *args)
        with ER.record() as r:
            function(*args)
        assert explained.routes == r.records[0].routes
        assert "RoutedArray" not in str(explained) + str(r)


def test_numpys_functions_while_ours_are_in_their_place() -> None:
    with ER.override():
        assert ER.explain(np.einsum, "ij,jk->ik", A, A).routes == ("dense.matmul",)
        assert ER.explain(np.linalg.inv, A).function == "linalg.inv"


@pytest.mark.parametrize(
    ("mirrored", "args", "name"),
    [
        (np.einsum, ("ij,jk->ik", A, A), "einsum"),
        (np.dot, (A, A), "dot"),
        (np.matmul, (A, A), "matmul"),
        (np.linalg.matmul, (A, A), "linalg.matmul"),
        (np.linalg.inv, (A,), "linalg.inv"),
        (scipy.linalg.inv, (A,), "scipy.linalg.inv"),
    ],
)
def test_functions_that_are_mirrored_mean_ours(mirrored: Any, args: Any, name: str) -> None:
    assert ER.explain(mirrored, *args).function == name


class TestForms:
    @pytest.mark.parametrize(("function", "args", "kwargs"), PRODUCTS[:8])
    def test_a_dictionary_is_json(self, function: Any, args: Any, kwargs: Any) -> None:
        told = ER.explain(function, *args, **kwargs).to_dict()
        assert json.loads(json.dumps(told)) == told
        assert told["routes"]
        assert [step["route"] for step in told["steps"]]

    def test_a_dictionary_holds_all_that_is_printed(self) -> None:
        explained = ER.explain("ij,jk,kl->il", A, A, A[:, :3])
        told = explained.to_dict()
        assert told["function"] == "einsum"
        assert told["subscripts"] == "ij,jk,kl->il"
        assert told["routes"] == list(explained.routes)
        assert told["seconds"] == explained.seconds
        first = told["steps"][0]
        assert first["takes"] == [1, 2]
        assert ["dense.zeros", "no dimension has length 0"] in first["refused"]
        assert told["steps"][1]["takes"] == [0, 3]
        assert told["steps"][1]["result"]["shape"] == [100, 3]

    def test_show_prints_the_text_where_there_is_no_terminal(self, capsys: Any) -> None:
        explained = ER.explain("ij,jk->ik", A, A)
        explained.show()
        assert capsys.readouterr().out == f"{explained}\n"
        stream = io.StringIO()
        explained.show(stream)
        assert stream.getvalue() == f"{explained}\n"

    def test_show_prints_a_table_to_a_terminal(self) -> None:
        pytest.importorskip("rich")
        stream = Terminal()
        ER.explain("ij,jk,kl->il", A, A, CSR).show(stream)
        text = stream.getvalue()
        assert "┃" in text or "│" in text
        assert "sparse.scipy" in text
        with ER.record() as r:
            ER.einsum("ij,jk->ik", A, A)
        stream = Terminal()
        r.show(stream)
        assert "dense.matmul" in stream.getvalue()

    def test_rich_is_not_looked_for_elsewhere(self) -> None:
        code = (
            "import sys, numpy as np, einroute as er\n"
            "e = er.explain('ij,jk->ik', np.ones((50, 50)), np.ones((50, 50)))\n"
            "str(e); e.show(); e.svg(); e._repr_html_(); e.to_dict()\n"
            "with er.record() as r: er.einsum('ij,jk->ik', np.ones((50, 50)), np.ones((50, 50)))\n"
            "r.show(); r._repr_html_()\n"
            "print('rich' in sys.modules)\n"
        )
        assert printed(code).splitlines()[-1] == "False"

    def test_without_rich_a_terminal_gets_the_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("einroute._explain.terminal.find_spec", lambda name: None)
        stream = Terminal()
        explained = ER.explain("ij,jk->ik", A, A)
        explained.show(stream)
        assert stream.getvalue() == f"{explained}\n"

    def test_html_is_whole_and_brings_nothing_from_outside(self) -> None:
        html = ER.explain("ij,jk,kl->il", A, A, CSR)._repr_html_()
        parser = Balanced()
        parser.feed(html)
        assert parser.open == []
        assert "script" not in parser.seen
        assert not parser.seen & {"link", "img", "iframe", "object"}
        assert "url(" not in html
        assert "<svg" in html

    def test_names_are_escaped(self) -> None:
        odd = type("<img src=x onerror=alert(1)>&\"'", (Duck,), {})()
        explained = ER.explain("ij,jk->ik", odd, np.ones((2, 2)))
        for text in (explained._repr_html_(), explained.svg()):
            assert "<img" not in text
            assert "&lt;img" in text
        ElementTree.fromstring(explained.svg())

    def test_pictures_are_files(self, tmp_path: Path) -> None:
        explained = ER.explain("ij,jk->ik", A, A)
        explained.picture(tmp_path / "plan.svg")
        assert (tmp_path / "plan.svg").read_text(encoding="utf-8") == explained.svg()
        explained.picture(str(tmp_path / "plan.HTML"))
        page = (tmp_path / "plan.HTML").read_text(encoding="utf-8")
        assert page.startswith("<!doctype html>")
        assert explained._repr_html_() in page
        with pytest.raises(OSError, match="absent"):
            explained.picture(tmp_path / "absent" / "plan.svg")
        with pytest.raises(ValueError, match=r"path is '.*plan\.png', expected a name that ends in \.svg or"):
            explained.picture(tmp_path / "plan.png")
        assert not (tmp_path / "plan.png").exists()

    def test_short_says_a_step_a_line_and_verbose_all(self) -> None:
        short = ER.explain("ij,jk->ik", A, A)
        whole = ER.explain("ij,jk->ik", A, A, verbose=True)
        step = short.outline.steps[0]
        assert len(str(short).splitlines()) < len(str(whole).splitlines())
        assert f"step 1: ij,jk->ik by {step.route}, about " in in_one_line(short)
        assert "dense.half_matmul" not in str(short)
        for route, reason in step.refused:
            assert f"not {route}: {reason}" in in_one_line(whole)
        assert str(replace(short, verbose=True)) == str(whole)
        assert short.outline == whole.outline

    def test_a_prompt_shows_the_text(self) -> None:
        explained = ER.explain("ij,jk->ik", A, A)
        assert repr(explained) == str(explained)

    def test_show_can_be_asked_for_all(self) -> None:
        explained = ER.explain("ij,jk->ik", A, A)
        for verbose in (False, True):
            stream = io.StringIO()
            explained.show(stream, verbose=verbose)
            assert stream.getvalue() == f"{replace(explained, verbose=verbose)}\n"
        table = Terminal()
        explained.show(table, verbose=True)
        assert ("not float16" in table.getvalue()) == ("not float16" in str(replace(explained, verbose=True)))

    @pytest.mark.parametrize("columns", [40, 80, 200])
    def test_it_is_as_wide_as_the_terminal(self, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("einroute._explain.explanation.width_of", lambda: columns)
        explained = ER.explain("ij,jk,kl->il", A, A, CSR, verbose=True)
        lines = str(explained).splitlines()
        assert max(map(len, lines)) <= columns
        assert in_one_line(explained) == in_one_line(text_of(explained.outline, True, 10**6))

    def test_without_a_terminal_there_are_80_columns(self) -> None:
        assert width_of(io.StringIO()) == 80
        closed = io.StringIO()
        closed.close()
        assert width_of(closed) == 80


def test_text_html_and_table_name_the_same_work() -> None:
    explained = ER.explain("ij,jk,kl->il", A, A, A[:, :3])
    work = str(explained).splitlines()[1].strip()
    assert "products; sizes i=" in work
    assert work in explained._repr_html_()
    if find_spec("rich"):
        stream = Terminal()
        explained.show(stream)
        assert "products; sizes i=" in " ".join(stream.getvalue().split())


@pytest.mark.parametrize(
    ("name", "function", "args"),
    [
        ("lstsq", ER.lstsq, (A, A[0])),
        ("linalg.solve", ER.linalg.solve, (A, A[0])),
        ("solve", ER.linalg.solve, (A, A[0])),
        ("dot", ER.dot, (A, A)),
        ("tensordot", ER.tensordot, (A, A)),
        ("linalg.matmul", ER.linalg.matmul, (A, A)),
        ("multi_dot", ER.linalg.multi_dot, ([A, A, A],)),
        ("einsum", ER.einsum, ("ij->ji", A)),
        ("scipy.linalg.pinv", "scipy.linalg.pinv", (A,)),
    ],
)
def test_functions_can_be_named(name: str, function: Any, args: tuple[Any, ...]) -> None:
    explained = ER.explain(name, *args)
    assert explained.function.removeprefix("linalg.") == name.removeprefix("linalg.")
    if not isinstance(function, str):
        assert explained.to_dict() == ER.explain(function, *args).to_dict()


def test_a_name_that_is_subscripts_of_the_operand_means_subscripts() -> None:
    assert ER.explain("dot", np.ones((2, 3, 4))).function == "einsum"
    assert ER.explain("inv", A).function == "linalg.inv"


@pytest.mark.parametrize("name", ["linalg.qr", "scipy.linalg.absent", "lstsqs", "numpy.dott"])
def test_other_names_are_refused_as_names(name: str) -> None:
    with pytest.raises(ValueError, match=rf"'{name}' is neither subscripts for 2 operands nor the name of a"):
        ER.explain(name, A, A[0])


def test_a_mistyped_name_is_answered_by_the_right_one() -> None:
    with pytest.raises(ValueError, match="did you mean 'lstsq'"):
        ER.explain("lstsqs", A, A[0])
    with pytest.raises(ValueError, match="'ijk' names 3 dimensions"):  # one operand has one term
        ER.explain("ijk", A)


def test_multi_dot_is_named_with_arrays_of_several_shapes() -> None:
    arrays = [np.ones((2, 3)), np.ones((3, 4)), np.ones(4)]
    assert ER.explain("multi_dot", arrays).routes == ER.explain(ER.linalg.multi_dot, arrays).routes


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


class Balanced(HTMLParser):
    """Which elements were opened and not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


ROLLED = ER.rolled(V, 3)
READ_ONLY = np.zeros((5, 5))
READ_ONLY.flags.writeable = False
#: Calls of products that NumPy refuses, or answers, where an option says so and not shapes alone.
SETTLED_BY_OPTIONS: list[tuple[Any, tuple[Any, ...], dict[str, Any]]] = [
    (ER.matmul, (A, A), {"dtype": bool}),
    (ER.matmul, (A, A), {"casting": "no", "dtype": "f4"}),
    (ER.matmul, (A, A), {"axes": [0, 0]}),
    (ER.matmul, (A, A), {"keepdims": True}),
    (ER.matmul, (A, A), {"out": np.zeros((5, 5), int)}),
    (ER.matmul, (A, A), {"out": READ_ONLY}),
    (ER.matmul, (A, A), {"out": CSR}),
    (ER.matmul, (A, A), {"dtype": "f4"}),
    (ER.matmul, (A, [[1.0] * len(A)] * len(A)), {"dtype": "c16"}),
    (ER.vecdot, (A, A), {"axis": 5}),
    (ER.vecdot, (A, A), {"axis": 0}),
    (ER.vecdot, (A, A), {"keepdims": True}),
    (ER.vecdot, (A[:3], A), {"axis": 0}),
    (ER.dot, (A, A), {"out": [1, 2]}),
    (ER.dot, (A, A), {"out": np.zeros(A.shape, "f4")}),
    (ER.outer, (A, V[:2]), {"out": np.zeros((A.size, 2))}),
    (ER.outer, (A, V[:2]), {"out": np.zeros((A.size, 3))}),
    (ER.vdot, (A[:2], A[:, :2]), {}),
    (ER.tensordot, (A, V), {}),
    (ER.tensordot, (A, V), {"axes": ([0, 2], [0, 1])}),
    (ER.linalg.tensordot, (A, V), {"axes": 2}),
    (ER.tensordot, (ROLLED, V), {"axes": 2}),
    (ER.matmul, (ROLLED, V[:3]), {"dtype": bool}),
    (ER.matmul, (ROLLED, V[:2]), {"axes": [0, 0]}),
    (ER.vecdot, (ROLLED, V[:3]), {"keepdims": True}),
    (ER.vecdot, (ROLLED, V[:3]), {"axes": [(0, 1), (0,), ()]}),
    (ER.matmul, (ROLLED, np.ones((3, 2))), {"out": np.zeros((len(V), 2)).view(np.memmap)}),
    (ER.matmul, (CSR, np.ones(CSR.shape[1])), {"keepdims": True}),
    (ER.linalg.multi_dot, ([ROLLED, np.ones((3, 2))],), {"out": np.zeros((len(V), 2))}),
    (ER.linalg.multi_dot, ([ROLLED, np.ones((3, 2))],), {"out": np.zeros((len(V), 3))}),
    (ER.linalg.multi_dot, ([A.astype(object)],), {}),
    (ER.einsum, ("ii->i", A), {"optimize": ["einsum_path"]}),
    (ER.einsum, ("ij,jk->ik", A, A), {"optimize": ["einsum_path", (0, 3)]}),
    (ER.einsum, ("ij,jk->ik", A, A), {"out": np.zeros((5, 5), int)}),
    (ER.einsum, ("ij,jk->ik", A, A), {"dtype": "f4"}),
    (ER.einsum, ("ij->k", A), {}),
    (ER.linalg.matrix_power, (WIDE.astype(object), 2), {}),
    (ER.lstsq, (CSR, V), {"rcond": "x"}),
    (ER.lstsq, (CSR, V), {"rcond": [0.1]}),
    (ER.lstsq, (ROLLED, V[:1]), {}),
    (ER.linalg.pinv, (A.astype(int),), {"rtol": None}),
    (scipys.pinv, (2.0,), {}),
    (scipys.pinv, (A,), {"atol": -1}),
    (scipys.pinv, (COO,), {}),
    (scipys.inv, (ROLLED,), {}),
    (scipys.solve, (ROLLED, V), {}),
    (scipys.lstsq, (V, A), {}),
]  # fmt: skip


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(("function", "args", "kwargs"), SETTLED_BY_OPTIONS)
def test_options_are_refused_as_the_call_refuses_them(
    function: Any, args: Any, kwargs: Any, strict: bool
) -> None:
    def outcome(call: Any) -> type | None:
        try:
            call()
        except Exception as error:
            return type(error) if type(error).__module__ != "numpy._core._exceptions" else TypeError
        return None

    with ER.config(strict=strict):
        assert outcome(lambda: ER.explain(function, *args, **kwargs)) == outcome(
            lambda: function(*args, **kwargs)
        )
