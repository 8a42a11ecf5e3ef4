"""Every option for torch's tensors: its effect, or a refusal, as docs/options.md says."""

from __future__ import annotations

from typing import Any

import pytest

import einroute as er
from tests.config.test_options import BASE
from tests.kinds import library_options
from tests.kinds.torch.helpers import torch

DENSE, OTHERS = "torch, dense", "torch, sparse and structured"
#: Operands, of shape (6, 6), with their column of the table.
OPERANDS: dict[str, tuple[str, Any]] = {
    "strided": (DENSE, lambda b: b),
    "coo": (OTHERS, lambda b: b.to_sparse()),
    "csr": (OTHERS, lambda b: b.to_sparse_csr()),
    "bsc": (OTHERS, lambda b: b.to_sparse_bsc((2, 3))),
    "one_hot": (OTHERS, lambda b: er.one_hot(torch.arange(6) * 2 % 6, 6, dtype=torch.float64)),
    "rolled": (OTHERS, lambda b: er.rolled(b[0].clone(), 6)),
}


def written(x: Any) -> Any:
    if hasattr(x, "written"):
        x = x.written()
    return x.to_dense().numpy()


LIBRARY = library_options.Library(written, torch.Tensor, lambda x: x.stride())


@pytest.mark.filterwarnings("ignore:Sparse (CSR|BSC):UserWarning")
@pytest.mark.parametrize("operand", OPERANDS)
@pytest.mark.parametrize("option", library_options.TABLE)
def test_an_option_has_its_effect_or_is_refused(
    option: str, operand: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    column, make = OPERANDS[operand]
    x = make(torch.tensor(BASE))
    library_options.check(option, library_options.TABLE[option][column], x, LIBRARY, monkeypatch)


def test_the_table_is_whole() -> None:
    library_options.whole()
