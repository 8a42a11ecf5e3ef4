"""Products as contractions: which are worth a route, and what is then planned."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from .._base.facts import Contraction, Options
from .._base.fixed import fixed
from .._base.records import dataclass
from .._base.routes import NoRoute, Runner
from .._config.state import current, left_to_numpy
from .._execute.call import Call
from .._kinds.dense.kind import KIND
from .._native import CORE
from .keys import Key
from .operands import Array, ndarray
from .product_labels import CONJUGATED, CORES, PAIRS

#: Products (an upper bound) from which integers, and outer products, are worth looking up a route for.
_WORTH = 1 << 18
#: Elements of one operand times those of the other from which a product of bools is, whose sums NumPy ends
#: at the first true, and one of integers: the core finds the bound on their sums sooner.
_WORTH_BOOLS = 1 << 21
_WORTH_INTEGERS = _WORTH_BOOLS if CORE is None else 1 << 17
#: Elements of one operand times those of the other from which a matvec or vecmat is looked at.
_FEW = 1 << 13
#: Vectors of one matrix from which they are worth a product of matrices: how many in all where that is all
#: they save, how many at least, and how many at least where NumPy's loops over bools end at the first true.
_MANY, _SOME, _MANY_BOOLS = 400, 16, 64
#: Products of floats from which that is worth it; and complex ones, since NumPy's vecmat of those does
#: without BLAS.
_WORTH_BLAS, _WORTH_CONJUGATED = 1 << 19, 1 << 15
_LOUD = Options(quiet=False, scalar=True)


def worth(a: Array, b: Array, axis: int = -2) -> bool:
    """Whether two plain arrays are large ones of integers or bools, whose product is worth a route.

    They must be of one dtype, and the last axis of the first must have the size of an ``axis`` of the second.
    """
    return (
        a.dtype.kind in "iub"
        and a.dtype == b.dtype
        and a.dtype.isnative
        and a.size * b.size >= (_WORTH_BOOLS if a.dtype.kind == "b" else _WORTH_INTEGERS)
        and a.ndim > 1
        and b.ndim > 1
        and a.shape[-1] == b.shape[axis]
        and current().products
    )


def worth_inner(a: Array, b: Array) -> bool:
    """Whether an inner product of plain arrays is worth a route."""
    return a.dtype.kind in "iub" and worth(a, b, -1)


def never(_a: Array, _b: Array) -> bool:
    """NumPy's own is the fastest way known."""
    return False


def worth_matvec(a: Array, b: Array) -> bool:
    """Whether a matvec of plain arrays is worth a route."""
    return a.size * b.size >= _FEW and _worth_of_vectors("matvec", a, b)


def worth_vecmat(a: Array, b: Array) -> bool:
    """Whether a vecmat of plain arrays is worth a route."""
    return a.size * b.size >= _FEW and _worth_of_vectors("vecmat", a, b)


def _worth_of_vectors(name: str, a: Array, b: Array) -> bool:
    """Whether a matvec or vecmat of plain arrays is worth a route.

    NumPy multiplies vector by vector: by BLAS for floats, one call for each, and in loops for all else. Many
    vectors of one matrix are a product of matrices.

    Parameters
    ----------
    name : {"matvec", "vecmat"}
    a, b : ndarray
        Of `_FEW` elements times elements at least.
    """
    matrix, vectors = (a, b) if name == "matvec" else (b, a)
    size = matrix.size
    many = 1 if vectors.ndim < 2 else vectors.size // (vectors.shape[-1] or 1)
    if size < _WORTH_CONJUGATED and many < _MANY and size * many < _WORTH_CONJUGATED:
        return False  # all that small calls pay
    kind, most = matrix.dtype.kind, size * many  # at most so many products: both stacks may be broadcast
    if most < _WORTH and kind in "iub":
        return False
    return _fits(matrix, vectors, -1 if name == "matvec" else -2) and _worth_vectors(
        kind, matrix, vectors, conjugates=name in CONJUGATED
    )


def _fits(matrix: Array, vectors: Array, axis: int) -> bool:
    """Whether a matrix and vectors are of one dtype that there are routes for, and of one size."""
    dtype = matrix.dtype
    return (
        dtype == vectors.dtype
        and (dtype.kind in "iub" or dtype.char in "fdFD")
        and dtype.isnative
        and matrix.ndim > 1
        and vectors.ndim > 0
        and matrix.shape[axis] == vectors.shape[-1]
        and current().products
    )


def _worth_vectors(kind: str, matrix: Array, vectors: Array, *, conjugates: bool) -> bool:
    """Whether there are enough products, and vectors for each matrix."""
    stack, own = matrix.shape[:-2], vectors.shape[:-1]
    try:
        count: int = prod(np.broadcast_shapes(stack, own) if stack and stack != own else own)
    except ValueError:
        return False  # NumPy says what is wrong
    products: int = count * prod(matrix.shape[-2:])
    if not products:
        return False
    each = count // prod(stack)
    if kind in "iub":
        return products >= _WORTH and (kind != "b" or each >= _MANY_BOOLS)
    if each >= _SOME and (products >= _WORTH_BLAS or count >= _MANY):
        return True
    return conjugates and kind == "c" and products >= _WORTH_CONJUGATED


