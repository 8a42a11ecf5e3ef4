"""Quadratic forms of differences between points: kernels of Gaussian processes, and plain squared distances."""

from __future__ import annotations

from ..spelled import Spelled, Way, Ways

#: Points of x, of y, and dimensions.
SIZES = (
    (12, 10, 3),
    (30, 40, 6),
    (300, 400, 6),
    (300, 300, 20),
    (1000, 1000, 10),
    (2000, 2000, 30),
    (1000, 1000, 300),
)
GIVEN = """
x, y = rng.standard_normal(({n}, {d})), rng.standard_normal(({m}, {d}))
r = rng.standard_normal(({d}, {d}))
m, w = r @ r.T + np.eye({d}), rng.random({d}) + 0.5
"""
CDIST = 'cdist = load("scipy.spatial.distance").cdist'
#: Values of differences beyond which (n, m, d) is not written out.
MOST = 20_000_000

FORMS = {
    "ijk,kl,ijl->ij": ("m, d", "cdist(x @ (u := np.linalg.cholesky(m)), y @ u, 'sqeuclidean')"),
    "ijk,k,ijk->ij": ("w, d", "cdist(x * (s := np.sqrt(w)), y * s, 'sqeuclidean')"),
    "ijk,ijk->ij": ("d", "cdist(x, y, 'sqeuclidean')"),
}


def forms() -> list[Spelled]:
    """Squared forms of all differences of two sets of points."""
    table = []
    for n, m, d in SIZES:
        for subscripts, (rest, hand) in FORMS.items():
            ways: Ways = {
                "einroute": Way(f'er.einsum("{subscripts}", d := er.pairwise_difference(x, y), {rest})'),
                "scipy": Way(hand, CDIST),
            }
            if n * m * d <= MOST:
                plain = f'np.einsum("{subscripts}", d := x[:, None] - y, {rest}, optimize=True)'
                ways = {**ways, "numpy": Way(plain)}
            given = GIVEN.format(n=n, m=m, d=d)
            table.append(
                Spelled(
                    "pairwise",
                    f"{subscripts} {n}x{m} d={d}",
                    given,
                    ways,
                    asv=n in (12, 30, 300) and d in (3, 6),
                )
            )
    return table


def indefinite() -> list[Spelled]:
    """Squared forms by a metric of any signs; by hand without a look at what cancels."""
    subscripts = "ijk,kl,ijl->ij"
    hand = "(a := np.einsum('ik,ik->i', x, z := x @ (r + r.T)) / 2)[:, None] + a - x @ z.T"
    table = []
    for n, d in ((1000, 30), (1000, 257)):
        ways: Ways = {
            "einroute": Way(f'er.einsum("{subscripts}", d := er.pairwise_difference(x), r, d)'),
            "by_hand": Way(hand),
        }
        given = GIVEN.format(n=n, m=n, d=d)
        table.append(Spelled("pairwise", f"{subscripts} {n}x{n} d={d} indefinite", given, ways))
    return table


def sums() -> list[Spelled]:
    """Sums of differences, as in the gradients of kernels: points multiplied out by hand."""
    table = []
    for n, d in ((12, 3), (60, 5), (400, 12), (1200, 12)):
        given = f"x, y, g = rng.random(({n}, {d})), rng.random(({n}, {d})), rng.random(({n}, {n}))\nw = rng.random({d})"
        ways: dict[str, tuple[str, str]] = {
            "ij,ijd,ijd->d": ("g, d, d", "g.sum(1) @ x**2 + g.sum(0) @ y**2 - 2 * (x * (g @ y)).sum(0)"),
            "ij,ijd,ijd->": (
                "g, d, d",
                "(g.sum(1) @ x**2 + g.sum(0) @ y**2 - 2 * (x * (g @ y)).sum(0)).sum()",
            ),
            "ij,ijd->id": ("g, d", "g.sum(1)[:, None] * x - g @ y"),
            "ij,ijd->jd": ("g, d", "g.T @ x - g.sum(0)[:, None] * y"),
            "ij,ijd->d": ("g, d", "g.sum(1) @ x - g.sum(0) @ y"),
            "d,ijd->ij": ("w, d", "(x @ w)[:, None] - y @ w"),
            "ijd->ij": ("d", "x.sum(1)[:, None] - y.sum(1)"),
            "ijd->d": ("d", "len(y) * x.sum(0) - len(x) * y.sum(0)"),
            "ijd->": ("d", "len(y) * x.sum() - len(x) * y.sum()"),
            "ijd,ijd->d": (
                "d, d",
                "len(y) * (x * x).sum(0) + len(x) * (y * y).sum(0) - 2 * x.sum(0) * y.sum(0)",
            ),
            "ijd,ijd->i": ("d, d", "len(y) * (x * x).sum(1) + (y * y).sum() - 2 * x @ y.sum(0)"),
            "ij,ijk,ijl->kl": (
                "g, d, d",
                "(x.T * g.sum(1)) @ x + (y.T * g.sum(0)) @ y - (c := x.T @ (g @ y)) - c.T",
            ),
        }
        for subscripts, (rest, hand) in ways.items():
            ours, plain = (
                rest.replace("d", f"(d := {made})", 1)
                for made in ("er.pairwise_difference(x, y)", "x[:, None] - y")
            )
            numpys: Ways = (
                {"numpy": Way(f'np.einsum("{subscripts}", {plain}, optimize=True)')} if n <= 400 else {}
            )
            table.append(
                Spelled("pairwise", f"{subscripts} {n}x{n} d={d}", given, {
                    "einroute": Way(f'er.einsum("{subscripts}", {ours})'),
                    "by_hand": Way(hand),
                    **numpys,
                }, asv=n in (12, 400))
            )  # fmt: skip
    return table
