"""Networks of small arrays: every step of a path in one buffer, with no decision between steps.

The buffers of programs that have run are kept, so that a repeated network makes no array but its result.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from ..._base.buffers import BUFFERS
from ..._base.c_einsum import c_einsum
from ..._base.cost import Cost
from ..._base.facts import DType, Step
from ..._base.formatting import count, in_bytes, plural
from ..._base.numpy_functions import numpy_dot, numpy_matmul
from ..._base.routes import Offer, Refused, Route, Runner
from .program import Op, Program, View, compiled

__all__ = ["ROUTE"]

Array = np.ndarray[Any, Any]

#: Operands from which the steps are worth a program.
_NETWORK = 8
#: Bytes of the operands and of the buffer: in larger ones the work is BLAS's, not the steps'.
_GIVEN, _BUFFER = 1 << 21, 1 << 23
#: Calls, of `CALL` seconds, that a step and the bringing in of an operand cost.
_OP, _OPERAND = 0.9, 0.5
#: Multiply-adds a second of products of small matrices.
_RATE = 3e9


def verdict(step: Step) -> Offer | Refused:
    """Offer a program for the whole of a network along the path that is asked for."""
    if step.path is None:
        return Refused("not a network with a path for its steps")
    if len(step.inputs) < _NETWORK:
        return Refused(f"a network has {_NETWORK} operands at least")
    if step.dtype.char not in "?bBhHiIlLqQfdgFDG":
        return Refused(f"its loops do not add up {step.dtype.name} in more precision")
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
    if step.order == "F":
        return Refused("a result in Fortran order")
    given = sum(op.nbytes for op in step.operands)
    if given > _GIVEN:
        return Refused(f"operands of {in_bytes(given)}, not small ones")
    program = compiled(step.inputs, step.output, step.sizes, step.path)
    if program is None:
        return Refused("a step with more labels than there are letters")
    nbytes = program.size * step.dtype.itemsize
    if nbytes > _BUFFER:
        return Refused(f"operands and intermediates of {in_bytes(nbytes)}, not small ones")
    calls = _OP * len(program.ops) + _OPERAND * len(step.inputs)
    cost = Cost(program.flops, float(program.moved * 2 * step.dtype.itemsize), calls, _RATE)
    return Offer(cost, step.output, program, _note(program, step), temporary=nbytes)


def _note(program: Program, step: Step) -> str:
    size = step.dtype.itemsize
    copies = sum(op.loop == "copy" for op in program.ops)
    return (
        f"{plural(len(step.path or ()), 'step')} in one buffer of {in_bytes(program.size * size)}, "
        f"{count(program.flops)} multiply-adds, the largest intermediate {in_bytes(program.largest * size)}, "
        f"{copies} copied first"
    )


class _Buffer:
    """Memory for a program, and its steps as calls on views of it."""

    __slots__ = ("calls", "given", "nbytes", "result")

    def __init__(self, program: Program, dtype: DType) -> None:
        memory = np.empty(program.size, dtype)
        self.given = memory[: program.given]
        self.calls = [_call(op, memory) for op in program.ops]
        self.result = _array(program.result, memory)
        self.nbytes = memory.nbytes + 400 * len(self.calls)


def _array(view: View, memory: Array) -> Array:
    size = memory.itemsize
    strides = tuple([s * size for s in view.strides])
    return np.ndarray(view.shape, memory.dtype, memory, view.offset * size, strides)


def _call(op: Op, memory: Array) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """A step as a function and its arguments."""
    inputs = [_array(view, memory) for view in op.inputs]
    output = _array(op.output, memory)
    if op.loop == "copy":
        return np.copyto, (output, inputs[0])
    if op.loop == "sum":
        add = np.logical_or if memory.dtype.kind == "b" else np.add
        return partial(add.reduce, axis=op.axes, dtype=memory.dtype, out=output), (inputs[0],)
    if op.loop == "einsum":
        return partial(c_einsum, op.text, out=output), tuple(inputs)
    loop = {"dot": numpy_dot, "matmul": numpy_matmul, "multiply": np.multiply}[op.loop]
    return loop, (*inputs, output)


def bind(step: Step, offer: Offer) -> Runner:
    """The program on the operands as they come: they are brought into the buffer by one call."""
    program: Program = offer.recipe
    dtype, key = step.dtype, object()
    concatenate, take, give = np.concatenate, BUFFERS.take, BUFFERS.give

    def run(*arrays: Array, out: Array | None = None) -> Any:
        buffer = take(key) or _Buffer(program, dtype)
        concatenate(arrays, axis=None, out=buffer.given)
        for function, args in buffer.calls:
            function(*args)
        if out is None:
            result = buffer.result.copy()
        else:
            np.copyto(out, buffer.result)
            result = out
        give(key, buffer)
        return result

    return run


ROUTE = Route("dense.network", verdict, bind)
