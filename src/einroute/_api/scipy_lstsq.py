"""The form in which the installed SciPy's lstsq gives residuals and rank, in which its versions differ.

Before SciPy 1.18 the residuals of a rank below N are empty, the residual of one right-hand side is a scalar,
all of them are real, and the rank is an int.  Since then they are nan, a 0-d array and of the solution's
dtype, and the rank is of NumPy's type.  Nothing here asks for a version: SciPy is called and shows its form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DRIVERS", "LstsqForm", "lstsq_form"]

Array = NDArray[Any]

DRIVERS = ("gelsd", "gelss", "gelsy")


@dataclass(frozen=True)
class LstsqForm:
    """What differs between SciPy's versions in the tuple of lstsq.

    Attributes
    ----------
    rank_type : type
        Of the rank.
    deficient_is_nan : bool
        Whether the residuals of a rank below N < M are nan; else there are none.
    one_is_array : bool
        Whether the residual of a 1-D right-hand side is a 0-d array; else it is a scalar.
    of_solution : bool
        Whether residuals have the dtype of the solution; else they are real.
    """

    rank_type: type
    deficient_is_nan: bool
    one_is_array: bool
    of_solution: bool

    def rank(self, rank: Any) -> Any:
        """A rank in SciPy's type."""
        return self.rank_type(rank)

    def residuals(
        self, found: Array | None, shape: tuple[int, ...], b: Array, rank: int, working: np.dtype[Any]
    ) -> Any:
        """Residuals in SciPy's form.

        Parameters
        ----------
        found : (K,) ndarray or None
            One for each right-hand side; None where the rank is below N or M <= N.
        shape : tuple of int
            Of the matrix.
        b : (M,) or (M, K) ndarray
        rank : int
        working : dtype
            Of the solution.
        """
        dtype = working if self.of_solution else np.empty(0, working).real.dtype
        if found is None:
            if not (self.deficient_is_nan and rank < shape[1] < shape[0]):
                return np.array([], working)
            found = np.full(b.shape[1:] or 1, np.nan, dtype)
        found = found.astype(dtype, copy=False)
        if b.ndim == 2:
            return found
        return found.reshape(()) if self.one_is_array else found[0]


@cache
def lstsq_form(scipy_lstsq: Callable[..., Any]) -> LstsqForm:
    """The form of SciPy's own lstsq, found by two small problems."""
    b = np.ones(2, np.complex128)
    _, one, rank, _ = scipy_lstsq(np.ones((2, 1), np.complex128), b)
    _, deficient, _, _ = scipy_lstsq(np.zeros((2, 1), np.complex128), b)
    return LstsqForm(type(rank), bool(np.size(deficient)), isinstance(one, np.ndarray), one.dtype == b.dtype)
