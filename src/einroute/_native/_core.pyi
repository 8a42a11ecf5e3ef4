from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

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
    ) -> Product: ...
    def __call__(self, a: Array, b: Array, /, out: Array | None = None) -> Array: ...

def choose_isa(cap: str, /) -> str: ...
def isa() -> str: ...
def compiled_isas() -> tuple[str, ...]: ...
