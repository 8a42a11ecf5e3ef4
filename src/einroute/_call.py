"""What a call means: arguments as the caller gave them -> a contraction of plain arrays, or NumPy's own.

Facts are read, nothing is computed.  Errors raised here carry our messages; whether NumPy agrees, and with
which type of exception, the front end finds out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from ._config import State
from ._errors import (
    BadPath,
    bad_optimize,
    bad_order,
    bad_out_dtype,
    bad_out_shape,
    cast_refused,
    unknown_keyword,
)
from ._execute import bind_plan, numpys_own
from ._key import Key
from ._kinds.dense.numpy_einsum import c_einsum
from ._numpys import numpy_einsum, numpy_einsum_path
from ._parallel import with_single_threaded_blas
from ._parse import check_sizes, check_tensordot_shapes, parse_axes, parse_sublists, parse_subscripts
from ._plan import make_plan, result_dtype
from ._planned import Limits, Plan
from ._problem import Contraction, DType, Operand, Options
from ._route import Policy, kind_of

Array = np.ndarray[Any, Any]

ndarray = np.ndarray  # a global is found faster than an attribute of a module

_CASTINGS = ("no", "equiv", "safe", "same_kind", "unsafe")
#: Kinds of dtypes that the routes know.
KINDS = "?biufc"
_KEYWORDS = ("dtype", "order", "casting")


@dataclass(frozen=True, slots=True)
class NumpysOwn:
    """A call that is NumPy's own function's to answer.

    Attributes
    ----------
    reason : str
        Why, as `explain` puts it.
    fallback : bool
        Whether that is for want of a way of ours; not so where NumPy's is the right one.
    """

    reason: str
    fallback: bool = True


#: Whether this NumPy's ``optimize=True`` still goes through tensordot, with the faults of that.
_NUMPY_2_3 = tuple(int(part) for part in np.__version__.split(".")[:2]) < (2, 4)
#: Labels that a subscripts string for NumPy can spell.
_LETTERS = 52
#: Threads that costs are estimated for where the plan must not depend on how many there are.
_NOMINAL = 2


@dataclass(frozen=True, slots=True)
class Call:
    """An einsum or tensordot call that has been understood: what to plan, and the arrays to run it on."""

    key: Key
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
            self._policy(state, facts),
            Limits(_NOMINAL if config.reproducible else config.threads, config.threads, memory, self.path),
        )

    def _policy(self, state: State, facts: list[Operand]) -> Policy:
        """Where floating-point warnings are due, NumPy's einsum, which gives none, is no route.

        Except for windows and broadcasts: there NumPy's own function may copy gigabytes.
        """
        policy = state.policy
        if self.options.quiet or self.dtype.kind not in "fc" or any(op.nbytes > 4 * op.span for op in facts):
            return policy
        return Policy(policy.forced, policy.forbidden | {"numpy.einsum"})

    def bound(self, state: State) -> Any:
        """The bound plan, without looking it up."""
        plan = self.plan(state)
        if self.direct is not None and state.on_run is None and numpys_own(plan):
            return self.direct
        run = bind_plan(plan, self.options, state.on_run, self.keywords)
        return with_single_threaded_blas(run) if state.config.reproducible else run

    def run(self, state: State, out: Array | None, raw: Key | None = None) -> Any:
        """Look up or make the plan, and run it; ``raw`` is the key of the call as given, if it has one."""
        key = self.key if raw is None else raw
        run = state.plans.get(key)
        if run is None:
            run = self.bound(state)
            state.plans.put(key, run)
        return run(*self.arrays) if out is None else run(*self.arrays, out=out)


def understand_einsum(
    operands: tuple[Any, ...], out: Any = None, optimize: Any = False, **kwargs: Any
) -> Call | NumpysOwn:
    """What an einsum call means, or that it is NumPy's own to answer.

    Raises
    ------
    ValueError, TypeError, IndexError
        The call is malformed; the messages are ours.
    """
    lenient = optimize is not False
    for name in kwargs:
        if name not in _KEYWORDS:
            raise TypeError(unknown_keyword("einsum", name, ("out", *_KEYWORDS, "optimize")))
    way, elements = _way(optimize)  # before the operands, as in NumPy: of several faults it names this one
    if operands and isinstance(operands[0], str):
        subscripts, values = operands[0], operands[1:]
    else:
        subscripts, values = parse_sublists(operands, lenient=lenient)
    arrays = _dense(values)
    if isinstance(arrays, NumpysOwn):
        return arrays
    if out is not None and type(out) is not ndarray:
        return NumpysOwn(f"out is of type {type(out).__name__}, and has a way of its own to take results")
    if lenient and _NUMPY_2_3 and ("dtype" in kwargs or not isinstance(operands[0], str)):
        return NumpysOwn("before NumPy 2.4 optimize drops dtype on its way, and spells sublists otherwise")
    shapes = tuple(x.shape for x in arrays)
    inputs, output = parse_subscripts(subscripts, tuple(len(s) for s in shapes), lenient=lenient)
    sizes = check_sizes(inputs, shapes)
    if len(sizes) > _LETTERS:
        return NumpysOwn(f"{len(sizes)} labels and ellipsis dimensions are more than there are letters")
    path = way if isinstance(way, str) else _given_path(way, len(arrays))
    if type(path) is tuple and len(arrays) > 1 and any(len(p) == 1 for p in path):
        return NumpysOwn("steps of one operand in a given path: what they do to the layout is NumPy's own")
    dtype = _computed_in(arrays, kwargs, None if lenient or out is None else out.dtype)
    if dtype.kind not in KINDS:
        return NumpysOwn(f"dtype {dtype} is one that only NumPy's own loops know")
    if lenient and kwargs.get("dtype") is None and _follows_path(arrays):
        return NumpysOwn("integers of several dtypes and floats, with optimize: the dtype follows the path")
    if len(arrays) == 1 and out is None and set(inputs[0]) == set(output):
        return NumpysOwn("every label is kept: the result is a view of the operand", fallback=False)
    order = _order(kwargs.get("order", "K"))
    if order == "A":
        # Settled by the layout of what NumPy iterates over: the operands, if nothing comes in between.
        if any(len(set(x)) != len(x) for x in inputs) or (lenient and len(arrays) > 2):
            return NumpysOwn("order 'A' follows the layout of what NumPy makes in between")
        order = "F" if all(x.flags.f_contiguous for x in arrays) else "C"
    if out is not None:
        _check_out(out, tuple(sizes[c] for c in output))
        if lenient and out.dtype != dtype:
            return NumpysOwn(f"out of dtype {out.dtype} for a result of dtype {dtype}, with optimize")
        _check_casts(out.dtype, dtype, kwargs.get("casting", "safe"))
        order = "F" if out.flags.f_contiguous and not out.flags.c_contiguous else "C"
    scalar = not lenient or bool(output) or _is_scalar(subscripts, arrays, optimize)
    layout = (fact for x in arrays for fact in (x.shape, x.dtype, x.strides))
    given = (lenient, out is None, kwargs.get("dtype") is None, kwargs.get("casting"), kwargs.get("order"))
    key = ("understood", subscripts, dtype, order, path, elements, scalar, given, *layout)
    # A sum over one term is none: as a GEMM of depth 1 BLAS would take 0 * inf for 0.
    several = len(arrays) > 1  # a single operand must not turn into a view of it
    dropped = "".join(c for c, n in sizes.items() if several and n == 1 and c not in output)
    contraction = Contraction(inputs, output, sizes, dropped)
    limit = None if elements is None else elements * dtype.itemsize
    direct = None if lenient else partial(c_einsum, subscripts, **kwargs)
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


def understand_tensordot(a: Any, b: Any, axes: Any = 2) -> Call | NumpysOwn:
    """What a tensordot call means, or that it is NumPy's own to answer.

    Raises
    ------
    ValueError, TypeError, IndexError
        The call is malformed; the messages are ours.
    """
    arrays = _dense((a, b))
    if isinstance(arrays, NumpysOwn):
        return arrays
    a, b = arrays
    axes_a, axes_b = parse_axes(axes, a.ndim, b.ndim)
    check_tensordot_shapes(a.shape, b.shape, axes_a, axes_b)
    dtype = _computed_in(arrays, {})
    if dtype.kind not in KINDS:
        return NumpysOwn(f"dtype {dtype} is one that only NumPy's own loops know")
    if a.ndim + b.ndim - len(axes_a) > _LETTERS:
        return NumpysOwn("there are more axes than letters")
    labels_a = "".join(chr(0x100 + i) for i in range(a.ndim))
    of_b = {axis: labels_a[i] for i, axis in zip(axes_a, axes_b, strict=True)}
    labels_b = "".join(of_b.get(i, chr(0x100 + a.ndim + i)) for i in range(b.ndim))
    contracted = set(of_b.values())
    output = "".join(c for c in labels_a + labels_b if c not in contracted)
    sizes = dict(zip(labels_a + labels_b, a.shape + b.shape, strict=True))
    contraction = Contraction((labels_a, labels_b), output, sizes, factors=False)
    key = ("tensordot", axes_a, axes_b, a.shape, a.dtype, a.strides, b.shape, b.dtype, b.strides)
    # NumPy's result is in C order, and its floating-point warnings are dot's.
    return Call(key, contraction, arrays, dtype, "C", "auto", None, Options(quiet=False, scalar=False))


def unclaimed(position: int, operand: Any) -> NumpysOwn:
    """NumPy's own to answer, for an operand of a type that is not ours."""
    return NumpysOwn(
        f"operand {position} is of type {type(operand).__name__}, which is none of einroute's kinds"
    )


