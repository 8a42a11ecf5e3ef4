"""Rolled operands: what they stand for, and every way to contract with them, against NumPy written out."""

from __future__ import annotations

import operator
import pickle
import tracemalloc
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er
from einroute._kinds.rolled import correlation, extension, kind, rows
from einroute._kinds.rolled.operand import Rolled
from einroute._native import CORE
from tests.helpers import forcing, in_one_line, peak_of, small_integers

REWRITES = tuple(rewrite.name for rewrite in kind.REWRITES)
#: Rewrites of few forms.
OWN_TESTS = ("rolled.rows", "rolled.kernels", "rolled.products", "rolled.lags", "rolled.ones", "rolled.pairs")
#: What refuses everything without the compiled core.
ABSENT = () if CORE is not None else ("rolled.correlate",)
DTYPES = ("f8", "f4", "c16", "c8", "i8", "i4", "i1", "u2", "?", "f2", "g", ">f8", ">i4")
STEPS = (1, -1, 2, -3, 0, 5, 7, -11, 10**20 + 1)
#: One rolled operand, its axes under i and j, among arrays.
EXPRESSIONS = (
    "imn,ijnl->ijml", "imn,ijnl->jiml", "jmn,ijnl->ijml", "ijnl,lm->ijnm", "ij,j->i", "ij,i->j", "ij,i,j->",
    "ij->", "ij->i", "ij->j", "ij->ji", "ij->ij", "ij,ij->ij", "ij,ij->", "ijn,nm->ijm", "ijn,jm->inm",
    "ijn,jn->i", "ijn,jnm->im", "ijn,im->jnm", "ijn,in->j", "ijn,in->jn", "nij,jnm->im", "nij,ni->nj",
    "nij,j,m->mi", "ij,jm,mz,iz->", "ijn,jm,ml->inl", "z,ij->ij", "ii->i", "ii->", "iin->n", "iin,nm->im",
    "ijj->i", "iji->j", "ijn,->n", "ijn,nj,ij->",
)  # fmt: skip


def stacked(b: np.ndarray, k: int, axis: int = 0, step: int = 1) -> np.ndarray:
    """The definition: rollings side by side."""
    d = b.shape[axis]
    shifts = [(-step * j) % d if d else 0 for j in range(k)]
    return np.stack([np.roll(b, shift, axis) for shift in shifts], axis=axis % b.ndim + 1)


def numbers(rng: np.random.Generator, shape: Any, dtype: str) -> np.ndarray:
    """Small integers, and for wide floats numbers between them."""
    values = small_integers(rng, shape, dtype)
    between = rng.standard_normal(shape) if values.dtype.kind == "f" and dtype != "f2" else 0
    return np.asarray(values + between).astype(dtype)


def assert_agrees(subscripts: str, *operands: Any, **options: Any) -> Any:
    """einroute's einsum gives what NumPy's gives for the operands written out, within rounding."""
    written = [np.asarray(x) for x in operands]
    right = np.einsum(subscripts, *written, **options)
    result = er.einsum(subscripts, *operands, **options)
    assert type(result) is type(right)
    assert result.dtype == right.dtype.newbyteorder("=")
    assert np.shape(result) == np.shape(right)
    if right.dtype.kind not in "fc":
        np.testing.assert_array_equal(result, right)
        return result
    size = np.einsum(subscripts, *(np.abs(x.astype("G" if x.dtype.kind == "c" else "g")) for x in written))
    terms = 8 + 4 * max(x.size for x in written)
    assert (np.abs(result - right) <= terms * np.finfo(right.dtype).eps * size).all()
    if isinstance(result, np.ndarray):
        assert result.flags.writeable
        assert result.size == 0 or result.nbytes <= np.prod(result.shape) * result.itemsize
    return result


def case(
    rng: np.random.Generator, subscripts: str, d: int, k: int, step: int = 1, dtype: str = "f8"
) -> list[Any]:
    """Operands for an expression: the first whose labels start an i and a j, or two i, is rolled."""
    inputs = subscripts.partition("->")[0].split(",")
    at = next(n for n, labels in enumerate(inputs) if "ij" in labels or "ii" in labels)
    if "ii" in inputs[at]:
        k = d = max(1, d)
    sizes = {"i": d, "j": k, "m": 3, "n": 2, "l": 4, "z": 1}
    operands: list[Any] = []
    for n, labels in enumerate(inputs):
        shape = [sizes[c] for c in labels]
        if n != at:
            operands.append(numbers(rng, shape, dtype))
            continue
        axis = labels.index("i")
        del shape[axis + 1]
        operands.append(er.rolled(numbers(rng, shape, dtype), k, axis=axis, step=step))
    return operands


