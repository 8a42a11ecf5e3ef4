"""One-hot operands: what they stand for, and every way to contract with them, against NumPy written out."""

from __future__ import annotations

import threading
import tracemalloc
import warnings
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import einroute as er
from einroute._kinds.one_hot import adding, gather, kind, look_up
from einroute._kinds.one_hot.operand import OneHot
from tests.helpers import forcing, small_integers

REWRITES = tuple(rewrite.name for rewrite in kind.REWRITES)
SIZES = {"t": 12, "s": 5, "b": 3, "r": 4, "c": 6, "x": 3, "y": 2, "z": 12, "n": 4}
LABEL_DTYPES = ("i1", "u1", "i2", "i4", "i8", "u8", ">i4", ">u8")
DTYPES = ("f8", "f4", "c16", "c8", "i8", "i1", "u2", "?", "f2", "g", "G", ">f8")
#: Terms with a star are one-hot, their last label that of the classes.
EXPRESSIONS = (
    # histograms and co-occurrence
    "tr*->r", "tr*->t", "tr*->", "tr*->tr", "tr*->rt", "btr*->r", "btr*->br", "btr*->rb", "btr*->tr", "r*->r",
    "tr*,tc*->rc", "tr*,tc*->cr", "tr*,tc*->r", "btr*,tc*->rc", "btr*,tc*->brc", "tr*,tr*->r", "tr*,tr*->t",
    "tr*,sr*->ts", "tr*,sr*->", "tr*,sc*->rc", "tr*,rc*->tc", "tr*,rc*->c", "tr*,rc*,cx->tx", "tr*,,->r",
    # segment sums
    "tr*,t->r", "t,tr*->r", "tr*,tx->rx", "tr*,tx->xr", "tr*,xt->rx", "tr*,txy->ryx", "tr*,yxt->rxy",
    "btr*,bt->r", "btr*,tb->r", "btr*,btx->rx", "btr*,btx->brx", "btr*,bx->rx", "btr*,tx->brx", "btr*,b->r",
    "tr*,tc*,t->rc", "tr*,tc*,tx->rcx", "tr*,tr*,t->r", "tr*,t->tr", "tr*,tx->trx", "tr*,x->rx", "tr*,tr->r",
    "tr*,t,t->r", "r*,->r", "r*,x->xr",
    "btr*,tbx->xr", "btr*,xbt->brx", "btr*,btc*->brc", "tr*,btr*,bt->b",
    # products of matrices for each class
    "tr*,tx,ty->rxy", "tr*,tx,ty->yrx", "tr*,xt,t,ty->rxy", "tr*,tx,tyz->zrxy", "tr*,txb,tby->rxy",
    "btr*,btx,bty->rxy", "btr*,tbx,bty,t->brxy", "tr*,bt,btx,tsy,s->rxy", "tr*,tx,ty,tz->rxyz",
    "tr*,tc*,tx,ty->rcyx", "tr*,tr*,tx,ty->rxy", "r*,x,y->rxy", "btr*,btx,ty->rxy",
    # gathers
    "tr*,r->t", "tr*,rx->tx", "tr*,xr->xt", "tr*,xr->tx", "btr*,rx->btx", "btr*,rx->tbx", "btr*,xry->ytbx",
    "tr*,rx->x", "tr*,rx->", "tr*,rx,t->tx", "tr*,rx,tx->t", "tr*,tr->t", "tr*,rr->t", "tr*,tc*,rc->t",
    "tr*,tc*,crx->xt", "tr*,tc*,trc->t", "tr*,ttr->t", "r*,rx->x", "btr*,btr->b", "btr*,tr->bt",
    "btr*,rb->bt", "tr*,rx,x->tx", "tr*,x->x", "tr*,x->tx", "btr*,bx->bx",
    # sums or tables first
    "tr*,tx,xy->ry", "tr*,rx,xy->ty", "tr*,tx,rc->xc", "tr*,rx,ty->xy", "tr*,r,tx->rx", "tr*,tx,x->r",
    "tr*,rx,xy,ty->t", "tr*,sr*,sx->tx", "tr*,tx,sr*->sx", "tr*,sc*,ts->rc", "btr*,btx,rc,cy->bxy",
    # the layered field
    "zn*,n,nx,zn,y->zyx", "zn*,n,nx,z,y->zyx",
    # labels that repeat, within an operand or between the places and the classes
    "ttr*->r", "ttr*,t->tr", "tt*->t", "ttt*->", "tr*,tt->r",
)  # fmt: skip


def labelled(rng: np.random.Generator, shape: tuple[int, ...], depth: int, form: str) -> np.ndarray:
    """Labels: all classes, some of them not, none of them, or any number at all."""
    low, high = {"all": (0, depth), "some": (-2, depth + 2), "none": (depth, depth + 3)}.get(form, (0, 1))
    if form == "extreme":
        info = np.iinfo("i8")
        choices = np.array([info.min, info.max, -1, 0, depth - 1, depth, 2**32, 2**32 + 1, -(2**32)])
        return choices[rng.integers(0, len(choices), shape)]
    return np.asarray(rng.integers(low, high, shape))


