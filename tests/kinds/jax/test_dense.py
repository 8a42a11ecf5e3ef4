"""Dense arrays and tracers in every contraction: NumPy's values, JAX's dtypes and type."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er
from tests.helpers import EXPRESSIONS
from tests.kinds.jax.helpers import (
    DTYPES,
    NIGHTLY,
    WIDE,
    arrays,
    as_numpy,
    combined,
    jax,
    jnp,
    numpys_einsum,
    random,
)


def check(got: Any, expected: Any, dtype: Any) -> None:
    assert isinstance(got, jax.Array)
    assert got.dtype == jnp.dtype(dtype)
    assert got.shape == np.shape(expected)
    np.testing.assert_array_equal(as_numpy(got), expected)


@pytest.mark.parametrize(
    ("subscripts", "dtype"),
    # Single precision throughout, of other dtypes two in eleven by turns.
    combined(
        lambda text, dtype: DTYPES[dtype] == "float32" or (text + 2 * dtype) % 11 < 2, EXPRESSIONS, DTYPES
    ),
)
def test_einsum_agrees_with_numpy(subscripts: str, dtype: str) -> None:
    operands = arrays(subscripts, dtype)
    check(er.einsum(subscripts, *operands), numpys_einsum(subscripts, *operands), dtype)


@pytest.mark.parametrize("dtype", WIDE)
@pytest.mark.parametrize("subscripts", EXPRESSIONS[::4])
def test_einsum_of_64_bits(subscripts: str, dtype: str) -> None:
    with jax.enable_x64(True):
        operands = arrays(subscripts, dtype)
        check(er.einsum(subscripts, *operands), numpys_einsum(subscripts, *operands), dtype)


@pytest.mark.parametrize("subscripts", EXPRESSIONS)
def test_einsum_under_jit(subscripts: str) -> None:
    operands = arrays(subscripts, "float32")
    got = jax.jit(lambda *x: er.einsum(subscripts, *x))(*operands)
    check(got, numpys_einsum(subscripts, *operands), "float32")


@pytest.mark.parametrize("subscripts", EXPRESSIONS)
def test_einsum_under_vmap_and_grad(subscripts: str) -> None:
    operands = arrays(subscripts, "float32")
    expected = numpys_einsum(subscripts, *operands)
    stacked = [jnp.stack([x, 2 * x]) for x in operands]
    got = jax.vmap(lambda *x: er.einsum(subscripts, *x))(*stacked)
    np.testing.assert_array_equal(got, np.stack([expected, expected * 2 ** len(operands)]))

    def loss(function: Any) -> Any:
        return jax.grad(lambda *x: (function(subscripts, *x) ** 2).sum(), tuple(range(len(operands))))

    for ours, theirs in zip(loss(er.einsum)(*operands), loss(jnp.einsum)(*operands), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


@pytest.mark.parametrize(
    "subscripts", ["ij,jk->ik", "ij,jk,kl->il", "i,j->ij", "ij,ij->i", "ii,ij->j", "ij,j->", "bij,bjk->kbi"]
)
@pytest.mark.parametrize("route", ["jax.dot_general", "jax.multiply"])
@pytest.mark.parametrize("dtype", ["float32", "bool", "int8", "complex64"])
def test_every_route_agrees(subscripts: str, route: str, dtype: str) -> None:
    operands = arrays(subscripts, dtype, sizes=dict.fromkeys("ijklb", 3))
    with er.config(allow=[route, "jax.multiply"]):
        got = er.einsum(subscripts, *operands)
    check(got, numpys_einsum(subscripts, *operands), dtype)


@pytest.mark.parametrize(
    ("subscripts", "limit"), [("ij,jk,kl->il", 100), ("ai,bi,ci->abc", 1000), ("ab,bc,cd,de->ae", 100)]
)
def test_blocks_keep_within_the_limit(subscripts: str, limit: int) -> None:
    operands = arrays(subscripts, "float32", sizes=dict.fromkeys("abcdeijkl", 7))
    with er.config(allow="jax.blocks", memory_limit=limit):
        plan = er.explain(subscripts, *operands)
        got = er.einsum(subscripts, *operands)
        np.testing.assert_array_equal(jax.jit(lambda *x: er.einsum(subscripts, *x))(*operands), got)
    check(got, numpys_einsum(subscripts, *operands), "float32")
    assert plan.routes == ("jax.blocks",)
    assert "lax.map" in str(plan)


def test_blocks_take_less_memory() -> None:
    a, b, c = random(500, 400), random(400, 3000), random(3000, 500)

    def temporaries(limit: int | None) -> int:
        def call(*x: Any) -> Any:
            with er.config(memory_limit=limit):
                return er.einsum(
                    "ij,jk,kl->il", *x, optimize=["einsum_path", (0, 1), (0, 1)] if limit is None else True
                )

        return int(jax.jit(call).lower(a, b, c).compile().memory_analysis().temp_size_in_bytes)

    assert temporaries(None) >= 4 * 500 * 3000
    assert temporaries(1 << 18) <= 4 * 500 * 500 + (1 << 18)  # the result is put together, too


@pytest.mark.parametrize("subscripts", ["ij,jk->ik", "ij,jk,kl->li", "i,ij,jk,k", "ij,ij->ij", "ij,z->ij"])
def test_numpys_arrays_join_in_any_place(subscripts: str) -> None:
    operands = arrays(subscripts, "float32")
    for places in product([False, True], repeat=len(operands)):
        if all(places):
            continue
        mixed = [np.asarray(x) if numpys else x for x, numpys in zip(operands, places, strict=True)]
        check(er.einsum(subscripts, *mixed), numpys_einsum(subscripts, *operands), "float32")


@pytest.mark.parametrize(
    ("one", "other", "x64"),
    combined(lambda one, other, x64: (one + other) % 2 == x64, DTYPES, DTYPES, (False, True)),
)
def test_promotion_is_jaxs(one: str, other: str, x64: bool) -> None:
    with jax.enable_x64(x64):
        a, b = arrays("ij", one)[0], arrays("jk", other, 1)[0]
        wanted = jnp.promote_types(a.dtype, b.dtype)
        got = er.einsum("ij,jk->ik", a, b)
        assert got.dtype == wanted
        np.testing.assert_array_equal(
            as_numpy(got), as_numpy(jnp.asarray(numpys_einsum("ij,jk->ik", a, b)).astype(wanted))
        )
        if other != "bfloat16":
            assert er.einsum("ij,jk->ik", a, np.asarray(b)).dtype == wanted
            assert er.einsum("jk,ij->ik", np.asarray(b), a).dtype == wanted


@pytest.mark.parametrize("x64", [False, True])
def test_numpys_64_bits_join_by_the_setting(x64: bool) -> None:
    with jax.enable_x64(x64):
        a = jnp.ones((3, 4), jnp.float32)
        for dtype in ("float64", "int64", "complex128"):
            other = np.ones((4, 5), dtype)
            wanted = jnp.result_type(a, other)
            for _ in range(2):
                assert er.einsum("ij,jk->ik", a, other).dtype == wanted
                assert er.matmul(a, other).dtype == wanted


def test_the_setting_is_asked_anew() -> None:
    a, b = jnp.ones((3, 4), jnp.float32), np.ones((4, 5))
    for x64 in (False, True, False):
        with jax.enable_x64(x64):
            assert er.matmul(a, b).dtype == (np.float64 if x64 else np.float32)


@pytest.mark.parametrize("scalar", [True, 2, 2.5, 1 + 1j])
@pytest.mark.parametrize("dtype", DTYPES)
def test_python_scalars_are_weak(dtype: str, scalar: Any) -> None:
    x = arrays("i", dtype)[0]
    got = er.einsum("i,->i", x, scalar)
    assert got.dtype == jnp.result_type(x, scalar)
    np.testing.assert_allclose(as_numpy(got), as_numpy(x * scalar), rtol=1e-2 if "16" in dtype else 1e-6)


WEAK = (True, 3, 2.5, 2j, 2**31 - 1)
JAXS = (
    lambda x, y: er.einsum("...,...->...", x, y),
    jax.jit(lambda x, y: er.einsum("...,->...", x, y)),
    er.dot,
    lambda x, y: er.contract("...,...->...", y, x),
)


@pytest.mark.parametrize(("call", "x64"), combined(lambda i, j: i % 2 == j, JAXS, (False, True)))
def test_scalars_promote_and_stay_weak_as_in_jax(call: Any, x64: bool) -> None:
    with jax.enable_x64(x64):
        weak = [jnp.asarray(2.0), jnp.arange(3) * 1.0, jnp.asarray(3)]
        strong = [jnp.asarray([1, 2], dtype) for dtype in ("int32", "int8", "bool", "bfloat16")]
        for x, y in product([*strong, *weak], [*WEAK, weak[0], weak[2]]):
            got, expected = call(x, y), jnp.multiply(x, y)
            assert (got.dtype, got.weak_type) == (expected.dtype, expected.weak_type), (x.aval, y)
            np.testing.assert_allclose(as_numpy(got), as_numpy(expected), rtol=1e-6)


def types(call: Any, *operands: Any) -> tuple[Any, ...]:
    """Shape, dtype and weak type of a call's results, of which nothing is compiled."""
    made = jax.tree.leaves(jax.eval_shape(call, *operands))
    return tuple((x.shape, x.dtype, x.weak_type) for x in made)