class TestOperand:
    @pytest.mark.parametrize("step", STEPS)
    @pytest.mark.parametrize("k", [1, 2, 5, 12])
    def test_is_the_stack_of_the_rollings(self, rng, k, step):
        b = rng.standard_normal((4, 5, 3))
        for axis in (0, 1, 2, -1, -2, -3):
            x = er.rolled(b, k, axis=axis, step=step)
            np.testing.assert_array_equal(np.asarray(x), stacked(b, k, axis, step))
            assert x.shape == stacked(b, k, axis, step).shape

    def test_an_axis_of_length_0(self):
        x = er.rolled(np.empty((3, 0)), 4, axis=1, step=7)
        assert x.shape == np.asarray(x).shape == (3, 0, 4)
        assert er.einsum("nij,j->ni", x, np.ones(4)).shape == (3, 0)
        np.testing.assert_array_equal(er.einsum("nij,nm->jm", x, np.ones((3, 2))), np.zeros((4, 2)))
        assert er.einsum("nij->", x) == 0

    def test_circulant(self, rng):
        b = rng.standard_normal(7)
        np.testing.assert_array_equal(np.asarray(er.rolled(b, 7, step=-1)), scipy.linalg.circulant(b))

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_facts(self, dtype):
        x = er.rolled(np.zeros((4, 3), dtype), 5, axis=1)
        w = np.asarray(x)
        assert (x.shape, x.dtype, x.ndim, x.size, x.nbytes, len(x)) == (
            w.shape,
            w.dtype,
            w.ndim,
            w.size,
            w.nbytes,
            len(w),
        )
        assert x.dtype.str == np.dtype(dtype).str

    def test_repr_shows_no_contents(self):
        text = repr(er.rolled(np.full((4, 3), 77.5), 2, axis=-1, step=-2))
        assert "77" not in text
        assert text == "rolled(<float64 array of shape (4, 3)>, 2, axis=1, step=-2)"

    def test_is_immutable(self):
        x = er.rolled(np.arange(3), 2)
        for name in ("k", "base", "shape", "other"):
            with pytest.raises(AttributeError, match="immutable"):
                setattr(x, name, 1)
        with pytest.raises(AttributeError, match="immutable"):
            del x.k

    def test_pickles(self, rng):
        x = er.rolled(rng.standard_normal((2, 5)), 3, axis=1, step=-4)
        y = pickle.loads(pickle.dumps(x))
        assert (type(y), y.k, y.axis, y.step) == (Rolled, 3, 1, -4)
        np.testing.assert_array_equal(np.asarray(y), np.asarray(x))

    def test_refers_to_the_base(self):
        b = np.arange(4.0)
        x = er.rolled(b, 2)
        assert x.base.base is b
        before = er.einsum("ij,j->i", x, np.ones(2))
        b[0] = 100
        np.testing.assert_array_equal(np.asarray(x)[0], [100, 1])
        after = er.einsum("ij,j->i", x, np.ones(2))
        np.testing.assert_array_equal(after - before, [100, 0, 0, 100])

    def test_nothing_derived_outlives_a_call(self, rng):
        b = rng.standard_normal((600, 4))
        x, a = er.rolled(b, 600), rng.standard_normal((600, 4))
        for _ in range(3):
            b[...] = rng.standard_normal(b.shape)
            assert_agrees("ijn,jn->i", x, a)
            assert_agrees("ijn,in->j", x, a)

    def test_array_likes(self):
        np.testing.assert_array_equal(np.asarray(er.rolled([1, 2, 3], 2)), [[1, 2], [2, 3], [3, 1]])
        assert type(er.rolled(np.ma.array([1, 2, 3]), 2).base) is np.ndarray
        assert er.rolled(np.arange(3), np.int8(2), axis=np.uint8(0), step=np.int64(-1)).k == 2

    def test_array_protocol(self):
        x = er.rolled(np.arange(3), 2)
        assert np.asarray(x, dtype="f4").dtype == "f4"
        assert np.array(x).flags.writeable
        with pytest.raises(ValueError, match="without a copy"):
            np.asarray(x, copy=False)

    def test_numpys_functions_come_to_the_router(self, rng):
        b = rng.standard_normal((6, 4))
        x, w, a = er.rolled(b, 3), stacked(b, 3), rng.standard_normal((4, 2))
        np.testing.assert_allclose(np.einsum("ijn,nm->ijm", x, a), w @ a)
        np.testing.assert_allclose(np.tensordot(x, a, axes=1), w @ a)
        np.testing.assert_allclose(np.matmul(x, a), w @ a)
        np.testing.assert_allclose(x @ a, w @ a)
        np.testing.assert_allclose(a.T @ np.moveaxis(w, 2, 1), a.T @ np.moveaxis(np.asarray(x), 2, 1))
        np.testing.assert_allclose(np.dot(x, a), w @ a)
        np.testing.assert_allclose(np.inner(x, a.T), w @ a)
        np.testing.assert_allclose(er.tensordot(a, x, axes=([0], [2])), np.tensordot(a, w, axes=([0], [2])))

    def test_other_functions_get_it_written_out(self, rng):
        b = rng.standard_normal((6, 4))
        x, w = er.rolled(b, 3, step=-2), stacked(b, 3, step=-2)
        np.testing.assert_array_equal(np.sum(x, axis=1), w.sum(axis=1))
        np.testing.assert_array_equal(np.exp(x), np.exp(w))
        np.testing.assert_array_equal(x + 1, w + 1)
        np.testing.assert_array_equal(np.concatenate([x, w]), np.concatenate([w, w]))
        assert np.shape(x) == w.shape

    def test_writing_out_much_is_told(self):
        x = er.rolled(np.zeros((3000, 10)), 1000)
        with er.config(on_densify="raise"), pytest.raises(ValueError, match="written out"):
            np.sin(x)


