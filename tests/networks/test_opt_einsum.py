"""einroute as a backend of opt_einsum's."""

from __future__ import annotations

import numpy as np
import opt_einsum
import pytest

import einroute as er
from tests.networks_helpers import lattice


@pytest.mark.parametrize("backend", ["einroute", "einroute.numpy"])
def test_backend(backend: str) -> None:
    text, operands = lattice(3, 4, 2, outer=2)
    wanted = opt_einsum.contract(text, *operands)
    with er.record() as record:
        got = opt_einsum.contract(text, *operands, backend=backend)
    np.testing.assert_allclose(got, wanted)
    assert record.calls == len(operands) - 1


def test_expression() -> None:
    text, operands = lattice(3, 4, 2)
    expression = opt_einsum.contract_expression(text, *[x.shape for x in operands])
    with er.record() as record:
        got = expression(*operands, backend="einroute")
    np.testing.assert_allclose(got, opt_einsum.contract(text, *operands))
    assert record.calls == len(operands) - 1
