"""A rewritten plan -> a callable: the first rewrite that does not decline, and what it hands on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from .._base.errstate import extobj_contextvar, make_extobj
from .._base.facts import DENSE, DType, Options
from .._base.kinds import Kind
from .._base.rewrites import Inner
from .._base.routes import Declined, NoRoute, Runner
from .._plan.plans import Choice, Rewritten
from .nodes import OnRun
from .overflow import finite

__all__ = ["Contractor", "bind_choices", "finisher", "shortened", "shortly"]

Array = np.ndarray[Any, Any]
#: The arrays that an operand refers to; None where it is one itself.
References = Callable[[Any], tuple[Any, ...]] | None
_INNER = Options(scalar=False)


class _Bound(Protocol):
    """Binds a contraction of operands of any kind; `call.Call` does."""

    def __call__(
        self, inputs: tuple[str, ...], output: str, operands: tuple[Any, ...], form: str, dtype: DType
    ) -> Runner: ...


class Contractor:
    """Does what rewrites hand on, by the planner and its caches.

    Parameters
    ----------
    bound : callable
        The bound plan of a contraction of operands of any kind, kept for operands of the same facts.
    dtype : dtype
        That is computed in.
    bound_inner : callable
        The bound plan of what a rewriting named, from its facts alone; None where those are not enough.
    choice : Choice or None
        Whose inner contractions are bound beforehand.
    looked_at : bool
        Whether the caller ignores floating-point flags, and looks at what comes of these: where it is not
        finite, all is done again.
    """

    def __init__(
        self,
        bound: _Bound,
        dtype: DType,
        bound_inner: Callable[[Inner, Any, bool], Runner | None],
        choice: Choice | None = None,
        *,
        looked_at: bool = False,
    ) -> None:
        self.bound, self.dtype, self.bound_inner, self.looked_at = bound, dtype, bound_inner, looked_at
        handed_on = () if choice is None else zip(choice.rewriting.inner, choice.inner, strict=True)
        self.runners = tuple(self._runner(inner, plan) for inner, plan in handed_on)

    def of(self, choice: Choice, *, looked_at: bool = False) -> Contractor:
        """The same, with a choice's inner contractions bound."""
        return Contractor(self.bound, self.dtype, self.bound_inner, choice, looked_at=looked_at)

    def _runner(self, inner: Inner, plan: Any) -> Runner:
        as_it_is = len(inner.inputs) == 1 and inner.inputs[0] == inner.output
        run = None if as_it_is else self.bound_inner(inner, plan, self.looked_at)
        if run is not None:
            return run
        return lambda *operands: self(
            inner.inputs, inner.output, operands, form=inner.form, dtype=inner.dtype
        )

    def inner(self, number: int, operands: tuple[Any, ...], out: Array | None = None) -> Any:
        """Do an inner contraction on operands of just the facts that were named for it."""
        if out is None:
            return self.runners[number](*operands)
        np.copyto(out, self.runners[number](*operands))
        return out

    def __call__(
        self,
        inputs: tuple[str, ...],
        output: str,
        operands: tuple[Any, ...],
        *,
        form: str = DENSE,
        dtype: DType | None = None,
    ) -> Any:
        """Contract operands of any kind."""
        dtype = self.dtype if dtype is None else dtype
        if len(inputs) == 1 and inputs[0] == output and type(operands[0]) is np.ndarray:
            return operands[0].astype(dtype, copy=False)
        return self.bound(inputs, output, operands, form, dtype)(*operands)


def bind_choices(node: Rewritten, contract: Contractor, on_run: OnRun | None) -> Callable[[Any], Any]:
    """A callable of the operands that gives what the first rewrite does which does not decline.

    Raises
    ------
    NoRoute
        All declined.
    """
    step = node.step
    first = node.choices[0]
    run_first, rewriting = first.rewrite.run, first.rewriting
    ready: dict[int, Contractor] = {0: contract.of(first)}  # the others when they are needed
    contract_first = ready[0]

    def run(operands: tuple[Any, ...]) -> Any:
        if on_run is None:
            result = run_first(step, rewriting, operands, contract_first)
            if type(result) is not Declined:
                return result
        declined: list[str] = []
        for number, choice in enumerate(node.choices):
            if number not in ready:
                ready[number] = contract.of(choice)
            if number or on_run is not None:
                result = choice.rewrite.run(step, choice.rewriting, operands, ready[number])
            refused = result if type(result) is Declined else None
            if on_run is not None:
                on_run(choice.rewrite.name, refused)
            if refused is None:
                return result
            declined.append(f"{choice.rewrite.name}: {refused.reason}")
        raise NoRoute(f"every allowed route for {step.subscripts!r} gave up: {'; '.join(declined)}")

    return run


