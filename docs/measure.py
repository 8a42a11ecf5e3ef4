"""Measures what the plots of the documentation show; see ``einroute_docs/measure.py``."""

import sys

from einroute_docs.measure import main

if __name__ == "__main__":
    sys.exit(main())
