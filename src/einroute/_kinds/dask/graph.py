"""Plans as tasks, of which `layers` makes graphs.

Keys follow from the operands' names, the plan and the options in force: the same call of the same arrays has
the same keys.  Products of whole chunks are functions of these; everything else is task specs by key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product as cartesian
from math import ceil, nan, prod
from typing import Any

import dask.array as da
from dask._task_spec import DataNode, Task, TaskRef
from dask.base import tokenize

from ..._base.facts import DType
from .chunked import Lengths, known, starts
from .joining import sliceable, sliced
from .layers import blockwise, chunked
from .parts import Reader
from .sources import Source
from .tasks import Recipe, added, aligned_product, product
from .tiles import Cuts

__all__ = ["held_array", "multiplied"]

Index = tuple[int, ...]


def held_array(x: Any, chunks: tuple[Lengths, ...], meta: Any) -> da.Array:
    """What this process holds, as a dask array in chunks cut here."""
    name = f"held-{tokenize(x, chunks)}"
    many = any(len(lengths) > 1 for lengths in chunks)
    x = sliceable(x) if many else x
    bounds = [starts(lengths) for lengths in chunks]
    layer: dict[Any, Any] = {}
    for index in cartesian(*(range(len(lengths)) for lengths in chunks)):
        cut = tuple(slice(b[i], b[i + 1]) for b, i in zip(bounds, index, strict=True))
        # A copy: what the caller writes to the array later does not count.
        piece = sliced(x, cut) if many else x
        piece = piece.copy() if hasattr(piece, "copy") else piece
        layer[(name, *index)] = DataNode((name, *index), piece)
    return chunked(name, layer, chunks, meta.dtype, (), meta)


def multiplied(
    sources: Sequence[Source],
    output: str,
    dtype: DType,
    cuts: Cuts,
    recipe: Recipe,
    meta: Any,
    name: str = "einsum",
) -> da.Array:
    """The product of some operands as cut.

    Parameters
    ----------
    sources : sequence of Source
    output : str
    dtype : dtype
    cuts : Cuts
    recipe : Recipe
    meta : array
        Of the result's class.
    name : str
        What tasks are called.
    """
    lengths = dict(cuts.lengths)
    sources = [
        Source.of(s.labels, s.array.rechunk(tuple(lengths[c] for c in s.labels))) if rechunked else s
        for s, rechunked in zip(sources, cuts.rechunked, strict=True)
    ]
    hidden = {c for s in sources for c, own in zip(s.labels, s.chunks(), strict=True) if not known(own)}
    chunks = tuple((nan,) * len(lengths[c]) if c in hidden else lengths[c] for c in output)
    token = tokenize([s.token() for s in sources], output, cuts.lengths, cuts.split_every, recipe)
    summed = [c for c in lengths if c not in output]
    groups = prod(len(lengths[c]) for c in summed)
    if groups == 1 and all(s.whole(lengths) for s in sources):
        pairs = [x for s in sources for x in (s.array, s.labels)]
        known_sizes = tuple((c, None if c in hidden else sum(lengths[c])) for c in summed)
        return blockwise(
            aligned_product, f"{name}-{token}", output, pairs, chunks, dtype, meta,
            recipe=recipe, labels=(*(s.labels for s in sources), output), summed=known_sizes,
        )  # fmt: skip
    for source in sources:
        source.cut(lengths)
    layer = _tasks(sources, output, summed, lengths, cuts.split_every, recipe, name, token)
    return chunked(f"{name}-{token}", layer, chunks, dtype, [x for s in sources for x in s.arrays], meta)


def _tasks(
    sources: Sequence[Source],
    output: str,
    summed: Sequence[str],
    lengths: Mapping[str, Lengths],
    split_every: int,
    recipe: Recipe,
    name: str,
    token: str,
) -> dict[Any, Any]:
    """One task for each tile and group, and the trees of sums."""
    places = {c: i for i, c in enumerate([*output, *summed])}
    where = [tuple(places[c] for c in s.labels) for s in sources]
    steps = [range(len(lengths[c])) for c in summed]
    groups = list(cartesian(*steps))
    layer: dict[Any, Any] = {}
    final, partial = f"{name}-{token}", f"{name}-partial-{token}"
    for tile in cartesian(*(range(len(lengths[c])) for c in output)):
        keys = []
        for number, group in enumerate(groups):
            at = tile + group
            readers: list[Reader] = []
            refs: list[TaskRef] = []
            for source, axes in zip(sources, where, strict=True):
                reader, own = source.read(tuple([at[i] for i in axes]))
                readers.append(reader)
                refs += own
            key = (final, *tile) if len(groups) == 1 else (partial, *tile, number)
            layer[key] = Task(key, product, recipe, tuple(readers), *refs)
            keys.append(key)
        if len(groups) > 1:
            _tree(layer, keys, (final, *tile), f"{name}-sum-{token}", tile, split_every)
    return layer


def _tree(
    layer: dict[Any, Any], keys: list[Any], last: Any, name: str, tile: Index, split_every: int
) -> None:
    """Sums of partial results, so many at once, until one is left."""
    level = 0
    while len(keys) > 1:
        made = []
        count = ceil(len(keys) / split_every)
        for number in range(count):
            key = last if count == 1 else (name, *tile, level, number)
            some = keys[number * split_every : (number + 1) * split_every]
            layer[key] = Task(key, added, *map(TaskRef, some))
            made.append(key)
        keys, level = made, level + 1