TYPED: tuple[tuple[str, Any, Any, tuple[int, ...]], ...] = (
    *((name, getattr(er, name), getattr(jnp, name), (2, 2)) for name in ("matmul", "dot", "inner", "vdot")),
    ("vecdot", er.vecdot, jnp.vecdot, (2, 2)),
    ("matvec", er.matvec, jnp.matvec, (2, 1)),
    ("vecmat", er.vecmat, jnp.vecmat, (1, 2)),
    ("tensordot", er.tensordot, jnp.tensordot, (2, 2)),
    ("power", lambda x: er.linalg.matrix_power(x, 3), lambda x: jnp.linalg.matrix_power(x, 3), (2,)),
    ("multi_dot", lambda *x: er.linalg.multi_dot(x), lambda *x: jnp.linalg.multi_dot(x), (2, 2, 2)),
    ("inv", er.linalg.inv, jnp.linalg.inv, (2,)),
    ("pinv", er.linalg.pinv, jnp.linalg.pinv, (2,)),
    ("solve", er.linalg.solve, jnp.linalg.solve, (2, 2)),
    # (Of residuals JAX has as many, whatever the shape.)
    ("lstsq", lambda *x: er.lstsq(*x)[::2], lambda *x: jnp.linalg.lstsq(*x)[::2], (2, 2)),
    ("singular values", lambda *x: er.lstsq(*x)[3], lambda *x: jnp.linalg.lstsq(*x)[3], (2, 2)),
    *(
        (text, partial(er.einsum, text), partial(jnp.einsum, text), dims)
        for text, dims in (("ii->i", (2,)), ("ii->", (2,)), (",ii->i", (0, 2)), (",ij->ji", (0, 2)),
                           ("ij->i", (2,)), ("ii,ij->j", (2, 2)), ("i,ij,j->", (1, 2, 1)))
    ),
)  # fmt: skip


