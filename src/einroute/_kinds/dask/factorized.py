"""factorize(a) of a dask array: its triangle, kept where dask keeps results."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import dask.array as da
import numpy as np
from dask.base import DaskMethodsMixin, normalize_token, tokenize
from numpy.typing import NDArray

from .decomposition import Decomposed, Reduced, alone, decompose
from .fingerprint import Checked, digest, same, version_of
from .householder import factor
from .layers import anew, check_kept, chunked, handle, per_chunk
from .operands import check, check_cutoff, matrix, right_hand_side
from .outcome import answers, solved, spectrum
from .seminormal import corrected
from .tsqr import chunk_of, groups
from .wide import pseudo_inverse

__all__ = ["DaskFactorized"]

Array = NDArray[Any]


@dataclass(frozen=True, eq=False, slots=True)
class Kept:
    """What `factorize` keeps, as one result: lost and made again together, if a worker dies.

    Attributes
    ----------
    parts : Decomposed
    digests : tuple of bytes
        What each chunk of rows hashed to when it was read for `parts`.
    """

    parts: Decomposed
    digests: tuple[bytes, ...]

    def __sizeof__(self) -> int:
        return self.parts.__sizeof__() + 50 * len(self.digests)


class DaskFactorized(DaskMethodsMixin):  # type: ignore[misc]  # dask has no types
    """A dask matrix (M, N) with its triangle; immutable.

    Made by `factorize`, which starts the work: the triangle is persisted where the client, or the scheduler
    in force, keeps results. The matrix is not kept: each right-hand side reads it twice more, a chunk at a
    time, and every reading is compared with what was factored. Answers are lazy.

    The registry finds its kind by the module of its base class, which is dask's; it is no collection itself.

    Attributes
    ----------
    shape : tuple of int
        (M, N).
    dtype : numpy.dtype
        The matrix's.
    rank, s, cond : dask Array
        At `lstsq`'s default cutoff; 0-d, (min(M, N),) and 0-d.
    """

    __slots__ = ("_a", "_kept", "_name", "_parts", "_reproducible", "_seed", "_token")

    _a: Any
    _kept: Any
    _name: str
    _parts: Any
    _reproducible: bool
    _seed: int
    _token: str

    def __init__(self, a: Any, memory_limit: int | None, reproducible: bool) -> None:
        check("factorize", a)
        name_of_a = a.name
        a = matrix("factorize", a, memory_limit)
        unique = uuid.uuid4()
        seed, token = unique.int & (2**64 - 1), unique.hex
        # Names of its own, so that no result of the same name that is still held stands for a reading.
        kept = _graph(anew(a, f"{token}-factor"), token, seed, reproducible).persist()
        name = f"lstsq-kept-{token}-parts"
        parts = handle(name, {(name, 0): (_parts, (kept.name, 0))}, (1,), [kept])
        values = {
            "_a": a,
            "_kept": kept,
            "_name": name_of_a,
            "_parts": parts,
            "_reproducible": reproducible,
            "_seed": seed,
            "_token": token,
        }
        for key, value in values.items():
            object.__setattr__(self, key, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(
            f"DaskFactorized is immutable; factorize another matrix instead of setting {name!r}"
        )

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"DaskFactorized is immutable; {name!r} cannot be deleted")

    def __repr__(self) -> str:
        return f"<DaskFactorized {self.shape} {self.dtype} of {self._name}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a DaskFactorized refers to results of one client and is not pickled; factorize there"
        )

    def __dask_tokenize__(self) -> Any:
        return normalize_token(("DaskFactorized", self._token))

    @property
    def shape(self) -> tuple[int, int]:
        m, n = self._a.shape
        return m, n

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = self._a.dtype
        return dtype

    @property
    def ndim(self) -> int:
        return 2

    @property
    def array(self) -> Any:
        """The matrix as it was given to dask, which each computation reads."""
        return self._a

    @property
    def rank(self) -> Any:
        return self._spectrum(None)[0]

    @property
    def s(self) -> Any:
        return self._spectrum(None)[1]

    @property
    def cond(self) -> Any:
        parts = self._decomposed()
        name = f"lstsq-cond-{tokenize(parts.name)}"
        return chunked(name, {(name,): (_cond, (parts.name, 0))}, (), np.dtype(float), [parts])

    def _spectrum(self, rcond: float | None) -> tuple[Any, Any]:
        return spectrum(self._decomposed(), self._a, rcond)

    def _decomposed(self) -> Any:
        """One `Decomposed`.

        Raises
        ------
        distributed.client.FutureCancelledError
            The client that kept it is closed, was restarted, or cancelled it.
        """
        check_kept(self._kept, self._name)
        return self._parts

    def lstsq(self, b: Any, rcond: float | None = None) -> tuple[Any, Any, Any, Any]:
        """`einroute.lstsq` of this matrix, by the corrected semi-normal equations; lazy.

        Parameters
        ----------
        b : (M,) or (M, K) dask Array or array_like
        rcond : float, optional

        Returns
        -------
        x, residuals, rank, s : dask Array

        Raises
        ------
        numpy.linalg.LinAlgError
            `b` has another number of rows, or of dimensions.
        ValueError
            When computed: the matrix no longer holds what was factored.
        """
        cutoff = check_cutoff(rcond)
        b = right_hand_side("lstsq", self._a, b)
        return answers(self._decomposed(), self._corrected(b, cutoff), self._a, b, cutoff, self._reproducible)

    def solve(self, b: Any) -> Any:
        """`einroute.linalg.solve` of this matrix, lazy.

        Raises
        ------
        numpy.linalg.LinAlgError
            It is not square; when computed, it is singular.
        ValueError
            As `lstsq`.
        """
        b = right_hand_side("solve", self._a, b)
        return solved(
            self._decomposed(), self._corrected(b, -1.0), self._a, b, -1.0, True, self._reproducible
        )

    def inv(self) -> Any:
        """The inverse (M, M), lazy; raises what `solve` does."""
        n = self.shape[0]
        return self.solve(
            da.eye(n, dtype=self.dtype if self.dtype.char in "fFdD" else np.float64, chunks="auto")
        )

    def pinv(self, rcond: float | None = None) -> Any:
        """The pseudo-inverse (N, M), lazy, from the matrix read anew; numpy.linalg.pinv's default cutoff."""
        cutoff = 1e-15 if rcond is None else check_cutoff(rcond)
        assert cutoff is not None
        return pseudo_inverse(self.reading(0), cutoff, None, self._reproducible)[0]

    def parts_for(self, b: Any, rcond: float | None) -> tuple[Any, Any, Any, Any, Any]:
        """The solution, its `Corrected`, the `Decomposed`, the matrix, and ``b`` in its chunks of rows."""
        b = right_hand_side("lstsq", self._a, b)
        right = self._corrected(b, rcond)
        parts = self._decomposed()
        x = solved(parts, right, self._a, b, rcond, False, self._reproducible)
        return x, right, parts, self._a, b

    def _corrected(self, b: Any, rcond: float | None) -> Any:
        return corrected(self._decomposed(), self._checked, b, rcond, self._reproducible)

    def reading(self, number: int) -> Any:
        """The matrix under names of its own, each chunk compared with what was factored."""
        checked = self._checked(number)
        name = f"lstsq-read-{self._token}-{number}"
        tasks = {(name, i, 0): (_chunk, (checked.name, i, 0)) for i in range(checked.numblocks[0])}
        return chunked(name, tasks, self._a.chunks, self._a.dtype, [checked])

    def _checked(self, number: int) -> Any:
        check_kept(self._kept, self._name)
        a = anew(self._a, f"{self._token}-{number}")
        name = f"lstsq-same-{self._token}-{number}"
        tasks = {
            (name, i, 0): (_same, (a.name, i, 0), (self._kept.name, 0), i, self._seed, self._name)
            for i in range(a.numblocks[0])
        }
        return handle(name, tasks, a.numblocks, [a, self._kept])


