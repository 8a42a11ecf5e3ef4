"""Medium and large contractions of ordinary arrays, each beside its NumPy and opt_einsum baselines.

One class a group of cases, so that ``asv run --bench dense.Batched`` runs one group.
"""

from __future__ import annotations

from . import Suite, in_suite, installed


class NumpyAsv(Suite):
    table = in_suite("numpy-asv")
    params = [installed(), list(table)]

    def time_call(self, implementation: str, label: str) -> None:
        self.call()


class Tccg(Suite):
    table = in_suite("tccg")
    params = [installed(), list(table)]

    def time_call(self, implementation: str, label: str) -> None:
        self.call()


class Batched(Suite):
    table = in_suite("batched")
    params = [installed(), list(table)]

    def time_call(self, implementation: str, label: str) -> None:
        self.call()


class Networks(Suite):
    table = in_suite("networks")
    params = [installed(), list(table)]

    def time_call(self, implementation: str, label: str) -> None:
        self.call()


class Elementwise(Suite):
    table = in_suite("elementwise")
    params = [installed(), list(table)]

    def time_call(self, implementation: str, label: str) -> None:
        self.call()


class Integers(Suite):
    table = in_suite("integers")
    params = [installed(), list(table)]

    def time_call(self, implementation: str, label: str) -> None:
        self.call()


class Strided(Suite):
    table = in_suite("strided")
    params = [installed(), list(table)]

    def time_call(self, implementation: str, label: str) -> None:
        self.call()


class Tensordot(Suite):
    table = in_suite("tensordot")
    params = [["einroute", "numpy", "by_hand"], list(table)]

    def time_call(self, implementation: str, label: str) -> None:
        self.call()
