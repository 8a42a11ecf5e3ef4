"""Arrays that overlap themselves (sliding windows, Toeplitz views), and stacks of integers: their routes."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided, sliding_window_view

import einroute as er
from einroute._base.facts import Operand, Step
from einroute._kinds.dense import batches, residues
from einroute._kinds.dense import windows as route
from einroute._kinds.dense.overlap import memory_under
from tests.helpers import forcing, in_one_line, small_integers

ROUTES = {
    "f": "dense.windows",
    "c": "dense.windows",
    "i": "dense.integer_windows",
    "u": "dense.integer_windows",
}
DTYPES = ("f8", "f4", "c16", "i8", "i4", "u2", "i1")


@pytest.fixture(autouse=True)
def _however_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operands too small for windows to pay are taken all the same."""
    monkeypatch.setattr(route, "_LEAST", 1)


def windows(x: np.ndarray, k: int, step: int = 1) -> np.ndarray:
    """The view whose entry ``[i, j]`` is ``x[i + step*j]``, i counted from where no j leads below 0."""
    reach = abs(step) * (k - 1)
    start = x[reach:] if step < 0 else x
    return as_strided(
        start, (len(x) - reach, k, *x.shape[1:]), (x.strides[0], step * x.strides[0], *x.strides[1:])
    )


def assert_agrees(subscripts: str, *operands: np.ndarray, **options: Any) -> list[str]:
    """Ours is NumPy's, small integers exactly; the routes that ran."""
    right = np.einsum(subscripts, *operands, **options)
    kind = right.dtype.kind
    with forcing(ROUTES.get(kind)) as ran:
        result = er.einsum(subscripts, *operands, **options)
    assert result.dtype == right.dtype
    assert np.shape(result) == np.shape(right)
    np.testing.assert_allclose(
        result, right, rtol=0 if kind in "iu" else 1e-4 if right.dtype.char in "fF" else 1e-12
    )
    return ran


#: Windows ``ij...`` over an axis of an array, against another array.
EXPRESSIONS = (
    "imn,ijnl->ijml", "imn,ijnl->jlim", "ijnl,imn->ijml", "jmn,ijnl->ijml", "imn,ijln->ijml", "jn,ijn->i",
    "ijn,jnm->im", "ijn,jm->inm", "ijn,jnm->imn", "nij,jm->nim", "nij,njm->nim", "ij,jm->im", "ij,j->i",
    "ijn,in->j", "ijn,im->jnm", "ijn,nm->ijm", "ji,jm->im", "ijnl,jn->il", "ijnl,jnm->lim",
)  # fmt: skip


