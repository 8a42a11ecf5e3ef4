"""Contractions by the compiled core against NumPy's einsum: every dtype, layout and number of operands."""

from __future__ import annotations

import gc
import random
import sys
import threading
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er
from einroute._native import CORE
from einroute._native.flags import report

if CORE is None:
    pytest.skip("the compiled core is not there", allow_module_level=True)

from tests.native.contractions import DTYPES, drawn, same, strange

RIGHT = (
    *("ij,jk->ik", "ij,kj", "ij,jk->ki", "ij,jk,kl->il", "ij,jk,kl,lm->im", "ij,jk,kl,lm,mi", "i,i->", "i,i"),
    *("ij->", "ij->j", "ij->i", "ii", "ii->", "iij->j", "ijk->k", "i,ij,j->", "i,j,k->kji", "ij,ij->ij"),
    *("i,i,i->i", "i,i,i,i->", "bij,bjk->bik", "ijk,kji->", "ijk,jl->lik", "ij,j", "i,j", "Ba,aB,cB->c"),
    *("ii,ij->j", "iij,jji->i", "i,j->", "ij,kl->", "ij,kl->il", " i j , j k -> i k ", "ij,jk,ki,ik,ji->k"),
)


def arrays_of(subscripts: str, size: int, dtype: str) -> list[np.ndarray]:
    rng = random.Random(size)
    inputs = subscripts.replace(" ", "").partition("->")[0].split(",")
    return [strange(rng, (size,) * len(own), dtype) for own in inputs]


@pytest.mark.parametrize("subscripts", RIGHT)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 2, 3, 9])
def test_contractions_are_numpys(subscripts: str, dtype: str, size: int) -> None:
    arrays = arrays_of(subscripts, size, dtype)
    right = np.einsum(subscripts, *arrays)
    run = CORE.Contraction(subscripts, dtype, [x.shape for x in arrays])
    kept = [x.copy() for x in arrays]
    assert same(run(*arrays), right), run.steps
    for out in (np.full(right.shape[::-1], 7, dtype).T, np.full((*right.shape, 2), 7, dtype)[..., 1]):
        assert run(*arrays, out=out) is out
        assert np.array_equal(out, right)
    assert all(np.array_equal(x, y) for x, y in zip(arrays, kept, strict=True))
    turned = CORE.Contraction(subscripts, dtype, [x.shape for x in arrays], order="F", scalar=False)
    result = turned(*arrays)
    assert type(result) is np.ndarray
    assert result.flags.f_contiguous
    assert np.array_equal(result, right)


@given(st.integers(0, 2**32))
@settings(deadline=None, max_examples=500)
def test_what_is_understood_is_numpys(seed: int) -> None:
    subscripts, arrays = drawn(random.Random(seed))
    run = CORE.understand(subscripts, *arrays)
    if run is not None:
        assert same(run(*arrays), np.einsum(subscripts, *arrays)), (subscripts, run.steps)


ONE, TWO = np.ones(2), np.ones((2, 2))


@pytest.mark.parametrize(
    ("subscripts", "arrays"),
    [
        ("ij->ji", (TWO,)),
        ("ii->i", (TWO,)),
        ("i...,i->...", (TWO, ONE)),
        ("ij,jk->ii", (TWO, TWO)),
        ("ij,jk->il", (TWO, TWO)),
        ("ij,jk->i->k", (TWO, TWO)),
        ("ij,jk-", (TWO, TWO)),
        ("ij,jk->i,k", (TWO, TWO)),
        ("ij,jk,k->i", (TWO, TWO)),
        ("ij->i", (TWO, TWO)),
        ("ij,j->i", (TWO, TWO)),
        ("ij,jé->i", (TWO, TWO)),
        ("ij,j0->i", (TWO, TWO)),
        ("i,i->", (ONE, np.ones(3))),
        ("ii,i->", (np.ones((1, 3)), np.ones(3))),
        ("i,i->", (ONE, np.ones(2, "f"))),
        ("i,i->", (ONE.astype(">f8"), ONE.astype(">f8"))),
        ("i,i->", (ONE.astype("e"), ONE.astype("e"))),
        ("i,i->", (ONE.astype("g"), ONE.astype("g"))),
        ("i,i->", (ONE.astype("O"), ONE.astype("O"))),
        ("i,i->", (ONE.astype("U"), ONE.astype("U"))),
        ("i,i->", (ONE.astype("m8[s]"), ONE.astype("m8[s]"))),
        ("i,i->", (np.ones(2, np.dtype("d", metadata={"a": 1})),) * 2),
        ("i,i->", (np.ones(0), np.ones(0))),
        ("ij,jk->ik", (np.ones((100, 100)),) * 2),
        ("a" * 17 + ",b->b", (np.ones((1,) * 17), ONE)),
        (",".join("i" * 9) + "->", (ONE,) * 9),
    ],
)
def test_what_is_not_understood(subscripts: str, arrays: tuple[np.ndarray, ...]) -> None:
    assert CORE.understand(subscripts, *arrays) is None


