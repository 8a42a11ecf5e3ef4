"""``python -m einroute calibrate``: measure this machine, for every later process on it."""

from __future__ import annotations

import argparse
import sys
from time import perf_counter

_WIDTH = 40


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = commands.add_parser(
        "calibrate",
        help="measure this machine, so that costs are estimated by what it does (15 seconds)",
        description="Measures BLAS, the bandwidths of memory and caches, the overhead of calls, and how far "
        "the estimates of each route are off here, and keeps the figures in the user's cache folder for "
        "every later process. They are ignored where processor, cores, BLAS, NumPy or einroute change.",
    )
    command.set_defaults(run=run)


def bar(share: float) -> None:
    """A progress bar on a terminal; nothing elsewhere."""
    if sys.stderr.isatty():
        done = round(_WIDTH * share)
        print(
            f"\r[{'#' * done}{'.' * (_WIDTH - done)}] {100 * share:3.0f} %",
            end="",
            file=sys.stderr,
            flush=True,
        )
        if share >= 1:
            print(file=sys.stderr)


def run(_arguments: argparse.Namespace) -> int:
    """Measure.

    Returns
    -------
    int
        0; 1 where the figures cannot be kept, 130 where it was interrupted.
    """
    # Here and not above: what is measured takes longer to load than other commands take to run.
    from einroute._calibration.calibrate import calibrate  # noqa: PLC0415

    start = perf_counter()
    try:
        path = calibrate(bar)
    except KeyboardInterrupt:
        print(
            "\npython -m einroute calibrate: interrupted; the old figures are as they were", file=sys.stderr
        )
        return 130
    if path is None:
        print(
            "python -m einroute calibrate: the figures cannot be kept; set EINROUTE_CACHE_DIR to a folder "
            "that can be written",
            file=sys.stderr,
        )
        return 1
    print(f"measured in {perf_counter() - start:.0f} s, kept in {path}")
    return 0
