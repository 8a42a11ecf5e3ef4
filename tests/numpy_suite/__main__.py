"""Run NumPy's tests of the functions that einroute replaces, with einroute in place."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from einroute._config import forcing
from tests.numpy_suite.substitute import substituted

# Whole files where that takes seconds; of the 14,000 tests of test_multiarray.py, those classes that use the
# functions. Within what is named here nothing is deselected.
WHOLE = (
    "numpy._core.tests.test_einsum",
    "numpy._core.tests.test_numeric",
    "numpy._core.tests.test_ufunc",
    "numpy._core.tests.test_regression",
    "numpy.linalg.tests.test_linalg",
    "numpy.matrixlib.tests",
)
MULTIARRAY = (
    "TestMethods",
    "TestVdot",
    "TestDot",
    "TestMatmul",
    "TestMatmulOperator",
    "TestMatmulInplace",
    "test_matmul_axes",
    "TestInner",
    "TestWritebackIfCopy",
    "TestAlignment",
)


# The operands of these tests are so small that nearly every call takes the short cut to the C einsum. So
# the tests of what is planned run a second time with the short cut off.
PLANNED = (
    "numpy._core.tests.test_einsum",
    "numpy._core.tests.test_numeric::TestTensordot",
    "numpy.linalg.tests.test_linalg::TestMultiDot",
)
NUMPYS_ROUTE = "numpy.einsum"


def _run(targets: tuple[str, ...], arguments: list[str]) -> int:
    settings = Path(__file__).with_name("pytest.ini")
    return int(pytest.main(["-c", str(settings), "--pyargs", *targets, *arguments]))


def _as_called(arguments: list[str]) -> tuple[int, list[str]]:
    targets = (*WHOLE, *(f"numpy._core.tests.test_multiarray::{name}" for name in MULTIARRAY))
    with substituted() as counts:
        status = _run(targets, arguments)
        print("\ncalls of each replaced function:")
        for name, count in counts.items():
            print(f"  {name:32} {count:8}")
    return status, counts.faults()


def _planned(arguments: list[str]) -> tuple[int, list[str]]:
    with substituted(), forcing(None) as ran:
        status = _run(PLANNED, arguments)
    print("\nsteps done by each route, the short cut off:")
    for name, count in Counter(ran).most_common():
        print(f"  {name:32} {count:8}")
    return status, [] if set(ran) - {NUMPYS_ROUTE} else ["no step took another route than NumPy's own"]


def main(arguments: list[str]) -> int:
    """Run both passes; with arguments of the caller's, which may select, counts are printed, not required."""
    # NumPy skips by itself what needs more free memory than this (it has tests that fill 16 GB and more).
    os.environ.setdefault("NPY_AVAILABLE_MEM", "8 GB")
    bad = False
    for one in (_as_called, _planned):
        status, faults = one(arguments)
        if arguments:
            faults = []
            status = 0 if status == pytest.ExitCode.NO_TESTS_COLLECTED else status
        for fault in faults:
            print(f"FAILED: {fault}")
        bad = bad or bool(status) or bool(faults)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