def test_zeros_have_the_sign_of_numpys_sums() -> None:
    negative, one = np.array([-0.0]), np.ones(1)
    for subscripts in ("i,i->", "i,j->j", "ij,jk->ik", "i,i,i->"):
        inputs = subscripts.partition("->")[0].split(",")
        arrays = [x.reshape((1,) * len(own)) for own, x in zip(inputs, (negative, one, one), strict=False)]
        assert not np.signbit(CORE.understand(subscripts, *arrays)(*arrays)).any()
    assert np.signbit(CORE.understand("i,i->i", negative, one)(negative, one)).all()


class TestOverflow:
    """What is not finite is as in NumPy's order; nothing is told of it."""

    @pytest.mark.parametrize("dtype", "fdFD")
    @pytest.mark.parametrize(
        ("subscripts", "values"),
        [
            ("i,j->", ([1, 1], [1e-2, 0])),
            ("i,j->", ([1e-2, 0], [1, 1])),
            ("i,j->", ([10, 10], [1, -1])),
            ("i,ij,jk->k", ([1, 1], [[1, 1], [1, 1]], [[1e-9, 0], [0, 0]])),
            ("ij,jk,kl->il", ([[1e2, 1], [1, 1]], [[1, 1], [1, 1]], [[1e-9, 0], [1, -1]])),
            ("i,i,i->i", ([1, 1], [1e3, 1], [1e-3, 1])),
            ("i,j->", ([np.inf, 1], [1, 0])),
            ("ij,jk,kl->il", ([[np.inf, 1], [1, 1]], [[0, 1], [1, 1]], [[1, 0], [1, np.nan]])),
        ],
    )
    def test_it_is_numpys(self, subscripts: str, values: Any, dtype: str) -> None:
        large = np.finfo(dtype).max / 2
        with np.errstate(all="ignore"):
            arrays = [np.array(x, dtype) * np.array(1 if i else large, dtype) for i, x in enumerate(values)]
        right = np.einsum(subscripts, *arrays)
        run = CORE.Contraction(subscripts, dtype, [x.shape for x in arrays])
        with np.errstate(all="raise"):
            result = run(*arrays)
        np.testing.assert_allclose(result, right, rtol=1e-6)
        assert type(result) is type(right)
        out = np.empty(right.shape, dtype)
        run(*arrays, out=out)
        np.testing.assert_allclose(out, right, rtol=1e-6)

    @pytest.mark.parametrize("dtype", "fdFD")
    @pytest.mark.parametrize("still", [0, 1])
    @pytest.mark.parametrize("subscripts", ["i,i->", "ij,jk->ik", "nlf,feJ->nleJ", "ji,kj->ik", "ij,ij->i"])
    def test_also_of_a_factor_that_stands_still_in_memory(self, subscripts, still, dtype) -> None:
        """NumPy takes it out of the sum, as it does with one that has no such axis."""
        large = np.finfo(dtype).max / 2
        sizes = dict.fromkeys("ijknlfeJ", 2)
        shapes = [tuple(sizes[c] for c in term) for term in subscripts.partition("->")[0].split(",")]
        arrays = [
            np.broadcast_to(np.array(large, dtype), shape)
            if i == still
            else np.resize(np.array([large, -large, -large, large], dtype), shape)
            for i, shape in enumerate(shapes)
        ]
        right = np.einsum(subscripts, *arrays)
        with np.errstate(all="raise"):
            run = CORE.Contraction(subscripts, dtype, shapes)
            np.testing.assert_array_equal(run(*arrays), right)
            out = np.empty(right.shape, dtype)
            run(*arrays, out=out)
            np.testing.assert_array_equal(out, right)
            for _ in range(3):
                np.testing.assert_array_equal(er.einsum(subscripts, *arrays), right)

    @pytest.mark.parametrize("dtype", "fdFD")
    @pytest.mark.parametrize("subscripts", ["i->", "ij->i", "ji->i", "i,i->", "k,zb->bz"])
    @pytest.mark.parametrize("target", ["new", "scattered", "overlapping"])
    def test_also_into_an_out(self, subscripts: str, target: str, dtype: str) -> None:
        """NumPy's iterator turns axes of negative strides only where the out allows it."""
        large = np.array([1, -1, -1], dtype) * np.array(np.finfo(dtype).max / 2 * 1.2, dtype)

        def into(einsum: Any) -> Any:
            arrays = [
                np.resize(large if i == 0 else np.ones(1, dtype), (3,) * len(term))[..., ::-1]
                for i, term in enumerate(subscripts.partition("->")[0].split(","))
            ]
            shape = np.einsum(subscripts, *arrays).shape
            out = np.empty((*shape, 2), dtype)[..., 0] if target == "scattered" else np.empty(shape, dtype)
            if target == "overlapping" and arrays[0].shape[: len(shape)] == shape:
                out = arrays[0][(..., *[0] * (arrays[0].ndim - len(shape)))]
            return einsum(subscripts, *arrays, out=out).copy()

        with np.errstate(all="ignore"):
            right = into(np.einsum)
        with np.errstate(all="raise"):
            for _ in range(3):
                np.testing.assert_array_equal(into(er.einsum), right)

    @pytest.mark.parametrize("dtype", "fdFD")
    def test_what_is_no_number_stays_so(self, dtype: str) -> None:
        a = np.ones((4, 5), dtype)
        a[1, 2], a[2, 0] = np.nan, np.inf
        for subscripts, arrays in (("ij->i", (a,)), ("ij,j->i", (a, a[0])), ("ij,ij->", (a, a))):
            for _ in range(3):
                np.testing.assert_array_equal(er.einsum(subscripts, *arrays), np.einsum(subscripts, *arrays))

    @pytest.mark.parametrize("dtype", "fdFD")
    def test_what_is_no_number_beside_others_that_overflow(self, dtype: str) -> None:
        large = np.finfo(dtype).max
        x = np.array([[1, -large, -large, large], [np.nan, 0, 0, 0], [1, np.inf, -1, 1]], dtype)
        ones = np.ones_like(x)
        for subscripts, arrays in (("ij->i", (x,)), ("ij,ij->i", (x, ones)), ("ij,j->i", (x, ones[0]))):
            with np.errstate(all="ignore"):
                right = np.einsum(subscripts, *arrays)
            for _ in range(3):
                np.testing.assert_array_equal(er.einsum(subscripts, *arrays), right)

    @pytest.mark.parametrize("dtype", "FD")
    @pytest.mark.parametrize("subscripts", ["ij,ij->i", "ij,j->i", "ij,kj->ik"])
    def test_two_complex_terms_are_four_real_ones(self, subscripts: str, dtype: str) -> None:
        large = np.finfo(dtype).max / 3.6
        a = np.tile(np.array([-large + large * 1j, large + large * 1j], dtype), (64, 1))
        b = np.tile(np.array([-2.33 + 1.01j, 1.41 + 1.36j], dtype), (64, 1))
        arrays = (a, b[0] if subscripts == "ij,j->i" else b)
        with np.errstate(all="ignore"):
            right = np.einsum(subscripts, *arrays)
        assert np.isfinite(right).all()
        for order in "KCF":
            np.testing.assert_allclose(er.einsum(subscripts, *arrays, order=order), right, rtol=1e-5)

    @pytest.mark.parametrize("dtype", "fdFD")
    @pytest.mark.parametrize("subscripts", ["ji->", "kji->", "kji->i"])
    def test_also_of_a_single_operand(self, subscripts: str, dtype: str) -> None:
        """NumPy sums along the last label in the alphabet first, and so adds what cancels before the rest."""
        large = np.finfo(dtype).max / 2
        column = np.array([-large, -large, 0, large, large], dtype)
        x = np.broadcast_to(
            column[:, *[None] * (subscripts.index("-") - 1)], (5, 12, 3)[: subscripts.index("-")]
        )
        right = np.einsum(subscripts, x)
        with np.errstate(all="raise"):
            np.testing.assert_array_equal(CORE.Contraction(subscripts, dtype, [x.shape])(x), right)
            for _ in range(3):
                np.testing.assert_array_equal(er.einsum(subscripts, x), right)

    def test_flags_are_told_where_asked_for(self) -> None:
        run = CORE.Contraction("i,i->", "d", [(2,), (2,)], report=report)
        with pytest.warns(RuntimeWarning, match="overflow"):
            assert run(np.full(2, 1e300), np.full(2, 1e300)) == np.inf
        with np.errstate(all="raise"), pytest.raises(FloatingPointError, match="invalid"):
            run(np.array([np.inf, 0]), np.array([0.0, 1]))

    def test_flags_are_not_left_behind(self) -> None:
        x = np.full((3, 3), 1e300)
        CORE.understand("ij,jk->ik", x, x)(x, x)
        with np.errstate(all="raise"):
            np.add(x[0, 0], 1.0)
            np.dot(np.ones(3), np.ones(3))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("order", ["K", "C", "F", "A"])
