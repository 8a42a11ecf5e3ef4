"""Bound plans as compiled programs: one call of XLA's each, inlined where they are traced themselves."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax

from ..._base.routes import Runner
from .dtypes import weak_result, weakened

__all__ = ["PROGRAMS", "check_kept", "compiled"]


class Programs:
    """Compiled programs by what they do, the ones used last; bound plans that say the same share one.

    A call that has no key is planned each time, but not compiled each time.
    """

    def __init__(self, most: int = 1024) -> None:
        self._programs: OrderedDict[Hashable, Callable[..., Any]] = OrderedDict()
        self._most = most
        self._lock = threading.Lock()

    def of(self, key: Hashable, run: Runner, typed: bool) -> Callable[..., Any]:
        """The program of a key; a new one of ``run`` where there is none."""
        with self._lock:
            found = self._programs.get(key)
            if found is None:
                found = self._programs[key] = jax.jit((_strongly if typed else _weakly)(run), inline=True)
                if len(self._programs) > self._most:
                    self._programs.popitem(last=False)
            else:
                self._programs.move_to_end(key)
            return found

    def clear(self) -> None:
        """Forget every program."""
        with self._lock:
            self._programs.clear()


def _weakly(run: Runner) -> Runner:
    """The same with a result of weak type wherever JAX's own functions have one."""

    def run_weakly(*operands: Any) -> Any:
        wanted = weak_result(operands)
        return run(*operands if wanted is None else [weakened(x, wanted) for x in operands])

    return run_weakly


def _strongly(run: Runner) -> Runner:
    """The same with a result of the dtype that was asked for, which a weak type would not be."""

    def run_strongly(*operands: Any) -> Any:
        return run(*jax.tree.map(lambda x: x.astype(x.dtype), operands))  # which is strong

    return run_strongly


PROGRAMS = Programs()


def compiled(run: Runner, key: Hashable, typed: bool) -> Runner:
    """A bound plan as a program.

    Parameters
    ----------
    run : callable
    key : hashable
        What it does: programs are found again by it.
    typed : bool
        Whether the caller named the dtype of the result.

    Raises
    ------
    RuntimeError
        When it is called with an array whose buffer was donated or deleted: JAX's own, naming the operand.
    TypeError
        With what stands for an array and has no elements.
    """
    program = PROGRAMS.of(key, run, typed)

    def call(*operands: Any, out: Any = None) -> Any:
        try:
            return program(*operands)
        except (RuntimeError, ValueError) as error:  # either, by how far the call came
            check_kept(operands, error)
            raise
        except TypeError as error:
            for i, x in enumerate(operands):
                if isinstance(x, jax.ShapeDtypeStruct):
                    raise TypeError(
                        f"operand {i} is a ShapeDtypeStruct, which has no elements; explain takes it, and so "
                        f"does jax.eval_shape of a function with this call"
                    ) from error
            raise

    return call


def check_kept(operands: Sequence[Any], error: Exception | None = None) -> None:
    """Refuse arrays whose buffers are gone.

    Raises
    ------
    RuntimeError
        Naming the first.
    """
    for i, x in enumerate(operands):
        if any(_deleted(part) for part in jax.tree.leaves(x)):
            raise RuntimeError(
                f"operand {i} ({type(x).__name__} of shape {tuple(x.shape)}) has been deleted or "
                f"donated to another computation; keep a copy, or do not donate it"
            ) from error


def _deleted(x: Any) -> bool:
    return isinstance(x, jax.Array) and not isinstance(x, jax.core.Tracer) and x.is_deleted()
