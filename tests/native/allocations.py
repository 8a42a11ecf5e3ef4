"""Calls whose n-th allocation fails, for every n: `python -m tests.native.allocations` under ``LD_PRELOAD``.

A call then gives the right result or a MemoryError; nothing is left half done: the next call is right, and no
operand is held.
"""

from __future__ import annotations

import argparse
import ctypes
import faulthandler
import gc
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

import einroute as er
from einroute._native import CORE
from einroute._native.flags import report

#: More allocations than any call makes.
ALL = 10**9


@dataclass(frozen=True)
class Call:
    """A call, its operands, and whether it is known to the table when memory is short."""

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    known: bool = True

    def __call__(self) -> Any:
        return self.function(*self.args)


def products() -> Iterator[Call]:
    """What the core itself is asked, on the way that has its own memory."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((5, 3, 4)), rng.standard_normal((5, 4, 3))
    product = CORE.Product(
        "d", (5, 40, 30), (5, 30, 40), (5, 40, 40),
        [(0, 0, 0, True), (1, -1, 1, False), (-1, 2, 2, False), (2, 1, -1, False)], [0, 1, 2], report,
    )  # fmt: skip
    yield Call("Product", product, (rng.random((5, 40, 30)), rng.random((5, 30, 40))))
    passed = CORE.OnePass("d", (300, 400), [(0, 1), (1,)], (0,), (0,), (0, 1), 2, report)
    yield Call("OnePass", passed, (rng.random((300, 400)), rng.random(400)))
    silent = CORE.Silent(passed, lambda a, v: a[0].copy())
    yield Call("Silent", silent, (np.full((300, 400), 1e308), np.full(400, 1e308)))
    yield Call("Contraction", CORE.Contraction("aij,ajk->aik", "d", [a.shape, b.shape]), (a, b))
    chain = CORE.Contraction("aij,ajk,akl,bl->", "d", [a.shape, b.shape, a.shape, (7, 4)])
    yield Call("a chain", chain, (a, b, a, rng.random((7, 4))))
    u, s, vh = np.linalg.svd(rng.random((900, 3)), full_matrices=False)
    w = np.ascontiguousarray(vh / s[:, None])
    args = (np.ascontiguousarray(u.T), w, (u * s) @ vh, rng.random(900), True, 1e-200, 1e200, False)
    yield Call("apply_factors", CORE.apply_factors, args)
    large = (CORE.LARGE_BYTES // 8 + 1000,)
    yield Call("empty", lambda: CORE.empty(large, "d").fill(0), ())
    yield Call("made", lambda: CORE.Contraction("aij,ajk,akl,bl->", "d", [(2, 2, 2)] * 3 + [(2, 2)]), ())
    yield Call("understand", CORE.understand, ("aij,ajk,akl->ail", a, b, a))


def public(known: bool) -> Iterator[Call]:
    """Calls of public functions."""
    rng = np.random.default_rng(1)
    a, b, v = rng.standard_normal((3, 4)), rng.standard_normal((4, 3)), rng.standard_normal(4)
    stack, huge = rng.random((40, 3, 3)), np.array([1e308, 1e308])
    whole = np.arange(12).reshape(3, 4)
    yield Call("einsum", er.einsum, ("ij,jk->ik", a, b), known)
    yield Call("einsum of three", er.einsum, ("ij,jk,k->i", a, b, rng.random(3)), known)
    yield Call("einsum to a number", er.einsum, ("ij,ji->", a, b), known)
    yield Call("einsum repeated", er.einsum, ("i,j->", huge, np.array([1e-300, 0])), known)
    yield Call("einsum of a stack", er.einsum, ("aij,ajk->aik", stack, stack), known)
    yield Call("einsum, a view", er.einsum, ("ij->ji", a), known)
    yield Call("einsum of integers", er.einsum, ("ij,ij->j", whole, whole), known)
    yield Call("tensordot", er.tensordot, (a, b, 1), known)
    yield Call("tensordot of axes", er.tensordot, (a, b, ([0, 1], [1, 0])), known)
    yield Call("dot", er.dot, (a, v), known)
    yield Call("matmul", er.matmul, (stack, stack), known)
    yield Call("inner", er.inner, (v, v), known)
    yield Call("vdot", er.vdot, (v, v), known)
    yield Call("outer", er.outer, (v, v), known)
    yield Call("vecdot", er.vecdot, (a, a), known)
    yield Call("matvec", er.matvec, (a, v), known)
    yield Call("vecmat", er.vecmat, (v, b), known)
    if not known:
        yield Call("dot into out", er.dot, (a, b, np.empty((3, 3))), known)


def values(result: Any) -> Any:
    """A result as what can be compared; what has no values, by its type."""
    if isinstance(result, tuple):
        return tuple(values(x) for x in result)
    return result.copy() if isinstance(result, np.ndarray | np.generic) else type(result)


def same(x: Any, y: Any) -> bool:
    """Whether two results are equal, bit by bit."""
    if isinstance(x, tuple):
        return len(x) == len(y) and all(map(same, x, y))
    if isinstance(x, np.ndarray | np.generic):
        return type(x) is type(y) and x.dtype == y.dtype and np.array_equal(x, y, equal_nan=True)
    return bool(x == y)


def tried(call: Call, clib: ctypes.CDLL, first: int, last: int) -> tuple[Any, bool]:
    """What the call comes to where allocations fail, and whether it got so far."""
    result: Any = None
    clib.allocations_fail(first, last)
    try:
        result = call()
    except MemoryError:
        result = MemoryError
    except SystemError:  # NumPy's own: a ufunc that finds no memory for its arguments sets no exception
        if not isinstance(call.function, CORE.Ufunc):
            raise
        result = MemoryError
    finally:
        while True:
            try:
                counted = clib.allocations_counted()
                break
            except MemoryError:
                pass
    return result, counted >= first


def check(call: Call, clib: ctypes.CDLL, step: int) -> int:
    """Let each allocation fail, or one in so many, alone and with those that follow; how many there are."""
    for _ in range(3):
        right = values(call())
    gc.collect()
    held = [x for x in call.args if isinstance(x, np.ndarray)]
    counts = [sys.getrefcount(x) for x in held]
    number, last = 1, False
    while not last:
        # Python 3.11 itself loops for ever where again and again it finds no memory for an exception.
        for until in (number, ALL if call.known else number + 2):
            if not call.known:
                er.cache_clear()
            result, reached = tried(call, clib, number, until)
            if result is not MemoryError and not same(values(result), right):
                raise AssertionError(f"{call.name}: another result, allocation {number} to {until}")
            del result
            if not same(values(call()), right):
                raise AssertionError(f"{call.name}: the next call differs, allocation {number} to {until}")
            last = not reached
        number += step
    gc.collect()
    now = [sys.getrefcount(x) for x in held]
    if call.known and now != counts:  # else Python 3.11 itself keeps what it was unpacking
        raise AssertionError(f"{call.name}: references to operands were {counts}, are {now}")
    return number - step


def main() -> None:
    """Run every call; the one that ends the process is the last one named."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--step", type=int, default=1, help="of calls that are not known: each so many-th")
    parser.add_argument("--only", default="", help="calls whose name has this")
    options = parser.parse_args()
    faulthandler.enable()
    sys.unraisablehook = lambda _: None  # told where a generator finds no memory to end
    warnings.simplefilter("error")
    clib = ctypes.CDLL(None)
    clib.allocations_fail.argtypes = (ctypes.c_long, ctypes.c_long)
    clib.allocations_fail.restype = None
    clib.allocations_counted.restype = ctypes.c_long
    # What plans is Python code: 3.13 itself crashes where a frame of it finds no memory.
    planned = public(known=False) if sys.version_info < (3, 12) else ()
    for call in (*products(), *public(known=True), *planned):
        if options.only in call.name:
            print(call.name, "" if call.known else "anew", end=": ", flush=True)
            print(check(call, clib, 1 if call.known else options.step), "allocations", flush=True)


if __name__ == "__main__":
    main()
