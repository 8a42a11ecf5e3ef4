"""Sums along windows by the core's kernel: circular correlations, no window copied.

``ij,j->i`` sums along each window, ``ij,i->j`` along the base for each rolling: both are circular
correlations of the base with the other operand, and differ by which axis is which.  Labels that the base
alone has lie beside the ring as columns, or make a stack of rings, as they lie in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.densify import densified
from ..._base.facts import Operand, Step
from ..._base.rewrites import Contract, Rewrite, Rewriting, regular
from ..._base.routes import Offer, Refused
from ..._native import CORE
from .extension import base_shape
from .where import Where, others_bytes

Array = np.ndarray[Any, Any]

_CHARS = "?bBhHiIlLqQfdFD"
#: Bytes of a vector, and vectors that are summed side by side.
_VECTOR, _TOGETHER = 32, 8
#: Seconds for one term of a vector; of bytes and of 8 bytes, whose products are several instructions; and for
#: one of a sum that waits for the term before.
_TERM, _BYTES, _LONG, _WAITING = 3.0e-10, 8e-10, 8.5e-10, 1.3e-9
#: Seconds of a call, for each stretch of results, and for a byte of what is copied.
_START, _STRETCH, _COPIED = 4e-7, 4e-8, 8e-11
#: Products from which the core shares them, and what two threads take of the time of one.
_SHARED, _TWO = 4e6, 0.6


@dataclass(frozen=True, slots=True)
class _Recipe:
    """A stack of rings and factors, and what is summed of them.

    Attributes
    ----------
    where : Where
    ring : tuple of int
        The axes of the base as a ring has them: those of the stack, the rolled one, columns.
    ring_shape : tuple of int
        Of the stack in one axis, unless there is none, and of the ring with its columns.
    factors : tuple of int
        The axes of the other operand: those of the stack, the summed one.
    factors_shape, broadcast : tuple of int
        With axes of length 1 where the stack has labels that it lacks; and with those as long as they are.
    flat : tuple of int
        The same with the stack in one axis, unless there is none.
    count, step, first : int
        In elements of the ring.
    made : tuple of int
        The shape of what is made, by stack, kept axis, columns.
    backwards : tuple of slice or None
        What turns the kept axis round, where it is made backwards.
    back : tuple of int or None
        The axes of what is made, as the result has them; None if in order.
    """

    where: Where
    ring: tuple[int, ...]
    ring_shape: tuple[int, ...]
    factors: tuple[int, ...]
    factors_shape: tuple[int, ...]
    broadcast: tuple[int, ...]
    flat: tuple[int, ...]
    count: int
    step: int
    first: int
    made: tuple[int, ...]
    backwards: tuple[slice, ...] | None
    back: tuple[int, ...] | None


def verdict(step: Step) -> Rewriting | Refused:
    """Offer the core's kernel."""
    if CORE is None:
        return Refused("there is no compiled core")
    where = Where.of(step)
    if step.form != "dense" or len(step.inputs) != 2 or step.operands[1 - where.at].form != "dense":
        return Refused("not a pair with an array")
    if where.i == where.j or not (regular(step, 0) and regular(step, 1)):
        return Refused("a repeated label or a broadcast axis")
    if step.dtype.char not in _CHARS:
        return Refused(f"no kernel for {step.dtype.name}")
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
    found = _recipe(step, where)
    if isinstance(found, Refused):
        return found
    copied = _copied(step, where, found)
    if densified(copied, others_bytes(step, where.at)):
        return Refused("the copies would be large beside the operands")
    terms = found.flat[-1]
    note = f"{prod(found.made)} sums of {terms} products along the base, by the core"
    seconds = _seconds(step, found) + copied * _COPIED
    cost = Cost(seconds * 1e9, 2.0 * copied, 6.0 if copied else 1.0, 1e9)
    return Rewriting(
        Offer(cost, step.output, found, note), short=None if copied else _short(step, found), settled=True
    )


def _recipe(step: Step, where: Where) -> _Recipe | Refused:
    """Which axis is which."""
    labels, others = step.inputs[where.at], step.inputs[1 - where.at]
    summed, kept = (where.j, where.i) if where.j in others else (where.i, where.j)
    shift = where.rolling.shift
    if summed not in others or kept in others or summed in step.output:
        return Refused("no label of the rolled axis is summed with an operand that lacks the other one")
    if set(labels + others) - {summed} != set(step.output):
        return Refused("another label is summed, too")
    if summed == where.i and shift not in {1, -1}:
        return Refused("the rollings of one place do not lie side by side")
    alone = labels.replace(where.i, "").replace(where.j, "")
    columns = "".join(c for c in alone if c not in others and labels.index(c) > where.rolling.axis)
    stack = "".join(c for c in alone if c not in columns)
    beside = "".join(c for c in others if c not in labels)
    if beside and stack:
        return Refused("the other operand has labels of its own beside a stack of rings")
    stack += beside
    axes = labels.replace(where.j, "")
    width, d = step.extent(columns), step.sizes[where.i]
    turned = summed == where.i and shift < 0
    sizes = tuple(step.sizes[c] for c in stack)
    made = stack + kept + columns
    head = (prod(sizes),) if stack else ()
    back = tuple(made.index(c) for c in step.output)
    return _Recipe(
        where,
        tuple(axes.index(c) for c in (*(c for c in stack if c in axes), where.i, *columns)),
        (*(() if beside else head), d * width),
        tuple(others.index(c) for c in (*(c for c in stack if c in others), summed)),
        (*(step.sizes[c] if c in others else 1 for c in stack), step.sizes[summed]),
        (*sizes, step.sizes[summed]),
        (*head, step.sizes[summed]),
        step.sizes[kept] * width,
        (shift if summed == where.j else 1) * width,
        -(step.sizes[kept] - 1) * width if turned else 0,
        tuple(step.sizes[c] for c in made),
        (*(slice(None),) * len(stack), slice(None, None, -1)) if turned else None,
        None if back == tuple(range(len(back))) else back,
    )


