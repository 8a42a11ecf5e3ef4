"""One call timed again: by einroute without the recorder, and by NumPy's own function, in turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from .._api.functions import Mirror
from .._base.watch import CALL_TRACE, CallTrace
from .._call.observe import WatchedContext
from .._explain.factors import is_factored
from .._kinds.registry import kind_of
from .outlines import operands_of

__all__ = ["Sample", "likely", "sample"]

#: Products a second that NumPy's einsum forms, at least, where it does all in one loop.
LOOPS = 2e8
#: How many times longer than ours NumPy's call may be expected to take, where nothing better is known.
UNKNOWN = 20
#: Bytes of a result that are not made a second time.
LARGE = 1 << 30
#: Seconds of a call from which on the time that was recorded is good enough, and one repetition, too.
LONG = 0.01
#: Rounds of shorter calls, seconds of a round, and calls in one at most.
ROUNDS, ROUND, MOST = 5, 5e-5, 20
#: Seconds from which on what recording takes inside a call does not count.
PLAIN = 5e-4

Call = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """Seconds of one call, by einroute and by NumPy's own function; equal where that is what answered."""

    ours: float
    numpys: float


def likely(trace: CallTrace) -> float:
    """Seconds that NumPy's function may take, guessed on the high side."""
    contraction = getattr(trace.plan, "contraction", None)
    products = prod(contraction.sizes.values()) if contraction is not None else 0
    return max(UNKNOWN * (trace.seconds - trace.planning), float(products) / LOOPS)


def sample(
    mirror: Mirror, trace: CallTrace, args: tuple[Any, ...], kwargs: dict[str, Any], *, same: bool
) -> Sample | None:
    """Time a call again.

    Parameters
    ----------
    mirror : Mirror
        What the function is called, and NumPy's.
    trace : CallTrace
        What was told of the call.
    args, kwargs
        The call's arguments.
    same : bool
        Whether NumPy's own function answered.

    Returns
    -------
    Sample or None
        None where it cannot be called again without a trace.
    """
    once = trace.seconds - trace.planning
    if same and once > PLAIN:
        return Sample(once, once)
    given = _again(mirror, trace, args, kwargs)
    if given is None:
        return Sample(once, once) if same else None
    args, kwargs = given
    ours = _ours(trace, args, kwargs) if not same and _must_repeat(trace) else None
    outside = CALL_TRACE.set(
        CallTrace(trace.function, trace.state)
    )  # what is repeated is no part of the call
    try:
        with np.errstate(all="ignore"):
            mine, theirs = _in_turn(ours, lambda: mirror.original(*args, **kwargs), once)
    except Exception:  # noqa: BLE001 - a comparison must not be what breaks a program
        return None
    finally:
        CALL_TRACE.reset(outside)
    if same:
        return Sample(theirs, theirs)
    return Sample(once if ours is None else mine, theirs)


def _must_repeat(trace: CallTrace) -> bool:
    """Whether the time that was recorded holds too much that is not the call's.

    Calls that kept factors may answer are not repeated: a matrix that is seen once more counts, and they take
    much longer than what recording adds.
    """
    return not is_factored(trace.function) and (trace.planning > 0 or trace.seconds < LONG)


def _ours(trace: CallTrace, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
    function = trace.function
    return lambda: function(*args, **kwargs)


def _in_turn(ours: Call | None, theirs: Call, once: float) -> tuple[float, float]:
    """Medians of the seconds of both; ours, who ran just before, waits for NumPy's first."""
    number = max(1, min(MOST, int(ROUND / max(once, 1e-9))))
    mine, others = [], []
    for turn in range(ROUNDS):
        if turn % 2 == 0:
            others.append(_timed(theirs, number))
        if ours is not None:
            mine.append(_timed(ours, number))
        if turn % 2:
            others.append(_timed(theirs, number))
        if once > LONG or others[-1] > LONG:
            break
    if not mine:
        return 0.0, median(others)
    # Recordings under way cost this call a look at who listens.
    return max(1e-9, median(mine) - _timed(WatchedContext.get, MOST)), median(others)


def _timed(call: Call, number: int) -> float:
    began = perf_counter()
    for _ in range(number):
        call()
    return (perf_counter() - began) / number


def _again(
    mirror: Mirror, trace: CallTrace, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
    """The arguments to call with again; None where that would leave a trace."""
    if not _may_repeat(mirror.name, trace, kwargs):
        return None
    if not all(_is_plain(x) for x in operands_of(trace.function, args, kwargs)):
        return None
    return _outs(mirror.name, args, kwargs)


def _is_plain(x: Any) -> bool:
    """Whether an operand is of numbers alone: to compute with others may run somebody's own code again."""
    if type(x) in {list, tuple}:
        return all(_is_plain(item) for item in x)
    dtype = getattr(x, "dtype", None)
    if dtype is None:
        return type(x) in {int, float, complex, bool}
    kind: Any = kind_of(x)
    return kind is not None and kind.form.rank == 0 and dtype.kind in "?biufc"


def _may_repeat(name: str, trace: CallTrace, kwargs: dict[str, Any]) -> bool:
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
    return not overwrites and (bare not in {"solve", "inv"} or bool(trace.factors))


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
    third_is_out = name in {"dot", "matmul", "outer", "vecdot", "matvec", "vecmat"}
    if third_is_out and len(args) > 2 and args[2] is not None:
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
