"""Memory that is kept between calls of one plan, so that a repeated call makes no array but its result."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Protocol

__all__ = ["BUFFERS", "Buffer", "Buffers"]

#: Plans that buffers are kept of, at the most.
_PLANS = 4096


class Buffer(Protocol):
    """What is kept."""

    @property
    def nbytes(self) -> int: ...


class Buffers:
    """Buffers by plan; those not used for longest go when all together are too large."""

    def __init__(self, limit: int = 1 << 25) -> None:
        self.limit = limit
        self._kept: OrderedDict[Hashable, list[Buffer]] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    def take(self, key: Hashable) -> Buffer | None:
        """A buffer of a plan that no call uses."""
        with self._lock:
            kept = self._kept.get(key)
            if not kept:
                return None
            found = kept.pop()
            self._total -= found.nbytes
            self._kept.move_to_end(key)
            return found

    def give(self, key: Hashable, buffer: Buffer) -> None:
        """Keep a buffer for the next call."""
        with self._lock:
            self._kept.setdefault(key, []).append(buffer)
            self._total += buffer.nbytes
            while self._total > self.limit or len(self._kept) > _PLANS:
                _, dropped = self._kept.popitem(last=False)
                self._total -= sum(old.nbytes for old in dropped)

    def clear(self) -> None:
        """Drop every buffer."""
        with self._lock:
            self._kept.clear()
            self._total = 0

    def after_fork(self) -> None:
        """In a child: whoever held the lock in the parent is not here to let go of it."""
        self._lock = threading.Lock()


BUFFERS = Buffers()
