"""Histograms, segment sums and gathers: one pass over the places, in blocks where much is held."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from ..._base.c_einsum import ascii_subscripts, c_einsum
from ..._base.facts import Step
from ..._base.rewrites import Contract, Rewrite, Rewriting, shortened_by
from ..._base.routes import Offer, Refused
from ..._base.threads import cuts
from .adding import Part, add_up, counting
from .fast_paths import is_silent, quick
from .in_core import in_core
from .look_up import Block
from .places import AtPlaces, Over, at_places
from .where import Cut, Where, extents, find, untested

Array = np.ndarray[Any, Any]

#: Bytes of what is looked up, or made at the places, above which it is done in blocks of `_BLOCK` bytes.
_HELD, _BLOCK = 16 << 20, 2 << 20
#: Products up to which a contraction of an odd number of places goes to NumPy's einsum: a plan takes longer.
_SMALL = 1 << 15
_WHOLE = slice(None)


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """The contraction over the places."""
    if rewriting.short is not None:
        result = rewriting.short(operands)
        if result is not None:
            return result
    plan: AtPlaces = rewriting.offer.recipe
    if 0 in step.sizes.values():
        return _zeros(step)
    where = (untested if plan.tested else find)(plan.taken, operands, step.sizes)
    if 0 in where.shape:
        return _zeros(step)
    over = plan.plain if where.chosen is None else plan.picked
    run = _Pass(plan, over, where, operands, contract)
    return run.added_up() if over.adds or not plan.rest else run.contracted()


def _zeros(step: Step) -> Array:
    return np.zeros([step.sizes[c] for c in step.output], step.dtype)


class _Pass:
    """One call's pass over the places that take part."""

    def __init__(
        self, plan: AtPlaces, over: Over, where: Where, operands: tuple[Any, ...], contract: Contract
    ) -> None:
        self.plan, self.over, self.where, self.contract = plan, over, where, contract
        self.step = plan.step
        self.others = [operands[i] for i in plan.rest]

    def added_up(self) -> Array:
        """What is made at each place, added up by class and by the places that are kept."""
        plan, step = self.plan, self.step
        rows = plan.kept + plan.shown
        size = step.extent(rows)
        dtype = step.dtype if plan.rest else counting(step.dtype, size, prod(self.where.shape))
        out = np.zeros((size, step.extent(plan.wide)), dtype)
        for cut in self.cuts():
            made = self.made(cut) if plan.rest else None
            add_up(extents(cut, self.where.shape), self.parts(cut), made, out, step.threads)
        out = out.astype(step.dtype, copy=False)
        found = rows + plan.wide
        shaped = out.reshape([step.sizes[c] for c in found])
        return shaped.transpose([found.index(c) for c in step.output])

    def parts(self, cut: Cut) -> list[Part]:
        """What says where the rows of a block are added."""
        plan, where, found = self.plan, self.where, []
        stride = 1
        for c in reversed(plan.kept + plan.shown):
            length = self.step.sizes[c]
            if c in plan.shown:
                found.append(Part(where.classes[c][(*cut, ...)], length, stride))
            elif where.chosen is not None:
                found.append(Part(where.coordinates[c][cut], length, stride))
            else:
                axis = plan.taken.places.index(c)
                start = cut[axis].indices(length)[0]
                found.append(Part(None, length, stride, axis, start))
            stride *= length
        return found

    def contracted(self) -> Any:
        """What is made at all places, which is the result."""
        plan, step = self.plan, self.step
        blocks = list(self.cuts())
        if len(blocks) == 1:
            return self.made(blocks[0])
        out = _zeros(step)
        whole = len(plan.kept) == len(self.where.shape)
        add = np.logical_or if step.dtype.kind == "b" else np.add
        for cut in blocks:
            slices = {} if self.where.chosen is not None else dict(zip(plan.taken.places, cut, strict=True))
            place: Cut = tuple(slices.get(c, _WHOLE) for c in step.output)
            part = out[(*place, ...)]
            made = self.made(cut)
            if whole:
                part[...] = made
            else:
                add(part, made, out=part)
        return out

    def cuts(self) -> list[Cut]:
        """Blocks of places, one where not much is held."""
        held = self.over.held
        if held * prod(self.where.shape) <= _HELD:
            return [(_WHOLE,) * len(self.where.shape)]
        return list(cuts(self.where.shape, max(64, _BLOCK // held)))

    def made(self, cut: Cut) -> Any:
        """What a block of places makes: the operands looked up there, and contracted."""
        over, step = self.over, self.step
        block = self.block(cut)
        found = [way(x, block, step.threads) for way, x in zip(over.ways, self.others, strict=True)]
        if over.ones:
            lengths = zip(over.places, extents(cut, self.where.shape), strict=True)
            found.append(np.ones([n for c, n in lengths if c in over.ones], step.dtype))
        if over.bare:
            return found[0].transpose([over.inputs[0].index(c) for c in over.made])
        if self.where.chosen is None:
            if all(s == _WHOLE for s in cut):
                return self.contract.inner(0, tuple(found))
        elif all(type(x) is np.ndarray for x in found):
            sizes = {**step.sizes, over.places: extents(cut, self.where.shape)[0]}
            if prod(sizes[c] for c in set("".join(over.inputs))) <= _SMALL:
                arrays = [x.astype(step.dtype, copy=False) for x in found]
                return c_einsum(ascii_subscripts(over.inputs, over.made), *arrays)
        return self.contract(over.inputs, over.made, tuple(found))

    def block(self, cut: Cut) -> Block:
        """Where look-ups find a block of places."""
        where, places, needed = self.where, self.plan.taken.places, self.over.needed
        index = {c: labels[(*cut, ...)] for c, labels in where.classes.items() if c in needed}
        if where.chosen is not None:
            index |= {c: x[cut] for c, x in where.coordinates.items() if c in needed}
            return Block({}, index)
        for axis, c in enumerate(places):
            if c in needed:
                start, stop, _ = cut[axis].indices(where.shape[axis])
                index[c] = np.arange(start, stop).reshape(-1, *(1,) * (len(places) - axis - 1))
        return Block({c: s for c, s in zip(places, cut, strict=True) if s != _WHOLE}, index)


def _verdict(wanted: Callable[[AtPlaces], str]) -> Callable[[Step], Rewriting | Refused]:
    def verdict(step: Step) -> Rewriting | Refused:
        plan = at_places(step)
        if isinstance(plan, Refused):
            return plan
        reason = wanted(plan)
        if reason:
            return Refused(reason)
        inner = plan.inner()
        short = quick(plan)
        if short is not None and inner is not None:
            inner = replace(inner, times=0.0)  # what the short way does besides is in its own price
        made = Offer(plan.cost(short is not None), step.output, plan, plan.note())
        # Counts and what is only taken cannot overflow.
        settled = short is not None and (not plan.rest or (plan.plain.bare and not plan.shown))
        handed_on = () if inner is None else (inner,)
        silent = short is not None and is_silent(plan)
        whole = in_core(plan) if silent else None
        rewriting = Rewriting(made, handed_on, short, settled=settled, silent=silent, in_core=whole)
        # What is added up, or made of several arrays, is new.
        new = plan.plain.adds or len(plan.rest) > 1
        return rewriting if short is not None or not new else shortened_by(run, step, rewriting)

    return verdict


def _counts(plan: AtPlaces) -> str:
    return "there are other operands" if plan.rest else ""


def _sums(plan: AtPlaces) -> str:
    if not plan.rest:
        return "nothing but labels is counted"
    return "" if plan.shown else "the result has no class label"


def _gathers(plan: AtPlaces) -> str:
    if not plan.rest:
        return "there is nothing to look up"
    return "the result has a class label" if plan.shown else ""


COUNT = Rewrite("one_hot.count", _verdict(_counts), run)
SEGMENT_SUM = Rewrite("one_hot.segment_sum", _verdict(_sums), run)
GATHER = Rewrite("one_hot.gather", _verdict(_gathers), run)
