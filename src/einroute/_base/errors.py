"""Exceptions, and the wording of the mistakes people make most often.

Every message names the argument, what came, what was expected and the mend; none shows the contents of an
array.  The exception *type* is a promise too: it must be the one the mirrored NumPy function raises.  NumPy's
choice of type differs between its versions and depends on which of several mistakes it meets first, so the
front end asks NumPy itself on the error path and passes both exceptions to `as_numpys`.

This module imports nothing of ours, so that every other module may use it.
"""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = [
    "BadPath",
    "DiagonalError",
    "SubscriptsError",
    "as_numpys",
    "bad_optimize",
    "bad_order",
    "bad_out_dtype",
    "bad_out_shape",
    "cast_refused",
    "mismatched_sizes",
    "shown",
    "suggest",
    "unknown_keyword",
    "whole_number",
    "wrong_dimension_count",
    "wrong_operand_count",
]

_LONGEST = 80  # characters of a caller's own text that a message repeats


class SubscriptsError(ValueError):
    """A subscripts string that NumPy's einsum would not accept for these operands."""


class SizesError(ValueError):
    """Sizes of one label that do not agree."""


class DiagonalError(SizesError):
    """The same within one operand, where one of them is 1: NumPy sees it last."""


def shown(text: object) -> str:
    """The caller's own text as a message repeats it: its repr, shortened if it is long."""
    spelled = repr(text)
    return spelled if len(spelled) <= _LONGEST else spelled[: _LONGEST - 4] + "..." + spelled[-1]


def whole_number(name: str, value: object, least: int, expected: str) -> int:
    """An option that counts something, as an int; NumPy's integers are as good.

    Raises
    ------
    ValueError
        Anything else, bools among it, and what is less than ``least``.

    >>> whole_number("keep", -1, 0, "a number of records")
    Traceback (most recent call last):
        ...
    ValueError: keep must be a number of records (an int >= 0), not -1
    """
    if isinstance(value, Integral) and not isinstance(value, bool):
        number = int(value)
        if number >= least:
            return number
    raise ValueError(f"{name} must be {expected} (an int >= {least}), not {shown(value)}")


def suggest(name: str, valid: Iterable[str], listed: Iterable[str] | None = None) -> str:
    """The end of a message about an unknown name: the closest valid names, or all where none is close.

    ``listed`` are those to list then, where the valid ones are several names for each thing.

    >>> suggest("gredy", ["greedy", "optimal"])
    "did you mean 'greedy'?"
    >>> suggest("zzz", ["greedy", "optimal"])
    "expected one of 'greedy', 'optimal'"
    """
    import difflib  # noqa: PLC0415 - only a message about a mistake needs it, and it takes milliseconds

    names = sorted(valid)
    close = difflib.get_close_matches(str(name), names, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(map(repr, close))}?"
    names = names if listed is None else sorted(listed)
    return f"expected one of {', '.join(map(repr, names))}" if names else "none is accepted here"


def as_numpys(ours: Exception, theirs: Exception) -> Exception:
    """Our message in an exception of NumPy's type.

    Parameters
    ----------
    ours : Exception
        What einroute found wrong; its message is kept.
    theirs : Exception
        What NumPy raised for the same call; its type is kept.

    Returns
    -------
    Exception
        Of exactly ``type(theirs)`` where that can be built, else of its first base class that takes a single
        string (some of NumPy's private casting errors take a ufunc and dtypes instead).
    """
    message = str(ours)
    if isinstance(theirs, UnicodeEncodeError):  # NumPy's answer to a non-ASCII label; it takes five arguments
        return UnicodeEncodeError(theirs.encoding, theirs.object, theirs.start, theirs.end, message)
    for kind in type(theirs).__mro__:
        if not issubclass(kind, Exception):
            break
        try:
            built = kind(message)
        except Exception:  # noqa: BLE001, S112 - whatever a constructor raises, the next base is the answer
            continue
        if built.args == (message,) or str(built) == message:
            return built
    return ours


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def wrong_operand_count(subscripts: str, terms: int, operands: int) -> str:
    """The subscripts have another number of terms than there are operands."""
    counts = f"{_count(terms, 'term')} for {_count(operands, 'operand')}"
    mend = (
        "write one term an operand, separated by ','" if terms < operands else "pass an operand for each term"
    )
    return f"subscripts {shown(subscripts)} have {counts}; {mend}"


