"""Calls whose n-th allocation fails: a MemoryError or the right result, and the next call is right."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from einroute._native import CORE

HERE = Path(__file__).parent
COMPILER = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
NIGHTLY = os.environ.get("EINROUTE_NIGHTLY", "0") not in ("", "0")

pytestmark = [
    pytest.mark.skipif(CORE is None, reason="the core is not there"),
    pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="takes the place of glibc's functions"),
    pytest.mark.skipif(COMPILER is None, reason="no C compiler"),
    pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="a sanitizer has the allocator's place"),
]


def test_every_allocation_may_fail(tmp_path: Path) -> None:
    assert COMPILER is not None
    library = tmp_path / "allocations.so"
    source = HERE / "allocations.c"
    subprocess.run([COMPILER, "-shared", "-fPIC", "-O1", "-o", str(library), str(source)], check=True)
    # Without Python's own allocator, so that each of its objects is an allocation too.
    environment = {**os.environ, "LD_PRELOAD": str(library), "PYTHONMALLOC": "malloc"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.native.allocations", "--step", "1" if NIGHTLY else "29"],
        env=environment,
        cwd=HERE.parents[1],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = done.stdout.splitlines()
    assert len(told) > (40 if sys.version_info < (3, 12) else 20)
    assert all(line.endswith("allocations") for line in told)
