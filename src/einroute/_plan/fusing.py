"""Labels that travel together as one, where a contraction has more than loops have letters for.

Labels that are in the same operands, and all or none of them in the output, are one label for every step;
those of length 1 are none.  Operands are reshaped before the first step and the result after the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import prod

from .._base.facts import DENSE, Operand, c_strides
from .._base.records import dataclass
from .plans import Fused, Problem, Reshaped

__all__ = ["LETTERS", "fused"]

#: Labels that NumPy's einsum has letters for.
LETTERS = 52


@dataclass(frozen=True, slots=True)
class _Group:
    """Labels that are one: the first stands for all."""

    labels: str

    @property
    def name(self) -> str:
        return self.labels[0]


def fused(problem: Problem, apart: str = "") -> tuple[Problem, Fused] | None:
    """The problem with fewer labels, and how arrays are brought there and back; None where that is the same.

    The labels ``apart`` stay what they are.

    Examples
    --------
    >>> import numpy as np
    >>> a = Operand((2, 3, 5), np.dtype(float), (120, 40, 8))
    >>> b = Operand((5, 2, 3), np.dtype(float), (48, 24, 8))
    >>> found, _ = fused(Problem(("abc", "cab"), "c", {"a": 2, "b": 3, "c": 5}, (a, b), np.dtype(float), "K"))
    >>> found.inputs, found.output, found.sizes
    (('ac', 'ca'), 'c', {'c': 5, 'a': 6})
    """
    if any(op.form != DENSE for op in problem.facts) or problem.form != DENSE:
        return None
    groups = _groups(problem, apart)
    if len(groups) == len(problem.sizes):
        return None
    of = {c: group for group in groups for c in group.labels}
    sizes = {group.name: prod(problem.sizes[c] for c in group.labels) for group in groups}
    inputs, facts, reshaped = [], [], []
    for labels, op in zip(problem.inputs, problem.facts, strict=True):
        own = list(dict.fromkeys(of[c] for c in labels if c in of))
        order = "".join(group.labels for group in own)
        shape = tuple(sizes[group.name] for group in own)
        inputs.append("".join(group.name for group in own))
        facts.append(_reshaped_facts(labels, op, own, shape))
        # Axes of length 1 go first: the order of the others is all that is asked for.
        axes = tuple([i for i, c in enumerate(labels) if c not in of] + [labels.index(c) for c in order])
        same = shape == op.shape and axes == tuple(range(len(axes)))
        reshaped.append(None if same else Reshaped(axes, shape))
    made = list(dict.fromkeys(of[c] for c in problem.output if c in of))
    order = "".join(group.labels for group in made)
    back = Fused(
        tuple(reshaped),
        tuple(problem.sizes[c] for c in order),
        tuple(order.index(c) for c in problem.output if c in of),
        tuple(problem.sizes[c] for c in problem.output),
    )
    output = "".join(group.name for group in made)
    uncut = frozenset(group.name for group in groups if not problem.uncut.isdisjoint(group.labels))
    small = replace(
        problem, inputs=tuple(inputs), output=output, sizes=sizes, facts=tuple(facts), order="K", uncut=uncut
    )
    return small, back


def _groups(problem: Problem, apart: str) -> list[_Group]:
    """Labels longer than 1 by where they are; in each group in the order of the output, or of an operand."""
    where: dict[str, list[int]] = {}
    for number, labels in enumerate((problem.output, *problem.inputs)):
        for c in labels:
            where.setdefault(c, []).append(number)
    together: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for c, numbers in where.items():
        if problem.sizes[c] != 1:
            own = c if c in apart else ""
            together.setdefault((own, tuple(numbers)), []).append(c)
    return [_Group("".join(labels)) for labels in together.values()]


def _reshaped_facts(labels: str, op: Operand, groups: Sequence[_Group], shape: tuple[int, ...]) -> Operand:
    """Facts of an operand after it: it is a view where the axes of each group follow each other."""
    by = dict(zip(labels, zip(op.shape, op.strides, strict=True), strict=True))
    strides = []
    for group in groups:
        axes = [by[c] for c in group.labels]
        for (_, outer), (size, inner) in pairwise(axes):
            if outer != inner * size:
                return Operand(shape, op.dtype, c_strides(shape, op.dtype.itemsize))
        strides.append(axes[-1][1])
    return Operand(shape, op.dtype, tuple(strides))
