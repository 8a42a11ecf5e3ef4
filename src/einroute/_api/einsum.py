"""einsum and tensordot with NumPy's signatures, and the hot path.

A call whose operands are plain C-ordered arrays is one dictionary look-up away from its bound plan; the
key holds the subscripts, shapes and dtypes.  A call of other layouts, or with plain keywords, is found under
a longer key; everything else (sublists, lists, subclasses) is understood first, each time.

Errors: where we find a call wrong, NumPy's own function is asked too.  If it raises, its exception type
is raised with our message; if it does not, its result is the answer.  So no call that NumPy accepts is
refused, and no exception has another type.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

import numpy as np

from .._base.c_einsum import c_einsum
from .._base.errors import SizesError
from .._base.fixed import fixed
from .._base.numpy_functions import numpy_einsum, numpy_tensordot
from .._base.routed_operand import any_routed, on_arrays
from .._base.routes import NoRoute
from .._base.signature import signed_as
from .._base.watch import WATCH, tell_fallback, to_observe
from .._call.ask import BAD_CALL, ask_numpy, ask_on_arrays
from .._call.keys import Key, einsum_key, plain, scalars_as_arrays, tensordot_key
from .._call.observe import WatchedContext, observe, telling_why
from .._call.operands import Array, Fallback, ndarray
from .._call.trials import (
    TINY,
    all_tiny,
    is_bare,
    known_runner,
    put_on_trial,
    small_arrays,
    understood_by_core,
)
from .._call.understand import understand_einsum, understand_tensordot
from .._config.state import _context, _process, check_strict, current, left_to_numpy
from .._kinds.in_graph import in_graph
from .._kinds.registry import any_other, of_library
from .._native.functions import found_by_core

__all__ = ["einsum", "tensordot"]

_NOT_GIVEN: Any = np._NoValue
#: Axes that tensordot may be asked for with NumPy's answer, though no array has so many.
_MANY = 1000
#: The longest list that there may be: NumPy refuses a longer one at once.
_LISTED = sys.maxsize // np.dtype(np.intp).itemsize
#: Where the hot path finds the state of its context: `WatchedContext` while anybody records, so that it pays
#: nothing for that while nobody does.
_here: Any = _context


def _look(watched: bool) -> None:
    global _here  # noqa: PLW0603 - an attribute of an object would cost 7 ns a call
    _here = WatchedContext if watched else _context


WATCH.on_change.append(_look)


def _einsum_runner(*operands: Any, out: Any = None, optimize: Any = False, **kwargs: Any) -> Any:
    """What runs calls of einsum with operands of the same facts, as far as that is known."""
    return known_runner(operands, out, optimize, kwargs, einsum)


@found_by_core("einsum", _einsum_runner)
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
            if type(a) is ndarray and type(b) is ndarray and type(subscripts) is str:
                young = (_here.get() or _process.default).plans.young  # current(), without the call
                if a.flags.c_contiguous and b.flags.c_contiguous:
                    run = young.get((subscripts, a.shape, a.dtype, b.shape, b.dtype))
                else:
                    run = young.get(
                        (None, subscripts, a.shape, a.dtype, a.strides, b.shape, b.dtype, b.strides)
                    )
                if run is not None:
                    return run(a, b)
        elif len(operands) == 2:
            subscripts, a = operands
            if type(a) is ndarray and type(subscripts) is str:
                state = _here.get() or _process.default
                if 0 < a.size <= TINY and state.tiny and not understood_by_core(operands):
                    try:
                        return c_einsum(subscripts, a)
                    except BAD_CALL:
                        pass  # diagnosed below
                else:
                    key: Key = (subscripts, a.shape, a.dtype)
                    if not a.flags.c_contiguous:
                        key = (None, *key, a.strides)
                    run = state.plans.young.get(key)
                    if run is not None:
                        return run(a)
        elif len(operands) == 4:
            subscripts, a, b, c = operands
            if (
                type(subscripts) is str
                and type(a) is type(b) is type(c) is ndarray
                and a.flags.c_contiguous
                and b.flags.c_contiguous
                and c.flags.c_contiguous
            ):
                young = (_here.get() or _process.default).plans.young
                run = young.get((subscripts, a.shape, a.dtype, b.shape, b.dtype, c.shape, c.dtype))
                if run is not None:
                    return run(a, b, c)
        elif operands and type(operands[0]) is str:
            facts = [operands[0]]
            for x in operands[1:]:
                if type(x) is not ndarray or not x.flags.c_contiguous:
                    break
                facts += (x.shape, x.dtype)
            else:
                run = (_here.get() or _process.default).plans.young.get(tuple(facts))
                if run is not None:
                    return run(*operands[1:])
    return _einsum(operands, out, optimize, kwargs)


def _einsum(operands: tuple[Any, ...], out: Any, optimize: Any, kwargs: dict[str, Any]) -> Any:
    """Everything that the hot path does not know."""
    node = in_graph(operands)
    if node is not None:
        return node("einsum", *operands, **_given(out, optimize, kwargs))
    if WATCH.on and to_observe():
        return observe(einsum, operands, _given(out, optimize, kwargs))
    state, mixed = current(), False
    for x in operands:
        if type(x) is not ndarray and type(x) is not str:
            if of_library(x):  # found again before anything is asked that is slower than its look-up
                key = einsum_key(operands, out, optimize, kwargs)
                run = None if key is None else state.plans.get(key)
                if run is not None:
                    return run(*operands[1:]) if out is None else run(*operands[1:], out=out)
            if any_routed((*operands, out)):
                return on_arrays(einsum, operands, _given(out, optimize, kwargs))
            if type(operands[0]) is not str:  # NumPy reads on in a list that an entry's __index__ cuts short
                operands = tuple([tuple(y) if type(y) is list else y for y in operands])
            mixed = any_other(operands)
            if not mixed:
                operands = scalars_as_arrays(operands)
            break
    if out is not None and type(out) is not ndarray and any_routed((out,)):
        return on_arrays(einsum, operands, _given(out, optimize, kwargs))
    if mixed:
        if state.tiny and optimize is False and out is None and not kwargs:
            arrays = small_arrays(operands)
            if arrays is not None:
                try:
                    return c_einsum(operands[0], *arrays)
                except BAD_CALL:
                    pass  # diagnosed below
    elif optimize is False and state.tiny and all_tiny(operands, is_bare(out, kwargs)):
        try:
            result = c_einsum(*operands, **kwargs) if out is None else c_einsum(*operands, out=out, **kwargs)
        except BAD_CALL:
            pass  # diagnosed below
        else:
            if out is None and not kwargs:
                put_on_trial(operands, state)
            return result
    key = einsum_key(operands, out, optimize, kwargs)
    if key is not None:
        run = state.plans.get(key)
        if run is not None:
            return run(*operands[1:]) if out is None else run(*operands[1:], out=out)
        operands = fixed(operands)
        key = einsum_key(operands, out, optimize, kwargs)
    try:
        call = understand_einsum(operands, out, optimize, **kwargs)
    except BAD_CALL as ours:
        if isinstance(ours, SizesError):
            # Not asked: NumPy takes a size of 0 for not known yet, and returns memory that it does not own.
            raise ValueError(str(ours)) from None
        ask = ask_on_arrays if mixed else ask_numpy
        return ask(ours, numpy_einsum, operands, _given(out, optimize, kwargs))
    if isinstance(call, Fallback):
        if call.fallback:
            check_strict(state, "einsum", call.reason)
        tell_fallback(call.reason)
        if key is not None:
            run = _numpys_einsum(operands[0], optimize, kwargs)
            state.plans.put(key, run if state.base is None else telling_why(run, call.reason))
        return numpy_einsum(*operands, **_given(out, optimize, kwargs))
    return call.run(state, out, key)


def _given(out: Any, optimize: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments that the caller gave: others than the defaults."""
    given = dict(kwargs)
    if out is not None:
        given["out"] = out
    if optimize is not False:
        given["optimize"] = optimize
    return given


