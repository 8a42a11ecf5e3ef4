"""Whether a commit made something slower: einroute's benchmarks on two commits, one beside the other.

    tox -e asv-compare                      # HEAD with its parent, or where it has left main, with that commit
    tox -e asv-compare -- main              # with another commit
    tox -e asv-compare -- --bench overhead  # only some benchmarks

Exit status: 0, 1 if a benchmark is less than 0.95 times as fast (or takes as much more memory), 2 if it could not be
measured. As everywhere, larger is better: 2 is twice as fast, 0.5 half as fast.
Both commits run in turn. What looks slower is measured again, and counts only if it is slower in four of five
measurements: on a machine that others use, a single comparison shows slower benchmarks that are not.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from asv.results import iter_results
from common import asv, combinations, commit, configuration, git, know_machine, only, pattern

#: How often what looks slower is measured in all, and in how many of those it is slower if it counts.
MEASUREMENTS, OF_THEM = 5, 4

Values = Mapping[str, float]


def parent(head: str) -> str:
    """Where a commit's branch left main; of a commit of main itself, its parent."""
    left = git("merge-base", "main", head)
    return left if left and left != head else commit(f"{head}^")


def measure(folder: Path, commits: Sequence[str], names: Sequence[str]) -> list[Values]:
    """Run some benchmarks on all commits, in turn, and return what came of each commit."""
    print(
        f"measuring {len(names)} benchmarks on each of {' and '.join(one[:8] for one in commits)}", flush=True
    )
    folder.mkdir()
    listed = folder / "commits"
    listed.write_text("\n".join(commits) + "\n")
    results = folder / "results"
    config = configuration(folder, results_dir=str(results))
    # The status tells of benchmarks that failed, which the results tell as well.
    asv("run", "--interleave-rounds", "--show-stderr", *only(names), f"HASHFILE:{listed}", config=config)
    return [values(results, one) for one in commits]


def values(results: Path, one: str) -> Values:
    """The times (seconds) or memory (bytes) of a commit: nan where a benchmark does not apply, inf where it failed."""
    found: dict[str, float] = {}
    for result in iter_results(str(results)):
        if result.commit_hash != one:
            continue
        for key in result.get_all_result_keys():
            params = result.get_result_params(key)
            numbers = result.get_result_value(key, params) or [None] * math.prod(map(len, params))
            for chosen, number in zip(itertools.product(*params), numbers, strict=True):
                name = f"{key}({', '.join(chosen)})" if chosen else key
                found[name] = math.inf if number is None else float(number)
    return found


def faster(base: Values, head: Values) -> dict[str, float]:
    """How many times faster `head` is, of what was measured on the other; 0 where it fails."""
    return {
        name: base[name] / head[name] for name in head if 0 < base.get(name, 0) < math.inf and head[name] > 0
    }


def slower(
    folder: Path, commits: Sequence[str], limit: float, names: Sequence[str]
) -> dict[str, list[float]]:
    """Benchmarks that are slower in most measurements, with how many times faster they are in each."""
    found: dict[str, list[float]] = {name: [] for name in names}
    for repeat in range(MEASUREMENTS):
        new = faster(*measure(folder / str(repeat), commits, list(found)))
        if not new:
            print("asv measured nothing that both commits have", file=sys.stderr)
            raise SystemExit(2)
        found = {name: [*found[name], times] for name, times in new.items() if name in found}
        found = {name: each for name, each in found.items() if may_be_slower(each, limit)}
        if not found or repeat == MEASUREMENTS - 1:
            return found
        print(f"\n{len(found)} look slower; measuring again:", *found, sep="\n  ", flush=True)
    return found


def may_be_slower(each: Sequence[float], limit: float) -> bool:
    """Whether enough measurements can still show that a benchmark is slower; the first one must."""
    faster_times = sum(times >= limit for times in each)
    return each[0] < limit and faster_times <= MEASUREMENTS - OF_THEM


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tox -e asv-compare --", description=__doc__.partition("\n")[0])
    parser.add_argument("base", nargs="?", help="the commit to compare with")
    parser.add_argument("--head", default="HEAD", help="the commit in question (%(default)s)")
    parser.add_argument(
        "--limit", type=float, default=0.95, help="what counts as slower: fewer times as fast (%(default)s)"
    )
    parser.add_argument("--bench", default="", metavar="REGEX", help="only benchmarks whose names match")
    arguments = parser.parse_args(argv)
    head = commit(arguments.head)
    base = commit(arguments.base) if arguments.base else parent(head)
    wanted = pattern(arguments.bench)
    names = [one.name for one in combinations() if one.ours and wanted.search(one.name)]
    if not names:
        parser.error(f"--bench: no benchmark of einroute matches {arguments.bench!r}")
    if git("status", "--porcelain", "--untracked-files=no"):
        print("note: changes that are not committed are not measured", file=sys.stderr)
    know_machine()
    with tempfile.TemporaryDirectory() as folder:
        found = slower(Path(folder), [base, head], arguments.limit, names)
    if not found:
        print(f"\n{head[:8]} beside {base[:8]}: nothing is less than {arguments.limit} times as fast")
        return 0
    print(f"\nSLOWER: {head[:8]} beside {base[:8]}, times as fast in each of {MEASUREMENTS} measurements:")
    for name, each in sorted(found.items(), key=lambda item: max(item[1])):
        print(f"  {' '.join(f'{times:.2f}' for times in each)}  {name}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
