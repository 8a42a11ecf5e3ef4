"""What JAX's tests share: operands, and settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
import pytest

from tests.helpers import SIZES

jax = pytest.importorskip("jax")

import jax.numpy as jnp  # noqa: E402 - jax may be missing

DTYPES = ("bool", "uint8", "int8", "uint16", "int16", "int32", "uint32", "float16", "bfloat16", "float32",
          "complex64")  # fmt: skip
#: Whether every combination is tested, each of which JAX compiles anew, or some of each.
NIGHTLY = os.environ.get("EINROUTE_NIGHTLY") == "1"
WIDE = ("int64", "uint64", "float64", "complex128")


def arrays(terms: str, dtype: str, seed: int = 0, sizes: dict[str, int] = SIZES) -> list[Any]:
    """Operands of small integer values for the subscripts `terms`."""
    rng = np.random.default_rng(seed)
    made = []
    for term in terms.partition("->")[0].split(","):
        values = rng.integers(
            0 if dtype[0] in "bu" and dtype != "bfloat16" else -3, 4, [sizes[c] for c in term]
        )
        values = values + 1j * rng.integers(-3, 4, values.shape) if "complex" in dtype else values
        made.append(jnp.asarray(np.asarray(values).astype(jnp.dtype(dtype))))
    return made


def combined(keep: Callable[..., bool], *lists: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Every combination of what is in the lists, whose tuples stand for several entries.

    Without ``EINROUTE_NIGHTLY=1`` those only whose positions `keep` takes.
    """
    made = []
    for places in product(*(range(len(values)) for values in lists)):
        if NIGHTLY or keep(*places):
            found = [values[place] for values, place in zip(lists, places, strict=True)]
            made.append(tuple(x for value in found for x in (value if type(value) is tuple else (value,))))
    return made


def as_numpy(x: Any) -> np.ndarray[Any, Any]:
    """An array's values; of bfloat16 in single precision."""
    found = np.asarray(x)
    return found.astype(np.float32) if found.dtype == jnp.bfloat16 else found


def numpys_einsum(subscripts: str, *operands: Any) -> np.ndarray[Any, Any]:
    """The judge: NumPy's einsum of the same values, in the dtype of all."""
    return np.asarray(np.einsum(subscripts, *map(as_numpy, operands)))


def random(*shape: int, seed: int = 1, dtype: Any = np.float32) -> Any:
    """Normal numbers."""
    values = np.random.default_rng(seed).standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * np.random.default_rng(seed + 1).standard_normal(shape)
    return jnp.asarray(values.astype(dtype))
