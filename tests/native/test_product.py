"""Products by the compiled core against NumPy's, in every layout, and by every instruction set."""

from __future__ import annotations

import gc
import sys
import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er
from einroute._native import CORE
from einroute._native.flags import report
from tests.helpers import forcing

if CORE is None:
    pytest.skip("the compiled core is not there", allow_module_level=True)

from tests.native.products import EXPRESSIONS, LAYOUTS, operands, product

DTYPES = ("f", "d", "F", "D")


def assert_agrees(result: np.ndarray, right: np.ndarray) -> None:
    assert result.dtype == right.dtype
    assert result.shape == right.shape
    rtol = 1e-4 if right.dtype.char in "fF" else 1e-12
    np.testing.assert_allclose(result, right, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("subscripts", EXPRESSIONS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 8, 13, 32])
def test_products_are_numpys(subscripts: str, dtype: str, layout: str, size: int) -> None:
    summed = set(subscripts.partition("->")[0]) - set(subscripts.partition("->")[2]) - {","}
    if len(summed) > 1:
        size = min(size, 8)  # sums are of 64 products at most
    sizes = dict.fromkeys("ijk", size) | {"b": 11, "c": 2}
    a, b = operands(subscripts, sizes, dtype, layout)
    kept = a.copy(), b.copy()
    right = np.einsum(subscripts, a, b)
    run = product(subscripts, sizes, dtype)
    assert_agrees(run(a, b), right)
    for out in (np.full(right.shape[::-1], 7, dtype).T, np.full((*right.shape, 2), 7, dtype)[..., 1]):
        assert run(a, b, out=out) is out
        assert_agrees(out, right)
    assert np.array_equal(a, kept[0])
    assert np.array_equal(b, kept[1])


@given(st.data())
@settings(deadline=None, max_examples=200)
def test_bits_do_not_depend_on_the_instruction_set_or_the_layout(data: Any) -> None:
    subscripts = data.draw(st.sampled_from(EXPRESSIONS))
    sizes = {c: data.draw(st.integers(1, 33 if c == "b" else 8)) for c in "bcijk"}
    dtype = data.draw(st.sampled_from(DTYPES))
    a, b = operands(subscripts, sizes, dtype, "C")
    run = product(subscripts, sizes, dtype)
    results = []
    try:
        for isa in CORE.compiled_isas():
            CORE.choose_isa(isa)
            results.append(run(a, b).tobytes())
            out = np.empty(run(a, b).shape[::-1], dtype).T
            run(np.asfortranarray(a), np.asfortranarray(b), out)
            results.append(out.tobytes())
    finally:
        CORE.choose_isa("")
    assert len(set(results)) == 1


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "subscripts", ["bij,bjk->bik", "bij,jk->bik", "bij,bj->bi", "ijb,jb->ib", "bi,bi->b"]
)
def test_each_call_goes_through_the_layouts_that_it_is_given(subscripts: str, dtype: str) -> None:
    sizes = dict(zip("bijk", (7, 3, 4, 5), strict=True))
    run = product(subscripts, sizes, dtype)
    contraction = CORE.Contraction(
        subscripts, dtype, [x.shape for x in operands(subscripts, sizes, dtype, "C")]
    )
    for layout in (*LAYOUTS, "C", "C", *LAYOUTS):
        a, b = operands(subscripts, sizes, dtype, layout)
        right = np.einsum(subscripts, a, b)
        for x, y in ((a, b), (a.copy(), b), (a, b.copy()), (a, b)):
            for call in (run, contraction):
                assert_agrees(call(x, y), right)
                out = np.full(right.shape[::-1], 7, dtype).T
                assert_agrees(call(x, y, out=out), right)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("stack", [64, 512, 1021])
@pytest.mark.parametrize(("rows", "sums"), [(7, 5), (16, 17)])
def test_lines_that_collide_in_the_cache_are_copied(dtype: str, stack: int, rows: int, sums: int) -> None:
    sizes = {"b": stack, "i": rows, "j": sums, "k": 6}
    a, b = operands("ijb,jkb->ikb", sizes, dtype, "C")
    apart = [np.concatenate((x, x[..., :8]), 2)[..., :stack] for x in (a, b)]  # lines that do not
    run = product("ijb,jkb->ikb", sizes, dtype)
    right = run(*apart)
    assert_agrees(right, np.einsum("ijb,jkb->ikb", a, b))
    try:
        for isa in CORE.compiled_isas():
            CORE.choose_isa(isa)
            for x, y in ((a, b), (apart[0], b), (a, apart[1])):
                assert run(x, y).tobytes() == right.tobytes(), isa
    finally:
        CORE.choose_isa("")


