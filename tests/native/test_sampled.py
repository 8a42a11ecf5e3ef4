"""One sparse operand with dense ones looked up at its entries, sums and conversions, by the core."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er
from einroute._native import CORE
from tests.helpers import forcing, silent
from tests.native.sampled_operands import FORMS, MAKERS, TENSORS, call, check, dense_of, entries
from tests.sparse_helpers import written_out

pytestmark = pytest.mark.skipif(CORE is None, reason="the core is not there")

DTYPES = "?bBhHiIlLqQfdFD"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("subscripts", FORMS)
def test_matrices_of_every_dtype(subscripts: str, dtype: str) -> None:
    turn = DTYPES.index(dtype) + FORMS.index(subscripts)
    maker, index = (("csr_array", "i4"), ("csc_array", "i8"), ("coo_matrix", "i4"), ("coo_array", "i8"))[
        turn % 4
    ]
    check(subscripts, *call(subscripts, maker, dtype, index))


@pytest.mark.parametrize("maker", ["COO", "GCXS", "csr_matrix", "coo_array"])
@pytest.mark.parametrize("subscripts", FORMS)
def test_matrices_of_every_class(subscripts: str, maker: str) -> None:
    check(subscripts, *call(subscripts, maker, "d"))


@pytest.mark.parametrize("maker", ["coo_array", "COO", "GCXS"])
@pytest.mark.parametrize("subscripts", TENSORS)
def test_tensors(subscripts: str, maker: str) -> None:
    for dtype in "dfDi?":
        check(subscripts, *call(subscripts, maker, dtype))


@pytest.mark.parametrize(
    ("subscripts", "kind"),
    [
        ("ij->", np.float64),
        ("ii->", np.float64),
        ("i,ij,j->", np.float64),
        ("ij->i", sp.coo_array),
        ("ii->i", sp.coo_array),
        ("ij->ji", sp.csr_matrix),
        ("i,ij->ij", sp.csr_matrix),
        ("ij,ij->ij", sp.csr_matrix),
        ("ij,ij->", np.float64),
        ("ij,ik,jk->i", np.ndarray),
    ],
)
def test_types_of_results(subscripts: str, kind: type) -> None:
    for maker in ("csr_matrix", "coo_matrix"):
        ours, plain = call(subscripts, maker, "d")
        if subscripts.startswith("ij,ij"):
            ours, plain = [ours[0]] * 2, [plain[0]] * 2
        assert type(er.einsum(subscripts, *ours)) is kind
        check(subscripts, ours, plain)
    ours, _ = call(subscripts, "csr_array", "d")
    got = er.einsum(subscripts, *ours)
    assert type(got) is (sp.csr_array if kind is sp.csr_matrix else kind)
    if sp.issparse(got) and got.ndim == 2:
        assert got.has_canonical_format
        assert got.indices.dtype == np.int32


@pytest.mark.parametrize("subscripts", ["ij->ij", "ij->ji", "i,ij->ij", "ij,ij->ij"])
@pytest.mark.parametrize("maker", ["csr_array", "csc_array", "coo_array"])
def test_a_result_shares_nothing(subscripts: str, maker: str) -> None:
    ours, _ = call(subscripts, maker, "d")
    a = ours[-1] if subscripts == "i,ij->ij" else ours[0]
    parts = [a.data, *(a.coords if maker == "coo_array" else (a.indices, a.indptr))]
    before = [x.copy() for x in parts]
    got = er.einsum(subscripts, *ours)
    assert not any(np.shares_memory(x, y) for x in (got.data, got.indices, got.indptr) for y in parts)
    got.data[:] = 7
    got.indices[:] = 0
    for x, y in zip(parts, before, strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize(
    "subscripts", ["ij,ij->ij", "ij,ij->", "ij,ji->ij", "ij,ji->", "ij,ij->ji", "ij,ji->ji"]
)
@pytest.mark.parametrize("dtype", DTYPES)
def test_two_matrices_element_by_element(subscripts: str, dtype: str) -> None:
    rng = np.random.default_rng(3)
    a, b = entries(rng, (7, 7), dtype), entries(rng, (7, 7), dtype)
    for left in ("csr_array", "csc_array", "coo_array"):
        for right in ("csr_array", "csc_array", "coo_array"):
            check(subscripts, [MAKERS[left](a), MAKERS[right](b)], [dense_of(a), dense_of(b)])


def test_absent_elements_are_not_multiplied() -> None:
    a = sp.csr_array(([1.0, 2.0], ([0, 1], [1, 0])), shape=(3, 3))
    x = np.full(3, 2.0)
    bad = np.array([2.0, 2.0, np.nan])
    assert er.einsum("i,ij,j->", bad, a, bad) == er.einsum("i,ij,j->", x, a, x) == 12.0
    inf = sp.csr_array(([np.inf, np.nan], ([0, 2], [0, 2])), shape=(3, 3))
    assert er.einsum("ij,ij->", a, inf) == 0
    assert np.isnan(er.einsum("ij->", inf))


@pytest.mark.parametrize("dtype", ["f", "d", "F", "D"])
def test_what_overflows_is_as_in_numpys_order(dtype: str) -> None:
    most = np.finfo(dtype).max
    a = sp.csr_array(np.array([[most / 2, 0], [0, 1]], dtype))
    x, y = np.array([4, 1], dtype), np.array([0.125, 1], dtype)
    want = np.einsum("i,ij,j->ij", y, a.toarray(), x)
    np.testing.assert_allclose(er.einsum("i,ij,j->ij", y, a, x).toarray(), want)


def test_sums_that_overflow_are_silent() -> None:
    a = sp.csr_array(np.full((2, 2), 1e308))
    with silent():
        for subscripts, operands in (
            ("ij->", (a,)),
            ("ij,ij->", (a, a)),
            ("ij->i", (a,)),
            ("i,ij->ij", (a.data[:2], a)),
        ):
            assert np.isinf(written_out(er.einsum(subscripts, *operands))).all()


def test_single_precision_is_summed_in_double() -> None:
    a = sp.csr_array(np.full((4, 4096), 0.1, np.float32))
    for form in (a, a.tocsc(), a.tocoo()):
        for subscripts in ("ij->", "ij->i", "ji->i"):
            got = written_out(er.einsum(subscripts, form if subscripts != "ji->i" else form.T))
            np.testing.assert_allclose(
                got, np.float32(0.1) * a.nnz / (1 if not np.ndim(got) else 4), rtol=1e-6
            )


@given(st.integers(0, 10**6), st.sampled_from(FORMS + TENSORS), st.sampled_from("dDi?f"))
@settings(max_examples=60, deadline=None)
def test_at_random_through_the_route(seed: int, subscripts: str, dtype: str) -> None:
    maker = list(MAKERS)[seed % len(MAKERS)]
    if subscripts in TENSORS and maker in ("csr_array", "csr_matrix", "csc_array", "coo_matrix"):
        maker = "coo_array"
    ours, plain = call(subscripts, maker, dtype, "i8" if seed % 2 else "i4", seed)
    with forcing("sparse.sampled"):
        check(subscripts, ours, plain)


class TestBits:
    """They depend neither on the number of threads nor on the instruction set."""

    SUBSCRIPTS = (
        "ij->",
        "ij->i",
        "ij->j",
        "i,ij,j->",
        "ij,ik,jk->ij",
        "ij,ik,jk->",
        "ij,ik,jk->i",
        "ij,ik,jk->jk",
    )

    @staticmethod
    def operands(subscripts: str, form: str) -> list[Any]:
        rng = np.random.default_rng(0)
        a = sp.random_array((500, 400), density=0.2, rng=rng, format=form)
        sizes = {"i": 500, "j": 400, "k": 12}
        inputs = subscripts.partition("->")[0].split(",")
        return [a if x == "ij" else rng.random([sizes[c] for c in x]) for x in inputs]

    @pytest.mark.parametrize("form", ["csr", "csc", "coo"])
    @pytest.mark.parametrize("subscripts", SUBSCRIPTS)
    def test_by_threads_and_sets(self, subscripts: str, form: str) -> None:
        found = set()
        operands = self.operands(subscripts, form)
        own = CORE.isa()
        try:
            for isa in CORE.compiled_isas():
                CORE.choose_isa(isa)
                for threads in (1, 2, 5):
                    with er.config(threads=threads, reproducible=True), forcing("sparse.sampled"):
                        found.add(written_out(er.einsum(subscripts, *operands)).tobytes())
        finally:
            CORE.choose_isa(own)
        assert len(found) == 1


def test_a_result_of_many_places_is_not_made_an_array() -> None:
    n = 2**31 - 1
    a = sp.coo_array(([1.0, 2.0], ([5, n - 1], [0, 1])), shape=(n, 2))
    got = er.einsum("ij->i", a)
    assert got.shape == (n,)
    np.testing.assert_array_equal(got.coords[0], [5, n - 1])
    wide = sp.csr_array(([1.0, 2.0], ([0, 1], [5, n - 1])), shape=(2, n))
    np.testing.assert_array_equal(er.einsum("ij,ij->ij", wide, wide).data, [1.0, 4.0])
    assert er.einsum("ij,ij->", wide, wide) == 5
