"""Which factorization of a square matrix is kept, and that its factors solve the system and its transpose."""

from __future__ import annotations

import numpy as np
import pytest

from einroute._factors.lu import LUFactors
from tests.linalg_helpers import definite, of_dtype, structured_matrix


def test_which_factorization_is_kept() -> None:
    for dtype in (float, complex):
        a = definite(40, dtype)
        assert LUFactors.factor(a).method == "LU factors", "NumPy's own function takes LU"
        assert LUFactors.factor(a, structured=True).method == "Cholesky factor"
        assert LUFactors.factor(-a, structured=True).method == "LDL factors"
        a[0, 1] *= 1 + 1e-15
        assert LUFactors.factor(a, structured=True).method == "LU factors", "not exactly Hermitian"


@pytest.mark.parametrize("kind", ["general", "definite", "hermitian", "symmetric"])
@pytest.mark.parametrize("dtype", ["f", "d", "F", "D"])
@pytest.mark.parametrize("structured", [False, True])
@pytest.mark.parametrize("b_dtype", ["f", "D"])
def test_factors_solve_the_system_and_its_transpose(
    kind: str, dtype: str, structured: bool, b_dtype: str
) -> None:
    a = structured_matrix(kind, 40, dtype)
    factors = LUFactors.factor(a, structured=structured)
    for columns in ((), (3,)):
        b = of_dtype((40, *columns), b_dtype, 3)
        for matrix, transposed in ((a, False), (a.T, True)):
            x = factors.solve(b, transposed)
            right = np.linalg.solve(matrix.astype("D"), b)
            single = 4e-3 if dtype in "fF" else 1e-10
            np.testing.assert_allclose(x, right, rtol=0, atol=single * abs(right).max())
