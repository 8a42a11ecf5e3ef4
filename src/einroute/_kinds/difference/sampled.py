"""Differences of the pairs alone that a sparse operand has entries for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Operand, Step, c_strides
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting, regular
from ..._base.routes import Offer, Refused
from ..._entries.entries import Entries, sums_differ
from ..._kinds.registry import kind_of
from .blockwise import entries_of, put_together
from .form import NAME

Array = np.ndarray[Any, Any]

#: Bytes of differences that are written out at once; seconds to look up one of their elements.
_BLOCK, _ELEMENT = 1 << 18, 3e-9


@dataclass(frozen=True, slots=True)
class Sample:
    """How a step is seen.

    Attributes
    ----------
    at : int
        Position of the sparse operand.
    differences : tuple of int
        Positions of the differences whose pairs are among its labels.
    dense : tuple of int
        Positions of the dense operands that go together with the differences before they meet the sparse one.
    label : str
        Numbers the entries.
    made : str
        Labels of what the differences become, that of the entries first.
    rest : tuple of int
        Positions of all others.
    """

    at: int
    differences: tuple[int, ...]
    dense: tuple[int, ...]
    label: str
    made: str
    rest: tuple[int, ...]


def verdict(step: Step) -> Rewriting | Refused:
    """Offer to look the points up where a sparse operand has entries."""
    sample = _sample(step)
    if sample is None:
        return Refused("no sparse operand has both labels of a difference's pairs")
    nnz = step.operands[sample.at].nnz or 1
    elements = sum(nnz * step.operands[p].shape[2] for p in sample.differences)
    cost = Cost(elements * _ELEMENT * 1e9 / min(step.threads, 2), 0.0, 40.0, 1e9)
    note = f"of about {nnz} pairs, where operand {sample.at} has entries"
    return Rewriting(Offer(cost, step.output, sample, note), _inner(step, sample, nnz))


def _sample(step: Step) -> Sample | None:
    for at, op in enumerate(step.operands):
        own = step.inputs[at]
        if op.form != "entries" or not regular(step, at):
            continue
        differences = tuple(
            p
            for p, d in enumerate(step.operands)
            if d.form == NAME and regular(step, p) and set(step.inputs[p][:2]) <= set(own)
        )
        if differences:
            return _around(step, at, differences)
    return None


def _around(step: Step, at: int, differences: tuple[int, ...]) -> Sample:
    """Dense operands that have no label of the sparse one and hang together with the features join them."""
    others = [p for p in range(len(step.inputs)) if p != at and p not in differences]
    own = set(step.inputs[at])
    reached = {step.inputs[p][2] for p in differences} - own
    dense: set[int] = set()
    while True:
        new = {
            p
            for p in others
            if p not in dense
            and step.operands[p].form == "dense"
            and set(step.inputs[p]) & reached
            and not set(step.inputs[p]) & own
        }
        if not new:
            break
        dense |= new
        reached = reached.union(*(step.inputs[p] for p in new)) - set(step.output)
    rest = tuple(p for p in others if p not in dense)
    met = (own | set(step.output)).union(*(step.inputs[p] for p in rest))
    label = next(chr(c) for c in range(0x2000, 0x3000) if chr(c) not in step.sizes)
    labels = dict.fromkeys(
        "".join(step.inputs[p] for p in dense) + "".join(step.inputs[p][2] for p in differences)
    )
    made = label + "".join(c for c in labels if c in met)
    return Sample(at, differences, tuple(sorted(dense)), label, made, rest)


def _inner(step: Step, sample: Sample, nnz: int) -> tuple[Inner, Inner]:
    """The differences with what goes together with them, and the sparse operand with all that is left."""
    sizes = {**step.sizes, sample.label: nnz}
    inputs = (
        *(sample.label + step.inputs[p][2] for p in sample.differences),
        *_of(step.inputs, sample.dense),
    )
    operands = tuple(_new(step, (nnz, step.operands[p].shape[2])) for p in sample.differences)
    first = Inner(inputs, sample.made, (*operands, *_of(step.operands, sample.dense)))
    made = _new(step, tuple(sizes[c] for c in sample.made))
    own, op = step.inputs[sample.at], step.operands[sample.at]
    rest = _of(step.inputs, sample.rest), _of(step.operands, sample.rest)
    if sample.made == sample.label:
        return first, Inner((own, *rest[0]), step.output, (op, *rest[1]), form=step.form)
    names = (own + sample.label, sample.made, *rest[0])
    facts = (replace(op, shape=(*op.shape, nnz)), made, *rest[1])
    return first, Inner(names, step.output, facts, form=step.form)


def _new(step: Step, shape: tuple[int, ...]) -> Operand:
    return Operand(shape, step.dtype, c_strides(shape, step.dtype.itemsize))


def _of(values: tuple[Any, ...], positions: tuple[int, ...]) -> tuple[Any, ...]:
    return tuple(values[p] for p in positions)


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Differences in rows, one for each entry; then the entries themselves."""
    sample: Sample = rewriting.offer.recipe
    given = operands[sample.at]
    entries = entries_of(given)
    if sums_differ(entries.dtype, step.dtype):
        entries = entries.distinct()
    own = step.inputs[sample.at]
    first, second = rewriting.inner
    places = [[entries.coordinate(own.index(c)) for c in step.inputs[p][:2]] for p in sample.differences]
    dense, rest = _of(operands, sample.dense), _of(operands, sample.rest)

    def looked_up(low: int, high: int) -> Any:
        rows = []
        for p, (i, j) in zip(sample.differences, places, strict=True):
            d = operands[p]
            rows.append(np.subtract(d.x[i[low:high]], d.y[j[low:high]]))
        return contract(first.inputs, sample.made, (*rows, *dense))

    shape = (entries.nnz, *(step.sizes[c] for c in sample.made[1:]))
    features = sum(step.operands[p].shape[2] for p in sample.differences)
    length = max(1, _BLOCK // max(1, features * step.dtype.itemsize))
    made = put_together(
        sample.label, entries.nnz, length, looked_up, sample.made, shape, step.dtype, step.threads
    )
    if sample.made == sample.label:
        data = np.multiply(entries.data, made, dtype=step.dtype, casting="unsafe")
        scaled = Entries(entries.shape, data, entries.coords, entries.compressed)
        return _last(step, second, given, scaled, rest, contract)
    coords = (*entries.coordinates(), np.arange(entries.nnz))
    numbered = Entries((*entries.shape, entries.nnz), entries.data, coords)
    return _last(step, second, given, numbered, (made, *rest), contract)


def _last(
    step: Step, inner: Inner, given: Any, entries: Entries, others: tuple[Any, ...], contract: Contract
) -> Any:
    """A sparse result is of the library of its operands."""
    kind: Any = kind_of(given)
    operand = kind.make(entries, (given,)) if step.form != "dense" and kind.make is not None else entries
    return contract(inner.inputs, inner.output, (operand, *others), form=step.form)


SAMPLED = Rewrite("difference.sampled", verdict, run)
