"""Shapes from the sizes of labels."""

from __future__ import annotations

Shapes = tuple[tuple[int, ...], ...]


def shapes_of(subscripts: str, default: int, sizes: dict[str, int] | None = None) -> Shapes:
    """Operand shapes from a size for each label; `default` where `sizes` names none."""
    sizes = sizes or {}
    return tuple(
        tuple(sizes.get(x, default) for x in term)
        for term in subscripts.split("->", maxsplit=1)[0].split(",")
    )
