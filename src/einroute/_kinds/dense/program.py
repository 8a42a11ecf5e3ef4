"""A network of small arrays as a program: flat steps on one buffer, laid out once.

Operands, intermediates and copies lie in one buffer, each where nothing alive is.  A step names a loop and
where its operands and its result lie; between steps there is nothing left to decide, so that they can be run
by anything that can multiply matrices in memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..._base.records import dataclass
from .program_steps import Loop, Part, TooManyLabels, numbered, planned

__all__ = ["Op", "Program", "compiled"]

Path = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Op:
    """A step: a loop, and where each of its operands and then its result begins, in elements."""

    loop: Loop
    offsets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """What a network's steps are.

    Attributes
    ----------
    ops : tuple of Op
    result : Part
        The result with the axes of the output.
    at : int
        Where it begins.
    given : int
        Elements of the operands, which lie at the start of the buffer one after the other, each in C order.
    size : int
        Elements of the buffer.
    flops : float
        Multiply-adds.
    largest : int
        Elements of the largest intermediate.
    moved : int
        Elements that are copied between steps.
    heavy : tuple of (int, int)
        The steps that take most: multiply-adds, and the number in the path.
    """

    ops: tuple[Op, ...]
    result: Part
    at: int
    given: int
    size: int
    flops: float
    largest: int
    moved: int
    heavy: tuple[tuple[int, int], ...]


#: Steps that are remembered as those that take most.
_HEAVY = 10


class _Memory:
    """Which elements of the buffer are taken: what was given back last serves what is as long."""

    def __init__(self, start: int) -> None:
        self.size = start
        self._free: dict[int, list[int]] = {}

    def take(self, length: int) -> int:
        free = self._free.get(length)
        if free:
            return free.pop()
        offset, self.size = self.size, self.size + length
        return offset

    def give_back(self, offset: int, length: int) -> None:
        self._free.setdefault(length, []).append(offset)


def compiled(inputs: Sequence[str], output: str, sizes: Mapping[str, int], path: Path) -> Program | None:
    """The program of a network along a path; None where a step has more labels than loops can have.

    Parameters
    ----------
    inputs : sequence of str
        Unique labels of each operand.
    sizes : mapping
        None of them 0.
    path : tuple of tuple of int
        Positions among the operands that are left.
    """
    try:
        return _Builder(inputs, output, sizes).along(path)
    except TooManyLabels:
        return None


class _Builder:
    """Steps put together one after the other."""

    def __init__(self, inputs: Sequence[str], output: str, sizes: Mapping[str, int]) -> None:
        self.output, self.sizes = output, sizes
        self.labels = list(inputs)  # of each tensor, in the order of its memory, by its number
        self.offsets: list[int] = []
        self.extents: list[int] = []
        start = 0
        for labels in inputs:
            extent = 1
            for c in labels:
                extent *= sizes[c]
            self.offsets.append(start)
            self.extents.append(extent)
            start += extent
        self.given = start
        self.memory = _Memory(start)
        self.ops: list[Op] = []
        self.costs: list[int] = []
        self.largest, self.moved = 1, 0

    def along(self, path: Path) -> Program:
        """The program."""
        followed = _followed(self.labels, self.output, path)
        last = len(path) - 1
        for number, (chosen, kept, wanted) in enumerate(followed):
            self._step(chosen, kept, wanted, last=number == last)
        labels, reach = self.labels[-1], 1
        strides = {}
        for c in reversed(labels):
            strides[c] = reach
            reach *= self.sizes[c]
        result = Part(tuple([self.sizes[c] for c in self.output]), tuple([strides[c] for c in self.output]))
        heavy = sorted(((flops, -i) for i, flops in enumerate(self.costs)), reverse=True)[:_HEAVY]
        return Program(
            tuple(self.ops),
            result,
            self.offsets[-1],
            self.given,
            self.memory.size,
            float(sum(self.costs)),
            self.largest,
            self.moved,
            tuple([(flops, -i) for flops, i in heavy]),
        )

    def _step(
        self, chosen: Sequence[int], kept: frozenset[str], wanted: frozenset[str] | None, *, last: bool
    ) -> None:
        sizes = self.sizes
        numbers, inputs = numbered([self.labels[i] for i in chosen])
        plan = planned(
            inputs,
            tuple(map(sizes.__getitem__, numbers)),
            tuple(map(kept.__contains__, numbers)),
            None if wanted is None else tuple(map(wanted.__contains__, numbers)),
            tuple(map(numbers.__getitem__, self.output)) if last else None,
        )
        take = self.memory.take
        places = [self.offsets[i] for i in chosen]
        for stage in plan.stages:
            at = take(stage.extent)
            self.ops.append(Op(stage.loop, (*map(places.__getitem__, stage.reads), at)))
            places.append(at)
        give_back = self.memory.give_back
        if plan.stages:
            for i in chosen:
                give_back(self.offsets[i], self.extents[i])
            for stage, at in zip(plan.stages[:-1], places[len(chosen) :], strict=False):
                give_back(at, stage.extent)
        own = [*numbers]
        self.labels.append("".join([own[c] for c in plan.layout]))
        self.offsets.append(places[-1])
        self.extents.append(plan.extent)
        self.largest = max(self.largest, plan.extent)
        self.moved += plan.moved
        self.costs.append(plan.flops)


def _followed(
    inputs: Sequence[str], output: str, path: Path
) -> list[tuple[list[int], frozenset[str], frozenset[str] | None]]:
    """For each step the tensors it takes, by number; the labels its result keeps; and those of the result
    that the step which takes it sums, where that is a pair's.
    """
    holders = dict.fromkeys(output, 1)
    for labels in inputs:
        for c in labels:
            holders[c] = holders.get(c, 0) + 1
    first = len(inputs)
    there = list(range(first))
    sets = [frozenset(labels) for labels in inputs]
    chosen, kept = [], []
    wanted: list[frozenset[str] | None] = [None] * len(path)
    for positions in path:
        numbers = [there[i] for i in positions]
        for i in sorted(positions, reverse=True):
            del there[i]
        several = len(numbers) != 2
        if several:
            for number in numbers:
                for c in sets[number]:
                    holders[c] -= 1
            together = sets[numbers[0]].union(*[sets[i] for i in numbers[1:]])
            summed = frozenset([c for c in together if not holders[c]])
            for c in together - summed:
                holders[c] += 1
        else:
            a, b = sets[numbers[0]], sets[numbers[1]]
            together, shared = a | b, a & b
            summed = frozenset([c for c in shared if holders[c] == 2])
            alone = [c for c in a ^ b if holders[c] == 1]
            for c in shared:
                holders[c] -= 1
            if alone:
                summed = summed.union(alone)
            for number in numbers:
                if number >= first:
                    wanted[number - first] = summed
        left = together - summed
        there.append(len(sets))
        sets.append(left)
        chosen.append(numbers)
        kept.append(left)
    return list(zip(chosen, kept, wanted, strict=True))
