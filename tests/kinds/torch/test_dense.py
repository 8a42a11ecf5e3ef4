"""Dense tensors in every contraction: NumPy's values, torch's dtypes and type, and nothing read."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er
from tests.helpers import EXPRESSIONS
from tests.kinds.torch.helpers import DTYPES, NothingRead, as_numpy, numpys_einsum, tensors, torch

GENERATOR = torch.Generator().manual_seed(1)


def randn(*shape: int, dtype: Any = torch.float64) -> Any:
    return torch.randn(*shape, generator=GENERATOR, dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("subscripts", EXPRESSIONS)
def test_einsum_agrees_with_numpy(subscripts: str, dtype: str) -> None:
    operands = tensors(subscripts, dtype)
    with NothingRead():
        got = er.einsum(subscripts, *operands)
    assert type(got) is torch.Tensor
    assert got.dtype is getattr(torch, dtype)
    expected = numpys_einsum(subscripts, *operands)
    assert got.shape == expected.shape
    np.testing.assert_array_equal(as_numpy(got), expected)


@pytest.mark.parametrize(
    "subscripts", ["ij,jk->ik", "ij,jk,kl->il", "i,j->ij", "ij,ij->i", "ii,ij->j", "ij,j->"]
)
@pytest.mark.parametrize("route", ["torch.matmul", "torch.multiply", "torch.einsum"])
def test_every_route_agrees(subscripts: str, route: str) -> None:
    operands = [randn(3, 3)[(slice(None),) * len(t)] if len(t) == 2 else randn(3) for t in
                subscripts.partition("->")[0].split(",")]  # fmt: skip
    with er.config(allow=[route, "torch.multiply"]):
        got = er.einsum(subscripts, *operands)
    np.testing.assert_allclose(got.numpy(), numpys_einsum(subscripts, *operands), rtol=1e-12)


@pytest.mark.parametrize("subscripts", ["ij,jk->ik", "ij,jk,kl->li", "i,ij,jk,k", "ij,ij->ij", "ij,z->ij"])
def test_numpys_arrays_and_scipys_join_in_any_place(subscripts: str) -> None:
    operands = tensors(subscripts, "float64")
    for places in product([False, True], repeat=len(operands)):
        if all(places):
            continue
        mixed = [x.numpy() if numpys else x for x, numpys in zip(operands, places, strict=True)]
        got = er.einsum(subscripts, *mixed)
        assert type(got) is torch.Tensor
        np.testing.assert_array_equal(got.numpy(), numpys_einsum(subscripts, *operands))


@pytest.mark.parametrize("optimize", [True, "greedy", ("greedy", 10**6), ["einsum_path", (0, 1), (0, 1)]])
def test_full_contractions_along_a_path(optimize: Any) -> None:
    operands = tensors("ij,jk,ki", "float32")
    got = er.einsum("ij,jk,ki->", *operands, optimize=optimize)
    assert type(got) is torch.Tensor
    assert got == torch.einsum("ij,jk,ki->", *operands)


PROMOTED = tuple(product(DTYPES, repeat=2))


@pytest.mark.parametrize(("one", "other"), PROMOTED)
def test_promotion_is_torchs(one: str, other: str) -> None:
    a, b = tensors("ij", one)[0], tensors("jk", other, 1)[0]
    wanted = torch.promote_types(a.dtype, b.dtype)
    got = er.einsum("ij,jk->ik", a, b)
    assert got.dtype is wanted
    torch.testing.assert_close(got, torch.as_tensor(numpys_einsum("ij,jk->ik", a, b)).to(wanted))
    if other != "bfloat16":
        assert er.einsum("ij,jk->ik", a, b.numpy()).dtype is wanted
        assert er.einsum("jk,ij->ik", b.numpy(), a).dtype is wanted


@pytest.mark.parametrize("scalar", [True, 2, 2.5, 1 + 1j])
@pytest.mark.parametrize("dtype", DTYPES)
def test_python_scalars_are_weak(dtype: str, scalar: Any) -> None:
    x = tensors("i", dtype)[0]
    if torch.result_type(x, scalar) is torch.complex32:
        with pytest.raises(TypeError, match=r"complex32.*complex64"):
            er.einsum("i,->i", x, scalar)
        assert er.einsum("i,->i", x, scalar, dtype=torch.complex128).dtype is torch.complex128
        return
    got = er.einsum("i,->i", x, scalar)
    assert got.dtype is torch.result_type(x, scalar)
    torch.testing.assert_close(got, x * scalar if dtype != "bool" or scalar is not True else x)


def test_dtype_is_taken_by_torchs_and_numpys_names_and_casting_holds() -> None:
    a, b = tensors("ij,jk", "int32")
    assert er.einsum("ij,jk->ik", a, b, dtype=torch.bfloat16, casting="same_kind").dtype is torch.bfloat16
    assert er.einsum("ij,jk->ik", a, b, dtype="f8").dtype is torch.float64
    with pytest.raises(TypeError, match=r"operand 0.*int32.*casting='safe'"):
        er.einsum("ij,jk->ik", a, b, dtype=torch.int8)
    with pytest.raises(TypeError, match="expected one that torch has products of"):
        er.einsum("ij,jk->ik", a, b, dtype=np.longdouble)


@pytest.mark.parametrize("dtype", DTYPES)
def test_ints_of_more_than_64_bits_are_refused_as_by_torch(dtype: str) -> None:
    x = tensors("i", dtype)[0]
    for value in (2**63, 2**64, -(2**63) - 1, 10**40):
        with pytest.raises(OverflowError, match=r"operand 1 \(a Python int\) is out of range.*float"):
            er.einsum("i,->i", x, value)
    with pytest.raises(OverflowError):
        torch.mul(x, 10**40)
    torch.testing.assert_close(er.einsum("i,->i", x, 2**40), torch.mul(x, 2**40))


WITHOUT_PRODUCTS = (
    (lambda x: x.to(torch.float8_e4m3fn), "float8_e4m3fn", "float32"),
    (lambda x: x.to(torch.float8_e5m2), "float8_e5m2", "float32"),
    (lambda x: x.to(torch.complex32), "complex32", "complex64"),
    (lambda x: x.to(torch.uint16), "uint16", "int64"),
    (lambda x: x.to(torch.uint64), "uint64", "int64"),
    (lambda x: torch.quantize_per_tensor(x, 0.1, 0, torch.qint8), "qint8", "dequantize"),
    (lambda x: torch.empty(3, 3, dtype=torch.int4), "int4", "uint8"),
    (lambda x: torch.empty(3, 3, dtype=torch.bits8), "bits8", "uint8"),
)


@pytest.mark.parametrize(("make", "name", "mend"), WITHOUT_PRODUCTS)
@pytest.mark.filterwarnings("ignore:.*(ComplexHalf|quantiz):UserWarning")
def test_dtypes_without_products_are_named_with_their_mend(make: Any, name: str, mend: str) -> None:
    f = torch.ones(3, 3)
    x = make(f)
    for call, where in (
        (lambda: er.matmul(x, f), "operand 0"),
        (lambda: er.einsum("ij,jk->ik", f, x), "operand 1"),
        (lambda: er.contract("ij,jk->ik", f, x), "operand 1"),
        (lambda: er.linalg.solve(x, f), "operand 0"),
        (lambda: er.rolled(x, 2), "b"),
        (lambda: er.pairwise_difference(f, x), "y"),
    ):
        with pytest.raises(TypeError, match=rf"{where}.* has dtype torch.{name}, of which.*{mend}"):
            call()
    with pytest.raises(TypeError, match=rf"dtype is torch.{name}, expected one that torch has products of"):
        er.matmul(f, f, dtype=x.dtype)


@pytest.mark.parametrize("dtype", ["uint16", "uint64", "longdouble", "datetime64[s]", "U3", "O"])
def test_numpys_dtypes_without_products_are_named(dtype: str) -> None:
    f, x = torch.ones(3, 3), np.ones((3, 3)).astype(dtype)
    for pair, where in (((f, x), 1), ((x, f), 0)):
        with pytest.raises(TypeError, match=rf"operand {where}.* has dtype .*astype"):
            er.matmul(*pair)


CALLS_CAST = (
    lambda a, b, **kw: er.einsum("ij,jk->ik", a, b, **kw),
    lambda a, b, **kw: er.einsum("ij,jk->ik", a, b, optimize=True, **kw),
    lambda a, b, **kw: er.contract("ij,jk->ik", a, b, **kw),
    er.matmul,
)


@pytest.mark.parametrize("casting", ["no", "equiv", "safe", "same_kind", "unsafe"])
@pytest.mark.parametrize("call", CALLS_CAST)
def test_casting_without_dtype_holds(call: Any, casting: str) -> None:
    """Under "no" and "equiv" nothing is cast; what promotes is cast under the others."""
    a, b = tensors("ij", "int32")[0], tensors("ij", "float32")[0]
    a, b = a[:2, :2], b[:2, :2]
    for one, other in ((a, b), (b, a)):
        for _ in range(2):  # understood, and found again
            if casting in {"no", "equiv"}:
                with pytest.raises(TypeError, match=rf"operand [01] has dtype int32.*float32.*{casting}"):
                    call(one, other, casting=casting)
            else:
                assert call(one, other, casting=casting).dtype == torch.float32
        assert call(one, one, casting=casting).dtype == one.dtype
    with pytest.raises(ValueError, match="casting is 'best'"):
        call(a, b, casting="best")


@pytest.mark.parametrize("casting", ["no", "safe", "same_kind"])
def test_weak_operands_are_cast_under_every_rule_that_their_kind_fits(casting: str) -> None:
    a, b = tensors("ij", "int32")[0], tensors("ij", "float32")[0]
    a, b = a[:2, :2], b[:2, :2]
    for scalar, x in ((2, a), (2, b), (2.5, b), (True, a)):
        assert er.einsum("ij,->ij", x, scalar, casting=casting).dtype == x.dtype
        assert er.einsum("ij,->ij", x, scalar, dtype=str(x.dtype).removeprefix("torch.")).dtype == x.dtype
    with pytest.raises(TypeError, match=r"operand 1.*float64.*int32"):
        er.einsum("ij,->ij", a, 2.5, dtype="int32", casting=casting)


PRODUCTS = (
    ("tensordot", (3, 4, 5), (5, 2), {"axes": 1}),
    ("tensordot", (3, 4, 5), (4, 3, 2), {"axes": ([0, 1], [1, 0])}),
    ("tensordot", (3, 4), (2,), {"axes": 0}),
    ("dot", (3, 4), (4, 5), {}),
    ("dot", (2, 3, 4), (5, 4, 2), {}),
    ("dot", (4,), (4,), {}),
    ("inner", (2, 3, 4), (5, 4), {}),
    ("outer", (3,), (4,), {}),
    ("outer", (3, 2), (4,), {}),
    ("vdot", (3,), (3,), {}),
    ("vdot", (3, 2), (3, 2), {}),
    ("vdot", (3, 2), (6,), {}),
    ("matmul", (5, 3, 4), (4, 2), {}),
    ("matmul", (5, 1, 3, 4), (2, 4, 2), {}),
    ("matmul", (4,), (4, 2), {}),
    ("vecdot", (5, 4), (4,), {}),
    ("matvec", (5, 3, 4), (4,), {}),
    ("vecmat", (3,), (5, 3, 4), {}),
    ("linalg.matmul", (3, 4), (4, 2), {}),
    ("linalg.outer", (3,), (4,), {}),
    ("linalg.tensordot", (3, 4), (4, 2), {"axes": 1}),
    ("linalg.vecdot", (3, 4), (3, 4), {}),
)


@pytest.mark.parametrize("dtype", ["float64", "complex128", "int64"])
@pytest.mark.parametrize(("name", "a", "b", "options"), PRODUCTS)
def test_products_agree_with_numpys(name: str, a: Any, b: Any, options: dict[str, Any], dtype: str) -> None:
    kind = getattr(torch, dtype)
    x, y = ((randn(*s) * 10).to(kind) + (1j * randn(*s).to(kind) if kind.is_complex else 0) for s in (a, b))
    ours, numpys = er, np
    for part in name.split("."):
        ours, numpys = getattr(ours, part), getattr(numpys, part)
    expected = numpys(x.numpy(), y.numpy(), **options)
    for one, other in ((x, y), (x.numpy(), y), (x, y.numpy())):
        with NothingRead():
            got = ours(one, other, **options)
        assert type(got) is torch.Tensor
        assert got.dtype is kind
        assert got.shape == np.shape(expected)
        np.testing.assert_allclose(got.resolve_conj().numpy(), expected, rtol=1e-12)


def test_chains_and_powers() -> None:
    a, b, c = randn(3, 4), randn(4, 5), randn(5)
    got = er.linalg.multi_dot([a, b.numpy(), c])
    np.testing.assert_allclose(got.numpy(), np.linalg.multi_dot([a.numpy(), b.numpy(), c.numpy()]))
    m = randn(3, 3)
    for n in (0, 1, 2, 5):
        got = er.linalg.matrix_power(m, n)
        assert type(got) is torch.Tensor
        np.testing.assert_allclose(got.numpy(), np.linalg.matrix_power(m.numpy(), n), rtol=1e-10)


def test_views_share_memory_and_nothing_is_written_to() -> None:
    x = randn(3, 3)
    kept = x.clone()
    for subscripts in ("ij->ij", "ij->ji", "ii->i"):
        view = er.einsum(subscripts, x)
        assert view.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
        assert view is not x
    er.einsum("ij,jk,kl->il", x, x, x)
    assert torch.equal(x, kept)


class OwnSay(torch.Tensor):
    """A class that overrides ``__torch_function__``."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return super().__torch_function__(func, types, args, kwargs or {})


