"""Contraction with structured operands -> plan: the rewrites that would do, cheapest first.

Each rewrite takes one structured operand away and hands on contractions of what is left, which are planned
here again until only dense and sparse operands are there.  Facts in, facts out: no array is touched.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ._parse import check_sizes
from ._plan import make_plan
from ._plan_sparse import make_sparse_plan
from ._planned import Limits, Plan
from ._problem import Contraction, DType, Operand, Step
from ._rewrite import Inner, Rewrite, Rewriting
from ._route import NoRoute, Policy, Refused

#: Kinds with rewrites, those first that have most to lose by being written out.
STRUCTURED = ("difference", "rolled", "one_hot")


@dataclass(frozen=True, slots=True)
class Choice:
    """A rewrite that would do a contraction, with plans of what it hands on.

    Attributes
    ----------
    rewrite : Rewrite
    rewriting : Rewriting
    inner : tuple of plans
        One for each of ``rewriting.inner``.
    seconds : float
        Estimate of all of it.
    """

    rewrite: Rewrite
    rewriting: Rewriting
    inner: tuple[Plan | StructuredPlan, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class StructuredPlan:
    """What is decided about a call with structured operands before its arrays are touched.

    Attributes
    ----------
    contraction : Contraction
    dtype : dtype
        That is computed in.
    step : Step
        The whole contraction, as the rewrites see it.
    choices : tuple of Choice
        Cheapest first; the next is taken where a guard declines.
    refused : tuple of (Rewrite, Refused)
    """

    contraction: Contraction
    dtype: DType
    step: Step
    choices: tuple[Choice, ...]
    refused: tuple[tuple[Rewrite, Refused], ...] = field(default=())

    @property
    def seconds(self) -> float:
        """Estimated time."""
        return self.choices[0].seconds


Known = dict[tuple[Any, ...], "Plan | StructuredPlan | NoRoute"]


def rewrites(kind: str) -> tuple[Rewrite, ...]:
    """The rewrites of a structured kind, in table order."""
    module: Any = importlib.import_module(f"einroute._kinds.{kind}")
    table: tuple[Rewrite, ...] = module.REWRITES
    return table


def make_structured_plan(
    contraction: Contraction,
    operands: Sequence[Operand],
    dtype: DType,
    policy: Policy,
    limits: Limits,
    *,
    sparse: bool = False,
    known: Known | None = None,
) -> StructuredPlan:
    """Plan a contraction with structured operands.

    Parameters
    ----------
    sparse : bool
        Whether the result is sparse.
    known : dict, optional
        What is planned already for the same call: several rewrites hand the same on.

    Raises
    ------
    NoRoute
        Every allowed rewrite refused, or what it hands on has no route.
    """
    present = {op.kind for op in operands}
    kind = next(name for name in STRUCTURED if name in present)
    step = Step(
        contraction.inputs,
        contraction.output,
        contraction.sizes,
        tuple(operands),
        dtype,
        threads=limits.threads,
        sparse=sparse,
    )
    known = {} if known is None else known
    choices: list[Choice] = []
    refused: list[tuple[Rewrite, Refused]] = []
    for rewrite in rewrites(kind):
        answer = (
            Refused("forbidden by config(allow=, forbid=)")
            if rewrite.name in policy.forbidden
            else rewrite.verdict(step)
        )
        if isinstance(answer, Rewriting):
            try:
                choices.append(_choice(rewrite, answer, step, policy, limits, known))
                continue
            except NoRoute as error:
                answer = Refused(str(error))
        refused.append((rewrite, answer))
    if not choices:
        reasons = "; ".join(f"{rewrite.name}: {no.reason}" for rewrite, no in refused)
        raise NoRoute(f"no allowed route can do {step.subscripts!r}: {reasons}")
    choices.sort(key=lambda c: (c.rewrite.name != policy.forced, c.seconds))
    return StructuredPlan(contraction, dtype, step, tuple(choices), tuple(refused))


def _choice(
    rewrite: Rewrite, rewriting: Rewriting, step: Step, policy: Policy, limits: Limits, known: Known
) -> Choice:
    plans = tuple(_known_plan(inner, step, policy, limits, known) for inner in rewriting.inner)
    seconds = rewriting.offer.cost.seconds
    for inner, plan in zip(rewriting.inner, plans, strict=True):
        seconds += inner.times * (plan.seconds if isinstance(plan, StructuredPlan) else plan.node.seconds)
    return Choice(rewrite, rewriting, plans, seconds)


def _known_plan(
    inner: Inner, step: Step, policy: Policy, limits: Limits, known: Known
) -> Plan | StructuredPlan:
    key = (inner.inputs, inner.output, inner.operands, inner.dtype or step.dtype, inner.sparse)
    if key not in known:
        try:
            known[key] = _inner_plan(inner, step, policy, limits, known)
        except NoRoute as error:
            known[key] = error
    plan = known[key]
    if isinstance(plan, NoRoute):
        raise plan
    return plan


def _inner_plan(
    inner: Inner, step: Step, policy: Policy, limits: Limits, known: Known
) -> Plan | StructuredPlan:
    sizes = check_sizes(inner.inputs, tuple(op.shape for op in inner.operands))
    contraction = Contraction(inner.inputs, inner.output, sizes)
    dtype = inner.dtype or step.dtype
    kinds = {op.kind for op in inner.operands}
    if kinds & set(STRUCTURED):
        return make_structured_plan(
            contraction, inner.operands, dtype, policy, limits, sparse=inner.sparse, known=known
        )
    if "sparse" in kinds:
        return make_sparse_plan(
            contraction, inner.operands, dtype, "K", policy, limits, sparse=inner.sparse
        )
    contraction = dense_contraction(inner.inputs, inner.output, sizes)
    return make_plan(contraction, inner.operands, dtype, "K", policy, limits)


def dense_contraction(inputs: tuple[str, ...], output: str, sizes: Mapping[str, int]) -> Contraction:
    """A contraction of arrays: labels of size 1 that are summed are dropped, of several operands."""
    dropped = "".join(c for c, n in sizes.items() if len(inputs) > 1 and n == 1 and c not in output)
    return Contraction(inputs, output, sizes, dropped)
