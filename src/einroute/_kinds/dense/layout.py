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

from ..._base.cost import CALL, SHARED, Cost, blas_threads, gemm_rate, moving
from ..._base.facts import Classes, Step, classify
from ..._base.records import dataclass

#: A copy that transposes costs this many plain copies (blocked, see `transpose`).
TRANSPOSE = 2.5
#: BLAS's matrix-vector products reach two thirds of the speed of memory.
GEMV_BYTES = 1.5
#: A GEMM with a side shorter than this is bound by packing its large operand.
SKINNY = 32
#: Largest leading dimension that BLAS takes as an int.
_MAX_LEADING = 2**31 - 1
#: A copy of an operand that repeats its memory may be this many times that memory, no more.
MAX_EXPANSION = 4
#: Loops are searched for when copies are estimated to take longer than this.
SEARCH_WORTH = 50e-6


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


def strides_of(labels: str, strides: tuple[int, ...]) -> dict[str, int]:
    return dict(zip(labels, strides, strict=True))


def layout_strides(layout: str, sizes: Mapping[str, int], itemsize: int) -> dict[str, int]:
    """Strides of a contiguous array whose labels lie in memory as ``layout`` says."""
    strides: dict[str, int] = {}
    step = itemsize
    for c in reversed(layout):
        strides[c] = step
        step *= max(sizes[c], 1)
    return strides


def fused_stride(labels: str, sizes: Mapping[str, int], strides: Mapping[str, int]) -> int | None:
    """Stride of the labels taken as one axis, or None if they do not fuse; 0 for an axis of length 1."""
    last = None
    step = 0
    for c in reversed(labels):
        if sizes[c] == 1:
            continue
        if last is None:
            last = step = strides[c]
        elif strides[c] != step:
            return None
        step *= sizes[c]
    return 0 if last is None else last


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


