"""A sparse matrix by a dense one, or by another sparse one: cupyx's own ``@``, for matrices as they came.

What ``@`` does to a matrix in which a place has several entries, to put them together, is done to a copy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cupy

from ..._base.cost import Cost
from ..._base.facts import Step
from ..._base.routes import Offer, Refused, Route, Runner
from ..array_library.routes import laid_out
from .dense import LIBRARY
from .gather import NAME, sparse_facts

__all__ = ["MATRIX", "ROUTES", "distinct"]

#: What facts tell of a matrix that comes as it is.
MATRIX = "matrix"
#: dtypes of cuSPARSE's products; multiply-adds a second, by a dense matrix and by a sparse one.
_CODES, _RATE, _SPGEMM = "fdFD", 2e9, 1e8


def distinct(x: Any) -> Any:
    """A matrix with an entry a place at most: itself, or a copy in which they are put together."""
    if x.has_canonical_format:
        return x
    x = x.copy()
    x.sum_duplicates()
    return x


@dataclass(frozen=True, slots=True)
class _Product:
    """A pair as a sparse matrix by a dense one.

    Attributes
    ----------
    sparse : int
        Position of the matrix.
    turned : bool
        Whether its rows are summed.
    alone, order : tuple of int
        Axes of the dense operand that are summed first, and the order of the others, the summed label first.
    shape, made, axes : tuple of int
        Of the dense matrix; sizes of the product; what puts its axes in the output's order.
    """

    sparse: int
    turned: bool
    alone: tuple[int, ...]
    order: tuple[int, ...]
    shape: tuple[int, int]
    made: tuple[int, ...]
    axes: tuple[int, ...]


def _verdict(step: Step) -> Offer | Refused:
    """Offer to do a matrix as it came with a dense operand, along one of its axes."""
    own = [i for i, op in enumerate(step.operands) if op.structure == MATRIX and op.form == NAME]
    if len(own) != 1 or len(step.inputs) != 2 or step.operands[1 - own[0]].form != LIBRARY.name:
        return Refused("not a sparse matrix as it came and a dense operand")
    if step.dtype.char not in _CODES:
        return Refused(f"cuSPARSE has no products of {step.dtype}")
    labels, other = step.inputs[own[0]], step.inputs[1 - own[0]]
    shared = [c for c in labels if c in other]
    if len(labels) != 2 or len(shared) != 1 or shared[0] in step.output:
        return Refused("not summed along one axis of the matrix")
    k, row = shared[0], labels[1 - labels.index(shared[0])]
    if row not in step.output:
        return Refused("the matrix's other axis is summed")
    free = [c for c in other if c != k and c in step.output]
    alone = tuple(i for i, c in enumerate(other) if c != k and c not in free)
    left = [c for i, c in enumerate(other) if i not in alone]
    names = [row, *free]
    found = _Product(
        own[0],
        labels.index(k) == 0,
        alone,
        tuple(left.index(c) for c in (k, *free)),
        (step.sizes[k], step.extent("".join(free))),
        tuple(step.sizes[c] for c in names),
        tuple(names.index(c) for c in step.output),
    )
    flops = float((step.operands[own[0]].nnz or 0) * found.shape[1])
    cost = Cost(flops, float(step.in_bytes + step.out_bytes), 3 * LIBRARY.calls, _RATE)
    return Offer(cost, "".join(names), found, "cupyx.scipy.sparse, @")


def _bind(step: Step, offer: Offer) -> Runner:
    found: _Product = offer.recipe
    vector = len(found.made) == 1

    def run(*operands: Any, out: Any = None) -> Any:
        matrix, x = distinct(operands[found.sparse]), operands[1 - found.sparse]
        x = LIBRARY.sum(x, found.alone) if found.alone else x
        x = LIBRARY.transpose(x, found.order)
        if not vector:
            x = x.reshape(found.shape)
        if not matrix.data.size or 0 in found.shape:
            return cupy.zeros([found.made[i] for i in found.axes], step.dtype)
        made = (matrix.T if found.turned else matrix) @ x
        return LIBRARY.transpose(made.reshape(found.made), found.axes)

    return LIBRARY.placed(laid_out(LIBRARY, step, run))


def _spgemm_verdict(step: Step) -> Offer | Refused:
    """Offer cupyx's product of two matrices as they came."""
    if len(step.inputs) != 2 or any(op.structure != MATRIX or op.form != NAME for op in step.operands):
        return Refused("not two sparse matrices as they came")
    inner = set(step.inputs[0]) & set(step.inputs[1])
    if step.form != NAME or len(step.output) != 2 or len(inner) != 1 or inner & set(step.output):
        return Refused("not a product of matrices")
    if step.dtype.char not in _CODES:
        return Refused(f"cuSPARSE has no products of {step.dtype}")
    a, b = (op.nnz or 0 for op in step.operands)
    pairs = a * b // max(1, step.extent("".join(inner)))
    facts = sparse_facts(step, min(pairs, step.extent(step.output)))
    cost = Cost(float(pairs + a + b), 0.0, 8 * LIBRARY.calls, _SPGEMM)
    return Offer(cost, step.output, None, "cupyx.scipy.sparse, @", facts=facts)


def _spgemm_bind(step: Step, _offer: Offer) -> Runner:
    row, column = step.output[0], step.output[1]
    left = 0 if row in step.inputs[0] else 1
    turned = step.inputs[left][1] == row, step.inputs[1 - left][0] == column

    def run(*operands: Any, out: Any = None) -> Any:
        a, b = distinct(operands[left]), distinct(operands[1 - left])
        return (a.T if turned[0] else a) @ (b.T if turned[1] else b)

    return LIBRARY.placed(run)


ROUTES = (
    Route("cupy_sparse.matmul", _verdict, _bind),
    Route("cupy_sparse.spgemm", _spgemm_verdict, _spgemm_bind),
)
