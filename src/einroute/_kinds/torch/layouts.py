"""Sparse tensors of every layout -> their entries, and back.

Gradients of a sparse tensor are sparse, with an entry where it has one. Those of CSR are CSR; those of CSC,
BSR and BSC are COO, since torch accumulates no others for them.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, fields
from math import prod
from typing import Any

import torch

from .cells import Cells, narrowed, put_together, widened
from .dense import Tensor
from .pattern import PLAIN, in_beta, row_starts

__all__ = [
    "LAYOUTS",
    "TensorCells",
    "as_csr",
    "as_sparse",
    "cells_of",
    "entries_of",
    "rows_of",
    "transformed",
]

#: Layouts that contractions take, and what they are called.
LAYOUTS = {
    torch.sparse_coo: "COO",
    torch.sparse_csr: "CSR",
    torch.sparse_csc: "CSC",
    torch.sparse_bsr: "BSR",
    torch.sparse_bsc: "BSC",
}
transformed = torch._C._functorch.is_functorch_wrapped_tensor
_ROWS = frozenset({torch.sparse_csr, torch.sparse_bsr})
_BLOCKED = frozenset({torch.sparse_bsr, torch.sparse_bsc})


@dataclass(frozen=True, slots=True, eq=False)
class _Places:
    """Where a sparse tensor has entries: its index tensors, as its layout has them."""

    layout: Any
    shape: tuple[int, ...]
    first: Tensor
    second: Tensor | None = None

    def tensor(self, values: Tensor) -> Tensor:
        """A tensor of the layout with other values, on their device, whatever torch's default one is."""
        made: Tensor
        if type(values) not in PLAIN:
            values = values.as_subclass(Tensor)  # torch makes no sparse tensors of other classes
        if self.second is None:
            made = torch.sparse_coo_tensor(
                self.first,
                values,
                self.shape,
                is_coalesced=True,
                check_invariants=False,
                device=values.device,
            )
        else:
            in_beta()
            made = torch.sparse_compressed_tensor(
                self.first,
                self.second,
                values,
                self.shape,
                layout=self.layout,
                check_invariants=False,
                device=values.device,
            )
        return made

    def result(self, values: Tensor) -> Tensor:
        """The same as the result of a call, through which gradients flow."""
        if transformed(values):
            raise TypeError(
                "the result is sparse and an operand is one that torch.func or vmap transforms, which have "
                "no rules for sparse tensors; write the sparse operands out with to_dense(), or transform a "
                "function whose result is dense"
            )
        if values.requires_grad and torch.is_grad_enabled():
            made: Tensor = _Made.apply(values, self)
            return made
        return self.tensor(values)

    def at(self, x: Tensor) -> Tensor:
        """Elements of a tensor of any layout at these places, one for each value."""
        places = Cells(self.shape, self.first, _coordinates(self, self.counts())).place(
            range(len(self.shape))
        )
        if x.layout is torch.strided:
            return x.reshape(-1).index_select(0, places)
        cells = put_together(cells_of(x))
        if not cells.count:
            return cells.values.new_zeros(len(places))
        keys = cells.place(range(len(self.shape)))
        found = torch.searchsorted(keys, places).clamp(max=cells.count - 1)
        there = keys.index_select(0, found) == places
        return torch.where(there, cells.values.index_select(0, found), 0)

    def counts(self) -> Tensor:
        """Something of one element for each entry, of plain entries."""
        return self.first[0] if self.second is None else self.second

    def gradient(self, values: Tensor) -> Tensor:
        """The gradient of a tensor of the layout."""
        if self.layout in {torch.sparse_coo, torch.sparse_csr}:
            return self.tensor(values)
        coords = _coordinates(self, values)
        indices = torch.stack([x() if callable(x) else x for x in coords])
        made: Tensor = torch.sparse_coo_tensor(
            indices, values.reshape(-1), self.shape, check_invariants=False, device=values.device
        )
        return made


class _Values(torch.autograd.Function):  # type: ignore[misc]  # torch is not followed
    """The values of a sparse tensor, whose gradient is one on its pattern.

    torch's own ``values`` is not defined for every layout, and its products make dense gradients of some.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, places: _Places) -> Tensor:
        ctx.places = places
        values = x._values() if places.second is None else x.values()
        return values.detach()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return ctx.places.gradient(grad), None


class _Made(torch.autograd.Function):  # type: ignore[misc]  # torch is not followed
    """A sparse tensor of values; derivatives of torch's own constructors end at the first."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, places: _Places) -> Tensor:
        ctx.places = places
        return places.tensor(values.detach())

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return ctx.places.at(grad), None


