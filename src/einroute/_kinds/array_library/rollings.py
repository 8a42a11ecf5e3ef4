"""A rolled operand with arrays: one rolling at a time, each a window of the array beside itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import Offer, Refused, Route, Runner
from .library import ArrayLibrary
from .operands import StructuredCalls, part
from .routes import laid_out
from .written import Written

__all__ = ["Rolling", "rolling_of", "rollings_route"]

#: Multiply-adds a second of products of matrices, and of other sums; calls of the library a turn.
_PRODUCTS, _LOOPS, _TURN = 8e9, 1e9, 3.0


@dataclass(frozen=True, slots=True)
class Rolling:
    """A rolled operand among the operands of a step.

    Attributes
    ----------
    at : int
        Its position.
    axis : int
        Where it is rolled.
    k, step : int
        How often, and by how much.
    i, j : str
        The labels of both axes.
    """

    at: int
    axis: int
    k: int
    step: int
    i: str
    j: str


def rolling_of(step: Step, found: list[int], library: ArrayLibrary) -> Rolling | Refused:
    """The one rolled operand among those at the positions found, where all others are dense."""
    if len(found) != 1 or any(
        op.form != library.name for n, op in enumerate(step.operands) if n not in found
    ):
        return Refused("not one rolled operand and dense ones")
    _, k, axis, by = step.operands[found[0]].structure
    labels = step.inputs[found[0]]
    if not step.sizes[labels[axis]]:
        return Refused("nothing to roll")
    return Rolling(found[0], axis, k, by, labels[axis], labels[axis + 1])


@dataclass(frozen=True, slots=True)
class _Rollings:
    """The way of a library."""

    calls: StructuredCalls
    written: Written

    def verdict(self, step: Step) -> Offer | Refused:
        """Offer to take one rolling after the other, where there is one rolled operand among dense ones."""
        library = self.calls.library
        found = rolling_of(step, self.written.structures(step, "rolled"), library)
        if isinstance(found, Refused):
            return found
        others = set("".join(x for n, x in enumerate(step.inputs) if n != found.at))
        summed = set(step.inputs[found.at]) & others - set(step.output) - {found.j}
        flops = float(step.extent("".join(dict.fromkeys("".join(step.inputs)))))
        added = 0 if found.j in step.output else (found.k - 1) * step.out_bytes * 2
        moved = float(step.in_bytes + step.out_bytes * 2 + added)
        cost = Cost(flops, moved, library.calls * _TURN * found.k, _PRODUCTS if summed else _LOOPS)
        return Offer(cost, step.output, found, f"{found.k} rollings, one after the other")

    def bind(self, step: Step, offer: Offer) -> Runner:
        """Settle the product of each turn."""
        found: Rolling = offer.recipe
        at, axis, k, by, j = found.at, found.axis, found.k, found.step, found.j
        size = step.sizes[found.i]
        inputs = tuple(x.replace(j, "") for x in step.inputs)
        multiply = self.written.contracted(step, inputs=inputs, output=step.output.replace(j, ""))
        axes = [labels.find(j) for labels in step.inputs]
        place = step.output.find(j)
        calls, library = self.calls, self.calls.library

        def run(*operands: Any, out: Any = None) -> Any:
            base = library.cast(operands[at].base, step.dtype)
            beside = calls.concatenate([base, base], axis)
            made = []
            total: Any = None
            for n in range(k):
                parts = [
                    part(beside, axis, by * n % size, size)
                    if i == at
                    else x
                    if axes[i] < 0
                    else x[(slice(None),) * axes[i] + (n,)]
                    for i, x in enumerate(operands)
                ]
                result = multiply(*parts)
                if place >= 0:
                    made.append(result)
                elif total is None:
                    total = result
                else:
                    total = total | result if step.dtype.kind == "b" else total + result
            return calls.stack(made, place) if place >= 0 else total

        return laid_out(library, step, library.placed(run))


def rollings_route(name: str, calls: StructuredCalls, written: Written) -> Route:
    """The route of that name."""
    way = _Rollings(calls, written)
    return Route(name, way.verdict, way.bind)
