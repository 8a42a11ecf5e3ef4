"""Entries as a matrix with a place for each, and its two products, each of which is the other's derivative.

``product`` is the matrix by a dense one; ``sampled`` is the product of two dense ones at the matrix's places.
The derivative of either in either argument is one of them again, so that gradients of any order take no more
memory than operands and results do (Nisa et al., "Sampled dense matrix multiplication for high-performance
machine learning", HiPC 2018, call the second SDDMM).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch.autograd import forward_ad

from .dense import Tensor, exactly, recorded

__all__ = [
    "FLOATS",
    "LONGEST",
    "PLAIN",
    "Pattern",
    "in_beta",
    "product",
    "row_starts",
    "sampled",
    "summed_by_row",
    "traced",
    "watched",
]

_wrapped = torch._C._functorch.is_functorch_wrapped_tensor
#: Classes of tensors without a say of their own; of others torch makes no sparse tensors.
PLAIN = frozenset({Tensor, torch.nn.Parameter})
_mm, _dot = exactly(torch.mm), exactly(torch.dot)
#: dtypes of torch's sparse products on every device.
FLOATS = frozenset({torch.float32, torch.float64, torch.complex64, torch.complex128})
#: Sizes from which indices exceed those of the libraries that torch calls.
LONGEST = 2**31 - 1
#: Elements of what is gathered at once.
_BLOCK = 1 << 21


@lru_cache(maxsize=1)
def in_beta() -> None:
    """Let torch say that CSR is in beta, which it does once a process, where nobody hears it.

    Users who gave COO tensors did not ask for it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        none = torch.zeros(0, dtype=torch.int64, device="cpu")
        first = torch.zeros(1, dtype=torch.int64, device="cpu")
        torch.sparse_csr_tensor(first, none, torch.zeros(0, device="cpu"), (0, 0), device="cpu")


class Pattern:
    """Places of entries in a matrix; a place may have several.

    Parameters
    ----------
    rows, cols : callable
        Give the index of each entry.
    shape : tuple of int
    pointers : Tensor, optional
        Where each row begins, of entries that are in the order of rows.
    ordered : bool
        Whether they are.
    """

    __slots__ = ("_cols", "_compressed", "_rows", "_turned", "ordered", "pointers", "shape")

    def __init__(
        self,
        rows: Callable[[], Tensor],
        cols: Callable[[], Tensor],
        shape: tuple[int, int],
        *,
        pointers: Tensor | None = None,
        ordered: bool = False,
    ) -> None:
        self._rows, self._cols, self.shape = rows, cols, shape
        self.pointers, self.ordered = pointers, ordered or pointers is not None
        self._compressed: tuple[Tensor, Tensor, Tensor | None] | None = None
        self._turned: Pattern | None = None

    def rows(self) -> Tensor:
        """The row of each entry."""
        found: Tensor = self._rows()
        return found

    def cols(self) -> Tensor:
        """The column of each entry."""
        found: Tensor = self._cols()
        return found

    def turned(self) -> Pattern:
        """The places of the transpose."""
        if self._turned is None:
            self._turned = Pattern(self._cols, self._rows, self.shape[::-1])
            self._turned._turned = self
        return self._turned

    def compressed(self) -> tuple[Tensor, Tensor, Tensor | None]:
        """Where rows begin, columns row by row, and the order in which that takes the entries."""
        if self._compressed is None:
            cols = self._cols()
            if self.pointers is not None:
                self._compressed = self.pointers, cols, None
            else:
                rows, order = self._rows(), None
                if not self.ordered:
                    rows, order = torch.sort(rows, stable=True)
                    cols = cols.index_select(0, order)
                self._compressed = row_starts(rows, self.shape[0]), cols, order
        return self._compressed

    def matrix(self, values: Tensor) -> Tensor:
        """A CSR tensor of these values."""
        in_beta()
        pointers, cols, order = self.compressed()
        if order is not None:
            values = values.index_select(0, order)
        cols = cols.to(pointers.dtype).contiguous()
        made: Tensor = torch.sparse_compressed_tensor(
            pointers,
            cols,
            values.contiguous(),
            self.shape,
            layout=torch.sparse_csr,
            check_invariants=False,
            device=values.device,
        )
        return made


