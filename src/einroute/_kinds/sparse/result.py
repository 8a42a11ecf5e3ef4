"""What a step's entries become: the entries themselves, or an array laid out as the step wants it."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

import numpy as np

from ..._base.facts import Operand, Step
from ..._base.routes import Refused
from ..._entries.entries import Entries

Array = np.ndarray[Any, Any]

#: Seconds an entry for adding it to a dense array at its place, and for bringing entries into rows.
SCATTER, SORT = 3e-9, 12e-9
#: Nanoseconds for comparing an index, or a pointer with the one before; for a pointer that is followed, and
#: for a row that has entries: where it ends is not foreseen.
COMPARE, POINTER, ENDED = 0.26, 0.6, 5.5
#: Nanoseconds an entry for bringing entries into the rows of a result: as they lie, and in another order; for
#: each of its pointers; and more where there are so many rows that each entry takes a line of the cache.
_KEPT, TURNED, _MADE, SCATTERED, MANY_ROWS = 1.1, 3.8, 1.0, 9.0, 1 << 13
#: Sums from which each takes a line of the cache.
_MANY_SUMS = 1 << 18


def sparse_positions(step: Step) -> tuple[int, ...]:
    """Positions of a step's sparse operands."""
    return tuple(i for i, op in enumerate(step.operands) if op.form == "entries")


def entries_of(step: Step, position: int) -> int:
    """Entries that an operand is taken to hold: the middle of those for which its facts are the same."""
    return ceil((step.operands[position].nnz or 0) * 0.7)


def pointers_of(step: Step, position: int) -> int:
    """Pointers that an operand keeps."""
    op = step.operands[position]
    return op.shape[op.compressed] if op.compressed >= 0 else 0


def line_of(step: Step, position: int) -> str:
    """The label along which an operand is compressed; empty where there is none."""
    axis = step.operands[position].compressed
    return step.inputs[position][axis] if axis >= 0 else ""


def comparing(step: Step) -> float:
    """Nanoseconds for comparing the indices and pointers of all sparse operands."""
    return COMPARE * sum(op.compared for op in step.operands)


def passing(step: Step, position: int) -> float:
    """Nanoseconds for passing the rows, or columns, that an operand keeps."""
    lines = pointers_of(step, position)
    return POINTER * lines + ENDED * min(lines, entries_of(step, position))


def spread(step: Step) -> float:
    """Nanoseconds more an entry where its sum, in a vector, takes a line of the cache."""
    return SCATTERED if len(step.output) == 1 and step.sizes[step.output] > _MANY_SUMS else 0.0


def ordering(step: Step, position: int) -> float:
    """Nanoseconds for the rows of a sparse matrix that has an operand's entries, or as many."""
    if step.form != "entries" or len(step.output) != 2:
        return 0.0
    row, nnz = step.output[0], entries_of(step, position)
    if line_of(step, position) == row:
        return nnz * _KEPT + step.sizes[row] * _MADE
    far = SCATTERED if step.sizes[row] > MANY_ROWS else 0.0
    return nnz * (TURNED + far) + step.sizes[row] * _MADE


def layout(step: Step) -> str:
    """The result's labels in the order of its memory: C order unless F is wanted."""
    return step.output[::-1] if step.order == "F" else step.output


def hand_over(step: Step, labels: str, entries: Entries, out: Array | None) -> Any:
    """Entries with these labels as the step's result; what is not in the output is summed over."""
    if labels != step.output:
        entries = entries.take([labels.index(c) for c in step.output])
    return entries if step.form == "entries" else entries.dense(step.order, out)


def laid_out(step: Step, labels: str, array: Array, out: Array | None) -> Array:
    """An array with these labels as the step's dense result, in its layout."""
    view = array.transpose([labels.index(c) for c in step.output])
    if out is not None:
        np.copyto(out, view, casting="unsafe")
        return out
    return np.asarray(view, order="F" if step.order == "F" else "C")


def lies_as(order: str, labels: str, op: Operand, sizes: Mapping[str, int]) -> bool:
    """Whether an array's axes lie in memory one within the other in the order of these labels."""
    strides = dict(zip(labels, op.strides, strict=True))
    reach = op.dtype.itemsize
    for c in reversed(order):
        if sizes[c] != 1 and strides[c] != reach:
            return False
        reach *= sizes[c]
    return True


def row_cuts(indptr: Array, parts: int) -> list[int]:
    """Where to cut rows into parts of about as many entries each: ``parts + 1`` numbers."""
    rows = len(indptr) - 1
    if parts == 1:
        return [0, rows]
    marks = np.linspace(0, indptr[-1], parts + 1)[1:-1]
    return [0, *np.searchsorted(indptr, marks).clip(0, rows).tolist(), rows]


def pair_of_sparse(step: Step) -> Refused | None:
    """A refusal of what is no pair of sparse operands."""
    if len(step.inputs) != 2 or len(sparse_positions(step)) != 2:
        return Refused("not a pair of sparse operands")
    return None


def sparse_and_dense(step: Step) -> tuple[int, int] | Refused:
    """Positions of the sparse and of the dense operand of a mixed pair."""
    sparse = sparse_positions(step)
    if len(step.inputs) != 2 or len(sparse) != 1:
        return Refused("not one sparse and one dense operand")
    return sparse[0], 1 - sparse[0]
