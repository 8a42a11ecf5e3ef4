"""`contract` and its expressions with tensors."""

from __future__ import annotations

import pytest

import einroute as er
from tests.kinds import library_contract
from tests.kinds.torch.helpers import as_numpy, torch

F = torch.arange(9.0).reshape(3, 3)


def test_out_is_refused_before_any_work() -> None:
    library_contract.check_out(F)


def test_numpys_constants_join() -> None:
    library_contract.check_constants(F, as_numpy)


def test_options_of_opt_einsums() -> None:
    library_contract.check_options(F, "torch", as_numpy)


def test_a_limit_that_no_order_keeps_to_is_named_in_elements() -> None:
    with pytest.raises(er.NoRoute, match=r"raise the limit; memory_limit of contract is 1, in elements"):
        er.contract("ij,jk,kl->il", F, F, F, memory_limit=1)
