"""dot, matmul, inner, vdot, outer, vecdot and multi_dot with NumPy's signatures.

For floats NumPy's own functions already are the fastest right way, and get the call as it came; what is
routed is what they do slowly: large products of integers and bools, large outer products, chains.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from ._call import Array, Call, ndarray
from ._config import current
from ._frontend import tensordot
from ._problem import Contraction, Options
from ._route import NoRoute, kind_of
from ._signature import signed_as
from ._sparse_call import any_sparse
from ._sparse_products import is_sparse_pair, refuse_scipy, sparse_dot, sparse_inner, sparse_matmul
from ._structured_call import any_structured

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


def _worth(a: Any, b: Any) -> bool:
    """Whether two operands are large plain arrays of integers or bools, of one dtype."""
    return (
        type(a) is ndarray
        and type(b) is ndarray
        and a.dtype.kind in "iub"
        and a.dtype == b.dtype
        and a.dtype.isnative
        and a.size * b.size >= _WORTH * 8
        and current().tiny
    )


def _contract(
    name: str, inputs: tuple[str, ...], output: str, arrays: tuple[Array, ...], numpys: Callable[[], Any]
) -> Any:
    """A contraction that is known to be sound: sizes agree and the dtypes are one.

    ``numpys`` is the same call of NumPy's, for where no route gives its floating-point warnings.
    """
    sizes: dict[str, int] = {}
    for labels, x in zip(inputs, arrays, strict=True):
        for c, n in zip(labels, x.shape, strict=True):
            if sizes.get(c, 1) == 1:
                sizes[c] = n
    key = (name, inputs, *(fact for x in arrays for fact in (x.shape, x.dtype, x.strides)))
    call = Call(key, Contraction(inputs, output, sizes), arrays, arrays[0].dtype, "C", "auto", None, _LOUD)
    state = current()
    try:
        return call.run(state, None)
    except NoRoute:
        if state.policy.forced is not None:
            raise
        return numpys()


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
    if not kwargs and len(args) == 2:
        a, b = args
        if type(a) is type(b) is ndarray:
            if _worth(a, b) and a.ndim > 1 and b.ndim > 1 and a.shape[-1] == b.shape[-2]:
                return tensordot(a, b, ((a.ndim - 1,), (b.ndim - 2,)))
            return np.dot(a, b)
    operands = (*args, *kwargs.values())
    if any_structured(operands) or any_sparse(operands):
        return sparse_dot(*args, **kwargs)
    return np.dot(*args, **kwargs)


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
    if type(a) is type(b) is ndarray:
        if _worth(a, b) and a.ndim > 1 and b.ndim > 1 and a.shape[-1] == b.shape[-1]:
            return tensordot(a, b, ((a.ndim - 1,), (b.ndim - 1,)))
    elif is_sparse_pair(a, b):
        return sparse_inner(a, b)
    return np.inner(a, b)


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
    refuse_scipy("vdot", "use einsum('ij,ij->', a.conj(), b)", a, b)
    return np.vdot(a, b)


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
    if not kwargs and len(args) == 2:
        a, b = args
        if (
            type(a) is ndarray
            and type(b) is ndarray
            and a.size * b.size >= _WORTH
            and a.dtype == b.dtype
            and a.dtype.kind in "iufc"
            and a.dtype.isnative
        ):
            return _contract("outer", ("i", "j"), "ij", (a.ravel(), b.ravel()), lambda: np.outer(a, b))
        refuse_scipy("outer", "use einsum('i,j->ij', a, b)", a, b)
    return np.outer(*args, **kwargs)


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
    if out is None and isinstance(arrays, (list, tuple)) and 3 <= len(arrays) <= 26 and _is_chain(arrays):
        letters = "abcdefghijklmnopqrstuvwxyzA"
        inputs = [letters[i : i + 2] for i in range(len(arrays))]
        if arrays[0].ndim == 1:
            inputs[0] = inputs[0][1:]
        if arrays[-1].ndim == 1:
            inputs[-1] = inputs[-1][:1]
        ends = (inputs[0][0] if arrays[0].ndim == 2 else "") + (inputs[-1][1] if arrays[-1].ndim == 2 else "")
        return _contract("multi_dot", tuple(inputs), ends, tuple(arrays), lambda: np.linalg.multi_dot(arrays))
    if isinstance(arrays, (list, tuple)):
        refuse_scipy("multi_dot", "use einsum('ij,jk,kl->il', a, b, c)", *arrays)
    return np.linalg.multi_dot(arrays, out=out) if out is not None else np.linalg.multi_dot(arrays)


def _is_chain(arrays: Any) -> bool:
    """Whether the operands are plain arrays of one BLAS or integer dtype whose shapes fit."""
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
        if not kwargs and len(args) == 2:
            a, b = args
            if type(a) is type(b) is ndarray:
                if _worth(a, b) and a.ndim > 1 and b.ndim > 1 and a.shape[-1] == b.shape[-2]:
                    return _batched(a, b)
                return np.matmul(a, b)
        if len(args) > 1 and is_sparse_pair(args[0], args[1]):
            return sparse_matmul(*args, **kwargs)
        return np.matmul(*args, **kwargs)


def _batched(a: Array, b: Array) -> Any:
    """Matmul as a contraction: batch axes aligned from the right, broadcast where one has length 1."""
    try:
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        return np.matmul(a, b)  # which says what is wrong
    batch = "".join(chr(0x100 + i) for i in reversed(range(max(a.ndim, b.ndim) - 2)))
    of_a, of_b = batch[len(batch) - a.ndim + 2 :], batch[len(batch) - b.ndim + 2 :]
    return _contract("matmul", (of_a + "ij", of_b + "jk"), batch + "ik", (a, b), lambda: np.matmul(a, b))


matmul = _Matmul(np.matmul)
vecdot = RoutedUfunc(np.vecdot)


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
    if (
        len(args) == 2
        and kwargs.keys() <= {"axes"}
        and all(type(x) is ndarray or kind_of(x) is not None for x in args)
    ):
        return tensordot(*args, **kwargs)
    return np.linalg.tensordot(*args, **kwargs)


def linalg_matmul(x1: Any, x2: Any, /) -> Any:
    """`numpy.linalg.matmul`: `matmul` without keywords.

    Parameters
    ----------
    x1, x2 : array_like

    Returns
    -------
    ndarray or scalar
    """
    if _worth(x1, x2) or is_sparse_pair(x1, x2):
        return matmul(x1, x2)
    return np.linalg.matmul(x1, x2)


def linalg_outer(x1: Any, x2: Any, /) -> Any:
    """`numpy.linalg.outer`: `outer` of one-dimensional operands only.

    Parameters
    ----------
    x1, x2 : array_like, 1-D

    Returns
    -------
    ndarray
    """
    if type(x1) is ndarray and type(x2) is ndarray and x1.ndim == x2.ndim == 1:
        return outer(x1, x2)
    return np.linalg.outer(x1, x2)


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
    return np.linalg.vecdot(*args, **kwargs)


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
