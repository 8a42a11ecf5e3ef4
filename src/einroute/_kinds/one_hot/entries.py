"""The general way: the ones of one-hot operands as entries of sparse ones, whatever the labels say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Operand, Step
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting
from ..._base.routes import Offer
from ..._entries.entries import Compressed, Entries
from .operand import OneHot
from .where import private, within

#: Seconds that finding and writing one entry takes.
_ENTRY = 1.7e-9


def _verdict(step: Step) -> Rewriting:
    operands = tuple(_as_entries(op) if op.form == "one_hot" else op for op in step.operands)
    count = sum(op.size // max(op.shape[-1], 1) for op in step.operands if op.form == "one_hot")
    inner = Inner(step.inputs, step.output, operands, form=step.form)
    cost = Cost(flops=float(count), calls=30, rate=1 / _ENTRY)
    return Rewriting(Offer(cost, step.output, None, "ones as the entries of sparse operands"), (inner,))


def _as_entries(op: Operand) -> Operand:
    count = op.size // op.shape[-1] if op.shape[-1] else 0
    return replace(op, form="entries", nnz=1 << count.bit_length(), structure=None, alias=None)


def _run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    given = tuple(entries_of(x) if isinstance(x, OneHot) else x for x in operands)
    return contract(step.inputs, step.output, given, form=step.form)


def entries_of(operand: OneHot) -> Entries:
    """The ones of an operand: rows of a matrix where the labels are a vector."""
    labels = private(operand.labels)  # nobody changes them between the test and their use
    valid = None if within(labels, operand.depth) else labels.view(np.uint64) < operand.depth
    chosen = labels.reshape(-1) if valid is None else labels[valid]
    ones = np.ones(len(chosen), operand.dtype)
    if labels.ndim == 1:
        indptr = np.arange(len(labels) + 1, dtype=np.int64)
        if valid is not None:
            np.cumsum(valid, out=indptr[1:])
        return Entries(operand.shape, ones, None, Compressed(indptr, chosen, 0), fresh=True)
    where = np.arange(labels.size) if valid is None else np.flatnonzero(valid)
    coords = np.unravel_index(where, labels.shape) if labels.ndim else ()
    return Entries(operand.shape, ones, (*coords, chosen), fresh=True)


SPARSE = Rewrite("one_hot.sparse", _verdict, _run)
