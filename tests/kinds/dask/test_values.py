"""Contractions of dask arrays against NumPy: value, dtype, shape, and that they are lazy."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er

da = pytest.importorskip("dask.array")

LIMITS = (None, 2000, 300)
RNG = np.random.default_rng(0)
A, B, C = RNG.random((12, 9)), RNG.random((9, 7)), RNG.random((7, 12))
V = RNG.random(9)
STACK = RNG.random((4, 12, 9))


def chunked(x: np.ndarray, chunks: Any = None) -> Any:
    """An array as a dask array, in uneven chunks."""
    if chunks is None:
        chunks = tuple((n - n // 3 - n // 4, n // 3, n // 4) for n in x.shape)
    return da.from_array(x, chunks=chunks)


def same(found: Any, expected: Any, rtol: float = 1e-10) -> None:
    """Hold a lazy result to NumPy's."""
    assert isinstance(found, da.Array)
    expected = np.asarray(expected)
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    value = np.asarray(found.compute(scheduler="sync"))
    assert value.dtype == expected.dtype
    assert value.shape == expected.shape
    np.testing.assert_allclose(value, expected, rtol=rtol)


SUBSCRIPTS = [
    ("ij,jk->ik", (A, B)),
    ("ij,jk->ki", (A, B)),
    ("ij,jk", (A, B)),
    ("ij,ij->ij", (A, A)),
    ("ij,ij->", (A, A)),
    ("ij->ji", (A,)),
    ("ij->", (A,)),
    ("ij->j", (A,)),
    ("ii->i", (RNG.random((9, 9)),)),
    ("ii", (RNG.random((9, 9)),)),
    ("iji->ij", (RNG.random((5, 4, 5)),)),
    ("ij,kl->ijkl", (A, B[:3, :2])),
    ("i,j->ij", (V, A[0])),
    ("i,i->", (V, V)),
    ("ij,j->i", (A, V)),
    ("ij,k->i", (A, V)),
    ("bij,jk->bik", (STACK, B)),
    ("...ij,jk->...ik", (STACK, B)),
    ("bij,bij->b", (STACK, STACK)),
    ("ij,jk,kl->il", (A, B, C)),
    ("ij,jk,ki->", (A, B, C)),
    ("ij,jk,kl,lm->im", (A, B, C, A)),
    ("ij,ij->ij", (A, A[:1])),
    ("ij,jk->ik", (A, B[:1])),
    ("ij,,->ij", (A, np.float64(3.0), np.array(2.0))),
]


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize(("subscripts", "operands"), SUBSCRIPTS)
def test_einsum(subscripts: str, operands: tuple[Any, ...], limit: int | None) -> None:
    expected = np.einsum(subscripts, *operands)
    with er.config(memory_limit=limit):
        same(er.einsum(subscripts, *(chunked(np.asarray(x)) for x in operands)), expected)
        for lazy in range(len(operands)):
            mixed = [chunked(np.asarray(x)) if i == lazy else x for i, x in enumerate(operands)]
            same(er.einsum(subscripts, *mixed), expected)


@pytest.mark.parametrize("optimize", [True, "greedy", "optimal", ["einsum_path", (0, 1), (0, 1)]])
def test_optimize(optimize: Any) -> None:
    operands = (A, B, C)
    same(
        er.einsum("ij,jk,kl->il", *map(chunked, operands), optimize=optimize),
        np.einsum("ij,jk,kl->il", *operands),
    )
    same(
        er.einsum("ij,jk,ki->", *map(chunked, operands), optimize=optimize),
        np.einsum("ij,jk,ki->", *operands),
    )


