"""factorize: the factors of one matrix as an immutable value, accepted wherever a matrix is."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import einroute as er
from tests.linalg_helpers import (
    agree,
    fresh_cache,
    layouts,
    lstsq_allowances,
    of_dtype,
    outcome,
    scale,
    with_singular_values,
)

SHAPES = ((5, 3), (4, 4), (3, 5), (40, 6), (15, 15), (1, 1), (60, 60))
DTYPES = ("i4", "f4", "f8", "F", "D", ">f8", "?")


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    with fresh_cache():
        yield


def same(name: str, a: Any, *args: Any, **options: Any) -> None:
    """The function with a Factorized is NumPy's with the matrix."""
    theirs = outcome(getattr(np.linalg, name), a, *args, **options)
    factorized = er.factorize(a)
    function = er.lstsq if name == "lstsq" else getattr(er.linalg, name)
    allowed = lstsq_allowances(a, args[0], theirs.value) if name == "lstsq" else (scale(a, theirs),)
    for _ in range(2):
        agree(outcome(function, factorized, *args, **options), theirs, allowed)
        if "rtol" not in options and "hermitian" not in options:
            agree(outcome(getattr(factorized, name), *args, **options), theirs, allowed)


def square(dtype: Any, n: int = 15) -> np.ndarray:
    return (of_dtype((n, n), dtype) + 4 * np.eye(n)).astype(dtype)


class TestAnswers:
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_lstsq(self, shape: tuple[int, int], dtype: str) -> None:
        a = of_dtype(shape, dtype, 3)
        for dtype_b in ("i8", "f4", "f8", "D"):
            for columns in ((), (1,), (3,), (0,)):
                same("lstsq", a, of_dtype((shape[0], *columns), dtype_b, 1))

    @pytest.mark.parametrize(
        "rcond", [None, -1, 0, 0.3, 1, 2, np.float64(0.3), np.array(0.3), float("nan"), 1e-3], ids=repr
    )
    def test_cutoffs(self, rcond: Any) -> None:
        a = with_singular_values(12, 4, [5.0, 2.0, 0.7, 0.01])
        same("lstsq", a, of_dtype((12,), float), rcond)

    @pytest.mark.parametrize(
        "rcond", ["x", 1j, [0.1, 0.2], object()], ids=["text", "complex", "list", "object"]
    )
    def test_invalid_cutoffs(self, rcond: Any) -> None:
        same("lstsq", of_dtype((5, 3), float), np.ones(5), rcond)

    @pytest.mark.parametrize("rank", [0, 1, 3])
    def test_rank_deficient(self, rank: int) -> None:
        for shape in ((8, 5), (5, 5), (5, 8)):
            a = np.zeros(shape)
            a[np.arange(rank), np.arange(rank)] = 2.5
            same("lstsq", a, of_dtype((shape[0], 2), float))
            same("pinv", a)

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("n", [1, 4, 15])
    def test_solve_and_inv(self, dtype: str, n: int) -> None:
        a = np.eye(n, dtype=bool)[::-1] if dtype == "?" else square(dtype, n)
        for dtype_b in ("i8", "f4", "f8", "D"):
            for columns in ((), (3,), (0,)):
                same("solve", a, of_dtype((n, *columns), dtype_b, 1))
        same("solve", a, of_dtype((2, n, 3), float, 1))
        same("inv", a)

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("shape", SHAPES)
    def test_pinv(self, shape: tuple[int, int], dtype: str) -> None:
        if dtype != "?":
            same("pinv", of_dtype(shape, dtype, 2))
            same("pinv", of_dtype(shape, dtype, 2), rcond=0.2)

    @pytest.mark.parametrize(
        "options",
        [{"rtol": 0.3}, {"rtol": None}, {"rcond": 0.3, "rtol": 0.3}, {"rcond": 0.3, "rtol": None}],
        ids=str,
    )
    @pytest.mark.parametrize("dtype", ["i4", "f4", "f8"])
    def test_both_names_of_pinvs_cutoff(self, options: dict[str, Any], dtype: str) -> None:
        same("pinv", of_dtype((6, 4), dtype), **options)

    @pytest.mark.parametrize("name", list(layouts(np.ones((2, 2)))))
    def test_layouts(self, name: str) -> None:
        a = layouts(square(float))[name]
        same("lstsq", a, np.arange(15.0))
        same("solve", a, np.arange(15.0))

    @pytest.mark.parametrize("factor", [1e300, 1e-300, 1e-310])
    def test_magnitudes(self, factor: float) -> None:
        a = of_dtype((7, 3), float)
        same("lstsq", a * factor, np.ones(7))
        same("lstsq", a, np.ones(7) * factor)

    def test_not_finite_on_the_right(self) -> None:
        for bad in (np.nan, np.inf):
            b = np.ones(15)
            b[2] = bad
            same("lstsq", square(float), b)
            same("solve", square(float), b)

    @pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
    def test_class_of_the_answer_follows_b(self) -> None:
        a = square(float)
        for b in (np.asmatrix(np.ones((15, 1))), np.ma.ones(15), np.ones(15).tolist()):
            same("lstsq", a, b)
            same("solve", a, b)

    @pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
    def test_sizes_of_zero(self, shape: tuple[int, int]) -> None:
        a = np.zeros(shape)
        same("lstsq", a, np.ones(shape[0]))
        same("lstsq", a, np.ones((shape[0], 2)))
        same("pinv", a)
        assert er.factorize(a).rank == 0
        assert er.factorize(a).s.shape == (0,)


