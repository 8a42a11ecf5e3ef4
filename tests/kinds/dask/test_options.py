"""Options of the functions for dask operands: each has its effect, or is refused and said to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import einroute as er

da = pytest.importorskip("dask.array")

A, B = np.arange(12.0).reshape(3, 4), np.arange(20.0).reshape(4, 5)
SQUARE = np.array([[[2.0, 1.0, 0.0], [0.0, 1.0, 3.0], [1.0, 0.0, 1.0]]] * 2)


def chunked(x: np.ndarray) -> Any:
    return da.from_array(x, chunks=2)


def einsum(module: Any, a: Any, b: Any, **options: Any) -> Any:
    return module.einsum("ij,jk->ik", a, b, **options)


def matmul(module: Any, a: Any, b: Any, **options: Any) -> Any:
    return module.matmul(a, b, **options)


def vecdot(module: Any, a: Any, b: Any, **options: Any) -> Any:
    return module.vecdot(a, a, **options)


#: The call, the options, and the error where they are refused.
OPTIONS: list[tuple[Callable[..., Any], dict[str, Any], type[Exception] | None]] = [
    (einsum, {"dtype": "f4", "casting": "same_kind"}, None),
    (einsum, {"dtype": "f4"}, TypeError),
    (einsum, {"dtype": "c16"}, None),
    (einsum, {"order": "C"}, None),
    (einsum, {"order": "K"}, None),
    (einsum, {"order": "A"}, None),
    (einsum, {"order": "F"}, TypeError),
    (einsum, {"casting": "no"}, None),
    (einsum, {"optimize": True}, None),
    (einsum, {"optimize": "optimal"}, None),
    (einsum, {"optimize": ["einsum_path", (0, 1)]}, None),
    (einsum, {"optimize": ("greedy", 10)}, None),
    (einsum, {"out": np.empty((3, 5))}, TypeError),
    (matmul, {"dtype": "f4", "casting": "same_kind"}, None),
    (matmul, {"order": "F"}, TypeError),
    (matmul, {"axes": [(0, 1), (0, 1), (1, 0)]}, None),
    (matmul, {"out": np.empty((3, 5))}, TypeError),
    (matmul, {"keepdims": True}, TypeError),
    (vecdot, {"axis": 0}, None),
    (vecdot, {"keepdims": True}, TypeError),
]


@pytest.mark.parametrize(("call", "options", "error"), OPTIONS)
def test_each_has_its_effect_or_is_refused(
    call: Callable[..., Any], options: dict[str, Any], error: type[Exception] | None
) -> None:
    a, b = chunked(A), chunked(B)
    if error is not None:
        with pytest.raises(error, match=next(iter(options))):
            call(er, a, b, **options)
        return
    got, expected = call(er, a, b, **options), call(np, A, B, **options)
    assert type(got) is da.Array
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(got.compute(), expected)


@pytest.mark.parametrize("n", [-2, -1, 0, 1, 2, 3, 5])
def test_powers_stay_lazy(n: int) -> None:
    for a in (SQUARE, SQUARE[0]):
        got = er.linalg.matrix_power(chunked(a), n)
        assert type(got) is da.Array
        np.testing.assert_allclose(got.compute(), np.linalg.matrix_power(a, n), atol=1e-12)
