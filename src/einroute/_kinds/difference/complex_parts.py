"""Complex differences by the same of real ones: of their parts as more features, or each by itself.

The parts of a point are numbers beside each other, so that complex points are real ones with twice the
features, as they lie.  A sum ``sum w d`` over pairs that keeps the features is such a sum with the parts of w
each; a form ``sum_k w_k d_k`` has the real part ``sum w' d' - w'' d''`` and the imaginary one
``sum w'' d' + w' d''``, two forms of twice the features; and products of two differences are four of the
products of all parts.  What is left is ``sum w d' + i sum w d''``, with the parts of w likewise.  Each is a
contraction of real numbers, with its own routes and guards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._base.c_einsum import c_einsum
from ..._base.cost import Cost
from ..._base.facts import DType, Operand, Step, c_strides
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting, regular
from ..._base.routes import Declined, Offer, Refused
from .form import NAME
from .operand import PairwiseDifference

Array = np.ndarray[Any, Any]

#: Seconds to take a number apart, and to put a part of the result in its place.
_PARTED, _JOINED = 2.5e-9, 1.5e-9
#: How the parts go together.
KEPT, SUMMED, PRODUCTS, APART = "kept", "summed", "products", "apart"
_NOTES = {
    KEPT: "real and imaginary parts as features",
    SUMMED: "real and imaginary parts as features, which are summed",
    PRODUCTS: "products of all real and imaginary parts",
    APART: "real and imaginary parts by themselves",
}


@dataclass(frozen=True, slots=True)
class Parts:
    """How a step is seen.

    Attributes
    ----------
    at : tuple of int
        Positions of the differences.
    imaginary : tuple of int
        Of the operands that have imaginary parts.
    dtype : dtype
        Of the parts.
    way : str
    """

    at: tuple[int, ...]
    imaginary: tuple[int, ...]
    dtype: DType
    way: str

    @property
    def weight(self) -> int | None:
        """Position of the operand beside the differences that has imaginary parts."""
        return next((p for p in self.imaginary if p not in self.at), None)


def verdict(step: Step) -> Rewriting | Refused:
    """Offer a contraction for each product of parts."""
    if step.dtype.char not in "FD" or step.form != "dense":
        return Refused("not complex numbers of single or double precision")
    at = tuple(p for p, op in enumerate(step.operands) if op.form == NAME)
    real = np.dtype(step.dtype.char.lower())
    if any(op.dtype not in (real, step.dtype) for op in step.operands):
        return Refused(f"an operand is neither {real} nor {step.dtype}")
    if any(op.form != "dense" for p, op in enumerate(step.operands) if p not in at):
        return Refused("an operand has no array of parts")
    imaginary = tuple(p for p, op in enumerate(step.operands) if op.dtype.kind == "c")
    if len(set(imaginary) - set(at)) > 1:
        return Refused("more than one operand beside the difference is complex")
    way = _way(step, at, imaginary)
    if isinstance(way, Refused):
        return way
    parts = Parts(at, imaginary, real, way)
    products = 2 ** (len(imaginary) if way == APART else way == SUMMED or parts.weight is not None)
    inner = _inner(step, parts, products)
    parted = sum(op.size for p, op in enumerate(step.operands) if p in imaginary and p not in at)
    n, m, features = step.operands[at[0]].shape
    parted += (n + m) * features if way == APART else 0
    seconds = parted * _PARTED + products * (step.out_bytes // step.dtype.itemsize) * _JOINED
    cost = Cost(seconds * 1e9, 0.0, 8.0 + 4 * products, 1e9)
    return Rewriting(Offer(cost, step.output, parts, _NOTES[way]), (inner,))


def _way(step: Step, at: tuple[int, ...], imaginary: tuple[int, ...]) -> str | Refused:
    features = [step.inputs[p][2] for p in at]
    beside = [p for p in range(len(step.inputs)) if p not in at]
    having = [p for p in beside if set(features) & set(step.inputs[p])]
    alike = step.operands[at[-1]].alias == at[0] and step.inputs[at[-1]][:2] == step.inputs[at[0]][:2]
    usual = all(regular(step, p) and p in imaginary for p in at) and 0 not in step.sizes.values()
    usual = usual and not any(set(step.inputs[p][:2]) & set(features) for p in at)
    if len(at) == 2 and alike and usual and not having:
        kept = set(step.output)
        if kept & set(step.inputs[at[0]][:2]) or not (features[0] == features[1] or set(features) <= kept):
            return Refused("products of differences that are not summed over all pairs")
        return (
            PRODUCTS if kept <= set(features) else Refused("a label that the differences do not have is kept")
        )
    if len(at) != 1:
        return Refused("neither linear in one difference nor a product of two copies")
    if usual and features[0] in step.output and not having:
        return KEPT
    if usual and features[0] not in step.output and len(having) == 1:
        (p,) = having
        if p in imaginary and regular(step, p):
            return SUMMED
    return APART


def _inner(step: Step, parts: Parts, products: int) -> Inner:
    """What is done for each product of parts."""
    inputs, output = list(step.inputs), step.output
    facts = [_facts(op, parts.dtype) if p in parts.imaginary else op for p, op in enumerate(step.operands)]
    if parts.way != APART:
        for p in parts.at:
            n, m, features = facts[p].shape
            facts[p] = Operand(
                (n, m, 2 * features),
                parts.dtype,
                (),
                NAME,
                structure=facts[p].structure,
                alias=facts[p].alias,
            )
    if parts.way == SUMMED:
        (p,) = set(parts.imaginary) - set(parts.at)
        k = step.inputs[parts.at[0]][2]
        shape = tuple(n * (2 if c == k else 1) for c, n in zip(step.inputs[p], facts[p].shape, strict=True))
        facts[p] = Operand(shape, parts.dtype, c_strides(shape, parts.dtype.itemsize))
    elif parts.way == PRODUCTS:
        free = [chr(c) for c in range(0x1000, 0x2000) if chr(c) not in step.sizes][:2]
        for p, c in zip(parts.at, free, strict=True):
            inputs[p] = inputs[p][:2] + c
        output = "".join(free)
    return Inner(tuple(inputs), output, tuple(facts), times=float(products), dtype=parts.dtype)


def _facts(op: Operand, dtype: DType) -> Operand:
    """Of a part."""
    if op.form == NAME:
        return Operand(op.shape, dtype, (), NAME, structure=op.structure, alias=op.alias)
    return Operand(op.shape, dtype, c_strides(op.shape, dtype.itemsize))


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    """The products of all parts."""
    parts: Parts = rewriting.offer.recipe
    result = _WAYS[parts.way](step, parts, operands, contract)
    return result if np.isfinite(result).all() else Declined("the result is not finite")


def _apart(step: Step, parts: Parts, operands: tuple[Any, ...], contract: Contract) -> Array:
    split = [_split(x) if p in parts.imaginary else (x,) for p, x in enumerate(operands)]
    result = np.zeros([step.sizes[c] for c in step.output], step.dtype)
    for chosen in np.ndindex(*map(len, split)):
        own = tuple(one[k] for one, k in zip(split, chosen, strict=True))
        made = contract(step.inputs, step.output, own, dtype=parts.dtype)
        power = sum(chosen)  # of the imaginary unit
        into = result.imag if power % 2 else result.real
        if power == 2:
            into -= made
        else:
            into += made
    return result


def _kept(step: Step, parts: Parts, operands: tuple[Any, ...], contract: Contract) -> Array:
    even, odd = _every_other(step.output.index(step.inputs[parts.at[0]][2]))

    def sums(operands: tuple[Any, ...]) -> tuple[Array, Array]:
        made = contract.inner(0, operands)
        return made[even], made[odd]

    return _weighed(step, parts, operands, sums)


def _products(step: Step, parts: Parts, operands: tuple[Any, ...], contract: Contract) -> Array:
    features = [step.inputs[p][2] for p in parts.at]
    output = step.output if len(step.output) < 2 else "kl" if list(step.output) == features else "lk"
    taken = ("kk" if features[0] == features[1] else "kl") + "->" + ("k" if len(output) == 1 else output)

    def sums(operands: tuple[Any, ...]) -> tuple[Array, Array]:
        made = contract.inner(0, operands)
        real = c_einsum(taken, made[::2, ::2]) - c_einsum(taken, made[1::2, 1::2])
        return real, c_einsum(taken, made[::2, 1::2]) + c_einsum(taken, made[1::2, ::2])

    return _weighed(step, parts, operands, sums)


def _weighed(
    step: Step, parts: Parts, operands: tuple[Any, ...], sums: Callable[[Any], tuple[Array, Array]]
) -> Array:
    """The real and the imaginary part of sums by weights that have imaginary parts, or have none."""
    result = np.empty([step.sizes[c] for c in step.output], step.dtype)
    own, p = _as_features(operands, parts), parts.weight
    if p is None:
        result.real, result.imag = sums(own)
        return result
    weights = _split(operands[p])
    result.real, result.imag = sums((*own[:p], weights[0], *own[p + 1 :]))
    real, imaginary = sums((*own[:p], weights[1], *own[p + 1 :]))
    result.real -= imaginary
    result.imag += real
    return result


def _summed(step: Step, parts: Parts, operands: tuple[Any, ...], contract: Contract) -> Array:
    own, p = _as_features(operands, parts), parts.weight
    assert p is not None
    w = operands[p]
    even, odd = _every_other(step.inputs[p].index(step.inputs[parts.at[0]][2]))
    result = np.empty([step.sizes[c] for c in step.output], step.dtype)
    weights = np.empty(_doubled(w.shape, even), parts.dtype)
    for into, first, second in (
        (result.real, w.real, -w.imag),
        (result.imag, w.imag, w.real),
    ):
        weights[even], weights[odd] = first, second
        into[...] = contract.inner(0, (*own[:p], weights, *own[p + 1 :]))
    return result


def _doubled(shape: tuple[int, ...], index: tuple[Any, ...]) -> tuple[int, ...]:
    """Twice as long along the last axis that is indexed."""
    axis = len(index) - 1
    return (*shape[:axis], 2 * shape[axis], *shape[axis + 1 :])


def _every_other(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """The real parts along an axis, and the imaginary ones."""
    head = (slice(None),) * axis
    return (*head, slice(0, None, 2)), (*head, slice(1, None, 2))


def _as_features(operands: tuple[Any, ...], parts: Parts) -> tuple[Any, ...]:
    """The operands with the parts of the difference's points as twice as many features."""
    own = list(operands)
    d = operands[parts.at[0]]
    x = _viewed(d.x, parts.dtype)
    own[parts.at[0]] = PairwiseDifference(x, None if d.y is d.x else _viewed(d.y, parts.dtype))
    for p in parts.at:
        own[p] = own[parts.at[0]]
    return tuple(own)


def _viewed(x: Array, dtype: DType) -> Array:
    return np.ascontiguousarray(x, dtype.char.upper()).view(dtype)


def _split(x: Any) -> tuple[Any, Any]:
    if isinstance(x, PairwiseDifference):
        left = _split(x.x)
        right = (None, None) if x.y is x.x else _split(x.y)
        return PairwiseDifference(left[0], right[0]), PairwiseDifference(left[1], right[1])
    return np.ascontiguousarray(x.real), np.ascontiguousarray(x.imag)


_WAYS: dict[str, Callable[[Step, Parts, tuple[Any, ...], Contract], Array]] = {
    KEPT: _kept,
    SUMMED: _summed,
    PRODUCTS: _products,
    APART: _apart,
}

COMPLEX_PARTS = Rewrite("difference.parts", verdict, run, "the result is finite")
