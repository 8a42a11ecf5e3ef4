"""What a call means: arguments as the caller gave them -> a contraction to plan, or NumPy's own.

Facts are read, nothing is computed.  Errors raised here carry our messages.  Where every operand is an array,
the front end finds out whether NumPy agrees, and with which type of exception; beside operands of other kinds
NumPy has no say, and the exception is of the type that NumPy's function raises for arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from .._base.c_einsum import c_einsum
from .._base.errors import DiagonalError, bad_out_dtype, unknown_keyword
from .._base.facts import Contraction, DType, Options
from .._base.labels import check_sizes
from .._base.numpy_functions import numpy_einsum, numpy_einsum_path
from .._execute.call import Call
from .._kinds.meeting import dtype_rules
from .._kinds.registry import other_kind, shape_alone
from .operands import KINDS, Array, Fallback, ndarray, taken_in
from .options import (
    bad_out_type,
    check_casts,
    check_out,
    computed_in,
    layout_letter,
    order_letter,
    path_of,
    path_option,
)
from .parse import check_tensordot_shapes, parse_axes, parse_sublists, parse_subscripts
from .product_labels import numbered

#: Operands beyond which NumPy is not asked for its path.
_NETWORK = 32
_KEYWORDS = ("dtype", "order", "casting")
#: Whether this NumPy's ``optimize=True`` still goes through tensordot, with the faults of that.
_NUMPY_2_3 = tuple(int(part) for part in np.__version__.split(".")[:2]) < (2, 4)
#: Labels that a subscripts string for NumPy can spell.
LETTERS = 52


def understand_einsum(
    operands: tuple[Any, ...], out: Any = None, optimize: Any = False, **kwargs: Any
) -> Call | Fallback:
    """What an einsum call means, or that it is NumPy's own to answer.

    Raises
    ------
    ValueError, TypeError, IndexError
        The call is malformed; the messages are ours.
    """
    lenient = optimize is not False
    own, kwargs = _own_keywords(operands, kwargs)
    for name in kwargs:
        if name not in _KEYWORDS:
            raise TypeError(unknown_keyword("einsum", name, ("out", *_KEYWORDS, "optimize")))
    way, elements = path_option(
        optimize
    )  # before the operands, as in NumPy: of several faults it names this one
    if operands and isinstance(operands[0], str):
        subscripts, values = operands[0], operands[1:]
    else:
        subscripts, values = parse_sublists(operands, lenient=lenient)
    taken = taken_in(values)
    if isinstance(taken, Fallback):
        _check_missing(subscripts, values)
        return taken
    mixed = taken.mixed
    if out is not None and type(out) is not ndarray:
        if mixed:
            raise TypeError(bad_out_type(out))
        return Fallback(f"out is of type {type(out).__name__}, and has a way of its own to take results")
    if lenient and not mixed and _NUMPY_2_3 and ("dtype" in kwargs or not isinstance(operands[0], str)):
        return Fallback("before NumPy 2.4 optimize drops dtype on its way, and spells sublists otherwise")
    inputs, output = parse_subscripts(subscripts, tuple(len(s) for s in taken.shapes), lenient=lenient)
    try:
        sizes = check_sizes(inputs, taken.shapes)
    except DiagonalError:
        path_of(way, len(inputs), mixed=mixed)
        raise
    many = _too_many(sizes, mixed=mixed)
    if many is not None:
        return many
    path = path_of(way, len(inputs), mixed=mixed)
    if not mixed and type(path) is tuple and len(inputs) > 1 and any(len(p) == 1 for p in path):
        return Fallback("steps of one operand in a given path: what they do to the layout is NumPy's own")
    # NumPy's view of an operand, all of whose labels are kept, has the operand's dtype whatever `dtype` is.
    as_it_is = taken.tasks and _keeps_all(inputs, output)
    asked = {name: x for name, x in kwargs.items() if name != "dtype"} if as_it_is else kwargs
    dtype = computed_in(taken, asked, None if lenient or out is None else out.dtype)
    if not mixed:
        left = _left_to_numpy(taken.values, inputs, output, dtype, kwargs, lenient=lenient, out=out)
        if left is not None:
            return left
    # Settled by the layout of what NumPy iterates over: the operands, if nothing comes in between.
    between = any(len(set(x)) != len(x) for x in inputs) or (lenient and len(inputs) > 2)
    if not mixed and between and order_letter(kwargs.get("order", "K")) == "A":
        return Fallback("order 'A' follows the layout of what NumPy makes in between")
    order = layout_letter(kwargs.get("order", "K"), taken)
    if out is not None:
        check_out(out, tuple(sizes[c] for c in output))
        if lenient and not mixed and out.dtype != dtype:
            return Fallback(f"out of dtype {out.dtype} for a result of dtype {dtype}, with optimize")
        if lenient and not (taken.sparse or taken.tasks) and out.dtype != dtype:
            _ask_for_casts(subscripts, taken.values, optimize, out, kwargs)
        if not lenient and dtype_rules(taken.kinds) is None:  # else the result is of a library, and no out's
            check_casts(out.dtype, dtype, kwargs.get("casting", "safe"))
        order = "F" if out.flags.f_contiguous and not out.flags.c_contiguous else "C"
    scalar = (
        not lenient
        or bool(output)
        or taken.sparse
        or taken.tasks
        or any(kind.form.dtypes is not None for kind in taken.kinds)  # whose scalars are arrays of theirs
        or _is_scalar(subscripts, taken.values, optimize)
    )
    limit = None if elements is None else elements * dtype.itemsize
    options = Options(scalar=scalar, out=out is not None, typed=kwargs.get("dtype") is not None)
    if mixed:
        contraction = Contraction(inputs, output, sizes)
        return Call(contraction, taken.values, taken.kinds, dtype, order, path, limit, options, told=own)
    layout = (fact for x in taken.values for fact in (x.shape, x.dtype, x.strides))
    given = (lenient, out is None, kwargs.get("dtype") is None, kwargs.get("casting"), kwargs.get("order"))
    # A sum over one term is none: as a GEMM of depth 1 BLAS would take 0 * inf for 0.
    several = len(inputs) > 1  # a single operand must not turn into a view of it
    dropped = "".join(c for c, n in sizes.items() if several and n == 1 and c not in output)
    return Call(
        Contraction(inputs, output, sizes, dropped),
        taken.values,
        taken.kinds,
        dtype,
        order,
        path,
        limit,
        options,
        key=("understood", subscripts, dtype, order, path, elements, scalar, given, *layout),
        direct=None if lenient else partial(c_einsum, subscripts, **kwargs),
        keywords=kwargs,
    )


def _check_missing(subscripts: str, values: Sequence[Any]) -> None:
    """Raise where None, which NumPy takes as a scalar, stands for an operand with labels."""
    terms = subscripts.replace(" ", "").partition("->")[0].split(",")
    for i, (term, x) in enumerate(zip(terms, values, strict=False)):
        if x is None and term.strip("."):
            raise ValueError(
                f"subscripts {subscripts!r}: operand {i} is None, expected an array with an axis for each "
                f"label of {term!r}"
            )


def _own_keywords(
    operands: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[tuple[str, Any], ...], dict[str, Any]]:
    """Keywords that belong to the form of some operand, and the others."""
    if kwargs.keys() <= set(_KEYWORDS):
        return (), kwargs
    kinds = [kind for kind in map(other_kind, operands) if kind is not None]
    known = frozenset().union(*(kind.form.keywords for kind in kinds))
    own = tuple((name, value) for name, value in kwargs.items() if name in known)
    return own, {name: value for name, value in kwargs.items() if name not in known}


def _left_to_numpy(
    arrays: tuple[Array, ...],
    inputs: tuple[str, ...],
    output: str,
    dtype: DType,
    kwargs: dict[str, Any],
    *,
    lenient: bool,
    out: Any,
) -> Fallback | None:
    """Why a call of arrays is NumPy's own to answer; None if it is not."""
    if dtype.kind not in KINDS:
        return Fallback(f"dtype {dtype} is one that only NumPy's own loops know")
    if lenient and kwargs.get("dtype") is None and _follows_path(arrays):
        return Fallback("integers of several dtypes and floats, with optimize: the dtype follows the path")
    if out is None and _keeps_all(inputs, output):
        return Fallback("every label is kept: the result is a view of the operand", fallback=False)
    return None


