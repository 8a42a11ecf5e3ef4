"""lstsq and factorize on a cluster of processes, some of which are killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import einroute as er

pytest.importorskip("dask.array")
pytest.importorskip("distributed")

import dask
import distributed

from tests.kinds.dask.lstsq_helpers import File, matrix

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # sockets of killed workers
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # likewise
    pytest.mark.filterwarnings("ignore:Sending large graph"),
]

ROWS, COLUMNS, CHUNK = 120_000, 20, 5000


@pytest.fixture
def client() -> Iterator[Any]:
    with dask.config.set({"distributed.scheduler.allowed-failures": 30, "distributed.admin.log-length": 0}):
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, memory_limit="1GiB", dashboard_address=":0"
        )
        with cluster, distributed.Client(cluster) as made:
            yield made


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "tall.npy", matrix((ROWS, COLUMNS), "d"))


@pytest.fixture(scope="module")
def b() -> np.ndarray:
    return matrix((ROWS,), "d", 1)


def workers(client: Any) -> list[int]:
    return [info["pid"] for info in client.run(_pid).values()]


def _pid(dask_worker: Any = None) -> dict[str, int]:
    return {"pid": os.getpid()}


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def slow(block: np.ndarray) -> np.ndarray:
    """A chunk that takes a while to read, so that a worker dies in the middle of many."""
    time.sleep(0.02)
    return block


def expected(file: File, b: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(np.load(file.path), b)[0]


@pytest.mark.parametrize("after", [0.02, 0.1, 0.25, 0.4])
def test_a_worker_killed_in_mid_run(client: Any, file: File, b: np.ndarray, after: float) -> None:
    a = file.array(CHUNK).map_blocks(slow, dtype=float, meta=np.empty((0, 0)))
    client.wait_for_workers(2, timeout=20)
    victim = workers(client)[0]
    timer = threading.Timer(after, kill, [victim])
    timer.start()
    try:
        x, residuals, rank, s = dask.compute(*er.lstsq(a, b))
    finally:
        timer.join()
    np.testing.assert_allclose(x, expected(file, b), rtol=1e-10)
    assert rank == COLUMNS
    np.testing.assert_allclose(s, np.linalg.svd(np.load(file.path), compute_uv=False), rtol=1e-12)
    assert residuals.shape == (1,)


def test_factors_outlive_the_workers_that_hold_them(client: Any, file: File, b: np.ndarray) -> None:
    client.wait_for_workers(2, timeout=20)
    a = file.array(CHUNK)
    f = er.factorize(a)
    right = expected(file, b)
    np.testing.assert_allclose(er.lstsq(f, b)[0].compute(), right, rtol=1e-10)
    for _ in range(3):
        assert any("lstsq-kept" in str(key) for key in client.who_has())
        kill(workers(client)[0])
        np.testing.assert_allclose(f.lstsq(b)[0].compute(), right, rtol=1e-10)


def test_a_worker_killed_while_factors_answer(client: Any, file: File, b: np.ndarray) -> None:
    client.wait_for_workers(2, timeout=20)
    f = er.factorize(file.array(CHUNK).map_blocks(slow, dtype=float, meta=np.empty((0, 0))))
    timer = threading.Timer(0.3, kill, [workers(client)[1]])
    timer.start()
    x = f.lstsq(b)[0].compute()
    timer.join()
    np.testing.assert_allclose(x, expected(file, b), rtol=1e-10)


def test_a_rewritten_file_is_found_out_by_whichever_worker_reads_it(
    client: Any, file: File, b: np.ndarray
) -> None:
    client.wait_for_workers(2, timeout=20)
    a = file.array(CHUNK)
    f = er.factorize(a)
    distributed.wait(f.s.persist())
    values = np.load(file.path)
    values[ROWS // 2, 3] += 1e-9
    file.write(values)
    with pytest.raises(ValueError, match="'file-tall' no longer holds what was factored"):
        f.lstsq(b)[0].compute()
    # The factors made again have the new contents, though the array and its old factors have their names
    # still.
    np.testing.assert_allclose(er.factorize(a).lstsq(b)[0].compute(), expected(file, b), rtol=1e-10)


def test_a_persisted_matrix_is_read_where_it_lies(client: Any, file: File, b: np.ndarray) -> None:
    client.wait_for_workers(2, timeout=20)
    a = file.array(CHUNK).persist()
    distributed.wait(a)
    right = expected(file, b)
    file.write(np.zeros((ROWS, COLUMNS)))
    f = er.factorize(a)
    np.testing.assert_allclose(f.lstsq(b)[0].compute(), right, rtol=1e-10)
    np.testing.assert_allclose(er.lstsq(a, b)[0].compute(), right, rtol=1e-10)


def test_not_finite_is_an_error_when_asked_for(client: Any) -> None:
    import dask.array as da

    client.wait_for_workers(2, timeout=20)
    f = er.factorize(da.full((100, 3), np.nan, chunks=10))
    with pytest.raises(np.linalg.LinAlgError, match="nan or infinity"):
        f.rank.compute()
