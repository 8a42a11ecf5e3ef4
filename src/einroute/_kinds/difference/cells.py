"""Points in clusters: sorted into cells, so that those that are close together are centred together.

Cells are halves at the mean of the widest coordinate, again and again: that parts clusters from each other
first, however unequal their numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

#: Points of a cell, at most; cells of few are put together: outliers, which are not close to anything.
_CELL, _FEW = 256, 16


def split(z: Array) -> list[Array]:
    """Indices of points, cell by cell.

    Parameters
    ----------
    z : ndarray, shape (n, R)
        Points.
    """
    most = 4 * (len(z) // _CELL) + 16
    done: list[Array] = []
    todo = [np.arange(len(z))]
    while todo:
        cell = todo.pop()
        if len(cell) <= _CELL or len(done) + len(todo) >= most:
            done.append(cell)
            continue
        own = z[cell]
        low, high = own.min(axis=0), own.max(axis=0)
        widest = int(np.argmax(high - low)) if own.shape[1] else 0
        column = own[:, widest] if own.shape[1] else np.zeros(len(own))
        left = column < column.mean()
        if left.all() or not left.any():
            done.append(cell)
        else:
            todo += [cell[~left], cell[left]]
    few = [cell for cell in done if len(cell) <= _FEW]
    if len(few) > 1:
        done = [cell for cell in done if len(cell) > _FEW] + [np.concatenate(few)]
    return [cell[i : i + _CELL] for cell in done for i in range(0, len(cell), _CELL)]


def cut(a: Any, b: Any, factor: Any, out: Array, same: bool, tile: Callable[..., None]) -> tuple[int, Any]:
    """Work in blocks of rows: how many there are, and what does one.

    Parameters
    ----------
    a, b : distances.Side
    factor : metric.Factor
    out : ndarray
    same : bool
        There is one set of points.
    tile : callable
        `distances.tile`.
    """
    own = split(a.rows[:, :-2])
    other = own if same else split(b.rows[:, :-2])
    order = np.concatenate(other)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    ends = np.cumsum([0, *map(len, other)])
    right = [b[cell] for cell in other]
    left = [a[cell] for cell in own]

    def made_of(k: int, c: int) -> Array:
        made = np.empty((len(own[k]), len(other[c])), out.dtype)
        tile(left[k], right[c], factor, made, same and k == c, local=True)
        return made

    def run(k: int) -> None:
        rows = np.empty((len(own[k]), len(order)), out.dtype)
        for c, (first, last) in enumerate(pairwise(ends)):
            # Of one set the tile across the diagonal is the same product, to the last bit.
            rows[:, first:last] = made_of(c, k).T if same and c < k else made_of(k, c)
        out[own[k]] = np.take(rows, back, axis=1)

    return len(own), run
