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

PROGRAMS = Path(__file__).with_name("programs")
#: Each program, the library that it needs, a route that must serve one of its calls at least, and how far its
#: results may be apart, relative to the largest: rounding, for iterations as far as they are run.
CLIENTS = (
    ("tensorly_cp_tucker.py", "tensorly", "dense.matmul", 1e-9),
    ("sklearn_linear_regression.py", "sklearn", "factors.svd", 1e-11),
    ("statsmodels_ols.py", "statsmodels", "factors.svd", 1e-10),
    ("statsmodels_ols.py", "statsmodels", "factors.inverse", 1e-10),
    ("statsmodels_ols.py", "statsmodels", "factors.lu", 1e-10),
    ("xarray_dot.py", "xarray", "dense.matmul", 1e-12),
    ("pyscf_mp2_ccsd.py", "pyscf", "dense.matmul", 1e-8),
)


def need(library: str) -> None:
    """Skip a test without its library, but not where the libraries are promised, as in tox's environment."""
    if importlib.util.find_spec(library) is None and not os.environ.get("EINROUTE_CLIENTS"):
        pytest.skip(f"{library} is not installed: tox -e clients")


def output_of(*arguments: str) -> tuple[Any, str]:
    """What a program prints, read as JSON, and what it writes to stderr."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *arguments], capture_output=True, text=True, timeout=600, check=False
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
    assert re.search(rf"\b{re.escape(route)}\b", report), report


def test_every_program_is_run() -> None:
    assert {path.name for path in PROGRAMS.glob("[!_]*.py")} == {program for program, *_ in CLIENTS}
