"""lstsq is numpy.linalg.lstsq, at the first sight of a matrix and at every later one."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import einroute as er
from tests.linalg_helpers import (
    SIGHTS,
    fresh_cache,
    hits,
    layouts,
    lstsq_allowances,
    near,
    of_dtype,
    outcome,
    same_lstsq,
    with_singular_values,
)

REAL = ("?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")
DTYPES = (*REAL, "F", "D", ">f8", ">i4", ">F", ">D")
SHAPES = (
    (1, 1), (2, 1), (1, 2), (3, 3), (5, 3), (3, 5), (40, 6), (6, 40), (1, 7), (7, 1), (30, 30), (120, 50),
)  # fmt: skip


@pytest.fixture(autouse=True, params=["auto", "now"])
def _fresh(request: pytest.FixtureRequest) -> Iterator[None]:
    with fresh_cache(prepare=request.param):
        yield


class TestShapes:
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("columns", [None, 1, 4])
    def test_full_rank(self, shape: tuple[int, int], columns: int | None) -> None:
        b = of_dtype((shape[0],) if columns is None else (shape[0], columns), float, 1)
        same_lstsq(of_dtype(shape, float), b, kept=True)

    @pytest.mark.parametrize("m", [0, 1, 3, 4])
    @pytest.mark.parametrize("n", [0, 1, 3, 4])
    @pytest.mark.parametrize("columns", [None, 0, 1, 2])
    @pytest.mark.parametrize("dtype", ["f8", "F"])
    def test_sizes_of_zero(self, m: int, n: int, columns: int | None, dtype: str) -> None:
        b = of_dtype((m,) if columns is None else (m, columns), dtype, 1)
        same_lstsq(of_dtype((m, n), dtype), b)

    @pytest.mark.parametrize(
        ("a", "b"),
        [
            ((), (3,)), ((3,), (3,)), ((3, 2), ()), ((3, 2), (2,)), ((3, 2), (4,)), ((3, 2), (2, 3)),
            ((3, 2), (1,)), ((3, 2), (3, 2, 1)), ((3, 2), (1, 3)), ((3, 2), (0,)), ((0, 2), (3,)),
        ],
    )  # fmt: skip
    def test_shapes_that_do_not_fit(self, a: tuple[int, ...], b: tuple[int, ...]) -> None:
        same_lstsq(np.ones(a), np.ones(b))

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        m=st.integers(0, 12),
        n=st.integers(0, 12),
        columns=st.none() | st.integers(0, 3),
        dtype_a=st.sampled_from(DTYPES),
        dtype_b=st.sampled_from(DTYPES),
        layout=st.integers(0, 9),
        seed=st.integers(0, 99),
    )
    def test_anything(
        self, m: int, n: int, columns: int | None, dtype_a: str, dtype_b: str, layout: int, seed: int
    ) -> None:
        a = of_dtype((m, n), dtype_a, seed)
        a = list(layouts(a).values())[layout] if a.size else a
        same_lstsq(a, of_dtype((m,) if columns is None else (m, columns), dtype_b, seed + 1))


class TestDtypes:
    @pytest.mark.parametrize("dtype_a", DTYPES)
    @pytest.mark.parametrize("dtype_b", ["?", "u1", "i8", "f4", "f8", "F", "D", ">f4"])
    @pytest.mark.parametrize("columns", [None, 2])
    def test_mixtures(self, dtype_a: str, dtype_b: str, columns: int | None) -> None:
        a = of_dtype((9, 3), dtype_a)
        same_lstsq(a, of_dtype((9,) if columns is None else (9, columns), dtype_b, 3), kept=True)

    @pytest.mark.parametrize("shape", [(6, 6), (4, 7)])
    @pytest.mark.parametrize("dtype_b", ["i8", "f4", "f8", "F", "D"])
    def test_square_and_wide(self, shape: tuple[int, int], dtype_b: str) -> None:
        for dtype_a in ("i4", "f4", "f8", "F", "D"):
            same_lstsq(of_dtype(shape, dtype_a), of_dtype((shape[0], 3), dtype_b, 3), kept=True)

    @pytest.mark.parametrize("dtype", ["f2", "g", "G", "O", "U3", "M8[s]", "m8[s]"])
    def test_dtypes_that_lapack_does_not_take(self, dtype: str) -> None:
        odd = np.ones((4, 2), int).astype(dtype)
        same_lstsq(odd, np.ones(4))
        same_lstsq(np.ones((4, 2)), odd)

    def test_structured(self) -> None:
        same_lstsq(np.zeros((4, 2), [("x", "f8")]), np.ones(4))


class Wrapping:
    """Not an array, but it turns into one, and results get its class."""

    def __init__(self, value: Any) -> None:
        self.value = np.asarray(value)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return np.array(self.value, dtype=dtype)

    def __array_wrap__(self, array: np.ndarray, context: Any = None, return_scalar: bool = False) -> Wrapping:
        return Wrapping(array)


class Plain(np.ndarray):
    """A subclass that overrides nothing."""


class Foreign(np.ndarray):
    """A subclass with its own say in NumPy's functions."""

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return "foreign", func, args, kwargs


