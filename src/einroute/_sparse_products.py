"""dot, matmul and inner of operands some of which are sparse, as contractions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ._call import Array, _check_out, ndarray
from ._config import current
from ._errors import unknown_keyword
from ._found_again import run_bound
from ._key import Key
from ._sparse_call import SparseCall, call_key, numbered, pair_call, sparse_kind, taken_in
from ._structured_call import StructuredCall, any_structured

#: Labels of both operands and of the result.
_Labels = tuple[str, str, str]
#: What NumPy's matmul takes, beside ``out`` and ``dtype``, which are taken here too.
_OPTIONS = frozenset({"axes", "axis", "casting", "keepdims", "order", "signature", "subok"})


def is_sparse_pair(a: Any, b: Any) -> bool:
    """Whether one of two operands is sparse or structured."""
    return sparse_kind(a) is not None or sparse_kind(b) is not None or any_structured((a, b))


def refuse_scipy(name: str, instead: str, *operands: Any) -> None:
    """Refuse scipy.sparse operands, which NumPy's function would take for objects of no dimensions.

    Raises
    ------
    TypeError
        An operand is of scipy.sparse.
    """
    for i, x in enumerate(operands):
        kind = sparse_kind(x)
        if kind is not None and kind.NAME == "scipy_sparse":
            raise TypeError(
                f"{name} got a {type(x).__name__} of scipy.sparse as operand {i}, which it does not take; "
                f"{instead}"
            )


def sparse_dot(a: Any, b: Any, out: Array | None = None) -> Any:
    """`numpy.dot` where an operand is sparse.

    Raises
    ------
    ValueError
        Sizes that differ, an ``out`` that does not fit.
    """
    return _product("dot", a, b, out, _dot_labels)


def sparse_inner(a: Any, b: Any) -> Any:
    """`numpy.inner` where an operand is sparse.

    Raises
    ------
    ValueError
        Sizes that differ.
    """
    return _product("inner", a, b, None, _inner_labels)


def sparse_matmul(a: Any, b: Any, out: Any = None, dtype: Any = None, **other: Any) -> Any:
    """`numpy.matmul` where an operand is sparse.

    Raises
    ------
    ValueError
        Sizes that differ, an operand without dimensions.
    TypeError
        A keyword other than ``out`` and ``dtype``.
    """
    for name in other.keys() - _OPTIONS:
        raise TypeError(unknown_keyword("matmul", name, ("out", "dtype")))
    if other:
        named = ", ".join(sorted(other))
        raise TypeError(f"matmul got {named}, but with sparse operands it takes out and dtype only")
    if type(out) is tuple and len(out) == 1:
        (out,) = out
    return _product("matmul", a, b, out, _matmul_labels, dtype)


def _product(name: str, a: Any, b: Any, out: Any, labels: Any, dtype: Any = None) -> Any:
    state = current()
    if out is not None and type(out) is not ndarray:
        raise TypeError(f"out is of type {type(out).__name__}, expected an ndarray where operands are sparse")
    head: Key = (f"sparse {name}",)
    if out is not None:
        head = (f"sparse {name}", out.shape, out.dtype, out.strides, out.flags.writeable)
    key = None if dtype is not None else call_key(head, (a, b))
    if key is not None:
        run = state.plans.get(key)
        if run is not None:
            return run(a, b) if out is None else run(a, b, out=out)
    call = _understood(name, a, b, out, labels, dtype)
    if any_structured((a, b)):
        return run_bound(StructuredCall.of(call), state, out, None)
    return run_bound(call, state, out, key)


def _understood(name: str, a: Any, b: Any, out: Array | None, labels: Any, dtype: Any) -> SparseCall:
    (a, b), kinds = taken_in((a, b))
    of_a, of_b, output = labels(tuple(a.shape), tuple(b.shape))
    call = pair_call((a, b), kinds, (of_a, of_b), output, out=out is not None)
    if dtype is not None:
        wanted = np.dtype(dtype).newbyteorder("=")
        if wanted.kind not in "?biufc" or not np.can_cast(call.dtype, wanted, "same_kind"):
            raise TypeError(f"dtype is {wanted}, to which products of dtype {call.dtype} are not cast")
        call = replace(call, dtype=wanted)
    if out is None:
        return call
    _check_out(out, tuple(call.contraction.sizes[c] for c in output))
    if name == "dot" and (out.dtype != call.dtype or not out.flags.c_contiguous):
        raise ValueError(f"out has dtype {out.dtype}, expected a C-contiguous array of dtype {call.dtype}")
    if not np.can_cast(call.dtype, out.dtype, "same_kind"):
        raise TypeError(f"out has dtype {out.dtype}, to which a result of dtype {call.dtype} is not cast")
    return replace(call, order="F" if out.flags.f_contiguous and not out.flags.c_contiguous else "C")


def _dot_labels(a: tuple[int, ...], b: tuple[int, ...]) -> _Labels:
    """The last axis of ``a`` with the last but one of ``b``, its only one if it has one; or scaling."""
    of_a = numbered(len(a))
    if not a or not b:
        of_b = numbered(len(b), len(a))
        return of_a, of_b, of_a + of_b
    axis = max(0, len(b) - 2)
    _check_contracted(a, len(a) - 1, b, axis)
    of_b = numbered(len(b), len(a))
    of_b = of_b[:axis] + of_a[-1] + of_b[axis + 1 :]
    return of_a, of_b, of_a[:-1] + of_b[:axis] + of_b[axis + 1 :]


def _inner_labels(a: tuple[int, ...], b: tuple[int, ...]) -> _Labels:
    """The last axes of both; or scaling."""
    of_a = numbered(len(a))
    if not a or not b:
        of_b = numbered(len(b), len(a))
        return of_a, of_b, of_a + of_b
    _check_contracted(a, len(a) - 1, b, len(b) - 1)
    of_b = numbered(len(b) - 1, len(a))
    return of_a, of_b + of_a[-1], of_a[:-1] + of_b


def _matmul_labels(a: tuple[int, ...], b: tuple[int, ...]) -> _Labels:
    """Matrices in the last two axes, the others broadcast; a vector is a matrix of one row or column."""
    for i, shape in enumerate((a, b)):
        if not shape:
            raise ValueError(f"matmul: operand {i} has no dimensions, expected at least one; use * to scale")
    _check_contracted(a, len(a) - 1, b, max(0, len(b) - 2))
    try:
        np.broadcast_shapes(a[:-2], b[:-2])
    except ValueError:
        raise ValueError(
            f"matmul: the axes before the last two do not broadcast: {a[:-2]} in operand 0 (shape {a}), "
            f"{b[:-2]} in operand 1 (shape {b}); they must be equal or 1"
        ) from None
    batch = numbered(max(len(a), len(b), 2) - 2, 3)
    row, middle, column = tuple(numbered(3))
    of_a = batch[len(batch) - max(0, len(a) - 2) :] + (row if len(a) > 1 else "") + middle
    of_b = batch[len(batch) - max(0, len(b) - 2) :] + middle + (column if len(b) > 1 else "")
    return of_a, of_b, batch + (row if len(a) > 1 else "") + (column if len(b) > 1 else "")


def _check_contracted(a: tuple[int, ...], axis_a: int, b: tuple[int, ...], axis_b: int) -> None:
    if a[axis_a] != b[axis_b]:
        raise ValueError(
            f"operand 0 has shape {a} and operand 1 has shape {b}, whose axes {axis_a} and {axis_b} are "
            f"contracted and have sizes {a[axis_a]} and {b[axis_b]}; transpose or reshape one of them"
        )
