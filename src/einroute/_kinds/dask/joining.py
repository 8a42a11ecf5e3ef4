"""Chunks of scipy.sparse put together and cut, of any number of axes.

dask puts chunks together by functions that libraries register (`concatenate_lookup`). Those that it has for
scipy.sparse, from 2025.4 on, know matrices alone: they stack the vectors of a sum on top of each other. Ours
take their place, for results that `compute` puts together as for what tasks read.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from dask.array.dispatch import concatenate_lookup

__all__ = ["joined", "sliceable", "sliced"]

#: Formats of scipy.sparse that take no slices.
_UNCUT = frozenset({"coo", "bsr", "dia"})


def joined(blocks: Sequence[Any], axis: int) -> Any:
    """Chunks put one after the other, as their library does it."""
    return concatenate_lookup.dispatch(type(blocks[0]))(blocks, axis=axis)


def sliceable(x: Any) -> Any:
    """An array that takes slices, where its library has a format for that; else as it is."""
    return x.tocsr() if _is_uncut(x) and x.ndim < 3 else x


def sliced(x: Any, index: tuple[slice, ...]) -> Any:
    """A part of a chunk, of formats without slices too."""
    x = sliceable(x)
    return _coo_part(x, index) if _is_uncut(x) else x[index]


def _is_uncut(x: Any) -> bool:
    return type(x).__module__.startswith("scipy.") and getattr(x, "format", None) in _UNCUT


def _coo_part(x: Any, index: tuple[slice, ...]) -> Any:
    """A part of a coo_array of any number of axes."""
    bounds = [own.indices(n)[:2] for own, n in zip(index, x.shape, strict=True)]
    within = np.ones(len(x.data), bool)
    for own, (low, high) in zip(x.coords, bounds, strict=True):
        within &= (own >= low) & (own < high)
    coords = tuple(own[within] - low for own, (low, _) in zip(x.coords, bounds, strict=True))
    return type(x)((x.data[within], coords), shape=tuple(max(0, high - low) for low, high in bounds))


def _register_scipy() -> None:
    """Make dask put chunks of scipy.sparse together by these functions."""
    from scipy import sparse  # noqa: PLC0415 - called once it is loaded

    def concatenate(blocks: Sequence[Any], axis: int = 0) -> Any:
        if all(x.ndim == 2 for x in blocks):
            return (sparse.hstack if axis else sparse.vstack)(blocks, format=_format(blocks))
        parts = [sparse.coo_array(x) for x in blocks]
        starts = np.cumsum([0, *(x.shape[axis] for x in parts)])
        coords = [
            np.concatenate([
                x.coords[i] + start if i == axis else x.coords[i]
                for x, start in zip(parts, starts[:-1], strict=True)
            ])
            for i in range(parts[0].ndim)
        ]  # fmt: skip
        shape = (*parts[0].shape[:axis], int(starts[-1]), *parts[0].shape[axis + 1 :])
        return sparse.coo_array((np.concatenate([x.data for x in parts]), tuple(coords)), shape=shape)

    names = [f"{form}_{kind}" for form in _FORMATS for kind in ("array", "matrix")]
    # Each class, since a class that was looked up before is found without its bases.
    classes = (sparse.sparray, sparse.spmatrix, *(getattr(sparse, name) for name in names))
    concatenate_lookup.register(classes, concatenate)


_FORMATS = ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")


def _format(blocks: Sequence[Any]) -> str | None:
    """The format of chunks, if it is one."""
    formats = {getattr(x, "format", None) for x in blocks}
    return formats.pop() if len(formats) == 1 else None


concatenate_lookup.register_lazy("scipy", _register_scipy)
if "scipy.sparse" in sys.modules:
    _register_scipy()
