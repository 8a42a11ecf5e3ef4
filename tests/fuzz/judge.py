"""Whether a result agrees with NumPy's.

Types, dtypes, shapes, views, errors and exact values are NumPy's at the same settings. Floats are held to
``4 (K + n) eps sum|products|`` of a long double reference, K products an element and n operands, plus what
underflow can cost: a partial product below the smallest number is lost, and the other factors multiply it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .case import Case


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
        values = np.array(returned) if case.out is not None else np.asarray(returned)
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
    either: bool = False  # a TypeError and its absence are both right


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


def expect(case: Case) -> Expected:
    """What NumPy makes of `case`."""
    # Where out lies in an operand NumPy is asked with another: the result is as if it did not overlap.
    apart: dict[str, Any] = {}
    if case.out is not None and case.overlaps:
        order: Any = "C" if case.out.flags.c_contiguous else "F"
        apart = {"out": np.zeros(case.out.shape, case.out.dtype, order)}
    outcome = run(case, np, **apart)
    also: tuple[np.ndarray, ...] = ()
    either = False
    if case.options.get("optimize", False) is not False:
        # optimize=True may wrap an intermediate in a narrower dtype; the default does not, and is right too.
        plain = run(case, np, optimize=False, **apart)
        refused = plain.error is not None
        if refused and outcome.error is None:  # what only the other settings take
            plain = run(_cast(case, outcome.values.dtype), np)
        also = () if plain.error is not None else (plain.values,)
        # `casting` is asked about each pairwise step of NumPy's path there, so that its answer is the path's.
        asked = "casting" in case.options or "dtype" in case.options
        either = asked and refused != (outcome.error is not None)
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


def disagreements(case: Case, expected: Expected, got: Outcome) -> list[str]:
    """Everything in which `got` differs from what it should be."""
    theirs = expected.outcome
    found = list(got.damage)
    if theirs.error is not None or got.error is not None:
        if expected.either and isinstance(theirs.error or got.error, TypeError):
            return found
        return found + _errors(theirs.error, got.error)
    extra = got.warned - theirs.warned
    if extra and not (case.function != "einsum" and _overflows(expected)):
        found.append(f"warned {sorted(w.__name__ for w in extra)}")
    if theirs.is_out and not got.is_out:  # NumPy's dot returns a scalar where out is 0-d
        found.append("did not return out itself")
    if type(got.returned) is not type(theirs.returned):
        return [*found, f"type {type(got.returned)}, NumPy's {type(theirs.returned)}"]
    if got.values.dtype != theirs.values.dtype:
        return [*found, f"dtype {got.values.dtype}, NumPy's {theirs.values.dtype}"]
    if got.values.shape != theirs.values.shape:
        return [*found, f"shape {got.values.shape}, NumPy's {theirs.values.shape}"]
    if case.out is None and isinstance(got.returned, np.ndarray):
        found += _memory(case, theirs.returned, got.returned)
    strict = case.function == "einsum" and case.options.get("optimize", False) is False
    return found + _values(expected, got.values, strict)


def _errors(theirs: Exception | None, ours: Exception | None) -> list[str]:
    if ours is None:
        return [f"no error, NumPy's {type(theirs).__name__}: {theirs}"]
    if theirs is None:
        return [f"{type(ours).__name__}: {ours}; NumPy has no error"]
    # NumPy's private error types (UFuncTypeError and its like) count as the public one they derive from.
    public = next(
        t for t in type(theirs).__mro__ if t.__module__ in ("builtins", "numpy.exceptions", "numpy.linalg")
    )
    if not isinstance(ours, public):
        return [f"{type(ours).__name__}: {ours}; NumPy's {type(theirs).__name__}: {theirs}"]
    return [] if str(ours) else [f"{type(ours).__name__} without a message"]


def _is_view(array: np.ndarray, case: Case) -> bool:
    return any(isinstance(o, np.ndarray) and np.may_share_memory(array, o) for o in case.operands)


def _memory(case: Case, theirs: np.ndarray, ours: np.ndarray) -> list[str]:
    """View or not, of what, writeable or not, and the order where one was asked for."""
    found = []
    if theirs.size:
        views = _is_view(ours, case), _is_view(theirs, case)
        if views[0] != views[1]:
            found.append("a view, NumPy's is not" if views[0] else "not a view, NumPy's is one")
        elif views[1]:
            places = [
                (
                    v.__array_interface__["data"][0],
                    [s for s, n in zip(v.strides, v.shape, strict=True) if n > 1],
                )
                for v in (ours, theirs)
            ]
            if places[0] != places[1]:
                found.append(f"another view: strides {ours.strides}, NumPy's {theirs.strides}")
    if ours.flags.writeable != theirs.flags.writeable:
        found.append(f"writeable {ours.flags.writeable}, NumPy's {theirs.flags.writeable}")
    if str(case.options.get("order", "K")).upper() in ("C", "F", "A"):
        for name in ("c_contiguous", "f_contiguous"):
            if getattr(theirs.flags, name) and not getattr(ours.flags, name):
                found.append(f"order={case.options['order']!r}: not {name}")
    return found


def _other_specials(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Where nan, inf and -inf are not the same; of a complex number only whether it is finite.

    NumPy's settings differ there: its own loop multiplies the parts, while BLAS multiplies the result by 1+0j
    once more, which spreads a nan or an inf of one part to the other.
    """
    if ours.dtype.kind == "c":
        return np.isfinite(ours) != np.isfinite(theirs)
    return (np.isnan(ours) != np.isnan(theirs)) | (~np.isfinite(ours) & ~np.isnan(ours) & (ours != theirs))


