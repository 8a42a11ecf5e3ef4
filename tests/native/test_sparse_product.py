"""Matrices of scipy.sparse by dense arrays, in one call of the core."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import einroute as er
from einroute._native import CORE

pytestmark = pytest.mark.skipif(CORE is None, reason="the core is not there")

COMPRESSED = [sparse.csr_array, sparse.csc_array, sparse.csr_matrix, sparse.csc_matrix]
CLASSES = [*COMPRESSED, sparse.coo_array, sparse.coo_matrix]
DTYPES = "?bBhHiIlLqQfdFD"
#: Subscripts, which operand is sparse, and the axes of the dense operand.
FORMS = [
    ("ij,j->i", 0, "j"),
    ("ij,i->j", 0, "i"),
    ("j,ij->i", 1, "j"),
    ("ij,jk->ik", 0, "jk"),
    ("ij,jk->ki", 0, "jk"),
    ("ij,kj->ik", 0, "kj"),
    ("ij,ik->jk", 0, "ik"),
    ("ki,ij->kj", 1, "ki"),
    ("ij,jkl->ikl", 0, "jkl"),
    ("ij,kjl->ikl", 0, "kjl"),
    ("kli,ij->klj", 1, "kli"),
]
SIZES = {"i": 6, "j": 9, "k": 4, "l": 3}


def random(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    """Small whole numbers, whose sums are exact in every dtype that does not wrap."""
    numbers = rng.integers(0, 5, shape)
    if dtype in "FD":
        return (numbers - 2 + 1j * rng.integers(-2, 3, shape)).astype(dtype)
    return (numbers - 2 if dtype in "fd" else numbers).astype(dtype)


def matrix(cls: Any, rng: np.random.Generator, shape: tuple[int, int], dtype: str) -> Any:
    dense = random(rng, shape, dtype) * (rng.random(shape) < 0.5)
    return cls(dense.astype(dtype))


def operands(form: tuple[str, int, str], cls: Any, dtype: str, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    a = matrix(cls, rng, (SIZES["i"], SIZES["j"]), dtype)
    x = random(rng, tuple(SIZES[c] for c in form[2]), dtype)
    return (x, a) if form[1] else (a, x)


def dense(*given: Any) -> list[np.ndarray]:
    return [np.asarray(x.toarray() if sparse.issparse(x) else x) for x in given]


def found(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """The result of a call that is found again, the same each time."""
    results = [function(*args, **kwargs) for _ in range(3)]
    for other in results[1:]:
        np.testing.assert_array_equal(results[0], other)
    return results[-1]


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    er.cache_clear()


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("form", FORMS, ids=[form[0] for form in FORMS])
def test_forms(form: tuple[str, int, str], dtype: str, cls: Any) -> None:
    a, b = operands(form, cls, dtype)
    expected = np.einsum(form[0], *dense(a, b))
    result = found(er.einsum, form[0], a, b)
    assert type(result) is np.ndarray
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("order", ["C", "F", "K", "A"])
@pytest.mark.parametrize("form", FORMS, ids=[form[0] for form in FORMS])
def test_orders(form: tuple[str, int, str], order: str) -> None:
    a, b = operands(form, sparse.csr_array, "d")
    expected = np.einsum(form[0], *dense(a, b))
    result = found(er.einsum, form[0], a, b, order=order)
    np.testing.assert_array_equal(result, expected)
    if order in "CF":
        assert result.flags[f"{order}_CONTIGUOUS"]


def test_the_core_answers() -> None:
    a, b = operands(FORMS[0], sparse.csr_array, "d")
    found(er.einsum, "ij,j->i", a, b)
    assert len(CORE.table_in_force()) == 1
    with er.record() as r:
        er.einsum("ij,j->i", a, b)
    assert tuple(r.records[0].routes) == ("sparse.tiles",)


@pytest.mark.parametrize("cls", CLASSES)
def test_products(cls: Any) -> None:
    rng = np.random.default_rng(3)
    a = matrix(cls, rng, (6, 9), "d")
    m = a.toarray()
    v, x = rng.standard_normal(9), rng.standard_normal((9, 3))
    np.testing.assert_allclose(found(er.matmul, a, v), m @ v)
    np.testing.assert_allclose(found(er.dot, a, x), m @ x)
    np.testing.assert_allclose(found(er.matvec, a, v), m @ v)
    np.testing.assert_allclose(found(er.tensordot, x.T, a, ([1], [1])), x.T @ m.T)
    np.testing.assert_allclose(found(er.inner, v, a), m @ v)
    with pytest.raises(ValueError, match="9"):
        er.matmul(a, x.T)


@st.composite
def strided(draw: st.DrawFn, shape: tuple[int, ...]) -> np.ndarray:
    """An array of a shape with steps of any sign, perhaps broadcast, read-only or unaligned."""
    steps = [draw(st.sampled_from([1, 1, 2, -1, -2, 0])) for _ in shape]
    axes = draw(st.permutations(range(len(shape))))
    whole = np.zeros([shape[i] * max(1, abs(steps[i])) for i in axes]).transpose(np.argsort(axes))
    whole[...] = np.arange(whole.size).reshape(whole.shape) % 7
    cut = whole[tuple(slice(None, None, s or 1) for s in steps)]
    for axis, step in enumerate(steps):
        if step == 0:
            cut = np.broadcast_to(cut.take([0], axis), shape) if shape[axis] else cut
    if draw(st.booleans()):
        memory = np.zeros(cut.nbytes + 1, "u1")
        other = memory[1:].view(cut.dtype).reshape(shape)
        other[...] = cut
        cut = other
    return cut


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_any_layout(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(FORMS))
    a = matrix(data.draw(st.sampled_from(CLASSES)), np.random.default_rng(1), (6, 9), "d")
    x = data.draw(strided(tuple(SIZES[c] for c in form[2])))
    args = (x, a) if form[1] else (a, x)
    np.testing.assert_array_equal(found(er.einsum, form[0], *args), np.einsum(form[0], *dense(*args)))


@pytest.mark.parametrize("cls", COMPRESSED)
def test_duplicates_unsorted_and_wide_indices(cls: Any) -> None:
    data = np.array([1.0, 2, 3, 4, 5])
    indices, indptr = np.array([2, 0, 2, 1, 1]), np.array([0, 3, 3, 5])
    for index in (np.int32, np.int64, np.int16, np.uint32, ">i4"):
        a = cls((data, indices.astype(np.int64), indptr.astype(np.int64)), shape=(3, 3))
        a.indices, a.indptr = indices.astype(index), indptr.astype(index)
        expected = cls((data, indices, indptr), shape=(3, 3)).toarray()
        np.testing.assert_array_equal(
            found(er.einsum, "ij,j->i", a, np.arange(3.0)), expected @ np.arange(3.0)
        )
        np.testing.assert_array_equal(
            found(er.einsum, "ij,i->j", a, np.arange(3.0)), np.arange(3.0) @ expected
        )


LIES = {
    "an index too large": lambda a: a.indices.__setitem__(0, 9),
    "a negative index": lambda a: a.indices.__setitem__(-1, -1),
    "decreasing pointers": lambda a: a.indptr.__setitem__(1, a.indptr[-1] + 0) or a.indptr.__setitem__(2, 0),
    "pointers that begin late": lambda a: a.indptr.__setitem__(0, 1),
    "pointers that end too late": lambda a: a.indptr.__setitem__(-1, 10**6),
    "negative pointers": lambda a: a.indptr.__setitem__(1, -(2**31)),
    "pointers cut off": lambda a: setattr(a, "indptr", a.indptr[:-1]),
    "too few values": lambda a: setattr(a, "data", a.data[:-1]),
    "too few indices": lambda a: setattr(a, "indices", a.indices[:-1]),
    "indices that are floats": lambda a: setattr(a, "indices", a.indices.astype(float)),
    "values in rows": lambda a: setattr(a, "data", a.data[:, None]),
}


@pytest.mark.parametrize("cls", COMPRESSED)
@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("form", [FORMS[0], FORMS[1], FORMS[3], FORMS[5]], ids=lambda form: form[0])
def test_lying_parts(form: tuple[str, int, str], lie: str, cls: Any) -> None:
    rng = np.random.default_rng(5)
    a = cls(np.where(rng.random((6, 9)) < 0.9, 1.0, 0.0))
    x = random(rng, tuple(SIZES[c] for c in form[2]), "d")
    found(er.einsum, form[0], a, x)  # known before the parts lie
    LIES[lie](a)
    for _ in range(3):
        with pytest.raises((ValueError, TypeError), match="operand 0"):
            er.einsum(form[0], a, x)


LYING_COORDINATES = {
    "a row too large": lambda a: a.coords[0].__setitem__(0, 6),
    "a negative row": lambda a: a.coords[0].__setitem__(-1, -1),
    "a column too large": lambda a: a.coords[1].__setitem__(3, 9),
    "a negative column": lambda a: a.coords[1].__setitem__(3, -(2**31)),
    "too few values": lambda a: setattr(a, "data", a.data[:-1]),
    "too few rows": lambda a: setattr(a, "coords", (a.coords[0][:-1], a.coords[1])),
    "one coordinate": lambda a: setattr(a, "coords", a.coords[:1]),
    "rows that are floats": lambda a: setattr(a, "coords", (a.coords[0].astype(float), a.coords[1])),
}


@pytest.mark.parametrize("cls", [sparse.coo_array, sparse.coo_matrix])
@pytest.mark.parametrize("lie", LYING_COORDINATES)
@pytest.mark.parametrize("form", [FORMS[0], FORMS[1], FORMS[3], FORMS[5]], ids=lambda form: form[0])
def test_lying_coordinates(form: tuple[str, int, str], lie: str, cls: Any) -> None:
    rng = np.random.default_rng(5)
    a = cls(np.where(rng.random((6, 9)) < 0.9, 1.0, 0.0))
    x = random(rng, tuple(SIZES[c] for c in form[2]), "d")
    found(er.einsum, form[0], a, x)
    LYING_COORDINATES[lie](a)
    for _ in range(3):
        with pytest.raises((ValueError, TypeError), match="operand 0"):
            er.einsum(form[0], a, x)


def test_coordinates_of_any_kind() -> None:
    rows, columns, data = np.array([2, 0, 2, 2, 1]), np.array([1, 1, 0, 1, 2]), np.arange(1.0, 6)
    expected = np.zeros((3, 3))
    np.add.at(expected, (rows, columns), data)
    for index in (np.int32, np.int64, np.int16, np.uint32, ">i4"):
        a = sparse.coo_array((data, (rows, columns)), shape=(3, 3))
        a.coords = (rows.astype(index), columns.astype(index))
        for x in (np.arange(3.0), np.arange(12.0).reshape(3, 4)):
            np.testing.assert_array_equal(found(er.dot, a, x), expected @ x)
            np.testing.assert_array_equal(found(er.dot, x.T, a), x.T @ expected)


def test_parts_that_are_read_only_or_mapped(tmp_path: Any) -> None:
    a = sparse.csr_array(np.eye(4) * 3)
    for name in ("data", "indices", "indptr"):
        part = getattr(a, name)
        part.tofile(tmp_path / name)
        setattr(a, name, np.memmap(tmp_path / name, part.dtype, "r"))
    np.testing.assert_array_equal(found(er.dot, a, np.arange(4.0)), 3 * np.arange(4.0))
    for name in ("data", "indices", "indptr"):
        part = np.array(getattr(a, name))
        part.flags.writeable = False
        setattr(a, name, part)
    np.testing.assert_array_equal(found(er.dot, a, np.arange(4.0)), 3 * np.arange(4.0))


def test_parts_that_another_thread_changes() -> None:
    rng = np.random.default_rng(6)
    a = sparse.random_array((200, 200), density=0.1, format="csr", rng=rng)
    sound, lying = a.indices.copy(), a.indices.copy()
    lying[::7] = -5
    x, stop = rng.random((200, 3)), threading.Event()

    def change() -> None:
        while not stop.is_set():
            a.indices[:] = lying
            a.indices[:] = sound

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(200):  # a result or an error, and no crash
            with contextlib.suppress(ValueError):
                er.dot(a, x)
    finally:
        stop.set()
        thread.join()
    np.testing.assert_allclose(er.dot(a, x), a.toarray() @ x)


@pytest.mark.parametrize("cls", CLASSES)
def test_sound_parts(cls: Any) -> None:
    a = matrix(cls, np.random.default_rng(7), (6, 9), "d")
    shape, data, *parts = CORE.sound_parts(a)
    assert shape == (6, 9)
    assert data is a.data
    if hasattr(a, "indptr"):
        assert parts[0] is a.indptr
        assert parts[1] is a.indices
        assert parts[2] == (1 if a.format == "csc" else 0)
    else:
        assert parts[0] is a.coords
    lies = LIES if hasattr(a, "indptr") else LYING_COORDINATES
    for lie in lies.values():
        other = a.copy()
        lie(other)
        assert CORE.sound_parts(other) is None
    assert CORE.sound_parts(3) is None


def test_parts_are_looked_at_in_each_call() -> None:
    a, x = sparse.csr_array(np.eye(4)), np.arange(4.0)
    np.testing.assert_array_equal(found(er.einsum, "ij,j->i", a, x), x)
    a.data = np.full(4, 3.0)
    np.testing.assert_array_equal(er.einsum("ij,j->i", a, x), 3 * x)
    a.indices = np.array([3, 2, 1, 0], np.int32)
    np.testing.assert_array_equal(er.einsum("ij,j->i", a, x), 3 * x[::-1])
    a.data = np.ones(4, np.float32)
    assert er.einsum("ij,j->i", a, x).dtype == np.float64
    a.resize((4, 5))
    with pytest.raises(ValueError, match="'j'"):
        er.einsum("ij,j->i", a, x)
    np.testing.assert_array_equal(er.einsum("ij,j->i", a, np.ones(5)), np.ones(4))


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 1e300])
def test_what_is_not_finite(value: float) -> None:
    a = sparse.csr_array(np.array([[0.0, 2.0, 0.0], [1e300, 0.0, 0.0], [0.0, 0.0, 0.0]]))
    x = np.array([value, 1.0, 3.0])
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(
            found(er.einsum, "ij,j->i", a, x),
            [2.0, 1e300 * value if np.isnan(value) else np.copysign(np.inf, value), 0.0],
        )


def test_stored_zeros_are_multiplied() -> None:
    a = sparse.csr_array((np.zeros(1), [0], [0, 1]), shape=(1, 1))
    assert np.isnan(found(er.einsum, "ij,j->i", a, np.array([np.nan])))[0]


def test_without_entries_and_without_elements() -> None:
    for shape in ((3, 4), (0, 4), (3, 0), (0, 0)):
        for cls in CLASSES:
            a = cls(shape)
            result = found(er.einsum, "ij,jk->ik", a, np.ones((shape[1], 2)))
            assert result.shape == (shape[0], 2)
            assert not result.any()


def test_other_classes_are_pythons() -> None:
    class Own(sparse.csr_array):
        pass

    m = np.eye(3)
    for cls in (
        Own,
        sparse.coo_array,
        sparse.bsr_array,
        sparse.dia_array,
        sparse.lil_array,
        sparse.dok_array,
    ):
        np.testing.assert_array_equal(found(er.einsum, "ij,j->i", cls(m), np.arange(3.0)), np.arange(3.0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"char": "e"},
        {"char": "O"},
        {"sparse": 2},
        {"rows": -1},
        {"column": 1},
        {"column": -1},
        {"row": 5},
        {"shape": (4,)},
        {"shape": (-3,)},
        {"shape": (3,) * 40},
    ],
)
def test_arguments_that_do_not_fit(wrong: dict[str, Any]) -> None:
    right = {
        "fallback": len, "char": "d", "sparse": 0, "turned": False, "rows": 2, "columns": 3, "shape": (3,),
        "column": 0, "row": 0,
    }  # fmt: skip
    CORE.SparseProduct(**right)
    with pytest.raises((ValueError, TypeError)):
        CORE.SparseProduct(**{**right, **wrong})
    with pytest.raises(TypeError):
        CORE.know_sparse(3, "rows")
    with pytest.raises(ValueError, match="no format 'x'"):
        CORE.know_sparse(int, "x")


def test_references_balance() -> None:
    a, x = operands(FORMS[3], sparse.csr_array, "d")
    found(er.einsum, "ij,jk->ik", a, x)
    held = [a.data, a.indices, a.indptr, a, x, a._shape]
    before = [sys.getrefcount(y) for y in held]
    for _ in range(200):
        er.einsum("ij,jk->ik", a, x)
    assert [sys.getrefcount(y) for y in held] == before