def case(
    expression: str, form: str = "all", dtype: str = "f8", seed: int = 0, sizes: dict[str, int] = SIZES
) -> tuple[str, list[Any]]:
    """Subscripts and operands of an expression; repeated labels need depths that fit."""
    rng = np.random.default_rng(seed)
    operands: list[Any] = []
    for term in expression.partition("->")[0].split(","):
        shape = tuple(sizes[c] for c in term.rstrip("*"))
        if term.endswith("*"):
            operands.append(er.one_hot(labelled(rng, shape[:-1], shape[-1], form), shape[-1], dtype=dtype))
        else:
            operands.append(small_integers(rng, shape, dtype, 4))
    return expression.replace("*", ""), operands


def written(x: Any) -> np.ndarray:
    """What an operand stands for, by its definition."""
    if isinstance(x, OneHot):
        return (x.labels[..., None] == np.arange(x.depth)).astype(x.dtype)
    return np.asarray(x)


def assert_agrees(subscripts: str, *operands: Any, **options: Any) -> Any:
    """einroute's einsum gives what NumPy's gives for the operands written out; small integers, so exactly."""
    right = np.einsum(subscripts, *(written(x) for x in operands), **options)
    result = er.einsum(subscripts, *operands, **options)
    assert type(result) is type(right)
    assert result.dtype == right.dtype.newbyteorder("=")
    np.testing.assert_array_equal(result, right)
    assert np.shape(result) == np.shape(right)
    if isinstance(result, np.ndarray):
        assert result.flags.writeable
        arrays = [x.labels if isinstance(x, OneHot) else x for x in operands]
        assert not any(np.may_share_memory(result, x) for x in arrays)
    return result


def route_of(subscripts: str, *operands: Any) -> str:
    """The rewrite that is taken."""
    with forcing(None) as ran:
        er.einsum(subscripts, *operands)
    return [name for name in ran if name.startswith("one_hot.")][-1]


class TestOperand:
    def test_it_refers_to_the_labels(self):
        labels = np.array([0, 2, 1])
        operand = er.one_hot(labels, 3)
        assert operand.labels.base is labels
        assert type(operand.labels) is np.ndarray
        assert (operand.shape, operand.depth, operand.dtype) == ((3, 3), 3, np.dtype(float))
        labels[0] = 1
        np.testing.assert_array_equal(er.einsum("tr->r", operand), [0, 2, 1])

    @pytest.mark.parametrize("dtype", LABEL_DTYPES)
    @pytest.mark.parametrize("form", ["all", "some", "none", "extreme"])
    @pytest.mark.parametrize("shape", [(), (7,), (2, 3), (0,), (3, 0)])
    def test_written_out_it_is_the_comparison(self, dtype, form, shape):
        labels = labelled(np.random.default_rng(1), shape, 4, form).astype(dtype)
        operand = er.one_hot(labels, 4, dtype="i2")
        right = (labels[..., None] == np.arange(4)).astype("i2")
        assert np.asarray(operand).dtype == np.int16
        np.testing.assert_array_equal(np.asarray(operand), right)
        assert operand.shape == right.shape

    @pytest.mark.parametrize("labels", [[0, 1], (1, 0), [[0], [2]], 1, np.int8(2), [], (), range(2)])
    def test_what_numpy_makes_an_array_of_integers_of(self, labels):
        operand = er.one_hot(labels, 3)
        assert operand.shape == (*np.shape(labels), 3)
        np.testing.assert_array_equal(np.asarray(operand).argmax(-1), labels)

    @pytest.mark.parametrize(
        ("arguments", "error", "words"),
        [
            (([0.0, 1.0], 3), TypeError, "labels has dtype float64"),
            ((np.zeros(0), 3), TypeError, "labels has dtype float64"),
            ((np.array([True]), 3), TypeError, "labels has dtype bool"),
            ((np.array([1j]), 3), TypeError, "labels has dtype complex128"),
            ((["a"], 3), TypeError, "labels has dtype <U1"),
            ((None, 3), TypeError, "labels is of type NoneType"),
            ((object(), 3), TypeError, "labels is of type object"),
            (([0, 2**70], 3), TypeError, "labels is of type list"),
            (([0], -1), ValueError, "depth is -1"),
            (([0], 2**63), ValueError, "depth is 9223372036854775808"),
            (([0], 2.0), TypeError, "depth is 2.0"),
            (([0], None), TypeError, "depth is None"),
            (([0], "3"), TypeError, "depth is '3'"),
            (([0], np.array([3])), TypeError, "depth is "),
        ],
    )
    def test_bad_arguments(self, arguments, error, words):
        with pytest.raises(error, match=words):
            er.one_hot(*arguments)

    @pytest.mark.parametrize("dtype", ["O", "S3", "M8[s]", "m8[s]", "V4", "i4,f8"])
    def test_bad_dtype(self, dtype):
        with pytest.raises(TypeError, match="dtype is "):
            er.one_hot([0], 2, dtype=dtype)

    def test_dtype_is_named(self):
        with pytest.raises(TypeError):
            er.one_hot([0], 2, "i4")

    def test_subclasses_whose_numbers_mean_more(self):
        class Quantity(np.ndarray):
            def __array_function__(self, *_: Any) -> Any:
                raise AssertionError

        with pytest.raises(TypeError, match="labels is of type Quantity"):
            er.one_hot(np.array([0, 1]).view(Quantity), 2)

    @pytest.mark.parametrize("depth", [np.int8(3), np.array(3), True])
    def test_depths_that_are_integers(self, depth):
        assert er.one_hot([0], depth).depth == int(depth)


