"""What a recipe for a pair by GEMM takes: BLAS's rate by shape, the start of each product of a stack, copies.

Figures are those of one core with OpenBLAS (see `machine` for what is measured elsewhere).
"""

from __future__ import annotations

from collections.abc import Mapping

from ..._base.cost import CALL, Cost, blas_threads, contested, gemm_rate, gemm_threads, moving
from ..._base.facts import LINE, Operand, Step
from ..._base.machine import machine
from .foreseen import jumps
from .recipe import Recipe
from .strides import by_stride, fused_stride

#: A copy that transposes costs this many plain copies (blocked, see `transpose`).
TRANSPOSE = 2.5
#: How much slower than memory BLAS's matrix-vector products read what no cache holds.
GEMV_BYTES = 1.2
#: Elements up to which a column is short.
_SHORT = 4
#: How many caches of its own a core has to read through before a stack of products waits for what it reads.
_MANY_CACHES = 4
#: Multiply-adds of real numbers up to which BLAS packs nothing, and of complex ones in a stack, of which
#: `_EACH` tells what that takes. Seconds in which it packs a byte of an operand that lies along a free label,
#: as the rows of the result and as its columns; and of one that lies along a label that is summed, of which
#: single precision has columns packed one by one.
_UNPACKED, _UNPACKED_COMPLEX = 1e6, 1e3
_PACK_FREE, _PACK_SUMMED, _PACK_SINGLE = (0.055e-9, 0.025e-9), (0.048e-9, 0.035e-9), (0.045e-9, 0.12e-9)
#: Where both matrices lie along the summed labels BLAS packs smaller ones as well: of shorter sums, and of
#: more elements of the result.
_SHORT_SUMS, _MANY_SUMS = 32, 1200
#: Times that the result moves meanwhile which is cleared before BLAS adds to it.
_CLEARED = 2.0
#: Seconds more of each product for which BLAS takes memory of its own, where several threads ask it for some.
_ASKING = 0.8e-6
#: Seconds in which BLAS's threads share one product of many.
_WOKEN = 4e-6
#: Seconds in which threads wait for each other for each byte of a result that they write by turns.
_MIXED = 0.02e-9
#: Bytes of a page; steps to other pages that are at hand; seconds of a line of the cache beyond.
_PAGE, _PAGES, _PAGED = 4096, 32, 9e-9
#: Bytes of a row along the summed labels up to which packing columns waits for it; seconds that it takes.
_SHORT_ROW, _FAR_ROW = 512, 25e-9
#: Bytes of a matrix up to which NumPy's own copy of it, before the product, costs less than ours.
SMALL = 1 << 18

#: Seconds that each product of a stack takes to begin: dot, GEMV, GEMM; of real and of complex numbers.
_EACH = ((7.5e-9, 13e-9), (28e-9, 40e-9), (25e-9, 50e-9))
#: Multiply-adds a second of dot products in cache, the length at which they reach half of it, and the share
#: of complex numbers of double precision; bytes a second of a matrix by a vector, real and complex.
_VECTOR_RATE, _HALF, _COMPLEX, _GEMV = 10e9, 16, 0.3, (110e9, 70e9)
#: Where BLAS has to copy the second matrix: seconds to begin, and for each of its bytes.
_TURNED = (35e-9, 0.11e-9)
#: Seconds an element of the result where the first matrix lies across: single precision has no kernel for it.
_LEFT = 0.35e-9
#: Seconds an element that NumPy copies of a small matrix that BLAS cannot take: whose lines stay in the first
#: cache, of so many bytes, and whose do not.
_COPIED, _COPIED_FAR, _FIRST = 0.5e-9, 1.2e-9, 32 << 10
#: Seconds of a line that the first cache had and has to be brought again.
_AGAIN_ACROSS = 1.5e-9
#: Seconds an element that is copied before, where labels do not fuse.
_RESHAPED = 1.1e-9
#: Of our own copies: seconds of a row that stays one; and an element of rows that are turned, at least, and
#: where they or what they become are shorter than a square of registers.
_COPIED_ROW, _TURN, _TURN_SHORT, _SQUARE = (4e-9, 8e-9), 0.25e-9, 1.2e-9, 8
#: Seconds of a row that begins elsewhere in the last cache, and in memory.
_RUN = (5e-9, 20e-9)
#: Bytes of a matrix with gaps up to which dot, which copies it for a vector, takes less than matmul.
UNCOPIED = 4096
#: Seconds a byte of lines that memory does not foresee.
_WAITED = 0.2e-9
#: Seconds of a line that is fetched from the last cache once more.
_AGAIN = 3e-9
#: Seconds a byte of rows that each begin elsewhere in memory.
_STRIDED = 0.07e-9
#: Elements of an operand so small that BLAS is at its edges all the time, and its rate then.
_TINY, _OF_TINY = 16, 0.2
#: Seconds in which a column of a matrix by a vector begins, of whole vectors and of others, and what a short
#: one of complex numbers adds; and in which a row begins.
_COLUMN, _COLUMN_SHORT, _ROW = (0.4e-9, 1.4e-9), 0.4e-9, 1.6e-9
#: Seconds of a product of a dot product whose elements lie apart, real and complex, and of each line of the
#: cache.
_APART, _EACH_LINE = (0.15e-9, 0.8e-9), 1.05e-9


