"""einsum and tensordot with NumPy's signatures, and the hot path.

A call whose operands are plain C-ordered arrays is one dictionary look-up away from its bound plan; the
key holds the subscripts, shapes and dtypes.  Everything else (other layouts, keywords, sublists, lists,
subclasses) is understood step by step, and then found under a longer key.

Errors: where we find a call wrong, NumPy's own function is asked too.  If it raises, its exception type
is raised with our message; if it does not, its result is the answer.  So no call that NumPy accepts is
refused, and no exception has another type.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy import einsum as numpy_einsum  # bound here, so that replacing np.einsum cannot make it call us
from numpy import tensordot as numpy_tensordot

from ._config import State, _context, _process, current
from ._errors import (
    SizesError,
    as_numpys,
    bad_optimize,
    bad_order,
    bad_out_dtype,
    bad_out_shape,
    cast_refused,
    unknown_keyword,
)
from ._execute import bind_plan, numpys_own
from ._kinds.dense.numpy_einsum import c_einsum
from ._parse import (
    check_sizes,
    check_tensordot_shapes,
    parse_axes,
    parse_sublists,
    parse_subscripts,
)
from ._plan import Limits, Plan, make_plan, result_dtype
from ._problem import Contraction, DType, Operand, Options
from ._route import NoRoute, kind_of

__all__ = ["einsum", "einsum_path", "tensordot"]

Array = np.ndarray[Any, Any]

numpy_einsum_path: Any = np.einsum_path  # as a value: its stubs do not know `einsum_call`
ndarray = np.ndarray  # a global is found faster than an attribute of a module

#: Below this many products (an upper bound: the product of the operands' sizes) planning is put off.
_TINY = 4096
#: Calls of a tiny kind after which planning it has been earned: a plan takes about 100 us to make and
#: saves about 1 us a call.
_EARNED = 64
_CASTINGS = ("no", "equiv", "safe", "same_kind", "unsafe")
#: Exceptions by which a bad call shows itself before anything is computed.
_BAD_CALL = (ValueError, TypeError, IndexError)


def einsum(*operands: Any, out: Array | None = None, optimize: Any = False, **kwargs: Any) -> Any:
    """Evaluate the Einstein summation convention on the operands, by the fastest right route.

    A drop-in for `numpy.einsum`: same arguments, values (to rounding), dtypes, types and errors.

    Parameters
    ----------
    subscripts : str
        Labels of each operand's axes and, after ``->``, of the result's. Instead of it, each operand may be
        followed by a list of integers.
    *operands : array_like
        Of any shapes that fit the subscripts.
    out : ndarray, optional
        Where the result is put; of the result's shape. It may overlap an operand.
    dtype : dtype, optional
        The dtype to compute in; default, the promotion of the operands' dtypes.
    order : {"K", "C", "F", "A"}, optional
        The layout of the result. At "K", the default, it is what costs least.
    casting : {"safe", "no", "equiv", "same_kind", "unsafe"}, optional
    optimize : bool, str or path, optional
        As in NumPy. The order of contraction is planned in any case; True has NumPy's other effects, and a
        path (``["einsum_path", (0, 1), ...]``) is taken as given.

    Returns
    -------
    ndarray or scalar
        A view of the operand, writeable if it is, where nothing needs computing.

    Raises
    ------
    ValueError
        Subscripts that are malformed or do not fit the operands, an ``out`` of another shape.
    TypeError
        Unknown keywords, and dtypes that the casting rule forbids.

    See Also
    --------
    numpy.einsum : what this must agree with.
    explain : what would be done.

    Notes
    -----
    Paths are opt_einsum's (Smith and Gray, "opt_einsum", JOSS 3(26), 753, 2018), scored by einroute's
    own cost model.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> a, b = np.arange(6.0).reshape(2, 3), np.ones((3, 2))
    >>> er.einsum("ij,jk->ik", a, b)
    array([[ 3.,  3.],
           [12., 12.]])
    >>> er.einsum(a, [0, 1], [1, 0]).base is a.base
    True
    """
    if optimize is False and out is None and not kwargs:
        if len(operands) == 3:
            subscripts, a, b = operands
            if (
                type(a) is ndarray
                and type(b) is ndarray
                and type(subscripts) is str
                and a.flags.c_contiguous
                and b.flags.c_contiguous
            ):
                state = _context.get() or _process.default  # current(), without the call
                run = state.plans.young.get((subscripts, a.shape, a.dtype, b.shape, b.dtype))
                if run is not None:
                    return run(a, b)
        elif len(operands) == 2:
            subscripts, a = operands
            if type(a) is ndarray and type(subscripts) is str and 0 < a.size <= _TINY and current().tiny:
                try:
                    return c_einsum(subscripts, a)
                except _BAD_CALL:
                    pass  # diagnosed below
        elif operands and type(operands[0]) is str:
            key = [operands[0]]
            for x in operands[1:]:
                if type(x) is not ndarray or not x.flags.c_contiguous:
                    break
                key += (x.shape, x.dtype)
            else:
                run = current().plans.young.get(tuple(key))
                if run is not None:
                    return run(*operands[1:])
    return _einsum(operands, out, optimize, kwargs)


def _einsum(operands: tuple[Any, ...], out: Any, optimize: Any, kwargs: dict[str, Any]) -> Any:
    """Everything that the hot path does not know."""
    state = current()
    if optimize is False and state.tiny and _all_tiny(operands):
        try:
            result = c_einsum(*operands, **kwargs) if out is None else c_einsum(*operands, out=out, **kwargs)
        except _BAD_CALL:
            pass  # diagnosed below
        else:
            if out is None and not kwargs and type(operands[0]) is str:
                _put_on_trial(operands, state)
            return result
    try:
        call = _understand(operands, out, optimize, kwargs)
    except _BAD_CALL as ours:
        if isinstance(ours, SizesError):
            # Not asked: NumPy takes a size of 0 for not known yet, and returns memory that it does not own.
            raise ValueError(str(ours)) from None
        return _ask_numpy(ours, numpy_einsum, operands, {"out": out, "optimize": optimize, **kwargs})
    if call is None:
        return numpy_einsum(*operands, out=out, optimize=optimize, **kwargs)
    return call.run(state, out)


def _all_tiny(operands: tuple[Any, ...]) -> bool:
    """Whether the operands are plain arrays that c_einsum passes before a plan could be looked up."""
    arrays = operands[1:] if operands and type(operands[0]) is str else operands[: len(operands) // 2 * 2 : 2]
    work = 1
    for x in arrays:
        if type(x) is not ndarray:
            return False
        work *= x.size
    return 0 < work <= _TINY  # NumPy's loops are not safe for empty operands, see _kinds.dense.empty


def _put_on_trial(operands: tuple[Any, ...], state: State) -> None:
    """Remember a tiny call, so that it is planned once it has come often enough."""
    key: list[Any] = [operands[0]]
    for x in operands[1:]:
        if not x.flags.c_contiguous:
            return
        key += (x.shape, x.dtype)
    if len(key) > 3:  # a single operand has no faster route than c_einsum
        state.plans.put(tuple(key), _Trial(tuple(key), state))


class _Trial:
    """Runs a tiny call by NumPy's einsum, until planning it has been earned."""

    __slots__ = ("calls", "key", "run", "state")

    def __init__(self, key: tuple[Any, ...], state: State) -> None:
        self.key = key
        self.state = state
        self.calls = 0
        self.run = partial(c_einsum, key[0])

    def __call__(self, *arrays: Array) -> Any:
        self.calls += 1  # a lost count between threads only puts planning off
        if self.calls == _EARNED:
            call = _understand((self.key[0], *arrays), None, False, {})
            if call is not None:
                self.state.plans.put(self.key, call.bound(self.state))
        return self.run(*arrays)