class TestBadInput:
    @pytest.mark.parametrize(
        ("make", "error", "match"),
        [
            (lambda: er.rolled(np.ones(3), 0), ValueError, "k is 0, expected at least 1"),
            (lambda: er.rolled(np.ones(3), -2), ValueError, "k is -2"),
            (lambda: er.rolled(np.ones(3), 2.0), TypeError, "k is 2.0, expected an int"),
            (lambda: er.rolled(np.ones(3), None), TypeError, "k is None"),
            (lambda: er.rolled(np.ones(3), 2, axis=1), np.exceptions.AxisError, "axis"),
            (lambda: er.rolled(np.ones(3), 2, axis=-2), np.exceptions.AxisError, "axis"),
            (lambda: er.rolled(np.ones(3), 2, axis="0"), TypeError, "axis is '0'"),
            (lambda: er.rolled(np.ones(()), 2), np.exceptions.AxisError, "axis"),
            (lambda: er.rolled(np.ones(3), 2, step=1.5), TypeError, "step is 1.5"),
            (lambda: er.rolled(sp.csr_array(np.eye(3)), 2), TypeError, "b is of type csr_array"),
            (lambda: er.rolled(er.rolled(np.ones(3), 2), 2), TypeError, "b is of type Rolled"),
            (lambda: er.rolled("abc", 2), TypeError, "b is of type str"),
            (lambda: er.rolled(np.ones(3), 2, 0), TypeError, "positional"),
        ],
    )
    def test_at_construction(self, make, error, match):
        with pytest.raises(error, match=match):
            make()

    def test_in_a_call(self):
        x = er.rolled(np.ones((4, 2)), 3)
        with pytest.raises(ValueError, match="j"):
            er.einsum("ijn,j->in", x, np.ones(4))
        with pytest.raises(ValueError):
            er.einsum("ij,j->i", x, np.ones(3))
        with pytest.raises(TypeError):
            er.einsum("ijn,j->in", x, np.ones(3), dtype="i4")
        with pytest.raises(TypeError, match="dtype"):
            er.einsum("ij,j->i", er.rolled(np.array(["a", "b"]), 2), np.ones(2))
        with pytest.raises(TypeError):
            er.einsum("ijn,j->in", x, np.ones(3), out=np.empty((4, 2), int))


@pytest.mark.usefixtures("way")
class TestContractions:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("subscripts", EXPRESSIONS)
    def test_every_expression(self, rng, subscripts, dtype):
        for d, k, step in ((6, 4, 1), (5, 5, -1), (3, 8, 2), (1, 3, 1)):
            assert_agrees(subscripts, *case(rng, subscripts, d, k, step, dtype))

    @pytest.mark.parametrize("step", STEPS)
    @pytest.mark.parametrize("subscripts", EXPRESSIONS)
    def test_every_step(self, rng, subscripts, step):
        for d, k in ((7, 3), (4, 9)):
            assert_agrees(subscripts, *case(rng, subscripts, d, k, step))

    def test_operand_orders(self, rng):
        a, x = case(rng, "imn,ijnl->ijml", 5, 3)
        np.testing.assert_array_equal(
            assert_agrees("imn,ijnl->ijml", a, x), assert_agrees("ijnl,imn->ijml", x, a)
        )

    def test_layouts_of_the_base(self, rng):
        whole = rng.standard_normal((12, 10, 6))
        a = rng.standard_normal((6, 4, 5))
        bases = {
            "F": np.asfortranarray(whole[:6, :5, :3]),
            "cut": whole[::2, ::2, ::2],
            "backwards": whole[5::-1, 4::-1, 2::-1],
            "transposed": whole[:3, :5, :6].transpose(2, 1, 0),
            "broadcast rows": np.broadcast_to(whole[:1, :5, :3], (6, 5, 3)),
            "broadcast inside": np.broadcast_to(whole[:6, :1, :3], (6, 5, 3)),
            "one number": np.broadcast_to(whole[0, 0, 0], (6, 5, 3)),
            "unaligned": np.frombuffer(b"." + whole[:6, :5, :3].tobytes(), "f8", offset=1).reshape(6, 5, 3),
        }
        for base in bases.values():
            base.flags.writeable = False
            for step in (1, -1, 4):
                assert_agrees("imn,ijnl->ijml", a, er.rolled(base, 4, step=step))
                assert_agrees("ijnl,jn->il", er.rolled(base, 4, step=step), a[0])

    def test_options(self, rng):
        a, x = case(rng, "imn,ijnl->ijml", 5, 3)
        w = np.asarray(x)
        for order in "CFAK":
            result = assert_agrees("imn,ijnl->ijml", a, x, order=order)
            assert order not in "CF" or result.flags[f"{order}_CONTIGUOUS"]
        out = np.empty((5, 3, 3, 4))
        assert er.einsum("imn,ijnl->ijml", a, x, out=out) is out
        np.testing.assert_allclose(out, np.einsum("imn,ijnl->ijml", a, w))
        assert_agrees("imn,ijnl->ijml", a, x, dtype="c16")
        assert_agrees("imn,ijnl->ijml", a.astype("f4"), er.rolled(x.base.astype("f4"), 3), dtype="f8")
        for optimize in (True, False, "greedy", "optimal", ["einsum_path", (0, 1)]):
            np.testing.assert_allclose(
                er.einsum("imn,ijnl->ijml", a, x, optimize=optimize), np.einsum("imn,ijnl->ijml", a, w)
            )
        np.testing.assert_allclose(
            er.einsum(a, [0, 2, 3], x, [0, 1, 3, 4], [0, 1, 2, 4]), np.einsum("imn,ijnl->ijml", a, w)
        )
        np.testing.assert_allclose(
            er.einsum("ij...,j->i...", x, a[0, 0, :1].repeat(3)), w.sum(1) * a[0, 0, 0]
        )

    def test_out_may_be_the_base(self, rng):
        b = rng.standard_normal(5)
        right = stacked(b, 5, step=-1) @ np.arange(5.0)
        assert er.einsum("ij,j->i", er.rolled(b, 5, step=-1), np.arange(5.0), out=b) is b
        np.testing.assert_allclose(b, right)

    def test_broadcast_axes(self, rng):
        x = er.rolled(rng.standard_normal((5, 1)), 3)
        assert_agrees("ijn,jn->in", x, rng.standard_normal((3, 4)))
        assert_agrees("ijn,jn->in", x, rng.standard_normal((1, 4)))
        assert_agrees("ijn,n->jn", x, rng.standard_normal(4))
        one = er.rolled(rng.standard_normal((1, 2)), 1)
        assert_agrees("ijn,ij->n", one, rng.standard_normal((4, 6)))
        for name in REWRITES:
            with forcing(name):
                assert_agrees("ijn,jn->i", er.rolled(x.base, 3), rng.standard_normal((1, 4)))

    def test_specials_stand_where_numpys_do(self, rng):
        b = rng.standard_normal((40, 3))
        b[3, 1], b[7, 2], b[9, 0] = np.nan, np.inf, -np.inf
        for step in (1, -1, 3):
            for subscripts, a in (
                ("ijn,jm->inm", rng.standard_normal((20, 2))),
                ("ijn,in->j", rng.standard_normal((40, 3))),
                ("imn,ijn->ijm", rng.standard_normal((40, 2, 3))),
            ):
                x = er.rolled(b, 20, step=step)
                inputs = (a, x) if subscripts[1] == "m" else (x, a)
                right = np.einsum(subscripts, *(np.asarray(y) for y in inputs))
                np.testing.assert_allclose(er.einsum(subscripts, *inputs), right, rtol=1e-10, atol=1e-12)

    def test_sparse_operands(self, rng):
        x = er.rolled(rng.standard_normal((6, 3)), 4, step=-1)
        ij = sp.random_array((6, 4), density=0.4, rng=rng)
        jn = sp.random_array((4, 3), density=0.4, rng=rng).tocsr()
        w = np.asarray(x)
        np.testing.assert_allclose(
            er.einsum("ijn,jn->i", x, jn), np.einsum("ijn,jn->i", w, jn.toarray()), atol=1e-14
        )
        np.testing.assert_allclose(
            er.einsum("ij,ijn->n", ij, x), np.einsum("ij,ijn->n", ij.toarray(), w), atol=1e-14
        )
        flat = er.rolled(x.base[:, 0], 4)
        kept = er.einsum("ij,ij->ij", ij, flat)
        assert sp.issparse(kept)
        np.testing.assert_allclose(kept.toarray(), ij.toarray() * np.asarray(flat))
        first = er.einsum("ijn,nm->ijm", x, sp.eye_array(3).tocsr())
        np.testing.assert_allclose(first, w)

    def test_several_structured_operands(self, rng):
        a, b = rng.standard_normal((2, 6, 3))
        x, y = er.rolled(a, 4), er.rolled(b, 4, step=-2)
        assert_agrees("ijn,ijm->nm", x, y)
        assert_agrees("ijn,ijn->ij", x, x)
        assert_agrees("ijn,kln->ijkl", x, y)
        assert_agrees("ij,jk->ik", er.rolled(a[:, 0], 6, step=-1), er.rolled(b[:, 0], 6, step=-1))
        hot = er.one_hot(rng.integers(0, 4, 5), 4)
        assert_agrees("tj,ijn->tin", hot, x)
        points = rng.standard_normal((6, 3))
        assert_agrees("ijn,ikn->jk", x, er.pairwise_difference(points))

    def test_integers_wrap_as_numpys(self, rng):
        for dtype in ("i8", "u8", "i4", "i1"):
            info = np.iinfo(dtype)
            b = rng.integers(info.min, info.max, (30, 4, 3), dtype, endpoint=True)
            a = rng.integers(info.min, info.max, (30, 2, 4), dtype, endpoint=True)
            assert_agrees("imn,ijnl->ijml", a, er.rolled(b, 12))
            assert_agrees("ijnl,jn->il", er.rolled(b, 12, step=-1), a.reshape(60, 4)[:12])

    @pytest.mark.parametrize("bits", [20, 26, 31, 40])
    def test_integers_are_exact_at_any_size(self, rng, bits):
        b = rng.integers(-(2**bits), 2**bits, (50, 8, 5))
        a = rng.integers(-(2**bits), 2**bits, (50, 6, 8))
        for step in (1, -1, 3):
            assert_agrees("imn,ijnl->ijml", a, er.rolled(b, 20, step=step))
        v = rng.integers(-(2**bits), 2**bits, 200)
        assert_agrees("ij,j->i", er.rolled(v, 200, step=-1), v)


