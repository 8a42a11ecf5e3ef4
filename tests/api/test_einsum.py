"""einsum's values, subscripts, broadcasting and result types are NumPy's, in tables."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import as_strided

from tests.helpers import (
    DTYPES,
    ER,
    EXPRESSIONS,
    SETTINGS,
    assert_agrees,
    assert_same,
    make,
    planned,
)

pytestmark = pytest.mark.usefixtures("way")


class TestValues:
    @pytest.mark.parametrize("optimize", SETTINGS, ids=repr)
    @pytest.mark.parametrize("subscripts", EXPRESSIONS)
    def test_every_setting(self, subscripts: str, optimize: Any) -> None:
        for dtype in ("f8", "i4", "D"):
            assert_same("einsum", subscripts, *make(subscripts, dtype), optimize=optimize)

    @pytest.mark.parametrize("subscripts", EXPRESSIONS)
    def test_every_dtype(self, subscripts: str) -> None:
        for dtype in DTYPES:
            assert_same("einsum", subscripts, *make(subscripts, dtype))

    @pytest.mark.parametrize("subscripts", [s for s in EXPRESSIONS if 2 <= s.count(",") + 1 <= 4])
    def test_every_order_of_operands(self, subscripts: str) -> None:
        terms, arrow, output = subscripts.partition("->")
        arrays = make(subscripts, "f8")
        for order in itertools.permutations(range(len(arrays))):
            text = ",".join(terms.split(",")[i] for i in order) + arrow + output
            assert_same("einsum", text, *(arrays[i] for i in order))

    @pytest.mark.parametrize("first", ["?", "i1", "u8", "i8", "f2", "f4", "f8", "F", "g"])
    @pytest.mark.parametrize("second", ["?", "i1", "u8", "i8", "f2", "f4", "f8", "F", "g"])
    def test_promotion(self, first: str, second: str) -> None:
        for subscripts in ("ij,jk->ik", "ij,ij->ij", "i,i->", "i,j->ij"):
            terms = subscripts.split("->")[0].split(",")
            assert_same("einsum", subscripts, make(terms[0], first)[0], make(terms[1], second)[0])

    @pytest.mark.parametrize(
        "layout",
        [
            np.asfortranarray,
            lambda x: np.repeat(x, 2, -1)[..., ::2],
            lambda x: x[::-1].copy()[::-1],
            lambda x: np.broadcast_to(x[:1], x.shape),
            lambda x: as_strided(x, x.shape, (x.itemsize,) * x.ndim),
            lambda x: x.view(),
        ],
        ids=["F", "step", "negative", "broadcast", "overlapping", "C"],
    )
    def test_every_layout(self, layout: Any) -> None:
        for subscripts in EXPRESSIONS:
            arrays = [layout(x) if x.ndim else x for x in make(subscripts, "f8")]
            assert_same("einsum", subscripts, *arrays)

    def test_one_array_given_twice(self) -> None:
        a = np.random.default_rng(1).standard_normal((4, 4))
        for subscripts in ("ij,ij->", "ij,jk->ik", "ij,kj->ik", "ji,jk->ik", "ij,ji->ij", "ii,jj->ij"):
            assert_same("einsum", subscripts, a, a)
            assert_same("einsum", subscripts, a, a.T)


class TestSubscripts:
    @pytest.mark.parametrize(
        ("subscripts", "shapes"),
        [
            ("...", [(2, 3)]),
            ("...->...", [(2, 3)]),
            ("i...", [(2, 3)]),
            ("i...->...", [(2,)]),
            ("...i,...i", [(4, 3), (4, 3)]),
            ("...i,...i->...", [(4, 3), (3,)]),
            ("...ij,...jk", [(5, 2, 3), (3, 4)]),
            ("...ij,...jk->...ik", [(5, 1, 2, 3), (6, 3, 4)]),
            ("i...j,j...k->...ik", [(2, 5, 3), (3, 5, 4)]),
            ("ij...,jk...->ik...", [(2, 3, 5), (3, 4, 5)]),
            ("...,i", [(), (3,)]),
            ("...,...", [(), ()]),
            ("...,...", [(2, 3), (3,)]),
            ("i...,i->...", [(2, 3, 4), (2,)]),
            ("...ii->...i", [(2, 3, 3)]),
            ("...ii->...", [(2, 3, 3)]),
            ("...a,a...", [(2, 3), (3, 2)]),
            ("a...,...b->b...a", [(2, 3), (3, 4)]),
        ],
    )
    @pytest.mark.parametrize("optimize", [False, True])
    def test_ellipsis(self, subscripts: str, shapes: list[tuple[int, ...]], optimize: bool) -> None:
        rng = np.random.default_rng(0)
        assert_same("einsum", subscripts, *(rng.standard_normal(s) for s in shapes), optimize=optimize)

    def test_ellipsis_summed_away(self) -> None:
        a = np.arange(6.0).reshape(2, 3)
        with pytest.raises(ValueError):
            ER.einsum("i...->i", a)
        assert_same("einsum", "i...->i", a)
        assert_same("einsum", "i...->i", a, optimize=True)
        assert_agrees(ER.einsum("i...->i", a, optimize=True), np.array([3.0, 12.0]))

    def test_implicit_output_is_in_ascii_order(self) -> None:
        a, b = np.ones((2, 3)), np.ones((3, 4))
        assert ER.einsum("ba", a).shape == (3, 2)
        assert ER.einsum("aB", a).shape == (3, 2)
        assert ER.einsum("ik,kA", a, b).shape == (4, 2)
        for text in ("ba", "aB", "ik,kA", "Zz,zA"):
            assert_same("einsum", text, *(a, b)[: text.count(",") + 1])

    @pytest.mark.parametrize("text", [" ij, jk -> ik ", "i j,jk->i k", "ij ,jk", " ij,jk"])
    def test_spaces(self, text: str) -> None:
        assert_same("einsum", text, np.ones((2, 3)), np.ones((3, 4)))

    @pytest.mark.parametrize(
        "text", ["i\u00e9,\u00e9k", "\u03b1\u03b2->\u03b2\u03b1", "i1", "i_", "ij\u200b"]
    )
    def test_labels_are_ascii_letters(self, text: str) -> None:
        arrays = [np.ones((2, 2))] * (text.count(",") + 1)
        for optimize in (False, True):
            with pytest.raises(ValueError):
                ER.einsum(text, *arrays, optimize=optimize)
            assert_same("einsum", text, *arrays, optimize=optimize)

    @pytest.mark.parametrize("optimize", [False, True])
    def test_sublists(self, optimize: bool) -> None:
        a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
        assert_same("einsum", a, [0, 1], b, [1, 2], optimize=optimize)
        assert_same("einsum", a, [0, 1], b, [1, 2], [2, 0], optimize=optimize)
        assert_same("einsum", a, [51, 0], b, [0, 26], optimize=optimize)
        assert_same("einsum", a, [Ellipsis, 0], [0, Ellipsis], optimize=optimize)
        assert_same("einsum", a, (0, 1), b, (1, 2), optimize=optimize)
        assert_same("einsum", a, np.array([0, 1]), optimize=optimize)
        assert_same("einsum", a, [0, 1], [], optimize=optimize)
        for bad in ([0, 52], [0, -1], [0, 1.0], [0, "a"], [0], [0, 1, 2], [0, None]):
            assert_same("einsum", a, bad, optimize=optimize)


class TestBroadcasting:
    @pytest.mark.parametrize(
        ("subscripts", "shapes"),
        [
            ("ij,jk", [(2, 3), (1, 4)]),
            ("ij,jk", [(2, 1), (3, 4)]),
            ("ij,ij->ij", [(2, 1), (1, 3)]),
            ("ij,ij->", [(2, 1), (1, 3)]),
            ("i,i", [(1,), (5,)]),
            ("ij,jk,kl", [(2, 1), (3, 1), (4, 5)]),
            ("ij,jk->k", [(1, 1), (3, 4)]),
            ("ij,jk", [(2, 3), (1, 0)]),
            ("ij,j->i", [(0, 3), (1,)]),
            ("i,i,i->i", [(1,), (4,), (1,)]),
            ("ii,i->i", [(3, 3), (1,)]),
            ("ij,ji->", [(1, 3), (3, 2)]),
        ],
    )
    @pytest.mark.parametrize("optimize", [False, True])
    def test_size_one_across_operands(
        self, subscripts: str, shapes: list[tuple[int, ...]], optimize: bool
    ) -> None:
        rng = np.random.default_rng(0)
        for dtype in ("f8", "i8"):
            arrays = [(10 * rng.standard_normal(s)).astype(dtype) for s in shapes]
            assert_same("einsum", subscripts, *arrays, optimize=optimize)

    def test_but_not_within_one(self) -> None:
        for optimize in (False, True):
            with pytest.raises(ValueError):
                ER.einsum("ii", np.ones((1, 3)), optimize=optimize)
            with pytest.raises(ValueError):
                ER.einsum("ii,i->i", np.ones((1, 3)), np.ones(3), optimize=optimize)

    @pytest.mark.parametrize(
        ("subscripts", "shapes"),
        [
            ("i->", [(0,)]),
            ("ij->i", [(3, 0)]),
            ("ij->j", [(3, 0)]),
            ("ij,jk->ik", [(2, 0), (0, 3)]),
            ("ij,jk->ik", [(0, 2), (2, 3)]),
            ("i,i->", [(0,), (0,)]),
            ("i,j->ij", [(0,), (3,)]),
            ("ii->i", [(0, 0)]),
            ("bij,bjk->bik", [(0, 2, 3), (0, 3, 4)]),
            ("bij,bjk->bik", [(2, 2, 0), (2, 0, 4)]),
            ("ij,jk,kl->il", [(2, 3), (3, 0), (0, 4)]),
        ],
    )
    @pytest.mark.parametrize("dtype", ["f8", "i4", "?", "D", "f2"])
    def test_size_zero(self, subscripts: str, shapes: list[tuple[int, ...]], dtype: str) -> None:
        for optimize in (False, True):
            assert_same("einsum", subscripts, *(np.ones(s, dtype) for s in shapes), optimize=optimize)


class TestTypes:
    def test_full_contractions_are_scalars_at_the_default_only(self) -> None:
        a = np.arange(6.0).reshape(2, 3)
        assert type(ER.einsum("ij,ij->", a, a)) is np.float64
        assert type(ER.einsum("ij,ij->", a, a, optimize=True)) is np.ndarray
        for text in ("ij,ij->", "ij,ij,ij->", "ij,ij,ij,ij->"):
            for optimize in SETTINGS:
                assert_same("einsum", text, *[a] * (text.count(",") + 1), optimize=optimize)

    @pytest.mark.parametrize(
        "operand", [2.0, 2, 2j, True, np.float32(2), np.int8(2), [1.0, 2.0], [[1, 2]], (1, 2)]
    )
    def test_scalars_and_lists_promote_as_arrays_do(self, operand: Any) -> None:
        term = "ij"[: np.ndim(operand)]
        for dtype in ("f4", "i1", "f8", "F"):
            assert_same("einsum", f"{term},kl->{term}kl", operand, np.ones((2, 3), dtype))
        assert_same("einsum", term, operand)
        assert ER.einsum(",i", 2.0, np.ones(3, "f4")).dtype == np.float64

    def test_matrix_and_masked_come_back_as_base_arrays(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            matrix = np.matrix([[1.0, 2.0], [3.0, 4.0]])
        masked = np.ma.masked_array(np.ones((2, 2)), mask=[[0, 1], [0, 0]])
        for subclass in (matrix, masked):
            for text in ("ij,jk->ik", "ij->ji", "ij->j", "ii->i", "ij,ij->", "ij,ij->ij"):
                # optimize=True hands NumPy's operands on as they are, and a matrix may come back
                result = assert_same("einsum", text, *[subclass] * (text.count(",") + 1))
                assert not isinstance(result, (np.matrix, np.ma.MaskedArray))

    def test_object_arrays(self) -> None:
        from fractions import Fraction

        a = np.array([[Fraction(1, 3), 2], [3, Fraction(4, 5)]], dtype=object)
        for text in ("ij,jk->ik", "ij->i", "ii", "ij,ij->", "ij,jk,kl->il", "ij->ji"):
            result = ER.einsum(text, *[a] * (text.count(",") + 1))
            assert np.array_equal(result, np.einsum(text, *[a] * (text.count(",") + 1)))

    @pytest.mark.parametrize(
        "array",
        [
            np.array(["a", "b"]),
            np.array([b"a"]),
            np.zeros(2, "M8[s]"),
            np.zeros(2, "m8[s]"),
            np.zeros(2, "i4,f8"),
        ],
    )
    def test_other_dtypes_raise(self, array: np.ndarray) -> None:
        for text in ("i->", "i,i->", "i,i->i", "i,j->ij"):
            for optimize in (False, True):
                assert_same("einsum", text, *[array] * (text.count(",") + 1), optimize=optimize)
        with pytest.raises(TypeError):
            ER.einsum("i,i->", array, array)


@pytest.mark.parametrize("n", [40, 150])
def test_no_route_but_numpys_is_needed_for_the_usual_forms(n: int) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((n, n)), rng.standard_normal((n, n))
    for text, arrays in (
        ("ij,jk->ik", (a, b)), ("ij,jk->ki", (a, b)), ("ij,ij->ij", (a, b)), ("ij,ij->", (a, b)), ("ij->i",
        (a,)), ("ij,j->i", (a, b[0])), ("i,j->ij", (a[0], b[0])), ("ij,jk,kl->il", (a, b, a)),
    ):  # fmt: skip
        with planned(forbid=("numpy.einsum",)) as ran:
            assert_same("einsum", text, *arrays)
        assert "numpy.einsum" not in ran
