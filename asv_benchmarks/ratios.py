"""How einroute compares with the best known call, side by side in one process.

    python asv_benchmarks/ratios.py [--group G ...] [--case REGEX] [--min-time 0.1] [--json F] [--markdown]

Every implementation of a case is checked against the others, then timed in turn in many short rounds;
the smallest time of each counts, since noise only adds. A case that looks slow is measured again, longer,
before it is called so. Timing happens in one process and in alternation because on a shared machine the
speed of a core changes more from minute to minute than the differences sought here.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import re
import sys
import timeit
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from benchmarks import SECONDS_PER_VISIT, Case, Statement, disagreement, load, statement
from benchmarks.cases import CASES

BATCH_SECONDS = 2e-3  # shorter batches are dominated by the clock and by interrupts
SLOWEST_DEFAULT = 2.0  # seconds of np.einsum(optimize=False) beyond which it is left out
BUSY = 0.7  # load average from which figures with several BLAS threads are not to be trusted
MOST_SECONDS = 3.0  # for one race, so that a case of slow calls does not hold up the rest
ALLOWED_RATIO, ALLOWED_SECONDS = 1.1, 0.7e-6  # the project's allowance
PEERS = ("numpy", "numpy_optimize", "opt_einsum", "by_hand")


@dataclass
class Outcome:
    """Seconds per call of each implementation; `problem` is set if ours failed or disagreed."""

    label: str
    group: str
    order: str
    visits: int
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def best_peer(self) -> str:
        peers = [name for name in self.seconds if name != "einroute"]
        return min(peers, key=self.seconds.__getitem__, default="")

    def ratio(self, peer: str) -> float:
        """Our time over a peer's (`by_hand` is the better of the hand-written forms); nan if not measured."""
        times = [t for name, t in self.seconds.items() if name == peer or name.startswith(f"{peer} ")]
        return self.seconds.get("einroute", math.nan) / min(times, default=math.nan)

    @property
    def slow(self) -> bool:
        return self.slower_than(self.best_peer)

    def slower_than(self, peer: str) -> bool:
        """Whether we are behind one peer by more than the allowance."""
        if "einroute" not in self.seconds or peer not in self.seconds:
            return False
        ours, theirs = self.seconds["einroute"], self.seconds[peer]
        return ours > ALLOWED_RATIO * theirs and ours - theirs > ALLOWED_SECONDS


class Racer:
    """One implementation of one case in the race."""

    def __init__(self, found: Statement) -> None:
        self.timer = timeit.Timer(found.code, globals=dict(found.scope))
        self.best = self.timer.timeit(1)
        self.number = 1
        if self.best < BATCH_SECONDS:
            # the first call may have planned or compiled; choose the batch by a call that did not
            once = min(self.timer.timeit(1) for _ in range(3))
            self.number = max(1, math.ceil(BATCH_SECONDS / max(once, 1e-7)))
        self.round()

    def round(self) -> float:
        """Run a batch and return how long it took."""
        total = self.timer.timeit(self.number)
        self.best = min(self.best, total / self.number)
        return total


def race(racers: dict[str, Racer], min_time: float, least_rounds: int = 3) -> None:
    """Time all in turn until each has had `min_time` seconds and `least_rounds` rounds.

    One that is beyond four times the best, and slow in itself, drops out: its ratio is known well enough.
    """
    spent = dict.fromkeys(racers, 0.0)
    rounds = 0
    while True:
        best = min(racer.best for racer in racers.values())
        active = [n for n, r in racers.items() if n == "einroute" or r.best < 4 * best or r.best < 0.01]
        enough = rounds >= least_rounds and all(spent[n] >= min_time for n in active)
        if enough or (rounds >= 3 and sum(spent.values()) > MOST_SECONDS):
            return
        shift = rounds % len(active)  # nobody always follows the same neighbour
        for name in active[shift:] + active[:shift]:
            spent[name] += racers[name].round()
        rounds += 1


def statements(case: Case, operands: tuple[object, ...], own: str, peers: Iterable[str]) -> dict[str, Statement]:
    found = {"einroute": statement(case, "einroute", operands, own=own)}
    for peer in peers:
        for variant in range(len(case.by_hand) if peer == "by_hand" else 1):
            try:
                name = f"{peer} {variant + 1}" if variant else peer
                found[name] = statement(case, peer, operands, variant=variant)
            except NotImplementedError:
                continue
    return found


