"""``python -m einroute demo``: problems at real sizes, checked and timed."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from einroute._bench import machine
from einroute._demo import PROBLEMS, Problem, cluster, libraries, runner, table

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

if sys.platform != "win32":
    import resource


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = commands.add_parser(
        "demo",
        help="run problems at real sizes, checked and timed",
        description="Runs each problem the usual ways, as a plain NumPy loop and through einroute, checks "
        "einroute's result against all of them, and prints how many times faster einroute is, problem by "
        "problem (two minutes). The exit status is 1 if a check fails.",
    )
    command.add_argument("--full", action="store_true", help="the largest sizes as well (minutes, and 3 GiB)")
    command.add_argument("--only", nargs="+", metavar="NAME", help="these problems alone")
    command.add_argument("--json", metavar="FILE", type=Path, help="write the results to FILE as JSON, too")
    command.add_argument(
        "--cluster",
        action="store_true",
        help="instead, a contraction of ten times a worker's memory on two worker processes of dask's",
    )
    command.add_argument(
        "--libraries",
        action="store_true",
        help="instead, a contraction of arrays of each other library that is installed, and its gradient",
    )
    command.set_defaults(run=run)


def run(
    arguments: argparse.Namespace, *, scale: float = 1.0, budget: float = 1.0, rest: float = runner.REST
) -> int:
    """Run the demo; `scale`, `budget` and `rest` are as in `einroute._demo.runner.run`, for tests.

    Returns
    -------
    int
        0, 1 if a check failed, 2 for a problem that is not there or a file that cannot be written.
    """
    if arguments.cluster:
        return run_cluster(times=10 * scale)
    if arguments.libraries:
        return run_libraries()
    try:
        problems = select(PROBLEMS, arguments.only)
        if arguments.json is not None:
            arguments.json.touch()  # now rather than after two minutes of work
    except (LookupError, OSError) as exc:
        reason = (
            f"--json: cannot write {arguments.json}: {exc.strerror}"
            if isinstance(exc, OSError)
            else exc.args[0]
        )
        print(f"python -m einroute demo: {reason}", file=sys.stderr)
        return 2

    start = perf_counter()
    warning = machine.warning()
    about = machine.sentence(machine.describe(("numpy", "scipy")))
    lines = table.Table.of(runner.sizes(problems, full=arguments.full, scale=scale))
    print("\n".join(filter(None, (about, warning))), lines.head(), sep="\n\n", flush=True)
    progress, done = reporter()
    rows = []
    for row in runner.run(
        problems, full=arguments.full, scale=scale, budget=budget, rest=rest, progress=progress
    ):
        done()
        print(lines.block(row), flush=True)
        rows.append(row)
    print("\n".join(filter(None, (*table.FOOT, warning))))
    memory = peak_memory()
    good = sum(row.ok for row in rows)
    print(f"{good} of {len(rows)} checks passed in {perf_counter() - start:.0f} s" + memory)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(table.records(rows), indent=1) + "\n")
    return 0 if good == len(rows) else 1


def run_cluster(times: float = 10.0) -> int:
    """Contract operands of so many times a worker's memory on worker processes, and say what was moved.

    Returns
    -------
    int
        0, 1 if the result is wrong, 2 without dask.
    """
    progress, done = reporter()
    try:
        outcome = cluster.run_on_cluster(progress, times=times)
    except ImportError as exc:
        print(
            f"python -m einroute demo: --cluster needs dask and distributed ({exc}); "
            f"install them with pip install 'einroute[dask]'",
            file=sys.stderr,
        )
        return 2
    done()
    print(outcome.plan)
    print(
        f"{_mib(outcome.operands)} of operands on two workers of {_mib(cluster.WORKER_MEMORY)}: "
        f"{outcome.tasks} tasks in {outcome.seconds:.1f} s, {_mib(outcome.moved)} moved between workers, "
        f"{_mib(outcome.spilled)} spilled"
    )
    print(f"the result is {'right' if outcome.ok else 'WRONG'}: at most {outcome.worst:.1f} deviations off")
    return 0 if outcome.ok else 1


def run_libraries() -> int:
    """Contract arrays of each other library that is installed, checked against NumPy.

    Returns
    -------
    int
        0, or 1 if a result is wrong.
    """
    outcomes = [libraries.run(library) for library in libraries.LIBRARIES]
    for outcome in outcomes:
        print(outcome.said)
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def _mib(nbytes: int) -> str:
    return f"{nbytes / 2**20:.0f} MiB"


def select(problems: tuple[Problem[Any], ...], names: list[str] | None) -> tuple[Problem[Any], ...]:
    """The problems of these names, in their own order.

    Raises
    ------
    LookupError
        For a name that no problem has.
    """
    known = [problem.name for problem in problems]
    for name in names or ():
        if name not in known:
            raise LookupError(f"--only: no problem {name!r}; there are {', '.join(known)}")
    return tuple(problem for problem in problems if not names or problem.name in names)


def reporter() -> tuple[Callable[[str], None], Callable[[], None]]:
    """How to show progress, and what ends it.

    One line that is overwritten on a terminal, plain lines elsewhere; to stderr, so that stdout
    holds the table alone.
    """
    if not sys.stderr.isatty():
        return lambda text: print(text, file=sys.stderr, flush=True), lambda: None
    clear = "\r\x1b[K"
    return (
        lambda text: print(clear + text, end="", file=sys.stderr, flush=True),
        lambda: print(clear, end="", file=sys.stderr, flush=True),
    )


def peak_memory() -> str:
    """The most memory this process has held, in words; empty where the system does not tell."""
    if sys.platform == "win32":  # which has no `resource`
        return ""
    unit = 1 if sys.platform == "darwin" else 1024
    return f", {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30:.1f} GiB at most"
