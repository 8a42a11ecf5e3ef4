"""Products of a dense matrix with a CSR or CSC one, on blocks of rows or columns: what numba compiles.

`dense_by_csc` takes the rows of X a tile at a time (see `lanes`), transposed: a column of the result is a sum of
scaled columns of the tile, and is transposed back while it is in cache.  X is read once and Y written once;
neither is copied.  `dense_by_csr` is its mirror image: the tile is Y's, and vectors
of X are added to it.  With the sparse matrix on the left, rows are vectors as they lie (`csr_by_dense`).

Complex numbers are passed as pairs: X, Y and the values as arrays of real numbers, twice as long.  Rows are
contiguous.  Indices are not checked here.  numba's cache looks at the date of this file only: touch it
after a change in `lanes` or `gathers`.
"""

# No annotations: numba types these functions itself, and gives the intrinsics arguments that mypy takes for ours.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, call-arg, var-annotated, untyped-decorator, unused-ignore"
# ruff: noqa: E501
import numpy as np
from numba import njit

from .gathers import gather, gather_complex, gather_tile, gather_tile_complex
from .lanes import LINE, add_scaled, copy, fence, prefetch, stream, transpose, width_of

#: Bytes of a tile up to which the next one is fetched whole ahead of time, and results are staged.
NEAR = 1 << 16
#: Bytes of a tile's rows of the result up to which they are put together in cache before they are written.
STAGE = 1 << 18
#: Lines ahead that longer rows are fetched.
AHEAD = 4


@njit
def lines(size, like):
    """An array of ``size`` elements that starts with a cache line: numba's own start with half of one."""
    place = np.empty(size + LINE // like.itemsize, like.dtype)
    start = -place.ctypes.data % LINE // like.itemsize
    return place[start : start + size]


@njit
def load_tile(tile, x, first, count, low, high):
    """Columns low to high of rows first to first + count, transposed; lanes beyond ``count`` hold zeros."""
    width = width_of(tile)
    side = width // 2
    step = x.strides[0] // x.itemsize
    at = first * step
    whole = low
    if count == width:
        whole = high - (high - low) % side
        near = x.shape[1] * width * x.itemsize <= NEAR
        for i in range(low, whole, side):
            for h in range(0, width, side):
                if near:
                    prefetch(x, at + (width + h) * step + i, step)
                else:
                    prefetch(x, at + h * step + i + AHEAD * side, step)
                transpose(tile, (i - low) * width + h, width, x, at + h * step + i, step)
    else:
        for k in range((high - low) * width):
            tile[k] = 0
    for r in range(count):
        for i in range(whole, high):
            tile[(i - low) * width + r] = x[first + r, i]


@njit
def store_tile(y, first, count, low, high, tile):
    """The inverse: columns low to high of rows of ``y`` from a tile."""
    width = width_of(tile)
    side = width // 2
    step = y.strides[0] // y.itemsize
    whole = low
    if count == width:
        whole = high - (high - low) % side
        for j in range(low, whole, side):
            for h in range(0, width, side):
                transpose(y, (first + h) * step + j, step, tile, (j - low) * width + h, width)
    for r in range(count):
        for j in range(whole, high):
            y[first + r, j] = tile[(j - low) * width + r]


@njit
def stream_out(y, at, stage, size):
    """Copy to one piece of memory past the caches: the lines that are filled are not read beforehand."""
    side = width_of(y) // 2
    head = min(size, (-(y.ctypes.data + at * y.itemsize) % LINE) // y.itemsize)
    whole = size - (size - head) % side
    copy(y, at, stage, 0, head)
    for k in range(head, whole, side):
        stream(y, at + k, stage, k)
    copy(y, at + whole, stage, whole, size - whole)


# numba's cache compares what a closure holds: a number is the same in the next process, an intrinsic is not.
def _dense_by_csc(unit):
    """The kernel for numbers of ``unit`` elements."""

    def dense_by_csc(y, x, indptr, indices, data, first, last):
        width = width_of(y)
        side = width // 2
        n, m = x.shape[1], y.shape[1]
        tile = lines((n + unit) * width, y)
        tile[n * width :] = 0
        none = n // unit
        strip = lines(side * width, y)
        # Rows that are one piece of memory are staged, since lines written in two parts are slow.
        staged = y.strides[0] == m * y.itemsize and m * width * y.itemsize <= STAGE
        stage = np.zeros((width if staged else 0, m), y.dtype)  # where a strip has no entry it stays so
        for r in range(first, last, width):
            count = min(width, last - r)
            load_tile(tile, x, r, count, 0, n)
            for j in range(0, m, side):
                end = min(m, j + side)
                if staged and indptr[j // unit] == indptr[end // unit]:
                    continue
                for k in range(j // unit, end // unit):
                    at = (k * unit - j) * width
                    start, stop = indptr[k], indptr[k + 1]
                    if unit == 1:
                        gather_tile(strip, at, data, indices, start, stop, tile, 0, width, none)
                    else:
                        gather_tile_complex(strip, at, data, indices, start, stop, tile, 0, width, none)
                if staged:
                    store_tile(stage, 0, count, j, end, strip)
                else:
                    store_tile(y, r, count, j, end, strip)
            if staged:
                stream_out(y, r * m, stage, count * m)
        fence()

    return dense_by_csc


def _dense_by_csr(unit):
    def dense_by_csr(y, x, indptr, indices, data, first, last):
        width = width_of(y)
        side = width // 2
        n, m = x.shape[1], y.shape[1]
        tile = lines(m * width, y)
        strip = lines(side * width, y)
        for r in range(first, last, width):
            count = min(width, last - r)
            for k in range(m * width):
                tile[k] = 0
            for i in range(0, n, side):
                end = min(n, i + side)
                load_tile(strip, x, r, count, i, end)
                for k in range(i // unit, end // unit):
                    at = (k * unit - i) * width
                    for p in range(indptr[k], indptr[k + 1]):
                        to = indices[p] * unit * width
                        if unit == 1:
                            add_scaled(tile, to, data[p], strip, at)
                        else:
                            add_scaled(tile, to, data[2 * p], strip, at)
                            add_scaled(tile, to, -data[2 * p + 1], strip, at + width)
                            add_scaled(tile, to + width, data[2 * p], strip, at + width)
                            add_scaled(tile, to + width, data[2 * p + 1], strip, at)
            store_tile(y, r, count, 0, m, tile)

    return dense_by_csr


def _csr_by_dense(unit):
    def csr_by_dense(y, x, indptr, indices, data, first, last, low, high):
        """Rows first to last of ``y``, which start as zeros, columns low to high: a tile's width at least."""
        width = width_of(y)
        step = x.strides[0] // x.itemsize
        to = y.strides[0] // y.itemsize
        for i in range(first, last):
            start, stop = indptr[i], indptr[i + 1]
            if start == stop:
                continue
            for strip in range(low, high, width):
                c = min(strip, high - width)  # the last one begins within the one before
                if unit == 1:
                    gather(y, i * to + c, data, indices, start, stop, x, c, step, 0)
                else:
                    gather_complex(y, i * to + c, data, indices, start, stop, x, c, step, 0)

    return csr_by_dense


#: The kernels, by name and elements a number.
KERNELS = {
    ("dense_by_csc", 1): _dense_by_csc(1),
    ("dense_by_csc", 2): _dense_by_csc(2),
    ("dense_by_csr", 1): _dense_by_csr(1),
    ("dense_by_csr", 2): _dense_by_csr(2),
    ("csr_by_dense", 1): _csr_by_dense(1),
    ("csr_by_dense", 2): _csr_by_dense(2),
}
