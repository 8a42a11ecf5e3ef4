"""What a plan is: frozen values between planning, explaining and executing.  No decisions are made here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import field, replace
from math import prod
from typing import Any

from .._base.facts import DENSE, Contraction, DType, Operand, Prepared, Step
from .._base.records import dataclass
from .._base.rewrites import Rewrite, Rewriting
from .._base.routes import Decision, Refused

Path = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Planned:
    """A decided step.

    Attributes
    ----------
    positions : tuple of int
        Of its operands among those still there, as in opt_einsum's paths.
    at : int or None
        Where its result is put among those; None for the end.
    decision : Decision
        Of the step, or of one that is alike but for its labels.
    step : Step
    back : mapping or None
        From the decision's labels, as numbers, to the step's; None where they are the same.
    """

    positions: tuple[int, ...]
    at: int | None
    decision: Decision
    step: Step
    back: Mapping[int, str] | None = None

    @property
    def layout(self) -> str:
        """The result's labels in the order of its memory, outermost first."""
        return self.named(self.decision.offer.layout)

    def named(self, text: str) -> str:
        """Text of the decision's in the step's labels."""
        return text if self.back is None else text.translate(self.back)


@dataclass(frozen=True, slots=True)
class Chain:
    """Steps one after the other.

    Attributes
    ----------
    inputs : labels of the operands
    output : labels of the result
    steps : tuple of Planned
    seconds : float
        Estimate.
    peak : int
        Bytes of the intermediates that are alive together, at most.
    """

    inputs: tuple[str, ...]
    output: str
    steps: tuple[Planned, ...]
    seconds: float
    peak: int

    @property
    def layout(self) -> str:
        return self.steps[-1].layout

    @property
    def reorders(self) -> bool:
        """Whether sums are taken out of products: then overflow may come earlier than in NumPy's order."""
        return len(self.steps) > 1


@dataclass(frozen=True, slots=True)
class Sliced:
    """A plan run on slices along one label, whose results are put side by side, or added up.

    Attributes
    ----------
    label : str
    size, block : int
        The label's size and the length of a slice.
    summed : bool
        The label is contracted: the results are added up.
    inner, tail : plan of a whole slice, and of the last one where it is shorter
    threads : int
        How many slices may run at once.
    reason : str
    """

    label: str
    size: int
    block: int
    summed: bool
    inner: Chain | Sliced
    tail: Chain | Sliced | None
    threads: int
    seconds: float
    peak: int
    reason: str

    @property
    def layout(self) -> str:
        return self.inner.layout

    @property
    def output(self) -> str:
        return self.inner.output

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.inner.inputs

    @property
    def reorders(self) -> bool:
        return self.inner.reorders


def chains_of(node: Chain | Sliced) -> list[Chain]:
    """The steps of a node, or of each kind of its slices."""
    if isinstance(node, Chain):
        return [node]
    tail = [] if node.tail is None else chains_of(node.tail)
    return chains_of(node.inner) + tail


