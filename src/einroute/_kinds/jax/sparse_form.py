"""The form that JAX's sparse arrays meet in: they come as they are, and are `Cells` inside of a program."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import jax.numpy as jnp
from jax.experimental.sparse import BCSR

from ..._base.facts import DENSE, DType, Operand, Prepared
from ..._base.kinds import Bring, Form
from ..array_library.sparse import intermediate, preparing_entries
from ..sparse_labels import holds
from . import csr_product, gather, pairs, written
from .bcoo_result import NAME, ONE_HOT
from .cells import Cells, of_bcoo, of_bcsr, of_labels
from .dense import LIBRARY, cast
from .operands import OneHot
from .program import compiled

__all__ = ["FORM", "ONE_HOT_FORM"]


def _bring(p: Prepared, _dtype: DType) -> Bring:
    """From a BCOO or BCSR to entries of unique labels, consistent sizes and the common dtype."""
    labels = (p.diagonal or "").partition("->")[0]
    kept = [i for i in range(len(p.labels) + len(p.squeeze)) if i not in p.squeeze]

    def canonical(x: Any) -> Cells:
        cells = _cells(x)
        if labels:
            cells = cells.diagonal(labels)
        if p.squeeze:
            cells = cells.take(kept)
        if p.cast is None:
            return cells
        return replace(cells, data=cast(cells.data, p.cast))

    return canonical


def _cells(x: Any) -> Cells:
    if isinstance(x, OneHot):
        return of_labels(x.labels, x.depth, x.dtype)
    return of_bcsr(x) if isinstance(x, BCSR) else of_bcoo(x)


def _identity(facts: Operand) -> Cells:
    """Identity matrices along the last two axes."""
    stack, rows = facts.shape[:-2], facts.shape[-1]
    places = jnp.arange(prod(stack) * rows)
    first = jnp.unravel_index(places // max(rows, 1), stack) if stack else ()
    row = places % max(rows, 1)
    return Cells(facts.shape, jnp.ones(len(places), LIBRARY.native(facts.dtype)), (*first, row, row))


FORM = Form(
    NAME,
    rank=6,
    routes=(gather.REDUCE, csr_product.ROUTE, gather.ROUTE, *pairs.ROUTES, written.ROUTE),
    holds=holds,
    prepare=preparing_entries,
    bring=_bring,
    result=intermediate(NAME),
    sliceable=False,
    sums_first=False,
    identity=_identity,
    called="a BCOO array",
    meets=frozenset({DENSE, LIBRARY.name, ONE_HOT}),
    sparse=True,
    dtypes=LIBRARY.dtypes,
    eager=False,
    compiled=compiled,
    bounded=True,
)

#: Of one-hot operands, whose results are dense: what is under another label is not looked at.
ONE_HOT_FORM = replace(
    FORM,
    name=ONE_HOT,
    rank=5,
    holds=lambda _inputs, own, _output: any(own),
    results=LIBRARY.name,
    identity=None,
    called="a jax.Array",
    meets=frozenset({DENSE, LIBRARY.name}),
    sparse=False,
)
