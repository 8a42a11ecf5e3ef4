"""lstsq, solve, inv and pinv of tensors: NumPy's values and shapes, torch's type, and gradients."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
import scipy.sparse

import einroute as er
import einroute.scipy.linalg
from tests.kinds.torch.helpers import torch

RNG = np.random.default_rng(5)
TALL, WIDE, SQUARE = RNG.standard_normal((7, 4)), RNG.standard_normal((4, 7)), RNG.standard_normal((5, 5))
DEFICIENT = TALL @ np.diag([1.0, 1.0, 0.0, 1.0])


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("a", [TALL, WIDE, SQUARE, DEFICIENT], ids=["tall", "wide", "square", "deficient"])
@pytest.mark.parametrize("columns", [None, 1, 3])
def test_lstsq_agrees_with_numpys(a: Any, columns: int | None, dtype: str, grad: bool) -> None:
    m = a.astype(dtype)
    b = RNG.standard_normal((len(a),) if columns is None else (len(a), columns)).astype(dtype)
    expected = np.linalg.lstsq(m, b)
    x = torch.tensor(m, requires_grad=grad)
    for one, other in ((x, torch.tensor(b)), (x, b), (m, torch.tensor(b, requires_grad=grad))):
        got = er.lstsq(one, other)
        for ours, theirs in zip(got, expected, strict=True):
            assert isinstance(ours, torch.Tensor)
            assert tuple(ours.shape) == np.shape(theirs)
            tolerance = 2e-3 if dtype == "float32" else 1e-9
            np.testing.assert_allclose(ours.detach().numpy(), theirs, rtol=tolerance, atol=tolerance)
        assert got[0].requires_grad == grad


@pytest.mark.parametrize("grad", [False, True])
@pytest.mark.parametrize(
    ("shape_a", "shape_b"),
    [((5, 5), (5,)), ((5, 5), (5, 2)), ((3, 5, 5), (5, 2)), ((2, 2, 2), (2, 2)), ((3, 5, 5), (5,))],
)
def test_solve_agrees_with_numpys(shape_a: Any, shape_b: Any, grad: bool) -> None:
    a, b = RNG.standard_normal(shape_a) + 5 * np.eye(shape_a[-1]), RNG.standard_normal(shape_b)
    got = er.linalg.solve(torch.tensor(a, requires_grad=grad), torch.tensor(b))
    assert isinstance(got, torch.Tensor)
    np.testing.assert_allclose(got.detach().numpy(), np.linalg.solve(a, b), rtol=1e-9)


@pytest.mark.parametrize("grad", [False, True])
def test_inverses_agree_with_numpys(grad: bool) -> None:
    got = er.linalg.inv(torch.tensor(SQUARE, requires_grad=grad))
    np.testing.assert_allclose(got.detach().numpy(), np.linalg.inv(SQUARE), rtol=1e-8)
    for a in (TALL, WIDE, DEFICIENT):
        got = er.linalg.pinv(torch.tensor(a, requires_grad=grad))
        assert isinstance(got, torch.Tensor)
        np.testing.assert_allclose(got.detach().numpy(), np.linalg.pinv(a), atol=1e-9)
        got = er.linalg.pinv(torch.tensor(a, requires_grad=grad), rtol=0.5)
        np.testing.assert_allclose(got.detach().numpy(), np.linalg.pinv(a, rtol=0.5), atol=1e-9)


def test_gradients_of_solvers() -> None:
    a, b = torch.tensor(TALL, requires_grad=True), torch.randn(7, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: er.lstsq(a, b)[0], (a, b))
    m = torch.tensor(SQUARE, requires_grad=True)
    assert torch.autograd.gradcheck(er.linalg.solve, (m, b[:5]))
    assert torch.autograd.gradcheck(er.linalg.inv, (m,))
    assert torch.autograd.gradcheck(er.linalg.pinv, (a,))


def test_where_values_are_not_at_hand() -> None:
    stack = torch.tensor(RNG.standard_normal((3, 7, 4)))
    b = torch.tensor(RNG.standard_normal(7))
    x, residuals, rank, s = torch.func.vmap(lambda a: er.lstsq(a, b))(stack)
    for i, a in enumerate(stack.numpy()):
        expected = np.linalg.lstsq(a, b.numpy())
        for ours, theirs in zip((x[i], residuals[i], rank[i], s[i]), expected, strict=True):
            np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-9)


def test_factors_are_remembered_where_no_gradient_is_asked_for() -> None:
    er.cache_clear()
    a = torch.tensor(RNG.standard_normal((300, 60)))
    for _ in range(5):
        b = RNG.standard_normal(300)
        got = er.lstsq(a, torch.tensor(b))[0]
        np.testing.assert_allclose(got.numpy(), np.linalg.lstsq(a.numpy(), b)[0], rtol=1e-8)
    assert er.cache_info()["hits"] > 0


@pytest.mark.parametrize("grad", [False, True])
def test_bad_operands(grad: bool) -> None:
    a = torch.tensor(SQUARE, requires_grad=grad)
    with pytest.raises(np.linalg.LinAlgError, match="rows"):
        er.lstsq(a, torch.ones(4, dtype=torch.float64))
    with pytest.raises(ValueError, match="rows"):
        er.linalg.solve(a, torch.ones(4, dtype=torch.float64))
    with pytest.raises(np.linalg.LinAlgError, match=r"[Ss]ingular"):
        er.linalg.solve(torch.zeros(3, 3, requires_grad=grad), torch.ones(3))
    with pytest.raises(TypeError, match="float16"):
        er.linalg.inv(torch.eye(3, dtype=torch.float16, requires_grad=grad))
    with pytest.raises(TypeError, match="meta"):
        er.linalg.inv(torch.eye(3, device="meta"))


def test_explain_tells_who_solves() -> None:
    a, b = torch.tensor(SQUARE), torch.ones(5, dtype=torch.float64)
    assert "einroute" in str(er.explain(er.lstsq, a, b))
    assert "torch.linalg.solve" in str(er.explain(er.linalg.solve, a.clone().requires_grad_(), b))


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")  # that such layouts are beta, says torch
def test_what_would_be_copied_to_the_host_is_refused() -> None:
    a, b = torch.tensor(SQUARE), torch.ones(5, dtype=torch.float64)
    for call in (
        lambda: er.lstsq(scipy.sparse.csr_array(SQUARE), b),
        lambda: er.linalg.solve(scipy.sparse.csr_array(SQUARE), b),
        lambda: er.lstsq(a.to_sparse(), b),
        lambda: er.linalg.solve(a.to_sparse_csr(), b),
        lambda: er.linalg.inv(a.to_sparse_csr()),
        lambda: er.linalg.pinv(a.to_sparse()),
        lambda: einroute.scipy.linalg.solve(a, b),
        lambda: einroute.scipy.linalg.lstsq(a, b),
        lambda: er.factorize(a),
        lambda: er.routed(a),
    ):
        with pytest.raises(TypeError):
            call()


def test_factors_take_no_tensor_as_right_side_and_name_the_mend() -> None:
    f, b = er.factorize(SQUARE), torch.ones(5, dtype=torch.float64)
    for call in (
        lambda: f.solve(b),
        lambda: f.lstsq(b.clone().requires_grad_()),
        lambda: er.lstsq(f, b),
        lambda: er.linalg.solve(f, b),
        lambda: einroute.scipy.linalg.solve(f, b),
        lambda: einroute.scipy.linalg.lstsq(f, b),
    ):
        with pytest.raises(TypeError, match="b is a Tensor of torch, and the factors are NumPy's"):
            call()
    with pytest.raises(TypeError, match=r"kind torch; .*torch\.linalg\.lu_factor.*numpy\(force=True\)"):
        er.factorize(torch.tensor(SQUARE))
    got = er.linalg.solve(SQUARE, b)  # as the messages say
    assert isinstance(got, torch.Tensor)
    np.testing.assert_allclose(got.numpy(), f.solve(b.numpy()))


def test_paths_are_found_from_shapes() -> None:
    a = torch.ones(3, 4, dtype=torch.bfloat16)
    assert er.einsum_path("ij,kj->ik", a, a)[0] == ["einsum_path", (0, 1)]


@pytest.mark.parametrize("rcond", [None, -1, 0, 1e-3, 0.5, 1.5])
def test_lstsq_counts_the_rank_as_numpy_does_where_no_factors_are_kept(rcond: float | None) -> None:
    a, b = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0001]]), np.ones(3)
    x, _, rank, _ = np.linalg.lstsq(a, b, rcond)
    traced = torch.tensor(a, requires_grad=True)
    got = er.lstsq(traced, torch.tensor(b), rcond)
    assert int(got[2]) == rank
    np.testing.assert_allclose(got[0].detach().numpy(), x, rtol=1e-6)
    mapped = torch.func.vmap(lambda m: er.lstsq(m, torch.tensor(b), rcond)[0])(torch.tensor(a)[None])
    np.testing.assert_allclose(mapped[0].numpy(), x, rtol=1e-6)


class _Recorded(torch.Tensor):  # type: ignore[misc, name-defined]
    """A class with a say of its own, which keeps what it was asked."""

    asked: ClassVar[list[str]] = []

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        cls.asked.append(getattr(func, "__name__", str(func)))
        return super().__torch_function__(func, types, args, kwargs or {})


@pytest.mark.parametrize("name", ["lstsq", "solve", "inv", "pinv"])
def test_classes_that_override_torch_function_are_asked(name: str) -> None:
    a = torch.eye(3, dtype=torch.float64) * 2
    operands = [a.as_subclass(_Recorded)] + [torch.ones(3, dtype=torch.float64)] * (
        name in {"lstsq", "solve"}
    )
    _Recorded.asked.clear()
    got = getattr(er.linalg, name)(*operands)
    assert "__array__" not in _Recorded.asked  # nothing is copied to the host
    got = got[0] if name == "lstsq" else got
    assert type(got) is _Recorded
    expected = getattr(np.linalg, name)(*(np.asarray(x) for x in operands))
    np.testing.assert_allclose(got.as_subclass(torch.Tensor), expected[0] if name == "lstsq" else expected)


@pytest.mark.parametrize("name", ["lstsq", "solve", "inv", "pinv", "factorize"])
def test_sparse_tensors_are_refused_by_name(name: str) -> None:
    a = torch.eye(3).to_sparse()
    function = getattr(er.linalg, name, None) or getattr(er, name)
    with pytest.raises(TypeError, match="torch_sparse"):
        function(*[a] * (2 if name in {"lstsq", "solve"} else 1))


def test_a_cutoff_may_be_a_tensor() -> None:
    a, b = torch.diag(torch.tensor([1.0, 1e-2])), torch.ones(2)
    assert int(er.lstsq(a, b, rcond=torch.tensor(0.1))[2]) == 1
