"""A vector with a kernel, sums along every window: NumPy's correlate, one dot product an element."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.rewrites import Contract, Rewrite, Rewriting, regular
from ..._base.routes import Offer, Refused
from ..._native.fresh import allocator
from .extension import rolls_at_once
from .where import Where, others_bytes

#: Products a second, and seconds that each dot product takes besides.
_RATE, _DOT = 8e9, 6e-9
#: The longest kernel that NumPy has a loop of its own for, whatever the precision; seconds that an element
#: takes in it, and each product.
_SHORT, _LOOP, _TERM = 11, 2e-10, 1.9e-10


def verdict(step: Step) -> Rewriting | Refused:
    """Offer a correlation, or a convolution, of the base and a vector."""
    where = Where.of(step)
    op = where.operand(step)
    if step.form != "dense" or not (len(step.inputs) == 2 and step.inputs[where.at] == where.i + where.j):
        return Refused("not a rolled vector with one other operand")
    if step.inputs[1 - where.at] != where.j or step.output != where.i:
        return Refused("not a sum over the rollings with a vector")
    other = step.operands[1 - where.at]
    if other.form != "dense" or not (regular(step, 0) and regular(step, 1)):
        return Refused("the other operand is no array, or broadcast")
    if step.dtype.char not in "fd" or any(x.dtype != step.dtype for x in step.operands):
        return Refused(f"not of one dtype of BLAS without conjugation: {step.dtype.name}")
    if abs(where.rolling.shift) != 1:
        return Refused("not rolled by one at a time")
    d, k = op.shape
    if rolls_at_once(op, step.dtype, others_bytes(step, where.at)) < k:
        return Refused("the lengthened copy would be large beside the base")
    each = _LOOP + k * _TERM if k <= _SHORT else k * step.dtype.itemsize / 8 / _RATE + _DOT
    cost = Cost(d * each * 1e9, 3.0 * (d + k) * step.dtype.itemsize, 4.0, 1e9)
    return Rewriting(Offer(cost, step.output, where, f"{d} dot products of {k}, by numpy.correlate"))


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """Lengthen the base at the end that comes round again, and correlate."""
    where: Where = rewriting.offer.recipe
    rolled, vector = operands[where.at], operands[1 - where.at]
    base, more = rolled.base, rolled.k - 1
    d = len(base)
    rounds = np.arange(more) if more > d else slice(0, more)
    longer = allocator((d + more) * base.itemsize, last=False)((d + more,), base.dtype)
    if where.rolling.shift > 0:
        again = base[rounds % d] if isinstance(rounds, np.ndarray) else base[rounds]
        return np.correlate(np.concatenate((base, again), out=longer), vector, "valid")
    again = base[(rounds - more) % d] if isinstance(rounds, np.ndarray) else base[d - more :]
    return np.correlate(np.concatenate((again, base), out=longer), vector[::-1], "valid")


KERNELS = Rewrite("rolled.kernels", verdict, run)
