"""The graphs of contractions: keys, names, layers, what is run of them, and what explain tells beforehand."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import einroute as er
from tests.helpers import in_one_line

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")

from dask.highlevelgraph import HighLevelGraph  # noqa: E402 - found after the skip
from dask.utils import key_split  # noqa: E402 - as above

CALL = 'er.einsum("ij,jk->ik", da.ones((90, 80), chunks=30), np.arange(160.0).reshape(80, 2), split_every=2)'


def keys(x: Any) -> set[Any]:
    return set(dict(dask.optimize(x)[0].dask))


def tasks_of(x: Any) -> int:
    return len(keys(x))


def test_nothing_is_computed() -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise AssertionError("computed")

    with dask.config.set(scheduler=fail):
        x = da.ones((50, 40), chunks=10)
        for result in (
            er.einsum("ij,ik->jk", x, x),
            x @ x.T,
            er.tensordot(x, x, ((0,), (0,))),
            er.vdot(x, x),
        ):
            assert isinstance(result, da.Array)
        er.explain("ij,ik->jk", x, x)


def test_keys_are_the_same_in_every_process() -> None:
    source = f"import numpy as np, dask.array as da, einroute as er\nprint({CALL}.name)"
    names = {
        subprocess.run([sys.executable, "-c", source], check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    }
    assert names == {eval(CALL, {"er": er, "da": da, "np": np}).name + "\n"}


def test_keys_depend_on_options_and_operands() -> None:
    x = da.ones((50, 40), chunks=10)
    names = [er.einsum("ij,ik->jk", x, x).name, er.einsum("ij,ik->jk", x, x + 1).name]
    for options in ({"memory_limit": 4000}, {"reproducible": True}, {"forbid": "dense.matmul"}):
        with er.config(**options):
            names.append(er.einsum("ij,ik->jk", x, x).name)
    names.append(er.einsum("ij,ik->jk", x, x, dtype=complex).name)
    assert len(set(names)) == len(names)
    assert er.einsum("ij,ik->jk", x, x).name == names[0]


def test_options_in_force_at_the_call_are_the_tasks() -> None:
    x = da.ones((50, 40), chunks=(50, 40))
    with er.config(allow="numpy.einsum"):
        result = er.einsum("ij,ik->jk", x, x)
    with er.record() as r:
        result.compute(scheduler="sync")
    assert {found.route for found in r.by_route()} == {"numpy.einsum"}


def test_names_of_tasks_are_readable() -> None:
    x = da.ones((4000, 400), chunks=(100, 400))
    with er.config(memory_limit=3 << 20):
        result = er.einsum("ij,ik->jk", x, x, split_every=2)
    assert isinstance(result.dask, HighLevelGraph)
    assert {key_split(key) for key in result.dask.to_dict()} >= {"einsum", "einsum-partial", "einsum-sum"}


def test_culling() -> None:
    """Ten rows need the tiles of the first row of tiles, their groups, and the chunks that these read."""
    x = da.ones((4000, 4000), chunks=500)
    with er.config(memory_limit=10 << 20):
        whole = er.einsum("ij,jk->ik", x, x.T)
    assert whole.numblocks[0] > 3
    culled = keys(whole[:10])
    rows = {key[1] for key in culled if key_split(key).startswith("einsum")}
    assert rows == {0}
    assert len(culled) < 0.6 * tasks_of(whole)
    made: list[tuple[int, ...]] = []

    def make(block_info: Any = None) -> np.ndarray:
        place = block_info[None]["chunk-location"]
        made.append(place)
        return np.ones(block_info[None]["chunk-shape"])

    lazy = da.map_blocks(make, chunks=((500,) * 8,) * 2, dtype=float, meta=np.empty((0, 0)))
    with er.config(memory_limit=10 << 20):
        rows_of = er.einsum("ij,jk->ik", lazy, np.ones((4000, 3)))[:10].compute(scheduler="sync")
    np.testing.assert_array_equal(rows_of, np.full((10, 3), 4000.0))
    assert len(made) < 64
    assert {row for row, _ in made} <= {0, 1, 2, 3}


def test_aligned_products_are_fused_with_their_neighbours() -> None:
    x = da.ones((4000, 2000), chunks=(2000, 2000))
    y = (er.einsum("ij,ij->ij", x + 1, x * 2) * 3).sum()
    plain = ((x + 1) * (x * 2) * 3).sum()
    assert tasks_of(y) == tasks_of(plain)


@pytest.mark.parametrize("every", [2, 3, 16])
def test_split_every(every: int) -> None:
    x = da.ones((8000, 50), chunks=(100, 50))
    with er.config(memory_limit=150_000):
        result = er.einsum("ij,ik->jk", x, x, split_every=every)
    graph = result.dask.to_dict()
    partial = {key for key in graph if key_split(key) == "einsum-partial"}
    assert len(partial) > 16
    adding = [task for key, task in graph.items() if key_split(key) == "einsum-sum" or key[0] == result.name]
    assert max(len(task.dependencies) for task in adding) == every
    assert np.all(result.compute(scheduler="sync") == 8000)


@pytest.mark.parametrize("every", [1, 0, "2", 2.5, True, {0: 2}])
def test_bad_split_every(every: Any) -> None:
    x = da.ones((80, 50), chunks=10)
    with pytest.raises(ValueError, match="split_every"):
        er.einsum("ij,ik->jk", x, x, split_every=every)
    with pytest.raises(TypeError, match="split_every"):
        er.einsum("ij,ik->jk", np.ones((2, 2)), np.ones((2, 2)), split_every=every)


@pytest.mark.parametrize("limit", [1 << 20, 4 << 20, 64 << 20])
def test_a_task_stays_within_the_budget(limit: int) -> None:
    x = da.ones((3000, 3000), chunks=(300, 250))
    y = da.ones((3000, 3000), chunks=(350, 200))
    with er.config(memory_limit=limit):
        result = er.einsum("ij,jk->ik", x, y)
    graph = result.dask.to_dict()
    sizes = {x.name: 8 * 300 * 250, y.name: 8 * 350 * 200}
    tile = 8 * max(result.chunks[0]) * max(result.chunks[1])
    reads = [
        sum(sizes.get(key[0], 0) for key in task.dependencies)
        for key, task in graph.items()
        if key_split(key) in {"einsum", "einsum-partial"}
    ]
    assert reads
    assert max(reads) + tile <= limit


def products(x: Any, y: Any, subscripts: str) -> tuple[int, int]:
    return tasks_of(er.einsum(subscripts, x, y)), tasks_of(da.einsum(subscripts, x, y))


@pytest.mark.parametrize(
    ("subscripts", "first", "second", "share"),
    [
        ("ij,jk->ik", ((4000, 4000), (500, 500)), ((4000, 4000), (500, 500)), 0.5),
        ("ij,jk->ik", ((6000, 6000), (1000, 700)), ((6000, 6000), (900, 1100)), 0.5),
        ("ij,ik->jk", ((200, 4000), (10, 4000)), ((200, 4000), (10, 4000)), 0.05),
    ],
)
@pytest.mark.filterwarnings("ignore::dask.array.PerformanceWarning")
def test_fewer_tasks_than_dask(subscripts: str, first: Any, second: Any, share: float) -> None:
    x, y = (da.zeros(shape, chunks=chunks) for shape, chunks in (first, second))
    ours, theirs = products(x, y, subscripts)
    assert ours <= share * theirs


@pytest.mark.parametrize("chunk", [2000, 4000])
def test_few_chunks_are_not_moved_to_be_more(chunk: int) -> None:
    x = da.ones((4000, 4000), chunks=chunk)
    result = er.einsum("ij,jk->ik", x, x)
    assert not any("rechunk" in name for name in result.dask.layers)
    assert sum(key_split(key).startswith("einsum") for key in keys(result)) <= 12


def test_a_chain_is_contracted_in_the_order_that_costs_least() -> None:
    a, b, c = (
        da.ones((4000, 4000), chunks=500),
        da.ones((4000, 4000), chunks=500),
        da.ones((4000, 4), chunks=500),
    )
    steps = er.explain("ij,jk,kl->il", a, b, c).outline.steps
    assert steps[0].takes == (1, 2)


def test_explain_builds_no_graph() -> None:
    x = da.ones((4000, 4000), chunks=500)
    before = len(x.dask.layers)
    text = in_one_line(er.explain("ij,jk->ik", x, x))
    assert "dask.tasks" in text
    assert "tasks" in text and "moves" in text and "a task" in text  # noqa: PT018 - one line of text
    assert len(x.dask.layers) == before


def test_unknown_sizes_are_summed_over_and_kept() -> None:
    x = np.random.default_rng(0).random((30, 4))
    lazy = da.from_array(x, chunks=(7, 4))
    some, kept = lazy[lazy[:, 0] > 0.5], x[x[:, 0] > 0.5]
    gram = er.einsum("ij,ik->jk", some, some)
    assert gram.shape == (4, 4)
    np.testing.assert_allclose(gram.compute(scheduler="sync"), kept.T @ kept)
    rows = er.einsum("ij,jk->ik", some, np.ones((4, 2)))
    assert np.isnan(rows.shape[0])
    np.testing.assert_allclose(rows.compute(scheduler="sync"), kept @ np.ones((4, 2)))
    for other in (lazy, x, lazy.rechunk((10, 4))[lazy[:, 1] > 0.5]):
        with pytest.raises(ValueError, match="compute_chunk_sizes"):
            er.einsum("ij,ik->jk", some, other)


def test_uneven_diagonals() -> None:
    x = np.arange(36.0).reshape(6, 6)
    for first, second in itertools.product(((1, 5), (2, 2, 2), (6,)), repeat=2):
        lazy = da.from_array(x, chunks=(first, second))
        np.testing.assert_array_equal(er.einsum("ii->i", lazy).compute(scheduler="sync"), np.diag(x))


def test_dasks_size_of_chunks_is_followed() -> None:
    x = da.ones((3000, 3000), chunks=300)
    whole = er.einsum("ij,jk->ik", x, x)
    with dask.config.set({"array.chunk-size": "2MiB"}):
        small = er.einsum("ij,jk->ik", x, x)
    assert whole.name != small.name
    assert max(8 * a * b for a, b in itertools.product(*small.chunks)) <= 2 << 20


def test_explain_tells_of_an_order_in_every_form() -> None:
    x = da.ones((2000, 2000), chunks=500)
    told = er.explain("ij,jk,kl,lm->im", x, x, x, da.ones((2000, 3), chunks=500))
    assert str(told).count("dask.tasks") == 3
    assert told._repr_html_().count("dask.tasks") >= 3


def test_views_of_whole_chunks_take_no_memory_and_others_keep_none() -> None:
    shared: list[bool] = []

    def look(chunk: np.ndarray, made: np.ndarray) -> np.ndarray:
        shared.append(np.shares_memory(chunk, made))
        return made

    x = da.from_array(np.ones((30, 30)), chunks=-1).persist(scheduler="sync")
    da.map_blocks(look, x.T, er.einsum("ij->ji", x), meta=x._meta).compute(scheduler="sync")
    diagonal = er.einsum("ii->i", x)
    da.blockwise(look, "i", x, "ij", diagonal, "i", concatenate=True, meta=np.empty(0)).compute(
        scheduler="sync"
    )
    assert shared == [True, False]


def test_one_file_builds_graphs() -> None:
    folder = Path(er.__file__).parent / "_kinds" / "dask"
    builds = ("HighLevelGraph(", "HighLevelGraph.from", "da.Array(", "da.blockwise(", "import HighLevelGraph")
    found = {
        path.name
        for path in folder.glob("*.py")
        if any(word in path.read_text(encoding="utf-8") for word in builds)
    }
    assert found == {"layers.py"}


def test_one_task_and_one_chunk_are_said_so() -> None:
    x = da.ones((30, 4), chunks=(30, 4))
    assert "1 task: 1 tile of 30x30" in in_one_line(er.explain("ij,kj->ik", x, x))
    assert "1 chunk of up to 30x4" in in_one_line(er.explain(er.lstsq, x, x[:, 0]))
    with pytest.raises(ValueError, match=r"unknown \(1 chunk; call compute_chunk_sizes"):
        er.einsum("ij,ij->i", x[x[:, 0] > 0], x)