@pytest.mark.parametrize("subscripts", ["kk,kl,j->", "kk,kl,lj->j", "ii->i", "iij,jk->k", "ij,j->i"])
@pytest.mark.parametrize("dtype", ["float64", "complex128", "int32"])
def test_repeated_labels_of_a_class_of_its_own(subscripts: str, dtype: str) -> None:
    operands = [
        torch.ones([3 if c in "kij" else 4 for c in term], dtype=getattr(torch, dtype))
        for term in subscripts.partition("->")[0].split(",")
    ]
    got = er.einsum(subscripts, operands[0].as_subclass(OwnSay), *operands[1:])
    assert type(got) is OwnSay
    assert got.dtype is operands[0].dtype
    np.testing.assert_array_equal(
        as_numpy(got.as_subclass(torch.Tensor)), numpys_einsum(subscripts, *operands)
    )


ORDERS = [(x, y) for x in ("C", "F", "both", "NumPy C", "NumPy F") for y in ("C", "F", "neither")]


def laid_out(how: str, *shape: int) -> Any:
    x = torch.arange(float(shape[0] * shape[1])).reshape(shape)
    if "F" in how:
        x = x.mT.contiguous().mT
    if how == "both":
        return x[:, :1].contiguous().expand(shape[0], 1)
    if how == "neither":
        return x.repeat(1, 2)[:, ::2]
    return x.numpy() if "NumPy" in how else x


