"""Calls that torch.compile meets: a node of its graph, traced by the operations that it emits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ..._base.graphs import GRAPHS

__all__ = ["call", "node"]


def call(name: str, *args: Any, **kwargs: Any) -> Any:
    """Call a public function by its name."""
    return GRAPHS.functions[name](*args, **kwargs)


torch.compiler.allow_in_graph(call)
_compiling = torch.compiler.is_dynamo_compiling


def node() -> Callable[..., Any] | None:
    """What makes a node of a call; None where nothing is compiled."""
    return call if _compiling() else None
