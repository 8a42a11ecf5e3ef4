"""contract, contract_expression and contract_path against opt_einsum's own."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import opt_einsum
import pytest
import scipy.sparse

import einroute as er
import einroute.opt_einsum as oe
from tests.networks_helpers import chain, lattice, random_network, tree

RNG = np.random.default_rng(7)
A, B, C = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 5)), RNG.standard_normal((5, 3))


def same(got: Any, wanted: Any, rtol: float = 1e-9) -> None:
    """Value, dtype and shape."""
    if np.asarray(wanted).dtype.char in "fF":
        rtol = max(rtol, 1e-5)
    assert np.shape(got) == np.shape(wanted)
    assert np.asarray(got).dtype == np.asarray(wanted).dtype
    np.testing.assert_allclose(got, wanted, rtol=rtol, atol=1e-12)


@pytest.mark.parametrize(
    "args",
    [
        ("ij,jk->ik", A, B),
        ("ij,jk", A, B),
        ("ij,jk,ki->", A, B, C),
        ("ij,jk,ki", A, B, C),
        ("αβ,βγ,γα->αβγ", A, B, C),
        ("Ā\ue000,\ue000ā->Āā", A, B),
        ("āĀ,Āb", A, B),
        ("...j,jk->...k", RNG.standard_normal((2, 3, 4)), B),
        ("...j,...k", A, RNG.standard_normal((2, 1, 5))),
        ("i...->...", A),
        ("...->", A),
        (" i j , j k -> k i ", A, B),
        ("ii->i", RNG.standard_normal((3, 3))),
        ("iij,jk->k", RNG.standard_normal((3, 3, 4)), B),
        ("ij,ij,ij->ij", A, A, A),
        ("i,i,i,i->i", *[RNG.standard_normal(3)] * 4),
        (",->", 2.0, 3),
        (",ij->ji", 2.0, A),
        ("ij,kj->ik", A, RNG.standard_normal((2, 1))),
        ("ij,jk->ik", A.astype("f4"), B.astype("c8")),
        ("ij,jk->ik", A > 0, B > 0),
        ("ij,jk->ik", (9 * A).astype("i1"), (9 * B).astype("i8")),
        ("ij,jk->ik", A.tolist(), B),
        ("ij,jk->ik", np.zeros((3, 0)), np.zeros((0, 5))),
        (A, [0, 1], B, [1, 2], [0, 2]),
        (A, [0, 1], B, [1, 2]),
        (A, [30, 2], B, [2, 3]),
        (A, ["row", "shared"], B, ["shared", "column"], ["column", "row"]),
        (A, [("a", 1), ("a", 2)], B, [("a", 2), ("b", 1)]),
        (A, [..., 1], B, [1, 2], [2, ...]),
        (A, np.array([0, 1]), B, np.array([1, 2])),
    ],
)
def test_calls(args: tuple[Any, ...]) -> None:
    same(er.contract(*args), opt_einsum.contract(*args))


def test_labels_that_cannot_be_sorted() -> None:
    got = er.contract(A, [1, "x"], B, ["x", None], [None, 1])
    same(got, (A @ B).T)
    with pytest.raises(TypeError, match="cannot be sorted"):
        er.contract(A, [1, "x"], B, ["x", None])


@pytest.mark.parametrize(
    ("args", "kind", "message"),
    [
        (("ij,jk->ik", A), ValueError, "2 terms for 1 operand"),
        (("ij,jk->ik", A, C), ValueError, "label 'j' has size 4 in operand 0"),
        (("ijk,jk->i", A, B), ValueError, "operand 0 has 2 dimensions"),
        (("ij,jk->il", A, B), ValueError, "label 'l', which no operand has"),
        (("ij,jk->ii", A, B), ValueError, "'i' more than once"),
        (("ij->i->j", A), ValueError, "one '->'"),
        (("i..j", A), ValueError, "part of one '...'"),
        (("ii", A), ValueError, "label 'i'"),
        ((A, [0, []], B, [1, 2]), TypeError, "no hash"),
        ((A, 3, B, [1, 2]), TypeError, "sublist of operand 0"),
        ((A, ["i", "j"], C, ["j", "k"]), ValueError, "label 'j' has size 4"),
        ((A, [0, 1], B, [1, 2], [3]), ValueError, "label 3, which no operand has"),
    ],
)
def test_bad_networks(args: tuple[Any, ...], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        er.contract(*args)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"optimize": "gredy"}, KeyError, "did you mean 'greedy'"),
        ({"optimize": [(0, 1)]}, ValueError, "leaves 2 operands"),
        ({"optimize": [(0, 3), (0, 1)]}, IndexError, "operand 3 of 3"),
        ({"optimize": [(0, 0), (0, 1)]}, ValueError, "each operand once"),
        ({"optimize": 3.5}, TypeError, "optimize is 3.5"),
        ({"memory_limit": "min"}, ValueError, "max_input"),
        ({"memory_limit": [4]}, TypeError, "memory_limit is of type list"),
        ({"memory_limit": 0}, ValueError, "larger than 0"),
        ({"out": "text"}, TypeError, "out is of type str"),
        ({"out": np.zeros((2, 2))}, ValueError, "out has shape"),
        ({"orderr": "K"}, TypeError, "'orderr'"),
        ({"casting": "none"}, ValueError, "casting"),
    ],
)
def test_bad_options(options: dict[str, Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        er.contract("ij,jk,kl->il", A, B, C, **options)


class _Raising(oe.paths.PathOptimizer):
    def __call__(self, inputs: Any, output: Any, size_dict: Any, memory_limit: Any = None) -> Any:
        raise ArithmeticError("an optimizer's own")


def test_what_an_optimizer_raises_is_handed_on() -> None:
    with pytest.raises(ArithmeticError, match="own"):
        er.contract("ij,jk,kl->il", A, B, C, optimize=_Raising())


@pytest.mark.parametrize(
    "optimize",
    [
        True,
        None,
        False,
        "auto",
        "greedy",
        "optimal",
        "dp",
        "branch-2",
        "random-greedy",
        "auto-hq",
        [(0, 1), (0, 1)],
        [[0, 2], [0, 1]],
        [(0, 1, 2)],
        np.array([(0, 1), (0, 1)]),
        oe.RandomGreedy(max_repeats=4),
        oe.DynamicProgramming(),
        oe.BranchBound(),
    ],
    ids=lambda x: str(x) if isinstance(x, (str, bool, list)) else type(x).__name__,
)
@pytest.mark.parametrize("limit", [None, -1, 4, "max_input"])
def test_optimize_and_memory_limit(optimize: Any, limit: Any) -> None:
    if limit == 4 and (
        (isinstance(optimize, str) and optimize == "dp") or isinstance(optimize, oe.DynamicProgramming)
    ):
        with pytest.raises(RuntimeError):  # its own: it finds no path so narrow
            er.contract("ij,jk,kl->il", A, B, C, optimize=optimize, memory_limit=limit)
        return
    same(er.contract("ij,jk,kl->il", A, B, C, optimize=optimize, memory_limit=limit), A @ B @ C)


def test_searches_leave_pythons_generator_alone() -> None:
    import random

    text, operands = lattice(3, 4, 2)
    random.seed(5)
    wanted = random.random()
    random.seed(5)
    er.contract(text, *operands, optimize="random-greedy")
    assert random.random() == wanted


@pytest.mark.parametrize("seed", range(120))
def test_random_networks(seed: int) -> None:
    """Values by opt_einsum in double precision, dtypes by promotion: it promotes step by step."""
    text, operands = random_network(seed, ("f8", "f8", "c16", "i8", "f4"))
    wanted = opt_einsum.contract(text, *operands, optimize="greedy")
    dtype = np.result_type(*operands)
    got = er.contract(text, *operands)
    assert np.shape(got) == np.shape(wanted)
    assert np.asarray(got).dtype == dtype
    scale = np.abs(opt_einsum.contract(text, *[np.abs(x) for x in operands], optimize="greedy"))
    eps = np.finfo(np.float32).eps if any(x.dtype == np.float32 for x in operands) else 1e-14
    assert np.all(np.abs(got - wanted) <= 100 * eps * scale + 1e-300)


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "i8", "f2", "f4", "f8", "g", "c8", "c16"])
@pytest.mark.parametrize("seed", range(6))
def test_dtypes_of_networks(dtype: str, seed: int) -> None:
    text, operands = random_network(seed + 1000, (dtype,))
    wide = {"c": "c16", "i": "i8", "u": "i8"}.get(np.dtype(dtype).kind, "g" if dtype == "g" else "f8")
    got = np.asarray(er.contract(text, *operands))
    assert got.dtype == np.dtype(dtype)
    wanted = np.asarray(opt_einsum.contract(text, *[x.astype(wide) for x in operands], optimize="greedy"))
    if got.dtype.kind == "b":
        np.testing.assert_array_equal(got, wanted > 0)
    elif got.dtype.kind in "iu":
        np.testing.assert_array_equal(got, wanted.astype(dtype))
    else:
        scale = opt_einsum.contract(text, *[np.abs(x).astype("f8") for x in operands], optimize="greedy")
        fits = scale < float(np.finfo(dtype).max) / 4  # halves are soon too large
        assert np.all((np.abs(got - wanted) <= 200 * float(np.finfo(dtype).eps) * scale + 1e-300) | ~fits)


@pytest.mark.parametrize(
    ("text", "operands"),
    [chain(300, 4), tree(400, 3, outer=3), lattice(4, 60, 2, outer=2), lattice(3, 5, 4)],
    ids=["chain", "tree", "lattice", "small"],
)
def test_long_networks(text: str, operands: list[Any]) -> None:
    wanted = opt_einsum.contract(text, *operands, optimize="greedy")
    same(er.contract(text, *operands), wanted, 1e-8)
    path = er.contract_path(text, *operands)[0]
    same(opt_einsum.contract(text, *operands, optimize=path), wanted, 1e-8)
    with er.config(forbid="dense.network"):
        assert "dense.network" not in er.explain(er.contract, text, *operands).routes
        same(er.contract(text, *operands), wanted, 1e-8)
    expression = er.contract_expression(text, *[x.shape for x in operands])
    for _ in range(3):
        same(expression(*operands), wanted, 1e-8)
    turned = [np.asfortranarray(x) for x in operands]
    same(expression(*turned), wanted, 1e-8)


def test_the_same_path_at_every_search() -> None:
    text, operands = lattice(4, 8, 2)
    assert er.contract_path(text, *operands)[0] == er.contract_path(text, *operands)[0]


def test_a_call_gives_new_memory_each_time() -> None:
    text, operands = tree(30, 3, outer=2)
    first = er.contract(text, *operands)
    kept = first.copy()
    second = er.contract(text, *[2 * x for x in operands])
    np.testing.assert_array_equal(first, kept)
    assert not np.shares_memory(first, second)
    assert first.flags.writeable
    assert first.flags.owndata


def test_many_threads_share_a_plan() -> None:
    from concurrent.futures import ThreadPoolExecutor

    text, operands = tree(60, 3)
    expression = er.contract_expression(text, *[x.shape for x in operands])
    scales = [1 + i / 7 for i in range(40)]
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda s: float(expression(s * operands[0], *operands[1:])), scales))
    np.testing.assert_allclose(got, [s * float(expression(*operands)) for s in scales], rtol=1e-10)


def test_sizes_of_one_in_more_dimensions_than_an_array_can_have() -> None:
    rng = np.random.default_rng(3)
    ones = [f"{opt_einsum.get_symbol(60 + i)}{opt_einsum.get_symbol(100 + i)}" for i in range(40)]
    text = ",".join(
        f"{x}{opt_einsum.get_symbol(i)}{opt_einsum.get_symbol(i + 1)}" for i, x in enumerate(ones)
    )
    text += "," + "".join(x[0] for x in ones) + "," + "".join(x[1] for x in ones)
    operands = [rng.standard_normal((1, 1, 2, 2)) for _ in ones]
    ends = [rng.standard_normal((1,) * 40), rng.standard_normal((1,) * 40)]
    product = operands[0][0, 0]
    for x in operands[1:]:
        product = product @ x[0, 0]
    wanted = product.sum() * ends[0].item() * ends[1].item()
    np.testing.assert_allclose(er.contract(text + "->", *operands, *ends), wanted, rtol=1e-9)


class TestOut:
    @pytest.mark.parametrize("order", ["C", "F"])
    @pytest.mark.parametrize("dtype", ["f8", "f4", "c16"])
    def test_of_networks(self, order: Any, dtype: str) -> None:
        text, operands = lattice(3, 4, 2, outer=3)
        out = np.zeros((2, 2, 2), dtype, order)
        assert er.contract(text, *operands, out=out) is out
        np.testing.assert_allclose(out, er.contract(text, *operands), rtol=1e-5)

    def test_overlapping_an_operand(self) -> None:
        x = RNG.standard_normal((3, 3))
        wanted = x @ x @ x
        er.contract("ij,jk,kl->il", x, x, x, out=x)
        np.testing.assert_allclose(x, wanted)

    def test_a_part_of_an_array(self) -> None:
        text, operands = tree(20, 3, outer=2)
        whole = np.zeros((3, 6))
        er.contract(text, *operands, out=whole[:, ::2])
        np.testing.assert_allclose(whole[:, ::2], er.contract(text, *operands))
        assert not whole[:, 1::2].any()


class TestExpressions:
    @pytest.mark.parametrize("seed", range(60))
    def test_constants(self, seed: int) -> None:
        text, operands = random_network(seed, ("f8", "c16"))
        fixed = {i for i in range(len(operands)) if (seed >> (i % 5)) & 1 or i % 3 == seed % 3}
        given = [x if i in fixed else x.shape for i, x in enumerate(operands)]
        free = [x for i, x in enumerate(operands) if i not in fixed]
        if not free:
            pytest.skip("nothing is left to give")
        expression = er.contract_expression(text, *given, constants=fixed)
        wanted = opt_einsum.contract(text, *operands, optimize="greedy")
        for _ in range(2):
            np.testing.assert_allclose(expression(*free), wanted, rtol=1e-7, atol=1e-9)

    @pytest.mark.parametrize("place", [0, 3, 9])
    def test_a_constant_that_is_summed_alone(self, place: int) -> None:
        text, operands = (
            "a,ab,bc,cd,de,ef,fg,gh,hi,ij->j",
            [RNG.standard_normal((2,) * (1 + (i > 0))) for i in range(10)],
        )
        terms = text.removesuffix("->j").split(",")
        terms.insert(place, "z")
        operands.insert(place, RNG.standard_normal(3))
        text = ",".join(terms) + "->j"
        path = [(place,), *[(0, 1)] * 10]
        given = [x if i == place else x.shape for i, x in enumerate(operands)]
        expression = er.contract_expression(text, *given, constants=[place], optimize=path)
        free = [x for i, x in enumerate(operands) if i != place]
        for _ in range(2):
            same(expression(*free), opt_einsum.contract(text, *operands))

    @pytest.mark.parametrize("constant", [[[1.0, 2.0], [3.0, 4.0]], ((1, 2), (3, 4)), 2.5, 3])
    @pytest.mark.parametrize("many", [2, 12])
    def test_constants_that_become_arrays(self, constant: Any, many: int) -> None:
        term = "ij" if np.ndim(constant) else ""
        text = ",".join([term, "jk", *["kk"] * (many - 2)]) + "->jk"
        rest = [RNG.standard_normal((2, 2)) for _ in range(many - 1)]
        expression = er.contract_expression(text, constant, *[(2, 2)] * (many - 1), constants=[0])
        for _ in range(2):
            same(expression(*rest), np.einsum(text, constant, *rest))
        same(pickle.loads(pickle.dumps(expression))(*rest), np.einsum(text, constant, *rest))

    def test_constants_are_contracted_once(self) -> None:
        large = RNG.standard_normal((40, 40))
        expression = er.contract_expression(
            "ij,jk,k->i", large, large, (40,), constants=[0, 1], optimize=[(0, 1), (0, 1)]
        )
        x = RNG.standard_normal(40)
        expression(x)
        with er.record() as record:
            expression(x)
        assert record.calls == 1
        np.testing.assert_allclose(expression(x), large @ (large @ x))
        large[:] = 0  # what was contracted stays, as in opt_einsum
        assert expression(x).any()

    def test_other_sizes_of_the_same_rank(self) -> None:
        expression = er.contract_expression("ij,jk->ik", (3, 4), (4, 5))
        same(expression(B, C), B @ C)

    def test_shapes_of_views_and_dtypes(self) -> None:
        expression = er.contract_expression("ij,jk->ik", (3, 4), (4, 5))
        for a in (A, A.astype("f4"), np.asfortranarray(A), A[::-1], A.astype(complex)):
            same(expression(a, B), a @ B)

    def test_refusals(self) -> None:
        with pytest.raises(ValueError, match="optimize is False"):
            er.contract_expression("ij,jk->ik", (3, 4), (4, 5), optimize=False)
        for name in ("out", "backend"):
            with pytest.raises(ValueError, match=name):
                er.contract_expression("ij,jk->ik", (3, 4), (4, 5), **{name: "numpy"})
        with pytest.raises(ValueError, match="label 'j'"):
            er.contract_expression("ij,jk->ik", (3, 4), (5, 5))
        expression = er.contract_expression("ij,jk->ik", (3, 4), (4, 5))
        with pytest.raises(ValueError, match="takes exactly 2 array arguments but received 1"):
            expression(A)
        with pytest.raises(ValueError, match="operand 1 has 1 dimensions"):
            expression(A, B[0])

    def test_pickles_and_words(self) -> None:
        expression = er.contract_expression("ij,jk,kl->il", A, (4, 5), C, constants=[0, 2])
        assert repr(expression) == "<ContractExpression('[ij],jk,[kl]->il', constants=[0, 2])>"
        again = pickle.loads(pickle.dumps(expression))
        same(again(B), A @ B @ C)

    def test_out_and_backend(self) -> None:
        expression = er.contract_expression("ij,jk->ik", (3, 4), (4, 5))
        out = np.empty((3, 5))
        assert expression(A, B, out=out) is out
        same(out, A @ B)
        same(expression(A, B, backend="numpy"), A @ B)


class TestPaths:
    def test_report(self) -> None:
        path, report = er.contract_path("ij,jk,kl->il", (3, 4), (4, 5), (5, 6), shapes=True)
        assert path == opt_einsum.contract_path("ij,jk,kl->il", (3, 4), (4, 5), (5, 6), shapes=True)[0]
        assert report.largest_intermediate == 18

    def test_any_operands(self) -> None:
        sparse = scipy.sparse.csr_array(A)
        assert er.contract_path("ij,jk->ik", sparse, B)[0] == [(0, 1)]

    @pytest.mark.parametrize("optimize", ["greedy", "optimal", [(0, 1), (0, 1)], False])
    def test_as_asked(self, optimize: Any) -> None:
        args = ("ij,jk,kl->il", A, B, C)
        ours, theirs = (f(*args, optimize=optimize)[0] for f in (er.contract_path, opt_einsum.contract_path))
        assert [sorted(step) for step in ours] == [sorted(step) for step in theirs]


class TestKinds:
    def test_sparse(self) -> None:
        sparse = scipy.sparse.random_array((30, 40), density=0.1, rng=np.random.default_rng(1)).tocsr()
        dense = RNG.standard_normal((40, 5))
        np.testing.assert_allclose(er.contract("αβ,βγ->αγ", sparse, dense), sparse @ dense)
        expression = er.contract_expression("ij,jk,kl->il", (30, 40), (40, 5), (5, 3))
        last = RNG.standard_normal((5, 3))
        np.testing.assert_allclose(expression(sparse, dense, last), sparse @ dense @ last)
        folded = er.contract_expression("ij,jk,kl->il", sparse, (40, 5), (5, 3), constants=[0])
        np.testing.assert_allclose(folded(dense, last), sparse @ dense @ last)

    def test_networks_of_sparse_operands(self) -> None:
        """Entries that fall together are added up on the way: else they would grow from step to step."""
        import sparse

        text, operands = tree(45, 3, outer=1)
        got = er.contract(text, *[sparse.COO(x) for x in operands])
        np.testing.assert_allclose(got.todense(), opt_einsum.contract(text, *operands))

    def test_structured(self) -> None:
        labels = np.array([0, 2, 1, 2])
        hot = er.one_hot(labels, 3)
        x = RNG.standard_normal((4, 6))
        np.testing.assert_allclose(er.contract("ti,tj->ij", hot, x), np.asarray(hot).T @ x)
        terms, operands = chain(9, 4)
        head, _, _ = terms.partition("->")
        text, values = (
            f"{head},zA,zy->y",
            [*operands, RNG.standard_normal((5, 4)), RNG.standard_normal((5, 2))],
        )
        wanted = opt_einsum.contract(text, *values)
        np.testing.assert_allclose(er.contract(text, *values), wanted)

    def test_objects_are_opt_einsums(self) -> None:
        objects = np.array([[1, 2], [3, 4]], object)
        np.testing.assert_array_equal(er.contract("ij,jk->ik", objects, objects), objects @ objects)

    def test_inside_shared_intermediates(self) -> None:
        with opt_einsum.shared_intermediates() as cache:
            er.contract("ij,jk->ik", A, B)
            er.contract("ab,bc->ac", A, B)
        assert opt_einsum.sharing.count_cached_ops(cache)["tensordot"] == 1


class TestStripExponent:
    @pytest.mark.parametrize("seed", range(30))
    def test_values(self, seed: int) -> None:
        text, operands = random_network(seed, ("f8", "c16"))
        mantissa, exponent = er.contract(text, *operands, strip_exponent=True)
        wanted = opt_einsum.contract(text, *operands, optimize="greedy")
        scale = np.abs(opt_einsum.contract(text, *[np.abs(x) for x in operands], optimize="greedy"))
        assert np.shape(mantissa) == np.shape(wanted)
        assert np.all(np.abs(mantissa * 10**exponent - wanted) <= 1e-12 * scale + 1e-300)

    def test_beyond_floats(self) -> None:
        text, operands = chain(200, 3)
        mantissa, exponent = er.contract(text, *[1e9 * x for x in operands], strip_exponent=True)
        plain, own = er.contract(text, *operands, strip_exponent=True)
        assert exponent > 400
        np.testing.assert_allclose([float(mantissa), exponent - 9 * 200], [float(plain), own], rtol=1e-9)

    def test_refusals(self) -> None:
        with pytest.raises(TypeError, match="floats"):
            er.contract("ij,jk->ik", A > 0, B > 0, strip_exponent=True)
        with pytest.raises(TypeError, match="out is given"):
            er.contract("ij,jk->ik", A, B, out=np.zeros((3, 5)), strip_exponent=True)
        same(er.contract("ij,jk->ik", A, B, strip_exponent=False), A @ B)


def test_slices_keep_within_a_memory_limit() -> None:
    text, operands = lattice(4, 4, 4)
    path = opt_einsum.contract_path(text, *operands, optimize="greedy")[0]
    wanted = opt_einsum.contract(text, *operands, optimize=path)
    for limit in (4096, 2000, 700):
        explained = er.explain(er.contract, text, *operands, optimize=path, memory_limit=limit)
        assert explained.outline.peak <= 8 * limit
        np.testing.assert_allclose(
            er.contract(text, *operands, optimize=path, memory_limit=limit), wanted, rtol=1e-9
        )


def test_explanations_of_long_networks_are_short() -> None:
    text, operands = lattice(4, 250, 2)
    for forbidden in ((), "dense.network"):
        with er.config(forbid=forbidden):
            explained = er.explain(er.contract, text, *operands)
        lines = str(explained).splitlines()
        assert len(lines) < 40
        assert "1,000 operands" in str(explained)
        assert len(explained.svg()) < 20_000
    assert len(er.explain(er.contract, "ij,jk->ik", A, B).outline.operands) == 2


def test_explanations_and_strip_exponent() -> None:
    args = ("ij,jk,kl->il", A, B, C)
    assert str(er.explain(er.contract, *args, strip_exponent=False)) == str(er.explain(er.contract, *args))
    with pytest.raises(TypeError, match="strip_exponent is not explained"):
        er.explain(er.contract, *args, strip_exponent=True)


@pytest.mark.parametrize("optimize", [True, False, "greedy", [(0, 1), (0, 1)]])
@pytest.mark.parametrize("shapes", [False, True])
def test_paths_of_labels_that_cannot_be_sorted(optimize: Any, shapes: bool) -> None:
    operands = [x.shape if shapes else x for x in (A, B, C)]
    sublists: list[list[Any]] = [[None, "j"], ["j", ("k", 1)], [("k", 1), 2.5], [None, 2.5]]
    args = [x for pair in zip(operands, sublists, strict=False) for x in pair]
    path, report = er.contract_path(*args, sublists[-1], optimize=optimize, shapes=shapes)
    wanted = opt_einsum.contract_path("ij,jk,kl->il", *operands, optimize=optimize, shapes=shapes)
    assert (path, report.opt_cost) == (wanted[0], wanted[1].opt_cost)


def test_names_are_opt_einsums() -> None:
    assert set(oe.__all__) == set(opt_einsum.__all__)
    ours = {"contract", "contract_expression", "contract_path"}
    assert all(getattr(oe, name) is getattr(opt_einsum, name) for name in set(oe.__all__) - ours)
    assert all(getattr(oe, name) is getattr(er, name) for name in ours)
    assert oe.sharing is opt_einsum.sharing
    with pytest.raises(AttributeError):
        oe.absent  # noqa: B018 - asking is what is tested


@pytest.mark.parametrize("constants", [0, 1.5, "0", [0.5], ["0"], object()])
def test_constants_that_are_no_positions(constants: Any) -> None:
    with pytest.raises(TypeError, match=r"constants is .*, expected the positions of operands"):
        er.contract_expression("ij,jk->ik", A, (4, 5), constants=constants)


def test_constants_of_numpys_integers() -> None:
    expression = er.contract_expression("ij,jk->ik", A, (4, 5), constants=np.array([0]))
    same(expression(B), A @ B)
    same(er.contract_expression("ij,jk->ik", (3, 4), (4, 5), constants=[])(A, B), A @ B)
