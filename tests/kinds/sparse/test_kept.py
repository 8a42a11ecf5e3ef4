"""Blocks and diagonals of scipy.sparse: by vectors as they are kept, and as rows that are made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import einroute as er
from tests.helpers import forcing

DTYPES = "?bBhHiIlLqQfdFD"
FORMS = (
    "ij,j->i", "ij,i->j", "j,ij->i", "ij,jk->ik", "ij,kj->ki", "ij,ik->jk", "ij->", "ij->i", "ij->j",
    "ij->ji", "ij->ij", "i,ij,j->", "ij,j->ij", "ij,ij->ij",
)  # fmt: skip


def _numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    found = rng.integers(0, 2 if dtype == "?" else 5, shape)
    return np.asarray((found + 1j * rng.integers(-2, 3, shape) if dtype in "FD" else found).astype(dtype))


def _blocks(rng: np.random.Generator, dtype: str, shape: tuple[int, int], block: tuple[int, int]) -> Any:
    places = _numbers(rng, shape, dtype) * (rng.random(shape) < 0.4)
    return sparse.bsr_array(places.astype(dtype), blocksize=block)


def _diagonals(rng: np.random.Generator, dtype: str, shape: tuple[int, int], count: int, length: int) -> Any:
    n, m = shape
    offsets = rng.permutation(np.arange(-n - 2, m + 3))[:count]
    return sparse.dia_array((_numbers(rng, (len(offsets), length), dtype), offsets), shape=shape)


def _written(x: Any) -> np.ndarray:
    return np.asarray(x.toarray() if sparse.issparse(x) else x)


def _alike(subscripts: str, *operands: Any) -> None:
    expected = np.einsum(subscripts, *map(_written, operands))
    for _ in range(3):  # as it is found again
        got = er.einsum(subscripts, *operands)
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(_written(got), expected)


def _beside(rng: np.random.Generator, subscripts: str, a: Any, dtype: str) -> list[Any]:
    """The operands of a call, the first of two labels that are i and j being the sparse one."""
    sizes = dict(zip("ijk", (*a.shape, 3), strict=True))
    operands: list[Any] = []
    given = False
    for labels in subscripts.partition("->")[0].split(","):
        mine, given = labels == "ij" and not given, given or labels == "ij"
        operands.append(a if mine else _numbers(rng, tuple(sizes[c] for c in labels), dtype))
    return operands


@pytest.mark.parametrize("subscripts", FORMS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_blocks_and_diagonals(subscripts: str, dtype: str) -> None:
    rng = np.random.default_rng(1)
    for a in (
        _blocks(rng, dtype, (8, 12), (2, 3)),
        _blocks(rng, dtype, (12, 8), (4, 4)),
        sparse.bsr_matrix(_blocks(rng, dtype, (6, 6), (2, 2))),
        _diagonals(rng, dtype, (8, 12), 4, 12),
        _diagonals(rng, dtype, (12, 5), 3, 4),
    ):
        _alike(subscripts, *_beside(rng, subscripts, a, dtype))


@given(
    st.integers(1, 9), st.integers(1, 9), st.integers(0, 5), st.integers(0, 12), st.sampled_from("dFh?"),
    st.integers(0, 99),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_any_diagonals(n: int, m: int, count: int, length: int, dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = _diagonals(rng, dtype, (n, m), count, length)
    for subscripts in ("ij,j->i", "ij,i->j", "ij,jk->ik", "ij->", "ij->i", "ij->ji"):
        _alike(subscripts, *_beside(rng, subscripts, a, dtype))
    square = _diagonals(rng, dtype, (n, n), count, length)
    for subscripts in ("ii->", "ii->i", "ii,i->"):
        _alike(subscripts, square, *[np.arange(n).astype(dtype)] * ("," in subscripts))


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 5), st.integers(0, 5), st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_any_blocks(height: int, width: int, n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = _blocks(rng, "d", (height * max(n, 1), width * max(m, 1)), (height, width))
    for subscripts in ("ij,j->i", "ij,i->j", "ij,jk->ik", "ij->"):
        _alike(subscripts, *_beside(rng, subscripts, a, "d"))


@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("step", [1, 2, -1])
def test_layouts_and_many_threads(index: Any, step: int) -> None:
    rng = np.random.default_rng(2)
    n = 20000
    offsets = np.array([-3, 0, 1, 40], index)
    diagonals = sparse.dia_array((rng.random((4, n)), offsets), shape=(n, n))
    diagonals.offsets = diagonals.offsets.astype(index)
    kept = sparse.random_array((n // 2, n // 2), density=20 / n, rng=rng)
    blocks = sparse.bsr_array(sparse.kron(kept, np.ones((2, 2))), blocksize=(2, 2))
    blocks.indices, blocks.indptr = blocks.indices.astype(index), blocks.indptr.astype(index)
    x = rng.random(abs(step) * n)[::step]
    for a in (blocks, diagonals):
        for subscripts in ("ij,j->i", "ij,i->j"):
            matrix = a if subscripts.endswith("i") else a.T
            got = []
            for threads in (1, 2, 5):
                with er.config(threads=threads):
                    got.append(er.einsum(subscripts, a, x))
            np.testing.assert_allclose(got[0], matrix @ x, rtol=1e-12)
            assert all(y.tobytes() == got[0].tobytes() for y in got)


def _lie(attribute: str, at: int, value: int) -> Callable[[Any], None]:
    def lie(a: Any) -> None:
        getattr(a, attribute)[at] = value

    return lie


def _shorter(a: Any) -> None:
    a.indices = a.indices[:-1]


@pytest.mark.parametrize(
    "lie",
    [_lie("indices", 1, 77), _lie("indices", 1, -1), _lie("indptr", 1, 99), _lie("indptr", -1, 2),
     _lie("indptr", 0, 1), _shorter],
)  # fmt: skip
@pytest.mark.parametrize("subscripts", FORMS)
def test_lying_blocks(lie: Callable[[Any], None], subscripts: str) -> None:
    rng = np.random.default_rng(3)
    a = sparse.bsr_array(np.kron(rng.random((6, 6)) < 0.6, np.ones((2, 2))), blocksize=(2, 2))
    operands = _beside(rng, subscripts, a, "d")
    er.einsum(subscripts, *operands)
    lie(a)
    with pytest.raises(ValueError, match=r"operand [012] .*bsr_array"):
        er.einsum(subscripts, *operands)


@pytest.mark.parametrize("subscripts", FORMS)
def test_lying_offsets(subscripts: str) -> None:
    rng = np.random.default_rng(4)
    a = sparse.dia_array((np.ones((2, 8)), [0, 1]), shape=(8, 8))
    operands = _beside(rng, subscripts, a, "d")
    er.einsum(subscripts, *operands)
    a.offsets[1] = 0
    with pytest.raises(ValueError, match=r"names? a diagonal twice"):
        er.einsum(subscripts, *operands)


def test_zeros_on_diagonals_meet_nothing() -> None:
    """They are no entries, as in SciPy's conversions; zeros in blocks are."""
    x = np.array([np.nan, 1.0])
    a = sparse.dia_array((np.array([[0.0, 2.0]]), [0]), shape=(2, 2))
    for _ in range(2):
        np.testing.assert_array_equal(er.einsum("ij,j->i", a, x), [0, 2])
    blocks = sparse.bsr_array((np.array([[[0.0, 2.0], [0, 1]]]), [0], [0, 1]), shape=(2, 2))
    for _ in range(2):
        np.testing.assert_array_equal(er.einsum("ij,j->i", blocks, x), [np.nan, np.nan])