class TestRewrites:
    """Every rewrite does what it does not refuse."""

    # Some are for two rolled operands, or for few forms, and have tests of their own.
    @pytest.mark.parametrize("name", [x for x in REWRITES if x not in (*OWN_TESTS, *ABSENT)])
    def test_every_expression(self, rng, name):
        done = 0
        for subscripts in EXPRESSIONS:
            for d, k, step, dtype in (
                (40, 9, 1, "f8"),
                (30, 30, -1, "c16"),
                (24, 5, -2, "i8"),
                (7, 16, 3, "f8"),
            ):
                operands = case(rng, subscripts, d, k, step, dtype)
                with forcing(name) as ran:
                    assert_agrees(subscripts, *operands)
                done += name in ran
        assert done >= 10, f"{name} was refused nearly everywhere"

    @pytest.mark.parametrize("dtype", ["f8", "f4"])
    @pytest.mark.parametrize("step", [1, -1])
    @pytest.mark.parametrize(("d", "k"), [(40, 9), (40, 40), (9, 40), (1, 5), (5, 1), (2, 2)])
    def test_a_kernel(self, rng, d, k, step, dtype):
        operands = case(rng, "ij,j->i", d, k, step, dtype)
        with forcing("rolled.kernels") as ran:
            assert_agrees("ij,j->i", *operands)
            assert_agrees("j,ij->i", *operands[::-1])
        if d > 2 and k > 1:
            assert ran == ["rolled.kernels"] * 2

    @pytest.mark.parametrize(
        ("subscripts", "d", "k", "route"),
        [
            ("ij->j", 5000, 300, "rolled.sums"),
            ("ijn,j->n", 5000, 300, "rolled.sums"),
            ("ij,ij->", 600_000, 2, "rolled.shifts"),
            ("ij,j->i", 150, 40, "rolled.kernels" if ABSENT else "rolled.correlate"),
        ],
    )
    def test_what_is_taken_for_what(self, rng, subscripts, d, k, route):
        operands = case(rng, subscripts, d, k)
        with er.config(threads=1):
            assert er.explain(subscripts, *operands).routes[0] == route
        if d < 10_000:
            assert_agrees(subscripts, *operands)

    def test_sums_of_all_rollings_are_the_callers_own(self, rng):
        result = er.einsum("ij->j", er.rolled(rng.standard_normal(6), 4))
        result[0] = 7
        assert (result[1:] != 7).all()

    @settings(max_examples=150, deadline=None)
    @given(st.data())
    def test_random_bases(self, data):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        subscripts = data.draw(st.sampled_from(EXPRESSIONS))
        d, k = data.draw(st.integers(0, 24)), data.draw(st.integers(1, 40))
        step = data.draw(st.integers(-60, 60))
        operands = case(rng, subscripts, d, k, step, data.draw(st.sampled_from(DTYPES)))
        with forcing(data.draw(st.sampled_from((None, *REWRITES)))):
            assert_agrees(subscripts, *operands)

    @settings(max_examples=100, deadline=None)
    @given(st.data())
    def test_some_rollings_at_a_time(self, data):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        subscripts = data.draw(st.sampled_from(EXPRESSIONS))
        d, k = data.draw(st.integers(1, 24)), data.draw(st.integers(1, 60))
        operands = case(rng, subscripts, d, k, data.draw(st.integers(-30, 30)))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(extension, "_FEW", 0)
            patch.setattr(extension, "_TIMES", data.draw(st.integers(0, 2)))
            patch.setattr(kind.strided, "others_bytes", lambda step, at: 0)
            with forcing("rolled.strided"):
                assert_agrees(subscripts, *operands)

    def test_some_rollings_at_a_time_happens(self, rng):
        x = er.rolled(rng.standard_normal((1000, 300)), 400, step=499)
        a = rng.standard_normal(400)
        with er.config(forbid=["rolled.fft", "rolled.correlate"]):
            assert "rollings at a time" in str(er.explain("ijn,j->in", x, a))
        assert_agrees("ijn,j->in", er.rolled(x.base[:, :40], 400, step=499), a)

    def test_what_can_be_done_first_is_done_first(self, rng):
        x, a = er.rolled(rng.standard_normal((300, 40)), 50), rng.standard_normal((40, 40))
        assert er.explain("ijn,nm->ijm", x, a).routes[0] == "rolled.first"
        assert_agrees("ijn,nm->ijm", x, a)

    def test_few_rollings_are_done_one_after_the_other(self, rng):
        x, a = er.rolled(rng.standard_normal((200_000, 4)), 2), rng.standard_normal((200_000, 4))
        assert er.explain("ijn,in->j", x, a).routes[0] in ("rolled.shifts", "rolled.split")  # without a copy
        np.testing.assert_allclose(
            er.einsum("ijn,in->j", x, a), [np.vdot(np.roll(x.base, -j, 0), a) for j in range(2)], rtol=1e-9
        )

    def test_small_slices_are_laid_out_for_gemm(self, rng):
        a, b = rng.standard_normal((2, 300, 4, 4))
        x = er.rolled(b, 10)
        with er.config(forbid="dense.small"):  # the compiled core takes them as they lie
            explained = er.explain("imn,ijnl->ijml", a, x)
        assert explained.routes[0] == "rolled.windows"
        assert "GEMM 4x4 by 4x40" in str(explained)
        assert_agrees("imn,ijnl->ijml", a, x)

    def test_forbidden_rewrites_are_not_taken(self, rng):
        a, x = case(rng, "imn,ijnl->ijml", 300, 10)
        others = [name for name in REWRITES if name != "rolled.strided"]
        with er.config(forbid=others):
            assert er.explain("imn,ijnl->ijml", a, x).routes[0] == "rolled.strided"
            assert_agrees("imn,ijnl->ijml", a, x)
        with er.config(forbid=REWRITES), pytest.raises(er.NoRoute, match="forbidden"):
            er.einsum("imn,ijnl->ijml", a, x)


