"""Calls met by a compiler that follows Python code, torch.compile say: they become one node of its graph.

Such a compiler cannot follow the look-up of a plan. What it can follow is the way to here, and a plain
import: so whether it is at work is asked before anything else, and a call that it meets is handed to a
function which its library has been told to put into the graph as it is, and to trace by the operations that
it emits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .._base.graphs import GRAPHS

__all__ = ["in_graph"]

ndarray = np.ndarray  # a global is found faster than an attribute of a module


def _of_torch() -> Callable[[Iterable[Any]], Callable[..., Any] | None]:
    from .torch.graph import node  # noqa: PLC0415 - an optional library's, whose operand is there

    return node


#: What only operands of a library have, the library's name, and what loads its `GRAPHS.nodes`. (A table of
#: classes, and an import by name, such compilers do not follow.)
_MARKS: tuple[tuple[str, str, Callable[[], Callable[[Iterable[Any]], Callable[..., Any] | None]]], ...] = (
    ("__torch_function__", "torch", _of_torch),
)


def in_graph(operands: Iterable[Any]) -> Callable[..., Any] | None:
    """What makes a node of a call, ``node(name, *args, **kwargs)``, where a compiler follows it.

    Little is asked of calls of NumPy's arrays.
    """
    for x in operands:
        if type(x) is ndarray or type(x) is str or type(x) is list:
            continue
        for mark, library, load in _MARKS:
            if hasattr(x, mark):
                node = GRAPHS.nodes.get(library)
                return (load() if node is None else node)(operands)
    return None