class Stranger:
    """Not an array at all, with its own say in NumPy's functions."""

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return "stranger", func, args, kwargs


class TestKindsOfOperands:
    A = of_dtype((6, 3), float)
    B = of_dtype((6,), float, 1)

    def test_lists_and_scalars(self) -> None:
        same_lstsq(self.A.tolist(), self.B.tolist())
        same_lstsq(self.A, self.B.tolist(), kept=True)
        same_lstsq(tuple(map(tuple, self.A.tolist())), self.B)
        same_lstsq([[1, 2], [3]], [1, 2])
        same_lstsq(3.0, 2.0)
        same_lstsq("word", self.B)

    @pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
    @pytest.mark.parametrize("one", [np.asmatrix, lambda x: x.view(Plain), np.ma.asarray])
    @pytest.mark.parametrize("two", [np.asarray, np.asmatrix, lambda x: x.view(Plain), np.ma.asarray])
    def test_subclasses_that_are_dense(self, one: Any, two: Any) -> None:
        b = self.B[:, None]
        same_lstsq(one(self.A), two(b), kept=True)
        same_lstsq(two(self.A), one(b), kept=True)

    def test_masked_values_are_used_as_numpy_does(self) -> None:
        masked = np.ma.array(self.A, mask=self.A > 1)
        same_lstsq(masked, self.B, kept=True)
        same_lstsq(self.A, np.ma.array(self.B, mask=self.B > 0))

    def test_result_takes_the_class_of_b(self) -> None:
        for _ in range(SIGHTS):
            x, residuals, rank, s = er.lstsq(self.A, self.B.view(Plain))
            assert (type(x), type(residuals), type(s)) == (Plain, Plain, np.ndarray)
            assert type(rank) is np.int32

    def test_anything_with_array_wrap(self) -> None:
        for _ in range(SIGHTS):
            x, residuals, rank, s = er.lstsq(Wrapping(self.A), Wrapping(self.B))
            right = np.linalg.lstsq(self.A, self.B)
            assert type(x) is type(residuals) is Wrapping
            np.testing.assert_allclose(x.value, right[0])
            np.testing.assert_allclose(residuals.value, right[1])
            assert rank == right[2]
            np.testing.assert_allclose(s, right[3])

    @pytest.mark.parametrize("options", [{}, {"rcond": 0.5}, {"rcond": None}])
    def test_foreign_operands_go_to_numpy_as_they_are(self, options: dict[str, Any]) -> None:
        a = self.A.view(Foreign)
        for _ in range(SIGHTS):
            name, func, args, kwargs = er.lstsq(a, self.B, **options)
            assert (name, func) == ("foreign", np.linalg.lstsq)
            given = inspect.signature(func).bind(*args, **kwargs).arguments
            assert given.pop("a") is a
            assert given.pop("b") is self.B
            assert {k: v for k, v in given.items() if v is not None} == {
                k: v for k, v in options.items() if v is not None
            }
            if not options:
                assert not given
        assert hits() == 0

    def test_strangers_go_to_numpy(self) -> None:
        stranger = Stranger()
        assert er.lstsq(self.A, stranger)[:3] == ("stranger", np.linalg.lstsq, (self.A, stranger))
        assert er.lstsq(stranger, self.B)[1] is np.linalg.lstsq


