"""What a call of operands that are no arrays means: an einsum of the arrays that they stand for.

Every such operand is drawn together with what it stands for, made by plain NumPy.  What einroute makes of the
operands must be what NumPy makes of those arrays: value, dtype, shape, and the kind that the documented rule
gives to the labels, where a structured operand counts as dense.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sparse

#: Arrays that sparse operands of SciPy's and pydata's formats are made of.
_PARTS = ("data", "indices", "indptr", "offsets", "coords")


@dataclass(frozen=True)
class Drawn:
    """An operand, and how the array that it stands for is made of what its bases hold at that time."""

    kind: str
    labels: str
    operand: Any
    written: Callable[[], np.ndarray]
    size: Callable[[], np.ndarray]
    bases: tuple[np.ndarray, ...]


def dense(labels: str, x: np.ndarray) -> Drawn:
    """An array as an operand."""
    return Drawn("dense", labels, x, lambda: x, lambda: np.abs(x), (x,) if isinstance(x, np.ndarray) else ())


def of_entries(labels: str, operand: Any, x: np.ndarray) -> Drawn:
    """A sparse operand that stands for ``x``."""
    return Drawn("sparse", labels, operand, lambda: x, lambda: np.abs(x), _parts(operand))


def _parts(operand: Any) -> tuple[np.ndarray, ...]:
    found = [getattr(operand, name, None) for name in _PARTS]
    arrays = [y for x in found for y in (x if isinstance(x, tuple) else (x,))]
    return tuple(y for y in arrays if isinstance(y, np.ndarray) and not y.dtype.hasobject)


@dataclass(frozen=True)
class Meaning:
    """The operands and their labels, and the labels of the result."""

    drawn: tuple[Drawn, ...]
    output: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """Labels of the operands."""
        return tuple(x.labels for x in self.drawn)

    @property
    def operands(self) -> tuple[Any, ...]:
        """The operands as they are passed."""
        return tuple(x.operand for x in self.drawn)

    @property
    def bases(self) -> tuple[np.ndarray, ...]:
        """The arrays that operands hold or refer to."""
        return tuple(base for x in self.drawn for base in x.bases)

    @property
    def subscripts(self) -> str:
        """As einsum takes them."""
        return ",".join(self.inputs) + "->" + self.output

    @property
    def pydata(self) -> bool:
        """Whether a sparse result is pydata's: some operand is."""
        return any(isinstance(x, sparse.SparseArray) for x in self.operands)

    @property
    def any_sparse(self) -> bool:
        """Whether some operand is sparse."""
        return any(x.kind == "sparse" for x in self.drawn)

    def label_sizes(self) -> dict[str, int]:
        """The size of every label."""
        whole: dict[str, int] = {}
        for x in self.drawn:
            for c, n in zip(x.labels, x.operand.shape, strict=True):
                whole[c] = n if whole.get(c, 1) == 1 else whole[c]
        return whole

    def shape(self) -> tuple[int, ...]:
        """The shape of the result."""
        whole = self.label_sizes()
        return tuple(whole[c] for c in self.output)

    def wants_sparse(self) -> bool:
        """Whether the rule makes the result sparse; axes of length 1 that broadcast do not count."""
        whole = self.label_sizes()
        of_sparse, of_dense = set(), set()
        any_dense = False
        for x in self.drawn:
            real = {c for c, n in zip(x.labels, x.operand.shape, strict=True) if n == whole[c]}
            if x.kind == "sparse":
                of_sparse |= real
            else:
                any_dense = any_dense or bool(x.labels)
                of_dense |= real
        if not self.any_sparse:
            return False
        if not any_dense:
            return True
        return of_sparse & of_dense <= set(self.output) and set(self.output) <= of_sparse

    def dtype(self, options: dict[str, Any]) -> np.dtype:
        """The dtype of the result."""
        if "casting" in options:
            return np.dtype(options["dtype"])
        given = [options[name] for name in ("dtype", "out") if name in options]
        return np.result_type(*(x.written() for x in self.drawn), *given).newbyteorder("=")
