"""Subscripts, sublists, shapes and axes as NumPy reads them: strings and numbers only, never an array.

NumPy has two readers of subscripts that do not quite agree.  Its C code (``optimize=False``, the default)
is the judge here; ``lenient=True`` follows its Python code, which ``optimize=True`` goes through.  The Python
reader drops spaces first (so ``'. . .'`` and ``'- >'`` are fine), sums the ellipsis dimensions that an
explicit output leaves out, and refuses a NUL, which the C reader takes for the end of the string.

A label is one character.  Dimensions under an ellipsis become the labels ``chr(0x100 + r)``, with r counted
from the *right* end of the ellipsis (r = 0 is its last dimension): equal labels are then the dimensions which
broadcast against each other, and everything downstream can forget that there ever was an ellipsis.
"""

from __future__ import annotations

import operator
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from .._base.errors import (
    SubscriptsError,
    shown,
    wrong_dimension_count,
    wrong_operand_count,
)
from .._base.labels import FIRST_ELLIPSIS

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "check_tensordot_shapes",
    "parse_axes",
    "parse_sublists",
    "parse_subscripts",
]

_MAX_LABELS = 64  # NPY_MAXDIMS: no iteration of NumPy's has more dimensions
_MAX_OPERANDS = 63  # NPY_MAXARGS less the output; NumPy's C einsum takes no more
_AXES_EXPECTED = "expected an integer, or a pair: the axes of a and those of b"
_ELLIPSIS = "".join(chr(FIRST_ELLIPSIS + r) for r in reversed(range(_MAX_LABELS)))

# Capitals first, as in NumPy: the ASCII order of an implicit output is then that of a sublist's integers.
_SUBLIST_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_MAX_DIMS = 64  # that an array can have


def parse_subscripts(
    subscripts: str, ndims: tuple[int, ...], *, lenient: bool = False
) -> tuple[tuple[str, ...], str]:
    """The labels of every operand and of the output.

    Parameters
    ----------
    subscripts : str
        What einsum takes: ``'ij,jk->ik'``, ``'...ij,jk'``.
    ndims : tuple of int
        The number of dimensions of each operand.
    lenient : bool
        Read as NumPy does with ``optimize=True``; by default as with ``optimize=False``.

    Returns
    -------
    inputs : tuple of str
        One string of labels an operand, as long as the operand has dimensions; repeated labels are kept.
    output : str
        The labels of the output, each once.

    Raises
    ------
    SubscriptsError
        Where NumPy rejects the string for operands of these numbers of dimensions.

    Examples
    --------
    >>> parse_subscripts("ij,jk", (2, 2))
    (('ij', 'jk'), 'ik')
    >>> parse_subscripts("ii...->...", (4,))
    (('iiāĀ',), 'āĀ')
    """
    head, arrow, output = subscripts.partition("->")
    terms = tuple(head.split(","))
    letters = "".join(terms)
    if (
        tuple(map(len, terms)) == ndims
        and letters.isalpha()
        and subscripts.isascii()
        and (len(terms) <= _MAX_OPERANDS or lenient)
    ):
        if not arrow:
            return terms, _implicit_output(letters)
        named = set(output)
        if len(named) == len(output) and named.issubset(letters):
            return terms, output
    return _parse_carefully(subscripts, ndims, lenient)


def _implicit_output(letters: str) -> str:
    return "".join([label for label in sorted(set(letters)) if letters.count(label) == 1])


