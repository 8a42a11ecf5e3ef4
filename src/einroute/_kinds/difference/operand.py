"""The pairwise difference of two sets of points: a tensor of three axes, never stored."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from ..._base.graphs import FUNCTIONS
from ..in_graph import in_graph
from ..registry import made_elsewhere
from ..structured import Array, Structured, as_array


class PairwiseDifference(Structured):
    """``x[:, None] - y[None]``, never stored; made by `pairwise_difference`.

    Attributes
    ----------
    x, y : ndarray
        Views of the points, of shapes (n, d) and (m, d); ``y is x`` where only one set was given.
    """

    __slots__ = ("x", "y")

    kind = "difference"
    x: Array
    y: Array

    def __init__(self, x: Any, y: Any = None) -> None:
        given, x = x, _points(x, "x")
        y = x if y is None or y is given else _points(y, "y")
        if x.shape[1] != y.shape[1]:
            raise ValueError(
                f"x has {x.shape[1]} features (shape {x.shape}) and y has {y.shape[1]} (shape {y.shape}); "
                f"pass points with the same number of columns"
            )
        if x.dtype.kind == "b" and y.dtype.kind == "b":
            raise TypeError(
                "x and y are both boolean, which numpy.subtract refuses; convert them, as in x.astype(float)"
            )
        put = object.__setattr__
        put(self, "x", x)
        put(self, "y", y)
        put(self, "dtype", _difference_dtype(x.dtype, y.dtype))
        put(self, "shape", (len(x), *y.shape))

    def references(self) -> tuple[Array, ...]:
        """The points."""
        return (self.x,) if self.y is self.x else (self.x, self.y)

    def signature(self) -> tuple[Any, ...]:
        """Facts of the points; whether there is one set of them or two."""
        x, y = self.x, self.y
        if y is x:
            return PairwiseDifference, x.shape, x.dtype, x.strides
        return PairwiseDifference, x.shape, x.dtype, x.strides, y.shape, y.dtype, y.strides

    def written(self) -> Array:
        """The differences, shape (n, m, d)."""
        written: Array = np.subtract(self.x[:, None], self.y[None], order="C")
        return written

    def conjugated(self) -> PairwiseDifference:
        """Of the conjugates of the points."""
        x = self.x.conj()
        return PairwiseDifference(x, None if self.y is self.x else self.y.conj())

    def part(self, axes: Collection[int], low: int, high: int) -> PairwiseDifference:
        """Of some of the points, or in some of the features."""
        own = slice(low, high)
        features = own if 2 in axes else slice(None)
        x = self.x[own if 0 in axes else slice(None), features]
        alone = self.y is self.x and (0 in axes) == (1 in axes)
        return PairwiseDifference(x, None if alone else self.y[own if 1 in axes else slice(None), features])

    def __repr__(self) -> str:
        first = f"<points of shape {self.x.shape}>"
        second = "" if self.y is self.x else f", <points of shape {self.y.shape}>"
        return f"pairwise_difference({first}{second}, dtype={self.dtype})"

    def __reduce__(self) -> tuple[Any, ...]:
        return PairwiseDifference, self.references()


def _points(value: Any, name: str) -> Array:
    """Points as an array of two axes and a dtype with arithmetic.

    Raises
    ------
    ValueError
        Another number of axes.
    TypeError
        No array, or a dtype that is no number.
    """
    cls = type(value)
    # A view: what is done to the shape of the array that was given does not change this one.
    value = as_array(value, name)
    if cls is not np.ndarray and value.dtype.kind not in "biufc":
        raise TypeError(
            f"{name} is of type {cls.__name__}, expected an array of numbers of shape (points, features)"
        )
    if value.dtype.kind not in "biufc":
        raise TypeError(f"{name} has dtype {value.dtype}, expected numbers; convert it with astype")
    if value.ndim != 2:
        mend = "; pass one feature as a column, x[:, None]" if value.ndim == 1 else ""
        raise ValueError(f"{name} has shape {value.shape}, expected two axes, (points, features){mend}")
    points: Array = value
    return points


def _difference_dtype(x: np.dtype[Any], y: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that ``numpy.subtract`` gives."""
    if x == y:
        return x if x.isnative else x.newbyteorder("=")
    return np.subtract.resolve_dtypes((x, y, None))[2]


def pairwise_difference(x: Any, y: Any = None) -> PairwiseDifference:
    """Differences of all pairs of points, as an operand of `einsum` and `tensordot` that is never stored.

    The operand stands for ``d[i, j, k] = x[i, k] - y[j, k]``.  Squared forms of it, as ``"ijk,ijk->ij"`` and
    ``"ijk,kl,ijl->ij"``, become one matrix product of the points, transformed by a factor of the metric;
    whatever else is done with it is done in blocks.

    Parameters
    ----------
    x : array_like, shape (n, d)
        Points, in rows.  An array is referred to, not copied: what it holds when the operand is used counts.
    y : array_like, shape (m, d), optional
        Other points; `x` itself by default.  Then squared forms are exactly symmetric with a zero diagonal,
        and linear ones exactly antisymmetric.

    Returns
    -------
    PairwiseDifference
        Of shape (n, m, d), and of the dtype that ``numpy.subtract(x, y)`` has.

    Raises
    ------
    ValueError
        `x` or `y` has not two axes, or they have different numbers of features.
    TypeError
        `x` or `y` is no array of numbers, or both are boolean.

    Notes
    -----
    Each entry of a squared form with a metric M is within ``64 * eps * sum_kl |d_k| |M_kl| |d_l|`` of the
    exact form of the differences, also where the points are large and close together.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> x, y = np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 4.0]])
    >>> d = er.pairwise_difference(x, y)
    >>> d.shape
    (2, 1, 2)
    >>> er.einsum("ijk,ijk->ij", d, d)
    array([[16.],
           [ 9.]])
    >>> m = np.array([[2.0, 0.0], [0.0, 1.0]])
    >>> er.einsum("ijk,kl,ijl->ij", d, m, d)
    array([[16.],
           [18.]])
    """
    if type(x) is np.ndarray and (y is None or type(y) is np.ndarray):
        return PairwiseDifference(x, y)  # which is nobody else's
    node = in_graph((x, y), structured=True)
    if node is not None:
        outside: PairwiseDifference = node("pairwise_difference", x, y)
        return outside
    elsewhere = made_elsewhere("pairwise_difference", x, y)
    made: PairwiseDifference = PairwiseDifference(x, y) if elsewhere is None else elsewhere(x, y)
    return made


FUNCTIONS["pairwise_difference"] = pairwise_difference
