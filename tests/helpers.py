"""What the tests share: einroute's namespace, and the comparison of one call with NumPy's."""

from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import einroute as ER
from einroute._config.config_block import forcing

SIZES = {"i": 2, "j": 3, "k": 4, "l": 5, "m": 2, "A": 3, "b": 2, "z": 1}
DTYPES = ("?", "i1", "u1", "i2", "i4", "i8", "u8", "f2", "f4", "f8", "g", "F", "D", "G", ">f8", ">i4")
SETTINGS = (False, True, None, "greedy", "optimal", ("greedy", 1000), ("optimal", 0))
EXPRESSIONS = (
    "i->", "i->i", "ij", "ji", "ij->", "ij->i", "ij->j", "ij->ji", "ii", "ii->", "ii->i", "iij->j", "iji->ij",
    "ijk->ki", "bA", "Ab->A", ",->", ",i->i", "i,i", "i,i->", "i,i->i", "i,j", "i,j->", "i,j->ji", "ij,j",
    "ij,j->", "i,ij", "ij,ij", "ij,ij->", "ij,ij->ij", "ij,ij->ji", "ij,ij->i", "ij,ij->j", "ij,ji->",
    "ij,jk", "ij,jk->ki", "ij,jk->", "ij,jk->i", "ij,jk->ijk", "ij,jk->j", "ij,kj->ik", "ji,jk->ik",
    "ji,kj->ki", "ijk,ikl->ijl", "ijk,jkl->il", "ijk,jil->kl", "ijk,ljk->l", "ijk,jil,kjl->", "ij,jk,kl",
    "ij,jk,kl->li", "ij,jk,kl,lm", "ij,jk,kl,lm->", "i,j,k->kji", "i,i,i->i", "i,i,i->", "ij,i,j->",
    "ijk,kl,ijl->ij", "ijk,il,jl->kl", "ii,jj", "ii,ij->j", "iij,jk->ik", "i,ij,jk,k", "z,i->i", "zi,zj->ij",
    "ij,z->ij",
)  # fmt: skip


def small_integers(rng: np.random.Generator, shape: Any, dtype: Any, most: int = 9) -> np.ndarray:
    """Integers of magnitude ``most`` at most, whose sums of products are exact in most dtypes."""
    kind = np.dtype(dtype).kind
    least = 0 if kind in "ub" else -most
    values = rng.integers(least, most + 1, shape)
    if kind == "c":
        values = values + 1j * rng.integers(least, most + 1, shape)
    return np.asarray(values).astype(dtype)


def make(terms: str, dtype: Any, seed: int = 0) -> list[np.ndarray]:
    """Operands of small integer values for the subscripts `terms`."""
    rng = np.random.default_rng(seed)
    return [
        small_integers(rng, [SIZES[c] for c in term], dtype, 3)
        for term in terms.split("->", maxsplit=1)[0].split(",")
    ]


def find(namespace: Any, name: str) -> Any:
    """The function `name`, which may be dotted, of `namespace`."""
    for part in name.split("."):
        namespace = getattr(namespace, part)
    return namespace


def outcome(function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, Exception | None]:
    """What a call returns, or the exception that it raises."""
    try:
        return function(*args, **options), None
    except Exception as e:
        return None, e


def public_type(error: Exception) -> type[BaseException]:
    """The exception type a user would name: NumPy's private ones count as what they derive from."""
    homes = ("builtins", "numpy.exceptions", "numpy.linalg")
    return next(t for t in type(error).__mro__ if t.__module__ in homes)


def in_one_line(shown: object) -> str:
    """What is shown, as one line: where lines are broken depends on their length."""
    return " ".join(str(shown).split())


def is_view(result: Any, args: tuple[Any, ...]) -> bool:
    """Whether `result` shares memory with an argument."""
    return isinstance(result, np.ndarray) and any(
        np.may_share_memory(result, a) for a in args if isinstance(a, np.ndarray)
    )


def tolerance(dtype: np.dtype) -> float:
    """Rounding of a few hundred operations in `dtype`, relative."""
    return 0.0 if dtype.kind not in "fc" else 1000 * float(np.finfo(dtype).eps)


def assert_agrees(result: Any, right: Any, args: tuple[Any, ...] = ()) -> None:
    """`result` has the type, dtype, shape, view behaviour and values of NumPy's `right`."""
    assert type(result) is type(right)
    if not hasattr(right, "dtype"):
        assert result == right
        return
    assert result.dtype == right.dtype
    assert result.shape == right.shape
    if isinstance(right, np.ndarray):
        assert result.flags.writeable == right.flags.writeable
        if right.size:
            assert is_view(result, args) == is_view(right, args)
    if right.dtype.kind in "fc":
        with np.errstate(all="ignore"):
            scale = np.abs(right[np.isfinite(right)]).max(initial=0) if right.ndim else 0
        rtol = tolerance(right.dtype)
        np.testing.assert_allclose(result, right, rtol=rtol, atol=rtol * float(scale))
    else:
        np.testing.assert_array_equal(result, right)


def assert_same(name: str, *args: Any, **options: Any) -> Any:
    """Our function `name` does what NumPy's does: the same result, or the same type of exception."""
    right, their_error = outcome(find(np, name), args, options)
    result, our_error = outcome(find(ER, name), args, options)
    if their_error is None:
        if our_error is not None:
            raise AssertionError(f"{name} raised where NumPy does not") from our_error
        assert_agrees(result, right, args)
    else:
        assert our_error is not None, f"no error; NumPy raises {type(their_error).__name__}: {their_error}"
        wanted = public_type(their_error)
        assert isinstance(our_error, wanted), f"{our_error!r}; NumPy raises {their_error!r}"
        assert str(our_error).strip()
    return result


def peak_of(call: Any) -> tuple[Any, int]:
    """What a call returns and the most memory traced meanwhile; a first call has planned."""
    call()
    tracemalloc.start()
    try:
        result = call()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@contextmanager
def planned(forbid: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """Every call goes through a plan, the tiny ones too; yields the names of the routes run."""
    with forcing(None, forbid=forbid) as ran:
        yield ran


@contextmanager
def silent() -> Iterator[None]:
    """Any warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
