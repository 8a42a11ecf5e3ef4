"""Contraction -> plan: which pairs in which order, by which routes, in what blocks.

opt_einsum proposes paths; our cost model, which knows the routes, scores each and keeps the cheapest.  A
label that occurs in one operand only and not in the output is summed first.  Facts in, facts out: no
array is touched.  This is the only importer of opt_einsum, and only from three operands on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._cost import first_touched, streaming
from ._planned import Chain, Limits, Node, Path, Plan, Planned, Prepared, Problem, Sliced
from ._problem import Contraction, DType, Operand, Step, c_strides
from ._route import NoRoute, Policy, decide
from ._slices import Cut, memory_cut, speed_cut

#: The three orders in which three operands can be paired: scored by us, no need to ask.
_TRIPLES: tuple[Path, ...] = (((0, 1), (0, 1)), ((0, 2), (0, 1)), ((1, 2), (0, 1)))
#: Bytes of intermediates from which one thread alone gains by blocks.
_ALONE = 8 << 20
#: Seconds that each step of several costs besides its calls: handing on, and looking for overflow.
STEP = 0.3e-6
#: Seconds that each slice costs besides its steps, and that it adds where threads wait for each other.
SLICE, CONTENDED = 6e-6, 12e-6
#: Seconds in which the threads are woken.
WAKE = 20e-6
#: A cut must be estimated to take at most this share of the time without it: other work keeps cores busy.
GAIN = 0.7


def prepare(contraction: Contraction, operands: Sequence[Operand], dtype: DType) -> tuple[Prepared, ...]:
    """Diagonals, broadcast axes and casts of each operand."""
    repeated = _repeated_only(contraction, operands)
    return tuple(
        _prepare(labels, op, contraction, dtype, repeated)
        for labels, op in zip(contraction.inputs, operands, strict=True)
    )


def _repeated_only(contraction: Contraction, operands: Sequence[Operand]) -> str:
    """Labels whose broadcast axes (stride 0) can be dropped, since another operand really has the label."""
    if not contraction.factors:
        return ""
    real = {
        c
        for labels, op in zip(contraction.inputs, operands, strict=True)
        for c, n, s in zip(labels, op.shape, op.strides, strict=True)
        if s != 0 and n == contraction.sizes[c]
    }
    return "".join(c for c in contraction.sizes if c in real)


def _prepare(labels: str, op: Operand, contraction: Contraction, dtype: DType, repeated: str) -> Prepared:
    unique = "".join(dict.fromkeys(labels))
    diagonal = None
    shape, strides = op.shape, op.strides
    if len(unique) != len(labels):
        diagonal = f"{labels}->{unique}"
        shape = tuple(op.shape[labels.index(c)] for c in unique)
        strides = tuple(
            sum(s for c, s in zip(labels, op.strides, strict=True) if c == wanted) for wanted in unique
        )
    sizes, dropped = contraction.sizes, contraction.dropped
    squeeze = tuple(
        i
        for i, c in enumerate(unique)
        if shape[i] != sizes[c] or c in dropped or (strides[i] == 0 and shape[i] > 1 and c in repeated)
    )
    kept = [i for i in range(len(unique)) if i not in squeeze]
    shape = tuple(shape[i] for i in kept)
    strides = tuple(strides[i] for i in kept)
    cast = None
    # Booleans that are only counted stay what they are.
    counted = len(contraction.inputs) == 1 and op.dtype.kind == "b" and dtype.kind in "iu"
    if op.dtype != dtype and not counted:
        cast = dtype
        strides = c_strides(shape, dtype.itemsize)
    facts = Operand(shape, dtype if cast else op.dtype, strides, op.kind)
    return Prepared(diagonal, squeeze, cast, "".join(unique[i] for i in kept), facts)


def make_plan(
    contraction: Contraction,
    operands: Sequence[Operand],
    dtype: DType,
    order: str,
    policy: Policy,
    limits: Limits,
) -> Plan:
    """Plan a contraction.

    Raises
    ------
    NoRoute
        Some step is refused by every allowed route.
    """
    prepared = prepare(contraction, operands, dtype)
    problem = Problem.of(contraction, prepared, dtype, order)
    node = _node(problem, policy, limits)
    return Plan(contraction, dtype, order, prepared, node)


def _node(problem: Problem, policy: Policy, limits: Limits) -> Node:
    best = _cheapest(problem, policy, limits)
    if limits.memory is not None and best.peak > limits.memory:
        return _within_memory(problem, best, policy, limits)
    if limits.threads > 1 or best.peak > _ALONE:
        cut = speed_cut(problem, best, limits.workers)
        if cut is not None:
            sliced = _sliced(problem, best, cut, policy, limits, limits.threads)
            fresh = first_touched(problem.out_bytes)
            shared = fresh / limits.threads
            alone = shared if best.steps[-1].decision.offer.blas else fresh  # BLAS's threads share it too
            if sliced.seconds + shared < GAIN * (best.seconds + alone):
                return sliced
    return best


def _within_memory(problem: Problem, chain: Chain, policy: Policy, limits: Limits) -> Node:
    """Slices of a chain, or one step without intermediates: whichever fits, and then takes less time."""
    assert limits.memory is not None
    if chain.peak <= limits.memory:
        return chain
    choices: list[Node] = []
    try:
        whole: Path = (tuple(range(len(problem.inputs))),)
        choices.append(_chain(problem, whole, False, policy, limits))
    except NoRoute:
        pass
    cut = memory_cut(problem, chain, limits.memory)
    if cut is not None:
        choices.append(_sliced(problem, chain, cut, policy, limits, 1))
    return min(choices, key=lambda node: (max(node.peak, limits.memory or 0), node.seconds), default=chain)


def _cheapest(problem: Problem, policy: Policy, limits: Limits) -> Chain:
    """The best of: one step for everything, and pairwise steps along each proposed path."""
    found: Chain | None = None
    refusal: NoRoute | None = None
    for path, presum in _paths(problem, limits):
        try:
            chain = _chain(problem, path, presum, policy, limits)
        except NoRoute as error:
            refusal = refusal or error
            continue
        if found is None or chain.seconds < found.seconds:
            found = chain
    if found is None:
        raise refusal or NoRoute("no path was proposed")
    return found


def _paths(problem: Problem, limits: Limits) -> Iterator[tuple[Path, bool]]:
    """Paths to score, each with whether labels of a single operand are summed beforehand."""
    n = len(problem.inputs)
    whole: Path = (tuple(range(n)),)
    solo = n > 1 and any(_solo(c, problem) for c in dict.fromkeys("".join(problem.inputs)))
    if not isinstance(limits.path, str):
        if solo and limits.path == whole:
            yield whole, False
        yield limits.path, solo
        return
    if n != 2 or solo:
        yield whole, False
    if n == 2:
        yield whole, solo
    # A tiny iteration space is passed faster than a second call starts.
    if n > 2 and problem.size > 64 * n:
        paths = _TRIPLES if n == 3 and limits.path == "auto" else _opt_einsum_paths(problem, limits)
        for path in paths:
            yield path, solo


def _opt_einsum_paths(problem: Problem, limits: Limits) -> Iterator[Path]:
    """opt_einsum's paths; more than one where finding them is cheap."""
    from opt_einsum import paths

    # A label that will be summed beforehand must not count as part of its operand.
    inputs = [frozenset(c for c in labels if not _solo(c, problem)) for labels in problem.inputs]
    output = frozenset(problem.output)
    sizes = dict(problem.sizes)
    n = len(inputs)
    seen: set[Path] = set()
    finders: list[Any] = []
    if limits.path == "greedy":
        finders.append(paths.greedy)
    elif limits.path == "optimal" or n <= 5:
        finders.append(paths.optimal)
    else:
        finders.extend((paths.auto, paths.greedy))
    for find in finders:
        path: Path = tuple(tuple(int(i) for i in pair) for pair in find(inputs, output, sizes, None))
        if path not in seen:
            seen.add(path)
            yield path


