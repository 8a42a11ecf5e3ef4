"""Structured operands of JAX's arrays and beside them: judged by NumPy on the operands written out."""

from __future__ import annotations

from functools import partial
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er
from tests.kinds.jax.helpers import combined, jax, jnp
from tests.kinds.jax.sparse_helpers import BCOO, as_dense, bcoo, values
from tests.kinds.structured_calls import CALLS, LABELS, OTHERS, POINTS, difference, one_hot, rolled

RNG = np.random.default_rng(3)
EPS = np.finfo("f4").eps


def both(call: tuple[str, Any, Any]) -> tuple[str, list[Any], list[np.ndarray]]:
    subscripts, make, shapes = call
    rng = np.random.default_rng(1)
    others = [rng.standard_normal(shape).astype("f4") for shape in shapes]
    return subscripts, others, [np.asarray(make(np.asarray)), *others]


def close(got: Any, expected: Any) -> None:
    assert isinstance(got, jax.Array)
    assert got.dtype == jnp.float32
    assert got.shape == np.shape(expected)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("call", CALLS, ids=[f"{c[0]} {c[1].__name__}" for c in CALLS])
def test_calls_in_every_order(call: Any) -> None:
    subscripts, others, written = both(call)
    expected = np.einsum(subscripts, *written)
    terms, output = subscripts.split("->")[0].split(","), subscripts.split("->")[1]
    of_jax, of_numpy = call[1](jnp.asarray), call[1](np.asarray)
    operands = [of_jax, *map(jnp.asarray, others)]
    for order in permutations(range(len(operands))):
        text = ",".join(terms[n] for n in order) + "->" + output
        close(er.einsum(text, *(operands[n] for n in order)), expected)
    if others:
        close(er.einsum(subscripts, of_numpy, *operands[1:]), expected)
        close(er.einsum(subscripts, of_jax, *others), expected)
    close(jax.jit(lambda *x: er.einsum(subscripts, *x))(*operands), expected)


@pytest.mark.parametrize("call", CALLS, ids=[f"{c[0]} {c[1].__name__}" for c in CALLS])
def test_calls_of_tracers_are_mapped_and_differentiated(call: Any) -> None:
    subscripts, others, written = both(call)
    made = call[1](jnp.asarray)
    floats = made.arrays if made.name != "one_hot" else ()

    def ours(arrays: Any, rest: Any) -> Any:
        operand = made if not floats else type(made).tree_unflatten((*made.given, made.dtype), arrays)
        return jnp.sin(er.einsum(subscripts, operand, *rest)).sum()

    def theirs(arrays: Any, rest: Any) -> Any:
        operand = (
            jnp.asarray(written[0])
            if not floats
            else type(made).tree_unflatten((*made.given, made.dtype), arrays).written()
        )
        return jnp.sin(jnp.einsum(subscripts, operand, *rest)).sum()

    rest = tuple(map(jnp.asarray, others))
    for got, expected in zip(
        jax.tree.leaves(jax.grad(ours, (0, 1))(floats, rest)),
        jax.tree.leaves(jax.grad(theirs, (0, 1))(floats, rest)),
        strict=True,
    ):
        np.testing.assert_allclose(got, expected, rtol=2e-3, atol=2e-3)
    stacked = tuple(jnp.stack([x, 2 * x, -x]) for x in floats), tuple(jnp.stack([x, x, x]) for x in rest)
    if stacked[0] or stacked[1]:
        got = jax.jit(jax.vmap(ours))(*stacked)
        for n, factor in enumerate((1, 2, -1)):
            one = theirs(tuple(factor * x for x in floats), rest)
            np.testing.assert_allclose(got[n], one, rtol=1e-3, atol=1e-3)


