"""Contractions done in parts along a label: operands cut, and results put together."""

from __future__ import annotations

from cmath import isfinite
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..._base.facts import Step
from ..._native.finite import finite

Array = np.ndarray[Any, Any]


def piece(x: Any, labels: str, label: str, cut: slice, skip: int = -1) -> Any:
    """An array cut on all its axes under a label that are not of length 1, but for axis ``skip``."""
    if label not in labels:
        return x
    index = (
        cut if c == label and axis != skip and x.shape[axis] > 1 else slice(None)
        for axis, c in enumerate(labels)
    )
    return x[tuple(index)]


def piece_shape(shape: tuple[int, ...], labels: str, label: str, length: int) -> tuple[int, ...]:
    """The shape of such a piece."""
    return tuple(length if c == label and n > 1 else n for c, n in zip(labels, shape, strict=True))


def joined(step: Step, label: str, parts: Iterable[tuple[slice, Any]]) -> Array:
    """Results of parts put side by side along a label of the output, or added up."""
    shape = tuple(step.sizes[c] for c in step.output)
    if label in step.output:
        head = (slice(None),) * step.output.index(label)
        result = np.empty(shape, step.dtype)
        for cut, part in parts:
            result[(*head, cut)] = part
        return result
    add = np.logical_or if step.dtype.kind == "b" else np.add
    result = np.zeros(shape, step.dtype)
    for _, part in parts:
        add(result, part, out=result)
    return result


def repeated(x: Array, times: int) -> Array:
    """A view that shows an array so many times, along an axis before its own."""
    return np.ndarray((times, *x.shape), x.dtype, x, 0, (0, *x.strides))


def for_all(step: Step, label: str, labels: str) -> Callable[[Any], Array | None]:
    """Puts what is the same for all rollings beside each other, or adds it up, as a new array.

    Parameters
    ----------
    label : str
        Of the rollings; in the output unless they are added up.
    labels : str
        Of the array that is given.

    Returns
    -------
    callable
        Gives None where a number is not finite.
    """
    dtype, beside, times = step.dtype, label in step.output, step.sizes[label]
    found = label + labels if beside else labels
    order = None if found == step.output else [found.index(c) for c in step.output]
    shape = (*((times,) if beside else ()), *(step.sizes[c] for c in labels))
    # As bools all are one.
    factor = np.array(1 if beside or dtype.kind == "b" else times).astype(dtype)
    checked = dtype.kind in "fc"

    def together(made: Any) -> Array | None:
        result = np.empty(shape, dtype)
        if beside:
            result[...] = made
        else:
            np.multiply(made, factor, out=result)
            made = result
        if checked and not (finite(made) if labels else isfinite(made)):
            return None
        return result if order is None else result.transpose(order)

    return together


def of_its_own(result: Any, made: Array) -> Any:
    """A result that is no view of what it was made of."""
    return np.array(result) if np.may_share_memory(result, made) else result
