"""Sparse values of either library, as arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
import sparse

#: SciPy's formats of matrices, and pydata's.
SCIPY_FORMATS = ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")
PYDATA_FORMATS = ("COO", "GCXS", "DOK")


def is_sparse(x: Any) -> bool:
    """Whether a value is a sparse array or matrix of SciPy's or pydata's."""
    return scipy.sparse.issparse(x) or isinstance(x, sparse.SparseArray)


def written_out(x: Any) -> np.ndarray:
    """A value as an array."""
    if isinstance(x, sparse.SparseArray) and not isinstance(x, sparse.COO):
        # GCXS writes itself out with numba, which does not know every dtype.
        x = sparse.COO(x.to_coo() if isinstance(x, sparse.DOK) else x.tocoo())
    return np.asarray(x.todense() if is_sparse(x) else x)
