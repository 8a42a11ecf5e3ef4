"""Orders of contraction to score: ours for two and three operands, opt_einsum's from four on.

This is the only importer of opt_einsum.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .._base.facts import DENSE, Operand
from .._base.kinds import Form, Term
from .._kinds.registry import form_of
from .plans import Limits, Path, Problem

__all__ = ["intermediate", "is_summed_first", "joined", "proposed", "result_facts", "step_form"]

#: The three orders in which three operands can be paired: scored by us, no need to ask.
_TRIPLES: tuple[Path, ...] = (((0, 1), (0, 1)), ((0, 2), (0, 1)), ((1, 2), (0, 1)))


def proposed(problem: Problem, limits: Limits) -> Iterator[tuple[Path, bool]]:
    """Paths to score, each with whether labels of a single operand are summed beforehand."""
    n = len(problem.inputs)
    sparse = any(form_of(op.form).sparse for op in problem.facts)
    whole: Path = (tuple(range(n)),)
    solo = n > 1 and any(
        is_summed_first(c, problem)
        for labels, op in zip(problem.inputs, problem.facts, strict=True)
        if form_of(op.form).sums_first
        for c in labels
    )
    if not isinstance(limits.path, str):
        if solo and limits.path == whole:
            yield whole, False
        yield limits.path, solo
        # A path as given may lead through an array to a result that is to be none: then the others are asked
        # too.
        if not sparse:
            return
    candidates: list[Path] = [whole] if n != 2 or solo or sparse else []
    yield from ((path, False) for path in candidates)
    seen = set() if n == 2 or sparse else {whole}
    for path in _pairings(problem, limits, sparse=sparse):
        if path not in seen:
            seen.add(path)
            if sparse and path != whole:
                yield path, False
            if solo or not sparse:
                yield path, solo


def _pairings(problem: Problem, limits: Limits, *, sparse: bool) -> Iterator[Path]:
    """Paths that labels of a single operand may be summed before."""
    n = len(problem.inputs)
    if n == 2 or sparse:
        yield (tuple(range(n)),)
    if sparse:
        yield joined(problem)
    # A tiny iteration space is passed faster than a second call starts.
    if n > 2 and (sparse or problem.size > 64 * n):
        triple = n == 3 and limits.path == "auto"
        yield from _TRIPLES if triple else _opt_einsum_paths(problem, limits)
        if sparse:
            yield _smallest_first(problem)


def _opt_einsum_paths(problem: Problem, limits: Limits) -> Iterator[Path]:
    """opt_einsum's paths; more than one where finding them is cheap."""
    from opt_einsum import paths  # noqa: PLC0415 - loaded by the first call that has a path to find

    # A label that will be summed beforehand must not count as part of its operand.
    inputs = [frozenset(c for c in labels if not is_summed_first(c, problem)) for labels in problem.inputs]
    output = frozenset(problem.output)
    sizes = dict(problem.sizes)
    n = len(inputs)
    finders: list[Any] = []
    if limits.path == "greedy":
        finders.append(paths.greedy)
    elif limits.path == "optimal" or n <= 5:
        finders.append(paths.optimal)
    else:
        finders.extend((paths.auto, paths.greedy))
    for find in finders:
        yield tuple(tuple(int(i) for i in pair) for pair in find(inputs, output, sizes, None))


def is_summed_first(label: str, problem: Problem) -> bool:
    """Whether a label occurs in one operand only and not in the output."""
    return label not in problem.output and sum(label in labels for labels in problem.inputs) == 1


def intermediate(used: Iterable[str], output: str, terms: Sequence[Term], positions: tuple[int, ...]) -> str:
    """Labels of an intermediate, in the order of the operand that it shares most with and meets later."""
    others = [term.labels for i, term in enumerate(terms) if i not in positions]
    rest = "".join(others)
    kept = [c for c in used if c in rest or c in output]
    partner = max(others, key=lambda labels: sum(c in labels for c in kept), default="")
    return "".join(sorted(kept, key=partner.find))


def step_form(terms: Sequence[Term], output: str) -> Form:
    """The form of a step's result: the highest of its operands' that holds it, else dense."""
    found = form_of(DENSE)
    inputs = [term.labels for term in terms]
    for name in dict.fromkeys(term.facts.form for term in terms):
        form = form_of(name)
        if form.rank > found.rank and form.holds(inputs, [t.facts.form == name for t in terms], output):
            found = form
    return found


def result_facts(terms: Sequence[Term], output: str, layout: str, form: Form, problem: Problem) -> Operand:
    """Facts of what a step makes of its operands."""
    assert form.result is not None
    return form.result(terms, output, layout, problem.sizes, problem.dtype)


def joined(problem: Problem) -> Path:
    """Sparse operands joined pair by pair, smallest results first; then all in one step."""
    return _pairing(problem, every=False)


def _smallest_first(problem: Problem) -> Path:
    """Pairs of any forms, those first whose result holds fewest elements beside its operands'."""
    return _pairing(problem, every=True)


def _pairing(problem: Problem, *, every: bool) -> Path:
    terms = [Term(x, op) for x, op in zip(problem.inputs, problem.facts, strict=True)]
    path: list[tuple[int, ...]] = []
    while True:
        able = [i for i, term in enumerate(terms) if every or form_of(term.facts.form).sparse]
        pairs = [(i, j) for n, i in enumerate(able) for j in able[n + 1 :]]
        if not pairs:
            break
        made = {pair: _made(terms, pair, problem) for pair in pairs}
        pair = min(pairs, key=lambda p: _growth(made[p], terms[p[0]], terms[p[1]]))
        path.append(pair)
        terms = [term for i, term in enumerate(terms) if i not in pair]
        terms.append(made[pair])
    if len(terms) > 1 or not path:
        path.append(tuple(range(len(terms))))
    return tuple(path)


def _growth(made: Term, *terms: Term) -> int:
    """Elements that a step adds to those that are held."""
    return _elements(made.facts) - sum(_elements(term.facts) for term in terms)


def _elements(op: Operand) -> int:
    return op.size if op.nnz is None else op.nnz


def _made(terms: Sequence[Term], positions: tuple[int, ...], problem: Problem) -> Term:
    """What a step would make of some operands, were it not the last."""
    chosen = [terms[i] for i in positions]
    output = problem.output
    if len(positions) < len(terms):
        used = dict.fromkeys("".join(term.labels for term in chosen))
        output = intermediate(used, problem.output, terms, positions)
    facts = result_facts(chosen, output, output, step_form(chosen, output), problem)
    return Term(output, facts, made=True)
