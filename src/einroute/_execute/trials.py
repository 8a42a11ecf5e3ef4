"""Which calls are put on trial, what is tried for them, and what is made of what was found."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module
from time import perf_counter
from typing import Any, Protocol

from .._base.facts import Contraction, DType, Operand
from .._base.kinds import Kind
from .._base.routes import NoRoute, Policy, Runner
from .._config.state import State
from .._plan.alternatives import Alternative, alternatives, has_same_bits, looked_at, name_of, near, plannings
from .._plan.plans import Limits, Plan, Rewritten
from .findings import FINDINGS, Finding, facts_of
from .tuning import Candidate, Outcome, Tuned, fastest_of, least

__all__ = ["as_found", "on_trial"]

_WISDOM = os.environ.get("EINROUTE_WISDOM", "").strip()
if _WISDOM:
    import_module(".wisdom_file", __package__).keep_in(_WISDOM)

#: Seconds that finding other plans among the offers of one takes about, and where all may be tried; those of
#: a rewrite take as much again to bind.
_OFFERS, _FREELY = 0.5e-3, 1e-3
#: Seconds for each operand looked at that planning again is foreseen to take at most: the first time, what it
#: needs had to be loaded, or others had the cores.
_PLANNING = 0.4e-3


class _Call(Protocol):
    """A call, as far as trials look at it; `call.Call` is one."""

    @property
    def contraction(self) -> Contraction: ...

    @property
    def operands(self) -> tuple[Any, ...]: ...

    @property
    def kinds(self) -> tuple[Kind, ...]: ...

    @property
    def dtype(self) -> DType: ...

    @property
    def order(self) -> str: ...

    @property
    def form(self) -> str | None: ...

    def facts(self) -> tuple[Operand, ...]: ...

    def limits(self, state: State) -> Limits: ...

    def policy(self, state: State, facts: tuple[Operand, ...]) -> Policy: ...

    def planned(self, state: State, limits: Limits) -> Plan: ...

    def bind(self, plan: Plan, state: State) -> Runner: ...

    def with_operands(self, operands: tuple[Any, ...]) -> _Call: ...


def _may_choose(call: _Call, state: State) -> bool:
    """Whether anything but estimates may decide how a call is done."""
    return (
        state.config.tune != "never"
        and not state.config.reproducible
        and state.policy.forced is None
        and all(
            kind.form.eager
            and not kind.form.tasks
            and kind.form.compiled is None
            and kind.form.dtypes is None
            for kind in call.kinds
        )
    )


def _key(call: _Call, state: State) -> str:
    """The facts that a finding holds for: also which plans there were to choose from."""
    limits, facts = call.limits(state), call.facts()
    policy = call.policy(state, facts)
    more = {
        "order": call.order,
        "threads": limits.threads,
        "memory": limits.memory,
        "path": None if limits.path == "auto" else limits.path,
        "result": call.form,
        "forbid": ",".join(sorted(policy.forbidden)) or None,
        "allow": None if policy.allowed is None else ",".join(sorted(policy.allowed)),
        "warns": policy.loud or None,
        "stepwise": limits.stepwise or None,
        "cuts": limits.cuts or None,
    }
    return facts_of(call.contraction, facts, call.dtype, more)


def _finding_of(call: _Call, state: State) -> Finding | None:
    """What is known of a call from trials or wisdom, and may decide here."""
    if not _may_choose(call, state):
        return None
    found = FINDINGS.get(lambda: _key(call, state))
    if found is None or not (found.same or found.source or state.config.tune != "same"):
        return None
    return found


def as_found(call: _Call, plan: Plan, state: State) -> Plan:
    """The plan that was found to be the fastest, where one was; else the one that was estimated to be."""
    found = _finding_of(call, state)
    if found is None:
        return plan
    if found.chosen == name_of(plan):
        return replace(plan, found=found.text)
    for one in _others(call, plan, state, free=not found.same or bool(found.source)):
        if one.name == found.chosen:
            return replace(one.plan, found=found.text)
    return plan


def _others(call: _Call, plan: Plan, state: State, *, free: bool) -> list[Alternative]:
    again = partial(call.planned, state) if free else None
    return alternatives(plan, again, call.limits(state))


def on_trial(call: _Call, plan: Plan, run: Runner, state: State, *, out: bool, since: float) -> Runner:
    """The runner of a plan, put on trial where there is something to be found out.

    Parameters
    ----------
    out : bool
        Whether calls come with an ``out``: then nothing is run at first sight.
    since : float
        When it began to be planned, by `perf_counter`.
    """
    planned_in = perf_counter() - since
    free = state.config.tune != "same"
    if state.on_run is not None or not _may_choose(call, state):
        return run
    found = _finding_of(call, state)
    if found is not None and (found.source or not free or not found.same):
        return run
    if not free and not has_same_bits(plan):
        return run
    key, name = _key(call, state), name_of(plan)
    if state.config.tune == "now" and not out:
        outcome = _at_once(call, plan, run, state, free=free)
        FINDINGS.put(key, Finding(outcome.name, outcome.took, same=False))
        return outcome.run
    bare = call.with_operands(())

    def candidates(operands: tuple[Any, ...], took: float) -> Sequence[Candidate]:
        return _candidates(bare.with_operands(operands), plan, state, took, free=free)

    def settle(tuned: Tuned, outcome: Outcome) -> None:
        state.plans.replace(tuned, outcome.run)
        if state.table is not None:
            state.table.replace(tuned, outcome.run)
        if len(outcome.took) > 1:  # else there was nothing to be found out
            FINDINGS.put(key, Finding(outcome.name, outcome.took, same=not free))

    planning = _OFFERS
    if free:
        again = min(planned_in, _PLANNING * looked_at(plan))
        planning = _FREELY * (2 if isinstance(plan.node, Rewritten) else 1)
        planning += again * plannings(plan, call.limits(state))
    return Tuned(
        name,
        run,
        candidates,
        settle,
        planning=planning,
        expected=plan.node.seconds,
        laid_out=_is_laid_out(call, free=free),
    )


def _candidates(call: _Call, plan: Plan, state: State, took: float, *, free: bool) -> list[Candidate]:
    """Other plans than one that took so many seconds, bound: what is bound holds no operand."""
    found = []
    for one in near(_others(call, plan, state, free=free), plan, took):
        try:
            run = call.bind(one.plan, state)
        except NoRoute:
            continue
        found.append(Candidate(one.name, run, one.plan.node.seconds / max(plan.node.seconds, 1e-9)))
    return found


def _at_once(call: _Call, plan: Plan, run: Runner, state: State, *, free: bool) -> Outcome:
    """All of them on the operands of one call, before it is answered."""
    laid_out = _is_laid_out(call, free=free)
    own, manner = least(run, call.operands, laid_out=laid_out)
    found = {}
    for one in _candidates(call, plan, state, own, free=free):
        try:
            seconds, alike = least(one.run, call.operands, own, laid_out=laid_out)
        except Exception:  # noqa: BLE001, S112 - whatever it is, the plan's own answer is the call's
            continue
        if alike == manner:
            found[one.name] = (seconds, one.run)
    return fastest_of(name_of(plan), run, own, found)


def _is_laid_out(call: _Call, *, free: bool) -> bool:
    """Whether a result is to lie in memory as the plan's does: at "K" any order will do, but sums show it."""
    return not free or call.order != "K"
