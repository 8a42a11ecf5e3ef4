"""Floating-point overflow: no warnings where NumPy gives none, and no nan or inf that NumPy's order spares.

NumPy's einsum raises no floating-point warning, whatever ``np.errstate`` says; the calls that ours is made of
do.  And a planned order of work can overflow where NumPy's, which forms every product whole, does not; then
the call is repeated in NumPy's order.
"""

from __future__ import annotations

import threading
from cmath import isfinite
from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np

from .._base.c_einsum import ascii_subscripts, c_einsum
from .._base.densify import LARGE
from .._base.errstate import extobj_contextvar, make_extobj, quiet
from .._base.facts import Contraction, DType
from .._base.kinds import Kind
from .._base.log import debug
from .._base.routes import Runner
from .._base.threads import inside_block
from .._native.finite import finite as array_finite
from .._plan.plans import Chain, Plan

Repeat = Callable[[Any, tuple[Any, ...], Any], Any]


class _Alarm(threading.local):
    """Whether NumPy's floating-point flags told of an overflow or an invalid operation, in this thread."""

    raised = False

    def note(self, *_: Any) -> None:
        self.raised = True
        if inside_block():
            _blocks.alarms += 1


class _Blocks:
    """How often flags were raised in blocks on our threads: who sees the number change looks at its output.

    It may be another call's block. Of two threads that count at once one may be lost, but never both.
    """

    alarms = 0


_alarm = _Alarm()
_blocks = _Blocks()

if extobj_contextvar is not None:
    _IGNORE = make_extobj(all="ignore")
    _WATCH = make_extobj(all="ignore", over="call", invalid="call", call=_alarm.note)


def _dot_tells() -> bool:
    """Whether ``dot`` looks at the floating-point flags: NumPy's does from 2.3 on."""
    if extobj_contextvar is None:  # pragma: no cover
        return False
    token = extobj_contextvar.set(_WATCH)
    try:
        large = np.full((2, 2), 1e300)
        large.dot(large)
    finally:
        extobj_contextvar.reset(token)
    told, _alarm.raised = _alarm.raised, False
    return told


_DOT_TELLS = _dot_tells()

#: Products that the repetition in NumPy's order may form, at most, when a planned order overflowed.
_REPEAT_LIMIT = 10**9
#: The same where an operand itself is not finite: then only the class of a nan or inf can differ.
_REPEAT_NONFINITE = 1 << 21
#: Multiply-adds for each entry of the output below which looking at the output is a good part of the work.
_THIN = 64
#: Multiply-adds up to which BLAS surely stays in the calling thread.
_UNTHREADED = 1 << 15


def as_einsum(run: Runner, plan: Plan, keywords: Mapping[str, Any]) -> Runner:
    """A plan's runner with einsum's manners: silent, and repeated in NumPy's order where it overflowed.

    ``keywords`` are the call's own, for the repetition.
    """
    if _single(plan):
        return quiet(run)  # one product an entry or none: it overflows in any order or in no order
    if _flags_tell(plan):
        return _watched(run, _repetition(plan, keywords))
    return quiet(_checked(run, _repetition(plan, keywords)))


def as_product(run: Runner, plan: Plan) -> Runner:
    """A plan's runner under another name than einsum, repeated on copies where NumPy's einsum overflowed.

    Its loops take a factor that stands still out of a sum; ``dot`` and its relatives multiply first.
    """
    if plan.dtype.kind not in "fc" or not _takes_out(plan):
        return run

    def repeat(result: Any, arrays: tuple[Any, ...], out: Any) -> Any:
        if finite(result):
            return result
        copies = [x.copy() for x in arrays]
        return run(*copies) if out is None else run(*copies, out=out)

    return _checked(run, repeat)


def _takes_out(plan: Plan) -> bool:
    """Whether NumPy's einsum sums along an axis on which an operand stands still."""
    return isinstance(plan.node, Chain) and any(
        stride == 0 and s.step.sizes[label] > 1 and label not in s.step.output
        for s in plan.node.steps
        if s.decision.offer.numpys
        for labels, operand in zip(s.step.inputs, s.step.operands, strict=True)
        for label, stride in zip(labels, operand.strides, strict=True)
    )


def pair_as_einsum(run: Runner, plan: Plan, keywords: Mapping[str, Any]) -> Runner | None:
    """`as_einsum` for calls of two operands and no ``out``, in half the time; a 0-d result becomes a scalar.

    None where the output has to be looked at, which costs more than this saves.
    """
    if extobj_contextvar is None:  # pragma: no cover
        return None
    enter, leave = extobj_contextvar.set, extobj_contextvar.reset
    if _single(plan):
        if not plan.contraction.output:
            return None

        def silenced(a: Any, b: Any) -> Any:
            token = enter(_IGNORE)
            try:
                return run(a, b)
            finally:
                leave(token)

        return silenced
    if not _flags_tell(plan):
        return None
    again = quiet(_checked(run, _repetition(plan, keywords)))
    scalar = not plan.contraction.output

    def watched(a: Any, b: Any) -> Any:
        before = _blocks.alarms
        token = enter(_WATCH)
        try:
            result = run(a, b)
        finally:
            leave(token)
        if _alarm.raised or _blocks.alarms != before:
            _alarm.raised = False
            result = again(a, b)
        return result[()] if scalar and type(result) is np.ndarray else result

    return watched


