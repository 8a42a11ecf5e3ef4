"""lstsq, solve, inv and pinv of CuPy's arrays: CuPy's own, with NumPy's signatures, checks and cutoffs.

Of a singular matrix CuPy gives what is not finite, and raises nothing unless `cupyx.errstate` says so, since
that waits for the device; lstsq waits for it once, for the rank.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any

import cupy
import numpy as np

from ..._base.cost import Cost
from ..._base.linalg import misfit
from ..._base.solvers import Solving, Told
from ..meeting import met
from ..registry import kind_of, other_kind
from ..structured import Structured
from .dense import LIBRARY, beside
from .operands import CupyOperand

__all__ = [
    "MENDS",
    "explain_inv",
    "explain_lstsq",
    "explain_pinv",
    "explain_solve",
    "inv",
    "lstsq",
    "pinv",
    "solve",
]

#: What to do instead of what is refused.
MENDS: Mapping[str, str] = MappingProxyType(
    {
        "factorize": "lstsq and linalg.solve take dense arrays with every call, and "
        "cupyx.scipy.linalg.lu_factor gives factors on the device; for einroute's, make an array of NumPy's "
        "of it, with cupy.asnumpy(x)"
    }
)


def lstsq(given: Solving, a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, Any, Any]:
    """`einroute.lstsq` of CuPy's arrays; the rank is an array on the device, as CuPy's."""
    a, b = _arrays(given, a, b)
    m, n = a.shape
    with a.device:
        if m and n:
            found: tuple[Any, Any, Any, Any] = cupy.linalg.lstsq(
                a, b, None if rcond is None else float(rcond)
            )
            return found
        real = np.dtype(a.dtype.char.lower())
        columns = b if b.ndim == 2 else b[:, None]
        residuals = (abs(columns) ** 2).sum(0) if m > n else cupy.zeros(0, real)
        x = cupy.zeros((n, *b.shape[1:]), a.dtype)
        return x, residuals, cupy.zeros((), np.int32), cupy.zeros(0, real)


def solve(given: Solving, a: Any, b: Any) -> Any:
    """`einroute.linalg.solve` of CuPy's arrays: ``b`` is a vector if and only if it has one dimension."""
    a, b = _arrays(given, a, b)
    with a.device:
        if a.ndim == 2 and b.ndim <= 2:
            return cupy.linalg.solve(a, b)
        vector = b.ndim == 1
        b = b[:, None] if vector else b
        stack = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
        x = cupy.linalg.solve(
            cupy.broadcast_to(a, stack + a.shape[-2:]), cupy.broadcast_to(b, stack + b.shape[-2:])
        )
        return x[..., 0] if vector else x


def inv(given: Solving, a: Any) -> Any:
    """`einroute.linalg.inv` of a CuPy array."""
    (a,) = _arrays(given, a)
    with a.device:
        return cupy.linalg.inv(a)


def pinv(
    given: Solving, a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue
) -> Any:
    """`einroute.linalg.pinv` of a CuPy array, by singular values also where it is Hermitian."""
    if rcond is not None and rtol is not np._NoValue:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    (a,) = _arrays(given, a)
    if rtol is None:
        rcond = max(a.shape[-2:]) * np.finfo(a.dtype).eps
    elif rtol is not np._NoValue:
        rcond = rtol
    with a.device:
        if np.ndim(rcond) if not isinstance(rcond, cupy.ndarray) else rcond.ndim:
            rcond = cupy.asarray(rcond)
        return cupy.linalg.pinv(a, 1e-15 if rcond is None else rcond)


def _arrays(given: Solving, *operands: Any) -> tuple[Any, ...]:
    """Arrays of one floating dtype, on one device.

    Raises
    ------
    TypeError
        Operands that do not mix, a dtype that LAPACK does not take.
    ValueError, numpy.linalg.LinAlgError
        Shapes that do not fit, as numpy.linalg's.
    """
    taken = [_written(given, x) for x in operands]
    kinds = met(taken, [kind for kind in map(kind_of, taken) if kind is not None])
    dtype = LIBRARY.dtypes.promote(taken)
    if dtype.kind in "biu":
        dtype = np.dtype(float)
    shapes = [SimpleNamespace(shape=tuple(x.shape), ndim=len(x.shape), dtype=dtype) for x in taken]
    wrong = misfit(given.function, *shapes)
    if wrong is not None:
        error, message = wrong
        raise error(f"{given.function}: {message}")
    return tuple(LIBRARY.cast(kind.adopt(x), dtype) for kind, x in zip(kinds, taken, strict=True))


def _written(given: Solving, x: Any) -> Any:
    """An operand as an array of CuPy's or NumPy's: structured ones are written out."""
    if isinstance(x, CupyOperand):
        with beside(x):
            return x.written()
    kind = other_kind(x)
    if isinstance(x, Structured) or kind is None:
        return np.asanyarray(x)
    if kind.form.name != LIBRARY.name and kind.library in ("", LIBRARY.name):
        raise TypeError(f"{given.function} takes no {type(x).__name__}; write it out as an array first")
    return x


def _told(given: Solving) -> Told:
    return Told(f"cupy.linalg.{given.function}", "no cache", "CuPy's own", Cost())


def explain_lstsq(given: Solving, a: Any, b: Any, rcond: Any = None) -> Told:
    """What `lstsq` would do."""
    return _told(given)


def explain_solve(given: Solving, a: Any, b: Any) -> Told:
    """What `solve` would do."""
    return _told(given)


def explain_inv(given: Solving, a: Any) -> Told:
    """What `inv` would do."""
    return _told(given)


def explain_pinv(
    given: Solving, a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue
) -> Told:
    """What `pinv` would do."""
    return _told(given)
