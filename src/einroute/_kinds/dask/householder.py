"""QR factorizations of tall blocks of rows, in the processor's cache, with Q kept as reflections.

Rows are factored a few hundred kilobytes at a time, and the triangles that come of them are stacked and
factored again: TSQR within one task (J. Demmel, L. Grigori, M. Hoemmen, J. Langou, Communication-optimal
parallel and sequential QR and LU factorizations, SIAM J. Sci. Comput. 34, 2012). Each row is read once, and
Q is never formed. Folding all rows into one triangle, one part after the other, would cost as much and lose
half a digit: errors of each fold are relative to the whole triangle.

Each part is LAPACK's tpqrt, and tpmqrt applies its ``Q^H``. SciPy's own wrappers of these hold Python's lock;
here they are called through the pointers that `scipy.linalg.cython_lapack` publishes, so that the threads of
one process work at the same time.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Householder", "Projected", "factor", "squares"]

Array = NDArray[Any]

#: Rows factored at once, at least: sums over more of them lose digits. And how many times the columns at
#: least, so that their triangles are much less than they were.
_ROWS, _TIMES = 100, 8
#: Reflections that LAPACK gathers into one product, by columns up to which that many are used. Where all are
#: gathered, none is applied by a matrix product: those of OpenBLAS add up all rows one after the other, and
#: with them x has 0.1 to 0.3 digits less than LAPACK's gelsd gives. Beyond, they are twice as fast, and
#: gelsd applies its own so, too.
_GATHERED = ((64, 64), (512, 16))
_MOST_GATHERED = 32

_pointer_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
_name_of = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", ctypes.pythonapi))


@cache
def _lapack(name: str, dtype: np.dtype[Any], arguments: int) -> Callable[..., None]:
    """A routine for doubles or complex doubles; takes addresses alone, and runs without Python's lock."""
    from scipy.linalg import cython_lapack  # noqa: PLC0415 - 0.1 s, and only where matrices are factored

    capsule = cython_lapack.__pyx_capi__[("z" if dtype.kind == "c" else "d") + name]
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * arguments)
    return kind(_pointer_of(capsule, _name_of(capsule)))


def _each(name: str, dtype: np.dtype[Any], count: int, *arguments: Any) -> None:
    """Call a routine for each of some problems, with arrays, whole numbers and letters.

    Arrays of three axes hold what belongs to each problem; all else is shared. Only addresses change from one
    call to the next: what Python adds to each is far less than a panel of few columns takes. The routine's
    last argument ``info`` is added here.

    Raises
    ------
    RuntimeError
        LAPACK found an argument wrong.
    """
    info = ctypes.c_int(0)
    kept: list[Any] = []
    strides: list[int] = []
    for value in arguments:
        own = isinstance(value, np.ndarray) and value.ndim == 3
        strides.append(value.strides[0] if own else 0)
        if isinstance(value, np.ndarray):
            kept.append(value.ctypes)
        else:
            kept.append(ctypes.c_char(value.encode()) if isinstance(value, str) else ctypes.c_int(value))
    addresses = [x.data if hasattr(x, "data") else ctypes.addressof(x) for x in kept]
    routine = _lapack(name, dtype, len(kept) + 1)
    for _ in range(count):
        routine(*addresses, ctypes.addressof(info))
        if info.value:
            raise RuntimeError(f"LAPACK's {name} takes no argument {-info.value} as given")
        addresses = [address + stride for address, stride in zip(addresses, strides, strict=True)]


@dataclass(frozen=True, eq=False, slots=True)
class _Panels:
    """The factorizations of panels of as many rows each.

    Attributes
    ----------
    v : ndarray
        Their reflections (count, n, rows): as LAPACK has columns, one after the other.
    t : ndarray
        The triangles of the reflections' products (count, n, gathered).
    """

    v: Array
    t: Array

    @classmethod
    def make(cls, rows: Array, dtype: np.dtype[Any]) -> tuple[_Panels, Array]:
        """Factor panels (count, rows, n); the factorizations, and the triangles (count * n, n)."""
        count, m, n = rows.shape
        v = np.array(rows.transpose(0, 2, 1), dtype, order="C")
        r = np.zeros((count, n, n), dtype)
        gathered = min(n, next((most for columns, most in _GATHERED if n <= columns), _MOST_GATHERED))
        t, work = np.empty((count, n, gathered), dtype), np.empty(gathered * n, dtype)
        _each("tpqrt", dtype, count, m, n, 0, gathered, r, n, v, m, t, gathered, work)
        return cls(v, t), _rows(r)

    @property
    def rows(self) -> int:
        """Of all panels."""
        count, _, rows = self.v.shape
        return int(count * rows)

    def project(self, b: Array) -> tuple[Array, Array]:
        """The first n rows of ``Q^H b`` of each panel (count * n, K), and the squared norms of the rest."""
        count, n, m = self.v.shape
        rows = _columns(b, count, m, self.v.dtype)
        c = np.zeros((count, b.shape[1], n), self.v.dtype)
        self._apply(c, rows, "C" if c.dtype.kind == "c" else "T")
        return _rows(c), squares(rows, (0, 2))

    def expand(self, c: Array) -> Array:
        """``Q [c; 0]`` of each panel (count * rows, K), for c (count * n, K)."""
        count, n, m = self.v.shape
        own = _columns(c, count, n, self.v.dtype)
        rows = np.zeros((count, c.shape[1], m), self.v.dtype)
        self._apply(own, rows, "N")
        return _rows(rows)

    def _apply(self, c: Array, rows: Array, turned: str) -> None:
        """``Q^H [c; rows]``, or Q times that, in place of both."""
        (count, n, m), k, gathered = self.v.shape, c.shape[1], self.t.shape[2]
        if not k:
            return
        work = np.empty(gathered * k, c.dtype)
        _each(
            "tpmqrt", c.dtype, count, "L", turned, m, k, n, 0, gathered,
            self.v, m, self.t, gathered, c, n, rows, m, work,
        )  # fmt: skip


