"""dot, inner, vdot, outer and multi_dot with NumPy's signatures.

What they decide is in `_call.pairs`; calls of two plain arrays come first, as the hot path.
"""

from __future__ import annotations

from typing import Any

from .._base.numpy_functions import numpy_dot, numpy_inner, numpy_multi_dot, numpy_outer, numpy_vdot
from .._base.routed_operand import any_routed, on_arrays
from .._base.routes import Runner
from .._base.signature import signed_as
from .._base.watch import WATCH, to_observe
from .._call.fallback import check_fallback
from .._call.mixed_products import chain_of_others
from .._call.observe import observe
from .._call.operands import Array, ndarray
from .._call.pairs import DOT, INNER, OUTER, VDOT
from .._call.products import chain_terms, contract, is_chain, known, worth, worth_inner, worth_outer
from .._kinds.in_graph import in_graph
from .._kinds.registry import any_other
from .._native.functions import found_by_core

__all__ = ["dot", "inner", "multi_dot", "outer", "vdot"]


def _dot(a: Any, b: Any, out: Array | None = None) -> Any:
    """Never called: bears the signature of `dot` and of `outer`."""


@found_by_core("pair", DOT.runner, numpys=DOT.numpys)
@signed_as(_dot)
def dot(*args: Any, **kwargs: Any) -> Any:
    """Dot product of two operands: `numpy.dot`, with exact integer products through BLAS.

    Parameters
    ----------
    a, b : array_like
        The last axis of `a` is contracted with the last but one of `b` (its only one, if 1-D).
    out : ndarray, optional
        C-contiguous, of exactly the result's shape and dtype.

    Returns
    -------
    ndarray or scalar

    Raises
    ------
    ValueError
        Sizes that differ, an `out` that does not fit.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> er.dot(np.eye(2), np.array([1.0, 2.0]))
    array([1., 2.])
    """
    watched = WATCH.on
    if watched and to_observe():
        return observe(dot, args, kwargs)
    if not kwargs and len(args) == 2:
        a, b = args
        if type(a) is type(b) is ndarray:
            if worth(a, b):
                return DOT.of_arrays(a, b)
            if watched:
                return DOT.watched(a, b)
            return numpy_dot(a, b)
    return DOT.of_others(dot, args, kwargs)


@found_by_core("pair", INNER.runner, numpys=INNER.numpys)
def inner(a: Any, b: Any, /) -> Any:
    """Inner product over the last axes: `numpy.inner`, with exact integer products through BLAS.

    Parameters
    ----------
    a, b : array_like
        Whose last axes have one size.

    Returns
    -------
    ndarray or scalar
        Of shape ``a.shape[:-1] + b.shape[:-1]``.

    Raises
    ------
    ValueError
        Sizes that differ.

    Examples
    --------
    >>> import einroute as er
    >>> er.inner([1, 2], [3, 4])
    np.int64(11)
    """
    watched = WATCH.on
    if watched and to_observe():
        return observe(inner, (a, b), {})
    if type(a) is type(b) is ndarray:
        if worth_inner(a, b):
            return INNER.of_arrays(a, b)
        if watched:
            return INNER.watched(a, b)
        return numpy_inner(a, b)
    return INNER.of_others(inner, (a, b), {})


@found_by_core("pair", VDOT.runner, numpys=VDOT.numpys)
def vdot(a: Any, b: Any, /) -> Any:
    """Dot product of two operands taken as vectors, the first conjugated: `numpy.vdot`.

    Parameters
    ----------
    a, b : array_like
        Of one size; flattened.

    Returns
    -------
    scalar

    Raises
    ------
    ValueError
        Sizes that differ.

    Examples
    --------
    >>> import einroute as er
    >>> er.vdot([1j, 2], [1j, 2])
    np.complex128(5+0j)
    """
    watched = WATCH.on
    if watched and to_observe():
        return observe(vdot, (a, b), {})
    if type(a) is type(b) is ndarray:
        if watched:
            return VDOT.watched(a, b)
        return numpy_vdot(a, b)
    return VDOT.of_others(vdot, (a, b), {})


@found_by_core("pair", OUTER.runner, numpys=OUTER.numpys)
@signed_as(_dot)
def outer(*args: Any, **kwargs: Any) -> Any:
    """Outer product of two operands taken as vectors: `numpy.outer`, on all threads where it is large.

    Parameters
    ----------
    a, b : array_like
        Flattened.
    out : ndarray, shape (a.size, b.size), optional

    Returns
    -------
    ndarray, shape (a.size, b.size)

    Raises
    ------
    ValueError
        An `out` of another shape.

    Examples
    --------
    >>> import einroute as er
    >>> er.outer([1, 2], [3, 4])
    array([[3, 4],
           [6, 8]])
    """
    watched = WATCH.on
    if watched and to_observe():
        return observe(outer, args, kwargs)
    if not kwargs and len(args) == 2:
        a, b = args
        if type(a) is type(b) is ndarray:
            if worth_outer(a, b):
                return OUTER.of_arrays(a, b)
            if watched:
                return OUTER.watched(a, b)
            return numpy_outer(a, b)
    return OUTER.of_others(outer, args, kwargs)


def _chain_runner(arrays: Any) -> Runner | None:
    """What runs chains of plain arrays of the same facts, as far as that is known."""
    return known("multi_dot", tuple(arrays)) if is_chain(arrays) else None


@found_by_core("chain", _chain_runner, numpys=numpy_multi_dot)
def multi_dot(arrays: Any, *, out: Array | None = None) -> Any:
    """Product of a chain of matrices in the order that costs least: `numpy.linalg.multi_dot`.

    Parameters
    ----------
    arrays : sequence of array_like
        Two or more; 2-D, the first and the last may be 1-D.
    out : ndarray, optional
        C-contiguous, of exactly the result's shape and dtype.

    Returns
    -------
    ndarray or scalar

    Raises
    ------
    ValueError
        Fewer than two operands, sizes that differ.
    numpy.linalg.LinAlgError
        An operand of another number of dimensions.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> er.linalg.multi_dot([np.ones((2, 100)), np.ones((100, 3)), np.ones((3, 2))])
    array([[300., 300.],
           [300., 300.]])
    """
    watched = WATCH.on
    if watched and to_observe():
        return observe(multi_dot, (arrays,), {} if out is None else {"out": out})
    if out is None and is_chain(arrays):
        return contract(chain_terms(arrays), lambda: numpy_multi_dot(arrays))
    if isinstance(arrays, (list, tuple)):
        node = in_graph(arrays)
        if node is not None:
            return node("linalg.multi_dot", arrays)
        if any_routed((*arrays, out)):
            return on_arrays(_dot_of_all, (*arrays,), {} if out is None else {"out": out})
        if any_other(arrays):
            return chain_of_others(arrays, out)
        if watched:
            check_fallback("multi_dot", (*arrays, out), () if out is None else ("out",))
    return numpy_multi_dot(arrays, out=out) if out is not None else numpy_multi_dot(arrays)


def _dot_of_all(*arrays: Any, **out: Any) -> Any:
    return multi_dot(arrays, **out)
