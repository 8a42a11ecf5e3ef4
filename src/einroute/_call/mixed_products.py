"""Products some of whose operands are no arrays, as contractions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan
from typing import Any

import numpy as np

from .._base.errors import unknown_keyword
from .._base.facts import Contraction, DType, Options
from .._base.formatting import plural
from .._base.labels import check_sizes
from .._base.numpy_functions import (
    numpy_dot,
    numpy_inner,
    numpy_matmul,
    numpy_matvec,
    numpy_multi_dot,
    numpy_outer,
    numpy_vdot,
    numpy_vecdot,
    numpy_vecmat,
)
from .._config.state import current
from .._execute.call import Call
from .._kinds.meeting import dtype_rules
from .._kinds.registry import any_other, of_library, other_kind
from .ask import BAD_CALL, ask_on_arrays
from .keys import Key, follows_layout, mixed_key, plain
from .operands import KINDS, Array, Fallback, ndarray, taken_in
from .options import bad_out_type, check_casting, check_out, computed_in, layout_letter
from .product_labels import CONJUGATED, CORES, PAIRS, Labels, core_labels
from .understand import LETTERS

__all__ = [
    "NUMPYS",
    "chain_of_others",
    "conjugated",
    "dot_of_all",
    "given_options",
    "is_contraction",
    "known_product",
    "product",
    "refuse_undispatched",
    "understand_chain",
    "understand_product",
]

#: Products that NumPy can keep the summed axis of, or may be asked not to.
_ONE_CORE = frozenset({"vecdot"})
#: Products of operands taken as vectors.
_FLATTENED = frozenset({"outer", "vdot"})
#: Those whose operands are not multiplied as they come.
_CHANGED = _FLATTENED | frozenset(CONJUGATED)
#: NumPy's function of each name.
NUMPYS: dict[str, Callable[..., Any]] = {
    "dot": numpy_dot,
    "inner": numpy_inner,
    "outer": numpy_outer,
    "vdot": numpy_vdot,
    "matmul": numpy_matmul,
    "matvec": numpy_matvec,
    "vecdot": numpy_vecdot,
    "vecmat": numpy_vecmat,
}
#: Options of ufuncs that make another product.
_UFUNCS = ("out", "dtype", "order", "casting", "axes", "axis")
#: What NumPy's own take beside those.
_NUMPYS_OPTIONS = frozenset({*_UFUNCS, "keepdims", "signature", "subok"})


def refuse_undispatched(name: str, instead: str, *operands: Any) -> None:
    """Refuse operands that NumPy's function would take for objects of no dimensions.

    Raises
    ------
    TypeError
        An operand is of such a kind.
    """
    for i, x in enumerate(operands):
        kind = other_kind(x)
        if kind is not None and not kind.dispatched:
            raise TypeError(
                f"{name} got a {type(x).__name__} of {type(x).__module__.partition('._')[0]} as operand {i}, "
                f"which it does not take; {instead}"
            )


def is_contraction(name: str, operands: Sequence[Any]) -> bool:
    """Whether a product of two operands, of which one is no array, is done as a contraction.

    `outer` and `vdot` flatten their operands, which changes nothing for vectors, and for `vdot` where the
    shapes are the same. Arrays of libraries can be flattened.
    """
    if len(operands) != 2 or not any_other(operands):
        return False
    if any(map(of_library, operands)):
        return True
    a, b = (np.shape(x) if other_kind(x) is None else tuple(x.shape) for x in operands)
    if name == "outer":
        return len(a) == len(b) == 1
    return name != "vdot" or a == b


def known_product(name: str, a: Any, b: Any) -> Callable[..., Any] | None:
    """The bound plan of a product without options, of operands as they are; None if there is none."""
    if name in _CHANGED:
        return None
    key = mixed_key(("product", name), (a, b))
    return None if key is None else current().plans.get(key)


def product(name: str, a: Any, b: Any, **options: Any) -> Any:
    """A product of two operands, of which at least one is no array.

    Parameters
    ----------
    name : str
        "dot", "inner", "outer", "vdot", or a generalized ufunc.
    **options
        ``out``; and those of ufuncs.

    Raises
    ------
    ValueError
        Sizes that differ, an ``out`` that does not fit.
    TypeError
        Operands that cannot be contracted together, dtypes that casting forbids, options that are not taken.
    """
    if name in _FLATTENED:
        a, b = _flattened(name, a, b)
    state, given = current(), (a, b)
    if len(options) == 1 and options.get("out", name) is None:
        run = known_product(name, a, b)
        if run is not None:
            return run(a, b)
    try:
        named = given_options(name, options)
        if name in CONJUGATED:
            a = conjugated(a)
        key = _key(name, a, b, named)
        run = None if key is None else state.plans.get(key)
        call = understand_product(name, a, b, **named) if run is None else None
    except BAD_CALL as ours:
        return ask_on_arrays(ours, NUMPYS[name], given, options)
    out = named.get("out")
    if call is not None:
        result = call.run(state, out, key)
    else:
        assert run is not None
        result = run(a, b) if out is None else run(a, b, out=out)
    return result if out is not None or options.get("subok") is False else _wrapped(result, (a, b))


def _flattened(name: str, a: Any, b: Any) -> tuple[Any, Any]:
    """Operands of a product of vectors as vectors, where they are none and can be."""
    shapes = [np.shape(x) if other_kind(x) is None else tuple(x.shape) for x in (a, b)]
    if all(len(shape) == 1 for shape in shapes) or (name == "vdot" and shapes[0] == shapes[1]):
        return a, b
    for argument, shape in zip("ab", shapes, strict=True):
        if len(shape) != 1 and any(map(isnan, shape)):
            raise ValueError(
                f"{name}: {argument} has {len(shape)} axes, some of unknown sizes, and cannot be flattened; "
                f"call {argument}.compute_chunk_sizes() first, or pass a vector"
            )
    if not all(hasattr(x, "reshape") for x in (a, b) if of_library(x)):
        return a, b  # which are none of those that take part, and are refused
    one, other = (x.reshape(-1) if of_library(x) else np.ravel(x) for x in (a, b))
    return one, other


def given_options(name: str, options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, without those that say what is the case anyway."""
    given = {}
    for option, value in options.items():
        if option not in _NUMPYS_OPTIONS:
            raise TypeError(unknown_keyword(name, option, _UFUNCS))
        idle = option == "subok" or (option == "keepdims" and value is False and name in _ONE_CORE)
        if value is None or value is np._NoValue or (idle and isinstance(value, bool)):
            continue
        if option not in _UFUNCS or (option != "out" and name not in CORES):
            raise TypeError(
                f"{name} got {option}=, which it does not take where an operand is no array; convert the "
                f"operands with numpy.asarray, or drop it"
            )
        given[option] = value
    out = given.get("out")
    if type(out) is tuple and len(out) == 1 and name in CORES:
        out = given["out"] = out[0]
    if out is not None and type(out) is not ndarray:
        raise TypeError(bad_out_type(out))
    return given


