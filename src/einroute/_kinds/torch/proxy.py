"""Proxies of torch.fx, which stand for values while a function is traced: calls become nodes of the graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torch.fx.proxy import Proxy

from ..._base.facts import Operand
from ..._base.kinds import Kind
from .graph import call
from .kind import FORM

__all__ = ["KIND"]


def _facts(x: Any) -> Operand:
    raise TypeError(
        "it is a Proxy of torch.fx, which has no shape: only whole functions of einroute's are traced, the "
        "operands passed to them as they are"
    )


def _node(operands: Iterable[Any], *, structured: bool = False) -> Callable[..., Any] | None:
    """What writes a call into the graph of the tracer that one of the operands is of."""
    tracer = next((x.tracer for x in operands if isinstance(x, Proxy)), None)
    if tracer is None:
        return None
    return lambda name, *args, **kwargs: tracer.create_proxy("call_function", call, (name, *args), kwargs)


KIND = Kind(
    "torch_proxy",
    FORM,
    lambda cls: issubclass(cls, Proxy),
    _facts,
    lambda _x: None,
    dispatched=False,
    node=_node,
)
