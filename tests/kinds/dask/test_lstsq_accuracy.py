"""Digits of lstsq of dask arrays, by the rules of ``tests/factors/test_accuracy.py``, whatever the chunks."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest

import einroute as er

pytest.importorskip("dask.array")

import dask

from tests.factors import nist
from tests.factors.test_accuracy import MATRICES, bound, digits, exact, perturbed, relative_error
from tests.kinds.dask.lstsq_helpers import EPS, chunked

#: A tenth of a digit in the mean, as for the factors of arrays.
ALLOWED = 0.1 if np.finfo(np.longdouble).nmant == 63 else 0.3
CONDITIONED = (
    "Wampler1",
    "random 9x8",
    "graded rows, upwards",
    "nearly deficient 1e-6",
    "hilbert 12x6",
    "powers",
)


def computed(one: Any) -> Any:
    return dask.compute(*one, scheduler="synchronous")


@pytest.mark.parametrize("name", nist.NAMES)
@pytest.mark.parametrize("rows", [-1, 1, 5, 8])
@pytest.mark.parametrize("rcond", [None, -1])
def test_certified_sets(name: str, rows: int, rcond: float | None) -> None:
    """Within the bound that follows from the condition number, and of NumPy's rank."""
    one = nist.read(name)
    theirs = np.linalg.lstsq(one.a, one.y, rcond)
    a, y = chunked(one.a, rows, 2), chunked(one.y, 4)
    for found in (computed(er.lstsq(a, y, rcond)), computed(er.factorize(a).lstsq(y, rcond))):
        assert found[2] == theirs[2]
        assert found[1].shape == theirs[1].shape
        np.testing.assert_allclose(found[3], theirs[3], rtol=0, atol=4e-15 * theirs[3][0])
        most = bound(one.a, one.x, one.residual**0.5)
        if most is None:
            continue
        assert relative_error(found[0], [mpmath.mpf(value) for value in one.x]) <= most + 1e-14
        if found[1].size:
            s = theirs[3]
            slack = one.a.size * EPS * (1 + 2 * s[0] / s[-1]) * np.linalg.norm(one.y)
            assert abs(float(found[1][0]) ** 0.5 - one.residual**0.5) <= slack + 1e-14 * one.residual**0.5


@pytest.mark.parametrize("name", CONDITIONED)
def test_mean_digits_over_perturbed_problems(name: str) -> None:
    """In the mean over 200 problems near a matrix of condition 2 to 1e7, beside gelsd's."""
    found: dict[str, tuple[list[float], list[float]]] = {
        which: ([], []) for which in ("first", "chunked", "factorized")
    }
    for a, b, _ in perturbed(MATRICES[name]):
        x, _residual = exact(a)(b)
        theirs = digits(np.linalg.lstsq(a, b)[0], x).mean()
        rows = max(a.shape[1] * 2, len(a) // 3)
        lazy = {
            "first": er.lstsq(chunked(a, -1), b)[0],
            "chunked": er.lstsq(chunked(a, rows), b)[0],
            "factorized": er.factorize(chunked(a, rows)).lstsq(b)[0],
        }
        for which, value in zip(lazy, computed(lazy.values()), strict=True):
            found[which][0].append(digits(value, x).mean())
            found[which][1].append(theirs)
    for which, (ours, theirs) in found.items():
        mean, numpys = np.mean(ours), np.mean(theirs)
        assert mean >= numpys - ALLOWED, f"{which}: {mean:.2f} digits, NumPy's {numpys:.2f}"


@pytest.mark.parametrize(("n", "problems"), [(3, 300), (10, 300), (20, 150), (50, 60)])
def test_many_rows_at_condition_1e6(n: int, problems: int) -> None:
    """4000 rows in four chunks: in the mean over many problems, beside gelsd's.

    First answers lost 0.15 to 0.3 digits by OpenBLAS's matrix products of few columns. Kept factors lost half
    a digit wherever b is not in the range of the matrix, so that they are compared by size of residuals, too.
    """
    m, rng = 4000, np.random.default_rng(5)
    found: list[tuple[float, ...]] = []
    for i in range(problems):
        u, v = (np.linalg.qr(rng.standard_normal((size, n)))[0] for size in (m, n))
        a = u * np.geomspace(1, 1e-6, n) @ v.T
        inside = a @ rng.standard_normal(n)
        b = inside + (0.0, 1e-4, 10.0)[i % 3] * rng.standard_normal(m) * np.linalg.norm(inside) / m**0.5
        x = _refined(a, b)
        lazy = chunked(a, 1000)
        ours = computed((er.lstsq(lazy, b)[0], er.factorize(lazy).lstsq(b)[0]))
        found.append(tuple(_digits(one, x) for one in (np.linalg.lstsq(a, b)[0], *ours)))
        most = bound(a, x, float(np.linalg.norm(b - a @ x.astype(float))))
        assert most is None or max(np.linalg.norm(one - x) / np.linalg.norm(x) for one in ours) <= most
    numpys, first, factorized = np.mean(found, axis=0)
    assert first >= numpys - ALLOWED
    assert factorized >= numpys - ALLOWED
    for size in range(3):
        numpys, _, factorized = np.mean(found[size::3], axis=0)
        assert factorized >= numpys - ALLOWED, size


def _digits(value: np.ndarray, right: np.ndarray) -> float:
    error = np.linalg.norm((value - right).astype(float)) / np.linalg.norm(right.astype(float))
    return float(-np.log10(max(error, EPS)))


def _refined(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The solution to more digits than a double has at this condition: corrections in extended precision."""
    wide, r = a.astype(np.longdouble), np.linalg.qr(a, mode="r")
    x = np.zeros(a.shape[1], np.longdouble)
    for _ in range(12):
        g = wide.T @ (b - wide @ x)
        x = x + np.linalg.solve(r, np.linalg.solve(r.T, g.astype(float)))
    return x
