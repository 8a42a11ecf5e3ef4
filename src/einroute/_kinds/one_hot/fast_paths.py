"""The common forms with as little as possible around the loop: a histogram, a segment sum, a gather.

One one-hot and at most one other operand, which is neither contracted nor broadcast, or a gather that is
scaled.  They answer None where an operand lies so that it would have to be copied; then the general way does
it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..._base.arrays import in_memory_order
from ..._base.facts import Step, c_strides
from ..._base.rewrites import regular
from ..._native import CORE
from ..._native.fresh import allocator
from ..dense.elementwise import align
from .adding import LOOPS, add_rows, counted, counted_together, weighed
from .look_up import take_or_zero
from .places import AtPlaces
from .together import count_together, in_order, sum_together
from .where import are_classes, clipped, in_native_order, within

#: Counts up to which single precision has every number.
_EXACT = 1 << 24

Array = np.ndarray[Any, Any]
Quick = Callable[[tuple[Any, ...]], "Array | None"]


def quick(plan: AtPlaces) -> Quick | None:
    """The short way of a plan, if it has one."""
    if 0 in plan.step.sizes.values():
        return None
    if len(plan.taken.positions) == 2 and not plan.rest:
        return _together(plan)
    if len(plan.taken.positions) != 1:
        return sum_together(plan) if plan.rest else count_together(plan)
    if len(plan.rest) == 2:
        return _scaled(plan)
    if not plan.rest:
        return _places(plan) if not plan.shown else (count_together if plan.kept else _count)(plan)
    if len(plan.rest) > 1 or not plan.plain.bare:
        return None
    way = plan.plain.ways[0]
    if plan.shown:
        if way.replaced:
            return None
        return sum_together(plan) if plan.kept else _sum(plan) or sum_together(plan)
    if len(way.replaced) == 1:
        return _gather(plan)
    return _pick(plan) if len(way.replaced) == len(plan.step.inputs[plan.rest[0]]) else None


def is_silent(plan: AtPlaces) -> bool:
    """Whether the short way is the core's alone, so that nothing is cast and no flag raised."""
    step, dtype = plan.step, plan.step.dtype
    alike = all(step.operands[i].dtype == dtype for i in plan.rest)
    return dtype.char in LOOPS and alike and (len(plan.rest) < 2 or _is_fused(plan))


def _is_fused(plan: AtPlaces) -> bool:
    """Whether what is looked up is multiplied by the core, by the numbers of one array at the places."""
    rest = zip(plan.rest, plan.plain.ways, strict=True)
    factors = [i for i, way in rest if not way.replaced]
    return plan.step.dtype.char in LOOPS and [plan.step.inputs[i] for i in factors] == [plan.taken.places]


def _count(plan: AtPlaces) -> Quick:
    (at,), step = plan.taken.positions, plan.step
    depth, dtype, threads = step.sizes[plan.shown], step.dtype, step.threads
    if dtype.char not in LOOPS:
        return lambda operands: counted(operands[at].labels.reshape(-1), depth, dtype, threads)
    count = _counter(step, plan.taken.places, (depth,))

    def run(operands: tuple[Any, ...]) -> Array:
        labels = in_native_order(operands[at].labels)
        return count((labels if labels.ndim == 1 else labels.reshape(-1),))

    return run


def _counter(step: Step, places: str, depths: tuple[int, ...]) -> Callable[[tuple[Array, ...]], Array]:
    """From flat labels to how often each comes, or each of several together, in one axis."""
    number, size, dtype, threads = step.extent(places), prod(depths), step.dtype, step.threads
    scales, char = tuple(prod(depths[k + 1 :]) for k in range(len(depths))), dtype.char
    if 2 * size <= number or number > _EXACT:

        def counted_by_core(labels: tuple[Array, ...]) -> Array:
            counts: Array = CORE.count_at(labels, depths, scales, (), size, char, threads)
            return counts

        return counted_by_core
    # Most are never met: nothing is done for those.
    ones: Array = np.ndarray((number,), dtype, np.ones((), dtype), 0, (0,))

    def added_up(labels: tuple[Array, ...]) -> Array:
        counts = np.zeros(size, dtype)
        CORE.add_at(labels, depths, scales, (0,), ones, counts, threads)
        return counts

    return added_up


def _places(plan: AtPlaces) -> Quick:
    """One at each place whose label is a class; or how many of those there are."""
    (at,) = plan.taken.positions
    depth = plan.step.sizes[plan.taken.classes[0]]
    hand_over = _of_places(plan)
    return lambda operands: hand_over((operands[at].labels,), depth)


