"""Code written for NumPy, with tensors for arrays, under override."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import einroute as er
from tests.kinds.torch.helpers import torch

CALLS: dict[str, Any] = {
    "einsum": (lambda a, b: np.einsum("ij,jk->ik", a, b), lambda a, b: a @ b),
    "tensordot": (lambda a, b: np.tensordot(a, b, axes=1), lambda a, b: a @ b),
    "dot": (lambda a, b: np.dot(a, b), lambda a, b: a @ b),  # noqa: PLW0108 - looked up under override
    "inner": (lambda a, b: np.inner(a, b.T), lambda a, b: a @ b),
    "multi_dot": (lambda a, b: np.linalg.multi_dot([a, b]), lambda a, b: a @ b),
    "solve": (lambda a, b: np.linalg.solve(a @ a.T, a), lambda a, b: torch.linalg.solve(a @ a.T, a)),
}


@pytest.mark.parametrize("name", sorted(CALLS))
def test_functions_that_are_no_ufuncs(name: str) -> None:
    a, b = torch.randn(3, 4, dtype=torch.float64), torch.randn(4, 3, dtype=torch.float64)
    call, expected = CALLS[name]
    with er.override():
        got = call(a, b)
    assert type(got) is torch.Tensor
    torch.testing.assert_close(got, expected(a, b))
