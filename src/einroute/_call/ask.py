"""What NumPy's own function says to a call that we find wrong.

If it raises, its exception type is raised with our message; if it does not, its result is the answer.  So no
call that NumPy accepts is refused, and no exception has another type.  Structured operands are written out
for it, unless that is large.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .._base.densify import LARGE
from .._base.errors import as_numpys
from .._base.watch import tell_fallback
from .._config.state import check_strict, current
from .._kinds.registry import other_kind
from .._kinds.structured import Structured

__all__ = ["BAD_CALL", "ask_numpy", "ask_on_arrays"]

#: Exceptions by which a bad call shows itself before anything is computed.
BAD_CALL = (ValueError, TypeError, IndexError)


def ask_numpy(
    ours: Exception, function: Callable[..., Any], args: Iterable[Any], kwargs: Mapping[str, Any]
) -> Any:
    """NumPy's answer to a call that we find wrong: its result, or its exception with our message."""
    tell_fallback(str(ours))
    try:
        result = function(*args, **kwargs)
    except Exception as theirs:
        raise as_numpys(ours, theirs) from theirs
    check_strict(current(), function.__name__, str(ours))
    return result


def ask_on_arrays(
    ours: Exception, function: Callable[..., Any], args: Iterable[Any], kwargs: Mapping[str, Any]
) -> Any:
    """The same of a call some of whose operands are no arrays; ours where NumPy could not take them.

    Raises
    ------
    Exception
        ``ours``, where an operand is of a library that NumPy's function does not know, or would be large.
    """
    arrays = []
    for x in args:
        if not isinstance(x, Structured):
            if other_kind(x) is not None:
                raise ours
            arrays.append(x)
        elif x.nbytes > LARGE:
            raise ours
        else:
            arrays.append(x.written())
    return ask_numpy(ours, function, arrays, kwargs)
