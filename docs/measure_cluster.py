"""Measures what the plots of the page on dask arrays show; see ``einroute_docs/cluster.py``."""

import sys

from einroute_docs.cluster import main

if __name__ == "__main__":
    sys.exit(main())
