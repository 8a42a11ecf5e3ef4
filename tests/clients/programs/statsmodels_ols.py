"""statsmodels: ordinary least squares of several responses on one design, by both of its methods."""

import json

import numpy as np
import statsmodels.api as sm

rng = np.random.default_rng(3)
design = sm.add_constant(rng.random((500, 39)))
responses = design @ rng.random((40, 6)) + 0.1 * rng.standard_normal((500, 6))
fits = [sm.OLS(y, design).fit(method=method) for method in ("pinv", "qr") for y in responses.T]
print(
    json.dumps(
        {
            "parameters": [fit.params.tolist() for fit in fits],
            "standard errors": [fit.bse.tolist() for fit in fits],
            "R squared": [float(fit.rsquared) for fit in fits],
            "F": [float(fit.fvalue) for fit in fits],
        }
    )
)
