"""Structured operands of dask arrays against those of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import einroute as er

from .test_values import chunked, same

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")

RNG = np.random.default_rng(1)
LIMITS = (None, 2000, 300)
BASE = RNG.random((23, 4))
CHUNKS = ((5, 0, 11, 7), (3, 1))


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("step", [1, -1, 2, -3, 0, 30])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("k", [1, 3, 9, 40])
def test_rolled(k: int, axis: int, step: int, limit: int | None) -> None:
    base = da.from_array(BASE, chunks=CHUNKS)
    ours, lazy = er.rolled(BASE, k, axis=axis, step=step), er.rolled(base, k, axis=axis, step=step)
    written = np.asarray(ours)
    assert (lazy.shape, lazy.dtype, lazy.ndim) == (ours.shape, ours.dtype, 3)
    w = RNG.random(written.shape[1])
    with er.config(memory_limit=limit):
        np.testing.assert_array_equal(lazy.compute(scheduler="sync"), written)
        same(er.einsum("ijk,j->ik", lazy, w), np.einsum("ijk,j->ik", written, w))
        same(er.einsum("j,ijk->ik", chunked(w), lazy), np.einsum("ijk,j->ik", written, w))
        same(er.einsum("ijk,j->ik", ours, chunked(w)), np.einsum("ijk,j->ik", written, w))
        same(er.einsum("ijk,ijk->ik", lazy, lazy), np.einsum("ijk,ijk->ik", written, written))


def test_rolled_of_nothing_and_diagonals() -> None:
    same(er.einsum("ij->j", er.rolled(da.zeros((0,), chunks=2), 3)), np.zeros(3))
    base = RNG.random(6)
    lazy = er.rolled(da.from_array(base, chunks=4), 6)
    same(er.einsum("ii->i", lazy), np.diag(np.asarray(er.rolled(base, 6))))


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("dtype", [float, int, bool, np.complex64])
def test_one_hot(dtype: Any, limit: int | None) -> None:
    labels, w = RNG.integers(-1, 6, 50), RNG.random((50, 3))
    ours, lazy = er.one_hot(labels, 5, dtype=dtype), er.one_hot(chunked(labels), 5, dtype=dtype)
    assert (lazy.shape, lazy.dtype) == (ours.shape, ours.dtype)
    written = np.asarray(ours)
    with er.config(memory_limit=limit):
        np.testing.assert_array_equal(lazy.compute(scheduler="sync"), written)
        same(er.einsum("tr,tc->rc", lazy, chunked(w)), np.einsum("tr,tc->rc", written, w), 1e-5)
        same(er.einsum("tc,tr->rc", w, lazy), np.einsum("tr,tc->rc", written, w), 1e-5)
        same(er.einsum("tr->r", lazy), np.einsum("tr->r", written))
        table = RNG.random((5, 2))
        same(er.einsum("tr,rc->tc", lazy, chunked(table)), np.einsum("tr,rc->tc", written, table), 1e-5)
        same(er.einsum("tr,tc->rc", ours, chunked(w)), np.einsum("tr,tc->rc", written, w), 1e-5)


def test_one_hot_reads_no_row_without_a_class() -> None:
    labels, w = np.array([0, -1, 1, 2]), np.array([1.0, np.nan, 2.0, np.inf])
    found = er.einsum("tr,t->r", er.one_hot(chunked(labels, 2), 2), chunked(w, 3))
    np.testing.assert_array_equal(found.compute(scheduler="sync"), [1.0, 2.0])


@pytest.mark.parametrize("limit", LIMITS)
def test_pairwise_difference(limit: int | None) -> None:
    x, y, m = RNG.random((30, 4)), RNG.random((20, 4)), RNG.random((4, 4))
    lazy_x, lazy_y = da.from_array(x, chunks=(7, 3)), da.from_array(y, chunks=(6, 2))
    written = x[:, None] - y
    with er.config(memory_limit=limit):
        for d in (
            er.pairwise_difference(lazy_x, lazy_y),
            er.pairwise_difference(lazy_x, y),
            er.pairwise_difference(x, lazy_y),
        ):
            assert (d.shape, d.dtype) == (written.shape, written.dtype)
            same(er.einsum("ijk,ijk->ij", d, d), np.einsum("ijk,ijk->ij", written, written))
            same(er.einsum("ijk,kl,ijl->ij", d, m, d), np.einsum("ijk,kl,ijl->ij", written, m, written), 1e-9)
            same(er.einsum("ijk,k->ij", d, chunked(m[0])), written @ m[0], 1e-9)
        itself = er.pairwise_difference(lazy_x)
        squared = er.einsum("ijk,ijk->ij", itself, itself).compute(scheduler="sync")
        np.testing.assert_array_equal(np.diag(squared), 0)
        np.testing.assert_array_equal(squared, squared.T)


def test_squared_forms_of_chunks_are_products_of_matrices() -> None:
    """What a task makes of one operand twice is known there for the same."""
    x = np.repeat(1e8, 6)[:, None] + RNG.random((6, 3))
    d = er.pairwise_difference(da.from_array(x, chunks=(2, 3)))
    ours = er.pairwise_difference(x)
    expected = er.einsum("ijk,ijk->ij", ours, ours)
    np.testing.assert_allclose(er.einsum("ijk,ijk->ij", d, d).compute(scheduler="sync"), expected, rtol=1e-7)


def test_numpys_functions() -> None:
    lazy = er.rolled(da.from_array(BASE, chunks=5), 3)
    written = np.asarray(er.rolled(BASE, 3))
    same(lazy + 1, written + 1)
    same(np.sum(lazy), written.sum())
    same(np.einsum("ijk->k", lazy), written.sum((0, 1)))
    same(np.matmul(lazy, np.ones((4, 2))), written @ np.ones((4, 2)))
    same(lazy[2:4], written[2:4])
    np.testing.assert_array_equal(np.asarray(lazy), written)


def test_dasks_functions_take_them_as_collections() -> None:
    labels = np.array([2, 0, 1, 5])
    lazy = er.one_hot(da.from_array(labels, chunks=3), 3)
    written = np.asarray(er.one_hot(labels, 3))
    assert dask.is_dask_collection(lazy)
    with dask.config.set(scheduler="sync"):
        (computed,) = dask.compute(lazy)
        (persisted,) = dask.persist(lazy)
        (optimized,) = dask.optimize(lazy)
        total = dask.delayed(np.sum)(lazy).compute()
    np.testing.assert_array_equal(computed, written)
    same(persisted, written)
    same(optimized, written)
    assert total == written.sum()

    def fail(*_: Any, **__: Any) -> Any:
        raise AssertionError("computed")

    with dask.config.set(scheduler=fail):
        joined = da.concatenate([da.asarray(lazy), da.ones((2, 3))])
    same(joined, np.concatenate([written, np.ones((2, 3))]))


@pytest.mark.parametrize(
    ("make", "error", "named"),
    [
        (lambda x: er.rolled(x, 0), ValueError, "k is 0"),
        (lambda x: er.rolled(x, 2, axis=5), np.exceptions.AxisError, "axis"),
        (lambda x: er.rolled(x[x[:, 0] > 0.5], 2), ValueError, "compute_chunk_sizes"),
        (lambda x: er.one_hot(x, 3), TypeError, "labels has dtype"),
        (lambda x: er.one_hot(x.astype(int), -1), ValueError, "depth is -1"),
        (lambda x: er.pairwise_difference(x, x[:, :2]), ValueError, "second axes"),
        (lambda x: er.pairwise_difference(x[0]), ValueError, "expected two axes"),
    ],
)
def test_errors(make: Any, error: type[Exception], named: str) -> None:
    with pytest.raises(error, match=named):
        make(da.from_array(BASE, chunks=5))
