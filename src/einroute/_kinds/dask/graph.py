"""Plans as dask graphs; the only file that builds any.

Keys follow from the operands' names, the plan and the options in force: the same call of the same arrays has
the same keys.  Products of whole chunks are a `Blockwise` layer, which dask fuses with its neighbours;
everything else is a layer of task specs, which dask culls key by key.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product as cartesian
from math import ceil, nan, prod
from typing import Any

import dask.array as da
import numpy as np
from dask._task_spec import DataNode, Task, TaskRef
from dask.base import tokenize
from dask.highlevelgraph import HighLevelGraph

from ..._base.facts import DType
from .chunked import Lengths, known, lengths_of, starts
from .tasks import Recipe, Window, added, aligned_product, product
from .tiles import Cuts

__all__ = ["Source", "held_array", "multiplied"]

Index = tuple[int, ...]


def held_array(x: Any, chunks: tuple[Lengths, ...], meta: Any) -> da.Array:
    """What this process holds, as a dask array in chunks cut here."""
    name = f"held-{tokenize(x, chunks)}"
    bounds = [starts(lengths) for lengths in chunks]
    layer: dict[Any, Any] = {}
    for index in cartesian(*(range(len(lengths)) for lengths in chunks)):
        cut = tuple(slice(b[i], b[i + 1]) for b, i in zip(bounds, index, strict=True))
        piece = x[cut] if cut else x
        if type(piece) is np.ndarray:
            piece = np.array(piece)  # what the caller writes to the array later does not count
        layer[(name, *index)] = DataNode((name, *index), piece)
    return da.Array(HighLevelGraph.from_collections(name, layer), name, chunks, meta=meta)


@dataclass(slots=True)
class Source:
    """An operand of a step: a dask array, and which of its chunks a cut reads.

    Attributes
    ----------
    labels : str
        A label may repeat.
    array : dask.array.Array
    """

    labels: str
    array: da.Array
    _refs: dict[Index, TaskRef] = field(default_factory=dict)
    _reads: dict[Index, tuple[Window, tuple[TaskRef, ...]]] = field(default_factory=dict)
    _spans: list[list[tuple[int, int, int, int, bool]]] = field(default_factory=list)

    def cut(self, lengths: Mapping[str, Lengths]) -> None:
        """Find, for every cut along every axis, the chunks that it reads."""
        self._spans = [
            _spans(lengths_of(own), lengths[label])
            for label, own in zip(self.labels, self.array.chunks, strict=True)
        ]

    def whole(self, lengths: Mapping[str, Lengths]) -> bool:
        """Whether every cut is one whole chunk."""
        return len(set(self.labels)) == len(self.labels) and all(
            lengths_of(own) == lengths[label]
            for label, own in zip(self.labels, self.array.chunks, strict=True)
        )

    def read(self, at: Index) -> tuple[Window, tuple[TaskRef, ...]]:
        """What a task reads, by the number of the cut along each axis."""
        found = self._reads.get(at)
        if found is None:
            spans = [own[i] for own, i in zip(self._spans, at, strict=True)]
            grid = tuple(last - first for first, last, _, _, _ in spans)
            cut = (
                None if all(span[4] for span in spans) else tuple((low, high) for _, _, low, high, _ in spans)
            )
            refs = tuple(
                self._ref(index) for index in cartesian(*(range(first, last) for first, last, *_ in spans))
            )
            found = self._reads[at] = (_window(grid, cut), refs)
        return found

    def _ref(self, index: Index) -> TaskRef:
        ref = self._refs.get(index)
        if ref is None:
            ref = self._refs[index] = TaskRef((self.array.name, *index))
        return ref


def _window(grid: Index, cut: tuple[tuple[int, int], ...] | None) -> Window:
    return Window(grid, cut)


def _spans(own: Lengths, cuts: Lengths) -> list[tuple[int, int, int, int, bool]]:
    """For each cut the first chunk, the one after the last, where the part is in them, and if it is all."""
    bounds, at, found = starts(own), 0, []
    filled = [i for i, n in enumerate(own) if n] or [0]
    begins = [bounds[i] for i in filled]
    for length in cuts:
        low, high = at, at + length
        first = filled[max(0, bisect_right(begins, low) - 1)]
        last = first + 1
        while bounds[last] < high:
            last += 1
        found.append(
            (
                first,
                last,
                low - bounds[first],
                high - bounds[first],
                low == bounds[first] and high == bounds[last],
            )
        )
        at = high
    return found


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
        Source(s.labels, s.array.rechunk(tuple(lengths[c] for c in s.labels))) if rechunked else s
        for s, rechunked in zip(sources, cuts.rechunked, strict=True)
    ]
    hidden = {c for s in sources for c, own in zip(s.labels, s.array.chunks, strict=True) if not known(own)}
    chunks = tuple((nan,) * len(lengths[c]) if c in hidden else lengths[c] for c in output)
    token = tokenize(
        [(s.labels, s.array.name) for s in sources], output, cuts.lengths, cuts.split_every, recipe
    )
    summed = [c for c in lengths if c not in output]
    groups = prod(len(lengths[c]) for c in summed)
    if groups == 1 and all(s.whole(lengths) for s in sources):
        return _blockwise(sources, output, dtype, chunks, recipe, meta, f"{name}-{token}")
    for source in sources:
        source.cut(lengths)
    layer = _tasks(sources, output, summed, lengths, cuts.split_every, recipe, name, token)
    graph = HighLevelGraph.from_collections(f"{name}-{token}", layer, [s.array for s in sources])
    return da.Array(graph, f"{name}-{token}", chunks, dtype=dtype, meta=meta)


def _blockwise(
    sources: Sequence[Source],
    output: str,
    dtype: DType,
    chunks: tuple[tuple[Any, ...], ...],
    recipe: Recipe,
    meta: Any,
    name: str,
) -> da.Array:
    pairs = [x for s in sources for x in (s.array, s.labels)]
    made = da.blockwise(
        aligned_product, output, *pairs, dtype=dtype, meta=meta, name=name, align_arrays=False, recipe=recipe
    )
    return da.Array(made.dask, made.name, chunks, dtype=dtype, meta=meta)


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
            windows: list[Window] = []
            refs: list[TaskRef] = []
            for source, axes in zip(sources, where, strict=True):
                window, own = source.read(tuple([at[i] for i in axes]))
                windows.append(window)
                refs += own
            key = (final, *tile) if len(groups) == 1 else (partial, *tile, number)
            layer[key] = Task(key, product, recipe, tuple(windows), *refs)
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
