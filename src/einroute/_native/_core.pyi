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

class OnePass:
    def __new__(
        cls,
        char: str,
        sizes: Sequence[int],
        operands: Sequence[Sequence[int]],
        output: Sequence[int],
        layout: Sequence[int],
        loops: Sequence[int],
        threads: int,
        report: Callable[[int], object],
    ) -> Self: ...
    def __call__(self, *arrays: Array, out: Array | None = None) -> Array: ...

def copy(view: Array, out: Array, threads: int, /) -> None: ...
def limit_threads(threads: int, /) -> None: ...
def thread_limit() -> int: ...
def choose_isa(cap: str, /) -> str: ...
def isa() -> str: ...
def compiled_isas() -> tuple[str, ...]: ...
