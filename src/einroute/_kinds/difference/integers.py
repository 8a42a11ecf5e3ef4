"""Integer forms: products of sums multiplied out, which is exact modulo 2**bits, wherever a sum wraps."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Operand, Step, c_strides
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting
from ..._base.routes import Offer, Refused
from .finish import finished
from .form import Form, inner, linear, squared

Array = np.ndarray[Any, Any]


def verdict(step: Step) -> Rewriting | Refused:
    """Offer ``x'Mx + y'My - x'My - y'Mx``, or ``x'w - y'w``."""
    if step.dtype.kind not in "iu":
        return Refused("not integers")
    form = squared(step)
    if isinstance(form, Refused):
        form = linear(step)
    if isinstance(form, Refused):
        return form
    d = step.operands[form.at[0]]
    if d.dtype != step.dtype:
        return Refused(f"the differences wrap as {d.dtype} before they are {step.dtype}")
    return Rewriting(
        Offer(
            Cost(step.extent(form.made) * 4.0, 0.0, 30.0, 1e9),
            step.output,
            form,
            "multiplied out, exact where it wraps",
        ),
        (*_products(form, step), *inner(form, step)),
    )


def _terms(form: Form, step: Step, sides: str) -> tuple[tuple[str, ...], str]:
    """Labels of the contraction of the points of some sides with the metric."""
    labels = {"x": form.i, "y": form.j}
    own = tuple(labels[side] + k for side, k in zip(sides, form.features, strict=True))
    inputs = (*own, *(step.inputs[p] for p in form.metric))
    return inputs, form.batch + "".join(dict.fromkeys(labels[side] for side in sides))


def _products(form: Form, step: Step) -> tuple[Inner, ...]:
    """The products of points, for their cost."""
    n, m, d = step.operands[form.at[0]].shape
    facts = {
        side: Operand((k, d), step.dtype, c_strides((k, d), step.dtype.itemsize))
        for side, k in (("x", n), ("y", m))
    }
    metric = tuple(step.operands[p] for p in form.metric)
    sides = ("x", "y") if len(form.features) == 1 else ("xx", "yy", "xy")
    return tuple(
        Inner(*_terms(form, step, pair), (*(facts[side] for side in pair), *metric)) for pair in sides
    )


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Products of the points by themselves, and of the two sides."""
    form: Form = rewriting.offer.recipe
    d = operands[form.at[0]]
    y = np.ascontiguousarray(d.y, step.dtype)
    metric = tuple(operands[p] for p in form.metric)
    batch = len(form.batch)

    def product(sides: str, points: dict[str, Array]) -> Array:
        inputs, output = _terms(form, step, sides)
        made: Array = np.asarray(contract(inputs, output, (*(points[s] for s in sides), *metric)))
        return made

    own = product("y" * len(form.features), {"y": y})

    def make(low: int, high: int) -> Array:
        points = {"x": np.ascontiguousarray(d.x[low:high], step.dtype), "y": y}
        left = product("x" * len(form.features), points)
        if len(form.features) == 1:
            made = np.subtract(left[..., :, None], own[..., None, :])
        else:
            made = np.add(left[..., :, None], own[..., None, :])
            made -= product("xy", points)
            made -= _swapped(product("yx", points), batch)
        return made.reshape(-1, high - low, len(y))

    return finished(form, step, make, operands, contract)


def _swapped(x: Array, batch: int) -> Array:
    return x.swapaxes(batch, batch + 1)


INTEGERS = Rewrite("difference.integers", verdict, run)
