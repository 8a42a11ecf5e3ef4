"""Index arrays that are found unsound while they are read: the error names their operand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._base.facts import Operand
from .._base.kinds import Kind
from .._base.routes import Runner
from .._entries.validate import BROKEN, Unsound, unusable


def facts_of(position: int, x: Any, kind: Kind) -> Operand:
    """Facts of an operand; another thread may have taken its parts away since it was understood."""
    if type(x) is np.ndarray and not kind.form.rank:
        return Operand(x.shape, x.dtype, x.strides)
    try:
        return kind.facts(x)
    except BROKEN as error:
        raise unusable(f"operand {position}", x, kind, error) from error


def blaming_operand(run: Runner, kinds: Sequence[Kind]) -> Runner:
    """The same; what a route finds wrong with index arrays that were sound is told of their operand."""

    def blaming(*operands: Any, out: Any = None) -> Any:
        try:
            return run(*operands) if out is None else run(*operands, out=out)
        except Unsound as error:
            sparse = [i for i, kind in enumerate(kinds) if kind.form.sparse]
            for i in sparse:
                try:
                    kinds[i].adopt(operands[i])
                except BROKEN as fault:
                    raise unusable(f"operand {i}", operands[i], kinds[i], fault) from fault
            at = sparse[0]
            raise unusable(f"operand {at}", operands[at], kinds[at], error) from error

    return blaming
