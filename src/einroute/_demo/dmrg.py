"""The effective Hamiltonian of two-site DMRG applied to a state: five operands, eleven labels.

Environments L (a, x, b) and R (d, z, c), two sites of the operator W1 (x, y, s, t) and W2 (y, z, u, v), and
the state psi (b, t, v, c); bond dimension chi, operator bond w, physical dimension p. The order of
contraction is everything: ``np.einsum``'s default multiplies all dimensions, and its ``optimize=True`` allows
no intermediate larger than the largest operand or result, so that here it does little better.
Source: U. Schollwoeck, Annals of Physics 326 (2011) 96.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import einroute as er

from .problem import Array, Part, Problem, Size, Way, rounding

if TYPE_CHECKING:
    from collections.abc import Mapping

SUBSCRIPTS = "axb,xyst,yzuv,btvc,dzc->asud"

LIMITED = (
    "NumPy lets no intermediate be larger than the largest operand or result here, and so falls back to one "
    "loop over ten of the eleven labels; the next line lifts that limit, and is the fair rival"
)


@dataclass(frozen=True)
class Network:
    """The five operands, in the order of the subscripts."""

    operands: tuple[Array, ...]


def build(dims: Mapping[str, int], rng: np.random.Generator) -> Network:
    """Random tensors of mixed signs."""
    chi, w, p = dims["chi"], dims["w"], dims["p"]
    shapes = ((chi, w, chi), (w, w, p, p), (w, w, p, p), (chi, p, p, chi), (chi, w, chi))
    return Network(tuple(rng.standard_normal(shape) for shape in shapes))


def loop_part(data: Network) -> Part:
    """A corner of the result, of at most four entries: one takes w**3 p**2 small products."""
    chi, p = data.operands[3].shape[:2]
    entries = chi * p * p * chi
    return Part((0, 0, slice(0, 2), slice(0, 2)), 4 / entries, f"4 of {entries:,} entries")


def loop(data: Network) -> Array:
    """Entry by entry, over the operator's labels; the two bonds are a vector-matrix-vector product."""
    left, w1, w2, psi, right = data.operands
    w, p = w1.shape[0], w1.shape[2]
    out = np.zeros((2, 2))
    for u, d in np.ndindex(2, 2):
        for x, y, z, t, v in np.ndindex(w, w, w, p, p):
            out[u, d] += w1[x, y, 0, t] * w2[y, z, u, v] * (left[0, x] @ psi[:, t, v] @ right[d, z])
    return out


def unlimited(data: Network) -> Array:
    """NumPy's greedy path without its limit on intermediates."""
    return np.asarray(np.einsum(SUBSCRIPTS, *data.operands, optimize=("greedy", 2**60)))


def usual_part(data: Network) -> Part:
    """A handful of entries: the whole would take hours."""
    chi, p = data.operands[3].shape[:2]
    few = min(4, chi)
    share = few / chi**2
    note = f"{few * p * p} of {chi * p * p * chi:,} entries"
    return Part((slice(0, 1), ..., slice(0, few)), share, note)


def usual(data: Network) -> Array:
    """What optimize=True does, for a part of the result: its path, on slices of the outer labels."""
    left, w1, w2, psi, right = data.operands
    rows, _, few = usual_part(data).index
    path = np.einsum_path(SUBSCRIPTS, *data.operands, optimize=True)[0]
    return np.asarray(np.einsum(SUBSCRIPTS, left[rows], w1, w2, psi, right[few], optimize=path))


def tolerance(data: Network) -> float:
    """Summed in stages of at most chi * w * p terms, never all at once: each stage rounds by itself."""
    left, w1, *_ = data.operands
    return 3 * rounding(left.shape[2] * w1.shape[0] * w1.shape[2])


DMRG: Problem[Network] = Problem(
    name="dmrg",
    title="a DMRG step, H_eff |psi>: five tensors in one einsum",
    sizes=(
        Size({"chi": 128, "w": 8, "p": 3}),
        Size({"chi": 300, "w": 10, "p": 4}, full=True),
    ),
    build=build,
    usual=(
        Way("np.einsum(..., optimize=True)", usual, usual_part, LIMITED),
        Way('the same, optimize=("greedy", 2**60)', unlimited),
    ),
    loop=Way("loop over the entries", loop, loop_part),
    ours=lambda data: er.einsum(SUBSCRIPTS, *data.operands, optimize=True),
    explain=lambda data: er.explain(SUBSCRIPTS, *data.operands, optimize=True),
    tolerance=tolerance,
)
