"""Structured operands of tensors: rolled, one-hot and pairwise differences.

einroute's functions take them by their structure, and gradients flow to their tensors; ``numpy.asarray`` and
indexing get them written out.
"""

from __future__ import annotations

import importlib
from collections.abc import Hashable
from math import prod
from typing import Any, ClassVar

import numpy as np
import torch

from .dense import Tensor

__all__ = ["Difference", "OneHot", "Rolled", "TorchOperand", "ours"]


def ours() -> Any:
    """The package with the public functions."""
    return importlib.import_module(__package__.partition(".")[0])


class TorchOperand:
    """A tensor known by its structure and by torch's tensors.

    Attributes
    ----------
    tensors : tuple of Tensor
        What it refers to.
    given : tuple
        The arguments that it has beside tensors.
    shape : tuple of int
    dtype : torch.dtype
    """

    __slots__ = ("dtype", "given", "shape", "tensors")

    name: ClassVar[str]
    shape: tuple[int, ...]
    dtype: Any
    tensors: tuple[Tensor, ...]
    given: tuple[Any, ...]

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def device(self) -> Any:
        """Where its elements are."""
        return self.tensors[0].device

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are asked for."""
        return any(x.requires_grad for x in self.tensors)

    def structure(self) -> tuple[Any, ...]:
        """What a plan depends on beside shape and dtype."""
        return (self.name, *self.given)

    def signature(self) -> Hashable:
        """What a bound plan depends on."""
        tensors = tuple((tuple(x.shape), x.dtype) for x in self.tensors)
        return type(self), self.given, self.dtype, tensors, self.device

    def written(self) -> Tensor:
        """The operand as a tensor."""
        raise NotImplementedError

    def of(self, tensors: tuple[Tensor, ...]) -> TorchOperand:
        """The same structure of other tensors."""
        made = object.__new__(type(self))
        made.tensors, made.given = tensors, self.given
        made.shape, made.dtype = self.shape, self.dtype
        return made

    def conj(self) -> TorchOperand:
        """The complex conjugate; itself where it is real."""
        return self.of(tuple(x.conj() for x in self.tensors)) if self.dtype.is_complex else self

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.asarray(self.written().numpy(), dtype=dtype)

    def __getitem__(self, index: Any) -> Tensor:
        return self.written()[index]

    def __matmul__(self, other: Any) -> Any:
        return ours().matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return ours().matmul(other, self)

    def __repr__(self) -> str:
        tensors = ", ".join(f"<tensor of shape {tuple(x.shape)}>" for x in self.tensors)
        given = "".join(f", {value}" for value in self.given)
        return f"{self.name}({tensors}{given}, dtype={self.dtype})"


class OneHot(TorchOperand):
    """``labels[..., None] == arange(depth)``."""

    __slots__ = ()
    name: ClassVar[str] = "one_hot"

    def __init__(self, labels: Tensor, depth: int, dtype: Any) -> None:
        self.tensors, self.given, self.dtype = (labels,), (depth,), dtype
        self.shape = (*labels.shape, depth)

    @property
    def labels(self) -> Tensor:
        """The labels."""
        return self.tensors[0]

    def conj(self) -> OneHot:
        """Itself."""
        return self

    def written(self) -> Tensor:
        """The operand as a tensor."""
        classes = torch.arange(self.shape[-1], device=self.device)
        return (self.labels[..., None].long() == classes).to(self.dtype)


class Rolled(TorchOperand):
    """``b[(i + step * j) % d]`` along an axis of length d, which becomes two."""

    __slots__ = ()
    name: ClassVar[str] = "rolled"

    def __init__(self, base: Tensor, k: int, axis: int, step: int) -> None:
        self.tensors, self.given, self.dtype = (base,), (k, axis, step), base.dtype
        self.shape = (*base.shape[: axis + 1], k, *base.shape[axis + 1 :])

    @property
    def base(self) -> Tensor:
        """The tensor that is rolled."""
        return self.tensors[0]

    def written(self) -> Tensor:
        """The operand as a tensor: windows of the array beside itself, or a copy where they lie far apart."""
        k, axis, step = self.given
        base = self.base
        d = base.shape[axis]
        if not d:
            return base.new_zeros(self.shape)
        step %= d
        last = step * (k - 1)
        if not step:
            return base.unsqueeze(axis + 1).expand(self.shape)
        if last > 4 * d:
            at = torch.arange(d, device=base.device)[:, None] + step * torch.arange(k, device=base.device)
            return base.index_select(axis, (at % d).reshape(-1)).reshape(self.shape)
        whole, rest = divmod(d + last, d)
        beside = torch.cat([*[base] * whole, *([base.narrow(axis, 0, rest)] if rest else [])], axis)
        return beside.unfold(axis, d, step).movedim(-1, axis)


class Difference(TorchOperand):
    """``x[i, k] - y[j, k]``; one tensor where a set of points is compared with itself."""

    __slots__ = ()
    name: ClassVar[str] = "pairwise_difference"

    def __init__(self, x: Tensor, y: Tensor | None, dtype: Any) -> None:
        self.tensors, self.given, self.dtype = ((x,) if y is None else (x, y)), (), dtype
        self.shape = (x.shape[0], self.tensors[-1].shape[0], x.shape[1])

    def structure(self) -> tuple[Any, ...]:
        """Whether points are compared with themselves."""
        return (self.name, len(self.tensors) == 1)

    def points(self) -> tuple[Tensor, Tensor]:
        """Both sets, in the dtype of the difference."""
        return self.tensors[0].to(self.dtype), self.tensors[-1].to(self.dtype)

    def written(self) -> Tensor:
        """The operand as a tensor."""
        x, y = self.points()
        return x[:, None, :] - y[None, :, :]
