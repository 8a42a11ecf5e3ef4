"""A rolled operand with arrays: one rolling at a time, or by the fast Fourier transform.

The transform of a circular correlation is the product of the transforms, one of them at the negative
frequency (Oppenheim and Schafer, "Discrete-Time Signal Processing", section 8.6).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import log2
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from ..._base.cost import Cost
from ..._base.facts import Operand, Step
from ..._base.routes import Offer, Refused, Route, Runner
from .blocks import contracted, recomputed
from .dense import LIBRARY, cast
from .dtypes import native
from .written import structures

__all__ = ["ROUTES"]

#: Multiply-adds a second of products of matrices and of other sums; seconds that a turn of a loop takes.
_PRODUCTS, _LOOPS, _TURN = 8e9, 1e9, 2e-6
#: Seconds an element that a transform takes, for each of its stages.
_STAGE = 2.5e-10
_FLOATS = frozenset(map(np.dtype, (np.float32, np.float64, np.complex64, np.complex128)))


@dataclass(frozen=True, slots=True)
class _Rolling:
    """A rolled operand among the operands of a step.

    Attributes
    ----------
    at : int
        Its position.
    axis : int
        Where it is rolled.
    k, step : int
        How often, and by how much.
    i, j : str
        The labels of both axes.
    """

    at: int
    axis: int
    k: int
    step: int
    i: str
    j: str


def _rolling(step: Step) -> _Rolling | Refused:
    found = structures(step, "rolled")
    if len(found) != 1 or any(
        op.form != LIBRARY.name for n, op in enumerate(step.operands) if n not in found
    ):
        return Refused("not one rolled operand and arrays")
    _, k, axis, by = step.operands[found[0]].structure
    labels = step.inputs[found[0]]
    if not step.sizes[labels[axis]]:
        return Refused("nothing to roll")
    return _Rolling(found[0], axis, k, by, labels[axis], labels[axis + 1])


def _flops(step: Step) -> float:
    return float(step.extent("".join(dict.fromkeys("".join(step.inputs)))))


def _turns_verdict(step: Step) -> Offer | Refused:
    """Offer to take one rolling after the other, each a window of the array beside itself."""
    found = _rolling(step)
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
    found: _Rolling = offer.recipe
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


def _fft_verdict(step: Step) -> Offer | Refused:
    """Offer to transform, where one of the two axes is summed with another array's and the other is kept."""
    found = _rolling(step)
    if isinstance(found, Refused):
        return found
    if len(step.inputs) != 2:
        return Refused("not a pair of operands")
    if step.dtype not in _FLOATS:
        return Refused(f"{step.dtype} is not transformed exactly")
    other = step.inputs[1 - found.at]
    over_j = (
        found.j in other and found.j not in step.output and found.i in step.output and found.i not in other
    )
    over_i = (
        found.i in other and found.i not in step.output and found.j in step.output and found.j not in other
    )
    if not (over_j or over_i):
        return Refused("neither axis is summed with the other operand while the other one is kept")
    d = step.sizes[found.i]
    own = step.operands[found.at].size // max(found.k, 1)
    theirs = step.operands[1 - found.at].size // max(1, found.k if over_j else d) * d
    made = step.extent(step.output) // max(1, d if over_j else found.k) * d
    stages = max(1.0, log2(max(d, 2)))
    work = _flops(step) / max(1, found.k if over_j else d) / max(1, d if over_j else found.k) * d
    seconds = (own + theirs + made) * stages * _STAGE * 2 + 4 * work / _LOOPS
    flops = max(work, 1.0)
    cost = Cost(flops, float(8 * (own + theirs + made)), 4 * LIBRARY.calls, flops / seconds)
    return Offer(cost, step.output, (found, over_j), f"transforms of length {d}")


def _fft_bind(step: Step, offer: Offer) -> Runner:
    found, over_j = offer.recipe
    labels, other = step.inputs[found.at], step.inputs[1 - found.at]
    d = step.sizes[found.i]
    own = labels.replace(found.j, "")
    theirs = other.replace(found.j, found.i)
    made = step.output if over_j else step.output.replace(found.j, found.i)
    inputs = (own, theirs) if found.at == 0 else (theirs, own)
    real = step.dtype.kind == "f"
    half = d // 2 + 1 if real else d
    sizes = {**step.sizes, found.i: half}
    wide = np.result_type(step.dtype, np.complex64)
    operands = tuple(Operand(tuple(sizes[c] for c in x), wide, (), LIBRARY.name) for x in inputs)
    inner = Step(inputs, made, sizes, operands, wide, threads=step.threads, last=False)
    multiply = contracted(inner)
    starts = np.asarray([(found.step % d) * j % d for j in range(found.k)], np.int32)
    summed = theirs.index(found.i)
    at = made.index(found.i)
    forward: Callable[..., Any] = jnp.fft.rfft if real else jnp.fft.fft

    def run(*given: Any, out: Any = None) -> Any:
        base = cast(jnp.asarray(given[found.at].base), step.dtype)
        x = given[1 - found.at]
        if over_j:  # what meets the same rolling is added up first
            first = jnp.moveaxis(x, other.index(found.j), 0)
            folded = jnp.zeros((d, *first.shape[1:]), x.dtype).at[starts].add(first)
            x = jnp.moveaxis(folded, 0, summed)
        one = forward(base, axis=own.index(found.i))
        two = jnp.conj(forward(jnp.conj(x), axis=summed))
        product = multiply(one, two) if found.at == 0 else multiply(two, one)
        back = jnp.fft.irfft(product, d, axis=at) if real else jnp.fft.ifft(product, axis=at)
        result = cast(back, step.dtype)
        return result if over_j else jnp.take(result, starts, at)

    return run


ROUTES = (
    Route("jax.rollings", _turns_verdict, _turns_bind),
    Route("jax.rolled_fft", _fft_verdict, _fft_bind),
)