@dataclass(frozen=True, slots=True)
class Call:
    """An einsum or tensordot call that has been understood: what to plan, and the arrays to run it on."""

    key: tuple[Any, ...]
    contraction: Contraction
    arrays: tuple[Array, ...]
    dtype: DType
    order: str
    path: Any
    elements: int | None
    options: Options
    direct: Any = None  # the same call of NumPy's einsum, where that is a plan by itself
    keywords: Any = None  # its keyword arguments for NumPy's einsum

    def plan(self, state: State) -> Plan:
        """The plan of this call; reads facts of the arrays only."""
        facts = [Operand(x.shape, x.dtype, x.strides) for x in self.arrays]
        config = state.config
        limits = [n for n in (config.memory_limit, self.elements) if n is not None]
        memory = min(limits, default=None)
        return make_plan(
            self.contraction,
            facts,
            self.dtype,
            self.order,
            state.policy,
            Limits(config.threads, memory, self.path),
        )

    def bound(self, state: State) -> Any:
        """The bound plan, without looking it up."""
        plan = self.plan(state)
        if self.direct is not None and state.on_run is None and numpys_own(plan):
            return self.direct
        return bind_plan(plan, self.options, state.on_run, self.keywords)

    def run(self, state: State, out: Array | None) -> Any:
        """Look up or make the plan, and run it."""
        run = state.plans.get(self.key)
        if run is None:
            run = self.bound(state)
            state.plans.put(self.key, run)
        return run(*self.arrays) if out is None else run(*self.arrays, out=out)


