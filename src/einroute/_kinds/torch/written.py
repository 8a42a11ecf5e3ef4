"""Structured tensors written out: rolled ones as windows that take no memory, differences some at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from ..._base.cost import Cost
from ..._base.facts import Operand, Step
from ..._base.routes import Offer, Policy, Refused, Route, Runner, bind, decide
from ..array_library import array_routes
from ..array_library.routes import laid_out
from . import gather, sparse_matmul
from .cells import Cells, written
from .dense import LIBRARY, Tensor
from .operands import Difference, TorchOperand
from .sparse_matmul import ENTRIES
from .sparse_matmul import NAME as SPARSE

__all__ = ["NAME", "OF_ENTRIES", "ROUTE", "contracted", "structures"]

#: Of the form of rolled operands and differences.
NAME = "torch_structured"
#: Bytes of differences at a time; multiply-adds a second.
_BLOCK, _RATE = 16 << 20, 4e9
#: Elements that entries may be written out to.
_FEW = 1 << 16
_ROUTES, _AT_ENTRIES = array_routes(LIBRARY), (sparse_matmul.ROUTE, gather.ROUTE)


def structures(step: Step, name: str) -> list[int]:
    """Positions of operands of a structure."""
    return [i for i, op in enumerate(step.operands) if op.form == NAME and op.structure[0] == name]


def contracted(step: Step, *, inputs: tuple[str, ...] | None = None, output: str | None = None) -> Runner:
    """A step of dense tensors, of other labels where they are given."""
    inputs = step.inputs if inputs is None else inputs
    operands = tuple(
        op
        if op.form in ENTRIES
        else Operand(tuple(step.sizes[c] for c in own), step.dtype, (), LIBRARY.name, device=op.device)
        for own, op in zip(inputs, step.operands, strict=True)
    )
    inner = replace(
        step,
        inputs=inputs,
        output=step.output if output is None else output,
        operands=operands,
        form=LIBRARY.name,
        last=False,
    )
    some = any(op.form in ENTRIES for op in operands)
    return bind(decide(inner, Policy(), _AT_ENTRIES if some else _ROUTES))


def _as_tensor(x: Any, step: Step) -> Any:
    """An operand as a tensor of the dtype that is computed in; entries as they are."""
    if isinstance(x, Cells):
        return x
    return LIBRARY.cast(x.written() if isinstance(x, TorchOperand) else x, step.dtype)


def _cut(step: Step) -> tuple[tuple[int, ...], str] | None:
    """Differences that have one label of points first, along which they can be done in blocks."""
    found = structures(step, "pairwise_difference")
    first = {step.inputs[n][0] for n in found}
    if len(first) != 1 or any(op.form not in (LIBRARY.name, NAME) for op in step.operands):
        return None
    label = first.pop()
    others = [step.inputs[i] for i in structures(step, "rolled")]
    return (tuple(found), label) if not any(label in own for own in others) else None


def _verdict(step: Step) -> Offer | Refused:
    """Offer to write out whatever is structured, and entries of all operands that have them but one."""
    own = [i for i, op in enumerate(step.operands) if op.form == NAME]
    hot = _all_but_one(step)
    if sum(step.operands[i].size for i in hot) > _FEW:
        return Refused("more than one operand by its entries, too large to be written out")
    if not own and not hot:
        return Refused("nothing to write out")
    if step.form == SPARSE:
        return Refused("the result is sparse")
    flops = float(step.extent("".join(dict.fromkeys("".join(step.inputs)))))
    size = sum(step.operands[i].size for i in (*own, *hot)) * step.dtype.itemsize
    cut = _cut(step)
    block = 0
    if cut is not None:
        each = sum(step.operands[i].size for i in cut[0]) * step.dtype.itemsize // max(1, step.sizes[cut[1]])
        block = max(1, _BLOCK // max(each, 1))
        if block >= step.sizes[cut[1]]:
            block = 0
    moved = float(step.in_bytes + step.out_bytes + 4 * size)
    turns = -(-step.sizes[cut[1]] // block) if cut is not None and block else 1
    cost = Cost(flops, moved, 4 * LIBRARY.calls * turns, _RATE)
    note = f"written out, {block} points at a time" if block else "written out"
    return Offer(cost, step.output, (cut, block, hot), note)


def _all_but_one(step: Step) -> tuple[int, ...]:
    """Positions of operands by their entries, without the largest."""
    own = sorted(
        (i for i, op in enumerate(step.operands) if op.form in ENTRIES), key=lambda i: step.operands[i].size
    )
    return tuple(own[:-1])


def _bind(step: Step, offer: Offer) -> Runner:
    cut, block, hot = offer.recipe
    facts = tuple(
        replace(op, form=LIBRARY.name, nnz=None) if i in hot else op for i, op in enumerate(step.operands)
    )
    run = contracted(replace(step, operands=facts))

    def whole(*operands: Any, out: Any = None) -> Tensor:
        tensors = (written(x) if i in hot else _as_tensor(x, step) for i, x in enumerate(operands))
        made: Tensor = run(*tensors)
        return made

    return laid_out(LIBRARY, step, _some_at_a_time(step, cut, block) if block else whole)


def _some_at_a_time(step: Step, cut: tuple[tuple[int, ...], str], block: int) -> Runner:
    found, label = cut
    size = step.sizes[label]
    at = step.output.find(label)

    def part(operands: tuple[Any, ...], start: int) -> Tensor:
        length = min(block, size - start)
        run = contracted(replace(step, sizes={**step.sizes, label: length}))
        parts = []
        for i, (x, labels) in enumerate(zip(operands, step.inputs, strict=True)):
            if i in found and isinstance(x, Difference):
                one, other = x.points()
                made = one.narrow(0, start, length)[:, None, :] - other[None, :, :]
            else:
                made = _as_tensor(x, step)
                axis = labels.find(label)
                made = made if axis < 0 else made.narrow(axis, start, length)
            parts.append(LIBRARY.cast(made, step.dtype))
        result: Tensor = run(*parts)
        return result

    def run_parts(*operands: Any, out: Any = None) -> Tensor:
        made = [part(operands, start) for start in range(0, size, block)]
        if at >= 0:
            return torch.cat(made, at)
        total = made[0]
        for more in made[1:]:
            total = total | more if step.dtype.kind == "b" else total + more
        return total

    return run_parts


ROUTE = Route("torch_structured.written", _verdict, _bind)
#: The same in the forms of entries.
OF_ENTRIES = Route("torch_sparse.written", _verdict, _bind)