def test_a_number_times_its_conjugate_is_real() -> None:
    z = np.random.default_rng(1).standard_normal((50, 3)) * (1 + 0.3j)
    run = product("bi,bi->b", {"b": 50, "i": 3}, "D")
    assert (run(z, z.conj()).imag == 0).all()


class TestFlags:
    """Warnings are those of NumPy's matmul, whichever lanes are in use."""

    @pytest.mark.parametrize(
        ("value", "other", "said"),
        [
            (1e308, 1e308, ["overflow encountered in matmul"]),
            (np.inf, 0.0, ["invalid value encountered in matmul"]),
            (1.0, 2.0, []),
            (np.nan, 2.0, []),
            (np.inf, 2.0, []),
        ],
    )
    @pytest.mark.parametrize("stack", [1, 3, 4, 9])
    def test_warnings(self, value: float, other: float, said: list[str], stack: int) -> None:
        run = product("bij,bjk->bik", {"b": stack, "i": 3, "j": 1, "k": 5}, "d")
        a, b = np.full((stack, 3, 1), value), np.full((stack, 1, 5), other)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            run(a, b)
        assert [str(w.message) for w in caught] == said

    def test_errstate_is_obeyed(self) -> None:
        run = product("bij,bjk->bik", dict.fromkeys("bijk", 2), "d")
        x = np.full((2, 2, 2), 1e308)
        with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow"):
            run(x, x)
        tiny = np.full((2, 2, 2), 1e-308)
        with np.errstate(under="raise"), pytest.raises(FloatingPointError, match="underflow"):
            run(tiny, tiny)
        with np.errstate(all="ignore"):
            assert np.isinf(run(x, x)).all()

    def test_no_flags_say_nothing(self) -> None:
        with np.errstate(all="raise"):
            report(0)


class TestErrors:
    RUN = staticmethod(product("ij,jk->ik", dict.fromkeys("ijk", 2), "d"))
    A = np.ones((2, 2))

    @pytest.mark.parametrize(
        ("arguments", "keywords", "error"),
        [
            ((A,), {}, TypeError),
            ((A, A, A, A), {}, TypeError),
            ((A, A), {"order": "C"}, TypeError),
            (([[1.0, 1.0]] * 2, A), {}, TypeError),
            ((A, A), {"out": [1]}, TypeError),
            ((A, np.ones((2, 3))), {}, ValueError),
            ((A, np.ones(2)), {}, ValueError),
            ((A, np.ones((2, 2), "f")), {}, ValueError),
            ((A, np.ones((2, 2), ">f8")), {}, ValueError),
            ((A, A), {"out": np.ones((2, 2), int)}, ValueError),
            ((A, A), {"out": np.broadcast_to(np.ones(2), (2, 2))}, ValueError),
        ],
    )
    def test_other_arrays_are_refused(self, arguments: Any, keywords: Any, error: type[Exception]) -> None:
        with pytest.raises(error):
            self.RUN(*arguments, **keywords)

    @pytest.mark.parametrize(
        "change",
        [
            {"char": "g"},
            {"a": (2, -1)},
            {"a": (0, 2)},
            {"a": (2,) * 65},
            {"a": (2, "x")},
            {"b": (3, 2)},
            {"axes": [(0, -1, 0, False)]},
            {"axes": [(0, -1, 0, False), (1, 0, -1, False), (1, 1, 1, False)]},
            {"axes": [(0, -1, 0, False), (1, 0, -1, False), (-1, 9, 1, False)]},
            {"axes": [(0, -1, 0, False), (1, 0, -1, True), (-1, 1, 1, False)]},
            {"axes": [(0, -1, -1, False), (1, 0, -1, False), (-1, 1, 1, False)]},
            {"axes": 3},
            {"layout": (0, 0)},
            {"layout": (0,)},
            {"layout": (0, 5)},
            {"a": (65, 2), "out": (65, 2)},
        ],
    )
    def test_what_is_no_product_is_refused(self, change: dict[str, Any]) -> None:
        given: dict[str, Any] = {
            "char": "d",
            "a": (2, 2),
            "b": (2, 2),
            "out": (2, 2),
            "axes": [(0, -1, 0, False), (1, 0, -1, False), (-1, 1, 1, False)],
            "layout": (0, 1),
            "report": report,
        }
        assert CORE.Product(**given)(self.A, self.A).tolist() == [[2, 2], [2, 2]]
        with pytest.raises((TypeError, ValueError, OverflowError)):
            CORE.Product(**(given | change))

    def test_an_unknown_instruction_set_changes_nothing(self) -> None:
        before = CORE.isa()
        with pytest.raises(ValueError, match="was compiled"):
            CORE.choose_isa("sse9")
        assert CORE.isa() == before


