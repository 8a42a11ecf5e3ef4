"""tensordot, matmul, outer and vecdot as numpy.linalg has them: other signatures, fewer options."""

from __future__ import annotations

from typing import Any

from .._base.numpy_functions import numpy_linalg_matmul, numpy_linalg_tensordot
from .._base.routed_operand import any_routed, on_arrays
from .._base.signature import signed_as
from .._base.watch import WATCH, to_observe
from .._call.fallback import check_fallback
from .._call.observe import observe
from .._call.operands import ndarray
from .._call.pairs import LINALG_MATMUL, LINALG_OUTER, LINALG_VECDOT
from .._call.products import worth
from .._kinds.registry import any_other, kind_of
from .._native.functions import found_by_core
from .einsum import tensordot, tensordot_runner
from .products import outer

__all__ = ["linalg_matmul", "linalg_outer", "linalg_tensordot", "linalg_vecdot"]


def _linalg_tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    """Never called: bears a signature."""


@found_by_core("tensordot", tensordot_runner)
@signed_as(_linalg_tensordot)
def linalg_tensordot(*args: Any, **kwargs: Any) -> Any:
    """`numpy.linalg.tensordot`: `tensordot` with ``axes`` by keyword.

    Parameters
    ----------
    x1, x2 : array_like
    axes : int or pair of sequences of int, optional

    Returns
    -------
    ndarray
    """
    if WATCH.on and to_observe():
        return observe(linalg_tensordot, args, kwargs)
    if any_routed(args):
        return on_arrays(linalg_tensordot, args, kwargs)
    if (
        len(args) == 2
        and kwargs.keys() <= {"axes"}
        and (any_other(args) or all(type(x) is ndarray or kind_of(x) is not None for x in args))
    ):
        return tensordot(*args, **kwargs)
    if WATCH.on:
        check_fallback("tensordot", args)
    return numpy_linalg_tensordot(*args, **kwargs)


@found_by_core("pair", LINALG_MATMUL.runner, numpys=LINALG_MATMUL.numpys)
def linalg_matmul(x1: Any, x2: Any, /) -> Any:
    """`numpy.linalg.matmul`: `matmul` without keywords.

    Parameters
    ----------
    x1, x2 : array_like

    Returns
    -------
    ndarray or scalar
    """
    if WATCH.on and to_observe():
        return observe(linalg_matmul, (x1, x2), {})
    if type(x1) is type(x2) is ndarray:
        if worth(x1, x2):
            return LINALG_MATMUL.of_arrays(x1, x2)
        return LINALG_MATMUL.watched(x1, x2) if WATCH.on else numpy_linalg_matmul(x1, x2)
    return LINALG_MATMUL.of_others(linalg_matmul, (x1, x2), {})


@found_by_core("pair", LINALG_OUTER.runner, numpys=LINALG_OUTER.numpys)
def linalg_outer(x1: Any, x2: Any, /) -> Any:
    """`numpy.linalg.outer`: `outer` of one-dimensional operands only.

    Parameters
    ----------
    x1, x2 : array_like, 1-D

    Returns
    -------
    ndarray
    """
    if WATCH.on and to_observe():
        return observe(linalg_outer, (x1, x2), {})
    if type(x1) is ndarray and type(x2) is ndarray and x1.ndim == x2.ndim == 1:
        return outer(x1, x2)
    return LINALG_OUTER.of_others(linalg_outer, (x1, x2), {})


def _linalg_vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Never called: bears a signature."""


@found_by_core("pair", LINALG_VECDOT.runner, numpys=LINALG_VECDOT.numpys)
@signed_as(_linalg_vecdot)
def linalg_vecdot(*args: Any, **kwargs: Any) -> Any:
    """`numpy.linalg.vecdot`: `vecdot` with ``axis`` by keyword.

    Parameters
    ----------
    x1, x2 : array_like
    axis : int, optional

    Returns
    -------
    ndarray or scalar
    """
    if WATCH.on and to_observe():
        return observe(linalg_vecdot, args, kwargs)
    if WATCH.on and not kwargs and len(args) == 2 and type(args[0]) is type(args[1]) is ndarray:
        return LINALG_VECDOT.watched(*args)
    return LINALG_VECDOT.of_others(linalg_vecdot, args, kwargs)


_OF_LINALG = {
    "tensordot": linalg_tensordot,
    "matmul": linalg_matmul,
    "outer": linalg_outer,
    "vecdot": linalg_vecdot,
}
for _name, _function in _OF_LINALG.items():
    _function.__name__ = _function.__qualname__ = _name
    _function.__module__ = "einroute.linalg"  # where pickle finds them under these names
del _function, _name, _OF_LINALG
