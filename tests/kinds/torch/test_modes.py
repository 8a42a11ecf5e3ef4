"""Sparse tensors and structured operands under autocast, transforms of functions, and what writes graphs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import einroute as er
from tests.kinds.torch.helpers import torch
from tests.kinds.torch.sparse_helpers import LAYOUTS, full, sparse

proxies = pytest.importorskip("torch.fx.experimental.proxy_tensor")
fakes = pytest.importorskip("torch._subclasses.fake_tensor")

FakeTensorMode = fakes.FakeTensorMode
pytestmark = pytest.mark.filterwarnings("ignore:Sparse:UserWarning")


def matrix() -> Any:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(6, 4, generator=generator) * (torch.rand(6, 4, generator=generator) < 0.5)


def dense(*shape: int, seed: int = 1) -> Any:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("lower", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("subscripts", ["ij,jk->ik", "ij,ik->jk", "ij,j->i", "ij,i->j", "ij,kj->ki"])
def test_a_product_under_autocast_is_as_torchs_own_of_coo(subscripts: str, layout: str, lower: Any) -> None:
    m, sizes = matrix(), {"i": 6, "j": 4, "k": 3}
    y = dense(*(sizes[c] for c in subscripts.partition("->")[0].split(",")[1]))
    with torch.autocast("cpu", dtype=lower):
        got = er.einsum(subscripts, sparse(m, layout), y)
        first = torch.sparse.mm(m.to_sparse(), dense(4, 3))
    assert got.dtype is first.dtype is lower
    exact = torch.einsum(subscripts, m.to(lower).double(), y.to(lower).double())
    torch.testing.assert_close(got.double(), exact, rtol=8e-3, atol=1e-2)
    # Not of double precision, nor where autocast is at work on another device only.
    with torch.autocast("cpu", dtype=lower):
        assert er.einsum(subscripts, sparse(m.double(), layout), y.double()).dtype is torch.float64
    with torch.autocast("cpu", enabled=False):
        assert er.einsum(subscripts, sparse(m, layout), y).dtype is torch.float32


@pytest.mark.parametrize("layout", LAYOUTS)
def test_gradients_under_autocast(layout: str) -> None:
    m, y = sparse(matrix(), layout).requires_grad_(), dense(4, 3).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        er.matmul(m, y).float().sum().backward()
    assert m.grad.dtype is y.grad.dtype is torch.float32
    torch.testing.assert_close(y.grad, matrix().sum(0)[:, None].expand(4, 3), rtol=2e-2, atol=2e-2)
    there = full(m.detach()) != 0
    torch.testing.assert_close(
        m.grad.to_dense() * there, y.detach().sum(1).expand(6, 4) * there, rtol=2e-2, atol=2e-2
    )


@pytest.mark.parametrize("dtype", [torch.int8, torch.int32, torch.int64, torch.bool])
def test_integers_are_exact_under_autocast(dtype: Any) -> None:
    a = torch.randint(0, 100, (40, 50), generator=torch.Generator().manual_seed(2)).to(dtype)
    b = torch.randint(0, 100, (50, 30), generator=torch.Generator().manual_seed(3)).to(dtype)
    expected = er.matmul(a, b)
    with torch.autocast("cpu"):
        for got in (er.matmul(a, b), er.matmul(a.to_sparse_csr(), b), full(er.matmul(a.to_sparse(), b))):
            assert got.dtype is dtype
            assert torch.equal(got, expected)


@pytest.mark.parametrize(
    "subscripts", ["ij,ik,jk->ij", "ij,jk,kl->il", "ij,ik,jl->kl", "ij,ij->ij", "ij,kj->ik"]
)
def test_other_contractions_under_autocast(subscripts: str) -> None:
    sizes = {"i": 6, "j": 4, "k": 3, "l": 5}
    inputs = subscripts.partition("->")[0].split(",")
    others = [dense(*(sizes[c] for c in labels), seed=n) for n, labels in enumerate(inputs[1:], 1)]
    others = [x.to_sparse() if subscripts == "ij,kj->ik" else x for x in others]
    expected = full(er.einsum(subscripts, matrix().to_sparse_csr(), *others))
    with torch.autocast("cpu"):
        got = full(er.einsum(subscripts, matrix().to_sparse_csr(), *others))
    torch.testing.assert_close(got.float(), expected, rtol=5e-2, atol=1e-1)


SPARSE_OPERANDS: dict[str, Any] = {
    "vmap": lambda f, x: torch.func.vmap(f)(torch.stack([x, x]).to_sparse()),
    "vmap of rows": lambda f, x: torch.func.vmap(f)(torch.stack([x, x]).to_sparse(1)),
    "grad": lambda f, x: torch.func.grad(f)(x.to_sparse()),
}


@pytest.mark.parametrize("call", ["einsum", "matmul", "tensordot", "sum"])
@pytest.mark.parametrize("name", sorted(SPARSE_OPERANDS))
def test_transforms_of_sparse_operands_are_refused_by_name(name: str, call: str) -> None:
    y = dense(4, 3)
    functions: dict[str, Any] = {
        "einsum": lambda a: er.einsum("ij,jk->", a, y),
        "matmul": lambda a: er.matmul(a, y).sum(),
        "tensordot": lambda a: er.tensordot(a, y, 1).sum(),
        "sum": lambda a: er.einsum("ij->", a),
    }
    with pytest.raises(TypeError, match=r"operand 0 .*COO.*torch\.func or vmap.*to_dense\(\)"):
        SPARSE_OPERANDS[name](functions[call], matrix())


@pytest.mark.parametrize("layout", LAYOUTS)
def test_sparse_results_of_transformed_operands_are_refused_by_name(layout: str) -> None:
    m = sparse(matrix(), layout)
    with pytest.raises(TypeError, match=r"the result is sparse .*to_dense\(\)"):
        torch.func.vmap(lambda v: er.einsum("ij,j->ij", m, v))(dense(5, 4))


def distances(_: Any, x: Any) -> Any:
    d = er.pairwise_difference(x)
    return er.einsum("ijk,ijk->ij", d, d)


LABELS, POINTS = torch.tensor([0, 2, 5, 1, -1]), dense(5, 3)
STRUCTURED: dict[str, Any] = {
    "sums by label": lambda labels, x: er.einsum("tr,tc->rc", er.one_hot(labels, 4), x),
    "look-up": lambda labels, x: er.einsum("tr,rc->tc", er.one_hot(labels, 5), x),
    "look-up by @": lambda labels, x: er.one_hot(labels, 5) @ x,
    "histogram": lambda labels, _: er.einsum("tr->r", er.one_hot(labels, 4)),
    "no classes": lambda labels, x: er.einsum("tr,tc->rc", er.one_hot(labels, 0), x),
    "rolled": lambda _, x: er.einsum("imn,ijn->ijm", x[:, None, :].expand(5, 2, 3), er.rolled(x, 2)),
    "sum of rolled": lambda _, x: er.einsum("ijn->in", er.rolled(x, 2)),
    "distances": distances,
}


@pytest.mark.parametrize("name", sorted(STRUCTURED))
def test_structured_operands_of_fake_tensors(name: str) -> None:
    function = STRUCTURED[name]
    expected = function(LABELS, POINTS)
    with fakes.FakeTensorMode() as mode:
        got = function(mode.from_tensor(LABELS), mode.from_tensor(POINTS))
    assert type(got) is fakes.FakeTensor
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)


@pytest.mark.parametrize("name", sorted(STRUCTURED))
def test_structured_operands_in_a_graph_of_operations(name: str) -> None:
    function = STRUCTURED[name]
    graph = proxies.make_fx(function)(LABELS, POINTS)
    other, moved = LABELS.roll(1), POINTS + 1  # what is written down holds for other values
    torch.testing.assert_close(graph(other, moved), function(other, moved))


@pytest.mark.parametrize("name", sorted(STRUCTURED))
def test_structured_operands_under_vmap(name: str) -> None:
    function = STRUCTURED[name]
    labels, points = torch.stack([LABELS, LABELS.roll(1)]), torch.stack([POINTS, POINTS + 1])
    expected = torch.stack([function(*pair) for pair in zip(labels, points, strict=True)])
    torch.testing.assert_close(torch.func.vmap(function)(labels, points), expected)


@pytest.mark.parametrize("name", sorted(STRUCTURED))
@pytest.mark.filterwarnings("ignore")  # of graph breaks
def test_structured_operands_made_in_compiled_functions(name: str) -> None:
    function = STRUCTURED[name]
    torch._dynamo.reset()
    compiled = torch.compile(lambda labels, x: function(labels, x).sin(), backend="aot_eager")
    for labels, x in ((LABELS, POINTS), (LABELS.roll(1), POINTS + 1)):
        torch.testing.assert_close(compiled(labels, x), function(labels, x).sin())


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("subscripts", ["ij,jk->ik", "ij,j->i", "ij,i->ij", "ij->ji", "ij,kj->ki"])
def test_results_are_on_the_operands_device_whatever_the_default(subscripts: str, layout: str) -> None:
    sizes = {"i": 6, "j": 4, "k": 3}
    terms = subscripts.partition("->")[0].split(",")
    others = [dense(*(sizes[c] for c in term)) for term in terms[1:]]
    operand = sparse(matrix(), layout)
    expected = full(er.einsum(subscripts, operand, *others))
    with torch.device("meta"):
        result = er.einsum(subscripts, operand, *others)
    assert result.device.type == "cpu"
    torch.testing.assert_close(full(result), expected)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_inference_mode_takes_sparse_tensors_made_outside_of_it(layout: str) -> None:
    m = matrix()
    others = {"d": dense(6, 3), "t": dense(3, 4), "v": dense(6), "s": m}
    for subscripts, other in (
        ("ij,ik->jk", "d"),
        ("ij,kj->ik", "t"),
        ("ij,kj->ki", "t"),
        ("ij,i->j", "v"),
        ("ij,kj->ik", "s"),
        ("ij,ik->jk", "s"),
    ):
        y = others[other]
        expected = torch.einsum(subscripts, m, y)
        for x in (sparse(m, layout), sparse(m, layout).requires_grad_()):
            z = sparse(y, layout) if other == "s" else y
            with torch.inference_mode():
                for first in (x, x.clone()):
                    got = er.einsum(subscripts, first, z)
                    assert got.is_inference()
                    torch.testing.assert_close(full(got), expected)


@pytest.mark.parametrize("order", ["C", "F", "A", "K"])
def test_any_order_of_no_dimensions(order: str) -> None:
    a = dense(3, 4)
    torch.testing.assert_close(er.einsum("ij->", a, order=order), a.sum())


def test_fake_tensors_beside_others_are_refused_by_name() -> None:
    mode, other = FakeTensorMode(), FakeTensorMode()
    real, array = torch.ones(3, 3), np.ones((3, 3), "f4")
    fake, second = mode.from_tensor(real), other.from_tensor(real)
    hot = er.one_hot(torch.tensor([0, 2, 1]), 3)
    for call in (
        er.matmul,
        lambda a, b: er.einsum("ij,jk->ik", a, b),
        lambda a, b: er.contract("ij,jk", a, b),
    ):
        call(real, real)  # whose plan is not found for fake ones
        assert call(fake, fake).shape == (3, 3)
        for x in (real, array, real.to_sparse(), hot):
            for pair in ((fake, x), (x, fake)):
                with pytest.raises(
                    TypeError, match=r"operand [01] is a fake tensor, and operand [01].*from_tensor"
                ):
                    call(*pair)
        with pytest.raises(TypeError, match=r"operands 0 and 1 are fake tensors of two modes"):
            call(fake, second)
        with mode:
            assert call(fake, array).shape == (3, 3)
        with FakeTensorMode(allow_non_fake_inputs=True) as taking:
            assert call(taking.from_tensor(real), real).shape == (3, 3)
    with pytest.raises(TypeError, match="operand 0 is a fake tensor"):
        er.linalg.solve(fake, real)


X = torch.tensor([[2.0, 1.0, 0.0], [0.5, 3.0, 1.0], [1.0, 0.0, 2.0]])
TRACED: dict[str, Any] = {
    "einsum": lambda x: er.einsum("ij,jk->ik", x, X),
    "einsum, labels in lists": lambda x: er.einsum(X, [0, 1], x, [1, 2]),
    "matmul": lambda x: er.matmul(X, x),
    "tensordot": lambda x: er.tensordot(x, x, 1),
    "dot": lambda x: er.dot(x, X),
    "outer": lambda x: er.outer(x[0], x[1]),
    "vecdot": lambda x: er.linalg.vecdot(x, X),
    "multi_dot": lambda x: er.linalg.multi_dot([X, x, x]),
    "matrix_power": lambda x: er.linalg.matrix_power(x, -2),
    "contract": lambda x: er.contract("ij,jk,kl->il", x, X, x),
    "solve": lambda x: er.linalg.solve(x, X),
    "lstsq": lambda x: er.lstsq(x, X)[0],
    "one_hot": lambda x: er.einsum("tr,tc->rc", er.one_hot(x.argmax(1), 3), x),
    "rolled": lambda x: er.einsum("ijk,jk->i", er.rolled(x, 2), x[:2]),
    "pairwise_difference": lambda x: er.einsum("ijk,ijk->ij", *([er.pairwise_difference(x, X)] * 2)),
}


@pytest.mark.parametrize("name", TRACED)
def test_calls_that_torch_fx_traces_are_nodes(name: str) -> None:
    traced = torch.fx.symbolic_trace(TRACED[name])
    torch.testing.assert_close(traced(X + 1), TRACED[name](X + 1), rtol=1e-4, atol=1e-4)
    assert sum(node.op == "call_function" for node in traced.graph.nodes)


def test_what_needs_a_shape_is_no_node_of_torch_fx() -> None:
    with pytest.raises(TypeError, match=r"Proxy of torch.fx, which has no shape"):
        torch.fx.symbolic_trace(lambda x: er.einsum_path("ij,jk", x, x))
