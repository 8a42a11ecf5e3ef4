"""Structured operands of tensors as kinds; and as which those of NumPy's arrays join tensors."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

from ..._base.facts import Operand
from ..._base.kinds import Kind, handed_on
from .dense import LIBRARY
from .graph import node
from .kind import KIND as DENSE_KIND
from .operands import Difference, OneHot, Rolled, TorchOperand
from .sparse_form import ONE_HOT_FORM
from .sparse_matmul import ONE_HOT
from .structured_form import FORM

__all__ = ["KIND", "joining"]


def _facts(x: TorchOperand) -> Operand:
    dtype = LIBRARY.dtypes.of(x)
    if isinstance(x, OneHot):
        return Operand(x.shape, dtype, (), ONE_HOT, x.labels.numel(), device=x.device)
    return Operand(x.shape, dtype, (), FORM.name, structure=x.structure(), device=x.device)


def _alike(x: Any, y: Any) -> bool:
    """Whether two operands are one tensor: of the same tensors, in the same structure."""
    return x is y or (
        type(x) is type(y)
        and x.given == y.given
        and x.dtype == y.dtype
        and len(x.tensors) == len(y.tensors)
        and all(a is b for a, b in zip(x.tensors, y.tensors, strict=True))
    )


def joining(kind: Kind, device: Hashable) -> Kind:
    """The kind as which structured operands of NumPy's arrays take part: of tensors, on the device."""

    def made(x: Any) -> TorchOperand:
        if kind.name == "rolled":
            return Rolled(LIBRARY.from_numpy(x.base, device), x.k, x.axis, x.shift)
        dtype = LIBRARY.native(x.dtype)
        if kind.name == "one_hot":
            return OneHot(LIBRARY.from_numpy(x.labels, device), x.depth, dtype)
        first = LIBRARY.from_numpy(x.x, device)
        return Difference(first, None if x.y is x.x else LIBRARY.from_numpy(x.y, device), dtype)

    def facts(x: Any) -> Operand:
        if kind.name == "one_hot":
            return Operand(x.shape, x.dtype, (), ONE_HOT, x.labels.size, device=device)
        name = (
            ("rolled", x.k, x.axis, x.shift) if kind.name == "rolled" else ("pairwise_difference", x.y is x.x)
        )
        return Operand(x.shape, x.dtype, (), FORM.name, structure=name, device=device)

    form = ONE_HOT_FORM if kind.name == "one_hot" else FORM
    return replace(kind, form=form, facts=facts, adopt=made, make=handed_on)


def _refine(x: Any) -> Kind:
    return ONE_HOT_KIND if isinstance(x, OneHot) else STRUCTURED


STRUCTURED = Kind(
    FORM.name,
    FORM,
    lambda cls: issubclass(cls, TorchOperand),
    _facts,
    lambda x: x.signature(),
    precedence=3,
    make=handed_on,
    alike=_alike,
    references=lambda x: x.tensors,
    dispatched=False,
    library=LIBRARY.name,
    device=lambda x: x.device,
    joined=DENSE_KIND.joined,
)
ONE_HOT_KIND = replace(STRUCTURED, name=ONE_HOT, form=ONE_HOT_FORM, alike=None)
#: What the registry knows the classes by.
KIND = replace(STRUCTURED, refine=_refine, refined=(ONE_HOT_KIND,), node=node)
