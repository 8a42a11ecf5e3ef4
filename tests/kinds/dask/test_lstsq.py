"""lstsq of dask arrays against numpy.linalg.lstsq."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er

pytest.importorskip("dask.array")

import dask
import dask.array as da

from tests.helpers import in_one_line
from tests.kinds.dask.lstsq_helpers import agree, chunked, matrix, ran

SHAPES = (
    (100, 5, None),
    (1000, 7, 3),
    (30, 30, 2),
    (5, 9, None),
    (5, 400, 3),
    (0, 3, 2),
    (0, 3, None),
    (4, 0, 2),
    (4, 0, None),
    (100, 4, 0),
    (1, 1, None),
    (3000, 60, 2),
)
CHUNKINGS = ((-1, -1), (7, 2), (1, 1), (40, -1), (17, 3))


def right(m: int, k: int | None, dtype: str) -> np.ndarray:
    return matrix((m,) if k is None else (m, k), dtype, 1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", list("dfDFl?"))
def test_shapes_and_dtypes(shape: tuple[int, int, int | None], dtype: str) -> None:
    m, n, k = shape
    a = matrix((m, n), dtype)
    for other in "dfDF":
        b = right(m, k, other)
        expected = np.linalg.lstsq(a, b)
        s = expected[3]
        cond = s[0] / s[-1] if s.size and s[-1] else 1.0
        agree(
            er.lstsq(chunked(a, max(1, m // 3), max(1, n // 2)), chunked(b, max(1, m // 4))), expected, cond
        )


@pytest.mark.parametrize(("rows", "columns"), CHUNKINGS)
@pytest.mark.parametrize("shape", [(90, 6, None), (90, 6, 5), (9, 9, 2), (6, 90, 3)])
def test_chunkings(shape: tuple[int, int, int | None], rows: int, columns: int) -> None:
    """The two operands' chunks differ; one of them is an array, a list, or dask's."""
    m, n, k = shape
    a, b = matrix((m, n), "d"), right(m, k, "d")
    expected = np.linalg.lstsq(a, b)
    cond = expected[3][0] / expected[3][-1]
    dask_a, dask_b = chunked(a, rows, columns), chunked(b, 11, 2)
    for pair in ((dask_a, dask_b), (dask_a, b), (a, dask_b), (dask_a, b.tolist()), (a.tolist(), dask_b)):
        agree(er.lstsq(*pair), expected, cond)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_chunks(data: st.DataObject) -> None:
    """Chunks of size 0, one row, uneven, of either operand."""
    m, n = data.draw(st.integers(0, 40)), data.draw(st.integers(0, 6))
    sizes: list[int] = []
    while sum(sizes) < m:
        sizes.append(data.draw(st.integers(0, m - sum(sizes))) if len(sizes) < 12 else m - sum(sizes))
    rows = tuple(data.draw(st.permutations([*sizes, 0] if data.draw(st.booleans()) else sizes or [0])))
    a, b = (
        matrix((m, n), data.draw(st.sampled_from("dfD"))),
        matrix((m,), data.draw(st.sampled_from("dD")), 2),
    )
    if data.draw(st.booleans()) and n > 1:
        a[:, 1] = a[:, 0]
    expected = np.linalg.lstsq(a, b, 1e-4)
    s = expected[3][: int(expected[2])]
    lazy = er.lstsq(
        da.from_array(a, chunks=(rows, (n,))), da.from_array(b, chunks=data.draw(st.integers(1, 50))), 1e-4
    )
    agree(lazy, expected, s[0] / s[-1] if s.size else 1.0)


@pytest.mark.parametrize("rcond", [None, -1, 0, 1e-3, 0.5, 2, np.float32(1e-3), np.array(1e-3), True, np.nan])
@pytest.mark.parametrize("shape", [(60, 5), (5, 60), (7, 7)])
def test_cutoffs_and_rank(shape: tuple[int, int], rcond: Any) -> None:
    rng = np.random.default_rng(3)
    k = min(shape)
    u, v = (np.linalg.qr(rng.standard_normal((size, k)))[0] for size in shape)
    a = u * np.geomspace(1, 1e-5, k) @ v.T
    b = rng.standard_normal((shape[0], 2))
    expected = np.linalg.lstsq(a, b, rcond)
    found = er.lstsq(chunked(a, 9, 3), chunked(b, 20), rcond)
    agree(found, expected, 1e3 if rcond in [0.5, 1e-3, np.float32(1e-3)] else 1e5)


def test_a_deficient_matrix_has_the_shortest_solution() -> None:
    a = matrix((200, 4), "d")[:, [0, 1, 0, 2, 3]]
    b = matrix((200, 3), "d", 1)
    expected = np.linalg.lstsq(a, b)
    x, residuals, rank, s = er.lstsq(chunked(a, 30), chunked(b, 30, 2))
    assert residuals.shape[0] != residuals.shape[0]  # nan: the rank decides
    assert rank.compute() == expected[2] == 4
    assert residuals.compute().shape == (0,)
    np.testing.assert_allclose(x.compute(), expected[0], atol=1e-12)
    np.testing.assert_allclose(s.compute(), expected[3], atol=1e-13)


def test_unknown_chunk_sizes() -> None:
    a, b = matrix((120, 4), "d"), matrix((120, 2), "d", 1)
    keep = a[:, 0] > 0
    mask = da.from_array(keep, chunks=25)
    dask_a, dask_b = chunked(a, 25)[mask], chunked(b, 25)[mask]
    expected = np.linalg.lstsq(a[keep], b[keep])
    x, residuals, rank, s = er.lstsq(dask_a, dask_b)
    assert x.shape == (4, 2)
    assert np.isnan(s.shape[0])
    for one, other in zip((x, residuals, rank, s), expected, strict=True):
        np.testing.assert_allclose(one.compute(), other, rtol=1e-11)
    # By so many chunks that they cannot be of the same rows, or of other sizes when computed.
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        er.lstsq(dask_a, chunked(b, 60))
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        er.lstsq(dask_a, b)
    with pytest.raises(ValueError, match="compute_chunk_sizes"):
        er.lstsq(a, dask_b)
    with pytest.raises(ValueError, match="number of columns"):
        er.lstsq(chunked(a, 25)[:, da.from_array(np.array([True, True, False, True]), chunks=2)], dask_b)
    misfit = er.lstsq(dask_a, chunked(b, 25)[da.from_array(~keep, chunks=25)])
    with pytest.raises(np.linalg.LinAlgError, match="rows in its chunk"):
        misfit[0].compute()


def test_nothing_is_computed_by_the_call() -> None:
    def fail(block: np.ndarray) -> np.ndarray:
        raise AssertionError("computed")

    a = da.ones((40, 3), chunks=10).map_blocks(fail, dtype=float, meta=np.empty((0, 0)))
    found = er.lstsq(a, da.ones(40, chunks=10))
    assert [x.shape for x in (found[0], found[2], found[3])] == [(3,), (), (3,)]
    assert "factors.tsqr" in str(er.explain(er.lstsq, a, np.ones(40)))
    with pytest.raises(AssertionError, match="computed"):
        found[3].compute()


def test_keys_follow_from_operands_and_options() -> None:
    a, b = chunked(matrix((90, 3), "d"), 10), chunked(matrix((90,), "d"), 10)
    names = [x.name for x in er.lstsq(a, b)]
    assert names == [x.name for x in er.lstsq(a, b)]
    other = [x.name for x in er.lstsq(a, b + 1)]
    assert names[0] != other[0]
    assert er.lstsq(a, b, 0.5)[0].name != names[0]
    with er.config(reproducible=True):
        assert er.lstsq(a, b)[0].name != names[0]


def test_right_hand_sides_of_one_computation_share_the_factors_of_chunks() -> None:
    a = chunked(matrix((800, 3), "d"), 100)
    one, two = (er.lstsq(a, chunked(matrix((800,), "d", seed), 100)) for seed in (1, 2))
    alone, both = ran(*one), ran(*one, *two)
    # Alone, reflections are made and used in one task, and are never held.
    assert (alone.count("lstsq-qr"), alone.count("lstsq-project")) == (0, 8)
    assert (both.count("lstsq-qr"), both.count("lstsq-project")) == (8, 16)
    x, residuals, rank, s = er.lstsq(a, chunked(matrix((800, 4), "d"), 100, 2))
    several = ran(x, residuals, rank, s)
    assert (several.count("lstsq-qr"), several.count("lstsq-project")) == (8, 2 * (8 + 1))


def test_the_caller_s_arrays_may_change_after_the_call() -> None:
    a, b = matrix((60, 3), "d"), matrix((60,), "d", 1)
    expected = np.linalg.lstsq(a, b)[0]
    own = b.copy()
    x = er.lstsq(chunked(a, 10), own)[0]
    own[:] = 0
    np.testing.assert_allclose(x.compute(), expected, rtol=1e-12)


def test_operands_are_not_changed() -> None:
    blocks = [matrix((20, 3), "d", i) for i in range(3)]
    kept = [block.copy() for block in blocks]
    a = da.concatenate([da.from_delayed(dask.delayed(block, pure=True), (20, 3), float) for block in blocks])
    b = matrix((60,), "d", 1)
    dask.compute(*er.lstsq(a, b), *er.factorize(a).lstsq(b))
    for block, was in zip(blocks, kept, strict=True):
        np.testing.assert_array_equal(block, was)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("shape", [(40, 3), (3, 40)])
def test_not_finite(shape: tuple[int, int], value: float) -> None:
    a, b = matrix(shape, "d"), np.ones(shape[0])
    a[1, 2] = value
    for one in er.lstsq(chunked(a, 8), b):
        if one.shape != (0,):  # residuals of wide matrices are none, whatever is in them
            with pytest.raises(np.linalg.LinAlgError, match="nan or infinity"):
                one.compute()
    a[1, 2], b[0] = 1.0, value
    x, _, rank, s = er.lstsq(chunked(a, 8), b)
    assert not np.isfinite(x.compute()).all()
    assert rank.compute() == 3
    np.testing.assert_allclose(s.compute(), np.linalg.svd(a, compute_uv=False))


REFUSED: tuple[tuple[Any, Any, type[Exception], str], ...] = (
    (da.ones((3, 3, 3)), da.ones(3), np.linalg.LinAlgError, "two dimensions"),
    (da.ones(3), da.ones(3), np.linalg.LinAlgError, "two dimensions"),
    (da.ones((3, 3)), da.ones(4), np.linalg.LinAlgError, "3 rows"),
    (da.ones((3, 3)), da.ones((3, 1, 1)), np.linalg.LinAlgError, "expected"),
    (da.ones((3, 3)), np.float64(1), np.linalg.LinAlgError, "expected"),
    (np.ones((3, 3)), da.ones(4), np.linalg.LinAlgError, "3 rows"),
    (da.ones((3, 3), dtype="f2"), da.ones(3), TypeError, "float16"),
    (da.ones((3, 3)), da.ones(3, dtype="g"), TypeError, "longdouble|float128"),
    (da.ones((3, 3), dtype=object, chunks=3), da.ones(3), TypeError, "object"),
)


@pytest.mark.parametrize(("a", "b", "error", "match"), REFUSED)
def test_refused_at_the_call(a: Any, b: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        er.lstsq(a, b)
    with pytest.raises(error, match=match):
        er.explain(er.lstsq, a, b)


def test_refused_options_and_chunks() -> None:
    a, b = da.ones((30, 3), chunks=10), da.ones(30, chunks=10)
    with pytest.raises(TypeError, match="rcond"):
        er.lstsq(a, b, "warn")
    with pytest.raises(TypeError, match="rcond"):
        er.lstsq(a, b, da.ones(()))
    with er.config(forbid="factors.tsqr"), pytest.raises(RuntimeError, match=r"factors\.tsqr is forbidden"):
        er.lstsq(a, b)
    with er.config(memory_limit=100), pytest.raises(RuntimeError, match="memory_limit is 100"):
        er.lstsq(a, b)
    sparse = pytest.importorskip("sparse")
    with pytest.raises(TypeError, match="todense"):
        er.lstsq(a.map_blocks(sparse.COO, dtype=float, meta=sparse.COO(np.empty((0, 0)))), b)
    wrong = a.map_blocks(lambda block: block[:, :2], dtype=float, meta=np.empty((0, 0)))
    with pytest.raises(ValueError, match="other shapes than it said"):
        er.lstsq(wrong, b)[0].compute()


def test_a_memory_limit_cuts_the_chunks() -> None:
    a, b = matrix((4000, 5), "d"), matrix((4000,), "d", 1)
    lazy = chunked(a, 4000)
    with er.config(memory_limit=60_000):
        found = er.lstsq(lazy, b)
        assert "chunks of up to 500x5" in in_one_line(er.explain(er.lstsq, lazy, chunked(b, 4000)))
    assert ran(*found).count("lstsq-project") == 8
    agree(found, np.linalg.lstsq(a, b))


def test_reproducible_gives_the_same_bits_and_frees_blas_again() -> None:
    threadpoolctl = pytest.importorskip("threadpoolctl")
    a, b = chunked(matrix((3000, 40), "d"), 500), chunked(matrix((3000,), "d", 1), 500)
    before = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
    with er.config(reproducible=True):
        found = er.lstsq(a, b)
    one, two = (dask.compute(*found, scheduler=scheduler) for scheduler in ("synchronous", "threads"))
    for x, y in zip(one, two, strict=True):
        np.testing.assert_array_equal(x, y)
    assert [pool["num_threads"] for pool in threadpoolctl.threadpool_info()] == before


def test_under_override_and_in_numpy_s_name() -> None:
    a, b = matrix((60, 3), "d"), matrix((60,), "d", 1)
    lazy = chunked(a, 20), chunked(b, 20)
    with er.override():
        agree(np.linalg.lstsq(*lazy), np.linalg.lstsq(a, b))
    with er.record() as recorded:
        er.lstsq(*lazy)
    assert "factors.tsqr" in str(recorded)


def test_structured_operands_of_dask_arrays_are_written_out() -> None:
    labels, b = np.arange(60) % 4, matrix((60,), "d", 1)
    hot = er.one_hot(da.from_array(labels, chunks=20), 4)
    agree(er.lstsq(hot, b), np.linalg.lstsq(np.eye(4)[labels], b))
    agree(er.lstsq(er.factorize(hot), b), np.linalg.lstsq(np.eye(4)[labels], b))
    assert er.explain(er.lstsq, hot, b).routes == ("factors.tsqr",)
    f = er.factorize(da.ones((4, 2)))
    for a in (np.ones((4, 2)), da.ones((4, 2)), f):
        with pytest.raises(TypeError, match="DaskFactorized"):
            er.lstsq(a, f)
