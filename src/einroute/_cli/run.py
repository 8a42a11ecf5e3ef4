"""``python -m einroute run``: any program under `override`, with a report of what was routed."""

from __future__ import annotations

import argparse
import atexit
import os
import sys
import threading
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import einroute as er
from einroute._base.formatting import plural
from einroute._base.watch import WATCH
from einroute._record.compare import Comparison
from einroute._record.recording import Recording
from einroute._record.report import as_page, as_report

from . import program

if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = "python -m einroute run [OPTIONS] (SCRIPT | -m MODULE | -) [ARGS ...]"
#: Options that take a value.
VALUED = ("--report", "--only", "--compare-for")
#: Single calls that a report spells out.
KEPT = 1000
#: Seconds from one progress line to the next.
PROGRESS = 1.0


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    command = commands.add_parser(
        "run",
        usage=USAGE,
        help="run a program with einroute's functions in place of NumPy's, and report what was routed",
        description="Runs SCRIPT as `python SCRIPT ARGS` would, or MODULE as `python -m MODULE ARGS`, with "
        "einroute's functions in place of NumPy's and SciPy's. At the end stderr gets a report of what was "
        "routed where, how often and how long; stdout, stdin and the exit status are the program's own.",
    )
    command.add_argument("--report", metavar="FILE", type=Path, help="write the report also to FILE, as HTML")
    command.add_argument(
        "--compare",
        action="store_true",
        help="time a few calls of each place again, by einroute and by NumPy, and say how much faster it is",
    )
    command.add_argument(
        "--compare-for",
        metavar="SECONDS",
        type=_seconds,
        default=10.0,
        help="time that --compare may take (default: %(default)g)",
    )
    command.add_argument("--only", metavar="NAME[,NAME...]", help="put only these functions in place")
    command.set_defaults(run=run)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds; write 10, or 0.5")
    return value


def split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our own options, and the program with its arguments, which are not ours to read.

    >>> split(["--compare", "--report", "x.html", "script.py", "--compare"])
    (['--compare', '--report', 'x.html'], ['script.py', '--compare'])
    >>> split(["-m", "timeit", "-h"])
    ([], ['-m', 'timeit', '-h'])
    """
    at = 0
    while at < len(arguments):
        word = arguments[at]
        if word == "--":
            return list(arguments[:at]), list(arguments[at + 1 :])
        if word.startswith("-m") and len(word) > 2:
            return list(arguments[:at]), ["-m", word[2:], *arguments[at + 1 :]]
        if word in {"-", "-m"} or not word.startswith("-"):
            return list(arguments[:at]), list(arguments[at:])
        at += 2 if word in VALUED else 1
    return list(arguments), []


def run(arguments: argparse.Namespace) -> int:
    """Run the program.

    Returns
    -------
    int
        0, or 2 where the arguments make no sense; where the program is not found, what Python's status is.

    Raises
    ------
    BaseException
        What the program raises: SystemExit bears its status.
    """
    words = list(arguments.program)
    if not words or words == ["-m"]:
        return _complain(f"no program; usage: {USAGE}")
    wrong = "" if arguments.report is None else _unwritable(arguments.report)
    if wrong:  # told now rather than after the program has run
        return _complain(f"--report: cannot write {arguments.report}: {wrong}")
    names = [name.strip() for name in arguments.only.split(",")] if arguments.only else []
    try:
        replaced = er.override(*names)
    except (TypeError, ValueError) as error:
        return _complain(f"--only: {error}")
    recording = Comparison(arguments.compare_for, KEPT) if arguments.compare else Recording(KEPT)
    watched = _Watched(recording, replaced, " ".join(words), arguments.report)
    watched.begin()
    try:
        program.execute(words)
    except program.NotFound as error:
        watched.cancel()
        return _complain(str(error), error.status)
    return 0


def _unwritable(path: Path) -> str:
    """Why a file cannot be written; empty where it seems that it can. Leaves no trace."""
    if path.is_dir():
        return "it is a folder"
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}"
    return "" if os.access(path if path.exists() else path.parent, os.W_OK) else "permission denied"


def _complain(reason: str, status: int = 2) -> int:
    print(f"python -m einroute run: {reason}", file=sys.stderr)
    return status


class _Watched:
    """The program's time under `override`: from before its first line until its last thread and exit handler.

    So it ends in an exit handler of ours, which is the first to be registered and the last to run.
    """

    def __init__(
        self, recording: Recording, replaced: AbstractContextManager[Any], program: str, report: Path | None
    ) -> None:
        self.recording = recording
        self.replaced = replaced
        self.program = program
        self.report = report
        self.file = None if report is None else report.absolute()  # the program may go elsewhere
        self.process = os.getpid()
        self.began = 0.0
        self.progress = _Progress(recording)

    def begin(self) -> None:
        """Put our functions in place, and record the calls of all threads."""
        self.replaced.__enter__()
        WATCH.enter(self.recording, everywhere=True)
        atexit.register(self.end)
        self.began = perf_counter()
        self.progress.begin()

    def cancel(self) -> None:
        """End without a report: there was no program."""
        atexit.unregister(self.end)
        self._leave()

    def end(self) -> None:
        """Put everything back, and report; not in a child that a fork made of the program."""
        if os.getpid() != self.process:
            return
        seconds = perf_counter() - self.began
        self._leave()
        report = self._report(seconds)
        if sys.stderr is not None:
            with suppress(OSError, ValueError):  # it is closed
                print(report, file=sys.stderr)

    def _leave(self) -> None:
        self.progress.end()
        WATCH.leave(self.recording, everywhere=True)
        self.replaced.__exit__(None, None, None)

    def _report(self, seconds: float) -> str:
        text = as_report(self.recording, seconds)
        if self.file is None:
            return text
        try:
            page = as_page(self.recording, seconds, self.program)
            self.file.write_text(page, encoding="utf-8", errors="backslashreplace")  # file names are bytes
        except OSError as error:
            return f"einroute: cannot write {self.report}: {error.strerror}\n{text}"
        return f"{text}\n\neinroute: the report is in {self.report}"


class _Progress:
    """A line on stderr that is overwritten every second.

    Only where stderr is a terminal and stdout is none: else the program's own output would run into it.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.ended = threading.Event()
        self.thread: threading.Thread | None = None

    def begin(self) -> None:
        """Start to draw the line, where there is a place for it."""
        if _is_terminal(sys.stderr) and not _is_terminal(sys.stdout):
            self.thread = threading.Thread(target=self._draw, name="einroute-progress", daemon=True)
            self.thread.start()

    def end(self) -> None:
        """Wipe the line."""
        if self.thread is not None:
            self.ended.set()
            self.thread.join()
            self.thread = None

    def _draw(self) -> None:
        began, stream, drawn = perf_counter(), sys.stderr, False
        with suppress(OSError, ValueError):  # the program closed it
            while not self.ended.wait(PROGRESS):
                calls = plural(self.recording.calls, "routed call")
                stream.write(f"\r\x1b[K{perf_counter() - began:.0f} s, {calls}")
                stream.flush()
                drawn = True
            if drawn:
                stream.write("\r\x1b[K")
                stream.flush()


def _is_terminal(stream: Any) -> bool:
    with suppress(ValueError, AttributeError):  # closed, or None
        return bool(stream.isatty())
    return False
