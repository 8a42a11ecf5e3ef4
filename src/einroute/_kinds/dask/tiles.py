"""How a step is cut into tasks: tiles of the result, and how much of a sum one task adds up itself.

Every label is cut somewhere: the labels of the result into tiles, contracted ones into groups.  A task reads
the parts of the operands' chunks that its tile and group need, adds up what they give, and where a label has
several groups the partial results are added in a tree.  For each step the cuts are sought that cost least:

    seconds = flops / (rate * parallel) + moved / (bandwidth * parallel) + tasks * overhead

where the largest chunk of a task stays where it is and all else that the task reads moves to it.  An operand
is rechunked to the cuts beforehand where reading whole chunks costs more than that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, prod

from .chunked import Chunked, Lengths

__all__ = ["Costs", "Cuts", "Part", "cuts_for", "merged", "split", "tree_tasks"]

#: Multiply-adds a second of one worker's thread, and bytes a second between workers.
RATE, BANDWIDTH = 8e9, 200e6
#: Seconds that a task costs the scheduler, its worker and whoever builds the graph.
TASK = 1e-3
#: Workers' threads that a plan, which knows no cluster, counts on.
PARALLEL = 16
#: Partial results that one task of a tree adds up, unless the caller says.
SPLIT_EVERY = 8
#: Rounds of the search, each of which looks at every label.
_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class Part:
    """An operand of a step as its cuts depend on it.

    Attributes
    ----------
    labels : str
        A label may repeat.
    facts : Chunked
    itemsize : int
    """

    labels: str
    facts: Chunked
    itemsize: int

    def lengths(self, label: str) -> Lengths:
        return self.facts.chunks[self.labels.index(label)]

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays behind it."""
        sizes = [sum(lengths) for lengths in self.facts.chunks]
        return self.itemsize * sum(prod(sizes[axis] for axis in axes) for axes in self.facts.behind)


@dataclass(frozen=True, slots=True)
class Costs:
    """What a step takes, about.

    Attributes
    ----------
    tasks : int
        All of them, rechunking and sums included.
    products : int
        Tasks that multiply chunks.
    moved : float
        Bytes between workers.
    peak : float
        Bytes that the largest task needs at once.
    flops : float
        Multiply-adds.
    seconds : float
    """

    tasks: int
    products: int
    moved: float
    peak: float
    flops: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Cuts:
    """How a step is cut.

    Attributes
    ----------
    lengths : tuple of (str, tuple of int)
        Of every label, of the result's tiles or of a sum's groups.
    rechunked : tuple of bool
        Whether each operand is brought to these lengths beforehand.
    split_every : int
        Partial results that are added up at once.
    costs : Costs
    """

    lengths: tuple[tuple[str, Lengths], ...]
    rechunked: tuple[bool, ...]
    split_every: int
    costs: Costs


def merged(lengths: Lengths, count: int) -> Lengths:
    """Neighbours put together, so that at most ``count`` are left, of about one size."""
    if count >= len(lengths):
        return lengths
    total, found, own = sum(lengths), [0], 0
    for number, length in enumerate(lengths):
        left = len(lengths) - number
        full = own >= total * len(found) / count - 0.5 * length
        if found[-1] and len(found) < count and (full or left <= count - len(found)):
            found.append(0)
        found[-1] += length
        own += length
    return tuple(found)


