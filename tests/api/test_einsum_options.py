"""einsum's views, ``out=``, ``dtype=``, ``casting=``, ``order=`` and ``optimize=``, against NumPy's."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest

from tests.helpers import (
    DTYPES,
    ER,
    assert_same,
    is_view,
    make,
)

pytestmark = pytest.mark.usefixtures("way")


class TestViews:
    @pytest.mark.parametrize(
        "text", ["ij->ij", "ij->ji", "ij", "ji", "ii->i", "iij->ij", "ijk->kij", "...ij->...ji", "i...->...i"]
    )
    @pytest.mark.parametrize("optimize", [False, True])
    @pytest.mark.parametrize("order", ["K", "C", "F", "A"])
    def test_views_share_memory_and_ignore_order(self, text: str, optimize: bool, order: str) -> None:
        labels = text.split("->", maxsplit=1)[0].replace("...", "")
        a = np.arange(3.0 ** len(labels)).reshape((3,) * len(labels))
        result = assert_same("einsum", text, a, optimize=optimize, order=order)
        # Before NumPy 2.4 optimize=True obeys the order with a copy; assert_same holds us to the same.
        theirs = np.einsum(text, a, optimize=optimize, order=order)
        assert optimize or is_view(theirs, (a,))
        assert is_view(result, (a,)) == is_view(theirs, (a,))
        if is_view(theirs, (a,)):
            result[...] = -1
            assert (a == -1).any()

    @pytest.mark.parametrize("text", ["ij->ij", "ij->ji", "ii->i"])
    def test_a_view_is_writeable_if_its_operand_is(self, text: str) -> None:
        a = np.ones((3, 3))
        assert ER.einsum(text, a).flags.writeable
        a.flags.writeable = False
        for optimize in (False, True):
            assert not ER.einsum(text, a, optimize=optimize).flags.writeable

    def test_other_dtypes_of_views(self) -> None:
        for dtype in (*DTYPES, object):
            assert_same("einsum", "ij->ji", np.ones((2, 3), dtype))

    def test_no_result_is_a_view_of_two_operands(self) -> None:
        a = np.arange(6.0).reshape(2, 3)
        for text, other in (("ij,->ij", 1.0), ("ij,k->ij", np.ones(1)), ("ij,ik->ij", np.ones((2, 1)))):
            assert not is_view(assert_same("einsum", text, a, other), (a,))


class TestOut:
    @pytest.mark.parametrize(
        "text", ["ij,jk->ik", "ij,ij->ij", "i,j->ij", "ij->ji", "ij->i", "ij,ij->", "ii->i", "ij,jk,kl->il"]
    )
    @pytest.mark.parametrize("optimize", [False, True])
    @pytest.mark.parametrize("order", ["C", "F", "strided"])
    def test_out_is_returned(self, text: str, optimize: bool, order: str) -> None:
        rng = np.random.default_rng(0)
        arrays = [rng.standard_normal((5,) * len(t)) for t in text.split("->", maxsplit=1)[0].split(",")]
        right = np.einsum(text, *arrays)
        if order == "strided":
            out = np.zeros([2 * n for n in np.shape(right)])[(slice(None, None, 2),) * np.ndim(right)]
            out = np.zeros(()) if not np.ndim(right) else out
        else:
            out = np.zeros(np.shape(right), order=order)  # type: ignore[call-overload]
        result = ER.einsum(text, *arrays, out=out, optimize=optimize)
        assert result is out
        np.testing.assert_allclose(out, right, rtol=1e-12, atol=1e-12)

    @pytest.mark.parametrize("n", [4, 200])
    @pytest.mark.parametrize(
        "text", ["ij,jk->ik", "ij,kj->ki", "ij,ij->ij", "ij,ij->ji", "ij->ji", "ij,jk,kl->il", "i,j->ij"]
    )
    def test_out_may_overlap_an_operand(self, text: str, n: int) -> None:
        rng = np.random.default_rng(0)
        terms = text.split("->", maxsplit=1)[0].split(",")
        for which in range(len(terms)):
            for view in (lambda x: x, lambda x: x.T, lambda x: x[::-1]):
                memory = rng.standard_normal((n + 3) * n)
                arrays = [rng.standard_normal((n,) * len(t)) for t in terms]
                if len(terms[which]) == 2:
                    arrays[which] = memory[: n * n].reshape(n, n)
                    out = view(memory[3 : 3 + n * n].reshape(n, n))
                else:
                    arrays[which] = memory[:n]
                    out = view(memory[: n * n].reshape(n, n))
                right = np.einsum(text, *(x.copy() for x in arrays), optimize=len(arrays) > 2)
                assert ER.einsum(text, *arrays, out=out) is out
                np.testing.assert_allclose(out, right, rtol=1e-10, atol=1e-10)

    @pytest.mark.parametrize("optimize", [False, True])
    @pytest.mark.parametrize("casting", [None, "no", "safe", "same_kind", "unsafe"])
    def test_out_of_another_dtype(self, casting: Any, optimize: bool) -> None:
        options = {"optimize": optimize} if casting is None else {"optimize": optimize, "casting": casting}
        for dtype, other in itertools.product(("f8", "f4", "i4", "i1", "F"), ("f8", "f4", "i8", "i1", "D")):
            for text in ("ij,jk->ik", "ij->i", "ij,ij->ij", "ij,jk,kl->il", "i,j->ij", "ij,ij->"):
                arrays = make(text, dtype)
                shape = np.shape(np.einsum(text, *arrays))
                theirs, ours = np.full(shape, 7, other), np.full(shape, 7, other)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", np.exceptions.ComplexWarning)
                    try:
                        np.einsum(text, *arrays, out=theirs, **options)
                    except TypeError:
                        with pytest.raises(TypeError):
                            ER.einsum(text, *arrays, out=ours, **options)
                        assert (ours == 7).all()
                    else:
                        assert ER.einsum(text, *arrays, out=ours, **options) is ours
                        np.testing.assert_array_equal(ours, theirs)

    def test_float_into_int_raises_at_the_default_only(self) -> None:
        a = np.ones((2, 2))
        for dtype in (np.int64, np.float32):
            with pytest.raises(TypeError):
                ER.einsum("ij,jk->ik", a, a, out=np.zeros((2, 2), dtype))
            out = np.zeros((2, 2), dtype)
            theirs, error = np.zeros((2, 2), dtype), None
            try:
                np.einsum("ij,jk->ki", a, a, out=theirs, optimize=True)
            except TypeError as e:
                error = e
            if error is None:
                assert ER.einsum("ij,jk->ki", a, a, out=out, optimize=True) is out
                assert np.array_equal(out, theirs)

    def test_bad_out(self) -> None:
        a = np.ones((2, 3))
        read_only = np.zeros(2)
        read_only.flags.writeable = False
        for out in (np.zeros(3), np.zeros((2, 1)), np.zeros(()), [0.0, 0.0], 1.0, "x", read_only):
            assert_same("einsum", "ij->i", a, out=out)
            assert_same("einsum", "ij,ij->i", a, a, out=out)
            assert_same("einsum", "ij,ij->i", a, a, out=out, optimize=True)

    def test_out_none(self) -> None:
        assert_same("einsum", "ij,jk->ik", np.ones((2, 2)), np.ones((2, 2)), out=None)


class TestOptions:
    @pytest.mark.parametrize("casting", ["no", "equiv", "safe", "same_kind", "unsafe"])
    @pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "i8", "D", "?", None])
    @pytest.mark.filterwarnings("ignore::numpy.exceptions.ComplexWarning")
    def test_dtype_and_casting(self, dtype: Any, casting: Any) -> None:
        for text in ("ij,jk->ik", "ij->i", "ij,ij->", "ij,jk,kl->il", "ij->ji"):
            for own in ("f8", "f4", "i4", "i1", "F"):
                assert_same("einsum", text, *make(text, own), dtype=dtype, casting=casting)

    def test_safe_casting_of_float64_to_float32_raises_at_both(self) -> None:
        a = np.ones((2, 2))
        for optimize in (False, True):
            options = {"dtype": "f4", "casting": "safe", "optimize": optimize}
            try:
                np.einsum("ij,jk->ik", a, a, **options)
            except TypeError:
                with pytest.raises(TypeError):
                    ER.einsum("ij,jk->ik", a, a, **options)
            else:  # before NumPy 2.4 optimize=True forgets the dtype
                assert optimize
                assert_same("einsum", "ij,jk->ik", a, a, **options)

    @pytest.mark.parametrize("order", ["K", "C", "F", "A", "c", "f", None])
    @pytest.mark.parametrize("optimize", [False, True])
    def test_order(self, order: Any, optimize: bool) -> None:
        rng = np.random.default_rng(0)
        for text in (
            "ij,jk->ik",
            "ij,jk->ki",
            "ij,jk->kij",
            "bij,bjk->bik",
            "bij,bjk->kib",
            "ij,ij->ji",
            "i,j->ji",
        ):
            for make_order in ("C", "F"):
                sizes = {"i": 3, "j": 4, "k": 5, "b": 2}
                arrays = [
                    np.asarray(rng.standard_normal([sizes[c] for c in t]), order=make_order)
                    for t in text.split("->")[0].split(",")
                ]
                if order is None and optimize:
                    continue  # NumPy trips over None here (AttributeError), and that is no promise
                result = assert_same("einsum", text, *arrays, order=order, optimize=optimize)
                if order is not None and order.upper() != "K":
                    right = np.einsum(text, *arrays, order=order, optimize=optimize)
                    assert result.flags.c_contiguous >= right.flags.c_contiguous
                    assert result.flags.f_contiguous >= right.flags.f_contiguous
        assert ER.einsum("ij,jk->ik", np.ones((3, 4)), np.ones((4, 5)), order="F").flags.f_contiguous

    def test_k_follows_the_operands_where_numpy_tests_it(self) -> None:
        a, b = np.ones((2, 3, 5), order="F"), np.ones((4, 3), order="F")
        assert not ER.einsum("...ft,mf->...mt", a, b, order="C").flags.f_contiguous
        for optimize in (True, False):
            result = ER.einsum("...ft,mf->...mt", a, b, order="K", optimize=optimize)
            right = np.einsum("...ft,mf->...mt", a, b, order="K", optimize=optimize)
            assert (result.flags.c_contiguous, result.flags.f_contiguous) == (False, False)
            assert (right.flags.c_contiguous, right.flags.f_contiguous) == (False, False)

    @pytest.mark.parametrize(
        "optimize",
        [
            (),
            0,
            1,
            2.0,
            [(0, 1)],
            [(0, 1), (0, 1)],
            "nonsense",
            "",
            b"greedy",
            ("greedy",),
            ("greedy", "10"),
            ("x", 10),
            ["einsum_path"],
            ["einsum_path", (0, 1)],
            ["einsum_path", (0, 1), (0, 1)],
            ["einsum_path", (0, 1, 2)],
            ["einsum_path", (2, 0), (0, 1)],
            ["einsum_path", (0, 9), (0, 1)],
            ["einsum_path", (0,), (0, 1), (0, 1)],
            ["einsum_path", (0, 1), (0, 1), (0,)],
            ("einsum_path", (0, 1), (0, 1)),
            ["einsum_path", [0, 1], [0, 1]],
            ["einsum_path", (-1, 0), (0, 1)],
            ("greedy", 0),
            ("greedy", -1),
            ("optimal", 10),
            ("optimal", 1e9),
            np.True_,
            np.bool_(False),
            True,
            None,
            pytest.param(object(), id="object"),
        ],
        ids=repr,
    )
    def test_every_form_of_optimize(self, optimize: Any) -> None:
        arrays = make("ij,jk,kl", "f8")
        assert_same("einsum", "ij,jk,kl->il", *arrays, optimize=optimize)

    def test_a_path_from_einsum_path(self) -> None:
        arrays = make("ij,jk,kl,lm", "f8")
        path, _ = ER.einsum_path("ij,jk,kl,lm->im", *arrays, optimize="optimal")
        assert path == np.einsum_path("ij,jk,kl,lm->im", *arrays, optimize="optimal")[0]
        assert_same("einsum", "ij,jk,kl,lm->im", *arrays, optimize=path)

    def test_a_path_that_leaves_two_operands(self) -> None:
        with pytest.raises(RuntimeError):
            ER.einsum("ij,jk,kl->il", *make("ij,jk,kl", "f8"), optimize=["einsum_path", (0, 1)])

    def test_a_wrong_path_is_seen_before_a_diagonal_that_is_none(self) -> None:
        arrays = np.ones((1, 3)), np.ones(3)
        with pytest.raises(RuntimeError):
            np.einsum("ii,i", *arrays, optimize=["einsum_path", (0,), (0,)])
        for error, path in ((RuntimeError, [(0,), (0,)]), (ValueError, [(0, 1)])):
            with pytest.raises(error):
                ER.einsum("ii,i", *arrays, optimize=["einsum_path", *path])

    @pytest.mark.parametrize("optimize", [False, True])
    def test_unknown_keywords(self, optimize: bool) -> None:
        a = np.ones((2, 2))
        for options in ({"where": True}, {"axis": 0}, {"ordr": "C"}, {"einsum_call": True}):
            assert_same("einsum", "ij,jk", a, a, optimize=optimize, **options)
            assert_same("einsum", "ij->i", a, optimize=optimize, **options)

    def test_einsum_path_is_numpys(self) -> None:
        arrays = make("ij,jk,kl,lm", "f8")
        for options in (
            {},
            {"optimize": "optimal"},
            {"optimize": ("greedy", 0)},
            {"optimize": True},
            {"optimize": False},
        ):
            ours = ER.einsum_path("ij,jk,kl,lm->im", *arrays, **options)
            assert ours == np.einsum_path("ij,jk,kl,lm->im", *arrays, **options)
        call = ER.einsum_path("ij,jk,kl->il", *arrays[:3], einsum_call=True)
        right = np.einsum_path("ij,jk,kl->il", *arrays[:3], einsum_call=True)
        assert repr(call[1]) == repr(right[1])
