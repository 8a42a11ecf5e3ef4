"""Other plans for a call: what a trial may hold against the one that is estimated to be the fastest.

Each says whether its result has the same bits whatever the operands hold: the same products, summed in the
same order.  Facts only: no array is touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from math import prod
from typing import Any

from .._base.facts import DENSE, Operand, Step
from .._base.records import dataclass
from .._base.routes import NoRoute, Offer
from .chains import path_of
from .plans import Chain, Choice, Limits, Node, Path, Plan, Planned, Rewritten, Sliced

__all__ = ["Alternative", "alternatives", "has_same_bits", "looked_at", "name_of", "near", "plannings"]

#: How many times the chosen plan's time another one's estimate may be: estimates are off by that.
_REACH = 5.0
#: Alternatives of a plan, those with the least estimates.
_MOST = 8
#: Bytes that another plan may hold at any rate.
_LITTLE = 1 << 20


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another plan for the same call.

    Attributes
    ----------
    name : str
        What it does, as `name_of` has it.
    plan : Plan
    same : bool
        Whether its result has the chosen plan's bits, whatever the operands hold.
    """

    name: str
    plan: Plan
    same: bool


def name_of(plan: Plan) -> str:
    """Routes, order and slices of a plan, in a line: what it is known by among those for the same call."""
    node = plan.node
    if isinstance(node, Rewritten):
        choice = node.choices[0]
        inner = "; ".join(map(name_of, choice.inner))
        return f"{choice.rewrite.name} ({inner})" if inner else choice.rewrite.name
    slices = ""
    while isinstance(node, Sliced):
        slices += f"slices of {node.block} along {node.label}: "
        node = node.inner
    steps = ", then ".join(f"{s.decision.route.name} {s.step.subscripts}" for s in node.steps)
    return slices + (steps if len(node.steps) > 1 else node.steps[0].decision.route.name)


def has_same_bits(plan: Plan) -> bool:
    """Whether there is an alternative whose result has the same bits."""
    return any(True for _ in _same(plan, Limits()))


def near(found: Sequence[Alternative], plan: Plan, took: float) -> list[Alternative]:
    """Those that may be faster than a plan that took so many seconds."""
    reach = _REACH * max(plan.node.seconds, took)
    return [one for one in found if one.plan.node.seconds <= reach][:_MOST]


def alternatives(plan: Plan, again: Callable[[Limits], Plan] | None, limits: Limits) -> list[Alternative]:
    """Other plans, those first that are estimated to be faster.

    Parameters
    ----------
    plan : Plan
    again : callable or None
        Plans the call anew; None where only what has the same bits is asked for.
    limits : Limits
        That the plan was made with.
    """
    found: dict[str, Alternative] = {}
    for other in _same(plan, limits):
        found.setdefault(name_of(other), Alternative(name_of(other), other, same=True))
    if again is not None:
        ordered = list(_ordered(plan, again, limits))
        rotated = (other for one in (plan, *ordered) for other in _rotated(one, None, limits))
        for other in (*ordered, *rotated):
            found.setdefault(name_of(other), Alternative(name_of(other), other, same=False))
        for other in _alone(plan, again, limits):
            name = f"{name_of(other)}, on one thread"
            found.setdefault(name, Alternative(name, other, same=False))
    found.pop(name_of(plan), None)
    most = max(_held(plan), _beside(_operands(plan), _made(plan), limits))
    kept = [one for one in found.values() if _held(one.plan) <= most]
    return sorted(kept, key=lambda one: one.plan.node.seconds)


def plannings(plan: Plan, limits: Limits) -> int:
    """How often `alternatives` plans a call again, at most."""
    return len(_other_limits(plan, limits)) + (limits.threads > 1)


def looked_at(plan: Plan) -> int:
    """How many operands planning looks at, each beside each other one; those handed on by any rewrite too."""
    count = len(plan.contraction.inputs)
    found = max(count, count * (count - 1))
    if isinstance(plan.node, Rewritten):
        found += sum(looked_at(inner) for choice in plan.node.choices for inner in choice.inner)
    return found


def _operands(plan: Plan) -> tuple[Operand, ...]:
    node = plan.node
    return node.step.operands if isinstance(node, Rewritten) else tuple(one.facts for one in plan.prepared)


def _made(plan: Plan) -> int:
    """Bytes of the result."""
    sizes = plan.contraction.sizes
    return prod(sizes[c] for c in plan.contraction.output) * plan.dtype.itemsize


def _beside(operands: Iterable[Operand], made: int, limits: Limits) -> int:
    """Bytes that another plan may hold besides operands and a result of ``made`` bytes: as much as they take.

    Structured operands take little. None where memory is limited.
    """
    if limits.memory is not None:
        return 0
    return max(_LITTLE, made + sum(_bytes(op) for op in operands if op.form == DENSE or op.nnz is not None))


def _bytes(op: Operand) -> int:
    """Of the memory behind an operand."""
    return min(op.nbytes, op.span)


def _held(plan: Plan) -> int:
    """Bytes that a plan holds besides operands and result: of a rewrite, with what it hands on."""
    node = plan.node
    if not isinstance(node, Rewritten):
        return node.peak
    first = node.choices[0]
    own = node.step.operands
    made = sum(_bytes(op) for inner in first.rewriting.inner for op in inner.operands if op not in own)
    return first.rewriting.offer.temporary + made + max(map(_held, first.inner), default=0)


def _same(plan: Plan, limits: Limits) -> Iterator[Plan]:
    """Plans with the same bits."""
    if plan.form == DENSE:
        yield from _rotated(plan, _exact, limits)