class TestAgreement:
    @pytest.mark.parametrize("form", ["all", "some", "none", "extreme"])
    @pytest.mark.parametrize("expression", EXPRESSIONS)
    def test_expressions(self, expression, form):
        assert_agrees(*_flat(case(expression, form)))

    @pytest.mark.parametrize("expression", EXPRESSIONS)
    @pytest.mark.parametrize("rewrite", REWRITES)
    def test_through_every_rewrite(self, expression, rewrite):
        for form in ("all", "some"):
            subscripts, operands = case(expression, form, seed=2)
            with forcing(rewrite) as ran:
                assert_agrees(subscripts, *operands)
            assert ran

    @pytest.mark.skipif(adding.CORE is None, reason="they are the core's, and BLAS's")
    @pytest.mark.parametrize("dtype", ["f8", "f4", "c8", "c16"])
    def test_products_of_matrices_for_each_class_decline_what_is_not_finite(self, dtype):
        subscripts, (hot, x, y) = case("tr*,tx,ty->rxy", "some", dtype, sizes=SIZES | {"t": 900, "x": 9})
        with forcing("one_hot.class_products") as ran:
            assert_agrees(subscripts, hot, x, y)
        assert ran == ["one_hot.class_products"]
        x[7, 2] = np.nan
        hot.labels[7] = 2
        with forcing("one_hot.class_products") as ran:
            finite = np.isfinite(er.einsum(subscripts, hot, x, y))
        assert len(ran) > 1
        np.testing.assert_array_equal(finite.all((1, 2)), np.arange(4) != 2)

    @pytest.mark.parametrize("label", "txyr")
    def test_nothing_to_multiply_for_each_class(self, label):
        sizes = SIZES | {"t": 9} | {label: 0}
        subscripts, operands = case("tr*,tx,ty->rxy", "some", sizes=sizes)
        for _ in range(3):
            assert_agrees(subscripts, *operands)

    @pytest.mark.parametrize("dtype", DTYPES)
    @pytest.mark.parametrize(
        "expression",
        ["tr*->r", "tr*,t->r", "tr*,tx->rx", "tr*,rx->tx", "tr*,rx,t->tx", "tr*,tc*->rc", "tr*,tx,xy->ry"],
    )
    def test_dtypes(self, expression, dtype):
        for form in ("all", "some"):
            subscripts, operands = case(expression, form, dtype)
            for rewrite in REWRITES:
                with forcing(rewrite):
                    assert_agrees(subscripts, *operands)

    @pytest.mark.parametrize("dtype", LABEL_DTYPES)
    @pytest.mark.parametrize("expression", ["tr*->r", "tr*,tx->rx", "tr*,rx->tx", "tr*,tr->t", "btr*,bt->r"])
    def test_label_dtypes_and_layouts(self, expression, dtype):
        rng = np.random.default_rng(3)
        for depth in (4, 200):
            sizes = SIZES | {"r": depth}
            subscripts, operands = case(expression, sizes=sizes)
            shape = operands[0].labels.shape
            info = np.iinfo(dtype)
            low, high = max(info.min, -3), min(info.max, depth + 3)
            labels = rng.integers(low, high, shape, dtype=np.dtype(dtype).newbyteorder("="), endpoint=True)
            labels = labels.astype(dtype)
            for laid in (
                labels,
                np.repeat(labels, 2, -1)[..., ::2],
                labels[..., ::-1],
                np.asfortranarray(labels),
            ):
                assert_agrees(subscripts, er.one_hot(laid, depth), *operands[1:])

    def test_labels_beyond_int64(self):
        labels = np.array([2**64 - 1, 2**63, 2**63 + 1, 1, 0, 1], np.uint64)
        np.testing.assert_array_equal(er.einsum("tr->r", er.one_hot(labels, 2)), [1, 2])
        got = er.einsum("tr,rx->tx", er.one_hot(labels, 2), np.array([[1.0], [2.0]]))
        np.testing.assert_array_equal(got[:, 0], [0, 0, 0, 2, 1, 2])

    @pytest.mark.parametrize(
        "expression", ["tr*->r", "tr*,tx->rx", "tr*,rx->tx", "tr*,tx,xy->ry", "tr*,x->x"]
    )
    @pytest.mark.parametrize("empty", ["t", "r", "x", "tr"])
    def test_lengths_of_zero(self, expression, empty):
        sizes = SIZES | dict.fromkeys(empty, 0)
        subscripts, operands = case(expression, "none", sizes=sizes)
        inputs, _, output = subscripts.partition("->")
        result = er.einsum(subscripts, *operands)
        np.testing.assert_array_equal(result, np.zeros([sizes[c] for c in output]))
        del inputs

    @pytest.mark.parametrize(
        ("subscripts", "shapes"),
        [
            ("tr,tx->rx", ((1, 4), (5, 3))),
            ("tr,tx->rx", ((5, 4), (1, 3))),
            ("tr,rx->tx", ((5, 1), (4, 3))),
            ("tr,rx->tx", ((5, 4), (1, 3))),
            ("...r,...x->...rx", ((2, 3, 4), (3, 5))),
            ("...r,...r->...", ((2, 1, 4), (3, 4))),
        ],
    )
    def test_axes_that_are_broadcast(self, subscripts, shapes):
        rng = np.random.default_rng(4)
        labels = rng.integers(0, shapes[0][-1], shapes[0][:-1])
        other = rng.integers(-3, 4, shapes[1]).astype(float)
        assert_agrees(subscripts, er.one_hot(labels, shapes[0][-1]), other)

    @pytest.mark.parametrize(
        "options", [{"optimize": True}, {"order": "F"}, {"order": "C"}, {"dtype": "c16"}]
    )
    @pytest.mark.parametrize("expression", ["tr*,tx->rx", "tr*,xr->tx", "tr*,rx,t->tx", "tr*,tx,xy->ry"])
    def test_options(self, expression, options):
        subscripts, operands = case(expression, "some")
        result = assert_agrees(subscripts, *operands, **options)
        if "order" in options:
            assert result.flags[f"{options['order']}_CONTIGUOUS"]

    @pytest.mark.parametrize("expression", ["tr*->r", "tr*,tx->rx", "tr*,xr->tx", "tr*,tx,xy->ry"])
    def test_out(self, expression):
        subscripts, operands = case(expression, "some")
        right = np.einsum(subscripts, *(written(x) for x in operands))
        for order in "CF":
            out = np.full(right.shape, np.nan, order=order)
            assert er.einsum(subscripts, *operands, out=out) is out
            np.testing.assert_array_equal(out, right)

    def test_out_that_is_an_operand(self):
        operand = er.one_hot(np.array([1, 0, 1]), 3)
        x = np.array([1.0, 2.0, 4.0])
        assert er.einsum("tr,t->r", operand, x, out=x) is x
        np.testing.assert_array_equal(x, [2, 5, 0])

    @pytest.mark.parametrize("expression", ["tr*,r,t->t", "tr*,rx,t->tx", "tr*,r->t", "tr*,t->r"])
    @pytest.mark.parametrize("dtype", ["f4", "f8", "i8", "c16"])
    def test_unaligned_arrays(self, expression, dtype):
        subscripts, operands = case(expression, dtype=dtype)
        for at in range(1, len(operands)):
            x = operands[at]
            moved = np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(x.dtype).reshape(x.shape)
            assert_agrees(subscripts, *operands[:at], moved, *operands[at + 1 :])

    def test_sublists_and_products(self):
        operand, x = er.one_hot(np.array([1, 0, 3]), 4), np.arange(8.0).reshape(4, 2)
        right = written(operand) @ x
        np.testing.assert_array_equal(er.einsum(operand, [0, 1], x, [1, 2], [0, 2]), right)
        for got in (
            er.tensordot(operand, x, 1),
            operand @ x,
            er.dot(operand, x),
            np.tensordot(operand, x, 1),
        ):
            assert type(got) is np.ndarray
            np.testing.assert_array_equal(got, right)
        np.testing.assert_array_equal(x.T @ np.asarray(operand).T, er.matmul(x.T, np.asarray(operand).T))

    @given(st.data())
    @settings(max_examples=150, deadline=None)
    def test_any_expression(self, data):
        pool = "abcde"
        sizes = {c: data.draw(st.integers(1, 4), label=c) for c in pool}
        count = data.draw(st.integers(1, 3))
        terms, operands = [], []
        for i in range(count):
            labels = "".join(data.draw(st.lists(st.sampled_from(pool), min_size=1, max_size=3, unique=True)))
            shape = tuple(sizes[c] for c in labels)
            terms.append(labels)
            if i == 0 or data.draw(st.booleans()):
                size = int(np.prod(shape[:-1]))
                values = data.draw(st.lists(st.integers(-1, 4), min_size=size, max_size=size))
                operands.append(er.one_hot(np.array(values, int).reshape(shape[:-1]), shape[-1]))
            else:
                operands.append(np.arange(1.0, 1 + np.prod(shape)).reshape(shape))
        used = sorted(set("".join(terms)))
        output = "".join(data.draw(st.lists(st.sampled_from(used), unique=True)))
        assert_agrees(",".join(terms) + "->" + output, *operands)


