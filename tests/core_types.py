"""The numeric tests under every BLAS kernel that this machine can run: ``python -m tests.core_types [PYTEST
ARGS]``.

OpenBLAS picks its kernels by the processor, and OPENBLAS_CORETYPE picks others. It is set in the
environment of the tests' own process, only to types whose instructions the processor has, and each kernel
that is really loaded, as threadpoolctl tells, is tested once. A kernel with which NumPy's own products crash
or are wrong on this processor is named and left out: nothing that stands on it can be right.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

#: x86 core types and the processor flags that their kernels need.
X86: Mapping[str, frozenset[str]] = {
    "Prescott": frozenset({"pni"}),
    "Nehalem": frozenset({"sse4_2"}),
    "Sandybridge": frozenset({"avx"}),
    "Haswell": frozenset({"avx2", "fma"}),
    "Zen": frozenset({"avx2", "fma"}),
    "SkylakeX": frozenset({"avx512f", "avx512dq", "avx512bw", "avx512vl"}),
    "Cooperlake": frozenset({"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_bf16"}),
}
#: arm64 core types, and those of their flags.
ARM: Mapping[str, frozenset[str]] = {
    "ARMV8": frozenset({"asimd"}),
    "NEOVERSEN1": frozenset({"asimd", "atomics"}),
    "ARMV8SVE": frozenset({"sve"}),
}
#: Tests whose numbers depend on the kernel.
NUMERIC = (
    "tests/factors/test_accuracy.py",
    "tests/factors/test_bits.py",
    "tests/factors/test_lu.py",
    "tests/kinds/difference/test_accuracy.py",
    "tests/api/test_lstsq.py",
    "tests/api/test_solve.py",
    "tests/api/test_scipy_linalg.py",
    "tests/factors/test_factor_cache.py",
    "tests/api/test_einsum_numbers.py",
    "tests/config/test_reproducible.py",
)
_LOADED = (
    "import json, numpy, scipy.linalg, threadpoolctl as t;"
    "print(json.dumps([[x.get('architecture'), x.get('version')] for x in t.threadpool_info()]))"
)
#: NumPy alone, on products of integers in floating point, whose every partial sum is exact.
_PRODUCTS = """
import numpy as np
rng = np.random.default_rng(0)
for m, k, n in [(64, 1024, 64), (200, 300, 500), (33, 2000, 7), (400, 400, 400)] * 5:
    a, b = rng.integers(-1000, 1000, (m, k)), rng.integers(-1000, 1000, (k, n))
    for dtype in (float, complex):
        if not np.array_equal(np.dot(a.astype(dtype), b.astype(dtype)), a @ b):
            raise SystemExit("wrong")
"""


def flags(text: str) -> frozenset[str]:
    """The flags of the first processor in ``/proc/cpuinfo``'s text."""
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name.strip() in {"flags", "Features"}:
            return frozenset(value.split())
    return frozenset()


def runnable(machine: str, present: Collection[str]) -> list[str]:
    """Core types whose instructions are all there; none on a machine that is neither x86-64 nor arm64."""
    known = {"x86_64": X86, "amd64": X86, "aarch64": ARM, "arm64": ARM}.get(machine.lower(), {})
    return [name for name, needed in known.items() if needed <= set(present)]


def loaded(core: str) -> str:
    """What is loaded when a core type is asked for; empty where that fails."""
    done = subprocess.run(
        [sys.executable, "-c", _LOADED],
        env=os.environ | {"OPENBLAS_CORETYPE": core},
        capture_output=True,
        text=True,
        check=False,
    )
    return json.dumps(json.loads(done.stdout)) if done.returncode == 0 else ""


def broken(core: str) -> bool:
    """Whether NumPy's own products crash or are wrong under a core type, as on processors it misreads."""
    done = subprocess.run(
        [sys.executable, "-c", _PRODUCTS],
        env=os.environ | {"OPENBLAS_CORETYPE": core, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        check=False,
    )
    return done.returncode != 0


def main(arguments: list[str]) -> int:
    """Run the tests under each kernel; 0 if all passed under all of them."""
    cpuinfo = Path("/proc/cpuinfo")
    present = flags(cpuinfo.read_text(encoding="utf-8")) if cpuinfo.exists() else frozenset()
    seen: dict[str, str] = {}
    for core in runnable(platform.machine(), present):
        kernel = loaded(core)
        if kernel and kernel not in seen:
            seen[kernel] = core
    if not seen:
        print("no core type to choose on this machine: nothing was run")
        return 0
    failed = []
    for kernel, core in seen.items():
        if broken(core):
            print(f"== OPENBLAS_CORETYPE={core}: left out, NumPy's own products fail: {kernel}", flush=True)
            continue
        print(f"== OPENBLAS_CORETYPE={core}: {kernel}", flush=True)
        tests = arguments or ["-q", "-n", "auto", *NUMERIC]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *tests],
            env=os.environ | {"OPENBLAS_CORETYPE": core},
            check=False,
        )
        if done.returncode:
            failed.append(core)
    print(f"{len(seen)} kernels; failed under: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
