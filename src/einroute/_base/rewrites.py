"""Rewrites: how a contraction with a structured operand becomes work on ordinary arrays.

A rewrite is a route for a whole contraction.  It takes one structured operand (or several of its kind) away
and hands what is left on as contractions of its own, which are planned again: so kinds meet without knowing
each other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from typing import Any, Protocol

import numpy as np

from .facts import DENSE, DType, Operand, Step
from .records import dataclass
from .routes import Declined, Offer, Refused

Array = np.ndarray[Any, Any]


class Contract(Protocol):
    """Does any contraction, of operands of any kind, in the call's dtype.

    What it gives may be a view of an operand, and is C-ordered or not.
    """

    def __call__(
        self,
        inputs: tuple[str, ...],
        output: str,
        operands: tuple[Any, ...],
        *,
        form: str = DENSE,
        dtype: DType | None = None,
    ) -> Any: ...

    def inner(self, number: int, operands: tuple[Any, ...]) -> Any:
        """Do what the rewriting names as its inner contraction of this number.

        In less time than a call takes, since it is bound with the plan; the operands must have just the facts
        that the rewriting named.
        """
        ...


def regular(step: Step, position: int) -> bool:
    """Whether an operand's labels are distinct and none of its axes is broadcast."""
    labels, op = step.inputs[position], step.operands[position]
    return len(set(labels)) == len(labels) and all(
        n == step.sizes[c] for c, n in zip(labels, op.shape, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Inner:
    """A contraction that a rewrite hands on.

    Attributes
    ----------
    inputs, output : labels
    operands : facts of each operand
    times : float
        How often it is done: blocks.
    form : str
        The form of its result: the step's for the last contraction of a step.
    dtype : dtype or None
        That is computed in; None for the call's.
    """

    inputs: tuple[str, ...]
    output: str
    operands: tuple[Operand, ...]
    times: float = 1.0
    form: str = DENSE
    dtype: DType | None = None


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A rewrite would do a step.

    Attributes
    ----------
    offer : Offer
        Cost of its own work, and how it would be done.
    inner : tuple of Inner
        What it hands on; its cost is added.
    short : callable or None
        ``operands -> array | None``: what the rewrite's `run` tries first, where it hands nothing on. It
        gives a new array, whose memory is no operand's, of at most another dtype; None where the operands lie
        so that the rest of `run` is to do it.
    short_of : callable or None
        ``Contract -> short``: the same, of one that hands on the inner contractions.
    settled : bool
        What ``short`` gives is not computed again: it gives None where a sum of floats overflowed, or was of
        infinities of both signs.
    silent : bool
        ``short`` raises no floating-point flag, and gives an array of the step's dtype.
    in_core : callable or None
        ``(run, looks) -> runner``: what does ``short`` as one call of the compiled core. It asks ``run``,
        which takes the same operands, where these lie otherwise, and if it ``looks``, where a sum is not
        finite.
    """

    offer: Offer
    inner: tuple[Inner, ...] = field(default=())
    short: Callable[[tuple[Any, ...]], Array | None] | None = None
    short_of: Callable[[Contract], Callable[[tuple[Any, ...]], Array | None]] | None = None
    settled: bool = False
    silent: bool = False
    in_core: Callable[[Callable[..., Any], bool], Callable[..., Any]] | None = None


@dataclass(frozen=True, slots=True)
class Rewrite:
    """One way to take a structured operand out of a contraction.

    Attributes
    ----------
    name : str
        ``kind.way``, unique among routes.
    verdict : callable
        ``Step -> Rewriting | Refused``; reads facts only.  Labels may repeat within an operand, and an axis
        of length 1 may stand under a label that is longer elsewhere.
    run : callable
        ``(step, rewriting, operands, contract) -> result | Declined``.  The result has the axes of
        ``step.output``; it may be a view and of another dtype.
    guard : str
        The condition on values under which it declines; empty if it never does.
    """

    name: str
    verdict: Callable[[Step], Rewriting | Refused]
    run: Callable[[Step, Rewriting, tuple[Any, ...], Contract], Any | Declined]
    guard: str = ""

    @property
    def silent(self) -> bool:
        """Whether it gives no floating-point warning; what it hands on is asked itself."""
        return False

    @property
    def tasks(self) -> bool:
        """Whether it makes tasks; what it hands on is asked itself."""
        return False


def shortened_by(
    run: Callable[[Step, Rewriting, tuple[Any, ...], Contract], Any], step: Step, rewriting: Rewriting
) -> Rewriting:
    """A rewriting whose short way is its `run`, which gives a new array or declines."""

    def short_of(contract: Contract) -> Callable[[tuple[Any, ...]], Array | None]:
        def short(operands: tuple[Any, ...]) -> Array | None:
            result: Any = run(step, rewriting, operands, contract)
            return None if type(result) is Declined else result

        return short

    return replace(rewriting, short_of=short_of)
