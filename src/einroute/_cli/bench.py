"""``python -m einroute bench``: einroute beside the others, in one process, in turn."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from einroute._bench.cases import AnyCase
    from einroute._bench.race import Outcome


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = commands.add_parser(
        "bench",
        help="time einroute beside NumPy and others, in one process, in turn",
        description="Checks that all implementations of each case agree, times them in turn in many short "
        "rounds, and prints einroute's smallest time and how many times faster it is than each of the "
        "others. The exit status is 1 if einroute's result is wrong.",
    )
    command.add_argument(
        "cases",
        nargs="*",
        metavar="CASE",
        help="a group, a case's name or a part of it, or all; a short selection if not given (half a minute)",
    )
    command.add_argument("--list", action="store_true", help="print the cases and stop")
    command.add_argument(
        "--peers", nargs="+", metavar="NAME", help="compare with these alone (torch, jax, ...)"
    )
    command.add_argument(
        "--chart",
        type=Path,
        metavar="FILE",
        help="draw how many times faster einroute is, with the spread, as SVG",
    )
    command.add_argument("--json", type=Path, metavar="FILE", help="write all figures to FILE")
    command.add_argument(
        "--readme",
        nargs="?",
        const=Path("README.md"),
        type=Path,
        metavar="FILE",
        help="measure what the README shows and write it there (./README.md; a quarter of an hour)",
    )
    command.add_argument(
        "--min-time", type=float, default=0.1, metavar="S", help="seconds for each (%(default)s)"
    )
    command.add_argument("--check", action="store_true", help="only check that all agree, time nothing")
    command.add_argument(
        "--strict", action="store_true", help="exit with 1 also if a case is slower than allowed"
    )
    command.add_argument(
        "--regret",
        nargs="?",
        const="all",
        metavar="FAMILY",
        help="hold the chosen routes of random calls against all other ways to do them, and print those that "
        "would have been better by 1.3 times (dense, stacks, sparse, one_hot, rolled, differences; all)",
    )
    command.add_argument(
        "--estimates",
        nargs="?",
        const="all",
        metavar="FAMILY",
        help="print what each route of random calls was estimated to take beside what it took, where that is "
        "off by more than 2, and the share that is not (families as for --regret)",
    )
    command.add_argument(
        "--after",
        nargs="+",
        choices=("sight", "trials", "free"),
        metavar="STAGE",
        help="of --regret: look at first sight (sight, the default), after the trials of plans with the same "
        "bits (trials), after those of all (free)",
    )
    command.add_argument(
        "--seed",
        type=seed,
        default=0,
        help="of --regret and --estimates: which sequence of calls; a number, or a commit's hash (0)",
    )
    command.add_argument(
        "--cases",
        type=int,
        default=90,
        dest="count",
        metavar="N",
        help="of --regret and --estimates: calls a family (90)",
    )
    command.set_defaults(run=run)


def seed(given: str) -> int:
    """A number, or that of a commit's hash.

    Raises
    ------
    ValueError
        It is neither.
    """
    try:
        return int(given)
    except ValueError:
        return int(given, 16)


def run(arguments: argparse.Namespace) -> int:
    """Run the race.

    Returns
    -------
    int
        0, 1 if einroute was wrong somewhere (or slow, with ``--strict``), 2 for arguments that make no sense.
    """
    # OpenMP's threads (torch's, MKL's) would spin for 0.2 s after a call, on a core that the next one needs.
    os.environ.setdefault("KMP_BLOCKTIME", "0")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if arguments.regret or arguments.estimates:
        return drawn(arguments)
    # Here and not above: the table of cases takes longer to make than other commands take to run.
    from einroute._bench import selection  # noqa: PLC0415

    try:
        chosen = selection.cases(wanted(arguments))
        asked = selection.peers(arguments.peers)
        refuse(arguments)
    except (LookupError, ValueError, OSError) as error:
        reason = (
            f"cannot use {error.filename}: {error.strerror}" if isinstance(error, OSError) else error.args[0]
        )
        print(f"python -m einroute bench: {reason}", file=sys.stderr)
        return 2
    if arguments.list:
        return show_list(chosen)
    return measure(arguments, chosen, [p for p in asked if any(p in case.implementations for case in chosen)])


def drawn(arguments: argparse.Namespace) -> int:
    """Measure random calls; 1 if a way of einroute's gave another answer."""
    from einroute._base import calibration_file  # noqa: PLC0415
    from einroute._bench.regret import draw  # noqa: PLC0415

    option, asked = (
        ("--regret", arguments.regret) if arguments.regret else ("--estimates", arguments.estimates)
    )
    families = list(draw.FAMILIES) if asked == "all" else [asked]
    reason = ""
    if arguments.regret and arguments.estimates:
        reason = "--regret and --estimates are two things; leave out one"
    elif families[0] not in draw.FAMILIES:
        reason = f"{option}: there is no family {families[0]!r}; choose from {', '.join(draw.FAMILIES)}, all"
    elif arguments.count < 1 or arguments.seed < 0:
        reason = "--cases must be at least 1, and --seed at least 0"
    elif arguments.cases:
        reason = f"{option} draws its own calls; leave out CASE"
    elif (arguments.json or arguments.after) and not arguments.regret:
        reason = "--json and --after go with --regret, not with --estimates"
    if reason:
        print(f"python -m einroute bench: {reason}", file=sys.stderr)
        return 2
    print(f"calibration: {calibration_file.told()}", flush=True)
    return regrets(arguments, families) if arguments.regret else estimates(arguments, families)


