"""Structured operands written out inside of a program, where that takes little, or nothing else is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..._base.cost import Cost
from ..._base.facts import Operand, Step
from ..._base.routes import Offer, Refused, Route, Runner
from .bcoo_result import ENTRIES, ONE_HOT
from .bcoo_result import NAME as BCOO
from .blocks import contracted, limit_of
from .cells import Cells, written
from .dense import LIBRARY, cast
from .gather import Gathered, at_entries, sparse_facts
from .operands import JaxOperand

__all__ = ["NAME", "ROUTE", "dense_step", "structures"]

#: Of the form of structured operands.
NAME = "jax_structured"
#: Multiply-adds a second of the product that follows.
_RATE = 4e9
#: Bytes from which on an array is not made where another way is left, and what it then counts for.
_LARGE, _AVOIDED = 16 << 20, 100


def structures(step: Step, name: str) -> list[int]:
    """Positions of operands of a structure."""
    return [i for i, op in enumerate(step.operands) if op.form == NAME and op.structure[0] == name]


def as_array(x: Any, step: Step) -> Any:
    """An operand as an array of the dtype that is computed in."""
    if isinstance(x, Cells):
        return written(x)
    return cast(x.written() if isinstance(x, JaxOperand) else x, step.dtype)


def dense_step(step: Step) -> Step:
    """The step with every structured operand written out."""
    return _with_arrays(step, [i for i, op in enumerate(step.operands) if op.form == NAME])


def _with_arrays(step: Step, positions: Sequence[int]) -> Step:
    operands = tuple(
        Operand(op.shape, step.dtype, (), LIBRARY.name, device=op.device) if i in positions else op
        for i, op in enumerate(step.operands)
    )
    return replace(step, operands=operands)


def _written_out(step: Step) -> list[int] | Refused:
    """Positions of operands to be written out, so that one with entries is left at most."""
    sparse = [i for i, op in enumerate(step.operands) if op.form == BCOO]
    hot = [i for i, op in enumerate(step.operands) if op.form == ONE_HOT]
    if len(sparse) > 1:
        return Refused("more than one sparse operand")
    others = hot if sparse else hot[1:]
    found = sorted([*others, *(i for i, op in enumerate(step.operands) if op.form == NAME)])
    return found or Refused("nothing to write out")


def _verdict(step: Step) -> Offer | Refused:
    """Offer to write out what is structured, so that there is one operand with entries at most."""
    positions = _written_out(step)
    if isinstance(positions, Refused):
        return positions
    size = sum(step.operands[i].size for i in positions) * step.dtype.itemsize
    limit = limit_of(step)
    if limit is not None and size > limit:
        return Refused(f"written out the operands take {size} bytes, over memory_limit={limit}")
    every = float(step.extent("".join(dict.fromkeys("".join(step.inputs)))))
    at = next((i for i, op in enumerate(step.operands) if op.form in ENTRIES and i not in positions), None)
    found = None
    if at is not None:
        labels = step.inputs[at]
        places = "".join(c for c in step.output if c in labels)
        found = Gathered(at, places, "".join(c for c in step.output if c not in labels))
        if step.form == BCOO and found.free:
            return Refused("the result is sparse, and has labels that entries have not")
        every = float((step.operands[at].nnz or 0) * step.extent(found.free))
    moved = float(step.in_bytes + step.out_bytes + size * (4 if size <= _LARGE else _AVOIDED))
    cost = Cost(every, moved, 2 * LIBRARY.calls, _RATE)
    facts = sparse_facts(step, step.operands[at or 0].nnz or 0) if step.form == BCOO else None
    note = f"written out, {size} bytes"
    return Offer(cost, step.output, (tuple(positions), found), note, facts=facts)


def _bind(step: Step, offer: Offer) -> Runner:
    positions, found = offer.recipe
    inner = _with_arrays(step, positions)
    run = contracted(inner) if found is None else at_entries(inner, found)

    def run_written(*operands: Any, out: Any = None) -> Any:
        return run(*(as_array(x, step) if i in positions else x for i, x in enumerate(operands)))

    return run_written


ROUTE = Route("jax.written", _verdict, _bind)
