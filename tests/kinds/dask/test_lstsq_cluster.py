"""lstsq and factorize on a cluster of processes, some of which are killed."""

from __future__ import annotations

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

from tests.kinds.dask.cluster_helpers import killed, moments, settled, two_workers
from tests.kinds.dask.lstsq_helpers import File, matrix

pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # sockets of killed workers
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),  # likewise
    pytest.mark.filterwarnings("ignore:Sending large graph"),
]

ROWS, COLUMNS, CHUNK = 120_000, 20, 5000


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with two_workers() as client:
        yield client


@pytest.fixture
def file(tmp_path: Path) -> File:
    return File(tmp_path / "tall.npy", matrix((ROWS, COLUMNS), "d"))


@pytest.fixture(scope="module")
def b() -> np.ndarray:
    return matrix((ROWS,), "d", 1)


def slow(block: np.ndarray) -> np.ndarray:
    """A chunk that takes a while to read, so that a worker dies in the middle of many."""
    time.sleep(0.02)
    return block


def expected(file: File, b: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(np.load(file.path), b)[0]


@pytest.mark.parametrize(("number", "after"), list(enumerate(moments(0))))
def test_a_worker_killed_in_mid_run(
    client: Any, file: File, b: np.ndarray, number: int, after: float
) -> None:
    a = file.array(CHUNK).map_blocks(slow, dtype=float, meta=np.empty((0, 0)))
    with killed(client, after, number):
        x, residuals, rank, s = dask.compute(*er.lstsq(a, b))
    np.testing.assert_allclose(x, expected(file, b), rtol=1e-10)
    assert rank == COLUMNS
    np.testing.assert_allclose(s, np.linalg.svd(np.load(file.path), compute_uv=False), rtol=1e-12)
    assert residuals.shape == (1,)


def test_factors_outlive_the_workers_that_hold_them(client: Any, file: File, b: np.ndarray) -> None:
    settled(client)
    a = file.array(CHUNK)
    f = er.factorize(a)
    right = expected(file, b)
    np.testing.assert_allclose(er.lstsq(f, b)[0].compute(), right, rtol=1e-10)
    for number in range(3):
        assert any("lstsq-kept" in str(key) for key in client.who_has())
        with killed(client, 0.0, number):  # one of the two holds them
            pass
        np.testing.assert_allclose(f.lstsq(b)[0].compute(), right, rtol=1e-10)


def test_a_worker_killed_while_factors_answer(client: Any, file: File, b: np.ndarray) -> None:
    settled(client)
    f = er.factorize(file.array(CHUNK).map_blocks(slow, dtype=float, meta=np.empty((0, 0))))
    with killed(client, 0.3, 1):
        x = f.lstsq(b)[0].compute()
    np.testing.assert_allclose(x, expected(file, b), rtol=1e-10)


def test_a_rewritten_file_is_found_out_by_whichever_worker_reads_it(
    client: Any, file: File, b: np.ndarray
) -> None:
    settled(client)
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
    settled(client)
    a = file.array(CHUNK).persist()
    distributed.wait(a)
    right = expected(file, b)
    file.write(np.zeros((ROWS, COLUMNS)))
    f = er.factorize(a)
    np.testing.assert_allclose(f.lstsq(b)[0].compute(), right, rtol=1e-10)
    np.testing.assert_allclose(er.lstsq(a, b)[0].compute(), right, rtol=1e-10)


def test_factors_that_are_kept_no_more(file: File, b: np.ndarray) -> None:
    """Refused at the call: the client cancelled them, was restarted, or is closed."""

    def refused(f: Any) -> None:
        for call in (lambda: er.lstsq(f, b), lambda: f.rank, lambda: f.cond, f.pinv):
            with pytest.raises(distributed.client.FutureCancelledError, match=r"'file-tall'(.|\n)*Factorize"):
                call()

    a = file.array(CHUNK)
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        f = er.factorize(a)
        client.cancel(f._kept)
        refused(f)
        f = er.factorize(a)
        client.restart()
        refused(f)
        f = er.factorize(a)
        f.s.compute()
    refused(f)


def test_not_finite_is_an_error_when_asked_for(client: Any) -> None:
    import dask.array as da

    settled(client)
    f = er.factorize(da.full((100, 3), np.nan, chunks=10))
    with pytest.raises(np.linalg.LinAlgError, match="nan or infinity"):
        f.rank.compute()
