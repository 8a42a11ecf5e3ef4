"""Sparse tensors in every contraction: NumPy's values of them written out, and the promised layout."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er
from tests.kinds.torch.helpers import DTYPES, Calls, torch
from tests.kinds.torch.sparse_helpers import LAYOUTS, fits, full, sparse, values_of

pytestmark = pytest.mark.filterwarnings("ignore:Sparse:UserWarning")

SIZES = {"i": 4, "j": 6, "k": 3, "l": 2, "m": 4, "z": 1, "b": 2}
#: The first operand is sparse, and so is each whose place is among the numbers.
EXPRESSIONS = (
    *(("ij,jk->ik", ""), ("ij,ik->jk", ""), ("ij,jk->ki", ""), ("jk,ij->ik", ""), ("ij,j->i", "")),
    *(("ij,i->j", ""), ("ij,ij->", ""), ("ij,ij->i", ""), ("ij,ij->j", ""), ("ij,ij->ij", "")),
    *(("ij,ij->ji", ""), ("ij->ij", ""), ("ij->ji", ""), ("ij->i", ""), ("ij->j", ""), ("ij->", "")),
    *(("ij,k->ijk", ""), ("ij,k->kij", ""), ("ij,->ij", ""), ("ij,k->ij", ""), ("ij,jkl->ikl", "")),
    *(("ij,jkl->lik", ""), ("ij,jl,lk->ik", ""), ("ij,ik,jk->ij", ""), ("ij,ik,jk->", "")),
    *(("ij,ik,jk->i", ""), ("ij,ik,jl->kl", ""), ("ij,ik,jl->ijkl", ""), ("ij,i,j->", "")),
    *(("im->mi", ""), ("ii->i", ""), ("ii->", ""), ("ii,ij->j", ""), ("ii,ij->ij", "")),
    *(("ij,kj->ik", "1"), ("ij,jk->ik", "1"), ("ij,ij->ij", "1"), ("ij,ij->", "1"), ("ij,ik->jk", "1")),
    *(("ij,kl->ijkl", "1"), ("ij,jk,kl->il", "1"), ("ij,jk,kl->il", "12"), ("ij,kj,ik->ik", "1")),
    *(("ij,jk,i->ik", "1"), ("ij,im->jm", "1"), ("zj,jk->zk", ""), ("ij,zj->ij", ""), ("...j,jk->...k", "")),
    *(("ij,...j->...i", ""), ("ij,jk", ""), ("ij,ij,ij->ij", ""), ("ij,ij,ij->i", "1")),
)  # fmt: skip


def dense(shape: Any, dtype: str, seed: int, share: float = 0.4) -> Any:
    rng = np.random.default_rng(seed)
    low = 0 if dtype in {"bool", "uint8"} else -3
    values = rng.integers(low, 4, shape).astype(complex if "complex" in dtype else float)
    values = values + 1j * rng.integers(-3, 4, shape) if "complex" in dtype else values
    return torch.as_tensor(values * (rng.random(shape) < share)).to(getattr(torch, dtype))


def operands(subscripts: str, dtype: str, layout: str, others: str = "") -> list[Any]:
    made = []
    for n, term in enumerate(subscripts.partition("->")[0].split(",")):
        shape = [SIZES[c] for c in term.replace("...", "m")]
        x = dense(shape, dtype, n, 0.4 if n == 0 else 0.9)
        made.append(sparse(x, layout) if (n == 0 or str(n) in others) and fits(shape, layout) else x)
    return made


def check(got: Any, subscripts: str, given_operands: list[Any], dtype: str) -> None:
    expected = np.einsum(subscripts, *map(values_of, given_operands))
    assert type(got) is torch.Tensor
    assert got.dtype is getattr(torch, dtype)
    assert tuple(got.shape) == np.shape(expected)
    np.testing.assert_array_equal(values_of(got), expected)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_einsum_agrees_with_numpy(dtype: str, layout: str) -> None:
    for subscripts, others in EXPRESSIONS:
        given_operands = operands(subscripts, dtype, layout, others)
        kept = [full(x).clone() for x in given_operands]
        check(er.einsum(subscripts, *given_operands), subscripts, given_operands, dtype)
        for x, before in zip(given_operands, kept, strict=True):
            assert torch.equal(full(x), before)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("subscripts", "others"), EXPRESSIONS)
def test_the_layout_follows_from_layouts_and_labels(subscripts: str, others: str, layout: str) -> None:
    given_operands = operands(subscripts, "float64", layout, others)
    got = er.einsum(subscripts, *given_operands)
    inputs, _, _ = subscripts.partition("->")
    own = [x.layout is not torch.strided for x in given_operands]
    terms = inputs.replace("...", "m").split(",")
    of_sparse = {c for t, s in zip(terms, own, strict=True) if s for c in t}
    of_dense = {c for t, s in zip(terms, own, strict=True) if not s for c in t if SIZES[c] > 1}
    output = subscripts.replace("...", "m").partition("->")[2] or "ik"
    output = "" if subscripts.endswith("->") else output
    if not output or (of_dense and not (of_sparse & of_dense <= set(output) and set(output) <= of_sparse)):
        assert got.layout is torch.strided
    elif len(output) == 2 and layout in {"csr", "csc"}:
        assert got.layout is getattr(torch, f"sparse_{layout}")
    else:
        assert got.layout is torch.sparse_coo
        assert got.is_coalesced()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("index", [torch.int32, torch.int64])
def test_index_dtypes(layout: str, index: Any) -> None:
    if layout in {"coo", "uncoalesced"} and index is torch.int32:
        pytest.skip("torch makes COO's indices int64")
    x, y = sparse(dense((4, 6), "float32", 0), layout, index), dense((6, 3), "float32", 1)
    for subscripts, *others in (("ij,jk->ik", y), ("ij->ji",), ("ij,kj->ik", x), ("ij,ij->ij", full(x))):
        check(er.einsum(subscripts, x, *others), subscripts, [x, *others], "float32")


PRODUCTS = (
    ("tensordot", (4, 6), (6, 3), {"axes": 1}),
    ("tensordot", (4, 6), (4, 6), {"axes": 2}),
    ("tensordot", (4, 6), (2, 4), {"axes": ([0], [1])}),
    ("tensordot", (4, 6), (2,), {"axes": 0}),
    ("dot", (4, 6), (6, 3), {}),
    ("dot", (4, 6), (6,), {}),
    ("inner", (4, 6), (3, 6), {}),
    ("matmul", (4, 6), (6, 3), {}),
    ("matmul", (4, 6), (5, 6, 3), {}),
    ("matmul", (4, 6), (6,), {}),
    ("outer", (4,), (6,), {}),
    ("vdot", (4,), (4,), {}),
    ("vdot", (4, 6), (4, 6), {}),
    ("vecdot", (4, 6), (6,), {}),
    ("vecdot", (4, 6), (4, 6), {}),
    ("matvec", (4, 6), (6,), {}),
    ("vecmat", (4, 6), (6, 2), {}),
    ("linalg.matmul", (4, 6), (6, 2), {}),
    ("linalg.outer", (4,), (6,), {}),
    ("linalg.vecdot", (4, 6), (4, 6), {}),
    ("linalg.tensordot", (4, 6), (6, 2), {"axes": 1}),
)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float64", "complex128", "int64"])
@pytest.mark.parametrize(("name", "a", "b", "options"), PRODUCTS)
def test_products_agree_with_numpys(
    name: str, a: Any, b: Any, options: dict[str, Any], dtype: str, layout: str
) -> None:
    x, y = dense(a, dtype, 0), dense(b, dtype, 1)
    ours, numpys = er, np
    for part in name.split("."):
        ours, numpys = getattr(ours, part), getattr(numpys, part)
    expected = numpys(x.numpy(), y.numpy(), **options)
    pairs = [(p, q) for p in (True, False) for q in (True, False) if p or q]
    for left, right in pairs:
        if (left and not fits(a, layout)) or (right and not fits(b, layout)):
            continue
        one, other = sparse(x, layout) if left else x, sparse(y, layout) if right else y
        got = ours(one, other, **options)
        assert type(got) is torch.Tensor
        assert got.dtype is getattr(torch, dtype)
        assert tuple(got.shape) == np.shape(expected)
        np.testing.assert_allclose(values_of(got), expected, rtol=1e-12)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_chains_and_powers(layout: str) -> None:
    x, y, z = (dense((6, 6), "float64", n) for n in range(3))
    for places in ("0", "1", "02", "012"):
        given_operands = [sparse(t, layout) if str(n) in places else t for n, t in enumerate((x, y, z))]
        got = er.linalg.multi_dot(given_operands)
        np.testing.assert_allclose(values_of(got), np.linalg.multi_dot([x.numpy(), y.numpy(), z.numpy()]))
    for n in (0, 1, 2, 3):
        got = er.linalg.matrix_power(sparse(x, layout), n)
        np.testing.assert_allclose(values_of(got), np.linalg.matrix_power(x.numpy(), n))


def test_hybrid_and_batched_tensors() -> None:
    x, y = dense((3, 4, 2), "float64", 0), dense((2, 5), "float64", 1)
    tensors = [
        x.to_sparse(1),
        x.to_sparse(2),
        torch.sparse_coo_tensor(torch.tensor([[0, 2, 0]]), dense((3, 4, 2), "float64", 3), (3, 4, 2)),
        torch.ones(3, 4, 2, dtype=torch.float64).to_sparse_csr(),
        x.to_sparse_csr(dense_dim=1),
        x.to_sparse_csc(dense_dim=1),
        torch.ones(3, 4, 2, dtype=torch.float64).to_sparse_bsr((2, 1)),
        torch.ones(3, 4, 2, dtype=torch.float64).to_sparse_bsc((2, 2)),
        x.to_sparse_bsr((3, 2), dense_dim=1),
    ]
    for s in tensors:
        check(er.einsum("abc,cd->abd", s, y), "abc,cd->abd", [s, y], "float64")
        check(er.einsum("abc->ca", s), "abc->ca", [s], "float64")
        check(er.einsum("abc,abc->abc", s, x), "abc,abc->abc", [s, x], "float64")
        check(er.einsum("abc,abd->cd", s, s), "abc,abd->cd", [s, s], "float64")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_stored_and_no_elements(layout: str) -> None:
    empty = sparse(torch.zeros(4, 6), layout)
    for subscripts, *others in (("ij,jk->ik", torch.ones(6, 3)), ("ij->i",), ("ij,kj->ik", empty), ("ij->",)):
        check(er.einsum(subscripts, empty, *others), subscripts, [empty, *others], "float32")
    none = torch.zeros(0, 6).to_sparse()
    check(er.einsum("ij,jk->ik", none, torch.ones(6, 3)), "ij,jk->ik", [none, torch.ones(6, 3)], "float32")
    check(er.einsum("ij,ik->jk", none, torch.ones(0, 3)), "ij,ik->jk", [none, torch.ones(0, 3)], "float32")
    some = sparse(torch.ones(4, 6), layout)
    check(er.einsum("ij,jk->ik", some, torch.ones(6, 0)), "ij,jk->ik", [some, torch.ones(6, 0)], "float32")


def test_duplicates_are_summed_before_they_are_cast() -> None:
    x = torch.sparse_coo_tensor(
        torch.tensor([[0, 0], [1, 1]]), torch.tensor([100, 100], dtype=torch.int8), (2, 2)
    )
    y = torch.ones(2, 2, dtype=torch.float64)
    np.testing.assert_array_equal(er.einsum("ij,jk->ik", x, y), np.einsum("ij,jk->ik", x.to_dense(), y))
    z = torch.sparse_coo_tensor(torch.tensor([[0, 0], [1, 1]]), torch.tensor([True, True]), (2, 2))
    assert er.einsum("ij,jk->ik", z, y).tolist() == [[1, 1], [0, 0]]


@pytest.mark.parametrize("one", DTYPES)
def test_promotion_is_torchs(one: str) -> None:
    for other in DTYPES:
        x, y = dense((4, 6), one, 0), dense((6, 3), other, 1)
        got = er.einsum("ij,jk->ik", sparse(x, "coo"), y)
        wanted = torch.promote_types(x.dtype, y.dtype)
        assert got.dtype is wanted
        expected = np.einsum("ij,jk->ik", values_of(x), values_of(y))
        torch.testing.assert_close(got, torch.as_tensor(expected).to(wanted))


FORMATS = ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dtype", ["float64", "float32", "int32", "bool"])
def test_scipys_operands_join(form: str, dtype: str) -> None:
    m = scipy.sparse.coo_array(dense((4, 6), dtype, 0).numpy()).asformat(form)
    y, s = dense((6, 3), "float64", 1), sparse(dense((6, 3), "float64", 2), "csr")
    check(er.einsum("ij,jk->ik", m, y), "ij,jk->ik", [m, y], "float64")
    check(er.einsum("jk,ij->ik", y, m), "jk,ij->ik", [y, m], "float64")
    got = er.einsum("ij,jk->ik", m, s)
    check(got, "ij,jk->ik", [m, s], "float64")
    assert got.layout is torch.sparse_csr
    got = er.einsum("ij,ij->ij", m, torch.ones(4, 6, dtype=torch.float64))
    assert got.layout is torch.sparse_coo
    np.testing.assert_array_equal(values_of(got), m.toarray())
    np.testing.assert_array_equal(er.tensordot(m, y, 1), m.toarray() @ y.numpy())
    np.testing.assert_array_equal(er.matmul(m, y[:, 0]), m.toarray() @ y.numpy()[:, 0])


@pytest.mark.parametrize("dtype", DTYPES)
def test_scipys_operands_join_in_dtypes_that_scipy_has_not(dtype: str) -> None:
    """The result is torch's, whose sparse tensors may be of any dtype."""
    sparse_library = pytest.importorskip("sparse")
    kept = dense((4, 6), "bool", 0).numpy()
    other = torch.ones(4, 6, dtype=getattr(torch, dtype))
    for m in (
        scipy.sparse.csr_array(kept),
        scipy.sparse.coo_array(kept),
        sparse_library.COO.from_numpy(kept),
    ):
        for got in (er.einsum("ij,ij->ij", m, other), er.einsum("ij,ij->ij", other, m)):
            assert got.layout is torch.sparse_coo
            assert got.dtype is other.dtype
            np.testing.assert_array_equal(values_of(got), kept)


