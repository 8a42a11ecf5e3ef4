"""Every benchmark once, by every implementation: that it runs, not how fast.

    tox -e asv-smoke

Of each parameter but the implementation the first value is taken. asv starts a process for each combination, and
there are hundreds; what differs between them is operands, which ``python -m einroute bench all --check`` covers.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from common import asv, combinations, know_machine, must, only


def main(arguments: Sequence[str]) -> int:
    names = [found.name for found in combinations() if found.first]
    know_machine()
    must(asv("check", "--python=same"))
    # Nothing is kept. asv's status is 2 if a benchmark fails.
    return asv("run", "--python=same", "--quick", "--dry-run", "--show-stderr", *only(names), *arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
