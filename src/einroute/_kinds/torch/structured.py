"""`einroute.rolled`, `one_hot` and `pairwise_difference` of tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..registry import other_kind
from .dense import LIBRARY, Tensor
from .dtypes import native
from .operands import Difference, OneHot, Rolled, ours

__all__ = ["one_hot", "pairwise_difference", "rolled"]


def rolled(b: Tensor, k: int, *, axis: int = 0, step: int = 1) -> Rolled:
    """A tensor beside all its rollings.

    Raises
    ------
    TypeError
        `k`, `axis` or `step` is no int, or `b` is sparse or of a dtype without products.
    ValueError
        `k` is less than 1, or `axis` out of range.
    """
    _dense(b, "b")
    # Its checks, on an array of that shape that takes no memory.
    checked = ours().rolled(np.broadcast_to(np.zeros((), np.int8), tuple(b.shape)), k, axis=axis, step=step)
    return Rolled(b, checked.k, checked.axis, checked.step)


def one_hot(labels: Tensor, depth: int, *, dtype: Any = float) -> OneHot:
    """Labels as a tensor of zeros and ones; of torch's default dtype, if none is given.

    Raises
    ------
    TypeError
        `labels` are no integers, `depth` is no int, torch has no products of `dtype`.
    ValueError
        `depth` is negative.
    """
    _dense(labels, "labels")
    checked = ours().one_hot(np.empty(0, np.int64), depth)
    if LIBRARY.dtypes.of(labels).kind not in "iu":
        raise TypeError(
            f"labels has dtype {labels.dtype}, expected integers; convert it, as in labels.to(torch.int64)"
        )
    made = torch.get_default_dtype() if dtype is float else native(LIBRARY.dtypes.named(dtype))
    return OneHot(labels, checked.depth, made)


def pairwise_difference(x: Any, y: Any = None) -> Difference:
    """Differences of all pairs of points, some in a tensor.

    Raises
    ------
    TypeError
        No tensors or arrays, dtypes without differences, two devices.
    ValueError
        No two axes each, or other numbers of features.
    """
    device = next(v.device for v in (x, y) if isinstance(v, torch.Tensor))
    first = _points(x, "x", device)
    second = first if y is None or y is x else _points(y, "y", device)
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"x has shape {tuple(first.shape)} and y has shape {tuple(second.shape)}, whose second axes must "
            f"have one size"
        )
    dtype = native(LIBRARY.dtypes.promote([first, second]))
    if dtype is torch.bool:
        raise TypeError(
            "x and y have dtype bool, of which there are no differences; convert with to(torch.int64)"
        )
    return Difference(first, None if second is first else second, dtype)


def _points(value: Any, name: str, device: Any) -> Tensor:
    """Points as a tensor of two axes."""
    if not isinstance(value, torch.Tensor):
        if other_kind(value) is not None:
            raise TypeError(f"{name} is of type {type(value).__name__}, expected a tensor or an array")
        value = LIBRARY.from_numpy(np.asarray(value), device)
    _dense(value, name)
    if value.device != device:
        raise TypeError(
            f"{name} is on device {value.device} and the other points on {device}; move one of them yourself"
        )
    if value.ndim != 2:
        mend = "; pass one feature as a column, x[:, None]" if value.ndim == 1 else ""
        raise ValueError(
            f"{name} has shape {tuple(value.shape)}, expected two axes, (points, features){mend}"
        )
    return value


def _dense(x: Tensor, name: str) -> None:
    if x.layout is not torch.strided:
        raise TypeError(f"{name} has layout {x.layout}, expected a dense tensor; convert it with to_dense()")
    if LIBRARY.dtypes.of(x).kind == "V":
        raise TypeError(f"{name} has dtype {x.dtype}, of which there are no products; convert it with to()")
    if x.device.type == "meta":
        raise TypeError(f"{name} is on device meta and has no elements")
