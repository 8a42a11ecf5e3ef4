"""Products and sums of products in one pass over all operands, by the compiled core.

One operand, or the result where nothing is summed, has all labels: its memory gives the order of the loops.
Each product is formed whole, in the order of the operands, in the precision of the dtype, and added in
blocks whose order follows from sizes and strides alone, not from the number of threads or the machine.
NumPy has such loops for some layouts of up to three operands, on one thread; else it writes intermediates
as large as an operand.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, prod
from typing import Any

from ..._base.cost import CALL, Cost, moving, scattered
from ..._base.facts import LINE, Step
from ..._base.machine import machine
from ..._base.routes import Offer, Refused, Route, Runner
from ..._native import CORE, REASON, limits
from ..._native.flags import reporter
from .strides import by_stride, layout_strides, numpys_layout, numpys_loops, strides_of

#: The most operands, and the most labels, of a pass.
_MOST, _LABELS = 4, 60
#: Of the call, in the units of `Cost`: among steps of a chain the core's own chains are faster.
_CALL = 1.0
#: Seconds that a box of two loops takes to begin, and a row of it, where it is summed and where not.
_BOX, _ROW = 30e-9, (2.1e-9, 6.4e-9)
#: Of a row that is summed: of integers and of complex numbers of single precision, of one operand and of
#: several; of several of those of double; what more than two operands add, a pair of small elements, and a
#: row that ends within a vector.
_ROW_SLOW, _ROW_COMPLEX = (20e-9, 28e-9), 12e-9
_ROW_MANY, _ROW_SINGLE, _ROW_PART, _VECTOR = 6.6e-9, 2.5e-9, 4e-9, 32
#: Seconds for each 8 bytes of an operand in cache: read; and packed one by one. Sums of several that are
#: packed wait for memory: they are not read ahead at once.
_READ, _SINGLY = 0.075e-9, 0.35e-9
#: Seconds an element of so many bytes that is packed across its memory where products are summed; and for
#: each 8 bytes at least where they are not.
_ACROSS = {1: 0.125e-9, 2: 0.125e-9, 4: 0.075e-9, 8: 0.15e-9, 16: 1e-9}
_ACROSS_ALONE = 0.25e-9
#: Of rows that are added together: seconds for each 8 bytes that are read along them, with what is written;
#: and a row of one array, of two and of more than two operands.
_ADDED, _ROW_ADDED = 0.1e-9, (1e-9, 2.6e-9, 4.7e-9)
#: Lines of a row after which memory foresees the next.
_FORESEEN = 3
#: What such a row takes more that ends within a vector: of single precision, and of double.
_PART_ADDED = (1.2e-9, 0.2e-9)
#: Seconds that products take at least for each 8 bytes of the sums that they are added to, of two operands
#: and of three: real, complex, and of integers of 8 bytes.
_TIMES = {"f": (0.0, 0.25e-9), "c": (0.145e-9, 0.37e-9), "i": (0.165e-9, 0.4e-9)}
#: The share of reading that is left where rows overlap and are read again from the first cache.
_AGAIN = 0.3
#: Of an element that is packed one by one in a square box; and where its lines take each other's place.
_IN_BOX, _CONFLICT = 0.7e-9, 1e-9
#: The side of a square that is transposed in registers, of elements up to 4 bytes and beyond; seconds of an
#: element beside squares.
_SQUARE, _SINGLY_TURNED = (8, 4), 0.5e-9
#: Lines of a box, and of a set of the first cache; bytes after which its sets repeat.
_SIDE, _WAYS, _PERIOD = 128, 8, 4096
#: Seconds of a line of the cache that comes from memory for a box, where the one before it lies elsewhere.
_LINE = 13e-9
#: How much slower sums of pairs are than BLAS's; and than reading memory, along it and across.
_DOT, _DOT_COMPLEX, _SUMS = 1.2, 1.45, (1.05, 1.15)
#: Bytes of a row that stay in the first cache beside rows that come from memory; beyond, both are waited for:
#: how much slower they are than memory.
_STAYS, _BOTH = 12 << 10, 2.2
#: Iterations from which threads take part: two blocks of the core's (nest.cpp).
_SHARED = 1 << 17


def verdict(step: Step) -> Offer | Refused:
    """Offer one pass where some operand, or the result of products, has all labels."""
    if CORE is None:
        return Refused(f"the compiled core is not there: {REASON}")
    if not 1 <= len(step.inputs) <= _MOST or len(step.sizes) > _LABELS:
        return Refused(f"not one to {_MOST} operands")
    if step.dtype.char not in "fdFD?bBhHiIlLqQ" or any(op.dtype != step.dtype for op in step.operands):
        return Refused(f"no loops for {step.dtype.name}, or of operands of another dtype")
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
    labels = set("".join(step.inputs))
    summed = labels != set(step.output)
    if not summed and len(step.inputs) == 1:
        return Refused("nothing to sum or to multiply")
    found = _leading(step, labels)
    if summed and found is None:
        return Refused("no operand has all labels")
    layout = _layout(step, found)
    lead = by_stride(step.inputs[found], _strides(step, found)) if summed and found is not None else layout
    loops, seconds = min((_priced(step, order, layout) for order in _orders(step, lead)), key=lambda x: x[1])
    return Offer(
        _cost(step, seconds, loops if summed else ""),
        layout,
        loops,
        f"one pass along {loops}",
        flagged=True,
        single=not summed,
        overwrites=not summed,
    )


def _strides(step: Step, position: int) -> dict[str, int]:
    return strides_of(step.inputs[position], step.operands[position].strides)


def _leading(step: Step, labels: set[str]) -> int | None:
    """The first operand that has all labels and does not repeat its memory; else one that does."""
    whole = [i for i, own in enumerate(step.inputs) if set(own) == labels]
    return min(whole, key=lambda i: step.operands[i].span < step.operands[i].nbytes, default=None)


def _layout(step: Step, leading: int | None) -> str:
    """The result's labels in the order of memory: for order "K" that of the operand that has them all."""
    if step.order != "K":
        return step.output if step.order == "C" else step.output[::-1]
    if leading is None or 0 in step.operands[leading].strides:
        return numpys_layout(step, numpys_loops(step))
    return by_stride(step.output, _strides(step, leading))


