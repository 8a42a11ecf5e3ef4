"""Sums and products in twice the working precision, as unevaluated pairs of float64: a head and a small tail.

Dekker's product and Knuth's sum; Ogita, Rump and Oishi, "Accurate sum and dot product", SIAM J. Sci. Comput.
26 (2005).
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Pair = tuple[Array, Array]

_SPLITTER = 2.0**27 + 1


def two_sum(a: Any, b: Any) -> Pair:
    """``a + b`` rounded, and what rounding took."""
    s = a + b
    back = s - a
    return s, (a - (s - back)) + (b - back)


def two_product(a: Any, b: Any) -> Pair:
    """``a * b`` rounded, and what rounding took."""
    p = a * b
    high_a, low_a = _halves(a)
    high_b, low_b = _halves(b)
    return p, low_a * low_b - (((p - high_a * high_b) - low_a * high_b) - high_a * low_b)


def _halves(x: Any) -> Pair:
    large = x * _SPLITTER
    high = large - (large - x)
    return high, x - high


def dot(x: Array, w: Array) -> Pair:
    """``x @ w`` in twice the precision.

    Parameters
    ----------
    x : ndarray, shape (n, D)
    w : ndarray, shape (D, B)

    Returns
    -------
    head, tail : ndarray, shape (n, B)
    """
    head = np.zeros((len(x), w.shape[1]))
    tail = np.zeros_like(head)
    for k in range(len(w)):
        p, lost = two_product(x[:, k, None], w[k])
        head, rest = two_sum(head, p)
        tail += rest + lost
    return head, tail


def total(pair: Pair) -> Pair:
    """The sum over the first axis."""
    head, tail = pair
    while len(head) > 1:
        half = len(head) // 2
        s, lost = two_sum(head[:half], head[half : 2 * half])
        t = tail[:half] + tail[half : 2 * half] + lost
        if len(head) % 2:
            s = np.concatenate([s, head[-1:]])
            t = np.concatenate([t, tail[-1:]])
        head, tail = s, t
    if not len(head):
        return np.zeros(head.shape[1:]), np.zeros(head.shape[1:])
    return head[0], tail[0]


def scaled(pair: Pair, count: int) -> Pair:
    """Times a number below 2**53."""
    head, lost = two_product(pair[0], float(count))
    return head, lost + pair[1] * count
