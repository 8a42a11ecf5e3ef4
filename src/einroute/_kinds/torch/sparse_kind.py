"""Sparse tensors as a kind; and as which sparse operands of NumPy's arrays join tensors."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any

import torch

from ..._base.facts import Operand
from ..._base.kinds import Kind, any_dtype
from .cells import Cells
from .dense import LIBRARY, Tensor
from .fake import apart
from .layouts import LAYOUTS, as_sparse, entries_of, transformed
from .sparse_form import FORM
from .sparse_matmul import NAME

__all__ = ["joining", "sparse_kind", "sparse_signature", "unfit_layout"]

#: Layouts of matrices each of whose entries is one element; COO's, where it has no dense dimensions.
_PLAIN = frozenset({torch.sparse_csr, torch.sparse_csc})
_COO = torch.sparse_coo
_transformed = torch._C._functorch.peek_interpreter_stack


def _facts(x: Tensor) -> Operand:
    return Operand(tuple(x.shape), LIBRARY.dtypes.of(x), (), NAME, entries_of(x), device=x.device)


def sparse_signature(x: Tensor) -> Hashable:
    """What a bound plan depends on."""
    layout, shape = x.layout, x.shape
    if _transformed() is None and (
        x.sparse_dim() == len(shape) if layout is _COO else layout in _PLAIN and len(shape) == 2
    ):
        count = x._nnz()
    elif layout in LAYOUTS and not transformed(x):
        count = entries_of(x)
    else:
        return None
    return layout, shape, x.dtype, x.is_cpu or x.device, count.bit_length()


def unfit_layout(x: Tensor) -> str:
    """Why a tensor that is not strided cannot take part."""
    if x.layout not in LAYOUTS:
        return f"has layout {x.layout}, which contractions do not take; convert it with x.to_dense()"
    if transformed(x):
        return (
            f"is a sparse tensor ({LAYOUTS[x.layout]}) that torch.func or vmap transforms, which have no "
            f"rules for those; write it out with x.to_dense(), or ask for derivatives by "
            f"x.requires_grad_() and backward()"
        )
    return ""


def joining(kind: Kind, device: Hashable) -> Kind:
    """The kind as which sparse operands of NumPy's arrays take part: by their entries, on the device."""

    def facts(x: Any) -> Operand:
        own = kind.facts(x)
        return Operand(own.shape, own.dtype, (), NAME, own.nnz, device=device)

    def adopt(x: Any) -> Cells:
        entries = kind.adopt(x)
        coords = tuple(LIBRARY.from_numpy(c, device).long() for c in entries.coordinates())
        return Cells(entries.shape, LIBRARY.from_numpy(entries.data, device), coords)

    return replace(kind, form=FORM, facts=facts, adopt=adopt, make=as_sparse, accepts=any_dtype)


def sparse_kind(
    signature: Callable[[Tensor], Hashable],
    unfit: Callable[[Tensor], str],
    joined: Callable[[Kind, Hashable], Kind | None],
) -> Kind:
    """The kind of sparse tensors.

    Parameters
    ----------
    signature : callable
        As of `Kind`.
    unfit : callable
        As of `Kind`.
    joined : callable
        As what operands of NumPy's take part.
    """
    return Kind(
        NAME,
        FORM,
        lambda cls: torch.Tensor in cls.__mro__,
        _facts,
        signature,
        precedence=8,
        make=as_sparse,
        stored=entries_of,
        dispatched=False,
        library=LIBRARY.name,
        device=LIBRARY.device_of,
        unfit=unfit,
        apart=apart,
        joined=joined,
        structures="_kinds.torch.structured",
        solvers="_kinds.torch.solvers",
    )
