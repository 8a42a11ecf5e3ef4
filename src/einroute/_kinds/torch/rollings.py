"""A rolled tensor with others: one rolling at a time, each a window of the tensor beside itself."""

from __future__ import annotations

from typing import Any

import torch

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import Offer, Refused, Route, Runner
from ..array_library.routes import laid_out
from .dense import LIBRARY, Tensor
from .operands import Rolled
from .written import contracted, structures

__all__ = ["ROUTE"]

#: Multiply-adds a second of products of matrices, and of other sums; calls of the library a turn.
_PRODUCTS, _LOOPS, _TURN = 8e9, 1e9, 3.0


def _verdict(step: Step) -> Offer | Refused:
    """Offer to take one rolling after the other, where there is one rolled tensor among dense ones."""
    found = structures(step, "rolled")
    if len(found) != 1 or any(
        op.form != LIBRARY.name for n, op in enumerate(step.operands) if n not in found
    ):
        return Refused("not one rolled tensor and dense ones")
    at = found[0]
    _, k, axis, _ = step.operands[at].structure
    labels = step.inputs[at]
    if not step.sizes[labels[axis]]:
        return Refused("nothing to roll")
    others = set("".join(x for n, x in enumerate(step.inputs) if n != at))
    summed = set(labels) & others - set(step.output) - {labels[axis + 1]}
    flops = float(step.extent("".join(dict.fromkeys("".join(step.inputs)))))
    added = 0 if labels[axis + 1] in step.output else (k - 1) * step.out_bytes * 2
    moved = float(step.in_bytes + step.out_bytes * 2 + added)
    cost = Cost(flops, moved, LIBRARY.calls * _TURN * k, _PRODUCTS if summed else _LOOPS)
    return Offer(cost, step.output, (at, axis), f"{k} rollings, one after the other")


def _bind(step: Step, offer: Offer) -> Runner:
    at, axis = offer.recipe
    _, k, _, by = step.operands[at].structure
    j = step.inputs[at][axis + 1]
    size = step.sizes[step.inputs[at][axis]]
    inputs = tuple(x.replace(j, "") for x in step.inputs)
    multiply = contracted(step, inputs=inputs, output=step.output.replace(j, ""))
    axes = [labels.find(j) for labels in step.inputs]
    place = step.output.find(j)

    def run(*operands: Any, out: Any = None) -> Tensor:
        rolled: Rolled = operands[at]
        base = LIBRARY.cast(rolled.base, step.dtype)
        beside = torch.cat([base, base], axis)
        made = []
        total: Any = None
        for n in range(k):
            parts = [
                beside.narrow(axis, by * n % size, size)
                if i == at
                else x
                if axes[i] < 0
                else x.select(axes[i], n)
                for i, x in enumerate(operands)
            ]
            result: Tensor = multiply(*parts)
            if place >= 0:
                made.append(result)
            elif total is None:
                total = result
            else:
                total = total | result if step.dtype.kind == "b" else total + result
        return torch.stack(made, place) if place >= 0 else total

    return laid_out(LIBRARY, step, run)


ROUTE = Route("torch_structured.rollings", _verdict, _bind)
