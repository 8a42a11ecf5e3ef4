"""Kinds and forms: what einroute knows of a sort of operand, and the representations that operands meet in.

A *kind* is known for each class of operand: its facts, its way into a form, and how a result of it is made.
A *form* is what routes work on: dense arrays, or the entries of sparse ones whatever library they are of.  A
form without routes has rewrites: contractions with such operands are turned into others before any step is
decided. Both are frozen values; planning, binding and explaining ask them and know none of them by name.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import field
from typing import Any, Protocol

import numpy as np

from .dtypes import DTypeRules
from .facts import DENSE, Contraction, DType, Operand, Prepared
from .records import dataclass
from .rewrites import Rewrite
from .routes import Route, Runner

__all__ = ["Bring", "Form", "Kind", "Term", "any_dtype", "as_it_is", "handed_on", "nothing_wrong"]

Array = np.ndarray[Any, Any]
Bring = Callable[[Any], Any]
"""From an operand as it came, or as its kind adopted it, to its canonical form."""


@dataclass(frozen=True, slots=True)
class Term:
    """An operand of a step: its labels, its facts, and whether it is an intermediate."""

    labels: str
    facts: Operand
    made: bool = False


class _Prepare(Protocol):
    def __call__(
        self,
        labels: str,
        operand: Operand,
        contraction: Contraction,
        dtype: DType,
        *,
        repeated: str,
        cast: bool,
    ) -> Prepared: ...


class _Result(Protocol):
    def __call__(
        self, terms: Sequence[Term], output: str, layout: str, sizes: Mapping[str, int], dtype: DType
    ) -> Operand: ...


def _none(_inputs: Sequence[str], _own: Sequence[bool], _output: str) -> bool:
    return False


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """What operands meet in.

    Attributes
    ----------
    name : str
    rank : int
        A step with operands of several forms has the routes of the highest; a contraction is rewritten for
        its highest form first.
    routes : tuple of Route
        Ways to do a step some of whose operands are in this form; they know those of lower rank.
    rewrites : tuple of Rewrite
        Ways to take operands of this form out of a contraction, in place of routes.
    holds : callable
        ``(inputs, own, output) -> bool``: whether a result is in this form, from the labels of the operands
        and whether each is in this form.
    results : str
        The name of the form that the results are in which it holds, where that is another.
    prepare : callable
        Facts of an operand, and how it is brought to unique labels, consistent sizes and the common dtype.
    bring : callable
        ``Prepared -> callable or None``: what does that.
    result : callable
        Facts of an intermediate.
    values : callable
        The elements of a value that are stored: what may not be finite.
    overlaps : callable
        ``(out, value) -> bool``: whether an array may share memory with a value.
    sliceable : bool
        Whether an operand can be cut along a label.
    sums_first : bool
        Labels of one operand alone are summed before it meets others.
    casts : bool
        Routes read operands of lower forms in any dtype, and cast what they read.
    bare : mapping
        Runners that take less time where no ``out`` is given, by the usual ones.
    narrow : callable or None
        ``(value, dtype) -> value``: a result in the caller's dtype, where that is narrower than the plan's.
    identity : callable or None
        ``facts -> value``: identity matrices along the last two axes, as an operand of these facts.
    called : str
        What messages call a result in this form.
    meets : frozenset of str
        Forms of other operands that its routes or rewrites know.
    sparse : bool
        Absent elements are zeros that are never multiplied: a plan that multiplies them repeats, where its
        result is not finite, in an order that does not; and large arrays that are made of such operands are
        told of.
    dtypes : DTypeRules or None
        How its operands and those beside them promote; None: as NumPy's.
    eager : bool
        Values are NumPy's to look at: floating-point flags tell of them, and results that are not finite may
        be made again. Not so of values on a device, or of tracers.
    tasks : bool
        Its routes make tasks that run later, perhaps elsewhere: they are told of the options in force, whose
        ``memory_limit`` is a task's, and what becomes of values and dtypes is found out in the tasks.
    keywords : frozenset of str
        Of einsum, beside NumPy's; its routes are told what they were given as.
    compiled : callable or None
        ``(run, key, typed) -> run``: makes one program of a bound plan; equal keys say that plans do the
        same, ``typed`` that the caller named the dtype.
    bounded : bool
        Its routes are told the ``memory_limit``, and keep their own temporaries within it.
    """

    name: str
    rank: int
    routes: tuple[Route, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()
    holds: Callable[[Sequence[str], Sequence[bool], str], bool] = _none
    results: str = ""
    prepare: _Prepare | None = None
    bring: Callable[[Prepared, DType], Bring | None] | None = None
    result: _Result | None = None
    values: Callable[[Any], Array] | None = None
    overlaps: Callable[[Array, Any], bool] | None = None
    sliceable: bool = True
    sums_first: bool = True
    casts: bool = False
    bare: Mapping[Runner, Runner] = field(default_factory=dict)
    narrow: Callable[[Any, DType], Any] | None = None
    identity: Callable[[Operand], Any] | None = None
    called: str = ""
    meets: frozenset[str] = frozenset({DENSE})
    sparse: bool = False
    dtypes: DTypeRules | None = None
    eager: bool = True
    tasks: bool = False
    keywords: frozenset[str] = frozenset()
    compiled: Callable[[Runner, Hashable, bool], Runner] | None = None
    bounded: bool = False

    def takes(self, other: Form) -> bool:
        """Whether operands of this form and of another can be contracted together."""
        known = other is self or other.name in self.meets or self.name in other.meets
        return known or bool(self.rewrites and other.rewrites)


def nothing_wrong(_: Any) -> str:
    """No part of an operand is known to be at fault."""
    return ""


def as_it_is(x: Any) -> Any:
    """An operand whose kind's values are operands: what `Kind.adopt` is unless it is given."""
    return x


