"""CuPy's sparse matrices, and SciPy's beside CuPy's arrays: judged by NumPy on the operands written out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import einroute as er
from tests.kinds.cupy import recorder
from tests.kinds.cupy.helpers import (
    REAL,
    is_sparse,
    library,
    matrix,
    nothing_copied,
    on_device,
    recorded,
    values,
)

SIZES = {"i": 4, "j": 5, "k": 3, "l": 2}
#: Subscripts, and the positions of sparse operands.
FORMS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("ij,jk->ik", (0,)), ("ij,jk->ki", (0,)), ("ij,jk->ik", (1,)), ("ji,jk->ik", (0,)), ("ij,kj->ki", (0,)),
    ("ij,j->i", (0,)), ("i,ij->j", (1,)), ("ij,jkl->ikl", (0,)), ("ij,lkj->kil", (0,)), ("ij,jk->i", (0,)),
    ("ij,jk->k", (0,)), ("ij,k->ijk", (0,)), ("ij,ij->ij", (0,)), ("ij,ij->", (0,)), ("ij,ij->i", (0,)),
    ("ij,i->ij", (0,)), ("ij,j->ji", (0,)), ("ij->ji", (0,)), ("ij->i", (0,)), ("ij->j", (0,)),
    ("ij->", (0,)), ("ij->ij", (0,)), ("ij,ik,jk->ij", (0,)), ("ij,ik,jk->", (0,)), ("ij,jk,kl->il", (0,)),
    ("ij,jk,kl->il", (1,)), ("ij,jk,kl->il", (0, 2)), ("ij,jk->ik", (0, 1)), ("ij,kj->ik", (0, 1)),
    ("ij,ij->ij", (0, 1)), ("ij,ij->", (0, 1)), ("ij,ij->i", (0, 1)), ("ij,jk->i", (0, 1)),
    ("ij,kl->ijkl", (0, 1)), ("ij,jk->ijk", (0, 1)), ("ij,jk,kl->il", (0, 1, 2)), ("ij,ij,ij->ij", (0, 1, 2)),
    ("ij,,jk->ik", (0,)),
)  # fmt: skip
FORMATS = ("csr", "csc", "coo", "dia")


@pytest.fixture(autouse=True)
def cupy() -> Iterator[Any]:
    with library() as module:
        yield module


def host(shape: Any, seed: int, dtype: str, kind: str) -> Any:
    """A matrix of SciPy's of a format; "duplicates" is COO with each entry in two parts."""
    rng = np.random.default_rng(seed)
    made = rng.integers(1, 4, shape) * (rng.random(shape) < 0.4)
    if dtype in "FD":
        made = made * (1 + 1j * rng.integers(-2, 3, shape))
    made = made.astype(dtype)
    if kind != "duplicates":
        return getattr(sparse, f"{kind}_matrix")(made)
    coo = sparse.coo_matrix(made)
    order = rng.permutation(2 * coo.nnz)
    parts = [coo.data, coo.data * 2] if dtype != "?" else [coo.data] * 2
    at = [np.concatenate([x, x])[order] for x in (coo.row, coo.col)]
    return sparse.coo_matrix((np.concatenate(parts)[order], tuple(at)), shape=made.shape)


def operands(subscripts: str, at: tuple[int, ...], kinds: tuple[str, ...], dtype: str, cast: str) -> Any:
    """Arrays for subscripts, and the same on the device."""
    arrays, ours = [], []
    for n, term in enumerate(subscripts.partition("->")[0].split(",")):
        shape = [SIZES[c] for c in term]
        if n in at:
            made = host(shape, n, dtype, kinds[n % len(kinds)])
            arrays.append(made.toarray())
            ours.append(matrix(made))
        else:
            array = np.asarray(np.random.default_rng(n).integers(-3, 4, shape)).astype(cast)
            arrays.append(array)
            ours.append(on_device(array))
    return arrays, ours


def agrees(got: Any, expected: np.ndarray[Any, Any], message: str = "") -> None:
    found = values(got)
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), message
    np.testing.assert_allclose(found, expected, rtol=1e-5, err_msg=message)


