"""Operands with structure beside what people write by hand: rolled, one_hot, pairwise_difference."""

from __future__ import annotations

import numpy as np

from . import Suite, in_suite, load, member


class Rolled(Suite):
    table = in_suite("rolled")
    params = [["einroute", "numpy", "scipy", "by_hand"], list(table)]

    def time_call(self, implementation: str, label: str) -> None:
        self.call()


class OneHot(Suite):
    table = in_suite("one-hot")
    params = [["einroute", "numpy", "scipy", "by_hand"], list(table)]

    def time_call(self, implementation: str, label: str) -> None:
        self.call()


class PairwiseDifference(Suite):
    table = in_suite("pairwise")
    params = [["einroute", "numpy", "scipy"], list(table)]

    def time_call(self, implementation: str, label: str) -> None:
        self.call()


class Construction:
    """What it costs to say what an operand is: a check of the arguments, and no copy."""

    params = [["rolled", "one_hot", "pairwise_difference"]]
    param_names = ["operand"]

    def setup(self, operand: str) -> None:
        arguments = {
            "rolled": (np.ones((4, 2, 2)), 2),
            "one_hot": (np.zeros(4, int), 2),
            "pairwise_difference": (np.ones((4, 2)), np.ones((3, 2))),
        }[operand]
        make = member(load("einroute"), operand)
        self.call = lambda: make(*arguments)

    def time_construction(self, operand: str) -> None:
        self.call()