LAPACKS = ("inv", "pinv", "solve", "lstsq", "singular values")


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("case", TYPED, ids=[case[0] for case in TYPED])
def test_dtypes_and_weak_types_are_jaxs(case: Any, x64: bool) -> None:
    _, ours, theirs, dims = case
    with jax.enable_x64(x64):
        made = [lambda shape, v=v: jnp.full(shape, v) for v in (2, 2.5, 2j)]  # weak ones
        dtypes = ("int32", "int8", "bfloat16", "float32") + (("uint64", "float64") if x64 else ())
        made += [lambda shape, dtype=dtype: jnp.ones(shape, dtype) for dtype in dtypes]
        pairs = list(product(made, repeat=min(len(dims), 2)))
        for makers in pairs if NIGHTLY or len(dims) == 1 else pairs[::3]:
            operands = [make((3,) * d) for make, d in zip([*makers, makers[0]], dims, strict=False)]
            try:
                expected = types(theirs, *operands)
            except TypeError:  # jnp.einsum's own, of preferred types
                continue
            if case[0] in LAPACKS and jnp.bfloat16 in [x.dtype for x in operands]:
                continue  # which LAPACK does not take
            assert types(ours, *operands) == expected, [x.aval for x in operands]


def test_weak_types_of_structured_operands_give_way() -> None:
    weak, strong = jnp.full((3, 3), 2.0), jnp.ones(3, jnp.bfloat16)
    rolled, difference = er.rolled(weak[0], 3), er.pairwise_difference(weak)
    for text, operand in (("ij,j->i", rolled), ("ijk,k->ij", difference)):
        assert er.einsum(text, operand, strong).dtype == jnp.bfloat16
        assert er.einsum(text, operand, weak[0]).dtype == jnp.float32
    assert er.einsum("ij,j->i", er.one_hot(jnp.arange(3), 3), strong).dtype == jnp.float32
    assert er.einsum("ij,j->i", er.rolled(strong, 3), weak[0]).dtype == jnp.bfloat16


def test_ints_that_jax_does_not_hold_are_refused_as_by_jax() -> None:
    for x64, values in ((False, (2**31, 2**40, -(2**31) - 1, 10**40)), (True, (2**63, 10**40))):
        with jax.enable_x64(x64):
            for x, value in product((jnp.ones(2, jnp.int32), jnp.ones(2), jnp.asarray(2.0)), values):
                for call in (lambda: er.einsum("...,->...", x, value), lambda: er.dot(x, value)):  # noqa: B023 - called here
                    with pytest.raises(OverflowError, match=r"operand 1 \(a Python int\).*int(32|64).*float"):
                        call()
                with pytest.raises(OverflowError):
                    jnp.multiply(x, value)
    with jax.enable_x64(True):
        got = er.einsum("i,->i", jnp.ones(2, jnp.float32), 2**40)
        assert got.dtype == jnp.float32
        np.testing.assert_array_equal(got, np.full(2, 2.0**40))


def test_a_dtype_that_numpy_lacks_joins() -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes")
    a = np.asarray([[1, 2], [3, 4]], ml_dtypes.bfloat16)
    for dtype in ("bfloat16", "float16", "float32", "int32"):
        b = jnp.asarray([[1, 0], [2, 1]], dtype)
        wanted = jnp.promote_types(jnp.bfloat16, b.dtype)
        calls = (
            lambda a, b: er.einsum("ij,jk->ik", a, b),
            er.matmul,
            lambda a, b: er.contract("ij,jk->ik", a, b),
            lambda a, b: jax.jit(lambda b: er.matmul(a, b))(b),
        )
        for call in calls:
            for _ in range(2):
                got = call(a, b)
                assert got.dtype == wanted
                np.testing.assert_array_equal(as_numpy(got), [[5, 2], [11, 4]])
        assert er.matmul(b, a).dtype == wanted
    assert er.einsum("ij,jk->ik", a, b, dtype=ml_dtypes.bfloat16, casting="same_kind").dtype == jnp.bfloat16
    with pytest.raises(TypeError, match=r"float8.*convert"):
        er.matmul(a.astype(ml_dtypes.float8_e4m3fn), b)


