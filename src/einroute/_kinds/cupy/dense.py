"""CuPy's dense arrays: the calls of its own that contractions are made of; none copies to the host."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any

import cupy
import numpy as np

from ..._base.dtypes import DTypeRules
from ..._base.facts import DType
from ..._base.routes import Runner
from ..array_library import ArrayLibrary

__all__ = ["LIBRARY", "beside", "device_of", "on_device"]

_SCALARS = (bool, int, float, complex)
_KNOWN, _LONG = "?biufc", "gG"
_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)


def _of(x: Any) -> DType:
    dtype = getattr(x, "dtype", None)
    found: DType = np.dtype(np.asarray(x).dtype if dtype is None else dtype).newbyteorder("=")
    if found.kind not in _KNOWN or found.char in _LONG:
        raise TypeError(
            f"an operand of type {type(x).__name__} has dtype {found}, which CuPy does not have; "
            f"convert it with astype, to float64 or int64 say"
        )
    return found


def _promote(operands: Sequence[Any]) -> DType:
    given = [x if type(x) in _SCALARS else _of(x) for x in operands]
    promoted: DType = np.dtype(cupy.result_type(*given))
    return promoted


def _named(wanted: Any) -> DType:
    found: DType = np.dtype(wanted).newbyteorder("=")
    if found.kind not in _KNOWN or found.char in _LONG:
        raise TypeError(f"dtype is {wanted}, expected one that CuPy has products of, float32 say")
    return found


def _casts(given: DType, wanted: DType, casting: str) -> bool:
    return bool(np.can_cast(given, wanted, casting=casting))  # type: ignore[arg-type]


def device_of(x: Any) -> Hashable:
    """The number of the device where an array's elements are."""
    return int(x.device.id)


def on_device(device: Any) -> AbstractContextManager[Any]:
    """While a device is the current one, on which CuPy makes arrays."""
    device_as_context: AbstractContextManager[Any] = cupy.cuda.Device(device)
    return device_as_context


def _from_numpy(x: np.ndarray[Any, Any], device: Any) -> Any:
    with on_device(device):
        return cupy.asarray(x if x.dtype.isnative else x.astype(x.dtype.newbyteorder("=")))


def _there(call: Callable[..., Any]) -> Callable[..., Any]:
    """A call made on the device of its first operand: CuPy makes arrays on the current one."""

    @wraps(call)
    def there(x: Any, *args: Any) -> Any:
        with x.device:
            return call(x, *args)

    return there


def beside(x: Any) -> AbstractContextManager[Any]:
    """While the device of an array, a sparse matrix or what is made of arrays is the current one."""
    device = x.device
    return on_device(device if isinstance(device, int) else device.id)


def _placed(run: Runner) -> Runner:
    """A runner on the device of its first operand, which all are on."""

    def placed(*operands: Any, out: Any = None) -> Any:
        with beside(operands[0]):
            return run(*operands)

    return placed


def _sum(x: Any, axes: Sequence[int]) -> Any:
    if x.dtype.kind == "b":
        return x.any(axis=tuple(axes))
    return x.sum(axis=tuple(axes), dtype=x.dtype)


def _cast(x: Any, dtype: DType) -> Any:
    return x.astype(dtype, copy=False)


def _identity(shape: tuple[int, ...], dtype: DType, device: Any) -> Any:
    with on_device(device):
        return cupy.broadcast_to(cupy.eye(shape[-1], dtype=dtype), shape).copy()


def _matmul_dtype(dtype: DType, summed: int, device: Hashable) -> DType | None:
    """Products of bools and small integers in floats, where each sum of them is exact; CuPy has loops for
    other integers.
    """
    if dtype.kind in "fc":
        return dtype
    if dtype.kind == "b":
        return _FLOAT32  # sums of ones are never rounded to zero
    largest = summed << 2 * (8 * dtype.itemsize - (dtype.kind == "i"))
    if largest <= 1 << 24:
        return _FLOAT32
    return _FLOAT64 if largest <= 1 << 53 else dtype


def _transpose(x: Any, axes: Sequence[int]) -> Any:
    return x.transpose(tuple(axes))


def _reshape(x: Any, shape: Sequence[int]) -> Any:
    return x.reshape(tuple(shape))


def _diagonal(x: Any, first: int, second: int) -> Any:
    return x.diagonal(0, first, second)


def _in_order(x: Any, order: str) -> Any:
    return cupy.asarray(x, order=order)


LIBRARY = ArrayLibrary(
    "cupy",
    "a cupy.ndarray",
    DTypeRules(_of, _promote, _named, _casts, weak=lambda x: type(x) in _SCALARS),
    lambda dtype: dtype,
    device_of,
    lambda x: False,
    _from_numpy,
    transpose=_transpose,
    reshape=_there(_reshape),
    diagonal=_diagonal,
    multiply=_there(cupy.multiply),
    sum=_there(_sum),
    matmul=_there(cupy.matmul),
    einsum=lambda subscripts, *arrays: _there(lambda _first: cupy.einsum(subscripts, *arrays))(arrays[0]),
    cast=_there(_cast),
    identity=_identity,
    matmul_dtype=_matmul_dtype,
    in_order=_there(_in_order),
    placed=_placed,
    calls=10.0,
)
