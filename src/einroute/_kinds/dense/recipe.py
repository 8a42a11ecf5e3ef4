"""One way to do a pair by GEMM, as a value."""

from __future__ import annotations

from ..._base.records import dataclass


@dataclass(frozen=True, slots=True)
class Recipe:
    """One way to do a pair by GEMM.

    Attributes
    ----------
    loops : str
        Labels looped over, outermost first; batch labels are always among them.
    m, n, k : str
        Labels fused into the rows, the columns and the contracted dimension, in that order.
    pack_a, pack_b : bool
        Whether the operand is copied to (loops, m, k), (loops, n, k) order first.
    swapped : bool
        The product is laid out as (loops, n, m).
    pack_out : bool
        The product is formed in its own order, then copied to the order asked for.
    layout : str
        The result's labels in the order of its memory.
    """

    loops: str
    m: str
    n: str
    k: str
    pack_a: bool
    pack_b: bool
    swapped: bool
    pack_out: bool
    layout: str
