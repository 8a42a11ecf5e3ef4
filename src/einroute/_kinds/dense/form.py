"""The dense form: arrays, views of them, and the routes that contract them."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..._base.c_einsum import ascii_subscripts, c_einsum
from ..._base.facts import DENSE, Contraction, DType, Operand, Prepared, c_strides
from ..._base.kinds import Bring, Form, Term
from ..._native import fresh
from . import (
    counting,
    elementwise,
    empty,
    half,
    integer_loops,
    integers,
    matmul,
    network,
    numpy_einsum,
    one_pass,
    quadratic,
    reduction,
    small,
    transpose,
    windows,
)

__all__ = ["FORM", "bring"]

Array = np.ndarray[Any, Any]

ROUTES = (
    empty.ROUTE,
    matmul.ROUTE,
    small.ROUTE,
    network.ROUTE,
    integers.ROUTE,
    integers.SPLIT_ROUTE,
    integers.BOOL_ROUTE,
    integer_loops.ROUTE,
    windows.ROUTE,
    windows.INTEGER_ROUTE,
    half.ROUTE,
    one_pass.ROUTE,
    elementwise.ROUTE,
    counting.ROUTE,
    reduction.ROUTE,
    reduction.DOT_ROUTE,
    reduction.ONES_ROUTE,
    quadratic.ROUTE,
    transpose.ROUTE,
    numpy_einsum.ROUTE,
)


def holds(inputs: Sequence[str], own: Sequence[bool], output: str) -> bool:
    """Any result can be an array."""
    return True


def _as_it_is(labels: str, op: Operand, contraction: Contraction, repeated: str) -> bool:
    """Whether an operand's labels are unique and all there, each in its full size."""
    sizes, dropped = contraction.sizes, contraction.dropped
    for c, n, s in zip(labels, op.shape, op.strides, strict=True):
        if n != sizes[c] or (n == 1 and c in dropped) or (s == 0 and c in repeated):
            return False
    return len(set(labels)) == len(labels)


def prepare(
    labels: str, operand: Operand, contraction: Contraction, dtype: DType, *, repeated: str, cast: bool
) -> Prepared:
    """Diagonals, broadcast axes and the cast of one operand."""
    op = operand
    if op.dtype == dtype and _as_it_is(labels, op, contraction, repeated):
        return Prepared(None, (), None, labels, op)
    unique = "".join(dict.fromkeys(labels))
    diagonal = None
    shape, strides = op.shape, op.strides
    if len(unique) != len(labels):
        diagonal = f"{labels}->{unique}"
        shape = tuple(op.shape[labels.index(c)] for c in unique)
        strides = tuple(
            sum(s for c, s in zip(labels, op.strides, strict=True) if c == wanted) for wanted in unique
        )
    sizes, dropped = contraction.sizes, contraction.dropped
    squeeze = tuple(
        i
        for i, c in enumerate(unique)
        if shape[i] != sizes[c] or c in dropped or (strides[i] == 0 and shape[i] > 1 and c in repeated)
    )
    kept = [i for i in range(len(unique)) if i not in squeeze]
    shape = tuple(shape[i] for i in kept)
    strides = tuple(strides[i] for i in kept)
    wanted = None
    # Booleans that are only counted stay what they are.
    counted = len(contraction.inputs) == 1 and op.dtype.kind == "b" and dtype.kind in "iu"
    if cast and op.dtype != dtype and not counted:
        wanted = dtype
        strides = c_strides(shape, dtype.itemsize)
    facts = Operand(shape, wanted or op.dtype, strides)
    return Prepared(diagonal, squeeze, wanted, "".join(unique[i] for i in kept), facts)


def bring(p: Prepared, dtype: DType) -> Bring | None:
    """From an operand as it came to its canonical form; None where it already has it."""
    if p.diagonal is None and not p.squeeze and p.cast is None:
        return None
    diagonal = None
    if p.diagonal is not None:
        source, _, target = p.diagonal.partition("->")
        diagonal = ascii_subscripts((source,), target)
    ndim = len(p.labels) + len(p.squeeze)
    index = tuple(0 if i in p.squeeze else slice(None) for i in range(ndim))
    squeeze, cast, large = bool(p.squeeze), p.cast, p.facts.nbytes >= fresh.LARGE

    def view(x: Array) -> Array:
        if diagonal is not None:
            x = c_einsum(diagonal, x)
        if squeeze:
            x = x[(*index, ...)]
        if cast is not None:
            x = fresh.cast(x, cast, "C") if large else x.astype(cast, order="C")
        return x

    return view


def result(
    terms: Sequence[Term], output: str, layout: str, sizes: Mapping[str, int], dtype: DType
) -> Operand:
    """Facts of an intermediate, whose axes lie in memory as ``layout`` says."""
    strides = dict(zip(layout, c_strides(tuple(sizes[c] for c in layout), dtype.itemsize), strict=True))
    return Operand(tuple(sizes[c] for c in output), dtype, tuple(strides[c] for c in output))


#: What arrays meet in.
FORM = Form(
    DENSE,
    rank=0,
    routes=ROUTES,
    holds=holds,
    prepare=prepare,
    bring=bring,
    result=result,
    values=np.asarray,
    overlaps=np.may_share_memory,
    bare={matmul.dot: np.ndarray.dot, np.multiply: operator.mul},
)
