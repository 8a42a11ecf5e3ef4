"""Sparse tensors of every layout for tests, and their values written out."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.kinds.torch.helpers import as_numpy, torch

LAYOUTS = ("coo", "uncoalesced", "csr", "csc", "bsr", "bsc")


def _blocks(n: int) -> int:
    return 2 if n and n % 2 == 0 else 1


def sparse(dense: Any, layout: str, index: Any = None) -> Any:
    """A dense tensor as a sparse one of a layout; CSR and its like of two dimensions or more."""
    if layout == "uncoalesced":
        made = dense.to_sparse().coalesce()
        at, values = made.indices(), made.values()
        wide = (
            torch.cat([values - values, values]) if dense.dtype is not torch.bool else torch.cat([values] * 2)
        )
        return torch.sparse_coo_tensor(torch.cat([at, at], 1), wide, dense.shape)
    if layout == "coo":
        return dense.to_sparse().coalesce()
    blocks = {"blocksize": tuple(map(_blocks, dense.shape[-2:]))} if layout in {"bsr", "bsc"} else {}
    made = getattr(dense, f"to_sparse_{layout}")(*blocks.values())
    if index is None:
        return made
    first, second = (
        ("crow_indices", "col_indices") if layout in {"csr", "bsr"} else ("ccol_indices", "row_indices")
    )
    return torch.sparse_compressed_tensor(
        getattr(made, first)().to(index), getattr(made, second)().to(index), made.values(), made.shape,
        layout=made.layout,
    )  # fmt: skip


def fits(shape: Any, layout: str) -> bool:
    """Whether torch makes such a tensor in a layout."""
    if layout in {"coo", "uncoalesced"}:
        return len(shape) > 0
    return len(shape) == 2 and 0 not in shape


def full(x: Any) -> Any:
    """A tensor written out."""
    return x if x.layout is torch.strided else x.to_dense()


def values_of(x: Any) -> np.ndarray[Any, Any]:
    """A tensor of any layout as an array."""
    if isinstance(x, torch.Tensor):
        return as_numpy(full(x.detach()))
    return x.toarray() if hasattr(x, "toarray") else np.asarray(x)
