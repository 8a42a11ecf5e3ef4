"""How long calls are looked at one by one because a configuration is strict: no longer than one is."""

from __future__ import annotations

import contextvars
import gc
import os
import threading
from collections.abc import Iterator

import numpy as np
import pytest

import einroute as er
from einroute._base.watch import WATCH
from tests.processes import printed

SMALL = np.ones((3, 3))


@pytest.fixture(autouse=True)
def _nobody_is_strict() -> Iterator[None]:
    gc.collect()
    assert not WATCH.on
    threads = er.get_config()["threads"]
    yield
    er.set_config(strict=False, threads=threads)


def refused() -> bool:
    try:
        er.einsum("ij,jk->ik", SMALL, SMALL, casting="unsafe", dtype=object)
    except er.NoRoute:
        return True
    return False


class TestWhoIsStrict:
    def test_a_block(self) -> None:
        with er.config(strict=True):
            assert WATCH.on
            assert refused()
        assert not WATCH.on
        assert not refused()

    def test_a_state_that_is_kept_and_comes_again(self) -> None:
        for _ in range(3):
            with er.config(strict=True):
                assert WATCH.on
                assert refused()
            assert not WATCH.on

    def test_blocks_within_blocks(self) -> None:
        with er.config(strict=True):
            with er.config(threads=1):
                with er.config(strict=False):
                    assert not refused()
                assert refused()
            assert WATCH.on
        assert not WATCH.on

    def test_the_outer_of_two_blocks_is_left_first(self) -> None:
        outer, inner = er.config(strict=True), er.config(threads=1)
        outer.__enter__()
        inner.__enter__()
        assert refused()
        outer.__exit__(None, None, None)
        assert not refused()
        assert not WATCH.on
        inner.__exit__(None, None, None)
        assert not WATCH.on

    def test_an_inner_block_becomes_strict_as_one_between_is_left(self) -> None:
        with er.config(strict=True):
            between, inner = er.config(strict=False), er.config(threads=1)
            between.__enter__()
            inner.__enter__()
            assert not refused()
            between.__exit__(None, None, None)
            assert refused()
            inner.__exit__(None, None, None)
        assert not WATCH.on

    def test_the_process_default(self) -> None:
        er.set_config(strict=True)
        er.set_config(threads=1)
        assert WATCH.on
        assert refused()
        er.set_config(strict=False)
        assert not WATCH.on

    def test_a_block_that_began_while_the_default_was_strict(self) -> None:
        er.set_config(strict=True)
        with er.config(threads=1):
            er.set_config(strict=False)
            assert refused()
            assert WATCH.on
        assert not WATCH.on
        assert not refused()

    def test_a_copy_of_the_context_outlives_the_block(self) -> None:
        with er.config(strict=True):
            copy = contextvars.copy_context()
        assert WATCH.on
        assert copy.run(refused)
        del copy
        gc.collect()
        assert not WATCH.on

    def test_a_block_of_another_thread(self) -> None:
        entered, leave = threading.Event(), threading.Event()

        def work() -> None:
            with er.config(strict=True):
                entered.set()
                leave.wait(60)

        thread = threading.Thread(target=work)
        thread.start()
        entered.wait(60)
        assert WATCH.on
        leave.set()
        thread.join()
        gc.collect()
        assert not WATCH.on

    def test_a_generator_that_is_dropped_within_its_block(self) -> None:
        def strictly() -> Iterator[int]:
            with er.config(strict=True):
                yield 1

        steps = strictly()
        next(steps)
        assert WATCH.on
        del steps
        gc.collect()
        assert not WATCH.on

    def test_a_recording_ends_while_a_block_is_open(self) -> None:
        with er.config(strict=True):
            with er.record():
                assert WATCH.on
            assert WATCH.on
            assert refused()
        with er.record():
            with er.config(strict=True):
                pass
            assert WATCH.on
        assert not WATCH.on

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
    def test_a_child_has_what_the_thread_that_forked_had(self) -> None:
        code = """
import os
import einroute as er
from einroute._base.watch import WATCH
with er.config(strict=True):
    child = os.fork()
    os.write(1, f"{WATCH.on}\\n".encode())  # at once: both write to the same pipe
    if child:
        os.waitpid(child, 0)
os.write(1, f"{WATCH.on}\\n".encode())
"""
        assert printed(code).split() == ["True", "True", "False", "False"]

    def test_the_environment(self) -> None:
        code = """
import einroute as er
from einroute._base.watch import WATCH
print(WATCH.on)
er.set_config(strict=False)
print(WATCH.on)
"""
        assert printed(code, EINROUTE_STRICT="1").split() == ["True", "False"]


_STORM = """
import os, signal, sys, threading, time
import numpy as np, einroute as er

a = np.ones((3, 3))
over = False

def strict():
    while not over:
        with er.config(strict=True):
            er.einsum("ij,jk->ik", a, a)

threads = [threading.Thread(target=strict, daemon=True) for _ in range(4)]
for thread in threads:
    thread.start()
sys.setswitchinterval(1e-5)
end = time.monotonic() + 3
while time.monotonic() < end:
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # the default action ends a child that hangs
        er.einsum("ij,jk->ik", a, a)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
sys.setswitchinterval(5e-3)
print("forked")  # and ends with the threads at it
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forks_and_the_end_while_threads_are_strict() -> None:
    """Contexts of threads that are gone are dropped where a lock may be held for ever."""
    assert printed(_STORM) == "forked"