def run_case(case: Case, own: str, peers: Sequence[str], min_time: float, check_only: bool = False) -> Outcome:
    """Check that all agree, then time them."""
    operands = case.build()
    outcome = Outcome(case.label, case.group, case.order, case.visits(operands))
    found = statements(case, operands, own, peers)
    if case.function == "einsum" and outcome.visits * SECONDS_PER_VISIT > SLOWEST_DEFAULT:
        found.pop("numpy", None)
        outcome.notes.append("numpy's default left out, too slow")
        if own == "numpy":
            found["einroute"] = statement(case, "numpy_optimize", operands)
    answers: dict[str, object] = {}
    for name in list(found):
        try:
            answers[name] = found[name].run()
        except Exception as error:  # whatever one implementation raises, the others are still to be timed
            refusal = f"{type(error).__name__}: {error}"
            outcome.notes.append(f"{name} left out: {refusal}")
            del found[name]
            if name == "einroute":
                outcome.problem = refusal
                return outcome
    # with every peer deselected there is still something to be right against
    reference = next((name for name in found if name != "einroute"), "")
    expected = answers[reference] if reference else statement(case, "numpy_optimize", operands).run()
    for name, answer in answers.items():
        wrong = disagreement(case, answer, expected)
        if wrong and name == "einroute":
            outcome.problem = f"{wrong} ({reference or 'numpy'})"
            return outcome
        if wrong:
            outcome.notes.append(f"{name} left out: {wrong}")
            del found[name]
    answers.clear()  # large results would stay resident while the race runs
    del expected
    if check_only:
        return outcome
    racers = {name: Racer(code) for name, code in found.items()}
    race(racers, min_time)
    outcome.seconds = {name: racer.best for name, racer in racers.items()}
    if outcome.slow:
        race(racers, 3 * min_time, 10)
        outcome.seconds = {name: racer.best for name, racer in racers.items()}
    if outcome.slow:
        outcome.notes.append(f"best: {found[outcome.best_peer].code}")
    return outcome


def geometric_mean(values: Iterable[float]) -> float:
    logs = [math.log(v) for v in values if v > 0 and math.isfinite(v)]
    return math.exp(sum(logs) / len(logs)) if logs else math.nan


def number(value: float, digits: int = 2) -> str:
    return "-" if math.isnan(value) else f"{value:.{digits}f}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], markdown: bool) -> str:
    """Lines of aligned columns, or a Markdown table."""
    widths = [max(len(row[k]) for row in [head, *rows]) for k in range(len(head))]
    lines = []
    for row in [head, *rows]:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]
        lines.append("| " + " | ".join(cells) + " |" if markdown else "  ".join(cells))
    if markdown:
        lines.insert(1, "|" + "|".join("---" if k == 0 else "--:" for k in range(len(head))) + "|")
    return "\n".join(lines)


HEAD = ("case", "einroute us", "numpy us", "optimize us", "opt_einsum us", "by hand us", "ours/best", "best")


def line(outcome: Outcome) -> tuple[str, ...]:
    ours = outcome.seconds.get("einroute", math.nan)
    cells = [number(ours / outcome.ratio(peer) * 1e6) for peer in PEERS]
    return (outcome.label, number(ours * 1e6), *cells, number(outcome.ratio(outcome.best_peer)), outcome.best_peer)


def summary(outcomes: Sequence[Outcome], markdown: bool) -> str:
    keys = sorted({(o.group, o.order) for o in outcomes})
    sets = [(f"{group} order={order}", [o for o in outcomes if (o.group, o.order) == (group, order)]) for group, order in keys]
    sets.append(("all", list(outcomes)))
    rows = [
        (name, str(len(chosen)),
         number(geometric_mean(o.ratio(o.best_peer) for o in chosen)),
         number(max((o.ratio(o.best_peer) for o in chosen), default=math.nan)),
         *(number(geometric_mean(o.ratio(peer) for o in chosen), 3) for peer in PEERS),
         str(sum(o.slow for o in chosen)), str(sum(o.slower_than("numpy") for o in chosen)))
        for name, chosen in sets
    ]  # fmt: skip
    head = ("geometric means of ours / ...", "cases", "best", "worst", "numpy", "optimize", "opt_einsum", "by hand",
            "slow", "vs numpy")  # fmt: skip
    return table(head, rows, markdown)


