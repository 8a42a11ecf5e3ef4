"""toyarray's arrays: a form of their own, whose one route is transpositions around toyarray's matmul."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from math import prod
from typing import Any

import toyarray

from ..._base.cost import Cost
from ..._base.facts import DENSE, Contraction, DType, Operand, Prepared, Step, classify
from ..._base.kinds import Bring, Form, Kind, Term
from ..._base.routes import Offer, Refused, Route, Runner

NAME = "toy"

Array = toyarray.Array


def facts(x: Array) -> Operand:
    """What planning may know of an operand; toyarray tells no strides."""
    return Operand(x.shape, x.dtype, (), NAME)


def signature(x: Array) -> Hashable:
    """What a bound plan depends on."""
    return Array, x.shape, x.dtype


def holds(inputs: Sequence[str], own: Sequence[bool], output: str) -> bool:
    """NumPy's arrays join toyarray's: whatever such an operand takes part in is a toy array."""
    return any(own)


def prepare(
    labels: str, operand: Operand, contraction: Contraction, dtype: DType, *, repeated: str, cast: bool
) -> Prepared:
    """Diagonals, broadcast axes and the cast of one operand."""
    unique = "".join(dict.fromkeys(labels))
    shape = tuple(operand.shape[labels.index(c)] for c in unique)
    squeeze = tuple(i for i, c in enumerate(unique) if shape[i] != contraction.sizes[c])
    kept = "".join(c for i, c in enumerate(unique) if i not in squeeze)
    left = Operand(tuple(contraction.sizes[c] for c in kept), dtype, (), NAME)
    diagonal = f"{labels}->{unique}" if unique != labels else None
    return Prepared(diagonal, squeeze, None if operand.dtype == dtype else dtype, kept, left)


def bring(p: Prepared, dtype: DType) -> Bring:
    """What does that to an operand."""
    labels = "" if p.diagonal is None else p.diagonal.partition("->")[0]

    def canonical(x: Array) -> Array:
        named = labels
        for c in dict.fromkeys(labels):
            while named.count(c) > 1:
                first = named.index(c)
                second = named.index(c, first + 1)
                x, named = x.diagonal(first, second), named[:second] + named[second + 1 :]
        x = x.reshape([n for i, n in enumerate(x.shape) if i not in p.squeeze])
        return x if p.cast is None else x.astype(p.cast)

    return canonical


def result(
    terms: Sequence[Term], output: str, layout: str, sizes: Mapping[str, int], dtype: DType
) -> Operand:
    """Facts of an intermediate."""
    return Operand(tuple(sizes[c] for c in output), dtype, (), NAME)


def _verdict(step: Step) -> Offer | Refused:
    matmul = len(step.inputs) == 2 and set(step.output) | set(_summed(step)) == set("".join(step.inputs))
    cost = Cost(float(step.iterations), float(step.in_bytes + step.out_bytes), 8, 1e10 if matmul else 1e9)
    note = "toyarray.matmul" if matmul else "products, then a sum"
    stored = 0 if matmul else step.iterations * step.dtype.itemsize
    return Offer(cost, step.output, matmul, note, temporary=stored)


def _summed(step: Step) -> str:
    """Labels that both operands of a pair have and the output lacks."""
    return classify(step).contracted


def _bind(step: Step, offer: Offer) -> Runner:
    contract = _by_matmul(step) if offer.recipe else _by_products(step)
    return lambda *arrays, out=None: contract([toyarray.asarray(x) for x in arrays])  # `out` is never given


def _by_matmul(step: Step) -> Any:
    labels = classify(step)
    batch, k, m, n = labels.batch, labels.contracted, labels.left, labels.right
    made = batch + m + n

    def size(names: str) -> int:
        return prod(step.sizes[c] for c in names)

    def run(arrays: list[Array]) -> Array:
        a, b = arrays
        x = a.transpose([step.inputs[0].index(c) for c in batch + m + k]).reshape(
            (size(batch), size(m), size(k))
        )
        y = b.transpose([step.inputs[1].index(c) for c in batch + k + n]).reshape(
            (size(batch), size(k), size(n))
        )
        full = (x @ y).reshape([step.sizes[c] for c in made])
        return full.transpose([made.index(c) for c in step.output])

    return run


def _by_products(step: Step) -> Any:
    every = step.output + "".join(c for c in step.sizes if c not in step.output and c in "".join(step.inputs))
    summed = tuple(range(len(step.output), len(every)))

    def run(arrays: list[Array]) -> Array:
        product: Any = None
        for labels, x in zip(step.inputs, arrays, strict=True):
            own = "".join(c for c in every if c in labels)
            ordered = x.transpose([labels.index(c) for c in own])
            factor = ordered.reshape([step.sizes[c] if c in own else 1 for c in every])
            product = factor if product is None else product * factor
        return product.sum(summed) if summed else product

    return run


FORM = Form(
    NAME,
    rank=5,
    routes=(Route("toy.contract", _verdict, _bind),),
    holds=holds,
    prepare=prepare,
    bring=bring,
    result=result,
    sliceable=False,
    called="a toyarray.Array",
    meets=frozenset({DENSE}),
)
KIND = Kind(
    NAME,
    FORM,
    lambda cls: issubclass(cls, Array),
    facts,
    signature,
    make=lambda value, operands: value,
    solvers="_kinds.toy.solvers",
)