@pytest.mark.parametrize("kinds", [(k,) for k in (*FORMATS, "duplicates")] + [("csr", "csc"), ("coo", "csr")])
@pytest.mark.parametrize(
    ("dtype", "cast"), [("f", "f"), ("d", "d"), ("F", "D"), ("f", "d"), ("?", "?"), ("?", "f")]
)
def test_every_form_in_every_order(kinds: tuple[str, ...], dtype: str, cast: str) -> None:
    for subscripts, at in FORMS:
        arrays, ours = operands(subscripts, at, kinds, dtype, cast)
        terms, output = subscripts.split("->")[0].split(","), subscripts.split("->")[1]
        expected = np.asarray(np.einsum(subscripts, *arrays))
        for order in permutations(range(len(ours))):
            text = ",".join(terms[n] for n in order) + "->" + output
            agrees(er.einsum(text, *(ours[n] for n in order)), expected, text)
        for x, array in zip(ours, arrays, strict=True):  # as they were
            np.testing.assert_array_equal(values(x), array)
    nothing_copied()


@pytest.mark.parametrize("format_", ["csr", "csc", "coo"])
def test_which_results_are_sparse_and_of_which_format(format_: str) -> None:
    dense = on_device(np.ones((4, 5)))
    a = matrix(host((4, 5), 1, "d", format_))
    b = matrix(host((5, 5), 2, "d", format_))
    for result in (er.einsum("ij,ij->ij", a, dense), er.einsum("ij,jk->ik", a, b), er.einsum("ij->ji", a)):
        assert result.format == format_
    other = matrix(host((5, 5), 2, "d", "csr" if format_ != "csr" else "csc"))
    assert er.einsum("ij,jk->ik", a, other).format == "coo"
    same = er.einsum("ij->ij", a)
    assert same is not a
    for result in (er.einsum("ij->i", a), er.einsum("ij,jk->ik", a, b.T @ on_device(np.ones((5, 2))))):
        assert not is_sparse(result)
    assert not is_sparse(er.einsum("ij,kl->ijkl", a, b))


@pytest.mark.parametrize("dtype", ["?", "b", "B", "i", "l", "L", "f", "d", "F", "D"])
def test_matrices_of_scipy_join_on_the_device(dtype: str) -> None:
    device = 0 if REAL else 1
    for kind in ("csr", "csc", "coo", "bsr", "lil", "dok", "dia", "duplicates"):
        made = host((4, 5), 1, dtype, kind)
        x = np.arange(15).reshape(5, 3).astype(dtype)
        got = er.einsum("ij,jk->ik", made, on_device(x, device))
        array = made.toarray()
        agrees(got, np.asarray(np.einsum("ij,jk->ik", array, x)), kind)
        assert got.device.id == device
        y = np.ascontiguousarray(x[:4].T)
        got = er.einsum("ki,ij->jk", on_device(y, device), made)
        agrees(got, np.asarray(np.einsum("ki,ij->jk", y, array)), kind)


def test_a_matrix_of_scipy_that_stays_sparse_is_a_matrix_of_cupys() -> None:
    made = host((4, 5), 1, "d", "csr")
    x = np.random.default_rng(0).random((4, 5))
    got = er.einsum("ij,ij->ij", made, on_device(x))
    assert is_sparse(got)
    agrees(got, made.toarray() * x)
    with pytest.raises(TypeError, match=r"matrix of dtype int64, which CuPy does not have.*dtype="):
        er.einsum("ij,ij->ij", made.astype(int), on_device(x.astype(int)))
    if hasattr(sparse, "coo_array"):
        three = sparse.coo_array(
            (np.ones(2), (np.array([0, 1]), np.array([1, 2]), np.array([0, 1]))), shape=(2, 3, 2)
        )
        agrees(
            er.einsum("abc,bd->adc", three, on_device(np.ones((3, 2)))),
            np.ones((2, 2, 2)) * np.eye(2)[:, None],
        )
        got = er.einsum("aba,->ab", three, on_device(np.ones(())))
        agrees(got, np.array([[0, 1.0, 0], [0, 0, 1]]))


