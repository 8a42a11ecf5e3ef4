"""JAX's dense arrays: einroute beside JAX's own best spelling, in one process."""

from __future__ import annotations

from typing import Any

import numpy as np

import einroute

try:
    import jax
    import jax.numpy as jnp
except ImportError:  # optional: then these benchmarks are skipped
    jax = None

#: Subscripts, shapes, and JAX's best spelling.
CALLS: dict[str, tuple[str, list[tuple[int, ...]], Any]] = {
    "small product": ("ij,jk->ik", [(8, 8)] * 2, lambda a, b: a @ b),
    "product": ("ij,jk->ik", [(300, 300)] * 2, lambda a, b: a @ b),
    "stack": ("bij,bjk->bik", [(16, 20, 20)] * 2, lambda a, b: a @ b),
    "stack inside": ("ibj,bjk->ibk", [(20, 16, 20), (16, 20, 20)], None),
    "rows": ("ij,ij->i", [(100, 100)] * 2, lambda a, b: (a * b).sum(1)),
    "sum": ("ij->j", [(100, 100)], lambda a: a.sum(0)),
    "two axes": ("ijkl,klm->ijm", [(10, 10, 10, 10), (10, 10, 10)], lambda a, b: jnp.tensordot(a, b, 2)),
    "three": ("ab,cbe,ae->ac", [(60, 40), (50, 40, 30), (60, 30)], None),
    "chain": ("ab,bc,cd,de->ae", [(30, 400), (400, 20), (20, 300), (300, 10)], None),
}


class _Calls:
    params: Any = [list(CALLS)]
    param_names = ("call",)

    def setup(self, call: str) -> None:
        if jax is None:
            raise NotImplementedError("jax is not installed")
        self.subscripts, shapes, best = CALLS[call]
        rng = np.random.default_rng(0)
        self.operands = [jnp.asarray(rng.standard_normal(shape), jnp.float32) for shape in shapes]
        self.best = best or (lambda *operands: jnp.einsum(self.subscripts, *operands, optimize="optimal"))


class Dense(_Calls):
    """Eager calls."""

    def time_einroute(self, call: str) -> None:
        jax.block_until_ready(einroute.einsum(self.subscripts, *self.operands))

    def time_jax(self, call: str) -> None:
        jax.block_until_ready(self.best(*self.operands))


class Compiled(_Calls):
    """Calls inside of a compiled function."""

    def setup(self, call: str) -> None:
        super().setup(call)
        self.ours = jax.jit(lambda *operands: einroute.einsum(self.subscripts, *operands))
        self.theirs = jax.jit(self.best)

    def time_einroute(self, call: str) -> None:
        jax.block_until_ready(self.ours(*self.operands))

    def time_jax(self, call: str) -> None:
        jax.block_until_ready(self.theirs(*self.operands))
