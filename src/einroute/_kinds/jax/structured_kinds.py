"""Structured operands of JAX's arrays as kinds; and as which those of NumPy's arrays join JAX's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax.numpy as jnp

from ..._base.kinds import Kind
from ..array_library.structured import Structures
from .dense import LIBRARY
from .kind import KIND as DENSE_KIND
from .operands import Difference, JaxOperand, OneHot, Rolled
from .sparse_form import ONE_HOT_FORM
from .structured_form import FORM

__all__ = ["KIND", "joining"]

#: Operands hold arrays of JAX's, in the dtypes that its settings allow.
_HOLDING = replace(
    LIBRARY,
    from_numpy=lambda x, _device: jnp.asarray(x),
    native=lambda dtype: jnp.asarray(dtype.type(0)).dtype,
)
_STRUCTURES = Structures(_HOLDING, JaxOperand, OneHot, Rolled, Difference, FORM, ONE_HOT_FORM)
joining = _STRUCTURES.joining
STRUCTURED, ONE_HOT_KIND = _STRUCTURES.kinds(DENSE_KIND)


def _refine(x: Any) -> Kind:
    return ONE_HOT_KIND if isinstance(x, OneHot) else STRUCTURED


#: What the registry knows the classes by; beside them BCOO's, which scipy.sparse's join as.
KIND = replace(STRUCTURED, refine=_refine, refined=(ONE_HOT_KIND, DENSE_KIND))