@pytest.mark.parametrize(
    "subscripts", ["ij->", "ij->i", "ijk->j", "ij,ij->", "ijk,kj->i", "ji,jk->ik", "ijk,jkl->il", "ij,ij->i"]
)
def test_sums_that_overflow_on_the_way_are_finite_where_numpys_are(subscripts: str, order: Any) -> None:
    rng = np.random.default_rng(5)
    huge = np.array([1.0, -1.0, 2.0, 0.0, 8.98846567e307, -8.98846567e307, 1.7e308, -1.7e308])
    finite = 0
    for _ in range(40):
        sizes = {c: int(rng.choice([1, 2, 3, 7, 9])) for c in "ijkl"}
        arrays = []
        for own in subscripts.partition("->")[0].split(","):
            axes = rng.permutation(len(own))  # as the operand lies
            array = rng.choice(huge, [sizes[own[i]] for i in axes]).transpose(np.argsort(axes))
            arrays.append(array)
        right = np.einsum(subscripts, *arrays, order=order)
        out = np.empty_like(right)
        for result in (
            er.einsum(subscripts, *arrays, order=order),
            er.einsum(subscripts, *arrays, order=order),
            er.einsum(subscripts, *arrays, order=order, out=out),
        ):
            assert np.array_equal(np.isfinite(result), np.isfinite(right))
        finite += int(np.isfinite(right).sum())
    assert finite


