"""One sparse tensor alone, or any number of dense ones looked up at its entries.

The classical way with coordinates (Bader and Kolda, "Efficient MATLAB computations with sparse and factored
tensors", SISC 30(1), 2007, section 3). Two matrices that are multiplied at the entries only are torch's
sampled product, so that nothing of the size of their whole product is made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from ..._base.cost import Cost
from ..._base.facts import Operand, Step
from ..._base.routes import NoRoute, Offer, Refused, Route, Runner
from ..array_library.routes import laid_out
from .autocast import lowered, plainly
from .cells import Cells, narrowed, widened, written
from .dense import LIBRARY, Tensor
from .dtypes import native
from .pattern import sampled, summed_by_row
from .sparse_matmul import ENTRIES, NAME, computed_in, pattern_of

__all__ = ["REDUCE", "ROUTE", "sparse_facts"]

#: Elements a second that are gathered and added; multiply-adds of a sampled product.
_RATE, _SAMPLED = 1.5e8, 1.5e9
#: Elements of what is gathered at once, where no gradient keeps it.
_BLOCK = 1 << 21
#: The label that stands for entries.
_E = "\U000f0000"
_LARGEST = 2**63 - 1


def sparse_facts(step: Step, count: int) -> Operand:
    """Facts of a sparse result of so many entries."""
    device = next((op.device for op in step.operands if op.device is not None), None)
    shape = tuple(step.sizes[c] for c in step.output)
    return Operand(shape, step.dtype, (), NAME, count, device=device)


def _reduce_verdict(step: Step) -> Offer | Refused:
    """Offer to sum one sparse tensor, or to put its axes in order."""
    if len(step.inputs) != 1:
        return Refused("not one operand alone")
    count = step.operands[0].nnz or 0
    cost = Cost(float(count), float(step.in_bytes), LIBRARY.calls, _RATE)
    if step.form != NAME:
        if step.extent(step.output) > _LARGEST:
            return Refused("more places than 64 bits can count")
        return Offer(cost, step.output, None, "entries added up by place")
    note = "indices of axes that are summed are left out"
    return Offer(cost, step.output, None, note, facts=sparse_facts(step, count))


def _reduce_bind(step: Step, _offer: Offer) -> Runner:
    axes = [step.inputs[0].index(c) for c in step.output]
    if step.form == NAME:
        return lambda cells, out=None: cells.take(axes)
    return laid_out(LIBRARY, step, lambda cells, out=None: written(cells.take(axes)))


REDUCE = Route("torch_sparse.reduce", _reduce_verdict, _reduce_bind)


@dataclass(frozen=True, slots=True)
class _Gathered:
    """How a step is done at the entries of one operand.

    Attributes
    ----------
    sparse : int
        Position of the sparse operand.
    rows, free : str
        Labels of the output that entries have, and that they have not.
    pair : tuple of str or None
        Labels of entries that either of two dense operands has, where they are multiplied along one more.
    """

    sparse: int
    rows: str
    free: str
    pair: tuple[str, str] | None = None


def _verdict(step: Step) -> Offer | Refused:
    """Offer to do a sparse tensor with dense ones, at its entries."""
    own = [i for i, op in enumerate(step.operands) if op.form in ENTRIES]
    if len(own) != 1 or len(step.inputs) < 2:
        return Refused("not one sparse tensor beside dense ones")
    labels = step.inputs[own[0]]
    rows = "".join(c for c in labels if c in step.output)
    free = "".join(c for c in step.output if c not in labels)
    if step.form == NAME and free:
        return Refused("the result is sparse, and has labels that entries have not")
    if max(step.extent(x) for x in (step.output, *step.inputs)) > _LARGEST and step.form != NAME:
        return Refused("more places than 64 bits can count")
    others = [x for i, x in enumerate(step.inputs) if i != own[0]]
    pair = _sampled_pair(step, labels, others)
    count = step.operands[own[0]].nnz or 0
    each = max(step.extent("".join(c for c in x if c not in labels)) for x in others)
    flops = float(count * max(1, each) * len(others))
    moved = float(step.in_bytes + step.out_bytes + (0 if pair else count * each * step.dtype.itemsize))
    note = f"values at {count} entries, " + ("kept" if step.form == NAME else "summed by place")
    note += "; torch.sparse.sampled_addmm" if pair else ""
    cost = Cost(flops, moved, LIBRARY.calls * (2 + len(others)), _SAMPLED if pair else _RATE)
    facts = sparse_facts(step, count) if step.form == NAME else None
    return Offer(cost, rows + free, _Gathered(own[0], rows, free, pair), note, facts=facts)


def _sampled_pair(step: Step, labels: str, others: list[str]) -> tuple[str, str] | None:
    """Whether two dense operands are matrices whose product is wanted at the entries only."""
    if len(others) != 2 or step.dtype.kind not in "fc":
        return None
    x, y = others
    k = [c for c in x if c in y and c not in labels]
    rest = [c for c in x + y if c not in labels and c not in k]
    if not k or rest or any(c in step.output for c in k):
        return None
    return "".join(c for c in x if c in labels), "".join(c for c in y if c in labels)


def _bind(step: Step, offer: Offer) -> Runner:
    found: _Gathered = offer.recipe
    labels = step.inputs[found.sparse]
    multiply = _pair(step, found) if found.pair else _at_entries(step, found, labels)
    rows = [labels.index(c) for c in found.rows]
    made = found.rows + found.free
    shape, count = tuple(step.sizes[c] for c in made), step.extent(found.rows)
    order = [made.index(c) for c in step.output]
    dtype = native(step.dtype)
    axes = [labels.index(c) for c in step.output if c in labels]
    device = step.operands[found.sparse].device

    def run(*operands: Any, out: Any = None) -> Any:
        cells: Cells = operands[found.sparse]
        dense = [x for i, x in enumerate(operands) if i != found.sparse]
        values = multiply(cells, dense)
        if step.form == NAME:
            return cells.with_values(values).take(axes)
        made_in = native(computed_in(step.dtype, cells.count, device))
        wide = widened(values) if values.ndim == 1 else values.to(made_in)
        sums = summed_by_row(wide, cells.place(rows), count)
        if values.ndim > 1 and step.dtype.kind in "iu":
            sums = sums.long()
        return narrowed(sums, dtype).reshape(shape).permute(order)

    summed = set("".join(step.inputs)) - set(step.output)
    of_pair = step.form != NAME and len(step.inputs) == 2 and summed  # which a product of matrices is, too
    run = lowered(step, run) if of_pair else plainly(step, run)
    return run if step.form == NAME else laid_out(LIBRARY, step, run)


def _pair(step: Step, found: _Gathered) -> Callable[[Cells, list[Tensor]], Tensor]:
    """Values of the entries by the sampled product of two dense operands."""
    labels = step.inputs[found.sparse]
    x, y = (own for i, own in enumerate(step.inputs) if i != found.sparse)
    k = [c for c in x if c in y and c not in labels]
    assert found.pair is not None
    sides = [[labels.index(c) for c in own] for own in found.pair]
    orders = [[own.index(c) for c in (*of, *k)] for own, of in zip((x, y), found.pair, strict=True)]
    depth = step.extent("".join(k))
    dtype = native(step.dtype)
    half = step.dtype.itemsize == 2

    def multiply(cells: Cells, dense: list[Tensor]) -> Tensor:
        pattern = pattern_of(cells, *sides)
        a, b = (
            t.permute(order).reshape(n, depth)
            for t, order, n in zip(dense, orders, pattern.shape, strict=True)
        )
        if half:
            return (cells.values.float() * sampled(pattern, a.float(), b.float())).to(dtype)
        return cells.values * sampled(pattern, a, b)

    return multiply


def _at_entries(step: Step, found: _Gathered, labels: str) -> Callable[[Cells, list[Tensor]], Tensor]:
    """Values of the entries by those of dense operands there; in blocks of entries where nothing is kept."""
    looked = [_looked_up(step, i, labels) for i in range(len(step.inputs)) if i != found.sparse]
    rest = list(dict.fromkeys("".join(own for own, _ in looked)))
    summed = [c for c in rest if c not in found.free]
    widest = step.extent("".join(rest))
    every = [*(c for c in rest if c in found.free), *summed]
    every.sort(key=lambda c: found.free.index(c) if c in found.free else len(found.free))
    sizes = [step.sizes[c] for c in every]
    free = step.extent(found.free)
    limit: int | None = dict(step.told).get("memory_limit")
    most = _BLOCK if limit is None else min(_BLOCK, limit // step.dtype.itemsize)

    def some(values: Tensor, coords: list[Tensor], dense: list[Tensor]) -> Tensor:
        gathered = [look(x, coords, len(values)) for (_, look), x in zip(looked, dense, strict=True)]
        if step.dtype.kind in "fc" and summed and len(gathered) > 1:
            return _by_einsum(values, gathered, [own for own, _ in looked], found.free, free)
        made = values.reshape(-1, *(1,) * len(every))
        for (own, _), x in zip(looked, gathered, strict=True):
            axes = [0, *(1 + own.index(c) for c in every if c in own)]
            shape = [len(values), *(n if c in own else 1 for c, n in zip(every, sizes, strict=True))]
            made = made * x.permute(axes).reshape(shape)
        if summed:
            made = LIBRARY.sum(made, tuple(range(1 + len(found.free), 1 + len(every))))
        return made.reshape(len(values), free) if found.free else made.reshape(-1)

    def multiply(cells: Cells, dense: list[Tensor]) -> Tensor:
        coords = [cells.coord(i) for i in range(len(labels))]
        block = max(1, most // max(widest, 1))
        kept = torch.is_grad_enabled() and any(x.requires_grad for x in (cells.values, *dense))
        takes = cells.count * widest * step.dtype.itemsize
        if limit is not None and kept and takes > limit:
            raise NoRoute(
                f"dense tensors at {cells.count} entries take {takes} bytes, which a gradient keeps, more "
                f"than memory_limit={limit}: allow more, or call under torch.no_grad()"
            )
        if kept or block >= cells.count or cells.values.device.type != "cpu":
            return some(cells.values, coords, dense)
        parts = [
            some(cells.values[i : i + block], [c[i : i + block] for c in coords], dense)
            for i in range(0, cells.count, block)
        ]
        return torch.cat(parts)

    return multiply


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _by_einsum(values: Tensor, gathered: list[Tensor], own: list[str], free: str, width: int) -> Tensor:
    letters = dict(zip(dict.fromkeys(_E + "".join(own)), _LETTERS, strict=False))
    inputs = ",".join("".join(letters[c] for c in (_E, *x)) for x in own)
    output = "".join(letters[c] for c in (_E, *free))
    made = torch.einsum(f"{letters[_E]},{inputs}->{output}", values, *gathered)
    return made.reshape(len(values), width) if free else made


def _looked_up(step: Step, position: int, labels: str) -> tuple[str, Callable[..., Tensor]]:
    """A dense operand at the entries: its labels beside theirs, and what gives it."""
    own = step.inputs[position]
    shared = [c for c in own if c in labels]
    others = set("".join(x for i, x in enumerate(step.inputs) if i != position)) | set(step.output)
    alone = tuple(i for i, c in enumerate(own) if c not in others)
    left = [c for i, c in enumerate(own) if i not in alone]
    rest = "".join(c for c in left if c not in shared)
    at = [labels.index(c) for c in shared]
    order = [left.index(c) for c in (*shared, *rest)]
    size = step.extent("".join(shared))
    sizes = [step.sizes[c] for c in shared]
    shape = [step.sizes[c] for c in rest]

    def look(x: Tensor, coords: list[Tensor], count: int) -> Tensor:
        x = LIBRARY.sum(x, alone) if alone else x
        x = x.permute(order).reshape(size, *shape)
        if not at:
            return x.expand(count, *shape)
        index = coords[at[0]]
        for axis, n in zip(at[1:], sizes[1:], strict=True):
            index = index.long() * n + coords[axis]
        return x.index_select(0, index)

    return rest, look


ROUTE = Route("torch_sparse.gather", _verdict, _bind)
