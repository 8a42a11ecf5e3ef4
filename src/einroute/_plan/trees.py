"""Contraction trees of other libraries, such as cotengra's: their paths and what they cut into slices.

They are known by their interface alone: ``get_path``, and ``inputs``, ``output`` and ``sliced_inds`` where
they have them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._base.errors import shown

__all__ = ["cuts_of", "is_tree", "path_of_tree"]


def is_tree(optimize: Any) -> bool:
    """Whether an ``optimize=`` is a tree that gives its path."""
    return hasattr(optimize, "get_path") and not isinstance(optimize, type)


def path_of_tree(tree: Any, inputs: Sequence[str], output: str) -> Any:
    """The path of a tree, if it is one of this network.

    Raises
    ------
    ValueError
        It is one of another network.
    """
    forth = _labels(tree, inputs)
    theirs_out = getattr(tree, "output", None)
    if forth and theirs_out is not None and {forth.get(c) for c in theirs_out} != set(output):
        raise ValueError("optimize is a tree with another output; pass the tree of this network")
    return tree.get_path()


def cuts_of(optimize: Any, inputs: Sequence[str]) -> str:
    """The labels that a tree takes one index at a time, outermost first; none where it is no such tree.

    Raises
    ------
    ValueError
        It is a tree of another network.
    """
    if not is_tree(optimize) or not getattr(optimize, "sliced_inds", None):
        return ""
    forth = _labels(optimize, inputs)
    return "".join(forth[c] for c in optimize.sliced_inds if c in forth)


def _labels(tree: Any, inputs: Sequence[str]) -> dict[Any, str]:
    """Our label for each of a tree's; empty where the tree does not tell its own.

    Raises
    ------
    ValueError
        It is a tree of another network.
    """
    own = getattr(tree, "inputs", None)
    if own is None:
        return {}
    terms = [tuple(labels) for labels in own]
    wanted = [tuple(dict.fromkeys(labels)) for labels in inputs]
    if len(terms) != len(wanted):
        raise ValueError(
            f"optimize is a tree of {len(terms)} operands and there are {len(wanted)}; "
            f"pass the tree of this network"
        )
    forth: dict[Any, str] = {}
    back: dict[str, Any] = {}
    for position, (theirs, ours) in enumerate(zip(terms, wanted, strict=True)):
        unique = tuple(dict.fromkeys(theirs))
        fits = len(unique) == len(ours)
        for c, d in zip(unique, ours, strict=False):
            fits = fits and forth.setdefault(c, d) == d and back.setdefault(d, c) == c
        if not fits:
            raise ValueError(
                f"optimize is a tree in which operand {position} is {shown(theirs)}, and here it is "
                f"{shown(''.join(ours))}; pass the tree of this network"
            )
    return forth
