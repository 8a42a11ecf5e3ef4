"""Contraction -> plan: what it is rewritten to, or which pairs in which order, by which routes, in what
blocks.

Each operand has a form, and each form says what its operands are like once they are prepared, which results
are in it, and by which routes or rewrites it is dealt with.  Where a form has rewrites, the contraction is
turned into others, planned here again.  Else paths are proposed; our cost model, which knows the routes,
scores each and keeps the cheapest.  A label that occurs in one operand only and not in the output is summed
first.  Facts in, facts out: no array is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from .._base.cost import first_touched, moving, streaming
from .._base.densify import densified
from .._base.facts import DENSE, Contraction, DType, Operand, Prepared
from .._base.kinds import Form, Term
from .._base.machine import machine
from .._base.routes import NoRoute, Policy
from .._kinds.registry import form_of
from .._native.fresh import of_freed_memory
from .chains import at_once, chain_along, path_of
from .decisions import NETWORK
from .fusing import LETTERS, fused
from .paths import IN_ONE_LOOP, joined, proposed, step_form
from .plans import Chain, Limits, Path, Plan, Problem, Sliced, chains_of
from .rewriting import Known, rewritten
from .slices import Cut, joined_by_copy, memory_cut, speed_cut

__all__ = ["largest_dense", "make_plan", "of_arrays", "prepare", "result_dtype", "result_form"]

#: Bytes of intermediates from which one thread alone gains by blocks.
_ALONE = 8 << 20
#: Seconds that each slice costs besides its steps, and that it adds where threads wait for each other.
SLICE, CONTENDED = 6e-6, 12e-6
#: Seconds in which slices are handed to threads that are awake, and in which BLAS is held to one meanwhile.
HANDED, HELD = 20e-6, 40e-6
#: Estimated seconds of a slice from which several that memory asks for are done at once.
THREADED = 150e-6
#: A cut must be estimated to take at most this share of the time without it: on one thread, whose slices only
#: stay in cache, and on several, which other work keeps busy at times.
GAIN, GAIN_OF_THREADS = 0.7, 0.9


def make_plan(
    contraction: Contraction,
    operands: Sequence[Operand],
    dtype: DType,
    order: str,
    policy: Policy,
    limits: Limits,
    *,
    form: str | None = None,
    strict: bool = False,
    known: Known | None = None,
) -> Plan:
    """Plan a contraction.

    Parameters
    ----------
    form : str or None
        The name of the form that the result is wanted in; None: what follows from kinds and labels.
    strict : bool
        Join the operands that are not dense first, then look all dense ones up at once: no absent element of
        an intermediate is multiplied by anything.
    known : dict, optional
        What is planned already for the same call: several rewrites hand the same on.

    Raises
    ------
    NoRoute
        Some step is refused by every allowed route.
    """
    if form is None:
        form = result_form(contraction, operands)
    highest = _highest(operands)
    if highest.rewrites:
        node = rewritten(
            make_plan,
            highest,
            contraction,
            operands,
            dtype,
            form,
            policy,
            limits,
            {} if known is None else known,
        )
        return Plan(contraction, dtype, order, (), node, form)
    prepared = prepare(contraction, operands, dtype)
    problem = Problem(
        tuple(p.labels for p in prepared),
        contraction.output,
        contraction.sizes,
        tuple(p.facts for p in prepared),
        dtype,
        order,
        form,
        _uncut(prepared, form),
    )
    if strict:
        return Plan(contraction, dtype, order, prepared, _strictly(problem, policy, limits), form)
    cuts = "".join(c for c in limits.cuts if problem.sizes.get(c, 1) > 1 and c not in problem.uncut)
    limits = replace(limits, cuts=cuts)
    program = _program(problem, policy, limits)
    if program is not None:
        return Plan(contraction, dtype, order, prepared, program, form)
    fewer = fused(problem, cuts) if len(problem.sizes) > LETTERS else None
    if fewer is None:
        return Plan(contraction, dtype, order, prepared, _node(problem, policy, limits), form)
    return Plan(contraction, dtype, order, prepared, _node(fewer[0], policy, limits), form, fewer[1])


def _highest(operands: Iterable[Operand]) -> Form:
    """The form of highest rank among the operands'."""
    forms = dict.fromkeys(op.form for op in operands)
    return max((form_of(name) for name in forms), key=lambda form: form.rank, default=form_of(DENSE))


