"""One step of a network's program: which loops do it, on operands that lie in one buffer.

A pair with contracted labels is a GEMM of both as they lie if these end or begin either; else one is copied
first.  The groups of the result are put as the step that takes it wants them.  What is decided depends on
shapes and on which labels are the same alone, so that steps that are alike are decided once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from ..._base.records import dataclass

__all__ = ["Loop", "Part", "Stage", "StepPlan", "TooManyLabels", "planned"]

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


class TooManyLabels(Exception):
    """A step that NumPy's einsum would have to do has more labels than there are letters."""


@dataclass(frozen=True, slots=True)
class Part:
    """How an operand or a result is seen in its place: shape, and strides in elements."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Loop:
    """What is done with operands, wherever they lie.

    Attributes
    ----------
    name : {"dot", "matmul", "multiply", "copy", "sum", "einsum"}
        "dot" and "matmul" take (m, k) and (k, n) to (m, n), the latter in batches; "multiply" broadcasts;
        "sum" adds up ``axes`` of one operand; "einsum" obeys ``text``.
    inputs : tuple of Part
    output : Part
        C-ordered.
    """

    name: str
    inputs: tuple[Part, ...]
    output: Part
    axes: tuple[int, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """A loop within a step: the tensors it reads, by their numbers there, and how many elements it makes.

    The operands are numbered first, then what the stages make, in turn.
    """

    loop: Loop
    reads: tuple[int, ...]
    extent: int


@dataclass(frozen=True, slots=True, eq=False)
class StepPlan:
    """A step.

    Attributes
    ----------
    stages : tuple of Stage
        The last makes the result; none where that is the operand as it is.
    layout : tuple of int
        The result's labels in the order of its memory, by their numbers among the operands'.
    flops, moved : multiply-adds, and elements that are copied
    extent : int
        Of the result.
    """

    stages: tuple[Stage, ...]
    layout: tuple[int, ...]
    flops: int
    moved: int
    extent: int


@lru_cache(8192)
def planned(
    inputs: tuple[tuple[int, ...], ...],
    sizes: tuple[int, ...],
    kept: tuple[bool, ...],
    wanted: tuple[bool, ...] | None,
    output: tuple[int, ...] | None,
) -> StepPlan:
    """The loops of a step.

    Parameters
    ----------
    inputs : tuple of tuple of int
        The labels of each operand in the order of its memory; labels are numbered as they first appear.
    sizes : tuple of int
        By the labels' numbers, as are the next two.
    kept : tuple of bool
        Whether the result has the label.
    wanted : tuple of bool or None
        Whether the step that takes the result sums the label.
    output : tuple of int or None
        The order in which the last result is wanted.

    Raises
    ------
    TooManyLabels
    """
    return _Step(inputs, sizes, kept, wanted, output).plan()


Labels = tuple[int, ...]


class _Step:
    """A step being decided."""

    def __init__(
        self,
        inputs: tuple[Labels, ...],
        sizes: tuple[int, ...],
        kept: tuple[bool, ...],
        wanted: tuple[bool, ...] | None,
        output: Labels | None,
    ) -> None:
        self.inputs, self.sizes, self.kept, self.wanted, self.output = inputs, sizes, kept, wanted, output
        self.stages: list[Stage] = []
        self.flops = self.moved = 0

    def plan(self) -> StepPlan:
        """The loops."""
        if len(self.inputs) == 2:
            layout = self._pair()
        elif len(self.inputs) == 1:
            _, layout = self._summed(0, self.inputs[0], ())
        else:
            layout = self._several()
        extent = self._extent(layout)
        return StepPlan(tuple(self.stages), layout, self.flops, self.moved, extent)

    def _extent(self, labels: Labels) -> int:
        found = 1
        for c in labels:
            found *= self.sizes[c]
        return found

    def _part(self, labels: Labels, wanted: Labels) -> Part:
        """A tensor with its axes in the order wanted; along a label that it lacks every entry is the same."""
        strides, reach = {}, 1
        for c in reversed(labels):
            strides[c] = reach
            reach *= self.sizes[c]
        return Part(tuple([self.sizes[c] for c in wanted]), tuple([strides.get(c, 0) for c in wanted]))

    def _add(self, loop: Loop, reads: tuple[int, ...], made: Labels) -> int:
        """One more stage; the number of what it makes."""
        self.stages.append(Stage(loop, reads, self._extent(made)))
        return len(self.inputs) + len(self.stages) - 1

    def _copied(self, number: int, labels: Labels, wanted: Labels) -> int:
        loop = Loop("copy", (self._part(labels, wanted),), self._part(wanted, wanted))
        self.moved += self._extent(wanted)
        return self._add(loop, (number,), wanted)

    def _summed(self, number: int, labels: Labels, others: Labels) -> tuple[int, Labels]:
        """Without the labels that are neither kept nor another operand's."""
        left = tuple([c for c in labels if self.kept[c] or c in others])
        if left == labels:
            return number, labels
        axes = tuple([i for i, c in enumerate(labels) if c not in left])
        self.flops += self._extent(labels)
        loop = Loop("sum", (self._part(labels, labels),), self._part(left, left), axes)
        return self._add(loop, (number,), left), left

    def _several(self) -> Labels:
        used = range(len(self.sizes))
        if len(used) > len(_LETTERS):
            raise TooManyLabels
        left = self.output or tuple([c for c in used if self.kept[c]])
        terms = ["".join([_LETTERS[c] for c in labels]) for labels in (*self.inputs, left)]
        text = ",".join(terms[:-1]) + "->" + terms[-1]
        parts = tuple([self._part(labels, labels) for labels in self.inputs])
        self.flops += self._extent(tuple(used))
        self._add(Loop("einsum", parts, self._part(left, left), text=text), tuple(range(len(parts))), left)
        return left

    def _pair(self) -> Labels:
        a, b = self.inputs
        at_a, a = self._summed(0, a, b)
        at_b, b = self._summed(1, b, a)
        shared = set(a).intersection(b)
        batch = tuple([c for c in a if c in shared and self.kept[c]])
        contracted = tuple([c for c in a if c in shared and not self.kept[c]])
        m, n = tuple([c for c in a if c not in shared]), tuple([c for c in b if c not in shared])
        if not contracted:
            return self._multiplied(at_a, a, at_b, b, batch + m + n)
        k = _order_of(a, b, batch, contracted)
        at_a, turned_a, m = self._matrix(at_a, a, batch, k, m)
        at_b, turned_b, n = self._matrix(at_b, b, batch, k, n)
        if self._wants_swapped(batch, m, n):
            at_a, at_b, turned_a, turned_b, m, n = at_b, at_a, turned_b, turned_a, n, m
        count, rows = self._extent(batch), self._extent(m)
        columns, depth = self._extent(n), self._extent(k)
        self.flops += count * rows * columns * depth
        several = count if batch else 0
        parts = (
            _matrices(several, rows, depth, turned=turned_a),
            _matrices(several, depth, columns, turned=not turned_b),
        )
        loop = Loop("matmul" if batch else "dot", parts, _matrices(several, rows, columns, turned=False))
        self._add(loop, (at_a, at_b), batch + m + n)
        return batch + m + n

    def _matrix(
        self, number: int, labels: Labels, batch: Labels, k: Labels, free: Labels
    ) -> tuple[int, bool, Labels]:
        """An operand as (batch, free, k) or, turned, (batch, k, free); and the order of its free labels."""
        if labels[: len(batch)] == batch:
            rest = labels[len(batch) :]
            if rest[len(rest) - len(k) :] == k:
                return number, False, rest[: len(rest) - len(k)]
            if rest[: len(k)] == k:
                return number, True, rest[len(k) :]
        return self._copied(number, labels, batch + free + k), False, free

    def _wants_swapped(self, batch: Labels, left: Labels, right: Labels) -> bool:
        """Whether the groups of the result had better lie the other way round."""
        if not left or not right:
            return False
        if self.output is not None:
            return self.output == batch + right + left
        if self.wanted is None:
            return False
        return not self._at_an_end(left + right) and self._at_an_end(right + left)

    def _at_an_end(self, labels: Labels) -> bool:
        """Whether the labels that are summed next stand together at either end."""
        assert self.wanted is not None
        flags = [self.wanted[c] for c in labels]
        count = sum(flags)
        return all(flags[:count]) or all(flags[len(flags) - count :])

    def _multiplied(self, at_a: int, a: Labels, at_b: int, b: Labels, made: Labels) -> Labels:
        made = made if self.output is None else self.output
        self.flops += self._extent(made)
        loop = Loop("multiply", (self._part(a, made), self._part(b, made)), self._part(made, made))
        self._add(loop, (at_a, at_b), made)
        return made


def _order_of(a: Labels, b: Labels, batch: Labels, contracted: Labels) -> Labels:
    """The order of the contracted labels in which the fewest operands are copied, the larger one last."""
    k, named = len(contracted), set(contracted)
    for labels in (a, b) if len(a) >= len(b) else (b, a):
        if labels[: len(batch)] == batch:
            rest = labels[len(batch) :]
            for group in (rest[len(rest) - k :], rest[:k]):
                if set(group) == named:
                    return group
    return tuple([c for c in b if c in named])


def _matrices(count: int, rows: int, columns: int, *, turned: bool) -> Part:
    """A matrix, or ``count`` one after the other, of which turned ones lie the other way round."""
    strides = (1, rows) if turned else (columns, 1)
    if not count:
        return Part((rows, columns), strides)
    return Part((count, rows, columns), (rows * columns, *strides))


def numbered(inputs: Sequence[str]) -> tuple[dict[str, int], tuple[Labels, ...]]:
    """Labels by numbers, as they first appear."""
    numbers: dict[str, int] = {}
    for labels in inputs:
        for c in labels:
            if c not in numbers:
                numbers[c] = len(numbers)
    get = numbers.__getitem__
    return numbers, tuple([tuple(map(get, labels)) for labels in inputs])