def product(step: Step, count: int, m: int, n: int, k: int, packs: bool = False) -> Cost:
    """So many products of an ``m`` by ``k`` and a ``k`` by ``n`` matrix, as they lie.

    Those of many multiply-adds are packed, others where ``packs`` says so.
    """
    item, threads, is_complex = step.dtype.itemsize, step.threads, step.dtype.kind == "c"
    flops = float(count) * m * n * k
    # In a loop each GEMM has a start of its own: NumPy's and BLAS's, and waking BLAS's threads.
    each = 0.0
    if count > 1:
        each = _EACH[(m > 1) + (n > 1)][is_complex]
        if gemm_threads(m * n * k, is_complex, threads) > 1:
            each = _WOKEN
    written = float(count) * item * m * n
    nbytes = float(count) * item * (m * k + k * n) + written
    rate = gemm_rate(m, n, k, item, is_complex, threads)
    passes, again = 1.0, 0.0
    if min(m, n) > 1 and min(m, n) * k <= _TINY:
        rate *= _OF_TINY
    if min(m, n) == 1:  # the matrix is read once, by all threads if it is one
        far = m != n and nbytes >= machine().shared_bytes
        passes = (GEMV_BYTES if far else 1.0) / (min(blas_threads(threads), 2) if count == 1 else 1)
        vectors = _VECTOR_RATE * (_COMPLEX * 16 / item if is_complex else 1)
        rate = vectors * k / (k + _HALF)
        if m != n:  # BLAS clears the result, and adds to it afterwards
            again = 2 * written
            rate = flops * _GEMV[is_complex] / (flops * item + again)
    else:
        sharing = gemm_threads(m * n * k, is_complex, threads)
        more = 1 + machine().more_bandwidth * (sharing - 1)
        if sharing > 1 and n >= m:  # which it shares by rows of its own, column-major, product
            # What one of them packs both read.
            rate = flops / (flops / rate + count * contested(item * m * k) + written * _MIXED)
        held, waited = min(nbytes, float(step.read_bytes + step.out_bytes)), 0.0
        if packs or _packs(step, m * n * k, count):  # BLAS clears the result, and adds to it afterwards
            waited = _CLEARED * written
        if count > 1 and held > _MANY_CACHES * machine().own_bytes:  # nothing is read ahead
            waited = max(waited, held)
        if waited:
            rate = flops / (flops / rate + moving(waited, held) / more)
    return Cost(flops, passes * (nbytes + again), 1.0 + count * each / CALL, rate, held=nbytes)


def crowded(step: Step, recipe: Recipe) -> float:
    """Seconds that products take more where several threads do such steps at once.

    BLAS has a lock around its memory for packing, which small real ones do without.
    """
    small = step.dtype.kind != "c" and step.extent(recipe.m + recipe.n + recipe.k) <= _UNPACKED
    if small or 1 in (step.extent(recipe.m), step.extent(recipe.n)):
        return 0.0
    return _ASKING * step.extent(recipe.loops)


