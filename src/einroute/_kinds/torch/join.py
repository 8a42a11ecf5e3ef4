"""Two sparse tensors: each entry of one with those of the other that have its indices on shared axes.

A join by sorting (Knuth, "The Art of Computer Programming", volume 3, section 6.5): one side is sorted by the
shared axes, the other is looked up in it. How many pairs there are is read once: the only value that a device
is waited for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import NoRoute, Offer, Refused, Route, Runner
from ..array_library.routes import laid_out
from .autocast import plainly
from .cells import Cells, written
from .compressed import bare, transposed
from .dense import LIBRARY, Tensor
from .gather import sparse_facts
from .layouts import TensorCells, as_csr, cells_of, entries_of
from .pattern import LONGEST
from .sparse_matmul import ENTRIES, NAME

__all__ = ["ROUTES"]

#: Pairs a second, and bytes that a pair takes beside its indices.
_PAIRS, _SPGEMM, _BYTES = 3e7, 1e8, 40
#: Pairs beyond which they are refused.
_MOST = 1 << 31
_LARGEST = 2**63 - 1
_MATRICES = frozenset({torch.sparse_coo, torch.sparse_csr, torch.sparse_csc})


@dataclass(frozen=True, slots=True)
class _Join:
    """Labels that both have, and the order of the output's."""

    shared: str
    output: str


def _estimated(step: Step) -> tuple[int, int]:
    """Pairs of entries to expect, and entries of the result."""
    first, second = step.inputs
    shared = "".join(c for c in first if c in second)
    a, b = (op.nnz or 0 for op in step.operands)
    pairs = a * b // max(1, step.extent(shared))
    return pairs, min(pairs, step.extent(step.output))


def _verdict(step: Step) -> Offer | Refused:
    """Offer to join two sparse tensors."""
    if len(step.inputs) != 2 or any(op.form not in ENTRIES for op in step.operands):
        return Refused("not two sparse tensors")
    first, second = step.inputs
    shared = "".join(c for c in first if c in second)
    dense = step.form != NAME
    if step.extent(shared) > _LARGEST or (dense and step.extent(step.output) > _LARGEST):
        return Refused("more places than 64 bits can count")
    pairs, entries = _estimated(step)
    cost = Cost(float(pairs + sum(op.nnz or 0 for op in step.operands)), 0.0, 12 * LIBRARY.calls, _PAIRS)
    facts = None if dense else sparse_facts(step, entries)
    return Offer(
        cost, step.output, _Join(shared, step.output), f"about {pairs} pairs of entries", facts=facts
    )


def _bind(step: Step, offer: Offer) -> Runner:
    found: _Join = offer.recipe
    first, second = step.inputs
    axes = [[x.index(c) for c in found.shared] for x in (first, second)]
    dense = step.form != NAME

    def run(a: Cells, b: Cells, out: Any = None) -> Any:
        at_a, at_b = _pairs(a.place(axes[0]), b.place(axes[1]), step)
        values = a.values.index_select(0, at_a) * b.values.index_select(0, at_b)
        coords = tuple(
            a.coord(first.index(c)).index_select(0, at_a)
            if c in first
            else b.coord(second.index(c)).index_select(0, at_b)
            for c in found.output
        )
        made = Cells(tuple(step.sizes[c] for c in found.output), values, coords)
        return written(made) if dense else made

    run = plainly(step, run)
    return laid_out(LIBRARY, step, run) if dense else run


def _pairs(a: Tensor, b: Tensor, step: Step) -> tuple[Tensor, Tensor]:
    """Positions of every two entries with one key.

    Raises
    ------
    NoRoute
        There are too many.
    """
    keys, order = torch.sort(b)
    a = a.contiguous()  # of others torch warns that it copies them
    low = torch.searchsorted(keys, a)
    counts = torch.searchsorted(keys, a, right=True) - low
    total = int(counts.sum())
    _check(total, step)
    limit: int | None = dict(step.told).get("memory_limit")
    if limit is not None and (takes := total * (step.dtype.itemsize + _BYTES)) > limit:
        raise NoRoute(
            f"{total} pairs of entries of two sparse tensors are multiplied, which takes {takes} bytes, more "
            f"than memory_limit={limit}: allow more, or contract in another order"
        )
    at_a = torch.repeat_interleave(torch.arange(len(a), device=a.device), counts, output_size=total)
    before = (counts.cumsum(0) - counts - low).index_select(0, at_a)
    at_b = order.index_select(0, torch.arange(total, device=a.device) - before)
    return at_a, at_b