def _of_places(plan: AtPlaces) -> Callable[[tuple[Array, ...], int], Array]:
    """From labels to what is kept of the places, one where all of them are the same class."""
    step, dtype, threads = plan.step, plan.step.dtype, plan.step.threads
    summed = tuple(i for i, c in enumerate(plan.taken.places) if c not in plan.kept)
    left = [c for c in plan.taken.places if c in plan.kept]
    back = tuple(left.index(c) for c in step.output)
    if dtype.char in LOOPS and not summed:
        shape, as_made = tuple(step.sizes[c] for c in plan.taken.places), in_order(back)
        make, ones = allocator(prod(shape) * dtype.itemsize, last=True), CORE.ones_at

        def written(labels: tuple[Array, ...], depth: int) -> Array:
            out: Array = make(shape, dtype)
            ones(tuple([in_native_order(x) for x in labels]), depth, out, threads)
            return out if as_made else out.transpose(back)

        return written
    if LOOPS and not back:
        return lambda labels, depth: np.asarray(
            CORE.count_ones(tuple(map(in_native_order, labels)), depth, threads)
        ).astype(dtype)

    def found(labels: tuple[Array, ...], depth: int) -> Array:
        same = are_classes(labels[0], depth)
        for other in labels[1:]:
            same = same & (labels[0] == other)
        if not summed:
            return same.astype(dtype).transpose(back)
        return np.asarray(same.sum(axis=summed, dtype=np.int64)).astype(dtype).transpose(back)

    return found


def _together(plan: AtPlaces) -> Quick | None:
    """Two one-hots of the same places: counts of pairs of labels, or where both have one label."""
    step, (first, second) = plan.step, plan.taken.positions
    if len(set(plan.taken.inputs)) > 1:
        return count_together(plan)
    one, other = plan.taken.classes
    depth = step.sizes[one]
    if one == other:
        if plan.shown:
            return None
        hand_over = _of_places(plan)
        return lambda operands: hand_over((operands[first].labels, operands[second].labels), depth)
    if plan.kept or len(plan.shown) != 2:
        return count_together(plan)
    dtype, turned, threads = step.dtype, step.output != one + other, step.threads
    depths = (depth, step.sizes[other])
    if dtype.char not in LOOPS:

        def count(operands: tuple[Any, ...]) -> Array | None:
            pairs = [(operands[i].labels, n) for i, n in zip((first, second), depths, strict=True)]
            counts = counted_together(pairs, dtype, threads)
            return counts if counts is None or not turned else counts.T

        return count
    count_pairs = _counter(step, plan.taken.places, depths)

    def count_by_core(operands: tuple[Any, ...]) -> Array:
        labels = [in_native_order(operands[i].labels) for i in (first, second)]
        counts = count_pairs(tuple([x if x.ndim == 1 else x.reshape(-1) for x in labels])).reshape(depths)
        return counts.T if turned else counts

    return count_by_core


