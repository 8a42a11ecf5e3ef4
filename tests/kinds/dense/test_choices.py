"""Which route a step of arrays takes, where the wrong one takes many times as long."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

import einroute as er
from einroute._base.facts import Operand, Step
from einroute._base.routes import Offer
from einroute._kinds.dense import gemm_cost, numpy_einsum, one_pass
from einroute._kinds.dense.strides import layout_strides
from einroute._native import CORE
from tests.helpers import peak_of


@pytest.mark.parametrize(
    ("subscripts", "shapes", "routes"),
    [
        # The compiled core's, where it is; and without it:
        # NumPy runs k, l and m as one axis of 1000: no thousand products of 5x5 matrices
        ("ijklm,jklm->iklm", ((5, 5, 10, 10, 10), (5, 10, 10, 10)), {"numpy.einsum", "dense.small"}),
        # a column is no row of its array: no blocks of them, but where there is no pass over all three
        (
            "i,ij,ij->j",
            ((2000,), (2000, 5000), (2000, 5000)),
            {"numpy.einsum", "dense.one_pass"} if CORE is not None else {"dense.multiply", "dense.matmul"},
        ),
        ("ij,j,ij->i", ((5000, 200), (200,), (5000, 200)), {"dense.quadratic", "dense.one_pass"}),
    ],
)
def test_choice_and_value(subscripts, shapes, routes):
    rng = np.random.default_rng(0)
    arrays = [rng.random(shape) for shape in shapes]
    assert set(er.explain(subscripts, *arrays).routes) <= routes
    np.testing.assert_allclose(er.einsum(subscripts, *arrays), np.einsum(subscripts, *arrays))


def one_pass_of(subscripts, *arrays):
    """The loops of one pass; its values are NumPy's."""
    inputs, _, output = subscripts.partition("->")
    inputs = inputs.split(",")
    sizes = {c: n for own, x in zip(inputs, arrays, strict=True) for c, n in zip(own, x.shape, strict=True)}
    facts = tuple(Operand(x.shape, x.dtype, x.strides) for x in arrays)
    step = Step(tuple(inputs), output, sizes, facts, arrays[0].dtype)
    offer = one_pass.verdict(step)
    assert isinstance(offer, Offer)
    np.testing.assert_allclose(one_pass.bind(step, offer)(*arrays), np.einsum(subscripts, *arrays))
    return offer.recipe


@pytest.mark.skipif(CORE is None, reason="one pass is the core's")
@pytest.mark.parametrize(
    ("subscripts", "shapes", "last"),
    [
        # rows of two elements take ten times as long
        ("c,eabc->bae", ((2,), (427, 191, 15, 2)), "ab"),
        ("db,dbc->bd", ((190, 7), (190, 7, 10)), "db"),
        # two labels that are one in memory make rows that are added together
        ("c,bca->ba", ((32,), (1327, 32, 14)), "a"),
        # each row of eight elements in a line of its own, from memory, for each of 48
        ("ab,acbd->dbac", ((48, 5), (48, 1007, 5, 8)), "d"),
    ],
)
def test_one_pass_runs_along_rows_that_are_long_and_follow_each_other(subscripts, shapes, last):
    arrays = [np.ones(shape) for shape in shapes]
    if subscripts.startswith("c,bca"):
        arrays[1] = np.ones((32, 1327, 14)).transpose(1, 0, 2)
    assert one_pass_of(subscripts, *arrays)[-1] in last


@pytest.mark.skipif(CORE is None, reason="one pass is the core's")
@pytest.mark.parametrize(
    ("subscripts", "arrays", "last"),
    [
        # elements a power of two apart, of which few stay in the first cache: three to twelve times as long
        ("ba,ab->a", lambda: (np.ones((128, 128)), np.ones((128, 128), complex).real), "b"),
        ("ba,ab->", lambda: (np.ones((256, 256)), np.ones((256, 256), complex).real), "b"),
        ("bc,ac->cba", lambda: (np.ones((128, 16), complex).real, np.ones((128, 16), complex).imag), "c"),
        ("abc->a", lambda: (np.ones((50, 16, 16))[:, :, ::2],), "c"),
        # a sum that is cut into parts has few rows in each: lines come again for each of them
        ("ij,ij->", lambda: (np.ones((50000, 10))[:, :8], np.ones((50000, 8))), "j"),
        ("ij,ij->", lambda: (sliding_window_view(np.ones(50015), 16), np.ones((50000, 16))), "j"),
    ],
)
def test_one_pass_does_not_walk_across_what_the_first_cache_does_not_hold(subscripts, arrays, last):
    assert one_pass_of(subscripts, *arrays())[-1] in last


