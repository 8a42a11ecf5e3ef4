"""The rolled operand: an array beside all its rollings along one axis."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..._base.graphs import FUNCTIONS
from ..._native import CORE
from ..in_graph import in_graph
from ..registry import made_elsewhere
from ..structured import Array, Structured, as_array, index_like

#: The largest length of an axis, and the most bytes of an array.
_LONGEST = np.iinfo(np.intp).max


class Rolled(Structured):
    """``b[(i + step*j) % d]`` for the indices i, j of two axes that stand for one of b's; made by `rolled`.

    Attributes
    ----------
    base : ndarray
        A view of the array referred to.
    k : int
        How many rollings there are.
    axis : int
        Of `base`, from the left: axes `axis` and `axis + 1` of the operand stand for it.
    step : int
        As it was given.
    shift : int
        The step of least size that does the same.
    """

    __slots__ = ("axis", "base", "k", "shift", "step")

    kind = "rolled"
    base: Array
    k: int
    axis: int
    step: int
    shift: int

    def __init__(self, base: Any, k: Any, axis: Any = 0, step: Any = 1) -> None:
        # A view: what is done to the shape of the array that was given does not change this one.
        base = base.view() if type(base) is np.ndarray else _base(base)
        if not type(k) is type(axis) is type(step) is int:
            k, axis, step = index_like(k, "k"), index_like(axis, "axis"), index_like(step, "step")
        if k < 1:
            raise ValueError(f"k is {k}, expected at least 1: as many rollings as there are to be")
        shape = base.shape
        if (base.nbytes or 1) * k > _LONGEST:
            raise ValueError(
                f"k is {k}, with which the operand has more than the {_LONGEST} bytes that an array may "
                f"have; pass a smaller k"
            )
        ndim = len(shape)
        if not -ndim <= axis < ndim:
            raise np.exceptions.AxisError(axis, ndim, f"axis of b, whose shape is {base.shape}")
        if axis < 0:
            axis += ndim
        put_base(self, base)
        put_k(self, k)
        put_axis(self, axis)
        put_step(self, step)
        put_shift(self, shortest(step, shape[axis]))
        put_dtype(self, base.dtype)
        put_shape(self, (*shape[: axis + 1], k, *shape[axis + 1 :]))

    def references(self) -> tuple[Array, ...]:
        """The base."""
        return (self.base,)

    def signature(self) -> tuple[Any, ...]:
        """Facts of the base, and how it is rolled."""
        b = self.base
        return Rolled, b.shape, b.dtype, b.strides, self.k, self.axis, self.shift

    def written(self) -> Array:
        """All rollings, new and in C order: `k` times the base."""
        d = self.base.shape[self.axis]
        if not d:
            return np.zeros(self.shape, self.dtype)
        j = np.arange(self.k) * self.shift % d
        rows = (np.arange(d)[:, None] + j) % d
        written: Array = np.take(self.base, rows, axis=self.axis)
        return written

    def small(self) -> Array:
        """All rollings, copied from a view of a few more slices than the base has where that is simple.

        In C order: in another NumPy's sums would overflow elsewhere.
        """
        base, k = self.base, self.k
        if self.step == 1 and self.axis == 0 and k <= len(base) and base.flags.c_contiguous:
            longer = np.concatenate((base, base[: k - 1]))
            strides = longer.strides
            return np.ndarray(self.shape, longer.dtype, longer, 0, (strides[0], *strides)).copy()
        return self.written()

    def conjugated(self) -> Rolled:
        """Of the base's conjugate."""
        return Rolled(self.base.conj(), self.k, self.axis, self.step)

    def part(self, axes: Collection[int], low: int, high: int) -> Rolled | Array:
        """Of the base's other axes, and of the rollings, an operand; of the rolled axis, an array."""
        cut, axis = slice(low, high), self.axis
        base, k = self.base, self.k
        own = (a for a in range(len(self.shape)) if a != axis + 1)
        base = base[tuple(cut if a in axes and a != axis else slice(None) for a in own)]
        if axis + 1 in axes:
            k = high - low
            if not k:
                d = 0 if axis in axes else base.shape[axis]
                return np.zeros((*base.shape[:axis], d, 0, *base.shape[axis + 1 :]), self.dtype)
            base = np.roll(base, -low * self.shift, axis)
        x = Rolled(base, k, axis, self.step)
        return x.rows(low, high) if axis in axes else x

    def rows(self, low: int, high: int) -> Array:
        """All rollings at the positions from ``low`` to before ``high`` of the rolled axis.

        A view that overlaps itself, of those slices of the base that it shows, where that is the smaller.
        """
        base, k, axis, shift = self.base, self.k, self.axis, self.shift
        d, count = base.shape[axis], high - low
        reach = abs(shift) * (k - 1)
        if not d or not count or count + reach > count * k:
            rows = (np.arange(low, high)[:, None] + np.arange(k) * shift) % max(1, d)
            taken: Array = np.take(base, rows, axis=axis)
            return taken
        first = low + min(0, shift * (k - 1))
        shown = np.take(base, np.arange(first, first + count + reach) % d, axis=axis)
        strides = (*shown.strides[: axis + 1], shift * shown.strides[axis], *shown.strides[axis + 1 :])
        origin = low - first
        shown = shown[(slice(None),) * axis + (slice(origin, None),)]
        shape = (*shown.shape[:axis], count, k, *shown.shape[axis + 1 :])
        return as_strided(shown, shape, strides, writeable=False)

    def __repr__(self) -> str:
        given = f"axis={self.axis}, step={self.step}"
        return f"rolled(<{self.dtype} array of shape {self.base.shape}>, {self.k}, {given})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Rolled, (self.base, self.k, self.axis, self.step)


