"""matmul, matvec, vecmat and vecdot: ufuncs with routes before them."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._base.watch import WATCH, to_observe
from .._call.observe import observe
from .._call.operands import ndarray
from .._call.pairs import MATMUL, MATVEC, VECDOT, VECMAT, Product
from .._native.functions import found_by_core

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

    def __init__(self, product: Product) -> None:
        ufunc = product.numpys
        self.__wrapped__ = ufunc
        self.__name__ = ufunc.__name__
        self.__qualname__ = ufunc.__name__
        self.__doc__ = ufunc.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The ufunc's call; each ufunc's own class, which `_routed` makes, has it."""
        raise NotImplementedError

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


def _single(out: Any) -> Any:
    """An ``out`` by itself, which a ufunc may be given in a tuple of one."""
    return out[0] if type(out) is tuple and len(out) == 1 else out


def _routed(product: Product) -> RoutedUfunc:
    """The ufunc of a product, which its call finds in a closure: through ``__getattr__`` it takes longer."""
    worth, numpys = product.worth, product.numpys

    class Routed(RoutedUfunc):
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            watched = WATCH.on
            if watched and to_observe():
                return observe(public, args, kwargs)
            if not kwargs and len(args) == 2:
                a, b = args
                if type(a) is type(b) is ndarray:
                    if worth(a, b):
                        return product.of_arrays(a, b)
                    if watched:
                        return product.watched(a, b)
                    return numpys(a, b)
            if "out" in kwargs:
                kwargs["out"] = _single(kwargs["out"])
            return product.of_others(public, args, kwargs)

    public: RoutedUfunc = found_by_core("pair", product.runner, ufunc=True, numpys=numpys)(Routed(product))
    return public


matmul, matvec, vecmat, vecdot = map(_routed, (MATMUL, MATVEC, VECMAT, VECDOT))