class TestLayouts:
    @pytest.mark.parametrize("name", list(layouts(np.ones((2, 2)))))
    @pytest.mark.parametrize("dtype", ["f8", "F", "i2"])
    def test_of_the_matrix(self, name: str, dtype: str) -> None:
        for shape in ((11, 4), (4, 11), (1, 3), (3, 1)):
            a = layouts(of_dtype(shape, dtype))[name]
            same_lstsq(a, of_dtype((shape[0], 2), float, 1), kept=True)

    @pytest.mark.parametrize("name", list(layouts(np.ones((2, 2)))))
    @pytest.mark.parametrize("dtype", ["f8", "D", "i2"])
    def test_of_the_right_hand_side(self, name: str, dtype: str) -> None:
        b = layouts(of_dtype((11, 3), dtype))[name]
        for matrix in ("f8", "D"):
            same_lstsq(of_dtype((11, 4), matrix), b, kept=True)
            same_lstsq(of_dtype((11, 4), matrix), b[:, 1], kept=True)

    def test_large_strided(self) -> None:
        wide = of_dtype((1200, 90), float)
        same_lstsq(wide[::2, ::3], wide[::2, 1], kept=True, sights=4)


RCONDS: tuple[Any, ...] = (
    None, -1, 0, -1.0, 0.0, 0.3, 1e-3, np.float64(0.3), np.float32(0.25), np.int64(-1), np.array(0.3), 1, 1.0,
    2, 2.5, -7.5, float("inf"), float("nan"), float("-inf"), True, False, 1e-300, 0.999,
)  # fmt: skip


