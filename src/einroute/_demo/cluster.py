"""The demo on a cluster of processes: a contraction of many times a worker's memory, planned and watched."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["WORKER_MEMORY", "Outcome", "run_on_cluster"]

#: Bytes that a worker of the demo may take.
WORKER_MEMORY = 1 << 30
_COLUMNS, _ROWS = 500, 20_000
_SUBSCRIPTS = "ij,ik->jk"
#: Seconds between two looks at how far it is.
_LOOK = 0.5


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demo found.

    Attributes
    ----------
    plan : str
        As `explain` tells it, before anything ran.
    operands, moved, spilled : int
        Bytes.
    tasks : int
    seconds : float
    worst : float
        The largest difference from the expected result, in its standard deviations.
    """

    plan: str
    operands: int
    moved: int
    spilled: int
    tasks: int
    seconds: float
    worst: float

    @property
    def ok(self) -> bool:
        """Whether the result is what random operands give."""
        return self.worst < 7


def run_on_cluster(progress: Callable[[str], None], *, times: float = 10.0, workers: int = 2) -> Outcome:
    """Contract two tall random matrices, of so many times a worker's memory together, on worker processes.

    Raises
    ------
    ImportError
        dask or distributed is not there.
    """
    import dask  # noqa: PLC0415 - optional, and slow to load
    import dask.array as da  # noqa: PLC0415 - as dask
    import distributed  # noqa: PLC0415 - as dask

    import einroute as er  # noqa: PLC0415 - what users import

    rows = max(2, round(times * WORKER_MEMORY / (2 * 8 * _COLUMNS * _ROWS))) * _ROWS
    rng = da.random.default_rng(0)
    a, b = (rng.random((rows, _COLUMNS), chunks=(_ROWS, _COLUMNS)) for _ in range(2))
    plan = str(er.explain(_SUBSCRIPTS, a, b))
    result = er.einsum(_SUBSCRIPTS, a, b)
    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, memory_limit=WORKER_MEMORY, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        tasks = len(dict(dask.optimize(result)[0].dask))
        start = time.perf_counter()
        future = client.compute(result)
        while not future.done():
            progress(f"{_done(client, tasks)} of about {tasks} tasks")
            time.sleep(_LOOK)
        value = future.result()
        seconds = time.perf_counter() - start
        moved = sum(client.run(_sent).values())
        spilled = sum(client.run(_spilled).values())
    return Outcome(plan, a.nbytes + b.nbytes, moved, spilled, tasks, seconds, _worst(value, rows))


def _done(client: Any, tasks: int) -> int:
    """Tasks that are over: those that the scheduler knows no more, or has in memory."""
    there = client.run_on_scheduler(_waiting)
    return max(0, tasks - int(there))


def _waiting(dask_scheduler: Any) -> int:
    return sum(
        task.state not in {"memory", "released", "forgotten"} for task in dask_scheduler.tasks.values()
    )


def _sent(dask_worker: Any) -> int:
    """Bytes that a worker has sent to others."""
    return int(dask_worker.transfer_outgoing_bytes_total)


def _spilled(dask_worker: Any) -> int:
    """Bytes of a worker's that lie on disk."""
    total = getattr(dask_worker.data, "spilled_total", None)
    return 0 if total is None else int(total.disk)


def _worst(value: Any, rows: int) -> float:
    """How far sums of products of numbers drawn from [0, 1) are from what is expected of them."""
    deviation = np.sqrt(rows * (1 / 9 - 1 / 16))
    return float(np.abs(np.asarray(value) - rows / 4).max() / deviation)
