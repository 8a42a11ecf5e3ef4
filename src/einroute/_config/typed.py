"""The options as type checkers and editors see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

__all__ = ["Options", "ProcessOptions"]


class Options(TypedDict, total=False):
    """What `config` takes."""

    threads: int
    memory_limit: int | None
    reproducible: bool
    on_densify: Literal["warn", "raise", "allow"]
    strict: bool
    allow: str | Sequence[str] | None
    forbid: str | Sequence[str]
    tune: Literal["same", "free", "never", "now"]


class ProcessOptions(Options, total=False):
    """What `set_config` takes."""

    cache_bytes: int
    keep_bytes: int
    prepare: Literal["auto", "now", "never"]
