"""Sums along a rolled axis as circular correlations, by the fast Fourier transform.

Both ``sum_j a[j] b[(i + s*j) % d]`` and ``sum_i a[i] b[(i + s*j) % d]`` are read off the correlation
``c[q] = sum_p a[p] b[(p + q) % d]``, which is the inverse transform of ``conj(A) * B`` (the convolution
theorem; Cooley and Tukey, "An algorithm for the machine calculation of complex Fourier series", Math. Comp.
19, 1965).

A guard lets through only data for which that is about as exact as direct sums, see `correlation`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import gcd, log2, prod
from typing import Any

import numpy as np

from ..._base.cost import Cost
from ..._base.densify import densified
from ..._base.facts import Operand, Step, c_strides
from ..._base.rewrites import Contract, Inner, Rewrite, Rewriting, regular, shortened_by
from ..._base.routes import Declined, Offer, Refused
from .correlation import Correlation, likely_sound
from .extension import base_shape
from .where import Where, others_bytes

Array = np.ndarray[Any, Any]

#: Units of `_work` a second of real transforms in single precision, how many times as long complex ones take,
#: double precision, and several that are done in lanes.
_RATE, _COMPLEX, _DOUBLE, _LANES = 6.5e9, 2.0, 1.2, 0.7
#: Calls' worth of Python around the transforms and the guard; with a short way, and around two in one call.
_CALLS, _SHORT_WAY, _IN_ONE = 42.0, 36.0, 30.0
#: Bytes of two transforms that are done in one call, at most.
_TOGETHER = 240 << 10
#: Bytes of a vector whose transform takes twice as long as in cache.
_FAR = 8 << 20
#: Transforms of one correlation, and how much longer pocketfft takes those around twice the length to be.
_TRANSFORMS, _FUDGE = 3, 1.5
#: Prime factors up to which a transform has a loop of its own.
_SHORT = 5


@dataclass(frozen=True, slots=True)
class _Recipe:
    """What is contracted before the correlation, which labels it has, and what is contracted after it.

    Attributes
    ----------
    where : Where
    summed : str
        The label, i or j, that the correlation sums over.
    before, after : tuple of int
        Positions of the other operands: those that have `summed`, and those that have not.
    a, b : str
        Labels of what is correlated, the axis of the correlation last.
    made : str
        Labels of the correlation, its own axis last.
    convolves : bool
        Whether the correlation is with a read backwards, a convolution: a step of -1 as it comes.
    product : int
        Which of the inner contractions multiplies the transforms.
    """

    where: Where
    summed: str
    before: tuple[int, ...]
    after: tuple[int, ...]
    a: str
    b: str
    made: str
    convolves: bool = False
    product: int = 0

    @property
    def spectra(self) -> tuple[str, str]:
        """Labels of the transforms of a and b; frequencies have the label i."""
        return self.a[:-1] + self.where.i, self.b[:-1] + self.where.i

    @property
    def product_of(self) -> str:
        """Labels of the product of the transforms."""
        return self.made[:-1] + self.where.i

    def goes_on(self, step: Step) -> bool:
        """Whether the correlation is not the result yet."""
        return bool(self.after) or set(self.made) != set(step.output)


def _recipe(step: Step, where: Where) -> _Recipe | Refused:
    """How a step is done by one correlation."""
    others = [n for n in range(len(step.inputs)) if n != where.at]
    i, j = where.i, where.j
    for summed, kept in ((j, i), (i, j)):
        before = tuple(n for n in others if summed in step.inputs[n])
        if summed in step.output or not before:
            continue
        if any(kept in step.inputs[n] for n in before):
            continue
        after = tuple(n for n in others if n not in before)
        labels = step.inputs[where.at]
        b = labels.replace(i, "").replace(j, "")
        needed = set(step.output).union(*(step.inputs[n] for n in after))
        found = dict.fromkeys("".join(step.inputs[n] for n in before))
        a = "".join(c for c in found if c != summed and (c in needed or c in b)) + summed
        made = "".join(c for c in dict.fromkeys(b + a[:-1]) if c in needed) + kept
        return _Recipe(where, summed, before, after, a, b + i, made)
    return Refused("no label of the rolled axis is summed with operands that lack the other one")


def verdict(step: Step) -> Rewriting | Refused:
    """Offer a correlation by three transforms."""
    where = Where.of(step)
    if step.dtype.char not in "fdFD":
        return Refused(f"transforms are rounded, and {step.dtype.name} is not single or double precision")
    if step.form != "dense" or where.i == where.j or not regular(step, where.at):
        return Refused("a repeated label or a broadcast axis")
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
    recipe = _recipe(step, where)
    if isinstance(recipe, Refused):
        return recipe
    if any(_longest(step, recipe.before, c) != step.sizes[c] for c in recipe.a):
        return Refused("a label is broadcast")
    made = _facts(step, recipe.made)
    inner = []
    shift, k, d = where.rolling.shift, step.sizes[where.j], step.sizes[where.i]
    convolves = recipe.summed == where.j and shift == -1 and k <= d
    recipe = replace(recipe, convolves=convolves, product=0 if _as_it_is(step, recipe) else 1)
    if recipe.product:
        before = tuple(step.operands[n] for n in recipe.before)
        inner.append(Inner(tuple(step.inputs[n] for n in recipe.before), recipe.a, before))
    spectra = tuple(_spectrum(step, recipe, labels) for labels in (recipe.a, recipe.b))
    inner.append(Inner(recipe.spectra, recipe.product_of, spectra, dtype=spectra[0].dtype))
    if recipe.goes_on(step):
        after = tuple(step.operands[n] for n in recipe.after)
        inputs = (recipe.made, *(step.inputs[n] for n in recipe.after))
        inner.append(Inner(inputs, step.output, (made, *after)))
    needed = _bytes(step, recipe)
    given = others_bytes(step, where.at) + prod(base_shape(where.operand(step))) * step.dtype.itemsize
    if densified(needed, given):
        return Refused(f"it would take {needed >> 20} MiB, for operands and a result of {given >> 20} MiB")
    note = f"a circular {'convolution' if convolves else 'correlation'} of length {d} by FFT"
    rewriting = Rewriting(Offer(_cost(step, recipe), step.output, recipe, note), tuple(inner))
    if recipe.goes_on(step):
        return shortened_by(run, step, rewriting)
    return replace(rewriting, short_of=_short_of(step, recipe), settled=True)


def _longest(step: Step, positions: tuple[int, ...], label: str) -> int:
    """The longest axis that some operands have under a label."""
    return max(
        n
        for position in positions
        for c, n in zip(step.inputs[position], step.operands[position].shape, strict=True)
        if c == label
    )


def _facts(step: Step, labels: str) -> Operand:
    shape = tuple(step.sizes[c] for c in labels)
    return Operand(shape, step.dtype, c_strides(shape, step.dtype.itemsize))


def _spectrum(step: Step, recipe: _Recipe, labels: str) -> Operand:
    """Facts of a transform."""
    d = step.sizes[recipe.where.i]
    dtype = np.result_type(step.dtype, np.complex64)
    frequencies = d if step.dtype.kind == "c" else d // 2 + 1
    shape = (*(step.sizes[c] for c in labels[:-1]), frequencies)
    return Operand(shape, dtype, c_strides(shape, dtype.itemsize))


def _as_it_is(step: Step, recipe: _Recipe) -> bool:
    """Whether there is one operand besides the rolled one, an array of which nothing is summed before."""
    if len(recipe.before) != 1:
        return False
    op, labels = step.operands[recipe.before[0]], step.inputs[recipe.before[0]]
    return op.form == "dense" and len(labels) == len(recipe.a) and set(labels) == set(recipe.a)


def _cost(step: Step, recipe: _Recipe) -> Cost:
    """Three transforms, or six, and what the guard looks at; the product between them is handed on."""
    d = step.sizes[recipe.where.i]
    count = sum(step.extent(labels[:-1]) for labels in (recipe.a, recipe.b, recipe.made))
    slower = _COMPLEX if step.dtype.kind == "c" else 1.0
    slower *= _DOUBLE if step.dtype.char in "dD" else 1.0
    together = _together(step, recipe)
    in_lanes = (together or count > _TRANSFORMS) and step.dtype.char in "dD"
    slower *= _LANES if in_lanes else 1.0
    slower *= 1 + min(1.0, d * step.dtype.itemsize / _FAR)
    if not likely_sound(step.sizes[recipe.summed], _given(step, recipe), d):
        count *= 2  # the magnitudes are correlated, too
    calls = _CALLS if recipe.goes_on(step) else _IN_ONE if together else _SHORT_WAY
    flops = count * _work(d, is_complex=step.dtype.kind == "c")
    return Cost(flops, 6.0 * count * d * step.dtype.itemsize, calls, _RATE / slower)


def _given(step: Step, recipe: _Recipe) -> int:
    """How many elements of a there are in a row, before zeros."""
    k, d, shift = step.sizes[recipe.summed], step.sizes[recipe.where.i], recipe.where.rolling.shift
    folded = recipe.summed == recipe.where.j and not recipe.convolves and not (shift == 1 and k <= d)
    return d if folded else k


def _work(d: int, *, is_complex: bool) -> float:
    """What a transform of this length takes, as pocketfft guesses it.

    By its prime factors; or, where large ones are among them, by complex transforms of twice the length
    (Bluestein's algorithm).
    """
    direct, around = d * _by_factors(d), _around(d) * (1 if is_complex else 2)
    return around / _FUDGE if around < direct else direct


def _around(d: int) -> float:
    """By complex transforms of twice the length."""
    twice = 2 * d - 1
    return 3.0 * twice * 2 * log2(max(2, twice))


def _by_factors(n: int) -> float:
    found, factor = 0.0, 2
    while factor * factor <= n:
        while n % factor == 0:
            n //= factor
            found += factor if factor <= _SHORT else 1.1 * factor
        factor += 1
    return found + (0 if n == 1 else n if n <= _SHORT else 1.1 * n)


def _bytes(step: Step, recipe: _Recipe) -> int:
    """Bytes of what is correlated, of both transforms, and of their product going back."""
    d = step.sizes[recipe.where.i]
    before = step.extent(recipe.a) if recipe.product else 0
    transforms = sum(step.extent(labels[:-1]) for labels in (recipe.a, recipe.b, recipe.made)) * d
    return (before + transforms) * step.dtype.itemsize


def run(step: Step, rewriting: Rewriting, operands: tuple[Any, ...], contract: Contract) -> Any | Declined:
    """Correlate, if the data allow it."""
    recipe: _Recipe = rewriting.offer.recipe
    a, b = _operands(step, recipe, operands, contract)
    correlation = _correlation(step, recipe, contract)
    with np.errstate(all="ignore"):
        refused = correlation.unsound(a, b, step.sizes[recipe.summed])
        if refused:
            return Declined(refused)
        made = _read_off(step, recipe, correlation.of(a, b))
    if recipe.goes_on(step):
        inputs = (recipe.made, *(step.inputs[n] for n in recipe.after))
        result = contract(inputs, step.output, (made, *(operands[n] for n in recipe.after)))
        written_out = any(step.operands[n].form != "dense" for n in recipe.before)
        if written_out and not np.isfinite(result).all():
            return Declined("what is absent from an operand may have met a number that is not finite")
        return result
    return made.transpose([recipe.made.index(c) for c in step.output])


def _short_of(step: Step, recipe: _Recipe) -> Callable[[Contract], Callable[[tuple[Any, ...]], Array | None]]:
    """A short way, where the correlation is the result: no sum overflows where the guard lets it through."""
    order, terms = [recipe.made.index(c) for c in step.output], step.sizes[recipe.summed]

    def short_of(contract: Contract) -> Callable[[tuple[Any, ...]], Array | None]:
        correlation = _correlation(step, recipe, contract)

        def short(operands: tuple[Any, ...]) -> Array | None:
            a, b = _operands(step, recipe, operands, contract)
            if correlation.unsound(a, b, terms):
                return None
            return _read_off(step, recipe, correlation.of(a, b)).transpose(order)

        return short

    return short_of


def _correlation(step: Step, recipe: _Recipe, contract: Contract) -> Correlation:
    return Correlation(
        *recipe.spectra,
        recipe.product_of,
        recipe.convolves,
        partial(contract.inner, recipe.product),
        contract,
        step.threads,
        _together(step, recipe),
    )


def _together(step: Step, recipe: _Recipe) -> bool:
    """Whether two vectors are transformed in one call: what that keeps stays in cache, and is not mapped."""
    if len(recipe.a) > 1 or len(recipe.b) > 1 or (step.dtype.kind == "c" and not recipe.convolves):
        return False
    d, item = step.sizes[recipe.where.i], step.dtype.itemsize
    kept = d if d * _by_factors(d) <= _around(d) else 4 * d
    return 2 * kept * item <= _TOGETHER


def _operands(
    step: Step, recipe: _Recipe, operands: tuple[Any, ...], contract: Contract
) -> tuple[Array, Array]:
    """What is correlated, its axes in the order of the recipe's labels."""
    if recipe.product:
        a = contract.inner(0, tuple(operands[n] for n in recipe.before))
    else:
        a, labels = operands[recipe.before[0]], step.inputs[recipe.before[0]]
        if labels != recipe.a:
            a = a.transpose([labels.index(c) for c in recipe.a])
    where, base = recipe.where, operands[recipe.where.at].base
    labels = step.inputs[where.at].replace(where.j, "")
    b = base if labels == recipe.b else base.transpose([labels.index(c) for c in recipe.b])
    a, b = a.astype(step.dtype, copy=False), b.astype(step.dtype, copy=False)
    if recipe.summed == where.j and not recipe.convolves:
        a = _folded(a, where.rolling.shift, b.shape[-1])
    return a, b


def _folded(a: Array, shift: int, d: int) -> Array:
    """Factors of equal elements of the base added up.

    ``folded[q]`` is the sum of ``a[j]`` over the j for which ``s*j = q`` modulo d.
    """
    k = a.shape[-1]
    if shift == 1 and k <= d:
        return a  # the transform fills up with zeros
    period = d // gcd(shift, d)  # after so many j the elements come round again
    if k > period:
        full = k // period * period
        rounds = a[..., :full].reshape(*a.shape[:-1], -1, period).sum(axis=-2)
        rounds[..., : k - full] += a[..., full:]
        a, k = rounds, period
    folded = np.zeros((*a.shape[:-1], d), a.dtype)
    folded[..., np.arange(k) * shift % d] = a
    return folded


def _read_off(step: Step, recipe: _Recipe, correlation: Array) -> Array:
    """The entries asked for: all of them, or those at the multiples of the step."""
    where = recipe.where
    if recipe.summed == where.j:
        return correlation
    k, shift, d = step.sizes[where.j], where.rolling.shift, step.sizes[where.i]
    if shift == 1 and k <= d < 2 * k:
        return correlation[..., :k]
    return correlation[..., np.arange(k) * shift % d]


FFT = Rewrite(
    "rolled.fft",
    verdict,
    run,
    guard="finite, and the error C*log2(d)*eps*|a|*|b| is within 4*K*eps*sum|products| for every entry",
)