def test_matmul_copies_the_matrix_whose_lines_do_not_collide():
    x, z = np.ones((256, 256)), np.ones((256, 256), complex)
    with er.config(allow="dense.matmul"):
        assert "copies left" in " ".join(str(er.explain("ba,ab->", x, z.real)).split())
        assert "copies right" in " ".join(str(er.explain("ba,ab->", z.real, x)).split())
        assert er.einsum("ba,ab->", x, z.real) == x.size


@pytest.mark.skipif(CORE is None, reason="one pass is the core's")
@pytest.mark.parametrize(
    ("subscripts", "shapes", "shared"),
    [
        ("bc,cab->ab", ((50, 50), (50, 128, 50)), False),  # all rows of a slice are one box
        ("ij->i", ((1000, 1000),), True),
        ("ij->j", ((1000, 1000),), True),
        ("ij->", ((1000, 1000),), True),
        ("i,j->ij", ((1000,), (1000,)), True),
    ],
)
def test_threads_share_as_many_blocks_as_one_pass_has(subscripts, shapes, shared):
    operands = [np.ones(shape, bool) for shape in shapes]

    def told(threads):
        with er.config(allow="dense.one_pass", threads=threads):
            return er.explain(subscripts, *operands).seconds

    assert (told(2) != told(1)) == shared


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_blas_begins_each_short_row_of_a_matrix_by_a_vector(dtype):
    def told(rows):
        with er.config(allow="dense.matmul"):
            operands = np.ones((1000, rows, 12), dtype), np.ones((1000, 12), dtype)
            return er.explain("bij,bj->bi", *operands).seconds

    assert told(24) - told(12) > 12_000 * 1.5e-9


def test_a_sum_that_is_not_the_last_step_runs_over_all_axes_as_one():
    """Asked for a layout, NumPy takes each axis by itself: of a number there is none to ask for."""
    rng = np.random.default_rng(0)
    a, b = rng.random(3), rng.random((4, 5, 6))
    for order in ("K", "C", "F"):
        np.testing.assert_allclose(er.einsum("b,cad->", a, b, order=order), a.sum() * b.sum())
        np.testing.assert_allclose(er.einsum("b,cad->c", a, b, order=order), a.sum() * b.sum((1, 2)))
        assert er.einsum("b,cad->bc", a, b, order=order).flags[f"{'F' if order == 'F' else 'C'}_CONTIGUOUS"]


@pytest.mark.parametrize("order", ["C", "A", "F", "K"])
@pytest.mark.parametrize("subscripts", ["abij,abjk->abik", "abij,abj->abi"])
@pytest.mark.parametrize("turned", [(0,), (1,), (0, 1)])
def test_the_order_is_as_asked_for_where_the_axes_of_a_stack_lie_crosswise(subscripts, order, turned):
    rng = np.random.default_rng(0)
    operands = []
    for i, labels in enumerate(subscripts.partition("->")[0].split(",")):
        x = rng.random((5, 4, 64, 64)[: len(labels)])
        operands.append(rng.random((4, 5, *x.shape[2:])).swapaxes(0, 1) if i in turned else x)
    right = np.einsum(subscripts, *operands, order=order)
    for settings in ({}, {"allow": "dense.matmul"}):
        with er.config(**settings):
            result = er.einsum(subscripts, *operands, order=order)
        np.testing.assert_allclose(result, right, rtol=1e-12)
        assert order == "K" or result.strides == right.strides


@pytest.mark.parametrize(
    ("subscripts", "shapes"), [("i->", [(1,)]), ("ij->i", [(1, 1)]), ("ij,jk->", [(1, 1), (1, 1)])]
)
def test_axes_of_length_1_alone_have_a_price(subscripts, shapes):
    """NumPy's loops have no innermost label then."""
    operands = [np.full(shape, 2.0) for shape in shapes]
    with er.config(allow="numpy.einsum"):
        assert er.explain(subscripts, *operands).seconds > 0
    np.testing.assert_array_equal(er.einsum(subscripts, *operands), np.einsum(subscripts, *operands))


@pytest.mark.parametrize("subscripts", ["bij,bkj->bik", "ij,kj->ik", "bij,bj->bi", "bijc,bcjk->bik"])
def test_integer_loops_take_strided_operands_as_they_lie(subscripts):
    rng = np.random.default_rng(0)
    operands = []
    for term in subscripts.partition("->")[0].split(","):
        wide = rng.integers(-9, 9, (*({"b": 40, "i": 6, "j": 10, "k": 4, "c": 3}[c] for c in term), 2))
        operands.append(wide[..., 0])
    with er.config(allow=["dense.integer_loops", "numpy.einsum"]):
        routes = er.explain(subscripts, *operands).routes
        result = er.einsum(subscripts, *operands)
    assert (routes == ("dense.integer_loops",)) == ("c" not in subscripts)
    np.testing.assert_array_equal(result, np.einsum(subscripts, *operands))


