"""einroute in many threads at once, and after a fork."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from einroute._base.threads import inside_block, run_blocks, single_threaded_blas
from tests.helpers import ER
from tests.processes import printed, run_code

RNG = np.random.default_rng(0)
BIG = RNG.standard_normal((700, 900))
INTS = RNG.integers(-50, 50, (300, 200))

Case = tuple[str, tuple[np.ndarray, ...]]
CASES: list[Case] = [
    ("ij,kj->ik", (BIG[:200], BIG[:150])),
    ("ij,ij->i", (BIG, BIG)),
    ("ij->j", (BIG,)),
    ("ij->ji", (BIG,)),
    ("ij,j->ij", (BIG, BIG[0])),
    ("i,j->ij", (BIG[0], BIG[1])),
    ("ij,kj->ik", (INTS, INTS)),
    ("ij,jk,kl->il", (BIG[:40, :50], BIG[:50, :60], BIG[:60, :30])),
    ("bij,bjk->bik", (BIG[:60, :400].reshape(60, 20, 20), BIG[100:160, :400].reshape(60, 20, 20))),
    ("ij,jk->ik", (BIG[:3, :4], BIG[:4, :5])),
    ("...i,...i", (BIG, BIG)),
    ("iij->ij", (BIG[:125, :125].reshape(25, 25, 25),)),
]


def rights() -> list[np.ndarray]:
    return [np.einsum(text, *arrays, optimize=len(arrays) > 2) for text, arrays in CASES]


def run_in_threads(count: int, work: Callable[[int], None]) -> None:
    """Start `count` threads at one moment, and raise what any of them raised."""
    barrier = threading.Barrier(count)

    def one(index: int) -> None:
        barrier.wait()
        work(index)

    with ThreadPoolExecutor(count) as pool:
        for future in [pool.submit(one, i) for i in range(count)]:
            future.result(timeout=120)


def test_the_same_expression_at_once() -> None:
    for (text, arrays), right in zip(CASES, rights(), strict=True):
        ER.cache_clear()

        def work(
            index: int, text: str = text, arrays: tuple[np.ndarray, ...] = arrays, right: np.ndarray = right
        ) -> None:
            for _ in range(3):
                np.testing.assert_allclose(ER.einsum(text, *arrays), right, rtol=1e-9, atol=1e-9)

        run_in_threads(8, work)


def test_different_expressions_at_once() -> None:
    expected = rights()

    def work(index: int) -> None:
        for turn in range(2 * len(CASES)):
            text, arrays = CASES[(index + turn) % len(CASES)]
            right = expected[(index + turn) % len(CASES)]
            np.testing.assert_allclose(ER.einsum(text, *arrays), right, rtol=1e-9, atol=1e-9)

    run_in_threads(8, work)


def test_one_shape_after_another_at_once() -> None:
    """More signatures than a plan cache holds, so that plans are dropped while others are made."""
    vectors = [np.arange(float(n)) for n in range(1, 400)]

    def work(index: int) -> None:
        for x in vectors[index::2]:
            assert ER.einsum("i,i->", x, x) == pytest.approx(float(x @ x), rel=1e-12)
            np.testing.assert_allclose(ER.einsum("i,j->ji", x[:7], x[:5]), np.outer(x[:5], x[:7]))

    run_in_threads(6, work)


def test_caches_cleared_while_others_call() -> None:
    expected = rights()

    def work(index: int) -> None:
        for turn in range(30):
            if index == 0:
                ER.cache_clear()
                ER.cache_info()
            else:
                text, arrays = CASES[turn % len(CASES)]
                np.testing.assert_allclose(
                    ER.einsum(text, *arrays), expected[turn % len(CASES)], rtol=1e-9, atol=1e-9
                )

    run_in_threads(4, work)


def test_a_setting_belongs_to_its_thread() -> None:
    seen: dict[int, int] = {}

    def work(index: int) -> None:
        with ER.config(threads=index + 1):
            np.testing.assert_allclose(ER.einsum("ij,ij->i", BIG, BIG), (BIG * BIG).sum(1), rtol=1e-9)
            seen[index] = ER.get_config()["threads"]

    before = ER.get_config()
    run_in_threads(5, work)
    assert seen == {i: i + 1 for i in range(5)}
    assert ER.get_config() == before


class TestPool:
    def test_every_block_runs_once(self) -> None:
        done = np.zeros(100, int)

        def work(index: int) -> None:
            done[index] += 1

        run_blocks(100, work, 4)
        assert (done == 1).all()

    def test_each_thread_has_the_same_blocks_at_every_call(self) -> None:
        for _ in range(3):
            done: dict[int, list[int]] = {}
            both = threading.Barrier(2)

            def work(index: int, done: dict[int, list[int]] = done, both: threading.Barrier = both) -> None:
                mine = done.setdefault(threading.get_ident(), [])
                mine.append(index)
                if len(mine) <= 5:  # neither has to take of the other's
                    both.wait(60)

            run_blocks(10, work, 2)
            assert done.pop(threading.get_ident()) == [0, 1, 2, 3, 4]
            assert list(done.values()) == [[5, 6, 7, 8, 9]]

    def test_it_does_not_nest(self) -> None:
        strangers: list[bool] = []

        def outer(index: int) -> None:
            here = threading.get_ident()
            run_blocks(4, lambda _: strangers.append(threading.get_ident() != here), 4)

        run_blocks(8, outer, 3)
        assert len(strangers) == 32
        assert not any(strangers)

    def test_an_error_of_a_block_reaches_the_caller(self) -> None:
        def work(index: int) -> None:
            if index == 5:
                raise LookupError("block 5")

        for threads in (1, 3):
            with pytest.raises(LookupError, match="block 5"):
                run_blocks(20, work, threads)
            assert not inside_block()
        run_blocks(3, lambda _: None, 3)

    def test_einsum_inside_a_block(self) -> None:
        results: dict[int, np.ndarray] = {}

        def work(index: int) -> None:
            results[index] = ER.einsum("ij,ij->i", BIG, BIG)

        run_blocks(6, work, 3)
        for result in results.values():
            np.testing.assert_allclose(result, (BIG * BIG).sum(1), rtol=1e-9)

    def test_many_callers_share_it(self) -> None:
        totals = np.zeros(8, int)

        def work(index: int) -> None:
            count = np.zeros(50, int)

            def block(i: int) -> None:
                count[i] += 1

            for _ in range(20):
                run_blocks(50, block, 3)
            totals[index] = count.sum()

        run_in_threads(8, work)
        assert (totals == 1000).all()

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
    def test_the_blas_guard_gives_the_users_count_back(self) -> None:
        threadpoolctl = pytest.importorskip("threadpoolctl")

        def counts() -> list[int]:
            return [p["num_threads"] for p in threadpoolctl.threadpool_info() if p["user_api"] == "blas"]

        with threadpoolctl.threadpool_limits(2, user_api="blas"):
            before = counts()
            with single_threaded_blas(), single_threaded_blas():
                assert set(counts()) <= {1}
            assert counts() == before
            with pytest.raises(LookupError), single_threaded_blas():
                raise LookupError
            assert counts() == before

            def work(index: int) -> None:
                for _ in range(20):
                    with single_threaded_blas():
                        pass

            run_in_threads(4, work)
            assert counts() == before


#: One thread of BLAS, three of ours.
THREE = {"OPENBLAS_NUM_THREADS": "1", "EINROUTE_NUM_THREADS": "3"}
FORK = """
import os, sys, warnings
import numpy as np
import einroute as er
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
a, b = rng.standard_normal((900, 1100)), rng.standard_normal((40, 1100))
cube = rng.standard_normal((100, 60, 60))
forms = [("ij,ij->i", (a, a)), ("ij->j", (a,)), ("ij,kj->ik", (a, b)), ("ij->ji", (a,))]
forms.append(("bij,bjk->bik", (cube, cube)))
rights = [np.einsum(t, *x, optimize=True) for t, x in forms]
def check():
    with er.config(threads=3):
        return all(np.allclose(er.einsum(t, *x), r) for (t, x), r in zip(forms, rights))
