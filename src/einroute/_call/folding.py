"""Constants of an expression: what is contracted of them alone along a path, and the network that is left.

Facts only: which steps take constants alone, their labels, and the path among what is left.  Beside them
`filled`, which puts what became of constants into calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

from .._base.records import dataclass
from .._plan.plans import Path

__all__ = ["Folded", "Folding", "PathStep", "filled", "folding", "pairs_of"]


@dataclass(frozen=True, slots=True)
class Folded:
    """Constants that are contracted together, once.

    Attributes
    ----------
    positions : tuple of int
        Of the operands.
    path : Path
        Among these.
    output : str
    """

    positions: tuple[int, ...]
    path: Path
    output: str


@dataclass(frozen=True, slots=True)
class Folding:
    """A network whose constants are contracted beforehand.

    Attributes
    ----------
    kept : tuple of int
        Positions of the operands that stay as they are: the first of the network that is left.
    folded : tuple of Folded
        The others.
    path : Path
        Of the network that is left.
    """

    kept: tuple[int, ...]
    folded: tuple[Folded, ...]
    path: Path


def folding(inputs: Sequence[str], output: str, path: Path, constants: Collection[int]) -> Folding:
    """Which steps of a path take constants alone.

    Examples
    --------
    >>> folding(("ij", "jk", "k"), "i", ((0, 1), (0, 1)), {0, 1})
    Folding(kept=(2,), folded=(Folded(positions=(0, 1), path=((0, 1),), output='ik'),), path=((0, 1),))
    """
    count = len(inputs)
    steps: list[tuple[int, ...]] = []  # numbers of the tensors that each takes; what it makes is numbered on
    there = list(range(count))
    constant = [i in constants for i in range(count)]
    for number, positions in enumerate(path):
        chosen = tuple(there[i] for i in positions)
        for i in sorted(positions, reverse=True):
            del there[i]
        there.append(count + number)
        steps.append(chosen)
        constant.append(all(constant[i] for i in chosen))
    used = [i for number, chosen in enumerate(steps) if not constant[count + number] for i in chosen]
    if constant[-1]:
        used = [len(constant) - 1]
    made = [i for i in used if i >= count and constant[i]]
    folded = tuple(_folded(root, inputs, output, steps) for root in made)
    taken = {i for one in folded for i in one.positions}
    kept = tuple(i for i in range(count) if i not in taken)
    numbers = {
        **{i: at for at, i in enumerate(kept)},
        **{root: len(kept) + at for at, root in enumerate(made)},
    }
    rest = [(count + n, chosen) for n, chosen in enumerate(steps) if not constant[count + n]]
    return Folding(kept, folded, _positions(rest, numbers, len(kept) + len(made)))


@dataclass(frozen=True, slots=True)
class PathStep:
    """A step of a path: the positions of its operands, their labels, and the result's."""

    positions: tuple[int, ...]
    inputs: tuple[str, ...]
    output: str


def pairs_of(inputs: Sequence[str], output: str, path: Path) -> list[PathStep]:
    """The steps of a path as contractions of their own.

    >>> pairs_of(("ij", "jk", "k"), "i", ((1, 2), (0, 1)))[0]
    PathStep(positions=(1, 2), inputs=('jk', 'k'), output='j')
    """
    holders = Counter(c for labels in inputs for c in set(labels))
    holders.update(output)
    there = list(inputs)
    steps = []
    for number, positions in enumerate(path):
        chosen = tuple(there[i] for i in positions)
        for labels in chosen:
            holders.subtract(set(labels))
        kept = "".join(c for c in dict.fromkeys("".join(chosen)) if holders[c])
        made = output if number == len(path) - 1 else kept
        holders.update(made)
        for i in sorted(positions, reverse=True):
            del there[i]
        there.append(made)
        steps.append(PathStep(positions, chosen, made))
    return steps


def _folded(root: int, inputs: Sequence[str], output: str, steps: Sequence[tuple[int, ...]]) -> Folded:
    """The steps that lead to a tensor made of constants."""
    count = len(inputs)
    todo, inside, leaves = [root], [], []
    while todo:
        i = todo.pop()
        if i < count:
            leaves.append(i)
        else:
            inside.append(i)
            todo.extend(steps[i - count])
    positions = tuple(sorted(leaves))
    own = Counter(c for i in positions for c in set(inputs[i]))
    everywhere = Counter(c for labels in inputs for c in set(labels))
    kept = "".join(c for c in own if c in output or everywhere[c] > own[c])
    numbers = {i: at for at, i in enumerate(positions)}
    path = _positions([(i, steps[i - count]) for i in sorted(inside)], numbers, len(positions))
    return Folded(positions, path, kept)


def _positions(steps: Sequence[tuple[int, tuple[int, ...]]], numbers: dict[int, int], count: int) -> Path:
    """Steps by the numbers of tensors as positions among those that are left."""
    there = list(range(count))
    path: list[tuple[int, ...]] = []
    for made, chosen in steps:
        positions = tuple(there.index(numbers[i]) for i in chosen)
        for i in sorted(positions, reverse=True):
            del there[i]
        numbers[made] = count + len(path)
        there.append(numbers[made])
        path.append(positions)
    return tuple(path)


def filled(run: Callable[..., Any], places: tuple[Any, ...]) -> Callable[..., Any]:
    """The same of operands that are no constants."""

    def with_constants(*given: Any) -> Any:
        following = iter(given)
        return run(*[next(following) if x is None else x for x in places])

    return with_constants