def test_operands_are_made_under_tracing() -> None:
    w = jnp.asarray(RNG.standard_normal((7, 4)), jnp.float32)
    got = jax.jit(lambda labels, w: er.einsum("tr,tc->rc", er.one_hot(labels, 3), w))(jnp.asarray(LABELS), w)
    np.testing.assert_allclose(got, np.asarray(one_hot(np.asarray)).T @ np.asarray(w), rtol=1e-5)
    stack = jnp.stack([jnp.asarray(LABELS), jnp.asarray(LABELS[::-1].copy())])
    got = jax.vmap(lambda labels: er.einsum("tr->r", er.one_hot(labels, 3)))(stack)
    np.testing.assert_array_equal(got, [[2, 1, 2], [2, 1, 2]])
    got = jax.jit(lambda b: er.einsum("ij->j", er.rolled(b, 3)))(jnp.arange(4.0))
    np.testing.assert_array_equal(got, [6, 6, 6])
    got = jax.grad(lambda x: er.einsum("ijk,ijk->", d := er.pairwise_difference(x), d))(w)
    np.testing.assert_allclose(got, 4 * 7 * (w - w.mean(0)), rtol=1e-4, atol=1e-4)
    # As arguments and results of functions that are traced.
    made = jax.jit(lambda b: er.rolled(2 * b, 3))(jnp.arange(4.0))
    np.testing.assert_array_equal(made.written()[:, 1], 2 * np.roll(np.arange(4), -1))


ROUTES: tuple[tuple[str, str, Any, tuple[tuple[int, ...], ...]], ...] = (
    ("jax.written", "ijnl,imn->ijml", rolled, ((6, 2, 3),)),
    ("jax.rollings", "ijnl,imn->ijml", rolled, ((6, 2, 3),)),
    ("jax.rollings", "ijnl,jn->il", rolled, ((4, 3),)),
    ("jax.rollings", "ijnl,mij->nml", rolled, ((2, 6, 4),)),
    ("jax.rolled_fft", "ijnl,jn->il", rolled, ((4, 3),)),
    ("jax.rolled_fft", "ijnl,in->jl", rolled, ((6, 3),)),
    ("jax.rolled_fft", "ijnl,nmj->mli", rolled, ((3, 2, 4),)),
    ("jax.written", "ijk,kl->ijl", difference, ((4, 2),)),
    ("jax.differences", "ijk,kl->ijl", difference, ((4, 2),)),
    ("jax.differences", "ijk,ij->k", difference, ((9, 7),)),
)


@pytest.mark.parametrize("limit", [None, 100])
@pytest.mark.parametrize(("route", "subscripts", "make", "shapes"), ROUTES)
def test_every_route_agrees(route: str, subscripts: str, make: Any, shapes: Any, limit: int | None) -> None:
    if route == "jax.written" and limit is not None:
        with (
            er.config(allow=route, memory_limit=limit),
            pytest.raises(RuntimeError, match="memory_limit=100"),
        ):
            er.einsum(subscripts, make(jnp.asarray), *(jnp.ones(s) for s in shapes))
        return
    _, others, written = both((subscripts, make, shapes))
    operands = [make(jnp.asarray), *map(jnp.asarray, others)]
    for text, given_, judged in (
        (subscripts, operands, written),
        (_swapped(subscripts), operands[::-1], written[::-1]),
    ):
        traced = jax.jit(partial(er.einsum, text))
        with er.config(allow=route, memory_limit=limit):
            assert er.explain(text, *given_).routes == (route,)
            close(er.einsum(text, *given_), np.einsum(text, *judged))
            close(traced(*given_), np.einsum(text, *judged))


def _swapped(subscripts: str) -> str:
    inputs, _, output = subscripts.partition("->")
    return ",".join(reversed(inputs.split(","))) + "->" + output


