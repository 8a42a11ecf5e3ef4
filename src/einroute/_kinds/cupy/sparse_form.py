"""The forms of operands by their entries: sparse matrices, and one-hot operands, whose results are dense."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import cupy

from ..._base.facts import DENSE, DType, Operand, Prepared
from ..._base.kinds import Bring, Form
from ..array_library.sparse import intermediate, preparing_entries
from ..sparse_labels import holds
from . import gather, join, sparse_matmul
from .cells import Cells, cells_of
from .dense import LIBRARY, beside, on_device
from .gather import NAME, ONE_HOT
from .operands import OneHot
from .structured_form import WRITTEN

__all__ = ["FORM", "ONE_HOT_FORM"]


def _bring(p: Prepared, _dtype: DType) -> Bring | None:
    """From an operand to unique labels, common sizes and dtype; a matrix stays one where it can."""
    if p.diagonal is None and not p.squeeze and p.cast is None:
        return None
    labels = (p.diagonal or "").partition("->")[0]
    kept = [i for i in range(len(p.labels) + len(p.squeeze)) if i not in p.squeeze]
    cast = p.cast

    def canonical(x: Any) -> Any:
        with beside(x):
            if cast is not None:
                x = _cast(x, cast)
            if not labels and not p.squeeze:
                return x
            cells = cells_of(x)
            cells = cells.diagonal(labels) if labels else cells
            return cells.take(kept) if p.squeeze else cells

    return canonical


def _cast(x: Any, dtype: DType) -> Any:
    """An operand in another dtype; bools of one place are "or" before they are numbers."""
    if isinstance(x, Cells):
        return x if x.values is None else x.with_values(x.values.astype(dtype, copy=False))
    if isinstance(x, OneHot):
        return x  # ones, of any dtype
    if dtype.char not in _MATRICES:
        cells = cells_of(sparse_matmul.distinct(x) if x.dtype.kind == "b" else x)
        return cells.with_values(cells.values.astype(dtype, copy=False))
    return (sparse_matmul.distinct(x) if x.dtype.kind == "b" else x).astype(dtype)


def _identity(facts: Operand) -> Cells:
    """Identity matrices along the last two axes."""
    stack, rows = facts.shape[:-2], facts.shape[-1]
    count = prod(stack) * rows
    with on_device(facts.device):
        places = cupy.arange(count)
        first = cupy.unravel_index(places // max(rows, 1), stack) if stack else ()
        row = places % max(rows, 1)
        return Cells(facts.shape, cupy.ones(count, facts.dtype), (*first, row, row), count, facts.device)


#: dtypes of CuPy's sparse matrices.
_MATRICES = "?fdFD"
FORM = Form(
    NAME,
    rank=5,
    routes=(*sparse_matmul.ROUTES, gather.ROUTE, join.ROUTE, WRITTEN.route("cupy_sparse.written")),
    holds=holds,
    prepare=preparing_entries,
    bring=_bring,
    result=intermediate(NAME),
    sliceable=False,
    sums_first=False,
    identity=_identity,
    called="a cupyx.scipy.sparse matrix",
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
    result=intermediate(ONE_HOT),
    identity=None,
    called="a cupy.ndarray",
    meets=frozenset({DENSE, LIBRARY.name}),
    sparse=False,
)
