"""numba: a normal equation solved in compiled code, and products outside of it."""

import json

import numba
import numpy as np


@numba.njit
def fit(x, y):
    gram = np.dot(x.T, x)
    return np.linalg.solve(gram, np.dot(x.T, y)), np.vdot(y, y), np.outer(y[:2], y[:3])


rng = np.random.default_rng(5)
x = rng.random((60, 40))
y = x @ rng.random(40)
solution, length, outer = fit(x, y)
print(
    json.dumps(
        {
            "solution": solution.tolist(),
            "length": float(length),
            "products": np.einsum("ij,jk,k->i", x, x.T, y).tolist(),
            "outer": outer.ravel().tolist(),
        }
    )
)