class TestCutoff:
    @pytest.mark.parametrize("rcond", RCONDS, ids=repr)
    @pytest.mark.parametrize("shape", [(9, 4), (4, 4), (4, 9)])
    def test_valid(self, rcond: Any, shape: tuple[int, int]) -> None:
        a = with_singular_values(*shape, [5.0, 2.0, 0.7, 0.01])
        same_lstsq(a, of_dtype((shape[0], 2), float), rcond)
        same_lstsq(a.astype("f4"), of_dtype((shape[0],), "f4"), rcond)

    @pytest.mark.parametrize(
        "rcond",
        ["x", "0.1", 1j, [0.1], [0.1, 0.2], np.ones(2), {}, b"", 10**400, object],
        ids=str,
    )
    def test_invalid(self, rcond: Any) -> None:
        same_lstsq(of_dtype((5, 3), float), of_dtype((5,), float), rcond)

    @pytest.mark.parametrize("dtype", [float, complex])
    @pytest.mark.parametrize("shape", [(30, 12), (12, 12), (12, 30)])
    @pytest.mark.parametrize("rank", [0, 1, 5, 11])
    def test_rank_deficient(self, dtype: type, shape: tuple[int, int], rank: int) -> None:
        """The minimum-norm solution; exactly deficient, and deficient by rounding."""
        s = np.linspace(3, 1, rank)
        a = with_singular_values(*shape, s, dtype=dtype)
        b = of_dtype((shape[0], 2), dtype, 5)
        same_lstsq(a, b)
        x = same_lstsq(a, b, 1e-6, kept=rank > 0)[0]
        if rank:
            v = np.linalg.svd(a)[2][rank:].conj()
            assert np.abs(v @ x.conj()).max(initial=0) < 1e-12, "a part of x lies in the null space of a"
        exact = np.zeros(shape, dtype)
        exact[np.arange(rank), np.arange(rank)] = s
        same_lstsq(exact, b)
        same_lstsq(np.ones(shape, dtype), b)

    @pytest.mark.parametrize("shape", [(40, 10), (10, 10), (10, 40)])
    @pytest.mark.parametrize("rcond", [None, 1e-12, 1e-6, 0.1, -1])
    def test_rank_is_numpys_where_a_singular_value_is_near_the_cutoff(
        self, shape: tuple[int, int], rcond: float | None
    ) -> None:
        cutoff = {None: np.finfo(float).eps * max(shape), -1: np.finfo(float).eps / 2}.get(rcond, rcond)
        rng = np.random.default_rng(5)
        for seed in range(12):
            around = cutoff * (1 + rng.uniform(-1, 1) * 10.0 ** rng.integers(-17, 1))
            a = with_singular_values(*shape, [*np.geomspace(1, 0.2, 9), around], seed)
            b = of_dtype((shape[0],), float, seed)
            right = np.linalg.lstsq(a, b, rcond)
            er.cache_clear()
            for _ in range(SIGHTS):
                x, residuals, rank, s = er.lstsq(a, b, rcond)
                assert rank == right[2]
                assert residuals.shape == right[1].shape
                np.testing.assert_allclose(s, right[3], rtol=0, atol=1e-14)
                near(x, right[0], lstsq_allowances(a, b, right)[0])

    def test_exactly_at_the_cutoff(self) -> None:
        for smallest in (0.25, np.nextafter(0.25, 1), np.nextafter(0.25, 0), 0.5, 0.125):
            a = np.diag([1.0, 0.5, smallest])
            same_lstsq(a, np.arange(3.0), 0.25)

    def test_one_matrix_at_many_cutoffs(self) -> None:
        a = with_singular_values(20, 6, [1, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10])
        b = of_dtype((20,), float)
        for turn in range(3):
            for rcond in (None, 1e-1, 1e-3, 1e-5, 1e-7, 1e-9, -1, 1e-2):
                right = np.linalg.lstsq(a, b, rcond)
                value = er.lstsq(a, b, rcond)
                assert value[2] == right[2], turn
                near(value[0], right[0], lstsq_allowances(a, b, right)[0])


