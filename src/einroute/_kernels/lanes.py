"""Vector operations of the compiled kernels: numba intrinsics, spelt out for LLVM.

numba has no vector type, and LLVM finds neither the transposes nor the accumulators of these loops by itself.
LLVM turns vectors of any width into what the processor has, so nothing here names one.

A *line* is 64 bytes, a cache line; `side` elements fill one.  A *tile* is `width` rows of a matrix,
transposed: its column i lies at ``[i*width, (i + 1)*width)``, a lane for each row.  Positions and steps are
in elements of flat arrays, and none is checked: callers do that.
"""

# What numba calls has a fixed signature: `typing`, and in `codegen` what a function has no use for.
# numba and llvmlite are typed in part or not at all.
# ruff: noqa: ARG001
# mypy: disable-error-code="import-untyped, no-untyped-call, untyped-decorator, unused-ignore"

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LINE = 64
_I32 = ir.IntType(32)


def side(dtype: Any) -> int:
    """Elements of one line: the side of the square blocks that are transposed in registers."""
    return int(LINE // (dtype.bitwidth // 8))


def width(dtype: Any) -> int:
    """Rows of a tile: two lines, so that enough sums are under way to hide the latency of an addition."""
    return 2 * side(dtype)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, at: Any) -> Any:
    return builder.gep(context.make_array(kind)(context, builder, array).data, [at])


def _load(builder: Any, pointer: Any, vector: Any, align: int) -> Any:
    return builder.load(builder.bitcast(pointer, vector.as_pointer()), align=align)


def _store(builder: Any, value: Any, pointer: Any, align: int) -> Any:
    return builder.store(value, builder.bitcast(pointer, value.type.as_pointer()), align=align)


def _shuffle(builder: Any, a: Any, b: Any, lanes: list[int]) -> Any:
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, len(lanes)), lanes))


def _splat(builder: Any, value: Any, count: int) -> Any:
    undefined = ir.Constant(ir.VectorType(value.type, count), ir.Undefined)
    return _shuffle(builder, builder.insert_element(undefined, value, _I32(0)), undefined, [0] * count)


def _add_product(builder: Any, total: Any, a: Any, b: Any) -> None:
    """``total += a * b`` in a slot of the stack, rounded once where the processor can."""
    old = builder.load(total)
    if isinstance(a.type.element, ir.IntType):
        builder.store(builder.add(builder.mul(a, b), old), total)
    else:
        once = ("contract",)
        builder.store(builder.fadd(builder.fmul(a, b, flags=once), old, flags=once), total)


@intrinsic
def width_of(typing: Any, array: Any) -> Any:
    """`width` for the elements of ``array``: a constant of the compiled code."""
    value = width(array.dtype)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.get_constant(types.intp, value)

    return types.intp(array), codegen


@intrinsic
def transpose(typing: Any, to: Any, to_at: Any, to_step: Any, source: Any, at: Any, step: Any) -> Any:
    """``to[to_at + j*to_step + i] = source[at + i*step + j]`` for i, j < `side`: one block, in registers."""
    n, itemsize = side(to.dtype), to.dtype.bitwidth // 8

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to_kind, _, _, kind, _, _ = signature.args
        to, to_at, to_step, source, at, step = arguments
        vector = ir.VectorType(context.get_data_type(to_kind.dtype), n)
        rows = []
        for i in range(n):
            place = builder.add(at, builder.mul(step, step.type(i)))
            rows.append(_load(builder, _pointer(context, builder, kind, source, place), vector, itemsize))
        # Swap the blocks off the diagonal, of one element, then of two, of four...
        for bit in (1 << k for k in range(n.bit_length() - 1)):
            low = [n + lane - bit if lane & bit else lane for lane in range(n)]
            high = [n + lane if lane & bit else lane + bit for lane in range(n)]
            for i in (i for i in range(n) if not i & bit):
                a, b = rows[i], rows[i + bit]
                rows[i], rows[i + bit] = _shuffle(builder, a, b, low), _shuffle(builder, a, b, high)
        for j, column in enumerate(rows):
            place = builder.add(to_at, builder.mul(to_step, step.type(j)))
            _store(builder, column, _pointer(context, builder, to_kind, to, place), itemsize)
        return context.get_dummy_value()

    intp = types.intp
    return types.void(to, intp, intp, source, intp, intp), codegen


@intrinsic
def prefetch(typing: Any, source: Any, at: Any, step: Any) -> Any:
    """Ask for the lines at ``source[at + i*step]``, i < `side`; nothing is read, so any place will do."""
    n = side(source.dtype)

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, at, step = arguments
        byte = ir.IntType(8).as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [byte, _I32, _I32, _I32])
        ask = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        for i in range(n):
            place = builder.add(at, builder.mul(step, step.type(i)))
            pointer = _pointer(context, builder, signature.args[0], source, place)
            builder.call(ask, [builder.bitcast(pointer, byte), _I32(0), _I32(3), _I32(1)])
        return context.get_dummy_value()

    return types.void(source, types.intp, types.intp), codegen


@intrinsic
def stream(typing: Any, to: Any, to_at: Any, source: Any, at: Any) -> Any:
    """Copy one line past the caches to a place whose address is a multiple of a line."""
    n, itemsize = side(to.dtype), to.dtype.bitwidth // 8

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to_kind, _, kind, _ = signature.args
        to, to_at, source, at = arguments
        vector = ir.VectorType(context.get_data_type(to_kind.dtype), n)
        line = _load(builder, _pointer(context, builder, kind, source, at), vector, itemsize)
        stored = _store(builder, line, _pointer(context, builder, to_kind, to, to_at), LINE)
        stored.set_metadata("nontemporal", builder.module.add_metadata([_I32(1)]))
        return context.get_dummy_value()

    return types.void(to, types.intp, source, types.intp), codegen


@intrinsic
def fence(typing: Any) -> Any:
    """Let no store pass a later one: streamed lines are in memory before a block is reported as done."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def add_scaled(typing: Any, to: Any, to_at: Any, value: Any, source: Any, at: Any) -> Any:
    """``to[to_at + l] += value * source[at + l]`` for l < `width`."""
    n, itemsize = width(to.dtype), to.dtype.bitwidth // 8

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to_kind, _, _, kind, _ = signature.args
        to, to_at, value, source, at = arguments
        vector = ir.VectorType(value.type, n)
        total = cgutils.alloca_once(builder, vector)
        goal = _pointer(context, builder, to_kind, to, to_at)
        builder.store(_load(builder, goal, vector, itemsize), total)
        term = _load(builder, _pointer(context, builder, kind, source, at), vector, itemsize)
        _add_product(builder, total, _splat(builder, value, n), term)
        _store(builder, builder.load(total), goal, itemsize)
        return context.get_dummy_value()

    return types.void(to, types.intp, to.dtype, source, types.intp), codegen


@intrinsic
def copy(typing: Any, to: Any, to_at: Any, source: Any, at: Any, count: Any) -> Any:
    """``to[to_at + k] = source[at + k]`` for k < ``count``."""

    def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        to_kind, _, kind, _, _ = signature.args
        to, to_at, source, at, count = arguments
        with cgutils.for_range(builder, count, intp=count.type) as loop:
            value = builder.load(_pointer(context, builder, kind, source, builder.add(at, loop.index)))
            builder.store(value, _pointer(context, builder, to_kind, to, builder.add(to_at, loop.index)))
        return context.get_dummy_value()

    intp = types.intp
    return types.void(to, intp, source, intp, intp), codegen
