"""The partition function of a ladder closed to a ring: eight tensors, twelve bonds, one number.

Four tensors above (a, e, b) ..., four below (i, e, j) ..., joined to a ring in each row and by a rung in each
column, all bonds of dimension chi. The definition takes chi**12 steps, and so does ``np.einsum`` with
``optimize=True``, which allows no intermediate larger than an operand; a good order takes about chi**6.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import einroute as er

from .problem import Array, Problem, Size, Way, rounding

if TYPE_CHECKING:
    from collections.abc import Mapping

SUBSCRIPTS = "aeb,bfc,cgd,dha,iej,jfk,kgl,lhi->"


@dataclass(frozen=True)
class Ring:
    """The eight operands (chi, chi, chi), in the order of the subscripts."""

    operands: tuple[Array, ...]


def build(dims: Mapping[str, int], rng: np.random.Generator) -> Ring:
    """Boltzmann weights: positive, so that nothing cancels and an error means something."""
    chi = dims["chi"]
    return Ring(tuple(rng.uniform(0.5, 1.5, (chi, chi, chi)) / chi for _ in range(8)))


def loop(data: Ring) -> Array:
    """Over the four rungs; each row is then the trace of a product of four matrices."""
    a, b, c, d, i, j, k, m = (t.transpose(1, 0, 2).copy() for t in data.operands)
    chi = len(a)
    total = 0.0
    for e, f in np.ndindex(chi, chi):
        above, below = a[e] @ b[f], i[e] @ j[f]
        for g, h in np.ndindex(chi, chi):
            total += float(np.sum(above * (c[g] @ d[h]).T)) * float(np.sum(below * (k[g] @ m[h]).T))
    return np.array(total)


def usual(data: Ring) -> Array:
    """NumPy's greedy path without its limit on intermediates."""
    return np.asarray(np.einsum(SUBSCRIPTS, *data.operands, optimize=("greedy", 2**60)))


RING: Problem[Ring] = Problem(
    name="ring",
    title="the partition function of a ladder closed to a ring: eight tensors in one einsum",
    sizes=(
        Size({"chi": 16}),
        Size({"chi": 24}, full=True),
    ),
    build=build,
    usual=(Way('np.einsum(..., optimize=("greedy", 2**60))', usual),),
    loop=Way("loop over the rungs", loop),
    ours=lambda data: np.asarray(er.einsum(SUBSCRIPTS, *data.operands, optimize=True)),
    explain=lambda data: er.explain(SUBSCRIPTS, *data.operands, optimize=True),
    # Positive terms, summed in stages of chi**2: relative to the sum itself.
    tolerance=lambda data: 8 * rounding(len(data.operands[0]) ** 2),
)
