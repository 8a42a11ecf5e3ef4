"""Structured operands whose arrays are dask arrays: rolled, one-hot and pairwise differences.

They take part in einroute's functions by their structure; any other function gets them written out, as dask
arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from math import prod
from typing import Any

import dask.array as da
import numpy as np
from dask.base import DaskMethodsMixin
from numpy.lib.mixins import NDArrayOperatorsMixin

from ..._base.facts import Operand
from .chunked import Chunked, known, lengths_of, size_of
from .parts import ours
from .sources import DifferenceSource, LabelsSource, RolledSource, Source

__all__ = ["NAME", "LazyOperand", "one_hot", "pairwise_difference", "rolled", "source_of"]

NAME = "dask"
#: NumPy's functions that take such operands by their structure, by name.
_ROUTED = frozenset(
    {"einsum", "tensordot", "dot", "inner", "matmul", "vecdot", "matvec", "vecmat", "outer", "vdot"}
)


@dataclass(frozen=True, slots=True)
class _Told:
    """Which operand of the kinds it is, and the arguments that it has beside arrays."""

    name: str
    given: tuple[tuple[str, Any], ...] = ()


class LazyOperand(DaskMethodsMixin, NDArrayOperatorsMixin):  # type: ignore[misc]  # dask has no types
    """A tensor known by its structure and by dask arrays.

    The registry finds its kind by the module of its base class, which is dask's.

    Attributes
    ----------
    told : _Told
    arrays : tuple of dask.array.Array
    dtype : dtype
    shape : tuple of int
    """

    __slots__ = ("arrays", "dtype", "told")

    told: _Told
    arrays: tuple[da.Array, ...]
    dtype: np.dtype[Any]

    def __init__(self, told: _Told, arrays: tuple[da.Array, ...], dtype: Any) -> None:
        self.told, self.arrays, self.dtype = told, arrays, np.dtype(dtype)

    def source(self, labels: str, arrays: tuple[da.Array, ...] | None = None) -> Source:
        """As an operand of a step."""
        cls = _SOURCES[self.told.name]
        return cls(labels, self.arrays if arrays is None else arrays, self.dtype, **dict(self.told.given))

    @property
    def chunks(self) -> tuple[tuple[Any, ...], ...]:
        """Chunks of what it stands for."""
        return self.source("").chunks()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(size_of(lengths) for lengths in self.chunks)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.chunks)

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    def facts(self) -> Operand:
        """What planning may know."""
        chunks = self.chunks
        structure = Chunked(
            tuple(lengths_of(own) for own in chunks),
            tuple(not known(own) for own in chunks),
            _behind(self.told, len(chunks)),
        )
        return Operand(self.shape, self.dtype, (), NAME, structure=structure)

    def signature(self) -> Hashable:
        """What a plan depends on."""
        return LazyOperand, self.told, self.dtype, tuple(x.chunks for x in self.arrays)

    def written(self) -> da.Array:
        """The tensor as a dask array."""
        labels = "abcdefghijklmnopqrstuvwxyz"[: self.ndim]
        return ours().einsum(f"{labels}->{labels}", self)

    # The protocol of dask collections, by what it is written out.
    __dask_optimize__ = staticmethod(da.Array.__dask_optimize__)
    __dask_scheduler__ = staticmethod(da.Array.__dask_scheduler__)

    def __dask_graph__(self) -> Any:
        return self.written().__dask_graph__()

    def __dask_keys__(self) -> Any:
        return self.written().__dask_keys__()

    def __dask_layers__(self) -> Any:
        return self.written().__dask_layers__()

    def __dask_postcompute__(self) -> Any:
        return self.written().__dask_postcompute__()

    def __dask_postpersist__(self) -> Any:
        return self.written().__dask_postpersist__()

    def to_dask_array(self, **_: Any) -> da.Array:
        """The tensor as a dask array, for ``da.asarray``, which computes nothing then."""
        return self.written()

    def conj(self) -> LazyOperand:
        """The complex conjugate; itself where it is real."""
        if self.dtype.kind != "c":
            return self
        return LazyOperand(self.told, tuple(x.conj() for x in self.arrays), self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return np.asarray(self.written(), dtype=dtype)

    def __getitem__(self, index: Any) -> da.Array:
        return self.written()[index]

    def __repr__(self) -> str:
        given = "".join(f", {name}={value}" for name, value in self.told.given)
        arrays = ", ".join(f"<dask array of shape {x.shape}>" for x in self.arrays)
        return f"{self.told.name}({arrays}{given})"

    def __array_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if func.__name__ in _ROUTED:
            return getattr(ours(), func.__name__)(*args, **kwargs)
        return func(*map(_written, args), **{name: _written(x) for name, x in kwargs.items()})

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and ufunc.__name__ in _ROUTED:
            return getattr(ours(), ufunc.__name__)(*inputs, **kwargs)
        return getattr(ufunc, method)(*map(_written, inputs), **kwargs)

    def compute(self, **kwargs: Any) -> Any:
        """The tensor as an array."""
        return self.written().compute(**kwargs)

    def persist(self, **kwargs: Any) -> da.Array:
        """The tensor as a dask array whose chunks are computed."""
        return self.written().persist(**kwargs)

    def visualize(self, *args: Any, **kwargs: Any) -> Any:
        """A picture of the graph of the tensor written out."""
        return self.written().visualize(*args, **kwargs)

    def __dask_tokenize__(self) -> Any:
        return (self.told.name, self.told.given, tuple(x.name for x in self.arrays), str(self.dtype))


_SOURCES: dict[str, Callable[..., Source]] = {
    "rolled": RolledSource,
    "one_hot": LabelsSource,
    "pairwise_difference": DifferenceSource,
}


def _behind(told: _Told, ndim: int) -> tuple[tuple[int, ...], ...]:
    """The axes of each array behind an operand."""
    if told.name == "pairwise_difference":
        return ((0, 2), (1, 2))
    added = ndim - 1 if told.name == "one_hot" else dict(told.given)["axis"] + 1
    return (tuple(axis for axis in range(ndim) if axis != added),)


def _written(x: Any) -> Any:
    if isinstance(x, (list, tuple)):
        return type(x)(map(_written, x))
    return x.written() if isinstance(x, LazyOperand) else x


def _known(x: da.Array, axis: int, name: str) -> None:
    if not known(x.chunks[axis]):
        raise ValueError(
            f"{name} has chunks of unknown sizes along axis {axis}, which is rolled; call "
            f"{name}.compute_chunk_sizes() first"
        )


def rolled(b: da.Array, k: int, *, axis: int = 0, step: int = 1) -> LazyOperand:
    """A dask array beside all its rollings; each task reads chunks and what lies around them.

    Raises
    ------
    TypeError
        ``b`` has chunks that are no NumPy arrays; ``k``, ``axis`` or ``step`` is no int.
    ValueError
        ``k`` is less than 1; sizes along the axis are not known.
    """
    if type(b._meta) is not np.ndarray:
        raise TypeError(
            f"b has chunks of type {type(b._meta).__name__}, expected NumPy arrays; convert them with "
            f"b.map_blocks(lambda x: x.todense())"
        )
    # Its checks of k, axis and step, on an array of that shape that takes no memory.
    size = tuple(0 if not known(own) else sum(own) for own in b.chunks)
    checked = ours().rolled(np.broadcast_to(np.zeros((), b.dtype), size), k, axis=axis, step=step)
    _known(b, checked.axis, "b")
    given = (("k", checked.k), ("axis", checked.axis), ("step", checked.step))
    return LazyOperand(_Told("rolled", given), (b,), b.dtype)


def one_hot(labels: da.Array, depth: int, *, dtype: Any = float) -> LazyOperand:
    """Labels in a dask array as a tensor of zeros and ones; each task reads chunks of labels.

    Raises
    ------
    TypeError
        ``labels`` are no integers, ``depth`` is no int, ``dtype`` has no arithmetic.
    ValueError
        ``depth`` is negative.
    """
    checked = ours().one_hot(np.empty((0,), labels.dtype), depth, dtype=dtype)
    return LazyOperand(_Told("one_hot", (("depth", checked.depth),)), (labels,), checked.dtype)


def pairwise_difference(x: Any, y: Any = None) -> LazyOperand:
    """Differences of all pairs of points, some in a dask array; each task reads a pair of chunks.

    Raises
    ------
    TypeError
        Dtypes without differences.
    ValueError
        No two axes each, or other numbers of features.
    """
    first = _dask(x)
    second = first if y is None else _dask(y)
    empty = [np.empty((0,) * a.ndim, a.dtype) for a in (first, second)]
    checked = ours().pairwise_difference(empty[0], empty[1])
    features = [size_of(a.chunks[1]) for a in (first, second)]
    if features[0] != features[1]:
        raise ValueError(
            f"x has shape {first.shape} and y has shape {second.shape}, whose second axes must have one size"
        )
    return LazyOperand(_Told("pairwise_difference"), (first, second), checked.dtype)


def _dask(x: Any) -> da.Array:
    return x if isinstance(x, da.Array) else da.from_array(np.asarray(x), chunks=-1)


def source_of(x: Any, labels: str) -> Source | None:
    """A structured operand of this process's arrays, as an operand of a step; None where it is none."""
    name = getattr(type(x), "kind", None)
    if name == "rolled":
        return rolled(_dask(x.base), x.k, axis=x.axis, step=x.step).source(labels)
    if name == "one_hot":
        return one_hot(_dask(x.labels), x.depth, dtype=x.dtype).source(labels)
    if name == "difference":
        first = _dask(x.x)
        return pairwise_difference(first, None if x.y is x.x else _dask(x.y)).source(labels)
    return None
