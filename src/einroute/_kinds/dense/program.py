"""A network of small arrays as a program: flat steps on one buffer, laid out once.

Operands, intermediates and copies lie in one buffer, each in as much of it as nothing alive is in.  A step
names a loop, where its operands and its result lie, with shapes and strides; between steps there is nothing
left to decide, so that the steps can be run by anything that can multiply matrices in memory.

A pair with a contracted label is a GEMM of both as they lie if that label's group ends or begins either; else
one is copied first.  The result's groups are put where the step that takes it wants them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod

from ..._base.records import dataclass

__all__ = ["Op", "Program", "View", "compiled"]

Path = tuple[tuple[int, ...], ...]
Sizes = Mapping[str, int]
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class View:
    """A part of the buffer; offset and strides count elements."""

    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Op:
    """A step.

    Attributes
    ----------
    loop : {"dot", "matmul", "multiply", "copy", "sum", "einsum"}
        "dot" and "matmul" take (m, k) and (k, n) to (m, n), the latter in batches; "multiply" broadcasts; "sum"
        adds up the axes ``axes`` of one operand; "einsum" obeys ``text``.
    inputs : tuple of View
    output : View
        C-ordered but for "copy" and "multiply".
    """

    loop: str
    inputs: tuple[View, ...]
    output: View
    axes: tuple[int, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """What a network's steps are.

    Attributes
    ----------
    ops : tuple of Op
    result : View
        With the axes of the output.
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
    """

    ops: tuple[Op, ...]
    result: View
    given: int
    size: int
    flops: float
    largest: int
    moved: int


def compiled(inputs: Sequence[str], output: str, sizes: Sizes, path: Path) -> Program | None:
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
    build = _Builder(inputs, output, sizes, path)
    try:
        for number in range(len(path)):
            build.step(number)
    except _TooManyLabels:
        return None
    return build.finished()


class _TooManyLabels(Exception):
    """A step that NumPy's einsum would have to do has more labels than there are letters."""


class _Memory:
    """Which elements of the buffer are taken: the lowest gap that is large enough is given out."""

    def __init__(self, start: int) -> None:
        self.size = start
        self._free: list[tuple[int, int]] = []  # (offset, length), in order, none touching the next

    def take(self, length: int) -> int:
        free = self._free
        for i, (offset, gap) in enumerate(free):
            if gap >= length:
                if gap == length:
                    del free[i]
                else:
                    free[i] = (offset + length, gap - length)
                return offset
        if free and sum(free[-1]) == self.size:  # the last gap reaches to the end, and is widened
            offset, _ = free.pop()
        else:
            offset = self.size
        self.size = offset + length
        return offset

    def give_back(self, offset: int, length: int) -> None:
        free = self._free
        low, high = 0, len(free)
        while low < high:
            middle = (low + high) // 2
            if free[middle][0] < offset:
                low = middle + 1
            else:
                high = middle
        if low < len(free) and offset + length == free[low][0]:
            length += free[low][1]
            del free[low]
        if low and sum(free[low - 1]) == offset:
            before = free[low - 1]
            free[low - 1] = (before[0], before[1] + length)
        else:
            free.insert(low, (offset, length))


