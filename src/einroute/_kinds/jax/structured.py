"""`einroute.rolled`, `one_hot` and `pairwise_difference` of JAX's arrays and tracers."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from ..registry import other_kind
from .dense import LIBRARY
from .dtypes import native
from .operands import Difference, OneHot, Rolled, _ours

__all__ = ["one_hot", "pairwise_difference", "rolled"]


def rolled(b: Any, k: int, *, axis: int = 0, step: int = 1) -> Rolled:
    """An array beside all its rollings.

    Raises
    ------
    TypeError
        `k`, `axis` or `step` is no int.
    ValueError
        `k` is less than 1, or `axis` out of range.
    """
    # Its checks, on an array of that shape that takes no memory.
    checked = _ours().rolled(np.broadcast_to(np.zeros((), np.int8), b.shape), k, axis=axis, step=step)
    _known(b, "b")
    return Rolled(b, checked.k, checked.axis, checked.step)


def one_hot(labels: Any, depth: int, *, dtype: Any = float) -> OneHot:
    """Labels as a tensor of zeros and ones.

    Raises
    ------
    TypeError
        `labels` are no integers, `depth` is no int, `dtype` has no arithmetic.
    ValueError
        `depth` is negative.
    """
    checked = _ours().one_hot(np.empty(0, np.int64), depth)
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise TypeError(
            f"labels have dtype {labels.dtype}, expected integers; convert them with labels.astype(int)"
        )
    made = jnp.result_type(float) if dtype is float else native(LIBRARY.dtypes.named(dtype))
    return OneHot(labels, checked.depth, made)


def pairwise_difference(x: Any, y: Any = None) -> Difference:
    """Differences of all pairs of points, some in an array of JAX's.

    Raises
    ------
    TypeError
        No arrays of JAX's or NumPy's, dtypes without differences.
    ValueError
        No two axes each, or other numbers of features.
    """
    first = _points(x, "x")
    second = first if y is None else _points(y, "y")
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"x has shape {first.shape} and y has shape {second.shape}, whose second axes must have one size"
        )
    dtype = native(LIBRARY.dtypes.promote([first, second]))
    if jnp.issubdtype(dtype, jnp.bool_):
        raise TypeError(
            "x and y have dtype bool, of which there are no differences; convert with astype(int)"
        )
    return Difference(first, None if y is None or y is x else second, dtype)


def _points(value: Any, name: str) -> Any:
    """Points as an array of two axes."""
    kind = other_kind(value)
    if kind is None or kind.form.name != LIBRARY.name:
        if kind is not None:
            raise TypeError(
                f"{name} is of type {type(value).__name__}, expected an array of JAX's or NumPy's"
            )
        value = np.asarray(value)
    _known(value, name)
    if value.ndim != 2:
        mend = "; pass one feature as a column, x[:, None]" if value.ndim == 1 else ""
        raise ValueError(f"{name} has shape {value.shape}, expected two axes, (points, features){mend}")
    return value


def _known(x: Any, name: str) -> None:
    if LIBRARY.dtypes.of(x).kind == "V":
        raise TypeError(f"{name} has dtype {x.dtype}, of which there are no products; convert it with astype")
