"""A rolled operand with arrays: one rolling at a time, or by the fast Fourier transform."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax.numpy as jnp
from jax import lax

from ..._base.cost import Cost
from ..._base.facts import Operand, Step
from ..._base.routes import Offer, Refused, Route, Runner
from ..array_library.rolled_fft import rolled_fft_route
from ..array_library.rollings import Rolling, rolling_of
from .blocks import contracted, recomputed
from .dense import LIBRARY, cast
from .dtypes import native
from .operands import JaxOperand
from .written import structures

__all__ = ["ROUTES"]

#: Multiply-adds a second of products of matrices and of other sums; seconds that a turn of a loop takes.
_PRODUCTS, _LOOPS, _TURN = 8e9, 1e9, 2e-6


def _flops(step: Step) -> float:
    return float(step.extent("".join(dict.fromkeys("".join(step.inputs)))))


def _turns_verdict(step: Step) -> Offer | Refused:
    """Offer to take one rolling after the other, each a window of the array beside itself."""
    found = rolling_of(step, structures(step, "rolled"), LIBRARY)
    if isinstance(found, Refused):
        return found
    others = set("".join(x for n, x in enumerate(step.inputs) if n != found.at))
    summed = set(step.inputs[found.at]) & others - set(step.output) - {found.j}
    rate = _PRODUCTS if summed else _LOOPS
    flops = _flops(step)
    seconds = flops / rate + _TURN * found.k
    moved = float(found.k * 2 * step.operands[found.at].size // max(found.k, 1) * step.dtype.itemsize)
    cost = Cost(flops, moved + step.out_bytes, LIBRARY.calls, flops / seconds if flops else rate)
    kind = "lax.map" if found.j in step.output else "lax.scan"
    return Offer(cost, step.output, found, f"{kind} over {found.k} rollings")


def _turns_bind(step: Step, offer: Offer) -> Runner:
    found: Rolling = offer.recipe
    inner = replace(
        step,
        inputs=tuple(x.replace(found.j, "") for x in step.inputs),
        output=step.output.replace(found.j, ""),
        operands=tuple(
            Operand(tuple(step.sizes[c] for c in x if c != found.j), step.dtype, (), LIBRARY.name)
            for x in step.inputs
        ),
        last=False,
    )
    multiply = contracted(inner)
    axes = [labels.find(found.j) for labels in step.inputs]
    size = step.sizes[found.i]
    add = jnp.logical_or if step.dtype.kind == "b" else jnp.add

    def run(*operands: Any, out: Any = None) -> Any:
        base = cast(jnp.asarray(operands[found.at].base), step.dtype)
        twice = jnp.concatenate([base, base], found.axis)
        starts = jnp.asarray([(found.step % size) * j % size for j in range(found.k)], jnp.int32)

        @recomputed
        def turn(number: Any) -> Any:
            parts = [
                lax.dynamic_slice_in_dim(twice, starts[number], size, found.axis)
                if n == found.at
                else x
                if axis < 0
                else lax.dynamic_index_in_dim(x, number, axis, keepdims=False)
                for n, (x, axis) in enumerate(zip(operands, axes, strict=True))
            ]
            return multiply(*parts)

        numbers = jnp.arange(found.k, dtype=jnp.int32)
        if found.j in step.output:
            return jnp.moveaxis(lax.map(turn, numbers), 0, step.output.index(found.j))
        start = jnp.zeros(tuple(step.sizes[c] for c in step.output), native(step.dtype))
        return lax.scan(lambda total, number: (add(total, turn(number)), None), start, numbers)[0]

    return run


ROUTES = (
    Route("jax.rollings", _turns_verdict, _turns_bind),
    rolled_fft_route("jax.rolled_fft", JaxOperand.calls, structures, contracted),
)
