"""Structured operands of JAX's arrays: einroute beside what is written for the same by hand, in one process."""

from __future__ import annotations

from typing import Any

import numpy as np

import einroute

try:
    import jax
    import jax.numpy as jnp
except ImportError:  # optional: then these benchmarks are skipped
    jax = None


def _squares(x: Any, y: Any, m: Any) -> Any:
    ours_x, ours_y = ((v @ m * v).sum(1) for v in (x, y))
    return ours_x[:, None] + ours_y[None] - x @ (m + m.T) @ y.T


def _correlated(b: Any, a: Any) -> Any:
    n = b.shape[0]
    return jnp.fft.irfft(jnp.fft.rfft(b) * jnp.conj(jnp.fft.rfft(jnp.pad(a, (0, n - a.shape[0])))), n)


def _squared_forms(x: Any, y: Any, m: Any) -> Any:
    d = einroute.pairwise_difference(x, y)
    return einroute.einsum("ijk,kl,ijl->ij", d, m, d)


#: Shapes (labels of 100 classes where it is an int), einroute's spelling, one by hand.
CALLS: dict[str, tuple[list[Any], Any, Any]] = {
    "sums by label": (
        [20000, (20000, 16)],
        lambda t, w: einroute.einsum("tr,tc->rc", einroute.one_hot(t, 100), w),
        lambda t, w: jax.ops.segment_sum(w, t, 100),
    ),
    "rows by label": (
        [20000, (100, 16)],
        lambda t, w: einroute.einsum("tr,rc->tc", einroute.one_hot(t, 100), w),
        lambda t, w: w[t],
    ),
    "correlation": (
        [(4096,), (512,)],
        lambda b, a: einroute.einsum("ij,j->i", einroute.rolled(b, 512), a),
        _correlated,
    ),
    "ring": (
        [(30, 20, 64), (30, 64, 64)],
        lambda a, b: einroute.einsum("imn,ijnl->ijml", a, einroute.rolled(b, 8)),
        lambda a, b: jnp.stack([a @ jnp.roll(b, -j, 0) for j in range(8)], 1),
    ),
    "squared forms": ([(1000, 16), (800, 16), (16, 16)], _squared_forms, _squares),
}


class Structured:
    """Compiled calls."""

    params: Any = [list(CALLS)]
    param_names = ("call",)

    def setup(self, call: str) -> None:
        if jax is None:
            raise NotImplementedError("jax is not installed")
        shapes, ours, by_hand = CALLS[call]
        rng = np.random.default_rng(0)
        self.operands = [
            jnp.asarray(rng.integers(0, 100, s) if isinstance(s, int) else rng.standard_normal(s), dtype)
            for s, dtype in ((s, jnp.int32 if isinstance(s, int) else jnp.float32) for s in shapes)
        ]
        self.ours, self.by_hand = jax.jit(ours), jax.jit(by_hand)

    def time_einroute(self, call: str) -> None:
        jax.block_until_ready(self.ours(*self.operands))

    def time_by_hand(self, call: str) -> None:
        jax.block_until_ready(self.by_hand(*self.operands))
