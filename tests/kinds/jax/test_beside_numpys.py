"""What NumPy would turn into arrays beside those of JAX, or of them: lists of arrays, and masked arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import einroute as er
from tests.kinds import beside_numpys
from tests.kinds.jax.helpers import jnp

F = jnp.arange(9.0).reshape(3, 3) + 2 * jnp.eye(3)


@pytest.mark.parametrize("name", beside_numpys.CALLS)
def test_lists_of_arrays_are_refused(name: str) -> None:
    beside_numpys.check_lists(name, F, "ArrayImpl of jax")


@pytest.mark.parametrize("name", beside_numpys.CALLS)
def test_masked_arrays_are_refused(name: str) -> None:
    beside_numpys.check_masked(name, F, "jax")


def test_structured_operands_of_both_are_refused() -> None:
    masked: Any = np.ma.masked_array(np.ones((2, 3)), mask=[[0, 1, 0]] * 2)
    with pytest.raises(TypeError, match="y is a masked array"):
        er.pairwise_difference(F, masked)
    for call in (lambda x: er.one_hot(x, 3), lambda x: er.rolled(x, 2), er.pairwise_difference):
        with pytest.raises(TypeError, match="list with a ArrayImpl of jax"):
            call([F[0], F[1]])
