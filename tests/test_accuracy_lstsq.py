"""Digits of kept factors against numpy.linalg.lstsq's, judged by certified and by multiple-precision results.

The rule: kept factors may have half a digit less than LAPACK's driver. The digits of one number that is all
rounding error are random, a digit up or down by chance in either; so digits are averaged over all
coefficients and, except for the certified values, over many right-hand sides of each matrix. The digits of a
number are ``-log10`` of its relative error, at least 0 and at most the 15.65 that a double has (with
certified values the 15 that those have); a number whose right value is 0 is taken relative to the largest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import numpy as np
import pytest

import einroute as er
from tests import nist
from tests.linalg_helpers import fresh_cache, hits, of_dtype, with_singular_values

HALF_A_DIGIT = 0.5
DOUBLE, CERTIFIED = -np.log10(np.finfo(float).eps), 15.0
SIDES = 24
PRECISION = 120  # decimal digits: the normal equations lose twice those of the condition number


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    with fresh_cache(prepare="now"):
        yield


def digits(value: Any, right: Any, most: float = DOUBLE) -> np.ndarray:
    """Right digits of each number; ``right`` may hold numbers of multiple precision."""
    value, right = np.atleast_1d(value), np.atleast_1d(np.asarray(right, object))
    largest = max(abs(one) for one in right)
    found = []
    for one, other in zip(value, right, strict=True):
        error = abs(mpmath.mpf(float(one)) - other) / (abs(other) or largest or 1)
        found.append(most if error == 0 else min(most, max(0.0, -float(mpmath.log10(error)))))
    return np.array(found)


def exact(a: np.ndarray) -> Callable[[np.ndarray], tuple[list[Any], Any]]:
    """The least-squares solution and residual sum of squares of a full-rank matrix, in multiple precision."""
    m, n = a.shape
    rows = [[mpmath.mpf(float(value)) for value in row] for row in a]
    with mpmath.workdps(PRECISION):
        gram = mpmath.matrix(n, n)
        for i in range(n):
            for j in range(n):
                gram[i, j] = mpmath.fdot((rows[k][i], rows[k][j]) for k in range(m))
        inverse = gram**-1

    def solution(b: np.ndarray) -> tuple[list[Any], Any]:
        with mpmath.workdps(PRECISION):
            right = [mpmath.mpf(float(value)) for value in b]
            moments = [mpmath.fdot((rows[k][i], right[k]) for k in range(m)) for i in range(n)]
            x = [mpmath.fdot((inverse[i, j], moments[j]) for j in range(n)) for i in range(n)]
            r = [right[k] - mpmath.fdot(zip(rows[k], x, strict=True)) for k in range(m)]
            return x, mpmath.fdot((one, one) for one in r)

    return solution


def singular_values(a: np.ndarray) -> list[Any]:
    with mpmath.workdps(60):
        s = mpmath.svd_r(mpmath.matrix(a.tolist()), compute_uv=False)
        return [s[i] for i in range(len(s))]


def hilbert(m: int, n: int) -> np.ndarray:
    return 1 / (np.arange(m)[:, None] + np.arange(n) + 1.0)


MATRICES: dict[str, np.ndarray] = {
    **{name: nist.read(name).a for name in ("Norris", "Pontius", "NoInt1", "NoInt2", "Longley", "Wampler1")},
    "random 40x6": of_dtype((40, 6), float),
    "random 9x8": of_dtype((9, 8), float, 1),
    "random 8x8": of_dtype((8, 8), float, 2),
    "graded rows": of_dtype((20, 5), float, 3) * np.geomspace(1, 1e-8, 20)[:, None],
    "graded rows, upwards": of_dtype((20, 5), float, 3) * np.geomspace(1e-8, 1, 20)[:, None],
    "graded columns": of_dtype((20, 5), float, 4) * np.geomspace(1, 1e-9, 5),
    "badly scaled columns": of_dtype((20, 5), float, 5) * np.array([1e6, 1e-3, 1.0, 1e4, 1e-5]),
    "nearly deficient 1e-6": with_singular_values(20, 5, [1, 0.8, 0.5, 0.3, 1e-6], 6),
    "nearly deficient 1e-10": with_singular_values(20, 5, [1, 0.8, 0.5, 0.3, 1e-10], 7),
    "nearly deficient 1e-12": with_singular_values(20, 5, [1, 0.8, 0.5, 0.3, 1e-12], 8),
    "geometric, cond 1e8": with_singular_values(24, 6, np.geomspace(1, 1e-8, 6), 9),
    "hilbert 12x6": hilbert(12, 6),
    "hilbert 7x7": hilbert(7, 7),
    "powers": np.vander(np.linspace(-1, 2, 15), 7),
    "large numbers": 1e80 * of_dtype((20, 4), float, 10),
    "small numbers": 1e-80 * of_dtype((20, 4), float, 11),
}  # fmt: skip


def sides(a: np.ndarray) -> list[np.ndarray]:
    """Right-hand sides with residuals of three sizes: none but rounding, small, and most of them."""
    m, n = a.shape
    rng = np.random.default_rng(17)
    found = []
    for i in range(SIDES):
        inside = a @ rng.standard_normal(n)
        outside = rng.standard_normal(m) * np.linalg.norm(inside) / m**0.5
        found.append(inside + outside * (0.0, 1e-4, 10.0)[i % 3])
    return found


@pytest.mark.parametrize("name", MATRICES)
def test_digits_over_many_right_hand_sides(name: str) -> None:
    a = MATRICES[name]
    solution = exact(a)
    ours: dict[str, list[float]] = {"x": [], "residuals": []}
    numpys: dict[str, list[float]] = {"x": [], "residuals": []}
    er.lstsq(a, np.ones(len(a)))
    for i, b in enumerate(sides(a)):
        x, residual = solution(b)
        before = hits()
        answers = er.lstsq(a, b), np.linalg.lstsq(a, b)
        assert hits() == before + 1
        assert answers[0][2] == answers[1][2] == a.shape[1]
        for answer, kept in zip(answers, (ours, numpys), strict=True):
            kept["x"].append(digits(answer[0], x).mean())
            if a.shape[0] > a.shape[1] and i % 3:  # else the right value is itself all rounding
                kept["residuals"].append(digits(answer[1], residual).mean())
    for what, found in ours.items():
        if found:
            mean, theirs = np.mean(found), np.mean(numpys[what])
            assert mean >= theirs - HALF_A_DIGIT, f"{what}: {mean:.2f} digits, NumPy's {theirs:.2f}"


@pytest.mark.parametrize("name", MATRICES)
def test_digits_of_many_right_hand_sides_at_once(name: str) -> None:
    a = MATRICES[name]
    solution, columns = exact(a), sides(a)
    er.lstsq(a, np.ones(len(a)))
    before = hits()
    b = np.array(columns).T
    answers = er.lstsq(a, b), np.linalg.lstsq(a, b)
    assert hits() == before + 1
    means = [
        np.mean([digits(answer[0][:, i], solution(column)[0]) for i, column in enumerate(columns)])
        for answer in answers
    ]
    assert means[0] >= means[1] - HALF_A_DIGIT, f"{means[0]:.2f} digits, NumPy's {means[1]:.2f}"


@pytest.mark.parametrize("name", MATRICES)
def test_digits_of_singular_values(name: str) -> None:
    a = MATRICES[name]
    right = singular_values(a)
    er.lstsq(a, np.ones(len(a)))
    ours, theirs = er.lstsq(a, np.ones(len(a)))[3], np.linalg.lstsq(a, np.ones(len(a)))[3]
    mean, numpys = digits(ours, right).mean(), digits(theirs, right).mean()
    # One matrix has one set of singular values, so there is nothing to average but they: where they are few,
    # what backward stability allows (errors of some eps relative to the largest) is as good.
    stable = all(
        abs(float(one - other)) <= 4 * np.finfo(float).eps * float(right[0])
        for one, other in zip(ours, right, strict=True)
    )
    assert mean >= numpys - HALF_A_DIGIT or stable, f"{mean:.2f} digits, NumPy's {numpys:.2f}"


class TestCertified:
    @pytest.mark.parametrize("name", nist.NAMES)
    def test_files_are_read_whole(self, name: str) -> None:
        one = nist.read(name)
        assert one.a.shape == (len(one.y), len(one.x))
        expected = {
            "Norris": (36, 2),
            "Pontius": (40, 3),
            "NoInt1": (11, 1),
            "NoInt2": (3, 1),
            "Filip": (82, 11),
        }
        assert one.a.shape == expected.get(name, (16, 7) if name == "Longley" else (21, 6))
        if name != "Filip":
            x, residual = exact(one.a)(one.y)
            assert digits(one.x, x).min() > 13
            if one.residual > 1e-9:
                assert digits(one.residual, residual).min() > 11

    @pytest.mark.parametrize("name", nist.NAMES)
    @pytest.mark.parametrize("rcond", [None, -1])
    def test_digits_and_rank(self, name: str, rcond: float | None) -> None:
        """At NumPy's default Filip is rank-deficient for both, and has no digits for either."""
        one = nist.read(name)
        theirs = np.linalg.lstsq(one.a, one.y, rcond)
        for _ in range(4):
            ours = er.lstsq(one.a, one.y, rcond)
            assert ours[2] == theirs[2]
            assert ours[1].shape == theirs[1].shape
            np.testing.assert_allclose(ours[3], theirs[3], rtol=0, atol=1e-15 * theirs[3][0])
            means = [digits(answer[0], one.x, CERTIFIED).mean() for answer in (ours, theirs)]
            assert means[0] >= means[1] - HALF_A_DIGIT, f"x: {means[0]:.2f} digits, NumPy's {means[1]:.2f}"
            if ours[1].size and one.residual:
                means = [digits(answer[1], one.residual, CERTIFIED).mean() for answer in (ours, theirs)]
                assert means[0] >= means[1] - HALF_A_DIGIT, f"squares: {means[0]:.2f}, NumPy's {means[1]:.2f}"

    @pytest.mark.parametrize("name", nist.NAMES)
    def test_factorize_has_the_same_digits(self, name: str) -> None:
        one = nist.read(name)
        theirs = np.linalg.lstsq(one.a, one.y)
        ours = er.factorize(one.a).lstsq(one.y)
        assert ours[2] == theirs[2]
        means = [digits(answer[0], one.x, CERTIFIED).mean() for answer in (ours, theirs)]
        assert means[0] >= means[1] - HALF_A_DIGIT