def _check(pairs: int, step: Step) -> None:
    """Refuse more pairs of entries than there is memory for, whatever the machine.

    Raises
    ------
    NoRoute
        With the size.
    """
    if pairs > _MOST:
        raise NoRoute(
            f"{pairs} pairs of entries of two sparse tensors are multiplied, which takes "
            f"{pairs * (step.dtype.itemsize + _BYTES)} bytes, and more than {_MOST} pairs are refused: write "
            f"one of them out with to_dense(), or contract in another order"
        )


def _spgemm_verdict(step: Step) -> Offer | Refused:
    """Offer torch's product of two sparse matrices, which has no gradient on the pattern."""
    if len(step.inputs) != 2 or any(op.form not in ENTRIES for op in step.operands):
        return Refused("not two sparse tensors")
    if step.form != NAME:
        return Refused("the result is dense")
    first, second = step.inputs
    if len(first) != 2 or len(second) != 2 or len(step.output) != 2:
        return Refused("not a product of matrices")
    inner = set(first) & set(second)
    if len(inner) != 1 or inner & set(step.output):
        return Refused("not a product of matrices")
    if step.dtype.kind not in "fc" or step.dtype.itemsize == 2:
        return Refused(f"torch has no sparse product of {step.dtype}")
    pairs, entries = _estimated(step)
    cost = Cost(float(pairs + sum(op.nnz or 0 for op in step.operands)), 0.0, 8 * LIBRARY.calls, _SPGEMM)
    return Offer(cost, step.output, None, "torch.sparse.mm", facts=sparse_facts(step, entries))


def _spgemm_bind(step: Step, _offer: Offer) -> Runner:
    # As (rows, k) and (k, columns) of the output, whichever operand has which.
    row, column = step.output[0], step.output[1]
    left = 0 if row in step.inputs[0] else 1
    k = next(c for c in step.inputs[0] if c in step.inputs[1])
    turns = [
        [step.inputs[left].index(c) for c in (row, k)],
        [step.inputs[1 - left].index(c) for c in (k, column)],
    ]
    joined = _bind(step, Offer(Cost(), step.output, _Join(k, step.output)))
    shape = (step.sizes[row], step.sizes[column])

    fits, (of_a, of_b) = max(*shape, step.sizes[k]) <= LONGEST, turns

    def run(x: Cells, y: Cells, out: Any = None) -> Any:
        if not (fits and bare(_given(x), _given(y)) and _stored(x) and _stored(y)):
            return joined(x, y)
        a, b = (_matrix(y, of_a), _matrix(x, of_b)) if left else (_matrix(x, of_a), _matrix(y, of_b))
        if a.layout is not b.layout:
            a, b = (z if z.layout is torch.sparse_csr else as_csr(cells_of(z)) for z in (a, b))
        if a.layout is torch.sparse_csc:  # as a product of the transposes, which needs no sorting
            return TensorCells(_multiplied(transposed(b), transposed(a), step).t())
        return TensorCells(_multiplied(a, b, step))

    return plainly(step, run)


def _given(cells: Cells) -> Tensor:
    """The tensor that derivatives would be asked of."""
    return cells.tensor if isinstance(cells, TensorCells) else cells.values


def _stored(cells: Cells) -> int:
    """How many entries there are, of a tensor without reading its parts."""
    return entries_of(cells.tensor) if isinstance(cells, TensorCells) else cells.count


def _matrix(cells: Cells, turn: list[int]) -> Tensor:
    """A COO, CSR or CSC tensor of entries, their two axes in order or turned."""
    if isinstance(cells, TensorCells):
        x = cells.tensor
        if x.layout in _MATRICES and (x.layout is not torch.sparse_coo or x.sparse_dim() == 2):
            return x if turn[0] == 0 else transposed(x)
    return as_csr(cells.take(turn))


def _multiplied(a: Tensor, b: Tensor, step: Step) -> Tensor:
    """The product of two COO or two CSR tensors."""
    most = a._nnz() * min(b._nnz(), b.shape[1])
    if most > _MOST:
        if a.layout is torch.sparse_coo:
            counts, cols = torch.bincount(b._indices()[0], minlength=b.shape[0]), a._indices()[1]
        else:
            counts, cols = b.crow_indices().diff(), a.col_indices()
        _check(min(int(counts.index_select(0, cols).sum()), a.shape[0] * b.shape[1]), step)
    made: Tensor = torch.sparse.mm(a, b)
    return made


ROUTES = (
    Route("torch_sparse.spgemm", _spgemm_verdict, _spgemm_bind),
    Route("torch_sparse.join", _verdict, _bind),
)
