"""What dot, matmul and the other products would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from .._api.functions import ROUTED
from .._api.linalg_products import linalg_matmul, linalg_outer, linalg_vecdot
from .._api.matrix_power import exponent, is_planned, matrix_power, products, refuse_shape
from .._api.products import dot, inner, multi_dot, outer, vdot
from .._api.solve import inv
from .._api.ufuncs import matmul, matvec, vecdot, vecmat
from .._base.cost import Cost, gemm_rate
from .._base.errors import as_numpys
from .._base.formatting import plural, readable
from .._call import solving
from .._call.ask import BAD_CALL
from .._call.fallback import fallback_reason
from .._call.mixed_products import NUMPYS, dot_of_all, understand_chain, understand_product
from .._call.operands import Fallback
from .._call.pairs import (
    DOT,
    INNER,
    LINALG_MATMUL,
    LINALG_OUTER,
    LINALG_VECDOT,
    MATMUL,
    MATVEC,
    OUTER,
    UFUNC_ONLY,
    VDOT,
    VECDOT,
    VECMAT,
    Product,
)
from .._call.product_labels import CORES, PAIRS, core_labels
from .._call.products import chain_terms, is_chain, pair_terms
from .._config.state import check_strict, current
from .._execute.call import Call
from .._kinds.registry import any_other, kind_of, other_kind
from .._kinds.structured import Structured
from .contractions import explain_call
from .explanation import Explanation
from .outline import OutlineOperand
from .outlining import in_one_step, operand_of
from .rehearsal import refuse_as_numpy, rehearse
from .stand_in import as_array, stand_in

__all__ = ["PRODUCTS", "explain_product"]

Shape = tuple[int, ...]
Array = np.ndarray[Any, Any]


#: What decides each product of two operands.
_PAIRS: dict[Any, Product] = {
    dot: DOT,
    inner: INNER,
    outer: OUTER,
    vdot: VDOT,
    matmul: MATMUL,
    matvec: MATVEC,
    vecmat: VECMAT,
    vecdot: VECDOT,
    linalg_matmul: LINALG_MATMUL,
    linalg_outer: LINALG_OUTER,
    linalg_vecdot: LINALG_VECDOT,
}
#: Products of vectors, which have no matrices to check by their labels.
_VECTORS = frozenset({"vdot", "vecdot", "outer"})
PRODUCTS = frozenset({*_PAIRS, multi_dot, matrix_power})

#: Multiply-adds a second of NumPy's own loops, where BLAS does not know the dtype.
LOOPS = 1e9


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
    if function is matrix_power:
        return _power(*args)
    a, b = (stand_in(x) for x in args[:2])
    options = {name: x for name, x in kwargs.items() if x is not None and x is not np._NoValue}
    if len(args) > 2 and args[2] is not None:
        options["out"] = args[2]
    told = (operand_of(a), operand_of(b))
    pair = _PAIRS[function]
    try:
        call = pair.understand(a, b, options)
    except BAD_CALL as ours:
        refuse_as_numpy(ours, NUMPYS[pair.name], (a, b), options)
        call = Fallback(str(ours))
    if isinstance(call, Call):
        return explain_call(function, call, told)
    if call.fallback:
        check_strict(current(), ROUTED[function].name, call.reason)
    _refuse_misfit(function, a, b, options)
    if call.reason:
        return _own(function, told, call.reason)
    return _numpys(function, np.asarray(a), np.asarray(b), told)


def _refuse_misfit(function: Any, a: Any, b: Any, options: dict[str, Any]) -> None:
    """Raise what NumPy's own function raises, with a message of ours where shapes do not fit."""
    if any(kind_of(x) is None for x in (a, b)):
        return
    given = map(_flat, (a, b)) if function in {outer, vdot} else (a, b)
    theirs = rehearse(_PAIRS[function].numpys, given, options)
    if theirs is None:
        return
    if isinstance(theirs, TypeError):
        raise theirs  # which is not about shapes
    try:
        _check_vectors(function, np.shape(a), np.shape(b), options)
        if not options.keys() & UFUNC_ONLY:
            _check_shapes(function, np.shape(a), np.shape(b), options.get("out"))
    except BAD_CALL as ours:
        raise as_numpys(ours, theirs) from theirs
    raise theirs


def _flat(x: Any) -> Any:
    """What a function that flattens an operand makes of it, by its facts."""
    if other_kind(x) is not None and not isinstance(x, Structured):
        return x
    array = as_array(x)
    return np.broadcast_to(np.zeros((), array.dtype), (array.size,))


