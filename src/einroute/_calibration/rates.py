"""The constants of the cost model, measured: calls, bandwidths, first touch, BLAS."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from .._base.cost import blas_threads
from .._base.machine import SHIPPED, Machine
from .._base.numpy_functions import numpy_dot, numpy_matmul
from .._base.threads import run_blocks, single_threaded_blas
from .._bench.stopwatch import lap

__all__ = ["STAGES", "rates"]

#: Bytes of what is read: in the core's own caches, in the last-level one, in memory.
_OWN, _SHARED, _MEMORY = 256 << 10, 6 << 20, 192 << 20
#: Bytes of what is new.
_FRESH = 64 << 20
#: Sides of the matrices whose product is timed: beyond them BLAS gets no faster; and seconds for each figure.
_SIDE, _EACH = 512, 0.1
#: Sides of small matrices, of a stack of so many, whose product tells what BLAS loses by short sides.
_SHORT, _STACK = 16, 64
#: How far two measurements of a figure may be apart, and how many there are until two agree.
_SPREAD, _TRIES = 1.5, 4
#: The least such length: a fast kernel for just these matrices says little of others.
_LEAST_HALF = 0.5
#: The least that another thread is taken to add.
_LEAST_MORE = 0.05
#: What a route takes around a call into NumPy, in such calls; prices are counted in both together.
_AROUND = 1.95
#: How far a figure may be from the shipped one: beyond, something else was measured.
_APART = 30.0
#: The same of what further threads add: where other programs keep the cores busy, nothing is measured.
_APART_THREADS = 3.0


@dataclass(frozen=True, slots=True)
class Stage:
    """A figure is measured.

    Attributes
    ----------
    machine : Machine
        All figures so far.
    name : str
        Of this one.
    steady : bool
        Whether two measurements agreed; else it is as it was before.
    """

    machine: Machine
    name: str
    steady: bool


def rates(base: Machine, threads: int) -> Iterator[Stage]:
    """The constants of a machine, one more of them measured each time; as many times as `STAGES` says."""
    found = base
    for name, measure in _STAGES.items():
        values = [measure(threads)]
        while len(values) < 2 or (len(values) < _TRIES and not _agree(values)):
            values.append(measure(threads))
        steady = _agree(values)
        if steady:
            shipped = getattr(SHIPPED, name)
            apart = _APART_THREADS if name.startswith("more") else _APART
            value = min(max(values[-1], shipped / apart), shipped * apart)
            found = _in_order(replace(found, **{name: value}))
        yield Stage(found, name, steady)


def _in_order(found: Machine) -> Machine:
    """No cache is slower than what lies behind it: of little that is read a call takes a good part."""
    shared = max(found.shared, found.memory)
    return replace(found, shared=shared, own=max(found.own, shared))


def _agree(values: Sequence[float]) -> bool:
    """Whether the last two measurements differ by little."""
    low, high = sorted(values[-2:])
    return 0 < high <= _SPREAD * low


def _best(run: Callable[[], object], seconds: float = _EACH) -> float:
    """Seconds of a call, the least of as many as there is time for, three at least."""
    best, ends, number = float("inf"), perf_counter() + seconds, 0
    while number < 3 or perf_counter() < ends:
        best = min(best, lap(run).seconds)
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
        return max(_best(lambda: numpy_dot(x, x)) / _best(both) - 1, _LEAST_MORE)


def _fresh(_: int) -> float:
    """Bytes a second of new memory, each page touched for the first time."""

    def run() -> None:
        np.empty(_FRESH, np.uint8)[:: mmap.PAGESIZE] = 1  # so much comes from the system, and goes back

    return _FRESH / _best(run)


def _gemm(dtype: str, side: int = _SIDE) -> float:
    """Multiply-adds a second of a square product, with as many threads as BLAS has."""
    a = np.ones((side, side), dtype)
    out = np.empty_like(a)
    return float(side) ** 3 / _best(lambda: numpy_matmul(a, a, out=out))


def _gemm_half(_: int) -> float:
    """The length of a side with which BLAS is half as fast, from products of small matrices."""
    a = np.ones((_STACK, _SHORT, _SHORT))
    out = np.empty_like(a)
    with single_threaded_blas():
        small = _STACK * float(_SHORT) ** 3 / _best(lambda: numpy_matmul(a, a, out=out))
        large = _gemm("d")
    # (n / (n + h))**2 * n / (n + 2 h) is about (n / (n + 4 h / 3))**3.
    lost: float = (large / small) ** (1 / 3) - 1
    return min(max(0.75 * _SHORT * lost, _LEAST_HALF), _SHORT)


def _alone(dtype: str) -> float:
    with single_threaded_blas():
        return _gemm(dtype)


def _more_gemm(threads: int) -> float:
    """What each further thread adds to BLAS's speed on one; of a thread that it may not have, as shipped."""
    if blas_threads(threads) < 2 or threading.active_count() > threads + 4:
        return SHIPPED.more_gemm
    return max((_gemm("d") / _alone("d") - 1) / (threads - 1), _LEAST_MORE)


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
    "gemm_half": _gemm_half,
    "gemm_single": lambda _: _alone("f") / _alone("d"),
    "gemm_complex": lambda _: _alone("D") / _alone("d"),
    "more_gemm": _more_gemm,
    "wake": _wake,
}
#: How many figures there are.
STAGES = len(_STAGES)
