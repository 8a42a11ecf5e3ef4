"""One-hots written out as arrays, which meet the rest as such.

Where the result is sparse, its entries are all that is computed.  Where it is an array, a product of matrices
takes less time than sums by label if there are few classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import DENSE, Operand, Step, c_strides
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting, shortened_by
from ..._base.routes import Declined, Offer, Refused
from ..registry import kind_of
from .operand import OneHot
from .order import finite

#: Calls' worth of Python around writing one, and for each other operand.
_CALLS, _EACH = 7.0, 3.0
#: Seconds that writing a one takes, and how many times the bytes of all others what is written may take.
_ONE, _MOST = 2e-9, 2


def _verdict(step: Step) -> Rewriting | Refused:
    hots = [op for op in step.operands if op.form == "one_hot"]
    written = sum(op.nbytes for op in hots)
    if step.form == DENSE and written > _MOST * (_others(step) + step.out_bytes):
        return Refused("it would take far more memory than the other operands and the result")
    operands = tuple(_as_array(op) if op.form == "one_hot" else op for op in step.operands)
    ones = sum(op.size // max(op.shape[-1], 1) for op in hots)
    looked_at = step.out_bytes if step.dtype.kind in "fc" else 0  # by the guard
    calls = _CALLS * len(hots) + _EACH * (len(step.inputs) - len(hots))
    cost = Cost(float(ones), 2.0 * written, calls, 1 / _ONE) + Cost(bytes=looked_at, calls=0)
    inner = Inner(step.inputs, step.output, operands, form=step.form)
    offer = Offer(cost, step.output, None, "one-hots written out, as arrays")
    # Whatever is not finite it declines.
    rewriting = Rewriting(offer, (inner,), settled=True)
    return shortened_by(_run, step, rewriting) if step.form == DENSE else rewriting


def _others(step: Step) -> int:
    """Bytes of the operands that are no one-hots."""
    return sum(op.nbytes for op in step.operands if op.form != "one_hot")


def _as_array(op: Operand) -> Operand:
    return Operand(op.shape, op.dtype, c_strides(op.shape, op.dtype.itemsize))


def _run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any | Declined:
    given = tuple(x.written() if isinstance(x, OneHot) else x for x in operands)
    result = contract.inner(0, given)
    if step.dtype.kind in "fc" and not _finite(result):
        return Declined("a zero of a one-hot may have met a number that is not finite")
    return result


def _finite(result: Any) -> bool:
    """Whether every number of a result is finite."""
    if isinstance(result, np.ndarray):
        return finite(result)
    kind = kind_of(result)
    assert kind is not None
    assert kind.form.values is not None
    return bool(np.isfinite(kind.form.values(kind.adopt(result))).all())


WRITTEN = Rewrite("one_hot.written", _verdict, _run, "the result is finite")
