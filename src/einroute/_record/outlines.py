"""From what was told of a call to its outline; made once for calls of the same facts."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import numpy as np

from .._api.einsum import einsum
from .._api.einsum_path import einsum_path
from .._api.functions import Mirror
from .._api.products import multi_dot
from .._base.plan_cache import PlanCache
from .._base.routed_operand import any_routed
from .._base.watch import CallTrace
from .._explain.contractions import operands_of_einsum
from .._explain.dispatch import explain_function
from .._explain.factors import estimate, is_factored
from .._explain.outline import Outline
from .._explain.outlining import in_one_step, operand_of, outline_of
from .._kinds.registry import kind_of
from .._kinds.structured import Structured
from .._plan.plans import Rewritten

__all__ = ["Outlines", "operands_of"]

#: Why einsum may be NumPy's without a word of the front end.
TINY = "tiny: NumPy's C einsum answers before anything is planned"
#: Why a product of lists, or of arrays of another class, is NumPy's; they are not read to tell more.
AS_IT_IS = "an operand is no plain array, and goes to NumPy as it is"
_NUMBERS = (int, float, complex, np.generic)
#: Why einsum_path is NumPy's.
PATH = "a path is asked for, and nothing is computed"


class Outlines:
    """Outlines by the facts of calls."""

    def __init__(self) -> None:
        self._made = PlanCache(2048)

    def of(self, names: Mirror, trace: CallTrace, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Outline:
        """The outline of a call that was observed."""
        operands = operands_of(trace.function, args, kwargs)
        facts = tuple(_facts(x) for x in operands)
        key: Hashable = None
        if None not in facts:
            text = args[0] if args and type(args[0]) is str else ""
            events = trace.events
            done = tuple(name for name, reason, _ in events if reason is None) if len(events) < 64 else ()
            key = (names.name, text, facts, id(trace.plan), trace.own, trace.factors, trace.cache, done)
            kept: Any = self._made.get(key)
            if kept is not None:
                return kept[0]  # type: ignore[no-any-return]  # an outline was put there
        outline = _made(names, trace, args, kwargs, operands)
        if key is not None:
            self._made.put(key, (outline, trace.plan))  # type: ignore[arg-type]  # with the plan, whose id it is
        return outline


def operands_of(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """The operands among a call's arguments."""
    if function in {einsum, einsum_path}:
        return operands_of_einsum(args)
    if function is multi_dot:
        chain = args[0] if args else kwargs.get("arrays", ())
        return tuple(chain) if isinstance(chain, (list, tuple)) else (chain,)
    takes = 1 if getattr(function, "__name__", "") in {"inv", "pinv"} else 2
    named = (kwargs[name] for name in ("a", "b", "x1", "x2") if name in kwargs)
    return (*args[:takes], *named)[:takes]


def _facts(x: Any) -> Hashable:
    """What outlines of equal calls agree in; None where that is not known."""
    if type(x) is np.ndarray or any_routed((x,)):
        return x.shape, x.dtype
    if isinstance(x, Structured):
        return x.signature()
    if type(x) in {int, float, complex, bool}:
        return type(x).__name__
    kind: Any = None if isinstance(x, (list, tuple)) else kind_of(x)
    signature = getattr(kind, "signature", None)
    return None if signature is None else (kind.name, signature(x), kind.stored and kind.stored(x))


def _made(
    names: Mirror, trace: CallTrace, args: tuple[Any, ...], kwargs: dict[str, Any], operands: tuple[Any, ...]
) -> Outline:
    told = [operand_of(x) for x in operands]
    if any(isinstance(x, Structured) for x in operands) and not trace.error:
        plan = explain_function(trace.function, args, kwargs).plan
        if plan is not None and isinstance(plan.node, Rewritten):
            done = {name for name, reason, _ in trace.events if reason is None}
            chosen = next((i for i, c in enumerate(plan.node.choices) if c.rewrite.name in done), 0)
            return outline_of(names.name, plan, told, choice=chosen)
    if trace.plan is not None:
        return outline_of(names.name, trace.plan, told)
    if is_factored(trace.function):
        return _of_factors(names, trace, args, kwargs, told)
    if trace.function is einsum:
        reason = trace.own or ("" if trace.error else TINY)
        return in_one_step(names.name, names.own, told, reason, subscripts=spelled(args))
    if trace.function is einsum_path:
        return in_one_step(names.name, names.own, told, PATH, subscripts=spelled(args))
    if not all(type(x) is np.ndarray or isinstance(x, _NUMBERS) or any_routed((x,)) for x in operands):
        return in_one_step(names.name, names.own, told, trace.own or ("" if trace.error else AS_IT_IS))
    return _left_to_numpy(names, trace, args, kwargs, told)


def _of_factors(
    names: Mirror, trace: CallTrace, args: tuple[Any, ...], kwargs: dict[str, Any], told: list[Any]
) -> Outline:
    route = trace.factors or names.own
    outline = in_one_step(names.name, route, told, trace.own)
    if trace.error or trace.own:
        return outline
    return _estimated(outline, estimate(trace.function, args, kwargs, route, trace.cache))


def _left_to_numpy(
    names: Mirror, trace: CallTrace, args: tuple[Any, ...], kwargs: dict[str, Any], told: list[Any]
) -> Outline:
    """A product that NumPy's own function did; `explain` tells why, and how long that should take."""
    outline = in_one_step(names.name, names.own, told, trace.own)
    if trace.error or trace.own:
        return outline
    explained = explain_function(trace.function, args, kwargs)
    note = explained.reason or "no route was left"
    subscripts = explained.outline.subscripts if explained.plan is None else ""
    outline = in_one_step(names.name, names.own, told, note, subscripts=subscripts)
    return _estimated(outline, explained.seconds if explained.plan is None else None)


def _estimated(outline: Outline, seconds: float | None) -> Outline:
    """With a time for its only step."""
    (step,) = outline.steps
    return replace(outline, steps=(replace(step, seconds=seconds or 0.0),), seconds=seconds)


def spelled(args: tuple[Any, ...]) -> str:
    """The subscripts of an einsum call as they were given; of sublists the numbers."""
    if args and isinstance(args[0], str):
        return "".join(args[0].split())
    lists = [_sublist(x) for x in args[1::2]]
    output = f"->{_sublist(args[-1])}" if len(args) % 2 and args else ""
    return ",".join(lists) + output


def _sublist(x: Any) -> str:
    if not isinstance(x, (list, tuple)):
        return "?"
    return f"[{' '.join('...' if i is Ellipsis else str(i) for i in x[:64])}]"
