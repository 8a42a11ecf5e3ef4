"""Products and sums of products in one pass over all operands, by the compiled core.

One operand, or the result where nothing is summed, has all labels: its memory gives the order of the loops.
Each product is formed whole, in the order of the operands, in the precision of the dtype, and added in
blocks whose order follows from sizes and strides alone, not from the number of threads or the machine.
NumPy has such loops for some layouts of up to three operands, on one thread; else it writes intermediates
as large as an operand.
"""

from __future__ import annotations

from typing import Any

from ..._base.cost import CALL, Cost
from ..._base.facts import Step
from ..._base.machine import machine
from ..._base.routes import Offer, Refused, Route, Runner
from ..._native import CORE, REASON, limits
from ..._native.flags import reporter
from .pass_cost import best_order, blocks
from .strides import by_stride, numpys_layout, numpys_loops, strides_of

#: The most operands, and the most labels, of a pass.
_MOST, _LABELS = 4, 60
#: Of the call, in the units of `Cost`: among steps of a chain the core's own chains are faster.
_CALL = 1.0
#: How much slower sums of pairs are than reading memory, along it and across.
_SUMS = 1.05, 1.15
#: Bytes of a row that stay in the first cache beside rows that come from memory; beyond, both are waited for:
#: how much slower they are than memory.
_STAYS, _BOTH = 12 << 10, 2.2


def verdict(step: Step) -> Offer | Refused:
    """Offer one pass where some operand, or the result of products, has all labels."""
    if CORE is None:
        return Refused(f"the compiled core is not there: {REASON}")
    if not 1 <= len(step.inputs) <= _MOST or len(step.sizes) > _LABELS:
        return Refused(f"not one to {_MOST} operands")
    if step.dtype.char not in "fdFD?bBhHiIlLqQ" or any(op.dtype != step.dtype for op in step.operands):
        return Refused(f"no loops for {step.dtype.name}, or of operands of another dtype")
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
    labels = set("".join(step.inputs))
    summed = labels != set(step.output)
    if not summed and len(step.inputs) == 1:
        return Refused("nothing to sum or to multiply")
    found = _leading(step, labels)
    if summed and found is None:
        return Refused("no operand has all labels")
    layout = _layout(step, found)
    lead = by_stride(step.inputs[found], _strides(step, found)) if summed and found is not None else layout
    loops, seconds = best_order(step, lead, layout)
    return Offer(
        _cost(step, seconds, loops if summed else "", blocks(step, loops, layout) if step.threads > 1 else 1),
        layout,
        loops,
        f"one pass along {loops}",
        flagged=True,
        single=not summed,
        overwrites=not summed,
    )


def _strides(step: Step, position: int) -> dict[str, int]:
    return strides_of(step.inputs[position], step.operands[position].strides)


def _leading(step: Step, labels: set[str]) -> int | None:
    """The first operand that has all labels and does not repeat its memory; else one that does."""
    whole = [i for i, own in enumerate(step.inputs) if set(own) == labels]
    return min(whole, key=lambda i: step.operands[i].span < step.operands[i].nbytes, default=None)


def _layout(step: Step, leading: int | None) -> str:
    """The result's labels in the order of memory: for order "K" that of the operand that has them all."""
    if step.order != "K":
        return step.output if step.order == "C" else step.output[::-1]
    if leading is None or 0 in step.operands[leading].strides:
        return numpys_layout(step, numpys_loops(step))
    return by_stride(step.output, _strides(step, leading))


def _cost(step: Step, seconds: float, summed: str, shared: int = 1) -> Cost:
    """On as many threads as take part of so many blocks; ``summed`` are the loops where anything is."""
    threads = min(step.threads, 2, shared)
    nbytes = (step.read_bytes + step.out_bytes) / (1 + machine().more_bandwidth * (threads - 1))
    across = summed[-1:] in step.output
    if summed and (across or len(step.inputs) <= 2):
        nbytes *= _SUMS[across]
        again = min(op.span for op in step.operands) if len(step.inputs) > 1 and not across else 0
        if again > _STAYS and 2 * again < step.read_bytes and nbytes >= machine().shared_bytes:
            nbytes *= _BOTH
    flops = float(step.iterations)
    # While a thread is woken the caller works: it is late by half of that.
    calls = _CALL + (machine().wake / 2 / CALL if threads > 1 else 0.0)
    return Cost(flops, nbytes, calls, flops * threads / max(seconds, CALL * 1e-3))


def bind(step: Step, offer: Offer) -> Runner:
    """The core's pass over arrays of these shapes."""
    assert CORE is not None
    loops: str = offer.recipe
    limits.register()
    told = reporter("matmul" if set(loops) != set(step.output) else "multiply")
    run: Any = CORE.OnePass(
        step.dtype.char,
        [step.sizes[c] for c in loops],
        [[loops.index(c) for c in own] for own in step.inputs],
        [loops.index(c) for c in step.output],
        [step.output.index(c) for c in offer.layout],
        list(range(len(loops))),
        step.threads,
        told,
    )
    return run  # type: ignore[no-any-return]


ROUTE = Route("dense.one_pass", verdict, bind)
