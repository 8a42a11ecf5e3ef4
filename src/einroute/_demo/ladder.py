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
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Ladder:
    """`columns`, pairs of tensors (left, right, rung) above and below, and the arguments of one call for all.

    Attributes
    ----------
    columns : tuple of (array, array)
    arguments : tuple
        Each tensor with its labels, and no label of the result.
    ours, usual : callable
        Expressions for the tensors, made once.
    """

    columns: tuple[tuple[Array, Array], ...]
    arguments: tuple[object, ...]
    ours: Callable[..., Array]
    usual: Callable[..., Array]

    @property
    def tensors(self) -> list[Array]:
        """All of them."""
        return [x for column in self.columns for x in column]


def build(dims: Mapping[str, int], rng: np.random.Generator) -> Ladder:
    """Boltzmann weights: positive, so that nothing cancels; closed at both ends by bonds of dimension 1."""
    import opt_einsum  # noqa: PLC0415 - the usual way, which only this problem measures

    count, chi = dims["columns"], dims["chi"]
    columns = []
    arguments: list[object] = []
    for i in range(count):
        shape = (1 if i == 0 else chi, 1 if i == count - 1 else chi, chi)
        column = tuple(rng.uniform(0.5, 1.5, shape) / chi**1.5 for _ in range(2))
        columns.append((column[0], column[1]))
        for row, x in zip(("above", "below"), column, strict=True):
            arguments += [x, [(row, i), (row, i + 1), ("rung", i)]]
    arguments.append([])
    shapes = [x.shape if isinstance(x, np.ndarray) else x for x in arguments]
    path = er.contract_path(*arguments)[0]
    return Ladder(
        tuple(columns),
        tuple(arguments),
        er.contract_expression(*shapes, optimize=path),
        opt_einsum.contract_expression(*shapes, optimize=path),
    )


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
    usual=(Way("opt_einsum.contract_expression(...)(*tensors)", lambda d: np.asarray(d.usual(*d.tensors))),),
    loop=Way("loop over the columns", loop),
    ours=lambda data: np.asarray(data.ours(*data.tensors)),
    explain=lambda data: er.explain(er.contract, *data.arguments),
    # Positive terms: relative to the sum itself, once a column.
    tolerance=lambda data: len(data.columns) * rounding(36),
)
