"""The form of rolled operands and pairwise differences of tensors, which come as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..._base.facts import DENSE, Contraction, DType, Operand, Prepared
from ..._base.kinds import Bring
from ..array_library import array_form
from ..array_library.form import bring_dense
from . import rollings, squared, written
from .dense import LIBRARY
from .operands import TorchOperand
from .sparse_matmul import NAME as SPARSE
from .sparse_matmul import ONE_HOT
from .written import NAME

__all__ = ["FORM"]


def _prepare(
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
        NAME,
        structure=operand.structure if regular else ("written",),
        alias=operand.alias if regular else None,
        device=operand.device,
    )
    diagonal = None if unique == labels else f"{labels}->{unique}"
    return Prepared(diagonal, squeeze, None if operand.dtype == dtype else dtype, kept, facts)


def _bring(p: Prepared, _dtype: DType) -> Bring | None:
    if p.diagonal is None and not p.squeeze:
        return None  # routes cast what they take of it
    bring = bring_dense(LIBRARY, p)
    assert bring is not None

    def irregular(x: Any) -> Any:
        return bring(x.written() if isinstance(x, TorchOperand) else x)

    return irregular


FORM = replace(
    array_form(LIBRARY, rank=7),
    name=NAME,
    routes=(squared.ROUTE, rollings.ROUTE, written.ROUTE),
    holds=lambda _inputs, own, _output: any(own),
    results=LIBRARY.name,
    prepare=_prepare,
    bring=_bring,
    sums_first=False,
    identity=None,
    meets=frozenset({DENSE, LIBRARY.name, SPARSE, ONE_HOT}),
)
