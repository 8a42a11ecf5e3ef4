"""Layers of the solvers' graphs: tasks that give objects, and tasks that give chunks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import dask.array as da
import numpy as np
from dask._task_spec import Alias, GraphNode, convert_legacy_graph
from dask.base import clone_key
from dask.core import flatten
from dask.highlevelgraph import HighLevelGraph

__all__ = ["anew", "chunked", "handle", "per_chunk"]


def handle(name: str, tasks: dict[Any, Any], blocks: tuple[int, ...], parents: Iterable[Any]) -> Any:
    """Tasks that give objects, as a dask array of which only keys and graph are of use."""
    graph = HighLevelGraph.from_collections(name, tasks, dependencies=tuple(parents))
    chunks = tuple((1,) * count for count in blocks)
    return da.Array(graph, name, chunks, meta=np.empty((0,) * len(blocks), object))


def per_chunk(function: Any, name: str, a: Any, **options: Any) -> Any:
    """``function([chunk], **options)`` of each chunk of rows, which fuses with what makes the chunk."""
    return da.blockwise(
        function, "i", a, "ij", name=name, dtype=object, meta=np.empty(0, object), adjust_chunks={"i": _one},
        align_arrays=False, **options,
    )  # fmt: skip


def _one(_rows: Any) -> int:
    return 1


def chunked(
    name: str, tasks: dict[Any, Any], chunks: Any, dtype: np.dtype[Any], parents: Iterable[Any]
) -> Any:
    """Tasks that give chunks, as a dask array."""
    graph = HighLevelGraph.from_collections(name, tasks, dependencies=tuple(parents))
    return da.Array(graph, name, chunks, meta=np.empty((0,) * len(chunks), dtype))


def anew(a: Any, seed: str) -> Any:
    """The same array from tasks under names of its own: nothing that is held, or computed beside it, stands
    for them.

    What was persisted is not made again. (`dask.graph_manipulation.clone` leaves the tasks of a rechunking
    under
    their old names: https://github.com/dask/dask, seen with 2026.8.)
    """
    keys = list(flatten(a.__dask_keys__()))
    tasks = dict(da.optimize(a.__dask_graph__(), keys))
    nodes = convert_legacy_graph(tasks)  # leaves out what is persisted
    names = {key: clone_key(key, seed) for key in nodes}
    made: dict[Any, Any] = {key: task for key, task in tasks.items() if key not in nodes}
    for key, node in nodes.items():
        own: GraphNode = node.substitute(names, key=names[key])
        made[names[key]] = own
    name = clone_key(a.name, seed)
    for key in keys:
        if key not in nodes:
            made[(name, *key[1:])] = Alias((name, *key[1:]), key)
    graph = HighLevelGraph.from_collections(name, made, dependencies=())
    return da.Array(graph, name, a.chunks, meta=a._meta)
