"""What an operand holds at the places of a one-hot: rows taken by label, and only those."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from ..._base.facts import Operand, c_strides
from ..._base.threads import run_blocks
from ..._native import CORE
from ..._native.fresh import allocator
from .operand import OneHot
from .where import Cut, in_native_order, private, within

Array = np.ndarray[Any, Any]
Then = Callable[[slice, Any, Array], Array]

#: Nanoseconds that taking a row and each byte of it take, and from which several threads share the work;
#: bytes of one block of the result.
_ROW, _BYTE, _SHARED = 0.5, 0.03, 500e3
_BLOCK = 1 << 19


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Some of the places.

    Attributes
    ----------
    slices : dict
        For each label of the places the part of its axis; without those taken whole.
    index : dict
        For each label that a look-up may replace an array that broadcasts to the block's shape.
    """

    slices: Mapping[str, slice]
    index: Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class LookUp:
    """How one operand is looked up.

    Attributes
    ----------
    labels : str
        The operand's, for a one-hot without its class label.
    replaced : str
        Those that give way to the places.
    result : str
        Labels of what is found: the places, then the others in the order of the operand's memory.
    last : str
        A one-hot's class label.
    axes : tuple of int
        Those that are replaced, then the others.
    """

    labels: str
    replaced: str
    result: str
    last: str = ""
    axes: tuple[int, ...] = ()

    @classmethod
    def of(cls, labels: str, op: Operand, classes: str, places: str, at: str) -> LookUp:
        """The look-up of an operand; ``at`` is the places' labels, or the one that numbers some of them."""
        last = ""
        if op.form == "one_hot":
            labels, last = labels[:-1], labels[-1]
        replaced = "".join(c for c in labels if c in classes or (at != places and c in places))
        if not replaced:
            return cls(labels, "", labels, last)
        if at == places:
            replaced += "".join(c for c in labels if c in places)
        rest = [c for c in labels if c not in replaced]
        if op.strides:
            strides = dict(zip(labels, op.strides, strict=True))
            rest.sort(key=lambda c: -abs(strides[c]))
        axes = tuple(labels.index(c) for c in (*replaced, *rest))
        return cls(labels, replaced, at + "".join(rest), last, axes)

    def facts(self, op: Operand, sizes: Mapping[str, int]) -> Operand:
        """Facts of what is found."""
        if not self.replaced:
            return op if op.alias is None else replace(op, alias=None)
        shape = tuple(sizes[c] for c in self.result + self.last)
        if op.form == "one_hot":
            return Operand(shape, op.dtype, (), op.form)
        return Operand(shape, op.dtype, c_strides(shape, op.dtype.itemsize))

    def __call__(self, x: Any, block: Block, threads: int) -> Any:
        """What the operand holds at a block of places."""
        array: Array = x.labels if self.last else x
        if self.replaced:
            found = self._found(array, block.index, threads)
        elif any(c in block.slices for c in self.labels):
            cut: Cut = tuple(block.slices.get(c, slice(None)) for c in self.labels)
            found = array[(*cut, ...)]
        else:
            return x
        return OneHot(found, x.depth, x.dtype) if self.last else found

    def _found(self, x: Array, index: Mapping[str, Array], threads: int) -> Array:
        count = len(self.replaced)
        x = x.transpose(self.axes)
        parts = [index[c] for c in self.replaced]
        if count == 1:
            return take_rows(x, parts[0], threads)
        if not x.flags.c_contiguous:
            bounds = tuple(bounded(part, n) for part, n in zip(parts, x.shape, strict=False))
            return np.asarray(x[bounds], order="C")
        flat = parts[0].astype(np.int64)
        for part, n in zip(parts[1:], x.shape[1:], strict=False):
            flat = flat * n + part.astype(np.int64)
        return take_rows(x.reshape(-1, *x.shape[count:]), np.asarray(flat), threads)


def bounded(index: Array, length: int) -> Array:
    """A copy of an index that lies within an axis, whatever another thread does to the original."""
    copy = np.array(index, np.int64)
    return np.clip(copy, 0, length - 1, out=copy)


def take_rows(x: Array, index: Array, threads: int) -> Array:
    """``x[index]`` for an index of any shape that lies, or lay, within the first axis.

    The rows are read by ``numpy.take`` with ``mode="clip"``, so that no index can leave the array.
    """
    if not x.flags.c_contiguous:
        if x.size > 2 * index.size * prod(x.shape[1:]):
            return np.asarray(x[bounded(index, len(x))], order="C")
        x = np.ascontiguousarray(x)
    if CORE is not None and x.dtype.isnative:
        return taken(x, index, threads)
    flat = index.reshape(-1)
    out = np.empty((len(flat), *x.shape[1:]), x.dtype)
    blocks = _blocks(out, threads if _worth_sharing(len(flat), x, threads) else 1)

    def work(number: int) -> None:
        part = blocks[number]
        x.take(flat[part].astype(np.intp, copy=False), axis=0, out=out[part], mode="clip")

    run_blocks(len(blocks), work, threads)
    return out.reshape((*index.shape, *x.shape[1:]))


def taken(x: Array, labels: Array, threads: int) -> Array:
    """Rows of a C-ordered table by labels of any shape, by the core; zeros where one is no class."""
    shape = (*labels.shape, *x.shape[1:])
    out: Array = allocator(prod(shape) * x.itemsize, last=True)(shape, x.dtype)
    CORE.take_at((in_native_order(labels),), (len(x),), (1,), (), x, out, threads)
    return out


def take_or_zero(x: Array, labels: Array, threads: int, then: Then | None = None) -> Array:
    """Rows of a C-ordered table by a vector of labels, which may be any; zeros where one is no class.

    Parameters
    ----------
    then : callable, optional
        ``then(part, kept, found)`` changes the rows ``found`` in place: they are those of the places ``part``
        whose label is a class, ``kept``.
    """
    if CORE is not None and then is None and x.dtype.isnative:
        return taken(x, labels, threads)
    if not _worth_sharing(len(labels), x, threads):
        threads = 1
        if then is None and within(labels, len(x)):
            with suppress(IndexError):  # a label was changed since
                found: Array = x.take(labels.astype(np.intp, copy=False), axis=0)
                return found
    out = np.empty((len(labels), *x.shape[1:]), x.dtype)
    blocks = _blocks(out, threads, cached=then is not None)

    def work(number: int) -> None:
        part = blocks[number]
        rows = out[part]
        if within(labels[part], len(x)):
            x.take(labels[part].astype(np.intp, copy=False), axis=0, out=rows, mode="clip")
            if then is not None:
                then(part, slice(None), rows)
            return
        index = private(labels[part])
        kept = np.flatnonzero(index.view(np.uint64) < len(x))
        rows[...] = 0
        found = x.take(index[kept], axis=0)
        rows[kept] = found if then is None else then(part, kept, found)

    run_blocks(len(blocks), work, threads)
    return out


def _worth_sharing(count: int, x: Array, threads: int) -> bool:
    """Whether taking so many rows is work for several threads."""
    return threads > 1 and count * (_ROW + _BYTE * prod(x.shape[1:]) * x.itemsize) >= _SHARED


def _blocks(out: Array, threads: int, cached: bool = False) -> list[slice]:
    """Rows of a result for each block: for one thread one, unless the rows are to stay in cache."""
    count = len(out)
    if not out.size:
        return []
    each = count
    if threads > 1 or cached:
        each = min(_BLOCK * count // out.nbytes, -(-count // (4 * threads)) if threads > 1 else count)
    each = max(1, each)
    return [slice(start, min(start + each, count)) for start in range(0, count, each)]
