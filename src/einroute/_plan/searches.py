"""Orders of contraction for networks: those that a caller names, makes or asks an optimizer for, and our own.

Ours are the same at every run: a search has as many trials as its estimated time is small against what the
path found so far would take, and every trial has a seed.  Optimizers and trees of other libraries are known
by their interface alone: `opt_einsum.paths.PathOptimizer`'s call, and the ``get_path`` of a tree.
"""

from __future__ import annotations

import importlib
import inspect
import operator
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from math import prod
from typing import TYPE_CHECKING, Any

from .._base.cost import CALL, GEMM
from .._base.errors import shown, suggest
from .._base.formatting import plural
from .._base.records import dataclass
from .plans import Path
from .trees import is_tree, path_of_tree

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["AUTO", "Search", "found_by", "is_name", "path_flops", "search", "searched"]

#: What leaves the path to us.
AUTO = "auto"
#: Operands up to which every order is looked at.
_OPTIMAL = 8
#: The same where opt_einsum's search does it, which is in Python.
_OPTIMAL_IN_PYTHON = 5
#: Seconds that one trial takes for each operand: in cotengrust, and in opt_einsum.
_TRIAL_NATIVE, _TRIAL_PYTHON = 2e-6, 100e-6
#: The share of a path's estimated time that a search may take, and the trials it has at most.
_SHARE, _TRIALS = 0.25, 128


def is_name(optimize: Any) -> bool:
    """Whether an ``optimize=`` is the name of one of opt_einsum's ways to find a path.

    Raises
    ------
    KeyError
        It is a name that opt_einsum does not know.
    """
    if not isinstance(optimize, str) or optimize == AUTO:
        return isinstance(optimize, str)
    paths = importlib.import_module("opt_einsum.paths")
    try:
        paths.get_path_fn(optimize)
    except KeyError:
        known = suggest(optimize, paths._PATH_OPTIONS)
        raise KeyError(f"optimize is {shown(optimize)}, which names no way to find a path; {known}") from None
    return True


def found_by(
    optimize: Any, inputs: Sequence[str], output: str, sizes: Mapping[str, int], limit: int | None
) -> Path:
    """The path that an optimizer, a tree or a list of positions says; or a name.

    Parameters
    ----------
    limit : int or None
        Elements that an intermediate may have, as optimizers are told it.

    Raises
    ------
    KeyError, TypeError, ValueError, IndexError
        What says no path for these operands.  What an optimizer raises is handed on.
    """
    many = len(inputs)
    whole: Path = (tuple(range(many)),)
    if is_tree(optimize):
        return _checked(path_of_tree(optimize, inputs, output), many)
    if is_name(optimize):
        if many <= 2:
            return whole
        optimize = importlib.import_module("opt_einsum.paths").get_path_fn(optimize)
    if callable(optimize):
        if many <= 2:
            return whole
        sets = [frozenset(labels) for labels in inputs]
        with _random_untouched():
            return _checked(_asked(optimize, sets, frozenset(output), dict(sizes), limit), many)
    return _checked(optimize, many)


def _asked(optimize: Any, sets: Any, output: Any, sizes: Any, limit: int | None) -> Any:
    """An optimizer's answer; some of cotengra's take no limit."""
    try:
        named = inspect.signature(optimize).parameters.values()
    except (TypeError, ValueError):
        return optimize(sets, output, sizes, limit)
    places = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in named)
    if places == 3 and not any(p.kind is p.VAR_POSITIONAL for p in named):
        return optimize(sets, output, sizes)
    return optimize(sets, output, sizes, limit)


def _checked(path: Any, count: int) -> Path:
    """A path as tuples of ints that leaves one operand; negative positions count from the end."""
    given = path
    try:
        path = tuple([tuple([operator.index(i) for i in step]) for step in path])
    except TypeError:
        raise TypeError(
            f"optimize is {shown(given)}, expected True, False, a name, a path as [(0, 1), ...], or an "
            f"optimizer or a tree that gives one"
        ) from None
    if not path and count == 1:
        return ((0,),)  # as opt_einsum writes it for one operand
    checked = []
    for number, positions in enumerate(path):
        for i in positions:
            if not -count <= i < count:
                raise IndexError(
                    f"optimize has a path whose step {number} takes operand {i} of {count}; positions count "
                    f"from 0 among the operands that are left, results at the end"
                )
        step = tuple([i % count for i in positions])
        checked.append(step)
        if not step or len(set(step)) != len(step):
            raise ValueError(
                f"optimize has a path whose step {number} is {positions}; name each operand once"
            )
        count -= len(step) - 1
    if count != 1 or not path:
        raise ValueError(
            f"optimize has a path of {len(path)} steps that leaves {count} operands, expected one; "
            f"add the steps that contract the rest"
        )
    return tuple(checked)


