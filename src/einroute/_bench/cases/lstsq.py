"""Least squares and linear systems: one matrix met again and again, and matrices met once."""

from __future__ import annotations

from ..spelled import Spelled, Way, Ways

Shape = tuple[int, int]

REPEATED: tuple[Shape, ...] = (
    (40, 6), (100, 100), (1000, 50), (600, 600), (4000, 300), (20000, 80), (60, 300), (1000, 1000),
)  # fmt: skip
ONCE: tuple[Shape, ...] = (
    (5, 3), (10, 10), (20, 4), (40, 6), (100, 100), (60, 300), (1000, 50), (600, 600), (4000, 300), (20000, 80),
)  # fmt: skip
SQUARE = (3, 10, 32, 40, 64, 128, 300, 1000)
COLUMNS = (1, 10, 1000)

#: Calls enough for einroute to keep the factors.
WARM = "for _ in range(4): "
#: A matrix that no cache has seen.
CHANGED = "a[0, 0] += 1e-3"
#: What a matrix at first sight may cost beyond NumPy, by the project's promise.
AT_FIRST_SIGHT = 2e-6
#: What one writes who keeps the factors oneself.
BY_HAND = """
u, s, vt = np.linalg.svd(a, full_matrices=False)
def by_hand(b):
    x = vt.T @ ((u.T @ b) / s)
    r = b - a @ x
    return x, r @ r
"""
SYSTEM = "a, b = rng.standard_normal(({m}, {n})), rng.standard_normal({b})"
GRID = """
sp = load("scipy.sparse")
line = sp.diags_array([-1.0, 2.0, -1.0], offsets=[-1, 0, 1], shape=(60, 60))
a = sp.csc_array(sp.kron(line, sp.eye_array(60)) + sp.kron(sp.eye_array(60), line))
b = np.ones(a.shape[0])
"""
TALL = 'a = load("scipy.sparse").random_array((20000, 200), density=0.01, format="csc", rng=rng)\nb = np.ones(20000)'


def system(m: int, n: int, columns: int = 0) -> str:
    """A well determined matrix and a right-hand side, or `columns` of them."""
    return SYSTEM.format(m=m, n=n, b=f"(({m}, {columns}))" if columns else m)


def repeated() -> list[Spelled]:
    """A matrix that was seen before and a new right-hand side."""
    table = []
    for m, n in REPEATED:
        ways: Ways = {
            "einroute": Way("er.lstsq(a, b)", WARM + "er.lstsq(a, b)"),
            "numpy": Way("np.linalg.lstsq(a, b)"),
            "scipy": Way("lstsq(a, b)", 'lstsq = load("scipy.linalg").lstsq'),
            "by_hand": Way("by_hand(b)", BY_HAND, prepared=True),
        }
        table.append(Spelled("lstsq", f"{m}x{n}", system(m, n), ways, answer="result[0]", asv=True))
    return table


def once() -> list[Spelled]:
    """Matrices at first sight."""
    ways = {"einroute": Way("er.lstsq(a, b)"), "numpy": Way("np.linalg.lstsq(a, b)")}
    return [
        Spelled(
            "lstsq-once",
            f"{m}x{n}",
            system(m, n),
            ways,
            CHANGED,
            "result[0]",
            allowed=AT_FIRST_SIGHT,
            asv=True,
        )
        for m, n in ONCE
    ]


def columns() -> list[Spelled]:
    """A matrix that was seen before, by the number of right-hand sides in a call."""
    ways = {
        "einroute": Way("er.lstsq(a, b)", WARM + "er.lstsq(a, b)"),
        "numpy": Way("np.linalg.lstsq(a, b)"),
    }
    return [
        Spelled("lstsq-columns", f"1000x50 K={k}", system(1000, 50, k), ways, answer="result[0]", asv=True)
        for k in COLUMNS
    ]


def square() -> list[Spelled]:
    """Solve, inv and pinv, of matrices that were seen before and at first sight."""
    table = []
    for function, arguments in (("solve", "a, b"), ("inv", "a"), ("pinv", "a")):
        ours, call = f"er.linalg.{function}({arguments})", f"{function}({arguments})"
        theirs = {
            "numpy": Way(f"np.linalg.{call}"),
            "scipy": Way(call, f'{function} = load("scipy.linalg").{function}'),
        }
        for n in SQUARE:
            given, name = system(n, n), f"{function} {n}x{n}"
            ways = {"einroute": Way(ours, WARM + ours), **theirs}
            table.append(Spelled("solve", name, given, ways, tolerance=1e-6, asv=10 <= n <= 300))
            ways = {"einroute": Way(ours), "numpy": theirs["numpy"]}
            table.append(
                Spelled("solve-once", name, given, ways, CHANGED, tolerance=1e-6, allowed=AT_FIRST_SIGHT)
            )
    return table


def sparse_systems() -> list[Spelled]:
    """Sparse systems that were seen before: a two-dimensional Laplacian, and a tall random matrix."""
    return [
        Spelled("solve-sparse", "Laplacian 60x60 points", GRID, {
            "einroute": Way("er.linalg.solve(a, b)", WARM + "er.linalg.solve(a, b)"),
            "scipy": Way("spsolve(a, b)", 'spsolve = load("scipy.sparse.linalg").spsolve'),
            "by_hand": Way("factors.solve(b)", 'factors = load("scipy.sparse.linalg").splu(a)', prepared=True),
        }, asv=True),
        Spelled("solve-sparse", "lstsq 20000x200 1 %", TALL, {
            "einroute": Way("er.lstsq(a, b)", WARM + "er.lstsq(a, b)"),
            "scipy": Way("lsmr(a, b)", 'lsmr = load("scipy.sparse.linalg").lsmr'),
        }, answer="result[0]", tolerance=1e-4, asv=True),
    ]  # fmt: skip
