"""`record`: every routed call made inside a ``with`` block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .._watch import LISTENERS, WATCH

if TYPE_CHECKING:
    from .recording import Recording

__all__ = ["record"]


@contextmanager
def record(*, keep: int = 10_000) -> Iterator[Recording]:
    """Record every routed call made inside a ``with`` block, in this context.

    Of each call: function, subscripts, operands, the route of each step, what guards and refusals said, the
    estimated and the measured time, whether the plan or the factors were in the cache, and where it was
    called from. Nothing that the calls do is changed, and no operand is kept.

    Parameters
    ----------
    keep : int
        Single records that are kept, those of the first calls. The sums go on.

    Yields
    ------
    Recording

    Raises
    ------
    ValueError
        A negative `keep`.

    See Also
    --------
    explain : What a call would do.

    Notes
    -----
    Like `config`, it is a matter of the context: calls of a thread that was started inside are recorded only
    if that runs in a copy of the context, by `contextvars.copy_context`. Recordings may be nested, and then
    each gets the call. A call that a routed function makes of another one is a part of it.

    The measured time of a call holds about a microsecond that recording costs inside it; what it costs
    beside that, some ten microseconds a call, is in no record.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> with er.record() as r:
    ...     c = er.einsum("ij,jk->ik", np.ones((50, 60)), np.ones((60, 70)))
    >>> r.calls, r.records[0].routes
    (1, ('dense.matmul',))
    >>> [(found.route, found.calls) for found in r.by_route()]
    [('dense.matmul', 1)]
    """
    if not isinstance(keep, int) or isinstance(keep, bool) or keep < 0:
        raise ValueError(f"keep must be a number of records (an int >= 0), not {keep!r}")
    from .recording import Recording  # here, since most programs never record

    recording = Recording(keep)
    WATCH.enter(recording)
    token = LISTENERS.set((*LISTENERS.get(), recording))
    try:
        yield recording
    finally:
        WATCH.leave(recording)
        LISTENERS.reset(token)
