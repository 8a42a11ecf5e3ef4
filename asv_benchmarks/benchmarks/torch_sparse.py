"""torch's sparse tensors in einsum, beside the best that torch's own products of sparse matrices do."""

from __future__ import annotations

import warnings
from typing import Any

import einroute

try:
    import torch
except ImportError:  # optional: then these benchmarks are skipped
    torch = None

#: Subscripts, and the call of torch's for a sparse matrix and a dense one.
CALLS: dict[str, tuple[str, Any]] = {
    "product": ("ij,jk->ik", getattr(torch, "mm", None)),
    "transposed": ("ji,jk->ik", lambda s, d: torch.sparse.mm(s.t(), d)),
    "vector": ("ij,j->i", getattr(torch, "mv", None)),
    "on the right": ("kj,ij->ki", lambda s, d: torch.sparse.mm(s, d.t()).t()),
    "sparse": ("ij,jk->ik", getattr(torch, "mm", None)),
}
#: Rows, entries a row, columns of the dense operand.
SIZES = {"small": (300, 10, 10), "large": (10_000, 10, 32)}


class Sparse:
    """Eager calls on one thread."""

    params: Any = [list(CALLS), ["coo", "csr", "csc"], list(SIZES)]
    param_names = ("call", "layout", "size")

    def setup(self, call: str, layout: str, size: str) -> None:
        if torch is None:
            raise NotImplementedError("torch is not installed")
        warnings.simplefilter("ignore", UserWarning)  # torch's, that CSR is in beta
        torch.set_num_threads(1)
        generator = torch.Generator().manual_seed(0)
        n, each, k = SIZES[size]
        at = torch.randint(0, n, (2, n * each), generator=generator)
        sparse = torch.sparse_coo_tensor(at, torch.randn(n * each, generator=generator), (n, n)).coalesce()
        self.sparse = sparse if layout == "coo" else getattr(sparse, f"to_sparse_{layout}")()
        shape = (n,) if call == "vector" else (k, n) if call == "on the right" else (n, k)
        self.dense = self.sparse if call == "sparse" else torch.randn(*shape, generator=generator)
        self.subscripts, self.best = CALLS[call]
        self.operands = (self.sparse, self.dense)
        if call == "on the right":
            self.operands = self.operands[::-1]

    def time_einroute(self, call: str, layout: str, size: str) -> None:
        einroute.einsum(self.subscripts, *self.operands)

    def time_torch(self, call: str, layout: str, size: str) -> None:
        self.best(self.sparse, self.dense)


class Gradient:
    """A product and its gradients, on one thread."""

    params: Any = [["coo", "csr"]]
    param_names = ("layout",)

    def setup(self, layout: str) -> None:
        Sparse.setup(self, "product", layout, "large")
        self.sparse.requires_grad_()
        self.dense.requires_grad_()

    def time_einroute(self, layout: str) -> None:
        einroute.einsum("ij,jk->ik", self.sparse, self.dense).sum().backward()

    def time_torch(self, layout: str) -> None:
        torch.sparse.mm(self.sparse, self.dense).sum().backward()