def exact(a: np.ndarray, b: np.ndarray, step: int) -> np.ndarray:
    """``sum_j a[j] b[(i + step*j) % d]`` in long double."""
    w = np.longdouble if a.dtype.kind == "f" else np.clongdouble
    d = len(b)
    total = np.zeros(d, w)
    for j, x in enumerate(a.astype(w)):
        total += x * np.roll(b.astype(w), -step * j)
    return total


class TestFFT:
    SUBSCRIPTS = (
        "ij,j->i", "ij,i->j", "bij,bj->bi", "bij,bj->ib", "ijn,jn->i", "ijn,jm->inm", "ijn,jnm->im",
        "ijn,in->j", "ij,j,i->", "ij,jm,mb,ib->", "nij,jmn->im", "ij,bj->ib", "bij,cj->ci", "ij,j,j->i",
    )  # fmt: skip

    @pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "c8"])
    @pytest.mark.parametrize("subscripts", SUBSCRIPTS)
    def test_agrees_within_the_bound_of_a_direct_sum(self, rng, subscripts, dtype):
        inputs, output = subscripts.split("->")
        ran = 0
        for d, k, step in ((400, 400, -1), (401, 300, 1), (360, 500, 7), (512, 512, 0), (300, 300, 150)):
            sizes = {"i": d, "j": k, "b": 3, "c": 2, "m": 2, "n": 3}
            operands: list[Any] = []
            for labels in inputs.split(","):
                shape = [sizes[c] for c in labels if "ij" not in labels or c != "j"]
                x = rng.standard_normal(shape)
                x = (x + 1j * rng.standard_normal(shape) if dtype[0] == "c" else x).astype(dtype)
                operands.append(er.rolled(x, k, axis=labels.index("i"), step=step) if "ij" in labels else x)
            with forcing("rolled.fft") as routes:
                result = er.einsum(subscripts, *operands)
            ran += "rolled.fft" in routes
            wide = [np.asarray(x).astype("G" if dtype[0] == "c" else "g") for x in operands]
            right = np.einsum(subscripts, *wide, optimize=True)
            size = np.einsum(subscripts, *map(np.abs, wide), optimize=True)
            terms = 4 * (k if "j" not in output else d) + 32
            assert result.dtype == dtype
            assert (np.abs(result - right) <= terms * np.finfo(dtype).eps * size).all()
        assert ran >= 3

    @pytest.mark.parametrize("d", [512, 1000, 1021, 2039, 6000])
    def test_error_of_one_correlation(self, rng, d):
        for make in (rng.standard_normal, lambda n: rng.uniform(0.5, 1.5, n), np.ones):
            a, b = make(d), make(d)
            with forcing("rolled.fft") as ran:
                result = er.einsum("ij,j->i", er.rolled(b, d, step=-1), a)
            assert "rolled.fft" in ran
            error = np.abs(result - exact(a, b, -1)).max()
            bound = np.finfo("f8").eps * np.log2(d) * np.linalg.norm(a) * np.linalg.norm(b)
            assert error <= bound
            assert bound * correlation.ERROR >= 4 * error  # the constant has room

    def declines(
        self, a: np.ndarray, b: np.ndarray, step: int = -1, subscripts: str = "ij,j->i"
    ) -> np.ndarray:
        """The result, of a call that the transforms must not have made."""
        with forcing("rolled.fft") as ran:
            result = er.einsum(subscripts, er.rolled(b, len(a), step=step), a)
        assert "rolled.fft" not in ran
        assert {"rolled.strided", "rolled.kernels", "rolled.correlate"} & set(ran)
        return result

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("subscripts", ["ij,j->i", "ij,i->j"])
    def test_declines_what_is_not_finite(self, rng, bad, subscripts):
        a, b = rng.standard_normal((2, 600))
        for x in (a, b):
            old, x[17] = x[17], bad
            w = scipy.linalg.circulant(b)
            with np.errstate(invalid="ignore"):
                right = w @ a if subscripts == "ij,j->i" else w.T @ a
            np.testing.assert_allclose(
                self.declines(a, b, subscripts=subscripts), right, rtol=1e-9, atol=1e-9
            )
            x[17] = old

    def test_a_zero_times_infinity_is_nan_in_that_entry_only(self, rng):
        a, b = np.zeros(600), rng.standard_normal(600)
        a[0], b[5] = 1.0, np.inf
        result = self.declines(a, b)
        assert np.isposinf(result[5])
        assert np.isnan(np.delete(result, 5)).all()

    def test_declines_a_wide_dynamic_range(self, rng):
        d = 600
        a = rng.standard_normal(d) * 10.0 ** rng.uniform(-12, 0, d)
        b = rng.standard_normal(d) * np.exp(-np.arange(d) / 6)  # entries far apart in size
        result, right = self.declines(a, b), exact(a, b, -1)
        size = exact(np.abs(a), np.abs(b), -1)
        assert (np.abs(result - right) <= d * np.finfo("f8").eps * size).all()

    def test_declines_windows_of_zeros(self, rng):
        b = np.zeros(800)
        b[:100] = rng.standard_normal(100)
        result = self.declines(rng.standard_normal(100), b, step=1)
        assert (result[100:700] == 0).all()

    def test_declines_a_delta(self, rng):
        a, b = np.zeros(700), rng.standard_normal(700)
        a[3] = 1
        b[40] = 1e-13
        np.testing.assert_array_equal(self.declines(a, b), np.roll(b, 3))

    @pytest.mark.parametrize("scale", [1e160, 1e-170, 1e300])
    def test_declines_what_may_overflow_or_underflow(self, rng, scale):
        a, b = rng.standard_normal((2, 600))
        result = self.declines(a * scale, b)
        np.testing.assert_allclose(result / scale, exact(a, b, -1).astype(float), rtol=1e-6, atol=1e-9)

    def test_one_bad_row_declines_them_all(self, rng):
        a, b = rng.standard_normal((2, 3, 500))
        b[1, :400] = 0
        a[1, 100:] = 0
        with forcing("rolled.fft") as ran:
            result = er.einsum("bij,bj->bi", er.rolled(b, 500, axis=1, step=-1), a)
        assert "rolled.fft" not in ran
        right = [exact(x, y, -1) for x, y in zip(a, b, strict=True)]
        np.testing.assert_allclose(result, np.array(right).astype(float), rtol=1e-9, atol=1e-11)

    def test_a_row_of_zeros_is_zero(self, rng):
        a, b = rng.standard_normal((2, 3, 500))
        b[1] = 0
        with forcing("rolled.fft") as ran:
            result = er.einsum("bij,bj->bi", er.rolled(b, 500, axis=1, step=-1), a)
        assert "rolled.fft" in ran
        assert (result[1] == 0).all()

    def test_sparse_numbers_are_looked_at_entry_by_entry(self, rng):
        """Half zeros: the count of large elements says nothing, the transform of the magnitudes does."""
        a, b = rng.standard_normal((2, 2000))
        a[rng.random(2000) < 0.7] = 0
        b[rng.random(2000) < 0.7] = 0
        with forcing("rolled.fft") as ran:
            result = er.einsum("ij,j->i", er.rolled(b, 2000, step=-1), a)
        assert "rolled.fft" in ran
        bound = 4 * 2000 * np.finfo("f8").eps * exact(np.abs(a), np.abs(b), -1)
        assert (np.abs(result - exact(a, b, -1)) <= bound).all()

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.sampled_from(["f8", "f4", "c16"]))
    def test_never_worse_than_a_direct_sum_by_more_than_it_says(self, seed, dtype):
        rng = np.random.default_rng(seed)
        d = int(rng.integers(2, 700))
        k = int(rng.integers(1, 2 * d))
        step = int(rng.integers(-d, d))
        a, b = rng.standard_normal(k), rng.standard_normal(d)
        a *= 10.0 ** rng.uniform(-rng.choice([0, 2, 6, 20]), 0, k)
        b *= 10.0 ** rng.uniform(-rng.choice([0, 2, 6, 20]), 0, d)
        a[rng.random(k) < rng.choice([0, 0.5, 0.95])] = 0
        b[rng.random(d) < rng.choice([0, 0.5, 0.95])] = 0
        a, b = a.astype(dtype), b.astype(dtype)
        with forcing("rolled.fft"):
            result = er.einsum("ij,j->i", er.rolled(b, k, step=step), a)
        size = exact(np.abs(a), np.abs(b), step)
        tiny = np.finfo(dtype).smallest_subnormal
        bound = (4 * k + 16) * (np.finfo(dtype).eps * size + np.longdouble(tiny))
        assert (np.abs(result - exact(a, b, step)) <= bound).all()

    def test_rows_that_labels_rule_out_meet_no_infinity(self, rng):
        mask, factor = er.one_hot(np.array([4, -2]), 3), np.array([-np.inf, np.inf])
        rolled = er.rolled(rng.standard_normal((4, 2)), 3)
        with forcing("rolled.fft"):
            assert er.einsum("ab,a,cba->", mask, factor, rolled) == 0
            assert er.einsum("ab,a,cba->", mask, np.ones(2), rolled) == 0

    def test_integers_never_go_by_fft(self, rng):
        a, b = rng.integers(-100, 100, (2, 600))
        for dtype in ("i8", "u4", "?", "g"):
            x = er.rolled(b.astype(dtype), 600, step=-1)
            with forcing("rolled.fft") as ran:
                result = er.einsum("ij,j->i", x, a.astype(dtype))
            assert "rolled.fft" not in ran
            if dtype == "i8":
                np.testing.assert_array_equal(result, scipy.linalg.circulant(b) @ a)

    def test_is_taken_where_it_is_faster(self, rng):
        a, b = rng.standard_normal((2, 6000))
        with forcing(None) as ran:
            er.einsum("ij,j->i", er.rolled(b, 6000, step=-1), a)
        assert ran[-1] == "rolled.fft"
        explained = er.explain("ij,j->i", er.rolled(b, 6000, step=-1), a)
        assert "circular convolution of length 6000 by FFT" in in_one_line(explained)
        assert "4*K*eps*sum|products|" in in_one_line(explained)
        with forcing(None) as ran:
            er.einsum("ij,j->i", er.rolled(b[:20], 20, step=-1), a[:20])
        assert "rolled.fft" not in ran