def test_weak_types_stay_weak() -> None:
    weak, strong = jnp.asarray(2.0), jnp.ones(3, jnp.bfloat16)
    assert weak.weak_type
    assert er.einsum(",->", weak, weak).weak_type
    assert er.einsum(",i->i", weak, strong).dtype == jnp.bfloat16
    assert not er.einsum(",i->i", weak, strong).weak_type
    assert er.einsum(",i->i", jnp.float32(2), strong).dtype == jnp.float32


def test_strict_promotion_is_jaxs() -> None:
    a, b = jnp.ones((3, 4), jnp.int32), jnp.ones((4, 5), jnp.float32)
    assert er.matmul(a, b).dtype == jnp.float32
    with jax.numpy_dtype_promotion("strict"), pytest.raises(ValueError, match=r"[Pp]romotion"):
        er.matmul(a, b)


def test_dtype_is_taken_by_jaxs_and_numpys_names_and_casting_holds() -> None:
    a, b = arrays("ij,jk", "int32")
    assert er.einsum("ij,jk->ik", a, b, dtype=jnp.bfloat16, casting="same_kind").dtype == jnp.bfloat16
    assert er.einsum("ij,jk->ik", a, b, dtype="f4").dtype == jnp.float32
    with pytest.raises(TypeError, match=r"operand 0.*int32.*casting='safe'"):
        er.einsum("ij,jk->ik", a, b, dtype=jnp.int8)
    with pytest.raises(TypeError, match="expected one that JAX has products of"):
        er.einsum("ij,jk->ik", a, b, dtype=np.longdouble)
    with pytest.warns(UserWarning, match="float64"):
        assert er.einsum("ij,jk->ik", a, b, dtype="f8").dtype == jnp.float32
    c = random(3, 3, dtype=np.complex64)
    got = er.einsum("ij,jk->ik", c, c, dtype="f4", casting="unsafe")
    np.testing.assert_allclose(got, np.real(c) @ np.real(c), rtol=1e-4)


CALLS_CAST = (
    lambda a, b, **kw: er.einsum("ij,jk->ik", a, b, **kw),
    lambda a, b, **kw: er.einsum("ij,jk->ik", a, b, optimize=True, **kw),
    lambda a, b, **kw: er.contract("ij,jk->ik", a, b, **kw),
    er.matmul,
)


@pytest.mark.parametrize("casting", ["no", "equiv", "safe", "same_kind", "unsafe"])
@pytest.mark.parametrize("call", CALLS_CAST)
def test_casting_without_dtype_holds(call: Any, casting: str) -> None:
    """Under "no" and "equiv" nothing is cast; what promotes is cast under the others."""
    a, b = jnp.ones((2, 2), jnp.int32), jnp.ones((2, 2), jnp.float32)
    for one, other in ((a, b), (b, a)):
        for _ in range(2):  # understood, and found again
            if casting in {"no", "equiv"}:
                with pytest.raises(TypeError, match=rf"operand [01] has dtype int32.*float32.*{casting}"):
                    call(one, other, casting=casting)
            else:
                assert call(one, other, casting=casting).dtype == jnp.float32
        assert call(one, one, casting=casting).dtype == one.dtype
    with pytest.raises(ValueError, match="casting is 'best'"):
        call(a, b, casting="best")


@pytest.mark.parametrize("casting", ["no", "safe", "same_kind"])
def test_weak_operands_are_cast_under_every_rule_that_their_kind_fits(casting: str) -> None:
    a, b = jnp.ones((2, 2), jnp.int32), jnp.ones((2, 2), jnp.float32)
    for scalar, x in ((2, a), (2, b), (2.5, b), (True, a)):
        assert er.einsum("ij,->ij", x, scalar, casting=casting).dtype == x.dtype
        assert er.einsum("ij,->ij", x, scalar, dtype=str(x.dtype).removeprefix("torch.")).dtype == x.dtype
    with pytest.raises(TypeError, match=r"operand 1.*float64.*int32"):
        er.einsum("ij,->ij", a, 2.5, dtype="int32", casting=casting)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "complex64"])