class _Builder:
    """Steps put together one after the other."""

    def __init__(self, inputs: Sequence[str], output: str, sizes: Sizes, path: Path) -> None:
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
        self.chosen, self.kept, self.partner = _followed(inputs, output, path)
        self.ops: list[Op] = []
        self.scratch: list[tuple[int, int]] = []  # of the step at work
        self.flops, self.largest, self.moved = 0.0, 1, 0

    def extent(self, labels: str) -> int:
        """Product of the labels' sizes."""
        sizes, found = self.sizes, 1
        for c in labels:
            found *= sizes[c]
        return found

    def step(self, number: int) -> None:
        """One step of the path."""
        numbers = self.chosen[number]
        kept = self.kept[number]
        last = number == len(self.chosen) - 1
        if len(numbers) == 2:
            made = self._pair(numbers[0], numbers[1], kept, self.output if last else "", number)
        elif len(numbers) == 1:
            made = self._alone(numbers[0], kept)
        else:
            made = self._several(numbers, kept)
        labels, offset, extent = made
        self.largest = max(self.largest, extent)
        for i in numbers:
            if self.offsets[i] != offset or len(numbers) > 1:
                self.memory.give_back(self.offsets[i], self.extents[i])
        for place, length in self.scratch:
            self.memory.give_back(place, length)
        self.scratch.clear()
        self.labels.append(labels)
        self.offsets.append(offset)
        self.extents.append(extent)

    def finished(self) -> Program:
        """The program."""
        strides = self._strides(self.labels[-1])
        shape = tuple([self.sizes[c] for c in self.output])
        result = View(self.offsets[-1], shape, tuple([strides[c] for c in self.output]))
        return Program(
            tuple(self.ops), result, self.given, self.memory.size, self.flops, self.largest, self.moved
        )

    def _strides(self, labels: str) -> dict[str, int]:
        found, reach = {}, 1
        for c in reversed(labels):
            found[c] = reach
            reach *= self.sizes[c]
        return found

    def _view(self, labels: str, offset: int, wanted: str) -> View:
        """A tensor with its axes in the order wanted; of a label that it lacks every entry is the same."""
        strides, sizes = self._strides(labels), self.sizes
        return View(offset, tuple([sizes[c] for c in wanted]), tuple([strides.get(c, 0) for c in wanted]))

    def _temporary(self, extent: int) -> int:
        place = self.memory.take(extent)
        self.scratch.append((place, extent))
        return place

    def _copied(self, labels: str, offset: int, wanted: str) -> int:
        """Where a copy lies whose memory has the order wanted."""
        extent = self.extent(wanted)
        place = self._temporary(extent)
        self.ops.append(
            Op("copy", (self._view(labels, offset, wanted),), self._view(wanted, place, wanted))
        )
        self.moved += extent
        return place

    def _summed(self, labels: str, offset: int, kept: str) -> int:
        """Where the sums over the other labels lie."""
        place = self._temporary(self.extent(kept))
        axes = tuple([i for i, c in enumerate(labels) if c not in kept])
        self.ops.append(
            Op("sum", (self._view(labels, offset, labels),), self._view(kept, place, kept), axes)
        )
        self.flops += self.extent(labels)
        return place

    def _alone(self, number: int, kept: frozenset[str]) -> tuple[str, int, int]:
        labels, offset = self.labels[number], self.offsets[number]
        left = "".join([c for c in labels if c in kept])
        if left == labels:
            return labels, offset, self.extents[number]
        place = self._summed(labels, offset, left)
        self.scratch.pop()  # it stays
        return left, place, self.extent(left)

    def _several(self, numbers: Sequence[int], kept: frozenset[str]) -> tuple[str, int, int]:
        inputs = [self.labels[i] for i in numbers]
        left = "".join([c for c in dict.fromkeys("".join(inputs)) if c in kept])
        letters = dict(zip(dict.fromkeys("".join(inputs)), _LETTERS, strict=False))
        try:
            text = ",".join(["".join([letters[c] for c in labels]) for labels in inputs])
        except KeyError:
            raise _TooManyLabels from None
        text += "->" + "".join([letters[c] for c in left])
        extent = self.extent(left)
        place = self.memory.take(extent)
        views = tuple([self._view(self.labels[i], self.offsets[i], self.labels[i]) for i in numbers])
        self.ops.append(Op("einsum", views, self._view(left, place, left), text=text))
        self.flops += self.extent("".join(letters))
        return left, place, extent

    def _pair(
        self, first: int, second: int, kept: frozenset[str], output: str, number: int
    ) -> tuple[str, int, int]:
        a, b = self.labels[first], self.labels[second]
        at_a, at_b = self.offsets[first], self.offsets[second]
        in_b = set(b)
        alone = [c for c in a if c not in kept and c not in in_b]
        if alone:
            left = "".join([c for c in a if c not in alone])
            at_a, a = self._summed(a, at_a, left), left
        in_a = set(a)
        alone = [c for c in b if c not in kept and c not in in_a]
        if alone:
            left = "".join([c for c in b if c not in alone])
            at_b, b = self._summed(b, at_b, left), left
        batch = contracted = m = ""
        for c in a:
            if c not in in_b:
                m += c
            elif c in kept:
                batch += c
            else:
                contracted += c
        n = "".join([c for c in b if c not in in_a])
        if not contracted:
            return self._multiplied(a, at_a, b, at_b, batch + m + n, output)
        rows, columns, depth = self.extent(m), self.extent(n), self.extent(contracted)
        count = self.extent(batch)
        self.flops += float(rows) * columns * depth * count
        place, extent = self.memory.take(count * rows * columns), count * rows * columns
        k = _order_of(a, b, batch, contracted)
        at_a, a_turned, a_free = self._matrix(a, at_a, batch, k, m)
        at_b, b_turned, b_free = self._matrix(b, at_b, batch, k, n)
        swapped = self._wants_swapped(batch, a_free, b_free, output, number)
        if swapped:
            at_a, at_b, a_turned, b_turned = at_b, at_a, b_turned, a_turned
            rows, columns, a_free, b_free = columns, rows, b_free, a_free
        left_view = _matrix_view(at_a, count, rows, depth, turned=a_turned, batched=bool(batch))
        right_view = _matrix_view(at_b, count, depth, columns, turned=not b_turned, batched=bool(batch))
        made = _matrix_view(place, count, rows, columns, turned=False, batched=bool(batch))
        self.ops.append(Op("matmul" if batch else "dot", (left_view, right_view), made))
        return batch + a_free + b_free, place, extent

    def _matrix(self, labels: str, offset: int, batch: str, k: str, free: str) -> tuple[int, bool, str]:
        """Where an operand lies as (batch, free, k), or ``turned``, (batch, k, free); and its free labels' order."""
        if labels.startswith(batch):
            rest = labels[len(batch) :]
            if rest.endswith(k):
                return offset, False, rest[: len(rest) - len(k)]
            if rest.startswith(k):
                return offset, True, rest[len(k) :]
        return self._copied(labels, offset, batch + free + k), False, free

    def _wants_swapped(self, batch: str, left: str, right: str, output: str, number: int) -> bool:
        """Whether the groups of the result had better lie the other way round."""
        if not left or not right:
            return False
        if output:
            return output == batch + right + left
        partner = self.partner[number]
        if partner is None:
            return False
        return not _ends(left + right, partner) and _ends(right + left, partner)

    def _multiplied(
        self, a: str, at_a: int, b: str, at_b: int, made: str, output: str
    ) -> tuple[str, int, int]:
        made = output or made
        extent = self.extent(made)
        place = self.memory.take(extent)
        views = self._view(a, at_a, made), self._view(b, at_b, made)
        self.ops.append(Op("multiply", views, self._view(made, place, made)))
        self.flops += extent
        return made, place, extent