class TestRoutes:
    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize("subscripts", EXPRESSIONS)
    def test_every_expression(self, rng, subscripts, dtype):
        inputs = subscripts.partition("->")[0].split(",")
        at = next(n for n, labels in enumerate(inputs) if "i" in labels and "j" in labels)
        done = 0
        for d, k, step in ((30, 4, 1), (41, 7, 1), (37, 3, 2), (40, 5, -1), (25, 24, 1)):
            for layout in ("C", "F"):
                sizes = {"i": d - abs(step) * (k - 1), "j": k, "m": 3, "n": 2, "l": 4}
                labels = inputs[at]
                inner = "".join(c for c in labels if c not in "ij")
                base = np.asarray(small_integers(rng, (d, *(sizes[c] for c in inner)), dtype), order=layout)
                x = windows(base, k, step).transpose([("ij" + inner).index(c) for c in labels])
                other = small_integers(rng, [sizes[c] for c in inputs[1 - at]], dtype)
                pair = (x, other) if at == 0 else (other, x)
                try:
                    done += ROUTES[dtype[0]] in assert_agrees(subscripts, *pair)
                except er.NoRoute:
                    continue
        assert done

    @settings(max_examples=200, deadline=None)
    @given(st.data())
    def test_any_strides(self, data):
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        dtype = data.draw(st.sampled_from(DTYPES))
        labels = "".join(data.draw(st.permutations("ijkl"))[: data.draw(st.integers(2, 4))])
        shape = tuple(data.draw(st.integers(1, 6)) for _ in labels)
        strides = tuple(data.draw(st.integers(-8, 8)) for _ in labels)
        low = sum(s * (n - 1) for s, n in zip(strides, shape, strict=True) if s < 0)
        high = sum(s * (n - 1) for s, n in zip(strides, shape, strict=True) if s > 0)
        memory = small_integers(rng, high - low + 1, dtype)
        item = memory.itemsize
        x = np.ndarray(shape, dtype, memory, -low * item, tuple(s * item for s in strides))
        other = "".join(data.draw(st.permutations("ijklm"))[: data.draw(st.integers(1, 4))])
        sizes = {"m": 3, **dict.fromkeys("ijkl", 2), **dict(zip(labels, shape, strict=True))}
        every = sorted(set(labels + other))
        output = "".join(c for c in data.draw(st.permutations(every)) if data.draw(st.booleans()))
        y = small_integers(rng, [sizes[c] for c in other], dtype)
        assert_agrees(f"{labels},{other}->{output}", x, y, order=data.draw(st.sampled_from("KCF")))
        assert_agrees(f"{other},{labels}->{output}", y, x)

    def test_out_and_order(self, rng):
        for dtype in ("f8", "i8", "i4"):
            for subscripts, other in (("imn,ijnl->ijml", (21, 3, 2)), ("jnm,ijnl->ilm", (10, 2, 3))):
                x = windows(small_integers(rng, (30, 2, 4), dtype), 10)
                a = small_integers(rng, other, dtype)
                right = np.einsum(subscripts, a, x)
                for out in (np.empty(right.shape, dtype), np.empty(right.shape[::-1], dtype).T):
                    with forcing(ROUTES[dtype[0]]) as ran:
                        assert er.einsum(subscripts, a, x, out=out) is out
                    assert ROUTES[dtype[0]] in ran
                    np.testing.assert_array_equal(out, right)
                for order in "CFK":
                    assert_agrees(subscripts, a, x, order=order)

    def test_large_integers_decline(self, rng):
        x = windows(rng.integers(-(2**40), 2**40, (30, 4)), 5)
        a = rng.integers(-(2**40), 2**40, (5, 4, 3))
        with forcing("dense.integer_windows") as ran:
            result = er.einsum("ijn,jnm->im", x, a)
        assert "dense.integer_windows" not in ran
        np.testing.assert_array_equal(result, np.einsum("ijn,jnm->im", x, a))

    def test_bools(self, rng):
        x, a = windows(rng.random((40, 3)) < 0.1, 6), rng.random((6, 3, 4)) < 0.1
        with forcing("dense.integer_windows") as ran:
            result = er.einsum("ijn,jnm->im", x, a)
        assert "dense.integer_windows" in ran
        np.testing.assert_array_equal(result, np.einsum("ijn,jnm->im", x, a))

    def test_neighbours_of_the_windows_do_not_count(self, rng):
        """Memory between the elements of windows is copied with them, and must not reach the result."""
        memory = np.full((60, 2), np.nan)
        memory[::3] = rng.standard_normal((20, 2))
        s = memory.strides
        x = as_strided(memory, (8, 5, 2), (3 * s[0], 6 * s[0], s[1]))
        a = rng.standard_normal((8, 3, 2))
        with forcing("dense.windows") as ran:
            result = er.einsum("imn,ijn->ijm", a, x)
        assert "dense.windows" in ran
        np.testing.assert_allclose(result, np.einsum("imn,ijn->ijm", a, x))

    def test_is_taken_where_it_is_faster(self, rng):
        a, b = rng.standard_normal((2, 1000, 4, 4))
        x = windows(np.concatenate([b, b[:9]]), 10)
        with er.config(forbid="dense.small"):
            assert er.explain("imn,ijnl->ijml", a, x).routes == ("dense.windows",)
        signal = sliding_window_view(rng.standard_normal(20_000), 30)
        with er.config(forbid="dense.small"):  # of as few columns it takes about as long
            assert er.explain("ij,jm->im", signal, rng.standard_normal((30, 8))).routes == ("dense.windows",)
        whole = rng.integers(-9, 9, (1000, 4, 4))
        x = windows(np.concatenate([whole, whole[:9]]), 10)
        assert er.explain("imn,ijnl->ijml", whole, x).routes == ("dense.integer_windows",)

    def test_explain_names_the_layout(self, rng):
        a, b = rng.standard_normal((2, 1000, 4, 4))
        with er.config(forbid="dense.small"):
            text = in_one_line(er.explain("imn,ijnl->ijml", a, windows(np.concatenate([b, b[:9]]), 10)))
            wide = sliding_window_view(b.ravel(), 30)
            other = in_one_line(er.explain("ij,jm->im", wide, rng.standard_normal((30, 8)), verbose=True))
        assert "the memory under ijnl laid out as n(i+j)l: GEMM 4x4 by 4x40, 1000 times" in text
        assert "rows 30 apart do not overlap" in other


