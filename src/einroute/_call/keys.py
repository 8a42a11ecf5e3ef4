"""What a call is known by before it is understood: keys made of the arguments as they were given.

A call that was understood once is found again under such a key without being parsed.  So a key may hold
only what equal keys mean the same by: ``1 == True == 1.0`` is why types are asked for.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._entries.validate import BROKEN
from .._execute.call import aliases
from .._kinds.registry import KINDS, claiming_kind

Key = tuple[Any, ...]

_known = KINDS.by_class  # asked without a call of a function

ndarray = np.ndarray  # a global is found faster than an attribute of a module

#: Types of keyword arguments whose equal values mean the same.
_PLAIN = (str, type, type(None), bool)
#: What is an array of no dimensions: taken as one at once, so that such calls are found again.
_SCALARS = (float, int, complex, np.number, np.bool)


def einsum_key(operands: tuple[Any, ...], out: Any, optimize: Any, kwargs: dict[str, Any]) -> Key | None:
    """The key of an einsum call; None if not all it is given is plain.

    For C-ordered operands without keywords it is what the hot path looks up: the subscripts, then the shape
    and dtype of each operand.
    """
    if not operands or type(operands[0]) is not str:
        return None
    bare = optimize is False and out is None and not kwargs
    if bare and len(operands) > 1 and type(operands[1]) is not ndarray:  # as found below, in less time
        return mixed_key(("einsum", (), operands[0]), operands[1:])
    hot = bare
    facts: list[Any] = [operands[0]]
    for x in operands[1:]:
        if type(x) is not ndarray:
            given = () if bare else _given(out, optimize, kwargs)
            if follows_layout(kwargs.get("order")):
                return None
            return None if given is None else mixed_key(("einsum", given, operands[0]), operands[1:])
        hot = hot and x.flags.c_contiguous
        facts += (x.shape, x.dtype, x.strides)
    if hot:
        del facts[3::3]  # the strides
        return tuple(facts)
    given = None if bare else _given(out, optimize, kwargs)
    return None if given is None and not bare else (given, *facts)


def follows_layout(order: Any) -> bool:
    """Whether a result's layout is the operands', of which keys of other kinds than arrays say nothing."""
    return isinstance(order, str) and order.upper() == "A"


def mixed_key(head: Key, operands: tuple[Any, ...]) -> Key | None:
    """The key of a call some of whose operands are no arrays; None if it is not found again.

    Entries of sparse operands count by powers of two: a plan is good for all that hold about as many.
    """
    facts: list[Any] = list(head)
    known = 0  # operands that may stand for one tensor
    mixed = False
    for x in operands:
        if type(x) is ndarray:
            facts += (x.shape, x.dtype, x.strides)
            continue
        kind = _known.get(type(x)) or claiming_kind(type(x))
        if kind is None or not kind.form.rank:
            return None
        mixed = True
        try:
            signature = kind.signature(x)
        except BROKEN:
            return None  # it is found out what is wrong where the call is understood
        if signature is None:
            return None
        facts.append(signature)
        known += kind.alike is not None
    if known > 1:
        facts.append(aliases(operands))
    return tuple(facts) if mixed else None


def _path_key(path: Any) -> Key | None:
    """A path as tuples of ints; None if it is anything else."""
    if type(path) is not list and type(path) is not tuple:
        return None
    if not {type(step) for step in path} <= {tuple, list}:
        return None
    steps = tuple(map(tuple, path))
    return steps if {type(i) for step in steps for i in step} <= {int} else None


def contract_key(
    subscripts: Any,
    operands: tuple[Any, ...],
    out: Any,
    optimize: Any,
    memory_limit: Any,
    backend: Any,
    kwargs: dict[str, Any],
) -> Key | None:
    """The key of a call of contract; None if not all it is given is plain."""
    if type(subscripts) is not str or type(memory_limit) not in (int, str, type(None)) or backend != "auto":
        return None
    way: Any = optimize
    if type(optimize) not in _PLAIN:
        way = _path_key(optimize)
        if way is None:
            return None
    given: Key | None = ()
    if out is not None or kwargs:
        given = _given(out, None, kwargs)
        if given is None:
            return None
    head = ("contract", subscripts, way, memory_limit, given)
    for x in operands:
        if type(x) is not ndarray:
            return mixed_key(head, operands)
    return (
        head,
        tuple([x.shape for x in operands]),
        tuple([x.dtype for x in operands]),
        tuple([x.strides for x in operands]),
    )


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
    known = plain(axes)
    if known is None:
        return None
    if type(a) is not ndarray or type(b) is not ndarray:
        return mixed_key(("tensordot", known), (a, b))
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


def scalars_as_arrays(operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """Operands with scalars as arrays of no dimensions; as they came if anything else is no array."""
    scalars = [isinstance(x, _SCALARS) for x in operands]
    if any(scalars) and all(s or type(x) in (ndarray, str) for s, x in zip(scalars, operands, strict=True)):
        return tuple(np.asarray(x) if s else x for s, x in zip(scalars, operands, strict=True))
    return operands