def understand_einsum(
    operands: tuple[Any, ...], out: Any = None, optimize: Any = False, **kwargs: Any
) -> Call | None:
    """What an einsum call means, or None if it is NumPy's own to answer; raises our own errors."""
    return _understand(operands, out, optimize, kwargs)


def _understand(operands: tuple[Any, ...], out: Any, optimize: Any, kwargs: dict[str, Any]) -> Call | None:
    """What a call means, or None if it is NumPy's own to answer.

    Raises
    ------
    ValueError, TypeError, IndexError
        The call is malformed; the messages are ours.
    """
    lenient = optimize is not False
    for name in kwargs:
        if name not in ("dtype", "order", "casting"):
            raise TypeError(unknown_keyword("einsum", name, ("out", "dtype", "order", "casting", "optimize")))
    if operands and isinstance(operands[0], str):
        subscripts, values = operands[0], operands[1:]
    else:
        subscripts, values = parse_sublists(operands, lenient=lenient)
    arrays = _dense(values)
    if arrays is None or (out is not None and type(out) is not ndarray):
        return None
    shapes = tuple(x.shape for x in arrays)
    inputs, output = parse_subscripts(subscripts, tuple(len(s) for s in shapes), lenient=lenient)
    sizes = check_sizes(inputs, shapes)
    path, elements = _path(optimize, len(arrays))
    if type(path) is tuple and len(arrays) > 1 and any(len(p) == 1 for p in path):
        return None  # steps that only rearrange: what they do to the layout is NumPy's own
    dtype = _computed_in(arrays, kwargs, None if lenient or out is None else out.dtype)
    if dtype is None or (len(arrays) == 1 and _is_view(inputs[0], output)):
        return None
    order = _order(kwargs.get("order", "K"))
    if order == "A":
        # Settled by the layout of what NumPy iterates over: the operands, if nothing comes in between.
        if any(len(set(x)) != len(x) for x in inputs) or (lenient and len(arrays) > 2):
            return None
        order = "F" if all(x.flags.f_contiguous for x in arrays) else "C"
    if out is not None:
        _check_out(out, tuple(sizes[c] for c in output), dtype, kwargs.get("casting", "safe"))
        if lenient and out.dtype != dtype:
            return None
        order = "F" if out.flags.f_contiguous and not out.flags.c_contiguous else "C"
    scalar = not lenient or len(arrays) == 1 or bool(output) or _is_scalar(subscripts, arrays, optimize)
    key: tuple[Any, ...]
    if not lenient and out is None and not kwargs and all(x.flags.c_contiguous for x in arrays):
        key = (subscripts, *(fact for x in arrays for fact in (x.shape, x.dtype)))
    else:
        layout = (fact for x in arrays for fact in (x.shape, x.dtype, x.strides))
        given = (lenient, out is None, *kwargs.items())
        key = (subscripts, dtype, order, path, elements, scalar, given, *layout)
    # A sum over one term is none: as a GEMM of depth 1 BLAS would take 0 * inf for 0.
    several = len(arrays) > 1  # a single operand must not turn into a view of it
    dropped = "".join(c for c, n in sizes.items() if several and n == 1 and c not in output)
    contraction = Contraction(inputs, output, sizes, dropped)
    limit = None if elements is None else elements * dtype.itemsize
    direct = partial(c_einsum, subscripts) if not (lenient or kwargs) and out is None else None
    return Call(
        key,
        contraction,
        arrays,
        dtype,
        order,
        path,
        limit,
        Options(scalar=scalar, out=out is not None),
        direct,
        kwargs,
    )


def _dense(values: tuple[Any, ...]) -> tuple[Array, ...] | None:
    """The operands as base-class arrays, or None if one of them is of a kind that is not ours."""
    arrays = []
    for x in values:
        if type(x) is ndarray:
            arrays.append(x)
            continue
        kind = kind_of(x)
        if kind is None or kind.NAME != "dense":
            return None
        arrays.append(np.asarray(x))
    return tuple(arrays)


