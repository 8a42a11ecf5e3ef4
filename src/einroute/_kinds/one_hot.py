"""One-hot operands: sums and look-ups by label."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .._cost import Cost
from .._kernels.entries import Entries
from .._operands.one_hot import OneHot
from .._problem import Operand, Step
from .._rewrite import Contract, Inner, Rewrite, Rewriting
from .._route import Offer, Refused, Route

NAME = "one_hot"
#: Contractions with such operands are rewritten before any step is decided.
ROUTES: tuple[Route, ...] = ()


def recognises(operand: object) -> bool:
    """Whether ``operand`` is a one-hot operand."""
    return isinstance(operand, OneHot)


def facts(operand: OneHot) -> Operand:
    """Facts of an operand."""
    return Operand(operand.shape, operand.dtype, (), NAME)


def _sparse_verdict(step: Step) -> Rewriting | Refused:
    at = [op.kind for op in step.operands].index(NAME)
    op = step.operands[at]
    count = op.size // op.shape[-1] if op.shape[-1] else 0
    entries = replace(op, kind="sparse", nnz=1 << count.bit_length(), structure=None, alias=None)
    operands = (*step.operands[:at], entries, *step.operands[at + 1 :])
    inner = Inner(step.inputs, step.output, operands, sparse=step.sparse)
    return Rewriting(Offer(Cost(bytes=40 * count, calls=20), step.output, at, "as the entries it has"), (inner,))


def _sparse_run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    at: int = rewriting.offer.recipe
    operands = (*operands[:at], entries_of(operands[at]), *operands[at + 1 :])
    return contract(step.inputs, step.output, operands, sparse=step.sparse)


def entries_of(operand: OneHot) -> Entries:
    """The ones of an operand."""
    labels = operand.labels
    places = np.nonzero((labels >= 0) & (labels < operand.depth))
    chosen = labels[places].astype(np.int64)
    return Entries(operand.shape, np.ones(len(chosen), operand.dtype), (*places, chosen), fresh=True)


SPARSE = Rewrite("one_hot.sparse", _sparse_verdict, _sparse_run)
REWRITES: tuple[Rewrite, ...] = (SPARSE,)