@pytest.mark.parametrize("shape", [(20, 6), (6, 6), (6, 20)])
@pytest.mark.parametrize("rank", [1, 3, 5])
def test_minimum_norm_solutions(shape: tuple[int, int], rank: int) -> None:
    """Truncated at a clear gap, against the decomposition in multiple precision."""
    a = with_singular_values(*shape, [*np.geomspace(1, 1e-2, rank), *np.geomspace(1e-9, 1e-11, 6 - rank)])
    with mpmath.workdps(50):
        u, s, v = mpmath.svd_r(mpmath.matrix(a.tolist()))
        er.lstsq(a, np.ones(shape[0]), 1e-6)
        means: list[list[float]] = [[], []]
        for b in sides(a):
            moments = [
                mpmath.fdot((u[k, i], mpmath.mpf(float(b[k]))) for k in range(shape[0])) / s[i]
                for i in range(rank)
            ]
            x = [mpmath.fdot((v[i, j], moments[i]) for i in range(rank)) for j in range(shape[1])]
            before = hits()
            for answer, kept in zip((er.lstsq(a, b, 1e-6), np.linalg.lstsq(a, b, 1e-6)), means, strict=True):
                assert answer[2] == rank
                kept.append(float(digits(answer[0], x).mean()))
            assert hits() == before + 1
    assert np.mean(means[0]) >= np.mean(means[1]) - HALF_A_DIGIT


@pytest.mark.parametrize("cond", [1.0, 1e4, 1e8])
@pytest.mark.parametrize("definite", [False, True])
def test_solve(cond: float, definite: bool) -> None:
    """LU and Cholesky factors, against multiple precision."""
    n = 35  # beyond what solve does not remember
    q, _ = np.linalg.qr(of_dtype((n, n), float, 1))
    a = (q * np.geomspace(1, 1 / cond, n)) @ q.T
    a = (a + a.T) / 2 if definite else np.ascontiguousarray(a[::-1])
    rng = np.random.default_rng(4)
    er.linalg.solve(a, np.ones(n))
    means: list[list[float]] = [[], []]
    with mpmath.workdps(50):
        inverse = mpmath.matrix(a.tolist()) ** -1
        for _ in range(SIDES):
            b = a @ rng.standard_normal(n)
            x = list(inverse * mpmath.matrix(b.tolist()))
            for answer, kept in zip((er.linalg.solve(a, b), np.linalg.solve(a, b)), means, strict=True):
                kept.append(float(digits(answer, x).mean()))
    assert hits() >= SIDES
    assert np.mean(means[0]) >= np.mean(means[1]) - HALF_A_DIGIT
