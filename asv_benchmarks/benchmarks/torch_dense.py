"""torch's dense tensors: einroute beside torch's own best spelling, in one process."""

from __future__ import annotations

from typing import Any

import einroute

try:
    import torch
except ImportError:  # optional: then these benchmarks are skipped
    torch = None

#: Subscripts, shapes, and torch's best spelling.
CALLS: dict[str, tuple[str, list[tuple[int, ...]], Any]] = {
    "small product": ("ij,jk->ik", [(8, 8)] * 2, lambda a, b: a @ b),
    "product": ("ij,jk->ik", [(300, 300)] * 2, lambda a, b: a @ b),
    "stack": ("bij,bjk->bik", [(16, 20, 20)] * 2, getattr(torch, "bmm", None)),
    "stack inside": ("ibj,bjk->ibk", [(20, 16, 20), (16, 20, 20)], None),
    "rows": ("ij,ij->i", [(100, 100)] * 2, lambda a, b: (a * b).sum(1)),
    "sum": ("ij->j", [(100, 100)], lambda a: a.sum(0)),
    "two axes": ("ijkl,klm->ijm", [(10, 10, 10, 10), (10, 10, 10)], lambda a, b: torch.tensordot(a, b, 2)),
    "three": ("ab,cbe,ae->ac", [(60, 40), (50, 40, 30), (60, 30)], None),
    "chain": ("ab,bc,cd,de->ae", [(30, 400), (400, 20), (20, 300), (300, 10)], None),
}


class Dense:
    """Eager calls on one thread."""

    params: Any = [list(CALLS)]
    param_names = ("call",)

    def setup(self, call: str) -> None:
        if torch is None:
            raise NotImplementedError("torch is not installed")
        torch.set_num_threads(1)
        self.subscripts, shapes, best = CALLS[call]
        generator = torch.Generator().manual_seed(0)
        self.operands = [torch.randn(*shape, generator=generator) for shape in shapes]
        self.best = best or (lambda *operands: torch.einsum(self.subscripts, *operands))

    def time_einroute(self, call: str) -> None:
        einroute.einsum(self.subscripts, *self.operands)

    def time_torch(self, call: str) -> None:
        self.best(*self.operands)


class Compiled:
    """Calls that torch.compile has traced."""

    def setup(self) -> None:
        if torch is None:
            raise NotImplementedError("torch is not installed")
        self.operands = [torch.randn(50, 60), torch.randn(60, 70)]
        self.call = torch.compile(
            lambda a, b: einroute.einsum("ij,jk->ik", a, b), fullgraph=True, backend="aot_eager"
        )
        self.call(*self.operands)

    def time_call(self) -> None:
        self.call(*self.operands)
