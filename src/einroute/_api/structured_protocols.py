"""What NumPy's functions and ufuncs do with structured operands: NEP 18 and NEP 13.

einsum, tensordot, dot, inner and matmul come to the router.  Functions that ask for shape and dtype get a
stand-in.  All others get the operand written out, which `config`'s ``on_densify`` may forbid.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .._base.densify import densified, speak
from .._base.numpy_functions import (
    numpy_dot,
    numpy_einsum,
    numpy_einsum_path,
    numpy_inner,
    numpy_linalg_matmul,
    numpy_linalg_tensordot,
    numpy_matmul,
    numpy_matrix_power,
    numpy_matvec,
    numpy_tensordot,
    numpy_vecdot,
    numpy_vecmat,
)
from .._base.routed_operand import RoutedOperand
from .._config.state import current
from .._kinds.registry import KINDS, shape_alone
from .._kinds.structured import PROTOCOLS, Structured
from .einsum import einsum, tensordot
from .linalg_products import linalg_matmul, linalg_tensordot
from .matrix_power import matrix_power
from .products import dot, inner
from .ufuncs import matmul, matvec, vecdot, vecmat

_ROUTED: dict[Callable[..., Any], Callable[..., Any]] = {
    numpy_einsum: einsum,
    numpy_tensordot: tensordot,
    numpy_dot: dot,
    numpy_inner: inner,
    numpy_linalg_tensordot: linalg_tensordot,
    numpy_linalg_matmul: linalg_matmul,
    numpy_matrix_power: matrix_power,
}
_UFUNCS: dict[np.ufunc, Callable[..., Any]] = {
    numpy_matmul: matmul,
    numpy_vecdot: vecdot,
    numpy_matvec: matvec,
    numpy_vecmat: vecmat,
}
#: Functions of shapes and dtypes.
_FACTS_ONLY = frozenset(
    {np.shape, np.ndim, np.size, numpy_einsum_path, np.result_type, np.iscomplexobj, np.isrealobj}
)


def array_function(
    func: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> Any:
    """NumPy's function on arguments some of which are structured."""
    if any(KINDS.find(t) is None and not issubclass(t, RoutedOperand) for t in types):
        return NotImplemented  # theirs may know what to do
    routed = _ROUTED.get(func)
    if routed is not None:
        return routed(*args, **kwargs)
    replace = shape_alone if func in _FACTS_ONLY else written_out
    return func(*_replaced(args, replace), **_replaced(kwargs, replace))


def array_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A ufunc on inputs some of which are structured."""
    out = kwargs.get("out", ())
    if any(isinstance(x, Structured) for x in (out if isinstance(out, tuple) else (out,))):
        raise TypeError(
            f"out of {ufunc.__name__} is a structured operand, which is immutable; pass an ndarray"
        )
    routed = _UFUNCS.get(ufunc)
    if routed is not None and method == "__call__":
        return routed(*inputs, **kwargs)
    return getattr(ufunc, method)(*_replaced(inputs, written_out), **_replaced(kwargs, written_out))


def written_out(x: Structured) -> Any:
    """The operand as an array; a word about it where that is large."""
    given = sum(a.nbytes for a in x.references())
    if densified(x.nbytes, given):
        speak(
            f"a {type(x).__name__} operand of shape {x.shape} is written out for a function that does not "
            f"know it, and takes {x.nbytes / 2**20:.0f} MiB; pass it to einsum or tensordot, or allow it "
            f"with config(on_densify='allow')",
            current().config.on_densify,
        )
    return x.written()


def _replaced(value: Any, replace: Callable[[Structured], Any]) -> Any:
    """The same arguments with every structured operand in them, also within containers, replaced."""
    if isinstance(value, Structured):
        return replace(value)
    if type(value) in (list, tuple):
        return type(value)(_replaced(x, replace) for x in value)
    if type(value) is dict:
        return {name: _replaced(x, replace) for name, x in value.items()}
    return value


PROTOCOLS.array_function, PROTOCOLS.array_ufunc = array_function, array_ufunc
PROTOCOLS.written_out = written_out