def _numpys_einsum(subscripts: str, optimize: Any, kwargs: dict[str, Any]) -> Any:
    """A runner for a call that is NumPy's own to answer."""
    if optimize is False:
        return partial(c_einsum, subscripts, **kwargs)
    kept = plain(optimize) or optimize  # a copy: the caller may change a list that was given
    return partial(numpy_einsum, subscripts, optimize=kept, **kwargs)


def _arguments(a: Any, b: Any, axes: Any = 2) -> Any:
    """The arguments of `tensordot`, sorted; bears its signature."""
    return a, b, axes


def tensordot_runner(a: Any, b: Any, axes: Any = 2) -> Any:
    """What runs calls of tensordot with operands of the same facts, as far as that is known."""
    key = tensordot_key(a, b, axes)
    return None if key is None else current().plans.get(key)


@found_by_core("tensordot", tensordot_runner)
@signed_as(_arguments)
def tensordot(*operands: Any, axes: Any = _NOT_GIVEN, **named: Any) -> Any:
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
    if len(operands) == 2 and not named:
        a, b = operands
        wanted = 2 if axes is _NOT_GIVEN else axes
    elif len(operands) == 3 and axes is _NOT_GIVEN and not named:
        a, b, wanted = operands
    else:
        return _tensordot(operands, axes, named)
    if (
        type(wanted) is int  # 1.0 would be found under the key of 1, and NumPy refuses it
        and type(a) is ndarray
        and type(b) is ndarray
        and a.flags.c_contiguous
        and b.flags.c_contiguous
    ):
        run = (_here.get() or _process.default).plans.young.get((wanted, a.shape, a.dtype, b.shape, b.dtype))
        if run is not None:
            return run(a, b)
    return _tensordot(operands, axes, named)


def _tensordot(operands: tuple[Any, ...], axes: Any, named: dict[str, Any]) -> Any:
    if axes is not _NOT_GIVEN:
        named["axes"] = axes
    node = in_graph(operands)
    if node is not None:
        return node("tensordot", *operands, **named)
    if WATCH.on and to_observe():
        return observe(tensordot, operands, named)
    try:
        a, b, wanted = _arguments(*operands, **named)
    except TypeError:
        return numpy_tensordot(*operands, **named)  # which says what is wrong
    state, mixed = current(), False
    if not (type(a) is type(b) is ndarray):
        if not (of_library(a) or of_library(b)) and any_routed((a, b)):
            return on_arrays(tensordot, (a, b, wanted), {})
        mixed = any_other((a, b))
    key = tensordot_key(a, b, wanted)
    if key is not None:
        run = state.plans.get(key)
        if run is not None:
            return run(a, b)
        a, b = fixed((a, b))
        key = tensordot_key(a, b, wanted)
    try:
        call = understand_tensordot(a, b, wanted)
    except BAD_CALL as ours:
        if type(wanted) is int and isinstance(ours, IndexError) and _MANY < wanted <= _LISTED:
            raise  # not asked: NumPy makes a list of that length
        ask = partial(ask_on_arrays if mixed else ask_numpy, ours, numpy_tensordot)
        return ask((a, b, wanted), {}) if mixed else ask(operands, named)
    if isinstance(call, Fallback):
        check_strict(state, "tensordot", call.reason)
        tell_fallback(call.reason)
        return numpy_tensordot(*operands, **named)
    try:
        return call.run(state, None, key)
    except NoRoute:
        if mixed or not left_to_numpy(call, state):
            raise
        return numpy_tensordot(*operands, **named)
