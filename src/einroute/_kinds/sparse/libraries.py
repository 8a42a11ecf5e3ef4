"""How the results of each library are made of what the core gives, without the checks of its constructors."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]

#: The module of each library whose operands the core does whole, by the name of the kind: imported where
#: such operands are.
_MODULES = {"scipy_sparse": "built", "pydata_sparse": "built_pydata"}


class _Rows(Protocol):
    def __call__(
        self,
        operands: Sequence[Any],
        data: Array,
        indptr: Array | None,
        line: int,
        rows: Array,
        columns: Array,
        height: int,
        width: int,
    ) -> Any: ...


@dataclass(frozen=True, slots=True)
class Library:
    """Makers of results.

    Attributes
    ----------
    number : callable
        Of a scalar.
    vector : callable
        ``(operands, places, sums, length)``, the places in order.
    rows : callable
        Of entries as `CORE.canonical_rows` takes them; None where the arrays changed meanwhile.
    product : callable
        ``(operands, indptr, indices, data, shape)``: of rows that are not sorted, each place once.
    """

    number: Callable[[Any], Any]
    vector: Callable[[Sequence[Any], Array, Array, int], Any]
    rows: _Rows
    product: Callable[[Sequence[Any], Array, Array, Array, tuple[int, int]], Any]


def library_of(names: Sequence[str]) -> Library | None:
    """The one that all operands of these kinds are of, dense ones aside; None where there are several."""
    found = {name for name in names if name in _MODULES}
    others = {name for name in names if name not in _MODULES} - {"dense"}
    if len(found) != 1 or others:
        return None
    (name,) = found
    library: Library = importlib.import_module(f".{_MODULES[name]}", __package__).LIBRARY
    return library
