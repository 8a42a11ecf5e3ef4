"""Kept factors applied to one right-hand side by the core."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from einroute._native import CORE

pytestmark = pytest.mark.skipif(CORE is None, reason="the core is not there")

LOW, HIGH = 1e-280, 1e280


def factors(a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return np.ascontiguousarray(u.T), np.ascontiguousarray(vh / s[:, None])


def system(m: int, n: int, order: str = "C", seed: int = 0) -> tuple[Any, ...]:
    rng = np.random.default_rng(seed)
    a = np.asarray(rng.standard_normal((m, n)), order=order)
    return (*factors(a), a, rng.standard_normal(m))


def exact(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The solution in extended precision, by refinement until it stands still."""
    wide, x = a.astype(np.longdouble), np.zeros(a.shape[1], np.longdouble)
    inverse = np.linalg.pinv(a)
    for _ in range(20):
        x += inverse @ np.asarray(b - wide @ x, float)
    return x


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize(("m", "n"), [(1, 1), (3, 2), (7, 7), (9, 8), (50, 11), (130, 40), (3, 5), (8, 30)])
def test_solutions(m: int, n: int, extended: bool, order: str) -> None:
    uh, w, a, b = system(m, n, order)
    x, norm = CORE.apply_factors(uh, w, a, b, m > n, LOW, HIGH, extended)
    expected = exact(a, b)
    size = np.linalg.norm(expected.astype(float))
    condition = np.linalg.cond(a)
    assert np.linalg.norm((x - expected).astype(float)) <= 64 * 2.3e-16 * condition * size + 1e-300
    if m <= n:
        assert norm is None
    else:
        residual = b - a.astype(np.longdouble) @ expected
        np.testing.assert_allclose(norm, [float(residual @ residual)], rtol=1e-10)


def test_any_strides_of_the_matrix() -> None:
    uh, w, a, b = system(12, 5)
    expected = CORE.apply_factors(uh, w, a, b, True, LOW, HIGH, False)
    wide = np.zeros((24, 15))
    wide[::2, ::3] = a
    for other in (wide[::2, ::3], a[::-1].copy()[::-1], np.asfortranarray(a)):
        for mine, theirs in zip(
            CORE.apply_factors(uh, w, other, b, True, LOW, HIGH, False), expected, strict=True
        ):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12)


def test_a_residual_that_cancels_is_formed_again() -> None:
    uh, w, a, _ = system(40, 6)
    b = a @ np.arange(6.0)  # in the range of a: the residual is rounding
    x, norm = CORE.apply_factors(uh, w, a, b, True, LOW, HIGH, False)
    np.testing.assert_allclose(x, np.arange(6.0), atol=1e-12)
    assert 0 <= norm[0] < 1e-24


def test_ranks_below_the_full_one() -> None:
    uh, w, a, b = system(20, 6)
    x, norm = CORE.apply_factors(uh[:4], w[:4], a, b, False, LOW, HIGH, False)
    assert norm is None
    np.testing.assert_allclose(x, w[:4].T @ (uh[:4] @ b), rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-200, 1e200, np.inf, np.nan])
def test_lost_digits_are_said(scale: float) -> None:
    uh, w, a, b = system(9, 3)
    with np.errstate(all="raise"):
        assert CORE.apply_factors(uh, w, a, b * scale, True, LOW, HIGH, False) is None


def test_zero_is_a_solution() -> None:
    uh, w, a, b = system(9, 3)
    x, norm = CORE.apply_factors(uh, w, a, 0 * b, True, LOW, HIGH, False)
    assert not x.any()
    assert norm[0] == 0


@pytest.mark.parametrize(
    ("position", "wrong"),
    [
        (0, np.zeros((3, 9), np.float32)),
        (0, np.zeros((9, 3)).T),
        (0, [[1.0]]),
        (1, np.zeros((2, 3))),
        (1, np.zeros((3, 9))),
        (2, np.zeros((9, 4))),
        (2, np.zeros(9)),
        (2, np.zeros((9, 3), ">f8")),
        (2, np.zeros((9, 3)).view(np.matrix)),
        (3, np.zeros(8)),
        (3, np.zeros((9, 1))),
        (3, np.zeros(18)[::2]),
        (3, np.zeros(73, "u1")[1:].view(float)),
        (5, "low"),
    ],
)
def test_arguments_that_do_not_fit(position: int, wrong: Any) -> None:
    given = [*system(9, 3), True, LOW, HIGH, False]
    given[position] = wrong
    with pytest.raises((TypeError, ValueError)):
        CORE.apply_factors(*given)
    with pytest.raises(TypeError, match="8 arguments"):
        CORE.apply_factors(*given[:5])


def test_references_balance() -> None:
    given = [*system(9, 3), True, LOW, HIGH, False]
    before = [sys.getrefcount(x) for x in given[:4]]
    for _ in range(100):
        CORE.apply_factors(*given)
        with pytest.raises(TypeError):
            CORE.apply_factors(*given[:3], None, *given[4:])
    assert [sys.getrefcount(x) for x in given[:4]] == before
