"""torch's dense tensors: the calls of its own that contractions are made of."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeAlias

import numpy as np
import torch

from ..._base.facts import DType
from ..array_library import ArrayLibrary
from .dtypes import RULES, native

__all__ = ["LIBRARY", "at_hand", "exactly", "from_numpy", "recorded"]

Tensor: TypeAlias = torch.Tensor
#: dtypes whose sums are of the same dtype.
_OWN_SUMS = frozenset(
    {torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128}
)
_modes, _KEYS = torch._C._len_torch_dispatch_stack, torch._C._TorchDispatchModeKey
#: Modes that write operations down, or run them without elements.
_GRAPHS = (_KEYS.PROXY, _KEYS.FAKE, _KEYS.FUNCTIONAL)
_autocast = torch._C._is_any_autocast_enabled
_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def from_numpy(x: np.ndarray[Any, Any], device: Any) -> Tensor:
    """An array's elements on a device; on the host they are shared, where torch can have them as they lie."""
    if not x.dtype.isnative:
        x = x.astype(x.dtype.newbyteorder("="))
    if not x.flags.writeable or any(s < 0 or s % x.itemsize for s in x.strides):
        x = x.copy()  # which torch would warn of, or refuse
    return torch.from_numpy(x).to(device)


def recorded() -> bool:
    """Whether operations go into a graph, which is to hold for other values and has no sparse tensors."""
    return bool(_modes()) and any(torch._C._get_dispatch_mode(key) is not None for key in _GRAPHS)


def at_hand(x: Tensor) -> bool:
    """Whether values can be read here: no tracer, on the host."""
    return (
        x.device.type == "cpu"
        and not recorded()
        and not torch.compiler.is_compiling()
        and not torch._C._functorch.is_functorch_wrapped_tensor(x)
        and type(x).__torch_dispatch__ is Tensor.__torch_dispatch__
    )


def exactly(run: Callable[..., Any]) -> Callable[..., Any]:
    """The same, computed in the dtypes of its operands whatever autocast asks for."""

    def exact(*operands: Any, out: Any = None) -> Any:
        if not _autocast():
            return run(*operands)
        with torch.autocast(operands[0].device.type, enabled=False):
            return run(*operands)

    return exact


def _device_of(x: Tensor) -> torch.device:
    return x.device


def _sum(x: Tensor, axes: Sequence[int]) -> Tensor:
    dtype = x.dtype
    if dtype in _OWN_SUMS:
        return x.sum(axes) if len(axes) < x.ndim else x.sum()
    return x.any(axes) if dtype is torch.bool else x.sum(axes, dtype=dtype)


def _cast(x: Tensor, dtype: DType) -> Tensor:
    return x.to(native(dtype))


def _identity(shape: tuple[int, ...], dtype: DType, device: Any) -> Tensor:
    return torch.eye(shape[-1], dtype=native(dtype), device=device).expand(shape).clone()


def _matmul_dtype(dtype: DType, summed: int, device: Hashable) -> DType | None:
    """Products of matrices of bools and small integers in floats, where each sum of them is exact.

    torch has loops over integers on the host, far slower than BLAS, and no product of matrices of integers
    on other devices.
    """
    if dtype.kind in "fc":
        return dtype
    if dtype.kind == "b":
        return _FLOAT32  # sums of ones are never rounded to zero
    largest = summed << 2 * (8 * dtype.itemsize - (dtype.kind == "i"))
    if largest <= 1 << 24:
        return _FLOAT32
    if largest <= 1 << 53:
        return _FLOAT64
    return dtype if getattr(device, "type", "cpu") == "cpu" else None


def _in_order(x: Tensor, order: str) -> Tensor:
    return x.contiguous() if order == "C" else x.permute(_reverse(x)).contiguous().permute(_reverse(x))


def _reverse(x: Tensor) -> tuple[int, ...]:
    return tuple(reversed(range(x.ndim)))


LIBRARY = ArrayLibrary(
    "torch",
    "a torch.Tensor",
    RULES,
    native,
    _device_of,
    at_hand,
    from_numpy,
    transpose=torch.permute,
    reshape=torch.reshape,
    diagonal=lambda x, first, second: x.diagonal(0, first, second),
    multiply=torch.mul,
    sum=_sum,
    matmul=torch.matmul,
    stacked=torch.bmm,
    einsum=torch.einsum,
    cast=_cast,
    identity=_identity,
    matmul_dtype=_matmul_dtype,
    in_order=_in_order,
    exactly=exactly,
)
