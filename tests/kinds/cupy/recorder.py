"""A module in CuPy's place, on the host: it records the calls made, and refuses every copy to the host.

Its arrays are NumPy's inside, so that values can be compared; nothing outside of this file gets at them but
by `values`. A machine with a GPU runs the same tests with CuPy itself.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np

CALLS: list[str] = []


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
    flags = property(lambda self: self._held.flags)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def get(self, *_: Any) -> Any:
        raise AssertionError("a copy to the host")

    item = tolist = __bool__ = __float__ = __int__ = __index__ = get


def _on_device(name: str, held: Any) -> Any:
    CALLS.append(name)
    return ndarray(held)


def _method(name: str) -> Any:
    def method(self: ndarray, *args: Any, **kwargs: Any) -> Any:
        view = name in {"transpose", "diagonal"}
        assert view or Device.current == self.device.id, f"{name} on another device than its operand's"
        held = getattr(self._held, name)(*args, **kwargs)
        CALLS.append(name)
        return ndarray(held, self.device.id)

    return method


for _name in ("transpose", "reshape", "diagonal", "astype", "sum", "any", "copy", "conj"):
    setattr(ndarray, _name, _method(_name))


def _function(name: str) -> Any:
    def function(*args: Any, **kwargs: Any) -> Any:
        for x in args:
            if isinstance(x, ndarray):
                assert x.device.id == Device.current, f"{name} on another device than its operand's"
        held = [x._held if isinstance(x, ndarray) else x for x in args]
        return _on_device(name, getattr(np, name)(*held, **kwargs))

    return function


def asarray(x: Any, order: str = "K") -> Any:
    """To the device, or in another layout on it."""
    if isinstance(x, ndarray):
        return _on_device("asarray", np.array(x._held, order=order, copy=None))
    return _on_device("from host", np.array(x))


def values(x: Any) -> Any:
    """What an array holds, for a test to compare."""
    assert type(x) is ndarray, type(x)
    return x._held


@contextmanager
def in_place() -> Iterator[Any]:
    """The module in CuPy's place."""
    module = types.ModuleType("cupy")
    module.ndarray = ndarray  # type: ignore[attr-defined]
    module.asarray = asarray  # type: ignore[attr-defined]
    module.result_type = np.result_type  # type: ignore[attr-defined]
    module.cuda = types.SimpleNamespace(Device=Device)  # type: ignore[attr-defined]
    for name in ("matmul", "multiply", "einsum", "eye", "broadcast_to"):
        setattr(module, name, _function(name))
    sys.modules["cupy"] = module
    CALLS.clear()
    try:
        yield module
    finally:
        del sys.modules["cupy"]
