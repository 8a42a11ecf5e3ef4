from collections.abc import Callable, Sequence
from typing import Any, Self, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]

class Product:
    def __new__(
        cls,
        char: str,
        a: Sequence[int],
        b: Sequence[int],
        out: Sequence[int],
        axes: Sequence[tuple[int, int, int, bool]],
        layout: Sequence[int],
        report: Callable[[int], object],
    ) -> Self: ...
    def __call__(self, a: Array, b: Array, /, out: Array | None = None) -> Array: ...
    def instructions(self, a: Sequence[int], b: Sequence[int], /) -> float: ...

class Contraction:
    def __new__(
        cls,
        subscripts: str,
        char: str,
        shapes: Sequence[Sequence[int]],
        *,
        order: str = "C",
        scalar: bool = True,
        report: Callable[[int], object] | None = None,
    ) -> Self: ...
    def __call__(self, /, *arrays: Array, out: Array | None = None) -> Any: ...
    @property
    def subscripts(self) -> str: ...
    @property
    def steps(self) -> tuple[str, ...]: ...
    def nanoseconds(self, *strides: Sequence[int]) -> float: ...
    @property
    def intermediates(self) -> int: ...

def understand(subscripts: str, /, *arrays: Array) -> Contraction | None: ...
def choose_isa(cap: str, /) -> str: ...
def isa() -> str: ...
def compiled_isas() -> tuple[str, ...]: ...
