"""A module in CuPy's place, on the host: it records the calls made, and refuses every copy to the host.

Its arrays are NumPy's inside, so that values can be compared; nothing outside of this folder gets at them but
by `values`. A machine with a GPU runs the same tests with CuPy itself.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np

#: Every call made, and how often the host waited for a device to read a number.
CALLS: list[str] = []
WAITS: list[str] = []


class Device:
    """A device, and the context in which it is the current one."""

    current: int = 0

    def __init__(self, number: int = 0) -> None:
        self.id = number
        self._before: list[int] = []

    def __enter__(self) -> Self:
        self._before.append(Device.current)
        Device.current = self.id
        return self

    def __exit__(self, *_: object) -> None:
        Device.current = self._before.pop()


class ndarray:
    """An array on a device."""

    __module__ = "cupy"

    def __init__(self, held: Any, device: int | None = None) -> None:
        self._held = np.asarray(held)
        self.device = Device(Device.current if device is None else device)

    shape = property(lambda self: self._held.shape)
    dtype = property(lambda self: self._held.dtype)
    ndim = property(lambda self: self._held.ndim)
    size = property(lambda self: self._held.size)
    flags = property(lambda self: self._held.flags)
    strides = property(lambda self: self._held.strides)

    def __len__(self) -> int:
        return len(self._held)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def get(self, *_: Any) -> Any:
        raise AssertionError("a copy to the host")

    item = tolist = __float__ = get

    def __int__(self) -> int:
        WAITS.append("int")
        return int(self._held)

    __index__ = __int__

    def __bool__(self) -> bool:
        WAITS.append("bool")
        return bool(self._held)

    def __getitem__(self, index: Any) -> Any:
        items = index if isinstance(index, tuple) else (index,)
        by_arrays = any(isinstance(i, ndarray) for i in items)
        assert not any(isinstance(i, np.ndarray | list) for i in items), "an index that is on the host"
        if by_arrays:
            _here(*(i for i in items if isinstance(i, ndarray)), self, name="take")
            assert all(i.dtype.kind in "iu" for i in items if isinstance(i, ndarray)), (
                "an index by a mask waits"
            )
            CALLS.append("take")
        held = self._held[tuple(i._held if isinstance(i, ndarray) else i for i in items)]
        return ndarray(held, self.device.id)


def _here(*operands: Any, name: str) -> list[Any]:
    """What operands hold, which must be on the current device."""
    for x in operands:
        if isinstance(x, ndarray):
            assert x.device.id == Device.current, f"{name} on another device than its operand's"
        assert not isinstance(x, np.ndarray) or not x.ndim, f"{name} of an array on the host"
    return [x._held if isinstance(x, ndarray) else x for x in operands]


def _on_device(name: str, held: Any) -> Any:
    CALLS.append(name)
    return ndarray(held)


def _method(name: str) -> Any:
    def method(self: ndarray, *args: Any, **kwargs: Any) -> Any:
        view = name in {"transpose", "diagonal", "view"}
        assert view or Device.current == self.device.id, f"{name} on another device than its operand's"
        held = getattr(self._held, name)(*args, **kwargs)
        CALLS.append(name)
        return ndarray(held, self.device.id)

    return method


def _operator(name: str) -> Any:
    def operator(self: ndarray, other: Any = None) -> Any:
        held = _here(self, *(() if other is None else (other,)), name=name)
        return _on_device(name.strip("_"), getattr(held[0], name)(*held[1:]))

    return operator


for _name in ("transpose", "reshape", "diagonal", "astype", "sum", "any", "copy", "conj", "view"):
    setattr(ndarray, _name, _method(_name))
for _name in (
    "eq",
    "ne",
    "lt",
    "ge",
    "add",
    "sub",
    "rsub",
    "mul",
    "radd",
    "floordiv",
    "mod",
    "or",
    "pow",
    "abs",
    "matmul",
):
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))


def _function(name: str, module: Any = np) -> Any:
    def function(*args: Any, **kwargs: Any) -> Any:
        spread = [x for a in args for x in (a if isinstance(a, list | tuple) else (a,))]
        _here(*spread, name=name)

        def held(a: Any) -> Any:
            if isinstance(a, list | tuple):
                return type(a)(held(x) for x in a)
            return a._held if isinstance(a, ndarray) else a

        made = getattr(module, name)(*map(held, args), **kwargs)
        if isinstance(made, tuple):
            CALLS.append(name)
            return tuple(map(ndarray, made))
        return _on_device(name, made)

    return function


FUNCTIONS = (
    "matmul", "multiply", "einsum", "eye", "broadcast_to", "arange", "take", "concatenate", "stack", "where",
    "logical_and", "zeros", "ones", "unravel_index", "argsort", "searchsorted", "cumsum", "ascontiguousarray",
)  # fmt: skip
TRANSFORMS = ("rfft", "irfft", "fft", "ifft")
#: dtypes that CUDA adds atomically, of versions of CuPy that have fewest.
_ATOMIC = frozenset(map(np.dtype, ("i4", "u4", "u8", "f4", "f8")))


def asarray(x: Any, order: str = "K") -> Any:
    """To the device, or in another layout on it."""
    if isinstance(x, ndarray):
        return _on_device("asarray", np.array(x._held, order=order, copy=None))
    return _on_device("from host", np.array(x))


class _Add:
    """`cupy.add`, whose ``at`` adds in the dtypes that are atomic only."""

    @staticmethod
    def at(x: Any, places: Any, parts: Any) -> None:
        _here(x, places, parts, name="add.at")
        assert x.dtype in _ATOMIC, x.dtype
        assert parts.dtype == x.dtype
        CALLS.append("add.at")
        np.add.at(x._held, places._held, parts._held)


def _as_strided(x: Any, shape: Any, strides: Any) -> Any:
    CALLS.append("as_strided")
    held = x._held
    last = sum((n - 1) * s for n, s in zip(shape, strides, strict=True) if n)
    assert 0 in shape or last < max(held.nbytes, 1), "a window beyond the array"
    return ndarray(np.lib.stride_tricks.as_strided(held, shape, strides), x.device.id)


def values(x: Any) -> Any:
    """What an array holds, for a test to compare."""
    assert type(x) is ndarray, type(x)
    return x._held


@contextmanager
def in_place() -> Iterator[Any]:
    """The modules in the place of CuPy's."""
    from tests.kinds.cupy import solver_recorder, sparse_recorder

    module: Any = types.ModuleType("cupy")
    module.ndarray, module.asarray, module.add = ndarray, asarray, _Add
    module.result_type = np.result_type
    module.cuda = types.SimpleNamespace(Device=Device)
    module.lib = types.SimpleNamespace(stride_tricks=types.SimpleNamespace(as_strided=_as_strided))
    module.linalg = solver_recorder.LINALG
    module.fft = types.SimpleNamespace(**{name: _function(name, np.fft) for name in TRANSFORMS})
    for name in FUNCTIONS:
        setattr(module, name, _function(name))
    cupyx, scipy, sparse = (types.ModuleType(name) for name in ("cupyx", "cupyx.scipy", "cupyx.scipy.sparse"))
    sparse.__dict__.update({cls.__name__: cls for cls in sparse_recorder.CLASSES})
    cupyx.__dict__["scipy"], scipy.__dict__["sparse"] = scipy, sparse
    put = {"cupy": module, "cupyx": cupyx, "cupyx.scipy": scipy, "cupyx.scipy.sparse": sparse}
    sys.modules.update(put)
    CALLS.clear()
    WAITS.clear()
    try:
        yield module
    finally:
        for name in put:
            del sys.modules[name]
