"""einroute.scipy.linalg: lstsq, solve, inv and pinv are scipy.linalg's, at every sight of a matrix."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.linalg as theirs

import einroute as er
import einroute.scipy.linalg as ours
from tests.linalg_helpers import (
    SIGHTS,
    agree,
    definite,
    fresh_cache,
    hits,
    layouts,
    lstsq_allowances,
    of_dtype,
    outcome,
    scale,
    with_singular_values,
)

DTYPES = ("?", "i1", "i4", "i8", "u8", "f4", "f8", "F", "D", ">f8", ">F")


@pytest.fixture(autouse=True, params=["auto", "now"])
def _fresh(request: pytest.FixtureRequest) -> Iterator[None]:
    with fresh_cache(prepare=request.param):
        yield


def same(name: str, *args: Any, kept: bool | None = None, **options: Any) -> Any:
    """Ours is SciPy's at every sight: values, types, shapes, exceptions, warnings.

    SciPy is asked in native byte order: its inv misreads another since 1.17, its pinv since 1.18.
    """
    fresh = lambda: [
        x.copy(order="K") if type(x) is np.ndarray else x for x in args
    ]  # overwrite_* may spoil them
    right = outcome(getattr(theirs, name), *map(native, fresh()), **options)
    a = args[0]
    if name == "lstsq":
        allowed: tuple[float, ...] = (np.inf,) * 4
        if right.value is not None and right.value[3] is not None:
            allowed = lstsq_allowances(a, args[1], right.value)
        elif right.value is not None:  # gelsy gives no singular values
            with np.errstate(all="ignore"):
                s = np.linalg.svd(np.asarray(a, complex), compute_uv=False)
            allowed = (*lstsq_allowances(a, args[1], (*right.value[:3], s))[:3], 0.0)
    else:
        allowed = (scale(a, _first(right)), 0.0)
    er.cache_clear()
    for sight in range(1, SIGHTS + 1):
        result = outcome(getattr(ours, name), *fresh(), **options)
        try:
            compare(result, right, allowed)
        except AssertionError as error:
            raise AssertionError(f"at sight {sight}: {error}") from (error.__cause__ or error)
    if kept is not None:
        assert (hits() > 0) == kept, f"kept factors were used {hits()} times"
    return result.value


def native(x: Any) -> Any:
    swapped = type(x) is np.ndarray and not x.dtype.isnative
    return x.astype(x.dtype.newbyteorder("=")) if swapped else x


def _first(right: Any) -> Any:
    return replace(right, value=right.value[0]) if isinstance(right.value, tuple) else right


def compare(result: Any, right: Any, allowed: tuple[float, ...]) -> None:
    """As `agree`, for tuples that hold ints and None besides arrays."""
    if right.value is None or not isinstance(right.value, tuple):
        agree(result, right, allowed[:1])
        return
    assert result.warned == right.warned
    assert result.error is None, repr(result.error)
    assert len(result.value) == len(right.value)
    for value, expected, limit in zip(result.value, right.value, allowed, strict=False):
        assert type(value) is type(expected), f"{type(value)}, expected {type(expected)}"
        if hasattr(expected, "dtype"):
            agree(replace(result, value=value), replace(right, value=expected), (limit,))
        else:
            assert value == expected


@pytest.mark.parametrize("name", ["solve", "lstsq"])
@pytest.mark.parametrize("rest", [(), (True,)])
def test_no_right_hand_side_is_not_left_out(name: str, rest: tuple[Any, ...]) -> None:
    with pytest.raises((ValueError, AttributeError)) as right:
        getattr(theirs, name)(np.array([[2.0]]), None, *rest)
    with pytest.raises(type(right.value), match=r"object|None"):
        getattr(ours, name)(np.array([[2.0]]), None, *rest)


@pytest.mark.parametrize("b", [None, "abc", np.ones(3, object)])
@pytest.mark.parametrize("name", ["solve", "lstsq"])
def test_no_numbers_beside_explicit_factors(name: str, b: Any) -> None:
    with pytest.raises(ValueError, match=r"b has dtype .*, expected numbers"):
        getattr(ours, name)(er.factorize(np.eye(3)), b)


def test_routed_operands_beside_explicit_factors_are_plain() -> None:
    assert type(ours.solve(er.factorize(np.eye(3)), er.routed(np.ones(3)))) is np.ndarray


class TestLstsq:
    @pytest.mark.parametrize("shape", [(1, 1), (5, 3), (3, 5), (4, 4), (40, 6), (60, 60)])
    @pytest.mark.parametrize("columns", [(), (1,), (3,), (0,)])
    @pytest.mark.parametrize("driver", [None, "gelsd", "gelss", "gelsy"])
    def test_shapes_and_drivers(self, shape: tuple[int, int], columns: tuple[int, ...], driver: Any) -> None:
        a = of_dtype(shape, float)
        same("lstsq", a, of_dtype((shape[0], *columns), float, 1), lapack_driver=driver)

    @pytest.mark.parametrize("dtype_a", DTYPES)
    @pytest.mark.parametrize("dtype_b", ["?", "i4", "f4", "f8", "F", "D"])
    def test_dtypes(self, dtype_a: str, dtype_b: str) -> None:
        for columns in ((), (2,)):
            same("lstsq", of_dtype((9, 3), dtype_a), of_dtype((9, *columns), dtype_b, 3))

    def test_single_stays_single(self) -> None:
        a, b = of_dtype((30, 5), "f4"), of_dtype((30,), "f4", 1)
        for driver in ("gelsd", "gelss", "gelsy"):
            x, residuals, _, s = same("lstsq", a, b, lapack_driver=driver, kept=True)
            assert x.dtype == np.float32
            if driver != "gelsy":
                assert s.dtype == residuals.dtype == np.float32

    def test_single_and_double_do_not_share_factors(self) -> None:
        a = of_dtype((30, 5), "f4")
        for _ in range(SIGHTS):
            for b in (np.ones(30, "f4"), np.ones(30)):
                right = theirs.lstsq(a, b)
                result = ours.lstsq(a, b)
                assert result[0].dtype == right[0].dtype
                np.testing.assert_allclose(result[0], right[0], rtol=1e-4)
                if b.dtype == np.float64:
                    np.testing.assert_allclose(result[0], right[0], rtol=1e-12)
            np.testing.assert_allclose(
                er.lstsq(a, np.ones(30))[0], np.linalg.lstsq(a, np.ones(30))[0], rtol=1e-12
            )

    @pytest.mark.parametrize(
        "cond", [None, -1, 0, 0.0, 1e-3, 0.3, 1, 2.5, np.float64(0.3), float("nan"), "x", 1j], ids=repr
    )
    @pytest.mark.parametrize("driver", ["gelsd", "gelss", "gelsy"])
    def test_cutoffs(self, cond: Any, driver: str) -> None:
        for dtype in ("f8", "f4"):
            a = with_singular_values(9, 4, [5.0, 2.0, 0.7, 0.01]).astype(dtype)
            same("lstsq", a, of_dtype((9,), dtype), cond=cond, lapack_driver=driver)

    @pytest.mark.parametrize("driver", ["gelsd", "gelss", "gelsy"])
    @pytest.mark.parametrize("shape", [(12, 6), (6, 6), (6, 12)])
    def test_rank_is_scipys(self, driver: str, shape: tuple[int, int]) -> None:
        eps = np.finfo(float).eps
        for seed, last in enumerate((0.0, 0.3 * eps, eps, 1.5 * eps, 3 * eps, 30 * eps, 1e-13, 1e-8)):
            a = with_singular_values(*shape, [1, 0.9, 0.8, 0.7, 0.6, last], seed)
            right = theirs.lstsq(a, np.ones(shape[0]), lapack_driver=driver)
            er.cache_clear()
            for _ in range(SIGHTS):
                result = ours.lstsq(a, np.ones(shape[0]), lapack_driver=driver)
                assert result[2] == right[2]
                assert result[1].shape == right[1].shape
                np.testing.assert_allclose(np.linalg.norm(result[0]), np.linalg.norm(right[0]), rtol=0.5)

    @pytest.mark.parametrize("driver", ["gels", "", "GELSD", 3, ("gelsd",), ["gelsd"]], ids=repr)
    def test_unknown_drivers(self, driver: Any) -> None:
        same("lstsq", of_dtype((5, 3), float), np.ones(5), lapack_driver=driver)

    def test_default_driver_is_an_attribute(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert ours.lstsq.default_lapack_driver == theirs.lstsq.default_lapack_driver == "gelsd"
        monkeypatch.setattr(ours.lstsq, "default_lapack_driver", "gelsy")
        for _ in range(SIGHTS):
            assert ours.lstsq(of_dtype((5, 3), float), np.ones(5))[3] is None

    @pytest.mark.parametrize("check_finite", [True, False])
    @pytest.mark.parametrize("where", ["a", "b"])
    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_not_finite(self, check_finite: bool, where: str, bad: float) -> None:
        a, b = of_dtype((6, 3), float), of_dtype((6,), float, 1)
        (a if where == "a" else b)[1] = bad
        if not check_finite and where == "a":
            pytest.skip("LAPACK's gelsd, and so SciPy's function, may never return from such a matrix")
        same("lstsq", a, b, check_finite=check_finite)

    @pytest.mark.parametrize("overwrite", [{"overwrite_a": True}, {"overwrite_b": True}])
    def test_permission_to_overwrite(self, overwrite: dict[str, bool]) -> None:
        for order in "CF":
            a = np.array(of_dtype((20, 4), float), order=order)
            same("lstsq", a, of_dtype((20, 2), float), kept=False, **overwrite)

    @pytest.mark.parametrize("order", ["C", "F"])
    @pytest.mark.parametrize("dtype", [float, "f4", int])
    @pytest.mark.parametrize("driver", ["gelsd", "gelss", "gelsy"])
    @pytest.mark.parametrize("overwrite", ["overwrite_a", "overwrite_b"])
    def test_what_is_overwritten(self, order: str, dtype: Any, driver: str, overwrite: str) -> None:
        """SciPy's own tests hold it to using the permission, and since 1.18 x lies in ``b``."""
        matrix = (of_dtype((20, 4), float) * 9).astype(dtype)
        for _ in range(SIGHTS):
            seen = []
            for namespace in (theirs, ours):
                a, b = np.array(matrix, order=order), np.ones((20, 1), dtype)
                x = namespace.lstsq(a, b, lapack_driver=driver, **{overwrite: True})[0]
                seen.append((np.array_equal(a, matrix), (b == 1).all(), np.shares_memory(x, b)))
            assert seen[0] == seen[1]

    @pytest.mark.parametrize("shape", [(9, 4), (4, 9), (5, 5)])
    @pytest.mark.parametrize("dtype", ["f4", "f8", "F", "D"])
    @pytest.mark.parametrize("columns", [(), (1,), (3,)])
    @pytest.mark.parametrize("driver", [None, "gelsd", "gelss", "gelsy"])
    def test_a_rank_in_no_doubt(
        self, shape: tuple[int, int], dtype: str, columns: tuple[int, ...], driver: Any
    ) -> None:
        """Residuals of a rank below N are empty, and since SciPy 1.18 nan."""
        a, b = of_dtype(shape, dtype), of_dtype((shape[0], *columns), dtype, 1)
        a[:, 1], a[1] = a[:, 0], a[0]
        same("lstsq", a, b, cond=1e-4, kept=None if driver == "gelsy" else True, lapack_driver=driver)

    @pytest.mark.parametrize("columns", [(), (1,), (3,)])
    @pytest.mark.parametrize("driver", ["gelsd", "gelsy"])
    @pytest.mark.parametrize("dtype", ["f8", "D"])
    @pytest.mark.parametrize("deficient", [False, True])
    def test_explicit_factors_answer_in_the_same_form(
        self, columns: tuple[int, ...], driver: str, dtype: str, deficient: bool
    ) -> None:
        a, b = of_dtype((9, 4), dtype), of_dtype((9, *columns), dtype, 1)
        if deficient:
            a[:, 1] = a[:, 0]
        right = outcome(theirs.lstsq, a, b, cond=1e-8, lapack_driver=driver)
        allowed = (1e-12, 1e-12, 0.0, 1e-12)
        compare(outcome(ours.lstsq, er.factorize(a), b, cond=1e-8, lapack_driver=driver), right, allowed)

    @pytest.mark.parametrize(
        ("a", "b"),
        [
            ((3,), (3,)),
            ((3, 2), (4,)),
            ((3, 2), ()),
            ((3, 2), (2, 3)),
            ((0, 2), (0,)),
            ((3, 0), (3,)),
            ((2, 0), (2, 2)),
        ],
    )
    def test_shapes_that_are_scipys_to_judge(self, a: tuple[int, ...], b: tuple[int, ...]) -> None:
        same("lstsq", of_dtype(a, float), of_dtype(b, float, 1))

    def test_stacks_go_to_scipy(self) -> None:
        a, b = of_dtype((2, 5, 3), float), of_dtype((2, 5, 1), float)
        right, result = outcome(theirs.lstsq, a, b), outcome(ours.lstsq, a, b)
        assert type(result.error) is type(right.error)
        if right.error is None:
            np.testing.assert_allclose(result.value[0], right.value[0])

    @pytest.mark.parametrize("name", list(layouts(np.ones((2, 2)))))
    def test_layouts(self, name: str) -> None:
        same("lstsq", layouts(of_dtype((11, 4), float))[name], np.ones(11), kept=True)

    @pytest.mark.parametrize("sequence", [list, tuple])
    def test_sequences(self, sequence: Any) -> None:
        """SciPy 1.18 refuses them, whose documentation takes them; here they are arrays for all versions."""
        a, b = of_dtype((6, 3), float), np.ones(6)
        right = outcome(theirs.lstsq, a, b)
        for _ in range(SIGHTS):
            result = outcome(ours.lstsq, sequence(a.tolist()), sequence(b.tolist()))
            compare(result, right, lstsq_allowances(a, b, right.value))

    @pytest.mark.parametrize("dtype", ["f2", "g", "O", "U2"])
    def test_other_dtypes(self, dtype: str) -> None:
        same("lstsq", np.ones((4, 2), int).astype(dtype), np.ones(4))

    @pytest.mark.parametrize("factor", [1e300, 1e-300, 1e160])
    def test_magnitudes(self, factor: float) -> None:
        a, b = of_dtype((6, 3), float), of_dtype((6,), float, 1)
        same("lstsq", a, b * factor)
        same("lstsq", a * factor, b)


