"""Which route a step with sparse operands takes, where the wrong one takes many times as long."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import einroute as er
from einroute._native import CORE
from tests.helpers import forcing

#: What looks dense operands up at entries.
LOOKED_UP = "sparse.gather" if CORE is None else "sparse.sampled"


def entries(n: int, m: int, nnz: int, form: str = "csr") -> Any:
    rng = np.random.default_rng(nnz)
    places = rng.choice(n * m, nnz, replace=False)
    a = sp.coo_array((rng.random(nnz), np.unravel_index(places, (n, m))), shape=(n, m))
    return a.asformat(form)


def judged(subscripts: str, *operands: Any) -> np.ndarray:
    return np.einsum(subscripts, *(x.toarray() if sp.issparse(x) else x for x in operands), optimize=True)


class TestStacksOfArrays:
    """A matrix by a stack is SciPy's loops; an entry or few beside a large array look that up."""

    @pytest.mark.parametrize("subscripts", ["ij,tjk->tik", "nm,bmk->bnk", "ij,jtk->itk"])
    @pytest.mark.parametrize("form", ["csr", "csc"])
    def test_a_matrix_by_a_stack(self, subscripts, form):
        a = entries(600, 500, 6000, form)
        x = np.random.default_rng(0).random((500, 8, 6) if "jtk" in subscripts else (8, 500, 6))
        with er.config(forbid=["sparse.tiles", "sparse.sampled"]):
            assert er.explain(subscripts, a, x).routes == ("sparse.scipy",)
            np.testing.assert_allclose(er.einsum(subscripts, a, x), judged(subscripts, a, x))

    @pytest.mark.parametrize("count", [1, 200])
    def test_few_entries_beside_a_large_array(self, count):
        a, x = entries(5, 893, count, "coo"), np.random.default_rng(0).random((5, 749, 893))
        assert er.explain("aij,aj->ai", x, a).routes == (LOOKED_UP,)
        np.testing.assert_allclose(er.einsum("aij,aj->ai", x, a), judged("aij,aj->ai", x, a))

    @pytest.mark.parametrize("shape", [(8, 30, 6), (8, 6, 30)])
    @pytest.mark.parametrize("route", ["sparse.gather", LOOKED_UP])
    def test_what_is_looked_up_may_lie_in_any_order(self, shape, route):
        subscripts = "ij,tjk->tik" if shape[1] == 30 else "ij,tkj->tik"
        x = np.random.default_rng(0).random(shape)
        for a in (entries(40, 30, 2), entries(40, 30, 400)):
            with forcing(route):
                got = er.einsum(subscripts, a, x)
            np.testing.assert_allclose(got, judged(subscripts, a, x))


class TestSumsFirst:
    """Labels of one operand alone are summed before it meets the other."""

    @pytest.mark.parametrize("subscripts", ["ij,jk->", "ij,jk->i", "ij,jk->k", "ji,kj->"])
    @pytest.mark.parametrize("dense", [False, True])
    def test_of_a_pair(self, subscripts, dense):
        a, b = entries(300, 300, 3000), entries(300, 300, 4000)
        right = b.toarray() if dense else b
        told = er.explain(subscripts, a, right)
        if dense or not subscripts.endswith("->"):
            assert len(told.routes) > 1
        else:  # one route sums both
            assert told.routes == ("sparse.spgemm",)
        got = er.einsum(subscripts, a, right)
        assert type(got) is type(er.einsum(subscripts, a, right, optimize=["einsum_path", (0, 1)]))
        got = got.toarray() if sp.issparse(got) else got
        np.testing.assert_allclose(got, judged(subscripts, a, right))

    @pytest.mark.parametrize("dtype", ["i1", "?", "f4", "c16"])
    def test_values_in_other_dtypes(self, dtype):
        a, b = (sp.csr_array((entries(40, 40, n).toarray() * 9).astype(dtype)) for n in (300, 500))
        got, right = er.einsum("ij,jk->", a, b), np.einsum("ij,jk->", a.toarray(), b.toarray())
        assert got.dtype == right.dtype
        np.testing.assert_allclose(got, right, rtol=1e-5)

    def test_an_infinity_meets_no_absent_entry(self):
        a = sp.csr_array(np.array([[1.0, 0.0], [0.0, 2.0]]))
        b = sp.csr_array(np.array([[0.0, 0.0], [np.inf, 3.0]]))
        assert er.einsum("ij,jk->", a, b) == np.inf
        assert er.einsum("ij,kj->", a, sp.csr_array(np.array([[0.0, np.inf], [0.0, -np.inf]]))) != 0
        few = sp.csr_array(np.array([[1.0, 0.0], [2.0, 0.0]]))
        for f in (np.float64, np.float32, np.complex128):
            for _ in range(3):
                assert er.einsum("ij,jk->", few.astype(f), b.astype(f)) == 0


@pytest.mark.parametrize("count", [3, 30, 300])
def test_small_matrices_are_multiplied_as_rows(count):
    """Matching entries by their labels takes many calls, whatever their number."""
    a, b = entries(77, 38, count), entries(38, 57, count + 1)
    assert er.explain("ij,jk->ik", a, b).routes == ("sparse.spgemm",)
    np.testing.assert_allclose(er.einsum("ij,jk->ik", a, b).toarray(), judged("ij,jk->ik", a, b))


@pytest.mark.skipif(CORE is None, reason="sparse.sampled is the core's")
@pytest.mark.parametrize("output", ["ikl", "ilk", "kil", "lki"])
@pytest.mark.parametrize(("k", "l"), [(13, 41), (41, 13), (41, 3), (3, 41), (9, 9)])
def test_rows_of_a_result_are_added_as_they_lie(output, k, l):  # noqa: E741 - the label
    rng = np.random.default_rng(20)
    a = sp.random_array((30, 80), density=0.2, rng=rng, format="csr")
    x, y = rng.standard_normal((80, k)), rng.standard_normal((80, l))
    with er.config(allow=["sparse.sampled"]):
        result = er.einsum(f"ij,jk,jl->{output}", a, x, y)
    expected = np.einsum(f"ij,jk,jl->{output}", a.toarray(), x, y)
    np.testing.assert_allclose(np.asarray(result), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.skipif(CORE is None, reason="sparse.sampled is the core's")
def test_short_rows_of_a_result_cost_more_than_long_ones():
    hot = er.one_hot(np.arange(967) % 7, 7)
    x, y = np.ones((967, 135)), np.ones((967, 4))
    with er.config(allow=["one_hot.sparse", "sparse.sampled"], threads=1):
        short = er.explain("tr,tx,ty->rxy", hot, x, y).plan.node.seconds
        long = er.explain("tr,tx,ty->ryx", hot, x, y).plan.node.seconds
    assert short > 2 * long


@pytest.mark.skipif(CORE is None, reason="sparse.sampled is the core's")
@pytest.mark.parametrize("rows", [70_947, 1_000_000])
def test_few_coordinates_in_many_rows_are_not_compressed(rows):
    a = sp.coo_array((np.ones(10), (np.arange(10) * 7, np.arange(10))), shape=(rows, 600))
    with er.config(threads=1):
        assert er.explain("ij,kj->ki", a, np.ones((2, 600))).routes == ("sparse.sampled",)
