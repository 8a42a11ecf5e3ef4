"""Rolled operands: an array beside all its rollings along one axis."""

from __future__ import annotations

from ..._base.facts import Operand
from ..._base.kinds import Form
from ..._base.rewrites import Rewrite
from ..structured import MET, structured_kind
from . import (
    correlate,
    diagonal,
    fft,
    first,
    kernels,
    lags,
    ones,
    pairs,
    products,
    rows,
    shifts,
    split,
    strided,
    sums,
    windows,
)
from .extension import Rolling
from .operand import Rolled
from .where import NAME

REWRITES: tuple[Rewrite, ...] = (
    diagonal.DIAGONAL,
    first.FIRST,
    pairs.PAIRS,
    sums.SUMS,
    ones.ONES,
    products.PRODUCTS,
    lags.LAGS,
    correlate.CORRELATE,
    kernels.KERNELS,
    shifts.SHIFTS,
    fft.FFT,
    windows.WINDOWS,
    split.SPLIT,
    rows.ROWS,
    strided.STRIDED,
)


def facts(operand: Rolled) -> Operand:
    """Facts of an operand."""
    rolling = Rolling(operand.axis, operand.shift, operand.base.strides)
    return Operand(operand.shape, operand.dtype, (), NAME, structure=rolling)


#: They lose more than one_hot operands by being written out, and so are rewritten before those.
KIND = structured_kind(
    Rolled,
    Form(NAME, rank=11, rewrites=REWRITES, meets=MET),
    facts,
    known_by=("base", "k", "axis", "shift"),
)
