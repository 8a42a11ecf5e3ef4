"""einroute: einsum, tensordot and their relatives, each call by the fastest right route.

>>> import numpy as np, einroute as er
>>> er.einsum("ij,jk->ik", np.eye(2), np.ones((2, 3)))
array([[1., 1., 1.],
       [1., 1., 1.]])
"""

import typing as _typing
from importlib import import_module as _import_module

from . import linalg
from ._api import structured_protocols as _structured_protocols  # noqa: F401 - puts itself in
from ._api.contract import contract, contract_expression, contract_path
from ._api.factorize import factorize
from ._api.routed import routed
from ._base.densify import DensifyWarning
from ._base.routes import NoRoute
from ._base.signature import publish as _publish
from ._config.config_block import config
from ._config.state import cache_clear, cache_info, get_config, set_config
from ._explain import explain
from ._factors.factorized import Factorized
from ._kinds.difference.operand import pairwise_difference
from ._kinds.one_hot.operand import one_hot
from ._kinds.rolled.operand import rolled
from ._override import install, override, uninstall
from ._record import record
from ._version import __version__

if _typing.TYPE_CHECKING:
    from . import wisdom
    from ._api.typed import (
        dot,
        einsum,
        einsum_path,
        inner,
        lstsq,
        matmul,
        matvec,
        outer,
        tensordot,
        vdot,
        vecdot,
        vecmat,
    )
    from ._calibration.calibrate import calibrate
    from ._explain.explanation import Explanation
    from ._record.recording import Recording
else:
    from ._api.einsum import einsum, tensordot
    from ._api.einsum_path import einsum_path
    from ._api.lstsq import lstsq
    from ._api.products import dot, inner, outer, vdot
    from ._api.ufuncs import matmul, matvec, vecdot, vecmat

__all__ = [
    "DensifyWarning",
    "Explanation",
    "Factorized",
    "NoRoute",
    "Recording",
    "__version__",
    "cache_clear",
    "cache_info",
    "calibrate",
    "config",
    "contract",
    "contract_expression",
    "contract_path",
    "dot",
    "einsum",
    "einsum_path",
    "explain",
    "factorize",
    "get_config",
    "inner",
    "install",
    "linalg",
    "lstsq",
    "matmul",
    "matvec",
    "one_hot",
    "outer",
    "override",
    "pairwise_difference",
    "record",
    "rolled",
    "routed",
    "set_config",
    "tensordot",
    "uninstall",
    "vdot",
    "vecdot",
    "vecmat",
    "wisdom",
]

#: What opt_einsum takes from its backend ``"einroute"`` beside our functions.
_OF_BACKENDS = {"transpose": "einroute._call.opt_einsums"}
#: What most programs never ask for, and the modules that they are loaded from when one does.
_LATER = {
    "Explanation": "einroute._explain.explanation",
    "Recording": "einroute._record.recording",
    "calibrate": "einroute._calibration.calibrate",
    "wisdom": "einroute.wisdom",
}


if not _typing.TYPE_CHECKING:  # else checkers of types would take any name for one of the module's

    def __getattr__(name: str) -> _typing.Any:
        if name in _OF_BACKENDS:
            return getattr(_import_module(_OF_BACKENDS[name]), name)
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = _import_module(_LATER[name])
        found = getattr(module, name, module)
        _publish(__name__, [name], {name: found})
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})


_publish(__name__, [name for name in __all__ if name not in _LATER], globals())
