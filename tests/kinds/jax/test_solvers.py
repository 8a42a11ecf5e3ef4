"""lstsq, solve, inv and pinv of JAX's arrays: NumPy's values and shapes, JAX's type, gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse

import einroute as er
import einroute.scipy.linalg
from tests.kinds.jax.helpers import jax, jnp
from tests.kinds.jax.sparse_helpers import BCOO

RNG = np.random.default_rng(5)
TALL, WIDE, SQUARE = RNG.standard_normal((7, 4)), RNG.standard_normal((4, 7)), RNG.standard_normal((5, 5))
DEFICIENT = TALL @ np.diag([1.0, 1.0, 0.0, 1.0])


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("a", [TALL, WIDE, SQUARE, DEFICIENT], ids=["tall", "wide", "square", "deficient"])
@pytest.mark.parametrize("columns", [None, 1, 3])
def test_lstsq_agrees_with_numpys(a: Any, columns: int | None, dtype: str) -> None:
    m = a.astype(dtype)
    b = RNG.standard_normal((len(a),) if columns is None else (len(a), columns)).astype(dtype)
    expected = np.linalg.lstsq(m, b)
    tolerance = 2e-3 if dtype == "float32" else 1e-9
    with jax.enable_x64(True):
        x = jnp.asarray(m)
        for one, other in ((x, jnp.asarray(b)), (x, b), (m, jnp.asarray(b))):
            for ours, theirs in zip(er.lstsq(one, other), expected, strict=True):
                assert isinstance(ours, jax.Array)
                assert ours.shape == np.shape(theirs)
                np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("rcond", [None, -1, 0.5, 1e-3])
def test_cutoffs_of_lstsq(rcond: Any) -> None:
    with jax.enable_x64(True):
        b = RNG.standard_normal(7)
        got, expected = er.lstsq(jnp.asarray(TALL), b, rcond), np.linalg.lstsq(TALL, b, rcond)
        np.testing.assert_allclose(got[0], expected[0], rtol=1e-9)
        assert int(got[2]) == expected[2]


@pytest.mark.parametrize(("m", "n", "k"), [(0, 3, 2), (3, 0, 2), (3, 2, 0), (0, 0, 0), (2, 3, 0)])
def test_lstsq_of_nothing(m: int, n: int, k: int) -> None:
    a, b = np.ones((m, n), "f4"), np.ones((m, k), "f4")
    for ours, theirs in zip(er.lstsq(jnp.asarray(a), jnp.asarray(b)), np.linalg.lstsq(a, b), strict=True):
        assert ours.shape == np.shape(theirs)
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("shape_a", "shape_b"),
    [((5, 5), (5,)), ((5, 5), (5, 2)), ((3, 5, 5), (5, 2)), ((2, 2, 2), (2, 2)), ((3, 5, 5), (5,))],
)
def test_solve_agrees_with_numpys(shape_a: Any, shape_b: Any) -> None:
    a, b = RNG.standard_normal(shape_a) + 5 * np.eye(shape_a[-1]), RNG.standard_normal(shape_b)
    with jax.enable_x64(True):
        for call in (er.linalg.solve, jax.jit(er.linalg.solve)):
            got = call(jnp.asarray(a), jnp.asarray(b))
            assert isinstance(got, jax.Array)
            np.testing.assert_allclose(got, np.linalg.solve(a, b), rtol=1e-9)


def test_inverses_agree_with_numpys() -> None:
    with jax.enable_x64(True):
        for call in (er.linalg.inv, jax.jit(er.linalg.inv)):
            np.testing.assert_allclose(call(jnp.asarray(SQUARE)), np.linalg.inv(SQUARE), rtol=1e-8)
        for a in (TALL, WIDE, DEFICIENT):
            np.testing.assert_allclose(er.linalg.pinv(jnp.asarray(a)), np.linalg.pinv(a), atol=1e-9)
            got = jax.jit(lambda x: er.linalg.pinv(x, rtol=0.5))(jnp.asarray(a))
            np.testing.assert_allclose(got, np.linalg.pinv(a, rtol=0.5), atol=1e-9)
        m = SQUARE + SQUARE.T
        np.testing.assert_allclose(
            er.linalg.pinv(jnp.asarray(m), hermitian=True), np.linalg.inv(m), rtol=1e-7
        )


def test_gradients_of_solvers() -> None:
    with jax.enable_x64(True):
        a, b, m = jnp.asarray(TALL), jnp.asarray(RNG.standard_normal((7, 2))), jnp.asarray(SQUARE)
        for call, operands in (
            (lambda a, b: er.lstsq(a, b)[0], (a, b)),
            (er.linalg.solve, (m, b[:5])),
            (er.linalg.inv, (m,)),
            (er.linalg.pinv, (a,)),
        ):
            from jax.test_util import check_grads

            check_grads(call, operands, order=1, atol=1e-4, rtol=1e-4)


def test_traced_and_mapped() -> None:
    stack, b = RNG.standard_normal((3, 7, 4)), RNG.standard_normal(7)
    with jax.enable_x64(True):
        x, residuals, rank, s = jax.jit(jax.vmap(lambda a: er.lstsq(a, b)))(jnp.asarray(stack))
        for i, a in enumerate(stack):
            for ours, theirs in zip((x[i], residuals[i], rank[i], s[i]), np.linalg.lstsq(a, b), strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_integers_are_solved_in_floats() -> None:
    got = er.linalg.solve(jnp.asarray([[2, 1], [1, 1]]), jnp.asarray([1, 1]))
    assert got.dtype == jnp.float32
    np.testing.assert_allclose(got, [0, 1], atol=1e-6)


@pytest.mark.parametrize("array", [jnp.asarray, np.asarray])
def test_structured_operands_are_written_out(array: Any) -> None:
    roll, hot = er.rolled(array([1.0, 2.0, 5.0]), 3), er.one_hot(array([1, 2, 0]), 3)
    b = jnp.asarray([1.0, 2.0, 3.0])
    for operand in (roll, hot):
        written = np.asarray(operand)
        got = er.linalg.solve(operand, b)
        assert isinstance(got, jax.Array)
        np.testing.assert_allclose(got, np.linalg.solve(written, b), rtol=1e-5)
        np.testing.assert_allclose(er.lstsq(operand, b)[0], got, rtol=1e-4)
        if array is jnp.asarray:
            for name in ("inv", "pinv"):
                got = getattr(er.linalg, name)(operand)
                assert isinstance(got, jax.Array)
                np.testing.assert_allclose(got, np.linalg.inv(written), rtol=1e-4, atol=1e-6)


def test_bad_operands() -> None:
    a = jnp.asarray(SQUARE, jnp.float32)
    sparse = BCOO.fromdense(a)
    with pytest.raises(np.linalg.LinAlgError, match="rows"):
        er.lstsq(a, jnp.ones(4))
    with pytest.raises(ValueError, match="rows"):
        er.linalg.solve(a, jnp.ones(4))
    with pytest.raises(np.linalg.LinAlgError, match="square"):
        er.linalg.inv(jnp.ones((3, 4)))
    with pytest.raises(TypeError, match="float16"):
        er.linalg.inv(jnp.eye(3, dtype=jnp.float16))
    with pytest.raises(TypeError, match="bfloat16"):
        er.linalg.inv(jnp.eye(3, dtype=jnp.bfloat16))
    for call in (
        lambda: er.lstsq(scipy.sparse.csr_array(SQUARE), a[0]),
        lambda: einroute.scipy.linalg.solve(a, a[0]),
        lambda: einroute.scipy.linalg.lstsq(a, a[0]),
        lambda: er.factorize(a),
        lambda: er.linalg.inv(sparse),
        lambda: er.linalg.pinv(sparse),
        lambda: er.linalg.solve(sparse, np.ones(3)),
        lambda: er.factorize(sparse),
        lambda: er.linalg.solve(jax.ShapeDtypeStruct((3, 3), jnp.float32), jnp.ones(3)),
    ):
        with pytest.raises(TypeError):
            call()


def test_factors_take_no_array_of_jax_as_right_side_and_name_the_mend() -> None:
    f, b = er.factorize(SQUARE), jnp.ones(len(SQUARE))
    for call in (
        lambda: f.solve(b),
        lambda: jax.jit(f.solve)(b),
        lambda: f.lstsq(b),
        lambda: er.lstsq(f, b),
        lambda: er.linalg.solve(f, b),
        lambda: einroute.scipy.linalg.solve(f, b),
        lambda: einroute.scipy.linalg.lstsq(f, b),
    ):
        with pytest.raises(TypeError, match="of jax, and the factors are NumPy's"):
            call()
    with pytest.raises(TypeError, match=r"kind jax; .*jax\.scipy\.linalg\.lu_factor.*numpy\.asarray\(x\)"):
        er.factorize(jnp.asarray(SQUARE))
    got = er.linalg.solve(SQUARE, b)  # as the messages say
    assert isinstance(got, jax.Array)
    np.testing.assert_allclose(got, f.solve(np.asarray(b)), rtol=1e-3, atol=1e-3)


def test_what_is_singular_is_not_finite_as_in_jax() -> None:
    assert not np.isfinite(er.linalg.solve(jnp.zeros((3, 3)), jnp.ones(3))).any()


def test_explain_tells_who_solves() -> None:
    a = jnp.asarray(SQUARE, jnp.float32)
    assert "jax.numpy.linalg.lstsq" in str(er.explain(er.lstsq, a, a[0]))
    assert "jax.numpy.linalg.solve" in str(er.explain(er.linalg.solve, a, a[0]))
    assert "jax.numpy.linalg.inv" in str(er.explain(er.linalg.inv, a))
    assert "jax.numpy.linalg.pinv" in str(er.explain(er.linalg.pinv, a))


def test_deleted_arrays_are_named() -> None:
    a = jnp.eye(3)
    a.delete()
    for call in (lambda: er.linalg.inv(a), lambda: er.linalg.solve(jnp.eye(3), a), lambda: er.lstsq(a, a)):
        with pytest.raises(RuntimeError, match=r"operand [01].*\(3, 3\).*deleted or donated"):
            call()


def test_pinv_takes_one_cutoff() -> None:
    with pytest.raises(ValueError, match="can't be both set"):
        er.linalg.pinv(jnp.eye(3), rcond=1e-3, rtol=1e-3)
