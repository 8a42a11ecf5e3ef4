"""Quadratic and bilinear forms: ``ijk,kl,ijl->ij`` and ``ijk,k,ijl->ij`` in one pass over the large operands.

A block of rows is multiplied by the matrix in the middle, then by the rows of the other operand and summed
(with a vector in the middle, by the other operand first), all while it is in cache.  A product of pairs would
write an array as large as an operand, and read it again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.c_einsum import c_einsum
from ..._base.cost import CALL, Cost, gemm_rate, streaming
from ..._base.facts import Step
from ..._base.records import dataclass
from ..._base.routes import Offer, Refused, Route, Runner
from ..._base.threads import run_blocks, single_threaded_blas
from ..._native.fresh import allocator
from .strides import by_stride, fused_stride, strides_of

Array = np.ndarray[Any, Any]

#: Bytes of a block of one operand, and seconds of work from which threads share it.
_BLOCK, _SHARED = 1 << 18, 4e-4
#: Elements a second that are multiplied and summed along rows; and multiplied, then by a vector.
_SUMS, _VECTOR = 2.6e9, 2.2e9
#: The most products of a row that are summed by BLAS.
_FEW = 4
#: Seconds a multiply-add where an operand repeats its memory, which NumPy does by loops of its own.
_WITHOUT_BLAS = 0.9e-9


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a step is seen.

    Attributes
    ----------
    left, middle, right : int
        Positions of the operands.
    batch : str
        Labels of the result, outermost in the left operand's memory first.
    k, l : str
        Labels that the middle shares with the left and with the right one.
    flat : bool
        Whether the batch labels are one axis in both.
    """

    left: int
    middle: int
    right: int
    batch: str
    k: str
    l: str  # noqa: E741 - as in the formula
    flat: bool