class TestMemory:
    """Nothing is copied k times."""

    @pytest.mark.parametrize("step", [1, -1, 2, 399, -250])
    @pytest.mark.parametrize(
        ("subscripts", "shape", "others"),
        [
            ("imn,ijnl->ijml", (800, 60, 2), ((800, 2, 60),)),
            ("imn,ijnl->iml", (800, 30, 8), ((800, 4, 30),)),
            ("ijnl,jm->inlm", (800, 8, 30), ((300, 2),)),
            ("ijn,jnm->im", (800, 60), ((300, 60, 3),)),
            ("ijn,jn->i", (800, 200), ((300, 200),)),
            ("ijn,in->j", (800, 200), ((800, 200),)),
            ("ijn->jn", (800, 200), ()),
            ("ijn->n", (800, 200), ()),
            ("ijn,n,j->i", (800, 200), ((200,), (300,))),
            ("ijn,ij->n", (800, 200), ((800, 300),)),
        ],
    )
    @pytest.mark.parametrize("dtype", ["f8", "i8", "f4"])
    def test_floats_and_integers(self, rng, subscripts, shape, others, step, dtype):
        x = er.rolled(rng.integers(-9, 9, shape).astype(dtype), 300, step=step)
        arrays = [rng.integers(-9, 9, s).astype(dtype) for s in others]
        labels = subscripts.partition("->")[0].split(",")
        at = next(n for n, c in enumerate(labels) if "ij" in c)
        operands = [*arrays[:at], x, *arrays[at:]]
        result, peak = peak_of(lambda: er.einsum(subscripts, *operands))
        given = x.base.nbytes + sum(a.nbytes for a in arrays)
        # The base lengthened to three times its size, that once more as floats, and blocks of a few MiB.
        allowed = 8 * given + 3 * np.asarray(result).nbytes + (16 << 20)
        assert peak <= allowed < x.nbytes / 2

    def test_a_cast_is_made_once(self, rng):
        x = er.rolled(rng.standard_normal((800, 200)).astype("f4"), 300)
        _, peak = peak_of(lambda: er.einsum("ijn,jn->i", x, rng.standard_normal((300, 200))))
        assert peak <= 12 * x.base.nbytes + (1 << 20)

    def test_far_more_rollings_than_slices(self, rng):
        b, a = rng.standard_normal((3, 500)), rng.standard_normal(200_000)
        result, peak = peak_of(lambda: er.einsum("ijn,j->in", er.rolled(b, 200_000), a))
        assert peak < 12 << 20
        right = np.array([[a[(p - i) % 3 :: 3].sum() for p in range(3)] for i in range(3)]) @ b
        np.testing.assert_allclose(result, right, rtol=1e-9, atol=1e-9)

    def test_sparse_operands(self, rng):
        x = er.rolled(rng.standard_normal((1500, 30)), 300)
        jn = sp.random_array((300, 30), density=0.02, rng=rng).tocsr()
        _, peak = peak_of(lambda: er.einsum("ijn,jn->i", x, jn))
        assert peak < x.nbytes / 10


