"""Operands of a call with their kinds, or that the call is NumPy's own to answer."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import combinations
from typing import Any

import numpy as np

from .._base.facts import DType
from .._base.kinds import Kind
from .._base.records import dataclass
from .._entries.validate import BROKEN, unusable
from .._kinds.meeting import met
from .._kinds.registry import check_nested, kind_of

__all__ = ["KINDS", "Array", "Fallback", "Operands", "left_to_dispatch", "ndarray", "taken_in", "unclaimed"]

Array = np.ndarray[Any, Any]

ndarray = np.ndarray  # a global is found faster than an attribute of a module

_SCALARS = frozenset({bool, int, float, complex})

#: Kinds of dtypes that the routes know.
KINDS = "?biufc"


@dataclass(frozen=True, slots=True)
class Fallback:
    """A call that is NumPy's own function's to answer.

    Attributes
    ----------
    reason : str
        Why, as `explain` puts it.
    fallback : bool
        Whether that is for want of a way of ours; not so where NumPy's is the right one.
    """

    reason: str
    fallback: bool = True


@dataclass(frozen=True, slots=True)
class Operands:
    """Operands that are ours, each with its kind.

    Attributes
    ----------
    values : tuple
        Arrays, and operands of other kinds as they came.
    kinds : tuple of Kind
    shapes : tuple of tuple of int
    mixed : bool
        Whether some operand is no array.
    given : tuple
        Operands as the caller gave them.
    dtypes : tuple of dtype
    """

    values: tuple[Any, ...]
    kinds: tuple[Kind, ...]
    shapes: tuple[tuple[int, ...], ...]
    mixed: bool
    given: tuple[Any, ...]
    dtypes: tuple[DType, ...]

    @property
    def sparse(self) -> bool:
        """Whether some operand is sparse."""
        return any(kind.form.sparse for kind in self.kinds)

    @property
    def tasks(self) -> bool:
        """Whether the result is made by tasks that run later."""
        return any(kind.form.tasks for kind in self.kinds)


def taken_in(values: Sequence[Any]) -> Operands | Fallback:
    """Operands with their kinds, those that stand for arrays as arrays; or NumPy's own to answer.

    Raises
    ------
    TypeError
        An operand of a type that is none of ours beside one of a kind that NumPy does not know, if NumPy's
        protocol does not hand the call on to it.
    ValueError
        A broken operand.
    OverflowError
        A Python int that the library of another operand does not hold.
    """
    kinds = [kind_of(x) for x in values]
    host = next((kind for kind in kinds if kind is not None and kind.library), None)
    given = values
    if host is not None:
        values = [_beside(host, i, x) for i, x in enumerate(values)]
        kinds = [kind_of(x) for x in values]
    tasks = any(kind is not None and kind.form.tasks for kind in kinds)
    other = next((i for i, kind in enumerate(kinds) if kind is not None and kind.form.rank), None)
    mixed = other is not None
    taken: list[Any] = []
    known: list[Kind] = []
    shapes: list[tuple[int, ...]] = []
    dtypes: list[DType] = []
    for i, (x, kind) in enumerate(zip(values, kinds, strict=True)):
        if kind is None:
            if other is not None and not left_to_dispatch(values):
                raise TypeError(
                    f"operand {i} is of type {type(x).__name__}, which cannot be mixed with operand {other} "
                    f"of type {type(values[other]).__name__}; convert it with numpy.asarray"
                )
            return unclaimed(i, x)
        if isinstance(x, (list, tuple)):
            check_nested(x)
        value = x if kind.form.rank or type(x) is ndarray else np.asarray(x)
        if kind.form.rank:
            try:
                facts = kind.facts(x)
            except BROKEN as error:
                raise unusable(f"operand {i}", x, kind, error) from error
            dtype, shape = facts.dtype, facts.shape
        else:
            dtype, shape = value.dtype, value.shape
            if host is not None and dtype.kind == "V" and host.form.dtypes is not None:
                with suppress(TypeError):  # of dtypes that neither has, which are named below
                    dtype = host.form.dtypes.of(x)
        dtypes.append(dtype)
        shapes.append(tuple(shape))
        if mixed and not tasks and dtype.kind not in KINDS:
            reason = kind.unfit(x) if kind.library else ""  # which names the library's own way to convert
            if reason:
                raise TypeError(f"operand {i} ({type(x).__name__}) {reason}")
            what = type(values[other or 0]).__name__
            beside = "" if other == i else f" beside operand {other} of type {what}"
            raise TypeError(
                f"operand {i} has dtype {dtype}, expected bools, integers, floats or complex numbers"
                f"{beside}; convert it with astype"
            )
        taken.append(value)
        known.append(kind)
    joined = tuple(known)
    if mixed:
        joined = met(values, known)
        _check_meetings(values, joined)
    return Operands(tuple(taken), joined, tuple(shapes), mixed, tuple(given), tuple(dtypes))


def _beside(host: Kind, position: int, x: Any) -> Any:
    """An operand as it takes part beside those of a library: Python scalars may be arrays of that.

    Raises
    ------
    OverflowError
        A Python int that is out of range for the library.
    """
    if type(x) not in _SCALARS:
        return x
    wrong = ""
    if host.scalar is not None:
        try:
            return host.scalar(x)
        except OverflowError as error:
            wrong = str(error)
    elif type(x) is int and not -(2**63) <= x < 2**63:
        wrong = f"is out of range for {host.library}'s integers; pass a float"
    if wrong:
        raise OverflowError(f"operand {position} (a Python {type(x).__name__}) {wrong}")
    return x


def _check_meetings(values: Sequence[Any], kinds: Sequence[Kind]) -> None:
    """Raise where two operands have no form to meet in."""
    first = {kind.form: i for i, kind in reversed(list(enumerate(kinds)))}
    for (one, i), (other, j) in combinations(first.items(), 2):
        if not one.takes(other):
            raise TypeError(
                f"operand {min(i, j)} is a {type(values[min(i, j)]).__name__} and operand {max(i, j)} is a "
                f"{type(values[max(i, j)]).__name__}, which cannot be contracted together; convert one"
            )


def left_to_dispatch(values: Sequence[Any]) -> bool:
    """Whether NumPy hands a product on to a class of nobody's, beside kinds that NumPy knows."""
    say = False
    for x in values:  # a loop takes less than generators, on the way of every product that is not of arrays
        kind = kind_of(x)
        if kind is None:
            say = say or hasattr(type(x), "__array_function__")
        elif not kind.dispatched or kind.form.rewrites:
            return False
    return say


def unclaimed(position: int, operand: Any) -> Fallback:
    """NumPy's own to answer, for an operand of a type that is not ours."""
    return Fallback(f"operand {position} is of type {type(operand).__name__}, which einroute does not know")
