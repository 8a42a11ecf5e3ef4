"""A dense operand by a sparse matrix with compiled kernels: nothing is copied or transposed as a whole.

Two forms. ``rows``: the contracted label is innermost in the dense operand, X (..., n), and the result is
X A (..., m).  ``columns``: it is outermost, X (n, ...), and the result is A' X (m, ...).  The kernels are
earned: as long as they are not compiled the route declines and counts (`_kernels.earned`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Operand, Step
from ..._base.routes import Declined, Offer, Refused, Route, Runner
from ..._base.threads import run_blocks
from ..._kernels import csr_source
from ..._kernels.csr_source import CSR
from ..._kernels.earned import KERNELS, Kernel, Signature
from ..._kernels.entries import Entries
from .result import entries_of, row_cuts, sparse_and_dense

Array = np.ndarray[Any, Any]

#: The dtypes there are kernels for, and the one of the arrays that a kernel sees.
_REAL = {
    "f4": "f4", "f8": "f8", "c8": "f4", "c16": "f8", "i4": "i4", "i8": "i8", "u4": "i4", "u8": "i8",
}  # fmt: skip
#: Bytes of a tile's line, and rows of float64 in a tile.
_LINE, _WIDTH = 64, 16
#: Seconds that a step takes without a kernel from which one is worth asking for.
_LEAST = 50e-6
#: Tiles for each thread up to which a matrix that is compressed along the contracted label is taken as it is:
#: compressing it the other way takes 2 to 3 ns an entry, and saves about 1 ns an entry and tile.
_FEW = 2
#: How much of the time that kernel then takes the other one would save, about.
_SAVED = 0.3
#: Multiply-adds, or elements read or written, that a block on a thread should have.
_WORK = 1 << 20
#: Bytes that a tile, or a block of columns, may take of the second-level cache.
_CACHE = 1 << 19
#: Entries a row of X from which that is kept in cache, in blocks of columns, and the bytes of a block's rows,
#: at least. Below that, reading whole rows from memory again is faster (measured for n of 1000 to 20000).
_AGAIN, _NARROWEST = 8, 1 << 9
#: Multiply-adds a second on one core while the tile is in that cache, beyond it, and of SciPy's loops.
_NEAR, _FAR, _SCIPY = 6e9, 2e9, 1e9


@dataclass(frozen=True, slots=True)
class Recipe:
    """How the step is seen as a product of matrices.

    Attributes
    ----------
    rows : bool
        X (free, n) and the result (free, m); else X (n, free) and the result (m, free).
    free : str
        The dense operand's own labels, outermost in memory first.
    contracted, kept : str
        The sparse operand's labels.
    seconds : float
        What the step takes without the kernel, about.
    """

    rows: bool
    free: str
    contracted: str
    kept: str
    seconds: float

    @property
    def layout(self) -> str:
        """The result's labels in the order of its memory."""
        return self.free + self.kept if self.rows else self.kept + self.free


def verdict(step: Step) -> Offer | Refused:
    """Offer a product of a dense operand, seen as a matrix where it lies, by a sparse matrix."""
    pair = sparse_and_dense(step)
    if isinstance(pair, Refused):
        return pair
    if step.form == "entries":
        return Refused("its result is dense")
    if _name(step.dtype) not in _REAL:
        return Refused(f"no kernel for {step.dtype.name}")
    s, d = pair
    own, other = step.inputs[s], step.inputs[d]
    shared = [c for c in own if c in other]
    if len(own) != 2 or len(shared) != 1 or shared[0] in step.output:
        return Refused("not a product over one label of a sparse matrix")
    contracted, kept = shared[0], own[0] if own[1] == shared[0] else own[1]
    if kept not in step.output or any(c not in step.output for c in other if c != contracted):
        return Refused("a label that one operand alone has is summed")
    found = _seen(step, other, step.operands[d], contracted, kept, entries_of(step, s))
    if isinstance(found, Refused):
        return found
    ordered = {"C": step.output, "F": step.output[::-1]}.get(step.order, found.layout)
    if ordered != found.layout and not _same(step, ordered, found.layout):
        return Refused(f"the result would lie in the order {found.layout}")
    return _offer(step, found, entries_of(step, s))


