"""einroute: einsum, tensordot and their relatives, each call by the fastest right route.

>>> import numpy as np, einroute as er
>>> er.einsum("ij,jk->ik", np.eye(2), np.ones((2, 3)))
array([[1., 1., 1.],
       [1., 1., 1.]])
"""

from . import linalg
from ._api import structured_protocols as _structured_protocols  # noqa: F401 - puts itself in
from ._api.einsum import einsum, einsum_path, tensordot
from ._api.factorize import factorize
from ._api.lstsq import lstsq
from ._api.products import dot, inner, outer, vdot
from ._api.routed import routed
from ._api.ufuncs import matmul, matvec, vecdot, vecmat
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

__all__ = [
    "DensifyWarning",
    "Factorized",
    "NoRoute",
    "__version__",
    "cache_clear",
    "cache_info",
    "config",
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
]

_publish(__name__, __all__, globals())