def wrong_dimension_count(subscripts: str, position: int, term: str, labels: int, ndim: int) -> str:
    """A term names `labels` dimensions, and its operand has `ndim`."""
    names = f"names {_count(labels, 'dimension')}" + (" besides its '...'" if "..." in term else "")
    mend = "remove a label" if labels > ndim else "name every dimension, or write '...' for those left"
    return (
        f"subscripts {shown(subscripts)}: term {position} {shown(term)} {names}, "
        f"but operand {position} has {_count(ndim, 'dimension')}; {mend}"
    )


def mismatched_sizes(label: str, found: Sequence[tuple[int, int, int]]) -> str:
    """One label stands for dimensions of different sizes.

    `label` is spelled out for the reader; `found` holds (operand position, axis, size) for each dimension.
    """
    if len({position for position, _, _ in found}) == 1:
        mend = "within one operand a repeated label needs equal sizes (a size of 1 does not broadcast there)"
    else:
        mend = "across operands the sizes must be equal or 1"
    places = ", ".join(f"size {size} in operand {position} (axis {axis})" for position, axis, size in found)
    return f"{label} has {places}; {mend}"


def bad_out_shape(came: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """`out` has another shape than the result."""
    return f"out has shape {came}, but the result has shape {expected}; pass an out of the result's shape"


def bad_out_dtype(came: object, expected: object, casting: str) -> str:
    """The result's dtype cannot be cast to that of `out`."""
    return (
        f"out has dtype {came}, to which a result of dtype {expected} is not cast under casting={casting!r}; "
        f"pass an out of dtype {expected}, or a wider casting"
    )


def cast_refused(position: int, came: object, wanted: object, casting: str) -> str:
    """An operand's dtype cannot be cast to the dtype of the computation."""
    return (
        f"operand {position} has dtype {came}, which is not cast to {wanted} under casting={casting!r}; "
        f"convert it with astype, choose another dtype, or pass a wider casting"
    )


def unknown_keyword(function: str, name: str, valid: Iterable[str]) -> str:
    """A keyword that the function does not take, in NumPy's words: others look for them in the message."""
    return f"{function}() got an unexpected keyword argument {shown(name)}; {suggest(name, valid)}"


def bad_order(came: object) -> str:
    """`order` is none of NumPy's four."""
    return f"order is {shown(came)}, expected one of 'C', 'F', 'A', 'K'"


class BadPath(TypeError):
    """A path of the caller's own that does not lead to one operand.

    Attributes
    ----------
    numpys : type
        Of the exception that NumPy raises for it.
    """

    def __init__(self, came: object, numpys: type[Exception], wrong: str) -> None:
        super().__init__(
            f"optimize is ['einsum_path', ...] with the path {shown(came)}, {wrong}; positions are ints "
            f"from 0 among the operands that are left, results at the end, and one operand is left at last"
        )
        self.numpys = numpys


def bad_optimize(came: object) -> str:
    """`optimize` is no form that einsum takes."""
    close = suggest(came, ("greedy", "optimal")) if isinstance(came, str) else ""
    hint = f"; {close}" if close.startswith("did") else ""
    if isinstance(came, (list, tuple)) and came and all(isinstance(step, (list, tuple)) for step in came):
        hint = "; write ['einsum_path', *path] for a path of your own"
    return (
        f"optimize is {shown(came)}, expected False, True, None, 'greedy', 'optimal', "
        f"('greedy' or 'optimal', memory limit in elements) or ['einsum_path', (0, 1), ...]{hint}"
    )
