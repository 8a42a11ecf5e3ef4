"""Calls with structured operands: understood, planned, and found again by what their operands are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._call import _NOMINAL, Array, Call, ndarray
from ._config import State
from ._execute import bind_plan
from ._found_again import Front
from ._key import Key
from ._kinds.dense import facts as dense_facts
from ._kinds.dense.numpy_einsum import c_einsum
from ._operands.base import Structured
from ._parallel import with_single_threaded_blas
from ._parse import check_sizes
from ._plan_sparse import keeps_pattern
from ._plan_structured import Choice, StructuredPlan, dense_contraction, make_structured_plan
from ._planned import Limits, Plan
from ._problem import Contraction, DType, Operand, Options
from ._quiet import quiet
from ._rewrite import Inner
from ._route import Declined, NoRoute, Policy, Runner, kind_of
from ._sparse_call import (
    SparseCall,
    sparse_kind,
    understand_sparse_einsum,
    understand_sparse_tensordot,
)

#: Products (an upper bound: the product of the operands' sizes) up to which no plan is looked for.
_TINY = 4096
#: Exceptions by which a bad call shows itself before anything is computed.
_BAD_CALL = (ValueError, TypeError, IndexError)
#: Routes whose kernels are compiled once earlier calls have paid for that.
_EARNED = frozenset({"difference.compiled", "sparse.tiles"})
#: How the results of inner contractions are handed on.
_INNER = Options(scalar=False)


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
            sizes = call.contraction.sizes
            inputs = [  # an axis that is broadcast does not count
                "".join(c for c, n in zip(labels, x.shape, strict=True) if n == sizes[c])
                for labels, x in zip(call.contraction.inputs, call.operands, strict=True)
            ]
            sparse = keeps_pattern(inputs, own, call.contraction.output)
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
        policy = state.policy
        if config.reproducible:
            policy = Policy(policy.forced, policy.forbidden | _EARNED)
        return make_structured_plan(
            self.contraction, self.facts(), self.computed_in, policy, limits, sparse=self.sparse
        )

    def bound(self, state: State) -> Runner:
        """The bound plan, without looking it up."""
        plan = self.plan(state)
        rewritten = bind_choices(plan, Contractor(state, self.computed_in, self.dtype))
        finish = _finisher(self) if self.options.quiet else quiet(_finisher(self))

        def run(*operands: Any, out: Array | None = None) -> Any:
            result = rewritten(operands)
            return result if self.sparse else finish(result, operands, out)

        return quiet(run) if self.options.quiet else run


def bind_choices(plan: StructuredPlan, contract: Contractor) -> Callable[[tuple[Any, ...]], Any]:
    """A callable of the operands that gives what the first rewrite does which does not decline.

    Raises
    ------
    NoRoute
        All declined.
    """
    step, on_run = plan.step, contract.state.on_run
    first = plan.choices[0]
    run_first, rewriting = first.rewrite.run, first.rewriting
    ready: dict[int, Contractor] = {0: contract.of(first)}  # the others when they are needed
    contract_first = ready[0]

    def run(operands: tuple[Any, ...]) -> Any:
        if on_run is None:
            result = run_first(step, rewriting, operands, contract_first)
            if type(result) is not Declined:
                return result
        declined: list[str] = []
        for number, choice in enumerate(plan.choices):
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
        raise NoRoute(f"every allowed route for {step.subscripts!r} declined: {'; '.join(declined)}")

    return run


@dataclass(frozen=True, slots=True)
class Contractor:
    """Does what rewrites hand on, by the planner and its caches.

    Attributes
    ----------
    state : State
    dtype : dtype
        That is computed in.
    last : dtype
        Of a sparse result, which is the call's.
    runners : tuple of callable
        What a rewriting names as its inner contractions, bound.
    """

    state: State
    dtype: DType
    last: DType
    runners: tuple[Runner, ...] = ()

    def of(self, choice: Choice) -> Contractor:
        """The same, with a choice's inner contractions bound."""
        pairs = zip(choice.rewriting.inner, choice.inner, strict=True)
        return replace(self, runners=tuple(self._runner(inner, plan) for inner, plan in pairs))

    def _runner(self, inner: Inner, plan: Plan | StructuredPlan) -> Runner:
        as_it_is = len(inner.inputs) == 1 and inner.inputs[0] == inner.output
        dense = all(op.kind == "dense" for op in inner.operands)
        if dense and not as_it_is and isinstance(plan, Plan):
            run = bind_plan(plan, _INNER, self.state.on_run)
            return with_single_threaded_blas(run) if self.state.config.reproducible else run
        return lambda *operands: self(
            inner.inputs, inner.output, operands, sparse=inner.sparse, dtype=inner.dtype
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
        sparse: bool = False,
        dtype: DType | None = None,
    ) -> Any:
        """Contract operands of any kind."""
        if dtype is not None and dtype != self.dtype:
            return replace(self, dtype=dtype)(inputs, output, operands, sparse=sparse)
        if len(inputs) == 1 and inputs[0] == output and type(operands[0]) is ndarray:
            return operands[0].astype(self.dtype, copy=False)
        key: list[Any] = ["inner", inputs, output, self.dtype, self.last, sparse]
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
        if all(type(x) is ndarray for x in operands):
            contraction = dense_contraction(inputs, output, sizes)
            return Call(  # type: ignore[no-any-return]  # a bound plan is any callable
                (), contraction, operands, self.dtype, "K", "auto", None, _INNER
            ).bound(self.state)
        call = SparseCall(
            Contraction(inputs, output, sizes),
            operands,
            tuple(None if type(x) is ndarray else kind_of(x) for x in operands),
            self.last if sparse else self.dtype,
            "K",
            "auto",
            _INNER,
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
        old = _is_not_new(result, operands)
        if old or result.dtype != dtype or order != "K":
            result = result.astype(dtype, order=order, copy=old)
        return result[()] if options.scalar and not result.ndim else result

    return finish


def _is_not_new(result: Array, operands: tuple[Any, ...]) -> bool:
    """Whether a result is memory of an operand, or is not an array that can be written to at every place."""
    if not result.flags.writeable or 0 in result.strides:
        return True
    owner = result.base
    for x in operands:
        for a in x.references() if isinstance(x, Structured) else (x,):
            # Memory of an operand belongs to it or to its base, unless that is no array.
            if a is result or (owner is not None and (owner is a or owner is getattr(a, "base", None))):
                return True
    return type(owner) is not ndarray and owner is not None


def _signature(x: Any) -> Any:
    """What a cached plan depends on of an operand that is no array."""
    if isinstance(x, Structured):
        return x.signature()
    kind: Any = kind_of(x)
    return kind.signature(x)


def call_key(head: Key, operands: tuple[Any, ...]) -> Key | None:
    """What a call with structured operands is found by; None if it is not found again."""
    facts: list[Any] = list(head)
    structured = 0
    for x in operands:
        if type(x) is ndarray:
            facts += (x.shape, x.dtype, x.strides)
        elif isinstance(x, Structured):
            structured += 1
            facts.append(x.signature())
        elif sparse_kind(x) is not None:
            facts.append(_signature(x))
        else:
            return None
    if structured > 1:
        facts.append(aliases(operands))
    return tuple(facts)


def _tiny(operands: tuple[Any, ...]) -> list[Array] | None:
    """Two or more operands as arrays, where NumPy's einsum of them takes less than to look for a plan."""
    if len(operands) < 3:
        return None  # of one operand it may be a view that einsum returns
    work = 1
    for x in operands[1:]:
        shape = getattr(x, "shape", ())
        for n in shape:
            work *= n
    if not 0 < work <= _TINY:
        return None
    arrays = []
    for x in operands[1:]:
        array = x if type(x) is ndarray else x.small() if isinstance(x, Structured) else None
        if array is None:
            return None
        arrays.append(array)
    return arrays


def structured_einsum(
    state: State, operands: tuple[Any, ...], out: Any, optimize: Any, kwargs: dict[str, Any]
) -> Any:
    """An einsum call of which an operand is structured."""
    if state.tiny and optimize is False and out is None and not kwargs and type(operands[0]) is str:
        arrays = _tiny(operands)
        if arrays is not None:
            try:
                return c_einsum(operands[0], *arrays)
            except _BAD_CALL:
                pass  # diagnosed below
    return STRUCTURED.einsum(state, operands, out, optimize, kwargs)


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


def understand_structured_tensordot(a: Any, b: Any, axes: Any = 2) -> StructuredCall:
    """What a tensordot call with structured operands means.

    Raises
    ------
    ValueError, TypeError, IndexError
        The call is malformed.
    """
    return StructuredCall.of(understand_sparse_tensordot(a, b, axes))


#: einsum and tensordot calls of which an operand is structured.
STRUCTURED = Front("structured", call_key, understand_structured_einsum, understand_structured_tensordot)
