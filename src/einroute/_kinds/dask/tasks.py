"""What runs inside tasks: parts of chunks are put together, multiplied by einroute's own einsum, added up.

Whatever is here is found by name in the processes that run tasks, so that names must not change lightly.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from dask.array.dispatch import concatenate_lookup

from ..._base.facts import DType

__all__ = ["Recipe", "Window", "added", "aligned_product", "multiplied_metas", "product"]

_PACKAGE = __package__.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What every product of a step has in common.

    Attributes
    ----------
    subscripts : str
    dtype : dtype or None
        That is computed in, where it is not the operands'.
    options : tuple of (str, value)
        Of the configuration in force where the call was made.
    dtypes : tuple of dtype
        That the operands' chunks are said to have.
    made : tuple
        What makes an operand of its arrays' parts; None where it is an array.
    """

    subscripts: str
    dtype: DType | None
    options: tuple[tuple[str, Any], ...]
    dtypes: tuple[DType, ...]
    made: tuple[Any, ...] = ()

    def __dask_tokenize__(self) -> Any:
        return (
            "einroute.Recipe",
            self.subscripts,
            str(self.dtype),
            self.options,
            [str(d) for d in self.dtypes],
            [repr(m) for m in self.made],
        )


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of neighbouring chunks a task reads.

    Attributes
    ----------
    grid : tuple of int
        How many chunks along each axis; they come in C order.
    cut : tuple of (int, int) or None
        Where the part begins and ends along each axis of the chunks put together; None for all of it.
    """

    grid: tuple[int, ...]
    cut: tuple[tuple[int, int], ...] | None = None

    def read(self, blocks: Sequence[Any]) -> Any:
        """The part."""
        whole = blocks[0] if len(blocks) == 1 else _together(blocks, self.grid)
        if self.cut is None:
            return whole
        return whole[tuple(slice(low, high) for low, high in self.cut)]


def _together(blocks: Sequence[Any], grid: tuple[int, ...]) -> Any:
    """Chunks in C order as one."""
    found = list(blocks)
    for axis in reversed(range(len(grid))):
        count = grid[axis]
        if count > 1:
            join = concatenate_lookup.dispatch(type(found[0]))
            found = [join(found[i : i + count], axis=axis) for i in range(0, len(found), count)]
    return found[0]


def product(recipe: Recipe, windows: tuple[Window, ...], *blocks: Any) -> Any:
    """The product of some parts of chunks."""
    values, at = [], 0
    for window in windows:
        count = 1
        for n in window.grid:
            count *= n
        values.append(window.read(blocks[at : at + count]))
        at += count
    return _multiplied(recipe, values)


def aligned_product(*blocks: Any, recipe: Recipe) -> Any:
    """The product of whole chunks, which come in lists along contracted labels."""
    return _multiplied(recipe, [_only(block) for block in blocks])


def _only(block: Any) -> Any:
    while isinstance(block, list):
        block = block[0]
    return block


def multiplied_metas(recipe: Recipe, metas: Sequence[Any]) -> Any:
    """The meta of a product: what einsum gives of empty ones."""
    made = _multiplied(recipe, list(metas))
    return made if hasattr(made, "ndim") and not isinstance(made, np.generic) else np.asarray(made)


def _multiplied(recipe: Recipe, values: list[Any]) -> Any:
    ours = importlib.import_module(_PACKAGE)
    _check(recipe, values)
    how: dict[str, Any] = {} if recipe.dtype is None else {"dtype": recipe.dtype, "casting": "unsafe"}
    with ours.config(**dict(recipe.options)):
        try:
            result = ours.einsum(recipe.subscripts, *values, **how)
        except ValueError as error:
            raise ValueError(
                f"chunks of shapes {[np.shape(x) for x in values]} do not fit {recipe.subscripts!r}: {error}"
                f"; those of an operand are not as its .chunks says: give map_blocks the right chunks="
            ) from error
    return result.copy() if _shares(result, values) else result


def _shares(result: Any, values: list[Any]) -> bool:
    """Whether a result is a view of a chunk, which it would keep alive, and which may be read-only."""
    return type(result) is np.ndarray and result.base is not None and len(values) == 1


def _check(recipe: Recipe, values: list[Any]) -> None:
    for i, (x, dtype) in enumerate(zip(values, recipe.dtypes, strict=True)):
        own = getattr(x, "dtype", None)
        if own is not None and own != dtype and not np.can_cast(own, dtype, "same_kind"):
            raise TypeError(
                f"a chunk of operand {i} has dtype {own}, but its array says {dtype}; give map_blocks or "
                f"from_delayed the right dtype="
            )


def added(*partial: Any) -> Any:
    """The sum of partial results, in order."""
    total = partial[0] + partial[1] if len(partial) > 1 else partial[0]
    own = type(total) is np.ndarray and total.ndim > 0
    for x in partial[2:]:
        if own and type(x) is np.ndarray:
            np.add(total, x, out=total)
        else:
            total = total + x
    return total
