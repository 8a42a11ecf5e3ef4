"""What a contraction does with its differences: squared forms and linear ones, found from labels alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..._base.facts import Operand, Step, c_strides
from ..._base.rewrites import Contract, Inner, regular
from ..._base.routes import Refused

Array = np.ndarray[Any, Any]

#: The name of the kind.
NAME = "difference"


@dataclass(frozen=True, slots=True)
class Form:
    """Copies of one difference, a metric that acts on their features alone, and what is left.

    Attributes
    ----------
    at : tuple of int
        Positions of the copies: one of them (linear) or two (squared).
    i, j : str
        Labels of the two axes of points.
    features : str
        The feature label of each copy; they may be the same.
    metric : tuple of int
        Positions of the operands without `i` and `j` that hang together with the features.
    batch : str
        Labels of the metric that are not summed within it.
    rest : tuple of int
        Positions of the operands that meet the form.
    lone : str
        Labels of points that are summed before anything meets the form.
    """

    at: tuple[int, ...]
    i: str
    j: str
    features: str
    metric: tuple[int, ...]
    batch: str
    rest: tuple[int, ...]
    lone: str = ""

    @property
    def unique(self) -> str:
        """The feature labels, each once."""
        return "".join(dict.fromkeys(self.features))

    @property
    def made(self) -> str:
        """Labels of the form."""
        return self.batch + "".join(c for c in self.i + self.j if c not in self.lone)


def squared(step: Step) -> Form | Refused:
    """The squared form that a step is made of."""
    at = _copies(step)
    if len(at) != 2:
        return Refused("not a product of two copies of one difference")
    first, second = (step.inputs[p] for p in at)
    if step.operands[at[1]].alias != at[0]:
        return Refused("the two differences are not of the same points")
    if not all(regular(step, p) for p in at):
        return Refused("a label of the difference repeats or is broadcast")
    if first[:2] != second[:2]:
        return Refused("the copies of the difference are not of the same pairs")
    return _form(step, at, first[2] + second[2])


def linear(step: Step) -> Form | Refused:
    """The linear form that a step is made of."""
    at = _copies(step)
    if len(at) != 1:
        return Refused("not linear in one difference")
    if not regular(step, at[0]):
        return Refused("a label of the difference repeats or is broadcast")
    return _form(step, at, step.inputs[at[0]][2])


def summed(step: Step) -> Form | Refused:
    """The sum over points, on one side or both, that a step takes of one difference.

    Where the feature is kept, or weighted by points, it is a label of the batch and there is no metric.
    """
    found = linear(step)
    if isinstance(found, Refused):
        at = _copies(step)
        if len(at) != 1 or not regular(step, at[0]) or 0 in step.sizes.values():
            return found
        i, j, k = tuple(step.inputs[at[0]])
        rest = tuple(p for p in range(len(step.inputs)) if p not in at)
        found = Form(at, i, j, k, (), k, rest)
    met = set(step.output).union(*(step.inputs[p] for p in found.rest))
    lone = "".join(c for c in found.i + found.j if c not in met)
    if not lone:
        return Refused("neither side of the pairs is summed by itself")
    return replace(found, lone=lone)


def _copies(step: Step) -> tuple[int, ...]:
    return tuple(p for p, op in enumerate(step.operands) if op.form == NAME)


def _form(step: Step, at: tuple[int, ...], features: str) -> Form | Refused:
    i, j = tuple(step.inputs[at[0]][:2])
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
    if {i, j} & set(features):
        return Refused("a label of the difference repeats or is broadcast")
    others = [p for p in range(len(step.inputs)) if p not in at]
    metric = _hanging_together(step, others, features, i + j)
    rest = tuple(p for p in others if p not in metric)
    met = set(step.output).union(*(step.inputs[p] for p in rest))
    if met & set(features):
        return Refused("a feature is kept, or weighted by pairs")
    labels = dict.fromkeys("".join(step.inputs[p] for p in metric))
    batch = "".join(c for c in labels if c in met)
    return Form(at, i, j, features, metric, batch, rest)


def _hanging_together(step: Step, others: list[int], features: str, points: str) -> tuple[int, ...]:
    """Positions of the operands that are linked to the features by labels, none of them a label of points.

    Operands without labels are scale factors and belong to the metric too: it is smaller than the form.
    """
    found = {p for p in others if not step.inputs[p]}
    reached = set(features)
    while True:
        new = {
            p
            for p in others
            if p not in found and set(step.inputs[p]) & reached and not set(step.inputs[p]) & set(points)
        }
        if not new:
            return tuple(sorted(found))
        found |= new
        reached = reached.union(*(step.inputs[p] for p in new)) - set(step.output)


def made_facts(form: Form, step: Step) -> Operand:
    """Facts of the form once it is computed."""
    shape = tuple(step.sizes[c] for c in form.made)
    return Operand(shape, step.dtype, c_strides(shape, step.dtype.itemsize))


def inner(form: Form, step: Step) -> tuple[Inner, ...]:
    """What is left to contract: the metric's own operands, and the form with the rest."""
    found: list[Inner] = []
    if len(form.metric) > 1:
        inputs = tuple(step.inputs[p] for p in form.metric)
        there = "".join(c for c in form.batch + form.unique if c in "".join(inputs))
        found.append(Inner(inputs, there, tuple(step.operands[p] for p in form.metric)))
    if form.rest or set(step.output) != set(form.made):
        inputs = (form.made, *(step.inputs[p] for p in form.rest))
        operands = (made_facts(form, step), *(step.operands[p] for p in form.rest))
        found.append(Inner(inputs, step.output, operands, form=step.form))
    return tuple(found)


def metric_of(form: Form, step: Step, operands: tuple[Any, ...], contract: Contract) -> Array | None:
    """The operands of the metric as one array over ``form.batch + form.unique``; None if there are none."""
    if not form.metric:
        if len(form.unique) == 2:
            return np.ones([step.sizes[c] for c in form.unique], step.dtype)
        return None
    inputs = [step.inputs[p] for p in form.metric]
    given = [operands[p] for p in form.metric]
    for c in form.unique:  # that no operand has, or none in full
        inputs.append(c)
        given.append(np.ones(step.sizes[c], step.dtype))
    if len(form.metric) == 1 and inputs[0] == form.batch + form.unique and _full(given[0], inputs[0], step):
        del inputs[1:], given[1:]
    metric: Array = contract(tuple(inputs), form.batch + form.unique, tuple(given))
    return metric


def _full(operand: Any, labels: str, step: Step) -> bool:
    return tuple(operand.shape) == tuple(step.sizes[c] for c in labels)