def estimates(arguments: argparse.Namespace, families: Sequence[str]) -> int:
    """Print what was told beside what was taken, where that is off."""
    from einroute._bench.estimates import report, samples  # noqa: PLC0415

    found = []
    for family in families:
        for number in range(arguments.count):
            for one in samples.samples(family, arguments.seed, number):
                found.append(one)
                if report.off(one):
                    print(report.line(one), flush=True)
    print("\n".join(report.summary(found)))
    return 0


def regrets(arguments: argparse.Namespace, families: Sequence[str]) -> int:
    """Print the calls for which another way would have been better."""
    from einroute._base import calibration_file  # noqa: PLC0415
    from einroute._bench import machine  # noqa: PLC0415
    from einroute._bench.regret import measure  # noqa: PLC0415

    wrong, every, stages = False, [], tuple(dict.fromkeys(arguments.after or ("sight",)))
    for family in families:
        found = []
        for one in measure.run(family, arguments.seed, arguments.count, stages):
            found.append(one)
            if one.over or one.problem:
                print(one.text, flush=True)
        print("\n".join(measure.summaries(family, found)), flush=True)
        wrong = wrong or any(one.problem for one in found)
        every += [one.record() for one in found]
    if arguments.json:
        record = {
            "machine": machine.describe(),
            "calibrated": calibration_file.calibrated()[0] is not None,
            "seed": arguments.seed,
            "calls": every,
        }
        arguments.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return int(wrong)


def refuse(arguments: argparse.Namespace) -> None:
    """Refuse arguments that do not go together, and files that cannot be written, before minutes of work.

    Raises
    ------
    ValueError, LookupError, OSError
    """
    from einroute._bench import readme  # noqa: PLC0415

    if not 0 < arguments.min_time < float("inf"):
        raise ValueError(f"--min-time: {arguments.min_time:g} seconds; expected more than 0")
    chosen = arguments.cases not in ([], ["all"])
    if arguments.readme and (chosen or arguments.peers or arguments.check or arguments.list):
        raise ValueError(
            "--readme measures what the README shows; leave out CASE (or say all), --peers, --check, --list"
        )
    if arguments.check and (arguments.chart or arguments.json):
        raise ValueError("--check times nothing; leave out --chart and --json")
    if arguments.chart and arguments.chart.suffix != ".svg":
        raise ValueError(
            f"--chart: {arguments.chart} is no name of an SVG file; write {arguments.chart.stem}.svg"
        )
    if arguments.readme:
        readme.marked(arguments.readme)
    for path in (arguments.chart, arguments.json, arguments.readme):
        if path:
            path.open("a", encoding="utf-8").close()


def wanted(arguments: argparse.Namespace) -> Sequence[str]:
    """The names of the cases that are meant."""
    from einroute._bench import readme  # noqa: PLC0415

    cases: list[str] = arguments.cases
    if arguments.readme and not cases:
        return (*readme.MEANS, readme.SINGLE)
    return cases or ["all"] * arguments.list


def show_list(chosen: Sequence[AnyCase]) -> int:
    """Print the cases, below the name of their group."""
    from einroute._bench.cases import GROUPS  # noqa: PLC0415

    for group, what in GROUPS.items():
        own = [case for case in chosen if case.group == group]
        if own:
            print(f"{group}: {what} ({len(own)})")
            print("\n".join(f"  {case.label}" for case in own))
    return 0


def measure(arguments: argparse.Namespace, chosen: Sequence[AnyCase], peers: Sequence[str]) -> int:
    """Run the cases and write what was asked for."""
    from einroute._bench import chart, machine, readme, report  # noqa: PLC0415
    from einroute._bench.race import run_case  # noqa: PLC0415

    facts = machine.describe(tuple(machine.LIBRARIES))
    print("\n".join(filter(None, (machine.sentence(facts), machine.warning()))), flush=True)
    show = report.Lines([case.label for case in chosen], peers)
    outcomes: list[Outcome] = []
    with np.errstate(all="ignore"):  # float16 overflows in some ways, whose results are compared all the same
        for case in chosen:
            outcomes.append(run_case(case, peers, 0.0 if arguments.check else arguments.min_time))
            show(outcomes[-1])
    if not arguments.check:
        print("\n" + report.columns(report.summary(outcomes, peers)))
    print("\n".join(["", *report.remarks(outcomes)]).rstrip())
    if arguments.chart:
        arguments.chart.write_text(chart.draw(outcomes, peers, machine.sentence(facts)), encoding="utf-8")
    if arguments.json:
        record = {"machine": facts, "cases": report.records(outcomes, peers)}
        arguments.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    wrong = any(outcome.problem for outcome in outcomes)
    if arguments.readme and not wrong:
        readme.write(arguments.readme, outcomes, machine.sentence(machine.describe()))
    return int(wrong or (arguments.strict and any(outcome.slow for outcome in outcomes)))