def price(step: Step, recipe: Recipe, strides: tuple[Mapping[str, int], Mapping[str, int]]) -> Cost:
    """A recipe with its copies; ``strides`` of each operand's labels."""
    m, n, k, count = (step.extent(c) for c in (recipe.m, recipe.n, recipe.k, recipe.loops))
    if recipe.swapped:
        m, n = n, m
    dots = count == 1 and (k < _SHORT_SUMS or m * n > _MANY_SUMS) and _both_along_sums(recipe, strides)
    packs = min(m, n) > 1 and (dots or _packs(step, m * n * k, count))
    cost = product(step, count, m, n, k, packs)
    flops, moved, rate = cost.flops, cost.bytes, cost.rate
    # Of views that overlap themselves, and of what all products of a stack share, less lies in the caches.
    held = min(cost.held, float(step.read_bytes + step.out_bytes))
    each = 0.0
    across = _walks_across(step, recipe, strides) if m == n == 1 else 0
    if across:
        rate = min(rate, 1 / (_APART[step.dtype.kind == "c"] + _EACH_LINE * min(across / LINE, 1.0)))
        far = across >= LINE  # else memory is read ahead
        if far and k * LINE > _FIRST:  # a line of the cache for each element
            moved *= LINE / step.dtype.itemsize
        elif far and held >= machine().shared_bytes / 2:  # lines come one by one, for all along them
            each += k * step.dtype.itemsize * _WAITED
    if packs:
        rate = flops / (flops / rate + count * _packing(step, recipe, strides))
    if (m == 1) != (n == 1):
        rate = _of_lines(step, recipe, strides, rate)
        each += k * _apart(step, recipe, strides) if count > 1 else 0.0
    turned = strides[0 if recipe.swapped else 1]
    real = recipe.loops and m > 1 and n > 1 and not recipe.pack_b and step.dtype.kind != "c"
    if real and any(turned[c] == step.dtype.itemsize and step.sizes[c] > 1 for c in recipe.k):
        each += _TURNED[0] + _TURNED[1] * step.dtype.itemsize * k * n
    left = strides[1 if recipe.swapped else 0]
    partly = real and step.dtype.char == "f" and (m % 4 or k % 4) and not recipe.pack_a
    if partly and any(left[c] != step.dtype.itemsize and step.sizes[c] > 1 for c in recipe.k):
        each += _TURNED[0] + _LEFT * m * n  # single precision has such kernels for whole vectors only
    copied, calls, copying = 0, _views(step, recipe) + recipe.pack_out, 0.0
    sides = ((recipe.pack_a, recipe.m), (recipe.pack_b, recipe.n))
    for (packs, free), op, own in zip(sides, step.operands, strides, strict=True):
        gemv = not recipe.loops and not (recipe.m and recipe.n)
        if not packs and gemv and op.span != op.nbytes <= UNCOPIED:
            each += op.size * _COPIED
        if not packs:
            each += step.extent(free) * k * _interrupted(step, recipe, op, own) if count > 1 else 0.0
            continue
        matrix = step.extent(free) * k
        fused = all(fused_stride(x, step.sizes, own) is not None for x in (free, recipe.k))
        if recipe.loops and matrix * step.dtype.itemsize <= SMALL:
            # One after the other, by matmul or before it.
            near = _COPIED if matrix * LINE <= _FIRST else _COPIED_FAR
            each += matrix * ((near if fused else _RESHAPED) + _gathered(step, recipe, op, own))
        else:
            copied += op.nbytes
            calls += 1
            before = by_stride("".join(own), own)
            after = _packed(step, recipe, free, own)
            copying += _copying(step, before, after, _run(step, before, own)) + _crowded(step, after, own)
    if recipe.pack_out:
        copied += step.out_bytes
        inner = recipe.n + recipe.m if recipe.swapped else recipe.m + recipe.n
        copying += _copying(step, recipe.loops + inner, recipe.layout)
    if copied > SMALL and gemm_threads(m * n * k, step.dtype.kind == "c", step.threads) > 1:
        # Of the copies each thread reads, or wrote, another half than the one that it copied.
        copying += contested(copied)
    # What windows read again is at hand.
    again = min(moved, float(sum(max(op.nbytes - op.span, 0) for op in step.operands)))
    moved -= again
    seconds = max(flops / rate, moving(moved, held) + moving(again, 1.0))
    seconds += copying
    calls += cost.calls + count * each / CALL
    return Cost(flops, moved + 2 * copied, calls, flops / max(seconds, 1e-12), held=held + copied)


def _packs(step: Step, flops: int, count: int) -> bool:
    """Whether BLAS packs both matrices of a product of so many multiply-adds."""
    if step.dtype.kind != "c":
        return flops > _UNPACKED
    return count == 1 or flops > _UNPACKED_COMPLEX


def _both_along_sums(recipe: Recipe, strides: tuple[Mapping[str, int], Mapping[str, int]]) -> bool:
    """Whether elements that are summed follow each other in both matrices."""
    sides = zip((recipe.m, recipe.n), strides, strict=True)
    return all(by_stride(free + recipe.k, own)[-1] in recipe.k for free, own in sides)


