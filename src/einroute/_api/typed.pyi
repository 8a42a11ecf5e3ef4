# What type checkers see of the routed functions; nothing here is ever run.
#
# Arrays, scalars and lists have the types that NumPy's own overloads give them. Operands of other libraries
# are no arrays to a type checker, or claim by ``__array__`` to be ones that the result will not be: for them,
# the last overload of each function takes anything and says nothing of the result.
#
# Overloads overlap, as a bool is an int, an int a float and a float complex: the first that fits is closest.
# mypy: disable-error-code="overload-overlap"

from collections.abc import Iterable, Sequence
from typing import Any, Literal, TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from .._factors.factorized import Factorized

__all__ = [
    "dot",
    "einsum",
    "einsum_path",
    "inner",
    "inv",
    "linalg_matmul",
    "linalg_outer",
    "linalg_tensordot",
    "linalg_vecdot",
    "lstsq",
    "matmul",
    "matrix_power",
    "matvec",
    "multi_dot",
    "outer",
    "pinv",
    "solve",
    "tensordot",
    "vdot",
    "vecdot",
    "vecmat",
]

_Out = TypeVar("_Out", bound=NDArray[Any])
# One at a time, so that two dtypes are not taken for what they have in common.
_Number = TypeVar(
    "_Number",
    np.bool,
    np.int8,
    np.int16,
    np.int32,
    np.int64,
    np.uint8,
    np.uint16,
    np.uint32,
    np.uint64,
    np.float16,
    np.float32,
    np.float64,
    np.longdouble,
    np.complex64,
    np.complex128,
    np.clongdouble,
    np.object_,
)
_Item = TypeVar("_Item")
_Nested: TypeAlias = _Item | Sequence[_Item] | Sequence[Sequence[_Item]] | Sequence[Sequence[Sequence[_Item]]]
_Bools: TypeAlias = NDArray[np.bool] | _Nested[bool | np.bool]
_Integers: TypeAlias = NDArray[np.bool | np.integer] | _Nested[int | np.bool | np.integer]
_Reals: TypeAlias = (
    NDArray[np.bool | np.integer | np.floating] | _Nested[float | np.bool | np.integer | np.floating]
)
_Numbers: TypeAlias = NDArray[np.bool | np.number] | _Nested[complex | np.bool | np.number]

_Order: TypeAlias = Literal["K", "A", "C", "F"] | None
_Casting: TypeAlias = Literal["no", "equiv", "safe", "same_kind", "unsafe"]
_Optimize: TypeAlias = bool | Literal["greedy", "optimal"] | Sequence[Any] | None
_Axes: TypeAlias = int | tuple[int | Sequence[int], int | Sequence[int]] | Sequence[Sequence[int]]

