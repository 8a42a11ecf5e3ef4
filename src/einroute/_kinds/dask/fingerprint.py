"""What a chunk held when it was factored, and whether it still does.

The hash is xxh3 with 128 bits (Y. Collet, https://github.com/Cyan4973/xxHash), with a seed that each
factorization
draws for itself and hands to all workers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

__all__ = ["Checked", "changed", "digest", "same", "version_of"]

Array = NDArray[Any]

# As a value: the stubs do not know that an array is a buffer.
_hasher: Any = xxhash.xxh3_128
#: Bytes of a strided chunk that are gathered at a time.
_BLOCK = 1 << 18


def digest(chunk: Array, seed: int) -> bytes:
    """The elements of a chunk in C order, with shape and dtype; its layout in memory does not count."""
    hasher = _hasher(f"{chunk.shape} {chunk.dtype.str}".encode(), seed=seed)
    if chunk.flags.c_contiguous:
        hasher.update(chunk)
    else:
        rows = max(1, _BLOCK * len(chunk) // max(chunk.nbytes, 1))
        for start in range(0, len(chunk), rows):
            hasher.update(np.ascontiguousarray(chunk[start : start + rows]))
    found: bytes = hasher.digest()
    return found


@dataclass(frozen=True, eq=False, slots=True)
class Checked:
    """A chunk that holds what was factored.

    Attributes
    ----------
    chunk : ndarray
    version : bytes
        Of the factors that it was compared with: if those are lost with a worker, and made again of other
        contents, what
        was made of the old ones must not meet what is read now.
    """

    chunk: Array
    version: bytes

    def __sizeof__(self) -> int:
        return self.chunk.nbytes


def version_of(digests: tuple[bytes, ...]) -> bytes:
    """What tells one matrix's contents from another's."""
    found: bytes = _hasher(b"".join(digests)).digest()
    return found


def same(chunk: Array, digests: tuple[bytes, ...], place: int, seed: int, name: str) -> Checked:
    """The chunk, if it holds what it held.

    Raises
    ------
    ValueError
        It does not.
    """
    own = np.asarray(chunk)
    if digest(own, seed) != digests[place]:
        raise changed(f"the dask array {name!r}", f": chunk {place} of its rows, read again, differs")
    return Checked(own, version_of(digests))


def changed(what: str, why: str = "") -> ValueError:
    """The error for a matrix that is not what was factored."""
    return ValueError(
        f"{what} no longer holds what was factored{why}; factorize it again. (An array that is not made "
        "bit for bit the same each time must be stored or persisted before it is factored.)"
    )
