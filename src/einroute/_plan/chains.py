"""The steps along a path, each decided by the routes of its operands' form, and what they cost together."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .._base.cost import contested
from .._base.facts import DENSE, Step
from .._base.kinds import Form, Term
from .._base.machine import machine
from .._base.routes import Decision, NoRoute, Policy, decide
from .._kinds.registry import form_of
from .decisions import NETWORK, decide_alike
from .paths import Remaining, result_facts, step_form
from .plans import Chain, Limits, Path, Planned, Problem

__all__ = ["STEP", "at_once", "chain_along", "path_of"]

#: Seconds that each step of several costs besides its calls: handing on, and looking for overflow.
STEP = 0.3e-6
#: Seconds below which it is not looked whether one thread would do a step as well.
LITTLE = 10e-6


@dataclass(slots=True)
class _Builder:
    """Operands still there while a chain is put together."""

    problem: Problem
    policy: Policy
    limits: Limits
    remaining: Remaining
    steps: list[Planned] = field(default_factory=list)
    held: int = 0  # bytes of the intermediates that are there
    peak: int = 0

    def add(
        self, positions: tuple[int, ...], output: str, form: Form, *, last: bool, keep: int | None = None
    ) -> None:
        """Decide a step, take its operands away, and put its result at the end (or at ``keep``)."""
        chosen = [self.remaining.terms[i] for i in positions]
        planned = self._planned(positions, keep, chosen, output, form, last=last)
        self.steps.append(planned)
        # An intermediate's axes are named in the order of its memory; the last result has the output's.
        facts = planned.decision.offer.facts
        if facts is None:
            facts = result_facts(chosen, output, planned.layout, form, self.problem)
        made = 0 if last else facts.nbytes
        self.peak = max(self.peak, self.held + made + planned.decision.offer.temporary)
        self.held += made - sum(term.facts.nbytes for term in chosen if term.made)
        self.remaining.replace(positions, Term(output, facts, made=True), keep)

    def _planned(
        self,
        positions: tuple[int, ...],
        keep: int | None,
        chosen: list[Term],
        output: str,
        form: Form,
        *,
        last: bool,
    ) -> Planned:
        p = self.problem
        step = Step(
            tuple(term.labels for term in chosen),
            output,
            p.sizes,
            tuple(term.facts for term in chosen),
            p.dtype,
            p.order if last else "K",
            self.limits.threads,
            last,
            form.name,
            self.limits.told,
        )
        highest = max((form_of(term.facts.form) for term in chosen), key=lambda found: found.rank)
        if len(p.inputs) < NETWORK:
            decision = decide(step, self.policy, highest.routes)
            seconds = _contested(step, chosen)
            if seconds > LITTLE and not decision.offer.blas:  # which uses its own threads whatever it is told
                alone = replace(step, threads=1)
                other = decide(alone, self.policy, highest.routes)
                if other.offer.cost.seconds < decision.offer.cost.seconds + seconds:
                    step, decision = alone, other
            return Planned(positions, keep, self._within_memory(decision), step)
        decision, back = decide_alike(step, self.policy, highest)
        return Planned(positions, keep, self._within_memory(decision), step, back)

    def _within_memory(self, decision: Decision) -> Decision:
        """The offers that take no more than the limit first."""
        limit = self.limits.memory
        if limit is None or decision.offer.temporary <= limit:
            return decision
        return replace(
            decision, offers=tuple(sorted(decision.offers, key=lambda pair: pair[1].temporary > limit))
        )


def _contested(step: Step, chosen: list[Term]) -> float:
    """Seconds that threads lose by intermediates which one core writes and another one reads.

    At the next call they are written again.
    """
    if step.threads < 2 or step.form != DENSE:
        return 0.0
    made = sum(term.facts.nbytes for term in chosen if term.made) + (0 if step.last else step.out_bytes)
    return contested(made)


def chain_along(problem: Problem, path: Path, presum: bool, policy: Policy, limits: Limits) -> Chain:
    """The steps along a path, sums over labels of a single operand first if ``presum``.

    Raises
    ------
    NoRoute
        A step has no route, or the path leads through an array to a result that is to be in another form.
    """
    terms = [Term(labels, op) for labels, op in zip(problem.inputs, problem.facts, strict=True)]
    remaining = Remaining(terms, problem.output)
    build = _Builder(problem, policy, limits, remaining)
    if presum:
        alone = problem.alone
        for i, term in enumerate(terms):
            kept = "".join(c for c in term.labels if c not in alone)
            if kept != term.labels and form_of(term.facts.form).sums_first:
                build.add((i,), kept, step_form((term,), kept), last=False, keep=i)
    for number, positions in enumerate(path):
        last = number == len(path) - 1
        chosen = [remaining.terms[i] for i in positions]
        output = problem.output if last else remaining.result_of(positions)
        made = step_form(chosen, output)
        if (
            made.name != problem.form
            and form_of(problem.form).sparse
            and (last or any(term.facts.form == problem.form for term in chosen))
        ):
            raise NoRoute(
                f"{problem.inputs} to {problem.output!r}: this path would make the result {made.name}"
            )
        build.add(positions, output, form_of(problem.form) if last else made, last=last)
    seconds = sum(s.decision.offer.cost.seconds for s in build.steps) + STEP * _handed_on(build)
    if any(form_of(op.form).sparse for op in problem.facts):
        seconds += build.peak / machine().fresh  # intermediates are new memory, mostly
    return Chain(problem.inputs, problem.output, tuple(build.steps), seconds, build.peak)


def at_once(problem: Problem, path: Path, policy: Policy, limits: Limits) -> Chain | None:
    """Every step along a path by one route, if one offers that within the memory limit."""
    forms = {op.form for op in problem.facts}
    if forms != {problem.form}:
        return None
    step = Step(
        problem.inputs,
        problem.output,
        problem.sizes,
        problem.facts,
        problem.dtype,
        problem.order,
        limits.threads,
        form=problem.form,
        told=limits.told,
        path=path,
    )
    try:
        decision = decide(step, policy, [r for r in form_of(problem.form).routes if r.network])
    except NoRoute:
        return None
    offer = decision.offer
    if limits.memory is not None and offer.temporary > limits.memory:
        return None
    planned = Planned(tuple(range(len(problem.inputs))), None, decision, step)
    return Chain(problem.inputs, problem.output, (planned,), offer.cost.seconds, offer.temporary)


def _handed_on(build: _Builder) -> int:
    """Steps that cost more than their calls: all of several, which no compiler makes one program of."""
    if len(build.steps) == 1 or form_of(build.problem.form).compiled is not None:
        return 0
    return len(build.steps)


def path_of(chain: Chain) -> Path:
    """The path that a chain takes, without the sums before it."""
    return tuple(p.positions for p in chain.steps if p.at is None)
