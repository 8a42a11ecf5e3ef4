"""Circular correlations by the fast Fourier transform, and whether data allow them.

The error of the transforms is normwise: each entry is within ``C * log2(d) * eps * |a| * |b|`` of the exact
one, with Euclidean norms, where a direct sum of K products is within ``K * eps * sum|products|``.  Data are
allowed for which the first is at most 4 times the second in every entry; so nothing is lost to elements of
very different size, and where all products of an entry are 0 it is not left to transforms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log2, sqrt
from typing import Any

import numpy as np

from ..._base.numpy_functions import numpy_vecdot
from ..._base.rewrites import Contract
from ..._base.threads import inside_block
from ..._native import CORE

Array = np.ndarray[Any, Any]

#: The C above: 4 times the worst that was seen, over data of any range and lengths with large prime factors.
ERROR = 4.0
#: How many times the direct sum's bound is allowed.
ALLOWED = 4.0
#: The share of a row that is at least a quarter of its root mean square, of normal numbers.
_USUAL = 0.8
#: Elements that are looked at together, and how many are counted a row at a time.
_ROWS, _LONG = 1 << 15, 256
#: Elements from which more than one thread of pocketfft's is asked for.
_THREADED = 1 << 18


@dataclass(frozen=True, slots=True)
class Correlation:
    """Circular correlations of arrays along their last axes.

    Attributes
    ----------
    a, b, made : str
        Labels of the two transforms and of their product, frequencies last.
    convolves : bool
        Whether to convolve: to correlate with a read backwards.
    product : callable
        Makes the product of the transforms.
    contract : Contract
    threads : int
        Of large transforms, unless other threads do blocks meanwhile.
    together : bool
        Whether two vectors are transformed in one call, each in a lane of its own.
    """

    a: str
    b: str
    made: str
    convolves: bool
    product: Callable[[tuple[Array, Array]], Array]
    contract: Contract
    threads: int
    together: bool

    def of(self, a: Array, b: Array) -> Array:
        """The correlation along the last axes, as long as b is."""
        from scipy import fft  # noqa: PLC0415 - not every process needs it

        d, is_complex = b.shape[-1], b.dtype.kind == "c"
        workers = self.threads if max(a.size, b.size) >= _THREADED and not inside_block() else 1
        length = None if a.shape[-1] == d else d  # which it takes time to compare
        to, back = (fft.fft, fft.ifft) if is_complex else (fft.rfft, fft.irfft)
        if self.together:
            of_a, of_b = to(_beside(a, b))
        else:
            of_b = to(b, workers=workers)
            if is_complex and not self.convolves:
                of_a = fft.ifft(a, length, norm="forward", workers=workers)
            else:
                of_a = to(a, length, workers=workers)
        if not is_complex and not self.convolves:
            np.conj(of_a, out=of_a)
        if self.a == self.b == self.made:
            product = np.multiply(of_a, of_b, out=of_a)
        else:
            product = self.product((of_a, of_b))
        del of_a, of_b  # new memory takes longer than a transform
        result: Array = back(product, d, workers=workers)
        return result

    def unsound(self, a: Array, b: Array, terms: int) -> str:
        """Why the transform's error may be too large for sums of so many terms; empty if it is not."""
        d, limits = b.shape[-1], np.finfo(a.dtype)
        met = -d
        for x in (a, b):
            low, high, large = _sizes(x)
            if not high <= float(limits.max) / d**2:
                return "an element is not finite, or a product could overflow"
            if low < float(limits.tiny) / float(limits.eps):
                return "a product could underflow"
            met += large
        error = ERROR * max(1.0, log2(d))
        # Of d products, `met` at least have two factors of a quarter of their root mean square or more.
        if _is_small(error, a.shape[-1], d, terms, met):
            return ""
        magnitudes = self.of(*(np.abs(x).astype(x.dtype, copy=False) for x in (a, b))).real
        scale = self._of_norms(*(np.asarray(np.sqrt(_squares(x))) for x in (a, b)))
        floor = magnitudes - error * float(limits.eps) * scale
        if (error * scale <= ALLOWED * terms * floor).all():
            return ""
        return "the transform's error could exceed 4 times the direct sum's bound"

    def _of_norms(self, a: Array, b: Array) -> Array:
        """Products of norms for each correlation, summed as those are; a last axis of length 1 is added."""
        made = self.contract((self.a[:-1], self.b[:-1]), self.made[:-1], (a, b), dtype=a.dtype)
        return np.asarray(made)[..., None]


def likely_sound(terms: int, given: int, d: int) -> bool:
    """Whether one look at each element is likely to be enough for `Correlation.unsound`, of ordinary data.

    Parameters
    ----------
    terms, d : int
        Of each sum; the length of a row of b.
    given : int
        The length of a row of a.
    """
    return _is_small(ERROR * max(1.0, log2(d)), given, d, terms, _USUAL * (given + d) - d)


def _is_small(error: float, given: int, d: int, terms: int, met: float) -> bool:
    """Whether the error is within what is allowed, where so many products are not small."""
    return error * 16 * sqrt(given * d) <= ALLOWED * terms * met


def _beside(a: Array, b: Array) -> Array:
    """Two vectors as rows, the first one with zeros behind it where it is the shorter."""
    both = np.empty((2, len(b)), b.dtype)
    both[0, : len(a)], both[1] = a, b
    both[0, len(a) :] = 0
    return both


def _sizes(x: Array) -> tuple[float, float, int]:
    """The smallest sum of squares of a row that is not 0, the largest, and how many elements are large.

    A row lies along the last axis. Large ones are counted as `_large` does.
    """
    if CORE is not None and x.strides[-1] == x.itemsize:
        found: tuple[float, float, int] = CORE.row_squares(x.reshape(-1, x.shape[-1]))
        return found
    squares = _squares(x)
    low, high = (float(squares),) * 2 if squares.ndim == 0 else _extremes(squares)
    return low, high, _large(x, squares)


def _squares(x: Array) -> Array:
    """The sum of squares along the last axis."""
    return np.asarray(numpy_vecdot(x, x)).real


def _extremes(squares: Array) -> tuple[float, float]:
    """The smallest that is not 0, and the largest; the latter is nan if any is."""
    return float(squares.min(initial=np.inf, where=squares > 0)), float(squares.max())


def _large(x: Array, squares: Array) -> int:
    """How many elements of a row are at least a quarter of its root mean square, in the row with fewest."""
    length = x.shape[-1]
    large = np.sqrt(squares / (16 * length))
    if x.ndim == 1:
        return int(np.count_nonzero(np.abs(x) >= large))
    if x.size > _ROWS and len(x) > 1:  # some at a time, for temporaries that stay in cache
        rows = max(1, _ROWS * len(x) // x.size)
        return min(_large(x[n : n + rows], squares[n : n + rows]) for n in range(0, len(x), rows))
    found = (np.abs(x) >= large[..., None]).reshape(-1, length)
    if length < _LONG:
        return int(np.count_nonzero(found, axis=1).min())
    return min(int(np.count_nonzero(row)) for row in found)  # eight times as fast, once it has started
