"""The one-hot operand: a tensor of zeros with a one where each label says."""

from __future__ import annotations

from typing import Any

import numpy as np

from .base import Array, Structured, index_like


class OneHot(Structured):
    """``labels[..., None] == arange(depth)``, never stored; made by `one_hot`."""

    __slots__ = ("depth", "labels")

    kind = "one_hot"
    labels: Array
    depth: int

    def __init__(self, labels: Any, depth: Any, dtype: Any = float) -> None:
        depth = index_like(depth, "depth")
        if depth < 0:
            raise ValueError(f"depth is {depth}, expected at least 0")
        labels = np.asarray(labels)
        if labels.dtype.kind not in "iu":
            raise TypeError(f"labels has dtype {labels.dtype}, expected integers; convert it with astype")
        self._set(labels=labels, depth=depth, dtype=np.dtype(dtype), shape=(*labels.shape, depth))

    def references(self) -> tuple[Array, ...]:
        """The labels."""
        return (self.labels,)

    def signature(self) -> tuple[Any, ...]:
        """Facts of the labels, depth and dtype."""
        x = self.labels
        return OneHot, x.shape, x.dtype, x.strides, self.depth, self.dtype

    def written(self) -> Array:
        """Zeros and ones, shape ``labels.shape + (depth,)``."""
        written: Array = (self.labels[..., None] == np.arange(self.depth)).astype(self.dtype)
        return written

    def __repr__(self) -> str:
        return f"one_hot(<labels of shape {self.labels.shape}>, {self.depth}, dtype={self.dtype})"

    def __reduce__(self) -> tuple[Any, ...]:
        return OneHot, (self.labels, self.depth, self.dtype)
