"""What all structured operands share: facts, immutability, pickling, NumPy's protocols, writing out."""

from __future__ import annotations

import copy
import pickle
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

import einroute as er
from einroute._kinds.registry import form_of, own_forms
from einroute._kinds.structured import Structured
from tests.helpers import forcing

RNG = np.random.default_rng(0)


@dataclass(frozen=True)
class Kind:
    """A kind of operand: a small one, a large one, what the small one stands for, and expressions with it.

    In the expressions ``@`` stands for the labels of the operand, all others are those of arrays.
    """

    name: str
    make: Callable[[], Structured]
    right: Callable[[Any], np.ndarray]
    large: Callable[[], Structured]
    labels: str
    expressions: tuple[str, ...]


LABELS = np.array([0, 3, 1, 1, -1])
BASE = RNG.standard_normal((5, 3))
#: The classes, whose constructors are Python's.
OneHot, Rolled = type(er.one_hot(LABELS, 4)), type(er.rolled(BASE, 4))
X, Y = RNG.standard_normal((5, 3)), RNG.standard_normal((4, 3))

KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "one_hot",
            lambda: er.one_hot(LABELS.copy(), 4, dtype="f4"),
            lambda o: (o.labels[..., None] == np.arange(4)).astype("f4"),
            lambda: er.one_hot(np.zeros(20_000, int), 1_000),
            "ab",
            ("@->b", "@->a", "@,a->b", "@,ac->bc", "@,bc->ac", "@,@->", "@,ac,cd->bd"),
        ),
        Kind(
            "rolled",
            lambda: er.rolled(BASE.copy(), 4),
            lambda o: np.stack([np.roll(o.base, -j, 0) for j in range(4)], 1),
            lambda: er.rolled(np.zeros((20_000, 1)), 1_000),
            "abc",
            ("@->bc", "@,a->bc", "@,ad->bcd", "@,cd->abd", "@,@->ab", "@,b->ac", "@,bd,ce->ade"),
        ),
        Kind(
            "difference",
            lambda: er.pairwise_difference(X.copy(), Y.copy()),
            lambda o: o.x[:, None] - o.y[None],
            lambda: er.pairwise_difference(np.zeros((2_000, 10))),
            "abc",
            ("@->bc", "@,c->ab", "@,@->ab", "@,cd->abd", "@,a->bc", "@,cd,@->abd", "@,bd,ce->ade"),
        ),
    )
}
NAMES = tuple(KINDS)


@pytest.fixture(params=NAMES)
def kind(request) -> Kind:
    return KINDS[request.param]


def test_every_kind_is_there() -> None:
    assert set(KINDS) == {form.name for form in own_forms() if form.rewrites}


def arrays_for(expression: str, kind: Kind) -> tuple[str, list[Any]]:
    """Subscripts and operands: the operand itself where the at sign stands, arrays elsewhere."""
    operand = kind.make()
    sizes = dict(zip(kind.labels, operand.shape, strict=True)) | {"d": 2, "e": 3}
    if kind.name == "one_hot":
        sizes["c"] = 3
    rng = np.random.default_rng(1)
    operands = [
        operand if term == "@" else rng.standard_normal([sizes[c] for c in term])
        for term in expression.partition("->")[0].split(",")
    ]
    return expression.replace("@", kind.labels), operands


def written(x: Any, kind: Kind) -> np.ndarray:
    return kind.right(x) if isinstance(x, Structured) else x


