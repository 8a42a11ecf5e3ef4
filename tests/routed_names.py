"""The functions that einroute has of NumPy's and SciPy's, by name: the tests' one list of them.

Not taken from einroute's own tables, which these names are held against.
"""

from __future__ import annotations

#: Of ``numpy``, in einroute and in einroute.numpy.
FLAT = (
    "einsum",
    "einsum_path",
    "tensordot",
    "dot",
    "matmul",
    "inner",
    "vdot",
    "outer",
    "vecdot",
    "matvec",
    "vecmat",
)
#: Those that are ufuncs.
UFUNCS = ("matmul", "vecdot", "matvec", "vecmat")
#: Of ``numpy.linalg``, in einroute.linalg and einroute.numpy.linalg.
LINALG = (
    "lstsq",
    "solve",
    "inv",
    "pinv",
    "multi_dot",
    "matrix_power",
    "tensordot",
    "matmul",
    "outer",
    "vecdot",
)
#: Those that einroute has without that prefix too.
FLAT_OF_LINALG = ("lstsq",)
#: Of ``scipy.linalg``, in einroute.scipy.linalg.
SCIPY_LINALG = ("lstsq", "solve", "inv", "pinv")

NUMPYS = (*(f"numpy.{name}" for name in FLAT), *(f"numpy.linalg.{name}" for name in LINALG))
SCIPYS = tuple(f"scipy.linalg.{name}" for name in SCIPY_LINALG)
NAMES = (*NUMPYS, *SCIPYS)
