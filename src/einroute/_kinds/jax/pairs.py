"""Two sparse operands: every pair of entries, or the entries of one with the other looked up or written out.

How many entries a result has must be known beforehand: it is a bound, and what is not there is padding.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..._base.cost import Cost
from ..._base.facts import Operand, Step
from ..._base.routes import Offer, Refused, Route, Runner
from .bcoo_result import ENTRIES, NAME
from .blocks import limit_of
from .cells import Cells, flattened, gathered, in_places, written
from .dense import LIBRARY, multiply, sum_of
from .gather import sparse_facts
from .lookup import sorts_of, values_at

__all__ = ["ROUTES"]

#: Bytes that are taken where no memory_limit is set.
_MOST = 1 << 31
#: Entries a second. Seconds an entry for each doubling of their number: of sorting it, of looking it up; and
#: of adding it to those of its place.
_RATE, _SORTED, _LOOKED_UP, _ADDED = 3e8, 3.5e-9, 1.5e-9, 20e-9
#: How many times the places of an operand may exceed all entries for it to be written out.
_SPARE = 4


@dataclass(frozen=True, slots=True)
class _Spread:
    """One operand's entries, the other written out.

    Attributes
    ----------
    entries : int
        Position of the operand whose entries are walked.
    shared, free, alone : str
        Labels of the other: those of both, those of the output, those that are summed.
    all_places : bool
        Whether the result has an entry for each place, since there would be more entries than those.
    """

    entries: int
    shared: str
    free: str
    alone: str
    all_places: bool


def _limit(step: Step) -> int:
    limit = limit_of(step)
    return _MOST if limit is None else limit


def _two(step: Step) -> Refused | None:
    if len(step.inputs) != 2 or any(op.form not in ENTRIES for op in step.operands):
        return Refused("not two sparse operands")
    return None


def _facts(step: Step, entries: int) -> Operand | None:
    return sparse_facts(step, entries) if step.form == NAME else None


def _entry(step: Step) -> int:
    """Bytes of an entry of the result."""
    return step.dtype.itemsize + 4 * max(len(step.output), 1)


def _too_much(entries: int, takes: int, step: Step) -> Refused:
    return Refused(
        f"the result would have up to {entries} entries, and take {takes} bytes with what it is made of, "
        f"over the limit of {_limit(step)}; write one operand out with todense(), or set memory_limit"
    )


def _pairs_verdict(step: Step) -> Offer | Refused:
    """Offer to multiply each entry of one with each of the other; pairs that do not meet are padding."""
    wrong = _two(step)
    if wrong is not None:
        return wrong
    a, b = (op.nnz or 0 for op in step.operands)
    places = step.extent(step.output)
    entries = min(a * b, places)
    takes = a * b * (_entry(step) + 4) + (places * step.dtype.itemsize if places < a * b else 0)
    if takes > _limit(step):
        return _too_much(entries, takes, step)
    cost = Cost(float(a * b), float(takes), LIBRARY.calls, _RATE)
    note = f"{a} by {b} entries, up to {entries} in the result"
    return Offer(cost, step.output, places < a * b, note, facts=_facts(step, entries))


def _pairs_bind(step: Step, offer: Offer) -> Runner:
    first, second = step.inputs
    shared = [c for c in first if c in second]

    def run(a: Cells, b: Cells, out: Any = None) -> Any:
        shape = (a.count, b.count)
        meet = jnp.ones(shape, bool)
        for cells, axis in ((a, 1), (b, 0)):
            if cells.valid is not None:
                meet &= jnp.expand_dims(cells.valid, axis)
        for c in shared:
            meet &= a.coords[first.index(c)][:, None] == b.coords[second.index(c)][None, :]
        coords = tuple(
            jnp.broadcast_to(
                a.coords[first.index(c)][:, None] if c in first else b.coords[second.index(c)][None, :], shape
            ).reshape(-1)
            for c in step.output
        )
        data = multiply(a.data[:, None], b.data[None, :]).reshape(-1)
        sizes = tuple(step.sizes[c] for c in step.output)
        return _put(Cells(sizes, data, coords, meet.reshape(-1)), step, all_places=offer.recipe)

    return run


def _put(cells: Cells, step: Step, *, all_places: bool) -> Any:
    """Entries as they are, or one for each place, those without any being padding; or an array."""
    if step.form != NAME:
        return written(cells)
    if not all_places or not cells.shape:
        return cells
    total = prod(cells.shape)
    at = cells.place(range(len(cells.shape)))
    there = jnp.zeros(total, bool).at[at].set(True, mode="drop")
    coords = tuple(
        lax.broadcasted_iota(jnp.int32, cells.shape, i).reshape(-1) for i in range(len(cells.shape))
    )
    return Cells(cells.shape, in_places(cells.data, at, total), coords, there)


def _split(step: Step, position: int) -> tuple[str, str, str]:
    """Labels of the other operand: those of both, those of the output alone, those that are summed."""
    labels, other = step.inputs[position], step.inputs[1 - position]
    shared = "".join(c for c in other if c in labels)
    rest = [c for c in other if c not in labels]
    return (
        shared,
        "".join(c for c in rest if c in step.output),
        "".join(c for c in rest if c not in step.output),
    )


def _lookup_verdict(position: int) -> Any:
    def verdict(step: Step) -> Offer | Refused:
        """Offer to look the other operand up at the entries of one that has all labels that are kept."""
        wrong = _two(step)
        if wrong is not None:
            return wrong
        shared, free, _ = _split(step, position)
        if free:
            return Refused("a label of the output is of the other operand alone")
        sizes = [step.sizes[c] for c in shared]
        if max(sizes, default=0) >= 2**31 - 1 and not jax.config.jax_enable_x64:
            return Refused("more places on an axis than 32-bit indices tell")
        count, looked_up = (step.operands[i].nnz or 0 for i in (position, 1 - position))
        places = step.extent(step.output)
        entries = min(count, places)
        takes = count * (_entry(step) + 8) + looked_up * (step.dtype.itemsize + 12)
        if takes > _limit(step):
            return _too_much(entries, takes, step)
        sort = _SORTED * sorts_of(sizes, looked_up) if not _in_order(step, position) else 0.0
        doublings = max(1, looked_up).bit_length()
        seconds = doublings * (sort * looked_up + _LOOKED_UP * count) + _ADDED * looked_up
        flops = float(count + looked_up)
        cost = Cost(flops, float(takes), 3 * LIBRARY.calls, flops / seconds if flops else _RATE)
        note = f"operand {1 - position} looked up at {count} entries, up to {entries} in the result"
        return Offer(cost, step.output, places < count, note, facts=_facts(step, entries))

    return verdict


def _in_order(step: Step, position: int) -> bool:
    """Whether the other operand is said to be in the order in which it is looked up."""
    shared, _, _ = _split(step, position)
    return step.operands[1 - position].structure == "rows" and step.inputs[1 - position].startswith(shared)


def _lookup_bind(position: int) -> Any:
    def bind(step: Step, offer: Offer) -> Runner:
        labels, other = step.inputs[position], step.inputs[1 - position]
        shared, _, _ = _split(step, position)
        at, other_at = [labels.index(c) for c in shared], [other.index(c) for c in shared]
        axes = [labels.index(c) for c in step.output]

        def run(*operands: Any, out: Any = None) -> Any:
            cells: Cells = operands[position]
            values, found = values_at(operands[1 - position], other_at, cells, at)
            zero = jnp.zeros((), values.dtype)
            # Absent elements are never multiplied, and no derivative is either.
            made = multiply(cells.data, jnp.where(found, values, zero))
            kept = replace(cells, data=jnp.where(found, made, zero), pointers=None, grid=None).kept(found)
            return _put(kept.take(axes), step, all_places=offer.recipe)

        return run

    return bind


def _spread_verdict(position: int) -> Any:
    def verdict(step: Step) -> Offer | Refused:
        """Offer to write the other operand out, and to look it up at the entries of one."""
        wrong = _two(step)
        if wrong is not None:
            return wrong
        shared, free, alone = _split(step, position)
        entries = sum(op.nnz or 0 for op in step.operands)
        if not free and step.operands[1 - position].size > _SPARE * entries:
            return Refused("written out, an operand would be far larger than its entries; they are looked up")
        count, places = step.operands[position].nnz or 0, step.extent(step.output)
        made = count * step.extent(free)
        entries = min(made, places)
        dense = step.operands[1 - position].size * (step.dtype.itemsize + 1)
        takes = dense + made * (_entry(step) + 1) * max(1, step.extent(alone))
        if takes > _limit(step):
            return _too_much(entries, takes, step)
        found = _Spread(position, shared, free, alone, places < made)
        cost = Cost(float(made * max(1, step.extent(alone))), float(takes), LIBRARY.calls, _RATE)
        note = f"operand {1 - position} written out, at {count} entries, up to {entries} in the result"
        return Offer(cost, step.output, found, note, facts=_facts(step, entries))

    return verdict


def _spread_bind(step: Step, offer: Offer) -> Runner:
    found: _Spread = offer.recipe
    labels, other = step.inputs[found.entries], step.inputs[1 - found.entries]
    order = [other.index(c) for c in found.shared + found.free + found.alone]
    axes = [labels.index(c) for c in labels if c in step.output]
    made = [c for c in labels if c in step.output] + list(found.free)
    free = tuple(step.sizes[c] for c in found.free)

    def run(a: Cells, b: Cells, out: Any = None) -> Any:
        cells, spread = (a, b) if found.entries == 0 else (b, a)
        values = lax.transpose(written(spread), order)
        ones = Cells(spread.shape, jnp.ones(spread.count, bool), spread.coords, spread.valid)
        pattern = lax.transpose(written(ones), order)
        bounded = dict(zip(labels, cells.bounded(), strict=True))
        at = tuple(bounded[c] for c in found.shared)
        if at:
            values, pattern = gathered(values, at), gathered(pattern, at)
        else:
            values, pattern = values[None], pattern[None]
        value = cells.data.reshape(-1, *(1,) * (values.ndim - 1))
        product = multiply(value, values)
        product = jnp.where(pattern, product, jnp.zeros((), product.dtype))  # absent: never multiplied
        pattern = jnp.broadcast_to(pattern, product.shape)
        if found.alone:
            last = tuple(range(1 + len(free), product.ndim))
            product, pattern = sum_of(product, last), sum_of(pattern, last)
        kept = flattened(replace(cells, pointers=None, grid=None).take(axes), product, free)
        kept = kept.kept(pattern.reshape(-1))
        return _put(kept.take([made.index(c) for c in step.output]), step, all_places=found.all_places)

    return run


ROUTES = (
    Route("bcoo.pairs", _pairs_verdict, _pairs_bind),
    Route("bcoo.first_entries", _spread_verdict(0), _spread_bind),
    Route("bcoo.second_entries", _spread_verdict(1), _spread_bind),
    Route("bcoo.first_looked_up", _lookup_verdict(1), _lookup_bind(1)),
    Route("bcoo.second_looked_up", _lookup_verdict(0), _lookup_bind(0)),
)
