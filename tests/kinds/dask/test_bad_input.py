"""Bad calls of dask arrays: NumPy's or dask's types of exceptions, what came and how to mend it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import einroute as er

da = pytest.importorskip("dask.array")

X = da.from_array(np.random.default_rng(0).random((30, 4)), chunks=(7, 3))
A = np.ones((4, 5))


@pytest.mark.parametrize(
    ("call", "error", "named"),
    [
        (lambda: er.einsum("ij,jk->ik", X, X), ValueError, "label 'j' has size 4 in operand 0"),
        (lambda: er.matmul(X, X), ValueError, "are contracted and have sizes 4 and 30"),
        (lambda: er.einsum("ijk->i", X), ValueError, "operand"),
        (lambda: er.einsum("ij,jk->ik", X, A, out=np.empty((30, 5))), TypeError, "call without out"),
        (lambda: er.einsum("ij,jk->ik", X, A, out=da.zeros((30, 5))), TypeError, "out is of type Array"),
        (lambda: er.dot(X, A, out=np.empty((30, 5))), TypeError, "call without out"),
        (lambda: er.matmul(X, A, out=da.zeros((30, 5))), TypeError, "out"),
        (lambda: er.linalg.multi_dot([X, A], out=np.empty((30, 5))), TypeError, "out"),
        (lambda: er.einsum("ij,jk->ik", X, A, dtype=int), TypeError, "casting"),
        (lambda: er.einsum("ij,jk->ik", X, A, foo=1), TypeError, "foo"),
        (lambda: er.einsum("ij,jk->ik", X, object()), TypeError, "object"),
        (lambda: er.tensordot(X, A, 3), (ValueError, IndexError), "axes"),
    ],
)
def test_at_the_call(call: Any, error: type[Exception], named: str) -> None:
    with pytest.raises(error, match=named):
        call()


def test_out_stays_as_it_was() -> None:
    out = np.full((30, 5), 7.0)
    with pytest.raises(TypeError):
        er.einsum("ij,jk->ik", X, A, out=out)
    assert (out == 7).all()


def test_chunks_of_another_shape_than_said() -> None:
    wrong = X.map_blocks(lambda x: x[:, :-1], dtype=float, meta=np.empty((0, 0)))
    wrong = da.Array(wrong.dask, wrong.name, X.chunks, meta=np.empty((0, 0)))
    with pytest.raises(ValueError, match="map_blocks the right chunks"):
        er.einsum("ij,kj->ik", wrong.rechunk({1: 3}), X).compute(scheduler="sync")


def test_chunks_of_another_dtype_than_said() -> None:
    wrong = X.map_blocks(lambda x: x * 1j, dtype=float, meta=np.empty((0, 0)))
    with pytest.raises(TypeError, match="operand 0 has dtype complex128, but its array says float64"):
        er.einsum("ij,jk->ik", wrong, A).compute(scheduler="sync")


def test_query_planning_is_refused() -> None:
    source = (
        "import dask\ndask.config.set({'array.query-planning': True})\n"
        "import dask.array as da, einroute as er\n"
        "x = da.ones((4, 4), chunks=2)\n"
        "try:\n    er.einsum('ij,jk->ik', x, x)\nexcept TypeError as e:\n    print(e)\n"
    )
    done = subprocess.run([sys.executable, "-c", source], check=False, capture_output=True, text=True)
    if "dask-expr" in done.stderr or "dask_expr" in done.stderr:
        pytest.skip("this dask has no query planning of arrays by itself")
    assert done.returncode == 0, done.stderr
    assert "array.query-planning" in done.stdout


def test_dask_is_not_imported_to_look() -> None:
    source = (
        "import sys, numpy as np, einroute as er\n"
        "er.einsum('ij,jk->ik', np.ones((3, 3)), np.ones((3, 3)))\n"
        "assert 'dask' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", source], check=True)


def test_override_routes_numpys_functions() -> None:
    with er.override():
        found = np.einsum("ij,jk->ik", X, A), np.matmul(X, A), np.tensordot(X, A, 1), np.dot(X, A)
    for result in found:
        assert isinstance(result, da.Array)
        np.testing.assert_allclose(result.compute(scheduler="sync"), X.compute() @ A)


def test_numpys_array_beside_a_routed_one() -> None:
    found = np.einsum("ij,jk->ik", er.routed(X.compute()), A)
    np.testing.assert_allclose(found, X.compute() @ A)


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
