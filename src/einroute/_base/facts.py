"""Frozen facts about a call: what the planner and the routes may know of it.

Nothing here holds an array.  Planning and deciding read facts only, so that both can be cached, and
explained for operands that do not exist yet.  This module imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from math import prod
from typing import Any

import numpy as np

from .records import dataclass

DType = np.dtype[Any]

#: The form of NumPy's arrays, which every other form knows.
DENSE = "dense"
#: Bytes of a line of a cache.
LINE = 64


@dataclass(frozen=True, slots=True)
class Operand:
    """Shape, dtype and layout of one operand.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
        With its byte order.
    strides : tuple of int
        In bytes.  An operand that overlaps itself or is broadcast shows it here.  Empty where the form of the
        operand has none.
    form : str
        The name of the form that the operand is in.
    nnz : int or None
        Entries that a sparse operand holds, about; None for a dense one.
    structure : object
        What a structured operand's kind adds; hashable.  Such an operand has no strides.
    alias : int or None
        Position of the first operand of the call that is this structured operand too.
    device : object
        Where the elements are, of libraries that have several places; hashable.
    compressed : int
        The axis along which a sparse operand keeps pointers to its entries; -1: none, or it is not known.
    compared : int
        Indices and pointers of a sparse operand that are compared before its entries are read, about.
    diagonals : bool
        Whether a sparse operand keeps whole diagonals, and no indices.
    """

    shape: tuple[int, ...]
    dtype: DType
    strides: tuple[int, ...]
    form: str = DENSE
    nnz: int | None = None
    structure: Any = None
    alias: int | None = None
    device: Any = None
    compressed: int = -1
    compared: int = 0
    diagonals: bool = False

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        if self.nnz is not None:
            return self.nnz * (self.dtype.itemsize + 8 * len(self.shape))
        return self.size * self.dtype.itemsize

    @property
    def span(self) -> int:
        """Bytes from the first to the last element that the operand can touch."""
        if self.nnz is not None or len(self.strides) != len(self.shape):
            return self.nbytes  # how it lies is not known
        if 0 in self.shape:
            return 0
        reach = sum((n - 1) * abs(s) for n, s in zip(self.shape, self.strides, strict=True))
        return reach + self.dtype.itemsize

    @property
    def lines(self) -> int:
        """Bytes of the lines of a cache that the operand lies in."""
        least = min((abs(s) for n, s in zip(self.shape, self.strides, strict=False) if n > 1), default=0)
        item = self.dtype.itemsize
        if self.nnz is not None or least <= item:
            return min(self.nbytes, self.span)
        return min(self.size * min(least, max(LINE, item)), self.span)


def c_strides(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Strides in bytes of a C-ordered array of this shape."""
    strides: list[int] = []
    step = itemsize
    for n in reversed(shape):
        strides.append(step)
        step *= max(n, 1)
    return tuple(reversed(strides))


@dataclass(frozen=True, slots=True)
class Contraction:
    """What a call means: one string of labels per operand, the output's labels, each label's size.

    A label may repeat within an operand (a diagonal); an axis of size 1 under a label that is longer
    elsewhere is broadcast.  ``dropped`` names labels of size 1 that are summed and may be left out;
    ``factors`` tells whether sums may be taken out of products (tensordot's are dot's).
    """

    inputs: tuple[str, ...]
    output: str
    sizes: Mapping[str, int]
    dropped: str = ""
    factors: bool = True

    @property
    def subscripts(self) -> str:
        return ",".join(self.inputs) + "->" + self.output

    @property
    def iterations(self) -> int:
        """Size of the whole iteration space: the products that the plain definition forms."""
        return prod(self.sizes.values())


@dataclass(frozen=True, slots=True)
class Prepared:
    """How one operand is brought to unique labels, consistent sizes and the common dtype.

    Attributes
    ----------
    diagonal : str or None
        Subscripts of the view that takes its diagonals.
    squeeze : tuple of int
        Axes of that view that are dropped: of length 1 and broadcast or summed, or of stride 0.
    cast : dtype or None
    labels : str
        What is left.
    facts : Operand
        Facts of what is left.
    """

    diagonal: str | None
    squeeze: tuple[int, ...]
    cast: DType | None
    labels: str
    facts: Operand


@dataclass(frozen=True, slots=True)
class Step:
    """One contraction of one or more operands, as the routes see it.

    Labels are unique within an operand, sizes agree (diagonals are taken and broadcast axes dropped
    beforehand), and every operand already has the dtype ``dtype``.

    Attributes
    ----------
    inputs, output : labels
    sizes : size of each label
    operands : facts of each operand, in the order of ``inputs``
    dtype : the dtype that is computed in
    order : {"K", "C", "F"}
        The layout the result must have; "K" leaves it to the route.
    threads : int
        How many threads a route may count on.
    last : bool
        The result is the call's, not an intermediate.
    form : str
        The name of the form that the result is wanted in.
    told : tuple of (str, value)
        What the form's routes are told beside: options in force, keywords of its own.
    path : tuple of tuple of int, or None
        The order in which the operands of a network are to be contracted, as in opt_einsum's paths.
    """

    inputs: tuple[str, ...]
    output: str
    sizes: Mapping[str, int]
    operands: tuple[Operand, ...]
    dtype: DType
    order: str = "K"
    threads: int = 1
    last: bool = True
    form: str = DENSE
    told: tuple[tuple[str, Any], ...] = ()
    path: tuple[tuple[int, ...], ...] | None = None

    @property
    def subscripts(self) -> str:
        return ",".join(self.inputs) + "->" + self.output

    def extent(self, labels: str) -> int:
        """Product of the labels' sizes."""
        return prod(self.sizes[c] for c in labels)

    @property
    def iterations(self) -> int:
        return self.extent("".join(set("".join(self.inputs))))

    @property
    def out_bytes(self) -> int:
        return self.extent(self.output) * self.dtype.itemsize

    @property
    def in_bytes(self) -> int:
        """Bytes of memory behind the operands."""
        return sum(min(op.nbytes, op.span) for op in self.operands)

    @property
    def read_bytes(self) -> int:
        """Bytes that reading each operand once moves: whole lines of the cache, also for single elements."""
        return sum(op.lines for op in self.operands)


@dataclass(frozen=True, slots=True)
class Options:
    """How a plan's result is handed over.

    Attributes
    ----------
    quiet : bool
        No floating-point warning and deaf to ``np.errstate``, as einsum is; dot and tensordot are not.
    scalar : bool
        A 0-d result is returned as a scalar.
    out : bool
        It is put into an array given with each call.
    stepwise : bool
        What its steps make is its result, as opt_einsum has it: they warn as they do, are done in any order
        that is asked for, and are not repeated in NumPy's.
    typed : bool
        The caller named the dtype, which a result of weak type would not be of.
    """

    quiet: bool = True
    scalar: bool = True
    out: bool = False
    stepwise: bool = False
    typed: bool = False


@dataclass(frozen=True, slots=True)
class Classes:
    """The labels of a pair, sorted by where they occur."""

    batch: str = field(default="")
    contracted: str = field(default="")
    left: str = field(default="")
    right: str = field(default="")


def classify(step: Step) -> Classes:
    """Sort a pair's labels into batch, contracted and the free labels of either side."""
    a, b = step.inputs
    out = set(step.output)
    both = set(a) & set(b)
    return Classes(
        batch="".join(c for c in step.output if c in both),
        contracted="".join(c for c in a if c in both and c not in out),
        left="".join(c for c in a if c not in both and c in out),
        right="".join(c for c in b if c not in both and c in out),
    )
