"""Labels of axes: how messages name them, and their sizes.

A label is one character.  Dimensions under an ellipsis are labelled from ``FIRST_ELLIPSIS`` on, the last one
first.
"""

from __future__ import annotations

from collections.abc import Mapping

from .errors import DiagonalError, SizesError, mismatched_sizes

__all__ = ["ELLIPSES", "FIRST_ELLIPSIS", "check_sizes", "spell"]

FIRST_ELLIPSIS = 0x100
#: Dimensions that an ellipsis can stand for.
ELLIPSES = 64
_NO_NAMES: Mapping[str, str] = {}


def spell(label: str, names: Mapping[str, str] = _NO_NAMES) -> str:
    """A label as a message names it: by the caller's name, where that is another.

    >>> spell("i"), spell(chr(0x100)), spell("i", {"i": "('a', 1)"})
    ("label 'i'", "dimension -1 of the ellipsis '...'", "label ('a', 1)")
    """
    if label in names:
        return f"label {names[label]}"
    r = ord(label) - FIRST_ELLIPSIS
    return f"dimension {-1 - r} of the ellipsis '...'" if 0 <= r < ELLIPSES else f"label {label!r}"


def check_sizes(
    inputs: tuple[str, ...], shapes: tuple[tuple[int, ...], ...], names: Mapping[str, str] = _NO_NAMES
) -> dict[str, int]:
    """The size of every label.

    A size of 1 broadcasts against any other across operands, but not within one operand.

    Parameters
    ----------
    inputs : tuple of str
        As `parse_subscripts` returns them.
    shapes : tuple of tuple of int
        The shape of each operand, as long as its labels.
    names : mapping
        What the caller calls labels, where that is not what they are here.

    Returns
    -------
    dict of str to int
        In the order in which the labels first appear.

    Raises
    ------
    ValueError
        Where the sizes of one label do not agree.

    Examples
    --------
    >>> check_sizes(("ij", "jk"), ((2, 3), (1, 4)))
    {'i': 2, 'j': 3, 'k': 4}
    """
    sizes: dict[str, int] = {}
    for position, (labels, shape) in enumerate(zip(inputs, shapes, strict=True)):
        own = dict(zip(labels, shape, strict=True))
        if len(own) < len(labels):
            for label, size in zip(labels, shape, strict=True):
                if own[label] != size:
                    error = DiagonalError if 1 in (own[label], size) else SizesError
                    raise error(_disagreement(label, (labels,), (shape,), names, position))
        for label, size in own.items():
            known = sizes.setdefault(label, size)
            if known != size:
                if known == 1:
                    sizes[label] = size
                elif size != 1:
                    raise SizesError(_disagreement(label, inputs, shapes, names))
    return sizes


def _disagreement(
    label: str,
    inputs: tuple[str, ...],
    shapes: tuple[tuple[int, ...], ...],
    names: Mapping[str, str],
    first: int = 0,
) -> str:
    found = [
        (position, axis, size)
        for position, (labels, shape) in enumerate(zip(inputs, shapes, strict=True), first)
        for axis, (other, size) in enumerate(zip(labels, shape, strict=True))
        if other == label
    ]
    return mismatched_sizes(spell(label, names), found)
