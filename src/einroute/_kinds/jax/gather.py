"""One sparse operand and any number of dense ones: gathered at the entries, multiplied, and summed by place.

The classical way with coordinates (Bader and Kolda, "Efficient MATLAB computations with sparse and factored
tensors", SISC 30(1), 2007, section 3), by `segment_sum`; sampled products of dense operands among it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import jax.numpy as jnp
from jax import lax

from ..._base.cost import Cost
from ..._base.facts import Operand, Step
from ..._base.routes import Offer, Refused, Route, Runner
from .bcoo_result import ENTRIES, NAME
from .blocks import block_of, contracted, in_blocks, limit_of, recomputed
from .cells import Cells, gathered, in_places
from .dense import LIBRARY, sum_of

__all__ = ["REDUCE", "ROUTE", "Gathered", "at_entries", "sparse_facts"]

#: Seconds an entry for reading its indices and adding it, and multiply-adds a second beside.
_ENTRY, _RATE = 4e-9, 1.25e9
#: The label that stands for entries.
_E = "\U000f0000"


@dataclass(frozen=True, slots=True)
class Gathered:
    """How a step is done at the entries of one operand.

    Attributes
    ----------
    sparse : int
        Position of the sparse operand.
    places : str
        Labels of the output that entries have.
    free : str
        Labels of the output that they have not.
    cut : tuple of (str, int) or None
        A label of ``free`` along which it is done in blocks, and their length.
    part : int or None
        How many entries are done at once; None: all.
    """

    sparse: int
    places: str
    free: str
    cut: tuple[str, int] | None = None
    part: int | None = None


def sparse_facts(step: Step, count: int) -> Operand:
    """Facts of a sparse result of so many entries."""
    device = next((op.device for op in step.operands if op.device is not None), None)
    shape = tuple(step.sizes[c] for c in step.output)
    return Operand(shape, step.dtype, (), NAME, count, device=device)


def _reduce_verdict(step: Step) -> Offer | Refused:
    """Offer to sum one sparse operand, or to put its axes in order: indices are left out, values are kept."""
    if len(step.inputs) != 1:
        return Refused("not one operand alone")
    count = step.operands[0].nnz or 0
    cost = Cost(float(count), float(step.in_bytes), LIBRARY.calls, _RATE)
    if step.form != NAME:
        return Offer(cost, step.output, None, "entries added up by place")
    note = "indices of axes that are summed are left out"
    return Offer(cost, step.output, None, note, facts=sparse_facts(step, count))


def _reduce_bind(step: Step, _offer: Offer) -> Runner:
    axes = [step.inputs[0].index(c) for c in step.output]
    if step.form == NAME:
        return lambda cells, out=None: cells.take(axes)
    finish = _finisher(step, Gathered(0, step.output, ""), axes)
    return lambda cells, out=None: finish(cells, cells.data)


def _verdict(step: Step) -> Offer | Refused:
    """Offer to do a sparse operand with dense ones, at its entries."""
    own = [i for i, op in enumerate(step.operands) if op.form in ENTRIES]
    if len(own) != 1 or len(step.inputs) < 2:
        return Refused("not one sparse operand beside dense ones")
    labels = step.inputs[own[0]]
    places = "".join(c for c in step.output if c in labels)
    free = "".join(c for c in step.output if c not in labels)
    if step.form == NAME and free:
        return Refused("the result is sparse, and has labels that entries have not")
    found = Gathered(own[0], places, free)
    count = step.operands[own[0]].nnz or 0
    limit = limit_of(step)
    each = _each(step, labels)
    note = f"values at {count} entries, " + ("kept" if step.form == NAME else "summed by place")
    if limit is not None and count * each > limit:
        found, more = _bounded(step, found, count, each, limit)
        note += more
    flops = float(count * max(1, each // step.dtype.itemsize))
    moved = float(step.in_bytes + step.out_bytes + count * each)
    # A one-hot operand has one entry for each place of its labels: nothing is added up there.
    looked_up = step.operands[own[0]].form != NAME and set(labels[:-1]) <= set(places)
    seconds = flops / (4 * _RATE) if looked_up else flops / _RATE + _ENTRY * count
    rate = flops / seconds if flops else _RATE
    cost = Cost(flops, moved, LIBRARY.calls, rate)
    facts = sparse_facts(step, count) if step.form == NAME else None
    return Offer(cost, step.output, found, note, facts=facts)


def _each(step: Step, labels: str) -> int:
    """Bytes of what is gathered for an entry."""
    rest = [step.extent("".join(c for c in x if c not in labels)) for x in step.inputs if x is not labels]
    return max(rest, default=1) * step.dtype.itemsize


def _bounded(step: Step, found: Gathered, count: int, each: int, limit: int) -> tuple[Gathered, str]:
    """Blocks of dense labels, or of entries where one of those is too long for the limit by itself."""
    label = max(found.free, key=lambda c: step.sizes[c], default="")
    if label and count * (least := each // step.sizes[label]) <= limit:
        block = block_of(step.sizes[label], max(count * least, 1), limit)
        return replace(found, cut=(label, block)), f"; lax.map over blocks of {block} of {label!r}"
    part = max(1, limit // max(each, 1))
    return replace(found, part=part), f"; lax.scan over {part} entries at a time"


def _bind(step: Step, offer: Offer) -> Runner:
    found: Gathered = offer.recipe
    if found.cut is not None:
        return _in_blocks(step, found, *found.cut)
    run = at_entries(step, found)
    if found.part is None:
        return lambda *operands, out=None: run(*operands)  # noqa: PLW0108 - runners are called with out
    return _in_parts(step, found, run, found.part)


def at_entries(step: Step, found: Gathered) -> Callable[..., Any]:
    """The step on all entries at once."""
    labels = step.inputs[found.sparse]
    looked = [_looked_up(step, i, labels) for i in range(len(step.inputs)) if i != found.sparse]
    inputs = (_E, *(own for own, _ in looked))
    inner = _inner(step, inputs, _E + found.free)
    axes = [labels.index(c) for c in found.places]
    finish = _finisher(step, found, axes)

    def run(*operands: Any) -> Any:
        cells: Cells = operands[found.sparse]
        dense = [x for i, x in enumerate(operands) if i != found.sparse]
        gathered = [look(x, cells) for (_, look), x in zip(looked, dense, strict=True)]
        return finish(cells, contracted(inner(cells.count))(cells.data, *gathered))

    return run


def _inner(step: Step, inputs: tuple[str, ...], output: str) -> Callable[[int], Step]:
    """The step along entries, of which there are so many."""

    def of(count: int) -> Step:
        sizes = {**step.sizes, _E: count}
        operands = tuple(Operand(tuple(sizes[c] for c in x), step.dtype, (), LIBRARY.name) for x in inputs)
        return Step(inputs, output, sizes, operands, step.dtype, threads=step.threads, last=False)

    return of


def _looked_up(step: Step, position: int, labels: str) -> tuple[str, Callable[..., Any]]:
    """A dense operand at the entries: its labels then, and what gives it."""
    own = step.inputs[position]
    shared = [c for c in own if c in labels]
    others = set("".join(x for i, x in enumerate(step.inputs) if i != position)) | set(step.output)
    alone = tuple(i for i, c in enumerate(own) if c not in others)
    rest = "".join(c for c in own if c not in shared and c in others)
    left = "".join(c for i, c in enumerate(own) if i not in alone)
    at = [labels.index(c) for c in shared]
    sizes = [step.sizes[c] for c in rest]

    def look(x: Any, cells: Cells) -> Any:
        x = sum_of(x, alone) if alone else x
        grid = cells.grid is not None and sorted(cells.grid) == sorted(at)
        first = [labels[i] for i in cells.grid] if grid and cells.grid is not None else shared
        x = lax.transpose(x, tuple(left.index(c) for c in [*first, *rest]))
        if not shared:
            return x
        if grid:
            return x.reshape(cells.count, *sizes)
        coords = cells.bounded()
        return gathered(x, tuple(coords[i] for i in at))

    return (_E if shared else "") + rest, look


def _finisher(step: Step, found: Gathered, axes: list[int]) -> Callable[[Cells, Any], Any]:
    """From values at the entries to the result."""
    sizes = tuple(step.sizes[c] for c in found.places)
    free = tuple(step.sizes[c] for c in found.free)
    made = found.places + found.free
    order = tuple(made.index(c) for c in step.output)

    def finish(cells: Cells, values: Any) -> Any:
        if step.form == NAME:
            return replace(cells, data=values, pointers=None).take(axes)
        if not axes:
            if cells.valid is not None:
                here = cells.valid.reshape(-1, *(1,) * len(free))
                values = jnp.where(here, values, jnp.zeros((), values.dtype))
            return lax.transpose(sum_of(values, (0,)), order)
        if cells.grid is not None and sorted(cells.grid) == sorted(axes):
            return lax.transpose(*_by_grid(step, cells, values, found))
        summed = in_places(values, cells.place(axes), prod(sizes))
        return lax.transpose(summed.reshape(*sizes, *free), order)

    return finish


def _by_grid(step: Step, cells: Cells, values: Any, found: Gathered) -> tuple[Any, tuple[int, ...]]:
    """Values of entries of which each place has one, as an array, and what puts its axes in order."""
    labels = step.inputs[found.sparse]
    assert cells.grid is not None
    made = "".join(labels[i] for i in cells.grid) + found.free
    if cells.valid is not None:
        here = cells.valid.reshape(-1, *(1,) * (values.ndim - 1))
        values = jnp.where(here, values, jnp.zeros((), values.dtype))
    return values.reshape([step.sizes[c] for c in made]), tuple(made.index(c) for c in step.output)


def _in_blocks(step: Step, found: Gathered, label: str, block: int) -> Runner:
    """Along a label that entries have not."""
    axes = [labels.find(label) for i, labels in enumerate(step.inputs) if i != found.sparse]

    def run(*operands: Any, out: Any = None) -> Any:
        cells = operands[found.sparse]
        dense = [x for i, x in enumerate(operands) if i != found.sparse]

        def run_of(length: int) -> Callable[..., Any]:
            inner = at_entries(replace(step, sizes={**step.sizes, label: length}), found)
            return lambda *parts: inner(*parts[: found.sparse], cells, *parts[found.sparse :])

        at = step.output.index(label)
        return in_blocks(step.sizes[label], block, at, tuple(axes), run_of)(*dense)

    return run


def _in_parts(step: Step, found: Gathered, run: Callable[..., Any], part: int) -> Runner:
    """So many entries at a time: dense results are added up, sparse ones put one after the other."""

    def in_parts(*operands: Any, out: Any = None) -> Any:
        cells: Cells = operands[found.sparse]
        count = -(-cells.count // part)
        padded = _padded(cells, count * part)
        stacked = (padded.data, padded.coords, padded.valid)
        pieces = [jnp.reshape(x, (count, part)) for x in (stacked[0], *stacked[1], stacked[2])]

        @recomputed
        def of(piece: Any) -> Any:
            data, *coords, valid = piece
            few = Cells(cells.shape, data, tuple(coords), valid)
            made = run(*operands[: found.sparse], few, *operands[found.sparse + 1 :])
            return made.data if step.form == NAME else made

        if step.form == NAME:
            data = lax.map(of, pieces)
            axes = [step.inputs[found.sparse].index(c) for c in step.output]
            return replace(padded, data=data.reshape(-1)).take(axes)
        add = jnp.logical_or if step.dtype.kind == "b" else jnp.add
        start = jnp.zeros(tuple(step.sizes[c] for c in step.output), LIBRARY.native(step.dtype))
        return lax.scan(lambda total, piece: (add(total, of(piece)), None), start, pieces)[0]

    return in_parts


def _padded(cells: Cells, count: int) -> Cells:
    """With entries of padding at the end."""
    more = count - cells.count
    valid = jnp.ones(cells.count, bool) if cells.valid is None else cells.valid
    return Cells(
        cells.shape,
        jnp.pad(cells.data, (0, more)),
        tuple(jnp.pad(c, (0, more)) for c in cells.coords),
        jnp.pad(valid, (0, more)),
    )


REDUCE = Route("bcoo.reduce", _reduce_verdict, _reduce_bind)
ROUTE = Route("bcoo.gather", _verdict, _bind)
