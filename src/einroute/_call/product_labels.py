"""Products of two operands as labels: of both operands and of the result, from their shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

__all__ = ["CONJUGATED", "CORES", "PAIRS", "Labels", "core_labels", "numbered"]

Shape = tuple[int, ...]
Labels = tuple[str, str, str]
"""Of both operands and of the result."""

#: Products that conjugate their first operand.
CONJUGATED = frozenset({"vdot", "vecdot", "vecmat"})
#: Labels of the axes that each generalized ufunc works on, of both operands and of the result; the axes
#: before them broadcast.
CORES: Mapping[str, Labels] = {
    "matmul": ("mk", "kn", "mn"),
    "vecdot": ("k", "k", ""),
    "matvec": ("mk", "k", "m"),
    "vecmat": ("k", "kn", "n"),
}


def numbered(count: int, first: int = 0) -> str:
    """So many labels of their own, from some number on."""
    return "".join(chr(0x100 + first + i) for i in range(count))


def _dot(a: Shape, b: Shape) -> Labels:
    """The last axis of ``a`` with the last but one of ``b``, its only one if it has one; or scaling."""
    of_a = numbered(len(a))
    if not a or not b:
        of_b = numbered(len(b), len(a))
        return of_a, of_b, of_a + of_b
    axis = max(0, len(b) - 2)
    _check_contracted(a, len(a) - 1, b, axis)
    of_b = numbered(len(b), len(a))
    of_b = of_b[:axis] + of_a[-1] + of_b[axis + 1 :]
    return of_a, of_b, of_a[:-1] + of_b[:axis] + of_b[axis + 1 :]


def _inner(a: Shape, b: Shape) -> Labels:
    """The last axes of both; or scaling."""
    of_a = numbered(len(a))
    if not a or not b:
        of_b = numbered(len(b), len(a))
        return of_a, of_b, of_a + of_b
    _check_contracted(a, len(a) - 1, b, len(b) - 1)
    of_b = numbered(len(b) - 1, len(a))
    return of_a, of_b + of_a[-1], of_a[:-1] + of_b


def _outer(a: Shape, b: Shape) -> Labels:
    """Every element with every other: of vectors, since NumPy flattens what has more dimensions."""
    of_a, of_b = numbered(len(a)), numbered(len(b), len(a))
    return of_a, of_b, of_a + of_b


def _vdot(a: Shape, b: Shape) -> Labels:
    """All of both, as they lie in C order."""
    if a != b:
        raise ValueError(
            f"vdot: operand 0 has shape {a} and operand 1 has shape {b}, which are multiplied element by "
            f"element beside operands that are no arrays; reshape one of them"
        )
    labels = numbered(len(a))
    return labels, labels, ""


PAIRS: Mapping[str, Callable[[Shape, Shape], Labels]] = {
    "dot": _dot,
    "inner": _inner,
    "outer": _outer,
    "vdot": _vdot,
}


def core_labels(name: str, a: Shape, b: Shape, axes: Sequence[Sequence[int]] | None = None) -> Labels:
    """Labels of a generalized ufunc: its core axes, and the others broadcast from the right.

    Parameters
    ----------
    name : str
        One of `CORES`.
    a, b : tuple of int
        The operands' shapes.
    axes : sequence of sequences of int, optional
        Which axes of each operand, and of the result, the core axes are; default, the last.

    Raises
    ------
    ValueError
        Too few dimensions, or sizes that do not fit.
    """
    cores = list(CORES[name])
    if name == "matmul":  # a vector is a matrix of one row or column, which the result lacks
        if len(a) == 1:
            cores[0], cores[2] = "k", cores[2].replace("m", "")
        if len(b) == 1:
            cores[1], cores[2] = "k", cores[2].replace("n", "")
    for i, (shape, core) in enumerate(zip((a, b), cores, strict=False)):
        least = 1 if name == "matmul" else len(core)
        if len(shape) < least:
            mend = "; use * to scale" if not shape else ""
            raise ValueError(
                f"{name}: operand {i} has {len(shape) or 'no'} dimensions, expected {least} or more{mend}"
            )
    ndim = max(len(a) - len(cores[0]), len(b) - len(cores[1]))
    batch = numbered(ndim, 3)
    letters = dict(zip("mkn", numbered(3), strict=True))
    places = _places(name, (len(a), len(b), ndim + len(cores[2])), cores, axes)
    named = [
        _named(core, where, batch, length, letters)
        for core, where, length in zip(cores, places, (len(a), len(b), ndim + len(cores[2])), strict=True)
    ]
    _check_sizes(name, (a, b), (named[0], named[1]), batch)
    return named[0], named[1], named[2]


def _places(
    name: str, lengths: tuple[int, int, int], cores: Sequence[str], axes: Sequence[Sequence[int]] | None
) -> list[list[int]]:
    """Which axes the core ones are, of both operands and of the result."""
    if axes is None:
        return [list(range(n - len(core), n)) for n, core in zip(lengths, cores, strict=True)]
    given: list[Any] = list(axes)
    if len(given) == 2 and not cores[2]:
        given.append(())
    if len(given) != 3:
        raise ValueError(f"{name}: axes has {len(given)} items, expected one for each operand and the result")
    places = []
    for i, (own, core, length) in enumerate(zip(given, cores, lengths, strict=True)):
        listed: list[Any] = [own] if isinstance(own, (int, np.integer)) else list(own)
        if len(listed) != len(core):
            raise ValueError(f"{name}: axes item {i} names {len(listed)} axes, expected {len(core)}")
        found = [normalize_axis_index(axis, length) for axis in listed]
        if len(set(found)) != len(found):
            raise ValueError(f"{name}: axes item {i} names an axis twice")
        places.append(found)
    return places


def _named(core: str, places: Sequence[int], batch: str, length: int, letters: Mapping[str, str]) -> str:
    """Labels of one operand: core ones at their places, the batch aligned from the right in the others."""
    own = batch[len(batch) - (length - len(core)) :]
    names = dict(zip(places, (letters[c] for c in core), strict=True))
    rest = iter(own)
    return "".join(names[i] if i in names else next(rest) for i in range(length))


def _check_sizes(name: str, shapes: tuple[Shape, Shape], labels: tuple[str, str], batch: str) -> None:
    """Core axes agree exactly, the others broadcast."""
    a, b = (dict(zip(own, shape, strict=True)) for own, shape in zip(labels, shapes, strict=True))
    for c in a.keys() & b.keys():
        if a[c] == b[c] or (c in batch and 1 in (a[c], b[c])):
            continue
        how = "broadcast against each other" if c in batch else "are contracted"
        raise ValueError(
            f"{name}: operand 0 has shape {shapes[0]} and operand 1 has shape {shapes[1]}, whose axes "
            f"{labels[0].index(c)} and {labels[1].index(c)} {how} and have sizes {a[c]} and {b[c]}; "
            f"transpose or reshape one of them"
        )


def _check_contracted(a: tuple[int, ...], axis_a: int, b: tuple[int, ...], axis_b: int) -> None:
    if a[axis_a] != b[axis_b]:
        raise ValueError(
            f"operand 0 has shape {a} and operand 1 has shape {b}, whose axes {axis_a} and {axis_b} are "
            f"contracted and have sizes {a[axis_a]} and {b[axis_b]}; transpose or reshape one of them"
        )
