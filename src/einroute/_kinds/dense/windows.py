"""Windows: operands whose elements share memory, copied once as that memory and laid out for GEMM.

A sliding window, a rolled array that was lengthened, a Toeplitz matrix: two labels i and j stride over one
axis p of an ordinary array, which is shorter than the two together.  Where a product is done for each i, the
copy is laid out so that j and the free labels beside it fuse: each window is then one GEMM
(m, n) by (n, k*l) in place of k of them, and nothing is copied k times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..._base.cost import SHARED, Cost
from ..._base.facts import DType, Operand, Step, classify
from ..._base.records import dataclass
from ..._base.routes import Declined, Offer, Refused, Route, Runner
from . import integers, matmul
from .batches import batched_cost, bind_batched
from .convert import converted, converters, memory
from .overlap import Packed, Under, memory_under, orders
from .recipe import Recipe
from .residues import Residues, bind_residues, residues

Array = np.ndarray[Any, Any]

_DOUBLE, _SINGLE, _INT64 = np.dtype(np.float64), np.dtype(np.float32), np.dtype(np.int64)

#: Products from which laying windows out anew may pay.
_LEAST = 1 << 12
#: Rows from which GEMMs of single slices are fast, and what a wide one takes more, in rows.
_FAST, _REPACKED = 32, 10


@dataclass(frozen=True, slots=True)
class _Recipe:
    """Which operand overlaps itself, how it is laid out anew, and the product of what is there then."""

    position: int
    packed: Packed
    copies: bool
    step: Step
    product: Offer | Residues

    def bind(self) -> Runner:
        """The product."""
        if isinstance(self.product, Residues):
            return bind_residues(self.step, self.product)
        return bind_batched(self.step, self.product)

    @property
    def layout(self) -> str:
        """Of the product."""
        if isinstance(self.product, Residues):
            return self.step.output[::-1] if self.step.order == "F" else self.step.output
        return self.product.layout


def _offers(step: Step, dtype: DType) -> Iterator[tuple[_Recipe, Cost]]:
    """Products in a dtype with one operand as it lies or laid out anew, each with its cost."""
    for position, (labels, op) in enumerate(zip(step.inputs, step.operands, strict=True)):
        under = memory_under(labels, op)
        other = _as_dtype(step, 1 - position, dtype)
        if under is None or isinstance(other, Refused):
            continue
        as_it_lies = tuple(range(len(under.groups)))
        for order in dict.fromkeys(orders(under, position, step)):
            copies = order != as_it_lies or op.dtype != dtype
            packed = Packed.of(op, under, labels, order, dtype)
            facts = packed.facts if copies else op
            copying = Cost(bytes=2.0 * under.size * dtype.itemsize, calls=8.0) if copies else Cost(calls=0.0)
            pair = (facts, other) if position == 0 else (other, facts)
            inner = replace(step, operands=pair, dtype=dtype)
            for product, cost in _products(inner, position, under):
                yield _Recipe(position, packed, copies, inner, product), cost + copying


def _products(step: Step, position: int, under: Under) -> Iterator[tuple[Offer | Residues, Cost]]:
    """GEMMs of single windows, and of rows of them that do not overlap, each with its cost."""
    whole = window_offer(step, position)
    if isinstance(whole, Offer):
        yield whole, batched_cost(step, whole)
    labels = classify(step)
    for group in under.groups:
        if set(group) & set(labels.contracted):
            for label in set(group) & set(labels.right if position else labels.left):
                cut = residues(step, position, label)
                if cut is not None:
                    yield cut, cut.cost


def window_offer(step: Step, position: int) -> Offer | Refused:
    """The cheapest recipe on one thread, where one operand is of windows.

    A wide GEMM reads or packs its wide side anew for each window.  With few rows that is no loss, since GEMMs
    of single slices would be small; but those are fast from 32 rows on.
    """
    offer = matmul.gemm_offer(replace(step, threads=1))
    if isinstance(offer, Refused):
        return offer
    recipe: Recipe = offer.recipe
    rows, wide = (recipe.n, recipe.m) if position == 0 else (recipe.m, recipe.n)
    height = step.extent(rows)
    if len(wide) < 2 or height < _FAST:
        return offer
    cost = replace(offer.cost, rate=offer.cost.rate / (1 + _REPACKED / height))
    return replace(offer, cost=cost)


def _as_dtype(step: Step, position: int, dtype: DType) -> Operand | Refused:
    """Facts of one operand once it is of a dtype."""
    if step.operands[position].dtype == dtype:
        return step.operands[position]
    alone = converted(_alone(step, position), dtype)
    return alone if isinstance(alone, Refused) else alone.operands[0]


def _alone(step: Step, position: int) -> Step:
    return replace(step, inputs=(step.inputs[position],), operands=(step.operands[position],))


def _best(step: Step, dtype: DType) -> tuple[_Recipe, Cost] | Refused:
    if len(step.inputs) != 2:
        return Refused("not a pair of operands")
    if step.iterations < _LEAST:
        return Refused("too few products to pay for a copy")
    found = min(_offers(step, dtype), key=lambda pair: pair[1].seconds, default=None)
    return Refused("no operand is of windows that GEMM takes") if found is None else found


def _note(recipe: _Recipe, step: Step) -> str:
    axes = "".join(
        f"({'+'.join(group)})" if len(group) > 1 else group
        for group in (recipe.packed.under.groups[a] for a in recipe.packed.order)
    )
    how = "laid out" if recipe.copies else "lies"
    return f"the memory under {step.inputs[recipe.position]} {how} as {axes}: {recipe.product.note}"


def verdict(step: Step) -> Offer | Refused:
    """Offer to do the product for windows as they lie, on our threads, or laid out for GEMM."""
    if step.dtype.char not in matmul.BLAS_CHARS:
        return Refused(f"BLAS has no {step.dtype.name}")
    found = _best(step, step.dtype)
    if isinstance(found, Refused):
        return found
    recipe, cost = found
    return Offer(cost, recipe.layout, recipe, _note(recipe, step), blas=True, flagged=True)


def bind(step: Step, offer: Offer) -> Runner:
    """Copy the array under the windows where that is laid out anew, and multiply."""
    recipe: _Recipe = offer.recipe
    product = recipe.bind()
    packed, threads = recipe.packed, step.threads
    if not recipe.copies:
        return product
    if recipe.position == 0:
        return lambda a, b, out=None: product(packed.copied(packed.source(a), threads), b, out=out)
    return lambda a, b, out=None: product(a, packed.copied(packed.source(b), threads), out=out)


def integer_verdict(step: Step) -> Offer | Refused:
    """Offer the same for integers, in double precision (single, where the values allow it)."""
    if step.dtype.kind not in "biu":
        return Refused("not an integer or bool dtype")
    found = _best(step, _DOUBLE)
    if isinstance(found, Refused):
        return found
    recipe, cost = found
    # Reading for the bound, converting, and converting back.
    made = step.extent(step.output)
    moved = Cost(flops=made, bytes=3.0 * step.in_bytes + 24.0 * made, calls=12.0, rate=SHARED / 24)
    note = "exact in float: " + _note(recipe, step)
    return Offer(cost + moved, recipe.layout, recipe, note, blas=True)


def integer_bind(step: Step, offer: Offer) -> Runner:
    """Bound the sums, convert what is under the windows, multiply, narrow."""
    recipe: _Recipe = offer.recipe
    first, source = recipe.position == 0, recipe.packed.source
    depth = step.extent(classify(step).contracted)
    single, double = (_converted_product(step, recipe, dtype) for dtype in (_SINGLE, _DOUBLE))
    narrow = integers._narrow(step.dtype)
    of_other = memory(step.operands[1 - recipe.position])
    is_bool = step.dtype.kind == "b"

    def run(a: Array, b: Array, out: Array | None = None) -> Any:
        windows, other = (source(a), b) if first else (source(b), a)
        if is_bool:
            result = single(windows, other) != 0
        else:
            bound = integers.largest(windows) * integers.largest(of_other(other)) * depth
            if bound >= integers._EXACT_DOUBLE:
                return Declined("a sum could reach 2**53")
            result = (single if bound < integers._EXACT_SINGLE else double)(windows, other)
            if out is None or step.dtype != _INT64:
                result = narrow(result)
        if out is None:
            return result
        np.copyto(out, result, casting="unsafe")  # into int64 straight from exact floats
        return out

    return run


def _converted_product(step: Step, recipe: _Recipe, dtype: DType) -> Callable[[Array, Array], Array]:
    """From the array under the windows and the other operand to their product in a BLAS dtype.

    Bound when first needed.
    """
    position, threads = recipe.position, step.threads
    bound: list[tuple[Runner, Packed, Callable[[Array], Array]]] = []

    def run(windows: Array, other: Array) -> Array:
        if not bound:
            bound.append(_bound(step, recipe, dtype))
        product, packed, convert = bound[0]
        pair = (packed.copied(windows, threads), convert(other))
        result: Array = product(*(pair if position == 0 else pair[::-1]))
        return result

    return run


def _bound(step: Step, recipe: _Recipe, dtype: DType) -> tuple[Runner, Packed, Callable[[Array], Array]]:
    """The product, the copy of the windows and that of the other operand, in a dtype."""
    position, old = recipe.position, recipe.packed
    op, labels = step.operands[position], step.inputs[position]
    packed = Packed.of(op, old.under, labels, old.order, dtype)
    convert = converters(_alone(step, 1 - position), dtype)[0]
    if dtype == recipe.step.dtype:
        return recipe.bind(), packed, convert
    other = _as_dtype(step, 1 - position, dtype)
    assert isinstance(other, Operand)
    operands = (packed.facts, other) if position == 0 else (other, packed.facts)
    inner = replace(step, operands=operands, dtype=dtype)
    if isinstance(recipe.product, Residues):
        cut = residues(inner, position, recipe.product.label)
        assert cut is not None
        return bind_residues(inner, cut), packed, convert
    offer = matmul.gemm_offer(inner)
    assert isinstance(offer, Offer)
    return matmul.bind(inner, offer), packed, convert


ROUTE = Route("dense.windows", verdict, bind)
INTEGER_ROUTE = Route(
    "dense.integer_windows", integer_verdict, integer_bind, guard="|a|max * |b|max * K < 2**53 (bool: always)"
)
