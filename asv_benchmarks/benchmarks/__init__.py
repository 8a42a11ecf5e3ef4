"""What every benchmark shares: the cases, and the base of the classes that time them.

The cases are those of ``python -m einroute bench``. They come from this checkout: the commit that is installed and
measured may have others, or none.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_TABLE = Path(__file__).resolve().parents[2] / "src" / "einroute" / "_bench"


def _take(name: str) -> None:
    """Make the package of cases importable under a name of its own, so that no `einroute` is imported with it."""
    spec = importlib.util.spec_from_file_location(
        name, _TABLE / "__init__.py", submodule_search_locations=[str(_TABLE)]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)


_take("einroute_cases")

from einroute_cases.case import LIBRARIES, Case  # noqa: E402
from einroute_cases.cases import CASES, AnyCase, in_suite  # noqa: E402
from einroute_cases.statement import load, member  # noqa: E402

__all__ = ["CASES", "IMPLEMENTATIONS", "Case", "Suite", "in_suite", "installed", "load", "member", "prepared"]


def _in_batches() -> None:
    """Let asv time as many calls at once as it takes to measure one, with setups as with none.

    From asv_runner 0.3 on it times a single call after each setup, for benchmarks that change what that made. Here
    nothing does, and a single call is a cold one, of twice the time and more.
    """
    try:
        from asv_runner.benchmarks.time import TimeBenchmark
    except ImportError:  # run by hand, without asv
        return
    TimeBenchmark._setup_isolates_timed_calls = False


_in_batches()

#: What is not NumPy's own to do, and the module that it needs.
NEEDED = {"jax": "jax", "mkl": "sparse_dot_mkl", "pydata": "sparse", "torch": "torch"}
IMPLEMENTATIONS = ("einroute", "numpy", "numpy_optimize", "opt_einsum", "by_hand", "torch", "jax")


def installed(names: Iterable[str] = IMPLEMENTATIONS) -> list[str]:
    """Those that can have a line in a graph here; the page would list the others without one."""
    return [name for name in names if name not in NEEDED or importlib.util.find_spec(NEEDED[name])]


SLOWEST = 0.1  # seconds of np.einsum's default beyond which the suite leaves it out


def prepared(case: AnyCase, implementation: str) -> Any:
    """The call of a case as a function without arguments, called once; NotImplementedError where it cannot be."""
    operands = case.build()
    if case.too_slow(implementation, operands, SLOWEST):
        raise NotImplementedError(f"{implementation} would take too long")
    call = case.statement(implementation, operands).compiled()
    try:
        call()  # planning is timed in `planning`
    except Exception as error:
        if implementation in LIBRARIES:  # which say so only when called with what they do not know
            raise NotImplementedError(f"{implementation}: {error}") from error
        raise
    return call


class Suite:
    """Base of the asv classes which time cases; each of them adds a ``time_`` method that calls `call`.

    Implementations are the first parameter: of it a graph shows all values as lines side by side, of the others the
    first, until told otherwise. The call adds two Python frames (about 0.1 us) to every one of them alike;
    ``python -m einroute bench`` times without.
    """

    table: dict[str, AnyCase]
    param_names = ["implementation", "case"]

    def setup(self, implementation: str, label: str) -> None:
        self.call = prepared(self.table[label], implementation)
