"""How many bytes of freed blocks the core keeps for large results.

From the size on where the C library gives memory back to the system at every free, a fresh result costs as
much in page faults as in work. On Linux the core keeps freed blocks instead (blocks.hpp).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any

from .._base.environment import read, whole
from .._base.formatting import in_bytes
from . import CORE

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]

__all__ = ["MEMORY", "Memory", "default_bytes", "told"]

#: The part of the memory that is kept by default, and the most of it.
SHARE, MOST = 32, 1 << 28
#: Where each version of control groups is found, and its limit of memory.
_GROUPS = {"": ("/sys/fs/cgroup", "memory.max"), "memory": ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")}


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:  # noqa: PTH123 - pathlib is not loaded for this
            return file.read()
    except (OSError, ValueError):
        return ""


def _group_limits() -> Iterator[int]:
    """Bytes that this process's control group may take, and those above it."""
    for line in _text("/proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            if controller not in _GROUPS:
                continue
            root, name = _GROUPS[controller]
            above = path.rstrip("/").split("/")
            for depth in range(len(above), 0, -1):
                limit = _text(f"{root}{'/'.join(above[:depth])}/{name}").strip()
                if limit.isdigit():
                    yield int(limit)


def _process_limits() -> Iterator[int]:
    """Bytes of addresses and of data that this process may take."""
    if resource is None:
        return
    for what in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        limit = resource.getrlimit(what)[0]
        if limit >= 0:
            yield limit


def _machines() -> Iterator[int]:
    try:
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # not on Windows
        return


def default_bytes() -> int:
    """The least of 256 MiB and a thirty-second of what the machine has, and what the process may take."""
    return min([MOST, *(n // SHARE for ways in (_machines, _group_limits, _process_limits) for n in ways())])


def in_worker() -> bool:
    """Whether a worker of `distributed` lives here: it takes what a process keeps for its data's."""
    module: Any = sys.modules.get("distributed.worker")
    return bool(getattr(getattr(module, "Worker", None), "_instances", ()))


class Memory:
    """How many bytes of freed blocks are kept."""

    def __init__(self) -> None:
        self._given = read("EINROUTE_KEEP_BYTES", whole, "a number of bytes")
        self._default: int | None = None

    @property
    def limit(self) -> int:
        """What was asked for; else `default_bytes`, and in a worker of `distributed` nothing."""
        if self._given is not None:
            return self._given
        if in_worker():
            return 0
        if self._default is None:
            self._default = default_bytes()
        return self._default

    def begin(self) -> None:
        """Tell the core, which asks again for each large array where nothing was asked for."""
        if CORE is not None:
            CORE.keep((lambda: self.limit) if self._given is None else min(self._given, sys.maxsize))

    def resize(self, limit: int | None) -> None:
        """Keep as many bytes from now on; None is the default."""
        self._given = limit
        self.begin()

    def clear(self) -> None:
        """Give everything that is kept back to the system."""
        if CORE is not None:
            CORE.clear_kept()

    def info(self) -> dict[str, int]:
        """Counts."""
        blocks, size, reused = (0, 0, 0) if CORE is None else CORE.kept()
        return {
            "kept_blocks": blocks,
            "kept_bytes": size,
            "max_kept_bytes": self.limit,
            "blocks_reused": reused,
        }


#: Of this process.
MEMORY = Memory()
MEMORY.begin()


def told() -> str:
    """What ``doctor`` says of freed blocks."""
    if CORE is None:
        return "keeps no freed blocks: there is no core"
    fault = CORE.keep_fault()
    if fault:
        return f"keeps no freed blocks: {fault}"
    kept, large = in_bytes(MEMORY.limit), in_bytes(CORE.LARGE_BYTES)
    return f"keeps up to {kept} of freed blocks, each {large} and more (keep_bytes)"
