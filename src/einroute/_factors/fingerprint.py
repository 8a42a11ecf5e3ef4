"""What tells one matrix from another: its contents, never its identity.

The hash is xxh3 with 128 bits (Y. Collet, https://github.com/Cyan4973/xxHash), seeded at random in every
process: an array made to collide cannot be prepared, and two that collide by chance have odds of 2**-128.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

Fingerprint = tuple[Any, ...]
"""Digest, shape and dtype of an array; equal for equal copies in one order of memory."""

# As values: the stubs do not know that an array is a buffer.
_digest: Any = xxhash.xxh3_128_digest
_hasher: Any = xxhash.xxh3_128

#: Bytes of a strided array that are gathered at a time, so that no copy of the whole is ever made.
_BLOCK = 1 << 18


def new_seed() -> int:
    """A seed of its own for what is told apart from other things of the same contents."""
    return int.from_bytes(os.urandom(8), "little")


_SEED = new_seed()


def contents(a: NDArray[Any], seed: int) -> bytes:
    """The digest of an array's elements in the order of its memory, and "F" for Fortran order.

    Parameters
    ----------
    a : ndarray
        Of any dtype but object. One that is contiguous is hashed where it lies; any other in blocks of rows.
    seed : int
    """
    try:
        return _digest(a, seed)  # type: ignore[no-any-return]  # bytes
    except ValueError:  # not C-contiguous; asking first would take as long as hashing 1 KiB
        if a.flags.f_contiguous:
            digest: bytes = _digest(a.T, seed)
            return digest + b"F"
        return _strided(a, seed)


def fingerprint(a: NDArray[Any]) -> Fingerprint:
    """The `contents` of an array, with shape and dtype; hashable."""
    return contents(a, _SEED), a.shape, a.dtype


def _strided(a: NDArray[Any], seed: int) -> bytes:
    hasher = _hasher(seed=seed)
    rows = max(1, _BLOCK * len(a) // max(a.nbytes, 1))
    for start in range(0, len(a), rows):
        hasher.update(np.ascontiguousarray(a[start : start + rows]))
    digest: bytes = hasher.digest()
    return digest


def snapshot(a: NDArray[Any]) -> NDArray[Any]:
    """A private copy with the fingerprint of ``a``, unless ``a`` changes meanwhile."""
    flags = a.flags
    return np.array(a, order="F" if flags.f_contiguous and not flags.c_contiguous else "C")