def result_form(contraction: Contraction, operands: Sequence[Operand]) -> str:
    """The name of the form that a result is in, from the labels and the forms of the operands.

    An axis that is broadcast does not count, and a form that is rewritten counts as dense.
    """
    if all(op.form == DENSE for op in operands):
        return DENSE
    terms = [
        Term("".join(c for c, n in zip(labels, op.shape, strict=True) if n == contraction.sizes[c]), op)
        for labels, op in zip(contraction.inputs, operands, strict=True)
    ]
    return step_form(terms, contraction.output).name


def prepare(contraction: Contraction, operands: Sequence[Operand], dtype: DType) -> tuple[Prepared, ...]:
    """Diagonals, broadcast axes and casts of each operand."""
    forms = [form_of(op.form) for op in operands]
    mixed = any(form.rank for form in forms)
    repeated = "" if mixed else _repeated_only(contraction, operands)
    cast = not (mixed and _cast_by_routes(contraction, operands, forms))
    found = []
    for labels, op, form in zip(contraction.inputs, operands, forms, strict=True):
        assert form.prepare is not None
        found.append(form.prepare(labels, op, contraction, dtype, repeated=repeated, cast=cast))
    return tuple(found)


def _cast_by_routes(contraction: Contraction, operands: Sequence[Operand], forms: Sequence[Form]) -> bool:
    """Whether dense operands meet only those whose routes cast what they read, and none is summed alone."""
    if not max(forms, key=lambda form: form.rank).casts:
        return False
    # Labels that an operand has in full; it is broadcast along the others.
    real = [
        {c for c, n in zip(labels, op.shape, strict=True) if n == contraction.sizes[c]}
        for labels, op in zip(contraction.inputs, operands, strict=True)
    ]
    dense = [own for own, form in zip(real, forms, strict=True) if form.rank == 0]
    summed = set().union(*dense) - set(contraction.output)
    return len(dense) <= 1 and not any(sum(c in own for own in real) == 1 for c in summed)


def _repeated_only(contraction: Contraction, operands: Sequence[Operand]) -> str:
    """Labels whose broadcast axes (stride 0) can be dropped, since another operand really has the label."""
    if not contraction.factors or not any(0 in op.strides for op in operands):
        return ""
    real = {
        c
        for labels, op in zip(contraction.inputs, operands, strict=True)
        for c, n, s in zip(labels, op.shape, op.strides, strict=True)
        if s != 0 and n == contraction.sizes[c]
    }
    return "".join(c for c in contraction.sizes if c in real)


def _uncut(prepared: Sequence[Prepared], form: str) -> frozenset[str]:
    """Labels of operands that cannot be cut; every label where the result cannot."""
    whole = "" if form_of(form).sliceable else "".join(p.labels for p in prepared)
    return frozenset(whole + "".join(p.labels for p in prepared if not form_of(p.facts.form).sliceable))


def _program(problem: Problem, policy: Policy, limits: Limits) -> Chain | Sliced | None:
    """All steps of a network by one route, in the slices that are asked for; None where no route takes it."""
    if not limits.stepwise or len(problem.inputs) < NETWORK or isinstance(limits.path, str):
        return None
    if not limits.cuts:
        return at_once(problem, limits.path, policy, limits)
    label = limits.cuts[0]
    inner = _program(problem.resized(label, 1), policy, _inside(limits))
    return None if inner is None else _one_by_one(problem, label, inner, limits)


def _inside(limits: Limits) -> Limits:
    """Limits of what is done for one index of the first label that is cut."""
    return replace(limits, cuts=limits.cuts[1:], threads=1, workers=1)