def _key(name: str, a: Any, b: Any, options: dict[str, Any]) -> Key | None:
    """What a product is found again by; None if it is not."""
    if follows_layout(options.get("order")):
        return None
    head: list[Any] = ["product", name]
    for option, value in options.items():
        if option == "out":
            head += ("out", value.shape, value.dtype, value.strides, value.flags.writeable)
            continue
        known = value if isinstance(value, (str, type, np.dtype)) else plain(value)
        if known is None:
            return None
        head += (option, known)
    return mixed_key(tuple(head), (a, b))


def understand_product(
    name: str,
    a: Any,
    b: Any,
    *,
    out: Array | None = None,
    dtype: Any = None,
    order: str = "K",
    casting: Any = "same_kind",
    axes: Any = None,
    axis: Any = None,
) -> Call:
    """What a product of two operands means; its first operand is conjugated already where that is due."""
    taken = taken_in((a, b))
    if isinstance(taken, Fallback):
        raise TypeError(f"{name}: {taken.reason}")
    if axis is not None:
        if name != "vecdot" or axes is not None:
            raise TypeError(f"{name} got axis=, which only vecdot takes, and not beside axes=; use axes=")
        axes = ((axis,), (axis,), ())
    of_a, of_b, output = _labels(name, taken.shapes, axes)
    sizes = check_sizes((of_a, of_b), taken.shapes)
    if len(sizes) > LETTERS:
        raise ValueError(f"the operands have together {len(sizes)} dimensions, expected at most {LETTERS}")
    own = computed_in(taken, {})
    check_casting(casting)
    if dtype_rules(taken.kinds) is not None:
        made = computed_in(taken, {"dtype": dtype, "casting": casting})
    elif taken.tasks and dtype is None:
        made = own
    else:
        made = _loop_dtype(name, own if dtype is None else dtype, taken.dtypes, casting)
    letter = layout_letter(order, taken)
    if out is not None:
        check_out(out, tuple(sizes[c] for c in output))
        if name == "dot" and (out.dtype != made or not out.flags.c_contiguous):
            raise ValueError(f"out has dtype {out.dtype}, expected a C-contiguous array of dtype {made}")
        if not np.can_cast(made, out.dtype, casting):
            raise TypeError(f"out has dtype {out.dtype}, to which a result of dtype {made} is not cast")
        letter = "F" if out.flags.f_contiguous and not out.flags.c_contiguous else "C"
    return Call(
        Contraction((of_a, of_b), output, sizes),
        taken.values,
        taken.kinds,
        made,
        "C" if letter == "K" else letter,
        options=Options(quiet=False, scalar=True, out=out is not None, typed=dtype is not None),
    )


