"""dask operands: what planning and graphs cost, how many tasks there are, CPU and memory on a small cluster."""

from __future__ import annotations

import resource
import time
from typing import Any

import einroute

try:
    import dask
    import dask.array as da
    import distributed
except ImportError:  # optional: then these benchmarks are skipped
    da = distributed = None

#: Subscripts, and shape and chunks of each operand.
CALLS: dict[str, tuple[str, list[tuple[tuple[int, ...], tuple[int, ...]]]]] = {
    "square": ("ij,jk->ik", [((8000, 8000), (1000, 1000))] * 2),
    "mismatched": ("ij,jk->ik", [((6000, 6000), (1000, 700)), ((6000, 6000), (900, 1100))]),
    "four": ("ij,jk,kl,lm->im", [((4000, 4000), (500, 500))] * 3 + [((4000, 40), (500, 40))]),
    "gram": ("ij,ik->jk", [((200, 4000), (10, 4000))] * 2),
    "outer": ("i,j->ij", [((20000,), (1000,))] * 2),
    "tall": ("ij,ik->jk", [((3000000, 50), (30000, 50))] * 2),
    "few": ("ij,jk->ik", [((4000, 4000), (2000, 2000))] * 2),
    "turned": ("ij->ji", [((8000, 8000), (1000, 1000))]),
    "dask10053": ("aijkl,amnop->ijklmnop", [((1024, 16, 16, 16, 16), (256, 8, 8, 8, 8))] * 2),
}


class _Chunked:
    params: Any = [list(CALLS)]
    param_names = ("call",)

    def setup(self, call: str) -> None:
        if da is None:
            raise NotImplementedError("dask is not installed")
        self.subscripts, made = CALLS[call]
        rng = da.random.default_rng(0)
        self.operands = [rng.random(shape, chunks=chunks) for shape, chunks in made]


class Graph(_Chunked):
    """From the call to the dictionary that the scheduler receives."""

    def time_construction(self, call: str) -> None:
        einroute.einsum(self.subscripts, *self.operands)

    def time_optimized(self, call: str) -> None:
        dict(dask.optimize(einroute.einsum(self.subscripts, *self.operands))[0].dask)

    def track_tasks(self, call: str) -> int:
        return len(dict(dask.optimize(einroute.einsum(self.subscripts, *self.operands))[0].dask))

    track_tasks.unit = "tasks"


class MillionProducts:
    """A million products of chunks: 100 by 100 chunks of each operand."""

    timeout = 120.0

    def setup(self) -> None:
        if da is None:
            raise NotImplementedError("dask is not installed")
        self.x = da.zeros((100_000, 100_000), chunks=1000)

    def time_million(self) -> None:
        dict(dask.optimize(einroute.einsum("ij,jk->ik", self.x, self.x))[0].dask)


class Cluster:
    """CPU seconds and peak memory of two worker processes."""

    params = ["square", "tall", "few", "turned"]
    param_names = ("call",)
    timeout = 300.0
    sizes = {
        "square": ("ij,jk->ik", [((3000, 3000), (500, 500))] * 2),
        "tall": ("ij,ik->jk", [((1000000, 50), (50000, 50))] * 2),
        "few": CALLS["few"],
        "turned": CALLS["turned"],
    }

    def setup(self, _call: str) -> None:
        if distributed is None:
            raise NotImplementedError("dask is not installed")

    def _run(self, call: str) -> tuple[float, float]:
        subscripts, made = self.sizes[call]
        rng = da.random.default_rng(0)
        operands = [rng.random(shape, chunks=chunks) for shape, chunks in made]
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, memory_limit="1GiB", dashboard_address=":0"
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            before = client.run(time.process_time)
            client.compute(einroute.einsum(subscripts, *operands).sum()).result()
            after = client.run(time.process_time)
            peaks = client.run(lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return sum(after[worker] - before[worker] for worker in after), max(peaks.values()) / 1024

    def track_cpu(self, call: str) -> float:
        return self._run(call)[0]

    def track_peak(self, call: str) -> float:
        return self._run(call)[1]

    track_cpu.unit = "s"
    track_peak.unit = "MiB"
