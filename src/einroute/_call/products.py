"""Products as contractions: which are worth a route, and what is then planned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from .._base.facts import Contraction, Options
from .._base.routes import NoRoute
from .._config.state import current, left_to_numpy
from .._execute.call import Call
from .._kinds.dense.kind import KIND
from .understand import Array, ndarray

#: Products (an upper bound) from which integers, and outer products, are worth looking up a route for.
_WORTH = 1 << 18
_LOUD = Options(quiet=False, scalar=True)


def worth(a: Array, b: Array, axis: int) -> bool:
    """Whether two plain arrays are large ones of integers or bools, whose product is worth a route.

    They must be of one dtype, and the last axis of the first must have the size of an ``axis`` of the second.
    """
    return (
        a.dtype.kind in "iub"
        and a.dtype == b.dtype
        and a.dtype.isnative
        and a.size * b.size >= _WORTH * 8
        and a.ndim > 1
        and b.ndim > 1
        and a.shape[-1] == b.shape[axis]
        and current().products
    )


def worth_outer(a: Array, b: Array) -> bool:
    """Whether an outer product is so large that it is worth a route."""
    return a.size * b.size >= _WORTH and a.dtype == b.dtype and a.dtype.kind in "iufc" and a.dtype.isnative


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


@dataclass(frozen=True, slots=True)
class Terms:
    """A product as a contraction that is known to be sound: sizes agree and the dtypes are one."""

    name: str
    inputs: tuple[str, ...]
    output: str
    arrays: tuple[Array, ...]

    def call(self) -> Call:
        """What there is to plan."""
        sizes: dict[str, int] = {}
        for labels, x in zip(self.inputs, self.arrays, strict=True):
            for c, n in zip(labels, x.shape, strict=True):
                if sizes.get(c, 1) == 1:
                    sizes[c] = n
        facts = (fact for x in self.arrays for fact in (x.shape, x.dtype, x.strides))
        return Call(
            Contraction(self.inputs, self.output, sizes),
            self.arrays,
            (KIND,) * len(self.arrays),
            self.arrays[0].dtype,
            options=_LOUD,
            key=(self.name, self.inputs, *facts),
        )


def outer_terms(a: Array, b: Array) -> Terms:
    """An outer product as a contraction."""
    return Terms("outer", ("i", "j"), "ij", (a.ravel(), b.ravel()))


def batched_terms(a: Array, b: Array) -> Terms:
    """Matmul as a contraction: batch axes aligned from the right, broadcast where one has length 1."""
    batch = "".join(chr(0x100 + i) for i in reversed(range(max(a.ndim, b.ndim) - 2)))
    of_a, of_b = batch[len(batch) - a.ndim + 2 :], batch[len(batch) - b.ndim + 2 :]
    return Terms("matmul", (of_a + "ij", of_b + "jk"), batch + "ik", (a, b))


def chain_terms(arrays: Any) -> Terms:
    """A chain of matrices, of which the first and the last may be vectors, as a contraction."""
    letters = "abcdefghijklmnopqrstuvwxyzA"
    inputs = [letters[i : i + 2] for i in range(len(arrays))]
    if arrays[0].ndim == 1:
        inputs[0] = inputs[0][1:]
    if arrays[-1].ndim == 1:
        inputs[-1] = inputs[-1][:1]
    ends = (inputs[0][0] if arrays[0].ndim == 2 else "") + (inputs[-1][1] if arrays[-1].ndim == 2 else "")
    return Terms("multi_dot", tuple(inputs), ends, tuple(arrays))


def contract(terms: Terms, numpys: Callable[[], Any]) -> Any:
    """A product by its plan; ``numpys`` is NumPy's, for where no route gives its floating-point warnings."""
    call, state = terms.call(), current()
    try:
        return call.run(state, None)
    except NoRoute:
        if not left_to_numpy(call, state):
            raise
        return numpys()
