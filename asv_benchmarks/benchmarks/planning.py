"""What a call costs the first time, before a plan is cached, and what asking for the plan costs."""

from __future__ import annotations

from typing import Any

import einroute

from . import CASES, Case, prepared

FORMS = (
    "tiny: ij,jk->ik n=3",
    "tiny: ij,jk,kl,lm,mo->io n=3",
    "batched: bhqd,bhkd->bhqk small",
    "networks: ijk,kl,ijl->ij quadratic 30x40 d=6",
    "networks: ij,jk,kl,lm,mo,op->ip chain 6",
    "networks: ea,fb,abcd,gc,hd->efgh four-index 10",
    "integers: ij,jk->ik 30 i8",
)
TABLE: dict[str, Case] = {case.label: case for case in CASES if case.label in FORMS}


class FirstCall:
    """NumPy and opt_einsum keep no plans, so theirs is any call. NumPy's default plans nothing at all."""

    params = [["einroute", "numpy_optimize", "opt_einsum"], list(TABLE)]
    param_names = ["implementation", "case"]
    # setup empties the cache before each sample, so a sample must be a single call
    number = 1
    repeat = (10, 100, 1.0)
    warmup_time = 0.0

    def setup(self, implementation: str, label: str) -> None:
        self.call = prepared(TABLE[label], implementation)  # what is imported at first use is not planning
        if implementation == "einroute":
            einroute.cache_clear()

    def time_first_call(self, implementation: str, label: str) -> None:
        self.call()


class Explain:
    params = [list(TABLE)]
    param_names = ["case"]

    def setup(self, label: str) -> None:
        case = TABLE[label]
        self.explain = einroute.explain
        self.arguments: tuple[Any, ...] = (case.subscripts, *case.build())

    def time_explain(self, label: str) -> None:
        str(self.explain(*self.arguments))
