"""A rolled operand with an array by the fast Fourier transform.

The transform of a circular correlation is the product of the transforms, one of them at the negative
frequency (Oppenheim and Schafer, "Discrete-Time Signal Processing", section 8.6). Its error is normwise: at
most about ``4 log2(d) eps |a| |b|``, where a sum of K products is within ``K eps sum|products|``. Where
values are at hand, data are left to it for which the first is at most four times the second in every entry.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import log2, sqrt
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.facts import Operand, Step
from ..._base.routes import Declined, Offer, Refused, Route, Runner
from .operands import StructuredCalls
from .rollings import Rolling, rolling_of
from .routes import laid_out

__all__ = ["rolled_fft_route"]

#: Seconds an element that a transform takes, for each of its stages; products of transforms a second.
_STAGE, _PRODUCTS = 2.5e-10, 1e9
#: Calls of a library, compiled and one by one.
_COMPILED, _EAGER = 4, 12
#: Of the bound above, and how many times the direct sum's is allowed.
_ERROR, _ALLOWED = 4.0, 4.0
_FLOATS = frozenset(map(np.dtype, (np.float32, np.float64, np.complex64, np.complex128)))


@dataclass(frozen=True, slots=True)
class _Correlation:
    """How a pair is one correlation.

    Attributes
    ----------
    rolling : Rolling
    over_j : bool
        Whether the sum is over rollings, at each place; else over places, for each rolling.
    own, theirs, made : str
        Labels of the base, of the other operand and of their product, with frequencies as ``rolling.i``.
    """

    rolling: Rolling
    over_j: bool
    own: str
    theirs: str
    made: str


@dataclass(frozen=True, slots=True)
class _Transforms:
    """The way of a library.

    Attributes
    ----------
    calls : StructuredCalls
    structures : callable
        ``(step, name) -> positions`` of operands of a structure.
    contracted : callable
        ``step -> runner``: a step of the library's dense arrays.
    guarded : bool
        Whether values are looked at where they are at hand.
    unrecorded : callable
        The context in which nothing is recorded for gradients.
    """

    calls: StructuredCalls
    structures: Callable[[Step, str], list[int]]
    contracted: Callable[[Step], Runner]
    guarded: bool
    unrecorded: Callable[[], AbstractContextManager[Any]]

    def verdict(self, step: Step) -> Offer | Refused:
        """Offer to transform, where one of both axes is summed with the other array and one is kept."""
        rolling = rolling_of(step, self.structures(step, "rolled"), self.calls.library)
        if isinstance(rolling, Refused):
            return rolling
        if len(step.inputs) != 2:
            return Refused("not a pair of operands")
        if step.dtype not in _FLOATS:
            return Refused(f"{step.dtype} is not transformed exactly")
        found = _correlation(step, rolling)
        if isinstance(found, Refused):
            return found
        d, k = step.sizes[rolling.i], rolling.k
        if self.guarded and found.over_j and 2 * log2(max(d, 2)) * sqrt(k * d) > k**2:
            return Refused(f"the transform's error may exceed that of {k} products of numbers of one size")
        sizes = {**step.sizes, rolling.j: 1}
        elements = sum(_extent(sizes, labels) for labels in (found.own, found.theirs, found.made))
        work = float(_extent(sizes, "".join({*found.own, *found.theirs})))
        turns = 2 if self.guarded else 1
        seconds = turns * (elements * max(1.0, log2(d)) * _STAGE * 2 + 4 * work / _PRODUCTS)
        calls = self.calls.library.calls * turns * (_EAGER if self.calls.library.eager else _COMPILED)
        cost = Cost(max(work, 1.0), float(turns * step.dtype.itemsize * 2 * elements), calls,
                    max(work, 1.0) / max(seconds, 1e-12))  # fmt: skip
        return Offer(cost, step.output, found, f"transforms of length {d}")

    def bind(self, step: Step, offer: Offer) -> Runner:
        """Settle the product of the transforms."""
        found: _Correlation = offer.recipe
        rolling, calls, library = found.rolling, self.calls, self.calls.library
        d = step.sizes[rolling.i]
        correlated = _Correlated(self, step, found)
        places_of = _places(rolling, d, calls)
        other = step.inputs[1 - rolling.at]

        def run(*given: Any, out: Any = None) -> Any:
            base = library.cast(given[rolling.at].base, step.dtype)
            x = given[1 - rolling.at]
            places = places_of(x)
            if found.over_j:  # what meets the same rolling is added up first
                x = _first_to(library, x, other, rolling.j, lambda y: calls.added_at(y, places, d))
            if self.guarded and library.at_hand(base) and library.at_hand(x):
                with self.unrecorded():
                    if not correlated.sound(base, x, rolling.k if found.over_j else d):
                        return Declined("the transform's error could exceed 4 times the direct sum's bound")
            made = correlated.of(base, x)
            return made if found.over_j else calls.take(made, places, found.made.index(rolling.i))

        return laid_out(library, step, library.placed(run))


class _Correlated:
    """The correlation of an array with another along an axis of each."""

    def __init__(self, way: _Transforms, step: Step, found: _Correlation) -> None:
        self._calls, self._found, self._dtype = way.calls, found, step.dtype
        i = found.rolling.i
        self._d, self._at = step.sizes[i], tuple(labels.index(i) for labels in (found.own, found.theirs))
        self._back_at = found.made.index(i)
        self._real = step.dtype.kind == "f"
        wide: Any = np.result_type(step.dtype, np.complex64)
        frequencies = self._d // 2 + 1 if self._real else self._d
        self._multiply = way.contracted(self._step(step, frequencies, wide))
        of_norms: Any = np.empty(0, wide).real.dtype
        self._of_norms = way.contracted(self._step(step, 1, of_norms)) if way.guarded else None

    def _step(self, step: Step, length: int, dtype: Any) -> Step:
        found = self._found
        sizes = {**step.sizes, found.rolling.i: length}
        inputs = (found.own, found.theirs)
        operands = tuple(
            Operand(tuple(sizes[c] for c in x), dtype, (), self._calls.library.name, device=op.device)
            for x, op in zip(inputs, (step.operands[found.rolling.at], step.operands[1 - found.rolling.at]),
                             strict=True)
        )  # fmt: skip
        return Step(inputs, found.made, sizes, operands, dtype, threads=step.threads, last=False)

    def of(self, base: Any, x: Any) -> Any:
        """The correlation, for each offset."""
        fft, conj = self._calls.fft, self._calls.conj
        if self._real:
            one, two = fft.rfft(base, None, self._at[0]), conj(fft.rfft(x, None, self._at[1]))
            made = fft.irfft(self._multiply(one, two), self._d, self._back_at)
        else:
            one, two = fft.fft(base, None, self._at[0]), conj(fft.fft(conj(x), None, self._at[1]))
            made = fft.ifft(self._multiply(one, two), None, self._back_at)
        return self._calls.library.cast(made, self._dtype)

    def sound(self, base: Any, x: Any, terms: int) -> bool:
        """Whether the transform's error is small enough in every entry."""
        assert self._of_norms is not None
        sizes = abs(base), abs(x)
        norms = [(y * y).sum(axis, keepdims=True) ** 0.5 for y, axis in zip(sizes, self._at, strict=True)]
        error = _ERROR * max(1.0, log2(self._d))
        scale = self._of_norms(*norms) * error
        eps = float(np.finfo(self._dtype).eps)
        floor = abs(self.of(*(self._calls.library.cast(y, self._dtype) for y in sizes))) - scale * eps
        return bool((scale <= _ALLOWED * terms * floor).all())


