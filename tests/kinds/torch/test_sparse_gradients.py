"""Gradients through sparse tensors: of sparse operands on their pattern, of dense ones as ever."""

from __future__ import annotations

from typing import Any

import pytest

import einroute as er
from tests.kinds.torch.helpers import torch
from tests.kinds.torch.sparse_helpers import LAYOUTS, full, sparse

pytestmark = [
    pytest.mark.filterwarnings("ignore:Sparse:UserWarning"),
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),
]

SIZES = {"i": 4, "j": 6, "k": 3, "l": 2}
#: The first operand is sparse, and so is each whose place is among the numbers.
FORMS = (
    ("ij,jk->ik", ""),
    ("ij,ik->jk", ""),
    ("ij,j->i", ""),
    ("ij,ij->", ""),
    ("ij,ij->ij", ""),
    ("ij,k->ijk", ""),
    ("ij->i", ""),
    ("ij->", ""),
    ("ij->ji", ""),
    ("ij,jk,kl->il", ""),
    ("ij,ik,jk->ij", ""),
    ("ij,ik,jk->", ""),
    ("ij,ik,jl->kl", ""),
    ("ij,kj->ik", "1"),
    ("ij,ij->ij", "1"),
    ("ij,kj,ik->k", "1"),
    ("ij,kj,ik->ik", "1"),
)
GRAD_LAYOUTS = {"csr": "sparse_csr"}


def dense(shape: Any, seed: int, dtype: Any = torch.float64) -> Any:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype)


def pattern(shape: Any, seed: int) -> Any:
    generator = torch.Generator().manual_seed(100 + seed)
    return torch.rand(*shape, generator=generator) < 0.4


def terms(subscripts: str, others: str, dtype: Any = torch.float64) -> tuple[list[Any], list[bool]]:
    made, own = [], []
    for n, term in enumerate(subscripts.partition("->")[0].split(",")):
        shape = [SIZES[c] for c in term]
        is_sparse = n == 0 or str(n) in others
        x = dense(shape, n, dtype)
        made.append(x * pattern(shape, n) if is_sparse else x)
        own.append(is_sparse)
    return made, own


@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("subscripts", "others"), FORMS)
def test_gradients_are_those_of_dense_operands_on_the_pattern(
    subscripts: str, others: str, layout: str, dtype: Any
) -> None:
    values, own = terms(subscripts, others, dtype)
    plain = [x.clone().requires_grad_() for x in values]
    weights = torch.einsum(subscripts, *values).detach()
    (torch.einsum(subscripts, *plain) * weights.conj()).sum().abs().backward()
    made = [
        (sparse(x, layout) if s else x.clone()).requires_grad_() for x, s in zip(values, own, strict=True)
    ]
    for _ in range(2):  # gradients are accumulated, of every layout
        (full(er.einsum(subscripts, *made)) * weights.conj()).sum().abs().backward()
    for x, y, s in zip(made, plain, own, strict=True):
        assert x.grad is not None
        if not s:
            torch.testing.assert_close(x.grad, 2 * y.grad, rtol=1e-10, atol=1e-12)
            continue
        assert x.grad.layout is getattr(torch, GRAD_LAYOUTS.get(layout, "sparse_coo"))
        there = torch.zeros_like(x.detach().to_dense(), dtype=torch.bool)
        at = sparse(x.detach().to_dense(), "coo").indices() if layout in {"coo", "uncoalesced"} else None
        if at is not None:
            there[tuple(at)] = True
        else:
            ones = torch.sparse_compressed_tensor(
                *_indices(x.detach()), torch.ones_like(x.detach().values()), x.shape, layout=x.layout
            )
            there = ones.to_dense() != 0
        torch.testing.assert_close(x.grad.to_dense(), 2 * y.grad * there, rtol=1e-10, atol=1e-12)
        entries = x.grad.coalesce()._nnz() if x.grad.layout is torch.sparse_coo else x.grad._nnz()
        assert entries == int(there.sum())


def _indices(x: Any) -> tuple[Any, Any]:
    if x.layout in {torch.sparse_csr, torch.sparse_bsr}:
        return x.crow_indices(), x.col_indices()
    return x.ccol_indices(), x.row_indices()


def _as_sparse(x: Any, layout: str) -> Any:
    if layout == "coo":
        return x.to_sparse()
    blocks = [(2, 2)] if layout in {"bsr", "bsc"} else []
    return getattr(x, f"to_sparse_{layout}")(*blocks)


