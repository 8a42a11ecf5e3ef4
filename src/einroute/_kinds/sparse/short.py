"""Calls with sparse operands that the core does whole: on the operands as they came.

A result is made without the checks of its library's constructors. What is not as expected goes the long way,
which says what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..._base.errstate import quiet
from ..._base.routes import Alone, Runner
from ..._entries.entries import Entries, fewest
from ..._native import CORE
from . import diagonals
from .built import MANY_ROWS
from .libraries import Library, library_of

Array = np.ndarray[Any, Any]
Numbered = tuple[tuple[int, ...], tuple[tuple[int, ...], ...], tuple[int, ...], tuple[int, ...]]

#: How many times the entries of one matrix another has at least of which only those beside them are taken.
_FEWER = 4
#: Entries that are brought into another order while one row, or column, of both is passed.
_LINE = 1.5
#: What is asked of the main diagonal, in place of an axis that is kept.
_TRACE, _DIAGONAL = -1, -2


def of_one(alone: Alone, run: Runner, labels: Numbered) -> Runner | None:
    """One sparse operand with dense ones that are looked up at its entries, or none."""
    step = alone.step
    own, dense, output, sizes = labels
    names = [kind.name for kind in alone.kinds]
    sparse_at, library = [i for i, name in enumerate(names) if name != "dense"], library_of(names)
    if library is None or len(sparse_at) != 1 or any(len(set(x)) != len(x) for x in dense):
        return None
    entries, dtype = alone.form == "entries", step.dtype
    if not dense and not output and len(set(own)) == len(own):
        return _of_all(dtype, len(own), run, library)
    values = entries and len(output) > 1
    if values and (len(output) != 2 or len(own) != 2 or len(set(own)) != 2 or sizes[output[0]] >= MANY_ROWS):
        return None
    places = entries and len(output) == 1
    # One number after the other is added to each sum, which loses digits of single precision.
    wide = np.promote_types(dtype, np.float64) if dtype.char in "fF" and not dense and not values else dtype
    shape = tuple(sizes[i] for i in output)
    (at,) = sparse_at
    kernel = CORE.Sampled(
        wide.char, own, dense, own if values else output, sizes, values, step.order == "F", step.threads
    )
    finish = _finish(library, dtype, sizes, output, values and output != own, values, places, entries)
    distinct = len(set(own)) == len(own)
    sound = CORE.sound_parts if distinct else CORE.sound_diagonal
    as_it_is, cast = values and not dense, wide is not dtype
    length = shape[0] if shape else 0
    crowded = fewest(length) if places else 0

    def short(*operands: Any) -> Any:
        x = operands[at]
        found = sound(x)
        if found is None:
            return run(*operands)
        rest = operands[:at] + operands[at + 1 :]
        data, indptr, line, coords = parts_of(found)
        if data.dtype != dtype:
            return run(*operands)
        if len(data) < crowded:
            few = None if rest else _few(own, output, found, wide)
            if few is None:
                return run(*operands)
            return library.vector((x,), few[0], few[1].astype(dtype), length)
        if cast:
            data = data.astype(wide)
        made = data if as_it_is else kernel(data, indptr, line, coords, places, *rest)
        if made is None or made is False:
            return run(*operands)
        result = finish(made, x, indptr, line, coords)
        return run(*operands) if result is None else result

    if not output and own == (0, 1) and sorted(dense) == [(0,), (1,)] and dtype.char in "fdFD":
        return _between_vectors(short, at, dense[0] == (1,), dtype)
    if not dense and len(own) == 2 and (places or not (distinct or output)):
        axis = own.index(output[0]) if distinct else _DIAGONAL if output else _TRACE
        short = _of_diagonals(short, _sum(dtype), library, dtype, axis, length)
    return quiet(short) if cast else short


def _between_vectors(short: Runner, at: int, swapped: bool, dtype: np.dtype[Any]) -> Runner:
    """A matrix between two vectors: one that is kept as diagonals is read as it is."""
    between, number = CORE.between_vectors, dtype.type

    def run(*operands: Any) -> Any:
        a = operands[at]
        if type(a) not in diagonals.CLASSES or a.dtype != dtype:
            return short(*operands)
        x, y = operands[:at] + operands[at + 1 :]
        total = between(a, y, x) if swapped else between(a, x, y)
        if total is None:
            return short(*operands)
        made = number(total)
        return made if np.isfinite(made) else short(*operands)

    return quiet(run)


def _of_diagonals(
    short: Runner, add: Callable[[Array], Any], library: Library, dtype: np.dtype[Any], axis: int, length: int
) -> Runner:
    """Sums of a matrix that is kept as diagonals along an axis; its main diagonal, or the sum of that."""

    def sums(x: Any) -> Any:
        found = CORE.diagonal_sums(x, axis)
        if found is None or found[1].dtype != dtype:
            return short(x)
        places, data = found
        return library.vector((x,), places, data, length)

    def main(x: Any) -> Any:
        data = CORE.main_diagonal(x)
        if data is None:
            found = CORE.main_entries(x)
            data = None if found is None else found[1]
        return short(x) if data is None or data.dtype != dtype else library.number(add(data))

    def diagonal(x: Any) -> Any:
        data = CORE.main_diagonal(x)
        if data is None:
            found = CORE.main_entries(x)
            if found is None or found[1].dtype != dtype or not (found[0][1:] > found[0][:-1]).all():
                return short(x)
            return library.vector((x,), found[0], found[1], length)
        if data.dtype != dtype:
            return short(x)
        held = data.astype(np.bool)
        if held.all():
            return library.vector((x,), np.arange(len(data)), data, length)
        return library.vector((x,), np.flatnonzero(held), data[held], length)

    return {_TRACE: main, _DIAGONAL: diagonal}.get(axis, sums)


def _sum(dtype: np.dtype[Any]) -> Callable[[Array], Any]:
    """What adds a vector up, single precision in double."""
    add, number = np.logical_or if dtype.kind == "b" else np.add, dtype.type
    if dtype.char in "fF":
        return lambda data: number(CORE.total(data))
    return lambda data: add.reduce(data, dtype=dtype)


def _few(
    own: tuple[int, ...], output: tuple[int, ...], found: Any, dtype: np.dtype[Any]
) -> tuple[Array, Array] | None:
    """Places and sums of too few entries for an array of all places."""
    data, indptr, line, coords = parts_of(found)
    if indptr is not None:
        lines = CORE.lines_of(indptr, len(data))
        if lines is None:
            return None
        coords = (lines, coords[1]) if line == 0 else (coords[0], lines)
    entries = Entries(found[0], data.astype(dtype, copy=False), coords)
    if len(set(own)) < len(own):
        entries = entries.diagonal("".join(chr(ord("a") + i) for i in own))
    at = list(dict.fromkeys(own)).index(output[0])
    made = entries.take([at]).summed()
    assert made.coords is not None
    return made.coords[0], made.data


def parts_of(found: Any) -> tuple[Array, Any, int, tuple[Array, ...]]:
    """Values, pointers and their axis, or None and -1, and an array an axis."""
    if len(found) == 3:
        return found[1], None, -1, found[2]
    return found[1], found[2], found[4], (found[3], found[3])


def _of_all(dtype: np.dtype[Any], ndim: int, run: Runner, library: Library) -> Runner:
    """The sum of all entries; of more than two axes no index is read, as in SciPy's own sum."""
    read = CORE.sound_values if ndim <= 2 else CORE.whole_values
    add, made = _sum(dtype), library.number

    def short(x: Any) -> Any:
        data = read(x)
        if data is None or data.dtype != dtype:
            return run(x)
        return made(add(data))

    return quiet(short)


