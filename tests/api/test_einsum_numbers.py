"""einsum's integers are exact and wrap as NumPy's; its floats never warn or overflow on their own."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from tests.helpers import (
    ER,
    EXPRESSIONS,
    SIZES,
    assert_same,
    silent,
)

pytestmark = pytest.mark.usefixtures("way")


class TestIntegers:
    def test_bool_is_or_of_ands(self) -> None:
        rng = np.random.default_rng(0)
        for text in EXPRESSIONS:
            arrays = [rng.random([SIZES[c] for c in t]) < 0.5 for t in text.split("->")[0].split(",")]
            assert np.asarray(assert_same("einsum", text, *arrays)).dtype == bool
        ones = np.ones((300, 300), bool)
        assert ER.einsum("ij,jk->ik", ones, ones).all()

    @pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
    @pytest.mark.parametrize(
        "text", ["i->", "i,i->", "ij,jk->ik", "ij,ij->i", "ij,jk,kl->il", "i,j->ij", "bij,bjk->bik"]
    )
    def test_sums_wrap_in_their_own_dtype(self, dtype: str, text: str) -> None:
        rng = np.random.default_rng(0)
        info = np.iinfo(dtype)
        sizes = {"i": 40, "j": 50, "k": 30, "l": 20, "b": 3}
        for low, high in (
            (info.min, info.max),
            (info.max - 3, info.max),
            (0, 3),
            (info.min // 2, info.max // 2),
        ):
            terms = text.split("->", maxsplit=1)[0].split(",")
            arrays = [
                rng.integers(low, high, [sizes[c] for c in t], dtype=dtype, endpoint=True) for t in terms
            ]
            assert_same("einsum", text, *arrays)

    def test_int8_sum(self) -> None:
        a = np.full(200, 1, np.int8)
        assert ER.einsum("i->", a) == -56
        assert a.sum() == 200

    @pytest.mark.parametrize("k", [1, 2, 64, 1024])
    @pytest.mark.parametrize("dtype", ["i8", "u8"])
    def test_exact_at_the_edge_of_2_to_the_53(self, k: int, dtype: str) -> None:
        n = 64
        top = int(np.sqrt(2.0**53 / k))
        for high in (top - 1, top, top + 1, 2 * top, 2**31 - 1, 2**33):
            a = np.full((n, k), high, dtype)
            b = np.full((k, n), high, dtype)
            a[:, 0] = b[0] = 1  # makes the sum odd where it is even: a lost last bit shows
            assert_same("einsum", "ij,jk->ik", a, b)
            if dtype == "i8":
                assert_same("einsum", "ij,jk->ik", -a, b)
                a[1::2] *= -1
                assert_same("einsum", "ij,jk->ik", a, b)

    @pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u1", "u8"])
    def test_the_smallest_integer(self, dtype: str) -> None:
        # abs(int8(-128)) is -128: a bound made with it would be wrong.
        low = np.iinfo(dtype).min or np.iinfo(dtype).max
        a, b = np.full((70, 80), low, dtype), np.full((80, 60), low, dtype)
        assert_same("einsum", "ij,jk->ik", a, b)
        assert_same("einsum", "ij,jk->ik", a, np.ones((80, 60), dtype))

    def test_operands_are_cast_before_the_first_step(self) -> None:
        a = np.full((2, 10), 20, np.int8)
        b = np.full((10, 10), 10, np.int8)
        c = np.ones((10, 2))
        result = ER.einsum("ij,jk,kl->il", a, b, c)
        assert result.dtype == np.float64
        assert (result == 20 * 10 * 100).all()
        assert_same("einsum", "ij,jk,kl->il", a, b, c)
        assert (ER.einsum("ij,jk,kl->il", a[:, :2], b[:2, :2], c[:2, :1] * 50) == 40000).all()

    def test_bool_with_dtype_counts(self) -> None:
        draws = np.arange(8) == np.random.default_rng(0).integers(0, 8, (1000, 1))
        assert_same("einsum", "tr->r", draws, dtype=np.intp, casting="safe")
        assert ER.einsum("tr->r", draws, dtype=np.intp).sum() == 1000


class TestFloats:
    def test_float16_accumulates_wider(self) -> None:
        ones = np.ones((4, 4096), "f2")
        assert ER.einsum("i->", ones[0]) == 4096
        assert ER.einsum("i,i->", ones[0], ones[1]) == 4096
        assert (ER.einsum("ij->i", ones) == 4096).all()
        assert (ER.einsum("ij,kj->ik", ones, ones) == 4096).all()
        assert (ER.einsum("ij,j->i", ones, ones[0]) == 4096).all()
        thirds = np.full(3000, 1 / 3, "f2")
        assert ER.einsum("i,i->", thirds, thirds) == np.float16(3000 * float(np.float16(1 / 3)) ** 2)

    def test_overflow_in_a_planned_order_is_not_seen(self) -> None:
        a, b = np.array([1e308, 1e308]), np.array([1e-300, 0.0])
        assert ER.einsum("i,j->", a, b) == pytest.approx(2e8)
        wide, narrow = np.full((30, 30), 1e200), np.full((30, 30), 1e-200)
        for text, arrays in (
            ("ij,jk,kl->il", (narrow, wide, wide)),
            ("ij,jk,kl->il", (wide, wide, narrow)),
            ("ij,jk,kl->il", (wide, narrow, wide)),
            ("i,j,k->", (wide[0], wide[1], narrow[0])),
            ("ij,ij,jk->ik", (wide, narrow, wide)),
        ):
            with silent():
                right = np.einsum(text, *arrays)
                result = ER.einsum(text, *arrays)
            assert np.isfinite(result)[np.isfinite(right)].all()
            np.testing.assert_allclose(result, right, rtol=1e-12)
        tops = [np.full((2, 2), v, "f2") for v in (3e4, 3e4, 1e-4)]
        for order in itertools.permutations(tops):
            right = np.einsum("ij,jk,kl->il", *order)
            np.testing.assert_allclose(ER.einsum("ij,jk,kl->il", *order), right, rtol=0.01)

    @pytest.mark.parametrize(
        "text", ["i->", "i,i->", "ij,jk->ik", "ij,j->i", "i,j->ij", "ij,ij->ij", "ij,jk,kl->il"]
    )
    @pytest.mark.parametrize("mode", ["raise", "warn"])
    def test_no_warning_and_no_errstate(self, text: str, mode: Any) -> None:
        sizes = {"i": 20, "j": 30, "k": 25, "l": 4}
        terms = text.split("->", maxsplit=1)[0].split(",")
        for value in (np.inf, np.nan, 1e308, 1e-308, -np.inf, 3e38):
            for dtype in ("f8", "f4", "D"):
                with np.errstate(all="ignore"):
                    arrays = [np.full([sizes[c] for c in t], value).astype(dtype) for t in terms]
                arrays[-1][..., 1] = 0
                with np.errstate(all=mode), silent():
                    result = ER.einsum(text, *arrays)
                right = np.einsum(text, *arrays)
                with np.errstate(all="ignore"):
                    assert np.array_equal(np.isfinite(result), np.isfinite(right))

    def test_infinity_times_zero_is_nan(self) -> None:
        a, b = np.array([[np.inf, 1.0]]), np.array([[0.0], [1.0]])
        assert np.isnan(ER.einsum("ij,jk->ik", a, b)).all()
        assert np.isnan(ER.einsum("i,i,i->", a[0], np.array([1.0, 0]), b[:, 0]))

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_one_special_value_stays_where_numpy_has_it(self, value: float) -> None:
        rng = np.random.default_rng(0)
        a, b, c = rng.standard_normal((30, 20)), rng.standard_normal((20, 25)), rng.standard_normal((25, 30))
        a[3, 4] = value
        for text, arrays in (
            ("ij,jk->ik", (a, b)),
            ("ij,jk,kl->il", (a, b, c)),
            ("ij,jk->j", (a, b)),
            ("ij->j", (a,)),
        ):
            result, right = ER.einsum(text, *arrays), np.einsum(text, *arrays)
            assert np.array_equal(np.isnan(result), np.isnan(right))
            assert np.array_equal(np.isposinf(result), np.isposinf(right))