def _check_shapes(function: Any, a: Shape, b: Shape, out: Any) -> None:
    """Raise where matrices do not fit, or an ``out`` has another shape than the result."""
    made: Shape | None = None
    name = _PAIRS[function].name
    if name not in _VECTORS:
        of_a, of_b, output = _labels(name, a, b)
        made = tuple(_sizes(of_a + of_b, a + b)[c] for c in output)
    elif name == "outer":
        made = (prod(a), prod(b))
    if made is not None and type(out) is np.ndarray and out.shape != made:
        raise ValueError(f"{ROUTED[function].name}: out has shape {out.shape}, expected {made}")


def _labels(name: str, a: Shape, b: Shape) -> tuple[str, str, str]:
    return core_labels(name, a, b) if name in CORES else PAIRS[name](a, b)


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


def _numpys(function: Any, a: Array, b: Array, told: Sequence[OutlineOperand]) -> Explanation:
    """A product for which NumPy's own function is the right one."""
    name = _PAIRS[function].name
    if name == "outer":
        return _own(function, told, "small, or of dtypes without a route", _pass(a, b, a.size * b.size))
    if name in _VECTORS:
        return _own(function, told, "NumPy's own is the fastest way known", _vectors(a, b))
    of_a, of_b, output = _labels(name, a.shape, b.shape)
    sizes = _sizes(of_a + of_b, a.shape + b.shape)
    blas = a.dtype == b.dtype and a.dtype.char in "fdFD"
    reason = "NumPy's own is BLAS" if blas else "small, or of dtypes without a route"
    subscripts = readable(f"{of_a},{of_b}->{output}", prime="")
    return _own(function, told, reason, _gemm(a, b, (of_a, of_b, output), sizes, blas=blas), subscripts)


def _power(a: Any, n: Any) -> Explanation:
    """The first product of a power, and how many there are."""
    a, n = stand_in(a), exponent(n)
    told = (operand_of(a),)
    other = any_other((a,))
    reason = "" if other else fallback_reason((a,))
    if reason:
        check_strict(current(), ROUTED[matrix_power].name, reason)
    if other or kind_of(a) is not None:
        refuse_shape(a if other else np.asarray(a))
    if reason:
        return _own(matrix_power, told, reason)
    inverse = solving.explained(inv, (a,)) if other and n < 0 else None
    if inverse is not None:
        inverse(a)  # refuses what inv refuses
    if not other and not (type(a) is np.ndarray and is_planned(a)):
        return _own(
            matrix_power, told, "its products are single calls of BLAS, or small", _of_power(np.asarray(a), n)
        )
    if n < 2:
        return _own(matrix_power, told, "the inverse is NumPy's own" if n < 0 else "no product")
    call = understand_product("matmul", a, a) if other else pair_terms("matmul", a, a).call()
    explained = explain_call(matrix_power, call, told * 2)
    note = f"the first of {products(n)} products: {n} = {n:#b}"
    return replace(explained, outline=replace(explained.outline, notes=(note, *explained.outline.notes)))


def _of_power(a: Array, n: int) -> Cost | None:
    """All products of a power of matrices, without those of the inverse."""
    if abs(n) < 2:
        return None
    labels = core_labels("matmul", a.shape, a.shape)
    sizes = _sizes(labels[0] + labels[1], a.shape * 2)
    one, count = _gemm(a, a, labels, sizes, blas=a.dtype.char in "fdFD"), products(abs(n))
    return replace(one, flops=one.flops * count, bytes=one.bytes * count)


def _chain(arrays: Any, *, out: Any = None) -> Explanation:
    if any_other((arrays,)):
        raise TypeError(f"multi_dot takes a sequence of operands, not one {type(arrays).__name__}")
    if not isinstance(arrays, (list, tuple)):
        return _own(multi_dot, (operand_of(arrays),), "not a list or a tuple of arrays")
    arrays = [stand_in(x) for x in arrays]
    told = [operand_of(x) for x in arrays]
    options = {} if out is None else {"out": out}
    if any_other(arrays):
        try:
            return explain_call(multi_dot, understand_chain(arrays, out), told)
        except BAD_CALL as ours:
            refuse_as_numpy(ours, dot_of_all, arrays, options)
            check_strict(current(), ROUTED[multi_dot].name, str(ours))
            return _own(multi_dot, told, str(ours))
    reason = fallback_reason((*arrays, out), options)
    if reason:
        check_strict(current(), ROUTED[multi_dot].name, reason)
    if all(kind_of(x) is not None for x in arrays):
        _check_chain([np.shape(x) for x in arrays], out)
    if reason:
        return _own(multi_dot, told, reason)
    if out is None and is_chain(arrays):
        call: Call = chain_terms(arrays).call()
        return explain_call(multi_dot, call, told)
    return _own(multi_dot, told, "two operands, an out, or not a chain of arrays of one BLAS dtype")


def _check_chain(shapes: list[Shape], out: Any) -> None:
    """Raise where operands are no chain of matrices, of which the first and the last may be vectors."""
    if len(shapes) < 2:
        raise ValueError(f"multi_dot: {plural(len(shapes), 'operand')}, expected at least two")
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
