"""torch's dtypes as plans know them, and how they promote: torch.promote_types and torch.result_type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from ..._base.dtypes import DTypeRules, LibraryDType
from ..._base.facts import DType

__all__ = ["RULES", "mend", "native", "of_native"]

_NUMPYS = "bool uint8 int8 int16 int32 int64 float16 float32 float64 complex64 complex128"
_NATIVE: Mapping[Any, Any] = MappingProxyType(
    {np.dtype(name): getattr(torch, name) for name in _NUMPYS.split()}
    | {LibraryDType("bfloat16", "f", 2): torch.bfloat16}
)
_KNOWN: Mapping[Any, Any] = MappingProxyType({theirs: ours for ours, theirs in _NATIVE.items()})
_SCALARS = (bool, int, float, complex)


def native(dtype: DType) -> Any:
    """A dtype as torch's calls take it."""
    return _NATIVE[dtype]


def of_native(dtype: Any) -> DType:
    """A dtype of torch's as plans know it; of kind "V" where torch has no products of it."""
    known: Any = _KNOWN.get(dtype)
    if known is None:
        known = LibraryDType(str(dtype).removeprefix("torch."), "V", dtype.itemsize)
    found: DType = known
    return found


def mend(x: Any) -> str:
    """How a tensor of a dtype without products becomes one that has some, for a message."""
    dtype, name = x.dtype, str(x.dtype)
    if x.is_quantized:
        return "write it out, with x.dequantize()"
    if dtype is torch.complex32:
        return "convert it, with x.to(torch.complex64)"
    if name.startswith("torch.float8"):
        return "convert it, with x.to(torch.float32)"
    if dtype in (torch.uint16, torch.uint32, torch.uint64):
        return "convert it, with x.to(torch.int64)"
    return "torch computes nothing with it, and converts none; unpack x.view(torch.uint8) yourself"


def _theirs(x: Any, called: str = "") -> Any:
    """The dtype, as torch has it, of an operand of any kind."""
    dtype = getattr(x, "dtype", None)
    if isinstance(dtype, torch.dtype):
        return dtype
    known = np.dtype(np.asarray(x).dtype if dtype is None else dtype).newbyteorder("=")
    try:
        return _NATIVE[known]
    except KeyError:
        raise TypeError(
            f"{called or 'an operand'} ({type(x).__name__}) has dtype {known}, of which torch has no "
            f"products; convert it with astype, to float64 or int64 say"
        ) from None


def _of(x: Any) -> DType:
    return of_native(_theirs(x))


def _promote(operands: Sequence[Any]) -> DType:
    weak = [x for x in operands if type(x) in _SCALARS]
    given = [_theirs(x, f"operand {i}") for i, x in enumerate(operands) if type(x) not in _SCALARS]
    strong = reduce(torch.promote_types, given)
    for x in weak:
        strong = torch.result_type(torch.empty(1, dtype=strong, device="meta"), x)
    made = of_native(strong)
    if made.kind == "V":
        raise TypeError(
            f"the operands promote to {strong}, of which torch has no products; give another dtype=, "
            f"torch.complex64 say"
        )
    return made


def _named(wanted: Any) -> DType:
    if isinstance(wanted, torch.dtype):
        found = of_native(wanted)
    else:
        found = of_native(torch.bfloat16) if wanted == "bfloat16" else np.dtype(wanted).newbyteorder("=")
    if found not in _NATIVE:
        raise TypeError(f"dtype is {wanted}, expected one that torch has products of, float32 say")
    return found


def _casts(given: DType, wanted: DType, casting: str) -> bool:
    if given == wanted or casting == "unsafe":
        return True
    if casting == "same_kind":
        return bool(torch.can_cast(_NATIVE[given], _NATIVE[wanted]))
    one, other = _NATIVE[given], _NATIVE[wanted]
    return casting == "safe" and bool(torch.promote_types(one, other) == other)


RULES = DTypeRules(_of, _promote, _named, _casts, weak=lambda x: type(x) in _SCALARS)
