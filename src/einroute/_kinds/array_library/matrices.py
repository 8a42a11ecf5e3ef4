"""A pair as stacks of matrices: which labels are rows, columns and sums, and by which views they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ..._base.facts import Step
from ..._base.routes import Runner
from .library import ArrayLibrary

__all__ = ["Matrices", "matrices_of"]


@dataclass(frozen=True, slots=True)
class Matrices:
    """The labels of a pair by their role, each group in one order for both operands and the result.

    Attributes
    ----------
    batch, summed, left, right : str
        Labels of both that are kept, of both that are summed, and those of either side.
    alone : tuple of str
        Labels of one operand that are summed before anything else.
    turned : tuple of bool
        Whether an operand's matrices come transposed: first its summed labels on the left, first its own on
        the right.
    copied : tuple of bool
        Whether an operand's labels are in an order that no view of a C-ordered array has.
    swapped : bool
        Whether the second operand is the one on the left, which saves transpositions.
    """

    batch: str
    summed: str
    left: str
    right: str
    alone: tuple[str, str]
    turned: tuple[bool, bool]
    copied: tuple[bool, bool]
    swapped: bool = False

    @property
    def made(self) -> str:
        """Labels of the product, before they are put in the output's order."""
        return self.batch + self.left + self.right

    @property
    def _flat(self) -> bool:
        """Whether the product has one axis for each label as it comes."""
        most = max(len(self.batch), len(self.left), len(self.right))
        return most <= 1 and (not self.batch or len(self.left) == len(self.right) == 1)

    def runner(self, library: ArrayLibrary, step: Step) -> Runner:
        """The product by a library's calls."""
        if self.swapped:
            straight = replace(self, swapped=False).runner(library, _swapped(step))
            return lambda x, y, out=None: straight(y, x)
        bring_a, bring_b = _Side(step, 0, self).bring(library), _Side(step, 1, self).bring(library)
        matmul = library.stacked if self.batch and library.stacked is not None else library.matmul
        reshape, transpose = library.reshape, library.transpose
        shape = tuple(step.sizes[c] for c in self.made)
        axes = tuple(self.made.index(c) for c in step.output)
        as_it_is = axes == tuple(range(len(axes)))
        flat = self._flat

        def run(x: Any, y: Any, out: Any = None) -> Any:
            made = matmul(bring_a(x), bring_b(y))
            if not flat:
                made = reshape(made, shape)
            return made if as_it_is else transpose(made, axes)

        return run


class _Side:
    """One operand of a product: from canonical to a stack of matrices, or to a vector without a stack."""

    def __init__(self, step: Step, side: int, m: Matrices) -> None:
        own = m.right if side else m.left
        labels = "".join(c for c in step.inputs[side] if c not in m.alone[side])
        groups = [m.summed, own] if bool(side) != m.turned[side] else [own, m.summed]
        vector = not m.batch and not own
        if vector:
            groups = [m.summed]
        order = m.batch + "".join(groups)
        lead = (step.extent(m.batch),) if m.batch else ()
        shape = (*lead, *(step.extent(group) for group in groups))
        last = len(shape) - 1
        self.alone = tuple(step.inputs[side].index(c) for c in m.alone[side])
        self.axes = tuple(labels.index(c) for c in order)
        self.turn = (*range(last - 1), last, last - 1) if m.turned[side] and not vector else None
        self.shape = None if shape == tuple(step.sizes[c] for c in order) else shape

    def bring(self, library: ArrayLibrary) -> Any:
        """What does that, by a library's calls."""
        calls: list[Any] = []
        if self.alone:
            calls.append(lambda x, add=library.sum, axes=self.alone: add(x, axes))
        if self.axes != tuple(range(len(self.axes))):
            calls.append(lambda x, transpose=library.transpose, axes=self.axes: transpose(x, axes))
        if self.shape is not None:
            calls.append(lambda x, reshape=library.reshape, shape=self.shape: reshape(x, shape))
        if self.turn is not None:
            calls.append(lambda x, transpose=library.transpose, axes=self.turn: transpose(x, axes))
        if not calls:
            return _as_it_is
        if len(calls) == 1:
            return calls[0]

        def bring(x: Any) -> Any:
            for call in calls:
                x = call(x)
            return x

        return bring


def _as_it_is(x: Any) -> Any:
    return x


def matrices_of(step: Step) -> Matrices:
    """The roles of a pair's labels, the operands swapped where that saves transpositions."""
    found = _as_given(step)
    turns = _turns(found, step)
    if turns:
        other = _as_given(_swapped(step))
        if _turns(other, step) < turns:
            return replace(other, swapped=True)
    return found


def _swapped(step: Step) -> Step:
    return replace(step, inputs=step.inputs[::-1], operands=step.operands[::-1])


def _turns(m: Matrices, step: Step) -> int:
    """Transpositions that a product takes."""
    return sum(m.turned) + (m.made != step.output)


def _as_given(step: Step) -> Matrices:
    """The roles of a pair's labels; groups are in the order of the larger operand."""
    a, b = step.inputs
    out = set(step.output)
    alone = tuple("".join(c for c in x if c not in y and c not in out) for x, y in ((a, b), (b, a)))
    large = a if step.extent(a) >= step.extent(b) else b
    both = [c for c in large if c in a and c in b]
    batch = "".join(c for c in both if c in out)
    summed = "".join(c for c in both if c not in out)
    left = "".join(c for c in a if c in out and c not in b)
    right = "".join(c for c in b if c in out and c not in a)
    turned = (_before(a, summed, left), _before(b, right, summed))
    orders = (
        batch + (summed + left if turned[0] else left + summed),
        batch + (right + summed if turned[1] else summed + right),
    )
    kept = ("".join(c for c in a if c not in alone[0]), "".join(c for c in b if c not in alone[1]))
    copied = (kept[0] != orders[0], kept[1] != orders[1])
    return Matrices(batch, summed, left, right, (alone[0], alone[1]), turned, copied)


def _before(labels: str, first: str, second: str) -> bool:
    """Whether one group of labels lies outside another in an operand."""
    return bool(first and second) and labels.index(first[0]) < labels.index(second[0])
