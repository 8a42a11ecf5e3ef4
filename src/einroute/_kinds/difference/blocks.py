"""Anything done with differences: written out, whole if they are small, else a block of points at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Operand, Step, c_strides
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting, shortened_by
from ..._base.routes import Offer
from ..._entries.entries import Entries
from .blockwise import put_together, slicer
from .form import NAME
from .operand import PairwiseDifference
from .plain import mirror

Array = np.ndarray[Any, Any]

#: Bytes of all differences together up to which they are written out whole, and of a block's.
_WHOLE, _BLOCK = 1 << 20, 1 << 18
#: Kinds of operands that can be cut.
_CUT = ("dense", "entries", NAME)
#: Seconds to write out an element, and a row besides: a loop over its features is started or, where there is
#: one, over its points.
_ELEMENT, _ROW = 0.4e-9, 8.5e-9
#: Seconds to put a number of a block's result in its place.
_PLACED = 1e-9


@dataclass(frozen=True, slots=True)
class Cut:
    """How a step is cut.

    Attributes
    ----------
    label : str
        Of points, by which it is cut.
    length : int
        Of a block.
    written : bool
        Whether the differences of a block are small enough to be written out.
    chosen : str
        The label of a block in place of `label`, where an operand cannot be cut but is looked up; else empty.
    """

    label: str
    length: int
    written: bool
    chosen: str


@dataclass(frozen=True, slots=True)
class Whole:
    """What is known beforehand of a step whose differences are written out whole.

    Attributes
    ----------
    differences, joined : tuple of int
        Positions of the differences, and of those of each point with its own partner.
    exchanged : tuple or None
        As `_exchanged` has it.
    """

    differences: tuple[int, ...]
    joined: tuple[int, ...]
    exchanged: tuple[int, int, int] | None


def verdict(step: Step) -> Rewriting:
    """Offer to write the differences out."""
    own = [p for p, op in enumerate(step.operands) if op.form == NAME]
    operands = tuple(_joined(op, labels) for op, labels in zip(step.operands, step.inputs, strict=True))
    inputs = tuple(_labels(op, labels) for op, labels in zip(step.operands, step.inputs, strict=True))
    nbytes = sum(operands[p].nbytes for p in own)
    if step.form != "dense":
        return _apart(step, own)
    cut = None if nbytes <= _WHOLE else _best_cut(step, inputs, operands)
    once = [p for p in own if cut is not None or operands[p].alias is None]
    work = sum(_seconds(operands[p]) for p in once)
    if cut is None:
        cost = Cost(work * 1e9, 0.0, 4.0 + 2.0 * len(own), 1e9)
        facts = tuple(_written_facts(op) if p in own else op for p, op in enumerate(operands))
        joined = tuple(p for p in own if len(inputs[p]) == 2)
        whole = Whole(tuple(p for p in own if p not in joined), joined, _exchanged(step))
        offer = Offer(cost, step.output, whole, "written out")
        return shortened_by(run, step, Rewriting(offer, (Inner(inputs, step.output, facts),)))
    count = -(-step.sizes[cut.label] // cut.length)
    # One by one, each block shares its own work among the threads.
    threads = min(step.threads, 2, count) if cut.written else 1
    seconds = work if cut.written else 0.0
    if cut.label in step.output:
        seconds += step.extent(step.output) * _PLACED
    cost = Cost(seconds * 1e9 / threads, 0.0, 30.0 + 20.0 * count / threads, 1e9)
    note = f"in blocks of {cut.length} of {cut.label!r}, " + ("written out" if cut.written else "one by one")
    return Rewriting(
        Offer(cost, step.output, cut, note), (_inner(step, inputs, operands, cut, count / threads),)
    )


def _seconds(op: Operand) -> float:
    """What writing a difference out takes."""
    inner = next((n for n in reversed(op.shape) if n > 1), 1)
    return op.size * _ELEMENT + (op.size // inner * _ROW if op.size > inner else 0.0)


def _labels(op: Operand, labels: str) -> str:
    """Labels of an operand; those of a difference of each point with its own partner are fewer."""
    return labels[1:] if op.form == NAME and labels[0] == labels[1] else labels


def _joined(op: Operand, labels: str) -> Operand:
    """Facts of an operand; a difference of each point with its own partner is an ordinary array."""
    if op.form != NAME or labels[0] != labels[1]:
        return op
    shape = (max(op.shape[:2]), op.shape[2])
    return Operand(shape, op.dtype, c_strides(shape, op.dtype.itemsize))


def _written_facts(op: Operand) -> Operand:
    if op.form != NAME:
        return op
    return Operand(op.shape, op.dtype, c_strides(op.shape, op.dtype.itemsize))


def _best_cut(step: Step, inputs: tuple[str, ...], operands: tuple[Operand, ...]) -> Cut | None:
    """The label of points to cut by: no operand has to be looked up for it, it is kept, it is long."""
    found: list[tuple[tuple[bool, bool, int], str]] = []
    for labels, op in zip(inputs, operands, strict=True):
        if op.form != NAME:
            continue
        for axis, c in enumerate(labels[:2]):
            size = step.sizes[c]
            if op.shape[axis] == size > 1 and labels.count(c) == 1:
                looked_up = any(
                    c in own and other.form not in _CUT for own, other in zip(inputs, operands, strict=True)
                )
                found.append(((not looked_up, c in step.output, size), c))
    if not found:
        return None
    (simple, _, _), label = max(found)
    size = step.sizes[label]
    each = sum(
        op.nbytes // size
        for labels, op in zip(inputs, operands, strict=True)
        if op.form == NAME and label in labels and op.shape[labels.index(label)] == size
    )
    free = next(chr(c) for c in range(0x1000, 0x2000) if chr(c) not in step.sizes)
    return Cut(label, max(1, _BLOCK // max(1, each)), each <= _BLOCK, "" if simple else free)


def _inner(
    step: Step, inputs: tuple[str, ...], operands: tuple[Operand, ...], cut: Cut, times: float
) -> Inner:
    """What is done with a block."""
    size = step.sizes[cut.label]
    length = min(cut.length, size)
    every = [_axes(labels, op.shape, cut, size) for labels, op in zip(inputs, operands, strict=True)]
    facts: list[Operand] = []
    for position, (op, axes) in enumerate(zip(operands, every, strict=True)):
        if not axes or op.form not in _CUT:
            facts.append(op)
            continue
        shape = tuple(length if i in axes else n for i, n in enumerate(op.shape))
        nnz = None if op.nnz is None else max(1, op.nnz * length // size)
        part = replace(op, shape=shape, nnz=nnz, alias=_copy_of(position, op, every), structure=False)
        facts.append(_written_facts(part) if cut.written else part)
    names = _renamed(inputs, operands, cut)
    output = step.output.replace(cut.label, cut.chosen or cut.label)
    if cut.chosen:
        names = (*names, cut.label + cut.chosen)
        facts.append(Operand((size, length), step.dtype, (), "entries", nnz=1 << length.bit_length()))
    return Inner(names, output, tuple(facts), times=times)


def _axes(labels: str, shape: tuple[int, ...], cut: Cut, size: int) -> list[int]:
    return [i for i, c in enumerate(labels) if c == cut.label and shape[i] == size]


def _renamed(inputs: tuple[str, ...], operands: tuple[Any, ...], cut: Cut) -> tuple[str, ...]:
    """Labels of a block: of operands that are not cut but looked up, the label stays what it was."""
    if not cut.chosen:
        return inputs
    return tuple(
        labels if op.form not in _CUT else labels.replace(cut.label, cut.chosen)
        for labels, op in zip(inputs, operands, strict=True)
    )


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Write out and contract."""
    if step.form != "dense":
        return _run_apart(step, rewriting, operands, contract)
    whole: Whole | Cut = rewriting.offer.recipe
    if isinstance(whole, Whole):
        result = contract.inner(0, _written(operands, whole))
        return result if whole.exchanged is None else _mirrored(np.asarray(result), *whole.exchanged)
    result = _run_dense(step, rewriting, operands, contract)
    found = _exchanged(step)
    return result if found is None else _mirrored(np.asarray(result), *found)