def _labels(name: str, shapes: tuple[tuple[int, ...], ...], axes: Any) -> Labels:
    a, b = shapes
    return core_labels(name, a, b, axes) if name in CORES else PAIRS[name](a, b)


def _loop_dtype(name: str, dtype: Any, given: Sequence[DType], casting: Any) -> DType:
    """The dtype of a ufunc's loop, to which its operands are cast."""
    wanted: DType = np.dtype(dtype).newbyteorder("=")
    for i, own in enumerate(given):
        if wanted.kind not in KINDS or not np.can_cast(own, wanted, casting):
            raise TypeError(
                f"{name}: dtype is {wanted}, to which operand {i} of dtype {own} is not cast under "
                f"casting={casting!r}"
            )
    return wanted


def conjugated(x: Any) -> Any:
    """The complex conjugate of an operand; itself where it is real."""
    kind = other_kind(x)
    dtype = getattr(x, "dtype", None) if kind is None else kind.facts(x).dtype
    if dtype is None or dtype.kind != "c":
        return x
    return x.conj() if hasattr(x, "conj") else np.conjugate(x)


def _wrapped(result: Any, operands: tuple[Any, ...]) -> Any:
    """A result in the class of an operand that is a subclass of ndarray, as NumPy's own functions give it."""
    subclasses = [x for x in operands if isinstance(x, ndarray) and type(x) is not ndarray]
    if not subclasses or type(result) is not ndarray:
        return result
    first = max(subclasses, key=lambda x: x.__array_priority__)
    return first.__array_wrap__(result, None, False)


def chain_of_others(arrays: Sequence[Any], out: Any = None) -> Any:
    """A chain of matrices, of which the first and the last may be vectors and some are no arrays."""
    key, state = mixed_key(("multi_dot",), tuple(arrays)), current()
    run = None if key is None else state.plans.get(key)
    if run is not None and out is None:
        return run(*arrays)
    try:
        call = understand_chain(arrays, out)
    except BAD_CALL as ours:
        return ask_on_arrays(ours, dot_of_all, arrays, {} if out is None else {"out": out})
    return _wrapped(call.run(state, key=key), tuple(arrays))


def dot_of_all(*arrays: Any, **out: Any) -> Any:
    """NumPy's multi_dot, with operands one by one."""
    return numpy_multi_dot(arrays, **out)


def understand_chain(arrays: Sequence[Any], out: Any = None) -> Call:
    """What a chain of matrices means.

    Raises
    ------
    TypeError
        An ``out``.
    ValueError
        Fewer than two operands, or sizes that differ.
    numpy.linalg.LinAlgError
        An operand of another number of dimensions.
    """
    if out is not None:
        raise TypeError("multi_dot got out=, which it does not take where an operand is no array")
    if len(arrays) < 2:
        raise ValueError(f"multi_dot: {plural(len(arrays), 'operand')}, expected at least two")
    taken = taken_in(arrays)
    if isinstance(taken, Fallback):
        raise TypeError(f"multi_dot: {taken.reason}")
    labels = [chr(0x100 + i) + chr(0x101 + i) for i in range(len(arrays))]
    last = len(arrays) - 1
    for i, shape in enumerate(taken.shapes):
        if len(shape) != 2 and not (len(shape) == 1 and i in {0, last}):
            raise np.linalg.LinAlgError(f"multi_dot: operand {i} has shape {shape}, expected two dimensions")
    if len(taken.shapes[0]) == 1:
        labels[0] = labels[0][1:]
    if len(taken.shapes[last]) == 1:
        labels[last] = labels[last][:1]
    for i in range(last):
        if taken.shapes[i][-1] != taken.shapes[i + 1][0]:
            raise ValueError(
                f"multi_dot: operand {i} has shape {taken.shapes[i]} and operand {i + 1} has shape "
                f"{taken.shapes[i + 1]}, whose last and first axes must have one size"
            )
    ends = (labels[0][:-1], labels[last][1:])
    return Call(
        Contraction(tuple(labels), "".join(ends), check_sizes(tuple(labels), taken.shapes)),
        taken.values,
        taken.kinds,
        computed_in(taken, {}),
        options=Options(quiet=False, scalar=True),
    )
