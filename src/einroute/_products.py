"""dot, matmul, inner, vdot, outer, vecdot and multi_dot with NumPy's signatures.

For floats NumPy's own functions already are the fastest right way, and get the call as it came; what is
routed is what they do slowly: large products of integers and bools, large outer products, chains.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ._call import Array, Call, ndarray, unclaimed
from ._config import check_strict, current, left_to_numpy
from ._frontend import tensordot
from ._numpys import (
    numpy_dot,
    numpy_inner,
    numpy_linalg_matmul,
    numpy_linalg_outer,
    numpy_linalg_tensordot,
    numpy_linalg_vecdot,
    numpy_matmul,
    numpy_multi_dot,
    numpy_outer,
    numpy_vdot,
    numpy_vecdot,
)
from ._observe import observe
from ._problem import Contraction, Options
from ._route import NoRoute, kind_of
from ._routed_operand import any_routed, on_arrays
from ._signature import signed_as
from ._sparse_call import any_sparse
from ._sparse_products import is_sparse_pair, refuse_scipy, sparse_dot, sparse_inner, sparse_matmul
from ._structured_call import any_structured
from ._watch import WATCH, tell_own, to_observe

__all__ = [
    "dot",
    "inner",
    "linalg_matmul",
    "linalg_outer",
    "linalg_tensordot",
    "linalg_vecdot",
    "matmul",
    "multi_dot",
    "outer",
    "vdot",
    "vecdot",
]

#: Products (an upper bound) from which integers, and outer products, are worth looking up a route for.
_WORTH = 1 << 18
_LOUD = Options(quiet=False, scalar=True)
#: Whether anybody records: a global, since the calls here take less than a microsecond.
_watched = False


def _look(watched: bool) -> None:
    global _watched  # noqa: PLW0603 - as it says above
    _watched = watched


WATCH.on_change.append(_look)


def worth(a: Array, b: Array, axis: int) -> bool:
    """Whether two plain arrays are large ones of integers or bools, whose product is worth a route.

    They must be of one dtype, and the last axis of the first must have the size of an ``axis`` of the second.
    """
    return (
        a.dtype.kind in "iub"
        and a.dtype == b.dtype
        and a.dtype.isnative
        and a.size * b.size >= _WORTH * 8
        and a.ndim > 1
        and b.ndim > 1
        and a.shape[-1] == b.shape[axis]
        and current().products
    )


@dataclass(frozen=True, slots=True)
class Terms:
    """A product as a contraction that is known to be sound: sizes agree and the dtypes are one."""

    name: str
    inputs: tuple[str, ...]
    output: str
    arrays: tuple[Array, ...]

    def call(self) -> Call:
        """What there is to plan."""
        sizes: dict[str, int] = {}
        for labels, x in zip(self.inputs, self.arrays, strict=True):
            for c, n in zip(labels, x.shape, strict=True):
                if sizes.get(c, 1) == 1:
                    sizes[c] = n
        facts = (fact for x in self.arrays for fact in (x.shape, x.dtype, x.strides))
        return Call(
            (self.name, self.inputs, *facts),
            Contraction(self.inputs, self.output, sizes),
            self.arrays,
            self.arrays[0].dtype,
            "C",
            "auto",
            None,
            _LOUD,
        )


def _contract(terms: Terms, numpys: Callable[[], Any]) -> Any:
    """A product by its plan; ``numpys`` is NumPy's, for where no route gives its floating-point warnings."""
    call, state = terms.call(), current()
    try:
        return call.run(state, None)
    except NoRoute:
        if not left_to_numpy(call, state):
            raise
        return numpys()


def check_claimed(function: str, *operands: Any) -> None:
    """Tell of operands of types that are none of our kinds; refuse them where the configuration is strict.

    Raises
    ------
    NoRoute
    """
    state = current()
    if _watched or state.config.strict:
        for i, x in enumerate(operands):
            if x is not None and type(x) is not tuple and kind_of(x) is None:
                reason = unclaimed(i, x).reason
                tell_own(reason)
                check_strict(state, function, reason)


def _dot(a: Any, b: Any, out: Array | None = None) -> Any:
    """Never called: bears the signature of `dot` and of `outer`."""


