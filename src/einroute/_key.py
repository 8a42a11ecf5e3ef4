"""What a call is known by before it is understood: keys made of the arguments as they were given.

A call that was understood once is found again under such a key without being parsed.  So a key may hold
only what equal keys mean the same by: ``1 == True == 1.0`` is why types are asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Key = tuple[Any, ...]

ndarray = np.ndarray  # a global is found faster than an attribute of a module

#: Types of keyword arguments whose equal values mean the same.
_PLAIN = (str, type, type(None), bool)


def einsum_key(operands: tuple[Any, ...], out: Any, optimize: Any, kwargs: dict[str, Any]) -> Key | None:
    """The key of an einsum call; None if not all it is given is plain.

    For C-ordered operands without keywords it is what the hot path looks up: the subscripts, then the shape
    and dtype of each operand.
    """
    if not operands or type(operands[0]) is not str:
        return None
    bare = optimize is False and out is None and not kwargs
    hot = bare
    facts: list[Any] = [operands[0]]
    for x in operands[1:]:
        if type(x) is not ndarray:
            return None
        hot = hot and x.flags.c_contiguous
        facts += (x.shape, x.dtype, x.strides)
    if hot:
        del facts[3::3]  # the strides
        return tuple(facts)
    given = None if bare else _given(out, optimize, kwargs)
    return None if given is None and not bare else (given, *facts)


def _given(out: Any, optimize: Any, kwargs: dict[str, Any]) -> Key | None:
    """What keyword arguments add to a key."""
    known: list[Any] = [optimize]
    if type(optimize) not in _PLAIN:
        known = [plain(optimize)]
        if type(known[0]) is not tuple:  # an int would be found under the key of True
            return None
    if out is not None:
        if type(out) is not ndarray:
            return None
        known += (out.shape, out.dtype, out.strides, out.flags.writeable)
    for name, value in kwargs.items():
        if type(value) not in _PLAIN and not isinstance(value, np.dtype):
            return None
        known += (name, value)
    return tuple(known)


def tensordot_key(a: Any, b: Any, axes: Any) -> Key | None:
    """The key of a tensordot call; None if not all it is given is plain.

    For C-ordered operands and a number of axes it is what the hot path looks up.
    """
    if type(a) is not ndarray or type(b) is not ndarray:
        return None
    known = plain(axes)
    if known is None:
        return None
    if type(known) is int and a.flags.c_contiguous and b.flags.c_contiguous:
        return (known, a.shape, a.dtype, b.shape, b.dtype)
    return (known, a.shape, a.dtype, a.strides, b.shape, b.dtype, b.strides)


def plain(value: Any, depth: int = 2) -> Any:
    """Nested tuples and lists of ints and strings as tuples, which can be part of a key; None for others.

    >>> plain(["einsum_path", (0, 1)]), plain(([1], [True]))
    (('einsum_path', (0, 1)), None)
    """
    kind = type(value)
    if kind is int or kind is str:
        return value
    if (kind is not tuple and kind is not list) or not depth:
        return None
    parts = tuple([plain(x, depth - 1) for x in value])
    return None if None in parts else parts
