"""threadpoolctl's limits, and through it others', reach the core's threads."""

from __future__ import annotations

import sys
from typing import Any

from . import CORE

__all__ = ["register"]


def register() -> None:
    """Make the core's threads known to threadpoolctl, if that is loaded; it is never imported for this."""
    threadpoolctl: Any = sys.modules.get("threadpoolctl")
    if CORE is None or threadpoolctl is None or not hasattr(threadpoolctl, "register"):
        return
    if any(known.internal_api == "einroute" for known in threadpoolctl._ALL_CONTROLLERS):
        return

    class Controller(threadpoolctl.LibController):  # type: ignore[misc]  # an optional library's class
        user_api = internal_api = "einroute"
        filename_prefixes = ("_core",)
        check_symbols = ("einroute_get_num_threads", "einroute_set_num_threads")

        def get_num_threads(self) -> Any:
            return self.dynlib.einroute_get_num_threads()

        def set_num_threads(self, num_threads: int) -> Any:
            return self.dynlib.einroute_set_num_threads(num_threads)

        def get_version(self) -> None:
            return None

        def set_additional_attributes(self) -> None:
            pass

    threadpoolctl.register(Controller)
