"""Large results of freed memory: nothing about them is unusual, and what is kept is bounded."""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

import einroute as er
from einroute._native import CORE
from einroute._native.fresh import BRIEF, LARGE, allocator, cast
from einroute._native.memory import MEMORY, default_bytes

if CORE is None or CORE.keep_fault():
    pytest.skip("no freed memory is kept here", allow_module_level=True)

DOUBLE = np.dtype(np.float64)
ROWS = LARGE // 8 // 1024
SHAPE = (ROWS, 1024)
MIB = 1 << 20


@pytest.fixture(autouse=True)
def kept() -> Iterator[None]:
    """Room for eight blocks, and none kept before or after."""
    usual = MEMORY._given
    MEMORY.resize(8 * LARGE + 16 * MIB)
    CORE.clear_kept()
    yield
    gc.collect()
    MEMORY.resize(usual)
    CORE.clear_kept()


def made(shape: Any = SHAPE, dtype: Any = DOUBLE, order: Any = "C") -> np.ndarray:
    assert CORE is not None
    x: np.ndarray = CORE.empty(shape, np.dtype(dtype), order)
    return x


def ours(x: np.ndarray) -> bool:
    """Whether an array's memory is the pool's."""
    from numpy._core.multiarray import get_handler_name

    return get_handler_name(x) == "einroute_pool"


