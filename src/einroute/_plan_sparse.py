"""Contraction with sparse operands -> plan: steps chosen by the entries that operands and intermediates hold.

Whether a result is sparse is a matter of labels and kinds; how many entries an intermediate will hold is
estimated as if they were spread at random.  Facts in, facts out: no array is touched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import expm1, log1p, prod

from ._cost import FRESH
from ._densify import densified
from ._plan import STEP, _intermediate, _opt_einsum_paths, _solo
from ._planned import Chain, Limits, Path, Plan, Planned, Prepared, Problem
from ._problem import Contraction, DType, Operand, Step, c_strides
from ._route import NoRoute, Policy, decide

Term = tuple[str, Operand, bool]
"""Labels, facts, and whether it is an intermediate."""


def keeps_pattern(inputs: Sequence[str], sparse: Sequence[bool], output: str) -> bool:
    """Whether a result is sparse.

    It is if there is a sparse operand and either no dense one has dimensions, or every label that a dense and
    a sparse operand share stays in the output and every label of the output is one of a sparse operand's.
    """
    of_sparse = {c for labels, is_sparse in zip(inputs, sparse, strict=True) if is_sparse for c in labels}
    of_dense = {c for labels, is_sparse in zip(inputs, sparse, strict=True) if not is_sparse for c in labels}
    if not any(sparse):
        return False
    return not of_dense or (of_sparse & of_dense <= set(output) and set(output) <= of_sparse)


def make_sparse_plan(
    contraction: Contraction,
    operands: Sequence[Operand],
    dtype: DType,
    order: str,
    policy: Policy,
    limits: Limits,
    *,
    strict: bool = False,
    sparse: bool | None = None,
) -> Plan:
    """Plan a contraction with sparse operands.

    Parameters
    ----------
    strict : bool
        Join the sparse operands first, then look all dense ones up at once: no zero of an intermediate is
        multiplied by anything.
    sparse : bool or None
        Whether the result is sparse; None: as `keeps_pattern` has it.

    Raises
    ------
    NoRoute
        Some step is refused by every allowed route.
    """
    prepared = prepare_sparse(contraction, operands, dtype)
    problem = Problem.of(contraction, prepared, dtype, order)
    if sparse is None:
        sparse = keeps_pattern(problem.inputs, [p.facts.kind == "sparse" for p in prepared], problem.output)
    given = sum(op.nbytes for op in problem.facts)
    best: Chain | None = None
    refusal: NoRoute | None = None
    paths: Iterable[tuple[Path, bool]] = [(_joined(problem), False)] if strict else _paths(problem, limits)
    for path, presum in paths:
        try:
            chain = _chain(problem, path, presum, sparse, policy, limits)
        except NoRoute as error:
            refusal = refusal or error
            continue
        if not strict and path == limits.path:
            best = chain  # as it was given
            break
        if best is None or _rank(chain, given) < _rank(best, given):
            best = chain
    if best is None:
        raise refusal or NoRoute("no path was proposed")
    return Plan(contraction, dtype, order, prepared, best, sparse)


def _rank(chain: Chain, given: int) -> tuple[bool, float]:
    """Intermediates far larger than the operands come last, whatever time they would save."""
    return densified(chain.peak, given), chain.seconds


def prepare_sparse(
    contraction: Contraction, operands: Sequence[Operand], dtype: DType
) -> tuple[Prepared, ...]:
    """Diagonals and broadcast axes of each operand; casts where dense operands may meet each other first."""
    sizes = contraction.sizes
    # Labels that an operand has in full; it is broadcast along the others.
    real = [
        {c for c, n in zip(labels, op.shape, strict=True) if n == sizes[c]}
        for labels, op in zip(contraction.inputs, operands, strict=True)
    ]
    dense = [own for own, op in zip(real, operands, strict=True) if op.kind != "sparse"]
    summed = set().union(*dense) - set(contraction.output)
    cast = len(dense) > 1 or any(sum(c in own for own in real) == 1 for c in summed)
    return tuple(
        _prepare(labels, op, contraction, dtype, cast or op.kind == "sparse")
        for labels, op in zip(contraction.inputs, operands, strict=True)
    )


def _prepare(labels: str, op: Operand, contraction: Contraction, dtype: DType, cast: bool) -> Prepared:
    unique = "".join(dict.fromkeys(labels))
    diagonal = f"{labels}->{unique}" if len(unique) != len(labels) else None
    shape = tuple(op.shape[labels.index(c)] for c in unique)
    squeeze = tuple(i for i, c in enumerate(unique) if shape[i] != contraction.sizes[c])
    kept = [i for i in range(len(unique)) if i not in squeeze]
    left = "".join(unique[i] for i in kept)
    shape = tuple(shape[i] for i in kept)
    wanted = dtype if cast and op.dtype != dtype else None
    if op.kind == "sparse":
        places = prod(op.shape)
        share = (op.nnz or 0) / places if places else 0.0
        nnz = op.nnz if diagonal is None else max(1, round(share * prod(shape)))
        return Prepared(diagonal, squeeze, wanted, left, Operand(shape, dtype, (), "sparse", nnz))
    strides = tuple(sum(s for c, s in zip(labels, op.strides, strict=True) if c == unique[i]) for i in kept)
    if wanted is not None:
        strides = c_strides(shape, dtype.itemsize)
    return Prepared(diagonal, squeeze, wanted, left, Operand(shape, wanted or op.dtype, strides, op.kind))


def estimated_entries(terms: Sequence[Term], output: str, sizes: dict[str, int]) -> int:
    """Entries of a sparse result, if those of its sparse operands are spread at random.

    Each place of the result sums over ``n`` products of elements that are all entries with chance ``p``: the
    place holds an entry with chance ``1 - (1 - p)**n``.
    """
    sparse = [(labels, op) for labels, op, _ in terms if op.kind == "sparse"]
    labels = {c for own, _ in sparse for c in own}
    places = prod(sizes[c] for c in output if c in labels)
    if not places:
        return 0
    chance = 1.0
    for own, op in sparse:
        chance *= min(1.0, (op.nnz or 0) / max(1, prod(sizes[c] for c in own)))
    summed = prod(sizes[c] for c in labels if c not in output)
    if chance >= 1.0:
        return places
    return max(1, round(places * -expm1(summed * log1p(-chance))))


def _paths(problem: Problem, limits: Limits) -> Iterator[tuple[Path, bool]]:
    """Paths to score, each with whether labels of a single dense operand are summed beforehand."""
    n = len(problem.inputs)
    solo = n > 1 and any(
        _solo(c, problem)
        for labels, op in zip(problem.inputs, problem.facts, strict=True)
        if op.kind != "sparse"
        for c in labels
    )
    if not isinstance(limits.path, str):
        yield limits.path, solo
        # A path as given may take a sparse result through a dense one: then the others are asked too.
    seen: set[Path] = set()
    candidates: list[Path] = [(tuple(range(n)),), _joined(problem)]
    if n > 2:
        candidates += [*_opt_einsum_paths(problem, limits), _greedy(problem)]
    for path in candidates:
        if path not in seen:
            seen.add(path)
            yield path, False
            if solo:
                yield path, True


def _joined(problem: Problem) -> Path:
    """The sparse operands joined pair by pair, those first that give fewest entries; then all in one step."""
    return _pairing(problem, dense=False)


def _greedy(problem: Problem) -> Path:
    """Pairs of any kinds, those first whose result is smallest."""
    return _pairing(problem, dense=True)


def _pairing(problem: Problem, dense: bool) -> Path:
    terms: list[Term] = [(x, op, False) for x, op in zip(problem.inputs, problem.facts, strict=True)]
    path: list[tuple[int, ...]] = []
    while True:
        able = [i for i, t in enumerate(terms) if dense or t[1].kind == "sparse"]
        pairs = [(i, j) for n, i in enumerate(able) for j in able[n + 1 :]]
        if not pairs:
            break
        made = {pair: _made(terms, pair, problem) for pair in pairs}
        pair = min(
            pairs,
            key=lambda p: _elements(made[p][1]) - _elements(terms[p[0]][1]) - _elements(terms[p[1]][1]),
        )
        path.append(pair)
        terms = [t for i, t in enumerate(terms) if i not in pair]
        terms.append((*made[pair], True))
    if len(terms) > 1 or not path:
        path.append(tuple(range(len(terms))))
    return tuple(path)


def _elements(op: Operand) -> int:
    return op.size if op.nnz is None else op.nnz


def _made(terms: Sequence[Term], positions: tuple[int, ...], problem: Problem) -> tuple[str, Operand]:
    """Labels and facts of what a step would make of some operands, were it not the last."""
    chosen = [terms[i] for i in positions]
    used = dict.fromkeys("".join(t[0] for t in chosen))
    output = (
        _intermediate(used, problem.output, terms, positions)
        if len(positions) < len(terms)
        else problem.output
    )
    return output, _facts(chosen, output, output, problem, _step_is_sparse(chosen, output))


def _step_is_sparse(chosen: Sequence[Term], output: str) -> bool:
    return keeps_pattern([t[0] for t in chosen], [t[1].kind == "sparse" for t in chosen], output)


def _facts(chosen: Sequence[Term], output: str, layout: str, problem: Problem, sparse: bool) -> Operand:
    shape = tuple(problem.sizes[c] for c in output)
    if sparse:
        nnz = estimated_entries(chosen, output, dict(problem.sizes))
        return Operand(shape, problem.dtype, (), "sparse", nnz)
    lies = tuple(problem.sizes[c] for c in layout)
    strides = dict(zip(layout, c_strides(lies, problem.dtype.itemsize), strict=True))
    return Operand(shape, problem.dtype, tuple(strides[c] for c in output))


@dataclass(slots=True)
class _Builder:
    """Operands still there while a chain is put together."""

    problem: Problem
    policy: Policy
    threads: int
    terms: list[Term]
    steps: list[Planned]
    peak: int = 0

    def add(
        self,
        positions: tuple[int, ...],
        output: str,
        order: str,
        *,
        sparse: bool,
        last: bool,
        keep: int | None = None,
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
            sparse,
        )
        decision = decide(step, self.policy)
        self.steps.append(Planned(positions, keep, decision))
        facts = _facts(chosen, output, decision.offer.layout, p, sparse)
        if not last:
            alive = sum(t[1].nbytes for t in self.terms if t[2])
            self.peak = max(self.peak, alive + facts.nbytes)
        for i in sorted(positions, reverse=True):
            del self.terms[i]
        self.terms.insert(len(self.terms) if keep is None else keep, (output, facts, True))


def _chain(problem: Problem, path: Path, presum: bool, sparse: bool, policy: Policy, limits: Limits) -> Chain:
    """The steps along a path, sums over labels of a single dense operand first if ``presum``.

    Raises
    ------
    NoRoute
        A step has no route, or the path leads through a dense array to a result that is to be sparse.
    """
    terms: list[Term] = [(x, op, False) for x, op in zip(problem.inputs, problem.facts, strict=True)]
    build = _Builder(problem, policy, limits.threads, terms, [])
    if presum:
        for i, (labels, op, _) in enumerate(list(terms)):
            kept = "".join(c for c in labels if not _solo(c, problem))
            if kept != labels and op.kind != "sparse":
                build.add((i,), kept, "K", sparse=False, last=False, keep=i)
    for number, positions in enumerate(path):
        last = number == len(path) - 1
        chosen = [build.terms[i] for i in positions]
        if last:
            output = problem.output
        else:
            used = dict.fromkeys("".join(t[0] for t in chosen))
            output = _intermediate(used, problem.output, build.terms, positions)
        stays = _step_is_sparse(chosen, output)
        if sparse and not stays and (last or any(t[1].kind == "sparse" for t in chosen)):
            raise NoRoute(f"{problem.inputs} to {problem.output!r}: this path would make the result dense")
        build.add(
            positions,
            output,
            problem.order if last else "K",
            sparse=stays and (sparse or not last),
            last=last,
        )
    seconds = sum(s.decision.offer.cost.seconds for s in build.steps) + STEP * (len(build.steps) - 1)
    seconds += build.peak / FRESH  # intermediates are new memory, mostly
    return Chain(problem.inputs, problem.output, tuple(build.steps), seconds, build.peak)


def largest_dense(plan: Plan) -> int:
    """Bytes of the largest dense array that steps with sparse operands make, the result left out."""
    assert isinstance(plan.node, Chain)
    made = [
        s.decision.step.out_bytes
        for s in plan.node.steps[:-1]
        if not s.decision.step.sparse and any(op.kind == "sparse" for op in s.decision.step.operands)
    ]
    return max(made, default=0)


def multiplies_zeros(plan: Plan) -> bool:
    """Whether a dense array with zeros for absent elements is an operand of a later step."""
    return largest_dense(plan) > 0
