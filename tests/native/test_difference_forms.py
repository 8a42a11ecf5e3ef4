"""Quadratic forms of differences in the core."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from einroute._native import CORE

if CORE is None:
    pytest.skip("there is no core", allow_module_level=True)

Array = np.ndarray[Any, Any]


def form(x: Array, y: Array, s: Array, threads: int = 1) -> Array:
    out = np.full((len(x), len(y)), np.nan, x.dtype)
    CORE.difference_forms(x, y, s, out, threads)
    return out


@pytest.mark.parametrize("char", "fd")
@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("features", [0, 1, 2, 7, 64, 65, 130])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 2), (2, 7), (5, 8), (4, 45), (45, 4), (70, 260)])
def test_forms_of_every_size(char: str, whole: bool, features: int, n: int, m: int) -> None:
    rng = np.random.default_rng(features)
    x, y = (rng.standard_normal(shape).astype(char) for shape in ((n, features), (m, features)))
    s = rng.standard_normal((features, features) if whole else features).astype(char)
    d = x.astype("g")[:, None] - y.astype("g")
    wide = np.triu(s).astype("g") if whole else np.diag(s.astype("g"))
    right = ((d @ wide) * d).sum(-1)
    size = ((abs(d) @ abs(wide)) * abs(d)).sum(-1)
    assert (abs(form(x, y, s) - right) <= (features + 8) * np.finfo(char).eps * size).all()


@pytest.mark.parametrize("char", "FD")
@pytest.mark.parametrize("features", [0, 1, 7, 64, 130])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 2), (2, 7), (5, 8), (4, 45), (45, 4), (70, 260)])
def test_complex_forms_of_every_size(char: str, features: int, n: int, m: int) -> None:
    rng = np.random.default_rng(features)
    shapes = (n, features), (m, features), (features,)
    x, y, s = ((rng.standard_normal(w) + 1j * rng.standard_normal(w)).astype(char) for w in shapes)
    d = x.astype("G")[:, None] - y.astype("G")
    size = (abs(d) ** 2 * abs(s)).sum(-1)
    error = abs(form(x, y, s) - (d * d * s).sum(-1))
    assert (error <= (features + 8) * np.finfo(char).eps * size).all()


def check_bits(x: Array, s: Array, first: Array) -> None:
    """The form has the same bits with every instruction set and number of threads."""
    before = CORE.isa()
    try:
        for isa in CORE.compiled_isas():
            CORE.choose_isa(isa)
            for threads in (1, 2, 5):
                assert form(x, x, s, threads).tobytes() == first.tobytes()
    finally:
        CORE.choose_isa(before)


@pytest.mark.parametrize("char", "FD")
def test_bits_of_complex_forms(char: str) -> None:
    rng = np.random.default_rng(3)
    x = (rng.standard_normal((301, 21)) + 1j * rng.standard_normal((301, 21))).astype(char)
    first = form(x, x, x[0].copy())
    np.testing.assert_array_equal(first, first.T)
    check_bits(x, x[0].copy(), first)


@pytest.mark.parametrize("char", "fd")
@pytest.mark.parametrize("whole", [False, True])
def test_bits_depend_neither_on_threads_nor_on_the_instruction_set(char: str, whole: bool) -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal((301, 21)).astype(char)
    s = rng.standard_normal((21, 21) if whole else 21).astype(char)
    first = form(x, x, s)
    np.testing.assert_array_equal(first, first.T)
    check_bits(x, s, first)


@pytest.mark.parametrize(
    "arguments",
    [
        (np.ones((3, 2)), np.ones((4, 2)), np.ones(3), np.ones((3, 4))),
        (np.ones((3, 2)), np.ones((4, 3)), np.ones(2), np.ones((3, 4))),
        (np.ones((3, 2)), np.ones((2, 4)), np.ones(2), np.ones((3, 4))),
        (np.ones((3, 2)), np.ones((4, 2)), np.ones((2, 1)), np.ones((3, 4))),
        (np.ones((3, 2)), np.ones((4, 2)), np.ones(2), np.ones((3, 5))),
        (np.ones((3, 2)), np.ones((4, 2)), np.ones(2, "f"), np.ones((3, 4))),
        (np.ones((2, 3)).T, np.ones((4, 2)), np.ones(2), np.ones((3, 4))),
        (np.ones((3, 2), "D"), np.ones((4, 2), "D"), np.ones((2, 2), "D"), np.ones((3, 4), "D")),
        (np.ones((3, 2), "l"), np.ones((4, 2), "l"), np.ones(2, "l"), np.ones((3, 4), "l")),
    ],
)
def test_what_does_not_fit_is_refused(arguments: Any) -> None:
    with pytest.raises(ValueError, match="expected x"):
        CORE.difference_forms(*arguments, 1)
