"""What the forms of libraries' sparse arrays have in common: facts of operands and of intermediates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..._base.facts import Contraction, DType, Operand, Prepared
from ..._base.kinds import Term

__all__ = ["intermediate", "preparing_entries"]


def preparing_entries(
    labels: str, operand: Operand, contraction: Contraction, dtype: DType, *, repeated: str, cast: bool
) -> Prepared:
    """Diagonals, broadcast axes and the cast of an operand by its entries, which stays of its form.

    What is told of its structure holds where its axes stay as they are.
    """
    unique = "".join(dict.fromkeys(labels))
    shape = tuple(operand.shape[labels.index(c)] for c in unique)
    squeeze = tuple(i for i, c in enumerate(unique) if shape[i] != contraction.sizes[c])
    kept = "".join(c for i, c in enumerate(unique) if i not in squeeze)
    structure = operand.structure if kept == labels else None
    sizes = tuple(contraction.sizes[c] for c in kept)
    facts = Operand(sizes, dtype, (), operand.form, operand.nnz, structure=structure, device=operand.device)
    diagonal = f"{labels}->{unique}" if unique != labels else None
    return Prepared(diagonal, squeeze, None if operand.dtype == dtype else dtype, kept, facts)


def intermediate(form: str) -> Callable[..., Operand]:
    """Facts of an intermediate in a form; routes that make one say how many entries it has."""

    def result(
        terms: Sequence[Term], output: str, layout: str, sizes: Mapping[str, int], dtype: DType
    ) -> Operand:
        shape = tuple(sizes[c] for c in output)
        own = [term.facts for term in terms if term.facts.form == form]
        device = next((op.device for op in own if op.device is not None), None)
        return Operand(shape, dtype, (), form, max((op.nnz or 0 for op in own), default=0), device=device)

    return result
