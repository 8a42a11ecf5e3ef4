"""What contract would do, told in a page however many operands there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from time import perf_counter
from typing import Any

from .._api.contract import contract
from .._base.errors import unknown_keyword
from .._base.formatting import count, in_bytes, in_time, plural, shortened
from .._call.contracting import OURS, understand_contract
from .._call.expressions import Expression
from .._call.operands import Fallback
from .._execute.call import Call
from .._plan.plans import Path, Plan
from .._plan.searches import AUTO, path_flops, search
from .contractions import explain_call, operands_of_einsum
from .explanation import Explanation
from .outline import Outline, OutlineOperand, OutlineStep
from .outlining import operand_of
from .stand_in import stand_in

__all__ = ["explain_contract", "explain_expression"]

#: Operands and steps up to which all are told of, and how many steps of more.
_ALL, _MOST = 24, 10
#: Cut labels up to which each has a line.
_SLICED = 2
#: Characters of subscripts that are shown then.
_SHOWN = 60


def explain_contract(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Explanation:
    """What ``contract(*args, **kwargs)`` would do.

    Raises
    ------
    ValueError, TypeError, KeyError, IndexError
        A call that contract would refuse.
    NoRoute
        The configuration leaves no way.
    """
    args = tuple(stand_in(x) for x in args)
    told = [operand_of(x) for x in operands_of_einsum(args)]
    given = {name: x for name, x in kwargs.items() if name != "use_blas"}
    if given.pop("strip_exponent", False):
        raise TypeError("strip_exponent is not explained, since it scales each intermediate; drop it")
    call = understand_contract(args, **given)
    return _explained(call, told, partial(_path_found, optimize=kwargs.get("optimize", True)))


def explain_expression(expression: Expression, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Explanation:
    """What ``expression(*args, **kwargs)`` would do; without operands, with float64 ones of its shapes.

    What is contracted of constants alone is contracted now, unless it was, and the expression keeps it.

    Raises
    ------
    ValueError, TypeError
        A call that the expression would refuse.
    NoRoute
        The configuration leaves no way.
    """
    shapes = expression.open_shapes
    if args and len(args) != len(shapes):
        raise ValueError(
            f"the expression {expression.contraction!r} takes {plural(len(shapes), 'array')}, and "
            f"{len(args)} came"
        )
    unknown = [name for name in kwargs if name not in ("out", "backend")]
    if unknown:
        raise TypeError(unknown_keyword("expression", unknown[0], ("out", "backend")))
    arrays = tuple(stand_in(x) for x in args or [_Float64(shape) for shape in shapes])
    backend = kwargs.get("backend", "auto")
    if backend not in OURS:
        call: Any = Fallback(f"backend {backend!r} is asked for, which opt_einsum hands the operands to")
    else:
        call = expression.understood(arrays, kwargs.get("out"), backend)
    if isinstance(call, Fallback):
        return _explained(call, [operand_of(x) for x in arrays], _path_kept)
    call, places = call
    told = [operand_of(x) for x in call.operands]
    explained = _explained(call, told, _path_kept)
    if not places:
        return explained
    note = f"constants in brackets, contracted once: {shortened(expression.contraction, _SHOWN)}"
    return replace(explained, outline=replace(explained.outline, notes=(note, *explained.outline.notes)))


@dataclass(frozen=True, slots=True)
class _Float64:
    """Stands for an operand of which the shape is known."""

    shape: tuple[int, ...]
    dtype: str = "f8"


def _explained(
    call: Call | Fallback, told: Sequence[OutlineOperand], path_told: Callable[[Call], str]
) -> Explanation:
    """What a call that was understood would do, short where it is of many operands."""
    explained = explain_call(contract, call, told)
    if isinstance(call, Fallback) or explained.plan is None:
        return explained
    outline = explained.outline
    if not isinstance(call.path, str) and len(told) > 2:
        outline = replace(outline, notes=(*outline.notes, f"path: {_flops(call)}, {path_told(call)}"))
    return replace(explained, outline=outline if len(told) <= _ALL else _brief(outline, explained.plan))


def _flops(call: Call) -> str:
    """What the path costs."""
    path: Path = call.path
    contraction = call.contraction
    cost = path_flops(path, contraction.inputs, contraction.output, contraction.sizes)
    return f"{count(cost)} multiply-adds"


def _path_kept(_call: Call) -> str:
    return "kept by the expression"


def _path_found(call: Call, optimize: Any) -> str:
    """Where a path is from, and what finding it took where it is ours."""
    if not (optimize is True or optimize is None or (isinstance(optimize, str) and optimize == AUTO)):
        return "as optimize= says"
    inputs, output, sizes = call.contraction.inputs, call.contraction.output, call.contraction.sizes
    start = perf_counter()
    found = search(inputs, output, sizes)
    return f"{found.how}, found in {in_time(perf_counter() - start)}"


def _brief(outline: Outline, plan: Plan) -> Outline:
    """The outline of a network without what there is too much of."""
    sizes = [*plan.contraction.sizes.values()]
    shapes = [op.shape for op in outline.operands if op.shape is not None]
    elements = sum(prod(shape) for shape in shapes)
    network = (
        f"{plural(len(outline.operands), 'operand')} of {count(elements)} elements in all, "
        f"{plural(len(sizes), 'label')} of {_range(sizes)}"
    )
    notes = list(outline.notes)
    steps: Sequence[OutlineStep] = outline.steps
    if len(steps) > _MOST:
        flops = sum(step.flops for step in steps)
        largest = max(prod(s.result.shape) for s in steps if s.result.shape is not None)
        itemsize = plan.dtype.itemsize
        notes.append(
            f"{plural(len(steps), 'step')}, {count(flops)} multiply-adds, the largest intermediate "
            f"{in_bytes(largest * itemsize)}; the {_MOST} that take most:"
        )
        steps = sorted(steps, key=lambda step: -step.seconds)[:_MOST]
    slices = outline.slices
    if len(slices) > _SLICED:
        labels = ", ".join(cut.label for cut in slices)
        many = prod(cut.count for cut in slices)
        notes.append(f"in {many} slices along {labels} ({slices[0].reason})")
        slices = ()
    kinds = {op.kind for op in outline.operands}
    one = OutlineOperand(kinds.pop() if len(kinds) == 1 else "several", None, outline.operands[0].dtype)
    return replace(
        outline,
        subscripts=shortened(outline.subscripts, _SHOWN),
        operands=(replace(one, labels=f"{len(outline.operands)} operands"),),
        steps=tuple(
            replace(
                step,
                takes=(0,),
                subscripts=shortened(step.subscripts, _SHOWN),
                refused=(),
                result=replace(step.result, labels=shortened(step.result.labels, _SHOWN)),
            )
            for step in steps
        ),
        sizes={},
        slices=slices,
        brief=network,
        notes=tuple(notes),
    )


def _range(sizes: Sequence[int]) -> str:
    low, high = min(sizes, default=1), max(sizes, default=1)
    return f"size {low}" if low == high else f"sizes {low} to {high}"