@pytest.mark.parametrize(
    "subscripts", ["abc->ca", "abc->b", "ab,bc->ac", "ab,c->bca", "abc,bd->dac", "abc,abc->cb"]
)
@pytest.mark.parametrize("order", ["K", "C", "F"])
def test_numpys_loops_lie_as_is_said(subscripts, order):
    """Of an intermediate the layout is that of NumPy's loops: another one takes them four times as long."""
    rng = np.random.default_rng(0)
    sizes = {"a": 5, "b": 4, "c": 3, "d": 6}
    inputs, _, output = subscripts.partition("->")
    for _ in range(6):
        arrays = []
        for labels in inputs.split(","):
            axes = rng.permutation(len(labels))
            made = rng.random([sizes[labels[i]] for i in axes])
            arrays.append(made.transpose(np.argsort(axes)))
        facts = tuple(Operand(x.shape, x.dtype, x.strides) for x in arrays)
        step = Step(tuple(inputs.split(",")), output, sizes, facts, np.dtype(float), order)
        right = np.einsum(subscripts, *arrays, order=order)
        for last in (True, False):
            now = replace(step, last=last)
            offer = numpy_einsum.verdict(now)
            assert isinstance(offer, Offer)
            made = numpy_einsum.bind(now, offer)(*arrays)
            strides = layout_strides(offer.layout, sizes, 8)
            assert made.strides == tuple(strides[c] for c in output) == right.strides
            np.testing.assert_allclose(made, right)


def test_operands_that_disagree_about_axes_are_multiplied_in_the_order_of_the_result():
    """NumPy's loops keep the axes of a conflict as given: another order takes them five times as long."""
    rng = np.random.default_rng(0)
    a, b = rng.random((3, 40, 4)), rng.random((40, 4, 3)).transpose(2, 0, 1)
    with er.config(allow="dense.multiply"):
        for subscripts in ("abc,abc->bca", "abc,ab->cba", "abc,c->acb"):
            other = {"abc": b, "ab": b[..., 0], "c": b[0, 0]}[subscripts.partition(",")[2].partition("->")[0]]
            right = np.einsum(subscripts, a, other)
            out = np.empty(right.shape)
            for order in ("K", "C", "F"):
                made = er.einsum(subscripts, a, other, order=order)
                np.testing.assert_array_equal(made, right)
                assert order == "K" or made.flags[f"{order}_CONTIGUOUS"]
            assert er.einsum(subscripts, a, other, out=out) is out
            np.testing.assert_array_equal(out, right)


def test_a_label_of_one_operand_is_summed_before_all_are_multiplied():
    rng = np.random.default_rng(0)
    a, b, c = rng.random(20000), rng.random(20000), rng.random((5, 20000))
    with er.config(allow=["dense.one_pass", "numpy.einsum"]):
        assert len(er.explain("a,a,ba->a", a, b, c).routes) == 2
    np.testing.assert_allclose(er.einsum("a,a,ba->a", a, b, c), np.einsum("a,a,ba->a", a, b, c))


@pytest.mark.parametrize("subscripts", ["ab,b->a", "ab,a->b", "ab->a", "ab->b"])
@pytest.mark.parametrize("rows", [4, 400])
@pytest.mark.parametrize("dtype", "fdFD")
def test_matrices_with_gaps_by_vectors(subscripts, rows, dtype):
    """What dot would copy goes to matmul."""
    rng = np.random.default_rng(0)
    a = rng.integers(-4, 5, (rows, 60)).astype(dtype)[:, :30]
    vectors = [
        rng.integers(-4, 5, a.shape["ab".index(x)]).astype(dtype) for x in subscripts.partition("->")[0][3:]
    ]
    right = np.einsum(subscripts, a, *vectors)
    with er.config(allow=["dense.matmul", "dense.ones_gemv"]):
        made = er.einsum(subscripts, a, *vectors)
        assert made.dtype == right.dtype
        np.testing.assert_array_equal(made, right)
        out = np.empty(2 * len(right), dtype)[::2]
        assert er.einsum(subscripts, a, *vectors, out=out) is out
        np.testing.assert_array_equal(out, right)


