"""Structured operands of JAX's arrays and tracers: rolled, one-hot and pairwise differences.

They are pytrees, so that functions that are traced take and give them. einroute's functions take them by
their structure; any function of JAX's gets them written out.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..array_library.operands import ArrayOperand, DifferenceOf, OneHotOf, RolledOf, StructuredCalls
from .dense import LIBRARY, device_of
from .settings import settings

__all__ = ["Difference", "JaxOperand", "OneHot", "Rolled"]


class JaxOperand(ArrayOperand):
    """A tensor known by its structure and by JAX's arrays."""

    __slots__ = ()
    calls = StructuredCalls(
        LIBRARY,
        counted=lambda n, _like: jnp.arange(n),
        take=lambda x, index, axis: jnp.take(x, index, axis, mode="clip"),
        concatenate=jnp.concatenate,
        stack=jnp.stack,
        conj=jnp.conj,
        added_at=lambda x, at, n: jnp.zeros((n, *x.shape[1:]), x.dtype).at[at].add(x),
        fft=jnp.fft,
    )

    @property
    def device(self) -> Hashable:
        """Where its arrays are to stay."""
        return next((d for d in map(device_of, self.arrays) if d is not None), None)

    @property
    def weak_type(self) -> bool:
        """Whether its type gives way to others', as that of the arrays it is made of does."""
        return all(getattr(x, "weak_type", False) for x in self.arrays)

    def signature(self) -> Hashable:
        """What a bound plan depends on."""
        arrays = tuple((x.shape, x.dtype, getattr(x, "weak_type", False)) for x in self.arrays)
        return type(self), self.given, str(self.dtype), arrays, self.device, settings()

    def tree_flatten(self) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Arrays, and what is static."""
        return self.arrays, (*self.given, self.dtype)

    @classmethod
    def tree_unflatten(cls, told: tuple[Any, ...], arrays: Any) -> Any:
        """An operand of the same kind, of other arrays."""
        made = object.__new__(cls)
        made.arrays, made.given, made.dtype = tuple(arrays), told[:-1], told[-1]
        # What JAX maps over need not be arrays.
        shapes = [getattr(x, "shape", None) for x in arrays]
        made.shape = () if None in shapes else cls.shape_of(shapes, made.given)
        return made

    def __jax_array__(self) -> Any:
        return self.written()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.asarray(self.written(), dtype=dtype)


@jax.tree_util.register_pytree_node_class
class OneHot(JaxOperand, OneHotOf):
    """``labels[..., None] == arange(depth)``."""

    __slots__ = ()
    weak_type = False  # of the dtype that was asked for

    def written(self) -> Any:
        """The tensor as an array."""
        same = jnp.expand_dims(self.labels, -1) == jnp.arange(self.depth)
        return same.astype(self.dtype)


@jax.tree_util.register_pytree_node_class
class Rolled(JaxOperand, RolledOf):
    """``b[(i + step * j) % d]`` along an axis of length d, which becomes two."""

    __slots__ = ()


@jax.tree_util.register_pytree_node_class
class Difference(JaxOperand, DifferenceOf):
    """``x[i, k] - y[j, k]``; one array where a set of points is compared with itself."""

    __slots__ = ()
