"""Ways to do a step with JAX's own operations: `lax.dot_general`, and products and a sum.

All that counts is which operations are emitted: XLA fuses products with the sum that follows, and has its own
ways with transpositions around a product of matrices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from jax import lax

from ..._base.cost import Cost, gemm_rate
from ..._base.facts import Step
from ..._base.machine import machine
from ..._base.routes import Offer, Refused, Route, Runner
from ..array_library import array_routes
from .dense import LIBRARY, sum_of

__all__ = ["ROUTES", "one", "pair"]

#: Multiply-adds a second of XLA's loops on one core: products that are summed as they are made, products of
#: integer matrices, and stacks of matrices too small for its product of matrices.
_FUSED, _INTEGERS, _SMALL = 0.8e9, 4e9, 0.12e9
#: Multiply-adds below which a matrix of a stack is small.
_SMALL_MATRICES = 200


@dataclass(frozen=True, slots=True)
class _Dot:
    """How a pair is one `lax.dot_general`.

    Attributes
    ----------
    alone : tuple of tuple of int
        Axes of either operand that are summed before.
    numbers : tuple
        The dimension numbers.
    axes : tuple of int or None
        What puts the product's axes in the output's order; None where they are.
    swapped : bool
        Whether the second operand is the one on the left.
    """

    alone: tuple[tuple[int, ...], tuple[int, ...]]
    numbers: Any
    axes: tuple[int, ...] | None
    swapped: bool
    extents: tuple[int, int, int, int]


def _dot(step: Step, *, swapped: bool) -> _Dot:
    inputs = step.inputs[::-1] if swapped else step.inputs
    a, b = inputs
    out = set(step.output)
    alone = tuple(
        tuple(i for i, c in enumerate(x) if c not in y and c not in out) for x, y in ((a, b), (b, a))
    )
    a, b = (
        "".join(c for i, c in enumerate(x) if i not in gone) for x, gone in zip((a, b), alone, strict=True)
    )
    both = [c for c in a if c in b]
    batch = [c for c in step.output if c in both]
    summed = [c for c in both if c not in out]
    left, right = ([c for c in x if c in out and c not in both] for x in (a, b))
    made = [*batch, *left, *right]
    axes = tuple(made.index(c) for c in step.output)
    numbers = tuple(
        (tuple(a.index(c) for c in group), tuple(b.index(c) for c in group)) for group in (summed, batch)
    )
    extents = tuple(step.extent("".join(group)) for group in (batch, left, right, summed))
    kept = axes == tuple(range(len(axes)))
    return _Dot(alone, numbers, None if kept else axes, swapped, extents)  # type: ignore[arg-type]


def _chosen(step: Step) -> _Dot:
    """The operands in the order that saves putting the axes of the product in another one.

    Where neither does, or both do, it is jnp's, which takes the second one first.
    """
    swapped = _dot(step, swapped=True)
    if swapped.axes is not None:
        found = _dot(step, swapped=False)
        if found.axes is None:
            return found
    return swapped


def _verdict(step: Step) -> Offer | Refused:
    """Offer to do a pair that shares a summed label as one product of matrices."""
    if len(step.inputs) != 2:
        return Refused("not a pair of operands")
    found = _chosen(step)
    if not found.numbers[0][0]:
        return Refused("no label is summed in both operands")
    batch, m, n, k = found.extents
    if step.dtype.kind in "iub":
        rate = _INTEGERS
    elif batch > 1 and m * n * k < _SMALL_MATRICES:
        rate = _SMALL
    elif batch > 1 and m == n == 1:
        rate = _FUSED / 2 if _leads(found) else _FUSED / 8
    else:
        rate = gemm_rate(m, n, k, step.dtype.itemsize, step.dtype.kind == "c", step.threads)
    flops = float(step.extent("".join(dict.fromkeys("".join(step.inputs)))))
    moved = step.in_bytes + step.out_bytes * (1 if found.axes is None else 3)
    cost = Cost(flops, float(moved), LIBRARY.calls, max(rate, 1.0))
    return Offer(cost, step.output, found, "lax.dot_general")


def _leads(found: _Dot) -> bool:
    """Whether labels that both operands have in the result are the first ones of either."""
    return all(axes == tuple(range(len(axes))) for axes in found.numbers[1])


def _bind(_step: Step, offer: Offer) -> Runner:
    found: _Dot = offer.recipe
    (first, second), numbers, axes = found.alone, found.numbers, found.axes

    def run(x: Any, y: Any, out: Any = None) -> Any:
        if found.swapped:
            x, y = y, x
        x = sum_of(x, first) if first else x
        y = sum_of(y, second) if second else y
        made = lax.dot_general(x, y, numbers)
        return made if axes is None else lax.transpose(made, axes)

    return run


def one(step: Step) -> Runner:
    """An operand alone: summed, and its axes put in order."""
    return _MULTIPLY.bind(step, _multiply_verdict(step))


def pair(step: Step) -> Runner:
    """A pair by the way that takes less time."""
    dot, products = _verdict(step), _multiply_verdict(step)
    if isinstance(dot, Offer) and dot.cost.seconds <= products.cost.seconds:
        return _bind(step, dot)
    return _MULTIPLY.bind(step, products)


_MULTIPLY = next(route for route in array_routes(LIBRARY) if route.name.endswith(".multiply"))


def _multiply_verdict(step: Step) -> Offer:
    """Products, then a sum, which XLA makes one loop."""
    offer = _MULTIPLY.verdict(step)
    assert isinstance(offer, Offer)
    size = float(step.extent("".join(dict.fromkeys("".join(step.inputs)))))
    summed = size > step.extent(step.output)
    rate = _FUSED if summed and len(step.inputs) > 1 else 4 * _FUSED
    along_rows = step.inputs[0][-1:] not in step.output
    if summed and along_rows and step.in_bytes > machine().shared_bytes:
        rate /= 4
    cost = Cost(
        size * max(1, len(step.inputs) - 1), float(step.in_bytes + step.out_bytes), LIBRARY.calls, rate
    )
    return replace(offer, cost=cost)


ROUTES = (
    Route("jax.dot_general", _verdict, _bind),
    Route("jax.multiply", _multiply_verdict, _MULTIPLY.bind),
)
