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

M, W = 1 << 21, 1 << 24
AT, POINTS = np.zeros(M, "i4"), np.ones((M, 2))
ONE_LINE, LINES = np.array([0, M], "i4"), np.arange(M + 1, dtype="i4")

def sampled(output, width=W, values=False):
    factors = full(4, width), full(4, width)
    run = CORE.Sampled("d", (0, 1), ((0, 2), (1, 2)), output, (4, 4, width), values, threads=THREADS)
    run(np.ones(M), None, -1, (AT, AT), False, *factors)

def sampled_by_lines():
    run = CORE.Sampled("d", (0, 1), ((0, 2), (1, 2)), (0,), (M, 4, W), threads=THREADS)
    run(np.ones(M), LINES, 0, (AT, AT), False, full(M, W), full(4, W))

def sparse_by_dense():
    row = np.lib.stride_tricks.as_strided(np.ones(M), (M, M), (0, 8))
    CORE.multiply_compressed(LINES, AT, np.ones(M), True, full(4, M), row, THREADS)

def sparse_by_sparse():
    CORE.multiply_sparse(ONE_LINE, AT, np.ones(M), ONE_LINE, AT, np.ones(M), M, THREADS)

def differences():
    weights = full(M, M)  # without them no pair is looked at by itself
    CORE.difference_sums(POINTS, POINTS, weights, 2, True, False, False, False, np.dtype(float).num, THREADS)

def forms():
    x = np.ones((1 << 11, 1 << 12))
    CORE.difference_forms(x, x, np.ones((1 << 12, 1 << 12)), np.ones((1 << 11, 1 << 11)), THREADS)

RUNS = {{
    "products at entries": lambda: sampled((0, 1), values=True),
    "their sum": lambda: sampled(()),
    "their sums": lambda: sampled((0,)),
    "rows at entries": lambda: sampled((2,), 1 << 20),
    "sums of lines": sampled_by_lines,
    "sparse by dense": sparse_by_dense,
    "sparse by sparse": sparse_by_sparse,
    "differences of each": differences,
    "forms of differences": forms,
    "correlations": lambda: CORE.correlate(np.ones((1, M)), np.ones((1, M)), M, 1, 0, THREADS, False),
    "a copy": lambda: CORE.copy(
        full(1 << 46), np.lib.stride_tricks.as_strided(np.ones(1), (1 << 46,), (0,)), THREADS
    ),
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
    "products by label": lambda: CORE.multiply_at(
        (labels(M),), (5,), (1,), (), *[full(M, 1, 256)] * 2, np.zeros((5, 256, 256)), THREADS
    ),
    "counts": lambda: CORE.count_at((labels(1 << 44),), (5,), (1,), (), 5, "l", THREADS),
    "equal labels": lambda: CORE.count_ones((labels(1 << 44), labels(1 << 44)), 5, THREADS),
    "a product of a stack": product,
    "a network": network,
}}

if not CORE.use_blas(np._core._multiarray_umath.__file__):
    del RUNS["products by label"]

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