def row_starts(rows: Tensor, count: int) -> Tensor:
    """Where the entries of each row begin, of rows in order."""
    # It reads memory one element after the other, whatever the strides.
    starts: Tensor = torch._convert_indices_from_coo_to_csr(rows.long().contiguous(), count)
    return starts


def traced(*tensors: Tensor) -> bool:
    """Whether a transform of functions, a mode or a class is to see plain operations on a tensor."""
    return recorded() or any(type(x) not in PLAIN or _wrapped(x) for x in tensors)


def _plain(pattern: Pattern, values: Tensor) -> bool:
    """Whether torch's own sparse product takes these operands."""
    return (
        values.dtype in FLOATS
        and values.shape[0] > 0
        and 0 < pattern.shape[0] <= LONGEST
        and 0 < pattern.shape[1] <= LONGEST
    )


def _differentiated(*tensors: Tensor) -> bool:
    """Whether derivatives are asked for, backwards or forwards."""
    if forward_ad._current_level >= 0:
        return True
    return torch.is_grad_enabled() and any(x.requires_grad for x in tensors)


def watched(*tensors: Tensor) -> bool:
    """Whether anything else than values is asked of a product: derivatives, or what it is made of."""
    return _differentiated(*tensors) or traced(*tensors)


def product(pattern: Pattern, values: Tensor, dense: Tensor) -> Tensor:
    """The matrix by a dense one, ``(c, k)`` to ``(r, k)``."""
    if traced(values, dense) or not (dense.shape[1] and _plain(pattern, values)):
        return _by_columns(pattern, values, dense)
    if _differentiated(values, dense):
        found: Tensor = _Product.apply(values, dense, pattern)
        return found
    return _multiplied(pattern, values, dense)


def sampled(pattern: Pattern, x: Tensor, y: Tensor) -> Tensor:
    """``sum(x[row] * y[column])`` at each entry, of ``(r, k)`` and ``(c, k)``."""
    crowded = len(pattern.cols()) > pattern.shape[0] * pattern.shape[1]  # which torch takes for an error
    if crowded or traced(x, y) or not (x.shape[1] and _plain(pattern, x)):
        at_x, at_y = x.index_select(0, pattern.rows()), y.index_select(0, pattern.cols())
        return (at_x * at_y).sum(1, dtype=x.dtype)
    if _differentiated(x, y):
        found: Tensor = _Sampled.apply(x, y, pattern)
        return found
    return _at_places(pattern, x, y)


def summed_by_row(values: Tensor, rows: Tensor, count: int) -> Tensor:
    """Sums of entries, or of their blocks ``(entries, k)``, by row."""
    if values.ndim == 1:
        return values.new_zeros(count).index_add(0, rows, values)
    places = Pattern(lambda: rows, lambda: torch.arange(len(rows), device=rows.device), (count, len(rows)))
    return product(places, torch.ones_like(rows, dtype=values.dtype), values)


def _multiplied(pattern: Pattern, values: Tensor, dense: Tensor) -> Tensor:
    made: Tensor
    if dense.shape[1] == 1 and (pattern.shape[0] == 1 or not pattern.ordered):
        at_cols = dense[:, 0].index_select(0, pattern.cols())
        if pattern.shape[0] == 1:  # the library's sum over a row is by one thread
            made = _dot(values.resolve_conj(), at_cols)
        else:  # which needs no order
            made = values.new_zeros(pattern.shape[0]).index_add(0, pattern.rows(), values * at_cols)
        return made.reshape(-1, 1)
    made = _mm(pattern.matrix(values.resolve_conj()), dense.resolve_conj())
    return made


