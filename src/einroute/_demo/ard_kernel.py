"""The ARD kernel of a Gaussian process, its differences an ordinary array.

``K[n, m] = s**2 exp(-1/2 (x_n - y_m)' M (x_n - y_m))`` with ``M = L L' + diag(l)**-2``, plus ``noise *
delta_nm`` where ``y is x``. ``np.einsum`` walks all N*M*D*D products; ``optimize=True`` writes a second (N,
M, D) array.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

import einroute as er

from .problem import Array, Part, Problem, Size, Way, rounding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SUBSCRIPTS = "ijk,kl,ijl->ij"
LOOP_PAIRS = 400_000  # about a second of the plain loop


@dataclass(frozen=True)
class Kernel:
    """Differences `d` (N, M, D), the metric `m` (D, D), amplitude, and noise added where ``y is x``."""

    d: Array
    m: Array
    s: float
    noise: float


def build(dims: Mapping[str, int], rng: np.random.Generator) -> Kernel:
    """Points of a standard normal cloud; N == M stands for a kernel of points with themselves."""
    n, m, depth = dims["N"], dims["M"], dims["D"]
    x = rng.standard_normal((n, depth))
    y = x if n == m else rng.standard_normal((m, depth))
    low = rng.standard_normal((depth, 2)) / depth
    lengths = np.sqrt(depth) * rng.uniform(0.5, 2.0, depth)
    return Kernel(x[:, None] - y[None], low @ low.T + np.diag(lengths**-2), 1.3, 0.1 if y is x else 0.0)


def finish(data: Kernel, q: Array) -> Array:
    """The kernel of the squared distances `q`, which is overwritten."""
    q *= -0.5
    np.exp(q, out=q)
    q *= data.s**2
    if data.noise:
        q.flat[:: q.shape[1] + 1] += data.noise
    return q


def by(einsum: Callable[..., Any], **options: Any) -> Callable[[Kernel], Array]:
    """The kernel with the quadratic form by `einsum`."""

    def run(data: Kernel) -> Array:
        return finish(data, einsum(SUBSCRIPTS, data.d, data.m, data.d, **options))

    return run


def loop_part(data: Kernel) -> Part:
    """As many rows as the loop does in about a second."""
    return Part.rows(max(1, LOOP_PAIRS // data.d.shape[1]), data.d.shape[0], "rows")


def loop(data: Kernel) -> Array:
    """One pair of points after the other."""
    part = data.d[loop_part(data).index]
    k = np.empty(part.shape[:2])
    for n in range(part.shape[0]):
        for m in range(part.shape[1]):
            k[n, m] = data.s**2 * np.exp(-0.5 * (part[n, m] @ data.m @ part[n, m]))
            if n == m:
                k[n, m] += data.noise
    return k


def usual_part(data: Kernel) -> Part:
    """np.einsum as written does about 3e8 products a second: the whole, but at the largest size."""
    n, m, depth = data.d.shape
    return Part.rows(max(1, 2_000_000_000 // (m * depth * depth)), n, "rows")


def usual(data: Kernel) -> Array:
    """The kernel as people write it."""
    rows = data.d[usual_part(data).index]
    return finish(data, np.einsum(SUBSCRIPTS, rows, data.m, rows))


ARD_KERNEL: Problem[Kernel] = Problem(
    name="ard-kernel",
    title="the ARD kernel of a Gaussian process, from its (N, M, D) differences",
    sizes=(
        Size({"N": 300, "M": 400, "D": 6}),
        Size({"N": 600, "M": 600, "D": 20}),
        Size({"N": 2000, "M": 2000, "D": 30}, full=True),
    ),
    build=build,
    usual=(
        Way(f'np.einsum("{SUBSCRIPTS}", d, M, d)', usual, usual_part),
        Way("the same, optimize=True", by(np.einsum, optimize=True)),
    ),
    loop=Way("loop over the pairs", loop, loop_part),
    ours=by(er.einsum),
    explain=lambda data: er.explain(SUBSCRIPTS, data.d, data.m, data.d),
    # exp turns the exponent's absolute error into a relative one: the exponents here stay well below 64.
    tolerance=lambda data: 64 * rounding(data.m.size),
)