@pytest.mark.parametrize(
    "call",
    [
        lambda a, **k: er.einsum("ij,jk->ik", a, a, **k),
        lambda a, **k: er.einsum("ij->ji", a, **k),
        lambda a, **k: er.einsum("ij,->ij", a, 2.0, **k),
        lambda a, **k: er.einsum("ij,jk,kl->il", a, a, a, optimize=True, **k),
        lambda a, **k: er.einsum("ijk,k->i", er.rolled(a, 3), a[0], **k),
        lambda a, **k: er.contract("ij,jk->ik", a, a, **k),
        lambda a, **k: er.matmul(a, a, **k),
        lambda a, **k: er.vecdot(a, a, **k),
    ],
)
def test_a_dtype_that_is_asked_for_is_strong(call: Any, dtype: str) -> None:
    weak = jnp.full((3, 3), 2.0)
    for got in (call(weak, dtype=dtype), jax.jit(partial(call, dtype=dtype))(weak)):
        assert (got.dtype, got.weak_type) == (dtype, False)
    assert call(weak).weak_type  # which is another program


@pytest.mark.parametrize("subscripts", ["ij,ij->j", "kij,ij->i", "jki,k->ij", "k,jki->ij", "ij,j->"])
def test_products_are_summed_along_axes_as_they_lie(subscripts: str) -> None:
    given = arrays(subscripts, "float32")
    with er.config(allow="jax.multiply"):
        made = str(jax.make_jaxpr(partial(er.einsum, subscripts))(*given))
        got = er.einsum(subscripts, *given)
    check(got, numpys_einsum(subscripts, *given), "float32")
    before, _, _ = made.partition("reduce_sum")
    assert "transpose" not in before


PRODUCTS = (
    ("tensordot", (3, 4, 5), (5, 2), {"axes": 1}),
    ("tensordot", (3, 4, 5), (4, 3, 2), {"axes": ([0, 1], [1, 0])}),
    ("tensordot", (3, 4), (2,), {"axes": 0}),
    ("dot", (3, 4), (4, 5), {}),
    ("dot", (2, 3, 4), (5, 4, 2), {}),
    ("dot", (4,), (4,), {}),
    ("inner", (2, 3, 4), (5, 4), {}),
    ("outer", (3,), (4,), {}),
    ("outer", (3, 2), (4,), {}),
    ("vdot", (3,), (3,), {}),
    ("vdot", (3, 2), (3, 2), {}),
    ("vdot", (3, 2), (6,), {}),
    ("matmul", (5, 3, 4), (4, 2), {}),
    ("matmul", (5, 1, 3, 4), (2, 4, 2), {}),
    ("matmul", (4,), (4, 2), {}),
    ("vecdot", (5, 4), (4,), {}),
    ("matvec", (5, 3, 4), (4,), {}),
    ("vecmat", (3,), (5, 3, 4), {}),
    ("linalg.matmul", (3, 4), (4, 2), {}),
    ("linalg.outer", (3,), (4,), {}),
    ("linalg.tensordot", (3, 4), (4, 2), {"axes": 1}),
    ("linalg.vecdot", (3, 4), (3, 4), {}),
)


@pytest.mark.parametrize("dtype", ["float32", "complex64", "int32"])
@pytest.mark.parametrize(("name", "a", "b", "options"), PRODUCTS)
def test_products_agree_with_numpys(name: str, a: Any, b: Any, options: dict[str, Any], dtype: str) -> None:
    x, y = random(*a, dtype="c8") * 5, random(*b, seed=4, dtype="c8") * 5
    x, y = (v if dtype == "complex64" else v.real.astype(dtype) for v in (x, y))
    ours, numpys = er, np
    for part in name.split("."):
        ours, numpys = getattr(ours, part), getattr(numpys, part)
    expected = numpys(np.asarray(x), np.asarray(y), **options)
    for one, other in ((x, y), (np.asarray(x), y), (x, np.asarray(y))):
        for call in (ours, jax.jit(lambda p, q: ours(p, q, **options))):
            got = call(one, other, **(options if call is ours else {}))
            assert isinstance(got, jax.Array)
            assert got.dtype == jnp.dtype(dtype)
            assert got.shape == np.shape(expected)
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


def test_chains_and_powers() -> None:
    a, b, c = random(3, 4), random(4, 5), random(5)
    got = er.linalg.multi_dot([a, np.asarray(b), c])
    np.testing.assert_allclose(got, np.asarray(a) @ np.asarray(b) @ np.asarray(c), rtol=1e-5)
    m = random(3, 3)
    for n in (0, 1, 2, 5):
        for call in (er.linalg.matrix_power, jax.jit(er.linalg.matrix_power, static_argnums=1)):
            got = call(m, n)
            assert isinstance(got, jax.Array)
            np.testing.assert_allclose(got, np.linalg.matrix_power(np.asarray(m), n), rtol=1e-3, atol=1e-4)


def test_gradients_of_gradients() -> None:
    a, b = random(3, 4), random(4, 2)
    hessian = jax.hessian(lambda x: (er.einsum("ij,jk->ik", x, b) ** 2).sum())(a)
    expected = jax.hessian(lambda x: ((x @ b) ** 2).sum())(a)
    np.testing.assert_allclose(hessian, expected, rtol=1e-4, atol=1e-5)
    jacobian = jax.jacfwd(lambda x: er.matmul(x, b))(a)
    np.testing.assert_allclose(jacobian, jax.jacrev(lambda x: er.matmul(x, b))(a), rtol=1e-5)


