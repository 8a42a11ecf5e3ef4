"""Sums over pairs of one difference, or of two copies of it, weighed: found from labels alone."""

from __future__ import annotations

from dataclasses import dataclass

from ..._base.facts import Step
from ..._base.rewrites import regular
from ..._base.routes import Refused
from .form import NAME


@dataclass(frozen=True, slots=True)
class PairSum:
    """How a step is seen.

    Attributes
    ----------
    at : tuple of int
        Positions of the differences: one or two copies.
    rest : tuple of int
        Positions of the operands that weigh the pairs.
    kept : str
        The label of points that the output has; "" if it has none.
    turned : bool
        Whether that is the second one of the difference.
    points : str
        The label that is kept or is the first, and the other one.
    features : str
        Of each copy.
    """

    at: tuple[int, ...]
    rest: tuple[int, ...]
    kept: str
    turned: bool
    points: str
    features: str

    @property
    def square(self) -> bool:
        """Whether both copies have one feature label."""
        return len(self.features) == 2 and self.features[0] == self.features[1]


def pair_sum(step: Step) -> PairSum | Refused:
    """The sum over pairs that a step takes of its differences."""
    at = tuple(p for p, op in enumerate(step.operands) if op.form == NAME)
    if len(at) > 2 or not all(regular(step, p) for p in at):
        return Refused("more than two differences, or a label that repeats or is broadcast")
    i, j = tuple(step.inputs[at[0]][:2])
    if len(at) == 2 and (step.operands[at[1]].alias != at[0] or step.inputs[at[1]][:2] != i + j):
        return Refused("the two differences are not of the same pairs")
    features = "".join(step.inputs[p][2] for p in at)
    out = set(step.output)
    if {i, j} <= out or {i, j} & set(features):
        return Refused("the pairs are kept")
    rest = tuple(p for p in range(len(step.inputs)) if p not in at)
    weighing = set().union(*(step.inputs[p] for p in rest))
    if weighing != ({i, j} if rest else set()) or any(step.operands[p].form != "dense" for p in rest):
        return Refused("the other operands are no weights of the pairs")
    if not all(regular(step, p) for p in rest) or out - {i, j} - set(features):
        return Refused("a label repeats or is broadcast")
    kept = "".join(c for c in i + j if c in out)
    shown = set(features) & out
    found = PairSum(at, rest, kept, kept == j, j + i if kept == j else i + j, features)
    if len(at) == 1 and not shown:
        return Refused("a sum over features, which are summed before they meet pairs")
    if len(at) == 2 and not found.square and (kept or len(shown) < 2):
        return Refused("products of different features, summed over some of the points only")
    return found


def crosses(form: PairSum, step: Step) -> bool:
    """Whether different features are multiplied; a single one is squared."""
    return len(form.features) == 2 and not form.square and step.sizes[form.features[0]] > 1


def total(form: PairSum, step: Step) -> bool:
    """Whether squares are summed over their features."""
    return form.square and form.features[0] not in step.output