PRODUCTS: list[tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]] = [
    (er.tensordot, np.tensordot, (A, B, 1)),
    (er.tensordot, np.tensordot, (STACK, A, ((1, 2), (0, 1)))),
    (er.tensordot, np.tensordot, (A, B, 0)),
    (er.dot, np.dot, (A, B)),
    (er.dot, np.dot, (STACK, B)),
    (er.dot, np.dot, (V, V)),
    (er.dot, np.dot, (A, 2.0)),
    (er.matmul, np.matmul, (A, B)),
    (er.matmul, np.matmul, (STACK, B)),
    (er.matmul, np.matmul, (A, V)),
    (er.inner, np.inner, (A, STACK)),
    (er.vdot, np.vdot, (A + 1j, A - 2j)),
    (er.outer, np.outer, (V, A[0])),
    (er.linalg.outer, np.linalg.outer, (V, A[0])),
    (er.linalg.tensordot, np.linalg.tensordot, (A, B)),
    (er.linalg.matmul, np.linalg.matmul, (A, B)),
    (er.linalg.vecdot, np.linalg.vecdot, (A, V)),
    (er.vecdot, np.vecdot, (A + 1j, A)),
    (er.matvec, np.matvec, (STACK, V)),
    (er.vecmat, np.vecmat, (A[:, 0] + 1j, A)),
]


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize(("ours", "numpys", "args"), PRODUCTS)
def test_products(ours: Any, numpys: Any, args: tuple[Any, ...], limit: int | None) -> None:
    if ours in {er.tensordot, er.linalg.tensordot} and len(args) == 3:
        a, b, rest = args[0], args[1], (args[2],)
    else:
        a, b, rest = args[0], args[1], ()
    a, b = np.asarray(a), np.asarray(b)
    if ours is er.linalg.tensordot:
        a, b = RNG.random((3, 4, 5)), RNG.random((4, 5, 2))
    expected = numpys(a, b, *rest)
    with er.config(memory_limit=limit):
        same(ours(chunked(a), chunked(b), *rest), expected)
        same(ours(chunked(a), b, *rest), expected)
        same(ours(a, chunked(b), *rest), expected)


def test_multi_dot() -> None:
    same(er.linalg.multi_dot([chunked(A), B, chunked(C)]), np.linalg.multi_dot([A, B, C]))
    same(er.linalg.multi_dot([V, chunked(B), C]), np.linalg.multi_dot([V, B, C]))


DTYPES = ("?", "i1", "u2", "i8", "f2", "f4", "f8", "c8", "c16")


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("subscripts", ["ij,kj->ik", "ij->i", "ij->", "ij,ij->j"])
def test_dtypes_and_wrapping_sums(dtype: str, subscripts: str, limit: int | None) -> None:
    x = (RNG.random((13, 11)) * (1 if dtype == "?" else 90)).round().astype(dtype)
    operands = (x,) * (subscripts.count(",") + 1)
    rtol = {"f2": 5e-3, "f4": 1e-5, "c8": 1e-5}.get(dtype, 1e-12)
    with er.config(memory_limit=limit):
        same(er.einsum(subscripts, *map(chunked, operands)), np.einsum(subscripts, *operands), rtol)


def test_integers_are_the_same_for_every_chunking() -> None:
    x = RNG.integers(-128, 127, (9, 10), np.int8)
    expected = np.einsum("ij,kj->ik", x, x)
    for limit, first, second in product((None, 50, 9), (1, 4, 10), (2, 5, 7)):
        with er.config(memory_limit=limit):
            found = er.einsum("ij,kj->ik", chunked(x, (3, first)), chunked(x, (4, second)))
            np.testing.assert_array_equal(found.compute(scheduler="sync"), expected)


@pytest.mark.parametrize("options", [{"dtype": "f4", "casting": "same_kind"}, {"dtype": "c16"}])
def test_keywords(options: dict[str, Any]) -> None:
    same(
        er.einsum("ij,jk->ik", chunked(A), chunked(B), **options),
        np.einsum("ij,jk->ik", A, B, **options),
        1e-5,
    )


