"""Sparse operands with dense ones that are looked up at their entries, and the same written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
import sparse

import einroute as er
from tests.sparse_helpers import is_sparse, written_out

#: Subscripts whose sparse operand is that of the labels `ij`, or all of its first labels, or `ii`.
FORMS = (
    "ij->", "ij->i", "ij->j", "ij->ij", "ij->ji", "ii->", "ii->i",
    "i,ij->ij", "ij,j->ij", "ij,j->ji", "i,ij,j->", "i,ij,j->ij", "i,ij,j->i", "i,ij,j->j",
    "ij,ij->ij", "ij,ij->", "ij,ji->", "ij,ij->j", "ij,ij->ji",
    "ij,ik,jk->ij", "ik,ij,jk->", "ik,jk,ij->i", "ij,ik,jk->j", "ij,ki,jk->ij", "ij,ik,jk,k->ij",
    "ij,ik,jk->ik", "ij,ik,jk->k", "ij,jk->ik", "ij,ikl,jkl->ij", "ij,ik,jl->ikl", "ij,ik,jl->kl",
    "ij,k->ijk", "ij,k->ij",
)  # fmt: skip
#: The same of a sparse operand `ijk` of three axes.
TENSORS = (
    "ijk->", "ijk->i", "ijk->k", "ijk->ki", "iij->j", "iii->", "iji->ij",
    "ijk,jr,kr->ir", "ijk,ir,kr->jr", "ijk,ir,jr->kr", "ijk,ir,jr,kr->", "ijk,ir,jr,kr->r",
    "ijk,ir,jr,kr->ijk",
    "ijk,jr,ks->irs", "ijk,jr,ks->isr", "ijk,i,j,k->", "i,ijk->ijk", "ijk,ij->k", "ijk,jk->i",
)  # fmt: skip
SIZES = {"i": 7, "j": 7, "k": 7, "r": 5, "s": 3, "l": 3}


def numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Small whole numbers, whose sums are exact in every dtype that does not wrap."""
    made = rng.integers(0 if dtype in "?BHILQ" else -3, 4, shape)
    return (made + 1j * rng.integers(-3, 4, shape) if dtype in "FD" else made).astype(dtype)


def entries(rng: np.random.Generator, shape: tuple[int, ...], dtype: str, index: str = "i4") -> Any:
    """Coordinates in no order, some of them twice."""
    count = max(3, int(np.prod(shape)) // 4)
    at = tuple(rng.integers(0, n, count).astype(index) for n in shape)
    at = tuple(np.concatenate((x, x[:2])) for x in at)
    made = sp.coo_array((numbers(rng, (count + 2,), dtype), at), shape=shape)
    made.coords = at  # SciPy chooses an index dtype of its own
    return made


def dense_of(a: sp.coo_array) -> np.ndarray:
    made = np.zeros(a.shape, a.dtype)
    (np.logical_or if a.dtype == bool else np.add).at(made, a.coords, a.data)
    return made


MAKERS = {
    "coo_array": lambda a: a,
    "coo_matrix": lambda a: sp.coo_matrix(a) if a.ndim == 2 else a,
    "csr_array": lambda a: _compressed(sp.csr_array, a, 0),
    "csr_matrix": lambda a: _compressed(sp.csr_matrix, a, 0),
    "csc_array": lambda a: _compressed(sp.csc_array, a, 1),
    "COO": lambda a: sparse.COO.from_numpy(dense_of(a)),
    "GCXS": lambda a: sparse.GCXS.from_numpy(dense_of(a)),
}


def _compressed(cls: Any, a: sp.coo_array, axis: int) -> Any:
    """Lines that are neither sorted nor free of duplicates."""
    order = np.argsort(a.coords[axis], kind="stable")
    indptr = np.concatenate(([0], np.cumsum(np.bincount(a.coords[axis], minlength=a.shape[axis]))))
    made = cls((a.data[order], a.coords[1 - axis][order], indptr), shape=a.shape)
    made.indices, made.indptr = (x.astype(a.coords[0].dtype) for x in (made.indices, made.indptr))
    return made


def call(
    subscripts: str, maker: str, dtype: str, index: str = "i4", seed: int = 0
) -> tuple[list[Any], list[Any]]:
    """Operands, and the same written out."""
    rng = np.random.default_rng(seed)
    inputs = subscripts.partition("->")[0].split(",")
    first = max((x for x in inputs if set(x) <= set("ijk") and "i" in x), key=len)
    ours: list[Any] = []
    plain: list[Any] = []
    for labels in inputs:
        shape = tuple(SIZES[c] for c in labels)
        if labels == first and not any(is_sparse(x) for x in ours):
            a = entries(rng, shape, dtype, index)
            ours.append(MAKERS[maker](a))
            plain.append(dense_of(a))
        else:
            ours.append(numbers(rng, shape, dtype))
            plain.append(ours[-1])
    return ours, plain


def check(subscripts: str, ours: list[Any], plain: list[Any]) -> None:
    want = np.einsum(subscripts, *plain)
    for _ in range(2):  # the second is found again
        got = er.einsum(subscripts, *ours)
        made = written_out(got)
        assert made.dtype == want.dtype
        assert made.shape == want.shape
        np.testing.assert_allclose(made, want, rtol=1e-5 if want.dtype.char in "fF" else 1e-12)