def conditions(own: str) -> str:
    """Versions and threads, without which no figure means anything."""
    text = [f"Python {platform.python_version()}", f"NumPy {np.__version__}"]
    for module in dict.fromkeys((own, "opt_einsum")):
        try:
            text.append(f"{module} {getattr(load(module), '__version__', '?')}")
        except NotImplementedError:
            text.append(f"{module} missing")
    try:
        pools = load("threadpoolctl").threadpool_info()
        text += [f"{p['internal_api']} {p.get('version')} {p.get('architecture', '')} threads={p['num_threads']}" for p in pools]
    except NotImplementedError:
        text.append("threads unknown (threadpoolctl missing)")
    warning = ""
    load_average = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if load_average > BUSY:
        warning = (
            f"\nWARNING: load average {load_average:.1f}. BLAS threads that wait for a core inflate calls of "
            "microseconds to milliseconds; set OPENBLAS_NUM_THREADS=1 or wait"
        )
    return ", ".join(text) + warning


def main(argv: Sequence[str] | None = None) -> int:
    """Run the chosen cases; 1 if ours was wrong anywhere, or with --strict slow anywhere."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    groups = list(dict.fromkeys(case.group for case in CASES))
    parser.add_argument("--group", nargs="+", choices=groups, help="only these groups")
    parser.add_argument("--case", default="", metavar="REGEX", help="only cases whose 'group: name' matches")
    parser.add_argument("--asv", action="store_true", help="only the cases of the asv suite")
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS, help="only these peers")
    parser.add_argument("--self", dest="own", default="einroute", metavar="MODULE", help="measure another module as ours")
    parser.add_argument("--min-time", type=float, default=0.1, help="seconds for each implementation of each case")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here")
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    parser.add_argument("--list", action="store_true", help="print the cases with their sizes and stop")
    parser.add_argument("--check", action="store_true", help="only check that all agree, time nothing")
    parser.add_argument("--strict", action="store_true", help="fail if a case is slower than allowed")
    options = parser.parse_args(argv)

    chosen = [
        case for case in CASES
        if (not options.group or case.group in options.group) and re.search(options.case, case.label)
        and (case.asv or not options.asv)
    ]  # fmt: skip
    if options.list:
        for case in chosen:
            operands = case.build()
            print(f"{case.label}: {[np.shape(x) for x in operands]}, {case.flops(operands) / 1e9:.3g} GFLOP as a plain loop")
        print(f"{len(chosen)} cases")
        return 0
    print(conditions(options.own), flush=True)
    outcomes = []
    for k, case in enumerate(chosen):
        outcome = run_case(case, options.own, options.peers, options.min_time, options.check)
        outcomes.append(outcome)
        cells = line(outcome)
        mark = "WRONG " + outcome.problem if outcome.problem else "SLOW" if outcome.slow else ""
        if not options.markdown:
            print(f"{k + 1:3}/{len(chosen)} {cells[0]:<48}" + "".join(f" {c:>10}" for c in cells[1:]), mark, flush=True)
    if options.markdown:
        print(table(HEAD, [line(o) for o in outcomes], True))
    print("\n" + summary(outcomes, options.markdown))
    slow = sorted((o for o in outcomes if o.slow), key=lambda o: -o.ratio(o.best_peer))
    print(f"\n{len(slow)} of {len(outcomes)} slower than allowed (over {ALLOWED_RATIO} times and {ALLOWED_SECONDS * 1e6} us)")
    for o in slow:
        gap = o.seconds["einroute"] - o.seconds[o.best_peer]
        print(f"  {o.ratio(o.best_peer):.2f} (+{gap * 1e6:.2f} us; vs numpy {number(o.ratio('numpy'))})  {o.label}; {o.notes[-1]}")
    wrong = [o for o in outcomes if o.problem]
    for o in wrong:
        print(f"WRONG {o.label}: {o.problem}")
    for o in outcomes:
        for note in o.notes:
            if "left out:" in note:
                print(f"note {o.label}: {note}")
    if options.json:
        record = {"conditions": conditions(options.own), "cases": [asdict(o) for o in outcomes]}
        options.json.write_text(json.dumps(record, indent=1))
    return int(bool(wrong) or (options.strict and bool(slow)))


if __name__ == "__main__":
    sys.exit(main())
