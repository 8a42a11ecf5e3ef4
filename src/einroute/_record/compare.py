"""Calls repeated by NumPy's own functions: what a program would have taken without einroute.

A few calls of every place are repeated, the 1st, 2nd, 4th, 8th, ..., right after ours and on the same
operands, until the time that is set for it is spent.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from time import perf_counter
from typing import Any

import numpy as np

from .._api.functions import routed
from .._base.watch import Draft
from .._kinds.registry import kind_of
from .outlines import operands_of
from .recording import KEPT, Recording
from .sums import SiteSum

__all__ = ["Compared", "Comparison"]

#: Products a second that NumPy's einsum forms, at least, where it does all in one loop.
LOOPS = 2e8
#: How many times longer than ours NumPy's call may be expected to take, where nothing better is known.
UNKNOWN = 20
#: Bytes of a result that are not made a second time.
LARGE = 1 << 30


@dataclass(slots=True)
class Compared:
    """What the sampled calls of one place took.

    Attributes
    ----------
    calls : int
        Calls that were repeated.
    ours, numpys : float
        Seconds of those calls.
    """

    calls: int = 0
    ours: float = 0.0
    numpys: float = 0.0

    def expected(self, site: SiteSum) -> float:
        """Seconds that all calls of the place would have taken in NumPy."""
        return self.numpys / self.calls * site.calls


class Comparison(Recording):
    """A recording that repeats some calls by NumPy's own functions.

    Parameters
    ----------
    budget : float
        Seconds that these may take together; what is likely to take longer than what is left is not begun.
    """

    def __init__(self, budget: float, keep: int = KEPT) -> None:
        super().__init__(keep)
        self._left = budget
        self._compared: dict[tuple[str, int, str], Compared] = {}

    @property
    def left(self) -> float:
        """Seconds that may still be spent."""
        return max(0.0, self._left)

    def compared(self, site: SiteSum) -> Compared | None:
        """What is known of a place; None if none of its calls could be repeated."""
        return self._compared.get((site.file, site.line, site.function))

    def take(self, draft: Draft, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Add a call, and repeat it if it is its turn."""
        site = self.add(draft, args, kwargs)
        if site is None or draft.error or site.calls & (site.calls - 1):
            return
        key = site.file, site.line, site.function
        before = self._compared.get(key)
        each = before.numpys / before.calls if before is not None else 0.0
        if max(each, _likely(draft)) > self._left:
            return
        seconds = _repeated(draft, args, kwargs)
        if seconds is None:
            return
        with self._lock:
            self._left -= seconds
            found = self._compared.setdefault(key, Compared())
            found.calls += 1
            found.ours += draft.seconds
            found.numpys += seconds


def _likely(draft: Draft) -> float:
    """Seconds that NumPy's function may take, guessed on the high side."""
    contraction = getattr(draft.plan, "contraction", None)
    products = prod(contraction.sizes.values()) if contraction is not None else 0
    return max(UNKNOWN * draft.seconds, float(products) / LOOPS)


def _repeated(draft: Draft, args: tuple[Any, ...], kwargs: dict[str, Any]) -> float | None:
    """Seconds of NumPy's or SciPy's own function on the same operands; None where it cannot be called."""
    mirror = routed(draft.function)
    if mirror is None or not _may_repeat(mirror.name, draft, kwargs):
        return None
    if not all(_is_plain(x) for x in operands_of(draft.function, args, kwargs)):
        return None
    outs = _outs(mirror.name, args, kwargs)
    if outs is None:
        return None
    args, kwargs = outs
    try:
        with np.errstate(all="ignore"):
            began = perf_counter()
            mirror.original(*args, **kwargs)
            return perf_counter() - began
    except Exception:  # noqa: BLE001 - a comparison must not be what breaks a program
        return None


def _is_plain(x: Any) -> bool:
    """Whether an operand is of numbers alone: to compute with others may run somebody's own code again."""
    if type(x) in {list, tuple}:
        return all(_is_plain(item) for item in x)
    dtype = getattr(x, "dtype", None)
    if dtype is None:
        return type(x) in {int, float, complex, bool}
    kind: Any = kind_of(x)
    return kind is not None and kind.form.rank == 0 and dtype.kind in "?biufc"


def _may_repeat(name: str, draft: Draft, kwargs: dict[str, Any]) -> bool:
    """Whether a function can be called twice without a trace.

    Not SciPy's where it was told that it may overwrite an operand.  Nor its solve and inv where the matrix
    may be ill-conditioned: they would warn a second time, and to silence warnings is to forget which were
    shown.  Those with kept factors are not.
    """
    if name == "einsum_path" or "casting" in kwargs:  # casts from complex warn
        return False
    if not name.startswith("scipy."):
        return True
    bare = name.rpartition(".")[2]
    overwrites = kwargs.get("overwrite_a") or kwargs.get("overwrite_b")
    return not overwrites and (bare not in {"solve", "inv"} or bool(draft.factors))


def _outs(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The arguments with arrays of our own for results to go into; None where they would be too large."""
    changed = dict(kwargs)
    out = kwargs.get("out")
    if out is not None:
        fresh = _fresh(out[0] if type(out) is tuple and len(out) == 1 else out)
        if fresh is None:
            return None
        changed["out"] = fresh
    if (
        name in {"dot", "matmul", "outer", "vecdot", "matvec", "vecmat"}
        and len(args) > 2
        and args[2] is not None
    ):
        fresh = _fresh(args[2])
        if fresh is None:
            return None
        args = (*args[:2], fresh, *args[3:])
    if name == "einsum" and kwargs.get("optimize") is None:
        changed.pop("optimize", None)
    return args, changed


def _fresh(out: Any) -> Any:
    if type(out) is not np.ndarray or out.nbytes > LARGE:
        return None
    return np.empty_like(out)