@pytest.mark.parametrize("call", ["einsum", "matmul"])
@pytest.mark.parametrize("order", ["A", "a"])
def test_order_a_is_f_where_every_operand_is(order: str, call: str) -> None:
    # One shape in every layout, one after the other: none is found under the key of another.
    for x, y in ORDERS:
        a = laid_out(x, 3, 4)
        b = laid_out(y, a.shape[1], 5)
        flags = [np.asarray(operand).flags.f_contiguous for operand in (a, b)]
        got = er.einsum("ij,jk->ik", a, b, order=order) if call == "einsum" else er.matmul(a, b, order=order)
        assert got.mT.is_contiguous() == all(flags), (x, y)
        assert got.is_contiguous() != all(flags), (x, y)
        np.testing.assert_array_equal(got.numpy(), np.asarray(a) @ np.asarray(b))


def test_order_a_of_sparse_tensors_is_that_of_the_others() -> None:
    s, b = torch.eye(4).to_sparse(), laid_out("F", 4, 5)
    assert er.einsum("ij,jk->ik", s, b, order="A").mT.is_contiguous()
    assert er.einsum("ij,jk->ik", s, b.contiguous(), order="A").is_contiguous()


@pytest.mark.parametrize("make", ["meta", "fake", "meta beside the host", "meta beside NumPy"])
def test_tensors_without_elements_are_explained(make: str) -> None:
    a, b = torch.ones(300, 400), torch.ones(400, 500)
    expected = er.explain("ij,jk->ik", a, b)
    fakes = pytest.importorskip("torch._subclasses.fake_tensor")
    given: dict[str, Any] = {
        "meta": lambda: (a.to("meta"), b.to("meta")),
        "fake": lambda: tuple(map(fakes.FakeTensorMode().from_tensor, (a, b))),
        "meta beside the host": lambda: (a, b.to("meta")),
        "meta beside NumPy": lambda: (a.numpy(), b.to("meta")),
    }
    told = er.explain("ij,jk->ik", *given[make]())
    assert told.routes == expected.routes == ("torch.matmul",)
    assert str(told) == str(expected)
    assert er.explain(er.matmul, *given[make]()).routes == er.explain(er.matmul, a, b).routes


