"""Orders of contraction to score: ours for two and three operands, opt_einsum's from four on.

This is the only importer of opt_einsum.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .._base.facts import DENSE, Operand
from .._base.kinds import Form, Term
from .._kinds.registry import form_of
from .plans import Limits, Path, Problem

__all__ = ["IN_ONE_LOOP", "Remaining", "joined", "proposed", "result_facts", "step_form"]

#: Operands that may be multiplied in one loop, and of which every pair is looked at.
IN_ONE_LOOP = 32
#: The three orders in which three operands can be paired: scored by us, no need to ask.
_TRIPLES: tuple[Path, ...] = (((0, 1), (0, 1)), ((0, 2), (0, 1)), ((1, 2), (0, 1)))


def proposed(problem: Problem, limits: Limits) -> Iterator[tuple[Path, bool]]:
    """Paths to score, each with whether labels of a single operand are summed beforehand."""
    n = len(problem.inputs)
    alone = problem.alone
    sparse = any(form_of(op.form).sparse for op in problem.facts)
    whole: Path = (tuple(range(n)),)
    solo = n > 1 and any(
        not alone.isdisjoint(labels)
        for labels, op in zip(problem.inputs, problem.facts, strict=True)
        if form_of(op.form).sums_first
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
    if n > IN_ONE_LOOP:  # and looking at every pair would take as long as the work
        yield from ((path, solo) for path in _opt_einsum_paths(problem, limits))
        return
    yield from ((path, False) for path in candidates)
    if solo and n > 2 and not sparse:
        yield whole, True
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
    # A tiny iteration space is passed faster than a second call starts, by loops of so many operands at most.
    if n > 2 and (sparse or problem.size > 64 * n or n > IN_ONE_LOOP):
        # Also where a path was given, and leads nowhere.
        triple = n == 3 and limits.path not in {"greedy", "optimal"}
        yield from _TRIPLES if triple else _opt_einsum_paths(problem, limits)
        if sparse:
            yield _smallest_first(problem)


def _opt_einsum_paths(problem: Problem, limits: Limits) -> Iterator[Path]:
    """opt_einsum's paths; more than one where finding them is cheap."""
    from opt_einsum import paths  # noqa: PLC0415 - loaded by the first call that has a path to find

    # A label that will be summed beforehand must not count as part of its operand.
    alone = problem.alone
    inputs = [frozenset(labels) - alone for labels in problem.inputs]
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


class Remaining:
    """Operands that are still there while a path is followed, in order, and which of them has a label.

    Each step looks at the operands that share a label with it alone, so that a path of n steps takes little
    more than n times one.
    """

    def __init__(self, terms: Iterable[Term], output: str) -> None:
        self.output = output
        self.terms = list(terms)
        self._numbers = list(range(len(self.terms)))
        self._next = len(self.terms)
        self._holders: dict[str, dict[int, str]] = {}
        for number, term in enumerate(self.terms):
            self._enter(number, term.labels)

    def _enter(self, number: int, labels: str) -> None:
        for c in labels:
            self._holders.setdefault(c, {})[number] = labels

    def result_of(self, positions: tuple[int, ...]) -> str:
        """Labels of what a step makes of some operands, were it not the last.

        They are in the order of the operand that it shares most with and meets later; or, where a compiler
        makes one program of all steps, in that of the products, so that nothing is put in another order.
        """
        taken = {self._numbers[i] for i in positions}
        used = dict.fromkeys("".join(self.terms[i].labels for i in positions))
        others = {c: self._holders[c].keys() - taken for c in used}
        kept = [c for c in used if others[c] or c in self.output]
        terms = [self.terms[i] for i in positions]
        if step_form(terms, "".join(kept)).compiled is not None:
            return _of_products([term.labels for term in terms], kept)
        shared = Counter(number for c in kept for number in others[c])
        if not shared:
            return "".join(kept)
        most = max(shared.values())
        first = min(number for number, count in shared.items() if count == most)
        partner = next(self._holders[c][first] for c in kept if first in others[c])
        return "".join(sorted(kept, key=partner.find))

    def replace(self, positions: tuple[int, ...], made: Term, at: int | None = None) -> None:
        """Take operands away and put a step's result at the end, or at a place of one that was summed."""
        for i in sorted(positions, reverse=True):
            number = self._numbers.pop(i)
            for c in set(self.terms.pop(i).labels):  # forms that take operands as they come repeat some
                del self._holders[c][number]
        if at is None:
            number, self._next = self._next, self._next + 1
        self.terms.insert(len(self.terms) if at is None else at, made)
        self._numbers.insert(len(self._numbers) if at is None else at, number)
        self._enter(number, made.labels)


def _of_products(inputs: Sequence[str], kept: list[str]) -> str:
    """Labels that are kept in the order of products of matrices: those of all operands first.

    Where nothing is summed they are as in the operand that has most.
    """
    first = [c for c in kept if all(c in labels for labels in inputs)]
    if len(kept) == len(set("".join(inputs))):
        first = [c for c in max(inputs, key=len) if c in kept]
    return "".join(dict.fromkeys([*first, *kept]))


def step_form(terms: Sequence[Term], output: str) -> Form:
    """The form of a step's result: the highest of its operands' that holds it, else dense."""
    found = form_of(DENSE)
    inputs = [term.labels for term in terms]
    for name in dict.fromkeys(term.facts.form for term in terms):
        form = form_of(name)
        if form.rank > found.rank and form.holds(inputs, [t.facts.form == name for t in terms], output):
            found = form
    return form_of(found.results) if found.results else found


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
    remaining = Remaining(
        (Term(x, op) for x, op in zip(problem.inputs, problem.facts, strict=True)), problem.output
    )
    path: list[tuple[int, ...]] = []
    while True:
        terms = remaining.terms
        able = [i for i, term in enumerate(terms) if every or form_of(term.facts.form).sparse]
        pairs = [(i, j) for n, i in enumerate(able) for j in able[n + 1 :]]
        if not pairs:
            break
        made = {pair: _made(remaining, pair, problem) for pair in pairs}
        pair = min(pairs, key=lambda p: _growth(made[p], terms[p[0]], terms[p[1]]))
        path.append(pair)
        remaining.replace(pair, made[pair])
    if len(remaining.terms) > 1 or not path:
        path.append(tuple(range(len(remaining.terms))))
    return tuple(path)


def _growth(made: Term, *terms: Term) -> int:
    """Elements that a step adds to those that are held."""
    return _elements(made.facts) - sum(_elements(term.facts) for term in terms)


def _elements(op: Operand) -> int:
    return op.size if op.nnz is None else op.nnz


def _made(remaining: Remaining, positions: tuple[int, ...], problem: Problem) -> Term:
    """What a step would make of some operands, were it not the last."""
    chosen = [remaining.terms[i] for i in positions]
    output = problem.output
    if len(positions) < len(remaining.terms):
        output = remaining.result_of(positions)
    facts = result_facts(chosen, output, output, step_form(chosen, output), problem)
    return Term(output, facts, made=True)
