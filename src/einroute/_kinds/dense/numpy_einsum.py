"""NumPy's own einsum, the last route: it does everything, and on small operands nothing starts faster."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from ..._base.c_einsum import ascii_subscripts, c_einsum
from ..._base.cost import CALL, Cost, first_touched, moving, scattered
from ..._base.facts import LINE, Step, c_strides
from ..._base.machine import machine
from ..._base.routes import Offer, Refused, Route, Runner
from ..._native.fresh import of_freed_memory
from .strides import numpys_layout, numpys_loops, strides_of

Array = np.ndarray[Any, Any]

#: NumPy's NPY_MAXARGS, less the output.
_MOST = 63
#: The letters that its subscripts can have.
_LETTERS = 52
#: Seconds that each run of the innermost loop takes to begin. NumPy has loops for two operands and three axes
#: at most; else its iterator hands out runs of the two innermost axes, which take longer to begin.
_LOOP, _LOOP_MANY, _PAIR = 3.5e-9, 11.5e-9, 60e-9
#: Elements a second of the innermost loop in double precision, by the number of operands and whether all of
#: them run along it or some stand still: where it sums along it, where it adds to a result that stays in
#: cache, and where nothing is summed and every product is written. Four operands have no loop for them.
_RATES = {
    (1, True): (12e9, 5.3e9, 5.3e9),
    (1, False): (12e9, 5.3e9, 5.3e9),
    (2, True): (3.1e9, 3.9e9, 2.5e9),
    (2, False): (8e9, 5.1e9, 3e9),
    (3, True): (1.2e9, 2.6e9, 1.9e9),
    (3, False): (1.6e9, 1.6e9, 1.3e9),
}
_SLOW = (0.4e9, 0.4e9, 0.4e9)
#: Seconds of a product of two complex numbers, in the same order.
_COMPLEX = (0.92e-9, 2.6e-9, 2.6e-9)
#: Elements a second of a copy whose result lies across its operand, whatever their size.
_TRANSPOSED = 0.75e9
#: Seconds an element more of loops that walk across the memory of an operand whose lines stay in cache, by
#: what is done innermost, as in `_RATES`; where it is the only operand; and of each line of the cache.
_ACROSS, _STRIDED, _EACH_LINE = (0.25e-9, 0.12e-9, 0.15e-9), (0.55e-9, 0.12e-9, 0.4e-9), 0.3e-9
#: Of a product of complex numbers that is written across the memory of the result.
_WRITTEN = 2.4e-9
#: Bytes of the first cache.
_FIRST = 32 << 10
#: Bytes from which lines that lie far from each other are waited for.
_PAGED = 8 << 20
#: How much slower the loops of other dtypes are.
_SLOWER = {"f": 0.7, "d": 1.0, "F": 3.0, "D": 3.0, "e": 30.0, "g": 10.0, "G": 20.0, "?": 2.7}
#: Of single precision, of pairs that both run along what is summed, or one along what is added to.
_SLOWER_SINGLE = 0.45
#: For integers it is their size that counts, and scaling is no faster than a sum of products.
_SLOWER_BY_SIZE = {1: 0.4, 2: 0.4, 4: 0.5, 8: 1.0}


def verdict(step: Step) -> Offer | Refused:
    """Offer NumPy's einsum, priced by its iteration space and the length of its inner loop."""
    if 0 in step.sizes.values():
        return Refused("its loops run at least once")
    if len(step.inputs) > _MOST:
        return Refused(f"it takes {_MOST} operands at most")
    if len(step.sizes) > _LETTERS and len(set("".join(step.inputs))) > _LETTERS:
        return Refused(f"it takes {_LETTERS} labels at most")
    loops = numpys_loops(step)
    inner = loops[0] if loops else ""
    layout = numpys_layout(step, loops)
    together = all(inner in labels for labels in step.inputs)
    summing = 0 if inner not in step.output else 1 if step.iterations > step.extent(step.output) else 2
    if step.dtype.kind in "iu":
        together = together or len(step.inputs) > 1
        slower = _SLOWER_BY_SIZE[step.dtype.itemsize]
    else:
        slower = _SLOWER[step.dtype.char]
        if step.dtype.char == "f" and len(step.inputs) == 2 and summing == (not together):
            slower = _SLOWER_SINGLE
    each = slower / _RATES.get((len(step.inputs), together), _SLOW)[summing]
    if step.dtype.kind == "c" and len(step.inputs) == 2:
        each = _COMPLEX[summing]
    sizes = coalesced(step, loops, layout)
    across = _across(step, inner, layout, sizes[0], summing)
    each += across
    if len(step.inputs) == 1 and summing == 2 and inner and layout[-1] != inner:
        each = max(each, 1 / _TRANSPOSED)
    size = float(step.iterations)
    begin = _LOOP if len(step.inputs) <= 2 else _LOOP_MANY
    seconds = size * (each + begin / sizes[0])
    if len(sizes) > 3:
        seconds += size * _PAIR / prod(sizes[:2])
    row = sizes[0] * step.dtype.itemsize
    if summing == 1 and row > machine().own_bytes:
        seconds += moving(size * step.dtype.itemsize, step.out_bytes)  # each time that it is added to
    elif summing == 1 and row > _FIRST and step.read_bytes >= machine().shared_bytes:
        seconds += moving(step.read_bytes)  # memory is waited for where what is added to is fetched, too
    # The result is NumPy's, not one of freed memory as other routes have.
    new = first_touched(step.out_bytes) if of_freed_memory(step.out_bytes) else 0.0
    cost = Cost(
        size,
        float(step.read_bytes + 2 * step.out_bytes),  # the result is cleared before it is added to
        1.9 + 0.2 * len(step.inputs) + new / CALL,
        size / seconds,
    )
    return Offer(cost, layout, None, "NumPy's own loops", numpys=True)


