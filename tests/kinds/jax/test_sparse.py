"""BCOO and BCSR in every contraction: eagerly, under jit, grad, vmap and sparsify."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er
from tests.kinds.jax.helpers import NIGHTLY, combined, jax, jnp
from tests.kinds.jax.sparse_helpers import (
    BCOO,
    BCSR,
    FORMS,
    as_dense,
    bcoo,
    is_sparse,
    operands,
    sparsify,
    values,
)

KINDS = ("sorted", "shuffled", "duplicates", "padding")


def expect_sparse(subscripts: str, sparse_at: tuple[int, ...]) -> bool:
    """The rule of the docs, in words of its own."""
    inputs, _, output = subscripts.partition("->")
    terms = inputs.split(",")
    sparse_labels = set().union(*(terms[i] for i in sparse_at))
    dense_labels = set().union(*[t for i, t in enumerate(terms) if i not in sparse_at])
    return bool(output) and (
        not dense_labels or (sparse_labels & dense_labels <= set(output) and set(output) <= sparse_labels)
    )


@pytest.mark.parametrize(
    ("subscripts", "sparse_at", "kind", "dtype"),
    combined(
        # Every kind in single precision, and one of them, by turns, in other dtypes.
        lambda form, kind, dtype: dtype == 0 or (form + dtype) % 4 == kind,
        FORMS,
        KINDS,
        ("float32", "int32", "complex64", "bool", "int8", "bfloat16"),
    ),
)
def test_forms(subscripts: str, sparse_at: tuple[int, ...], kind: str, dtype: str) -> None:
    arrays, mixed = operands(subscripts, sparse_at, kind, "float32" if dtype == "bfloat16" else dtype)
    if dtype == "bfloat16":
        mixed = [x.astype(dtype) for x in mixed]
    expected = np.einsum(subscripts, *arrays)
    for call in (er.einsum, lambda s, *x: jax.jit(lambda *y: er.einsum(s, *y))(*x)):
        got = call(subscripts, *mixed)
        assert is_sparse(got) == expect_sparse(subscripts, sparse_at)
        assert isinstance(got, jax.Array | BCOO)
        assert got.dtype == jnp.dtype(dtype)
        assert got.shape == np.shape(expected)
        np.testing.assert_array_equal(as_dense(got).astype(expected.dtype), expected)


@pytest.mark.parametrize(
    ("subscripts", "sparse_at", "kind"), combined(lambda form, kind: (form + kind) % 2 == 0, FORMS, KINDS)
)
def test_forms_under_grad(subscripts: str, sparse_at: tuple[int, ...], kind: str) -> None:
    _, mixed = operands(subscripts, sparse_at, kind)

    def total(result: Any) -> Any:
        # Of a sparse result the values where they stand, duplicates added up.
        dense = (
            (result.to_bcoo() if isinstance(result, BCSR) else result).todense()
            if is_sparse(result)
            else result
        )
        return (jnp.sin(dense) * jnp.arange(1.0, dense.size + 1).reshape(dense.shape)).sum()

    def of_parts(parts: Any) -> Any:
        whole = [
            BCOO((p, x.indices), shape=x.shape) if is_sparse(x) else p
            for p, x in zip(parts, mixed, strict=True)
        ]
        return total(er.einsum(subscripts, *whole))

    def written(parts: Any) -> Any:
        whole = [
            BCOO((p, x.indices), shape=x.shape).todense() if is_sparse(x) else p
            for p, x in zip(parts, mixed, strict=True)
        ]
        return total(jnp.einsum(subscripts, *whole))

    parts = [x.data if is_sparse(x) else x for x in mixed]
    for transform in (jax.grad, lambda f: jax.jit(jax.grad(f))):
        for ours, theirs in zip(transform(of_parts)(parts), jax.grad(written)(parts), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["sorted", "padding"])
@pytest.mark.parametrize(("subscripts", "sparse_at"), FORMS)
def test_forms_under_vmap(subscripts: str, sparse_at: tuple[int, ...], kind: str) -> None:
    arrays, mixed = operands(subscripts, sparse_at, kind)
    scales = jnp.asarray([1.0, -2.0, 3.0])

    def scaled(x: Any, s: Any) -> Any:
        return BCOO((x.data * s, x.indices), shape=x.shape) if is_sparse(x) else x * s

    def call(s: Any) -> Any:
        got = er.einsum(subscripts, scaled(mixed[0], s), *mixed[1:])
        return got.todense() if is_sparse(got) else got

    expected = np.einsum(subscripts, *arrays)
    for function in (jax.vmap(call), jax.jit(jax.vmap(call))):
        for s, got in zip(scales, function(scales), strict=True):
            np.testing.assert_allclose(got, expected * s, rtol=1e-5)
    # A whole BCOO is mapped, its data with a batch dimension that is not seen.
    if mixed[0] is not None and is_sparse(mixed[0]):
        stacked = BCOO(
            (jnp.stack([mixed[0].data * s for s in scales]), jnp.stack([mixed[0].indices] * 3)),
            shape=(3, *mixed[0].shape),
        )
        rest = mixed[1:]

        def mapped(x: Any) -> Any:
            got = er.einsum(subscripts, x, *rest)
            return got.todense() if is_sparse(got) else got

        for s, got in zip(scales, jax.vmap(mapped)(stacked), strict=True):
            np.testing.assert_allclose(got, expected * s, rtol=1e-5)


@pytest.mark.parametrize("subscripts", ["ij,jk->ik", "ij,kj->ik", "ij,j->i", "ij,ij->ij", "ij->j"])
def test_sparsify_around(subscripts: str) -> None:
    arrays, mixed = operands(subscripts, (0,), "sorted")
    expected = np.einsum(subscripts, *arrays)
    dense = sparsify(lambda *x: er.einsum(subscripts, *x))
    for call in (dense, jax.jit(dense)):
        np.testing.assert_allclose(as_dense(call(*mixed)), expected, rtol=1e-6)


def test_sparsify_inside() -> None:
    arrays, (a, b) = operands("ij,jk->ik", (0,), "sorted")
    doubled = sparsify(lambda x: x * 2.0)
    got = jax.jit(lambda a, b: er.einsum("ij,jk->ik", doubled(a), b))(a, b)
    np.testing.assert_allclose(got, 2 * arrays[0] @ arrays[1], rtol=1e-6)


ROUTES = {
    "bcoo.csr": ("ij,jk->ik", (0,)),
    "bcoo.gather": ("ij,jk->ik", (0,)),
    "bcoo.pairs": ("ij,jk->ik", (0, 1)),
    "bcoo.first_entries": ("ij,jk->ik", (0, 1)),
    "bcoo.second_entries": ("ij,jk->ki", (0, 1)),
    "bcoo.first_looked_up": ("ijk,ij->ij", (0, 1)),
    "bcoo.second_looked_up": ("ij,kji->j", (0, 1)),
    "bcoo.reduce": ("ij->j", (0,)),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("route", sorted(ROUTES))
def test_every_route_agrees(route: str, kind: str) -> None:
    subscripts, sparse_at = ROUTES[route]
    arrays, mixed = operands(subscripts, sparse_at, kind)
    with er.config(allow=route):
        assert er.explain(subscripts, *mixed).routes == (route,)
        for call in (er.einsum, lambda s, *x: jax.jit(lambda *y: er.einsum(s, *y))(*x)):
            np.testing.assert_allclose(
                as_dense(call(subscripts, *mixed)), np.einsum(subscripts, *arrays), rtol=1e-6
            )


@pytest.mark.parametrize("route", ["bcoo.pairs", "bcoo.first_entries", "bcoo.second_entries"])
@pytest.mark.parametrize(
    "subscripts",
    ["ij,ij->ij", "ij,ij->", "ij,jk->i", "ij,jk->k", "ij,jk->", "i,j->ij", "ij,ik->ijk", "ij,ji->i"],
)
def test_pairs_of_sparse_operands(subscripts: str, route: str) -> None:
    for kind in KINDS if NIGHTLY else ("duplicates", "padding"):
        sizes = {"i": 3, "j": 4, "k": 5}
        arrays = [
            values([sizes[c] for c in t], n)
            for n, t in enumerate(subscripts.split("->", maxsplit=1)[0].split(","))
        ]
        mixed = [bcoo(x, kind, n) for n, x in enumerate(arrays)]
        with er.config(allow=[route, "bcoo.reduce"]):
            got = er.einsum(subscripts, *mixed)
        np.testing.assert_allclose(as_dense(got), np.einsum(subscripts, *arrays), rtol=1e-6)
        if is_sparse(got):
            assert got.nse <= np.prod(got.shape)


LOOKED_UP = ("ij,ij->ij", "ij,ij->", "ij,ji->i", "ij,kj->i", "ij,j->ji", "ij,kl->j", "ijk,ki->j", "ij,kjk->i")


@pytest.mark.parametrize(
    ("subscripts", "kind"), combined(lambda form, kind: form % 4 == kind, LOOKED_UP, KINDS)
)
def test_entries_looked_up_by_those_of_another(subscripts: str, kind: str) -> None:
    arrays, mixed = operands(subscripts, (0, 1), kind)

    def through(route: str, *data: Any) -> Any:
        own = [BCOO((d, x.indices), shape=x.shape) for d, x in zip(data, mixed, strict=True)]
        with er.config(allow=[route, "bcoo.reduce"]):
            got = er.einsum(subscripts, *own)
        return got.todense() if is_sparse(got) else got

    first, second = (jax.jit(partial(through, f"bcoo.{x}")) for x in ("second_looked_up", "first_entries"))
    data = [x.data for x in mixed]
    np.testing.assert_allclose(first(*data), np.einsum(subscripts, *arrays), rtol=1e-6)
    several = [jnp.stack([x, 2 * x]) for x in data]
    np.testing.assert_allclose(jax.vmap(first)(*several), jax.vmap(second)(*several), rtol=1e-6)
    weights = jnp.arange(1.0, 1 + first(*data).size).reshape(first(*data).shape)
    got, expected = (
        jax.grad(lambda *d, call=call: (call(*d) * weights).sum(), argnums=(0, 1))(*data)
        for call in (first, second)
    )
    for x, y in zip(got, expected, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-6)


def test_what_is_looked_up_is_never_multiplied_where_it_is_absent() -> None:
    inf = jnp.asarray([jnp.inf, 2, jnp.nan])
    a = BCOO((inf, jnp.asarray([[0, 0], [1, 1], [9, 9]])), shape=(2, 3))  # the last one is padding
    b = BCOO((inf[::-1], jnp.asarray([[9, 0], [1, 1], [1, 0]])), shape=(2, 3))

    def call(x: Any, y: Any) -> Any:
        return er.einsum("ij,ij->", BCOO((x, a.indices), shape=a.shape), BCOO((y, b.indices), shape=b.shape))

    with er.config(allow=["bcoo.first_looked_up", "bcoo.reduce"]):
        assert call(a.data, b.data) == 4
        for found in jax.grad(call, argnums=(0, 1))(a.data, b.data):
            assert found.tolist() == [0, 2, 0]


@pytest.mark.parametrize("shape", [(3_000_000, 2_000_000), (70_000, 70_000, 70_000), (5, 2**31 - 3)])
def test_places_beyond_32_bits_are_told_apart(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    every = np.stack([rng.integers(max(n - 40, 0), n, 60) for n in shape], -1)
    x, y = every[:45], every[15:]
    data = rng.integers(1, 5, (2, 45)).astype("float32")
    a, b = (
        BCOO((jnp.asarray(d), jnp.asarray(at, "int32")), shape=shape)
        for d, at in zip(data, (x, y), strict=True)
    )
    same = (x[:, None] == y[None]).all(-1)
    labels = "ijk"[: len(shape)]
    with er.config(allow=["bcoo.first_looked_up", "bcoo.reduce"]):
        got = jax.jit(lambda a, b: er.einsum(f"{labels},{labels}->", a, b))(a, b)
    assert got == data[0] @ same @ data[1]


@pytest.mark.parametrize(("n_batch", "n_dense"), [(1, 0), (0, 1), (1, 1), (2, 0), (0, 2), (3, 0), (0, 3)])
@pytest.mark.parametrize(
    "subscripts",
    ["ijk,kl->ijl", "ijk,jl->ikl", "ijk,il->jkl", "ijk,ijk->ijk", "ijk->ik", "ijk,ijk->", "ijk,i->k"],
)
def test_batch_and_dense_dimensions(subscripts: str, n_batch: int, n_dense: int) -> None:
    sizes = {"i": 3, "j": 4, "k": 5, "l": 2}
    arrays = [
        values([sizes[c] for c in t], n)
        for n, t in enumerate(subscripts.split("->", maxsplit=1)[0].split(","))
    ]
    first = bcoo(arrays[0], "sorted", n_batch=n_batch, n_dense=n_dense)
    assert (first.n_batch, first.n_dense) == (n_batch, n_dense)
    got = er.einsum(subscripts, first, *map(jnp.asarray, arrays[1:]))
    np.testing.assert_allclose(as_dense(got), np.einsum(subscripts, *arrays), rtol=1e-6)


def test_batch_dimensions_of_length_one_are_for_all() -> None:
    x = BCOO((jnp.asarray([[1.0, 2.0]]), jnp.asarray([[[0], [2]], [[1], [2]]])), shape=(2, 3))
    assert x.data.shape[0] == 1
    np.testing.assert_array_equal(er.einsum("ij,jk->ik", x, jnp.eye(3)), [[1, 0, 2], [0, 1, 2]])


@pytest.mark.parametrize(
    ("subscripts", "sparse_result"),
    [
        ("ij,jk->ik", False),
        ("ji,jk->ik", False),
        ("ij,j->i", False),
        ("ij->ji", True),
        ("ij->i", True),
        ("ij,ij->ij", True),
    ],
)
def test_bcsr(subscripts: str, sparse_result: bool) -> None:
    sizes = {"i": 4, "j": 5, "k": 3}
    arrays = [
        values([sizes[c] for c in t], n)
        for n, t in enumerate(subscripts.split("->", maxsplit=1)[0].split(","))
    ]
    first = BCSR.fromdense(jnp.asarray(arrays[0]), nse=18)  # with padding
    mixed = [first, *map(jnp.asarray, arrays[1:])]
    expected = np.einsum(subscripts, *arrays)
    for call in (er.einsum, lambda s, *x: jax.jit(lambda *y: er.einsum(s, *y))(*x)):
        got = call(subscripts, *mixed)
        assert is_sparse(got) == sparse_result
        if sparse_result:
            assert isinstance(got, BCSR if got.ndim == 2 else BCOO)
        np.testing.assert_allclose(as_dense(got), expected, rtol=1e-6)
    data = first.data

    def loss(d: Any) -> Any:
        got = er.einsum(subscripts, BCSR((d, first.indices, first.indptr), shape=first.shape), *mixed[1:])
        return (got.data if is_sparse(got) else got).sum()

    assert jax.grad(loss)(data).shape == data.shape


def test_rows_in_more_bits_than_one_integer_holds() -> None:
    rng = np.random.default_rng(0)
    rows, count = 1 << 22, 2000
    indices = np.stack([rng.integers(0, rows, count), rng.integers(0, 3, count)], 1)
    a = scipy.sparse.coo_array((np.ones(count, "f4"), tuple(indices.T)), shape=(rows, 3))
    x = np.arange(6, dtype="f4").reshape(3, 2)
    with er.config(allow="bcoo.csr"):
        got = er.einsum(
            "ij,jk->ik", BCOO((jnp.ones(count), jnp.asarray(indices)), shape=a.shape), jnp.asarray(x)
        )
    np.testing.assert_array_equal(got, a @ x)


def test_padding_within_rows_of_bcsr() -> None:
    made = BCSR((jnp.asarray([1.0, 7.0, 2.0]), jnp.asarray([1, 3, 0]), jnp.asarray([0, 2, 3])), shape=(2, 3))
    x = jnp.arange(1.0, 7.0).reshape(3, 2)
    for route in ("bcoo.csr", "bcoo.gather"):
        with er.config(allow=route):
            np.testing.assert_array_equal(er.matmul(made, x), [[3, 4], [2, 4]])


def test_padding_within_rows_is_never_multiplied() -> None:
    """Of entries that are said to be in the order of rows, too; what it would meet is infinite."""
    indices = jnp.asarray([[0, 0], [0, 3], [1, 1], [2, -1], [2, 0], [2, 2], [3, 3]])
    by_entries = BCOO((jnp.asarray([1.0, 9, 2, 9, 3, 4, 9]), indices), shape=(3, 3), indices_sorted=True)
    by_rows = BCSR(
        (jnp.asarray([1.0, 9, 2, 3, 4]), jnp.asarray([0, 3, 1, 0, 2]), jnp.asarray([0, 2, 3, 5])),
        shape=(3, 3),
    )
    x = np.array([[np.inf, 1], [1, 2], [1, 3]], "f4")
    expected = [[np.inf, 1], [2, 4], [np.inf, 15]]
    for matrix in (by_entries, by_rows):
        for route in ("bcoo.csr", "bcoo.gather"):
            with er.config(allow=route):
                np.testing.assert_array_equal(er.matmul(matrix, x), expected)
                np.testing.assert_array_equal(jax.jit(er.matmul)(matrix, x), expected)
                np.testing.assert_array_equal(er.matmul(matrix, x[:, 1]), [1, 4, 15])

        def total(data: Any, matrix: Any = matrix) -> Any:
            parts = matrix.tree_flatten()[0][1:]
            return er.matmul(type(matrix)((data, *parts), shape=(3, 3)), x[:, 1:]).sum()

        gradient = np.asarray(jax.grad(total)(matrix.data))
        np.testing.assert_array_equal(gradient[:3], [1, 0, 2])


def test_axes_of_length_zero_beside_padding() -> None:
    empty = BCOO((jnp.ones(2), jnp.zeros((2, 2), int)), shape=(0, 4))
    assert er.einsum("ij,ik->jk", empty, jnp.ones((0, 3))).tolist() == np.zeros((4, 3)).tolist()
    assert er.einsum("aba,a,ba->", BCOO((jnp.ones(2), jnp.zeros((2, 3), int)), shape=(0, 4, 0)), jnp.ones(0),
                     jnp.ones((4, 0))) == 0  # fmt: skip
    other = BCOO((jnp.ones(2), jnp.zeros((2, 2), int)), shape=(0, 3))
    for route in ("bcoo.pairs", "bcoo.first_entries", "bcoo.second_entries"):
        with er.config(allow=route):
            np.testing.assert_array_equal(as_dense(er.einsum("ij,ik->jk", empty, other)), np.zeros((4, 3)))


def test_bcsr_beside_bcoo() -> None:
    a, b = values((4, 5), 0), values((5, 3), 1)
    for one, other in (
        (BCSR.fromdense(a), BCSR.fromdense(b)),
        (BCSR.fromdense(a), BCOO.fromdense(b)),
        (BCOO.fromdense(a), BCSR.fromdense(b)),
    ):
        got = er.matmul(one, other)
        both = isinstance(one, BCSR) and isinstance(other, BCSR)
        assert isinstance(got, BCSR if both else BCOO)
        np.testing.assert_allclose(as_dense(got), a @ b, rtol=1e-6)


def test_absent_elements_are_never_multiplied() -> None:
    a = np.zeros((3, 4), "f4")
    a[0, 1] = 2
    b = np.full((4, 2), np.inf, "f4")
    b[1] = 1
    expected = np.zeros((3, 2))
    expected[0] = 2
    for kind in KINDS:
        for route in ("bcoo.csr", "bcoo.gather"):
            with er.config(allow=route):
                np.testing.assert_array_equal(er.einsum("ij,jk->ik", bcoo(a, kind), jnp.asarray(b)), expected)
        np.testing.assert_array_equal(er.einsum("ij,jk->", bcoo(a, kind), jnp.asarray(b)), 4)
        np.testing.assert_array_equal(as_dense(er.einsum("ij,kj->ik", bcoo(a, kind), bcoo(b.T, kind)))[0], 2)
        c = np.zeros((3, 4), "f4")
        c[0, 1], c[2, 2] = 3, np.inf
        for route in ("bcoo.pairs", "bcoo.first_entries", "bcoo.second_entries"):
            with er.config(allow=route):
                got = as_dense(er.einsum("ij,ij->ij", bcoo(a, kind), bcoo(c, kind)))
            np.testing.assert_array_equal(got, [[0, 6, 0, 0], [0] * 4, [0] * 4])


PRODUCTS: tuple[tuple[str, dict[str, Any], bool], ...] = (
    ("matmul", {}, False),
    ("dot", {}, False),
    ("tensordot", {"axes": 1}, False),
    ("linalg.matmul", {}, False),
)


@pytest.mark.parametrize(("name", "options", "_"), PRODUCTS)
def test_products(name: str, options: dict[str, Any], _: bool) -> None:
    a, b = values((4, 5), 0), values((5, 3), 1)
    function: Any = er
    for part in name.split("."):
        function = getattr(function, part)
    forms = (jnp.asarray, lambda x: x, lambda x: bcoo(x, "padding"), lambda x: BCSR.fromdense(jnp.asarray(x)),
             scipy.sparse.csr_array)  # fmt: skip
    for one, other in product(range(len(forms)), repeat=2):
        if not {one, other} & {2, 3}:
            continue
        x, y = forms[one](a), forms[other](b)
        got = function(x, y, **options)
        assert is_sparse(got) == ({one, other} <= {2, 3, 4})
        np.testing.assert_allclose(as_dense(got), a @ b, rtol=1e-6)


def test_vectors_and_chains() -> None:
    a, b, v = values((4, 5), 0), values((5, 4), 1), values((5,), 2)
    x, y = bcoo(a, "shuffled"), bcoo(b, "padding")
    np.testing.assert_allclose(er.matvec(x, jnp.asarray(v)), a @ v)
    np.testing.assert_allclose(er.vecmat(jnp.asarray(v), y), v @ b)
    np.testing.assert_allclose(er.inner(x, jnp.asarray(v)), a @ v)
    np.testing.assert_allclose(as_dense(er.outer(bcoo(v, "padding"), bcoo(v, "shuffled"))), np.outer(v, v))
    np.testing.assert_allclose(er.linalg.multi_dot([x, jnp.asarray(b), jnp.asarray(a)]), a @ b @ a)
    np.testing.assert_allclose(as_dense(er.linalg.multi_dot([x, y, x])), a @ b @ a)
    for n in (0, 1, 3):
        m = values((4, 4), 5)
        got = er.linalg.matrix_power(bcoo(m, "duplicates"), n)
        np.testing.assert_allclose(as_dense(got), np.linalg.matrix_power(m, n))


def test_scipys_and_pydatas_join() -> None:
    a, b = values((4, 5), 0), values((5, 3), 1)
    import sparse as pydata

    for make in (
        scipy.sparse.csr_array,
        scipy.sparse.coo_array,
        scipy.sparse.csc_matrix,
        pydata.COO.from_numpy,
    ):
        for call in (er.einsum, lambda s, x, y: jax.jit(lambda y: er.einsum(s, x, y))(y)):
            got = call("ij,jk->ik", make(a), jnp.asarray(b))
            assert isinstance(got, jax.Array)
            np.testing.assert_allclose(got, a @ b, rtol=1e-6)
        got = er.einsum("ij,jk->ik", make(a), bcoo(b, "padding"))
        assert isinstance(got, BCOO)
        np.testing.assert_allclose(as_dense(got), a @ b, rtol=1e-6)
        got = er.einsum("ij,ij->ij", make(a), jnp.asarray(2 * a))
        assert isinstance(got, BCOO)
        np.testing.assert_allclose(as_dense(got), 2 * a * a, rtol=1e-6)
    # Plans are found again for other numbers of entries.
    for density in (0.1, 0.5, 0.9):
        a = values((40, 30), 3, density)
        got = er.einsum("ij,jk->ik", scipy.sparse.csr_array(a), jnp.eye(30))
        np.testing.assert_allclose(got, a)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_scipys_and_pydatas_join_in_dtypes_that_scipy_has_not(dtype: str) -> None:
    import sparse as pydata

    kept = values((4, 5), 0) != 0
    other = jnp.ones((4, 5), dtype)
    for m in (scipy.sparse.csr_array(kept), pydata.COO.from_numpy(kept)):
        for got in (er.einsum("ij,ij->ij", m, other), er.einsum("ij,ij->ij", other, m)):
            assert isinstance(got, BCOO)
            assert got.dtype == other.dtype
            np.testing.assert_array_equal(as_dense(got).astype("f4"), kept)


@pytest.mark.parametrize(
    ("subscripts", "sparse_at"),
    [
        ("ij,jk->ik", (0,)),
        ("ij,jk->i", (0,)),
        ("ij,ij->ij", (0,)),
        ("ij,ik,jk->ij", (0,)),
        ("ij,kj->ki", (1,)),
    ],
)
@pytest.mark.parametrize("limit", [1, 50, 200, 2000])
def test_blocks_keep_within_the_limit(subscripts: str, sparse_at: tuple[int, ...], limit: int) -> None:
    arrays, mixed = operands(subscripts, sparse_at, "padding")
    with er.config(memory_limit=limit, allow=["bcoo.gather", "jax.dot_general", "jax.multiply"]):
        got = er.einsum(subscripts, *mixed)
        text = str(er.explain(subscripts, *mixed))
    np.testing.assert_allclose(as_dense(got), np.einsum(subscripts, *arrays), rtol=1e-5)
    if limit == 1:
        assert "lax.map" in text or "lax.scan" in text


def temporaries(call: Any, *args: Any) -> int:
    return int(jax.jit(call).lower(*args).compile().memory_analysis().temp_size_in_bytes)


def test_temporaries_are_bounded_and_nothing_is_written_out() -> None:
    n, count = 3000, 2000
    rng = np.random.default_rng(0)
    a = BCOO((jnp.ones(count), jnp.asarray(rng.integers(0, n, (count, 2)))), shape=(n, n))
    x = jnp.ones((n, 64))
    dense = n * n * 4
    for subscripts, others in (
        ("ij,ij->", (a,)),
        ("ij,ji->i", (a,)),
        ("ij,kl->j", (a,)),
        ("ij,jk->ik", (x,)),
        ("ij,ik,jk->ij", (x, x)),
        ("ij,jk,ik->", (x, x)),
        ("ij,i,j->", (x[:, 0], x[:, 0])),
    ):

        def call(d: Any, *o: Any, subscripts: str = subscripts) -> Any:
            got = er.einsum(subscripts, BCOO((d, a.indices), shape=a.shape), *o)
            return (got.data if is_sparse(got) else got).sum()

        argnums = (0,) if is_sparse(others[0]) else (0, 1)
        assert temporaries(jax.value_and_grad(call, argnums=argnums), a.data, *others) < dense / 8
    with er.config(memory_limit=1 << 16, allow="bcoo.gather"):
        blocks = temporaries(
            lambda d, x: er.einsum("ij,jk->ik", BCOO((d, a.indices), shape=a.shape), x), a.data, x
        )
    with er.config(allow="bcoo.gather"):
        at_once = temporaries(
            lambda d, x: er.einsum("ij,jk->ik", BCOO((d, a.indices), shape=a.shape), x), a.data, x
        )
    assert blocks < at_once + n * 64 * 4


def test_a_product_of_two_that_is_too_large_is_refused_with_its_size() -> None:
    n, count = 200_000, 100_000
    rng = np.random.default_rng(0)
    a = BCOO((jnp.ones(count), jnp.asarray(rng.integers(0, n, (count, 2)))), shape=(n, n))
    with pytest.raises(RuntimeError, match=r"up to 10000000000 entries.*todense"):
        er.einsum("ij,jk->ik", a, a)
    small = bcoo(values((30, 30), 0), "sorted")
    with er.config(memory_limit=100), pytest.raises(RuntimeError, match=r"over the limit of 100"):
        er.einsum("ij,jk->ik", small, small)


def test_promotion_and_weak_types() -> None:
    a = bcoo(values((4, 5), 0, dtype="int32"), "sorted")
    for other in ("float32", "bfloat16", "int8", "complex64"):
        b = jnp.ones((5, 3), other)
        assert er.matmul(a, b).dtype == jnp.promote_types(jnp.int32, b.dtype)
    assert er.einsum("ij,->ij", a, 2.5).dtype == jnp.float32
    assert er.einsum("ij,->ij", a, 2).dtype == jnp.int32
    with jax.enable_x64(True):
        assert er.matmul(a, np.ones((5, 3))).dtype == jnp.float64
    assert er.matmul(a, np.ones((5, 3))).dtype == jnp.float32


def test_explain_and_record() -> None:
    a, x = bcoo(values((30, 40), 0), "sorted"), jnp.ones((40, 5))
    plan = er.explain("ij,jk->ik", a, x)
    assert plan.routes == ("bcoo.csr",)
    assert "the result is dense" in str(plan)
    assert "the result is sparse" in str(er.explain("ij->ji", a))
    assert er.explain(er.matmul, a, x).routes == ("bcoo.csr",)
    with er.record() as recorded:
        er.einsum("ij,jk->ik", a, x)
    assert "bcoo.csr" in str(recorded)


BAD = (
    (lambda a: er.einsum("ij,jk->ik", a, a.T, out=np.zeros((4, 4))), TypeError, "out"),
    (lambda a: er.einsum("ij,jk->ik", a, jnp.ones((5, 3)), out=jnp.zeros((4, 3))), TypeError, "out is"),
    (lambda a: er.einsum("ij,jk->ik", a, jnp.ones((4, 3))), ValueError, "j"),
    (lambda a: er.einsum("ij,jk->ik", a, object()), TypeError, "operand 1"),
    (lambda a: er.matmul(a, a), ValueError, "."),
    (lambda a: er.einsum("ij,jk->ik", a.astype("float8_e4m3fn"), a.T), TypeError, "float8"),
    (lambda a: er.linalg.solve(a, jnp.ones(4)), TypeError, "solve"),
    (lambda a: er.lstsq(a, jnp.ones(4)), TypeError, "lstsq"),
)  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), BAD)
def test_bad_operands_are_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(bcoo(values((4, 5), 0), "shuffled"))


def test_deleted_parts_are_named() -> None:
    a, x = bcoo(values((4, 5), 0), "shuffled"), jnp.ones((5, 2))
    er.matmul(a, x)
    a.data.delete()
    with pytest.raises(RuntimeError, match=r"operand 0 \(BCOO.*deleted"):
        er.matmul(a, x)


LABELS = "abc"


@st.composite
def contractions(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]], tuple[int, ...]]:
    """Subscripts, labels repeated and broadcast, shapes that fit, and which operands are sparse."""
    sizes = {c: draw(st.integers(1, 4)) for c in LABELS}
    terms = draw(st.lists(st.text(LABELS, min_size=1, max_size=3), min_size=1, max_size=3))
    used = sorted(set("".join(terms)))
    output = "".join(draw(st.permutations(draw(st.lists(st.sampled_from(used), unique=True)))))
    shapes = []
    for term in terms:
        ones = {c for c in set(term) if term.count(c) == 1 and draw(st.integers(0, 5)) == 0}
        shapes.append(tuple(1 if c in ones else sizes[c] for c in term))
    at = draw(st.lists(st.sampled_from(range(len(terms))), min_size=1, unique=True))
    return f"{','.join(terms)}->{output}", shapes, tuple(at)


@settings(deadline=None, max_examples=80 if NIGHTLY else 30)
@given(contractions(), st.integers(0, 2**31), st.sampled_from(KINDS))
def test_random_contractions_agree_with_numpy(drawn: Any, seed: int, kind: str) -> None:
    subscripts, shapes, sparse_at = drawn
    arrays = [values(shape, seed + i) for i, shape in enumerate(shapes)]
    mixed = [bcoo(x, kind, seed) if i in sparse_at else jnp.asarray(x) for i, x in enumerate(arrays)]
    got = er.einsum(subscripts, *mixed)
    expected = np.einsum(subscripts, *arrays)
    assert got.shape == np.shape(expected)
    np.testing.assert_allclose(as_dense(got), expected, rtol=1e-5)


def test_a_sparse_array_may_be_the_first_operand_of_jaxs_that_is_met() -> None:
    code = (
        "import numpy as np, einroute as er; from jax.experimental.sparse import BCOO, BCSR\n"
        "x = {}.fromdense(np.eye(3, dtype='f4'))\n"
        "assert er.einsum('ij,jk->ik', x, np.ones((3, 2), 'f4')).tolist() == [[1, 1]] * 3"
    )
    for name in ("BCOO", "BCSR"):
        subprocess.run([sys.executable, "-c", code.format(name)], check=True)
