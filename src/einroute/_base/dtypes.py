"""dtypes of libraries whose rules are not NumPy's: how they promote, and those that NumPy does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from .facts import DType
from .records import dataclass

__all__ = ["DTypeRules", "LibraryDType"]

#: Kinds of numbers, each of which holds those before it.
_RANKS: Mapping[str, int] = MappingProxyType({"b": 0, "u": 1, "i": 1, "f": 2, "c": 3})


@dataclass(frozen=True, slots=True)
class LibraryDType:
    """A dtype that NumPy does not have, as far as plans ask.

    It stands where a `numpy.dtype` does, and compares unequal to each of them.

    Attributes
    ----------
    name : str
        As its library calls it: ``"bfloat16"``.
    kind : str
        NumPy's letter for what it holds: "f" of floats, "c" of complex numbers; "V" of what no route knows.
    itemsize : int
        Bytes of an element.
    """

    name: str
    kind: str
    itemsize: int

    @property
    def char(self) -> str:
        """Empty: no letter of NumPy's."""
        return ""

    @property
    def isnative(self) -> bool:
        """It has no byte order but the machine's."""
        return True

    def newbyteorder(self, _order: str = "=") -> LibraryDType:
        """Itself."""
        return self

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class DTypeRules:
    """How the operands of a form, and those that join them, promote and are cast.

    Attributes
    ----------
    of : callable
        ``operand -> dtype``: of an operand of any kind, as the caller gave it.
    promote : callable
        ``operands -> dtype``: what they are computed in, operands as the caller gave them: one of them may be
        a Python scalar, or have a weak type.
    named : callable
        What was given as ``dtype=`` -> dtype; TypeError where it names none that the library has.
    casts : callable
        ``(dtype, dtype, casting) -> bool``: whether one is cast to the other under one of NumPy's rules.
    weak : callable
        ``operand -> bool``: whether an operand takes the dtype of the others, as far as its kind fits in.
    """

    of: Callable[[Any], DType]
    promote: Callable[[Sequence[Any]], DType]
    named: Callable[[Any], DType]
    casts: Callable[[DType, DType, str], bool]
    weak: Callable[[Any], bool]

    def joins(self, operand: Any, dtype: DType, casting: str) -> bool:
        """Whether an operand takes part in a computation in a dtype under one of NumPy's rules."""
        own = self.of(operand)
        if self.weak(operand) and _RANKS.get(own.kind, 4) <= _RANKS.get(dtype.kind, -1):
            return True
        return self.casts(own, dtype, casting)
