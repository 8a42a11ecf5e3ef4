"""Clusters of worker processes for tests, and workers killed in the middle of a computation."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dask
import distributed

#: Whether this is the nightly environment, where these tests may take minutes.
WHOLE = os.environ.get("EINROUTE_CLUSTER") == "1"
#: How often a worker is killed.
KILLS = int(os.environ.get("EINROUTE_KILLS", "20" if WHOLE else "4"))
#: Seconds that a worker may take to start, and a result to be there, on a machine with other work.
PATIENCE = 180


@contextmanager
def two_workers() -> Iterator[Any]:
    """The client of two worker processes of one thread and 1 GiB each.

    A cluster gives up a worker that is not back after 15 s, and a killed one takes longer where the machine
    has other work: then there is one worker for good, later none, and all who wait for results wait for ever.
    """
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": f"{PATIENCE}s"}),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, memory_limit="1GiB", dashboard_address=":0", processes=True
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def settled(client: Any) -> list[int]:
    """The process ids of both workers, once each has started, its nanny knows so, and the scheduler too.

    A nanny does not start another worker for one that dies while it starts: killed at that moment, a worker
    is gone for good, and who waits for two waits for ever.
    """
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        nannies = list(client.cluster.workers.values())
        processes = [nanny.process for nanny in nannies if nanny.process is not None]
        running = [p for p in processes if p.status is distributed.core.Status.running and p.is_alive()]
        known = client.scheduler_info(n_workers=-1)["workers"]
        if len(running) == 2 and {p.worker_address for p in running} == set(known):
            return [p.pid for p in running]
        time.sleep(0.05)
    raise TimeoutError(f"no two workers after {PATIENCE} s")


@contextmanager
def killed(client: Any, after: float, which: int = 0) -> Iterator[None]:
    """A worker is killed that long after the block begins; at its end it is dead, whatever came first."""
    victim = settled(client)[which % 2]
    timer = threading.Timer(after, os.kill, [victim, signal.SIGKILL])
    timer.start()
    try:
        yield
    finally:
        timer.join()
        _gone(client, victim)


def _gone(client: Any, victim: int) -> None:
    """Wait until the nanny of a killed worker knows of it: till then it counts as running."""
    until = time.monotonic() + PATIENCE
    while victim in {nanny.pid for nanny in client.cluster.workers.values()}:
        if time.monotonic() > until:
            raise TimeoutError(f"worker {victim} was killed, and its nanny does not see it")
        time.sleep(0.05)


def moments(seed: int) -> list[float]:
    """Random moments in the middle of a computation of a second or so, one for each kill."""
    drawn = random.Random(seed)
    return [round(drawn.uniform(0.02, 0.6), 2) for _ in range(KILLS)]