def _exchanged(step: Step) -> tuple[int, int, int] | None:
    """Axes of the result that the two points of every pair lie on, and the sign of exchanging them.

    None where the result does not show both, or something else knows one from the other.
    """
    own = [p for p, op in enumerate(step.operands) if op.form == NAME]
    first = step.operands[own[0]]
    points = set(step.inputs[own[0]][:2])
    if step.dtype.kind not in "fc" or len(points) < 2 or not points <= set(step.output):
        return None
    for p, (labels, op) in enumerate(zip(step.inputs, step.operands, strict=True)):
        if p not in own:
            if points & set(labels):
                return None
        # Differences of integers may wrap, and then one is not the other's negative.
        elif not (
            op.structure is True
            and op.dtype.kind in "fc"
            and op.shape == first.shape
            and (p == own[0] or op.alias == own[0])
            and set(labels[:2]) == points
            and labels[2] not in points
        ):
            return None
    i, j = sorted(step.output.index(c) for c in points)
    return i, j, (-1) ** len(own)


def _mirrored(result: Array, i: int, j: int, sign: int) -> Array:
    """The result, exchanged exactly: products and sums of a pair may round by where they lie in a block."""
    if not result.flags.writeable:
        result = result.copy()
    last = (i, j) == (result.ndim - 2, result.ndim - 1)
    mirror(result if last else np.moveaxis(result, (i, j), (-2, -1)), sign)
    return result