def _dense(values: tuple[Any, ...]) -> tuple[Array, ...] | NumpysOwn:
    """The operands as base-class arrays, unless one of them is of a kind that is not ours."""
    arrays = []
    for i, x in enumerate(values):
        if type(x) is ndarray:
            arrays.append(x)
            continue
        kind = kind_of(x)
        if kind is None or kind.NAME != "dense":
            return unclaimed(i, x)
        arrays.append(np.asarray(x))
    return tuple(arrays)


def _computed_in(arrays: tuple[Array, ...], kwargs: dict[str, Any], out: DType | None = None) -> DType:
    """The dtype to compute in, which need not be one that we know."""
    casting = kwargs.get("casting", "safe")
    if casting not in _CASTINGS:
        raise ValueError(f"casting is {casting!r}, expected one of {', '.join(map(repr, _CASTINGS))}")
    wanted = kwargs.get("dtype")
    first: DType = arrays[0].dtype
    dtype: DType
    if wanted is not None:
        dtype = np.dtype(wanted).newbyteorder("=")
    elif first.isnative and all(x.dtype == first for x in arrays) and (out is None or out == first):
        return first
    else:
        # NumPy lets `out` take part in the promotion: int8 operands into float64 do not wrap.
        dtype = result_dtype([*(x.dtype for x in arrays), *([] if out is None else [out])])
    for i, x in enumerate(arrays):
        if not np.can_cast(x.dtype, dtype, casting=casting):
            raise TypeError(cast_refused(i, x.dtype, dtype, casting))
    return dtype


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


