"""What a demo problem is: its data, the ways to do it, and the loop that says what is right.

A problem is one file of this package and one entry in the tuple in ``__init__.py``. It is a frozen value made
of plain functions of its data, so that the runner alone decides what is timed, how often, and against what it
is checked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from einroute._explain.explanation import Explanation

Array = NDArray[Any]
D = TypeVar("D")


@dataclass(frozen=True)
class Size:
    """The dimensions of one run of a problem.

    Parameters
    ----------
    dims : mapping of str to int
        Dimensions by the name the problem knows them by.
    full : bool
        Run only where the largest sizes were asked for.
    """

    dims: Mapping[str, int]
    full: bool = False

    @property
    def label(self) -> str:
        """The dimensions as text, equal neighbours joined: ``N=M=600 D=20``."""
        groups: list[tuple[list[str], int]] = []
        for name, value in self.dims.items():
            if groups and groups[-1][1] == value:
                groups[-1][0].append(name)
            else:
                groups.append(([name], value))
        return " ".join(f"{'='.join(names)}={value}" for names, value in groups)

    def scaled(self, scale: float) -> Size:
        """The same size with each dimension multiplied by `scale`, but not below 2."""
        return replace(self, dims={name: max(2, round(value * scale)) for name, value in self.dims.items()})


@dataclass(frozen=True)
class Part:
    """Which part of the whole result a way computes.

    Parameters
    ----------
    index : object
        The way's result is to equal ``result[index]``.
    share : float
        The share of the whole work, in (0, 1]; the way's time is divided by it.
    note : str
        The part in words, for the table; empty for the whole.
    """

    index: Any = ...
    share: float = 1.0
    note: str = ""

    @classmethod
    def rows(cls, n: int, total: int, noun: str) -> Part:
        """The first `n` of `total` entries of the result's first axis; all where `n` reaches `total`."""
        return cls() if n >= total else cls(slice(0, n), n / total, f"the first {n:,} of {total:,} {noun}")


def whole(_data: object) -> Part:
    """The part computed by a way that computes everything."""
    return Part()


@dataclass(frozen=True)
class Way(Generic[D]):
    """One way to do a problem without einroute: as one writes it, the function, and the part it computes.

    `note` says what one must know to read its time.
    """

    text: str
    run: Callable[[D], Array]
    part: Callable[[D], Part] = whole
    note: str = ""


@dataclass(frozen=True)
class Problem(Generic[D]):
    """One problem of the demo.

    Parameters
    ----------
    name : str
        What ``--only`` takes.
    title : str
        One line: what the problem is.
    sizes : tuple of Size
        In the order they are run.
    build : callable
        ``build(dims, rng)`` makes the data, which no way may change.
    usual : tuple of Way
        What people do; the first is the usual way, the others are the better answers they were given.
    loop : Way
        The plain NumPy loop over the definition, the judge of the result.
    ours : callable
        The same through einroute's public functions alone.
    explain : callable
        ``einroute.explain`` of the call that `ours` makes.
    tolerance : callable
        The largest error allowed, relative to the largest entry of the loop's result; 0 asks for equality.
    """

    name: str
    title: str
    sizes: tuple[Size, ...]
    build: Callable[[Mapping[str, int], np.random.Generator], D]
    usual: tuple[Way[D], ...]
    loop: Way[D]
    ours: Callable[[D], Array]
    explain: Callable[[D], Explanation]
    tolerance: Callable[[D], float]


def rounding(terms: int, dtype: type[np.floating[Any]] = np.float64) -> float:
    """The error allowed to sums of `terms` products, relative to the largest sum.

    The bound is ``4 * terms * eps * sum(abs(products))``; for data of mixed signs the sum of the magnitudes
    is about ``sqrt(terms)`` times the largest of many sums, which is the last factor here.
    """
    return 4.0 * terms * float(np.finfo(dtype).eps) * max(1.0, float(np.sqrt(terms)))


def difference(got: object, want: object) -> float:
    """The largest difference of two arrays, relative to the largest entry of `want`.

    Parameters
    ----------
    got, want : array_like
        Of one shape and dtype; integers and booleans of equal value differ by exactly 0.

    Returns
    -------
    float
        ``inf`` where an entry of one is nan or infinite and the other's is not the same.

    Raises
    ------
    ValueError
        If shape or dtype differ.

    Examples
    --------
    >>> difference([1.0, 2.0], [1.0, 4.0])
    0.5
    """
    a, b = np.asarray(got), np.asarray(want)
    if a.shape != b.shape or a.dtype != b.dtype:
        raise ValueError(f"the result is {a.dtype}{a.shape}, but the loop's is {b.dtype}{b.shape}")
    # A block of rows at a time: a temporary of the whole would double the demo's memory at its largest sizes.
    rows = max(1, (1 << 20) * len(a) // a.size) if a.ndim and a.size else 1
    blocks = [(a[i : i + rows], b[i : i + rows]) for i in range(0, len(a), rows)] if a.ndim else [(a, b)]
    error = scale = 0.0
    for x, y in blocks:
        if not np.array_equal(x, y):
            wide = np.complex128 if a.dtype.kind == "c" else np.float64
            with np.errstate(invalid="ignore"):
                same = (x == y) | (np.isnan(x) & np.isnan(y))  # infinities and nans of both are no difference
                worst = float(np.max(np.abs(np.where(same, 0, np.subtract(x, y, dtype=wide)))))
            error = max(error, worst if isfinite(worst) else inf)
        magnitudes = np.abs(y.astype(np.float64) if y.dtype.kind in "biu" else y)
        scale = max(scale, float(np.max(magnitudes, initial=0.0, where=np.isfinite(magnitudes))))
    return error / scale if scale else error