def _flat(pair: tuple[str, list[Any]]) -> tuple[Any, ...]:
    return (pair[0], *pair[1])


class TestBooleans:
    def test_sums_are_or_unless_a_dtype_is_asked_for(self):
        labels = np.array([0, 0, 2])
        mask = labels[:, None] == np.arange(3)
        operand = er.one_hot(labels, 3, dtype=bool)
        for x in (operand, mask):
            np.testing.assert_array_equal(er.einsum("tr->r", x), [True, False, True])
            np.testing.assert_array_equal(er.einsum("tr->r", x, dtype=np.intp), [2, 0, 1])

    @pytest.mark.parametrize("expression", [e for e in EXPRESSIONS if e.count("*") == 1])
    def test_a_mask_a_one_hot_and_the_comparison_agree(self, expression):
        subscripts, operands = case(expression, "some", seed=5)
        as_mask = [written(x).astype(bool) if isinstance(x, OneHot) else x for x in operands]
        as_bool = [
            er.one_hot(x.labels, x.depth, dtype=bool) if isinstance(x, OneHot) else x for x in operands
        ]
        right = er.einsum(subscripts, *as_mask, dtype=float)
        np.testing.assert_array_equal(er.einsum(subscripts, *operands, dtype=float), right)
        np.testing.assert_array_equal(er.einsum(subscripts, *as_bool, dtype=float), right)


