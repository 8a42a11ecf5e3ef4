"""Results of 64 MB: the time that page faults take, and what the memory that saves them adds to the peak."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import einroute

Array = np.ndarray[Any, Any]
SIDE = 2896

#: A name, the subscripts, the shapes, and NumPy's own way.
WAYS: dict[str, tuple[str, tuple[tuple[int, ...], ...], Callable[..., Array]]] = {
    "elementwise": ("ij,ij->ij", ((SIDE, SIDE),) * 2, np.multiply),
    "scaled rows": ("ij,i->ij", ((SIDE, SIDE), (SIDE,)), lambda a, b: a * b[:, None]),
    "scaled columns": ("ij,j->ij", ((SIDE, SIDE), (SIDE,)), np.multiply),
    "outer": ("i,j->ij", ((SIDE,),) * 2, np.multiply.outer),
    "by the transpose": ("ij,ji->ij", ((SIDE, SIDE),) * 2, lambda a, b: a * b.T),
    "three factors": ("ij,ij,ij->ij", ((SIDE, SIDE),) * 3, lambda a, b, c: a * b * c),
    "thin GEMM": ("ik,kj->ij", ((SIDE, 8), (8, SIDE)), np.matmul),
    "stack of thin GEMMs": ("bik,bkj->bij", ((500, 128, 16), (500, 16, 128)), np.matmul),
}


class _Large:
    params = [["einroute", "numpy"], list(WAYS)]
    param_names = ["implementation", "way"]
    timeout = 120

    def setup(self, implementation: str, way: str) -> None:
        subscripts, shapes, by_numpy = WAYS[way]
        rng = np.random.default_rng(18)
        operands = [rng.random(shape) for shape in shapes]
        if implementation == "numpy":
            self.call: Callable[[], Array] = lambda: by_numpy(*operands)
        else:
            self.call = lambda: einroute.einsum(subscripts, *operands)


class Dropped(_Large):
    """Each result goes before the next call."""

    def time_call(self, implementation: str, way: str) -> None:
        self.call()


class Kept(_Large):
    """The last eight results stay."""

    number = 1

    def setup(self, implementation: str, way: str) -> None:
        super().setup(implementation, way)
        self.results = [self.call() for _ in range(8)]
        self.at = 0

    def time_call(self, implementation: str, way: str) -> None:
        self.results[self.at] = self.call()
        self.at = (self.at + 1) % 8


class Peak(_Large):
    """Memory of the process at its peak."""

    def peakmem_dropped(self, implementation: str, way: str) -> None:
        for _ in range(4):
            self.call()

    def peakmem_kept(self, implementation: str, way: str) -> None:
        results = [self.call() for _ in range(8)]
        for at in range(8):
            results[at] = self.call()
