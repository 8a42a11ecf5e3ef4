"""Pairs of long diagonals, and sums along them: the same as of rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

import einroute as er
from einroute._native import CORE

N, K, M = 600, 550, 700
ELEMENTS = ("ij,ij->ij", "ij,ij->ji", "ij,ij->")


def _diagonals(seed: int, dtype: str, shape: tuple[int, int], count: int = 4) -> Any:
    rng = np.random.default_rng(seed)
    n, m = shape
    length = m - 3 * (seed % 2)
    others = np.delete(np.arange(1 - n, m), n - 1)
    offsets = np.sort(np.append(rng.choice(others, min(count, len(others)), replace=False), 0))
    numbers = rng.integers(0, 3, (len(offsets), length))
    data = (numbers * (1 + 1j * rng.integers(-1, 2, length)) if dtype in "FD" else numbers).astype(dtype)
    return sparse.dia_array((data, offsets), shape=shape)


def _alike(subscripts: str, *operands: Any) -> None:
    expected = er.einsum(subscripts, *(x.tocsr() for x in operands))
    for _ in range(3):  # as it is found again
        got = er.einsum(subscripts, *operands)
        assert type(got) is type(expected)
        assert got.dtype == expected.dtype
        if not got.ndim:
            assert got == expected
            continue
        assert got.shape == expected.shape
        assert (got != expected).nnz == 0
        if got.ndim == 2:
            assert got.has_canonical_format
        assert got.data.all()


@pytest.mark.parametrize("dtype", "?bHilqfdFD")
def test_products(dtype: str) -> None:
    for first, second in (((N, K), "jk"), ((N, K), "kj"), ((K, N), "jk"), ((K, N), "kj")):
        labels = "ij" if first == (N, K) else "ji"
        a = _diagonals(1, dtype, first)
        b = _diagonals(2, dtype, (K, M) if second == "jk" else (M, K))
        for output in ("ik", "ki"):
            _alike(f"{labels},{second}->{output}", a, b)


@pytest.mark.parametrize("dtype", "?bHilqfdFD")
def test_elements(dtype: str) -> None:
    a, b = _diagonals(3, dtype, (N, M), 9), _diagonals(5, dtype, (N, M), 9)
    turned = sparse.dia_array(b.T)
    for subscripts in ELEMENTS:
        _alike(subscripts, a, b)
        _alike(subscripts.replace(",ij", ",ji"), a, turned)


@pytest.mark.parametrize("dtype", "?bBhHiIlLqQfdFD")
@pytest.mark.parametrize("shape", [(7, 9), (9, 4), (1, 5), (40, 40)])
def test_sums(shape: tuple[int, int], dtype: str) -> None:
    a = _diagonals(6, dtype, shape)
    for subscripts in ("ij->i", "ij->j", "ij->", *(["ii->", "ii->i"] if len(set(shape)) == 1 else [])):
        dense = np.einsum(subscripts, a.toarray())
        for _ in range(2):
            got = er.einsum(subscripts, a)
            assert got.dtype == dense.dtype
            np.testing.assert_array_equal(got.toarray() if dense.ndim else got, dense)


@pytest.mark.filterwarnings("ignore:invalid value")
def test_what_is_not_finite_meets_no_absent_entry() -> None:
    a, b = _diagonals(1, "d", (N, N)), _diagonals(2, "d", (N, N))
    a.data[:, 300] = np.inf
    for subscripts in ("ij,jk->ik", "ij,ij->ij"):
        got = er.einsum(subscripts, a, b)
        expected = er.einsum(subscripts, a.tocsr(), b.tocsr())
        np.testing.assert_array_equal(got.toarray(), expected.toarray())
    assert er.einsum("ii->", a) == np.inf


@pytest.mark.skipif(CORE is None, reason="the compiled core is not there")
@pytest.mark.parametrize("subscripts", ["ij,jk->ik", "ij,ij->ij", "ij->i", "ii->"])
@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("data", None), ("offsets", None), ("offsets", np.zeros(5, np.int64)), ("offsets", np.arange(3)),
        ("offsets", np.array([0, 1, 2, 3, 2**40])), ("data", np.ones(5)), ("offsets", np.arange(5.0)),
    ],
)  # fmt: skip
def test_parts_that_do_not_fit(subscripts: str, part: str, value: Any) -> None:
    a, b = _diagonals(1, "d", (N, N)), _diagonals(2, "d", (N, N))
    rest = [b] if "," in subscripts else []
    er.einsum(subscripts, a, *rest)
    setattr(a, part, value)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"operand 0 .* cannot be used"):
            er.einsum(subscripts, a, *rest)


@pytest.mark.skipif(CORE is None, reason="the compiled core is not there")
def test_rows_of_what_does_not_fit() -> None:
    good = CORE.rows_of_diagonals(np.ones((2, 3)), np.array([0, 1]), 3, 3)
    np.testing.assert_array_equal(good[0], [0, 2, 4, 5])
    for data, offsets in (
        (np.ones((2, 3)), np.array([0, 0])), (np.ones((2, 3)), np.array([0])), (np.ones(3), np.array([0])),
        (np.ones((2, 3))[:, ::-1], np.array([0, 1])), (np.ones((2, 3)), np.array([0.0, 1.0])), ([1], [0]),
    ):  # fmt: skip
        assert CORE.rows_of_diagonals(data, offsets, 3, 3) is None


@pytest.mark.parametrize("dtype", ["f8", "c16", "f4", "c8", "i8"])
@pytest.mark.parametrize("subscripts", ["i,ij,j->", "j,ij,i->", "ij,j,i->", "i,j,ij->"])
def test_between_two_vectors(subscripts: str, dtype: str) -> None:
    a = sparse.dia_array((np.arange(1, 25).reshape(3, 8).astype(dtype), [-2, 0, 3]), shape=(7, 8))
    terms = subscripts.removesuffix("->").split(",")
    vectors = {"i": np.arange(14).astype(dtype)[::2], "j": np.arange(8).astype(dtype)}
    operands = [vectors.get(term, a) for term in terms]
    for value in (3, np.inf) if dtype in ("f8", "f4") else (3,):
        vectors["j"][4] = value
        expected = np.einsum(subscripts, *(x if isinstance(x, np.ndarray) else a.toarray() for x in operands))
        entries = [x if isinstance(x, np.ndarray) else sparse.csr_array(a) for x in operands]
        for _ in range(2):  # planned, and found again
            got = er.einsum(subscripts, *operands)
            assert got.dtype == dtype
            np.testing.assert_array_equal(got, expected if value == 3 else er.einsum(subscripts, *entries))


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
@pytest.mark.parametrize("shape", [(5000, 4100), (4100, 5000)])
def test_many_diagonals_between_two_vectors(shape: tuple[int, int], dtype: str) -> None:
    rng = np.random.default_rng(0)
    a = sparse.dia_array((rng.integers(-9, 10, (4, 4099)).astype(dtype), [-999, -1, 0, 700]), shape=shape)
    x, y = (rng.integers(-9, 10, 2 * n).astype(dtype)[::2] for n in shape)
    if np.dtype(dtype).kind == "c":
        a.data *= 1 + 2j
        x = x * np.array(1 - 1j, dtype)
    assert er.einsum("i,ij,j->", x, a, y) == x @ (a @ y)
    assert CORE.between_vectors(a, x, y) == er.einsum("j,ij,i->", y, a, x) == x @ (a @ y)
    for wrong in ((x, x), (y, y), (x[::2], y), (np.ones(shape[0], "i4"), y), (a, y)):
        assert CORE.between_vectors(a, *wrong) is None


def test_whole_diagonals_are_told_as_they_are_read() -> None:
    n = 100_000
    a = sparse.dia_array((np.ones((5, n)), range(-2, 3)), shape=(n, n))
    for subscripts, operands in (("i,ij,j->", (np.ones(n), a, np.ones(n))), ("ij,j->i", (a, np.ones(n)))):
        plan = er.explain(er.einsum, subscripts, *operands)
        rows = [x.tocsr() if x is a else x for x in operands]
        assert len(plan.routes) == 1
        assert plan.seconds < er.explain(er.einsum, subscripts, *rows).seconds


def test_single_precision_between_two_vectors_is_summed_in_double() -> None:
    n = 1 << 17
    a = sparse.dia_array((np.ones((1, n), np.float32), [0]), shape=(n, n))
    x = np.full(n, 0.1, np.float32)
    x[0] = 1e4
    expected = np.float32(np.sum(x, dtype=np.float64))
    assert er.einsum("i,ij,j->", x, a, np.ones(n, np.float32)) == expected
