"""torch.compile through einroute's functions: one whole graph of torch's operations, gradients and all."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

import einroute as er
from tests.kinds.torch.helpers import torch

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch's own, while it compiles
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

CALLS: dict[str, Any] = {
    "einsum": lambda a, b: er.einsum("ij,jk->ik", a, b),
    "einsum of three": lambda a, b: er.einsum("ij,jk,kl->il", a, b, a),
    "tensordot": lambda a, b: er.tensordot(a, b, axes=1),
    "dot": er.dot,
    "matmul": er.matmul,
    "linalg.matmul": er.linalg.matmul,
    "multi_dot": lambda a, b: er.linalg.multi_dot([a, b]),
    "inner": lambda a, b: er.inner(a, b.mT),
    "vecdot": lambda a, b: er.vecdot(a, b.mT),
    "outer": lambda a, b: er.outer(a[0], b[0]),
}


@pytest.fixture(autouse=True)
def _fresh() -> None:
    torch._dynamo.reset()


@pytest.mark.parametrize("name", sorted(CALLS))
def test_one_whole_graph(name: str) -> None:
    function: Any = CALLS[name]
    a, b = torch.randn(3, 4), torch.randn(4, 3)
    compiled = torch.compile(lambda a, b: function(a, b).sin(), fullgraph=True, backend="aot_eager")
    for _ in range(2):
        torch.testing.assert_close(compiled(a, b), function(a, b).sin())


def test_gradients_of_a_compiled_function() -> None:
    a, b = torch.randn(3, 4, requires_grad=True), torch.randn(4, 5)
    compiled = torch.compile(
        lambda a, b: er.einsum("ij,jk->ik", a, b).pow(2).sum(), fullgraph=True, backend="aot_eager"
    )
    compiled(a, b).backward()
    torch.testing.assert_close(a.grad, 2 * (a @ b).detach() @ b.mT)


def test_sizes_may_change() -> None:
    compiled = torch.compile(
        lambda a, b: er.einsum("ij,jk->ik", a, b), fullgraph=True, dynamic=True, backend="aot_eager"
    )
    for m, n, k in ((3, 4, 5), (7, 9, 2), (11, 3, 6)):
        a, b = torch.randn(m, n), torch.randn(n, k)
        torch.testing.assert_close(compiled(a, b), a @ b)


def test_what_is_compiled_is_torchs_operations() -> None:
    graphs: list[Any] = []

    def keep(graph: Any, _example: Any) -> Any:
        graphs.append(graph)
        return graph.forward

    from functorch.compile import make_boxed_func
    from torch._dynamo.backends.common import aot_autograd

    backend = aot_autograd(fw_compiler=lambda graph, inputs: make_boxed_func(keep(graph, inputs)))
    compiled = torch.compile(lambda a, b: er.einsum("ij,jk->ik", a, b), fullgraph=True, backend=backend)
    compiled(torch.randn(3, 4), torch.randn(4, 5))
    called = [
        str(node.target) for graph in graphs for node in graph.graph.nodes if node.op == "call_function"
    ]
    assert called == ["aten.mm.default"]


def test_the_first_call_of_a_process_may_be_a_compiled_one() -> None:
    program = (
        "import torch, einroute as er\n"
        "f = torch.compile(lambda a, b: er.matmul(a, b), fullgraph=True, backend='aot_eager')\n"
        "assert f(torch.ones(2, 3), torch.ones(3, 2)).tolist() == [[3, 3], [3, 3]]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