@pytest.mark.parametrize("order", ["C", "F"])
def test_order_is_the_results(order: str) -> None:
    a, b = randn(3, 4), randn(4, 5)
    got = er.einsum("ij,jk->ki", a, b, order=order)
    assert got.is_contiguous() == (order == "C")
    assert got.mT.is_contiguous() == (order == "F")
    torch.testing.assert_close(got, (a @ b).mT)


@pytest.mark.parametrize(
    "subscripts", ["ij,jk->ik", "ij,jk->", "ii->i", "ab,cbe,ae->ac", "i,j->ij", "ij,ij->i", "ijk,kl,ijl->ij"]
)
def test_gradients(subscripts: str) -> None:
    sizes = {"a": 2, "b": 3, "c": 4, "e": 2, "i": 3, "j": 3, "k": 2, "l": 4}
    operands = [randn(*(sizes[c] for c in term)).requires_grad_() for term in
                subscripts.partition("->")[0].split(",")]  # fmt: skip
    assert torch.autograd.gradcheck(lambda *x: er.einsum(subscripts, *x), operands)
    assert torch.autograd.gradgradcheck(lambda *x: er.einsum(subscripts, *x), operands)


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # of torch's own, where it is first used
def test_transforms_of_functions() -> None:
    a, b = randn(5, 3, 4), randn(4, 2)
    torch.testing.assert_close(torch.func.vmap(lambda x: er.einsum("ij,jk->ik", x, b))(a), a @ b)
    torch.testing.assert_close(
        torch.func.grad(lambda x: er.tensordot(x, b, 1).sum())(a[0]), b.sum(1).expand(3, 4)
    )
    got = torch.func.jacrev(lambda x: er.matmul(x, b))(a[0])
    torch.testing.assert_close(got, torch.func.jacfwd(lambda x: er.matmul(x, b))(a[0]))