def by_stride(labels: str, strides: Mapping[str, int]) -> str:
    """Labels in the order of memory, outermost first."""
    return "".join(sorted(labels, key=lambda c: -abs(strides[c])))


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

    def best(self) -> tuple[float, Recipe, Cost] | None:
        """The cheapest recipe with its estimated seconds and cost, or None if there is none."""
        found = min(self._scored(""), key=lambda s: s[0], default=None)
        free = self.labels.left + self.labels.right
        if found is None or (found[0] - self._without_copies() > SEARCH_WORTH and len(free) <= 8):
            for count in (1, 2):
                for loops in combinations(free, count):
                    for scored in self._scored("".join(loops)):
                        if found is None or scored[0] < found[0]:
                            found = scored
        return found

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

    def _scored(self, extra: str) -> Iterator[tuple[float, Recipe, Cost]]:
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
                seconds, cost = self._price(recipe)
                yield seconds, recipe, cost

    def _is_swapped(self, m: str, n: str) -> bool:
        """Whether a result in the order asked for lies as (n, m)."""
        return bool(m) and bool(n) and fused_stride(n, self.sizes, self.out) != self.itemsize

    def _without_copies(self) -> float:
        """Seconds of the product alone."""
        s, labels = self.step, self.labels
        count = s.extent(labels.batch)
        m, n, k = s.extent(labels.left), s.extent(labels.right), s.extent(labels.contracted)
        return self._gemm_cost(count, m, n, k)[0]

    def _gemm_cost(self, count: int, m: int, n: int, k: int) -> tuple[float, Cost]:
        s = self.step
        threads = s.threads
        rate = gemm_rate(m, n, k, self.itemsize, s.dtype.kind == "c", threads)
        flops = float(count) * m * n * k
        # In a loop each GEMM has a start of its own: NumPy's and BLAS's, and waking BLAS's threads.
        each = 0.0
        if count > 1:
            each = 60e-9
            if m * n * k >= 65536:  # and packing its operands, which short sides do not pay back
                each = 1e-6 + self.itemsize * (m * k + k * n) / SHARED
            if min(m, n) == 1:
                each = 45e-9
        nbytes = float(count) * self.itemsize * (m * k + k * n + m * n)
        cost = Cost(flops, nbytes, 1.0 + count * each / CALL, rate)
        if min(m, n) == 1:  # GEMV: the matrix is read once, by all threads if it is one
            share = min(blas_threads(threads), 2) if count == 1 else 1
            cost = Cost(flops, GEMV_BYTES * nbytes / share, cost.calls, max(rate, 10e9))
        elif (
            min(m, n) < SKINNY and count == 1
        ):  # BLAS packs the large operand, and does little with what it packed
            passes = 6.0 if n < m and k >= SKINNY else 4.0  # and packs it better where it is the right one
            cost = Cost(flops, passes * nbytes / min(blas_threads(threads), 2), cost.calls, rate)
        return cost.seconds, cost

    def _price(self, recipe: Recipe) -> tuple[float, Cost]:
        s = self.step
        m, n = s.extent(recipe.m), s.extent(recipe.n)
        if recipe.swapped:
            m, n = n, m
        seconds, cost = self._gemm_cost(s.extent(recipe.loops), m, n, s.extent(recipe.k))
        if recipe.loops and m == n == 1 and self._dot_strides(recipe):
            cost = Cost(cost.flops, 8 * cost.bytes, cost.calls, cost.rate / 4)  # a cache line an element
            seconds = cost.seconds
        if recipe.loops and m > 1 and n > 1 and not recipe.pack_b and self._transposed(recipe):
            # BLAS copies the second matrix, and has no fast way where it is small.
            count = s.extent(recipe.loops)
            each = 40e-9 + 0.9e-9 * s.extent(recipe.k) * s.extent(recipe.n)
            cost = Cost(cost.flops, cost.bytes, cost.calls + count * each / CALL, cost.rate)
            seconds = cost.seconds
        copied = 0
        if recipe.pack_a:
            copied += s.operands[0].nbytes
        if recipe.pack_b:
            copied += s.operands[1].nbytes
        if recipe.pack_out:
            copied += s.out_bytes
        calls = self._fixups(recipe) + recipe.pack_a + recipe.pack_b + recipe.pack_out
        moved = TRANSPOSE * 2 * copied
        seconds += calls * CALL + moving(moved)
        return seconds, Cost(cost.flops, cost.bytes + moved, cost.calls + calls, cost.rate)

    def _transposed(self, recipe: Recipe) -> bool:
        """Whether the matrix on the right lies with its contracted labels innermost."""
        strides = self.a if recipe.swapped else self.b
        return any(strides[c] == self.itemsize and self.sizes[c] > 1 for c in recipe.k)

    def _dot_strides(self, recipe: Recipe) -> bool:
        """Whether the contracted labels are not contiguous in an operand that is not copied."""
        return any(
            not packed and fused_stride(recipe.k, self.sizes, strides) not in (0, self.itemsize)
            for strides, packed in ((self.a, recipe.pack_a), (self.b, recipe.pack_b))
        )

    def _fixups(self, recipe: Recipe) -> float:
        """Views to be made before and after the product, in calls: what tiny operands are decided by."""
        a, b = self.step.inputs
        loops, m, n, k = recipe.loops, recipe.m, recipe.n, recipe.k
        if loops:
            plain = a == loops + m + k and b == loops + k + n and len(m) == len(n) == len(k) == 1
            return 0.8 if plain and recipe.layout == self.step.output else 4.0
        if recipe.swapped:
            a, b, m, n = b, a, n, m
        # matrices transposed, groups fused, the result split and transposed
        calls = 0.4 * (a != m + k) + 0.4 * (b != k + n)
        calls += 0.5 * (len(m) > 1 or len(k) > 1) + 0.5 * (len(n) > 1 or len(k) > 1)
        return calls + 0.5 * (len(m) > 1 or len(n) > 1) + 0.4 * (self.step.output != m + n) + 0.2