class TestWhatIsRuledOut:
    """nan and inf where no label points reach no result."""

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    @pytest.mark.parametrize("rewrite", [None, *REWRITES])
    @pytest.mark.parametrize(
        "expression",
        ["tr*,t->r", "tr*,tx->rx", "tr*,tx,x->r", "tr*,tx,xy->ry", "tr*,tx,rc->xc", "tr*,t->t", "tr*,tx->x",
         "tr*,tx,t->tx", "tr*,tc*,tx->rcx", "tr*,tr->t"],
    )  # fmt: skip
    def test_rows_whose_label_is_no_class(self, expression, rewrite, bad):
        labels = np.array([0, 3, -1, 2, 4, 0, 7, 1, 2, 3, 100, 0])
        subscripts, operands = case(expression)
        out_of_range = (labels < 0) | (labels >= 4)
        given = []
        for term, x in zip(subscripts.partition("->")[0].split(","), operands, strict=True):
            if isinstance(x, OneHot):
                given.append(er.one_hot(labels, x.depth))
            else:
                x = x.copy()
                if term.startswith("t"):
                    x[out_of_range] = bad
                given.append(x)
        clean = [np.where(np.isfinite(x), x, 0) if not isinstance(x, OneHot) else written(x) for x in given]
        with forcing(rewrite):
            result = er.einsum(subscripts, *given)
        np.testing.assert_array_equal(result, np.einsum(subscripts, *clean))

    @pytest.mark.parametrize("bad", [np.nan, -np.inf])
    @pytest.mark.parametrize("rewrite", [None, *REWRITES])
    @pytest.mark.parametrize(
        "expression", ["tr*,r->t", "tr*,rx->tx", "tr*,rx,xy->ty", "tr*,tx,rc->xc", "tr*,r,tx->rx", "tr*,r->r"]
    )
    def test_classes_without_a_place(self, expression, rewrite, bad):
        labels = np.array([0, 3, 3, 1, 0, 0, 3, 1, 1, 3, 0, 0])
        subscripts, operands = case(expression)
        given: list[Any] = []
        for term, x in zip(subscripts.partition("->")[0].split(","), operands, strict=True):
            if isinstance(x, OneHot):
                given.append(er.one_hot(labels, x.depth))
            else:
                x = x.copy()
                if term.startswith("r"):
                    x[2] = bad
                given.append(x)
        clean = [np.where(np.isfinite(x), x, 0) if not isinstance(x, OneHot) else written(x) for x in given]
        with forcing(rewrite):
            result = er.einsum(subscripts, *given)
        np.testing.assert_array_equal(result, np.einsum(subscripts, *clean))

    def test_what_is_not_ruled_out_comes_through(self):
        operand = er.one_hot(np.array([0, 1, 1]), 3)
        np.testing.assert_array_equal(
            er.einsum("tr,t->r", operand, np.array([1.0, np.nan, 2.0])), [1, np.nan, 0]
        )
        np.testing.assert_array_equal(
            er.einsum("tr,r->t", operand, np.array([1.0, np.inf, 2.0])), [1, np.inf, np.inf]
        )
        x = np.array([[1.0], [np.nan], [2.0]])
        for rewrite in (None, *REWRITES):
            with forcing(rewrite):
                got = er.einsum("tr,tx,xy->ry", operand, x, np.array([[2.0, 3.0]]))
            np.testing.assert_array_equal(got, [[2, 3], [np.nan, np.nan], [0, 0]])

    def test_sums_that_overflow_where_products_do_not(self):
        operand = er.one_hot(np.zeros(2, int), 1)
        x, y = np.array([[1e308], [1e308]]), np.array([[1e-300]])
        for rewrite in (None, *REWRITES):
            with forcing(rewrite):
                np.testing.assert_allclose(er.einsum("tr,tx,xy->ry", operand, x, y), [[2e8]])


