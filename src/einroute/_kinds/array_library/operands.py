"""Structured operands of a library's arrays: rolled, one-hot and pairwise differences.

einroute's functions take them by their structure; ``written`` gives them as arrays of the library.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, ClassVar

import numpy as np

from .library import ArrayLibrary

__all__ = ["ArrayOperand", "DifferenceOf", "OneHotOf", "RolledOf", "StructuredCalls", "alike", "ours"]


def ours() -> Any:
    """The package with the public functions."""
    return importlib.import_module(__package__.partition(".")[0])


@dataclass(frozen=True, slots=True)
class StructuredCalls:
    """The calls of a library that its structured operands are made of, beside those of contractions.

    Attributes
    ----------
    library : ArrayLibrary
    counted : callable
        ``(n, array) -> array``: the integers below n, on the device of an array.
    take : callable
        ``(array, indices, axis) -> array``: slices at indices, an array of any shape.
    concatenate, stack : callable
        ``(arrays, axis) -> array``.
    conj : callable
    added_at : callable
        ``(array, places, count) -> array``: slices along the first axis, each added at its place, of so many.
    fft : module
        The library's transforms, with the names and the order of arguments of `numpy.fft`.
    windows : callable or None
        ``(array, axis, size, count, step) -> array``: a view whose entry i, j of two axes of these lengths in
        place of one is entry ``i + step * j``; None where there are no views.
    """

    library: ArrayLibrary
    counted: Callable[[int, Any], Any]
    take: Callable[[Any, Any, int], Any]
    concatenate: Callable[[Sequence[Any], int], Any]
    stack: Callable[[Sequence[Any], int], Any]
    conj: Callable[[Any], Any]
    added_at: Callable[[Any, Any, int], Any]
    fft: Any
    windows: Callable[[Any, int, int, int, int], Any] | None = None


class ArrayOperand:
    """A tensor known by its structure and by a library's arrays.

    Attributes
    ----------
    arrays : tuple
        What it refers to.
    given : tuple
        The arguments that it has beside arrays.
    shape : tuple of int
    dtype : dtype
        As the library has it.
    """

    __slots__ = ("arrays", "dtype", "given", "shape")

    name: ClassVar[str]
    calls: ClassVar[StructuredCalls]
    shape: tuple[int, ...]
    dtype: Any
    arrays: tuple[Any, ...]
    given: tuple[Any, ...]

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def device(self) -> Any:
        """Where its elements are."""
        return self.calls.library.device_of(self.arrays[0])

    @staticmethod
    def shape_of(shapes: Any, given: tuple[Any, ...]) -> tuple[int, ...]:
        """The shape, from those of the arrays."""
        raise NotImplementedError

    def structure(self) -> tuple[Any, ...]:
        """What a plan depends on beside shape and dtype."""
        return (self.name, *self.given)

    def signature(self) -> Hashable:
        """What a bound plan depends on."""
        arrays = tuple((tuple(x.shape), x.dtype) for x in self.arrays)
        return type(self), self.given, self.dtype, arrays, self.device

    def written(self) -> Any:
        """The tensor as an array."""
        raise NotImplementedError

    def of(self, arrays: tuple[Any, ...]) -> Any:
        """The same structure of other arrays."""
        made = object.__new__(type(self))
        made.arrays, made.given = arrays, self.given
        made.shape, made.dtype = self.shape, self.dtype
        return made

    def conj(self) -> Any:
        """The complex conjugate; itself where it is real."""
        if self.calls.library.dtypes.of(self).kind != "c":
            return self
        return self.of(tuple(map(self.calls.conj, self.arrays)))

    def __getitem__(self, index: Any) -> Any:
        return self.written()[index]

    def __matmul__(self, other: Any) -> Any:
        return ours().matmul(self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return ours().matmul(other, self)

    def __repr__(self) -> str:
        of = self.calls.library.called.partition(" ")[2]
        arrays = ", ".join(f"<{of} of shape {tuple(getattr(x, 'shape', '?'))}>" for x in self.arrays)
        given = "".join(f", {value}" for value in self.given)
        return f"{self.name}({arrays}{given}, dtype={self.dtype})"


def alike(x: Any, y: Any) -> bool:
    """Whether two operands are one tensor: of the same arrays, in the same structure."""
    return x is y or (
        type(x) is type(y)
        and x.given == y.given
        and x.dtype == y.dtype
        and len(x.arrays) == len(y.arrays)
        and all(a is b for a, b in zip(x.arrays, y.arrays, strict=True))
    )


class OneHotOf(ArrayOperand):
    """``labels[..., None] == arange(depth)``."""

    __slots__ = ()
    name: ClassVar[str] = "one_hot"

    def __init__(self, labels: Any, depth: int, dtype: Any) -> None:
        self.arrays, self.given, self.dtype = (labels,), (depth,), dtype
        self.shape = self.shape_of([labels.shape], self.given)

    @staticmethod
    def shape_of(shapes: Any, given: tuple[Any, ...]) -> tuple[int, ...]:
        """That of the labels, then the depth."""
        return (*shapes[0], given[0])

    @property
    def labels(self) -> Any:
        """The labels."""
        return self.arrays[0]

    @property
    def depth(self) -> int:
        """How many classes there are."""
        depth: int = self.given[0]
        return depth

    def conj(self) -> Any:
        """Itself."""
        return self

    def written(self) -> Any:
        """The tensor as an array."""
        library = self.calls.library
        labels = library.cast(self.labels, library.dtypes.named("int64"))
        same = labels[..., None] == self.calls.counted(self.depth, labels)
        return library.cast(same, library.dtypes.of(self))


class RolledOf(ArrayOperand):
    """``b[(i + step * j) % d]`` along an axis of length d, which becomes two."""

    __slots__ = ()
    name: ClassVar[str] = "rolled"

    def __init__(self, base: Any, k: int, axis: int, step: int) -> None:
        self.arrays, self.given, self.dtype = (base,), (k, axis, step), base.dtype
        self.shape = self.shape_of([base.shape], self.given)

    @staticmethod
    def shape_of(shapes: Any, given: tuple[Any, ...]) -> tuple[int, ...]:
        """That of the array, with k after the axis."""
        k, axis, _ = given
        return (*shapes[0][: axis + 1], k, *shapes[0][axis + 1 :])

    @property
    def base(self) -> Any:
        """The array that is rolled."""
        return self.arrays[0]

    def written(self) -> Any:
        """The tensor as an array: windows of the base beside itself, or a copy where they lie far apart."""
        k, axis, step = self.given
        calls, base = self.calls, self.base
        d = base.shape[axis]
        if not d:
            return calls.library.reshape(base, self.shape)  # of no elements
        step %= d
        last = step * (k - 1)
        if calls.windows is None or last > 4 * d:
            at = (np.arange(d)[:, None] + step * np.arange(k)) % d
            found = calls.take(base, calls.library.from_numpy(at.reshape(-1), self.device), axis)
            return calls.library.reshape(found, self.shape)
        whole, rest = divmod(d + last, d)
        beside = calls.concatenate([base] * whole + [part(base, axis, 0, rest)] * (rest > 0), axis)
        return calls.windows(beside, axis, d, k, step)


class DifferenceOf(ArrayOperand):
    """``x[i, k] - y[j, k]``; one array where a set of points is compared with itself."""

    __slots__ = ()
    name: ClassVar[str] = "pairwise_difference"

    def __init__(self, x: Any, y: Any, dtype: Any) -> None:
        self.arrays, self.given, self.dtype = ((x,) if y is None else (x, y)), (), dtype
        self.shape = self.shape_of([v.shape for v in self.arrays], ())

    @staticmethod
    def shape_of(shapes: Any, _given: tuple[Any, ...]) -> tuple[int, ...]:
        """Points of either, then features."""
        return (shapes[0][0], shapes[-1][0], shapes[0][1])

    def structure(self) -> tuple[Any, ...]:
        """Whether points are compared with themselves."""
        return (self.name, len(self.arrays) == 1)

    def points(self) -> tuple[Any, Any]:
        """Both sets, in the dtype of the difference."""
        library = self.calls.library
        dtype = library.dtypes.of(self)
        return library.cast(self.arrays[0], dtype), library.cast(self.arrays[-1], dtype)

    def written(self) -> Any:
        """The tensor as an array."""
        x, y = self.points()
        return x[:, None, :] - y[None, :, :]


def part(x: Any, axis: int, start: int, length: int) -> Any:
    """A slice of an array along an axis."""
    return x[(slice(None),) * axis + (slice(start, start + length),)]
