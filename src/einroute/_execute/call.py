"""A call that has been understood: what to plan, how to bind it, and the operands to run it on.

Every contraction is one, whichever function it was written as and whatever its operands are.  Running it,
explaining it and recording it start here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from math import prod
from time import perf_counter
from typing import Any

import numpy as np

from .._base.densify import densified, speak
from .._base.errstate import quiet
from .._base.facts import DENSE, Contraction, DType, Operand, Options
from .._base.formatting import in_bytes
from .._base.kinds import Kind
from .._base.machine import SHIPPED, using
from .._base.records import dataclass
from .._base.rewrites import Inner
from .._base.routes import NoRoute, Policy, Runner
from .._base.threads import with_single_threaded_blas
from .._config.options import for_tasks
from .._config.state import State
from .._kinds.meeting import dtype_rules, met
from .._kinds.registry import form_of, kind_of
from .._plan.planner import largest_dense, make_plan, of_arrays
from .._plan.plans import Chain, Limits, Plan, Rewritten, Sliced
from .._plan.rewriting import contraction_of
from .bind import Handling, announced, bind_plan, maker, numpys_own
from .overflow import written_out
from .rewritten import Contractor, bind_choices, finisher, shortened, shortly
from .trials import as_found, on_trial
from .unsound import facts_of

__all__ = ["Call", "aliases", "signature_of"]

Array = np.ndarray[Any, Any]
Key = tuple[Any, ...]

ndarray = np.ndarray  # a global is found faster than an attribute of a module

#: Threads that costs are estimated for where the plan must not depend on how many there are.
_NOMINAL = 2
#: Multiply-adds, about, that a repetition which multiplies no absent element may take.
_REPEAT_LIMIT = 10**9
_HALF, _SINGLE = np.dtype(np.float16), np.dtype(np.float32)
#: How the results of inner contractions are handed on, and where the caller looks at what comes of them.
_INNER, _LOOKED_AT = Options(scalar=False), Options(scalar=False, quiet=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A contraction that has been understood.

    Attributes
    ----------
    contraction : Contraction
    operands : tuple
        Arrays, and operands of other kinds as they came.
    kinds : tuple of Kind
    dtype : dtype
        Of the result.
    order : {"K", "C", "F"}
        The layout of an array.
    path : tuple or str
        A path to take, or the name of opt_einsum's way to find one.
    limit : int or None
        Bytes that intermediates may take, besides what the configuration says.
    options : Options
    form : str or None
        The name of the form of the result; None leaves that to the rule of kinds and labels.
    key : tuple or None
        What its bound plan is kept under, if the arguments as given have no key.
    direct : callable or None
        The same call of NumPy's einsum, where that is a plan by itself.
    keywords : mapping
        Its keyword arguments for NumPy's einsum.
    given_sparse : bool or None
        Whether the caller gave sparse operands, where these are handed on by a rewrite; None where they are
        the caller's.
    told : tuple of (str, value)
        Keywords of the form's own.
    cuts : str
        Labels that are to be taken one index at a time.
    """

    contraction: Contraction
    operands: tuple[Any, ...]
    kinds: tuple[Kind, ...]
    dtype: DType
    order: str = "C"
    path: Any = "auto"
    limit: int | None = None
    options: Options = field(default_factory=Options)
    form: str | None = None
    key: Key | None = None
    direct: Callable[..., Any] | None = None
    keywords: Mapping[str, Any] = field(default_factory=dict)
    given_sparse: bool | None = None
    told: tuple[tuple[str, Any], ...] = ()
    cuts: str = ""

    @property
    def has_sparse(self) -> bool:
        """Whether the caller gave sparse operands."""
        given = self.given_sparse
        return any(kind.form.sparse for kind in self.kinds) if given is None else given

    @property
    def dense(self) -> bool:
        """Whether every operand is an array."""
        return all(type(x) is ndarray for x in self.operands)

    @property
    def computed_in(self) -> DType:
        """The dtype of the products: beside other kinds those of halves are made in single precision.

        Unless these have a library that has its own way with halves.
        """
        single = self.dtype == _HALF and not self.dense and dtype_rules(self.kinds) is None
        return _SINGLE if single else self.dtype

    @property
    def _whole(self) -> bool:
        """Whether it is einsum's call as the caller gave it, and nothing that is handed on."""
        return self.options.quiet and self.options is not _INNER

    def facts(self) -> tuple[Operand, ...]:
        """Facts of every operand."""
        pairs = zip(self.operands, self.kinds, strict=True)
        found = [facts_of(i, x, kind) for i, (x, kind) in enumerate(pairs)]
        same = zip(found, aliases(self.operands), strict=True)
        return tuple(facts if alias is None else replace(facts, alias=alias) for facts, alias in same)

    def plan(self, state: State, *, strict: bool = False) -> Plan:
        """The plan of this call; reads facts of the operands only."""
        plan = self.planned(state, self.limits(state), strict=strict)
        return plan if strict or self.options is _INNER else as_found(self, plan, state)

    def limits(self, state: State) -> Limits:
        """What bounds the plan."""
        config = state.config
        memory = min((n for n in (config.memory_limit, self.limit) if n is not None), default=None)
        told: tuple[tuple[str, Any], ...] = ()
        if any(kind.form.tasks for kind in self.kinds):
            told, memory = (*self.told, ("memory_limit", memory), *for_tasks(config)), None
        elif any(kind.form.bounded for kind in self.kinds):
            told = (("memory_limit", memory),)
        threads = _NOMINAL if config.reproducible else config.threads
        return Limits(threads, config.threads, memory, self.path, told, self.options.stepwise, cuts=self.cuts)

    def planned(self, state: State, limits: Limits, *, strict: bool = False) -> Plan:
        """The plan that is estimated to be the fastest within bounds."""
        reproducible = state.config.reproducible
        facts = self.facts()
        with using(SHIPPED if reproducible else None):
            plan = make_plan(
                self.contraction,
                facts,
                self.computed_in,
                self.order,
                self.policy(state, facts),
                limits,
                form=self.form,
                strict=strict,
            )
        self._check_result(plan)
        return plan

    def with_operands(self, operands: tuple[Any, ...]) -> Call:
        """The same call on other operands of the same facts; of none, it keeps nobody's memory."""
        return replace(self, operands=operands)

    def policy(self, state: State, facts: tuple[Operand, ...]) -> Policy:
        """Which routes may be taken; where floating-point warnings are due, none that gives none.

        Except for windows and broadcasts: there NumPy's own function may copy gigabytes.
        """
        loud = (
            not self.options.quiet
            and not self.options.stepwise
            and self.dense
            and self.dtype.kind in "fc"
            and not any(op.nbytes > 4 * op.span for op in facts)
        )
        return replace(state.policy, loud=True) if loud else state.policy

    def _check_result(self, plan: Plan) -> None:
        """Raise where a result cannot be of the form and the dtype that it would have."""
        if plan.form == DENSE:
            return
        if self.options.out:
            raise TypeError(f"out is an ndarray, but the result is {_called(plan.form)}; call without out")
        if self.form is None and self.contraction.output:
            refusal = maker(self.kinds, plan.form).accepts(self.dtype)
            if refusal:
                raise TypeError(refusal)

    def bound(self, state: State) -> Runner:
        """The bound plan, without looking it up; put on trial where there is something to be found out."""
        start = perf_counter()
        plan = self.plan(state)
        run = self.bind(plan, state)
        inner = self.options is _INNER
        return run if inner else on_trial(self, plan, run, state, out=self.options.out, since=start)

    def bind(self, plan: Plan, state: State) -> Runner:
        """The runner of a plan of this call."""
        if self.direct is not None and state.on_run is None and numpys_own(plan):
            return self.direct
        if isinstance(plan.node, Rewritten):
            run = self._bound_rewritten(plan, plan.node, state)
        else:
            run = bind_plan(plan, self._handling(plan, state))
        if state.config.reproducible:
            run = with_single_threaded_blas(run)
        message = self.densifies(plan)
        return _spoken(run, message, state.config.on_densify) if message else run

    def _handling(self, plan: Plan, state: State) -> Handling:
        sparse = any(kind.form.sparse for kind in self.kinds)
        strict = self._strictly(plan, state) if sparse else None
        plain = all(type(x) is ndarray and x.dtype == plan.dtype for x in self.operands)
        shapes = tuple(x.shape for x in self.operands) if plain else None
        return Handling(self.kinds, self.dtype, self.options, self.keywords, strict, state.on_run, shapes)

    def _strictly(self, plan: Plan, state: State) -> Callable[[], Chain | Sliced] | None:
        """A plan in which no absent element is multiplied, and dense operands not by each other.

        None where `plan` does neither, or that would take too long.
        """
        assert not isinstance(plan.node, Rewritten)
        if isinstance(plan.node, Chain) and len(plan.node.steps) < 2:
            return None
        try:
            again = self.plan(state, strict=True).node
        except NoRoute:
            return None
        assert isinstance(again, Chain)
        if sum(s.decision.offer.cost.flops for s in again.steps) >= _REPEAT_LIMIT:
            return None
        return lambda: again

    def _bound_rewritten(self, plan: Plan, node: Rewritten, state: State) -> Runner:
        inner = _Inner(self.with_operands(()), state)
        contract = Contractor(inner.bound, self.computed_in, inner.from_facts)
        rewritten = bind_choices(node, contract, state.on_run)
        finish = finisher(self.dtype, self.order, self.options, self.kinds)
        dense = plan.form == DENSE
        again = written_out(self.contraction, self.dtype, self.kinds) if self._whole and dense else None

        def run(*operands: Any, out: Array | None = None) -> Any:
            result = rewritten(operands)
            if again is not None:
                result = again(result, operands)
            return finish(result, operands, out) if dense else result

        runner: Runner = quiet(run) if self.options.quiet else run
        if dense and self.order == "K" and state.on_run is None:
            runner = shortened(runner, node, contract, self.dtype, self.options, checked=again is not None)
        return announced(runner, plan, state.on_run)

    def densifies(self, plan: Plan) -> str:
        """What is to be said of a large dense array that is made of sparse operands; mostly nothing.

        Of structured operands a dense result is what was asked for.
        """
        if isinstance(plan.node, Rewritten) or not any(kind.form.sparse for kind in self.kinds):
            return ""
        given = sum(op.nbytes for op in self.facts())
        made = largest_dense(plan.node)
        what = "an intermediate"
        if of_arrays(plan.form) and not self.options.out and self.has_sparse:
            size = self.dtype.itemsize * prod(self.contraction.sizes[c] for c in self.contraction.output)
            if size >= made:
                made, what = size, "the result"
        if not densified(made, given):
            return ""
        takes = f"takes {in_bytes(made)}, for operands of {in_bytes(given)}"
        if not self.has_sparse:
            return (
                f"{what} of structured operands is dense and {takes}; contract in another order, "
                f"or allow it with config(on_densify='allow')"
            )
        return (
            f"{what} is dense and {takes}, some of them sparse; keep labels of the sparse operands in the "
            f"output to get a sparse result, contract in another order, or allow it with "
            f"config(on_densify='allow')"
        )

    def run(self, state: State, out: Array | None = None, key: Key | None = None) -> Any:
        """Look up or make the plan, and run it.

        Parameters
        ----------
        out : ndarray or None
            Given if and only if the options say so.
        key : tuple or None
            What the call as given is found by; None: its own, if it has one.
        """
        key = self.key if key is None else key
        run = None if key is None else state.plans.get(key)
        if run is None:
            run = self.bound(state)
            if key is not None:
                state.plans.put(key, run)
        return run(*self.operands) if out is None else run(*self.operands, out=out)