@pytest.mark.parametrize("subscripts", ["ij->ij", "ij->ji", "ij", "...->..."])
@pytest.mark.parametrize("dtype", ["f4", "c16", "i8"])
def test_a_dtype_of_nothing_summed(subscripts: str, dtype: str) -> None:
    """NumPy gives a view of the operand, in its dtype."""
    for options in ({}, {"casting": "unsafe"}, {"optimize": True}):
        same(
            er.einsum(subscripts, chunked(A), dtype=dtype, **options),
            np.einsum(subscripts, A, dtype=dtype, **options),
        )
    square = np.arange(25, dtype=np.int16).reshape(5, 5)
    same(er.einsum("ii->i", chunked(square), dtype=dtype), np.einsum("ii->i", square, dtype=dtype))


def test_mixed_dtypes_promote_as_numpys() -> None:
    x, y = RNG.integers(0, 9, (5, 6)), RNG.random((6, 4)).astype("f4")
    same(er.einsum("ij,jk->ik", chunked(x), chunked(y)), np.einsum("ij,jk->ik", x, y))
    same(er.matmul(chunked(x), chunked(y)), np.matmul(x, y))


def test_objects() -> None:
    x = np.array([[1, 10**30], [3, 4]], object)
    found = er.einsum("ij,jk->ik", chunked(x, 1), chunked(x, (2, 1)))
    np.testing.assert_array_equal(found.compute(scheduler="sync"), np.einsum("ij,jk->ik", x, x))
    np.testing.assert_array_equal(
        er.tensordot(chunked(x, 1), chunked(x, 1), 1).compute(scheduler="sync"), np.tensordot(x, x, 1)
    )


def test_objects_without_dimensions() -> None:
    x, y = da.from_array(np.array(10**30, object)), da.from_array(np.array([2, 3], object), chunks=1)
    assert er.einsum(",->", x, x).compute(scheduler="sync") == 10**60
    np.testing.assert_array_equal(
        er.einsum(",i->i", x, y).compute(scheduler="sync"), [2 * 10**30, 3 * 10**30]
    )
    assert er.einsum("i,i->", y, y).compute(scheduler="sync") == 13


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0)])
def test_sizes_of_zero(shape: tuple[int, int]) -> None:
    x = np.ones(shape)
    same(er.einsum("ij,ik->jk", chunked(x, 2), chunked(x, 3)), x.T @ x)
    same(er.einsum("ij->", chunked(x, 2)), x.sum())


def test_chunks_of_size_zero() -> None:
    x, y = chunked(A, ((0, 5, 0, 7), (9, 0))), chunked(B, ((4, 0, 5), (0, 7)))
    for limit in LIMITS:
        with er.config(memory_limit=limit):
            same(er.einsum("ij,jk->ik", x, y), A @ B)
            same(er.einsum("ij->j", x), A.sum(0))


@st.composite
def _calls(draw: Any) -> tuple[str, list[np.ndarray], list[Any], int | None]:
    sizes = {c: draw(st.integers(0, 6)) for c in "ijkl"}
    inputs = draw(st.lists(st.text("ijkl", min_size=0, max_size=3), min_size=1, max_size=3))
    every = sorted(set("".join(inputs)))
    output = "".join(
        draw(st.permutations(draw(st.lists(st.sampled_from(every), unique=True)) if every else []))
    )
    arrays, chunks = [], []
    for labels in inputs:
        shape = tuple(sizes[c] for c in labels)
        arrays.append(np.arange(float(np.prod(shape, dtype=int))).reshape(shape) - 3)
        chunks.append(tuple(_cut(draw, n) for n in shape))
    return f"{','.join(inputs)}->{output}", arrays, chunks, draw(st.sampled_from([None, 8, 64, 400]))


def _cut(draw: Any, n: int) -> tuple[int, ...]:
    places = sorted(draw(st.lists(st.integers(0, n), max_size=3)))
    return tuple(np.diff([0, *places, n]).tolist())


@settings(max_examples=150, deadline=None)
@given(_calls())
def test_any_call(call: Any) -> None:
    subscripts, arrays, chunks, limit = call
    operands = [da.from_array(x, chunks=own) for x, own in zip(arrays, chunks, strict=True)]
    with er.config(memory_limit=limit):
        same(er.einsum(subscripts, *operands), np.einsum(subscripts, *arrays))