def test_what_is_traced_is_one_program_of_few_operations() -> None:
    a, b = random(30, 40), random(40, 50)
    equations = jax.make_jaxpr(lambda x, y: er.einsum("ij,jk->ik", x, y))(a, b).eqns
    assert [e.primitive.name for e in equations] == ["dot_general"]
    equations = jax.make_jaxpr(lambda x, y: er.einsum("ij,jk->ki", x, y))(a, b).eqns
    assert [e.primitive.name for e in equations] == ["dot_general"]  # the operands swapped
    equations = jax.make_jaxpr(er.matmul)(a, b).eqns
    assert [e.primitive.name for e in equations] == ["dot_general"]


def test_matmul_precision_is_left_as_it_is_set() -> None:
    a, b = random(30, 40), random(40, 50)
    for setting in (None, "highest", "bfloat16"):
        with jax.default_matmul_precision(setting):
            ours = jax.make_jaxpr(lambda x, y: er.einsum("ij,jk->ik", x, y))(a, b).eqns[0].params["precision"]
            theirs = jax.make_jaxpr(lambda x, y: jnp.einsum("ij,jk->ik", x, y))(a, b).eqns[-1]
            while "jaxpr" in theirs.params:
                theirs = theirs.params["jaxpr"].eqns[-1]
            assert ours == theirs.params["precision"]


def test_constants_of_a_traced_function_join() -> None:
    constant = np.arange(12.0, dtype="f4").reshape(4, 3)

    @jax.jit
    def call(x: Any) -> Any:
        return (
            er.einsum("ij,jk,kl->il", x, jnp.asarray(constant), jnp.ones((3, 2)))
            + er.matmul(x, constant)[:, :2]
        )

    x = random(3, 4)
    expected = np.asarray(x) @ constant @ np.ones((3, 2)) + (np.asarray(x) @ constant)[:, :2]
    np.testing.assert_allclose(call(x), expected, rtol=1e-5)


def test_without_jit_and_in_loops_and_checkpoints() -> None:
    a, b = random(3, 4), random(4, 3)
    with jax.disable_jit():
        np.testing.assert_allclose(er.matmul(a, b), np.asarray(a) @ np.asarray(b), rtol=1e-5)
    got = jax.lax.scan(
        lambda c, x: (er.matmul(c, x), er.einsum("ii->", c)), a @ b, jnp.stack([b @ a[:, :4]] * 2)[:, :3, :3]
    )
    assert got[0].shape == (3, 3)
    f = jax.checkpoint(lambda x: er.matmul(x, b).sum())
    np.testing.assert_allclose(jax.grad(f)(a), jnp.broadcast_to(b.sum(1), (3, 4)), rtol=1e-5)


def test_nothing_is_read_on_the_host() -> None:
    a, b = random(30, 40), random(40, 50)
    a.block_until_ready()
    with jax.transfer_guard("disallow_explicit"):
        er.einsum("ij,jk->ik", a, b)
        er.matmul(a, b)
        er.tensordot(a, b, axes=1)


@pytest.mark.parametrize("order", ["C", "F", "A", "K"])
def test_order_is_taken_and_layouts_are_jaxs(order: str) -> None:
    a, b = random(3, 4), random(4, 5)
    got = er.einsum("ij,jk->ki", a, b, order=order)
    np.testing.assert_allclose(got, (np.asarray(a) @ np.asarray(b)).T, rtol=1e-5)


def test_sublists_and_paths() -> None:
    a, b, c = arrays("ij,jk,kl", "float32")
    expected = numpys_einsum("ij,jk,kl->il", a, b, c)
    check(er.einsum(a, [0, 1], b, [1, 2], c, [2, 3], [0, 3]), expected, "float32")
    for optimize in (True, None, "greedy", ["einsum_path", (1, 2), (0, 1)], ["einsum_path", (0, 1, 2)]):
        check(er.einsum("ij,jk,kl->il", a, b, c, optimize=optimize), expected, "float32")
    assert er.einsum_path("ij,kj->ik", a, a)[0] == ["einsum_path", (0, 1)]


def test_explain_shows_the_operations() -> None:
    a, b = random(30, 40), random(40, 50)
    text = str(er.explain("ij,jk->ik", a, b))
    assert "lax.dot_general" in text
    assert er.explain(er.tensordot, a, b, axes=1).routes == ("jax.dot_general",)
    assert er.explain(er.matmul, a, b).routes == ("jax.dot_general",)
    assert "bfloat16" in str(er.explain("ij,jk->ik", a.astype("bfloat16"), b.astype("bfloat16")))
    shapes = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in (a, b)]
    assert er.explain("ij,jk->ik", a, shapes[1]).routes == ("jax.dot_general",)
    assert er.explain("ij,jk->ik", *shapes).routes == ("jax.dot_general",)
    assert er.explain(er.matmul, shapes[0], np.ones((40, 3))).routes == ("jax.dot_general",)
    assert "jax.numpy.linalg.lstsq" in str(er.explain(er.lstsq, shapes[0], jnp.ones(30)))
    points = jax.ShapeDtypeStruct((1000, 10), jnp.float32)
    d = er.pairwise_difference(points)
    assert er.explain("ijk,ijk->ij", d, d).routes == ("jax.squared",)
    made = jax.eval_shape(lambda x, y: er.einsum("ij,jk->ik", x, y), *shapes)
    assert (made.shape, made.dtype) == ((30, 50), jnp.float32)


