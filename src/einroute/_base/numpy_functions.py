"""NumPy's own functions, of which `override` puts ours in the place.

Bound here when einroute is imported. Every module of ours takes them from here and none from ``np``: what
``np.einsum`` is at run time, or when a module is loaded later, may be einroute's.
"""

from typing import Any

import numpy as np
from numpy import dot as numpy_dot
from numpy import einsum as numpy_einsum
from numpy import inner as numpy_inner
from numpy import matmul as numpy_matmul
from numpy import matvec as numpy_matvec
from numpy import outer as numpy_outer
from numpy import tensordot as numpy_tensordot
from numpy import vdot as numpy_vdot
from numpy import vecdot as numpy_vecdot
from numpy import vecmat as numpy_vecmat
from numpy.linalg import inv as numpy_inv
from numpy.linalg import lstsq as numpy_lstsq
from numpy.linalg import matmul as numpy_linalg_matmul
from numpy.linalg import matrix_power as numpy_matrix_power
from numpy.linalg import multi_dot as numpy_multi_dot
from numpy.linalg import outer as numpy_linalg_outer
from numpy.linalg import pinv as numpy_pinv
from numpy.linalg import solve as numpy_solve
from numpy.linalg import tensordot as numpy_linalg_tensordot
from numpy.linalg import vecdot as numpy_linalg_vecdot

__all__ = [
    "numpy_dot",
    "numpy_einsum",
    "numpy_einsum_path",
    "numpy_inner",
    "numpy_inv",
    "numpy_linalg_matmul",
    "numpy_linalg_outer",
    "numpy_linalg_tensordot",
    "numpy_linalg_vecdot",
    "numpy_lstsq",
    "numpy_matmul",
    "numpy_matrix_power",
    "numpy_matvec",
    "numpy_multi_dot",
    "numpy_outer",
    "numpy_pinv",
    "numpy_solve",
    "numpy_tensordot",
    "numpy_vdot",
    "numpy_vecdot",
    "numpy_vecmat",
]

numpy_einsum_path: Any = np.einsum_path  # as a value: its stubs do not know `einsum_call`