def test_fake_tensors_are_traced() -> None:
    fake = pytest.importorskip("torch._subclasses.fake_tensor")
    with fake.FakeTensorMode():
        got = er.einsum("ij,jk->ik", torch.empty(3, 4), torch.empty(4, 5))
        assert type(got) is fake.FakeTensor
        assert got.shape == (3, 5)


def test_traced_with_symbolic_sizes() -> None:
    proxies = pytest.importorskip("torch.fx.experimental.proxy_tensor")
    a, b = randn(3, 4), randn(4, 5)
    graph = proxies.make_fx(lambda a, b: er.einsum("ij,jk->ik", a, b), tracing_mode="symbolic")(a, b)
    assert "mm" in graph.code
    torch.testing.assert_close(graph(a, b), a @ b)


class Overriding(torch.Tensor):
    """A class with a say of its own."""

    called: ClassVar[list[Any]] = []

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        cls.called.append(func)
        return super().__torch_function__(func, types, args, kwargs or {})


class Inheriting(torch.Tensor):
    """A class that overrides nothing."""


def test_classes_that_override_are_given_torchs_einsum() -> None:
    a, b = randn(3, 4), randn(4, 5)
    for call, expected in (
        (lambda x: er.einsum("ij,jk,kl->il", x, b, b.mT), a @ b @ b.mT),
        (lambda x: er.matmul(b.mT, x.mT), b.mT @ a.mT),
        (lambda x: er.einsum("ij,jk->ik", x, b.numpy()), a @ b),
    ):
        Overriding.called.clear()
        got = call(a.as_subclass(Overriding))
        assert Overriding.called.count(torch.einsum) == 1
        assert type(got) is Overriding
        torch.testing.assert_close(got.as_subclass(torch.Tensor), expected)