def test_single_precision_is_summed_in_double() -> None:
    x = np.random.default_rng(0).standard_normal((7, 300)).astype("f") * 1000
    y = x[::-1].copy()
    exact = (x * y).astype("d").sum(1).astype("f")
    assert np.array_equal(CORE.Contraction("ij,ij->i", "f", [x.shape, y.shape])(x, y), exact)


class TestErrors:
    RUN = staticmethod(CORE.Contraction("ij,jk->ik", "d", [(2, 2), (2, 2)]))

    @pytest.mark.parametrize(
        ("arguments", "keywords", "error"),
        [
            ((TWO,), {}, TypeError),
            ((TWO,), {"out": TWO}, TypeError),
            ((TWO, TWO, TWO, TWO), {}, TypeError),
            ((TWO, TWO), {"order": "C"}, TypeError),
            (([[1.0, 1.0]] * 2, TWO), {}, TypeError),
            ((TWO, TWO), {"out": [1]}, TypeError),
            ((TWO, np.ones((2, 3))), {}, ValueError),
            ((TWO, np.ones(2)), {}, ValueError),
            ((TWO, np.ones((2, 2), "f")), {}, ValueError),
            ((TWO, np.ones((2, 2), ">f8")), {}, ValueError),
            ((TWO, TWO), {"out": np.ones((2, 2), int)}, ValueError),
            ((TWO, TWO), {"out": np.broadcast_to(np.ones(2), (2, 2))}, ValueError),
        ],
    )
    def test_other_arrays_are_refused(self, arguments: Any, keywords: Any, error: type[Exception]) -> None:
        with pytest.raises(error):
            self.RUN(*arguments, **keywords)

    @pytest.mark.parametrize(
        "change",
        [
            {"char": "g"},
            {"char": "O"},
            {"char": "e"},
            {"subscripts": "ij,jk->il"},
            {"subscripts": "ij"},
            {"subscripts": 3},
            {"subscripts": "ij,é"},
            {"shapes": [(2, 2)]},
            {"shapes": [(2, 2), (2,)]},
            {"shapes": [(2, 2), (3, 2)]},
            {"shapes": [(2, 2), (2, -1)]},
            {"shapes": [(2, 2), (2, 0)]},
            {"shapes": [(2, 2), (2, "x")]},
            {"shapes": [(2, 2), 2]},
            {"shapes": 2},
        ],
    )
    def test_what_is_no_contraction_is_refused(self, change: dict[str, Any]) -> None:
        given: dict[str, Any] = {"subscripts": "ij,jk->ik", "char": "d", "shapes": [(2, 2), (2, 2)]}
        assert CORE.Contraction(**given)(TWO, TWO).tolist() == [[2, 2], [2, 2]]
        with pytest.raises((TypeError, ValueError)):
            CORE.Contraction(**(given | change))

    def test_what_cannot_be_understood_at_all(self) -> None:
        with pytest.raises(TypeError, match="subscripts"):
            CORE.understand()
        with pytest.raises(TypeError, match="exact arrays"):
            CORE.understand("i->", [1])


