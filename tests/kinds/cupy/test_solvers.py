"""lstsq, solve, inv and pinv of CuPy's arrays: CuPy's own, judged by NumPy's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import einroute as er
from tests.kinds.cupy import recorder
from tests.kinds.cupy.helpers import library, on_device, recorded, values

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def cupy() -> Iterator[Any]:
    with library() as module:
        yield module


def agrees(got: Any, expected: Any) -> None:
    found = values(got)
    assert (found.shape, found.dtype) == (np.shape(expected), np.asarray(expected).dtype)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16", "i4", "?"])
@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (4, 4), (0, 3), (3, 0), (1, 1)])
@pytest.mark.parametrize("rcond", [None, -1, 0.1])
def test_lstsq(shape: tuple[int, int], dtype: str, rcond: Any) -> None:
    a = RNG.integers(0, 5, shape).astype(dtype) if dtype in {"i4", "?"} else RNG.random(shape).astype(dtype)
    for tail in ((), (2,), (0,)):
        b = np.ones((shape[0], *tail), dtype)
        expected = np.linalg.lstsq(a, b, rcond)
        for operands in ((on_device(a), on_device(b)), (on_device(a), b), (a, on_device(b))):
            for got, numpys in zip(er.lstsq(*operands, rcond), expected, strict=True):
                agrees(got, numpys)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c16", "i8"])
@pytest.mark.parametrize(
    ("a", "b"),
    [((3, 3), (3,)), ((3, 3), (3, 2)), ((5, 3, 3), (3,)), ((5, 3, 3), (3, 2)), ((3, 3), (5, 3, 2)),
     ((2, 1, 3, 3), (4, 3, 2)), ((0, 0), (0,)), ((0, 0), (0, 2))],
)  # fmt: skip
def test_solve_and_inv(a: Any, b: Any, dtype: str) -> None:
    one, two = (
        (RNG.integers(-3, 4, a) + 10 * np.eye(a[-1])).astype(dtype),
        RNG.integers(0, 4, b).astype(dtype),
    )
    agrees(er.linalg.solve(on_device(one), on_device(two)), np.linalg.solve(one, two))
    agrees(er.linalg.inv(on_device(one)), np.linalg.inv(one))


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (2, 4, 3), (0, 3)])
def test_pinv(shape: Any) -> None:
    a = RNG.random(shape)
    for options in ({}, {"rcond": 0.3}, {"rtol": None}, {"rtol": 0.2}, {"hermitian": False}):
        agrees(er.linalg.pinv(on_device(a), **options), np.linalg.pinv(a, **options))
    h = a.swapaxes(-1, -2) @ a
    agrees(er.linalg.pinv(on_device(h), hermitian=True), np.linalg.pinv(h, hermitian=True))
    with pytest.raises(ValueError, match="can't be both set"):
        er.linalg.pinv(on_device(a), 0.1, rtol=0.2)


def test_structured_operands_are_written_out() -> None:
    b = RNG.random(4)
    agrees(er.linalg.inv(er.rolled(on_device(b), 4)), np.linalg.inv(np.asarray(er.rolled(b, 4))))
    agrees(er.linalg.solve(er.rolled(b, 4), on_device(b)), np.linalg.solve(np.asarray(er.rolled(b, 4)), b))


@recorded
def test_what_is_called_and_told() -> None:
    a, b = on_device(np.eye(3), 1), on_device(np.ones(3), 1)
    assert er.explain(er.lstsq, a, b).routes == ("cupy.linalg.lstsq",)
    assert recorder.CALLS == []
    x, _, rank, _ = er.lstsq(a, b)
    assert x.device.id == rank.device.id == 1
    assert recorder.CALLS == ["astype", "astype", "lstsq"]
    assert recorder.WAITS == ["rank"]


@recorded
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: er.lstsq(on_device(np.ones((3, 2))), on_device(np.ones(3), 1)),
            TypeError,
            "device 0 and.* 1",
        ),
        (lambda: er.lstsq(on_device(np.ones((3, 2))), np.ones(4)), np.linalg.LinAlgError, "3 rows.* 4"),
        (lambda: er.linalg.solve(on_device(np.ones((3, 2))), np.ones(3)), np.linalg.LinAlgError, "square"),
        (lambda: er.linalg.inv(on_device(np.ones((3, 3), "f2"))), TypeError, "float16"),
        (lambda: er.factorize(on_device(np.eye(3))), TypeError, "factorize.*cupy; .*lu_factor.*cupy.asnumpy"),
        (lambda: er.lstsq(er.factorize(np.eye(3)), on_device(np.ones(3))), TypeError, "b is .* of cupy"),
        (lambda: er.factorize(np.eye(3)).solve(on_device(np.ones(3))), TypeError, "b is .* of cupy"),
    ],
)
def test_bad_operands_are_refused_before_any_work(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
    assert recorder.CALLS == []
