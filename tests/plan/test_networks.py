"""Contractions of many operands: planned in little more time than they have steps, and like small ones."""

from __future__ import annotations

import string
from itertools import pairwise

import numpy as np
import pytest

import einroute as er
from einroute._base.facts import DENSE, Operand
from einroute._base.kinds import Term
from einroute._plan.decisions import DECISIONS
from einroute._plan.paths import Remaining

LETTERS = string.ascii_letters


def ring(n: int, output: str = "") -> tuple[str, list[np.ndarray]]:
    """n matrices whose labels come again after 52, so that some are in many operands."""
    rng = np.random.default_rng(n)
    terms = [LETTERS[i % 52] + LETTERS[(i + 1) % 52] for i in range(n)]
    return ",".join(terms) + "->" + output, [rng.uniform(0.5, 1.0, (2, 2)) for _ in terms]


def chain_by_products(n: int) -> tuple[str, list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(n)
    arrays = [rng.standard_normal((3, 3)) for _ in range(n)]
    terms = [LETTERS[i] + LETTERS[i + 1] for i in range(n)]
    expected = arrays[0]
    for x in arrays[1:]:
        expected = expected @ x
    return ",".join(terms) + "->" + terms[0][0] + terms[-1][1], arrays, expected


@pytest.mark.parametrize("n", [7, 8, 9, 20, 50])
def test_chains(n: int) -> None:
    subscripts, arrays, expected = chain_by_products(n)
    for optimize in (False, True):
        np.testing.assert_allclose(er.einsum(subscripts, *arrays, optimize=optimize), expected, rtol=1e-9)


@pytest.mark.parametrize("output", ["", "a", "ab"])
def test_labels_in_many_operands(output: str) -> None:
    subscripts, arrays = ring(60, output)
    expected = np.einsum(subscripts, *arrays, optimize=True)
    result = er.einsum(subscripts, *arrays, optimize=True)
    assert type(result) is type(expected)
    np.testing.assert_allclose(result, expected, rtol=1e-9)


def test_more_operands_than_numpys_loops_take() -> None:
    """NumPy's C einsum takes 63; one step of it for 100 tiny operands was planned, and raised."""
    a = np.full((2, 2), 0.99)
    result = er.einsum(",".join(["ab"] * 100) + "->ab", *[a] * 100, optimize=True)
    np.testing.assert_allclose(result, a**100)


def test_steps_that_are_alike_are_decided_once() -> None:
    er.cache_clear()
    subscripts, arrays = ring(600)
    er.einsum(subscripts, *arrays, optimize=True)
    assert 0 < len(DECISIONS.kept) < 300
    er.cache_clear()
    assert not DECISIONS.kept


def test_numpys_path_is_not_asked_for_of_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """NumPy's search takes minutes for a thousand operands."""
    from einroute._call import understand

    def asked(*_: object, **__: object) -> None:
        raise AssertionError("NumPy's path was asked for")

    monkeypatch.setattr(understand, "numpy_einsum_path", asked)
    subscripts, arrays = ring(200)
    assert er.einsum(subscripts, *arrays, optimize=True).shape == ()


def test_planning_looks_at_each_operand_a_few_times_only() -> None:
    """Work is counted, not timed: how often labels of a step's neighbours are looked up."""

    class Counted(dict):  # type: ignore[type-arg]
        looked = 0

        def __getitem__(self, key: object) -> object:
            Counted.looked += 1
            return super().__getitem__(key)

    found = []
    for n in (500, 1000, 2000):
        labels = [chr(0x4E00 + i) for i in range(n + 1)]
        terms = [Term(a + b, Operand((2, 2), np.dtype(float), (16, 8))) for a, b in pairwise(labels)]
        remaining = Remaining(terms, "")
        remaining._holders = Counted(remaining._holders)
        Counted.looked = 0
        while len(remaining.terms) > 1:
            output = remaining.result_of((0, 1))
            made = Term(output, Operand((2,) * len(output), np.dtype(float), (8,) * len(output), DENSE), True)
            remaining.replace((0, 1), made)
        found.append(Counted.looked)
    assert found[2] <= 4.5 * found[0]


def test_explain_shows_the_callers_labels() -> None:
    subscripts, arrays, _ = chain_by_products(12)
    text = str(er.explain(subscripts, *arrays))
    assert all(ord(c) < 0xE000 for c in text)
    assert "ab" in text


def test_a_refusal_names_the_callers_labels() -> None:
    subscripts, arrays, _ = chain_by_products(9)
    with er.config(allow="dense.copy"), pytest.raises(er.NoRoute) as caught:
        er.einsum(subscripts, *(np.concatenate([x] * 9, axis=0)[:3] for x in arrays), optimize=True)
    assert all(ord(c) < 0xE000 for c in str(caught.value))