class TensorCells(Cells):
    """The entries of a sparse tensor, read when they are first asked for.

    Parameters
    ----------
    tensor : Tensor
        Products that torch does of it need none of its parts.
    """

    __slots__ = ("tensor",)

    def __init__(self, tensor: Tensor) -> None:
        _keep(self, tensor)

    def __getattr__(self, name: str) -> Any:
        # Called of attributes that are not there yet.
        if name not in _FIELDS:
            raise AttributeError(name)
        cells = cells_of(self.tensor)
        for field in _FIELDS:
            object.__setattr__(self, field, getattr(cells, field))
        return getattr(cells, name)


#: What puts the tensor into one, which is frozen.
_keep = TensorCells.tensor.__set__  # type: ignore[attr-defined]
_FIELDS = frozenset(field.name for field in fields(Cells))


def cells_of(x: Tensor) -> Cells:
    """The entries of a sparse tensor; blocks, batches and dense dimensions are axes like the others."""
    with _unwrapped():
        return _cells_of(x)


def _cells_of(x: Tensor) -> Cells:
    asked = x.requires_grad and torch.is_grad_enabled()
    if x.layout is torch.sparse_coo and asked and not x.is_coalesced():
        x = x.coalesce()  # a gradient has one entry for each place
    places = _places(x)
    if asked:
        values = _Values.apply(x, places)
    else:
        values = (x._values() if places.second is None else x.values()).detach()
    coords = _coordinates(places, values)
    flat = values.reshape(-1)
    coalesced = x.layout is not torch.sparse_coo or x.is_coalesced()
    along = {torch.sparse_csr: 0, torch.sparse_csc: 1}.get(x.layout) if values.ndim == 1 else None
    ordered = len(x.shape) if x.layout is torch.sparse_coo and coalesced else int(along == 0)
    return Cells(
        tuple(x.shape),
        flat,
        coords,
        pointers=None if along is None else places.first,
        along=along or 0,
        ordered=ordered,
        unique=coalesced,
    )


def _places(x: Tensor) -> _Places:
    shape = tuple(x.shape)
    if x.layout is torch.sparse_coo:
        return _Places(x.layout, shape, x._indices())
    if x.layout in _ROWS:
        return _Places(x.layout, shape, x.crow_indices(), x.col_indices())
    return _Places(x.layout, shape, x.ccol_indices(), x.row_indices())


def _coordinates(places: _Places, values: Tensor) -> tuple[Any, ...]:
    """The index of every value on each axis, the values flat; or what gives it."""
    if places.second is None:
        sparse = [_along(i, values.shape, 0) for i in places.first]
        return (*sparse, *_counted(values, 1))
    batch = places.first.ndim - 1
    entry = places.second
    if not batch:
        outer: Any = rows_of(places.first, entry.shape[-1])
    else:
        outer = torch.stack(
            [_expanded(p, entry.shape[-1]) for p in places.first.reshape(-1, places.first.shape[-1])]
        ).reshape(entry.shape) if entry.numel() else entry  # fmt: skip
    inner = entry
    if not batch and values.ndim == 1:
        return (outer, inner) if places.layout is torch.sparse_csr else (inner, outer)
    outer = outer() if callable(outer) else outer
    rows, cols = (outer, inner) if places.layout in _ROWS else (inner, outer)
    dense = batch + 1
    if places.layout in _BLOCKED:
        height, width = values.shape[dense : dense + 2]
        down = torch.arange(height, device=values.device)
        across = torch.arange(width, device=values.device)
        rows = rows[..., None, None] * height + down[:, None]
        cols = cols[..., None, None] * width + across
        rows, cols = torch.broadcast_tensors(rows, cols)
        dense += 2
    axes = [_along(x, values.shape, 0) for x in (rows, cols)]
    return (*_counted(values, 0, batch), *axes, *_counted(values, dense))


def rows_of(pointers: Tensor, count: int) -> Any:
    """What gives the row of each entry, from where rows begin."""
    return lambda: _expanded(pointers, count)


def _expanded(pointers: Tensor, count: int) -> Tensor:
    """The row of each entry, from where rows begin."""
    return torch.repeat_interleave(
        torch.arange(len(pointers) - 1, device=pointers.device), pointers.diff(), output_size=count
    )