def _where(wrong: np.ndarray) -> str:
    at = tuple(int(i) for i in np.argwhere(wrong)[0]) if wrong.ndim else ()
    return f"{int(wrong.sum())} of {wrong.size} elements, first at {at}"


def _overflows(expected: Expected) -> bool:
    """Whether nan, inf or an overflow play a part: what BLAS then warns of depends on its order of work."""
    return expected.reference is not None and not (expected.finite and not np.any(expected.risky))


def _values(expected: Expected, ours: np.ndarray, strict: bool) -> list[str]:
    """The values that differ; where they are not finite, `strict` allows only what NumPy's own loop makes.

    Everywhere else NumPy calls BLAS, whose order of summation decides what overflows, and which skips factors
    of 0, so that its ``0 * inf`` is 0: there the reference is right too. And einsum takes a broadcast
    factor out of the sum, so that there is an inf where tensordot has a nan: only finiteness counts.
    """
    theirs = expected.outcome.values
    if any(
        np.array_equal(ours, right, equal_nan=right.dtype.kind in "fc") for right in (theirs, *expected.also)
    ):
        return []
    if expected.reference is None:
        if ours.dtype.kind in "Ofc":  # computed as objects
            close = np.isclose(ours.astype(complex), theirs.astype(complex), rtol=1e-9, equal_nan=True)
            return [] if close.all() else [f"values: {_where(~close)}"]
        wrong = np.asarray(ours != theirs)
        at = tuple(np.argwhere(wrong)[0]) if wrong.ndim else ()
        return [f"values: {_where(wrong)}: {ours[at]}, NumPy's {theirs[at]}"]
    if np.shape(expected.reference) != ours.shape:  # NumPy returned `out` without computing: an empty path
        return ["not what NumPy leaves in out"]
    with np.errstate(all="ignore"):
        finite = np.isfinite(ours) & np.isfinite(expected.reference)
        if ours.dtype.kind in "fc":
            lost = np.asarray(np.isfinite(theirs) & ~np.isfinite(ours))
            if expected.finite and (lost & (strict | ~expected.risky)).any():
                return [f"not finite where NumPy's is: {_where(lost)}"]
            other = _other_specials(ours, theirs)
            if not strict:
                unlike = np.isfinite(ours) != np.isfinite(theirs)
                other = unlike & (np.isfinite(ours) != np.isfinite(expected.reference))
            if not expected.finite and other.any():
                return [f"nan and inf stand elsewhere: {_where(other)}"]
        reference = expected.reference if ours.dtype.kind == "c" else expected.reference.real
        bound = expected.bound
        if ours.dtype.kind == "b":
            wrong = (ours != (reference != 0)) & (np.abs(reference) > bound)
        else:
            # A float cast to an int may fall on either side of one.
            slack = 0 if ours.dtype.kind in "fc" else 1
            error = np.abs(ours.astype(reference.dtype) - reference)
            wrong = finite & ~(error <= bound + slack) & np.isfinite(bound)
            if slack:  # what a float beyond the integer's range is cast to is the compiler's choice
                info = np.iinfo(ours.dtype)
                wrong &= (reference > info.min - 1) & (reference < info.max)
    if np.any(wrong):
        wrong = np.asarray(wrong)
        at = tuple(np.argwhere(wrong)[0]) if wrong.ndim else ()
        values = f"{ours[at]}, reference {reference[at]}, NumPy's {theirs[at]}, bound {bound[at]:.3g}"
        return [f"values: {_where(wrong)}: {values}"]
    return []
