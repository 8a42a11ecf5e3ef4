"""What one pass over all operands takes, by the order of its loops; and the best order.

The two innermost loops make a box: rows that are summed, added together, or written as they are. What lies
apart along a row is packed first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, prod

from ..._base.facts import Step
from ..._base.machine import machine
from ..._base.records import dataclass
from .foreseen import Loop, jumps
from .strides import layout_strides, strides_of

__all__ = ["best_order", "blocks"]

#: Seconds that a box of two loops takes to begin, and a row of it, where it is summed and where not.
_BOX, _ROW = 30e-9, (2.1e-9, 6.4e-9)
#: Of a row that is summed, of one operand and of several: of integers and of complex numbers of single
#: precision, and of integers with fewer bytes than these beyond multiples of twice as many; of several
#: complex ones of double.
_ROW_SLOW, _ROW_QUICK, _UNROLLED, _ROW_COMPLEX = (20e-9, 28e-9), (6e-9, 7e-9), 128, 12e-9
#: What more than two operands add to it, a pair of small elements, and an end within a vector.
_ROW_MANY, _ROW_SINGLE, _ROW_PART, _VECTOR = 6.6e-9, 2.5e-9, 4e-9, 32
#: Seconds for each 8 bytes of an operand in cache that are read; and of an element that is packed by itself.
_READ, _SINGLY = 0.075e-9, 0.25e-9
#: Seconds an element of so many bytes that is packed across its memory where products are summed; and for
#: each 8 bytes at least where they are not.
_ACROSS = {1: 0.125e-9, 2: 0.125e-9, 4: 0.075e-9, 8: 0.15e-9, 16: 0.5e-9}
_ACROSS_ALONE = 0.25e-9
#: Of rows that are added together: seconds for each 8 bytes that are read along them, with what is written;
#: and a row of one array, of two and of more than two operands.
_ADDED, _ROW_ADDED = 0.1e-9, (1e-9, 2.6e-9, 4.7e-9)
#: What such a row takes more that ends within a vector: of single precision, and of double.
_PART_ADDED = (1.2e-9, 0.2e-9)
#: Seconds of each operand for an element beyond the last whole vector, where rows are multiplied.
_BEYOND = 0.45e-9
#: Seconds that products take at least for each 8 bytes of the sums that they are added to, of two operands
#: and of three: real, complex, and of integers of 8 bytes.
_TIMES = {"f": (0.0, 0.25e-9), "c": (0.145e-9, 0.37e-9), "i": (0.165e-9, 0.4e-9)}
#: The share of reading that is left where rows overlap and are read again from the first cache.
_AGAIN = 0.3
#: The side of a square that is transposed in registers, of elements up to 4 bytes and beyond; seconds of an
#: element beside squares.
_SQUARE, _SINGLY_TURNED = (8, 4), 0.5e-9
#: How much slower sums of pairs are than BLAS's.
_DOT, _DOT_COMPLEX = 1.2, 1.45
#: Lines and elements of a box whose operands are packed across their memory (nest.cpp).
_SIDE, _SIDE_BYTES, _SIDE_LEAST, _KEPT = 128, 1024, 32, 1 << 14
#: Iterations of a part of a sum, about; how many parts there are and their bytes at most; terms of a part of
#: each sum at least, and what rows are cut to multiples of (nest.cpp).
_BLOCK, _MOST_PARTS, _PARTS, _LEAST, _MULTIPLE = 1 << 16, 64, 1 << 22, 64, 1024
#: Seconds of a line that is not foreseen, from the last-level cache and from memory; and the bytes beyond
#: which lines come from memory.
_NEAR, _FAR, _PAGES = 0.5e-9, 6.5e-9, 8 << 20
#: Bytes of the first cache; seconds of a line that an array's elements, one by one, have to bring into it.
_FIRST, _CLOSE = 32 << 10, 0.6e-9
#: Labels that are tried as rows and along them, at most.
_TRIED = 4
#: How many times what reading takes, or how many seconds more, an order is good enough.
_ENOUGH, _LITTLE = 1.5, 2e-6


@dataclass(frozen=True, slots=True)
class _Nest:
    """Loops of which none can be one with the next, outermost first; two at least.

    Attributes
    ----------
    sizes : list of int
    labels : list of str
        To step by; empty of a loop that there is not.
    total : int
        Iterations.
    sums : bool
        Whether some loop is summed.
    parts : int
        Turns of one more loop around all: the summed loop that is cut into parts, each by itself.
    of : int
        Which loop that is; its size is that of a part.
    """

    sizes: list[int]
    labels: list[str]
    total: int
    sums: bool
    parts: int = 1
    of: int = 0


def best_order(step: Step, lead: str, layout: str) -> tuple[str, float]:
    """The order of the loops, and the seconds that they take on one thread beside moving the operands once.

    Parameters
    ----------
    lead : labels
        The order in which the largest array lies.
    layout : labels
        Of the result in memory.
    """
    item = step.dtype.itemsize
    arrays = _arrays(step, layout)
    reach = sum(op.span for op in step.operands) + step.out_bytes
    least = step.iterations * _READ * len(step.inputs) * item / 8
    enough = max(_ENOUGH * least, least + _LITTLE)
    long = "".join([c for c in lead if step.sizes[c] > 1])
    best, found = float("inf"), long
    one: dict[str, bool] = {}
    seen: set[str] = set()
    for order in _orders(step, long, arrays):
        nest = _parted(step, _fused(step, order, arrays, one))
        walked = "".join(nest.labels)
        if walked in seen:
            continue
        seen.add(walked)
        seconds = _in_cache(step, nest, arrays)
        if seconds < best:
            seconds += _waiting(step, nest, arrays, reach)
        if seconds < best:
            best, found = seconds, order
        if best <= enough:
            break
    return "".join([c for c in lead if c not in found]) + found, best


def _arrays(step: Step, layout: str) -> list[dict[str, int]]:
    """What each array moves by along its labels, in bytes; the result comes last."""
    own = [strides_of(own, op.strides) for own, op in zip(step.inputs, step.operands, strict=True)]
    return [*own, layout_strides(layout, step.sizes, step.dtype.itemsize)]


def _orders(step: Step, lead: str, arrays: Sequence[dict[str, int]]) -> Iterator[str]:
    """Orders to choose from: as the lead lies, then with other labels innermost and next to it."""
    yield lead
    close = [min((c for c in lead if own.get(c, 0)), key=lambda c: abs(own[c]), default="") for own in arrays]
    ranked = sorted(lead, key=lambda c: (c not in close, -step.sizes[c]))[:_TRIED]
    for inner in ranked:
        for last in ranked:
            if last != inner:
                yield lead.replace(inner, "").replace(last, "") + last + inner


def _in_cache(step: Step, nest: _Nest, arrays: Sequence[dict[str, int]]) -> float:
    """Seconds on one thread with everything in cache."""
    item, (*_, rows, length), (*_, last, inner) = step.dtype.itemsize, nest.sizes, nest.labels
    summed, parted = inner not in step.output, length * item % _VECTOR != 0
    if not summed and last not in step.output:
        each, row = _added(step, arrays[:-1], inner)
    else:
        each, row = _along(step, length, summed=summed)
        row += _ROW_PART if summed and parted else 0.0
    if not summed:
        read = sum(1 for own in arrays[:-1] if own.get(inner, 0))
        if last not in step.output and read == 1:
            row += _PART_ADDED[item >= 8 and step.dtype.char != "F"] if parted else 0.0
        else:
            row += _BEYOND * read * (length % (_VECTOR // item))
    if nest.sums and inner in step.output and last in step.output:
        each += 2 * _READ * item / 8  # what is summed is read and written for each row
    kept = arrays[:-1] if summed else arrays
    each += sum(_packing(step, own, nest) for own in kept[: len(step.inputs)])
    if not summed and length > 1 and abs(arrays[-1].get(inner, item)) != item:
        each += _SINGLY
    return nest.total * (each + row / length + _BOX / (rows * length))


def _along(step: Step, length: int, *, summed: bool) -> tuple[float, float]:
    """Seconds an element, and a row, of rows each of which is summed, or written as it is."""
    item, many, is_complex = step.dtype.itemsize, len(step.inputs), step.dtype.kind == "c"
    if not summed:
        return _READ * (many + 1) * item / 8, _ROW[False]
    each = _READ * many * item / 8
    if many == 2:
        each *= _DOT_COMPLEX if is_complex else _DOT
    if step.dtype.char not in "fdD":
        quick = step.dtype.kind in "iu" and length * item % (2 * _UNROLLED) < _UNROLLED
        return each, (_ROW_QUICK if quick else _ROW_SLOW)[many > 1]
    row = _ROW[True]
    if is_complex and many > 1:
        row = _ROW_COMPLEX
    elif many > 2:
        row += _ROW_MANY
    elif many == 2 and item < 8:
        row += _ROW_SINGLE
    return each, row


def _added(step: Step, arrays: Sequence[dict[str, int]], inner: str) -> tuple[float, float]:
    """Seconds an element, and a row, of rows that are added together."""
    size, along = step.dtype.itemsize / 8, _read_along(step, arrays, inner)
    kind = step.dtype.kind if step.dtype.kind == "c" else "i" if step.dtype.char in "lLqQ" else "f"
    two, three = _TIMES[kind]
    many = len(step.inputs)
    times = 0.0 if many == 1 else two if many == 2 else three * (many - 1) / 2
    row = _ROW_ADDED[2 if many > 2 else along > 1]
    return max(_ADDED * along, times) * size, row


def _read_along(step: Step, arrays: Sequence[dict[str, int]], inner: str) -> float:
    """How many arrays are read along rows that are added; windows are read again where they overlap."""
    return sum(
        _AGAIN if 2 * op.span < op.nbytes else 1.0
        for op, own in zip(step.operands, arrays, strict=True)
        if own.get(inner, 0)
    )


def _packing(step: Step, own: dict[str, int], nest: _Nest) -> float:
    """Seconds an element that copying an operand takes whose neighbours of a row lie apart."""
    item, (*_, rows, length), (*_, last, inner) = step.dtype.itemsize, nest.sizes, nest.labels
    if length == 1 or own.get(inner, 0) in (0, item):
        return 0.0
    if not own.get(last, 0):
        return _SINGLY / rows  # one row for all
    if abs(own[last]) != item:
        return _SINGLY
    turned = _ACROSS[item] if nest.sums else max(_ACROSS[item], _ACROSS_ALONE * item / 8)
    beyond = rows % _SQUARE[nest.sums and item > 4] / rows  # too few for a square of registers
    return turned + beyond * max(_SINGLY_TURNED - turned, 0.0)


def _waiting(step: Step, nest: _Nest, arrays: Sequence[dict[str, int]], reach: int) -> float:
    """Seconds in which lines come that lie away from the one before, of so many bytes of memory."""
    own = machine().own_bytes // 2
    if reach <= _FIRST:
        return 0.0
    walk, item = _walked(step, nest, arrays), step.dtype.itemsize
    seconds = _CLOSE * sum(_again(step, nest, walk, k, own) for k, own in enumerate(arrays))
    if reach > own:
        seconds += _NEAR * jumps(walk, item, own)
    if reach > _PAGES:
        seconds += _FAR * (1 - _PAGES / reach) * jumps(walk, item, _PAGES)
    return seconds


def _again(step: Step, nest: _Nest, walk: Sequence[Loop], k: int, own: dict[str, int]) -> float:
    """Lines of an array that is packed, or of a result written one by one, that the first cache has not."""
    item, (*_, last, inner) = step.dtype.itemsize, nest.labels
    if own.get(inner, 0) in (0, item) or nest.sizes[-1] == 1:
        return 0.0
    loops = [(n, [strides[k]]) for n, strides in walk]
    if abs(own.get(last, 0)) == item and k < len(step.inputs):
        side = min(_SQUARE[nest.sums and item > 4], nest.sizes[-2])
        loops = [*loops[:-2], (ceil(loops[-2][0] / side), [side * item]), loops[-1], (side, [item])]
    return jumps(loops, item, _FIRST)


def _walked(step: Step, nest: _Nest, arrays: Sequence[dict[str, int]]) -> list[Loop]:
    """The loops as the core walks them: what is kept around what is summed, the last two in boxes."""
    item, (*_, rows, length), (*_, last, inner) = step.dtype.itemsize, nest.sizes, nest.labels
    kept = last in step.output and inner in step.output
    square = any(0 < abs(own.get(last, 0)) < abs(own.get(inner, 0)) for own in arrays)
    if square:
        rows = min(rows, _rows(step, nest, arrays))
        length = min(length, _SIDE, max(_SIDE_LEAST, _SIDE_BYTES // item))
    outer = [(c, n, 1) for c, n in zip(nest.labels[:-2], nest.sizes[:-2], strict=True)]
    boxes = [(last, ceil(nest.sizes[-2] / rows), rows), (inner, ceil(nest.sizes[-1] / length), length)]
    outer += boxes[::-1] if kept and square else boxes
    outer.sort(key=lambda one: one[0] not in step.output)
    around = (nest.labels[nest.of], nest.parts, nest.sizes[nest.of])
    walk = [around, *outer, (last, rows, 1), (inner, length, 1)]
    return [(n, [abs(own.get(c, 0)) * turns for own in arrays]) for c, n, turns in walk if n > 1]


def _parted(step: Step, nest: _Nest) -> _Nest:
    """With the outermost summed loop in parts, as long sums are cut (nest.cpp)."""
    if not nest.sums or nest.total <= 2 * _BLOCK:
        return nest
    kept = step.extent(step.output)
    i = next(i for i, c in enumerate(nest.labels) if c and c not in step.output)
    each = kept if any(n > 1 for n in nest.sizes[:i]) else 1
    parts = min(nest.total / (_BLOCK * each), _MOST_PARTS, _PARTS / (kept * step.dtype.itemsize))
    parts = min(parts, nest.total / (_LEAST * kept))
    if parts < 2:
        return nest
    part = max(1, int(nest.sizes[i] / parts))
    if i == len(nest.sizes) - 1:
        part = ceil(part / _MULTIPLE) * _MULTIPLE
    part = min(part, nest.sizes[i])
    sizes = [*nest.sizes[:i], part, *nest.sizes[i + 1 :]]
    return _Nest(sizes, nest.labels, nest.total, True, ceil(nest.sizes[i] / part), i)


def blocks(step: Step, loops: str, layout: str) -> int:
    """How many blocks the loops are cut into, which threads share (nest.cpp)."""
    if step.iterations <= 2 * _BLOCK:
        return 1
    arrays = _arrays(step, layout)
    nest = _parted(step, _fused(step, "".join([c for c in loops if step.sizes[c] > 1]), arrays, {}))
    inside, count = nest.total / step.extent(step.output) / nest.parts, len(nest.sizes)
    loop = 0
    for i in reversed(range(count)):
        if nest.labels[i] not in step.output:
            continue
        if loop or inside * nest.sizes[i] > 2 * _BLOCK:
            loop = (
                loop * nest.sizes[i] if loop else ceil(nest.sizes[i] / _step(step, nest, arrays, i, inside))
            )
        else:
            inside *= nest.sizes[i]
    return nest.parts * max(1, loop)


def _step(step: Step, nest: _Nest, arrays: Sequence[dict[str, int]], i: int, inside: float) -> int:
    """How many turns of a loop a block has: whole boxes of rows, and long pieces of them."""
    (*_, rows, length), last = nest.sizes, nest.labels[-2]
    whole = 1
    if i == len(nest.sizes) - 1:
        whole = _MULTIPLE if last not in step.output or rows == 1 else min(length, _MULTIPLE)
    elif i == len(nest.sizes) - 2:
        whole = max(1, min(_rows(step, nest, arrays), rows, _SIDE))
    return max(whole, ceil(int(_BLOCK / inside) / whole) * whole)


def _rows(step: Step, nest: _Nest, arrays: Sequence[dict[str, int]]) -> int:
    """How many rows a box has at most, where they are kept or a square's."""
    item, length, (*_, last, inner) = step.dtype.itemsize, nest.sizes[-1], nest.labels
    packed = sum(own.get(inner, 0) not in (0, item) for own in arrays[:-1])
    scattered = inner in step.output and abs(arrays[-1].get(inner, item)) != item
    if any(0 < abs(own.get(last, 0)) < abs(own.get(inner, 0)) for own in arrays):
        side = min(_SIDE, max(_SIDE_LEAST, _SIDE_BYTES // item))
        held = scattered or (nest.sums and inner in step.output and last in step.output)
        return _KEPT // (side * item) if held else side
    if packed:
        row, room = (_SIDE_BYTES, 2 * _SIDE_BYTES) if packed > 1 else (_KEPT // 2, _KEPT // 2)
        return room // min(length * item, row)
    if inner not in step.output:
        return 1 if length * item > 4 * _KEPT else _SIDE
    return _KEPT // min(length * item, _KEPT) if nest.sums or scattered else 1


def _fused(step: Step, loops: str, arrays: Sequence[dict[str, int]], one: dict[str, bool]) -> _Nest:
    """The loops, once those are one that are one in all arrays; ``one`` keeps which are."""
    sizes: list[int] = []
    labels: list[str] = []
    before = ""
    for c in loops:
        pair = before + c
        found = one.get(pair)
        if found is None:
            n = step.sizes[c]
            found = one[pair] = (before in step.output) == (c in step.output) and all(
                own.get(before, 0) == own.get(c, 0) * n for own in arrays
            )
        if found and before:
            sizes[-1] *= step.sizes[c]
            labels[-1] = c
        else:
            sizes.append(step.sizes[c])
            labels.append(c)
        before = c
    short = 2 - len(sizes)
    sums = any(c not in step.output for c in labels)
    return _Nest([1] * short + sizes, [""] * short + labels, prod(sizes), sums)
