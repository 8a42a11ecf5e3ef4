"""Every rolling of one tensor against another, and circular convolution.

What is done by hand lengthens b and makes the view anew in each call, as einroute does.
"""

from __future__ import annotations

from ..spelled import Spelled, Way, Ways

#: d, k, m, n, l: from where starting a call is all, to where GEMM is.
SIZES = (
    (4, 2, 2, 2, 2), (20, 4, 3, 3, 3), (50, 5, 4, 4, 4), (300, 8, 4, 4, 4), (1000, 10, 4, 4, 4), (64, 16, 8, 8, 8),
    (64, 16, 16, 16, 16), (270, 75, 16, 16, 16), (100, 30, 32, 32, 32), (30, 10, 64, 64, 64), (16, 8, 120, 120, 120),
)  # fmt: skip
LENGTHS = (64, 512, 1000, 6000, 6007, 60_000)
GIVEN = """
from numpy.lib.stride_tricks import as_strided
k = {k}
a = rng.integers(-100, 100, ({d}, {m}, {n})).astype("{dtype}")
b = rng.integers(-100, 100, ({d}, {n}, {l})).astype("{dtype}")
def longer(b):
    return np.concatenate((b, b[: k - 1]))
def window(b):
    x = longer(b)
    return as_strided(x, (len(b), k, *b.shape[1:]), (x.strides[0], *x.strides))
def loop(a, b):
    x, d = longer(b), len(b)
    out = np.empty((d, k, a.shape[1], b.shape[2]), a.dtype)
    for j in range(k):
        np.matmul(a, x[j : j + d], out=out[:, j])
    return out
"""


def rollings() -> list[Spelled]:
    """out[i, j] = a[i] @ b[(i + j) % d] for j below k."""
    ways: Ways = {
        "einroute": Way('er.einsum("imn,ijnl->ijml", a, er.rolled(b, k))'),
        "numpy": Way('np.einsum("imn,ijnl->ijml", a, window(b))'),
        "by_hand": (Way("np.matmul(a[:, None], window(b))"), Way("loop(a, b)")),
    }
    table = []
    for size in SIZES:
        for dtype in ("f8", "i8"):
            given = GIVEN.format(dtype=dtype, **dict(zip("dkmnl", size, strict=True)))
            name = f"d={size[0]} k={size[1]} {'x'.join(map(str, size[2:]))} {dtype}"
            asv = dtype == "f8" and size in SIZES[4::2]
            table.append(Spelled("rolled", name, given, ways, asv=asv))
    return table


def vectors() -> list[Spelled]:
    """A vector: with a kernel, summed, and beside few of its rollings."""
    given = (
        "k = {k}\nb, a, x = rng.standard_normal({d}), rng.standard_normal(k), rng.standard_normal(({d}, 2))"
    )
    table = []
    for d, k in ((100, 30), (10_000, 50), (600_000, 20)):
        name, asv = f"d={d} k={k}", d == 10_000
        table += [
            Spelled("rolled", f"kernel {name}", given.format(d=d, k=k), {
                "einroute": Way('er.einsum("ij,j->i", er.rolled(b, k), a)'),
                "by_hand": Way('np.correlate(np.concatenate((b, b[: k - 1])), a, "valid")'),
            }, asv=asv),
            Spelled("rolled", f"sums {name}", given.format(d=d, k=k), {
                "einroute": Way('er.einsum("ij->j", er.rolled(b, k))'),
                "by_hand": Way("np.full(k, b.sum())"),
            }, asv=asv),
            Spelled("rolled", f"two rollings {name}", given.format(d=d, k=k), {
                "einroute": Way('er.einsum("ij,ij->", er.rolled(b, 2), x)'),
                "by_hand": Way("b @ x[:, 0] + b[1:] @ x[:-1, 1] + b[0] * x[-1, 1]"),
            }, asv=asv),
        ]  # fmt: skip
    return table


def convolutions() -> list[Spelled]:
    """Circular convolution, as an einsum with a rolled operand."""
    table = []
    for d in LENGTHS:
        ways: Ways = {
            "einroute": Way('er.einsum("ij,j->i", er.rolled(b, len(b), step=-1), a)'),
            "by_hand": Way("fft.irfft(fft.rfft(a) * fft.rfft(b), n=len(b))", 'fft = load("scipy.fft")'),
        }
        if d <= 1000:
            ways = {**ways, "scipy": Way("circulant(b) @ a", 'circulant = load("scipy.linalg").circulant')}
        given = f"a, b = rng.standard_normal((2, {d}))"
        table.append(Spelled("rolled", f"circular convolution d={d}", given, ways, asv=d in (64, 6000)))
    return table
