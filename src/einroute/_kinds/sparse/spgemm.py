"""Two sparse operands as one product of CSR matrices, by scipy.sparse's ``@``.

Labels of both that stay in the output go into the rows and into the contracted side of either matrix, so that
a batch of products is one product of block-diagonal matrices.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..._cost import Cost
from ..._kernels.entries import Compressed, Entries
from ..._problem import Classes, Step
from ..._route import Offer, Refused, Route, Runner
from .result import SORT, entries_of, hand_over, layout, pair_of_sparse

Array = np.ndarray[Any, Any]

#: Rows a matrix may have beyond so many times the entries: row pointers are written and read one by one.
_SPARSE_ROWS = 64
#: Seconds that each product costs.
_PRODUCT = 6e-9


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
    products = left * right / max(1, middle)
    work = products * _PRODUCT + (rows + middle) * 1e-9 + (0 if native else (left + right) * SORT)
    made = 0 if step.sparse else step.out_bytes
    cost = Cost(work * 1e9, float(step.in_bytes + made), 30.0, 1e9)
    return Offer(cost, layout(step), labels, "scipy.sparse's product of CSR matrices")


def bind(step: Step, offer: Offer) -> Runner:
    """Two matrices, their product, and its coordinates taken apart."""
    labels: Classes = offer.recipe
    labels_a, labels_b = step.inputs
    rows = labels.batch + labels.left
    middle = labels.batch + labels.contracted
    axes_a = [labels_a.index(c) for c in rows], [labels_a.index(c) for c in middle]
    axes_b = [labels_b.index(c) for c in middle], [labels_b.index(c) for c in labels.right]
    n, k, m = (step.extent(x) for x in (rows, middle, labels.right))

    def run(a: Entries, b: Entries, out: Array | None = None) -> Any:
        product = _matrix(a, axes_a, (n, k)) @ _matrix(b, axes_b, (k, m))
        shape = tuple(step.sizes[c] for c in rows + labels.right)
        if len(rows) == len(labels.right) == 1:
            made = Entries((n, m), product.data, None, Compressed(product.indptr, product.indices, 0), True)
        else:
            row = Entries(
                (n, m), product.data, None, Compressed(product.indptr, product.indices, 0)
            ).coordinate(0)
            coords = _apart(row, [step.sizes[c] for c in rows])
            coords += _apart(product.indices, [step.sizes[c] for c in labels.right])
            made = Entries(shape, product.data, tuple(coords))
        return hand_over(step, rows + labels.right, made, out)

    return run


def _matrix(x: Entries, axes: tuple[list[int], list[int]], shape: tuple[int, int]) -> Any:
    indptr, indices, data = x.csr(*axes)
    return csr_array((data, indices, indptr), shape=shape)


def _apart(raveled: Array, shape: list[int]) -> list[Array]:
    """Coordinates along several axes from one along all of them."""
    if not shape:
        return []
    return [raveled] if len(shape) == 1 else list(np.unravel_index(raveled, shape))


ROUTE = Route("sparse.spgemm", verdict, bind)
