"""Products of matrices by label in the core."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from einroute._native import CORE

if CORE is None or not CORE.use_blas(np._core._multiarray_umath.__file__):
    pytest.skip("there is no core, or no BLAS in its sight", allow_module_level=True)

Array = np.ndarray[Any, Any]


def numbers(rng: np.random.Generator, shape: tuple[int, ...], char: str) -> Array:
    real = rng.integers(-4, 5, shape)
    return (real + 1j * rng.integers(-4, 5, shape) if char in "FD" else real).astype(char)


def multiplied(labels: Array, a: Array, b: Array, length: int, threads: int = 1) -> Array:
    out = np.full((length, a.shape[2], b.shape[2]), np.nan, a.dtype)
    CORE.multiply_at((labels,), (length,), (1,), (), a, b, out, threads)
    return out


def right(labels: Array, a: Array, b: Array, length: int) -> Array:
    """A class after the other; what is no class is left out."""
    return np.array([np.einsum("tkx,tky->xy", a[labels == c], b[labels == c]) for c in range(length)])


@pytest.mark.parametrize("char", "fdFD")
@pytest.mark.parametrize(
    ("places", "terms", "x", "y", "length"),
    [
        (1, 1, 1, 1, 1),
        (700, 1, 3, 5, 4),
        (1500, 1, 2, 1, 2),
        (90, 30, 4, 3, 40),
        (40, 700, 2, 3, 3),
        (60, 1, 300, 250, 2),
    ],
)
def test_sums_of_products(char: str, places: int, terms: int, x: int, y: int, length: int) -> None:
    rng = np.random.default_rng(places)
    labels = rng.integers(-1, length + 1, places)
    a, b = numbers(rng, (places, terms, x), char), numbers(rng, (places, terms, y), char)
    wanted = right(labels, a, b, length)
    turned = numbers(rng, (y, places, terms), char).transpose(1, 2, 0)
    for threads in (1, 2):
        np.testing.assert_array_equal(multiplied(labels, a, b, length, threads), wanted)
        np.testing.assert_array_equal(multiplied(labels[::-1], a[::-1], b[::-1], length, threads), wanted)
        np.testing.assert_array_equal(
            multiplied(labels, a[:, :, ::-1], turned, length, threads),
            right(labels, a[:, :, ::-1], turned, length),
        )


def test_a_class_of_many_rounds_has_the_same_bits_for_any_number_of_threads() -> None:
    rng = np.random.default_rng(0)
    labels = np.where(rng.random(60000) < 0.9, 3, rng.integers(0, 9, 60000)).astype("i2")
    a, b = rng.normal(size=(60000, 1, 40)), rng.normal(size=(60000, 1, 30))
    one, two = (multiplied(labels, a, b, 9, threads) for threads in (1, 2))
    np.testing.assert_array_equal(one, two)
    np.testing.assert_allclose(one, right(labels, a, b, 9), rtol=1e-9, atol=1e-9)


def test_coordinates_and_several_labels_say_where_a_product_is_added() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.integers(0, 3, (5, 40)), rng.integers(-1, 3, (5, 40))
    a, b = numbers(rng, (200, 2, 3), "d"), numbers(rng, (200, 2, 4), "d")
    out = np.empty((5 * 3 * 2, 3, 4))
    CORE.multiply_at((one, other), (3, 2), (2, 1), (6, 0), a, b, out, 1)
    labels = np.where((other < 0) | (other > 1), -1, np.arange(5)[:, None] * 6 + one * 2 + other)
    np.testing.assert_array_equal(out, right(labels.ravel(), a, b, 30))


@pytest.mark.parametrize("empty", ["places", "terms", "x"])
def test_lengths_of_zero(empty: str) -> None:
    sizes = {"places": 6, "terms": 2, "x": 3, "length": 2} | {empty: 0}
    a, b = (
        np.ones((sizes["places"], sizes["terms"], sizes["x"])),
        np.ones((sizes["places"], sizes["terms"], 4)),
    )
    made = multiplied(np.zeros(sizes["places"], int), a, b, sizes["length"])
    np.testing.assert_array_equal(made, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"a": np.ones((5, 1, 3))},
        {"a": np.ones((6, 2, 3))},
        {"b": np.ones((6, 1, 5))},
        {"b": np.ones((6, 1, 4), "f4")},
        {"a": np.ones((6, 3))},
        {"a": np.ones((6, 1, 3), ">f8")},
        {"out": np.ones((2, 3, 4), "i8")},
        {"out": np.ones((2, 3, 8))[:, :, ::2]},
        {"out": np.ones((2, 12))},
        {"lengths": (3,)},
        {"steps": (1,)},
        {"labels": (np.zeros(6),)},
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any]) -> None:
    given = {
        "labels": (np.zeros(6, int),), "lengths": (2,), "scales": (1,), "steps": (),
        "a": np.ones((6, 1, 3)), "b": np.ones((6, 1, 4)), "out": np.empty((2, 3, 4)), "threads": 1,
    }  # fmt: skip
    with pytest.raises(ValueError, match=r"must be|could reach"):
        CORE.multiply_at(*(given | change).values())
