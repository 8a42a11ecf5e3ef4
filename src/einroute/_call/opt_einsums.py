"""opt_einsum's own functions, for the calls that are its to answer.

They are taken when the first is needed, or when ours are put in their place: they must not depend on what
stands in opt_einsum's modules at the moment.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from .._kinds.registry import other_kind

__all__ = ["own", "transpose"]


@cache
def _taken() -> dict[str, Callable[..., Any]]:
    module = importlib.import_module("opt_einsum.contract")
    return {name: getattr(module, name) for name in ("contract", "contract_expression", "contract_path")}


def own(name: str) -> Callable[..., Any]:
    """opt_einsum's function of a name.

    >>> own("contract").__module__
    'opt_einsum.contract'
    """
    return _taken()[name]


def transpose(x: Any, axes: Sequence[int]) -> Any:
    """An operand with its axes in another order: what opt_einsum asks of a backend beside its products."""
    if other_kind(x) is None:
        return x.transpose(axes)
    return importlib.import_module("einroute").einsum(x, [*range(len(axes))], [*axes])