@pytest.mark.parametrize("step", [1, -1, 3, -5, 0, 7])
@pytest.mark.parametrize("k", [1, 4, 9])
@pytest.mark.parametrize("route", ["jax.rollings", "jax.rolled_fft", "jax.written"])
def test_rolled_by_any_step(step: int, k: int, route: str) -> None:
    for dtype in ("f4", "c8"):
        b, a = (RNG.standard_normal(n) + 1j * RNG.standard_normal(n) for n in (6, k))
        b, a = (v.astype(dtype) if dtype == "c8" else v.real.astype(dtype) for v in (b, a))
        with er.config(allow=route):
            got = er.einsum("ij,j->i", er.rolled(jnp.asarray(b), k, step=step), jnp.asarray(a))
        np.testing.assert_allclose(got, np.asarray(er.rolled(b, k, step=step)) @ a, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("with_metric", "same", "output", "offset"),
    combined(
        lambda metric, same, output, offset: (metric + same + output) % 2 == offset,
        ("none", "kl", "lk"),
        (False, True),
        ("ij", "ji"),
        (0.0, 1000.0),
    ),
)
def test_squared_forms(output: str, same: bool, with_metric: str, offset: float) -> None:
    rng = np.random.default_rng(7)
    x = (rng.standard_normal((40, 10)) + offset).astype("f4")
    y = (
        x
        if same
        else np.concatenate(
            [x[:5] + np.float32(1e-3), rng.standard_normal((20, 10)).astype("f4") + np.float32(offset)]
        )
    )
    m = rng.standard_normal((10, 10)).astype("f4")
    d = er.pairwise_difference(jnp.asarray(x), None if same else jnp.asarray(y))
    written = x.astype("f8")[:, None] - y.astype("f8")[None]
    if with_metric == "none":
        subscripts, operands, judged = f"ijk,ijk->{output}", [d, d], [written, written]
    else:
        subscripts = f"ijk,{with_metric},ijl->{output}"
        operands, judged = [d, jnp.asarray(m), d], [written, m.astype("f8"), written]
    expected = np.einsum(subscripts, *judged)
    sizes = np.einsum(subscripts, *map(np.abs, judged))
    for allow, bound in (("jax.squared", 1001 * EPS), ("jax.differences", 64 * EPS)):
        with er.config(allow=allow):
            assert er.explain(subscripts, *operands).routes == (allow,)
            once = jax.jit(lambda d, *m: er.einsum(subscripts, d, *m, d))  # one operand, that comes twice
            for got in (er.einsum(subscripts, *operands), once(*operands[:-1])):
                assert (np.abs(np.asarray(got, "f8") - expected) <= bound * sizes).all()
                if same and output == "ij":
                    assert not np.diagonal(got).any()


def test_squared_forms_where_most_entries_cancel() -> None:
    x = np.repeat(np.arange(3.0, dtype="f4")[:, None] * 100, 12, 1).repeat(20, 0)
    x += RNG.standard_normal(x.shape).astype("f4") * np.float32(1e-2)
    d = er.pairwise_difference(jnp.asarray(x))
    with er.config(allow="jax.squared"):
        got = er.einsum("ijk,ijk->ij", d, d)
    written = x.astype("f8")[:, None] - x.astype("f8")[None]
    np.testing.assert_allclose(got, (written**2).sum(2), rtol=1e-5)


def test_gradients_of_squared_forms() -> None:
    x, m = RNG.standard_normal((12, 9)).astype("f4"), RNG.standard_normal((9, 9)).astype("f4")

    def ours(x: Any, m: Any) -> Any:
        d = er.pairwise_difference(x)
        return jnp.exp(-er.einsum("ijk,kl,ijl->ij", d, m @ m.T, d) / 100).sum()

    def theirs(x: Any, m: Any) -> Any:
        d = x[:, None] - x[None]
        return jnp.exp(-jnp.einsum("ijk,kl,ijl->ij", d, m @ m.T, d) / 100).sum()

    with er.config(allow=["jax.squared", "jax.dot_general", "jax.multiply"]):
        for got, expected in zip(jax.grad(ours, (0, 1))(x, m), jax.grad(theirs, (0, 1))(x, m), strict=True):
            np.testing.assert_allclose(got, expected, rtol=2e-3, atol=2e-3)