class TestNumbers:
    A = of_dtype((7, 3), float)
    B = of_dtype((7, 2), float, 1)

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("shape", [(7, 3), (4, 4), (3, 7), (1, 1)])
    @pytest.mark.parametrize("dtype", [float, complex])
    def test_not_finite_in_the_matrix(self, bad: float, shape: tuple[int, int], dtype: type) -> None:
        if np.isinf(bad) and shape[0] < shape[1]:
            pytest.skip("LAPACK's gelsd and gesdd, and so NumPy's functions, never return from such a matrix")
        a = of_dtype(shape, dtype)
        a[0, -1] = bad
        same_lstsq(a, of_dtype(shape[:1], dtype))

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("dtype", [float, complex])
    @pytest.mark.parametrize("columns", [None, 2])
    def test_not_finite_on_the_right(self, bad: float, dtype: type, columns: int | None) -> None:
        for shape in ((7, 3), (4, 4), (3, 7)):
            b = of_dtype((shape[0],) if columns is None else (shape[0], columns), dtype, 1)
            b[1, ...] = bad
            same_lstsq(of_dtype(shape, dtype), b)
            same_lstsq(of_dtype(shape, float), b)

    def test_not_finite_in_one_column(self) -> None:
        b = self.B.copy()
        b[0, 1] = np.nan
        same_lstsq(self.A, b)

    @pytest.mark.parametrize("columns", [(), (2,)])
    @pytest.mark.parametrize("dtype", [float, complex, "f4", int, bool])
    def test_zeros_on_the_right(self, columns: tuple[int, ...], dtype: Any) -> None:
        for shape in ((7, 3), (3, 3), (3, 7)):
            a = of_dtype(shape, float)
            for x in same_lstsq(a, np.zeros((shape[0], *columns), dtype), kept=True)[:2]:
                assert not x.any()

    @pytest.mark.parametrize("dtype", [float, complex, int])
    def test_zero_matrix(self, dtype: type) -> None:
        for shape in ((7, 3), (3, 3), (3, 7), (1, 1)):
            same_lstsq(np.zeros(shape, dtype), of_dtype((shape[0], 2), float))

    @pytest.mark.parametrize("of_a", [1e300, 1e150, 1e-150, 1e-300, 5e-324, 1e-310, 1.0])
    @pytest.mark.parametrize("of_b", [1e300, 1e150, 1e-150, 1e-300, 5e-324, 1e-310, 1.0])
    def test_magnitudes(self, of_a: float, of_b: float) -> None:
        same_lstsq(self.A * of_a, self.B * of_b)
        same_lstsq(self.A * of_a, self.B[:, 0] * of_b)
        same_lstsq((self.A * of_a).T, self.B[:3, 0] * of_b)

    @pytest.mark.parametrize("of_a", [1e37, 1e-37, 1e-44])
    @pytest.mark.parametrize("of_b", [1e37, 1e-37, 1e-44, 1.0])
    def test_magnitudes_in_single(self, of_a: float, of_b: float) -> None:
        same_lstsq((self.A * of_a).astype("f4"), (self.B * of_b).astype("f4"))

    def test_columns_of_other_magnitudes(self) -> None:
        """Each column of x has its digits, whatever the others hold."""
        factors = [1.0, 1e-300, 1e-200, 1e200, 0.0]
        b = self.B[:, :1] * factors
        one = np.linalg.lstsq(self.A, self.B[:, 0])
        for _ in range(SIGHTS):
            x, residuals, _, _ = er.lstsq(self.A, b)
            for j, factor in enumerate(factors):
                np.testing.assert_allclose(x[:, j], one[0] * factor, rtol=1e-12)
                if 0.1 < factor < 10:
                    np.testing.assert_allclose(residuals[j], one[1][0], rtol=1e-12)

    def test_consistent_systems_have_small_residuals(self) -> None:
        for cond in (1.0, 1e4, 1e10):
            a = with_singular_values(40, 6, np.geomspace(1, 1 / cond, 6))
            same_lstsq(a, a @ np.arange(6.0), kept=True)

    def test_residuals_are_never_negative(self) -> None:
        for seed in range(20):
            a = of_dtype((12, 5), float, seed)
            b = a @ of_dtype((5, 3), float, seed)
            for _ in range(SIGHTS):
                assert (er.lstsq(a, b)[1] >= 0).all()
                assert (er.lstsq(a, b[:, 0])[1] >= 0).all()

    def test_floating_point_errors_obey_no_errstate(self) -> None:
        """NumPy's lstsq neither warns nor raises under errstate; nor do kept factors."""
        with np.errstate(all="raise"):
            for _ in range(SIGHTS):
                for factor in (1e300, 1e-300, 1e-160, 1.0):
                    er.lstsq(self.A, self.B * factor)
                    er.lstsq(self.A, self.B[:, 0] * factor)
                    er.lstsq(self.A.astype("f4"), (self.B[:, 0] * factor))

    def test_large_integers(self) -> None:
        a = np.array([[2**62, 1], [1, 2**62 + 1], [3, 4]], np.int64)
        same_lstsq(a, np.array([2**63, 1, 2], np.uint64))


