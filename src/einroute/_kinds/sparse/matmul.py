"""A sparse by a dense operand as products of a CSR matrix with blocks of columns, by SciPy's loops.

Labels of both operands that stay in the output go into the rows and into the columns of the sparse matrix,
which is then block-diagonal.  The dense operand is used as it lies where it is a matrix of rows, else in
blocks that are transposed in cache: neither it nor the result is copied as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Operand, Step
from ..._base.routes import Offer, Refused, Route, Runner
from ..._base.threads import cuts, run_blocks
from ..._entries import csr_source
from ..._entries.entries import Entries, tools
from .result import (
    ENDED,
    SORT,
    comparing,
    entries_of,
    layout,
    lies_as,
    line_of,
    pointers_of,
    row_cuts,
    sparse_and_dense,
)

Array = np.ndarray[Any, Any]
Index = tuple[Any, ...]

#: Bytes of a block of the dense operand and of the result's, together, about.
_BLOCK = 1 << 20
#: Multiply-adds that one block on a thread should have.
_WORK = 1 << 18
#: What moving an array with its axes in another order takes, times what reading it does.
TURNED = 4
#: Vectors up to which a matrix is not compressed the other way to cut it into rows.
_NARROW = 4
#: Nanoseconds of an entry and of each number that it is multiplied with, and NumPy calls around that.
_ENTRY, _WIDE, _CALLS = 2, 0.4, 25.0
#: Nanoseconds for an element that is brought into a block, or out of it.
_BROUGHT = 0.8
#: Nanoseconds for 8 bytes of a result that is filled with zeros before it is added to, on new pages.
_FILLED, _SMALL = 0.5, 1 << 20


def verdict(step: Step) -> Offer | Refused:
    """Offer a product of matrices where every label is one of the output or of both operands."""
    pair = sparse_and_dense(step)
    if isinstance(pair, Refused):
        return pair
    if step.form == "entries":
        return Refused("its result is dense")
    s, d = pair
    own, other = step.inputs[s], step.inputs[d]
    if any(c not in own and c not in step.output for c in other):
        return Refused("a label of the dense operand alone is summed")
    rows = "".join(c for c in step.output if c in own)
    columns = "".join(c for c in other if c in own)
    if max(step.extent(rows), step.extent(columns)) > 2**62:
        return Refused("more rows or columns than an index can number")
    width = step.extent("".join(c for c in other if c not in own))
    nnz = entries_of(step, s)
    op = step.operands[d]
    free = _free(other, op, own)
    # Where they are no matrices of rows all of the dense operand and of the result is moved, in blocks.
    in_rows = lies_as(columns + free, other, op, step.sizes)
    out_rows = in_rows and rows + free == step.output and step.order != "F"
    moved = (0 if in_rows else TURNED * op.nbytes) + step.out_bytes * (1 if out_rows else 3)
    blocks = (0 if in_rows else op.size) + (0 if out_rows else step.extent(step.output))
    native = len(own) == 2 and len(rows) == len(columns) == 1
    compress = 0.0 if native and line_of(step, s) else nnz * SORT * 1e9 + 2 * pointers_of(step, s)
    compress += 2 * comparing(step)  # once more in copies that are SciPy's to read
    lines = pointers_of(step, s) or step.extent(rows)
    filled = _FILLED * step.out_bytes / 8 if step.out_bytes >= _SMALL else 0.0
    cost = Cost(
        nnz * (_WIDE * width + _ENTRY) * (3 if step.dtype.kind == "c" else 1)
        + compress
        + lines
        + ENDED * min(nnz, lines)
        + filled
        + _BROUGHT * blocks,
        float(min(step.in_bytes, nnz * width * step.dtype.itemsize) + moved),
        _CALLS,
        1e9,
    )
    return Offer(cost, layout(step), (rows, columns), "scipy.sparse's loops, in blocks")


#: SciPy's loops for a vector and for several, of a matrix whose rows, or columns, are compressed.
_ROWS = (tools.csr_matvec, tools.csr_matvecs)
_COLUMNS = (tools.csc_matvec, tools.csc_matvecs)


@dataclass(frozen=True, slots=True, eq=False)
class _Matrix:
    """The sparse operand as a matrix of ``n`` rows and ``m`` columns, compressed along either."""

    n: int
    m: int
    indptr: Array
    indices: Array
    data: Array
    loops: tuple[Any, Any]

    def multiply(self, width: int, x: Array, out: Array) -> None:
        """Add the product with ``x`` (m, width) to ``out`` (n, width); both are flat."""
        if width == 1:
            self.loops[0](self.n, self.m, self.indptr, self.indices, self.data, x, out)
        else:
            self.loops[1](self.n, self.m, width, self.indptr, self.indices, self.data, x, out)


class _Product:
    """A bound step; the dense operand's own labels (free) are in the order in which it holds them."""

    def __init__(self, step: Step, rows: str, columns: str) -> None:
        pair = sparse_and_dense(step)
        assert not isinstance(pair, Refused)
        self.sparse, self.dense = pair
        own, other = step.inputs[self.sparse], step.inputs[self.dense]
        op = step.operands[self.dense]
        free = _free(other, op, own)
        self.rows = tuple(own.index(c) for c in rows)
        self.columns = tuple(own.index(c) for c in columns)
        self.n, self.m, self.width = (step.extent(x) for x in (rows, columns, free))
        self.empty = not (self.n and self.m and self.width)
        self.axes = tuple(other.index(c) for c in (*columns, *free))
        self.out_axes = tuple(step.output.index(c) for c in (*rows, *free))
        self.shape = tuple(step.sizes[c] for c in step.output)
        self.as_rows = rows + free == step.output and step.order != "F"  # the result is a matrix of rows
        self.made_shape = tuple(step.sizes[c] for c in rows + free)
        self.back = tuple((rows + free).index(c) for c in step.output)
        self.order: Any = "F" if step.order == "F" else "C"
        self.dtype = step.dtype
        self.threads = step.threads
        at_once = max(16, _BLOCK // (step.dtype.itemsize * max(1, self.n + self.m)))
        self.cuts = [] if self.empty else list(cuts(tuple(step.sizes[c] for c in free), at_once))

    def __call__(self, *operands: Any, out: Array | None = None) -> Any:
        a: Entries = operands[self.sparse]
        x: Array = operands[self.dense]
        if self.empty or not len(a.data):
            return self.zeros(out)
        x = x.transpose(self.axes)
        fits = self.as_rows and (out is None or out.flags.c_contiguous)
        if fits and x.flags.c_contiguous and x.dtype == self.dtype:
            out = self.zeros(out)
            matrix = self.matrix(a, by_columns=self.width <= _NARROW)
            self.by_rows(matrix, x.reshape(-1), out.reshape(self.n, self.width))
            return out
        matrix = self.matrix(a, by_columns=True)
        if out is None and len(self.cuts) == 1:
            made = np.zeros(self.n * self.width, self.dtype)
            given = np.ascontiguousarray(x, self.dtype).reshape(-1)
            matrix.multiply(self.width, given, made)
            return np.asarray(made.reshape(self.made_shape).transpose(self.back), order=self.order)
        if out is None:
            out = np.empty(self.shape, self.dtype, self.order)
        self.by_columns(matrix, x, out.transpose(self.out_axes))
        return out

    def matrix(self, a: Entries, by_columns: bool) -> _Matrix:
        """Rows compressed; as it is where its columns are, and that will do."""
        if a.compressed is not None:
            a = a.settled()
        c = a.compressed
        if by_columns and c is not None and (c.axis,) == self.columns and (1 - c.axis,) == self.rows:
            return _Matrix(self.n, self.m, c.indptr, c.indices, a.data, _COLUMNS)
        return _Matrix(self.n, self.m, *csr_source.compressed(a, self.rows, self.columns), _ROWS)

    def zeros(self, out: Array | None) -> Array:
        """A result to add to."""
        if out is None:
            return np.zeros(self.shape, self.dtype, self.order)
        out[...] = 0
        return out

    def by_rows(self, matrix: _Matrix, x: Array, out: Array) -> None:
        """Both dense sides as they lie: blocks of rows of the sparse matrix."""
        indptr, data = matrix.indptr, matrix.data
        count = max(1, min(self.n, 4 * self.threads, len(data) * self.width // _WORK))
        if self.threads == 1 or count == 1 or matrix.loops is not _ROWS:
            matrix.multiply(self.width, x, out.reshape(-1))
            return
        cuts = row_cuts(indptr, count)

        def work(index: int) -> None:
            low, high = cuts[index], cuts[index + 1]
            if low < high:
                block = replace(matrix, n=high - low, indptr=indptr[low : high + 1])
                block.multiply(self.width, x, out[low:high].reshape(-1))

        run_blocks(count, work, self.threads)

    def by_columns(self, matrix: _Matrix, x: Array, out: Array) -> None:
        """Blocks of the free labels, each laid out as rows for the loop and put back afterwards."""
        head: Index = (slice(None),) * len(self.columns)
        out_head: Index = (slice(None),) * len(self.rows)

        def work(index: int) -> None:
            cut: Index = self.cuts[index]
            piece = x[(*head, *cut, ...)]
            width = prod(piece.shape[len(head) :])
            given = np.ascontiguousarray(piece, self.dtype)
            target = out[(*out_head, *cut, ...)]
            made = np.zeros(self.n * width, self.dtype)
            matrix.multiply(width, given.reshape(-1), made)
            target[...] = made.reshape(target.shape)

        run_blocks(len(self.cuts), work, self.threads)


def _free(labels: str, op: Operand, own: str) -> str:
    """Labels of the dense operand alone, outermost in memory first."""
    strides = dict(zip(labels, op.strides, strict=True))
    return "".join(sorted((c for c in labels if c not in own), key=lambda c: -abs(strides[c])))


def bind(step: Step, offer: Offer) -> Runner:
    """Settle the axes and the blocks."""
    rows, columns = offer.recipe
    return _Product(step, rows, columns)


ROUTE = Route("sparse.scipy", verdict, bind)
