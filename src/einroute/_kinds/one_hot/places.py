"""A contraction with one-hots as one over their places, settled from facts.

What has a class label is looked up by the places' labels, what is left is contracted, and what is wanted by
class is added up by label.  Places whose label is no class take no part: no operand is read there, and
nothing is computed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..._base.cost import Cost, scattered
from ..._base.facts import DType, Operand, Step, c_strides
from ..._base.machine import machine
from ..._base.rewrites import Inner, regular
from ..._base.routes import Refused
from ..._native import CORE
from .look_up import LookUp
from .selection import Taken, take


@dataclass(frozen=True, slots=True)
class _Rates:
    """Nanoseconds that parts of a pass take: the core's loops, or SciPy's and NumPy's.

    Attributes
    ----------
    label, also : float
        Reading a label and testing it; another one beside it.
    count, row, taken : float
        Counting a place, adding a row up, taking one.
    number : float
        Of each number of a row that is added up, few; real ones.
    many, byte : float
        Of a row of many numbers, and of each byte of it.
    copied : float
        Of each byte of a row that is taken.
    apart : float
        Of each number of a row that is added up whose numbers do not lie side by side.
    """

    label: float
    also: float
    count: float
    row: float
    taken: float
    number: float
    many: float
    byte: float
    copied: float
    apart: float

    def added(self, width: int, dtype: DType, apart: bool) -> float:
        """Adding up a row of so many numbers, which lie ``apart`` or side by side."""
        parts = width * (2 if dtype.kind == "c" else 1)
        if apart:
            return self.row + self.apart * parts
        return self.row + min(self.number * parts, self.many + self.byte * width * dtype.itemsize)


_RATES = (
    _Rates(0.3, 1.0, 1.0, 0.8, 1.0, 0.5, 1e9, 0.0, 0.03, 1.0)
    if CORE is None
    else _Rates(0.25, 0.6, 0.3, 0.2, 0.15, 0.25, 1.4, 0.016, 0.014, 0.6)
)
#: Calls' worth of Python around a pass that has a short way, and around another; of each operand of that.
_SHORT, _LONG, _EACH = 2.5, 10.0, 4.0


@dataclass(frozen=True, slots=True)
class Over:
    """The contraction over the places, all of them or some that are numbered.

    Attributes
    ----------
    places : str
        Their labels, or the one that numbers them.
    ways : tuple of LookUp
        How each operand is looked up.
    ones : str
        Places that no operand has as a label: a factor of one stands for them.
    inputs : tuple of str
        Labels of what is contracted, the ones last.
    made : str
        Labels of what that gives.
    adds : bool
        Whether that is then added up, or put in its place.
    bare : bool
        Nothing is contracted: the one array that is looked up has the labels that are to be made.
    held : int
        Bytes that one place takes of what is looked up and made.
    needed : frozenset of str
        Labels that some look-up replaces.
    """

    places: str
    ways: tuple[LookUp, ...]
    ones: str
    inputs: tuple[str, ...]
    made: str
    adds: bool
    bare: bool
    held: int
    needed: frozenset[str]


class AtPlaces:
    """A step over the places of the one-hots that are taken.

    Attributes
    ----------
    rest : tuple of int
        Positions of the other operands.
    kept, shown, wide : str
        Labels of the output: places, classes, and the others.
    number : str
        The label that numbers the places where some are left out.
    """

    def __init__(self, step: Step, taken: Taken) -> None:
        self.step, self.taken = step, taken
        self.rest = tuple(i for i in range(len(step.inputs)) if i not in taken.away)
        self.kept = "".join(c for c in step.output if c in taken.places)
        self.shown = "".join(c for c in step.output if c in taken.classes)
        self.wide = "".join(c for c in step.output if c not in self.kept + self.shown)
        self.number = next(c for c in map(chr, range(ord("p"), 0x3000)) if c not in step.sizes)
        self.plain = self._over(taken.places)

    @property
    def tested(self) -> bool:
        """Whether every label says where something is added up: that tests each itself.

        What is made at a place without a class is not added to anything.
        """
        return len(self.shown) == len(self.taken.positions)

    @cached_property
    def picked(self) -> Over:
        """Where some places are left out: the others, numbered."""
        return self._over(self.number)

    def _over(self, places: str) -> Over:
        step, taken = self.step, self.taken
        ways = tuple(
            LookUp.of(step.inputs[i], step.operands[i], "".join(taken.classes), taken.places, places)
            for i in self.rest
        )
        ones = "".join(c for c in places if not any(c in way.result for way in ways))
        inputs = tuple(way.result + way.last for way in ways) + ((ones,) if ones else ())
        adds = bool(self.shown) or (bool(self.kept) and places == self.number)
        made = places + self.wide if adds else step.output
        dense = all(step.operands[i].form == "dense" for i in self.rest)
        bare = dense and len(inputs) == len(ways) == 1 and sorted(inputs[0]) == sorted(made)
        found = [way.result for way in ways if way.replaced and not way.last]
        if adds and not bare:
            found.append(made)
        size = sum(step.extent("".join(c for c in x if c not in places)) for x in found)
        held = 0 if bare and not adds else size * step.dtype.itemsize  # then what is found is the result
        needed = frozenset(c for way in ways for c in way.replaced)
        return Over(places, ways, ones, inputs, made, adds, bare, held, needed)

    def inner(self) -> Inner | None:
        """The contraction over all places; None if there is none."""
        step, over = self.step, self.plain
        if not self.rest or over.bare:
            return None
        operands = [
            way.facts(step.operands[i], step.sizes) for i, way in zip(self.rest, over.ways, strict=True)
        ]
        if over.ones:
            shape = tuple(step.sizes[c] for c in over.ones)
            operands.append(Operand(shape, step.dtype, c_strides(shape, step.dtype.itemsize)))
        return Inner(over.inputs, over.made, tuple(operands))

    def cost(self, short: bool) -> Cost:
        """Of testing, looking up and adding up; in the short way of the plan, or in the whole one."""
        step, size = self.step, self.step.dtype.itemsize
        count, labels = step.extent(self.taken.places), len(self.taken.positions)
        # Where they say together where a number goes; whether they are the same takes less.
        each = _RATES.label + (_RATES.also if self.shown else _RATES.label) * (labels - 1)
        moved = float(
            sum(step.operands[i].size // max(1, step.operands[i].shape[-1]) * 8 for i in self.taken.positions)
        )
        work = 0.0
        for i, way in zip(self.rest, self.plain.ways, strict=True):
            if way.replaced:
                found, held = step.extent(way.result) * size, step.operands[i].size * size
                each += _RATES.taken + _cold(held)
                work += _RATES.copied * found
                moved += found + min(found, held)
        if self.shown or not self.rest:
            width = step.extent(self.wide)
            held = step.extent(self.kept + self.shown + self.wide) * size
            if self.rest:
                each += _RATES.added(width, step.dtype, self._apart)
            elif self.shown:
                each += _RATES.count
            each += _cold(held) if self.shown else 0.0
            moved += float(step.out_bytes + (count * width * size if self.rest else 0))
        calls = _SHORT if short else _LONG + _EACH * len(step.inputs)
        return Cost(work + count * each, moved, calls, 1e9)

    @property
    def _apart(self) -> bool:
        """Whether the numbers of a row that is added up as it is do not lie side by side."""
        if not self.plain.bare or self.plain.ways[0].replaced:
            return False
        labels, op = self.step.inputs[self.rest[0]], self.step.operands[self.rest[0]]
        wide = [
            abs(s)
            for c, s in zip(labels, op.strides, strict=True)
            if c in self.wide and self.step.sizes[c] > 1
        ]
        return bool(wide) and min(wide) != op.dtype.itemsize

    def note(self) -> str:
        """What is done, in words."""
        step, taken, over = self.step, self.taken, self.plain
        places = f"places {taken.places}" if taken.places else "the place"
        done = []
        looked_up = [step.inputs[i] for i, way in zip(self.rest, over.ways, strict=True) if way.replaced]
        if looked_up:
            done.append(f"{', '.join(looked_up)} looked up by label at {places}")
        if self.rest and not over.bare:
            done.append(f"{','.join(over.inputs)}->{over.made}")
        if not self.rest:
            done.append(f"labels at {places} counted by {self.kept + self.shown or 'nothing'}")
        elif self.shown:
            done.append(f"added up by {self.kept + self.shown}")
        return "; then ".join(done) or f"the operand itself at {places}"


def _cold(held: int) -> float:
    """Nanoseconds that the first line of a row takes which lies anywhere in so many bytes."""
    return 1e9 * scattered(held) if held >= machine().own_bytes else 0.0


def at_places(step: Step) -> AtPlaces | Refused:
    """How a step is done over the places of its one-hots; from facts alone."""
    taken = take(step)
    if isinstance(taken, Refused):
        return taken
    for i, labels in enumerate(step.inputs):
        if i in taken.away:
            continue
        own, op = labels[:-1] if step.operands[i].form == "one_hot" else labels, step.operands[i]
        if own != labels and labels[-1] in taken.classes:
            return Refused("another one_hot, of other places, has the same classes")
        if not any(c in taken.places or c in taken.classes for c in own):
            continue
        if op.form == "entries":
            return Refused("a sparse operand has labels of the one_hot")
        if not regular(step, i):
            return Refused("labels of an operand repeat, or an axis of it is broadcast")
    return AtPlaces(step, taken)