def test_what_has_no_elements_is_named() -> None:
    shape = jax.ShapeDtypeStruct((4, 3), jnp.float32)
    with pytest.raises(TypeError, match=r"operand 1 is a ShapeDtypeStruct.*explain"):
        er.einsum("ij,jk->ik", random(3, 4), shape)


def test_record_tells_of_the_routes() -> None:
    a, b = random(30, 40), random(40, 50)
    for _ in range(2):
        with er.record() as recorded:
            er.einsum("ij,jk->ik", a, b)
        assert "jax.dot_general" in str(recorded)


KEYS = jax.random.split(jax.random.key(0), (4, 5))
BAD = (
    (lambda a: er.einsum("ij,jk->ik", a, jnp.ones((4, 5), jnp.float8_e4m3fn)), "operand 1.*float8.*convert"),
    (lambda a: er.einsum("ij,jk->ik", a, KEYS), "operand 1.*key.*key_data"),
    (lambda a: er.einsum("ij,jk->ik", a, np.ones((4, 5), np.longdouble)), "convert"),
    (lambda a: er.einsum("ij,jk->ik", a, a.T, out=np.zeros((3, 3))), "out"),
    (lambda a: er.einsum("ij,jk->ik", a, a.T, out=jnp.zeros((3, 3))), "out is of type ArrayImpl"),
    (lambda a: er.matmul(a, a.T, out=jnp.zeros((3, 3))), "out is of type ArrayImpl"),
    (lambda a: er.matmul(a, a.T, out=np.zeros((3, 3))), "out"),
    (lambda a: er.einsum("ij,jk->ik", np.ones((3, 4)), np.ones((4, 5)), out=jnp.zeros((3, 5))), "rray"),
    (lambda a: er.einsum("ij,jk->ik", a, a.T, out=np.zeros((3, 3))), "call without out"),
    (lambda a: er.einsum("ij,jk->ik", a, a.T, out=jnp.zeros((3, 3))), "call without out"),
    (lambda a: er.einsum("ij,jk->ik", a, object()), "operand 1.*object"),
    (lambda a: er.einsum("ij,jk->ik", a, np.array(["x"] * 4)[:, None]), "operand 1"),
    (er.routed, "."),
)  # fmt: skip


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_operands_are_named(call: Any, message: str) -> None:
    a = random(3, 4)
    kept = np.asarray(a).copy()
    with pytest.raises(TypeError, match=message):
        call(a)
    np.testing.assert_array_equal(a, kept)


def test_dtypes_without_products_are_named_with_their_mend() -> None:
    f = jnp.ones((3, 3))
    for x, name, mend in (
        (f.astype(jnp.float8_e4m3fn), "float8_e4m3fn", "float32"),
        (f.astype(jnp.int4), "int4", "int32"),
        (jax.random.split(jax.random.key(0), (3, 3)), "key", "key_data"),
    ):
        for call, where in (
            (lambda x: er.matmul(x, f), "operand 0"),
            (lambda x: er.einsum("ij,jk->ik", f, x), "operand 1"),
            (lambda x: er.contract("ij,jk->ik", f, x), "operand 1"),
            (lambda x: er.linalg.solve(x, f), "operand 0"),
            (lambda x: er.rolled(x, 2), "b"),
        ):
            with pytest.raises(TypeError, match=rf"{where}.* has dtype {name}.*, of which.*{mend}"):
                call(x)


@pytest.mark.parametrize("name", ["COO", "CSR", "CSC"])
def test_sparse_arrays_without_batches_are_refused_by_name(name: str) -> None:
    from jax.experimental import sparse

    x = getattr(sparse, name).fromdense(jnp.arange(6.0).reshape(2, 3))
    for other in (jnp.ones((3, 2)), np.ones((3, 2))):
        for call in (
            er.matmul,
            er.dot,
            er.outer,
            lambda a, b: er.einsum("ij,jk->ik", a, b),
            lambda a, b: er.tensordot(a, b, 1),
            lambda a, b: er.contract("ij,jk->ik", a, b),
        ):
            with pytest.raises(TypeError, match=rf"operand 0 \({name}\).*expected.*BCSR.*todense"):
                call(x, other)
    with pytest.raises(TypeError, match=rf"operand 0 \({name}\).*BCSR"):
        er.einsum("ij->i", x)
    with pytest.raises(TypeError, match=rf"takes no {name}; write it out"):
        er.linalg.solve(x, np.ones(2))


