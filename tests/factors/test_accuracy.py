"""Digits of kept factors against numpy.linalg.lstsq's, judged by certified and by multiple-precision results.

Two rules. On the certified sets answers are within the bound that follows from the condition number, on
every processor. And in the mean over many perturbed problems kept factors have at most a tenth of a digit
less than LAPACK's driver: the digits of one answer are rounding noise, a digit up or down by chance in
either, and which of two is ahead depends on the kernel that OpenBLAS picks. The digits of a number are
``-log10`` of its relative error, at least 0 and at most the 15.65 that a double has; a number whose right
value is 0 is taken relative to the largest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import numpy as np
import pytest

import einroute as er
from einroute._factors.cache import FACTORS
from tests.factors import nist
from tests.linalg_helpers import fresh_cache, hits, of_dtype, with_singular_values

#: A tenth of a digit; without an extended double for residuals, refinement gains less on ill-conditioned
#: sets.
ALLOWED = 0.1 if np.finfo(np.longdouble).nmant == 63 else 0.3
DOUBLE = -np.log10(np.finfo(float).eps)
EPS = np.finfo(float).eps
PROBLEMS = 200
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


def perturbed(a: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, int]]:
    """Problems near one matrix, with residuals of three sizes: none but rounding, small, and most of b."""
    m, n = a.shape
    rng = np.random.default_rng(17)
    for i in range(PROBLEMS):
        near = a * (1 + 2.0**-20 * rng.uniform(-1, 1, a.shape))
        inside = near @ rng.standard_normal(n)
        outside = rng.standard_normal(m) * np.linalg.norm(inside) / m**0.5
        yield near, inside + outside * (0.0, 1e-4, 10.0)[i % 3], i % 3


@pytest.mark.parametrize("name", MATRICES)
def test_mean_digits_over_perturbed_problems(name: str) -> None:
    found: dict[str, tuple[list[float], list[float]]] = {"x": ([], []), "residuals": ([], [])}
    for a, b, size in perturbed(MATRICES[name]):
        x, residual = exact(a)(b)
        before = FACTORS.info()["made"]
        answers = er.lstsq(a, b), np.linalg.lstsq(a, b)
        assert FACTORS.info()["made"] == before + 1
        assert answers[0][2] == answers[1][2] == a.shape[1]
        for answer, kept in zip(answers, (0, 1), strict=True):
            found["x"][kept].append(digits(answer[0], x).mean())
            if a.shape[0] > a.shape[1] and size:  # else the right value is itself all rounding
                found["residuals"][kept].append(digits(answer[1], residual).mean())
    for what, (ours, theirs) in found.items():
        if ours:
            mean, numpys = np.mean(ours), np.mean(theirs)
            assert mean >= numpys - ALLOWED, f"{what}: {mean:.2f} digits, NumPy's {numpys:.2f}"


def bound(a: np.ndarray, x: Any, residual: float, cond: float | None = None) -> float | None:
    """Relative normwise error of a least-squares solution by a backward stable algorithm, at most.

    Wedin's bound for perturbations of ``m * n * eps`` (N. Higham, Accuracy and Stability of Numerical
    Algorithms, 2nd ed., theorem 20.1); None where it promises no digit.
    """
    s = np.linalg.svd(a, compute_uv=False)
    cond = s[0] / s[-1] if cond is None else cond
    size = float(np.linalg.norm(np.asarray(x, float)))
    error = a.size * EPS
    if cond * error > 0.5 or not size:
        return None
    return float(error * cond / (1 - error * cond) * (2 + (cond + 1) * residual / (s[0] * size)))


def relative_error(value: Any, right: Any) -> float:
    """Normwise, against numbers of multiple precision."""
    error = [abs(mpmath.mpf(float(one)) - other) for one, other in zip(value, right, strict=True)]
    return float(mpmath.norm(error) / mpmath.norm(list(right)))


@pytest.mark.parametrize("name", MATRICES)
def test_many_right_hand_sides_at_once(name: str) -> None:
    a = MATRICES[name]
    solution, columns = exact(a), sides(a)
    er.lstsq(a, np.ones(len(a)))
    before = hits()
    x, _, rank, _ = er.lstsq(a, np.array(columns).T)
    assert hits() == before + 1
    assert rank == a.shape[1]
    for i, column in enumerate(columns):
        right, residual = solution(column)
        most = bound(a, right, float(mpmath.sqrt(residual)))
        if most is not None:
            assert relative_error(x[:, i], right) <= most


@pytest.mark.parametrize("name", MATRICES)
def test_singular_values(name: str) -> None:
    a = MATRICES[name]
    right = singular_values(a)
    er.lstsq(a, np.ones(len(a)))
    ours = er.lstsq(a, np.ones(len(a)))[3]
    for one, other in zip(ours, right, strict=True):
        assert abs(float(one - other)) <= max(a.shape) * EPS * float(right[0])


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
    def test_within_the_bound_and_of_numpy_s_rank(self, name: str, rcond: float | None) -> None:
        """At NumPy's default Filip is rank-deficient for both, and at none is a digit of it promised."""
        one = nist.read(name)
        theirs = np.linalg.lstsq(one.a, one.y, rcond)
        for _ in range(4):
            ours = er.lstsq(one.a, one.y, rcond)
            assert ours[2] == theirs[2]
            assert ours[1].shape == theirs[1].shape
            np.testing.assert_allclose(ours[3], theirs[3], rtol=0, atol=1e-15 * theirs[3][0])
            self._holds(one, ours)

    @staticmethod
    def _holds(one: Any, answer: Any) -> None:
        """The certified values, which have 15 digits themselves, within the bound."""
        most = bound(one.a, one.x, one.residual**0.5)
        if most is None:
            return
        assert relative_error(answer[0], [mpmath.mpf(value) for value in one.x]) <= most + 1e-14
        if answer[1].size:
            s = np.linalg.svd(one.a, compute_uv=False)
            slack = one.a.size * EPS * (1 + 2 * s[0] / s[-1]) * np.linalg.norm(one.y)
            right = one.residual**0.5
            assert abs(float(answer[1][0]) ** 0.5 - right) <= slack + 1e-14 * right

    @pytest.mark.parametrize("name", nist.NAMES)
    def test_factorize_is_within_the_bound(self, name: str) -> None:
        one = nist.read(name)
        ours = er.factorize(one.a).lstsq(one.y)
        assert ours[2] == np.linalg.lstsq(one.a, one.y)[2]
        if ours[2] == one.a.shape[1]:
            self._holds(one, ours)


