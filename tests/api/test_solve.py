"""solve, inv and pinv are numpy.linalg's, at the first sight of a matrix and at every later one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import einroute as er
from einroute._api.solve import SMALL as LIMIT
from tests.linalg_helpers import (
    SIGHTS,
    definite,
    fresh_cache,
    hits,
    layouts,
    of_dtype,
    outcome,
    same_inverse,
    same_solve,
    with_singular_values,
)

DTYPES = ("?", "i1", "u1", "i4", "u8", "f4", "f8", "F", "D", ">f8", ">i2", ">F")
#: Up to this size solve and inv remember nothing; beyond, everything.
EDGE = math.isqrt(LIMIT)
SMALL, LARGE = 5, EDGE + 3
# The fixed seeds of `of_dtype` give no singular bool matrix of these sizes.
Dtype = Any


@pytest.fixture(autouse=True, params=["auto", "now"])
def _fresh(request: pytest.FixtureRequest) -> Iterator[None]:
    with fresh_cache(prepare=request.param):
        yield


class TestSolve:
    @pytest.mark.parametrize("n", [1, 2, SMALL, EDGE, EDGE + 1, LARGE, 60])
    @pytest.mark.parametrize("b", [(), (1,), (3,), (0,)])
    def test_shapes(self, n: int, b: tuple[int, ...]) -> None:
        same_solve(of_dtype((n, n), float), of_dtype((n, *b), float, 1), kept=None if b == (0,) else n > EDGE)

    @pytest.mark.parametrize(
        ("a", "b"),
        [
            ((0, 0), (0,)), ((0, 0), (0, 2)), ((2, 0, 0), (2, 0, 1)), ((), ()), ((3,), (3,)), ((3, 2), (3,)),
            ((40, 41), (40,)), ((40, 40), (41,)), ((40, 40), (41, 2)), ((40, 40), ()), ((40, 40), (2, 40)),
            ((2, 3, 3), (3,)), ((2, 3, 3), (2, 3)), ((2, 3, 3), (3, 2)), ((2, 3, 3), (2, 3, 1)),
            ((40, 40), (2, 40, 3)), ((2, 40, 40), (40,)), ((2, 40, 40), (3, 40, 1)), ((40, 40), (1,)),
        ],
    )  # fmt: skip
    def test_shapes_that_are_numpys_to_judge(self, a: tuple[int, ...], b: tuple[int, ...]) -> None:
        same_solve(of_dtype(a, float), of_dtype(b, float, 1))

    @pytest.mark.parametrize("dtype_a", DTYPES)
    @pytest.mark.parametrize("dtype_b", ["?", "i8", "f4", "f8", "F", "D", ">f8"])
    @pytest.mark.parametrize("columns", [(), (2,)])
    def test_dtypes(self, dtype_a: str, dtype_b: str, columns: tuple[int, ...]) -> None:
        a = of_dtype((LARGE, LARGE), dtype_a, 2)
        same_solve(a, of_dtype((LARGE, *columns), dtype_b, 3), kept=True)

    @pytest.mark.parametrize("dtype_a", ["i4", "f4", "f8", "F", "D", ">D"])
    @pytest.mark.parametrize("dtype_b", ["i8", "f4", "f8", "F", "D"])
    def test_positive_definite(self, dtype_a: str, dtype_b: str) -> None:
        a = (definite(LARGE, "D" if dtype_a in "FD>D" else float) * 1000).astype(dtype_a)
        a = np.triu(a) + np.triu(a, 1).conj().T
        for columns in ((), (2,)):
            same_solve(a.astype(dtype_a), of_dtype((LARGE, *columns), dtype_b, 3), kept=True)

    @pytest.mark.parametrize("kind", ["indefinite", "zero on the diagonal", "complex diagonal", "skew"])
    def test_hermitian_but_not_definite(self, kind: str) -> None:
        a = definite(LARGE, complex if kind == "complex diagonal" else float)
        if kind == "indefinite":
            a[3] *= -1
            a[:, 3] *= -1
            a[3, 3] = -abs(a[3, 3])
        elif kind == "zero on the diagonal":
            a[2, 2] = 0
        elif kind == "complex diagonal":
            a[1, 1] += 0.5j
        else:
            a = np.triu(a, 1) - np.triu(a, 1).T + np.eye(LARGE)
        same_solve(a, of_dtype((LARGE, 2), float), kept=True)

    @pytest.mark.parametrize("name", list(layouts(np.ones((2, 2)))))
    @pytest.mark.parametrize("dtype", ["f8", "D", "i2"])
    def test_layouts(self, name: str, dtype: str) -> None:
        a, b = of_dtype((LARGE, LARGE), dtype), of_dtype((LARGE, 3), dtype, 1)
        same_solve(layouts(a)[name], b, kept=True)
        same_solve(a, layouts(b)[name], kept=True)
        same_solve(layouts(definite(LARGE))[name], layouts(b)[name][:, 1], kept=True)

    @pytest.mark.parametrize("dtype", ["f2", "g", "G", "O", "U3", "M8[s]"])
    def test_dtypes_that_lapack_does_not_take(self, dtype: str) -> None:
        odd = np.eye(LARGE, dtype=int).astype(dtype)
        same_solve(odd, np.ones(12))
        same_solve(np.eye(LARGE), odd[0])

    @pytest.mark.parametrize("matrix", ["zeros", "ones", "zero row", "twice a row", "nilpotent"])
    def test_singular(self, matrix: str) -> None:
        a = {
            "zeros": np.zeros((LARGE, LARGE)),
            "ones": np.ones((LARGE, LARGE)),
            "zero row": np.diag([0.0, *range(1, LARGE)]),
            "twice a row": np.vstack([np.eye(LARGE)[:-1], np.eye(LARGE)[0]]),
            "nilpotent": np.eye(LARGE, k=1),
        }[matrix]
        same_solve(a, np.ones(LARGE), kept=False)
        same_solve(a.astype(complex), np.ones((LARGE, 2)), kept=False)

    @pytest.mark.parametrize("c", [2, 3, 5, 6, 7, 10, 0.1, 1.7])
    def test_singular_where_rounding_lets_cholesky_pass(self, c: float) -> None:
        """LU meets an exact zero where ``c - sqrt(c)**2`` is a rounding error above it."""
        a = np.eye(LARGE)
        a[-2:, -2:] = c
        same_solve(a, np.ones(LARGE))
        same_inverse("inv", a)

    def test_singular_laplacians(self) -> None:
        """Of graphs: symmetric, a positive diagonal, semidefinite. NumPy's judgment stands at every sight."""
        rng = np.random.default_rng(0)
        for n in range(EDGE + 1, EDGE + 12):
            edges = np.triu(rng.random((n, n)) < 0.1, 1)
            edges[np.arange(n - 1), np.arange(1, n)] = True
            weights = edges + edges.T
            laplacian = np.diag(weights.sum(1)) - weights.astype(float)
            theirs = outcome(np.linalg.solve, laplacian, np.ones(n))
            er.cache_clear()
            for _ in range(SIGHTS):
                ours = outcome(er.linalg.solve, laplacian, np.ones(n))
                assert (ours.error is None) == (theirs.error is None)

    @pytest.mark.parametrize("cond", [1e4, 1e10, 1e14])
    def test_ill_conditioned(self, cond: float) -> None:
        a = with_singular_values(LARGE, LARGE, np.geomspace(1, 1 / cond, LARGE))
        same_solve(a, of_dtype((LARGE, 2), float))
        same_solve(definite(LARGE, float, cond), of_dtype((LARGE,), float))

    @pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("n", [SMALL, LARGE])
    def test_not_finite_in_the_matrix(self, bad: float, n: int) -> None:
        for a in (of_dtype((n, n), float), definite(n)):
            a[1, 2] = bad
            same_solve(a, np.ones(n), kept=False)
            a[2, 1] = bad
            same_solve(a, np.ones(n), kept=False)

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    @pytest.mark.parametrize("columns", [(), (2,)])
    @pytest.mark.parametrize("dtype", [float, complex])
    def test_not_finite_on_the_right(self, bad: float, columns: tuple[int, ...], dtype: Dtype) -> None:
        b = of_dtype((LARGE, *columns), dtype)
        b[1] = bad
        for a in (of_dtype((LARGE, LARGE), float), definite(LARGE), of_dtype((LARGE, LARGE), complex)):
            same_solve(a, b)

    @pytest.mark.parametrize("of_a", [1e300, 1e-300, 1e-310, 1.0])
    @pytest.mark.parametrize("of_b", [1e300, 1e-300, 1e-310, 1.0])
    def test_magnitudes(self, of_a: float, of_b: float) -> None:
        # cond 10, so that no intermediate of a right algorithm overflows where NumPy's does not.
        for a in (definite(LARGE), definite(LARGE)[::-1].copy()):
            x = a @ np.ones(LARGE)
            same_solve(a * of_a, x * of_b)

    def test_floating_point_errors_obey_no_errstate(self) -> None:
        for a in (of_dtype((LARGE, LARGE), float), definite(LARGE), of_dtype((LARGE, LARGE), "f4")):
            for factor in (1e300, 1e-300, 1.0):
                b = of_dtype((LARGE,), float) * factor
                theirs = []
                for function in (np.linalg.solve, *[er.linalg.solve] * SIGHTS):
                    with np.errstate(all="raise"):
                        theirs.append(outcome(function, a, b).error)
                assert {type(error) for error in theirs} == {type(theirs[0])}

    @pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
    def test_kinds_of_operands(self) -> None:
        a, b = of_dtype((LARGE, LARGE), float), of_dtype((LARGE, 1), float, 1)
        same_solve(a.tolist(), b.tolist(), kept=True)
        same_solve(np.asmatrix(a), b, kept=True)
        same_solve(a, np.asmatrix(b), kept=True)
        same_solve(np.ma.asarray(a), np.ma.asarray(b), kept=True)
        same_solve([[1, 2], [3]], [1, 2])
        same_solve("word", b)

    def test_foreign_operands_go_to_numpy(self) -> None:
        class Foreign(np.ndarray):
            def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
                return func, args, kwargs

        a, b = np.eye(LARGE).view(Foreign), np.ones(LARGE)
        for _ in range(SIGHTS):
            assert er.linalg.solve(a, b)[0] is np.linalg.solve
            assert er.linalg.solve(np.eye(LARGE), a)[0] is np.linalg.solve
            assert er.linalg.inv(a)[0] is np.linalg.inv
            func, args, kwargs = er.linalg.pinv(a)
            assert (func, args, kwargs) == (np.linalg.pinv, (a,), {})
            assert er.linalg.pinv(a, hermitian=True)[2] == {"hermitian": True}
            assert er.linalg.pinv(a, rtol=0.5)[2] == {"rtol": 0.5}
        assert hits() == 0

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        n=st.sampled_from([1, 2, 7, EDGE, LARGE]),
        columns=st.none() | st.integers(0, 3),
        dtype_a=st.sampled_from(["i4", "f4", "f8", "F", "D"]),
        dtype_b=st.sampled_from(DTYPES),
        layout=st.integers(0, 9),
        spd=st.booleans(),
    )
    def test_anything(
        self, n: int, columns: int | None, dtype_a: str, dtype_b: str, layout: int, spd: bool
    ) -> None:
        a = of_dtype((n, n), dtype_a)
        if spd:
            a = a @ a.conj().T + np.eye(n, dtype=dtype_a)
            a = np.triu(a) + np.triu(a, 1).conj().T
        a = list(layouts(a.astype(dtype_a)).values())[layout]
        same_solve(a, of_dtype((n,) if columns is None else (n, columns), dtype_b, 1))