@pytest.mark.parametrize("deleted", [True, False])  # or donated only
def test_deleted_arrays_are_named(deleted: bool) -> None:
    b = random(4, 5)
    for call in (
        lambda a, b: er.einsum("ij,jk->ik", a, b),
        er.matmul,
        lambda a, b: er.tensordot(b.T, a, ([1], [1])),
    ):
        a = random(3, 4)
        call(a, b)
        jax.jit(lambda x: x + 1, donate_argnums=0)(a).block_until_ready()
        if deleted:
            a.delete()
        for _ in range(2):
            with pytest.raises(RuntimeError, match=r"operand [01].*\(3, 4\).*deleted or donated"):
                call(a, b)


def test_bad_shapes_are_named() -> None:
    a = random(3, 4)
    with pytest.raises(ValueError, match="j"):
        er.einsum("ij,jk->ik", a, a)
    with pytest.raises(ValueError, match="4"):
        er.matmul(a, a)
    with pytest.raises(ValueError):
        jax.jit(lambda a: er.einsum("ij,jkl->ik", a, a))(a)


def test_two_libraries_do_not_mix() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"operand 0 is of jax and operand 1 of torch.*from_dlpack"):
        er.matmul(random(3, 4), torch.ones(4, 3))


def test_two_devices_do_not_mix_but_what_is_not_committed_does() -> None:
    program = """
import jax, jax.numpy as jnp, numpy as np, einroute as er
one, two = jax.devices()[:2]
a, b, free = jax.device_put(jnp.ones((3, 4)), one), jax.device_put(jnp.ones((4, 5)), two), jnp.ones((3, 4))
for call in (lambda a, b: er.einsum("ij,jk->ik", a, b), er.matmul):
    for _ in range(2):
        assert call(free, b).devices() == {two}
        assert call(np.ones((3, 4), "f4"), b).devices() == {two}
        assert call(a, jnp.ones((4, 5))).devices() == {one}
        try:
            call(a, b)
        except TypeError as error:
            assert "operand 0 is on device" in str(error) and "move one of them yourself" in str(error), error
        else:
            raise AssertionError
mesh = jax.make_mesh((2,), ("x",))
rows = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("x"))
spread = jax.device_put(np.ones((4, 6), "f4"), rows)
try:
    er.matmul(a.T, spread)
except TypeError as error:
    assert f"operand 0 is on device {one} and operand 1 on {one} and {two}" in str(error), error
else:
    raise AssertionError
made = er.einsum("ij,kj->ik", spread, np.ones((3, 6), "f4"))
assert made.shape == (4, 3) and len(made.devices()) == 2
"""
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "JAX_PLATFORMS": "cpu",
    }
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


def test_symbolic_sizes_are_refused_by_name() -> None:
    export = pytest.importorskip("jax.export")
    (n,) = export.symbolic_shape("n")
    shape = jax.ShapeDtypeStruct((n, 4), jnp.float32)
    with pytest.raises(TypeError, match=r"operand 0.*symbols"):
        export.export(jax.jit(lambda a: er.einsum("ij,kj->ik", a, a)))(shape)


LABELS = "abcd"


@st.composite
def contractions(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]]]:
    """Subscripts of one to four operands, labels repeated and broadcast, and shapes that fit."""
    sizes = {c: draw(st.integers(0, 4)) for c in LABELS}
    terms = draw(st.lists(st.text(LABELS, max_size=3), min_size=1, max_size=4))
    used = sorted(set("".join(terms)))
    output = "".join(
        draw(st.permutations(draw(st.lists(st.sampled_from(used), unique=True)) if used else []))
    )
    shapes = []
    for term in terms:
        ones = {c for c in set(term) if term.count(c) == 1 and draw(st.integers(0, 5)) == 0}
        shapes.append(tuple(1 if c in ones else sizes[c] for c in term))
    return f"{','.join(terms)}->{output}", shapes


@settings(deadline=None, max_examples=100)
@given(contractions(), st.integers(0, 2**32 - 1), st.sampled_from(["float32", "int32", "bool"]))
def test_random_contractions_agree_with_numpy(drawn: Any, seed: int, dtype: str) -> None:
    subscripts, shapes = drawn
    rng = np.random.default_rng(seed)
    given_arrays = [rng.integers(-3, 4, shape).astype(dtype) for shape in shapes]
    try:
        expected = np.einsum(subscripts, *given_arrays)
    except ValueError as error:
        with pytest.raises(type(error)):
            er.einsum(subscripts, *map(jnp.asarray, given_arrays))
        return
    check(er.einsum(subscripts, *map(jnp.asarray, given_arrays)), expected, dtype)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_operand_orders_give_one_value(order: tuple[int, ...]) -> None:
    terms, operands = ["ab", "cbe", "ae"], [random(3, 4), random(5, 4, 2), random(3, 2)]
    text = ",".join(terms[i] for i in order) + "->ac"
    got = er.einsum(text, *(operands[i] for i in order))
    np.testing.assert_allclose(got, jnp.einsum("ab,cbe,ae->ac", *operands), rtol=1e-4, atol=1e-5)
