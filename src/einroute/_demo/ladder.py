"""The partition function of a long ladder: a thousand tensors, one number.

Two rows of tensors, joined along each row and by a rung in each column, all bonds of dimension chi. NumPy's
einsum takes 52 labels, and here are fifteen hundred; a good order goes along the ladder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

import einroute as er

from .problem import Array, Problem, Size, Way, rounding

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Ladder:
    """The tensors, and how they hang together.

    Attributes
    ----------
    columns : tuple of (array, array)
        (left, right, rung) above and below.
    subscripts : str
    path : tuple of tuple of int
    """

    columns: tuple[tuple[Array, Array], ...]
    subscripts: str
    path: tuple[tuple[int, ...], ...]

    @property
    def tensors(self) -> list[Array]:
        """All of them."""
        return [x for column in self.columns for x in column]


def build(dims: Mapping[str, int], rng: np.random.Generator) -> Ladder:
    """Boltzmann weights: positive, so that nothing cancels; closed at both ends by bonds of dimension 1."""
    count, chi = dims["columns"], dims["chi"]
    columns, terms = [], []
    for i in range(count):
        shape = (1 if i == 0 else chi, 1 if i == count - 1 else chi, chi)
        above, below = (rng.uniform(0.5, 1.5, shape) / chi**1.5 for _ in range(2))
        columns.append((above, below))
        terms += [
            f"{_bond(0, i)}{_bond(0, i + 1)}{_bond(2, i)}",
            f"{_bond(1, i)}{_bond(1, i + 1)}{_bond(2, i)}",
        ]
    subscripts = ",".join(terms) + "->"
    shapes = [x.shape for column in columns for x in column]
    path = er.contract_path(subscripts, *shapes, shapes=True)[0]
    return Ladder(tuple(columns), subscripts, tuple(path))


def _bond(row: int, number: int) -> str:
    """A label: of the upper row, of the lower one, or of a rung."""
    return chr(0x4E00 + 3 * number + row)


def usual(data: Ladder) -> Array:
    """opt_einsum along the same path."""
    import opt_einsum  # noqa: PLC0415 - the usual way, which only this problem measures

    return np.asarray(opt_einsum.contract(data.subscripts, *data.tensors, optimize=data.path))


def ours(data: Ladder) -> Array:
    """The same by einroute, which finds its plan again."""
    return np.asarray(er.contract(data.subscripts, *data.tensors, optimize=data.path))


def loop(data: Ladder) -> Array:
    """Column after column: a matrix of both rows' bonds."""
    bonds = np.ones((1, 1))
    for above, below in data.columns:
        left = np.tensordot(bonds, above, axes=(0, 0))  # below's bond, above's next, the rung
        bonds = np.tensordot(left, below, axes=((0, 2), (0, 2)))
    return np.asarray(bonds.sum())


LADDER: Problem[Ladder] = Problem(
    name="ladder",
    title="the partition function of a long ladder: a thousand tensors, contracted along one path",
    sizes=(
        Size({"columns": 500, "chi": 4}),
        Size({"columns": 1500, "chi": 6}, full=True),
    ),
    build=build,
    usual=(Way("opt_einsum.contract(..., optimize=path)", usual),),
    loop=Way("loop over the columns", loop),
    ours=ours,
    explain=lambda data: er.explain(er.contract, data.subscripts, *data.tensors, optimize=data.path),
    # Positive terms: relative to the sum itself, once a column.
    tolerance=lambda data: len(data.columns) * rounding(36),
)