class TestFacts:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_rank_s_and_cond(self, shape: tuple[int, int]) -> None:
        a = of_dtype(shape, float)
        f = er.factorize(a)
        s = np.linalg.svd(a, compute_uv=False)
        np.testing.assert_allclose(f.s, s, rtol=1e-12)
        assert f.rank == min(shape) == np.linalg.matrix_rank(a)
        assert isinstance(f.rank, int)
        assert isinstance(f.cond, float)
        np.testing.assert_allclose(f.cond, np.linalg.cond(a), rtol=1e-9)
        assert (f.shape, f.dtype, f.ndim) == (a.shape, a.dtype, 2)
        assert f.nbytes > a.nbytes

    def test_singular(self) -> None:
        f = er.factorize(np.ones((4, 4)))
        assert f.rank == 1
        assert er.factorize(np.diag([1.0, 0.0])).cond == float("inf")
        assert er.factorize(np.zeros((3, 2))).rank == 0
        for call in (lambda: f.solve(np.ones(4)), f.inv, lambda: er.linalg.inv(f)):
            with pytest.raises(np.linalg.LinAlgError):
                call()

    def test_extreme_condition_gives_no_warning(self) -> None:
        assert er.factorize(np.diag([1e200, 1e-200])).cond > 1e300

    def test_repr_shows_no_contents(self) -> None:
        text = repr(er.factorize(np.array([[123.25, 1], [2, 3]])))
        assert "(2, 2)" in text
        assert "123.25" not in text

    def test_integers_give_double_singular_values(self) -> None:
        assert er.factorize(np.array([[1, 2], [3, 5]])).s.dtype == np.float64


