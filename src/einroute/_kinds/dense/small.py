"""Products of small matrices and vectors, and of stacks of them, by the compiled core.

One axis runs along the lanes of vectors: the stack's, or that of the rows or columns of each matrix,
whichever the layout of the operands makes cheapest.  NumPy calls BLAS for each matrix instead.
Sums are added in the order of their labels in the first operand, so that bits depend on the operands alone.
"""

from __future__ import annotations

from typing import Any

from ..._base.cost import Cost
from ..._base.facts import Classes, Step, classify
from ..._base.records import dataclass
from ..._base.routes import Offer, Refused, Route, Runner
from ..._native import CORE, REASON
from ..._native.flags import report
from .layout import by_stride, strides_of


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a product is done.

    Attributes
    ----------
    layout : str
        The result's labels in the order of its memory.
    loops : str
        Labels of the stack: of both operands, or of one, and then the other is shared.
    """

    layout: str
    loops: str


#: The most rows, columns and products of a sum: beyond, BLAS is faster.
_MOST = 32
#: Of NumPy's call, in the units of `Cost`: a look at the arrays, and the result.
_CALL = 0.35
#: Bytes of a vector, instructions a second, and how many it takes to pack or to scatter an element.
_VECTOR, _RATE, _MOVE = 32, 5e9, 2.2


def verdict(step: Step) -> Offer | Refused:
    """Offer the core's loops where rows, columns and sums are short."""
    if CORE is None:
        return Refused(f"the compiled core is not there: {REASON}")
    if len(step.inputs) != 2 or step.dtype.char not in "fdFD":
        return Refused("not a pair of operands of a BLAS dtype")
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
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
    note = f"{step.extent(labels.batch)} products {rows}x{sums} by {sums}x{columns}"
    return Offer(
        _cost(step, labels, layout),
        layout,
        Recipe(layout, labels.batch),
        note,
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
    strides: dict[str, int] = {}
    for own, op in zip(step.inputs, step.operands, strict=True):
        for c, stride in strides_of(own, op.strides).items():
            strides[c] = max(strides.get(c, 0), abs(stride))
    if not labels.batch:
        return by_stride(step.output, strides)
    innermost = by_stride(step.output, strides)[-1]
    if innermost in labels.batch:  # the stack lies innermost, as it does in the result then
        return "".join(c for c in step.output if c not in labels.batch) + by_stride(labels.batch, strides)
    return by_stride(labels.batch, strides) + "".join(c for c in step.output if c not in labels.batch)


def _cost(step: Step, labels: Classes, layout: str) -> Cost:
    """By the instructions with each axis along the lanes: so the core chooses one (arrange.hpp)."""
    least = min((_instructions(step, labels, layout, c) for c in step.output), default=30.0)
    flops = float(step.iterations)
    return Cost(flops, float(step.in_bytes + step.out_bytes), _CALL, _RATE * flops / least)


def _instructions(step: Step, labels: Classes, layout: str, lanes: str) -> float:
    size, is_complex = step.dtype.itemsize, step.dtype.kind == "c"
    width = _VECTOR // (size // 2 if is_complex else size)
    groups = (labels.left, labels.right, labels.contracted)
    m, n, k = (step.extent("".join(c for c in group if c != lanes)) for group in groups)
    loops = step.extent("".join(c for c in labels.batch if c != lanes))
    a, b = (
        strides_of(own, op.strides).get(lanes, 0) for own, op in zip(step.inputs, step.operands, strict=True)
    )
    whole, rest = divmod(step.sizes[lanes], width)
    product = 2 * m * n * k * (4 if is_complex else 1) + 30 + 4 * n
    packed = [0.0, 0.0]  # of a full block, and of the last
    for stride, elements in ((a, _MOVE * width * m * k), (b, _MOVE * width * k * n)):
        packed[0] += elements if stride and (is_complex or stride != size) else 0
        packed[1] += elements if stride else 0
    scattered = _MOVE * width * m * n
    full = product + packed[0] + (scattered if is_complex or layout[-1] != lanes else 0)
    last = product + packed[1] + scattered
    return float(loops * (whole * full + (last if rest else 0)))


def bind(step: Step, offer: Offer) -> Runner:
    """The core's product of these shapes."""
    assert CORE is not None
    a, b = step.inputs
    recipe: Recipe = offer.recipe
    arrays = (a, b, step.output)
    axes = [(*(own.find(c) for own in arrays), c in recipe.loops) for c in dict.fromkeys(a + b)]
    run: Any = CORE.Product(
        step.dtype.char,
        *(tuple(step.sizes[c] for c in own) for own in arrays),
        axes,
        tuple(step.output.index(c) for c in recipe.layout),
        report,
    )
    return run  # type: ignore[no-any-return]


ROUTE = Route("dense.small", verdict, bind)