class TestSolve:
    @pytest.mark.parametrize("n", [1, 3, 15, 60])
    @pytest.mark.parametrize("columns", [(), (1,), (3,), (0,)])
    def test_shapes(self, n: int, columns: tuple[int, ...]) -> None:
        same("solve", of_dtype((n, n), float) + 3 * np.eye(n), of_dtype((n, *columns), float, 1))

    @pytest.mark.parametrize("dtype_a", DTYPES)
    @pytest.mark.parametrize("dtype_b", ["?", "i4", "f4", "f8", "F", "D"])
    def test_dtypes(self, dtype_a: str, dtype_b: str) -> None:
        a = of_dtype((15, 15), dtype_a, 2)
        if dtype_a in {"?", "i1"}:
            a = np.triu(a) | np.eye(15, dtype=a.dtype)
        for columns in ((), (2,)):
            same("solve", a, of_dtype((15, *columns), dtype_b, 3))

    @pytest.mark.parametrize(
        "assume_a",
        [
            None, "gen", "general", "sym", "her", "pos", "positive definite", "diagonal", "banded",
            "tridiagonal", "upper triangular", "lower triangular", "wrong", 3,
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("lower", [False, True])
    def test_structures(self, assume_a: Any, lower: bool) -> None:
        if assume_a is None and _default(theirs.solve, "assume_a") is not None:
            pytest.skip("this SciPy has another default")
        for a in (of_dtype((15, 15), float), definite(15), definite(15, complex)):
            same("solve", a, np.arange(15.0), assume_a=assume_a, lower=lower)

    @pytest.mark.parametrize(
        "kind", ["diagonal", "upper", "lower", "tridiagonal", "banded", "symmetric", "her"]
    )
    def test_structures_that_scipy_finds(self, kind: str) -> None:
        full = of_dtype((20, 20), complex if kind == "her" else float) + 5 * np.eye(20)
        a = {
            "diagonal": np.diag(np.diag(full)),
            "upper": np.triu(full),
            "lower": np.tril(full),
            "tridiagonal": np.triu(np.tril(full, 1), -1),
            "banded": np.triu(np.tril(full, 2), -3),
            "symmetric": full + full.T,
            "her": full + full.conj().T,
        }[kind]
        same("solve", a, np.arange(20.0))
        same("inv", a)

    @pytest.mark.parametrize("transposed", [False, True])
    @pytest.mark.parametrize("dtype_a", ["f4", "f8", "F", "D"])
    @pytest.mark.parametrize("dtype_b", ["f8", "D"])
    def test_transposed(self, transposed: bool, dtype_a: str, dtype_b: str) -> None:
        for a in (of_dtype((15, 15), dtype_a, 2), definite(15, dtype_a)):
            for columns in ((), (2,)):
                same("solve", a, of_dtype((15, *columns), dtype_b), transposed=transposed)

    @pytest.mark.parametrize("dtype", ["f4", "f8"])
    def test_ill_conditioned_matrices_warn_at_every_call(self, dtype: str) -> None:
        eps = float(np.finfo(dtype).eps)
        for seed, cond in enumerate((0.01 / eps, 0.3 / eps, 3 / eps, 100 / eps)):
            a = with_singular_values(15, 15, np.geomspace(1, 1 / cond, 15), seed).astype(dtype)
            b = np.ones(15, dtype)
            for name, args in (("solve", (a, b)), ("inv", (a,))):
                right = outcome(getattr(theirs, name), *args)
                er.cache_clear()
                for sight in range(SIGHTS):
                    result = outcome(getattr(ours, name), *args)
                    assert result.warned == right.warned, f"{name}, sight {sight + 1}, cond {cond}"
                    assert (result.error is None) == (right.error is None)

    def test_warnings_can_be_errors(self) -> None:
        a = with_singular_values(15, 15, np.geomspace(1, 1e-17, 15))
        for _ in range(SIGHTS):
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                with pytest.raises(theirs.LinAlgWarning):
                    ours.solve(a, np.ones(15))

    def test_singular(self) -> None:
        for a in (np.ones((12, 12)), np.zeros((12, 12)), np.diag([0.0, *range(1, 12)])):
            same("solve", a, np.ones(12))
            same("inv", a)
        a = np.eye(12)
        a[10:, 10:] = 2  # where Cholesky passes by a rounding error
        right = outcome(theirs.solve, a, np.ones(12))
        er.cache_clear()
        for _ in range(SIGHTS):
            result = outcome(ours.solve, a, np.ones(12))
            assert (type(result.error), result.warned) == (type(right.error), right.warned)

    @pytest.mark.parametrize("check_finite", [True, False])
    @pytest.mark.parametrize("where", ["a", "b"])
    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_not_finite(self, check_finite: bool, where: str, bad: float) -> None:
        for a in (of_dtype((15, 15), float), definite(15)):
            b = np.ones(15)
            if where == "a":
                a[2, 3] = bad
            else:
                b[4] = bad
            same("solve", a, b, check_finite=check_finite)

    def test_not_finite_in_b_is_found_when_a_is_kept(self) -> None:
        a, b = definite(15), np.ones(15)
        for _ in range(SIGHTS):
            ours.solve(a, b)
        b[3] = np.nan
        right = outcome(theirs.solve, a, b)  # SciPy 1.15 gives nan, later ones raise
        compare(outcome(ours.solve, a, b), right, (0.0,))

    @pytest.mark.parametrize("order", ["C", "F"])
    @pytest.mark.parametrize("dtype", [float, "f4", int])
    def test_what_is_overwritten(self, order: str, dtype: Any) -> None:
        """SciPy's own tests hold it to using the permission: the answer lies in ``b``."""
        matrix = (of_dtype((20, 20), float) * 9).astype(dtype)
        for _ in range(SIGHTS):
            shared = []
            for namespace in (theirs, ours):
                a, b = np.array(matrix, order=order), np.ones(20, dtype)
                shared.append(np.shares_memory(namespace.solve(a, b, overwrite_b=True), b))
                shared.append(np.shares_memory(namespace.inv(a, overwrite_a=True), a))
            assert shared[:2] == shared[2:]

    def test_permission_to_overwrite(self) -> None:
        same("solve", of_dtype((20, 20), float), of_dtype((20,), float), overwrite_a=True)

    @pytest.mark.parametrize(
        ("a", "b"),
        [
            ((3, 2), (3,)), ((3, 3), (4,)), ((3,), (3,)), ((3, 3), ()), ((0, 0), (0,)), ((12, 12), (2, 12)),
            ((2, 3, 3), (3,)),
        ],
    )  # fmt: skip
    def test_shapes_that_are_scipys_to_judge(self, a: tuple[int, ...], b: tuple[int, ...]) -> None:
        right = outcome(theirs.solve, of_dtype(a, float), np.ones(b))
        for _ in range(3):
            result = outcome(ours.solve, of_dtype(a, float), np.ones(b))
            assert type(result.error) is type(right.error) or isinstance(result.error, type(right.error))
            if right.error is None:
                np.testing.assert_allclose(result.value, right.value)

    @pytest.mark.parametrize("name", list(layouts(np.ones((2, 2)))))
    def test_layouts(self, name: str) -> None:
        same("solve", layouts(of_dtype((15, 15), float))[name], np.ones(15))
        same("inv", layouts(of_dtype((15, 15), float))[name])


class TestInvAndPinv:
    @pytest.mark.parametrize("dtype", DTYPES)
    def test_inv(self, dtype: str) -> None:
        a = of_dtype((15, 15), dtype, 2)
        if dtype in {"?", "i1"}:
            a = np.triu(a) | np.eye(15, dtype=a.dtype)
        same("inv", a)
        same("inv", a, overwrite_a=True)

    @pytest.mark.parametrize("name", ["inv", "pinv", "solve", "lstsq"])
    def test_another_byte_order_is_no_other_matrix(self, name: str) -> None:
        a = definite(15)
        a[0, 1] += 1.0  # SciPy before 1.17 answers symmetric systems itself
        a = a.astype(">f8")
        result = same(name, a, *([] if name.endswith("inv") else [np.ones(15, ">f8")]), kept=True)
        if name.endswith("inv"):
            np.testing.assert_allclose(a @ result, np.eye(15), atol=1e-12)

    @pytest.mark.parametrize("dtype", ["i4", "i8", "f4", "f8", "F", "D", ">f8"])
    @pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (1, 1), (40, 6)])
    def test_pinv(self, dtype: str, shape: tuple[int, int]) -> None:
        same("pinv", of_dtype(shape, dtype, 2))
        same("pinv", of_dtype(shape, dtype, 2), return_rank=True)

    @pytest.mark.parametrize(
        "options",
        [
            {"rtol": 0.3}, {"atol": 0.3}, {"atol": 0.1, "rtol": 0.1}, {"rtol": 0.0}, {"atol": 0.0},
            {"rtol": 2.0}, {"rtol": -1.0}, {"atol": -1.0}, {"rtol": 1}, {"atol": 100.0},
            {"atol": np.float64(0.3)}, {"rtol": "x"}, {"rtol": float("nan")}, {"check_finite": False},
        ],
        ids=str,
    )  # fmt: skip
    @pytest.mark.parametrize("return_rank", [False, True])
    def test_options_of_pinv(self, options: dict[str, Any], return_rank: bool) -> None:
        for dtype in ("f8", "f4", "D"):
            same("pinv", of_dtype((7, 4), dtype), return_rank=return_rank, **options)

    @pytest.mark.parametrize("name", ["inv", "pinv"])
    def test_what_is_scipys_to_judge(self, name: str) -> None:
        bad = of_dtype((12, 12), float)
        bad[0, 0] = np.nan
        for a in (np.ones(3), np.ones((3, 2)), np.zeros((0, 0)), bad, np.ones((12, 12))):
            same(name, a)

    def test_answers_are_the_callers_own(self) -> None:
        a = of_dtype((15, 15), float)
        calls = [
            lambda: ours.inv(a),
            lambda: ours.pinv(a),
            lambda: ours.solve(a, np.ones(15)),
            lambda: ours.lstsq(a, np.ones(15))[3],
        ]
        for call in calls:
            right = call().copy()
            for _ in range(SIGHTS):
                value = call()
                np.testing.assert_allclose(value, right, rtol=1e-10)
                value[...] = np.nan