def temporaries(call: Any, *args: Any) -> int:
    return int(jax.jit(call).lower(*args).compile().memory_analysis().temp_size_in_bytes)


def test_nothing_is_written_out() -> None:
    n, k, d = 4000, 2000, 16
    b, a = jnp.ones((n, 8)), jnp.ones((k, 8))
    assert temporaries(lambda b, a: er.einsum("ijl,jl->i", er.rolled(b, k), a), b, a) < n * k
    labels, w = jnp.zeros(n, int), jnp.ones((n, 8))
    assert temporaries(lambda t, w: er.einsum("tr,tc->rc", er.one_hot(t, k), w), labels, w) < n * k
    x = jnp.ones((n, d))
    assert temporaries(lambda x: er.einsum("ijk,j->ik", er.pairwise_difference(x), x[:, 0]), x) < n * n
    with er.config(memory_limit=1 << 20):
        assert temporaries(lambda x: er.einsum("ijk,j->ik", er.pairwise_difference(x), x[:, 0]), x) < 1 << 22


def test_derivatives_keep_nothing_written_out_either() -> None:
    n, k, features = 2000, 1000, 16
    x, a = jnp.ones((n, features)), jnp.ones((k, features))
    tensor = n * n * features * 4
    squares = lambda x: er.einsum("ijk,ijk->ij", d := er.pairwise_difference(x), d).sum()
    assert temporaries(jax.grad(squares), x) < tensor / 4  # a few arrays of n by n
    sums = lambda x: (er.einsum("ijk,jk->i", er.pairwise_difference(x), x) ** 2).sum()
    assert temporaries(jax.grad(sums), x) < tensor / 10
    rolls = lambda b, a: (er.einsum("ijl,jl->i", er.rolled(b, k), a) ** 2).sum()
    for allow in ("jax.rollings", None):
        with er.config(allow=allow):
            assert temporaries(jax.grad(rolls, (0, 1)), x, a) < n * k * features
    labels = jnp.zeros(20_000, int)
    added = lambda w: (er.einsum("tr,tc->rc", er.one_hot(labels, k), w) ** 2).sum()
    assert temporaries(jax.grad(added), jnp.ones((20_000, 4))) < 20_000 * k


def test_mixed_with_sparse_operands_and_each_other() -> None:
    hot, roll, diff = one_hot(jnp.asarray), rolled(jnp.asarray), difference(jnp.asarray)
    dense = [
        np.asarray(one_hot(np.asarray)),
        np.asarray(rolled(np.asarray)),
        np.asarray(difference(np.asarray)),
    ]
    s = values((7, 5), 2)
    for kind in ("shuffled", "padding", "duplicates"):
        close(er.einsum("tr,tc->rc", hot, bcoo(s, kind)), np.einsum("tr,tc->rc", dense[0], s))
        close(er.einsum("tc,tr->cr", bcoo(s, kind), hot), np.einsum("tc,tr->cr", s, dense[0]))
        got = er.einsum("tr,tr->tr", hot, bcoo(values((7, 3), 4), kind))
        assert isinstance(got, BCOO)
        np.testing.assert_allclose(as_dense(got), dense[0] * values((7, 3), 4))
        close(er.einsum("ijnl,al->ia", roll, bcoo(s, kind)), np.einsum("ijnl,al->ia", dense[1], s))
        close(er.einsum("ijk,jc->ikc", diff, bcoo(s, kind)), np.einsum("ijk,jc->ikc", dense[2], s))
    close(er.einsum("tr,tq->rq", hot, hot), dense[0].T @ dense[0])
    close(er.einsum("tr,tr,tr->r", hot, hot, hot), dense[0].sum(0))
    got = er.einsum("tr,tr,tr->tr", hot, hot, bcoo(values((7, 3), 4), "padding"))
    np.testing.assert_allclose(as_dense(got), dense[0] * values((7, 3), 4))
    close(er.einsum("tr,itk->irk", hot, diff), np.einsum("tr,itk->irk", dense[0], dense[2]))
    close(er.einsum("ijnl,imno->jl", roll, roll), np.einsum("ijnl,imno->jl", dense[1], dense[1]))
    close(er.einsum("ijrl,tr->itl", roll, hot), np.einsum("ijrl,tr->itl", dense[1], dense[0]))


