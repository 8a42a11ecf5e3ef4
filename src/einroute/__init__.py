"""einroute: einsum, tensordot and their relatives, each call by the fastest right route.

>>> import numpy as np, einroute as er
>>> er.einsum("ij,jk->ik", np.eye(2), np.ones((2, 3)))
array([[1., 1., 1.],
       [1., 1., 1.]])
"""

from . import linalg
from ._config import cache_clear, cache_info, get_config, set_config
from ._config_block import config
from ._densify import DensifyWarning
from ._explain import explain
from ._factors.factorized import Factorized, factorize
from ._frontend import einsum, einsum_path, tensordot
from ._least_squares import lstsq
from ._operands.difference import pairwise_difference
from ._operands.one_hot import one_hot
from ._operands.rolled import rolled
from ._override import install, override, uninstall
from ._products import dot, inner, outer, vdot
from ._record import record
from ._route import NoRoute
from ._routed import routed
from ._signature import publish as _publish
from ._ufuncs import matmul, vecdot
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
]

_publish(__name__, __all__, globals())
