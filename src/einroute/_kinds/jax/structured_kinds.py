"""Structured operands of JAX's arrays as kinds; and as which those of NumPy's arrays join JAX's."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

import jax.numpy as jnp

from ..._base.facts import Operand
from ..._base.kinds import Kind, handed_on
from .bcoo_result import ONE_HOT
from .dense import LIBRARY
from .dtypes import of_native
from .kind import KIND as DENSE_KIND
from .operands import Difference, JaxOperand, OneHot, Rolled
from .sparse_form import ONE_HOT_FORM
from .structured_form import FORM

__all__ = ["KIND", "joining"]


def _facts(x: JaxOperand) -> Operand:
    one_hot = isinstance(x, OneHot)
    return Operand(
        x.shape,
        of_native(x.dtype),
        (),
        ONE_HOT if one_hot else FORM.name,
        x.labels.size if isinstance(x, OneHot) else None,
        structure=None if one_hot else x.structure(),
        device=x.device(),
    )


def _alike(x: Any, y: Any) -> bool:
    """Whether two operands are one tensor: of the same arrays, in the same structure."""
    return x is y or (
        type(x) is type(y)
        and x.given == y.given
        and x.dtype == y.dtype
        and len(x.arrays) == len(y.arrays)
        and all(a is b for a, b in zip(x.arrays, y.arrays, strict=True))
    )


def _made_of_numpys(x: Any) -> JaxOperand:
    """A structured operand of NumPy's arrays as one of JAX's."""
    name = type(x).kind
    if name == "rolled":
        return Rolled(jnp.asarray(x.base), x.k, x.axis, x.step)
    if name == "one_hot":
        return OneHot(jnp.asarray(x.labels), x.depth, jnp.asarray(x.dtype.type(0)).dtype)
    first = jnp.asarray(x.x)
    second = None if x.y is x.x else jnp.asarray(x.y)
    return Difference(first, second, jnp.asarray(x.dtype.type(0)).dtype)


def joining(kind: Kind, device: Hashable) -> Kind:
    """The kind as which structured operands of NumPy's arrays take part."""

    def facts(x: Any) -> Operand:
        own: Operand = _SHAPES[type(x).kind](x)
        return replace(own, device=device)

    form = ONE_HOT_FORM if kind.name == "one_hot" else FORM
    return replace(kind, form=form, facts=facts, adopt=_made_of_numpys, make=handed_on)


_SHAPES: dict[str, Any] = {
    "one_hot": lambda x: Operand(x.shape, x.dtype, (), ONE_HOT, x.labels.size),
    "rolled": lambda x: Operand(x.shape, x.dtype, (), FORM.name, structure=("rolled", x.k, x.axis, x.step)),
    "difference": lambda x: Operand(
        x.shape, x.dtype, (), FORM.name, structure=("pairwise_difference", x.y is x.x)
    ),
}


def _refine(x: Any) -> Kind:
    return ONE_HOT_KIND if isinstance(x, OneHot) else STRUCTURED


STRUCTURED = Kind(
    FORM.name,
    FORM,
    lambda cls: issubclass(cls, JaxOperand),
    _facts,
    lambda x: x.signature(),
    precedence=3,
    make=handed_on,
    alike=_alike,
    references=lambda x: x.arrays,
    dispatched=False,
    library=LIBRARY.name,
    device=lambda x: x.device(),
    joined=DENSE_KIND.joined,
    solvers=DENSE_KIND.solvers,
)
ONE_HOT_KIND = replace(STRUCTURED, name=ONE_HOT, form=ONE_HOT_FORM, alike=None)
#: What the registry knows the classes by; beside them BCOO's, which scipy.sparse's join as.
KIND = replace(STRUCTURED, refine=_refine, refined=(ONE_HOT_KIND, DENSE_KIND))
