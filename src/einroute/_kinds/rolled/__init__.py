"""Rolled operands: an array beside all its rollings along one axis."""

from __future__ import annotations

from ..._operands.rolled import Rolled
from ..._problem import Operand
from ..._rewrite import Rewrite
from ..._route import Route
from . import diagonal, fft, first, split, strided, windows
from .extension import Rolling
from .where import NAME

__all__ = ["NAME", "REWRITES", "ROUTES", "facts", "recognises"]

#: Contractions with such operands are rewritten before any step is decided.
ROUTES: tuple[Route, ...] = ()
REWRITES: tuple[Rewrite, ...] = (
    diagonal.DIAGONAL,
    first.FIRST,
    fft.FFT,
    windows.WINDOWS,
    split.SPLIT,
    strided.STRIDED,
)


def recognises(operand: object) -> bool:
    """Whether ``operand`` is a rolled operand."""
    return isinstance(operand, Rolled)


def facts(operand: Rolled) -> Operand:
    """Facts of an operand."""
    rolling = Rolling(operand.axis, operand.shift, operand.base.strides)
    return Operand(operand.shape, operand.dtype, (), NAME, structure=rolling)