@signed_as(_dot)
def dot(*args: Any, **kwargs: Any) -> Any:
    """Dot product of two operands: `numpy.dot`, with exact integer products through BLAS.

    Parameters
    ----------
    a, b : array_like
        The last axis of `a` is contracted with the last but one of `b` (its only one, if 1-D).
    out : ndarray, optional
        C-contiguous, of exactly the result's shape and dtype.

    Returns
    -------
    ndarray or scalar

    Raises
    ------
    ValueError
        Sizes that differ, an `out` that does not fit.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> er.dot(np.eye(2), np.array([1.0, 2.0]))
    array([1., 2.])
    """
    if _watched and to_observe():
        return observe(dot, args, kwargs)
    if not kwargs and len(args) == 2:
        a, b = args
        if type(a) is type(b) is ndarray:
            if worth(a, b, -2):
                return tensordot(a, b, ((a.ndim - 1,), (b.ndim - 2,)))
            return numpy_dot(a, b)
    operands = (*args, *kwargs.values())
    if any_routed(operands):
        return on_arrays(dot, args, kwargs)
    if any_structured(operands) or any_sparse(operands):
        return sparse_dot(*args, **kwargs)
    check_claimed("dot", *operands)
    return numpy_dot(*args, **kwargs)


def inner(a: Any, b: Any, /) -> Any:
    """Inner product over the last axes: `numpy.inner`, with exact integer products through BLAS.

    Parameters
    ----------
    a, b : array_like
        Whose last axes have one size.

    Returns
    -------
    ndarray or scalar
        Of shape ``a.shape[:-1] + b.shape[:-1]``.

    Raises
    ------
    ValueError
        Sizes that differ.

    Examples
    --------
    >>> import einroute as er
    >>> er.inner([1, 2], [3, 4])
    np.int64(11)
    """
    if _watched and to_observe():
        return observe(inner, (a, b), {})
    if type(a) is type(b) is ndarray:
        if worth(a, b, -1):
            return tensordot(a, b, ((a.ndim - 1,), (b.ndim - 1,)))
        return numpy_inner(a, b)
    if any_routed((a, b)):
        return on_arrays(inner, (a, b), {})
    if is_sparse_pair(a, b):
        return sparse_inner(a, b)
    check_claimed("inner", a, b)
    return numpy_inner(a, b)


def vdot(a: Any, b: Any, /) -> Any:
    """Dot product of two operands taken as vectors, the first conjugated: `numpy.vdot`.

    Parameters
    ----------
    a, b : array_like
        Of one size; flattened.

    Returns
    -------
    scalar

    Raises
    ------
    ValueError
        Sizes that differ.

    Examples
    --------
    >>> import einroute as er
    >>> er.vdot([1j, 2], [1j, 2])
    np.complex128(5+0j)
    """
    if _watched and to_observe():
        return observe(vdot, (a, b), {})
    if not (type(a) is type(b) is ndarray):
        if any_routed((a, b)):
            return on_arrays(vdot, (a, b), {})
        refuse_scipy("vdot", "use einsum('ij,ij->', a.conj(), b)", a, b)
        check_claimed("vdot", a, b)
    return numpy_vdot(a, b)


@signed_as(_dot)
def outer(*args: Any, **kwargs: Any) -> Any:
    """Outer product of two operands taken as vectors: `numpy.outer`, on all threads where it is large.

    Parameters
    ----------
    a, b : array_like
        Flattened.
    out : ndarray, shape (a.size, b.size), optional

    Returns
    -------
    ndarray, shape (a.size, b.size)

    Raises
    ------
    ValueError
        An `out` of another shape.

    Examples
    --------
    >>> import einroute as er
    >>> er.outer([1, 2], [3, 4])
    array([[3, 4],
           [6, 8]])
    """
    if _watched and to_observe():
        return observe(outer, args, kwargs)
    if not kwargs and len(args) == 2:
        a, b = args
        if type(a) is type(b) is ndarray:
            if worth_outer(a, b):
                return _contract(outer_terms(a, b), lambda: numpy_outer(a, b))
            return numpy_outer(a, b)
    if any_routed((*args, *kwargs.values())):
        return on_arrays(outer, args, kwargs)
    if not kwargs and len(args) == 2:
        refuse_scipy("outer", "use einsum('i,j->ij', a, b)", *args)
    check_claimed("outer", *args, *kwargs.values())
    return numpy_outer(*args, **kwargs)


def worth_outer(a: Array, b: Array) -> bool:
    """Whether an outer product is so large that it is worth a route."""
    return a.size * b.size >= _WORTH and a.dtype == b.dtype and a.dtype.kind in "iufc" and a.dtype.isnative


