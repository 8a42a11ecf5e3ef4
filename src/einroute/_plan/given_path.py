"""A path as the caller gave it, where operands are rewritten: each step is a contraction of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .._base.cost import Cost
from .._base.facts import Step
from .._base.kinds import Term
from .._base.labels import check_sizes
from .._base.records import dataclass
from .._base.rewrites import Contract, Inner, Rewrite, Rewriting
from .._base.routes import Offer, Refused
from .._kinds.registry import form_of
from .paths import Remaining, step_form
from .plans import Path

__all__ = ["along"]


@dataclass(frozen=True, slots=True)
class _Steps:
    """The positions that each step takes, as in opt_einsum's paths."""

    path: Path


def along(path: Path, step: Step) -> tuple[Rewrite, Rewriting]:
    """The steps of a path as what a rewrite hands on, whose last result is the contraction's."""
    terms = [
        Term(labels, replace(op, alias=None))  # positions of the whole call say nothing within a step
        for labels, op in zip(step.inputs, step.operands, strict=True)
    ]
    remaining = Remaining(terms, step.output)
    handed_on = []
    for number, positions in enumerate(path):
        last = number == len(path) - 1
        chosen = [remaining.terms[i] for i in positions]
        output = step.output if last else remaining.result_of(positions)
        form = form_of(step.form) if last else step_form(chosen, output)
        inputs, operands = tuple(term.labels for term in chosen), tuple(term.facts for term in chosen)
        handed_on.append(Inner(inputs, output, operands, form=form.name))
        if not last:
            assert form.result is not None
            sizes = check_sizes(inputs, tuple(op.shape for op in operands))
            made = form.result(chosen, output, output, sizes, step.dtype)
            remaining.replace(positions, Term(output, made, made=True))
    offer = Offer(Cost(calls=len(path)), step.output, _Steps(path), "the path as it was given")
    return Rewrite("path.given", _never_asked, _run), Rewriting(offer, tuple(handed_on))


def _never_asked(_: Step) -> Refused:
    return Refused("no path was given")


def _run(_: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any:
    steps: _Steps = rewriting.offer.recipe
    there = list(operands)
    for inner, positions in zip(rewriting.inner, steps.path, strict=True):
        chosen = tuple(there[i] for i in positions)
        for i in sorted(positions, reverse=True):
            del there[i]
        there.append(contract(inner.inputs, inner.output, chosen, form=inner.form))
    return there[0]
