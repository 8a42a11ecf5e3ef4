"""Warnings of products name the function that NumPy's own warnings name."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import einroute as er

CALLS = (
    *("tensordot(x, x, 1)", "tensordot(x, x, 2)", "linalg.tensordot(x, x)", "linalg.multi_dot([x, x, x])"),
    *("dot(x, x)", "dot(x, v)", "inner(x, x)", "matmul(x, x)", "matmul(x, v)", "vecdot(x, x)"),
    *("matvec(x, v)", "vecmat(v, x)", "linalg.matrix_power(x, 3)"),
)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("shape", [(2, 2), (6, 6), (40, 40), (6, 6, 6)])
def test_overflow_is_named_as_by_numpy(call: str, shape: tuple[int, ...]) -> None:
    if len(shape) == 3 and "multi_dot" in call:
        return  # takes no stacks
    x = np.full(shape, 1e300)
    told = []
    for library in (np, er):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            scope: dict[str, Any] = {"library": library, "x": x, "v": x[..., 0]}
            for _ in range(2):
                eval(f"library.{call}", scope)
        told.append({str(warning.message) for warning in seen})
    assert told[1] == told[0]
