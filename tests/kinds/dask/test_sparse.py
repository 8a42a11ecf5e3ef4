"""Sparse chunks against dense ones: formats, results of any number of axes in several chunks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import einroute as er

da = pytest.importorskip("dask.array")
scipy_sparse = pytest.importorskip("scipy.sparse")

RNG = np.random.default_rng(0)
DENSE = RNG.random((6, 6)) * (RNG.random((6, 6)) < 0.5)
#: Those whose chunks dask cuts and puts together.
SLICED = ("csr_array", "csr_matrix")
ALL = (*SLICED, "dok_array", "coo_array", "coo_matrix", "bsr_array", "dia_array")


def chunks_of(form: str) -> Any:
    """`DENSE` in sparse chunks."""
    make = getattr(scipy_sparse, form)
    meta = make(np.zeros((1, 1))) if form in {"bsr_array", "dia_array"} else make(np.zeros((0, 0)))
    return da.from_array(DENSE, chunks=(2, 3)).map_blocks(make, dtype=float, meta=meta)


def written(x: Any) -> np.ndarray:
    """What was computed, dense."""
    return np.asarray(x.toarray() if hasattr(x, "toarray") else x)


@pytest.mark.parametrize("limit", [None, 1])
@pytest.mark.parametrize("form", ALL)
@pytest.mark.parametrize("subscripts", ["ij->i", "ij->ji", "ii->i", "ij->", "ij,jk->ik", "ij,kl->ijkl"])
def test_results_in_several_chunks(subscripts: str, form: str, limit: int | None) -> None:
    """Vectors and tensors of scipy.sparse are put together as they lie, by `compute` too."""
    count = subscripts.count(",") + 1
    with er.config(memory_limit=limit):
        lazy = er.einsum(subscripts, *[chunks_of(form)] * count)
    if any("rechunk" in layer for layer in lazy.dask.layers) and form not in SLICED:
        pytest.skip("dask cuts no chunks of this format")
    expected = np.einsum(subscripts, *[DENSE] * count)
    found = written(lazy.compute(scheduler="sync"))
    assert lazy.shape == expected.shape == found.shape
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("form", ALL)
def test_parts_of_chunks_beside_others(form: str) -> None:
    """Chunks of formats without slices are cut, too."""
    other = RNG.random((6, 6))
    for chunks, limit in (((1, 6), None), ((2, 2), 200), ((5, 1), 400)):
        with er.config(memory_limit=limit):
            lazy = er.einsum("ij,jk->ik", da.from_array(other, chunks=chunks), chunks_of(form))
        if any("rechunk" in layer for layer in lazy.dask.layers) and form not in SLICED:
            continue
        np.testing.assert_allclose(written(lazy.compute(scheduler="sync")), other @ DENSE)


def test_vectors_of_sums_are_operands() -> None:
    """Parts of one-dimensional chunks, put together inside a task."""
    rows = er.einsum("ij->i", chunks_of("csr_array"))
    with er.config(memory_limit=1):
        parts = er.einsum("ij->i", chunks_of("csr_array"))
    for vector in (rows, parts):
        for chunks in (1, 4, 6):
            lazy = er.einsum("i,ij->j", vector, da.from_array(DENSE, chunks=(chunks, 6)))
            np.testing.assert_allclose(written(lazy.compute(scheduler="sync")), DENSE.sum(1) @ DENSE)


def test_held_coo_arrays_stay_what_they_are() -> None:
    """Those of pydata/sparse call their format as scipy.sparse does."""
    sparse = pytest.importorskip("sparse")
    x = da.from_array(DENSE, chunks=(2, 3))
    matrix, vector = sparse.COO.from_numpy(DENSE), sparse.COO.from_numpy(DENSE[0])
    for operands, subscripts in (((chunks_of("csr_array"), matrix), "ij,jk->ik"), ((x, vector), "ij,j->i")):
        dense = [DENSE, DENSE if subscripts.startswith("ij,jk") else DENSE[0]]
        with er.config(memory_limit=30):
            lazy = er.einsum(subscripts, *operands)
        found = lazy.compute(scheduler="sync")
        assert type(found) is type(lazy._meta)
        np.testing.assert_allclose(
            found.todense() if type(found) is sparse.COO else found, np.einsum(subscripts, *dense)
        )


def test_held_arrays_of_any_number_of_axes() -> None:
    """An operand of this process's, cut for the tasks."""
    cube = RNG.random((4, 5, 6)) * (RNG.random((4, 5, 6)) < 0.5)
    x = da.from_array(RNG.random((4, 6)), chunks=(2, 2))
    with er.config(memory_limit=50):
        lazy = er.einsum("ijk,ik->j", scipy_sparse.coo_array(cube), x)
    np.testing.assert_allclose(
        written(lazy.compute(scheduler="sync")), np.einsum("ijk,ik->j", cube, x.compute(scheduler="sync"))
    )


def test_sparse_chunks() -> None:
    sparse = pytest.importorskip("sparse")
    scipy_sparse = pytest.importorskip("scipy.sparse")
    dense = np.random.default_rng(0).random((30, 20)) * (np.random.default_rng(1).random((30, 20)) < 0.2)
    lazy = da.from_array(dense, chunks=(7, 6))
    for make in (sparse.COO.from_numpy, scipy_sparse.csr_array):
        chunks = lazy.map_blocks(make, dtype=float, meta=make(np.empty((0, 0))))
        for limit in (None, 3000):
            with er.config(memory_limit=limit):
                other = np.random.default_rng(2).random((20, 5))
                found = er.einsum("ij,jk->ik", chunks, da.from_array(other, chunks=(5, 3)))
                np.testing.assert_allclose(found.compute(scheduler="sync"), dense @ other)
                product = er.einsum("ij,kj->ik", chunks, chunks)
                assert type(product._meta) is type(make(np.empty((0, 0))))
                parts = product.map_blocks(lambda x: x.todense(), dtype=float, meta=np.empty((0, 0)))
                np.testing.assert_allclose(parts.compute(scheduler="sync"), dense @ dense.T)
    for held in (scipy_sparse.csr_array(dense), scipy_sparse.coo_matrix(dense), sparse.COO.from_numpy(dense)):
        found = er.einsum("ij,jk->ik", da.ones((4, 30), chunks=3), held)
        assert isinstance(found, da.Array)
        np.testing.assert_allclose(found.compute(scheduler="sync"), np.ones((4, 30)) @ dense)
