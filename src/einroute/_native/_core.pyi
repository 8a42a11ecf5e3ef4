from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any, Literal, Self, TypeAlias

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

class Silent:
    def __new__(cls, run: Callable[..., Any], again: Callable[..., Any] | None) -> Self: ...
    def __call__(self, *arrays: Array, out: Array | None = None) -> Any: ...

class Network:
    def __new__(
        cls,
        char: str,
        loops: Sequence[tuple[int, int, bool, bool, Sequence[int], Sequence[int]]],
        steps: Sequence[int],
        shapes: Sequence[Sequence[int]],
        size: int,
        result: tuple[Sequence[int], Sequence[int], int],
        report: Callable[[int], object] | None,
    ) -> Self: ...
    def __call__(self, *arrays: Array, out: Array | None = None) -> Array: ...
    def attempt(self, *arrays: Any) -> Any: ...

def use_blas(path: str, /) -> bool: ...
def copy(view: Array, out: Array, threads: int, /) -> None: ...
def magnitude(x: Array, /) -> int | None: ...
def limit_threads(threads: int, /) -> None: ...
def thread_limit() -> int: ...

class Table:
    def __new__(cls, limit: int = 4096, small: bool = False, strict: bool = False) -> Self: ...
    def __len__(self) -> int: ...
    def clear(self) -> None: ...

