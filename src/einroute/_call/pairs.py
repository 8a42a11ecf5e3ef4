"""Products of two operands: what is planned for them, and what is left to NumPy's own functions.

For floats NumPy's own functions already are the fastest right way, and get the call as it came; what is
routed is what they do slowly, large products of integers and bools, large outer products and many vectors of
one matrix; and operands that are no arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from .._base import numpy_functions as numpys
from .._base.records import dataclass
from .._base.routed_operand import any_routed, on_arrays
from .._base.routes import Runner
from .._base.watch import WATCH
from .._config.state import current
from .._execute.call import Call
from .._kinds.in_graph import in_graph
from .._kinds.registry import any_other, other_kind
from .._native.fresh import LARGE, allocator
from .fallback import check_fallback, fallback_reason
from .mixed_products import (
    conjugated,
    given_options,
    is_contraction,
    known_product,
    product,
    refuse_undispatched,
    understand_product,
)
from .operands import Array, Fallback, left_to_dispatch, ndarray
from .product_labels import CONJUGATED, CORES
from .products import (
    contract,
    key_of,
    known,
    never,
    pair_terms,
    worth,
    worth_inner,
    worth_matvec,
    worth_outer,
    worth_outer_of_vectors,
    worth_vecmat,
)
from .small_products import small_product

__all__ = [
    "DOT",
    "INNER",
    "LINALG_MATMUL",
    "LINALG_OUTER",
    "LINALG_VECDOT",
    "MATMUL",
    "MATVEC",
    "OUTER",
    "UFUNC_ONLY",
    "VDOT",
    "VECDOT",
    "VECMAT",
    "Product",
]

#: Options of ufuncs under which a product is another one.
UFUNC_ONLY = frozenset({"axes", "axis", "keepdims", "signature", "subok", "where"})
#: NumPy's functions that take an ``out``.
_TAKE_OUT = frozenset(
    {
        numpys.numpy_dot,
        numpys.numpy_outer,
        numpys.numpy_matmul,
        numpys.numpy_vecdot,
        numpys.numpy_matvec,
        numpys.numpy_vecmat,
    }
)
#: Keywords that are no options.
_OPERANDS = ("a", "b", "out")
_OUT = {"out"}
_ARRAYS = frozenset({ndarray, np.float64, float, int})


def _dot(a: Any, b: Any, out: Any = None) -> tuple[Any, Any, dict[str, Any]]:
    return a, b, {} if out is None else {"out": out}


def _ufunc(*args: Any, **kwargs: Any) -> tuple[Any, Any, dict[str, Any]]:
    """The operands of a ufunc of two, a third named ``out``, which comes in a tuple by that name alone."""
    if not 2 <= len(args) <= 3 or (len(args) == 3 and "out" in kwargs):
        raise TypeError(f"got {len(args)} operands, expected two, and an out at most")
    if len(args) == 3:
        if isinstance(args[2], tuple):
            raise TypeError("return arrays must be of ArrayType: give a tuple as out=, or the array alone")
        kwargs["out"] = args[2]
    return args[0], args[1], kwargs


@dataclass(frozen=True, slots=True, eq=False)
class Product:
    """A product of two operands.

    Attributes
    ----------
    name : str
        What its labels go by: one of `product_labels`.
    numpys : callable
        NumPy's own function.
    worth : callable
        Whether two plain arrays are worth a route.
    bind : callable
        From the call's arguments to both operands and the options given.
    instead : str
        The einsum to write for operands that NumPy's function would take for objects.
    flattens : bool
        Whether NumPy's function flattens its operands, which makes it a contraction of some shapes only.
    """

    name: str
    numpys: Callable[..., Any]
    worth: Callable[[Array, Array], bool]
    bind: Callable[..., tuple[Any, Any, dict[str, Any]]] = _dot
    instead: str = "write it as an einsum"
    flattens: bool = False

    def of_arrays(self, a: Array, b: Array) -> Any:
        """The product of two plain arrays that are worth a route."""
        first = conjugated(a) if self.name in CONJUGATED else a
        run = known(self.name, (first, b))
        if run is not None:
            return run(first, b)
        try:
            terms = pair_terms(self.name, first, b)
        except ValueError:
            return self.numpys(a, b)  # which says what is wrong
        return contract(terms, lambda: self.numpys(a, b))

    def runner(self, a: Array, b: Array, out: Array | None = None) -> Runner | None:
        """What runs calls of the same facts, of plain arrays or sparse operands, as far as that is known."""
        if out is not None:
            return self._runner_into(a, b, out)
        if not type(a) is type(b) is ndarray:
            return known_product(self.name, a, b)
        if not self.worth(a, b):
            small: Runner | None = small_product(self.name, a, b)
            if small is None and WATCH.on:
                check_fallback(self.name, (a, b))
            if small is None and self.numpys in _MATRICES and a.size * b.size >= LARGE // 16:
                return _large_product(self.numpys, a, b) or self.numpys
            return small or self.numpys
        return None if self.name in CONJUGATED else known(self.name, (a, b))

    def _runner_into(self, a: Array, b: Array, out: Array) -> Runner | None:
        """What puts the product of two plain arrays into ``out``, with the bits that it has without one."""
        if not type(a) is type(b) is type(out) is ndarray or self.numpys not in _TAKE_OUT or self.worth(a, b):
            return None
        run: Any = small_product(self.name, a, b)
        # NumPy's dot fills an out of no axes, and returns a scalar; of others it wants C arrays, aligned.
        fits = self.name in CORES or (out.ndim > 0 and out.flags.carray)
        if run is None or not run.makes_what(out) or not fits:
            return None if WATCH.on else self.numpys  # which says what is wrong with it
        small: Runner = run
        return small

    def watched(self, a: Array, b: Array) -> Any:
        """The product of two plain arrays that are not worth a route, where somebody may be told of it."""
        if small_product(self.name, a, b) is not None:  # by a plan, which can be told of
            run = known(self.name, (a, b))
            if run is not None:
                return run(a, b)
            return understand_product(self.name, a, b).run(current(), None, key_of(self.name, (a, b)))
        check_fallback(self.name, (a, b))
        return self.numpys(a, b)

    def of_others(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The product in a call with options, or with operands that are not both plain arrays."""
        operands = (*args, *(kwargs[name] for name in _OPERANDS if name in kwargs))
        if kwargs and kwargs.keys() != _OUT and not WATCH.on and {*map(type, operands)} <= _ARRAYS:
            return self.numpys(*args, **kwargs)  # options that are NumPy's alone, found out in less time
        node = in_graph(operands)
        if node is not None:
            return node(self.name, *args, **kwargs)
        if not kwargs and len(args) == 2:
            run = known_product(self.name, *args)
            if run is not None:
                return run(*args)
        if any_routed(operands):
            return on_arrays(function, args, kwargs)
        if any_other(operands):
            a, b, options = self.bind(*args, **kwargs)
            if left_to_dispatch((a, b)):
                return self.numpys(*args, **kwargs)
            if not self.flattens or is_contraction(self.name, (a, b)):
                return product(self.name, a, b, **options)
            refuse_undispatched(self.name, self.instead, a, b, *options.values())
        if self._small_into(args, kwargs):
            return operands[2][0] if kwargs and type(operands[2]) is tuple else operands[2]
        if WATCH.on:
            check_fallback(self.name, operands, () if self.worth is never else _options(args, kwargs))
        return self.numpys(*args, **kwargs)

    def _small_into(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        """Whether a small product was put into ``out``, with the bits that it has without one."""
        if len(args) + len(kwargs) != 3 or (kwargs and kwargs.keys() != {"out"}):
            return False
        a, b, out = (*args, *kwargs.values())
        if kwargs and type(out) is tuple and len(out) == 1 and self.name in CORES:
            (out,) = out
        run: Any = self._runner_into(a, b, out)
        if run is None or run is self.numpys or not out.flags.writeable:
            return False
        out[...] = run(a, b)
        return True

    def understand(self, a: Any, b: Any, options: Mapping[str, Any]) -> Call | Fallback:
        """What is planned, or why NumPy's own function answers, which may be for want of a way of ours.

        The decision that `of_arrays` and `of_others` follow, for explaining it.
        """
        operands = (a, b, options.get("out"))
        others = any_other(operands)
        if others and (not self.flattens or is_contraction(self.name, (a, b))):
            given = given_options(self.name, dict(options))
            first = conjugated(a) if self.name in CONJUGATED else a
            return understand_product(self.name, first, b, **given)
        if others:
            refuse_undispatched(self.name, self.instead, a, b, *options.values())
        reason = fallback_reason(operands, () if self.worth is never else options)
        if reason:
            return Fallback(reason)
        if others:
            return Fallback(_by_others(a, b), fallback=False)
        if options.keys() & UFUNC_ONLY:
            return Fallback("options of a ufunc, which only NumPy's takes", fallback=False)
        into = set(options) == {"out"} and type(options["out"]) is ndarray
        if (options and not into) or not type(a) is type(b) is ndarray:
            return Fallback("", fallback=False)
        if small_product(self.name, a, b) is not None:
            return understand_product(self.name, a, b, **options)
        if into or not self.worth(a, b):
            return Fallback("", fallback=False)
        return pair_terms(self.name, _as_conjugated(a) if self.name in CONJUGATED else a, b).call()


def _by_others(a: Any, b: Any) -> str:
    """Why operands that are no arrays are no contraction of ours."""
    kinds = [kind for kind in map(other_kind, (a, b)) if kind is not None]
    if all(kind.written is not None for kind in kinds):
        return "the operand is written out for NumPy's own function"
    return "the operand's own library answers"


def _as_conjugated(a: Array) -> Array:
    """An array with the layout of the conjugate."""
    return a if a.dtype.kind != "c" or a.flags.c_contiguous else np.empty_like(a)


def _options(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the options among the arguments of a product of two operands."""
    given = [name for name, x in kwargs.items() if x is not None and x is not np._NoValue]
    if len(args) > 2 and args[2] is not None:
        given.append("out")
    return tuple(name for name in given if name not in {"a", "b"})


#: Products of matrices that NumPy's own function answers, into an array of ours where that is large.
_MATRICES = (numpys.numpy_dot, numpys.numpy_matmul)


def _large_product(function: Callable[..., Any], a: Array, b: Array) -> Runner | None:
    """NumPy's product of matrices, or of stacks of them, into freed memory; None where the result is small.

    That of stacks is laid out after theirs, so they are to lie in C order.
    """
    dtype = a.dtype
    if a.ndim < 2 or b.ndim < 2 or dtype != b.dtype or dtype.char not in "fdFD" or not dtype.isnative:
        return None
    stacked = a.ndim > 2 or b.ndim > 2
    if stacked and not (function is numpys.numpy_matmul and a.flags.c_contiguous and b.flags.c_contiguous):
        return None
    shape = (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), a.shape[-2], b.shape[-1])
    nbytes = prod(shape) * dtype.itemsize
    if nbytes < LARGE:
        return None
    empty = allocator(nbytes, last=True)
    return lambda a, b: function(a, b, empty(shape, dtype))


DOT = Product("dot", numpys.numpy_dot, worth)
INNER = Product("inner", numpys.numpy_inner, worth_inner)
OUTER = Product(
    "outer", numpys.numpy_outer, worth_outer, instead="use einsum('i,j->ij', a, b)", flattens=True
)
VDOT = Product("vdot", numpys.numpy_vdot, never, instead="use einsum('ij,ij->', a.conj(), b)", flattens=True)
MATMUL = Product("matmul", numpys.numpy_matmul, worth, _ufunc)
VECDOT = Product("vecdot", numpys.numpy_vecdot, never, _ufunc)
MATVEC = Product("matvec", numpys.numpy_matvec, worth_matvec, _ufunc)
VECMAT = Product("vecmat", numpys.numpy_vecmat, worth_vecmat, _ufunc)
LINALG_MATMUL = replace(MATMUL, numpys=numpys.numpy_linalg_matmul)
LINALG_OUTER = replace(OUTER, numpys=numpys.numpy_linalg_outer, worth=worth_outer_of_vectors)
LINALG_VECDOT = replace(VECDOT, numpys=numpys.numpy_linalg_vecdot)
