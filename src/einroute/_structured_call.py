"""Calls with structured operands: understood, planned, and found again by what their operands are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._call import _NOMINAL, Array, Call, ndarray
from ._config import State
from ._key import Key, _given, plain
from ._kinds.dense import facts as dense_facts
from ._operands.base import Structured
from ._parse import check_sizes
from ._plan_sparse import keeps_pattern
from ._plan_structured import Choice, StructuredPlan, make_structured_plan
from ._planned import Limits
from ._problem import Contraction, DType, Operand, Options
from ._quiet import quiet
from ._route import Declined, NoRoute, Runner, kind_of
from ._sparse_call import (
    SparseCall,
    sparse_kind,
    understand_sparse_einsum,
    understand_sparse_tensordot,
)


def any_structured(operands: tuple[Any, ...]) -> bool:
    """Whether some operand is structured."""
    for x in operands:  # noqa: SIM110 - a generator would take longer than the tests
        if isinstance(x, Structured):
            return True
    return False


@dataclass(frozen=True, slots=True)
class StructuredCall:
    """A call with structured operands that has been understood.

    Attributes
    ----------
    contraction : Contraction
    operands : tuple
        Structured and sparse ones as they came, the others as arrays.
    dtype : dtype
        Of the result.
    computed_in : dtype
        Of the products.
    sparse : bool
        Whether the result is sparse.
    """

    contraction: Contraction
    operands: tuple[Any, ...]
    dtype: DType
    computed_in: DType
    order: str
    path: Any
    options: Options
    sparse: bool

    @classmethod
    def of(cls, call: SparseCall, sparse: bool | None = None) -> StructuredCall:
        """From what a call with operands that are no arrays was understood to be.

        A structured operand counts as the dense array that it stands for where the kind of the result is
        settled.
        """
        if sparse is None:
            own = [sparse_kind(x) is not None for x in call.operands]
            sparse = keeps_pattern(call.contraction.inputs, own, call.contraction.output)
        if sparse and call.options.out:
            raise TypeError("out is an ndarray, but the result is sparse; call without out")
        return cls(
            call.contraction,
            call.operands,
            call.dtype,
            call.computed_in,
            call.order,
            call.path,
            call.options,
            sparse,
        )

    def facts(self) -> tuple[Operand, ...]:
        """Facts of every operand."""
        found = []
        for x, alias in zip(self.operands, aliases(self.operands), strict=True):
            if type(x) is ndarray:
                found.append(dense_facts(x))
            else:
                kind: Any = kind_of(x)
                facts = kind.facts(x)
                found.append(facts if alias is None else replace(facts, alias=alias))
        return tuple(found)

    def plan(self, state: State) -> StructuredPlan:
        """The plan of this call."""
        config = state.config
        threads = _NOMINAL if config.reproducible else config.threads
        limits = Limits(threads, config.threads, config.memory_limit)
        return make_structured_plan(
            self.contraction, self.facts(), self.computed_in, state.policy, limits, sparse=self.sparse
        )

    def bound(self, state: State) -> Runner:
        """The bound plan, without looking it up."""
        plan = self.plan(state)
        contract = Contractor(state, self.computed_in)
        finish = quiet(_finisher(self))

        def run(*operands: Any, out: Array | None = None) -> Any:
            result = run_choices(plan, operands, contract)
            return result if self.sparse else finish(result, operands, out)

        return quiet(run) if self.options.quiet else run

    def run(self, state: State, out: Array | None, key: Key | None) -> Any:
        """Look up or make the plan, and run it."""
        run = None if key is None else state.plans.get(key)
        if run is None:
            run = self.bound(state)
            if key is not None:
                state.plans.put(key, run)
        return run(*self.operands) if out is None else run(*self.operands, out=out)


def run_choices(plan: StructuredPlan, operands: tuple[Any, ...], contract: Contractor) -> Any:
    """What the first rewrite gives that does not decline.

    Raises
    ------
    NoRoute
        All declined.
    """
    declined: list[str] = []
    on_run = contract.state.on_run
    for choice in plan.choices:
        result = _run_choice(choice, plan, operands, contract)
        refused = result if type(result) is Declined else None
        if on_run is not None:
            on_run(choice.rewrite.name, refused)
        if refused is None:
            return result
        declined.append(f"{choice.rewrite.name}: {refused.reason}")
    raise NoRoute(f"every allowed route for {plan.step.subscripts!r} declined: {'; '.join(declined)}")


def _run_choice(choice: Choice, plan: StructuredPlan, operands: tuple[Any, ...], contract: Contractor) -> Any:
    return choice.rewrite.run(plan.step, choice.rewriting, operands, contract)


@dataclass(frozen=True, slots=True)
class Contractor:
    """Does what rewrites hand on, by the planner and its caches.

    Attributes
    ----------
    state : State
    dtype : dtype
        That is computed in.
    """

    state: State
    dtype: DType

    def __call__(
        self, inputs: tuple[str, ...], output: str, operands: tuple[Any, ...], *, sparse: bool = False
    ) -> Any:
        """Contract operands of any kind."""
        if len(inputs) == 1 and inputs[0] == output and type(operands[0]) is ndarray:
            return operands[0].astype(self.dtype, copy=False)
        key: list[Any] = ["inner", inputs, output, self.dtype, sparse]
        for x in operands:
            if type(x) is ndarray:
                key += (x.shape, x.dtype, x.strides)
            else:
                key.append(_signature(x))
        key.append(aliases(operands))
        found = tuple(key)
        run = self.state.plans.get(found)
        if run is None:
            run = self._bound(inputs, output, operands, sparse)
            self.state.plans.put(found, run)
        return run(*operands)

    def _bound(self, inputs: tuple[str, ...], output: str, operands: tuple[Any, ...], sparse: bool) -> Runner:
        sizes = check_sizes(inputs, tuple(tuple(x.shape) for x in operands))
        dropped = "".join(c for c, n in sizes.items() if len(operands) > 1 and n == 1 and c not in output)
        contraction = Contraction(inputs, output, sizes, dropped)
        options = Options(scalar=False)
        if all(type(x) is ndarray for x in operands):
            return Call(  # type: ignore[no-any-return]  # a bound plan is any callable
                (), contraction, operands, self.dtype, "K", "auto", None, options
            ).bound(self.state)
        call = SparseCall(
            Contraction(inputs, output, sizes),
            operands,
            tuple(None if type(x) is ndarray else kind_of(x) for x in operands),
            self.dtype,
            "K",
            "auto",
            options,
            sparse,
        )
        if any_structured(operands):
            return StructuredCall.of(call, sparse).bound(self.state)
        return call.bound(self.state)


def aliases(operands: tuple[Any, ...]) -> tuple[int | None, ...]:
    """For each structured operand the position of the first one that is the same; None if it is that one."""
    found: list[int | None] = []
    for i, x in enumerate(operands):
        same = None
        if isinstance(x, Structured):
            same = next((j for j, y in enumerate(operands[:i]) if y is x or _same(x, y)), None)
        found.append(same)
    return tuple(found)


def _same(x: Structured, y: Any) -> bool:
    """Whether two structured operands stand for one tensor, whatever their arrays hold."""
    return (
        type(x) is type(y)
        and x.signature() == y.signature()
        and all(
            a is b or a.__array_interface__ == b.__array_interface__
            for a, b in zip(x.references(), y.references(), strict=True)
        )
    )


def _finisher(call: StructuredCall) -> Callable[[Any, tuple[Any, ...], Array | None], Any]:
    """Brings a dense result to the dtype, the layout and the memory that the caller is promised."""
    dtype, order, options = call.dtype, call.order, call.options

    def finish(result: Any, operands: tuple[Any, ...], out: Array | None) -> Any:
        if out is not None:
            np.copyto(out, result, casting="unsafe")
            return out
        result = np.asarray(result)
        result = result.astype(dtype, order=order, copy=_is_not_new(result, operands))
        return result[()] if options.scalar and not result.ndim else result

    return finish


def _is_not_new(result: Array, operands: tuple[Any, ...]) -> bool:
    """Whether a result is memory of an operand, or is not an array that can be written to at every place."""
    if not result.flags.writeable or 0 in result.strides:
        return True
    arrays = [
        a
        for x in operands
        for a in (x.references() if isinstance(x, Structured) else (x,))
        if type(a) is ndarray
    ]
    return any(np.may_share_memory(result, a) for a in arrays)


def _signature(x: Any) -> Any:
    """What a cached plan depends on of an operand that is no array."""
    if isinstance(x, Structured):
        return x.signature()
    kind: Any = kind_of(x)
    return kind.signature(x)


def call_key(head: Key, operands: tuple[Any, ...]) -> Key | None:
    """What a call with structured operands is found by; None if it is not found again."""
    facts: list[Any] = list(head)
    for x in operands:
        if type(x) is ndarray:
            facts += (x.shape, x.dtype, x.strides)
        elif isinstance(x, Structured) or sparse_kind(x) is not None:
            facts.append(_signature(x))
        else:
            return None
    facts.append(aliases(operands))
    return tuple(facts)


def structured_einsum(
    state: State, operands: tuple[Any, ...], out: Any, optimize: Any, kwargs: dict[str, Any]
) -> Any:
    """An einsum call of which an operand is structured."""
    key = None
    if type(operands[0]) is str:
        bare = optimize is False and out is None and not kwargs
        given = () if bare else _given(out, optimize, kwargs)
        if given is not None:
            key = call_key(("structured", given, operands[0]), operands[1:])
            run = None if key is None else state.plans.get(key)
            if run is not None:
                return run(*operands[1:]) if out is None else run(*operands[1:], out=out)
    return understand_structured_einsum(operands, out, optimize, **kwargs).run(state, out, key)


def understand_structured_einsum(
    operands: tuple[Any, ...], out: Any = None, optimize: Any = False, **kwargs: Any
) -> StructuredCall:
    """What an einsum call with structured operands means.

    Raises
    ------
    ValueError, TypeError, IndexError
        The call is malformed.
    """
    return StructuredCall.of(understand_sparse_einsum(operands, out, optimize, **kwargs))


def structured_tensordot(state: State, a: Any, b: Any, axes: Any) -> Any:
    """A tensordot call of which an operand is structured."""
    known = plain(axes)
    key = None if known is None else call_key(("structured tensordot", known), (a, b))
    if key is not None:
        run = state.plans.get(key)
        if run is not None:
            return run(a, b)
    return understand_structured_tensordot(a, b, axes).run(state, None, key)


def understand_structured_tensordot(a: Any, b: Any, axes: Any = 2) -> StructuredCall:
    """What a tensordot call with structured operands means.

    Raises
    ------
    ValueError, TypeError, IndexError
        The call is malformed.
    """
    return StructuredCall.of(understand_sparse_tensordot(a, b, axes))