def test_other_classes_are_tensors() -> None:
    a, b = randn(3, 4), randn(4, 5)
    assert type(er.matmul(a.as_subclass(Inheriting), b)) is Inheriting
    got = er.matmul(torch.nn.Parameter(a), b)
    assert type(got) is torch.Tensor
    assert got.requires_grad


def test_explain_shows_the_calls() -> None:
    a, b = randn(30, 40), randn(40, 50)
    text = str(er.explain("ij,jk->ik", a, b))
    assert "torch.matmul" in text
    assert er.explain(er.tensordot, a, b, axes=1).routes == ("torch.matmul",)
    assert er.explain(er.matmul, a, b).routes == ("torch.matmul",)
    assert "bfloat16" in str(er.explain("ij,jk->ik", a.bfloat16(), b.bfloat16()))


def test_record_tells_of_the_routes() -> None:
    a, b = randn(30, 40), randn(40, 50)
    with er.record() as recorded:
        er.einsum("ij,jk->ik", a, b)
    assert "torch.matmul" in str(recorded)


BAD = (
    (lambda a: er.einsum("ij,jk->ik", a, torch.empty(4, 5, device="meta")), "operand 1.*meta.*empty_like"),
    (lambda a: er.einsum("ij,jk->ik", a, torch.ones(4, 5, dtype=torch.uint32)), r"uint32.*x\.to\("),
    (lambda a: er.einsum("ij,jk->ik", a, np.ones((4, 5), np.uint32)), "uint32.*convert"),
    (lambda a: er.einsum("ij,jk->ik", a, np.ones((4, 5), np.longdouble)), "convert"),
    (lambda a: er.einsum("ij,jk->ik", a, a.T.to(torch.float8_e4m3fn)), "operand 1.*float8"),
    (lambda a: er.einsum("ij,jk->ik", a, a.T, out=np.zeros((3, 3))), "out"),
    (lambda a: er.einsum("ij,jk->ik", a, a.T, out=torch.zeros(3, 3)), "out is of type Tensor"),
    (lambda a: er.matmul(a, a.T, out=torch.zeros(3, 3)), "out is of type Tensor"),
    (lambda a: er.matmul(a, a.T, out=np.zeros((3, 3))), "out"),
    (lambda a: er.einsum("ij,jk->ik", np.ones((3, 4)), np.ones((4, 5)), out=torch.zeros(3, 5)), "rray"),
    (lambda a: er.einsum("ij,jk->ik", a, a.T, out=np.zeros((3, 3), "f4")), "call without out"),
    (lambda a: er.einsum("ij,jk->ik", a, a.T, out=torch.zeros(3, 3)), "call without out"),
    (lambda a: er.einsum("ij,jk->ik", a, object()), "operand 1.*object"),
    (lambda a: er.einsum("ij,jk->ik", a, np.array(["x"] * 4)[:, None]), "operand 1"),
)  # fmt: skip


