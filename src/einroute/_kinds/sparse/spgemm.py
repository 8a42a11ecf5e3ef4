"""Two sparse operands as one product of CSR matrices, by the core or the loops of scipy.sparse's ``@``.

Labels of both that stay in the output go into the rows and into the contracted side of either matrix, so that
a batch of products is one product of block-diagonal matrices.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Classes, Step
from ..._base.routes import Alone, Declined, Offer, Refused, Route, Runner
from ..._base.threads import run_blocks
from ..._entries.csr_source import CSR
from ..._entries.entries import CROWDED, Compressed, Entries, scatter_add, settled, tools, total
from ..._entries.validate import Unsound
from ..._native import CORE
from . import short_product
from .result import (
    SORT,
    TURNED,
    comparing,
    entries_of,
    hand_over,
    layout,
    line_of,
    pair_of_sparse,
    row_cuts,
)

Array = np.ndarray[Any, Any]

#: Rows a matrix may have beyond so many times the entries: row pointers are written and read one by one.
_SPARSE_ROWS = 64
#: Nanoseconds that each product costs, a row of either matrix, and an entry where all products are summed.
_PRODUCT, _ROW, _SUMMED = 6.0, 3.0, 2.0
#: An entry whose row of the other matrix is looked up; an entry of sums along what is compressed; and a sum.
_LOOKED_UP, _SUMMED_ALONG, _MIDDLE = 3.0, 0.5, 3.0
#: NumPy calls around that.
_CALLS = 9.0 if CORE is not None else 55.0
#: The dtypes that the core multiplies.
_CORES = frozenset("?bBhHiIlLqQfdFD")
#: Products that a block on a thread should have.
_WORK = 1 << 16


def verdict(step: Step) -> Offer | Refused:
    """Offer a product of two CSR matrices where their row pointers stay short."""
    refused = pair_of_sparse(step)
    if refused is not None:
        return refused
    a, b = step.inputs
    out = set(step.output)
    both = "".join(c for c in a if c in b)
    labels = Classes(
        batch="".join(c for c in both if c in out),
        contracted="".join(c for c in both if c not in out),
        left="".join(c for c in a if c not in both and c in out),
        right="".join(c for c in b if c not in both and c in out),
    )
    rows = step.extent(labels.batch + labels.left)
    middle = step.extent(labels.batch + labels.contracted)
    columns = step.extent(labels.right)
    left, right = entries_of(step, 0), entries_of(step, 1)
    if max(rows, middle, columns) > max(1 << 16, _SPARSE_ROWS * (left + right)):
        return Refused("the row pointers would be far longer than the entries")
    native = len(a) == len(b) == 2 and not labels.batch
    made = 0 if step.form == "entries" else step.out_bytes
    moved = float(step.in_bytes + made)
    if native and not step.output and middle <= CROWDED * (left + right):
        along = [line_of(step, i) == labels.contracted for i in (0, 1)]
        work = comparing(step) + middle * _MIDDLE
        work += sum(n * (_SUMMED_ALONG if x else _SUMMED) for n, x in zip((left, right), along, strict=True))
        return Offer(Cost(work, moved, _CALLS, 1e9), layout(step), labels, "sums of columns by sums of rows")
    products = left * right / max(1, middle)
    work = products * _PRODUCT + left * _LOOKED_UP + rows * _ROW + comparing(step)
    if not native or line_of(step, 1) != labels.contracted:
        work += middle * _ROW
    for position, label in enumerate((labels.left, labels.contracted)):
        if not native or line_of(step, position) != label:
            work += entries_of(step, position) * (TURNED if native else 3e9 * SORT)
    return Offer(Cost(work, moved, _CALLS, 1e9), layout(step), labels, "a product of CSR matrices")


def bind(step: Step, offer: Offer) -> Runner:
    """Two matrices, their product, and its coordinates taken apart."""
    labels: Classes = offer.recipe
    labels_a, labels_b = step.inputs
    rows = labels.batch + labels.left
    middle = labels.batch + labels.contracted
    axes_a = [labels_a.index(c) for c in rows], [labels_a.index(c) for c in middle]
    axes_b = [labels_b.index(c) for c in middle], [labels_b.index(c) for c in labels.right]
    n, m = step.extent(rows), step.extent(labels.right)
    cored = CORE is not None and step.dtype.char in _CORES
    shared = labels.contracted
    if not step.output and len(labels_a) == len(labels_b) == 2 and len(shared) == 1:
        at = labels_a.index(shared), labels_b.index(shared)
        if step.sizes[shared] <= CROWDED * (entries_of(step, 0) + entries_of(step, 1)):
            return lambda a, b, out=None: _all_products(a, b, at, step, out)

    def run(a: Entries, b: Entries, out: Array | None = None) -> Any:
        if not cored:  # SciPy's loops compare no index
            a, b = a.settled(), b.settled()
        indptr, indices, data = product(a.csr(*axes_a), b.csr(*axes_b), m, step.threads)
        made = Entries((n, m), data, None, Compressed(indptr, indices, 0), fresh=True)
        if len(rows) != 1 or len(labels.right) != 1:
            coords = _apart(made.coordinate(0), [step.sizes[c] for c in rows])
            coords += _apart(indices, [step.sizes[c] for c in labels.right])
            shape = tuple(step.sizes[c] for c in rows + labels.right)
            made = Entries(shape, data, tuple(coords), own_data=True)
        return hand_over(step, rows + labels.right, made, out)

    return run


def _all_products(a: Entries, b: Entries, at: tuple[int, int], step: Step, out: Array | None) -> Any:
    """The sum of all products: one matrix summed along the label that both have, looked up by the other."""
    # One number after the other is added to each sum, which loses digits of single precision.
    wide = np.promote_types(step.dtype, np.float64) if step.dtype.char in "fF" else step.dtype
    sums = scatter_add(a.coordinate(at[0]), a.data.astype(wide, copy=False), a.shape[at[0]])
    found = sums[settled(b.coordinate(at[1]), len(sums))]
    multiply = np.logical_and if step.dtype.kind == "b" else np.multiply
    made = total(multiply(found, b.data))
    if step.dtype.kind in "fc" and not np.isfinite(made).all():
        return Declined("an entry that is not finite may have met an absent one")
    return hand_over(step, "", Entries((), made.astype(step.dtype, copy=False), ()), out)


def product(a: CSR, b: CSR, columns: int, threads: int) -> CSR:
    """The product of two CSR matrices: each place once, the rows not sorted, sums that are zero left out.

    Blocks of rows over the threads: how many entries each may have is counted first, so that all are written
    where they belong.  Gustavson's algorithm (ACM Trans. Math. Softw. 4, 1978), as in SciPy.

    Parameters
    ----------
    a, b : tuple of ndarray
        ``indptr, indices, data``; the rows of ``b`` are the columns of ``a``.
    columns : int
        Of ``b``.
    threads : int
    """
    index: Any = np.int32 if all(x.dtype == np.int32 for x in (*a[:2], *b[:2])) else np.int64
    if CORE is not None and a[2].dtype.char in _CORES:
        return _by_core(a, b, columns, threads, index)
    n = len(a[0]) - 1
    work = len(a[1]) * (len(b[1]) // max(1, len(b[0]) - 1) + 1)
    count = max(1, min(4 * threads, work // _WORK, n)) if threads > 1 else 1
    cuts = row_cuts(a[0], count)
    left, right = _indexed(a, index), _indexed(b, index)
    sizes = [0] * count

    def measure(block: int) -> None:
        rows = left[0][cuts[block] : cuts[block + 1] + 1]
        sizes[block] = tools.csr_matmat_maxnnz(len(rows) - 1, columns, rows, left[1], *right[:2])

    run_blocks(count, measure, threads)
    total = sum(sizes)
    if total > np.iinfo(index).max:
        index = np.int64
        left, right = _indexed(a, index), _indexed(b, index)
    starts = [sum(sizes[:block]) for block in range(count)]
    parts = [slice(start, start + size) for start, size in zip(starts, sizes, strict=True)]
    indptr, indices, data = np.zeros(n + 1, index), np.empty(total, index), np.empty(total, a[2].dtype)

    def multiply(block: int) -> None:
        low, high, part = cuts[block], cuts[block + 1], parts[block]
        ends = indptr[low : high + 1] if count == 1 else np.empty(high - low + 1, index)
        rows = left[0][low : high + 1]
        tools.csr_matmat(high - low, columns, rows, *left[1:], *right, ends, indices[part], data[part])
        if count > 1:
            indptr[low + 1 : high + 1] = np.diff(ends)
            parts[block] = slice(part.start, part.start + int(ends[-1]))

    run_blocks(count, multiply, threads)
    if count == 1:
        return indptr, indices[: indptr[-1]], data[: indptr[-1]]
    np.cumsum(indptr, out=indptr)
    if indptr[-1] < total:
        indices, data = (np.concatenate([x[part] for part in parts]) for x in (indices, data))
    return indptr, indices, data


def _by_core(a: CSR, b: CSR, columns: int, threads: int, index: Any) -> CSR:
    left, right = _indexed(a, index), _indexed(b, index)
    made: CSR | bool | None = CORE.multiply_sparse(*left, *right, columns, threads)
    if made is False:  # more entries than 32-bit pointers can number
        made = CORE.multiply_sparse(*_indexed(a, np.int64), *_indexed(b, np.int64), columns, threads)
    if not isinstance(made, tuple):
        raise Unsound("its index arrays were changed while they were read")
    return made


def _indexed(x: CSR, dtype: Any) -> CSR:
    indptr, indices, data = x
    return indptr.astype(dtype, copy=False), indices.astype(dtype, copy=False), data


def _apart(raveled: Array, shape: list[int]) -> list[Array]:
    """Coordinates along several axes from one along all of them."""
    if not shape:
        return []
    return [raveled] if len(shape) == 1 else list(np.unravel_index(raveled, shape))


def _short(alone: Alone, run: Runner) -> Runner | None:
    return None if CORE is None else short_product.of_product(alone, run)


ROUTE = Route("sparse.spgemm", verdict, bind, guard="a sum of all products is finite", short=_short)
