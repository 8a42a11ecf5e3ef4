"""factorize of dask arrays: what it keeps, and that nothing stale is ever answered from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import einroute as er

pytest.importorskip("dask.array")

import dask
import dask.array as da

from tests.kinds.dask.lstsq_helpers import File, agree, chunked, matrix


@pytest.mark.parametrize(
    "shape", [(100, 5, None), (1000, 7, 3), (30, 30, 2), (4, 0, 2), (0, 3, 2), (200, 4, 0)]
)
@pytest.mark.parametrize("dtype", list("dfDl"))
def test_answers_as_numpy(shape: tuple[int, int, int | None], dtype: str) -> None:
    m, n, k = shape
    a = matrix((m, n), dtype)
    f = er.factorize(chunked(a, max(1, m // 4), max(1, n // 2)))
    for other in "dfD":
        b = matrix((m,) if k is None else (m, k), other, 1)
        expected = np.linalg.lstsq(a, b)
        s = expected[3]
        cond = s[0] / s[-1] if s.size else 1.0
        agree(er.lstsq(f, chunked(b, max(1, m // 3), 2)), expected, cond)
        agree(f.lstsq(b), expected, cond)


@pytest.mark.parametrize("rcond", [None, -1, 1e-3, 0.5])
def test_deficient_and_cut_off(rcond: Any) -> None:
    rng = np.random.default_rng(2)
    u, v = (np.linalg.qr(rng.standard_normal((size, 6)))[0] for size in (90, 6))
    a = u * [1, 0.8, 0.1, 1e-2, 1e-5, 0] @ v.T
    b = rng.standard_normal((90, 2))
    f = er.factorize(chunked(a, 20))
    x, residuals, rank, s = f.lstsq(b, rcond)
    if rcond in {1e-3, 0.5}:
        agree((x, residuals, rank, s), np.linalg.lstsq(a, b, rcond), 1e3)
    else:
        assert rank.compute() in {5, 6}  # the last singular value is rounding itself


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_deficient_at_any_scale(scale: float) -> None:
    """Squares of the singular values are beyond floating point; the values are not."""
    a, b = matrix((90, 4), "d")[:, [0, 1, 1, 2, 3]], matrix((90, 2), "d", 1)
    x, _, rank, _ = er.factorize(chunked(a * scale, 20)).lstsq(b)
    assert rank.compute() == 4
    expected = np.linalg.lstsq(a, b)[0]
    np.testing.assert_allclose(x.compute() * scale, expected, atol=1e-12)


def test_its_facts() -> None:
    a = matrix((50, 4), "f")
    f = er.factorize(chunked(a, 20, 3))
    assert (f.shape, f.dtype, f.ndim) == ((50, 4), np.dtype("f"), 2)
    assert f.rank.compute() == 4
    np.testing.assert_allclose(f.s.compute(), np.linalg.svd(a, compute_uv=False), rtol=1e-6)
    np.testing.assert_allclose(f.cond.compute(), np.linalg.cond(a), rtol=1e-4)
    assert er.factorize(f) is f
    assert f.compute() is f
    assert dask.persist(f) == (f,)
    assert repr(f).startswith("<DaskFactorized (50, 4) float32 of ")
    with pytest.raises(AttributeError, match="immutable"):
        f.rank = 3
    with pytest.raises(AttributeError, match="immutable"):
        del f._a
    with pytest.raises(TypeError, match="one client"):
        f.__reduce__()
    np.testing.assert_allclose(er.einsum("ij,j->i", f, np.ones(4)).compute(), a @ np.ones(4), rtol=1e-6)


def test_solve_inverse_and_pseudo_inverse() -> None:
    a, b = matrix((40, 40), "d") + 8 * np.eye(40), matrix((40, 3), "d", 1)
    f = er.factorize(chunked(a, 7))
    for right in (b, b[:, 0]):
        np.testing.assert_allclose(
            er.linalg.solve(f, chunked(right, 9)).compute(), np.linalg.solve(a, right), rtol=1e-9
        )
    np.testing.assert_allclose(f.inv().compute(), np.linalg.inv(a), atol=1e-12)
    np.testing.assert_allclose(er.linalg.inv(f).compute(), np.linalg.inv(a), atol=1e-12)
    for shape in ((40, 5), (5, 40)):
        m = matrix(shape, "D")
        np.testing.assert_allclose(
            er.linalg.pinv(er.factorize(chunked(m, 6))).compute(), np.linalg.pinv(m), atol=1e-13
        )
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        er.factorize(da.zeros((3, 3))).solve(np.ones(3)).compute()
    with pytest.raises(np.linalg.LinAlgError, match="square"):
        er.factorize(da.ones((4, 3))).solve(np.ones(4))


def test_work_starts_at_once_and_is_done_once() -> None:
    reads: list[int] = []

    def read(block: np.ndarray) -> np.ndarray:
        reads.append(len(block))
        return block

    a = chunked(matrix((60, 3), "d"), 20).map_blocks(read, dtype=float, meta=np.empty((0, 0)))
    with dask.config.set(scheduler="synchronous"):
        f = er.factorize(a)
        assert len(reads) == 3
        f.s.compute()
        f.rank.compute()
        assert len(reads) == 3
        # One answer reads the matrix twice; several right-hand sides share the first reading of each chunk.
        f.lstsq(np.ones(60))[0].compute()
        assert len(reads) == 9
        dask.compute(*f.lstsq(np.ones(60)), *f.lstsq(np.arange(60.0)))
        assert len(reads) == 15


def test_nothing_of_the_matrix_is_held() -> None:
    """Whatever is alive of the matrix after each reading is gone before the last."""
    alive: list[Any] = []
    most: list[int] = []

    def read(block: np.ndarray, block_info: Any = None) -> np.ndarray:
        import weakref

        own = block.copy()
        alive.append(weakref.ref(own))
        most.append(sum(one() is not None for one in alive))
        return own

    a = chunked(matrix((400, 3), "d"), 20).map_blocks(read, dtype=float, meta=np.empty((0, 0)))
    with dask.config.set(scheduler="synchronous"):
        f = er.factorize(a)
        most.clear()
        f.lstsq(np.ones(400))[0].compute()
    assert len(most) == 40
    assert max(most) <= 3


class TestRewritten:
    @pytest.mark.parametrize("place", [(0, 0), (55, 2), (99, 3)])
    @pytest.mark.parametrize("columns", [-1, 2])
    def test_a_rewritten_file_is_an_error_that_names_it(
        self, tmp_path: Path, place: tuple[int, int], columns: int
    ) -> None:
        values, b = matrix((100, 4), "d"), matrix((100,), "d", 1)
        file = File(tmp_path / "m.npy", values)
        a = file.array(10, columns)
        f = er.factorize(a)
        before = f.lstsq(b)
        np.testing.assert_allclose(before[0].compute(), np.linalg.lstsq(values, b)[0], rtol=1e-11)
        values[place] = np.nextafter(values[place], 9)
        file.write(values)
        for lazy in (*before[:2], *f.lstsq(b)[:2], f.pinv()):
            with pytest.raises(
                ValueError, match=r"'file-m' no longer holds what was factored.*factorize it again"
            ):
                lazy.compute()
        assert f.rank.compute() == 4  # of what was factored
        values[place] += 1
        file.write(values)
        again = er.factorize(a).lstsq(b)[0]  # the array has its old name
        np.testing.assert_allclose(again.compute(), np.linalg.lstsq(values, b)[0], rtol=1e-11)

    def test_rewritten_back_is_no_error(self, tmp_path: Path) -> None:
        values, b = matrix((100, 4), "d"), matrix((100,), "d", 1)
        file = File(tmp_path / "m.npy", values)
        f = er.factorize(file.array(10))
        file.write(values + 1)
        file.write(np.asfortranarray(values))  # the same elements in another order
        np.testing.assert_allclose(f.lstsq(b)[0].compute(), np.linalg.lstsq(values, b)[0], rtol=1e-11)

    def test_a_sign_of_zero_and_swapped_rows_count(self, tmp_path: Path) -> None:
        values = np.zeros((20, 2))
        values[:, 0] = 1
        values[3, 1] = 1
        for change in (lambda v: v.__setitem__((5, 1), -0.0), lambda v: v.__setitem__([3, 4], v[[4, 3]])):
            file = File(tmp_path / "z.npy", values)
            f = er.factorize(file.array(10))
            other = values.copy()
            change(other)
            file.write(other)
            with pytest.raises(ValueError, match="no longer holds"):
                f.lstsq(np.ones(20))[0].compute()

    def test_an_array_that_is_never_the_same_is_told_so(self) -> None:
        a = da.ones((40, 3), chunks=10).map_blocks(
            lambda block: np.random.default_rng().random(block.shape), dtype=float, meta=np.empty((0, 0))
        )
        with pytest.raises(ValueError, match="stored or persisted"):
            er.factorize(a).lstsq(np.ones(40))[0].compute()

    def test_a_persisted_array_is_what_it_was(self, tmp_path: Path) -> None:
        values, b = matrix((100, 4), "d"), matrix((100,), "d", 1)
        file = File(tmp_path / "m.npy", values)
        a = file.array(10).persist()
        f = er.factorize(a)
        file.write(values + 1)
        np.testing.assert_allclose(f.lstsq(b)[0].compute(), np.linalg.lstsq(values, b)[0], rtol=1e-11)


def test_bad_matrices() -> None:
    a = matrix((40, 3), "d")
    a[3, 1] = np.nan
    with pytest.raises(np.linalg.LinAlgError, match="nan or infinity"):
        er.factorize(chunked(a, 10)).rank.compute()
    for bad, error in ((da.ones(3), np.linalg.LinAlgError), (da.ones((3, 3), dtype="g"), TypeError)):
        with pytest.raises(error):
            er.factorize(bad)
    f = er.factorize(da.ones((4, 2), chunks=2))
    for b in (np.ones(5), np.ones((4, 1, 1)), da.ones(5)):
        with pytest.raises(np.linalg.LinAlgError):
            f.lstsq(b)
    with er.config(forbid="factors.tsqr"), pytest.raises(RuntimeError, match="forbidden"):
        er.factorize(da.ones((4, 2)))
    assert "explicit" in str(er.explain(er.lstsq, f, np.ones(4)))


def test_what_was_read_for_other_factors_is_not_mixed_in() -> None:
    """A worker dies, and its factors are made again of a file that was rewritten in between."""
    from einroute._kinds.dask.decomposition import Reduced
    from einroute._kinds.dask.factorized import _keep
    from einroute._kinds.dask.fingerprint import Checked, digest, same
    from einroute._kinds.dask.householder import factor
    from einroute._kinds.dask.seminormal import added, correct, read

    def kept(chunk: np.ndarray) -> Any:
        return _keep(Reduced(factor(chunk, chunk.dtype).r, len(chunk), (digest(chunk, 7),)), False)

    old, new, b = matrix((30, 2), "d"), matrix((30, 2), "d", 1), np.ones(30)
    before, after = kept(old), kept(new)
    first = read(same(old, before.digests, 0, 7, "a"), b, None, 0, False)
    second = read(same(new, after.digests, 0, 7, "a"), b, None, 0, False)
    assert isinstance(same(old, before.digests, 0, 7, "a"), Checked)
    correct(before.parts, first, None, None, False)
    for mixed in (lambda: correct(before.parts, second, None, None, False), lambda: added([first, second])):
        with pytest.raises(ValueError, match="factorize it again"):
            mixed()
    with pytest.raises(ValueError, match="'a' no longer holds"):
        same(new, before.digests, 0, 7, "a")
