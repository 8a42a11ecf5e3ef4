"""What all structured operands share: facts, writing out, and NumPy's protocols."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from math import prod
from typing import Any, ClassVar

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from .._base.facts import Operand
from .._base.kinds import Form, Kind
from .._base.routed_operand import any_routed
from .._native import CORE
from .indexing import covered, shifted

Array = np.ndarray[Any, Any]

#: Forms that rewrites of structured operands hand on to; those of each other they know, too.
MET = frozenset({"dense", "entries"})
_FROZEN = "structured operands are immutable; make a new one"


class Protocols:
    """What NumPy's functions and ufuncs do with structured operands: the public functions put it in.

    Until then the protocols are not implemented, as for a class that knows nothing of them.
    """

    def __init__(self) -> None:
        self.array_function: Callable[..., Any] = _not_implemented
        self.array_ufunc: Callable[..., Any] = _not_implemented
        self.written_out: Callable[..., Any] = _not_implemented


def _not_implemented(*_: Any) -> Any:
    return NotImplemented


PROTOCOLS = Protocols()


class Structured(NDArrayOperatorsMixin):
    """A tensor known by its structure.

    Subclasses keep what they were made of in slots, and say how it is written out.  The arrays referred to
    may change between calls, so nothing is derived from them here.

    Attributes
    ----------
    kind : str
        The name of the operand kind, and of its module in ``_kinds``.
    shape : tuple of int
    dtype : numpy.dtype
    """

    __slots__ = ("dtype", "shape")

    kind: ClassVar[str]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def _set(self, **values: Any) -> None:
        """Fill slots; for constructors only."""
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"cannot set {name!r}: {_FROZEN}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"cannot delete {name!r}: {_FROZEN}")

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that the tensor would take if it were written out."""
        return self.size * self.dtype.itemsize

    @property
    def T(self) -> Any:  # noqa: N802 - NumPy's name
        """The axes in reverse order, written out, as ``numpy.transpose`` gives them."""
        return np.transpose(self)

    def __len__(self) -> int:
        return self.shape[0]

    def __bool__(self) -> bool:
        if self.size == 1:
            return bool(self.written())
        raise ValueError(
            f"the truth value of a {type(self).__name__} operand of shape {self.shape} is ambiguous; "
            f"reduce it first, as in numpy.any(x) or numpy.all(x)"
        )

    def __getitem__(self, index: Any) -> Any:
        """An element, or an array of its own: of what is asked for, nothing else is written out.

        By arrays and masks the whole tensor is indexed, written out.
        """
        bounds = covered(index, self.shape)
        if bounds is None:
            return np.asanyarray(PROTOCOLS.written_out(self))[index]
        x: Any = self
        for axis, (low, high) in enumerate(bounds):
            if (low, high) != (0, self.shape[axis]):
                x = x.part((axis,), low, high) if isinstance(x, Structured) else x[_within(axis, low, high)]
        if isinstance(x, Structured):
            x = PROTOCOLS.written_out(x)
        found = x[shifted(index, self.shape, bounds)]
        return found if not isinstance(found, np.ndarray) else np.array(found, order="C")

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        return value in PROTOCOLS.written_out(self)

    def __getattr__(self, name: str) -> Any:
        # Only what is not there is asked for here.
        mend = ""
        if not name.startswith("_") and hasattr(np.ndarray, name):
            mend = f"; write numpy.asarray(x).{name}, or pass the operand to the function of NumPy's"
        raise AttributeError(f"a {type(self).__name__} operand has no attribute {name!r}{mend}")

    def conj(self) -> Structured:
        """The complex conjugate, an operand of the same kind; itself where it is real."""
        return self if self.dtype.kind != "c" else self.conjugated()

    def conjugated(self) -> Structured:
        """The conjugate of a complex tensor."""
        return self

    def part(self, axes: Collection[int], low: int, high: int) -> Structured | Array:
        """What lies from ``low`` to before ``high`` on each of some axes: an operand, or an array.

        The array may share memory with itself and with what is referred to.
        """
        raise NotImplementedError

    def references(self) -> tuple[Array, ...]:
        """The arrays that the operand refers to."""
        raise NotImplementedError

    def signature(self) -> tuple[Any, ...]:
        """What a cached plan depends on: facts of the arrays referred to, and of the structure."""
        raise NotImplementedError

    def written(self) -> Array:
        """The tensor as an ordinary array, new and in C order."""
        raise NotImplementedError

    def small(self) -> Array | None:
        """The tensor as an array, made in a hurry, to be read at once; None where einsum of it differs."""
        return None

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        if copy is False:
            raise ValueError(
                f"a {type(self).__name__} operand cannot be made an array without a copy; drop copy=False"
            )
        array = self.written()
        return array if dtype is None else array.astype(dtype, copy=False)

    def __array_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        return PROTOCOLS.array_function(func, types, args, kwargs)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return PROTOCOLS.array_ufunc(ufunc, method, inputs, kwargs)


def _within(axis: int, low: int, high: int) -> tuple[slice, ...]:
    return (*(slice(None),) * axis, slice(low, high))


def as_array(x: Any, name: str) -> Array:
    """The array that an operand refers to: a view, whose shape and dtype nobody else can set.

    Raises
    ------
    TypeError
        A subclass of ndarray that has its own say in NumPy's functions: its numbers mean more.
    """
    kind = type(x)
    if kind is np.ndarray:
        return x.view()  # type: ignore[no-any-return]  # a view of an array is one
    if any_routed((x,)):
        return x.view(np.ndarray)  # type: ignore[no-any-return]
    if isinstance(x, np.ndarray) and (
        kind.__array_function__ is not np.ndarray.__array_function__
        or kind.__array_ufunc__ is not np.ndarray.__array_ufunc__
    ):
        raise TypeError(
            f"{name} is of type {kind.__name__}, whose numbers mean more than an array's; pass a plain array"
        )
    return np.asarray(x).view()


def index_like(value: Any, name: str) -> int:
    """An argument that must be an int, as one.

    Raises
    ------
    TypeError
        It is none.
    """
    try:
        return int(value.__index__())
    except (AttributeError, TypeError):
        raise TypeError(f"{name} is {value!r}, expected an int") from None


def structured_kind(
    cls: type[Structured],
    form: Form,
    facts: Callable[[Any], Operand],
    *,
    known_by: tuple[str, ...] = (),
    multiplied: bool = True,
) -> Kind:
    """The kind of a class of structured operands, whose form has rewrites.

    Parameters
    ----------
    known_by : tuple of str
        Attributes that say what `signature` says: arrays, ints and dtypes. By them the core looks calls up
        before Python sees them; without them Python does.
    multiplied : bool
        Every element of the tensor is multiplied, its zeros too.
    """
    if known_by and CORE is not None:
        CORE.know_operands(cls, known_by)
    return Kind(
        cls.kind,
        form,
        lambda other: issubclass(other, cls),
        facts,
        cls.signature,
        alike=_alike,
        references=cls.references,
        small=cls.small,
        written=cls.written if multiplied else None,
    )


def _alike(x: Structured, y: Any) -> bool:
    """Whether two structured operands stand for one tensor, whatever their arrays hold."""
    return y is x or (
        type(x) is type(y)
        and x.signature() == y.signature()
        and all(
            a is b or a.__array_interface__ == b.__array_interface__
            for a, b in zip(x.references(), y.references(), strict=True)
        )
    )
