"""lstsq, solve, inv and pinv of JAX's arrays: JAX's own, with NumPy's signatures and checks.

They can be traced, and have their gradients. Of a singular matrix JAX gives what is not finite, and raises
nothing, since values may not be at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType, SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..._base.cost import Cost
from ..._base.linalg import misfit
from ..._base.solvers import Solving, Told
from ..meeting import met
from ..registry import kind_of, other_kind
from ..structured import Structured
from .dense import LIBRARY, at_hand
from .operands import JaxOperand
from .program import check_kept

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
        "jax.scipy.linalg.lu_factor gives factors on the device; for einroute's, make an array of NumPy's "
        "of it, with numpy.asarray(x)"
    }
)


def lstsq(given: Solving, a: Any, b: Any, rcond: Any = None) -> tuple[Any, Any, Any, Any]:
    """`einroute.lstsq` of JAX's arrays.

    Where values are not at hand, ``residuals`` are those of every column whatever the rank, since their shape
    cannot depend on it.
    """
    a, b = _arrays(given, a, b)
    m, n = a.shape
    if not (m and n and b.size):
        return _empty(a, b)
    x, residuals, rank, s = jnp.linalg.lstsq(a, b, rcond)
    known = at_hand(a) and at_hand(b)
    if m <= n or (known and int(rank) < n):
        residuals = residuals[:0]
    return x, residuals, rank, s


def _empty(a: Any, b: Any) -> tuple[Any, Any, Any, Any]:
    """Least squares of no equations, unknowns or columns."""
    dtype = jnp.result_type(a, b, 0.0)
    a, b = a.astype(dtype), b.astype(dtype)
    (m, n), tail = a.shape, b.shape[1:]
    real = jnp.finfo(a.dtype).dtype
    columns = b if b.ndim == 2 else b[:, None]
    residuals = (jnp.abs(columns) ** 2).sum(0) if m > n else jnp.zeros(0, real)
    if m and n:  # no columns
        s = jnp.linalg.svd(a, compute_uv=False)
        rank = (s > jnp.finfo(a.dtype).eps * max(m, n) * s.max()).sum()
        return jnp.zeros((n, *tail), a.dtype), residuals.astype(real), rank, s
    return jnp.zeros((n, *tail), a.dtype), residuals.astype(real), jnp.zeros((), int), jnp.zeros(0, real)


def solve(given: Solving, a: Any, b: Any) -> Any:
    """`einroute.linalg.solve` of JAX's arrays: ``b`` is a vector if and only if it has one dimension."""
    a, b = _arrays(given, a, b)
    if b.ndim == 1:
        return jnp.linalg.solve(a, b[:, None])[..., 0]
    return jnp.linalg.solve(a, jnp.reshape(b, (1,) * (a.ndim - b.ndim) + b.shape))


def inv(given: Solving, a: Any) -> Any:
    """`einroute.linalg.inv` of a JAX array."""
    (a,) = _arrays(given, a)
    return jnp.linalg.inv(a)


def pinv(
    given: Solving, a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = np._NoValue
) -> Any:
    """`einroute.linalg.pinv` of a JAX array; the cutoff is JAX's own where none is given."""
    (a,) = _arrays(given, a)
    if rcond is not None and rtol is not np._NoValue:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    cutoff = rcond if rtol is np._NoValue else rtol
    return jnp.linalg.pinv(a, rtol=cutoff, hermitian=hermitian)


def _arrays(given: Solving, *operands: Any) -> tuple[Any, ...]:
    """Arrays on one device, which JAX promotes, weak types included.

    Raises
    ------
    TypeError
        Operands that do not mix, a dtype that LAPACK does not take.
    RuntimeError
        An array whose buffer was donated or deleted.
    ValueError, numpy.linalg.LinAlgError
        Shapes that do not fit, as numpy.linalg's.
    """
    taken = [_written(given, x) for x in operands]
    check_kept(taken)
    kinds = met(taken, [kind for kind in map(kind_of, taken) if kind is not None])
    dtype = LIBRARY.dtypes.promote(taken)
    if dtype.kind in "biu":
        dtype = LIBRARY.dtypes.of(jnp.zeros((), float))
    shapes = [SimpleNamespace(shape=tuple(x.shape), ndim=len(x.shape), dtype=dtype) for x in taken]
    wrong = misfit(given.function, *shapes)
    if wrong is not None:
        error, message = wrong
        raise error(f"{given.function}: {message}")
    return tuple(jnp.asarray(kind.adopt(x)) for kind, x in zip(kinds, taken, strict=True))


def _written(given: Solving, x: Any) -> Any:
    """An operand as an array of JAX's or NumPy's: structured ones are written out."""
    if isinstance(x, jax.Array):
        return x
    if isinstance(x, JaxOperand):
        return x.written()
    kind = other_kind(x)
    if kind is not None and kind.library not in ("", LIBRARY.name):
        return x  # which does not mix: refused with the names of both
    if kind is not None and not isinstance(x, Structured):
        raise TypeError(f"{given.function} takes no {type(x).__name__}; write it out as an array first")
    return np.asanyarray(x)


def _told(given: Solving) -> Told:
    return Told(f"jax.numpy.linalg.{given.function}", "no cache", "JAX's own, with its gradient", Cost())


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
