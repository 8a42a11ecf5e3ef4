"""What runs inside tasks learns nothing, keeps nothing, and uses one thread of einroute's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import einroute as er

da = pytest.importorskip("dask.array")

RNG = np.random.default_rng(0)


#: Of another dtype than what it is multiplied by: the compiled core leaves such calls to be tried.
OTHER = np.ones((4, 3), np.float32)


def test_tiny_products_are_no_trials() -> None:
    """A hundred such products outside of tasks are planned; how many a worker met must not count."""
    x = da.from_array(RNG.random((400, 4)), chunks=(2, 4))
    options: dict[str, Any] = {"forbid": "dense.vecdot"}  # a configuration that no other test has
    with er.config(**options):
        parts = [er.einsum("ij,jk->ik", x.blocks[i], OTHER) for i in range(200)]
    with er.config(**options, threads=1):
        before = er.cache_info()["plans"]
        a, b = np.ones((2, 4)), OTHER
        for part in parts:
            part.compute(scheduler="sync")
        assert er.cache_info()["plans"] == before
        for _ in range(100):
            er.einsum("ij,jk->ik", a, b)
        assert er.cache_info()["plans"] > before


def test_trials_outside_are_not_ended_by_tasks() -> None:
    """Products inside and outside of tasks, taking turns under one configuration."""
    options: dict[str, Any] = {"forbid": "dense.windows", "threads": 1}
    x = da.ones((1, 7, 3), chunks=1 << 20)
    with er.config(**options):
        lazy = er.einsum("aij,jk->aik", x, np.ones((3, 2)))
        for _ in range(40):
            er.einsum("aij,jk->aik", np.ones((1, 7, 3)), np.ones((3, 2)))
        count = er.cache_info()["plans"]
        for _ in range(60):
            lazy.compute(scheduler="sync")
        assert er.cache_info()["plans"] == count


def test_no_chunk_is_looked_for_in_the_factor_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    looked: list[Any] = []
    monkeypatch.setattr("einroute._entries.csr_source.FEW", 0)
    monkeypatch.setattr("einroute._factors.csr_cache.lookup_csr", lambda *args: looked.append(args))
    matrix = sparse.random_array((40, 30), density=0.2, format="csc", rng=RNG)
    right = RNG.random((30, 2200))  # too many for the compiled core's one thread
    chunks = da.from_array(np.ones((40, 30)), chunks=-1).map_blocks(
        lambda _: matrix, dtype=float, meta=sparse.csc_array((0, 0))
    )
    with er.config(forbid="sparse.tiles"):  # which takes any format as it is
        lazy = er.dot(chunks, da.from_array(right, chunks=-1))
        for _ in range(3):
            np.testing.assert_allclose(lazy.compute(scheduler="sync"), matrix @ right)
        assert not looked
        er.dot(matrix, right)
        assert looked


def test_one_thread_of_ours_and_the_options_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, bool, tuple[str, ...]]] = []
    einsum = er.einsum

    def spy(*args: Any, **kwargs: Any) -> Any:
        config = er.get_config()
        seen.append((config["threads"], config["reproducible"], config["forbid"]))
        return einsum(*args, **kwargs)

    x = da.ones((40, 40), chunks=10)
    with er.config(threads=7, reproducible=True, forbid="dense.vecdot"):
        lazy = er.einsum("ij,jk->ik", x, x)
    monkeypatch.setattr(er, "einsum", spy)
    with er.config(threads=5):
        lazy.compute(scheduler="threads")
        assert er.get_config()["threads"] == 5
    assert seen
    assert set(seen) == {(1, True, ("dense.vecdot",))}
