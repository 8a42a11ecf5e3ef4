"""Sparse products under autocast: as torch's own of COO, and exact wherever autocast has no say.

``torch.sparse.mm`` of a COO tensor and a dense one rounds floats of 32 bits and less to autocast's dtype and
gives a result of it; torch has no such product of CSR. Other sparse operations keep their dtypes, and what
is computed in floats because torch has no products of integers is not autocast's to round.
"""

from __future__ import annotations

from typing import Any

import torch

from ..._base.facts import Step
from ..._base.routes import Runner
from .cells import Cells
from .dense import LIBRARY, Tensor
from .dtypes import native

__all__ = ["lowered", "plainly"]

_autocast = torch._C._is_any_autocast_enabled


def _device_type(step: Step) -> str:
    device = next((op.device for op in step.operands if op.device is not None), None)
    return getattr(device, "type", "cpu")


def plainly(step: Step, run: Runner) -> Runner:
    """The same in the step's dtype, whatever autocast asks for and gave its operands."""
    where = _device_type(step)

    def plain(*operands: Any, out: Any = None) -> Any:
        if not _autocast():
            return run(*operands)
        with torch.autocast(where, enabled=False):
            return run(*(x if isinstance(x, Cells) else LIBRARY.cast(x, step.dtype) for x in operands))

    return plain


def lowered(step: Step, run: Runner) -> Runner:
    """The same with operands and result rounded to autocast's dtype, where it is at work on their device."""
    where, dtype = _device_type(step), native(step.dtype)
    plain = plainly(step, run)
    if step.dtype.kind != "f" or step.dtype.itemsize > 4:
        return plain

    def low(*operands: Any, out: Any = None) -> Any:
        if not _autocast():
            return run(*operands)
        if not torch.is_autocast_enabled(where):
            return plain(*operands)
        to = torch.get_autocast_dtype(where)

        def rounded(x: Any) -> Any:
            if isinstance(x, Cells):
                return x.with_values(x.values.to(to).to(dtype))
            return x.to(to).to(dtype)

        made: Tensor = plain(*map(rounded, operands))
        return made.to(to)

    return low
