"""Arrays of pydata/sparse that the core does whole, and results as pydata's own constructors make them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import einroute as er

sparse = pytest.importorskip("sparse")

FORMS = (
    "ij->", "ij->i", "ij->j", "ij->ji", "ij->ij", "ij,j->i", "ij,i->j", "ij,jk->ik", "ij,j->ij", "i,ij,j->",
    "ij,ij->ij", "ij,ji->ij", "ij,ij->", "ij,ji->", "ii->", "ii->i",
)  # fmt: skip
KINDS = {
    "coo": lambda x: x,
    "rows": lambda x: sparse.GCXS.from_coo(x, compressed_axes=(0,)),
    "columns": lambda x: sparse.GCXS.from_coo(x, compressed_axes=(1,)),
}


def _written(x: Any) -> np.ndarray:
    return np.asarray(x.todense() if hasattr(x, "todense") else x)


def _random(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return np.asarray((rng.integers(-1, 3, shape) * (rng.random(shape) < 0.6)).astype(dtype))


def _checked(subscripts: str, *operands: Any) -> Any:
    expected = np.einsum(subscripts, *map(_written, operands))
    for _ in range(3):  # as it is found again
        got = er.einsum(subscripts, *operands)
        assert got.shape == expected.shape
        assert _written(got).dtype == expected.dtype
        np.testing.assert_array_equal(_written(got), expected)
    return got


def _as_constructed(made: Any) -> None:
    """Sorted, each place once, no zeros, and the very arrays that pydata's own conversion gives."""
    parts = made.data.view(made.data.real.dtype).reshape(len(made.data), -1)
    assert (made.data != 0).all() or (np.signbit(parts).any(axis=1) | (made.data != 0)).all()
    assert made.fill_value == 0
    assert type(made.fill_value) is made.dtype.type
    coo = made if isinstance(made, sparse.COO) else made.tocoo()
    if made.ndim:
        assert (np.diff(np.ravel_multi_index(tuple(coo.coords), made.shape)) > 0).all()
    if isinstance(made, sparse.COO):
        assert made.coords.dtype == np.intp
        return
    right = sparse.GCXS.from_coo(sparse.COO(coo.coords.astype(np.intp), coo.data, shape=made.shape))
    assert vars(right).keys() == vars(made).keys()
    assert right.compressed_axes == made.compressed_axes
    for name in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(right, name), getattr(made, name), strict=True)


@pytest.mark.parametrize("subscripts", FORMS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["f8", "f4", "c8", "i8", "u1", "?"])
def test_each_form(subscripts: str, kind: str, dtype: str) -> None:
    rng = np.random.default_rng(1)
    for n, m in ((5, 7), (9, 4), (1, 6), (6, 6)):
        sizes = {"i": n, "j": n if "ii" in subscripts else m, "k": 3}
        operands: list[Any] = []
        for labels in subscripts.partition("->")[0].split(","):
            x = _random(rng, tuple(sizes[c] for c in labels), dtype)
            both = subscripts in ("ij,ij->ij", "ij,ji->ij", "ij,ij->", "ij,ji->")
            own = len(labels) == 2 and (both or not any(hasattr(y, "todense") for y in operands))
            operands.append(KINDS[kind](sparse.COO(x)) if own else x)
        made = _checked(subscripts, *operands)
        if hasattr(made, "fill_value"):
            assert isinstance(made, sparse.COO if kind == "coo" or not made.ndim else sparse.GCXS)
            _as_constructed(made)


@pytest.mark.parametrize("first", KINDS)
@pytest.mark.parametrize("second", KINDS)
@pytest.mark.parametrize("subscripts", ["ij,jk->ik", "ij,jk->ki", "ij,kj->ik", "ij,jk->", "ij,jk->i"])
def test_products(first: str, second: str, subscripts: str) -> None:
    rng = np.random.default_rng(2)
    for n, m, k in ((5, 7, 4), (12, 3, 9), (1, 2, 8)):
        sizes = {"i": n, "j": m, "k": k}
        shapes = (tuple(sizes[c] for c in labels) for labels in subscripts.partition("->")[0].split(","))
        a, b = (
            KINDS[kind](sparse.COO(_random(rng, shape, "f8")))
            for kind, shape in zip((first, second), shapes, strict=True)
        )
        _as_constructed(_checked(subscripts, a, b))


def test_another_axis_is_another_plan() -> None:
    """Two arrays that differ in nothing but the axis that is compressed."""
    x = _random(np.random.default_rng(3), (6, 6), "f8")
    v = np.arange(6.0)
    for _ in range(2):
        for kind in KINDS.values():
            np.testing.assert_array_equal(er.einsum("ij,j->i", kind(sparse.COO(x)), v), x @ v)


@pytest.mark.parametrize("subscripts", ["ij,j->i", "ij->", "ij->i", "ij,j->ij"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_changes_between_calls(subscripts: str, kind: str) -> None:
    x = KINDS[kind](sparse.COO(np.eye(5) + np.eye(5, k=1)))
    operands = [x, np.ones(5)] if "," in subscripts else [x]
    er.einsum(subscripts, *operands)
    x.fill_value = np.float64(2)
    with pytest.raises(ValueError, match="fill value"):
        er.einsum(subscripts, *operands)
    x.fill_value = np.float64(0)
    index = x.coords[1] if kind == "coo" else x.indices
    before = index[2]
    x.fill_value = None
    with pytest.raises(ValueError, match="fill value"):
        er.einsum(subscripts, *operands)
    x.fill_value = np.float64(0)
    for wrong in (77, -1):
        index[2] = wrong
        with pytest.raises(ValueError, match="operand 0"):
            er.einsum(subscripts, *operands)
    index[2] = before
    er.einsum(subscripts, *operands)
    if kind != "coo":
        x._compressed_axes = (5,)
        with pytest.raises(ValueError, match="operand 0"):
            er.einsum(subscripts, *operands)


@pytest.mark.parametrize("dtype", ["e", "d", "g", "D", "G"])
def test_no_entry_of_a_result_is_zero(dtype: str) -> None:
    a = sparse.COO([[0, 1], [0, 1]], np.array([2, 3], dtype), shape=(2, 2))
    x = np.array([0, 1], dtype)
    for operand in (a, sparse.DOK.from_coo(a)) if dtype in "gG" else (a,):
        for made in (er.einsum("ij,j->ij", operand, x), er.einsum("ij,j->ji", operand, x)):
            assert type(made) is sparse.COO
            assert made.dtype == dtype
            np.testing.assert_array_equal(made.data, np.array([3], dtype))
            np.testing.assert_array_equal(made.coords, [[1], [1]])
