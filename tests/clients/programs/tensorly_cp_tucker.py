"""TensorLy: CP and Tucker decompositions of a noisy tensor of low rank."""

import json

import numpy as np
import tensorly as tl
from tensorly.decomposition import parafac, tucker

tl.tenalg.set_backend("einsum")  # as its documentation suggests for large tensors
rng = np.random.default_rng(1)
factors = [rng.random((n, 4)) for n in (20, 24, 30)]
tensor = tl.cp_to_tensor((None, factors)) + 0.01 * rng.random((20, 24, 30))

cp = parafac(tensor, rank=4, n_iter_max=30, init="svd", random_state=0)
core = tucker(tensor, rank=[4, 4, 4], n_iter_max=30, init="svd", random_state=0)
print(
    json.dumps(
        {
            "CP": tl.cp_to_tensor(cp)[:3, :3, :3].ravel().tolist(),
            "CP's error": float(tl.norm(tl.cp_to_tensor(cp) - tensor)),
            "Tucker": tl.tucker_to_tensor(core)[:3, :3, :3].ravel().tolist(),
            "Tucker's error": float(tl.norm(tl.tucker_to_tensor(core) - tensor)),
        }
    )
)
