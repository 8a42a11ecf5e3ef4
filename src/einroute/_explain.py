"""Decisions as text: what a call would do, from the same code that does it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from ._call import NumpysOwn, understand_einsum, understand_tensordot
from ._config import current
from ._explain_factors import FACTORED, FactorExplanation, explain_factored, is_factored
from ._frontend import einsum, tensordot, tiny_note
from ._planned import Chain, Node, Plan, Planned, Sliced
from ._route import kind_of
from ._sparse_call import (
    any_sparse,
    sparse_kind,
    understand_sparse_einsum,
    understand_sparse_tensordot,
)


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a call would do.

    Attributes
    ----------
    function : str
    plan : Plan or None
        None where the call is NumPy's own to answer.
    reason : str
        Why it is NumPy's own.
    tiny : str
        Who answers the call before the plan does, where it is tiny; the plan's routes come after that.
    sparse : tuple of str
        What there is to say of sparse operands: format, non-zeros and density, and the result's kind.
    """

    function: str
    plan: Plan | None
    reason: str = ""
    tiny: str = ""
    sparse: tuple[str, ...] = ()

    @property
    def routes(self) -> tuple[str, ...]:
        """The name of each step's route, in the order of the steps."""
        if self.plan is None:
            return (f"numpy.{self.function}",)
        return tuple(s.decision.route.name for s in _whole(self.plan.node).steps)

    @property
    def seconds(self) -> float | None:
        """Estimated time; only the ratios of such estimates mean much."""
        return None if self.plan is None else self.plan.node.seconds

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def explain(
    subscripts_or_function: str | Callable[..., Any], /, *args: Any, **kwargs: Any
) -> Explanation | FactorExplanation:
    """What a call would do: the routes, what they cost, what was refused and why.

    Parameters
    ----------
    subscripts_or_function : str or function
        Subscripts mean `einsum`; else `einsum`, `tensordot`, `lstsq`, `linalg.solve`, `linalg.inv` or
        `linalg.pinv` itself, or one of `einroute.scipy.linalg`'s.
    *args, **kwargs
        The call's arguments. Any object with ``shape`` and ``dtype`` can stand for an operand.

    Returns
    -------
    Explanation or FactorExplanation
        Prints as text; `routes` holds the names of the routes.

    Raises
    ------
    TypeError
        A function that is not explained.
    ValueError
        A call that einsum would refuse.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> a = np.ones((200, 300)); b = np.ones((300, 400))
    >>> er.explain("ij,jk->ik", a, b).routes
    ('dense.matmul',)
    """
    state = current()
    if isinstance(subscripts_or_function, str):
        function: Any = einsum
        args = (subscripts_or_function, *args)
    else:
        function = subscripts_or_function
        if is_factored(function):
            return explain_factored(function, *args, **kwargs)
    args = tuple(_stand_in(x) for x in args)
    tiny = ""
    if function in {einsum, tensordot} and any_sparse((*args, *kwargs.values())):
        return _explain_sparse(function, args, kwargs)
    if function is tensordot:
        call = understand_tensordot(*args, **kwargs)
    elif function is einsum:
        call = understand_einsum(args, **kwargs)
        options = dict(kwargs)
        tiny = tiny_note(args, options.pop("out", None), options.pop("optimize", False), options)
    else:
        name = getattr(function, "__name__", type(function).__name__)
        raise TypeError(
            f"function is {name!r}, expected subscripts or one of einroute's "
            f"einsum, tensordot, {', '.join(f.__name__ for f in FACTORED)}"
        )
    if isinstance(call, NumpysOwn):
        return Explanation(function.__name__, None, call.reason)
    return Explanation(function.__name__, call.plan(state), tiny=tiny)


