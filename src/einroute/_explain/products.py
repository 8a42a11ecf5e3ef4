"""What dot, matmul, inner, vdot, outer, vecdot and multi_dot would do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from .._api.functions import ROUTED
from .._api.linalg_products import linalg_matmul, linalg_outer, linalg_vecdot
from .._api.products import dot, inner, multi_dot, outer, vdot
from .._api.ufuncs import matmul, vecdot
from .._base.cost import Cost, gemm_rate
from .._base.formatting import readable
from .._call.fallback import want
from .._call.mixed_products import (
    conjugated,
    given_options,
    is_contraction,
    refuse_undispatched,
    understand_chain,
    understand_product,
)
from .._call.product_labels import CONJUGATED, PAIRS, core_labels
from .._call.products import batched_terms, chain_terms, is_chain, outer_terms, worth, worth_outer
from .._call.understand import understand_tensordot
from .._config.state import check_strict, current
from .._execute.call import Call
from .._kinds.registry import any_other, kind_of
from .._kinds.structured import Structured
from .contractions import explain_call
from .explanation import Explanation
from .outline import OutlineOperand
from .outlining import in_one_step, operand_of
from .stand_in import stand_in

__all__ = ["PRODUCTS", "explain_product"]

Shape = tuple[int, ...]
Array = np.ndarray[Any, Any]

#: Products of two operands over one axis: the labels of both and of the result from their shapes, and the
#: axis of the second that is contracted with the last of the first.
_PAIRS: dict[Any, tuple[Callable[[Shape, Shape], tuple[str, str, str]], int]] = {
    dot: (PAIRS["dot"], -2),
    inner: (PAIRS["inner"], -1),
    matmul: (partial(core_labels, "matmul"), -2),
    linalg_matmul: (partial(core_labels, "matmul"), -2),
}
_VECTORS = (vdot, vecdot, linalg_vecdot)
PRODUCTS = frozenset({*_PAIRS, *_VECTORS, outer, linalg_outer, multi_dot})

#: Multiply-adds a second of NumPy's own loops, where BLAS does not know the dtype.
LOOPS = 1e9
#: Options of ufuncs under which a product is another one.
_UFUNC_ONLY = frozenset({"axes", "axis", "keepdims", "signature", "subok", "where"})


def explain_product(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Explanation:
    """What a product would do; `function` is one of `PRODUCTS`.

    Parameters
    ----------
    function : callable
    args, kwargs
        Bound to its signature: whatever can stand by position does.

    Raises
    ------
    TypeError
        Operands that the function does not take.
    ValueError
        Shapes that do not fit.
    NoRoute
        The configuration leaves no way.
    """
    if function is multi_dot:
        return _chain(*args, **kwargs)
    a, b = (stand_in(x) for x in args[:2])
    options = {name: x for name, x in kwargs.items() if x is not None and x is not np._NoValue}
    if len(args) > 2 and args[2] is not None:
        options["out"] = args[2]
    told = (operand_of(a), operand_of(b))
    out = options.get("out")
    if any_other((a, b)):
        return _of_others(function, a, b, options, told)
    if all(kind_of(x) is not None for x in (a, b)):
        _check_vectors(function, np.shape(a), np.shape(b), options)
        if not options.keys() & _UFUNC_ONLY:
            _check_shapes(function, np.shape(a), np.shape(b), out)
    reason = want((a, b, out), options)
    if reason:
        check_strict(current(), ROUTED[function].name, reason)
        return _own(function, told, reason)
    plain = type(a) is type(b) is np.ndarray and not options
    a, b = np.asarray(a), np.asarray(b)
    if options.keys() & _UFUNC_ONLY:
        return _own(function, told, "options of a ufunc, which only NumPy's takes")
    if function in _PAIRS:
        return _pair(function, a, b, told, plain=plain)
    if function in _VECTORS:
        return _own(function, told, "NumPy's own is the fastest way known", _vectors(a, b))
    if plain and worth_outer(a, b):
        return explain_call(function, outer_terms(a, b).call(), told)
    return _own(function, told, "small, or of dtypes without a route", _pass(a, b, a.size * b.size))


def _check_shapes(function: Any, a: Shape, b: Shape, out: Any) -> None:
    """Raise where matrices do not fit, or an ``out`` has another shape than the result."""
    made: Shape | None = None
    if function in _PAIRS:
        of_a, of_b, output = _PAIRS[function][0](a, b)
        made = tuple(_sizes(of_a + of_b, a + b)[c] for c in output)
    elif function is outer:
        made = (prod(a), prod(b))
    if made is not None and type(out) is np.ndarray and out.shape != made:
        raise ValueError(f"{ROUTED[function].name}: out has shape {out.shape}, expected {made}")


def _sizes(labels: str, shape: Shape) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for c, n in zip(labels, shape, strict=True):
        sizes[c] = max(n, sizes.get(c, n))
    return sizes


def _check_vectors(function: Any, a: Shape, b: Shape, options: dict[str, Any]) -> None:
    """Raise where vectors do not fit; what has matrices is checked by their labels."""
    name = ROUTED[function].name
    if function is vdot and prod(a) != prod(b):
        raise ValueError(
            f"{name}: operand 0 has {prod(a)} elements and operand 1 has {prod(b)}; their sizes must be equal"
        )
    if function is linalg_outer and not len(a) == len(b) == 1:
        raise ValueError(f"{name}: operands have shapes {a} and {b}, expected one dimension each")
    if function in {vecdot, linalg_vecdot} and not options.keys() & {"axes", "axis"}:
        if not a or not b or a[-1] != b[-1]:
            raise ValueError(f"{name}: shapes {a} and {b} have no last axis of one size")
        try:
            np.broadcast_shapes(a[:-1], b[:-1])
        except ValueError:
            raise ValueError(
                f"{name}: the axes {a[:-1]} and {b[:-1]} before the last do not broadcast; they must be "
                f"equal or 1"
            ) from None


def _pair(function: Any, a: Array, b: Array, told: Sequence[OutlineOperand], *, plain: bool) -> Explanation:
    labels, axis = _PAIRS[function]
    of_a, of_b, output = labels(a.shape, b.shape)
    if plain and worth(a, b, axis):
        return explain_call(function, _planned_pair(function, a, b, axis), told)
    sizes = _sizes(of_a + of_b, a.shape + b.shape)
    blas = a.dtype == b.dtype and a.dtype.char in "fdFD"
    reason = "NumPy's own is BLAS" if blas else "small, or of dtypes without a route"
    subscripts = readable(f"{of_a},{of_b}->{output}", prime="")
    return _own(function, told, reason, _gemm(a, b, (of_a, of_b, output), sizes, blas=blas), subscripts)


def _planned_pair(function: Any, a: Array, b: Array, axis: int) -> Any:
    """What there is to plan: dot and inner are calls of tensordot, matmul has batches."""
    if function in {matmul, linalg_matmul}:
        return batched_terms(a, b).call()
    return understand_tensordot(a, b, ((a.ndim - 1,), (b.ndim + axis,)))


def _of_others(
    function: Any, a: Any, b: Any, options: dict[str, Any], told: Sequence[OutlineOperand]
) -> Explanation:
    """A product of operands some of which are no arrays."""
    name = ROUTED[function].name
    bare = name.rpartition(".")[2]
    if not is_contraction(bare, (a, b)):
        refuse_undispatched(name, "write it as an einsum", a, b)
        _check_vectors(function, np.shape(a), np.shape(b), options)
        if isinstance(a, Structured) or isinstance(b, Structured):
            return _own(function, told, "a structured operand is written out for NumPy's own function")
        return _own(function, told, want((a, b)) or "the operand's own library answers")
    given = given_options(bare, options)
    call = understand_product(bare, conjugated(a) if bare in CONJUGATED else a, b, **given)
    return explain_call(function, call, told)


def _chain(arrays: Any, *, out: Any = None) -> Explanation:
    if any_other((arrays,)):
        raise TypeError(f"multi_dot takes a sequence of operands, not one {type(arrays).__name__}")
    if not isinstance(arrays, (list, tuple)):
        return _own(multi_dot, (operand_of(arrays),), "not a list or a tuple of arrays")
    arrays = [stand_in(x) for x in arrays]
    if any_other(arrays):
        return explain_call(multi_dot, understand_chain(arrays), [operand_of(x) for x in arrays])
    told = [operand_of(x) for x in arrays]
    if all(kind_of(x) is not None for x in arrays):
        _check_chain([np.shape(x) for x in arrays], out)
    reason = want((*arrays, out), () if out is None else ("out",))
    if reason:
        check_strict(current(), ROUTED[multi_dot].name, reason)
        return _own(multi_dot, told, reason)
    if out is None and is_chain(arrays):
        call: Call = chain_terms(arrays).call()
        return explain_call(multi_dot, call, told)
    return _own(multi_dot, told, "two operands, an out, or not a chain of arrays of one BLAS dtype")


def _check_chain(shapes: list[Shape], out: Any) -> None:
    """Raise where operands are no chain of matrices, of which the first and the last may be vectors."""
    if len(shapes) < 2:
        raise ValueError(f"multi_dot: {len(shapes)} operands, expected at least two")
    last = len(shapes) - 1
    for i, shape in enumerate(shapes):
        if len(shape) != 2 and not (len(shape) == 1 and i in {0, last}):
            raise np.linalg.LinAlgError(
                f"multi_dot: operand {i} has shape {shape}, expected two dimensions"
                f"{' or one' if i in {0, last} else ''}; reshape it"
            )
    for i, (left, right) in enumerate(pairwise(shapes)):
        if left[-1] != right[0]:
            raise ValueError(
                f"multi_dot: operand {i} has shape {left} and operand {i + 1} has shape {right}; the last "
                f"size of one must be the first of the next"
            )
    made = (shapes[0][:1] if len(shapes[0]) == 2 else ()) + (shapes[-1][1:] if len(shapes[-1]) == 2 else ())
    if type(out) is np.ndarray and out.shape != made:
        raise ValueError(f"multi_dot: out has shape {out.shape}, expected {made}")


def _vectors(a: Array, b: Array) -> Cost:
    """One pass over both, broadcast against each other; of `vdot` and with ``axis=`` about as much."""
    try:
        products = prod(np.broadcast_shapes(a.shape, b.shape))
    except ValueError:
        products = max(a.size, b.size)
    return _pass(a, b, products)


def _pass(a: Array, b: Array, products: int) -> Cost:
    """One pass over the operands."""
    return Cost(products, float(a.nbytes + b.nbytes), 1, 4 * LOOPS)


def _gemm(a: Array, b: Array, labels: tuple[str, str, str], sizes: dict[str, int], *, blas: bool) -> Cost:
    """A matrix product of the whole, by BLAS or by loops."""
    of_a, of_b, output = labels

    def extent(chosen: set[str]) -> int:
        return prod(sizes[c] for c in chosen)

    every, out = set(of_a + of_b), set(output)
    m, n, k = extent(out - set(of_b)), extent(out - set(of_a)), extent(every - out)
    threads = current().config.threads
    rate = gemm_rate(m, n, max(k, 1), a.dtype.itemsize, a.dtype.kind == "c", threads) if blas else LOOPS
    written = extent(out) * max(a.dtype.itemsize, b.dtype.itemsize)
    return Cost(extent(every), float(a.nbytes + b.nbytes + written), 1, max(rate, 1.0))


def _own(
    function: Any,
    told: Sequence[OutlineOperand],
    reason: str,
    cost: Cost | None = None,
    subscripts: str = "",
) -> Explanation:
    names = ROUTED[function]
    outline = in_one_step(names.name, names.own, told, reason, cost, subscripts=subscripts)
    return Explanation(outline, reason=reason)
