"""Structured operands written out: rolled ones as windows that take no memory, differences some at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..._base.cost import Cost
from ..._base.facts import DType, Operand, Step
from ..._base.routes import Offer, Policy, Refused, Route, Runner, bind, decide
from .operands import ArrayOperand, DifferenceOf, StructuredCalls, part
from .routes import array_routes, laid_out

__all__ = ["Written"]

#: Bytes of differences at a time; multiply-adds a second.
_BLOCK, _RATE = 16 << 20, 4e9
#: Elements that entries may be written out to.
_FEW = 1 << 16


@dataclass(frozen=True, slots=True)
class Written:
    """The way of a library.

    Attributes
    ----------
    calls : StructuredCalls
    form : str
        Of rolled operands and differences.
    entries : frozenset of str
        Forms of operands by their entries.
    sparse : str
        The one of them in which results may be.
    at_entries : callable
        ``() -> routes``: of one operand by its entries with dense ones.
    as_array : callable
        ``(operand, dtype) -> array``: an operand by its entries, written out in the dtype of the step.
    """

    calls: StructuredCalls
    form: str
    entries: frozenset[str]
    sparse: str
    at_entries: Callable[[], tuple[Route, ...]]
    as_array: Callable[[Any, DType], Any]

    def structures(self, step: Step, name: str) -> list[int]:
        """Positions of operands of a structure."""
        return [i for i, op in enumerate(step.operands) if op.form == self.form and op.structure[0] == name]

    def contracted(
        self, step: Step, *, inputs: tuple[str, ...] | None = None, output: str | None = None
    ) -> Runner:
        """A step of dense arrays, of other labels where they are given."""
        library = self.calls.library
        inputs = step.inputs if inputs is None else inputs
        operands = tuple(
            op
            if op.form in self.entries
            else Operand(tuple(step.sizes[c] for c in own), step.dtype, (), library.name, device=op.device)
            for own, op in zip(inputs, step.operands, strict=True)
        )
        inner = replace(
            step,
            inputs=inputs,
            output=step.output if output is None else output,
            operands=operands,
            form=library.name,
            last=False,
        )
        some = any(op.form in self.entries for op in operands)
        return bind(decide(inner, Policy(), self.at_entries() if some else array_routes(library)))

    def route(self, name: str) -> Route:
        """The route of that name."""
        return Route(name, self._verdict, self._bind)

    def _verdict(self, step: Step) -> Offer | Refused:
        """Offer to write out whatever is structured, and entries of all operands that have them but one."""
        own = [i for i, op in enumerate(step.operands) if op.form == self.form]
        hot = self._all_but_one(step)
        if sum(step.operands[i].size for i in hot) > _FEW:
            return Refused("more than one operand by its entries, too large to be written out")
        if not own and not hot:
            return Refused("nothing to write out")
        if step.form == self.sparse:
            return Refused("the result is sparse")
        flops = float(step.extent("".join(dict.fromkeys("".join(step.inputs)))))
        size = sum(step.operands[i].size for i in (*own, *hot)) * step.dtype.itemsize
        cut = self._cut(step)
        block = 0
        if cut is not None:
            each = sum(step.operands[i].size for i in cut[0]) * step.dtype.itemsize
            block = max(1, _BLOCK // max(each // max(1, step.sizes[cut[1]]), 1))
            block = block if block < step.sizes[cut[1]] else 0
        moved = float(step.in_bytes + step.out_bytes + 4 * size)
        turns = -(-step.sizes[cut[1]] // block) if cut is not None and block else 1
        cost = Cost(flops, moved, 4 * self.calls.library.calls * turns, _RATE)
        note = f"written out, {block} points at a time" if block else "written out"
        return Offer(cost, step.output, (cut, block, hot), note)

    def _cut(self, step: Step) -> tuple[tuple[int, ...], str] | None:
        """Differences that have one label of points first, along which they can be done in blocks."""
        found = self.structures(step, "pairwise_difference")
        first = {step.inputs[n][0] for n in found}
        dense = (self.calls.library.name, self.form)
        if len(first) != 1 or any(op.form not in dense for op in step.operands):
            return None
        label = first.pop()
        others = [step.inputs[i] for i in self.structures(step, "rolled")]
        return (tuple(found), label) if not any(label in own for own in others) else None

    def _all_but_one(self, step: Step) -> tuple[int, ...]:
        """Positions of operands by their entries, without the largest."""
        own = [i for i, op in enumerate(step.operands) if op.form in self.entries]
        return tuple(sorted(own, key=lambda i: step.operands[i].size)[:-1])

    def _bind(self, step: Step, offer: Offer) -> Runner:
        cut, block, hot = offer.recipe
        library = self.calls.library
        facts = tuple(
            replace(op, form=library.name, nnz=None) if i in hot else op for i, op in enumerate(step.operands)
        )
        run = self.contracted(replace(step, operands=facts))

        def whole(*operands: Any, out: Any = None) -> Any:
            return run(
                *(
                    self.as_array(x, step.dtype)
                    if i in hot
                    else x
                    if op.form in self.entries
                    else self._array(x, step)
                    for i, (x, op) in enumerate(zip(operands, step.operands, strict=True))
                )
            )

        some = self._some_at_a_time(step, cut, block) if block else whole
        return laid_out(library, step, library.placed(some))

    def _array(self, x: Any, step: Step) -> Any:
        """An operand as an array of the dtype that is computed in."""
        return self.calls.library.cast(x.written() if isinstance(x, ArrayOperand) else x, step.dtype)

    def _some_at_a_time(self, step: Step, cut: tuple[tuple[int, ...], str], block: int) -> Runner:
        found, label = cut
        size = step.sizes[label]
        at = step.output.find(label)
        cast = self.calls.library.cast

        def some(operands: tuple[Any, ...], start: int) -> Any:
            length = min(block, size - start)
            run = self.contracted(replace(step, sizes={**step.sizes, label: length}))
            parts = []
            for i, (x, labels) in enumerate(zip(operands, step.inputs, strict=True)):
                if i in found and isinstance(x, DifferenceOf):
                    one, other = x.points()
                    made = part(one, 0, start, length)[:, None, :] - other[None, :, :]
                else:
                    made = self._array(x, step)
                    axis = labels.find(label)
                    made = made if axis < 0 else part(made, axis, start, length)
                parts.append(cast(made, step.dtype))
            return run(*parts)

        def run_parts(*operands: Any, out: Any = None) -> Any:
            made = [some(operands, start) for start in range(0, size, block)]
            if at >= 0:
                return self.calls.concatenate(made, at)
            total = made[0]
            for more in made[1:]:
                total = total | more if step.dtype.kind == "b" else total + more
            return total

        return run_parts
