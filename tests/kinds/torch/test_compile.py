"""torch.compile through einroute's functions: one whole graph of torch's operations, gradients and all."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from typing import Any

import numpy as np
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
    "matrix_power": lambda a, b: er.linalg.matrix_power(a @ b, 3),
    "contract": lambda a, b: er.contract("ij,jk->ik", a, b),
    "contract, a path": lambda a, b: er.contract("ij,jk,kl->il", a, b, a, optimize=[(0, 1), (0, 1)]),
    "contract, labels in lists": lambda a, b: er.contract(a, [0, 1], b, [1, 2]),
    "contract_expression": er.contract_expression("ij,jk->ik", (3, 4), (4, 3)),
    "contract_expression, constants": lambda a, b: EXPRESSION(b),
    "lstsq": lambda a, b: er.lstsq(a, b[:3])[0],
    "lstsq, singular values": lambda a, b: er.lstsq(a, b[:3, 0])[3],
    "linalg.solve": lambda a, b: er.linalg.solve(a @ b, b[:3]),
    "linalg.solve, a vector": lambda a, b: er.linalg.solve(a @ b, b[0]),
    "linalg.inv": lambda a, b: er.linalg.inv(a @ b),
    "linalg.pinv": lambda a, b: er.linalg.pinv(a, rtol=1e-3),
}
EXPRESSION = er.contract_expression("ij,jk->ik", torch.ones(3, 4), (4, 3), constants=[0])


@pytest.fixture(autouse=True)
def _fresh() -> None:
    torch._dynamo.reset()


@pytest.mark.parametrize("name", sorted(CALLS))
def test_one_whole_graph(name: str) -> None:
    function: Any = CALLS[name]
    a, b = torch.randn(3, 4), torch.randn(4, 3)
    compiled = torch.compile(lambda a, b: function(a, b).sin(), fullgraph=True, backend="aot_eager")
    for _ in range(2):
        torch.testing.assert_close(compiled(a, b), function(a, b).sin(), rtol=1e-3, atol=1e-4)


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


NUMPYS: dict[str, Any] = {
    "einsum": lambda a, b: np.einsum("ij,jk->ik", a, b),
    "tensordot": lambda a, b: np.tensordot(a, b, 1),
    "dot": lambda a, b: np.dot(a, b) + 1,
    "inner": lambda a, b: np.inner(a, b.T),
    "outer": lambda a, b: np.outer(a[0], b[0]),
    "matmul": lambda a, b: np.matmul(a, b) + 1,
    "linalg.solve": lambda a, b: np.linalg.solve(a[:, :3], a[:, 0]),
    "linalg.inv": lambda a, b: np.linalg.inv(a[:, :3]),
    "linalg.pinv": lambda a, b: np.linalg.pinv(a) + 1,
    "linalg.multi_dot": lambda a, b: np.linalg.multi_dot([a, b, b.T]),
}


@pytest.mark.parametrize("name", sorted(NUMPYS))
def test_code_of_numpys_is_compiled_under_override_as_without(name: str) -> None:
    function: Any = NUMPYS[name]
    rng = np.random.default_rng(0)
    a, b = rng.random((3, 4)), rng.random((4, 5))
    expected = function(a, b)
    for override in (True, False, True):
        torch._dynamo.reset()
        compiled = torch.compile(function, fullgraph=True, backend="aot_eager")
        with er.override() if override else nullcontext():
            np.testing.assert_allclose(compiled(a, b), expected, rtol=1e-12, atol=1e-12)


def test_an_override_may_begin_before_torch_is_loaded() -> None:
    program = (
        "import numpy as np, einroute as er\n"
        "f = lambda a, b: np.einsum('ij,jk->ik', a, b)\n"
        "a, b = np.ones((2, 3)), np.ones((3, 2))\n"
        "with er.override():\n"
        "    import torch\n"
        "    assert torch.compile(f, backend='aot_eager')(a, b).tolist() == [[3, 3], [3, 3]]\n"
        "torch._dynamo.reset()\n"
        "g = torch.compile(f, fullgraph=True, backend='aot_eager')\n"
        "assert g(a, b).tolist() == [[3, 3], [3, 3]]\n"
        "with er.override():\n"
        "    torch._dynamo.reset()\n"
        "    g = torch.compile(f, fullgraph=True, backend='aot_eager')\n"
        "    assert g(a, b).tolist() == [[3, 3], [3, 3]]\n"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)


@pytest.mark.parametrize("make", [lambda x: x.to_sparse(), lambda x: x.to_sparse_csr()])
@pytest.mark.filterwarnings("ignore::UserWarning")  # of graph breaks, and that CSR is in beta
def test_sparse_tensors_may_break_the_graph(make: Any) -> None:
    s, y = make(torch.eye(3)), torch.randn(3, 4)
    er.einsum("ij,jk->ik", s, y)
    compiled = torch.compile(lambda y: er.einsum("ij,jk->ik", s, y).sin(), backend="aot_eager")
    torch.testing.assert_close(compiled(y), y.sin())


def test_structured_operands_may_break_the_graph() -> None:
    h, y = er.one_hot(torch.tensor([0, 2, 1]), 3), torch.randn(3, 4)
    compiled = torch.compile(lambda y: er.einsum("tr,tc->rc", h, y).sin(), backend="aot_eager")
    torch.testing.assert_close(compiled(y), y[[0, 2, 1]].sin())


MAKERS = (
    lambda y: er.einsum("tr,tc->rc", er.one_hot(torch.tensor([0, 2, 1]), 3), y),
    lambda y: er.einsum("ijk,jk->i", er.rolled(y, 2), y[:2]),
    lambda y: er.einsum("ijk,ijk->ij", er.pairwise_difference(y), er.pairwise_difference(y)),
    lambda y: er.einsum("ij,jk->ik", y[:, :3].to_sparse(), y),
)


@pytest.mark.parametrize("function", MAKERS)
@pytest.mark.filterwarnings("ignore::UserWarning")  # of graph breaks
def test_what_breaks_the_graph_says_so_where_it_may_not(function: Any) -> None:
    y = torch.randn(3, 4)
    torch.testing.assert_close(torch.compile(function, backend="aot_eager")(y), function(y))
    torch._dynamo.reset()
    with pytest.raises(Exception, match=r"(?s)structured operands \(one_hot.*without fullgraph=True|sparse"):
        torch.compile(function, fullgraph=True, backend="aot_eager")(y)


def test_the_first_call_of_a_process_may_be_a_compiled_one() -> None:
    program = (
        "import torch, einroute as er\n"
        "f = torch.compile(lambda a, b: er.matmul(a, b), fullgraph=True, backend='aot_eager')\n"
        "assert f(torch.ones(2, 3), torch.ones(3, 2)).tolist() == [[3, 3], [3, 3]]\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
