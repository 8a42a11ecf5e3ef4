"""What einsum and tensordot would do, with operands of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import prod
from typing import Any

from .._api.einsum import einsum
from .._api.einsum_path import einsum_path
from .._api.functions import ROUTED
from .._base.errors import SizesError
from .._base.formatting import count
from .._base.numpy_functions import numpy_einsum, numpy_tensordot
from .._base.routes import NoRoute
from .._call.ask import BAD_CALL
from .._call.keys import scalars_as_arrays
from .._call.operands import Fallback
from .._call.trials import tiny_note
from .._call.understand import understand_einsum, understand_tensordot
from .._config.config_block import config
from .._config.state import check_strict, current, left_to_numpy
from .._execute.call import Call
from .._kinds.registry import any_other, form_of
from .explanation import Explanation
from .outline import OutlineOperand
from .outlining import in_one_step, operand_of, outline_of
from .rehearsal import refuse_as_numpy
from .stand_in import stand_in

__all__ = ["explain_call", "explain_einsum", "explain_path", "explain_tensordot", "operands_of_einsum"]


def explain_einsum(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Explanation:
    """What ``einsum(*args, **kwargs)`` would do.

    Raises
    ------
    ValueError, TypeError, IndexError
        A call that einsum would refuse.
    NoRoute
        The configuration leaves no way.
    """
    args = tuple(stand_in(x) for x in args)
    told = [operand_of(x) for x in operands_of_einsum(args)]
    call = _understood(args, kwargs)
    if any_other(args):
        return explain_call(einsum, call, told)
    options = dict(kwargs)
    operands = scalars_as_arrays(args)
    tiny = tiny_note(operands, options.pop("out", None), options.pop("optimize", False), options)
    return explain_call(einsum, call, told, tiny)


def _understood(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | Fallback:
    """What an einsum call means; NumPy's own to answer where that takes what we find wrong."""
    try:
        return understand_einsum(args, **kwargs)
    except BAD_CALL as ours:
        if isinstance(ours, SizesError) or not args or not isinstance(args[0], str):
            raise
        refuse_as_numpy(ours, partial(numpy_einsum, args[0]), args[1:], kwargs)
        return Fallback(str(ours))


def explain_tensordot(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Explanation:
    """What ``tensordot(*args, **kwargs)`` would do, or that of ``linalg``.

    Raises
    ------
    ValueError, TypeError, IndexError
        A call that tensordot would refuse.
    NoRoute
        The configuration leaves no way.
    """
    operands = tuple(stand_in(x) for x in args[:2])
    args = (*operands, *args[2:])
    told = [operand_of(x) for x in operands]
    try:
        call = understand_tensordot(*args, **kwargs)
    except BAD_CALL as ours:
        axes = args[2:] or tuple(kwargs.values())
        refuse_as_numpy(ours, lambda a, b: numpy_tensordot(a, b, *axes), operands, {})
        call = Fallback(str(ours))
    return explain_call(function, call, told)


def explain_path(args: tuple[Any, ...]) -> Explanation:
    """What ``einsum_path(*args)`` would do: it is NumPy's, and computes nothing.

    Raises
    ------
    ValueError, TypeError, IndexError
        A call that einsum would refuse.
    """
    with config(allow=None, forbid=(), strict=False):  # which are no matter: nothing is computed
        explained = explain_einsum(args, {})  # which refuses what makes no sense
    names = ROUTED[einsum_path]
    reason = "the order is NumPy's own; what einsum does here is shown by explain(einsum, ...)"
    outline = explained.outline
    return Explanation(
        in_one_step(names.name, names.own, outline.operands, reason, subscripts=outline.subscripts),
        reason=reason,
    )


def explain_call(
    function: Any,
    call: Call | Fallback,
    told: Sequence[OutlineOperand],
    tiny: str = "",
) -> Explanation:
    """What a call that was understood would do."""
    names, state = ROUTED[function], current()
    if isinstance(call, Fallback):
        if call.fallback:
            check_strict(state, names.name, call.reason)
        return Explanation(in_one_step(names.name, names.own, told, call.reason), reason=call.reason)
    try:
        plan: Any = call.plan(state)
    except NoRoute as error:
        if call.dense and not call.options.quiet and left_to_numpy(call, state):
            return Explanation(in_one_step(names.name, names.own, told, str(error)), reason=str(error))
        raise
    sparse: tuple[str, ...] = ()
    if any(kind.stored is not None for kind in call.kinds) and plan.prepared:
        sparse = _sparse_notes(call, plan)
    outline = outline_of(names.name, plan, told, notes=(*((tiny,) if tiny else ()), *sparse))
    return Explanation(outline, plan, tiny=tiny, sparse=sparse)


def _sparse_notes(call: Call, plan: Any) -> tuple[str, ...]:
    """Kinds, non-zeros and density of the operands, and of what kind the result is."""
    notes = [
        f"operand {i}: {type(x).__name__}, {count(kind.stored(x))} non-zeros of {count(prod(x.shape))} "
        f"elements ({100 * kind.stored(x) / max(1, prod(x.shape)):.3g} %)"
        for i, (x, kind) in enumerate(zip(call.operands, call.kinds, strict=True))
        if kind.stored is not None
    ]
    sparse = form_of(plan.form).sparse
    why = (
        "no dense operand shares a contracted label with a sparse one, nor adds a label to the output"
        if sparse
        else "a dense operand shares a contracted label with a sparse one, or adds a label to the output"
    )
    notes.append(f"the result is {'sparse' if sparse else 'dense'}: {why}")
    said = call.densifies(plan)
    if said:
        notes.append(f"on_densify: {said}")
    return tuple(notes)


def operands_of_einsum(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The operands among einsum's arguments: after the subscripts, or before each sublist."""
    if args and isinstance(args[0], str):
        return args[1:]
    return args[: len(args) // 2 * 2 : 2]