@pytest.mark.parametrize("shape", [(20, 6), (6, 6), (6, 20)])
@pytest.mark.parametrize("rank", [1, 3, 5])
def test_minimum_norm_solutions(shape: tuple[int, int], rank: int) -> None:
    """Truncated at a clear gap, against the decomposition in multiple precision."""
    a = with_singular_values(*shape, [*np.geomspace(1, 1e-2, rank), *np.geomspace(1e-9, 1e-11, 6 - rank)])
    with mpmath.workdps(50):
        u, s, v = mpmath.svd_r(mpmath.matrix(a.tolist()))
        er.lstsq(a, np.ones(shape[0]), 1e-6)
        for b in sides(a):
            moments = [
                mpmath.fdot((u[k, i], mpmath.mpf(float(b[k]))) for k in range(shape[0])) / s[i]
                for i in range(rank)
            ]
            x = [mpmath.fdot((v[i, j], moments[i]) for i in range(rank)) for j in range(shape[1])]
            before = hits()
            answer = er.lstsq(a, b, 1e-6)
            assert hits() == before + 1
            assert answer[2] == np.linalg.lstsq(a, b, 1e-6)[2] == rank
            most = bound(a, x, float(np.linalg.norm(b)), cond=float(s[0] / s[rank - 1]))
            assert most is not None
            assert relative_error(answer[0], x) <= most


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
    with mpmath.workdps(50):
        inverse = mpmath.matrix(a.tolist()) ** -1
        for _ in range(SIDES):
            b = a @ rng.standard_normal(n)
            x = list(inverse * mpmath.matrix(b.tolist()))
            # Higham, theorem 9.4, with the growth of partial pivoting as it is met: about 1.
            assert relative_error(er.linalg.solve(a, b), x) <= n * n * EPS * cond
    assert hits() >= SIDES