@dataclass(frozen=True, slots=True)
class Choice:
    """A rewrite that would do a contraction, with plans of what it hands on.

    Attributes
    ----------
    rewrite : Rewrite
    rewriting : Rewriting
    inner : tuple of Plan
        One for each of ``rewriting.inner``.
    seconds : float
        Estimate of all of it.
    """

    rewrite: Rewrite
    rewriting: Rewriting
    inner: tuple[Plan, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A contraction turned into others, which no operand of the form that is taken away takes part in.

    Attributes
    ----------
    step : Step
        The whole contraction, as the rewrites see it.
    choices : tuple of Choice
        Cheapest first; the next is taken where a guard declines.
    refused : tuple of (Rewrite, Refused)
    """

    step: Step
    choices: tuple[Choice, ...]
    refused: tuple[tuple[Rewrite, Refused], ...] = field(default=())

    @property
    def seconds(self) -> float:
        """Estimated time."""
        return self.choices[0].seconds

    @property
    def peak(self) -> int:
        """Bytes of intermediates: those of the contractions that are handed on."""
        return max((plan.node.peak for plan in self.choices[0].inner), default=0)

    @property
    def has_short(self) -> bool:
        """Whether the first rewrite has a short way."""
        first = self.choices[0].rewriting
        return first.short is not None or first.short_of is not None


Node = Chain | Sliced | Rewritten


@dataclass(frozen=True, slots=True)
class Reshaped:
    """An operand's axes in another order, and then as fewer ones."""

    axes: tuple[int, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fused:
    """How operands and the result go to labels that stand for several, and back.

    Attributes
    ----------
    operands : tuple of Reshaped or None
        None where one stays as it is.
    split : tuple of int
        The result's shape with an axis for each label longer than 1.
    axes : tuple of int
        The order of these in the output.
    shape : tuple of int
        Of the output.
    """

    operands: tuple[Reshaped | None, ...]
    split: tuple[int, ...]
    axes: tuple[int, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is decided about a call before its arrays are touched.

    Attributes
    ----------
    prepared : tuple of Prepared
        Empty where the contraction is rewritten first.
    form : str
        The name of the form that the result is in.
    fused : Fused or None
        Where the node's labels stand for several.
    found : str
        How the choice came about, where it is not the estimates' alone.
    """

    contraction: Contraction
    dtype: DType
    order: str
    prepared: tuple[Prepared, ...]
    node: Node
    form: str = DENSE
    fused: Fused | None = None
    found: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a plan besides its operands.

    Attributes
    ----------
    threads : int
        That costs are estimated for.
    workers : int
        That slices may run on.
    memory : int or None
        Bytes that intermediates may take.
    path : tuple or str
        A path to take, or the name of opt_einsum's way to find one.
    told : tuple of (str, value)
        What routes are told whose tasks run later.
    stepwise : bool
        The steps of the path are all that is asked for: one route may do all of them.
    cuts : str
        Labels that are to be taken one index at a time, outermost first.
    slices : {"pays", "always", "never"}
        When a plan is cut into slices for speed: where that is estimated to pay, or whenever it can be.
    """

    threads: int = 1
    workers: int = 1
    memory: int | None = None
    path: Path | str = "auto"
    told: tuple[tuple[str, Any], ...] = ()
    stepwise: bool = False
    cuts: str = ""
    slices: str = "pays"


@dataclass(frozen=True, slots=True)
class Problem:
    """Canonical operands and what is wanted of them.

    Attributes
    ----------
    form : str
        The name of the form that the result is wanted in.
    uncut : frozenset of str
        Labels of operands that cannot be cut.
    """

    inputs: tuple[str, ...]
    output: str
    sizes: Mapping[str, int]
    facts: tuple[Operand, ...]
    dtype: DType
    order: str
    form: str = DENSE
    uncut: frozenset[str] = frozenset()

    @property
    def alone(self) -> frozenset[str]:
        """Labels that occur in one operand only and not in the output."""
        counts = Counter(c for labels in self.inputs for c in set(labels))
        return frozenset(c for c, count in counts.items() if count == 1 and c not in self.output)

    @property
    def size(self) -> int:
        """Size of the whole iteration space."""
        return prod(self.sizes[c] for c in set("".join(self.inputs)))

    @property
    def out_bytes(self) -> int:
        """Bytes of the result."""
        return prod(self.sizes[c] for c in self.output) * self.dtype.itemsize

    def resized(self, label: str, size: int) -> Problem:
        """The same with one label shorter, its operands keeping their strides."""
        sizes = {**self.sizes, label: size}
        facts = tuple(
            replace(op, shape=tuple(sizes[c] for c in labels))
            for labels, op in zip(self.inputs, self.facts, strict=True)
        )
        return replace(self, sizes=sizes, facts=facts)