_Exact = Callable[[Step, Offer], bool]


def _exact(step: Step, offer: Offer) -> bool:
    """Whether a result has one value, which all such offers round to: then they give the same bits.

    Integers and truth values have one result, whatever is done in which order. Elements that are one product
    of two real numbers, or one element, are rounded once; of more, the order of the products would count, and
    of complex numbers whether the processor rounds between a product and a sum.
    """
    if step.dtype.kind in "biu":
        return True
    return offer.single and (len(step.inputs) == 1 or (len(step.inputs) == 2 and step.dtype.char in "fd"))


def _rotated(plan: Plan, exact: _Exact | None, limits: Limits) -> Iterator[Plan]:
    """The plan with another offer for one step first, or with another rewrite."""
    node = plan.node
    if isinstance(node, Rewritten):
        if exact is None or plan.dtype.kind in "biu":
            for choices in _rewritings(node.choices, exact, limits):
                yield replace(plan, node=replace(node, choices=choices))
        return
    if isinstance(node, Sliced):
        return
    for at, planned in enumerate(node.steps):
        last = at + 1 == len(node.steps)
        anyhow = exact is None and last and plan.order == "K"
        for other in _others(planned, exact, limits, anyhow=anyhow):
            steps = (*node.steps[:at], other, *node.steps[at + 1 :])
            seconds = node.seconds - planned.decision.offer.cost.seconds + other.decision.offer.cost.seconds
            yield replace(plan, node=replace(node, steps=steps, seconds=seconds))


def _rewritings(
    choices: tuple[Choice, ...], exact: _Exact | None, limits: Limits
) -> Iterator[tuple[Choice, ...]]:
    """Each rewrite first, as it is and with another plan for a contraction of arrays that it hands on."""
    for number in range(len(choices)):
        first, *others = _first(choices, number)
        if number:
            yield (first, *others)
        for at, (inner, plan) in enumerate(zip(first.rewriting.inner, first.inner, strict=True)):
            if isinstance(plan.node, Rewritten) or any(op.form != DENSE for op in inner.operands):
                continue  # bound anew by what it gets
            for one in _rotated(plan, exact, limits):
                seconds = first.seconds + inner.times * (one.node.seconds - plan.node.seconds)
                handed_on = (*first.inner[:at], one, *first.inner[at + 1 :])
                yield (replace(first, inner=handed_on, seconds=seconds), *others)


def _others(planned: Planned, exact: _Exact | None, limits: Limits, *, anyhow: bool) -> Iterator[Planned]:
    """A step with another offer first, whose result lies in memory as the first one's does, or anyhow.

    What it holds besides is bounded: by as much as the operands and the result take, or little, and where
    memory is limited by what the first offer holds.
    """
    step, offers = planned.step, planned.decision.offers
    first = offers[0][1]
    if exact is not None and not exact(step, first):
        return
    more = _beside(step.operands, step.out_bytes, limits)
    for number in range(1, len(offers)):
        offer = offers[number][1]
        if not anyhow and (offer.layout != first.layout or offer.facts != first.facts):
            continue
        if offer.temporary > max(first.temporary, more):
            continue
        if exact is None or exact(step, offer):
            yield replace(planned, decision=replace(planned.decision, offers=_first(offers, number)))


def _first(ranked: tuple[Any, ...], number: int) -> tuple[Any, ...]:
    """The same with one of them first."""
    return (ranked[number], *ranked[:number], *ranked[number + 1 :])


def _ordered(plan: Plan, again: Callable[[Limits], Plan], limits: Limits) -> Iterator[Plan]:
    """Other orders of contraction, and the plan in slices or not."""
    node = plan.node
    for one in _other_limits(plan, limits):
        try:
            other = again(one)
        except NoRoute:
            continue
        assert not isinstance(node, Rewritten)
        if not isinstance(other.node, Rewritten) and (plan.order == "K" or other.node.layout == node.layout):
            yield other


def _other_limits(plan: Plan, limits: Limits) -> list[Limits]:
    """Bounds under which a plan comes out in another order, or in slices or not; none of one rewritten."""
    node = plan.node
    if isinstance(node, Rewritten):
        return []
    tries: list[Limits] = [replace(limits, slices="never" if isinstance(node, Sliced) else "always")]
    if limits.path == "auto" and len(plan.prepared) == 3:
        taken = path_of(_chain(node))
        tries += [replace(limits, path=path) for path in _PATHS if path != taken]
    return tries


def _alone(plan: Plan, again: Callable[[Limits], Plan], limits: Limits) -> Iterator[Plan]:
    """The call on one thread, where more of them take part."""
    if limits.threads < 2:
        return
    try:
        other = again(replace(limits, threads=1))
    except NoRoute:
        return
    same = isinstance(other.node, Rewritten) == isinstance(plan.node, Rewritten)
    alike = plan.order == "K" or _layout(other) == _layout(plan)
    if same and other.node.seconds != plan.node.seconds and alike:
        yield other


def _layout(plan: Plan) -> str:
    """How the result lies in memory, as far as the plan says."""
    return "" if isinstance(plan.node, Rewritten) else plan.node.layout


_PATHS: Sequence[Path] = (
    ((0, 1, 2),),
    ((0, 1), (0, 1)),
    ((0, 2), (0, 1)),
    ((1, 2), (0, 1)),
)


def _chain(node: Node) -> Chain:
    while isinstance(node, Sliced):
        node = node.inner
    assert isinstance(node, Chain)
    return node
