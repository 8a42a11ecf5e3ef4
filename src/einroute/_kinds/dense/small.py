"""Contractions of small arrays, and products of stacks of small matrices, by the compiled core.

What is small in all is contracted by loops over its labels, or over those of pairs, whichever takes less; any
number of operands is one step.  Of a stack one axis runs along the lanes of vectors: the stack's, or that of
the rows or columns of each matrix, whichever the layout of the operands makes cheapest.  NumPy calls BLAS for
each matrix instead.  Sums are added in the order of their labels, so that bits depend on the operands alone.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..._base.c_einsum import ascii_subscripts
from ..._base.cost import CALL, Cost, moving
from ..._base.facts import LINE, Classes, Contraction, Step, classify
from ..._base.machine import machine
from ..._base.routes import Offer, Refused, Route, Runner
from ..._native import CORE, REASON
from ..._native.flags import report
from .lines import moved
from .strides import by_stride, fused_stride, layout_strides, strides_of

#: The most rows, columns and products of a sum of a stack: beyond, BLAS is faster.
_MOST = 32
#: Products of each sum beyond which a pair is no work for vectors across them (program.cpp).
_MOST_VECTORS = 64
#: Products beyond which the core's loops are no contraction of small arrays.
_MOST_PRODUCTS = 1 << 16
#: Of NumPy's call, in the units of `Cost`: the result, and for a stack a look at the arrays.
_CALL, _LOOK = 0.2, 0.35
#: Instructions of a stack's products a second: of sums, of products alone, and of complex numbers.
_SUMS, _ALONE, _COMPLEX = 8e9, 4e9, 9.2e9
#: The share of these of a matrix by a vector, whose sums wait for themselves, and of one that all of a stack
#: share, beyond so many rows that stay in registers; and further of single sums, which share nothing.
_WAITS, _HELD, _SINGLE = 0.65, 4, 0.7
#: Seconds up to which the core answers at sight, of two operands and of more (understand.cpp).
_AT_SIGHT = (450e-9, 800e-9)
#: Seconds that a run along the innermost of several sums takes to begin.
_RUN = 6.5e-9
#: Seconds an element that lies far from the last one, and how many times memory is read that is not foreseen.
_SCATTERED, _UNFORESEEN = 0.45e-9, 4
_PLAIN = frozenset("?bBhHiIlLqQfdFD")


def verdict(step: Step) -> Offer | Refused:
    """Offer the core's loops where all is small, or rows, columns and sums of a stack are short."""
    if CORE is None:
        return Refused(f"the compiled core is not there: {REASON}")
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
    whole, stack = _contraction(step), _stack(step)
    if isinstance(stack, Offer) and isinstance(whole, Offer):
        return min(whole, stack, key=lambda offer: offer.cost.seconds)
    return whole if isinstance(whole, Offer) else stack


def _contraction(step: Step) -> Offer | Refused:
    """All operands in one call of the core."""
    char = step.dtype.char
    if char not in _PLAIN or any(op.dtype != step.dtype for op in step.operands):
        return Refused("not operands of one plain dtype")
    summed = set("".join(step.inputs)) - set(step.output)
    if len(step.inputs) == 1 and not summed:
        return Refused("nothing to contract")
    if step.iterations > _MOST_PRODUCTS and len(step.inputs) < 3:
        return Refused(f"more than {_MOST_PRODUCTS} products")
    fortran = step.order == "F"
    shapes = [op.shape for op in step.operands]
    run = _made(step.inputs, step.output, char, shapes, order="F" if fortran else "C", report=report)
    if run is None:
        return Refused("more operands, labels or products than the core takes")
    layout = step.output[::-1] if fortran else step.output
    flops = float(step.iterations)
    alone = len(run.steps) == 1
    seconds = 1e-9 * run.nanoseconds(*(op.strides for op in step.operands))
    nbytes, calls = _through_memory(step, run.intermediates)
    if seconds > _AT_SIGHT[len(step.inputs) > 2]:  # else the core answers whatever is planned
        seconds += _across(step, alone=alone) + (_runs(step) if alone else 0.0)
    products = f"{flops:.0f} products" if alone else f"{len(run.steps)} steps"
    return Offer(
        Cost(flops, nbytes, calls, flops / seconds),
        layout,
        run,
        f"{len(step.inputs)} operands in one call, {products}",
        flagged=alone,
        single=not summed and alone,
        temporary=run.intermediates,
        whole=partial(_whole, char, step.order),
    )