class TestBlocks:
    """The same in small blocks, and over threads, as large operands are done."""

    @pytest.fixture(autouse=True, params=[1, 3])
    def small_blocks(self, request, monkeypatch):
        monkeypatch.setattr(gather, "_HELD", 64)
        monkeypatch.setattr(gather, "_BLOCK", 128)
        monkeypatch.setattr(gather, "_SMALL", 0)
        monkeypatch.setattr(adding, "_PLACES", 7)
        monkeypatch.setattr(adding, "_BYTES", 512)
        monkeypatch.setattr(adding, "_SHARED", 0)
        monkeypatch.setattr(look_up, "_SHARED", 0)
        monkeypatch.setattr(look_up, "_BLOCK", 64)
        with er.config(threads=request.param):
            yield

    @pytest.mark.parametrize("form", ["all", "some", "none"])
    @pytest.mark.parametrize("expression", EXPRESSIONS)
    def test_expressions(self, expression, form):
        sizes = SIZES | {"t": 301, "b": 5, "r": 3, "z": 150, "n": 3} if "tt" not in expression else SIZES
        assert_agrees(*_flat(case(expression, form, sizes=sizes)))

    @pytest.mark.parametrize("dtype", ["?", "i1", "f4", "c8", "g"])
    @pytest.mark.parametrize("expression", ["tr*->r", "tr*,t->r", "tr*,tx->rx", "tr*,rx->tx", "tr*,rx,tx->x"])
    def test_dtypes(self, expression, dtype):
        sizes = SIZES | {"t": 500, "r": 3}
        assert_agrees(*_flat(case(expression, "some", dtype, sizes=sizes)))


class TestChoice:
    """Which way is taken follows the sizes."""

    @pytest.mark.parametrize(
        ("expression", "sizes", "rewrite"),
        [
            ("tr*->r", {"t": 10_000, "r": 8}, "one_hot.count"),
            ("tr*,tc*->rc", {"t": 10_000, "r": 30, "c": 20}, "one_hot.count"),
            ("tr*,t->r", {"t": 10_000, "r": 8}, "one_hot.segment_sum"),
            ("tr*,tx->rx", {"t": 10_000, "r": 8, "x": 10}, "one_hot.segment_sum"),
            ("tr*,rx->tx", {"t": 10_000, "r": 8, "x": 10}, "one_hot.gather"),
            ("tr*,tx,xy->ry", {"t": 20_000, "r": 8, "x": 20, "y": 20}, "one_hot.sum_first"),
            ("tr*,tx,rc->xc", {"t": 20_000, "r": 8, "x": 20, "c": 20}, "one_hot.sum_first"),
            ("tr*,tx,rc->xc", {"t": 10, "r": 50_000, "x": 4, "c": 4}, "one_hot.gather"),
            ("tr*,rx,xy->ty", {"t": 20_000, "r": 8, "x": 20, "y": 20}, "one_hot.table_first"),
            ("tr*,rx,xy->ty", {"t": 10, "r": 5_000, "x": 20, "y": 20}, "one_hot.gather"),
            ("zn*,n,nx,zn,y->zyx", {"z": 60, "n": 200, "x": 3, "y": 100}, "one_hot.gather"),
        ],
    )
    def test_by_size(self, expression, sizes, rewrite):
        subscripts, operands = case(expression, sizes=SIZES | sizes)
        # The compiled core moves where they part.
        with er.config(forbid=["dense.small", "dense.one_pass", "sparse.sampled"]):
            assert route_of(subscripts, *operands) == rewrite
            shown = er.explain(subscripts, *operands)
        assert shown.routes[0] == rewrite
        assert rewrite in str(shown)

    def test_nothing_large_is_made(self):
        rng = np.random.default_rng(6)
        t, depth = 20_000, 1_000_000
        operand = er.one_hot(rng.integers(0, depth, t), depth)
        few = er.one_hot(rng.integers(0, 50, t), 50)
        table, rows = rng.random((50, 4)), rng.random((t, 300))
        written_out = operand.nbytes
        for subscripts, operands, most in (
            ("tr->r", (operand,), 3 * 8 * depth),
            ("tr,t->r", (operand, rows[:, 0]), 3 * 8 * depth),
            ("tr,tc,cx->tx", (operand, few, table), 20 * 8 * t),
            ("tr,tx->x", (few, rows), 4 * rows.nbytes),
            ("tr,tx,ty->rxy", (few, rows[:, :40], rows), 64 << 20),
        ):
            er.einsum(subscripts, *operands)
            tracemalloc.start()
            er.einsum(subscripts, *operands)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert peak < most < written_out, subscripts

    def test_a_forbidden_way_is_not_taken(self):
        subscripts, operands = case("tr*->r")
        with er.config(forbid=("one_hot.count",)):
            np.testing.assert_array_equal(er.einsum(subscripts, *operands), written(operands[0]).sum(0))
        with er.config(forbid=REWRITES), pytest.raises(er.NoRoute, match=r"one_hot\.count"):
            er.einsum(subscripts, *operands)

    def test_the_same_operand_twice_is_read_once(self):
        operand = er.one_hot(np.array([0, 1, 1]), 2)
        np.testing.assert_array_equal(er.einsum("tr,tr,t->r", operand, operand, np.ones(3)), [1, 2])
        assert "tr" in str(er.explain("tr,tr,t->r", operand, operand, np.ones(3)))


