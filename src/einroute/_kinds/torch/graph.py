"""Calls that torch.compile meets: a node of its graph, traced by the operations that it emits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch

from ..._base.graphs import FUNCTIONS

__all__ = ["call", "node"]


def call(name: str, *args: Any, **kwargs: Any) -> Any:
    """Call a public function by its name."""
    return FUNCTIONS[name](*args, **kwargs)


torch.compiler.allow_in_graph(call)
#: The same outside of the graph, which breaks there; torch's error under ``fullgraph=True`` says why.
_outside: Callable[..., Any] = torch.compiler.disable(
    call,
    reason="einroute: sparse tensors and structured operands (one_hot, rolled, pairwise_difference) are no "
    "nodes of a graph of torch's; compile without fullgraph=True, or write the operand out",
)
_compiling = torch.compiler.is_dynamo_compiling
#: Types that a graph has nodes of.
_TRACED = (torch.Tensor, np.ndarray, np.generic, str, int, float, complex, list, tuple, type(None), type(...))


def node(operands: Iterable[Any], *, structured: bool = False) -> Callable[..., Any] | None:
    """What makes a node of a call, or calls outside of the graph; None where nothing is compiled.

    Sparse tensors and structured operands are no nodes, and so is what makes these.
    """
    if not _compiling():
        return None
    if structured:
        return _outside
    for x in operands:
        if not isinstance(x, _TRACED) or (isinstance(x, torch.Tensor) and x.layout is not torch.strided):
            return _outside
    return call