class Function:
    def __new__(
        cls,
        function: Callable[..., Any],
        arguments: str,
        unknown: Callable[..., Any],
        numpys: Callable[..., Any] | None = None,
    ) -> Self: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def remember(self, run: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None: ...

class Ufunc:
    def __new__(
        cls,
        function: Callable[..., Any],
        arguments: str,
        unknown: Callable[..., Any],
        numpys: Callable[..., Any] | None = None,
    ) -> Self: ...
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def remember(self, run: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None: ...

def timed(
    run: Callable[..., Any], operands: tuple[Any, ...], out: Any, expected: float, /
) -> tuple[Any, float, bool]: ...
def manner(result: Any, laid_out: bool, /) -> bytes | None: ...

class Counted:
    run: Callable[..., Any]
    due: Callable[..., Any] | None
    left: int
    def __new__(cls, *args: Any, **kwargs: Any) -> Self: ...
    def __call__(self, /, *args: Any, **kwargs: Any) -> Any: ...

def table_in_force() -> Table | None: ...
def set_context(variable: ContextVar[Any], /) -> None: ...
def set_table(table: Table, /) -> None: ...
def set_watched(watched: bool, observed: Callable[[], bool], /) -> None: ...

class Contraction:
    def __new__(
        cls,
        subscripts: str,
        char: str,
        shapes: Sequence[Sequence[int]],
        *,
        order: str = "K",
        scalar: bool = True,
        report: Callable[[int], object] | None = None,
    ) -> Self: ...
    def __call__(self, /, *arrays: Array, out: Array | None = None) -> Any: ...
    @property
    def subscripts(self) -> str: ...
    @property
    def steps(self) -> tuple[str, ...]: ...
    def nanoseconds(self, *strides: Sequence[int]) -> float: ...
    def walking(self, *strides: Sequence[int]) -> float: ...
    def makes_what(self, array: Array, /) -> bool: ...
    @property
    def intermediates(self) -> int: ...

def understand(subscripts: str, /, *arrays: Array) -> Contraction | None: ...

class SparseProduct:
    def __new__(
        cls,
        fallback: Callable[..., Any],
        char: str,
        sparse: int,
        turned: bool,
        rows: int,
        columns: int,
        shape: Sequence[int],
        column: int,
        row: int,
        fortran: bool = False,
        threads: int = 1,
        few: int = ...,
    ) -> Self: ...
    def __call__(self, a: Any, b: Any, /, out: Array | None = None) -> Any: ...

class LabelCall:
    def __new__(
        cls,
        fallback: Callable[..., Any],
        work: int,
        char: str,
        hot: int,
        places: int,
        depth: int,
        shape: Sequence[int],
        threads: int,
        looks: bool,
    ) -> Self: ...
    def __call__(self, *operands: Any) -> Any: ...

def multiply_compressed(
    indptr: Array, indices: Array, data: Array, by_rows: bool, x: Array, y: Array, threads: int, /
) -> bool: ...
def sound_parts(operand: Any, /) -> tuple[Any, ...] | None: ...
def finite(data: Array, /) -> bool: ...
def lengthened(
    base: Array,
    dtype: np.dtype[Any],
    rows: int,
    period: int,
    first: int,
    length: int,
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    origin: int,
    /,
) -> Array | None: ...
def few_finite(data: Array, /) -> bool | None: ...
def between_vectors(operand: Any, left: Any, right: Any, /) -> float | complex | None: ...
def diagonal_sums(operand: Any, axis: int, /) -> tuple[Array, Array] | None: ...
def main_diagonal(operand: Any, /) -> Array | None: ...
def main_entries(operand: Any, /) -> tuple[Array, Array] | None: ...
def rows_of_diagonals(
    data: Array, offsets: Array, rows: int, columns: int, /
) -> tuple[Array, Array, Array] | None: ...
def sound_diagonal(operand: Any, /) -> tuple[Any, ...] | None: ...
def lines_of(indptr: Array, entries: int, /) -> Array | None: ...
def sound_values(operand: Any, /) -> Array | None: ...
def total(data: Array, /) -> Any: ...
def whole_values(operand: Any, /) -> Array | None: ...
def multiply_sparse(
    indptr: Array,
    indices: Array,
    data: Array,
    indptr2: Array,
    indices2: Array,
    data2: Array,
    columns: int,
    threads: int,
    /,
) -> tuple[Array, Array, Array] | Literal[False] | None: ...
def multiply_elements(
    indptr: Array,
    indices: Array,
    data: Array,
    indptr2: Array,
    indices2: Array,
    data2: Array,
    columns: int,
    /,
) -> tuple[Array, Array, Array] | Literal[False] | None: ...
def canonical_rows(
    data: Array,
    indptr: Array | None,
    axis: int,
    rows: Array,
    columns: Array,
    height: int,
    width: int,
    /,
) -> tuple[Array, Array, Array] | None: ...

class Sampled:
    def __new__(
        cls,
        char: str,
        own: tuple[int, ...],
        dense: tuple[tuple[int, ...], ...],
        output: tuple[int, ...],
        sizes: tuple[int, ...],
        values: bool = False,
        fortran: bool = False,
        threads: int = 1,
    ) -> Self: ...
    def __call__(
        self,
        data: Array,
        indptr: Array | None,
        line: int,
        coords: tuple[Array, ...],
        places: bool,
        /,
        *dense: Array,
    ) -> Any: ...

def know_operands(cls: type, attributes: tuple[str, ...], /) -> None: ...
def one_hot_of(cls: type[Any], labels: Array, depth: Any, dtype: np.dtype[Any], /) -> Any: ...
def rolled_of(cls: type[Any], b: Array, k: Any, axis: Any, step: Any, /) -> Any: ...
def know_sparse(cls: type, kept: str, /) -> None: ...
def apply_factors(
    uh: Array, w: Array, a: Array, b: Array, tall: bool, low: float, high: float, extended: bool, /
) -> tuple[Array, Array | None] | None: ...
def correlate(
    rings: Array, factors: Array, count: int, step: int, first: int, threads: int, told: bool, /
) -> Array | None: ...
def row_squares(x: Array, /) -> tuple[float, float, int]: ...
def choose_isa(cap: str, /) -> str: ...
def isa() -> str: ...
def compiled_isas() -> tuple[str, ...]: ...

LARGE_BYTES: int
BRIEF_BYTES: int

def empty(shape: Sequence[int] | int, dtype: np.dtype[Any], order: Literal["C", "F"] = "C", /) -> Array: ...
def intermediate(
    shape: Sequence[int] | int, dtype: np.dtype[Any], order: Literal["C", "F"] = "C", /
) -> Array: ...
def keep(limit: int | Callable[[], int], /) -> None: ...
def clear_kept() -> None: ...
def kept() -> tuple[int, int, int]: ...
def keep_fault() -> str: ...
def add_at(
    labels: tuple[Array, ...],
    lengths: tuple[int, ...],
    scales: tuple[int, ...],
    steps: tuple[int, ...],
    rows: Array,
    out: Array,
    threads: int,
    /,
) -> None: ...
def multiply_at(
    labels: tuple[Array, ...],
    lengths: tuple[int, ...],
    scales: tuple[int, ...],
    steps: tuple[int, ...],
    a: Array,
    b: Array,
    out: Array,
    threads: int,
    /,
) -> None: ...
def count_at(
    labels: tuple[Array, ...],
    lengths: tuple[int, ...],
    scales: tuple[int, ...],
    steps: tuple[int, ...],
    size: int,
    char: str,
    threads: int,
    /,
) -> Array: ...
def take_at(
    labels: tuple[Array, ...],
    lengths: tuple[int, ...],
    scales: tuple[int, ...],
    steps: tuple[int, ...],
    table: Array,
    out: Array,
    threads: int,
    factors: Array = ...,
    /,
) -> None: ...
def ones_at(labels: tuple[Array, ...], length: int, out: Array, threads: int, /) -> None: ...
def count_ones(labels: tuple[Array, ...], length: int, threads: int, /) -> int: ...
def difference_forms(x: Array, y: Array, s: Array, out: Array, threads: int, /) -> None: ...
def difference_squares(
    x: Array, y: Array, metric: Array | None, number: int, threads: int, /
) -> Array | None: ...
def difference_transformed(
    x: Array, y: Array, u: Array | None, metric: Array, number: int, threads: int, /
) -> Any: ...
def difference_expanded(x: Array, y: Array, metric: Array, /) -> Array | None: ...
def definite_part(metric: Array, /) -> Array | None: ...
def difference_sums(
    x: Array,
    y: Array,
    w: Array | None,
    power: int,
    rows: bool,
    total: bool,
    turned: bool,
    by_blas: bool,
    number: int,
    threads: int,
    /,
) -> Any: ...
def difference_projections(
    x: Array, y: Array, w: Array, number: int, threads: int, only_finite: bool, /
) -> Array | None: ...
def difference_totals(
    x: Array,
    y: Array,
    w: Array | None,
    alone: bool,
    over_x: bool,
    over_y: bool,
    number: int,
    only_finite: bool,
    /,
) -> Array | None: ...
