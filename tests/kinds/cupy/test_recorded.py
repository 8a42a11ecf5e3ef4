"""Contractions of CuPy's arrays, by a module that records in CuPy's place: which calls are made."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pytest

import einroute as er
import einroute.scipy.linalg
from tests.helpers import EXPRESSIONS, make
from tests.kinds import beside_numpys
from tests.kinds.cupy import recorder
from tests.kinds.cupy.helpers import REAL, library

if REAL:
    pytest.skip("CuPy itself is here: test_device.py", allow_module_level=True)


@pytest.fixture(autouse=True)
def cupy() -> Iterator[Any]:
    with library() as module:
        yield module


def on_device(*arrays: Any, device: int = 0) -> list[Any]:
    return [recorder.ndarray(x, device) for x in arrays]


@pytest.mark.parametrize("dtype", ["?", "i1", "i4", "u8", "f2", "f4", "f8", "D"])
def test_einsum_agrees_with_numpy_and_copies_nothing_to_the_host(dtype: str) -> None:
    for subscripts in EXPRESSIONS:
        arrays = make(subscripts, dtype)
        expected = np.asarray(np.einsum(subscripts, *arrays))
        got = recorder.values(er.einsum(subscripts, *on_device(*arrays)))
        assert (got.shape, got.dtype) == (expected.shape, expected.dtype), subscripts
        np.testing.assert_allclose(got, expected, err_msg=subscripts, rtol=1e-2 if dtype == "f2" else 1e-6)
    assert "from host" not in recorder.CALLS


@pytest.mark.parametrize(
    ("subscripts", "calls"),
    [
        ("ij,jk->ik", ["matmul"]),
        ("ji,jk->ik", ["transpose", "matmul"]),
        ("ij,jk->ki", ["matmul", "transpose"]),
        ("ij->j", ["sum"]),
        ("ij->ji", ["transpose"]),
        ("ii->i", ["diagonal", "transpose"]),
        ("i,j->ij", ["reshape", "multiply"]),
    ],
)
def test_the_calls_made(subscripts: str, calls: list[str]) -> None:
    sizes = {"i": 30, "j": 40, "k": 50, "l": 60}
    arrays = [
        np.ones([30 if "ii" in t else sizes[c] for c in t]) for t in subscripts.partition("->")[0].split(",")
    ]
    er.einsum(subscripts, *on_device(*arrays))
    made = list(recorder.CALLS)
    assert made == calls


def test_a_chain_is_products_of_matrices() -> None:
    er.einsum("ij,jk,kl->il", *on_device(np.ones((30, 40)), np.ones((40, 50)), np.ones((50, 60))))
    assert recorder.CALLS.count("matmul") == 2
    assert set(recorder.CALLS) <= {"matmul", "transpose"}


def test_products_stay_on_the_device() -> None:
    a, b, v = np.arange(12.0).reshape(3, 4), np.arange(20.0).reshape(4, 5), np.arange(4.0)
    x, y, w = on_device(a, b, v)
    for name, ours, numpys in (
        ("dot", (x, y), (a, b)), ("matmul", (x, y), (a, b)), ("inner", (x, x), (a, a)),
        ("outer", (x, w), (a, v)),
        ("vdot", (w, w), (v, v)),
        ("vecdot", (x, w), (a, v)), ("matvec", (x, w), (a, v)),
        ("tensordot", (x, y, 1), (a, b, 1)),
    ):  # fmt: skip
        np.testing.assert_allclose(recorder.values(getattr(er, name)(*ours)), getattr(np, name)(*numpys))
    assert "from host" not in recorder.CALLS


def test_numpys_arrays_join_on_the_device() -> None:
    a, b = np.arange(12, dtype="i4").reshape(3, 4), np.ones((4, 5), "f4")
    for places in product([False, True], repeat=2):
        if all(places):
            continue
        operands = [x if host else on_device(x, device=1)[0] for x, host in zip((a, b), places, strict=True)]
        got = er.einsum("ij,jk->ik", *operands)
        assert got.device.id == 1
        np.testing.assert_array_equal(recorder.values(got), a @ b)


def test_two_devices_are_refused() -> None:
    (a,), (b,) = on_device(np.ones((2, 2))), on_device(np.ones((2, 2)), device=1)
    with pytest.raises(TypeError, match=r"operand 0 is on device 0 and operand 1 on 1.*move one"):
        er.matmul(a, b)
    assert recorder.CALLS == []


@pytest.mark.parametrize("name", ["jax.numpy", "torch"])
def test_arrays_of_two_libraries_are_refused(name: str) -> None:
    other: Any = pytest.importorskip(name).ones((2, 2))
    (a,) = on_device(np.ones((2, 2)))
    library_of = name.partition(".")[0]
    for operands, said in (((a, other), ("cupy", library_of)), ((other, a), (library_of, "cupy"))):
        named = "operand 0 is of {} and operand 1 of {}.*convert one".format(*said)
        with pytest.raises(TypeError, match=named):
            er.matmul(*operands)
        with pytest.raises(TypeError, match="do not mix"):
            er.linalg.solve(*operands)
    assert recorder.CALLS == []


def test_out_is_refused_before_any_work() -> None:
    a, b = on_device(np.ones((2, 2)), np.ones((2, 2)))
    for out in (np.zeros((2, 2)), on_device(np.zeros((2, 2)))[0]):
        with pytest.raises(TypeError, match="out"):
            er.einsum("ij,jk->ik", a, b, out=out)
        with pytest.raises(TypeError, match="out"):
            er.matmul(a, b, out=out)
    assert recorder.CALLS == []


def test_long_doubles_are_refused_by_name() -> None:
    a = on_device(np.ones((3, 3)))[0]
    for dtype in ("g", "G"):
        with pytest.raises(
            TypeError, match=r"has dtype (float|complex)\d+, which CuPy does not have.*astype"
        ):
            er.matmul(a, np.ones((3, 3), dtype))
        with pytest.raises(TypeError, match="expected one that CuPy has products of"):
            er.matmul(a, a, dtype=dtype)


@pytest.mark.parametrize("name", beside_numpys.CALLS)
def test_lists_and_masked_arrays_are_refused(name: str) -> None:
    square = on_device(np.eye(3) + 1)[0]
    beside_numpys.check_lists(name, square, "ndarray of cupy")
    beside_numpys.check_masked(name, square, "cupy")


def test_casting_and_scalars_are_as_the_promotion() -> None:
    a, b = on_device(np.ones((3, 3), "i4"), np.ones((3, 3)))
    with pytest.raises(TypeError, match=r"operand 0 has dtype int32.*casting='no'"):
        er.matmul(a, b, casting="no")
    assert er.einsum("ij,->ij", a, 2, casting="no").dtype == np.int32
    with pytest.raises(OverflowError, match="operand 1"):
        er.einsum("ij,->ij", a, 10**40)


def test_what_is_kept_or_scipys_is_refused_by_name() -> None:
    a = on_device(np.eye(3))[0]
    for call in (er.factorize, lambda x: er.scipy.linalg.solve(x, x)):
        with pytest.raises(TypeError, match="takes no operand of kind cupy"):
            call(a)


def test_shapes_alone_are_explained() -> None:
    class Shape:
        shape, dtype = (5, 3), np.dtype(float)

    a = on_device(np.ones((4, 5)))[0]
    assert er.explain("ij,jk->ik", a, Shape()).routes == ("cupy.matmul",)
    assert er.explain("ij,jk->ik", Shape(), on_device(np.ones((3, 2)))[0]).routes == ("cupy.matmul",)
    assert recorder.CALLS == []


def test_explain_makes_no_call() -> None:
    a, b = on_device(np.ones((20, 30)), np.ones((30, 40)))
    assert er.explain("ij,jk->ik", a, b).routes == ("cupy.matmul",)
    assert recorder.CALLS == []