def worth_outer(a: Array, b: Array) -> bool:
    """Whether an outer product is so large that it is worth a route."""
    return a.size * b.size >= _WORTH and a.dtype == b.dtype and a.dtype.kind in "iufc" and a.dtype.isnative


def worth_outer_of_vectors(a: Array, b: Array) -> bool:
    """Whether that is so of vectors, the only ones that `numpy.linalg.outer` takes."""
    return a.ndim == b.ndim == 1 and worth_outer(a, b)


def is_chain(arrays: Any) -> bool:
    """Whether the operands are three or more plain arrays of one BLAS or integer dtype whose shapes fit."""
    if not isinstance(arrays, (list, tuple)) or not 3 <= len(arrays) <= 26:
        return False
    dtype: Any = getattr(arrays[0], "dtype", None)
    if not all(type(x) is ndarray and x.dtype == dtype for x in arrays):
        return False
    if (dtype.kind not in "iub" and dtype.char not in "fdFD") or not dtype.isnative:
        return False
    last = len(arrays) - 1
    if any(x.ndim != 2 and not (x.ndim == 1 and i in (0, last)) for i, x in enumerate(arrays)):
        return False
    return all(x.shape[-1] == y.shape[0] for x, y in pairwise(arrays))


def key_of(name: str, arrays: tuple[Array, ...]) -> Key:
    """What the bound plan of a product is kept under: its labels follow from the shapes."""
    return (name, *[(x.shape, x.dtype, x.strides) for x in arrays])


@dataclass(frozen=True, slots=True)
class Terms:
    """A product as a contraction that is known to be sound: sizes agree and the dtypes are one."""

    name: str
    inputs: tuple[str, ...]
    output: str
    arrays: tuple[Array, ...]

    @property
    def key(self) -> Key:
        """What its bound plan is kept under."""
        return key_of(self.name, self.arrays)

    def call(self) -> Call:
        """What there is to plan."""
        sizes: dict[str, int] = {}
        for labels, x in zip(self.inputs, self.arrays, strict=True):
            for c, n in zip(labels, x.shape, strict=True):
                if sizes.get(c, 1) == 1:
                    sizes[c] = n
        return Call(
            Contraction(self.inputs, self.output, sizes),
            self.arrays,
            (KIND,) * len(self.arrays),
            self.arrays[0].dtype,
            options=_LOUD,
            key=self.key,
        )


def pair_terms(name: str, a: Array, b: Array) -> Terms:
    """A product of two plain arrays as a contraction; the first is conjugated already where that is due.

    Raises
    ------
    ValueError
        Shapes that do not fit.
    """
    a, b = fixed((a, b))
    if name in CORES:
        return _batched_terms(name, a, b)
    if name == "outer":
        return Terms(name, ("i", "j"), "ij", (a.ravel(), b.ravel()))
    of_a, of_b, output = PAIRS[name](a.shape, b.shape)
    return Terms(name, (of_a, of_b), output, (a, b))


def _batched_terms(name: str, a: Array, b: Array) -> Terms:
    """One of `CORES`: batch axes aligned from the right, broadcast where one has length 1.

    Both operands have the core's axes, also in matmul.
    """
    core_a, core_b, core = CORES[name]
    batch_a, batch_b = a.ndim - len(core_a), b.ndim - len(core_b)
    np.broadcast_shapes(a.shape[:batch_a], b.shape[:batch_b])
    batch = "".join([chr(0x100 + i) for i in reversed(range(max(batch_a, batch_b)))])
    of_a, of_b = batch[len(batch) - batch_a :], batch[len(batch) - batch_b :]
    return Terms(name, (of_a + core_a, of_b + core_b), batch + core, (a, b))


def chain_terms(arrays: Any) -> Terms:
    """A chain of matrices, of which the first and the last may be vectors, as a contraction."""
    letters = "abcdefghijklmnopqrstuvwxyzA"
    arrays = fixed(arrays)
    inputs = [letters[i : i + 2] for i in range(len(arrays))]
    if arrays[0].ndim == 1:
        inputs[0] = inputs[0][1:]
    if arrays[-1].ndim == 1:
        inputs[-1] = inputs[-1][:1]
    ends = (inputs[0][0] if arrays[0].ndim == 2 else "") + (inputs[-1][1] if arrays[-1].ndim == 2 else "")
    return Terms("multi_dot", tuple(inputs), ends, arrays)


def known(name: str, arrays: tuple[Array, ...]) -> Runner | None:
    """The bound plan of a product, if there is one."""
    return current().plans.get(key_of(name, arrays))


def contract(terms: Terms, numpys: Callable[[], Any]) -> Any:
    """A product by its plan; ``numpys`` is NumPy's, for where no route gives its floating-point warnings."""
    call, state = terms.call(), current()
    try:
        return call.run(state, None)
    except NoRoute:
        if not left_to_numpy(call, state):
            raise
        return numpys()