class TestSparse:
    """With sparse operands, each beside a one-hot."""

    @pytest.mark.parametrize("form", ["all", "some"])
    @pytest.mark.parametrize(
        ("subscripts", "shape", "sparse"),
        [
            ("tr,tx->rx", (12, 3), False),
            ("tr,rx->tx", (4, 3), False),
            ("tr,tr->tr", (12, 4), True),
            ("tr,tr->t", (12, 4), True),
            ("tr,xy->ty", (3, 2), False),
            ("tr,ry->", (4, 2), False),
        ],
    )
    def test_pairs(self, subscripts, shape, sparse, form):
        rng = np.random.default_rng(7)
        operand = er.one_hot(labelled(rng, (12,), 4, form), 4)
        dense = np.where(rng.random(shape) < 0.5, rng.integers(1, 9, shape), 0).astype(float)
        result = er.einsum(subscripts, operand, sp.csr_array(dense))
        right = np.einsum(subscripts, written(operand), dense)
        # Structured operands count as dense: labels shared with it that are summed make a dense result.
        a, b = subscripts.partition("->")[0].split(",")
        output = subscripts.partition("->")[2]
        sparse = (set(a) & set(b)) <= set(output) and set(output) <= set(b)
        assert sp.issparse(result) == (sparse and bool(output))
        np.testing.assert_array_equal(result.toarray() if sp.issparse(result) else result, right)

    @pytest.mark.parametrize("route", [None, "one_hot.arrays_first", "one_hot.written"])
    @pytest.mark.parametrize("form", ["all", "some"])
    @pytest.mark.parametrize(
        "expression",
        [
            "s~,t,tr*->s", "s~,tr*,t->s", "xy~,tr*,t->", "s~,b,sr*->", "s~,t,ttss*->s", "sx~,tr*,rx->sx",
            "sx~,sr*,rx->sx", "t~,tr*,tc*,tx->t", "s~,b~,tr*,t->sb", "xx~,tr*,t->x", "rs~,t,tr*->rs",
        ],
    )  # fmt: skip
    def test_a_one_hot_counts_as_an_array_beside_sparse_operands_and_arrays(self, expression, form, route):
        rng = np.random.default_rng(3)
        dense = expression.replace("~", "")
        subscripts, operands = case(dense, form, sizes={**SIZES, "s": 4 if "ss*" in dense else 5})
        for i, term in enumerate(expression.partition("->")[0].split(",")):
            if term.endswith("~"):
                operands[i] = sp.coo_array(operands[i] * (rng.random(operands[i].shape) < 0.5))
        right = np.einsum(subscripts, *(x.toarray() if sp.issparse(x) else written(x) for x in operands))
        with forcing(route) if route else nullcontext():
            result = er.einsum(subscripts, *operands)
            arrays = [written(x) if isinstance(x, OneHot) else x for x in operands]
            assert type(result) is type(er.einsum(subscripts, *arrays))
        np.testing.assert_array_equal(result.toarray() if sp.issparse(result) else result, right)

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_zeros_of_a_one_hot_meet_nothing_that_is_not_finite(self, place):
        table = np.ones((3, 4))
        table[place] = np.inf
        a = sp.coo_array(np.eye(2, 4))
        labels = er.one_hot(np.array([1, 1]), 3)
        got = er.einsum("ij,ir,rj->ij", a, labels, table)
        np.testing.assert_array_equal(got.data, [np.inf if place == 1 else 1.0] * 2)

    def test_matrix_products(self):
        operand = er.one_hot(np.array([1, 0, 3]), 4)
        a = sp.csr_array(np.arange(8.0).reshape(4, 2))
        np.testing.assert_array_equal(er.matmul(operand, a), written(operand) @ a.toarray())
        np.testing.assert_array_equal(operand @ a, written(operand) @ a.toarray())
        np.testing.assert_array_equal(er.tensordot(a.T, operand, ([1], [1])), a.T @ written(operand).T)


