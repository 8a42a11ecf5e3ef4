"""``python -m einroute``, or ``einroute``: the command line.

A command is one file of this package with ``add(commands)``, which declares its arguments and sets ``run``, a
function of the parsed arguments that prints and returns the exit status.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from typing import TYPE_CHECKING, Any

from .._version import __version__
from . import bench, calibrate, demo, doctor, explain, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: Errors of a stream that takes no more.
FULL = {errno.ENOSPC, errno.EFBIG, errno.EIO, *([errno.EDQUOT] if hasattr(errno, "EDQUOT") else [])}
COMMANDS = (demo, run, explain, bench, calibrate, doctor)


class _Exact(argparse.ArgumentParser):
    """A parser that guesses no option from its first letters: a later one may begin with the same."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)


def parser() -> argparse.ArgumentParser:
    """The whole command line's parser."""
    top = argparse.ArgumentParser(
        prog="python -m einroute",
        description="NumPy's einsum, tensordot, lstsq and relatives, each call by the fastest right code.",
    )
    top.add_argument("--version", action="version", version=f"einroute {__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True, parser_class=_Exact)
    for command in COMMANDS:
        command.add(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; ``sys.argv[1:]`` if not given.

    Returns
    -------
    int
        The exit status: 0, 1 where a check failed, 2 where the arguments make no sense.

    Raises
    ------
    BaseException
        What a program raises that is run by ``run``; then the status is the program's.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["run"]:  # a program's own arguments are not ours to read
        own, program = run.split(words[1:])
        arguments = parser().parse_args(["run", *own])
        arguments.program = program
        return run.run(arguments)
    wrong = explain.negative(words[1:]) if words[:1] == ["explain"] else ""
    if wrong:
        print(f"python -m einroute explain: {wrong}", file=sys.stderr)
        return 2
    arguments = parser().parse_args(words)
    command: Callable[[argparse.Namespace], int] = arguments.run
    try:
        status = command(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # `... | head`: the reader has seen enough
        _drop_output()
        return 0
    except OSError as error:
        if error.errno not in FULL:
            raise
        _drop_output()
        print(f"python -m einroute: cannot write the output: {error.strerror}", file=sys.stderr)
        return 1
    return status


def _drop_output() -> None:
    """The interpreter flushes stdout once more at exit; give it somewhere to go."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