def test_duplicates_of_scipys() -> None:
    m = scipy.sparse.coo_array((np.array([100, 100], np.int8), ([0, 0], [1, 1])), (2, 2))
    got = er.einsum("ij,jk->ik", m, torch.ones(2, 2, dtype=torch.float64))
    np.testing.assert_array_equal(got, m.toarray().astype(float) @ np.ones((2, 2)))


def test_pydatas_operands_join() -> None:
    sparse_library = pytest.importorskip("sparse")
    values = dense((3, 4, 6), "float64", 0).numpy()
    y = dense((6, 3), "float64", 1)
    got = er.einsum("aij,jk->aik", sparse_library.COO.from_numpy(values), y)
    np.testing.assert_array_equal(got, np.einsum("aij,jk->aik", values, y))


@pytest.mark.parametrize("route", ["torch_sparse.matmul", "torch_sparse.gather"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_route_of_a_sparse_and_a_dense_tensor_agrees(route: str, dtype: str) -> None:
    for subscripts in ("ij,jk->ik", "ij,ik->kj", "ij,j->i", "ij,k->ijk", "ij,ij->i", "ij,jk->ki"):
        given_operands = operands(subscripts, dtype, "coo")
        with er.config(allow=route):
            assert er.explain(subscripts, *given_operands).routes == (route,)
            check(er.einsum(subscripts, *given_operands), subscripts, given_operands, dtype)


@pytest.mark.parametrize("route", ["torch_sparse.spgemm", "torch_sparse.join"])
@pytest.mark.parametrize("subscripts", ["ij,jk->ik", "ji,jk->ki", "ij,kj->ki", "jk,ij->ik", "ij,kj->ik"])
def test_every_route_of_two_sparse_tensors_agrees(route: str, subscripts: str) -> None:
    given_operands = operands(subscripts, "float64", "coo", "1")
    with er.config(allow=route):
        check(er.einsum(subscripts, *given_operands), subscripts, given_operands, "float64")


def test_indices_that_lie_apart_are_joined_without_a_warning() -> None:
    index = torch.tensor([[0, 1], [1, 0], [2, 2], [3, 1]]).T
    a = torch.sparse_coo_tensor(index, torch.ones(4, dtype=torch.float64), (4, 4))
    b = sparse(dense((4, 4), "float64", 0), "coo")
    with warnings.catch_warnings(), er.config(allow="torch_sparse.join"):
        warnings.simplefilter("error")
        for subscripts in ("ij,jk->ik", "ji,jk->ik", "ij,ij->ij", "ij,ij->"):
            for pair in ((a, b), (b, a), (a, a)):
                check(er.einsum(subscripts, *pair), subscripts, list(pair), "float64")


def test_products_at_the_entries_make_nothing_of_the_whole_size() -> None:
    n = 200_000
    at = torch.randint(0, n, (2, 1000), generator=torch.Generator().manual_seed(0))
    s = torch.sparse_coo_tensor(at, torch.ones(1000), (n, n)).coalesce().requires_grad_()
    x, y = torch.ones(n, 2, requires_grad=True), torch.ones(n, 2, requires_grad=True)
    got = er.einsum("ij,ik,jk->ij", s, x, y)
    assert got._nnz() == s._nnz()
    er.einsum("ij,ik,jk->", s, x, y).backward()
    assert s.grad.layout is torch.sparse_coo
    assert s.grad._nnz() == s._nnz()
    er.einsum("ij,jk->ik", s, y).sum().backward()
    assert er.einsum("ij,kj->ik", s.detach(), s.detach()).layout is torch.sparse_coo


PARTS = {"crow_indices", "col_indices", "ccol_indices", "row_indices", "values", "_indices", "_values"}


@pytest.mark.parametrize(
    ("subscripts", "layout", "shape", "product"),
    [
        ("ij,jk->ik", "csr", (6, 3), "mm"),
        ("ij,jk->ki", "csr", (6, 3), "mm"),
        ("ij,kj->ik", "csr", (3, 6), "mm"),
        ("ij,j->i", "csr", (6,), "mv"),
        ("ij,ik->jk", "csc", (4, 3), "mm"),
        ("ij,ki->kj", "csc", (3, 4), "mm"),
        ("ij,jk->ik", "coo", (6, 3), "mm"),
        ("ij,j->i", "coo", (6,), "mv"),
        ("ij,ki->kj", "coo", (3, 4), "mm"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_products_that_torch_has_take_no_tensor_apart(
    dtype: str, subscripts: str, layout: str, shape: Any, product: str
) -> None:
    x, y = sparse(dense((4, 6), dtype, 0), layout), dense(shape, dtype, 1, 0.9)
    x = x.coalesce() if layout == "coo" else x
    first, second, output = subscripts.replace("->", ",").split(",")
    turned = f"{second},{first}->{output}"
    for spelled, given_operands in ((subscripts, (x, y)), (turned, (y, x)), (subscripts, (x, y.conj()))):
        er.einsum(spelled, *given_operands)
        with Calls() as calls:
            got = er.einsum(spelled, *given_operands)
        check(got, spelled, list(given_operands), dtype)
        assert calls.names.count(product) == 1
        assert PARTS.isdisjoint(calls.names)


@pytest.mark.parametrize("few", [-1, 400])
@pytest.mark.parametrize("subscripts", ["ij,jk->ik", "ij,ik->jk", "ij,ik->kj", "ij,j->i", "ij,i->j"])
@pytest.mark.parametrize("dtype", ["float32", "complex128"])
def test_few_entries_of_coo_and_many(
    dtype: str, subscripts: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from einroute._kinds.torch import compressed

    monkeypatch.setattr(compressed, "_FEW", few)
    x = sparse(dense((4, 6), dtype, 0), "coo")
    shape = tuple({"i": 4, "j": 6, "k": 3}[c] for c in subscripts[3:].partition("->")[0])
    for tensor in (x, x.coalesce()):
        for order in "CF":
            given_operands = (tensor, dense(shape, dtype, 1, 0.9))
            got = er.einsum(subscripts, *given_operands, order=order)
            check(got, subscripts, list(given_operands), dtype)
            assert got.is_contiguous() if order == "C" else got.t().is_contiguous()


@pytest.mark.parametrize("layout", ["coo", "csr", "csc"])
def test_products_of_two_sparse_tensors_are_one_call(layout: str) -> None:
    x, y = (sparse(dense((6, 6), "float64", n), layout) for n in (0, 1))
    for subscripts in ("ij,jk->ik", "ji,kj->ik", "jk,ij->ik"):
        given_operands = (x, y)
        with Calls() as calls:
            got = er.einsum(subscripts, *given_operands)
        check(got, subscripts, list(given_operands), "float64")
        assert got.layout is x.layout
        assert calls.names.count("_sparse_mm") + calls.names.count("mm") == 1, calls.names
        assert "sort" not in calls.names


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_result_is_no_operand(layout: str) -> None:
    x = sparse(dense((4, 6), "float64", 0), layout)
    assert er.einsum("ij->ij", x) is not x


def test_too_many_pairs_are_refused_with_their_size() -> None:
    n = 50_000
    ones = torch.sparse_coo_tensor(
        torch.stack([torch.arange(n), torch.zeros(n).long()]), torch.ones(n), (n, 1)
    )
    with pytest.raises(RuntimeError, match=r"2500000000 pairs of entries.*110000000000 bytes.*to_dense"):
        er.einsum("ij,kj->ik", ones, ones)


def test_bad_input() -> None:
    x = torch.ones(3, 3)
    with pytest.raises(TypeError, match=r"operand 0.*layout torch\._mkldnn.*to_dense"):
        er.einsum("ij,jk->ik", x.to_mkldnn(), x)
    with pytest.raises(TypeError, match=r"out is an ndarray"):
        er.einsum("ij,jk->ik", x.to_sparse(), x, out=np.empty((3, 3), "f4"))
    with pytest.raises(ValueError, match="'j'"):
        er.einsum("ij,jk->ik", x.to_sparse(), torch.ones(4, 2))
    with pytest.raises(TypeError, match="meta"):
        er.einsum("ij,jk->ik", x.to_sparse(), x.to("meta"))


def test_plans_show_the_entries_and_nothing_is_read() -> None:
    x = sparse(dense((4, 6), "float32", 0), "csr")
    shown = " ".join(str(er.explain("ij,jk->ik", x, torch.ones(6, 3))).split())
    assert "torch_sparse.matmul" in shown
    assert f"{x._nnz()} entries" in shown


TERMS = ("ij", "jk", "ik", "kj", "i", "j", "", "ijk", "ii", "ji", "k")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_random_contractions(data: st.DataObject) -> None:
    terms = data.draw(st.lists(st.sampled_from(TERMS), min_size=1, max_size=3))
    sizes = {c: data.draw(st.sampled_from([0, 1, 2, 4])) for c in "ijk"}
    every = sorted(set("".join(terms)))
    output = "".join(data.draw(st.permutations(every))[: data.draw(st.integers(0, len(every)))])
    dtype = data.draw(st.sampled_from(DTYPES))
    made: list[Any] = []
    for n, term in enumerate(terms):
        shape = [
            1 if data.draw(st.integers(0, 5)) == 0 and len(set(term)) == len(term) else sizes[c] for c in term
        ]
        x = dense(shape, dtype, data.draw(st.integers(0, 99)), 0.6)
        layout = (
            data.draw(st.sampled_from([*LAYOUTS, "strided"])) if n else data.draw(st.sampled_from(LAYOUTS))
        )
        x = sparse(x, layout) if layout != "strided" and fits(shape, layout) else x
        asked = x.dtype.is_floating_point and data.draw(st.booleans())
        made.append(x.requires_grad_() if asked else x)
    subscripts = f"{','.join(terms)}->{output}"
    expected = np.einsum(subscripts, *map(values_of, made))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = er.einsum(subscripts, *made)
    assert got.dtype is made[0].dtype
    assert tuple(got.shape) == np.shape(expected)
    assert got.requires_grad == any(x.requires_grad for x in made)
    np.testing.assert_array_equal(values_of(got), expected)


def test_a_memory_limit_bounds_joins_and_what_is_looked_up() -> None:
    full = torch.ones(100, 100).to_sparse()
    x, y = torch.randn(100, 3, 20), torch.randn(100, 20, 5)
    expected = torch.einsum("ij,iak,jkb->ab", full.to_dense(), x, y)
    with er.config(memory_limit=200_000):
        with pytest.raises(er.NoRoute, match=r"1000000 pairs .* memory_limit=200000"):
            er.einsum("ij,jk->ijk", full, full)
        torch.testing.assert_close(er.einsum("ij,iak,jkb->ab", full, x, y), expected, rtol=1e-4, atol=1e-2)
        with (
            er.config(allow=["torch_sparse.gather", "torch_sparse.reduce"]),
            pytest.raises(er.NoRoute, match=r"a gradient keeps.*memory_limit=200000"),
        ):
            er.einsum("ij,iak,jkb->ab", full, x.requires_grad_(), y)
    assert er.einsum("ij,jk->ijk", full, full).shape == (100, 100, 100)


def test_large_dense_tensors_of_sparse_ones_are_spoken_of() -> None:
    n = 5000
    tall = torch.sparse_coo_tensor(torch.tensor([[0, n - 1], [0, n - 1]]), torch.ones(2), (n, n))
    x = torch.ones(n, 2)
    with er.config(on_densify="raise"):
        with pytest.raises(ValueError, match=r"the result is dense and takes 95\.4 MiB"):
            er.einsum("ij,kl->ik", tall, x)
        assert er.einsum("ij,jk->ik", tall, x).shape == (n, 2)
    with pytest.warns(er.DensifyWarning):
        er.einsum("ij,kl->ik", tall, x)


class OfUsers(torch.Tensor):
    """A class with no say of its own."""


@pytest.mark.parametrize("subscripts", ["ij,jk->ik", "ij,ij->ij", "ij,i,jk->ik", "ij,ik,jk->ij", "ij,j->i"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("asked", [False, True])
def test_users_classes_beside_sparse_tensors(asked: bool, layout: str, subscripts: str) -> None:
    shapes = {"ij": (4, 6), "jk": (6, 3), "ik": (4, 3), "i": (4,), "j": (6,)}
    terms = subscripts.partition("->")[0].split(",")
    generator = torch.Generator().manual_seed(0)
    values = [torch.randn(shapes[t], generator=generator, dtype=torch.float64) for t in terms]
    values[0] *= torch.rand(4, 6, generator=generator) < 0.5
    s = sparse(values[0], layout).requires_grad_(asked)
    got = er.einsum(subscripts, s, *(x.as_subclass(OfUsers) for x in values[1:]))
    assert type(got) is (OfUsers if got.layout is torch.strided else torch.Tensor)
    expected = torch.einsum(subscripts, *values)
    torch.testing.assert_close(full(got.detach()).as_subclass(torch.Tensor), expected)
    if asked:
        full(got).as_subclass(torch.Tensor).sum().backward()
        assert s.grad is not None
