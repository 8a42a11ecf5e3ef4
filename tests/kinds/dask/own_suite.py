"""dask's own tests of contractions, with einroute's functions in place of dask's.

``python -m tests.kinds.dask.own_suite REPORT`` writes, as JSON, what failed, how many passed, and how often
each replacement was called.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask.array as da
import pytest
from dask.array import core, einsumfuncs, routines

import einroute as er

CALLS: Counter[str] = Counter()
MODULES = (
    "test_routines",
    "test_array_core",
    "test_array_function",
    "test_linalg",
    "test_sparse",
    "test_dispatch",
)
CHOSEN = "einsum or tensordot or matmul or dot or outer or contraction or lstsq"


class Results:
    """What became of each test."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed: list[str] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self.failed.append(report.nodeid.rpartition("::")[2])
        elif report.when == "call" and report.passed:
            self.passed += 1


def counted(name: str, ours: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        CALLS[name] += 1
        return ours(*args, **kwargs)

    call.__name__ = name
    return call


def replace() -> None:
    """Put ours where dask has its own."""
    for name in ("einsum", "tensordot", "matmul"):
        ours = counted(name, getattr(er, name))
        for module in (da, routines, einsumfuncs, core):
            if hasattr(module, name):
                setattr(module, name, ours)
    da.linalg.lstsq = counted("lstsq", er.lstsq)


def main(report: str) -> None:
    replace()
    results = Results()
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder) / "pytest.ini"
        settings.write_text("[pytest]\nmarkers =\n    slow\n    gpu\n    network\n", encoding="utf-8")
        pytest.main(
            ["-q", "-W", "ignore", "-c", str(settings), "-p", "no:cacheprovider", "-k", CHOSEN, "--pyargs"]
            + [f"dask.array.tests.{name}" for name in MODULES],
            plugins=[results],
        )
    found = {"passed": results.passed, "failed": results.failed, "calls": dict(CALLS)}
    Path(report).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
