"""One sparse operand and any number of dense ones, or none, by the core: looked up at the entries.

Sums, diagonals and scalings, sampled products (SDDMM, ``ij,ik,jk->ij``), quadratic forms (``i,ij,j->``) and
MTTKRP (``ikl,lj,kj->ij``) are one pass over the entries, of any number of axes; what is looked up is
multiplied where it lies. Nothing of the size of entries times another label is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log2
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Operand, Step
from ..._base.routes import Alone, Declined, Offer, Refused, Route, Runner
from ..._entries.entries import Entries, fewest
from ..._entries.validate import Unsound
from ..._native import CORE, REASON
from . import short
from .result import (
    COMPARE,
    comparing,
    entries_of,
    hand_over,
    layout,
    line_of,
    ordering,
    passing,
    pointers_of,
    sparse_positions,
    spread,
)

Array = np.ndarray[Any, Any]

#: The dtypes that the core has kernels for; the most axes and labels, dense operands, and places of labels
#: beside the innermost one that it takes.
_CORES, _AXES, _DENSE, _PLACES = frozenset("?bBhHiIlLqQfdFD"), 32, 8, 1 << 14
#: Nanoseconds an entry for each of its axes, for each element that is looked up, and for a sum at its place.
_AXIS, _ELEMENT, _SUM = 0.7, 0.75, 1.0
#: Of a sum along what is compressed, or of a matrix between vectors, each look-up; of the sum of all.
_ALONG, _LOOKED_UP, _WHOLE = 0.25, 0.25, 0.2
#: Nanoseconds an element of diagonals between two vectors, and for 8 bytes of it; times that of complex ones.
_BETWEEN, _BETWEEN_8, _COMPLEX = 0.1, 0.17, 4
#: And each look-up by both labels, whose places are made.
_BY_BOTH = 2.2
#: Of sums of coordinates at their places: each waits for the one before.
_WAITS = 1.5
#: Nanoseconds for 8 bytes of a result that is filled with zeros, and seen to be finite.
_FILLED = 0.1
#: Nanoseconds for each place of a vector that is looked through for entries, and for each row that has some.
_PLACE, _HELD = 0.13, 1.9
#: Pointers for each entry from which its line is looked for by bisection, as the core has it, and nanoseconds
#: for each halving.
_FEWER, _BISECTED = 32, 4.0
#: Nanoseconds an entry for sorting the places of few.
_SORTED = 15.0
#: Nanoseconds an element of a row that is looked up, for adding one to a row of the result, and for that row.
_DOT, _ROW, _BEGUN = 0.12, 0.3, 4.0
#: Elements of a row of the result from which they are added one after the other, as the core has it.
_SHORT_ROW = 8
#: Bytes of an array from which rows at random places come from memory.
_FAR = 1 << 22
#: Nanoseconds for an element of a row that does not lie side by side, or for bringing it there.
_APART = 1.0
#: Nanoseconds for each line of these that is read, beside others, and its bytes.
_MISS, _CACHE_LINE = 2.5, 64
#: Nanoseconds for an element of a result whose neighbours in a row lie on other pages.
_PAGE = 12.0
#: Of calls that the core does whole, and of others, in the units of `Cost`.
_SHORT, _LONG = 1.0, 6.0


def verdict(step: Step) -> Offer | Refused:
    """Offer to look the dense operands up at the entries of the sparse one."""
    positions = sparse_positions(step)
    if len(positions) != 1:
        return Refused("not one sparse operand")
    if CORE is None:
        return Refused(f"the compiled core is not there: {REASON}")
    if step.dtype.char not in _CORES:
        return Refused(f"no kernel for {step.dtype.name}")
    own = step.inputs[positions[0]]
    extra = "".join(c for c in dict.fromkeys("".join(step.inputs)) if c not in own)
    if len(own + extra) > _AXES or len(step.inputs) > _DENSE:
        return Refused("more labels or operands than the core takes")
    if step.form == "entries" and any(c in step.output for c in extra):
        return Refused("the result has labels that the sparse operand lacks")
    width = step.extent(extra)
    if width > _PLACES * max((step.sizes[c] for c in extra), default=1):
        return Refused("too many places of labels that the sparse operand lacks")
    return Offer(_cost(step, own, extra), layout(step), None, "dense operands are looked up at the entries")


def _cost(step: Step, own: str, extra: str) -> Cost:
    (position,) = sparse_positions(step)
    nnz, width = entries_of(step, position), step.extent(extra)
    dense = len(step.inputs) - 1
    if not dense and not step.output:
        lines = pointers_of(step, position)
        ends = lines if nnz < lines and step.last else 0  # all but two are passed over, as the core has it
        work = comparing(step) - COMPARE * ends + nnz * _WHOLE
        return Cost(work, nnz * float(step.dtype.itemsize), _SHORT, 1e9)
    if _between_vectors(step, position):
        parts = 2 if step.dtype.kind == "c" else 1
        each = _BETWEEN + _BETWEEN_8 * step.dtype.itemsize / parts / 8
        work = nnz * each * (_COMPLEX if parts == 2 else 1)
        return Cost(work, nnz * float(step.dtype.itemsize), _SHORT, 1e9)
    adds = any(c in step.output for c in extra)
    longest = max((step.sizes[c] for c in extra), default=1)
    beside = _row_of_result(step, extra, longest)
    each = _each(step, position)
    if extra:
        # What one operand has of the row's labels alone is read once for all of the others'.
        rows = sum(
            step.extent("".join(c for c in labels if c in extra)) if set(labels) & set(extra) else width
            for labels, op in zip(step.inputs, step.operands, strict=True)
            if op.form != "entries"
        )
        each += (_DOT * rows + _ROW * adds * width) * step.dtype.itemsize / 8
        each += _BEGUN * adds * width / max(1, beside or longest)
    moved = nnz * 8.0 + (step.out_bytes if step.form != "entries" else 0)
    for labels, op in zip(step.inputs, step.operands, strict=True):
        if op.form != "entries":
            row = step.extent("".join(c for c in labels if c in extra))
            moved += min(float(op.nbytes), float(nnz * row * op.dtype.itemsize))
            each += _far(step, row) if op.nbytes > _FAR else 0
            if row > 1 and not _in_rows(labels, op, extra):
                each += _APART * min(row, op.size / max(1, nnz))
    if adds:
        each += 0 if beside else _APART * width
        if step.out_bytes > _FAR:
            each += 2 * _far(step, width) if beside else _PAGE * width
    filled = _FILLED * step.out_bytes / 8 if step.form != "entries" else 0.0
    around = filled + comparing(step) + ordering(step, position) + _places(step, position)
    along = dense or line_of(step, position) == step.output
    looked = _passing(step, position) if along else 0.0
    threads = max(1.0, min(float(step.threads), nnz * each * 1e-6))
    work = nnz * each + looked + around * threads
    short = step.last and (len(own) == 2 or not dense)
    return Cost(work, moved, _SHORT if short else _LONG, 1e9 * threads)


def _between_vectors(step: Step, position: int) -> bool:
    """Whether whole diagonals are read between two vectors; their values are counted, not what is not 0."""
    own, terms = step.inputs[position], sorted(step.inputs)
    between = not step.output and len(own) == 2 and terms == sorted((own, *own))
    return between and step.last and step.operands[position].diagonals and step.dtype.char in "fdFD"


def _each(step: Step, position: int) -> float:
    """Nanoseconds an entry, but for labels that the sparse operand lacks."""
    own, dense = step.inputs[position], len(step.inputs) - 1
    scattered = (step.form != "entries" and bool(step.output)) or len(step.output) == 1
    line = line_of(step, position)
    if line and len(own) == 2 and len(step.output) <= 1 and step.output in ("", line):
        both = sum(set(own) <= set(labels) for i, labels in enumerate(step.inputs) if i != position)
        return _ALONG + _LOOKED_UP * dense * (len(own) if step.output else 1) + _BY_BOTH * both
    if not dense:
        summed = spread(step) + _SUM + (0.0 if line else _WAITS)
        return 0.0 if step.form == "entries" and len(step.output) == 2 else summed
    summed = _SUM + spread(step) + (0.0 if line else _WAITS)
    return _AXIS * len(own) + _ELEMENT * dense + summed * scattered


def _passing(step: Step, position: int) -> float:
    """Nanoseconds for following an operand's pointers: of few entries each is looked for among them."""
    lines, nnz = pointers_of(step, position), entries_of(step, position)
    if _FEWER * nnz < lines:
        return nnz * _BISECTED * log2(lines)
    return passing(step, position)