def test_repeated_and_broadcast_labels() -> None:
    hot = np.asarray(one_hot(np.asarray))[:3]
    operand = er.one_hot(jnp.asarray(LABELS[:3]), 3, dtype="f4")
    close(er.einsum("ii->i", operand), np.einsum("ii->i", hot))
    close(er.einsum("ii,i->", operand, jnp.ones(3)), np.trace(hot))
    base = RNG.standard_normal(4).astype("f4")
    roll = np.asarray(er.rolled(base, 4))
    close(er.einsum("ii->i", er.rolled(jnp.asarray(base), 4)), np.einsum("ii->i", roll))
    close(
        er.einsum("ij,ij->i", er.rolled(jnp.asarray(base), 1), jnp.asarray(roll)), (roll[:, :1] * roll).sum(1)
    )
    one = er.one_hot(jnp.asarray([1]), 3, dtype="f4")
    close(er.einsum("tr,tr->tr", one, jnp.ones((4, 3))), np.tile([0, 1, 0], (4, 1)))
    points = POINTS[:4]
    d = er.pairwise_difference(jnp.asarray(points), jnp.asarray(OTHERS[:4]))
    close(er.einsum("iik->ik", d), points - OTHERS[:4])
    close(er.einsum("iii->i", d), np.diagonal(points - OTHERS[:4]))


def test_products_and_functions_of_jaxs() -> None:
    hot, w = one_hot(jnp.asarray), jnp.asarray(RNG.standard_normal((3, 4)), jnp.float32)
    expected = np.asarray(one_hot(np.asarray)) @ np.asarray(w)
    for got in (er.matmul(hot, w), hot @ w, er.dot(hot, w), er.tensordot(hot, w, axes=1)):
        close(got, expected)
    close(jnp.sum(hot.__jax_array__(), 0), [2, 1, 2])
    np.testing.assert_array_equal(np.asarray(hot), np.asarray(one_hot(np.asarray)))
    assert hot.conj() is hot
    b = jnp.asarray([1 + 1j, 2])
    np.testing.assert_array_equal(
        er.rolled(b, 2).conj().written(), np.conj(np.asarray(er.rolled(np.asarray(b), 2)))
    )
    np.testing.assert_array_equal(er.vdot(er.rolled(b, 2), er.rolled(b, 2)), 12)
    assert "one_hot" in repr(hot)


def test_dtypes() -> None:
    few = er.one_hot(jnp.asarray([5, 7], "uint8"), 300)  # a depth that they cannot count to
    assert np.argwhere(few.written()).tolist() == [[0, 5], [1, 7]]
    labels = jnp.asarray(LABELS)
    assert er.one_hot(labels, 3).dtype == jnp.float32
    with jax.enable_x64(True):
        assert er.one_hot(labels, 3).dtype == jnp.float64
    assert er.einsum("tr->r", er.one_hot(labels, 3, dtype=int)).dtype == jnp.int32
    assert (
        er.einsum("tr,r->t", er.one_hot(labels, 3, dtype="bfloat16"), jnp.ones(3, "bfloat16")).dtype
        == jnp.bfloat16
    )
    assert er.einsum("tr,r->t", er.one_hot(labels, 3, dtype=bool), jnp.ones(3, bool)).dtype == bool
    d = er.pairwise_difference(jnp.ones((2, 3), "int8"), np.ones((4, 3), "float32"))
    assert d.dtype == jnp.float32
    assert er.einsum("ijk->", d).dtype == jnp.float32


