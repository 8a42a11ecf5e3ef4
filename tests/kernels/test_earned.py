"""When a compiled kernel is earned, and what of it is kept on disk."""

from __future__ import annotations

import threading
from importlib import util
from pathlib import Path
from typing import Any

import pytest

from einroute._kernels import earned
from einroute._kernels.earned import FormSignature, Kernels
from tests.processes import printed

F8 = FormSignature(3, True, "f8")


class TestEarned:
    """With a compiler that only notes what it is asked for."""

    @pytest.fixture(autouse=True)
    def steady_cost(self, monkeypatch):
        monkeypatch.setattr(earned, "cost", lambda signature: 2.0)

    def test_compiles_once_the_work_seen_has_paid(self):
        asked = []
        kernels = Kernels(lambda: "earned", lambda signature: asked.append(signature) or print)
        for _ in range(4):
            assert "not prepared" in kernels.get(F8, 0.5)
        assert not asked
        assert kernels.info() == {"kernels": 0}
        assert kernels.get(F8, 0.5) is print
        assert kernels.get(F8, 0.5) is print
        assert asked == [F8]
        assert "not prepared" in kernels.get(FormSignature(3, True, "f4"), 5.0)

    def test_now_never_and_clear(self):
        setting = "never"
        kernels = Kernels(lambda: setting, lambda signature: print)
        assert all("never" in kernels.get(F8, 100.0) for _ in range(3))
        setting = "now"
        assert kernels.get(F8, 0.0) is print
        setting = "never"
        assert kernels.get(F8, 0.0) is print
        kernels.clear()
        assert "never" in kernels.get(F8, 0.0)

    def test_a_failure_is_remembered_and_no_error(self):
        asked = []

        def fail(signature: FormSignature) -> Any:
            asked.append(signature)
            raise ImportError("no numba here")

        kernels = Kernels(lambda: "now", fail)
        assert [kernels.get(F8, 1.0) for _ in range(3)] == [
            "not prepared: compiling failed (ImportError)"
        ] * 3
        assert len(asked) == 1

    def test_what_is_missing_is_said_at_first_sight(self):
        asked = []
        kernels = Kernels(lambda: "earned", lambda signature: print, lambda: asked.append(1) or "no numba")
        assert [kernels.get(F8, 9.0) for _ in range(3)] == ["not prepared: no numba"] * 3
        assert len(asked) == 1

    def test_others_do_not_wait_for_a_thread_that_compiles(self):
        started, finish = threading.Event(), threading.Event()

        def slow(signature: FormSignature) -> Any:
            started.set()
            assert finish.wait(20)
            return print

        kernels = Kernels(lambda: "earned", slow)
        kernels.get(F8, 9.0)
        thread = threading.Thread(target=kernels.get, args=(F8, 9.0))
        thread.start()
        assert started.wait(20)
        assert "another thread" in kernels.get(F8, 9.0)
        finish.set()
        thread.join()
        assert kernels.get(F8, 9.0) is print


COMPILE = (
    "import numpy as np\n"
    "from einroute._kernels.earned import KERNELS, FormSignature\n"
    "kernel = KERNELS.compile(FormSignature(3, True, 'f8'))\n"
)


@pytest.mark.skipif(util.find_spec("numba") is None, reason="compiles")
class TestDisk:
    def test_compiled_code_is_kept(self, tmp_path):
        again = (
            COMPILE + "print(sum(kernel.stats.cache_hits.values()), sum(kernel.stats.cache_misses.values()))"
        )
        assert printed(again, NUMBA_CACHE_DIR=str(tmp_path)).split() == ["0", "1"]
        assert list(tmp_path.glob("*.kept"))
        assert printed(again, NUMBA_CACHE_DIR=str(tmp_path)).split() == ["1", "0"]

    def test_a_folder_that_cannot_be_written_costs_time_only(self, tmp_path):
        # A file where the folder should be: permissions would not stop the superuser.
        file = Path(tmp_path, "file")
        file.touch()
        printed(COMPILE, NUMBA_CACHE_DIR=str(file))
