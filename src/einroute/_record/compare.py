"""Calls repeated by NumPy's own functions: what a program would have taken without einroute.

A few calls of every place are repeated, the 1st, 2nd, 4th, 8th, ..., right after ours and on the same
operands, until the time that is set for it is spent.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from math import prod
from time import perf_counter
from typing import Any

import numpy as np

from .._explain.functions import is_scipys, routed
from .._numpys import (
    numpy_dot,
    numpy_einsum,
    numpy_inner,
    numpy_inv,
    numpy_linalg_matmul,
    numpy_linalg_outer,
    numpy_linalg_tensordot,
    numpy_linalg_vecdot,
    numpy_lstsq,
    numpy_matmul,
    numpy_multi_dot,
    numpy_outer,
    numpy_pinv,
    numpy_solve,
    numpy_tensordot,
    numpy_vdot,
    numpy_vecdot,
)
from .._route import kind_of
from .._watch import Draft
from .outlines import operands_of
from .recording import KEPT, Recording
from .sums import SiteSum

__all__ = ["Compared", "Comparison"]

_NUMPYS: dict[str, Any] = {
    "einsum": numpy_einsum,
    "tensordot": numpy_tensordot,
    "dot": numpy_dot,
    "matmul": numpy_matmul,
    "inner": numpy_inner,
    "vdot": numpy_vdot,
    "outer": numpy_outer,
    "vecdot": numpy_vecdot,
    "linalg.tensordot": numpy_linalg_tensordot,
    "linalg.matmul": numpy_linalg_matmul,
    "linalg.outer": numpy_linalg_outer,
    "linalg.vecdot": numpy_linalg_vecdot,
    "linalg.multi_dot": numpy_multi_dot,
    "lstsq": numpy_lstsq,
    "linalg.solve": numpy_solve,
    "linalg.inv": numpy_inv,
    "linalg.pinv": numpy_pinv,
}
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
        seconds = _repeated(draft.function, args, kwargs)
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


def _repeated(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> float | None:
    """Seconds of NumPy's or SciPy's own function on the same operands; None where it cannot be called."""
    names = routed(function)
    if names is None:
        return None
    operands = operands_of(function, args, kwargs)
    for x in operands:
        kind: Any = kind_of(x)
        if kind is None or kind.NAME != "dense":
            return None
    call = _scipys(names.name, args) if is_scipys(function) else _NUMPYS.get(names.name)
    if call is None:
        return None
    outs = _outs(names.name, args, kwargs)
    if outs is None:
        return None
    args, kwargs = outs
    try:
        with np.errstate(all="ignore"):
            began = perf_counter()
            call(*args, **kwargs)
            return perf_counter() - began
    except Exception:  # noqa: BLE001 - a comparison must not be what breaks a program
        return None


def _scipys(name: str, args: tuple[Any, ...]) -> Any:
    """SciPy's function; None where it was told that it may overwrite an operand."""
    module: Any = sys.modules["einroute._scipy_linalg"]
    bare = name.rpartition(".")[2]
    flags = {"lstsq": args[3:5], "solve": args[3:5], "inv": args[1:2]}.get(bare, ())
    return None if any(flags) else getattr(module, f"scipy_{bare}")


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
    if name in {"dot", "matmul", "outer", "vecdot"} and len(args) > 2 and args[2] is not None:
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