def _one_by_one(problem: Problem, label: str, inner: Chain | Sliced, limits: Limits) -> Sliced:
    cut = Cut(label, 1, limits.workers, "the tree that was given cuts it")
    return _slices(problem, cut, inner, None, limits, limits.threads)


def _node(problem: Problem, policy: Policy, limits: Limits) -> Chain | Sliced:
    if limits.cuts:
        label = limits.cuts[0]
        inner = _node(problem.resized(label, 1), policy, _inside(limits))
        return _one_by_one(problem, label, inner, limits)
    best = _cheapest(problem, policy, limits)
    if limits.memory is not None and best.peak > limits.memory:
        return _within_memory(problem, best, policy, limits)
    if not problem.uncut and limits.slices != "never" and (limits.threads > 1 or best.peak > _ALONE):
        cut = speed_cut(problem, best, limits.workers)
        if cut is not None:
            sliced = _sliced(problem, best, cut, policy, limits, limits.threads)
            # What is of freed memory has its pages.
            fresh = 0.0 if of_freed_memory(problem.out_bytes) else first_touched(problem.out_bytes)
            shared = fresh / limits.threads
            alone = shared if best.steps[-1].decision.offer.blas else fresh  # BLAS's threads share it too
            if sliced.summed:
                shared = fresh  # the sum of the slices is made by one
            seconds = sliced.seconds
            if _is_one_route(best, sliced):
                # Its slices seem to lie in a cache, but they do what one thread does of the whole.
                one = replace(limits, path=path_of(best), threads=1, workers=1)
                seconds = max(seconds, _cheapest(problem, policy, one).seconds / limits.threads)
            gain = GAIN_OF_THREADS if limits.threads > 1 else GAIN
            pays = seconds + shared < gain * (best.seconds + alone)
            if pays or limits.slices == "always":
                return sliced
    return best


def _is_one_route(whole: Chain, sliced: Sliced) -> bool:
    """Whether the whole is one step that BLAS's threads share, or slices do by the same route."""
    if len(whole.steps) > 1:
        return False
    steps = chains_of(sliced)[0].steps
    only = whole.steps[0].decision
    return only.offer.blas or (len(steps) == 1 and steps[0].decision.route is only.route)


def _within_memory(problem: Problem, chain: Chain, policy: Policy, limits: Limits) -> Chain | Sliced:
    """Slices of a chain, or one step without intermediates: whichever fits, and then takes less time.

    Raises
    ------
    NoRoute
        Nothing fits, and a result in its form is not cut.
    """
    assert limits.memory is not None
    if chain.peak <= limits.memory:
        return chain
    choices: list[Chain | Sliced] = []
    try:
        whole: Path = (tuple(range(len(problem.inputs))),)
        choices.append(chain_along(problem, whole, False, policy, limits))
    except NoRoute:
        pass
    cut = memory_cut(problem, chain, limits.memory, limits.workers)
    if cut is not None:
        choices.append(_sliced(problem, chain, cut, policy, limits, limits.threads))
    best = min(choices, key=lambda node: (max(node.peak, limits.memory or 0), node.seconds), default=chain)
    form = form_of(problem.form)
    if best.peak > limits.memory and not (form.sliceable or form.sparse):
        raise NoRoute(
            f"memory_limit is {limits.memory} bytes and the intermediates take {min(best.peak, chain.peak)}; "
            f"{form.called}, as the result is, is not cut into slices: raise the limit"
        )
    return best


def _cheapest(problem: Problem, policy: Policy, limits: Limits) -> Chain:
    """The best of: one step for everything, and pairwise steps along each proposed path."""
    given = sum(op.nbytes for op in problem.facts)
    sparse = any(form_of(op.form).sparse for op in problem.facts)

    def rank(chain: Chain) -> tuple[bool, float]:
        # Intermediates far larger than the operands come last, whatever time they would save.
        return sparse and densified(chain.peak, given), chain.seconds

    found: Chain | None = None
    refusal: NoRoute | None = None
    for path, presum in proposed(problem, limits):
        try:
            chain = chain_along(problem, path, presum, policy, limits)
        except NoRoute as error:
            refusal = refusal or error
            continue
        if sparse and path == limits.path:
            return chain  # as it was given
        if found is None or rank(chain) < rank(found):
            found = chain
    if found is None:
        raise refusal or NoRoute("no path was proposed")
    return found


