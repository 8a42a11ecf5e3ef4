"""`record`: every routed call made inside a ``with`` block."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from .._base.errors import whole_number
from .._base.watch import LISTENERS, WATCH

if TYPE_CHECKING:
    from .recording import Recording

__all__ = ["record"]


class record:  # noqa: N801 - used like a function, as contextlib.suppress is
    """Record every routed call made inside a ``with`` block, in this context.

    Of each call: function, subscripts, operands, the route of each step, what guards and refusals said, the
    estimated and the measured time, whether the plan or the factors were in the cache, and where it was
    called from. Nothing that the calls do is changed, and no operand is kept.

    The block is given a Recording, which is complete when the block ends; a second one gets another.

    Parameters
    ----------
    keep : int
        Single records that are kept, those of the first calls. The sums go on.

    Raises
    ------
    ValueError
        A `keep` that is no number of records, or negative.

    See Also
    --------
    explain : What a call would do.

    Notes
    -----
    Like `config`, it is a matter of the context: calls of a thread that was started inside are recorded only
    if that runs in a copy of the context, by `contextvars.copy_context`. Recordings may be nested, and then
    each gets the call. They may end in any order. A call that a routed function makes of another one is a
    part of it.

    The measured time of a call holds one or two microseconds that recording costs inside it; what it costs
    beside that, some twelve microseconds a call, is in no record.

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

    def __init__(self, *, keep: int = 10_000) -> None:
        self._keep = whole_number("keep", keep, 0, "a number of records")
        self._open: list[Recording] = []

    def __enter__(self) -> Recording:
        from .recording import Recording  # here, since most programs never record

        recording = Recording(self._keep)
        self._open.append(recording)
        LISTENERS.set((*LISTENERS.get(), recording))
        WATCH.enter(recording)
        return recording

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._open:
            raise RuntimeError("record is left more often than it was entered")
        here = LISTENERS.get()
        ended = next((x for x in reversed(self._open) if x in here), self._open[-1])
        self._open.remove(ended)
        WATCH.leave(ended)
        # By identity, not by what was there before: the blocks of two generators end in any order.
        LISTENERS.set(tuple(x for x in here if x is not ended))
