"""One operand by its entries alone, or any number of dense ones looked up at them, by CuPy's take and add.at.

The classical way with coordinates (Bader and Kolda, "Efficient MATLAB computations with sparse and factored
tensors", SISC 30(1), 2007, section 3). No device is waited for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cupy

from ..._base.cost import Cost
from ..._base.facts import Operand, Step
from ..._base.routes import Offer, Refused, Route, Runner
from ..array_library.routes import laid_out
from .cells import Cells, cells_of
from .dense import LIBRARY
from .sums import Sums

__all__ = ["ENTRIES", "NAME", "ONE_HOT", "ROUTE", "sparse_facts"]

#: Of the form of sparse matrices, and of that of one-hot operands, which are entries, too.
NAME, ONE_HOT = "cupy_sparse", "cupy_one_hot"
ENTRIES = frozenset({NAME, ONE_HOT})
#: Elements a second that are gathered and added; bytes of them at once where no memory_limit is set.
_RATE, _BLOCK = 1.5e8, 1 << 28
_LARGEST = 2**63 - 1


def sparse_facts(step: Step, count: int) -> Operand:
    """Facts of a sparse result of so many entries."""
    device = next((op.device for op in step.operands if op.device is not None), None)
    shape = tuple(step.sizes[c] for c in step.output)
    return Operand(shape, step.dtype, (), NAME, count, device=device)


@dataclass(frozen=True, slots=True)
class _Gathered:
    """How a step is done at the entries of one operand.

    Attributes
    ----------
    sparse : int
        Position of the operand by its entries.
    rows, free : str
        Labels of the output that entries have, and that they have not.
    block : int
        How many entries are done at once.
    """

    sparse: int
    rows: str
    free: str
    block: int


def _verdict(step: Step) -> Offer | Refused:
    """Offer to do one operand by its entries with dense ones, or none."""
    own = [i for i, op in enumerate(step.operands) if op.form in ENTRIES]
    if len(own) != 1 or any(op.form != LIBRARY.name for i, op in enumerate(step.operands) if i != own[0]):
        return Refused("not one operand by its entries beside dense ones")
    labels = step.inputs[own[0]]
    rows = "".join(c for c in step.output if c in labels)
    free = "".join(c for c in step.output if c not in labels)
    if step.form == NAME and free:
        return Refused("the result is sparse, and has labels that entries have not")
    if max(step.extent(x) for x in (step.output, *step.inputs)) > _LARGEST and step.form != NAME:
        return Refused("more places than 64 bits can count")
    rest = "".join(dict.fromkeys(c for x in step.inputs for c in x if c not in labels))
    each = step.extent(rest) * step.dtype.itemsize
    limit: int | None = dict(step.told).get("memory_limit")
    block = max(1, (_BLOCK if limit is None else min(limit, _BLOCK)) // max(each, 1))
    count = step.operands[own[0]].nnz or 0
    flops = float(count * max(1, step.extent(rest)) * max(1, len(step.inputs) - 1))
    cost = Cost(flops, float(step.in_bytes + step.out_bytes), LIBRARY.calls * 2 * len(step.inputs), _RATE)
    note = "values at the entries, " + ("kept" if step.form == NAME else "summed by place")
    facts = sparse_facts(step, count) if step.form == NAME else None
    return Offer(cost, rows + free, _Gathered(own[0], rows, free, block), note, facts=facts)


def _bind(step: Step, offer: Offer) -> Runner:
    found: _Gathered = offer.recipe
    labels = step.inputs[found.sparse]
    values_at = _at_entries(step, found, labels)
    axes = [labels.index(c) for c in found.rows]
    places, tail = step.extent(found.rows), tuple(step.sizes[c] for c in found.free)

    def run(*operands: Any, out: Any = None) -> Any:
        cells = cells_of(operands[found.sparse])
        dense = [x for i, x in enumerate(operands) if i != found.sparse]
        if len(operands) == 1 and step.form == NAME:
            return cells.take(axes)
        of_grid = cells.grid is not None and sorted(cells.grid) == sorted(axes)
        block = min(found.block, max(1, cells.count))
        parts = [cells] if block >= cells.count else [
            cells.part(i, min(i + block, cells.count)) for i in range(0, cells.count, block)
        ]  # fmt: skip
        if of_grid or step.form == NAME:
            pieces = [values_at(part, dense) for part in parts]
            values = pieces[0] if len(pieces) == 1 else cupy.concatenate(pieces)
            if step.form == NAME:
                return cells.with_values(values).take(axes)
            assert cells.grid is not None
            made = "".join(labels[i] for i in cells.grid) + found.free
            values = values.reshape([step.sizes[c] for c in made])
            return LIBRARY.transpose(values, [made.index(c) for c in step.output])
        sums = Sums(places, tail, step.dtype)
        for part in parts:
            sums.add(part.index(axes), values_at(part, dense))
        made = found.rows + found.free
        result = sums.result().reshape([step.sizes[c] for c in made])
        return LIBRARY.transpose(result, [made.index(c) for c in step.output])

    return LIBRARY.placed(run) if step.form == NAME else LIBRARY.placed(laid_out(LIBRARY, step, run))


def _at_entries(step: Step, found: _Gathered, labels: str) -> Callable[[Cells, list[Any]], Any]:
    """Values of the entries, times those of dense operands there; of padding zeros."""
    looked = [_looked_up(step, i, labels) for i in range(len(step.inputs)) if i != found.sparse]
    rest = [c for c in dict.fromkeys("".join(own for own, _ in looked)) if c not in found.free]
    every = [*found.free, *rest]
    summed = tuple(range(1 + len(found.free), 1 + len(every)))

    def values_at(cells: Cells, dense: list[Any]) -> Any:
        if not looked:
            return cells.filled(step.dtype)
        ones = cells.values is None
        made = None if ones else cells.values.reshape(-1, *(1,) * len(every))
        for (own, look), x in zip(looked, dense, strict=True):
            there = look(x, cells).transpose([0, *(1 + own.index(c) for c in every if c in own)])
            part = there.reshape([there.shape[0], *(step.sizes[c] if c in own else 1 for c in every)])
            made = part if made is None else cupy.multiply(made, part)
        assert made is not None
        full = (cells.count, *(step.sizes[c] for c in every))
        if made.shape != full:
            made = cupy.broadcast_to(made, full)
        if summed:
            made = LIBRARY.sum(made, summed)
        return cells.masked(made)

    return values_at


def _looked_up(step: Step, position: int, labels: str) -> tuple[str, Callable[[Any, Cells], Any]]:
    """A dense operand at the entries: its labels beside theirs, and what gives it, entries first."""
    own = step.inputs[position]
    shared = [c for c in own if c in labels]
    others = set("".join(x for i, x in enumerate(step.inputs) if i != position)) | set(step.output)
    alone = tuple(i for i, c in enumerate(own) if c not in others)
    left = [c for i, c in enumerate(own) if i not in alone]
    rest = "".join(c for c in left if c not in shared)
    at = [labels.index(c) for c in shared]
    order = [left.index(c) for c in (*shared, *rest)]
    shape = [step.sizes[c] for c in rest]
    size = step.extent("".join(shared))

    def look(x: Any, cells: Cells) -> Any:
        x = LIBRARY.sum(x, alone) if alone else x
        x = x.transpose(order).reshape(size, *shape)
        if not at:
            return x  # the same at every entry
        if not size:  # no entry is valid
            return cupy.zeros((cells.count, *shape), step.dtype)
        return cupy.take(x, cells.index(at), axis=0)

    return rest, look


ROUTE = Route("cupy_sparse.gather", _verdict, _bind)
