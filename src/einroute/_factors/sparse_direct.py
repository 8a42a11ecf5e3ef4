"""Sparse systems and sparse least squares from factors that are kept: what the cache holds for sparse ``a``.

`SparseLU` answers ``solve``, `SparseLeastSquares` ``lstsq``. Both are made from a csc_array in canonical form
(duplicates summed, indices sorted) of float64 or complex128, keep a copy of it, and never change.  Neither
writes the matrix out as a dense one.
"""

from .sparse_lstsq import SparseLeastSquares, SparseSolution
from .sparse_lu import SparseLU

__all__ = ["SparseLU", "SparseLeastSquares", "SparseSolution"]
