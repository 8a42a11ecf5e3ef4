"""Bits of answers at the first sight of a matrix and at later ones, which come from what is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy

import einroute as er
import einroute.scipy.linalg
from tests.linalg_helpers import fresh_cache, hits, of_dtype, structured_matrix
from tests.processes import printed

BY_SYMMETRY = tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 17)
KINDS = ("general", "definite", "hermitian", "symmetric", "banded")
SIGHTS = 5
_scipy = einroute.scipy.linalg
CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "lstsq": er.lstsq,
    "lstsq, tall": lambda a, b: er.lstsq(a[:, :20], b),
    "lstsq, wide": lambda a, b: er.lstsq(a[:20], b[:20]),
    "lstsq, nested lists": lambda a, b: er.lstsq(a.tolist(), b.tolist()),
    "solve": er.linalg.solve,
    "inv": lambda a, b: er.linalg.inv(a),
    "pinv": lambda a, b: er.linalg.pinv(a),
    "scipy lstsq": _scipy.lstsq,
    "scipy solve": _scipy.solve,
    "scipy solve, general": lambda a, b: _scipy.solve(a, b, assume_a="gen"),
    "scipy inv": lambda a, b: _scipy.inv(a),
    "scipy pinv": lambda a, b: _scipy.pinv(a),
}


def bits(answer: Any) -> list[bytes]:
    parts = answer if isinstance(answer, tuple) else (answer,)
    return [np.asarray(part).tobytes() for part in parts]


def problem(kind: str, n: int, dtype: str, b_dtype: str, columns: tuple[int, ...]) -> list[np.ndarray]:
    return [structured_matrix(kind, n, dtype), of_dtype((n, *columns), b_dtype, 4)]


@pytest.mark.parametrize("columns", [(), (3,)])
@pytest.mark.parametrize("dtype", ["f", "d", "D"])
@pytest.mark.parametrize("kind", ["general", "definite", "hermitian"])
@pytest.mark.parametrize("name", CALLS)
def test_every_sight_gives_the_same_bits_where_asked(
    name: str, kind: str, dtype: str, columns: tuple[int, ...]
) -> None:
    a, b = problem(kind, 40, dtype, dtype, columns)
    with fresh_cache(prepare="auto"):
        with er.config(reproducible=True):
            answers = [bits(CALLS[name](a, b)) for _ in range(SIGHTS)]
        for _ in range(SIGHTS):
            CALLS[name](a, b)
        with er.config(reproducible=True):  # nor does it take up what others have kept
            answers.append(bits(CALLS[name](a, b)))
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("name", CALLS)
def test_every_sight_gives_the_same_bits_where_nothing_is_kept(name: str) -> None:
    a, b = problem("definite", 40, "d", "d", ())
    with fresh_cache(prepare="never"):
        answers = [bits(CALLS[name](a, b)) for _ in range(SIGHTS)]
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("dtype", ["f", "d", "F", "D"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [35, 64, 210])
@pytest.mark.parametrize("name", ["inv", "scipy inv"])
def test_a_kept_inverse_has_the_bits_of_the_first_sight(name: str, n: int, kind: str, dtype: str) -> None:
    same_bits(CALLS[name], *problem(kind, n, dtype, dtype, ()), kept=True)


REAL, MIXED = ("ff", "dd", "fd", "df"), ("DD", "FF", "dD", "Dd", "Fd")
SOLVES = [
    *((options, dtypes) for options in ({}, {"assume_a": "gen"}) for dtypes in REAL + MIXED),
    *(({"transposed": True}, dtypes) for dtypes in REAL),  # SciPy takes no complex ones
]


@pytest.mark.parametrize("columns", [(), (1,), (3,)])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("options", "dtypes"), SOLVES, ids=str)
def test_scipys_solve_has_the_bits_of_the_first_sight(
    options: dict[str, Any], dtypes: str, kind: str, columns: tuple[int, ...]
) -> None:
    """What is kept is the factorization that SciPy chooses: by symmetry, and in the common precision."""
    by_symmetry = "assume_a" not in options and kind in {"definite", "hermitian", "symmetric"}
    for n in (12, 64, 210):
        for order in "CF":
            a, b = problem(kind, n, *dtypes, columns)
            same_bits(
                lambda a, b: _scipy.solve(a, b, **options),
                np.asarray(a, order=order),
                b,
                kept=BY_SYMMETRY or not by_symmetry,
            )


def same_bits(call: Callable[[Any, Any], Any], a: np.ndarray, b: np.ndarray, kept: bool) -> None:
    with fresh_cache(prepare="auto"):
        answers = [bits(call(a, b)) for _ in range(SIGHTS)]
        assert (hits() >= 2) == kept
    assert all(answer == answers[0] for answer in answers)


def test_another_process_gives_the_same_bits() -> None:
    """The same program, run twice: the seed of the hash decides nothing."""
    program = (
        "import hashlib, numpy as np, einroute as er\n"
        "rng = np.random.default_rng(0); found = hashlib.sha256()\n"
        "a, b = rng.standard_normal((60, 40)), rng.standard_normal((6, 60))\n"
        "for one in b:\n"
        "    found.update(er.lstsq(a, one)[0].tobytes())\n"
        "    found.update(er.linalg.solve(a[:40] @ a[:40].T, one[:40]).tobytes())\n"
        "print(found.hexdigest())"
    )
    runs = {printed(program) for _ in range(2)}
    assert len(runs) == 1
