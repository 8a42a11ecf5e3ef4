"""What JAX makes of functions with contractions: random ones against jnp.einsum, and what may go wrong."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

import einroute as er
from tests.kinds.jax.helpers import jax, jnp, random

SIZES = {"a": 2, "b": 3, "c": 1, "d": 0, "e": 4}


def drawn(seed: int) -> tuple[str, list[Any], tuple[int | None, ...]]:
    """Subscripts of one to four operands, these, and along which axis of each a stack is mapped."""
    rng = np.random.default_rng(seed)
    terms = ["".join(rng.choice(list("abcbaed"), rng.integers(0, 4))) for _ in range(rng.integers(1, 5))]
    used = sorted(set("".join(terms)))
    output = "".join(rng.permutation(used)[: rng.integers(0, len(used) + 1)])
    operands = []
    for term in terms:
        values = rng.integers(-3, 4, [SIZES[c] for c in term]).astype("f4")
        operands.append(jnp.asarray(values + 1j * values[::-1] if rng.random() < 0.3 and term else values))
    axes = [None if rng.random() < 0.3 else int(rng.integers(0, x.ndim + 1)) for x in operands]
    return f"{','.join(terms)}->{output}", operands, (0, *axes[1:])


def transformed(einsum: Any, subscripts: str, axes: Any, operands: list[Any]) -> Any:
    """A call's value, gradients of first and second order, tangents, stack, and gradients when recomputed."""
    call = partial(einsum, subscripts)

    def loss(*x: Any) -> Any:
        return jnp.sum(jnp.abs(call(*x)) ** 2)

    every = tuple(range(len(operands)))
    stacks = [x if a is None else jnp.stack([x, 2 * x], a) for x, a in zip(operands, axes, strict=True)]
    tangents = tuple(2 * x for x in operands)
    return (
        call(*operands),
        jax.grad(loss, every)(*operands),
        jax.jvp(call, tuple(operands), tangents)[1],
        jax.jvp(loss, tuple(operands), tangents)[1],
        jax.vmap(call, in_axes=axes)(*stacks),
        jax.grad(jax.checkpoint(loss))(*operands),
    )


@pytest.mark.parametrize("seed", range(8))
def test_random_contractions_are_transformed_as_jaxs(seed: int) -> None:
    subscripts, operands, axes = drawn(seed)
    expected = jax.jit(partial(transformed, jnp.einsum, subscripts, axes))(operands)
    got = jax.jit(partial(transformed, er.einsum, subscripts, axes))(operands)
    for one, other in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        assert (one.shape, one.dtype, one.weak_type) == (other.shape, other.dtype, other.weak_type)
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


CALLS = (
    lambda a: er.matmul(a, a),
    lambda a: er.einsum("ij,jk,kl->il", a, a, a),
    lambda a: er.einsum("ij,j->i", er.rolled(a[0], 3), a[0]),
    lambda a: er.einsum("ijk,ijk->ij", d := er.pairwise_difference(a), d),
    lambda a: er.linalg.solve(a, a),
)


@pytest.mark.parametrize("call", CALLS)
def test_no_tracer_leaks(call: Any) -> None:
    a = jnp.eye(3) + random(3, 3) / 10
    with jax.checking_leaks():
        jax.jit(call)(a)
        jax.grad(lambda a: call(a).sum())(a)
    with jax.disable_jit():
        expected = call(a)
    np.testing.assert_allclose(call(a), expected, rtol=1e-4, atol=1e-5)


def test_tracers_that_escaped_are_jaxs_error_and_spoil_nothing() -> None:
    kept: list[Any] = []
    ones = jnp.ones((3, 3))
    jax.jit(lambda a: kept.append(a) or a)(ones)
    for call in (lambda x: er.matmul(x, ones), lambda x: er.einsum("ij->i", x)):
        with pytest.raises(jax.errors.UnexpectedTracerError):
            call(kept[0])
        assert float(call(ones).sum()) in (9.0, 27.0)


def test_subscripts_and_options_are_static() -> None:
    a, b = random(3, 4), random(4, 2)
    expected = np.asarray(a) @ np.asarray(b)
    np.testing.assert_allclose(jax.jit(er.einsum, static_argnums=0)("ij,jk->ik", a, b), expected, rtol=1e-5)
    np.testing.assert_allclose(
        jax.jit(er.tensordot, static_argnames="axes")(a, b, axes=1), expected, rtol=1e-5
    )
    made = jax.jit(er.rolled, static_argnums=1)(jnp.arange(3.0), 2)
    np.testing.assert_array_equal(made.written()[:, 1], [1, 2, 0])


def test_gradients_of_sparse_operands_by_jaxs_own_transforms() -> None:
    sparse = pytest.importorskip("jax.experimental.sparse")
    values = np.arange(12.0, dtype="f4").reshape(3, 4) * (np.arange(12).reshape(3, 4) % 3 > 0)
    m, x = sparse.BCOO.fromdense(jnp.asarray(values)), random(4, 2)
    _, found = sparse.value_and_grad(lambda m, x: er.matmul(m, x).sum())(m, x)
    np.testing.assert_allclose(found.todense(), np.where(values, np.asarray(x).sum(1), 0), rtol=1e-5)
    square = sparse.BCOO.fromdense(jnp.asarray(values[:, :3]))
    diagonal = sparse.sparsify(lambda m: er.einsum("ii->i", m))(square)
    np.testing.assert_array_equal(diagonal.todense(), np.diag(values[:, :3]))
