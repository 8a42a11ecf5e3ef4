"""Run NumPy's, SciPy's and pydata/sparse's tests of the functions that we replace, with ours in place."""

from __future__ import annotations

import os
import sys
from collections import Counter
from pathlib import Path

import pytest

import einroute as er
from tests.helpers import forcing
from tests.numpy_suite import pydata
from tests.numpy_suite.substitute import Counts, substituted

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

# Most tests show a matrix once, so that NumPy's own code answers. These run a second time with every matrix
# factored at first sight, so that what is kept answers wherever it may. SciPy's run both ways.
REMEMBERED = tuple(
    f"numpy.linalg.tests.test_linalg::{name}"
    for name in ("TestLstsq", "TestSolve", "TestInv", "TestPinv", "TestPinvHermitian", "TestTensorsolve")
)
SCIPYS = tuple(
    f"scipy.linalg.tests.test_basic::{name}" for name in ("TestLstsq", "TestSolve", "TestInv", "TestPinv")
)
REMEMBERING = ("lstsq", "solve", "inv", "pinv")


def _run(
    targets: tuple[str, ...],
    arguments: list[str],
    rules: str = "pytest.ini",
    plugins: tuple[object, ...] = (),
) -> int:
    settings = Path(__file__).with_name(rules)
    return int(pytest.main(["-c", str(settings), "--pyargs", *targets, *arguments], plugins=[*plugins]))


def _both(one: int, other: int) -> int:
    """The worse of two statuses; that arguments selected nothing counts only where it is true of both."""
    nothing = int(pytest.ExitCode.NO_TESTS_COLLECTED)
    if nothing in {one, other}:
        return other if one == nothing else one
    return one or other


def _as_called(arguments: list[str], counts: Counts) -> tuple[int, list[str]]:
    targets = (*WHOLE, *(f"numpy._core.tests.test_multiarray::{name}" for name in MULTIARRAY))
    status = _both(_run(targets, arguments), _run(SCIPYS, arguments, "scipy.ini"))
    print("\ncalls of each replaced function:")
    for name, count in counts.items():
        print(f"  {name:32} {count:8}")
    return status, counts.faults()


def _planned(arguments: list[str], counts: Counts) -> tuple[int, list[str]]:
    with forcing(None) as ran:
        status = _run(PLANNED, arguments)
    print("\nsteps done by each route, the short cut off:")
    for name, count in Counter(ran).most_common():
        print(f"  {name:32} {count:8}")
    return status, [] if set(ran) - {NUMPYS_ROUTE} else ["no step took another route than NumPy's own"]


def _remembered(arguments: list[str], counts: Counts) -> tuple[int, list[str]]:
    before = dict(counts.items())
    er.cache_clear()
    er.set_config(prepare="now")
    try:
        status = _both(_run(REMEMBERED, arguments), _run(SCIPYS, arguments, "scipy.ini"))
    finally:
        er.set_config(prepare="auto")
    info = er.cache_info()
    print(
        "\nfactored at first sight:", ", ".join(f"{info[name]} {name}" for name in ("made", "hits", "misses"))
    )
    faults = [
        f"{place}.linalg.{name} was never called while matrices were factored at first sight"
        for place in ("numpy", "scipy")
        for name in REMEMBERING
        if dict(counts.items())[f"{place}.linalg.{name}"] == before[f"{place}.linalg.{name}"]
    ]
    faults += [
        f"nothing was {what}: kept factors answered nothing" for what in ("made", "hits") if not info[what]
    ]
    return status, faults


def _pydata(arguments: list[str]) -> tuple[int, list[str]]:
    if not pydata.there():
        print("\npydata/sparse ships no tests in the version installed, if any: skipped")
        return int(pytest.ExitCode.OK), []
    otherwise = pydata.Otherwise()
    with substituted(otherwise.ours_of, pydata.PLACES) as counts:
        status = _run(pydata.TARGETS, arguments, "sparse.ini", (otherwise,))
    print("\ncalls of each replaced function of pydata/sparse:")
    for name, count in counts.items():
        print(f"  {name:32} {count:8}")
    print("what its tests ask for and we do otherwise:")
    for what, count in otherwise.calls.items():
        print(f"  {count} calls: {what}")
    for name, reason in pydata.REASONS.items():
        print(f"  {name}, expected to fail: {reason}")
    never = [
        f"{name} was never called: the run proves nothing about it"
        for name, count in counts.items()
        if not count
    ]
    return status, never + otherwise.faults()


def main(arguments: list[str]) -> int:
    """Run all passes; with arguments of the caller's, which may select, counts are printed, not required."""
    # NumPy skips by itself what needs more free memory than this (it has tests that fill 16 GB and more).
    os.environ.setdefault("NPY_AVAILABLE_MEM", "8 GB")
    bad = False
    # One substitution for all: a test module that was imported keeps the functions that it took then.
    with substituted() as counts:
        for one in (_as_called, _planned, _remembered):
            bad = _judged(*one(arguments, counts), arguments) or bad
    return int(_judged(*_pydata(arguments), arguments) or bad)


def _judged(status: int, faults: list[str], arguments: list[str]) -> bool:
    """Whether a pass failed."""
    if arguments:
        faults = []
        status = 0 if status == pytest.ExitCode.NO_TESTS_COLLECTED else status
    for fault in faults:
        print(f"FAILED: {fault}")
    return bool(status) or bool(faults)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
