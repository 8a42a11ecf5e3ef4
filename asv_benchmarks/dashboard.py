"""The dashboard: runs the suite on a range of commits, publishes the graphs as HTML, and serves them.

    tox -e asv-dashboard                           # the last few landings on this branch
    tox -e asv-dashboard -- --quick                # a first look: a case of each group, three landings
    tox -e asv-dashboard -- HEAD~20..HEAD          # a range, as git knows it
    tox -e asv-dashboard -- --no-run               # only publish what was measured before
    tox -e asv-dashboard -- --no-serve             # for CI: leaves asv_benchmarks/html

Commits that were measured before are not measured again; results stay in asv_benchmarks/results. With ``--bench``
or ``--quick`` they are measured each time, and results stay in asv_benchmarks/results-some.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from common import HERE, asv, combinations, configuration, git, know_machine, must, only, pattern
from measured import list_measured

LANDINGS = 5
#: What a first look shows: three commits, built and measured in ten minutes on two cores.
QUICK_LANDINGS = 3
QUICK_CLASSES = frozenset(
    {
        "dense.Batched",
        "dense.Integers",
        "dense.Networks",
        "lstsq.Repeated",
        "networks.RepeatedNetwork",
        "overhead.Einsum",
        "overhead.Tensordot",
        "sparse.SparseByDense",
        "structured.OneHot",
        "structured.PairwiseDifference",
        "structured.Rolled",
    }
)
QUICK_IMPLEMENTATIONS = frozenset({"einroute", "numpy", "scipy", "opt_einsum"})
#: Where npm puts what asv's page takes from other servers, by the name of the file there (package.json has versions).
LOCAL = {
    "jquery-3.3.1.min.js": "jquery/dist/jquery.min.js",
    "jquery.flot.min.js": "flot/jquery.flot.js",
    "jquery.flot.time.min.js": "flot/jquery.flot.time.js",
    "jquery.flot.selection.min.js": "flot/jquery.flot.selection.js",
    "jquery.flot.categories.min.js": "flot/jquery.flot.categories.js",
    "jquery.flot.orderBars.js": "flot-orderbars/js/jquery.flot.orderBars.js",
    "stupidtable.min.js": "stupid-table-plugin/stupidtable.min.js",
    "md5.min.js": "blueimp-md5/js/md5.min.js",
    "bootstrap.min.js": "bootstrap/dist/js/bootstrap.min.js",
    "bootstrap.min.css": "bootstrap/dist/css/bootstrap.min.css",
}
#: What is mended in them: for axes of words the width of the axis is no number, and no bar would be drawn.
MENDED = {
    "jquery.flot.orderBars.js": (
        "pixelInXWidthEquivalent = AxeSize / gridDimSize",
        "pixelInXWidthEquivalent = (AxeSize || 0) / gridDimSize",
    )
}
REMOTE = re.compile(
    r'(?P<attribute>src|href)="https://[^"]*/(?P<file>[^"/]+)" integrity="[^"]*"(?: crossorigin="\w+")?'
)


def landings(chosen: str, last: int = LANDINGS) -> list[str]:
    """The commits of a range, oldest first; without one the last few, along first parents."""
    which = [chosen] if chosen else [f"-{last}", "HEAD"]
    names = git("rev-list", "--reverse", "--first-parent", *which).split()
    if not names:
        print(f"git knows no commits {chosen!r}; write a range such as HEAD~3..HEAD", file=sys.stderr)
        raise SystemExit(2)
    return names


def few() -> list[str]:
    """Names of the benchmarks of a first look: of some classes one case, by the implementations that matter."""
    return [
        found.name
        for found in combinations()
        if found.first
        and found.benchmark.rpartition(".")[0] in QUICK_CLASSES
        and found.implementation in QUICK_IMPLEMENTATIONS
    ]


def measure(config: Path, commits: Sequence[str], patterns: Sequence[str]) -> None:
    """Run the suite on each commit not measured before, or the benchmarks that are chosen on each."""
    listed = config.parent / "commits"
    listed.write_text("\n".join(commits) + "\n")
    # asv takes a benchmark for measured if any of its cases is; so what measures some of them skips none.
    which = list(patterns) or ["--skip-existing-successful"]
    if asv("run", "--show-stderr", *which, f"HASHFILE:{listed}", config=config):
        print("some benchmarks failed or do not apply; the graphs have gaps there", file=sys.stderr)


def publish(config: Path, results: str) -> Path:
    """Write the HTML of what has results and return its folder."""
    list_measured(results)
    must(asv("publish", "--no-pull", config=config))
    html = HERE / "html"
    if own_libraries():
        take_in(html)
    return html


def own_libraries() -> bool:
    """Get what asv's page takes from other servers by npm; without npm the page needs those servers."""
    npm = shutil.which("npm")
    if npm is None:
        print("npm is not there: the page will take its scripts from other servers", file=sys.stderr)
        return False
    quiet = ("--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    done = subprocess.run([npm, "install", *quiet], cwd=HERE, check=False)
    if done.returncode:
        print("npm failed: the page will take its scripts from other servers", file=sys.stderr)
    return done.returncode == 0


def take_in(html: Path) -> None:
    """Put the libraries beside the page and point it there, so that it works where there is no network."""
    page = html / "index.html"
    text = page.read_text(encoding="utf-8")
    for found in list(REMOTE.finditer(text)):
        name = found["file"]
        if name not in LOCAL:
            print(f"the page takes {name} from another server; add it to LOCAL", file=sys.stderr)
            continue
        (html / "vendor").mkdir(exist_ok=True)
        script = (HERE / "node_modules" / LOCAL[name]).read_text(encoding="utf-8")
        wrong, right = MENDED.get(name, ("", ""))
        if wrong not in script:
            print(f"{name} has changed: see whether MENDED still mends it", file=sys.stderr)
        (html / "vendor" / name).write_text(
            script.replace(wrong, right) if wrong else script, encoding="utf-8"
        )
        text = text.replace(found[0], f'{found["attribute"]}="vendor/{name}"')
    page.write_text(text, encoding="utf-8")


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="tox -e asv-dashboard --", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "range", nargs="?", default="", help=f"commits; the last {LANDINGS} landings if not given"
    )
    parser.add_argument("--no-run", action="store_true", help="publish what was measured before")
    parser.add_argument("--no-serve", action="store_true", help="stop when the HTML is written")
    parser.add_argument("--port", type=int, default=8080, help="where to serve (%(default)s)")
    parser.add_argument("--bench", action="append", default=[], metavar="REGEX", help="only these benchmarks")
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_LANDINGS} landings, a case of each of a few groups"
    )
    arguments = parser.parse_args(argv)
    for text in arguments.bench:
        pattern(text)
    chosen = only(few()) if arguments.quick else [f"--bench={text}" for text in arguments.bench]
    with tempfile.TemporaryDirectory() as folder:
        # The graphs show the commits of a branch: of this one, whatever its name.
        branch = git("symbolic-ref", "--short", "--quiet", "HEAD") or "HEAD"
        results = str(HERE / ("results-some" if chosen else "results"))
        config = configuration(Path(folder), branches=[branch], results_dir=results)
        if not arguments.no_run:
            commits = landings(arguments.range, QUICK_LANDINGS if arguments.quick else LANDINGS)
            know_machine()
            measure(config, commits, chosen)
        html = publish(config, results)
    print(f"written to {html}", flush=True)
    return 0 if arguments.no_serve else serve(html, arguments.port)


def serve(html: Path, port: int) -> int:
    """Serve the HTML to this machine alone, until interrupted."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(html))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        print(f"cannot serve at port {port}: {error.strerror}; choose another with --port", file=sys.stderr)
        return 2
    print(f"the dashboard is at http://127.0.0.1:{server.server_port}/ (Ctrl-C ends it)", flush=True)
    with server, contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