def _strictly(problem: Problem, policy: Policy, limits: Limits) -> Chain:
    """Sparse operands joined first.

    Raises
    ------
    NoRoute
        Some step is refused, or there are too many operands to look at every pair.
    """
    if len(problem.inputs) > IN_ONE_LOOP:
        raise NoRoute(f"more than {IN_ONE_LOOP} operands")
    return chain_along(problem, joined(problem), False, policy, limits)


def _sliced(problem: Problem, chain: Chain, cut: Cut, policy: Policy, limits: Limits, threads: int) -> Sliced:
    """The chain's path in slices, each planned for its own size; their time is estimated for ``threads``."""
    size = problem.sizes[cut.label]
    inside = replace(limits, path=path_of(chain), threads=1, workers=1)

    def plan(length: int) -> Chain | Sliced:
        part = problem.resized(cut.label, length)
        program = _program(part, policy, inside)
        if program is not None:
            return program
        inner = _cheapest(part, policy, inside)
        return inner if inside.memory is None else _within_memory(part, inner, policy, inside)

    inner = plan(cut.block)
    tail = plan(size % cut.block) if size % cut.block else None
    return _slices(problem, cut, inner, tail, limits, threads)


def _slices(
    problem: Problem,
    cut: Cut,
    inner: Chain | Sliced,
    tail: Chain | Sliced | None,
    limits: Limits,
    threads: int,
) -> Sliced:
    """Slices of which each is planned; their time is estimated for ``threads``."""
    size = problem.sizes[cut.label]
    count = -(-size // cut.block)
    summed = cut.label not in problem.output
    workers = cut.threads
    if cut.memory or cut.block == 1:
        # Not for the speed's sake: threads only where a slice is work for one, and memory for several.
        held = inner.peak + (problem.out_bytes if summed else 0)
        room = count if limits.memory is None else limits.memory // max(held, 1)
        room = max(1, room) if inner.seconds > THREADED else 1
        workers, threads = min(workers, room), min(threads, room)
    threads = max(1, min(threads, count))  # not the workers', of which a reproducible plan must not know
    each = inner.seconds + SLICE
    handed = 0.0
    if threads > 1:
        offers = [s.decision.offer for s in chains_of(inner)[0].steps]
        each += CONTENDED + sum(offer.crowded for offer in offers)
        handed = machine().wake + HANDED + HELD * any(offer.blas for offer in offers)
    through = sum(min(op.lines, op.span) for op in problem.facts) + problem.out_bytes
    if not summed and isinstance(inner, Chain) and joined_by_copy(inner, cut.label):
        through += 2 * problem.out_bytes
        each += moving(2.0 * problem.out_bytes) / count
    # However small the slices, all that is read and written goes through memory once.
    farther = max(streaming(through, threads) - count * moving(through / count) / threads, 0.0)
    seconds = count * each / threads + farther + handed
    peak = inner.peak * min(workers, count)
    return Sliced(cut.label, size, cut.block, summed, inner, tail, workers, seconds, peak, cut.reason)


def largest_dense(node: Chain | Sliced) -> int:
    """Bytes of the largest dense array that steps with operands that are not make, the result left out."""
    while isinstance(node, Sliced):
        node = node.inner
    steps = [s.step for s in node.steps[:-1]]
    made = [
        step.out_bytes
        for step in steps
        if of_arrays(step.form) and not all(of_arrays(op.form) for op in step.operands)
    ]
    return max(made, default=0)


def of_arrays(form: str) -> bool:
    """Whether a form is that of dense arrays, NumPy's or another library's."""
    found = form_of(form)
    return form == DENSE or (found.dtypes is not None and not found.sparse and not found.tasks)


def result_dtype(dtypes: Sequence[DType]) -> DType:
    """The dtype NumPy's einsum computes in: the promotion of all operands as arrays."""
    return np.result_type(*dtypes).newbyteorder("=")
