"""Contraction -> plan: which pairs in which order, by which routes, in what blocks.

opt_einsum proposes paths; our cost model, which knows the routes, scores each and keeps the cheapest.  A
label that occurs in one operand only and not in the output is summed first.  Facts in, facts out: no
array is touched.  This is the only importer of opt_einsum, and only from three operands on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from ._problem import Contraction, DType, Operand, Step, c_strides
from ._route import Decision, NoRoute, Policy, decide

Path = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """How one operand is brought to unique labels, consistent sizes and the common dtype.

    Attributes
    ----------
    diagonal : str or None
        Subscripts of the view that takes its diagonals.
    squeeze : tuple of int
        Axes of that view that are dropped: of length 1 and broadcast or summed, or of stride 0.
    cast : dtype or None
    labels : str
        What is left.
    facts : Operand
        Facts of what is left.
    """

    diagonal: str | None
    squeeze: tuple[int, ...]
    cast: DType | None
    labels: str
    facts: Operand


@dataclass(frozen=True, slots=True)
class Planned:
    """A decided step.

    Attributes
    ----------
    positions : tuple of int
        Of its operands among those still there, as in opt_einsum's paths.
    at : int or None
        Where its result is put among those; None for the end.
    """

    positions: tuple[int, ...]
    at: int | None
    decision: Decision


@dataclass(frozen=True, slots=True)
class Chain:
    """Steps one after the other.

    Attributes
    ----------
    inputs : labels of the operands
    output : labels of the result
    steps : tuple of Planned
    seconds : float
        Estimate.
    peak : int
        Bytes of the intermediates that are alive together, at most.
    """

    inputs: tuple[str, ...]
    output: str
    steps: tuple[Planned, ...]
    seconds: float
    peak: int

    @property
    def layout(self) -> str:
        return self.steps[-1].decision.offer.layout

    @property
    def reorders(self) -> bool:
        """Whether sums are taken out of products: then overflow may come earlier than in NumPy's order."""
        return len(self.steps) > 1


@dataclass(frozen=True, slots=True)
class Sliced:
    """A plan run on slices along one label, whose results are put side by side, or added up.

    Attributes
    ----------
    label : str
    size, block : int
        The label's size and the length of a slice.
    summed : bool
        The label is contracted: the results are added up.
    inner, tail : plan of a whole slice, and of the last one where it is shorter
    threads : int
        How many slices may run at once.
    reason : str
    """

    label: str
    size: int
    block: int
    summed: bool
    inner: Chain | Sliced
    tail: Chain | Sliced | None
    threads: int
    seconds: float
    peak: int
    reason: str

    @property
    def layout(self) -> str:
        return self.inner.layout

    @property
    def output(self) -> str:
        return self.inner.output

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.inner.inputs

    @property
    def reorders(self) -> bool:
        return self.inner.reorders


Node = Chain | Sliced


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is decided about a call before its arrays are touched."""

    contraction: Contraction
    dtype: DType
    order: str
    prepared: tuple[Prepared, ...]
    node: Node


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds a plan besides its operands.

    Attributes
    ----------
    threads : int
    memory : int or None
        Bytes that intermediates may take.
    path : tuple or str
        A path to take, or the name of opt_einsum's way to find one.
    """

    threads: int = 1
    memory: int | None = None
    path: Path | str = "auto"


#: Seconds that each step of several costs besides its calls: handing on, and looking for overflow.
STEP = 0.6e-6
#: Estimated seconds from which cutting into blocks for the threads pays.
PARALLEL_WORTH = 200e-6
#: Bytes of a block's operands, intermediates and result together: they stay in a second-level cache.
BLOCK_BYTES = 1 << 19


def prepare(contraction: Contraction, operands: Sequence[Operand], dtype: DType) -> tuple[Prepared, ...]:
    """Diagonals, broadcast axes and casts of each operand."""
    repeated = _repeated_only(contraction, operands)
    return tuple(
        _prepare(labels, op, contraction, dtype, repeated)
        for labels, op in zip(contraction.inputs, operands, strict=True)
    )


def _repeated_only(contraction: Contraction, operands: Sequence[Operand]) -> str:
    """Labels whose broadcast axes (stride 0) can be dropped, since another operand really has the label."""
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
    if op.dtype != dtype:
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
    problem = _Problem(
        tuple(p.labels for p in prepared),
        contraction.output,
        contraction.sizes,
        tuple(p.facts for p in prepared),
        dtype,
        order,
    )
    node = _node(problem, policy, limits)
    return Plan(contraction, dtype, order, prepared, node)


