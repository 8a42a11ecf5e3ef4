"""A sparse matrix by a dense one, where nothing but values is asked: by as few of torch's calls as there are.

A CSR tensor of the matrix, or of its transpose, is found without reading an entry where the layout allows
it; else by counting, where entries are in the order of rows, or by sorting them. A product with a vector
needs no order: its terms are added up where they belong. A COO tensor of few entries is multiplied as it is.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.autograd import forward_ad

from .dense import Tensor
from .pattern import LONGEST, PLAIN, in_beta

__all__ = ["ORDERLY", "bare", "csr", "multiplied", "ordering", "transposed"]

_CSR, _CSC, _COO = torch.sparse_csr, torch.sparse_csc, torch.sparse_coo
#: Layouts of matrices without blocks.
ORDERLY = frozenset({_CSR, _CSC, _COO})
#: Entries of a COO tensor up to which its own product takes less time than that of a CSR tensor made of it.
_FEW = 400
_transformed, _modes = torch._C._functorch.peek_interpreter_stack, torch._C._len_torch_dispatch_stack
_autocast = torch._C._is_any_autocast_enabled
_starts, _expanded = torch._convert_indices_from_coo_to_csr, torch._convert_indices_from_csr_to_coo


def bare(x: Tensor, y: Tensor) -> bool:
    """Whether nothing but values is asked of a product: no derivative, transform or other dtype."""
    return (
        type(x) in PLAIN
        and type(y) in PLAIN
        and not ((x.requires_grad or y.requires_grad) and torch.is_grad_enabled())
        and forward_ad._current_level < 0
        and _transformed() is None
        and not _modes()
        and not _autocast()
    )


def multiplied(x: Tensor, y: Tensor, *, turned: bool, conjugates: bool) -> Tensor | None:
    """A matrix with entries, or its transpose, by a dense matrix or vector of its dtype.

    None where it takes another way: of blocks, and of entries that fall together.

    Parameters
    ----------
    turned : bool
        Whether it is the transpose that is multiplied.
    conjugates : bool
        Whether operands may be conjugates that are not formed yet: of complex dtypes.
    """
    if conjugates:
        if x.is_conj():
            return None
        y = y.resolve_conj()
    layout = x.layout
    if layout is (_CSC if turned else _CSR):
        matrix = transposed(x) if turned else x
        return torch.mv(matrix, y) if y.ndim == 1 else torch.mm(matrix, y)
    if layout is _COO:
        if x.sparse_dim() != 2 or not x.is_coalesced():
            return None
        if x._nnz() <= _FEW and not (turned and y.ndim == 1):
            matrix = transposed(x) if turned else x
            return torch.mv(matrix, y) if y.ndim == 1 else torch.mm(matrix, y)
    elif layout not in ORDERLY:
        return None
    if y.ndim == 1 and (turned or layout is _CSC):
        rows, cols, values = _entries(x, turned=turned)
        return y.new_zeros(x.shape[turned]).index_add_(0, rows, values * y.index_select(0, cols))
    matrix = csr(x, turned=turned)
    return torch.mv(matrix, y) if y.ndim == 1 else torch.mm(matrix, y)


def transposed(x: Tensor) -> Tensor:
    """The transpose of a COO, CSR or CSC matrix.

    In inference mode torch has none of a sparse tensor that was made outside of it: it is made of the parts.
    """
    made: Tensor
    if not torch.is_inference_mode_enabled() or x.is_inference():
        made = x.t()
    elif x.layout is _COO:
        made = torch.sparse_coo_tensor(
            x._indices().flip(0), x._values(), x.shape[::-1], check_invariants=False, device=x.device
        )
    else:
        by_rows = x.layout is _CSR
        made = torch.sparse_compressed_tensor(
            x.crow_indices() if by_rows else x.ccol_indices(),
            x.col_indices() if by_rows else x.row_indices(),
            x.values(),
            x.shape[::-1],
            layout=_CSC if by_rows else _CSR,
            check_invariants=False,
            device=x.device,
        )
    return made


def csr(x: Tensor, *, turned: bool) -> Tensor:
    """A CSR tensor of a CSR, CSC or coalesced COO matrix without blocks, or of its transpose."""
    layout = x.layout
    if layout is (_CSC if turned else _CSR):
        return transposed(x) if turned else x
    in_beta()
    rows, cols, values = _entries(x, turned=turned)
    count, width = (x.shape[1], x.shape[0]) if turned else x.shape
    if turned or layout is _CSC:
        order = ordering(rows, count)
        rows, cols, values = (x.index_select(0, order) for x in (rows, cols, values))
    made: Tensor = torch.sparse_compressed_tensor(
        _starts(rows.contiguous(), count),
        cols.contiguous(),
        values.contiguous(),
        (count, width),
        layout=_CSR,
        check_invariants=False,
        device=values.device,
    )
    return made


def ordering(index: Tensor, size: int) -> Tensor:
    """What puts indices below a size in order, equal ones as they come; of tensors that are `bare`.

    NumPy sorts integers of two bytes by their digits, in a third of the time or less. Others are the faster,
    the fewer bytes they have.
    """
    if index.is_cpu and size <= 2**16:
        return torch.from_numpy(index.numpy().astype(np.uint16).argsort(kind="stable"))
    order: Tensor = torch.sort(index.int() if size <= LONGEST else index, stable=True)[1]
    return order


def _entries(x: Tensor, *, turned: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Rows, columns and values of the entries, or of those of the transpose."""
    if x.layout is _COO:
        rows, cols = x._indices()
        values = x._values()
    elif x.layout is _CSR:
        cols, values = x.col_indices(), x.values()
        rows = _expanded(x.crow_indices(), cols)[0]
    else:
        rows, values = x.row_indices(), x.values()
        cols = _expanded(x.ccol_indices(), rows)[0]
    return (cols, rows, values) if turned else (rows, cols, values)