def _through_memory(step: Step, made: int) -> tuple[float, float]:
    """Bytes read and written, and calls: those of intermediates that are large are new memory."""
    here = machine()
    fresh = made / here.fresh if made > here.own_bytes else 0.0
    # Steps of several operands read them in an order that memory does not foresee.
    reach = max(step.read_bytes, *(op.span for op in step.operands))  # a slice may lie all over memory
    passes = _UNFORESEEN if len(step.inputs) > 2 and reach > here.shared_bytes / 2 else 1
    return float(passes * step.read_bytes + step.out_bytes + 3 * made), _CALL + fresh / CALL


def _across(step: Step, *, alone: bool) -> float:
    """Seconds that reading operands takes which lie across the innermost loop, of one step or of several."""
    if len(step.inputs) == 1:
        return 0.0
    inner = _innermost(step)
    return _SCATTERED * sum(
        max(op.size, step.iterations if alone and _by_loops(step) else 0)
        for own, op in zip(step.inputs, step.operands, strict=True)
        if inner and inner in own and op.strides[own.index(inner)] != op.dtype.itemsize
    )


def _by_loops(step: Step) -> bool:
    """Whether the core has no kernel of vectors for it."""
    if len(step.inputs) != 2 or step.dtype.char not in "fdFD":
        return True
    return step.iterations > _MOST_VECTORS * step.extent(step.output)


def _innermost(step: Step) -> str:
    """The label of the innermost loop: of loops the last sum, of vectors the last of the largest operand."""
    order = "".join(dict.fromkeys("".join(step.inputs)))
    if _by_loops(step):
        summed = [c for c in order if c not in step.output and step.sizes[c] > 1]
        if summed:
            return summed[-1]
    labels = max(zip(step.inputs, step.operands, strict=True), key=lambda pair: pair[1].size)[0]
    return next((c for c in reversed(labels) if step.sizes[c] > 1), "")


def _runs(step: Step) -> float:
    """Seconds that runs along the innermost sum take to begin, where sums are several loops."""
    if len(step.inputs) == 2 and step.dtype.char in "fdFD":
        return 0.0  # most are done in vectors
    summed = "".join(
        c for c in dict.fromkeys("".join(step.inputs)) if c not in step.output and step.sizes[c] > 1
    )
    pairs = zip(step.inputs, step.operands, strict=True)
    arrays = [{**dict.fromkeys(summed, 0), **strides_of(own, op.strides)} for own, op in pairs]
    if all(fused_stride(summed, step.sizes, own) is not None for own in arrays):
        return 0.0
    return _RUN * step.iterations / step.sizes[summed[-1]]


def _made(inputs: tuple[str, ...], output: str, char: str, shapes: Any, **options: Any) -> Any:
    """The core's contraction; None if it takes no such."""
    assert CORE is not None
    try:
        return CORE.Contraction(ascii_subscripts(inputs, output), char, shapes, **options)
    except (ValueError, StopIteration):  # more labels than letters
        return None


def _whole(
    char: str, order: str, contraction: Contraction, shapes: tuple[tuple[int, ...], ...], scalar: bool
) -> Runner | None:
    """The call on the operands as they came: diagonals and broadcast axes are the core's as well."""
    run: Runner | None = _made(
        contraction.inputs, contraction.output, char, shapes, order=order, scalar=scalar
    )
    return run


def _stack(step: Step) -> Offer | Refused:
    """Products of the matrices of a stack."""
    if len(step.inputs) != 2 or step.dtype.char not in "fdFD":
        return Refused("not a pair of operands of a BLAS dtype")
    if not all(step.inputs):
        return Refused("an operand is a number")  # as sums to no axes give it: no array
    labels = classify(step)
    if set("".join(step.inputs)) - set(step.output) - set(labels.contracted):
        return Refused("a label of one operand alone is summed")
    if step.extent(labels.contracted) > _MOST:
        return Refused(f"sums of more than {_MOST} products")
    if len(step.sizes) >= _MOST:
        return Refused("many labels")
    if not labels.contracted and not 1 < max(step.extent(labels.left), step.extent(labels.right)) <= _MOST:
        return Refused("no small outer product")
    labels = _stacked(step, labels)
    layout = _layout(step, labels)
    rows, columns, sums = (step.extent(x) for x in (labels.left, labels.right, labels.contracted))
    run = _product(step, labels, layout)
    return Offer(
        _cost(step, labels, layout, run),
        layout,
        run,
        f"{step.extent(labels.batch)} products {rows}x{sums} by {sums}x{columns}",
        flagged=True,
        single=not labels.contracted,
    )


