"""Contractions with sparse operands: NumPy's values, the documented kind of result, every route."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import sparse

import einroute as er
from einroute._kinds.sparse.form import holds
from einroute._native import CORE
from tests.helpers import forcing
from tests.sparse_helpers import SCIPY_FORMATS, written_out

ROUTES = (
    None,
    "sparse.sampled",
    "sparse.reduce",
    "sparse.tiles",
    "sparse.scipy",
    "sparse.gather",
    "sparse.multiply",
    "sparse.spgemm",
    "sparse.join",
)
#: Routes that are the core's.
CORES = ("sparse.sampled", "sparse.tiles")
#: What looks dense operands up at entries.
LOOKED_UP = "sparse.gather" if CORE is None else "sparse.sampled"
DTYPES = ("f8", "f4", "i8", "i4", "i1", "?", "c16", "c8", "u2", "g", "f2")
LABELS = "abcde"


def _kind(x: Any) -> str:
    return "pydata" if isinstance(x, sparse.SparseArray) else "scipy" if sp.issparse(x) else "dense"


def _values(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    signed = np.dtype(dtype).kind not in "ub"
    values = rng.integers(-3 if signed else 0, 4, shape)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.integers(-3, 4, shape)
    density = rng.choice([0, 0.1, 0.3, 0.6, 1])
    return np.where(rng.random(shape) < density, values, 0).astype(dtype)


def _as_sparse(rng: np.random.Generator, x: np.ndarray) -> Any:
    library = rng.integers(4)
    whole = 0 not in x.shape and x.ndim > 0
    if library < 2 and x.dtype.char != "e" and 1 <= x.ndim <= 3:
        if x.ndim != 2 or not whole:
            return sp.coo_array(x)
        name = rng.choice(SCIPY_FORMATS) + ("_array" if library else "_matrix")
        return getattr(sp, name)(x)
    if library == 3 and whole and x.dtype.char not in "egG":
        return (sparse.GCXS if rng.random() < 0.6 else sparse.DOK).from_numpy(x)
    return sparse.COO.from_numpy(x)


def _case(seed: int) -> tuple[str, list[np.ndarray], list[Any]] | None:
    """Subscripts, dense operands, and the same with some of them sparse; None if NumPy refuses them."""
    rng = np.random.default_rng(seed)
    sizes = {c: int(rng.choice(6, p=[0.03, 0.1, 0.2, 0.27, 0.2, 0.2])) for c in LABELS}
    count = int(rng.choice([1, 2, 3, 4], p=[0.15, 0.5, 0.25, 0.1]))
    base = rng.choice(DTYPES)
    terms, dense = [], []
    for _ in range(count):
        term = "".join(rng.choice(list(LABELS), rng.choice(4, p=[0.05, 0.25, 0.5, 0.2])))
        shape = [sizes[c] for c in term]
        axis = int(rng.integers(max(1, len(term))))
        if term and rng.random() < 0.1 and term.count(term[axis]) == 1:
            shape[axis] = 1  # broadcast
        x = _values(rng, tuple(shape), str(base if rng.random() < 0.7 else rng.choice(DTYPES)))
        terms.append(term)
        dense.append(np.asfortranarray(x) if rng.random() < 0.3 else x)
    every = sorted(set("".join(terms)))
    output = "".join(c for c in rng.permutation(every) if rng.random() < 0.5) if every else ""
    chosen = rng.random(count) < 0.6
    chosen[rng.integers(count)] = True
    mixed = [_as_sparse(rng, x) if yes else x for x, yes in zip(dense, chosen, strict=True)]
    subscripts = ",".join(terms) + "->" + output
    try:
        np.einsum(subscripts, *dense)
    except ValueError:
        return None
    return subscripts, dense, mixed


def _wanted_kind(subscripts: str, dense: list[np.ndarray], mixed: list[Any]) -> str:
    inputs, _, output = subscripts.partition("->")
    terms = inputs.split(",")
    sizes: dict[str, int] = {}
    for term, x in zip(terms, dense, strict=True):
        for c, n in zip(term, x.shape, strict=True):
            sizes[c] = n if sizes.get(c, 1) == 1 else sizes[c]
    own = [
        "".join(c for c, n in zip(term, x.shape, strict=True) if n == sizes[c])
        for term, x in zip(terms, dense, strict=True)
    ]
    kinds = [_kind(x) for x in mixed]
    if not holds(own, [kind != "dense" for kind in kinds], output):
        return "dense"
    return "pydata" if "pydata" in kinds else "scipy" if output else "dense"


def _assert_equal(result: Any, right: np.ndarray, what: str) -> None:
    got = written_out(result)
    assert got.dtype == right.dtype, what
    assert got.shape == right.shape, what
    tolerance = {"e": 2e-2, "f": 1e-4, "F": 1e-4}.get(right.dtype.char, 1e-9)
    if right.dtype.kind in "fc":
        np.testing.assert_allclose(got, right, rtol=tolerance, atol=10 * tolerance, err_msg=what)
    else:
        np.testing.assert_array_equal(got, right, err_msg=what)


@pytest.mark.parametrize("route", ROUTES)
def test_random_expressions_agree_with_numpy(route: str | None) -> None:
    if CORE is None and route in CORES:
        pytest.skip("the core is not there")
    ran: set[str] = set()
    for seed in range(400):
        case = _case(seed)
        if case is None:
            continue
        subscripts, dense, mixed = case
        right = np.asarray(np.einsum(subscripts, *dense))
        kind = _wanted_kind(subscripts, dense, mixed)
        if kind == "scipy" and right.dtype.char == "e":
            with pytest.raises(TypeError, match="float16"):
                er.einsum(subscripts, *mixed)
            continue
        with forcing(route) as names:
            result = er.einsum(subscripts, *mixed)
        ran.update(names)
        assert _kind(result) == kind, subscripts
        _assert_equal(result, right, f"seed {seed}: {subscripts}")
        for x, was in zip(mixed, dense, strict=True):
            np.testing.assert_array_equal(written_out(x), was)
    if route is not None:
        assert route in ran


@pytest.fixture
def a() -> sp.csr_array:
    return sp.random_array((6, 5), density=0.3, rng=np.random.default_rng(3), format="csr")


def test_the_products_of_numpy(a: sp.csr_array) -> None:
    full, rng = a.toarray(), np.random.default_rng(4)
    for b in (rng.random((5, 3)), rng.random(5), rng.random((2, 5, 3)), 2.5, np.float64(3)):
        np.testing.assert_allclose(written_out(er.dot(a, b)), np.dot(full, b))
    for b in (rng.random((3, 6)), rng.random(6), rng.random((2, 3, 6))):
        np.testing.assert_allclose(er.dot(b, a), np.dot(b, full))
        np.testing.assert_allclose(er.matmul(b, a), np.matmul(b, full))
        np.testing.assert_allclose(er.linalg.matmul(b, a), np.matmul(b, full))
        np.testing.assert_allclose(er.inner(b, a.T), np.inner(b, full.T))
    cube = sparse.COO.from_numpy(np.round(rng.random((4, 3, 6))))
    np.testing.assert_allclose(written_out(er.matmul(cube, a)), np.matmul(cube.todense(), full))
    b = rng.random((1, 6, 2))
    np.testing.assert_allclose(er.matmul(cube, b), np.matmul(cube.todense(), b))
    assert type(er.dot(a, a.T)) is sp.csr_array
    assert isinstance(er.matmul(a, a.T), sp.csr_array)
    assert isinstance(er.dot(sp.coo_array(np.ones(3)), np.ones(3)), np.float64)


@pytest.mark.parametrize("axes", [0, 1, ([1], [0]), ([0], [1]), ([-1], [-2]), (1, 0)])
def test_tensordot_either_side(a: sp.csr_array, axes: Any) -> None:
    full, b = a.toarray(), np.random.default_rng(5).random((5, 6))
    np.testing.assert_allclose(er.tensordot(a, b, axes), np.tensordot(full, b, axes))
    np.testing.assert_allclose(
        written_out(er.tensordot(a, sp.csc_matrix(b), axes)), np.tensordot(full, b, axes)
    )
    if isinstance(axes, int):
        np.testing.assert_allclose(er.tensordot(b, a, axes), np.tensordot(b, full, axes))
        np.testing.assert_allclose(er.linalg.tensordot(b, a, axes=axes), np.tensordot(b, full, axes))


def test_tensordot_of_many_axes() -> None:
    rng = np.random.default_rng(6)
    cube = np.where(rng.random((3, 4, 5, 2)) < 0.3, 1.5, 0)
    b = rng.random((5, 3, 6))
    wanted = np.tensordot(cube, b, axes=([0, 2], [1, 0]))
    np.testing.assert_allclose(er.tensordot(sparse.COO.from_numpy(cube), b, axes=([0, 2], [1, 0])), wanted)
    np.testing.assert_allclose(
        er.tensordot(b, sparse.GCXS.from_numpy(cube), axes=([0, 1], [2, 0])),
        np.tensordot(b, cube, axes=([0, 1], [2, 0])),
    )
    whole = er.tensordot(sparse.COO.from_numpy(cube), cube, axes=4)
    assert type(whole) is np.ndarray
    assert whole.shape == ()


def test_sublists_ellipsis_and_implicit_output(a: sp.csr_array) -> None:
    full, b = a.toarray(), np.random.default_rng(7).random((2, 3, 5))
    np.testing.assert_allclose(
        er.einsum(a, [0, 1], b, [2, 3, 1], [2, 0, 3]), np.einsum("ij,klj->kil", full, b)
    )
    np.testing.assert_allclose(er.einsum("...j,ij->...i", b, a), np.einsum("...j,ij->...i", b, full))
    np.testing.assert_allclose(
        er.einsum("ba,cda", a, b),
        np.einsum("ba,cda", full, b),
    )
    np.testing.assert_allclose(written_out(er.einsum("ba", a)), full.T)
    np.testing.assert_allclose(er.einsum("ij,kj", a, b[0], optimize=True), np.einsum("ij,kj", full, b[0]))
    path = ["einsum_path", (0, 1), (0, 1)]
    c = np.ones((3, 4))
    np.testing.assert_allclose(
        er.einsum("ij,kj,kl->il", a, b[0], c, optimize=path), np.einsum("ij,kj,kl->il", full, b[0], c)
    )


@pytest.mark.parametrize("order", ["C", "F", "K", "A"])
def test_out_dtype_and_order(a: sp.csr_array, order: str) -> None:
    full, b = a.toarray(), np.random.default_rng(8).random((5, 6))
    wanted = full @ b
    result = er.einsum("ij,jk->ik", a, b, order=order)
    np.testing.assert_allclose(result, wanted)
    assert result.flags.f_contiguous if order == "F" else result.flags.c_contiguous
    for out in (np.empty((6, 6)), np.empty((6, 6), order="F"), np.empty((12, 6))[::2]):
        assert er.einsum("ij,jk->ik", a, b, out=out) is out
        np.testing.assert_allclose(out, wanted)
        out[...] = 7
        assert er.matmul(a, b, out=out) is out
        np.testing.assert_allclose(out, wanted)
    single = er.einsum("ij,jk->ik", a, b, dtype="f4", casting="same_kind")
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, wanted, rtol=1e-5)
    assert er.einsum("ij,jk->ik", a, b, dtype=complex).dtype == np.complex128


def test_out_may_overlap_operands() -> None:
    square = sp.random_array((5, 5), density=0.5, rng=np.random.default_rng(1), format="csr")
    b = np.random.default_rng(2).random((5, 5))
    wanted = square.toarray() @ b
    er.einsum("ij,jk->ik", square, b, out=b)
    np.testing.assert_allclose(b, wanted)
    full = sp.csr_array(np.arange(1.0, 10).reshape(3, 3))
    wanted = full.toarray() @ np.ones((3, 3))
    out = full.data.reshape(3, 3)
    er.einsum("ij,jk->ik", full, np.ones((3, 3)), out=out)
    np.testing.assert_allclose(out, wanted)


def test_bools_contract_with_or_and_halves_in_single_precision() -> None:
    yes = sp.csr_array(np.ones((2, 3), bool))
    result = er.einsum("ij,jk->ik", yes, np.ones((3, 2), bool))
    assert result.dtype == bool
    assert result.all()
    halves = er.einsum(
        "i,i->", sparse.COO.from_numpy(np.full(4096, 1, np.float16)), np.full(4096, 1, np.float16)
    )
    assert halves.dtype == np.float16
    assert halves == 4096


def test_a_trace_of_bools_among_numbers_counts() -> None:
    yes, ones = np.ones((4, 4, 3), bool), sparse.COO.from_numpy(np.ones((2, 2)))
    np.testing.assert_array_equal(
        er.einsum("ab,cce->abe", ones, yes), np.einsum("ab,cce->abe", np.ones((2, 2)), yes)
    )


def test_absent_elements_are_never_multiplied() -> None:
    a = sp.csr_array(np.array([[0.0, 2.0], [0.0, 0.0]]))
    bad = np.array([np.nan, 1.0])
    np.testing.assert_array_equal(er.einsum("ij,j->i", a, bad), [2, 0])
    np.testing.assert_array_equal(er.einsum("ij,j->ij", a, bad).toarray(), a.toarray())
    np.testing.assert_array_equal(
        er.tensordot(a, np.array([[np.inf, np.inf], [1, 1]]), axes=1), [[2, 2], [0, 0]]
    )
    assert er.einsum("ij,ij->", a, np.array([[np.inf, 3], [np.nan, np.nan]])) == 6
    # Whatever the order of contraction: the second row of a has no entry.
    rng = np.random.default_rng(0)
    left, big = rng.random((2, 2)), np.full((2, 50), np.inf)
    np.testing.assert_array_equal(er.einsum("ij,jk,kl->il", a, left, big)[1], np.zeros(50))
    assert np.isnan(er.einsum("ij,j->i", sp.csr_array(np.array([[np.nan, 0]])), np.ones(2))).all()


def test_no_warning_from_einsum_whatever_overflows() -> None:
    a = sp.csr_array(np.full((2, 2), 1e300))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with np.errstate(all="raise"):
            assert np.isinf(er.einsum("ij,jk->ik", a, np.full((2, 2), 1e300))).all()
            assert np.isinf(er.einsum("ij,ij->ij", a, np.full((2, 2), 1e300)).data).all()


def test_a_kept_plan_serves_operands_with_other_entries() -> None:
    rng = np.random.default_rng(9)
    x = rng.random((3, 20))
    for _ in range(5):
        a = sp.random_array((20, 20), density=0.1, rng=rng, format="csr")
        before = er.cache_info()["plans"]
        np.testing.assert_allclose(er.tensordot(x, a, axes=1), x @ a.toarray())
        again = sp.random_array((20, 20), density=0.1, rng=rng, format="csr")
        np.testing.assert_allclose(er.tensordot(x, again, axes=1), x @ again.toarray())
        assert er.cache_info()["plans"] <= before + 1
    np.testing.assert_allclose(er.tensordot(x, a.tocsc(), axes=1), x @ a.toarray())


def test_large_extents_with_few_entries() -> None:
    n = 10**6
    left = sparse.COO(np.array([[5, n - 1], [7, n - 2], [n - 3, 0]]), np.array([2.0, 3.0]), shape=(n, n, n))
    assert er.einsum("ijk,ijk->", left, left).todense() == 13
    product = er.einsum("ijk,ljk->il", left, left)
    assert product.shape == (n, n)
    assert product.nnz == 2
    right = sparse.COO(np.array([[3]]), np.array([2.0]), shape=(n,))
    outer = er.einsum("i,j->ij", sparse.COO(np.array([[n - 1]]), np.array([2.0]), shape=(n,)), right)
    assert outer.shape == (n, n)
    assert outer.nnz == 1


def test_extents_beyond_an_int64() -> None:
    n = 10**9
    coords = (np.array([5, n - 1, 5]), np.array([7, n - 2, 7]), np.array([n - 3, 0, n - 3]))
    left = sp.coo_array((np.array([2.0, 3.0, 1.0]), coords), shape=(n, n, n))
    right = sp.coo_array((np.ones(2), tuple(x[:2] for x in coords)), shape=(n, n, n))
    product = er.einsum("ijk,ijk->ijk", left, right)
    assert product.shape == (n, n, n)
    np.testing.assert_array_equal(product.data, [3, 3])
    np.testing.assert_array_equal(product.coords[0], [5, n - 1])
    assert er.einsum("ijk,ijk->", left, right) == 6


def test_sizes_that_do_not_fit(a: sp.csr_array) -> None:
    with pytest.raises(ValueError, match="size 4"):
        er.einsum("ij,jk->ik", a, np.ones((4, 2)))
    with pytest.raises(ValueError, match="axis 1 of a"):
        er.tensordot(a, np.ones((4, 2)), axes=1)
    with pytest.raises(IndexError, match="axis 5"):
        er.tensordot(a, np.ones((4, 2)), axes=([5], [0]))
    for function in (er.dot, er.matmul, er.linalg.matmul):
        with pytest.raises(ValueError, match="operand 1"):
            function(a, np.ones((4, 2)))
        with pytest.raises(ValueError, match="operand 1"):
            function(a, np.ones((1, 2)))  # contracted axes do not broadcast
    with pytest.raises(ValueError, match="operand 1"):
        er.inner(a, np.ones(6))
    with pytest.raises(ValueError, match="no dimensions"):
        er.matmul(a, 2.0)
    with pytest.raises(ValueError, match="broadcast"):
        er.matmul(sparse.COO.from_numpy(np.ones((2, 3, 3))), np.ones((4, 3, 3)))
    with pytest.raises(ValueError, match="out has shape"):
        er.einsum("ij,jk->ik", a, np.ones((5, 2)), out=np.empty((2, 6)))
    with pytest.raises(TypeError, match="the result is sparse"):
        er.einsum("ij->ji", a, out=np.empty((5, 6)))
    with pytest.raises(TypeError, match="under casting"):
        er.einsum("ij,jk->ik", a, np.ones((5, 2)), dtype="i4")


def test_large_dense_results_are_spoken_of() -> None:
    lone = sp.coo_array(([1.0], ([3], [4])), shape=(3000, 3000))
    call = lambda **options: er.einsum("ij,k->ik", lone, np.ones(3000), **options)
    with pytest.warns(er.DensifyWarning, match="68.7 MiB") as caught:
        call()
    assert caught[0].filename == __file__
    assert er.explain("ij,k->ik", lone, np.ones(3000)).sparse[-1].startswith("on_densify")
    with er.config(on_densify="raise"), pytest.raises(ValueError, match="on_densify"):
        call()
    with er.config(on_densify="allow"):
        assert call().sum() == 3000
    assert call(out=np.empty((3000, 3000))).sum() == 3000
    with pytest.raises(ValueError, match="on_densify"), er.config(on_densify="sometimes"):
        pass


def test_explain_shows_entries_and_routes(a: sp.csr_array) -> None:
    told = er.explain("ij,jk->ik", a, np.ones((5, 4)))
    assert told.routes == ("sparse.scipy" if CORE is None else "sparse.tiles",)
    assert f"operand 0: csr_array, {a.nnz} non-zeros of 30 elements" in str(told)
    assert "the result is dense" in str(told)
    assert "the result is sparse" in str(er.explain(er.tensordot, a, a, axes=([1], [1])))
    assert er.explain("ij,ik,jk->ij", a, np.ones((6, 3)), np.ones((5, 3))).routes[-1] == LOOKED_UP


def test_paths_are_chosen_by_entries() -> None:
    n = 400
    lone = sp.csr_array(([1.0, 2.0], ([3, 9], [4, 7])), shape=(n, n))
    wide = sp.random_array((n, n), density=0.2, rng=np.random.default_rng(0), format="csr")
    told = er.explain("ij,jk,kl->il", wide, wide, lone)
    assert told.plan is not None
    assert told.plan.node.steps[0].positions == (1, 2)


def test_a_sampled_product_makes_no_large_intermediate() -> None:
    n = 20000
    a = sp.coo_array(([1.0, 2.0], ([3, 9], [4, 7])), shape=(n, n))
    u = np.ones((n, 2))
    told = er.explain("ij,ik,jk->ij", a, u, u)
    assert told.routes == (LOOKED_UP,)
    assert er.einsum("ij,ik,jk->ij", a, u, u).sum() == 6


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_blocks_over_threads(threads: int) -> None:
    rng = np.random.default_rng(10)
    a = sp.random_array((300, 400), density=0.05, rng=rng, format="csr")
    x, y = rng.random((700, 300)), rng.random((400, 600))
    with er.config(threads=threads):
        np.testing.assert_allclose(er.tensordot(x, a, axes=1), x @ a.toarray())
        np.testing.assert_allclose(er.tensordot(a, y, axes=1), a.toarray() @ y)
        np.testing.assert_allclose(er.tensordot(a.tocsc(), y, axes=1), a.toarray() @ y)
        np.testing.assert_allclose(
            er.einsum("ij,jkl->ikl", a, y.reshape(400, 20, 30)[:, ::-1]),
            np.einsum("ij,jkl->ikl", a.toarray(), y.reshape(400, 20, 30)[:, ::-1]),
        )
        sampled = er.einsum("ij,kj,ik->ij", a, rng.random((5000, 400)), rng.random((300, 5000)))
        assert sampled.shape == a.shape


@pytest.mark.parametrize(
    ("subscripts", "others"),
    [
        ("ij,k,k->ij", [np.full(4, 1e200)] * 2),
        ("ij,j,j->i", [np.full(4, 1e200)] * 2),
        ("ij,jk,k->i", [np.eye(4) * 1e200, np.full(4, 1e200)]),
        ("ij,ij,i,i->ij", [np.ones((4, 4)), np.full(4, 1e200), np.full(4, 1e200)]),
        ("ij,jk,kl->il", [np.eye(4) * 1e200, np.full((4, 1), 1e200)]),
        ("ij,jk,l->il", [np.full((4, 4), 1e308), np.ones(3)]),
    ],
)
def test_products_that_overflow_in_a_planned_order_alone(subscripts: str, others: list[Any]) -> None:
    small = sp.csr_array(np.eye(4) * 1e-300)
    result = written_out(er.einsum(subscripts, small, *others))
    right = np.einsum(subscripts, small.toarray(), *others)
    assert np.isfinite(right).all()
    np.testing.assert_allclose(result, right)


@pytest.mark.parametrize("new", [sp.csr_array, sp.csc_array, sp.coo_array, sparse.COO, sparse.GCXS])
def test_sums_of_complex_infinities(new: Any) -> None:
    c = np.array([[complex(np.inf, 1), 0], [0, 1]])
    a = new(sparse.COO.from_numpy(c)) if new is sparse.GCXS else new(c)
    for subscripts in ("ij->i", "ij->j", "ii->i", "ij->ji"):
        found = written_out(er.einsum(subscripts, a))
        np.testing.assert_array_equal(found, np.einsum(subscripts, c))


def test_row_sums_of_a_wide_matrix_take_no_row() -> None:
    a = sp.csr_array((np.ones(3), np.array([0, 5, 7]), np.array([0, 1, 3])), shape=(2, 2**40))
    np.testing.assert_array_equal(er.einsum("ij->i", a).toarray(), [1.0, 2.0])


def test_long_sums_in_single_precision() -> None:
    column = sp.csr_array(np.full((10**6, 1), 0.1, np.float32))
    (total,) = er.einsum("ij->j", column).toarray()
    assert total.dtype == np.float32
    assert abs(total - 1e5) < 1


@pytest.mark.parametrize("new", [sp.csr_array, sp.csc_array, sp.coo_array])
@pytest.mark.parametrize(
    "subscripts", ["ij,ij->ij", "ij,ij->ji", "ij,ij->i", "ij,ij->j", "ij,ij->", "ij,ji->ij", "ij,ji->j"]
)
def test_products_of_elements(subscripts: str, new: Any, rng: np.random.Generator) -> None:
    x, y = (np.where(rng.random((9, 9)) < 0.4, rng.integers(1, 9, (9, 9)), 0) for _ in range(2))
    for dtype in ("f8", "i4", "?", "c16", "g"):
        a, b = x.astype(dtype), y.astype(dtype)
        right = np.einsum(subscripts, a, b)
        with forcing("sparse.multiply") as ran:
            found = written_out(er.einsum(subscripts, new(a), sp.csr_array(b)))
        assert "sparse.multiply" in ran
        assert found.dtype == right.dtype
        np.testing.assert_array_equal(found, right)


def test_products_of_elements_leave_absent_ones_alone() -> None:
    a, b = sp.csr_array([[np.inf, 2.0]]), sp.csr_array([[0.0, 3.0]])
    np.testing.assert_array_equal(er.einsum("ij,ij->ij", a, b).toarray(), [[0.0, 6.0]])


@pytest.mark.parametrize(
    "path",
    [["einsum_path"], ["einsum_path", (0, 1)], ["einsum_path", (0, 7)], ["einsum_path", (0.0, 1), (0, 1)]],
)
def test_paths_of_ones_own_that_lead_nowhere(a: sp.csr_array, path: Any) -> None:
    dense, x = a.toarray(), np.ones((a.shape[1], 2))
    with pytest.raises((TypeError, IndexError, RuntimeError)) as numpys:
        np.einsum("ij,jk,kl->il", dense, x, x[:2], optimize=path)
    with pytest.raises(numpys.type, match="optimize is"):
        er.einsum("ij,jk,kl->il", a, x, x[:2], optimize=path)


def test_einsum_path_reads_shapes(a: sp.csr_array) -> None:
    x = np.ones((a.shape[1], 2))
    for same in (a, sparse.COO.from_numpy(a.toarray())):
        assert er.einsum_path("ij,jk,kl->il", same, x, x[:2]) == np.einsum_path(
            "ij,jk,kl->il", a.toarray(), x, x[:2]
        )
    with pytest.raises(TypeError, match="einsum_call"):
        er.einsum_path("ij,jk->ik", a, x, einsum_call=True)
