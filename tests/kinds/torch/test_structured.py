"""Structured operands of tensors, and those of NumPy's arrays beside tensors: values of them written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er
from tests.kinds.torch.helpers import NothingRead, torch
from tests.kinds.torch.sparse_helpers import full

D, M, N, K, R, C = 8, 4, 5, 3, 3, 5
LABELS = np.array([0, 2, 1, 2, -1, 0, 5, 2])


def array(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(float)


def tensor(x: Any) -> Any:
    return torch.tensor(np.asarray(x))


def one_hot(labels: Any, depth: int = R) -> np.ndarray[Any, Any]:
    return (np.asarray(labels)[..., None] == np.arange(depth)).astype(float)


def rolled(b: Any, k: int, axis: int = 0, step: int = 1) -> np.ndarray[Any, Any]:
    return np.stack([np.roll(np.asarray(b), -step * j, axis) for j in range(k)], axis + 1)


def difference(x: Any, y: Any = None) -> np.ndarray[Any, Any]:
    x, y = np.asarray(x), np.asarray(x if y is None else y)
    return x[:, None] - y[None]


#: Subscripts, the structured operand of torch's tensors, of NumPy's arrays, written out; and the others.
CASES: dict[str, tuple[str, Any, Any, Any, list[Any]]] = {}


def _case(name: str, subscripts: str, make: Any, written: Any, of: list[Any], *others: Any) -> None:
    CASES[name] = (
        subscripts,
        lambda: make(*map(tensor, of)),
        lambda: make(*of),
        written(*of),
        list(others),
    )


for _name, _subscripts, *_others in (
    ("segment sum", "tr,tc->rc", array(D, C)),
    ("gather", "tr,rc->tc", array(R, C)),
    ("count", "tr->r"),
    ("row", "tr->t"),
    ("weighted count", "tr,t->r", array(D)),
    ("gather of vector", "tr,r->t", array(R)),
    ("three", "tr,rc,c->t", array(R, C), array(C)),
    ("outer", "tr,c->trc", array(C)),
    ("masked", "tr,tr->tr", array(D, R)),
    ("class sums", "tr,tr->r", array(D, R)),
):
    _case(_name, _subscripts, lambda x: er.one_hot(x, R), one_hot, [LABELS], *_others)
_case("table", "tr,tc->rc", lambda x: er.one_hot(x, R), one_hot, [LABELS], one_hot(LABELS[::-1]))
_case(
    "labels of two axes",
    "abr,rc->abc",
    lambda x: er.one_hot(x, R),
    one_hot,
    [LABELS.reshape(4, 2)],
    array(R, C),
)
_case("one label", "r,rc->c", lambda x: er.one_hot(x, R), one_hot, [np.array(2)], array(R, C))
for _name, _subscripts, *_others in (
    ("ring", "imn,ijn->ijm", array(D, M, N)),
    ("correlation", "j,ijn->in", array(K)),
    ("over the ring", "in,ijn->jn", array(D, N)),
    ("all", "ijn->"),
    ("kept", "ijn->nji"),
    ("elementwise", "ijn,ijn->ijn", array(D, K, N)),
    ("diagonal", "iin->in"),
):
    if _name == "diagonal":
        _case(_name, _subscripts, lambda b: er.rolled(b, D), lambda b: rolled(b, D), [array(D, N, seed=1)])
    else:
        _case(
            _name,
            _subscripts,
            lambda b: er.rolled(b, K),
            lambda b: rolled(b, K),
            [array(D, N, seed=1)],
            *_others,
        )
for _k, _axis, _step in ((11, 0, 1), (3, 0, -2), (3, 1, 3), (4, 0, 0), (30, 0, 5), (2, 1, 1)):
    _case(f"rolled {_k} {_axis} {_step}", "nji,j->ni" if _axis == 0 else "nij,j->ni",
          lambda b, k=_k, a=_axis, s=_step: er.rolled(b, k, axis=a, step=s),
          lambda b, k=_k, a=_axis, s=_step: rolled(b, k, a, s), [array(D, N, seed=1)],
          array(_k))  # fmt: skip
for _name, _subscripts, *_others in (
    ("distances", "ijk,ijk->ij"),
    ("metric", "ijk,kl,ijl->ij", array(6, 6)),
    ("turned", "ijk,lk,ijl->ji", array(6, 6)),
    ("weighted", "ijk,ij->ik", array(D, C)),
    ("sum", "ijk->k"),
    ("kept", "ijk->kij"),
    ("force", "ijk,ij->jk", array(D, C)),
):
    CASES[f"difference {_name}"] = (_subscripts, None, None, None, list(_others))


def operands(name: str, *, numpys: bool = False) -> tuple[str, list[Any], list[Any]]:
    """Subscripts, operands, and the same written out."""
    subscripts, make, of_arrays, written, others = CASES[name]
    if make is None:
        x, y = array(D, 6, seed=2), array(C, 6, seed=3)
        d = er.pairwise_difference(x, y) if numpys else er.pairwise_difference(tensor(x), tensor(y))
        w = difference(x, y)
        terms = subscripts.partition("->")[0].split(",")
        given_operands, plain, rest = [], [], iter(others)
        for term in terms:
            is_difference = term[:2] == "ij" and len(term) == 3
            value = None if is_difference else next(rest)
            given_operands.append(d if is_difference else tensor(value))
            plain.append(w if is_difference else value)
        return subscripts, given_operands, plain
    place = (
        len(subscripts.partition("->")[0].split(",")) - 1
        if subscripts.startswith(("imn", "j,ijn", "in,"))
        else 0
    )
    own = of_arrays() if numpys else make()
    given_operands, plain = list(map(tensor, others)), list(others)
    given_operands.insert(place, own)
    plain.insert(place, written)
    return subscripts, given_operands, plain


@pytest.mark.parametrize("name", sorted(CASES))
def test_values_are_those_of_the_operand_written_out(name: str) -> None:
    subscripts, given_operands, plain = operands(name)
    got = er.einsum(subscripts, *given_operands)
    assert type(got) is torch.Tensor
    np.testing.assert_allclose(got.double().numpy(), np.einsum(subscripts, *plain), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", sorted(n for n, case in CASES.items() if case[4]))
def test_structured_operands_of_numpys_join(name: str) -> None:
    subscripts, given_operands, plain = operands(name, numpys=True)
    got = er.einsum(subscripts, *given_operands)
    assert type(got) is torch.Tensor
    np.testing.assert_allclose(got.double().numpy(), np.einsum(subscripts, *plain), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("route", ["torch_structured.rollings", "torch_structured.written"])
@pytest.mark.parametrize("name", ["ring", "correlation", "over the ring", "elementwise", "rolled 30 0 5"])
def test_every_route_of_rolled_tensors_agrees(name: str, route: str) -> None:
    subscripts, given_operands, plain = operands(name)
    with er.config(allow=route):
        assert er.explain(subscripts, *given_operands).routes == (route,)
        got = er.einsum(subscripts, *given_operands)
    np.testing.assert_allclose(got, np.einsum(subscripts, *plain), rtol=1e-12)


TRANSFORMED = (("ijn,jn->i", 0), ("nmj,ijn->mni", 1), ("ijn,in->jn", 0), ("mi,ijn->nmj", 1))


def numbers(*shape: int, dtype: Any = torch.float64) -> Any:
    generator = torch.Generator().manual_seed(len(shape))
    return torch.randn(*shape, generator=generator, dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.complex64, torch.complex128])
@pytest.mark.parametrize(("subscripts", "at"), TRANSFORMED)
def test_rolled_by_transforms(subscripts: str, at: int, dtype: Any) -> None:
    """Values and gradients; under vmap, where values are not at hand."""
    sizes = {"i": 7, "n": 3, "m": 2}
    for k, step in ((12, 1), (20, -2), (40, 0)):
        sizes["j"] = k
        term = subscripts.split("->", maxsplit=1)[0].split(",")[1 - at]
        base, other = (
            numbers(7, 3, dtype=dtype).abs() + 1,
            numbers(*(sizes[c] for c in term), dtype=dtype).abs() + 1,
        )
        base, other = base.to(dtype), other.to(dtype)

        def call(base: Any, other: Any) -> Any:
            given_operands = [other]
            given_operands.insert(at, er.rolled(base, k, step=step))  # noqa: B023 - called here
            return er.einsum(subscripts, *given_operands)

        plain = [other.numpy()]
        plain.insert(at, rolled(base.numpy(), k, step=step))
        expected = np.einsum(subscripts, *plain)
        tolerance = 1e-5 if dtype in (torch.float32, torch.complex64) else 1e-12
        with er.config(allow="torch_structured.rolled_fft"):
            got = call(base, other)
            assert got.dtype is dtype
            np.testing.assert_allclose(got, expected, rtol=tolerance)
            stacked = torch.func.vmap(call)(torch.stack([base, base]), torch.stack([other, 2 * other]))
            np.testing.assert_allclose(stacked[1], 2 * expected, rtol=tolerance)
            if tolerance < 1e-6 and step == 1:
                leaves = [x.clone().requires_grad_() for x in (base, other)]
                assert torch.autograd.gradcheck(call, leaves)
                assert torch.autograd.gradgradcheck(call, leaves)


def test_transforms_are_left_to_data_that_they_are_exact_for() -> None:
    b, a = numbers(4000), numbers(2000)
    wide = torch.cat([b[:2000] * 1e-12, b[2000:]])
    lost = b.clone()
    lost[5] = torch.nan
    for base, transformed in ((b, True), (wide, False), (lost, False)):
        with er.record() as told:
            got = er.einsum("ij,j->i", er.rolled(base, 2000), a)
        assert (told.records[0].routes == ("torch_structured.rolled_fft",)) == transformed
        expected = rolled(base.numpy(), 2000) @ a.numpy()
        np.testing.assert_allclose(got, expected, rtol=1e-10 if not transformed else 0, atol=1e-11)
    for dtype in (torch.int64, torch.float16):
        whole = er.rolled(b.to(dtype), 2000), a.to(dtype)
        assert "rolled_fft" not in er.explain("ij,j->i", *whole).routes[0]
    few = er.rolled(numbers(20000), 100), numbers(100)  # of which the bound is never met
    assert "rolled_fft" not in er.explain("ij,j->i", *few).routes[0]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "bfloat16", "float32", "complex128"])
def test_dtypes(dtype: str) -> None:
    kind = getattr(torch, dtype)
    b, a = tensor(array(D, N) % 2).to(kind), tensor(array(D, M, N) % 3).to(kind)
    one, other = (np.asarray(x.float() if dtype == "bfloat16" else x) for x in (a, b))
    got = er.einsum("imn,ijn->ijm", a, er.rolled(b, K))
    assert got.dtype is kind
    expected = np.einsum("imn,ijn->ijm", one, rolled(other, K))
    np.testing.assert_array_equal(got.float() if dtype == "bfloat16" else got, expected)
    h = er.one_hot(tensor(LABELS), R, dtype=kind)
    got = er.einsum("tr,tc->rc", h, b)
    assert got.dtype is kind
    expected = np.einsum("tr,tc->rc", one_hot(LABELS).astype(other.dtype), other)
    np.testing.assert_array_equal(got.float() if dtype == "bfloat16" else got, expected)


@pytest.mark.parametrize("index", [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64])
def test_labels_of_every_integer(index: Any) -> None:
    labels = np.abs(LABELS)
    got = er.einsum("tr,tc->rc", er.one_hot(tensor(labels).to(index), R), tensor(array(D, C)))
    np.testing.assert_array_equal(got, one_hot(labels).T @ array(D, C))


def test_products() -> None:
    h, x = er.one_hot(tensor(LABELS), R), tensor(array(R, C)).float()
    np.testing.assert_allclose(h @ x, one_hot(LABELS) @ array(R, C))
    np.testing.assert_allclose(
        er.tensordot(x, h, ([0], [1])), np.tensordot(array(R, C), one_hot(LABELS), ([0], [1]))
    )
    b = er.rolled(tensor(array(D)), K)
    np.testing.assert_allclose(er.matmul(b, tensor(array(K))), rolled(array(D), K) @ array(K))
    np.testing.assert_allclose(np.asarray(b), rolled(array(D), K))
    np.testing.assert_allclose(np.asarray(h), one_hot(LABELS))
    assert "rolled" in repr(b)


def test_beside_sparse_tensors_and_each_other() -> None:
    h, w = er.one_hot(tensor(LABELS), R, dtype=torch.float64), one_hot(LABELS)
    s = array(R, C)
    for sparse in (tensor(s).to_sparse(), tensor(s).to_sparse_csr(), scipy.sparse.csr_array(s)):
        got = er.einsum("tr,rc->tc", h, sparse)
        assert got.layout is torch.strided
        np.testing.assert_array_equal(got, w @ s)
    b, r = er.rolled(tensor(array(D, N)), K), rolled(array(D, N), K)
    np.testing.assert_array_equal(er.einsum("ir,ijn->rjn", h, b), np.einsum("ir,ijn->rjn", w, r))
    m = array(N, C)
    got = er.einsum("ijn,nc->ijc", b, tensor(m).to_sparse())
    np.testing.assert_array_equal(full(got), np.einsum("ijn,nc->ijc", r, m))
    got = er.einsum("ijn,ijm->nm", b, b)
    np.testing.assert_array_equal(got, np.einsum("ijn,ijm->nm", r, r))
    d = er.pairwise_difference(tensor(array(D, 6)))
    np.testing.assert_array_equal(
        er.einsum("ir,ijk->rjk", h, d), np.einsum("ir,ijk->rjk", w, difference(array(D, 6)))
    )


GRADIENTS = ("ring", "correlation", "over the ring", "rolled 11 0 1", "rolled 30 0 5")


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_of_rolled_tensors(name: str) -> None:
    subscripts, given_operands, _ = operands(name)
    at = next(i for i, x in enumerate(given_operands) if not isinstance(x, torch.Tensor))
    made = given_operands[at]

    def function(base: Any, *others: Any) -> Any:
        of = list(others)
        of.insert(at, er.rolled(base, made.given[0], axis=made.given[1], step=made.given[2]))
        return er.einsum(subscripts, *of)

    rest = [x.requires_grad_() for i, x in enumerate(given_operands) if i != at]
    for route in ("torch_structured.rollings", "torch_structured.written"):
        with er.config(allow=route):
            assert torch.autograd.gradcheck(function, [made.base.clone().requires_grad_(), *rest])
            assert torch.autograd.gradgradcheck(function, [made.base.clone().requires_grad_(), *rest])


@pytest.mark.parametrize("subscripts", ["tr,tc->rc", "tr,rc->tc", "tr,tr->r"])
def test_gradients_beside_one_hot(subscripts: str) -> None:
    term = subscripts[3:5]
    x = tensor(array(*({"t": D, "r": R, "c": C}[c] for c in term))).requires_grad_()
    h = er.one_hot(tensor(LABELS), R, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: er.einsum(subscripts, h, x), [x])
    assert torch.autograd.gradgradcheck(lambda x: er.einsum(subscripts, h, x).sin(), [x])


@pytest.mark.parametrize("subscripts", ["ijk,ijk->ij", "ijk,kl,ijl->ij", "ijk,ij->ik"])
def test_gradients_of_differences(subscripts: str) -> None:
    generator = torch.Generator().manual_seed(0)
    x, y, m = (torch.randn(*s, generator=generator, dtype=torch.float64).requires_grad_()
               for s in ((4, 6), (3, 6), (6, 6)))  # fmt: skip
    w = torch.randn(4, 3, generator=generator, dtype=torch.float64)

    def function(x: Any, y: Any, m: Any) -> Any:
        d = er.pairwise_difference(x, y)
        others = {"ijk,ijk->ij": (d, d), "ijk,kl,ijl->ij": (d, m, d), "ijk,ij->ik": (d, w)}[subscripts]
        return er.einsum(subscripts, *others)

    def plainly(x: Any, y: Any, m: Any) -> Any:
        d = x[:, None] - y[None]
        others = {"ijk,ijk->ij": (d, d), "ijk,kl,ijl->ij": (d, m, d), "ijk,ij->ik": (d, w)}[subscripts]
        return torch.einsum(subscripts, *others)

    torch.testing.assert_close(function(x, y, m), plainly(x, y, m), rtol=1e-12, atol=1e-12)
    got = torch.autograd.grad(function(x, y, m).sin().sum(), (x, y, m), allow_unused=True)
    expected = torch.autograd.grad(plainly(x, y, m).sin().sum(), (x, y, m), allow_unused=True)
    for one, other in zip(got, expected, strict=True):
        if other is not None:
            torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
    assert torch.autograd.gradgradcheck(lambda *a: function(*a).sin(), [x, y, m])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_distances_that_cancel_keep_their_digits(dtype: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(40, 9, generator=generator, dtype=dtype) + 1000
    y = x + 1e-2 * torch.randn(40, 9, generator=generator, dtype=dtype)
    d = er.pairwise_difference(x, y)
    exact = ((x.double()[:, None] - y.double()[None]) ** 2).sum(2)
    with er.config(allow="torch_structured.squared"):
        got = er.einsum("ijk,ijk->ij", d, d)
    assert float(((got.double() - exact) / exact).abs().max()) < 100 * torch.finfo(dtype).eps
    same = er.pairwise_difference(x)
    with er.config(allow="torch_structured.squared"):
        assert er.einsum("ijk,ijk->ij", same, same).diagonal().abs().max() == 0
    many = er.pairwise_difference(torch.ones(500, 20))
    assert er.explain("ijk,ijk->ij", many, many).routes == ("torch_structured.squared",)


def test_blocks_of_points() -> None:
    x, y, w = tensor(array(3000, 2)), tensor(array(1500, 2, seed=1)), tensor(array(3000, 1500, seed=2))
    d = er.pairwise_difference(x, y)
    for subscripts, plain in (
        ("ijk,ij->ik", w.sum(1)[:, None] * x - w @ y),
        ("ijk,ij->jk", (w.mT @ x) - w.sum(0)[:, None] * y),
    ):
        assert "at a time" in str(er.explain(subscripts, d, w))
        torch.testing.assert_close(er.einsum(subscripts, d, w), plain)


def test_transforms_of_functions() -> None:
    h, b = er.one_hot(tensor(LABELS), R, dtype=torch.float64), tensor(array(4, D, N))
    got = torch.func.vmap(lambda t: er.einsum("tr,tc->rc", h, t))(b)
    torch.testing.assert_close(got, torch.einsum("tr,atc->arc", tensor(one_hot(LABELS)), b))
    w = tensor(array(K))
    got = torch.func.vmap(lambda t: er.einsum("j,ijn->in", w, er.rolled(t, K)))(b)
    expected = np.stack([np.einsum("j,ijn->in", w, rolled(t, K)) for t in b])
    np.testing.assert_allclose(got, expected)
    got = torch.func.vmap(lambda t: er.einsum("ijk,ijk->ij", *[er.pairwise_difference(t)] * 2))(b)
    expected = np.stack([(difference(t) ** 2).sum(2) for t in b])
    np.testing.assert_allclose(got, expected)


def test_what_is_not_taken_is_refused_by_name() -> None:
    x = torch.ones(4)
    with pytest.raises(TypeError, match=r"labels have dtype torch\.float32"):
        er.one_hot(x, 3)
    with pytest.raises(ValueError, match="depth"):
        er.one_hot(x.long(), -1)
    with pytest.raises(ValueError, match="k is 0"):
        er.rolled(x, 0)
    with pytest.raises(ValueError, match=r"x has shape \(4,\)"):
        er.pairwise_difference(x)
    with pytest.raises(TypeError, match="bool"):
        er.pairwise_difference(x[:, None] > 0)
    with pytest.raises(TypeError, match="to_dense"):
        er.rolled(torch.ones(3, 3).to_sparse(), 2)
    with pytest.raises(TypeError, match="meta"):
        er.rolled(torch.ones(3, device="meta"), 2)
    with pytest.raises(ValueError, match="second axes"):
        er.pairwise_difference(torch.ones(3, 2), np.ones((3, 4)))


def test_nothing_is_read_of_rolled_tensors() -> None:
    a, b = tensor(array(D, M, N)), er.rolled(tensor(array(D, N)), K)
    with NothingRead():
        er.einsum("imn,ijn->ijm", a, b)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_random_contractions(data: st.DataObject) -> None:
    n = data.draw(st.sampled_from([0, 1, 3, 6]))
    kinds = data.draw(
        st.lists(
            st.sampled_from(["rolled", "one_hot", "difference", "dense", "sparse"]), min_size=1, max_size=3
        )
    )
    if not set(kinds) & {"rolled", "one_hot", "difference"}:
        kinds[0] = "rolled"
    terms, made, plain = [], [], []
    for number, kind in enumerate(kinds):
        seed = data.draw(st.integers(0, 9))
        labels = data.draw(st.permutations("ijk"))
        if kind == "rolled":
            step = data.draw(st.integers(-2, 3))
            b = array(n, n, seed=seed)
            x, w = er.rolled(tensor(b), max(n, 1), step=step), rolled(b, max(n, 1), 0, step)
            if n == 0:
                return
        elif kind == "one_hot":
            t = np.random.default_rng(seed).integers(-1, n + 1, (n, n))
            x, w = er.one_hot(tensor(t), n, dtype=torch.float64), one_hot(t, n)
        elif kind == "difference":
            p = array(n, n, seed=seed)
            x, w = er.pairwise_difference(tensor(p)), difference(p)
        else:
            w = array(*(n,) * 3, seed=seed)
            x = tensor(w).to_sparse() if kind == "sparse" else tensor(w)
        if number and data.draw(st.booleans()):
            labels[2] = labels[0]
        terms.append("".join(labels))
        made.append(x)
        plain.append(w)
    every = sorted(set("".join(terms)))
    output = "".join(data.draw(st.permutations(every))[: data.draw(st.integers(0, len(every)))])
    subscripts = f"{','.join(terms)}->{output}"
    got = er.einsum(subscripts, *made)
    expected = np.einsum(subscripts, *plain)
    assert tuple(got.shape) == np.shape(expected)
    np.testing.assert_allclose(full(got), expected, rtol=1e-11, atol=1e-9)