class TestImmutable:
    def test_attributes(self) -> None:
        f = er.factorize(np.eye(3))
        for name in ("rank", "s", "_a", "new"):
            with pytest.raises(AttributeError):
                setattr(f, name, 1)
        with pytest.raises(AttributeError):
            del f._a
        assert f.rank == 3

    def test_its_own_copy(self) -> None:
        a = square(float)
        right = np.linalg.solve(a, np.ones(15))
        f = er.factorize(a)
        a[...] = 0
        np.testing.assert_allclose(f.solve(np.ones(15)), right)
        np.testing.assert_allclose(f.lstsq(np.ones(15))[0], right)

    def test_spoiling_what_it_gives_spoils_nothing(self) -> None:
        f = er.factorize(square(float))
        calls = [
            lambda: f.s, lambda: f.lstsq(np.ones(15))[0], lambda: f.lstsq(np.ones(15))[3],
            lambda: f.solve(np.ones(15)), f.inv, f.pinv, lambda: er.lstsq(f, np.ones(15))[3],
        ]  # fmt: skip
        for call in calls:
            first = call().copy()
            call()[...] = np.nan
            np.testing.assert_array_equal(call(), first)

    def test_factorize_of_a_factorized_is_itself(self) -> None:
        f = er.factorize(np.eye(2))
        assert er.factorize(f) is f

    @pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
    @pytest.mark.parametrize("shape", [(15, 15), (6, 3), (3, 6), (0, 2), (3, 3)])
    def test_pickles(self, protocol: int, shape: tuple[int, int]) -> None:
        f = er.factorize(np.zeros(shape) if shape == (3, 3) else of_dtype(shape, float))
        for other in (pickle.loads(pickle.dumps(f, protocol)), copy.copy(f), copy.deepcopy(f)):
            assert type(other) is er.Factorized
            assert (other.shape, other.rank, other.cond) == (f.shape, f.rank, f.cond)
            np.testing.assert_array_equal(other.lstsq(np.ones(shape[0]))[0], f.lstsq(np.ones(shape[0]))[0])
            with pytest.raises(AttributeError):
                other.rank = 4

    def test_it_does_not_touch_the_cache(self) -> None:
        f = er.factorize(square(float))
        before = er.cache_info()
        for _ in range(5):
            er.lstsq(f, np.ones(15))
            er.linalg.solve(f, np.ones(15))
            er.linalg.inv(f)
            er.linalg.pinv(f)
        assert er.cache_info() == before

    def test_threads_share_it(self) -> None:
        a = square(float)
        f, b = er.factorize(a), np.ones(15)
        right = np.linalg.solve(a, b)
        off: list[float] = []

        def work() -> None:
            for _ in range(50):
                off.append(float(np.abs(f.lstsq(b)[0] - right).max()))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(off) == 200
        assert max(off) < 1e-12


class TestBadInput:
    @pytest.mark.parametrize(
        ("a", "error"),
        [
            (np.ones(3), np.linalg.LinAlgError),
            (np.float64(3), np.linalg.LinAlgError),
            (np.ones((2, 2, 2)), np.linalg.LinAlgError),
            (np.full((3, 2), np.nan), np.linalg.LinAlgError),
            (np.full((3, 2), np.inf), np.linalg.LinAlgError),
            (np.ones((3, 2), "f2"), TypeError),
            (np.ones((3, 2), "g"), TypeError),
            (np.ones((3, 2), object), TypeError),
            ("word", (np.linalg.LinAlgError, TypeError)),
        ],
    )
    def test_matrix(self, a: Any, error: Any) -> None:
        with pytest.raises(error, match="a "):
            er.factorize(a)

    @pytest.mark.parametrize("b", [(), (4,), (3, 1, 1), (4, 2)])
    def test_right_hand_side_of_lstsq(self, b: tuple[int, ...]) -> None:
        same("lstsq", of_dtype((3, 2), float), np.ones(b))

    @pytest.mark.parametrize("b", [(), (4,), (4, 2), (2, 4, 2), (0,)])
    def test_right_hand_side_of_solve(self, b: tuple[int, ...]) -> None:
        same("solve", square(float, 3), np.ones(b))

    def test_messages_name_the_right_hand_side(self) -> None:
        factors = er.factorize(square(float, 3))
        wide = np.ones(3, "g")
        for b, says in ((np.ones(4), r"b has 4 \(shape \(4,\)\)"), (wide, f"b has dtype {wide.dtype}")):
            for call in (factors.solve, factors.lstsq, lambda b: er.linalg.solve(factors, b)):
                with pytest.raises((ValueError, TypeError), match=says):
                    call(b)

    @pytest.mark.parametrize("dtype", ["f2", "g", "O", "U2"])
    def test_dtypes_of_the_right_hand_side(self, dtype: str) -> None:
        same("lstsq", square(float, 3), np.ones(3, int).astype(dtype))
        same("solve", square(float, 3), np.ones(3, int).astype(dtype))

    def test_not_square(self) -> None:
        same("solve", of_dtype((4, 3), float), np.ones(4))
        same("inv", of_dtype((4, 3), float))
