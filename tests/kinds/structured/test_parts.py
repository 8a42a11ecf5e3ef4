"""Parts of structured operands: cut for work in blocks beside every other kind, and by the user's index."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import sparse

import einroute as er
from einroute._kinds.difference import blocks, finish
from einroute._kinds.structured import Structured
from tests.helpers import forcing
from tests.sparse_helpers import written_out

SIZE = 24
RNG = np.random.default_rng(0)


def _sparse(shape: tuple[int, ...]) -> np.ndarray:
    return RNG.standard_normal(shape) * (RNG.random(shape) < 0.3)


#: Operands that have axes of length SIZE, each with its labels: i and j are those of the points.
BESIDE: dict[str, tuple[str, Callable[[], Any]]] = {
    "one_hot by place": ("ir", lambda: er.one_hot(RNG.integers(-1, 5, SIZE), 5)),
    "one_hot by place and class": ("ij", lambda: er.one_hot(RNG.integers(-2, SIZE + 3, SIZE), SIZE)),
    "one_hot by class": ("ri", lambda: er.one_hot(RNG.integers(0, SIZE, 5).astype("u8"), SIZE, dtype="f4")),
    "one_hot of places and classes": ("rij", lambda: er.one_hot(RNG.integers(0, SIZE, (5, SIZE)), SIZE)),
    "one_hot's diagonal": ("ii", lambda: er.one_hot(RNG.integers(0, SIZE, SIZE), SIZE)),
    "rolled by position": ("ir", lambda: er.rolled(RNG.standard_normal(SIZE), 5)),
    "rolled backwards": ("ir", lambda: er.rolled(RNG.standard_normal(SIZE), 50, step=-3)),
    "rolled by rolling": ("ri", lambda: er.rolled(RNG.standard_normal(5), SIZE, step=2)),
    "rolled of both": ("ij", lambda: er.rolled(RNG.standard_normal(SIZE), SIZE, step=7)),
    "rolled beside": ("ars", lambda: er.rolled(RNG.standard_normal((3, 5)), 2, axis=1)),
    "rolled, its other axis": ("irs", lambda: er.rolled(RNG.standard_normal((SIZE, 5)), 2, axis=1)),
    "rolled's diagonal": ("ii", lambda: er.rolled(RNG.standard_normal(SIZE), SIZE)),
    "difference by points": ("irs", lambda: er.pairwise_difference(*RNG.standard_normal((2, SIZE, 3)))),
    "difference of one set": ("jis", lambda: er.pairwise_difference(RNG.standard_normal((SIZE, 3)))),
    "difference by features": ("rsi", lambda: er.pairwise_difference(RNG.standard_normal((5, SIZE)))),
    "array": ("ir", lambda: RNG.standard_normal((SIZE, 5))),
    "array of both": ("ji", lambda: RNG.standard_normal((SIZE, SIZE))),
    "csr_array": ("ir", lambda: sp.csr_array(_sparse((SIZE, 5)))),
    "csc_array by column": ("ri", lambda: sp.csc_array(_sparse((5, SIZE)))),
    "coo_array of both": ("ij", lambda: sp.coo_array(_sparse((SIZE, SIZE)))),
    "sparse.COO": ("irs", lambda: sparse.COO.from_numpy(_sparse((SIZE, 5, 3)))),
    "sparse.GCXS's diagonal": ("ii", lambda: sparse.GCXS.from_numpy(_sparse((SIZE, SIZE)))),
}
#: Forms of the differences: squared, with a metric, linear, and what only blocks can do.
FORMS = ("ijk,ijk", "ijk,kl,ijl", "ijk,k", "ijk", "ijk,jk", "ijk,ijk,ijk")


def outputs(labels: str) -> list[str]:
    """Results that make blocks be put side by side along a label, and be added up."""
    other = "".join(c for c in dict.fromkeys(labels) if c not in "ijs")
    return [f"j{other}", f"{other}i", other]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", BESIDE)
def test_every_kind_is_cut_soundly_beside_a_difference(
    name: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In blocks of a few points, each of which takes its own part of whatever else is there."""
    monkeypatch.setattr(finish, "_WHOLE", 1 << 10)
    monkeypatch.setattr(blocks, "_WHOLE", 1 << 10)
    monkeypatch.setattr(blocks, "_BLOCK", 1 << 12)
    labels, make = BESIDE[name]
    if name.startswith("rolled beside"):
        labels = "i" + labels[1:]
        made: Any = er.rolled(RNG.standard_normal((SIZE, 5)), 2, axis=1)
    else:
        made = make()
    d = er.pairwise_difference(RNG.standard_normal((SIZE, 4)))
    metric = RNG.standard_normal((4, 4))
    arrays = {"ijk": d, "ijl": d, "kl": metric, "k": metric[0], "jk": RNG.standard_normal((SIZE, 4))}
    inputs = form.split(",")
    operands = [*(arrays[x] for x in inputs), made]
    for output in outputs(labels):
        subscripts = f"{form},{labels}->{output}"
        right = np.einsum(subscripts, *(written_out(x) for x in operands), optimize=True)
        for forced in (None, "difference.blocks"):
            er.cache_clear()
            with er.config(on_densify="allow"), forcing(forced) as ran:
                got = written_out(er.einsum(subscripts, *operands))
            assert any(route.startswith("difference.") for route in ran)
            scale = np.abs(right).max(initial=1)
            np.testing.assert_allclose(got, right, rtol=1e-5, atol=1e-6 * scale, err_msg=f"{subscripts}")
    er.cache_clear()


