"""The program of a network as one call of the compiled core: every step is a nest of loops there.

Loops of matrices that are large enough are NumPy's own BLAS's, where the core finds it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ..._base.facts import Step
from ..._base.routes import Runner
from ..._native import CORE
from ..._native.flags import reporter
from .program import Program
from .program_steps import Loop, Part

__all__ = ["in_core"]

#: Multiply-adds of a step from which it is BLAS's, or NumPy's where the core does not find that.
_LARGE = 1 << 16

#: Operands, kept loops, whether it sums, whether it tells of no floating-point flags, sizes, strides.
Nest = tuple[int, int, bool, bool, tuple[int, ...], tuple[int, ...]]


def in_core(program: Program, step: Step) -> Runner | None:
    """The core's object that runs a program; None where it takes no such, or would be slower."""
    if CORE is None:
        return None
    if not has_blas() and program.heavy and program.heavy[0][0] > _LARGE and step.dtype.char in "fdFD":
        return None
    loops: dict[Loop, int] = {}
    steps: list[int] = []
    for op in program.ops:
        steps.append(loops.setdefault(op.loop, len(loops)))
        steps.extend(op.places)
    result = (program.result.shape, program.result.strides, program.at)
    names = {loop.name for loop in loops}
    product = reporter("dot" if names <= {"dot", "copy", "einsum"} else "matmul")
    shapes = [op.shape for op in step.operands]
    try:
        run: Runner = CORE.Network(
            step.dtype.char, [_nest(loop) for loop in loops], steps, shapes, program.size, result, product
        )
    except ValueError:  # more loops or operands than its nests have
        return None
    return run


@lru_cache(1)
def has_blas() -> bool:
    """Whether the core has found NumPy's BLAS."""
    return bool(CORE.use_blas(_extension_module()))


def _extension_module() -> str:
    """The file of NumPy's extension module."""
    core: Any = np._core  # type: ignore[attr-defined]  # private, and where it is since NumPy 2
    return str(core._multiarray_umath.__file__)


@lru_cache(8192)
def _nest(loop: Loop) -> Nest:
    """The loops of a loop, kept ones first."""
    *inputs, output = (*loop.inputs, loop.output)
    silent = loop.name == "einsum"
    if loop.name in ("dot", "matmul"):
        *several, rows, columns = output.shape
        a, b = inputs
        sizes = (*several, rows, columns, a.shape[-1])
        strides = [(x.strides[0], y.strides[0], output.strides[0]) for x, y in [(a, b)] if several]
        strides += [
            (a.strides[-2], 0, output.strides[-2]),
            (0, b.strides[-1], output.strides[-1]),
            (a.strides[-1], b.strides[-2], 0),
        ]
        return 2, len(sizes) - 1, True, silent, sizes, _flat(strides)
    if loop.name == "sum":
        (x,) = inputs
        kept = [i for i in range(len(x.shape)) if i not in loop.axes]
        order = [*kept, *loop.axes]
        made = [*output.strides, *[0] * len(loop.axes)]
        by = [(x.strides[i], s) for i, s in zip(order, made, strict=True)]
        return 1, len(kept), True, silent, tuple([x.shape[i] for i in order]), _flat(by)
    if loop.name == "einsum":
        return _of_text(loop.text, (*inputs, output))
    ndim = len(output.shape)
    rows_of = [tuple([x.strides[i] for x in (*inputs, output)]) for i in range(ndim)]
    return len(inputs), ndim, False, silent, output.shape, _flat(rows_of)


def _of_text(text: str, parts: tuple[Part, ...]) -> Nest:
    """Those of einsum's subscripts."""
    head, _, left = text.partition("->")
    terms = [*head.split(","), left]
    labels = [*left, *[c for c in dict.fromkeys(head.replace(",", "")) if c not in left]]
    sizes = {
        c: n for term, part in zip(terms, parts, strict=True) for c, n in zip(term, part.shape, strict=True)
    }
    by = [dict(zip(term, part.strides, strict=True)) for term, part in zip(terms, parts, strict=True)]
    strides = [tuple([own.get(c, 0) for own in by]) for c in labels]
    summed = len(labels) > len(left)
    return len(parts) - 1, len(left), summed, True, tuple([sizes[c] for c in labels]), _flat(strides)


def _flat(rows: list[Any]) -> tuple[int, ...]:
    return tuple([x for row in rows for x in row])
