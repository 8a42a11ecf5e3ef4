"""Products of dense arrays and sparse matrices, and sparse patterns that keep a product small."""

from __future__ import annotations

from ..spelled import Spelled, Way, Ways

#: Elements of the dense operand.
ELEMENTS = 2_000_000
#: Seconds that a first call may take to be planned.
TO_PLAN = 5e-4
GIVEN = """
a = load("scipy.sparse").random_array(({n}, {n}), density={density}, format="{kind}", dtype=np.dtype("{dtype}"), rng=rng)
x = rng.random({shape}).astype("{dtype}")
"""
FLAT = "flat, shape = x.reshape(-1, x.shape[-1]), (*x.shape[:-1], a.shape[1])\n"
TORCH = """
torch = load("torch")
import warnings
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # sparse tensors are in beta, it says
    make = torch.sparse_csr_tensor if a.format == "csr" else torch.sparse_csc_tensor
    s = make(*(torch.from_numpy(part) for part in (a.indptr, a.indices, a.data)), size=a.shape)
t = torch.from_numpy(flat)
"""
MKL = """
try:
    product = load("sparse_dot_mkl").dot_product_mkl
except (ImportError, OSError) as error:
    raise NotImplementedError("MKL is not found") from error
"""


def products() -> list[Spelled]:
    """X.A for X (10, rows, n), and A.X for X (n, rows), with A (n, n) sparse."""
    table = []
    for n in (100, 1000, 4000):
        for density in (0.001, 0.01):
            for kind in ("csr", "csc"):
                for dtype in ("f8", "f4") if n == 1000 else ("f8",):
                    table += _product(n, density, kind, dtype)
    return table


def first_products() -> list[Spelled]:
    """X.A with nothing known of the call before: what is planned is forgotten before each."""
    ours = Way(
        "first(x, a)", "def first(x, a):\n    er.cache_clear()\n    return er.tensordot(x, a, axes=1)\n"
    )
    ways: Ways = {"einroute": ours, "scipy": Way("(flat @ a).reshape(shape)", FLAT)}
    table = []
    for n, density in ((100, 0.01), (1000, 0.001), (1000, 0.01), (4000, 0.001)):
        given = {"n": n, "density": density, "kind": "csr", "dtype": "f8"}
        shape = (10, ELEMENTS // n // 10, n)
        name = f"X.A {n}x{n} {100 * density:g} %"
        table.append(Spelled("sparse-first", name, GIVEN.format(shape=shape, **given), ways, allowed=TO_PLAN))
    return table


def _product(n: int, density: float, kind: str, dtype: str) -> list[Spelled]:
    rows = ELEMENTS // n
    size = f"{n}x{n} {100 * density:g} % {kind}" + ("" if dtype == "f8" else f" {dtype}")
    asv = dtype == "f8" and n == 1000
    given = {"n": n, "density": density, "kind": kind, "dtype": dtype}
    right: Ways = {
        "einroute": Way("er.tensordot(x, a, axes=1)"),
        "scipy": (
            Way("(flat @ a).reshape(shape)", FLAT),
            Way("np.ascontiguousarray((a.T @ flat.T).T).reshape(shape)", FLAT),
        ),
        "pydata": Way(
            "tensordot(x, s, axes=1)",
            'sparse = load("sparse")\ns = sparse.GCXS.from_scipy_sparse(a)\ntensordot = sparse.tensordot',
        ),
        "torch": Way("torch.matmul(t, s).numpy().reshape(shape)", FLAT + TORCH),
        "mkl": Way("product(flat, a).reshape(shape)", FLAT + MKL),
    }
    left: Ways = {
        "einroute": Way("er.tensordot(a, x, axes=1)"),
        "scipy": Way("a @ x"),
        "mkl": Way("product(a, x)", MKL),
    }
    return [
        Spelled("sparse", f"X.A {size}", GIVEN.format(shape=(10, rows // 10, n), **given), right, asv=asv),
        Spelled("sparse", f"A.X {size}", GIVEN.format(shape=(n, rows), **given), left, asv=asv),
    ]


def by_stacks() -> list[Spelled]:
    """A sparse matrix by every matrix of a stack, and few entries beside a large array."""
    given = """
sp = load("scipy.sparse")
a = sp.random_array(({n}, {n}), density={density}, format="csr", rng=rng)
x = rng.random((8, {n}, 6))
"""
    few = """
sp = load("scipy.sparse")
x, places = rng.random((5, 749, 893)), np.array([7, 401, 520])
a = sp.coo_array((np.ones(3), (np.array([0, 2, 4]), places)), shape=(5, 893))
"""
    return [
        *(
            Spelled("sparse", f"ij,tjk->tik {n}x{n} {100 * density:g} %", given.format(n=n, density=density), {
                "einroute": Way('er.einsum("ij,tjk->tik", a, x)'),
                "scipy": Way("np.stack([a @ part for part in x])"),
            }, asv=n == 3000)
            for n, density in ((100, 0.01), (3000, 0.003), (30000, 0.0005))
        ),
        Spelled("sparse", "aij,aj->ai 3 entries", few, {
            "einroute": Way('er.einsum("aij,aj->ai", x, a)'),
            "by_hand": Way("np.stack([x[i] @ a.toarray()[i] for i in range(5)])"),
        }, asv=True),
    ]  # fmt: skip


def patterns() -> list[Spelled]:
    """Work that only the non-zeros need."""
    table = []
    for n, k, density in ((500, 8, 0.01), (5000, 32, 0.001)):
        given = f"""
sp = load("scipy.sparse")
s = sp.random_array(({n}, {n}), density={density}, format="csr", rng=rng)
t = sp.random_array(({n}, {n}), density={density}, format="csr", rng=rng)
x, y = rng.random(({n}, {k})), rng.random(({n}, {k}))
"""
        size = f"{n}x{n} {100 * density:g} %"
        hand = "sp.csr_array((s.data * np.vecdot(x[rows], y[s.indices]), s.indices, s.indptr), s.shape)"
        table += [
            Spelled("sparse", f"ij,ik,jk->ij {size} k={k}", given, {
                "einroute": Way('er.einsum("ij,ik,jk->ij", s, x, y)'),
                "numpy": Way("s.multiply(x @ y.T)"),
                "by_hand": Way(hand, "rows = np.repeat(np.arange(s.shape[0]), np.diff(s.indptr))"),
            }, answer="result.toarray()", asv=n == 500),
            Spelled("sparse", f"ij,jk->ik {size}, both sparse", given, {
                "einroute": Way('er.einsum("ij,jk->ik", s, t)'),
                "scipy": Way("s @ t"),
            }, answer="result.toarray()"),
        ]  # fmt: skip
    return table
