"""Tasks and functions of chunks as dask arrays: the only file that builds graphs.

What is given as tasks becomes a layer that dask culls key by key; a function of whole chunks becomes a
`Blockwise` layer, which dask fuses with its neighbours.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import dask.array as da
import numpy as np
from dask._task_spec import Alias, GraphNode, convert_legacy_graph
from dask.base import clone_key
from dask.core import flatten
from dask.highlevelgraph import HighLevelGraph
from dask.layers import ArrayChunkShapeDep

__all__ = ["anew", "blockwise", "chunked", "handle", "per_chunk", "per_pair"]


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


def per_pair(function: Any, name: str, factors: Any, b: Any, inside: str, **options: Any) -> Any:
    """``function(factors, chunk of b, **options)`` of each chunk of rows, fused with what makes the
    chunks.
    """
    made = da.blockwise(
        function, "i", factors, "i", b, inside, name=name, dtype=object, meta=np.empty(0, object),
        align_arrays=False, **options,
    )  # fmt: skip
    return handle_of(made)


def handle_of(made: Any) -> Any:
    """The same tasks, as a `handle`."""
    return da.Array(made.dask, made.name, ((1,) * made.numblocks[0],), meta=np.empty(0, object))


def _one(_rows: Any) -> int:
    return 1


def chunked(
    name: str,
    tasks: dict[Any, Any],
    chunks: Any,
    dtype: np.dtype[Any],
    parents: Iterable[Any],
    meta: Any = None,
) -> Any:
    """Tasks that give chunks, as a dask array; of NumPy's arrays unless ``meta`` says of which."""
    graph = HighLevelGraph.from_collections(name, tasks, dependencies=tuple(parents))
    meta = np.empty((0,) * len(chunks), dtype) if meta is None else meta
    return da.Array(graph, name, chunks, dtype=dtype, meta=meta)


def blockwise(
    function: Any,
    name: str,
    output: str,
    pairs: Sequence[Any],
    chunks: Any,
    dtype: Any,
    meta: Any,
    **options: Any,
) -> Any:
    """``function(*chunks, shape, **options)`` of the chunks that meet, of arrays and their labels in turn;
    ``shape`` is the result's.
    """
    made = da.blockwise(
        function,
        output,
        *pairs,
        ArrayChunkShapeDep(chunks),
        output,
        dtype=dtype,
        meta=meta,
        name=name,
        align_arrays=False,
        **options,
    )
    return da.Array(made.dask, made.name, chunks, dtype=dtype, meta=meta)


def anew(a: Any, seed: str) -> Any:
    """The same array from tasks under names of its own: nothing that is held, or computed beside it, stands
    for them.

    What was persisted is not made again. (`dask.graph_manipulation.clone` leaves the tasks of a rechunking
    under their old names: https://github.com/dask/dask, seen with 2026.8.)
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


def check_kept(persisted: Any, name: str) -> None:
    """Refuse what was persisted of the array ``name`` if its client no longer keeps it.

    Raises
    ------
    distributed.client.FutureCancelledError
    """
    for held in dict(persisted.__dask_graph__()).values():
        if getattr(held, "status", None) == "cancelled":  # what is "lost" with a worker is made again
            # A future is here, so that its library is loaded.
            cancelled = sys.modules[type(held).__module__].FutureCancelledError
            raise cancelled(
                f"what factorize kept of the dask array {name!r}",
                "its client was closed or restarted, or cancelled it",
                "Factorize the array again.",
            )
