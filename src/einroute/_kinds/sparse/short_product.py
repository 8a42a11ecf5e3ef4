"""Products of two sparse matrices that the core does whole: on the operands as they came."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.errstate import quiet
from ..._base.routes import Alone, Runner
from ..._entries.entries import CROWDED
from ..._native import CORE
from . import diagonals
from .built import MANY_ROWS
from .libraries import Library, library_of
from .result import entries_of
from .short import alike, as_rows, parts_of


def _summed(alone: Alone, run: Runner, middle: str, library: Library) -> Runner | None:
    """All products summed: one matrix summed along the label that both have, which the other looks up."""
    step, n = alone.step, alone.step.sizes[middle]
    if n > CROWDED * sum(entries_of(step, i) for i in (0, 1)):
        return None
    dtype, threads = step.dtype, step.threads
    # One number after the other is added to each sum, which loses digits of single precision.
    wide = np.promote_types(dtype, np.float64) if dtype.char in "fF" else dtype
    char = wide.char
    (first, second), sizes = alone.inputs, step.sizes
    at, other = first.index(middle), second.index(middle)
    shape, beside = (tuple(sizes[c] for c in labels) for labels in (first, second))
    adding = CORE.Sampled(char, (0, 1), (), (at,), shape, False, False, threads)
    looking = CORE.Sampled(char, (0, 1), ((other,),), (), beside, False, False, threads)
    sound = CORE.sound_parts

    def short(a: Any, b: Any) -> Any:
        left, right = sound(a), sound(b)
        if left is None or right is None or not left[1].dtype == right[1].dtype == dtype:
            return run(a, b)
        data, *places = parts_of(left)
        sums = adding(data.astype(wide, copy=False), *places, False)
        if not isinstance(sums, np.ndarray):
            return run(a, b)
        data, *places = parts_of(right)
        made = looking(data.astype(wide, copy=False), *places, False, sums)
        if made is None or made is False:
            return run(a, b)
        return library.number(made.astype(dtype, copy=False)[()])

    return quiet(short) if wide is not dtype else short


def of_product(alone: Alone, run: Runner) -> Runner | None:
    """Two matrices with one label in common, which is summed."""
    first, second = alone.inputs
    step, output = alone.step, alone.step.output
    shared = set(first) & set(second)
    matrices = len(first) == len(set(first)) == len(second) == len(set(second)) == 2
    names = [kind.name for kind in alone.kinds]
    library = library_of(names)
    if library is None or "dense" in names or not matrices or len(shared) != 1:
        return None
    (middle,) = shared
    sizes, dtype, threads = step.sizes, step.dtype, step.threads
    if not output and dtype.char in "?bBhHiIlLqQfdFD":
        return _summed(alone, run, middle, library)
    fits = alone.form == "entries" and len(output) == 2 and middle not in output
    if not fits or dtype.char not in "?bBhHiIlLqQfdFD" or max(sizes.values()) >= MANY_ROWS:
        return None
    swapped = output[0] in second
    rows, columns = output[0], output[1]
    # Whether the rows of the left factor, and of the right one, are the operand's second axis.
    left_turned = (second if swapped else first)[0] != rows
    right_turned = (first if swapped else second)[0] != middle
    n, k, m = sizes[rows], sizes[middle], sizes[columns]
    sound, floating, of_diagonals = CORE.sound_parts, dtype.kind in "fc", quiet(diagonals.product)

    def short(a: Any, b: Any) -> Any:
        if swapped:
            a, b = b, a
        if type(a) in diagonals.CLASSES and type(b) in diagonals.CLASSES:
            made = of_diagonals(a, b, (left_turned, right_turned), (n, k, m), dtype)
            if made is not None:
                indptr, indices, data = made
                return library.product((a, b), indptr, indices, data, (n, m))
        left, right = sound(a), sound(b)
        if left is None or right is None or not left[1].dtype == right[1].dtype == dtype:
            return run(b, a) if swapped else run(a, b)
        left, right = as_rows(left, left_turned, (n, k)), as_rows(right, right_turned, (k, m))
        made = None
        if left is not None and right is not None:
            left, right = alike(left, right)
            made = CORE.multiply_sparse(*left, *right, m, threads)
        if not made or (floating and not CORE.finite(made[2])):
            return run(b, a) if swapped else run(a, b)
        indptr, indices, data = made
        return library.product((a, b), indptr, indices, data, (n, m))

    return short