def _orders(step: Step, lead: str) -> list[str]:
    """Orders of the loops to choose from: as the lead lies, and with a longer label innermost.

    The label along which an operand lies across that comes next to it; or one that is summed.
    """
    found = []
    longest = max(lead, key=lambda c: step.sizes[c], default="")
    for inner in dict.fromkeys(lead[-1:] + longest):
        outer = lead.replace(inner, "")
        across = [
            (op.nbytes, c)
            for own, op in zip(step.inputs, step.operands, strict=True)
            if own
            for c in by_stride(own, strides_of(own, op.strides))[-1:]
            if c in outer and inner in own
        ]
        if across:
            c = max(across)[1]
            outer = outer.replace(c, "") + c
        found.append(outer + inner)
        summed = [c for c in outer if c not in step.output]
        if summed and inner in step.output and outer[-1] in step.output:  # rows that are added together
            c = max(summed, key=lambda c: step.sizes[c])
            found.append(outer.replace(c, "") + c + inner)
    return found or [""]


def _priced(step: Step, loops: str, layout: str) -> tuple[str, float]:
    """The loops, and the seconds that they take on one thread with everything in cache."""
    item = step.dtype.itemsize
    arrays = [_strides(step, i) for i in range(len(step.inputs))]
    out = layout_strides(layout, step.sizes, item)
    sizes, inner = _fused(step, loops, [*arrays, out])
    iterations = prod(sizes)
    rows, boxes = iterations / sizes[-1], iterations / prod(sizes[-2:])
    summed = inner not in step.output
    if not summed and loops[-2:-1] not in step.output:
        each, row = _added(step, arrays, inner)
        row += _lines(step, arrays, inner, loops[-2:-1], sizes[-1])
        row += _PART_ADDED[item >= 8 and step.dtype.char != "F"] if sizes[-1] * item % _VECTOR else 0.0
    else:
        each, row = _along(step, summed=summed)
        row += _ROW_PART if summed and sizes[-1] * item % _VECTOR else 0.0
    if set(loops) != set(step.output) and set(loops[-2:]) <= set(step.output):
        each += 2 * _READ * item / 8  # what is summed is read and written for each row
    seconds = iterations * each + rows * row + boxes * _BOX
    kept = arrays if summed else [*arrays, out]
    return loops, seconds + iterations * _packing(step, kept, inner, loops[-2:-1], sizes[-1])


def _along(step: Step, *, summed: bool) -> tuple[float, float]:
    """Seconds an element, and a row, of rows each of which is summed, or written as it is."""
    item, many, is_complex = step.dtype.itemsize, len(step.inputs), step.dtype.kind == "c"
    if not summed:
        return _READ * (many + 1) * item / 8, _ROW[False]
    each = _READ * many * item / 8
    if many == 2:
        each *= _DOT_COMPLEX if is_complex else _DOT
    if step.dtype.char not in "fdD":
        return each, _ROW_SLOW[many > 1]
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


def _lines(step: Step, arrays: Sequence[dict[str, int]], inner: str, last: str, length: int) -> float:
    """Seconds in which the lines of a short row come that lies far from the one before it."""
    nbytes = length * step.dtype.itemsize
    return sum(
        scattered(op.span) * min(nbytes / LINE + 0.5, _FORESEEN)
        for op, own in zip(step.operands, arrays, strict=True)
        if own.get(inner, 0) and abs(own.get(last, 0)) > nbytes + LINE and op.span > machine().own_bytes
    )


