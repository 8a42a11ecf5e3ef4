"""Which results of sparse operands are sparse: from labels alone, whatever library the operands are of."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["holds"]


def holds(inputs: Sequence[str], own: Sequence[bool], output: str) -> bool:
    """Whether a result is sparse.

    It is if there is a sparse operand and either no dense one has dimensions, or every label that a dense and
    a sparse operand share stays in the output and every label of the output is one of a sparse operand's.
    """
    of_sparse = {c for labels, is_sparse in zip(inputs, own, strict=True) if is_sparse for c in labels}
    of_dense = {c for labels, is_sparse in zip(inputs, own, strict=True) if not is_sparse for c in labels}
    if not any(own):
        return False
    return not of_dense or (of_sparse & of_dense <= set(output) and set(output) <= of_sparse)