def _places(step: Step, position: int) -> float:
    """Nanoseconds for finding where a vector of sums has entries."""
    if step.form != "entries" or len(step.output) != 1:
        return 0.0
    length = step.sizes[step.output]
    if line_of(step, position) == step.output:
        return length * _PLACE + min(length, entries_of(step, position)) * _HELD
    return min(length * _PLACE, entries_of(step, position) * _SORTED)


def _in_rows(labels: str, op: Operand, extra: str) -> bool:
    """Whether a label that the sparse operand lacks lies side by side in a dense one."""
    return any(
        c in extra and stride == op.dtype.itemsize for c, stride in zip(labels, op.strides, strict=True)
    )


def _row_of_result(step: Step, extra: str, longest: int) -> int:
    """Elements that are added to a row of the result side by side; 0 where they lie apart."""
    for c in _innermost(layout(step), step):
        if c in extra and (step.sizes[c] >= _SHORT_ROW or step.sizes[c] == longest):
            return step.sizes[c]
    return 0


def _innermost(labels: str, step: Step) -> str:
    """The last label that has more than one place."""
    return next((c for c in reversed(labels) if step.sizes[c] > 1), labels[-1:])


def _far(step: Step, row: int) -> float:
    """Nanoseconds for the lines of a row at a random place of memory."""
    return _MISS * -(-row * step.dtype.itemsize // _CACHE_LINE)


def numbered(
    own: str, dense: Sequence[str], output: str, sizes: Any
) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...], tuple[int, ...], tuple[int, ...]]:
    """Labels as the core has them: numbers, those of the sparse operand first; and their sizes."""
    labels = list(dict.fromkeys("".join((own, *dense))))
    number = {c: i for i, c in enumerate(labels)}

    def of(text: str) -> tuple[int, ...]:
        return tuple(number[c] for c in text)

    return of(own), tuple(of(x) for x in dense), of(output), tuple(int(sizes[c]) for c in labels)


