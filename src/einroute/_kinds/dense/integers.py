"""Integer and bool products through float BLAS, where a bound proves them exact.

A float64 GEMM of integers is exact, whatever the order of its sums, when every partial sum is below
2**53 in size; |a|max * |b|max * K bounds them all.  Below 2**24 single precision will do.  Sums that would
not fit the integer dtype wrap as NumPy's do: they are exact before they are narrowed.  Beyond the bound
each operand is split into a high and a low half, whose four products are exact and are put together
modulo 2**64.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from ..._base.cost import SHARED, Cost
from ..._base.facts import Step, classify
from ..._base.routes import Declined, Offer, Refused, Route, Runner
from ..._native import CORE
from ..._native.fresh import cast
from . import matmul
from .convert import converted, converters, memory

Array = np.ndarray[Any, Any]

_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
_INT32, _INT64 = np.dtype(np.int32), np.dtype(np.int64)
_EXACT_SINGLE, _EXACT_DOUBLE = 1 << 24, 1 << 53
#: Elements up to which the core finds the largest sooner than NumPy, whose two loops are vectorized.
_FEW = 1 << 14
#: Calls of NumPy's that take as long as what is done around the product: for more elements, and for those.
_CALLS, _FEW_CALLS = 12.0, 5.0
#: Bits of the low half of a split operand.
_HALF_BITS = 16


def verdict(step: Step) -> Offer | Refused:
    """Offer a GEMM in double precision (single, where the values allow it)."""
    return _verdict(step, products=1)


def split_verdict(step: Step) -> Offer | Refused:
    """Offer four GEMMs of the operands' halves."""
    if step.dtype.itemsize < 4:
        return Refused("the whole values are small enough")
    if any(op.nbytes > 2 * op.span for op in step.operands):
        return Refused("the halves of an operand that repeats its own memory would be copies")
    return _verdict(step, products=4)


def _verdict(step: Step, products: int) -> Offer | Refused:
    if step.dtype.kind not in "biu":
        return Refused("not an integer or bool dtype")
    inner = converted(step, _DOUBLE)
    if isinstance(inner, Refused):
        return inner
    offer = matmul.gemm_offer(inner)
    if isinstance(offer, Refused):
        return offer
    elements = step.in_bytes // step.dtype.itemsize
    made = step.extent(step.output)
    # Reading for the bound, converting, and converting back.
    moved = float(elements * (3 * step.dtype.itemsize + 8 * products) + made * 24 * products)
    gemm = offer.cost
    cost = Cost(
        gemm.flops * products + moved,
        gemm.bytes * products + moved,
        gemm.calls * products
        + (_CALLS if elements > 2 * _FEW or CORE is None else _FEW_CALLS)
        + 8 * (products - 1),
        (gemm.flops * products + moved) / (gemm.flops * products / gemm.rate + moved / SHARED),
    )
    note = "exact in float: " if products == 1 else "exact by halves: "
    held = _held(inner, step, made, products) + offer.temporary
    return Offer(cost, offer.layout, (inner, offer), note + offer.note, offer.blas, temporary=held)


def _held(inner: Step, step: Step, made: int, products: int) -> int:
    """Bytes of the operands as floats, and of what is made before the result and beside it."""
    floats, item = inner.in_bytes, step.dtype.itemsize
    if step.dtype.kind == "b":
        return floats // 2 + 4 * made  # in single precision
    if products == 1:
        return max(floats + (8 - item) * made, (16 if item < 8 else 8) * made)
    # Two halves of each; beside them those of one as integers, or three arrays of what is made.
    largest = max(min(op.nbytes, op.span) for op in step.operands)
    return 2 * floats + max(2 * largest, (32 - item) * made)


def bind(step: Step, offer: Offer) -> Runner:
    """Bound the sums, convert, multiply, narrow."""
    depth = step.extent(classify(step).contracted)
    single, double = _in(step, _SINGLE), _in(step, _DOUBLE)
    narrow = _narrow(step.dtype)
    is_bool = step.dtype.kind == "b"
    of_a, of_b = map(memory, step.operands)

    def run(a: Array, b: Array, out: Array | None = None) -> Any:
        if is_bool:
            # Sums of zeros and ones: zero stays zero and nothing positive rounds to it, at any length.
            result = single(a, b) != 0
        else:
            bound = largest(of_a(a)) * largest(of_b(b)) * depth
            if bound >= _EXACT_DOUBLE:
                return Declined("a sum could reach 2**53")
            result = narrow((single if bound < _EXACT_SINGLE else double)(a, b))
        if out is None:
            return result
        np.copyto(out, result)
        return out

    return run


def largest(x: Array) -> int:
    """The largest absolute value, as a Python int (which does not overflow)."""
    if CORE is not None and x.size <= _FEW:
        found: int | None = CORE.magnitude(x)
        if found is not None:
            return found
    return max(int(x.max()), -int(x.min()))