def _single(plan: Plan) -> bool:
    """Whether each element of the result is one product, or one element, of one step."""
    node = plan.node
    return isinstance(node, Chain) and len(node.steps) == 1 and node.steps[0].decision.offer.single


def _flags_tell(plan: Plan) -> bool:
    """Whether NumPy's floating-point flags are looked at instead of the output.

    They tell of every overflow where BLAS stays in the calling thread.  Where it may not, they are trusted
    only if looking at the output would cost a good part of the product itself.
    """
    if not isinstance(plan.node, Chain) or not _DOT_TELLS:
        return False
    steps = [s.decision for s in plan.node.steps]
    if not all(d.offer.flagged for d in steps):
        return False
    if not all(d.offer.single for d in steps[:-1]):
        return False  # a sum was taken out of products: what that makes of an inf raises no flag
    flops = sum(d.offer.cost.flops for d in steps)
    return flops <= _UNTHREADED or flops < _THIN * plan.node.steps[-1].step.extent(plan.contraction.output)


def _repetition(plan: Plan, keywords: Mapping[str, Any]) -> Repeat:
    """A function that repeats a call in NumPy's order if its result is not finite.

    Sums taken out of products, and BLAS's order of adding, can overflow where NumPy's order does not:
    ``i,j->`` on [1e308, 1e308] and [1e-300, 0].  The output is looked at, the operands only if that is not
    finite.
    """
    contraction = plan.contraction
    # On the operands as they came: how NumPy's loops group the products depends on dtypes and strides.
    subscripts = ascii_subscripts(contraction.inputs, contraction.output)

    def repeat(result: Any, arrays: tuple[Any, ...], out: Any) -> Any:
        if finite(result) or contraction.iterations > _REPEAT_LIMIT:
            return result
        if not _may_repeat(arrays, contraction.iterations):
            return result
        debug("%s overflowed and is repeated in NumPy's order", subscripts)
        options = dict(keywords) if out is None else {**keywords, "out": out}
        if "dtype" not in options and np.result_type(*(x.dtype for x in arrays)) != plan.dtype:
            options |= {"dtype": plan.dtype, "casting": "unsafe"}  # `out` took part in the promotion
        return c_einsum(subscripts, *arrays, **options)

    return repeat


def written_out(
    contraction: Contraction, dtype: DType, kinds: Sequence[Kind]
) -> Callable[[Any, tuple[Any, ...]], Any] | None:
    """A function that repeats a call by NumPy's einsum of operands written out, if its result is not finite.

    None where an operand has absent elements, which NumPy would multiply, or where that takes too long or too
    much memory.
    """
    ways = [None if kind.form.rank == 0 else kind.written for kind in kinds]
    if any(way is None and kind.form.rank for way, kind in zip(ways, kinds, strict=True)):
        return None
    made = (
        prod(contraction.sizes[c] for c in labels) * dtype.itemsize
        for labels, way in zip(contraction.inputs, ways, strict=True)
        if way is not None
    )
    if dtype.kind not in "fc" or contraction.iterations > _REPEAT_LIMIT or sum(made) > LARGE:
        return None
    subscripts = ascii_subscripts(contraction.inputs, contraction.output)

    def again(result: Any, operands: tuple[Any, ...]) -> Any:
        if finite(result):
            return result
        arrays = tuple(x if way is None else way(x) for x, way in zip(operands, ways, strict=True))
        if not _may_repeat(arrays, contraction.iterations):
            return result
        debug("%s overflowed and is repeated in NumPy's order", subscripts)
        return c_einsum(subscripts, *arrays, dtype=dtype, casting="unsafe")

    return again


def _checked(run: Runner, repeat: Repeat) -> Runner:
    def checked(*arrays: Any, out: Any = None) -> Any:
        return repeat(run(*arrays) if out is None else run(*arrays, out=out), arrays, out)

    return checked


def _watched(run: Runner, repeat: Repeat) -> Runner:
    """Quiet, looking at the output only if NumPy's own floating-point flags tell of an overflow or nan."""
    if extobj_contextvar is None:  # pragma: no cover
        return quiet(_checked(run, repeat))
    enter, leave = extobj_contextvar.set, extobj_contextvar.reset

    def watched(*arrays: Any, out: Any = None) -> Any:
        before = _blocks.alarms
        token = enter(_WATCH)
        try:
            result = run(*arrays) if out is None else run(*arrays, out=out)
        finally:
            leave(token)
        if _alarm.raised or _blocks.alarms != before:
            _alarm.raised = False
            return quiet(_checked(run, repeat))(*arrays, out=out)
        return result

    return watched


def finite(result: Any) -> bool:
    """Whether all entries are finite, without a temporary where they are."""
    return array_finite(result) if isinstance(result, np.ndarray) else isfinite(result)


def _may_repeat(arrays: tuple[Any, ...], iterations: int) -> bool:
    return iterations <= _REPEAT_NONFINITE or all(finite(x) for x in arrays)
