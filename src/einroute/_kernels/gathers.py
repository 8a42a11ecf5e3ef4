"""Sums of scaled vectors: the innermost loop of a row of a sparse matrix times a dense one.

``to[to_at + l] = sum_p data[p] * source[at + indices[p]*step + l]``, start <= p < stop and l < `width`, with
the sums in registers.  There is one intrinsic for each form of the numbers:

`gather_tile`
    Real numbers in a tile, whose column ``none`` holds zeros: terms are taken two at a time, missing ones
    from there, since the processor's wrong guesses at the lengths of short columns cost more. There must be a
    term at all: missing ones are read at place 0 of `data` and `indices`.
`gather_tile_complex`
    Pairs in `data`; in the tile and in `to` all real parts, then, a width further, all imaginary parts;
    `indices` counts pairs of columns.
`gather`, `gather_complex`
    Numbers where they lie, complex ones as pairs everywhere; `none` is not used.
"""

# What numba calls has a fixed signature; the arguments are used by name in `_Loop`.
# numba and llvmlite are typed in part or not at all.
# ruff: noqa: ARG001
# mypy: disable-error-code="import-untyped, no-untyped-call, unused-ignore"

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .lanes import _add_product, _load, _pointer, _shuffle, _splat, _store, width


@dataclass(frozen=True)
class _Form:
    """How numbers lie: in tiles with a column of zeros, or not; complex ones apart in tiles, or pairs."""

    name: str
    tile: bool
    pairs: bool


@dataclass(frozen=True)
class _Loop:
    """One intrinsic's code being written: where its arguments are, and its sums."""

    context: Any
    builder: Any
    form: _Form
    kinds: Any
    arguments: Any

    def element(self, which: int, at: Any) -> Any:
        """An element of `data` (2) or `indices` (3)."""
        pointer = _pointer(self.context, self.builder, self.kinds[which], self.arguments[which], at)
        return self.builder.load(pointer)

    def vector(self, at: Any) -> Any:
        kind = self.kinds[6]
        of = ir.VectorType(self.context.get_data_type(kind.dtype), width(kind.dtype))
        pointer = _pointer(self.context, self.builder, kind, self.arguments[6], at)
        return _load(self.builder, pointer, of, kind.dtype.bitwidth // 8)

    def add_term(self, p: Any, sums: tuple[Any, Any], there: Any = None) -> None:
        """Add term ``p``; where ``there`` is given and false, zero times the column of zeros."""
        b, i64 = self.builder, p.type
        at, step, none = self.arguments[7:]
        if there is not None:
            p = b.select(there, p, ir.Constant(i64, 0))
        index = self.element(3, p)
        if index.type != i64:
            index = b.sext(index, i64)
        if there is not None:
            index = b.select(there, index, none)
        if self.form.pairs and self.form.tile:
            index = b.shl(index, i64(1))
        place = b.add(at, b.mul(index, step))
        if not self.form.pairs:
            _add_product(b, sums[0], self.splat(self.element(2, p), there), self.vector(place))
            return
        pair = b.shl(p, i64(1))
        real, imaginary = self.element(2, pair), self.element(2, b.add(pair, i64(1)))
        first = self.vector(place)
        _add_product(b, sums[0], self.splat(real, there), first)
        _add_product(b, sums[1], self.splat(imaginary, there), first)
        if self.form.tile:
            second = self.vector(b.add(place, step))
            _add_product(b, sums[0], self.splat(b.fneg(imaginary), there), second)
            _add_product(b, sums[1], self.splat(real, there), second)

    def splat(self, value: Any, there: Any) -> Any:
        if there is not None:
            value = self.builder.select(there, value, ir.Constant(value.type, 0))
        return _splat(self.builder, value, width(self.kinds[0].dtype))

    def store(self, values: list[Any]) -> None:
        kind, to, at = self.kinds[0], self.arguments[0], self.arguments[1]
        for part, value in enumerate(values):
            place = self.builder.add(at, at.type(part * width(kind.dtype)))
            pointer = _pointer(self.context, self.builder, kind, to, place)
            _store(self.builder, value, pointer, kind.dtype.bitwidth // 8)


def _write(loop: _Loop) -> None:
    b, form = loop.builder, loop.form
    start, stop = loop.arguments[4], loop.arguments[5]
    i64 = start.type
    of = ir.VectorType(loop.context.get_data_type(loop.kinds[0].dtype), width(loop.kinds[0].dtype))
    sums = (cgutils.alloca_once(b, of), cgutils.alloca_once(b, of))
    # Real sums take turns, so that two additions are under way at once.
    turns = (sums, sums if form.pairs else sums[::-1])
    for total in sums:
        b.store(ir.Constant(of, None), total)
    if form.tile:
        for i, turn in enumerate(turns):
            p = b.add(start, i64(i))
            loop.add_term(p, turn, b.icmp_signed("<", p, stop))
        start = b.add(start, i64(2))
    with cgutils.for_range_slice(b, start, stop, i64(2), i64) as (p, _):
        after = b.add(p, i64(1))
        loop.add_term(p, turns[0])
        if form.tile:
            loop.add_term(after, turns[1], b.icmp_signed("<", after, stop))
        else:
            with b.if_then(b.icmp_signed("<", after, stop)):
                loop.add_term(after, turns[1])
    first, second = (b.load(total) for total in sums)
    if not form.pairs:
        loop.store([b.add(first, second) if isinstance(of.element, ir.IntType) else b.fadd(first, second)])
    elif form.tile:
        loop.store([first, second])
    else:
        loop.store([_turned(b, first, second)])


def _turned(builder: Any, first: Any, second: Any) -> Any:
    """``first + i*second`` of complex numbers in pairs: adds ``(-imaginary, real)`` of the second."""
    n = first.type.count
    crossed = _shuffle(builder, second, second, [lane ^ 1 for lane in range(n)])
    signs = [lane if lane & 1 else n + lane for lane in range(n)]
    return builder.fadd(first, _shuffle(builder, crossed, builder.fneg(crossed), signs))


def _intrinsic(form: _Form) -> Callable[..., Any]:
    def gather(
        typing: Any,
        to: Any,
        to_at: Any,
        data: Any,
        indices: Any,
        start: Any,
        stop: Any,
        source: Any,
        at: Any,
        step: Any,
        none: Any,
    ) -> Any:
        def codegen(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _write(_Loop(context, builder, form, signature.args, arguments))
            return context.get_dummy_value()

        intp = types.intp
        return types.void(to, intp, data, indices, intp, intp, source, intp, intp, intp), codegen

    gather.__name__ = gather.__qualname__ = form.name
    made: Callable[..., Any] = intrinsic(gather)
    return made


gather_tile = _intrinsic(_Form("gather_tile", tile=True, pairs=False))
gather_tile_complex = _intrinsic(_Form("gather_tile_complex", tile=True, pairs=True))
gather = _intrinsic(_Form("gather", tile=False, pairs=False))
gather_complex = _intrinsic(_Form("gather_complex", tile=False, pairs=True))
