"""Calls on tiny operands, where everything but the arithmetic is what counts."""

from __future__ import annotations

from . import Suite
from .cases import in_suite


class Einsum(Suite):
    table = in_suite("tiny")
    params = [list(table), ["einroute", "numpy", "numpy_optimize", "opt_einsum"]]

    def time_tiny(self, label: str, implementation: str) -> None:
        self.call()


class Tensordot(Suite):
    table = in_suite("tiny-functions")
    params = [list(table), ["einroute", "numpy"]]

    def time_tiny(self, label: str, implementation: str) -> None:
        self.call()
