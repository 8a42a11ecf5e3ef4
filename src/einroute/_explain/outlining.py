"""Outlines of operands, of plans, and of calls that one function answers.

Here alone the names of routes are read out of plans.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from .._base.cost import Cost
from .._base.facts import Contraction, Operand, Prepared
from .._base.formatting import prime_for, readable
from .._base.routed_operand import any_routed
from .._kinds.registry import kind_of
from .._plan.plans import Chain, Choice, Plan, Planned, Rewritten, Sliced
from .outline import Outline, OutlineOperand, OutlineSlices, OutlineStep

__all__ = ["in_one_step", "operand_of", "outline_of"]


def operand_of(x: Any, labels: str = "") -> OutlineOperand:
    """What can be told of an operand without reading it, whatever it is."""
    try:
        if type(x) is np.ndarray:
            return OutlineOperand("dense", x.shape, x.dtype.name, labels)
        if type(x) in {list, tuple}:
            return OutlineOperand("dense", _shape_of_lists(x), type(x).__name__, labels)
        if isinstance(x, (bool, int, float, complex)):
            return OutlineOperand("dense", (), type(x).__name__, labels)
        if any_routed((x,)):
            return OutlineOperand("dense", x.shape, x.dtype.name, labels)
        kind = kind_of(x)
        name = type(x).__name__ if kind is None else kind.name
        shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
        return OutlineOperand(
            name,
            None if shape is None else tuple(int(n) for n in shape),
            "" if dtype is None else str(dtype),
            labels,
            _entries(x, kind),
        )
    except Exception:  # noqa: BLE001 - somebody's own class may do anything when asked
        return OutlineOperand(type(x).__name__, None, "", labels)


def _entries(x: Any, kind: Any) -> int | None:
    return None if kind is None or kind.stored is None else int(kind.stored(x))


def _shape_of_lists(x: Any) -> tuple[int, ...]:
    """The shape of nested lists, by their first elements."""
    shape: list[int] = []
    while type(x) in {list, tuple} and len(shape) < 64:
        shape.append(len(x))
        if not x:
            break
        x = x[0]
    more = x.shape if type(x) is np.ndarray else ()
    return (*shape, *more)


def outline_of(
    function: str,
    plan: Plan,
    operands: Sequence[OutlineOperand] = (),
    *,
    choice: int = 0,
    notes: tuple[str, ...] = (),
) -> Outline:
    """The outline of a plan.

    Parameters
    ----------
    function : str
    plan : Plan
    operands : sequence of OutlineOperand
        As they came; what the plan knows of them if left out.
    choice : int
        Which of the rewrites, where the plan has some.
    notes : tuple of str
        What else there is to say.
    """
    if plan.found:
        notes = (*notes, plan.found)
    if isinstance(plan.node, Rewritten):
        return _rewritten(function, plan, plan.node, operands, plan.node.choices[choice], notes)
    contraction = plan.contraction
    read = _reader(contraction)
    if len(operands) != len(contraction.inputs):
        operands = [_prepared_operand(p) for p in plan.prepared]
    told = tuple(
        replace(op, labels=read(labels), note=_prepared_note(p))
        for op, labels, p in zip(operands, contraction.inputs, plan.prepared, strict=True)
    )
    slices, chain = _slices(plan.node, read)
    return Outline(
        function,
        read(contraction.subscripts),
        told,
        _steps(chain, len(told), contraction.sizes, read),
        slices,
        {read(label): size for label, size in contraction.sizes.items()},
        plan.dtype.name,
        plan.order,
        plan.node.seconds,
        plan.node.peak,
        notes,
    )


def in_one_step(
    function: str,
    route: str,
    operands: Sequence[OutlineOperand],
    note: str,
    cost: Cost | None = None,
    *,
    subscripts: str = "",
    result: OutlineOperand | None = None,
    notes: tuple[str, ...] = (),
) -> Outline:
    """The outline of a call that one function answers: NumPy's own, or kept factors."""
    inputs = subscripts.partition("->")[0].split(",") if subscripts else []
    if len(inputs) == len(operands):
        operands = [replace(op, labels=x) for op, x in zip(operands, inputs, strict=True)]
    step = OutlineStep(
        tuple(range(len(operands))),
        subscripts,
        route,
        note,
        "",
        result or OutlineOperand("dense", None, "", subscripts.partition("->")[2]),
        0.0 if cost is None else cost.flops,
        0.0 if cost is None else cost.bytes,
        0.0 if cost is None else cost.seconds,
    )
    seconds = None if cost is None else cost.seconds
    return Outline(function, subscripts, tuple(operands), (step,), seconds=seconds, notes=notes)