@pytest.mark.parametrize(("call", "message"), BAD)
def test_bad_operands_are_named(call: Any, message: str) -> None:
    a = randn(3, 4)
    kept = a.clone()
    with pytest.raises(TypeError, match=message):
        call(a)
    assert torch.equal(a, kept)


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
def test_nested_tensors_are_refused() -> None:
    nested = torch.nested.nested_tensor([torch.ones(2), torch.ones(3)])
    for call in (lambda: er.einsum("ij,jk->ik", nested, torch.ones(3, 3)), lambda: er.linalg.inv(nested)):
        with pytest.raises(TypeError, match=r"nested.*pad"):
            call()


def test_dtypes_by_name() -> None:
    a = torch.ones(2, 3)
    for name in ("bfloat16", torch.bfloat16):
        assert er.einsum("ij->i", a, dtype=name, casting="same_kind").dtype is torch.bfloat16


def test_bad_shapes_are_named() -> None:
    a = randn(3, 4)
    with pytest.raises(ValueError, match="j"):
        er.einsum("ij,jk->ik", a, a)
    with pytest.raises(ValueError, match="4"):
        er.matmul(a, a)
    with pytest.raises(ValueError):
        er.einsum("ij,jkl->ik", a, a)


LABELS = "abcd"


@st.composite
def contractions(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]]]:
    """Subscripts of one to four operands, labels repeated and broadcast, and shapes that fit."""
    sizes = {c: draw(st.integers(0, 4)) for c in LABELS}
    terms = draw(st.lists(st.text(LABELS, max_size=3), min_size=1, max_size=4))
    used = sorted(set("".join(terms)))
    output = "".join(
        draw(st.permutations(draw(st.lists(st.sampled_from(used), unique=True)) if used else []))
    )
    shapes = []
    for term in terms:
        ones = {c for c in set(term) if term.count(c) == 1 and draw(st.integers(0, 5)) == 0}
        shapes.append(tuple(1 if c in ones else sizes[c] for c in term))
    return f"{','.join(terms)}->{output}", shapes


@settings(deadline=None, max_examples=150)
@given(contractions(), st.integers(0, 2**32 - 1), st.sampled_from(["float64", "int64", "bool"]))
def test_random_contractions_agree_with_numpy(drawn: Any, seed: int, dtype: str) -> None:
    subscripts, shapes = drawn
    rng = np.random.default_rng(seed)
    arrays = [rng.integers(-3, 4, shape).astype(dtype) for shape in shapes]
    try:
        expected = np.einsum(subscripts, *arrays)
    except ValueError as error:
        with pytest.raises(type(error)):
            er.einsum(subscripts, *map(torch.as_tensor, arrays))
        return
    got = er.einsum(subscripts, *map(torch.as_tensor, arrays))
    assert got.shape == np.shape(expected)
    np.testing.assert_array_equal(got.numpy(), expected)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_operand_orders_give_one_value(order: tuple[int, ...]) -> None:
    terms, operands = ["ab", "cbe", "ae"], [randn(3, 4), randn(5, 4, 2), randn(3, 2)]
    text = ",".join(terms[i] for i in order) + "->ac"
    got = er.einsum(text, *(operands[i] for i in order))
    torch.testing.assert_close(got, torch.einsum("ab,cbe,ae->ac", *operands))


def test_memory_limit_is_kept_or_refused() -> None:
    a, b, c = (torch.rand(40, 40, dtype=torch.float64) for _ in range(3))
    with er.config(memory_limit=40 * 40 * 8):
        torch.testing.assert_close(er.einsum("ij,jk,kl->il", a, b, c), a @ b @ c)
    with (
        er.config(memory_limit=1000),
        pytest.raises(er.NoRoute, match=r"memory_limit is 1000 .* torch\.Tensor"),
    ):
        er.einsum("ij,jk,kl->il", a, b, c)


def test_three_operands_in_one_step_store_no_product_of_all() -> None:
    a, b, c = (torch.rand(300, 300, dtype=torch.float64) for _ in range(3))
    path = ["einsum_path", (0, 1, 2)]
    assert er.explain("ij,jk,kl->il", a, b, c, optimize=path).routes == ("torch.einsum",)
    torch.testing.assert_close(er.einsum("ij,jk,kl->il", a, b, c, optimize=path), a @ b @ c)
