"""Tiny calls of einsum: NumPy's own C function answers them, until planning has been earned.

A plan takes about 100 us to make and saves about 1 us a call.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from .._base.c_einsum import c_einsum
from .._base.fixed import fixed
from .._base.log import debug
from .._base.preparation import may_prepare
from .._base.routes import Runner
from .._config.state import State, current
from .._kinds.registry import of_library, other_kind
from .._native import CORE
from .._plan.plans import Rewritten
from .keys import Key, einsum_key
from .operands import Array, Fallback, ndarray
from .understand import understand_einsum

__all__ = [
    "TINY",
    "all_tiny",
    "is_bare",
    "known_runner",
    "put_on_trial",
    "small_arrays",
    "tiny_note",
    "understood_by_core",
]

#: Below this many products (an upper bound: the product of the operands' sizes) planning is put off.
TINY = 4096
#: Calls of a tiny kind after which planning it has been earned: a plan takes about 100 us to make and
#: saves about 1 us a call.
_EARNED = 64


def small_arrays(operands: tuple[Any, ...]) -> list[Array] | None:
    """Two or more operands as arrays, where NumPy's einsum of them takes less than to look for a plan."""
    if len(operands) < 3 or type(operands[0]) is not str:
        return None  # of one operand it may be a view that einsum returns
    work = 1
    for x in operands[1:]:
        if type(x) is not ndarray and of_library(x):
            return None  # and its sizes may be symbols
        for n in getattr(x, "shape", ()):
            work *= n
    if not 0 < work <= TINY:
        return None
    arrays = []
    for x in operands[1:]:
        array: Array | None = x
        if type(x) is not ndarray:
            kind = other_kind(x)
            array = None if kind is None or kind.small is None else kind.small(x)
        if array is None:
            return None
        arrays.append(array)
    return arrays


def small_runner(operands: tuple[Any, ...]) -> Runner | None:
    """What does calls of the same facts by NumPy's einsum of small arrays; None of arrays alone."""
    kinds = [None if type(x) is ndarray else other_kind(x) for x in operands[1:]]
    ways = [None if kind is None else kind.small for kind in kinds]
    if not any(ways):
        return None
    subscripts = operands[0]

    def run(*operands: Any) -> Any:
        arrays = [x if way is None else way(x) for way, x in zip(ways, operands, strict=True)]
        return c_einsum(subscripts, *arrays)

    return run