def blocks() -> int:
    return er.cache_info()["kept_blocks"]


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-c",
            "import numpy as np, einroute as er\nfrom einroute._native import CORE\n" + code,
        ],
        env={**os.environ, "EINROUTE_KEEP_BYTES": str(1 << 28), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class TestArrays:
    """What NumPy's own arrays do, those of freed memory do."""

    @pytest.mark.parametrize("dtype", ["?", "b", "f4", "d", "F", "D", "M8[s]", ">f8", "f8,i4", "S5"])
    @pytest.mark.parametrize("order", ["C", "F"])
    def test_they_are_as_numpys(self, dtype: str, order: Any) -> None:
        shape = (2, 3, LARGE // np.dtype(dtype).itemsize // 6 + 1)
        x, y = made(shape, dtype, order), np.empty(shape, dtype, order)
        assert ours(x)
        assert type(x) is np.ndarray
        assert x.flags == y.flags
        assert (x.shape, x.strides, x.dtype, x.base) == (y.shape, y.strides, y.dtype, None)
        assert sys.getsizeof(x) == sys.getsizeof(y)
        assert x.ctypes.data % 64 == 0
        assert x.T.flags == y.T.flags
        if dtype in "?bdfFD":
            assert memoryview(x).nbytes == y.nbytes
        assert sys.getrefcount(x) == sys.getrefcount(y)

    @pytest.mark.parametrize(
        ("shape", "dtype"),
        [((3, 2), "d"), ((), "d"), ((0, LARGE), "d"), (SHAPE, "O"), (5, "d"), ((LARGE,), "S0")],
    )
    def test_small_and_strange_ones_are_numpys(self, shape: Any, dtype: str) -> None:
        x, y = made(shape, dtype), np.empty(shape, dtype)
        assert not ours(x)
        assert (x.shape, x.strides, x.dtype) == (y.shape, y.strides, y.dtype)
        if dtype == "O":
            assert x[-1, -1] is None

    @pytest.mark.parametrize(
        "arguments",
        [
            ((-1, 2), DOUBLE), ((1 << 40, 1 << 40), DOUBLE), ((2,) * 65, DOUBLE), (("x",), DOUBLE),
            (SHAPE, "no"), (SHAPE, DOUBLE, "K"), (SHAPE, DOUBLE, 3), (SHAPE,), (SHAPE, DOUBLE, "C", 1),
        ],
    )  # fmt: skip
    def test_what_is_no_array_is_refused(self, arguments: Any) -> None:
        assert CORE is not None
        with pytest.raises((ValueError, TypeError, OverflowError)):
            CORE.empty(*arguments)
        assert blocks() == 0

    def test_no_memory_is_a_memory_error(self) -> None:
        MEMORY.resize(sys.maxsize)
        with pytest.raises(MemoryError):
            made((1 << 57,))
        MEMORY.resize(1 << 70)
        assert er.cache_info()["max_kept_bytes"] == 1 << 70
        made()

    @pytest.mark.parametrize(
        "sizes",
        [
            (ROWS * 3,), (ROWS // 2,), (1,), (0,), (ROWS // 3, ROWS * 2), (0, ROWS * 4), (ROWS + 1, ROWS),
            (ROWS * 2, ROWS - 1, ROWS * 3, 2),
        ],
    )  # fmt: skip
    def test_resize(self, sizes: tuple[int, ...]) -> None:
        x, y = made(), np.empty(SHAPE)
        for z in (x, y):
            z[...] = np.arange(1024.0)
            for rows in sizes:
                z.resize((rows, 1024), refcheck=False)
        assert ours(x)
        np.testing.assert_array_equal(x, y)
        assert x.flags.owndata
        x[...] = 1
        del x
        made()[...] = 0  # whatever was kept of it is whole

    def test_resize_without_memory_changes_nothing(self) -> None:
        x = made()
        x[...] = 7
        with pytest.raises(MemoryError):
            x.resize((1 << 50, 1024), refcheck=False)
        assert x.shape == SHAPE
        assert (x == 7).all()

    def test_pickle_copy_and_save(self) -> None:
        x = made()
        x[...] = np.random.default_rng(0).random(SHAPE)
        for protocol in (2, 5):
            np.testing.assert_array_equal(pickle.loads(pickle.dumps(x, protocol)), x)
        out_of_band: list[pickle.PickleBuffer] = []
        data = pickle.dumps(x, 5, buffer_callback=out_of_band.append)
        np.testing.assert_array_equal(pickle.loads(data, buffers=out_of_band), x)
        file = BytesIO()
        np.save(file, x)
        file.seek(0)
        np.testing.assert_array_equal(np.load(file), x)
        np.testing.assert_array_equal(x.copy(), x)
        x.__setstate__(np.arange(3.0).__reduce__()[2])
        assert x.tolist() == [0, 1, 2]
        assert blocks() == 1

    def test_new_data_and_byteswap(self) -> None:
        x = made()
        x[...] = 1
        assert (x.byteswap(inplace=True).byteswap() == 1).all()
        x += x
        assert (x * 2 + 1).shape == SHAPE  # through temporaries that NumPy uses again

    def test_views_outlive_the_array(self) -> None:
        x = made()
        x[...] = 5
        views = [x[:3], x.T, memoryview(x), x.reshape(-1)]
        assert views[0].base is x
        del x
        assert blocks() == 0
        other = made()
        other[...] = 6
        assert (np.asarray(views[2]) == 5).all()
        assert (views[1] == 5).all()
        views.clear()
        assert blocks() == 1

    def test_the_system_library_may_write_to_it(self) -> None:
        x = made(LARGE, "b")
        ctypes.memset(x.ctypes.data, 3, x.nbytes)
        assert (x == 3).all()

    def test_tracemalloc_sees_it(self) -> None:
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            x = made()
            assert tracemalloc.get_traced_memory()[0] - before >= x.nbytes
            trace = tracemalloc.get_object_traceback(x)
            assert trace is not None
            snapshot = tracemalloc.take_snapshot().filter_traces([tracemalloc.DomainFilter(True, 389047)])
            assert any(t.size == x.nbytes for t in snapshot.traces)
            x.resize((2 * ROWS, 1024), refcheck=False)
            assert tracemalloc.get_traced_memory()[0] - before >= x.nbytes
            del x
            assert tracemalloc.get_traced_memory()[0] - before < MIB
        finally:
            tracemalloc.stop()

    def test_freed_in_other_threads(self) -> None:
        def work() -> None:
            for i in range(20):
                held[i % 3] = made()
                held[i % 3][::64] = i

        held: dict[int, np.ndarray] = {}
        threads = [threading.Thread(target=work) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        held.clear()
        assert 1 <= blocks() <= 8


class TestKept:
    def test_a_freed_block_is_used_again(self) -> None:
        before = er.cache_info()["blocks_reused"]
        x = made()
        where = x.ctypes.data
        del x
        info = er.cache_info()
        assert (info["kept_blocks"], info["blocks_reused"]) == (1, before)
        assert LARGE <= info["kept_bytes"] < LARGE + 3 * MIB
        assert made().ctypes.data == where
        assert er.cache_info()["blocks_reused"] == before + 1

    def test_a_smaller_one_takes_it_only_where_little_is_left_over(self) -> None:
        x = made((2 * ROWS, 1024))
        where = x.ctypes.data
        del x
        small = made()
        assert small.ctypes.data != where
        nearly = made((2 * ROWS - 100, 1024))
        assert nearly.ctypes.data == where

    def test_the_limit_holds(self) -> None:
        held = [made() for _ in range(12)]
        held.clear()
        info = er.cache_info()
        assert info["kept_bytes"] <= info["max_kept_bytes"]
        assert info["kept_blocks"] == 8
        er.set_config(keep_bytes=2 * LARGE + 4 * MIB)
        assert blocks() == 2
        made((3 * ROWS, 1024))  # which is more than is kept
        assert blocks() == 2

    def test_keeping_nothing_is_numpys(self) -> None:
        x = made()
        er.set_config(keep_bytes=0)
        assert not ours(made())
        del x
        assert blocks() == 0
        with pytest.raises(ValueError, match=r"keep_bytes must be a number of bytes"):
            er.set_config(keep_bytes=-1)
        with pytest.raises(TypeError, match="keep_bytes belongs to the whole process"):
            er.config(keep_bytes=1)  # type: ignore[call-arg]
        assert er.get_config()["keep_bytes"] == 0

    def test_cache_clear_gives_it_back(self) -> None:
        made()
        assert blocks() == 1
        er.cache_clear()
        assert blocks() == er.cache_info()["kept_bytes"] == 0

    def test_an_idle_block_goes(self) -> None:
        made()
        assert blocks() == 1
        end = time.monotonic() + 60
        while blocks() and time.monotonic() < end:
            time.sleep(0.05)
        assert blocks() == 0
        made()  # and it begins anew
        assert blocks() == 1

    def test_a_handler_of_the_users_is_respected(self) -> None:
        from numpy._core.multiarray import get_handler_name

        pythonapi = ctypes.pythonapi
        pythonapi.PyCapsule_New.restype = ctypes.py_object
        pythonapi.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        pythonapi.PyCapsule_GetPointer.restype = ctypes.c_void_p
        pythonapi.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
        table = ctypes.cast(
            pythonapi.PyCapsule_GetPointer(np._core._multiarray_umath._ARRAY_API, None),
            ctypes.POINTER(ctypes.c_void_p),
        )
        set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(table[304])
        default = ctypes.cast(table[306], ctypes.POINTER(ctypes.py_object))[0]
        theirs = ctypes.create_string_buffer(
            ctypes.string_at(pythonapi.PyCapsule_GetPointer(default, b"mem_handler"), 256)
        )
        theirs[:6] = b"theirs"
        set_handler(pythonapi.PyCapsule_New(ctypes.addressof(theirs), b"mem_handler", None))
        try:
            assert get_handler_name(made()).startswith("theirs")
        finally:
            set_handler(default)
        assert ours(made())

    def test_what_says_how_much_is_kept_may_fail(self) -> None:
        assert CORE is not None

        def fails() -> int:
            raise KeyboardInterrupt

        for answer, error in (
            (fails, KeyboardInterrupt),
            (lambda: "x", TypeError),
            (lambda: -1, OverflowError),
        ):
            CORE.keep(answer)
            with pytest.raises(error):
                made()
        for limit in (-1, 1 << 70, "x", None):
            with pytest.raises((TypeError, OverflowError)):
                CORE.keep(limit)

    def test_a_worker_of_dasks_keeps_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Worker:
            _instances: ClassVar[set[int]] = set()

        class Module:
            pass

        module: Any = Module()
        module.Worker = Worker
        monkeypatch.setitem(sys.modules, "distributed.worker", module)
        MEMORY.resize(None)
        assert er.get_config()["keep_bytes"] == default_bytes()
        Worker._instances = {1}
        assert er.get_config()["keep_bytes"] == 0
        assert not ours(made())
        MEMORY.resize(1 << 28)  # asked for
        assert ours(made())

    def test_the_default_is_a_part_of_the_address_space(self) -> None:
        code = (
            "import resource\nfrom einroute._native.memory import default_bytes\nprint(default_bytes())\n"
            "resource.setrlimit(resource.RLIMIT_AS, (1 << 32, -1))\nprint(default_bytes())"
        )
        first, second = map(int, run(code).stdout.split())
        assert 0 < first <= 1 << 28
        assert second == min(first, (1 << 32) // 32)

    def test_nothing_leaks(self) -> None:
        def calls(number: int) -> None:
            for _ in range(number):
                x = made()
                y = made(SHAPE, DOUBLE, "F")
                x.resize((2 * ROWS, 1024), refcheck=False)
                y.resize((10, 2), refcheck=False)
                with pytest.raises(ValueError, match="negative"):
                    made((-1,))

        def mapped() -> int:
            return int(Path("/proc/self/statm").read_text().split()[0]) * 4096

        calls(5)
        CORE.clear_kept()
        before = mapped()
        counts = sys.getrefcount(DOUBLE), sys.getrefcount(SHAPE)
        calls(100)
        CORE.clear_kept()
        assert mapped() - before < 2 * LARGE
        assert (sys.getrefcount(DOUBLE), sys.getrefcount(SHAPE)) == counts


class TestProcesses:
    USE = "x = CORE.empty((1 << 23,), np.dtype('d')); x[...] = 1; del x\n"

    def test_at_exit(self) -> None:
        code = self.USE + "y = CORE.empty((1 << 23,), np.dtype('d'))\nimport sys; sys.keep = y\n"
        done = run(code + self.USE)
        assert (done.returncode, done.stderr) == (0, "")

    def test_a_fork_inherits_nothing_that_is_kept(self) -> None:
        code = (
            "import os, warnings\nwarnings.simplefilter('error')\n"
            "y = CORE.empty((1 << 23,), np.dtype('d')); y[...] = 2\n"
            + self.USE
            + "assert CORE.kept()[0] == 1\n"
            "for i in range(3):\n"
            "    if not (child := os.fork()):\n"
            "        assert len(os.listdir('/proc/self/task')) == 1\n"
            "        assert CORE.kept()[0] == 0 and (y == 2).all()\n"
            "        del y\n"
            "        for _ in range(3): x = CORE.empty((1 << 23,), np.dtype('d')); x[...] = 1; del x\n"
            "        assert CORE.kept()[0] == 1 and CORE.kept()[2] >= 3\n"
            "        os._exit(0)\n"
            "    assert os.waitpid(child, 0)[1] == 0\n"
            "    assert CORE.kept()[0] == 0 and (y == 2).all()\n"
            "    x = CORE.empty((1 << 23,), np.dtype('d')); x[...] = 1; del x\n"
            "    assert CORE.kept()[0] == 1\n"
            "import time\nend = time.monotonic() + 60\n"
            "while CORE.kept()[0] and time.monotonic() < end: time.sleep(0.05)\n"
            "assert CORE.kept()[0] == 0\nprint('good')\n"
        )
        done = run(code, OPENBLAS_NUM_THREADS="1")
        assert (done.stdout, done.stderr) == ("good\n", "")

    def test_forks_while_other_threads_use_it(self) -> None:
        code = (
            "import os, threading\nstop = threading.Event()\n"
            "def work():\n"
            "    while not stop.is_set(): CORE.empty((1 << 23,), np.dtype('d'))[::4096] = 1\n"
            "threads = [threading.Thread(target=work) for _ in range(3)]\n"
            "for t in threads: t.start()\n"
            "import warnings; warnings.simplefilter('ignore')\n"
            "for i in range(8):\n"
            "    if not (child := os.fork()):\n"
            "        CORE.empty((1 << 23,), np.dtype('d'))[...] = 1\n"
            "        os._exit(CORE.kept()[0] != 1)\n"
            "    assert os.waitpid(child, 0)[1] == 0\n"
            "stop.set()\n"
            "for t in threads: t.join()\n"
            "print('good')\n"
        )
        done = run(code)
        assert (done.stdout, done.stderr) == ("good\n", "")

    def test_little_address_space(self) -> None:
        code = (
            "import resource\n"
            "used = int(open('/proc/self/statm').read().split()[0]) * 4096\n"
            "resource.setrlimit(resource.RLIMIT_AS, (used + (150 << 20), -1))\n"
            "CORE.empty((10 << 20,), np.dtype('d'))[::512] = 1\n"
            "x = CORE.empty((15 << 20,), np.dtype('d')); x[::512] = 1\n"
            "assert CORE.kept()[0] == 0\n"
            "try: y = CORE.empty((15 << 20,), np.dtype('d'))\n"
            "except MemoryError: print('good')\n"
        )
        done = run(code)
        assert (done.stdout, done.stderr) == ("good\n", "")

    def test_doctor_tells_of_it(self) -> None:
        doctor = (
            "import runpy, sys; sys.argv[1:] = ['doctor']; runpy.run_module('einroute', run_name='__main__')"
        )
        assert "memory        keeps up to 256 MiB of freed blocks, each 30 MiB and more" in run(doctor).stdout
        assert (
            "memory        keeps no freed blocks: there is no core" in run(doctor, EINROUTE_NATIVE="0").stdout
        )


class TestCalls:
    """Results of calls."""

    A = np.random.default_rng(3).random((2048, 2100))
    V = A[0].copy()
    THIN = A[:, :3].copy()
    STACK = A[:40, :2000].reshape(40, 1000, 2).copy()
    INTEGERS = (A[:, :4] * 9).astype(np.int64)

    @pytest.mark.parametrize(
        ("subscripts", "operands"),
        [
            ("ij,ij->ij", (A, A)),
            ("ij,ij->ij", (A, np.asfortranarray(A))),
            ("ij,j->ij", (A, V)),
            ("i,j->ij", (V, V)),
            ("i,j->ji", (V, V)),
            ("ik,jk->ij", (THIN, THIN)),
            ("ik,jk->ji", (THIN, THIN)),
            ("ki,kj->ij", (THIN.T.copy(), THIN.T)),
            ("bik,bjk->bij", (STACK[:5], STACK[:5])),
            ("bik,bjk->ijb", (STACK[:5], STACK[:5])),
            ("ik,kl,jl->ij", (THIN, THIN[:3], THIN)),
            ("ij,ij,ij->ij", (A, A, A)),
            ("ik,jk->ij", (INTEGERS, INTEGERS)),
            ("ik,jk->ij", (INTEGERS.astype(np.int32), INTEGERS)),
            ("ij,j->ij", (A.astype("f4"), V)),
        ],
    )
    def test_they_are_numpys(self, subscripts: str, operands: tuple[np.ndarray, ...]) -> None:
        right = np.einsum(subscripts, *operands)
        for order in ("K", "F" if subscripts in {"ij,ij->ij", "i,j->ij", "ik,jk->ij"} else "C"):
            result = er.einsum(subscripts, *operands, order=order)
            assert result.dtype == right.dtype
            np.testing.assert_allclose(result, right, rtol=1e-13)
            assert order == "K" or result.flags[f"{order}_CONTIGUOUS"]
            assert all(not np.may_share_memory(result, x) for x in operands)
        owner = result if result.base is None else result.base
        own = {"numpy.einsum", "dense.small"}  # which make their results themselves
        assert ours(owner) or er.explain(subscripts, *operands).routes[-1] in own

    @pytest.mark.parametrize("side", [200, 512, 1024, 2048])
    def test_intermediates_are_made_of_the_last_calls(self, side: int) -> None:
        a, b, c = self.A[:side, :4], self.A[:4, :side], self.A[:side, :side]
        path = ["einsum_path", (0, 1), (0, 1), (0, 1)]
        right = np.einsum("ik,kj,ij,ij->i", a, b, c, c, optimize=path)
        reused = []
        for _ in range(4):
            with er.config(forbid="dense.small"):
                result = er.einsum("ik,kj,ij,ij->i", a, b, c, c, optimize=path)
            np.testing.assert_allclose(result, right)
            assert not ours(result)
            reused.append(er.cache_info()["blocks_reused"])
        assert reused[-1] > reused[0]

    def test_small_blocks(self) -> None:
        assert CORE is not None
        x = CORE.intermediate((BRIEF,), np.dtype("b"))
        assert ours(x)
        assert not ours(CORE.intermediate((BRIEF - 1,), np.dtype("b")))
        where = x.ctypes.data
        x[...] = 1
        del x
        assert er.cache_info()["kept_bytes"] == BRIEF
        assert CORE.intermediate((BRIEF // 2,), np.dtype("b")).ctypes.data != where
        x = CORE.intermediate((BRIEF,), np.dtype("b"))
        assert x.ctypes.data == where
        x[...] = 2
        for size in (2 * BRIEF, LARGE, BRIEF, 10):
            x.resize((size,), refcheck=False)
            assert (x[:10] == 2).all()

    def test_outer_and_tensordot(self) -> None:
        for result in (er.outer(self.V, self.V), er.tensordot(self.V, self.V, 0)):
            np.testing.assert_array_equal(result, np.multiply.outer(self.V, self.V))
            assert ours(result if result.base is None else result.base)

    @pytest.mark.parametrize(
        ("function", "a", "b"),
        [
            ("dot", THIN, THIN.T),
            ("dot", THIN.astype("F"), THIN.T.astype("F")),
            ("matmul", THIN, THIN.T),
            ("matmul", np.asfortranarray(THIN), THIN.T.copy()),
            ("matmul", STACK[:5], STACK[:5].transpose(0, 2, 1).copy()),
            ("matmul", STACK[:5], STACK[0].T.copy()),
            ("matmul", THIN, STACK[:2, :, 0][:, None, :].repeat(3, 1)),
        ],
    )
    def test_matrices(self, function: str, a: np.ndarray, b: np.ndarray) -> None:
        right = getattr(np, function)(a, b)
        for _ in range(3):
            result = getattr(er, function)(a, b)
            np.testing.assert_array_equal(result, right)
            assert (result.dtype, result.strides, result.flags.owndata) == (right.dtype, right.strides, True)
        assert ours(result) == (right.nbytes >= LARGE)

    def test_stacks_that_lie_otherwise_give_what_numpy_lays_out(self) -> None:
        a = self.STACK[:6].reshape(2, 3, 1000, 2).transpose(1, 0, 2, 3)
        b = a.swapaxes(2, 3)
        for _ in range(3):
            assert er.matmul(a, b).strides == np.matmul(a, b).strides

    def test_warnings_are_numpys(self) -> None:
        x = np.full((2048, 2048), 1e200)
        with np.errstate(over="raise"):
            with pytest.raises(FloatingPointError):
                er.outer(x[0], x[0])
            assert np.isinf(er.einsum("i,j->ij", x[0], x[0])).all()

    @pytest.mark.parametrize("order", ["C", "F", "turned", "reversed"])
    @pytest.mark.parametrize("wanted", ["K", "C"])
    def test_casts(self, order: str, wanted: Any) -> None:
        n = LARGE // 8 // 1024
        x = np.arange(n * 1024, dtype="f4").reshape(16, 64, n)
        x = {"C": x, "F": np.asfortranarray(x), "turned": x.transpose(1, 2, 0), "reversed": x[::-1, :, ::-1]}[
            order
        ]
        made, right = cast(x, DOUBLE, wanted), x.astype(DOUBLE, wanted)
        assert ours(made if made.base is None else made.base)
        assert made.strides == right.strides
        np.testing.assert_array_equal(made, right)

    def test_small_allocations_are_numpys_own_function(self) -> None:
        assert allocator(LARGE - 1, last=True) is allocator(BRIEF - 1, last=False) is np.empty
        assert CORE is not None
        assert allocator(LARGE, last=True) is CORE.empty
        assert allocator(BRIEF, last=False) is CORE.intermediate
