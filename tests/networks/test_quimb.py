"""quimb, which contracts by cotengra."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

import einroute as er

pytest.importorskip("cotengra")
quimb = pytest.importorskip("quimb.tensor")


def network(columns: int = 3) -> Any:
    """A random state's norm."""
    return quimb.PEPS.rand(3, columns, 2, seed=1).make_norm()


@pytest.mark.filterwarnings("ignore")
def test_backend() -> None:
    norm = network()
    wanted = norm.contract(optimize="greedy")
    with er.record() as record:
        got = norm.contract(optimize="greedy", backend="einroute.numpy")
    np.testing.assert_allclose(got, wanted)
    assert record.calls > 10


@pytest.mark.filterwarnings("ignore")
def test_override_and_implementation() -> None:
    norm = network(4)  # cotengra keeps what it made for a network that it has seen
    wanted = norm.contract(optimize="auto")
    with import_module("cotengra.contract").default_implementation("autoray"):
        norm.contract(optimize="greedy")
        with er.override(), er.record() as record:
            got = norm.contract(optimize="greedy")
    np.testing.assert_allclose(got, wanted)
    assert record.calls > 10


@pytest.mark.filterwarnings("ignore")
def test_a_network_by_contract() -> None:
    norm = network()
    inputs = [(tensor.data, tensor.inds) for tensor in norm]
    got = er.contract(*[x for pair in inputs for x in pair], ())
    np.testing.assert_allclose(got, norm.contract(optimize="greedy"))
