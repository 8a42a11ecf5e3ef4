"""einroute: einsum, tensordot and their relatives, each call by the fastest right route.

>>> import numpy as np, einroute as er
>>> er.einsum("ij,jk->ik", np.eye(2), np.ones((2, 3)))
array([[1., 1., 1.],
       [1., 1., 1.]])
"""

from . import linalg
from ._config import cache_clear, cache_info, config, get_config, set_config
from ._densify import DensifyWarning
from ._explain import explain
from ._factors.factorized import Factorized, factorize
from ._frontend import einsum, einsum_path, tensordot
from ._least_squares import lstsq
from ._products import dot, inner, matmul, outer, vdot, vecdot
from ._version import __version__

__all__ = [
    "DensifyWarning",
    "Factorized",
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
    "linalg",
    "lstsq",
    "matmul",
    "outer",
    "set_config",
    "tensordot",
    "vdot",
    "vecdot",
]
