"""``python -m einroute``: see `einroute._cli`."""

import sys

from einroute._cli import main

if __name__ == "__main__":
    sys.exit(main())