class TestExplain:
    def test_names_the_structure_the_route_and_the_refusals(self, rng):
        a, x = case(rng, "imn,ijnl->ijml", 300, 10)
        text = in_one_line(er.explain("imn,ijnl->ijml", a, x, verbose=True))
        assert "rolled" in text
        assert "rolled.strided" in text
        assert "lengthened" in text
        assert "its two axes have different labels" in text

    def test_record_names_them(self, rng):
        a, x = case(rng, "imn,ijnl->ijml", 300, 10)
        with er.record() as record:
            er.einsum("imn,ijnl->ijml", a, x)
        assert "rolled." in str(record)


@pytest.mark.parametrize("function", [operator.add, operator.mul, operator.sub, np.maximum])
def test_arithmetic_is_numpys(rng, function):
    x = er.rolled(rng.standard_normal((4, 2)), 3)
    np.testing.assert_array_equal(function(x, x), function(np.asarray(x), np.asarray(x)))
    np.testing.assert_array_equal(function(2, x), function(2, np.asarray(x)))


RNG = np.random.default_rng(0)
#: Several rolled operands, each of the same base: along one axis, along different ones, and beside arrays.
PAIRS = (
    "ij,ik->jk", "ij,ik->", "ij,ik->ik", "ij,ik,i->jk", "ij,ik,kl->jl", "ij,ik,im->mjk", "ij,kj->ik",
    "ij,ij->j", "ij,ik,il->jkl", "ii,ij->j", "ij,ji->", "ij,jk->ik",
)  # fmt: skip


