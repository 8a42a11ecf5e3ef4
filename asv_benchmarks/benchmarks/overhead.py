"""Calls on tiny operands, where everything but the arithmetic is what counts."""

from __future__ import annotations

from typing import Any

import numpy as np

import einroute as er

from . import Suite, in_suite, installed

_A = np.arange(9.0).reshape(3, 3) + np.eye(3)
_MATRIX = _A.view(np.matrix)


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


class LeftToNumpy:
    """Calls that are NumPy's own function's to answer: what is measured is the way to it."""

    calls: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
        "matmul dtype=": ("matmul", (_A, _A), {"dtype": np.float64}),
        "matmul axes=": ("matmul", (_A, _A), {"axes": [(0, 1)] * 3}),
        "dot of a matrix": ("dot", (_MATRIX, _MATRIX), {}),
        "matmul of a matrix": ("matmul", (_MATRIX, _MATRIX), {}),
        "inv": ("linalg.inv", (_A,), {}),
        "matrix_power": ("linalg.matrix_power", (_A, 3), {}),
    }
    param_names = ("implementation", "call")
    params = (["einroute", "numpy"], list(calls))

    def setup(self, implementation: str, call: str) -> None:
        name, self.args, self.kwargs = self.calls[call]
        self.function: Any = er if implementation == "einroute" else np
        for part in name.split("."):
            self.function = getattr(self.function, part)

    def time_call(self, implementation: str, call: str) -> None:
        self.function(*self.args, **self.kwargs)