class TestThreads:
    def test_labels_that_change_during_a_call(self):
        """No label that another thread writes leads a loop outside of its arrays."""
        rng = np.random.default_rng(8)
        t, depth = 50_000, 16
        good = rng.integers(0, depth, t)
        labels = good.copy()
        operand = er.one_hot(labels, depth)
        w, x, table, square = (
            rng.random(t),
            rng.random((t, 3)),
            rng.random((depth, 3)),
            rng.random((depth, depth)),
        )
        stop = threading.Event()

        def disturb() -> None:
            wild = np.array([2**62, -(2**62), -1, depth, 10**6])
            own = np.random.default_rng(9)
            while not stop.is_set():
                labels[own.integers(0, t, 1000)] = wild[own.integers(0, len(wild), 1000)]
                np.copyto(labels, good)

        thread = threading.Thread(target=disturb)
        thread.start()
        try:
            for _ in range(60):
                assert 0 <= er.einsum("tr->r", operand).sum() <= t
                assert er.einsum("tr,t->r", operand, w).sum() <= w.sum() * (1 + 1e-9)
                assert er.einsum("tr,tx->rx", operand, x).shape == (depth, 3)
                assert er.einsum("tr,rx->tx", operand, table).shape == (t, 3)
                assert er.einsum("tr,rx,t->tx", operand, table, w).shape == (t, 3)
                assert er.einsum("tr,tr,t,t->t", operand, operand, w, w).shape == (t,)
                assert er.einsum("tr,tc,rc->t", operand, operand, square).shape == (t,)
                with forcing("one_hot.sparse"):
                    assert er.einsum("tr,t->r", operand, w).shape == (depth,)
                assert np.asarray(operand).sum() <= t
        finally:
            stop.set()
            thread.join()

    def test_results_do_not_depend_on_the_number_of_threads_where_that_is_asked_for(self):
        rng = np.random.default_rng(10)
        operand, w = er.one_hot(rng.integers(0, 9, 400_000), 9), rng.standard_normal(400_000)
        found = set()
        for threads in (1, 2, 5):
            with er.config(reproducible=True, threads=threads):
                found.add(er.einsum("tr,t->r", operand, w).tobytes())
        assert len(found) == 1


class TestAccuracy:
    @pytest.mark.parametrize("dtype", ["f4", "f8"])
    def test_counts_are_exact(self, dtype):
        operand = er.one_hot(np.zeros(20_000_001, np.int8), 2, dtype=dtype)
        np.testing.assert_array_equal(er.einsum("tr->r", operand), np.array([20_000_001, 0], dtype))

    def test_small_integers_wrap(self):
        operand = er.one_hot(np.zeros(300, int), 1, dtype=np.int8)
        assert er.einsum("tr->r", operand)[0] == np.int8(300 - 256)


class TestShortWays:
    """Calls that take their short way, with labels of every sort."""

    @pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "i8", "i1", "?"])
    @pytest.mark.parametrize("labels", ["i1", "u1", "i4", "i8", "u8", ">i4"])
    @pytest.mark.parametrize("form", ["all", "some", "none"])
    @pytest.mark.parametrize(
        "expression", ["tr*->t", "tr*->", "tr*,tr->t", "tr*,tr*->t", "tr*,tr*->", "tr*,tc*->cr", "tr*,t->r"]
    )
    def test_values(self, expression, form, labels, dtype):
        subscripts, operands = case(expression, form, dtype, sizes={**SIZES, "t": 300})
        operands = [
            er.one_hot(x.labels.astype(labels), x.depth, dtype=dtype) if isinstance(x, OneHot) else x
            for x in operands
        ]
        got = er.einsum(subscripts, *operands)
        right = np.einsum(subscripts, *map(written, operands))
        assert got.dtype == right.dtype
        np.testing.assert_array_equal(got, right)

    @pytest.mark.parametrize("expression", ["tr*->t", "tr*->", "tr*,tr->t", "tr*,tr*->t", "tr*,tc*->rc"])
    def test_they_are_taken(self, expression, monkeypatch):
        monkeypatch.setattr(gather, "find", None)
        monkeypatch.setattr(gather, "untested", None)
        subscripts, operands = case(expression)
        np.testing.assert_array_equal(
            er.einsum(subscripts, *operands), np.einsum(subscripts, *map(written, operands))
        )

    @pytest.mark.parametrize("dtype", ["f8", "f4", "c8", "g", "i1", "u8", "?"])
    def test_far_more_classes_than_places(self, dtype):
        sizes = {**SIZES, "r": 70, "c": 60}
        for expression in ("tr*->r", "tr*,tc*->rc", "tr*,tc*->cr", "btr*->r", "btr*,btc*->cr"):
            for form in ("all", "some", "none"):
                subscripts, operands = case(expression, form, dtype, sizes=sizes)
                got = er.einsum(subscripts, *operands)
                right = np.einsum(subscripts, *map(written, operands))
                assert got.dtype == right.dtype
                np.testing.assert_array_equal(got, right)

    @pytest.mark.parametrize("dtype", ["f4", "f8", "c16"])
    def test_what_overflows_says_nothing(self, dtype):
        hot, large = er.one_hot(np.array([0, 1, 1, 5]), 3), np.full(4, np.finfo(dtype).max, dtype)
        hot = er.one_hot(hot.labels, 3, dtype=dtype)
        calls = {"tr,t->r": (large,), "tr,r->t": (large[:3],), "tr,r,t->t": (large[:3], large)}
        with warnings.catch_warnings(), np.errstate(all="raise"):
            warnings.simplefilter("error")
            found = {s: er.einsum(s, hot, *rest) for s, rest in calls.items()}
        finite = {s: np.isfinite(x).tolist() for s, x in found.items()}
        assert finite["tr,t->r"] == [True, False, True]
        assert finite["tr,r->t"] == [True] * 4
        assert finite["tr,r,t->t"] == [False, False, False, True]
