"""Which comes first: sums by class or tables of classes, before the rest of a contraction.

``tr,tx,xy->ry`` adds the rows ``tx`` up before it multiplies, ``tr,rx,xy->ty`` multiplies the table ``rx``
before it is looked up; each where classes are fewer than places.  What is left is planned again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Operand, Step, c_strides
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting, shortened_by
from ..._base.routes import Declined, Offer, Refused
from ..._native.finite import finite as array_finite
from .operand import OneHot
from .selection import Taken, take

#: Calls' worth of Python around both contractions: their plans are found, and the results looked at.
_CALLS = 10
_GUARD = "no sum overflows, and zeros of what is not there meet finite numbers only"


@dataclass(frozen=True, slots=True)
class Parts:
    """Operands that are contracted first, and what that gives.

    Attributes
    ----------
    first, then : tuple of int
        Positions of the operands of either contraction.
    made : str
        Labels of the first one's result.
    zeros : bool
        That may have zeros which stand for nothing: of classes without a place, or of a sparse operand.
    """

    first: tuple[int, ...]
    then: tuple[int, ...]
    made: str
    zeros: bool

    @classmethod
    def of(cls, step: Step, first: tuple[int, ...]) -> Parts:
        """Both parts of a step."""
        then = tuple(i for i in range(len(step.inputs)) if i not in first)
        wanted = step.output + "".join(step.inputs[i] for i in then)
        labels = dict.fromkeys("".join(step.inputs[i] for i in first))
        zeros = any(step.operands[i].form != "dense" for i in first)
        return cls(first, then, "".join(c for c in labels if c in wanted), zeros)

    def rewriting(self, step: Step, note: str) -> Rewriting:
        """The offer, with both contractions as facts."""
        shape = tuple(step.sizes[c] for c in self.made)
        made = Operand(shape, step.dtype, c_strides(shape, step.dtype.itemsize))
        inputs = step.inputs
        operands = [op if op.alias is None else replace(op, alias=None) for op in step.operands]
        inner = (
            Inner(tuple(inputs[i] for i in self.first), self.made, tuple(operands[i] for i in self.first)),
            Inner(
                (*(inputs[i] for i in self.then), self.made),
                step.output,
                (*(operands[i] for i in self.then), made),
            ),
        )
        looked_at = sum(operands[i].nbytes for i in self.then if operands[i].form == "dense")
        cost = Cost(bytes=float(step.out_bytes + looked_at), calls=_CALLS)
        return shortened_by(_run, step, Rewriting(Offer(cost, step.output, self, note), inner))


def _sum_verdict(step: Step) -> Rewriting | Refused:
    taken = take(step)
    if isinstance(taken, Refused):
        return taken
    rest = [i for i in range(len(step.inputs)) if i not in taken.away]
    rows = [i for i in rest if any(c in taken.places for c in step.inputs[i])]
    if len(rows) == len(rest):
        return Refused("every other operand has labels of the places")
    if all(c in step.output for c in taken.places):
        return Refused("no place is summed over")
    parts = Parts.of(step, tuple(sorted((*taken.away, *rows))))
    if not any(c in parts.made for c in taken.classes):
        return Refused("no class label is left after the places")
    what = ",".join(step.inputs[i] for i in rows) or "the places"
    return parts.rewriting(step, f"{what} added up by class first, as {parts.made}; then the rest")


def _table_verdict(step: Step) -> Rewriting | Refused:
    taken = take(step)
    if isinstance(taken, Refused):
        return taken
    table = _linked(step, taken)
    if not table:
        return Refused("no operand without places has a class label")
    parts = Parts.of(step, table)
    labels = set("".join(step.inputs[i] for i in table))
    if len(table) == 1 and labels == set(parts.made):
        return Refused("the table of classes is an operand as it is")
    return parts.rewriting(step, f"a table of classes first, as {parts.made}; then it is looked up")


def _linked(step: Step, taken: Taken) -> tuple[int, ...]:
    """Operands without places that share classes, or sums with such ones."""
    able = [
        i
        for i in range(len(step.inputs))
        if i not in taken.away and not any(c in taken.places for c in step.inputs[i])
    ]
    links = set(taken.classes)
    found: list[int] = []
    while True:
        more = [i for i in able if i not in found and links & set(step.inputs[i])]
        if not more:
            return tuple(sorted(found))
        found += more
        links |= {c for i in more for c in step.inputs[i] if c not in step.output}


def _run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any | Declined:
    parts: Parts = rewriting.offer.recipe
    floats = step.dtype.kind in "fc"
    then = tuple(operands[i] for i in parts.then)
    if floats and parts.zeros and not all(finite(x) for x in then):
        return Declined("an operand that would meet zeros of what is not there is not finite")
    second = rewriting.inner[1]
    made = contract.inner(0, tuple(operands[i] for i in parts.first))
    facts = second.operands[-1]
    if type(made) is np.ndarray and made.strides == facts.strides and made.dtype == facts.dtype:
        result = contract.inner(1, (*then, made))
    else:
        result = contract(second.inputs, second.output, (*then, made))
    if floats and not finite(result) and all(finite(operands[i]) for i in parts.first):
        return Declined("a sum or product overflowed")
    return result


def finite(x: Any) -> bool:
    """Whether all numbers of an operand are known to be finite; those of one-hots are."""
    if isinstance(x, OneHot):
        return True
    if not isinstance(x, np.ndarray):
        data = getattr(x, "data", None)  # of a sparse operand, where it holds its entries in one array
        return isinstance(data, np.ndarray) and data.dtype.kind in "biufc" and finite(data)
    if x.dtype.kind not in "fc":
        return True
    return array_finite(x)


SUM_FIRST = Rewrite("one_hot.sum_first", _sum_verdict, _run, _GUARD)
TABLE_FIRST = Rewrite("one_hot.table_first", _table_verdict, _run, _GUARD)