assert check()
for _ in range(3):
    child = os.fork()
    if child == 0:
        os._exit(0 if check() else 7)
    assert os.waitpid(child, 0)[1] == 0
    assert check()
print("right")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_computes_with_threads_too() -> None:
    # In a process of its own: what pytest has running must not be forked along.
    assert printed(FORK, timeout=120, **THREE) == "right"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_fork_while_another_thread_calls() -> None:
    script = FORK.replace(
        "assert check()\nfor",
        "import threading\nstop = threading.Event()\n"
        "def busy():\n    while not stop.is_set():\n        check()\n"
        "thread = threading.Thread(target=busy, daemon=True)\nthread.start()\nfor",
        1,
    ).replace('print("right")', 'stop.set()\nthread.join()\nprint("right")')
    # Python warns of a fork among threads.
    assert printed(script, warnings="ignore", timeout=120, **THREE) == "right"


FORKS = """
import os, sys, threading, time
import numpy as np, einroute as er
stop = threading.Event()
a = np.ones((30, 30))
def busy():
    while not stop.is_set():
        er.cache_clear()
        er.set_config(cache_bytes=1 << 22)
        with er.config(threads=time.perf_counter_ns() % 50 + 1):
            er.einsum("ij,jk->ik", a, a)
threads = [threading.Thread(target=busy, daemon=True) for _ in range(3)]
for thread in threads: thread.start()
for _ in range(200):
    child = os.fork()
    if child == 0:
        er.cache_clear()
        er.set_config(cache_bytes=1 << 20)
        with er.config(threads=3):
            er.einsum("ij,jk->ik", a, a)
        os._exit(0)
    for _ in range(500):
        if os.waitpid(child, os.WNOHANG)[0]: break
        time.sleep(0.02)
    else:
        os.kill(child, 9)
        sys.exit("a child hangs")
stop.set()
print("right")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_forks_while_other_threads_hold_locks_of_the_configuration() -> None:
    for _ in range(3):  # a fork can catch another thread in BLAS, which has locks of its own
        done = run_code(FORKS, warnings="ignore", timeout=100, OPENBLAS_NUM_THREADS="1")
        if "a child hangs" not in done.stderr:
            break
    assert done.stdout.strip() == "right", done.stderr


def test_a_helper_that_comes_late_keeps_nothing() -> None:
    busy, free = threading.Event(), threading.Event()

    def hold(_: int) -> None:
        if threading.current_thread().name.startswith("einroute-"):
            busy.set()
            free.wait(60)
        else:
            busy.wait(60)

    holder = threading.Thread(target=run_blocks, args=(2, hold, 2))
    holder.start()
    try:
        busy.wait(60)
        array = np.ones(3)
        gone = weakref.ref(array)
        run_blocks(2, lambda _, held=array: held.sum(), 2)  # its job waits for the helper
        del array
        assert gone() is None
    finally:
        free.set()
        holder.join()


CODE = """
import threading
import threadpoolctl
from einroute._base.threads import _blas

blas = threadpoolctl.ThreadpoolController().select(user_api="blas")
blas.limit(limits=2)  # the count is this thread's to set from now on

def counts():
    return {pool["num_threads"] for pool in blas.info()}

def elsewhere(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

before = counts()
elsewhere(_blas.enter)
print(counts() <= {1})
_blas.enter()
elsewhere(_blas.leave)
print(counts() <= {1})
elsewhere(_blas.leave)
print(counts() == before)
blas.limit(limits=1)
print(counts() <= {1})
"""


def test_any_thread_holds_blas_to_one_and_lets_go() -> None:
    pytest.importorskip("threadpoolctl")
    assert printed(CODE).split() == ["True"] * 4
