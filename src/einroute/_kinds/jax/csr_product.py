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
        _, sums, columns = found.shape
        x = sum_of(x, found.alone) if found.alone else x
        x = lax.reshape(lax.transpose(x, found.order), (sums, columns))
        made = _product(cells, found, x)
        return lax.transpose(made.reshape(found.made), found.axes)

    return run


def _product(cells: Cells, found: _Product, x: Any) -> Any:
    """The matrix by a dense one.

    Whether entries are in the order of rows, padding last, is looked at in the program, also where they are
    said to be: padding that has a row would be multiplied. Each branch has the product in it, so that XLA
    runs them as one.
    """
    rows, columns, _ = found.shape
    if not cells.count:
        return jnp.zeros((rows, x.shape[1]), x.dtype)
    in_order, in_any = partial(_in_order, found.shape), partial(_in_any_order, found.shape)
    if cells.pointers is not None and (found.rows, found.summed) == ((0,), (1,)):
        pointers, column = cells.pointers.astype(jnp.int32), cells.coords[1]
        within = (column >= 0) & (column < columns)
        column = jnp.where(within, column, 0).astype(jnp.int32)
        by_pointers = partial(_by_pointers, found.shape)
        return lax.cond(
            jnp.all(within),
            lambda data, column, pointers, _within, x: by_pointers(data, column, pointers, x),
            lambda data, column, pointers, within, x: in_any(
                data, column, jnp.where(within, _rows_of(pointers, cells.count), rows), x
            ),
            *(cells.data, column, pointers, within, x),
        )
    row = cells.place(found.rows).astype(jnp.int32)
    column = _within(cells.place(found.summed).astype(jnp.int32), columns)
    return lax.cond(jnp.all(row[1:] >= row[:-1]), in_order, in_any, cells.data, column, row, x)


def _by_pointers(shape: tuple[int, int, int], data: Any, column: Any, pointers: Any, x: Any) -> Any:
    """JAX's product, differentiated of values alone; where it is a vector, JAX wants one."""
    matrix = BCSR((data, column, pointers), shape=shape[:2])
    return (matrix @ x[:, 0])[:, None] if shape[2] == 1 else matrix @ x


def _in_order(shape: tuple[int, int, int], data: Any, column: Any, row: Any, x: Any) -> Any:
    """The product of entries in the order of rows, padding last."""
    return _by_pointers(shape, data, column, _pointers(row, shape[0]), x)


def _in_any_order(shape: tuple[int, int, int], data: Any, column: Any, row: Any, x: Any) -> Any:
    """The product of entries in any order, padding having a row beyond the last."""
    return _in_order(shape, *_sorted(shape[0], data, column, row), x)


def _rows_of(pointers: Any, count: int) -> Any:
    """The row of each entry; beyond the last of those that come after all rows."""
    position = jnp.arange(count, dtype=jnp.int32)
    return jnp.searchsorted(pointers, position, side="right").astype(jnp.int32) - 1


def _pointers(row: Any, rows: int) -> Any:
    """Where rows begin: each is looked for by halving, or, where few rows have entries, these are counted."""
    count = row.shape[0]
    bits = count.bit_length()
    if 3 * (count + rows) < rows * bits:
        counts = jnp.zeros(rows + 1, jnp.int32).at[row + 1].add(1, mode="drop", indices_are_sorted=True)
        return jnp.cumsum(counts, dtype=jnp.int32)
    wanted = jnp.arange(rows + 1, dtype=jnp.int32)

    def halve(turn: Any, before: Any) -> Any:
        probe = before + lax.shift_right_logical(jnp.int32(1 << (bits - 1)), turn.astype(jnp.int32))
        first = (probe <= count) & (row[jnp.minimum(probe, count) - 1] < wanted)
        return jnp.where(first, probe, before)

    return lax.fori_loop(0, bits, halve, jnp.zeros(rows + 1, jnp.int32))


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