def verdict(step: Step) -> Offer | Refused:
    """Offer one pass where two operands share all labels of the result, and the third links the others."""
    if len(step.inputs) != 3:
        return Refused("not three operands")
    if step.dtype.char not in "fdFD":
        return Refused(f"not a float or complex dtype of BLAS: {step.dtype.name}")
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
    found = next((r for middle in range(3) if (r := _recipe(step, middle)) is not None), None)
    if found is None:
        return Refused("no operand without labels of the result links those of the other two")
    rows, k, depth = step.extent(step.output), step.extent(found.k), step.extent(found.l)
    size = step.dtype.itemsize
    if found.k == found.l and not all(_in_rows(found, p, step) for p in (found.left, found.right)):
        return Refused("a row does not lie in one piece")
    if found.k == found.l and (rows == 1 or depth * size > _BLOCK):
        return Refused("a row alone is a pass, or larger than a block")
    is_complex = step.dtype.kind == "c"
    slower = (size / 8) * (3 if is_complex else 1)
    if found.k == found.l:
        each = depth * slower / _VECTOR
    else:
        many = max(1, min(rows, _BLOCK // (size * k)))
        each = k * depth / gemm_rate(many, depth, k, size, is_complex, 1)
        if any(op.nbytes > 2 * op.span for op in step.operands):  # no matrix that BLAS takes
            each = k * depth * _WITHOUT_BLAS
        each += depth * slower / _SUMS
    each += 4e-9
    threads = min(step.threads, 2) if rows * each > _SHARED else 1
    count = -(-rows * max(k, depth) * size // _BLOCK)
    seconds = max(rows * each / threads, streaming(step.in_bytes + step.out_bytes, threads))
    calls = 16.0 + (4.0 * count / threads if count > 1 else 0.0)
    flops = float(rows * (k * depth if found.k != found.l else depth))
    layout = {"C": step.output, "F": step.output[::-1]}.get(step.order, found.batch)
    note = f"one pass over {rows} rows, by {'a vector' if found.k == found.l else f'{k}x{depth}'}"
    return Offer(Cost(flops, 0.0, calls, flops / max(seconds, CALL * 1e-3)), layout, found, note, blas=True)


def _recipe(step: Step, middle: int) -> Recipe | None:
    left, right = (p for p in range(3) if p != middle)
    out, between = set(step.output), set(step.inputs[middle])
    a, b = (set(step.inputs[p]) for p in (left, right))
    if between & out or not (out <= a and out <= b) or not between:
        return None
    if (a | b | between) - out - between or (a & b) - out not in (set(), between):
        return None
    k = "".join(c for c in step.inputs[middle] if c in a)
    l = "".join(c for c in step.inputs[middle] if c in b)  # noqa: E741
    if not k or not l or between != set(k + l):
        return None
    strides = [strides_of(step.inputs[p], step.operands[p].strides) for p in (left, right)]
    batch = by_stride(step.output, strides[0])
    flat = all(fused_stride(batch, step.sizes, own) is not None for own in strides)
    return Recipe(left, middle, right, batch, k, l, flat)


def _in_rows(r: Recipe, position: int, step: Step) -> bool:
    """Whether an operand's labels of the middle lie within those of the result."""
    strides = strides_of(step.inputs[position], step.operands[position].strides)
    widest = max((abs(strides[c]) for c in r.k if step.sizes[c] > 1), default=0)
    return all(abs(strides[c]) >= widest for c in r.batch if step.sizes[c] > 1)


def bind(step: Step, offer: Offer) -> Runner:
    """Blocks of rows over threads."""
    r: Recipe = offer.recipe
    axes = [
        tuple(step.inputs[p].index(c) for c in labels)
        for p, labels in (
            (r.left, r.batch + r.k),
            (r.middle, r.k + (r.l if r.l != r.k else "")),
            (r.right, r.batch + r.l),
        )
    ]
    k, depth, rows = step.extent(r.k), step.extent(r.l), step.extent(step.output)
    # Where the batch labels are no single axis, blocks are cut along the outermost, and copied as they come.
    length = rows if r.flat else step.extent(r.batch[:1])
    each = rows // max(1, length)
    heads = ((length,), (length,)) if r.flat else (tuple(step.sizes[c] for c in r.batch),) * 2
    tails = (tuple(step.sizes[c] for c in r.k), tuple(step.sizes[c] for c in r.l))
    count = max(1, _BLOCK // max(1, each * max(k, depth) * step.dtype.itemsize))
    cuts = [slice(i, i + count) for i in range(0, length, count)]
    made_shape = tuple(step.sizes[c] for c in offer.layout)
    to_result = tuple(offer.layout.index(c) for c in step.output)
    to_batch = tuple(step.output.index(c) for c in r.batch)
    vector = r.k == r.l
    # So few products a row are summed faster by a matrix-vector product than by a loop for each row.
    ones = np.ones(depth, step.dtype) if 1 < depth <= _FEW and step.dtype.kind == "f" else None
    threads = step.threads if offer.cost.seconds * step.threads > _SHARED else 1
    empty = allocator(step.out_bytes, last=step.last)

    def run(*arrays: Array, out: Array | None = None) -> Any:
        a, m, b = (arrays[p].transpose(x) for p, x in zip((r.left, r.middle, r.right), axes, strict=True))
        matrix = m.reshape(k) if vector else m.reshape(k, depth)
        if r.flat:
            a, b = (x.reshape(head + tail) for x, head, tail in zip((a, b), heads, tails, strict=True))
        result = empty(rows, step.dtype)

        def work(index: int) -> None:
            cut = cuts[index]
            left, right = a[cut].reshape(-1, k), b[cut].reshape(-1, depth)
            part = result[cut.start * each : cut.stop * each]
            if vector:
                part[...] = (left * right).dot(matrix)
            elif ones is not None:
                turned = left @ matrix
                part[...] = np.multiply(turned, right, out=turned).dot(ones)
            else:
                c_einsum("pk,pk->p", left @ matrix, right, out=part)

        if threads > 1 and len(cuts) > 1:
            with single_threaded_blas():
                run_blocks(len(cuts), work, threads)
        else:
            run_blocks(len(cuts), work, 1)
        shaped = result.reshape([step.sizes[c] for c in r.batch])
        if out is None and offer.layout == r.batch:
            return shaped.transpose(to_result)
        if out is None:
            out = empty(made_shape, step.dtype).transpose(to_result)
        out.transpose(to_batch)[...] = shaped
        return out

    return run


ROUTE = Route("dense.quadratic", verdict, bind)
