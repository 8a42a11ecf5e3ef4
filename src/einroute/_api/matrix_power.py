"""matrix_power with numpy.linalg's signature, by our products.

Powers of floats are NumPy's own function's, which has BLAS; what is routed are large integers and operands
that are no arrays.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from .._base.errors import shown
from .._base.kinds import Kind
from .._base.numpy_functions import numpy_matrix_power
from .._base.routed_operand import any_routed, on_arrays
from .._base.watch import WATCH, to_observe
from .._call.fallback import check_fallback
from .._call.observe import observe
from .._call.operands import ndarray
from .._call.products import worth
from .._kinds.in_graph import in_graph
from .._kinds.registry import other_kind
from .solve import inv
from .ufuncs import matmul

#: What NumPy's function does with arrays: it looks for an ``__array_function__`` first.
_power_of_arrays: Any = getattr(numpy_matrix_power, "__wrapped__", numpy_matrix_power)

__all__ = ["exponent", "is_planned", "matrix_power", "products", "refuse_shape"]


def matrix_power(a: Any, n: Any) -> Any:
    """Power of a square matrix: `numpy.linalg.matrix_power`, with exact integer products through BLAS.

    Parameters
    ----------
    a : (..., M, M) array_like, or sparse
        Powers of sparse operands are sparse.
    n : int
        0 gives the identity, below 0 the power of the inverse, which would be dense for a sparse `a`.

    Returns
    -------
    (..., M, M) ndarray, or sparse
        `a` itself if `n` is 1.

    Raises
    ------
    TypeError
        `n` is no integer, or negative with a sparse `a`.
    numpy.linalg.LinAlgError
        `a` not square, or singular where `n` is negative.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> er.linalg.matrix_power(np.array([[1, 1], [1, 0]]), 10)
    array([[89, 55],
           [55, 34]])
    """
    if WATCH.on and to_observe():
        return observe(matrix_power, (a, n), {})
    if type(a) is ndarray:
        if a.dtype.kind in "iub" and is_planned(a):  # else asked in vain, which takes 0.1 us
            power = exponent(n)
            if power > 1:
                return _product(a, power)
        if not WATCH.on:
            return _power_of_arrays(a, n)
    elif any_routed((a,)):
        return on_arrays(matrix_power, (a, n), {})
    else:
        node = in_graph((a,))
        if node is not None:
            return node("linalg.matrix_power", a, n)
        kind = other_kind(a)
        if kind is not None:
            return _of_another_kind(a, kind, exponent(n))
    if WATCH.on:
        check_fallback("linalg.matrix_power", (a,))
    return numpy_matrix_power(a, n)


def is_planned(a: Any) -> bool:
    """Whether a plain array's products are worth a route."""
    return a.ndim > 1 and a.shape[-1] == a.shape[-2] and worth(a, a, -2)


def exponent(n: Any) -> int:
    """The exponent as an int.

    Raises
    ------
    TypeError
        It is no integer.
    """
    try:
        return operator.index(n)
    except TypeError:
        raise TypeError(
            f"matrix_power: n is {shown(n)}, expected an integer; convert it with int(n) if it is whole"
        ) from None


def refuse_shape(a: Any) -> None:
    """Raise for what is no square matrix, nor a stack of such.

    Raises
    ------
    numpy.linalg.LinAlgError
    """
    shape = tuple(a.shape)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise np.linalg.LinAlgError(
            f"matrix_power: a has shape {shape}, expected square matrices, their axes the last two"
        )


def products(n: int) -> int:
    """How many products a power of 2 or more takes: NumPy squares, and multiplies where a bit is set."""
    return n.bit_length() + n.bit_count() - 2


def _product(a: Any, n: int) -> Any:
    """A power of 2 or more, by the products that NumPy makes, in its order."""
    if n == 3:
        return matmul(matmul(a, a), a)
    square, result = a, None
    while True:
        n, bit = divmod(n, 2)
        if bit:
            result = square if result is None else matmul(result, square)
        if not n:
            return result
        square = matmul(square, square)


def _of_another_kind(a: Any, kind: Kind, n: int) -> Any:
    """A power of an operand that is no array: of its kind, where products of two such operands are."""
    refuse_shape(a)
    if n < 0:
        return matrix_power(inv(a), -n)
    if n > 1:
        return _product(a, n)
    identity, make = kind.form.identity, kind.make
    if identity is not None and make is not None:
        return a if n == 1 else make(identity(kind.facts(a)), (a,))
    if n == 1:
        return np.asarray(a)
    result = np.empty(a.shape, a.dtype)
    result[...] = np.eye(a.shape[-1], dtype=a.dtype)
    return result
