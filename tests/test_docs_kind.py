"""The kind that the documentation adds as its example: in its place it agrees with the matrix written out."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from einroute_docs import kind

import einroute as er

SUBSCRIPTS = (
    "ij->ij",
    "ij->i",
    "ij->ji",
    "ij->",
    "ii->i",
    "ii->",
    "ij,jk->ik",
    "ij,jk->ki",
    "ij,jk->ijk",
    "ij,jk->",
    "ij,ij->ij",
    "ij,ij->i",
    "ij,ij->",
    "ij,ik->jk",
    "ii,ik->k",
)
DTYPES = ("f8", "f4", "c16", "i8", "i1", "?")
N = 5


@pytest.fixture
def Diagonal() -> Iterator[Any]:
    with kind.added() as found:
        yield found


def _array(shape: tuple[int, ...], dtype: str) -> np.ndarray[Any, Any]:
    return np.random.default_rng(len(shape)).integers(-9, 9, shape).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("subscripts", SUBSCRIPTS)
@pytest.mark.parametrize("forbid", ["", "diagonal.scale"])
def test_agrees_with_the_matrix(Diagonal: Any, subscripts: str, dtype: str, forbid: str) -> None:
    values, other = _array((N,), dtype), _array((N, N), dtype)
    inputs, _, output = subscripts.partition("->")
    terms = inputs.split(",")
    for order in permutations(range(len(terms))):
        operands = [(Diagonal(values), np.diag(values)), (other, other)]
        text = ",".join(terms[i] for i in order) + "->" + output
        with er.config(forbid=[forbid] if forbid else []):
            got = er.einsum(text, *(operands[i][0] for i in order))
        want = np.einsum(text, *(operands[i][1] for i in order))
        assert type(got) is type(want)
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("subscripts", ["ij,jk->ik", "ij,ij->ij", "ij,jk->ijk"])
@pytest.mark.parametrize("other", ["broadcast", "sparse", "one_hot", "itself", "another"])
def test_mixes(Diagonal: Any, subscripts: str, other: str) -> None:
    d = Diagonal(np.arange(1.0, N + 1))
    operand: Any = {
        "broadcast": np.ones((1, N)),
        "sparse": scipy.sparse.csr_array(np.eye(N) * 3.0),
        "one_hot": er.one_hot(np.arange(N) % 3, N),
        "itself": d,
        "another": Diagonal(np.arange(N)),
    }[other]
    dense = operand.toarray() if other == "sparse" else np.asarray(operand)
    got = er.einsum(subscripts, d, operand)
    got = got.toarray() if hasattr(got, "toarray") else got
    np.testing.assert_allclose(got, np.einsum(subscripts, np.asarray(d), dense))


def test_sparse_results_stay_sparse(Diagonal: Any) -> None:
    s = scipy.sparse.csr_array(np.eye(N))
    assert isinstance(er.einsum("ij,ij->ij", Diagonal(np.ones(N)), s), scipy.sparse.csr_array)


def test_numpy_s_functions_take_it(Diagonal: Any) -> None:
    d, m = Diagonal(np.arange(1.0, N + 1)), np.ones((N, 2))
    want = np.diag(d.values) @ m
    np.testing.assert_array_equal(np.einsum("ij,jk->ik", d, m), want)
    np.testing.assert_array_equal(d @ m, want)
    np.testing.assert_array_equal(np.trace(d), d.values.sum())


def test_explains_itself(Diagonal: Any) -> None:
    text = str(er.explain("ij,jk->ijk", Diagonal(np.ones(N)), np.ones((N, 2))))
    assert "by diagonal.written" in text
    assert "not diagonal.scale: both labels are in the output" in text


def test_is_immutable_and_pickles(Diagonal: Any) -> None:
    d = Diagonal(np.arange(3))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(d)).values, d.values)
    with pytest.raises(AttributeError, match="immutable"):
        d.values = np.ones(3)
    with pytest.raises(ValueError, match="one dimension"):
        Diagonal(np.ones((2, 2)))


def test_leaves_nothing_behind() -> None:
    with kind.added(), er.config(forbid=["diagonal.scale"]):
        pass
    assert kind.KIND not in sys.modules
    with pytest.raises(ValueError, match="there is no route"), er.config(forbid=["diagonal.scale"]):
        pass
