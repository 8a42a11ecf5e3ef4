"""torch.compile, which translates NumPy's functions: it is told that stand-ins are these.

It looks functions up by their identity, in a set that it makes when it is first needed, of what stands in
NumPy then. So whatever stood there, both stand-ins and originals are added whenever an override begins or
ends. What it translates a stand-in to it finds by equality, which they have; inside of what it compiles no
call of einroute's is made, with an override or without.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from .._base.stand_in import StandIn

__all__ = ["tell_compilers"]

_MODULE, _KNOWN = "torch._dynamo.trace_rules", "_numpy_function_ids"


def tell_compilers(stand_ins: Iterable[StandIn]) -> None:
    """Let torch.compile, where it is loaded, take stand-ins and originals for NumPy's functions."""
    add = getattr(getattr(sys.modules.get(_MODULE), _KNOWN, None), "add", None)
    if add is None:
        return  # not loaded, or a version that looks them up in another way
    for x in stand_ins:
        add(id(x))
        add(id(x._original))
