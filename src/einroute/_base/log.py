"""The logger ``einroute``: what takes long or is surprising. It says nothing unless a program asks for it.

Nothing is logged on the way of a call whose plan is found: what is told takes longer than the telling.
"""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["LOG", "debug", "info"]

LOG = logging.getLogger("einroute")
LOG.addHandler(logging.NullHandler())


def debug(message: str, *values: Any) -> None:
    """Tell of one call: a fallback, factors kept, work done again."""
    if LOG.isEnabledFor(logging.DEBUG):
        LOG.debug(message, *values)


def info(message: str, *values: Any) -> None:
    """Tell of what happens a few times in a process: a kernel compiled, something large written out."""
    if LOG.isEnabledFor(logging.INFO):
        LOG.info(message, *values)