def _followed(
    inputs: Sequence[str], output: str, path: Path
) -> tuple[list[list[int]], list[frozenset[str]], list[frozenset[str] | None]]:
    """For each step the tensors it takes, by number; the labels its result keeps; and those of the result that
    the step which takes it sums.
    """
    holders = dict.fromkeys(output, 1)
    for labels in inputs:
        for c in labels:
            holders[c] = holders.get(c, 0) + 1
    there = list(range(len(inputs)))
    sets: list[frozenset[str]] = [frozenset(labels) for labels in inputs]
    first = len(inputs)
    chosen, kept = [], []
    partner: list[frozenset[str] | None] = [None] * len(path)
    for positions in path:
        numbers = [there[i] for i in positions]
        for i in sorted(positions, reverse=True):
            del there[i]
        for number in numbers:
            for c in sets[number]:
                holders[c] -= 1
        together = sets[numbers[0]].union(*[sets[i] for i in numbers[1:]])
        left = frozenset([c for c in together if holders[c]])
        for c in left:
            holders[c] += 1
        if len(numbers) == 2:
            summed = together - left
            for number in numbers:
                if number >= first:
                    partner[number - first] = summed
        there.append(len(sets))
        sets.append(left)
        chosen.append(numbers)
        kept.append(left)
    return chosen, kept, partner


def _order_of(a: str, b: str, batch: str, contracted: str) -> str:
    """The order of the contracted labels in which the fewest operands are copied."""
    k = len(contracted)
    named = set(contracted)
    for labels in (a, b) if len(a) >= len(b) else (b, a):  # the larger one lies as it is, if any
        if labels.startswith(batch):
            rest = labels[len(batch) :]
            for group in (rest[len(rest) - k :], rest[:k]):
                if set(group) == named:
                    return group
    return "".join([c for c in b if c in named])


def _ends(labels: str, group: frozenset[str]) -> bool:
    """Whether the labels of a group that are there stand together at either end."""
    flags = [c in group for c in labels]
    count = sum(flags)
    return all(flags[:count]) or all(flags[len(flags) - count :])


def _matrix_view(offset: int, count: int, rows: int, columns: int, *, turned: bool, batched: bool) -> View:
    """A matrix, or several one after the other, of which ``turned`` ones lie the other way round."""
    strides = (1, rows) if turned else (columns, 1)
    if not batched:
        return View(offset, (rows, columns), strides)
    return View(offset, (count, rows, columns), (rows * columns, *strides))


def elements(view: View) -> int:
    """How many a view has."""
    return prod(view.shape)
