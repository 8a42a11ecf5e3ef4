"""What it costs to come to einroute by NumPy's own functions: routed arrays, stand-ins, entering and leaving."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import einroute as er


class Subclass(np.ndarray):
    """One that overrides nothing, which NumPy's own functions take longer with, too."""


class Routed:
    """Calls on 3 x 3 operands, plain and routed."""

    param_names = ["call", "operands"]
    params = [
        [
            "np.einsum",
            "er.einsum",
            "np.tensordot",
            "np.dot",
            "np.matmul",
            "a @ b",
            "a + b",
            "a.sum()",
            "a[1:]",
        ],
        ["plain", "routed", "subclass"],
    ]
    CALLS: dict[str, Callable[[Any, Any], Any]] = {
        "np.einsum": lambda a, b: np.einsum("ij,jk->ik", a, b),
        "er.einsum": lambda a, b: er.einsum("ij,jk->ik", a, b),
        "np.tensordot": lambda a, b: np.tensordot(a, b, axes=1),
        "np.dot": np.dot,
        "np.matmul": np.matmul,
        "a @ b": lambda a, b: a @ b,
        "a + b": lambda a, b: a + b,
        "a.sum()": lambda a, b: a.sum(),
        "a[1:]": lambda a, b: a[1:],
    }

    def setup(self, call: str, operands: str) -> None:
        made = {"plain": np.asarray, "routed": er.routed, "subclass": lambda x: x.view(Subclass)}[operands]
        self.a, self.b = made(np.eye(3)), made(np.ones((3, 3)))
        self.call = self.CALLS[call]
        for _ in range(100):  # until it is planned
            self.call(self.a, self.b)

    def time_call(self, call: str, operands: str) -> None:
        self.call(self.a, self.b)


class Overridden:
    """Calls of NumPy's functions by their names, inside an override and outside."""

    param_names = ["call", "where"]
    params = [["einsum", "dot", "matmul", "inner"], ["outside", "inside"]]

    def setup(self, call: str, where: str) -> None:
        self.over = er.override() if where == "inside" else None
        if self.over is not None:
            self.over.__enter__()
        a = np.ones((3, 3))
        function = getattr(np, call)
        self.call = (lambda: function("ij,jk->ik", a, a)) if call == "einsum" else (lambda: function(a, a))
        for _ in range(100):
            self.call()

    def teardown(self, call: str, where: str) -> None:
        if self.over is not None:
            self.over.__exit__(None, None, None)

    def time_call(self, call: str, where: str) -> None:
        self.call()


class Entering:
    """Entering and leaving a block; the promise is 100 microseconds, the scan excluded."""

    def setup(self) -> None:
        self.all = er.override()
        self.some = er.override("einsum", "lstsq")
        self.scanning = er.override(imported=True)

    def time_all(self) -> None:
        with self.all:
            pass

    def time_some(self) -> None:
        with self.some:
            pass

    def time_scanning(self) -> None:
        with self.scanning:
            pass

    def time_within_another(self) -> None:
        with self.all, self.some:
            pass
