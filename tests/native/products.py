"""Products bound to the core, and operands of them in many layouts."""

from __future__ import annotations

from typing import Any

import numpy as np

from einroute._native import CORE
from einroute._native.flags import report

#: Labels b and c are stacked; an operand may lack them.
EXPRESSIONS = (
    *("bij,bjk->bik", "bij,bkj->bik", "ijb,jkb->ikb", "bij,jk->bik", "ij,bjk->ikb", "bcij,cjk->bcik"),
    *("bij,bj->bi", "bij,j->bi", "bi,bij->bj", "ijb,jb->ib", "bi,bi->b", "ib,ib->b", "bi,i->b"),
    *("bi,bj->bij", "bi,bj->ijb", "ij,jk->ki", "ij,j->i", "i,i->", "bij,bij->b", "bcij,bcij->cb"),
    "bijc,bcjk->bik",  # sums of two axes that are not one
)
LAYOUTS = ("C", "F", "reversed", "gaps", "repeated")


def operands(subscripts: str, sizes: dict[str, int], dtype: str, layout: str) -> list[np.ndarray]:
    """Random operands that lie as `layout` says."""
    rng = np.random.default_rng(sum(sizes.values()))
    found = []
    for labels in subscripts.partition("->")[0].split(","):
        shape = tuple(sizes[c] for c in labels)
        x = rng.standard_normal(shape)
        if dtype in "FD":
            x = x + 1j * rng.standard_normal(shape)
        x = x.astype(dtype)
        if layout == "F":
            x = np.asfortranarray(x)
        elif layout == "reversed":
            x = x[(slice(None, None, -1),) * x.ndim]
        elif layout == "gaps":
            wide = np.zeros((*shape[:-1], 3 * shape[-1]), dtype)
            wide[..., ::3] = x
            x = wide[..., ::3]
        elif layout == "repeated":
            x = np.broadcast_to(x[:1], shape)
        found.append(x)
    return found


def product(subscripts: str, sizes: dict[str, int], dtype: str) -> Any:
    """The core's product whose result lies in C order."""
    assert CORE is not None
    inputs, _, output = subscripts.partition("->")
    arrays = (*inputs.split(","), output)
    axes = [
        (*(own.find(c) for own in arrays), c in "bc" and c in output)
        for c in dict.fromkeys(inputs.replace(",", ""))
    ]
    shapes = [tuple(sizes[c] for c in own) for own in arrays]
    return CORE.Product(dtype, *shapes, axes, tuple(range(len(output))), report)