@pytest.mark.parametrize("layout", ["coo", "csr", "csc", "bsr", "bsc"])
@pytest.mark.parametrize(("subscripts", "others"), FORMS)
def test_gradcheck_to_second_order(layout: str, subscripts: str, others: str) -> None:
    values, _ = terms(subscripts, others)
    # Every place has an entry: one that a step of gradcheck makes has a gradient, and no entry has none.
    values[0] = dense(values[0].shape, 5)
    second = sparse(values[1], "coo") if others else None

    def function(x: Any, *others: Any) -> Any:
        operands = [_as_sparse(x, layout), *([] if second is None else [second]), *others]
        return full(er.einsum(subscripts, *operands)).sin()

    given = [x.clone().requires_grad_() for n, x in enumerate(values) if not (others and n == 1)]
    assert torch.autograd.gradcheck(function, given, fast_mode=True)
    if not (
        layout in {"csr", "csc"}
        and torch.einsum(subscripts, *values).ndim == 2
        and _sparse_result(subscripts)
    ):
        assert torch.autograd.gradgradcheck(function, given, fast_mode=True)


def _sparse_result(subscripts: str) -> bool:
    return subscripts in {"ij,ij->ij", "ij->ji", "ij,ik,jk->ij", "ij,kj->ik", "ij,kj,ik->ik"}


@pytest.mark.parametrize("layout", ["coo", "csr", "csc", "bsr", "bsc"])
@pytest.mark.parametrize(("subscripts", "others"), FORMS)
def test_functions_of_values(layout: str, subscripts: str, others: str) -> None:
    made, _ = terms(subscripts, others)
    s = sparse(made[0], layout)
    second = sparse(made[1], "coo") if others else None

    def function(values: Any, *rest: Any) -> Any:
        if layout == "coo":
            x = torch.sparse_coo_tensor(s.indices(), values, s.shape, is_coalesced=True)
        else:
            x = torch.sparse_compressed_tensor(*_indices(s), values, s.shape, layout=s.layout)
        return full(er.einsum(subscripts, *[x, *([second] if others else []), *rest])).sin()

    rest = [x.requires_grad_() for x in made[1 + bool(others) :]]
    assert torch.autograd.gradcheck(function, [s.values().clone().requires_grad_(), *rest], fast_mode=True)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_second_derivatives_of_a_sparse_leaf(layout: str) -> None:
    a, y = dense((4, 6), 0), dense((6, 3), 1).requires_grad_()
    b, x = a.clone().requires_grad_(), sparse(a, layout).requires_grad_()
    (expected,) = torch.autograd.grad((b @ y).sin().sum(), b, create_graph=True)
    (got,) = torch.autograd.grad(er.einsum("ij,jk->ik", x, y).sin().sum(), x, create_graph=True)
    torch.testing.assert_close(full(got), expected, rtol=1e-10, atol=1e-12)
    pairs = zip(
        torch.autograd.grad((full(got) ** 2).sum(), (x, y)),
        torch.autograd.grad((expected**2).sum(), (b, y)),
        strict=True,
    )
    for one, other in pairs:
        torch.testing.assert_close(full(one), other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_bfloat16_and_half_have_gradients(layout: str) -> None:
    for dtype in (torch.bfloat16, torch.float16):
        x = sparse(dense((4, 6), 0).to(dtype), layout).requires_grad_()
        y = dense((6, 3), 1).to(dtype).requires_grad_()
        er.einsum("ij,jk->ik", x, y).sum().backward()
        assert x.grad.dtype is dtype
        assert y.grad.dtype is dtype


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_dense_operand_may_be_transformed(layout: str) -> None:
    s, y = sparse(dense((4, 6), 0) * pattern((4, 6), 0), layout), dense((5, 6, 3), 1)
    x = full(s)
    got = torch.func.vmap(lambda t: er.einsum("ij,jk->ik", s, t))(y)
    torch.testing.assert_close(got, x @ y)
    back = torch.func.jacrev(lambda t: er.matmul(s, t))(y[0])
    torch.testing.assert_close(back, torch.func.jacrev(lambda t: x @ t)(y[0]))
    torch.testing.assert_close(torch.func.jacfwd(lambda t: er.matmul(s, t))(y[0]), back)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(y[0], torch.ones_like(y[0]))
        tangent = torch.autograd.forward_ad.unpack_dual(er.matmul(s, dual)).tangent
    torch.testing.assert_close(tangent, x @ torch.ones_like(y[0]))


def test_no_gradient_is_kept_where_none_is_asked_for() -> None:
    s = sparse(dense((4, 6), 0), "csr").requires_grad_()
    y = dense((6, 3), 1).requires_grad_()
    with torch.no_grad():
        assert not er.matmul(s, y).requires_grad
    assert not er.matmul(s.detach(), y.detach()).requires_grad
    assert er.matmul(s, y.detach()).requires_grad
    assert er.einsum("ij->ji", s).requires_grad


def test_scipys_operands_beside_tensors_with_gradients() -> None:
    scipy_sparse = pytest.importorskip("scipy.sparse")
    x, y = dense((4, 6), 0) * pattern((4, 6), 0), dense((6, 3), 1).requires_grad_()
    er.matmul(scipy_sparse.csr_array(x.numpy()), y).sum().backward()
    torch.testing.assert_close(y.grad, x.sum(0)[:, None].expand(6, 3))
