"""Calls on tiny operands, where everything but the arithmetic is what counts."""

from __future__ import annotations

from . import Suite, in_suite, installed


class Einsum(Suite):
    table = in_suite("tiny")
    params = [[name for name in installed() if name != "by_hand"], list(table)]

    def time_tiny(self, implementation: str, label: str) -> None:
        self.call()


class Tensordot(Suite):
    table = in_suite("tiny-functions")
    params = [["einroute", "numpy"], list(table)]

    def time_tiny(self, implementation: str, label: str) -> None:
        self.call()


class Stacks(Suite):
    table = in_suite("stacks")
    params = [installed(), list(table)]

    def time_stack(self, implementation: str, label: str) -> None:
        self.call()