def _parse_carefully(subscripts: str, ndims: tuple[int, ...], lenient: bool) -> tuple[tuple[str, ...], str]:
    """All of the grammar; `parse_subscripts` has tried the plain case already."""
    if not subscripts.isascii():
        foreign = next(label for label in subscripts if not label.isascii())
        raise SubscriptsError(_bad_character(subscripts, foreign))
    text = subscripts.replace(" ", "") if lenient else subscripts.partition("\0")[0]
    head, dash, tail = text.partition("-")
    if dash and not tail.startswith(">"):
        raise SubscriptsError(
            f"subscripts {shown(subscripts)} have a '-' that does not start '->'; "
            f"write '->' (without a space) once, before the output's labels"
        )
    if ">" in head or "-" in tail or ">" in tail[1:]:
        raise SubscriptsError(
            f"subscripts {shown(subscripts)} have a '-' or '>' besides one '->'; "
            f"write '->' once, before the output's labels"
        )
    terms = head.split(",")
    if len(terms) != len(ndims):
        raise SubscriptsError(wrong_operand_count(subscripts, len(terms), len(ndims)))
    if len(terms) > _MAX_OPERANDS and not lenient:
        raise SubscriptsError(
            f"subscripts {shown(subscripts)} have {len(terms)} operands, but einsum takes at most "
            f"{_MAX_OPERANDS} at optimize=False; pass optimize=True or contract some of them first"
        )

    inputs = []
    letters = ""
    broadcast = 0
    for position, (term, ndim) in enumerate(zip(terms, ndims, strict=True)):
        before, ellipsis, after = _split_term(term, subscripts, f"term {position}")
        named = len(before) + len(after)
        if named != ndim and (named > ndim or not ellipsis):
            raise SubscriptsError(wrong_dimension_count(subscripts, position, term, named, ndim))
        inputs.append(before + _ellipsis_labels(ndim - named) + after)
        letters += before + after
        broadcast = max(broadcast, ndim - named)
    if broadcast + len(set(letters)) > _MAX_LABELS:
        raise SubscriptsError(
            f"subscripts {shown(subscripts)} have {len(set(letters))} distinct labels and {broadcast} "
            f"dimensions under '...', but einsum takes at most {_MAX_LABELS} together; use several calls"
        )

    if not dash:
        return tuple(inputs), _ellipsis_labels(broadcast) + _implicit_output(letters)
    return tuple(inputs), _parse_output(tail[1:], subscripts, letters, broadcast, lenient)


def _parse_output(output: str, subscripts: str, letters: str, broadcast: int, lenient: bool) -> str:
    if lenient and not broadcast:
        output = output.replace("...", "")  # NumPy's Python reader takes any number of empty ellipses here
    before, ellipsis, after = _split_term(output, subscripts, "the output")
    for label in before + after:
        if (before + after).count(label) > 1:
            raise SubscriptsError(
                f"subscripts {shown(subscripts)}: the output names label {label!r} more than once; "
                f"name it once (a diagonal cannot be written, only read)"
            )
        if label not in letters:
            raise SubscriptsError(
                f"subscripts {shown(subscripts)}: the output names label {label!r}, which no operand has; "
                f"use only labels of the operands"
            )
    if broadcast and not ellipsis and not lenient:
        raise SubscriptsError(
            f"subscripts {shown(subscripts)}: the operands' '...' stands for {broadcast} dimension(s), but "
            f"the output has no '...'; add it to the output, or pass optimize=True to sum over them"
        )
    return before + (_ellipsis_labels(broadcast) if ellipsis else "") + after


def _bad_character(subscripts: str, character: str) -> str:
    return (
        f"subscripts {shown(subscripts)} have the character {character!r}; labels are the letters a-z and A-Z"
    )


def _ellipsis_labels(count: int) -> str:
    return _ELLIPSIS[_MAX_LABELS - count :]


def _split_term(term: str, subscripts: str, where: str) -> tuple[str, str, str]:
    """The labels before the ellipsis, the ellipsis (or ''), and the labels after it."""
    before, ellipsis, after = (part.replace(" ", "") for part in term.partition("..."))
    labels = before + after
    if "." in labels:
        raise SubscriptsError(
            f"subscripts {shown(subscripts)}: {where} {shown(term)} has a '.' that is not part of one '...'; "
            f"write the ellipsis as three dots without spaces, at most once"
        )
    for label in labels:
        if not label.isalpha():
            raise SubscriptsError(_bad_character(subscripts, label))
    return before, ellipsis, after


