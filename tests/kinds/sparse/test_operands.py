"""Sparse operands: every format is taken, checked and left alone; results go back to its library."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import sparse

import einroute as er
from tests.helpers import forcing
from tests.sparse_helpers import SCIPY_FORMATS, written_out

ARRAYS = tuple(f"{name}_array" for name in SCIPY_FORMATS)
MATRICES = tuple(f"{name}_matrix" for name in SCIPY_FORMATS)
DENSE = np.array([[0.0, 2.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0], [3.0, 0.0, -1.0, 0.0]])
RIGHT = np.arange(8.0).reshape(4, 2)


def _pydata(name: str, x: np.ndarray) -> Any:
    return getattr(sparse, name).from_numpy(x)


@pytest.mark.parametrize("name", [*ARRAYS, *MATRICES])
def test_every_scipy_format(name: str) -> None:
    a = getattr(sp, name)(DENSE)
    result = er.einsum("ij,jk->ik", a, RIGHT)
    assert type(result) is np.ndarray
    np.testing.assert_allclose(result, DENSE @ RIGHT)
    turned = er.einsum("ij->ji", a)
    assert type(turned) is (sp.csr_array if name in ARRAYS else sp.csr_matrix)
    np.testing.assert_array_equal(written_out(turned), DENSE.T)
    assert a.format == name.partition("_")[0]
    np.testing.assert_array_equal(written_out(a), DENSE)


@pytest.mark.parametrize("name", ["COO", "GCXS", "DOK"])
def test_every_pydata_format(name: str) -> None:
    cube = np.where(np.arange(24).reshape(2, 3, 4) % 5 == 0, 2.0, 0.0)
    a = _pydata(name, cube)
    np.testing.assert_allclose(er.tensordot(a, RIGHT, axes=1), np.tensordot(cube, RIGHT, axes=1))
    turned = er.einsum("ijk->kji", a)
    assert type(turned) is type(a)
    np.testing.assert_array_equal(written_out(turned), cube.T)
    whole = er.einsum("ijk->", a)
    assert isinstance(whole, sparse.COO)
    assert whole.shape == ()
    assert whole.todense() == cube.sum()
    np.testing.assert_array_equal(written_out(a), cube)


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 2), (1, 2)])
def test_gcxs_by_its_compressed_axes(axes: tuple[int, ...]) -> None:
    cube = np.where(np.arange(24).reshape(2, 3, 4) % 5 == 0, 2.0, 0.0)
    a = sparse.GCXS.from_numpy(cube, compressed_axes=axes)
    np.testing.assert_allclose(er.einsum("ijk,kl->lji", a, RIGHT), np.einsum("ijk,kl->lji", cube, RIGHT))


def test_an_array_of_three_dimensions_in_scipy() -> None:
    cube = np.where(np.arange(24).reshape(2, 3, 4) % 5 == 0, 2.0, 0.0)
    result = er.einsum("ijk->ki", sp.coo_array(cube))
    assert type(result) is sp.csr_array
    np.testing.assert_array_equal(result.toarray(), np.einsum("ijk->ki", cube))
    three = er.einsum("ijk->kij", sp.coo_array(cube))
    assert type(three) is sp.coo_array
    np.testing.assert_array_equal(three.toarray(), np.einsum("ijk->kij", cube))


@pytest.mark.parametrize(
    ("left", "right", "wanted"),
    [
        (sp.csr_array, sp.csc_matrix, sp.csr_array),
        (sp.csr_matrix, sp.csc_matrix, sp.csr_matrix),
        (sparse.COO.from_numpy, sp.csr_matrix, sparse.COO),
        (sp.csr_array, sparse.GCXS.from_numpy, sparse.GCXS),
        (sparse.GCXS.from_numpy, sparse.GCXS.from_numpy, sparse.GCXS),
        (sparse.DOK.from_numpy, sparse.DOK.from_numpy, sparse.DOK),
        (sparse.GCXS.from_numpy, sparse.COO.from_numpy, sparse.COO),
        (sparse.GCXS.from_numpy, sparse.DOK.from_numpy, sparse.COO),
    ],
)
def test_the_type_of_sparse_by_sparse(left: Any, right: Any, wanted: type) -> None:
    result = er.einsum("ij,jk->ik", left(DENSE), right(DENSE.T))
    assert isinstance(result, wanted)
    np.testing.assert_allclose(written_out(result), DENSE @ DENSE.T)


@pytest.mark.parametrize("new", [sp.csr_array, sp.csc_array, sp.csr_matrix])
@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_duplicates_and_unsorted_indices(new: Any, index: type) -> None:
    data, indices = np.array([1.0, 2, 3, 4, 5]), np.array([2, 0, 2, 1, 1], index)
    a = new((data, indices, np.array([0, 3, 3, 5], index)), shape=(3, 3))
    assert not a.has_canonical_format
    before = [x.copy() for x in (a.data, a.indices, a.indptr)]
    full = np.array([[2.0, 0, 4], [0, 0, 0], [0, 9, 0]])
    full = full.T if new is sp.csc_array else full
    np.testing.assert_array_equal(er.tensordot(np.eye(3), a, axes=1), full)
    np.testing.assert_array_equal(er.einsum("ij,ij->ij", a, np.ones((3, 3))).toarray(), full)
    np.testing.assert_array_equal(er.einsum("ij,ij->ij", a, a).toarray(), full**2)
    np.testing.assert_array_equal(er.einsum("ij,jk->ik", a, a).toarray(), full @ full)
    for x, was in zip((a.data, a.indices, a.indptr), before, strict=True):
        np.testing.assert_array_equal(x, was)


def _twice(value: Any, dtype: str, new: Any) -> Any:
    """One place with two entries of the value, beside others out of order."""
    data = np.array([1, value, 1, value], dtype)
    return new(sp.coo_array((data, (np.array([1, 0, 1, 0]), np.array([2, 1, 0, 1]))), shape=(2, 3)))


def _csr_as_it_is(a: Any) -> Any:
    indptr = np.array([0, 2, 4])
    return sp.csr_array((a.data[[1, 3, 0, 2]], a.coords[1][[1, 3, 0, 2]], indptr), shape=a.shape)


@pytest.mark.parametrize("new", [sp.coo_array, _csr_as_it_is])
@pytest.mark.parametrize(("value", "dtype"), [(True, "?"), (100, "i1"), (200, "u1"), (2**31 - 1, "i4")])
def test_duplicates_are_summed_in_their_own_dtype(value: Any, dtype: str, new: Any) -> None:
    a = _twice(value, dtype, new)
    right = a.toarray()
    assert right.dtype == dtype
    x = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(er.tensordot(a, x, axes=1), right @ x)
    np.testing.assert_array_equal(er.einsum("ij,j->ij", a, x[:, 0]).toarray(), right * x[:, 0])
    np.testing.assert_array_equal(written_out(er.einsum("ij->i", a, dtype=int)), right.sum(1, dtype=int))
    assert len(a.data) == 4


def test_results_do_not_share_memory_with_operands() -> None:
    a = sp.csr_array(DENSE)
    same = er.einsum("ij->ij", a)
    for part in ("data", "indices", "indptr"):
        assert not np.may_share_memory(getattr(same, part), getattr(a, part))
    b = sparse.COO.from_numpy(DENSE)
    same = er.einsum("ij->ij", b)
    assert not np.may_share_memory(same.data, b.data)
    assert not np.may_share_memory(same.coords, b.coords)


def _with(part: str, position: int, value: int, new: Any = sp.csr_array) -> Any:
    a = new(np.eye(3))
    getattr(a, part)[position] = value
    return a


def _coo(value: int) -> Any:
    a = sp.coo_array(np.eye(3))
    a.coords[1][1] = value
    return a


def _bsr(part: str, value: int) -> Any:
    a = sp.bsr_array(np.eye(4), blocksize=(2, 2))
    getattr(a, part)[1] = value
    return a


def _pydata_coo(value: int) -> Any:
    a = sparse.COO.from_numpy(np.eye(3))
    a.coords[1, 1] = value
    return a


def _gcxs(part: str, value: int) -> Any:
    a = sparse.GCXS.from_numpy(np.eye(3))
    getattr(a, part)[1] = value
    return a


def _short_data() -> Any:
    a = sp.csr_array(np.eye(3))
    a.data = a.data[:1]
    return a


def _short_indptr() -> Any:
    a = sp.csr_array(np.eye(3))
    a.indptr = a.indptr[:2]
    return a


def _parts(new: Any, part: str, value: Any = ...) -> Any:
    a = new(np.eye(4))
    if value is ...:
        delattr(a, part)
    else:
        setattr(a, part, value)
    return a


def _lil(part: str, change: Any) -> Any:
    a = sp.lil_array(np.eye(4))
    setattr(a, part, change(getattr(a, part)))
    return a


def _dok(key: Any) -> Any:
    a = sp.dok_array(np.eye(4))
    a._dict[key] = 1.0
    return a


def _bsr_shape() -> Any:
    a = sp.bsr_array(np.eye(4), blocksize=(2, 2))
    a._shape = (5, 5)
    return a


CORRUPTED = {
    "index too large": lambda: _with("indices", 1, 3),
    "index negative": lambda: _with("indices", 1, -1),
    "index far away": lambda: _with("indices", 1, 2**31 - 1),
    "index of csc": lambda: _with("indices", 1, 3, sp.csc_array),
    "indptr decreases": lambda: _with("indptr", 1, 3),
    "indptr negative": lambda: _with("indptr", 1, -5),
    "indptr starts late": lambda: _with("indptr", 0, 1),
    "indptr ends beyond": lambda: _with("indptr", 3, 10**6),
    "data short": _short_data,
    "indptr short": _short_indptr,
    "coo too large": lambda: _coo(3),
    "coo negative": lambda: _coo(-1),
    "bsr index": lambda: _bsr("indices", 7),
    "bsr indptr": lambda: _bsr("indptr", 9),
    "pydata too large": lambda: _pydata_coo(3),
    "pydata negative": lambda: _pydata_coo(-1),
    "gcxs index": lambda: _gcxs("indices", 9),
    "gcxs indptr": lambda: _gcxs("indptr", 9),
    "data is a list": lambda: _parts(sp.csr_array, "data", [1.0, 1.0, 1.0, 1.0]),
    "data is nothing": lambda: _parts(sp.csc_array, "data", None),
    "no data": lambda: _parts(sp.coo_array, "data"),
    "no coords": lambda: _parts(sp.coo_array, "coords"),
    "indptr is empty": lambda: _parts(sp.csr_array, "indptr", np.zeros(0, np.int32)),
    "no indptr": lambda: _parts(sp.csr_array, "indptr"),
    "no indices": lambda: _parts(sp.bsr_array, "indices"),
    "indices are floats": lambda: _parts(sp.csr_array, "indices", np.ones(4)),
    "dia: fewer offsets": lambda: _parts(sp.dia_array, "offsets", np.zeros(0, np.int32)),
    "dia: more offsets": lambda: _parts(sp.dia_array, "offsets", np.arange(9, dtype=np.int32)),
    "dia: far away": lambda: _parts(sp.dia_array, "offsets", np.array([2**40])),
    "dia: no rows": lambda: _parts(sp.dia_array, "data", np.ones(4)),
    "lil: no rows": lambda: _parts(sp.lil_array, "rows"),
    "lil: no lists": lambda: _parts(sp.lil_array, "rows", np.array([None] * 4)),
    "lil: more rows": lambda: _lil("rows", lambda x: np.concatenate([x] * 20)),
    "lil: fewer rows": lambda: _lil("rows", lambda x: x[:2]),
    "lil: more data": lambda: _lil("data", lambda x: np.concatenate([x, x])),
    "lil: less data": lambda: _lil("data", lambda x: x[:1]),
    "lil: two dimensions": lambda: _lil("data", lambda x: x[:, None]),
    "dok: half an index": lambda: _dok((0.5, 0)),
    "dok: three indices": lambda: _dok((0, 1, 2)),
    "dok: one index": lambda: _dok(3),
    "bsr: blocks that do not fill it": _bsr_shape,
    "coo: data of two dimensions": lambda: _parts(sp.coo_array, "data", np.ones((4, 2))),
    "pydata: data of two dimensions": lambda: _parts(sparse.COO.from_numpy, "data", np.ones((4, 2))),
    "gcxs: data of two dimensions": lambda: _parts(sparse.GCXS.from_numpy, "data", np.ones((4, 2))),
    "gcxs: a negative axis": lambda: _parts(sparse.GCXS.from_numpy, "_compressed_axes", (-1,)),
    "gcxs: an axis twice": lambda: _parts(sparse.GCXS.from_numpy, "_compressed_axes", (0, 0)),
    "dok: no dict": lambda: _parts(sp.dok_array, "_dict", [1.0]),
    "pydata: coords is a list": lambda: _parts(sparse.COO.from_numpy, "coords", [[0], [0]]),
    "pydata: data is a list": lambda: _parts(sparse.COO.from_numpy, "data", [1.0]),
    "gcxs: no indptr": lambda: _parts(sparse.GCXS.from_numpy, "indptr"),
    "pydata dok: a key that is no place": lambda: _parts(sparse.DOK.from_numpy, "data", {1: 2.0}),
}


@pytest.mark.parametrize("name", CORRUPTED)
def test_corrupted_index_arrays_are_refused(name: str) -> None:
    a = CORRUPTED[name]()
    n = a.shape[0]
    for call in (
        lambda: er.tensordot(np.ones((2, n)), a, axes=1),
        lambda: er.einsum("ij,jk->ik", np.ones((2, n)), a),
        lambda: er.einsum("ij,ij->ij", np.ones((n, n)), a),
        lambda: er.dot(np.ones((2, n)), a),
    ):
        for _ in range(2):  # a plan that is kept checks again
            with pytest.raises(ValueError, match=r"operand 1 .* cannot be used: "):
                call()
    for call in (lambda: er.linalg.solve(a, np.ones(n)), lambda: er.lstsq(a, np.ones(n))):
        with pytest.raises(ValueError, match=r"^a \(.* cannot be used: "):
            call()


def test_an_operand_that_was_sound_is_checked_again() -> None:
    a, x = sp.csr_array(np.eye(3)), np.ones((2, 3))
    er.tensordot(x, a, axes=1)
    a.indices[0] = 99
    with pytest.raises(ValueError, match="index 99, out of range for an axis of length 3"):
        er.tensordot(x, a, axes=1)


def test_a_fill_value_is_refused() -> None:
    a, x = sparse.COO.from_numpy(np.eye(3) + 1, fill_value=1.0), np.ones((3, 3))
    for other in (x, sp.csr_array(x), sparse.COO.from_numpy(x)):
        for name in ("tensordot", "dot", "matmul", "inner"):
            call = getattr(er, name)
            with pytest.raises(ValueError, match=r"operand 0 .* its fill value is 1.0, .*todense"):
                call(a, other)
            with pytest.raises(ValueError, match=r"operand 1 .* its fill value is 1.0, .*todense"):
                call(other, a)
        with pytest.raises(ValueError, match=r"operand 1 .* its fill value is 1.0, .*todense"):
            er.einsum("ij,jk,kl->il", other, a, other)


def test_unsupported_operands_are_refused() -> None:
    a = sp.csr_array(np.eye(2))
    with pytest.raises(TypeError, match="operand 1 has dtype object"):
        er.einsum("ij,jk->ik", a, np.ones((2, 2), object))
    with pytest.raises(TypeError, match="operand 0 has dtype object"):
        er.tensordot(sparse.COO.from_numpy(np.array([1, 0], object)), np.ones(2), axes=1)
    with pytest.raises(TypeError, match="operand 0 is of type Unknown"):
        er.tensordot(type("Unknown", (), {"shape": (2,), "dtype": float})(), a, axes=1)
    with pytest.raises(TypeError, match="float16"):
        er.einsum("ij,j->ij", sp.csr_array(np.eye(2, dtype=bool)), np.ones(2, np.float16))


@pytest.mark.parametrize("call", ["vdot", "outer"])
def test_what_numpy_would_take_for_an_object_is_refused(call: str) -> None:
    with pytest.raises(TypeError, match=rf"{call} .*csr_array"):
        getattr(er, call)(sp.csr_array(np.eye(2)), np.ones(4))


@pytest.mark.parametrize(
    ("subscripts", "marks", "is_sparse"),
    [
        ("ij,jk->ik", "ss", True),
        ("ij,jk->ik", "sd", False),
        ("ij,jk->ik", "ds", False),
        ("ij,jk->ijk", "sd", False),
        ("ij,j->ij", "sd", True),
        ("ij,j->ji", "ds", False),  # i is no label of the sparse vector
        ("ij,j->i", "sd", False),
        ("ij,->ij", "sd", True),
        ("ij,k->ij", "sd", True),
        ("ij,ik,jk->ij", "sdd", True),
        ("ij,jk,i->ik", "ssd", True),
        ("ij,jk,j->ik", "ssd", False),
        ("ij->i", "s", True),
        ("ii->i", "s", True),
        ("ij->", "s", True),
        ("ij,ij->", "sd", False),
        ("ij,kl->ijkl", "ss", True),
        ("ij,kl->ijkl", "sd", False),
    ],
)
def test_the_kind_of_the_result(subscripts: str, marks: str, is_sparse: bool) -> None:
    terms, _, output = subscripts.partition("->")
    sizes = dict(zip("ijkl", (3, 3, 4, 2), strict=True))
    operands: list[Any] = []
    dense = []
    for term, mark in zip(terms.split(","), marks, strict=True):
        x = np.arange(1.0, 1 + np.prod([sizes[c] for c in term], dtype=int)).reshape([sizes[c] for c in term])
        dense.append(x)
        operands.append(sparse.COO.from_numpy(x) if mark == "s" else x)
    result = er.einsum(subscripts, *operands)
    assert isinstance(result, sparse.COO) is is_sparse
    if not is_sparse:
        assert type(result) is (np.ndarray if output else np.float64)
    np.testing.assert_allclose(written_out(result), np.einsum(subscripts, *dense))


def test_a_full_contraction_in_scipy_is_a_scalar() -> None:
    a = sp.csr_array(DENSE)
    assert type(er.einsum("ij->", a)) is np.float64
    assert type(er.tensordot(a, a, axes=2)) is np.float64
    assert er.einsum("ij,ij->", a, a) == (DENSE**2).sum()
    assert type(er.einsum("ij->", sp.csr_array((0, 3), dtype=np.int8))) is np.int8


def test_an_operand_without_dimensions_may_be_its_fill_value() -> None:
    scale = sparse.COO.from_numpy(np.array(3.0))
    result = er.einsum(",ij->ij", scale, sparse.COO.from_numpy(DENSE))
    np.testing.assert_array_equal(result.todense(), 3 * DENSE)


def test_pydata_results_hold_no_zeros() -> None:
    a = sparse.COO(np.array([[0, 1, 1], [0, 0, 1]]), np.array([1e-300, 1.0, -1.0]), shape=(2, 2))
    product = er.dot(a, a)
    assert product.nnz == 2  # 1e-600 is 0
    np.testing.assert_array_equal(product.todense(), np.dot(a.todense(), a.todense()))
    for new in (sparse.GCXS, sparse.DOK):
        assert er.einsum("ij,j->ij", new.from_coo(a), np.array([0.0, 1.0])).nnz == 1


def test_a_matrix_of_more_rows_than_there_is_room_for_pointers() -> None:
    n = 2**48
    a = sp.coo_array((np.ones(2), (np.array([1, n - 1]), np.array([0, 1]))), shape=(n, 2))
    assert type(er.einsum("ij,ij->ij", a, a)) is sp.coo_array
    assert er.einsum("ij->ji", a).shape == (2, n)
    assert er.einsum("ij,jk->ik", a, sparse.COO.from_numpy(np.eye(2))).shape == (n, 2)


@pytest.mark.parametrize("name", ["csr", "csc", "coo", "bsr", "dia"])
def test_values_of_the_other_byte_order(name: str) -> None:
    a = getattr(sp, f"{name}_array")(np.array([[2.0, 1.0], [0.0, 4.0]]))
    a.data = a.data.astype(a.dtype.newbyteorder())
    np.testing.assert_allclose(er.einsum("ij,j->i", a, np.ones(2)), [3.0, 4.0])
    np.testing.assert_allclose(er.linalg.solve(a, np.array([3.0, 4.0])), [1.0, 1.0])


@pytest.mark.parametrize(("value", "dtype"), [(True, "?"), (100, "i1")])
def test_duplicates_in_systems_and_beside_differences(value: Any, dtype: str) -> None:
    a = sp.csc_array(
        (np.array([value, value, 1, 1], dtype), np.array([0, 0, 1, 2]), np.array([0, 2, 3, 4])), shape=(3, 3)
    )
    right = a.toarray()
    b = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(er.linalg.solve(a, b), np.linalg.solve(right.astype(float), b))
    d = er.pairwise_difference(np.arange(6.0).reshape(3, 2))
    with forcing("difference.sampled"):
        found = er.einsum("ij,ijk,ijk->ij", a, d, d)
    np.testing.assert_allclose(found.toarray(), np.einsum("ij,ijk,ijk->ij", right, *[np.asarray(d)] * 2))