class TestStacks:
    """An extension: NumPy's lstsq refuses more than two dimensions."""

    @staticmethod
    def check(a: np.ndarray, b: np.ndarray, *args: Any) -> None:
        """Each matrix of the stack is answered as np.linalg.lstsq answers it."""
        vector = b.ndim == 1
        columns = b[:, None] if vector else b
        stack = np.broadcast_shapes(a.shape[:-2], columns.shape[:-2])
        m, n = a.shape[-2:]
        k = columns.shape[-1]
        every_a, every_b = (
            np.broadcast_to(a, (*stack, m, n)),
            np.broadcast_to(columns, (*stack, *columns.shape[-2:])),
        )
        for _ in range(SIGHTS):
            made = outcome(er.lstsq, a, b, *args)
            assert not made.warned
            assert made.error is None, repr(made.error)
            x, residuals, rank, s = made.value
            assert x.shape == ((*stack, n) if vector else (*stack, n, k))
            assert residuals.shape == (*stack, k if m > n else 0)
            assert rank.shape == stack
            assert s.shape == (*stack, min(m, n))
            assert rank.dtype == np.int32
            for at in np.ndindex(stack):
                right = np.linalg.lstsq(every_a[at], every_b[at][:, 0] if vector else every_b[at], *args)
                allowed = lstsq_allowances(every_a[at], every_b[at], right)
                assert x.dtype == right[0].dtype
                assert residuals.dtype == right[1].dtype
                assert s.dtype == right[3].dtype
                near(x[at], right[0], allowed[0])
                assert rank[at] == right[2]
                near(s[at], right[3], allowed[3])
                if m <= n:
                    continue
                if right[1].size or k == 0:
                    near(residuals[at], right[1], allowed[1])
                else:
                    assert np.isnan(residuals[at]).all()

    @pytest.mark.parametrize("core", [(5, 3), (3, 3), (3, 5), (1, 1)])
    @pytest.mark.parametrize(
        ("stack_a", "b"),
        [
            ((4,), "v"), ((4,), ()), ((4,), (4,)), ((2, 3), (3,)), ((2, 3), (2, 1)), ((2, 1), (2, 3)),
            ((1,), (3,)), ((1, 1), "v"), ((3,), (2, 1)),
        ],
    )  # fmt: skip
    def test_shapes(self, core: tuple[int, int], stack_a: tuple[int, ...], b: Any) -> None:
        a = of_dtype((*stack_a, *core), float)
        self.check(a, of_dtype((core[0],) if b == "v" else (*b, core[0], 2), float, 1))

    @pytest.mark.parametrize("m", [0, 2, 4])
    @pytest.mark.parametrize("n", [0, 2, 4])
    @pytest.mark.parametrize("k", [None, 0, 2])
    @pytest.mark.parametrize("stack", [(2,), (0,), (2, 0)])
    def test_sizes_of_zero(self, m: int, n: int, k: int | None, stack: tuple[int, ...]) -> None:
        self.check(of_dtype((*stack, m, n), float), of_dtype((m,) if k is None else (m, k), float, 1))

    @pytest.mark.parametrize("dtype_a", ["i2", "f4", "f8", "F", "D", ">f8"])
    @pytest.mark.parametrize("dtype_b", ["?", "f4", "f8", "F", "D"])
    def test_dtypes(self, dtype_a: str, dtype_b: str) -> None:
        self.check(of_dtype((3, 6, 2), dtype_a), of_dtype((3, 6, 2), dtype_b, 4))

    @pytest.mark.parametrize("rcond", [None, -1, 0, 0.3, 0.7, 2.0, np.float64(0.1)])
    def test_ranks_of_all_kinds(self, rcond: Any) -> None:
        a = np.zeros((6, 5, 3))
        a[1, 0, 0] = 1
        a[2] = with_singular_values(5, 3, [1.0, 0.5, 0.2])
        a[3] = 1
        a[4] = with_singular_values(5, 3, [1.0, 0.5, 3 * np.finfo(float).eps])
        a[5] = 1e-300 * a[2]
        self.check(a, of_dtype((5, 2), float), rcond)
        self.check(a.transpose(0, 2, 1), of_dtype((3,), float), rcond)

    def test_magnitudes_and_nan_on_the_right(self) -> None:
        a = of_dtype((4, 5, 3), float)
        b = of_dtype((4, 5, 2), float, 1) * np.array([1e300, 1e-300, 1.0, 1.0])[:, None, None]
        b[3, 0, 0] = np.nan
        self.check(a, b)

    def test_nan_in_one_matrix_is_an_error(self) -> None:
        a = of_dtype((4, 5, 3), float)
        a[2, 0, 0] = np.nan
        for _ in range(SIGHTS):
            with pytest.raises(np.linalg.LinAlgError):
                er.lstsq(a, np.ones(5))

    @pytest.mark.parametrize("b", [(), (4,), (2, 5), (4, 2), (3, 5, 2), (5, 5, 1)], ids=str)
    def test_shapes_that_do_not_fit(self, b: tuple[int, ...]) -> None:
        for _ in range(3):
            with pytest.raises(np.linalg.LinAlgError, match="b"):
                er.lstsq(np.ones((4, 5, 3)), np.ones(b))

    @pytest.mark.parametrize("dtype", ["f2", "g", "O", "U1"])
    def test_dtypes_that_lapack_does_not_take(self, dtype: str) -> None:
        with pytest.raises(TypeError, match="dtype"):
            er.lstsq(np.ones((2, 3, 3)).astype(dtype), np.ones(3))
        with pytest.raises(TypeError, match="dtype"):
            er.lstsq(np.ones((2, 3, 3)), np.ones(3).astype(dtype))

    @pytest.mark.parametrize(
        "rcond", ["x", 1j, [0.1, 0.2], object()], ids=["text", "complex", "list", "object"]
    )
    def test_invalid_cutoff(self, rcond: Any) -> None:
        with pytest.raises((TypeError, ValueError)):
            er.lstsq(np.ones((2, 3, 2)), np.ones(3), rcond)

    def test_lists_and_subclasses(self) -> None:
        a = of_dtype((2, 4, 3), float)
        x = er.lstsq(a.tolist(), np.ones(4).tolist())[0]
        np.testing.assert_allclose(x, er.lstsq(a, np.ones(4))[0])
        assert type(er.lstsq(a, np.ones((4, 1)).view(Plain))[0]) is Plain

    def test_answers_are_the_callers_own(self) -> None:
        a, b = of_dtype((2, 4, 3), float), np.ones(4)
        for part in er.lstsq(a, b):
            assert part.flags.writeable
            assert not np.shares_memory(part, a)


def test_errors_say_what_to_mend() -> None:
    cases: list[tuple[Any, Any, str]] = [
        (np.ones(3), np.ones(3), r"a has shape \(3,\)"),
        (np.ones((3, 2)), np.ones(4), "a has 3 rows.*b has 4"),
        (np.ones((3, 2)), np.ones((3, 1, 1)), r"b has shape \(3, 1, 1\)"),
        (np.ones((3, 2), "f2"), np.ones(3), "a has dtype float16"),
        (np.ones((3, 2)), np.ones(3, "g"), "b has dtype"),
        (np.full((3, 2), np.nan), np.ones(3), "nan or infinity"),
    ]
    for a, b, message in cases:
        for _ in range(3):
            with pytest.raises((np.linalg.LinAlgError, TypeError), match=message):
                er.lstsq(a, b)


def test_reproducible_answers_do_not_depend_on_what_was_seen() -> None:
    a, b = of_dtype((50, 7), float), of_dtype((50, 3), float)
    with er.config(reproducible=True):
        first = er.lstsq(a, b)
    for _ in range(SIGHTS):
        er.lstsq(a, b)
    with er.config(reproducible=True):
        before = hits()
        again = er.lstsq(a, b)
        assert hits() == before
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, other)
