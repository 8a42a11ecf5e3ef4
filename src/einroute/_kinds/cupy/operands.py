"""Structured operands of CuPy's arrays: rolled, one-hot and pairwise differences."""

from __future__ import annotations

from typing import Any

import cupy

from ..array_library.operands import ArrayOperand, DifferenceOf, OneHotOf, RolledOf, StructuredCalls
from .dense import LIBRARY, beside
from .sums import Sums

__all__ = ["CALLS", "CupyOperand", "Difference", "OneHot", "Rolled"]


def _windows(x: Any, axis: int, size: int, count: int, step: int) -> Any:
    """Entry ``i + step * j`` as entry i, j of two axes, without a copy."""
    shape = (*x.shape[:axis], size, count, *x.shape[axis + 1 :])
    strides = (*x.strides[: axis + 1], step * x.strides[axis], *x.strides[axis + 1 :])
    return cupy.lib.stride_tricks.as_strided(x, shape, strides)


def _added_at(x: Any, places: Any, count: int) -> Any:
    sums = Sums(count, x.shape[1:], x.dtype)
    sums.add(places, x)
    return sums.result()


CALLS = StructuredCalls(
    LIBRARY,
    counted=lambda n, _like: cupy.arange(n),
    take=cupy.take,
    concatenate=cupy.concatenate,
    stack=cupy.stack,
    conj=lambda x: x.conj(),
    added_at=_added_at,
    fft=cupy.fft,
    windows=_windows,
)


class CupyOperand(ArrayOperand):
    """A tensor known by its structure and by CuPy's arrays; ``written`` gives it as one."""

    __slots__ = ()
    calls = CALLS

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError(
            f"a {self.name} operand of CuPy's arrays is not copied to the host silently; write "
            f"x.written().get()"
        )

    def __getitem__(self, index: Any) -> Any:
        with beside(self):
            return self.written()[index]


class OneHot(CupyOperand, OneHotOf):
    """``labels[..., None] == arange(depth)``."""

    __slots__ = ()


class Rolled(CupyOperand, RolledOf):
    """``b[(i + step * j) % d]`` along an axis of length d, which becomes two."""

    __slots__ = ()


class Difference(CupyOperand, DifferenceOf):
    """``x[i, k] - y[j, k]``; one array where a set of points is compared with itself."""

    __slots__ = ()
