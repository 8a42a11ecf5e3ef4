"""Whether a result agrees with what it should be.

Types, dtypes, shapes, views, errors and exact values are NumPy's at the same settings; floats are held to
the bound of `expected`.  A result of operands that are no arrays is of the kind that the documented rule
gives it, and new memory, or ``out``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sparse

from tests.sparse_helpers import is_sparse

from .case import Case
from .expected import Expected, Outcome
from .meaning import Meaning


def disagreements(case: Case, expected: Expected, got: Outcome) -> list[str]:
    """Everything in which `got` differs from what it should be."""
    theirs = expected.outcome
    # NumPy's ufuncs with `dtype` may write beside an `out` of several strides, and ours hands them on.
    found = [text for text in got.damage if text not in theirs.damage]
    if theirs.error is not None or got.error is not None:
        error = theirs.error or got.error
        if isinstance(error, TypeError) and any(words in str(error) for words in expected.either):
            return found
        return found + _errors(theirs.error, got.error)
    if theirs.is_out and not got.is_out:  # NumPy's dot returns a scalar where out is 0-d
        found.append("did not return out itself")
    if case.meaning is not None:
        found += _kind(case.meaning, got.returned)
    else:
        extra = got.warned - theirs.warned
        if extra and not (case.function != "einsum" and _overflows(expected)):
            found.append(f"warned {sorted(w.__name__ for w in extra)}")
        if type(got.returned) is not type(theirs.returned):
            return [*found, f"type {type(got.returned)}, NumPy's {type(theirs.returned)}"]
    if got.values.dtype != theirs.values.dtype:
        return [*found, f"dtype {got.values.dtype}, NumPy's {theirs.values.dtype}"]
    if got.values.shape != theirs.values.shape:
        return [*found, f"shape {got.values.shape}, NumPy's {theirs.values.shape}"]
    if case.out is None and isinstance(got.returned, np.ndarray):
        if case.meaning is not None:
            found += _new_memory(case, got.returned)
        else:
            found += _memory(case, theirs.returned, got.returned)
    strict = case.meaning is not None or (
        case.function == "einsum" and case.options.get("optimize", False) is False
    )
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


def _kind(meaning: Meaning, got: Any) -> list[str]:
    """Whether the result is sparse where the rule makes it so, and of the library of its operands."""
    found = []
    if not (is_sparse(got) or isinstance(got, np.ndarray | np.generic)):
        found.append(f"a {type(got).__name__} is neither an array nor sparse")
    elif meaning.wants_sparse() != is_sparse(got):
        if meaning.output or meaning.pydata or is_sparse(got):  # scipy.sparse has no 0-d arrays
            rule = "sparse" if meaning.wants_sparse() else "dense"
            found.append(f"a {type(got).__name__} where the rule wants {rule}")
    elif is_sparse(got) and isinstance(got, sparse.SparseArray) != meaning.pydata:
        found.append(f"a {type(got).__name__} of the wrong library")
    return found


def _new_memory(case: Case, ours: np.ndarray) -> list[str]:
    """A result that is no operand's memory, can be written to, and lies in the order asked for."""
    found = []
    if any(np.may_share_memory(ours, root) for root in case.roots):
        found.append("the result is memory of an operand")
    strides = [s for n, s in zip(ours.shape, ours.strides, strict=True) if n > 1]
    if not ours.flags.writeable or (ours.size and 0 in strides):
        found.append("the result cannot be written to")
    order = case.options.get("order")
    if order in ("C", "F") and not ours.flags[f"{order}_CONTIGUOUS"]:
        found.append(f"the result is not in {order} order")
    return found


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