class TestMemory:
    @pytest.mark.parametrize("dtype", ["f8", "i8"])
    @pytest.mark.parametrize(
        ("subscripts", "shape", "other"),
        [
            ("imn,ijnl->ijml", (1000, 30, 2), (801, 2, 30)),
            ("ijn,jnm->im", (1000, 60), (200, 60, 3)),
            ("ij,jm->im", (60_000,), (200, 3)),
            ("ijnl,jnm->lim", (1000, 10, 6), (200, 10, 3)),
        ],
    )
    def test_nothing_is_copied_k_times(self, rng, subscripts, shape, other, dtype):
        base, a = small_integers(rng, shape, dtype), small_integers(rng, other, dtype)
        x = windows(base, 200)
        pair = (a, x) if "ij" in subscripts.split(",")[1] else (x, a)
        with forcing(ROUTES[dtype[0]]) as ran:
            er.einsum(subscripts, *pair)
            tracemalloc.start()
            try:
                result = er.einsum(subscripts, *pair)
                peak = tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()
        assert ROUTES[dtype[0]] in ran
        allowed = 3 * (base.nbytes + a.nbytes + result.nbytes) + (4 << 20)
        assert peak < allowed < x.nbytes / 2


class TestResidues:
    @pytest.mark.parametrize("dtype", ["f8", "i8"])
    @pytest.mark.parametrize("d", [20, 23, 24, 100, 101])
    @pytest.mark.parametrize("k", [2, 3, 5])
    def test_rows_left_over(self, rng, d, k, dtype):
        x = windows(small_integers(rng, (d, 2), dtype), k)
        for subscripts, shape in (("ijn,jnm->im", (k, 2, 3)), ("ijn,jn->i", (k, 2)), ("ijn,jm->inm", (k, 3))):
            assert ROUTES[dtype[0]] in assert_agrees(subscripts, x, small_integers(rng, shape, dtype))

    def test_refuses_what_does_not_overlap(self):
        facts = (
            Operand((10, 3, 2), np.dtype("f8"), (48, 16, 8)),
            Operand((3, 2, 4), np.dtype("f8"), (64, 32, 8)),
        )
        sizes = {"i": 10, "j": 3, "n": 2, "m": 4}
        step = Step(("ijn", "jnm"), "im", sizes, facts, np.dtype("f8"))
        assert residues.residues(step, 0, "i") is None


class TestUnder:
    @pytest.mark.parametrize(
        ("shape", "strides", "groups", "lengths", "units", "steps"),
        [
            ((4, 3), (8, 8), ("ij",), (6,), (8,), (1, 1)),
            ((4, 3), (8, -8), ("ij",), (6,), (8,), (1, -1)),
            ((4, 3), (16, 8), ("ji",), (9,), (8,), (2, 1)),
            ((4, 3, 2), (16, 16, 8), ("ij", "k"), (6, 2), (16, 8), (1, 1, 1)),
            ((3, 4, 2, 2), (80, 8, 80, 8), ("ik", "jl"), (4, 5), (80, 8), (1, 1, 1, 1)),
            ((3, 4, 2), (32, 8, 0), None, None, None, None),
            ((3, 1, 4, 2), (8, 999, 8, 0), ("ik",), (6,), (8,), (1, 0, 1, 0)),
            ((4, 3), (16, 24), ("ij",), (13,), (8,), (2, 3)),
            ((4, 3), (32, 8), None, None, None, None),
            ((4, 3), (12, 8), None, None, None, None),
        ],
    )
    def test_facts(self, shape, strides, groups, lengths, units, steps):
        under = memory_under("ijkl"[: len(shape)], Operand(shape, np.dtype("f8"), strides))
        if groups is None:
            assert under is None
            return
        assert [set(g) for g in under.groups] == [set(g) for g in groups]
        assert (under.lengths, under.units, under.steps) == (lengths, units, steps)

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(st.tuples(st.integers(1, 5), st.integers(-6, 6)), min_size=2, max_size=4),
    )
    def test_every_element_is_found(self, axes):
        shape, strides = (tuple(x) for x in zip(*axes, strict=True))
        under = memory_under(
            "ijkl"[: len(shape)], Operand(shape, np.dtype("i8"), tuple(8 * s for s in strides))
        )
        if under is None:
            return
        of = {c: axis for axis, group in enumerate(under.groups) for c in group}
        for index in np.ndindex(*shape):
            at = [0] * len(under.lengths)
            for c, i, n, step in zip("ijkl", index, shape, under.steps, strict=False):
                if step:
                    at[of[c]] += step * i if step > 0 else -step * (n - 1 - i)
            assert all(0 <= p < n for p, n in zip(at, under.lengths, strict=True))
            found = sum(p * u for p, u in zip(at, under.units, strict=True))
            low = sum(8 * s * (n - 1) for s, n in zip(strides, shape, strict=True) if s < 0)
            assert found == sum(8 * s * i for s, i in zip(strides, index, strict=True)) - low


