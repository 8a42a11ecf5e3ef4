"""The form of rolled operands and pairwise differences of tensors, which come as they are."""

from __future__ import annotations

from dataclasses import replace

import torch

from ..._base.facts import DENSE
from ..array_library import array_form
from ..array_library.rolled_fft import rolled_fft_route
from ..array_library.rollings import rollings_route
from ..array_library.structured import bring_structured, preparing
from . import squared
from .dense import LIBRARY
from .operands import CALLS
from .sparse_matmul import NAME as SPARSE
from .sparse_matmul import ONE_HOT
from .written import NAME, WRITTEN

__all__ = ["FORM"]
FORM = replace(
    array_form(LIBRARY, rank=7),
    name=NAME,
    routes=(
        squared.ROUTE,
        rollings_route("torch_structured.rollings", CALLS, WRITTEN),
        rolled_fft_route(
            "torch_structured.rolled_fft",
            CALLS,
            WRITTEN.structures,
            WRITTEN.contracted,
            guarded=True,
            unrecorded=torch.no_grad,
        ),
        WRITTEN.route("torch_structured.written"),
    ),
    holds=lambda _inputs, own, _output: any(own),
    results=LIBRARY.name,
    prepare=preparing(NAME),
    bring=bring_structured(LIBRARY),
    sums_first=False,
    identity=None,
    meets=frozenset({DENSE, LIBRARY.name, SPARSE, ONE_HOT}),
)
