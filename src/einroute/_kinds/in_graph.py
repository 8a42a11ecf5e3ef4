"""Calls met by a compiler that follows Python code, torch.compile say: they become one node of its graph.

Such a compiler cannot follow the look-up of a plan. What it can follow is the way to here: so whether it is
at work is asked before anything else, of the kinds of the operands, and a call that it meets is handed to a
function which its library has been told to put into the graph as it is, and to trace by the operations that
it emits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .registry import KINDS

__all__ = ["in_graph"]

ndarray = np.ndarray  # a global is found faster than an attribute of a module


def in_graph(operands: Iterable[Any], *, structured: bool = False) -> Callable[..., Any] | None:
    """What makes a node of a call, ``node(name, *args, **kwargs)``, where a compiler follows it.

    Nothing is asked of calls of NumPy's arrays.

    Parameters
    ----------
    operands : iterable
    structured : bool
        Whether a structured operand is made of them.
    """
    asked: Any = None
    for x in operands:
        cls = type(x)
        if cls is asked or cls is str or cls is ndarray or cls is list:
            continue
        asked = cls
        home = _home(cls)
        if home:
            node = sys.modules[home].KIND.node
            found: Callable[..., Any] | None = node(operands, structured=structured)
            if found is not None:
                return found
    return None


def _home(cls: type) -> str:
    """The module of the kind of a class, if such a compiler knows its operands; else empty. It is loaded."""
    home = KINDS.homes.get(cls)
    return KINDS.home(cls) if home is None else home


# So torch.compile calls it, and does not follow it: what it does is import a kind.
_home._dynamo_marked_constant = True  # type: ignore[attr-defined]
