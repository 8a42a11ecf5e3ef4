"""scikit-learn: LinearRegression of many targets on the same features, one after the other."""

import json

import numpy as np
from sklearn.linear_model import LinearRegression

rng = np.random.default_rng(2)
features = rng.random((400, 25))
targets = features @ rng.random((25, 8)) + 0.1 * rng.random((400, 8))
fits = [LinearRegression().fit(features, target) for target in targets.T]
print(
    json.dumps(
        {
            "coefficients": [fit.coef_.tolist() for fit in fits],
            "intercepts": [float(fit.intercept_) for fit in fits],
            "ranks": [int(fit.rank_) for fit in fits],
            "singular values": fits[-1].singular_.tolist(),
        }
    )
)