def _solo(label: str, problem: Problem) -> bool:
    """Whether a label occurs in one operand only and not in the output."""
    return label not in problem.output and sum(label in labels for labels in problem.inputs) == 1


@dataclass(slots=True)
class _Builder:
    """Operands still there while a chain is put together."""

    problem: Problem
    policy: Policy
    threads: int
    terms: list[tuple[str, Operand, bool]]  # labels, facts, whether it is an intermediate
    steps: list[Planned]
    seconds: float = 0.0
    peak: int = 0

    def add(
        self, positions: tuple[int, ...], output: str, order: str, *, last: bool, keep: int | None = None
    ) -> None:
        """Decide a step, take its operands away, and put its result at the end (or at ``keep``)."""
        chosen = [self.terms[i] for i in positions]
        p = self.problem
        step = Step(
            tuple(t[0] for t in chosen),
            output,
            p.sizes,
            tuple(t[1] for t in chosen),
            p.dtype,
            order,
            self.threads,
            last,
        )
        decision = decide(step, self.policy)
        self.steps.append(Planned(positions, keep, decision))
        self.seconds += decision.offer.cost.seconds
        layout = decision.offer.layout
        # An intermediate's axes are named in the order of its memory; the last result has the output's.
        made = dict(zip(layout, c_strides(tuple(p.sizes[c] for c in layout), p.dtype.itemsize), strict=True))
        facts = Operand(
            tuple(p.sizes[c] for c in output), p.dtype, tuple(made[c] for c in output), chosen[0][1].kind
        )
        alive = sum(t[1].nbytes for t in self.terms if t[2])
        self.peak = max(self.peak, alive + facts.nbytes)
        for i in sorted(positions, reverse=True):
            del self.terms[i]
        self.terms.insert(len(self.terms) if keep is None else keep, (output, facts, True))