def _packed(step: Step, recipe: Recipe, free: str, own: Mapping[str, int]) -> str:
    """The labels of an operand in the order of memory of its copy."""
    matrix = free + recipe.k if free is recipe.m else recipe.k + free
    if not recipe.loops:  # as it lies, for BLAS takes both
        matrix = recipe.k + free if by_stride(free + recipe.k, own)[-1:] in free else free + recipe.k
    return "".join(c for c in recipe.loops if c in own) + matrix


def _run(step: Step, labels: str, own: Mapping[str, int]) -> int:
    """How many of an operand's last labels are one loop: not the rows of windows, nor those with gaps."""
    labels = "".join(c for c in labels if step.sizes[c] > 1)
    run = min(len(labels), 1)
    while run < len(labels) and own[labels[-run - 1]] == own[labels[-run]] * step.sizes[labels[-run]]:
        run += 1
    return run


def _crowded(step: Step, after: str, own: Mapping[str, int]) -> float:
    """Seconds in which lines come again that NumPy's copy of an operand with gaps walks across."""
    item = step.dtype.itemsize
    if item in map(abs, own.values()) or not after:
        return 0.0
    return _AGAIN_ACROSS * jumps([(step.sizes[c], [abs(own[c])]) for c in after], item, _FIRST)


def _copying(step: Step, before: str, after: str, run: int | None = None) -> float:
    """Seconds in which an array is copied whose labels lie in memory in this order before and after.

    The last ``run`` labels before are one loop; where it is not given, all are.
    """
    before, after = ("".join(c for c in x if step.sizes[c] > 1) for x in (before, after))
    elements = step.extent(after)
    nbytes = elements * step.dtype.itemsize
    same = 0
    while same < len(after) and before[len(before) - same - 1] == after[len(after) - same - 1]:
        same += 1
    if run is not None:
        same = min(same, run)
    if same:
        rows = elements / step.extent(after[len(after) - same :])
        return moving(2.0 * nbytes) + rows * _COPIED_ROW[nbytes >= machine().shared_bytes]
    within = _turned_within(step, before, after)
    short = min((step.sizes[x[-1]] for x in (before, after) if x), default=1) < _SQUARE
    # Rows of either that end where the next one lies elsewhere, but for those of squares that lie together.
    p, q = after[-1:], before[-1:]
    starts = sum(
        elements / (step.sizes[x] * (step.sizes[y] if order[-2:-1] == y else 1))
        for x, y, order in ((p, q, after), (q, p, before))
        if x
    )
    turned = elements * (_TURN_SHORT if short else _TURN)
    if within <= _FIRST:  # each block is turned while it is at hand
        return max(moving(2.0 * nbytes), turned)
    each = _RUN[nbytes >= machine().shared_bytes] if nbytes >= machine().own_bytes else 0.0
    return max(moving(2 * TRANSPOSE * nbytes), turned) + starts * each


def _turned_within(step: Step, before: str, after: str) -> int:
    """Bytes of the blocks that follow each other in the same order before and after."""
    at = 0
    while at < len(after) - 1 and before[at] == after[at]:
        at += 1
    return step.extent(after[at:]) * step.dtype.itemsize


def _interrupted(step: Step, recipe: Recipe, op: Operand, own: Mapping[str, int]) -> float:
    """Seconds that each element takes more of matrices whose rows lie here and there in memory."""
    near = by_stride("".join(c for c in own if step.sizes[c] > 1), own)
    run = len(near)
    while run and near[run - 1] not in recipe.loops:
        run -= 1
    if op.span < machine().shared_bytes or step.extent(near[run:]) * op.dtype.itemsize > 2 * _PAGE:
        return 0.0
    return op.dtype.itemsize * _STRIDED


def _gathered(step: Step, recipe: Recipe, op: Operand, own: Mapping[str, int]) -> float:
    """Seconds that each element of a small matrix takes more whose lines lie here and there in memory."""
    near = by_stride("".join(c for c in own if step.sizes[c] > 1), own)
    run = len(near)
    while run and near[run - 1] not in recipe.loops:
        run -= 1
    if step.extent(near[run:]) * op.dtype.itemsize >= _PAGE:
        return 0.0
    seconds = 0.0
    if op.span >= machine().shared_bytes:  # which does not foresee them
        seconds = op.dtype.itemsize * _WAITED
    matrix = "".join(c for c in near if c not in recipe.loops)
    if run == len(near) and step.extent(matrix) * LINE >= machine().own_bytes / 2:
        seconds += _AGAIN  # other matrices share the line, which is gone meanwhile
    return seconds


