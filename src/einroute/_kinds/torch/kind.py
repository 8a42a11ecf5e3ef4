"""torch's tensors as a kind."""

from __future__ import annotations

from collections.abc import Hashable

from ..array_library import array_form, array_kind
from .dense import LIBRARY, Tensor

FORM = array_form(LIBRARY, rank=4)


def _recognises(cls: type) -> bool:
    return Tensor in cls.__mro__


def _signature(x: Tensor) -> Hashable:
    """What a bound plan depends on; None of tracers whose sizes are no numbers."""
    shape = x.shape
    for n in shape:
        if type(n) is not int:
            return None
    return Tensor, shape, x.dtype, x.device


def _unfit(x: Tensor) -> str:
    """Why a tensor cannot take part in a contraction."""
    if x.device.type == "meta":
        return "is on device meta and has no elements; make one with torch.empty_like(x, device='cpu')"
    if LIBRARY.dtypes.of(x).kind == "V":
        return f"has dtype {x.dtype}, of which torch has no products; convert it, with x.to(torch.int64) say"
    return ""


KIND = array_kind(LIBRARY, FORM, _recognises, _signature, unfit=_unfit)