@overload
def einsum(
    subscripts: Any,
    /,
    *operands: Any,
    out: _Out,
    dtype: DTypeLike | None = ...,
    order: _Order = ...,
    casting: _Casting = ...,
    optimize: _Optimize = False,
) -> _Out: ...
@overload
def einsum(
    subscripts: Any,
    /,
    *operands: Any,
    out: None = None,
    dtype: DTypeLike | None = ...,
    order: _Order = ...,
    casting: _Casting = ...,
    optimize: _Optimize = False,
) -> Any: ...
def einsum_path(
    subscripts: Any,
    /,
    *operands: Any,
    optimize: _Optimize | tuple[Any, ...] = "greedy",
    einsum_call: Literal[False] = False,
) -> tuple[list[Any], str]: ...
@overload
def tensordot(a: NDArray[_Number], b: NDArray[_Number], axes: _Axes = 2) -> NDArray[_Number]: ...
@overload
def tensordot(a: _Bools, b: _Bools, axes: _Axes = 2) -> NDArray[np.bool]: ...
@overload
def tensordot(a: _Integers, b: _Integers, axes: _Axes = 2) -> NDArray[np.integer]: ...
@overload
def tensordot(a: _Reals, b: _Reals, axes: _Axes = 2) -> NDArray[np.floating]: ...
@overload
def tensordot(a: _Numbers, b: _Numbers, axes: _Axes = 2) -> NDArray[np.complexfloating]: ...
@overload
def tensordot(a: Any, b: Any, axes: _Axes = 2) -> Any: ...
@overload
def linalg_tensordot(
    x1: NDArray[_Number], x2: NDArray[_Number], /, *, axes: _Axes = 2
) -> NDArray[_Number]: ...
@overload
def linalg_tensordot(x1: _Bools, x2: _Bools, /, *, axes: _Axes = 2) -> NDArray[np.bool]: ...
@overload
def linalg_tensordot(x1: _Integers, x2: _Integers, /, *, axes: _Axes = 2) -> NDArray[np.integer]: ...
@overload
def linalg_tensordot(x1: _Reals, x2: _Reals, /, *, axes: _Axes = 2) -> NDArray[np.floating]: ...
@overload
def linalg_tensordot(x1: _Numbers, x2: _Numbers, /, *, axes: _Axes = 2) -> NDArray[np.complexfloating]: ...
@overload
def linalg_tensordot(x1: Any, x2: Any, /, *, axes: _Axes = 2) -> Any: ...
@overload
def outer(a: Any, b: Any, out: _Out) -> _Out: ...
@overload
def outer(a: NDArray[_Number], b: NDArray[_Number], out: None = None) -> NDArray[_Number]: ...
@overload
def outer(a: _Bools, b: _Bools, out: None = None) -> NDArray[np.bool]: ...
@overload
def outer(a: _Integers, b: _Integers, out: None = None) -> NDArray[np.integer]: ...
@overload
def outer(a: _Reals, b: _Reals, out: None = None) -> NDArray[np.floating]: ...
@overload
def outer(a: _Numbers, b: _Numbers, out: None = None) -> NDArray[np.complexfloating]: ...
@overload
def outer(a: Any, b: Any, out: None = None) -> Any: ...
@overload
def linalg_outer(x1: NDArray[_Number], x2: NDArray[_Number], /) -> NDArray[_Number]: ...
@overload
def linalg_outer(x1: _Bools, x2: _Bools, /) -> NDArray[np.bool]: ...
@overload
def linalg_outer(x1: _Integers, x2: _Integers, /) -> NDArray[np.integer]: ...
@overload
def linalg_outer(x1: _Reals, x2: _Reals, /) -> NDArray[np.floating]: ...
@overload
def linalg_outer(x1: _Numbers, x2: _Numbers, /) -> NDArray[np.complexfloating]: ...
@overload
def linalg_outer(x1: Any, x2: Any, /) -> Any: ...
@overload
def dot(a: Any, b: Any, out: _Out) -> _Out: ...
@overload
def dot(a: Any, b: Any, out: None = None) -> Any: ...
def inner(a: Any, b: Any, /) -> Any: ...
@overload
def vdot(a: _Bools, b: _Bools, /) -> np.bool: ...
@overload
def vdot(a: _Integers, b: _Integers, /) -> np.integer: ...
@overload
def vdot(a: _Reals, b: _Reals, /) -> np.floating: ...
@overload
def vdot(a: _Numbers, b: _Numbers, /) -> np.complexfloating: ...
@overload
def vdot(a: Any, b: Any, /) -> Any: ...
def linalg_matmul(x1: Any, x2: Any, /) -> Any: ...
def linalg_vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any: ...

# A ufunc of two operands with routes before it.
class _Product:
    @property
    def __name__(self) -> str: ...
    @property
    def nin(self) -> Literal[2]: ...
    @property
    def nout(self) -> Literal[1]: ...
    @property
    def nargs(self) -> Literal[3]: ...
    @property
    def ntypes(self) -> int: ...
    @property
    def types(self) -> list[str]: ...
    @property
    def identity(self) -> None: ...
    @property
    def signature(self) -> str: ...
    @overload
    def __call__(
        self,
        x1: Any,
        x2: Any,
        /,
        out: _Out | tuple[_Out],
        *,
        casting: _Casting = ...,
        order: _Order = ...,
        dtype: DTypeLike | None = ...,
        subok: bool = ...,
        signature: Any = ...,
        axes: Any = ...,
        axis: int = ...,
        keepdims: bool = ...,
    ) -> _Out: ...
    @overload
    def __call__(
        self,
        x1: Any,
        x2: Any,
        /,
        out: tuple[None] | None = None,
        *,
        casting: _Casting = ...,
        order: _Order = ...,
        dtype: DTypeLike | None = ...,
        subok: bool = ...,
        signature: Any = ...,
        axes: Any = ...,
        axis: int = ...,
        keepdims: bool = ...,
    ) -> Any: ...

