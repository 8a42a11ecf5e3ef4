"""The outline of a call: its operands, its steps with their routes, and what was refused.

Explanations and records are made of outlines, whatever they are shown as.  An outline holds facts and words,
and no plan, route or array.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf, prod

__all__ = ["Outline", "OutlineOperand", "OutlineSlices", "OutlineStep"]


@dataclass(frozen=True, slots=True)
class OutlineOperand:
    """An operand, or the result.

    Attributes
    ----------
    kind : str
        "dense", "sparse", "one_hot", ...; the name of its type where einroute does not know it.
    shape : tuple of int or None
        None where that is not known without reading it.
    dtype : str
    labels : str
        Empty for functions without subscripts.
    nnz : int or None
        Entries that a sparse operand holds.
    note : str
        What is done to it first.
    """

    kind: str
    shape: tuple[int, ...] | None
    dtype: str
    labels: str = ""
    nnz: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class OutlineStep:
    """A step and its route.

    Attributes
    ----------
    takes : tuple of int
        What it takes: operands by their position, then results of steps in their order.
    subscripts : str
    route, note, guard : str
        Which route, how it does the step, and the condition on values under which it does; else it gives up,
        and the next route does the step.
    result : OutlineOperand
    flops, bytes : float
        Multiply-adds, and bytes read and written; of one slice where the plan is sliced.
    seconds : float
        Estimate, likewise.
    others : tuple of (route, seconds)
        Routes that would cost more.
    refused : tuple of (route, reason)
    inner : tuple of Outline
        Contractions that the route hands on.
    """

    takes: tuple[int, ...]
    subscripts: str
    route: str
    note: str
    guard: str
    result: OutlineOperand
    flops: float
    bytes: float
    seconds: float
    others: tuple[tuple[str, float], ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    inner: tuple[Outline, ...] = ()


@dataclass(frozen=True, slots=True)
class OutlineSlices:
    """Slices along a label in which the steps are done.

    Attributes
    ----------
    label : str
    count, block, threads : int
    summed : bool
        Their results are added up, else put side by side.
    reason : str
    """

    label: str
    count: int
    block: int
    threads: int
    summed: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Outline:
    """A call, or a contraction that a step hands on.

    Attributes
    ----------
    function, subscripts : str
    operands : tuple of OutlineOperand
    steps : tuple of OutlineStep
    slices : tuple of OutlineSlices
        The outermost first.
    sizes : mapping of label to size
    dtype, order : str
        Computed in, and the layout asked for; empty where there is no plan.
    seconds : float or None
        Estimate; only the ratios of such estimates mean much.
    peak : int
        Bytes of the intermediates that are alive together.
    notes : tuple of str
    brief : str
        What is said in place of the sizes, of a network with too many operands to name.
    """

    function: str
    subscripts: str
    operands: tuple[OutlineOperand, ...]
    steps: tuple[OutlineStep, ...]
    slices: tuple[OutlineSlices, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)
    dtype: str = ""
    order: str = ""
    seconds: float | None = None
    peak: int = 0
    notes: tuple[str, ...] = ()
    brief: str = ""

    @property
    def routes(self) -> tuple[str, ...]:
        """The name of each step's route; those that a route hands on to come after it."""
        found: list[str] = []
        for step in self.steps:
            found.append(step.route)
            for inner in step.inner:
                found += inner.routes
        return tuple(found)

    @property
    def iterations(self) -> float:
        """Products that the plain definition forms."""
        products = prod(self.sizes.values())
        return float(products) if products < 10**300 else inf
