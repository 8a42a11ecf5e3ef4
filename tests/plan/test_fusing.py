"""More labels than NumPy's loops have letters for: those that travel together are one."""

from __future__ import annotations

import itertools
import random
from typing import Any

import numpy as np
import pytest
from opt_einsum import get_symbol

import einroute as er
from einroute._base.facts import Operand
from einroute._plan.fusing import fused
from einroute._plan.plans import Problem


def many_labels(seed: int) -> tuple[str, list[Any], Any]:
    """A contraction of 53 to 70 labels, most of length 1, some in groups; and NumPy's result."""
    chosen, rng = random.Random(seed), np.random.default_rng(seed)
    labels = [get_symbol(i) for i in range(70)]
    long = chosen.sample(labels, 9)
    sizes = {c: 2 if c in long else 1 for c in labels}
    terms = [chosen.sample(labels, chosen.randint(12, 25)) for _ in range(chosen.randint(2, 10))]
    for group in (long[:4], long[4:7]):
        for term in chosen.sample(terms, 2):
            term[:] = [c for c in term if c not in group] + chosen.choice([group, group[::-1]])
    terms[0] += [c for c in labels[:53] if c not in terms[0]]
    terms[0] = terms[0][:64]
    used = sorted(set(itertools.chain(*terms)))
    output = chosen.sample(used, chosen.randint(0, 60) if len(used) > 60 else chosen.randint(0, len(used)))
    operands = [rng.standard_normal([sizes[c] for c in term]) for term in terms]
    operands = [np.asfortranarray(x) if chosen.random() < 0.3 else x for x in operands]
    text = ",".join("".join(term) for term in terms) + "->" + "".join(output)
    letters = dict(zip(long, "abcdefghi", strict=True))
    table = {ord(c): letters.get(c, "") for c in labels}
    squeezed = [x.reshape([n for n in x.shape if n > 1]) for x in operands]
    expected = np.einsum(text.translate(table), *squeezed, optimize=True)
    return text, operands, np.asarray(expected).reshape([sizes[c] for c in output])


@pytest.mark.parametrize("optimize", [True, "greedy", False])
@pytest.mark.parametrize("seed", range(12))
def test_values(seed: int, optimize: Any) -> None:
    text, operands, expected = many_labels(seed)
    result = er.contract(text, *operands, optimize=optimize)
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, atol=1e-10)
    out = np.empty(expected.shape)
    assert er.contract(text, *operands, optimize=optimize, out=out) is out
    np.testing.assert_allclose(out, expected, atol=1e-10)
    ordered = er.contract(text, *operands, optimize=optimize, order="C")
    assert ordered.flags.c_contiguous
    np.testing.assert_allclose(ordered, expected, atol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_values_step_by_step(seed: int) -> None:
    text, operands, expected = many_labels(seed)
    with er.config(forbid="dense.network"):
        np.testing.assert_allclose(er.contract(text, *operands), expected, atol=1e-10)


def test_intermediates_of_more_than_64_dimensions_of_length_1() -> None:
    """Each operand has labels of the output; what two of them make would have 66 axes."""
    own = ["".join(get_symbol(100 + 30 * i + j) for j in range(30)) for i in range(2)]
    bonds = "".join(get_symbol(i) for i in range(6))
    rng = np.random.default_rng(0)
    a, b = rng.random((1,) * 30 + (2,) * 3), rng.random((1,) * 30 + (2,) * 3)
    c = rng.random((2,) * 6)
    text = f"{own[0]}{bonds[:3]},{own[1]}{bonds[3:]},{bonds}->{own[0]}{own[1]}"
    result = er.contract(text, a, b, c, optimize=[(0, 1), (0, 1)])
    assert result.shape == (1,) * 60
    expected = np.einsum("abc,def,abcdef->", a.reshape(2, 2, 2), b.reshape(2, 2, 2), c)
    np.testing.assert_allclose(result.item(), expected)


def test_an_operand_whose_axes_follow_each_other_is_a_view() -> None:
    double = np.dtype(float)
    a = Operand((2, 3, 5), double, (120, 40, 8))
    b = Operand((5, 2, 3), double, (48, 24, 8))
    turned = Operand((5, 2, 3), double, (8, 240, 80))
    sizes = {"a": 2, "b": 3, "c": 5}
    found = fused(Problem(("abc", "cab", "cab"), "c", sizes, (a, b, turned), double, "K"))
    assert found is not None
    problem, back = found
    assert [op.strides for op in problem.facts] == [(40, 8), (48, 8), (8, 80)]
    assert (back.split, back.axes, back.shape) == ((5,), (0,), (5,))
    assert fused(Problem(("ab", "bc"), "ac", sizes, (a, b), double, "K")) is None
