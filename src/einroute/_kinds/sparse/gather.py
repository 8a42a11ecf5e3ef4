"""One sparse operand and any number of dense ones, which are looked up where it has entries.

Sampled products (SDDMM, ``ij,ik,jk->ij``), scaling (``ij,j->ij``), quadratic forms (``i,ij,j->``) and MTTKRP
(``ikl,lj,kj->ij``) are one pass over the entries, in blocks so that what is looked up stays in cache.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..._base.c_einsum import ascii_subscripts, c_einsum
from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import Offer, Refused, Route, Runner
from ..._base.threads import run_blocks
from ..._entries.entries import Entries, scatter_add, settled, tools, total
from .result import (
    comparing,
    entries_of,
    laid_out,
    layout,
    lies_as,
    ordering,
    pointers_of,
    sparse_positions,
)

Array = np.ndarray[Any, Any]

#: Bytes that one block's looked-up elements may take, about.
_BLOCK = 1 << 20
#: Bytes of an array from which what is looked up comes from memory, and nanoseconds for that.
_FAR, _MISSED = 1 << 22, 6.0
#: Bytes that are read with one element.
_LINE = 64
#: How many times as long as bytes in a row those take that NumPy copies with the axes turned.
_TURNED = 8
#: Stands for the entries in the subscripts of a block.
_ENTRY = "\u0300"


def verdict(step: Step) -> Offer | Refused:
    """Offer to look the dense operands up at the entries of the sparse one."""
    positions = sparse_positions(step)
    if len(positions) != 1 or len(step.inputs) < 2:
        return Refused("not one sparse operand with dense ones")
    labels = step.inputs[positions[0]]
    extra = _extra(step, labels)
    if step.form == "entries" and any(c in step.output for c in extra):
        return Refused("the result has labels that the sparse operand lacks")
    nnz = entries_of(step, positions[0])
    width = step.extent(extra)
    dense = len(step.inputs) - 1
    looked_up = nnz * sum(step.extent("".join(c for c in x if c in extra)) for x in step.inputs)
    made = 0 if step.form == "entries" else 2 * step.out_bytes  # cleared, and added to
    # Products with labels that the sparse operand lacks are added to the result in a pass of its own.
    adds = any(c in step.output for c in extra)
    pointers = pointers_of(step, positions[0]) * 1.6 + comparing(step) + ordering(step, positions[0])
    shown = "".join(c for c in step.output if c in labels)
    if step.form != "entries" and shown + "".join(c for c in step.output if c in extra) != step.output:
        made += _TURNED * step.out_bytes
    far = sum(op.form != "entries" and op.nbytes > _FAR for op in step.operands)
    cost = Cost(
        nnz * (width * (dense + adds) + 4 + far * _MISSED) + pointers,
        float(looked_up * step.dtype.itemsize * 2 + made + nnz * 8 + _brought(step, labels, nnz)),
        40.0 + 6 * dense,
        1.2e9 if dense < 3 else 0.4e9,
    )
    return Offer(cost, layout(step), None, "dense operands are looked up at the entries")


def _brought(step: Step, own: str, nnz: int) -> float:
    """Bytes moved to bring operands into rows to look up, or to look up what does not lie in rows."""
    moved = 0.0
    for labels, op in zip(step.inputs, step.operands, strict=True):
        rest = "".join(c for c in labels if c not in own)
        if op.form == "entries" or rest == labels:
            continue
        shared = "".join(c for c in labels if c in own)
        if not lies_as(shared + rest, labels, op, step.sizes):
            # An element that lies far from the last one takes a line of the cache.
            moved += min(float(_TURNED * op.nbytes), float(_LINE * nnz * step.extent(rest)))
    return moved


def _extra(step: Step, labels: str) -> str:
    """Labels of the dense operands that the sparse one lacks."""
    return "".join(c for c in dict.fromkeys("".join(step.inputs)) if c not in labels)


class _Lookup:
    """One dense operand: its elements at the coordinates of a block of entries."""

    def __init__(self, labels: str, own: str) -> None:
        self.shared = [c for c in labels if c in own]
        self.rest = "".join(c for c in labels if c not in own)
        self.axes = tuple(labels.index(c) for c in (*self.shared, *self.rest))
        self.where = tuple(own.index(c) for c in self.shared)
        self.labels = (_ENTRY if self.shared else "") + self.rest

    def rows(self, x: Array, nnz: int) -> Array:
        """The operand with the shared axes first; in rows where more is looked up than it holds."""
        x = x.transpose(self.axes)
        if not x.flags.c_contiguous and self.where and x.size <= nnz * prod(x.shape[len(self.where) :]):
            x = np.ascontiguousarray(x)
        return x

    def __call__(self, x: Array, coords: tuple[Array, ...], dtype: np.dtype[Any]) -> Array:
        if len(self.where) == 1 and x.flags.c_contiguous:
            x = x.take(coords[self.where[0]], axis=0)
        elif self.where:
            x = x[tuple(coords[i] for i in self.where)]
        return x.astype(dtype, copy=False)


class _Gather:
    """A bound step."""

    def __init__(self, step: Step) -> None:
        (self.position,) = sparse_positions(step)
        self.step = step
        own = step.inputs[self.position]
        extra = _extra(step, own)
        dense = [labels for i, labels in enumerate(step.inputs) if i != self.position]
        self.lookups = [_Lookup(labels, own) for labels in dense]
        self.own = own
        self.used = tuple(i for i, c in enumerate(own) if any(c in x for x in dense))
        self.shown = "".join(c for c in step.output if c in own)
        self.wide = "".join(c for c in step.output if c in extra)
        inputs = tuple(lookup.labels for lookup in self.lookups)
        self.anywhere = any(_ENTRY in x for x in inputs)
        product = (_ENTRY if self.anywhere else "") + self.wide
        self.subscripts = None if inputs == (product,) else ascii_subscripts(inputs, product)
        # The same with the entries themselves at their operand's place, as NumPy forms products.
        self.whole = ascii_subscripts(
            (*inputs[: self.position], _ENTRY, *inputs[self.position :]), _ENTRY + self.wide
        )
        width = sum(step.extent(lookup.rest) for lookup in self.lookups) + step.extent(self.wide)
        self.block = max(64, _BLOCK // (step.dtype.itemsize * max(1, width)))
        self.empty = 0 in (step.sizes[c] for c in extra)
        self.dtype = step.dtype
        vector = len(dense) == 1 and self.lookups[0].labels == _ENTRY and len(self.lookups[0].where) == 1
        self.along = self.lookups[0].where[0] if vector else -1  # the axis that a vector scales

    def __call__(self, *operands: Any, out: Array | None = None) -> Any:
        a: Entries = operands[self.position]
        others = [x for i, x in enumerate(operands) if i != self.position]
        dense = [lookup.rows(x, a.nnz) for lookup, x in zip(self.lookups, others, strict=True)]
        multiply = np.logical_and if self.dtype.kind == "b" else np.multiply
        c = a.compressed
        if c is not None and c.axis == self.along:
            each = np.repeat(dense[0].astype(self.dtype, copy=False), np.diff(c.indptr))
            return self.handed_over(a, multiply(a.data, each, out=each), out)
        coords: list[Any] = [None] * a.ndim
        for i in self.used:
            coords[i] = a.coordinate(i)
        if self.wide:
            return self.scattered_rows(a, coords, dense, out)
        data = np.empty(a.nnz, self.dtype)

        def work(index: int) -> None:
            part = slice(index * self.block, (index + 1) * self.block)
            found = self.looked_up(coords, dense, part)
            multiply(a.data[part], self.product(found), out=data[part])
            if self.overflows(found, a.data[part], data[part]):
                data[part] = self.with_entries(found, a.data[part])

        run_blocks(-(-a.nnz // self.block), work, self.step.threads)
        return self.handed_over(a, data, out)

    def looked_up(self, coords: list[Any], dense: list[Array], part: slice) -> list[Array]:
        """The dense operands at a block of entries."""
        here = tuple(None if x is None else x[part] for x in coords)
        return [
            lookup(x, here, self.dtype)  # type: ignore[arg-type]  # the coordinates it uses are there
            for lookup, x in zip(self.lookups, dense, strict=True)
        ]

    def product(self, found: list[Array]) -> Array:
        """The dense operands' product at a block of entries."""
        if self.empty:  # NumPy's loops run at least once, see _kinds.dense.empty
            head = next((x.shape[:1] for x, y in zip(found, self.lookups, strict=True) if y.shared), ())
            return np.zeros((*head, *(self.step.sizes[c] for c in self.wide)), self.dtype)
        if self.subscripts is None:
            return found[0]
        product: Array = c_einsum(self.subscripts, *found)
        return product

    def overflows(self, found: list[Array], entries: Array, made: Array) -> bool:
        """Whether what was made of finite numbers is not finite, which whole products may be."""
        if self.dtype.kind not in "fc" or self.subscripts is None or np.isfinite(made).all():
            return False
        return all(np.isfinite(x).all() for x in (*found, entries))

    def with_entries(self, found: list[Array], entries: Array) -> Array:
        """Products at a block of entries, theirs included, formed as NumPy forms them."""
        factors = (*found[: self.position], entries, *found[self.position :])
        product: Array = c_einsum(self.whole, *factors)
        return product

    def handed_over(self, a: Entries, data: Array, out: Array | None) -> Any:
        """The entries with other values, those that fall together summed up."""
        axes = [self.own.index(c) for c in self.shown]
        made = a.with_data(data).take(axes) if axes else Entries((), total(data), ())
        return made if self.step.form == "entries" else made.dense(self.step.order, out)

    def scattered_rows(self, a: Entries, coords: list[Any], dense: list[Array], out: Array | None) -> Array:
        """Sums of rows: what was looked up at an entry is added where the entry stands in the output."""
        step = self.step
        axes = [self.own.index(c) for c in self.shown]
        shape = tuple(a.shape[i] for i in axes)
        wide = tuple(step.sizes[c] for c in self.wide)
        height, width = prod(shape), prod(wide)
        sums = np.zeros(height * width, self.dtype)
        where = settled(a.raveled(axes), height) if axes else np.zeros(a.nnz, np.int32)
        if not self.anywhere:
            # One row for all entries: the dense operands' product, times the sum of entries at each place.
            found = self.looked_up(coords, dense, slice(0, 0))
            row = np.ascontiguousarray(self.product(found)).reshape(-1)
            weight = scatter_add(where, a.data, height)
            combine = np.logical_and if self.dtype.kind == "b" else np.multiply
            held = np.zeros(height, np.bool)
            held[where] = True
            # Only places with an entry are multiplied: an absent one meets no nan or inf.
            sums.reshape(height, width)[held] = combine.outer(weight[held], row)
        elif width:
            for start in range(0, a.nnz, self.block):
                part = slice(start, min(start + self.block, a.nnz))
                found, entries = self.looked_up(coords, dense, part), a.data[part]
                rows = np.ascontiguousarray(self.product(found))
                if self.overflows(found, entries, rows):
                    rows, entries = self.with_entries(found, entries), np.ones_like(entries)
                at = where[part]
                # One entry a column: `coo_matmat_dense` would leave out those that are 0, and lose 0 * nan.
                ends = np.arange(len(at) + 1, dtype=at.dtype)
                tools.csc_matvecs(height, len(at), width, ends, at, entries, rows.reshape(-1), sums)
        return laid_out(step, self.shown + self.wide, sums.reshape(shape + wide), out)


def bind(step: Step, offer: Offer) -> Runner:
    """Look up, multiply, and put the products where the entries are or add them up."""
    return _Gather(step)


ROUTE = Route("sparse.gather", verdict, bind)