def _keeps_all(inputs: tuple[str, ...], output: str) -> bool:
    """Whether the result is a single operand's elements, in another place at most."""
    return len(inputs) == 1 and set(inputs[0]) == set(output)


def understand_tensordot(a: Any, b: Any, axes: Any = 2) -> Call | Fallback:
    """What a tensordot call means, or that it is NumPy's own to answer.

    Raises
    ------
    ValueError, TypeError, IndexError
        The call is malformed; the messages are ours.
    """
    taken = taken_in((a, b))
    if isinstance(taken, Fallback):
        return taken
    shape_a, shape_b = taken.shapes
    axes_a, axes_b = parse_axes(axes, len(shape_a), len(shape_b))
    check_tensordot_shapes(shape_a, shape_b, axes_a, axes_b)
    dtype = computed_in(taken, {})
    if dtype.kind not in KINDS and not taken.tasks:
        return Fallback(f"dtype {dtype} is one that only NumPy's own loops know")
    labels_a = numbered(len(shape_a))
    of_b = {axis: labels_a[i] for i, axis in zip(axes_a, axes_b, strict=True)}
    own_b = numbered(len(shape_b), len(shape_a))
    labels_b = "".join(of_b.get(i, c) for i, c in enumerate(own_b))
    output = "".join(c for c in labels_a + labels_b if c not in of_b.values())
    sizes = dict(zip(labels_a + labels_b, shape_a + shape_b, strict=True))
    many = _too_many(sizes, mixed=taken.mixed)
    if many is not None:
        return many
    key = None
    if not taken.mixed:
        a, b = taken.values
        key = ("tensordot", axes_a, axes_b, a.shape, a.dtype, a.strides, b.shape, b.dtype, b.strides)
    contraction = Contraction((labels_a, labels_b), output, sizes, factors=False)
    # NumPy's result is in C order, and its floating-point warnings are dot's.
    options = Options(quiet=False, scalar=False)
    return Call(contraction, taken.values, taken.kinds, dtype, options=options, key=key)


