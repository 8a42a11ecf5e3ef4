"""The form of rolled operands and pairwise differences of CuPy's arrays, which come as they are."""

from __future__ import annotations

from dataclasses import replace

from ..._base.facts import DENSE
from ..array_library import array_form
from ..array_library.rolled_fft import rolled_fft_route
from ..array_library.rollings import rollings_route
from ..array_library.structured import bring_structured, preparing
from ..array_library.written import Written
from . import gather
from .cells import written
from .dense import LIBRARY
from .gather import ENTRIES, ONE_HOT
from .gather import NAME as SPARSE
from .operands import CALLS

__all__ = ["FORM", "NAME", "WRITTEN"]

NAME = "cupy_structured"
WRITTEN = Written(CALLS, NAME, ENTRIES, SPARSE, lambda: (gather.ROUTE,), written)
FORM = replace(
    array_form(LIBRARY, rank=7),
    name=NAME,
    routes=(
        rollings_route("cupy_structured.rollings", CALLS, WRITTEN),
        rolled_fft_route("cupy_structured.rolled_fft", CALLS, WRITTEN.structures, WRITTEN.contracted),
        WRITTEN.route("cupy_structured.written"),
    ),
    holds=lambda _inputs, own, _output: any(own),
    results=LIBRARY.name,
    prepare=preparing(NAME),
    bring=bring_structured(LIBRARY),
    sums_first=False,
    identity=None,
    meets=frozenset({DENSE, LIBRARY.name, SPARSE, ONE_HOT}),
)
