"""Which operand of a step a rewrite takes away, and by which labels it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..._base.facts import Operand, Step
from .extension import Rolling

NAME = "rolled"


@dataclass(frozen=True, slots=True)
class Where:
    """The first rolled operand of a step.

    Attributes
    ----------
    at : int
        Its position.
    i, j : str
        Labels of the axis that is rolled, and of the rollings.
    rolling : Rolling
    """

    at: int
    i: str
    j: str
    rolling: Rolling

    @classmethod
    def of(cls, step: Step) -> Where:
        """Found in a step that has one."""
        at = next(n for n, op in enumerate(step.operands) if op.form == NAME)
        rolling: Rolling = step.operands[at].structure
        labels, axis = step.inputs[at], rolling.axis
        return cls(at, labels[axis], labels[axis + 1], rolling)

    def operand(self, step: Step) -> Operand:
        """Its facts."""
        return step.operands[self.at]


def replaced(values: tuple[Any, ...], at: int, new: Any) -> tuple[Any, ...]:
    """The same values with another one in one place."""
    return (*values[:at], new, *values[at + 1 :])


def others_bytes(step: Step, at: int) -> int:
    """Bytes of the result, and of the memory under all operands but one and those that take none."""
    return step.out_bytes + sum(
        min(op.nbytes, op.span) for n, op in enumerate(step.operands) if n != at and op.structure is None
    )
