"""Calls with lists of arrays of a library, and with masked arrays beside them, which are refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import einroute as er

#: Calls of two matrices (3, 3).
CALLS: dict[str, Any] = {
    "einsum": lambda a, b: er.einsum("ij,jk->ik", a, b),
    "einsum, sublists": lambda a, b: er.einsum(a, [0, 1], b, [1, 2]),
    "einsum, optimize": lambda a, b: er.einsum("ij,jk->ik", a, b, optimize=True),
    "einsum, alone": lambda a, b: (er.einsum("ij->i", a), er.einsum("ij,jk", a, b)),
    "tensordot": lambda a, b: er.tensordot(a, b, 1),
    "dot": er.dot,
    "matmul": er.matmul,
    "inner": er.inner,
    "outer": er.outer,
    "vdot": er.vdot,
    "vecdot": er.vecdot,
    "matvec": er.matvec,
    "vecmat": er.vecmat,
    "multi_dot": lambda a, b: er.linalg.multi_dot([a, b]),
    "linalg.matmul": er.linalg.matmul,
    "linalg.outer": lambda a, b: er.linalg.outer(a[0], b[0]) if hasattr(a, "mask") else er.outer(a, b),
    "contract": lambda a, b: er.contract("ij,jk->ik", a, b),
    "contract_expression": er.contract_expression("ij,jk->ik", (3, 3), (3, 3)),
    "lstsq": er.linalg.lstsq,
    "solve": er.linalg.solve,
}


def check_lists(name: str, f: Any, called: str) -> None:
    """A list of arrays of a library, beside NumPy's arrays and the library's, in any place, is refused."""
    call = CALLS[name]
    rows = [f[0], f[1], f[2]]
    deep = [[np.float64(1), x[1], 2.0] for x in rows]
    for a in (rows, tuple(rows), deep):
        for b in (np.eye(3), f, rows):
            for pair in ((a, b), (b, a)):
                with pytest.raises(TypeError, match=rf"(list|tuple) with a {called} in it.*stack"):
                    call(*pair)


def check_masked(name: str, f: Any, library: str) -> None:
    """A masked array beside arrays of a library is refused, whether anything is masked or not."""
    call = CALLS[name]
    for mask in (np.eye(3), False):
        masked: Any = np.ma.masked_array(np.eye(3) + 1, mask=mask)
        for pair in ((masked, f), (f, masked)):
            with pytest.raises(TypeError, match=rf"operand [01] is a masked array.*{library}.*filled\(0\)"):
                call(*pair)
