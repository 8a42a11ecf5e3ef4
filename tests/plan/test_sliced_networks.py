"""Networks in slices: of a tree that says so, and within a limit of memory."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from opt_einsum import contract_path

import einroute as er
from einroute._plan.planner import make_plan
from einroute._plan.plans import Sliced
from tests.networks_helpers import lattice, random_network


class Tree:
    """What einroute knows of a tree of cotengra's."""

    def __init__(self, text: str, operands: list[Any], cuts: str, *, path: Any = None) -> None:
        head, _, output = text.partition("->")
        self.inputs = tuple(map(tuple, head.split(",")))
        self.output = tuple(output)
        self.sliced_inds = dict.fromkeys(cuts)
        shapes = [x.shape for x in operands]
        self._path = path or contract_path(text, *shapes, shapes=True, optimize="greedy")[0]

    def get_path(self) -> Any:
        return self._path


class Seen:
    """Plans that are made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.plans: list[Any] = []

        def planned(*args: Any, **kwargs: Any) -> Any:
            self.plans.append(make_plan(*args, **kwargs))
            return self.plans[-1]

        monkeypatch.setattr("einroute._execute.call.make_plan", planned)

    def labels(self) -> str:
        """Those that the last plan cuts."""
        node, found = self.plans[-1].node, ""
        while isinstance(node, Sliced):
            found, node = found + node.label, node.inner
        return found


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("route", ["dense.network", "others"])
@pytest.mark.parametrize("cuts", ["a", "ab", "cde", "edlka"])
def test_cuts_of_a_tree(monkeypatch: pytest.MonkeyPatch, cuts: str, route: str, threads: int) -> None:
    seen = Seen(monkeypatch)
    text, operands = lattice(3, 4, 3, outer=2)
    wanted = er.contract(text, *operands)
    tree = Tree(text, operands, cuts)
    with er.config(threads=threads, **({"forbid": "dense.network"} if route == "others" else {})):
        np.testing.assert_allclose(er.contract(text, *operands, optimize=tree), wanted)
        assert seen.labels() == cuts
        expression = er.contract_expression(text, *[x.shape for x in operands], optimize=tree)
        np.testing.assert_allclose(expression(*operands), wanted)
        np.testing.assert_allclose(expression(*operands), wanted)
        again = pickle.loads(pickle.dumps(expression))
        np.testing.assert_allclose(again(*operands), wanted)
        assert seen.labels() == cuts
        out = np.empty(wanted.shape)
        assert er.contract(text, *operands, optimize=tree, out=out) is out
        np.testing.assert_allclose(out, wanted)


def test_the_same_path_without_cuts_is_another_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Seen(monkeypatch)
    text, operands = lattice(3, 4, 2)
    tree = Tree(text, operands, "ab")
    wanted = er.contract(text, *operands, optimize=tree.get_path())
    assert not seen.labels()
    np.testing.assert_allclose(er.contract(text, *operands, optimize=tree), wanted)
    assert seen.labels() == "ab"


def test_cuts_of_constants() -> None:
    text, operands = lattice(3, 4, 2)
    wanted = er.contract(text, *operands)
    tree = Tree(text, operands, "abcd")
    given = [x if i < 6 else x.shape for i, x in enumerate(operands)]
    expression = er.contract_expression(text, *given, constants=range(6), optimize=tree)
    np.testing.assert_allclose(expression(*operands[6:]), wanted)


@pytest.mark.parametrize("dtype", ["?", "i1", "f4", "F"])
def test_dtypes(dtype: str) -> None:
    for seed in range(40):
        text, operands = random_network(seed, (dtype,))
        if len(operands) < 3 or "->" not in text or any(len(set(t)) < len(t) for t in text.split(",")):
            continue
        labels = sorted(set(text) - set(",->"))
        wanted = er.contract(text, *operands)
        result = er.contract(text, *operands, optimize=Tree(text, operands, "".join(labels[:2])))
        assert result.dtype == wanted.dtype
        assert result.shape == wanted.shape
        np.testing.assert_allclose(result, wanted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("limit", [60000, 8000, 3000])
def test_memory_limits(monkeypatch: pytest.MonkeyPatch, limit: int, threads: int) -> None:
    seen = Seen(monkeypatch)
    text, operands = lattice(6, 6, 3)
    wanted = er.contract(text, *operands)
    with er.config(threads=threads):
        np.testing.assert_allclose(er.contract(text, *operands, memory_limit=limit), wanted)
        assert seen.plans[-1].node.peak <= 8 * limit
        expression = er.contract_expression(text, *[x.shape for x in operands], memory_limit=limit)
        np.testing.assert_allclose(expression(*operands), wanted)