@dataclass(frozen=True, slots=True)
class _Inner:
    """Contractions that rewrites of a call hand on."""

    call: Call
    state: State

    def bound(
        self, inputs: tuple[str, ...], output: str, operands: tuple[Any, ...], form: str, dtype: DType
    ) -> Runner:
        """The bound plan of a contraction, looked up by the facts of its operands."""
        last = self.call.dtype
        key: list[Any] = ["inner", inputs, output, dtype, last, form, self.call.has_sparse, self.call.limit]
        kinds = met(operands, [_kind(x) for x in operands])
        key += [signature_of(x, kind) for x, kind in zip(operands, kinds, strict=True)]
        key.append(aliases(operands))
        found = tuple(key)
        run = self.state.plans.get(found)
        if run is None:
            call = Call(
                contraction_of(
                    inputs, output, [kind.facts(x) for x, kind in zip(operands, kinds, strict=True)]
                ),
                operands,
                kinds,
                dtype if form == DENSE else last,
                "K",
                options=_INNER,
                form=form,
                limit=self.call.limit,
                given_sparse=self.call.has_sparse,
            )
            run = call.bound(self.state)
            self.state.plans.put(found, run)
        return run

    def from_facts(self, inner: Inner, plan: Plan, looked_at: bool) -> Runner | None:
        """The bound plan of what a rewriting named, where that is of arrays alone or done a short way."""
        if isinstance(plan.node, Rewritten):
            watched = self.state.on_run is not None or self.state.config.reproducible
            return None if watched else shortly(inner, plan.node, plan.dtype, self.bound)
        if any(op.form != DENSE for op in inner.operands):
            return None
        kinds, options = (_kind(np.empty(0)),) * len(inner.operands), _LOOKED_AT if looked_at else _INNER
        handling = Handling(kinds, plan.dtype, options, on_run=self.state.on_run)
        run = bind_plan(plan, handling)
        return with_single_threaded_blas(run) if self.state.config.reproducible else run


def _called(form: str) -> str:
    return form_of(form).called or form


def _kind(x: Any) -> Kind:
    kind = kind_of(x)
    assert kind is not None
    return kind


def _spoken(run: Runner, message: str, on_densify: str) -> Runner:
    def spoken(*operands: Any, out: Array | None = None) -> Any:
        speak(message, on_densify)
        return run(*operands) if out is None else run(*operands, out=out)

    return spoken


def signature_of(x: Any, kind: Kind) -> Any:
    """What a bound plan depends on of an operand."""
    return (x.shape, x.dtype, x.strides) if type(x) is ndarray else kind.signature(x)


def aliases(operands: tuple[Any, ...]) -> tuple[int | None, ...]:
    """The position of the first operand that stands for the same tensor as each; None if it is that one."""
    found: list[int | None] = []
    for i, x in enumerate(operands):
        kind = None if type(x) is ndarray else kind_of(x)
        same = None
        if kind is not None and kind.alike is not None:
            alike = kind.alike
            same = next((j for j, y in enumerate(operands[:i]) if alike(x, y)), None)
        found.append(same)
    return tuple(found)