def test_results_are_as_numpys() -> None:
    result = CORE.understand("ij,jk->ik", TWO, TWO)(TWO, TWO)
    assert result.flags.owndata
    assert result.flags.writeable
    assert result.flags.carray
    assert result.base is None


def test_steps_are_told() -> None:
    a = np.ones((10, 10))
    run = CORE.Contraction("ij,jk,kl->il", "d", [a.shape] * 3)
    assert run.subscripts == "ij,jk,kl->il"
    assert run.steps in {("ij,jk->ik", "kl,ik->il"), ("jk,kl->jl", "ij,jl->il")}
    assert run.nanoseconds(*[a.strides] * 3) > 0
    assert run.intermediates == 800
    for wrong in ((), ([8, 8],), ([8, 8], [8, 8], [8])):
        with pytest.raises((TypeError, ValueError)):
            run.nanoseconds(*wrong)


def test_nothing_leaks() -> None:
    a = np.ones((3, 3))
    gc.collect()
    counts = [sys.getrefcount(x) for x in (a, report)]

    def calls(number: int) -> None:
        for _ in range(number):
            run = CORE.understand("ij,jk,kl->il", a, a, a)
            run(a, a, a)
            run(a * np.inf, a, a)
            assert CORE.understand("ij,jk->il", a, a) is None
            with pytest.raises(ValueError, match="another shape"):
                run(a, a, a[1:])
            with pytest.raises((TypeError, ValueError)):
                CORE.Contraction("i,i->", "d", [(2,), (3,)], report=report)
            CORE.Contraction("i,i->", "d", [(3,), (3,)], report=report)(a[0], a[0])

    calls(10)
    gc.collect()
    tracemalloc.start()
    try:
        calls(10)
        gc.collect()
        before = tracemalloc.get_traced_memory()[0]
        calls(200)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 20_000
    assert [sys.getrefcount(x) for x in (a, report)] == counts