def _too_many(sizes: dict[str, int], *, mixed: bool) -> Fallback | None:
    """What becomes of more labels than a subscripts string can spell."""
    if len(sizes) <= LETTERS:
        return None
    if mixed:
        raise ValueError(f"{len(sizes)} labels and ellipsis dimensions are more than the {LETTERS} letters")
    return Fallback(f"{len(sizes)} labels and ellipsis dimensions are more than there are letters")


def _follows_path(arrays: tuple[Array, ...]) -> bool:
    """Whether promotion step by step, as at NumPy's ``optimize``, can end in another dtype than all at once.

    uint16 with int8 is int32, and that with float32 is float64; but the three together are float32.
    """
    dtypes = {x.dtype for x in arrays}
    return (
        len(dtypes) > 2
        and len({d.kind for d in dtypes} & {"i", "u"}) == 2
        and any(d.kind in "fc" for d in dtypes)
    )


def _is_scalar(subscripts: str, operands: tuple[Any, ...], optimize: Any) -> bool:
    """Whether NumPy at this ``optimize`` returns a full contraction as a scalar rather than a 0-d array.

    That depends on the path and on NumPy's version, so NumPy is asked, with dimensions of two at most. Of a
    network it is not: NumPy takes seconds and minutes to find its path, whose last step is a BLAS product.
    """
    if len(operands) > _NETWORK:
        return False
    small, path = _small(subscripts, operands, optimize)
    return type(numpy_einsum(subscripts, *small, optimize=path)) is not ndarray


def _ask_for_casts(
    subscripts: str, operands: tuple[Any, ...], optimize: Any, out: Array, kwargs: dict[str, Any]
) -> None:
    """Raise where NumPy at this ``optimize`` does not cast to ``out``, which depends on the path, too."""
    small, path = _small(subscripts, operands, optimize)
    made = np.zeros(tuple(min(n, 2) for n in out.shape), out.dtype)
    try:
        numpy_einsum(subscripts, *small, out=made, optimize=path, **kwargs)
    except TypeError:
        computed = np.result_type(*(x.dtype for x in operands))
        raise TypeError(bad_out_dtype(out.dtype, computed, kwargs.get("casting", "safe"))) from None


def _small(subscripts: str, operands: tuple[Any, ...], optimize: Any) -> tuple[list[Array], Any]:
    """Operands of the same dtypes with dimensions of two at most, and the path of the large ones."""
    path = numpy_einsum_path(subscripts, *map(shape_alone, operands), optimize=optimize)[0]
    return [np.zeros(tuple(min(n, 2) for n in x.shape), x.dtype) for x in operands], path
