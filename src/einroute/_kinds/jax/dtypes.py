"""JAX's dtypes as plans know them, and how they promote: by jax.numpy.result_type, weak types included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from ..._base.dtypes import DTypeRules, LibraryDType
from ..._base.facts import DType

__all__ = ["BFLOAT16", "RULES", "mend", "native", "of_native", "weak_result", "weakened"]

_SCALARS = (bool, int, float, complex)
#: dtypes that NumPy has, too.
_KNOWN = frozenset(
    map(np.dtype, ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16"])
)
BFLOAT16: Any = LibraryDType("bfloat16", "f", 2)
_NATIVE_BFLOAT16 = np.dtype(jnp.bfloat16)
#: Ones of weak type.
_ONES: Mapping[str, Any] = MappingProxyType({"i": 1, "f": 1.0, "c": 1 + 0j})
#: Ranks of kinds of numbers, under casting="same_kind".
_ORDER = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}


def native(dtype: DType) -> Any:
    """A dtype as JAX's calls take it."""
    return _NATIVE_BFLOAT16 if dtype == BFLOAT16 else dtype


def of_native(dtype: Any) -> DType:
    """A dtype of JAX's as plans know it; of kind "V" where it has no products that plans know."""
    if dtype == _NATIVE_BFLOAT16:
        found: DType = BFLOAT16
        return found
    if isinstance(dtype, np.dtype) and (numpys := dtype.newbyteorder("=")) in _KNOWN:
        return numpys
    made: Any = LibraryDType(str(dtype), "V", getattr(dtype, "itemsize", 1))
    return made  # type: ignore[no-any-return]


def mend(x: Any) -> str:
    """How an array of a dtype without products becomes one that has some, for a message."""
    dtype = x.dtype
    if jax.dtypes.issubdtype(dtype, jax.dtypes.prng_key):
        return "the bits of keys are jax.random.key_data(x)"
    if dtype == jax.dtypes.float0:
        return "it stands for derivatives that are none; leave it out"
    kept = "float32" if jnp.issubdtype(dtype, jnp.floating) else "int32"
    return f"convert it, with x.astype(jax.numpy.{kept})"


def _of(x: Any) -> DType:
    dtype = getattr(x, "dtype", None)
    found = of_native(np.asarray(x).dtype if dtype is None else dtype)
    if found.kind == "V" and _values(x) is None:
        raise TypeError(
            f"an operand ({type(x).__name__}) has dtype {found}, of which contractions have no products; "
            f"convert it with astype, to float32 or int32 say"
        )
    return found


def _promote(operands: Sequence[Any]) -> DType:
    given = [_weak(x) if type(x) not in _SCALARS else x for x in operands]
    return of_native(jnp.result_type(*given))


def _weak(x: Any) -> Any:
    """What stands for an operand in a promotion: itself, where its type may be weak; else an empty array.

    (Of a dtype alone JAX warns where it has 64 bits that are not enabled.)
    """
    values = _values(x)
    if values is None and getattr(x, "weak_type", False):  # a structured operand of such arrays
        return _ONES[_of(x).kind]
    return np.empty(0, native(_of(x))) if values is None else values


def _values(x: Any) -> Any:
    """The values of an array of JAX's, dense or sparse, or what stands for them; None of others."""
    if isinstance(x, jax.Array | jax.ShapeDtypeStruct):
        return x
    if isinstance(x, np.ndarray):  # whose data is memory, which dtypes that NumPy lacks do not show
        return None
    data = getattr(x, "data", None)
    return data if isinstance(data, jax.Array) else None


def _named(wanted: Any) -> DType:
    try:
        found = jnp.empty((), wanted).dtype  # which warns where 64 bits are asked for and not enabled
    except (TypeError, ValueError):
        found = None
    made = None if found is None else of_native(found)
    if made is None or made.kind == "V":
        raise TypeError(f"dtype is {wanted}, expected one that JAX has products of, float32 say")
    return made


def _casts(given: DType, wanted: DType, casting: str) -> bool:
    if given == wanted or casting == "unsafe":
        return True
    if casting == "same_kind":
        return _ORDER[given.kind] <= _ORDER[wanted.kind]
    return casting == "safe" and jnp.promote_types(native(given), native(wanted)) == native(wanted)


def _is_weak(x: Any) -> bool:
    values = _values(x)
    return type(x) in _SCALARS or bool(getattr(x if values is None else values, "weak_type", False))


def weak_result(operands: Sequence[Any]) -> Any:
    """The dtype of a result of weak type, dense operands being of another; None where none is.

    Unsigned 64-bit integers with signed ones have such a result, too.
    """
    if len({getattr(x, "dtype", None) for x in operands}) == 1 and not any(map(_is_weak, operands)):
        return None
    found, weak = jax.dtypes.result_type(*map(_weak, operands), return_weak_type_flag=True)
    return found if weak else None


def weakened(x: Any, wanted: Any) -> Any:
    """A dense array of bools or integers, or a weak one, in a dtype of weak type; others as they are."""
    if not isinstance(x, jax.Array) or (x.dtype == wanted and x.weak_type):
        return x
    if wanted.kind == "c" and x.dtype.kind == "f":
        return lax.complex(x, jnp.zeros_like(x))
    return jnp.multiply(x, _ONES[wanted.kind])


RULES = DTypeRules(_of, _promote, _named, _casts, _is_weak)
