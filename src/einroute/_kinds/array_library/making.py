"""`einroute.rolled`, `one_hot` and `pairwise_difference` of a library's arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..meeting import refuse_masked
from ..registry import other_kind
from .library import ArrayLibrary
from .operands import ours

__all__ = ["Making"]


@dataclass(frozen=True, slots=True)
class Making:
    """What structured operands of a library's arrays are made by.

    Attributes
    ----------
    library : ArrayLibrary
    one_hot_class, rolled_class, difference_class : type
    check : callable
        ``(array, name)``: refuses an array that is not dense, or has no elements or no products.
    is_own : callable
        ``value -> bool``: whether a value is an array of the library.
    float_dtype : callable
        ``() -> dtype``: as which ``dtype=float`` is read, as the library has it.
    """

    library: ArrayLibrary
    one_hot_class: Any
    rolled_class: Any
    difference_class: Any
    check: Callable[[Any, str], None]
    is_own: Callable[[Any], bool]
    float_dtype: Callable[[], Any]

    def rolled(self, b: Any, k: int, *, axis: int = 0, step: int = 1) -> Any:
        """An array beside all its rollings.

        Raises
        ------
        TypeError
            `k`, `axis` or `step` is no int, or `b` is sparse or of a dtype without products.
        ValueError
            `k` is less than 1, or `axis` out of range.
        """
        self.check(b, "b")
        # Its checks, on an array of that shape that takes no memory.
        alone = np.broadcast_to(np.zeros((), np.int8), tuple(b.shape))
        checked = ours().rolled(alone, k, axis=axis, step=step)
        return self.rolled_class(b, checked.k, checked.axis, checked.step)

    def one_hot(self, labels: Any, depth: int, *, dtype: Any = float) -> Any:
        """Labels as a tensor of zeros and ones.

        Raises
        ------
        TypeError
            `labels` are no integers, `depth` is no int, the library has no products of `dtype`.
        ValueError
            `depth` is negative.
        """
        self.check(labels, "labels")
        checked = ours().one_hot(np.empty(0, np.int64), depth)
        if self.library.dtypes.of(labels).kind not in "iu":
            raise TypeError(
                f"labels have dtype {labels.dtype}, expected integers; convert them, to int64 say"
            )
        library = self.library
        made = self.float_dtype() if dtype is float else library.native(library.dtypes.named(dtype))
        return self.one_hot_class(labels, checked.depth, made)

    def pairwise_difference(self, x: Any, y: Any = None) -> Any:
        """Differences of all pairs of points, some in an array of the library.

        Raises
        ------
        TypeError
            No arrays of the library or NumPy's, dtypes without differences, two devices.
        ValueError
            No two axes each, or other numbers of features.
        """
        device = self._device(x, y)
        first = self._points(x, "x", device)
        second = first if y is None or y is x else self._points(y, "y", device)
        if first.shape[1] != second.shape[1]:
            raise ValueError(
                f"x has shape {tuple(first.shape)} and y has shape {tuple(second.shape)}, whose second axes "
                f"must have one size"
            )
        dtype = self.library.dtypes.promote([first, second])
        if dtype.kind == "b":
            raise TypeError(
                "x and y have dtype bool, of which there are no differences; convert them, to int64 say"
            )
        return self.difference_class(first, None if second is first else second, self.library.native(dtype))

    def _device(self, *values: Any) -> Any:
        places = {self.library.device_of(v) for v in values if self.is_own(v)} - {None}
        if len(places) > 1:
            one, other = sorted(map(str, places))
            raise TypeError(f"x and y are on devices {one} and {other}; move one of them yourself")
        return next(iter(places), None)

    def _points(self, value: Any, name: str, device: Any) -> Any:
        """Points as an array of two axes."""
        if not self.is_own(value):
            if other_kind(value) is not None:
                called = self.library.called
                raise TypeError(
                    f"{name} is of type {type(value).__name__}, expected {called} or an array of NumPy's"
                )
            value = np.asanyarray(value)
            refuse_masked(name, value, self.library.name)
            value = self.library.from_numpy(np.asarray(value), device)
        self.check(value, name)
        if value.ndim != 2:
            mend = "; pass one feature as a column, x[:, None]" if value.ndim == 1 else ""
            raise ValueError(
                f"{name} has shape {tuple(value.shape)}, expected two axes, (points, features){mend}"
            )
        return value