def outer_terms(a: Array, b: Array) -> Terms:
    """An outer product as a contraction."""
    return Terms("outer", ("i", "j"), "ij", (a.ravel(), b.ravel()))


def multi_dot(arrays: Any, *, out: Array | None = None) -> Any:
    """Product of a chain of matrices in the order that costs least: `numpy.linalg.multi_dot`.

    Parameters
    ----------
    arrays : sequence of array_like
        Two or more; 2-D, the first and the last may be 1-D.
    out : ndarray, optional
        C-contiguous, of exactly the result's shape and dtype.

    Returns
    -------
    ndarray or scalar

    Raises
    ------
    ValueError
        Fewer than two operands, sizes that differ.
    numpy.linalg.LinAlgError
        An operand of another number of dimensions.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> er.linalg.multi_dot([np.ones((2, 100)), np.ones((100, 3)), np.ones((3, 2))])
    array([[300., 300.],
           [300., 300.]])
    """
    if _watched and to_observe():
        return observe(multi_dot, (arrays,), {} if out is None else {"out": out})
    if out is None and is_chain(arrays):
        return _contract(chain_terms(arrays), lambda: numpy_multi_dot(arrays))
    if isinstance(arrays, (list, tuple)):
        if any_routed((*arrays, out)):
            return on_arrays(_dot_of_all, (*arrays,), {} if out is None else {"out": out})
        refuse_scipy("multi_dot", "use einsum('ij,jk,kl->il', a, b, c)", *arrays)
        check_claimed("multi_dot", *arrays, out)
    return numpy_multi_dot(arrays, out=out) if out is not None else numpy_multi_dot(arrays)


def _dot_of_all(*arrays: Any, **out: Any) -> Any:
    return multi_dot(arrays, **out)


def chain_terms(arrays: Any) -> Terms:
    """A chain of matrices, of which the first and the last may be vectors, as a contraction."""
    letters = "abcdefghijklmnopqrstuvwxyzA"
    inputs = [letters[i : i + 2] for i in range(len(arrays))]
    if arrays[0].ndim == 1:
        inputs[0] = inputs[0][1:]
    if arrays[-1].ndim == 1:
        inputs[-1] = inputs[-1][:1]
    ends = (inputs[0][0] if arrays[0].ndim == 2 else "") + (inputs[-1][1] if arrays[-1].ndim == 2 else "")
    return Terms("multi_dot", tuple(inputs), ends, tuple(arrays))


def is_chain(arrays: Any) -> bool:
    """Whether the operands are three or more plain arrays of one BLAS or integer dtype whose shapes fit."""
    if not isinstance(arrays, (list, tuple)) or not 3 <= len(arrays) <= 26:
        return False
    dtype: Any = getattr(arrays[0], "dtype", None)
    if not all(type(x) is ndarray and x.dtype == dtype for x in arrays):
        return False
    if (dtype.kind not in "iub" and dtype.char not in "fdFD") or not dtype.isnative:
        return False
    last = len(arrays) - 1
    if any(x.ndim != 2 and not (x.ndim == 1 and i in (0, last)) for i, x in enumerate(arrays)):
        return False
    return all(x.shape[-1] == y.shape[0] for x, y in pairwise(arrays))


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
        if _watched and to_observe():
            return observe(self, args, kwargs)
        if len(args) != 2 or not (type(args[0]) is type(args[1]) is ndarray):
            if "out" in kwargs:
                kwargs["out"] = _single(kwargs["out"])
            if any_routed((*args, kwargs.get("out"))):
                return on_arrays(self, args, kwargs)
            check_claimed(self.__name__, *args, kwargs.get("out"))
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
        if _watched and to_observe():
            return observe(self, args, kwargs)
        if not kwargs and len(args) == 2:
            a, b = args
            if type(a) is type(b) is ndarray:
                if worth(a, b, -2):
                    return _batched(a, b)
                return numpy_matmul(a, b)
        if "out" in kwargs:
            kwargs["out"] = _single(kwargs["out"])
        if any_routed((*args, kwargs.get("out"))):
            return on_arrays(self, args, kwargs)
        if len(args) > 1 and is_sparse_pair(args[0], args[1]):
            return sparse_matmul(*args, **kwargs)
        check_claimed("matmul", *args, kwargs.get("out"))
        return numpy_matmul(*args, **kwargs)


def _single(out: Any) -> Any:
    """An ``out`` by itself, which a ufunc may be given in a tuple of one."""
    return out[0] if type(out) is tuple and len(out) == 1 else out