Finish = Callable[[Any, Any, Any, int, tuple[Array, ...]], Any]


def _finish(
    library: Library,
    dtype: np.dtype[Any],
    sizes: tuple[int, ...],
    output: tuple[int, ...],
    turned: bool,
    values: bool,
    places: bool,
    entries: bool,
) -> Finish:
    """What makes a result of the kernel's."""
    if values:
        return _as_matrix(library, sizes, turned)
    if places:
        (length,) = (sizes[i] for i in output)
        return lambda made, x, *_: library.vector((x,), made[0], made[1].astype(dtype, copy=False), length)
    if output:
        return lambda made, *_: made.astype(dtype, copy=False)
    number = library.number if entries else _itself
    return lambda made, *_: number(made.astype(dtype, copy=False)[()])


def _itself(value: Any) -> Any:
    return value


def _as_matrix(library: Library, sizes: tuple[int, ...], turned: bool) -> Finish:
    """Of new values at the places of the entries, the axes swapped where ``turned``."""
    height, width = sizes[:2][::-1] if turned else sizes[:2]

    def matrix(made: Any, x: Any, indptr: Any, line: int, coords: tuple[Array, ...]) -> Any:
        rows, columns = coords[::-1] if turned else coords
        if indptr is not None and turned:
            line = 1 - line
        return library.rows((x,), made, indptr, line, rows, columns, height, width)

    return matrix


