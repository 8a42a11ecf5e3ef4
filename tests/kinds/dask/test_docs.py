"""What the page on dask arrays draws: graphs given out to workers, and the picture of a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

import einroute as er

da = pytest.importorskip("dask.array")
pytest.importorskip("distributed")

from einroute_docs import cluster, results, simulated  # noqa: E402 - found after the skips


def test_one_worker_is_told_nothing_by_others() -> None:
    x = simulated.there("x", ((10,) * 8, (3,)))
    told = simulated.simulate(er.einsum("ij,ik->jk", x, x), (x,), 1)
    assert told.moved == 0
    assert told.tasks > 0


def test_what_moves_is_counted_once_a_worker() -> None:
    """Two workers: the second's part of a sum of 3x3 moves, and nothing else."""
    x = simulated.there("x", ((10_000_000,) * 2, (3,)))
    lazy = er.einsum("ij,ik->jk", x, x)
    assert sum(key[0].startswith("einsum-partial") for key in lazy.dask.to_dict()) == 2
    told = simulated.simulate(lazy, (x,), 2)
    assert told.moved * 2 == 8 * 9
    assert told.tasks * 2 == 3


@pytest.mark.parametrize("workers", [64])
def test_what_a_worker_does_depends_on_its_data_alone(workers: int) -> None:
    """Data that grow with the workers, at one size of chunks."""
    told = {}
    for count in (16, workers):
        chunks = ((20_000,) * (8 * count), (100,))
        a, b = simulated.there("a", chunks), simulated.there("b", chunks)
        told[count] = simulated.simulate(er.einsum("ij,ik->jk", a, b), (a, b), count)
    assert told[workers].tasks <= 1.1 * told[16].tasks
    assert told[workers].moved <= 1.1 * told[16].moved


def test_the_page_shows_the_plan_as_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shown = (results.FOLDER.parent / "_static" / "dask-plan.svg").read_text(encoding="utf-8")
    (tmp_path / "_static").mkdir()
    monkeypatch.setattr(cluster, "FOLDER", tmp_path / "results")
    cluster.plan()
    assert (tmp_path / "_static" / "dask-plan.svg").read_text(encoding="utf-8") == shown