@recorded
@pytest.mark.parametrize(
    ("subscripts", "format_", "calls", "waits"),
    [
        ("ij,jk->ik", "csr", ["@"], ["canonical"]),
        ("ji,jk->ik", "csr", ["@"], ["canonical"]),
        ("ij,j->i", "csr", ["@"], ["canonical"]),
        ("ij,jk->ki", "csc", ["@"], ["canonical"]),
        ("ij->i", "csr", ["tocoo", "zeros", "astype", "astype", "astype", "add.at", "astype"], []),
    ],
)
def test_the_calls_made(subscripts: str, format_: str, calls: list[str], waits: list[str]) -> None:
    _, ours = operands(subscripts, (0,), (format_,), "d", "d")
    er.einsum(subscripts, *ours)
    assert [c for c in recorder.CALLS if c not in {"transpose", "reshape"}] == calls
    assert waits == recorder.WAITS


@recorded
def test_what_waits_for_the_device() -> None:
    coo, x = matrix(host((4, 5), 1, "d", "coo")), on_device(np.ones((4, 5)))
    er.einsum("ij,ij->", coo, x)
    er.einsum("ij,ij->i", coo, x)
    er.einsum("ii->i", matrix(host((4, 4), 1, "d", "coo")))
    assert recorder.WAITS == []
    er.einsum("ij,ij->", coo, coo)
    assert recorder.WAITS == ["int"]  # how many pairs there are


@recorded
def test_explain_makes_no_call() -> None:
    a, x = matrix(host((4, 5), 1, "d", "csr")), on_device(np.ones((5, 3)))
    assert er.explain("ij,jk->ik", a, x).routes == ("cupy_sparse.matmul",)
    assert er.explain("ij,jk->ik", a, matrix(host((5, 4), 1, "d", "csr"))).routes == ("cupy_sparse.spgemm",)
    assert recorder.CALLS == recorder.WAITS == []


def test_absent_entries_are_not_multiplied() -> None:
    a = sparse.csr_matrix(np.array([[1.0, 0], [0, 2]]))
    bad = np.array([[1, np.nan], [np.inf, 1.0]])
    agrees(er.einsum("ij,ij->i", matrix(a), on_device(bad)), np.array([1.0, 2]))
    got = er.einsum("ij,ij->ij", matrix(a), on_device(bad))
    agrees(got, np.diag([1.0, 2]))
    diagonal = er.einsum(
        "ii,i->i", matrix(sparse.csr_matrix(np.array([[1.0, 3], [0, 2]]))), on_device(np.array([1.0, 5]))
    )
    agrees(diagonal, np.array([1.0, 10]))


@pytest.mark.parametrize("limit", [1, 200, None])
def test_memory_limits(limit: int | None) -> None:
    a, x, y = host((40, 30), 1, "d", "csr"), np.ones((40, 6)), np.ones((30, 6))
    with er.config(memory_limit=limit, allow=["cupy_sparse.gather"]):
        got = er.einsum("ij,ik,jk->ij", matrix(a), on_device(x), on_device(y))
        agrees(got, a.toarray() * 6)
        agrees(er.einsum("ij,jk->ik", matrix(a), on_device(y)), a @ y)
    if limit:
        with er.config(memory_limit=limit), pytest.raises(RuntimeError, match=f"memory_limit={limit}"):
            er.einsum("ij,ij->", matrix(a), matrix(a))


def test_large_results_of_many_dimensions_are_refused() -> None:
    a = matrix(sparse.csr_matrix((np.ones(3), ([0, 1, 2], [0, 1, 2])), shape=(100, 100)))
    with pytest.raises(ValueError, match=r"4 dimensions.*no sparse arrays.*bytes"):
        er.einsum("ij,kl->ijkl", a, a)


