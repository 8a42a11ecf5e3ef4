"""What a call should come to: NumPy's outcome, and for floats a reference in long double with its bound.

Floats are held to ``4 (K + n) eps sum|products|`` of the reference, K products an element and n operands,
plus what underflow can cost: a partial product below the smallest number is lost, and the other factors
multiply it. Where operands are no arrays, how often their elements are rounded is not known: there the
bound is ``8 sqrt(elements of all operands) eps sum|products|``.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.sparse_helpers import written_out

from .case import Case
from .meaning import Meaning


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a call came to: the object returned, its values (copied where ``out`` is put back), or error."""

    returned: Any = None
    values: Any = None
    error: Exception | None = None
    warned: frozenset[type[Warning]] = frozenset()
    is_out: bool = False
    damage: list[str] = field(default_factory=list)


def run(case: Case, namespace: Any, **changes: Any) -> Outcome:
    """Make the call, and put the memory back that it wrote to."""
    error: Exception | None = None
    returned = values = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with np.errstate(all="raise" if case.raising else "warn"):
                returned = case.call(namespace, **changes)
        except Exception as e:
            error = e
    if error is None:
        values = written_out(returned)
        values = values.copy() if case.out is not None else values
    is_out = returned is not None and returned is changes.get("out", case.out)
    damage = case.restore()
    return Outcome(returned, values, error, frozenset(w.category for w in caught), is_out, damage)


@dataclass(frozen=True, eq=False)
class Expected:
    """NumPy's outcome, the values that are right too, and (for floats) the reference with its bound."""

    outcome: Outcome
    also: tuple[np.ndarray, ...] = ()
    finite: bool = True  # of the operands
    reference: Any = None
    bound: Any = None
    risky: Any = None  # where some order of summation overflows
    either: tuple[
        str, ...
    ] = ()  # a TypeError that has one of these in its message, and its absence, are both right


def expect(case: Case) -> Expected:
    """What NumPy makes of `case`."""
    return _of_numpy(case) if case.meaning is None else _of_meaning(case, case.meaning)


def _computing(case: Case, result: np.dtype) -> np.dtype:
    """The dtype that NumPy multiplies and adds in."""
    given = case.options.get("dtype")
    if given is not None:
        return np.dtype(given)
    arrays: list[Any] = [np.asarray(o) for o in case.operands]
    if case.function == "einsum" and case.options.get("optimize", False) is False:
        return np.result_type(*arrays, result)
    if case.function != "einsum" and case.out is None:
        return result
    return np.result_type(*arrays)


def _of_numpy(case: Case) -> Expected:
    # Where out lies in an operand NumPy is asked with another: the result is as if it did not overlap.
    apart: dict[str, Any] = {}
    if case.out is not None and case.overlaps:
        order: Any = "C" if case.out.flags.c_contiguous else "F"
        apart = {"out": np.zeros(case.out.shape, case.out.dtype, order)}
    outcome = run(case, np, **apart)
    also: tuple[np.ndarray, ...] = ()
    either: tuple[str, ...] = ()
    if case.options.get("optimize", False) is not False:
        # optimize=True may wrap an intermediate in a narrower dtype; the default does not, and is right too.
        plain = run(case, np, optimize=False, **apart)
        refused = plain.error is not None
        if refused and outcome.error is None:  # what only the other settings take
            plain = run(_cast(case, outcome.values.dtype), np)
        also = () if plain.error is not None else (plain.values,)
        # `casting` is asked about each pairwise step of NumPy's path there, so that its answer is the path's.
        asked = "casting" in case.options or "dtype" in case.options
        either = ("",) if asked and refused != (outcome.error is not None) else ()
    if outcome.error is not None:
        return Expected(outcome, either=either)
    result = outcome.values.dtype
    computing = _computing(case, result)
    # An empty result has no values, and NumPy's einsum must not be asked for one in complex long doubles:
    # see `Expression.fragile`.
    exact = computing.kind == "O" or (computing.kind in "biu" and result.kind in "biu")
    if exact or not outcome.values.size:
        return Expected(outcome, also, either=either)
    return Expected(outcome, also, *_reference(case, computing, result), either=either)