def _pick(plan: AtPlaces) -> Quick | None:
    """One element of an array at each place, by its label: the array has the places' labels and the class."""
    (at,), (other,), step = plan.taken.positions, plan.rest, plan.step
    way = plan.plain.ways[0]
    order = plan.taken.places + plan.taken.classes[0]
    if way.result != plan.taken.places or len(step.inputs[other]) != len(order):
        return None
    axes = tuple(step.inputs[other].index(c) for c in order)
    back = tuple(plan.taken.places.index(c) for c in step.output)
    depth, shape = step.sizes[order[-1]], tuple(step.sizes[c] for c in plan.taken.places)
    op, count, threads = step.operands[other], prod(shape), step.threads
    strides = tuple(op.strides[a] for a in axes)
    units = tuple(s // op.dtype.itemsize for s in strides)
    even = CORE is not None and op.dtype.isnative and min(strides) >= 0
    even = even and all(s % op.dtype.itemsize == 0 for s in strides)
    # Of what lies from the first element of the array to its last one, no other is read.
    span, straight = op.span // op.dtype.itemsize, strides == c_strides((*shape, depth), op.dtype.itemsize)
    make = allocator(count * op.dtype.itemsize, last=True)
    scales, steps = units[-1:], units[:-1]

    def run(operands: tuple[Any, ...]) -> Array | None:
        array, labels = operands[other].transpose(axes), operands[at].labels
        if even and array.strides == strides:
            if straight:
                flat = array.reshape(-1)
            else:
                flat = as_strided(array, (span,), (array.itemsize,), writeable=False)
            out: Array = make(shape, array.dtype)
            CORE.take_at((in_native_order(labels),), (depth,), scales, steps, flat, out, threads)
            return out.transpose(back)
        if not array.flags.c_contiguous or not within(labels, depth):
            return None
        index = np.arange(0, count * depth, depth)
        index += clipped(labels, depth).reshape(-1)
        # One that was changed since the test may lie beyond the last row.
        return np.asarray(array.reshape(-1).take(index, mode="clip").reshape(shape).transpose(back))

    return run


def _sum(plan: AtPlaces) -> Quick | None:
    (at,), (other,), step = plan.taken.positions, plan.rest, plan.step
    labels = step.inputs[other]
    if len(plan.taken.places) > 1 and not labels.startswith(plan.taken.places):
        return None
    strides = dict(zip(labels, step.operands[other].strides, strict=True))
    wide = "".join(sorted(plan.wide, key=lambda c: -abs(strides[c])))  # as they lie, so that rows are rows
    axes = tuple(labels.index(c) for c in plan.taken.places + wide)
    depth, width, threads = step.sizes[plan.shown], step.extent(plan.wide), step.threads
    count = step.extent(plan.taken.places)
    flat = (depth, width) if plan.wide else (depth,)
    rows_shape = (count, width) if plan.wide else (count,)
    found = plan.shown + wide
    shape = tuple(step.sizes[c] for c in found)
    back = tuple(found.index(c) for c in step.output)
    dtype = step.dtype
    straight = in_order(axes)
    vector = dtype == np.float64 and not plan.wide and not LOOPS
    as_made = shape == flat and in_order(back)
    alike = dtype.char in LOOPS and step.operands[other].dtype == dtype
    add: Callable[..., None] | None = CORE.add_at if alike else None
    lengths = (depth,)

    def run(operands: tuple[Any, ...]) -> Array | None:
        rows = operands[other] if straight else operands[other].transpose(axes)
        if rows.shape != rows_shape:
            try:
                rows = rows.reshape(rows_shape, copy=False)
            except ValueError:  # they do not follow each other evenly
                return None
        where = operands[at].labels
        if where.ndim != 1:
            where = where.reshape(-1)
        out = weighed(where, depth, rows) if vector else None
        if out is None:
            out = np.zeros(flat, dtype)
            if add is not None and rows.dtype.isnative:
                add((in_native_order(where),), lengths, (1,), (0,), rows, out, threads)
            else:
                add_rows(where, depth, rows, out, threads)
        return out if as_made else out.reshape(shape).transpose(back)

    return run


def _gather(plan: AtPlaces) -> Quick:
    (at,), (other,), step = plan.taken.positions, plan.rest, plan.step
    labels, way = step.inputs[other], plan.plain.ways[0]
    rest = way.result[len(plan.taken.places) :]
    axes = tuple(labels.index(c) for c in way.replaced + rest)
    aligned = tuple(step.inputs[at].index(c) for c in plan.taken.places)
    back = tuple(way.result.index(c) for c in step.output)
    threads = step.threads
    lengths = tuple(step.sizes[c] for c in way.result)
    straight, vector = in_order(axes), len(aligned) == 1
    as_made = vector and in_order(back)
    depth = step.sizes[way.replaced]
    direct = CORE is not None and as_made and step.operands[other].dtype.isnative
    make = allocator(prod(lengths) * step.operands[other].dtype.itemsize, last=True)

    def run(operands: tuple[Any, ...]) -> Array | None:
        table = operands[other] if straight else operands[other].transpose(axes)
        if not table.flags.c_contiguous:
            if table.size > 2 * prod(lengths):
                return None
            table = np.ascontiguousarray(table)
        if direct:
            out: Array = make(lengths, table.dtype)
            CORE.take_at((in_native_order(operands[at].labels),), (depth,), (1,), (), table, out, threads)
            return out
        labels = operands[at].labels if vector else operands[at].labels.transpose(aligned).reshape(-1)
        found = take_or_zero(table, labels, threads)
        return found if as_made else found.reshape(lengths).transpose(back)

    return run


def _scaled(plan: AtPlaces) -> Quick | None:
    """A gather whose result is multiplied by one more operand, in blocks while they are in cache."""
    step, ways = plan.step, plan.plain.ways
    pairs = [(i, way) for i, way in zip(plan.rest, ways, strict=True) if way.replaced]
    if plan.shown or len(plan.taken.places) != 1 or len(pairs) != 1 or len(pairs[0][1].replaced) != 1:
        return None
    (table_at, way), (at,) = pairs[0], plan.taken.positions
    other = next(i for i in plan.rest if i != table_at)
    labels = step.inputs[other]
    dense = all(step.operands[i].form == "dense" for i in plan.rest)
    known = set(labels) <= set(way.result) and regular(step, other)
    if not dense or not known or sorted(way.result) != sorted(step.output):
        return None
    dtype = step.dtype
    if step.operands[table_at].dtype != dtype:
        return None
    view = align(labels, way.result)
    along = plan.taken.places in labels
    fused = _is_fused(plan)
    lengths = tuple(step.sizes[c] for c in way.result)
    make = allocator(prod(lengths) * dtype.itemsize, last=True)
    multiply = np.logical_and if dtype.kind == "b" else np.multiply
    back = tuple(way.result.index(c) for c in step.output)
    rows, threads = step.extent(way.result), step.threads

    def run(operands: tuple[Any, ...]) -> Array | None:
        table = operands[table_at].transpose(way.axes)
        if not (table.flags.c_contiguous and table.flags.aligned):
            if table.size > rows:
                return None
            table = in_memory_order(table)
        factor = view(operands[other])
        if fused and factor.dtype == dtype and factor.dtype.isnative and table.dtype.isnative:
            out: Array = make(lengths, dtype)
            labels = (in_native_order(operands[at].labels),)
            CORE.take_at(labels, (len(table),), (1,), (), table, out, threads, operands[other])
            return out.transpose(back)
        if factor.dtype != dtype:
            factor = factor.astype(dtype)

        def scale(part: slice, kept: Array | slice, found: Array) -> Array:
            return multiply(found, factor[part][kept] if along else factor, out=found)

        return take_or_zero(table, operands[at].labels, threads, scale).transpose(back)

    return run
