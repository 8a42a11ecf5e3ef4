"""Calls with operands that are not all arrays: their plans are found again by what the operands are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ._call import Array
from ._config import State
from ._key import Key, _given, plain
from ._route import Runner

__all__ = ["Front", "run_bound"]


class Understood(Protocol):
    """A call whose arguments have been understood."""

    @property
    def operands(self) -> tuple[Any, ...]:
        """What the bound plan is run with."""
        ...

    def bound(self, state: State) -> Runner:
        """The bound plan, without looking it up."""
        ...


def run_bound(call: Understood, state: State, out: Array | None, key: Key | None) -> Any:
    """Bind the plan of a call, keep it where there is a key, and run it."""
    run = call.bound(state)
    if key is not None:
        state.plans.put(key, run)
    return run(*call.operands) if out is None else run(*call.operands, out=out)


@dataclass(frozen=True, slots=True)
class Front:
    """einsum and tensordot for one sort of operands.

    Attributes
    ----------
    name : str
        What keys begin with.
    key : callable
        ``(head, operands) -> Key or None``, what a call is found again by.
    understand_einsum, understand_tensordot : callable
        Arguments of the functions -> what they mean, or an exception that says what is wrong.
    """

    name: str
    key: Callable[[Key, tuple[Any, ...]], Key | None]
    understand_einsum: Callable[..., Understood]
    understand_tensordot: Callable[..., Understood]

    def einsum(
        self, state: State, operands: tuple[Any, ...], out: Any, optimize: Any, kwargs: dict[str, Any]
    ) -> Any:
        """An einsum call."""
        key = None
        if type(operands[0]) is str:
            bare = optimize is False and out is None and not kwargs
            given = () if bare else _given(out, optimize, kwargs)
            if given is not None:
                key = self.key((self.name, given, operands[0]), operands[1:])
                run = None if key is None else state.plans.get(key)
                if run is not None:
                    return run(*operands[1:]) if out is None else run(*operands[1:], out=out)
        return run_bound(self.understand_einsum(operands, out, optimize, **kwargs), state, out, key)

    def tensordot(self, state: State, a: Any, b: Any, axes: Any) -> Any:
        """A tensordot call."""
        known = plain(axes)
        key = None if known is None else self.key((self.name, "tensordot", known), (a, b))
        if key is not None:
            run = state.plans.get(key)
            if run is not None:
                return run(a, b)
        return run_bound(self.understand_tensordot(a, b, axes), state, None, key)
