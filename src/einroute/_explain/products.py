"""What dot, matmul and the other products would do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
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
from .._base.formatting import readable
from .._call import solving
from .._call.fallback import fallback_reason
from .._call.mixed_products import (
    conjugated,
    given_options,
    is_contraction,
    refuse_undispatched,
    understand_chain,
    understand_product,
)
from .._call.product_labels import CONJUGATED, PAIRS, core_labels
from .._call.products import (
    FEW,
    batched_terms,
    chain_terms,
    is_chain,
    outer_terms,
    worth,
    worth_outer,
    worth_vectors,
)
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


def _as_tensordot(axis: int) -> Callable[[Array, Array], Any]:
    """The call of tensordot that contracts the last axis of the first operand with one of the second."""
    return lambda a, b: understand_tensordot(a, b, ((a.ndim - 1,), (b.ndim + axis,)))


def _batched(name: str) -> Callable[[Array, Array], Any]:
    """The contraction that a generalized ufunc is."""
    return lambda a, b: batched_terms(name, _conjugated(a) if name in CONJUGATED else a, b).call()


def _conjugated(a: Array) -> Array:
    """An array with the layout of the conjugate."""
    return a if a.dtype.kind != "c" or a.flags.c_contiguous else np.empty_like(a)


def _worth_vectors(name: str) -> Callable[[Array, Array], bool]:
    """Whether a generalized ufunc of vectors is looked at, and worth a route."""
    return lambda a, b: a.size * b.size >= FEW and worth_vectors(name, a, b)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A product of two operands over one axis.

    Attributes
    ----------
    labels : callable
        Those of both operands and of the result, from their shapes.
    worth : callable
        Whether plain arrays are worth a route.
    call : callable
        What is planned then.
    """

    labels: Callable[[Shape, Shape], tuple[str, str, str]]
    worth: Callable[[Array, Array], bool]
    call: Callable[[Array, Array], Any]


_PAIRS: dict[Any, _Pair] = {
    dot: _Pair(PAIRS["dot"], partial(worth, axis=-2), _as_tensordot(-2)),
    inner: _Pair(PAIRS["inner"], partial(worth, axis=-1), _as_tensordot(-1)),
    matmul: _Pair(partial(core_labels, "matmul"), partial(worth, axis=-2), _batched("matmul")),
    linalg_matmul: _Pair(partial(core_labels, "matmul"), partial(worth, axis=-2), _batched("matmul")),
    matvec: _Pair(partial(core_labels, "matvec"), _worth_vectors("matvec"), _batched("matvec")),
    vecmat: _Pair(partial(core_labels, "vecmat"), _worth_vectors("vecmat"), _batched("vecmat")),
}
_VECTORS = (vdot, vecdot, linalg_vecdot)
PRODUCTS = frozenset({*_PAIRS, *_VECTORS, outer, linalg_outer, multi_dot, matrix_power})

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
    if function is matrix_power:
        return _power(*args)
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
    reason = fallback_reason((a, b, out), options)
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
        of_a, of_b, output = _PAIRS[function].labels(a, b)
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
    pair = _PAIRS[function]
    of_a, of_b, output = pair.labels(a.shape, b.shape)
    if plain and pair.worth(a, b):
        return explain_call(function, pair.call(a, b), told)
    sizes = _sizes(of_a + of_b, a.shape + b.shape)
    blas = a.dtype == b.dtype and a.dtype.char in "fdFD"
    reason = "NumPy's own is BLAS" if blas else "small, or of dtypes without a route"
    subscripts = readable(f"{of_a},{of_b}->{output}", prime="")
    return _own(function, told, reason, _gemm(a, b, (of_a, of_b, output), sizes, blas=blas), subscripts)


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
        return _own(function, told, fallback_reason((a, b)) or "the operand's own library answers")
    given = given_options(bare, options)
    call = understand_product(bare, conjugated(a) if bare in CONJUGATED else a, b, **given)
    return explain_call(function, call, told)


def _power(a: Any, n: Any) -> Explanation:
    """The first product of a power, and how many there are."""
    a, n = stand_in(a), exponent(n)
    told = (operand_of(a),)
    other = any_other((a,))
    if other or kind_of(a) is not None:
        refuse_shape(a if other else np.asarray(a))
    reason = "" if other else fallback_reason((a,))
    if reason:
        check_strict(current(), ROUTED[matrix_power].name, reason)
        return _own(matrix_power, told, reason)
    inverse = solving.explained(inv, (a,)) if other and n < 0 else None
    if inverse is not None:
        inverse(a)  # refuses what inv refuses
    if not other and not (type(a) is np.ndarray and is_planned(a)):
        return _own(matrix_power, told, "small, or of a dtype that BLAS knows", _of_power(np.asarray(a), n))
    if n < 2:
        return _own(matrix_power, told, "the inverse is NumPy's own" if n < 0 else "no product")
    call = understand_product("matmul", a, a) if other else batched_terms("matmul", a, a).call()
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
    if any_other(arrays):
        return explain_call(multi_dot, understand_chain(arrays), [operand_of(x) for x in arrays])
    told = [operand_of(x) for x in arrays]
    if all(kind_of(x) is not None for x in arrays):
        _check_chain([np.shape(x) for x in arrays], out)
    reason = fallback_reason((*arrays, out), () if out is None else ("out",))
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