def _beside(
    other: tuple[Array, Array, Array], width: int, data: Array, rows: Array, columns: Array
) -> tuple[Array, Array, Array]:
    """The entries in rows, or columns, where another matrix has some: no others have to be ordered."""
    indptr, indices, _ = other
    held, line = indptr[1:] != indptr[:-1], rows
    if np.count_nonzero(held) * width > len(indices) * len(held):
        held, line = np.zeros(width, np.bool), columns
        np.put(held, indices, True, mode="clip")
    at = np.flatnonzero(held.take(line, mode="clip"))
    return data.take(at), rows.take(at), columns.take(at)


def as_rows(
    found: Any,
    turned: bool,
    shape: tuple[int, int],
    other: tuple[Array, Array, Array] | None = None,
) -> Any:
    """Pointers, indices and values of the rows of a matrix, or where ``turned`` of its columns, by its parts.

    Of much fewer entries of another matrix those beside them are enough.  None where the arrays changed.
    """
    data = found[1]
    if len(found) == 5 and bool(found[4]) is turned:
        return found[2], found[3], data
    _, indptr, line, (rows, columns) = parts_of(found)
    if turned:
        rows, columns, line = columns, rows, 1 - line
    if other is not None and indptr is None and len(other[2]) < len(data) // _FEWER:
        data, rows, columns = _beside(other, shape[1], data, rows, columns)
    return CORE.canonical_rows(data, indptr, line, rows, columns, *shape)


def alike(left: Any, right: Any) -> Any:
    """Rows of both with indices of one size."""
    if left[1].dtype == right[1].dtype:
        return left, right
    return tuple(
        (x[0].astype(np.int64, copy=False), x[1].astype(np.int64, copy=False), x[2]) for x in (left, right)
    )


def _turning(found: Any, by_columns: bool) -> float:
    """What it takes to bring an operand into rows, or into columns; in entries of it."""
    kept = len(found) == 5 and bool(found[4]) is by_columns
    return 0.0 if kept else float(len(found[1]))


def of_pair(alone: Alone, run: Runner) -> Runner | None:
    """Two sparse matrices multiplied element by element."""
    first, second = alone.inputs
    step, output = alone.step, alone.step.output
    matrices = len(first) == len(second) == len(set(first)) == len(set(first) & set(second)) == 2
    names = [kind.name for kind in alone.kinds]
    library = library_of(names)
    if library is None or "dense" in names or not matrices or len(output) not in (0, 2):
        return None
    turned, swapped = second != first, output not in ("", first)
    height, width = (step.sizes[c] for c in first)
    dtype, entries = step.dtype, alone.form == "entries"
    if not entries or dtype.char not in "?bBhHiIlLqQfdFD" or max(height, width) >= MANY_ROWS:
        return None
    sound, add, of_diagonals = CORE.sound_parts, quiet(np.add.reduce), quiet(diagonals.elements)
    made_shape = (width, height) if swapped else (height, width)

    def finish(a: Any, b: Any, data: Array, indptr: Array, indices: Array, line: int) -> Any:
        if not output:
            return library.number(data.any() if dtype.kind == "b" else add(data, dtype=dtype))
        return library.rows((a, b), data, indptr, line, indices, indices, *made_shape)

    def short(a: Any, b: Any) -> Any:
        if type(a) in diagonals.CLASSES and type(b) in diagonals.CLASSES:
            found = of_diagonals(a, b, (swapped, swapped is not turned), made_shape, dtype)
            if found is not None:
                indptr, indices, data = found
                return finish(a, b, data, indptr, indices, 0)
        first, second = sound(a), sound(b)
        if first is None or second is None or not first[1].dtype == second[1].dtype == dtype:
            return run(a, b)
        by_rows = _turning(first, False) + _turning(second, turned) + _LINE * height
        by_columns = _turning(first, True) + _turning(second, not turned) + _LINE * width < by_rows
        shape = (width, height) if by_columns else (height, width)
        if len(first[1]) < len(second[1]):
            left = as_rows(first, by_columns, shape)
            right = None if left is None else as_rows(second, turned is not by_columns, shape, left)
        else:
            right = as_rows(second, turned is not by_columns, shape)
            left = None if right is None else as_rows(first, by_columns, shape, right)
        if left is None or right is None:
            return run(a, b)
        left, right = alike(left, right)
        made = CORE.multiply_elements(*left, *right, height if by_columns else width)
        if made is None or made is False:
            return run(a, b)
        indptr, indices, data = made
        return finish(a, b, data, indptr, indices, 1 if by_columns is not swapped else 0)

    return short
