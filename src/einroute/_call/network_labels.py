"""Subscripts and sublists of tensor networks, as opt_einsum reads them: any letters, any number of them.

Here a label is one character, and characters have meanings: some stand for dimensions under an ellipsis, some
for labels that plans give themselves.  A caller's label that is one of these becomes another character, and
``names`` remembers what messages are to call it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, count
from typing import Any

from .._base.errors import SubscriptsError, shown, wrong_dimension_count, wrong_operand_count
from .._base.labels import ELLIPSES, FIRST_ELLIPSIS
from .._base.records import dataclass

__all__ = ["Network", "network_of", "sublists_as_text"]

Shape = tuple[int, ...]

_ELLIPSIS = "".join(chr(FIRST_ELLIPSIS + r) for r in reversed(range(ELLIPSES)))
#: Characters that a caller's label must not be: of ellipses and of numbered axes, and a plan's own.
_TAKEN = ((FIRST_ELLIPSIS, FIRST_ELLIPSIS + 0x80), (0xE000, 0xF900))
#: From here on labels are written that would be one of these.
_FRESH = 0x20000
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SURROGATES = 0xD800


@dataclass(frozen=True, slots=True)
class Network:
    """What the subscripts of a network say.

    Attributes
    ----------
    inputs : tuple of str
        One string of labels an operand, as long as it has dimensions.
    output : str
    names : mapping
        What the caller calls labels that are another character here.
    """

    inputs: tuple[str, ...]
    output: str
    names: Mapping[str, str]


def network_of(text: str, shapes: Sequence[Shape], names: Mapping[str, str] | None = None) -> Network:
    """The labels of every operand and of the result.

    Parameters
    ----------
    text : str
        Subscripts; any character but ``,``, ``-``, ``>``, ``.`` and a space is a label.
    shapes : sequence of tuple of int
    names : mapping, optional
        What messages call labels of the text.

    Raises
    ------
    SubscriptsError
        Where opt_einsum raises ValueError.

    Examples
    --------
    >>> network_of("i...j,jk", ((2, 3, 4), (4, 5)))
    Network(inputs=('iĀj', 'jk'), output='Āik', names={})
    """
    text = text.replace(" ", "")
    head, arrow, output = text.partition("->")
    if any(c in head or c in output for c in "->"):
        raise SubscriptsError(
            f"subscripts {shown(text)} have a '-' or '>' besides one '->'; "
            f"write '->' once, before the output's labels"
        )
    terms = tuple(head.split(","))
    if len(terms) != len(shapes):
        raise SubscriptsError(wrong_operand_count(text, len(terms), len(shapes)))
    own = {} if text.isascii() else _renamed(set(text))
    known = dict(names or {})
    if own:
        known = {own.get(ord(c), c): name for c, name in known.items()}
        known |= {new: known.get(new, repr(chr(old))) for old, new in own.items()}
        terms = tuple(term.translate(own) for term in terms)
        output = output.translate(own)
    inputs, longest = _spelled_out(text, terms, shapes)
    if not arrow:
        return Network(
            inputs, _implicit_output(inputs, longest, {new: old for old, new in own.items()}), known
        )
    output = output.replace("...", _dimensions(longest))
    _check_output(text, output, set("".join(inputs)), known)
    return Network(inputs, output, known)


def _renamed(characters: set[str]) -> dict[int, str]:
    """Other characters for labels that would be taken for something else."""
    clashing = [c for c in characters if any(low <= ord(c) < high for low, high in _TAKEN)]
    fresh = (c for c in map(chr, count(_FRESH)) if c not in characters)
    return {ord(c): next(fresh) for c in sorted(clashing)}


def _dimensions(number: int) -> str:
    """Labels of so many dimensions under an ellipsis."""
    return _ELLIPSIS[ELLIPSES - number :]


def _spelled_out(text: str, terms: tuple[str, ...], shapes: Sequence[Shape]) -> tuple[tuple[str, ...], int]:
    """Terms with labels in the place of each ellipsis, and how many dimensions the longest stands for."""
    ndims = tuple(map(len, shapes))
    if "." not in text and tuple(map(len, terms)) == ndims:
        return terms, 0
    inputs, longest = [], 0
    for position, (term, ndim) in enumerate(zip(terms, ndims, strict=True)):
        before, ellipsis, after = term.partition("...")
        if "." in before or "." in after:
            raise SubscriptsError(
                f"subscripts {shown(text)}: term {position} {shown(term)} has a '.' that is not part of one "
                f"'...'; write the ellipsis as three dots, at most once"
            )
        under = ndim - len(before) - len(after)
        if under and (under < 0 or not ellipsis):
            named = len(before) + len(after)
            raise SubscriptsError(wrong_dimension_count(text, position, term, named, ndim))
        longest = max(longest, under)
        inputs.append(before + (_dimensions(under) if ellipsis else "") + after)
    return tuple(inputs), longest


def _implicit_output(inputs: tuple[str, ...], longest: int, written: Mapping[str, int]) -> str:
    """The dimensions under ellipses, then every label that occurs once, in the order of its character."""
    dimensions = _dimensions(longest)
    once = [c for c, n in Counter(chain.from_iterable(inputs)).items() if n == 1 and c not in dimensions]
    return dimensions + "".join(sorted(once, key=lambda c: written.get(c, ord(c))))


def _check_output(text: str, output: str, labels: set[str], names: Mapping[str, str]) -> None:
    """Raise where the output names a label twice, or one that no operand has."""
    named = set(output)
    if len(named) != len(output):
        twice = next(c for c in output if output.count(c) > 1)
        raise SubscriptsError(
            f"subscripts {shown(text)}: the output names label {names.get(twice, repr(twice))} more than "
            f"once; name it once"
        )
    missing = sorted(named - labels)
    if missing:
        raise SubscriptsError(
            f"subscripts {shown(text)}: the output names label {names.get(missing[0], repr(missing[0]))}, "
            f"which no operand has; use only labels of the operands"
        )


def sublists_as_text(args: Sequence[Any]) -> tuple[str, tuple[Any, ...], dict[str, str]]:
    """opt_einsum's other form, ``contract(a, ["i", "j"], b, ["j", "k"], ["i", "k"])``.

    Returns
    -------
    text : str
        Subscripts.
    operands : tuple
    names : dict
        What the caller's labels are in the text.

    Raises
    ------
    TypeError
        A sublist that is no sequence, or labels that cannot be hashed; without an output also labels that
        cannot be sorted, by which its order would be told.
    """
    pairs = len(args) // 2 * 2
    sublists = [_sublist(args[i], f"the sublist of operand {i // 2}") for i in range(1, pairs, 2)]
    output = _sublist(args[-1], "the output's sublist") if len(args) > pairs else None
    try:
        labels = dict.fromkeys(chain.from_iterable(sublists))
    except TypeError as error:
        raise TypeError(
            f"a sublist has an entry that cannot be a label, since it has no hash: {error}"
        ) from None
    labels.pop(Ellipsis, None)
    try:
        ordered: Iterable[Any] = sorted(labels)
    except TypeError as error:
        if output is None:
            raise TypeError(
                f"labels of the sublists cannot be sorted ({error}), by which the order of the output would "
                f"be told; pass the output's sublist last"
            ) from None
        ordered = labels
    symbols = {label: _symbol(i) for i, label in enumerate(ordered)}
    names = {symbol: shown(label) for label, symbol in symbols.items()}
    symbols[Ellipsis] = "..."
    text = ",".join(["".join([symbols[x] for x in labels]) for labels in sublists])
    if output is not None:
        unknown = [x for x in output if x not in symbols]
        if unknown:
            raise SubscriptsError(
                f"the output's sublist has the label {shown(unknown[0])}, which no operand has; "
                f"use only labels of the operands"
            )
        text += "->" + "".join([symbols[x] for x in output])
    return text, tuple(args[0:pairs:2]), names


def _sublist(sublist: Any, where: str) -> list[Any]:
    """The labels of one operand."""
    if not isinstance(sublist, str) and not hasattr(sublist, "ndim"):
        try:
            return list(sublist)
        except TypeError:
            pass
    elif isinstance(sublist, str) or sublist.ndim == 1:
        return list(sublist) if isinstance(sublist, str) else sublist.tolist()
    raise TypeError(
        f"{where} is of type {type(sublist).__name__}, expected a list or a tuple of labels and Ellipsis; "
        f"subscripts go before the operands"
    )


def _symbol(number: int) -> str:
    """The letter of a label's number, as opt_einsum counts: so implicit outputs are in its order."""
    if number < len(_LETTERS):
        return _LETTERS[number]
    return chr(number + 140 if number + 140 < _SURROGATES else number + 140 + 2048)