@pytest.mark.parametrize("step", [1, -3, 0])
@pytest.mark.parametrize("dtype", ["f8", "c8", "i8", "i1", "?", "f2"])
@pytest.mark.parametrize("subscripts", PAIRS)
def test_blocks_of_rows_written_out(
    subscripts: str, dtype: str, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "_BLOCK", 256)
    er.cache_clear()
    square = any(a + b in subscripts for a, b in (("ii", ""), ("ij,ji", ""), ("ij,jk", "")))
    d, k = (17, 17) if square else (37, 6)
    r = Rolled(RNG.integers(-3, 4, d).astype(dtype), k, 0, step)
    inputs = subscripts.partition("->")[0].split(",")
    sizes = {"i": d, "j": k, "k": k, "l": 3, "m": 2}
    if subscripts == "ij,kj->ik":
        sizes["k"] = d
    operands: list[Any] = []
    for labels in inputs:
        if len(labels) == 2 and set(labels) <= (set("ijk") if "kl" in inputs else set("ijkl")):
            operands.append(r)
        else:
            operands.append(RNG.integers(-3, 4, [sizes[c] for c in labels]).astype(dtype))
    wide = None if dtype != "f2" else "f8"  # NumPy's own sums of halves are off by a hundredth
    right = np.einsum(subscripts, *(np.asarray(x, wide) for x in operands)).astype(dtype)
    with forcing("rolled.rows") as ran:
        got = er.einsum(subscripts, *operands)
    assert got.dtype == right.dtype
    np.testing.assert_allclose(got, right, rtol=2e-3 if dtype == "f2" else 1e-5)
    if inputs[0] == "ij" and sum(x[0] == "i" for x in inputs) > 1:
        assert "rolled.rows" in ran
    er.cache_clear()


@pytest.mark.parametrize("dtype", ["f8", "c8", "i8"])
@pytest.mark.parametrize("subscripts", ["ij,ik->jk", "ij,ik,kl->jl", "ij,ik->", "ij,ij->j"])
def test_no_copy_of_all_rollings_is_made(subscripts: str, dtype: str) -> None:
    """That of two operands would be 320 MB; transforms of them would be more."""
    d, k = 100_000, 200
    arrays = {"i": RNG.integers(-3, 4, d).astype(dtype), "kl": RNG.integers(-3, 4, (k, 3)).astype(dtype)}
    inputs = subscripts.partition("->")[0].split(",")

    def call(d: int, k: int) -> Any:
        r = er.rolled(arrays["i"][:d], k)
        return er.einsum(
            subscripts, *(arrays[x][: {"i": d, "k": k}[x[0]]] if x in arrays else r for x in inputs)
        )

    call(9, 3)  # what is loaded the first time
    tracemalloc.start()
    try:
        got = call(d, k)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24 << 20
    few = stacked(arrays["i"], 4)
    small = {"i": arrays["i"], "kl": arrays["kl"][:4]}
    if "l" not in subscripts and subscripts.partition("->")[2]:
        right = np.einsum(subscripts, *(small.get(x, few) for x in inputs))
        np.testing.assert_allclose(got[tuple(map(slice, right.shape))], right, rtol=1e-3)


@pytest.mark.parametrize("k", [2**62, 2**63 - 1, 2**63, 2**70])
def test_rollings_that_no_array_could_hold(k: int) -> None:
    with pytest.raises(ValueError, match=f"k is {k}, with which the operand has more than"):
        er.rolled(np.zeros(3), k)


@pytest.mark.parametrize("subscripts", ["ij->i", "ij->j", "ij,ik->jk", "ij,i->j", "ij,j->i", "ij->ji"])
def test_very_many_rollings_are_planned_at_once(subscripts: str) -> None:
    r = er.rolled(np.zeros(3), 2**40)
    arrays = {"i": np.zeros(3), "j": np.broadcast_to(0.0, 2**40)}
    inputs = subscripts.partition("->")[0].split(",")
    with er.config(memory_limit=1 << 20):
        assert er.explain(subscripts, *(arrays.get(x, r) for x in inputs)).routes
