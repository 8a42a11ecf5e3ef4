"""Dense by sparse: what people write with scipy, pydata/sparse, torch and MKL, beside ours.

MKL is reached through sparse_dot_mkl; set ``MKL_RT`` to the path of ``libmkl_rt.so`` where it is not found.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import einroute as er

from . import installed, load

IMPLEMENTATIONS = ("einroute", "scipy_left", "scipy_right", "pydata", "torch", "mkl", "dense", "copy")
SIZES = (100, 1000, 4000, 20000)
DENSITIES = (0.0003, 0.001, 0.01, 0.1)
#: The asv suite has to stay quick; `sparse_ratios.py` runs every size and density.
SUITE_SIZES, SUITE_DENSITIES = (100, 1000), (0.001, 0.01)
SUITE_ELEMENTS = 2_000_000
#: Bytes of X and multiply-adds of a product that keep one call of the slowest below about half a second.
MOST_BYTES, MOST_WORK = 160 << 20, 2e8

Call = Callable[[], Any]


def operands(
    n: int, density: float, kind: str, dtype: str = "f8", rows: int = 0, side: str = "right"
) -> tuple[Any, Any]:
    """X (I, J, n) and A (n, n) in scipy format `kind`, or for ``side="left"`` X (n, rows)."""
    sp = load("scipy.sparse")
    rng = np.random.default_rng(6)
    a = sp.random_array((n, n), density=density, format=kind, dtype=np.dtype(dtype), rng=rng)
    rows = rows or rows_for(n, a.nnz, np.dtype(dtype).itemsize)
    if side == "left":
        return rng.random((n, rows)).astype(dtype), a
    return rng.random((10, rows // 10, n)).astype(dtype), a


def rows_for(n: int, nnz: int, itemsize: int) -> int:
    """Rows of X: as many as time and memory allow, a multiple of 10 and at least 30."""
    rows = min(MOST_BYTES / (n * itemsize), MOST_WORK / max(nnz, 1))
    return max(30, int(rows) // 10 * 10)


def scipy_left(x: Any, a: Any) -> Call:
    """The reshape trick: the sparse matrix on the left, and the transposed result copied into shape."""
    flat, shape = x.reshape(-1, x.shape[-1]), (*x.shape[:-1], a.shape[1])
    return lambda: np.ascontiguousarray((a.T @ flat.T).T).reshape(shape)


def scipy_right(x: Any, a: Any) -> Call:
    flat, shape = x.reshape(-1, x.shape[-1]), (*x.shape[:-1], a.shape[1])
    return lambda: (flat @ a).reshape(shape)


def pydata(x: Any, a: Any) -> Call:
    sparse = load("sparse")
    b = sparse.GCXS.from_scipy_sparse(a)
    return lambda: sparse.tensordot(x, b, axes=1)


def torch(x: Any, a: Any) -> Call:
    torch = load("torch")
    import warnings

    flat, shape = x.reshape(-1, x.shape[-1]), (*x.shape[:-1], a.shape[1])
    make = torch.sparse_csr_tensor if a.format == "csr" else torch.sparse_csc_tensor
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sparse tensors are in beta, it says
        b = make(*(torch.from_numpy(part) for part in (a.indptr, a.indices, a.data)), size=a.shape)
    y = torch.from_numpy(flat)
    return lambda: torch.matmul(y, b).numpy().reshape(shape)


def mkl(x: Any, a: Any) -> Call:
    try:
        dot = load("sparse_dot_mkl").dot_product_mkl
    except (ImportError, OSError) as error:
        raise NotImplementedError("MKL is not found") from error
    if x.ndim == 2:
        return lambda: dot(a, x)
    flat, shape = x.reshape(-1, x.shape[-1]), (*x.shape[:-1], a.shape[1])
    return lambda: dot(flat, a).reshape(shape)


def dense(x: Any, a: Any) -> Call:
    """A written out beforehand, then BLAS."""
    if a.shape[0] * a.shape[1] > 10**8:
        raise NotImplementedError("too large to write out")
    b = a.toarray()
    return lambda: x @ b


def copy(x: Any, a: Any) -> Call:
    return x.copy


def einroute(x: Any, a: Any) -> Call:
    er.set_config(prepare="now")
    return lambda: er.tensordot(x, a, axes=1)


MAKERS = {
    "einroute": einroute,
    "scipy_left": scipy_left,
    "scipy_right": scipy_right,
    "pydata": pydata,
    "torch": torch,
    "mkl": mkl,
    "dense": dense,
    "copy": copy,
}

#: The same with A on the left, for X (n, rows).
LEFT = {
    "einroute": lambda x, a: (er.set_config(prepare="now"), lambda: er.tensordot(a, x, axes=1))[1],
    "scipy": lambda x, a: lambda: a @ x,
    "mkl": mkl,
    "copy": copy,
}


class DenseBySparse:
    """Calls whose plan is known."""

    params = [installed(IMPLEMENTATIONS), SUITE_SIZES, SUITE_DENSITIES, ["csr", "csc"]]
    param_names = ["implementation", "n", "density", "format"]
    timeout = 120.0

    def setup(self, implementation: str, n: int, density: float, kind: str) -> None:
        self.call = MAKERS[implementation](*operands(n, density, kind, rows=SUITE_ELEMENTS // n))
        self.call()

    def time_product(self, implementation: str, n: int, density: float, kind: str) -> None:
        self.call()


class SparseByDense:
    params = [installed(LEFT), SUITE_SIZES, SUITE_DENSITIES, ["csr", "csc"]]
    param_names = ["implementation", "n", "density", "format"]
    timeout = 120.0

    def setup(self, implementation: str, n: int, density: float, kind: str) -> None:
        self.call = LEFT[implementation](*operands(n, density, kind, rows=SUITE_ELEMENTS // n, side="left"))
        self.call()

    def time_product(self, implementation: str, n: int, density: float, kind: str) -> None:
        self.call()


#: Forms with one sparse operand `ij`, and what one writes with scipy.sparse for them.
LOOKED_UP: dict[str, Callable[..., Any]] = {
    "ij->": lambda a: a.sum(),
    "ij->i": lambda a: a.sum(1),
    "ij->j": lambda a: a.sum(0),
    "ii->i": lambda a: a.diagonal(),
    "ij->ji": lambda a: a.T.tocsr(),
    "i,ij->ij": lambda v, a: a.multiply(v[:, None]).tocsr(),
    "i,ij,j->": lambda v, a, w: v @ (a @ w),
    "ij,ij->ij": lambda a, d: a.multiply(d).tocsr(),
    "ij,ik,jk->ij": lambda a, x, y: a.multiply(x @ y.T).tocsr(),
    "ij,ik,jk->": lambda a, x, y: np.vdot(x, a @ y),
}


class LookedUp:
    """Dense operands that are looked up at the entries of a small sparse one, sums, and conversions."""

    params = [["einroute", "scipy"], list(LOOKED_UP), ["csr", "csc", "coo"], [100, 3000, 10000]]
    param_names = ["implementation", "subscripts", "format", "entries"]

    def setup(self, implementation: str, subscripts: str, kind: str, entries: int) -> None:
        sp = load("scipy.sparse")
        rng = np.random.default_rng(0)
        n = {100: 30, 3000: 300, 10000: 1000}[entries]
        a = sp.random_array((n, n), density=entries / n**2, rng=rng, format=kind)
        inputs = subscripts.partition("->")[0].split(",")
        first = next(i for i, labels in enumerate(inputs) if len(labels) == 2)
        given = [
            a if i == first else rng.random([8 if c == "k" else n for c in labels])
            for i, labels in enumerate(inputs)
        ]
        if implementation == "einroute":
            self.call: Call = lambda: er.einsum(subscripts, *given)
        else:
            self.call = lambda: LOOKED_UP[subscripts](*given)
        self.call()

    def time_call(self, implementation: str, subscripts: str, kind: str, entries: int) -> None:
        self.call()


class Tensors:
    """MTTKRP of a tensor of three axes, beside scipy's product of its entries with a Khatri-Rao product."""

    params = [["einroute", "scipy"], ["ijk,jr,kr->ir", "ijk,ir,kr->jr", "ijk,ir,jr->kr"], [8, 32]]
    param_names = ["implementation", "subscripts", "rank"]

    def setup(self, implementation: str, subscripts: str, rank: int) -> None:
        sp = load("scipy.sparse")
        rng, shape, count = np.random.default_rng(0), (60, 80, 100), 50_000
        at = tuple(rng.integers(0, n, count) for n in shape)
        a = sp.coo_array((rng.random(count), at), shape=shape)
        inputs, _, output = subscripts.partition("->")
        sizes = dict(zip("ijkr", (*shape, rank), strict=True))
        factors = {x[0]: rng.random([sizes[c] for c in x]) for x in inputs.split(",")[1:]}
        if implementation == "einroute":
            self.call: Call = lambda: er.einsum(subscripts, a, *factors.values())
        else:
            (first, x), (second, y) = factors.items()
            place = dict(zip("ijk", at, strict=True))
            lines = (place[output[0]], np.arange(count))

            def by_hand() -> Any:
                rows = sp.csr_array((a.data, lines), shape=(sizes[output[0]], count))
                return rows @ (x[place[first]] * y[place[second]])

            self.call = by_hand
        self.call()

    def time_call(self, implementation: str, subscripts: str, rank: int) -> None:
        self.call()


# No attribute of the class: asv would take one of this name, in capitals too, for its own setup.
FIRST_CALL = (
    "import numpy as np, scipy.sparse as sp, einroute as er\n"
    "a = sp.random_array((1000, 1000), density=0.001, format='csr', rng=np.random.default_rng(0))\n"
    "x = np.ones((10, 400, 1000))\n"
)


class FirstCall:
    """The first call of a fresh process, compiled code on disk or not: nobody waits for a compiler unasked."""

    number = 1
    repeat = (2, 5, 20.0)
    warmup_time = 0.0

    def timeraw_einroute(self) -> tuple[str, str]:
        return "er.tensordot(x, a, axes=1)", FIRST_CALL

    def timeraw_scipy(self) -> tuple[str, str]:
        return "np.ascontiguousarray((a.T @ x.reshape(-1, 1000).T).T).reshape(10, 400, 1000)", FIRST_CALL
