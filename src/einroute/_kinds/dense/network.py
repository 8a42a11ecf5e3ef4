"""Networks of small arrays: every step of a path in one buffer, with no decision between steps.

The compiled core runs all of it as one call.  Without it each step is a call of NumPy's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._base.cost import Cost
from ..._base.facts import Step, c_strides
from ..._base.formatting import count, in_bytes, plural
from ..._base.routes import Offer, Refused, Route, Runner
from ..._native import CORE

if TYPE_CHECKING:
    from .program import Program

__all__ = ["ROUTE"]

#: Operands from which the steps are worth a program.
_NETWORK = 8
#: Bytes of the operands and of the buffer: in larger ones the work is BLAS's, not the steps'.
_GIVEN, _BUFFER = 1 << 21, 1 << 23
#: Calls, of `CALL` seconds, that a step and the bringing in of an operand cost: by NumPy, and in the core.
_OP, _OPERAND = (0.9, 0.5) if CORE is None else (0.12, 0.02)
#: Multiply-adds of a step from which it is BLAS's.
_LARGE = 1 << 16
#: Multiply-adds a second of products of small matrices.
_RATE = 3e9


def verdict(step: Step) -> Offer | Refused:
    """Offer a program for the whole of a network along the path that is asked for."""
    if step.path is None:
        return Refused("not a network with a path for its steps")
    if len(step.inputs) < _NETWORK:
        return Refused(f"a network has {_NETWORK} operands at least")
    if step.dtype.char not in "?bBhHiIlLqQfdgFDG":
        return Refused(f"its loops do not add up {step.dtype.name} in more precision")
    if 0 in step.sizes.values():
        return Refused("a dimension of length 0")
    if step.order == "F":
        return Refused("a result in Fortran order")
    given = sum(op.nbytes for op in step.operands)
    if given > _GIVEN:
        return Refused(f"operands of {in_bytes(given)}, not small ones")
    from .program import compiled  # noqa: PLC0415 - not every process has a network

    program = compiled(step.inputs, step.output, step.sizes, step.path)
    if program is None:
        return Refused("a step with more labels than there are letters")
    nbytes = given + program.size * step.dtype.itemsize
    if nbytes > _BUFFER:
        return Refused(f"operands and intermediates of {in_bytes(nbytes)}, not small ones")
    calls = _OP * len(program.ops) + _OPERAND * len(step.inputs)
    cost = Cost(program.flops, float(program.moved * 2 * step.dtype.itemsize), calls, _RATE)
    blas = step.dtype.char in "fdFD" and program.heavy[0][0] > _LARGE
    held = program.size * step.dtype.itemsize + (given if CORE is None else _copied(step))
    return Offer(cost, step.output, program, _note(program, step), blas=blas, temporary=held)


def _copied(step: Step) -> int:
    """Bytes of the operands that do not lie in C order, which the core copies first."""
    return sum(op.nbytes for op in step.operands if op.strides != c_strides(op.shape, step.dtype.itemsize))


def _note(program: Program, step: Step) -> str:
    size = step.dtype.itemsize
    copies = sum(op.loop.name == "copy" for op in program.ops)
    return (
        f"{plural(len(step.path or ()), 'step')} in one buffer of {in_bytes(program.size * size)}, "
        f"{count(program.flops)} multiply-adds, the largest intermediate {in_bytes(program.largest * size)}, "
        f"{copies} copied first; most multiply-adds in steps "
        + ", ".join(f"{number + 1} ({count(flops)})" for flops, number in program.heavy)
    )


def bind(step: Step, offer: Offer) -> Runner:
    """The program on the operands as they come."""
    from .core_program import in_core  # noqa: PLC0415 - as above
    from .numpy_program import by_numpy  # noqa: PLC0415 - as above

    program: Program = offer.recipe
    return in_core(program, step) or by_numpy(program, step.dtype)


ROUTE = Route("dense.network", verdict, bind, network=True)
