"""Rolled operands as strided views, which any contraction of arrays takes: the way that is always there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..._base.cost import Cost, first_touched
from ..._base.facts import Operand, Step
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting
from ..._base.routes import Offer, Refused
from ..._native import CORE
from ..._native.fresh import allocator
from ..dense.gemm_cost import SMALL
from .extension import Extension, extension, rolls_at_once
from .parts import joined, piece, piece_shape
from .where import NAME, Where, others_bytes, replaced

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class _Recipe:
    """Where ``extension`` is None the base itself is strided over."""

    where: Where
    facts: Operand
    extension: Extension | None
    rolls: int


def verdict(step: Step) -> Rewriting | Refused:
    """Offer a view of the base, lengthened where it has to be."""
    where = Where.of(step)
    if where.i == where.j:
        return Refused("its two axes have one label, whose strides may cancel")
    at, op = where.at, where.operand(step)
    rolling, k = where.rolling, op.shape[where.rolling.axis + 1]
    if (rolling.shift == 0 or k == 1) and op.dtype == step.dtype:
        strides = (*rolling.strides[: rolling.axis + 1], 0, *rolling.strides[rolling.axis + 1 :])
        facts = Operand(op.shape, op.dtype, strides)
        recipe = _Recipe(where, facts, None, k)
        inner = Inner(step.inputs, step.output, replaced(step.operands, at, facts), form=step.form)
        offer = Offer(Cost(calls=3), step.output, recipe, "a view of the base")
        short_of = _view_of(where) if k == 1 and _makes_new(step, where) else None
        return Rewriting(offer, (inner,), short_of=short_of)
    rolls = rolls_at_once(op, step.dtype, others_bytes(step, at)) if _can_cut(step, where) else k
    # The axis that runs backwards, if one does, is better none that is summed.
    backwards = where.i in step.output
    ext = extension(op, step.dtype, backwards=backwards, rolls=rolls if rolls < k else 0)
    recipe = _Recipe(where, ext.facts, ext, k)
    cost = Cost(bytes=2.0 * ext.nbytes, calls=6) + _written_out(step, where)
    if rolls >= k:
        inner = Inner(step.inputs, step.output, replaced(step.operands, at, ext.facts), form=step.form)
        offer = Offer(cost, step.output, recipe, "a strided view of the base, lengthened")
        return Rewriting(offer, (inner,), short_of=_short_of(step, where, ext))
    blocks, left = divmod(k, rolls)
    cost = replace(cost, bytes=cost.bytes + 2.0 * step.out_bytes, calls=6.0 + 8.0 * blocks)
    parts = [_inner_block(step, where, ext, rolls, blocks)]
    if left:
        parts.append(_inner_block(step, where, ext, left, 1))
    note = f"a strided view of the base, lengthened, {rolls} of {k} rollings at a time"
    return Rewriting(Offer(cost, step.output, recipe, note), tuple(parts))


def _short_of(
    step: Step, where: Where, ext: Extension
) -> Callable[[Contract], Callable[[tuple[Any, ...]], Array]] | None:
    """A short way, where the copy is made of the base and nothing but arrays is left."""
    pieces, at = ext.pieces(), where.at
    if pieces is None or not _makes_new(step, where) or where.operand(step).dtype != step.dtype:
        return None
    axis, shape, dtype, origin, strides = pieces[0], ext.shape, ext.dtype, ext.origin, ext.strides
    parts, fresh = pieces[1], allocator(ext.nbytes, last=False)
    sizes = None if fresh is np.empty else ext.sizes  # concatenate makes small ones itself in less time
    rounds = ext.rounds() if CORE is not None and ext.nbytes <= SMALL and 0 not in shape else None

    def short_of(contract: Contract) -> Callable[[tuple[Any, ...]], Array]:
        def short(operands: tuple[Any, ...]) -> Array:
            base = operands[at].base
            view = None if rounds is None else CORE.lengthened(base, dtype, *rounds, shape, strides, origin)
            if view is None:
                out = None if sizes is None else fresh(sizes, dtype)
                copy = np.concatenate([base if part is None else base[part] for part in parts], axis, out)
                view = np.ndarray(shape, dtype, copy, origin, strides)
            result: Array = contract.inner(0, (*operands[:at], view, *operands[at + 1 :]))
            return result

        return short

    return short_of


def _makes_new(step: Step, where: Where) -> bool:
    """Whether only arrays are left, whose contraction is no view: of one, if something is summed."""
    alone = all(op.form == "dense" for n, op in enumerate(step.operands) if n != where.at)
    return alone and (len(step.inputs) > 1 or set(step.output) < set(step.inputs[0]))


def _view_of(where: Where) -> Callable[[Contract], Callable[[tuple[Any, ...]], Array]]:
    """A short way with the base as its own one rolling."""
    at, index = where.at, (slice(None),) * (where.rolling.axis + 1) + (None,)

    def short_of(contract: Contract) -> Callable[[tuple[Any, ...]], Array]:
        def short(operands: tuple[Any, ...]) -> Array:
            view = operands[at].base[index]
            result: Array = contract.inner(0, (*operands[:at], view, *operands[at + 1 :]))
            return result

        return short

    return short_of


def _written_out(step: Step, where: Where) -> Cost:
    """What copies take that BLAS wants of views that overlap themselves, where two are summed along."""
    along = [
        op.nbytes
        for labels, op in zip(step.inputs, step.operands, strict=True)
        if op.form == NAME and labels[op.structure.axis] == where.i
    ]
    meet = len(along) > 1 and where.i not in step.output
    return Cost(first_touched(sum(along)) * 1e9 if meet else 0.0, calls=0, rate=1e9)


def _can_cut(step: Step, where: Where) -> bool:
    """Whether the rollings can be done some at a time: whoever has their label can be cut along it."""
    return step.form == "dense" and all(
        op.form == "dense" or where.j not in labels
        for n, (labels, op) in enumerate(zip(step.inputs, step.operands, strict=True))
        if n != where.at
    )


def _inner_block(step: Step, where: Where, ext: Extension, rolls: int, times: int) -> Inner:
    operands = []
    for n, (labels, op) in enumerate(zip(step.inputs, step.operands, strict=True)):
        facts = ext.facts if n == where.at else op
        operands.append(replace(facts, shape=piece_shape(facts.shape, labels, where.j, rolls)))
    return Inner(step.inputs, step.output, tuple(operands), float(times))


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Lengthen the base, and contract the view."""
    recipe: _Recipe = rewriting.offer.recipe
    at, base = recipe.where.at, operands[recipe.where.at].base
    ext = recipe.extension
    if ext is None:
        view = as_strided(base, recipe.facts.shape, recipe.facts.strides, writeable=False)
        return contract.inner(0, replaced(operands, at, view))
    copy = ext.copy(base, step.threads)
    if ext.rolls == recipe.rolls:
        view = ext.view(copy)
        result = contract.inner(0, replaced(operands, at, view))
        return result.copy() if result is view else result
    return joined(step, recipe.where.j, _blocks(step, recipe, operands, copy, contract))


def _blocks(
    step: Step, recipe: _Recipe, operands: tuple[Any, ...], copy: Array, contract: Contract
) -> Iterator[tuple[slice, Any]]:
    """The contraction with some of the rollings after the other."""
    ext, where = recipe.extension, recipe.where
    assert ext is not None
    d, shift = ext.shape[ext.axis], where.rolling.shift
    for first in range(0, recipe.rolls, ext.rolls):
        cut = slice(first, min(first + ext.rolls, recipe.rolls))
        view = ext.view(copy, first * shift % d, cut.stop - first)
        pieces = [
            piece(x, labels, where.j, cut, skip=where.rolling.axis + 1 if n == where.at else -1)
            for n, (labels, x) in enumerate(zip(step.inputs, replaced(operands, where.at, view), strict=True))
        ]
        yield cut, contract.inner(int(cut.stop - first < ext.rolls), tuple(pieces))


STRIDED = Rewrite("rolled.strided", verdict, run)
