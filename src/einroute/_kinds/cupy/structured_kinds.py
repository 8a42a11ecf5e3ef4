"""Structured operands of CuPy's arrays as kinds; and as which those of NumPy's arrays join CuPy's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..._base.kinds import Kind
from ..array_library.structured import Structures
from .dense import LIBRARY
from .kind import KIND as DENSE_KIND
from .operands import CupyOperand, Difference, OneHot, Rolled
from .sparse_form import ONE_HOT_FORM
from .structured_form import FORM

__all__ = ["KIND", "joining"]

_STRUCTURES = Structures(LIBRARY, CupyOperand, OneHot, Rolled, Difference, FORM, ONE_HOT_FORM)
joining = _STRUCTURES.joining
STRUCTURED, ONE_HOT_KIND = _STRUCTURES.kinds(DENSE_KIND)


def _refine(x: Any) -> Kind:
    return ONE_HOT_KIND if isinstance(x, OneHot) else STRUCTURED


#: What the registry knows the classes by.
KIND = replace(STRUCTURED, refine=_refine, refined=(ONE_HOT_KIND, DENSE_KIND))
