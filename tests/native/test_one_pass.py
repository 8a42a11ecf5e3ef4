"""Passes and copies by the compiled core against NumPy's, in every layout, on several threads."""

from __future__ import annotations

import gc
import sys
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einroute._native import CORE
from einroute._native.flags import report
from tests.helpers import forcing

if CORE is None:
    pytest.skip("the compiled core is not there", allow_module_level=True)

from tests.native.passes import DTYPES, EXPRESSIONS, LAYOUTS, array, bound, laid_out, shuffled

#: Of labels i, j, k and l: within a box, in several, and in several blocks.
SIZES = ((1, 1, 1, 1), (3, 5, 2, 4), (17, 9, 33, 2), (70, 150, 40, 3), (2, 300, 260, 1), (3, 9000, 2, 1))


def operands(subscripts: str, sizes: dict[str, int], dtype: str, layout: str) -> list[np.ndarray]:
    inputs = subscripts.partition("->")[0].split(",")
    return [array(tuple(sizes[c] for c in own), dtype, layout, i) for i, own in enumerate(inputs)]


def assert_equal(result: np.ndarray, right: np.ndarray) -> None:
    assert type(result) is np.ndarray
    assert result.dtype == right.dtype
    assert result.shape == right.shape
    assert np.array_equal(result, right)


