"""What rolled operands and pairwise differences of a library's arrays have in common."""

from __future__ import annotations

from collections.abc import Callable

from ..._base.facts import Contraction, DType, Operand, Prepared

__all__ = ["preparing"]


def preparing(form: str) -> Callable[..., Prepared]:
    """What prepares operands of a form, which come as they are or written out."""

    def prepare(
        labels: str, operand: Operand, contraction: Contraction, dtype: DType, *, repeated: str, cast: bool
    ) -> Prepared:
        """An operand as it is; written out, if a label repeats or an axis is broadcast."""
        unique = "".join(dict.fromkeys(labels))
        shape = tuple(operand.shape[labels.index(c)] for c in unique)
        squeeze = tuple(i for i, c in enumerate(unique) if shape[i] != contraction.sizes[c])
        kept = "".join(c for i, c in enumerate(unique) if i not in squeeze)
        regular = kept == labels
        facts = Operand(
            tuple(contraction.sizes[c] for c in kept),
            dtype,
            (),
            form,
            structure=operand.structure if regular else ("written",),
            alias=operand.alias if regular else None,
            device=operand.device,
        )
        diagonal = None if unique == labels else f"{labels}->{unique}"
        return Prepared(diagonal, squeeze, None if operand.dtype == dtype else dtype, kept, facts)

    return prepare
