"""Founding problem 1: least squares with one matrix and a new right-hand side at each call.

``lstsq(M, b)`` is called again and again, as a fit in a loop calls it, and nobody wants to change the call.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import einroute as er

from .problem import Array, Part, Problem, Size, Way, rounding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


LOOP_CALLS = 10
USUAL_CALLS = 100
#: Multiplications, m n**2 a call, that the usual ways do in about a second or two.
USUAL_WORK = 4_000_000_000


@dataclass(frozen=True)
class Fits:
    """A matrix (m, n) and the right-hand sides (calls, m), which come one at a time."""

    matrix: Array
    sides: Array


def build(dims: Mapping[str, int], rng: np.random.Generator) -> Fits:
    """A matrix of full rank, well determined."""
    matrix = rng.standard_normal((dims["m"], dims["n"]))
    return Fits(matrix, rng.standard_normal((dims["calls"], dims["m"])))


def by(lstsq: Callable[..., Any]) -> Callable[[Fits], Array]:
    """Row i of the result is the solution for right-hand side i."""

    def run(data: Fits) -> Array:
        return np.stack([lstsq(data.matrix, b)[0] for b in data.sides])

    return run


def some(data: Fits) -> Part:
    """As many of the first calls as take about a second: each is as long as the one before."""
    m, n = data.matrix.shape
    calls = max(LOOP_CALLS, min(USUAL_CALLS, USUAL_WORK // (m * n * n)))
    return Part.rows(calls, len(data.sides), "calls")


def numpys(data: Fits) -> Array:
    """By NumPy's lstsq."""
    return by(np.linalg.lstsq)(Fits(data.matrix, data.sides[some(data).index]))


def scipys(data: Fits) -> Array:
    """By SciPy's lstsq."""
    from scipy.linalg import lstsq  # noqa: PLC0415 - as slow to load as the whole demo's other imports

    return by(lstsq)(Fits(data.matrix, data.sides[some(data).index]))


def by_pinv(data: Fits) -> Array:
    """The known remedy: the pseudo-inverse kept by hand, right only while nobody changes the matrix."""
    inverse = np.linalg.pinv(data.matrix)
    return np.stack([inverse @ b for b in data.sides])


def loop(data: Fits) -> Array:
    """The triangular system of a QR factorization, made anew for each right-hand side."""
    rows = []
    for b in data.sides[:LOOP_CALLS]:
        q, r = np.linalg.qr(data.matrix)
        rows.append(np.linalg.solve(r, q.T @ b))
    return np.stack(rows)


def loop_part(data: Fits) -> Part:
    """The first calls: each takes a factorization."""
    return Part.rows(LOOP_CALLS, len(data.sides), "calls")


def ours(data: Fits) -> Array:
    """From the start: the first sights, the factorization, and the calls that it answers."""
    er.cache_clear()
    return by(er.lstsq)(data)


MANY_RHS: Problem[Fits] = Problem(
    name="many-rhs",
    title="lstsq(M, b) again and again, with the same M and a new b",
    sizes=(
        Size({"m": 100, "n": 100, "calls": 10}),
        Size({"m": 100, "n": 100, "calls": 1000}),
        Size({"m": 1000, "n": 50, "calls": 200}),
        Size({"m": 600, "n": 600, "calls": 20}),
        Size({"m": 1000, "n": 1000, "calls": 100}, full=True),
    ),
    build=build,
    usual=(
        Way("np.linalg.lstsq", numpys, some),
        Way("scipy.linalg.lstsq", scipys, some),
        Way("pinv(M) kept by hand", by_pinv),
    ),
    loop=Way("QR for each b", loop, loop_part),
    ours=ours,
    explain=lambda data: er.explain(er.lstsq, data.matrix, data.sides[0]),
    # Relative to the condition number, which for a random square matrix is some hundred times its size.
    tolerance=lambda data: rounding(data.matrix.shape[1]) * float(np.linalg.cond(data.matrix)),
)
