"""Lists of rows and dictionaries of entries, of scipy.sparse and pydata/sparse, as the core reads them."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import einroute as er
from einroute._native import CORE

FORMS = (
    "ij,j->i", "ij,i->j", "ij,jk->ik", "ki,ij->kj", "ij->", "ij->i", "ij->j", "ij->ji", "ij->ij", "ii->",
    "i,ij,j->", "ij,j->ij", "ij,ij->ij", "ij,ji->ij", "ij,jk->k",
)  # fmt: skip
CLASSES = (sparse.lil_array, sparse.lil_matrix, sparse.dok_array, sparse.dok_matrix)


def _numbers(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    found = rng.integers(0, 2 if dtype == "?" else 5, shape)
    return np.asarray((found + 1j * rng.integers(-2, 3, shape) if dtype in "FD" else found).astype(dtype))


def _written(x: Any) -> np.ndarray:
    written = x.toarray if sparse.issparse(x) else x.todense if hasattr(x, "todense") else None
    return np.asarray(x if written is None else written())


def _alike(subscripts: str, *operands: Any) -> Any:
    expected = np.einsum(subscripts, *map(_written, operands))
    for _ in range(3):  # as it is found again
        got = er.einsum(subscripts, *operands)
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(_written(got), expected)
    return got


def _operands(rng: np.random.Generator, subscripts: str, new: Any, dtype: str) -> list[Any]:
    sizes = dict(zip("ijk", (6, 6 if "i" in subscripts[1:4] else 9, 3), strict=True))
    operands: list[Any] = []
    for labels in subscripts.partition("->")[0].split(","):
        x = _numbers(rng, tuple(sizes[c] for c in labels), dtype)
        matrix = labels in ("ij", "ji", "ii")
        operands.append(new(np.where(rng.random(x.shape) < 0.5, x, 0).astype(dtype)) if matrix else x)
    return operands


@pytest.mark.parametrize("subscripts", FORMS)
@pytest.mark.parametrize("dtype", "?bQifdD")
def test_forms(subscripts: str, dtype: str) -> None:
    rng = np.random.default_rng(5)
    for new in CLASSES:
        _alike(subscripts, *_operands(rng, subscripts, new, dtype))


@pytest.mark.parametrize("subscripts", FORMS)
def test_dictionaries_of_pydata(subscripts: str) -> None:
    pydata = pytest.importorskip("sparse")
    rng = np.random.default_rng(6)
    made = _alike(subscripts, *_operands(rng, subscripts, pydata.DOK.from_numpy, "d"))
    if isinstance(made, pydata.SparseArray) and made.ndim:
        assert type(made) is pydata.DOK
    three = pydata.DOK.from_numpy(np.where(rng.random((3, 4, 5)) < 0.4, rng.random((3, 4, 5)), 0))
    np.testing.assert_allclose(_written(er.einsum("ijk->", three)), three.todense().sum())
    filled = pydata.DOK((3, 3), {(0, 1): 2.0}, fill_value=1.0)
    with pytest.raises(ValueError, match="fill value"):
        er.einsum("ij->", filled)


@pytest.mark.parametrize("new", [sparse.lil_array, sparse.dok_array])
def test_numbers_of_all_types(new: Any) -> None:
    """Python's and NumPy's numbers, as users put them; what holds no plain ones is read another way."""
    for dtype, values in (
        ("f4", (np.float32(1.5), np.float64(2.5), 3, True, 0.25)),
        ("c8", (np.complex64(1j), np.complex128(2 - 1j), 3, 0.5, 1j)),
        ("i1", (np.int8(-5), -128, 127, True, np.int8(3))),
        ("u8", (np.uint64(2**63), 2**63 + 1, 5, 2**62, np.uint64(1))),
        ("?", (True, np.True_, np.False_, False, True)),
        ("f8", (np.float32(1.5), np.int64(3), np.float16(2), 1.0, 2)),
    ):
        a = new((2, 5), dtype=dtype)
        dense = np.zeros((2, 5), dtype)
        for k, value in enumerate(values):
            dense[1, k] = value
            if new is sparse.dok_array:
                a._dict[1, np.int32(k)] = value
            else:
                a.rows[1].append(k)
                a.data[1].append(value)
        for _ in range(2):
            np.testing.assert_array_equal(er.einsum("ij->ij", a).toarray(), dense, strict=True)
            np.testing.assert_array_equal(
                er.einsum("ij,j->i", a, np.ones(5, dtype)), np.einsum("ij,j->i", dense, np.ones(5, dtype))
            )


def test_one_dimension() -> None:
    a = sparse.dok_array(np.array([0.0, 2.0, 0.0, 3.0]))
    for _ in range(2):
        assert er.einsum("i->", a) == 5
        np.testing.assert_array_equal(er.einsum("i,i->i", a, np.arange(4.0)).toarray(), [0, 2, 0, 9])


WRONG: dict[str, Any] = {
    "an index too large": lambda a: a.rows[0].__setitem__(0, 5),
    "an index below 0": lambda a: a.rows[0].__setitem__(0, -1),
    "an index far away": lambda a: a.rows[0].__setitem__(0, 2**70),
    "an index that is no integer": lambda a: a.rows[0].__setitem__(0, "a"),
    "a value that is no number": lambda a: a.data[0].__setitem__(0, "a"),
    "a value that is none": lambda a: a.data[0].__setitem__(0, None),
    "one value too few": lambda a: a.data[0].pop(),
    "one index too few": lambda a: a.rows[0].pop(),
    "no list": lambda a: a.rows.__setitem__(0, (0,)),
    "nothing": lambda a: a.data.__setitem__(0, None),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("subscripts", ["ij->", "ij,j->i", "ij->ji", "ij,jk->ik"])
def test_lists_that_do_not_fit(name: str, subscripts: str) -> None:
    a = sparse.lil_array(np.eye(3))
    rest = [np.ones((3, 2) if "k" in subscripts else 3)] if "," in subscripts else []
    er.einsum(subscripts, a, *rest)  # the plan is kept, and finds them again
    WRONG[name](a)
    for _ in range(2):
        with pytest.raises(ValueError, match=r"operand 0 .* cannot be used"):
            er.einsum(subscripts, a, *rest)


@pytest.mark.parametrize("key", [(0, 3), (-1, 0), (0,), 0, (0, 1, 2), (0, 2**70), ("a", 0)])
def test_keys_that_do_not_fit(key: Any) -> None:
    a = sparse.dok_array(np.eye(3))
    er.einsum("ij,j->i", a, np.ones(3))
    a._dict[key] = 1.0
    for _ in range(2):
        with pytest.raises(ValueError, match=r"operand 0 .* cannot be used"):
            er.einsum("ij,j->i", a, np.ones(3))


@pytest.mark.skipif(CORE is None, reason="the compiled core is not there")
@pytest.mark.parametrize("new", [sparse.lil_array, sparse.dok_array])
def test_lists_that_another_thread_writes(new: Any) -> None:
    """An answer or a ValueError; the process lives."""
    a, ended = new(np.eye(40)), threading.Event()

    def write() -> None:
        k = 0
        while not ended.is_set():
            k = (k + 7) % 40
            a[k, (3 * k) % 40] = 2.0
            a[k, (3 * k) % 40] = 0.0

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(300):
            with suppress(ValueError):
                er.einsum("ij->", a)
    finally:
        ended.set()
        writer.join()
