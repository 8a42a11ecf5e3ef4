"""Options of a call, read as NumPy reads them: dtype, casting, order, out, optimize."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._base.dtypes import DTypeRules
from .._base.errors import (
    BadPath,
    bad_optimize,
    bad_order,
    bad_out_dtype,
    bad_out_shape,
    cast_refused,
    shown,
)
from .._base.facts import DType
from .._kinds.meeting import dtype_rules
from .._kinds.registry import other_kind
from .._plan.planner import result_dtype
from .operands import KINDS, Array, Operands, ndarray

__all__ = [
    "bad_out_type",
    "check_casting",
    "check_casts",
    "check_out",
    "check_out_type",
    "computed_in",
    "layout_letter",
    "order_letter",
    "path_of",
    "path_option",
]

_CASTINGS = ("no", "equiv", "safe", "same_kind", "unsafe")


def computed_in(taken: Operands, kwargs: dict[str, Any], out: DType | None = None) -> DType:
    """The dtype to compute in, which need not be one that we know where every operand is an array."""
    casting = kwargs.get("casting", "safe")
    check_casting(casting)
    wanted = kwargs.get("dtype")
    rules = dtype_rules(taken.kinds) if taken.mixed else None
    if rules is not None:
        return _computed_by(rules, taken, wanted, kwargs.get("casting"))
    dtypes = taken.dtypes
    first = dtypes[0]
    dtype: DType
    if wanted is not None:
        dtype = np.dtype(wanted).newbyteorder("=")
        if taken.mixed and not taken.tasks and dtype.kind not in KINDS:
            raise TypeError(f"dtype is {dtype}, expected one of bools, integers, floats or complex numbers")
    elif first.isnative and all(own == first for own in dtypes) and (out is None or out == first):
        return first
    else:
        # NumPy lets `out` take part in the promotion: int8 operands into float64 do not wrap.
        dtype = result_dtype([*dtypes, *([] if out is None else [out])])
    for i, own in enumerate(dtypes):
        if not np.can_cast(own, dtype, casting=casting):
            raise TypeError(cast_refused(i, own, dtype, casting))
    return dtype


def _computed_by(rules: DTypeRules, taken: Operands, wanted: Any, casting: Any) -> DType:
    """The dtype to compute in by a library's own rules.

    What promotes by them is cast by them; a rule of casting holds where the caller names it, or a dtype.
    """
    dtype = rules.promote(taken.given) if wanted is None else rules.named(wanted)
    if wanted is None and casting is None:
        return dtype
    rule = "safe" if casting is None else casting
    for i, x in enumerate(taken.given):
        if not rules.joins(x, dtype, rule):
            raise TypeError(cast_refused(i, rules.of(x), dtype, rule))
    return dtype


def check_casting(casting: Any) -> None:
    """Raise where a ``casting=`` is none of NumPy's rules."""
    if casting not in _CASTINGS:
        raise ValueError(f"casting is {casting!r}, expected one of {', '.join(map(repr, _CASTINGS))}")


def order_letter(order: Any) -> str:
    if order is None:
        return "K"
    letter = order.upper() if isinstance(order, str) else ""
    if letter not in ("K", "C", "F", "A"):
        raise ValueError(bad_order(order))
    return letter


def layout_letter(order: Any, taken: Operands) -> str:
    """An ``order=`` as "K", "C" or "F": "A" is F where every operand is that has a layout.

    Raises
    ------
    TypeError
        "F" of a result in chunks, which has no layout.
    """
    letter = order_letter(order)
    if taken.tasks:
        if letter == "F":
            raise TypeError(f"order is {order!r}, and a result in chunks has no layout; drop it")
        return "K"
    if letter != "A":
        return letter
    found = []
    for x, kind in zip(taken.values, taken.kinds, strict=True):
        if type(x) is ndarray:
            found.append(bool(x.flags.f_contiguous))
        elif kind.f_contiguous is not None:
            found.append(kind.f_contiguous(x))
    return "F" if found and all(found) else "C"


