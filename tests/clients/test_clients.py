"""Real programs give the same results with einroute in NumPy's place, some of them by routes of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(__file__).with_name("programs")
#: Each program, the library that it needs, a route that must serve one of its calls at least, and how far its
#: results may be apart, relative to the largest: rounding, for iterations as far as they are run.
CLIENTS = (
    ("tensorly_cp_tucker.py", "tensorly", r"dense\.matmul", 1e-9),
    ("sklearn_linear_regression.py", "sklearn", "factors.svd", 1e-11),
    ("statsmodels_ols.py", "statsmodels", "factors.svd", 1e-10),
    ("statsmodels_ols.py", "statsmodels", "factors.inverse", 1e-10),
    ("statsmodels_ols.py", "statsmodels", "factors.lu", 1e-10),
    ("xarray_dot.py", "xarray", r"dense\.matmul", 1e-12),
    ("pyscf_mp2_ccsd.py", "pyscf", r"dense\.(matmul|small|one_pass)", 1e-8),
    ("numba_njit.py", "numba", r"dense\.(matmul|small)", 1e-9),
)
#: Libraries' own tests of what they do with NumPy's functions: pytest's arguments, and how many there are at
#: least.
SUITES = {
    "astropy": (
        (
            "astropy.units.tests.test_quantity_non_ufuncs",
            "astropy.units.tests.test_quantity_ufuncs",
            "astropy.units.tests.test_quantity_array_methods",
            "astropy.utils.masked",
        ),
        2000,
    ),
    "dask": (
        (
            "dask.array.tests.test_routines",
            "dask.array.tests.test_ufunc",
            "dask.array.tests.test_array_core",
            "dask.array.tests.test_array_function",
            "dask.array.tests.test_dispatch",
            "-k",
            "matmul or dot or einsum",
        ),
        100,
    ),
}
#: Their tests that may fail, and why.
MAY_FAIL = {
    "test_quantity_non_ufuncs.py::TestLinAlg::test_lstsq": "asks for the same bits of a matrix seen again, "
    "which is solved by kept factors: they differ from LAPACK's answer by rounding",
}


def need(library: str) -> None:
    """Skip a test without its library, but not where the libraries are promised, as in tox's environment."""
    if importlib.util.find_spec(library) is None and not os.environ.get("EINROUTE_CLIENTS"):
        pytest.skip(f"{library} is not installed: tox -e clients")


def output_of(*arguments: str) -> tuple[Any, str]:
    """What a program prints, read as JSON, and what it writes to stderr."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def numbers(result: Any) -> Any:
    """The numbers in what a program prints."""
    if isinstance(result, dict | list):
        for x in result.values() if isinstance(result, dict) else result:
            yield from numbers(x)
    else:
        yield result


@pytest.mark.parametrize(("program", "library", "route", "tolerance"), CLIENTS)
def test_same_results_by_other_routes(program: str, library: str, route: str, tolerance: float) -> None:
    need(library)
    path = str(PROGRAMS / program)
    expected, _ = output_of(path)
    result, report = output_of("-m", "einroute", "run", path)
    assert result.keys() == expected.keys()
    for name in expected:
        ours, theirs = [*numbers(result[name])], [*numbers(expected[name])]
        if isinstance(theirs[0], str):
            assert ours == theirs
        else:
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * np.abs(theirs).max())
    assert re.search(rf"\b{route}\b", report), report


def test_every_program_is_run() -> None:
    assert {path.name for path in PROGRAMS.glob("[!_]*.py")} == {program for program, *_ in CLIENTS}


@pytest.mark.parametrize("when", ["install", "override"])
@pytest.mark.parametrize("library", SUITES)
def test_libraries_own_tests_pass(library: str, when: str, tmp_path: Path) -> None:
    need(library)
    arguments, least = SUITES[library]
    done = subprocess.run(
        [sys.executable, "-m", "tests.clients.in_place", when, *arguments],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        cwd=tmp_path,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    assert set(told["failed"]) <= set(MAY_FAIL), done.stdout + done.stderr
    assert told["passed"] >= least, done.stdout + done.stderr
    assert told["in place"]
    assert told["planned"]


def test_functions_that_libraries_kept_are_reached() -> None:
    for library in ("opt_einsum", "autoray", "cotengra", "dask", "xarray"):
        need(library)
    counts, _ = output_of(str(Path(__file__).with_name("kept_functions.py")))
    matrix = {"cotengra"}  # by np.matmul, which is replaced where it is named only
    assert {name for name, count in counts["during"].items() if not count} == matrix
    assert {name for name, count in counts["matmul"].items() if count} == matrix
    assert set(counts["after"].values()) == {0}
