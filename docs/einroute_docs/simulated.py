"""Graphs of dask arrays run by nobody: who would hold what, and how many bytes would move between workers.

Chunks lie on workers in order.  A task runs where the most bytes of what it reads lie, as dask's scheduler
has it; of several such workers, where the fewest tasks are.  What it reads from elsewhere moves there once.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import dask
import dask.array as da
import numpy as np
from dask._task_spec import DataNode, convert_legacy_graph
from dask.core import toposort
from dask.highlevelgraph import HighLevelGraph

ITEM = 8


@dataclass(frozen=True, slots=True)
class Simulated:
    """What a graph would take.

    Attributes
    ----------
    tasks, moved : float
        Tasks, and bytes that come from other workers, of one worker on the average.
    """

    tasks: float
    moved: float


def there(name: str, chunks: tuple[tuple[int, ...], ...]) -> Any:
    """An array whose chunks lie on workers already, and which holds none."""
    keys = [(name, *index) for index in np.ndindex(*map(len, chunks))]
    graph = HighLevelGraph.from_collections(name, {key: DataNode(key, None) for key in keys})
    return da.Array(graph, name, chunks, meta=np.empty((0,) * len(chunks)))


def simulate(result: Any, sources: tuple[Any, ...], workers: int) -> Simulated:
    """Give each task of a graph to a worker.

    Parameters
    ----------
    result : dask Array
    sources : tuple of dask Array
        Made by `there`.
    workers : int
    """
    nodes = convert_legacy_graph(result.dask.to_dict())
    sizes = {x.name: x.chunks for x in (*sources, result)}
    homes: dict[Hashable, int] = {}
    for x in sources:
        keys = [(x.name, *index) for index in np.ndindex(*x.numblocks)]
        homes |= {key: i * workers // len(keys) for i, key in enumerate(keys)}
    tasks, arrived, moved = Counter[int](), set[tuple[Hashable, int]](), 0
    for key in toposort({key: node.dependencies for key, node in nodes.items()}):
        if key in homes:
            continue
        reads = {other: _nbytes(other, sizes, result) for other in nodes[key].dependencies}
        here = Counter[int]()
        for other, size in reads.items():
            here[homes[other]] += size
        most = max(here.values(), default=0)
        home = min((w for w, size in here.items() if size == most), key=lambda w: (tasks[w], w), default=0)
        homes[key], tasks[home] = home, tasks[home] + 1
        for other, size in reads.items():
            if homes[other] != home and (other, home) not in arrived:
                arrived.add((other, home))
                moved += size
    return Simulated(sum(tasks.values()) / workers, moved / workers)


def _nbytes(key: Any, sizes: Mapping[str, Any], result: Any) -> int:
    """Bytes of a chunk; a partial result is as large as the result's largest."""
    if key[0] not in sizes:
        return ITEM * prod(max(own) for own in result.chunks)
    return ITEM * prod(own[i] for own, i in zip(sizes[key[0]], key[1:], strict=True))


def construction(way: Callable[..., Any], *operands: Any) -> float:
    """Seconds until there is the dictionary that a scheduler receives, after optimization."""
    begin = time.perf_counter()
    dict(dask.optimize(way(*operands))[0].dask)
    return time.perf_counter() - begin