def bad_out_type(out: Any) -> str:
    """What is wrong with an out that is no ndarray beside operands that are none."""
    return (
        f"out is of type {type(out).__name__}, expected an ndarray, for results that are arrays of NumPy's; "
        f"call without out"
    )


def check_out_type(out: Any, taken: Operands) -> None:
    """Raise where results cannot be put into an ``out`` of its type, before any work.

    Raises
    ------
    TypeError
        An ``out`` that is no ndarray beside operands that are none, or that is another library's; an ndarray
        for the results of another library.
    """
    if out is None:
        return
    host = next((kind for kind in taken.kinds if kind.library), None)
    if type(out) is ndarray:
        if host is not None and not host.form.sparse:
            raise TypeError(f"out is an ndarray, but the result is {host.form.called}; call without out")
        return
    if not hasattr(out, "shape"):
        raise TypeError(f"out is of type {type(out).__name__}, expected an array of the result's shape")
    kind = other_kind(out)
    if taken.mixed or (kind is not None and kind.library):
        raise TypeError(bad_out_type(out))


def check_out(out: Array, shape: tuple[int, ...]) -> None:
    if out.shape != shape:
        raise ValueError(bad_out_shape(out.shape, shape))
    if not out.flags.writeable:
        raise ValueError("out is read-only, expected a writeable array; pass out.copy()")


def check_casts(out: DType, dtype: DType, casting: Any) -> None:
    """Whether ``out`` is cast in both directions: NumPy's loops add to it."""
    if not np.can_cast(dtype, out, casting=casting):
        raise TypeError(bad_out_dtype(out, dtype, casting))
    if not np.can_cast(out, dtype, casting=casting):
        raise TypeError(
            f"out has dtype {out}, which is not cast to {dtype} under casting={casting!r}; "
            f"pass an out of dtype {dtype}, another dtype, or a wider casting"
        )


def path_option(optimize: Any) -> tuple[Any, int | None]:
    """The name of a way to find a path, or a path as it was given, and a limit on an intermediate's elements.

    Raises
    ------
    TypeError
        None of NumPy's forms of ``optimize``.
    """
    if optimize is False or optimize is True:
        return "auto", None
    if optimize is None:
        return None, None
    if isinstance(optimize, str):
        if optimize in ("greedy", "optimal"):
            return optimize, None
    elif isinstance(optimize, (tuple, list)) and optimize:
        if optimize[0] == "einsum_path":
            return optimize[1:], None
        if len(optimize) == 2 and optimize[0] in ("greedy", "optimal") and type(optimize[1]) in (int, float):
            return optimize[0], int(optimize[1])
    raise TypeError(bad_optimize(optimize))


def _given_path(pairs: Any, count: int) -> tuple[tuple[int, ...], ...]:
    """A path as tuples of ints that leaves one operand; None stands for one step of them all."""
    if pairs is None:
        return (tuple(range(count)),)
    path = []
    for number, positions in enumerate(pairs):
        chosen = tuple(positions)
        step = f"whose step {number} is {shown(positions)}"
        if not all(type(i) is int for i in chosen):
            raise BadPath(pairs, TypeError, step)
        if not all(0 <= i < count for i in chosen):
            numpys = IndexError if all(i >= 0 for i in chosen) else ValueError
            raise BadPath(pairs, numpys, f"{step} and takes operands of {count}")
        if not chosen or len(set(chosen)) != len(chosen):
            raise BadPath(pairs, RuntimeError, step)
        count -= len(chosen) - 1
        path.append(chosen)
    if count != 1 or not path:
        raise BadPath(pairs, RuntimeError, f"which leaves {count}")
    return tuple(path)


def path_of(way: Any, count: int, *, mixed: bool) -> Any:
    """A path as given, checked, or the name of a way to find one."""
    try:
        return way if isinstance(way, str) else _given_path(way, count)
    except BadPath as error:
        if mixed:
            raise error.numpys(str(error)) from None
        raise
