"""JAX's dense arrays and tracers: the calls of its own that contractions are made of."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..._base.facts import DType
from ..array_library import ArrayLibrary
from .dtypes import BFLOAT16, RULES, native

__all__ = ["LIBRARY", "at_hand", "cast", "device_of", "multiply", "sum_of", "traced"]

Tracer = jax.core.Tracer
_HALVES = frozenset({np.dtype(np.float16), np.dtype(jnp.bfloat16)})


def traced(x: Any) -> bool:
    """Whether an array stands for values that are not known yet."""
    return isinstance(x, Tracer)


class _Devices(frozenset[Any]):
    """Devices over which an array is spread, as messages name them."""

    __slots__ = ()

    def __str__(self) -> str:
        return " and ".join(sorted(map(str, self)))


def device_of(x: Any) -> Hashable:
    """Where an array's elements are to stay; None of tracers, and of arrays that go where others are.

    JAX calls arrays that were put on a device by the user committed; only those do not mix.
    """
    if isinstance(x, Tracer) or not getattr(x, "committed", False):
        return None
    devices = x.sharding.device_set
    return next(iter(devices)) if len(devices) == 1 else _Devices(devices)


def at_hand(x: Any) -> bool:
    """Whether values can be read here: no tracer, on the host."""
    return not isinstance(x, Tracer) and all(d.platform == "cpu" for d in x.devices())


def from_numpy(x: Any, _device: Any) -> Any:
    """An array of NumPy's as JAX's calls take it: they put its elements where the other operands are."""
    if isinstance(x, np.ndarray) and not x.dtype.isnative:
        return x.astype(x.dtype.newbyteorder("="))
    return x


def cast(x: Any, dtype: DType) -> Any:
    """An array in another dtype; of complex numbers the real part, where that is asked for."""
    wanted = native(dtype)
    if x.dtype == wanted:
        return x
    if jnp.issubdtype(x.dtype, jnp.complexfloating) and dtype.kind != "c":
        x = (x != 0) if dtype.kind == "b" else lax.real(x)
    return lax.convert_element_type(x, wanted)


def multiply(x: Any, y: Any) -> Any:
    """Products, broadcast; of bools "and"."""
    with jax.numpy_rank_promotion("allow"):
        return jnp.multiply(x, y)


def sum_of(x: Any, axes: Sequence[int]) -> Any:
    """Sums in the dtype of the operand, halves by way of single precision; of bools "or"."""
    if x.dtype == bool:
        return lax.reduce_or(x, tuple(axes))
    if x.dtype in _HALVES:
        return lax.reduce_sum(x.astype(jnp.float32), tuple(axes)).astype(x.dtype)
    return lax.reduce_sum(x, tuple(axes))


def _diagonal(x: Any, first: int, second: int) -> Any:
    """Every (d + 1)th of two axes as one, which keeps weak types, as jnp.diagonal does not."""
    axes = [i for i in range(x.ndim) if i not in (first, second)]
    shape, d = [x.shape[i] for i in axes], x.shape[first]
    order = (*axes, first, second)
    x = x if order == tuple(range(x.ndim)) else lax.transpose(x, order)
    return lax.slice_in_dim(lax.reshape(x, (*shape, d * d)), 0, None, d + 1, len(shape))


def _identity(shape: tuple[int, ...], dtype: DType, device: Any) -> Any:
    made = jnp.broadcast_to(jnp.eye(shape[-1], dtype=native(dtype)), shape)
    return made if device is None or isinstance(device, frozenset) else jax.device_put(made, device)


def _matmul_dtype(dtype: DType, _summed: int, _device: Hashable) -> DType | None:
    """Every dtype has a product of matrices that sums in it, or as exactly as in it."""
    return dtype


LIBRARY = ArrayLibrary(
    "jax",
    "a jax.Array",
    RULES,
    native,
    device_of,
    at_hand,
    from_numpy,
    transpose=lambda x, axes: lax.transpose(x, tuple(axes)),
    reshape=lambda x, shape: lax.reshape(x, tuple(shape)),
    diagonal=_diagonal,
    multiply=multiply,
    sum=sum_of,
    matmul=jnp.matmul,
    einsum=None,
    cast=cast,
    identity=_identity,
    matmul_dtype=_matmul_dtype,
    calls=0.25,
    eager=False,
)
assert BFLOAT16 not in _HALVES