def parse_sublists(args: tuple[Any, ...], *, lenient: bool = False) -> tuple[str, tuple[Any, ...]]:
    """Einsum's other form, ``einsum(a, [0, 1], b, [1, 2], [0, 2])``, as a subscripts string and the operands.

    Parameters
    ----------
    args : tuple
        Operands and sublists in turn; an odd last argument is the output's sublist.  A sublist holds integers
        from 0 to 51 and at most one Ellipsis.
    lenient : bool
        As NumPy with ``optimize=True``: negative integers count from 52, booleans are integers, and an
        output of None is no output.

    Returns
    -------
    subscripts : str
        With the integers written as letters, capitals first, so that the implicit output keeps their order.
    operands : tuple
        The operands as they came.

    Raises
    ------
    TypeError
        If a sublist is no sequence, or an entry neither an integer nor Ellipsis.
    ValueError
        If there is no operand, or an integer is outside 0 to 51 (`IndexError` where `lenient`).

    Examples
    --------
    >>> parse_sublists(("a", [0, ...], "b", [26], [..., 0]))
    ('A...,a->...A', ('a', 'b'))
    """
    if len(args) < 2:
        raise ValueError(
            "einsum takes a subscripts string and operands, or operands each followed by its list of "
            f"integers; {len(args)} positional argument(s) came"
        )
    pairs = len(args) // 2 * 2
    terms = [_sublist(args[i], f"the sublist of operand {i // 2}", lenient) for i in range(1, pairs, 2)]
    subscripts = ",".join(terms)
    if len(args) > pairs and not (lenient and args[-1] is None):
        subscripts += "->" + _sublist(args[-1], "the output's sublist", lenient)
    return subscripts, args[0:pairs:2]


def _sublist(sublist: Iterable[Any], where: str, lenient: bool) -> str:
    entries = None
    if not _is_operand(sublist):
        with suppress(TypeError):
            entries = list(sublist)
    if entries is None:
        raise TypeError(
            f"{where} is of type {type(sublist).__name__}, "
            f"expected a list or a tuple of integers and Ellipsis; subscripts go before the operands"
        )
    return "".join(
        ["..." if entry is Ellipsis else _sublist_letter(entry, where, lenient) for entry in entries]
    )


def _is_operand(sublist: Any) -> bool:
    """Whether an operand stands in the place of a sublist, which may be larger than memory as a list."""
    return isinstance(sublist, np.ndarray) and (
        sublist.ndim != 1 or sublist.size > _MAX_DIMS or sublist.dtype.kind not in "biuO"
    )


def _sublist_letter(entry: Any, where: str, lenient: bool) -> str:
    index = None
    if lenient or not isinstance(entry, (bool, np.bool)):
        # NumPy's C function says itself what is wrong with an entry, whatever that raised.
        with suppress(TypeError if lenient else Exception):
            index = operator.index(entry)
    if index is None:
        raise TypeError(
            f"{where} has an entry of type {type(entry).__name__}, expected integers from 0 to 51 or Ellipsis"
        )
    lowest = -len(_SUBLIST_LETTERS) if lenient else 0
    if not lowest <= index < len(_SUBLIST_LETTERS):
        kind = IndexError if lenient else ValueError
        raise kind(f"{where} has the entry {index}, expected integers from 0 to 51 or Ellipsis")
    return _SUBLIST_LETTERS[index]


