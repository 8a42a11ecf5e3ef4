"""Structured operands of tensors: rolled, one-hot and pairwise differences.

einroute's functions take them by their structure, and gradients flow to their tensors; ``numpy.asarray`` and
indexing get them written out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..array_library.operands import ArrayOperand, DifferenceOf, OneHotOf, RolledOf, StructuredCalls
from .dense import LIBRARY, Tensor

__all__ = ["CALLS", "Difference", "OneHot", "Rolled", "TorchOperand"]


def _take(x: Tensor, index: Tensor, axis: int) -> Tensor:
    return x.index_select(axis, index)


def _windows(x: Tensor, axis: int, size: int, count: int, step: int) -> Tensor:
    if not step:
        shape = (*x.shape[: axis + 1], count, *x.shape[axis + 1 :])
        return x.unsqueeze(axis + 1).expand(shape)
    return x.unfold(axis, size, step).movedim(-1, axis)


CALLS = StructuredCalls(
    LIBRARY,
    counted=lambda n, like: torch.arange(n, device=like.device),
    take=_take,
    concatenate=torch.cat,
    stack=torch.stack,
    conj=lambda x: x.conj(),
    added_at=lambda x, at, n: x.new_zeros((n, *x.shape[1:])).index_add(0, at, x),
    fft=torch.fft,
    windows=_windows,
)


class TorchOperand(ArrayOperand):
    """A tensor known by its structure and by torch's tensors."""

    __slots__ = ()
    calls = CALLS

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are asked for."""
        return any(x.requires_grad for x in self.arrays)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.asarray(self.written().numpy(), dtype=dtype)


class OneHot(TorchOperand, OneHotOf):
    """``labels[..., None] == arange(depth)``."""

    __slots__ = ()


class Rolled(TorchOperand, RolledOf):
    """``b[(i + step * j) % d]`` along an axis of length d, which becomes two."""

    __slots__ = ()


class Difference(TorchOperand, DifferenceOf):
    """``x[i, k] - y[j, k]``; one tensor where a set of points is compared with itself."""

    __slots__ = ()