def _run_dense(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    inputs = tuple(_labels(op, labels) for op, labels in zip(step.operands, step.inputs, strict=True))
    operands = tuple(
        np.subtract(x.x, x.y) if isinstance(x, PairwiseDifference) and len(labels) == 2 else x
        for labels, x in zip(inputs, operands, strict=True)
    )
    cut: Cut = rewriting.offer.recipe
    size = step.sizes[cut.label]
    axes = [_axes(labels, x.shape, cut, size) for labels, x in zip(inputs, operands, strict=True)]
    looked_up = [bool(cut.chosen) and op.form not in _CUT for op in step.operands]
    copies = [_copy_of(p, op, axes) for p, op in enumerate(step.operands)]
    cuts = [
        None if whole or not own else slicer(labels, x, cut.label, size)
        for labels, x, own, whole in zip(inputs, operands, axes, looked_up, strict=True)
    ]
    names, output = rewriting.inner[0].inputs, rewriting.inner[0].output

    def part(low: int, high: int) -> Any:
        own: list[Any] = []
        for x, one, copy in zip(operands, cuts, copies, strict=True):
            piece = x if one is None else own[copy] if copy is not None else one(low, high)
            if cut.written and piece is not x and isinstance(piece, PairwiseDifference):
                piece = piece.written()
            own.append(piece)
        if cut.chosen:
            own.append(_selector(size, low, high, step.dtype))
        return contract(names, output, tuple(own))

    shape = tuple(step.sizes[c] for c in step.output)
    return put_together(
        cut.label, size, cut.length, part, step.output, shape, step.dtype, step.threads if cut.written else 1
    )


def _written(operands: tuple[Any, ...], whole: Whole) -> tuple[Any, ...]:
    """The operands with their differences written out, each once."""
    made: dict[int, Array] = {}
    every = list(operands)
    for p in whole.differences:
        x = operands[p]
        known = made.get(id(x))
        every[p] = made[id(x)] = x.written() if known is None else known
    for p in whole.joined:
        every[p] = np.subtract(operands[p].x, operands[p].y)
    return tuple(every)


def _copy_of(position: int, op: Operand, axes: list[list[int]]) -> int | None:
    """The position of the operand that has the same part of the same difference."""
    return op.alias if op.alias is not None and axes[op.alias] == axes[position] else None


def _selector(size: int, low: int, high: int, dtype: np.dtype[Any]) -> Entries:
    """A block of the identity, by which an operand that cannot be cut is looked up."""
    count = np.arange(high - low)
    return Entries((size, high - low), np.ones(high - low, dtype), (count + low, count), fresh=True)


def _apart(step: Step, own: list[int]) -> Rewriting:
    """Sparse results: what is dense goes together first, then onto the sparse operands."""
    inner = _both(step)
    cost = Cost(calls=5.0)
    return Rewriting(Offer(cost, step.output, None, "contracted without the sparse operands first"), inner)


def _both(step: Step) -> tuple[Inner, Inner]:
    sparse = [p for p, op in enumerate(step.operands) if op.form == "entries"]
    dense = [p for p in range(len(step.operands)) if p not in sparse]
    met = set(step.output).union(*(step.inputs[p] for p in sparse))
    labels = dict.fromkeys("".join(step.inputs[p] for p in dense))
    made = "".join(c for c in labels if c in met)
    # An axis of length 1 that is broadcast has that length in what is made, too, but not beside length 0.
    pairs = [pair for p in dense for pair in zip(step.inputs[p], step.operands[p].shape, strict=True)]
    shape = tuple(next((n for own, n in pairs if own == c and n != 1), 1) for c in made)
    first = Inner(tuple(step.inputs[p] for p in dense), made, tuple(step.operands[p] for p in dense))
    facts = Operand(shape, step.dtype, c_strides(shape, step.dtype.itemsize))
    second = Inner(
        (*(step.inputs[p] for p in sparse), made),
        step.output,
        (*(step.operands[p] for p in sparse), facts),
        form="entries",
    )
    return first, second


def _run_apart(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    first, second = rewriting.inner
    dense = tuple(x for x, op in zip(operands, step.operands, strict=True) if op.form != "entries")
    sparse = tuple(x for x, op in zip(operands, step.operands, strict=True) if op.form == "entries")
    made = contract(first.inputs, first.output, dense)
    return contract(second.inputs, second.output, (*sparse, made), form="entries")


BLOCKS = Rewrite("difference.blocks", verdict, run)
