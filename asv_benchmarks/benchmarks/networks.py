"""Tensor networks: repeated calls, first calls along a given path, and the search for a path."""

from __future__ import annotations

from typing import Any

import einroute

from . import Suite, in_suite

CASES = in_suite("tensor-networks")


class RepeatedNetwork(Suite):
    """An expression that is made beforehand."""

    table = CASES
    params = [["einroute", "opt_einsum"], list(CASES)]

    def time_call(self, implementation: str, label: str) -> None:
        self.call()


class FirstNetwork:
    """The first call along a path that is given, and along einroute's own."""

    params = [list(CASES)]
    param_names = ["case"]
    number = 1
    repeat = (5, 50, 2.0)
    warmup_time = 0.0

    def setup(self, label: str) -> None:
        given: dict[str, Any] = CASES[label].build()  # type: ignore[assignment]  # they are spelled
        self.text, self.operands, self.path = given["text"], given["operands"], given["path"]
        einroute.contract(self.text, *self.operands)  # what is imported at first use is not planning
        einroute.cache_clear()

    def time_given_path(self, label: str) -> None:
        einroute.contract(self.text, *self.operands, optimize=self.path)

    def time_own_path(self, label: str) -> None:
        einroute.contract(self.text, *self.operands)

    def time_expression(self, label: str) -> None:
        einroute.contract_expression(self.text, *[x.shape for x in self.operands], optimize=self.path)