class _Sampled:
    """A bound step."""

    def __init__(self, step: Step) -> None:
        (self.position,) = sparse_positions(step)
        self.step = step
        self.own = own = step.inputs[self.position]
        self.dense = [labels for i, labels in enumerate(step.inputs) if i != self.position]
        self.rest = [tuple(i for i, c in enumerate(x) if c not in own) for x in self.dense]
        self.width = step.extent("".join(c for c in dict.fromkeys("".join(self.dense)) if c not in own))
        entries = step.form == "entries"
        self.values = entries and len(step.output) > 1
        self.places = entries and len(step.output) == 1
        output = own if self.values else step.output
        # One number after the other is added to each sum, which loses digits of single precision.
        wide = step.dtype.char in "fF" and not self.dense and not self.values
        self.dtype = np.promote_types(step.dtype, np.float64) if wide else step.dtype
        self.kernel = CORE.Sampled(
            self.dtype.char,
            *numbered(own, self.dense, output, step.sizes),
            self.values,
            step.order == "F",
            step.threads,
        )

    def __call__(self, *operands: Any, out: Array | None = None) -> Any:
        step, a = self.step, operands[self.position]
        if self.places and a.nnz < fewest(a.shape[self.own.index(step.output)]):
            return Declined("too few entries for an array of all places")
        dense = [x for i, x in enumerate(operands) if i != self.position]
        made = self.kernel(
            np.ascontiguousarray(a.data, self.dtype),
            *parts(a),
            self.places,
            *(self.brought(x, i, a.nnz) for i, x in enumerate(dense)),
        )
        if made is None:
            return Declined("the result is not finite")
        if made is False:
            raise Unsound("its index arrays were changed while they were read")
        if self.values:
            return hand_over(step, self.own, a.with_data(made), out)
        if self.places:
            place, sums = made
            return Entries(
                (step.sizes[step.output],), sums.astype(step.dtype, copy=False), (place,), fresh=True
            )
        made = made.astype(step.dtype, copy=False)
        if step.form == "entries":
            return Entries((), made.reshape(1), ())
        if out is None:
            return made
        np.copyto(out, made, casting="unsafe")
        return out

    def brought(self, x: Array, index: int, nnz: int) -> Array:
        """A dense operand in the kernel's dtype, its rows side by side where more is read than it holds."""
        x = x.astype(self.dtype, copy=not (x.flags.aligned and type(x) is np.ndarray))
        rest = self.rest[index]
        if rest and x.strides[rest[-1]] != x.itemsize and x.size <= nnz * self.width:
            axes = (*(i for i in range(x.ndim) if i not in rest), *rest)
            x = np.ascontiguousarray(x.transpose(axes)).transpose(np.argsort(axes))
        return x


def parts(a: Entries) -> tuple[Array | None, int, tuple[Array, ...]]:
    """Pointers and their axis, or None and -1, and an array an axis."""
    c = a.compressed
    if c is not None:
        return c.indptr, c.axis, (c.indices, c.indices)
    assert a.coords is not None
    coords = a.coords
    if len({x.dtype for x in coords}) > 1 or not all(x.flags.c_contiguous for x in coords):
        coords = tuple(np.ascontiguousarray(x, np.int64) for x in coords)
    return None, -1, coords


def bind(step: Step, offer: Offer) -> Runner:
    """Settle where the elements of each operand lie."""
    return _Sampled(step)


def _short(alone: Alone, run: Runner) -> Runner | None:
    (position,) = sparse_positions(alone.step)
    dense = [labels for i, labels in enumerate(alone.inputs) if i != position]
    labels = numbered(alone.inputs[position], dense, alone.step.output, alone.step.sizes)
    return short.of_one(alone, run, labels)


ROUTE = Route("sparse.sampled", verdict, bind, guard="the result is finite", short=_short)
