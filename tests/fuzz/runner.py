"""The loop over cases, through the chosen route and through every forced one, and the table of coverage."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import einroute as er
from tests.helpers import forcing

from .case import Case
from .expected import Outcome, expect, run
from .judge import disagreements
from .source import Source

NUMPY_ROUTE = "numpy.einsum"
# Below this many cases of its kind a route may go without a single run by chance.
ENOUGH = 1000


@dataclass
class Report:
    """What a fuzz found."""

    cases: int = 0
    raised: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    functions: Counter[str] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    wanted: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def uncovered(self) -> list[str]:
        """The routes that no case ran through, where there were cases enough."""
        enough = [kind for kind, count in self.kinds.items() if count >= ENOUGH]
        return [name for kind in enough for name in self.wanted.get(kind, ()) if not self.routes[name]]

    def table(self) -> str:
        """Counts of cases by kind, by function and by route."""
        lines = [f"{self.cases} cases, of which {self.raised} raise in NumPy; {len(self.failures)} failures"]
        for title, counts in (("kind", self.kinds), ("function", self.functions), ("route", self.routes)):
            if counts:
                lines.append(f"{title:<36}{'cases':>8}")
                lines += [f"  {name:<34}{count:>8}" for name, count in sorted(counts.items())]
        return "\n".join(lines)


def check(case: Case, namespace: Any, source: Source, through_routes: bool, report: Report) -> list[str]:
    """Run one case every way there is; say what differs."""
    expected = expect(case)
    report.raised += expected.outcome.error is not None
    found = [f"first call: {text}" for text in disagreements(case, expected, run(case, namespace))]
    if case.change is not None:
        case.change()
        case.save()
        expected = expect(case)
    # The first call plans, the second finds its plan in the cache.
    found += [f"second call: {text}" for text in disagreements(case, expected, run(case, namespace))]
    if through_routes and expected.outcome.error is None:
        for name, outcome in _forced(case, namespace, source):
            report.routes[name] += 1
            found += [f"through {name}: {text}" for text in disagreements(case, expected, outcome)]
    return found


def _forced(case: Case, namespace: Any, source: Source) -> Iterator[tuple[str, Outcome]]:
    """The outcome through each route that does not refuse the case, NumPy's own einsum forbidden."""
    for name in source.routes:
        setting = source.forced(case, name)
        if setting is None:
            continue
        with setting, forcing(name, forbid=(NUMPY_ROUTE,) if name != NUMPY_ROUTE else ()) as ran:
            outcome = run(case, namespace)
        if name in ran and not isinstance(outcome.error, er.NoRoute):
            yield name, outcome


def fuzz(
    namespace: Any,
    *sources: Source,
    seed: int,
    indices: Sequence[int],
    through_routes: bool = False,
    stop_after: int = 20,
    progress: bool = False,
) -> Report:
    """Check the cases `indices` of the sequence `seed`, and stop after `stop_after` failing ones.

    Several sources take turns: number i of n sources is number i // n of source i % n.
    """
    report = Report()
    if through_routes:
        report.wanted = {source.kind: source.routes for source in sources}
        report.routes.update({name: 0 for source in sources for name in source.routes})
    started = time.perf_counter()
    for number in indices:
        index, which = divmod(number, len(sources))
        source = sources[which]
        name = f"--kind {source.kind} --seed {seed} --only {index}"
        case = source.draw(seed, index)
        if case is None:
            continue
        report.cases += 1
        report.kinds[source.kind] += 1
        report.functions[case.function] += 1
        try:
            found = check(case, namespace, source, through_routes, report)
        except Exception as e:
            e.add_note(f"in fuzz case {name}\n{case.text()}")
            raise
        if found:
            head = f"# python -m tests.fuzz {name}" + (" --through-routes" if through_routes else "")
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
