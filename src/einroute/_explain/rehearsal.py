"""What NumPy's own function says to a call, found out on small arrays in place of the operands.

Sizes that are equal stay equal, as do lengths of 0 and 1, dtypes, and layouts of ``out``: so NumPy refuses
the small call if and only if it refuses the large one, by the same type of exception. That holds for
functions that compare sizes and multiply none: operands that a function flattens are to come flat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import prod
from typing import Any

import numpy as np

from .._base.densify import LARGE
from .._base.errors import as_numpys
from .._kinds.registry import other_kind, shape_alone
from .._kinds.structured import Structured

__all__ = ["refuse_as_numpy", "rehearse"]

Array = np.ndarray[Any, Any]

#: Elements of one array beyond which nothing is tried.
_MOST = 1 << 16


def refuse_as_numpy(
    ours: Exception, function: Callable[..., Any], args: Iterable[Any], kwargs: Mapping[str, Any]
) -> None:
    """Raise for a call that we find wrong and NumPy too, as the call itself would.

    Raises
    ------
    Exception
        ``ours``, of the type of NumPy's where it has a say: not beside operands of other libraries, nor of
        structured ones that would be large.
    """
    args = tuple(args)
    if any(_is_foreign(x) or (isinstance(x, Structured) and x.nbytes > LARGE) for x in args):
        raise ours
    theirs = rehearse(function, args, kwargs)
    if theirs is not None:
        raise as_numpys(ours, theirs) from theirs


def rehearse(
    function: Callable[..., Any], args: Iterable[Any], kwargs: Mapping[str, Any]
) -> Exception | None:
    """What NumPy's function raises; None if it answers, or if it cannot be tried.

    Parameters
    ----------
    function : callable
    args : iterable of object
        Operands, lists as well.
    kwargs : mapping
        Options, of which ``out`` is made small with the operands.
    """
    try:
        operands = [np.asarray(x) if type(x) in {list, tuple} else x for x in args]
        small = None if any(map(_is_foreign, operands)) else _Small.of((*operands, kwargs.get("out")))
        if small is None:
            return None
        out = {"out": small(kwargs["out"])} if "out" in kwargs else {}
        function(*map(small, operands), **{**kwargs, **out})
    except Exception as error:  # noqa: BLE001 - whatever it is, it is NumPy's answer
        return error
    return None


def _is_foreign(x: Any) -> bool:
    """Whether an operand is of another library's."""
    return other_kind(x) is not None and not isinstance(x, Structured)


class _Small:
    """Makes the arrays of one call small."""

    def __init__(self, sizes: Mapping[int, int]) -> None:
        self.sizes = sizes

    @classmethod
    def of(cls, values: tuple[Any, ...]) -> _Small | None:
        """None where one would have too many elements."""
        flat = [y for x in values for y in (x if type(x) is tuple else (x,))]
        found = [x for x in flat if isinstance(x, (np.ndarray, Structured))]
        sizes = {0: 0, 1: 1}
        for n in sorted({n for x in found for n in x.shape} - {0, 1}):
            sizes[n] = len(sizes)
        if any(prod(sizes[n] for n in x.shape) > _MOST for x in found):
            return None
        return cls(sizes)

    def __call__(self, x: Any) -> Any:
        if type(x) is tuple:
            return tuple(map(self, x))
        if isinstance(x, Structured):
            x = shape_alone(x)
        elif not isinstance(x, np.ndarray):
            return x
        shape = tuple(self.sizes[n] for n in x.shape)
        if x.flags.forc:
            made = np.zeros(shape, x.dtype, order="C" if x.flags.c_contiguous else "F")
        else:
            made = np.zeros((*shape, 2), x.dtype)[..., 0]
        made.flags.writeable = x.flags.writeable
        return made
