"""Structured operands of JAX's arrays and tracers: rolled, one-hot and pairwise differences.

They are pytrees, so that functions that are traced take and give them. einroute's functions take them by
their structure; any function of JAX's gets them written out.
"""

from __future__ import annotations

import importlib
from collections.abc import Hashable
from math import prod
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from .dense import device_of
from .dtypes import of_native
from .settings import settings

__all__ = ["Difference", "JaxOperand", "OneHot", "Rolled"]


def _ours() -> Any:
    return importlib.import_module(__package__.partition(".")[0])


class JaxOperand:
    """A tensor known by its structure and by JAX's arrays.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
        As JAX has it.
    arrays : tuple of jax.Array
        What it refers to.
    given : tuple
        The arguments that it has beside arrays.
    """

    __slots__ = ("arrays", "dtype", "given", "shape")

    name: ClassVar[str]
    shape: tuple[int, ...]
    dtype: Any
    arrays: tuple[Any, ...]
    given: tuple[Any, ...]

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    def device(self) -> Hashable:
        """Where its arrays are to stay."""
        return next((d for d in map(device_of, self.arrays) if d is not None), None)

    def structure(self) -> tuple[Any, ...]:
        """What a plan depends on beside shape and dtype."""
        return (self.name, *self.given)

    def signature(self) -> Hashable:
        """What a bound plan depends on."""
        arrays = tuple((x.shape, x.dtype, getattr(x, "weak_type", False)) for x in self.arrays)
        return type(self), self.given, str(self.dtype), arrays, self.device(), settings()

    def written(self) -> Any:
        """The tensor as an array."""
        raise NotImplementedError

    def conj(self) -> JaxOperand:
        """The complex conjugate; itself where it is real."""
        if of_native(self.dtype).kind != "c":
            return self
        made: JaxOperand = self.tree_unflatten(self._told(), tuple(jnp.conj(x) for x in self.arrays))
        return made

    def _told(self) -> tuple[Any, ...]:
        return (*self.given, self.dtype)

    def tree_flatten(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Arrays, and what is static."""
        return self.arrays, self._told()

    @classmethod
    def tree_unflatten(cls, told: tuple[Any, ...], arrays: Any) -> Any:
        """An operand of the same kind, of other arrays."""
        made = object.__new__(cls)
        made.arrays, made.given, made.dtype = tuple(arrays), told[:-1], told[-1]
        # What JAX maps over need not be arrays.
        shapes = [getattr(x, "shape", None) for x in arrays]
        made.shape = () if None in shapes else cls.shape_of(shapes, made.given)
        return made

    @staticmethod
    def shape_of(shapes: Any, given: tuple[Any, ...]) -> tuple[int, ...]:
        """The shape, from those of the arrays."""
        raise NotImplementedError

    def __jax_array__(self) -> Any:
        return self.written()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.asarray(self.written(), dtype=dtype)

    def __getitem__(self, index: Any) -> Any:
        return self.written()[index]

    def __matmul__(self, other: Any) -> Any:
        return _ours().matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return _ours().matmul(other, self)

    def __repr__(self) -> str:
        arrays = ", ".join(f"<jax array of shape {getattr(x, 'shape', '?')}>" for x in self.arrays)
        given = "".join(f", {value}" for value in self.given)
        return f"{self.name}({arrays}{given}, dtype={self.dtype})"


@jax.tree_util.register_pytree_node_class
class OneHot(JaxOperand):
    """``labels[..., None] == arange(depth)``."""

    __slots__ = ()
    name: ClassVar[str] = "one_hot"

    def __init__(self, labels: Any, depth: int, dtype: Any) -> None:
        self.arrays, self.given, self.dtype = (labels,), (depth,), dtype
        self.shape = self.shape_of([labels.shape], self.given)

    @staticmethod
    def shape_of(shapes: Any, given: tuple[Any, ...]) -> tuple[int, ...]:
        """That of the labels, then the depth."""
        return (*shapes[0], given[0])

    @property
    def labels(self) -> Any:
        """The labels."""
        return self.arrays[0]

    @property
    def depth(self) -> int:
        """How many classes there are."""
        depth: int = self.given[0]
        return depth

    def conj(self) -> OneHot:
        """Itself."""
        return self

    def written(self) -> Any:
        """The tensor as an array."""
        return (self.labels[..., None] == jnp.arange(self.depth, dtype=self.labels.dtype)).astype(self.dtype)


@jax.tree_util.register_pytree_node_class
class Rolled(JaxOperand):
    """``b[(i + step * j) % d]`` along an axis of length d, which becomes two."""

    __slots__ = ()
    name: ClassVar[str] = "rolled"

    def __init__(self, base: Any, k: int, axis: int, step: int) -> None:
        self.arrays, self.given, self.dtype = (base,), (k, axis, step), base.dtype
        self.shape = self.shape_of([base.shape], self.given)

    @staticmethod
    def shape_of(shapes: Any, given: tuple[Any, ...]) -> tuple[int, ...]:
        """That of the array, with k after the axis."""
        k, axis, _ = given
        return (*shapes[0][: axis + 1], k, *shapes[0][axis + 1 :])

    @property
    def base(self) -> Any:
        """The array that is rolled."""
        return self.arrays[0]

    def written(self) -> Any:
        """The tensor as an array."""
        k, axis, step = self.given
        base = jnp.asarray(self.base)
        d = base.shape[axis]
        at = (np.arange(d)[:, None] + (step % max(d, 1)) * np.arange(k)[None, :]) % max(d, 1)
        return jnp.take(base, at, axis, mode="clip") if d else jnp.zeros(self.shape, base.dtype)


@jax.tree_util.register_pytree_node_class
class Difference(JaxOperand):
    """``x[i, k] - y[j, k]``; one array where a set of points is compared with itself."""

    __slots__ = ()
    name: ClassVar[str] = "pairwise_difference"

    def __init__(self, x: Any, y: Any, dtype: Any) -> None:
        self.arrays, self.given, self.dtype = ((x,) if y is None else (x, y)), (), dtype
        self.shape = self.shape_of([v.shape for v in self.arrays], ())

    @staticmethod
    def shape_of(shapes: Any, _given: tuple[Any, ...]) -> tuple[int, ...]:
        """Points of either, then features."""
        return (shapes[0][0], shapes[-1][0], shapes[0][1])

    def structure(self) -> tuple[Any, ...]:
        """Whether points are compared with themselves."""
        return (self.name, len(self.arrays) == 1)

    def points(self) -> tuple[Any, Any]:
        """Both sets, in the dtype of the difference."""
        x, y = self.arrays[0], self.arrays[-1]
        return jnp.asarray(x).astype(self.dtype), jnp.asarray(y).astype(self.dtype)

    def written(self) -> Any:
        """The tensor as an array."""
        x, y = self.points()
        return x[:, None, :] - y[None, :, :]