def test_unaligned_operands_and_results() -> None:
    sizes = {"b": 9, "i": 3, "j": 4, "k": 5}
    a, b = operands("bij,bjk->bik", sizes, "d", "C")

    def moved(x: np.ndarray) -> np.ndarray:
        y = np.empty(x.nbytes + 1, "b")[1:].view("d").reshape(x.shape)
        y[...] = x
        assert not y.flags.aligned
        return y

    out = moved(np.empty((9, 3, 5)))
    product("bij,bjk->bik", sizes, "d")(moved(a), moved(b), out)
    assert_agrees(out, a @ b)


def test_results_are_as_numpys() -> None:
    run = product("bij,bjk->bik", {"b": 3, "i": 2, "j": 2, "k": 2}, "d")
    result = run(np.ones((3, 2, 2)), np.ones((3, 2, 2)))
    assert result.flags.owndata
    assert result.flags.writeable
    assert result.flags.aligned
    assert result.base is None
    assert result.flags.c_contiguous


def test_nothing_leaks() -> None:
    sizes = {"b": 40, "i": 20, "j": 20, "k": 20}
    a, b = operands("bij,bjk->bik", sizes, "D", "F")
    run = product("bij,bjk->bik", sizes, "D")
    gc.collect()  # what earlier tests left behind
    counts = [sys.getrefcount(x) for x in (a, b, report)]

    def calls(number: int) -> None:
        for _ in range(number):
            run(a, b)
            with pytest.raises(ValueError, match="another shape"):
                run(a, b[1:])
            with pytest.raises((TypeError, ValueError)):
                CORE.Product("d", (2,), (3,), (), [(0, 0, -1, False)], (), report)
            product("ij,jk->ik", dict.fromkeys("ijk", 2), "d")

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
    assert [sys.getrefcount(x) for x in (a, b, report)] == counts


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("axes", ["abce", "ecba", "beca", "ceab"])
def test_a_long_axis_beside_a_stack_in_any_layout(dtype: str, axes: str) -> None:
    """The loops are done as memory lies: along the long axis, or along the stack."""
    sizes = {"a": 75, "b": 5, "c": 3, "e": 4}
    rng = np.random.default_rng(0)
    made = rng.integers(-3, 4, [sizes[c] for c in axes]).astype(dtype)
    a = made.transpose([axes.index(c) for c in "acbe"])
    b = rng.integers(-3, 4, (5, 3, 4)).astype(dtype)
    for subscripts in ("acbe,bce->bea", "acbe,bce->aeb", "acbe,ce->eab"):
        other = b[0] if ",ce->" in subscripts else b
        with forcing("dense.small"):
            assert er.explain(subscripts, a, other).routes == ("dense.small",)
            assert np.array_equal(er.einsum(subscripts, a, other), np.einsum(subscripts, a, other))


def test_an_intermediate_that_is_a_number_is_no_operand() -> None:
    import einroute as er  # after the core is known to be there

    x, v = np.arange(9.0).reshape(3, 3), np.ones(3000)
    path = ["einsum_path", (1, 2), (0, 1)]
    assert_agrees(er.einsum("ij,k,k->ij", x, v, v, optimize=path), x * 3000)


def test_einsum_takes_it() -> None:
    import einroute as er  # after the core is known to be there

    a, b = operands("bij,bjk->bik", {"b": 100, "i": 3, "j": 3, "k": 3}, "d", "C")
    assert er.explain("bij,bjk->bik", a, b).routes == ("dense.small",)
    with er.config(forbid="dense.small"):
        assert er.explain("bij,bjk->bik", a, b).routes == ("dense.matmul",)
    with forcing("dense.small") as ran:
        assert_agrees(er.einsum("bij,bjk->bik", a, b), a @ b)
    assert ran == ["dense.small"]