def _columns(rows: Array, count: int, length: int, dtype: np.dtype[Any]) -> Array:
    """Rows (count * length, K) as a copy (count, K, length)."""
    return np.array(rows.reshape(count, length, rows.shape[1]).transpose(0, 2, 1), dtype, order="C")


def _rows(columns: Array) -> Array:
    """What `_columns` gives, put back."""
    count, k, length = columns.shape
    return columns.transpose(0, 2, 1).reshape(count * length, k)


@dataclass(frozen=True, eq=False, slots=True)
class Projected:
    """Right-hand sides in the range of the rows so far.

    Attributes
    ----------
    c : ndarray
        The first n rows of ``Q^H b`` (n, K).
    outside : ndarray
        The squared norms (K,) of the rest: what no x reaches.
    """

    c: Array
    outside: Array

    def __sizeof__(self) -> int:
        return self.c.nbytes + self.outside.nbytes


@dataclass(frozen=True, eq=False, slots=True)
class Householder:
    """The factorization of a block of rows (m, n).

    Attributes
    ----------
    r : ndarray
        The triangle (n, n).
    panels : tuple of _Panels
        How the rows were factored, those of whole panels and the rest; as much memory as the rows took.
    above : Householder or None
        How the triangles of several parts were.
    rows : int
        m; of the whole matrix where triangles were factored.
    """

    r: Array
    panels: tuple[_Panels, ...]
    above: Householder | None
    rows: int

    def __sizeof__(self) -> int:
        own = self.r.nbytes + sum(part.v.nbytes + part.t.nbytes for part in self.panels)
        return own + (self.above.__sizeof__() if self.above is not None else 0)

    def project(self, b: Array) -> Projected:
        """``Q^H b`` and what of ``b`` is outside.

        Parameters
        ----------
        b : ndarray
            (m, K); of the factors' dtype or, for real factors, complex.
        """
        if b.dtype.kind == "c" and self.r.dtype.kind != "c":
            # The real and imaginary parts are columns of one real product.
            parts, columns = self.project(np.hstack([b.real, b.imag])), b.shape[1]
            c = np.empty((len(parts.c), columns), b.dtype)
            c.real, c.imag = parts.c[:, :columns], parts.c[:, columns:]
            return Projected(c, parts.outside[:columns] + parts.outside[columns:])
        n, columns = len(self.r), b.shape[1]
        if not self.panels:
            return Projected(np.zeros((n, columns), b.dtype), squares(b))
        start, found, outside = 0, [], np.zeros(columns)
        for part in self.panels:
            c, rest = part.project(b[start : start + part.rows])
            found.append(c)
            outside += rest
            start += part.rows
        if self.above is None:
            return Projected(found[0], outside)
        last = self.above.project(np.concatenate(found))
        return Projected(last.c, outside + last.outside)

    def expand(self, c: Array) -> Array:
        """``Q [c; 0]`` (m, K), for ``c`` (n, K) of the factors' dtype or, for real factors, complex."""
        n, columns = c.shape
        if c.dtype.kind == "c" and self.r.dtype.kind != "c":
            parts = self.expand(np.hstack([c.real, c.imag]))
            return parts[:, :columns] + 1j * parts[:, columns:]
        if not self.panels:
            return np.zeros((self.rows, columns), c.dtype)
        own = c if self.above is None else self.above.expand(c)
        start, made = 0, []
        for part in self.panels:
            stop = start + len(part.v) * n
            made.append(part.expand(own[start:stop]))
            start = stop
        return np.concatenate(made)


def squares(rows: Array, axes: int | tuple[int, ...] = 0) -> Array:
    """The squared norm of each column."""
    norms: Array = np.add.reduce(rows.real**2, axis=axes)
    return norms + np.add.reduce(rows.imag**2, axis=axes) if rows.dtype.kind == "c" else norms


def factor(a: Array, dtype: np.dtype[Any], *, rows: int | None = None, keep: bool = True) -> Householder:
    """Factor some rows.

    Parameters
    ----------
    a : ndarray
        (m, n), of any real or complex dtype that casts to ``dtype``.
    dtype : dtype
        float64 or complex128.
    rows : int, optional
        Of the whole matrix; default: m.
    keep : bool
        Keep the reflections; else only ``r`` is of use.
    """
    (m, n), whole = a.shape, len(a) if rows is None else rows
    if not a.size:
        return Householder(np.zeros((n, n), dtype, "F"), (), None, whole)
    at_once = max(_ROWS, _TIMES * n)
    count = m // at_once
    panels: list[_Panels] = []
    triangles: list[Array] = []
    for part, number in ((a[: count * at_once], count), (a[count * at_once :], 1)):
        if len(part):
            made, r = _Panels.make(part.reshape(number, len(part) // number, n), dtype)
            triangles.append(r)
            if keep:
                panels.append(made)
    stacked = np.concatenate(triangles)
    if len(stacked) == n:
        return Householder(stacked, tuple(panels), None, whole)
    above = factor(stacked, dtype, keep=keep)
    return Householder(above.r, tuple(panels), above if keep else None, whole)