matmul: _Product
matvec: _Product
vecdot: _Product
vecmat: _Product

@overload
def multi_dot(arrays: Iterable[Any], *, out: _Out) -> _Out: ...
@overload
def multi_dot(arrays: Iterable[Any], *, out: None = None) -> Any: ...
@overload
def matrix_power(a: NDArray[_Number], n: int) -> NDArray[Any]: ...
@overload
def matrix_power(a: Sequence[Sequence[complex]], n: int) -> NDArray[Any]: ...
@overload
def matrix_power(a: Any, n: int) -> Any: ...

# A numpy.int32; of a stack of matrices, which NumPy does not take, an array of them.
_Rank: TypeAlias = np.int32 | Any

@overload
def lstsq(
    a: _Integers, b: _Integers, rcond: float | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64], _Rank, NDArray[np.float64]]: ...
@overload
def lstsq(
    a: NDArray[np.float64], b: NDArray[np.float64], rcond: float | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64], _Rank, NDArray[np.float64]]: ...
@overload
def lstsq(
    a: _Reals, b: _Reals, rcond: float | None = None
) -> tuple[NDArray[np.floating], NDArray[np.floating], _Rank, NDArray[np.floating]]: ...
@overload
def lstsq(
    a: _Numbers, b: _Numbers, rcond: float | None = None
) -> tuple[NDArray[np.complexfloating], NDArray[np.floating], _Rank, NDArray[np.floating]]: ...
@overload
def lstsq(
    a: Factorized, b: ArrayLike, rcond: float | None = None
) -> tuple[NDArray[Any], NDArray[Any], np.int32, NDArray[Any]]: ...
@overload
def lstsq(a: Any, b: Any, rcond: float | None = None) -> tuple[Any, Any, Any, Any]: ...
@overload
def solve(a: _Integers, b: _Integers) -> NDArray[np.float64]: ...
@overload
def solve(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]: ...
@overload
def solve(a: _Reals, b: _Reals) -> NDArray[np.floating]: ...
@overload
def solve(a: _Numbers, b: _Numbers) -> NDArray[np.complexfloating]: ...
@overload
def solve(a: Factorized, b: ArrayLike) -> NDArray[Any]: ...
@overload
def solve(a: Any, b: Any) -> Any: ...
@overload
def inv(a: _Integers) -> NDArray[np.float64]: ...
@overload
def inv(a: NDArray[np.float64]) -> NDArray[np.float64]: ...
@overload
def inv(a: _Reals) -> NDArray[np.floating]: ...
@overload
def inv(a: _Numbers) -> NDArray[np.complexfloating]: ...
@overload
def inv(a: Factorized) -> NDArray[Any]: ...
@overload
def inv(a: Any) -> Any: ...
@overload
def pinv(
    a: _Integers, rcond: Any = None, hermitian: bool = False, *, rtol: Any = ...
) -> NDArray[np.float64]: ...
@overload
def pinv(
    a: NDArray[np.float64], rcond: Any = None, hermitian: bool = False, *, rtol: Any = ...
) -> NDArray[np.float64]: ...
@overload
def pinv(
    a: _Reals, rcond: Any = None, hermitian: bool = False, *, rtol: Any = ...
) -> NDArray[np.floating]: ...
@overload
def pinv(
    a: _Numbers, rcond: Any = None, hermitian: bool = False, *, rtol: Any = ...
) -> NDArray[np.complexfloating]: ...
@overload
def pinv(a: Factorized, rcond: Any = None, hermitian: bool = False, *, rtol: Any = ...) -> NDArray[Any]: ...
@overload
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = ...) -> Any: ...
