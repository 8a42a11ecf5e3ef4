"""Founding problem 4: a field in N layers on a grid of z by x.

``E[z, x, :] = u_n E_n exp(i k_n (z - z_{n-1}) + i k_x x)`` where n is the layer that holds z, with three
complex components.  The mask that says which layer that is, usually multiplied by, is an operand here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import einroute as er

from .problem import Array, Problem, Size, Way

if TYPE_CHECKING:
    from collections.abc import Mapping

SUBSCRIPTS = "zn,n,nc,z,x->zxc"


@dataclass(frozen=True)
class Layers:
    """Grid `z`, `x`; `borders` (N + 1); `k`, `u` (N) and `e` (N, 3) of each layer; wave number along x."""

    z: Array
    x: Array
    borders: Array
    k: Array
    u: Array
    e: Array
    k_x: float

    @property
    def labels(self) -> Array:
        """The layer that holds each z."""
        return np.searchsorted(self.borders[1:-1], self.z, side="right")


def build(dims: Mapping[str, int], rng: np.random.Generator) -> Layers:
    """Layers of random thickness, some waves high."""
    n = dims["N"]
    borders = np.concatenate(([0.0], np.cumsum(rng.uniform(0.5, 1.5, n))))
    u, *e = (rng.standard_normal(n) + 1j * rng.standard_normal(n) for _ in range(4))
    z = np.linspace(0.0, borders[-1], dims["Z"])
    return Layers(z, np.linspace(0.0, 5.0, dims["X"]), borders, rng.uniform(1, 3, n), u, np.stack(e, 1), 2.0)


def masked(data: Layers) -> Array:
    """Over the layers: each on the whole grid, times its mask."""
    labels = data.labels
    out = np.zeros((len(data.z), len(data.x), 3), complex)
    for n, start in enumerate(data.borders[:-1]):
        wave = np.exp(1j * (data.k[n] * (data.z - start)[:, None] + data.k_x * data.x))
        out += ((labels == n)[:, None] * wave)[..., None] * (data.u[n] * data.e[n])
    return out


def phase(data: Layers, k: Array, start: Array) -> Array:
    """The phase along z from each row's wave number and the border that its layer starts at."""
    return np.asarray(np.exp(1j * k * (data.z - start)))


def gathered(data: Layers) -> Array:
    """Gathers by hand, and the broadcast product laid out so that its loops are long."""
    labels = data.labels
    rows = (data.u[labels] * phase(data, data.k[labels], data.borders[labels]))[:, None] * data.e[labels]
    return np.asarray(np.multiply.outer(rows, np.exp(1j * data.k_x * data.x))).transpose(0, 2, 1)


def loop(data: Layers) -> Array:
    """Over the rows of the grid."""
    out = np.empty((len(data.z), len(data.x), 3), complex)
    for row, n in enumerate(data.labels):
        wave = np.exp(1j * (data.k[n] * (data.z[row] - data.borders[n]) + data.k_x * data.x))
        out[row] = data.u[n] * data.e[n] * wave[:, None]
    return out


def operands(data: Layers) -> tuple[Any, ...]:
    """The mask, what there is for each layer, and the phases."""
    layer = er.one_hot(data.labels, len(data.k))
    k, start = (er.einsum("zn,n->z", layer, values) for values in (data.k, data.borders[:-1]))
    return layer, data.u, data.e, phase(data, k, start), np.exp(1j * data.k_x * data.x)


def tolerance(data: Layers) -> float:
    """Phases are rounded to eps times their size, in another order than the loop's."""
    largest = float(np.max(data.k) * 2 + data.k_x * np.max(data.x))
    return 8.0 * float(np.finfo(float).eps) * (4.0 + largest)


LAYERED_FIELD: Problem[Layers] = Problem(
    name="layered-field",
    title="a field in N layers on a grid, the layer's mask as an operand",
    sizes=(Size({"Z": 2000, "X": 1000, "N": 20}),),
    build=build,
    usual=(
        Way("loop over layers, times a mask", masked),
        Way("np.multiply.outer(gathered rows, wave)", gathered),
    ),
    loop=Way("loop over rows", loop),
    ours=lambda data: er.einsum(SUBSCRIPTS, *operands(data)),
    explain=lambda data: er.explain(SUBSCRIPTS, *operands(data)),
    tolerance=tolerance,
)
