"""The form that a library's arrays meet in: what they are brought to, and what results are in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..._base.facts import DENSE, Contraction, DType, Operand, Prepared
from ..._base.kinds import Bring, Form, Term
from ..._base.routes import Route
from .library import ArrayLibrary
from .routes import array_routes

__all__ = ["array_form", "bring_dense", "prepare_in"]


def array_form(
    library: ArrayLibrary,
    rank: int,
    *,
    routes: Sequence[Route] | None = None,
    meets: frozenset[str] = frozenset({DENSE}),
) -> Form:
    """The form of a library's dense arrays.

    Parameters
    ----------
    library : ArrayLibrary
    rank : int
        Above those of NumPy's and SciPy's operands, below those of structured ones.
    routes : sequence of Route, optional
        Instead of those that follow from the library.
    meets : frozenset of str
        Forms whose operands its routes are given as they are.
    """

    def result(
        terms: Sequence[Term], output: str, layout: str, sizes: Mapping[str, int], dtype: DType
    ) -> Operand:
        device = next((t.facts.device for t in terms if t.facts.form == library.name), None)
        return Operand(tuple(sizes[c] for c in output), dtype, (), library.name, device=device)

    return Form(
        library.name,
        rank,
        routes=array_routes(library) if routes is None else tuple(routes),
        holds=_holds,
        prepare=prepare_in(library.name),
        bring=lambda p, _dtype: bring_dense(library, p),
        result=result,
        sliceable=False,
        called=library.called,
        meets=meets,
        dtypes=library.dtypes,
        identity=lambda facts: library.identity(facts.shape, facts.dtype, facts.device),
        eager=False,
    )


def _holds(_inputs: Sequence[str], own: Sequence[bool], _output: str) -> bool:
    """Whatever an operand of the library takes part in is the library's."""
    return any(own)


def prepare_in(form: str) -> Callable[..., Prepared]:
    """How operands of a dense form are prepared: diagonals, broadcast axes, the cast."""

    def prepare(
        labels: str, operand: Operand, contraction: Contraction, dtype: DType, *, repeated: str, cast: bool
    ) -> Prepared:
        unique = "".join(dict.fromkeys(labels))
        shape = tuple(operand.shape[labels.index(c)] for c in unique)
        squeeze = tuple(i for i, c in enumerate(unique) if shape[i] != contraction.sizes[c])
        kept = "".join(c for i, c in enumerate(unique) if i not in squeeze)
        sizes = tuple(contraction.sizes[c] for c in kept)
        left = Operand(sizes, dtype, (), form, device=operand.device)
        diagonal = f"{labels}->{unique}" if unique != labels else None
        return Prepared(diagonal, squeeze, None if operand.dtype == dtype else dtype, kept, left)

    return prepare


def bring_dense(library: ArrayLibrary, p: Prepared) -> Bring | None:
    """What brings an array of the library to unique labels, consistent sizes and the common dtype."""
    if p.diagonal is None and not p.squeeze and p.cast is None:
        return None
    diagonal = _diagonal(library, p.diagonal) if p.diagonal else None
    cast, squeeze = p.cast, frozenset(p.squeeze)
    if diagonal is not None and not squeeze and cast is None:
        return diagonal

    def canonical(x: Any) -> Any:
        if diagonal is not None:
            x = diagonal(x)
        if squeeze:
            x = library.reshape(x, [n for i, n in enumerate(x.shape) if i not in squeeze])
        return x if cast is None else library.cast(x, cast)

    return canonical


def _diagonal(library: ArrayLibrary, spelled: str) -> Bring:
    """From an array to the diagonals of its repeated labels, ``"iij->ij"``, each label once."""
    named, _, unique = spelled.partition("->")
    pairs = []
    for c in unique:
        while named.count(c) > 1:
            first = named.index(c)
            second = named.index(c, first + 1)
            pairs.append((first, second))
            named = named[:first] + named[first + 1 : second] + named[second + 1 :] + c
    axes = [named.index(c) for c in unique]
    in_order, of_two, transpose = axes == sorted(axes), library.diagonal, library.transpose
    if in_order and len(pairs) == 1:
        ((one, other),) = pairs
        return lambda x: of_two(x, one, other)

    def diagonal(x: Any) -> Any:
        for first, second in pairs:
            x = of_two(x, first, second)
        return x if in_order else transpose(x, axes)

    return diagonal
