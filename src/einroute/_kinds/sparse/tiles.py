"""A dense by a sparse operand with the core's kernels: nothing is copied or transposed as a whole.

Labels of both operands that stay in the output go into the rows and into the columns of the sparse matrix,
which is then block-diagonal. The dense operand and the result may lie in any way: rows that lie side by side
are summed as they lie, others go through tiles whose lanes are vectors.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import Alone, Offer, Refused, Route, Runner
from ..._entries import csr_source
from ..._entries.entries import Entries
from ..._entries.validate import Unsound
from ..._native import CORE, REASON
from .result import (
    ENDED,
    POINTER,
    SORT,
    comparing,
    entries_of,
    layout,
    lies_as,
    line_of,
    pointers_of,
    sparse_and_dense,
)

Array = np.ndarray[Any, Any]

#: The dtypes that the core has kernels for, and the most axes it takes.
_CORES, _AXES = frozenset("?bBhHiIlLqQfdFD"), 32
#: Vectors up to which a matrix that is compressed along the summed label is taken as it is: compressing it
#: the other way takes 2 to 4 ns an entry, and saves about 0.05 ns an entry and vector.
_FEW = 64
#: Nanoseconds an entry, and for each number that it is multiplied with: along rows, and where columns are
#: compressed, or coordinates come as they are.
_ENTRY, _WIDE, _APART, _APART_WIDE, _GIVEN = 0.35, 0.08, 0.6, 0.3, 1.5
#: Nanoseconds for 8 bytes of whole diagonals by a vector, and times that of complex numbers.
_DIAGONAL, _COMPLEX = 0.33, 1.6
#: Entries, or rows, up to which coordinates are taken as they come, by one vector.
_MANY = 1 << 20
#: Nanoseconds an entry, and a row, for compressing it another way, and a pointer that is made an index; and a
#: row where most have no entry.
_COMPRESS, _ROWS, _FOLLOWED, _EMPTY = 2.5, 2.2, 2.0, 0.9
#: And more an entry where there are so many that each takes a line of the cache.
_SCATTERED, _NEAR = 5.0, 1 << 18
#: Nanoseconds a row where it has several numbers, and 8 bytes of the result, of which many take new pages.
_BEGUN, _MADE, _NEW, _SMALL = 1.4, 0.15, 0.4, 1 << 20
#: What moving an array through tiles takes, times what reading it does; and times that where no two elements
#: are neighbours.
_TURNED, _STREWN = 3, 3
#: Vectors from which an axis is long; how many times as long copying elements one by one takes; and bytes of
#: a row that is taken as it lies however few entries there are, as the core has it.
_LONG_AXIS, _ONE_BY_ONE, _WHOLE = 16, 3, 64
#: Nanoseconds for an element that is added to another one that lies apart, and for each pass over so many
#: vectors; bytes that the system hands out at once.
_ADDED, _PASS, _VECTORS, _PAGE = 1.0, 4.0, 128, 4096
#: Of calls that the core does whole, and of others, in the units of `Cost`.
_SHORT, _LONG = 0.4, 30.0


def verdict(step: Step) -> Offer | Refused:
    """Offer a product of matrices where every label is one of the output or of both operands."""
    pair = sparse_and_dense(step)
    if isinstance(pair, Refused):
        return pair
    if CORE is None:
        return Refused(f"the compiled core is not there: {REASON}")
    if step.form == "entries":
        return Refused("its result is dense")
    if step.dtype.char not in _CORES:
        return Refused(f"no kernel for {step.dtype.name}")
    s, d = pair
    own, other = step.inputs[s], step.inputs[d]
    if any(c not in own and c not in step.output for c in other):
        return Refused("a label of the dense operand alone is summed")
    rows = "".join(c for c in step.output if c in own)
    columns = "".join(c for c in other if c in own)
    if max(step.extent(rows), step.extent(columns)) > 2**62:
        return Refused("more rows or columns than an index can number")
    free = "".join(c for c in other if c not in own)
    if len(free) >= _AXES:
        return Refused("more axes than the core takes")
    return Offer(_cost(step, rows, columns, free), layout(step), (rows, columns, free), "the core's kernels")


def _cost(step: Step, rows: str, columns: str, free: str) -> Cost:
    pair = sparse_and_dense(step)
    assert not isinstance(pair, Refused)
    s, d = pair
    nnz, width, op = entries_of(step, s), step.extent(free), step.operands[d]
    short = step.last and _vectors(step) is not None
    if short and width == 1 and step.operands[s].diagonals:
        return _of_diagonals(step, nnz)
    lies = _Lies(step, rows, columns, free, d)
    if lies.passed(nnz, step.extent(rows), step.extent(columns)):
        compress = 0.0 if line_of(step, s) else nnz * _COMPRESS + step.extent(rows) * _EMPTY
        return _of_passes(step, rows, nnz, width, compress)
    in_rows = lies_as(columns + free, step.inputs[d], op, step.sizes)
    out_rows = rows + free == step.output and step.order != "F"
    looked_up = nnz * width * step.dtype.itemsize
    moved = step.out_bytes if out_rows else _TURNED * step.out_bytes
    if not in_rows and not any(lies.x[c] == op.dtype.itemsize for c in free):
        # Nothing to be looked up lies together; nor perhaps anything at all.
        near = any(n > 1 and t == op.dtype.itemsize for n, t in zip(op.shape, op.strides, strict=True))
        moved += _TURNED * op.nbytes * (1 if near or op.size == 1 else _STREWN)
    work, compress = _passed(step, s, rows, columns, width)
    if width > 1:
        made = _touched(step, rows, nnz, width)
        begun = step.extent(rows) if made == step.out_bytes else min(nnz, step.extent(rows))
        work += _BEGUN * begun + (_MADE if step.out_bytes < _SMALL else _NEW) * made / 8
    threads = max(1.0, min(float(step.threads), work * 0.3e-6))
    return Cost(
        work + (compress + (0.0 if short else comparing(step))) * threads,
        float(min(step.in_bytes, looked_up) + moved),
        _SHORT if short else _LONG,
        1e9 * threads,
    )


def _of_diagonals(step: Step, nnz: int) -> Cost:
    """Of diagonals that are read as they lie."""
    item = step.dtype.itemsize
    work = nnz * _DIAGONAL * max(item, 4) / 8 * (_COMPLEX if step.dtype.kind == "c" else 1)
    threads = max(1.0, min(float(step.threads), work * 0.3e-6))
    return Cost(work, float(nnz * item + step.out_bytes), _SHORT, 1e9 * threads)


def _of_passes(step: Step, rows: str, nnz: int, width: int, compress: float) -> Cost:
    """Of entries that are added one by one, each to as many vectors as there are, to a result of zeros.

    Coordinates are compressed before.
    """
    item = step.dtype.itemsize
    touched = _touched(step, rows, nnz, width)
    work = nnz * (width * _ADDED * max(1.0, item / 8) + _PASS * ceil(width / _VECTORS))
    work += (_MADE if step.out_bytes < _SMALL else _NEW) * touched / 8 + POINTER * 0.2 * step.extent(rows)
    threads = max(1.0, min(float(step.threads), work * 0.3e-6))
    short = step.last and _vectors(step) is not None
    work += (compress + (0.0 if short else comparing(step))) * threads
    return Cost(work, float(touched), _SHORT if short else _LONG, 1e9 * threads)


def _touched(step: Step, rows: str, nnz: int, width: int) -> float:
    """Bytes of a result that are written, by whole pages of a large one."""
    n, item = step.extent(rows), step.dtype.itemsize
    if step.out_bytes < _SMALL or width == 1:
        return float(step.out_bytes)
    if layout(step)[-1:] in rows:  # elements of the rows lie side by side
        return float(step.out_bytes if 2 * nnz > n * item / _PAGE else nnz * width * _PAGE)
    run = step.extent(layout(step)[max(layout(step).find(c) for c in rows) + 1 :]) if rows else width
    written = nnz * (width // run) * max(_PAGE, run * item)
    return float(step.out_bytes if 2 * nnz > n else min(step.out_bytes, written))


class _Lies:
    """How a dense operand and the result lie, as the core looks at it.

    Attributes
    ----------
    x, y : dict
        Strides of both by their labels, in bytes.
    x_near, y_near : bool
        Whether elements that are copied one after the other lie side by side.
    """

    def __init__(self, step: Step, rows: str, columns: str, free: str, dense: int) -> None:
        op, item = step.operands[dense], step.dtype.itemsize
        self.x = dict(zip(step.inputs[dense], op.strides, strict=True))
        self.y: dict[str, int] = {}
        reach = item
        for c in reversed(layout(step)):
            self.y[c] = reach
            reach *= step.sizes[c]
        x_item = op.dtype.itemsize
        long = [c for c in free if step.sizes[c] >= _LONG_AXIS]
        self.x_near = any(self.x[c] == x_item for c in (*columns, *long))
        self.y_near = any(self.y[c] == item for c in (*rows, *long))
        both = [step.sizes[c] for c in free if self.x[c] == x_item and self.y[c] == item]
        width = step.extent(free)
        # Rows are taken as they lie, whatever there is of entries; columns of several labels are copied.
        whole = width == 1 or any(n == width or n * item >= _WHOLE for n in both)
        self.apart = not whole and len(rows) == len(columns) == 1

    def passed(self, nnz: int, rows: int, columns: int) -> bool:
        """Whether so few entries are added one by one."""
        x, y = (1 if near else _ONE_BY_ONE for near in (self.x_near, self.y_near))
        return self.apart and 2 * nnz <= columns * x + rows * y


def _passed(step: Step, s: int, rows: str, columns: str, width: int) -> tuple[float, float]:
    """Nanoseconds for the entries and the rows they are in, and for bringing them there."""
    nnz, line = entries_of(step, s), line_of(step, s)
    wide = width * step.dtype.itemsize / 8
    by_rows = nnz * (_ENTRY + _WIDE * wide) + _pass(nnz, step.extent(rows))
    native = len(step.inputs[s]) == 2 and len(rows) == len(columns) == 1
    if native and line == rows:
        return by_rows, 0.0
    if native and line == columns and width <= _FEW:
        return nnz * (_APART + _APART_WIDE * wide) + _pass(nnz, step.extent(columns)), 0.0
    if native and width == 1 and not line and max(nnz, step.extent(rows)) <= _MANY:
        return nnz * _GIVEN, 0.0
    each = _COMPRESS + (_SCATTERED if nnz > _NEAR else 0.0) if native or not rows else SORT * 1e9
    followed = _FOLLOWED * pointers_of(step, s) if line and not native else 0.0
    return by_rows, nnz * each + step.extent(rows) * _ROWS + followed


def _pass(nnz: int, lines: int) -> float:
    return POINTER * lines + ENDED * min(lines, nnz)


class _Product:
    """A bound step."""

    def __init__(self, step: Step, rows: str, columns: str, free: str) -> None:
        pair = sparse_and_dense(step)
        assert not isinstance(pair, Refused)
        self.sparse, self.dense = pair
        own, other = step.inputs[self.sparse], step.inputs[self.dense]
        self.rows = tuple(own.index(c) for c in rows)
        self.columns = tuple(own.index(c) for c in columns)
        self.n, self.m, self.width = (step.extent(x) for x in (rows, columns, free))
        self.free = tuple(step.sizes[c] for c in free)
        self.axes = tuple(other.index(c) for c in (*columns, *free))
        self.out_axes = tuple(step.output.index(c) for c in (*rows, *free))
        self.made_shape = tuple(step.sizes[c] for c in rows + free)
        self.back = tuple((rows + free).index(c) for c in step.output)
        self.shape = tuple(step.sizes[c] for c in step.output)
        self.order: Any = "F" if step.order == "F" else "C"
        self.dtype, self.threads = step.dtype, step.threads

    def __call__(self, *operands: Any, out: Array | None = None) -> Any:
        a: Entries = operands[self.sparse]
        x: Array = operands[self.dense]
        by_rows, (indptr, indices, data) = self.matrix(a)
        result = out if out is not None and self.takes(out) else np.empty(self.shape, self.dtype, self.order)
        y = self.as_matrix(result.transpose(self.out_axes), (self.n, *self.free))
        made = y
        if y is None:  # the rows, several axes, do not lie as one
            made = np.empty((self.n, *self.free), self.dtype)
        assert made is not None
        if not (by_rows and self.m and len(data)):
            made[...] = 0
        x = x.transpose(self.axes).reshape((self.m, *self.free))
        x = x.astype(self.dtype, copy=not x.flags.aligned)
        if len(data) and not CORE.multiply_compressed(indptr, indices, data, by_rows, x, made, self.threads):
            raise Unsound("its index arrays were changed while they were read")
        if y is None:
            result[...] = made.reshape(self.made_shape).transpose(self.back)
        if out is None or result is out:
            return result
        np.copyto(out, result, casting="unsafe")
        return out

    def matrix(self, a: Entries) -> tuple[bool, csr_source.CSR]:
        """Whether rows are compressed, and the matrix; as it is where its columns are, and that will do."""
        c = a.compressed
        few = self.width <= _FEW or 2 * a.nnz <= self.n + self.m
        if c is not None and few and ((c.axis,), (1 - c.axis,)) == (self.columns, self.rows):
            return False, (c.indptr, c.indices, a.data)
        return True, csr_source.compressed(a, self.rows, self.columns)

    def takes(self, out: Array) -> bool:
        """Whether the kernels can write to an array."""
        return bool(out.dtype == self.dtype and out.dtype.isnative and out.flags.aligned)

    @staticmethod
    def as_matrix(view: Array, shape: tuple[int, ...]) -> Array | None:
        """A view with the first axes as one, or None where they do not lie so."""
        try:
            return view.reshape(shape, copy=False)
        except ValueError:
            return None


def bind(step: Step, offer: Offer) -> Runner:
    """Settle the axes."""
    return _Product(step, *offer.recipe)


def short(alone: Alone, run: Runner) -> Runner | None:
    """The core's product of a matrix of scipy.sparse as it came."""
    step = alone.step
    found = _vectors(step) if alone.inputs == step.inputs else None
    if found is None:
        return None
    s, row, column = found
    own, other = step.inputs[s], step.inputs[1 - s]
    made: Runner = CORE.SparseProduct(
        run,
        step.dtype.char,
        s,
        own[0] != row,
        step.sizes[row],
        step.sizes[column],
        [step.sizes[c] for c in other],
        other.index(column),
        step.output.index(row),
        step.order == "F",
        step.threads,
        _FEW,
    )
    return made


def _vectors(step: Step) -> tuple[int, str, str] | None:
    """Of a matrix by vectors: which operand it is, its label in the result, and the one that is summed."""
    pair = sparse_and_dense(step)
    if CORE is None or isinstance(pair, Refused) or step.dtype.char not in _CORES:
        return None
    s, d = pair
    own, other = step.inputs[s], step.inputs[d]
    free = "".join(c for c in other if c not in own)
    summed = [c for c in own if c in other]
    if len(own) != 2 or len(summed) != 1 or len(other) > _AXES:
        return None
    row = own.replace(summed[0], "")
    rest = step.output.replace(row, "")
    return (s, row, summed[0]) if rest == free and len(rest) + 1 == len(step.output) else None


ROUTE = Route("sparse.tiles", verdict, bind, short=short)
