"""The kind of a library's arrays, and the kinds as which NumPy's arrays take part beside them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np

from ..._base.facts import Operand
from ..._base.kinds import Form, Kind, handed_on, nothing_wrong
from .library import ArrayLibrary

__all__ = ["array_kind"]


def array_kind(
    library: ArrayLibrary,
    form: Form,
    recognises: Callable[[type], bool],
    signature: Callable[[Any], Hashable],
    *,
    unfit: Callable[[Any], str] = nothing_wrong,
    joined: Callable[[Kind, Hashable], Kind | None] | None = None,
    solvers: str = "",
) -> Kind:
    """The kind of a library's dense arrays.

    Parameters
    ----------
    library : ArrayLibrary
    form : Form
        Of its dense arrays.
    recognises : callable
        Whether a class is one of its arrays.
    signature : callable
        What a plan depends on: shape, dtype, device; None of tracers whose sizes are not known.
    unfit : callable
        Why an array cannot take part.
    joined : callable, optional
        As what operands take part that are no dense arrays, sparse ones of SciPy's say; asked first.
    solvers : str
        As of `Kind`.
    """

    def facts(x: Any) -> Operand:
        return Operand(tuple(x.shape), library.dtypes.of(x), (), form.name, device=library.device_of(x))

    @lru_cache(maxsize=64)
    def join(kind: Kind, device: Hashable) -> Kind | None:
        found = None if joined is None else joined(kind, device)
        if found is not None:
            return found
        return _joining(library, form, kind, device) if kind.form.rank == 0 else None

    return Kind(
        library.name,
        form,
        recognises,
        facts,
        signature,
        precedence=5,  # whose solvers answer beside sparse operands
        make=handed_on,
        dispatched=False,
        library=library.name,
        device=library.device_of,
        unfit=unfit,
        joined=join,
        solvers=solvers,
    )


def _joining(library: ArrayLibrary, form: Form, kind: Kind, device: Hashable) -> Kind:
    """The kind as which NumPy's arrays, and what stands for such, take part in a library's contractions."""

    def facts(x: Any) -> Operand:
        return Operand(tuple(x.shape), library.dtypes.of(x), (), form.name, device=device)

    def adopt(x: Any) -> Any:
        return library.from_numpy(np.asarray(x) if isinstance(x, np.ndarray | np.generic) else x, device)

    return replace(kind, form=form, facts=facts, adopt=adopt, make=handed_on)
