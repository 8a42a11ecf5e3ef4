"""How operands of a library that is not NumPy's meet others: in which library, on which device, by which
dtypes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._base.dtypes import DTypeRules
from .._base.kinds import Kind

__all__ = ["dtype_rules", "met", "refuse_masked"]


def met(values: Sequence[Any], kinds: Sequence[Kind]) -> tuple[Kind, ...]:
    """The kinds as which operands take part, beside each other.

    Where some are of a library of its own, NumPy's arrays and scipy.sparse's join it, on its device.

    Raises
    ------
    TypeError
        Operands of two libraries, or on two devices, or one that cannot take part; masked arrays.
    """
    host: int | None = None
    placed: int | None = None  # the first operand that is to stay where it is
    for i, kind in enumerate(kinds):
        if not kind.library:
            continue
        _check(i, kind, values[i])
        host = i if host is None else host
        if kinds[host].library != kind.library:
            raise TypeError(
                f"operand {host} is of {kinds[host].library} and operand {i} of {kind.library}, which do not "
                f"mix; convert one, as in numpy.from_dlpack or {kind.library}'s own from_dlpack"
            )
        device = _device(kind, values[i])
        if device is None:
            continue
        if placed is None:
            placed = i
        elif device != (other := _device(kinds[placed], values[placed])):
            raise TypeError(
                f"operand {placed} is on device {other} and operand {i} on {device}; nothing is moved "
                f"between devices silently: move one of them yourself"
            )
    if host is None:
        return tuple(kinds)
    for i, x in enumerate(values):
        if isinstance(x, np.ndarray):
            refuse_masked(f"operand {i}", x, kinds[host].library)
    reason = kinds[host].apart(values)
    if reason:
        raise TypeError(reason)
    device = None if placed is None else _device(kinds[placed], values[placed])
    join = kinds[host].joined
    if join is None:
        return tuple(kinds)
    joined = tuple(kind if kind.library else (join(kind, device) or kind) for kind in kinds)
    for i, (kind, own) in enumerate(zip(joined, kinds, strict=True)):
        if kind is not own:
            _check(i, kind, values[i])
    return joined


def refuse_masked(name: str, x: np.ndarray[Any, Any], library: str) -> None:
    """Refuse a masked array beside arrays of a library, which have no masks.

    Raises
    ------
    TypeError
    """
    if type(x) is not np.ndarray and isinstance(x, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is a masked array, and arrays of {library} have no masks; pass its filled(0), "
            f"whose masked elements add nothing, or its data"
        )


def _check(position: int, kind: Kind, operand: Any) -> None:
    reason = kind.unfit(operand)
    if reason:
        raise TypeError(f"operand {position} ({type(operand).__name__}) {reason}")


def _device(kind: Kind, x: Any) -> Any:
    return None if kind.device is None else kind.device(x)


def dtype_rules(kinds: Sequence[Kind]) -> DTypeRules | None:
    """The rules by which operands of these kinds promote; None: NumPy's."""
    for kind in kinds:
        if kind.form.dtypes is not None:
            return kind.form.dtypes
    return None
