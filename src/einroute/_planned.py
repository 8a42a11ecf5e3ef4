"""What a plan is: frozen values between planning, explaining and executing.  No decisions are made here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

from ._problem import Contraction, DType, Operand
from ._route import Decision

Path = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """How one operand is brought to unique labels, consistent sizes and the common dtype.

    Attributes
    ----------
    diagonal : str or None
        Subscripts of the view that takes its diagonals.
    squeeze : tuple of int
        Axes of that view that are dropped: of length 1 and broadcast or summed, or of stride 0.
    cast : dtype or None
    labels : str
        What is left.
    facts : Operand
        Facts of what is left.
    """

    diagonal: str | None
    squeeze: tuple[int, ...]
    cast: DType | None
    labels: str
    facts: Operand


@dataclass(frozen=True, slots=True)
class Planned:
    """A decided step.

    Attributes
    ----------
    positions : tuple of int
        Of its operands among those still there, as in opt_einsum's paths.
    at : int or None
        Where its result is put among those; None for the end.
    """

    positions: tuple[int, ...]
    at: int | None
    decision: Decision


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
        return self.steps[-1].decision.offer.layout

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


Node = Chain | Sliced


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is decided about a call before its arrays are touched."""

    contraction: Contraction
    dtype: DType
    order: str
    prepared: tuple[Prepared, ...]
    node: Node
    sparse: bool = False  # the result is wanted as the entries of a sparse array


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
    """

    threads: int = 1
    workers: int = 1
    memory: int | None = None
    path: Path | str = "auto"


@dataclass(frozen=True, slots=True)
class Problem:
    """Canonical operands and what is wanted of them."""

    inputs: tuple[str, ...]
    output: str
    sizes: Mapping[str, int]
    facts: tuple[Operand, ...]
    dtype: DType
    order: str

    @classmethod
    def of(
        cls, contraction: Contraction, prepared: tuple[Prepared, ...], dtype: DType, order: str
    ) -> Problem:
        """What is left to plan once the operands are prepared."""
        labels, facts = tuple(p.labels for p in prepared), tuple(p.facts for p in prepared)
        return cls(labels, contraction.output, contraction.sizes, facts, dtype, order)

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