def _graph(a: Any, token: str, seed: int, reproducible: bool) -> Any:
    """One `Kept`."""
    name = f"lstsq-factor-{token}"
    dtype = np.dtype(np.complex128 if a.dtype.kind == "c" else np.float64).str
    options = {"columns": a.shape[1], "dtype_name": dtype, "seed": seed, "reproducible": reproducible}
    level, depth = per_chunk(_factor_chunk, name, a, **options), 0
    while level.numblocks[0] > 1:
        depth += 1
        name, found = f"lstsq-merge-{token}-{depth}", groups(level.numblocks[0])
        tasks = {
            (name, j): (_merge, [(level.name, i) for i in group], dtype, reproducible)
            for j, group in enumerate(found)
        }
        level = handle(name, tasks, (len(found),), [level])
    name = f"lstsq-kept-{token}"
    return handle(name, {(name, 0): (_keep, (level.name, 0), reproducible)}, (1,), [level])


def _factor_chunk(blocks: Any, columns: int, dtype_name: str, seed: int, reproducible: bool) -> Reduced:
    chunk = chunk_of(blocks, columns, dtype_name)
    with alone(reproducible):
        made = factor(chunk, np.dtype(dtype_name), keep=False)
    return Reduced(made.r, made.rows, (digest(chunk, seed),))


def _merge(parts: list[Reduced], dtype_name: str, reproducible: bool) -> Reduced:
    rows = sum(part.rows for part in parts)
    with alone(reproducible):
        made = factor(np.concatenate([part.r for part in parts]), np.dtype(dtype_name), keep=False)
    return Reduced(made.r, rows, tuple(one for part in parts for one in part.digests))


def _keep(part: Reduced, reproducible: bool) -> Kept:
    parts = replace(decompose(part, reproducible), version=version_of(part.digests))
    return Kept(parts, part.digests)


def _parts(kept: Kept) -> Decomposed:
    return kept.parts


def _chunk(checked: Checked) -> Array:
    return checked.chunk


def _same(chunk: Any, kept: Kept, place: int, seed: int, name: str) -> Checked:
    return same(chunk, kept.digests, place, seed, name)


def _cond(parts: Decomposed) -> Any:
    s = parts.s
    if not s.size:
        return np.float64(0)
    return np.float64(s[0] / s[-1]) if s[-1] > 0 else np.float64(np.inf)