def _at_places(pattern: Pattern, x: Tensor, y: Tensor) -> Tensor:
    in_beta()
    pointers, cols, order = pattern.compressed()
    zeros = x.new_zeros(len(cols))
    matrix = torch.sparse_compressed_tensor(
        pointers,
        cols.to(pointers.dtype).contiguous(),
        zeros,
        pattern.shape,
        layout=torch.sparse_csr,
        check_invariants=False,
        device=x.device,
    )
    x, y = x.resolve_conj(), y.resolve_conj()
    found: Tensor = torch.sparse.sampled_addmm(matrix, x, y.t(), beta=0.0).values()
    if order is None:
        return found.clone()  # no view of a sparse tensor, of which autograd would ask the strides
    return torch.empty_like(found).index_copy_(0, order, found)


def _by_columns(pattern: Pattern, values: Tensor, dense: Tensor) -> Tensor:
    """By gathering and adding up, in blocks of columns where nothing watches."""
    rows, cols = pattern.rows(), pattern.cols()
    width = max(1, _BLOCK // max(len(cols), 1))
    if width >= dense.shape[1] or traced(values, dense):
        parts = [dense]
    else:
        parts = list(dense.split(width, 1))
    made = []
    for part in parts:
        terms = values[:, None] * part.index_select(0, cols)
        start = terms.new_zeros((pattern.shape[0], part.shape[1]))
        made.append(start.index_add(0, rows, terms))
    return made[0] if len(made) == 1 else torch.cat(made, 1)


class _Product(torch.autograd.Function):  # type: ignore[misc]  # torch is not followed
    """`product`, with derivatives of any order."""

    @staticmethod
    def forward(values: Tensor, dense: Tensor, pattern: Pattern) -> Tensor:
        return _multiplied(pattern, values, dense)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, _output: Any) -> None:
        values, dense, ctx.pattern = inputs
        ctx.save_for_backward(values, dense)
        ctx.save_for_forward(values, dense)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        values, dense = ctx.saved_tensors
        of_values, of_dense = ctx.needs_input_grad[:2]
        return (
            sampled(ctx.pattern, grad, dense.conj()) if of_values else None,
            product(ctx.pattern.turned(), values.conj(), grad) if of_dense else None,
            None,
        )

    @staticmethod
    def jvp(ctx: Any, by_values: Tensor | None, by_dense: Tensor | None, _: None) -> Tensor:
        values, dense = ctx.saved_tensors
        parts = [] if by_values is None else [product(ctx.pattern, by_values, dense)]
        if by_dense is not None:
            parts.append(product(ctx.pattern, values, by_dense))
        return sum(parts[1:], parts[0])


class _Sampled(torch.autograd.Function):  # type: ignore[misc]  # torch is not followed
    """`sampled`, with derivatives of any order."""

    @staticmethod
    def forward(x: Tensor, y: Tensor, pattern: Pattern) -> Tensor:
        return _at_places(pattern, x, y)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, _output: Any) -> None:
        x, y, ctx.pattern = inputs
        ctx.save_for_backward(x, y)
        ctx.save_for_forward(x, y)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, y = ctx.saved_tensors
        of_x, of_y = ctx.needs_input_grad[:2]
        return (
            product(ctx.pattern, grad, y.conj()) if of_x else None,
            product(ctx.pattern.turned(), grad, x.conj()) if of_y else None,
            None,
        )

    @staticmethod
    def jvp(ctx: Any, by_x: Tensor | None, by_y: Tensor | None, _: None) -> Tensor:
        x, y = ctx.saved_tensors
        parts = [] if by_x is None else [sampled(ctx.pattern, by_x, y)]
        if by_y is not None:
            parts.append(sampled(ctx.pattern, x, by_y))
        return sum(parts[1:], parts[0])
