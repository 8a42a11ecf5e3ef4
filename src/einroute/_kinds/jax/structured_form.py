"""The form of rolled operands and pairwise differences of JAX's, which come as they are."""

from __future__ import annotations

from dataclasses import replace

from ..._base.facts import DENSE
from ..array_library.structured import bring_structured, preparing
from . import differences, rollings, squared, written
from .bcoo_result import NAME as BCOO
from .bcoo_result import ONE_HOT
from .dense import LIBRARY
from .kind import FORM as DENSE_FORM
from .written import NAME

__all__ = ["FORM"]


FORM = replace(
    DENSE_FORM,
    name=NAME,
    rank=7,
    routes=(squared.ROUTE, differences.ROUTE, *rollings.ROUTES, written.ROUTE),
    holds=lambda _inputs, own, _output: any(own),
    results=LIBRARY.name,
    prepare=preparing(NAME),
    bring=bring_structured(LIBRARY),
    sums_first=False,
    identity=None,
    meets=frozenset({DENSE, LIBRARY.name, BCOO, ONE_HOT}),
)
