"""The form of rolled operands and pairwise differences of tensors, which come as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..._base.facts import DENSE, DType, Prepared
from ..._base.kinds import Bring
from ..array_library import array_form
from ..array_library.form import bring_dense
from ..array_library.structured import preparing
from . import rollings, squared, written
from .dense import LIBRARY
from .operands import TorchOperand
from .sparse_matmul import NAME as SPARSE
from .sparse_matmul import ONE_HOT
from .written import NAME

__all__ = ["FORM"]


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
    prepare=preparing(NAME),
    bring=_bring,
    sums_first=False,
    identity=None,
    meets=frozenset({DENSE, LIBRARY.name, SPARSE, ONE_HOT}),
)
