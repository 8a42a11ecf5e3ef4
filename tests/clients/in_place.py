"""Run a library's own tests with einroute in NumPy's place: ``python -m tests.clients.in_place WHEN ...``.

WHEN is ``install``, before the library is imported, or ``override``, after its tests have been collected, so
that it took NumPy's functions first. The rest are pytest's arguments. The last line says what became of it.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import einroute as er


class InPlace:
    """Begins the override when all tests are there, and counts what becomes of them."""

    def __init__(self, later: bool) -> None:
        self._later = er.override() if later else None
        self.outcomes: Counter[str] = Counter()
        self.failed: list[str] = []

    def pytest_collection_finish(self) -> None:
        """Begin."""
        if self._later is not None:
            self._later.__enter__()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count."""
        if report.when == "call" or report.failed:
            self.outcomes[report.outcome] += 1
            if report.failed:
                file, test = Path(report.location[0]).name, report.nodeid.partition("::")[2]
                self.failed.append(f"{file}::{test}")


def main(when: str, arguments: list[str]) -> int:
    """Run the tests and tell."""
    if when == "install":
        er.install()
    plugin = InPlace(when == "override")
    settings = str(Path(__file__).with_name("suites.ini"))
    status = int(pytest.main(["-c", settings, "--pyargs", *arguments], plugins=[plugin]))
    told = {
        "passed": plugin.outcomes["passed"],
        "failed": plugin.failed,
        "in place": "einroute" in repr(np.einsum),
        "planned": er.cache_info()["plans"],
    }
    print(json.dumps(told))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
