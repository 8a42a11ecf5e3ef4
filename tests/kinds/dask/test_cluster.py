"""Contractions run by `distributed` on worker processes: killed workers, little memory, options, errors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import einroute as er

pytest.importorskip("dask.array")
pytest.importorskip("distributed")

import dask.array as da
import distributed

from tests.kinds.dask.cluster_helpers import PATIENCE, WHOLE, killed, moments, settled, two_workers

# What clusters warn of while they start and stop (ports, sockets not closed yet) is theirs.
pytestmark = pytest.mark.filterwarnings("ignore")

#: How many times a worker's memory operands take.
TIMES = 10 if WHOLE else 2


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with two_workers() as client:
        yield client


def matrices(n: int, chunks: Any) -> tuple[Any, Any]:
    rng = da.random.default_rng(0)
    return rng.random((n, n), chunks=chunks), rng.random((n, n), chunks=chunks)


def test_results(client: Any) -> None:
    x, y = (np.random.default_rng(i).random((300, 300)) for i in range(2))
    a, b = da.from_array(x, chunks=(70, 90)), da.from_array(y, chunks=(110, 60))
    with er.config(memory_limit=500_000):
        np.testing.assert_allclose(er.einsum("ij,jk->ik", a, b).compute(), x @ y)
        np.testing.assert_allclose(er.einsum("ij,jk,kl->il", a, b, a).compute(), x @ y @ x)
        rolled, labels = er.rolled(a, 7), da.from_array(np.arange(300) % 11, chunks=50)
        np.testing.assert_allclose(
            er.einsum("ijk,j->ik", rolled, np.ones(7)).compute(), np.asarray(er.rolled(x, 7)).sum(1)
        )
        sums = er.einsum("tr,tc->rc", er.one_hot(labels, 11), a).compute()
        np.testing.assert_allclose(sums, er.einsum("tr,tc->rc", er.one_hot(np.arange(300) % 11, 11), x))


def test_killed_workers_lose_nothing(client: Any) -> None:
    """A worker is killed at random moments in mid-run; the results are those of a quiet run."""
    a, b = matrices(1500, 250)
    with er.config(memory_limit=8 << 20):
        result = er.einsum("ij,jk->ik", a, b)
    expected = result.compute(scheduler="threads")
    for number, after in enumerate(moments(5)):
        with killed(client, after, number):
            found = client.compute(result + number).result(timeout=PATIENCE)
        np.testing.assert_allclose(found - number, expected)


def test_many_times_the_memory_of_a_worker(client: Any) -> None:
    """Operands of `TIMES` GiB in all, of which each chunk is made, used and forgotten; nothing is spilled."""
    pids = settled(client)
    rng = da.random.default_rng(0)
    rows = 140_000 * TIMES
    x = rng.random((rows, 1000), chunks=(10_000, 1000), dtype="f4")
    y = rng.random((rows, 1000), chunks=(10_000, 1000), dtype="f4")
    assert x.nbytes + y.nbytes > TIMES * 2**30
    gram = er.einsum("ij,ik->jk", x, y).compute()
    np.testing.assert_allclose(gram, np.full_like(gram, rows / 4), rtol=2e-2)
    assert set(client.run(os.getpid).values()) == set(pids)  # no worker was killed for its memory
    spilled = client.run(lambda dask_worker: getattr(dask_worker.data, "spilled_total", None))
    assert all(total is None or total.disk == 0 for total in spilled.values())


def test_errors_of_tasks(client: Any) -> None:
    x = da.from_array(np.ones((30, 4)), chunks=(7, 4))
    wrong = x.map_blocks(lambda block: block * 1j, dtype=float, meta=np.empty((0, 0)))
    with pytest.raises(TypeError, match="operand 0 has dtype complex128"):
        er.einsum("ij,kj->ik", wrong, x).compute()


def test_cancelled_futures_and_closed_clusters() -> None:
    x = da.ones((100, 100), chunks=50)
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        kept = client.persist(er.einsum("ij,jk->ik", x, x))
        distributed.wait(kept)
        client.cancel(kept)
        with pytest.raises(distributed.client.FutureCancelledError, match="cancelled"):
            client.compute(er.einsum("ij,jk->ik", kept, x)).result(timeout=30)
    with pytest.raises(Exception, match=r"(?i)clos"):
        client.compute(er.einsum("ij,jk->ik", x, x))
