"""A library of dense arrays, as far as contractions need it: its own calls, under one set of names."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._base.dtypes import DTypeRules
from ..._base.facts import DType
from ..._base.routes import Runner

__all__ = ["ArrayLibrary"]


def _same(dtype: DType, _summed: int, _device: Hashable) -> DType | None:
    return dtype


def _unchanged(run: Runner) -> Runner:
    return run


@dataclass(frozen=True, slots=True)
class ArrayLibrary:
    """The calls of a library that its routes are made of.

    None of them changes an operand, reads values, or moves elements between devices; `from_numpy` alone takes
    elements from the host.

    Attributes
    ----------
    name : str
        Of the library; also of its form, and what its routes' names begin with.
    called : str
        What messages call an array of it.
    dtypes : DTypeRules
        Of its promotion; dtypes that NumPy has are `numpy.dtype`, others `LibraryDType`.
    native : callable
        ``dtype -> object``: a dtype as the library's calls take it.
    device_of : callable
        ``array -> hashable``: where the elements are.
    at_hand : callable
        ``array -> bool``: whether values can be read here and now: no tracer, on the host.
    from_numpy : callable
        ``(ndarray, device) -> array``: of the same dtype.
    transpose : callable
        ``(array, axes) -> array``: axes in another order.
    reshape : callable
        ``(array, shape) -> array``: in C order.
    diagonal : callable
        ``(array, first, second) -> array``: of two axes, as the last axis.
    multiply : callable
        ``(array, array) -> array``: element by element, broadcast; of bools "and".
    sum : callable
        ``(array, axes) -> array``: in the dtype of the operand; of bools "or".
    matmul : callable
        ``(array, array) -> array``: stacks of matrices, or vectors without a stack, as `numpy.matmul`.
    stacked : callable or None
        The same of two stacks of matrices, three dimensions each, where that is another call.
    einsum : callable or None
        ``(subscripts, *arrays) -> array``: the library's own, of letters a to z and A to Z.
    cast : callable
        ``(array, dtype) -> array``: the array itself where it has that dtype.
    identity : callable
        ``(shape, dtype, device) -> array``: identity matrices along the last two axes.
    matmul_dtype : callable
        ``(dtype, summed, device) -> dtype or None``: the dtype in which `matmul` forms sums of so many
        products of a dtype exactly, or as exactly as in itself; None where it has none.
    in_order : callable or None
        ``(array, "C" or "F") -> array``: in that memory layout; None where layouts are not the user's.
    placed : callable
        ``run -> run``: runs what makes arrays where its operands are, of libraries with a current device.
    exactly : callable
        ``runner -> runner``: the same, computed in the dtypes of its operands, where the library may be told
        to compute in others.
    calls : float
        What a call of the library takes, in calls of NumPy's.
    eager : bool
        Whether a call is done when it returns, so that less memory traffic pays; of compiled programs all
        that counts is which operations are emitted.
    """

    name: str
    called: str
    dtypes: DTypeRules
    native: Callable[[DType], Any]
    device_of: Callable[[Any], Hashable]
    at_hand: Callable[[Any], bool]
    from_numpy: Callable[[np.ndarray[Any, Any], Hashable], Any]
    transpose: Callable[[Any, Sequence[int]], Any]
    reshape: Callable[[Any, Sequence[int]], Any]
    diagonal: Callable[[Any, int, int], Any]
    multiply: Callable[[Any, Any], Any]
    sum: Callable[[Any, Sequence[int]], Any]
    matmul: Callable[[Any, Any], Any]
    einsum: Callable[..., Any] | None
    cast: Callable[[Any, DType], Any]
    identity: Callable[[tuple[int, ...], DType, Any], Any]
    matmul_dtype: Callable[[DType, int, Hashable], DType | None] = _same
    in_order: Callable[[Any, str], Any] | None = None
    stacked: Callable[[Any, Any], Any] | None = None
    placed: Callable[[Runner], Runner] = _unchanged
    exactly: Callable[[Runner], Runner] = _unchanged
    calls: float = 3.0
    eager: bool = True