class TestBatches:
    @pytest.fixture
    def eager(self, monkeypatch):
        monkeypatch.setattr(batches, "_WORTH", 0.0)
        monkeypatch.setattr(batches, "_HOLD", 0.0)

    @pytest.mark.usefixtures("eager")
    @pytest.mark.parametrize("threads", [1, 2, 3])
    def test_blocks_over_threads(self, rng, threads):
        for d, subscripts, shape in (
            (50, "imn,ijnl->ijml", (41, 3, 2)),
            (13, "imn,ijnl->ijml", (4, 3, 2)),
            (50, "jmn,ijnl->ijml", (10, 3, 2)),
            (70, "jnm,ijnl->ilm", (10, 2, 3)),
        ):
            x, a = windows(rng.standard_normal((d, 2, 5)), 10), rng.standard_normal(shape)
            with er.config(threads=threads):
                right = np.einsum(subscripts, a, x)
                with forcing("dense.windows") as ran:
                    result = er.einsum(subscripts, a, x)
                assert "dense.windows" in ran
                np.testing.assert_allclose(result, right, rtol=1e-12, atol=1e-13)
                out = np.empty(right.shape)
                with forcing("dense.windows"):
                    er.einsum(subscripts, a, x, out=out)
                np.testing.assert_allclose(out, right, rtol=1e-12, atol=1e-13)

    @pytest.mark.usefixtures("eager")
    def test_errors_of_threads_reach_the_caller_as_overflow_does(self):
        x, a = windows(np.full((50, 2, 5), 1e200), 10), np.full((41, 3, 2), 1e200)
        with forcing("dense.windows"):
            assert np.isposinf(er.einsum("imn,ijnl->ijml", a, x)).all()

    def test_reproducible(self, rng):
        x, a = windows(rng.standard_normal((3000, 4, 4)), 30), rng.standard_normal((2971, 4, 4))
        found = []
        for threads in (1, 2):
            with er.config(threads=threads, reproducible=True):
                found.append(er.einsum("imn,ijnl->ijml", a, x))
        np.testing.assert_array_equal(*found)


class TestIntegerLoops:
    @pytest.mark.parametrize("dtype", ["i8", "i4", "i2", "i1", "u8", "u4", "u1"])
    @pytest.mark.parametrize(
        ("subscripts", "shapes"),
        [
            ("ij,jk->ik", ((5, 4), (4, 3))),
            ("bij,bjk->bik", ((6, 5, 4), (6, 4, 3))),
            ("ij,j->i", ((5, 4), (4,))),
            ("bij,bj->bi", ((6, 5, 4), (6, 4))),
            ("i,i->", ((7,), (7,))),
        ],
    )
    def test_wrap_as_einsum_does(self, rng, subscripts, shapes, dtype):
        info = np.iinfo(dtype)
        a, b = (rng.integers(info.min, info.max, s, dtype, endpoint=True) for s in shapes)
        for x, y in ((a, b), (np.asfortranarray(a), b), (a[::-1], b[..., ::-1])):
            with forcing("dense.integer_loops") as ran:
                try:
                    result = er.einsum(subscripts, x, y)
                except er.NoRoute:
                    continue
            right = np.einsum(subscripts, x, y)
            assert result.dtype == right.dtype
            np.testing.assert_array_equal(result, right)
            assert x is not a or "dense.integer_loops" in ran

    def test_small_stacks_take_it(self):
        a = np.ones((50, 4, 4), int)
        with er.config(forbid="dense.small"):
            assert er.explain("bij,bjk->bik", a, a).routes == ("dense.integer_loops",)
        large = np.ones((200, 200), int)
        assert er.explain("ij,jk->ik", large, large).routes == ("dense.integer_matmul",)
