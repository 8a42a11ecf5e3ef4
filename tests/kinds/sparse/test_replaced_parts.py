"""Parts of an operand that another thread replaces during a call: those that were checked are converted.

Here the second look at a part finds another one, as it may beside such a thread.
"""

from __future__ import annotations

import collections
from typing import Any

import numpy as np
import pytest
from scipy import sparse

import einroute as er
from einroute._kinds.sparse import scipy as kind

N = 6


class Changing:
    """Stands for a matrix whose parts are replaced after the first look at each."""

    def __init__(self, first: Any, later: Any) -> None:
        self._first, self._later = first, later
        self.seen: collections.Counter[str] = collections.Counter()

    def __getattr__(self, name: str) -> Any:
        if name in ("data", "offsets", "indices", "indptr"):
            self.seen[name] += 1
            return getattr(self._first if self.seen[name] == 1 else self._later, name)
        found = getattr(type(self._first), name, None)
        if callable(found):  # a method of the class looks at the parts of the operand
            return found.__get__(self)
        return found.fget(self) if isinstance(found, property) else getattr(self._first, name)


def diagonals(count: int) -> Any:
    return sparse.dia_array((np.arange(1.0, 1 + N * count).reshape(count, N), np.arange(count)), shape=(N, N))


def blocks(size: int) -> Any:
    return sparse.bsr_array(np.arange(1.0, 37).reshape(6, 6), blocksize=(size, size))


def dense(entries: Any) -> Any:
    return np.asarray(entries.dense())


PAIRS = [
    (diagonals(1), diagonals(5)),
    (diagonals(5), diagonals(1)),
    (blocks(2), blocks(3)),
    (blocks(3), blocks(1)),
]


@pytest.mark.parametrize(("first", "later"), PAIRS)
def test_what_was_checked_is_converted(first: Any, later: Any) -> None:
    changing = Changing(first, later)
    np.testing.assert_array_equal(dense(kind.adopt(changing)), first.toarray())
    assert set(changing.seen.values()) == {1}


def test_indices_that_are_converted_are_nobody_elses() -> None:
    for matrix, name in ((diagonals(2), "offsets"), (blocks(2), "indices"), (blocks(2), "indptr")):
        shape = matrix.shape
        made = kind._diagonals(matrix, shape) if name == "offsets" else kind._blocks(matrix, shape)
        assert not np.shares_memory(getattr(made, name), getattr(matrix, name))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("index", ["<i4", ">i4", "<i8", ">i8", "<u2"])
def test_parts_of_every_layout(order: str, index: str) -> None:
    for matrix in (diagonals(3), blocks(2)):
        expected = matrix.toarray()
        given = matrix.copy()
        given.data = np.asfortranarray(given.data.astype(order + "f8"))
        for name in ("offsets", "indices", "indptr"):
            if hasattr(given, name):
                setattr(given, name, getattr(given, name).astype(index))
        np.testing.assert_array_equal(dense(kind.adopt(given)), expected)
        np.testing.assert_array_equal(er.einsum("ij->ji", given).toarray(), expected.T)


class _Vanishing(sparse.coo_array):
    """An array whose values are there so many times that they are looked at, and None from then on."""

    left = 1000

    @property
    def data(self) -> Any:
        type(self).left -= 1
        return self._values if type(self).left > 0 else None

    @data.setter
    def data(self, values: Any) -> None:
        self._values = values


@pytest.mark.parametrize("subscripts", ["ij->i", "ij,jk->ik", "ii->"])
def test_values_that_vanish_during_a_call(subscripts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rest = [np.ones((N, 2))] if "," in subscripts else []
    answers = 0
    for looks in range(1, 40):
        a = _Vanishing(np.eye(N))
        monkeypatch.setattr(_Vanishing, "left", looks)
        try:
            er.einsum(subscripts, a, *rest)
        except ValueError as error:
            assert "operand 0" in str(error)  # noqa: PT017
        else:
            answers += 1
        monkeypatch.undo()
    assert answers > 0
