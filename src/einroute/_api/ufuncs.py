"""matmul, matvec, vecmat and vecdot: ufuncs with routes before them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._base.numpy_functions import numpy_matmul, numpy_matvec, numpy_vecdot, numpy_vecmat
from .._base.routed_operand import any_routed, on_arrays
from .._base.watch import WATCH, to_observe
from .._call.fallback import check_fallback
from .._call.mixed_products import conjugated, product
from .._call.observe import observe
from .._call.product_labels import CONJUGATED
from .._call.products import FEW, batched_terms, contract, known, worth, worth_vectors
from .._call.understand import Array, ndarray
from .._kinds.registry import any_other

__all__ = ["RoutedUfunc", "matmul", "matvec", "vecdot", "vecmat"]


def _like_numpy_2_4(
    x1: Any,
    x2: Any,
    /,
    out: Any = None,
    *,
    axes: Any = np._NoValue,
    axis: Any = np._NoValue,
    keepdims: bool = False,
    casting: str = "same_kind",
    order: str = "K",
    dtype: Any = None,
    subok: bool = True,
    signature: Any = None,
) -> Any:
    """Never called: bears the signature of a generalized ufunc of two operands."""


class RoutedUfunc:
    """A ufunc with routes before it.

    Not a plain function: code keeps ``np.matmul`` as a class attribute (a function there would bind
    ``self``) and asks for ``signature``, ``nin`` and ``types``, so everything but the call is the ufunc's.
    """

    def __init__(self, ufunc: np.ufunc) -> None:
        self.__wrapped__ = ufunc
        self.__name__ = ufunc.__name__
        self.__qualname__ = ufunc.__name__
        self.__doc__ = ufunc.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        watched = WATCH.on
        if watched and to_observe():
            return observe(self, args, kwargs)
        if len(args) != 2 or not (type(args[0]) is type(args[1]) is ndarray):
            if "out" in kwargs:
                kwargs["out"] = _single(kwargs["out"])
            if any_routed((*args, kwargs.get("out"))):
                return on_arrays(self, args, kwargs)
            if any_other(args[:2]):
                return product(self.__name__, *_named_out(args, kwargs), **kwargs)
        if watched:
            check_fallback(self.__name__, (*args, kwargs.get("out")))
        return self.__wrapped__(*args, **kwargs)

    def _as_given(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A call with options, or with operands that are no plain arrays."""
        if "out" in kwargs:
            kwargs["out"] = _single(kwargs["out"])
        if any_routed((*args, kwargs.get("out"))):
            return on_arrays(self, args, kwargs)
        if any_other(args[:2]):
            return product(self.__name__, *_named_out(args, kwargs), **kwargs)
        if WATCH.on:
            check_fallback(self.__name__, (*args, kwargs.get("out")), _options(args, kwargs))
        return self.__wrapped__(*args, **kwargs)

    @property
    def __signature__(self) -> Any:
        """The ufunc's signature, which NumPy's ufuncs have to show from 2.4 on only."""
        import inspect  # noqa: PLC0415 - 8 ms, and only for those who ask

        try:
            return inspect.signature(self.__wrapped__)
        except ValueError:
            return inspect.signature(_like_numpy_2_4)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["__wrapped__"], name)

    def __repr__(self) -> str:
        return f"<einroute {self.__name__} over {self.__wrapped__!r}>"

    def __reduce__(self) -> str:
        return self.__name__


class _Matmul(RoutedUfunc):
    """`numpy.matmul`, with exact integer products through BLAS."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        watched = WATCH.on
        if watched and to_observe():
            return observe(self, args, kwargs)
        if not kwargs and len(args) == 2:
            a, b = args
            if type(a) is type(b) is ndarray:
                if worth(a, b, -2):
                    return _batched(a, b)
                if watched:
                    check_fallback("matmul", args)
                return numpy_matmul(a, b)
        return self._as_given(args, kwargs)


class _OfVectors(RoutedUfunc):
    """`numpy.matvec` or `numpy.vecmat`: many vectors of one matrix are one product of matrices."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        watched = WATCH.on
        if watched and to_observe():
            return observe(self, args, kwargs)
        if not kwargs and len(args) == 2:
            a, b = args
            if type(a) is type(b) is ndarray:
                if a.size * b.size >= FEW and worth_vectors(self.__name__, a, b):
                    return self._planned(a, b)
                if watched:
                    check_fallback(self.__name__, args)
                return self.__wrapped__(a, b)
        return self._as_given(args, kwargs)

    def _planned(self, a: Array, b: Array) -> Any:
        name = self.__name__
        first = conjugated(a) if name in CONJUGATED else a
        run = known(name, (first, b))
        if run is not None:
            return run(first, b)
        return contract(batched_terms(name, first, b), lambda: self.__wrapped__(a, b))


def _options(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[str, ...]:
    """Names of the options that were given to a ufunc of two operands."""
    given = [name for name, x in kwargs.items() if x is not None and x is not np._NoValue]
    return (*given, *(("out",) if len(args) > 2 and args[2] is not None else ()))


def _named_out(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """The operands, a third of them named ``out`` among the keywords.

    Raises
    ------
    TypeError
        Not two operands and an ``out`` at most.
    """
    if not 2 <= len(args) <= 3 or (len(args) == 3 and "out" in kwargs):
        raise TypeError(f"got {len(args)} operands, expected two, and an out at most")
    if len(args) == 3:
        kwargs["out"] = args[2]
    return args[:2]


def _single(out: Any) -> Any:
    """An ``out`` by itself, which a ufunc may be given in a tuple of one."""
    return out[0] if type(out) is tuple and len(out) == 1 else out


def _batched(a: Array, b: Array) -> Any:
    run = known("matmul", (a, b))
    if run is not None:
        return run(a, b)
    try:
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        return numpy_matmul(a, b)  # which says what is wrong
    return contract(batched_terms("matmul", a, b), lambda: numpy_matmul(a, b))


matmul = _Matmul(numpy_matmul)
matvec = _OfVectors(numpy_matvec)
vecmat = _OfVectors(numpy_vecmat)
vecdot = RoutedUfunc(numpy_vecdot)
