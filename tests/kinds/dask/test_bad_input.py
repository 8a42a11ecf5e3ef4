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


def made_of(function: Any, dtype: Any = float) -> Any:
    """`X` with a function of its chunks, which it is not told of."""
    wrong = X.map_blocks(function, dtype=dtype, meta=np.empty((0, 0), dtype))
    return da.Array(wrong.dask, wrong.name, X.chunks, meta=np.empty((0, 0), dtype))


@pytest.mark.parametrize("limit", [None, 400])
@pytest.mark.parametrize(
    "function",
    [lambda b: b[:, :-1], lambda b: b[:-1], lambda b: b[:, :1], lambda b: b[0], lambda b: b[None]],
)
@pytest.mark.parametrize("subscripts", ["ij,kj->ik", "kj,ij->ik", "ij->j", "ij->ji", "ij->", "ij,ij->ij"])
def test_chunks_of_another_shape_than_said(subscripts: str, function: Any, limit: int | None) -> None:
    """Along contracted and kept labels, read in parts or whole; never a result of another shape than said."""
    wrong = made_of(function)
    many = subscripts.count(",")
    place = 1 if subscripts.startswith("kj") else 0
    operands = [X] * (many + 1)
    operands[place] = wrong
    with er.config(memory_limit=limit):
        lazy = er.einsum(subscripts, *operands)
        # What rechunks an operand is dask's, and so is the error that it gives.
        again = any("rechunk" in layer for layer in lazy.dask.layers)
        said = "." if again else f"operand {place} are not as its .chunks says.*the right chunks="
        with pytest.raises(ValueError, match=said):
            lazy.compute(scheduler="sync")


def test_whole_chunks_of_another_shape_than_said() -> None:
    x = da.ones((3000, 6000), chunks=3000)
    wrong = x.map_blocks(lambda b: b[:-1], dtype=float, meta=np.empty((0, 0)))
    wrong = da.Array(wrong.dask, wrong.name, x.chunks, meta=np.empty((0, 0)))
    for subscripts, operands in (("ij,ij->ij", (x, wrong)), ("ij->ji", (wrong,))):
        lazy = er.einsum(subscripts, *operands)
        assert lazy.numblocks in {(1, 2), (2, 1)}
        with pytest.raises(ValueError, match=r"shape \(2999, 3000\), expected \(3000, 3000\)"):
            lazy.compute(scheduler="sync")


@pytest.mark.parametrize("limit", [None, 400])
def test_chunks_of_another_dtype_than_said(limit: int | None) -> None:
    """An error where the dtype said does not hold the values, and that dtype where it does."""
    for function, dtype, came in (
        (lambda b: b * 1j, "f8", "complex128"),
        (lambda b: b, "f4", "float64"),
        (lambda b: b, "i8", "float64"),
    ):
        wrong = made_of(function, dtype)
        said = np.dtype(dtype).name
        for subscripts, operands in (("ij,kj->ik", (wrong, X.astype(dtype))), ("ij->ji", (wrong,))):
            with er.config(memory_limit=limit):
                lazy = er.einsum(subscripts, *operands)
            with pytest.raises(TypeError, match=f"operand 0 has dtype {came}, but its array says {said}"):
                lazy.compute(scheduler="sync")
    for narrow, dtype in (("f4", "f8"), ("i4", "f8"), ("f8", "c16")):
        lazy = er.einsum("ij->ji", made_of(lambda b, narrow=narrow: b.astype(narrow), dtype))
        assert lazy.compute(scheduler="sync").dtype == lazy.dtype == dtype


def test_masked_chunks_are_refused() -> None:
    mask = X.compute() > 0.5
    masked = da.ma.masked_array(X, mask=mask)
    held = np.ma.masked_array(X.compute(), mask)
    for call in (
        lambda: er.einsum("ij,kj->ik", masked, X),
        lambda: er.matmul(masked, X.T),
        lambda: er.dot(masked, X.T),
        lambda: er.einsum("ij->i", masked),
        lambda: er.einsum("ij,kj->ik", held, X),
    ):
        with pytest.raises(TypeError, match=r"operand 0 .* masked.*filled"):
            call()
    hidden = X.map_blocks(lambda b: np.ma.masked_array(b, b > 0.5), dtype=float, meta=np.empty((0, 0)))
    with pytest.raises(TypeError, match=r"operand 1 are masked.*da.ma.filled"):
        er.einsum("ij,kj->ik", X, hidden).compute(scheduler="sync")


def test_unknown_sizes_that_differ() -> None:
    one, other = X[X[:, 0] > 0.3], X[X[:, 1] > 0.7]
    with pytest.raises(ValueError, match="unknown sizes of the operands are not the same"):
        er.einsum("ij,ik->jk", one, other).compute(scheduler="sync")


@pytest.mark.parametrize("limit", [None, 8])
def test_unknown_sizes_of_one_beside_others(limit: int | None) -> None:
    """A chunk with one row left is not broadcast against chunks with several."""
    x = da.from_array(np.arange(24.0).reshape(6, 4), chunks=(2, 2))
    many, one = x[x[:, 0] >= 0], x[x[:, 0] % 8 == 0]
    for subscripts in ("ij,i->j", "ij,i->ij", "ij,ij->ij", "ij,ij->"):
        with er.config(memory_limit=limit):
            lazy = er.einsum(subscripts, many, one[:, 0] if "i-" in subscripts else one)
        with pytest.raises(ValueError, match="unknown sizes of the operands are not the same"):
            lazy.compute(scheduler="sync")


def test_unknown_sizes_that_are_flattened() -> None:
    some = X[X[:, 0] > 0.3]
    for call in (lambda: er.outer(A[0], some), lambda: er.vdot(A, some)):
        with pytest.raises(ValueError, match=r"b has 2 axes, some of unknown sizes.*b.compute_chunk_sizes"):
            call()
    assert er.outer(some[:, 0], A).shape[1] == A.size


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