def _stacked(step: Step, labels: Classes) -> Classes:
    """The labels with rows and columns that are many taken as a stack that shares the other operand."""
    left, right = (
        "".join(c for c in free if step.extent(free[free.index(c) :]) <= _MOST)
        for free in (labels.left, labels.right)
    )
    loops = "".join(c for c in step.output if c not in left + right)
    return Classes(loops, labels.contracted, left, right)


def _layout(step: Step, labels: Classes) -> str:
    """The output's labels in the order of memory: the stack's where the operands have them."""
    if step.order != "K":
        return step.output if step.order == "C" else step.output[::-1]
    strides = dict.fromkeys(step.output, 0)
    for own, op in sorted(zip(step.inputs, step.operands, strict=True), key=lambda pair: pair[1].size):
        strides |= {c: abs(stride) for c, stride in strides_of(own, op.strides).items() if stride}
    if not labels.batch:
        return by_stride(step.output, strides)
    innermost = by_stride(step.output, strides)[-1]
    if innermost in labels.batch:  # the stack lies innermost, as it does in the result then
        return "".join(c for c in step.output if c not in labels.batch) + by_stride(labels.batch, strides)
    return by_stride(labels.batch, strides) + "".join(c for c in step.output if c not in labels.batch)


def _product(step: Step, labels: Classes, layout: str) -> Any:
    """The core's product of these shapes."""
    assert CORE is not None
    a, b = step.inputs
    arrays = (a, b, step.output)
    # Sums are added in the order of their labels.
    loops = _loops(step, labels, layout)
    return CORE.Product(
        step.dtype.char,
        *(tuple(step.sizes[c] for c in own) for own in arrays),
        [(*(own.find(c) for own in arrays), c in labels.batch) for c in dict.fromkeys(loops + a + b)],
        tuple(step.output.index(c) for c in layout),
        report,
    )


def _arrays(step: Step, layout: str) -> list[dict[str, int]]:
    """Strides of the operands and of the result."""
    own = [strides_of(labels, op.strides) for labels, op in zip(step.inputs, step.operands, strict=True)]
    return [*own, layout_strides(layout, step.sizes, step.dtype.itemsize)]


def _loops(step: Step, labels: Classes, layout: str) -> str:
    """The loops of the stack as memory lies, most of all."""
    arrays = _arrays(step, layout)
    return by_stride(labels.batch, {c: sum(abs(own.get(c, 0)) for own in arrays) for c in labels.batch})


def _cost(step: Step, labels: Classes, layout: str, run: Any) -> Cost:
    """By the instructions of the axis along the lanes that the core chooses, and what its loops move."""
    instructions = run.instructions(*(op.strides for op in step.operands))
    compute = instructions / _rate(step, labels, layout)
    loops = _loops(step, labels, layout) + labels.left + labels.right + labels.contracted
    nbytes = moved(loops, step.sizes, _arrays(step, layout), step.dtype.itemsize)
    held = float(step.in_bytes + step.out_bytes)
    longest = max(step.extent(x) for x in (labels.left, labels.right, labels.contracted))
    if longest * step.dtype.itemsize > 2 * LINE:  # no row is foreseen while the one before is summed
        compute += moving(nbytes, held)
    elif step.out_bytes > machine().shared_bytes / 2:  # a result's lines are waited for, too
        compute += moving(step.out_bytes)
    flops = float(step.iterations)
    return Cost(flops, nbytes, _LOOK, flops / compute, held=held)


def _rate(step: Step, labels: Classes, layout: str) -> float:
    """Instructions a second."""
    rows, columns, sums = (step.extent(x) for x in (labels.left, labels.right, labels.contracted))
    if not labels.contracted:
        return _COMPLEX if step.dtype.kind == "c" else _ALONE
    shared = any(layout[-1:] in own and set(labels.batch).isdisjoint(own) for own in step.inputs)
    waits = step.dtype.kind != "c" and min(rows, columns) == 1
    rate = _COMPLEX if step.dtype.kind == "c" else _SUMS
    rate *= _SINGLE if rows == columns == 1 else 1.0
    return rate * (_WAITS if waits or (shared and labels.batch and max(rows, columns, sums) > _HELD) else 1)


def bind(step: Step, offer: Offer) -> Runner:
    """The core's object is the runner."""
    run: Runner = offer.recipe
    return run


ROUTE = Route("dense.small", verdict, bind)
