"""What the functions of linear algebra share: which operands are theirs, and what is wrong with a bad one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np
from numpy.linalg import LinAlgError

from .errors import as_numpys

__all__ = ["SUPPORTED", "blame", "is_foreign", "misfit", "wrapper"]

#: dtype codes that LAPACK is given, by itself or after promotion to double.
SUPPORTED = frozenset("?bBhHiIlLqQfdFD")


def is_foreign(x: Any) -> bool:
    """Whether ``x`` has its own say in NumPy's functions, so that the call is NumPy's to dispatch."""
    cls = type(x)
    if cls is np.ndarray:
        return False
    own = getattr(cls, "__array_function__", None)
    if own is None:
        return False
    if not issubclass(cls, np.ndarray):
        return True
    return own is not np.ndarray.__array_function__ or cls.__array_ufunc__ is not np.ndarray.__array_ufunc__


def wrapper(x: Any) -> Callable[[Any], Any]:
    """How NumPy gives a result the class of ``x``."""
    wrap = None if type(x) is np.ndarray else getattr(x, "__array_wrap__", None)
    return _unwrapped if wrap is None else wrap


def _unwrapped(result: Any) -> Any:
    return result


def blame(function: str, error: Exception, a: Any, b: Any = None) -> NoReturn:
    """Raise ``error`` again, in its own type, with a message that says what is wrong where that can be told.

    Parameters
    ----------
    function : str
        "lstsq", "solve", "inv" or "pinv".
    error : Exception
        What the mirrored function raised.
    a, b : object
        The operands as they came; `b` None where the function has none.

    Raises
    ------
    Exception
        Always.
    """
    try:
        message: str | None = _wrong(function, error, np.asarray(a), None if b is None else np.asarray(b))
    except Exception:  # noqa: BLE001 - what cannot be an array is told by the error that came
        message = None
    if message is None:
        raise error
    raise as_numpys(ValueError(f"{str(error).rstrip('.')}: {message}"), error) from error


def misfit(function: str, a: Any, b: Any = None) -> tuple[type[Exception], str] | None:
    """What is wrong with dtypes and shapes, and the type of numpy.linalg's exception for it.

    Parameters
    ----------
    function : str
        "lstsq", "solve", "inv" or "pinv".
    a, b : ndarray
        Of which dtypes and shapes count; `b` None where the function has none.
    """
    if a.ndim < 2 or (function == "lstsq" and a.ndim > 2):
        return LinAlgError, f"a has shape {a.shape}, expected two dimensions (M, N); reshape it"
    m, n = a.shape[-2:]
    if function in {"solve", "inv"} and m != n:
        message = f"a has shape {a.shape}, expected a square matrix; lstsq and pinv take any shape"
        return LinAlgError, message
    mismatch = None if b is None else _mismatch(function, a, b)
    if mismatch is not None:
        return LinAlgError if function == "lstsq" else ValueError, mismatch
    for name, x in (("a", a), ("b", b)):
        if x is not None and x.dtype.char not in SUPPORTED:
            message = f"{name} has dtype {x.dtype}, which {function} does not take; convert it to float64"
            return TypeError, message
    return None


def _mismatch(function: str, a: Any, b: Any) -> str | None:
    m = a.shape[-2]
    if b.ndim == 0 or (function == "lstsq" and b.ndim > 2):
        return f"b has shape {b.shape}, expected (M,) or (M, K) with M = {m}"
    rows = b.shape[0] if b.ndim == 1 else b.shape[-2]
    if rows != m:
        return (
            f"a has {m} rows (shape {a.shape}) and b has {rows} (shape {b.shape}); "
            "each row of b belongs to a row of a"
        )
    try:
        np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        return (
            f"the stacks {a.shape[:-2]} of a and {b.shape[:-2]} of b do not broadcast; "
            "make their sizes equal or 1"
        )
    return None


def _wrong(function: str, error: Exception, a: Any, b: Any) -> str | None:
    if isinstance(error, NotImplementedError):
        return None
    found = misfit(function, a, b)
    if found is not None:
        return found[1]
    # What NumPy's finfo says, before version 2.5 and since.
    of_finfo = any(word in str(error) for word in ("inexact", "finfo"))
    if function == "pinv" and isinstance(error, ValueError) and of_finfo:
        return (
            f"a has dtype {a.dtype}, and rtol=None takes the precision of a's own dtype, which that has not; "
            f"pass a.astype(float), or a number as rtol"
        )
    for name, x in (("a", a), ("b", b)):
        if x is not None and not np.isfinite(x).all():
            return f"{name} holds nan or infinity; remove or replace such rows first"
    if function in {"solve", "inv"} and isinstance(error, LinAlgError):
        return "a is singular to working precision; lstsq and pinv give the answer of least norm"
    return None
