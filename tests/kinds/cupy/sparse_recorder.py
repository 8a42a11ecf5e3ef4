"""Classes in the place of cupyx.scipy.sparse's, SciPy's inside; they change themselves where CuPy's do."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse

from tests.kinds.cupy.recorder import CALLS, WAITS, Device, ndarray

#: dtypes that CuPy's matrices have, and those that cuSPARSE multiplies.
_CODES, _PRODUCTS = "?fdFD", "fdFD"


class _Matrix:
    """A sparse matrix on a device."""

    format = ""

    def __init__(self, given: Any, shape: Any = None, dtype: Any = None) -> None:
        if isinstance(given, tuple):
            data, places = given
            parts = [_held(p) for p in (places if isinstance(places, tuple) else (places,))]
            made = getattr(sparse, f"{self.format}_matrix")(
                (_held(data), *parts[1:]) if self.format != "coo" else (_held(data), tuple(parts)),
                shape=shape,
            )
            device = data.device.id
            WAITS.append("bounds")  # CuPy checks indices
        else:
            made, device = getattr(given, f"to{self.format}")(), Device.current
        self._set(made.astype(dtype) if dtype is not None else made, device)

    def _set(self, held: Any, device: int) -> None:
        assert held.dtype.char in _CODES, f"CuPy has no sparse matrices of {held.dtype}"
        self._held, self._on = held, device

    @classmethod
    def of(cls, held: Any, device: int) -> Any:
        """A matrix of SciPy's, on a device."""
        made = object.__new__(cls)
        made._set(held, device)
        return made

    shape = property(lambda self: self._held.shape)
    dtype = property(lambda self: self._held.dtype)
    device = property(lambda self: Device(self._on))
    ndim = 2

    def _part(self, name: str) -> Any:
        return ndarray(getattr(self._held, name), self._on)

    data = property(lambda self: self._part("data"))

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("Implicit conversion to a host NumPy array is not allowed.")

    def get(self, *_: Any) -> Any:
        raise AssertionError("a copy to the host")

    toarray = todense = get

    @property
    def has_canonical_format(self) -> bool:
        """Whether no place has two entries, in order."""
        WAITS.append("canonical")
        return bool(_distinct(self._held))

    def sum_duplicates(self) -> None:
        """In place."""
        held = self._held.copy()
        held.sum_duplicates()
        self._held = held

    def copy(self) -> Any:
        """A matrix of its own."""
        return type(self).of(self._held.copy(), self._on)

    def astype(self, dtype: Any) -> Any:
        """In another dtype."""
        return type(self).of(self._held.astype(dtype), self._on)

    def asformat(self, name: str) -> Any:
        """In another format."""
        assert Device.current == self._on
        CALLS.append(f"to{name}")
        held = self._held.copy()
        held.sum_duplicates()
        return _BY_FORMAT[name].of(getattr(held, f"to{name}")(), self._on)

    def tocoo(self) -> Any:
        """Its entries."""
        CALLS.append("tocoo")
        return _BY_FORMAT["coo"].of(self._held.tocoo(), self._on)

    @property
    def T(self) -> Any:
        """The transpose, of the other format."""
        held = self._held.T
        return _BY_FORMAT[held.format].of(held, self._on)

    def __matmul__(self, other: Any) -> Any:
        assert Device.current == self._on
        assert self.dtype == other.dtype
        assert self.dtype.char in _PRODUCTS
        CALLS.append("@")
        self.sum_duplicates()  # CuPy's puts entries together in place
        if isinstance(other, ndarray):
            assert other.ndim in (1, 2)
            return ndarray(np.asfortranarray(self._held @ other._held), self._on)
        other.sum_duplicates()
        return csr_matrix.of((self._held @ other._held).tocsr(), self._on)


def _held(x: Any) -> Any:
    return x._held if isinstance(x, ndarray) else x


def _distinct(held: Any) -> bool:
    coo = held.tocoo()
    places = coo.row.astype(np.int64) * max(held.shape[1], 1) + coo.col
    return len(np.unique(places)) == len(places)


class csr_matrix(_Matrix):
    """Rows, one after the other."""

    format = "csr"
    indices = property(lambda self: self._part("indices"))
    indptr = property(lambda self: self._part("indptr"))


class csc_matrix(_Matrix):
    """Columns, one after the other."""

    format = "csc"
    indices = property(lambda self: self._part("indices"))
    indptr = property(lambda self: self._part("indptr"))


class coo_matrix(_Matrix):
    """Entries with their indices."""

    format = "coo"
    row = property(lambda self: self._part("row"))
    col = property(lambda self: self._part("col"))


class dia_matrix(_Matrix):
    """Diagonals."""

    format = "dia"


CLASSES = (csr_matrix, csc_matrix, coo_matrix, dia_matrix)
_BY_FORMAT = {cls.format: cls for cls in CLASSES}
for _cls in CLASSES:
    _cls.__module__ = f"cupyx.scipy.sparse._{_cls.format}"


def toarray(x: Any) -> Any:
    """What a matrix holds, for a test to compare."""
    assert type(x) in CLASSES, type(x)
    return x._held.toarray()
