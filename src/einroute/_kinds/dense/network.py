"""Networks of small arrays: every step of a path in one buffer, with no decision between steps.

The compiled core runs all of it as one call.  Without it each step is a call of NumPy's.  Then the buffers of
programs that have run are kept, so that a repeated network makes no array but its result.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np

from ..._base.buffers import BUFFERS
from ..._base.c_einsum import c_einsum
from ..._base.cost import Cost
from ..._base.facts import DType, Step
from ..._base.formatting import count, in_bytes, plural
from ..._base.numpy_functions import numpy_dot, numpy_matmul
from ..._base.routes import Offer, Refused, Route, Runner
from .core_program import in_core
from .program import Op, Program, compiled
from .program_steps import Loop, Part

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
    nbytes = given + program.size * step.dtype.itemsize
    if nbytes > _BUFFER:
        return Refused(f"operands and intermediates of {in_bytes(nbytes)}, not small ones")
    calls = _OP * len(program.ops) + _OPERAND * len(step.inputs)
    cost = Cost(program.flops, float(program.moved * 2 * step.dtype.itemsize), calls, _RATE)
    return Offer(cost, step.output, program, _note(program, step), temporary=nbytes)


def _note(program: Program, step: Step) -> str:
    size = step.dtype.itemsize
    copies = sum(op.loop.name == "copy" for op in program.ops)
    return (
        f"{plural(len(step.path or ()), 'step')} in one buffer of {in_bytes(program.size * size)}, "
        f"{count(program.flops)} multiply-adds, the largest intermediate {in_bytes(program.largest * size)}, "
        f"{copies} copied first; most multiply-adds in steps "
        + ", ".join(f"{number + 1} ({count(flops)})" for flops, number in program.heavy)
    )


class _Buffer:
    """Memory for a program, and its steps as calls on views of it."""

    __slots__ = ("calls", "given", "nbytes", "result")

    def __init__(self, program: Program, dtype: DType) -> None:
        *starts, given = accumulate(program.given, initial=0)
        memory = np.empty(given + program.size, dtype)

        def offset(place: int) -> int:
            return starts[-1 - place] if place < 0 else given + place

        self.given = memory[:given]
        self.calls = _calls(program.ops, memory, offset)
        self.result = _array(program.result, offset(program.at), memory)
        self.nbytes = memory.nbytes + 400 * len(self.calls)


Bytes = tuple[tuple[int, ...], tuple[int, ...]]


def _in_bytes(part: Part, size: int) -> Bytes:
    """Shape, and strides in bytes."""
    return part.shape, tuple([s * size for s in part.strides])


def _array(part: Part, at: int, memory: Array) -> Array:
    shape, strides = _in_bytes(part, memory.itemsize)
    return np.ndarray(shape, memory.dtype, memory, at * memory.itemsize, strides)


def _calls(
    ops: tuple[Op, ...], memory: Array, offset: Callable[[int], int]
) -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Steps as functions and their arguments."""
    array, dtype, size = np.ndarray, memory.dtype, memory.itemsize
    known: dict[Loop, list[Bytes]] = {}  # by identity: steps that are alike have the same loop
    calls = []
    for op in ops:
        loop = op.loop
        parts = known.get(loop)
        if parts is None:
            parts = known[loop] = [_in_bytes(part, size) for part in (*loop.inputs, loop.output)]
        views = [
            array(shape, dtype, memory, offset(place) * size, strides)
            for (shape, strides), place in zip(parts, op.places, strict=True)
        ]
        function = _FUNCTIONS.get(loop.name)
        if function is not None:
            calls.append((function, tuple(views)))
        elif loop.name == "copy":
            calls.append((np.copyto, (views[1], views[0])))
        else:
            calls.append(_with_options(loop, views, dtype))
    return calls


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "dot": numpy_dot,
    "matmul": numpy_matmul,
    "multiply": np.multiply,
}


def _with_options(loop: Loop, views: list[Array], dtype: DType) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """A sum or an einsum into its place."""
    *operands, out = views
    if loop.name == "sum":
        add = np.logical_or if dtype.kind == "b" else np.add
        return partial(add.reduce, axis=loop.axes, dtype=dtype, out=out), tuple(operands)
    return partial(c_einsum, loop.text, out=out), tuple(operands)


def bind(step: Step, offer: Offer) -> Runner:
    """The program on the operands as they come."""
    program: Program = offer.recipe
    return in_core(program, step) or _by_numpy(program, step.dtype)


def _by_numpy(program: Program, dtype: DType) -> Runner:
    """Step by step; the operands are brought into the buffer by one call."""
    key = object()
    concatenate, take, give = np.concatenate, BUFFERS.take, BUFFERS.give

    def run(*arrays: Array, out: Array | None = None) -> Any:
        buffer: Any = take(key) or _Buffer(program, dtype)
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


ROUTE = Route("dense.network", verdict, bind, network=True)