class TestFacts:
    def test_shape_dtype_and_their_kin(self, kind):
        operand = kind.make()
        right = kind.right(operand)
        assert operand.shape == right.shape
        assert operand.dtype == right.dtype
        assert operand.ndim == right.ndim
        assert operand.size == right.size
        assert operand.nbytes == right.nbytes
        assert len(operand) == len(right)

    def test_numpys_functions_of_facts_do_not_write_out(self, kind):
        operand = kind.large()
        with er.config(on_densify="raise"):
            assert np.shape(operand) == operand.shape
            assert np.ndim(operand) == operand.ndim
            assert np.size(operand) == operand.size
            assert np.result_type(operand, np.complex64) == np.result_type(operand.dtype, np.complex64)
            assert not np.iscomplexobj(operand)

    def test_repr_names_the_kind_and_holds_no_numbers(self, kind):
        text = repr(kind.make())
        assert text.startswith({"difference": "pairwise_difference"}.get(kind.name, kind.name))
        assert str(kind.make().dtype) in text
        assert len(text) < 120
        assert str(BASE[0, 0])[:6] not in text

    def test_labels_and_bases_are_referred_to(self, kind):
        operand = kind.make()
        arrays = operand.references()
        assert arrays
        assert all(type(x) is np.ndarray for x in arrays)
        before = np.asarray(operand)
        arrays[0][...] = arrays[0][::-1].copy()
        np.testing.assert_array_equal(np.asarray(operand), kind.right(operand))
        assert not np.array_equal(np.asarray(operand), before)


class TestImmutable:
    @pytest.mark.parametrize(
        "name", ["shape", "dtype", "ndim", "kind", "anything", "__array__", "labels", "base", "x"]
    )
    def test_nothing_can_be_set_or_deleted(self, kind, name):
        operand = kind.make()
        with pytest.raises(AttributeError, match=name):
            setattr(operand, name, None)
        with pytest.raises(AttributeError, match=name):
            delattr(operand, name)
        np.testing.assert_array_equal(np.asarray(operand), kind.right(operand))

    def test_it_has_no_dict(self, kind):
        assert not hasattr(kind.make(), "__dict__")

    def test_it_cannot_be_written_to(self, kind):
        operand = kind.make()
        with pytest.raises(TypeError):
            operand[0] = 1
        with pytest.raises(TypeError, match="immutable"):
            np.add(1.0, 2.0, out=operand)
        with pytest.raises(TypeError, match="immutable"):
            operand += 1

    def test_pickles_and_copies(self, kind):
        operand = kind.make()
        for twin in (
            *(pickle.loads(pickle.dumps(operand, protocol)) for protocol in range(2, 6)),
            copy.copy(operand),
            copy.deepcopy(operand),
        ):
            assert type(twin) is type(operand)
            assert twin.shape == operand.shape
            assert twin.dtype == operand.dtype
            np.testing.assert_array_equal(np.asarray(twin), np.asarray(operand))
        assert np.may_share_memory(copy.copy(operand).references()[0], operand.references()[0])
        assert not np.may_share_memory(copy.deepcopy(operand).references()[0], operand.references()[0])