def test_a_large_form_beside_labels() -> None:
    x, labels = RNG.standard_normal((1200, 3)), RNG.integers(0, 5, 1200)
    d = er.pairwise_difference(x)
    right = np.add.reduceat(
        ((x[np.argsort(labels, kind="stable"), None] - x) ** 2).sum(-1),
        np.searchsorted(np.sort(labels), np.arange(5)),
        axis=0,
    )
    np.testing.assert_allclose(er.einsum("ijk,ijk,ir->rj", d, d, er.one_hot(labels, 5)), right)


OPERANDS: dict[str, Callable[[], Structured]] = {
    "rolled": lambda: er.rolled(RNG.standard_normal((5, 3)), 4),
    "rolled more than once, backwards": lambda: er.rolled(RNG.standard_normal((3, 4)), 9, axis=1, step=-3),
    "rolled by nothing": lambda: er.rolled(np.zeros((2, 0, 3)), 2, axis=1),
    "one_hot": lambda: er.one_hot(RNG.integers(-2, 6, (4, 3)), 4),
    "one_hot, unsigned": lambda: er.one_hot(np.array([0, 2**64 - 1, 3, 1], "u8"), 4, dtype=bool),
    "one_hot of one label": lambda: er.one_hot(np.array(2), 4),
    "difference": lambda: er.pairwise_difference(RNG.standard_normal((4, 3)), RNG.standard_normal((5, 3))),
    "difference of one set": lambda: er.pairwise_difference(RNG.integers(-9, 9, (4, 3))),
}


@pytest.fixture(params=OPERANDS)
def operand(request: pytest.FixtureRequest) -> Structured:
    return OPERANDS[request.param]()


def test_parts(operand: Structured) -> None:
    right = np.asarray(operand)
    axes = range(operand.ndim)
    chosen = [own for count in axes for own in itertools.combinations(axes, count + 1)]
    for own in chosen:
        least = min(operand.shape[a] for a in own)
        for low, high in itertools.combinations_with_replacement(range(least + 1), 2):
            index = tuple(slice(low, high) if a in own else slice(None) for a in axes)
            np.testing.assert_array_equal(np.asarray(operand.part(own, low, high)), right[index])