@given(st.integers(0, 2**32))
@settings(deadline=None, max_examples=150)
def test_what_is_understood_at_sight_is_what_the_planner_chooses(seed: int) -> None:
    import einroute as er  # after the core is known to be there

    subscripts, arrays = drawn(random.Random(seed))
    if CORE.understand(subscripts, *arrays) is not None:
        explained = er.explain(subscripts, *arrays)
        near = (
            explained.seconds > 0.65e-6
        )  # what the core answers at sight ends here, where others are as fast
        assert explained.routes == ("dense.small",) or near


def test_where_python_plans_the_runner_is_the_cores_own() -> None:
    import einroute as er  # after the core is known to be there

    a = np.random.default_rng(2).random((12, 12))
    assert CORE.understand("ij,jk,kl,lm,mn->in", *[a] * 5) is None
    assert er.explain("ij,jk,kl,lm,mn->in", *[a] * 5).routes == ("dense.small",)
    plain = np.einsum("ij,jk,kl,lm,mn->in", *[a] * 5, optimize=True)
    np.testing.assert_allclose(er.einsum("ij,jk,kl,lm,mn->in", *[a] * 5), plain, rtol=1e-12)
    with er.record() as seen:
        er.einsum("ij,jk,kl,lm,mn->in", *[a] * 5)
    assert "dense.small" in str(seen)
    with er.config(memory_limit=0):
        assert er.explain("ij,jk,kl->il", a, a, a).routes != ("dense.small",)


def test_what_is_repeated_lies_in_the_order_asked_for() -> None:
    for laid in ("C", "F"):
        a, b = (np.full(shape, 1e308, order=laid) for shape in ((2, 3, 4), (3, 5)))
        for order in ("C", "F"):
            run = CORE.Contraction("abc,bd->ad", "d", [a.shape, b.shape], order=order)
            result = run(a, b)
            assert np.array_equal(result, np.einsum("abc,bd->ad", a, b))
            assert result.flags[f"{order}_CONTIGUOUS"]


def test_other_threads_go_on_meanwhile() -> None:
    a, b, c = np.ones(300), np.ones((300, 4000)), np.ones((4000, 300))
    run = CORE.Contraction("i,ij,ji->j", "d", [a.shape, b.shape, c.shape])
    seen, ended, went_on = [0], threading.Event(), threading.Event()

    def work() -> None:
        for _ in range(1000):  # others may have the cores for a while
            before = seen[0]
            assert run(a, b, c)[0] == 300
            if seen[0] > before:
                went_on.set()
                break
        ended.set()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(60)  # nobody has to give the GIL up
    try:
        worker = threading.Thread(target=work)
        worker.start()
        while not ended.is_set():
            seen[0] += 1
            time.sleep(0)
        worker.join()
    finally:
        sys.setswitchinterval(interval)
    assert went_on.is_set()


@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")  # from NumPy 2.5 on
def test_operands_that_another_thread_changes_meanwhile() -> None:
    a, b, c = np.ones(30), np.ones((30, 2000)), np.ones((2000, 30))
    run = CORE.Contraction("i,ij,ji->j", "d", [a.shape, b.shape, c.shape])
    ended = threading.Event()

    def change() -> None:
        while not ended.is_set():
            b.shape, c.dtype = (60_000,), np.dtype("f4")
            b.shape, c.dtype = (30, 2000), np.dtype("f8")

    worker = threading.Thread(target=change)
    worker.start()
    try:
        for turn in range(200):
            a[0] = np.nan if turn % 2 else 1.0
            try:
                result = run(a, b, c)
            except ValueError:
                continue
            assert result.shape == (2000,)
            assert np.isnan(result).all() if turn % 2 else (result == 30).all()
    finally:
        ended.set()
        worker.join()