def _is_view(labels: str, output: str) -> bool:
    """Whether a single operand's result is a view of it, which NumPy makes faster than we look it up."""
    return set(labels) == set(output)


def _computed_in(arrays: tuple[Array, ...], kwargs: dict[str, Any], out: DType | None = None) -> DType | None:
    """The dtype to compute in; None for dtypes that only NumPy's own loops know."""
    casting = kwargs.get("casting", "safe")
    if casting not in _CASTINGS:
        raise ValueError(f"casting is {casting!r}, expected one of {', '.join(map(repr, _CASTINGS))}")
    wanted = kwargs.get("dtype")
    first = arrays[0].dtype
    if wanted is not None:
        dtype = np.dtype(wanted).newbyteorder("=")
    elif first.isnative and all(x.dtype == first for x in arrays) and (out is None or out == first):
        return first if first.kind in "?biufc" else None
    else:
        # NumPy lets `out` take part in the promotion: int8 operands into float64 do not wrap.
        dtype = result_dtype([*(x.dtype for x in arrays), *([] if out is None else [out])])
    for i, x in enumerate(arrays):
        if not np.can_cast(x.dtype, dtype, casting=casting):
            raise TypeError(cast_refused(i, x.dtype, dtype, casting))
    return dtype if dtype.kind in "?biufc" else None


def _is_scalar(subscripts: str, arrays: tuple[Array, ...], optimize: Any) -> bool:
    """Whether NumPy at this ``optimize`` returns a full contraction as a scalar rather than a 0-d array.

    That depends on the path and on NumPy's version, so NumPy is asked, with dimensions of two at most.
    """
    path = numpy_einsum_path(subscripts, *arrays, optimize=optimize)[0]
    small = [np.zeros(tuple(min(n, 2) for n in x.shape), x.dtype) for x in arrays]
    return type(numpy_einsum(subscripts, *small, optimize=path)) is not ndarray


def _order(order: Any) -> str:
    if order is None:
        return "K"
    letter = order.upper() if isinstance(order, str) else ""
    if letter not in ("K", "C", "F", "A"):
        raise ValueError(bad_order(order))
    return letter


def _check_out(out: Array, shape: tuple[int, ...], dtype: DType, casting: Any) -> None:
    if out.shape != shape:
        raise ValueError(bad_out_shape(out.shape, shape))
    if not out.flags.writeable:
        raise ValueError("out is read-only, expected a writeable array; pass out.copy()")
    if not np.can_cast(dtype, out.dtype, casting=casting):
        raise TypeError(bad_out_dtype(out.dtype, dtype, casting))


def _path(optimize: Any, count: int) -> tuple[Any, int | None]:
    """A path, or the way to find one, and a limit on an intermediate's elements.

    Raises
    ------
    TypeError
        None of NumPy's forms of ``optimize``.
    """
    if optimize is False or optimize is True:
        return "auto", None
    if optimize is None:
        return (tuple(range(count)),), None
    if isinstance(optimize, str):
        if optimize in ("greedy", "optimal"):
            return optimize, None
    elif isinstance(optimize, (tuple, list)) and optimize:
        if optimize[0] == "einsum_path":
            return _given_path(optimize[1:], count), None
        if len(optimize) == 2 and optimize[0] in ("greedy", "optimal") and type(optimize[1]) in (int, float):
            return optimize[0], int(optimize[1])
    raise TypeError(bad_optimize(optimize))


def _given_path(pairs: Any, count: int) -> tuple[tuple[int, ...], ...]:
    """A path as tuples of ints that leaves one operand."""
    path = []
    for positions in pairs:
        chosen = tuple(positions)
        if (
            not chosen
            or len(set(chosen)) != len(chosen)
            or not all(type(i) is int and 0 <= i < count for i in chosen)
        ):
            raise TypeError(bad_optimize(pairs))
        count -= len(chosen) - 1
        path.append(chosen)
    if count != 1 or not path:
        raise TypeError(bad_optimize(pairs))
    return tuple(path)


