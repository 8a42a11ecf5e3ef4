"""Which one-hot operands of a contraction are taken away together.

In ``tr,tc,tx->rcx`` both one-hots say something of the same places ``t``, so one pass over these does for
both.  The places are the labels of the label arrays, a class label is that of an operand's last axis.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..._base.facts import Step
from ..._base.rewrites import regular
from ..._base.routes import Refused


@dataclass(frozen=True, slots=True)
class Taken:
    """One-hots whose places are among those of the first.

    Attributes
    ----------
    positions : tuple of int
        Of the operands in the step, the first one's first.
    inputs : tuple of str
        Each one's places.
    places : str
        Those of the first.
    classes : tuple of str
        Each one's class label; one that occurs twice asks for equal labels.
    also : tuple of int
        Operands that are the same as one of these, under the same labels.
    """

    positions: tuple[int, ...]
    inputs: tuple[str, ...]
    places: str
    classes: tuple[str, ...]
    also: tuple[int, ...] = ()

    @property
    def repeats(self) -> bool:
        """Whether two of them share a class label."""
        return len(set(self.classes)) < len(self.classes)

    @property
    def away(self) -> tuple[int, ...]:
        """All positions that are taken away."""
        return self.positions + self.also


def take(step: Step) -> Taken | Refused:
    """The one-hots with the most places, and those that go along; from facts alone."""
    if step.form != "dense":
        return Refused("the result is sparse")
    hots = [i for i, op in enumerate(step.operands) if op.form == "one_hot"]
    if not all(regular(step, i) for i in hots):
        return Refused("labels of a one_hot repeat, or an axis of it is broadcast")
    ends = {step.inputs[i][-1] for i in hots}
    free = [i for i in hots if not ends & set(step.inputs[i][:-1])]
    if not free:
        return Refused("the places of every one_hot are classes of another")
    first = max(free, key=lambda i: (step.extent(step.inputs[i][:-1]), -i))
    places = step.inputs[first][:-1]
    positions, also = [first], list[int]()
    for i in hots:
        op = step.operands[i]
        if i == first or not set(step.inputs[i][:-1]) <= set(places):
            continue
        same = [j for j in positions if step.inputs[j] == step.inputs[i] and _one(j, step) == _one(i, step)]
        (also if same and op.shape == step.operands[same[0]].shape else positions).append(i)
    return Taken(
        tuple(positions),
        tuple(step.inputs[i][:-1] for i in positions),
        places,
        tuple(step.inputs[i][-1] for i in positions),
        tuple(also),
    )


def _one(position: int, step: Step) -> int:
    """The first position of the same operand."""
    alias = step.operands[position].alias
    return position if alias is None else alias
