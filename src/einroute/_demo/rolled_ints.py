"""Every rolling of one integer tensor against another.

``out[i, j] = A[i] @ B[(i + j) % d]`` for j < k, with A (d, m, n), B (d, n, l) and out (d, k, m, l).  The
usual ways lengthen B by its first k-1 slices, and take a view whose first two strides are equal and whose
entry ``[i, j]`` is slice i + j.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import einroute as er

from .problem import Array, Part, Problem, Size, Way

if TYPE_CHECKING:
    from collections.abc import Mapping

SUBSCRIPTS = "imn,ijnl->ijml"
LOOP_PRODUCTS = 1_000_000_000  # about one to two seconds of integer matmul
EINSUM_PRODUCTS = 4_000_000_000


@dataclass(frozen=True)
class Rolled:
    """`a` (d, m, n), `b` (d, n, l), and the number of rollings."""

    a: Array
    b: Array
    k: int


def build(dims: Mapping[str, int], rng: np.random.Generator) -> Rolled:
    """Small integers of both signs."""
    d, m, n, last = dims["d"], dims["m"], dims["n"], dims["l"]
    return Rolled(rng.integers(-100, 100, (d, m, n)), rng.integers(-100, 100, (d, n, last)), dims["k"])


def window(data: Rolled) -> Array:
    """The (d, k, n, l) view of B and its first k-1 slices, read only."""
    longer = np.concatenate((data.b, data.b[: data.k - 1]))
    step = longer.strides[0]
    shape = (len(data.b), data.k, *data.b.shape[1:])
    return np.lib.stride_tricks.as_strided(longer, shape, (step, *longer.strides), writeable=False)


def part(data: Rolled, products: int) -> Part:
    """As many of the first axis's entries as `products` multiplications go round."""
    each = data.k * data.a[0].size * data.b.shape[2]
    return Part.rows(max(1, products // each), len(data.a), "entries of i")


def loop_part(data: Rolled) -> Part:
    """What the double loop does in about a second or two."""
    return part(data, LOOP_PRODUCTS)


def loop(data: Rolled) -> Array:
    """Over i and j."""
    d = len(data.a)
    rows = range(d)[loop_part(data).index] if loop_part(data).note else range(d)
    out = np.empty((len(rows), data.k, data.a.shape[1], data.b.shape[2]), data.a.dtype)
    for i in rows:
        for j in range(data.k):
            out[i, j] = data.a[i] @ data.b[(i + j) % d]
    return out


def usual_part(data: Rolled) -> Part:
    """The whole, but at the largest size."""
    return part(data, EINSUM_PRODUCTS)


def usual(data: Rolled) -> Array:
    """The strided view fed to einsum."""
    index = usual_part(data).index
    return np.asarray(np.einsum(SUBSCRIPTS, data.a[index], window(data)[index]))


def matmul(data: Rolled) -> Array:
    """The strided view fed to matmul."""
    index = usual_part(data).index
    return np.asarray(np.matmul(data.a[index][:, None], window(data)[index]))


ROLLED_INTS: Problem[Rolled] = Problem(
    name="rolled-ints",
    title="every rolling of one integer tensor against another",
    sizes=(
        Size({"d": 1000, "k": 10, "m": 4, "n": 4, "l": 4}),
        Size({"d": 270, "k": 75, "m": 30, "n": 30, "l": 30}),
        Size({"d": 270, "k": 75, "m": 75, "n": 75, "l": 75}, full=True),
    ),
    build=build,
    usual=(
        Way(f'np.einsum("{SUBSCRIPTS}", A, window)', usual, usual_part),
        Way("np.matmul(A[:, None], window)", matmul, usual_part),
    ),
    loop=Way("loop over i and j", loop, loop_part),
    ours=lambda data: er.einsum(SUBSCRIPTS, data.a, er.rolled(data.b, data.k)),
    explain=lambda data: er.explain(SUBSCRIPTS, data.a, er.rolled(data.b, data.k)),
    tolerance=lambda _: 0.0,
)
