"""Ways to do a step with a library's own calls.

``matmul`` is transpositions around the library's product of matrices, the classical way (Springer and
Bientinesi, "Design of a high-performance GEMM-like tensor-tensor multiplication", TOMS 44(3), 2018, call it
transpose-transpose-GEMM-transpose); ``multiply`` is products, then a sum; ``einsum`` is the library's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ..._base.cost import Cost, gemm_rate
from ..._base.facts import Step
from ..._base.routes import Offer, Refused, Route, Runner
from .library import ArrayLibrary
from .matrices import matrices_of

__all__ = ["array_routes", "laid_out"]

#: Multiply-adds a second of products that are formed, then summed, as long as they stay in the caches; of
#: integers and of stacks of pairs of vectors, which libraries multiply in plain loops; and of stacks of
#: matrices by vectors, with the seconds that each matrix takes besides.
_ELEMENTWISE, _PLAIN_LOOPS, _BY_VECTORS, _EACH = 5e9, 1e9, 1e10, 5e-8


def array_routes(library: ArrayLibrary) -> tuple[Route, ...]:
    """The routes that follow from a library's calls."""
    name = library.name
    own = [Route(f"{name}.matmul", _Matmul(library).verdict, _Matmul(library).bind)]
    own.append(Route(f"{name}.multiply", _Multiply(library).verdict, _Multiply(library).bind))
    if library.einsum is not None:
        own.append(Route(f"{name}.einsum", _Einsum(library).verdict, _Einsum(library).bind))
    return tuple(own)


def laid_out(library: ArrayLibrary, step: Step, run: Runner) -> Runner:
    """A runner whose result has the layout that was asked for."""
    in_order = library.in_order
    if not step.last or step.order == "K" or in_order is None:
        return run

    def ordered(*arrays: Any, out: Any = None) -> Any:
        return in_order(run(*arrays), step.order)

    return ordered


class _Way:
    """A route of a library."""

    def __init__(self, library: ArrayLibrary) -> None:
        self.library = library


class _Matmul(_Way):
    """Transpositions around the library's product of matrices."""

    def verdict(self, step: Step) -> Offer | Refused:
        """Offer to do a pair that shares a summed label as a product of matrices."""
        if len(step.inputs) != 2:
            return Refused("not a pair of operands")
        found = matrices_of(step)
        if not found.summed:
            return Refused("no label is summed in both operands")
        device = next((op.device for op in step.operands if op.device is not None), None)
        k = step.extent(found.summed)
        made = self.library.matmul_dtype(step.dtype, k, device)
        if made is None:
            return Refused(f"{self.library.name} has no exact product of matrices of {step.dtype}")
        m, n = step.extent(found.left), step.extent(found.right)
        rate = gemm_rate(m, n, k, made.itemsize, made.kind == "c", step.threads)
        if made.kind in "iu" or (found.batch and m == n == 1):
            rate = min(rate, _PLAIN_LOOPS)
        elif found.batch and min(m, n) == 1:
            each = max(1, m * n * k)
            rate = each / (each / _BY_VECTORS + _EACH)
        rate = max(rate, 1.0)  # of no elements it is none
        moved = step.in_bytes + step.out_bytes
        operands = step.operands[::-1] if found.swapped else step.operands
        for x, copied in zip(operands, found.copied, strict=True):
            moved += 2 * x.nbytes * (copied or made != step.dtype)
        flops = float(step.extent("".join(dict.fromkeys("".join(step.inputs)))))
        calls = self.library.calls * (1 + len([x for x in found.alone if x]))
        cost = Cost(flops, float(moved), calls, rate)
        return Offer(cost, found.made, (found, made), f"{self.library.name}.matmul{_as(made, step)}")

    def bind(self, step: Step, offer: Offer) -> Runner:
        """Settle the transpositions."""
        found, made = offer.recipe
        run = found.runner(self.library, step)
        if made != step.dtype:
            run = _through(self.library, run, made, step)
        return laid_out(self.library, step, run)


def _as(made: Any, step: Step) -> str:
    return "" if made == step.dtype else f" in {made.name}"


def _through(library: ArrayLibrary, run: Runner, made: Any, step: Step) -> Runner:
    """A product in another dtype, in which it is exact."""
    cast, dtype, run = library.cast, step.dtype, library.exactly(run)
    wide = library.dtypes.named("int64")

    def through(a: Any, b: Any, out: Any = None) -> Any:
        result = run(cast(a, made), cast(b, made))
        return cast(cast(result, wide) if dtype.kind in "iu" else result, dtype)

    return through


class _Multiply(_Way):
    """Products of all operands, then a sum; of one operand the sum alone."""

    def verdict(self, step: Step) -> Offer | Refused:
        """Offer to multiply, whatever the labels."""
        every = dict.fromkeys("".join(step.inputs))
        summed = len(every) > len(step.output)
        size = step.extent("".join(every))
        several = len(step.inputs) > 1
        passes = len(step.inputs) - 1 + summed  # over all products
        between = size * step.dtype.itemsize * max(0, passes - 1)
        calls = self.library.calls * passes
        moved = float(step.in_bytes + step.out_bytes + 2 * between)
        cost = Cost(float(size * max(1, passes)), moved, calls, _ELEMENTWISE)
        note = "a view" if not several and not summed else "products" if several else "a sum"
        note = f"{note}, then a sum" if several and summed else note
        stored = size * step.dtype.itemsize if several and summed else 0
        return Offer(cost, step.output, None, note, temporary=stored)

    def bind(self, step: Step, _offer: Offer) -> Runner:
        """Settle how operands are broadcast against each other."""
        library = self.library
        if len(step.inputs) == 1:
            return laid_out(library, step, _alone(library, step))
        every, summed, axes = _loops(step, as_they_lie=not library.eager)
        views = [_broadcast(library, labels, every, step) for labels in step.inputs]
        multiply, add = library.multiply, library.sum

        def run(*arrays: Any, out: Any = None) -> Any:
            product = arrays[0] if views[0] is None else views[0](arrays[0])
            for view, x in zip(views[1:], arrays[1:], strict=True):
                product = multiply(product, x if view is None else view(x))
            return add(product, summed) if summed else product

        if axes is None:
            return laid_out(library, step, run)
        return laid_out(library, step, lambda *arrays, out=None: library.transpose(run(*arrays), axes))


