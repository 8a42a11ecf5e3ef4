"""Every rolling of one tensor against another, rollings of vectors, and circular convolution.

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
    for d, k in ((100, 30), (10_000, 50), (600_000, 20), (1_000_000, 500)):
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


def several() -> list[Spelled]:
    """A vector rolled twice over, rollings that are summed, and a stack of circulant matrices."""
    table = []
    for d, k in ((1000, 30), (100_000, 50)):
        name, asv = f"d={d} k={k}", d == 100_000
        given = "\n".join((
            "from numpy.lib.stride_tricks import as_strided",
            f"d, k = {d}, {k}",
            "b, w = rng.standard_normal((2, d))",
            "def window(b):",
            "    x = np.concatenate((b, b[: k - 1]))",
            "    return as_strided(x, (d, k), 2 * x.strides)",
            "def lags(b):",
            '    return np.correlate(np.concatenate((b, b[: k - 1])), b, "valid")',
        ))  # fmt: skip
        ways: dict[str, tuple[str, str, str]] = {
            "Gram matrix": ("ij,ik->jk", "x, x", "toeplitz(lags(b))"),
            "weighed Gram matrix": ("ij,ik,i->jk", "x, x, w", "(window(b) * w[:, None]).T @ window(b)"),
            "squares of rollings": ("ij,ij->j", "x, x", "np.full(k, b @ b)"),
            "squares of windows": ("ij,ij->i", "x, x", "window(b * b) @ np.ones(k)"),
            "sums of windows": ("ij->i", "x", "window(b) @ np.ones(k)"),
        }
        toeplitz = 'toeplitz = load("scipy.linalg").toeplitz'
        table += [
            Spelled("rolled", f"{label} {name}", given, {
                "einroute": Way(f'er.einsum("{subscripts}", {operands})', "x = er.rolled(b, k)"),
                "by_hand": Way(by_hand, toeplitz),
            }, asv=asv)
            for label, (subscripts, operands, by_hand) in ways.items()
        ]  # fmt: skip
    for stack, d in ((100, 16), (40, 64), (40, 1000)):
        table.append(
            Spelled("rolled", f"circulants {stack} d={d}", f"a, b = rng.standard_normal((2, {stack}, {d}))", {
                "einroute": Way(f'er.einsum("bij,bj->bi", er.rolled(b, {d}, axis=1, step=-1), a)'),
                "by_hand": Way(f"np.fft.irfft(np.fft.rfft(a) * np.fft.rfft(b), n={d})"),
            }, asv=d == 64)
        )  # fmt: skip
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
