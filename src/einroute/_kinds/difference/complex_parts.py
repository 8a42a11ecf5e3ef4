"""What is linear in complex differences: the same of their real and imaginary parts, differences as well.

``sum w d`` is ``sum w d' + i sum w d''`` with the differences d' and d'' of the parts of the points, and w
likewise: each is a contraction of real numbers, with its own routes and guards.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import DType, Operand, Step, c_strides
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting
from ..._base.routes import Declined, Offer, Refused
from .form import NAME
from .operand import PairwiseDifference

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """Positions of the difference and of the operands that have imaginary parts, and the parts' dtype."""

    at: int
    imaginary: tuple[int, ...]
    dtype: DType


def verdict(step: Step) -> Rewriting | Refused:
    """Offer a contraction for each product of parts."""
    if step.dtype.char not in "FD" or step.form != "dense":
        return Refused("not complex numbers of single or double precision")
    at = tuple(p for p, op in enumerate(step.operands) if op.form == NAME)
    if len(at) != 1:
        return Refused("not linear in one difference")
    real = np.dtype(step.dtype.char.lower())
    if any(op.dtype not in (real, step.dtype) for op in step.operands):
        return Refused(f"an operand is neither {real} nor {step.dtype}")
    if any(op.form != "dense" for p, op in enumerate(step.operands) if p not in at):
        return Refused("an operand has no array of parts")
    imaginary = tuple(p for p, op in enumerate(step.operands) if op.dtype.kind == "c")
    if len(imaginary) > 2:
        return Refused("more than one operand beside the difference is complex")
    moved = sum(op.nbytes for p, op in enumerate(step.operands) if p in imaginary and p not in at)
    n, m, features = step.operands[at[0]].shape
    moved += (n + m) * features * step.dtype.itemsize
    products = 2 ** len(imaginary)
    cost = Cost(0.0, float(2 * moved + products * step.out_bytes), 8.0 + 4 * products)
    parts = Parts(at[0], imaginary, real)
    facts = tuple(_facts(op, real) if p in imaginary else op for p, op in enumerate(step.operands))
    inner = Inner(step.inputs, step.output, facts, times=float(products), dtype=real)
    return Rewriting(Offer(cost, step.output, parts, "real and imaginary parts by themselves"), (inner,))


def _facts(op: Operand, dtype: DType) -> Operand:
    """Of a part."""
    if op.form == NAME:
        return Operand(op.shape, dtype, (), NAME, structure=op.structure)
    return Operand(op.shape, dtype, c_strides(op.shape, dtype.itemsize))


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """The products of all parts."""
    parts: Parts = rewriting.offer.recipe
    split = [_split(x) if p in parts.imaginary else (x,) for p, x in enumerate(operands)]
    shape = tuple(step.sizes[c] for c in step.output)
    result = np.zeros(shape, step.dtype)
    for chosen in np.ndindex(*map(len, split)):
        own = tuple(one[k] for one, k in zip(split, chosen, strict=True))
        made = contract(step.inputs, step.output, own, dtype=parts.dtype)
        power = sum(chosen)  # of the imaginary unit
        into = result.imag if power % 2 else result.real
        if power == 2:
            into -= made
        else:
            into += made
    return result if np.isfinite(result).all() else Declined("the result is not finite")


def _split(x: Any) -> tuple[Any, Any]:
    if isinstance(x, PairwiseDifference):
        left = _split(x.x)
        right = (None, None) if x.y is x.x else _split(x.y)
        return PairwiseDifference(left[0], right[0]), PairwiseDifference(left[1], right[1])
    return np.ascontiguousarray(x.real), np.ascontiguousarray(x.imag)


COMPLEX_PARTS = Rewrite("difference.parts", verdict, run, "the result is finite")
