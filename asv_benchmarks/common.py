"""What the commands share: asv with this suite's configuration, and git."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from asv.util import load_json
from asv_runner.discovery import disc_benchmarks

HERE = Path(__file__).resolve().parent
CONFIG = HERE / "asv.conf.json"
FOLDERS = ("repo", "benchmark_dir", "env_dir", "results_dir", "html_dir")


def asv(command: str, *arguments: str, config: Path = CONFIG) -> int:
    """Run a command of asv and return its exit status.

    Its tables have a line for every combination, chosen or not; those without a result are left out here.
    """
    line = [sys.executable, "-u", "-m", "asv", "--config", str(config), command, *arguments]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for text in process.stdout:
            if not text.rstrip().endswith(" n/a"):
                print(text, end="", flush=True)
    return process.returncode


def know_machine() -> None:
    """Let asv note what this machine is; its questions, which it answers itself, would look as if it waited."""
    line = [sys.executable, "-m", "asv", "--config", str(CONFIG), "machine", "--yes"]
    done = subprocess.run(
        line,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stdout, file=sys.stderr)
    must(done.returncode)


def must(status: int) -> None:
    """Leave with 2 if a command of asv did not end well."""
    if status:
        raise SystemExit(2)


@dataclass(frozen=True)
class Combination:
    """A benchmark with a value for each of its parameters."""

    benchmark: str
    values: tuple[str, ...]
    implementation: str
    first: bool  # each parameter but the implementation has its first value

    @property
    def name(self) -> str:
        """What asv calls it."""
        return f"{self.benchmark}({', '.join(self.values)})" if self.values else self.benchmark

    @property
    def ours(self) -> bool:
        """Whether it times einroute; a commit of ours does not change the others."""
        if self.implementation:
            return self.implementation.startswith("einroute")
        method = self.benchmark.rpartition(".")[2]
        return not method.startswith("timeraw_") or method.startswith("timeraw_einroute")


def combinations() -> Iterator[Combination]:
    """All benchmarks of the suite."""
    for benchmark in disc_benchmarks(str(HERE / "benchmarks")):
        names = benchmark.param_names
        for values in itertools.product(*benchmark.params):
            by_name = dict(zip(names, values, strict=True))
            implementation = by_name.pop("implementation", "").strip("'")
            firsts = dict(zip(names, (choices[0] for choices in benchmark.params), strict=True))
            first = all(value == firsts[name] for name, value in by_name.items())
            yield Combination(benchmark.name, values, implementation, first)


def pattern(text: str) -> re.Pattern[str]:
    """A regular expression from the command line; leaves with a message where it is none."""
    try:
        return re.compile(text)
    except re.error as error:
        print(f"--bench: {text!r} is no regular expression: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def only(names: Iterable[str]) -> list[str]:
    """Arguments that choose benchmarks by their names."""
    return [f"--bench=^{re.escape(name)}$" for name in names]


def configuration(folder: Path, **changes: str | list[str]) -> Path:
    """A copy of the suite's configuration in another folder, some of its entries changed."""
    entries = load_json(str(CONFIG), js_comments=True)
    entries |= {name: str((HERE / entries[name]).resolve()) for name in FOLDERS} | changes
    path = folder / "asv.conf.json"
    path.write_text(json.dumps(entries), encoding="utf-8")
    return path


def git(*arguments: str) -> str:
    """What a command of git prints, or "" if it fails."""
    done = subprocess.run(["git", *arguments], cwd=HERE, check=False, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else ""


def commit(name: str) -> str:
    """The hash of a commit by any name git knows; leaves with a message if there is none."""
    found = git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if not found:
        print(f"git knows no commit {name!r}", file=sys.stderr)
        raise SystemExit(2)
    return found
