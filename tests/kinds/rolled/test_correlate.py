"""Sums along windows by the core's kernel, against NumPy on windows written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import einroute as er
from einroute._native import CORE
from tests.helpers import forcing

from .test_rolled import STEPS, assert_agrees, numbers

pytestmark = pytest.mark.skipif(CORE is None, reason="the kernel is the compiled core's")

DTYPES = ("f4", "f8", "c8", "c16", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?")
#: The rolled operand, the other one and the result, by labels; each has the shape of what is rolled.
FORMS = (
    "ij,j->i", "j,ij->i", "ij,i->j", "ijc,j->ic", "ijc,j->ci", "ijc,i->jc", "bij,j->bi", "bij,bj->bi",
    "bij,bj->ib", "bij,bi->bj", "ijc,jc->ic", "ijc,cj->ci", "ij,jm->im", "ij,mj->mi", "ij,im->jm",
    "bijc,bj->bic", "abij,bj->abi", "abij,aj->bia", "bijc,bi->jcb", "ijc,jm->icm",
)  # fmt: skip


def windows(b: np.ndarray, first: int, step: int, count: int, terms: int) -> np.ndarray:
    return b[(first + np.arange(count)[:, None] + step * np.arange(terms)) % len(b)]


def some(rng: np.random.Generator, n: int, dtype: str) -> np.ndarray:
    """Numbers whose sums of products are exact, but for complex parts; ints of all sizes."""
    if dtype == "?":
        return rng.random(n) < 0.3
    if np.dtype(dtype).kind in "iu":
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, n, dtype=dtype, endpoint=True)
    return numbers(rng, n, dtype).round()


def pair(
    rng: np.random.Generator, subscripts: str, d: int, k: int, step: int, dtype: str
) -> tuple[list[Any], int]:
    """The operands of a form, and where the rolled one is."""
    sizes = {"i": d, "j": k, "a": 2, "b": 3, "c": 4, "m": 5}
    inputs = subscripts.partition("->")[0].split(",")
    at = next(n for n, labels in enumerate(inputs) if "ij" in labels)
    made: list[Any] = [numbers(rng, [sizes[c] for c in labels], dtype) for labels in inputs]
    axis = inputs[at].index("i")
    made[at] = er.rolled(np.ascontiguousarray(made[at].take(0, axis + 1)), k, axis=axis, step=step)
    return made, at


class TestKernel:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("length", [1, 2, 7, 31, 64, 65, 300])
    def test_every_window(self, rng, dtype, length):
        b = some(rng, length, dtype)
        for terms in (0, 1, 3, 32, 33, 70):
            a = some(rng, terms, dtype)
            for count in (0, 1, 5, 64, 2 * length + 3):
                step, first = (int(n) for n in rng.integers(-2 * length, 2 * length, 2))
                got = CORE.correlate(b, a, count, step, first, 1, False)
                with np.errstate(all="ignore"):
                    right = np.einsum("ij,j->i", windows(b, first, step, count, terms), a)
                assert got.dtype == right.dtype
                np.testing.assert_array_equal(got, right)

    @pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16"])
    def test_bits_are_the_same_for_any_threads_instruction_set_and_part(self, rng, dtype):
        b, a = numbers(rng, 9000, dtype), numbers(rng, 1111, dtype)
        if dtype[0] == "c":
            b, a = b * (1 + 0.3j), a * (0.7 - 1j)
            b, a = b.astype(dtype), a.astype(dtype)
        whole = CORE.correlate(b, a, 9000, 1, 0, 1, False)
        here = CORE.isa()
        try:
            for isa in CORE.compiled_isas():
                CORE.choose_isa(isa)
                for threads in (1, 2, 3):
                    same = CORE.correlate(b, a, 9000, 1, 0, threads, False)
                    np.testing.assert_array_equal(same, whole)
                for first, count in ((0, 1), (13, 3), (8990, 30)):
                    part = CORE.correlate(b, a, count, 1, first, 1, False)
                    np.testing.assert_array_equal(part, whole[np.arange(first, first + count) % 9000])
        finally:
            CORE.choose_isa(here)

    def test_is_more_exact_than_a_sum_in_order(self, rng):
        a = rng.random(50_000).astype("f4")
        got = CORE.correlate(np.ones(3, "f4"), a, 3, 1, 0, 1, False)
        exact = a.sum(dtype="f8")
        assert abs(got[0] - exact) < 1e-6 * exact
        assert abs(got[0] - exact) < abs(a.cumsum(dtype="f4")[-1] - exact)

    def test_a_stack_with_any_strides(self, rng):
        b, a = rng.standard_normal((6, 40)), rng.standard_normal((9, 6)).T
        right = np.stack([CORE.correlate(x, y, 40, 3, 0, 1, False) for x, y in zip(b, a, strict=True)])
        np.testing.assert_array_equal(CORE.correlate(b, a, 40, 3, 0, 2, False), right)
        np.testing.assert_array_equal(CORE.correlate(b[::-2], a[::-2], 40, 3, 0, 2, False), right[::-2])
        one = np.broadcast_to(b[2], (6, 40))
        np.testing.assert_array_equal(CORE.correlate(one, a, 40, 3, 0, 1, False)[2], right[2])

    def test_tells_of_what_is_not_finite_by_arithmetic(self):
        b, a = np.array([1e308, 1e308, 1.0]), np.ones(2)
        assert CORE.correlate(b, a, 3, 1, 0, 1, True) is None
        assert CORE.correlate(b, a, 3, 1, 0, 1, False)[0] == np.inf
        for value in (np.nan, np.inf):
            b[0] = value
            np.testing.assert_array_equal(CORE.correlate(b, a, 3, 1, 0, 1, True), [value, 1e308, value])
        assert CORE.correlate(np.array([np.inf, -np.inf]), a, 1, 1, 0, 1, True) is None

    def test_refuses_what_it_does_not_know(self):
        x, ints = np.ones(4), np.ones(4, int)
        for rings, factors in (
            (x, ints), (x.astype("g"), x.astype("g")), (x.astype(">f8"), x), (x[::2], x), (x[:0], x),
            (x, x[None]), (np.ones((2, 4)), np.ones((3, 4))), (np.ones((2, 2, 2)), np.ones((2, 2, 2))),
        ):  # fmt: skip
            with pytest.raises(ValueError, match="expected rings and factors of one dtype"):
                CORE.correlate(rings, factors, 2, 1, 0, 1, False)
        with pytest.raises(ValueError, match="expected"):
            CORE.correlate(x, x, -1, 1, 0, 1, False)
        for arguments in ((x, x), (x, [1.0], 2, 1, 0, 1, False), (x, x, 2.5, 1, 0, 1, False)):
            with pytest.raises(TypeError):
                CORE.correlate(*arguments)


class TestRewrite:
    @pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16", "i1", "u2", "i8", "?", ">f8"])
    @pytest.mark.parametrize("subscripts", FORMS)
    def test_every_form(self, rng, subscripts, dtype):
        for d, k, step in ((33, 33, -1), (3, 7, 1)):
            operands, _ = pair(rng, subscripts, d, k, step, dtype)
            with forcing("rolled.correlate") as ran:
                assert_agrees(subscripts, *operands)
            assert "rolled.correlate" in ran

    @pytest.mark.parametrize("step", STEPS)
    @pytest.mark.parametrize("subscripts", FORMS)
    def test_every_step(self, rng, subscripts, step):
        operands, _ = pair(rng, subscripts, 41, 6, step, "f8")
        with forcing("rolled.correlate"):
            assert_agrees(subscripts, *operands)

    @pytest.mark.parametrize("subscripts", FORMS)
    def test_any_layout(self, rng, subscripts):
        operands, at = pair(rng, subscripts, 12, 5, 1, "f8")
        other = operands[1 - at]
        base = operands[at].base
        for array, lies in (
            (np.asfortranarray(other), base),
            (np.repeat(other, 2, -1)[..., ::2], np.asfortranarray(base)),
            (other[::-1], base[..., ::-1]),
            (np.broadcast_to(other[:1], other.shape), np.broadcast_to(base[..., :1], base.shape)),
            (other.astype("f4"), base),
            (other, base.astype("i4")),
        ):
            array.flags.writeable = lies.flags.writeable = False
            x = er.rolled(lies, 5, axis=operands[at].axis, step=-1)
            with forcing("rolled.correlate"):
                assert_agrees(subscripts, *((x, array) if at == 0 else (array, x)))

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e308])
    @pytest.mark.parametrize("dtype", ["f8", "c16"])
    def test_what_is_not_finite_is_where_numpy_has_it(self, rng, dtype, value):
        for subscripts in ("ij,j->i", "ij,i->j", "bij,bj->bi"):
            operands, at = pair(rng, subscripts, 15, 4, 1, dtype)
            operands[at].base.flat[3] = operands[at].base.flat[4] = value
            operands[1 - at].flat[1] = 0
            right = np.einsum(subscripts, *(np.asarray(x) for x in operands))
            with forcing("rolled.correlate"):
                for _ in range(3):
                    np.testing.assert_array_equal(
                        np.isfinite(er.einsum(subscripts, *operands)), np.isfinite(right)
                    )
                    np.testing.assert_array_equal(np.isnan(er.einsum(subscripts, *operands)), np.isnan(right))

    def test_overflow_that_numpys_order_spares(self):
        b, a = np.zeros(100), np.ones(90)
        b[0], b[1], b[2] = 1.7e308, 1.7e308, -1.7e308
        x = er.rolled(b, 90)
        right = np.einsum("ij,j->i", np.asarray(x), a)
        with np.errstate(all="raise"), forcing("rolled.correlate"):
            np.testing.assert_array_equal(er.einsum("ij,j->i", x, a), right)

    def test_out_and_order(self, rng):
        operands, _ = pair(rng, "bij,bj->bi", 12, 5, 1, "f8")
        right = np.einsum("bij,bj->bi", *(np.asarray(x) for x in operands))
        with forcing("rolled.correlate"):
            out = np.full((3, 12), 7.0)
            assert er.einsum("bij,bj->bi", *operands, out=out) is out
            np.testing.assert_allclose(out, right)
            for order in "CFAK":
                result = er.einsum("bij,bj->bi", *operands, order=order)
                np.testing.assert_allclose(result, right)
                assert order not in "CF" or result.flags[f"{order}_CONTIGUOUS"]
            base = operands[0].base
            assert er.einsum("bij,bj->bi", *operands, out=base) is base
            np.testing.assert_allclose(base, right)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
def test_what_is_handed_on_is_not_looked_up(rng: np.random.Generator, dtype: str) -> None:
    x = er.rolled(rng.integers(-9, 9, 8).astype(dtype), 3)
    with er.config(forbid=("rolled.strided", "rolled.split")):
        er.cache_clear()
        made = er.einsum("ij->i", x)
        assert er.explain("ij->i", x).routes == ("rolled.ones", "rolled.correlate")
        assert er.cache_info()["plans"] == 1
    np.testing.assert_array_equal(made, np.asarray(x).sum(1))