def _cast(case: Case, dtype: np.dtype) -> Case:
    """`case` without its options but ``optimize``, its operands cast to `dtype` beforehand."""
    options = {"optimize": case.options.get("optimize", False)}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cast = tuple(np.asarray(o).astype(dtype) for o in case.operands)
    return Case(case.function, cast, case.bind, options, case.contracted)


def _reference(case: Case, computing: np.dtype, result: np.dtype) -> tuple[bool, Any, Any, Any]:
    wide = np.clongdouble if computing.kind == "c" else np.longdouble
    options = {k: v for k, v in case.options.items() if k in ("axes", "axis")}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cast = [np.asarray(o).astype(computing).astype(wide) for o in case.operands]
        sizes = [np.abs(o) for o in cast]
        if any(o.size == 0 for o in cast) and case.function == "einsum":
            # NumPy's einsum writes past the end of empty results in long double; sums of nothing are zero.
            nothing = np.zeros(case.call(np).shape if case.out is None else case.out.shape, wide)
            return True, nothing, np.abs(nothing)
        changed = [Case(case.function, tuple(ops), case.bind, options, 1) for ops in (cast, sizes)]
        try:
            reference, magnitude = (np.asarray(c.call(np)) for c in changed)
        except ValueError:  # what only optimize=True takes
            reference, magnitude = (np.asarray(c.call(np, optimize=True)) for c in changed)
        inexact = [d for d in (computing, result) if d.kind in "fc"]
        eps = max((np.finfo(d).eps for d in inexact), default=0)
        tiny = max((np.longdouble(np.finfo(d).smallest_subnormal) for d in inexact), default=0)
        tops = [s.max(initial=1, where=np.isfinite(s)) for s in sizes]
        terms = np.longdouble(4 * (case.contracted + len(cast)))
        bound = terms * (eps * magnitude + tiny * np.prod(np.array(tops, np.longdouble)))
        finite = all(bool(np.isfinite(s).all()) for s in sizes)
        risky = magnitude > min((np.finfo(d).max for d in inexact), default=np.inf) / 4
    return finite, reference, bound, risky


def _of_meaning(case: Case, meaning: Meaning) -> Expected:
    dtype = meaning.dtype(case.options)
    # scipy.sparse has no arrays of these.
    either = (
        ("cannot be of dtype float16", "longdouble") if meaning.any_sparse and dtype.char in "egG" else ()
    )

    def outcome(right: np.ndarray) -> Outcome:
        with np.errstate(all="ignore"):
            return Outcome(values=right.astype(dtype), is_out=case.out is not None)

    arrays, sizes = _finite(meaning)
    if not all(x.size for x in arrays):
        # Not asked: NumPy's einsum may write outside its result for empty operands, see `expressions`.
        return Expected(outcome(np.zeros(meaning.shape())), either=either)
    if "casting" in case.options:
        with np.errstate(all="ignore"):
            arrays = [x.astype(dtype) for x in arrays]
        sizes = [np.abs(x) for x in arrays]
    if dtype.kind in "iub":
        return Expected(
            outcome(np.asarray(np.einsum(meaning.subscripts, *arrays, dtype=dtype))), either=either
        )
    wide = [x.astype(np.clongdouble if dtype.kind == "c" else np.longdouble) for x in arrays]
    right = np.asarray(np.einsum(meaning.subscripts, *wide))
    magnitude = np.asarray(
        np.einsum(meaning.subscripts, *(np.asarray(x, np.longdouble) for x in sizes)), float
    )
    terms = max(4, int(np.prod([x.size for x in arrays], dtype=float) ** 0.5))
    bound = 8 * terms * float(np.finfo(dtype).eps) * magnitude + float(np.finfo(dtype).tiny)
    return Expected(
        outcome(right), reference=right, bound=bound, risky=np.zeros(right.shape, bool), either=either
    )


def _finite(meaning: Meaning) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The arrays that the operands stand for, and the sizes of their elements.

    Elements of dense operands that are not finite are ruled out by another operand, so that any number does.
    """
    arrays = [x.written() for x in meaning.drawn]
    sizes = [x.size() for x in meaning.drawn]
    for i, x in enumerate(meaning.drawn):
        if x.kind == "dense" and arrays[i].dtype.kind in "fc" and not np.isfinite(arrays[i]).all():
            arrays[i] = np.where(np.isfinite(arrays[i]), arrays[i], 0)
            sizes[i] = np.abs(arrays[i])
    return arrays, sizes
