"""Comparison of lstsq, solve, inv and pinv with NumPy's and SciPy's, at every sight of a matrix."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

import einroute as er
from tests.helpers import public_type

#: Calls with the same matrix: NumPy's function, a factorization by the third at the latest, kept factors.
SIGHTS = 5
#: Units of rounding, times the condition number, by which two backward stable algorithms may differ here.
UNITS = 200.0


@dataclass(frozen=True)
class Outcome:
    """What a call returned, or raised, and the categories of its warnings."""

    value: Any
    error: Exception | None
    warned: tuple[type[Warning], ...]


def outcome(function: Callable[..., Any], *args: Any, **options: Any) -> Outcome:
    """Call, and keep everything that a user would see."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value, error = function(*args, **options), None
        except Exception as e:
            value, error = None, e
    return Outcome(value, error, tuple(w.category for w in caught))


@contextmanager
def fresh_cache(**options: Any) -> Iterator[None]:
    """Empty caches under the given process-wide options, which are put back at the end."""
    before = {name: er.get_config()[name] for name in ("cache_bytes", "prepare")}
    er.cache_clear()
    er.set_config(**{"prepare": "auto", **options})
    try:
        yield
    finally:
        er.set_config(**before)
        er.cache_clear()


def hits() -> int:
    """Calls answered from kept factors since the caches were cleared."""
    return er.cache_info()["hits"]


def outputs(value: Any) -> tuple[Any, ...]:
    """The arrays of an answer, one or several."""
    return value if isinstance(value, tuple) else (value,)


def agree(ours: Outcome, theirs: Outcome, allowances: tuple[float, ...]) -> None:
    """The same type, dtype, shape, error type and warnings; values within the allowance of each output."""
    assert ours.warned == theirs.warned, f"warned {ours.warned}; expected {theirs.warned}"
    if theirs.error is not None:
        assert ours.error is not None, f"no error; expected {theirs.error!r}"
        assert type(ours.error) is type(theirs.error) or isinstance(ours.error, public_type(theirs.error))
        assert str(ours.error).strip()
        return
    if ours.error is not None:
        raise AssertionError("raised where the mirrored function does not") from ours.error
    values, rights = outputs(ours.value), outputs(theirs.value)
    assert len(values) == len(rights)
    for value, right, allowed in zip(values, rights, allowances, strict=True):
        assert type(value) is type(right)
        if right is None:
            continue
        assert value.dtype == right.dtype
        assert value.dtype.isnative
        assert value.shape == right.shape
        assert value.flags.writeable or isinstance(value, np.generic)
        near(np.asarray(value), np.asarray(right), allowed)


def near(value: np.ndarray, right: np.ndarray, allowed: float) -> None:
    """Equal where not finite (complex: not finite alike), and within ``allowed`` elsewhere, absolutely."""
    finite = np.isfinite(right)
    np.testing.assert_array_equal(np.isfinite(value), finite)
    if right.dtype.kind != "c":
        np.testing.assert_array_equal(value[~finite], right[~finite])
    with np.errstate(all="ignore"):
        off = np.abs(value[finite] - right[finite]).max(initial=0)
    assert off <= allowed, f"off by {off}, allowed {allowed}"


def plain(x: Any) -> np.ndarray:
    """As a base array of doubles."""
    x = np.asarray(x)
    return x.astype(complex if x.dtype.kind == "c" else float)


def lstsq_allowances(a: Any, b: Any, right: Any) -> tuple[float, ...]:
    """What x, residuals, rank and s may differ by: G. Golub and C. Van Loan, Matrix Computations, 5.3.7.

    The error of x is bounded by ``cond ||x|| + cond**2 ||r|| / ||a||`` units of rounding, over the singular
    values that count.
    """
    if right is None or not np.size(a):
        return (0.0,) * 4
    if np.ndim(right[2]):  # rcond=[0.1] adds an axis to everything
        right = tuple(part[0] for part in right)
    x, _, rank, s = (np.asarray(one) for one in right)
    info = np.finfo(x.dtype)
    with np.errstate(all="ignore"):
        a, b, x, s = plain(a), plain(b), plain(x), plain(s)
        allowed_s = UNITS * float(info.eps) * s[0]
        if rank == 0:
            return 0.0, 0.0, 0.0, allowed_s
        last = s[int(rank) - 1]
        r = size_of(b - a @ x)
        rounding = UNITS * float(info.eps) * (size_of(b) + s[0] * size_of(x))
        return (
            UNITS * float(info.eps) * s[0] / last * (size_of(x) + r / last)
            + UNITS * float(info.smallest_subnormal) * max(1.0, 1 / last),
            2 * r * rounding + rounding**2 + UNITS * float(info.smallest_subnormal),
            0.0,
            allowed_s,
        )


def size_of(x: np.ndarray) -> float:
    """The norm of the finite entries, whatever their magnitude."""
    size = np.abs(x[np.isfinite(x)])
    largest = size.max(initial=0)
    return float(largest * np.linalg.norm(size / largest)) if largest > 0 else 0.0


def same_lstsq(a: Any, b: Any, *args: Any, sights: int = SIGHTS, kept: bool | None = None) -> Any:
    """`einroute.lstsq` is numpy.linalg's at every sight; ``kept``: whether factors are to have answered."""
    theirs = outcome(np.linalg.lstsq, a, b, *args)
    with np.errstate(all="ignore"):
        allowed = lstsq_allowances(a, b, theirs.value)
    return _at_every_sight(er.lstsq, theirs, allowed, sights, kept, a, b, *args)


