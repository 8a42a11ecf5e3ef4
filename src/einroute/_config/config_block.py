"""`config`: options for the calls of a block; and, for tests, one route for all of its steps.

Blocks need not end in the order in which they began: those of two generators that take turns do not.  So
what is in force is not put back from what was there before, but follows from the blocks that are open.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from types import TracebackType
from typing import Any, Unpack

from .._base.block import Block
from .._base.plan_cache import PlanCache
from .._base.records import dataclass
from .._base.routes import Declined
from .._base.watch import WATCH
from .state import PROCESS_WIDE, State, _context, _process, changed, current
from .typed import Options

__all__ = ["config", "forcing"]


@dataclass(frozen=True, slots=True)
class _Layer:
    """An open block.

    Attributes
    ----------
    key : object
        What it is known by.
    options : dict
    before : State or None
        What is in force without it and those that were opened later.
    strict : object
        What says that calls may have to be refused, where that is so within the block; copies of the context
        hold it too, and so let it last as long as they do.
    """

    key: object
    options: dict[str, Any]
    before: State | None
    strict: object


def _strictness(state: State) -> object:
    return WATCH.strictly() if state.config.strict else None


_layers: ContextVar[tuple[_Layer, ...]] = ContextVar("einroute_config_layers", default=())


class config(Block):  # noqa: N801 - used like a function, as contextlib.suppress is
    """Change options for the calls made inside a ``with`` block, in this context only.

    Parameters
    ----------
    threads : int
        Threads that einroute's own blocks of work may use. Default: ``EINROUTE_NUM_THREADS``,
        ``OMP_NUM_THREADS``, or the cores of this process.
    memory_limit : int or None
        Bytes that the intermediates of one call may take. A contraction that would need more is sliced over a
        label and summed. Default: ``EINROUTE_MEMORY_LIMIT``, or None, no limit.
    reproducible : bool
        Make the algorithm and the order of summation of `einsum`, `tensordot`, `lstsq`, `solve`, `inv` and
        `pinv` a function of the arguments alone, whatever was called before and however many threads there
        are. BLAS then runs in one thread, and kept factors are not used. Default: ``EINROUTE_REPRODUCIBLE``,
        or False.
    on_densify : {"warn", "raise", "allow"}
        What is done where a call with sparse operands makes a dense array of more than 64 MiB and more than
        eight times its operands: a `DensifyWarning`, a ValueError, nothing. Default: ``EINROUTE_ON_DENSIFY``,
        or "warn".
    strict : bool
        Refuse to hand a whole call to NumPy's or SciPy's own function because einroute cannot take an operand
        or an option: a NoRoute that says why. Calls that NumPy is the right one for are no such case: a view
        of the operand, ``dot`` of floats, LAPACK's answer to ``lstsq`` and its relatives. Default:
        ``EINROUTE_STRICT``, or False.
    allow : str, sequence of str or None
        Names of the only routes that may be taken, as `explain` shows them; None for all of them. Default:
        ``EINROUTE_ALLOW``, or None.
    forbid : str or sequence of str
        Names of routes that are not to be taken. A call that is left without any raises NoRoute. Default:
        ``EINROUTE_FORBID``, or none.
    tune : {"same", "free", "never", "now"}
        Which other plans are tried in place of the one that is estimated to be the fastest, while the same
        call comes again: those whose result has the same bits; all that may be as fast, which change a
        result within rounding; none; all of them at first sight, beside the call. The fastest is kept.
        Trials take at most a tenth of the time spent on a call, except for "now". Under
        ``reproducible=True`` there are none. Default: ``EINROUTE_TUNE``, or "same".

    Raises
    ------
    TypeError
        An unknown option, or one of the whole process.
    ValueError
        A value that the option cannot take, or the name of no route.

    Notes
    -----
    In environment variables yes and no are 1 and 0, and names stand with commas between them. A value that
    makes no sense is warned of when einroute is imported, and ignored.

    ``allow`` and ``forbid`` are about the steps of a plan and about kept factors (``factors.svd``). What is
    NumPy's own to answer is no route, and is left to `strict`.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> a = np.ones((2, 3))
    >>> with er.config(threads=1):
    ...     er.einsum("ij->i", a)
    array([3., 3.])
    """

    def __init__(self, **options: Unpack[Options]) -> None:
        for name in PROCESS_WIDE:
            if name in options:
                raise TypeError(f"{name} belongs to the whole process; change it with set_config({name}=...)")
        self._options: dict[str, Any] = {**options}
        self._base = current().config
        self._changed = changed(self._base, self._options)  # now, since that refuses what makes no sense
        self._keys: list[object] = []

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={value!r}" for name, value in self._options.items())
        return f"<config({options}), in force inside a with block>"

    def __enter__(self) -> None:
        key, before, base = object(), _context.get(), current().config
        wanted = self._changed if base is self._base else changed(base, self._options)
        state = _process.state_of(wanted)
        self._keys.append(key)
        _layers.set((*_layers.get(), _Layer(key, self._options, before, _strictness(state))))
        _context.set(state)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self._keys:
            raise RuntimeError("config is left more often than it was entered")
        here = {layer.key for layer in _layers.get()}
        key = next((key for key in reversed(self._keys) if key in here), self._keys[-1])
        self._keys.remove(key)
        if key in here:
            _close(key)


def _close(key: object) -> None:
    """End a block of this context; those that were opened after it stay in force."""
    layers = _layers.get()
    at = next(i for i, layer in enumerate(layers) if layer.key is key)
    state, kept = layers[at].before, list(layers[:at])
    for layer in layers[at + 1 :]:
        before, base = state, _process.default if state is None else state
        state = _process.state_of(changed(base.config, layer.options))
        kept.append(replace(layer, before=before, strict=_strictness(state)))
    _layers.set(tuple(kept))
    _context.set(state)


@contextmanager
def forcing(route: str | None, forbid: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """Take ``route`` for every step that it does not refuse, and none of ``forbid``.

    For tests.  Yields a list to which the name of every route that ran to its end is appended.
    """
    ran: list[str] = []

    def note(name: str, declined: Declined | None) -> None:
        if declined is None:
            ran.append(name)

    options = current().config
    policy = replace(options.policy, forced=route, forbidden=options.policy.forbidden | frozenset(forbid))
    state = State(options, policy, PlanCache(), note, tiny=False, products=False)
    token = _context.set(state)
    try:
        yield ran
    finally:
        _context.reset(token)
