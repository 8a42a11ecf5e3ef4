"""One sparse operand with dense ones looked up at its entries, sums and conversions, by the core."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er
from einroute._native import CORE
from tests.helpers import forcing
from tests.sparse_helpers import is_sparse, written_out

pytestmark = pytest.mark.skipif(CORE is None, reason="the core is not there")

DTYPES = "?bBhHiIlLqQfdFD"
#: Subscripts whose sparse operand is that of the labels `ij`, or all of its first labels, or `ii`.
FORMS = (
    "ij->", "ij->i", "ij->j", "ij->ij", "ij->ji", "ii->", "ii->i",
    "i,ij->ij", "ij,j->ij", "ij,j->ji", "i,ij,j->", "i,ij,j->ij", "i,ij,j->i", "i,ij,j->j",
    "ij,ij->ij", "ij,ij->", "ij,ji->", "ij,ij->j", "ij,ij->ji",
    "ij,ik,jk->ij", "ik,ij,jk->", "ik,jk,ij->i", "ij,ik,jk->j", "ij,ki,jk->ij", "ij,ik,jk,k->ij",
    "ij,ik,jk->ik", "ij,ik,jk->k", "ij,jk->ik", "ij,ikl,jkl->ij", "ij,ik,jl->ikl", "ij,ik,jl->kl",
    "ij,k->ijk", "ij,k->ij",
)  # fmt: skip
#: The same of a sparse operand `ijk` of three axes.
TENSORS = (
    "ijk->", "ijk->i", "ijk->k", "ijk->ki", "iij->j", "iii->", "iji->ij",
    "ijk,jr,kr->ir", "ijk,ir,kr->jr", "ijk,ir,jr->kr", "ijk,ir,jr,kr->", "ijk,ir,jr,kr->r", "ijk,ir,jr,kr->ijk",
    "ijk,jr,ks->irs", "ijk,jr,ks->isr", "ijk,i,j,k->", "i,ijk->ijk", "ijk,ij->k", "ijk,jk->i",
)  # fmt: skip
SIZES = {"i": 7, "j": 7, "k": 7, "r": 5, "s": 3, "l": 3}


def numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Small whole numbers, whose sums are exact in every dtype that does not wrap."""
    made = rng.integers(0 if dtype in "?BHILQ" else -3, 4, shape)
    return (made + 1j * rng.integers(-3, 4, shape) if dtype in "FD" else made).astype(dtype)


