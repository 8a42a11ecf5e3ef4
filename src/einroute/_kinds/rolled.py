"""Rolled operands."""

from __future__ import annotations

from .._rewrite import Rewrite
from .._route import Route

NAME = "rolled"
#: Contractions with such operands are rewritten before any step is decided.
ROUTES: tuple[Route, ...] = ()
REWRITES: tuple[Rewrite, ...] = ()


def recognises(operand: object) -> bool:
    """Whether ``operand`` is one of ours."""
    return True