def _seen(step: Step, labels: str, op: Operand, contracted: str, kept: str, nnz: int) -> Recipe | Refused:
    """The dense operand as a matrix: its own labels fused, one of its two axes contiguous."""
    strides = dict(zip(labels, op.strides, strict=True))
    sizes = step.sizes
    free = sorted((c for c in labels if c != contracted), key=lambda c: -abs(strides[c]))
    if step.order == "K" and _same(step, "".join(c for c in step.output if c in labels), "".join(free)):
        free = [c for c in step.output if c in labels]
    long = [c for c in free if sizes[c] > 1]
    for outer, inner in pairwise(long):
        if strides[outer] != strides[inner] * sizes[inner]:
            return Refused("the rows of the dense operand do not follow each other evenly")
    width = step.extent("".join(free))
    # What SciPy's loops take, and what memory takes where those have little to do.
    seconds = nnz * width / _SCIPY + 0.3e-9 * (step.in_bytes + step.out_bytes)
    if seconds < _LEAST:
        return Refused("too little work for a compiled kernel")
    if sizes[contracted] <= 1 or strides[contracted] == op.dtype.itemsize:
        rows = True
        outer_stride = strides[long[-1]] if long else 0
    elif not long or strides[long[-1]] == op.dtype.itemsize:
        rows = False
        outer_stride = strides[contracted]
    else:
        return Refused("neither axis of the dense matrix is contiguous")
    if outer_stride % op.dtype.itemsize:
        return Refused("the dense operand's rows start between elements")
    if width < (_WIDTH // 2 if rows else 2 * _LINE // step.dtype.itemsize):
        return Refused("too few rows to fill a tile" if rows else "rows that are shorter than a vector")
    return Recipe(rows, "".join(free), contracted, kept, seconds)


def _same(step: Step, one: str, other: str) -> bool:
    """Whether two orders of labels are one order of memory: labels of size 1 do not count."""
    return [c for c in one if step.sizes[c] != 1] == [c for c in other if step.sizes[c] != 1]


def _offer(step: Step, recipe: Recipe, nnz: int) -> Offer:
    tile = step.sizes[recipe.contracted] * 2 * _LINE
    rate = (_NEAR if tile <= 2 * _CACHE else _FAR) * step.threads * 8 / step.dtype.itemsize
    work = float(nnz) * step.extent(recipe.free) * (2 if step.dtype.kind == "c" else 1)
    written = step.out_bytes * (1 if recipe.rows else 2)  # zeros first, then sums in their place
    cost = Cost(work, float(step.in_bytes + written), 10.0, rate)
    note = "a compiled kernel, " + ("tiles of rows" if recipe.rows else "blocks of columns")
    return Offer(cost, recipe.layout, recipe, note)


def _name(dtype: np.dtype[Any]) -> str:
    return dtype.str[1:] if dtype.isnative else ""


class _Product:
    """A bound step."""

    def __init__(self, step: Step, recipe: Recipe) -> None:
        pair = sparse_and_dense(step)
        assert not isinstance(pair, Refused)
        self.sparse, self.dense = pair
        self.recipe, self.dtype, self.threads = recipe, step.dtype, step.threads
        own, other = step.inputs[self.sparse], step.inputs[self.dense]
        self.kept, self.contracted = own.index(recipe.kept), own.index(recipe.contracted)
        self.n, self.m = step.sizes[recipe.contracted], step.sizes[recipe.kept]
        self.width = step.extent(recipe.free)
        order = recipe.free + recipe.contracted if recipe.rows else recipe.contracted + recipe.free
        self.axes = tuple(other.index(c) for c in order)
        self.x_shape = (self.width, self.n) if recipe.rows else (self.n, self.width)
        self.y_shape = (self.width, self.m) if recipe.rows else (self.m, self.width)
        self.made_shape = tuple(step.sizes[c] for c in recipe.layout)
        self.to_output = tuple(recipe.layout.index(c) for c in step.output)
        self.to_layout = tuple(step.output.index(c) for c in recipe.layout)
        self.tile = 2 * _LINE // np.dtype(_REAL[_name(step.dtype)]).itemsize
        self.real = np.dtype(_REAL[_name(step.dtype)])
        self.unit = step.dtype.itemsize // self.real.itemsize
        self.name = _name(step.dtype).replace("u", "i")

    def __call__(self, *operands: Any, out: Array | None = None) -> Any:
        a: Entries = operands[self.sparse]
        x: Array = operands[self.dense]
        if not x.flags.aligned:
            return Declined("the dense operand is not aligned")
        scatter = self.recipe.rows and self.scatters(a)
        index = self.index(a, scatter)
        kernel = KERNELS.get(Signature(self.kernel(scatter), self.name, index), self.recipe.seconds)
        if isinstance(kernel, str):
            return Declined(kernel)
        kept = self.better(a) if scatter else None
        if kept is not None:
            kernel, index, scatter = kept[0], self.index(a, False), False
        made, y = self.target(out)
        if a.nnz == 0 or not (self.n and self.width) or (made is None and not self.recipe.rows):
            y[...] = 0
        if a.nnz and self.n and self.m and self.width:
            matrix = self.arrays(a, scatter, index, None if kept is None else kept[1])
            self.multiply(kernel, x.transpose(self.axes).reshape(self.x_shape, copy=False), y, matrix)
        if out is None:
            return made.transpose(self.to_output)
        if made is not None:
            out.transpose(self.to_layout)[...] = made
        return out

    def kernel(self, scatter: bool) -> str:
        """The name of the kernel."""
        return "csr_by_dense" if not self.recipe.rows else "dense_by_csr" if scatter else "dense_by_csc"

    def index(self, a: Entries, scatter: bool) -> str:
        """The index type of the matrix that the kernel will see."""
        if a.compressed is not None and (a.compressed.axis == self.contracted) == scatter:
            return str(a.compressed.indices.dtype.str[1:])
        return "i4" if max(self.n, self.m, a.nnz) < 2**31 else "i8"

    def better(self, a: Entries) -> tuple[Kernel, CSR] | None:
        """The kernel for columns, and them, of a matrix whose rows would do: if both are there."""
        matrix = csr_source.kept(a, (self.kept,), (self.contracted,), self.width)
        if matrix is None:
            return None
        signature = Signature(self.kernel(False), self.name, self.index(a, False))
        kernel = KERNELS.get(signature, _SAVED * self.recipe.seconds)
        return None if isinstance(kernel, str) else (kernel, matrix)

    def scatters(self, a: Entries) -> bool:
        """Whether to take CSR rows as they are: for few rows of X making columns of them costs more."""
        c = a.compressed
        return c is not None and c.axis == self.contracted and self.width <= _FEW * self.tile * self.threads

    def arrays(self, a: Entries, scatter: bool, index: str, kept: CSR | None) -> CSR:
        """The matrix as the kernel takes it: its values as real numbers."""
        rows, columns = (self.contracted, self.kept) if scatter else (self.kept, self.contracted)
        indptr, indices, data = kept or csr_source.compressed(a, (rows,), (columns,), self.width)
        indptr, indices = (np.ascontiguousarray(part, index) for part in (indptr, indices))
        return indptr, indices, np.ascontiguousarray(data, self.dtype).view(self.real)

    def target(self, out: Array | None) -> tuple[Any, Array]:
        """The new array with the labels of the layout, or None where `out` is written to; and its matrix."""
        if out is not None and out.dtype == self.dtype and out.flags.aligned and out.flags.writeable:
            try:
                y = out.transpose(self.to_layout).reshape(self.y_shape, copy=False)
            except ValueError:
                pass
            else:
                if y.shape[1] <= 1 or y.strides[1] == y.itemsize:
                    return None, y
        # The kernel for columns passes over rows without an entry: new pages that nobody touches are zero.
        made = (np.empty if self.recipe.rows else np.zeros)(self.made_shape, self.dtype)
        return made, made.reshape(self.y_shape)

    def numbers(self, part: Array) -> Array:
        """Rows of a matrix as the kernel takes them: real numbers, each row contiguous."""
        if part.dtype != self.dtype or (part.shape[1] > 1 and part.strides[1] != part.itemsize):
            part = np.ascontiguousarray(part, self.dtype)
        elif part.strides[1] != part.itemsize:  # of one column: its step means nothing
            shape, strides = part.shape, (part.strides[0], part.itemsize)
            part = np.lib.stride_tricks.as_strided(part, shape, strides, writeable=part.flags.writeable)
        return part.view(self.real)

    def multiply(self, kernel: Kernel, x: Array, y: Array, matrix: CSR) -> None:
        """Blocks over the threads; each casts its own part of X where that is needed."""
        y = self.numbers(y)
        work = len(matrix[1]) * self.width + x.size + y.size
        threads = min(self.threads, max(1, work // _WORK))
        cut = self.by_rows if self.recipe.rows else self.by_columns
        run_blocks(*cut(kernel, x, y, matrix, threads), threads)

    def by_rows(
        self, kernel: Kernel, x: Array, y: Array, matrix: CSR, threads: int
    ) -> tuple[int, Callable[[int], None]]:
        tiles = -(-self.width // self.tile)
        per = max(1, -(-tiles // (8 * threads))) * self.tile if threads > 1 else self.width
        cast = x.dtype != self.dtype
        if cast:
            per = min(per, max(1, _CACHE // max(1, self.n * self.dtype.itemsize * self.tile)) * self.tile)
        else:
            x = self.numbers(x)

        def work(block: int) -> None:
            low, high = block * per, min(self.width, (block + 1) * per)
            if cast:
                kernel(y[low:high], self.numbers(x[low:high]), *matrix, 0, high - low)
            else:
                kernel(y, x, *matrix, low, high)

        return -(-self.width // per), work

    def by_columns(
        self, kernel: Kernel, x: Array, y: Array, matrix: CSR, threads: int
    ) -> tuple[int, Callable[[int], None]]:
        indptr, indices, _ = matrix
        width = self.width * self.unit
        per = width
        if len(indices) > _AGAIN * self.n:
            per = max(
                _NARROWEST // self.real.itemsize,
                _CACHE // (self.n * self.real.itemsize) // self.tile * self.tile,
            )
        strips = max(1, width // per)
        cast = x.dtype != self.dtype
        parts = max(1, -(-4 * threads // strips)) if threads > 1 else 1
        cuts = row_cuts(indptr, parts)
        if cast:
            x = np.ascontiguousarray(x, self.dtype)
        x = self.numbers(x)

        def work(block: int) -> None:
            strip, part = divmod(block, parts)
            first, last = cuts[part], cuts[part + 1]
            end = width if strip == strips - 1 else (strip + 1) * per
            if first < last:
                kernel(y, x, *matrix, first, last, strip * per, end)

        return strips * parts, work


def bind(step: Step, offer: Offer) -> Runner:
    """Settle the axes and the blocks."""
    return _Product(step, offer.recipe)


ROUTE = Route(
    "sparse.tiles",
    verdict,
    bind,
    "the kernel is compiled, or the work seen has paid for compiling it",
    earned=True,
)
