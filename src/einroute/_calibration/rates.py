"""The constants of the cost model, measured: calls, bandwidths, first touch, BLAS."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from time import perf_counter

import numpy as np

from .._base.machine import SHIPPED, Machine
from .._base.numpy_functions import numpy_dot, numpy_matmul
from .._base.threads import run_blocks, single_threaded_blas

__all__ = ["STAGES", "rates"]

#: Bytes of what is read: in the core's own caches, in the last-level one, in memory.
_OWN, _SHARED, _MEMORY = 256 << 10, 6 << 20, 192 << 20
#: Sides of the matrices whose product is timed: beyond them BLAS gets no faster; and seconds for each figure.
_SIDE, _EACH = 512, 0.2
#: What a route takes around a call into NumPy, in such calls; prices are counted in both together.
_AROUND = 1.95
#: How far a figure may be from the shipped one: beyond, something else was measured.
_APART = 30.0
#: The same of what further threads add: where other programs keep the cores busy, nothing is measured.
_APART_THREADS = 3.0


def rates(base: Machine, threads: int) -> Iterator[Machine]:
    """The constants of a machine, more of them measured each time; as many times as `STAGES` says."""
    found = base
    for name, measure in _STAGES.items():
        value = measure(threads)
        shipped = getattr(SHIPPED, name)
        apart = _APART_THREADS if name.startswith("more") else _APART
        found = replace(found, **{name: min(max(value, shipped / apart), shipped * apart)})
        yield found


def _best(run: Callable[[], object], seconds: float = _EACH) -> float:
    """Seconds of a call, the least of as many as there is time for, three at least."""
    best, ends, number = float("inf"), perf_counter() + seconds, 0
    while number < 3 or perf_counter() < ends:
        start = perf_counter()
        run()
        best = min(best, perf_counter() - start)
        number += 1
    return best


def _call(_: int) -> float:
    """Of one call into NumPy: a product of two numbers in arrays, in a row of many."""
    a, b = np.ones(2), np.empty(2)

    def run() -> None:
        for _ in range(500):
            np.multiply(a, a, out=b)

    return _best(run) / 500 * _AROUND


def _reading(nbytes: int) -> float:
    """Bytes a second of one core that sums so many."""
    x = np.ones(nbytes // 8)
    number = max(1, (4 << 20) // nbytes)

    def run() -> None:
        for _ in range(number):
            numpy_dot(x, x)  # reads them once

    with single_threaded_blas():
        return nbytes * number / _best(run)


def _more_bandwidth(threads: int) -> float:
    """What a second core adds to what one gets out of memory."""
    if threads < 2:
        return SHIPPED.more_bandwidth
    x = np.ones(_MEMORY // 16)
    half = len(x) // 2
    parts = (x[:half], x[half:])

    def both() -> None:
        run_blocks(2, lambda i: numpy_dot(parts[i], parts[i]), 2)

    with single_threaded_blas():
        return _best(lambda: numpy_dot(x, x)) / _best(both) - 1


def _fresh(_: int) -> float:
    """Bytes a second of new memory, each page touched for the first time."""
    size = 32 << 20

    def run() -> None:
        np.frombuffer(mmap.mmap(-1, size), np.uint8)[:: mmap.PAGESIZE] = 1

    return size / _best(run)


def _gemm(dtype: str, side: int = _SIDE) -> float:
    """Multiply-adds a second of a square product, with as many threads as BLAS has."""
    a = np.ones((side, side), dtype)
    out = np.empty_like(a)
    return float(side) ** 3 / _best(lambda: numpy_matmul(a, a, out=out))


def _alone(dtype: str) -> float:
    with single_threaded_blas():
        return _gemm(dtype)


def _more_gemm(threads: int) -> float:
    """What each further thread adds to BLAS's speed on one; of a thread that it may not have, as shipped."""
    if threads < 2 or threading.active_count() > threads + 4:
        return SHIPPED.more_gemm
    return max((_gemm("d") / _alone("d") - 1) / (threads - 1), 0.05)


def _wake(threads: int) -> float:
    """Of two blocks of no work on two threads."""
    return _best(lambda: run_blocks(2, lambda _: None, 2)) if threads > 1 else SHIPPED.wake


_STAGES: dict[str, Callable[[int], float]] = {
    "call": _call,
    "own": lambda _: _reading(_OWN),
    "shared": lambda _: _reading(_SHARED),
    "memory": lambda _: _reading(_MEMORY),
    "more_bandwidth": _more_bandwidth,
    "fresh": _fresh,
    "gemm": lambda _: _alone("d"),
    "gemm_single": lambda _: _alone("f") / _alone("d"),
    "gemm_complex": lambda _: _alone("D") / _alone("d"),
    "more_gemm": _more_gemm,
    "wake": _wake,
}
#: How many figures there are.
STAGES = len(_STAGES)