def _walks_across(step: Step, recipe: Recipe, strides: tuple[Mapping[str, int], Mapping[str, int]]) -> int:
    """The longest step, in bytes, to the next element that is summed, of operands not copied; 0: an item."""
    item = step.dtype.itemsize
    long = [c for c in recipe.k if step.sizes[c] > 1]
    if not long:
        return 0
    packs = zip(strides, (recipe.pack_a, recipe.pack_b), strict=True)
    steps = [min(abs(own[c]) for c in long) for own, packed in packs if not packed]
    return max((x for x in steps if x != item), default=0)


def _packing(step: Step, recipe: Recipe, strides: tuple[Mapping[str, int], Mapping[str, int]]) -> float:
    """Seconds in which BLAS packs both operands of one product, which it does before it multiplies.

    It takes the first matrix of its own, column-major, product for the columns of the result in C order.
    """
    seconds = 0.0
    free, packed = (recipe.m, recipe.n), (recipe.pack_a, recipe.pack_b)
    for at in (0, 1):
        as_columns = (at == 1) != recipe.swapped
        of_free = by_stride(free[at] + recipe.k, strides[at])[-1:] in free[at]
        if packed[at] and recipe.loops:  # a copy of the matrix, in C order
            of_free = at == 1
        ways = _PACK_FREE if of_free else _PACK_SINGLE if step.dtype.char in "fF" else _PACK_SUMMED
        nbytes = step.dtype.itemsize * step.extent(free[at] + recipe.k)
        seconds += ways[as_columns] * nbytes
        if of_free and not as_columns and step.extent(recipe.k) > _PAGES:
            apart = step.extent(free[at]) * step.dtype.itemsize
            if not packed[at]:
                apart = min(abs(strides[at][c]) for c in recipe.k if step.sizes[c] > 1)
            seconds += nbytes / LINE * _PAGED * (apart >= _PAGE)
        row = step.extent(recipe.k) * step.dtype.itemsize
        far = step.operands[at].span >= machine().shared_bytes
        if far and as_columns and not of_free and step.dtype.char not in "fF" and row < _SHORT_ROW:
            seconds += step.extent(free[at]) * _FAR_ROW
    return seconds / (1 + machine().more_bandwidth * (blas_threads(step.threads) - 1))


def _of_lines(
    step: Step, recipe: Recipe, strides: tuple[Mapping[str, int], Mapping[str, int]], rate: float
) -> float:
    """Multiply-adds a second of a matrix by a vector, which BLAS takes by columns or by rows, as they lie."""
    at = 1 if step.extent(recipe.m) == 1 else 0
    free = (recipe.m, recipe.n)[at]
    if by_stride(free + recipe.k, strides[at])[-1:] not in free:
        return 1 / (1 / rate + _ROW / step.extent(recipe.k))
    length = step.extent(free)
    begin = _COLUMN[length > _SHORT and length % 4 > 0]
    if length <= _SHORT and step.dtype.kind == "c":
        begin += _COLUMN_SHORT
    return 1 / (1 / rate + begin / length)


def _apart(step: Step, recipe: Recipe, strides: tuple[Mapping[str, int], Mapping[str, int]]) -> float:
    """Seconds that each element of a vector takes more which has a line of the cache of its own."""
    at = 0 if step.extent(recipe.m) == 1 else 1
    stride = fused_stride(recipe.k, step.sizes, strides[at])
    if (recipe.pack_a, recipe.pack_b)[at] or stride is None or abs(stride) < LINE:
        return 0.0
    return moving(LINE, step.operands[at].span)


def _views(step: Step, recipe: Recipe) -> float:
    """Views to be made before and after the product, in calls: what tiny operands are decided by."""
    a, b = step.inputs
    loops, m, n, k = recipe.loops, recipe.m, recipe.n, recipe.k
    if loops:
        plain = len(m) == len(k) == 1 and len(n) <= 1 and a in (m + k, loops + m + k)
        plain = plain and b in (k + n, loops + k + n)
        return 0.8 if plain and recipe.layout == step.output else 4.0
    if recipe.swapped:
        a, b, m, n = b, a, n, m
    # matrices transposed, groups fused, the result split and transposed
    calls = 0.4 * (a != m + k) + 0.4 * (b != k + n)
    calls += 0.5 * (len(m) > 1 or len(k) > 1) + 0.5 * (len(n) > 1 or len(k) > 1)
    return calls + 0.5 * (len(m) > 1 or len(n) > 1) + 0.4 * (step.output != m + n) + 0.2
