"""Functions in the place of cupy.linalg's, NumPy's inside, with the shapes and dtypes that CuPy's take."""

from __future__ import annotations

import types
from typing import Any

import numpy as np

from tests.kinds.cupy.recorder import CALLS, WAITS, Device, ndarray


def _checked(name: str, *arrays: Any) -> list[Any]:
    for x in arrays:
        assert type(x) is ndarray, type(x)
        assert x.device.id == Device.current
        assert x.dtype.char in "fdFD"
    assert len({x.dtype for x in arrays}) == 1
    CALLS.append(name)
    return [x._held for x in arrays]


def _lstsq(a: Any, b: Any, rcond: Any = None) -> Any:
    one, two = _checked("lstsq", a, b)
    assert one.size, "CuPy has no singular values of a matrix without elements"
    WAITS.append("rank")
    x, residuals, rank, s = np.linalg.lstsq(one, two, rcond)
    return ndarray(x), ndarray(residuals), ndarray(rank), ndarray(s)


def _solve(a: Any, b: Any) -> Any:
    one, two = _checked("solve", a, b)
    assert two.ndim == 1 or one.shape[:-1] == two.shape[:-1], "stacks that CuPy does not broadcast"
    return ndarray(np.linalg.solve(one, two))


def _inv(a: Any) -> Any:
    return ndarray(np.linalg.inv(*_checked("inv", a)))


def _pinv(a: Any, rcond: Any = 1e-15) -> Any:
    (one,) = _checked("pinv", a)
    assert np.ndim(rcond) == 0 if not isinstance(rcond, ndarray) else True
    return ndarray(np.linalg.pinv(one, rcond._held if isinstance(rcond, ndarray) else rcond))


LINALG = types.SimpleNamespace(lstsq=_lstsq, solve=_solve, inv=_inv, pinv=_pinv)