@pytest.mark.parametrize("sizes", [(4, 5000, 33), (2, 1000, 200), (200, 1000, 4), (8, 300, 60)])
@pytest.mark.parametrize("dtype", "fd")
def test_two_thin_matrices_along_the_sums_are_multiplied_as_one(sizes, dtype):
    rows, sums, columns = sizes
    a, b = (np.random.default_rng(0).random((n, sums)).astype(dtype) for n in (rows, columns))
    detail = " ".join(str(er.explain("ij,jk->ik", a, b.T)).split())
    assert "GEMM" in detail
    assert " times, over" not in detail
    np.testing.assert_allclose(er.einsum("ij,jk->ik", a, b.T), a @ b.T, rtol=1e-4)


def test_a_long_and_narrow_matrix_is_multiplied_as_a_stack_of_small_ones():
    """BLAS packs the long one to multiply each of its elements few times; small ones it takes as they are."""
    rng = np.random.default_rng(0)
    a, b = rng.random((3000, 24, 24)), rng.random((24, 24))
    with er.config(allow="dense.matmul", threads=1):
        assert "over b, no copies" in " ".join(str(er.explain("bij,jk->bik", a, b)).split())
        made = er.einsum("bij,jk->bik", a, b)
    np.testing.assert_allclose(made, a @ b)


@pytest.mark.parametrize(
    "subscripts", ["bij,bj->bi", "bij,j->bi", "ij,bj->bi", "bij,jk->bik", "ij,bjk->bik", "bij,bjk->bik"]
)
@pytest.mark.parametrize("dtype", "fdFD")
def test_stacks_that_matmul_takes_as_they_come(subscripts, dtype):
    rng = np.random.default_rng(0)
    sizes = {"b": 7, "i": 24, "j": 20, "k": 18}
    inputs = subscripts.partition("->")[0].split(",")
    arrays = [rng.integers(-4, 5, [sizes[c] for c in labels]).astype(dtype) for labels in inputs]
    right = np.einsum(subscripts, *arrays)
    with er.config(allow="dense.matmul"):
        made = er.einsum(subscripts, *arrays)
        assert made.dtype == right.dtype
        np.testing.assert_array_equal(made, right)
        for out in (np.empty_like(right), np.empty(right.shape[::-1], dtype).T):
            assert er.einsum(subscripts, *arrays, out=out) is out
            np.testing.assert_array_equal(out, right)


@pytest.mark.parametrize(
    ("subscripts", "shapes"),
    [
        (
            "bcij,bcjk->bcik",
            ((4, 229, 85, 5), (4, 229, 5, 24)),
        ),  # at most a slice for each b
        ("abc,abc->abc", ((300, 40, 90),) * 2),
        ("ij,jk->ik", ((700, 30), (30, 900))),
    ],
)
def test_a_reproducible_plan_does_not_know_how_many_threads_there_are(subscripts, shapes):
    operands = [np.zeros(shape, complex) for shape in shapes]
    told = set()
    for threads in (1, 2, 4):
        with er.config(threads=threads, reproducible=True):
            explained = er.explain(subscripts, *operands)
            told.add((explained.routes, round(explained.seconds, 9)))
    assert len(told) == 1


@pytest.mark.parametrize(("dtype", "largest"), [("i8", 2**31), ("i4", 2**28), ("i8", 2**15), ("i2", 2**14)])
def test_a_product_of_integers_in_floats_says_what_it_holds(dtype: str, largest: int) -> None:
    rng = np.random.default_rng(24)
    a, b = (rng.integers(0, largest, shape).astype(dtype) for shape in ((300, 250), (250, 200)))
    route = "dense.split_integer_matmul" if largest > 2**20 else "dense.integer_matmul"
    with er.config(tune="never", threads=1):
        with er.config(allow=[route]):
            result, peak = peak_of(lambda: er.einsum("ij,jk->ik", a, b))
            held = er.explain("ij,jk->ik", a, b).plan.node.peak
        assert 0.7 * held < peak - result.nbytes < 1.4 * held
        with er.config(memory_limit=200_000):
            result, peak = peak_of(lambda: er.einsum("ij,jk->ik", a, b))
        assert peak - result.nbytes < 400_000


def test_threads_that_ask_blas_for_memory_wait_for_each_other(monkeypatch):
    a, b = np.ones((12, 12), complex), np.ones((1000, 12, 12), complex)
    with er.config(threads=2, tune="never", forbid=["dense.small"]):
        told = er.explain("ij,bjk->bik", a, b)
        assert told.routes == ("dense.matmul",)
        assert "slices" in str(told)
        monkeypatch.setattr(gemm_cost, "_ASKING", 0.0)
        er.cache_clear()
        assert er.explain("ij,bjk->bik", a, b).seconds < told.seconds
    er.cache_clear()
