"""Entries -> the arrays that users get: BCOO, BCSR where every operand was one, an array of no dimensions."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax.experimental.sparse import BCOO, BCSR

from .cells import Cells, in_places

__all__ = ["ENTRIES", "NAME", "ONE_HOT", "as_bcoo", "as_bcsr"]

#: Of the form; and of the form of one-hot operands, which are entries, too.
NAME, ONE_HOT = "bcoo", "jax_one_hot"
#: Forms whose operands are `Cells`.
ENTRIES = frozenset({NAME, ONE_HOT})


def as_bcoo(cells: Cells, _operands: tuple[Any, ...] = ()) -> Any:
    """A BCOO without batch and dense dimensions; padding has every index out of range."""
    if not cells.shape:
        return in_places(cells.data, cells.place(()), 1).reshape(())
    coords = [
        c if cells.valid is None else jnp.where(cells.valid, c, n)
        for c, n in zip(cells.coords, cells.shape, strict=True)
    ]
    data = (
        cells.data
        if cells.valid is None
        else jnp.where(cells.valid, cells.data, jnp.zeros((), cells.data.dtype))
    )
    wide = jnp.int32 if max(cells.shape) < 2**31 - 1 else jnp.int64
    return BCOO((data, jnp.stack([c.astype(wide) for c in coords], -1)), shape=cells.shape)


def as_bcsr(cells: Cells, operands: tuple[Any, ...]) -> Any:
    """A BCSR where there are two dimensions and each sparse operand is one; else as `as_bcoo`."""
    made = as_bcoo(cells)
    if len(cells.shape) != 2 or any(isinstance(x, BCOO) for x in operands):
        return made
    return BCSR.from_bcoo(made)