def _along(index: Tensor, shape: Any, start: int) -> Tensor:
    """An index of entries, for the values of which each has several."""
    if index.ndim == len(shape):
        return index.reshape(-1)
    later = (1,) * (len(shape) - index.ndim - start)
    return index.reshape(*index.shape, *later).expand(shape).reshape(-1)


def _counted(values: Tensor, start: int, stop: int | None = None) -> list[Tensor]:
    """The index along each of some of the values' axes."""
    shape = values.shape
    found = []
    for axis in range(start, values.ndim if stop is None else stop):
        index = torch.arange(shape[axis], device=values.device)
        found.append(index.reshape(-1, *(1,) * (values.ndim - axis - 1)).expand(shape).reshape(-1))
    return found


def entries_of(x: Tensor) -> int:
    """How many entries a sparse tensor holds, those of blocks, batches and dense dimensions counted."""
    layout = x.layout
    if layout not in LAYOUTS:
        return 0
    if torch._C._functorch.peek_interpreter_stack() is not None:
        if transformed(x):
            return 0  # it cannot take part, and has no rule that tells
        with _unwrapped():
            return _entries_of(x, layout)
    return _entries_of(x, layout)


def _entries_of(x: Tensor, layout: Any) -> int:
    count: int = x._nnz()
    if layout is torch.sparse_coo:
        sparse, ndim = x.sparse_dim(), x.ndim
        return count if sparse == ndim else count * int(prod(x.shape[sparse:]))
    if x.ndim > 2:
        shape, dense = x.shape, x.dense_dim()
        batch = len(shape) - dense - 2
        count *= prod((*shape[:batch], *shape[len(shape) - dense :]))
    if layout in _BLOCKED:
        batch = x.ndim - x.dense_dim() - 2
        count *= prod(x.values().shape[batch + 1 : batch + 3])
    return count


def _unwrapped() -> AbstractContextManager[Any]:
    """While functions are transformed: index tensors are those of tensors as they are.

    torch has no rules for parts of compressed tensors there.
    """
    if torch._C._functorch.peek_interpreter_stack() is None:
        return nullcontext()
    guard: AbstractContextManager[Any] = torch._C._DisableFuncTorch()
    return guard


def as_sparse(cells: Cells, operands: tuple[Any, ...] = ()) -> Tensor:
    """Entries as the tensor that users get.

    Of two dimensions it is CSR or CSC where every sparse operand is; else it is COO. It is coalesced, and one
    without dimensions is dense.
    """
    if isinstance(cells, TensorCells):
        made = cells.tensor
        ready = made.layout is not torch.sparse_coo or made.is_coalesced()
        fits = ready and made.ndim > 0 and made.layout is _layout(operands, made.ndim)
        if fits and not any(made is x for x in operands):
            return made
    if not cells.shape:
        return narrowed(widened(cells.values).sum(), cells.values.dtype)
    only = _layout(operands, len(cells.shape))
    if only is torch.sparse_csr:
        return as_csr(cells)
    if only is torch.sparse_csc:
        first, second = _compressed(cells.take((1, 0)))
        return _Places(only, cells.shape, first, second[0]).result(second[1])
    cells = put_together(cells)
    indices = torch.stack([cells.coord(i).long() for i in range(len(cells.shape))])
    return _Places(torch.sparse_coo, cells.shape, indices).result(cells.values)


def _layout(operands: tuple[Any, ...], ndim: int) -> Any:
    """The layout of a sparse result."""
    if ndim != 2:
        return torch.sparse_coo
    layouts = {x.layout for x in operands if isinstance(x, torch.Tensor) and x.layout in LAYOUTS}
    return layouts.pop() if len(layouts) == 1 else torch.sparse_coo


def as_csr(cells: Cells) -> Tensor:
    """Entries of two axes as a CSR tensor, one for each place."""
    pointers, (cols, values) = _compressed(cells)
    return _Places(torch.sparse_csr, cells.shape, pointers, cols).result(values)


def _compressed(cells: Cells) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Where rows begin; columns and values, row by row."""
    if cells.pointers is not None and cells.along == 0 and cells.unique:
        return cells.pointers, (cells.coord(1).to(cells.pointers.dtype), cells.values)
    cells = put_together(cells)
    starts = row_starts(cells.coord(0), cells.shape[0])
    return starts, (cells.coord(1).long().contiguous(), cells.values)
