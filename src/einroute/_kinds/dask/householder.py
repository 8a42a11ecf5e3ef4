"""QR factorizations of tall blocks of rows, in the processor's cache, with Q kept as reflections.

Rows are factored a few hundred kilobytes at a time, and the triangles that come of them are stacked and
factored again: TSQR within one task (J. Demmel, L. Grigori, M. Hoemmen, J. Langou, Communication-optimal
parallel
and sequential QR and LU factorizations, SIAM J. Sci. Comput. 34, 2012). Each row is read once, and Q is
never formed.
Folding all rows into one triangle, one part after the other, would cost as much and lose half a digit: errors
of each fold are relative to the whole triangle.

Each part is LAPACK's tpqrt, and tpmqrt applies its ``Q^H``. SciPy's own wrappers of these hold Python's
lock; here
they are called through the pointers that `scipy.linalg.cython_lapack` publishes, so that the threads of one
process
work at the same time.
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

#: Rows factored at once, at least: they fit a core's own cache, and more of them lose digits. And how many
#: times
#: the columns at least, so that their triangles are much less than they were.
_ROWS, _TIMES = 400, 8
#: Reflections that LAPACK gathers into one product, by columns up to which that many are fastest.
_GATHERED = ((64, 8), (512, 16))
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


def _call(name: str, dtype: np.dtype[Any], *arguments: Any) -> None:
    """Call a routine, whose last argument ``info`` is added here, with arrays, whole numbers and letters.

    Raises
    ------
    RuntimeError
        LAPACK found an argument wrong.
    """
    kept: list[Any] = []
    for value in (*arguments, 0):
        if isinstance(value, np.ndarray):
            kept.append(value.ctypes)
        elif isinstance(value, str):
            kept.append(ctypes.c_char(value.encode()))
        else:
            kept.append(ctypes.c_int(value))
    addresses = [x.data if hasattr(x, "data") else ctypes.addressof(x) for x in kept]
    _lapack(name, dtype, len(kept))(*addresses)
    if kept[-1].value:
        raise RuntimeError(f"LAPACK's {name} takes no argument {-kept[-1].value} as given")


@dataclass(frozen=True, eq=False, slots=True)
class _Step:
    """The factorization of some rows: reflections ``v`` (rows, n), and their products' triangles ``t``."""

    v: Array
    t: Array

    @classmethod
    def make(cls, v: Array) -> tuple[_Step, Array]:
        """Factor ``v``, in Fortran order, which is overwritten; the step, and the triangle (n, n)."""
        m, n = v.shape
        r = np.zeros((n, n), v.dtype, "F")
        gathered = min(n, next((most for columns, most in _GATHERED if n <= columns), _MOST_GATHERED))
        t, work = np.empty((gathered, n), r.dtype, "F"), np.empty((gathered, n), r.dtype)
        _call("tpqrt", r.dtype, m, n, 0, gathered, r, n, v, m, t, gathered, work)
        return cls(v, t), r

    def apply(self, c: Array, rows: Array, *, adjoint: bool = True) -> None:
        """``Q^H [c; rows]``, or Q times that, in place of both."""
        (m, n), k = self.v.shape, c.shape[1]
        if not k:
            return
        gathered = len(self.t)
        work = np.empty((gathered, k), c.dtype)
        turned = ("C" if c.dtype.kind == "c" else "T") if adjoint else "N"
        _call(
            "tpmqrt", c.dtype, "L", turned, m, k, n, 0, gathered,
            self.v, m, self.t, gathered, c, n, rows, m, work,
        )  # fmt: skip


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
    steps : tuple of _Step
        How each part of the rows was factored; as much memory as the rows took.
    above : Householder or None
        How the triangles of several parts were.
    rows : int
        m; of the whole matrix where triangles were factored.
    """

    r: Array
    steps: tuple[_Step, ...]
    above: Householder | None
    rows: int

    def __sizeof__(self) -> int:
        own = self.r.nbytes + sum(step.v.nbytes + step.t.nbytes for step in self.steps)
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
        if not self.steps:
            return Projected(np.zeros((n, columns), b.dtype), squares(b))
        start, outside, found = 0, np.zeros(columns), []
        for step in self.steps:
            c = np.zeros((n, columns), self.r.dtype, "F")
            rows = np.array(b[start : start + len(step.v)], self.r.dtype, order="F")
            step.apply(c, rows)
            outside += squares(rows)
            found.append(c)
            start += len(step.v)
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
        if not self.steps:
            return np.zeros((self.rows, columns), c.dtype)
        own = c if self.above is None else self.above.expand(c)
        made: list[Array] = []
        for i, step in enumerate(self.steps):
            rows = np.zeros((len(step.v), columns), self.r.dtype, "F")
            step.apply(np.array(own[i * n : (i + 1) * n], self.r.dtype, order="F"), rows, adjoint=False)
            made.append(rows)
        return np.concatenate(made)


def squares(rows: Array) -> Array:
    """The squared norm of each column."""
    norms: Array = np.add.reduce(rows.real**2, axis=0)
    return norms + np.add.reduce(rows.imag**2, axis=0) if rows.dtype.kind == "c" else norms


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
    m, n = a.shape
    at_once = max(_ROWS, _TIMES * n)
    steps: list[_Step] = []
    triangles: list[Array] = []
    for start in range(0, m if n else 0, at_once):
        step, r = _Step.make(np.array(a[start : start + at_once], dtype, order="F"))
        triangles.append(r)
        if keep:
            steps.append(step)
    whole = m if rows is None else rows
    if len(triangles) < 2:
        r = triangles[0] if triangles else np.zeros((n, n), dtype, "F")
        return Householder(r, tuple(steps), None, whole)
    above = factor(np.concatenate(triangles), dtype, keep=keep)
    return Householder(above.r, tuple(steps), above if keep else None, whole)