@dataclass(frozen=True, slots=True)
class _Problem:
    """Canonical operands and what is wanted of them."""

    inputs: tuple[str, ...]
    output: str
    sizes: Mapping[str, int]
    facts: tuple[Operand, ...]
    dtype: DType
    order: str

    def resized(self, label: str, size: int) -> _Problem:
        """The same with one label shorter, its operands keeping their strides."""
        sizes = {**self.sizes, label: size}
        facts = tuple(
            replace(op, shape=tuple(sizes[c] for c in labels))
            for labels, op in zip(self.inputs, self.facts, strict=True)
        )
        return replace(self, sizes=sizes, facts=facts)


def _node(problem: _Problem, policy: Policy, limits: Limits) -> Node:
    best = _cheapest(problem, policy, limits)
    if limits.memory is not None and best.peak > limits.memory:
        sliced = _slice_for_memory(problem, best, policy, limits)
        if sliced is not None:
            return sliced
    if limits.threads > 1 or len(best.steps) > 1:
        sliced = _slice_for_speed(problem, best, policy, limits)
        if sliced is not None:
            return sliced
    return best


def _cheapest(problem: _Problem, policy: Policy, limits: Limits) -> Chain:
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


def _paths(problem: _Problem, limits: Limits) -> Iterator[tuple[Path, bool]]:
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
    if n > 2 and problem_size(problem) > 64 * n:
        for path in _opt_einsum_paths(problem, limits):
            yield path, solo


def problem_size(problem: _Problem) -> int:
    """Size of the whole iteration space."""
    used = set("".join(problem.inputs))
    return prod(problem.sizes[c] for c in used)


def _opt_einsum_paths(problem: _Problem, limits: Limits) -> Iterator[Path]:
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


def _solo(label: str, problem: _Problem) -> bool:
    """Whether a label occurs in one operand only and not in the output."""
    return label not in problem.output and sum(label in labels for labels in problem.inputs) == 1


@dataclass(slots=True)
class _Builder:
    """Operands still there while a chain is put together."""

    problem: _Problem
    policy: Policy
    threads: int
    terms: list[tuple[str, Operand, bool]]  # labels, facts, whether it is an intermediate
    steps: list[Planned]
    seconds: float = 0.0
    peak: int = 0

    def add(self, positions: tuple[int, ...], output: str, order: str, keep: int | None = None) -> None:
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


def _chain(problem: _Problem, path: Path, presum: bool, policy: Policy, limits: Limits) -> Chain:
    """The steps along a path, sums over labels of a single operand first if ``presum``."""
    terms = [(labels, op, False) for labels, op in zip(problem.inputs, problem.facts, strict=True)]
    build = _Builder(problem, policy, limits.threads, terms, [])
    if presum:
        for i, labels in enumerate(problem.inputs):
            kept = "".join(c for c in labels if not _solo(c, problem))
            if kept != labels:
                build.add((i,), kept, "K", keep=i)
    for number, positions in enumerate(path):
        last = number == len(path) - 1
        rest = "".join(t[0] for i, t in enumerate(build.terms) if i not in positions)
        used = dict.fromkeys("".join(build.terms[i][0] for i in positions))
        if last:
            output = problem.output
        else:
            output = "".join(c for c in used if c in rest or c in problem.output)
        build.add(positions, output, problem.order if last else "K")
    result = prod(problem.sizes[c] for c in problem.output) * problem.dtype.itemsize
    peak = max(0, build.peak - result, *(s.decision.step.out_bytes for s in build.steps[:-1]))
    seconds = build.seconds + (STEP * len(build.steps) if len(build.steps) > 1 else 0.0)
    return Chain(problem.inputs, problem.output, tuple(build.steps), seconds, peak)