def _places(rolling: Rolling, d: int, calls: StructuredCalls) -> Callable[[Any], Any]:
    """Where rollings start, as an array beside another: a constant of programs, else made on its device."""
    by = rolling.step % d
    if calls.library.eager:
        return lambda like: calls.counted(rolling.k, like) * by % d
    constant = np.asarray([by * j % d for j in range(rolling.k)], np.int32)
    return lambda _like: constant


def _correlation(step: Step, rolling: Rolling) -> _Correlation | Refused:
    i, j = rolling.i, rolling.j
    other = step.inputs[1 - rolling.at]
    over_j = j in other and j not in step.output and i in step.output and i not in other
    over_i = i in other and i not in step.output and j in step.output and j not in other
    if not (over_j or over_i):
        return Refused("neither axis is summed with the other operand while the other one is kept")
    own = step.inputs[rolling.at].replace(j, "")
    return _Correlation(rolling, over_j, own, other.replace(j, i), step.output.replace(j, i))


def _extent(sizes: dict[str, int], labels: str) -> int:
    extent = 1
    for c in labels:
        extent *= sizes[c]
    return extent


def _first_to(library: Any, x: Any, labels: str, label: str, call: Callable[[Any], Any]) -> Any:
    """A call of what has an axis first, which is put back."""
    at = labels.index(label)
    if not at:
        return call(x)
    rest = [n for n in range(len(labels)) if n != at]
    made = call(library.transpose(x, [at, *rest]))
    return library.transpose(made, [*range(1, at + 1), 0, *range(at + 1, len(labels))])


def rolled_fft_route(
    name: str,
    calls: StructuredCalls,
    structures: Callable[[Step, str], list[int]],
    contracted: Callable[[Step], Runner],
    *,
    guarded: bool = False,
    unrecorded: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Route:
    """The route of that name; the parameters are those of the way of a library."""
    way = _Transforms(calls, structures, contracted, guarded, unrecorded)
    return Route(name, way.verdict, way.bind, guard="the error is bounded in every entry" if guarded else "")