def _default(function: Any, name: str) -> Any:
    return inspect.signature(function).parameters[name].default


class TestFactorized:
    """Explicit factors are in double precision; answers are SciPy's for a matrix of doubles."""

    def test_lstsq(self) -> None:
        a, b = of_dtype((20, 4), float), of_dtype((20, 2), float, 1)
        f = er.factorize(a)
        for driver in ("gelsd", "gelss", "gelsy"):
            for right_side in (b, b[:, 0]):
                right = outcome(theirs.lstsq, a, right_side, lapack_driver=driver)
                compare(
                    outcome(ours.lstsq, f, right_side, lapack_driver=driver), right, (1e-12, 1e-10, 0, 1e-12)
                )

    def test_solve_inv_and_pinv(self) -> None:
        a, b = of_dtype((15, 15), float), np.ones(15)
        f = er.factorize(a)
        np.testing.assert_allclose(ours.solve(f, b), theirs.solve(a, b))
        np.testing.assert_allclose(ours.solve(f, b, transposed=True), theirs.solve(a, b, transposed=True))
        np.testing.assert_allclose(ours.inv(f), theirs.inv(a))
        np.testing.assert_allclose(ours.pinv(f), theirs.pinv(a))
        inverse, rank = ours.pinv(f, rtol=0.2, return_rank=True)
        right, right_rank = theirs.pinv(a, rtol=0.2, return_rank=True)
        assert rank == right_rank
        np.testing.assert_allclose(inverse, right)

    def test_bad_input(self) -> None:
        f = er.factorize(of_dtype((5, 3), float))
        for call in (lambda: ours.lstsq(f, np.ones(4)), lambda: ours.lstsq(f, np.ones(5), lapack_driver="x")):
            with pytest.raises(ValueError, match=r"b|driver"):
                call()
        for call in (
            lambda: ours.lstsq(f, [np.nan] * 5),
            lambda: ours.solve(er.factorize(np.eye(2)), [np.nan] * 2),
        ):
            with pytest.raises(ValueError, match=r"nan|NaN|finite"):
                call()


class TestNamespace:
    def test_every_name_is_scipys(self) -> None:
        routed = {"lstsq", "solve", "inv", "pinv"}
        assert set(ours.__all__) == set(theirs.__all__)
        assert {name for name in dir(ours) if name[0] != "_"} == {
            name for name in dir(theirs) if name[0] != "_"
        }
        for name in theirs.__all__:
            if name in routed:
                assert getattr(ours, name).__module__.startswith("einroute")
            else:
                assert getattr(ours, name) is getattr(theirs, name)

    def test_submodules_pass_through(self) -> None:
        assert ours.lapack is theirs.lapack

    def test_no_name_that_scipy_lacks(self) -> None:
        with pytest.raises(AttributeError, match="no_such_name"):
            ours.no_such_name  # noqa: B018  # the access is what is tested