def _copied(step: Step, where: Where, recipe: _Recipe) -> int:
    """Bytes of copies that are made of the operands as they lie."""
    op, other = where.operand(step), step.operands[1 - where.at]
    copied = 0
    shape, strides = base_shape(op), where.rolling.strides
    if op.dtype != step.dtype or not _in_c_order(shape, strides, recipe.ring, op.dtype.itemsize):
        copied += prod(shape) * step.dtype.itemsize
    stacked = len(recipe.broadcast) > 2 and recipe.factors_shape[:-1] != (1,) * (len(recipe.broadcast) - 1)
    if other.dtype != step.dtype or (stacked and not _contiguous(other, recipe)):
        copied += prod(recipe.broadcast) * step.dtype.itemsize
    return copied


def _contiguous(other: Operand, recipe: _Recipe) -> bool:
    """Whether the factors, as their axes are wanted, lie in C order and fill the stack."""
    if recipe.factors_shape != recipe.broadcast:
        return False
    return _in_c_order(other.shape, other.strides, recipe.factors, other.dtype.itemsize)


def _in_c_order(
    shape: tuple[int, ...], strides: tuple[int, ...], order: tuple[int, ...], itemsize: int
) -> bool:
    expected = itemsize
    for axis in reversed(order):
        if shape[axis] != 1 and strides[axis] != expected:
            return False
        expected *= shape[axis]
    return True


def _seconds(step: Step, recipe: _Recipe) -> float:
    """What the kernel takes."""
    parts = 2 if step.dtype.kind == "c" else 1
    item = step.dtype.itemsize // parts
    term = _BYTES if item == 1 else _LONG if item == 8 and step.dtype.kind in "iu" else _TERM
    vectors = -(-recipe.count * parts * item // _VECTOR)
    wide, rest = divmod(vectors, _TOGETHER // parts)
    each = wide * _TOGETHER * term
    while rest:  # narrower strips
        strip = 1 << (rest.bit_length() - 1)
        each += max(_WAITING, strip * parts * term)
        rest -= strip
    rings, terms = prod(recipe.flat[:-1]), recipe.flat[-1]
    seconds = rings * (terms * each + _STRETCH * (1 + wide))
    if step.threads > 1 and rings * recipe.count * terms >= _SHARED and (rings > 1 or wide > 8):
        seconds *= _TWO
    return _START + seconds


def _short(step: Step, recipe: _Recipe) -> Callable[[tuple[Any, ...]], Array | None] | None:
    """The kernel alone; None of its result where a sum overflowed."""
    at, threads = recipe.where.at, step.threads
    count, shift, first = recipe.count, recipe.step, recipe.first
    if len(recipe.flat) == 1 and len(recipe.ring) == 1 and recipe.backwards is None and recipe.back is None:

        def vector(operands: tuple[Any, ...]) -> Array | None:
            made: Array | None = CORE.correlate(
                operands[at].base, operands[1 - at], count, shift, first, threads, True
            )
            return made

        return vector
    return lambda operands: _made(recipe, operands[at].base, operands[1 - at], threads, told=True)


def _made(recipe: _Recipe, base: Array, other: Array, threads: int, *, told: bool) -> Array | None:
    """All of it, of operands of the dtype that is computed in."""
    rings = np.ascontiguousarray(base.transpose(recipe.ring)).reshape(recipe.ring_shape)
    factors = other.transpose(recipe.factors)
    if factors.shape != recipe.flat:
        factors = factors.reshape(recipe.factors_shape)
        if recipe.factors_shape != recipe.broadcast:
            factors = np.broadcast_to(factors, recipe.broadcast)
        factors = factors.reshape(recipe.flat)
    if rings.ndim < factors.ndim:
        rings = np.broadcast_to(rings, (len(factors), len(rings)))
    made: Array | None = CORE.correlate(
        rings, factors, recipe.count, recipe.step, recipe.first, threads, told
    )
    if made is None:
        return None
    made = made.reshape(recipe.made)
    if recipe.backwards is not None:
        made = made[recipe.backwards]
    return made if recipe.back is None else made.transpose(recipe.back)


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Correlate each ring."""
    recipe: _Recipe = rewriting.offer.recipe
    at = recipe.where.at
    base, other = (x.astype(step.dtype, copy=False) for x in (operands[at].base, operands[1 - at]))
    return _made(recipe, base, other, step.threads, told=False)


CORRELATE = Rewrite("rolled.correlate", verdict, run)