@pytest.mark.parametrize("subscripts", EXPRESSIONS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_passes_are_numpys(subscripts: str, dtype: str, layout: str) -> None:
    for number, lengths in enumerate(SIZES):
        sizes = dict(zip("ijkl", lengths, strict=True))
        arrays = operands(subscripts, sizes, dtype, layout)
        kept = [x.copy() for x in arrays]
        right = np.asarray(np.einsum(subscripts, *arrays))
        run = bound(subscripts, sizes, dtype, number % 3 + 1, loops=shuffled(subscripts, number))
        assert_equal(run(*arrays), right)
        for out in (np.full(right.shape[::-1], 7, dtype).T, np.full((*right.shape, 2), 7, dtype)[..., 1]):
            assert run(*arrays, out=out) is out
            assert_equal(out, right)
        for x, before in zip(arrays, kept, strict=True):
            assert np.array_equal(x, before)


@given(st.data())
@settings(deadline=None, max_examples=100)
def test_bits_do_not_depend_on_the_instruction_set_or_the_threads(data: Any) -> None:
    subscripts = data.draw(st.sampled_from(EXPRESSIONS))
    sizes = {c: data.draw(st.sampled_from((1, 2, 7, 40, 130))) for c in "ijk"} | {"l": 3}
    dtype = data.draw(st.sampled_from("fdFD"))
    inputs = subscripts.partition("->")[0].split(",")
    rng = np.random.default_rng(0)
    arrays = [
        laid_out(
            rng.standard_normal(tuple(sizes[c] for c in own)).astype(dtype),
            data.draw(st.sampled_from(LAYOUTS)),
        )
        for own in inputs
    ]
    results = set()
    try:
        for isa in CORE.compiled_isas():
            CORE.choose_isa(isa)
            results |= {bound(subscripts, sizes, dtype, threads)(*arrays).tobytes() for threads in (1, 2, 3)}
    finally:
        CORE.choose_isa("")
    assert len(results) == 1
    right = np.einsum(subscripts, *arrays)
    tolerance = 1e-4 if dtype in "fF" else 1e-11
    np.testing.assert_allclose(
        bound(subscripts, sizes, dtype)(*arrays), right, rtol=tolerance, atol=tolerance * 50
    )


@pytest.mark.parametrize("subscripts", ["i->", "ij->i", "ij->j", "ij,ij->"])
@pytest.mark.parametrize("dtype", "fd")
def test_sums_are_as_accurate_as_numpys(subscripts: str, dtype: str) -> None:
    rng = np.random.default_rng(3)
    sizes = {"i": 200_000, "j": 1} if "j" not in subscripts else {"i": 1000, "j": 1000}
    inputs = subscripts.partition("->")[0].split(",")
    arrays = [(rng.random(tuple(sizes[c] for c in own)) + 0.1).astype(dtype) for own in inputs]
    wide = np.longdouble if dtype == "d" else np.float64
    product = np.prod([x.astype(wide) for x in arrays], axis=0)
    axes = tuple(i for i, c in enumerate(inputs[0]) if c not in subscripts.partition("->")[2])
    exact = product.sum(axis=axes)
    by_numpy = np.prod(arrays, axis=0).sum(axis=axes)
    result = bound(subscripts, sizes, dtype)(*arrays)
    error, numpys = (float(np.abs(x - exact).max() / np.abs(exact).max()) for x in (result, by_numpy))
    assert error <= 2 * numpys + 4 * float(np.finfo(dtype).eps)


@pytest.mark.parametrize("subscripts", ["ij->j", "i,ij->j"])
def test_rows_that_come_from_memory_are_added_one_by_one(subscripts: str) -> None:
    rng = np.random.default_rng(4)
    sizes = {"i": 30_000, "j": 110}
    arrays = [rng.random(tuple(sizes[c] for c in own)) for own in subscripts.partition("->")[0].split(",")]
    exact = np.einsum(subscripts, *(x.astype(np.longdouble) for x in arrays))
    one, two = (bound(subscripts, sizes, "d", threads)(*arrays) for threads in (1, 2))
    assert np.array_equal(one, two)
    assert np.abs(one / exact - 1).max() < 64 * np.finfo("d").eps


def test_a_number_times_its_conjugate_is_real() -> None:
    z = np.random.default_rng(1).standard_normal((50, 3)) * (1 + 0.3j)
    assert (bound("ij,ij->ij", {"i": 50, "j": 3}, "D")(z, z.conj()).imag == 0).all()


def test_sums_of_negative_zeros_are_zero_and_products_keep_their_sign() -> None:
    x = np.full((3, 40), -0.0)
    for subscripts in ("ij->i", "ij->j", "ij->"):
        assert not np.signbit(bound(subscripts, {"i": 3, "j": 40}, "d")(x)).any()
    assert np.signbit(bound("ij,ij->ij", {"i": 3, "j": 40}, "d")(x, x + 1)).all()


class TestFlags:
    """Flags are told of once, whichever thread saw them, and none that no product or sum raised."""

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
    @pytest.mark.parametrize("size", [1, 5, 8, 300_001])
    @pytest.mark.parametrize("subscripts", ["i,i->i", "i,->i", "i,i->", ",i->"])
    def test_warnings(self, value: float, other: float, said: list[str], size: int, subscripts: str) -> None:
        first, second = subscripts.partition("->")[0].split(",")
        run = bound(subscripts, {"i": size}, "d", 2)
        a, b = np.full((size,) * len(first), value), np.full((size,) * len(second), other)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            run(a, b)
        assert [str(w.message) for w in caught] == said

    @pytest.mark.parametrize("columns", [33, 97, 601])
    @pytest.mark.parametrize("subscripts", ["ij->j", "i,ij->j", "ij,ij->j"])
    def test_what_lies_behind_a_row_is_nothing(self, subscripts: str, columns: int) -> None:
        """The last vector of a row is added whole: what an earlier pass left behind the row counted."""
        left = np.full((300, columns + 7), 5e306) * np.where(np.arange(300) // 32 % 2, -1.0, 1.0)[:, None]
        before = bound("ij->j", {"i": 300, "j": columns + 7}, "d")
        run = bound(subscripts, {"i": 300, "j": columns}, "d")
        operands = [np.ones((300, columns) if "j" in own else 300) for own in subscripts[:-3].split(",")]
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for _ in range(3):
                before(left)
                assert np.array_equal(run(*operands), np.full(columns, 300.0))

    def test_einsum_says_nothing_and_outer_what_numpy_says(self) -> None:
        import einroute as er  # after the core is known to be there

        x = np.full(1000, 1e308)
        with warnings.catch_warnings(), forcing("dense.one_pass") as ran:
            warnings.simplefilter("error")
            assert np.isinf(er.einsum("i,j->ij", x, x)).all()
            with pytest.raises(RuntimeWarning, match="overflow encountered in multiply"):
                er.outer(x, x)
        assert set(ran) == {"dense.one_pass"}

    def test_what_numpys_order_spares_is_spared(self) -> None:
        import einroute as er

        a, b = np.zeros(5000), np.zeros(5000)
        a[:4], b[:4] = [1e308, 1e308, -1e308, -1e308], 1.0
        with forcing("dense.one_pass"):
            assert er.einsum("i,i->", a, b) == np.einsum("i,i->", a, b)


class TestErrors:
    RUN = staticmethod(bound("ij,j->i", {"i": 2, "j": 3}, "d"))
    A, B = np.ones((2, 3)), np.ones(3)

    @pytest.mark.parametrize(
        ("arguments", "keywords", "error"),
        [
            ((A,), {}, TypeError),
            ((A, B, B, B), {}, TypeError),
            ((A, B), {"order": "C"}, TypeError),
            ((A.tolist(), B), {}, TypeError),
            ((A, B), {"out": [1]}, TypeError),
            ((A, A), {}, ValueError),
            ((A, np.ones(2)), {}, ValueError),
            ((A, np.ones(3, "f")), {}, ValueError),
            ((A, np.ones(3, ">f8")), {}, ValueError),
            ((A, B), {"out": np.ones(2, int)}, ValueError),
            ((A, B), {"out": np.ones(3)}, ValueError),
            ((A, B), {"out": np.broadcast_to(np.ones(1), 2)}, ValueError),
        ],
    )
    def test_other_arrays_are_refused(self, arguments: Any, keywords: Any, error: type[Exception]) -> None:
        with pytest.raises(error):
            self.RUN(*arguments, **keywords)

    @pytest.mark.parametrize(
        "change",
        [
            *({"char": c} for c in "geGOé"),
            *({"sizes": s} for s in ((2,), (2, 0), (2, -1), (2, "x"), 3, (2,) * 65, (2**62, 2**62))),
            *({"operands": o} for o in ((), ((0,),), ((0, 0), (1,)), ((0, 2), (1,)), ((0, 1),) * 5, 3, (3,))),
            *({"output": o} for o in ((2,), (-1,), (0, 0), "x")),
            *({"layout": o} for o in ((), (1,), (0, 0), "x")),
            *({"loops": o} for o in ((), (0,), (0, 0), (0, 2), "xy")),
        ],
    )
    def test_what_is_no_pass_is_refused(self, change: dict[str, Any]) -> None:
        given: dict[str, Any] = {
            "char": "d",
            "sizes": (2, 3),
            "operands": ((0, 1), (1,)),
            "output": (0,),
            "layout": (0,),
            "loops": (0, 1),
            "threads": 1,
            "report": report,
        }
        assert CORE.OnePass(**given)(self.A, self.B).tolist() == [3, 3]
        with pytest.raises((TypeError, ValueError, OverflowError)):
            CORE.OnePass(**(given | change))


class TestCopies:
    @pytest.mark.parametrize("dtype", [*DTYPES, "e", "g", ">f8", "M8[s]"])
    @pytest.mark.parametrize("layout", LAYOUTS)
    @pytest.mark.parametrize("axes", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 2, 1), (1, 2, 0), (2, 0, 1)])
    def test_copies_are_numpys(self, dtype: str, layout: str, axes: tuple[int, ...]) -> None:
        for number, shape in enumerate(((1, 1, 1), (3, 4, 5), (8, 16, 40), (70, 3, 333), (2, 200, 390))):
            x = laid_out((np.arange(np.prod(shape)) % 2000).reshape(shape).astype("i2").astype(dtype), layout)
            view = x.transpose(axes)
            for out in (
                np.zeros(view.shape, dtype),
                np.zeros(view.shape[::-1], dtype).T,
                np.zeros((*view.shape, 2), dtype)[..., 1],
                np.zeros(view.shape, dtype)[::-1, :, ::-1],
            ):
                CORE.copy(view, out, number % 3 + 1)
                assert np.array_equal(out, view)

    def test_bytes_are_copied_as_they_are(self) -> None:
        bits = np.random.default_rng(0).integers(0, 2**32, (40, 50, 2), dtype="u4")
        bits[::3] = 0x7FA00001  # signalling nans
        for dtype in ("f4", "f8", "c8", "c16"):
            x = bits.reshape(-1).view(dtype)
            x = x[: x.size // 10 * 10].reshape(-1, 10)
            out = np.zeros(x.shape[::-1], dtype)
            CORE.copy(x.T, out, 1)
            assert out.tobytes() == np.ascontiguousarray(x.T).tobytes()

    @pytest.mark.parametrize(
        ("view", "out"),
        [
            (np.ones(3), np.ones(4)),
            (np.ones(3), np.ones(3, "f")),
            (np.ones(3, object), np.ones(3, object)),
            (np.ones(3, "S3"), np.ones(3, "S3")),
            (np.ones(3), np.broadcast_to(1.0, 3)),
        ],
    )
    def test_others_are_refused(self, view: np.ndarray, out: np.ndarray) -> None:
        with pytest.raises(ValueError, match=r"plain dtype|read-only"):
            CORE.copy(view, out, 1)

    def test_nothing_is_nothing(self) -> None:
        CORE.copy(np.ones((0, 3)), np.ones((0, 3)), 2)


def test_numpys_scalars_are_operands() -> None:
    run = bound("i,->i", {"i": 3}, "d")
    assert run(np.ones(3), np.float64(2)).tolist() == [2, 2, 2]
    with pytest.raises(ValueError, match="another shape or dtype"):
        run(np.ones(3), np.float32(2))


def test_many_axes() -> None:
    labels = "".join(chr(97 + i) for i in range(26)) + "ABCDEF"
    sizes = {c: 2 if i % 3 == 0 else 1 for i, c in enumerate(labels)}
    x = array(tuple(sizes[c] for c in labels), "d", "F")
    subscripts = f"{labels}->{labels[::-1][:20]}"
    assert_equal(bound(subscripts, sizes, "d")(x), np.einsum(subscripts, x))


def test_results_are_as_numpys() -> None:
    result = bound("ij,j->ij", {"i": 3, "j": 2}, "d", layout=[1, 0])(np.ones((3, 2)), np.ones(2))
    assert result.flags.owndata
    assert result.flags.writeable
    assert result.base is None
    assert result.flags.f_contiguous


def test_nothing_leaks() -> None:
    sizes = {"i": 40, "j": 20}
    a, b = operands("ij,j->i", sizes, "D", "F")
    run = bound("ij,j->i", sizes, "D")
    out = np.empty(40, "D")
    run(a, b)
    gc.collect()
    watched = (a, b, out, report, np.dtype("D"))
    counts = [sys.getrefcount(x) for x in watched]
    for _ in range(200):
        run(a, b)
        run(a, b, out=out)
        with pytest.raises(ValueError, match="another shape"):
            run(a, b[1:])
        with pytest.raises((TypeError, ValueError)):
            CORE.OnePass("d", (2,), ((0,),), (0,), (3,), (0,), 1, report)
        bound("ij,j->i", sizes, "d")
        CORE.copy(a, a.copy(), 1)
    gc.collect()
    assert [sys.getrefcount(x) for x in watched] == counts


class TestRoute:
    CASES = (
        ("ij,ij,ij->", ((300, 400),) * 3),
        ("i,i,i->i", ((5000,),) * 3),
        ("ij,i->ij", ((300, 400), (300,))),
        ("ijk,ijk->j", ((30, 50, 200),) * 2),
    )

    @pytest.mark.parametrize(("subscripts", "shapes"), CASES)
    def test_einsum_takes_it(self, subscripts: str, shapes: tuple[tuple[int, ...], ...]) -> None:
        import einroute as er

        arrays = [np.random.default_rng(i).random(s) for i, s in enumerate(shapes)]
        assert er.explain(subscripts, *arrays).routes == ("dense.one_pass",)
        with forcing("dense.one_pass") as ran:
            np.testing.assert_allclose(er.einsum(subscripts, *arrays), np.einsum(subscripts, *arrays))
        assert ran == ["dense.one_pass"]
        with er.config(forbid="dense.one_pass"):
            assert "dense.one_pass" not in er.explain(subscripts, *arrays).routes

    def test_gemm_is_left_to_blas(self) -> None:
        import einroute as er

        a = np.ones((100, 100))
        assert "dense.one_pass" not in er.explain("ij,jk->ik", a, a).routes

    @pytest.mark.parametrize("order", "KCF")
    @pytest.mark.parametrize("subscripts", ["ij,ji->ij", "ij,i->ji", "ijk->ki", "i,j->ij", "ij,ij,j->ji"])
    def test_orders_are_kept(self, subscripts: str, order: Any) -> None:
        import einroute as er

        inputs = subscripts.partition("->")[0].split(",")
        sizes = {"i": 300, "j": 200, "k": 5}
        for layout in ("C", "F", "repeated"):
            arrays = [array(tuple(sizes[c] for c in own), "d", layout, i) for i, own in enumerate(inputs)]
            right = np.einsum(subscripts, *arrays, order=order)
            with forcing("dense.one_pass"):
                result = er.einsum(subscripts, *arrays, order=order)
            assert np.array_equal(result, right)
            if order != "K":
                assert result.flags[f"{order}_CONTIGUOUS"]