class TestInv:
    @pytest.mark.parametrize("n", [1, 2, SMALL, EDGE, EDGE + 1, LARGE, 60])
    @pytest.mark.parametrize("dtype", ["i4", "f4", "f8", "F", "D", ">f8"])
    def test_sizes_and_dtypes(self, n: int, dtype: str) -> None:
        same_inverse("inv", of_dtype((n, n), dtype, 2), kept=n > EDGE)

    @pytest.mark.parametrize("name", list(layouts(np.ones((2, 2)))))
    def test_layouts(self, name: str) -> None:
        same_inverse("inv", layouts(of_dtype((LARGE, LARGE), float))[name], kept=True)

    @pytest.mark.parametrize("shape", [(), (3,), (0, 0), (3, 2), (40, 41), (2, 3, 3), (2, 40, 40), (0, 3, 3)])
    def test_shapes_that_are_numpys_to_judge(self, shape: tuple[int, ...]) -> None:
        same_inverse("inv", of_dtype(shape, float), kept=False)

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_numbers_that_are_not_finite(self, bad: float) -> None:
        a = of_dtype((LARGE, LARGE), float)
        a[3, 3] = bad
        same_inverse("inv", a)

    @pytest.mark.parametrize("dtype", ["f2", "g", "O", "U3"])
    def test_dtypes_that_lapack_does_not_take(self, dtype: str) -> None:
        same_inverse("inv", np.eye(LARGE, dtype=int).astype(dtype))

    def test_singular(self) -> None:
        for n in (2, LARGE):
            same_inverse("inv", np.ones((n, n)), kept=False)
            same_inverse("inv", np.zeros((n, n), complex), kept=False)

    @pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
    def test_kinds_of_operands(self) -> None:
        a = of_dtype((LARGE, LARGE), float)
        same_inverse("inv", a.tolist(), kept=True)
        same_inverse("inv", np.asmatrix(a), kept=True)
        same_inverse("inv", np.ma.asarray(a), kept=True)

    def test_it_is_numpys_to_the_bit(self) -> None:
        """What is kept is what NumPy gave."""
        a = of_dtype((40, 40), float)
        for _ in range(SIGHTS):
            np.testing.assert_array_equal(er.linalg.inv(a), np.linalg.inv(a))