@contextmanager
def _random_untouched() -> Iterator[None]:
    """Python's generator as it was afterwards: opt_einsum's searches seed it."""
    random = importlib.import_module("random")  # which opt_einsum's searches load, and nothing else here
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


@dataclass(frozen=True, slots=True)
class Search:
    """A path of ours, and how it was found."""

    path: Path
    how: str


def searched(inputs: Sequence[str], output: str, sizes: Mapping[str, int]) -> Path:
    """Our own path: optimal for few operands, else the best of greedy and of worthwhile trials."""
    return search(inputs, output, sizes).path


def search(inputs: Sequence[str], output: str, sizes: Mapping[str, int]) -> Search:
    """The same, with what was done for it."""
    native = _native()
    many = len(inputs)
    if many <= 2:
        return Search((tuple(range(many)),), "one step")
    if native is not None:
        return _searched_natively(native, inputs, output, sizes)
    return _searched_in_python(inputs, output, sizes)


def _native() -> Any:
    """cotengrust, where it is installed."""
    return importlib.import_module("cotengrust") if find_spec("cotengrust") is not None else None


def _searched_natively(native: Any, inputs: Sequence[str], output: str, sizes: Mapping[str, int]) -> Search:
    terms, out, extents = [list(labels) for labels in inputs], list(output), dict(sizes)
    if len(terms) <= _OPTIMAL:
        return Search(
            _tuples(native.optimize_optimal(terms, out, extents, minimize="combo", simplify=True)),
            "of every order, by cotengrust",
        )
    best = _tuples(native.optimize_greedy(terms, out, extents, seed=0))
    flops = path_flops(best, inputs, output, sizes)
    trials = _trials(flops, len(terms), _TRIAL_NATIVE)
    if trials:
        path = _tuples(native.optimize_random_greedy_track_flops(terms, out, extents, trials, seed=0)[0])
        best = min((best, path), key=lambda found: path_flops(found, inputs, output, sizes))
    return Search(best, _told(trials) + ", by cotengrust")


def _searched_in_python(inputs: Sequence[str], output: str, sizes: Mapping[str, int]) -> Search:
    paths = importlib.import_module("opt_einsum.paths")
    sets, out, extents = [frozenset(labels) for labels in inputs], frozenset(output), dict(sizes)
    if len(sets) <= _OPTIMAL_IN_PYTHON:
        return Search(_tuples(paths.optimal(sets, out, extents, None)), "of every order")
    if len(sets) <= _OPTIMAL:
        return Search(_tuples(paths.branch(sets, out, extents, None, nbranch=2)), "by branches of two")
    best = _tuples(paths.greedy(sets, out, extents, None))
    trials = _trials(path_flops(best, inputs, output, sizes), len(sets), _TRIAL_PYTHON)
    if trials:
        random_greedy = importlib.import_module("opt_einsum.path_random").RandomGreedy(max_repeats=trials)
        with _random_untouched():
            path = _tuples(random_greedy(sets, out, extents, None))
        best = min((best, path), key=lambda found: path_flops(found, inputs, output, sizes))
    return Search(best, _told(trials))


def _told(trials: int) -> str:
    return f"the best of greedy and {plural(trials, 'seeded random one')}" if trials else "greedy"


def _trials(flops: float, operands: int, each: float) -> int:
    """Trials whose estimated time is small against that of the path found so far."""
    seconds = 2 * operands * CALL + flops / (GEMM / 5)
    return min(_TRIALS, int(_SHARE * seconds / (each * operands)))


def _tuples(path: Sequence[Sequence[int]]) -> Path:
    return tuple([tuple([int(i) for i in step]) for step in path])


def path_flops(path: Path, inputs: Sequence[str], output: str, sizes: Mapping[str, int]) -> float:
    """Multiply-adds along a path."""
    terms: list[frozenset[str]] = [frozenset(labels) for labels in inputs]
    left: dict[str, int] = dict.fromkeys(output, 1)
    for labels in terms:
        for c in labels:
            left[c] = left.get(c, 0) + 1
    total = 0.0
    get: Callable[[str], int] = sizes.__getitem__
    for step in path:
        chosen = [terms[i] for i in step]
        for i in sorted(step, reverse=True):
            del terms[i]
        together = frozenset().union(*chosen)
        total += prod(map(get, together))
        for labels in chosen:
            for c in labels:
                left[c] -= 1
        kept = frozenset([c for c in together if left[c]])
        for c in kept:
            left[c] += 1
        terms.append(kept)
    return total
