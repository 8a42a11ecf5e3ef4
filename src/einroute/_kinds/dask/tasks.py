"""What runs inside tasks: parts of chunks are put together, multiplied by einroute's own einsum, added up.

Whatever is here is found by name in the processes that run tasks, so that names must not change lightly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan
from typing import Any

import numpy as np

from ..._base.facts import DType
from ..._base.preparation import unprepared
from .parts import Misfit, Reader, check_shape, ours

__all__ = ["MASKED", "Recipe", "added", "aligned_product", "multiplied_metas", "narrowed", "product"]


#: How masked operands are mended.
MASKED = "masks are not followed through sums of products; fill them with da.ma.filled(x, 0)"
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
            try:
                values.append(reader.read(own))
            except Misfit as error:
                raise _misfit(len(values), error) from None
        given.append((reader, own))
    _check_sizes(recipe, values)
    return _multiplied(recipe, values)


def aligned_product(
    *blocks: Any, recipe: Recipe, labels: tuple[str, ...], summed: tuple[tuple[str, int | None], ...]
) -> Any:
    """The product of whole chunks, in lists along contracted labels; the last block is the result's shape.

    Parameters
    ----------
    *blocks : array or list
    recipe : Recipe
    labels : tuple of str
        Of each operand and of the result.
    summed : tuple of (str, int or None)
        Sizes of contracted labels.
    """
    values = [_only(block) for block in blocks[:-1]]
    sizes = dict(summed)
    sizes |= {c: None if isnan(n) else int(n) for c, n in zip(labels[-1], blocks[-1], strict=True)}
    for i, (x, own) in enumerate(zip(values, labels[:-1], strict=True)):
        try:
            check_shape(np.shape(x), tuple(sizes[c] for c in own))
        except Misfit as error:
            raise _misfit(i, error) from None
    _check_sizes(recipe, values)
    return _multiplied(recipe, values)


def _misfit(number: int, error: Misfit) -> ValueError:
    return ValueError(
        f"chunks of operand {number} are not as its .chunks says: {error}; "
        f"give map_blocks or from_delayed the right chunks= or shape="
    )


def _check_sizes(recipe: Recipe, values: Sequence[Any]) -> None:
    """Refuse parts that do not fit each other, a size of 1 beside another too: the call has dropped the axes
    that are broadcast.

    Raises
    ------
    ValueError
    """
    sizes: dict[str, int] = {}
    shapes = [np.shape(x) for x in values]
    for labels, shape in zip(recipe.subscripts.partition("->")[0].split(","), shapes, strict=True):
        for label, n in zip(labels, shape, strict=True):
            if sizes.setdefault(label, n) != n:
                raise ValueError(
                    f"chunks of shapes {shapes} do not fit {recipe.subscripts!r}: unknown sizes of the "
                    "operands are not the same"
                )


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
    values = [_checked(i, x, own) for i, (x, own) in enumerate(zip(values, recipe.dtypes, strict=True))]
    how: dict[str, Any] = {} if recipe.dtype is None else {"dtype": recipe.dtype, "casting": "unsafe"}
    with einroute.config(**dict(recipe.options)), unprepared():
        result = einroute.einsum(recipe.subscripts, *values, **how)
    return result.copy() if _shares(result, values) else result


def _shares(result: Any, values: list[Any]) -> bool:
    """Whether a result is a view of part of a chunk, all of which it would keep alive."""
    return (
        type(result) is np.ndarray
        and result.base is not None
        and len(values) == 1
        and result.size != np.size(values[0])
    )


def _checked(number: int, x: Any, dtype: DType) -> Any:
    """A chunk in the dtype that its array says, if that holds it.

    Raises
    ------
    TypeError
    """
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"chunks of operand {number} are masked; {MASKED}")
    own = getattr(x, "dtype", dtype)
    if own == dtype:
        return x
    if not np.can_cast(own, dtype, "safe"):
        raise TypeError(
            f"a chunk of operand {number} has dtype {own}, but its array says {dtype}; give map_blocks or "
            f"from_delayed the right dtype="
        )
    return x.astype(dtype)


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
