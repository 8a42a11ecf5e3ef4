"""The path that a contraction takes, with opt_einsum's report about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._plan.searches import AUTO
from .contracting import asked, path_for
from .opt_einsums import own

__all__ = ["path_and_report"]


def path_and_report(
    args: Sequence[Any],
    use_blas: bool,
    optimize: Any,
    memory_limit: Any,
    shapes: bool,
    kwargs: Mapping[str, Any],
) -> Any:
    """opt_einsum's answer, along the path that `contract` would take.

    Raises
    ------
    ValueError, TypeError, KeyError, IndexError
    """
    given = {"use_blas": use_blas, "memory_limit": memory_limit, "shapes": shapes, **kwargs}
    report = own("contract_path")
    if kwargs or not args:
        return report(*args, optimize=optimize, **given)
    found = asked(args, _shapes_of(args) if shapes else None)
    args = (found.text, *found.operands)  # opt_einsum takes only labels that can be sorted
    if optimize is False:
        return report(*args, optimize=False, **given)
    path = path_for(optimize, found, memory_limit)
    if path == AUTO:  # of so few operands opt_einsum's search is ours
        return report(*args, optimize=True, **given)
    return report(*args, optimize=[*path], **given)


def _shapes_of(args: Sequence[Any]) -> tuple[tuple[int, ...], ...]:
    """The shapes among the arguments, given in the place of operands."""
    given = args[1:] if isinstance(args[0], str) else args[: len(args) // 2 * 2 : 2]
    if any(hasattr(x, "shape") for x in given):
        raise ValueError("shapes is True, but an operand has a shape; pass the shapes alone, or shapes=False")
    return tuple(tuple(x) for x in given)
