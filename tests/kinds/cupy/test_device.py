"""Contractions on a real device: run where CuPy and a GPU are, ``tox -e cupy`` there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import einroute as er
from tests.helpers import EXPRESSIONS, make

cupy = pytest.importorskip("cupy")
if not cupy.cuda.is_available():
    pytest.skip("no device", allow_module_level=True)


@pytest.mark.parametrize("dtype", ["?", "i1", "i4", "i8", "f2", "f4", "f8", "D"])
@pytest.mark.parametrize("subscripts", EXPRESSIONS)
def test_einsum_agrees_with_numpy(subscripts: str, dtype: str) -> None:
    arrays = make(subscripts, dtype)
    expected = np.asarray(np.einsum(subscripts, *arrays))
    got = er.einsum(subscripts, *map(cupy.asarray, arrays))
    assert type(got) is cupy.ndarray
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(got.get(), expected, rtol=1e-2 if dtype == "f2" else 1e-5)


@pytest.mark.parametrize("name", ["dot", "matmul", "inner", "vecdot"])
def test_products(name: str) -> None:
    a = np.random.default_rng(0).random((30, 30))
    got: Any = getattr(er, name)(cupy.asarray(a), a)
    assert type(got) is cupy.ndarray
    np.testing.assert_allclose(got.get(), getattr(np, name)(a, a))
