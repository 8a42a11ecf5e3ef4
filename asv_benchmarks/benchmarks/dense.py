"""Medium and large contractions of ordinary arrays, each beside its NumPy and opt_einsum baselines.

One class a group of cases, so that ``asv run --bench dense.Batched`` runs one group.
"""

from __future__ import annotations

from . import IMPLEMENTATIONS, Suite
from .cases import in_suite


class NumpyAsv(Suite):
    table = in_suite("numpy-asv")
    params = [list(table), list(IMPLEMENTATIONS)]

    def time_call(self, label: str, implementation: str) -> None:
        self.call()


class Tccg(Suite):
    table = in_suite("tccg")
    params = [list(table), list(IMPLEMENTATIONS)]

    def time_call(self, label: str, implementation: str) -> None:
        self.call()


class Batched(Suite):
    table = in_suite("batched")
    params = [list(table), list(IMPLEMENTATIONS)]

    def time_call(self, label: str, implementation: str) -> None:
        self.call()


class Networks(Suite):
    table = in_suite("networks")
    params = [list(table), list(IMPLEMENTATIONS)]

    def time_call(self, label: str, implementation: str) -> None:
        self.call()


class Elementwise(Suite):
    table = in_suite("elementwise")
    params = [list(table), list(IMPLEMENTATIONS)]

    def time_call(self, label: str, implementation: str) -> None:
        self.call()


class Integers(Suite):
    table = in_suite("integers")
    params = [list(table), list(IMPLEMENTATIONS)]

    def time_call(self, label: str, implementation: str) -> None:
        self.call()


class Strided(Suite):
    table = in_suite("strided")
    params = [list(table), list(IMPLEMENTATIONS)]

    def time_call(self, label: str, implementation: str) -> None:
        self.call()


class Tensordot(Suite):
    table = in_suite("tensordot")
    params = [list(table), ["einroute", "numpy", "by_hand"]]

    def time_call(self, label: str, implementation: str) -> None:
        self.call()
