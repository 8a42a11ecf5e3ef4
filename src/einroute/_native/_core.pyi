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

def choose_isa(cap: str, /) -> str: ...
def isa() -> str: ...
def compiled_isas() -> tuple[str, ...]: ...