def coalesced(step: Step, loops: Sequence[str], layout: str) -> list[int]:
    """The lengths of NumPy's loops, the innermost first, of labels in that order.

    NumPy takes axes as one where they follow each other in the memory of every operand and of the result.
    """
    terms = [strides_of(labels, op.strides) for labels, op in zip(step.inputs, step.operands, strict=True)]
    terms.append(strides_of(layout, c_strides(tuple(step.sizes[c] for c in layout), step.dtype.itemsize)))
    sizes, last = [1], ""
    for c in loops:
        n = step.sizes[c]
        if n == 1:
            continue
        if last and all(term.get(c, 0) == term.get(last, 0) * step.sizes[last] for term in terms):
            sizes[-1] *= n
        elif last:
            sizes.append(n)
        else:
            sizes[0] = n
        last = c
    return sizes


def _across(step: Step, inner: str, layout: str, length: int, summing: int) -> float:
    """Seconds an element that walking across the memory of operands and of the result takes."""
    item = step.dtype.itemsize
    arrays = [(labels, op.strides, op.span) for labels, op in zip(step.inputs, step.operands, strict=True)]
    arrays.append((layout, c_strides(tuple(step.sizes[c] for c in layout), item), step.out_bytes))
    seconds = 0.0
    for number, (labels, strides, span) in enumerate(arrays):
        by = {c: abs(s) or 2**62 for c, s in zip(labels, strides, strict=True)}
        if item < by.get(inner, 0) < 2**62:
            # A line of the cache for each, which is there again for the next run if all of them stay.
            stay = length * LINE <= machine().own_bytes / 2 and span < _PAGED
            far = by[inner] > min(by.values()) and by[inner] >= LINE
            of_result = number == len(step.inputs)
            each = (_ACROSS if of_result or len(step.inputs) > 1 else _STRIDED)[summing]
            each += _EACH_LINE * min(by[inner] / LINE, 1.0)
            seconds += _WRITTEN if of_result and summing == 2 and step.dtype.kind == "c" else each
            seconds += scattered(span) if far and not stay else 0.0
    return seconds


def bind(step: Step, offer: Offer) -> Runner:
    """``c_einsum`` on the step's own labels, renamed to ASCII letters."""
    subscripts = ascii_subscripts(step.inputs, step.output)
    options: dict[str, Any] = {}
    if any(op.dtype != step.dtype for op in step.operands):  # booleans to be counted
        options = {"dtype": step.dtype, "casting": "unsafe"}
    # One axis has one layout, and asked for it NumPy does not run axes that follow each other as one.
    order = step.order if len(step.output) > 1 else "K"
    # What others read must lie as the offer says, where NumPy may see an order of its own.
    sizes = tuple(step.sizes[c] for c in offer.layout)
    axes = tuple(offer.layout.index(c) for c in step.output)
    lies = step.last or order != "K" or len(step.output) < 2

    def run(*arrays: Array, out: Array | None = None) -> Any:
        if out is None and lies:
            return c_einsum(subscripts, *arrays, order=order, **options)
        if out is None:
            out = np.empty(sizes, step.dtype).transpose(axes)
        return c_einsum(subscripts, *arrays, out=out, **options)

    return run


ROUTE = Route("numpy.einsum", verdict, bind, silent=True)
