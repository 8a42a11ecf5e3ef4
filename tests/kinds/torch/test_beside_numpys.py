"""What NumPy would turn into arrays beside tensors, or of them: lists of tensors, and masked arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import einroute as er
from tests.kinds import beside_numpys
from tests.kinds.torch.helpers import torch

F = torch.arange(9.0, dtype=torch.float64).reshape(3, 3) + 2 * torch.eye(3, dtype=torch.float64)


@pytest.mark.parametrize("name", beside_numpys.CALLS)
def test_lists_of_tensors_are_refused(name: str) -> None:
    beside_numpys.check_lists(name, F, "Tensor of torch")


@pytest.mark.parametrize("name", beside_numpys.CALLS)
def test_masked_arrays_are_refused(name: str) -> None:
    beside_numpys.check_masked(name, F, "torch")


def test_structured_operands_of_both_are_refused() -> None:
    masked: Any = np.ma.masked_array(np.ones((2, 3)), mask=[[0, 1, 0]] * 2)
    with pytest.raises(TypeError, match="y is a masked array"):
        er.pairwise_difference(F, masked)
    for call in (lambda x: er.one_hot(x, 3), lambda x: er.rolled(x, 2), er.pairwise_difference):
        with pytest.raises(TypeError, match="list with a Tensor of torch"):
            call([F[0], F[1]])
