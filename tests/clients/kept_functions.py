"""Libraries that looked NumPy's functions up before an override began: how many of their calls it reaches."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import autoray
import cotengra
import dask.array as da
import numpy as np
import opt_einsum
import xarray as xr

import einroute as er

rng = np.random.default_rng(0)
a, b, c = rng.random((6, 8)), rng.random((8, 5)), rng.random((5, 4))
square = b.T @ b + np.eye(5)
terms = [("i", "j"), ("j", "k"), ("k", "l")], ("i", "l")


def chunked(x: Any) -> Any:
    """An array in chunks."""
    return da.from_array(x, chunks=4)


CALLS: dict[str, Callable[[], Any]] = {
    "opt_einsum": lambda: opt_einsum.contract("ij,jk,kl->il", a, b, c),
    "autoray.do": lambda: autoray.do("tensordot", a, b, 1),
    "autoray.get_namespace": lambda: autoray.get_namespace("numpy").linalg.solve(square, c),
    "xarray.dot": lambda: xr.dot(xr.DataArray(a, dims=("i", "j")), xr.DataArray(b, dims=("j", "k"))),
    "dask.einsum": lambda: da.einsum("ij,jk->ik", chunked(a), chunked(b)).compute(scheduler="sync"),
    "dask.tensordot": lambda: da.tensordot(chunked(a), chunked(b), 1).compute(scheduler="sync"),
    "cotengra": lambda: cotengra.array_contract((a, b, c), *terms),
    "cotengra by autoray": lambda: cotengra.array_contract((a, b, c), *terms, implementation="autoray"),
}
expected = {name: np.asarray(call()) for name, call in CALLS.items()}


def reached(*names: str) -> dict[str, int]:
    """How many calls of einroute each makes inside an override."""
    counts = {}
    with er.override(*names):
        for name, call in CALLS.items():
            with er.record() as calls:
                np.testing.assert_allclose(np.asarray(call()), expected[name], rtol=1e-12)
            counts[name] = calls.calls
    return counts


during, named = reached(), reached("matmul")
after = {}
for name, call in CALLS.items():
    with er.record() as calls:
        call()
    after[name] = calls.calls
print(json.dumps({"during": during, "matmul": named, "after": after}))
