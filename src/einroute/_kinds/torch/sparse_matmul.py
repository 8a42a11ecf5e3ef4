"""One sparse tensor and a dense one, as a sparse matrix by a dense one.

Labels of the output that entries have are rows, labels that they share with the dense tensor are columns;
those of both are rows and columns. What is summed of the entries alone needs no label at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import Alone, Offer, Refused, Route, Runner
from ..array_library.routes import laid_out
from .autocast import lowered
from .cells import Cells, narrowed
from .compressed import bare, multiplied
from .dense import LIBRARY, Tensor
from .dtypes import native
from .layouts import TensorCells
from .pattern import FLOATS, LONGEST, Pattern, product

__all__ = ["ENTRIES", "NAME", "ONE_HOT", "ROUTE", "pattern_of"]

#: Of the form of sparse tensors, and of that of one-hot operands, which are entries, too.
NAME, ONE_HOT = "torch_sparse", "torch_one_hot"
ENTRIES = frozenset({NAME, ONE_HOT})
#: Multiply-adds a second, and seconds an entry for its order.
_RATE, _ENTRY = 2e9, 1.5e-8
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Matrix:
    """A pair as a sparse matrix by a dense one.

    Attributes
    ----------
    sparse : int
        Position of the sparse operand.
    rows, cols, free, alone : str
        Labels of its rows and columns, of the dense one's columns, and those of the dense one that are summed
        first.
    """

    sparse: int
    rows: str
    cols: str
    free: str
    alone: str

    @property
    def made(self) -> str:
        """Labels of the product."""
        return self.rows + self.free


def _verdict(step: Step) -> Offer | Refused:
    """Offer to do a sparse and a dense tensor whose result is dense."""
    own = [i for i, op in enumerate(step.operands) if op.form in ENTRIES]
    if len(own) != 1 or len(step.inputs) != 2:
        return Refused("not one sparse tensor and a dense one")
    if step.form == NAME:
        return Refused("the result is sparse")
    labels, other = step.inputs[own[0]], step.inputs[1 - own[0]]
    rows = "".join(c for c in labels if c in step.output)
    cols = "".join(c for c in other if c in labels)
    free = "".join(c for c in other if c not in labels and c in step.output)
    alone = "".join(c for c in other if c not in labels and c not in step.output)
    if max(step.extent(rows), step.extent(cols)) > _LARGEST:
        return Refused("more places than 64 bits can count")
    found = _Matrix(own[0], rows, cols, free, alone)
    count = step.operands[own[0]].nnz or 0
    flops = float(count * step.extent(free))
    sorted_first = bool(free) and labels[: len(rows)] != rows
    seconds = flops / _RATE + _ENTRY * count * sorted_first
    cost = Cost(
        flops,
        float(step.in_bytes + step.out_bytes),
        3 * LIBRARY.calls,
        flops / seconds if flops else _RATE,
    )
    return Offer(cost, found.made, found, f"a sparse matrix of {count} entries by a dense one")


def pattern_of(cells: Cells, rows: list[int], cols: list[int]) -> Pattern:
    """The places of entries, some of their axes together as rows and some as columns."""

    def index(axes: list[int]) -> Any:
        return (lambda: cells.coord(axes[0])) if len(axes) == 1 else lambda: cells.place(axes)

    shape = (prod(cells.shape[i] for i in rows), prod(cells.shape[i] for i in cols))
    ordered = rows == list(range(len(rows))) and len(rows) <= cells.ordered
    pointers = cells.pointers if rows == [cells.along] else None
    return Pattern(index(rows), index(cols), shape, pointers=pointers, ordered=ordered)


def computed_in(dtype: Any, count: int, device: Any) -> Any:
    """The dtype in which sums of so many products of a dtype are formed exactly, or as torch's are."""
    if dtype.kind == "f" and dtype.itemsize == 2:
        return LIBRARY.dtypes.named("float32")
    made = LIBRARY.matmul_dtype(dtype, count, device)
    return dtype if made is None else made


