"""Which GEMM computes a pair, and which operands must be copied for it.

A pair's labels fall into batch, contracted (K) and the free ones of either side (M and N).  BLAS wants
matrices whose rows and columns are each one fused group of labels, one of the two with unit stride.  The
search chooses the order of the labels within the groups, which labels to loop over instead of fusing,
and whether the product is formed transposed, so that as little as possible is copied.

Looping over GEMMs instead of copying goes back to Di Napoli et al., "Towards an efficient use of the BLAS
library for multilinear tensor contractions" (2014); copying to one GEMM (transpose, transpose, GEMM,
transpose) is what NumPy's tensordot does.  Facts only: no array is touched here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from math import prod

from ..._base.cost import Cost
from ..._base.facts import Classes, Step, classify
from .gemm_cost import price, product
from .recipe import Recipe
from .strides import by_stride, fused_stride, layout_strides, strides_of

#: Largest leading dimension that BLAS takes as an int.
_MAX_LEADING = 2**31 - 1
#: A copy of an operand that repeats its memory may be this many times that memory, no more.
MAX_EXPANSION = 4
#: Estimated seconds, a recipe and its cost.
_Scored = tuple[float, Recipe, Cost]
#: Matrices from which a product is tried as a stack of them.
MANY = 8
#: Loops are searched for when copies are estimated to take longer than this.
SEARCH_WORTH = 50e-6


def is_matrix(
    rows: str, columns: str, sizes: Mapping[str, int], strides: Mapping[str, int], itemsize: int
) -> bool:
    """Whether BLAS can take (rows, columns) as it lies, in either order."""
    r = fused_stride(rows, sizes, strides)
    c = fused_stride(columns, sizes, strides)
    if r is None or c is None:
        return False
    nr = prod(sizes[x] for x in rows)
    nc = prod(sizes[x] for x in columns)
    if nr == 1 and nc == 1:
        return True
    if nr == 1:
        return c > 0 and c % itemsize == 0
    if nc == 1:
        return r > 0 and r % itemsize == 0
    return _leads(r, c, nc, itemsize) or _leads(c, r, nr, itemsize)


def _leads(outer: int, inner: int, length: int, itemsize: int) -> bool:
    if inner != itemsize or outer % itemsize:
        return False
    return length <= outer // itemsize <= _MAX_LEADING


def _unique(*orders: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(orders))


class Search:
    """Scores recipes for one step."""

    def __init__(self, step: Step) -> None:
        self.step = step
        self.labels: Classes = classify(step)
        self.sizes = step.sizes
        self.itemsize = step.dtype.itemsize
        a, b = step.operands
        self.a = strides_of(step.inputs[0], a.strides)
        self.b = strides_of(step.inputs[1], b.strides)
        self.final = {"C": step.output, "F": step.output[::-1], "K": ""}[step.order]
        self.out = layout_strides(self.final, self.sizes, self.itemsize) if self.final else {}
        # A copy of an operand whose elements share memory may be larger than the operand, but not larger than
        # all that the step reads and writes.
        room = step.in_bytes + step.out_bytes
        self.may_pack = tuple(op.nbytes <= max(MAX_EXPANSION * op.span, room) for op in step.operands)

    def best(self) -> _Scored | None:
        """The cheapest recipe with its estimated seconds and cost, or None if there is none."""
        found = self._better(None, "")
        free = self.labels.left + self.labels.right
        for outer in self._of_long_sides():
            found = self._better(found, outer)
        if found is None or (found[0] - self._without_copies() > SEARCH_WORTH and len(free) <= 8):
            for count in (1, 2):
                for loops in combinations(free, count):
                    found = self._better(found, "".join(loops))
        return found

    def _better(self, found: _Scored | None, loops: str) -> _Scored | None:
        """The cheapest recipe with these loops, if it is cheaper than the one found."""
        for scored in self._scored(loops):
            if found is None or scored[0] < found[0]:
                found = scored
        return found

    def _of_long_sides(self) -> Iterator[str]:
        """A label that leaves small matrices of a long and narrow one: BLAS multiplies these as they are."""
        if self.labels.batch:
            return
        for free, own in ((self.labels.left, self.a), (self.labels.right, self.b)):
            outer = by_stride(free, own)[:1]
            if len(free) > 1 and self.step.extent(free) > MANY * self.step.extent(free.replace(outer, "")):
                yield outer

    def _orders(self, loops: str) -> Iterator[tuple[str, str, str]]:
        left = "".join(c for c in self.labels.left if c not in loops)
        right = "".join(c for c in self.labels.right if c not in loops)
        target = self.final or self.step.output
        in_out = target.index
        for m in _unique(by_stride(left, self.a), "".join(sorted(left, key=in_out))):
            for n in _unique(by_stride(right, self.b), "".join(sorted(right, key=in_out))):
                for k in _unique(
                    by_stride(self.labels.contracted, self.a), by_stride(self.labels.contracted, self.b)
                ):
                    yield m, n, k

    def _scored(self, extra: str) -> Iterator[_Scored]:
        loops = self.labels.batch + extra
        loops = "".join(c for c in (self.final or self.step.output) if c in loops)
        if self.step.order == "K":
            loops = by_stride(loops, {c: self.a.get(c, 0) + self.b.get(c, 0) for c in loops})
        for m, n, k in self._orders(loops):
            pack_a = not is_matrix(m, k, self.sizes, self.a, self.itemsize)
            pack_b = not is_matrix(k, n, self.sizes, self.b, self.itemsize)
            if (pack_a and not self.may_pack[0]) or (pack_b and not self.may_pack[1]):
                continue
            for swapped in (False, True):
                inner = n + m if swapped else m + n
                if self.step.order == "K":
                    pack_out, layout = False, loops + inner
                    if swapped and not (m and n):
                        continue
                else:
                    layout = self.final
                    pack_out = not is_matrix(m, n, self.sizes, self.out, self.itemsize)
                    if not pack_out and swapped != self._is_swapped(m, n):
                        continue
                recipe = Recipe(loops, m, n, k, pack_a, pack_b, swapped, pack_out, layout)
                cost = price(self.step, recipe, (self.a, self.b))
                yield cost.seconds, recipe, cost

    def _is_swapped(self, m: str, n: str) -> bool:
        """Whether a result in the order asked for lies as (n, m)."""
        return bool(m) and bool(n) and fused_stride(n, self.sizes, self.out) != self.itemsize

    def _without_copies(self) -> float:
        """Seconds of the product alone."""
        s, labels = self.step, self.labels
        count = s.extent(labels.batch)
        m, n, k = s.extent(labels.left), s.extent(labels.right), s.extent(labels.contracted)
        return product(s, count, m, n, k).seconds