def split(lengths: Lengths, longest: int) -> Lengths:
    """Each cut evenly into parts of ``longest`` at most."""
    found: list[int] = []
    for length in lengths:
        parts = max(1, ceil(length / max(1, longest)))
        found += [length // parts + (i < length % parts) for i in range(parts)]
    return tuple(found)


def tree_tasks(count: int, split_every: int) -> int:
    """Tasks of the tree that adds up so many partial results."""
    tasks = 0
    while count > 1:
        count = ceil(count / split_every)
        tasks += count
    return tasks


@dataclass(frozen=True, slots=True)
class _Problem:
    parts: tuple[Part, ...]
    output: str
    itemsize: int
    budget: int
    largest: int
    split_every: int
    sizes: Mapping[str, int]
    unknown: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Choice:
    lengths: Mapping[str, Lengths]
    rechunked: tuple[bool, ...]


@lru_cache(maxsize=1024)
def cuts_for(
    parts: tuple[Part, ...], output: str, itemsize: int, budget: int, largest: int, split_every: int | None
) -> Cuts:
    """The cuts of a step that cost least.

    Parameters
    ----------
    parts : tuple of Part
    output : str
    itemsize : int
        Of the dtype that is computed in.
    budget : int
        Bytes that a task may take.
    largest : int
        Bytes that a chunk of the result may take.
    split_every : int or None
        As the caller gave it.
    """
    sizes: dict[str, int] = {}
    unknown: set[str] = set()
    for part in parts:
        for label, lengths, hidden in zip(part.labels, part.facts.chunks, part.facts.unknown, strict=True):
            sizes[label] = sum(lengths)
            if hidden:
                unknown.add(label)
    every = SPLIT_EVERY if split_every is None else split_every
    problem = _Problem(parts, output, itemsize, budget, largest, every, sizes, frozenset(unknown))
    base = {label: _base(problem, label) for label in sizes}
    plain = tuple(False for _ in parts)
    first = [base, {c: merged(n, 1) if c not in output else n for c, n in base.items()}]
    best = min(
        (_descended(problem, base, _Choice(start, plain)) for start in first),
        key=lambda choice: _rank(problem, choice),
    )
    chosen = tuple((label, best.lengths[label]) for label in sizes)
    return Cuts(chosen, best.rechunked, every, _costs(problem, best))


def _base(problem: _Problem, label: str) -> Lengths:
    """The chunks of the largest operand that has a label, and which is in chunks at all."""
    having = [part for part in problem.parts if label in part.labels]
    firm = [part for part in having if not part.facts.held] or having
    return max(firm, key=lambda part: part.nbytes).lengths(label)


def _candidates(problem: _Problem, base: Lengths, label: str) -> Iterator[Lengths]:
    """Lengths that a label may be cut into: chunks put together, or cut."""
    count = len(base)
    yield base
    while count > 1:
        count = (count + 1) // 2
        yield merged(base, count)
    if label in problem.unknown:
        return
    for part in problem.parts:
        if label in part.labels and part.lengths(label) != base and not part.facts.held:
            yield part.lengths(label)
    longest = max(base)
    whole = problem.sizes[label]
    for start in dict.fromkeys((whole, longest)):
        length = start
        while length > 1:
            length = ceil(length / 2)
            if ceil(whole / length) > 4096:
                break
            yield split((whole,) if start == whole else base, length)


def _descended(problem: _Problem, base: Mapping[str, Lengths], choice: _Choice) -> _Choice:
    """One label or one operand after the other is changed to what costs least, as long as that helps."""
    options = {label: tuple(dict.fromkeys(_candidates(problem, base[label], label))) for label in base}
    rank = _rank(problem, choice)
    for _ in range(_ROUNDS):
        before = rank
        for label, found in options.items():
            for lengths in found:
                other = replace(choice, lengths={**choice.lengths, label: lengths})
                value = _rank(problem, other)
                if value < rank:
                    choice, rank = other, value
        for i, part in enumerate(problem.parts):
            if part.facts.held or not part.facts.plain or any(c in problem.unknown for c in part.labels):
                continue
            flags = (*choice.rechunked[:i], not choice.rechunked[i], *choice.rechunked[i + 1 :])
            other = replace(choice, rechunked=flags)
            value = _rank(problem, other)
            if value < rank:
                choice, rank = other, value
        if rank == before:
            break
    return choice


def _rank(problem: _Problem, choice: _Choice) -> tuple[float, float]:
    """What is over the limits, then the time."""
    costs = _costs(problem, choice)
    tile = problem.itemsize * prod(max(choice.lengths[c], default=0) for c in problem.output)
    over = max(0.0, costs.peak - problem.budget) + max(0, tile - problem.largest)
    return over, costs.seconds


def _reach(own: Lengths, cut: Lengths, *, whole: bool) -> float:
    """How far, along one label, the chunks reach that a cut reads."""
    length = max(cut, default=0)
    if whole or own == cut:
        return length
    chunk = max(own, default=0)
    aligned = len(own) % max(1, len(cut)) == 0 or (chunk and length % chunk == 0)
    count = ceil(length / max(1, chunk)) + (0 if aligned else 1)
    return min(sum(own), count * chunk)


def _costs(problem: _Problem, choice: _Choice) -> Costs:
    """Estimates, from the longest chunks and cuts."""
    lengths = choice.lengths
    summed = [c for c in lengths if c not in problem.output]
    tiles = prod(len(lengths[c]) for c in problem.output)
    groups = prod(len(lengths[c]) for c in summed)
    products = tiles * groups
    read, copied, largest, before, moved = 0.0, 0.0, 0.0, 0, 0.0
    for part, rechunked in zip(problem.parts, choice.rechunked, strict=True):
        labels, facts = part.labels, part.facts
        for axes in facts.behind:
            reached = used = chunk = float(part.itemsize)
            whole = True
            for axis in axes:
                own, cut = facts.chunks[axis], lengths[labels[axis]]
                exact = rechunked or facts.held
                reached *= _reach(own, cut, whole=exact)
                used *= max(cut, default=0)
                chunk *= max(cut if exact else own, default=0)
                whole = whole and (exact or own == cut)
            read += reached
            copied += 0.0 if whole else used
            largest = max(largest, chunk)
        if rechunked:
            pieces = prod(
                len(facts.chunks[axis]) + len(lengths[c]) - 1
                if facts.chunks[axis] != lengths[c]
                else len(lengths[c])
                for axis, c in enumerate(labels)
            )
            before += pieces + prod(len(lengths[c]) for c in labels)
            moved += part.nbytes
    tile = problem.itemsize * float(prod(max(lengths[c], default=0) for c in problem.output))
    flops = float(prod(problem.sizes.values()))
    # More than two at once are multiplied in an order that the task finds.
    flops *= max(1, len(problem.parts) - 1)
    moved += products * (read - min(read, largest))
    sums = tiles * tree_tasks(groups, problem.split_every)
    moved += tiles * (groups - 1) * tile
    peak = max(read + copied + tile, (min(problem.split_every, groups) + 1) * tile if groups > 1 else 0.0)
    tasks = products + sums + before
    parallel = max(1, min(PARALLEL, products))
    work = flops / RATE + (products * (copied + tile) + sums * tile) / 4e9
    seconds = (work + moved / BANDWIDTH) / parallel + tasks * TASK
    return Costs(tasks, products, moved, peak, flops, seconds)