class TestWrittenOut:
    def test_as_an_array(self, kind):
        operand = kind.make()
        array = np.asarray(operand)
        assert type(array) is np.ndarray
        assert array.dtype == operand.dtype
        assert array.flags.c_contiguous
        assert array.flags.writeable
        assert not any(np.may_share_memory(array, x) for x in operand.references())
        np.testing.assert_array_equal(array, kind.right(operand))

    @pytest.mark.parametrize("dtype", ["c16", "f2", object])
    def test_in_another_dtype(self, kind, dtype):
        array = np.asarray(kind.make(), dtype)
        assert array.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(array, kind.right(kind.make()).astype(dtype))

    def test_never_without_a_copy(self, kind):
        assert np.array(kind.make(), copy=True).shape == kind.make().shape
        with pytest.raises(ValueError, match="without a copy"):
            np.array(kind.make(), copy=False)

    def test_other_functions_and_ufuncs(self, kind):
        operand = kind.make()
        right = kind.right(operand)
        np.testing.assert_array_equal(np.transpose(operand), right.T)
        np.testing.assert_array_equal(np.concatenate([operand, right]), np.concatenate([right, right]))
        np.testing.assert_array_equal(np.sum(operand, axis=0), right.sum(0))
        np.testing.assert_array_equal(np.exp(operand), np.exp(right))
        np.testing.assert_array_equal(2 * operand + 1, 2 * right + 1)
        np.testing.assert_array_equal(-operand, -right)
        np.testing.assert_array_equal(operand == right, np.ones_like(right, bool))
        np.testing.assert_array_equal(np.add.reduce(operand, axis=0), right.sum(0))
        np.testing.assert_array_equal(np.multiply.outer(operand, [1, 2]), np.multiply.outer(right, [1, 2]))
        out = np.empty(right.shape)
        assert np.subtract(operand, 1, out=out) is out
        np.testing.assert_array_equal(out, right - 1)

    def test_nothing_large_is_written_out_silently(self, kind):
        operand = kind.large()
        assert operand.nbytes > 64 << 20
        with pytest.warns(er.DensifyWarning, match=type(operand).__name__):
            np.transpose(operand)
        with er.config(on_densify="raise"):
            with pytest.raises(ValueError, match="on_densify='allow'"):
                np.transpose(operand)
            with pytest.raises(ValueError, match="einsum or tensordot"):
                operand + 1
        with er.config(on_densify="allow"), warnings.catch_warnings():
            warnings.simplefilter("error")
            assert np.transpose(operand).shape == operand.shape[::-1]

    def test_routed_functions_do_not_write_out(self, kind):
        operand = kind.large()
        with er.config(on_densify="raise"):
            assert er.einsum(f"{kind.labels}->", operand) is not None
            assert np.einsum(f"{kind.labels}->{kind.labels[0]}", operand).shape == operand.shape[:1]


