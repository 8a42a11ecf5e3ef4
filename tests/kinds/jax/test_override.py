"""Code written for NumPy, with JAX's arrays, under override."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import einroute as er
from tests.kinds.jax.helpers import jax, random

CALLS: dict[str, Any] = {
    "einsum": lambda a, b: np.einsum("ij,jk->ik", a, b),
    "tensordot": lambda a, b: np.tensordot(a, b, axes=1),
    "dot": lambda a, b: np.dot(a, b),  # noqa: PLW0108 - looked up under override
    "inner": lambda a, b: np.inner(a, b.T),
    "multi_dot": lambda a, b: np.linalg.multi_dot([a, b]),
}


@pytest.mark.parametrize("name", sorted(CALLS))
def test_functions_that_are_no_ufuncs(name: str) -> None:
    a, b = random(3, 4), random(4, 3)
    with er.override():
        got = CALLS[name](a, b)
        traced = jax.jit(CALLS[name])(a, b)
    for found in (got, traced):
        assert isinstance(found, jax.Array)
        np.testing.assert_allclose(found, np.asarray(a) @ np.asarray(b), rtol=1e-5)


def test_solvers() -> None:
    a, b = random(4, 4), random(4, 2)
    with er.override():
        for got, expected in (
            (np.linalg.solve(a, b), np.linalg.solve(np.asarray(a), np.asarray(b))),
            (np.linalg.inv(a), np.linalg.inv(np.asarray(a))),
            (np.linalg.lstsq(a, b)[0], np.linalg.solve(np.asarray(a), np.asarray(b))),
        ):
            assert isinstance(got, jax.Array)
            np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)


def test_ufuncs_where_they_were_named() -> None:
    a, b = random(3, 4), random(4, 3)
    with er.override("matmul"):
        got = np.matmul(a, b)
    assert isinstance(got, jax.Array)
    np.testing.assert_allclose(got, np.asarray(a) @ np.asarray(b), rtol=1e-5)
