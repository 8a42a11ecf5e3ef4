"""Squared forms by their definition: the differences of some pairs written out first."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.c_einsum import c_einsum
from ..._base.threads import run_blocks, single_threaded_blas

Array = np.ndarray[Any, Any]

#: Elements of differences that are written out at once, and the columns of pairs.
DIFFERENCES, _COLUMNS = 1 << 15, 256
#: The side of a square tile, and pairs up to which one thread does all of them.
SIDE, _ALONE = 256, 1 << 16
#: The side of the blocks in which a square is mirrored.
_MIRROR = 32
_BELOW = np.tri(_MIRROR, k=-1, dtype=np.bool)


def of_pairs(d: Array, metric: Array | None) -> Array:
    """``d' M d`` of differences in rows.

    Parameters
    ----------
    d : ndarray, shape (p, D)
    metric : ndarray, shape (D,) or (D, D), or None
        Diagonal, or whole, or the identity.
    """
    half = d if metric is None else d * metric if metric.ndim == 1 else d @ metric
    return _checked(c_einsum("pk,pk->p", half, d), d.T, metric)


def of_tile(d: Array, metric: Array | None) -> Array:
    """``d' M d`` of differences that lie feature by feature.

    Parameters
    ----------
    d : ndarray, shape (D, p)
    metric : as in `of_pairs`
    """
    half = d if metric is None else metric[:, None] * d if metric.ndim == 1 else metric.T @ d
    return _checked(c_einsum("kp,kp->p", half, d), d, metric)


def _checked(q: Array, d: Array, metric: Array | None) -> Array:
    """Again in the order of NumPy's einsum, which forms every product whole, where that may be of account."""
    if q.dtype.kind in "fc" and not np.isfinite(q).all():
        if metric is None:
            return np.asarray(c_einsum("kp,kp->p", d, d))
        return np.asarray(c_einsum("kp,k,kp->p" if metric.ndim == 1 else "kp,kl,lp->p", d, metric, d))
    return q


def tile(x: Array, y: Array, metric: Array | None, out: Array) -> None:
    """Compute a tile from its differences, some pairs at a time.

    Parameters
    ----------
    x, y : ndarray, shapes (n, D) and (m, D)
        Points, in the dtype of their differences.
    metric : ndarray or None
        Of the dtype of ``out``; see `of_pairs`.
    out : ndarray, shape (n, m)
    """
    features = max(1, x.shape[1])
    columns = min(len(y), _COLUMNS)
    rows = max(1, DIFFERENCES // (columns * features))
    for i in range(0, len(x), rows):
        for j in range(0, len(y), columns):
            d = x.T[:, i : i + rows, None] - y.T[:, None, j : j + columns]
            part = out[i : i + rows, j : j + columns]
            flat = d.reshape(len(d), part.size).astype(out.dtype, copy=False)
            part[...] = of_tile(flat, metric).reshape(part.shape)


def whole(x: Array, y: Array, metric: Array | None, out: Array, threads: int) -> None:
    """Compute all pairs, over threads; symmetric to the last bit where ``y is x``."""
    n, m = out.shape
    same = y is x
    side = SIDE if n * m > _ALONE else max(n, m)
    marks = [[slice(i, min(i + side, k)) for i in range(0, k, side)] for k in (n, m)]
    pairs = [(r, c) for r in marks[0] for c in marks[1] if not same or r.start <= c.start]

    def run(index: int) -> None:
        r, c = pairs[index]
        tile(x[r], y[c], metric, out[r, c])
        if same and r == c:
            mirror(out[r, c])
        elif same:
            out[c, r] = out[r, c].T

    if threads > 1 and len(pairs) > 1:
        with single_threaded_blas():
            run_blocks(len(pairs), run, threads)
    else:
        run_blocks(len(pairs), run, 1)


def mirror(square: Array, sign: int = 1) -> None:
    """Put what is above the diagonal of the last two axes below it, negated if the sign is -1."""
    n = square.shape[-1]
    for i in range(0, n, _MIRROR):
        j = min(i + _MIRROR, n)
        block = square[..., i:j, i:j]
        for low, high, where in (
            (square[..., j:, i:j], square[..., i:j, j:], True),
            (block, block, _BELOW[: j - i, : j - i]),
        ):
            if not low.size:
                continue
            source = high.swapaxes(-1, -2)
            if sign < 0:
                np.negative(source, out=low, where=where)
            else:
                np.copyto(low, source, where=where)