def parse_axes(axes: Any, ndim_a: int, ndim_b: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Tensordot's `axes` as two tuples of non-negative axes.

    Parameters
    ----------
    axes : int or pair of int or sequences of int
        An integer n contracts the last n axes of a with the first n of b; n <= 0 is the outer product.
    ndim_a, ndim_b : int
        The numbers of dimensions of a and b.

    Raises
    ------
    ValueError
        For a duplicate axis, or numbers of axes that differ.
    IndexError
        For an axis outside its operand.
    TypeError
        For what is no integer.

    Examples
    --------
    >>> parse_axes(1, 3, 2)
    ((2,), (0,))
    >>> parse_axes(([0, -1], [1, 0]), 3, 2)
    ((0, 2), (1, 0))
    """
    try:
        pair = tuple(axes)
    except TypeError:
        return _last_and_first(axes, ndim_a, ndim_b)
    if len(pair) != 2:
        raise ValueError(f"axes has {len(pair)} entries, {_AXES_EXPECTED}")
    raw_a, raw_b = _axis_list(pair[0]), _axis_list(pair[1])
    # NumPy puts the axes in a set first: what cannot be hashed (a 0-d array) is a TypeError there and here.
    if len(set(raw_a)) != len(raw_a) or len(set(raw_b)) != len(raw_b):
        raise ValueError("axes names an axis twice, expected each axis of an operand at most once")
    if len(raw_a) != len(raw_b):
        raise ValueError(f"axes names {len(raw_a)} axes of a and {len(raw_b)} of b, expected as many of each")
    axes_a = tuple([_axis(axis, ndim_a, "a") for axis in raw_a])
    axes_b = tuple([_axis(axis, ndim_b, "b") for axis in raw_b])
    if len(set(axes_a)) != len(axes_a) or len(set(axes_b)) != len(axes_b):
        raise ValueError("axes names an axis twice, once counted from the end; name each axis at most once")
    return axes_a, axes_b


def _last_and_first(axes: Any, ndim_a: int, ndim_b: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    index = _integer(axes)
    if index is None:
        raise TypeError(f"axes is of type {type(axes).__name__}, {_AXES_EXPECTED}")
    count = max(0, index)
    if count > ndim_a or count > ndim_b:
        kind = IndexError if count <= sys.maxsize else OverflowError
        raise kind(
            f"axes={count} asks for {count} axes of each operand, but a has {ndim_a} dimensions and b "
            f"has {ndim_b}; pass an integer of at most {min(ndim_a, ndim_b)}"
        )
    return tuple(range(ndim_a - count, ndim_a)), tuple(range(count))


def _axis_list(axes: Any) -> list[Any]:
    try:
        len(axes)  # asked first, as NumPy does: a generator is then one (bad) axis, not a sequence
        return list(axes)
    except TypeError:
        return [axes]


def _integer(axis: Any) -> int | None:
    """The integer an axis is; None for what is none, or cannot be compared with 0, which NumPy does too."""
    try:
        return operator.index(axis) if (axis < 0 or axis >= 0) and not isinstance(axis, np.bool) else None
    except TypeError:
        return None


def _axis(axis: Any, ndim: int, name: str) -> int:
    index = _integer(axis)
    if index is None or isinstance(axis, bool):
        raise TypeError(f"axes has an entry of type {type(axis).__name__} for {name}, expected integers")
    if not -ndim <= index < ndim:
        raise IndexError(
            f"axes has axis {index} for {name}, which has {ndim} dimension(s); "
            f"expected -{ndim} <= axis < {ndim}"
        )
    return index % ndim


def check_tensordot_shapes(
    shape_a: tuple[int, ...], shape_b: tuple[int, ...], axes_a: tuple[int, ...], axes_b: tuple[int, ...]
) -> None:
    """Refuse contracted axes whose sizes differ; tensordot never broadcasts.

    Parameters
    ----------
    shape_a, shape_b : tuple of int
        The operands' shapes.
    axes_a, axes_b : tuple of int
        As `parse_axes` returns them.

    Raises
    ------
    ValueError
        Naming the first pair of axes that differ.

    Examples
    --------
    >>> check_tensordot_shapes((2, 3), (3, 4), (1,), (0,))
    """
    for axis_a, axis_b in zip(axes_a, axes_b, strict=True):
        if shape_a[axis_a] != shape_b[axis_b]:
            raise ValueError(
                f"axes pairs axis {axis_a} of a (size {shape_a[axis_a]}, shape {shape_a}) with axis {axis_b} "
                f"of b (size {shape_b[axis_b]}, shape {shape_b}); contracted axes need equal sizes"
            )
