"""Several rolled operands along one axis, and rollings that are summed, against NumPy written out."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er
from einroute._native import CORE
from tests.helpers import forcing

from .test_rolled import DTYPES, STEPS, assert_agrees, case, numbers

#: Each with the rewrite that is made for it; x is rolled, y another base, a an array.
SEVERAL = {
    "ij,ij->": ("rolled.products", "xx", "xy"),
    "ij,ij->i": ("rolled.products", "xx", "xy"),
    "ij,ij->j": ("rolled.products", "xx", "xy"),
    "ij,ij->ij": ("rolled.products", "xx", "xy"),
    "ij,ij->ji": ("rolled.products", "xx", "xy"),
    "ij,ij,ij->j": ("rolled.products", "xxx", "xyx"),
    "ij,ij,i->j": ("rolled.products", "xxa", "yxa"),
    "ij,j,ij->i": ("rolled.products", "xay", "xax"),
    "ij,jm,ij->m": ("rolled.products", "xay", "xax"),
    "ij,ik->jk": ("rolled.lags", "xx", "xy"),
    "ij,ik->kj": ("rolled.lags", "xx", "yx"),
    "ij,ik->": ("rolled.lags", "xx", "xy"),
    "ij,ik->k": ("rolled.lags", "xx", "xy"),
    "ij,ik,kl->jl": ("rolled.lags", "xxa", "xya"),
    "kl,ij,ik->jl": ("rolled.lags", "axx", "ayx"),
    "ij,ik,j,k->": ("rolled.lags", "xyaa", "xxaa"),
    "ijn,ikn->jk": ("rolled.lags", "xx", "xy"),
    "ijn,ikm->jknm": ("rolled.lags", "xx", "xy"),
    "ijn,ikn->njk": ("rolled.lags", "xx", "xy"),
    "nij,ik->kj": ("rolled.lags", "xy", "yx"),
    "ij->i": ("rolled.ones", "x", "y"),
    "ijn->in": ("rolled.ones", "x", "y"),
    "ijn->ni": ("rolled.ones", "x", "y"),
    "ij,i->": ("rolled.ones", "xa", "ya"),
    "ijn,im->nm": ("rolled.ones", "xa", "ya"),
}
CASES = [(s, which) for s, (_, *kinds) in SEVERAL.items() for which in kinds]


def operands(
    rng: np.random.Generator, subscripts: str, which: str, d: int, k: int, step: int, dtype: str
) -> list[Any]:
    """Those of a case: rolled ones of one letter and shape of the base are one operand."""
    sizes = {"i": d, "j": k, "k": k, "n": 2, "m": 3, "l": 4}
    made: dict[tuple[str, ...], Any] = {}
    given_operands = []
    for kind, labels in zip(which, subscripts.partition("->")[0].split(","), strict=True):
        shape = [sizes[c] for c in labels]
        if kind == "a":
            given_operands.append(numbers(rng, shape, dtype))
            continue
        axis = labels.index("i")
        del shape[axis + 1]
        if (kind, *map(str, shape)) not in made:
            base = numbers(rng, shape, dtype)
            made[kind, *map(str, shape)] = er.rolled(base, k, axis=axis, step=step)
        given_operands.append(made[kind, *map(str, shape)])
    return given_operands


@pytest.mark.parametrize("dtype", ["f8", "c8", "i1", "?", "f2", ">f8"])
@pytest.mark.parametrize(("subscripts", "which"), CASES)
def test_every_form(rng, subscripts, which, dtype):
    rewrite = SEVERAL[subscripts][0]
    for d, k, step in ((12, 4, -1), (3, 8, 2)):
        with forcing(rewrite) as ran:
            assert_agrees(subscripts, *operands(rng, subscripts, which, d, k, step, dtype))
        if d > k and dtype != "f2":
            assert rewrite in ran


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("subscripts", "which"), CASES[::2])
def test_every_step(rng, subscripts, which, step):
    given_operands = operands(rng, subscripts, which, 13, 4, step, "f8")
    with forcing(SEVERAL[subscripts][0]):
        assert_agrees(subscripts, *given_operands)


@pytest.mark.parametrize("dtype", ["f8", "i4"])
@pytest.mark.parametrize("steps", [(1, -1), (2, 1), (3, -2), (4, 6), (0, 1), (0, 0)])
@pytest.mark.parametrize("subscripts", ["ij,ik->jk", "ik,ij->jk", "ij,ik->", "ij,ij->j", "ij,ij->i"])
def test_different_steps_and_numbers_of_rollings(rng, subscripts, steps, dtype):
    for d, k, m in ((30, 4, 7), (5, 9, 6)):
        m = k if "k" not in subscripts else m
        x = er.rolled(numbers(rng, d, dtype), k, step=steps[0])
        y = er.rolled(numbers(rng, d, dtype), m, step=steps[1])
        pair = (x, y) if subscripts.startswith("ij") else (y, x)
        for name in ("rolled.lags", "rolled.products", None):
            with forcing(name):
                assert_agrees(subscripts, *pair)


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "i8"])
def test_a_gram_matrix_is_symmetric_to_the_last_bit(rng, dtype):
    x = er.rolled(numbers(rng, 1000, dtype), 20)
    gram = assert_agrees("ij,ik->jk", x, x)
    np.testing.assert_array_equal(gram, gram.T)
    assert er.explain("ij,ik->jk", x, x).routes[0] == "rolled.lags"
    assert "autocorrelation" in str(er.explain("ij,ik->jk", x, x))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("subscripts", "which"), CASES)
def test_what_is_not_finite_is_where_numpy_has_it(rng, subscripts, which, value):
    given_operands = operands(rng, subscripts, which, 12, 4, 1, "f8")
    for x in given_operands:
        if isinstance(x, np.ndarray):
            x.flat[0] = value
        else:
            x.base.flat[5] = value
    right = np.einsum(subscripts, *(np.asarray(x) for x in given_operands))
    with forcing(SEVERAL[subscripts][0]):
        np.testing.assert_allclose(er.einsum(subscripts, *given_operands), right)


@pytest.mark.parametrize(("subscripts", "which"), CASES)
def test_axes_of_length_0(rng, subscripts, which):
    assert_agrees(subscripts, *operands(rng, subscripts, which, 0, 4, 1, "f8"))


@pytest.mark.parametrize(
    "subscripts", ["ij,ij->", "ij,ij->i", "ij,ij->j", "ij,ij,ij->j", "ij,ik->jk", "ijn,ikn->jk", "ij->i"]
)
def test_is_taken_where_it_is_made_for(rng, subscripts):
    route, which, *_ = SEVERAL[subscripts]
    if route != "rolled.ones" or CORE is not None:
        # Few rollings are summed by one pass over a view in less time.
        k = 20_000 if route == "rolled.ones" else 50
        given_operands = operands(rng, subscripts, which, 100_000, k, 1, "f8")
        assert er.explain(subscripts, *given_operands).routes[0] == route


@pytest.mark.parametrize("subscripts", ["ij->j", "ij,ij->j", "ij,ij->", "ij,ik->jk", "ij->i", "ij,ij->i"])
def test_results_are_the_callers_own(rng, subscripts):
    x = er.rolled(rng.standard_normal(40), 4)
    given_operands = [x] * (subscripts.count(",") + 1)
    result = er.einsum(subscripts, *given_operands)
    before = np.array(er.einsum(subscripts, *given_operands))
    if isinstance(result, np.ndarray):
        assert result.flags.writeable
        result[0] = 7
        assert not np.shares_memory(result, x.base)
    np.testing.assert_array_equal(er.einsum(subscripts, *given_operands), before)


@pytest.mark.parametrize("subscripts", ["ij,ik->jk", "ij,ik,i->jk", "ij,ij->i", "ij,ij->j", "ij->i"])
def test_takes_little_memory(rng, subscripts):
    """Written out, each rolled operand is 80 MB."""
    b = rng.standard_normal(100_000)

    def call(d: int, k: int) -> None:
        x = er.rolled(b[:d], k)
        inputs = subscripts.partition("->")[0].split(",")
        er.einsum(subscripts, *(x if "i" in labels and len(labels) == 2 else b[:d] for labels in inputs))

    call(9, 3)
    tracemalloc.start()
    try:
        call(100_000, 100)
        assert tracemalloc.get_traced_memory()[1] < 12 << 20
    finally:
        tracemalloc.stop()


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_random_operands(data):
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    subscripts, which = data.draw(st.sampled_from(CASES))
    d, k = data.draw(st.integers(0, 24)), data.draw(st.integers(1, 30))
    step, dtype = (
        data.draw(st.integers(-60, 60)),
        data.draw(st.sampled_from([x for x in DTYPES if x != "f2"])),
    )
    with forcing(data.draw(st.sampled_from((None, SEVERAL[subscripts][0])))):
        assert_agrees(subscripts, *operands(rng, subscripts, which, d, k, step, dtype))


class TestPairs:
    """A rolled operand and one other first, then the rest."""

    @pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "i8", "?"])
    @pytest.mark.parametrize(
        "subscripts",
        ["i,ij,j->", "j,ij,i->", "in,ijn,j->", "in,ijn,j->n", "ijl,jm,il->m", "ij,j,m->im", "i,ij,j,m->m"],
    )
    @pytest.mark.parametrize(("d", "k", "step"), [(40, 9, 1), (30, 30, -1), (7, 16, 3)])
    def test_values(self, rng, subscripts, dtype, d, k, step):
        operands = case(rng, subscripts, d, k, step, dtype)
        with forcing("rolled.pairs") as ran:
            assert_agrees(subscripts, *operands)
        assert "rolled.pairs" in ran

    def test_it_is_taken_where_windows_are_summed(self, rng):
        operands = case(rng, "i,ij,j->", 70_000, 270)
        # One pass over a view of the windows takes as long.
        assert er.explain("i,ij,j->", *operands).routes[0] in ("rolled.pairs", "rolled.strided")

    def test_a_sum_that_overflows_is_numpys(self):
        x = er.rolled(np.array([1e200, 1e200, -1e200]), 2)
        a, b = np.array([1e200, 0.0, 1.0]), np.array([1e150, 1.0])
        with np.errstate(all="ignore"):
            right = np.einsum("i,ij,j->", a, np.asarray(x), b)
            np.testing.assert_equal(er.einsum("i,ij,j->", a, x, b), right)


def test_what_is_only_copied_after_a_product_may_overflow(rng):
    b, w = rng.standard_normal((20, 3)), np.full((3, 4), 1e308)
    x = er.rolled(b, 5)
    with np.errstate(all="ignore"):
        right = np.einsum("ijn,nm->ijm", np.asarray(x), w)
        np.testing.assert_array_equal(np.isfinite(er.einsum("ijn,nm->ijm", x, w)), np.isfinite(right))


class TestTheSameForAllRollings:
    """Sums over the axis that is rolled are done once; what is not finite is as NumPy's or better."""

    @pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16", "g"])
    @pytest.mark.parametrize("subscripts", ["ij->j", "ij->", "ij,ij->j", "ij,ij->", "bij->j", "bij->bj"])
    def test_what_overflows(self, rng, subscripts, dtype):
        large = np.finfo(dtype).max / 2
        for d, k in ((2, 1), (3, 3), (17, 2)):
            for values in ((large, -large, 1, 0), (1, 0, 2, np.inf), (1, np.nan, -np.inf, np.inf)):
                shape = (2, d) if "b" in subscripts else (d,)
                b = np.asarray(rng.choice(values, shape), dtype)
                x = er.rolled(b, k, axis=-1)
                operands = [x] * (subscripts.count("i"))
                with np.errstate(all="ignore"):
                    right = np.einsum(subscripts, *map(np.asarray, operands))
                got = er.einsum(subscripts, *operands)
                assert (got.dtype, np.shape(got), type(got)) == (right.dtype, right.shape, type(right))
                assert np.isfinite(got)[np.isfinite(right)].all()
                if not np.isfinite(b).all():
                    np.testing.assert_array_equal(np.isfinite(got), np.isfinite(right))

    @pytest.mark.parametrize("dtype", ["i1", "u2", "i8", "?"])
    @pytest.mark.parametrize("subscripts", ["ij->j", "ij->", "ij,ij->", "bij->b", "bij->jb"])
    def test_integers_wrap(self, rng, subscripts, dtype):
        b = np.asarray(rng.integers(0, 200, (3, 40) if "b" in subscripts else 40), dtype)
        operands = [er.rolled(b, 300, axis=-1)] * subscripts.count("i")
        np.testing.assert_array_equal(
            er.einsum(subscripts, *operands), np.einsum(subscripts, *map(np.asarray, operands))
        )
