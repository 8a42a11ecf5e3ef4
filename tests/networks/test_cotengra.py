"""cotengra: its optimizers and trees in `optimize=`, ours as its implementation and as its backend."""

from __future__ import annotations

from typing import Any

import numpy as np
import opt_einsum
import pytest

import einroute as er
from tests.networks_helpers import lattice

cotengra = pytest.importorskip("cotengra")

TEXT, OPERANDS = lattice(3, 5, 2, outer=2)
WANTED = opt_einsum.contract(TEXT, *OPERANDS)


def tree_of(text: str, operands: list[Any]) -> Any:
    """A tree of a network."""
    inputs, output = cotengra.utils.eq_to_inputs_output(text)
    return cotengra.array_contract_tree(inputs, output, shapes=[x.shape for x in operands], optimize="greedy")


def test_tree_as_path() -> None:
    tree = tree_of(TEXT, OPERANDS)
    np.testing.assert_allclose(er.contract(TEXT, *OPERANDS, optimize=tree), WANTED)
    expression = er.contract_expression(TEXT, *[x.shape for x in OPERANDS], optimize=tree)
    np.testing.assert_allclose(expression(*OPERANDS), WANTED)


@pytest.mark.parametrize("target", [None, 8])
def test_tree_where_opt_einsum_answers(target: int | None) -> None:
    tree = tree_of(TEXT, OPERANDS)
    if target is not None:
        tree.slice_(target_size=target)
    objects = [np.round(4 * x).astype(int).astype(object) for x in OPERANDS]
    wanted = opt_einsum.contract(TEXT, *[x.astype(int) for x in objects])
    np.testing.assert_array_equal(er.contract(TEXT, *objects, optimize=tree), wanted)
    expression = er.contract_expression(TEXT, *[x.shape for x in objects], optimize=tree)
    np.testing.assert_array_equal(expression(*objects), wanted)
    with opt_einsum.shared_intermediates():
        np.testing.assert_allclose(er.contract(TEXT, *OPERANDS, optimize=tree), WANTED)


def test_tree_of_another_network() -> None:
    text, operands = lattice(5, 3, 2, outer=2)
    with pytest.raises(ValueError, match="tree"):
        er.contract(text, *operands, optimize=tree_of(TEXT, OPERANDS))
    with pytest.raises(ValueError, match="a tree of 15 operands and there are 12"):
        er.contract(*_call(lattice(3, 4, 2)), optimize=tree_of(TEXT, OPERANDS))


@pytest.mark.parametrize("target", [4, 8])
def test_slices_of_a_tree(target: int) -> None:
    text, operands = lattice(4, 4, 2, outer=1)
    tree = tree_of(text, operands)
    tree.slice_(target_size=target)
    assert tree.sliced_inds
    wanted = tree.contract(operands)
    np.testing.assert_allclose(er.contract(text, *operands, optimize=tree), wanted)
    expression = er.contract_expression(text, *[x.shape for x in operands], optimize=tree)
    np.testing.assert_allclose(expression(*operands), wanted)
    assert "slices of 1 along" in str(er.explain(er.contract, text, *operands, optimize=tree))


def _call(network: tuple[str, list[Any]]) -> tuple[Any, ...]:
    return network[0], *network[1]


@pytest.mark.parametrize(
    "optimizer",
    [
        "GreedyOptimizer",
        "OptimalOptimizer",
        "RandomGreedyOptimizer",
    ],
)
def test_optimizers(optimizer: str) -> None:
    make = getattr(cotengra, optimizer)
    np.testing.assert_allclose(er.contract(TEXT, *OPERANDS, optimize=make()), WANTED)


@pytest.mark.filterwarnings("ignore")
def test_hyper_optimizer() -> None:
    optimizer = cotengra.HyperOptimizer(max_repeats=4, parallel=False, progbar=False, methods=["greedy"])
    np.testing.assert_allclose(er.contract(TEXT, *OPERANDS, optimize=optimizer), WANTED)


@pytest.mark.parametrize(
    "options",
    [
        {"implementation": (er.einsum, er.tensordot)},
        {"backend": "einroute.numpy"},
        {"backend": "einroute.numpy", "implementation": "autoray"},
    ],
    ids=str,
)
def test_inside(options: dict[str, Any]) -> None:
    tree = tree_of(TEXT, OPERANDS)
    with er.record() as record:
        got = tree.contract(OPERANDS, **options)
    np.testing.assert_allclose(got, WANTED)
    assert record.calls >= len(OPERANDS) - 1


def test_override_reaches_it_through_autoray() -> None:
    tree = tree_of(TEXT, OPERANDS)
    tree.contract(OPERANDS, implementation="autoray")  # which keeps NumPy's functions from now on
    with er.override(), er.record() as record:
        got = tree.contract(OPERANDS, implementation="autoray")
    np.testing.assert_allclose(got, WANTED)
    assert record.calls >= len(OPERANDS) - 1
