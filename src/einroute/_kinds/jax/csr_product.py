"""A sparse matrix by a dense one on the host: by JAX's product of BCSR, once rows are in order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental.sparse import BCSR

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import Offer, Refused, Route, Runner
from .bcoo_result import ENTRIES, NAME
from .cells import Cells
from .dense import LIBRARY, sum_of

__all__ = ["ROUTE"]

#: Multiply-adds a second of JAX's kernel. Seconds an entry: of its product with a vector; of sorting, for
#: each doubling of the entries, in one integer and in two; and of seeing whether that is due.
_RATE, _VECTOR, _SORTED, _SORTED_IN_TWO, _ENTRY = 8e9, 16e-9, 3.5e-9, 20e-9, 2e-9
#: dtypes that JAX's kernel on the host has; of integers sums would not be of the same dtype there.
_DTYPES = frozenset(map(np.dtype, (np.float32, np.float64, np.complex64, np.complex128)))


@dataclass(frozen=True, slots=True)
class _Product:
    """Labels by their role, and what brings the dense operand to a matrix.

    Attributes
    ----------
    sparse : int
        Position of the sparse operand.
    rows, summed : tuple of int
        Axes of the sparse operand.
    alone, order : tuple of int
        Axes of the dense operand that are summed before, and the order of the others.
    shape : tuple of int
        Rows, sums, columns.
    made, axes : tuple of int
        Sizes of the product's axes, and their order in the output.
    """

    sparse: int
    rows: tuple[int, ...]
    summed: tuple[int, ...]
    alone: tuple[int, ...]
    order: tuple[int, ...]
    shape: tuple[int, int, int]
    made: tuple[int, ...]
    axes: tuple[int, ...]


def _verdict(step: Step) -> Offer | Refused:
    """Offer to do it for a pair without batches, on the host."""
    own = [i for i, op in enumerate(step.operands) if op.form in ENTRIES]
    if len(own) != 1 or len(step.inputs) != 2:
        return Refused("not a sparse operand and a dense one")
    if step.form == NAME:
        return Refused("the result is sparse")
    if step.dtype not in _DTYPES:
        return Refused(f"JAX's product of BCSR has no loops for {step.dtype} on the host")
    device = next((op.device for op in step.operands if op.device is not None), None)
    platform = getattr(device, "platform", None) or jax.default_backend()
    if platform != "cpu" or isinstance(device, frozenset):
        return Refused("not on the host alone")
    labels, dense = step.inputs[own[0]], step.inputs[1 - own[0]]
    shared = [c for c in labels if c in dense]
    if any(c in step.output for c in shared):
        return Refused("a label of both operands is kept")
    if not shared:
        return Refused("no label is summed in both operands")
    rows = [c for c in labels if c in step.output]
    columns = [c for c in dense if c in step.output]
    alone = tuple(i for i, c in enumerate(dense) if c not in shared and c not in columns)
    left = [c for i, c in enumerate(dense) if i not in alone]
    shape = (step.extent("".join(rows)), step.extent("".join(shared)), step.extent("".join(columns)))
    if max(shape[0], shape[1]) >= 2**31 - 1:
        return Refused("more rows or columns than 32-bit indices tell")
    made = [*rows, *columns]
    found = _Product(
        own[0],
        tuple(labels.index(c) for c in rows),
        tuple(labels.index(c) for c in shared),
        alone,
        tuple(left.index(c) for c in [*shared, *columns]),
        shape,
        tuple(step.sizes[c] for c in made),
        tuple(made.index(c) for c in step.output),
    )
    count = step.operands[own[0]].nnz or 0
    in_rows = step.operands[own[0]].structure == "rows" and (found.rows, found.summed) == ((0,), (1,))
    flops = float(count * shape[2])
    each = _VECTOR if shape[2] == 1 else 0.0
    if not in_rows:
        bits = max(1, (count - 1).bit_length())
        each += _ENTRY + bits * (_SORTED if _in_one(shape[0], bits) else _SORTED_IN_TWO)
    moved = float(step.in_bytes + step.out_bytes * (1 if found.axes == tuple(range(len(made))) else 3))
    rate = flops / (flops / _RATE + each * count) if flops else _RATE
    cost = Cost(flops, moved, LIBRARY.calls, rate)
    note = "JAX's product of BCSR" + ("" if in_rows else ", rows sorted where they are not")
    return Offer(cost, step.output, found, note)


def _bind(_step: Step, offer: Offer) -> Runner:
    found: _Product = offer.recipe

    def run(*operands: Any, out: Any = None) -> Any:
        cells, x = operands[found.sparse], operands[1 - found.sparse]
        rows, sums, columns = found.shape
        x = sum_of(x, found.alone) if found.alone else x
        x = lax.reshape(lax.transpose(x, found.order), (sums, columns))
        data, indices, pointers = _in_rows(cells, found)
        # Of values alone it is differentiated; where the product is a vector, JAX wants one.
        matrix = BCSR((data, indices, pointers), shape=(rows, sums))
        made = (matrix @ x[:, 0])[:, None] if columns == 1 else matrix @ x
        return lax.transpose(made.reshape(found.made), found.axes)

    return run


def _in_rows(cells: Cells, found: _Product) -> tuple[Any, Any, Any]:
    """Values, columns and where rows begin; padding comes after the last row."""
    rows, columns, _ = found.shape
    in_turn = (found.rows, found.summed) == ((0,), (1,))
    if cells.pointers is not None and in_turn:
        # Whatever a row holds beyond the last column is padding: the kernel would read there.
        column = cells.coords[1]
        within = (column >= 0) & (column < columns)
        data = jnp.where(within, cells.data, jnp.zeros((), cells.data.dtype))
        return data, jnp.where(within, column, 0).astype(jnp.int32), cells.pointers.astype(jnp.int32)
    row = cells.place(found.rows).astype(jnp.int32)
    column = _within(cells.place(found.summed).astype(jnp.int32), columns)
    if not cells.count:
        return cells.data, column, jnp.zeros(rows + 1, jnp.int32)
    data = cells.data
    if not (cells.ordered and in_turn):
        data, column, row = lax.cond(
            jnp.all(row[1:] >= row[:-1]), lambda *parts: parts, partial(_sorted, rows), data, column, row
        )
    return data, column, _pointers(row, rows)


def _pointers(row: Any, rows: int) -> Any:
    """Where rows begin: each is looked for, or, where few rows have entries, these are counted."""
    count = row.shape[0]
    if 3 * (count + rows) < rows * count.bit_length():
        counts = jnp.zeros(rows + 1, jnp.int32).at[row + 1].add(1, mode="drop", indices_are_sorted=True)
        return jnp.cumsum(counts, dtype=jnp.int32)
    found = jnp.searchsorted(row, jnp.arange(rows + 1, dtype=jnp.int32), method="scan")
    return found.astype(jnp.int32)


def _within(column: Any, columns: int) -> Any:
    """Indices of which none is out of range: the kernel reads where they say."""
    return jnp.where((column >= 0) & (column < columns), column, 0)


def _sorted(rows: int, data: Any, column: Any, row: Any) -> tuple[Any, Any, Any]:
    """Entries in the order of rows.

    A row and a position in one unsigned integer are sorted several times as fast as two arrays are.
    """
    count = row.shape[0]
    bits = max(1, (count - 1).bit_length())
    position = lax.iota(jnp.int32, count)
    if not _in_one(rows, bits):
        row, order = lax.sort((row, position), num_keys=1)
    else:
        key = lax.sort((row.astype(jnp.uint32) << bits) | position.astype(jnp.uint32))
        row, order = (key >> bits).astype(jnp.int32), (key & ((1 << bits) - 1)).astype(jnp.int32)
    return data[order], column[order], row


def _in_one(rows: int, bits: int) -> bool:
    """Whether a row and a position of so many bits are within 32 together."""
    return rows.bit_length() + bits <= 32


ROUTE = Route("bcoo.csr", _verdict, _bind)
