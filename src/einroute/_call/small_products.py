"""Products of two small arrays by the compiled core: NumPy's own functions take longer to be called."""

from __future__ import annotations

from typing import Any

from .._base.c_einsum import ascii_subscripts
from .._config.state import current
from .._native import CORE
from .._native.flags import reporter
from .operands import Array
from .product_labels import CONJUGATED, CORES, PAIRS, Labels, core_labels

__all__ = ["small_product"]

#: Nanoseconds up to which a product is small: the least of NumPy's functions take 540.
_MOST = 400
#: Elements of one operand times those of the other, beyond which nothing is.
_PRODUCTS = 1 << 14
_PLAIN = frozenset("?bBhHiIlLqQfdFD")
#: Products that NumPy takes of its operands' elements in C order, whatever their shapes.
_FLATTENED = frozenset({"outer", "vdot"})


def small_product(name: str, a: Array, b: Array) -> Any:
    """The core's contraction for a product of two plain arrays; None where it is NumPy's or a plan's.

    Parameters
    ----------
    name : str
        "dot", "inner", "outer", "vdot", or a generalized ufunc.
    a, b : ndarray
    """
    dtype = a.dtype
    if CORE is None or b.dtype.char != dtype.char or dtype.char not in _PLAIN or not dtype.isnative:
        return None
    if not 0 < a.size * b.size <= _PRODUCTS or not (1 <= a.ndim <= 2 and 1 <= b.ndim <= 2):
        return None
    if (dtype.kind == "c" and name in CONJUGATED) or (name in _FLATTENED and not a.ndim == b.ndim == 1):
        return None
    config = current().config
    if config.reproducible or current().policy.restricts:
        return None
    try:
        labels = core_labels if name in CORES else _pair_labels
        of_a, of_b, output = labels(name, a.shape, b.shape)
        subscripts = ascii_subscripts((of_a, of_b), output)
        run = CORE.Contraction(
            subscripts, dtype.char, (a.shape, b.shape), report=reporter(name) if dtype.kind in "fc" else None
        )
    except ValueError:  # shapes that do not fit, or are not the core's
        return None
    return run if run.nanoseconds(a.strides, b.strides) <= _MOST else None


def _pair_labels(name: str, a: tuple[int, ...], b: tuple[int, ...]) -> Labels:
    return PAIRS[name](a, b)
