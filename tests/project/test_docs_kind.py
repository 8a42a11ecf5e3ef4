"""The kind that the documentation adds as its example: in its place it agrees with the matrix written out."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from einroute_docs import kind

import einroute as er
from tests.helpers import in_one_line

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
    text = in_one_line(er.explain("ij,jk->ijk", Diagonal(np.ones(N)), np.ones((N, 2)), verbose=True))
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
    assert "einroute._kinds.diagonal.kind" not in sys.modules
    with pytest.raises(ValueError, match="there is no route"), er.config(forbid=["diagonal.scale"]):
        pass


@pytest.fixture
def toy() -> Iterator[Any]:
    with kind.added_library() as found:
        yield found


LIBRARY_SUBSCRIPTS = (
    *SUBSCRIPTS,
    "ij,jk,kl->il",
    "ij,jk,k->",
    "aij,ajk->aik",
    "aij,ajk->kai",
    "a,b->ab",
    "iij->j",
    "i...,i->...",
)


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "i8"])
@pytest.mark.parametrize("subscripts", LIBRARY_SUBSCRIPTS)
def test_a_library_s_arrays_agree_with_numpy_s(toy: Any, subscripts: str, dtype: str) -> None:
    terms = subscripts.partition("->")[0].split(",")
    arrays = [_array((N,) * len(term.replace("...", "xy")), dtype) for term in terms]
    expected = np.einsum(subscripts, *arrays)
    for whose in product([True, False], repeat=len(arrays)):
        if not any(whose):
            continue
        operands = [toy.Array(x) if own else x for x, own in zip(arrays, whose, strict=True)]
        result = er.einsum(subscripts, *operands)
        assert type(result) is toy.Array
        assert result.dtype == expected.dtype
        np.testing.assert_allclose(result.numpy(), expected)


def test_broadcast_and_narrowed(toy: Any) -> None:
    a, b = _array((1, N), "f8"), _array((N, 4), "f8")
    c = _array((4, N), "f8")
    np.testing.assert_allclose(er.einsum("ij,ij->j", toy.Array(a), c).numpy(), np.einsum("ij,ij->j", a, c))
    result = er.einsum("ij,jk->ik", toy.Array(a), b, dtype="f4", casting="same_kind")
    assert result.dtype == np.float32


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("right", [True, False])
def test_products_of_a_library_s_arrays(toy: Any, left: bool, right: bool) -> None:
    a, b = _array((2, 3, 4), "c16"), _array((4, 5), "c16")
    x, y = (toy.Array(a) if left else a), (toy.Array(b) if right else b)
    if not left and not right:
        x = toy.Array(a)
    for function, theirs in ((er.matmul, np.matmul), (er.dot, np.dot)):
        assert type(function(x, y)) is toy.Array
        np.testing.assert_allclose(function(x, y).numpy(), theirs(a, b))
    np.testing.assert_allclose(er.tensordot(x, y, axes=1).numpy(), np.tensordot(a, b, axes=1))
    np.testing.assert_allclose(er.tensordot(x, y, axes=([2], [0])).numpy(), a @ b)


def test_forms_that_do_not_meet_are_refused(toy: Any) -> None:
    a = toy.Array(np.ones((3, 3)))
    for other in (scipy.sparse.csr_array(np.eye(3)), er.one_hot([0, 1, 2], 3)):
        for call in (
            lambda x, y: er.einsum("ij,jk->ik", x, y),
            er.matmul,
            lambda x, y: er.tensordot(x, y, 1),
        ):
            with pytest.raises(TypeError, match=r"Array.*cannot be contracted together"):
                call(a, other)
            with pytest.raises(TypeError, match=r"Array.*cannot be contracted together"):
                call(other, a)
    with pytest.raises(TypeError, match=r"out is an ndarray, but the result is a toyarray\.Array"):
        er.einsum("ij,jk->ik", a, a, out=np.empty((3, 3)))


def test_explain_shows_the_library_s_route(toy: Any) -> None:
    assert "by toy.contract" in str(er.explain("ij,jk->ik", toy.Array(np.ones((2, 3))), np.ones((3, 4))))


def test_memory_limit_is_kept_or_refused(toy: Any) -> None:
    a, b, c = (np.random.default_rng(i).random((30, 30)) for i in range(3))
    x, y, z = (toy.Array(v) for v in (a, b, c))
    with er.config(memory_limit=30 * 30 * 8):
        np.testing.assert_allclose(er.einsum("ij,jk,kl->il", x, y, z).numpy(), a @ b @ c)
    with (
        er.config(memory_limit=1000),
        pytest.raises(er.NoRoute, match=r"memory_limit is 1000 bytes .* take 7200; a toyarray\.Array"),
    ):
        er.einsum("ij,jk,kl->il", x, y, z)


def test_only_what_is_allowed_is_taken_whenever_a_library_is_loaded() -> None:
    with er.config(allow="dense.matmul"), kind.added_library() as toyarray:
        with pytest.raises(er.NoRoute, match=r"toy\.contract: forbidden"):
            er.einsum("ij,jk->ik", toyarray.Array(np.eye(3)), np.eye(3))
        with pytest.raises(er.NoRoute, match=r"toyarray\.solve is forbidden"):
            er.linalg.solve(toyarray.Array(np.eye(3)), np.eye(3))


@pytest.mark.parametrize(("left", "right"), [(True, True), (True, False), (False, True)])
def test_solvers_of_a_library(toy: Any, left: bool, right: bool) -> None:
    a, b = np.array([[2.0, 1.0], [1.0, 1.0]]), np.array([3.0, 5.0])
    x, y = (toy.Array(a) if left else a), (toy.Array(b) if right else b)
    solution = er.linalg.solve(x, y)
    assert type(solution) is toy.Array
    np.testing.assert_allclose(solution.numpy(), np.linalg.solve(a, b))
    explained = er.explain(er.linalg.solve, x, y)
    assert explained.routes == ("toyarray.solve",)
    with er.record() as r:
        er.linalg.solve(x, y)
    assert r.calls == 1


@pytest.mark.parametrize("call", [er.linalg.inv, er.linalg.pinv, er.factorize, lambda a: er.lstsq(a, a)])
def test_solvers_that_a_library_lacks_are_refused(toy: Any, call: Any) -> None:
    with pytest.raises(TypeError, match="takes no operand of kind toy; make an array of it"):
        call(toy.Array(np.eye(2)))


def test_nothing_is_left_of_it() -> None:
    with kind.added_library() as toyarray:
        a = toyarray.Array(np.ones((3, 3)))
        er.einsum("ij->j", a)
    with pytest.raises(TypeError):
        er.einsum("ij->j", a)
