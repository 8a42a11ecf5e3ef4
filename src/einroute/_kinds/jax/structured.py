"""`einroute.rolled`, `one_hot` and `pairwise_difference` of JAX's arrays and tracers."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from ..array_library.making import Making
from ..registry import other_kind
from .dense import LIBRARY
from .dtypes import mend
from .operands import Difference, OneHot, Rolled

__all__ = ["one_hot", "pairwise_difference", "rolled"]


def _is_own(x: Any) -> bool:
    kind = other_kind(x)
    return kind is not None and kind.form.name == LIBRARY.name


def _check(x: Any, name: str) -> None:
    if not _is_own(x) and other_kind(x) is not None:
        raise TypeError(
            f"{name} is of type {type(x).__name__}, expected a jax.Array; write it out, with todense()"
        )
    if LIBRARY.dtypes.of(x).kind == "V":
        raise TypeError(f"{name} has dtype {x.dtype}, of which there are no products; {mend(x)}")


_MAKING = Making(LIBRARY, OneHot, Rolled, Difference, _check, _is_own, lambda: jnp.result_type(float))
rolled, one_hot, pairwise_difference = _MAKING.rolled, _MAKING.one_hot, _MAKING.pairwise_difference