def shortened(
    run: Runner, node: Rewritten, contract: Contractor, dtype: DType, options: Options, *, checked: bool
) -> Runner:
    """What does a call of einsum by the short way of its first rewrite, where there is one.

    Parameters
    ----------
    run : callable
        The whole way, of a dense result in any order that is new in each call, where nobody watches.
    checked : bool
        Whether the whole way is owed where a result is not finite.
    """
    first = node.choices[0]
    short, settled = first.rewriting.short, first.rewriting.settled
    if short is None and first.rewriting.short_of is not None:
        short = first.rewriting.short_of(contract.of(first, looked_at=checked or settled))
    if short is None or extobj_contextvar is None or not options.quiet or options.out:
        return run
    enter, leave = extobj_contextvar.set, extobj_contextvar.reset
    ignore, scalar = make_extobj(all="ignore"), options.scalar and not node.step.output
    look, as_made = checked and not settled, not scalar and node.step.dtype == dtype
    whole = first.rewriting.in_core if as_made else None
    if first.rewriting.silent and not look and as_made:
        silently = _or(short, run)
        return silently if whole is None else whole(silently, False)

    def run_short(*operands: Any) -> Any:
        token = enter(ignore)
        try:
            result = short(operands)
            if result is not None:
                if look and not finite(result):
                    result = None
                elif result.dtype != dtype:
                    result = result.astype(dtype)
        finally:
            leave(token)
        if result is None:
            return run(*operands)
        return result[()] if scalar else result

    return run_short if whole is None else whole(run_short, look)


def _or(short: Runner, run: Runner) -> Runner:
    """What a short way gives, or else the whole way."""

    def run_silently(*operands: Any) -> Any:
        result = short(operands)
        return run(*operands) if result is None else result

    return run_silently


def shortly(inner: Inner, node: Rewritten, dtype: DType, bound: _Bound) -> Runner | None:
    """What does an inner contraction by the short way of its first rewrite, where that is not done again."""
    rewriting = node.choices[0].rewriting
    short = rewriting.short
    if short is None or not rewriting.settled or inner.form != DENSE:
        return None

    def run(*operands: Any) -> Any:
        made = short(operands)
        if made is None:
            return bound(inner.inputs, inner.output, operands, inner.form, dtype)(*operands)
        return made if made.dtype == dtype else made.astype(dtype)

    return run


def finisher(
    dtype: DType, order: str, options: Options, kinds: Sequence[Kind]
) -> Callable[[Any, tuple[Any, ...], Array | None], Any]:
    """Brings a dense result to the dtype, the layout and the memory that the caller is promised.

    Parameters
    ----------
    kinds : sequence of Kind
        Of the operands.
    """
    references = tuple(kind.references for kind in kinds)
    scalar, any_order = options.scalar, order == "K"

    def finish(result: Any, operands: tuple[Any, ...], out: Array | None) -> Any:
        if out is not None:
            np.copyto(out, result, casting="unsafe")
            return out
        if type(result) is not np.ndarray:
            result = np.asarray(result)
        old = _is_not_new(result, operands, references)
        if old or result.dtype != dtype or not any_order:
            result = result.astype(dtype, order=order, copy=old)
        return result[()] if scalar and not result.ndim else result

    return finish


def _is_not_new(result: Array, operands: tuple[Any, ...], references: tuple[References, ...]) -> bool:
    """Whether a result is memory of an operand, or is not an array that can be written to at every place."""
    if not result.flags.writeable or 0 in result.strides:
        return True
    owner = result.base
    for x, referred in zip(operands, references, strict=True):
        for a in (x,) if referred is None else referred(x):
            # Memory of an operand belongs to it or to its base, unless that is no array.
            if a is result or (owner is not None and (owner is a or owner is getattr(a, "base", None))):
                return True
    return type(owner) is not np.ndarray and owner is not None
