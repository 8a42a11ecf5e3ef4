"""Fake tensors, which have shapes and no elements, beside tensors that have some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensor

__all__ = ["apart", "is_fake"]


def is_fake(x: Any) -> bool:
    """Whether a tensor has no elements and is traced by its shape."""
    return isinstance(x, FakeTensor)


def _active() -> Any:
    """The mode of fake tensors that is active."""
    return torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.FAKE)


def apart(operands: Sequence[Any]) -> str:
    """Why operands cannot take part together: torch has no operations of fake and other tensors.

    But for modes that take others in, as torch.compile's does.
    """
    parts = [(i, part) for i, x in enumerate(operands) for part in getattr(x, "arrays", (x,))]
    first, mode = next(((i, x.fake_mode) for i, x in parts if is_fake(x)), (0, None))
    if mode is None:
        return ""
    for i, x in parts:
        if is_fake(x):
            if x.fake_mode is not mode:
                return f"operands {first} and {i} are fake tensors of two modes; make both under one mode"
        elif isinstance(x, np.ndarray) and _active() is mode:
            continue  # torch.from_numpy makes a fake tensor of it
        elif isinstance(x, torch.Tensor | np.ndarray) and not mode.allow_non_fake_inputs:
            return (
                f"operand {first} is a fake tensor, and operand {i} ({type(x).__name__}) has elements; "
                f"make it one of the same mode, with mode.from_tensor, or use a mode that has "
                f"allow_non_fake_inputs=True"
            )
    return ""
