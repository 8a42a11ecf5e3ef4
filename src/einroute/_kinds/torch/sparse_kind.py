"""Sparse tensors as a kind; and as which sparse operands of NumPy's arrays join tensors."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from typing import Any

import torch

from ..._base.facts import Operand
from ..._base.kinds import Kind
from .cells import Cells
from .dense import LIBRARY, Tensor
from .layouts import LAYOUTS, as_sparse, entries_of
from .sparse_form import FORM
from .sparse_matmul import NAME

__all__ = ["joining", "sparse_kind", "unfit_layout"]


def _facts(x: Tensor) -> Operand:
    return Operand(tuple(x.shape), LIBRARY.dtypes.of(x), (), NAME, entries_of(x), device=x.device)


def _signature(x: Tensor) -> Hashable:
    return x.layout, x.shape, x.dtype, x.device, entries_of(x).bit_length()


def unfit_layout(x: Tensor) -> str:
    """Why a tensor that is not strided cannot take part."""
    if x.layout not in LAYOUTS:
        return f"has layout {x.layout}, which contractions do not take; convert it with x.to_dense()"
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

    return replace(kind, form=FORM, facts=facts, adopt=adopt, make=as_sparse)


def sparse_kind(unfit: Callable[[Tensor], str], joined: Callable[[Kind, Hashable], Kind | None]) -> Kind:
    """The kind of sparse tensors.

    Parameters
    ----------
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
        _signature,
        precedence=8,
        make=as_sparse,
        stored=entries_of,
        dispatched=False,
        library=LIBRARY.name,
        device=LIBRARY.device_of,
        unfit=unfit,
        joined=joined,
        structures="_kinds.torch.structured",
        solvers="_kinds.torch.solvers",
    )
