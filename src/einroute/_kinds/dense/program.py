"""A network of small arrays as a program: flat steps on one buffer, laid out once.

Intermediates and copies lie in one buffer, each where nothing alive is.  A step names a loop and where its
operands and its result lie; between steps there is nothing left to decide, so that they can be run by
anything that can multiply matrices in memory.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping, Sequence
from math import prod

from ..._base.records import dataclass
from .program_steps import Loop, Part, TooManyLabels, numbered, planned

__all__ = ["Op", "Program", "compiled"]

Path = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Op:
    """A step: a loop, and where each of its operands and then its result begins.

    Elements from the start of the buffer; ``-1 - i`` is operand ``i`` of the network.
    """

    loop: Loop
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """What a network's steps are.

    Attributes
    ----------
    ops : tuple of Op
    result : Part
        The result with the axes of the output.
    at : int
        Its place, as those of steps.
    given : tuple of int
        Elements of each operand.
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
    given: tuple[int, ...]
    size: int
    flops: float
    largest: int
    moved: int
    heavy: tuple[tuple[int, int], ...]


#: Steps that are remembered as those that take most.
_HEAVY = 10


#: Elements from which places are put together and cut again; smaller ones serve what is as long alone.
_LARGE = 1024


class _Memory:
    """Which elements of the buffer are taken: what was given back serves what comes."""

    def __init__(self) -> None:
        self.size = 0
        self._small: dict[int, list[int]] = {}
        self._large: list[tuple[int, int]] = []  # offsets and lengths, sorted, none beside another

    def take(self, length: int) -> int:
        if length >= _LARGE:
            return self._take_large(length)
        free = self._small.get(length)
        if free:
            return free.pop()
        return self._grown(self.size, length)

    def give_back(self, offset: int, length: int) -> None:
        if length < _LARGE:
            self._small.setdefault(length, []).append(offset)
            return
        i = bisect(self._large, (offset, length))
        if i < len(self._large) and self._large[i][0] == offset + length:
            length += self._large.pop(i)[1]
        if i and sum(self._large[i - 1]) == offset:
            i -= 1
            offset, before = self._large.pop(i)
            length += before
        self._large.insert(i, (offset, length))

    def _take_large(self, length: int) -> int:
        """The shortest place that is long enough; else what is free at the end, made longer."""
        enough = [(there, i) for i, (_, there) in enumerate(self._large) if there >= length]
        if enough:
            there, i = min(enough)
            offset = self._large[i][0]
            self._large[i : i + 1] = [(offset + length, there - length)] if there > length else []
            return offset
        if self._large and sum(self._large[-1]) == self.size:
            return self._grown(self._large.pop()[0], length)
        return self._grown(self.size, length)

    def _grown(self, offset: int, length: int) -> int:
        self.size = offset + length
        return offset


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
        self.inside = output  # what of it is longer than 1: the rest is the result's alone
        if 1 in sizes.values():
            short = {ord(c): "" for c, n in sizes.items() if n == 1}
            self.labels = [labels.translate(short) for labels in inputs]
            self.inside = output.translate(short)
        self.extents = [prod(map(sizes.__getitem__, labels)) for labels in inputs]
        self.places = [*range(-1, -1 - len(inputs), -1)]
        self.given = tuple(self.extents)
        self.memory = _Memory()
        self.ops: list[Op] = []
        self.costs: list[int] = []
        self.largest, self.moved = 1, 0

    def along(self, path: Path) -> Program:
        """The program."""
        followed = _followed(self.labels, self.inside, path)
        last = len(path) - 1
        for number, (chosen, kept, wanted) in enumerate(followed):
            self._step(chosen, kept, wanted, last=number == last)
        labels, reach = self.labels[-1], 1
        strides = {}
        for c in reversed(labels):
            strides[c] = reach
            reach *= self.sizes[c]
        shape = tuple([self.sizes[c] for c in self.output])
        result = Part(shape, tuple([strides.get(c, 0) for c in self.output]))
        heavy = sorted(((flops, -i) for i, flops in enumerate(self.costs)), reverse=True)[:_HEAVY]
        return Program(
            tuple(self.ops),
            result,
            self.places[-1],
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
            tuple(map(numbers.__getitem__, self.inside)) if last else None,
        )
        take = self.memory.take
        places = [self.places[i] for i in chosen]
        for stage in plan.stages:
            at = take(stage.extent)
            self.ops.append(Op(stage.loop, (*map(places.__getitem__, stage.reads), at)))
            places.append(at)
        give_back = self.memory.give_back
        if plan.stages:
            for i in chosen:
                if self.places[i] >= 0:
                    give_back(self.places[i], self.extents[i])
            for stage, at in zip(plan.stages[:-1], places[len(chosen) :], strict=False):
                give_back(at, stage.extent)
        own = [*numbers]
        self.labels.append("".join([own[c] for c in plan.layout]))
        self.places.append(places[-1])
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