def _check_out(out: Array, shape: tuple[int, ...]) -> None:
    if out.shape != shape:
        raise ValueError(bad_out_shape(out.shape, shape))
    if not out.flags.writeable:
        raise ValueError("out is read-only, expected a writeable array; pass out.copy()")


def _check_casts(out: DType, dtype: DType, casting: Any) -> None:
    """Whether ``out`` is cast in both directions: NumPy's loops add to it."""
    if not np.can_cast(dtype, out, casting=casting):
        raise TypeError(bad_out_dtype(out, dtype, casting))
    if not np.can_cast(out, dtype, casting=casting):
        raise TypeError(
            f"out has dtype {out}, which is not cast to {dtype} under casting={casting!r}; "
            f"pass an out of dtype {dtype}, another dtype, or a wider casting"
        )


def _way(optimize: Any) -> tuple[Any, int | None]:
    """The name of a way to find a path, or a path as it was given, and a limit on an intermediate's elements.

    Raises
    ------
    TypeError
        None of NumPy's forms of ``optimize``.
    """
    if optimize is False or optimize is True:
        return "auto", None
    if optimize is None:
        return None, None
    if isinstance(optimize, str):
        if optimize in ("greedy", "optimal"):
            return optimize, None
    elif isinstance(optimize, (tuple, list)) and optimize:
        if optimize[0] == "einsum_path":
            return optimize[1:], None
        if len(optimize) == 2 and optimize[0] in ("greedy", "optimal") and type(optimize[1]) in (int, float):
            return optimize[0], int(optimize[1])
    raise TypeError(bad_optimize(optimize))


def _given_path(pairs: Any, count: int) -> tuple[tuple[int, ...], ...]:
    """A path as tuples of ints that leaves one operand; None stands for one step of them all."""
    if pairs is None:
        return (tuple(range(count)),)
    path = []
    for positions in pairs:
        chosen = tuple(positions)
        if not all(type(i) is int for i in chosen):
            raise BadPath(pairs, TypeError)
        if not all(0 <= i < count for i in chosen):
            raise BadPath(pairs, IndexError if all(i >= 0 for i in chosen) else ValueError)
        if not chosen or len(set(chosen)) != len(chosen):
            raise BadPath(pairs, RuntimeError)
        count -= len(chosen) - 1
        path.append(chosen)
    if count != 1 or not path:
        raise BadPath(pairs, RuntimeError)
    return tuple(path)