def all_tiny(operands: tuple[Any, ...], plain: bool = False) -> bool:
    """Whether the operands are plain arrays that c_einsum passes before a plan could be looked up.

    Parameters
    ----------
    operands : tuple
        Arguments of einsum.
    plain : bool, optional
        Whether the core may understand the call. Where it does, it is planned at once.
    """
    arrays = operands[1:] if operands and type(operands[0]) is str else operands[: len(operands) // 2 * 2 : 2]
    work = 1
    for x in arrays:
        if type(x) is not ndarray:
            return False
        work *= x.size
        if work > TINY:
            return False
    if not work:
        return False  # NumPy's loops are not safe for empty operands, see _kinds.dense.empty
    return not (plain and understood_by_core(operands))


def understood_by_core(operands: tuple[Any, ...]) -> bool:
    """Whether the core answers a call of plain arrays itself, however often it comes."""
    return (
        CORE is not None
        and bool(operands)
        and type(operands[0]) is str
        and CORE.understand(*operands) is not None
    )


def put_on_trial(operands: tuple[Any, ...], state: State) -> None:
    """Remember a tiny call, so that it is planned once it has come often enough."""
    key = _trial_key(operands)
    if key is not None and may_prepare() and state.plans.get(key) is None:
        state.plans.put(key, _Trial(key, operands[0], state.base or state))


def _trial_key(operands: tuple[Any, ...]) -> Key | None:
    """What the hot path finds a tiny call under; None if it stays with c_einsum."""
    if len(operands) < 3 or type(operands[0]) is not str:
        return None  # a single operand has no faster route
    if len(operands) > 3 and not all(x.flags.c_contiguous for x in operands[1:]):
        return None  # the hot path does not look
    return einsum_key(operands, None, False, {})


def tiny_note(operands: tuple[Any, ...], out: Any, optimize: Any, kwargs: dict[str, Any]) -> str:
    """Who answers a tiny call before its plan does, as `explain` puts it; empty if it is none."""
    if optimize is not False or not current().tiny or not all_tiny(operands, is_bare(out, kwargs)):
        return ""
    what = f"tiny, at most {TINY} products: NumPy's C einsum answers"
    if out is None and not kwargs and _trial_key(operands) is not None:
        return f"{what} the first {_EARNED} or so such calls, then this plan"
    return f"{what}, and this plan is not used"


def is_bare(out: Any, kwargs: dict[str, Any]) -> bool:
    """Whether the core may understand a call with these options: its result is C-ordered, or is ``out``."""
    if out is not None:
        return type(out) is ndarray and not kwargs
    order = kwargs.get("order", "K")
    return kwargs.keys() <= {"order"} and type(order) is str and order in {"C", "K"}


def known_runner(
    operands: tuple[Any, ...], out: Any, optimize: Any, kwargs: dict[str, Any], public: Any
) -> Runner | None:
    """What the core is to run for a call of einsum that it did not know, as far as that is known.

    Parameters
    ----------
    public : callable
        Whose calls they are: told when a trial has ended.
    """
    state = current()
    if out is not None:
        run = state.plans.get(einsum_key(operands, out, optimize, kwargs))
        return None if run is None else _into_last(run)
    if state.tiny and optimize is False and not kwargs and small_arrays(operands) is not None:
        small = small_runner(operands)
        if small is not None:
            return _SmallTrial(small, operands[0], state.base or state, public.remember)
    key = einsum_key(operands, None, optimize, kwargs)
    run = None if key is None else state.plans.get(key)
    if isinstance(run, _Trial):
        run.remember = public.remember
    elif run is None and optimize is False and state.tiny and all_tiny(operands, is_bare(None, kwargs)):
        return partial(c_einsum, operands[0], **kwargs)  # there is no plan, and will be none
    return run


def _into_last(run: Runner) -> Runner:
    """As the core calls it: ``out`` stands behind the operands."""

    def into_last(*arrays: Any) -> Any:
        return run(*arrays[:-1], out=arrays[-1])

    return into_last


class _Trial:
    """Runs a tiny call by NumPy's einsum, until planning it has been earned."""

    __slots__ = ("calls", "key", "remember", "run", "state", "subscripts")

    counts = True  # so that who watches leaves it in its place

    def __init__(self, key: Key, subscripts: str, state: State) -> None:
        self.key = key
        self.subscripts = subscripts
        self.state = state
        self.calls = 0
        self.run = partial(c_einsum, subscripts)
        self.remember: Callable[..., None] | None = None

    def __call__(self, *arrays: Array) -> Any:
        self.calls += 1  # a lost count between threads only puts planning off
        if self.calls == _EARNED and not may_prepare():
            self.calls -= 1  # the next call may be one that plans
        elif self.calls == _EARNED:
            arrays = fixed(arrays)
            call = understand_einsum((self.subscripts, *arrays))
            if not isinstance(call, Fallback) and _trial_key((self.subscripts, *arrays)) == self.key:
                bound = call.bound(self.state)
                self.state.plans.put(self.key, bound)
                if self.remember is not None:
                    self.remember(bound, self.subscripts, *arrays)
                debug("einsum %s of tiny operands is planned after %d calls", self.subscripts, _EARNED)
        return self.run(*arrays)


class _SmallTrial:
    """Runs small calls of operands that are not all arrays, until a plan with a short way has been earned."""

    __slots__ = ("calls", "remember", "run", "state", "subscripts")

    def __init__(self, run: Runner, subscripts: str, state: State, remember: Callable[..., None]) -> None:
        self.run, self.subscripts, self.state, self.remember = run, subscripts, state, remember
        self.calls = 0

    def __call__(self, *operands: Any) -> Any:
        self.calls += 1  # a lost count between threads only puts planning off
        if self.calls == _EARNED and not may_prepare():
            self.calls -= 1  # the next call may be one that plans
        elif self.calls == _EARNED:
            call = understand_einsum((self.subscripts, *operands))
            if not isinstance(call, Fallback):
                plan = call.plan(self.state)
                short = isinstance(plan.node, Rewritten) and plan.node.has_short
                self.remember(call.bind(plan, self.state) if short else self.run, self.subscripts, *operands)
                debug("einsum %s of small operands is planned after %d calls", self.subscripts, _EARNED)
        return self.run(*operands)
