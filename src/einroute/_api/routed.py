"""`routed`: arrays on which NumPy's own functions come to einroute.

Why a subclass of ndarray and nothing else.  A wrapper of its own type would take part in NEP 18 as well, but
it is no array to ``isinstance``, to compiled code and to the hundreds of functions and methods that dispatch
nothing; each of them would have to be handed on.  A subclass is an array everywhere, views the same memory,
slices and pickles by itself, and needs five methods.  What it pays for that: Python is asked at each ufunc.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from .._base.numpy_functions import numpy_einsum
from .._base.routed_operand import RoutedOperand, of_class, on_arrays, step_aside
from .._kinds.registry import KINDS, other_kind
from .._kinds.structured import Structured
from .functions import OURS
from .products import dot
from .routed_ufunc import as_a_subclass, wrap, wraps
from .ufuncs import matmul

__all__ = ["RoutedArray", "routed"]

ndarray = np.ndarray

_NO_ATTRIBUTES: Mapping[str, Any] = MappingProxyType({})
#: Types of operands that have no say in what class a result is of.
_SCALARS = frozenset({int, float, complex, bool, type(None), np.float64, np.int64})


class RoutedArray(RoutedOperand):
    """An array on which NumPy's einsum, tensordot, lstsq and their relatives come to einroute.

    Made by `routed`.
    """

    __slots__ = ()  # a `__dict__` would cost each result 60 ns

    @property
    def __dict__(self) -> Mapping[str, Any]:  # type: ignore[override]  # mypy takes it for object's
        """Empty: other classes, when they view an array of a subclass, look for what theirs have in it."""
        return _NO_ATTRIBUTES

    @classmethod
    def _has_own_say(cls) -> bool:
        return cls is not RoutedArray and (
            cls.__array_function__ is not RoutedArray.__array_function__
            or cls.__array_ufunc__ is not RoutedArray.__array_ufunc__
        )

    def __array_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Any, kwargs: Any
    ) -> Any:
        ours = OURS.get(func)
        for t in types:
            if not (t is RoutedArray or t is ndarray or _lets_us(self, t, "__array_function__", ours)):
                return step_aside(func, args, kwargs)
        if ours is None:
            return super().__array_function__(func, types, args, kwargs)
        if kwargs or (len(args) == 3 and func is not numpy_einsum):  # which may be an ``out``
            return on_arrays(ours, args, kwargs, self)
        plain = []  # on_arrays, in line: that takes 0.2 us less
        for x in args:
            plain.append(x.view(ndarray) if isinstance(x, RoutedArray) else x)
        result = ours(*plain)
        if type(result) is ndarray and type(self) is RoutedArray:
            return result.view(RoutedArray)
        return of_class(result, self)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        # Of operands with dimensions the result is an array, whatever its class: then plain views will do,
        # and take half the time.
        if not kwargs and method == "__call__" and self.ndim and ufunc.signature is None:
            plain = []
            for x in inputs:
                t = type(x)
                if t is RoutedArray:
                    plain.append(x.view(ndarray))
                elif t is ndarray or t in _SCALARS:
                    plain.append(x)
                else:
                    break
            else:
                return _routed(ufunc(*plain))
        return _any_ufunc(self, ufunc, method, inputs, kwargs)

    def __matmul__(self, other: Any) -> Any:
        if type(self) is RoutedArray:
            a = self.view(ndarray)
            if type(other) is ndarray:
                return _routed(matmul(a, other))
            if type(other) is RoutedArray:
                return _routed(matmul(a, other.view(ndarray)))
        if other_kind(other) is not None:  # scipy.sparse takes no part in NumPy's protocols
            return on_arrays(matmul, (self, other), {}, self)
        return super().__matmul__(other)

    def __rmatmul__(self, other: Any) -> Any:
        if type(self) is RoutedArray and type(other) is ndarray:
            return _routed(matmul(other, self.view(ndarray)))
        return super().__rmatmul__(other)

    def dot(self, b: Any, out: Any = None) -> Any:
        """``numpy.dot(self, b, out)``, by einroute."""
        return on_arrays(dot, (self, b) if out is None else (self, b, out), {}, self)


def _routed(result: Any) -> Any:
    if type(result) is ndarray:
        return result.view(RoutedArray)
    return tuple([_routed(x) for x in result]) if type(result) is tuple else result


def _any_ufunc(
    self: RoutedArray, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """`RoutedArray.__array_ufunc__`, but for the most common calls."""
    ours = OURS.get(ufunc) if method == "__call__" else None
    for x in (*inputs, *_outs(kwargs)):
        t = type(x)
        if t is RoutedArray or t is ndarray or t in _SCALARS:
            continue
        if not _lets_us(self, t, "__array_ufunc__", ours):
            return step_aside(getattr(ufunc, method), inputs, kwargs)
    if ours is not None:
        if "out" in kwargs:
            kwargs["out"] = kwargs["out"][0]
        elif wraps(self) and kwargs.get("subok", True):
            result = on_arrays(ours, inputs, kwargs | {"subok": False}, self)
            return wrap(self, np.asarray(result), (ufunc, inputs, 0), np.ndim(result) == 0)
        return on_arrays(ours, inputs, kwargs, self)
    return as_a_subclass(self, getattr(ufunc, method), inputs, kwargs)


def _outs(kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """Keyword arguments of a ufunc that take part in its dispatch."""
    return (*kwargs.get("out", ()), kwargs.get("where")) if kwargs else ()


def _lets_us(self: RoutedArray, t: type, protocol: str, ours: Callable[..., Any] | None) -> bool:
    """Whether an operand of type ``t`` leaves a call to us.

    Not if it has a way of its own.  A class derived from another one knows better than that one, and NumPy
    asks it first; operands that the router takes leave us the functions that we have.
    """
    own = getattr(t, protocol, None)
    if own in (None, getattr(ndarray, protocol), getattr(RoutedArray, protocol)) or isinstance(self, t):
        return True
    if issubclass(t, Structured):
        return True  # which is written out where nobody knows it, and has no class to give
    return ours is not None and not issubclass(t, ndarray) and KINDS.find(t) is not None


def routed(x: Any) -> RoutedArray:
    """An array on which NumPy's own functions come to einroute.

    `numpy.einsum`, `numpy.tensordot`, `numpy.linalg.lstsq` and the others that einroute has, ``@``,
    `numpy.matmul` and `numpy.vecdot` then do what einroute's do, and their array results are of the same
    class again.  All else is NumPy's, as for any subclass of ndarray.

    Parameters
    ----------
    x : array_like
        Not copied: the result views the memory of an array, and is writeable if that is.

    Returns
    -------
    RoutedArray
        A subclass of `numpy.ndarray`; `x` itself if it is one.

    Raises
    ------
    TypeError
        An operand that would lose something as a plain array (masked arrays, `numpy.matrix`, quantities with
        units, other subclasses but memmap), or that is no array (sparse and structured operands).

    See Also
    --------
    override : for code that makes its arrays itself.

    Notes
    -----
    Beside an operand of another class that has ``__array_function__`` or ``__array_ufunc__`` of its own, a
    routed array is a plain one; pydata/sparse's and einroute's own operands are taken.  `scipy.linalg` knows
    no such protocol: its functions take a routed array as a plain one.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> x = er.routed(np.eye(2))
    >>> np.einsum("ij,jk->ik", x, np.ones((2, 2)))
    RoutedArray([[1., 1.],
                 [1., 1.]])
    >>> (x @ x)[0], np.asarray(x)
    (RoutedArray([1., 0.]), array([[1., 0.],
           [0., 1.]]))
    """
    cls = type(x)
    if isinstance(x, RoutedArray):
        return x
    if cls is ndarray or isinstance(x, np.memmap):
        made: RoutedArray = x.view(RoutedArray)
        return made
    if isinstance(x, ndarray):
        raise TypeError(
            f"x is a {cls.__name__}, whose class would be lost; pass numpy.asarray(x) for its numbers alone"
        )
    other = other_kind(x)
    if other is not None and not isinstance(x, Structured):
        raise TypeError(
            f"x is a {cls.__name__}, expected an array; einroute's functions take it as "
            f"it is, and NumPy's beside a routed array"
        )
    if getattr(cls, "__array_function__", None) is not None:
        raise TypeError(
            f"x is a {cls.__name__}, which has its own say in NumPy's functions; pass numpy.asarray(x) to "
            f"make an array of it"
        )
    return np.asarray(x).view(RoutedArray)
