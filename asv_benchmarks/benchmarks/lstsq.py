"""Least squares and linear systems: one matrix met again and again, and matrices met once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import einroute as er

from . import load

REPEATED = ((40, 6), (100, 100), (1000, 50), (600, 600), (4000, 300), (20000, 80), (60, 300), (1000, 1000))
ONCE = (
    (5, 3),
    (10, 10),
    (20, 4),
    (40, 6),
    (100, 100),
    (60, 300),
    (1000, 50),
    (600, 600),
    (4000, 300),
    (20000, 80),
)
SQUARE = (3, 10, 32, 40, 64, 128, 300, 1000)


def system(m: int, n: int, columns: int = 0) -> tuple[Any, Any]:
    """A well determined matrix and a right-hand side, or `columns` of them."""
    rng = np.random.default_rng(3)
    return rng.standard_normal((m, n)), rng.standard_normal((m, columns) if columns else m)


@dataclass(frozen=True)
class ByHand:
    """Ready SVD factors, applied as one writes it by hand."""

    a: Any
    u: Any
    s: Any
    vt: Any

    @classmethod
    def of(cls, a: Any) -> ByHand:
        return cls(a, *np.linalg.svd(a, full_matrices=False))

    def __call__(self, b: Any) -> tuple[Any, Any]:
        x = self.vt.T @ ((self.u.T @ b) / self.s)
        r = b - self.a @ x
        return x, r @ r


def warm(function: Callable[..., Any], *arguments: Any) -> None:
    """Call often enough for the matrix to be kept."""
    for _ in range(4):
        function(*arguments)


class Fresh:
    """A call on a matrix that no cache has seen: one element changes before each."""

    def __init__(self, function: Callable[..., Any], a: Any, *rest: Any) -> None:
        self.function, self.a, self.rest = function, a, rest

    def __call__(self) -> Any:
        self.a[0, 0] += 1e-3
        return self.function(self.a, *self.rest)


class Repeated:
    params = [REPEATED, ["einroute", "numpy", "scipy", "by_hand"]]
    param_names = ["shape", "implementation"]

    def setup(self, shape: tuple[int, int], implementation: str) -> None:
        a, b = system(*shape)
        if implementation == "by_hand":
            hand = ByHand.of(a)
            self.call = lambda: hand(b)
            return
        if implementation == "scipy":
            lstsq = load("scipy.linalg").lstsq
        else:
            lstsq = {"einroute": er.lstsq, "numpy": np.linalg.lstsq}[implementation]
        if implementation == "einroute":
            warm(lstsq, a, b)
        self.call = lambda: lstsq(a, b)

    def time_lstsq(self, shape: tuple[int, int], implementation: str) -> None:
        self.call()


class Columns:
    params = [[1, 10, 1000], ["einroute", "numpy"]]
    param_names = ["columns", "implementation"]

    def setup(self, columns: int, implementation: str) -> None:
        a, b = system(1000, 50, columns)
        lstsq = {"einroute": er.lstsq, "numpy": np.linalg.lstsq}[implementation]
        warm(lstsq, a, b)
        self.call = lambda: lstsq(a, b)

    def time_lstsq(self, columns: int, implementation: str) -> None:
        self.call()


class Once:
    params = [ONCE, ["einroute", "numpy"]]
    param_names = ["shape", "implementation"]

    def setup(self, shape: tuple[int, int], implementation: str) -> None:
        self.call = Fresh({"einroute": er.lstsq, "numpy": np.linalg.lstsq}[implementation], *system(*shape))

    def time_lstsq(self, shape: tuple[int, int], implementation: str) -> None:
        self.call()


class Square:
    params = [["solve", "inv", "pinv"], SQUARE[1:-1], ["einroute", "numpy", "scipy"]]
    param_names = ["function", "n", "implementation"]

    def setup(self, function: str, n: int, implementation: str) -> None:
        modules = {"einroute": er.linalg, "numpy": np.linalg}
        module = load("scipy.linalg") if implementation == "scipy" else modules[implementation]
        a, b = system(n, n)
        arguments = (a, b) if function == "solve" else (a,)
        if implementation == "einroute":
            warm(getattr(module, function), *arguments)
        self.call = lambda: getattr(module, function)(*arguments)

    def time_repeated(self, function: str, n: int, implementation: str) -> None:
        self.call()


class Sparse:
    params = [["solve", "lstsq"], ["einroute", "scipy"]]
    param_names = ["function", "implementation"]

    def setup(self, function: str, implementation: str) -> None:
        sp, linalg = load("scipy.sparse"), load("scipy.sparse.linalg")
        if function == "solve":
            n = 60
            line = sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(n, n))
            a = sp.csc_array(sp.kron(line, sp.eye_array(n)) + sp.kron(sp.eye_array(n), line))
            theirs = linalg.spsolve
            ours = er.linalg.solve
        else:
            a = sp.csc_array(sp.random(20000, 200, 0.01, random_state=4))
            theirs = linalg.lsmr
            ours = er.lstsq
        b = np.ones(a.shape[0])
        call = ours if implementation == "einroute" else theirs
        warm(call, a, b)
        self.call = lambda: call(a, b)

    def time_repeated(self, function: str, implementation: str) -> None:
        self.call()
