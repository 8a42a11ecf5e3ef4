"""xarray: dot over named dimensions, of two and of three arrays."""

import json

import numpy as np
import xarray as xr

rng = np.random.default_rng(4)
wind = xr.DataArray(rng.random((30, 20, 24)), dims=("time", "lat", "lon"))
weights = xr.DataArray(rng.random((20, 24, 12)), dims=("lat", "lon", "basin"))
mixing = xr.DataArray(rng.random((12, 5)), dims=("basin", "group"))
by_basin = xr.dot(wind, weights)
by_group = xr.dot(wind, weights, mixing, dim=["lat", "lon", "basin"])
covariance = xr.dot(wind, wind.rename(time="other"), dim=["lat", "lon"])
print(
    json.dumps(
        {
            "dimensions": [list(x.dims) for x in (by_basin, by_group, covariance)],
            "basins": by_basin.values[:3].ravel().tolist(),
            "groups": by_group.values.ravel().tolist(),
            "covariance": covariance.values[:3].ravel().tolist(),
        }
    )
)