@pytest.mark.parametrize("shape", [(0, 5), (4, 0), (0, 0)])
def test_empty_matrices(shape: tuple[int, int]) -> None:
    for kind in ("csr", "csc", "coo"):
        made = getattr(sparse, f"{kind}_matrix")(shape)
        x = np.ones((shape[1], 3))
        agrees(er.einsum("ij,jk->ik", matrix(made), on_device(x)), made.toarray() @ x)
        agrees(er.einsum("ij->j", matrix(made)), made.toarray().sum(0))
        agrees(er.einsum("ij,ij->", matrix(made), matrix(made)), np.zeros(()))
    empty = sparse.csr_matrix((4, 5))
    agrees(er.einsum("ij,jk->ik", matrix(empty), on_device(np.ones((5, 2)))), np.zeros((4, 2)))
    agrees(er.einsum("ij,ij->ij", matrix(empty), on_device(np.ones((4, 5)))), np.zeros((4, 5)))


def test_products() -> None:
    a, x = host((4, 5), 1, "d", "csr"), np.arange(10.0).reshape(5, 2)
    for name, args in (("dot", ()), ("matmul", ()), ("tensordot", (1,))):
        agrees(getattr(er, name)(matrix(a), on_device(x), *args), a @ x)
        agrees(getattr(er, name)(on_device(x.T), matrix(a.T.tocsc()), *args), x.T @ a.T.toarray())
    square = host((4, 4), 3, "d", "csr")
    agrees(er.linalg.matrix_power(matrix(square), 2), square.toarray() @ square.toarray())
    agrees(er.linalg.matrix_power(matrix(square), 0), np.eye(4))


@recorded
def test_bad_operands_are_refused_before_any_work() -> None:
    a, b = matrix(host((4, 5), 1, "d", "csr")), matrix(host((4, 5), 1, "d", "csr"), device=1)
    x = on_device(np.ones((4, 5)))
    with pytest.raises(TypeError, match=r"operand 0 is on device 0 and operand 1 on 1.*move one"):
        er.einsum("ij,ij->ij", a, b)
    with pytest.raises(TypeError, match=r"operand 0 is on device 0 and operand 1 on 1"):
        er.einsum("ij,ij->ij", x, b)
    for out in (np.zeros((4, 5)), x):
        with pytest.raises(TypeError, match="out"):
            er.einsum("ij,ij->ij", a, x, out=out)
    with pytest.raises(TypeError, match=r"lstsq takes no csr_matrix.*write it out"):
        er.lstsq(a, x)
    assert recorder.CALLS == []


@st.composite
def expressions(draw: st.DrawFn) -> Any:
    """One to three matrices and arrays under labels that fit."""
    sizes = {"a": 3, "b": 1, "c": 2, "d": 3}
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    terms, ours, arrays = [], [], []
    for number in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(("csr", "csc", "coo", "duplicates", *(("array",) * 2 if number else ()))))
        count = 2 if kind != "array" else draw(st.integers(0, 3))
        labels = [draw(st.sampled_from("abcd")) for _ in range(count)]
        shape = [draw(st.sampled_from((sizes[c], 1))) if kind == "array" else sizes[c] for c in labels]
        if kind == "array":
            array = np.asarray(rng.integers(-3, 4, shape)).astype("d")
            ours.append(("dense", array))
        else:
            made = host(shape, int(rng.integers(1000)), "d", kind)
            array = made.toarray()
            ours.append((draw(st.sampled_from(("cupy", "cupy", "scipy"))) if number else "cupy", made))
        terms.append("".join(labels))
        arrays.append(array)
    used = sorted(set("".join(terms)))
    output = "".join(draw(st.permutations(draw(st.lists(st.sampled_from(used), unique=True)))))
    return ",".join(terms) + "->" + output, ours, arrays


@settings(deadline=None, max_examples=150)
@given(expressions())
def test_random_expressions_agree_with_numpy(drawn: Any) -> None:
    subscripts, ours, arrays = drawn
    try:
        expected = np.asarray(np.einsum(subscripts, *arrays))
    except ValueError:
        return
    put = {"dense": on_device, "cupy": matrix, "scipy": lambda x: x}
    got = er.einsum(subscripts, *(put[where](x) for where, x in ours))
    found = values(got)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-9)
