"""opt_einsum's names, the routed ones in place: ``import einroute.opt_einsum as oe``.

`contract`, `contract_expression` and `contract_path` are einroute's; all else is opt_einsum's own.
"""

from __future__ import annotations

from typing import Any

import opt_einsum as _opt_einsum

from ._call.opt_einsums import own as _own

_own("contract")  # opt_einsum's functions as they are now, before anything takes their place

from opt_einsum import (  # noqa: E402 - after its own functions have been kept
    BranchBound,
    DynamicProgramming,
    RandomGreedy,
    __version__,
    blas,
    get_symbol,
    helpers,
    path_random,
    paths,
    shared_intermediates,
)

from ._api.contract import contract, contract_expression, contract_path  # noqa: E402 - likewise

__all__ = [
    "BranchBound",
    "DynamicProgramming",
    "RandomGreedy",
    "__version__",
    "blas",
    "contract",
    "contract_expression",
    "contract_path",
    "get_symbol",
    "helpers",
    "path_random",
    "paths",
    "shared_intermediates",
]


def __getattr__(name: str) -> Any:
    return getattr(_opt_einsum, name)  # names of later versions, and submodules


def __dir__() -> list[str]:
    return sorted({*globals(), *dir(_opt_einsum)})
