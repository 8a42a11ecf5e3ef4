"""The demo: problems at real sizes, each checked against the plain NumPy loop.

A new problem is one file here and one entry in `PROBLEMS`.
"""

from __future__ import annotations

from typing import Any

from .ard_kernel import ARD_KERNEL
from .counting import COUNTING, FRESH_DRAWS
from .dense_tensordot import DENSE_TENSORDOT
from .dmrg import DMRG
from .ladder import LADDER
from .layered_field import LAYERED_FIELD
from .many_rhs import MANY_RHS
from .problem import Problem
from .ring import RING
from .rolled_ints import ROLLED_INTS
from .small_calls import SMALL_CALLS
from .sparse_tensordot import SPARSE_TENSORDOT

PROBLEMS: tuple[Problem[Any], ...] = (
    MANY_RHS,
    ARD_KERNEL,
    ROLLED_INTS,
    LAYERED_FIELD,
    COUNTING,
    FRESH_DRAWS,
    SPARSE_TENSORDOT,
    DENSE_TENSORDOT,
    DMRG,
    RING,
    LADDER,
    SMALL_CALLS,
)

__all__ = ["PROBLEMS", "Problem"]
