"""`einroute.rolled`, `one_hot` and `pairwise_difference` of tensors."""

from __future__ import annotations

from typing import Any

import torch

from ..array_library.making import Making
from .dense import LIBRARY
from .dtypes import mend
from .operands import Difference, OneHot, Rolled

__all__ = ["one_hot", "pairwise_difference", "rolled"]


def _is_own(x: Any) -> bool:
    return isinstance(x, torch.Tensor)


def _dense(x: Any, name: str) -> None:
    if x.layout is not torch.strided:
        raise TypeError(f"{name} has layout {x.layout}, expected a dense tensor; convert it with to_dense()")
    if LIBRARY.dtypes.of(x).kind == "V":
        raise TypeError(f"{name} has dtype {x.dtype}, of which torch has no products; {mend(x)}")
    if x.device.type == "meta":
        raise TypeError(
            f"{name} is on device meta and has no elements; make one with torch.empty_like(x, device='cpu')"
        )


_MAKING = Making(LIBRARY, OneHot, Rolled, Difference, _dense, _is_own, torch.get_default_dtype)
rolled, one_hot, pairwise_difference = _MAKING.rolled, _MAKING.one_hot, _MAKING.pairwise_difference
