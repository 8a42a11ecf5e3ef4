"""A signal ends calls of the core that would take hours: the work between two looks is bounded in each loop.

The arrays are broadcast from a few numbers.  Nothing is timed: a loop that hears nothing does not come to its
end, and fails by the limit of its process.
"""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from einroute._native import CORE
from tests.processes import printed

if CORE is None:
    pytest.skip("the compiled core is not there", allow_module_level=True)

CODE = """
import signal
import numpy as np
from einroute._native import CORE
from tests.native.passes import bound

THREADS = {threads}
N = 1 << 11

def full(*shape):
    return np.broadcast_to(np.float64(1), shape)

def labels(*shape):
    return np.broadcast_to(np.int64(1), shape)

def sums(subscripts, sizes, *arrays):
    bound(subscripts, sizes, "d", THREADS)(*arrays)

def added(size, *width):
    CORE.add_at((labels(size),), (5,), (1,), (), full(size, *width), np.zeros((5, *width)), THREADS)

def product():
    axes = [(0, -1, 0, True), (1, 0, -1, False), (-1, 1, 1, False)]
    run = CORE.Product("d", (1 << 46, 2), (2, 2), (1 << 46, 2), axes, (0, 1), print)
    row = np.lib.stride_tricks.as_strided(np.ones(2), (1 << 46, 2), (0, 8))
    run(full(1 << 46, 2), np.ones((2, 2)), out=row)

def network():
    loop = (2, 2, True, False, (N, N, N), (N, 0, N, 0, 1, 1, 1, N, 0))
    result = ((N, N), (N, 1), 0)
    run = CORE.Network("l", [loop], [0, -1, -2, 0] * 9999, [(N, N)] * 2, N * N, result, None)
    run(*[np.ones((N, N), int)] * 2)

RUNS = {{
    "one sum": lambda: sums("i->", {{"i": 1 << 46}}, full(1 << 46)),
    "a short axis around": lambda: sums(
        "ij->", {{"i": 2, "j": 1 << 45}}, np.broadcast_to(np.ones((2, 1)), (2, 1 << 45))
    ),
    "axes in the middle": lambda: sums(
        "ij,jk,kl->", dict.fromkeys("ijkl", N), *[np.ones((N, N))] * 3
    ),
    "sums of rows": lambda: sums("ij->i", {{"i": 500, "j": 1 << 42}}, full(500, 1 << 42)),
    "sums of columns": lambda: sums("ij->j", {{"i": 1 << 40, "j": 50}}, full(1 << 40, 50)),
    "sums by label": lambda: added(1 << 42),
    "rows by label": lambda: added(1 << 40, 4),
    "wide rows by label": lambda: added(1 << 34, 512),
    "counts": lambda: CORE.count_at((labels(1 << 44),), (5,), (1,), (), 5, "l", THREADS),
    "equal labels": lambda: CORE.count_ones((labels(1 << 44), labels(1 << 44)), 5, THREADS),
    "a product of a stack": product,
    "a network": network,
}}

def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
for name, run in RUNS.items():
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        run()
    except KeyboardInterrupt:
        continue
    print(name)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
@pytest.mark.parametrize("threads", [1, 2])
def test_a_signal_ends_what_takes_hours(threads: int) -> None:
    code = CODE.format(threads=threads)
    assert printed(code, warnings="ignore", cwd=Path(__file__).parents[2]) == ""