BAD = (
    (lambda: er.one_hot(jnp.ones(3), 2), TypeError, "labels have dtype float32.*convert"),
    (lambda: er.one_hot(jnp.ones(3, int), -1), ValueError, "depth"),
    (lambda: er.one_hot(jnp.ones(3, int), 2.5), TypeError, "depth"),
    (lambda: er.one_hot(jnp.ones(3, int), 2, dtype="U3"), TypeError, "dtype"),
    (lambda: er.rolled(jnp.ones(3), 0), ValueError, "k"),
    (lambda: er.rolled(jnp.ones(3), 2, axis=1), Exception, "axis"),
    (lambda: er.rolled(jax.random.split(jax.random.key(0), 3), 2), TypeError, "key"),
    (lambda: er.pairwise_difference(jnp.ones(3)), ValueError, r"x has shape \(3,\).*x\[:, None\]"),
    (lambda: er.pairwise_difference(jnp.ones((3, 2)), jnp.ones((3, 4))), ValueError, "second axes"),
    (lambda: er.pairwise_difference(jnp.ones((3, 2), bool)), TypeError, "bool"),
    (lambda: er.pairwise_difference(jnp.ones((3, 2)), bcoo(POINTS, "sorted")), TypeError, "y is of"),
    (lambda: er.einsum("tr,tc->rc", one_hot(jnp.asarray), jnp.ones((6, 2))), ValueError, "t"),
    (lambda: er.einsum("tr->r", one_hot(jnp.asarray), out=np.zeros(3)), TypeError, "out"),
)  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), BAD)
def test_bad_arguments_are_named(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@st.composite
def expressions(draw: st.DrawFn) -> tuple[str, list[Any], list[Any]]:
    """An operand of each kind or an array, under labels that fit."""
    sizes = {"a": 3, "b": 3, "c": 2, "d": 3}
    count = draw(st.integers(1, 3))
    terms, operands, written = [], [], []
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    for number in range(count):
        kind = draw(
            st.sampled_from(
                ("hot", "rolled", "difference", "array") if number else ("hot", "rolled", "difference")
            )
        )
        labels = [
            draw(st.sampled_from("abcd"))
            for _ in range({"hot": 2, "rolled": 2, "difference": 3}.get(kind, 2))
        ]
        shape = [sizes[c] for c in labels]
        array: Any
        if kind == "hot":
            labels_of = rng.integers(-1, shape[1] + 1, shape[0])
            operands.append(er.one_hot(jnp.asarray(labels_of), shape[1], dtype="f4"))
            array = np.asarray(er.one_hot(labels_of, shape[1], dtype="f4"))
        elif kind == "rolled":
            base = rng.integers(-3, 4, shape[0]).astype("f4")
            step = draw(st.integers(-3, 3))
            operands.append(er.rolled(jnp.asarray(base), shape[1], step=step))
            array = np.asarray(er.rolled(base, shape[1], step=step))
        elif kind == "difference":
            x, y = (rng.integers(-3, 4, (n, shape[2])).astype("f4") for n in shape[:2])
            operands.append(er.pairwise_difference(jnp.asarray(x), jnp.asarray(y)))
            array = x[:, None] - y[None]
        else:
            array = rng.integers(-3, 4, shape).astype("f4")
            operands.append(jnp.asarray(array))
        terms.append("".join(labels))
        written.append(array)
    used = sorted(set("".join(terms)))
    output = "".join(draw(st.permutations(draw(st.lists(st.sampled_from(used), unique=True)))))
    return ",".join(terms) + "->" + output, operands, written


@settings(deadline=None, max_examples=80)
@given(expressions())
def test_random_expressions_agree_with_numpy(drawn: Any) -> None:
    subscripts, operands, written = drawn
    got = er.einsum(subscripts, *operands)
    expected = np.einsum(subscripts, *written)
    assert isinstance(got, jax.Array)
    assert got.shape == np.shape(expected)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-3)
