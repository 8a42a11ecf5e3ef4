"""What trials found: for a call's facts the plan that was fastest, and what each took.

One store for the process, with a lock and `clear`. `wisdom_file` fills it from files and writes it to them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any

from .._base.facts import Contraction, DType, Operand
from .._base.formatting import in_time
from .._base.records import dataclass

__all__ = ["FINDINGS", "Finding", "facts_of"]

#: Findings that are held at the most.
_MOST = 4096


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one call.

    Attributes
    ----------
    chosen : str
        The name of the plan that was fastest.
    took : mapping of str to float
        Seconds of each plan that was tried, by name.
    same : bool
        Whether only plans with the same bits were tried.
    source : str
        The file that it was read from; empty of what this process found.
    """

    chosen: str
    took: Mapping[str, float] = field(default_factory=dict)
    same: bool = True
    source: str = ""

    @property
    def text(self) -> str:
        """How the choice came about."""
        took = sorted(self.took.items(), key=lambda x: x[1])
        tried = ", ".join(f"{_shown(name)} {in_time(seconds)}" for name, seconds in took)
        how = f"by {self.source}" if self.source else "by trials in this process"
        return f"chosen {how}: {self.chosen}" + (f" (took {tried})" if tried else "")


def _shown(name: str) -> str:
    """A name, which may be anybody's: what a terminal would obey is escaped."""
    return name if name.isprintable() else ascii(name)


class _Findings:
    """Findings by the facts of calls, oldest out first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.known: dict[str, Finding] = {}
        #: Asked before the first plan: reads the files that the environment names.
        self.begin: Callable[[], None] | None = None
        #: Told when a trial has settled.
        self.settled: Callable[[], None] | None = None

    def get(self, key: Callable[[], str]) -> Finding | None:
        """What was found; the facts are put in words only where anything was."""
        begin = self.begin
        if begin is not None:
            self.begin = None
            begin()
        return self.known.get(key()) if self.known else None

    def put(self, key: str, found: Finding) -> None:
        """Keep what was found."""
        self.update({key: found})
        settled = self.settled
        if settled is not None:
            settled()

    def update(self, found: Mapping[str, Finding]) -> None:
        """Keep several."""
        with self._lock:
            known = {**self.known, **found}
            for old in list(known)[: max(0, len(known) - _MOST)]:
                del known[old]
            self.known = known  # readers need no lock

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self.known = {}

    def after_fork(self) -> None:
        """In a child: whoever held the lock in the parent is not here to let go of it."""
        self._lock = threading.Lock()


FINDINGS = _Findings()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=FINDINGS.after_fork)


def facts_of(
    contraction: Contraction, operands: tuple[Operand, ...], dtype: DType, more: Mapping[str, Any]
) -> str:
    """The facts of a call in words: what its findings are known by."""
    told = [contraction.subscripts, f"in {dtype.str}", *map(_operand, operands)]
    told += [f"{name}={value}" for name, value in more.items() if value is not None]
    return "; ".join(told)


def _operand(op: Operand) -> str:
    shape = "x".join(map(str, op.shape)) or "()"
    parts = [op.form, shape, op.dtype.str]
    if op.strides:
        parts.append("strides " + ",".join(str(s // op.dtype.itemsize) for s in op.strides))
    if op.nnz is not None:
        parts.append(f"{op.nnz} entries")
    if op.compressed >= 0:
        parts.append(f"compressed along {op.compressed}")
    if op.compared:
        parts.append(f"{op.compared} indices compared")
    if op.alias is not None:
        parts.append(f"the same as {op.alias}")
    return " ".join(parts)
