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


class SmallCalls:
    """What a call that is known carries around its loop, beside what people write by hand."""

    params = [
        [
            "count",
            "segment_sum",
            "gather",
            "places",
            "equal_labels",
            "rolled",
            "difference",
            "linear",
            "gradient",
        ],
        ["einroute", "by_hand"],
    ]
    param_names = ["form", "implementation"]

    def setup(self, form: str, implementation: str) -> None:
        rng = np.random.default_rng(0)
        labels, w, v = rng.integers(0, 8, 100), rng.random(100), rng.random(8)
        base, x, y = rng.random(64), rng.random((12, 3)), rng.random((10, 3))
        library = load("einroute")
        einsum = member(library, "einsum")
        hot = member(library, "one_hot")(labels, 8)
        rolled = member(library, "rolled")(base, 8)
        d = member(library, "pairwise_difference")(x, y)

        others = rng.integers(0, 8, 100)
        also = member(library, "one_hot")(others, 8)
        c, g = rng.random(3), rng.random((12, 10))

        def gradient() -> np.ndarray:
            e = x[:, None] - y
            return np.einsum("ij,ijk,ijk->k", g, e, e)

        def squares() -> np.ndarray:
            e = x[:, None] - y
            return np.einsum("ijk,ijk->ij", e, e)

        self.call = {
            "count": (lambda: einsum("tr->r", hot), lambda: np.bincount(labels, minlength=8)),
            "segment_sum": (lambda: einsum("tr,t->r", hot, w), lambda: np.bincount(labels, w, 8)),
            "gather": (lambda: einsum("tr,r->t", hot, v), lambda: v.take(labels)),
            "rolled": (
                lambda: einsum("ij,j->i", rolled, v),
                lambda: np.correlate(np.concatenate((base, base[:7])), v, "valid"),
            ),
            "places": (lambda: einsum("tr->t", hot), lambda: ((labels >= 0) & (labels < 8)) * 1.0),
            "equal_labels": (lambda: einsum("tr,tr->t", hot, also), lambda: (labels == others) * 1.0),
            "difference": (lambda: einsum("ijk,ijk->ij", d, d), squares),
            "linear": (lambda: einsum("ijk,k->ij", d, c), lambda: (x @ c)[:, None] - y @ c),
            "gradient": (lambda: einsum("ij,ijk,ijk->k", g, d, d), gradient),
        }[form][implementation == "by_hand"]

    def time_call(self, form: str, implementation: str) -> None:
        self.call()