INDICES: tuple[Any, ...] = (
    0, -1, 2, 99, -99, np.int8(1), slice(None), slice(1, 3), slice(None, None, -1), slice(3, 0, -2),
    slice(9, 2), None, ..., [0, 1], np.array([1, 0]), np.array([True, False]), True, 1.5,
    "a", slice(None, "a"),
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:Out of bound index found:DeprecationWarning")  # NumPy 2.2, of no elements
def test_indexing_is_that_of_the_array(operand: Structured) -> None:
    right = np.asarray(operand)
    rng = np.random.default_rng(1)
    several = itertools.chain(itertools.product(INDICES, repeat=2), itertools.product(INDICES, repeat=3))
    some = [own for own in several if rng.random() < 0.2]
    for index in (*INDICES, *((own,) for own in INDICES), (), *some):
        try:
            expected = right[index]
        except (IndexError, TypeError) as error:
            with pytest.raises(type(error)):
                operand[index]
            continue
        found = operand[index]
        assert type(found) is type(expected)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
        if isinstance(found, np.ndarray):
            assert found.flags.writeable
            assert not any(np.may_share_memory(found, x) for x in operand.references())


def test_rows_in_turn(operand: Structured) -> None:
    right = np.asarray(operand)
    assert len(operand) == len(right)
    rows = list(operand)
    assert len(rows) == len(right)
    for row, expected in zip(rows, right, strict=True):
        assert type(row) is type(expected)
        np.testing.assert_array_equal(row, expected)
    assert (0.0 in operand) == (0.0 in right)
    assert (1e9 in operand) == (1e9 in right)


LARGE: dict[str, Callable[[], Structured]] = {
    "rolled": lambda: er.rolled(np.zeros(1 << 20), 1 << 20),
    "one_hot": lambda: er.one_hot(np.zeros(1 << 20, int), 1 << 20),
    "difference": lambda: er.pairwise_difference(np.zeros((1 << 18, 2))),
}


@pytest.mark.parametrize("name", LARGE)
def test_what_is_not_asked_for_is_not_written_out(name: str) -> None:
    operand = LARGE[name]()
    with er.config(on_densify="raise"):
        assert operand[3].shape == operand.shape[1:]
        assert operand[-2:, 5:7].shape == (2, 2, *operand.shape[2:])
        assert next(iter(operand)).shape == operand.shape[1:]
        for index in (slice(None), [0], ...):
            with pytest.raises(ValueError, match="written out"):
                operand[index]
        with pytest.raises(ValueError, match="written out"):
            operand.T  # noqa: B018 - it is a property
        with pytest.raises(IndexError, match="99 is out of bounds"):
            operand[0, 0, ..., 99] if operand.ndim > 2 else operand[1 << 40 : 1 << 41][99]


class TestAsArraysAre:
    def test_transposed(self, operand: Structured) -> None:
        transposed = operand.T
        assert type(transposed) is np.ndarray
        np.testing.assert_array_equal(transposed, np.asarray(operand).T)

    def test_truth(self, operand: Structured) -> None:
        assert operand.size != 1
        with pytest.raises(ValueError, match=r"ambiguous.*numpy\.any"):
            bool(operand)

    @pytest.mark.parametrize("value", [0, 1])
    def test_truth_of_one_element(self, value: int) -> None:
        one = np.array([value], float)
        for single in (
            er.rolled(one, 1),
            er.one_hot(np.array([value - 1]), 1),
            er.pairwise_difference(one[:, None], np.zeros((1, 1))),
        ):
            assert bool(single) == bool(np.asarray(single)) == bool(value)

    @pytest.mark.parametrize("name", ["reshape", "sum", "astype", "flat", "real", "swapaxes"])
    def test_what_is_missing_says_what_to_write(self, operand: Structured, name: str) -> None:
        with pytest.raises(AttributeError, match=rf"write numpy\.asarray\(x\)\.{name}"):
            getattr(operand, name)
        with pytest.raises(AttributeError, match=r"no attribute 'bogus'$"):
            operand.bogus  # noqa: B018 - it raises

    def test_conjugates(self, operand: Structured) -> None:
        assert operand.conj() is operand
        base = RNG.standard_normal((4, 3)) + 1j * RNG.standard_normal((4, 3))
        for made in (
            er.rolled(base, 3, step=-2),
            er.pairwise_difference(base),
            er.pairwise_difference(base, base[1:]),
            er.one_hot(np.arange(3), 4, dtype=complex),
        ):
            assert type(made.conj()) is type(made)
            np.testing.assert_array_equal(np.asarray(made.conj()), np.asarray(made).conj())

    def test_shape_and_dtype_that_are_set_afterwards(self) -> None:
        """In place, on the arrays that were given: the operand has views of its own."""
        labels, base, points = (
            np.array([0, 2, 1, -1]),
            np.arange(12.0).reshape(4, 3),
            np.arange(6.0).reshape(3, 2),
        )
        cases: list[tuple[Structured, np.ndarray]] = [
            (er.one_hot(labels, 3), labels),
            (er.rolled(base, 2), base),
            (er.pairwise_difference(points), points),
            (er.pairwise_difference(points + 1, points), points),
        ]
        before = [(np.asarray(x), x.shape, x.signature()) for x, _ in cases]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # NumPy 2.5 warns of setting them
            for array in (labels, base, points):
                array.dtype = np.dtype("i2")
                array.shape = (-1,)
        for (operand, _), (right, shape, signature) in zip(cases, before, strict=True):
            assert operand.shape == shape
            assert operand.signature() == signature
            np.testing.assert_array_equal(np.asarray(operand), right)
            labels_of = "abc"[: operand.ndim]
            np.testing.assert_array_equal(
                er.einsum(f"{labels_of}->{labels_of[-1]}", operand),
                np.einsum(f"{labels_of}->{labels_of[-1]}", right),
            )
        points[...] = 1  # the elements still are the caller's
        assert (cases[0][1] == labels).all()