def _loops(step: Step, *, as_they_lie: bool) -> tuple[str, tuple[int, ...], tuple[int, ...] | None]:
    """The labels of all operands as axes of their products, which of these are summed, and what puts the
    others in order, if they are not.

    Compilers sum along axes as they are given: those stay as they lie in the largest operand.
    """
    first = step.output
    if as_they_lie and len(set("".join(step.inputs))) > len(step.output):
        first = max(step.inputs, key=step.extent) + step.output
    every = "".join(dict.fromkeys(first + "".join(step.inputs)))
    summed = tuple(i for i, c in enumerate(every) if c not in step.output)
    kept = [c for c in every if c in step.output]
    axes = tuple(kept.index(c) for c in step.output)
    return every, summed, None if axes == tuple(range(len(axes))) else axes


def _alone(library: ArrayLibrary, step: Step) -> Runner:
    """One operand, summed and its axes put in order; a view, where it is not summed."""
    labels = step.inputs[0]
    summed = tuple(i for i, c in enumerate(labels) if c not in step.output)
    kept = [c for c in labels if c in step.output]
    axes = tuple(kept.index(c) for c in step.output)
    add, transpose = library.sum, library.transpose
    if not summed:
        return lambda x, out=None: transpose(x, axes)
    if axes == tuple(range(len(axes))):
        return lambda x, out=None: add(x, summed)
    return lambda x, out=None: transpose(add(x, summed), axes)


def _broadcast(library: ArrayLibrary, labels: str, every: str, step: Step) -> Callable[[Any], Any] | None:
    """From an operand to a view with an axis for each label, of length 1 for those that it lacks.

    None where it has them all, in order; first axes that it lacks need not be there.
    """
    own = [c for c in every if c in labels]
    axes = tuple(labels.index(c) for c in own)
    ordered = axes == tuple(range(len(axes)))
    first = every.index(own[0]) if own else len(every)
    shape = tuple(step.sizes[c] if c in labels else 1 for c in every[first:])
    transpose, reshape = library.transpose, library.reshape
    if len(shape) == len(own):
        return None if ordered else lambda x: transpose(x, axes)
    return (lambda x: reshape(x, shape)) if ordered else (lambda x: reshape(transpose(x, axes), shape))


class _Einsum(_Way):
    """The library's own einsum."""

    def verdict(self, step: Step) -> Offer | Refused:
        """Offer it for floats: of bools and integers it has other sums."""
        if len(step.inputs) < 2:
            return Refused("a single operand")
        if step.dtype.kind not in "fc":
            return Refused("of bools and integers its sums are others, or it has none")
        letters = _letters(step.inputs)
        if letters is None:
            return Refused("more labels than letters")
        if len(step.inputs) > 2:
            return self._from_the_left(step, letters)
        way = _Matmul(self.library).verdict(step)
        if isinstance(way, Refused):
            way = _Multiply(self.library).verdict(step)
        assert isinstance(way, Offer)
        # It does what the others do, once it has read the subscripts.
        cost = replace(way.cost, calls=way.cost.calls + self.library.calls * 2)
        return Offer(cost, step.output, _spelled(step, letters), f"{self.library.name}.einsum")

    def _from_the_left(self, step: Step, letters: dict[str, str]) -> Offer:
        """Several operands, which libraries take pair by pair from the left."""
        products, stored, there = 0, 0, frozenset(step.inputs[0])
        for i, labels in enumerate(step.inputs[1:], 1):
            products += step.extent("".join(there | set(labels)))
            later = frozenset("".join((*step.inputs[i + 1 :], step.output)))
            there = (there | set(labels)) & later
            if i < len(step.inputs) - 1:
                stored = max(stored, step.extent("".join(there)) * step.dtype.itemsize)
        moved = float(step.in_bytes + step.out_bytes + 2 * stored)
        cost = Cost(float(products), moved, self.library.calls * 2 * len(step.inputs), _ELEMENTWISE)
        note = f"{self.library.name}.einsum, pair by pair from the left"
        return Offer(cost, step.output, _spelled(step, letters), note, temporary=stored)

    def bind(self, step: Step, offer: Offer) -> Runner:
        """The library's einsum with the labels as letters."""
        einsum, subscripts = self.library.einsum, offer.recipe
        assert einsum is not None

        def run(*arrays: Any, out: Any = None) -> Any:
            return einsum(subscripts, *arrays)

        return laid_out(self.library, step, run)


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _letters(inputs: Sequence[str]) -> dict[str, str] | None:
    every = dict.fromkeys("".join(inputs))
    return dict(zip(every, _LETTERS, strict=False)) if len(every) <= len(_LETTERS) else None


def _spelled(step: Step, letters: dict[str, str]) -> str:
    inputs = ",".join("".join(letters[c] for c in labels) for labels in step.inputs)
    return f"{inputs}->{''.join(letters[c] for c in step.output)}"
