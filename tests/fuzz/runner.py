"""The loop over cases, through the chosen route and through every forced one, and the table of coverage."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from einroute._base.routes import NoRoute
from einroute._config.config_block import forcing
from einroute._kinds.dense.form import ROUTES

from .case import Case
from .expressions import draw_einsum
from .judge import Outcome, disagreements, expect, run
from .products import draw_product

NUMPY_ROUTE = "numpy.einsum"
NAMES = [route.name for route in ROUTES]
# Below this many cases a route may go without a single run by chance.
ENOUGH = 1000


@dataclass
class Report:
    """What a fuzz found."""

    cases: int = 0
    raised: int = 0
    functions: Counter[str] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def uncovered(self) -> list[str]:
        """The routes that no case ran through, where there were cases enough."""
        return [name for name, count in self.routes.items() if not count] if self.cases >= ENOUGH else []

    def table(self) -> str:
        """Counts of cases by function and by route."""
        lines = [f"{self.cases} cases, of which {self.raised} raise in NumPy; {len(self.failures)} failures"]
        for title, counts in (("function", self.functions), ("route", self.routes)):
            if counts:
                lines.append(f"{title:<36}{'cases':>8}")
                lines += [f"  {name:<34}{count:>8}" for name, count in sorted(counts.items())]
        return "\n".join(lines)


def draw(seed: int, index: int) -> Case:
    """Case `index` of the sequence that `seed` starts."""
    rng = np.random.default_rng([seed, index])
    large = rng.random() < 0.05
    case = draw_einsum(rng, large) if rng.random() < 0.75 else draw_product(rng, large)
    case.save()
    return case


def check(case: Case, namespace: Any, through_routes: bool, report: Report) -> list[str]:
    """Run one case every way there is; say what differs."""
    report.functions[case.function] += 1
    expected = expect(case)
    report.raised += expected.outcome.error is not None
    found = []
    # Twice: the first call plans, the second finds its plan in the cache.
    for time_of_call in ("first call", "second call"):
        got = run(case, namespace)
        found += [f"{time_of_call}: {text}" for text in disagreements(case, expected, got)]
    if through_routes and expected.outcome.error is None:
        for name, outcome in _forced(case, namespace):
            report.routes[name] += 1
            found += [f"through {name}: {text}" for text in disagreements(case, expected, outcome)]
    return found


def _forced(case: Case, namespace: Any) -> list[tuple[str, Outcome]]:
    """The outcome through each route that does not refuse the case, NumPy's own einsum forbidden."""
    outcomes = []
    for name in NAMES:
        with forcing(name, forbid=(NUMPY_ROUTE,) if name != NUMPY_ROUTE else ()) as ran:
            outcome = run(case, namespace)
        if name in ran and not isinstance(outcome.error, NoRoute):
            outcomes.append((name, outcome))
    return outcomes


def fuzz(
    namespace: Any,
    *,
    seed: int,
    indices: Sequence[int],
    through_routes: bool = False,
    stop_after: int = 20,
    progress: bool = False,
) -> Report:
    """Check the cases `indices` of the sequence `seed`, and stop after `stop_after` failing ones."""
    report = Report()
    if through_routes:
        report.routes.update(dict.fromkeys(NAMES, 0))
    started = time.perf_counter()
    for index in indices:
        case = draw(seed, index)
        report.cases += 1
        try:
            found = check(case, namespace, through_routes, report)
        except Exception as e:
            e.add_note(f"in fuzz case --seed {seed} --only {index}\n{case.text()}")
            raise
        if found:
            head = f"# python -m tests.fuzz --seed {seed} --only {index}" + (
                " --through-routes" if through_routes else ""
            )
            report.failures.append("\n".join([head, case.text(), *(f"    !! {text}" for text in found)]))
            if progress:
                print(report.failures[-1], flush=True)
            if len(report.failures) >= stop_after:
                break
        if progress and report.cases % 1000 == 0:
            took = time.perf_counter() - started
            print(
                f"{report.cases}/{len(indices)} cases, {len(report.failures)} failures, {took:.0f} s",
                file=sys.stderr,
            )
    return report