def _explain_sparse(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Explanation:
    """Of a call with sparse operands, whose kinds, non-zeros and density are shown too."""
    understand: Any = understand_sparse_tensordot if function is tensordot else understand_sparse_einsum
    call = understand(*args, **kwargs) if function is tensordot else understand(args, **kwargs)
    plan = call.plan(current())
    notes = [
        f"operand {i}: {type(x).__name__}, {kind.stored(x)} non-zeros of {prod(x.shape)} elements "
        f"({100 * kind.stored(x) / max(1, prod(x.shape)):.3g} %), counted as {kind.facts(x).nnz}"
        for i, (x, kind) in enumerate(zip(call.operands, call.kinds, strict=True))
        if kind is not None
    ]
    why = (
        "no dense operand shares a contracted label with a sparse one, nor adds a label to the output"
        if plan.sparse
        else "a dense operand shares a contracted label with a sparse one, or adds a label to the output"
    )
    notes.append(f"the result is {'sparse' if plan.sparse else 'dense'}: {why}")
    said = call.densifies(plan)
    if said:
        notes.append(f"on_densify: {said}")
    return Explanation(function.__name__, plan, sparse=tuple(notes))


def _stand_in(x: Any) -> Any:
    """An array of the same shape and dtype that takes no memory, for what is not one already."""
    if isinstance(x, (np.ndarray, np.generic, str, int, float, complex, list, tuple)) or x is Ellipsis:
        return x
    if sparse_kind(x) is not None:
        return x
    shape, dtype = getattr(x, "shape", None), getattr(x, "dtype", None)
    if shape is None or dtype is None or (hasattr(x, "__array_function__") and kind_of(x) is None):
        return x
    dtype = np.dtype(dtype)
    strides: list[int] = []
    step = dtype.itemsize
    for n in reversed(tuple(shape)):
        strides.append(step)
        step *= max(n, 1)
    return np.lib.stride_tricks.as_strided(np.empty(1, dtype), tuple(shape), strides[::-1], writeable=False)


def _whole(node: Node) -> Chain:
    while isinstance(node, Sliced):
        node = node.inner
    return node


def _lines(e: Explanation) -> Iterator[str]:
    if e.plan is None:
        yield f"{e.function}: NumPy's own function ({e.reason})"
        return
    plan = e.plan
    c = plan.contraction
    yield f"{e.function} {_readable(c.subscripts)}"
    sizes = " ".join(f"{_readable(x)}={n}" for x, n in c.sizes.items())
    if e.tiny:
        yield f"  {e.tiny}"
    yield f"  {plan.dtype.name}, order {plan.order}, {c.iterations:.3g} products; sizes {sizes or 'none'}"
    yield from (f"  {note}" for note in e.sparse)
    for i, p in enumerate(plan.prepared):
        done = []
        if p.diagonal:
            done.append("a diagonal is viewed")
        if p.squeeze:
            done.append("broadcast axes of length 1 are dropped")
        if p.cast is not None:
            done.append(f"cast to {p.cast.name}")
        if done:
            yield f"  operand {i}: {', '.join(done)}"
    node: Node = plan.node
    while isinstance(node, Sliced):
        done_with = "added up" if node.summed else "put side by side"
        count = -(-node.size // node.block)
        yield (
            f"  in {count} slices of {node.block} along {_readable(node.label)}, {done_with}, "
            f"on up to {node.threads} threads ({node.reason})"
        )
        node = node.inner
    for number, planned in enumerate(node.steps, 1):
        yield from _step_lines(number, planned)
    yield f"  about {_time(plan.node.seconds)}; intermediates up to {plan.node.peak:.3g} bytes"


def _step_lines(number: int, planned: Planned) -> Iterator[str]:
    d = planned.decision
    cost = d.offer.cost
    yield f"  step {number}: {_readable(d.step.subscripts)}  by {d.route.name}"
    work = f"{cost.flops:.3g} multiply-adds, {cost.bytes:.3g} bytes"
    yield f"      {_readable(d.offer.note)}; {work}, about {_time(cost.seconds)}"
    if d.route.guard:
        yield f"      if {d.route.guard}; else the next"
    for route, offer in d.offers[1:]:
        yield f"      not {route.name}: about {_time(offer.cost.seconds)}"
    for route, refused in d.refused:
        yield f"      not {route.name}: {refused.reason}"


def _readable(text: str) -> str:
    """Labels of ellipsis dimensions, and of tensordot's axes, as small letters with a prime."""
    return "".join(
        c if ord(c) < 0x100 or ord(c) >= 0x180 else f"{chr(ord('a') + (ord(c) - 0x100) % 26)}'" for c in text
    )


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
