"""Measures what the plots show, and writes what follows of it; see ``einroute_docs/measure.py``."""

import sys

from einroute_docs import committed
from einroute_docs.measure import main

if __name__ == "__main__":
    status = main()
    if status == 0:
        committed.write()
    sys.exit(status)