def _slice_for_memory(problem: _Problem, chain: Chain, policy: Policy, limits: Limits) -> Node | None:
    """Slice the label that shrinks the largest intermediates most, again and again until it fits."""
    assert limits.memory is not None
    sizes = problem.sizes
    weights: dict[str, int] = {}
    for planned in chain.steps[:-1]:
        step = planned.decision.step
        for c in step.output:
            if sizes[c] > 1:
                weights[c] = weights.get(c, 0) + step.out_bytes
    if not weights:
        return None
    # Among equals an output label: its slices are put side by side, not added up.
    label = max(weights, key=lambda c: (weights[c], c in problem.output, sizes[c]))
    block = max(1, min(sizes[label] // 2, int(sizes[label] * limits.memory / max(chain.peak, 1))))
    inner_limits = replace(limits, threads=1, path=_path_of(chain))
    reason = f"intermediates of {chain.peak} bytes exceed the limit of {limits.memory}"
    return _sliced(problem, label, block, policy, inner_limits, 1, reason)


def _path_of(chain: Chain) -> Path:
    """The path that a chain takes, without the sums before it."""
    return tuple(p.positions for p in chain.steps if len(p.positions) > 1) or tuple(
        p.positions for p in chain.steps[-1:]
    )


def _slice_for_speed(problem: _Problem, chain: Chain, policy: Policy, limits: Limits) -> Node | None:
    """Blocks that fit in cache, over the threads, where memory and not BLAS sets the time."""
    own = sum(p.decision.offer.cost.seconds for p in chain.steps if not _blas_bound(p))
    if own < PARALLEL_WORTH or own < 0.5 * chain.seconds or 0 in problem.sizes.values():
        return None
    label = _streamed_label(problem)
    if label is None:
        return None
    size = problem.sizes[label]
    moved = sum(p.decision.step.in_bytes + p.decision.step.out_bytes for p in chain.steps)
    # Enough blocks for the cache, and for the threads to share evenly; none shorter than 50 us.
    arithmetic = sum(p.decision.offer.cost.flops for p in chain.steps if p.decision.offer.blas)
    count = 8 if arithmetic > moved else max(moved // BLOCK_BYTES, 4)
    count = max(1, min(count, int(chain.seconds / 50e-6), size))
    block = -(-size // count)
    if block >= size:
        return None
    inner_limits = replace(limits, threads=1, path=_path_of(chain))
    reason = f"{moved >> 20} MiB move through memory"
    return _sliced(problem, label, block, policy, inner_limits, limits.threads, reason)


def _blas_bound(planned: Planned) -> bool:
    """Whether a step spends its time in BLAS's own threads, on more arithmetic than memory traffic."""
    offer = planned.decision.offer
    step = planned.decision.step
    moved = step.in_bytes + step.out_bytes
    return offer.blas and getattr(offer.recipe, "loops", "") == "" and offer.cost.flops > 2.0 * moved


def _streamed_label(problem: _Problem) -> str | None:
    """The label along which to cut: in the output if it can be, in most of the bytes, outermost in memory."""
    sizes, output = problem.sizes, problem.output
    out_bytes = prod(sizes[c] for c in output) * problem.dtype.itemsize
    total = out_bytes + sum(op.nbytes for op in problem.facts)

    def covered(label: str) -> int:
        bytes_in = sum(op.nbytes for c, op in zip(problem.inputs, problem.facts, strict=True) if label in c)
        return bytes_in + (out_bytes if label in output else 0)

    def outermost(label: str) -> int:
        return max(
            (
                abs(s)
                for labels, op in zip(problem.inputs, problem.facts, strict=True)
                for c, s in zip(labels, op.strides, strict=True)
                if c == label
            ),
            default=0,
        )

    kept = [c for c in output if sizes[c] >= 4 and covered(c) >= 0.6 * total]
    if kept:
        return max(kept, key=lambda c: (outermost(c), -output.index(c)))
    if out_bytes > 1 << 16:
        return None
    summed = [c for c in dict.fromkeys("".join(problem.inputs)) if c not in output and sizes[c] >= 4]
    summed = [c for c in summed if covered(c) >= 0.6 * total]
    return max(summed, key=outermost, default=None)


def _sliced(
    problem: _Problem, label: str, block: int, policy: Policy, limits: Limits, threads: int, reason: str
) -> Sliced:
    """A plan in slices of ``block`` along ``label``."""
    size = problem.sizes[label]
    summed = label not in problem.output
    inner_problem = problem.resized(label, block)
    tail_problem = problem.resized(label, size % block) if size % block else None

    def plan(p: _Problem) -> Node:
        chain = _cheapest(p, policy, limits)
        if limits.memory is not None and chain.peak > limits.memory:
            return _slice_for_memory(p, chain, policy, limits) or chain
        return chain

    inner = plan(inner_problem)
    tail = plan(tail_problem) if tail_problem is not None else None
    count = -(-size // block)
    seconds = count * (inner.seconds + 3e-6) / min(threads, count)
    return Sliced(label, size, block, summed, inner, tail, threads, seconds, inner.peak * threads, reason)


def chains(node: Node) -> Iterable[Chain]:
    """The chains of a plan, that of a whole slice before that of the last one."""
    if isinstance(node, Chain):
        yield node
        return
    yield from chains(node.inner)
    if node.tail is not None:
        yield from chains(node.tail)


def result_dtype(dtypes: Sequence[DType]) -> DType:
    """The dtype NumPy's einsum computes in: the promotion of all operands as arrays."""
    return np.result_type(*dtypes).newbyteorder("=")
