"""The only thread pool, and the guard of the BLAS thread count.

Work is cut into blocks beforehand, so that what is computed does not depend on how many threads take
part; the caller works too, and helpers join while blocks are left.  Safe after ``fork`` (the child starts
its own pool), never nested (a block that asks for threads gets none).
"""

from __future__ import annotations

import contextvars
import os
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain, pairwise, product
from typing import Any


class _Batch:
    """Blocks of one call: each thread has a share of those that follow each other, then what others left.

    The shares are the same at every call: what a thread wrote or read lies in its own core's cache, from
    where another core gets it in several times the time.
    """

    def __init__(self, count: int, work: Callable[[int], None], threads: int) -> None:
        self.work: Callable[[int], None] | None = work
        edges = [n * count // threads for n in range(threads + 1)]
        self.shares = [iter(range(*pair)) for pair in pairwise(edges)]
        self.lock = threading.Lock()
        self.active = 0
        self.idle = threading.Condition(self.lock)
        self.error: BaseException | None = None

    def take_part(self, own: int) -> None:
        shares = self.shares[own:] + self.shares[:own]
        with self.lock:
            self.active += 1
        try:
            while self.error is None:
                with self.lock:
                    index = next(chain.from_iterable(shares), None)
                if index is None or self.work is None:
                    return
                self.work(index)
        except BaseException as error:  # handed to the caller, whatever it is
            with self.lock:
                self.error = self.error or error
        finally:
            with self.lock:
                self.active -= 1
                self.idle.notify_all()

    def wait(self) -> None:
        """Wait until all have ended; a helper that comes later finds nothing, and keeps no array alive."""
        with self.lock:
            while self.active:
                self.idle.wait()
        self.work = None


class _Pool:
    """Helper threads, started when first needed."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.pid = os.getpid()
        self.jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.helpers = 0

    def reset(self) -> None:
        """Forget threads that a fork did not bring along."""
        self.__init__()  # type: ignore[misc]  # the same object stays in place for those who hold it

    def ask(self, jobs: list[Callable[[], None]]) -> None:
        """Offer one job to each of as many helpers; a busy helper comes late or never."""
        with self.lock:
            while self.helpers < len(jobs):
                name = f"einroute-{self.helpers}"
                helper = threading.Thread(target=self._serve, args=(self.jobs,), name=name, daemon=True)
                try:
                    helper.start()
                except RuntimeError:  # no more threads to be had: the caller does the work alone
                    break
                self.helpers += 1
            there = self.helpers
        for job in jobs[:there]:
            self.jobs.put(job)

    @staticmethod
    def _serve(jobs: queue.SimpleQueue[Callable[[], None]]) -> None:
        _inside.active = True
        while True:
            jobs.get()()


class _Inside(threading.local):
    active = False


_inside = _Inside()
_pool = _Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.reset)


def run_blocks(count: int, work: Callable[[int], None], threads: int) -> None:
    """Call ``work(i)`` for each ``i`` in ``range(count)``, on up to ``threads`` threads.

    Parameters
    ----------
    count : int
        Number of blocks.
    work : callable
        Must be safe to run for different blocks at once.
    threads : int
        The caller's included. Inside a block, and with 1, everything runs in the calling thread.

    Raises
    ------
    BaseException
        The first error of any block; no further block is started then, and all have ended.
    """
    if threads <= 1 or count <= 1 or _inside.active:
        for index in range(count):
            work(index)
        return
    threads = min(threads, count)
    batch = _Batch(count, work, threads)
    # Each helper runs in a copy of the caller's context, so that its errstate and config hold there.
    contexts = [contextvars.copy_context() for _ in range(1, threads)]
    _pool.ask([partial(context.run, batch.take_part, own) for own, context in enumerate(contexts, 1)])
    _inside.active = True
    try:
        batch.take_part(0)
    finally:
        _inside.active = False
        batch.wait()
    if batch.error is not None:
        raise batch.error


def inside_block() -> bool:
    """Whether the calling thread is working on a block, and so gets no threads of its own."""
    return _inside.active


def cuts(shape: tuple[int, ...], at_once: int) -> Iterator[tuple[slice, ...]]:
    """Blocks of at most about ``at_once`` places, the last axes whole as far as that goes."""
    whole = len(shape)
    size = 1
    while whole and size * shape[whole - 1] <= at_once:
        whole -= 1
        size *= shape[whole]
    tail = (slice(None),) * (len(shape) - whole)
    if not whole:
        yield tail
        return
    step = max(1, at_once // size)
    for outer in product(*map(range, shape[: whole - 1])):
        head = tuple(slice(i, i + 1) for i in outer)
        for start in range(0, shape[whole - 1], step):
            yield (*head, slice(start, min(start + step, shape[whole - 1])), *tail)


class _BlasGuard:
    """Holds BLAS at one thread while anyone needs that; the last to leave restores the user's count."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.users = 0
        self.limit: Any = None
        self.controller: Any = None

    def enter(self) -> None:
        with self.lock:
            if self.users == 0:
                self.take_over()
                self.limit = self.found().limit(limits=1)
            self.users += 1

    def found(self) -> Any:
        """What controls each BLAS that is there."""
        if self.controller is None:
            import threadpoolctl  # 20 ms, and only long calls come here

            self.controller = threadpoolctl.ThreadpoolController().select(user_api="blas")
        return self.controller

    def leave(self) -> None:
        with self.lock:
            self.users -= 1
            if self.users == 0:
                self.restore()

    def restore(self) -> None:
        self.take_over()
        self.limit.restore_original_limits()
        self.take_over()  # from this thread, for others
        self.limit = None

    def take_over(self) -> None:
        """Let any thread set the count next.

        From threadpoolctl 3.8 on the first one that did is the only one until it ends, but the last to leave
        need not be the first that came.
        """
        for library in self.found().lib_controllers:
            clear = getattr(library, "clear_controlling_thread", None)
            if clear is not None:
                clear(force=True)

    def after_fork(self) -> None:
        """In a child: the users were other threads of the parent, which are gone."""
        self.lock = threading.Lock()
        if self.users:
            self.users = 0
            self.restore()


_blas = _BlasGuard()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_blas.after_fork)


def holds_blas() -> bool:
    """Whether there is a BLAS whose number of threads can be set: some have no function for it."""
    with _blas.lock:
        return bool(_blas.found())


def with_single_threaded_blas(run: Callable[..., Any]) -> Callable[..., Any]:
    """The same callable under `single_threaded_blas`."""

    def alone(*args: Any, **kwargs: Any) -> Any:
        with single_threaded_blas():
            return run(*args, **kwargs)

    return alone


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Keep BLAS to one thread, for GEMMs that run on our threads.

    The count belongs to the whole process and setting it costs about 11 microseconds, so this is for work
    of more than a millisecond. Counted, so that calls from several threads may overlap.
    """
    _blas.enter()
    try:
        yield
    finally:
        _blas.leave()
