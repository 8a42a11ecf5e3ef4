"""Faults that sparse operands had: duplicates cast before they were added up, shapes without room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import sparse

import einroute as er
from tests.sparse_helpers import written_out

ROWS = np.array([0, 0, 1, 2, 2, 2])
COLUMNS = np.array([0, 0, 2, 1, 1, 0])


def compressed(new: Any, major: np.ndarray, minor: np.ndarray, data: np.ndarray) -> Any:
    order = np.argsort(major, kind="stable")
    indptr = np.searchsorted(major[order], np.arange(4))
    return new((data[order], minor[order], indptr), shape=(3, 3))


#: From values to an operand some of whose places have several entries.
DUPLICATES: dict[str, Callable[[np.ndarray], Any]] = {
    "coo": lambda data: sp.coo_array((data, (ROWS, COLUMNS)), shape=(3, 3)),
    "csr": lambda data: compressed(sp.csr_array, ROWS, COLUMNS, data),
    "csc": lambda data: compressed(sp.csc_array, COLUMNS, ROWS, data),
    "COO": lambda data: sparse.COO(
        np.array([ROWS, COLUMNS]), data, shape=(3, 3), has_duplicates=False, sorted=True
    ),
}
#: From one dtype to one that holds less, and values whose sums differ from the sum of what is left of each.
NARROWER = [
    ("f8", "i8", [0.6, 0.6, 1.2, 0.7, 0.7, 2.0]),
    ("f8", "f4", [1.0 + 2.0**-24, 2.0**-24, 1.5, 2.0**30, 63.0, 1.0]),
    ("c16", "f8", [1 + 1j, 2 - 1j, 3.0, 1j, 1j, 1.0]),
    ("i8", "i1", [100, 100, 3, -100, -100, 1]),
    ("?", "i8", [True, True, True, True, True, False]),
    ("i1", "f8", [100, 100, 3, -100, -100, 1]),
]


ROUTES = (
    None,
    "sparse.sampled",
    "sparse.reduce",
    "sparse.tiles",
    "sparse.scipy",
    "sparse.gather",
    "sparse.join",
    "sparse.spgemm",
)


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(("own", "wanted", "values"), NARROWER)
@pytest.mark.parametrize("kind", DUPLICATES)
@pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
def test_duplicates_are_summed_before_they_are_cast(
    kind: str, own: str, wanted: str, values: Any, route: str | None
) -> None:
    m = DUPLICATES[kind](np.array(values, own))
    before = (m.data.copy(), np.array(m.coords) if hasattr(m, "coords") else m.indices.copy())
    full = sp.coo_array((m.data, (ROWS, COLUMNS)), shape=(3, 3)).toarray() if kind == "COO" else m.toarray()
    other = np.arange(9).reshape(3, 3).astype(wanted if wanted != "?" else "i8")
    options = {"dtype": wanted, "casting": "unsafe"}
    calls: list[tuple[str, tuple[Any, ...], tuple[Any, ...]]] = [
        ("ij->", (m,), (full,)),
        ("ij->i", (m,), (full,)),
        ("ij->ji", (m,), (full,)),
        ("ii->i", (m,), (full,)),
        ("ij,jk->ik", (m, other), (full, other)),
        ("ki,ij->kj", (other, m), (other, full)),
        ("ij,ij->ij", (m, other), (full, other)),
        ("ij,jk->ik", (m, m), (full, full)),
        ("ij,ij->", (m, m), (full, full)),
    ]
    for subscripts, given, dense in calls:
        expected = np.einsum(subscripts, *(x.astype(wanted) for x in dense))  # of views alone it casts none
        try:
            with er.config(allow=route):
                result = er.einsum(subscripts, *given, **options)
        except er.NoRoute:
            continue
        result = written_out(result)
        assert result.dtype == expected.dtype
        np.testing.assert_allclose(result, expected, rtol=1e-12, err_msg=subscripts)
    np.testing.assert_array_equal(m.data, before[0])
    np.testing.assert_array_equal(np.array(m.coords) if hasattr(m, "coords") else m.indices, before[1])


@pytest.mark.parametrize(("new", "result"), [(sp.coo_array, sp.coo_array), (sp.coo_matrix, sp.coo_matrix)])
def test_a_matrix_of_many_rows_is_made_without_pointers_to_them(new: Any, result: Any) -> None:
    n = 2**33
    a = new((np.array([1.0, 2.0, 4.0]), ([0, 5, n - 1], [0, 1, 1])), shape=(n, 2))
    made = er.einsum("ij,ij->ij", a, a)
    assert type(made) is result
    assert made.shape == (n, 2)
    np.testing.assert_array_equal(made.data, [1.0, 4.0, 16.0])
    made = er.einsum("ij,j->ij", a, np.array([10.0, 100.0]))
    assert type(made) is result
    np.testing.assert_array_equal(made.data, [10.0, 200.0, 400.0])


def test_pinv_of_integers_names_the_argument() -> None:
    with pytest.raises(ValueError, match=r"a has dtype int64, and rtol=None .*pass a.astype\(float\)"):
        er.linalg.pinv(np.array([[1, 2], [3, 5]]), rtol=None)


@pytest.mark.parametrize("subscripts", ["ab,abb->ba", "abb,ab->ab", "aab,ab->", "ab,aba->ab", "aa,ab->ab"])
def test_matrices_beside_diagonals_are_multiplied(subscripts: str) -> None:
    rng = np.random.default_rng(3)
    shapes = [tuple(3 for _ in labels) for labels in subscripts.partition("->")[0].split(",")]
    arrays = [rng.integers(0, 2, shape).astype(float) for shape in shapes]
    operands = [sp.coo_array(x) for x in arrays]
    for _ in range(2):
        result = er.einsum(subscripts, *operands)
        np.testing.assert_array_equal(written_out(result), np.einsum(subscripts, *arrays))


@pytest.mark.parametrize("dtype", ["f8", "g", "c16"])
@pytest.mark.parametrize(
    "subscripts", ["c,cab,->ab", "c,,cab->ab", "c,cab,,a,b->ab", "c,cab->ba", "c,ca,cb->ab"]
)
def test_entries_that_are_zero_make_nan_of_nan(subscripts: str, dtype: str) -> None:
    rng = np.random.default_rng(4)
    weights = np.zeros(2, dtype)
    given = subscripts.partition("->")[0].split(",")[1:]
    dense = [np.asarray(rng.random(tuple({"c": 2}.get(x, 3) for x in labels)), dtype) for labels in given]
    dense[-1][...] = np.nan
    expected = np.einsum(subscripts, weights, *dense)
    assert np.isnan(expected).all()
    for sparse_weights in (
        sp.coo_array((weights, (np.arange(2),)), shape=(2,)),
        sparse.COO(np.arange(2)[None], weights, shape=(2,), prune=False),
    ):
        for forbidden in ((), "sparse.sampled", "sparse.scipy"):
            with er.config(forbid=forbidden):
                np.testing.assert_array_equal(er.einsum(subscripts, sparse_weights, *dense), expected)


@pytest.mark.parametrize("order", ["ik", "ki"])
def test_few_entries_are_written_over_what_out_held(order: str) -> None:
    a = sp.csr_array((np.ones(1, "f4"), ([0], [5])), shape=(1, 100))
    x = np.arange(300, dtype="f4").reshape(100, 3)
    out = np.full((1, 3) if order == "ik" else (3, 1), 7, "f4")
    assert er.einsum(f"ij,jk->{order}", a, x, out=out) is out
    np.testing.assert_array_equal(out.ravel(), x[5])


@pytest.mark.parametrize("subscripts", ["ij,ij->ij", "ij,ji->ij", "ij,ji->ji", "ij,ij->", "ij,ji->"])
@pytest.mark.parametrize("shape", [(40, 300), (300, 40), (3, 70000)])
def test_few_entries_beside_many(shape: tuple[int, int], subscripts: str) -> None:
    rng = np.random.default_rng(5)

    def entries(count: int, shape: tuple[int, ...], form: str) -> Any:
        at = np.unravel_index(rng.integers(0, shape[0] * shape[1], count), shape)
        return sp.coo_array((rng.integers(-3, 4, count).astype(float), at), shape=shape).asformat(form)

    for counts in ((20, 900), (900, 20)):
        for first in ("csr", "csc", "coo"):
            for second in ("csr", "csc", "coo"):
                a = entries(counts[0], shape, first)
                b = entries(counts[1], shape if subscripts[3:5] == "ij" else shape[::-1], second)
                x, y = a.tocsr(), b.tocsr() if subscripts[3:5] == "ij" else b.T.tocsr()
                expected = x.multiply(y).T if subscripts.endswith(">ji") else x.multiply(y)
                made = er.einsum(subscripts, a, b)
                if subscripts.endswith("->"):
                    assert made == expected.sum()
                else:
                    assert made.shape == expected.shape
                    assert abs(made - expected).sum() == 0


@pytest.mark.parametrize("dtype", ["f4", "c8"])
@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
@pytest.mark.filterwarnings("error")
def test_sums_that_overflow_single_precision_warn_no_more_than_numpys(form: str, dtype: str) -> None:
    dense = np.full((20, 20), 3e38, dtype)
    a = sp.coo_array(dense).asformat(form)
    for subscripts in ("ij->", "ij->i", "ij->j", "ii->"):
        for _ in range(2):  # planned, and found again
            made = written_out(er.einsum(subscripts, a))
            np.testing.assert_array_equal(made, np.einsum(subscripts, dense))


@pytest.mark.parametrize("form", ["csr", "csc", "coo"])
@pytest.mark.parametrize("wrong", [-1, 5, 2**31 - 1])
def test_sums_of_all_entries_check_indices(form: str, wrong: int) -> None:
    for _ in range(2):  # planned, and found again
        a = sp.coo_array(np.ones((5, 5))).asformat(form)
        assert er.einsum("ij->", a) == 25
        (a.coords[1] if form == "coo" else a.indices)[3] = wrong
        with pytest.raises(ValueError, match=f"operand 0.*the index {wrong}, out of range"):
            er.einsum("ij->", a)


def test_sums_of_all_entries_check_pointers() -> None:
    a = sp.csr_array(np.ones((5, 5)))
    a.indptr[2] = 40
    with pytest.raises(ValueError, match=r"operand 0.*indptr"):
        er.einsum("ij->", a)


@pytest.mark.parametrize("form", ["csr", "csc"])
def test_sums_of_few_entries_compare_the_ends_of_pointers(form: str) -> None:
    """To pass them all takes up to thousands of times as long as the sum."""
    for rows, refused in ((700, True), (900, False)):
        many = sp.coo_array((np.ones(800), (np.arange(800) % 700, np.arange(800))), shape=(rows, 800))
        many = many.asformat(form) if form == "csr" else many.T.asformat(form)
        many.indptr[5] = 10**6
        if refused:
            with pytest.raises(ValueError, match=r"operand 0.*indptr"):
                er.einsum("ij->", many)
        else:
            assert er.einsum("ij->", many) == 800
    for where, wrong in ((0, 1), (-1, 3), (-1, 10**6)):
        for _ in range(2):
            a = sp.coo_array(([2.0, 3.0], ([5, 900], [900, 2])), shape=(1000, 1000)).asformat(form)
            assert er.einsum("ij->", a) == 5
            a.indptr[where] = wrong
            with pytest.raises(ValueError, match=r"operand 0.*indptr"):
                er.einsum("ij->", a)
        a = sp.coo_array(([2.0, 3.0], ([5, 900], [900, 2])), shape=(1000, 1000)).asformat(form)
        a.indices[1] = 1000
        with pytest.raises(ValueError, match=r"operand 0.*index 1000"):
            er.einsum("ij->", a)