def _batched(a: Array, b: Array) -> Any:
    try:
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        return numpy_matmul(a, b)  # which says what is wrong
    return _contract(batched_terms(a, b), lambda: numpy_matmul(a, b))


def batched_terms(a: Array, b: Array) -> Terms:
    """Matmul as a contraction: batch axes aligned from the right, broadcast where one has length 1."""
    batch = "".join(chr(0x100 + i) for i in reversed(range(max(a.ndim, b.ndim) - 2)))
    of_a, of_b = batch[len(batch) - a.ndim + 2 :], batch[len(batch) - b.ndim + 2 :]
    return Terms("matmul", (of_a + "ij", of_b + "jk"), batch + "ik", (a, b))


matmul = _Matmul(numpy_matmul)
vecdot = RoutedUfunc(numpy_vecdot)


def _linalg_tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Any:
    """Never called: bears a signature."""


@signed_as(_linalg_tensordot)
def linalg_tensordot(*args: Any, **kwargs: Any) -> Any:
    """`numpy.linalg.tensordot`: `tensordot` with ``axes`` by keyword.

    Parameters
    ----------
    x1, x2 : array_like
    axes : int or pair of sequences of int, optional

    Returns
    -------
    ndarray
    """
    if _watched and to_observe():
        return observe(linalg_tensordot, args, kwargs)
    if any_routed(args):
        return on_arrays(linalg_tensordot, args, kwargs)
    if (
        len(args) == 2
        and kwargs.keys() <= {"axes"}
        and all(type(x) is ndarray or kind_of(x) is not None for x in args)
    ):
        return tensordot(*args, **kwargs)
    check_claimed("tensordot", *args)
    return numpy_linalg_tensordot(*args, **kwargs)


def linalg_matmul(x1: Any, x2: Any, /) -> Any:
    """`numpy.linalg.matmul`: `matmul` without keywords.

    Parameters
    ----------
    x1, x2 : array_like

    Returns
    -------
    ndarray or scalar
    """
    if _watched and to_observe():
        return observe(linalg_matmul, (x1, x2), {})
    if type(x1) is type(x2) is ndarray:
        if worth(x1, x2, -2):
            return matmul(x1, x2)
        return numpy_linalg_matmul(x1, x2)
    if any_routed((x1, x2)):
        return on_arrays(linalg_matmul, (x1, x2), {})
    if is_sparse_pair(x1, x2):
        return matmul(x1, x2)
    check_claimed("matmul", x1, x2)
    return numpy_linalg_matmul(x1, x2)


def linalg_outer(x1: Any, x2: Any, /) -> Any:
    """`numpy.linalg.outer`: `outer` of one-dimensional operands only.

    Parameters
    ----------
    x1, x2 : array_like, 1-D

    Returns
    -------
    ndarray
    """
    if _watched and to_observe():
        return observe(linalg_outer, (x1, x2), {})
    if type(x1) is ndarray and type(x2) is ndarray and x1.ndim == x2.ndim == 1:
        return outer(x1, x2)
    if any_routed((x1, x2)):
        return on_arrays(linalg_outer, (x1, x2), {})
    check_claimed("outer", x1, x2)
    return numpy_linalg_outer(x1, x2)


def _linalg_vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    """Never called: bears a signature."""


@signed_as(_linalg_vecdot)
def linalg_vecdot(*args: Any, **kwargs: Any) -> Any:
    """`numpy.linalg.vecdot`: `vecdot` with ``axis`` by keyword.

    Parameters
    ----------
    x1, x2 : array_like
    axis : int, optional

    Returns
    -------
    ndarray or scalar
    """
    if _watched and to_observe():
        return observe(linalg_vecdot, args, kwargs)
    if len(args) != 2 or not (type(args[0]) is type(args[1]) is ndarray):
        if any_routed(args):
            return on_arrays(linalg_vecdot, args, kwargs)
        check_claimed("vecdot", *args)
    return numpy_linalg_vecdot(*args, **kwargs)


_OF_LINALG = {
    "tensordot": linalg_tensordot,
    "matmul": linalg_matmul,
    "outer": linalg_outer,
    "vecdot": linalg_vecdot,
}
for _name, _function in _OF_LINALG.items():
    _function.__name__ = _function.__qualname__ = _name
    _function.__module__ = "einroute.linalg"  # where pickle finds them under these names
del _function, _name, _OF_LINALG
