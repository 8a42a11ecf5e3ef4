"""The core's threads: forks, interrupts and many callers at once leave them whole, and results right."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

from einroute._base.threads import run_blocks
from einroute._native import CORE, limits
from tests.processes import printed

if CORE is None:
    pytest.skip("the compiled core is not there", allow_module_level=True)

from tests.native.passes import bound

ROOT = Path(__file__).parents[2]
N = 3_000_000
A = np.arange(N) % 7.0
TOTAL, SQUARES = float(A.sum()), float((A * A).sum())
SUM, DOT = bound("i->", {"i": N}, "d", 4), bound("i,i->", {"i": N}, "d", 4)


def check() -> None:
    assert float(SUM(A)) == TOTAL
    assert float(DOT(A, A)) == SQUARES


def test_one_thread_starts_none() -> None:
    code = """
import os
import numpy as np
from tests.native.passes import bound
x = np.ones(3_000_000)
before = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 0
assert bound("i->", {"i": x.size}, "d", 1)(x) == x.size
after = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 0
assert bound("i->", {"i": x.size}, "d", 3)(x) == x.size
last = len(os.listdir("/proc/self/task")) if os.path.isdir("/proc/self/task") else 2
print(after - before, last - after)
"""
    assert printed(code, warnings="ignore", cwd=ROOT).split() == ["0", "2"]


def test_many_callers_at_once() -> None:
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(20):
                check()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    assert failed == []


def test_within_blocks_of_ours() -> None:
    results = np.zeros(6)

    def work(index: int) -> None:
        results[index] = DOT(A, A)

    run_blocks(6, work, 3)
    assert (results == SQUARES).all()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process.*fork:DeprecationWarning")
@pytest.mark.parametrize("busy", [False, True])
def test_a_fork_while_it_works(busy: bool) -> None:
    check()
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            SUM(A)

    worker = threading.Thread(target=work)
    if busy:
        worker.start()
    try:
        for _ in range(5):
            child = os.fork()
            if child == 0:
                try:
                    signal.alarm(30)
                    check()
                    os._exit(0)
                finally:
                    os._exit(1)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        stop.set()
        if busy:
            worker.join()
    check()


#: Would run for minutes, in the memory of one row: whoever hears nothing fails by the limit of its process.
LONG = """
import os, signal, sys, threading, time
import numpy as np
from tests.native.passes import bound
x = np.broadcast_to(np.ones(1 << 12), (1 << 30, 1 << 12))
run = bound("ij,ij->j", {"i": x.shape[0], "j": x.shape[1]}, "d", int(sys.argv[1]) if len(sys.argv) > 1 else 2)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
@pytest.mark.parametrize("threads", [1, 3])
def test_an_interrupt_is_heard(threads: int) -> None:
    code = (
        LONG.replace("int(sys.argv[1]) if len(sys.argv) > 1 else 2", str(threads))
        + """
def interrupt(*_):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.2)
try:
    run(x, x)
except KeyboardInterrupt:
    print("interrupted")
small = np.ones(1_000_000)
print(bound("i->", {"i": small.size}, "d", 3)(small))
"""
    )
    assert printed(code, warnings="ignore", cwd=ROOT).split() == ["interrupted", "1000000.0"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_handler_may_fork_and_both_go_on() -> None:
    # One call would do where each takes longer than the timer; a fast machine needs several.
    code = """
import os, signal
import numpy as np
from tests.native.passes import bound
x = np.broadcast_to(np.ones(1 << 12), (1 << 18, 1 << 12))
run = bound("ij,ij->j", {"i": x.shape[0], "j": x.shape[1]}, "d", 3)
children = []
def fork(*_):
    children.append(os.fork())
signal.signal(signal.SIGALRM, fork)
signal.setitimer(signal.ITIMER_REAL, 0.02)
right = True
while not children:
    right = (run(x, x) == x.shape[0]).all() and right
if children and children[0] == 0:
    os._exit(0 if right else 1)
print(len(children), right, *(os.waitpid(c, 0)[1] for c in children))
"""
    assert printed(code, warnings="ignore", cwd=ROOT).split() == ["1", "True", "0"]


class TestLimit:
    def test_of_the_core(self) -> None:
        before = CORE.thread_limit()
        try:
            CORE.limit_threads(1)
            assert CORE.thread_limit() == 1
            check()
            for wrong in (0, -1):
                with pytest.raises(ValueError, match="expected 1 or more"):
                    CORE.limit_threads(wrong)
            with pytest.raises(TypeError):
                CORE.limit_threads("x")
        finally:
            CORE.limit_threads(before)

    def test_threadpoolctl_reaches_it(self) -> None:
        threadpoolctl = pytest.importorskip("threadpoolctl")
        limits.register()
        limits.register()  # twice is once
        found = [x for x in threadpoolctl.threadpool_info() if x["internal_api"] == "einroute"]
        assert len(found) == 1
        before = CORE.thread_limit()
        with threadpoolctl.threadpool_limits(1):
            assert CORE.thread_limit() == 1
            check()
        assert CORE.thread_limit() >= found[0]["num_threads"]
        CORE.limit_threads(before)

    def test_threadpoolctl_is_not_imported_for_it(self) -> None:
        code = """
import sys
from einroute._native import limits
limits.register()
print("threadpoolctl" in sys.modules)
"""
        assert printed(code, warnings="ignore", cwd=ROOT).strip() == "False"


def test_it_ends_with_the_process() -> None:
    code = LONG + (
        "threading.Thread(target=run, args=(x, x), daemon=True).start()\n"
        "time.sleep(0.3)\nprint('end', flush=True)\n"
    )
    assert printed(code, warnings="ignore", cwd=ROOT).strip() == "end"
