"""The one-hot operand: a tensor of zeros with a one where each label says."""

from __future__ import annotations

from collections.abc import Collection
from math import prod
from typing import Any

import numpy as np

from ..._base.graphs import FUNCTIONS
from ..._native import CORE
from ..in_graph import in_graph
from ..registry import made_elsewhere
from ..structured import Array, Structured, as_array, index_like

_FLOAT = np.dtype(float)
#: Characters of the dtypes that the core adds up.
_ADDED = frozenset("?bBhHiIlLqQfdgFDG")
#: The largest length of an axis.
_LONGEST = np.iinfo(np.intp).max


class OneHot(Structured):
    """``labels[..., None] == arange(depth)``, never stored; made by `one_hot`.

    Attributes
    ----------
    labels : ndarray of int
        A view of the array referred to.
    depth : int
        Number of classes, the length of the last axis.
    """

    __slots__ = ("depth", "labels")

    kind = "one_hot"
    labels: Array
    depth: int

    def __init__(self, labels: Any, depth: Any, dtype: Any = float) -> None:
        if type(depth) is not int:
            depth = index_like(depth, "depth")
        if not 0 <= depth <= _LONGEST:
            raise ValueError(f"depth is {depth}, expected the number of classes, from 0 to {_LONGEST}")
        # What is checked here and filled in, `one_hot_of` of the core does in less time.
        # A view: what is done to the shape of the array that was given does not change this one.
        labels = labels.view() if type(labels) is np.ndarray else _labels(labels)
        if labels.dtype.kind not in "iu":
            raise TypeError(
                f"labels has dtype {labels.dtype}, expected integers; convert it, as in labels.astype(int)"
            )
        if dtype is float:
            dtype = _FLOAT
        else:
            dtype = np.dtype(dtype)
            if dtype.kind not in "biufc":
                raise TypeError(f"dtype is {dtype}, expected bools, integers, floats or complex numbers")
        put = object.__setattr__
        put(self, "labels", labels)
        put(self, "depth", depth)
        put(self, "dtype", dtype)
        put(self, "shape", (*labels.shape, depth))

    def references(self) -> tuple[Array, ...]:
        """The labels."""
        return (self.labels,)

    def signature(self) -> tuple[Any, ...]:
        """Facts of the labels, depth and dtype."""
        x = self.labels
        return OneHot, x.shape, x.dtype, x.strides, self.depth, self.dtype

    def written(self) -> Array:
        """Zeros and ones, of shape ``labels.shape + (depth,)``."""
        shape, given = self.shape, self.labels
        written = np.zeros(shape, self.dtype)
        native = self.dtype.isnative and given.dtype.isnative
        if CORE is not None and self.dtype.char in _ADDED and native and written.size:
            steps = tuple(prod(shape[k:]) for k in range(1, len(shape)))
            one = np.ones((), self.dtype)
            ones: Array = np.ndarray(given.shape, self.dtype, one, 0, (0,) * given.ndim)
            CORE.add_at((given,), (self.depth,), (1,), steps, ones, written.reshape(-1), 1)
            return written
        labels = np.array(given, np.int64).reshape(-1)  # a copy, which nobody changes meanwhile
        written = written.reshape(labels.size, self.depth)
        rows = np.flatnonzero(labels.view(np.uint64) < self.depth)
        written[rows, labels[rows]] = 1
        return written.reshape(shape)

    def part(self, axes: Collection[int], low: int, high: int) -> OneHot:
        """Some of the labels, some of the classes, or both; other classes become labels out of range."""
        own = tuple(slice(low, high) if n in axes else slice(None) for n in range(self.labels.ndim))
        labels, depth = self.labels[own], self.depth
        if self.labels.ndim in axes:
            labels = np.array(labels, np.int64)  # unsigned ones beyond that become negative: no class is
            labels[labels >= high] = -1
            labels -= low
            depth = high - low
        return OneHot(labels, depth, self.dtype)

    def __repr__(self) -> str:
        labels = self.labels
        return f"one_hot(<{labels.dtype} labels of shape {labels.shape}>, {self.depth}, dtype={self.dtype})"

    def __reduce__(self) -> tuple[Any, ...]:
        return OneHot, (self.labels, self.depth, self.dtype)


def one_hot(labels: Any, depth: int, *, dtype: Any = float) -> OneHot:
    """Labels as a tensor of zeros and ones, which takes no memory.

    The operand stands for ``labels[..., None] == arange(depth)``.  What is multiplied by it is looked up or
    added up by label: ``"tr->r"`` is a histogram, ``"tr,tc->rc"`` segment sums, ``"tr,rc->tc"`` a gather.

    Parameters
    ----------
    labels : array_like of int
        Of any shape. An array is referred to, not copied: what it holds when the operand is used counts.
    depth : int
        Number of classes, the length of the last axis; at least 0.
    dtype : dtype, optional
        Of the zeros and ones, which takes part in NumPy's promotion; default float64.

    Returns
    -------
    OneHot, shape (..., depth)
        An immutable operand of `einsum`, `tensordot`, `dot`, `inner` and `matmul`, here and in NumPy; any
        other function of NumPy's gets it written out.

    Raises
    ------
    TypeError
        `labels` are no integers (a mask is converted with ``mask.astype(int)``), `depth` is no int, or
        `dtype` has no arithmetic.
    ValueError
        `depth` is negative, or too large for an axis.

    Notes
    -----
    A label outside ``[0, depth)`` stands for a row of zeros.  Such rows are neither read nor computed with:
    ``nan`` or ``inf`` there does not reach the result, and neither does what is under another label.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> labels = np.array([0, 2, 2, -1])
    >>> np.asarray(er.one_hot(labels, 3))
    array([[1., 0., 0.],
           [0., 0., 1.],
           [0., 0., 1.],
           [0., 0., 0.]])
    >>> er.einsum("tr->r", er.one_hot(labels, 3, dtype=int))
    array([1, 0, 2])
    >>> er.einsum("tr,t->r", er.one_hot(labels, 3), np.array([1.0, 2.0, 3.0, np.nan]))
    array([1., 0., 5.])
    >>> er.einsum("tr,r->t", er.one_hot(labels, 3), np.array([10.0, 20.0, 30.0]))
    array([10., 30., 30.,  0.])
    """
    if type(labels) is np.ndarray:  # which is nobody else's
        made: OneHot | None
        made = CORE.one_hot_of(OneHot, labels, depth, _FLOAT) if dtype is float and CORE else None
        return OneHot(labels, depth, dtype) if made is None else made
    node = in_graph((labels,), structured=True)
    if node is not None:
        outside: OneHot = node("one_hot", labels, depth, **({} if dtype is float else {"dtype": dtype}))
        return outside
    elsewhere = made_elsewhere("one_hot", labels)
    return OneHot(labels, depth, dtype) if elsewhere is None else elsewhere(labels, depth, dtype=dtype)


FUNCTIONS["one_hot"] = one_hot


def _labels(labels: Any) -> Array:
    """Labels that came as something else than an array.

    Raises
    ------
    TypeError
        A subclass of array whose numbers mean more, or nothing that becomes an array of numbers.
    """
    array = as_array(labels, "labels")
    if not array.size and isinstance(labels, (list, tuple)):
        array = array.astype(int)  # NumPy takes an empty list for floats
    if array.dtype.kind == "O":
        raise TypeError(f"labels is of type {type(labels).__name__}, expected an array of integers")
    return array