class TestContractions:
    @pytest.mark.parametrize("number", range(7))
    def test_numpys_einsum_reaches_the_router(self, kind, number):
        subscripts, operands = arrays_for(kind.expressions[number], kind)
        right = np.einsum(subscripts, *(written(x, kind) for x in operands))
        for function in (er.einsum, np.einsum):
            got = function(subscripts, *operands)
            assert type(got) is type(right)
            assert got.dtype == right.dtype
            np.testing.assert_allclose(got, right, rtol=2e-5, atol=2e-5)
            if isinstance(got, np.ndarray):
                assert got.flags.writeable
                assert not any(
                    np.may_share_memory(got, base)
                    for x in operands
                    for base in (x.references() if isinstance(x, Structured) else (x,))
                )

    def test_tensordot_dot_inner_and_matmul(self, kind):
        operand = kind.make()
        right = kind.right(operand)
        m = np.random.default_rng(2).standard_normal((operand.shape[-1], 2))
        v = m[:, 0].copy()
        for got, expected in (
            (np.tensordot(operand, m, 1), np.tensordot(right, m, 1)),
            (
                er.tensordot(m.T, operand, ([1], [operand.ndim - 1])),
                np.tensordot(m.T, right, ([1], [operand.ndim - 1])),
            ),
            (np.linalg.tensordot(operand, m, axes=1), np.tensordot(right, m, 1)),
            (np.dot(operand, m), right.dot(m)),
            (np.inner(operand, v), np.inner(right, v)),
            (operand @ m, right @ m),
            (operand @ v, right @ v),
            (np.matmul(operand, m), right @ m),
            (np.linalg.matmul(operand, m), right @ m),
            (er.dot(operand, m), right.dot(m)),
            (er.inner(v, operand), np.inner(v, right)),
            (er.matmul(operand, m), right @ m),
        ):
            assert type(got) is np.ndarray
            np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)

    def test_with_sparse_operands(self, kind):
        operand = kind.make()
        a = sp.csr_array(np.array([[0.0, 2.0]] * operand.shape[-1]))
        last = kind.labels[-1]
        got = er.einsum(f"{kind.labels},{last}z->{kind.labels[:-1]}z", operand, a)
        assert type(got) is np.ndarray
        np.testing.assert_allclose(got, kind.right(operand) @ a.toarray(), rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("other", NAMES)
    def test_with_each_other(self, kind, other):
        a, b = kind.make(), KINDS[other].make()
        labels = KINDS[other].labels.upper()
        got = er.einsum(f"{kind.labels},{labels}->{kind.labels[0]}{labels[-1]}", a, b)
        one, two = kind.right(a), KINDS[other].right(b)
        right = np.einsum(f"{kind.labels},{labels}->{kind.labels[0]}{labels[-1]}", one, two)
        np.testing.assert_allclose(got, right, rtol=1e-4, atol=1e-4)

    def test_an_empty_axis_beside_ones_that_are_broadcast_along_it(self):
        a = sp.coo_array((np.array([2.0]), ([1], [0], [1])), shape=(2, 1, 2))
        d = er.pairwise_difference(np.zeros((0, 2)), np.ones((2, 2)))
        got = er.einsum("cb,abc,bca->ca", er.rolled(np.ones(2), 1), a, d)
        assert sp.issparse(got)
        np.testing.assert_array_equal(got.toarray(), np.zeros((2, 2)))

    def test_the_kind_of_an_operand_that_is_not_ours(self, kind):
        class Foreign:
            def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> str:
                return "theirs"

        assert np.tensordot(kind.make(), Foreign(), 1) == "theirs"

    @pytest.mark.parametrize(
        ("subscripts", "error"),
        [("abcdefg->", ValueError), ("@->zz", ValueError), ("@,a", ValueError), ("@->@@", ValueError)],
    )
    def test_malformed_calls(self, kind, subscripts, error):
        with pytest.raises(error):
            er.einsum(subscripts.replace("@", kind.labels), kind.make())

    def test_sizes_that_do_not_fit(self, kind):
        with pytest.raises(ValueError, match="a"):
            er.einsum(f"{kind.labels},a->", kind.make(), np.ones(99))

    def test_operands_that_cannot_be_mixed(self, kind):
        with pytest.raises(TypeError, match="operand 1"):
            er.einsum(f"{kind.labels},", kind.make(), np.array(None))
        with pytest.raises(TypeError, match="bogus"):
            er.einsum(f"{kind.labels}->", kind.make(), bogus=1)

    def test_out_is_checked(self, kind):
        operand = kind.make()
        subscripts = f"{kind.labels}->{kind.labels[0]}"
        for out in (np.zeros(99), [0.0] * len(operand), np.zeros(len(operand), "S1")):
            with pytest.raises((TypeError, ValueError)):
                er.einsum(subscripts, operand, out=out)
        read_only = np.zeros(len(operand))
        read_only.flags.writeable = False
        with pytest.raises(ValueError, match="read-only"):
            er.einsum(subscripts, operand, out=read_only)


class TestPlans:
    @pytest.mark.parametrize("number", range(7))
    def test_explain(self, kind, number):
        subscripts, operands = arrays_for(kind.expressions[number], kind)
        with forcing(None) as ran:
            er.einsum(subscripts, *operands)
        shown = er.explain(subscripts, *operands)
        text = str(shown)
        assert any(f"{kind.name}." in name for name in shown.routes)
        assert set(shown.routes) <= set(text.replace(",", " ").split())
        assert {name for name in ran if name.startswith(f"{kind.name}.")} & set(shown.routes)

    def test_every_rewrite_has_a_reason_or_an_offer(self, kind):
        names = {rewrite.name for rewrite in form_of(kind.name).rewrites}
        assert all(name.startswith(f"{kind.name}.") for name in names)
        subscripts, operands = arrays_for(kind.expressions[0], kind)
        text = str(er.explain(subscripts, *operands, verbose=True))
        assert all(name in text for name in names)

    def test_bases_may_change_between_calls(self, kind):
        for expression in kind.expressions:
            subscripts, operands = arrays_for(expression, kind)
            base = next(x for x in operands if isinstance(x, Structured)).references()[0]
            for shift in range(3):
                base[...] = np.roll(base, shift, 0)
                right = np.einsum(subscripts, *(written(x, kind) for x in operands))
                np.testing.assert_allclose(er.einsum(subscripts, *operands), right, rtol=2e-5, atol=2e-5)

    def test_operands_of_other_shapes_and_dtypes_have_their_own_plans(self):
        for depth in (3, 4):
            for dtype in ("f8", "i4", "?"):
                operand = er.one_hot(np.array([0, 1, 2]), depth, dtype=dtype)
                assert er.einsum("tr->r", operand).dtype == np.dtype(dtype)
                assert er.einsum("tr->r", operand).shape == (depth,)

    def test_many_threads_at_once(self, kind):
        cases = [arrays_for(expression, kind) for expression in kind.expressions]
        rights = [np.einsum(s, *(written(x, kind) for x in operands)) for s, operands in cases]
        errors: list[BaseException] = []

        def work() -> None:
            try:
                for _ in range(10):
                    for (subscripts, operands), right in zip(cases, rights, strict=True):
                        np.testing.assert_allclose(
                            er.einsum(subscripts, *operands), right, rtol=2e-5, atol=2e-5
                        )
            except BaseException as error:
                errors.append(error)

        er.cache_clear()
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors, errors[0]


class TestMadeByTheCore:
    """What `one_hot` and `rolled` make without the constructor is what the constructor makes."""

    @staticmethod
    def parts(x: Structured) -> dict[str, Any]:
        """All slots, arrays by where they lie and how."""
        names = ("labels", "depth", "base", "k", "axis", "step", "shift", "dtype", "shape")
        own = {name: getattr(x, name) for name in names if hasattr(type(x), name)}
        return {
            name: (v.__array_interface__, v.flags.writeable) if isinstance(v, np.ndarray) else (v, type(v))
            for name, v in own.items()
        }

    @pytest.mark.parametrize("shape", [(), (0,), (5,), (2, 3), (3, 0, 2)])
    @pytest.mark.parametrize("dtype", ["i1", "u8", "i8", ">i4"])
    @pytest.mark.parametrize("depth", [0, 1, 7, 2**40, 2**63 - 1])
    def test_one_hot(self, shape: tuple[int, ...], dtype: str, depth: int) -> None:
        labels = np.zeros(shape, dtype).T
        labels.flags.writeable = depth != 7
        made = er.one_hot(labels, depth)
        assert self.parts(made) == self.parts(OneHot(labels, depth))
        assert made.labels is not labels
        with pytest.raises(AttributeError, match="immutable"):
            made.depth = 3

    @pytest.mark.parametrize("shape", [(0,), (1,), (5,), (2, 3), (3, 0, 4)])
    @pytest.mark.parametrize("k", [1, 3, 9])
    @pytest.mark.parametrize("step", [1, -1, 0, 2, 7, -(2**62), 2**63 - 1, -(2**63), 2**70])
    def test_rolled(self, shape: tuple[int, ...], k: int, step: int) -> None:
        b = np.zeros(shape, ">f4").T
        for axis in range(-len(shape), len(shape)):
            made = er.rolled(b, k, axis=axis, step=step)
            assert self.parts(made) == self.parts(Rolled(b, k, axis, step))
        with pytest.raises(AttributeError, match="immutable"):
            made.k = 3

    @pytest.mark.parametrize("axis", [3, -4, 2**40, -(2**70)])
    def test_what_the_constructor_refuses(self, axis: int) -> None:
        for make in (er.rolled, Rolled):
            with pytest.raises(np.exceptions.AxisError):
                make(np.ones((2, 2, 2)), 2, axis=axis)
            with pytest.raises(ValueError, match="more than the"):
                make(np.ones(2), 2**62)
        with pytest.raises(ValueError, match="depth"):
            er.one_hot(np.zeros(3, int), -1)
        with pytest.raises(ValueError, match="depth"):
            er.one_hot(np.zeros(3, int), 2**63)
        with pytest.raises(TypeError, match="integers"):
            er.one_hot(np.zeros(3, bool), 2)