def _ask_numpy(ours: Exception, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """NumPy's answer to a call that we find wrong: its result, or its exception with our message."""
    try:
        return function(*args, **kwargs)
    except Exception as theirs:
        raise as_numpys(ours, theirs) from theirs


def einsum_path(*operands: Any, optimize: Any = "greedy", einsum_call: bool = False) -> Any:
    """The contraction order that NumPy would take: `numpy.einsum_path`, unchanged.

    NumPy's report and private tuples are relied on by others, so they are NumPy's. What `einsum` does here
    is shown by `explain`.

    Parameters
    ----------
    subscripts : str
    *operands : array_like
    optimize : bool, list, tuple, "greedy" or "optimal", optional
    einsum_call : bool, optional
        NumPy's private form of the answer.

    Returns
    -------
    path : list of tuples
    report : str

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> er.einsum_path("ij,jk,kl->il", np.ones((2, 2)), np.ones((2, 5)), np.ones((5, 2)))[0]
    ['einsum_path', (1, 2), (0, 1)]
    """
    return numpy_einsum_path(*operands, optimize=optimize, einsum_call=einsum_call)


def tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    """Sum of products over the given axes of two operands.

    A drop-in for `numpy.tensordot`: same arguments, values (to rounding), dtypes, types and errors.

    Parameters
    ----------
    a, b : array_like
        Of shapes that agree in the contracted axes.
    axes : int or pair of sequences of int, optional
        The last ``axes`` axes of `a` with the first of `b`, or the axes of each; 0 is the outer product.

    Returns
    -------
    ndarray
        The free axes of `a`, then those of `b`; 0-d for a full contraction.

    Raises
    ------
    ValueError
        Sizes that differ, an axis named twice.
    IndexError
        An axis out of range.

    See Also
    --------
    numpy.tensordot : what this must agree with.

    Examples
    --------
    >>> import numpy as np, einroute as er
    >>> x, m = np.ones((2, 3, 4)), np.ones((4, 5))
    >>> er.tensordot(x, m, axes=1).shape
    (2, 3, 5)
    """
    if (
        type(axes) is int  # 1.0 would be found under the key of 1, and NumPy refuses it
        and type(a) is ndarray
        and type(b) is ndarray
        and a.flags.c_contiguous
        and b.flags.c_contiguous
    ):
        run = current().plans.young.get((axes, a.shape, a.dtype, b.shape, b.dtype))
        if run is not None:
            return run(a, b)
    return _tensordot(a, b, axes)


def _tensordot(a: Any, b: Any, axes: Any) -> Any:
    state = current()
    try:
        call = understand_tensordot(a, b, axes)
    except _BAD_CALL as ours:
        if type(axes) is int:
            raise  # not asked: NumPy makes a list of that length
        return _ask_numpy(ours, numpy_tensordot, (a, b), {"axes": axes})
    if call is None:
        return numpy_tensordot(a, b, axes=axes)
    try:
        return call.run(state, None)
    except NoRoute:
        if state.policy.forced is not None:
            raise
        return numpy_tensordot(a, b, axes=axes)


def understand_tensordot(a: Any, b: Any, axes: Any) -> Call | None:
    """What a tensordot call means, or None if it is NumPy's own to answer."""
    arrays = _dense((a, b))
    if arrays is None:
        return None
    a, b = arrays
    axes_a, axes_b = parse_axes(axes, a.ndim, b.ndim)
    check_tensordot_shapes(a.shape, b.shape, axes_a, axes_b)
    dtype = _computed_in(arrays, {})
    if dtype is None:
        return None
    labels_a = "".join(chr(0x100 + i) for i in range(a.ndim))
    of_b = {axis: labels_a[i] for i, axis in zip(axes_a, axes_b, strict=True)}
    labels_b = "".join(of_b.get(i, chr(0x100 + a.ndim + i)) for i in range(b.ndim))
    contracted = set(of_b.values())
    output = "".join(c for c in labels_a + labels_b if c not in contracted)
    sizes = dict(zip(labels_a + labels_b, a.shape + b.shape, strict=True))
    contraction = Contraction((labels_a, labels_b), output, sizes)
    if type(axes) is int and a.flags.c_contiguous and b.flags.c_contiguous:
        key: tuple[Any, ...] = (axes, a.shape, a.dtype, b.shape, b.dtype)
    else:
        key = ("tensordot", axes_a, axes_b, a.shape, a.dtype, a.strides, b.shape, b.dtype, b.strides)
    # NumPy's result is in C order, and its floating-point warnings are dot's.
    return Call(key, contraction, arrays, dtype, "C", "auto", None, Options(quiet=False, scalar=False))
