"""Least squares and linear systems: one matrix met again and again, and matrices met once."""

from __future__ import annotations

from . import Suite, in_suite


class Repeated(Suite):
    table = in_suite("lstsq")
    params = [["einroute", "numpy", "scipy", "by_hand"], list(table)]

    def time_lstsq(self, implementation: str, label: str) -> None:
        self.call()


class Columns(Suite):
    table = in_suite("lstsq-columns")
    params = [["einroute", "numpy"], list(table)]

    def time_lstsq(self, implementation: str, label: str) -> None:
        self.call()


class Once(Suite):
    table = in_suite("lstsq-once")
    params = [["einroute", "numpy"], list(table)]

    def time_lstsq(self, implementation: str, label: str) -> None:
        self.call()


class Square(Suite):
    table = in_suite("solve")
    params = [["einroute", "numpy", "scipy"], list(table)]

    def time_repeated(self, implementation: str, label: str) -> None:
        self.call()


class Sparse(Suite):
    table = in_suite("solve-sparse")
    params = [["einroute", "scipy", "by_hand"], list(table)]

    def time_repeated(self, implementation: str, label: str) -> None:
        self.call()
