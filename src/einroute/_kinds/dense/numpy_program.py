"""The program of a network by calls of NumPy's, each into its place of one buffer.

The buffers of programs that have run are kept, so that a repeated network makes no array but its result.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np

from ..._base.buffers import BUFFERS
from ..._base.c_einsum import c_einsum
from ..._base.facts import DType
from ..._base.numpy_functions import numpy_dot, numpy_matmul
from ..._base.routes import Runner
from .program import Op, Program
from .program_steps import Loop, Part

__all__ = ["by_numpy"]

Array = np.ndarray[Any, Any]


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


def by_numpy(program: Program, dtype: DType) -> Runner:
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