def handed_on(value: Any, _operands: tuple[Any, ...]) -> Any:
    """A result as the routes give it: a `Kind.make` of libraries whose values are what they give users."""
    return value


def any_dtype(_: DType) -> str:
    """Results may have every dtype: what `Kind.accepts` is unless it is given."""
    return ""


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """What is known of a sort of operand.

    Attributes
    ----------
    name : str
    form : Form
    recognises : callable
        ``class -> bool``: whether operands of a class are of this kind; asked once a class.
    facts : callable
        ``operand -> Operand``.
    signature : callable
        ``operand -> hashable``: what a bound plan depends on, in less time than the facts take; None of an
        operand whose plan is not found again. It tells apart operands of the kinds that `refine` gives.
    precedence : int
        A result in a form is made by the kind of highest precedence among the operands in that form.
    adopt : callable
        ``operand -> value`` in the kind's form.
    make : callable or None
        ``(value, operands) -> result`` for the caller; None where results are what routes give.
    accepts : callable
        ``dtype -> str``: why no result of this kind can have a dtype; empty where it can.
    fault : callable
        ``operand -> str``: which part of a broken operand is wrong; empty if none is.
    stored : callable or None
        ``operand -> int``: the number of entries that an operand holds.
    alike : callable or None
        ``(x, y) -> bool``: whether two operands stand for one tensor, whatever their arrays hold.
    references : callable or None
        The arrays that an operand refers to.
    dispatched : bool
        NumPy's functions hand calls with such operands on (NEP 18); they take others for objects.
    small : callable or None
        ``operand -> array or None``: a tiny operand as an array, to be read at once.
    written : callable or None
        ``operand -> array``: the tensor as NumPy would have it, all of whose elements are multiplied; None
        where elements are absent, and never are.
    solvers : str
        The module below einroute, loaded when first asked, whose ``lstsq(given, a, b, rcond)``,
        ``solve(given, a, b)``, ``inv(given, a)``, ``pinv(given, a, rcond, hermitian, rtol)`` and
        ``factorize(given, a)`` answer the functions of those names, and whose ``explain_lstsq`` and so on
        give `Told`; ``given`` is a `Solving`.  Where there are ``scipy_lstsq`` and so on, they answer
        scipy.linalg's functions, with the arguments of those.  Empty where operands are left to NumPy's
        functions.
    structures : str
        The module below einroute, loaded when first asked, whose functions make structured operands of
        arrays of this kind; they have the names and the arguments of the public ones.
    library : str
        The library whose operands do not mix with those of another one that is named.
    device : callable or None
        ``operand -> hashable``: where its elements are; operands on two devices do not mix. None of
        those that go where the others are.
    unfit : callable
        ``operand -> str``: why an operand of this kind cannot take part; empty if it can.
    apart : callable
        ``operands -> str``: why operands, one of which is of this kind, cannot take part together; empty if
        they can.
    joined : callable or None
        ``(kind, device) -> Kind or None``: as what operands of another kind take part beside one of this kind
        on a device: a kind of a form of this library, which adopts them; None of those that do not.
    refine : callable or None
        ``operand -> Kind``: which of several kinds an operand is, where its class does not tell.
    refined : tuple of Kind
        The others that `refine` gives, and those that have the forms of its results.
    stand_in : callable
        ``operand -> operand``: for one that has a shape and a dtype and no elements, one that can take part
        in what is explained.
    scalar : callable or None
        ``scalar -> operand``: what a Python scalar is beside operands of this kind; None: an array of
        NumPy's. Raises OverflowError, saying what is wrong, of one that it cannot hold.
    f_contiguous : callable or None
        ``operand -> bool``: whether its elements lie in Fortran order; None where a user sees no layout.
    node : callable or None
        ``(operands, structured=) -> callable or None``: what makes a node of a call, ``node(name, *args,
        **kwargs)``, where a compiler that follows Python code is at work, torch.compile say; None where none
        is. It must be able to follow this function.
    """

    name: str
    form: Form
    recognises: Callable[[type], bool]
    facts: Callable[[Any], Operand]
    signature: Callable[[Any], Hashable]
    precedence: int = 0
    adopt: Callable[[Any], Any] = as_it_is
    make: Callable[[Any, tuple[Any, ...]], Any] | None = None
    accepts: Callable[[DType], str] = any_dtype
    fault: Callable[[Any], str] = nothing_wrong
    stored: Callable[[Any], int] | None = None
    alike: Callable[[Any, Any], bool] | None = None
    references: Callable[[Any], tuple[Array, ...]] | None = None
    dispatched: bool = True
    small: Callable[[Any], Array | None] | None = None
    written: Callable[[Any], Array] | None = None
    solvers: str = ""
    structures: str = ""
    library: str = ""
    device: Callable[[Any], Hashable] | None = None
    unfit: Callable[[Any], str] = nothing_wrong
    apart: Callable[[Sequence[Any]], str] = nothing_wrong
    joined: Callable[[Kind, Hashable], Kind | None] | None = None
    refine: Callable[[Any], Kind] | None = None
    refined: tuple[Kind, ...] = ()
    stand_in: Callable[[Any], Any] = as_it_is
    scalar: Callable[[Any], Any] | None = None
    f_contiguous: Callable[[Any], bool] | None = None
    node: Callable[..., Callable[..., Any] | None] | None = None