def same_solve(a: Any, b: Any, sights: int = SIGHTS, kept: bool | None = None) -> Any:
    """`einroute.linalg.solve` is numpy.linalg's at every sight."""
    theirs = outcome(np.linalg.solve, a, b)
    allowed = scale(a, theirs)
    return _at_every_sight(er.linalg.solve, theirs, (allowed,), sights, kept, a, b)


def same_inverse(name: str, a: Any, sights: int = SIGHTS, kept: bool | None = None, **options: Any) -> Any:
    """`inv` or `pinv` is numpy.linalg's at every sight."""
    theirs = outcome(getattr(np.linalg, name), a, **options)
    allowed = (scale(a, theirs),)
    ours = getattr(er.linalg, name)
    return _at_every_sight(ours, theirs, allowed, sights, kept, a, **options)


def scale(a: Any, right: Outcome) -> float:
    """What the solution of a linear system may differ by: cond(a) units of rounding, relative."""
    if right.value is None or not np.size(a):
        return 0.0
    x = np.asarray(right.value)
    with np.errstate(all="ignore"):
        matrix = plain(a)
        if not np.isfinite(matrix).all():
            return 0.0
        s = np.linalg.svd(matrix, compute_uv=False)
        s = s[s > 1e-14 * s[..., :1].max()]
        cond = s.max() / s.min() if s.size else 1.0
        return float(UNITS * np.finfo(x.dtype).eps * cond * size_of(x))


def _at_every_sight(
    function: Callable[..., Any],
    theirs: Outcome,
    allowed: tuple[float, ...],
    sights: int,
    kept: bool | None,
    *args: Any,
    **options: Any,
) -> Any:
    er.cache_clear()
    before = [x.tobytes() if isinstance(x, np.ndarray) else None for x in args]
    for sight in range(1, sights + 1):
        ours = outcome(function, *args, **options)
        try:
            agree(ours, theirs, allowed)
        except AssertionError as error:
            raise AssertionError(f"at sight {sight}: {error}") from (error.__cause__ or error)
    assert [x.tobytes() if isinstance(x, np.ndarray) else None for x in args] == before, "an input changed"
    if kept is not None:
        assert (hits() > 0) == kept, f"kept factors were used {hits()} times"
    return ours.value


def of_dtype(shape: tuple[int, ...], dtype: Any, seed: int = 0) -> np.ndarray:
    """Random numbers; of bools and integers small ones."""
    rng = np.random.default_rng(seed)
    dtype = np.dtype(dtype)
    if dtype.kind in "biu":
        low = -9 if dtype.kind == "i" else 0
        return rng.integers(low, 2 if dtype.kind == "b" else 10, shape).astype(dtype)
    values = rng.standard_normal(shape)
    if dtype.kind == "c":
        return (values + 1j * rng.standard_normal(shape)).astype(dtype)
    return values.astype(dtype)


def with_singular_values(m: int, n: int, s: Any, seed: int = 0, dtype: Any = float) -> np.ndarray:
    """A matrix (m, n) of random singular vectors and the singular values ``s``, rounded to ``dtype``."""
    s = np.asarray(s, float)
    u, _ = np.linalg.qr(of_dtype((m, len(s)), dtype, seed))
    v, _ = np.linalg.qr(of_dtype((n, len(s)), dtype, seed + 1))
    return ((u * s) @ v.conj().T).astype(dtype)


def definite(n: int, dtype: Any = float, cond: float = 10.0) -> np.ndarray:
    """Hermitian positive definite, exactly Hermitian."""
    q, _ = np.linalg.qr(of_dtype((n, n), np.result_type(dtype, "f8")))
    a = (q * np.geomspace(1, 1 / cond, n)) @ q.conj().T
    return ((a + a.conj().T) / 2).astype(dtype)


def layouts(a: np.ndarray) -> dict[str, np.ndarray]:
    """The values of ``a`` (2-D) in other layouts of memory."""
    wide = np.zeros((2 * a.shape[0], 3 * a.shape[1]), a.dtype)
    wide[::2, ::3] = a
    raw = np.zeros(a.nbytes + 1, np.uint8)
    misaligned = raw[1:].view(a.dtype).reshape(a.shape)
    misaligned[...] = a
    frozen = a.copy()
    frozen.flags.writeable = False
    return {
        "C": a.copy(),
        "F": np.asfortranarray(a),
        "transposed view": np.ascontiguousarray(a.T).T,
        "strided": wide[::2, ::3],
        "reversed": np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
        "columns of a wider one": np.hstack([a, a])[:, : a.shape[1]],
        "read-only": frozen,
        "byte-swapped": a.astype(a.dtype.newbyteorder("S")),
        "misaligned": misaligned,
        "broadcast rows": np.broadcast_to(a, (1, *a.shape))[0],
    }


def structured_matrix(kind: str, n: int, dtype: Any) -> np.ndarray:
    """An (n, n) matrix: general, definite, hermitian or symmetric (neither of them definite), or banded."""
    a = of_dtype((n, n), complex if np.dtype(dtype).kind == "c" else float, 3)
    if kind == "definite":
        a = a @ a.conj().T + n * np.eye(n)
        a = np.triu(a, 1) + np.triu(a, 1).conj().T + np.diag(a.diagonal().real)  # exactly Hermitian
    elif kind == "hermitian":
        a = a + a.conj().T
    elif kind == "symmetric":
        a = a + a.T
    elif kind == "banded":
        a = np.triu(np.tril(a, 3), -2) + 4 * np.eye(n)
    return a.astype(dtype)