_Read = Callable[[str], str]
"""Labels and text around them to what is shown."""


def _reader(contraction: Contraction) -> _Read:
    return partial(readable, prime=prime_for("".join(contraction.sizes)))


def _slices(node: Chain | Sliced, read: _Read) -> tuple[tuple[OutlineSlices, ...], Chain]:
    slices = []
    while isinstance(node, Sliced):
        count = -(-node.size // node.block)
        slices.append(
            OutlineSlices(read(node.label), count, node.block, node.threads, node.summed, node.reason)
        )
        node = node.inner
    return tuple(slices), node


def _steps(chain: Chain, count: int, sizes: Mapping[str, int], read: _Read) -> tuple[OutlineStep, ...]:
    there = list(range(count))
    taken = []
    for number, planned in enumerate(chain.steps):
        taken.append(tuple(there[i] for i in planned.positions))
        for i in sorted(planned.positions, reverse=True):
            del there[i]
        there.insert(len(there) if planned.at is None else planned.at, count + number)
    entries = {
        made: op.nnz
        for takes, planned in zip(taken, chain.steps, strict=True)
        for made, op in zip(takes, planned.step.operands, strict=True)
        if made >= count
    }
    return tuple(
        _step(planned, takes, sizes, entries.get(count + number), read)
        for number, (takes, planned) in enumerate(zip(taken, chain.steps, strict=True))
    )


def _step(
    planned: Planned, takes: tuple[int, ...], sizes: Mapping[str, int], entries: int | None, read: _Read
) -> OutlineStep:
    d = planned.decision
    cost, step = d.offer.cost, planned.step
    shape = tuple(sizes[c] for c in step.output)
    return OutlineStep(
        takes,
        read(step.subscripts),
        d.route.name,
        read(planned.named(d.offer.note)),
        d.route.guard,
        OutlineOperand(_shown(step.form), shape, step.dtype.name, read(step.output), entries),
        cost.flops,
        cost.bytes,
        cost.seconds,
        tuple((route.name, offer.cost.seconds) for route, offer in d.offers[1:]),
        tuple((route.name, planned.named(refused.reason)) for route, refused in d.refused),
    )


def _rewritten(
    function: str,
    plan: Plan,
    node: Rewritten,
    operands: Sequence[OutlineOperand],
    chosen: Choice,
    notes: tuple[str, ...],
) -> Outline:
    """A rewrite is one step, and hands on contractions."""
    contraction, rewrite = plan.contraction, chosen.rewrite
    read = _reader(contraction)
    cost = chosen.rewriting.offer.cost
    if len(operands) != len(contraction.inputs):
        operands = [_of_facts(op) for op in node.step.operands]
    told = tuple(
        replace(op, labels=read(labels)) for op, labels in zip(operands, contraction.inputs, strict=True)
    )
    shape = tuple(contraction.sizes[c] for c in contraction.output)
    step = OutlineStep(
        tuple(range(len(told))),
        read(contraction.subscripts),
        rewrite.name,
        read(chosen.rewriting.offer.note),
        rewrite.guard,
        OutlineOperand(_shown(plan.form), shape, plan.dtype.name, read(contraction.output)),
        cost.flops,
        cost.bytes,
        chosen.seconds,
        tuple((c.rewrite.name, c.seconds) for c in node.choices if c is not chosen),
        tuple((other.name, refused.reason) for other, refused in node.refused),
        tuple(
            outline_of("contraction", inner, [_of_facts(op) for op in handed.operands])
            for handed, inner in zip(chosen.rewriting.inner, chosen.inner, strict=True)
        ),
    )
    return Outline(
        function,
        read(contraction.subscripts),
        told,
        (step,),
        (),
        {read(label): size for label, size in contraction.sizes.items()},
        plan.dtype.name,
        "C",
        chosen.seconds,
        notes=notes,
    )


def _shown(form: str) -> str:
    """A form as it is told of: entries are those of a sparse array."""
    return {"entries": "sparse"}.get(form, form)


def _of_facts(op: Operand) -> OutlineOperand:
    return OutlineOperand(_shown(op.form), op.shape, op.dtype.name, "", op.nnz)


def _prepared_operand(p: Prepared) -> OutlineOperand:
    return _of_facts(p.facts)


def _prepared_note(p: Prepared) -> str:
    done = []
    if p.diagonal:
        done.append("a diagonal is viewed")
    if p.squeeze:
        done.append("broadcast axes of length 1 are dropped")
    if p.cast is not None:
        done.append(f"cast to {p.cast.name}")
    return ", ".join(done)