class TestPinv:
    @pytest.mark.parametrize("shape", [(1, 1), (5, 3), (3, 5), (4, 4), (40, 6), (1, 7), (7, 1)])
    @pytest.mark.parametrize("dtype", ["?", "i4", "f4", "f8", "F", "D", ">f8"])
    def test_shapes_and_dtypes(self, shape: tuple[int, int], dtype: str) -> None:
        if dtype == "?":
            a = np.eye(*shape, dtype=bool)
        else:
            a = of_dtype(shape, dtype)
        same_inverse("pinv", a, kept=True)

    @pytest.mark.parametrize("name", list(layouts(np.ones((2, 2)))))
    def test_layouts(self, name: str) -> None:
        same_inverse("pinv", layouts(of_dtype((9, 4), complex))[name], kept=True)

    @pytest.mark.parametrize("shape", [(), (3,), (0, 0), (0, 3), (3, 0), (2, 3, 2), (0, 3, 2), (2, 0, 3)])
    def test_shapes_that_are_numpys_to_judge(self, shape: tuple[int, ...]) -> None:
        same_inverse("pinv", of_dtype(shape, float), kept=False)

    @pytest.mark.parametrize(
        "options",
        [
            {"rcond": 0.3}, {"rcond": 1e-3}, {"rtol": 0.3}, {"rtol": 1e-3}, {"rtol": None}, {"rcond": None},
            {"rcond": 0}, {"rcond": 0.0}, {"rcond": -1.0}, {"rcond": 1.0}, {"rcond": 2.0}, {"rtol": -0.5},
            {"rcond": np.float64(0.3)}, {"rcond": np.array(0.3)}, {"rcond": np.array([0.3])},
            {"rcond": float("nan")}, {"rcond": 0.3, "rtol": 0.3}, {"rcond": 0.3, "rtol": None},
            {"rcond": "x"}, {"rcond": 1j}, {"rcond": [0.1, 0.2]}, {"hermitian": True}, {"hermitian": False},
            {"hermitian": True, "rcond": 0.3}, {"rcond": True}, {"rcond": 1}, {"rcond": np.float32(0.3)},
        ],
        ids=str,
    )  # fmt: skip
    @pytest.mark.parametrize("dtype", ["f8", "f4", "D", "i4"])
    def test_options(self, options: dict[str, Any], dtype: str) -> None:
        a = definite(6, "D" if dtype == "D" else float, 1e5)
        same_inverse("pinv", (a * (100 if dtype == "i4" else 1)).astype(dtype), **options)
        if not options.get("hermitian"):
            same_inverse("pinv", of_dtype((7, 4), dtype), **options)

    @pytest.mark.parametrize("rank", [0, 1, 4])
    @pytest.mark.parametrize("shape", [(12, 6), (6, 6), (6, 12)])
    def test_rank_deficient(self, rank: int, shape: tuple[int, int]) -> None:
        a = with_singular_values(*shape, np.linspace(2, 1, rank))
        exact = np.zeros(shape)
        exact[np.arange(rank), np.arange(rank)] = 3
        same_inverse("pinv", exact)
        same_inverse("pinv", np.ones(shape))
        same_inverse("pinv", a, rcond=1e-8, kept=rank > 0)
        same_inverse("pinv", a, rtol=None)

    def test_near_the_cutoff(self) -> None:
        for factor in (0.4, 0.6, 0.99, 1 - 1e-15, 1.0, 1 + 1e-15, 1.01, 1.9, 2.1):
            a = with_singular_values(12, 5, [1, 0.9, 0.8, 0.7, 1e-5 * factor])
            theirs = np.linalg.pinv(a, rcond=1e-5)
            er.cache_clear()
            for _ in range(SIGHTS):
                ours = er.linalg.pinv(a, rcond=1e-5)
                np.testing.assert_allclose(np.linalg.norm(ours), np.linalg.norm(theirs), rtol=1e-6)

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_numbers_that_are_not_finite(self, bad: float) -> None:
        a = of_dtype((7, 4), float)  # tall: LAPACK never returns from some wide matrices with infinities
        a[1, 1] = bad
        same_inverse("pinv", a)

    @pytest.mark.parametrize("factor", [1e300, 1e-300, 1e150, 1e-150])
    def test_magnitudes(self, factor: float) -> None:
        same_inverse("pinv", of_dtype((7, 4), float) * factor)

    def test_it_shares_the_factors_of_lstsq(self) -> None:
        a = of_dtype((30, 6), float)
        for _ in range(SIGHTS):
            er.lstsq(a, np.ones(30))
        before = er.cache_info()
        er.linalg.pinv(a)
        after = er.cache_info()
        assert after["made"] == before["made"]
        assert after["hits"] == before["hits"] + 1

    @pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
    def test_kinds_of_operands(self) -> None:
        a = of_dtype((7, 4), float)
        same_inverse("pinv", a.tolist(), kept=True)
        same_inverse("pinv", np.asmatrix(a), kept=True)
        same_inverse("pinv", np.ma.asarray(a), kept=True)
        for dtype in ("f2", "g", "O"):
            same_inverse("pinv", a.astype(dtype))


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("solve", (np.ones((3, 2)), np.ones(3)), r"a has shape \(3, 2\)"),
        ("solve", (np.eye(3), np.ones(4)), "a has 3 rows.*b has 4"),
        ("solve", (np.ones((40, 40)), np.ones(40)), "singular"),
        ("inv", (np.ones((3, 2)),), "square"),
        ("inv", (np.ones((2, 2)),), "singular"),
        ("pinv", (np.ones(3),), "two dimensions"),
        ("pinv", (np.ones((3, 2), "f2"),), "float16"),
    ],
)
def test_errors_say_what_to_mend(name: str, args: tuple[Any, ...], message: str) -> None:
    for _ in range(3):
        with pytest.raises((np.linalg.LinAlgError, TypeError, ValueError), match=message):
            getattr(er.linalg, name)(*args)


def test_reproducible_answers_do_not_depend_on_what_was_seen() -> None:
    a, b = definite(50), of_dtype((50, 3), float)
    calls = [(er.linalg.solve, (a, b)), (er.linalg.inv, (a,)), (er.linalg.pinv, (a,))]
    for function, args in calls:
        with er.config(reproducible=True):
            first = function(*args)
        for _ in range(SIGHTS):
            function(*args)
        assert hits() > 0
        before = hits()
        with er.config(reproducible=True):
            np.testing.assert_array_equal(function(*args), first)
        assert hits() == before


def test_a_cutoff_that_does_not_fit_is_not_laid_to_the_dtype() -> None:
    with pytest.raises(ValueError, match="broadcast") as caught:
        er.linalg.pinv(np.eye(3, dtype=int), rcond=[0.1])
    assert "rtol=None" not in str(caught.value)
