"""A runner of fewer labels, on operands and for a result that have all of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._base.routes import Runner
from .._plan.plans import Fused, Reshaped

__all__ = ["fused_around"]

Array = np.ndarray[Any, Any]


def fused_around(run: Runner, fused: Fused, order: str) -> Runner:
    """The same with operands reshaped before, and the result afterwards."""
    reshaped, split, axes, shape = fused.operands, fused.split, fused.axes, fused.shape

    def around(*arrays: Array, out: Array | None = None) -> Any:
        ready = [_brought(x, to) for x, to in zip(arrays, reshaped, strict=True)]
        result = np.asarray(run(*ready)).reshape(split).transpose(axes).reshape(shape)
        if out is not None:
            np.copyto(out, result)
            return out
        return result if order == "K" else np.asarray(result, order=order)  # type: ignore[call-overload]

    return around


def _brought(x: Array, to: Reshaped | None) -> Array:
    return x if to is None else x.transpose(to.axes).reshape(to.shape)
