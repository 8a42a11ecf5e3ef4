"""Quadratic forms of the differences of all pairs of points: what numba compiles, for one number of features.

``out[i, j] = sum_kl d_k s_kl d_l`` with ``d_k = x[i, k] - y[k, j]``, k <= l: differences first, so that
nothing cancels which does not cancel in the formula.  A vector of pairs (one i, `side` neighbouring j) goes
through all features in registers; every pair through the same operations, so that the form of one set of
points is symmetric to the last bit.  numba's cache looks at the date of this file only.
"""

# What numba calls has a fixed signature; numba and llvmlite are typed in part or not at all.
# ruff: noqa: ARG001, E501
# mypy: disable-error-code="import-untyped, no-untyped-def, no-untyped-call, call-arg, untyped-decorator, unused-ignore"

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import from_dtype, types
from numba.extending import intrinsic

from .lanes import _load, _pointer, _splat, _store, side

#: Multiply and add in one step where the processor can: the same for every pair.
_ONCE = ("contract",)


@intrinsic(prefer_literal=True)
def form(
    typing: Any,
    out: Any,
    at: Any,
    x: Any,
    of: Any,
    y: Any,
    place: Any,
    step: Any,
    s: Any,
    features: Any,
    whole: Any,
) -> Any:
    """Store one vector of pairs at ``out[at:]``: the point ``x[of:]`` with the vectors ``y[place + k*step:]``.

    Flat positions.  ``features`` and ``whole`` are constants; ``s`` holds the rows of the matrix one after
    the other, or its diagonal.
    """
    count, all_of_it = features.literal_value, whole.literal_value

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        out_kind, _, x_kind, _, y_kind, _, _, s_kind, _, _ = signature.args
        out, at, x, of, y, place, step, s, _, _ = arguments
        itemsize = out_kind.dtype.bitwidth // 8
        lanes = side(out_kind.dtype)
        vector = ir.VectorType(context.get_data_type(out_kind.dtype), lanes)

        def constant(kind: Any, array: Any, position: Any) -> Any:
            return _splat(builder, builder.load(_pointer(context, builder, kind, array, position)), lanes)

        def added(total: Any, a: Any, b: Any) -> Any:
            product = builder.fmul(a, b, flags=_ONCE)
            return product if total is None else builder.fadd(total, product, flags=_ONCE)

        d = []
        for k in range(count):
            point = constant(x_kind, x, builder.add(of, of.type(k)))
            own = builder.add(place, builder.mul(step, step.type(k)))
            others = _load(builder, _pointer(context, builder, y_kind, y, own), vector, itemsize)
            d.append(builder.fsub(point, others))
        q = None
        for k in range(count):
            half = None
            for l in range(k, count if all_of_it else k + 1):  # noqa: E741 - as in the formula
                entry = at.type(k * count + l if all_of_it else k)
                half = added(half, constant(s_kind, s, entry), d[l])
            q = added(q, half, d[k])
        _store(builder, q, _pointer(context, builder, out_kind, out, at), itemsize)
        return context.get_dummy_value()

    i = types.intp
    return types.void(out, i, x, i, y, i, i, s, features, whole), codegen


def source(features: int, whole: bool) -> Callable[..., None]:
    """The kernel for a number of features, for a whole matrix or for a diagonal one."""

    def forms(out, x, y, s, first, last):
        """Rows first to last of ``out`` (n, m); ``x`` is (n, features), ``y`` (features, m), all in C order.

        A row has at least as many pairs as a vector.
        """
        m = y.shape[1]
        lanes = 64 // out.itemsize
        for i in range(first, last):
            for j in range(0, m - lanes + 1, lanes):
                form(out, i * m + j, x, i * features, y, j, m, s, features, whole)
            if m % lanes:
                form(out, i * m + m - lanes, x, i * features, y, m - lanes, m, s, features, whole)

    return forms


def arguments(number: Any) -> tuple[Any, ...]:
    """The types of the arguments, for numbers of a dtype."""
    element = from_dtype(number)
    points = types.Array(element, 2, "C", readonly=True)
    entries = types.Array(element, 1, "C", readonly=True)
    return types.Array(element, 2, "C"), points, points, entries, types.intp, types.intp
