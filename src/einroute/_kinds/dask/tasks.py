"""What runs inside tasks: parts of chunks are put together, multiplied by einroute's own einsum, added up.

Whatever is here is found by name in the processes that run tasks, so that names must not change lightly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._base.facts import DType
from ..._base.preparation import unprepared
from .parts import Reader, ours

__all__ = ["Recipe", "added", "aligned_product", "multiplied_metas", "narrowed", "product"]


#: Options under which empty chunks, which few routes take, are multiplied.
_ANY_WAY = (("allow", None), ("forbid", ()), ("strict", False), ("on_densify", "allow"))


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
    """

    subscripts: str
    dtype: DType | None
    options: tuple[tuple[str, Any], ...]
    dtypes: tuple[DType, ...]

    def __dask_tokenize__(self) -> Any:
        return (
            "einroute.Recipe",
            self.subscripts,
            str(self.dtype),
            self.options,
            [str(d) for d in self.dtypes],
        )


def product(recipe: Recipe, readers: tuple[Reader, ...], *blocks: Any) -> Any:
    """The product of some parts of chunks."""
    values: list[Any] = []
    given: list[tuple[Reader, tuple[Any, ...]]] = []
    at = 0
    for reader in readers:
        own = blocks[at : at + reader.count]
        at += reader.count
        # The same operand once more: einsum knows structured ones for the same by their arrays.
        for other, (known, theirs) in enumerate(given):
            if known == reader and all(x is y for x, y in zip(own, theirs, strict=True)):
                values.append(values[other])
                break
        else:
            values.append(reader.read(own))
        given.append((reader, own))
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
    made = _multiplied(replace(recipe, options=_ANY_WAY), [_filled(x) for x in metas])
    return made if hasattr(made, "ndim") and not isinstance(made, np.generic) else np.asarray(made)


def _filled(meta: Any) -> Any:
    """A meta that can be multiplied: one of objects without dimensions holds None."""
    return np.zeros_like(meta) if getattr(meta, "dtype", None) == np.dtype(object) else meta


def _multiplied(recipe: Recipe, values: list[Any]) -> Any:
    einroute = ours()
    _check(recipe, values)
    how: dict[str, Any] = {} if recipe.dtype is None else {"dtype": recipe.dtype, "casting": "unsafe"}
    with einroute.config(**dict(recipe.options)), unprepared():
        try:
            result = einroute.einsum(recipe.subscripts, *values, **how)
        except ValueError as error:
            raise ValueError(
                f"chunks of shapes {[np.shape(x) for x in values]} do not fit {recipe.subscripts!r}: {error}"
                f"; those of an operand are not as its .chunks says: give map_blocks the right chunks="
            ) from error
    return result.copy() if _shares(result, values) else result


def _shares(result: Any, values: list[Any]) -> bool:
    """Whether a result is a view of part of a chunk, all of which it would keep alive."""
    return (
        type(result) is np.ndarray
        and result.base is not None
        and len(values) == 1
        and result.size != np.size(values[0])
    )


def _check(recipe: Recipe, values: list[Any]) -> None:
    for i, (x, dtype) in enumerate(zip(values, recipe.dtypes, strict=True)):
        own = getattr(x, "dtype", None)
        if own is not None and own != dtype and not np.can_cast(own, dtype, "same_kind"):
            raise TypeError(
                f"a chunk of operand {i} has dtype {own}, but its array says {dtype}; give map_blocks or "
                f"from_delayed the right dtype="
            )


def added(*partial: Any) -> Any:
    """The sum of partial results, in order; of integers as NumPy's, without a word where they wrap."""
    with np.errstate(all="ignore"):
        total = _dense(partial[0])
        for number, x in enumerate(partial[1:]):
            if number and type(total) is np.ndarray and total.ndim and type(x) is np.ndarray:
                np.add(total, x, out=total)
            else:
                total = total + _dense(x)
    return total


def _dense(x: Any) -> Any:
    """A scalar as an array of no dimensions, whose sums give no warnings."""
    return np.asarray(x) if isinstance(x, np.generic) else x


def narrowed(x: Any, dtype: DType) -> Any:
    """A chunk in a narrower dtype, without a word where it overflows."""
    with np.errstate(all="ignore"):
        return x.astype(dtype)
