"""Passes bound to the core by subscripts, and operands of them in many layouts."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from einroute._native import CORE
from einroute._native.flags import report

#: Kept and summed labels outermost, in the middle and innermost; operands that lie across each other.
EXPRESSIONS = (
    *("i->", "ij->", "ij->i", "ij->j", "ijk->i", "ijk->j", "ijk->k", "ijk->ik", "ijk->ki", "ijkl->jl"),
    *("i,i->i", "ij,ij->ij", "ij,i->ij", "ij,j->ji", "ij,->ij", "ij,ji->ij", "i,j->ij", "i,j,k->ikj"),
    *("i,i->", "ij,ij->", "ij,ij->i", "ij,ij->j", "ij,ji->", "ij,ji->i", "ij,i->j", "ij,j->i"),
    *("ij,ij,ij->ij", "ij,i,j->ij", "ij,ij,ij->", "i,ij,j->", "ijk,ik,j->k", "kij,kji->ji"),
    *("i,i,i,i->", "ij,i,j,->ij", "ijk,kji,ij,k->ik", "ijk->kji", "ijk->jik", "ijk->ijk"),
)
DTYPES = ("f", "d", "F", "D", "?", "b", "H", "i", "q")
LAYOUTS = ("C", "F", "reversed", "halves", "gaps", "repeated", "unaligned")


def array(shape: tuple[int, ...], dtype: str, layout: str, seed: int = 0) -> np.ndarray:
    """Small whole numbers, whose products and sums are exact in any order, that lie as ``layout`` says."""
    rng = np.random.default_rng(seed)
    x = rng.integers(-3, 4, shape)
    x = x + 1j * rng.integers(-3, 4, shape) if dtype in "FD" else x
    return laid_out(np.asarray(x).astype(dtype), layout)


def laid_out(x: np.ndarray, layout: str) -> np.ndarray:
    """The same array in another layout; of a repeated one the first rows."""
    if layout == "F":
        return np.asarray(x, order="F")
    if layout == "reversed":
        return x[(..., *((slice(None, None, -1),) * x.ndim))]
    if layout in {"halves", "gaps"} and x.ndim:
        step = 2 if layout == "halves" else 3
        wide = np.zeros((*x.shape[:-1], step * x.shape[-1]), x.dtype)
        wide[..., ::step] = x
        return wide[..., ::step]
    if layout == "repeated" and x.ndim:
        return np.broadcast_to(x[:1], x.shape)
    if layout == "unaligned":
        y = np.empty(x.nbytes + 1, "b")[1:].view(x.dtype).reshape(x.shape)
        y[...] = x
        return y
    return x


def bound(
    subscripts: str,
    sizes: dict[str, int],
    dtype: str,
    threads: int = 1,
    *,
    loops: str = "",
    layout: list[int] | None = None,
) -> Any:
    """The core's pass; its loops are in the order in which the labels come, unless another is given."""
    assert CORE is not None
    inputs, _, output = subscripts.partition("->")
    labels = "".join(dict.fromkeys(inputs.replace(",", "")))
    return CORE.OnePass(
        dtype,
        [sizes[c] for c in labels],
        [[labels.index(c) for c in own] for own in inputs.split(",")],
        [labels.index(c) for c in output],
        list(range(len(output))) if layout is None else layout,
        [labels.index(c) for c in loops or labels],
        threads,
        report,
    )


def shuffled(subscripts: str, seed: int) -> str:
    """The labels in some order."""
    labels = sorted(set(subscripts) - set(",->"))
    return "".join(random.Random(seed).sample(labels, len(labels)))
