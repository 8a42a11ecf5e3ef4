"""Contraction -> the rewrites that would do it, cheapest first.

Each rewrite takes an operand of the highest form away and hands on contractions of what is left, which are
planned again until only forms with routes are there.  Facts in, facts out: no array is touched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from .._base.facts import DENSE, Contraction, DType, Operand, Step
from .._base.kinds import Form
from .._base.labels import check_sizes
from .._base.machine import EVERY, machine
from .._base.rewrites import Inner, Rewrite, Rewriting
from .._base.routes import NoRoute, Policy, Refused
from .given_path import along
from .plans import Choice, Limits, Plan, Rewritten

__all__ = ["Known", "contraction_of", "rewritten"]

Known = dict[tuple[Any, ...], "Plan | NoRoute"]
"""Plans of what rewrites of one call hand on."""


class _MakePlan(Protocol):
    def __call__(
        self,
        contraction: Contraction,
        operands: Sequence[Operand],
        dtype: DType,
        order: str,
        policy: Policy,
        limits: Limits,
        *,
        form: str | None = None,
        known: Known | None = None,
    ) -> Plan: ...


def rewritten(
    make_plan: _MakePlan,
    highest: Form,
    contraction: Contraction,
    operands: Sequence[Operand],
    dtype: DType,
    form: str,
    policy: Policy,
    limits: Limits,
    known: Known,
) -> Rewritten:
    """The rewrites of a form that would do a contraction.

    Parameters
    ----------
    make_plan : callable
        Plans what is handed on.
    highest : Form
        Whose operands are taken away.
    form : str
        The name of the form of the result.
    known : dict
        What is planned already for the same call: several rewrites hand the same on.

    Raises
    ------
    NoRoute
        Every allowed rewrite refused, or what it hands on has no route.
    """
    step = Step(
        contraction.inputs,
        contraction.output,
        contraction.sizes,
        tuple(operands),
        dtype,
        threads=limits.threads,
        form=form,
    )

    elsewhere = limits if isinstance(limits.path, str) else replace(limits, path="auto")

    def planned(inner: Inner) -> Plan:
        same = len(inner.inputs) == len(contraction.inputs)
        key = (inner.inputs, inner.output, inner.operands, inner.dtype or dtype, inner.form, same)
        if key not in known:
            handed = contraction_of(inner.inputs, inner.output, inner.operands)
            try:
                known[key] = make_plan(
                    handed,
                    inner.operands,
                    inner.dtype or dtype,
                    "K",
                    policy,
                    limits if same else elsewhere,  # a path that was given is one of so many operands
                    form=inner.form,
                    known=known,
                )
            except NoRoute as error:
                known[key] = error
        plan = known[key]
        if isinstance(plan, NoRoute):
            raise plan
        return plan

    if not isinstance(limits.path, str) and len(limits.path) > 1:
        rewrite, rewriting = along(limits.path, step)
        inner = tuple(planned(one) for one in rewriting.inner)
        return Rewritten(step, (Choice(rewrite, rewriting, inner, _seconds(rewriting, inner)),))
    choices: list[Choice] = []
    refused: list[tuple[Rewrite, Refused]] = []
    fits = machine().routes
    for rewrite in highest.rewrites:
        reason = policy.refusal(rewrite)
        answer = Refused(reason) if reason else rewrite.verdict(step)
        if isinstance(answer, Rewriting):
            fit = fits.get(rewrite.name, fits.get(EVERY))
            if fit is not None:
                answer = replace(answer, offer=replace(answer.offer, cost=answer.offer.cost.fitted(fit)))
            try:
                inner = tuple(planned(one) for one in answer.inner)
            except NoRoute as error:
                answer = Refused(str(error))
            else:
                choices.append(Choice(rewrite, answer, inner, _seconds(answer, inner)))
                continue
        refused.append((rewrite, answer))
    if not choices:
        reasons = "; ".join(f"{rewrite.name}: {no.reason}" for rewrite, no in refused)
        raise NoRoute(f"no allowed route can do {step.subscripts!r}: {reasons}")
    choices.sort(key=lambda c: (c.rewrite.name != policy.forced, c.seconds))
    return Rewritten(step, tuple(choices), tuple(refused))


def _seconds(rewriting: Rewriting, plans: tuple[Plan, ...]) -> float:
    handed_on = zip(rewriting.inner, plans, strict=True)
    return rewriting.offer.cost.seconds + sum(inner.times * plan.node.seconds for inner, plan in handed_on)


def contraction_of(inputs: tuple[str, ...], output: str, operands: Sequence[Operand]) -> Contraction:
    """A contraction that is handed on: of several arrays, labels of size 1 that are summed are dropped."""
    sizes: Mapping[str, int] = check_sizes(inputs, tuple(tuple(op.shape) for op in operands))
    dense = len(inputs) > 1 and all(op.form == DENSE for op in operands)
    dropped = "".join(c for c, n in sizes.items() if dense and n == 1 and c not in output)
    return Contraction(inputs, output, sizes, dropped)