# What fills the slots of an operand that is being made: nobody else may.
put_base, put_k, put_axis, put_step, put_shift, put_dtype, put_shape = (
    getattr(Rolled, name).__set__ for name in ("base", "k", "axis", "step", "shift", "dtype", "shape")
)


def rolled(b: Any, k: int, *, axis: int = 0, step: int = 1) -> Rolled:
    """An array beside all its rollings, as an operand that takes no memory.

    An axis of length d becomes two, of lengths d and k, whose entry ``[i, j]`` is ``b[(i + step*j) % d]``.

    Parameters
    ----------
    b : array_like, shape (..., d, ...)
        Referred to, not copied: what it holds when the operand is used counts.
    k : int
        Number of rollings, at least 1; it may exceed d.
    axis : int, optional
        The axis that is rolled; from the end, if negative.
    step : int, optional
        By how much each rolling differs from the one before; any int.

    Returns
    -------
    Rolled, shape (..., d, k, ...)
        An immutable operand of `einsum`, `tensordot`, `dot`, `inner` and `matmul`, here and in NumPy; any
        other function of NumPy's gets it written out.

    Raises
    ------
    TypeError
        `k`, `axis` or `step` is no int; `b` is of a type that is no array.
    ValueError
        `k` is less than 1, or so large that no array could hold the rollings.
    numpy.exceptions.AxisError
        `b` has no such axis.

    See Also
    --------
    numpy.roll : one rolling; ``rolled(b, k)[:, j]`` is ``np.roll(b, -step*j, axis=0)``.
    scipy.linalg.circulant : ``rolled(b, len(b), step=-1)``, written out.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> b = np.array([10, 20, 30])
    >>> np.asarray(er.rolled(b, 2))
    array([[10, 20],
           [20, 30],
           [30, 10]])

    A circular convolution, without its matrix:

    >>> er.einsum("ij,j->i", er.rolled(b, 3, step=-1), np.array([1, 1, 0]))
    array([40, 30, 50])
    """
    if type(b) is np.ndarray:  # which is nobody else's
        return _of_array(b, k, axis, step)
    node = in_graph((b,), structured=True)
    if node is not None:
        outside: Rolled = node("rolled", b, k, axis=axis, step=step)
        return outside
    elsewhere = made_elsewhere("rolled", b)
    made: Rolled = Rolled(b, k, axis, step) if elsewhere is None else elsewhere(b, k, axis=axis, step=step)
    return made


FUNCTIONS["rolled"] = rolled


def _of_array(b: Any, k: Any, axis: Any, step: Any) -> Rolled:
    """An operand, made by the core where the arguments are as they should be."""
    made: Rolled | None = CORE.rolled_of(Rolled, b, k, axis, step) if CORE else None
    return Rolled(b, k, axis, step) if made is None else made


def shortest(step: int, d: int) -> int:
    """The step of least size that rolls an axis of length d as `step` does; of two, the positive one."""
    if d < 2:
        return 0
    step %= d
    return step if 2 * step <= d else step - d


def _base(b: Any) -> Array:
    """What NumPy makes of an array-like."""
    if not isinstance(b, (np.ndarray, list, tuple, int, float, complex, np.generic)):
        raise TypeError(f"b is of type {type(b).__name__}, expected an array; convert it with numpy.asarray")
    return as_array(b, "b")
