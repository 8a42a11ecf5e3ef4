"""The form of rolled operands and pairwise differences of JAX's, which come as they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax.numpy as jnp

from ..._base.facts import DENSE, DType, Prepared
from ..._base.kinds import Bring
from ..array_library.structured import preparing
from . import differences, rollings, squared, written
from .bcoo_result import NAME as BCOO
from .bcoo_result import ONE_HOT
from .dense import LIBRARY, cast
from .kind import FORM as DENSE_FORM
from .written import NAME

__all__ = ["FORM"]


def _bring(p: Prepared, dtype: DType) -> Bring | None:
    if p.diagonal is None and not p.squeeze:
        return None
    labels, _, unique = (p.diagonal or f"{p.labels}->").partition("->")
    squeeze = p.squeeze

    def irregular(x: Any) -> Any:
        array = x.written()
        if unique:
            array = jnp.einsum(f"{labels}->{unique}", array)
        return cast(jnp.squeeze(array, squeeze), dtype)

    return irregular


FORM = replace(
    DENSE_FORM,
    name=NAME,
    rank=7,
    routes=(squared.ROUTE, differences.ROUTE, *rollings.ROUTES, written.ROUTE),
    holds=lambda _inputs, own, _output: any(own),
    results=LIBRARY.name,
    prepare=preparing(NAME),
    bring=_bring,
    sums_first=False,
    identity=None,
    meets=frozenset({DENSE, LIBRARY.name, BCOO, ONE_HOT}),
)
