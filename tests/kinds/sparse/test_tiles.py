"""Dense by sparse with the core's kernels: the route, its results and its refusals."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import einroute as er
from einroute._base.facts import Operand, Step
from einroute._base.routes import Offer, Refused
from einroute._entries.entries import Compressed, Entries
from einroute._entries.validate import Unsound
from einroute._kinds.sparse import tiles
from einroute._native import CORE
from tests.helpers import small_integers

#: Every form of number; both kinds of index with one of them.
DTYPES = (("f8", "i4"), ("f8", "i8"), ("f4", "i4"), ("c16", "i4"), ("i8", "i4"))
#: n, m, rows: tiles that are full or not, blocks that end anywhere, single rows and columns.
SHAPES = ((40, 37, 33), (16, 8, 16), (1, 5, 40), (5, 1, 40), (70, 3, 9), (3, 70, 130))


pytestmark = pytest.mark.skipif(CORE is None, reason="the core is not there")


def entries_of(matrix: Any, index: str = "i4") -> Entries:
    if matrix.format in ("csr", "csc"):
        compressed = Compressed(
            matrix.indptr.astype(index), matrix.indices.astype(index), int(matrix.format == "csc")
        )
        return Entries(matrix.shape, matrix.data, None, compressed)
    return Entries(matrix.shape, matrix.data, tuple(x.astype(index) for x in matrix.coords))


def step_of(subscripts: str, operands: tuple[Any, ...], order: str = "K", threads: int = 2) -> Step:
    inputs, output = subscripts.split("->")
    terms = tuple(inputs.split(","))
    sizes = {
        c: n for term, x in zip(terms, operands, strict=True) for c, n in zip(term, x.shape, strict=True)
    }
    facts = tuple(
        Operand(x.shape, x.dtype, (), "entries", x.nnz) if isinstance(x, Entries)
        else Operand(x.shape, x.dtype, x.strides)
        for x in operands
    )  # fmt: skip
    dtype = np.result_type(*(x.dtype for x in operands))
    return Step(terms, output, sizes, facts, dtype, order, threads)


def product_of(subscripts: str, *operands: Any, out: Any = None, **options: Any) -> Any:
    step = step_of(subscripts, operands, **options)
    offer = tiles.verdict(step)
    assert isinstance(offer, Offer), offer
    return tiles.bind(step, offer)(*operands, out=out)


def messy(rng: np.random.Generator, n: int, m: int, dtype: str, kind: str) -> tuple[Any, np.ndarray]:
    """A matrix in the format `kind` with unsorted indices and duplicates, and the same written out."""
    count = n * m // 3 + 2
    i, j, data = rng.integers(0, n, count), rng.integers(0, m, count), small_integers(rng, (count,), dtype)
    written = np.zeros((n, m), dtype)
    np.add.at(written, (i, j), data)
    if kind == "coo":
        return sp.coo_array((data, (i, j)), shape=(n, m)), written
    major, minor, length = (i, j, n) if kind == "csr" else (j, i, m)
    by = np.argsort(major, kind="stable")
    indptr = np.searchsorted(major[by], np.arange(length + 1))
    cls = sp.csr_array if kind == "csr" else sp.csc_array
    return cls((data[by], minor[by], indptr), shape=(n, m)), written


@pytest.mark.parametrize(("dtype", "index"), DTYPES)
@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
class TestProducts:
    def test_dense_on_the_left(self, dtype, index, kind):
        rng = np.random.default_rng(1)
        for n, m, rows in SHAPES:
            a, written = messy(rng, n, m, dtype, kind)
            x = small_integers(rng, (rows, n), dtype)
            # The second is long enough for CSR rows to be made into columns.
            for y in (x, np.concatenate([x] * 60), x[::-1], x[::2], np.broadcast_to(x[:1], (rows, n))):
                made = product_of("rn,nm->rm", y, entries_of(a, index))
                assert made.dtype == written.dtype
                np.testing.assert_array_equal(made, y @ written)

    def test_sparse_on_the_left(self, dtype, index, kind):
        rng = np.random.default_rng(2)
        for m, n, columns in SHAPES:
            a, written = messy(rng, n, m, dtype, kind)
            x = small_integers(rng, (m, columns), dtype)
            wide = np.concatenate([x] * 9, axis=1)
            for y in (x, x[::-1], x[:, : columns - 1], wide, wide[:, 3:]):
                made = product_of("nm,mc->nc", entries_of(a, index), y)
                np.testing.assert_array_equal(made, written @ y)


def test_labels_orders_and_out():
    rng = np.random.default_rng(3)
    a, written = messy(rng, 20, 30, "f8", "csr")
    x = small_integers(rng, (4, 9, 20), "f8")
    e = entries_of(a)
    for subscripts, order in product(("ijn,nm->ijm", "ijn,nm->mij", "ijn,nm->imj", "ijn,mn->jmi"), "KCF"):
        right = e if "nm" in subscripts else e.take((1, 0))
        step = step_of(subscripts, (x, right), order=order)
        offer = tiles.verdict(step)
        assert isinstance(offer, Offer)
        dense = written if "nm" in subscripts else written.T
        expected = np.einsum(subscripts, x, dense)
        made = tiles.bind(step, offer)(x, right)
        np.testing.assert_array_equal(made, expected)
        assert made.flags["F_CONTIGUOUS" if order == "F" else "C_CONTIGUOUS"]
        for out in (
            np.empty_like(expected),
            np.empty(expected.shape, order="F"),
            np.empty(expected.shape, "c16"),
        ):
            assert tiles.bind(step, offer)(x, right, out=out) is out
            np.testing.assert_array_equal(out, expected)
    np.testing.assert_array_equal(
        product_of("nij,nm->mij", x.transpose(2, 0, 1).copy(), e), np.einsum("ijn,nm->mij", x, written)
    )


def test_casts_the_dense_operand_and_changes_nothing():
    rng = np.random.default_rng(4)
    a, written = messy(rng, 20, 30, "f8", "csc")
    x = small_integers(rng, (50, 20), "i4")
    before = x.copy(), a.data.copy(), a.indices.copy()
    np.testing.assert_array_equal(product_of("rn,nm->rm", x, entries_of(a)), x @ written)
    y = small_integers(rng, (30, 50), "i4")
    np.testing.assert_array_equal(product_of("nm,mc->nc", entries_of(a), y), written @ y)
    for now, then in zip((x, a.data, a.indices), before, strict=True):
        np.testing.assert_array_equal(now, then)


@pytest.mark.parametrize("kind", ["csr", "csc"])
@pytest.mark.parametrize("dtype", ["f8", "c16"])
def test_what_stands_at_absent_entries_is_not_multiplied(dtype, kind):
    rng = np.random.default_rng(5)
    for rows in (16, 300):
        x = small_integers(rng, (rows, 24), dtype)
        x[:, ::2] = np.nan
        x[:, 2::4] = np.inf
        keep = np.zeros((24, 19), dtype)
        keep[1::2] = rng.integers(0, 2, (12, 19))
        e = entries_of(sp.csr_array(keep).asformat(kind))
        clean = np.where(np.isfinite(x), x, 0)
        np.testing.assert_array_equal(product_of("rn,nm->rm", x, e), clean @ keep)
        np.testing.assert_array_equal(product_of("nm,nc->mc", e, np.ascontiguousarray(x.T)), keep.T @ clean.T)


@pytest.mark.parametrize(("dtype", "index"), DTYPES)
@pytest.mark.parametrize("kind", ["csr", "csc", "coo"])
def test_so_few_entries_that_most_of_x_is_not_read(dtype, index, kind):
    rng = np.random.default_rng(6)
    for n, m, rows, count in ((100, 90, 300, 20), (64, 3, 257, 1), (200, 200, 400, 50)):
        i, j = rng.integers(0, n, count), rng.integers(0, m, count)
        data = small_integers(rng, (count,), dtype)
        written = np.zeros((n, m), dtype)
        np.add.at(written, (i, j), data)
        a = sp.coo_array((data, (i, j)), shape=(n, m)).asformat(kind)
        x = small_integers(rng, (rows, n), dtype)
        for y in (x, x[::-1], x[::2]):
            np.testing.assert_array_equal(product_of("rn,nm->rm", y, entries_of(a, index)), y @ written)
        if np.dtype(dtype).kind in "fc":
            x[3] = np.nan  # nothing of one tile is left in the next
            made = product_of("rn,nm->rm", x, entries_of(a, index))
            np.testing.assert_array_equal(np.delete(made, 3, 0), np.delete(x, 3, 0) @ written)


def test_values_that_are_not_finite_stay_in_their_columns():
    a = sp.csc_array(np.array([[np.inf, 0.0, 1.0], [0.0, 2.0, 0.0]]))
    made = product_of("rn,nm->rm", np.ones((20, 2)), entries_of(a))
    np.testing.assert_array_equal(made, np.broadcast_to([np.inf, 2.0, 1.0], (20, 3)))


def test_empty():
    for n, m, rows in ((0, 5, 20), (5, 0, 20), (5, 4, 20)):
        e = entries_of(sp.csr_array((n, m)))
        made = product_of("rn,nm->rm", np.ones((rows, n)), e)
        assert made.shape == (rows, m)
        assert not made.any()


def test_a_stack_by_one_matrix_and_by_a_stack_of_matrices():
    rng = np.random.default_rng(7)
    a, written = messy(rng, 12, 15, "f8", "csr")
    cube = np.where(rng.random((4, 12, 15)) < 0.3, 2.0, 0.0)
    held = np.nonzero(cube)
    stack = Entries(cube.shape, cube[held], tuple(x.astype("i4") for x in held))
    x = small_integers(rng, (4, 15, 6), "f8")
    for subscripts, left, right, whole in (
        ("nm,bmk->bnk", entries_of(a), x, written),
        ("nm,bmk->nbk", entries_of(a), x, written),
        ("bnm,bmk->bnk", stack, x, cube),
        ("bnm,bmk->nkb", stack, x, cube),
        ("bnm,bmk->nk", stack, x, cube),
        ("bnm,bm->bn", stack, x[..., 0], cube),
        ("bnm,m->bn", stack, x[0, :, 0], cube),
        (
            "bnm,bnk->kbm",
            stack,
            np.ascontiguousarray(x.transpose(0, 2, 1)[:, :, :12].transpose(0, 2, 1)),
            cube,
        ),
    ):
        expected = np.einsum(subscripts, whole, right)
        np.testing.assert_array_equal(product_of(subscripts, left, right), expected)
        for out in (
            np.empty_like(expected),
            np.empty(expected.shape, order="F"),
            np.empty(expected.shape, "c16"),
        ):
            assert product_of(subscripts, left, right, out=out) is out
            np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize(
    ("subscripts", "shapes", "reason"),
    [
        ("rn,nm->m", ((20, 6), (6, 5)), "is summed"),
        ("rn,rm->nm", ((20, 6), (20, 5)), ""),
    ],
)
def test_refusals_name_their_reason(subscripts, shapes, reason):
    e = entries_of(sp.csr_array(np.eye(*shapes[1])))
    answer = tiles.verdict(step_of(subscripts, (np.ones(shapes[0]), e)))
    assert isinstance(answer, Refused) == bool(reason)
    assert not reason or reason in answer.reason


def test_layouts_that_are_no_matrices():
    rng = np.random.default_rng(8)
    a, written = messy(rng, 6, 5, "f8", "csr")
    for x in (
        np.ones((20, 12))[:, ::2],
        np.arange(216.0).reshape(4, 9, 6)[:, :5],
        np.arange(54.0).reshape(9, 6)[:, ::-1],
    ):
        subscripts = "rn,nm->rm" if x.ndim == 2 else "ijn,nm->ijm"
        np.testing.assert_array_equal(product_of(subscripts, x, entries_of(a)), x @ written)


def test_bits_do_not_depend_on_threads():
    rng = np.random.default_rng(9)
    a = sp.random_array((500, 400), density=0.05, rng=rng, format="csr")
    for form in ("csr", "csc", "coo"):
        e = entries_of(a.asformat(form))
        for subscripts, x in (("nm,mk->nk", rng.random((400, 90))), ("kn,nm->km", rng.random((90, 500)))):
            one, four = (
                product_of(subscripts, *((e, x) if subscripts[0] == "n" else (x, e)), threads=threads)
                for threads in (1, 4)
            )
            np.testing.assert_array_equal(one, four)


def test_indices_that_changed_after_they_were_checked():
    rng = np.random.default_rng(10)
    a, _ = messy(rng, 20, 30, "f8", "csr")
    e, x = entries_of(a), rng.random((30, 4))
    assert e.compressed is not None
    e.compressed.indices[3] = 30
    with pytest.raises(Unsound, match="changed"):
        product_of("nm,mc->nc", e, x)


def test_the_error_names_the_operand(monkeypatch):
    class Changed:
        """A core that finds an index out of range."""

        @staticmethod
        def multiply_compressed(*_):
            return False

    monkeypatch.setattr(tiles, "CORE", Changed)
    a, out = sp.csr_array(np.eye(3)), np.zeros((2, 3))
    with pytest.raises(ValueError, match=r"operand 1 \(csr_array of shape \(3, 3\)\) .*changed while"):
        er.einsum("ki,ij->kj", np.ones((2, 3)), a, out=out)


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "i1", "?"])
@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
def test_vectors_that_lie_in_long_stretches_of_the_dense_operand_alone(form: str, dtype: str) -> None:
    """Rows of the result are made of stretches, and turned."""
    rng = np.random.default_rng(0)
    for n, m, a, b in ((7, 30, 2, 600), (40, 90, 1, 130), (1, 5, 3, 700), (70, 9, 2, 513)):
        x = (rng.integers(0, 4, (m, a, b)) & 1).astype(dtype).transpose(1, 2, 0)
        for density in (0.01, 0.3):
            kept = rng.random((n, m)) < density
            matrix = sp.csr_array((rng.integers(1, 4, (n, m)) * kept).astype(dtype)).asformat(form)
            for output in ("abj", "bja", "jab", "baj"):
                expected = np.einsum(f"abi,ji->{output}", x, matrix.toarray())
                made = []
                for threads in (1, 3):
                    with er.config(threads=threads):
                        made.append(er.einsum(f"abi,ji->{output}", x, matrix))
                np.testing.assert_array_equal(made[0], expected, strict=True)
                assert made[0].tobytes() == made[1].tobytes()


@pytest.mark.parametrize("form", ["csc", "coo"])
def test_an_infinity_in_a_large_result_of_few_entries(form: str) -> None:
    a = sp.csc_array(([2.0, 3.0], ([70, 4000], [0, 1])), shape=(5000, 2)).asformat(form)
    for x in (np.array([1.0, np.inf]), np.array([np.nan, 1.0]), np.array([1e308, 2.0])):
        for _ in range(3):
            np.testing.assert_array_equal(er.einsum("ij,j->i", a, x), a @ x)
