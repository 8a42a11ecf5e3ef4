"""JAX's sparse arrays: einroute beside JAX's own products of BCOO and BCSR, in one process."""

from __future__ import annotations

from typing import Any

import numpy as np

import einroute

try:
    import jax
    import jax.numpy as jnp
    from jax.experimental.sparse import BCOO, BCSR
except ImportError:  # optional: then these benchmarks are skipped
    jax = None

#: Size, columns of the dense operand, density.
SHAPES = {"300 by 300": (300, 300, 0.05), "300 by 32": (300, 32, 0.05), "3000 by 64": (3000, 64, 0.01)}


class Product:
    """A square sparse matrix by a dense one."""

    params: Any = [list(SHAPES), [False, True]]
    param_names = ("shape", "compiled")

    def setup(self, shape: str, compiled: bool) -> None:
        if jax is None:
            raise NotImplementedError("jax is not installed")
        n, columns, density = SHAPES[shape]
        rng = np.random.default_rng(0)
        dense = rng.standard_normal((n, n)) * (rng.random((n, n)) < density)
        self.bcoo, self.bcsr = BCOO.fromdense(dense), BCSR.fromdense(dense)
        self.x = jnp.asarray(rng.standard_normal((n, columns)), jnp.float32)

        def ours(a: Any, x: Any) -> Any:
            return einroute.einsum("ij,jk->ik", a, x)

        def theirs(a: Any, x: Any) -> Any:
            return a @ x

        self.ours, self.theirs = (jax.jit(ours), jax.jit(theirs)) if compiled else (ours, theirs)

    def time_einroute_bcoo(self, *_: Any) -> None:
        jax.block_until_ready(self.ours(self.bcoo, self.x))

    def time_einroute_bcsr(self, *_: Any) -> None:
        jax.block_until_ready(self.ours(self.bcsr, self.x))

    def time_jax_bcoo(self, *_: Any) -> None:
        jax.block_until_ready(self.theirs(self.bcoo, self.x))

    def time_jax_bcsr(self, *_: Any) -> None:
        jax.block_until_ready(self.theirs(self.bcsr, self.x))
