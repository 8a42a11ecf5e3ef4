"""How a step is cut into tasks: tiles of the result, and how much of a sum one task adds up itself.

Every label is cut somewhere: the labels of the result into tiles, contracted ones into groups.  A task reads
the parts of the operands' chunks that its tile and group need, adds up what they give, and where a label has
several groups the partial results are added in a tree.  For each step the cuts are sought that cost least:

    seconds = work / parallel + moved / (bandwidth * parallel) + tasks * overhead

where the largest chunk of a task stays where it is and all else that the task reads moves to it.  An operand
is rechunked to the cuts beforehand where reading whole chunks costs more than that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, prod

from .chunked import Lengths
from .cutting import Cut, Part, cuts_of

__all__ = ["Costs", "Cuts", "cuts_for", "tree_tasks"]

#: Multiply-adds a second of one worker's thread, bytes a second between workers, and in a worker's memory.
RATE, BANDWIDTH, COPY = 8e9, 200e6, 4e9
#: Seconds that a task costs the scheduler, its worker and whoever builds the graph.
TASK = 1e-3
#: Workers' threads that a plan, which knows no cluster, counts on at most; no more than there are products of
#: chunks as they come: whoever chose the chunks chose these, and no data is moved to have more.
PARALLEL = 16
#: Partial results that one task of a tree adds up at most, unless the caller says.
SPLIT_EVERY = 8
#: Rounds of the search, each of which looks at every label.
_ROUNDS = 6


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


def tree_tasks(count: int, split_every: int) -> int:
    """Tasks of the tree that adds up so many partial results."""
    tasks = 0
    while count > 1:
        count = ceil(count / split_every)
        tasks += count
    return tasks


@dataclass(frozen=True, slots=True)
class _Problem:
    """A step, the ways to cut each of its labels, and the limits."""

    parts: tuple[Part, ...]
    output: str
    itemsize: int
    budget: int
    largest: int
    split_every: int | None
    cuts: Mapping[str, tuple[Cut, ...]]
    fixed: tuple[bool, ...]
    flops: float
    parallel: int


@dataclass(frozen=True, slots=True)
class _Choice:
    cuts: Mapping[str, Cut]
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
    axes = [axis for part in parts for axis in zip(part.labels, part.facts.unknown, strict=True)]
    unknown = {label for label, hidden in axes if hidden}
    cuts = {
        label: cuts_of(parts, label, unknown=label in unknown) for label in dict.fromkeys(c for c, _ in axes)
    }
    fixed = tuple(p.facts.held or not p.facts.plain or any(c in unknown for c in p.labels) for p in parts)
    # More than two at once are multiplied in an order that the task finds.
    flops = float(prod(sum(found[0].lengths) for found in cuts.values())) * max(1, len(parts) - 1)
    parallel = min(PARALLEL, _products(parts, tuple(cuts)))
    problem = _Problem(parts, output, itemsize, budget, largest, split_every, cuts, fixed, flops, parallel)
    base = {label: found[0] for label, found in cuts.items()}
    summed = {label: min(cuts[label], key=lambda cut: cut.count) for label in cuts if label not in output}
    plain = tuple(False for _ in parts)
    found = [_descended(problem, _Choice(start, plain)) for start in (base, {**base, **summed})]
    best = min(found, key=lambda choice: _rank(problem, choice))
    chosen = tuple((label, cut.lengths) for label, cut in best.cuts.items())
    return Cuts(chosen, best.rechunked, _every(problem, _tile(problem, best)), _costs(problem, best))


def _products(parts: tuple[Part, ...], labels: tuple[str, ...]) -> int:
    """Products of chunks as they come: along each label, of the operand that has most."""
    firm = [part for part in parts if not part.facts.held]
    return prod(max((len(p.lengths(c)) for p in firm if c in p.labels), default=1) for c in labels)


def _descended(problem: _Problem, choice: _Choice) -> _Choice:
    """One label or one operand after the other is changed to what costs least, as long as that helps."""
    rank = _rank(problem, choice)
    for _ in range(_ROUNDS):
        before = rank
        for label, found in problem.cuts.items():
            for cut in found:
                other = replace(choice, cuts={**choice.cuts, label: cut})
                value = _rank(problem, other)
                if value < rank:
                    choice, rank = other, value
        for i, fixed in enumerate(problem.fixed):
            if fixed:
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
    costs, tile = _costs(problem, choice), _tile(problem, choice)
    over = max(0.0, costs.peak - problem.budget) + max(0, tile - problem.largest)
    return over, costs.seconds


def _tile(problem: _Problem, choice: _Choice) -> int:
    """Bytes of the largest tile."""
    return problem.itemsize * prod(choice.cuts[c].longest for c in problem.output)


def _every(problem: _Problem, tile: int) -> int:
    """Partial results that a task adds up: unless the caller says, as many as the budget has room for."""
    if problem.split_every is not None:
        return problem.split_every
    return min(SPLIT_EVERY, max(2, problem.budget // max(1, tile) - 1))


@dataclass(frozen=True, slots=True)
class _Reading:
    """Bytes that a task reads of an operand's chunks, those it copies, and the largest chunk's."""

    read: float
    copied: float
    chunk: float


def _reading(
    part: Part, number: int, cuts: Mapping[str, Cut], axes: tuple[int, ...], *, ready: bool
) -> _Reading:
    """What a task reads of one array behind an operand; ``ready`` if that lies in just its parts."""
    read = used = chunk = float(part.itemsize)
    whole = True
    for axis in axes:
        cut = cuts[part.labels[axis]]
        reach = cut.reaches[number, axis]
        used *= cut.longest
        read *= cut.longest if ready else reach.reach
        chunk *= cut.longest if ready else reach.chunk
        whole = whole and (ready or reach.exact)
    return _Reading(read, 0.0 if whole else used, chunk)


def _costs(problem: _Problem, choice: _Choice) -> Costs:
    """Estimates, from the longest chunks and cuts."""
    cuts, output = choice.cuts, problem.output
    tiles = prod(cuts[c].count for c in output)
    groups = prod(cut.count for c, cut in cuts.items() if c not in output)
    products = tiles * groups
    read = copied = largest = moved = 0.0
    before = 0
    for number, (part, rechunked) in enumerate(zip(problem.parts, choice.rechunked, strict=True)):
        for axes in part.facts.behind:
            own = _reading(part, number, cuts, axes, ready=rechunked or part.facts.held)
            read, copied, largest = read + own.read, copied + own.copied, max(largest, own.chunk)
        if rechunked:
            before += prod(cuts[c].reaches[number, axis].pieces for axis, c in enumerate(part.labels))
            before += prod(cuts[c].count for c in part.labels)
            moved += part.nbytes
    tile = _tile(problem, choice)
    every = _every(problem, tile)
    sums = tiles * tree_tasks(groups, every)
    moved += products * (read - min(read, largest)) + tiles * (groups - 1) * tile
    adding = (min(every, groups) + 1) * tile if groups > 1 else 0
    tasks = products + sums + before
    work = problem.flops / RATE + (products * (copied + tile) + sums * tile) / COPY
    seconds = (work + moved / BANDWIDTH) / max(1, min(problem.parallel, products)) + tasks * TASK
    return Costs(tasks, products, moved, max(read + copied + tile, adding), problem.flops, seconds)
