"""scipy.linalg's lstsq, solve, inv and pinv of dask arrays."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import scipy.linalg

import einroute as er
import einroute.scipy.linalg as ours

pytest.importorskip("dask.array")

import dask.array as da

from tests.kinds.dask.lstsq_helpers import chunked, matrix


def same(lazy: Any, expected: Any) -> None:
    assert isinstance(lazy, da.Array)
    expected = np.asarray(expected)
    assert (lazy.shape, lazy.dtype) == (expected.shape, expected.dtype)
    value = np.asarray(lazy.compute())
    assert (value.shape, value.dtype) == (expected.shape, expected.dtype)
    digits = 1e-9 if expected.dtype.char in "dD" else 1e-3
    np.testing.assert_allclose(
        value, expected, rtol=digits, atol=digits * np.abs(expected).max(initial=1e-300)
    )


@pytest.mark.parametrize("shape", [(60, 4), (4, 60), (6, 6)])
@pytest.mark.parametrize("dtype", list("dfDF"))
@pytest.mark.parametrize("k", [None, 3])
def test_lstsq(shape: tuple[int, int], dtype: str, k: int | None) -> None:
    a, b = matrix(shape, dtype), matrix((shape[0],) if k is None else (shape[0], k), dtype, 1)
    lazy = chunked(a, 9, 3)
    expected = scipy.linalg.lstsq(a, b)
    answers = [ours.lstsq(lazy, chunked(b, 7)), ours.lstsq(lazy, b), ours.lstsq(a, chunked(b, 7))]
    if shape[0] >= shape[1]:
        answers.append(ours.lstsq(er.factorize(lazy), b))
    for x, residuals, rank, s in answers:
        same(x, expected[0])
        same(s, expected[3])
        assert rank.compute() == expected[2]
        if shape[0] > shape[1]:
            same(residuals, np.asarray(expected[1], residuals.dtype))
        else:
            assert residuals.compute().shape == (0,)
    assert ours.lstsq(lazy, b, lapack_driver="gelsy")[3] is None


def test_deficient_residuals_are_nan() -> None:
    a, b = matrix((60, 3), "d")[:, [0, 1, 0]], matrix((60, 2), "d", 1)
    x, residuals, rank, _ = ours.lstsq(chunked(a, 9), b, 1e-10)
    same(x, scipy.linalg.lstsq(a, b, 1e-10)[0])
    assert rank.compute() == 2
    assert residuals.shape == (2,)
    assert np.isnan(residuals.compute()).all()


@pytest.mark.parametrize("dtype", list("dfD"))
def test_solve_inv_and_pinv(dtype: str) -> None:
    a, b = matrix((12, 12), dtype), matrix((12, 2), dtype, 1)
    lazy = chunked(a, 5, 5)
    for options in (
        {},
        {"assume_a": "gen"},
        {"assume_a": "upper triangular"},
        {"lower": True, "assume_a": "pos"},
    ):
        own = a @ a.conj().T if options.get("assume_a") == "pos" else a
        for right in (b, b[:, 0]):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", scipy.linalg.LinAlgWarning)
                same(
                    ours.solve(chunked(own, 5, 5), chunked(right, 5), **options),
                    scipy.linalg.solve(own, right, **options),
                )
    same(ours.inv(lazy), scipy.linalg.inv(a))
    same(ours.inv(er.factorize(lazy)), scipy.linalg.inv(a))
    same(ours.solve(er.factorize(lazy), b), scipy.linalg.solve(a, b))
    for shape in ((40, 4), (4, 40)):
        m = matrix(shape, dtype)
        same(ours.pinv(chunked(m, 7, 3)), scipy.linalg.pinv(m))
        for options in ({"rtol": 0.5}, {"atol": 5.0}, {"atol": 1.0, "rtol": 0.1}):
            found, rank = ours.pinv(chunked(m, 7, 3), return_rank=True, **options)
            expected = scipy.linalg.pinv(m, return_rank=True, **options)
            same(found, expected[0])
            assert rank.compute() == expected[1]


def test_errors() -> None:
    a, b = da.ones((6, 2), chunks=3), np.ones(6)
    for call, match in (
        (lambda: ours.lstsq(a, np.ones(5)), "6 rows"),
        (lambda: ours.lstsq(a, b, lapack_driver="gelsx"), "gelsd"),
        (ours.lstsq(a, da.full(6, np.nan))[0].compute, "infs or NaNs"),
        (ours.lstsq(da.full((6, 2), np.inf), b)[0].compute, "nan or infinity"),
        (lambda: ours.solve(a, b), "square"),
        (lambda: ours.inv(a), "square"),
        (lambda: ours.pinv(a, rtol=-1.0), "at least 0"),
        (lambda: ours.pinv(da.ones((2, 3, 3))), "stacks"),
    ):
        with pytest.raises(ValueError, match=match):
            call()
    x = ours.lstsq(a, da.full(6, np.nan), check_finite=False)[0]
    assert np.isnan(x.compute()).all()
