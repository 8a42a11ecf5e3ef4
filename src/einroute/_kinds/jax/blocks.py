"""Several operands in blocks along a label of the output, where intermediates would exceed memory_limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import Offer, Refused, Route, Runner
from .dense import LIBRARY
from .routes import one, pair

__all__ = ["ROUTE", "block_of", "contracted", "in_blocks", "limit_of", "recomputed"]

Path = tuple[tuple[int, int], ...]
#: Multiply-adds a second of blocks.
_RATE = 4e9


@dataclass(frozen=True, slots=True)
class _Cut:
    """A label to cut along, the length of its blocks, and the order of contraction within each."""

    path: Path
    label: str
    block: int


def limit_of(step: Step) -> int | None:
    """Bytes that a step's temporaries may take; None: any."""
    limit: int | None = dict(step.told).get("memory_limit")
    return limit


def block_of(size: int, each: int, limit: int) -> int:
    """How long blocks of an axis may be, whose slices take so many bytes each.

    One that leaves no remainder, where that is not far shorter than the longest.
    """
    longest = max(1, min(size, limit // max(each, 1)))
    even = next((n for n in range(longest, 0, -1) if size % n == 0), 1)
    return even if 4 * even > longest else longest


def recomputed(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same, whose intermediates are made again for derivatives, and not kept of all turns of a loop."""
    made: Callable[..., Any] = jax.checkpoint(function, prevent_cse=False)
    return made


def in_blocks(
    size: int, block: int, at: int, axes: tuple[int, ...], run_of: Callable[[int], Callable[..., Any]]
) -> Callable[..., Any]:
    """A function of arrays, done on blocks of them by `lax.map`.

    Parameters
    ----------
    size, block : int
        Of the axis that is cut, and of its blocks.
    at : int
        The axis in the result.
    axes : tuple of int
        The axis in each array; -1 in those that lack it.
    run_of : callable
        From the length of a block to the function of its arrays.
    """
    whole, rest = divmod(size, block)

    def sliced(arrays: tuple[Any, ...], start: Any, length: int) -> list[Any]:
        return [
            x if axis < 0 else lax.dynamic_slice_in_dim(x, start, length, axis)
            for x, axis in zip(arrays, axes, strict=True)
        ]

    def blocks(*arrays: Any) -> Any:
        starts = jnp.arange(whole) * block
        one = recomputed(lambda start: run_of(block)(*sliced(arrays, start, block)))
        made = lax.map(one, starts)
        made = jnp.moveaxis(made, 0, at)
        made = made.reshape(*made.shape[:at], whole * block, *made.shape[at + 2 :])
        if not rest:
            return made
        last = run_of(rest)(*sliced(arrays, whole * block, rest))
        return jnp.concatenate([made, last], at)

    return blocks


def _verdict(step: Step) -> Offer | Refused:
    """Offer to cut several operands along a label of the output, where they would take too much together."""
    limit = limit_of(step)
    if limit is None:
        return Refused("no memory_limit is set")
    if len(step.inputs) < 3:
        return Refused("a pair has no intermediate")
    paths = [_smallest_first(step), _in_turn(len(step.inputs))]
    least = min(max(_between(step, path).values()) for path in paths)
    if least <= limit:
        return Refused("its intermediates are within the memory_limit")
    cuts = [(each, path, label) for path in paths for each, label in [_label(step, path, limit)] if label]
    if not cuts:
        return Refused(f"intermediates of {least} bytes, over memory_limit={limit}, and no label to cut")
    each, path, label = min(cuts, key=lambda found: max(found[0], limit))
    block = block_of(step.sizes[label], each, limit)
    count = -(-step.sizes[label] // block)
    flops = sum(float(step.extent("".join({*x, *y, *made}))) for (x, y), made in _along(step, path))
    cost = Cost(flops, float(step.in_bytes * count + step.out_bytes), LIBRARY.calls * count, _RATE)
    return Offer(cost, step.output, _Cut(path, label, block), f"lax.map over blocks of {block} of {label!r}")


def _bind(step: Step, offer: Offer) -> Runner:
    cut: _Cut = offer.recipe
    axes = tuple(labels.find(cut.label) for labels in step.inputs)

    def run_of(length: int) -> Callable[..., Any]:
        return _chain(replace(step, sizes={**step.sizes, cut.label: length}), cut.path)

    return in_blocks(step.sizes[cut.label], cut.block, step.output.index(cut.label), axes, run_of)


def contracted(step: Step) -> Callable[..., Any]:
    """A step of any number of dense operands, pair by pair."""
    if len(step.inputs) == 1:
        return one(step)
    return _chain(step, _smallest_first(step))


def _chain(step: Step, path: Path) -> Callable[..., Any]:
    """The pairs of a path."""
    part = replace(step, last=False)
    steps = [
        pair(replace(part, inputs=before, output=made, operands=_facts(part, before)))
        for before, made in _along(step, path)
    ]

    def run(*arrays: Any) -> Any:
        terms = list(arrays)
        for (i, j), multiply in zip(path, steps, strict=True):
            made = multiply(terms[i], terms[j])
            terms = [t for p, t in enumerate(terms) if p not in (i, j)] + [made]
        return terms[0]

    return run


def _facts(step: Step, labels: tuple[str, str]) -> Any:
    return tuple(replace(step.operands[0], shape=tuple(step.sizes[c] for c in own)) for own in labels)


def _smallest_first(step: Step) -> Path:
    """Pairs with the smallest result first."""
    terms, path = list(step.inputs), []
    while len(terms) > 1:
        pairs = [(i, j) for j in range(len(terms)) for i in range(j)]
        i, j = min(pairs, key=lambda found: step.extent(_made(step, terms, found)))
        path.append((i, j))
        terms = [t for p, t in enumerate(terms) if p not in (i, j)] + [_made(step, terms, (i, j))]
    return tuple(path)


def _in_turn(count: int) -> Path:
    """The first two operands, then each with what was made."""
    return ((0, 1), *((0, left) for left in range(count - 2, 0, -1)))


def _made(step: Step, terms: list[str], positions: tuple[int, int]) -> str:
    """Labels of the product of a pair: those that are still wanted."""
    others = set(step.output).union(*(t for p, t in enumerate(terms) if p not in positions))
    return "".join(dict.fromkeys(c for p in positions for c in terms[p] if c in others))


def _along(step: Step, path: Path) -> list[tuple[tuple[str, str], str]]:
    """The pairs of a path, and what each makes; the last one's labels are the output's."""
    terms, found = list(step.inputs), []
    for number, (i, j) in enumerate(path):
        made = step.output if number == len(path) - 1 else _made(step, terms, (i, j))
        found.append(((terms[i], terms[j]), made))
        terms = [t for p, t in enumerate(terms) if p not in (i, j)] + [made]
    return found


def _between(step: Step, path: Path) -> dict[str, int]:
    """Bytes of each intermediate."""
    return {made: step.extent(made) * step.dtype.itemsize for _, made in _along(step, path)[:-1]}


def _label(step: Step, path: Path, limit: int) -> tuple[int, str]:
    """The label of the output to cut along, and what its slices take each; empty where none helps.

    It is the first that brings them below the limit, since the result is put together along it. Slices are
    those of intermediates and of operands.
    """
    size = _between(step, path)
    least, label = max(size.values()), ""
    for c in step.output:
        each = max(n // step.sizes[c] if c in labels else n for labels, n in size.items())
        each += sum(
            op.nbytes // step.sizes[c] for x, op in zip(step.inputs, step.operands, strict=True) if c in x
        )
        if least > limit and each < least:
            least, label = each, c
    return least, label


ROUTE = Route("jax.blocks", _verdict, _bind)
