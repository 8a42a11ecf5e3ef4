"""Founding problem 6: tensordot of a dense array and a sparse matrix.

``X`` is (I, J, N), ``A`` is (N, N) sparse with one non-zero a row: ``X . A`` over the last axis for every
(i, j), with no transposed copy of X or of the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import einroute as er

from .problem import Array, Part, Problem, Size, Way, rounding

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOP_VECTORS = 20_000  # a product with one vector takes about 5 us


@dataclass(frozen=True)
class Field:
    """`x` (I, J, N), and `a` (N, N) as a csr_array."""

    x: Array
    a: Any


def build(dims: Mapping[str, int], rng: np.random.Generator) -> Field:
    """One non-zero a row of `a`."""
    from scipy.sparse import csr_array  # noqa: PLC0415 - the problems before this one need no SciPy

    n = dims["N"]
    a = csr_array((rng.standard_normal(n), rng.integers(0, n, n), np.arange(n + 1)), shape=(n, n))
    x = rng.standard_normal((dims["I"], dims["J"], n))
    return Field(x, a)


def by_reshape(data: Field) -> Array:
    """The matrix on the right of a reshaped X: SciPy transposes both on the way."""
    return np.asarray(data.x.reshape(-1, len(data.x.T)) @ data.a).reshape(data.x.shape)


def by_transpose(data: Field) -> Array:
    """The matrix on the left, as sparse by dense wants it; the result is transposed, and copied whole."""
    n = len(data.x.T)
    return np.ascontiguousarray((data.a.T @ data.x.reshape(-1, n).T).T).reshape(data.x.shape)


def loop_part(data: Field) -> Part:
    """The first entries of the first axis."""
    i, j, _ = data.x.shape
    return Part.rows(max(1, LOOP_VECTORS // j), i, f"slices of {j} vectors")


def loop(data: Field) -> Array:
    """One vector after the other, times the matrix."""
    part = data.x[loop_part(data).index]
    transposed = data.a.T.tocsr()
    out = np.empty(part.shape)
    for i in range(part.shape[0]):
        for j in range(part.shape[1]):
            out[i, j] = transposed @ part[i, j]
    return out


SPARSE_TENSORDOT: Problem[Field] = Problem(
    name="sparse-tensordot",
    title="tensordot of a dense array and a sparse matrix with one non-zero a row",
    sizes=(
        Size({"N": 100, "I": 500, "J": 500}),
        Size({"N": 1000, "I": 200, "J": 200}),
    ),
    build=build,
    usual=(
        Way("X.reshape(-1, N) @ A", by_reshape),
        Way("(A.T @ X.reshape(-1, N).T).T, copied", by_transpose),
    ),
    loop=Way("loop of A.T @ vector", loop, loop_part),
    ours=lambda data: er.tensordot(data.x, data.a, axes=1),
    explain=lambda data: er.explain(er.tensordot, data.x, data.a, axes=1),
    tolerance=lambda data: rounding(data.a.shape[0]),
)
