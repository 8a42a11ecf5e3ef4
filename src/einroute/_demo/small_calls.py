"""Many small einsum calls, as a loop over time steps makes them: here the call itself is the cost.

At each step a body turns by R (3, 3): its frame is F R, its inertia R' S R, a point R x; and a homogeneous
transform (4, 4) is chained. Four einsum calls a step, of one to three operands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import einroute as er

from .problem import Array, Part, Problem, Size, Way, rounding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LOOP_STEPS = 1_000


@dataclass(frozen=True)
class Motion:
    """Turns (n, 3, 3), transforms (n, 4, 4), an inertia (3, 3) and a point (3,)."""

    turns: Array
    transforms: Array
    inertia: Array
    point: Array


def build(dims: Mapping[str, int], rng: np.random.Generator) -> Motion:
    """Rotations, so that nothing grows however many steps there are."""
    steps = max(1, dims["calls"] // 4)
    turns = np.linalg.qr(rng.standard_normal((steps, 3, 3)))[0]
    transforms = np.linalg.qr(rng.standard_normal((steps, 4, 4)))[0]
    return Motion(turns, transforms, np.diag([1.0, 2.0, 3.0]), np.array([1.0, 0.5, 0.25]))


def by(einsum: Callable[..., Any], steps: int | None = None, **options: Any) -> Callable[[Motion], Array]:
    """The motion by `einsum`; row n of the result holds all that is known after step n."""

    def run(data: Motion) -> Array:
        frame, chain, inertia, x = np.eye(3), np.eye(4), data.inertia, data.point
        out = np.empty((len(data.turns[:steps]), 37))
        for row, turn, transform in zip(out, data.turns[:steps], data.transforms, strict=False):
            frame = einsum("ij,jk->ik", frame, turn, **options)
            inertia = einsum("ji,jk,kl->il", turn, inertia, turn, **options)
            x = einsum("ij,j->i", turn, x, **options)
            chain = einsum("ij,jk->ik", chain, transform, **options)
            row[:9], row[9:18], row[18:21], row[21:] = frame.flat, inertia.flat, x, chain.flat
        return out

    return run


def plain(subscripts: str, *operands: Array) -> Array:
    """An einsum by its definition: one loop a label."""
    terms, output = subscripts.split("->")
    inputs = terms.split(",")
    dims: dict[str, int] = {}
    for term, a in zip(inputs, operands, strict=True):
        dims.update(zip(term, a.shape, strict=True))
    out = np.zeros([dims[label] for label in output])
    for index in np.ndindex(*dims.values()):
        at = dict(zip(dims, index, strict=True))
        product = 1.0
        for term, a in zip(inputs, operands, strict=True):
            product *= a[tuple(at[label] for label in term)]
        out[tuple(at[label] for label in output)] += product
    return out


def loop_part(data: Motion) -> Part:
    """The first steps: loops in Python take a millisecond for each."""
    return Part.rows(LOOP_STEPS, len(data.turns), "steps")


SMALL_CALLS: Problem[Motion] = Problem(
    name="small-calls",
    title="many einsum calls on 3x3 and 4x4 operands, as a loop over time steps makes them",
    sizes=(
        Size({"calls": 20_000}),
        Size({"calls": 200_000}, full=True),
    ),
    build=build,
    usual=(
        Way("np.einsum", by(np.einsum)),
        Way("np.einsum(optimize=True)", by(np.einsum, optimize=True)),
    ),
    loop=Way("loop over the labels", by(plain, LOOP_STEPS), loop_part),
    ours=by(er.einsum),
    explain=lambda data: er.explain("ij,jk->ik", data.turns[0], data.turns[0]),
    # Rotations carry errors on without growth, so that they add up over the steps.
    tolerance=lambda data: 64 * rounding(9) * len(data.turns),
)
