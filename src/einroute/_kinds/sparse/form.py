"""The form that the sparse kinds meet in, whichever library they are of: `Entries`.

A sparse operand reaches a runner as `Entries`, a dense one as an array of any dtype that the step's casts to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import expm1, log1p, prod
from typing import Any

import numpy as np

from ..._base.facts import Contraction, DType, Operand, Prepared
from ..._base.kinds import Bring, Form, Term
from ..._entries.entries import Entries, sums_differ
from ..sparse_labels import holds
from . import gather, join, matmul, multiply, reduce, sampled, spgemm, tiles

__all__ = ["FORM", "holds"]

Array = np.ndarray[Any, Any]

NAME = "entries"
#: Indices that are compared in the time in which one is looked at for a diagonal, and before; in that in
#: which the end of a compressed line is found, and a line is passed where most have no entry.
_DIAGONAL, _ENDED, _PASSED = 3, 40, 1.1

ROUTES = (
    sampled.ROUTE,
    reduce.ROUTE,
    tiles.ROUTE,
    matmul.ROUTE,
    gather.ROUTE,
    multiply.ROUTE,
    spgemm.ROUTE,
    join.ROUTE,
)


def prepare(
    labels: str, operand: Operand, contraction: Contraction, dtype: DType, *, repeated: str, cast: bool
) -> Prepared:
    """Diagonals and broadcast axes of one operand, and its cast."""
    op = operand
    unique = "".join(dict.fromkeys(labels))
    diagonal = f"{labels}->{unique}" if len(unique) != len(labels) else None
    shape = tuple(op.shape[labels.index(c)] for c in unique)
    squeeze = tuple(i for i, c in enumerate(unique) if shape[i] != contraction.sizes[c])
    kept = [i for i in range(len(unique)) if i not in squeeze]
    shape = tuple(shape[i] for i in kept)
    places = prod(op.shape)
    share = (op.nnz or 0) / places if places else 0.0
    nnz = op.nnz if diagonal is None else max(1, round(share * prod(shape)))
    left = "".join(unique[i] for i in kept)
    held = labels[op.compressed] if op.compressed >= 0 else ""
    axis = left.find(held) if held and diagonal is None else -1
    compared = op.compared
    if diagonal is not None:
        lines = op.shape[op.compressed] if op.compressed >= 0 else 0
        ended = _ENDED * min(lines, op.nnz or 0) + _PASSED * lines
        compared = round(ended + op.compared - lines) if lines else _DIAGONAL * op.compared
    whole = op.diagonals and diagonal is None and not squeeze and op.dtype == dtype
    facts = Operand(shape, dtype, (), NAME, nnz, compressed=axis, compared=compared, diagonals=whole)
    wanted = dtype if op.dtype != dtype else None
    return Prepared(diagonal, squeeze, wanted, left, facts)


def bring(p: Prepared, dtype: DType) -> Bring | None:
    """From adopted entries to those of unique labels, in the dtype that is computed in."""
    labels = p.diagonal.partition("->")[0] if p.diagonal is not None else ""
    kept = [i for i in range(len(p.labels) + len(p.squeeze)) if i not in p.squeeze] if p.squeeze else []
    some_dropped = bool(p.squeeze)

    def canonical(entries: Entries) -> Entries:
        if sums_differ(entries.dtype, dtype):
            entries = entries.distinct()
        data = entries.data
        if data.dtype != dtype or not data.flags.c_contiguous or not data.flags.aligned:
            entries = entries.with_data(np.ascontiguousarray(data.astype(dtype)))
        if labels:
            entries = entries.diagonal(labels)
        return entries.take(kept) if some_dropped else entries

    return canonical


def result(
    terms: Sequence[Term], output: str, layout: str, sizes: Mapping[str, int], dtype: DType
) -> Operand:
    """Facts of an intermediate, if the entries of its sparse operands are spread at random.

    Each place of the result sums over ``n`` products of elements that are all entries with chance ``p``: the
    place holds an entry with chance ``1 - (1 - p)**n``.
    """
    shape = tuple(sizes[c] for c in output)
    return Operand(shape, dtype, (), NAME, _estimated_entries(terms, output, sizes))


def _estimated_entries(terms: Sequence[Term], output: str, sizes: Mapping[str, int]) -> int:
    sparse = [term for term in terms if term.facts.form == NAME]
    labels = {c for term in sparse for c in term.labels}
    places = prod(sizes[c] for c in output if c in labels)
    if not places:
        return 0
    chance = 1.0
    for term in sparse:
        chance *= min(1.0, (term.facts.nnz or 0) / max(1, prod(sizes[c] for c in term.labels)))
    summed = prod(sizes[c] for c in labels if c not in output)
    if chance >= 1.0:
        return places
    return max(1, round(places * -expm1(summed * log1p(-chance))))


def narrow(entries: Entries, dtype: DType) -> Entries:
    """The same in a narrower dtype, duplicates added up before they are rounded."""
    entries = entries.summed()
    return entries.with_data(entries.data.astype(dtype))


def identity(facts: Operand) -> Entries:
    """Identity matrices along the last two axes."""
    shape, dtype = facts.shape, facts.dtype
    stack, rows = shape[:-2], shape[-1]
    places = np.arange(prod(stack) * rows)
    row = places % max(rows, 1)
    first = np.unravel_index(places // max(rows, 1), stack) if stack else ()
    return Entries(shape, np.ones(len(places), dtype), (*first, row, row), fresh=True)


def values(x: Any) -> Array:
    """The elements that are stored."""
    return np.asarray(x if isinstance(x, np.ndarray | np.generic) else x.data)


def overlaps(out: Array, x: Any) -> bool:
    """Whether an array may share memory with an operand's."""
    if isinstance(x, np.ndarray):
        return np.may_share_memory(out, x)
    arrays = [x.data]
    if x.compressed is not None:
        arrays += [x.compressed.indptr, x.compressed.indices]
    else:
        arrays += x.coords
    return any(np.may_share_memory(out, own) for own in arrays)


#: What sparse operands of every library meet in.
FORM = Form(
    NAME,
    rank=1,
    routes=ROUTES,
    holds=holds,
    prepare=prepare,
    bring=bring,
    result=result,
    values=values,
    overlaps=overlaps,
    sliceable=False,
    casts=True,
    narrow=narrow,
    identity=identity,
    called="sparse",
    sparse=True,
)