def _as_matrix(step: Step, found: _Matrix) -> bool:
    """Whether the sparse operand, as it comes, is the matrix of a product that torch has."""
    return (
        len(step.inputs[found.sparse]) == 2
        and len(found.rows) == len(found.cols) == 1
        and found.rows != found.cols
        and native(step.dtype) in FLOATS
        and all(0 < step.sizes[c] <= LONGEST for c in step.inputs[found.sparse])
        and step.extent(found.free) > 0
        and not (step.sizes[found.rows] == 1 and step.extent(found.free) == 1)  # a dot product
    )


def _bind(step: Step, offer: Offer) -> Runner:
    found: _Matrix = offer.recipe
    labels, other = step.inputs[found.sparse], step.inputs[1 - found.sparse]
    rows, cols = [labels.index(c) for c in found.rows], [labels.index(c) for c in found.cols]
    alone = tuple(other.index(c) for c in found.alone)
    left = [c for c in other if c not in found.alone]
    axes = [left.index(c) for c in found.cols + found.free]
    matrix = (step.extent(found.cols), step.extent(found.free))
    shape = tuple(step.sizes[c] for c in found.made)
    order = [found.made.index(c) for c in step.output]
    dtype, device = step.dtype, step.operands[found.sparse].device
    straight = order == list(range(len(order)))
    as_given = axes == [0, 1] and not alone and len(found.cols) == 1
    flat = len(shape) == 2 and len(found.rows) == 1
    turned, second = labels[:1] != found.rows, found.sparse == 1
    whole, conjugates = _as_matrix(step, found), dtype.kind == "c"
    vector = whole and not found.free and not alone
    transposed = axes == [1, 0] and not alone and len(found.cols) == 1

    def matrix_of(dense: Tensor) -> Tensor:
        if transposed:
            return dense.t()
        if as_given:
            return dense
        dense = LIBRARY.sum(dense, alone) if alone else dense
        return dense.permute(axes).reshape(matrix)

    def run(x: Any, y: Any, out: Any = None) -> Tensor:
        cells, dense = (y, x) if second else (x, y)
        if type(cells) is TensorCells and bare(cells.tensor, dense):
            given = dense if vector else matrix_of(dense)
            made = multiplied(cells.tensor, given, turned=turned, conjugates=conjugates)
            if made is not None:
                if not (flat or vector):
                    made = made.reshape(shape)
                return made if straight else made.permute(order)
        result: Tensor = slow(x, y)
        return result

    def general(x: Any, y: Any, out: Any = None) -> Tensor:
        cells, dense = (y, x) if second else (x, y)
        dense = matrix_of(dense)
        values = cells.values
        made_in = computed_in(dtype, cells.count, device)
        if made_in != dtype:
            values, dense = LIBRARY.cast(values, made_in), LIBRARY.cast(dense, made_in)
        made = product(pattern_of(cells, rows, cols), values, dense)
        if made_in != dtype:
            if dtype.kind in "iu":
                made = made.long()
            made = narrowed(made, native(dtype))
        if not flat:
            made = made.reshape(shape)
        return made if straight else made.permute(order)

    slow = lowered(step, general)
    if whole and straight and step.order != "F":  # torch's products of a matrix have C order
        slow = laid_out(LIBRARY, step, slow)
        return run
    return laid_out(LIBRARY, step, run if whole else slow)


def _short(alone: Alone, run: Runner) -> Runner | None:
    """A matrix by a dense one, or a vector, where nothing but values is asked: tensors as they came."""
    step = alone.step
    offer = _verdict(step)
    assert isinstance(offer, Offer)
    found: _Matrix = offer.recipe
    other = step.inputs[1 - found.sparse]
    if (
        alone.inputs != step.inputs
        or not _as_matrix(step, found)
        or found.made != step.output
        or step.order == "F"
        or found.alone
        or len(found.free) > 1
    ):
        return None
    second, transposed = found.sparse == 1, other != found.cols + found.free
    turned, conjugates = step.inputs[found.sparse][0] != found.rows, step.dtype.kind == "c"

    def short(x: Any, y: Any) -> Any:
        matrix, dense = (y, x) if second else (x, y)
        if type(matrix) is Tensor and type(dense) is Tensor and bare(matrix, dense):
            given = dense.t() if transposed else dense
            made = multiplied(matrix, given, turned=turned, conjugates=conjugates)
            if made is not None:
                return made
        return run(x, y)

    return short


ROUTE = Route("torch_sparse.matmul", _verdict, _bind, short=_short)