def _chain(problem: Problem, path: Path, presum: bool, policy: Policy, limits: Limits) -> Chain:
    """The steps along a path, sums over labels of a single operand first if ``presum``."""
    terms = [(labels, op, False) for labels, op in zip(problem.inputs, problem.facts, strict=True)]
    build = _Builder(problem, policy, limits.threads, terms, [])
    if presum:
        for i, labels in enumerate(problem.inputs):
            kept = "".join(c for c in labels if not _solo(c, problem))
            if kept != labels:
                build.add((i,), kept, "K", last=False, keep=i)
    for number, positions in enumerate(path):
        last = number == len(path) - 1
        used = dict.fromkeys("".join(build.terms[i][0] for i in positions))
        if last:
            output = problem.output
        else:
            output = _intermediate(used, problem.output, build.terms, positions)
        build.add(positions, output, problem.order if last else "K", last=last)
    peak = max(0, build.peak - problem.out_bytes, *(s.decision.step.out_bytes for s in build.steps[:-1]))
    seconds = build.seconds + (STEP * len(build.steps) if len(build.steps) > 1 else 0.0)
    return Chain(problem.inputs, problem.output, tuple(build.steps), seconds, peak)


def _intermediate(
    used: Iterable[str], output: str, terms: Sequence[tuple[str, Operand, bool]], positions: tuple[int, ...]
) -> str:
    """Labels of an intermediate, in the order of the operand that it shares most with and meets later."""
    others = [labels for i, (labels, _, _) in enumerate(terms) if i not in positions]
    rest = "".join(others)
    kept = [c for c in used if c in rest or c in output]
    partner = max(others, key=lambda labels: sum(c in labels for c in kept), default="")
    return "".join(sorted(kept, key=partner.find))


def _sliced(problem: Problem, chain: Chain, cut: Cut, policy: Policy, limits: Limits, threads: int) -> Sliced:
    """The chain's path in slices, each planned for its own size; their time is estimated for ``threads``."""
    size = problem.sizes[cut.label]
    limits = replace(limits, path=_path_of(chain), threads=1)

    def plan(length: int) -> Node:
        part = problem.resized(cut.label, length)
        inner = _cheapest(part, policy, limits)
        return inner if limits.memory is None else _within_memory(part, inner, policy, limits)

    inner = plan(cut.block)
    tail = plan(size % cut.block) if size % cut.block else None
    count = -(-size // cut.block)
    threads = min(threads, count)
    each = inner.seconds + SLICE + (CONTENDED if threads > 1 else 0.0)
    through = sum(min(op.nbytes, op.span) for op in problem.facts) + problem.out_bytes
    # However small the slices, all that is read and written goes through memory once.
    seconds = max(count * each / threads, streaming(through, threads)) + (WAKE if threads > 1 else 0.0)
    peak = inner.peak * min(cut.threads, count)
    summed = cut.label not in problem.output
    return Sliced(cut.label, size, cut.block, summed, inner, tail, cut.threads, seconds, peak, cut.reason)


def _path_of(chain: Chain) -> Path:
    """The path that a chain takes, without the sums before it."""
    return tuple(p.positions for p in chain.steps if p.at is None)


def result_dtype(dtypes: Sequence[DType]) -> DType:
    """The dtype NumPy's einsum computes in: the promotion of all operands as arrays."""
    return np.result_type(*dtypes).newbyteorder("=")
