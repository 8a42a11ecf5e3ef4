"""tensordot of a dense array and a matrix that is mostly zeros, here stored dense.

``X`` is (I, J, N), ``A`` is (N, N) with one non-zero a row: ``X . A`` over the last axis for every (i, j).
This is the dense counterpart of the sparse problem; dense, nothing knows of the zeros and the work is one
GEMM.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import einroute as er

from .problem import Array, Part, Problem, Size, Way, rounding

if TYPE_CHECKING:
    from collections.abc import Mapping

LOOP_BYTES = 20_000_000_000  # of A read by the loop: about a second


@dataclass(frozen=True)
class Stack:
    """`x` (I, J, N) and `a` (N, N)."""

    x: Array
    a: Array


def build(dims: Mapping[str, int], rng: np.random.Generator) -> Stack:
    """One non-zero a row of `a`."""
    n = dims["N"]
    a = np.zeros((n, n))
    a[np.arange(n), rng.integers(0, n, n)] = rng.standard_normal(n)
    return Stack(rng.standard_normal((dims["I"], dims["J"], n)), a)


def loop_part(data: Stack) -> Part:
    """As many of the first axis's entries as the loop does in about a second or two."""
    i, j, _ = data.x.shape
    return Part.rows(max(1, min(LOOP_BYTES // data.a.nbytes, 250_000) // j), i, f"slices of {j} vectors")


def loop(data: Stack) -> Array:
    """One vector after the other, times the matrix."""
    part = data.x[loop_part(data).index]
    out = np.empty(part.shape)
    for i in range(part.shape[0]):
        for j in range(part.shape[1]):
            out[i, j] = part[i, j] @ data.a
    return out


DENSE_TENSORDOT: Problem[Stack] = Problem(
    name="dense-tensordot",
    title="tensordot of a dense array and a matrix with one non-zero a row, stored dense",
    sizes=(
        Size({"N": 100, "I": 500, "J": 500}),
        Size({"N": 1000, "I": 200, "J": 200}),
    ),
    build=build,
    usual=(Way("np.tensordot(X, A, axes=1)", lambda data: np.tensordot(data.x, data.a, axes=1)),),
    loop=Way("loop of vector @ matrix", loop, loop_part),
    ours=lambda data: er.tensordot(data.x, data.a, axes=1),
    explain=lambda data: er.explain(er.tensordot, data.x, data.a, axes=1),
    tolerance=lambda data: rounding(len(data.a)),
)
