"""Run opt_einsum's tests with ours in place: ``python -m tests.opt_einsum_suite``; arguments go to pytest.

Its modules take the functions when they are imported, so the replacements stand in opt_einsum's namespaces
before any is.
"""

from __future__ import annotations

import functools
import sys
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import opt_einsum
import pytest
from opt_einsum.tests import test_sharing

import einroute.opt_einsum as ours

NAMES = ("contract", "contract_expression", "contract_path")
#: It holds a call inside ``shared_intermediates()``, which is opt_einsum's own, to the bits of one outside,
#: which is ours, on random numbers: that they agree to rounding is tests/opt_einsum_suite/test_suite.py's.
ROUNDING = "test_sharing.py::test_sharing_value[numpy-"


def counted(function: Callable[..., Any], counts: Counter[str]) -> Callable[..., Any]:
    """A function whose calls are counted."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        counts[function.__name__] += 1
        return function(*args, **kwargs)

    return call


class _Deselects:
    """Leaves out what asserts bits, and says how many that were."""

    left_out = 0

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave them out."""
        kept = [item for item in items if ROUNDING not in item.nodeid]
        self.left_out, items[:] = len(items) - len(kept), kept


def main(arguments: list[str]) -> int:
    """Run them; the status is bad also where a replacement was never called."""
    counts: Counter[str] = Counter()
    module = import_module("opt_einsum.contract")
    for name in NAMES:
        replacement = counted(getattr(ours, name), counts)
        for place in (opt_einsum, module):
            setattr(place, name, replacement)
    settings = str(Path(__file__).with_name("pytest.ini"))
    plugin = _Deselects()
    status = int(pytest.main(["-c", settings, "--pyargs", "opt_einsum.tests", *arguments], plugins=[plugin]))
    for name in NAMES:
        print(f"{name}: {counts[name]} calls")
    if status or arguments:
        return status
    never = [name for name in NAMES if not counts[name]]
    expected = len(test_sharing.equations)
    if never or plugin.left_out != expected:
        print(f"never called: {never}; left out {plugin.left_out}, expected {expected}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