def entries(rng: np.random.Generator, shape: tuple[int, ...], dtype: str, index: str = "i4") -> Any:
    """Coordinates in no order, some of them twice."""
    count = max(3, int(np.prod(shape)) // 4)
    at = tuple(rng.integers(0, n, count).astype(index) for n in shape)
    at = tuple(np.concatenate((x, x[:2])) for x in at)
    made = sp.coo_array((numbers(rng, (count + 2,), dtype), at), shape=shape)
    made.coords = at  # SciPy chooses an index dtype of its own
    return made


def dense_of(a: sp.coo_array) -> np.ndarray:
    made = np.zeros(a.shape, a.dtype)
    (np.logical_or if a.dtype == bool else np.add).at(made, a.coords, a.data)
    return made


MAKERS = {
    "coo_array": lambda a: a,
    "coo_matrix": lambda a: sp.coo_matrix(a) if a.ndim == 2 else a,
    "csr_array": lambda a: _compressed(sp.csr_array, a, 0),
    "csr_matrix": lambda a: _compressed(sp.csr_matrix, a, 0),
    "csc_array": lambda a: _compressed(sp.csc_array, a, 1),
    "COO": lambda a: sparse.COO.from_numpy(dense_of(a)),
    "GCXS": lambda a: sparse.GCXS.from_numpy(dense_of(a)),
}


def _compressed(cls: Any, a: sp.coo_array, axis: int) -> Any:
    """Lines that are neither sorted nor free of duplicates."""
    order = np.argsort(a.coords[axis], kind="stable")
    indptr = np.concatenate(([0], np.cumsum(np.bincount(a.coords[axis], minlength=a.shape[axis]))))
    made = cls((a.data[order], a.coords[1 - axis][order], indptr), shape=a.shape)
    made.indices, made.indptr = (x.astype(a.coords[0].dtype) for x in (made.indices, made.indptr))
    return made


def call(subscripts: str, maker: str, dtype: str, index: str = "i4", seed: int = 0) -> tuple[list[Any], list[Any]]:
    """Operands, and the same written out."""
    rng = np.random.default_rng(seed)
    inputs = subscripts.partition("->")[0].split(",")
    first = max((x for x in inputs if set(x) <= set("ijk") and "i" in x), key=len)
    ours: list[Any] = []
    plain: list[Any] = []
    for labels in inputs:
        shape = tuple(SIZES[c] for c in labels)
        if labels == first and not any(is_sparse(x) for x in ours):
            a = entries(rng, shape, dtype, index)
            ours.append(MAKERS[maker](a))
            plain.append(dense_of(a))
        else:
            ours.append(numbers(rng, shape, dtype))
            plain.append(ours[-1])
    return ours, plain


def check(subscripts: str, ours: list[Any], plain: list[Any]) -> None:
    want = np.einsum(subscripts, *plain)
    for _ in range(2):  # the second is found again
        got = er.einsum(subscripts, *ours)
        made = written_out(got)
        assert made.dtype == want.dtype
        assert made.shape == want.shape
        np.testing.assert_allclose(made, want, rtol=1e-5 if want.dtype.char in "fF" else 1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("subscripts", FORMS)
def test_matrices_of_every_dtype(subscripts: str, dtype: str) -> None:
    for maker, index in (("csr_array", "i4"), ("csc_array", "i8"), ("coo_matrix", "i4")):
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


@pytest.mark.parametrize("subscripts", ["ij,ij->ij", "ij,ij->", "ij,ji->ij", "ij,ji->", "ij,ij->ji", "ij,ji->ji"])
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


def test_single_precision_is_summed_in_double() -> None:
    a = sp.csr_array(np.full((4, 4096), 0.1, np.float32))
    for form in (a, a.tocsc(), a.tocoo()):
        for subscripts in ("ij->", "ij->i", "ji->i"):
            got = written_out(er.einsum(subscripts, form if subscripts != "ji->i" else form.T))
            np.testing.assert_allclose(got, np.float32(0.1) * a.nnz / (1 if not np.ndim(got) else 4), rtol=1e-6)


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

    SUBSCRIPTS = ("ij->", "ij->i", "ij->j", "i,ij,j->", "ij,ik,jk->ij", "ij,ik,jk->", "ij,ik,jk->i", "ij,ik,jk->jk")

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


#: What lies of index arrays, as ``(part, position, value)``.
LIES = [
    ("indices", 0, -1),
    ("indices", 3, 10**6),
    ("indices", 3, 2**31 - 1),
    ("indices", 2, -(2**31)),
    ("indptr", 0, 1),
    ("indptr", 2, 10**6),
    ("indptr", 3, -5),
    ("indptr", 6, 0),
]
LOOKED_UP = ("ij->i", "ij->ij", "ij->ji", "ii->i", "i,ij->ij", "i,ij,j->", "ij,ik,jk->ij", "ij,ik,jk->ik", "ij,ij->ij")


class TestBadInput:
    """Index arrays that lie are an error that names the operand, and never a crash."""

    @pytest.mark.parametrize("subscripts", LOOKED_UP)
    @pytest.mark.parametrize("maker", ["csr_array", "csc_array", "GCXS"])
    @pytest.mark.parametrize(("part", "at", "value"), LIES)
    def test_lies_of_compressed_lines(self, subscripts: str, maker: str, part: str, at: int, value: int) -> None:
        ours, _ = call(subscripts, maker, "d")
        position = next(i for i, x in enumerate(ours) if is_sparse(x))
        er.einsum(subscripts, *ours)
        lying = getattr(ours[position], part).copy()
        lying[at] = value
        setattr(ours[position], part, lying)
        with pytest.raises(ValueError, match=f"operand {position} "):
            er.einsum(subscripts, *ours)

    @pytest.mark.parametrize("subscripts", (*LOOKED_UP, "ijk->i", "ijk,jr,kr->ir", "ijk,ir,jr,kr->"))
    @pytest.mark.parametrize("value", [-1, 7, 2**31, 2**40, -(2**63)])
    def test_lies_of_coordinates(self, subscripts: str, value: int) -> None:
        ours, _ = call(subscripts, "coo_array", "d", "i8")
        position = next(i for i, x in enumerate(ours) if is_sparse(x))
        er.einsum(subscripts, *ours)
        coords = [x.copy() for x in ours[position].coords]
        coords[-1][2] = value
        ours[position].coords = tuple(coords)
        with pytest.raises(ValueError, match=f"operand {position} "):
            er.einsum(subscripts, *ours)

    def test_the_kernels_compare_what_they_use(self) -> None:
        rng = np.random.default_rng(0)
        data, x = rng.random(300), rng.random((7, 5))
        for index in (np.int32, np.int64):
            for lie in (-1, 7, np.iinfo(index).max, np.iinfo(index).min):
                at = rng.integers(0, 7, 300).astype(index)
                at[200] = lie
                good = rng.integers(0, 7, 300).astype(index)
                for dense, output in ((((0,), (1,)), ()), (((0, 2), (1, 2)), ()), (((0, 2), (1, 2)), (0, 2))):
                    kernel = CORE.Sampled("d", (0, 1), dense, output, (7, 7, 5)[: 2 + len(dense[0]) // 2])
                    given = [x[:, 0].copy() if len(labels) == 1 else x for labels in dense]
                    assert kernel(data, None, -1, (good, at), False, *given) is False
                    assert kernel(data, None, -1, (at, good), False, *given) is False
                rows = CORE.Sampled("d", (0, 1), (), (1,), (7, 7))
                assert rows(data, None, -1, (good, at), False) is False
                assert CORE.canonical_rows(data, None, -1, at, good, 7, 7) is None
                pointers = np.array([0, 40, 80, 120, 160, 200, 250, 300], index)
                other = (pointers, good, data)
                assert CORE.multiply_elements(pointers, at, data, *other, 7) is not True
                assert CORE.canonical_rows(data, pointers, 0, at, at, 7, 7) is None
                assert CORE.canonical_rows(data, pointers, 1, at, at, 7, 7) is None

    @pytest.mark.parametrize("at", range(8))
    @pytest.mark.parametrize("value", [-1, 0, 150, 301, 2**31 - 1])
    def test_pointers_that_lie_stay_within_the_arrays(self, at: int, value: int) -> None:
        rng = np.random.default_rng(0)
        data, index = rng.random(300), rng.integers(0, 7, 300).astype(np.int32)
        pointers = np.array([0, 40, 80, 120, 160, 200, 250, 300], np.int32)
        pointers[at] = value
        x, y = rng.random(7), rng.random((7, 5))
        for dense, output in (((), (0,)), ((), ()), (((0,), (1,)), ()), (((0, 2), (1, 2)), (0,)), (((1, 2),), (0, 2))):
            for own in ((0, 1), (0, 0)) if not dense and output != (0,) else ((0, 1),):
                labels = {*own, *(label for x in dense for label in x)}
                kernel = CORE.Sampled("d", own, dense, output, (7, 7, 5)[: len(labels)], threads=2)
                given = [y if len(own_labels) == 2 else x for own_labels in dense]
                made = kernel(data, pointers, 0, (index, index), False, *given)
                assert made is None or made is False or made.shape == ((7, 5)[: len(output)])
        CORE.canonical_rows(data, pointers, 0, index, index, 7, 7)
        CORE.canonical_rows(data, pointers, 1, index, index, 7, 7)
        CORE.multiply_elements(pointers, index, data, pointers, index, data, 7)

    def test_arrays_that_do_not_fit(self) -> None:
        kernel = CORE.Sampled("d", (0, 1), ((1,),), (0,), (3, 4))
        at = np.zeros(2, np.int32)
        x = np.zeros(4)
        assert kernel(np.zeros(3), None, -1, (at, at), False, x) is None
        assert kernel(np.zeros(2, "f"), None, -1, (at, at), False, x) is None
        assert kernel(np.zeros(2), None, -1, (at, at.astype("i8")), False, x) is None
        assert kernel(np.zeros(2), None, -1, (at,), False, x) is None
        assert kernel(np.zeros(2), None, -1, (at, at), False, np.zeros(3)) is None
        assert kernel(np.zeros(2), at, 0, (at, at), False, x) is None
        with pytest.raises(TypeError, match="expected 6 arguments"):
            kernel(np.zeros(2), None, -1, (at, at), False)
        for bad in (("d", (0,), (), (), (3, 3)), ("e", (0,), (), (), (3,)), ("d", (1, 0), (), (), (3, 3)), ("d", (0,), ((2,),), (), (3, 3))):
            with pytest.raises(ValueError, match=r"kernels|label"):
                CORE.Sampled(*bad)

    @pytest.mark.parametrize("subscripts", ["ij->", "i,ij->ij", "ij,ik,jk->ij", "ij->ji"])
    def test_read_only_and_memory_mapped_parts(self, subscripts: str, tmp_path: Any) -> None:
        ours, plain = call(subscripts, "csr_array", "d")
        position = next(i for i, x in enumerate(ours) if is_sparse(x))
        a = ours[position]
        for part in ("data", "indices", "indptr"):
            np.save(tmp_path / f"{part}.npy", getattr(a, part))
            getattr(a, part).flags.writeable = False
        check(subscripts, ours, plain)
        mapped = sp.csr_array(a.shape)
        for part in ("data", "indices", "indptr"):
            setattr(mapped, part, np.load(tmp_path / f"{part}.npy", mmap_mode="r"))
        ours[position] = mapped
        check(subscripts, ours, plain)

    def test_parts_replaced_by_another_thread(self) -> None:
        rng = np.random.default_rng(0)
        a = sp.random_array((60, 60), density=0.3, rng=rng, format="csr")
        good, short = (a.data, a.indices), (a.data[:5].copy(), np.full(5, 10**6, np.int32))
        x, y = rng.random((60, 4)), rng.random((60, 4))
        done = threading.Event()

        def replace() -> None:
            while not done.is_set():
                for a.data, a.indices in (short, good):
                    pass

        thread = threading.Thread(target=replace)
        thread.start()
        want = er.einsum("ij,ik,jk->ij", a.toarray() * 0, x, y).shape
        try:
            for _ in range(150):
                for subscripts, operands in (("ij,ik,jk->ij", (a, x, y)), ("ij->ji", (a,)), ("ij,ij->ij", (a, a))):
                    try:
                        assert er.einsum(subscripts, *operands).shape == want
                    except ValueError as error:
                        assert "operand" in str(error) or "index arrays" in str(error)  # noqa: PT017 - either may be
        finally:
            done.set()
            thread.join()


def test_a_result_of_many_places_is_not_made_an_array() -> None:
    n = 2**31 - 1
    a = sp.coo_array(([1.0, 2.0], ([5, n - 1], [0, 1])), shape=(n, 2))
    got = er.einsum("ij->i", a)
    assert got.shape == (n,)
    np.testing.assert_array_equal(got.coords[0], [5, n - 1])
    wide = sp.csr_array(([1.0, 2.0], ([0, 1], [5, n - 1])), shape=(2, n))
    np.testing.assert_array_equal(er.einsum("ij,ij->ij", wide, wide).data, [1.0, 4.0])
    assert er.einsum("ij,ij->", wide, wide) == 5