def _in(step: Step, dtype: np.dtype[Any]) -> Callable[[Array, Array], Array]:
    """The product in a BLAS dtype, bound when first needed."""
    bound: list[tuple[Runner, Callable[[Array], Array], Callable[[Array], Array]]] = []

    def run(a: Array, b: Array) -> Array:
        if not bound:
            inner = converted(step, dtype)
            offer = matmul.gemm_offer(inner) if not isinstance(inner, Refused) else inner
            if isinstance(inner, Refused) or isinstance(offer, Refused):
                raise AssertionError("a refused step was bound")
            as_a, as_b = converters(step, dtype)
            bound.append((matmul.bind(inner, offer), as_a, as_b))
        product, as_a, as_b = bound[0]
        result: Array = product(as_a(a), as_b(b))
        return result

    return run


def _narrow(dtype: np.dtype[Any]) -> Callable[[Array], Array]:
    """From exact floats to the dtype, wrapping: a float out of its range must not be cast directly."""
    if dtype == _INT64:
        return lambda x: cast(x, _INT64)
    return lambda x: cast(cast(x, _INT32 if x.dtype == _SINGLE else _INT64), dtype)


def split_bind(step: Step, offer: Offer) -> Runner:
    """Four exact products of halves, added up modulo 2**64."""
    depth = step.extent(classify(step).contracted)
    inner, double = offer.recipe
    product = matmul.bind(inner, double)
    as_a, as_b = converters(step, _DOUBLE)
    limit = 1 << (2 * _HALF_BITS)
    of_a, of_b = map(memory, step.operands)

    def run(a: Array, b: Array, out: Array | None = None) -> Any:
        bounds = largest(of_a(a)), largest(of_b(b))
        high = max(1 << _HALF_BITS, *((x >> _HALF_BITS) + 1 for x in bounds))
        if max(bounds) >= limit or high * high * depth >= _EXACT_DOUBLE:
            return Declined("a sum of halves could reach 2**53")
        halves = [_halves(a, as_a), _halves(b, as_b)]
        result: Any = None
        for i, x in enumerate(halves[0]):
            for j, y in enumerate(halves[1]):
                part = cast(np.asarray(product(x, y)), _INT64).view(np.uint64)
                part <<= np.uint64(_HALF_BITS * (i + j))
                result = part if result is None else np.add(result, part, out=result)
        if out is None:
            return result.astype(step.dtype)
        np.copyto(out, result, casting="unsafe")
        return out

    return run


def _halves(x: Array, convert: Callable[[Array], Array]) -> tuple[Array, Array]:
    """Low and high half as floats, with x = low + high * 2**16 and 0 <= low < 2**16."""
    high = x >> x.dtype.type(_HALF_BITS)
    low = x & x.dtype.type((1 << _HALF_BITS) - 1)
    return convert(low), convert(high)


def bool_verdict(step: Step) -> Offer | Refused:
    """Offer NumPy's own dot of bools, which ends each sum at its first true term."""
    if step.dtype.kind != "b":
        return Refused("not bool")
    offer = matmul.gemm_offer(step)
    if isinstance(offer, Refused):
        return offer
    if offer.recipe.pack_out:
        return Refused("the result would have to be copied")
    made = float(step.extent(step.output))
    offer = replace(offer, recipe=matmul.as_it_lies(step, offer.recipe))
    packs = (offer.recipe.pack_a, offer.recipe.pack_b)
    copied = sum(op.size for op, pack in zip(step.operands, packs, strict=True) if pack)
    cost = Cost(made * _SOON + copied, float(step.out_bytes), 10.0, 1e9)
    return Offer(cost, offer.layout, offer, "ends at the first true term: " + offer.note)


def bool_bind(step: Step, offer: Offer) -> Runner:
    """``dot``, where true is frequent enough for its sums to end soon."""
    run_dot = matmul.bind(step, offer.recipe)
    of_a, of_b = (_share_of_true(op.shape) for op in step.operands)

    def run(a: Array, b: Array, out: Array | None = None) -> Any:
        if of_a(a) * of_b(b) * _SOON < 1:
            return Declined("true is too rare for the sums to end soon")
        return run_dot(a, b, out=out)

    return run


def _share_of_true(shape: tuple[int, ...]) -> Callable[[Array], float]:
    """Which share of an array is true, by a sample where it is large: it decides about time alone."""
    size = prod(shape)
    if size <= 8 * _SAMPLE:
        return lambda x: float(np.count_nonzero(x)) / size
    # Spread evenly, and in step with no period of the array's.
    places = np.unravel_index(
        np.arange(_SAMPLE, dtype=np.uint64) * np.uint64(_GOLDEN) % np.uint64(size), shape
    )
    return lambda x: float(np.count_nonzero(x[places])) / _SAMPLE


#: Terms after which a sum of bools is expected to meet a true one, at most.
_SOON = 16
#: Elements of a sample; and 2**32 over the golden ratio, whose multiples lie evenly and without a period
#: (Knuth, "The Art of Computer Programming" 3, section 6.4).
_SAMPLE, _GOLDEN = 1024, 2654435769

BOOL_ROUTE = Route(
    "dense.bool_dot", bool_verdict, bool_bind, guard="a product of two terms is true 1 time in 16"
)
ROUTE = Route("dense.integer_matmul", verdict, bind, guard="|a|max * |b|max * K < 2**53 (bool: always)")
SPLIT_ROUTE = Route(
    "dense.split_integer_matmul", split_verdict, split_bind, guard="|a|max, |b|max < 2**32 and K < 2**21"
)