def _packing(step: Step, arrays: Sequence[dict[str, int]], inner: str, last: str, length: int) -> float:
    """Seconds an element that copying takes where neighbours of a row lie apart; the result comes last."""
    item, here = step.dtype.itemsize, machine()
    apart = [
        (abs(own[inner]), abs(own.get(last, 0)), k < len(step.inputs))
        for k, own in enumerate(arrays)
        if inner and own.get(inner, 0) not in (0, item) and step.sizes[inner] > 1
    ]
    reach = sum(op.span for op in step.operands) + step.out_bytes
    square = any(0 < beside < stride for stride, beside, _ in apart)
    paged = reach >= here.shared_bytes * 3 / 4
    # A line of the cache for each element, which is there again for the next row if all of them stay.
    lost = length * LINE > here.own_bytes / 2
    sums = step.iterations > step.extent(step.output)
    waits = len(apart) > 1 and sums and reach > here.own_bytes
    seconds = 0.0
    for stride, beside, read in apart:
        if read and beside == item:
            turned = _ACROSS[item] if sums else max(_ACROSS[item], _ACROSS_ALONE * item / 8)
            beyond = step.sizes[last] % _SQUARE[sums and item > 4]  # too few for a square of registers
            rest = beyond / step.sizes[last]
            seconds += turned + rest * max(_SINGLY_TURNED - turned, 0.0)
        else:
            seconds += _IN_BOX if square else _SINGLY * max(item, 4) / 8
            seconds += _CONFLICT if square and _conflict(stride) else 0.0
        if square and paged:  # the lines of a box come one by one, or some of them that follow each other
            seconds += _LINE * max(item, min(LINE, beside or LINE)) / LINE * (1.0 if stride >= LINE else 0.5)
        elif square and 0 < beside < LINE <= stride and reach > here.own_bytes:
            of_line = LINE / beside  # elements for which a line is there, if there are as many rows
            seconds += moving(LINE, reach) * (1 / min(of_line, step.sizes[last]) - 1 / of_line)
        elif stride >= LINE and lost and not square:
            seconds += scattered(reach)
        elif stride < LINE and waits:
            seconds += scattered(reach) * stride / LINE
    return seconds


def _conflict(stride: int) -> bool:
    """Whether the lines of a box fall into so few sets of the first cache that half of them has no room."""
    return 2 * _WAYS * _PERIOD // max(LINE, gcd(stride, _PERIOD)) < _SIDE


def _fused(step: Step, loops: str, arrays: Sequence[dict[str, int]]) -> tuple[list[int], str]:
    """Lengths of the loops once those are one that are one in all arrays, and the innermost label."""
    sizes: list[int] = [1]
    before = ""
    for c in loops:
        n = step.sizes[c]
        if n == 1:
            continue
        same = before and (before in step.output) == (c in step.output)
        if same and all(own.get(before, 0) == own.get(c, 0) * n for own in arrays):
            sizes[-1] *= n
        else:
            sizes.append(n)
        before = c
    return sizes, before


def _cost(step: Step, seconds: float, summed: str) -> Cost:
    """On as many threads as take part; ``summed`` are the loops where anything is."""
    threads = min(step.threads, 2) if step.iterations > _SHARED else 1
    nbytes = (step.read_bytes + step.out_bytes) / (1 + machine().more_bandwidth * (threads - 1))
    across = summed[-1:] in step.output
    if summed and (across or len(step.inputs) <= 2):
        nbytes *= _SUMS[across]
        again = min(op.span for op in step.operands) if len(step.inputs) > 1 and not across else 0
        if again > _STAYS and 2 * again < step.read_bytes and nbytes >= machine().shared_bytes:
            nbytes *= _BOTH
    flops = float(step.iterations)
    # While a thread is woken the caller works: it is late by half of that.
    calls = _CALL + (machine().wake / 2 / CALL if threads > 1 else 0.0)
    return Cost(flops, nbytes, calls, flops * threads / max(seconds, CALL * 1e-3))


def bind(step: Step, offer: Offer) -> Runner:
    """The core's pass over arrays of these shapes."""
    assert CORE is not None
    loops: str = offer.recipe
    limits.register()
    told = reporter("matmul" if set(loops) != set(step.output) else "multiply")
    run: Any = CORE.OnePass(
        step.dtype.char,
        [step.sizes[c] for c in loops],
        [[loops.index(c) for c in own] for own in step.inputs],
        [loops.index(c) for c in step.output],
        [step.output.index(c) for c in offer.layout],
        list(range(len(loops))),
        step.threads,
        told,
    )
    return run  # type: ignore[no-any-return]


ROUTE = Route("dense.one_pass", verdict, bind)
