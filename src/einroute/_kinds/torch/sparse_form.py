"""The form that sparse tensors meet in: their entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import torch

from ..._base.facts import DENSE, Contraction, DType, Operand, Prepared
from ..._base.kinds import Bring, Form, Term
from ..sparse_labels import holds
from . import gather, join, sparse_matmul, written
from .cells import Cells, put_together
from .dense import LIBRARY, Tensor, at_hand
from .layouts import TensorCells
from .operands import OneHot
from .sparse_matmul import NAME, ONE_HOT

__all__ = ["FORM", "ONE_HOT_FORM"]


def _prepare(
    labels: str, operand: Operand, contraction: Contraction, dtype: DType, *, repeated: str, cast: bool
) -> Prepared:
    """Diagonals, broadcast axes and the cast of an operand."""
    unique = "".join(dict.fromkeys(labels))
    shape = tuple(operand.shape[labels.index(c)] for c in unique)
    squeeze = tuple(i for i, c in enumerate(unique) if shape[i] != contraction.sizes[c])
    kept = "".join(c for i, c in enumerate(unique) if i not in squeeze)
    sizes = tuple(contraction.sizes[c] for c in kept)
    facts = Operand(sizes, dtype, (), operand.form, operand.nnz, device=operand.device)
    diagonal = f"{labels}->{unique}" if unique != labels else None
    return Prepared(diagonal, squeeze, None if operand.dtype == dtype else dtype, kept, facts)


def _bring(p: Prepared, _dtype: DType) -> Bring:
    """From a sparse tensor, or entries, to entries of unique labels, common sizes and the common dtype."""
    labels = (p.diagonal or "").partition("->")[0]
    kept = [i for i in range(len(p.labels) + len(p.squeeze)) if i not in p.squeeze]
    if p.cast is None and not labels and not p.squeeze:
        return _cells

    def canonical(x: Any) -> Cells:
        cells = _cells(x)
        if p.cast is not None:
            # Bools of one place are "or", and integers wrap, before either is cast.
            cells = cells if cells.unique else put_together(cells)
            cells = cells.with_values(LIBRARY.cast(cells.values, p.cast))
        if labels:
            cells = cells.diagonal(labels)
        return cells.take(kept) if p.squeeze else cells

    return canonical


def _cells(x: Any) -> Cells:
    if type(x) is Tensor:
        return TensorCells(x)
    if isinstance(x, Cells):
        return x
    if not isinstance(x, OneHot):
        return TensorCells(x)
    labels = x.labels.reshape(-1).long()
    shape, depth = x.labels.shape, x.shape[-1]
    places = torch.arange(len(labels), device=labels.device)
    coords = (*torch.unravel_index(places, shape), labels) if shape else (labels,)
    there = (labels >= 0) & (labels < depth)
    if depth and not at_hand(labels):
        # How many are in range is a value: one that is not has an entry of zero.
        within = (*coords[:-1], labels.clamp(0, depth - 1))
        return Cells(x.shape, there.to(x.dtype), within, ordered=len(shape), unique=True)
    ones = torch.ones(len(labels), dtype=x.dtype, device=labels.device)
    cells = Cells(x.shape, ones, coords, ordered=len(shape), unique=True)
    return cells.kept(there) if depth else cells.kept(slice(0, 0))  # one that is out of range has no entry


def _result(
    terms: Sequence[Term], output: str, layout: str, sizes: Mapping[str, int], dtype: DType
) -> Operand:
    """Facts of an intermediate; routes that make one say how many entries it has."""
    shape = tuple(sizes[c] for c in output)
    own = [term.facts for term in terms if term.facts.form == NAME]
    device = next((op.device for op in own if op.device is not None), None)
    return Operand(shape, dtype, (), NAME, max((op.nnz or 0 for op in own), default=0), device=device)


def _identity(facts: Operand) -> Cells:
    """Identity matrices along the last two axes."""
    stack, rows = facts.shape[:-2], facts.shape[-1]
    places = torch.arange(prod(stack) * rows, device=facts.device)
    first = torch.unravel_index(places // max(rows, 1), stack) if stack else ()
    row = places % max(rows, 1)
    ones = torch.ones(len(places), dtype=LIBRARY.native(facts.dtype), device=facts.device)
    return Cells(facts.shape, ones, (*first, row, row), ordered=len(facts.shape), unique=True)


FORM = Form(
    NAME,
    rank=5,
    routes=(gather.REDUCE, sparse_matmul.ROUTE, gather.ROUTE, *join.ROUTES, written.OF_ENTRIES),
    holds=holds,
    prepare=_prepare,
    bring=_bring,
    result=_result,
    sliceable=False,
    sums_first=False,
    identity=_identity,
    called="a sparse tensor",
    meets=frozenset({DENSE, LIBRARY.name, ONE_HOT}),
    sparse=True,
    dtypes=LIBRARY.dtypes,
    eager=False,
    bounded=True,
)

#: Of one-hot operands, whose results are dense: how many entries there are at a place is not known.
ONE_HOT_FORM = replace(
    FORM,
    name=ONE_HOT,
    rank=6,
    holds=lambda _inputs, own, _output: any(own),
    results=LIBRARY.name,
    identity=None,
    called="a tensor",
    meets=frozenset({DENSE, LIBRARY.name}),
    sparse=False,
)