@pytest.mark.parametrize("first", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize("second", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize(
    "subscripts",
    [
        "ij,jk->ik",
        "ij,jk->ki",
        "ij,kj->ik",
        "ji,jk->ik",
        "ji,kj->ki",
        "ij,jk->",
        "ij,ij->",
        "ij,ji->",
        "ij,ji->ij",
    ],
)
def test_pairs(first: str, second: str, subscripts: str) -> None:
    rng = np.random.default_rng(5)
    a, b = (sparse.csr_array(rng.integers(-1, 2, (6, 6)) * (rng.random((6, 6)) < 0.5)) for _ in range(2))
    _alike(subscripts, a.asformat(first), b.asformat(second))


@pytest.mark.parametrize("dtype", DTYPES)
def test_products_of_pairs_of_each_dtype(dtype: str) -> None:
    rng = np.random.default_rng(6)
    a, b = (_blocks(rng, dtype, shape, (1, 1)).tocsr() for shape in ((5, 7), (7, 4)))
    _alike("ij,jk->ik", a, b)
    made = er.einsum("ij,jk->ik", sparse.csr_matrix(a), sparse.csr_matrix(b))
    assert type(made) is sparse.csr_matrix
    assert type(er.einsum("ij,jk->ik", sparse.csr_matrix(a), b)) is sparse.csr_array


def test_sums_of_single_precision_keep_their_digits() -> None:
    data = np.random.default_rng(7).random(300_001, np.float32)
    a = sparse.csr_array((data, np.zeros(len(data), np.int32), [0, len(data)]), shape=(1, 3))
    exact = float(np.sum(data, dtype=np.float64))
    for scale in (np.float32(1), np.complex64(1 - 2j)):
        for _ in range(2):
            got = er.einsum("ij->", sparse.csr_array((data * scale, a.indices, a.indptr), shape=a.shape))
            assert type(got) is type(scale)
            assert abs(complex(got) - exact * complex(scale)) <= 1e-7 * abs(exact * complex(scale))
    huge = sparse.csr_array(np.full((1, 4), np.finfo(np.float32).max))
    assert er.einsum("ij->", huge) == np.inf


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "dia", "bsr"])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_far_more_pointers_than_entries(form: str, index: Any) -> None:
    rng = np.random.default_rng(8)
    for n, m, count in ((3000, 7, 5), (7, 3000, 40), (900, 900, 3), (500, 3, 0)):
        rows, columns = rng.integers(0, n, count), rng.integers(0, m, count)
        a = sparse.coo_array((rng.integers(1, 9, count).astype("d"), (rows, columns)), shape=(n, m))
        if form == "dia":
            offsets = np.array([-n + 2, m - 1])
            a = sparse.dia_array((rng.integers(0, 3, (2, m)).astype("d"), offsets), shape=(n, m))
        a = a.asformat(form)
        for name in ("indices", "indptr"):
            if hasattr(a, name):
                setattr(a, name, getattr(a, name).astype(index))
        for subscripts in (
            "ij->i",
            "ij->j",
            "ij->ji",
            "i,ij,j->",
            "ij,ij->",
            "ij,j->i",
            "ij,kj->ik",
            "ij,j->ij",
        ):
            _alike(subscripts, *_beside(rng, subscripts, a, "d"))
        if n == m:
            _alike("ii->", a)
            _alike("ii->i", a)


@pytest.mark.parametrize("route", ["sparse.sampled", "sparse.reduce"])
@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_sums_of_rows_keep_their_digits(route: str, form: str) -> None:
    a = sparse.csr_array(np.full((4, 4096), 0.1, np.float32)).asformat(form)
    for subscripts in ("ij->i", "ij->"):
        with forcing(route):
            got = _written(er.einsum(subscripts, a))
        count = 4096 if got.ndim else 4 * 4096
        np.testing.assert_allclose(got, np.float32(0.1) * count, rtol=1e-6)
